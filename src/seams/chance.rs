//! Chance: for names that must not repeat and for jitter, never for secrets.

use std::{
    fmt,
    hash::{BuildHasher, RandomState},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

/// Draws numbers.
#[derive(Clone)]
pub struct Chance(Arc<dyn Fn() -> u64 + Send + Sync>);

impl Chance {
    /// The machine's chance: SipHash of 1, 2, 3 … under a key of 128 bits that the kernel gives. The
    /// cryptography library's would do as well, but gathers entropy of its own before its first
    /// number: some tenth of a second at every start.
    pub fn system() -> Self {
        let (key, drawn) = (RandomState::new(), AtomicU64::new(0));
        Self::new(move || key.hash_one(drawn.fetch_add(1, Ordering::Relaxed)))
    }

    /// A chance that draws from `draw`.
    pub fn new(draw: impl Fn() -> u64 + Send + Sync + 'static) -> Self {
        Self(Arc::new(draw))
    }

    /// Any number.
    pub fn number(&self) -> u64 {
        (self.0)()
    }

    /// A number below `end`; 0 if that is 0. (The bias is below `end` / 2^64.)
    pub fn below(&self, end: u64) -> u64 {
        self.number().checked_rem(end).unwrap_or(0)
    }
}

impl fmt::Debug for Chance {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Chance")
    }
}
