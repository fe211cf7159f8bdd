//! Whether anybody is there: asked now and then, and given some time to answer. Any byte is an
//! answer.

use std::time::Duration;

use tokio::time::Instant;

/// Whether somebody is there.
#[derive(Debug)]
pub(super) struct Pulse {
    due: Instant,
    asked: bool,
    pub(super) heard: bool,
}

/// What is to be done.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Due {
    Ask,
    Nothing,
    GiveUp,
}

impl Pulse {
    pub(super) fn new(now: Instant, every: Duration) -> Self {
        Self { due: now + every, asked: false, heard: false }
    }

    /// When [`Pulse::elapsed`] has something to say.
    pub(super) fn due(&self) -> Instant {
        self.due
    }

    /// `blocked`: what was asked has perhaps not gone out yet, so that no answer is no answer.
    pub(super) fn elapsed(
        &mut self,
        now: Instant,
        every: Duration,
        patience: Duration,
        blocked: bool,
    ) -> Due {
        if now < self.due {
            return Due::Nothing;
        }
        match (self.asked, self.heard) {
            (false, _) => {
                *self = Self { due: now + patience, asked: true, heard: false };
                Due::Ask
            }
            (true, true) => {
                *self = Self::new(now, every.saturating_sub(patience));
                Due::Nothing
            }
            (true, false) if blocked => {
                self.due = now + patience;
                Due::Nothing
            }
            (true, false) => Due::GiveUp,
        }
    }
}
