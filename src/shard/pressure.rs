//! How near the relay is to the memory that it may use, and what it does without then: first what is
//! kept for those who come late, then what is new. It must never forget what a store would forget
//! with it, nor touch what is not over.
//!
//! What it holds is counted, roughly, once a second and after much has come in; what the kernel says
//! of the process stands beside that, and the larger number counts.

use std::time::{Duration, Instant};

use tokio::sync::watch;

use super::archive::Archive;
use super::run::Shard;
use crate::model::{Durability, Now};
use crate::room::Keep;
use crate::store::Backend;

/// How often it is looked at.
const EVERY: Duration = Duration::from_secs(1);
/// Bytes of events after which it is looked at at once.
const MUCH: usize = 4 << 20;
/// Per cent of the budget at which each level begins.
const BEGINS: [(Pressure, u64); 3] =
    [(Pressure::High, 80), (Pressure::Severe, 95), (Pressure::Critical, 98)];
/// A level ends so many per cent below.
const SLACK: u64 = 5;
/// Of what is kept for those who come late, this part stays.
const PART: usize = 8;
/// Of the executions that are over, this part is forgotten each time.
const SHED: usize = 16;

/// How near it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub enum Pressure {
    /// There is room.
    #[default]
    None,
    /// Less is kept for those who come late; without a store, executions that are over are forgotten
    /// early.
    High,
    /// Nothing new is begun, and nobody new is shown anything.
    Severe,
    /// Nobody is let in.
    Critical,
}

/// What there is, and how much of it the process has, as the kernel says.
#[derive(Debug, Clone, Copy)]
pub struct Budget {
    /// Bytes.
    pub bytes: u64,
    /// Bytes of the process. `None`: nobody can tell.
    pub resident: fn() -> Option<u64>,
}

/// The budget, and where the shard stands.
#[derive(Debug)]
pub(super) struct Watched {
    budget: Budget,
    tell: watch::Sender<Pressure>,
    next: Instant,
    /// Bytes of events since it was looked at last.
    fresh: usize,
    /// What is kept of a history where there is room: records, and bytes.
    whole: (usize, usize),
}

impl Pressure {
    /// Where it stands, who was here and has so much.
    #[must_use]
    pub fn after(self, used: u64, budget: u64) -> Self {
        let reaches =
            |per_cent: u64| u128::from(budget) * u128::from(per_cent) <= u128::from(used) * 100;
        let mut level = Self::None;
        for (it, per_cent) in BEGINS {
            if reaches(per_cent) || it <= self && reaches(per_cent - SLACK) {
                level = it;
            }
        }
        level
    }
}

impl<Store: Backend> Shard<Store> {
    /// Stays within this, and tells how near it is to it.
    #[must_use]
    pub fn within(mut self, budget: Budget, tell: watch::Sender<Pressure>) -> Self {
        let limits = self.relay.limits();
        let whole = (limits.history, limits.history_bytes);
        let next = self.clock.now().instant;
        self.metrics.memory_budget.set(i64::try_from(budget.bytes).unwrap_or(i64::MAX));
        self.watched = Some(Watched { budget, tell, next, fresh: 0, whole });
        self
    }

    /// What each tape keeps now.
    pub(super) fn keep_of_tapes(&self) -> Keep {
        let keep = self.options.keep;
        match self.pressure() {
            Pressure::None => keep,
            Pressure::High | Pressure::Severe | Pressure::Critical => less(keep),
        }
    }

    pub(super) fn pressure(&self) -> Pressure {
        self.watched.as_ref().map_or(Pressure::None, |it| *it.tell.borrow())
    }

    /// Bytes that it holds, roughly.
    pub(super) fn counted(&self) -> usize {
        let tapes: usize = self.rooms.values().map(|heard| heard.room.held()).sum();
        let archive = self.archive.as_ref().map_or(0, Archive::held);
        tapes + self.directory.held() + self.gauge.held() + self.relay.held() + archive
    }

    /// Looks where it stands, and does what that asks for.
    pub(super) fn weigh(&mut self, now: Now) {
        let Some(watched) = &mut self.watched else { return };
        if now.instant < watched.next && watched.fresh < MUCH {
            return;
        }
        (watched.next, watched.fresh) = (now.instant + EVERY, 0);
        let (budget, before, whole) = (watched.budget, *watched.tell.borrow(), watched.whole);
        let counted = self.counted() as u64;
        let used = counted.max((budget.resident)().unwrap_or(0));
        let level = before.after(used, budget.bytes);
        self.metrics.memory_pressure.set(level as i64);
        if level != before {
            if before < level {
                tracing::warn!(used, budget = budget.bytes, ?level, "memory is short");
            } else {
                tracing::info!(used, budget = budget.bytes, ?level, "memory is less short");
            }
            if let Some(watched) = &self.watched {
                watched.tell.send_replace(level);
            }
            self.relay.close(Pressure::Severe <= level);
            if (before == Pressure::None) != (level == Pressure::None) {
                let (records, bytes) = whole;
                let part = if level == Pressure::None { 1 } else { PART };
                self.relay.retain((records / part).max(1), bytes / part);
                let keep = self.keep_of_tapes();
                self.rooms.values_mut().for_each(|heard| heard.room.keep(now.instant, keep));
                self.directory.retain(now.instant, keep);
            }
        }
        if Pressure::High <= level {
            if let Some(archive) = &mut self.archive {
                archive.shrink();
            }
            // A store would lose them as well.
            if self.durability() == Durability::Memory {
                let some = self.relay.logs().count() / SHED;
                for _ in 0..=some {
                    if !self.relay.shed(now) {
                        break;
                    }
                }
            }
        }
    }

    /// So much has come in.
    pub(super) fn grown(&mut self, bytes: usize) {
        if let Some(watched) = &mut self.watched {
            watched.fresh = watched.fresh.saturating_add(bytes);
        }
    }
}

impl Watched {
    /// When to look.
    pub(super) fn due(&self) -> Instant {
        self.next
    }
}

fn less(keep: Keep) -> Keep {
    Keep { bytes: keep.bytes / PART, records: (keep.records / PART).max(1), ..keep }
}
