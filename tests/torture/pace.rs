//! How fast somebody may speak: so many at once, and then one every so often.
//!
//! It must never wait: whoever asks may ask again.

use std::time::Duration;

use tokio::time::Instant;

/// What the relay allows one connection, seen from the other end.
#[derive(Debug)]
pub(crate) struct Pace {
    every: Duration,
    at_once: u32,
    /// When nothing of what was said counts any more.
    free_at: Instant,
}

impl Pace {
    /// So many at once, and one `every` so often.
    pub(crate) fn new(at_once: u32, every: Duration) -> Self {
        Self { every, at_once, free_at: Instant::now() }
    }

    /// A new connection has all of it before it.
    pub(crate) fn renew(&mut self) {
        self.free_at = Instant::now();
    }

    /// Whether one more may be said now.
    pub(crate) fn is_free(&self, now: Instant) -> bool {
        self.free_at <= now + self.every * (self.at_once - 1)
    }

    /// One more was said.
    pub(crate) fn take(&mut self, now: Instant) {
        self.free_at = self.free_at.max(now) + self.every;
    }
}
