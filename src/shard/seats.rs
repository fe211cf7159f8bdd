//! Where on which tape a viewer begins, and what it is shown first.

use std::{sync::Arc, time::Duration};

use super::place::place;
use super::run::Shard;
use crate::auth::Sight;
use crate::core::{Answer, NotThen, Start, Why};
use crate::dialect::native::Word;
use crate::dialect::{Begin, Dialect, Point, Summary};
use crate::frame::Frames;
use crate::model::{ExecutionId, Now, Position, Seq, ViewerId};
use crate::room::{Overloaded, Shared, Still};
use crate::store::Backend;
use crate::viewer::Cursor;

/// What a viewer is told first, and from where it goes on.
pub(super) type Place = (Option<Answer>, Option<Cursor>);

impl<Store: Backend> Shard<Store> {
    /// The tape of a log, which rings for this viewer from now on.
    fn enter(
        &mut self,
        now: Now,
        viewer: ViewerId,
        execution: &ExecutionId,
        dialect: &'static dyn Dialect,
    ) -> Option<Arc<Shared>> {
        let bell = self.viewers.get(&viewer)?.post.bell().clone();
        self.room(now.instant, execution);
        self.catch_up(now, execution);
        let Self { relay, rooms, .. } = self;
        let (head, heard) = (relay.head(execution)?, rooms.get_mut(execution)?);
        let past = relay
            .retained(execution)
            .map(|record| (record.position.seq, record.time.until(now.time), record.clone()));
        let render = |dialect: &'static dyn Dialect, record: &Arc<_>, out: &mut _| {
            dialect.record(record, out);
        };
        Some(heard.room.join(now.instant, dialect, viewer, bell, head, past, render))
    }

    /// A place on the tape of a log that is there. `waited`: the viewer was told before that nobody
    /// knew it. `reads`: what the tape no longer has may be read from the store.
    pub(super) fn seat(
        &mut self,
        now: Now,
        viewer: ViewerId,
        execution: &ExecutionId,
        dialect: &'static dyn Dialect,
        from: &Begin,
        (waited, reads): (bool, bool),
    ) -> Result<Place, Overloaded> {
        let Some(shared) = self.enter(now, viewer, execution, dialect) else {
            return Ok((None, None));
        };
        // The others say more in a log than each record by itself.
        let reads = reads && !dialect.manners().is_seed();
        let since = if let Begin::After(since) = from { *since } else { None };
        let Self { relay, rooms, gauge, metrics, .. } = self;
        let (Some((head, state)), Some(start), Some(heard)) =
            (relay.snapshot(execution), relay.start(execution, since), rooms.get_mut(execution))
        else {
            unreachable!("what a name means is there");
        };
        let room = &mut heard.room;
        // Only the tape knows what it can still send.
        let tail = shared.look(|tape| tape.tail());
        if !matches!(from, Begin::After(_)) {
            let (point, gaps) = match from {
                Begin::Replayed { behind, gaps } => (behind, *gaps),
                Begin::Shown(behind) | Begin::Behind(behind) => (behind, true),
                Begin::Held | Begin::After(_) | Begin::At(_) => (&Point::Here, true),
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
                Begin::Replayed { .. } | Begin::After(_) | Begin::At(_) => cursor.then(still()?),
            };
            let start = Start::After(Position { seq: at, ..head });
            let answer = Answer::Watching { execution: execution.clone(), start, head };
            return Ok((Some(answer), Some(cursor)));
        }
        let start = match start {
            Start::After(since) if since.seq < tail && !reads => {
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
        let cursor = if at.is_some_and(|at| at < tail) { cursor.replaying() } else { cursor };
        let answer = Answer::Watching { execution: execution.clone(), start, head };
        Ok((Some(answer), Some(cursor)))
    }

    /// A place that begins with the state as it was at a record.
    pub(super) fn seat_at(
        &mut self,
        now: Now,
        viewer: ViewerId,
        execution: &ExecutionId,
        dialect: &'static dyn Dialect,
        seq: Seq,
    ) -> Result<Place, Overloaded> {
        let not = |why| {
            let execution = execution.clone();
            Ok((Some(Answer::NotThen { execution, why }), None))
        };
        let Some((head, _)) = self.relay.snapshot(execution) else { return Ok((None, None)) };
        if head.seq < seq {
            return not(NotThen::Ahead { head: head.seq });
        }
        let (state, reads) = (self.relay.state_at(execution, seq), self.archive.is_some());
        if state.is_none() && !reads {
            return not(NotThen::NotKept);
        }
        let Some(shared) = self.enter(now, viewer, execution, dialect) else {
            return Ok((None, None));
        };
        let tail = shared.look(|tape| tape.tail());
        let (at, cursor) =
            (Position { seq, ..head }, Cursor::new(shared, Some(head.epoch), Some(seq)));
        let cursor = match state {
            Some(state) if tail <= seq => {
                let mut frames = Frames::default();
                dialect.state(execution, at, &state, &mut frames);
                let bytes = self.gauge.measure(frames.into_bytes()).ok_or(Overloaded)?;
                cursor.showing(Still { at: seq, bytes })
            }
            // What follows is no longer on the tape, though memory may have it.
            Some(_) | None if !reads => return not(NotThen::NotKept),
            Some(_) | None => cursor.replaying(),
        };
        let start = Start::Snapshot { at, why: Why::Fresh };
        let answer = Answer::Watching { execution: execution.clone(), start, head };
        Ok((Some(answer), Some(cursor)))
    }

    pub(super) fn seat_at_directory(
        &mut self,
        now: Now,
        viewer: ViewerId,
        sight: &Sight,
        dialect: &'static dyn Dialect,
    ) -> Result<Place, Overloaded> {
        let Some(bell) = self.viewers.get(&viewer).map(|it| it.post.bell().clone()) else {
            return Ok((None, None));
        };
        let none: [(Seq, Duration, ()); 0] = [];
        let room = self.directory.room(sight);
        let shared = room.join(now.instant, dialect, viewer, bell, Seq(0), none, |_, (), _| ());
        self.show_directory(sight, dialect)?;
        Ok((None, Some(Cursor::new(shared, None, None))))
    }

    pub(super) fn show_directory(
        &mut self,
        sight: &Sight,
        dialect: &'static dyn Dialect,
    ) -> Result<(), Overloaded> {
        let Self { relay, directory, gauge, .. } = self;
        directory.room(sight).rewind(dialect, gauge, |out| {
            let seen = |id: &ExecutionId| relay.owner(id).is_some_and(|it| sight.has(id, it));
            let items = relay.executions().filter(|(id, ..)| seen(id));
            let items: Vec<_> =
                items.map(|(execution, at, state)| Summary { execution, at, state }).collect();
            dialect.directory(&items, out);
        })
    }
}
