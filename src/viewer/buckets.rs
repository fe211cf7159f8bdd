//! What a viewer, or a person with all its viewers, may say, and how often: a bucket for everything, and
//! one for each kind of message that costs more than being read.

use tokio::time::Instant;

use super::{Bucket, Rates};
use crate::dialect::Said;

/// What may still be said.
#[derive(Debug)]
pub(super) struct Buckets {
    messages: Bucket,
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

    /// Whether all of them are full.
    pub(super) fn are_full(&self, now: Instant) -> bool {
        let Self { messages, pings, decisions, subscribes } = self;
        [messages, pings, decisions, subscribes].iter().all(|it| it.full() <= now)
    }

    /// Takes what a message costs, and what its kind does beside. `None`: it means nothing.
    ///
    /// # Errors
    /// The word for what there was too much of.
    pub(super) fn allow(
        &mut self,
        said: Option<&Said>,
        rates: &Rates,
        now: Instant,
    ) -> Result<(), &'static str> {
        if !self.messages.take(rates.messages, now) {
            return Err("messages");
        }
        let (bucket, rate, word) = match said {
            Some(Said::Watch { .. } | Said::WatchDirectory | Said::Follow(_)) => {
                (&mut self.subscribes, rates.subscribes, "subscribes")
            }
            Some(Said::Decide(_)) => (&mut self.decisions, rates.decisions, "decisions"),
            Some(Said::Ping) => (&mut self.pings, rates.pings, "pings"),
            Some(
                Said::Unwatch { .. }
                | Said::UnwatchDirectory
                | Said::Unfollow(_)
                | Said::Command(_)
                | Said::Authenticate { .. }
                | Said::Nothing
                | Said::Leave(_),
            )
            | None => return Ok(()),
        };
        if bucket.take(rate, now) { Ok(()) } else { Err(word) }
    }
}
