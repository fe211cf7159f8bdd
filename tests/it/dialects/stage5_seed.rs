//! The messages that stage-5 dashboards were made for, one by one: what they send is read, and what
//! they are sent has the same fields, of the same kinds.

use std::path::Path;
use std::sync::Arc;

use footplate::core::{Answer, Receipt, Reference, Stage};
use footplate::dialect::stage5::Stage5;
use footplate::dialect::{Call, Dialect, Notice};
use footplate::frame::Frames;
use footplate::model::*;
use serde_json::Value;

use super::story::{Story, id, json, of_node, story, text};
use super::{stage5_talk, values};

const RUN: &str = "run-123";
/// 2026-01-14T10:00:00.123456Z.
const TIME: Timestamp = Timestamp(1_768_384_800_123_456);

/// What the whole story leaves out: pauses, retries, failures, and what no agent does.
pub(super) fn rest() -> Story {
    let mut story = Story::new();
    let status = |status: ExecutionStatus, reason: Option<Text>| {
        let (status, native_status) = (Some(status), None);
        Kind::ExecutionStatusChanged(Box::new(ExecutionStatusChanged {
            status,
            native_status,
            reason,
        }))
    };
    story.said(status(ExecutionStatus::Planning, None), After::default());
    story.said(status(ExecutionStatus::Paused, text("a hotfix comes")), After::default());
    story.said(status(ExecutionStatus::Running, None), After::default());
    let step = |status| Node {
        status,
        step_id: text("step-2"),
        step_number: Some(2),
        fraction: Some(0.5),
        progress_message: text("fetching"),
        failure: Some(Failure {
            error_type: text("HTTPError"),
            message: "the mirror answered 503".into(),
            traceback: text("at fetch()"),
            node_id: None,
        }),
        ..Node::new(id("fetch"))
    };
    for (old, status) in
        [(NodeStatus::Pending, NodeStatus::Running), (NodeStatus::Running, NodeStatus::Failed)]
    {
        let mut changed = NodeChanged::of(id("fetch"));
        changed.status = Some(status);
        let after = After { old_status: Some(old), moved: true, ..of_node(step(status)) };
        story.said(Kind::NodeChanged(Box::new(changed)), after);
    }
    for phase in [RetryPhase::Started, RetryPhase::Succeeded, RetryPhase::Exhausted] {
        let retried = NodeRetried {
            node_id: id("fetch"),
            phase,
            retry_number: 1,
            max_retries: Some(3),
            error_category: text("network"),
            error_pattern: text("timeout"),
            success_probability: Some(0.8),
            strategy: text("exponential"),
            suggestions: vec!["use the mirror".into()],
            backoff: None,
            next_attempt_time: None,
            error: text("the registry did not answer"),
            has_user_feedback: Some(false),
        };
        let after = of_node(step(NodeStatus::Retrying));
        story.said(Kind::NodeRetried(Box::new(retried)), after);
    }
    let called = ToolCalled {
        agent: None,
        tool_name: "fetch".into(),
        arguments: json(r#"{"url":"https://mirror.example"}"#),
        result: json(r#""214 files""#),
        node_id: None,
        call_id: None,
        error: None,
    };
    story.said(Kind::ToolCalled(Box::new(called)), After::default());
    for action in [FileAction::Updated, FileAction::Batch] {
        let changed = FileChanged {
            path: "dist/release-4.2.tar".into(),
            action,
            file_type: text("archive"),
            size: Some(43_515_904),
            node_id: Some(id("fetch")),
            step_id: text("step-2"),
            files_tracked: Some(12),
        };
        story.said(Kind::FileChanged(Box::new(changed)), After::default());
    }
    let asked = GateOpened {
        title: text("Approve plan?"),
        step_id: text("s1"),
        checkpoint: text("after_planning"),
        context: json("{}"),
        ..GateOpened::of(id("a1"), 1)
    };
    story.said(Kind::GateOpened(Box::new(asked)), After::default());
    let mut changed = NodeChanged::of(id("step_1"));
    changed.status = Some(NodeStatus::Running);
    let node = Node { status: NodeStatus::Running, ..Node::new(id("step_1")) };
    let old_status = Some(NodeStatus::Pending);
    let after = After { old_status, moved: true, ..of_node(node) };
    story.said(Kind::NodeChanged(Box::new(changed)), after);
    let failure = Failure { message: "the mirror answered 503".into(), ..Failure::default() };
    let failed = ExecutionFinished {
        status: ExecutionStatus::Failed,
        failure: Some(failure),
        ..ExecutionFinished::default()
    };
    let ending = Ending {
        status: failed.status,
        results: None,
        output: None,
        failure: failed.failure.clone(),
        reason: None,
        nodes_completed: 0,
        nodes_failed: 1,
        duration_micros: Some(12_500_000),
        finish_time: story.time(),
    };
    let outline = Arc::new(Outline { ending: Some(ending), ..Outline::default() });
    let after = After { outline: Some(outline), ..After::default() };
    story.said(Kind::ExecutionFinished(Box::new(failed)), after);
    story
}

/// Everything that the protocol says, of this run and at this time.
fn told() -> Vec<Value> {
    let dialect = Stage5 { legacy_output: true, ..Stage5::default() };
    values(|out: &mut Frames| {
        for story in [story(), rest()] {
            for mut record in story.records {
                (record.execution, record.time) = (id(RUN), TIME);
                // At an end the core has summed up.
                record.after.cost.get_or_insert_default();
                dialect.record(&record, out);
            }
            let at = Position { epoch: Epoch { boot: 7, nth: 1 }, seq: Seq(9) };
            let young = Story::new();
            let mut graph = story.state.clone();
            graph.outline = young.state.outline;
            dialect.state(&id(RUN), at, &graph, out);
            dialect.level(&id(RUN), at, &graph, out);
            dialect.heartbeat(&id(RUN), at, TIME, out);
        }
        let mut talk = dialect.converse(&Call::to(RUN));
        let welcome = Notice::Welcome {
            time: TIME,
            boot: 7,
            durability: Durability::Memory,
            principal: &Principal::local(),
            max_message: 1 << 20,
            rate: (10, 600),
        };
        talk.at(std::time::Instant::now());
        talk.notice(&welcome, out);
        talk.notice(&Notice::Pong { time: TIME }, out);
        talk.answer(&Answer::Unknown { execution: id(RUN) }, out);
        let receipt = Receipt {
            about: Reference::Decision(id("d1")),
            execution: None,
            gate: Some(id("a1")),
            node: None,
            stage: Stage::GateUnknown,
            resolution: None,
            reason: None,
            by: None,
            at: None,
        };
        talk.answer(&Answer::Receipt(receipt), out);
    })
}

fn lines(sign: &str) -> Vec<String> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/seeds/stage5.jsonl");
    let text = std::fs::read_to_string(path).unwrap();
    assert!(text.lines().all(|line| line.starts_with("< ") || line.starts_with("> ")));
    text.lines().filter_map(|line| line.strip_prefix(sign)).map(str::to_owned).collect()
}

#[test]
fn what_the_seeds_dashboards_say_is_read() {
    let lines = lines("> ");
    assert_eq!(lines.len(), 14);
    for line in lines {
        stage5_talk::read(&line).unwrap_or_else(|fault| panic!("{line}: {fault:?}"));
    }
}

/// Whether a value has all that another has, of the same kinds; of lists the first items.
fn is_like(value: &Value, seed: &Value) -> bool {
    match (value, seed) {
        (_, Value::Null) => true,
        (Value::Object(fields), Value::Object(seeds)) => {
            let like = |(key, seed): (&String, &Value)| {
                fields.get(key).is_some_and(|value| is_like(value, seed))
            };
            seeds.iter().all(like)
        }
        (Value::Array(items), Value::Array(seeds)) => {
            let first = items.first().zip(seeds.first());
            items.is_empty() == seeds.is_empty() && first.is_none_or(|(it, seed)| is_like(it, seed))
        }
        (Value::Number(number), Value::Number(seed)) => number.is_f64() || !seed.is_f64(),
        (Value::String(_), Value::String(_)) | (Value::Bool(_), Value::Bool(_)) => true,
        _ => false,
    }
}

/// Whether it says the same, in all that the other says.
fn says(value: &Value, seed: &Value) -> bool {
    match (value, seed) {
        (Value::Object(fields), Value::Object(seeds)) => {
            seeds.iter().all(|(key, seed)| fields.get(key).is_some_and(|it| says(it, seed)))
        }
        _ => value == seed,
    }
}

#[test]
fn what_the_seeds_dashboards_are_told_has_their_fields() {
    let told = told();
    let seeds = lines("< ");
    assert_eq!(seeds.len(), 37);
    for seed in &seeds {
        let mut seed: Value = serde_json::from_str(seed).unwrap();
        let kind = seed["event_type"].clone();
        let mut alike = told.iter().filter(|it| it["event_type"] == kind);
        // What opaque parts hold is their engine's affair.
        let opaque = ["tool_args", "arguments", "results"];
        let data = seed["data"].as_object_mut().unwrap();
        for (_, value) in data.iter_mut().filter(|(key, _)| opaque.contains(&key.as_str())) {
            *value = Value::Object(Default::default());
        }
        assert!(alike.any(|it| is_like(it, &seed)), "nothing is like {seed}");
    }
}

/// Where everything is determined, it is the same.
#[test]
fn what_the_seeds_dashboards_are_told_is_the_same() {
    let told = told();
    let mut same = 0;
    for seed in lines("< ") {
        let seed: Value = serde_json::from_str(&seed).unwrap();
        let exact = [
            r#""connected""#,
            r#""dag_node_status_changed""#,
            r#""approval_requested""#,
            r#""pong""#,
            r#""heartbeat""#,
        ];
        let alone = ["ApprovalNotPending", "NotFound"];
        let kind = seed["event_type"].to_string();
        let about = seed["data"]["error_type"].as_str().unwrap_or_default();
        if exact.contains(&kind.as_str()) || alone.contains(&about) {
            assert!(told.iter().any(|it| says(it, &seed)), "nothing says {seed}");
            same += 1;
        }
    }
    assert_eq!(same, 7);
}
