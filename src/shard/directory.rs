//! The directory of executions: a room like an execution's, whose records are summaries. It has
//! numbers of its own, which nobody is shown. Those who see the same executions share one.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::{Duration, Instant},
};

use crate::auth::Sight;
use crate::dialect::Dialect;
use crate::model::{ExecutionId, ViewerId};
use crate::room::{Keep, Room};

/// Who is told how each execution stands, and when it may be told again.
#[derive(Debug)]
pub(super) struct Directory {
    /// Only those that somebody watches.
    rooms: BTreeMap<Sight, Room>,
    keep: Keep,
    every: Duration,
    marks: BTreeMap<ExecutionId, Mark>,
    /// One entry for each mark.
    queue: BTreeSet<(Instant, ExecutionId)>,
}

#[derive(Debug)]
struct Mark {
    /// Not before this.
    next: Instant,
    changed: bool,
}

impl Directory {
    pub(super) fn new(keep: Keep, every: Duration) -> Self {
        let (rooms, marks, queue) = (BTreeMap::new(), BTreeMap::new(), BTreeSet::new());
        Self { rooms, keep, every, marks, queue }
    }

    /// The room of those who see this much.
    pub(super) fn room(&mut self, sight: &Sight) -> &mut Room {
        let keep = self.keep;
        self.rooms.entry(sight.clone()).or_insert_with(|| Room::new(keep))
    }

    /// All of them, with what is seen there.
    pub(super) fn rooms(&mut self) -> impl Iterator<Item = (&Sight, &mut Room)> {
        self.rooms.iter_mut()
    }

    /// A viewer watches it no longer.
    pub(super) fn leave(&mut self, dialect: &'static dyn Dialect, viewer: ViewerId) {
        self.rooms.retain(|_, room| {
            room.leave(dialect, viewer);
            room.is_watched()
        });
    }

    /// From now on rooms keep this much.
    pub(super) fn retain(&mut self, now: Instant, keep: Keep) {
        self.keep = keep;
        self.rooms.values_mut().for_each(|room| room.keep(now, keep));
    }

    /// Bytes that are kept.
    pub(super) fn held(&self) -> usize {
        self.rooms.values().map(Room::held).sum()
    }

    /// An execution has changed. Logs of workflows are none.
    pub(super) fn touch(&mut self, now: Instant, execution: &ExecutionId) {
        if self.rooms.is_empty() || execution.workflow().is_some() {
            return;
        }
        match self.marks.get_mut(execution) {
            Some(mark) => mark.changed = true,
            None => {
                self.marks.insert(execution.clone(), Mark { next: now, changed: true });
                self.queue.insert((now, execution.clone()));
            }
        }
    }

    /// When there is something to say, or to forget.
    pub(super) fn due(&self) -> Option<Instant> {
        self.queue.first().map(|(at, _)| *at)
    }

    /// The next execution of which something is to be said now.
    pub(super) fn pop(&mut self, now: Instant) -> Option<ExecutionId> {
        while self.queue.first().is_some_and(|(at, _)| *at <= now) {
            let (_, execution) = self.queue.pop_first()?;
            let mark = self.marks.get_mut(&execution)?;
            if mark.changed && !self.rooms.is_empty() {
                *mark = Mark { next: now + self.every, changed: false };
                self.queue.insert((mark.next, execution.clone()));
                return Some(execution);
            }
            self.marks.remove(&execution);
        }
        None
    }
}
