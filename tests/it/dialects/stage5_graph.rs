//! What stage-5 dashboards are told as a whole: the graph, and the state on opening.

use std::sync::Arc;

use footplate::dialect::Dialect;
use footplate::model::*;
use serde_json::{Value, json};

use super::stage5::PLAIN;
use super::story::{Story, id, json, story, text};
use super::{steering, values};

fn draw(story: &mut Story, nodes: &[&str], edges: &[(&str, &str)]) {
    for name in nodes {
        story.state.nodes.insert(id(name), Arc::new(Node::new(id(name))));
    }
    for (source, target) in edges {
        let edge = Edge { graph: None, active: false };
        story.state.edges.insert((id(source), id(target)), edge);
    }
}

fn level(story: &Story) -> Value {
    let mut told = values(|out| PLAIN.level(&story.id, story.position(), &story.state, out));
    assert_eq!(told.len(), 1);
    assert_eq!(told[0]["event_type"], "dag_updated");
    told[0]["data"].take()
}

fn levels(graph: &Value) -> Vec<(&str, u64)> {
    let nodes = graph["nodes"].as_array().unwrap().iter();
    nodes.map(|it| (it["id"].as_str().unwrap(), it["level"].as_u64().unwrap())).collect()
}

#[test]
fn a_nodes_level_is_the_longest_way_to_it() {
    let mut story = Story::new();
    draw(&mut story, &["a", "b", "c", "d"], &[("a", "b"), ("b", "c"), ("a", "c"), ("c", "x")]);
    let graph = level(&story);
    assert_eq!(levels(&graph), [("a", 0), ("b", 1), ("c", 2), ("d", 0)]);
    assert_eq!(graph["levels"], 3);
    assert_eq!(graph["edges"].as_array().unwrap().len(), 3, "whose ends are both known");
    let nothing = level(&Story::new());
    let expected = json!({ "run_id": "run-7", "nodes": [], "edges": [], "levels": 0,
        "stats": null });
    assert_eq!(nothing, expected);
}

/// A circle has no beginning. It is drawn all the same.
#[test]
fn a_circle_is_drawn() {
    let mut story = Story::new();
    let edges = [("a", "b"), ("b", "c"), ("c", "b"), ("c", "d"), ("e", "e")];
    draw(&mut story, &["a", "b", "c", "d", "e"], &edges);
    let graph = level(&story);
    assert_eq!(levels(&graph), [("a", 0), ("b", 1), ("c", 0), ("d", 0), ("e", 0)]);
    assert_eq!(graph["edges"].as_array().unwrap().len(), 5);
}

#[test]
fn a_long_graph_is_no_deep_recursion() {
    let mut story = Story::new();
    let names: Vec<String> = (0..10_000).map(|n| format!("n{n:05}")).collect();
    let nodes: Vec<&str> = names.iter().map(String::as_str).collect();
    let edges: Vec<(&str, &str)> = nodes.windows(2).map(|it| (it[0], it[1])).collect();
    draw(&mut story, &nodes, &edges);
    assert_eq!(level(&story)["levels"], 10_000);
}

#[test]
fn a_node_is_drawn_with_what_is_known_of_it() {
    let mut story = Story::new();
    let declared = GraphNode {
        node_id: id("a"),
        label: text("Plan"),
        node_type: text("planning"),
        parent_node_id: None,
        agent: text("planner"),
        description: text("Makes a plan"),
        goal: text("a plan"),
        step_id: text("s1"),
        step_number: Some(1),
        extra: json(r#"{"summary":"declared"}"#),
    };
    let node = Node {
        graph: Some(Arc::new(declared)),
        status: NodeStatus::Failed,
        failure: Some(Failure { message: "no plan".into(), ..Failure::default() }),
        start_time: Some(Timestamp(1_795_168_800_000_000)),
        finish_time: Some(Timestamp(1_795_168_801_000_000)),
        extra: json(r#"{"task":"think","insights":["x"],"secret":1e2}"#),
        ..Node::new(id("a"))
    };
    story.state.nodes.insert(id("a"), Arc::new(node));
    let strange = GraphNode {
        node_id: id("b"),
        label: None,
        node_type: text("spaceship"),
        parent_node_id: None,
        agent: None,
        description: None,
        goal: None,
        step_id: None,
        step_number: None,
        extra: json("[1]"),
    };
    let node = Node { graph: Some(Arc::new(strange)), ..Node::new(id("b")) };
    story.state.nodes.insert(id("b"), Arc::new(node));
    let edge = |kind| GraphEdge {
        source: id("a"),
        target: id("b"),
        edge_id: text("e1"),
        edge_type: text(kind),
        label: text("plan"),
        extra: None,
    };
    for (kind, shown) in [("conditional", "conditional"), ("wormhole", "sequential")] {
        let edge = Edge { graph: Some(Arc::new(edge(kind))), active: true };
        story.state.edges.insert((id("a"), id("b")), edge);
        let graph = level(&story);
        let expected = json!([{ "id": "e1", "source": "a", "target": "b", "type": shown,
            "label": "plan" }]);
        assert_eq!(graph["edges"], expected);
        let expected = json!([
            { "id": "a", "label": "Plan", "type": "planning", "status": "failed",
              "agent": "planner", "step_number": 1, "level": 0, "description": "Makes a plan",
              "goal": "a plan", "started_at": "2026-11-20T10:00:00.000000Z",
              "completed_at": "2026-11-20T10:00:01.000000Z", "error": "no plan",
              "task": "think", "insights": ["x"],
              "metadata": { "task": "think", "insights": ["x"], "secret": 100.0 } },
            { "id": "b", "label": "b", "type": "agent", "status": "pending", "level": 1,
              "metadata": [1] },
        ]);
        assert_eq!(graph["nodes"], expected);
    }
}

#[test]
fn the_graph_is_said_again_where_it_has_changed() {
    let story = story();
    let stirs: Vec<u64> = story
        .records
        .iter()
        .filter(|record| PLAIN.stirs(record))
        .map(|record| record.position.seq.0)
        .collect();
    // Declared, mutated, and the gate's node that the graph did not know any longer.
    let names = |seq: &u64| match &story.records[*seq as usize - 1].fact {
        Fact::Said { event, .. } => match event.kind {
            Kind::GraphDeclared(_) => "declared",
            Kind::GraphMutated(_) => "mutated",
            _ => "other",
        },
        _ => "own",
    };
    let known: Vec<_> = stirs.iter().map(names).collect();
    assert_eq!(known, ["declared", "mutated"]);

    // A node that nobody declared is in the graph from then on.
    let mut story = Story::new();
    for _ in 0..2 {
        let changed = NodeChanged::of(id("new"));
        let node = Some(Arc::new(Node::new(id("new"))));
        let after = After { node, ..After::default() };
        story.said(Kind::NodeChanged(Box::new(changed)), after);
    }
    let stirs: Vec<bool> = story.records.iter().map(|it| PLAIN.stirs(it)).collect();
    assert_eq!(stirs, [true, false]);
}

#[test]
fn the_state_is_the_execution_then_its_graph_then_what_is_asked() {
    let mut story = Story::new();
    let told = |story: &Story| {
        let told = values(|out| PLAIN.state(&story.id, story.position(), &story.state, out));
        told.into_iter()
            .map(|it| (it["event_type"].clone(), it["data"].clone()))
            .collect::<Vec<_>>()
    };
    let young = told(&story);
    assert_eq!(young.len(), 1, "there is no graph yet");
    let expected = json!({ "status": "draft", "started_at": null, "completed_at": null,
        "error": null, "entity_type": "workflow_run", "entity_id": "run-7", "from_state": null,
        "to_state": "draft", "reason": null });
    assert_eq!(young[0].1, expected);

    draw(&mut story, &["a", "deploy"], &[("a", "deploy")]);
    story.state.progress.status = ExecutionStatus::Running;
    story.state.first_time = Timestamp(1_795_168_800_000_000);
    for (name, opened, resolution) in
        [("b", 2, Resolution::Open), ("a", 3, Resolution::Open), ("c", 1, Resolution::Cancelled)]
    {
        let gate = Gate {
            asked: Arc::new(GateOpened { gate_id: id(name), ..steering::asked() }),
            producer: id("engine-1"),
            resolution,
            delivery: None,
            reason: None,
            votes: vec![],
            opened: Timestamp(opened),
            since: Seq(1),
        };
        story.state.gates.insert(id(name), Arc::new(gate));
    }
    story.state.progress.open_gates = 2;
    let grown = told(&story);
    let types: Vec<_> = grown.iter().map(|(event_type, _)| event_type.as_str().unwrap()).collect();
    let expected =
        ["workflow_state_changed", "dag_created", "approval_requested", "approval_requested"];
    assert_eq!(types, expected);
    assert_eq!(grown[0].1["status"], "waiting_approval");
    assert_eq!(grown[0].1["started_at"], "2026-11-20T10:00:00.000000Z");
    assert_eq!(grown[1].1, level(&story), "the same as `dag_updated`");
    let asked: Vec<_> = grown[2..].iter().map(|(_, data)| data["approval_id"].clone()).collect();
    assert_eq!(asked, ["b", "a"], "in the order in which it was asked");

    let ending = Ending {
        status: ExecutionStatus::Failed,
        results: None,
        output: None,
        failure: Some(Failure { message: "disk full".into(), ..Failure::default() }),
        reason: None,
        nodes_completed: 0,
        nodes_failed: 1,
        duration_micros: None,
        finish_time: Timestamp(1_795_168_801_000_000),
    };
    Arc::make_mut(&mut story.state.outline).ending = Some(ending);
    story.state.progress.status = ExecutionStatus::Failed;
    let over = told(&story);
    let expected = [
        ("status", json!("failed")),
        ("error", json!("disk full")),
        ("completed_at", json!("2026-11-20T10:00:01.000000Z")),
    ];
    expected.into_iter().for_each(|(key, value)| assert_eq!(over[0].1[key], value));
}
