//! The protocol's messages. What the guide and the program it came from say differently of the same
//! thing stands side by side in them, so that clients of both find what they know.

use serde::ser::SerializeMap;

use super::Dress;
use super::progress::fraction;
use super::words::{self, Seconds};
use crate::dialect::object::{Fields, List, Object, Put, Raw, Shown};
use crate::model::{
    Ending, ExecutionId, ExecutionStatus, LogLevel, Node, NodeId, NodeStatus, Outline, Progress,
    Timestamp,
};

/// A message, and what is said with each.
pub(super) struct Envelope<'a> {
    pub(super) dress: Dress,
    pub(super) execution: &'a ExecutionId,
    pub(super) time: Timestamp,
    pub(super) message: &'a Message<'a>,
}

/// What there is to say.
pub(super) enum Message<'a> {
    Status(Standing<'a>),
    NodeUpdate(NodeState<'a>),
    Log(Line<'a>),
    Completion(Completion<'a>),
    Error(&'a str),
}

/// Where an execution stands.
pub(super) struct Standing<'a> {
    pub(super) counts: &'a Progress,
    pub(super) whole: &'a Outline,
    /// The node that it is at.
    pub(super) current: Option<&'a NodeId>,
}

/// A whole node.
pub(super) struct NodeState<'a>(pub(super) &'a Node);

/// A log line.
pub(super) struct Line<'a> {
    pub(super) level: LogLevel,
    pub(super) message: &'a str,
    pub(super) node: Option<&'a NodeId>,
    pub(super) time: Timestamp,
}

/// How an execution was completed.
pub(super) struct Completion<'a>(pub(super) &'a Ending);

/// A part of a message, in one of the dresses.
struct Dressed<T>(T, Dress);

impl Fields for Envelope<'_> {
    fn fields<M: SerializeMap>(&self, to: &mut M) -> Result<(), M::Error> {
        let Self { dress, execution, time, message } = self;
        to.put("type", message.kind())?;
        to.put("execution_id", execution.as_str())?;
        match message {
            Message::Status(standing) => {
                to.put("status", words::status(standing.counts.status, *dress))?;
                to.put("data", &Object(Dressed(standing, *dress)))?;
            }
            Message::NodeUpdate(state) => {
                to.put("node_id", state.0.id.as_str())?;
                to.put("node_state", &Object(Dressed(state, *dress)))?;
            }
            Message::Log(line) => to.put("log", &Object(Dressed(line, *dress)))?,
            Message::Completion(it) => to.put("result", &Object(Dressed(it, *dress)))?,
            Message::Error(error) => to.put("error", error)?,
        }
        // In both dresses: nobody reads it, and only the seconds are defined.
        to.put("timestamp", &Shown(Seconds(*time)))
    }
}

impl Message<'_> {
    fn kind(&self) -> &'static str {
        match self {
            Self::Status(_) => "status",
            Self::NodeUpdate(_) => "node_update",
            Self::Log(_) => "log",
            Self::Completion(_) => "completion",
            Self::Error(_) => "error",
        }
    }
}

impl Fields for Dressed<&Standing<'_>> {
    fn fields<M: SerializeMap>(&self, to: &mut M) -> Result<(), M::Error> {
        let Self(Standing { counts, whole, current }, dress) = self;
        to.maybe("progress", fraction(counts, whole))?;
        let over = counts.status.is_final();
        if !over {
            to.maybe("current_node", current.map(NodeId::as_str))?;
        }
        to.maybe("workflow_id", whole.info.workflow_id.as_ref().map(|it| it.as_str()))?;
        to.maybe("started_at", whole.info.start_time.map(|it| words::time(it, *dress)))?;
        // Where there is no word for it among the statuses.
        let paused = *dress == Dress::Seed && counts.status == ExecutionStatus::Paused;
        to.maybe("paused", paused.then_some(true))?;
        let held = (!over && !whole.held.is_empty()).then_some(&whole.held);
        to.maybe("waiting_for", held.map(|held| List(held.iter().map(|it| &**it))))
    }
}

impl Fields for Dressed<&NodeState<'_>> {
    fn fields<M: SerializeMap>(&self, to: &mut M) -> Result<(), M::Error> {
        let Self(NodeState(node), dress) = self;
        let output = node.output.as_ref().filter(|_| node.status != NodeStatus::Skipped);
        // One that goes on after a failure has not failed.
        let failed = words::node(node.status) == "failed";
        let error = node.failure.as_ref().map(|it| it.message.as_str());
        let error = error.or(node.reason.as_deref());
        let cancelled = (node.status == NodeStatus::Cancelled).then_some("Cancelled");
        to.put("node_id", node.id.as_str())?;
        to.put("status", words::node(node.status))?;
        to.put("input", &node.input.as_ref().map(Raw))?;
        to.put("output", &output.map(Raw))?;
        to.put("error", &error.or(cancelled).filter(|_| failed))?;
        to.put("started_at", &node.began_at().map(|it| words::time(it, *dress)))?;
        to.put("completed_at", &node.ended_at().map(|it| words::time(it, *dress)))
    }
}

impl Fields for Dressed<&Line<'_>> {
    fn fields<M: SerializeMap>(&self, to: &mut M) -> Result<(), M::Error> {
        let Self(Line { level, message, node, time }, dress) = self;
        to.put("level", words::level(*level, *dress))?;
        to.put("message", message)?;
        to.maybe("node_id", node.map(NodeId::as_str))?;
        to.put("timestamp", &words::time(*time, *dress))
    }
}

impl Fields for Dressed<&Completion<'_>> {
    fn fields<M: SerializeMap>(&self, to: &mut M) -> Result<(), M::Error> {
        let Self(Completion(ending), dress) = self;
        let (output, results) = (ending.output.as_ref(), ending.results.as_ref());
        to.put("status", words::status(ending.status, *dress))?;
        to.put("output", &output.or(results).map(Raw))?;
        to.put("result", &results.or(output).map(Raw))?;
        to.put("nodes_completed", &ending.nodes_completed)?;
        to.put("nodes_failed", &ending.nodes_failed)?;
        to.put("duration", &ending.duration_micros.map(|it| it as f64 / 1e6))?;
        to.put("completed_at", &words::time(ending.finish_time, *dress))
    }
}
