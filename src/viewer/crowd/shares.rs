//! What one person's connections have between them. A connection holds its [`Share`] for as long as it
//! is open, and gives it back whatever way it ends.

use std::{
    collections::BTreeMap,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
};

use tokio::time::Instant;

use super::{Bounded, Full};
use crate::auth::{Pass, Who};
use crate::dialect::{Manners, Said};
use crate::model::Text;
use crate::viewer::buckets::Buckets;

/// People that are remembered before it is looked who can be forgotten.
const PEOPLE: usize = 1_024;

/// Who is there.
#[derive(Debug, Default)]
pub(super) struct Table {
    people: BTreeMap<Arc<Who>, Party>,
    /// Only tenants that have connections.
    tenants: BTreeMap<Text, Tenant>,
    /// With so many people it is looked again who can be forgotten.
    crowded: usize,
}

/// One person.
#[derive(Debug)]
struct Party {
    connections: usize,
    /// Connections beside these that are told nothing.
    muted: usize,
    said: Arc<Mutex<Spoken>>,
}

#[derive(Debug, Default)]
struct Tenant {
    connections: usize,
    watched: usize,
}

/// What a person may still say, in each group of protocols that have the same limits.
#[derive(Debug)]
struct Spoken([Buckets; 3]);

fn group(manners: Manners) -> usize {
    match manners {
        Manners::Native => 0,
        Manners::Windags | Manners::Executions | Manners::Stage5 => 1,
        Manners::Nebula => 2,
    }
}

impl Table {
    pub(super) fn len(&self) -> usize {
        self.people.len()
    }

    /// Forgets who has gone and may say as much as somebody who comes for the first time.
    fn sweep(&mut self, now: Instant) {
        if self.people.len() < self.crowded.max(PEOPLE) {
            return;
        }
        self.people.retain(|_, it| {
            let said = it.said.lock().unwrap_or_else(PoisonError::into_inner);
            it.connections + it.muted != 0 || !said.0.iter().all(|it| it.are_full(now))
        });
        self.crowded = 2 * self.people.len();
    }
}

/// One connection's part in what its person may have.
#[derive(Debug)]
pub struct Share {
    crowd: Arc<Bounded>,
    who: Arc<Who>,
    said: Arc<Mutex<Spoken>>,
    muted: AtomicBool,
    /// How many things it watches.
    watched: AtomicUsize,
}

impl Share {
    pub(super) fn of(crowd: &Arc<Bounded>, who: &Who, now: Instant) -> Result<Self, Full> {
        let (bounds, mut table) = (&crowd.bounds, crowd.table());
        table.sweep(now);
        let Table { people, tenants, .. } = &mut *table;
        let of_tenant =
            who.tenant().and_then(|it| tenants.get(it)).map_or(0, |tenant| tenant.connections);
        if people.get(who).is_some_and(|it| bounds.of_principal <= it.connections) {
            return Err(Full::Principal);
        }
        if bounds.of_tenant <= of_tenant {
            return Err(Full::Tenant);
        }
        let who =
            people.get_key_value(who).map_or_else(|| Arc::new(who.clone()), |it| it.0.clone());
        if let Some(tenant) = who.tenant() {
            tenants.entry(tenant.clone()).or_default().connections += 1;
        }
        let party = people.entry(Arc::clone(&who)).or_insert_with(|| {
            let said = Spoken(std::array::from_fn(|_| Buckets::new(now)));
            Party { connections: 0, muted: 0, said: Arc::new(Mutex::new(said)) }
        });
        party.connections += 1;
        let said = Arc::clone(&party.said);
        let (crowd, muted, watched) = (Arc::clone(crowd), false.into(), 0.into());
        Ok(Self { crowd, who, said, muted, watched })
    }

    /// Whether it is of the holder of `pass`.
    pub fn is_of(&self, pass: &Pass) -> bool {
        *self.who == pass.who()
    }

    /// Takes what this costs of what its person may say with all connections together.
    ///
    /// # Errors
    /// The word for what there was too much of.
    pub fn may_say(
        &self,
        manners: Manners,
        said: Option<&Said>,
        now: Instant,
    ) -> Result<(), &'static str> {
        let group = group(manners);
        let mut spoken = self.said.lock().unwrap_or_else(PoisonError::into_inner);
        spoken.0[group].allow(said, &self.crowd.rates[group], now)
    }

    /// The same for a ping of the socket's own kind.
    pub(in crate::viewer) fn may_ping(&self, manners: Manners, now: Instant) -> bool {
        let group = group(manners);
        let mut spoken = self.said.lock().unwrap_or_else(PoisonError::into_inner);
        spoken.0[group].pings.take(self.crowd.rates[group].pings, now)
    }

    /// From now on it is told nothing, or again as others are. While it is told nothing it counts
    /// apart, if there are not too many such.
    pub(in crate::viewer) fn mute(&self, mute: bool) {
        let mut table = self.crowd.table();
        let Some(party) = table.people.get_mut(&self.who) else { return };
        let muted = self.muted.load(Ordering::Relaxed);
        if mute && !muted && party.muted < self.crowd.bounds.of_principal {
            (party.connections, party.muted) = (party.connections - 1, party.muted + 1);
            self.muted.store(true, Ordering::Relaxed);
        } else if !mute && muted {
            (party.connections, party.muted) = (party.connections + 1, party.muted - 1);
            self.muted.store(false, Ordering::Relaxed);
        }
    }

    /// It watches so many things from now on, unless its tenant watches too much already. Fewer than
    /// before it always may.
    pub(in crate::viewer) fn watch(&self, many: usize) -> bool {
        let before = self.watched.load(Ordering::Relaxed);
        let Some(tenant) = self.who.tenant().filter(|_| many != before) else { return true };
        let mut table = self.crowd.table();
        let Some(tenant) = table.tenants.get_mut(tenant) else { return true };
        let all = tenant.watched - before + many;
        if before < many && self.crowd.bounds.watched_by_tenant < all {
            return false;
        }
        tenant.watched = all;
        self.watched.store(many, Ordering::Relaxed);
        true
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        let mut table = self.crowd.table();
        if let Some(party) = table.people.get_mut(&self.who) {
            // What was said counts on: who comes again is the same person.
            let count =
                if *self.muted.get_mut() { &mut party.muted } else { &mut party.connections };
            *count -= 1;
        }
        if let Some(name) = self.who.tenant()
            && let Some(tenant) = table.tenants.get_mut(name)
        {
            tenant.connections -= 1;
            tenant.watched -= *self.watched.get_mut();
            if tenant.connections == 0 {
                table.tenants.remove(name);
            }
        }
    }
}
