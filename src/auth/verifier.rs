//! Whom a token makes of somebody, as the doors ask it. It must never let in whom it does not know.

use std::fmt;
use std::pin::Pin;
use std::sync::Arc;

use super::{Pass, Reason};
use crate::model::Timestamp;

/// What has to be waited for.
pub type Promise = Pin<Box<dyn Future<Output = ()> + Send>>;

/// Knows tokens.
pub trait Verifier: fmt::Debug + Send + Sync {
    /// Whose token, or API key, this is. `local`: it was said on this very machine.
    ///
    /// # Errors
    /// It is nobody's.
    fn verify(&self, token: &str, local: bool, now: Timestamp) -> Result<Pass, Invalid>;

    /// What to wait for before [`Verifier::verify`], if anything: a key that has yet to be fetched.
    fn prepare(&self, token: &str, now: Timestamp) -> Option<Promise> {
        let _ = (token, now);
        None
    }

    /// Who somebody is who shows nothing; `None`: nobody. `local`: they are on this very machine.
    fn unshown(&self, local: bool) -> Option<Pass>;

    /// Whether a pass that was given still counts, but for the time.
    fn stands(&self, pass: &Pass) -> bool {
        let _ = pass;
        true
    }

    /// A ticket for the holder of `pass`, to be shown once and soon by a page of `origin`.
    ///
    /// # Errors
    /// There are none, or too many.
    fn ticket(
        &self,
        pass: &Pass,
        origin: Option<&str>,
        now: Timestamp,
    ) -> Result<super::Ticket, Invalid> {
        let _ = (pass, origin, now);
        Err(Invalid::Unknown)
    }

    /// Whose ticket this was. From now on it is nobody's.
    ///
    /// # Errors
    /// It is nobody's.
    fn redeem(&self, ticket: &str, origin: Option<&str>, now: Timestamp) -> Result<Pass, Invalid> {
        let _ = (ticket, origin, now);
        Err(Invalid::Unknown)
    }
}

/// Whether what vouches for somebody, such as a certificate, still does.
#[derive(Clone)]
pub struct Standing(Arc<dyn Fn() -> bool + Send + Sync>);

impl Standing {
    /// What `stands` says whenever it is asked. It does not wait.
    pub fn new(stands: impl Fn() -> bool + Send + Sync + 'static) -> Self {
        Self(Arc::new(stands))
    }

    /// Whether it does at this instant.
    pub fn stands(&self) -> bool {
        (self.0)()
    }
}

impl fmt::Debug for Standing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Standing")
    }
}

/// Why a token does not count: as little as whoever showed it may know.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Invalid {
    /// It is none, or nobody's.
    Unknown,
    /// It was one.
    Expired,
}

impl From<Reason> for Invalid {
    fn from(reason: Reason) -> Self {
        if reason == Reason::Expired { Self::Expired } else { Self::Unknown }
    }
}

/// While no tokens are configured: on this machine everybody is its user, whatever they show, and
/// elsewhere nobody is anybody.
#[derive(Debug, Clone, Copy, Default)]
pub struct Loopback;

impl Verifier for Loopback {
    fn verify(&self, token: &str, local: bool, _: Timestamp) -> Result<Pass, Invalid> {
        if local && !token.is_empty() { Ok(Pass::local()) } else { Err(Invalid::Unknown) }
    }

    fn unshown(&self, local: bool) -> Option<Pass> {
        local.then(Pass::local)
    }
}
