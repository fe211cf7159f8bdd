//! A record as one frame: its place, what happened, and the parts of the execution that it changed,
//! as they are now.
//!
//! Exactly one frame for each record, also where there is little to say: a client counts `seq`.

use serde::ser::SerializeMap;

use super::events::said;
use super::gates::Who;
use super::parts::{Brief, Drawn, Ends, Producer, Spender, names};
use super::words::Word;
use crate::dialect::object::{Fields, List, Object, Put, Shown};
use crate::model::{After, Fact, GateId, Kind, NodeId, ProducerId, Pseq, Record};

impl Fields for Record {
    fn fields<M: SerializeMap>(&self, to: &mut M) -> Result<(), M::Error> {
        let Self { execution, position, time: taken_in, fact, origin: _, contradiction, after } =
            self;
        to.put("type", name(fact))?;
        to.put("execution_id", execution.as_str())?;
        to.put("epoch", &Shown(position.epoch))?;
        to.put("seq", &position.seq.0)?;
        to.put("event_id", &Shown(position))?;
        to.put("ts", &Shown(taken_in))?;
        if let Some((producer, pseq)) = origin(fact) {
            to.put("producer_id", producer.as_str())?;
            to.maybe("pseq", pseq.map(|it| it.0))?;
        }
        to.maybe("contradiction", contradiction.map(|it| it.word()))?;
        what_happened(fact, after, to)?;
        // What changed nothing has nothing to show for it.
        if contradiction.is_some() { Ok(()) } else { what_changed(fact, after, to) }
    }
}

/// The types of frames: one row for each kind of record.
fn name(fact: &Fact) -> &'static str {
    match fact {
        Fact::Said { event, .. } => match &event.kind {
            Kind::ExecutionStarted(_)
            | Kind::ExecutionStatusChanged(_)
            | Kind::ExecutionProgressed(_) => "execution_status",
            Kind::ExecutionFinished(_) => "execution_complete",
            Kind::NodeChanged(_) => "node_state",
            Kind::NodeProgressed(_) => "node_progress",
            Kind::NodeRetried(_) => "node_retry",
            Kind::GraphDeclared(_) => "graph",
            Kind::GraphMutated(_) => "dag_mutated",
            Kind::EdgeActivated { .. } => "edge_active",
            Kind::CostIncurred(_) => "cost_update",
            Kind::LogWritten(_) => "log",
            Kind::AgentMessage(_) => "agent_message",
            Kind::AgentThinking(_) => "agent_thinking",
            Kind::ToolCalled(_) => "tool_call",
            Kind::CodeExecuted(_) => "code_execution",
            Kind::MetricMeasured(_) => "metric",
            Kind::FileChanged(_) => "file",
            Kind::FailureReported(_) => "error",
            Kind::EventsDropped(_) => "events_dropped",
            Kind::GateOpened(_) => "human_gate_waiting",
            Kind::GateClosed(_) => "gate_closed",
            Kind::DecisionOutcome(_) => "gate_delivery",
            Kind::CommandOutcome(_) => "command_status",
            Kind::WorkflowChanged(_) | Kind::Captured(_) | Kind::Opaque(_) => "opaque",
        },
        Fact::Rejected { .. } => "rejected",
        Fact::Voted { .. } => "gate_vote",
        Fact::Resolved { .. } => "gate_resolved",
        Fact::Delivered { .. } => "gate_delivery",
        Fact::Commanded { .. } | Fact::CommandMoved { .. } => "command_status",
        Fact::EngineLost { .. } | Fact::EngineAttached { .. } => "engine_status",
    }
}

/// Who said it, and as which number of its lane.
fn origin(fact: &Fact) -> Option<(&ProducerId, Option<Pseq>)> {
    match fact {
        Fact::Said { producer, pseq, .. } | Fact::Rejected { producer, pseq, .. } => {
            Some((producer, *pseq))
        }
        Fact::EngineLost { producer, .. } | Fact::EngineAttached { producer, .. } => {
            Some((producer, None))
        }
        Fact::Voted { .. }
        | Fact::Resolved { .. }
        | Fact::Delivered { .. }
        | Fact::Commanded { .. }
        | Fact::CommandMoved { .. } => None,
    }
}

fn what_happened<M: SerializeMap>(fact: &Fact, after: &After, to: &mut M) -> Result<(), M::Error> {
    match fact {
        Fact::Said { event, .. } => said(event, after, to),
        Fact::Rejected { rejection, .. } => {
            to.put("code", rejection.code.word())?;
            to.put("field", &rejection.field)?;
            to.put("message", &rejection.message)
        }
        Fact::Voted { gate, vote } => {
            at_gate(gate, after, to)?;
            to.put("decision_id", vote.decision_id.as_str())?;
            to.put("kind", vote.kind.word())?;
            to.put("option_id", &vote.option)?;
            to.put("by", &Object(Who(&vote.by)))
        }
        Fact::Resolved { gate, resolution } => {
            at_gate(gate, after, to)?;
            to.put("resolution", resolution.word())
        }
        Fact::Delivered { gate, decision, delivery, reason } => {
            at_gate(gate, after, to)?;
            to.put("decision_id", decision.id.as_str())?;
            to.put("delivery", delivery.word())?;
            to.maybe("reason", reason.as_ref())
        }
        Fact::Commanded { command } => {
            to.put("command_id", command.id.as_str())?;
            to.put("kind", command.kind.word())?;
            to.maybe("stage", after.command.as_ref().map(|it| it.stage.word()))
        }
        Fact::CommandMoved { id, stage, reason } => {
            to.put("command_id", id.as_str())?;
            to.put("stage", stage.word())?;
            to.maybe("reason", reason.as_ref())
        }
        Fact::EngineLost { .. } => to.put("status", "lost"),
        Fact::EngineAttached { .. } => to.put("status", "attached"),
    }
}

/// Which gate it is about, and at which node that waits.
pub(super) fn at_gate<M: SerializeMap>(
    gate: &GateId,
    after: &After,
    to: &mut M,
) -> Result<(), M::Error> {
    to.put("gate_id", gate.as_str())?;
    let Some(gate) = &after.gate else { return Ok(()) };
    to.put("gate_version", &gate.asked.gate_version)?;
    to.maybe("node_id", gate.asked.node_id.as_ref().map(NodeId::as_str))
}

/// The parts that the record changed. A client replaces what it has by them, whatever the type of
/// the frame is, and has then what a snapshot would show.
fn what_changed<M: SerializeMap>(fact: &Fact, after: &After, to: &mut M) -> Result<(), M::Error> {
    let After {
        progress,
        node,
        old_status: _,
        moved: _,
        gate,
        command,
        cost,
        nodes,
        outline,
        whole: _,
        current: _,
        graph,
        presence,
        spent,
        before: _,
        began: _,
        added: _,
    } = after;
    // At the end of an execution `nodes` are all of them, for protocols that sum up.
    let nodes = nodes.as_ref().filter(|_| graph.is_some());
    if node.is_some() || gate.is_some() || outline.is_some() || graph.is_some() {
        to.put("progress", &Object(progress))?;
    }
    to.maybe("execution", outline.as_deref().map(Object))?;
    to.maybe("node", node.as_deref().map(Object))?;
    let brief = nodes.map(|it| List(it.values().map(|node| Object(Brief(node)))));
    to.maybe("nodes", brief)?;
    if let Some(graph) = graph {
        let drawn = graph.edges.iter().map(|(ends, edge)| Object(Drawn(ends, edge)));
        to.put("edges", &List(drawn))?;
        to.put("removed_node_ids", &names(&graph.removed_nodes))?;
        to.put("removed_edges", &List(graph.removed_edges.iter().map(|it| Object(Ends(it)))))?;
    }
    to.maybe("gate", gate.as_deref().map(Object))?;
    to.maybe("command", command.as_deref().map(Object))?;
    to.maybe("cost", cost.as_ref().map(Object))?;
    if let Some((producer, _)) = origin(fact) {
        to.maybe("producer_cost", spent.as_ref().map(|it| Object(Spender(producer, it))))?;
        to.maybe("producer", presence.as_deref().map(|it| Object(Producer(producer, it))))?;
    }
    Ok(())
}
