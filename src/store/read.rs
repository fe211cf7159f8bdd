//! Reading what is kept, beside whoever writes: a piece of a log, with what it takes to render it.

use std::path::PathBuf;

use redb::ReadableDatabase;

use super::Fault;
use super::codec::{Bad, decode, place};
use super::file::Shared;
use super::tables::{FOLDS, HEADS, Head, NAMES, RECORDS};
use crate::core::{Checkpoint, KeptRecord};
use crate::model::{Epoch, ExecutionId, Seq};

/// Reads a store. Clones share it.
#[derive(Debug, Clone)]
pub struct Reader {
    pub(super) shared: Shared,
    pub(super) directory: PathBuf,
    pub(super) has_thread: bool,
}

/// A piece of a log.
#[derive(Debug)]
pub struct Piece {
    /// Where its fold begins. `None`: with the first record of the log, or where whoever asks is.
    pub checkpoint: Option<Checkpoint>,
    /// The records behind that, without a gap.
    pub records: Vec<KeptRecord>,
    /// Whether there are more that are kept.
    pub more: bool,
}

/// Where the records of a piece begin.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum From {
    /// At a checkpoint before them.
    Fold,
    /// Where they are wanted.
    Here,
}

impl Reader {
    /// The records behind `after`, at most as many as have `bytes` bytes together (and at least one),
    /// and before them those back to a checkpoint, from which what they amount to can be folded.
    /// `None`: what follows on `after` is not kept, or the log is another one.
    ///
    /// # Errors
    /// What the medium says, and that what is kept is damaged.
    pub fn piece(
        &self,
        execution: &ExecutionId,
        epoch: Epoch,
        after: Seq,
        bytes: usize,
    ) -> Result<Option<Piece>, Fault> {
        self.read(execution, epoch, after, bytes, From::Fold)
    }

    /// The same without what is before: for who knows what the records up to `after` amount to.
    ///
    /// # Errors
    /// As above.
    pub fn following(
        &self,
        execution: &ExecutionId,
        epoch: Epoch,
        after: Seq,
        bytes: usize,
    ) -> Result<Option<Piece>, Fault> {
        self.read(execution, epoch, after, bytes, From::Here)
    }

    /// Whether it may be read on a thread of its own, beside whoever writes.
    pub fn has_thread(&self) -> bool {
        self.has_thread
    }

    fn read(
        &self,
        execution: &ExecutionId,
        epoch: Epoch,
        after: Seq,
        bytes: usize,
        from: From,
    ) -> Result<Option<Piece>, Fault> {
        let Some(database) = self.shared.load_full() else { return Ok(None) };
        let read = || -> Result<Result<Option<Piece>, Bad>, redb::Error> {
            let transaction = database.begin_read()?;
            let names = transaction.open_table(NAMES)?;
            let Some(log) = names.get(execution.as_str())?.map(|it| it.value()) else {
                return Ok(Ok(None));
            };
            let heads = transaction.open_table(HEADS)?;
            let Some(row) = heads.get(log)? else { return Ok(Ok(None)) };
            let head: Head = match decode(&log.to_be_bytes(), row.value()) {
                Ok(head) => head,
                Err(bad) => return Ok(Err(bad)),
            };
            let (first, last) = (head.extent.first, head.kept.last.0);
            if head.kept.epoch != epoch || last < after.0 || after.0 + 1 < first {
                return Ok(Ok(None));
            }
            let folds = transaction.open_table(FOLDS)?;
            let fold = match from {
                From::Fold => folds.range((log, 0)..=(log, after.0))?.next_back().transpose()?,
                From::Here => None,
            };
            let checkpoint: Option<Checkpoint> = match fold {
                Some((key, row)) => {
                    let (log, seq) = key.value();
                    match decode(&place(log, seq), row.value()) {
                        Ok(checkpoint) => Some(checkpoint),
                        Err(bad) => return Ok(Err(bad)),
                    }
                }
                None if first <= 1 || from == From::Here => None,
                None => return Ok(Ok(None)),
            };
            let base = if from == From::Here { after.0 } else { 0 };
            let begin = checkpoint.as_ref().map_or(base, |it| it.at.0) + 1;
            let records = transaction.open_table(RECORDS)?;
            let (mut all, mut room, mut next) = (vec![], bytes, begin);
            for row in records.range((log, begin)..=(log, last))? {
                let (key, row) = row?;
                let (_, seq) = key.value();
                if seq != next {
                    return Ok(Err(Bad(format!("record {next} is missing"))));
                }
                if after.0 + 1 < seq && room < row.value().len() {
                    return Ok(Ok(Some(Piece { checkpoint, records: all, more: true })));
                }
                if after.0 < seq {
                    room = room.saturating_sub(row.value().len());
                }
                let record: Result<KeptRecord, Bad> = decode(&place(log, seq), row.value());
                match record {
                    Ok(record) => all.push(record),
                    Err(bad) => return Ok(Err(bad)),
                }
                next += 1;
            }
            if next != last + 1 {
                return Ok(Err(Bad(format!("record {next} is missing"))));
            }
            Ok(Ok(Some(Piece { checkpoint, records: all, more: false })))
        };
        match read() {
            Ok(Ok(piece)) => Ok(piece),
            Ok(Err(Bad(what))) => Err(Fault::Damaged { path: self.directory.clone(), what }),
            Err(err) => Err(Fault::of(&self.directory, err)),
        }
    }
}
