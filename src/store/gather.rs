//! What of a turn has to be kept before anybody is told of it: read off the effects that it has come
//! to, and the relay as it is behind them.

use std::collections::BTreeSet;

use super::Commit;
use crate::core::{Effect, Grant, Relay};
use crate::model::ExecutionId;

impl Commit {
    /// What these effects rest on, with checkpoints of what is `wanted`. To be asked for before the
    /// relay is told anything more.
    pub fn of(relay: &Relay, effects: &[Effect], wanted: BTreeSet<ExecutionId>) -> Self {
        let mut commit = Self::default();
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
                    commit.fences.extend(relay.fence(*link));
                    granted(grants, &mut touched);
                }
                Effect::Granted { grants, .. } => granted(grants, &mut touched),
                Effect::Forget(execution) => {
                    commit.forgotten.extend(relay.tombstone(execution).cloned());
                }
                Effect::Fallen { .. }
                | Effect::TakenBack
                | Effect::Answer { .. }
                | Effect::Result { .. }
                | Effect::NeedState { .. }
                | Effect::Deliver { .. }
                | Effect::Order { .. }
                | Effect::Verdict { .. }
                | Effect::End { .. } => {}
            }
        }
        commit.kept = touched.iter().filter_map(|it| relay.kept(it)).collect();
        for execution in wanted {
            // The state holds what this turn has added, and nothing behind it.
            let Some(checkpoint) = relay.checkpoint(&execution) else { continue };
            if !touched.contains(&execution) {
                commit.kept.extend(relay.kept(&execution));
            }
            commit.checkpoints.push((execution, checkpoint));
        }
        commit
    }
}
