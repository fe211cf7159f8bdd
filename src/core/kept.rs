//! What has to be kept of the relay beside the records themselves, so that one that starts again
//! goes on as if it had never ended. Who keeps it, and in which form, is not known here.

use std::{collections::BTreeMap, sync::Arc};

use serde::{Deserialize, Serialize};

use super::Execution;
use crate::model::{
    Alias, DecisionId, Epoch, ExecutionId, Fact, GateId, Identity, ProducerEpoch, ProducerId, Pseq,
    Seq, Timestamp, Vote,
};

/// What of a log changes beside its records: small, and kept with every turn that touches the log.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Kept {
    /// Whose log.
    pub execution: ExecutionId,
    /// Who began it.
    pub owner: Identity,
    /// Which log.
    pub epoch: Epoch,
    /// Its newest record.
    pub last: Seq,
    /// What each producer is to say next.
    pub lanes: Vec<KeptLane>,
    /// Its other names.
    pub aliases: Vec<Alias>,
    /// Who was chosen to start it, where a viewer asked for it.
    pub starter: Option<ProducerId>,
}

/// One producer's lane.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeptLane {
    /// Whose.
    pub producer: ProducerId,
    /// The number that is wanted next.
    pub next: Pseq,
    /// Whether a state report has to come first.
    pub needs_state: bool,
}

/// A log as it was at one record: what the records up to it amount to, and what else is remembered
/// of them.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Checkpoint {
    /// The record.
    pub at: Seq,
    /// The fold.
    pub state: Execution,
    /// Every vote that is remembered, by its id.
    pub votes: BTreeMap<DecisionId, (GateId, u32, Arc<Vote>)>,
    /// Hashes of the events that each producer said last.
    pub hashes: Vec<(ProducerId, Vec<u64>)>,
}

/// A record as it is kept: what can be derived of it is not.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct KeptRecord {
    /// When the relay took it in.
    pub time: Timestamp,
    /// The hash of the event's bytes; 0 for a fact of the relay's own.
    pub hash: u64,
    /// How many bytes the event had.
    pub size: u64,
    /// Whether an engine reported it because the relay had lost its memory.
    pub restored: bool,
    /// What.
    pub fact: Fact,
}

/// A log as it was kept.
#[derive(Debug, Clone, PartialEq)]
pub struct Past {
    /// What changes beside the records.
    pub kept: Kept,
    /// Where the fold begins. `None`: with the first record.
    pub checkpoint: Option<Checkpoint>,
    /// The records behind that, in order and without a gap, up to `kept.last`.
    pub tail: Vec<KeptRecord>,
}

/// What is remembered of an execution that is forgotten, so that nothing is taken in twice.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tombstone {
    /// Whose log it was.
    pub execution: ExecutionId,
    /// Who had begun it.
    pub owner: Identity,
    /// Which log it was.
    pub epoch: Epoch,
    /// Its last record.
    pub last: Seq,
    /// What each producer was to say next.
    pub next: Vec<(ProducerId, Pseq)>,
    /// When this may be forgotten, too.
    pub until: Timestamp,
}

impl Tombstone {
    /// What a producer was to say next.
    pub fn next(&self, producer: &ProducerId) -> Pseq {
        let known = self.next.iter().find(|(it, _)| it == producer);
        known.map_or(Pseq(1), |(_, next)| *next)
    }
}

/// Who a producer is, and which start of its process spoke last: the fence.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fence {
    /// Which producer.
    pub producer: ProducerId,
    /// Which start.
    pub epoch: ProducerEpoch,
    /// Who it is, as its door had verified.
    pub identity: Identity,
}
