//! One reading: rows of the store, folded and rendered. It blocks, and is bounded: by what lies between
//! two checkpoints, and by the size of a piece.

use std::sync::Arc;

use bytes::Bytes;

use super::{Lost, Want};
use crate::core::{Execution, Limits, NotThen, Replay};
use crate::dialect::Dialect;
use crate::frame::Frames;
use crate::model::{Epoch, ExecutionId, Record, Seq};
use crate::room::{Gauge, Still};
use crate::store::{Fault, Piece, Reader};

/// Bytes of rows that are taken at once.
const CHUNK: usize = 256 << 10;
/// Bytes of frames in a piece, about: at most, and where memory is short.
const PIECE: (usize, usize) = (1 << 20, 64 << 10);
/// A piece takes at most such a part of the memory that is left for states.
const PART: usize = 256;
/// The pieces of those who begin close to each other begin at the same record: a multiple of this.
const STEP: u64 = 256;

/// What is to be read.
#[derive(Debug)]
pub(super) struct Job {
    pub(super) reader: Reader,
    pub(super) limits: Limits,
    pub(super) gauge: Gauge,
    pub(super) execution: ExecutionId,
    pub(super) epoch: Epoch,
    pub(super) want: Want,
    /// The fold at the record that is asked for, where somebody has just been there.
    pub(super) fold: Option<Replay>,
}

/// What came of it.
#[derive(Debug)]
pub(super) struct Outcome {
    pub(super) made: Result<Made, Lost>,
    /// The fold behind the last record that was made.
    pub(super) fold: Option<Replay>,
    /// Records that were read.
    pub(super) read: u64,
}

/// What was made of what was read.
#[derive(Debug)]
pub(super) enum Made {
    Stretch(Arc<Stretch>),
    Still(Still),
    State(Box<Execution>),
    Records(Vec<Arc<Record>>),
}

/// Consecutive records in one dialect, ready to be sent.
#[derive(Debug)]
pub(super) struct Stretch {
    pub(super) dialect: &'static str,
    /// The record before the first.
    after: Seq,
    /// Where each ends.
    ends: Vec<u32>,
    frames: Bytes,
}

impl Stretch {
    /// What follows on `after`, if it is in here.
    pub(super) fn behind(&self, after: Seq) -> Option<Still> {
        let skip = usize::try_from(after.0.checked_sub(self.after.0)?).ok()?;
        if self.ends.len() <= skip {
            return None;
        }
        let from = skip.checked_sub(1).map_or(0, |it| self.ends[it] as usize);
        let at = Seq(self.after.0 + self.ends.len() as u64);
        Some(Still { at, bytes: self.frames.slice(from..) })
    }
}

/// The record behind which a piece begins that contains what follows on `after`.
pub(super) fn begin(after: Seq) -> Seq {
    Seq(after.0 - after.0 % STEP)
}

impl Job {
    pub(super) fn run(mut self) -> Outcome {
        let mut read = 0;
        let made = match self.want {
            Want::Piece(dialect, after) => self.stretch(dialect, after, &mut read),
            Want::Still(dialect, at) => self.still(dialect, at, &mut read),
            Want::State(at) => self.state(at, &mut read).map(Made::State),
            Want::Records(after) => self.records(after, &mut read).map(Made::Records),
        };
        let fold = self.fold.filter(|_| made.is_ok());
        Outcome { made, fold, read }
    }

    fn stretch(&mut self, dialect: &dyn Dialect, after: Seq, read: &mut u64) -> Result<Made, Lost> {
        let (most, least) = PIECE;
        let limit = (self.gauge.free() / PART).clamp(least, most);
        let (mut frames, mut ends, mut first) = (Frames::default(), vec![], None);
        self.each(after, read, |record| {
            if record.position.seq <= after.next() && limit <= frames.len() {
                // What is before is for others who begin here, but not at any price.
                (first, frames, ends) = (None, Frames::default(), vec![]);
            }
            first.get_or_insert(record.position.seq);
            dialect.record(&record, &mut frames);
            ends.push(u32::try_from(frames.len()).expect("a piece is small"));
            frames.len() < limit || record.position.seq <= after
        })?;
        let first = first.ok_or(GONE)?;
        let frames = self.gauge.measure(frames.into_bytes()).ok_or(Lost::Busy)?;
        let (dialect, after) = (dialect.name(), Seq(first.0 - 1));
        Ok(Made::Stretch(Arc::new(Stretch { dialect, after, ends, frames })))
    }

    fn still(&mut self, dialect: &dyn Dialect, at: Seq, read: &mut u64) -> Result<Made, Lost> {
        self.fold(at, read)?;
        let Self { fold: Some(fold), execution, .. } = self else { return Err(GONE) };
        let mut frames = Frames::default();
        dialect.state(execution, fold.at(), fold.state(), &mut frames);
        let bytes = self.gauge.measure(frames.into_bytes()).ok_or(Lost::Busy)?;
        Ok(Made::Still(Still { at, bytes }))
    }

    fn state(&mut self, at: Seq, read: &mut u64) -> Result<Box<Execution>, Lost> {
        self.fold(at, read)?;
        self.fold.as_ref().map(|it| Box::new(it.state().clone())).ok_or(GONE)
    }

    fn records(&mut self, after: Seq, read: &mut u64) -> Result<Vec<Arc<Record>>, Lost> {
        let (mut all, mut bytes) = (vec![], 0);
        self.each(after, read, |record| {
            if after < record.position.seq {
                bytes += record.origin.size;
                all.push(Arc::new(record));
            }
            all.len() < PAGE && bytes < PIECE.0
        })?;
        Ok(all)
    }

    /// Comes to the record `at`.
    fn fold(&mut self, at: Seq, read: &mut u64) -> Result<(), Lost> {
        if self.fold.is_some() {
            return Ok(());
        }
        let piece = self.reader.piece(&self.execution, self.epoch, at, 0);
        let Piece { checkpoint, records, .. } = piece.map_err(|it| lost(&it))?.ok_or(GONE)?;
        *read += records.len() as u64;
        let mut fold = Replay::new(self.execution.clone(), self.epoch, checkpoint, &self.limits);
        for record in records {
            if fold.at().seq < at {
                fold.take(record);
            }
        }
        if fold.at().seq < at {
            return Err(GONE);
        }
        self.fold = Some(fold);
        Ok(())
    }

    /// Each record behind `after`, or some before it as well, until there is none, or `take` has
    /// enough.
    fn each(
        &mut self,
        after: Seq,
        read: &mut u64,
        mut take: impl FnMut(Record) -> bool,
    ) -> Result<(), Lost> {
        let Self { reader, execution, epoch, limits, .. } = self;
        let mut fold = match self.fold.take() {
            Some(fold) => fold,
            None => {
                // What is older than the step may be kept no longer.
                let from = begin(after);
                let mut piece = reader.piece(execution, *epoch, from, 0).map_err(|it| lost(&it))?;
                let mut from = from;
                if piece.is_none() && from < after {
                    from = after;
                    piece = reader.piece(execution, *epoch, after, 0).map_err(|it| lost(&it))?;
                }
                let Piece { checkpoint, records, .. } = piece.ok_or(GONE)?;
                *read += records.len() as u64;
                let mut fold = Replay::new(execution.clone(), *epoch, checkpoint, limits);
                for record in records {
                    if fold.at().seq < from {
                        fold.take(record);
                    }
                }
                fold
            }
        };
        loop {
            let piece = reader.following(execution, *epoch, fold.at().seq, CHUNK);
            let Piece { records, more, .. } = piece.map_err(|it| lost(&it))?.ok_or(GONE)?;
            *read += records.len() as u64;
            let enough = records.into_iter().any(|record| !take(fold.take(record)));
            if enough || !more {
                self.fold = Some(fold);
                return Ok(());
            }
        }
    }
}

/// Records in one answer over HTTP.
const PAGE: usize = 1_000;

/// It is no longer kept.
const GONE: Lost = Lost::Not(NotThen::Gone);

fn lost(fault: &Fault) -> Lost {
    Lost::Unreadable(fault.to_string())
}
