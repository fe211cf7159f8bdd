//! What is done from time to time although nobody has said anything.

use std::time::Instant;

use super::{Archive, Shard};
use crate::dialect::{Dialect, Summary};
use crate::model::{ExecutionId, Now};
use crate::room::Line;
use crate::shard::Held;
use crate::store::Backend;

impl<Store: Backend> Shard<Store> {
    pub(super) fn summarize(&mut self, now: Instant) {
        let mut told = false;
        while let Some(execution) = self.directory.pop(now) {
            let known = self.relay.snapshot(&execution).zip(self.relay.owner(&execution));
            let Some(((at, state), owner)) = known else { continue };
            let item = Summary { execution: &execution, at, state };
            let line = Line::default();
            let render = |dialect: &'static dyn Dialect, out: &mut _| dialect.summary(&item, out);
            for (sight, room) in self.directory.rooms() {
                if sight.has(&execution, owner) {
                    room.append(now, line, |_| false, render);
                }
            }
            told = true;
        }
        if told {
            for (_, room) in self.directory.rooms() {
                room.publish(now, self.turn, |_, _| (), |_, _, _| ());
            }
        }
    }

    /// It is time to tell a room that there is nothing new, unless there was.
    pub(super) fn alarm(&mut self, now: Now, at: Instant, execution: ExecutionId) {
        let Some(heard) = self.rooms.get_mut(&execution).filter(|it| it.alarm == at) else {
            return;
        };
        if heard.beat <= now.instant {
            if let Some((head, _)) = self.relay.snapshot(&execution) {
                heard.room.beat(now.instant, self.turn, |dialect, out| {
                    dialect.heartbeat(&execution, head, now.time, out);
                });
            }
            heard.beat = now.instant + self.options.beat_every;
        }
        heard.alarm = heard.beat;
        self.alarms.insert((heard.alarm, execution));
    }

    /// How much there is of everything.
    pub(in crate::shard) fn holds(&self) -> Held {
        Held {
            logs: self.relay.logs().count(),
            viewers: self.viewers.len(),
            watches: self.viewers.values().map(|it| it.watches.len()).sum(),
            rooms: self.rooms.len(),
            waiting: self.waiting.len + self.followers.len(),
            alarms: self.alarms.len() + self.calm.len(),
            orders: self.archive.as_ref().map_or(0, Archive::orders),
        }
    }

    /// Viewers whose connection is gone without having said so are let go of.
    pub(super) fn sweep(&mut self, now: Instant) {
        let gone = self.viewers.iter().filter(|(_, reach)| !reach.is_there());
        for viewer in gone.map(|(viewer, _)| *viewer).collect::<Vec<_>>() {
            self.left(viewer);
        }
        self.sweep = (!self.viewers.is_empty()).then(|| now + self.options.beat_every);
    }
}
