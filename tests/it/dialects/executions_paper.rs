//! What is on paper of the protocol of execution viewers: the examples of the guide that it comes
//! from, and its own document.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use footplate::dialect::{Call, Dialect, Notice, Said, Unintelligible};
use footplate::frame::Frames;
use footplate::model::*;
use serde_json::Value;

use super::documents::Document;
use super::executions::{REAL, SEED, ending, finish, value};
use super::executions_talk::read;
use super::story::{Story, id, json, story};
use super::texts;

/// Messages only: `>` from the client, `<` from the server.
const GUIDE: &str = include_str!("../../seeds/executions.jsonl");

fn guide(side: &str) -> Vec<&'static str> {
    GUIDE.lines().filter_map(|line| line.strip_prefix(side)).collect()
}

/// The same fields, with the same values; others may stand beside them.
#[track_caller]
fn covers(expected: &Value, actual: &Value, path: &str) {
    match (expected, actual) {
        (Value::Object(fields), Value::Object(others)) => {
            for (key, expected) in fields {
                let actual = others.get(key).unwrap_or_else(|| panic!("no {path}.{key}"));
                covers(expected, actual, &format!("{path}.{key}"));
            }
        }
        _ => assert_eq!(expected, actual, "{path}"),
    }
}

/// What the guide's execution says, with each event at its moment.
fn exec_123(kind: Kind, after: After, time: Option<Timestamp>, at: i64) -> Vec<Value> {
    let mut story = Story::new();
    story.id = id("exec-123");
    story.event(Event { time, native_forms: vec![], kind }, after);
    story.records[0].time = Timestamp(at);
    let said = texts(|out| SEED.record(&story.records[0], out));
    said.iter().map(|it| value(it)).collect()
}

fn of_outline(outline: Outline) -> After {
    After { outline: Some(Arc::new(outline)), ..After::default() }
}

/// Each message of the guide, from what an engine would say.
fn server() -> Vec<Value> {
    const BEGAN: i64 = 1_704_067_200_000_000;
    let running = ExecutionStatusChanged {
        status: Some(ExecutionStatus::Running),
        ..ExecutionStatusChanged::default()
    };
    let (fraction, current_node) = (Some(0.5), Some(id("node-2")));
    let outline = of_outline(Outline { fraction, current_node, ..Outline::default() });
    let running = Kind::ExecutionStatusChanged(Box::new(running));
    let status = exec_123(running, outline, None, BEGAN + 123_000);

    let node = Node {
        status: NodeStatus::Completed,
        output: json(r#"{"result":"Hello, World!"}"#),
        start_time: Some(Timestamp(BEGAN)),
        finish_time: Some(Timestamp(BEGAN + 1_500_000)),
        ..Node::new(id("node-1"))
    };
    let after = After { node: Some(Arc::new(node)), ..After::default() };
    let changed = Kind::NodeChanged(Box::new(NodeChanged::of(id("node-1"))));
    let node = exec_123(changed, after, None, BEGAN + 1_500_000);

    let log = Kind::LogWritten(Box::new(LogWritten {
        message: "Starting node execution".into(),
        level: LogLevel::Info,
        node_id: Some(id("node-1")),
        stream: None,
        logger: None,
        metadata: None,
    }));
    let log = exec_123(log, After::default(), Some(Timestamp(BEGAN)), BEGAN + 123_000);

    let end = |ending: Ending, after: Duration| {
        let status = ending.status;
        let kind = ExecutionFinished { status, ..ExecutionFinished::default() };
        let outline = Outline { ending: Some(ending), ..Outline::default() };
        let kind = Kind::ExecutionFinished(Box::new(kind));
        let said = exec_123(kind, of_outline(outline), None, Timestamp(BEGAN).after(after).0);
        assert_eq!((said.len(), &said[0]["type"]), (2, &"status".into()));
        said[1].clone()
    };
    let output = json(r#"{"final_result":"Workflow completed successfully"}"#);
    let completed = Ending { output, ..ending(ExecutionStatus::Completed) };
    let failure = Failure {
        message: "API key invalid".into(),
        node_id: Some(id("node-2")),
        ..Failure::default()
    };
    let failed = Ending { failure: Some(failure), ..ending(ExecutionStatus::Failed) };
    let completion = end(completed, Duration::from_millis(45_200));
    let error = end(failed, Duration::from_secs(5));

    let mut talk = SEED.converse(&Call::to("exec-123"));
    let pong = texts(|out| talk.notice(&Notice::Pong { time: Timestamp(BEGAN) }, out));
    vec![status[0].clone(), node[0].clone(), log[0].clone(), completion, error, value(&pong[0])]
}

#[test]
fn the_guides_examples_are_what_is_said() {
    let (expected, actual) = (guide("< "), server());
    assert_eq!(expected.len(), actual.len());
    for (expected, actual) in expected.iter().zip(&actual) {
        covers(&value(expected), actual, actual["type"].as_str().unwrap());
    }
    // This one has no other key.
    assert_eq!(value(expected.last().unwrap()), *actual.last().unwrap());
    for client in guide("> ") {
        assert_eq!(read(client), Ok(Said::Ping), "{client}");
    }
    assert_eq!(GUIDE.lines().count(), guide("< ").len() + guide("> ").len());
}

/// Everything that the protocol says, in the guide's dress and then in the program's.
fn everything() -> Vec<String> {
    let story = story();
    let mut failed = Story::new();
    let failure = Failure {
        message: "API key invalid".into(),
        node_id: Some(id("deploy")),
        ..Failure::default()
    };
    let failed_so = Ending { failure: Some(failure), ..ending(ExecutionStatus::Failed) };
    finish(&mut failed, failed_so);
    let mut paused = Story::new();
    paused.said(super::executions::status_changed(ExecutionStatus::Paused), After::default());
    let mut said = vec![];
    for dialect in [SEED, REAL] {
        let dialect = footplate::dialect::executions::Executions { wire_extras: true, ..dialect };
        said.extend(texts(|out: &mut Frames| {
            for story in [&story, &failed, &paused] {
                story.records.iter().for_each(|record| dialect.record(record, out));
            }
            dialect.state(&story.id, story.position(), &story.state, out);
            let mut talk = dialect.converse(&Call::to("exec-1"));
            talk.notice(&Notice::Pong { time: story.time() }, out);
            talk.answer(&footplate::core::Answer::Unknown { execution: id("exec-1") }, out);
        }));
    }
    said
}

#[test]
fn the_document_is_true() {
    let said = everything();
    let document = Document::read("executions", said.clone());
    document.check();
    document.is_read_by(|frame| match read(frame)? {
        Said::Ping => Ok(Said::Ping),
        other => {
            let message = format!("{frame} is taken for {other:?}");
            Err(Unintelligible { code: "unknown_type", message, about: None })
        }
    });
    assert_eq!(document.said(), ["ping".to_owned()].into());
    // In these the keys are the protocol's own.
    let page = include_str!("../../../docs/protocol/executions.md");
    let keys: BTreeSet<String> = said
        .iter()
        .map(|it| value(it))
        .flat_map(|it| ["data", "result"].map(|part| it[part].clone()))
        .filter_map(|part| part.as_object().cloned())
        .flat_map(|part| part.into_iter().map(|(key, _)| key))
        .collect();
    let unsaid: Vec<&String> =
        keys.iter().filter(|it| !page.contains(&format!("`{it}`"))).collect();
    assert!(unsaid.is_empty(), "not a word of {unsaid:?}");
}
