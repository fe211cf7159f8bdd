//! The small values of which events consist: text, names, numbers, time, opaque JSON. Each is read
//! or refused on its own; whoever asked for it says at which field it stood.

use std::str::FromStr;
use std::time::Duration;

use crate::engine::pb;
use crate::json::{JsonText, names};
use crate::model::{
    BadName, Failure, Json, Label, Rejection, RejectionCode, Text, Timestamp, WorkflowId,
};

/// How deep opaque JSON may be nested.
pub const JSON_DEPTH: usize = 64;
/// The longest key of a label, in bytes. Names of options and of custom commands have this bound
/// too.
pub(super) const NAME: usize = 128;
/// The longest value of a label, in bytes.
const LABEL_VALUE: usize = 1_024;
/// Labels of one thing.
const LABELS: usize = 64;
/// For lists that the size of an event bounds well enough.
pub(super) const ANY: usize = usize::MAX;

/// What was read, or why it can't be kept. Its `field` grows from the inside out, by [`At`].
pub(super) type Read<T> = Result<T, Rejection>;

/// A fault of the value at hand.
pub(super) fn fault(code: RejectionCode, message: impl Into<String>) -> Rejection {
    Rejection { code, field: String::new(), message: message.into() }
}

/// A rule is broken.
pub(super) fn invalid<T>(message: impl Into<String>) -> Read<T> {
    Err(fault(RejectionCode::Invalid, message))
}

/// Says where a fault lies. Costs nothing where there is none.
pub(super) trait At: Sized {
    /// In this field.
    fn at(self, field: &str) -> Self;
    /// In this element of this field.
    fn nth(self, field: &str, index: usize) -> Self;
}

impl<T> At for Read<T> {
    fn at(self, field: &str) -> Self {
        self.map_err(|mut fault| {
            let inner = std::mem::take(&mut fault.field);
            fault.field =
                if inner.is_empty() { field.to_owned() } else { format!("{field}.{inner}") };
            fault
        })
    }

    fn nth(self, field: &str, index: usize) -> Self {
        if self.is_ok() { self } else { self.at(&format!("{field}[{index}]")) }
    }
}

/// Every element, of which there may be `most`.
pub(super) fn each<P, M>(
    items: Vec<P>,
    field: &str,
    most: usize,
    read: impl Fn(P) -> Read<M>,
) -> Read<Vec<M>> {
    if most < items.len() {
        let message = format!("{} of them; there may be {most}", items.len());
        return Err(fault(RejectionCode::Limit, message)).at(field);
    }
    items.into_iter().enumerate().map(|(index, item)| read(item).nth(field, index)).collect()
}

/// Empty means that nothing is stated.
pub(super) fn text(stated: String) -> Option<Text> {
    if stated.is_empty() { None } else { Some(stated.into()) }
}

/// Text without which the event would say nothing.
pub(super) fn required(stated: String) -> Read<Text> {
    text(stated).map_or_else(|| invalid("required"), Ok)
}

/// A name of 1 to [`NAME`] bytes, of whatever characters.
pub(super) fn name(stated: String) -> Read<Text> {
    if NAME < stated.len() {
        return Err(fault(RejectionCode::TooLarge, format!("more than {NAME} bytes")));
    }
    required(stated)
}

/// A name of a class.
pub(super) fn id<T: FromStr<Err = BadName>>(stated: &str) -> Read<T> {
    if stated.is_empty() {
        return invalid("required");
    }
    stated.parse().or_else(|bad: BadName| invalid(bad.to_string()))
}

/// A name of a class, or nothing.
pub(super) fn maybe_id<T: FromStr<Err = BadName>>(stated: &str) -> Read<Option<T>> {
    if stated.is_empty() { Ok(None) } else { id(stated).map(Some) }
}

/// The workflow that an event names; empty is that of its batch.
pub(super) fn workflow_of(batch: &WorkflowId, stated: &str) -> Read<WorkflowId> {
    match maybe_id(stated)? {
        None => Ok(batch.clone()),
        Some(named) if named == *batch => Ok(named),
        Some(_) => invalid("not the workflow of its batch"),
    }
}

/// A number that JSON can say.
pub(super) fn finite(stated: Option<f64>) -> Read<Option<f64>> {
    match stated {
        Some(number) if !number.is_finite() => {
            Err(fault(RejectionCode::NotFinite, number.to_string()))
        }
        number => Ok(number),
    }
}

/// A share, from 0 to 1.
pub(super) fn share(stated: Option<f64>) -> Read<Option<f64>> {
    match finite(stated)? {
        Some(share) if !(0.0..=1.0).contains(&share) => invalid("not between 0 and 1"),
        share => Ok(share),
    }
}

/// A wall-clock time between the years 1 and 9999, floored to microseconds.
pub(super) fn time(stated: Option<prost_types::Timestamp>) -> Read<Option<Timestamp>> {
    let Some(prost_types::Timestamp { seconds, nanos }) = stated else { return Ok(None) };
    let fine = (-62_135_596_800..=253_402_300_799).contains(&seconds);
    if !fine || !(0..1_000_000_000).contains(&nanos) {
        return invalid("no time between the years 1 and 9999");
    }
    Ok(Some(Timestamp(seconds * 1_000_000 + i64::from(nanos / 1_000))))
}

/// A length of time of at most 10,000 years.
pub(super) fn duration(stated: Option<prost_types::Duration>) -> Read<Option<Duration>> {
    let Some(prost_types::Duration { seconds, nanos }) = stated else { return Ok(None) };
    match (u64::try_from(seconds), u32::try_from(nanos)) {
        (Ok(seconds @ 0..=315_576_000_000), Ok(nanos @ 0..=999_999_999)) => {
            Ok(Some(Duration::new(seconds, nanos)))
        }
        _ => invalid("no length of time between 0 and 10,000 years"),
    }
}

/// A digest, if one is stated.
pub(super) fn sha256(stated: &[u8]) -> Read<Option<[u8; 32]>> {
    if stated.is_empty() {
        return Ok(None);
    }
    stated.try_into().map(Some).or_else(|_| invalid("a digest has 32 bytes"))
}

/// Opaque JSON: exactly one value, of bounded depth. The text is checked here and nowhere else.
pub(super) fn json(stated: Option<pb::Json>) -> Read<Option<Json>> {
    let Some(pb::Json { text: written, truncated, full_size, uri, sha256: digest }) = stated else {
        return Ok(None);
    };
    if written.is_empty() && !truncated && full_size == 0 && uri.is_empty() && digest.is_empty() {
        return Ok(None);
    }
    Ok(Some(Json {
        text: json_text(&written).at("text")?,
        truncated,
        full_size,
        uri: text(uri),
        sha256: sha256(&digest).at("sha256")?,
    }))
}

/// A whole message of a viewers' protocol. The relay adds members to it, so it has to be an object.
pub(super) fn json_object(stated: Option<pb::Json>) -> Read<Json> {
    match json(stated)? {
        None => invalid("required"),
        Some(json) if !json.text.starts_with('{') => invalid("no object").at("text"),
        Some(json) => Ok(json),
    }
}

fn json_text(written: &[u8]) -> Read<JsonText> {
    if is_deeper_than(JSON_DEPTH, written) {
        return Err(fault(RejectionCode::Depth, format!("more than {JSON_DEPTH} levels")));
    }
    let written = str::from_utf8(written)
        .map_err(|err| fault(RejectionCode::Utf8, format!("no UTF-8: {err}")))?;
    let read = JsonText::read(written)
        .map_err(|err| fault(RejectionCode::Json, format!("no JSON value: {err}")))?;
    names::check(&read).map_err(|unclear| fault(RejectionCode::Json, unclear.to_string()))?;
    Ok(read)
}

/// Counts brackets outside strings. It neither recurses nor minds whether the rest is JSON, so it
/// can go before anything that does.
fn is_deeper_than(most: usize, json: &[u8]) -> bool {
    // Depth is at most the number of opening brackets, wherever they stand: nearly every text ends
    // here, at the speed of a vectorized count (of bytes in bytes: hence the pieces).
    let opening = |piece: &[u8]| -> u8 {
        piece.iter().map(|byte| u8::from(matches!(byte, b'[' | b'{'))).sum()
    };
    if json.chunks(255).map(|piece| usize::from(opening(piece))).sum::<usize>() <= most {
        return false;
    }
    let (mut depth, mut bytes) = (0_usize, json.iter());
    while let Some(byte) = bytes.next() {
        match byte {
            b'[' | b'{' if depth == most => return true,
            b'[' | b'{' => depth += 1,
            b']' | b'}' => depth = depth.saturating_sub(1),
            b'"' => {
                while let Some(byte) = bytes.next() {
                    match byte {
                        b'\\' => drop(bytes.next()),
                        b'"' => break,
                        _ => {}
                    }
                }
            }
            _ => {}
        }
    }
    false
}

/// Labels. The last of a name wins.
pub(super) fn labels(stated: Vec<pb::Label>) -> Read<Vec<Label>> {
    let mut labels: Vec<Label> = vec![];
    for label in each(stated, "labels", LABELS, label)? {
        match labels.iter_mut().find(|known| known.key == label.key) {
            Some(known) => known.value = label.value,
            None => labels.push(label),
        }
    }
    Ok(labels)
}

fn label(pb::Label { key, value }: pb::Label) -> Read<Label> {
    let key = name(key).at("key")?;
    if LABEL_VALUE < value.len() {
        let message = format!("more than {LABEL_VALUE} bytes");
        return Err(fault(RejectionCode::TooLarge, message)).at("value");
    }
    Ok(Label { key, value: value.into() })
}

/// What went wrong, if something did.
pub(super) fn failure(stated: Option<pb::Failure>) -> Read<Option<Failure>> {
    let Some(pb::Failure { error_type, message, traceback, node_id }) = stated else {
        return Ok(None);
    };
    Ok(Some(Failure {
        error_type: text(error_type),
        message,
        traceback: text(traceback),
        node_id: maybe_id(&node_id).at("node_id")?,
    }))
}
