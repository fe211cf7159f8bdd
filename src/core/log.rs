//! One execution: its records, what they amount to, and who contributes to them.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    time::Instant,
};

use super::{
    Checkpoint, Execution, History, KeptLane, KeptRecord, Limits, Past,
    lanes::Lanes,
    replay,
    waits::{CommandWait, GateWait},
};
use crate::model::{
    Alias, CommandId, DecisionId, Epoch, ExecutionId, Fact, GateId, Identity, Now, Origin,
    Position, ProducerId, Pseq, Record, Vote,
};

#[derive(Debug)]
pub(super) struct Log {
    pub(super) execution: ExecutionId,
    /// Who began it: nobody else adds to it.
    pub(super) owner: Identity,
    /// Who was chosen to start it, where a viewer asked for it.
    pub(super) starter: Option<ProducerId>,
    /// Its other names.
    pub(super) aliases: BTreeSet<Alias>,
    pub(super) state: Execution,
    pub(super) history: History,
    pub(super) lanes: Lanes,
    pub(super) gate_waits: BTreeMap<GateId, GateWait>,
    pub(super) command_waits: BTreeMap<CommandId, CommandWait>,
    /// Every vote that was taken, by its id: the same again is answered the same.
    pub(super) votes: BTreeMap<DecisionId, (GateId, u32, Arc<Vote>)>,
    /// When it will be forgotten.
    pub(super) forget: Option<Instant>,
}

impl Log {
    pub(super) fn new(execution: ExecutionId, epoch: Epoch, owner: Identity) -> Self {
        Self {
            execution,
            owner,
            starter: None,
            aliases: BTreeSet::new(),
            state: Execution::default(),
            history: History::new(epoch),
            lanes: Lanes::default(),
            gate_waits: BTreeMap::new(),
            command_waits: BTreeMap::new(),
            votes: BTreeMap::new(),
            forget: None,
        }
    }

    /// As it was kept, folded to its end.
    pub(super) fn restored(now: Now, past: Past, limits: &Limits) -> Self {
        let Past { kept, checkpoint, tail } = past;
        let mut log = Self::new(kept.execution, kept.epoch, kept.owner);
        log.starter = kept.starter;
        log.aliases.extend(kept.aliases);
        if let Some(Checkpoint { at, state, votes, hashes }) = checkpoint {
            log.history.skip_to(at);
            (log.state, log.votes) = (state, votes);
            log.state.derive();
            for (producer, hashes) in hashes {
                let last = log.state.producers.get(&producer).map_or(Pseq(0), |it| it.pseq);
                log.lanes.open(&producer).remember(last, hashes);
            }
        }
        for KeptRecord { time, hash, size, restored, fact } in tail {
            let size = usize::try_from(size).unwrap_or(usize::MAX);
            let then = now.instant.checked_sub(time.until(now.time)).unwrap_or(now.instant);
            let record = log.append(
                Now { instant: then, time },
                fact,
                Origin { hash, size, restored },
                limits,
            );
            log.heard(&record, limits);
        }
        for KeptLane { producer, next, needs_state } in kept.lanes {
            let lane = log.lanes.open(&producer);
            lane.go_on(next);
            lane.needs_state = needs_state;
        }
        log
    }

    /// What was remembered of a record when it came in, beside what it changed.
    fn heard(&mut self, record: &Record, limits: &Limits) {
        match &record.fact {
            Fact::Said { producer, pseq: Some(pseq), .. }
            | Fact::Rejected { producer, pseq: Some(pseq), .. } => {
                let lane = self.lanes.open(producer);
                lane.go_on(*pseq);
                lane.take(record.origin.hash, limits.hashes);
            }
            Fact::Voted { gate, vote } => {
                let version = record.after.gate.as_ref().map_or(0, |it| it.asked.gate_version);
                let entry = (gate.clone(), version, vote.clone());
                self.votes.insert(vote.decision_id.clone(), entry);
            }
            Fact::Said { .. }
            | Fact::Rejected { .. }
            | Fact::Resolved { .. }
            | Fact::Delivered { .. }
            | Fact::Commanded { .. }
            | Fact::CommandMoved { .. }
            | Fact::EngineLost { .. }
            | Fact::EngineAttached { .. } => {}
        }
    }

    /// The only place that adds a record, and so the only place that numbers one.
    pub(super) fn append(
        &mut self,
        now: Now,
        fact: Fact,
        origin: Origin,
        limits: &Limits,
    ) -> Arc<Record> {
        let last = self.history.position();
        let position = Position { seq: last.seq.next(), ..last };
        let execution = self.execution.clone();
        let record =
            replay::record(&mut self.state, execution, position, now.time, fact, origin, limits);
        let record = Arc::new(record);
        self.history.push(now.instant, record.clone(), origin.size + OVERHEAD, limits);
        record
    }
}

/// What a record costs beside the event that it holds, in bytes, roughly.
const OVERHEAD: usize = 512;
