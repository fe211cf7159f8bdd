//! An execution as a whole, the way this protocol shows it: with the actions that have begun, and
//! how far it has come in integers.

use std::sync::Arc;

use serde::ser::SerializeMap;

use crate::core::Execution;
use crate::dialect::object::{Fields, List, Object, Put, Raw, Shown, time};
use crate::model::{CommandKind, ExecutionId, ExecutionStatus, Node, NodeStatus, Seq, WorkflowId};

/// Bytes of results and errors in one update. A client that is shown all of them each time must not be
/// sent more at once than it can take.
const RESULTS: usize = 512 << 10;

/// An execution.
pub(super) struct Update<'a> {
    id: &'a ExecutionId,
    state: &'a Execution,
    /// What has begun, in that order.
    actions: Vec<Action<'a>>,
}

/// A node that has begun.
#[derive(Clone)]
struct Action<'a> {
    node: &'a Node,
    status: &'static str,
    /// Whether its result and its error are shown.
    whole: bool,
}

impl<'a> Update<'a> {
    pub(super) fn of(id: &'a ExecutionId, state: &'a Execution) -> Self {
        let begun = state.nodes.values().filter(|node| node.has_begun());
        let mut begun: Vec<&Arc<Node>> = begun.collect();
        begun.sort_by_key(|node| place(node));
        let cancelled = state.status() == ExecutionStatus::Cancelled;
        let action = |node: &'a Arc<Node>| {
            // Nothing of a cancelled execution goes on, whether its engine says so or not.
            let stopped = cancelled && !node.status.is_final();
            let status = if stopped { "cancelled" } else { action_status(node.status) };
            Action { node, status, whole: false }
        };
        let mut actions: Vec<Action<'a>> = begun.into_iter().map(action).collect();
        // Where there is too much, the latest results are those that are looked for.
        let mut room = RESULTS;
        for action in actions.iter_mut().rev() {
            let Node { output, failure, .. } = action.node;
            let size = output.as_ref().map_or(0, |it| it.text.len())
                + failure.as_ref().map_or(0, |it| it.message.len());
            let Some(left) = room.checked_sub(size) else { break };
            (action.whole, room) = (true, left);
        }
        Self { id, state, actions }
    }

    /// As its engine names it; until it does, as the start names it that it has yet to carry out.
    fn workflow(&self) -> &str {
        let started = || {
            self.state.commands.values().find_map(|it| match &it.command.kind {
                CommandKind::Start { workflow, .. } => Some(workflow),
                CommandKind::Pause
                | CommandKind::Resume
                | CommandKind::Cancel
                | CommandKind::Custom { .. } => None,
            })
        };
        let stated = self.state.outline.info.workflow_id.as_ref();
        stated.or_else(started).map_or("", WorkflowId::as_str)
    }

    /// In the protocol's six words.
    fn status(&self) -> &'static str {
        let state = self.state;
        // The protocol has no gates: who waits at one is paused, until its decision takes effect.
        let waits = 0 < state.progress().waiting;
        let held = || waits || state.gates.values().any(|gate| gate.holds());
        match state.status() {
            ExecutionStatus::Completed => "completed",
            ExecutionStatus::Failed | ExecutionStatus::TimedOut => "failed",
            ExecutionStatus::Cancelled => "cancelled",
            ExecutionStatus::Cancelling => "running",
            ExecutionStatus::WaitingGate | ExecutionStatus::Paused => "paused",
            ExecutionStatus::Created
            | ExecutionStatus::Planning
            | ExecutionStatus::Running
            | ExecutionStatus::Pausing
                if held() =>
            {
                "paused"
            }
            // Some engines begin without a word.
            ExecutionStatus::Created if self.actions.is_empty() => "pending",
            ExecutionStatus::Created
            | ExecutionStatus::Planning
            | ExecutionStatus::Running
            | ExecutionStatus::Pausing => "running",
        }
    }

    fn progress(&self) -> Progress {
        let Self { state, actions, .. } = self;
        let planned = state.outline.info.planned_nodes.map_or(0, u64::from);
        let drawn = state.nodes.values().any(|node| node.graph.is_some());
        // Nodes that happen to have been spoken of are no plan.
        let known = if drawn || 0 < planned { state.nodes.len() as u64 } else { 0 };
        let total = planned.max(known);
        let ended = actions.iter().filter(|it| has_ended(it.status)).count();
        let under_way = ended < actions.len();
        let current = (ended as u64 + u64::from(under_way)).min(total);
        let complete = state.status() == ExecutionStatus::Completed;
        // It is not complete before its engine says so, whatever has been done.
        let percentage = (100 * current).checked_div(total).map_or(0, |it| it.min(99));
        let percentage = if complete { 100 } else { percentage };
        Progress { current, total, percentage }
    }
}

impl Fields for Update<'_> {
    fn fields<M: SerializeMap>(&self, to: &mut M) -> Result<(), M::Error> {
        let outline = &self.state.outline;
        to.put("id", self.id.as_str())?;
        to.put("workflow_id", self.workflow())?;
        to.put("status", self.status())?;
        let began = outline.info.start_time.unwrap_or(self.state.first_time);
        to.put("started_at", &Shown(began))?;
        let ended = outline.ending.as_ref().map(|ending| ending.finish_time);
        to.maybe("completed_at", time(ended))?;
        to.put("progress", &Object(self.progress()))?;
        to.put("actions_executed", &List(self.actions.iter().map(Object)))
    }
}

/// How far it has come.
struct Progress {
    current: u64,
    total: u64,
    percentage: u64,
}

impl Fields for Progress {
    fn fields<M: SerializeMap>(&self, to: &mut M) -> Result<(), M::Error> {
        to.put("current_action", &self.current)?;
        to.put("total_actions", &self.total)?;
        to.put("percentage", &self.percentage)
    }
}

impl Fields for Action<'_> {
    fn fields<M: SerializeMap>(&self, to: &mut M) -> Result<(), M::Error> {
        let Self { node, status, whole } = self;
        to.put("action_id", node.id.as_str())?;
        to.put("name", node.title())?;
        to.put("status", status)?;
        to.maybe("started_at", time(node.began_at()))?;
        to.maybe("completed_at", time(node.ended_at()))?;
        to.maybe("duration_ms", duration(node))?;
        to.maybe("result", node.output.as_ref().filter(|_| *whole).map(Raw))?;
        // What went wrong on the way to a completion is no error of it.
        let wrong = node.failure.as_ref().filter(|_| *whole && *status != "completed");
        to.maybe("error", wrong.map(|it| &it.message))
    }
}

/// In milliseconds. Never from two clocks.
fn duration(node: &Node) -> Option<u64> {
    if !node.status.is_final() {
        return None;
    }
    let stated = node.metrics.as_ref().and_then(|it| it.duration);
    let measured = match (node.start_time, node.finish_time) {
        (Some(began), Some(ended)) => Some(began.until(ended)),
        (None, None) => node.began.zip(node.ended).map(|((_, began), ended)| began.until(ended)),
        (Some(_), None) | (None, Some(_)) => None,
    };
    stated.or(measured).map(|it| u64::try_from(it.as_millis()).unwrap_or(u64::MAX))
}

/// The record with which it began.
fn place(node: &Node) -> Seq {
    node.began.map_or(node.since, |(seq, _)| seq)
}

/// A node's status in the protocol's words.
fn action_status(status: NodeStatus) -> &'static str {
    match status {
        NodeStatus::Pending | NodeStatus::Ready | NodeStatus::Queued => "pending",
        NodeStatus::Running | NodeStatus::Mutated => "running",
        NodeStatus::WaitingGate => "waiting",
        NodeStatus::Paused => "paused",
        NodeStatus::Retrying => "retrying",
        NodeStatus::Completed => "completed",
        NodeStatus::Failed => "failed",
        NodeStatus::Skipped => "skipped",
        NodeStatus::Cancelled => "cancelled",
    }
}

fn has_ended(status: &str) -> bool {
    ["completed", "failed", "skipped", "cancelled"].contains(&status)
}
