//! The Nebula dashboards' own messages, and the page that describes ours: both are what the code
//! says and reads.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use footplate::core::Execution;
use footplate::dialect::nebula::Nebula;
use footplate::dialect::{Dialect, Group, Notice};
use footplate::model::*;
use serde_json::Value;

use super::documents::Document;
use super::nebula::PLAIN;
use super::nebula_talk::{self, Desk};
use super::story::{Story, ada, id, json, story, text};
use super::texts;

/// A moment, as the seed writes it.
fn at(seconds: &str) -> Timestamp {
    let (seconds, millis) = seconds.split_once('.').unwrap_or((seconds, "0"));
    let number = |text: &str| text.parse::<i64>().unwrap();
    // 2025-01-15T10:30:00Z.
    Timestamp(1_736_937_000_000_000 + 1_000_000 * number(seconds) + 1_000 * number(millis))
}

/// The execution of the seed's example.
fn order() -> Execution {
    let mut state = Execution::default();
    let info = Info {
        workflow_id: Some(id("wf_xyz789")),
        planned_nodes: Some(10),
        start_time: Some(at("0")),
        ..Info::default()
    };
    Arc::make_mut(&mut state.outline).info = info;
    state.progress.status = ExecutionStatus::Running;
    let mut action = |nth: u64, name: &str, began: &str, done: Option<(&str, u64, &str)>| {
        let duration = done.map(|(_, millis, _)| Duration::from_millis(millis));
        let node = Node {
            status: if done.is_some() { NodeStatus::Completed } else { NodeStatus::Running },
            label: text(name),
            start_time: Some(at(began)),
            finish_time: done.map(|(ended, ..)| at(ended)),
            metrics: Some(NodeMetrics { duration, ..NodeMetrics::default() }),
            output: done.and_then(|(.., result)| json(result)),
            began: Some((Seq(nth), at(began))),
            ..Node::new(id(&format!("act_00{nth}")))
        };
        state.nodes.insert(node.id.clone(), Arc::new(node));
    };
    action(1, "Validate Order", "1", Some(("2", 1_250, r#"{"valid":true}"#)));
    let stock = r#"{"in_stock":true,"quantity":150}"#;
    action(2, "Check Inventory", "2", Some(("4", 2_100, stock)));
    action(3, "Process Payment", "4", None);
    state
}

/// What the code says of what the seed's examples are about.
fn said() -> Vec<String> {
    let position = Position { epoch: Epoch { boot: 7, nth: 1 }, seq: Seq(1) };
    let record = |kind| Record {
        execution: id("exec_abc123"),
        position,
        time: at("9"),
        fact: Fact::Said {
            producer: id("engine"),
            pseq: None,
            event: Arc::new(Event { time: Some(at("4.123")), native_forms: vec![], kind }),
        },
        origin: Origin::default(),
        contradiction: None,
        after: After::default(),
    };
    let line = LogWritten {
        message: "Initiating payment gateway connection".into(),
        level: LogLevel::Info,
        node_id: Some(id("act_003")),
        stream: None,
        logger: None,
        metadata: json(r#"{"payment_provider":"stripe","amount":99.99,"currency":"USD"}"#),
    };
    let workflow = r#"{"id":"wf_xyz789","name":"Order Processing","status":"active","version":3,"updated_at":"2025-01-15T10:25:00Z","updated_by":"user_123"}"#;
    let changed = WorkflowChanged {
        workflow_id: id("wf_xyz789"),
        action: WorkflowAction::Updated,
        workflow: json(workflow),
    };
    let mut said = texts(|out| {
        PLAIN.level(&id("exec_abc123"), position, &order(), out);
        PLAIN.record(&record(Kind::LogWritten(Box::new(line))), out);
        PLAIN.record(&record(Kind::WorkflowChanged(Box::new(changed))), out);
    });
    let roles = vec![Role::Viewer, Role::Operator];
    let principal = Principal { roles, ..Principal::named("user_123") };
    let mut desk = Desk::known();
    for message in messages('>') {
        desk.hears(&message);
    }
    desk.notice(&Notice::Authenticated { principal: &principal, expires: None });
    desk.seated("exec_test_123", "exec_test_123").unknown("exec_invalid");
    for group in [Group::Executions("wf_xyz789".into()), Group::Workflows] {
        desk.notice(&Notice::Found { group: &group, logs: &[] });
    }
    desk.pass(Duration::from_secs(5));
    // It was unsubscribed from before that was answered.
    desk.hears(r#"{"type":"subscribe","resource":"execution","id":"exec_abc123"}"#);
    desk.seated("exec_abc123", "exec_abc123");
    said.append(&mut desk.told);
    said
}

/// The seed's examples, of one side.
fn messages(side: char) -> Vec<String> {
    let all = include_str!("../../seeds/nebula.jsonl");
    let own = all.lines().filter_map(|line| line.strip_prefix(side)?.strip_prefix(' '));
    own.map(str::to_owned).collect()
}

/// The same with every time written to the microsecond, which is all that may differ.
fn exact(value: &Value) -> Value {
    match value {
        Value::String(text) if text.starts_with("2025-") && text.ends_with('Z') => {
            let (seconds, part) =
                text[..text.len() - 1].split_once('.').unwrap_or((&text[..19], ""));
            format!("{seconds}.{part:0<6}Z").into()
        }
        Value::Array(items) => items.iter().map(exact).collect(),
        Value::Object(fields) => {
            fields.iter().map(|(key, value)| (key.clone(), exact(value))).collect()
        }
        other => other.clone(),
    }
}

fn values(texts: &[String]) -> Vec<Value> {
    texts.iter().map(|text| exact(&serde_json::from_str(text).unwrap())).collect()
}

#[test]
fn every_example_of_the_seed_is_said_and_read() {
    let (expected, said) = (values(&messages('<')), values(&said()));
    assert_eq!(expected.len(), 12);
    for message in &expected {
        assert!(said.contains(message), "nothing says {message}\nbut {said:#?}");
    }
    let types: BTreeSet<&str> = expected.iter().map(|it| it["type"].as_str().unwrap()).collect();
    assert_eq!(types.len(), 8, "of every type one");
    let asks = messages('>');
    assert_eq!(asks.len(), 10);
    for ask in asks {
        nebula_talk::read(&ask).unwrap_or_else(|fault| panic!("{ask}: {fault:?}"));
    }
}

/// Everything that the protocol says, of each type at least one.
fn everything() -> Vec<String> {
    let story = story();
    let nebula = Nebula::default();
    let principal = ada();
    let mut desk = Desk::known();
    desk.notice(&Notice::Authenticated { principal: &principal, expires: None });
    desk.hears(r#"{"type":"subscribe","resource":"execution","id":"run-7"}"#);
    desk.seated("run-7", "run-7");
    desk.hears(r#"{"type":"unsubscribe","resource":"execution","id":"run-7"}"#);
    desk.hears(r#"{"type":"subscribe","resource":"execution","id":"run-8","request_id":"req_1"}"#);
    desk.unknown("run-8").pass(Duration::from_secs(5));
    desk.hears(r#"{"type":"subscribe","resource":"rooms","id":"7"}"#);
    desk.hears(r#"{"type":"ping"}"#);
    let mut said = std::mem::take(&mut desk.told);
    // Until somebody is asked.
    let mut young = Story::new();
    for record in &story.records {
        young.push(record.fact.clone(), record.contradiction, record.after.clone());
        let asks = |event: &Event| matches!(event.kind, Kind::GateOpened(_));
        if matches!(&record.fact, Fact::Said { event, .. } if asks(event)) {
            break;
        }
    }
    let mut defined = Story::new();
    defined.id = ExecutionId::of_workflow(&id("release"));
    let workflow = json(r#"{"id":"release","name":"Release","status":"active","version":3}"#);
    let action = WorkflowAction::Updated;
    let changed = WorkflowChanged { workflow_id: id("release"), action, workflow };
    defined.said(Kind::WorkflowChanged(Box::new(changed)), After::default());
    said.extend(texts(|out| {
        nebula.state(&young.id, young.position(), &young.state, out);
        story.records.iter().filter(|it| is_line(it)).for_each(|it| nebula.record(it, out));
        defined.records.iter().for_each(|record| nebula.record(record, out));
        // For the fields, not as examples.
        story.records.iter().for_each(|record| nebula.record(record, out));
        nebula.state(&story.id, story.position(), &story.state, out);
        nebula.summed_up(&story.id, story.time(), 7, out);
    }));
    said
}

fn is_line(record: &Record) -> bool {
    match &record.fact {
        Fact::Said { event, .. } => {
            matches!(event.kind, Kind::LogWritten(_) | Kind::GateOpened(_))
        }
        _ => false,
    }
}

#[test]
fn the_nebula_document_is_true() {
    let document = Document::read("nebula", everything());
    document.check();
    document.is_read_by(nebula_talk::read);
    let every = ["authenticate", "execute_workflow", "ping", "subscribe", "unsubscribe"];
    assert_eq!(document.said(), every.map(str::to_owned).into());
}
