//! The protocol's words for where things stand, and what an answer to a question is called.

use crate::model::{
    Decision, DecisionKind, ExecutionStatus, GateOpened, Node, NodeStatus, Progress, Resolution,
    Text,
};

/// Where an execution stands. Whatever waits for a person makes it wait, as long as its engine says
/// no more than that it goes on.
pub(super) fn workflow(progress: &Progress) -> &'static str {
    let waits = 0 < progress.open_gates || 0 < progress.waiting;
    match progress.status {
        ExecutionStatus::Created | ExecutionStatus::Planning | ExecutionStatus::Running
            if waits =>
        {
            "waiting_approval"
        }
        ExecutionStatus::Created => "draft",
        ExecutionStatus::Planning => "planning",
        ExecutionStatus::WaitingGate => "waiting_approval",
        // Asked to is not done.
        ExecutionStatus::Running | ExecutionStatus::Pausing | ExecutionStatus::Cancelling => {
            "executing"
        }
        ExecutionStatus::Paused => "paused",
        ExecutionStatus::Completed => "completed",
        ExecutionStatus::Failed | ExecutionStatus::TimedOut => "failed",
        ExecutionStatus::Cancelled => "cancelled",
    }
}

/// Where a node stands.
pub(super) fn node(status: NodeStatus) -> &'static str {
    match status {
        NodeStatus::Pending | NodeStatus::Ready | NodeStatus::Queued => "pending",
        NodeStatus::Running | NodeStatus::Mutated => "running",
        NodeStatus::WaitingGate => "waiting_approval",
        NodeStatus::Paused => "paused",
        NodeStatus::Retrying => "retrying",
        NodeStatus::Completed => "completed",
        NodeStatus::Failed => "failed",
        NodeStatus::Skipped | NodeStatus::Cancelled => "skipped",
    }
}

/// What has become of a step, by where its node stands. A gate speaks for itself.
pub(super) fn step(status: NodeStatus) -> Option<&'static str> {
    match status {
        NodeStatus::Running | NodeStatus::Mutated => Some("step_started"),
        NodeStatus::Paused | NodeStatus::Retrying => Some("step_progress"),
        NodeStatus::Completed | NodeStatus::Skipped => Some("step_completed"),
        // As with a workflow: the protocol has no other word for what was called off.
        NodeStatus::Failed | NodeStatus::Cancelled => Some("step_failed"),
        NodeStatus::Pending | NodeStatus::Ready | NodeStatus::Queued | NodeStatus::WaitingGate => {
            None
        }
    }
}

/// The step that a node is, if it is one.
pub(super) fn step_id(node: &Node) -> Option<&Text> {
    node.step_id.as_ref().or(node.graph.as_ref().and_then(|it| it.step_id.as_ref()))
}

/// The word among those of the protocol, else `other`.
pub(super) fn among<'a>(word: Option<&'a str>, words: &[&str], other: &'a str) -> &'a str {
    word.filter(|word| words.contains(word)).unwrap_or(other)
}

/// What a person is asked about. The protocol shows it twice.
pub(super) fn question<'a>(asked: &'a GateOpened, node: Option<&'a Node>) -> (&'a str, &'a str) {
    let (title, prompt) = (asked.title.as_deref(), asked.prompt.as_deref());
    let name = node.map_or(asked.gate_id.as_str(), Node::title);
    (title.or(prompt).unwrap_or(name), prompt.or(title).unwrap_or(name))
}

/// How a question was settled: whether that lets the engine go on, what it is called, and what was
/// said with it. `None`: it is open.
pub(super) fn settled(resolution: &Resolution) -> Option<(bool, &str, Option<&Text>)> {
    let not = |word| Some((false, word, None));
    match resolution {
        Resolution::Open => None,
        Resolution::Decided(it) => Some(decided(it)),
        // Nobody has rejected it, whatever follows from that.
        Resolution::Expired(it) => match decided(it) {
            (true, word, comment) => Some((true, word, comment)),
            (false, _, _) => not("expired"),
        },
        Resolution::Elsewhere { kind, option, by: _, message } => {
            let word = option.as_deref().filter(|it| !it.is_empty());
            let word = word.or(kind.map(of_kind)).unwrap_or("decided_elsewhere");
            Some((approves(word, *kind), word, message.as_ref()))
        }
        Resolution::Withdrawn { reason } => Some((false, "withdrawn", reason.as_ref())),
        Resolution::Cancelled => not("cancelled"),
        Resolution::Superseded => not("superseded"),
        Resolution::Unreachable => not("unreachable"),
        Resolution::NoApprover => not("no_approver"),
    }
}

fn decided(decision: &Decision) -> (bool, &str, Option<&Text>) {
    let word = &*decision.option;
    let word = if word.is_empty() { of_kind(decision.kind) } else { word };
    (approves(word, Some(decision.kind)), word, decision.comment.as_ref())
}

/// What an answer is called that has no name of its own.
fn of_kind(kind: DecisionKind) -> &'static str {
    match kind {
        DecisionKind::Approve => "approved",
        DecisionKind::Reject => "rejected",
        DecisionKind::Modify => "modified",
        DecisionKind::Retry => "retry",
        DecisionKind::Skip => "skip",
        DecisionKind::Abort => "abort",
        DecisionKind::Custom => "custom",
        DecisionKind::Expired => "expired",
        DecisionKind::NoApprover => "no_approver",
    }
}

/// Whether an answer lets the engine go on: by its name, as the protocol has it, unless the gate
/// says that it means something else.
fn approves(word: &str, kind: Option<DecisionKind>) -> bool {
    const APPROVING: &[&str] =
        &["approved", "approve", "modified", "modify", "continue", "allow", "allow_session"];
    match kind {
        Some(kind) if kind != DecisionKind::of(word) => {
            matches!(kind, DecisionKind::Approve | DecisionKind::Modify)
        }
        Some(_) | None => APPROVING.contains(&word),
    }
}
