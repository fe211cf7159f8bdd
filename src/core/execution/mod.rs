//! What is true of one execution now: the fold of its records.
//!
//! It is also the snapshot: a viewer that joins late is shown this very value, so nothing can be in
//! a snapshot that the records did not put there.

mod fold;
mod gates;
mod graph;

pub(super) use gates::{Announcement, delivery_of};

use std::{
    collections::{BTreeMap, BTreeSet, VecDeque},
    sync::Arc,
};

use serde::{Deserialize, Serialize};

use crate::model::{
    CommandId, CommandState, Cost, Edge, ExecutionStatus, Failure, Gate, GateId, Node, NodeId,
    Nodes, Outline, Presence, ProducerId, Progress, Seq, Timestamp, Totals,
};

/// The fold of an execution's records.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Execution {
    /// What is said of it as a whole.
    pub outline: Arc<Outline>,
    /// Its nodes.
    pub nodes: Nodes,
    /// Of them those under way, in the order in which their status changed last.
    pub under_way: BTreeSet<(Seq, NodeId)>,
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
    /// When its first record came in.
    pub first_time: Timestamp,
    /// When its last one did.
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

    /// The node that its engine says it is at, until that has ended; else the one under way that
    /// moved last.
    pub fn current(&self) -> Option<&NodeId> {
        let ended = |id: &NodeId| self.nodes.get(id).is_some_and(|it| it.status.is_final());
        let stated = self.outline.current_node.as_ref().filter(|id| !ended(id));
        stated.or_else(|| self.under_way.last().map(|(_, node)| node))
    }

    /// Whether it has ended.
    pub fn is_over(&self) -> bool {
        self.progress.status.is_final()
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

    /// Bytes that it holds, roughly: so many for each thing that it knows, whatever is said of that.
    pub fn weight(&self) -> usize {
        let Self { nodes, under_way, edges, gates, commands, errors, producers, .. } = self;
        let things = nodes.len() + gates.len() + commands.len() + errors.len();
        4_096 + things * 1_024 + (edges.len() + under_way.len()) * 256 + producers.len() * 512
    }

    /// Derives anew what follows from the rest. The rules keep it in step, and rely on that: of a fold that
    /// was read, and not made, it is not believed.
    pub fn derive(&mut self) {
        let status = self.progress.status;
        self.progress = Progress { status, ..Progress::default() };
        self.under_way.clear();
        for (id, node) in std::mem::take(&mut self.nodes) {
            self.progress.nodes += 1;
            self.counted(node.status, 1);
            if node.status.is_under_way() {
                self.under_way.insert((node.since, id.clone()));
            }
            self.nodes.insert(id, node);
        }
        self.progress.open_gates = self.open_gates().count() as u32;
    }

    /// Its nodes in the order in which their status changed last.
    pub fn nodes_by_change(&self) -> Vec<&Arc<Node>> {
        let mut nodes: Vec<_> = self.nodes.values().collect();
        nodes.sort_by_key(|node| node.since);
        nodes
    }
}
