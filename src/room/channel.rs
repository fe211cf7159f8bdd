//! One log in one dialect: what this turn has added to it, and what is owed at the end of that.

use std::{
    collections::BTreeMap,
    sync::Arc,
    time::{Duration, Instant},
};

use super::{Bell, Gauge, Overloaded, Shared, Stamp, Still, Tape};
use crate::dialect::{Calm, Dialect};
use crate::frame::Frames;
use crate::model::{Seq, ViewerId};

/// When a tape begins, by its own clock: records that came before it have a time too.
const BORN: u32 = 1 << 24;
/// A calm log is written as seldom again for each so many bytes of the whole that it says.
const LARGE: usize = 64 * 1024;

/// One log in one dialect.
#[derive(Debug)]
pub(super) struct Channel {
    pub(super) dialect: &'static dyn Dialect,
    pub(super) born: Instant,
    pub(super) shared: Arc<Shared>,
    pub(super) draft: Draft,
    /// Whether there is something to be seen, and how many records came, since the bells were rung.
    pub(super) loud: bool,
    pub(super) silent: usize,
    pub(super) bells: BTreeMap<ViewerId, Arc<Bell>>,
    pub(super) calm: Option<Calm>,
    pub(super) owed: Owed,
    /// A calm log is not written before this.
    pub(super) rests_until: Instant,
}

/// What is to be said at the end of what a channel has not yet written.
#[derive(Debug, Default)]
pub(super) struct Owed {
    /// What the protocol says as a whole.
    pub(super) level: bool,
    /// At once.
    pub(super) urgent: bool,
    /// Log lines that were said, and those that were too many.
    pub(super) lines: u32,
    pub(super) summed: u64,
}

/// What this turn has added, and nobody has seen yet.
#[derive(Debug)]
pub(super) struct Draft {
    pub(super) first: Seq,
    pub(super) frames: Frames,
    pub(super) ends: Vec<u32>,
}

impl Channel {
    /// Nothing yet, but the numbers from `first` on.
    pub(super) fn new(
        now: Instant,
        dialect: &'static dyn Dialect,
        first: Seq,
        shared: Arc<Shared>,
    ) -> Self {
        Self {
            dialect,
            born: now,
            shared,
            draft: Draft { first, frames: Frames::default(), ends: Vec::new() },
            loud: false,
            silent: 0,
            bells: BTreeMap::new(),
            calm: dialect.calm(),
            owed: Owed::default(),
            rests_until: now,
        }
    }

    /// Whether a log line is one too many.
    pub(super) fn is_too_much(&mut self) -> bool {
        let Some(calm) = self.calm else { return false };
        let fits = self.owed.lines < calm.lines;
        if fits {
            self.owed.lines += 1;
        } else {
            self.owed.summed += 1;
        }
        !fits
    }

    pub(super) fn owes(&self) -> bool {
        self.owed.level || 0 < self.owed.summed
    }

    /// Whether what there is to be written has to wait.
    pub(super) fn rests(&self, now: Instant) -> bool {
        now < self.rests_until && !self.owed.urgent && !self.draft.is_empty()
    }

    /// Says what is owed, behind the last record.
    pub(super) fn settle(
        &mut self,
        now: Instant,
        level: impl Fn(&'static dyn Dialect, &mut Frames),
        summed_up: impl Fn(&'static dyn Dialect, u64, &mut Frames),
    ) {
        if self.draft.is_empty() {
            return;
        }
        let owed = std::mem::take(&mut self.owed);
        let before = self.draft.frames.len();
        if 0 < owed.summed {
            summed_up(self.dialect, owed.summed, &mut self.draft.frames);
        }
        if owed.level {
            level(self.dialect, &mut self.draft.frames);
        }
        self.draft.extend_last();
        if let Some(calm) = self.calm {
            let size = self.draft.frames.len() - before;
            let stretch = u32::try_from(size / LARGE).unwrap_or(u32::MAX).saturating_add(1);
            self.rests_until = now + calm.every * stretch;
        }
    }

    /// Has the state rendered, and shown to whoever has nothing.
    pub(super) fn show(
        &mut self,
        gauge: &Gauge,
        render: impl FnOnce(&mut Frames),
    ) -> Result<Still, Overloaded> {
        debug_assert!(self.draft.is_empty(), "a state is shown between two turns");
        let mut frames = Frames::default();
        render(&mut frames);
        let bytes = gauge.measure(frames.into_bytes()).ok_or(Overloaded)?;
        let still = Still { at: self.shared.look(Tape::head), bytes };
        self.shared.change(|tape| tape.show(still.clone()));
        Ok(still)
    }

    pub(super) fn stamp(&self, now: Instant) -> Stamp {
        stamp(now.saturating_duration_since(self.born), Duration::ZERO)
    }

    pub(super) fn flush(&mut self, stamp: Stamp) {
        let Draft { first, frames, ends } = &mut self.draft;
        if ends.is_empty() {
            return;
        }
        self.shared.change(|tape| tape.push(*first, frames.as_bytes(), ends, stamp));
        self.loud |= !frames.is_empty();
        self.silent += ends.len();
        *first = Seq(first.0 + ends.len() as u64);
        frames.clear();
        ends.clear();
    }

    pub(super) fn ring(&mut self, turn: u64) {
        (self.loud, self.silent) = (false, 0);
        for bell in self.bells.values() {
            bell.ring_for(turn);
        }
    }
}

impl Draft {
    pub(super) fn record(&mut self, render: impl FnOnce(&mut Frames)) {
        render(&mut self.frames);
        self.ends.push(u32::try_from(self.frames.len()).expect("a draft is small"));
    }

    /// What was written since belongs to the last record.
    pub(super) fn extend_last(&mut self) {
        if let Some(end) = self.ends.last_mut() {
            *end = u32::try_from(self.frames.len()).expect("a draft is small");
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.ends.is_empty()
    }
}

pub(super) fn stamp(since: Duration, age: Duration) -> Stamp {
    let seconds = |it: Duration| u32::try_from(it.as_secs()).unwrap_or(u32::MAX);
    Stamp(BORN.saturating_add(seconds(since)).saturating_sub(seconds(age)))
}
