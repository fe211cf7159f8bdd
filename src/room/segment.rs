//! Consecutive records as frames, one behind the other, and pieces of them on their way out.

use std::sync::Arc;

use super::tape::Stamp;
use crate::model::Seq;

/// Consecutive records.
#[derive(Debug)]
pub struct Segment {
    first: Seq,
    frames: Vec<u8>,
    marks: Vec<Mark>,
}

/// Where a record ends, and when it came. One that its dialect has no word for ends where it begins.
#[derive(Debug, Clone, Copy)]
struct Mark {
    end: u32,
    stamp: Stamp,
}

/// Records to be sent, from one's beginning to another's end.
#[derive(Debug)]
pub struct Excerpt {
    segment: Arc<Segment>,
    from: usize,
    to: usize,
}

impl Segment {
    /// An empty one.
    pub(super) fn begin(first: Seq) -> Self {
        Self { first, frames: Vec::new(), marks: Vec::new() }
    }

    pub(super) fn extend(&mut self, frames: &[u8], ends: &[u32], stamp: Stamp) {
        let shift = u32::try_from(self.frames.len()).expect("a segment is small");
        self.frames.extend_from_slice(frames);
        self.marks.extend(ends.iter().map(|end| Mark { end: shift + end, stamp }));
    }

    /// A copy with more behind it.
    pub(super) fn extended(&self, frames: &[u8], ends: &[u32], stamp: Stamp) -> Self {
        let mut longer = Self {
            first: self.first,
            frames: Vec::with_capacity(2 * (self.frames.len() + frames.len())),
            marks: self.marks.clone(),
        };
        longer.frames.extend_from_slice(&self.frames);
        longer.extend(frames, ends, stamp);
        longer
    }

    pub(super) fn shrink(&mut self) {
        self.frames.shrink_to_fit();
        self.marks.shrink_to_fit();
    }

    pub(super) fn first(&self) -> Seq {
        self.first
    }

    /// The record that will follow.
    pub(super) fn next(&self) -> Seq {
        Seq(self.first.0 + self.marks.len() as u64)
    }

    /// Bytes of frames and index. Records that a dialect has no word for are counted too: they are
    /// not free.
    pub(super) fn len(&self) -> usize {
        self.frames.len() + size_of_val(self.marks.as_slice())
    }

    /// Bytes held.
    pub(super) fn size(&self) -> usize {
        self.frames.capacity() + self.marks.capacity() * size_of::<Mark>()
    }

    /// The newest record that came before `oldest`, or the one before this segment.
    pub(super) fn older_than(&self, oldest: Stamp) -> Seq {
        let dead = self.marks.partition_point(|mark| mark.stamp < oldest);
        Seq(self.first.0 - 1 + dead as u64)
    }

    /// Where `seq`, or the record before this segment, ends.
    fn end(&self, seq: Seq) -> usize {
        let records = (seq.next().0 - self.first.0) as usize;
        records.checked_sub(1).map_or(0, |it| self.marks[it].end as usize)
    }
}

impl Excerpt {
    /// What follows `cursor` in `segment`: records until there are `limit` bytes, and none that has
    /// bytes behind the record `until`.
    pub(super) fn new(
        segment: Arc<Segment>,
        cursor: Seq,
        until: Option<Seq>,
        limit: usize,
    ) -> Self {
        let from = segment.end(cursor);
        let enough = segment.marks.partition_point(|mark| (mark.end as usize) < from + limit);
        let to = segment.marks.get(enough).map_or(segment.frames.len(), |mark| mark.end as usize);
        let until = until.filter(|it| *it < segment.next()).map(|it| segment.end(it));
        let to = until.map_or(to, |until| to.min(until));
        Self { segment, from, to }
    }

    /// Whole frames.
    pub fn bytes(&self) -> &[u8] {
        &self.segment.frames[self.from..self.to]
    }

    /// The last of its records.
    pub fn last(&self) -> Seq {
        self.after(self.to - self.from).0
    }

    /// After `written` bytes of it: the last record that was begun, and what is left of that one.
    pub fn after(&self, written: usize) -> (Seq, &[u8]) {
        let Segment { first, frames, marks } = &*self.segment;
        let at = self.from + written;
        let whole = marks.partition_point(|mark| mark.end as usize <= at);
        let begin = whole.checked_sub(1).map_or(0, |it| marks[it].end as usize);
        match marks.get(whole) {
            Some(mark) if begin < at => {
                (Seq(first.0 + whole as u64), &frames[at..mark.end as usize])
            }
            Some(_) | None => (Seq(first.0 + whole as u64 - 1), &[]),
        }
    }
}
