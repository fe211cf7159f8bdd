//! The protocol of execution viewers, byte for byte and in both of its dresses.

use std::sync::Arc;

use footplate::dialect::Dialect;
use footplate::dialect::executions::{Dress, Executions};
use footplate::model::*;
use serde_json::Value;

use super::story::{Story, id, json, of_node, text};
use super::{steering, texts};

pub(super) const SEED: Executions =
    Executions { dress: Dress::Seed, wire_extras: false, verbose: false };
pub(super) const REAL: Executions = Executions { dress: Dress::Real, ..SEED };

pub(super) fn told(dialect: Executions, story: &Story) -> Vec<String> {
    texts(|out| story.records.iter().for_each(|record| dialect.record(record, out)))
}

/// What the record says that follows on an execution's first.
pub(super) fn says(dialect: Executions, kind: Kind, after: After) -> Vec<String> {
    let mut story = Story::new();
    story.said(kind, after);
    told(dialect, &story)
}

pub(super) fn value(text: &str) -> Value {
    serde_json::from_str(text).unwrap()
}

pub(super) fn changed(node: Node) -> (Kind, After) {
    let kind = Kind::NodeChanged(Box::new(NodeChanged::of(node.id.clone())));
    (kind, of_node(node))
}

pub(super) fn n1(status: NodeStatus) -> Node {
    Node { status, ..Node::new(id("n1")) }
}

pub(super) fn status_changed(status: ExecutionStatus) -> Kind {
    let reason = text("a hotfix comes");
    let status = Some(status);
    let changed = ExecutionStatusChanged { status, reason, ..ExecutionStatusChanged::default() };
    Kind::ExecutionStatusChanged(Box::new(changed))
}

pub(super) fn ending(status: ExecutionStatus) -> Ending {
    Ending {
        status,
        results: None,
        output: None,
        failure: None,
        reason: None,
        nodes_completed: 3,
        nodes_failed: 0,
        duration_micros: Some(45_200_000),
        finish_time: Timestamp(1_795_168_845_250_000),
    }
}

pub(super) fn finish(story: &mut Story, ending: Ending) {
    let status = ending.status;
    let finished = ExecutionFinished { status, ..ExecutionFinished::default() };
    let ending = Some(ending);
    let outline = Outline { ending, ..(*story.state.outline).clone() };
    let after = After { outline: Some(Arc::new(outline)), ..After::default() };
    story.said(Kind::ExecutionFinished(Box::new(finished)), after);
}

fn ended(dialect: Executions, ending: Ending) -> Vec<String> {
    let mut story = Story::new();
    finish(&mut story, ending);
    told(dialect, &story)
}

#[test]
fn an_execution_has_one_of_four_words_or_of_six() {
    use ExecutionStatus::*;
    let words = [
        (Created, "pending", "pending"),
        (Planning, "pending", "pending"),
        (Running, "running", "running"),
        (WaitingGate, "running", "running"),
        (Pausing, "running", "running"),
        (Paused, "running", "paused"),
        (Cancelling, "running", "running"),
    ];
    for (status, seed, real) in words {
        for (dialect, word) in [(SEED, seed), (REAL, real)] {
            let said = says(dialect, status_changed(status), After::default());
            let said = value(said.last().unwrap());
            assert_eq!((&said["type"], &said["status"]), (&"status".into(), &word.into()));
            // Where there is no word for it, the data has one.
            let paused = word == "running" && status == Paused;
            assert_eq!(said["data"].get("paused"), paused.then_some(&Value::Bool(true)));
        }
    }
    let words = [
        (Completed, "completed", "completed"),
        (Failed, "failed", "failed"),
        (TimedOut, "failed", "failed"),
        (Cancelled, "failed", "cancelled"),
    ];
    for (status, seed, real) in words {
        for (dialect, word) in [(SEED, seed), (REAL, real)] {
            assert_eq!(value(&ended(dialect, ending(status))[0])["status"], word);
        }
    }
}

#[test]
fn a_node_has_one_of_four_words_and_is_told_whole() {
    use NodeStatus::*;
    let words = [
        (Pending, "pending"),
        (Ready, "pending"),
        (Queued, "pending"),
        (Running, "running"),
        (WaitingGate, "running"),
        (Paused, "running"),
        (Retrying, "running"),
        (Mutated, "running"),
        (Completed, "completed"),
        (Skipped, "completed"),
        (Failed, "failed"),
        (Cancelled, "failed"),
    ];
    for (status, word) in words {
        let failure = Some(Failure { message: "no disk".into(), ..Failure::default() });
        let node = Node { output: json("7"), failure, ..n1(status) };
        let (kind, after) = changed(node);
        let said = value(&says(SEED, kind, after)[0]);
        assert_eq!(said["node_state"]["status"], word);
        let output = if status == Skipped { Value::Null } else { 7.into() };
        assert_eq!(said["node_state"]["output"], output);
        // One that goes on after a failure has not failed.
        let error = if word == "failed" { "no disk".into() } else { Value::Null };
        assert_eq!(said["node_state"]["error"], error, "{status:?}");
    }
    let whole = |dialect| {
        let node = Node {
            input: json(r#"{"n":9007199254740993}"#),
            output: json(r#"{"x":1e2}"#),
            start_time: Some(Timestamp(1_795_168_800_000_000)),
            finish_time: Some(Timestamp(1_795_168_801_500_250)),
            ..n1(Completed)
        };
        let (kind, after) = changed(node);
        says(dialect, kind, after)[0].clone()
    };
    let seed = r#"{"type":"node_update","execution_id":"run-7","node_id":"n1","node_state":{"node_id":"n1","status":"completed","input":{"n":9007199254740993},"output":{"x":1e2},"error":null,"started_at":"1795168800.0","completed_at":"1795168801.50025"},"timestamp":"1795168800.0"}"#;
    assert_eq!(whole(SEED), seed);
    let real = r#"{"type":"node_update","execution_id":"run-7","node_id":"n1","node_state":{"node_id":"n1","status":"completed","input":{"n":9007199254740993},"output":{"x":1e2},"error":null,"started_at":"2026-11-20T10:00:00.000000Z","completed_at":"2026-11-20T10:00:01.500250Z"},"timestamp":"1795168800.0"}"#;
    assert_eq!(whole(REAL), real);
    // What it failed of, as far as anybody says.
    for (status, reason, error) in [
        (Failed, text("out of memory"), "out of memory".into()),
        (Failed, None, Value::Null),
        (Cancelled, None, "Cancelled".into()),
    ] {
        let (kind, after) = changed(Node { reason, ..n1(status) });
        assert_eq!(value(&says(SEED, kind, after)[0])["node_state"]["error"], error);
    }
}

#[test]
fn a_log_line_has_its_own_time_and_level() {
    let line = |dialect, level, time, node_id| {
        let log = LogWritten {
            message: "fetched".into(),
            level,
            node_id,
            stream: text("stdout"),
            logger: None,
            metadata: None,
        };
        let kind = Kind::LogWritten(Box::new(log));
        let mut story = Story::new();
        story.event(Event { time, native_forms: vec![], kind }, After::default());
        told(dialect, &story)
    };
    let said = line(SEED, LogLevel::Info, Some(Timestamp(-500_000)), Some(id("n1")));
    let expected = r#"{"type":"log","execution_id":"run-7","log":{"level":"info","message":"fetched","node_id":"n1","timestamp":"-0.5"},"timestamp":"1795168800.0"}"#;
    assert_eq!(said, [expected]);
    let said = line(REAL, LogLevel::Warning, None, None);
    let expected = r#"{"type":"log","execution_id":"run-7","log":{"level":"WARNING","message":"fetched","timestamp":"2026-11-20T10:00:00.000000Z"},"timestamp":"1795168800.0"}"#;
    assert_eq!(said, [expected]);
    use LogLevel::*;
    for (level, word) in [(Debug, "debug"), (Info, "info"), (Warning, "warning"), (Error, "error")]
    {
        for (dialect, word) in [(SEED, word.to_owned()), (REAL, word.to_uppercase())] {
            assert_eq!(value(&line(dialect, level, None, None)[0])["log"]["level"], word);
        }
    }
}

#[test]
fn success_is_a_status_and_then_a_completion() {
    let end = Ending { output: json(r#"{"r":1}"#), ..ending(ExecutionStatus::Completed) };
    let seed = [
        r#"{"type":"status","execution_id":"run-7","status":"completed","data":{"progress":1.0},"timestamp":"1795168800.0"}"#,
        r#"{"type":"completion","execution_id":"run-7","result":{"status":"completed","output":{"r":1},"result":{"r":1},"nodes_completed":3,"nodes_failed":0,"duration":45.2,"completed_at":"1795168845.25"},"timestamp":"1795168800.0"}"#,
    ];
    assert_eq!(ended(SEED, end.clone()), seed);
    let real = ended(REAL, end);
    assert_eq!(real[0], seed[0]);
    assert_eq!(value(&real[1])["result"]["completed_at"], "2026-11-20T10:00:45.250000Z");
    // The guide reads `output`, the program `result`; an error among them is a failure to it.
    for (output, results, expected) in [
        (json("1"), json("2"), [1.into(), 2.into()]),
        (None, json("2"), [2.into(), 2.into()]),
        (None, None, [Value::Null, Value::Null]),
    ] {
        let end = Ending { output, results, ..ending(ExecutionStatus::Completed) };
        let said = value(&ended(SEED, end)[1])["result"].clone();
        assert_eq!([&said["output"], &said["result"]], [&expected[0], &expected[1]]);
        assert_eq!(said.get("error"), None);
    }
}

#[test]
fn an_end_that_is_no_completion_is_a_status_and_then_an_error() {
    use ExecutionStatus::*;
    let failed = |message: &str, node: Option<&str>| Failure {
        message: message.into(),
        node_id: node.map(id),
        ..Failure::default()
    };
    let of = |status, failure, reason: Option<&str>| Ending {
        failure,
        reason: reason.and_then(text),
        ..ending(status)
    };
    let ends = [
        (of(Failed, None, None), "Execution failed"),
        (of(Failed, None, Some("no disk")), "no disk"),
        (of(Failed, Some(failed("no disk", None)), Some("else")), "no disk"),
        (of(Failed, Some(failed("no disk", Some("n1"))), None), "Node 'n1' failed: no disk"),
        (of(Failed, Some(failed("n1 has no disk", Some("n1"))), None), "n1 has no disk"),
        (of(Failed, Some(failed("", Some("n1"))), Some("no disk")), "Node 'n1' failed: no disk"),
        (of(TimedOut, None, None), "Execution timed out"),
        (of(Cancelled, Some(failed("no disk", None)), Some("ada")), "Execution cancelled"),
    ];
    for (end, error) in ends {
        for (dialect, cancelled) in [(SEED, "failed"), (REAL, "cancelled")] {
            let word = if end.status == Cancelled { cancelled } else { "failed" };
            let expected = [
                format!(
                    r#"{{"type":"status","execution_id":"run-7","status":"{word}","data":{{}},"timestamp":"1795168800.0"}}"#
                ),
                format!(
                    r#"{{"type":"error","execution_id":"run-7","error":"{error}","timestamp":"1795168800.0"}}"#
                ),
            ];
            assert_eq!(ended(dialect, end.clone()), expected);
        }
    }
}

/// What is said of the whole beside a change of a part.
#[test]
fn a_status_says_what_is_known_of_the_whole() {
    let info = Info {
        workflow_id: Some(id("wf-1")),
        start_time: Some(Timestamp(1_795_168_800_000_000)),
        planned_nodes: Some(4),
        ..Info::default()
    };
    let mut story = Story::new();
    let after = After {
        outline: Some(Arc::new(Outline { info, ..Outline::default() })),
        ..After::default()
    };
    story.said(status_changed(ExecutionStatus::Running), after);
    for (name, status) in [("a", NodeStatus::Completed), ("b", NodeStatus::Running)] {
        let node = Node { status, since: story.seq(), ..Node::new(id(name)) };
        let (kind, after) = changed(node);
        let old_status = Some(NodeStatus::Pending);
        story.said(kind, After { old_status, moved: true, ..after });
    }
    let said = told(SEED, &story);
    assert_eq!(
        said.last().unwrap(),
        r#"{"type":"status","execution_id":"run-7","status":"running","data":{"progress":0.25,"current_node":"b","workflow_id":"wf-1","started_at":"1795168800.0"},"timestamp":"1795168800.5"}"#
    );
    let real = told(REAL, &story);
    assert_eq!(value(real.last().unwrap())["data"]["started_at"], "2026-11-20T10:00:00.000000Z");

    // An engine that states how far it is knows better than who counts nodes; nobody has all
    // behind him before he is told so.
    for (fraction, progress) in [(0.125, 0.125), (1.0, 0.99)] {
        let outline = Outline { fraction: Some(fraction), ..(*story.state.outline).clone() };
        let after = After { outline: Some(Arc::new(outline)), ..After::default() };
        story.said(Kind::ExecutionProgressed(ExecutionProgressed::default()), after);
        assert_eq!(value(told(SEED, &story).last().unwrap())["data"]["progress"], progress);
    }
}

#[test]
fn a_status_is_said_again_when_it_has_changed() {
    let statuses = |dialect, story: &Story| {
        let said = told(dialect, story);
        said.iter().filter(|it| it.starts_with(r#"{"type":"status""#)).count()
    };
    let step = |story: &mut Story, old, new| {
        let since = if old == new { Seq(1) } else { story.seq() };
        let (kind, after) = changed(Node { since, ..n1(new) });
        let (old_status, moved) = (Some(old), old != new);
        story.said(kind, After { old_status, moved, ..after });
    };
    use NodeStatus::*;
    let mut story = Story::new();
    // It begins, it ends: another current node, another progress. An output alone is neither.
    for (old, new, count) in [(Pending, Running, 1), (Running, Running, 1), (Running, Completed, 2)]
    {
        step(&mut story, old, new);
        assert_eq!(statuses(SEED, &story), count, "{old:?} {new:?}");
    }
    // Where the engine says how far and where it is, a node says nothing of that.
    let (fraction, current_node) = (Some(0.5), Some(id("n2")));
    let outline = Outline { fraction, current_node, ..Outline::default() };
    let after = After { outline: Some(Arc::new(outline)), ..After::default() };
    story.said(Kind::ExecutionProgressed(ExecutionProgressed::default()), after);
    assert_eq!(statuses(SEED, &story), 3);
    step(&mut story, Pending, Running);
    assert_eq!(statuses(SEED, &story), 3);
    // What follows the end changes nothing of it.
    finish(&mut story, ending(ExecutionStatus::Completed));
    assert_eq!(statuses(SEED, &story), 4);
    steering::gate(&mut story);
    assert_eq!(statuses(SEED, &story), 4);
}

/// That somebody has decided does not make a node go on.
#[test]
fn a_gate_is_a_warning_and_a_node_that_is_waited_for() {
    let mut story = Story::new();
    steering::gate(&mut story);
    let said: Vec<Value> = told(SEED, &story).iter().map(|it| value(it)).collect();
    let kinds: Vec<&str> = said.iter().map(|it| it["type"].as_str().unwrap()).collect();
    let expected =
        ["node_update", "log", "status", "log", "node_update", "status", "log", "status"];
    assert_eq!(kinds, expected);
    assert_eq!(
        (&said[0]["node_id"], &said[0]["node_state"]["status"]),
        (&"deploy".into(), &"running".into())
    );
    assert_eq!(
        said[1]["log"],
        serde_json::json!({
            "level": "warning", "node_id": "deploy", "timestamp": "1795168800.0",
            "message": "Waiting for a decision at 'deploy': Deploy to production? (until 2026-11-20T10:10:00.000000Z)",
        })
    );
    assert_eq!(said[2]["data"]["waiting_for"], serde_json::json!(["deploy"]));
    assert_eq!(said[3]["log"]["message"], "Decided at 'deploy' by ada: modify");
    assert_eq!(said[5]["data"].get("waiting_for"), None);
    assert_eq!(said[6]["log"]["message"], "Decided elsewhere at 'publish:1' by linus: approve");
    let until_applied: Vec<bool> =
        story.records.iter().map(|it| !it.after.whole.as_ref().unwrap().held.is_empty()).collect();
    assert_eq!(until_applied, [true, true, true, true, false, false]);
}
