//! One execution: its records, what they amount to, and who contributes to them.

use std::{collections::BTreeMap, sync::Arc, time::Instant};

use super::{
    Execution, History, Limits,
    lanes::Lanes,
    waits::{CommandWait, GateWait},
};
use crate::model::{
    CommandAsk, CommandId, DecisionId, Epoch, ExecutionId, Fact, GateId, Identity, Now, Position,
    ProducerId, Record, Totals, Vote,
};

#[derive(Debug)]
pub(super) struct Log {
    pub(super) execution: ExecutionId,
    /// Who began it: nobody else adds to it.
    pub(super) owner: Identity,
    /// Who was chosen to start it, where a viewer asked for it.
    pub(super) starter: Option<ProducerId>,
    pub(super) state: Execution,
    pub(super) history: History,
    pub(super) lanes: Lanes,
    pub(super) gate_waits: BTreeMap<GateId, GateWait>,
    pub(super) command_waits: BTreeMap<CommandId, CommandWait>,
    /// Every vote that was taken, by its id: the same again is answered the same.
    pub(super) votes: BTreeMap<DecisionId, (GateId, u32, Arc<Vote>)>,
    /// What every command asked for, by its id.
    pub(super) asks: BTreeMap<CommandId, (crate::model::Text, CommandAsk)>,
    /// When it will be forgotten.
    pub(super) forget: Option<Instant>,
    /// Whether what is appended is what an engine reports of a state that was lost here.
    pub(super) restores: bool,
}

impl Log {
    pub(super) fn new(execution: ExecutionId, epoch: Epoch, owner: Identity) -> Self {
        Self {
            execution,
            owner,
            starter: None,
            state: Execution::default(),
            history: History::new(epoch),
            lanes: Lanes::default(),
            gate_waits: BTreeMap::new(),
            command_waits: BTreeMap::new(),
            votes: BTreeMap::new(),
            asks: BTreeMap::new(),
            forget: None,
            restores: false,
        }
    }

    /// The only place where a record comes into being, and so the only place that numbers one.
    pub(super) fn append(
        &mut self,
        now: Now,
        fact: Fact,
        bytes: usize,
        limits: &Limits,
    ) -> Arc<Record> {
        let last = self.history.position();
        let position = Position { seq: last.seq.next(), ..last };
        let (contradiction, mut after) = self.state.apply(position.seq, now.time, &fact, limits);
        if self.restores {
            // It was spent, and told, before the relay lost its memory.
            after.added = after.added.map(|_| Totals::default());
        }
        let execution = self.execution.clone();
        let record = Record { execution, position, time: now.time, fact, contradiction, after };
        let record = Arc::new(record);
        self.history.push(now.instant, record.clone(), bytes + OVERHEAD, limits);
        record
    }
}

/// What a record costs beside the event that it holds, in bytes, roughly.
const OVERHEAD: usize = 512;
