//! The protocol of WinDAGs dashboards, byte for byte: its clients are in use.

use std::sync::Arc;
use std::time::Duration;

use footplate::dialect::Dialect;
use footplate::dialect::windags::Windags;
use footplate::model::*;

use super::story::{Story, id, json, of_node, story, text};
use super::{steering, texts, values};

pub(super) const PLAIN: Windags = Windags { wire_extras: false };

fn told(story: &Story) -> Vec<String> {
    texts(|out| story.records.iter().for_each(|record| PLAIN.record(record, out)))
}

/// What the record says that follows on an execution's first.
#[track_caller]
fn says(kind: Kind, after: After, expected: &[&str]) {
    let mut story = Story::new();
    story.said(kind, after);
    assert_eq!(told(&story), expected);
}

fn node(status: NodeStatus) -> Node {
    Node { status, ..Node::new(id("n1")) }
}

fn changed() -> Kind {
    Kind::NodeChanged(Box::new(NodeChanged::of(id("n1"))))
}

fn finished(status: ExecutionStatus) -> ExecutionFinished {
    ExecutionFinished { status, ..ExecutionFinished::default() }
}

#[test]
fn a_node_has_one_of_nine_words() {
    use NodeStatus::*;
    let words = [
        (Pending, "pending"),
        (Ready, "scheduled"),
        (Queued, "scheduled"),
        (Running, "running"),
        (WaitingGate, "paused"),
        (Paused, "paused"),
        (Retrying, "retrying"),
        (Completed, "completed"),
        (Failed, "failed"),
        (Skipped, "skipped"),
        (Cancelled, "skipped"),
        (Mutated, "mutated"),
    ];
    for (status, word) in words {
        let expected = format!(r#"{{"type":"node_state","node_id":"n1","status":"{word}"}}"#);
        says(changed(), of_node(node(status)), &[&expected]);
    }
}

#[test]
fn a_node_repeats_its_output_and_its_metrics() {
    let metrics = NodeMetrics {
        input_tokens: Some(812),
        output_tokens: Some(90),
        cost_usd_nanos: Some(4_000_000),
        duration: Some(Duration::from_micros(1_810_250)),
        retries: Some(0),
        model: text("claude-haiku"),
        extra: json(r#"{"retries":99,"cache_hits":9007199254740993}"#),
    };
    let (output, metrics) = (json(r#"{"x":1e2}"#), Some(metrics));
    let node = Node { output, metrics, ..node(NodeStatus::Completed) };
    let expected = r#"{"type":"node_state","node_id":"n1","status":"completed","output":{"x":1e2},"metrics":{"input_tokens":812,"output_tokens":90,"total_cost_usd":0.004,"duration_ms":1810,"retries":0,"model_used":"claude-haiku","cache_hits":9007199254740993}}"#;
    says(changed(), of_node(node), &[expected]);
}

#[test]
fn a_gate_pauses_its_node_and_then_asks() {
    let asked = GateOpened { presentation: json(r#"{"any":"thing"}"#), ..steering::asked() };
    let waiting = Node { status: NodeStatus::WaitingGate, ..Node::new(id("deploy")) };
    let paused = r#"{"type":"node_state","node_id":"deploy","status":"paused"}"#;
    let asks = r#"{"type":"human_gate_waiting","node_id":"deploy","presentation":{"any":"thing"}}"#;
    says(Kind::GateOpened(Box::new(asked)), of_node(waiting.clone()), &[paused, asks]);

    let asks = r#"{"type":"human_gate_waiting","node_id":"deploy","presentation":{"gate_id":"deploy:1","title":"Deploy 4.2","prompt":"Deploy to production?","context":{"ticket":"R-42"},"output":7,"confidence":0.9,"outcomes":["approve","reject","modify"],"timeout_ms":600000,"deadline":"2026-11-20T10:10:00.000000Z","classification":"IRREVERSIBLE"}}"#;
    let waiting = Node { output: json("7"), ..waiting };
    let paused = r#"{"type":"node_state","node_id":"deploy","status":"paused","output":7}"#;
    says(Kind::GateOpened(Box::new(steering::asked())), of_node(waiting), &[paused, asks]);

    let bare = Kind::GateOpened(Box::new(GateOpened::of(id("g"), 1)));
    let asks = r#"{"type":"human_gate_waiting","node_id":"g","presentation":{"gate_id":"g","title":"g","prompt":"g","outcomes":["approve","reject","modify"]}}"#;
    says(bare, After::default(), &[asks]);
}

/// That somebody has decided does not make a node run.
#[test]
fn a_gates_node_runs_again_once_the_decision_is_applied() {
    let mut story = Story::new();
    steering::gate(&mut story);
    let told = told(&story);
    let kinds: Vec<_> = told.iter().map(|it| it.split('"').nth(3).unwrap()).collect();
    assert_eq!(kinds, ["node_state", "human_gate_waiting", "node_state"]);
    assert_eq!(told[2], r#"{"type":"node_state","node_id":"deploy","status":"running"}"#);
}

#[test]
fn a_node_is_told_of_where_another_fact_moves_it() {
    let (gate, resolution) = (id("n1:1"), Resolution::Cancelled);
    let fact = Fact::Resolved { gate, resolution };
    for (moved, expected) in
        [(true, &[r#"{"type":"node_state","node_id":"n1","status":"running"}"#][..]), (false, &[])]
    {
        let mut story = Story::new();
        story.fact(fact.clone(), After { moved, ..of_node(node(NodeStatus::Running)) });
        assert_eq!(told(&story), expected);
    }
}

#[test]
fn cost_is_told_where_there_is_a_budget() {
    let spent = Totals { usd_nanos: 80_000_000, ..Totals::default() };
    let after = |budget_usd_nanos| {
        let cost = Some(Cost { spent, budget_usd_nanos });
        After { cost, ..After::default() }
    };
    let kind = || Kind::CostIncurred(Box::default());
    let expected = r#"{"type":"cost_update","spent":0.08,"budget":0.5,"remaining":0.42}"#;
    says(kind(), after(Some(500_000_000)), &[expected]);
    says(kind(), after(None), &[]);
}

#[test]
fn results_are_an_object_whatever_the_engine_says() {
    let made = |name: &str, output| (id(name), Arc::new(Node { output, ..Node::new(id(name)) }));
    let nodes: Nodes = [made("a", json("1")), made("b", None)].into();
    let after = || After { nodes: Some(Arc::new(nodes.clone())), ..After::default() };
    for (results, expected) in [
        (json(r#"{"b":1,"a":2}"#), r#"{"b":1,"a":2}"#),
        (json("[1]"), r#"{"result":[1]}"#),
        (json(" null "), r#"{"a":1}"#),
        (None, r#"{"a":1}"#),
    ] {
        let kind = ExecutionFinished { results, ..finished(ExecutionStatus::Completed) };
        let expected = format!(r#"{{"type":"execution_complete","results":{expected}}}"#);
        says(Kind::ExecutionFinished(Box::new(kind)), after(), &[&expected]);
    }
    let nothing = r#"{"type":"execution_complete","results":{}}"#;
    let kind = Kind::ExecutionFinished(Box::new(finished(ExecutionStatus::Completed)));
    says(kind, After::default(), &[nothing]);
}

#[test]
fn an_end_that_is_no_completion_is_an_error() {
    let failure =
        Failure { message: "disk full".into(), node_id: Some(id("n1")), ..Failure::default() };
    let failed = ExecutionFinished { failure: Some(failure), ..finished(ExecutionStatus::Failed) };
    let expected = r#"{"type":"error","node_id":"n1","message":"disk full"}"#;
    says(Kind::ExecutionFinished(Box::new(failed)), After::default(), &[expected]);
    for (status, message) in [
        (ExecutionStatus::Failed, "Execution failed"),
        (ExecutionStatus::TimedOut, "Execution timed out"),
        (ExecutionStatus::Cancelled, "Execution cancelled"),
    ] {
        let expected = format!(r#"{{"type":"error","message":"{message}"}}"#);
        let kind = Kind::ExecutionFinished(Box::new(finished(status)));
        says(kind, After::default(), &[&expected]);
    }
    // Nothing of a cancelled execution goes on, whether its engine says so or not.
    let of = |name: &str, status| (id(name), Arc::new(Node { status, ..Node::new(id(name)) }));
    let nodes = [
        of("a", NodeStatus::Running),
        of("b", NodeStatus::Pending),
        of("c", NodeStatus::Completed),
    ];
    let after = After { nodes: Some(Arc::new(nodes.into())), ..After::default() };
    let skipped = r#"{"type":"node_state","node_id":"a","status":"skipped"}"#;
    let cancelled = r#"{"type":"error","message":"Execution cancelled"}"#;
    let kind = Kind::ExecutionFinished(Box::new(finished(ExecutionStatus::Cancelled)));
    says(kind, after, &[skipped, cancelled]);
}

#[test]
fn a_change_of_the_graph_is_shown_as_its_engine_shows_it() {
    let own = GraphMutated {
        mutation: json(r#"{"type":"skill_swap","before":"a","after":"b"}"#),
        ..GraphMutated::default()
    };
    let expected =
        r#"{"type":"dag_mutated","mutation":{"type":"skill_swap","before":"a","after":"b"}}"#;
    says(Kind::GraphMutated(Box::new(own)), After::default(), &[expected]);
    let change = GraphDeclared { removed_node_ids: vec![id("scan")], ..GraphDeclared::default() };
    let change = GraphMutated { change: Some(change), ..GraphMutated::default() };
    let expected = r#"{"type":"dag_mutated","mutation":{"id":"19f2c4a7-1:1","timestamp":"2026-11-20T10:00:00.000000Z","mutation_type":"remove_node","trigger":"","affected_nodes":["scan"],"before_snapshot":null,"after_snapshot":{"nodes":[],"edges":[]},"recommending_agent":null}}"#;
    says(Kind::GraphMutated(Box::new(change)), After::default(), &[expected]);
}

#[test]
fn an_engine_that_speaks_the_protocol_is_quoted() {
    let native = |protocol: &str, text: &str| NativeForm {
        protocol: protocol.into(),
        json: Json::whole(text),
    };
    let mut story = Story::new();
    let native_forms = vec![
        native("other", r#"{"type":"x"}"#),
        native("windags", " {\"seq\":77, \"type\":\"evaluation\",\"n\":1.0 } "),
        native("windags", "{}"),
        native("windags", "[1]"),
    ];
    let event = Event { time: None, native_forms, kind: changed() };
    story.event(event, of_node(node(NodeStatus::Running)));
    let stamped = texts(|out| Windags::default().record(&story.records[0], out));
    let expected = [
        r#"{"seq":77, "type":"evaluation","n":1.0 ,"event_id":"19f2c4a7-1:1","timestamp":1795168800000}"#,
        r#"{"seq":1,"event_id":"19f2c4a7-1:1","timestamp":1795168800000}"#,
        "[1]",
    ];
    assert_eq!(stamped, expected);
    assert_eq!(told(&story), [r#"{"seq":77, "type":"evaluation","n":1.0 }"#, "{}", "[1]"]);
}

#[test]
fn what_the_protocol_has_no_word_for_is_not_said() {
    let story = story();
    let types: std::collections::BTreeSet<String> = values(|out| {
        story.records.iter().for_each(|record| Windags::default().record(record, out));
    })
    .iter()
    .map(|value| value["type"].as_str().unwrap().to_owned())
    .collect();
    let known = [
        "cost_update",
        "dag_mutated",
        "edge_active",
        "error",
        "execution_complete",
        "human_gate_waiting",
        "node_state",
        // The engine's own: an `Opaque` of this protocol.
        "wave_transition",
    ];
    assert_eq!(types.iter().collect::<Vec<_>>(), known);
}

#[test]
fn a_record_is_stamped_and_so_is_a_state() {
    let mut story = Story::new();
    story.said(changed(), of_node(Node { since: Seq(1), ..node(NodeStatus::Running) }));
    let stamped = texts(|out| Windags::default().record(&story.records[0], out));
    let expected = r#"{"type":"node_state","node_id":"n1","status":"running","seq":1,"event_id":"19f2c4a7-1:1","timestamp":1795168800000}"#;
    assert_eq!(stamped, [expected]);
    let say =
        |out: &mut _| Windags::default().state(&story.id, story.position(), &story.state, out);
    let expected = r#"{"type":"node_state","node_id":"n1","status":"running","as_of_seq":1,"timestamp":1795168800000}"#;
    assert_eq!(texts(say), [expected]);
}

#[test]
fn a_state_is_told_in_the_order_in_which_it_came_about() {
    let mut story = Story::new();
    for (name, status) in [
        ("z", NodeStatus::Completed),
        ("a", NodeStatus::Running),
        ("never", NodeStatus::Pending),
        ("deploy", NodeStatus::WaitingGate),
    ] {
        let node = Node { status, since: story.seq(), ..Node::new(id(name)) };
        story.said(changed(), of_node(node));
    }
    story.state.budget_usd_nanos = Some(500_000_000);
    let gate = Gate {
        asked: Arc::new(GateOpened { presentation: json("{}"), ..steering::asked() }),
        producer: id("engine-1"),
        resolution: Resolution::Open,
        delivery: None,
        reason: None,
        votes: vec![],
        opened: story.time(),
        since: story.seq(),
    };
    let settled = Gate { resolution: Resolution::Cancelled, ..gate.clone() };
    story.state.gates.insert(id("deploy:1"), Arc::new(gate));
    story.state.gates.insert(id("deploy:0"), Arc::new(settled));
    let told =
        |story: &Story| texts(|out| PLAIN.state(&story.id, story.position(), &story.state, out));
    let expected = [
        r#"{"type":"node_state","node_id":"z","status":"completed"}"#,
        r#"{"type":"node_state","node_id":"a","status":"running"}"#,
        r#"{"type":"node_state","node_id":"deploy","status":"paused"}"#,
        r#"{"type":"cost_update","spent":0.0,"budget":0.5,"remaining":0.5}"#,
        r#"{"type":"human_gate_waiting","node_id":"deploy","presentation":{}}"#,
    ];
    assert_eq!(told(&story), expected);

    // Once it is over, that comes last; and nothing of a cancelled one is shown going on.
    story.state.gates.clear();
    Arc::make_mut(&mut story.state.outline).ending = Some(Ending {
        status: ExecutionStatus::Cancelled,
        results: None,
        output: None,
        failure: None,
        reason: None,
        nodes_completed: 1,
        nodes_failed: 0,
        duration_micros: None,
        finish_time: story.time(),
    });
    let told = told(&story);
    assert_eq!(told[1], r#"{"type":"node_state","node_id":"a","status":"skipped"}"#);
    assert_eq!(told.last().unwrap(), r#"{"type":"error","message":"Execution cancelled"}"#);
}

#[test]
fn what_contradicts_the_state_is_not_shown() {
    let mut story = Story::new();
    let after = of_node(node(NodeStatus::Running));
    story.said(changed(), after);
    let record = story.records[0].clone();
    story.push(record.fact, Some(Contradiction::OldAttempt), record.after);
    assert_eq!(told(&story).len(), 1);
}
