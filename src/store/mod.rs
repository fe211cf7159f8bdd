//! Where records are kept beyond the relay's memory. Today nowhere: the seam stands, and with it
//! the order in which a turn takes effect (commit, then tell anybody).

use std::{io, sync::Arc};

use crate::model::{Durability, Record};

/// A back end. The shard calls [`Backend::append_batch`] once for each turn, and tells nobody of
/// the turn before it has returned.
pub trait Backend: Send {
    /// What a commit is worth.
    fn durability(&self) -> Durability;

    /// Commits all of them, in this order, or none.
    ///
    /// # Errors
    /// What the back end's medium says. The turn then never happened, as far as anybody is told.
    fn append_batch(
        &mut self,
        records: &[Arc<Record>],
    ) -> impl Future<Output = io::Result<()>> + Send;
}

/// Keeps nothing: what survives is what the core holds.
#[derive(Debug, Clone, Copy, Default)]
pub struct Memory;

impl Backend for Memory {
    fn durability(&self) -> Durability {
        Durability::Memory
    }

    async fn append_batch(&mut self, _: &[Arc<Record>]) -> io::Result<()> {
        Ok(())
    }
}
