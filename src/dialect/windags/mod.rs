//! `/api/dags/{id}/stream`: the protocol of "WinDAGs" dashboards (seeds 000 and 001). Its document
//! is `docs/protocol/windags.md`.
//!
//! It tells what happened, in order, in seven types of message. It must never send another type:
//! its clients know no more, and can't be asked. Those of seed 001 are known by what they say
//! (`resync_request`, `heartbeat`, `ack`), and nobody else sees anything of that.

mod acks;
mod messages;
mod resync;
mod talk;

use messages::{Message, Waiting};

use super::stamp::{Stamp, Teller};
use super::{Call, Conversation, Dialect, Manners};
use crate::core::Execution;
use crate::frame::Frames;
use crate::model::{
    After, Cost, Event, ExecutionFinished, ExecutionId, ExecutionStatus, Fact, Failure, Json, Kind,
    Node, NodeStatus, Nodes, Position, Record, Text,
};

/// What engines call this protocol where they speak it themselves.
const NAME: &str = "windags";

/// The protocol.
#[derive(Debug, Clone, Copy)]
pub struct Windags {
    /// Whether messages also say their place (`seq`, `event_id`, `timestamp`), which its clients
    /// ignore and others can use.
    pub wire_extras: bool,
}

impl Default for Windags {
    fn default() -> Self {
        Self { wire_extras: true }
    }
}

impl Dialect for Windags {
    fn name(&self) -> &'static str {
        NAME
    }

    fn manners(&self) -> Manners {
        Manners::Windags
    }

    fn record(&self, record: &Record, out: &mut Frames) {
        // What changed nothing is nothing to see here: the protocol has no word for a fault of an
        // engine's.
        if record.contradiction.is_some() {
            return;
        }
        let stamp = Stamp::record(record.position).timed(record.time);
        let stamp = self.wire_extras.then_some(stamp);
        let mut teller = Teller { stamp, out };
        let after = &record.after;
        match &record.fact {
            Fact::Said { event, .. } => {
                if !teller.native(event, NAME) {
                    said(event, record, &mut teller);
                }
            }
            Fact::Rejected { .. }
            | Fact::Voted { .. }
            | Fact::Resolved { .. }
            | Fact::Delivered { .. }
            | Fact::Commanded { .. }
            | Fact::CommandMoved { .. }
            | Fact::EngineLost { .. }
            | Fact::EngineAttached { .. } => moved(after, &mut teller),
        }
    }

    fn state(&self, _: &ExecutionId, at: Position, state: &Execution, out: &mut Frames) {
        let stamp = self.wire_extras.then_some(Stamp::state(at).timed(state.last_time));
        let mut teller = Teller { stamp, out };
        let over = state.outline.ending.as_ref().map(|ending| ending.status);
        for node in state.nodes_by_change() {
            if node.status != NodeStatus::Pending {
                teller.say(&Message::NodeState(node, word(node.status, over)));
            }
        }
        cost(&state.cost(), &mut teller);
        for gate in state.open_gates() {
            let node = gate.asked.node_id.as_ref().and_then(|it| state.nodes.get(it));
            let node = node.map(|it| &**it);
            let waiting = Waiting { asked: &gate.asked, opened: gate.opened, node };
            teller.say(&Message::HumanGateWaiting(waiting));
        }
        if let Some(ending) = &state.outline.ending {
            let end = End {
                status: ending.status,
                results: ending.results.as_ref(),
                failure: ending.failure.as_ref(),
                reason: ending.reason.as_ref(),
            };
            ended(&end, &state.nodes, &mut teller);
        }
    }

    fn converse(&self, call: &Call) -> Box<dyn Conversation> {
        Box::new(talk::Talk::new(call))
    }
}

fn said(event: &Event, record: &Record, teller: &mut Teller<'_>) {
    let after = &record.after;
    match &event.kind {
        // Said again whatever changed of it: its clients take what is absent for gone.
        Kind::NodeChanged(_) | Kind::NodeRetried(_) | Kind::DecisionOutcome(_) => {
            after.node.iter().for_each(|node| node_state(node, teller));
        }
        Kind::GateOpened(asked) => {
            after.node.iter().for_each(|node| node_state(node, teller));
            let node = after.node.as_deref();
            let opened = after.gate.as_ref().map_or(record.time, |gate| gate.opened);
            let waiting = Waiting { asked, opened, node };
            teller.say(&Message::HumanGateWaiting(waiting));
        }
        Kind::GraphMutated(mutated) => teller.say(&Message::DagMutated(mutated, record)),
        Kind::EdgeActivated { from, to } => teller.say(&Message::EdgeActive(from, to)),
        Kind::FailureReported(it) => {
            let node = it.failure.node_id.as_ref().map(|it| it.as_str());
            teller.say(&Message::Error(node, &it.failure.message));
        }
        Kind::ExecutionFinished(it) => finished(it, after, teller),
        Kind::Opaque(it) => {
            if &*it.protocol == NAME {
                teller.verbatim(&it.json);
            }
        }
        Kind::ExecutionStarted(_) | Kind::CostIncurred(_) => {
            after.cost.iter().for_each(|it| cost(it, teller));
        }
        Kind::ExecutionStatusChanged(_)
        | Kind::ExecutionProgressed(_)
        | Kind::NodeProgressed(_)
        | Kind::GraphDeclared(_)
        | Kind::LogWritten(_)
        | Kind::AgentMessage(_)
        | Kind::AgentThinking(_)
        | Kind::ToolCalled(_)
        | Kind::CodeExecuted(_)
        | Kind::MetricMeasured(_)
        | Kind::FileChanged(_)
        | Kind::EventsDropped(_)
        | Kind::GateClosed(_)
        | Kind::CommandOutcome(_)
        | Kind::WorkflowChanged(_)
        | Kind::Captured(_) => moved(after, teller),
    }
}

/// A node that another fact than its own has moved: a gate that is closed lets it go on.
fn moved(after: &After, teller: &mut Teller<'_>) {
    after.node.iter().filter(|_| after.moved).for_each(|node| node_state(node, teller));
}

fn node_state(node: &Node, teller: &mut Teller<'_>) {
    teller.say(&Message::NodeState(node, word(node.status, None)));
}

/// A budget of nothing would set off its clients' alarm, so without one there is nothing to say.
fn cost(cost: &Cost, teller: &mut Teller<'_>) {
    if let (Some(budget), Some(remaining)) = (cost.budget_usd_nanos, cost.remaining_usd_nanos()) {
        let spent = cost.spent.usd_nanos;
        teller.say(&Message::CostUpdate { spent, budget, remaining });
    }
}

/// How an execution ended.
struct End<'a> {
    status: ExecutionStatus,
    results: Option<&'a Json>,
    failure: Option<&'a Failure>,
    reason: Option<&'a Text>,
}

fn finished(it: &ExecutionFinished, after: &After, teller: &mut Teller<'_>) {
    let none = Nodes::new();
    let nodes = after.nodes.as_deref().unwrap_or(&none);
    let over = Some(it.status);
    // Nobody says of a cancelled execution's nodes that they stopped, unless its engine does.
    for node in nodes.values() {
        if word(node.status, over) != word(node.status, None) {
            teller.say(&Message::NodeState(node, word(node.status, over)));
        }
    }
    let end = End {
        status: it.status,
        results: it.results.as_ref(),
        failure: it.failure.as_ref(),
        reason: it.reason.as_ref(),
    };
    ended(&end, nodes, teller);
}

fn ended(end: &End<'_>, nodes: &Nodes, teller: &mut Teller<'_>) {
    let node = end.failure.and_then(|it| it.node_id.as_ref()).map(|it| it.as_str());
    let stated = end.failure.map(|it| it.message.as_str()).or(end.reason.map(|it| &**it));
    match end.status {
        ExecutionStatus::Completed => {
            teller.say(&Message::ExecutionComplete(end.results, nodes));
        }
        ExecutionStatus::Failed => {
            teller.say(&Message::Error(node, stated.unwrap_or("Execution failed")));
        }
        ExecutionStatus::TimedOut => {
            teller.say(&Message::Error(node, stated.unwrap_or("Execution timed out")));
        }
        ExecutionStatus::Cancelled => teller.say(&Message::Error(None, "Execution cancelled")),
        // No execution ends so: its door has refused it.
        ExecutionStatus::Created
        | ExecutionStatus::Planning
        | ExecutionStatus::Running
        | ExecutionStatus::WaitingGate
        | ExecutionStatus::Pausing
        | ExecutionStatus::Paused
        | ExecutionStatus::Cancelling => (),
    }
}

/// A node's status in the protocol's nine words. In a cancelled execution nothing goes on.
fn word(status: NodeStatus, over: Option<ExecutionStatus>) -> &'static str {
    let word = match status {
        NodeStatus::Pending => return "pending",
        NodeStatus::Completed => return "completed",
        NodeStatus::Failed => return "failed",
        NodeStatus::Skipped | NodeStatus::Cancelled => return "skipped",
        NodeStatus::Mutated => return "mutated",
        NodeStatus::Ready | NodeStatus::Queued => "scheduled",
        NodeStatus::Running => "running",
        NodeStatus::WaitingGate | NodeStatus::Paused => "paused",
        NodeStatus::Retrying => "retrying",
    };
    if over == Some(ExecutionStatus::Cancelled) { "skipped" } else { word }
}
