//! What each producer has said of one execution already, by number.

use std::{
    collections::{BTreeMap, VecDeque},
    fmt,
};

use crate::model::{ProducerEpoch, ProducerId, Pseq};

/// One lane for each producer. It is never forgotten while the execution is known, because a
/// producer may send again what it said at any time.
#[derive(Debug, Default)]
pub(super) struct Lanes {
    lanes: BTreeMap<ProducerId, Lane>,
}

/// Invariant: `hashes` are those of the numbers just below `next`, oldest first.
pub(super) struct Lane {
    pub(super) next: Pseq,
    hashes: VecDeque<u64>,
    /// How its events are numbered in which start of its process: not at all, or all of them.
    numbering: Option<(ProducerEpoch, bool)>,
    /// Whether the relay has lost what came before, and must be told first.
    pub(super) needs_state: bool,
}

impl Lanes {
    pub(super) fn open(&mut self, producer: &ProducerId) -> &mut Lane {
        self.lanes.entry(producer.clone()).or_default()
    }

    /// All of them.
    pub(super) fn each(&self) -> impl Iterator<Item = (&ProducerId, &Lane)> {
        self.lanes.iter()
    }
}

impl Default for Lane {
    fn default() -> Self {
        Self { next: Pseq(1), hashes: VecDeque::new(), numbering: None, needs_state: false }
    }
}

impl Lane {
    /// Whether events that are numbered, or not, may be said in this start of the process.
    pub(super) fn admits(&mut self, epoch: ProducerEpoch, numbered: bool) -> bool {
        match self.numbering {
            Some((known, mode)) if known == epoch => mode == numbered,
            Some(_) | None => {
                self.numbering = Some((epoch, numbered));
                true
            }
        }
    }

    /// Uses the number that is wanted next.
    pub(super) fn take(&mut self, hash: u64, kept: usize) -> Pseq {
        let taken = self.next;
        self.next = taken.next();
        self.hashes.push_back(hash);
        while kept < self.hashes.len() {
            self.hashes.pop_front();
        }
        taken
    }

    /// Whether a number that was used before was used for other bytes, as far as is remembered.
    pub(super) fn conflicts(&self, pseq: Pseq, hash: u64) -> bool {
        let back = self.next.0.saturating_sub(pseq.0) as usize;
        let known = self.hashes.len().checked_sub(back).and_then(|at| self.hashes.get(at));
        known.is_some_and(|known| *known != hash)
    }

    /// What is remembered of the events said last, oldest first.
    pub(super) fn hashes(&self) -> Vec<u64> {
        self.hashes.iter().copied().collect()
    }

    /// As [`Lane::hashes`] told it, of the numbers up to and including `last`.
    pub(super) fn remember(&mut self, last: Pseq, hashes: Vec<u64>) {
        (self.next, self.hashes) = (last.next(), hashes.into());
    }

    /// Wants this number next. Where that is another than was wanted, a state report has come in between,
    /// and what is remembered is not of the numbers just below.
    pub(super) fn go_on(&mut self, next: Pseq) {
        if self.next != next {
            self.next = next;
            self.hashes.clear();
        }
    }

    /// The state up to and including this number has been reported. What stands in the log beyond that
    /// stands there all the same, and was acknowledged: a lane never goes back.
    pub(super) fn restored(&mut self, as_of: Pseq) {
        self.go_on(self.next.max(as_of.next()));
        self.needs_state = false;
    }
}

impl fmt::Debug for Lane {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Lane({})", self.next)
    }
}
