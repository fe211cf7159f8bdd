//! What the viewers of one log are sent: for each dialect in use, a tape.
//!
//! A record is rendered once for each dialect, whoever watches; with nobody there is no tape. A
//! room does not know what it renders, so the directory of executions is a room as well. It must
//! never hold anything for one viewer but the bell to ring.

mod bell;
mod channel;
mod segment;
mod still;
mod tape;

pub use bell::Bell;
pub use segment::{Excerpt, Segment};
pub use still::Gauge;
pub use tape::{Keep, Read, Stamp, Still, Tape};

use std::{
    collections::BTreeMap,
    sync::{
        Arc, PoisonError, RwLock,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use channel::{Channel, stamp};

use crate::dialect::Dialect;
use crate::frame::Frames;
use crate::model::{Seq, ViewerId};

/// A tape as its room writes it and its viewers read it.
#[derive(Debug)]
pub struct Shared {
    /// Counts changes, so that who is up to date need not take the lock to see that.
    version: AtomicU64,
    tape: RwLock<Tape>,
}

impl Shared {
    /// For a room, or a test.
    pub fn new(tape: Tape) -> Self {
        Self { version: AtomicU64::new(1), tape: RwLock::new(tape) }
    }

    /// Counts changes, from 1. Read it before the tape.
    pub fn version(&self) -> u64 {
        self.version.load(Ordering::Acquire)
    }

    /// Looks at the tape. `look` must be short: the room waits.
    pub fn look<T>(&self, look: impl FnOnce(&Tape) -> T) -> T {
        look(&self.tape.read().unwrap_or_else(PoisonError::into_inner))
    }

    fn change(&self, change: impl FnOnce(&mut Tape)) {
        change(&mut self.tape.write().unwrap_or_else(PoisonError::into_inner));
        self.version.fetch_add(1, Ordering::Release);
    }
}

/// One log, in every dialect in which somebody watches it.
#[derive(Debug)]
pub struct Room {
    keep: Keep,
    channels: BTreeMap<&'static str, Channel>,
}

/// What a room needs to know of a record to write it.
#[derive(Debug, Clone, Copy, Default)]
pub struct Line {
    /// A log line, of which there may be too many.
    pub log: bool,
    /// It ends the execution: it is not to be waited for.
    pub last: bool,
}

/// The memory for states is used up: come back later.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Overloaded;

impl Room {
    /// Without a viewer. `keep`: for each dialect.
    pub fn new(keep: Keep) -> Self {
        Self { keep, channels: BTreeMap::new() }
    }

    /// The tape in `dialect`; `viewer`'s bell is rung for it from now on. Its first viewer has it
    /// begun by `past`, which is given the newest record and renders those that are retained, each
    /// with its age: so it does not matter which dialects were in use before.
    pub fn join<'a, R: 'a>(
        &mut self,
        now: Instant,
        dialect: &'static dyn Dialect,
        viewer: ViewerId,
        bell: Arc<Bell>,
        head: Seq,
        past: impl IntoIterator<Item = (Seq, Duration, R)>,
        render: impl Fn(&'static dyn Dialect, &R, &mut Frames),
    ) -> Arc<Shared> {
        let calm = dialect.calm();
        let bytes = calm.map_or(self.keep.bytes, |calm| calm.keep.min(self.keep.bytes));
        let keep = Keep { bytes, ..self.keep };
        let begin = || {
            let mut past = past.into_iter().peekable();
            let first = past.peek().map_or(head.next(), |(seq, ..)| *seq);
            let shared = Arc::new(Shared::new(Tape::new(first, keep)));
            let mut channel = Channel::new(now, dialect, first, shared);
            for (_, age, record) in past {
                channel.draft.record(|out| render(dialect, &record, out));
                channel.flush(stamp(Duration::ZERO, age));
            }
            channel
        };
        let channel = self.channels.entry(dialect.name()).or_insert_with(begin);
        channel.bells.insert(viewer, bell);
        debug_assert!(channel.draft.is_empty(), "who comes finds all there is");
        channel.shared.clone()
    }

    /// Renders one record. Viewers see it once the turn is over: [`Room::publish`]. `stirs`: whether
    /// what a dialect says as a whole has to be said again.
    pub fn append(
        &mut self,
        now: Instant,
        line: Line,
        stirs: impl Fn(&'static dyn Dialect) -> bool,
        render: impl Fn(&'static dyn Dialect, &mut Frames),
    ) {
        for channel in self.channels.values_mut() {
            let dialect = channel.dialect;
            channel.owed.level |= stirs(dialect);
            channel.owed.urgent |= line.last;
            let said = !(line.log && channel.is_too_much());
            channel.draft.record(|out| {
                if said {
                    render(dialect, out);
                }
            });
            // What is owed belongs to a record: that can't be written before it is known.
            if !channel.owes() && self.keep.segment() <= channel.draft.frames.len() {
                channel.flush(channel.stamp(now));
            }
        }
    }

    /// At the end of a turn (they are counted, from 1): viewers see what it has added, and each
    /// bell is rung once. Not for records that a dialect has no word for. `level` and `summed_up`
    /// render what [`Dialect`] calls so. When to come again, because a log rests that is calm.
    pub fn publish(
        &mut self,
        now: Instant,
        turn: u64,
        level: impl Fn(&'static dyn Dialect, &mut Frames),
        summed_up: impl Fn(&'static dyn Dialect, u64, &mut Frames),
    ) -> Option<Instant> {
        let mut again: Option<Instant> = None;
        for channel in self.channels.values_mut() {
            if channel.rests(now) {
                let until = channel.rests_until;
                again = Some(again.map_or(until, |again| again.min(until)));
                continue;
            }
            channel.settle(now, &level, &summed_up);
            channel.flush(channel.stamp(now));
            // Who never looks falls off the tape in the end, be there anything to see or not.
            if channel.loud || self.keep.records < 4 * channel.silent {
                channel.ring(turn);
            }
        }
        again
    }

    /// Writes what is waiting for a calm log's time to come, because somebody is about to be shown
    /// the state.
    pub fn catch_up(
        &mut self,
        now: Instant,
        turn: u64,
        level: impl Fn(&'static dyn Dialect, &mut Frames),
        summed_up: impl Fn(&'static dyn Dialect, u64, &mut Frames),
    ) {
        for channel in self.channels.values_mut().filter(|it| !it.draft.is_empty()) {
            channel.settle(now, &level, &summed_up);
            channel.flush(channel.stamp(now));
            channel.ring(turn);
        }
    }

    /// Makes sure that who has nothing, or has fallen off the tape, finds a state to begin with.
    /// One that the tape still continues is as good as a new one, so that a thousand who come at
    /// once cost one rendering.
    ///
    /// # Errors
    /// [`Overloaded`]: slow viewers hold as many bytes of states as there may be.
    pub fn rewind(
        &mut self,
        dialect: &'static dyn Dialect,
        gauge: &Gauge,
        render: impl FnOnce(&mut Frames),
    ) -> Result<(), Overloaded> {
        let Some(channel) = self.channels.get_mut(dialect.name()) else { return Ok(()) };
        if channel.shared.look(Tape::can_begin) {
            return Ok(());
        }
        channel.show(gauge, render).map(drop)
    }

    /// The state as it is now. `None`: nobody watches in this dialect.
    ///
    /// # Errors
    /// As above.
    pub fn still(
        &mut self,
        dialect: &'static dyn Dialect,
        gauge: &Gauge,
        render: impl FnOnce(&mut Frames),
    ) -> Result<Option<Still>, Overloaded> {
        let Some(channel) = self.channels.get_mut(dialect.name()) else { return Ok(None) };
        let still = channel.shared.look(|tape| tape.still().cloned());
        still.map_or_else(|| channel.show(gauge, render), Ok).map(Some)
    }

    /// Tells everybody who has everything that this is all, in the dialects that have a word for
    /// it, and lets go of what is no longer needed.
    pub fn beat(
        &mut self,
        now: Instant,
        turn: u64,
        render: impl Fn(&'static dyn Dialect, &mut Frames),
    ) {
        for channel in self.channels.values_mut() {
            let mut frames = Frames::default();
            render(channel.dialect, &mut frames);
            let stamp = channel.stamp(now);
            if frames.is_empty() {
                channel.shared.change(|tape| tape.rest(stamp, None));
            } else {
                let bytes = frames.into_bytes().into();
                channel.shared.change(|tape| tape.rest(stamp, Some(bytes)));
                channel.ring(turn);
            }
        }
    }

    /// The log has been forgotten: who watches it is told to ask anew.
    pub fn end(self, turn: u64) {
        for mut channel in self.channels.into_values() {
            channel.shared.change(Tape::end);
            channel.ring(turn);
        }
    }

    /// Somebody watches no longer.
    pub fn leave(&mut self, dialect: &'static dyn Dialect, viewer: ViewerId) {
        let Some(channel) = self.channels.get_mut(dialect.name()) else { return };
        channel.bells.remove(&viewer);
        if channel.bells.is_empty() {
            self.channels.remove(dialect.name());
        }
    }

    /// From now on each dialect's tape keeps so much.
    pub fn keep(&mut self, now: Instant, keep: Keep) {
        self.keep = keep;
        for channel in self.channels.values_mut() {
            let bytes = channel.calm.map_or(keep.bytes, |calm| calm.keep.min(keep.bytes));
            let stamp = channel.stamp(now);
            channel.shared.change(|tape| tape.keep(Keep { bytes, ..keep }, stamp));
        }
    }

    /// Whether anybody is left. If not, drop it.
    pub fn is_watched(&self) -> bool {
        !self.channels.is_empty()
    }

    /// Bytes held for everybody together.
    pub fn held(&self) -> usize {
        self.channels.values().map(|it| it.shared.look(Tape::held)).sum()
    }
}
