//! What one viewer may say, and how often: a bucket for everything, and one for each kind of message
//! that costs more than being read.

use tokio::time::Instant;

use super::{Bucket, Rates};
use crate::dialect::Said;

/// What one viewer may still do.
#[derive(Debug)]
pub(super) struct Buckets {
    pub(super) messages: Bucket,
    pub(super) pings: Bucket,
    decisions: Bucket,
    subscribes: Bucket,
}

impl Buckets {
    /// Full ones.
    pub(super) fn new(now: Instant) -> Self {
        let full = Bucket::new(now);
        Self { messages: full, pings: full, decisions: full, subscribes: full }
    }

    /// Takes what this kind of message costs, beside being one.
    pub(super) fn allow(&mut self, said: &Said, rates: &Rates, now: Instant) -> bool {
        match said {
            Said::Watch { .. } | Said::WatchDirectory => {
                self.subscribes.take(rates.subscribes, now)
            }
            Said::Decide(_) => self.decisions.take(rates.decisions, now),
            Said::Ping => self.pings.take(rates.pings, now),
            Said::Follow(_) => self.subscribes.take(rates.subscribes, now),
            Said::Unwatch { .. }
            | Said::UnwatchDirectory
            | Said::Unfollow(_)
            | Said::Command(_)
            | Said::Authenticate { .. }
            | Said::Nothing
            | Said::Leave(_) => true,
        }
    }
}
