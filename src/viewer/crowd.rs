//! What everybody who is connected may have: of connections, of what is watched, of what is said, of
//! attempts to show who they are. Each is counted for the person, the tenant or the address that it
//! belongs to, over all their connections. Nothing here may know what is said, or who somebody is.
//!
//! A relay without tokens knows nobody apart: there everybody is the one user of this machine, and
//! nothing of this bounds them.

mod attempts;
mod shares;

use std::{
    fmt,
    net::IpAddr,
    num::NonZeroU32,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use tokio::time::Instant;

pub use attempts::Attempts;
pub use shares::Share;

use super::{Options, Rate, Rates};
use crate::auth::Pass;
use shares::Table;

/// The numbers, which hold where everybody has to show who they are.
#[derive(Debug, Clone, Copy)]
pub struct Bounds {
    /// Connections of one person. As many again may be muted duplicates.
    pub of_principal: usize,
    /// Connections of one tenant. Who has no tenant is counted for none.
    pub of_tenant: usize,
    /// Things that all connections of one tenant may watch together.
    pub watched_by_tenant: usize,
    /// All connections of one person may say so many times what one may.
    pub rate: NonZeroU32,
    /// Failed attempts of one address at once; after that, one in a second.
    pub attempts: NonZeroU32,
}

impl Default for Bounds {
    fn default() -> Self {
        Self {
            of_principal: 100,
            of_tenant: 2_000,
            watched_by_tenant: 10_000,
            rate: NonZeroU32::MIN.saturating_add(3),
            attempts: NonZeroU32::MIN.saturating_add(19),
        }
    }
}

/// Addresses whose failed attempts are remembered. Beyond, those are forgotten that have the fewest.
const ADDRESSES: usize = 10_000;

/// Of whom there are too many connections.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Full {
    /// Of the person.
    Principal,
    /// Of its tenant.
    Tenant,
}

impl Full {
    /// A word for it.
    pub fn word(self) -> &'static str {
        match self {
            Self::Principal => "principal",
            Self::Tenant => "tenant",
        }
    }
}

/// Hears of each refusal, by a word for it.
type Count = dyn Fn(&'static str) + Send + Sync;

/// All who are connected.
#[derive(Clone)]
pub struct Crowd {
    /// `None`: nobody is told apart.
    bounded: Option<Arc<Bounded>>,
    count: Arc<Count>,
}

struct Bounded {
    bounds: Bounds,
    /// For each group of protocols that have the same.
    rates: [Rates; 3],
    attempts: Attempts,
    table: Mutex<Table>,
}

impl Crowd {
    /// For a relay without tokens.
    pub fn unbounded() -> Self {
        Self { bounded: None, count: Arc::new(|_| ()) }
    }

    /// For one with. What one connection may is in `options`.
    pub fn new(bounds: Bounds, options: &Options) -> Self {
        let rates = [&options.native, &options.seed, &options.nebula].map(|one| {
            let times = |rate: Rate| Rate {
                every: rate.every / bounds.rate.get(),
                burst: rate.burst.saturating_mul(bounds.rate.get()),
            };
            Rates {
                messages: times(one.messages),
                pings: times(one.pings),
                decisions: times(one.decisions),
                subscribes: times(one.subscribes),
            }
        });
        let each = Rate { burst: bounds.attempts.get(), ..Rate::per_second(1, 1) };
        let attempts = Attempts::new(each, ADDRESSES);
        let bounded = Bounded { bounds, rates, attempts, table: Mutex::default() };
        Self { bounded: Some(Arc::new(bounded)), ..Self::unbounded() }
    }

    /// Tells this one of each refusal: `principal`, `tenant` (too many connections), `attempts`,
    /// `messages`, `pings`, `decisions`, `subscribes` (too many in a time), `subscriptions`.
    #[must_use]
    pub fn counting(self, count: impl Fn(&'static str) + Send + Sync + 'static) -> Self {
        Self { count: Arc::new(count), ..self }
    }

    /// A connection's share of what the holder of `pass` may have, until it is dropped. `None`: nobody
    /// is told apart.
    ///
    /// # Errors
    /// They, or their tenant, have too many connections.
    pub fn admit(&self, pass: &Pass, now: Instant) -> Result<Option<Share>, Full> {
        let Some(bounded) = &self.bounded else { return Ok(None) };
        let share = Share::of(bounded, &pass.who(), now);
        share.map(Some).inspect_err(|full| self.refused(full.word()))
    }

    /// What was shown from there is nobody's. Whether that may be: if not, too much of it has come from
    /// there of late. What is somebody's is never asked for here. It can't be found by trying, so there is
    /// nothing to be gained by refusing it; and whoever shares an address, or a proxy, with somebody who
    /// means no good could be locked out.
    pub fn failed(&self, from: Option<IpAddr>, now: Instant) -> bool {
        let fine = self.bounded.as_ref().is_none_or(|it| it.attempts.failed(from, now));
        if !fine {
            self.refused("attempts");
        }
        fine
    }

    /// Something was refused.
    pub fn refused(&self, what: &'static str) {
        (self.count)(what);
    }

    /// How many people are remembered: those who have connections, and those who have said much of late.
    pub fn len(&self) -> usize {
        self.bounded.as_ref().map_or(0, |it| it.table().len())
    }

    /// Whether nobody is.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

impl Bounded {
    /// It is whole after each statement that changes it.
    fn table(&self) -> MutexGuard<'_, Table> {
        self.table.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Crowd {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let bounds = self.bounded.as_ref().map(|it| it.bounds);
        f.debug_struct("Crowd").field("bounds", &bounds).finish_non_exhaustive()
    }
}

impl fmt::Debug for Bounded {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Bounded").field("bounds", &self.bounds).finish_non_exhaustive()
    }
}
