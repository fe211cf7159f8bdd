//! How many executions each engine and each tenant has that are not over, and how fast an engine begins
//! new ones. It must only count: what is refused is decided where an execution would begin.

use std::{
    collections::BTreeMap,
    time::{Duration, Instant},
};

use crate::core::{LaneFault, Limits};
use crate::model::{Identity, Text};

/// Engines that are remembered, whether they have any or not, before it is looked who can be forgotten.
const ENGINES: usize = 1_024;
/// What an engine has not used of its rate it may use later: that of so long.
const SAVED: Duration = Duration::from_secs(5);

/// Whose executions there are.
#[derive(Debug, Default)]
pub(super) struct Owners {
    engines: BTreeMap<Identity, Engine>,
    /// Only tenants that have some.
    tenants: BTreeMap<Text, usize>,
    /// With so many engines it is looked again who can be forgotten.
    crowded: usize,
}

#[derive(Debug, Default)]
struct Engine {
    live: usize,
    /// From when on it may begin as many at once as an engine that has begun none for long.
    rested: Option<Instant>,
}

impl Owners {
    /// Whether this engine may begin another one now.
    ///
    /// # Errors
    /// Which limit it would exceed.
    pub(super) fn fits(
        &self,
        now: Instant,
        owner: &Identity,
        limits: &Limits,
    ) -> Result<(), LaneFault> {
        let engine = self.engines.get(owner);
        let live = engine.map_or(0, |it| it.live);
        let of_tenant = owner.tenant().and_then(|it| self.tenants.get(it)).copied().unwrap_or(0);
        if limits.executions_of_engine <= live {
            return Err(LaneFault::LimitOfEngine);
        }
        if limits.executions_of_tenant <= of_tenant {
            return Err(LaneFault::LimitOfTenant);
        }
        let Some(every) = every(limits) else { return Ok(()) };
        let rested = engine.and_then(|it| it.rested).map_or(now, |it| it.max(now));
        if rested + every <= now + SAVED { Ok(()) } else { Err(LaneFault::TooFast) }
    }

    /// It has begun one.
    pub(super) fn begun(&mut self, now: Instant, owner: &Identity, limits: &Limits) {
        self.lives(owner);
        if let (Some(every), Some(engine)) = (every(limits), self.engines.get_mut(owner)) {
            engine.rested = Some(engine.rested.map_or(now, |it| it.max(now)) + every);
        }
        if self.crowded.max(ENGINES) <= self.engines.len() {
            let rested = |it: &Engine| it.rested.is_none_or(|at| at <= now);
            self.engines.retain(|_, it| it.live != 0 || !rested(it));
            self.crowded = 2 * self.engines.len();
        }
    }

    /// One of its executions is there and not over.
    pub(super) fn lives(&mut self, owner: &Identity) {
        if let Some(engine) = self.engines.get_mut(owner) {
            engine.live += 1;
        } else {
            self.engines.insert(owner.clone(), Engine { live: 1, rested: None });
        }
        if let Some(tenant) = owner.tenant() {
            *self.tenants.entry(tenant.into()).or_default() += 1;
        }
    }

    /// One of its executions is over, or is not there any more.
    pub(super) fn ended(&mut self, owner: &Identity) {
        if let Some(engine) = self.engines.get_mut(owner) {
            engine.live -= 1;
            if engine.live == 0 && engine.rested.is_none() {
                self.engines.remove(owner);
            }
        }
        if let Some(tenant) = owner.tenant()
            && let Some(live) = self.tenants.get_mut(tenant)
        {
            *live -= 1;
            if *live == 0 {
                self.tenants.remove(tenant);
            }
        }
    }

    /// Counts anew, after something has gone of which nobody knows what it was.
    pub(super) fn recount<'a>(&mut self, live: impl Iterator<Item = &'a Identity>) {
        self.tenants.clear();
        self.engines.values_mut().for_each(|it| it.live = 0);
        live.for_each(|owner| self.lives(owner));
    }

    /// How many this engine has.
    pub(super) fn live(&self, owner: &Identity) -> usize {
        self.engines.get(owner).map_or(0, |it| it.live)
    }

    /// How many engines are remembered.
    pub(super) fn len(&self) -> usize {
        self.engines.len()
    }
}

/// How long it takes until an engine may begin one more.
fn every(limits: &Limits) -> Option<Duration> {
    let rate = limits.executions_begun?;
    Some(Duration::from_secs(1) / rate.get())
}
