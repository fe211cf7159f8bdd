//! What is to be written down of each turn, held as the store would hold it, and a relay that starts again
//! from that.

use std::collections::{BTreeMap, BTreeSet};

use footplate::core::Effect;
use footplate::core::{Checkpoint, Fence, Kept, KeptRecord, Limits, Past, Relay, Tombstone};
use footplate::model::{ExecutionId, Now, Record};
use footplate::store::Commit;

#[derive(Debug, Default)]
pub(super) struct Store {
    logs: BTreeMap<ExecutionId, Log>,
    fences: BTreeMap<String, Fence>,
    tombstones: BTreeMap<ExecutionId, Tombstone>,
    /// Checkpoints that the next turn is to come with.
    wanted: BTreeSet<ExecutionId>,
    boots: u64,
}

#[derive(Debug, Default)]
struct Log {
    kept: Option<Kept>,
    records: Vec<KeptRecord>,
    checkpoint: Option<Checkpoint>,
}

impl Store {
    pub(super) fn wants(&mut self, execution: ExecutionId) {
        self.wanted.insert(execution);
    }

    /// Keeps a turn. The logs that it touches.
    pub(super) fn keep(&mut self, relay: &Relay, effects: &[Effect]) -> Vec<ExecutionId> {
        let commit = Commit::of(relay, effects, std::mem::take(&mut self.wanted));
        for record in &commit.records {
            let log = self.logs.entry(record.execution.clone()).or_default();
            log.records.push(kept(record));
        }
        let touched = commit.kept.iter().map(|it| it.execution.clone()).collect();
        for kept in commit.kept {
            let log = self.logs.entry(kept.execution.clone()).or_default();
            assert_eq!(log.records.len() as u64, kept.last.0, "{} has holes", kept.execution);
            log.kept = Some(kept);
        }
        for (execution, checkpoint) in commit.checkpoints {
            self.logs.entry(execution).or_default().checkpoint = Some(checkpoint);
        }
        for fence in commit.fences {
            self.fences.insert(fence.producer.to_string(), fence);
        }
        for tombstone in commit.forgotten {
            self.logs.remove(&tombstone.execution);
            self.tombstones.insert(tombstone.execution.clone(), tombstone);
        }
        touched
    }

    pub(super) fn restart(&mut self, now: Now, limits: Limits) -> Relay {
        self.boots += 1;
        let mut relay = Relay::new(1 + self.boots, limits);
        relay.restore_fences(self.fences.values().cloned());
        for tombstone in self.tombstones.values() {
            relay.restore_tombstone(now, tombstone.clone());
        }
        for (execution, log) in &self.logs {
            let kept = log.kept.clone();
            let kept = kept.unwrap_or_else(|| panic!("{execution} has records and no head"));
            let from = log.checkpoint.as_ref().map_or(0, |it| it.at.0);
            let tail = log.records[from as usize..].to_vec();
            relay.restore(now, Past { kept, checkpoint: log.checkpoint.clone(), tail });
        }
        relay
    }
}

fn kept(record: &Record) -> KeptRecord {
    KeptRecord {
        time: record.time,
        hash: record.origin.hash,
        size: record.origin.size as u64,
        restored: record.origin.restored,
        fact: record.fact.clone(),
    }
}
