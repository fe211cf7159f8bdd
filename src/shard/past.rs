//! Viewers that are shown more than memory has: their seats wait for the first piece of it, and each
//! further piece is read when the last is written.

use std::sync::Arc;

use super::archive::{Archive, Done, Got, Of, Order, Want, Whose};
use super::run::Shard;
use super::viewers::{Pending, Watch};
use super::{Join, Lost};
use crate::core::{Answer, NotThen};
use crate::dialect::Begin;
use crate::model::{Position, ViewerId};
use crate::room::{Overloaded, Still};
use crate::store::{Backend, Reader};
use crate::viewer::{Cursor, Letter, Past, Seat, Topic};

impl<Store: Backend> Shard<Store> {
    /// Shows viewers of our own protocol what is kept there, where memory does not reach back to what
    /// they ask for.
    #[must_use]
    pub fn reading(mut self, reader: Reader) -> Self {
        let (gauge, metrics) = (self.gauge.clone(), Arc::clone(&self.metrics));
        self.archive = Some(Archive::new(reader, *self.relay.limits(), gauge, metrics));
        self
    }

    /// A seat is kept back until what it begins with has been read.
    pub(super) fn await_past(&mut self, viewer: ViewerId, seat: Box<Seat>, from: Begin) {
        let Some(position) = seat.cursor.as_ref().and_then(Cursor::position) else { return };
        let (topic, ticket) = (seat.topic.clone(), seat.ticket);
        let Some(watch) = self.watch(viewer, &topic) else { return };
        let (dialect, execution) = (watch.dialect, watch.execution.clone());
        let want = if let Begin::At(seq) = from {
            Want::Still(dialect, seq)
        } else {
            Want::Piece(dialect, position.seq)
        };
        watch.pending = Some(Box::new(Pending { seat, from }));
        let Some((execution, archive)) = execution.zip(self.archive.as_mut()) else { return };
        let of = Of { execution, epoch: position.epoch };
        archive.order(Order { of, want, whose: Whose::Viewer { viewer, topic, ticket } });
    }

    /// A viewer needs what follows on a record.
    pub(super) fn past(&mut self, viewer: ViewerId, topic: &Topic, after: Position) {
        let Some(watch) = self.watch(viewer, topic) else { return };
        let (dialect, ticket, execution) = (watch.dialect, watch.ticket, watch.execution.clone());
        let whose = Whose::Viewer { viewer, topic: topic.clone(), ticket };
        match execution.zip(self.archive.as_mut()) {
            Some((execution, archive)) => {
                let of = Of { execution, epoch: after.epoch };
                archive.order(Order { of, want: Want::Piece(dialect, after.seq), whose });
            }
            None => {
                let topic = topic.clone();
                let past = Past { topic, ticket, behind: after.seq, piece: None };
                self.post(viewer, Letter::Past(Box::new(past)));
            }
        }
    }

    /// An order has been carried out.
    pub(super) fn had(&mut self, (order, got): Done) {
        let Order { of, want, whose } = order;
        match (whose, got) {
            (Whose::Viewer { viewer, topic, ticket }, got) => {
                let still = match got {
                    Ok(Got::Still(still)) => Ok(still),
                    Ok(Got::State(_) | Got::Records(_)) => unreachable!("viewers see frames"),
                    Err(lost) => Err(lost),
                };
                self.shown(viewer, topic, ticket, want, still);
            }
            // Who asked may have gone; so for all answers here.
            (Whose::State(reply), got) => drop(reply.send(got.map(|got| {
                let Got::State(state) = got else { unreachable!("it was asked for") };
                let at = Position { epoch: of.epoch, seq: want.seq() };
                (of.execution, at, state)
            }))),
            (Whose::Records(reply, mut known), Ok(Got::Records(records))) => {
                (known.records, known.recovered) = (records, true);
                drop(reply.send(Ok(*known)));
            }
            (Whose::Records(reply, _), Err(Lost::Busy)) => drop(reply.send(Err(Lost::Busy))),
            // What memory has has to do.
            (Whose::Records(reply, known), _) => drop(reply.send(Ok(*known))),
        }
    }

    fn shown(
        &mut self,
        viewer: ViewerId,
        topic: Topic,
        ticket: u32,
        want: Want,
        still: Result<Still, Lost>,
    ) {
        // What it watched then it may watch no longer, or from elsewhere.
        let Some(watch) = self.watch(viewer, &topic).filter(|it| it.ticket == ticket) else {
            return;
        };
        if matches!(still, Err(Lost::Busy)) {
            self.leave(viewer, &topic);
            return self.post(viewer, Letter::Overloaded);
        }
        let Some(pending) = watch.pending.take() else {
            let past = Past { topic, ticket, behind: want.seq(), piece: still.ok() };
            return self.post(viewer, Letter::Past(Box::new(past)));
        };
        let Pending { mut seat, from } = *pending;
        match (still, from) {
            (Ok(still), _) => {
                seat.cursor = seat.cursor.map(|cursor| cursor.with_past(still));
                self.post(viewer, Letter::Seat(seat));
            }
            (Err(_), Begin::At(_)) => {
                if let Some(Answer::Watching { execution, .. }) = seat.answer {
                    let why = NotThen::Gone;
                    seat.answer = Some(Answer::NotThen { execution, why });
                }
                seat.cursor = None;
                self.leave(viewer, &topic);
                self.post(viewer, Letter::Seat(seat));
            }
            (Err(_), from) => {
                let (dialect, execution, now) =
                    (watch.dialect, watch.execution.clone(), self.clock.now());
                let Some(execution) = execution.filter(|it| self.relay.head(it).is_some()) else {
                    // It has been forgotten meanwhile.
                    self.leave(viewer, &topic);
                    return self.join(now, Join { viewer, topic, dialect, from, ticket }, false);
                };
                match self.seat(now, viewer, &execution, dialect, &from, (false, false)) {
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
        }
    }

    fn watch(&mut self, viewer: ViewerId, topic: &Topic) -> Option<&mut Watch> {
        self.viewers.get_mut(&viewer)?.watches.iter_mut().find(|it| it.topic == *topic)
    }
}
