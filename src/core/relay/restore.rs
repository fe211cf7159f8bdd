//! What is to be kept of a relay, and how one that starts again takes it in. Every turn that it
//! touches can be asked for; nothing here knows who keeps it.

use std::time::Instant;

use super::Relay;
use crate::core::{Checkpoint, Fence, Kept, KeptLane, Past, Tombstone, log::Log, waits::Due};
use crate::model::{CommandKind, ExecutionId, LinkId, Now};

impl Relay {
    /// What of a log changes beside its records, as it is now.
    pub fn kept(&self, execution: &ExecutionId) -> Option<Kept> {
        let log = self.logs.get(execution)?;
        let at = log.history.position();
        let lanes = log.lanes.each().map(|(producer, lane)| KeptLane {
            producer: producer.clone(),
            next: lane.next,
            needs_state: lane.needs_state,
        });
        Some(Kept {
            execution: execution.clone(),
            owner: log.owner.clone(),
            epoch: at.epoch,
            last: at.seq,
            lanes: lanes.collect(),
            aliases: log.aliases.iter().cloned().collect(),
            starter: log.starter.clone(),
        })
    }

    /// A log as it is now, to begin the next fold with.
    pub fn checkpoint(&self, execution: &ExecutionId) -> Option<Checkpoint> {
        let log = self.logs.get(execution)?;
        let hashes = log.lanes.each().map(|(producer, lane)| (producer.clone(), lane.hashes()));
        Some(Checkpoint {
            at: log.history.position().seq,
            state: log.state.clone(),
            votes: log.votes.clone(),
            hashes: hashes.collect(),
        })
    }

    /// Who greeted on this stream, and what fences it.
    pub fn fence(&self, link: LinkId) -> Option<Fence> {
        let link = self.producers.link(link)?;
        let (producer, identity) = (link.producer.clone(), link.identity.clone());
        Some(Fence { producer, epoch: link.epoch, identity })
    }

    /// What is remembered of an execution that is forgotten.
    pub fn tombstone(&self, execution: &ExecutionId) -> Option<&Tombstone> {
        self.tombstones.get(execution)
    }

    /// Takes in who producers are. Before all logs.
    pub fn restore_fences(&mut self, fences: impl IntoIterator<Item = Fence>) {
        fences.into_iter().for_each(|fence| self.producers.restore(fence));
    }

    /// Takes in what is remembered of an execution that is forgotten.
    pub fn restore_tombstone(&mut self, now: Now, tombstone: Tombstone) {
        let execution = tombstone.execution.clone();
        for (producer, _) in &tombstone.next {
            self.producers.takes_part(producer, &execution);
        }
        self.bury(now, tombstone);
    }

    /// Takes in a log. No engine is attached, and everything that waited for a time or for an engine
    /// does so again; what follows from that are effects, as of any input.
    pub fn restore(&mut self, now: Now, past: Past) {
        let log = Log::restored(now, past, &self.limits);
        let execution = log.execution.clone();
        for alias in &log.aliases {
            self.aliases.insert(alias.clone(), execution.clone());
        }
        let part = log.lanes.each().map(|(producer, _)| producer).chain(&log.starter);
        for producer in part {
            self.producers.takes_part(producer, &execution);
        }
        let starts = log.state.commands.values().map(|it| &it.command);
        for command in starts.filter(|it| matches!(it.kind, CommandKind::Start { .. })) {
            self.starts
                .push_back(super::Started { id: command.id.clone(), execution: execution.clone() });
        }
        self.open_gates += log.state.open_gates().count();
        if !log.state.is_over() {
            self.owners.lives(&log.owner);
        }
        self.logs.insert(execution.clone(), log);
        self.guarded(now, &execution, |turn| turn.resumed());
    }

    /// From now on nothing is known of an execution but what keeps it from being taken in twice.
    pub(super) fn bury(&mut self, now: Now, tombstone: Tombstone) {
        let execution = tombstone.execution.clone();
        let due = now.instant + now.time.until(tombstone.until);
        let mut slot: Option<Instant> = None;
        self.timers.arm(&execution, Due::Bury, &mut slot, Some(due));
        self.tombstones.insert(execution, tombstone);
        while self.limits.tombstones < self.tombstones.len() {
            let Some(execution) = self.timers.unbury() else { break };
            self.tombstones.remove(&execution);
            self.producers.forget(&execution);
        }
    }
}
