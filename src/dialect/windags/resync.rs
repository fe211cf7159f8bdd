//! What a client says of how far it has seen. It must never be guessed: what can't be read is
//! answered.

use serde::Deserialize;
use serde_json::value::RawValue;

use crate::model::Timestamp;

/// Numbers below this are seconds, and others milliseconds: it is in 1973 as the one, and far away
/// as the other.
const SECONDS: f64 = 1e11;
/// The end of the year 9999, in milliseconds. Who is beyond counts in something else.
const LAST: f64 = 253_402_300_800_000.0;

/// `resync_request`.
#[derive(Deserialize)]
pub(super) struct Resync<'a> {
    #[serde(borrow)]
    last_seen: Option<&'a RawValue>,
    last_seq: Option<u64>,
}

/// How far.
#[derive(Debug)]
pub(super) enum Seen {
    /// It doesn't say, and wants the state.
    Unsaid,
    /// Up to this record.
    Seq(u64),
    /// Up to this moment.
    Time(Timestamp),
}

impl Resync<'_> {
    /// How far it has seen. `None`: it says something that can't be read.
    pub(super) fn seen(&self) -> Option<Seen> {
        let said = match (self.last_seq, self.last_seen) {
            (Some(seq), _) => return Some(Seen::Seq(seq)),
            (None, None) => return Some(Seen::Unsaid),
            (None, Some(said)) => said.get(),
        };
        let millis = if said.starts_with('"') {
            let text: String = serde_json::from_str(said).ok()?;
            let time: Timestamp = text.parse().ok()?;
            time.0.div_euclid(1_000)
        } else {
            let number: f64 = serde_json::from_str(said).ok()?;
            // A thousandth of a second more, as 0.515 s is a little less than 515 ms here.
            let millis = if number < SECONDS { number * 1e3 + 1e-3 } else { number };
            let fine = 0.0 <= number && millis < LAST;
            fine.then_some(millis as i64)?
        };
        // To the millisecond, as `timestamp` says it: what has the same has been seen.
        Some(Seen::Time(Timestamp(millis * 1_000 + 999)))
    }
}
