//! The directory of executions: a room like an execution's, whose records are summaries. It has
//! numbers of its own, which nobody is shown.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::{Duration, Instant},
};

use crate::model::ExecutionId;
use crate::room::{Keep, Room};

/// Who is told how each execution stands, and when it may be told again.
#[derive(Debug)]
pub(super) struct Directory {
    pub(super) room: Room,
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
        let (marks, queue) = (BTreeMap::new(), BTreeSet::new());
        Self { room: Room::new(keep), every, marks, queue }
    }

    /// An execution has changed. Logs of workflows are none.
    pub(super) fn touch(&mut self, now: Instant, execution: &ExecutionId) {
        if !self.room.is_watched() || execution.workflow().is_some() {
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
            if mark.changed && self.room.is_watched() {
                *mark = Mark { next: now + self.every, changed: false };
                self.queue.insert((mark.next, execution.clone()));
                return Some(execution);
            }
            self.marks.remove(&execution);
        }
        None
    }
}
