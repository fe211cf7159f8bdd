//! How often a viewer may do something: token buckets, kept as the one instant that they amount to
//! (the generic cell rate algorithm).

use std::time::Duration;

use tokio::time::Instant;

/// So often, and so many at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rate {
    /// A token comes back after this long.
    pub every: Duration,
    /// Tokens of a full bucket. At least 1.
    pub burst: u32,
}

impl Rate {
    /// `n` in a second (1 or more), `burst` at once.
    pub const fn per_second(n: u32, burst: u32) -> Self {
        Self { every: Duration::from_nanos(1_000_000_000 / n as u64), burst }
    }

    /// `n` in a minute (1 or more), and as many at once.
    pub const fn per_minute(n: u32) -> Self {
        Self { every: Duration::from_nanos(60_000_000_000 / n as u64), burst: n }
    }
}

/// A bucket.
#[derive(Debug, Clone, Copy)]
pub struct Bucket {
    /// When it will be full again.
    full: Instant,
}

impl Bucket {
    /// A full one.
    pub fn new(now: Instant) -> Self {
        Self { full: now }
    }

    /// When it will be full again: it is now, if that is over.
    pub fn full(&self) -> Instant {
        self.full
    }

    /// Takes a token if there is one.
    pub fn take(&mut self, rate: Rate, now: Instant) -> bool {
        let full = self.full.max(now);
        let fine = full + rate.every <= now + rate.every * rate.burst;
        if fine {
            self.full = full + rate.every;
        }
        fine
    }
}
