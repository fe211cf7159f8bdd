//! Who watches what: seats, the wait for executions that nobody has spoken of, and questions.

use std::{sync::Arc, time::Duration};

use super::place::place;
use super::run::Shard;
use super::{Join, Message};
use crate::auth::access::{self, Action};
use crate::core::{Answer, Start, Why};
use crate::dialect::{Begin, Dialect, Point, Summary, native::Word};
use crate::model::{ExecutionId, Now, Position, Principal, Seq, Text, ViewerId};
use crate::room::Overloaded;
use crate::store::Backend;
use crate::viewer::{Cursor, Letter, Post, Seat, Topic};

/// How to reach one viewer alone, and what it watches.
#[derive(Debug)]
pub(super) struct Reach {
    pub(super) principal: Arc<Principal>,
    post: Post,
    watches: Vec<Watch>,
}

#[derive(Debug)]
struct Watch {
    topic: Topic,
    dialect: &'static dyn Dialect,
    /// `None`: it is the directory, or nobody has spoken of it yet.
    execution: Option<ExecutionId>,
}

impl Reach {
    pub(super) fn new(principal: Arc<Principal>, post: Post) -> Self {
        Self { principal, post, watches: Vec::new() }
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
            Message::Snapshot { name, principal, reply } => {
                let found = self.visible(&principal, &name).and_then(|execution| {
                    let (at, state) = self.relay.snapshot(&execution)?;
                    let state = Box::new(state.clone());
                    Some((execution, at, state))
                });
                // Who asked may have gone.
                drop(reply.send(found));
            }
            Message::Records { name, principal, since, reply } => {
                let found = self.visible(&principal, &name).and_then(|execution| {
                    let (head, _) = self.relay.snapshot(&execution)?;
                    let from = match self.relay.start(&execution, since)? {
                        Start::After(since) => since.seq,
                        Start::Snapshot { .. } => Seq(0),
                    };
                    let all = self.relay.retained(&execution);
                    let records: Vec<_> =
                        all.filter(|it| from < it.position.seq).cloned().collect();
                    let first = records.first().map_or(head.seq.next(), |it| it.position.seq);
                    let follows = since.is_some_and(|since| {
                        since.epoch == head.epoch && since.seq.next() == first
                    });
                    Some((execution, head, follows, records))
                });
                drop(reply.send(found));
            }
            Message::Executions { principal, reply } => {
                let fine = |id| access::may(&principal, Action::Watch, Some(id));
                let found = if access::may(&principal, Action::List, None) {
                    let all = self.relay.executions().filter(|(id, ..)| fine(id));
                    all.map(|(id, at, state)| (id.clone(), at, Box::new(state.clone()))).collect()
                } else {
                    vec![]
                };
                drop(reply.send(found));
            }
            Message::Measure { reply } => {
                self.measure();
                // Whoever asked may have gone.
                let _ = reply.send(());
            }
            Message::Input(_)
            | Message::Engine { .. }
            | Message::Viewer { .. }
            | Message::Known { .. } => unreachable!("these are not put off"),
        }
    }

    /// The execution that a name means, if `principal` may know that.
    fn visible(&self, principal: &Principal, name: &str) -> Option<ExecutionId> {
        let execution = self.relay.resolve(name)?;
        access::may(principal, Action::Watch, Some(&execution)).then_some(execution)
    }

    /// Gives a viewer its place. `waited`: it was told before that nobody knew the execution.
    fn join(&mut self, now: Now, join: Join, waited: bool) {
        let Join { viewer, topic, dialect, from, ticket } = join.clone();
        let Some(reach) = self.viewers.get_mut(&viewer) else { return };
        let principal = reach.principal.clone();
        let (execution, seat) = match &topic {
            Topic::Directory if access::may(&principal, Action::List, None) => {
                (None, self.seat_at_directory(now, viewer, dialect))
            }
            // The same words as for what is not there.
            Topic::Directory => (None, Ok((None, None))),
            Topic::Execution(name) => match self.visible(&principal, name) {
                Some(execution) => {
                    let seat = self.seat(now, viewer, &execution, dialect, &from, waited);
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
            reach.watches.push(Watch { topic: topic.clone(), dialect, execution });
        }
        match seat {
            Err(Overloaded) => {
                self.leave(viewer, &topic);
                self.post(viewer, Letter::Overloaded);
            }
            Ok((answer, cursor)) => {
                let seat = Seat { topic, ticket, answer, cursor };
                self.post(viewer, Letter::Seat(Box::new(seat)));
            }
        }
    }

    fn seat(
        &mut self,
        now: Now,
        viewer: ViewerId,
        execution: &ExecutionId,
        dialect: &'static dyn Dialect,
        from: &Begin,
        waited: bool,
    ) -> Result<(Option<Answer>, Option<Cursor>), Overloaded> {
        let Some(bell) = self.viewers.get(&viewer).map(|it| it.post.bell().clone()) else {
            return Ok((None, None));
        };
        self.room(now.instant, execution);
        self.catch_up(now, execution);
        let since = if let Begin::After(since) = from { *since } else { None };
        let Self { relay, rooms, gauge, metrics, .. } = self;
        let (Some((head, state)), Some(start), Some(heard)) =
            (relay.snapshot(execution), relay.start(execution, since), rooms.get_mut(execution))
        else {
            unreachable!("what a name means is there");
        };
        let room = &mut heard.room;
        let past = relay
            .retained(execution)
            .map(|record| (record.position.seq, record.time.until(now.time), record.clone()));
        let shared = room.join(
            now.instant,
            dialect,
            viewer,
            bell,
            head.seq,
            past,
            |dialect, record, out| {
                dialect.record(record, out);
            },
        );
        // Only the tape knows what it can still send.
        let tail = shared.look(|tape| tape.tail());
        if !matches!(from, Begin::After(_)) {
            let (point, gaps) = match from {
                Begin::Replayed { behind, gaps } => (behind, *gaps),
                Begin::Shown(behind) | Begin::Behind(behind) => (behind, true),
                Begin::Held | Begin::After(_) => (&Point::Here, true),
            };
            let records = relay.retained(execution).map(|it| (it.position.seq, it.time));
            let at = place(point, head, tail, gaps, records).filter(|at| gaps || tail <= *at);
            let at = at.map_or(head.seq, |at| at.max(tail));
            let cursor = Cursor::new(shared, Some(head.epoch), Some(at));
            // Only where it is shown: a whole state is much to render.
            let mut still = || {
                let render = |out: &mut _| dialect.state(execution, head, state, out);
                let still = room.still(dialect, gauge, render)?;
                Ok(still.unwrap_or_else(|| unreachable!("it has just been joined")))
            };
            let cursor = match from {
                Begin::Shown(_) => cursor.showing(still()?),
                Begin::Held => cursor.showing(still()?).resting(),
                Begin::Behind(_) => cursor,
                // Who is told everything from the beginning needs to be told nothing again.
                Begin::Replayed { behind: Point::Oldest, .. } if at == Seq(0) => cursor,
                Begin::Replayed { .. } | Begin::After(_) => cursor.then(still()?),
            };
            let start = Start::After(Position { seq: at, ..head });
            let answer = Answer::Watching { execution: execution.clone(), start, head };
            return Ok((Some(answer), Some(cursor)));
        }
        let start = match start {
            Start::After(since) if since.seq < tail => {
                Start::Snapshot { at: head, why: Why::TooOld }
            }
            // To who has waited for it, all of it is news.
            Start::Snapshot { .. } if waited && tail == Seq(0) => {
                Start::After(Position { seq: Seq(0), ..head })
            }
            Start::After(_) | Start::Snapshot { .. } => start,
        };
        let at = match start {
            Start::After(position) => Some(position.seq),
            Start::Snapshot { why, .. } => {
                metrics.viewer_snapshots.of(why.word()).inc();
                if why == Why::Ahead {
                    tracing::error!(%execution, %head, "a viewer has seen what the relay has lost");
                }
                room.rewind(dialect, gauge, |out| dialect.state(execution, head, state, out))?;
                None
            }
        };
        let cursor = Cursor::new(shared, Some(head.epoch), at);
        let answer = Answer::Watching { execution: execution.clone(), start, head };
        Ok((Some(answer), Some(cursor)))
    }

    fn seat_at_directory(
        &mut self,
        now: Now,
        viewer: ViewerId,
        dialect: &'static dyn Dialect,
    ) -> Result<(Option<Answer>, Option<Cursor>), Overloaded> {
        let Some(bell) = self.viewers.get(&viewer).map(|it| it.post.bell().clone()) else {
            return Ok((None, None));
        };
        let none: [(Seq, Duration, ()); 0] = [];
        let room = &mut self.directory.room;
        let shared = room.join(now.instant, dialect, viewer, bell, Seq(0), none, |_, (), _| ());
        self.show_directory(dialect)?;
        Ok((None, Some(Cursor::new(shared, None, None))))
    }

    fn show_directory(&mut self, dialect: &'static dyn Dialect) -> Result<(), Overloaded> {
        let Self { relay, directory, gauge, .. } = self;
        directory.room.rewind(dialect, gauge, |out| {
            let items = relay.executions();
            let items: Vec<_> =
                items.map(|(execution, at, state)| Summary { execution, at, state }).collect();
            dialect.directory(&items, out);
        })
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
            (Topic::Directory, _) => self.show_directory(dialect),
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
    fn catch_up(&mut self, now: Now, execution: &ExecutionId) {
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

    /// It has turned out who somebody is.
    pub(super) fn known(&mut self, viewer: ViewerId, principal: Arc<Principal>) {
        if let Some(reach) = self.viewers.get_mut(&viewer) {
            reach.principal = principal;
        }
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
            (Topic::Directory, _) => self.directory.room.leave(watch.dialect, viewer),
            (Topic::Execution(_), Some(execution)) => {
                self.depart(execution, watch.dialect, viewer);
            }
            (Topic::Execution(name), None) => self.waiting.remove(name, viewer),
        }
    }

    fn forget_watch(&mut self, viewer: ViewerId, topic: &Topic) -> Option<Watch> {
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
