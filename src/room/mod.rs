//! What the viewers of one log are sent: for each dialect in use, a tape.
//!
//! A record is rendered once for each dialect, whoever watches; with nobody there is no tape. A
//! room does not know what it renders, so the directory of executions is a room as well. It must
//! never hold anything for one viewer but the bell to ring.

mod bell;
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

use crate::dialect::Dialect;
use crate::frame::Frames;
use crate::model::{Seq, ViewerId};

/// When a tape begins, by its own clock: records that came before it have a time too.
const BORN: u32 = 1 << 24;

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

/// One log in one dialect.
#[derive(Debug)]
struct Channel {
    dialect: &'static dyn Dialect,
    born: Instant,
    shared: Arc<Shared>,
    draft: Draft,
    /// Whether there is something to be seen, and how many records came, since the bells were rung.
    loud: bool,
    silent: usize,
    bells: BTreeMap<ViewerId, Arc<Bell>>,
}

/// What this turn has added, and nobody has seen yet.
#[derive(Debug)]
struct Draft {
    first: Seq,
    frames: Frames,
    ends: Vec<u32>,
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
        let keep = self.keep;
        let begin = || {
            let mut past = past.into_iter().peekable();
            let first = past.peek().map_or(head.next(), |(seq, ..)| *seq);
            let shared = Arc::new(Shared::new(Tape::new(first, keep)));
            let draft = Draft { first, frames: Frames::default(), ends: Vec::new() };
            let bells = BTreeMap::new();
            let (born, loud, silent) = (now, false, 0);
            let mut channel = Channel { dialect, born, shared, draft, loud, silent, bells };
            for (_, age, record) in past {
                channel.draft.record(|out| render(dialect, &record, out));
                channel.flush(stamp(Duration::ZERO, age));
            }
            channel
        };
        let channel = self.channels.entry(dialect.name()).or_insert_with(begin);
        channel.bells.insert(viewer, bell);
        channel.shared.clone()
    }

    /// Renders one record. Viewers see it once the turn is over: [`Room::publish`].
    pub fn append(&mut self, now: Instant, render: impl Fn(&'static dyn Dialect, &mut Frames)) {
        for channel in self.channels.values_mut() {
            let dialect = channel.dialect;
            channel.draft.record(|out| render(dialect, out));
            if self.keep.segment() <= channel.draft.frames.len() {
                channel.flush(channel.stamp(now));
            }
        }
    }

    /// At the end of a turn (they are counted, from 1): viewers see what it has added, and each
    /// bell is rung once. Not for records that a dialect has no word for.
    pub fn publish(&mut self, now: Instant, turn: u64) {
        for channel in self.channels.values_mut() {
            channel.flush(channel.stamp(now));
            // Who never looks falls off the tape in the end, be there anything to see or not.
            if channel.loud || self.keep.records < 4 * channel.silent {
                channel.ring(turn);
            }
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
        let (at, fine) = channel.shared.look(|tape| (tape.head(), tape.can_begin()));
        if fine {
            return Ok(());
        }
        debug_assert!(channel.draft.is_empty(), "a state is shown between two turns");
        let mut frames = Frames::default();
        render(&mut frames);
        let bytes = gauge.measure(frames.into_bytes()).ok_or(Overloaded)?;
        channel.shared.change(|tape| tape.show(Still { at, bytes }));
        Ok(())
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

    /// Whether anybody is left. If not, drop it.
    pub fn is_watched(&self) -> bool {
        !self.channels.is_empty()
    }

    /// Bytes held for everybody together.
    pub fn held(&self) -> usize {
        self.channels.values().map(|it| it.shared.look(Tape::held)).sum()
    }
}

impl Channel {
    fn stamp(&self, now: Instant) -> Stamp {
        stamp(now.saturating_duration_since(self.born), Duration::ZERO)
    }

    fn flush(&mut self, stamp: Stamp) {
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

    fn ring(&mut self, turn: u64) {
        (self.loud, self.silent) = (false, 0);
        for bell in self.bells.values() {
            bell.ring_for(turn);
        }
    }
}

impl Draft {
    fn record(&mut self, render: impl FnOnce(&mut Frames)) {
        render(&mut self.frames);
        self.ends.push(u32::try_from(self.frames.len()).expect("a draft is small"));
    }

    fn is_empty(&self) -> bool {
        self.ends.is_empty()
    }
}

fn stamp(since: Duration, age: Duration) -> Stamp {
    let seconds = |it: Duration| u32::try_from(it.as_secs()).unwrap_or(u32::MAX);
    Stamp(BORN.saturating_add(seconds(since)).saturating_sub(seconds(age)))
}
