//! What one turn has to have kept before anybody is told of it.

use std::collections::BTreeSet;

use super::Shard;
use crate::core::{Effect, Grant};
use crate::model::{Durability, ExecutionId};
use crate::store::{Backend, Commit, Fault, Wants};

impl<Store: Backend> Shard<Store> {
    /// Commits what these effects rest on.
    pub(super) async fn keep(&mut self, effects: &[Effect]) -> Result<(), Fault> {
        if self.store.durability() == Durability::Memory {
            return Ok(());
        }
        let commit = self.commit(effects);
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

    fn commit(&mut self, effects: &[Effect]) -> Commit {
        let mut commit = Commit::default();
        let mut touched: BTreeSet<ExecutionId> = BTreeSet::new();
        let granted = |grants: &[Grant], touched: &mut BTreeSet<_>| {
            let fine = grants.iter().filter(|it| it.log.is_ok());
            touched.extend(fine.map(|it| it.execution.clone()));
        };
        for effect in effects {
            match effect {
                Effect::Append(record) => {
                    // A turn has many records of few executions.
                    if !touched.contains(&record.execution) {
                        touched.insert(record.execution.clone());
                    }
                    commit.records.push(record.clone());
                }
                Effect::Welcome { link, grants } => {
                    commit.fences.extend(self.relay.fence(*link));
                    granted(grants, &mut touched);
                }
                Effect::Granted { grants, .. } => granted(grants, &mut touched),
                Effect::Forget(execution) => {
                    commit.forgotten.extend(self.relay.tombstone(execution).cloned());
                }
                Effect::Answer { .. }
                | Effect::Result { .. }
                | Effect::NeedState { .. }
                | Effect::Deliver { .. }
                | Effect::Order { .. }
                | Effect::Verdict { .. }
                | Effect::End { .. } => {}
            }
        }
        commit.kept = touched.iter().filter_map(|it| self.relay.kept(it)).collect();
        for execution in std::mem::take(&mut self.wanted) {
            // The state holds what this turn has added, and nothing behind it.
            let Some(checkpoint) = self.relay.checkpoint(&execution) else { continue };
            if !touched.contains(&execution) {
                commit.kept.extend(self.relay.kept(&execution));
            }
            commit.checkpoints.push((execution, checkpoint));
        }
        commit
    }
}
