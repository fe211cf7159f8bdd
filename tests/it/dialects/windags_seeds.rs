//! Every message of seeds 000 and 001, field by field: what the relay says (`<`) comes of a record
//! that states the same, or is the answer to the line before it; what a client says (`>`) is read.

use std::time::Duration;

use footplate::dialect::{Call, Dialect, Notice, Said};
use footplate::model::*;
use serde_json::Value;

use super::story::{Story, id, of_node};
use super::values;
use super::windags::PLAIN;

const SEED_000: &str = include_str!("../../seeds/windags.jsonl");
const SEED_001: &str = include_str!("../../seeds/windags_001.jsonl");

#[test]
fn every_message_of_seed_000_is_spoken() {
    let types = spoken(SEED_000);
    let server = [
        "cost_update",
        "dag_mutated",
        "edge_active",
        "error",
        "execution_complete",
        "human_gate_waiting",
        "node_state",
    ];
    assert_eq!(types.0, server);
    let client = ["cancel_execution", "human_decision", "pause_execution", "resume_execution"];
    assert_eq!(types.1, client);
}

#[test]
fn every_message_of_seed_001_is_spoken() {
    let types = spoken(SEED_001);
    let server = ["cost_update", "error", "heartbeat", "human_gate_waiting", "node_state", "pong"];
    assert_eq!(types.0, server);
    assert_eq!(types.1, ["ack", "heartbeat", "human_decision", "ping", "resync_request"]);
}

/// Which types there were, of the relay and of clients.
fn spoken(seed: &str) -> (Vec<String>, Vec<String>) {
    let (mut server, mut client) = (vec![], vec![]);
    let mut lines = seed.lines().peekable();
    while let Some(line) = lines.next() {
        let (side, text) = line.split_once(' ').unwrap();
        let message: Value = serde_json::from_str(text).unwrap();
        let kind = message["type"].as_str().unwrap().to_owned();
        if side == "<" {
            server.push(kind);
            assert_eq!(told(&message), std::slice::from_ref(&message), "{line}");
            continue;
        }
        client.push(kind.clone());
        let mut talk = PLAIN.converse(&Call::to("dag-1"));
        let answer = match talk.read(text) {
            Err(fault) => values(|out| talk.notice(&Notice::Problem(&fault), out)),
            Ok(Said::Ping) => values(|out| talk.notice(&Notice::Pong { time: Timestamp(0) }, out)),
            Ok(Said::Decide(ask)) => {
                assert_eq!(ask.target, Target::Node(id(message["node_id"].as_str().unwrap())));
                assert_eq!(Some(&*ask.option), message["decision"].as_str());
                assert_eq!(ask.comment.as_deref(), message["feedback"].as_str());
                vec![]
            }
            Ok(Said::Command(ask)) => {
                let command = match ask.kind {
                    CommandKind::Pause => "pause_execution",
                    CommandKind::Resume => "resume_execution",
                    CommandKind::Cancel => "cancel_execution",
                    other => panic!("{other:?}"),
                };
                assert_eq!(command, kind);
                vec![]
            }
            Ok(Said::Nothing) => {
                // What follows of it is seen in its own tests.
                assert!(["ack", "resync_request"].contains(&&*kind));
                vec![]
            }
            Ok(other) => panic!("{line}: {other:?}"),
        };
        let answers = kind == "heartbeat" || kind == "ping" || message.get("node_id").is_none();
        if let Some(expected) =
            lines.next_if(|it| answers && it.starts_with('<') && !answer.is_empty())
        {
            let expected: Value = serde_json::from_str(&expected[2..]).unwrap();
            server.push(expected["type"].as_str().unwrap().to_owned());
            assert_eq!(answer, [expected], "{line}");
        } else {
            assert!(answer.is_empty(), "{line}: {answer:?}");
        }
    }
    for types in [&mut server, &mut client] {
        types.sort();
        types.dedup();
    }
    (server, client)
}

/// What the dialect makes of a record that states what this message says.
fn told(message: &Value) -> Vec<Value> {
    let mut story = Story::new();
    let (kind, after) = stated(message);
    story.said(kind, after);
    let mut told = values(|out| PLAIN.record(&story.records[0], out));
    if message["type"] == "human_gate_waiting" {
        // Its node is shown to wait first.
        let paused = told.remove(0);
        assert_eq!((&paused["type"], &paused["status"]), (&"node_state".into(), &"paused".into()));
    }
    told
}

fn stated(message: &Value) -> (Kind, After) {
    let node = |key: &str| id::<NodeId>(message[key].as_str().unwrap());
    let json = |key: &str| message.get(key).map(|it| Json::whole(&it.to_string()));
    let nanos = |key: &str| (message[key].as_f64().unwrap() * 1e9).round() as i64;
    match message["type"].as_str().unwrap() {
        "node_state" => {
            let changed = Kind::NodeChanged(Box::new(NodeChanged::of(node("node_id"))));
            let (status, output) = (status(message["status"].as_str().unwrap()), json("output"));
            let metrics = message.get("metrics").map(metrics);
            let node = Node { status, output, metrics, ..Node::new(node("node_id")) };
            (changed, of_node(node))
        }
        "edge_active" => {
            (Kind::EdgeActivated { from: node("from"), to: node("to") }, After::default())
        }
        "dag_mutated" => {
            let mutated = GraphMutated { mutation: json("mutation"), ..GraphMutated::default() };
            (Kind::GraphMutated(Box::new(mutated)), After::default())
        }
        "cost_update" => {
            let spent = Totals { usd_nanos: nanos("spent"), ..Totals::default() };
            let cost = Some(Cost { spent, budget_usd_nanos: Some(nanos("budget")) });
            (Kind::CostIncurred(Box::default()), After { cost, ..After::default() })
        }
        "execution_complete" => {
            let (status, results) = (ExecutionStatus::Completed, json("results"));
            let finished = ExecutionFinished { status, results, ..ExecutionFinished::default() };
            (Kind::ExecutionFinished(Box::new(finished)), After::default())
        }
        "human_gate_waiting" => {
            let (node_id, presentation) = (Some(node("node_id")), json("presentation"));
            let asked = GateOpened { node_id, presentation, ..GateOpened::of(id("g1:1"), 1) };
            let waits = Node { status: NodeStatus::WaitingGate, ..Node::new(node("node_id")) };
            (Kind::GateOpened(Box::new(asked)), of_node(waits))
        }
        "error" if message["message"] == "Execution cancelled" => {
            let status = ExecutionStatus::Cancelled;
            let finished = ExecutionFinished { status, ..ExecutionFinished::default() };
            (Kind::ExecutionFinished(Box::new(finished)), After::default())
        }
        "error" => {
            let node_id = message.get("node_id").map(|_| node("node_id"));
            let message = message["message"].as_str().unwrap().into();
            let failure = Failure { message, node_id, ..Failure::default() };
            let reported = FailureReported { failure, step_id: None };
            (Kind::FailureReported(Box::new(reported)), After::default())
        }
        other => panic!("{other}"),
    }
}

fn status(word: &str) -> NodeStatus {
    match word {
        "pending" => NodeStatus::Pending,
        "scheduled" => NodeStatus::Queued,
        "running" => NodeStatus::Running,
        "completed" => NodeStatus::Completed,
        "failed" => NodeStatus::Failed,
        "retrying" => NodeStatus::Retrying,
        "paused" => NodeStatus::Paused,
        "skipped" => NodeStatus::Skipped,
        "mutated" => NodeStatus::Mutated,
        other => panic!("{other}"),
    }
}

fn metrics(value: &Value) -> NodeMetrics {
    NodeMetrics {
        input_tokens: value["input_tokens"].as_i64(),
        output_tokens: value["output_tokens"].as_i64(),
        cost_usd_nanos: value["total_cost_usd"].as_f64().map(|it| (it * 1e9).round() as i64),
        duration: value["duration_ms"].as_u64().map(Duration::from_millis),
        retries: value["retries"].as_u64().map(|it| u32::try_from(it).unwrap()),
        model: value["model_used"].as_str().map(Text::from),
        extra: None,
    }
}
