//! Where records are kept beyond the relay's memory, and the order in which a turn takes effect:
//! commit, then tell anybody. It must never be known by the core, and never show what is damaged.
//!
//! What is kept: every record as it came (`codec`), what of a log changes beside them, the fence of
//! every producer, what is remembered of forgotten executions; and from time to time a checkpoint of
//! each log, from which the fold begins when the relay starts again (`file`). The stored form has a
//! version; a relay reads its own and older ones.

mod codec;
mod fault;
mod file;
mod gather;
mod keeper;
mod load;
mod prune;
mod read;
mod tables;

use std::sync::Arc;

pub use fault::Fault;
pub use file::Options;
pub use keeper::{Keeper, Opened};
pub use load::{Damage, Loaded};
pub use read::{Piece, Reader};

use crate::core::{Checkpoint, Fence, Kept, Tombstone};
use crate::model::{Durability, ExecutionId, Record};

/// A back end. The shard calls [`Backend::append_batch`] once for each turn, and tells nobody of
/// the turn before it has returned.
pub trait Backend: Send {
    /// What a commit is worth.
    fn durability(&self) -> Durability;

    /// Commits all of it, or nothing.
    ///
    /// # Errors
    /// What the back end's medium says. The turn then never happened, as far as anybody is told.
    fn append_batch(&mut self, commit: Commit)
    -> impl Future<Output = Result<Wants, Fault>> + Send;

    /// Lets go of the medium, so that the next start need not look for what was left behind.
    fn close(self) -> impl Future<Output = ()> + Send;
}

/// What one turn has come to.
#[derive(Debug, Default)]
pub struct Commit {
    /// New records, in the order in which they came.
    pub records: Vec<Arc<Record>>,
    /// Each log that it touched, as it is now.
    pub kept: Vec<Kept>,
    /// Producers that greeted.
    pub fences: Vec<Fence>,
    /// Executions that it forgot.
    pub forgotten: Vec<Tombstone>,
    /// Logs as they are now, behind all these records.
    pub checkpoints: Vec<(ExecutionId, Checkpoint)>,
}

impl Commit {
    /// Whether there is nothing in it.
    pub fn is_empty(&self) -> bool {
        let Self { records, kept, fences, forgotten, checkpoints } = self;
        records.is_empty()
            && kept.is_empty()
            && fences.is_empty()
            && forgotten.is_empty()
            && checkpoints.is_empty()
    }
}

/// What a back end would like to have with the next commit.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Wants {
    /// Checkpoints of these: the next start would have to fold too much.
    pub checkpoints: Vec<ExecutionId>,
    /// It is as large as it may be: executions that are over are to be forgotten, the oldest first.
    pub room: bool,
}

/// Keeps nothing: what survives is what the core holds.
#[derive(Debug, Clone, Copy, Default)]
pub struct Memory;

impl Backend for Memory {
    fn durability(&self) -> Durability {
        Durability::Memory
    }

    async fn append_batch(&mut self, _: Commit) -> Result<Wants, Fault> {
        Ok(Wants::default())
    }

    async fn close(self) {}
}
