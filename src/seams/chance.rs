//! Chance: for names that must not repeat and for jitter, never for secrets.

use std::{fmt, sync::Arc};

use rustls::crypto::aws_lc_rs;

/// Draws numbers.
#[derive(Clone)]
pub struct Chance(Arc<dyn Fn() -> u64 + Send + Sync>);

impl Chance {
    /// The machine's chance.
    pub fn system() -> Self {
        let random = aws_lc_rs::default_provider().secure_random;
        Self::new(move || {
            let mut bytes = [0; 8];
            random.fill(&mut bytes).expect("the kernel gives random bytes once it has booted");
            u64::from_le_bytes(bytes)
        })
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
