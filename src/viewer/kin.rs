//! Connections of one and the same client, as far as that can be told: protocol, path, address,
//! browser, page and token are the same. The seed protocols' clients don't say what they have seen,
//! and some of them leave connections behind; what they mean is read from what their other
//! connections did. It must never be taken for who somebody is: that is the token's affair.

use std::{
    collections::{BTreeMap, VecDeque},
    net::IpAddr,
    sync::{
        Arc, Mutex, MutexGuard, OnceLock, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use tokio::time::Instant;

use super::crowd::Share;
use super::{Bucket, Rate};
use crate::model::{Position, Text};

/// How long a lost connection's place is kept for the next.
const KEPT: Duration = Duration::from_secs(300);
/// A connection that has shown no life for so long is taken for one that was left behind, once there
/// is another. Living clients of these protocols say `ping` every 30 s.
const LIVELY: Duration = Duration::from_secs(35);
/// More beginnings than this in [`THRASH_TIME`] are no longer those of a client that is well.
const THRASH: usize = 5;
const THRASH_TIME: Duration = Duration::from_secs(60);
/// More connections at once than this for the same thing are left behind rather than used.
const CROWD: usize = 5;
/// Clients that are remembered. Beyond, those are forgotten that have no connection.
const CLIENTS: usize = 10_000;
/// Lost connections that are remembered of one client.
const LOST: usize = 16;

/// What connections of the same client have in common.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Likeness {
    /// What it speaks.
    pub dialect: &'static str,
    /// The execution that its path names, where it names one.
    pub path: Option<Text>,
    /// Where it comes from. `None`: a Unix socket.
    pub address: Option<IpAddr>,
    /// Its `User-Agent`.
    pub agent: Text,
    /// Its `Origin`.
    pub origin: Text,
    /// A digest of its token.
    pub token: Option<[u8; 32]>,
}

/// All clients of the seed protocols.
#[derive(Debug, Clone, Default)]
pub struct Kin(Arc<Mutex<BTreeMap<Likeness, Family>>>);

/// One client.
#[derive(Debug, Default)]
struct Family {
    next: u64,
    living: BTreeMap<u64, Living>,
    lost: VecDeque<Lost>,
    /// When its last connections began.
    begun: VecDeque<Instant>,
    messages: Option<Bucket>,
}

#[derive(Debug)]
struct Living {
    lively: Instant,
    shared: Arc<Shared>,
}

/// What a connection asks or says with each write. It has nothing to do with any other client's.
#[derive(Debug, Default)]
struct Shared {
    muted: AtomicBool,
    place: Mutex<Option<Position>>,
    /// Its share of what its person may have, where people are told apart.
    share: OnceLock<Arc<Share>>,
}

/// A connection that went without a goodbye.
#[derive(Debug)]
struct Lost {
    at: Instant,
    places: Vec<(Text, Position)>,
}

/// What is noteworthy of a connection that begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Noted {
    /// The same client has begun more than 5 within a minute.
    pub thrashes: bool,
    /// The same client has more than 5 for the same thing.
    pub crowds: bool,
}

/// One connection among those of its client. When it is dropped, it was lost nowhere.
#[derive(Debug)]
pub struct Member {
    kin: Kin,
    likeness: Likeness,
    number: u64,
    shared: Arc<Shared>,
}

impl Kin {
    /// How many connections a client has.
    pub fn living(&self, likeness: &Likeness) -> usize {
        self.lock().get(likeness).map_or(0, |family| family.living.len())
    }

    /// What the connection was watching that this client lost last, for the one that takes its
    /// place: it is given once.
    pub fn left(&self, likeness: &Likeness, now: Instant) -> Vec<(Text, Position)> {
        let mut families = self.lock();
        let lost = families.get_mut(likeness).and_then(|family| {
            family.expire(now);
            family.lost.pop_back()
        });
        lost.map(|lost| lost.places).unwrap_or_default()
    }

    /// A connection begins. `mutes`: others of its client that show no life are told nothing from
    /// now on, until they do.
    pub fn enter(&self, likeness: Likeness, mutes: bool, now: Instant) -> (Member, Noted) {
        let mut families = self.lock();
        let full = |it: &BTreeMap<_, _>| CLIENTS <= it.len() && !it.contains_key(&likeness);
        if full(&families) {
            families.retain(|_, family| {
                family.expire(now);
                !family.is_forgotten()
            });
        }
        if full(&families) {
            families.retain(|_, family| !family.living.is_empty());
        }
        let family = families.entry(likeness.clone()).or_default();
        family.expire(now);
        if mutes {
            let silent = family.living.values().filter(|it| it.lively + LIVELY <= now);
            silent.for_each(|it| it.shared.mute(true));
        }
        let shared = Arc::new(Shared::default());
        let number = family.next;
        family.next += 1;
        // It has yet to show that it lives: what it was opened with is no sign of it.
        let lively = now.checked_sub(LIVELY).unwrap_or(now);
        family.living.insert(number, Living { lively, shared: shared.clone() });
        family.begun.push_back(now);
        let noted =
            Noted { thrashes: THRASH < family.begun.len(), crowds: CROWD < family.living.len() };
        let kin = self.clone();
        (Member { kin, likeness, number, shared }, noted)
    }

    /// How many clients are remembered.
    pub fn len(&self) -> usize {
        self.lock().len()
    }

    /// Whether none is.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<Likeness, Family>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Shared {
    fn mute(&self, mute: bool) {
        if self.muted.swap(mute, Ordering::Relaxed) != mute
            && let Some(share) = self.share.get()
        {
            share.mute(mute);
        }
    }

    fn place(&self) -> MutexGuard<'_, Option<Position>> {
        self.place.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Family {
    fn expire(&mut self, now: Instant) {
        self.lost.retain(|lost| now < lost.at + KEPT);
        self.begun.retain(|at| now < *at + THRASH_TIME);
        while THRASH < self.begun.len() {
            self.begun.pop_front();
        }
    }

    fn is_forgotten(&self) -> bool {
        self.living.is_empty() && self.lost.is_empty()
    }
}

impl Member {
    /// Whose share it takes up: less of it, while it is told nothing.
    pub fn takes_up(&self, share: &Arc<Share>) {
        self.with(|_| {
            if self.shared.share.set(Arc::clone(share)).is_ok() && self.is_muted() {
                share.mute(true);
            }
        });
    }

    /// Whether it is told nothing that is everybody's for the time being.
    pub fn is_muted(&self) -> bool {
        self.shared.muted.load(Ordering::Relaxed)
    }

    /// It has shown that somebody is there.
    pub fn lives(&self, now: Instant) {
        self.with(|family| {
            self.shared.mute(false);
            if let Some(living) = family.living.get_mut(&self.number) {
                living.lively = now;
            }
        });
    }

    /// It has been sent everything up to there.
    pub fn sent(&self, place: Position) {
        *self.shared.place() = Some(place);
    }

    /// The furthest that a connection of this client was sent which was lost or is muted.
    pub fn left(&self, now: Instant) -> Option<Position> {
        self.with(|family| {
            family.expire(now);
            let living = family.living.values().map(|it| &it.shared);
            let muted = living.filter(|it| it.muted.load(Ordering::Relaxed));
            let muted = muted.filter_map(|it| *it.place());
            let lost = family.lost.iter().flat_map(|it| it.places.iter().map(|(_, at)| *at));
            muted.chain(lost).max_by_key(|at| (at.epoch, at.seq))
        })
        .flatten()
    }

    /// Takes one of the messages that a client may send with all its connections together.
    pub fn may_speak(&self, rate: Rate, now: Instant) -> bool {
        let fine = |family: &mut Family| {
            family.messages.get_or_insert_with(|| Bucket::new(now)).take(rate, now)
        };
        self.with(fine).unwrap_or(true)
    }

    /// It was lost: without a goodbye, and where it was.
    pub fn lost(&self, places: Vec<(Text, Position)>, now: Instant) {
        if places.is_empty() {
            return;
        }
        self.with(|family| {
            if LOST <= family.lost.len() {
                family.lost.pop_front();
            }
            family.lost.push_back(Lost { at: now, places });
        });
    }

    fn with<T>(&self, act: impl FnOnce(&mut Family) -> T) -> Option<T> {
        self.kin.lock().get_mut(&self.likeness).map(act)
    }
}

impl Drop for Member {
    fn drop(&mut self) {
        let mut families = self.kin.lock();
        let Some(family) = families.get_mut(&self.likeness) else { return };
        family.living.remove(&self.number);
        // How often it came is worth remembering for a minute; how much it said as well.
        let recent = family.begun.back().is_some_and(|at| Instant::now() < *at + THRASH_TIME);
        if family.is_forgotten() && !recent {
            families.remove(&self.likeness);
        }
    }
}
