//! What stands where in the file. A log goes by a number of its own, so that keys are short; a number
//! is never used again.

use redb::{Builder, TableDefinition};
use serde::{Deserialize, Serialize};

use super::codec::{Bad, decode, place};
use crate::core::{Checkpoint, Kept};

/// The version of the stored form.
pub(super) const VERSION: u64 = 1;

/// Numbers about the store itself.
pub(super) const META: TableDefinition<'_, &str, u64> = TableDefinition::new("meta");
/// `META`: the version of the stored form.
pub(super) const SCHEMA: &str = "schema";
/// `META`: the number that the next log gets.
pub(super) const NEXT_LOG: &str = "next_log";
/// No log and no record has a higher number, and no log more bytes: what says so was never written.
pub(super) const HIGHEST: u64 = 1 << 48;

/// Each log: [`Head`].
pub(super) const HEADS: TableDefinition<'_, u64, &[u8]> = TableDefinition::new("heads");
/// Each log's number: its execution's name → it.
pub(super) const NAMES: TableDefinition<'_, &str, u64> = TableDefinition::new("names");
/// Each record: `(log, seq)` → `KeptRecord`.
pub(super) const RECORDS: TableDefinition<'_, (u64, u64), &[u8]> = TableDefinition::new("records");
/// Each checkpoint: `(log, seq)` → `Checkpoint`.
pub(super) const FOLDS: TableDefinition<'_, (u64, u64), &[u8]> = TableDefinition::new("folds");
/// Each producer: its name → `Fence`.
pub(super) const FENCES: TableDefinition<'_, &str, &[u8]> = TableDefinition::new("fences");
/// Each forgotten execution: its name → `Tombstone`.
pub(super) const TOMBSTONES: TableDefinition<'_, &str, &[u8]> = TableDefinition::new("tombstones");
/// Logs whose rows are yet to be removed.
pub(super) const DEAD: TableDefinition<'_, u64, ()> = TableDefinition::new("dead");

/// A log, and how much of it is kept.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Head {
    pub(super) kept: Kept,
    pub(super) extent: Extent,
}

/// How much of a log is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub(super) struct Extent {
    /// The oldest record.
    pub(super) first: u64,
    /// Bytes of all of its rows.
    pub(super) bytes: u64,
    /// The newest checkpoint; 0: none.
    pub(super) fold: u64,
    /// Bytes of that.
    pub(super) fold_bytes: u64,
    /// Bytes of the records behind it.
    pub(super) behind: u64,
}

impl Head {
    /// What the row of that log holds.
    ///
    /// # Errors
    /// It is not what was written there.
    pub(super) fn read(log: u64, row: &[u8]) -> Result<Self, Bad> {
        let head: Self = decode(&log.to_be_bytes(), row)?;
        let Extent { first, bytes, fold, fold_bytes, behind } = head.extent;
        let all = [log, head.kept.last.0, first, bytes, fold, fold_bytes, behind];
        if all.iter().all(|it| *it <= HIGHEST) {
            Ok(head)
        } else {
            Err(Bad("its numbers are those of no log".into()))
        }
    }
}

/// What the row of a checkpoint of that log at `seq` holds.
///
/// # Errors
/// It is not what was written there.
pub(super) fn read_fold(log: u64, seq: u64, row: &[u8]) -> Result<Checkpoint, Bad> {
    let checkpoint: Checkpoint = decode(&place(log, seq), row)?;
    if checkpoint.at.0 == seq {
        Ok(checkpoint)
    } else {
        Err(Bad("it is another checkpoint".into()))
    }
}

/// How the file is opened.
pub(super) fn builder(cache: usize) -> Builder {
    let mut builder = Builder::new();
    builder.set_cache_size(cache);
    builder
}
