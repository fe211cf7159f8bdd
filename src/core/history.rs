//! The tail of an execution's records, kept so that a dialect can begin late.

use std::{collections::VecDeque, sync::Arc, time::Instant};

use super::Limits;
use crate::model::{Epoch, Position, Record, Seq};

/// Invariant: the records are those numbered `last - len + 1 ..= last`, in order and without a gap.
#[derive(Debug)]
pub struct History {
    epoch: Epoch,
    last: Seq,
    records: VecDeque<Kept>,
    bytes: usize,
}

#[derive(Debug)]
struct Kept {
    record: Arc<Record>,
    bytes: usize,
    since: Instant,
}

/// Where a viewer begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Start {
    /// What it has is good: it goes on with the record that follows.
    After(Position),
    /// It is shown the state first, at this position or a later one.
    Snapshot {
        /// The newest record when it was asked.
        at: Position,
        /// Why it can't go on from where it was.
        why: Why,
    },
}

/// Why a viewer is shown the state first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Why {
    /// It has nothing yet.
    Fresh,
    /// What it has is of another log.
    EpochChanged,
    /// What follows is no longer retained.
    TooOld,
    /// It has seen what the relay has lost although it had shown it. Counted and alarmed.
    Ahead,
}

impl History {
    pub(super) fn new(epoch: Epoch) -> Self {
        Self { epoch, last: Seq(0), records: VecDeque::new(), bytes: 0 }
    }

    /// What comes next is the record behind `seq`; nothing before it is here.
    pub(super) fn skip_to(&mut self, seq: Seq) {
        self.last = seq;
        self.bytes = 0;
        self.records.clear();
    }

    /// The newest record.
    pub fn position(&self) -> Position {
        Position { epoch: self.epoch, seq: self.last }
    }

    /// What is still here, oldest first.
    pub fn records(&self) -> impl Iterator<Item = &Arc<Record>> {
        self.records.iter().map(|kept| &kept.record)
    }

    pub(super) fn push(
        &mut self,
        now: Instant,
        record: Arc<Record>,
        bytes: usize,
        limits: &Limits,
    ) {
        debug_assert_eq!(record.position.seq, self.last.next(), "records are pushed in order");
        self.last = record.position.seq;
        self.bytes += bytes;
        self.records.push_back(Kept { record, bytes, since: now });
        self.trim(Some(now), limits);
    }

    /// Bytes of what is still here.
    pub(super) fn bytes(&self) -> usize {
        self.bytes
    }

    /// Lets go of what is too much, and where the time is known of what is too old. The newest stays.
    pub(super) fn trim(&mut self, now: Option<Instant>, limits: &Limits) {
        while let Some(oldest) = self.records.front() {
            let age = now.map(|now| now.saturating_duration_since(oldest.since));
            let old = age.is_some_and(|age| age > limits.history_age);
            let much = self.records.len() > limits.history || self.bytes > limits.history_bytes;
            if !(old || much) || self.records.len() == 1 {
                break;
            }
            self.bytes -= self.records.pop_front().map_or(0, |kept| kept.bytes);
        }
    }

    /// Whether what a viewer has is of this log. Whether it is too old is not for the history to
    /// say: that depends on the tape from which it would go on.
    pub fn start(&self, since: Option<Position>) -> Start {
        let why = match since {
            None => Why::Fresh,
            Some(since) if since.epoch != self.epoch => Why::EpochChanged,
            Some(since) if self.last < since.seq => Why::Ahead,
            Some(since) => return Start::After(since),
        };
        Start::Snapshot { at: self.position(), why }
    }
}
