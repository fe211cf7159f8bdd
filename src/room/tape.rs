//! One log in one dialect, as bytes that are ready to be sent.
//!
//! A viewer is a cursor here: the number of the last record that it was sent. It holds nothing of
//! the tape while it waits, so one that is slow costs nothing, and what is full, old or too much is
//! cut off at the tail without asking anybody. Who finds its place cut off begins again from a
//! [`Still`].

use std::{collections::VecDeque, sync::Arc, time::Duration};

use bytes::Bytes;

use super::segment::{Excerpt, Segment};
use crate::model::Seq;

/// Somebody may be sending the last segment, and then nothing can be added to it. If it is shorter
/// than this, a longer copy takes its place, so that a trickle is not a thousand segments.
const SMALL: usize = 4 * 1024;

/// How much of a log is kept as frames, for each dialect in use. Whichever comes first.
#[derive(Debug, Clone, Copy)]
pub struct Keep {
    /// Bytes, the index counted in. The newest segment stays whatever its size.
    pub bytes: usize,
    /// Records.
    pub records: usize,
    /// How long.
    pub age: Duration,
}

impl Default for Keep {
    fn default() -> Self {
        Self { bytes: 8 << 20, records: 1_000, age: Duration::from_secs(300) }
    }
}

impl Keep {
    /// As much as one `write` carries well, and little enough that cutting one off is no great loss.
    pub fn segment(&self) -> usize {
        (self.bytes / 16).clamp(1024, 64 * 1024)
    }
}

/// The whole state, rendered. It covers every record up to `at`.
#[derive(Debug, Clone)]
pub struct Still {
    /// The newest record that is in it.
    pub at: Seq,
    /// Whole frames.
    pub bytes: Bytes,
}

/// Seconds on a tape's own clock, on which records may be older than the tape.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Stamp(pub u32);

/// The log, from some record on.
#[derive(Debug)]
pub struct Tape {
    segments: VecDeque<Arc<Segment>>,
    /// The newest record that can't be had any longer.
    tail: Seq,
    next: Seq,
    held: usize,
    /// Bytes of frames that were ever added.
    written: u64,
    keep: Keep,
    still: Option<(Still, u64)>,
    /// That the log has come no further. Numbered, so that each viewer is told once.
    beat: Option<Bytes>,
    beats: u64,
    ended: bool,
}

/// What there is for a cursor.
#[derive(Debug)]
pub enum Read {
    /// Records to be sent. Perhaps no bytes, where the dialect has no word for them. The flag: that
    /// is all there is.
    Records(Excerpt, bool),
    /// Show this, and go on behind it.
    Still(Still),
    /// It has everything, and may be told so. The number is that of the beat.
    Beat(u64, Bytes),
    /// It has everything.
    Nothing,
    /// Its place is gone, and there is no state to begin with.
    Behind,
    /// The log is gone.
    Ended,
}

impl Tape {
    /// An empty tape whose first record will be `next`.
    pub fn new(next: Seq, keep: Keep) -> Self {
        Self {
            segments: VecDeque::new(),
            tail: Seq(next.0 - 1),
            next,
            held: 0,
            written: 0,
            keep,
            still: None,
            beat: None,
            beats: 0,
            ended: false,
        }
    }

    /// Adds consecutive records: their frames, and where each of them ends.
    pub fn push(&mut self, first: Seq, frames: &[u8], ends: &[u32], stamp: Stamp) {
        if ends.is_empty() {
            return;
        }
        debug_assert_eq!(first, self.next, "a tape has no holes");
        self.next = Seq(first.0 + ends.len() as u64);
        self.written += frames.len() as u64;
        self.beat = None;
        let full = self.keep.segment();
        let last = self.segments.back_mut().filter(|it| it.len() + frames.len() <= full);
        let begin = match last.map(|last| (last.len() < SMALL, last)) {
            None => true,
            Some((short, last)) => {
                self.held -= last.size();
                // Nobody holds it while nobody is in the middle of sending it: most of the time.
                match Arc::get_mut(last) {
                    Some(last) => last.extend(frames, ends, stamp),
                    None if short => *last = Arc::new(last.extended(frames, ends, stamp)),
                    None => (),
                }
                self.held += last.size();
                last.next() != self.next
            }
        };
        if begin {
            self.seal();
            let mut segment = Segment::begin(first);
            segment.extend(frames, ends, stamp);
            self.held += segment.size();
            self.segments.push_back(Arc::new(segment));
        }
        self.trim(stamp);
    }

    /// The last segment will not grow any more.
    fn seal(&mut self) {
        if let Some(last) = self.segments.back_mut().and_then(Arc::get_mut) {
            self.held -= last.size();
            last.shrink();
            self.held += last.size();
        }
    }

    /// From now on it keeps so much.
    pub fn keep(&mut self, keep: Keep, now: Stamp) {
        self.keep = keep;
        self.trim(now);
    }

    /// Cuts off what is not to be kept any longer.
    pub fn trim(&mut self, now: Stamp) {
        let age = u32::try_from(self.keep.age.as_secs()).unwrap_or(u32::MAX);
        let oldest = Stamp(now.0.saturating_sub(age));
        let newest = self.next.0 - 1;
        let mut tail = self.tail.0.max(newest.saturating_sub(self.keep.records as u64));
        while let Some(front) = self.segments.front() {
            tail = tail.max(front.older_than(oldest).0);
            let much = self.keep.bytes < self.held && 1 < self.segments.len();
            let last = front.next().0 - 1;
            if !much && tail < last {
                break;
            }
            tail = tail.max(last);
            self.held -= front.size();
            self.segments.pop_front();
        }
        self.tail = Seq(tail);
        // A state that the tape does not continue is of no use to anybody.
        self.still.take_if(|(still, _)| still.at < self.tail);
    }

    /// From now on, who has nothing begins with this.
    pub fn show(&mut self, still: Still) {
        debug_assert!(still.at < self.next, "a state never runs ahead of its tape");
        self.still = Some((still, self.written));
    }

    /// Whether there is a state from which the tape goes on, and which is still worth it: not
    /// followed by more than rendering a new one would cost.
    pub fn can_begin(&self) -> bool {
        self.still.as_ref().is_some_and(|(still, written)| {
            let behind = self.written - written;
            self.tail <= still.at && behind <= (still.bytes.len() + self.keep.segment()) as u64
        })
    }

    /// The state that covers every record, if there is one.
    pub fn still(&self) -> Option<&Still> {
        let newest = self.still.as_ref().filter(|(still, _)| still.at == self.head());
        newest.map(|(still, _)| still)
    }

    /// Nothing has come for a while: what is too old goes, and so does a state that was shown to
    /// those who came before. `beat`, where there is one, tells everybody who has everything that
    /// this is all.
    pub fn rest(&mut self, now: Stamp, beat: Option<Bytes>) {
        self.trim(now);
        self.still = None;
        if beat.is_some() {
            self.beats += 1;
            self.beat = beat;
        }
    }

    /// There will be nothing more: the log has been forgotten.
    pub fn end(&mut self) {
        self.ended = true;
        self.segments.clear();
        (self.held, self.still, self.beat) = (0, None, None);
    }

    /// `cursor`: the last record that was sent. `beat`: the last beat that was. `until`: the last
    /// record that is wanted now. At most about `limit` bytes of records, but never a part of one.
    pub fn read(&self, cursor: Option<Seq>, beat: u64, until: Option<Seq>, limit: usize) -> Read {
        match cursor {
            _ if self.ended => Read::Ended,
            Some(cursor) if self.next <= cursor.next() => match &self.beat {
                Some(bytes) if beat < self.beats => Read::Beat(self.beats, bytes.clone()),
                Some(_) | None => Read::Nothing,
            },
            Some(cursor) if self.tail <= cursor => {
                let excerpt = self.behind(cursor, until, limit);
                let all = excerpt.last().next() == self.next && self.beat.is_none();
                Read::Records(excerpt, all)
            }
            Some(_) | None => match &self.still {
                Some((still, _)) if self.tail <= still.at => Read::Still(still.clone()),
                Some(_) | None => Read::Behind,
            },
        }
    }

    /// The newest record that is no longer here. A cursor there is the oldest that can go on.
    pub fn tail(&self) -> Seq {
        self.tail
    }

    /// The newest record.
    pub fn head(&self) -> Seq {
        Seq(self.next.0 - 1)
    }

    /// The newest beat's number.
    pub fn beats(&self) -> u64 {
        self.beats
    }

    /// Bytes held for everybody together.
    pub fn held(&self) -> usize {
        self.held + self.still.as_ref().map_or(0, |(still, _)| still.bytes.len())
    }

    fn behind(&self, cursor: Seq, until: Option<Seq>, limit: usize) -> Excerpt {
        let after = self.segments.partition_point(|it| it.first() <= cursor.next());
        Excerpt::new(self.segments[after - 1].clone(), cursor, until, limit)
    }
}
