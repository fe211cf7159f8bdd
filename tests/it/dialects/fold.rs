//! What records add up to.

use std::{collections::BTreeSet, sync::Arc};

use footplate::core::Execution;
use footplate::model::{Fact, Kind, NodeStatus, Progress, Record, Seq, Text};

/// What a record does to the state. The core has the rules; here `after` is taken at its word.
pub(super) fn fold(state: &mut Execution, record: &Record) {
    if record.position.seq == Seq(1) {
        state.first_time = record.time;
    }
    state.last_time = record.time;
    let mut producer = None;
    if let Fact::Said { producer: name, pseq, .. } | Fact::Rejected { producer: name, pseq, .. } =
        &record.fact
    {
        producer = Some((name, *pseq));
    }
    if let Fact::EngineLost { producer: name } | Fact::EngineAttached { producer: name, .. } =
        &record.fact
    {
        producer = Some((name, None));
    }
    let after = record.after.clone();
    if let (Some((name, _)), Some(presence)) = (producer, &after.presence) {
        state.producers.insert(name.clone(), (**presence).clone());
    }
    if let Some((name, Some(pseq))) = producer
        && let Some(presence) = state.producers.get_mut(name)
    {
        presence.pseq = pseq;
    }
    if record.contradiction.is_some() {
        return;
    }
    if let (Some((name, _)), Some(spent)) = (producer, after.spent) {
        state.spent.insert(name.clone(), spent);
    }
    if let Some(node) = after.node {
        state.nodes.insert(node.id.clone(), node);
    }
    if let Some(gate) = after.gate {
        state.gates.insert(gate.asked.gate_id.clone(), gate);
    }
    if let Some(command) = after.command {
        state.commands.insert(command.command.id.clone(), command);
    }
    if let Some(cost) = after.cost {
        state.budget_usd_nanos = cost.budget_usd_nanos;
    }
    if let Some(outline) = after.outline {
        state.outline = outline;
    }
    if let Some(graph) = after.graph {
        state.nodes.extend(after.nodes.iter().flat_map(|it| (**it).clone()));
        state.edges.extend(graph.edges.iter().cloned());
        state.nodes.retain(|node, _| !graph.removed_nodes.contains(node));
        state.edges.retain(|ends, _| !graph.removed_edges.contains(ends));
    }
    match &record.fact {
        Fact::Rejected { .. } => state.rejected += 1,
        Fact::Said { event, .. } => match &event.kind {
            Kind::FailureReported(it) => state.errors.push_back((record.time, it.failure.clone())),
            Kind::EventsDropped(it) => state.dropped += it.count,
            _ => (),
        },
        _ => (),
    }
}

/// What follows from the nodes and the gates.
pub(super) fn derive(state: &mut Execution) {
    let under_way = state.nodes.values().filter(|node| node.status.is_under_way());
    state.under_way = under_way.map(|node| (node.since, node.id.clone())).collect();
    let holding = state.gates.values().filter(|gate| gate.holds());
    let places: BTreeSet<Text> = holding.map(|gate| gate.place().into()).collect();
    Arc::make_mut(&mut state.outline).held = places.into_iter().collect();
}

/// Where the execution stands after a record.
pub(super) fn count(state: &Execution, record: &Record) -> Progress {
    let of = |statuses: &[NodeStatus]| {
        state.nodes.values().filter(|node| statuses.contains(&node.status)).count() as u32
    };
    let mut status = state.progress.status;
    if let Fact::Said { event, .. } = &record.fact {
        match &event.kind {
            Kind::ExecutionStatusChanged(it) => status = it.status.unwrap_or(status),
            Kind::ExecutionFinished(it) => status = it.status,
            _ => (),
        }
    }
    Progress {
        status,
        nodes: state.nodes.len() as u32,
        running: of(&[NodeStatus::Running, NodeStatus::Retrying]),
        waiting: of(&[NodeStatus::WaitingGate]),
        completed: of(&[NodeStatus::Completed, NodeStatus::Skipped]),
        failed: of(&[NodeStatus::Failed, NodeStatus::Cancelled]),
        open_gates: state.open_gates().count() as u32,
    }
}
