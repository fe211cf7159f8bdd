//! What is removed from the store: what a checkpoint makes superfluous, and logs that are forgotten.
//! A log's rows go in portions, so that no commit takes long because of them.

use redb::{ReadableTable, WriteTransaction};

use super::tables::{DEAD, FOLDS, RECORDS};

/// Rows of forgotten logs that one commit removes.
const PORTION: usize = 2_048;

/// What a removal has freed.
#[derive(Debug, Default)]
pub(super) struct Freed {
    pub(super) bytes: u64,
}

/// Removes the records of a log up to its checkpoint at `fold`, which stays: it is the fold at the
/// bound of what is left.
pub(super) fn below(
    transaction: &WriteTransaction,
    log: u64,
    fold: u64,
) -> Result<Freed, redb::Error> {
    let mut freed = Freed::default();
    let mut records = transaction.open_table(RECORDS)?;
    records.retain_in((log, 0)..=(log, fold), |_, row| {
        freed.bytes += row.len() as u64;
        false
    })?;
    let mut folds = transaction.open_table(FOLDS)?;
    folds.retain_in((log, 0)..(log, fold), |_, row| {
        freed.bytes += row.len() as u64;
        false
    })?;
    Ok(freed)
}

/// Removes a portion of what is left of forgotten logs.
pub(super) fn bury(transaction: &WriteTransaction) -> Result<(), redb::Error> {
    let mut dead = transaction.open_table(DEAD)?;
    let Some(log) = dead.first()?.map(|(log, _)| log.value()) else { return Ok(()) };
    let mut records = transaction.open_table(RECORDS)?;
    let all = (log, 0)..=(log, u64::MAX);
    let last = records.range(all.clone())?.take(PORTION).last().transpose()?;
    if let Some(last) = last.map(|(key, _)| key.value()) {
        records.retain_in((log, 0)..=last, |_, _| false)?;
        return Ok(());
    }
    transaction.open_table(FOLDS)?.retain_in(all, |_, _| false)?;
    dead.remove(log)?;
    Ok(())
}
