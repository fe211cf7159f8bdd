//! What is true of one execution now: the fold of its records.
//!
//! It is also the snapshot: a viewer that joins late is shown this very value, so nothing can be in
//! a snapshot that the records did not put there.

use std::{
    collections::{BTreeMap, VecDeque},
    sync::Arc,
};

use crate::model::{
    CommandId, CommandState, Cost, Edge, Ending, ExecutionStatus, Failure, Gate, GateId, Node,
    NodeId, Nodes, Outline, Presence, ProducerId, Progress, Seq, Text, Timestamp, Totals,
};

pub use crate::model::Info;

/// The fold of an execution's records.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Execution {
    /// What its engine says of it.
    pub info: Info,
    /// The engine's own word for its status, and why it is so.
    pub native_status: Option<Text>,
    /// Why it stands where it does.
    pub reason: Option<Text>,
    /// How far it has come, 0 to 1, as stated. Never 1 before it is complete.
    pub fraction: Option<f64>,
    /// What it is at.
    pub current_node: Option<NodeId>,
    /// What it is at, in words.
    pub message: Option<Text>,
    /// Its nodes.
    pub nodes: Nodes,
    /// Its edges.
    pub edges: BTreeMap<(NodeId, NodeId), Edge>,
    /// Every open gate, and the last settled ones.
    pub gates: BTreeMap<GateId, Arc<Gate>>,
    /// The last commands.
    pub commands: BTreeMap<CommandId, Arc<CommandState>>,
    /// The last failures that did not end it.
    pub errors: VecDeque<(Timestamp, Failure)>,
    /// Who tells of it.
    pub producers: BTreeMap<ProducerId, Presence>,
    /// What each producer has spent: totals are a producer's own, the relay adds them up.
    pub spent: BTreeMap<ProducerId, Totals>,
    /// What may be spent.
    pub budget_usd_nanos: Option<i64>,
    /// Events that its engines dropped before numbering them.
    pub dropped: u64,
    /// Events that could not be kept.
    pub rejected: u64,
    /// How it ended.
    pub ending: Option<Ending>,
    /// When its first record came in, and its last.
    pub first_time: Timestamp,
    /// See `first_time`.
    pub last_time: Timestamp,
    /// Where it stands, in numbers. The rules keep it in step with the rest.
    pub progress: Progress,
}

impl Execution {
    /// Where it stands, in numbers.
    pub fn progress(&self) -> Progress {
        self.progress
    }

    /// Where it stands.
    pub fn status(&self) -> ExecutionStatus {
        self.progress.status
    }

    /// Whether it has ended.
    pub fn is_over(&self) -> bool {
        self.progress.status.is_final()
    }

    /// What is said of it as a whole, for [`crate::model::After`] and for snapshots alike.
    pub fn outline(&self) -> Outline {
        Outline {
            info: self.info.clone(),
            native_status: self.native_status.clone(),
            reason: self.reason.clone(),
            fraction: self.fraction,
            current_node: self.current_node.clone(),
            message: self.message.clone(),
            ending: self.ending.clone(),
        }
    }

    /// The gates that wait.
    pub fn open_gates(&self) -> impl Iterator<Item = &Arc<Gate>> {
        self.gates.values().filter(|gate| gate.is_open())
    }

    /// What all producers together have spent.
    pub fn cost(&self) -> Cost {
        let mut spent = Totals::default();
        for totals in self.spent.values() {
            spent.usd_nanos = spent.usd_nanos.saturating_add(totals.usd_nanos);
            spent.input_tokens = spent.input_tokens.saturating_add(totals.input_tokens);
            spent.output_tokens = spent.output_tokens.saturating_add(totals.output_tokens);
            spent.tokens = spent.tokens.saturating_add(totals.tokens);
        }
        Cost { spent, budget_usd_nanos: self.budget_usd_nanos }
    }

    /// Its nodes in the order in which their status changed last.
    pub fn nodes_by_change(&self) -> Vec<&Arc<Node>> {
        let mut nodes: Vec<_> = self.nodes.values().collect();
        nodes.sort_by_key(|node| node.since);
        nodes
    }

    pub(super) fn touched(&self, node: &NodeId) -> Option<Seq> {
        self.nodes.get(node).map(|node| node.since)
    }
}
