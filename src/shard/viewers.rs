//! Who watches what: seats, the wait for executions that nobody has spoken of, and questions.

use std::sync::Arc;

use super::pressure::Pressure;
use super::run::Shard;
use super::{Join, Message};
use crate::auth::Pass;
use crate::auth::access::Action;
use crate::core::Answer;
use crate::dialect::{Begin, Dialect};
use crate::model::{ExecutionId, Now, Text, ViewerId};
use crate::room::Overloaded;
use crate::store::Backend;
use crate::viewer::{Cursor, Letter, Post, Seat, Topic};

/// How to reach one viewer alone, and what it watches.
#[derive(Debug)]
pub(super) struct Reach {
    pub(super) pass: Arc<Pass>,
    pub(super) post: Post,
    pub(super) watches: Vec<Watch>,
}

#[derive(Debug)]
pub(super) struct Watch {
    pub(super) topic: Topic,
    pub(super) dialect: &'static dyn Dialect,
    /// `None`: it is the directory, or nobody has spoken of it yet.
    pub(super) execution: Option<ExecutionId>,
    /// As it came with the wish.
    pub(super) ticket: u32,
    /// Its seat, until the first that it is to be shown there has been read.
    pub(super) pending: Option<Box<Pending>>,
}

/// A seat that waits for what has to be read first.
#[derive(Debug)]
pub(super) struct Pending {
    pub(super) seat: Box<Seat>,
    pub(super) from: Begin,
}

impl Reach {
    pub(super) fn new(pass: Arc<Pass>, post: Post) -> Self {
        Self { pass, post, watches: Vec::new() }
    }

    pub(super) fn is_there(&self) -> bool {
        self.post.is_open()
    }
}

impl<Store: Backend> Shard<Store> {
    /// Does what was put off until everything that was said before it was committed.
    pub(super) fn serve(&mut self, message: Message) {
        let now = self.clock.now();
        match message {
            Message::Join(join) => {
                let viewer = join.viewer;
                let mut before = self.forget_watch(viewer, &join.topic);
                if let Some(before) = before.take_if(|it| it.execution.is_none()) {
                    self.give_up(viewer, &before);
                }
                self.join(now, join, false);
                // Only now: a log that nobody else watches would have been rendered anew.
                before.into_iter().for_each(|before| self.give_up(viewer, &before));
            }
            Message::Behind { viewer, topic } => self.rewind(viewer, &topic),
            Message::Follow { viewer, group } => self.follow(viewer, group),
            Message::Unfollow { viewer, group } => {
                self.followers.remove(&(group, viewer));
            }
            Message::Leave { viewer, topic } => self.leave(viewer, &topic),
            Message::Left { viewer } => self.left(viewer),
            Message::Past { viewer, topic, after } => self.past(viewer, &topic, after),
            Message::Snapshot { name, pass, at, reply } => {
                self.asked_state(&pass, &name, at, reply);
            }
            Message::Records { name, pass, since, reply } => {
                self.asked_records(&pass, &name, since, reply);
            }
            Message::Executions { pass, reply } => {
                // Who asked may have gone.
                drop(reply.send(self.asked_executions(&pass)));
            }
            Message::Measure { reply } => {
                self.measure();
                // As above.
                let _ = reply.send(self.holds());
            }
            Message::Known { viewer, .. } => self.review(viewer),
            Message::Reassess => self.reassess(),
            Message::Input(_) | Message::Engine { .. } | Message::Viewer { .. } => {
                unreachable!("these are not put off")
            }
        }
    }

    /// Gives a viewer its place. `waited`: it was told before that nobody knew the execution.
    pub(super) fn join(&mut self, now: Now, join: Join, waited: bool) {
        let Join { viewer, topic, dialect, from, ticket } = join.clone();
        let Some(reach) = self.viewers.get_mut(&viewer) else { return };
        let pass = Arc::clone(&reach.pass);
        if Pressure::Severe <= self.pressure() {
            return self.post(viewer, Letter::Overloaded);
        }
        let (execution, seat) = match &topic {
            Topic::Directory if self.may(&pass, Action::List, None) => {
                (None, self.seat_at_directory(now, viewer, &pass.sight, dialect))
            }
            // The same words as for what is not there.
            Topic::Directory => (None, Ok((None, None))),
            Topic::Execution(name) => match self.visible(&pass, name) {
                Some(execution) => {
                    let seat = if let Begin::At(seq) = from {
                        self.seat_at(now, viewer, &execution, dialect, seq)
                    } else {
                        let reads = self.archive.is_some();
                        self.seat(now, viewer, &execution, dialect, &from, (waited, reads))
                    };
                    (Some(execution), seat)
                }
                None => {
                    let asked = name.parse().ok();
                    let waits =
                        dialect.manners().is_seed() && self.waiting.len < self.options.waiting;
                    if waits {
                        self.waiting.insert(name.clone(), join);
                    }
                    (None, Ok((asked.map(|execution| Answer::Unknown { execution }), None)))
                }
            },
        };
        if let Some(reach) = self.viewers.get_mut(&viewer) {
            reach.watches.reserve_exact(1);
            reach.watches.push(Watch {
                topic: topic.clone(),
                dialect,
                execution,
                ticket,
                pending: None,
            });
        }
        match seat {
            Err(Overloaded) => {
                self.leave(viewer, &topic);
                self.post(viewer, Letter::Overloaded);
            }
            Ok((answer, cursor)) => {
                if matches!(answer, Some(Answer::NotThen { .. })) {
                    self.leave(viewer, &topic);
                }
                let seat = Seat { topic, ticket, answer, cursor };
                let seat = Box::new(seat);
                if seat.cursor.as_ref().is_some_and(Cursor::replays) {
                    self.await_past(viewer, seat, from);
                } else {
                    self.post(viewer, Letter::Seat(seat));
                }
            }
        }
    }

    /// Shows a viewer that has fallen off its tape the state.
    fn rewind(&mut self, viewer: ViewerId, topic: &Topic) {
        let now = self.clock.now();
        if let Some(execution) = self.watched(viewer, topic) {
            self.catch_up(now, &execution);
        }
        let Some(reach) = self.viewers.get(&viewer) else { return };
        let Some(watch) = reach.watches.iter().find(|it| it.topic == *topic) else { return };
        let (dialect, bell) = (watch.dialect, reach.post.bell().clone());
        let shown = match (topic, watch.execution.clone()) {
            (Topic::Directory, _) => {
                let sight = reach.pass.sight.clone();
                self.show_directory(&sight, dialect)
            }
            (Topic::Execution(_), Some(execution)) => {
                let Self { relay, rooms, gauge, .. } = self;
                let heard = rooms.get_mut(&execution).zip(relay.snapshot(&execution));
                // If it has just been forgotten, the viewer will ask anew.
                let Some((heard, (at, state))) = heard else { return };
                let render = |out: &mut _| dialect.state(&execution, at, state, out);
                heard.room.rewind(dialect, gauge, render)
            }
            (Topic::Execution(_), None) => return,
        };
        match shown {
            Ok(()) => {
                self.metrics.viewer_snapshots.of("behind").inc();
                bell.ring();
            }
            Err(Overloaded) => self.post(viewer, Letter::Overloaded),
        }
    }

    fn watched(&self, viewer: ViewerId, topic: &Topic) -> Option<ExecutionId> {
        let watches = &self.viewers.get(&viewer)?.watches;
        watches.iter().find(|it| it.topic == *topic)?.execution.clone()
    }

    /// Writes what waits in a room for a calm log's time to come.
    pub(super) fn catch_up(&mut self, now: Now, execution: &ExecutionId) {
        let Self { relay, rooms, .. } = self;
        let heard = rooms.get_mut(execution).zip(relay.snapshot(execution));
        let Some((heard, (head, state))) = heard else { return };
        heard.room.catch_up(
            now.instant,
            self.turn,
            |dialect, out| dialect.level(execution, head, state, out),
            |dialect, lines, out| dialect.summed_up(execution, now.time, lines, out),
        );
    }

    /// Names may mean something now.
    pub(super) fn seat_who_waited(&mut self) {
        let now = self.clock.now();
        let names = self.waiting.joins.keys();
        let known: Vec<Text> =
            names.filter(|name| self.relay.resolve(name).is_some()).cloned().collect();
        for name in known {
            for join in self.waiting.take(&name) {
                self.forget_watch(join.viewer, &join.topic);
                self.join(now, join, true);
            }
        }
    }

    pub(super) fn leave(&mut self, viewer: ViewerId, topic: &Topic) {
        let Some(watch) = self.forget_watch(viewer, topic) else { return };
        self.give_up(viewer, &watch);
    }

    /// Takes a viewer out of where it watched something.
    fn give_up(&mut self, viewer: ViewerId, watch: &Watch) {
        match (&watch.topic, &watch.execution) {
            (Topic::Directory, _) => self.directory.leave(watch.dialect, viewer),
            (Topic::Execution(_), Some(execution)) => {
                self.depart(execution, watch.dialect, viewer);
            }
            (Topic::Execution(name), None) => self.waiting.remove(name, viewer),
        }
    }

    pub(super) fn forget_watch(&mut self, viewer: ViewerId, topic: &Topic) -> Option<Watch> {
        let watches = &mut self.viewers.get_mut(&viewer)?.watches;
        let at = watches.iter().position(|it| it.topic == *topic)?;
        Some(watches.swap_remove(at))
    }

    /// Takes a viewer out of a room, unless it watches that under another name as well.
    fn depart(&mut self, execution: &ExecutionId, dialect: &'static dyn Dialect, viewer: ViewerId) {
        let stays = self.viewers.get(&viewer).is_some_and(|reach| {
            reach.watches.iter().any(|it| it.execution.as_ref() == Some(execution))
        });
        let Some(heard) = self.rooms.get_mut(execution).filter(|_| !stays) else { return };
        heard.room.leave(dialect, viewer);
        if !heard.room.is_watched() {
            self.rooms.remove(execution);
        }
    }

    pub(super) fn left(&mut self, viewer: ViewerId) {
        while let Some(topic) =
            self.viewers.get(&viewer).and_then(|it| it.watches.first()).map(|it| it.topic.clone())
        {
            self.leave(viewer, &topic);
        }
        self.followers.retain(|(_, follower)| *follower != viewer);
        if let Some(archive) = &mut self.archive {
            archive.forget(viewer);
        }
        self.viewers.remove(&viewer);
    }

    /// A viewer that lets its letters pile up is let go of: it asks faster than it listens.
    pub(super) fn post(&mut self, viewer: ViewerId, letter: Letter) {
        let Some(reach) = self.viewers.get(&viewer) else { return };
        if !reach.post.send(letter) {
            self.left(viewer);
        }
    }
}
