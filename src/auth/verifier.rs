//! Whom a token makes of somebody. It must never let in whom it does not know.

use std::fmt;

use crate::model::{Principal, Timestamp};

/// Knows tokens.
pub trait Verifier: fmt::Debug + Send + Sync {
    /// Whose token this is. `local`: it was said on this very machine.
    ///
    /// # Errors
    /// It is nobody's.
    fn verify(&self, token: &str, local: bool, now: Timestamp) -> Result<Verified, Invalid>;

    /// Whether somebody has to show a token. `local`: they are on this very machine.
    fn wants(&self, local: bool) -> bool;
}

/// Whose a token is, and how long.
#[derive(Debug, Clone)]
pub struct Verified {
    /// Whose.
    pub principal: Principal,
    /// It counts no longer from then on. `None`: it always counts.
    pub expires: Option<Timestamp>,
}

/// Why a token does not count.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Invalid {
    /// It is none, or nobody's.
    Unknown,
    /// It was one.
    Expired,
}

/// While no tokens are configured: on this machine everybody is its user, whatever they show, and
/// elsewhere nobody is anybody.
#[derive(Debug, Clone, Copy, Default)]
pub struct Loopback;

impl Verifier for Loopback {
    fn verify(&self, token: &str, local: bool, _: Timestamp) -> Result<Verified, Invalid> {
        if local && !token.is_empty() {
            Ok(Verified { principal: Principal::local(), expires: None })
        } else {
            Err(Invalid::Unknown)
        }
    }

    fn wants(&self, local: bool) -> bool {
        !local
    }
}
