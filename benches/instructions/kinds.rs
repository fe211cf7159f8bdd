//! Further kinds of events, for the cases that look at each.

use bytes::Bytes;
use footplate::engine::pb::{self, event::Kind};

use crate::events::{event, json};

/// The execution begins.
pub(crate) fn started(n: usize, bytes: usize) -> Bytes {
    event(Kind::ExecutionStarted(pb::ExecutionStarted {
        name: "Nightly build".to_owned(),
        budget_usd_nanos: Some(1_500_000_000),
        input: Some(json(n, bytes)),
        ..Default::default()
    }))
}

/// A graph of `nodes` nodes in a row.
pub(crate) fn graph(nodes: usize, _: usize) -> Bytes {
    let name = |n: usize| format!("node-{n}");
    let node = |n| pb::GraphNode {
        node_id: name(n),
        label: format!("Step {n}"),
        agent: "builder".to_owned(),
        ..Default::default()
    };
    let edge = |n| pb::GraphEdge {
        source_node_id: name(n),
        target_node_id: name(n + 1),
        ..Default::default()
    };
    event(Kind::GraphDeclared(pb::GraphDeclared {
        nodes: (0..nodes).map(node).collect(),
        edges: (1..nodes).map(|n| edge(n - 1)).collect(),
        replace: true,
        ..Default::default()
    }))
}

/// The plan changes: a node more.
pub(crate) fn mutated(n: usize, _: usize) -> Bytes {
    let node_id = format!("node-{}", n % 64);
    let node = pb::GraphNode { node_id, label: "Again".to_owned(), ..Default::default() };
    event(Kind::GraphMutated(pb::GraphMutated {
        mutation_id: format!("m-{n}"),
        trigger: "it was too slow".to_owned(),
        recommended_by: "planner".to_owned(),
        change: Some(pb::GraphDeclared { nodes: vec![node], ..Default::default() }),
        ..Default::default()
    }))
}

/// Money is spent.
pub(crate) fn cost(n: usize, _: usize) -> Bytes {
    event(Kind::CostIncurred(pb::CostIncurred {
        increment_usd_nanos: Some(12_345),
        node_id: format!("node-{}", n % 64),
        model: "small-1".to_owned(),
        input_tokens: Some(812),
        output_tokens: Some(90),
        ..Default::default()
    }))
}

/// A node gets further.
pub(crate) fn progress(n: usize, _: usize) -> Bytes {
    event(Kind::NodeProgressed(pb::NodeProgressed {
        node_id: format!("node-{}", n % 64),
        fraction: Some(0.25),
        message: "a quarter of it".to_owned(),
    }))
}

/// An edge is taken.
pub(crate) fn edge(n: usize, _: usize) -> Bytes {
    event(Kind::EdgeActivated(pb::EdgeActivated {
        from_node_id: format!("node-{}", n % 63),
        to_node_id: format!("node-{}", n % 63 + 1),
    }))
}

/// An agent uses a tool.
pub(crate) fn tool(n: usize, bytes: usize) -> Bytes {
    event(Kind::ToolCalled(pb::ToolCalled {
        agent: "builder".to_owned(),
        tool_name: "search".to_owned(),
        arguments: Some(json(n, bytes / 4)),
        result: Some(json(n, bytes)),
        node_id: format!("node-{}", n % 64),
        call_id: format!("call-{n}"),
        ..Default::default()
    }))
}

/// Something goes wrong.
pub(crate) fn failure(n: usize, _: usize) -> Bytes {
    event(Kind::FailureReported(pb::FailureReported {
        failure: Some(pb::Failure {
            error_type: "Timeout".to_owned(),
            message: "no answer in 30 s".to_owned(),
            traceback: "line 12, in fetch\nline 40, in run\n".to_owned(),
            node_id: format!("node-{}", n % 64),
        }),
        ..Default::default()
    }))
}

/// A person is asked.
pub(crate) fn gate(n: usize, bytes: usize) -> Bytes {
    event(Kind::GateOpened(pb::GateOpened {
        gate_id: gate_id(n),
        gate_version: 1,
        title: "Ship it?".to_owned(),
        prompt: "Version 12 is built and tested.".to_owned(),
        payload: Some(json(n, bytes)),
        ..Default::default()
    }))
}

/// The name of the nth gate.
pub(crate) fn gate_id(n: usize) -> String {
    format!("gate-{n}")
}
