//! Reading what is kept, beside whoever writes: a piece of a log, with what it takes to render it.

use std::path::PathBuf;

use redb::{ReadTransaction, ReadableDatabase};

use super::Fault;
use super::codec::{Bad, decode, place};
use super::file::Shared;
use super::tables::{FOLDS, HEADS, Head, NAMES, RECORDS, read_fold};
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
        let read = || -> Result<Option<Piece>, redb::Error> {
            let transaction = database.begin_read()?;
            let Some((log, head)) = found(&transaction, execution)? else { return Ok(None) };
            let (first, last) = (head.extent.first, head.kept.last.0);
            if head.kept.epoch != epoch || last < after.0 || after.0 + 1 < first {
                return Ok(None);
            }
            let folds = transaction.open_table(FOLDS)?;
            let fold = match from {
                From::Fold => folds.range((log, 0)..=(log, after.0))?.next_back().transpose()?,
                From::Here => None,
            };
            let checkpoint = match fold {
                Some((key, row)) => {
                    let (log, seq) = key.value();
                    Some(read_fold(log, seq, row.value())?)
                }
                None if first <= 1 || from == From::Here => None,
                None => return Ok(None),
            };
            let base = if from == From::Here { after.0 } else { 0 };
            let begin = checkpoint.as_ref().map_or(base, |it| it.at.0) + 1;
            let records = transaction.open_table(RECORDS)?;
            let (mut all, mut room, mut next) = (vec![], bytes, begin);
            for row in records.range((log, begin)..=(log, last))? {
                let (key, row) = row?;
                let (_, seq) = key.value();
                if seq != next {
                    return Err(Bad(format!("record {next} is missing")).into());
                }
                if after.0 + 1 < seq && room < row.value().len() {
                    return Ok(Some(Piece { checkpoint, records: all, more: true }));
                }
                if after.0 < seq {
                    room = room.saturating_sub(row.value().len());
                }
                all.push(decode(&place(log, seq), row.value())?);
                next += 1;
            }
            if next != last + 1 {
                return Err(Bad(format!("record {next} is missing")).into());
            }
            Ok(Some(Piece { checkpoint, records: all, more: false }))
        };
        read().map_err(|err| Fault::of(&self.directory, err))
    }
}

/// The log of an execution, by its number and with its head.
pub(super) fn found(
    transaction: &ReadTransaction,
    execution: &ExecutionId,
) -> Result<Option<(u64, Head)>, redb::Error> {
    let names = transaction.open_table(NAMES)?;
    let Some(log) = names.get(execution.as_str())?.map(|it| it.value()) else { return Ok(None) };
    let heads = transaction.open_table(HEADS)?;
    let Some(row) = heads.get(log)? else { return Ok(None) };
    Ok(Some((log, Head::read(log, row.value())?)))
}
