//! What is true of a node, and what its status means.

use std::{collections::BTreeMap, sync::Arc};

use serde::{Deserialize, Serialize};

use super::{
    Failure, GraphNode, Json, NodeId, NodeMetrics, NodeStatus, RetryPhase, Seq, Text, Timestamp,
};

/// The nodes of an execution.
pub type Nodes = BTreeMap<NodeId, Arc<Node>>;

/// One node, folded.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[expect(missing_docs, reason = "fields are described in event.proto, unless here")]
pub struct Node {
    pub id: NodeId,
    pub status: NodeStatus,
    pub attempt: u32,
    pub native_status: Option<Text>,
    pub reason: Option<Text>,
    /// What the graph says of it.
    pub graph: Option<Arc<GraphNode>>,
    pub label: Option<Text>,
    pub agent: Option<Text>,
    pub goal: Option<Text>,
    pub step_id: Option<Text>,
    pub step_number: Option<i32>,
    pub input: Option<Json>,
    pub output: Option<Json>,
    pub failure: Option<Failure>,
    pub metrics: Option<NodeMetrics>,
    pub start_time: Option<Timestamp>,
    pub finish_time: Option<Timestamp>,
    pub extra: Option<Json>,
    /// How far it has come, 0 to 1, and what it is at.
    pub fraction: Option<f64>,
    pub progress_message: Option<Text>,
    /// Where its retries stand.
    pub retry: Option<(RetryPhase, u32)>,
    /// The record that changed its status last: the order in which things happened.
    pub since: Seq,
    /// The record with which it left `pending` for the first time, and when that came in.
    pub began: Option<(Seq, Timestamp)>,
    /// When the record came in that ended it, unless it goes on since.
    pub ended: Option<Timestamp>,
}

impl Node {
    /// A node that nothing is known of but its name.
    pub fn new(id: NodeId) -> Self {
        Self {
            id,
            status: NodeStatus::Pending,
            attempt: 0,
            native_status: None,
            reason: None,
            graph: None,
            label: None,
            agent: None,
            goal: None,
            step_id: None,
            step_number: None,
            input: None,
            output: None,
            failure: None,
            metrics: None,
            start_time: None,
            finish_time: None,
            extra: None,
            fraction: None,
            progress_message: None,
            retry: None,
            since: Seq(0),
            began: None,
            ended: None,
        }
    }

    /// Whether anything has been done about it.
    pub fn has_begun(&self) -> bool {
        !matches!(self.status, NodeStatus::Pending | NodeStatus::Ready | NodeStatus::Queued)
    }

    /// When it began: as its engine says, else by the relay's clock.
    pub fn began_at(&self) -> Option<Timestamp> {
        self.start_time.or(self.began.map(|(_, time)| time))
    }

    /// When it ended, unless it goes on since: as its engine says, else by the relay's clock.
    pub fn ended_at(&self) -> Option<Timestamp> {
        self.finish_time.or(self.ended).filter(|_| self.status.is_final())
    }

    /// What a person calls it.
    pub fn title(&self) -> &str {
        let declared = self.graph.as_ref().and_then(|graph| graph.label.as_deref());
        self.label.as_deref().or(declared).unwrap_or(self.id.as_str())
    }
}

impl NodeStatus {
    /// Whether it has ended, unless it is tried again.
    pub fn is_final(self) -> bool {
        match self {
            Self::Completed | Self::Failed | Self::Skipped | Self::Cancelled => true,
            Self::Pending
            | Self::Ready
            | Self::Queued
            | Self::Running
            | Self::WaitingGate
            | Self::Paused
            | Self::Retrying
            | Self::Mutated => false,
        }
    }

    /// Whether it has begun and not ended.
    pub fn is_under_way(self) -> bool {
        match self {
            Self::Running | Self::WaitingGate | Self::Paused | Self::Retrying => true,
            Self::Pending
            | Self::Ready
            | Self::Queued
            | Self::Completed
            | Self::Failed
            | Self::Skipped
            | Self::Cancelled
            | Self::Mutated => false,
        }
    }
}
