//! The commit of a turn: before it, nobody is told of anything that it has come to.

use super::Shard;
use crate::core::Effect;
use crate::model::Durability;
use crate::store::{Backend, Commit, Fault, Wants};

impl<Store: Backend> Shard<Store> {
    /// Commits what these effects rest on.
    pub(super) async fn keep(&mut self, effects: &[Effect]) -> Result<(), Fault> {
        if self.store.durability() == Durability::Memory {
            return Ok(());
        }
        let wanted = std::mem::take(&mut self.wanted);
        let commit = Commit::of(&self.relay, effects, wanted);
        if commit.is_empty() {
            return Ok(());
        }
        let Wants { checkpoints, room } = self.store.append_batch(commit).await?;
        self.metrics.store_commits.inc();
        self.wanted.extend(checkpoints);
        if room {
            self.relay.shed(self.clock.now());
        }
        Ok(())
    }
}
