//! What is true of the parts of an execution: its edges, gates, commands and cost.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::{
    Alias, Capabilities, Command, DecisionKind, ExecutionStatus, Failure, GateOpened, GraphEdge,
    Json, Label, NodeId, ProducerEpoch, ProducerId, Pseq, Seq, Text, Timestamp, Vote, WorkflowId,
    decision::Decision,
};

/// One edge, folded.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Edge {
    /// What the graph says of it, if it was declared.
    pub graph: Option<Arc<GraphEdge>>,
    /// Whether control has passed along it.
    pub active: bool,
}

/// What was spent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[expect(missing_docs, reason = "the words say it")]
pub struct Totals {
    pub usd_nanos: i64,
    pub input_tokens: i64,
    pub output_tokens: i64,
    pub tokens: i64,
}

impl Totals {
    /// What came on top of what there was; negative where a total was corrected downwards.
    pub fn since(&self, before: &Self) -> Self {
        Self {
            usd_nanos: self.usd_nanos.saturating_sub(before.usd_nanos),
            input_tokens: self.input_tokens.saturating_sub(before.input_tokens),
            output_tokens: self.output_tokens.saturating_sub(before.output_tokens),
            tokens: self.tokens.saturating_sub(before.tokens),
        }
    }
}

/// What was spent by all producers together, and what may be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Cost {
    /// So far.
    pub spent: Totals,
    /// What may be spent, if anybody said so.
    pub budget_usd_nanos: Option<i64>,
}

impl Cost {
    /// What is left of the budget; negative where it is overdrawn.
    pub fn remaining_usd_nanos(&self) -> Option<i64> {
        Some(self.budget_usd_nanos?.saturating_sub(self.spent.usd_nanos))
    }
}

/// One gate, folded: two machines side by side, how it was settled and how that travels.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Gate {
    /// What is asked.
    pub asked: Arc<GateOpened>,
    /// Who asked last, and therefore who is told.
    pub producer: ProducerId,
    /// How it was settled.
    pub resolution: Resolution,
    /// How far the decision has travelled. Set once there is one to deliver.
    pub delivery: Option<Delivery>,
    /// Why it was refused, or failed.
    pub reason: Option<Text>,
    /// The votes on this version.
    pub votes: Vec<Arc<Vote>>,
    /// When this version was opened.
    pub opened: Timestamp,
    /// The record that moved it last.
    pub since: Seq,
}

/// How a gate was settled: exactly one final value for each version.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum Resolution {
    /// It waits.
    Open,
    /// People decided.
    Decided(Arc<Decision>),
    /// Its deadline passed; the decision says what that means.
    Expired(Arc<Decision>),
    /// Its engine took it back.
    Withdrawn {
        /// Why.
        reason: Option<Text>,
    },
    /// The execution ended before anybody decided.
    Cancelled,
    /// Another version of the question took its place.
    Superseded,
    /// Its engine reports an answer from elsewhere.
    Elsewhere {
        /// What it amounts to.
        kind: Option<DecisionKind>,
        /// The option.
        option: Option<Text>,
        /// Who, as the engine tells it.
        by: Option<Text>,
        /// In words.
        message: Option<Text>,
    },
    /// Its engine could not reach anybody who decides. Not a rejection.
    Unreachable,
    /// Nobody may decide it. Not a rejection.
    NoApprover,
}

impl Resolution {
    /// The decision that it carries.
    pub fn decision(&self) -> Option<&Arc<Decision>> {
        match self {
            Self::Decided(decision) | Self::Expired(decision) => Some(decision),
            Self::Open
            | Self::Withdrawn { .. }
            | Self::Cancelled
            | Self::Superseded
            | Self::Elsewhere { .. }
            | Self::Unreachable
            | Self::NoApprover => None,
        }
    }
}

impl Gate {
    /// Whether it waits.
    pub fn is_open(&self) -> bool {
        matches!(self.resolution, Resolution::Open)
    }

    /// Whether its node can't go on because of it.
    pub fn holds(&self) -> bool {
        let decided = self.resolution.decision().is_some();
        self.is_open() || decided && self.delivery.is_none_or(|delivery| !delivery.is_final())
    }

    /// Its node; without one it goes by its own name.
    pub fn place(&self) -> &str {
        let node = self.asked.node_id.as_ref();
        node.map_or(self.asked.gate_id.as_str(), NodeId::as_str)
    }

    /// Whether its decision has yet to be answered by its engine.
    pub fn is_owed(&self) -> bool {
        self.delivery.is_some_and(|delivery| !delivery.is_final())
    }
}

/// How far a decision has travelled. It only moves forward; an outcome may still become known.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Delivery {
    /// No engine is attached that could be told.
    Queued,
    /// It was written to the engine's stream.
    Sent,
    /// The engine has it.
    Delivered,
    /// The engine lost its memory between having it and saying what it did.
    OutcomeUnknown,
    /// It took effect.
    Applied,
    /// It did not take effect.
    Refused,
    /// It took effect in part, or broke.
    Failed,
}

impl Delivery {
    /// Whether the engine has spoken, or can't any longer.
    pub fn is_final(self) -> bool {
        Self::OutcomeUnknown <= self
    }

    /// How late in its life a decision is: [`Delivery`] only moves to a higher rank.
    pub fn rank(self) -> u8 {
        match self {
            Self::Queued => 0,
            Self::Sent => 1,
            Self::Delivered => 2,
            Self::OutcomeUnknown => 3,
            Self::Applied | Self::Refused | Self::Failed => 4,
        }
    }
}

/// How far a command has come. It only moves forward.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[expect(missing_docs, reason = "the words say it")]
pub enum CommandStage {
    Queued,
    Sent,
    Delivered,
    InProgress,
    OutcomeUnknown,
    Applied,
    Refused,
    Failed,
}

impl CommandStage {
    /// Whether the engine has spoken, or can't any longer.
    pub fn is_final(self) -> bool {
        Self::OutcomeUnknown <= self
    }

    /// As [`Delivery::rank`].
    pub fn rank(self) -> u8 {
        match self {
            Self::Queued => 0,
            Self::Sent => 1,
            Self::Delivered => 2,
            Self::InProgress => 3,
            Self::OutcomeUnknown => 4,
            Self::Applied | Self::Refused | Self::Failed => 5,
        }
    }
}

/// One command, folded.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct CommandState {
    /// What was asked for.
    pub command: Arc<Command>,
    /// How far it has come.
    pub stage: CommandStage,
    /// Why it failed.
    pub reason: Option<Text>,
    /// What came of it.
    pub result: Option<Json>,
    /// The record that moved it last.
    pub since: Seq,
}

/// A producer of an execution, as viewers see it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Presence {
    /// Whether a stream of its is attached.
    pub attached: bool,
    /// Which start of its process spoke last.
    pub epoch: ProducerEpoch,
    /// The last number taken from its lane.
    pub pseq: Pseq,
    /// What it can be told to do.
    pub capabilities: Capabilities,
}

/// How an execution ended.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[expect(missing_docs, reason = "fields are described in event.proto")]
pub struct Ending {
    pub status: ExecutionStatus,
    pub results: Option<Json>,
    pub output: Option<Json>,
    pub failure: Option<Failure>,
    pub reason: Option<Text>,
    pub nodes_completed: u32,
    pub nodes_failed: u32,
    pub duration_micros: Option<i64>,
    pub finish_time: Timestamp,
}

/// What an engine says of an execution as a whole.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[expect(missing_docs, reason = "fields are described in event.proto")]
pub struct Info {
    pub name: Option<Text>,
    pub workflow_id: Option<WorkflowId>,
    pub session_id: Option<Text>,
    pub aliases: Vec<Alias>,
    pub task: Option<Text>,
    pub input: Option<Json>,
    pub agent: Option<Text>,
    pub model: Option<Text>,
    pub work_dir: Option<Text>,
    pub planned_nodes: Option<u32>,
    pub labels: Vec<Label>,
    pub traceparent: Option<Text>,
    pub start_time: Option<Timestamp>,
    pub requested_by: Option<Text>,
    pub parent_execution_id: Option<Text>,
    /// Who began it. Pause, resume and cancel go there.
    pub started_by: Option<ProducerId>,
}

/// What is said of an execution as a whole, folded: everything of it that is no part of it.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[expect(missing_docs, reason = "fields are described where the fold keeps them")]
pub struct Outline {
    pub info: Info,
    pub native_status: Option<Text>,
    pub reason: Option<Text>,
    pub fraction: Option<f64>,
    pub current_node: Option<NodeId>,
    pub message: Option<Text>,
    /// The nodes that a gate holds up, until its decision has taken effect. A gate without a node goes
    /// by its own name. The first [`Outline::HELD`] of them.
    pub held: Vec<Text>,
    pub ending: Option<Ending>,
}

impl Outline {
    /// Nodes at gates that are named: every record may carry them.
    pub const HELD: usize = 32;
}

/// What a fact did to the graph, beside the nodes that it touched.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct GraphDelta {
    /// The edges that it touched, as they are now.
    pub edges: Vec<((NodeId, NodeId), Edge)>,
    /// The nodes that are gone, named or not.
    pub removed_nodes: Vec<NodeId>,
    /// The edges that are gone, with their nodes or alone.
    pub removed_edges: Vec<(NodeId, NodeId)>,
}
