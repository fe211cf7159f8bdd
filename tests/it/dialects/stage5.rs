//! The protocol of stage-5 dashboards: what each record amounts to.

use std::sync::Arc;
use std::time::Duration;

use footplate::dialect::Dialect;
use footplate::dialect::stage5::Stage5;
use footplate::model::*;
use serde_json::{Value, json};

use super::story::{Story, ada, id, json, of_node, story, text};
use super::{steering, texts, values};

pub(super) const PLAIN: Stage5 = Stage5 { wire_extras: false, legacy_output: false };

/// What all records say, as their types and what is in them.
pub(super) fn told(story: &Story) -> Vec<(String, Value)> {
    let told = values(|out| story.records.iter().for_each(|record| PLAIN.record(record, out)));
    let parts = |mut it: Value| (it["event_type"].as_str().unwrap().to_owned(), it["data"].take());
    told.into_iter().map(parts).collect()
}

/// What the record says that follows on an execution's first.
fn says(kind: Kind, after: After) -> Vec<(String, Value)> {
    let mut story = Story::new();
    story.said(kind, after);
    told(&story)
}

#[track_caller]
fn says_one(kind: Kind, after: After, event_type: &str, data: Value) {
    assert_eq!(says(kind, after), [(event_type.to_owned(), data)]);
}

fn types(told: &[(String, Value)]) -> Vec<&str> {
    told.iter().map(|(event_type, _)| event_type.as_str()).collect()
}

fn step(status: NodeStatus) -> Node {
    let (step_id, step_number) = (text("s1"), Some(3));
    Node { status, step_id, step_number, ..Node::new(id("n1")) }
}

fn changed(status: NodeStatus) -> Kind {
    Kind::NodeChanged(Box::new(NodeChanged { status: Some(status), ..NodeChanged::of(id("n1")) }))
}

fn moved(old: NodeStatus, node: Node) -> After {
    After { old_status: Some(old), moved: old != node.status, ..of_node(node) }
}

/// An execution that comes to stand so, and so again.
fn through(statuses: &[ExecutionStatus]) -> Vec<(String, Value)> {
    let mut story = Story::new();
    for status in statuses {
        let (status, reason) = (Some(*status), text("so it is"));
        let native_status = None;
        let changed = ExecutionStatusChanged { status, native_status, reason };
        story.said(Kind::ExecutionStatusChanged(Box::new(changed)), After::default());
    }
    told(&story)
}

#[test]
fn every_message_is_in_the_same_envelope() {
    let mut story = Story::new();
    story.said(changed(NodeStatus::Running), moved(NodeStatus::Pending, Node::new(id("n1"))));
    let text = texts(|out| Stage5::default().record(&story.records[0], out));
    let start = r#"{"event_type":"dag_node_status_changed","timestamp":"2026-11-20T10:00:00.000000Z","run_id":"run-7","session_id":null,"data":{"node_id":"n1","#;
    assert!(text[0].starts_with(start), "{}", text[0]);
    let end = r#"},"seq":1,"event_id":"19f2c4a7-1:1"}"#;
    assert!(text[0].ends_with(end), "{}", text[0]);
    let plain = texts(|out| PLAIN.record(&story.records[0], out));
    assert_eq!(plain[0], text[0].replace(r#","seq":1,"event_id":"19f2c4a7-1:1""#, ""));

    let mut whole = Outline::default();
    whole.info.session_id = Some("s-1".into());
    story.records[0].after.whole = Some(Arc::new(whole));
    let told = values(|out| PLAIN.record(&story.records[0], out));
    assert_eq!(told[0]["session_id"], "s-1");

    let state =
        values(|out| Stage5::default().state(&story.id, story.position(), &story.state, out));
    assert_eq!((&state[0]["as_of_seq"], &state[0]["seq"]), (&json!(1), &Value::Null));
    let level =
        values(|out| Stage5::default().level(&story.id, story.position(), &story.state, out));
    assert_eq!(
        (&level[0]["event_type"], &level[0]["as_of_seq"]),
        (&json!("dag_updated"), &json!(1))
    );
    let beat =
        texts(|out| Stage5::default().heartbeat(&story.id, story.position(), Timestamp(0), out));
    let expected = r#"{"event_type":"heartbeat","timestamp":"1970-01-01T00:00:00.000000Z","run_id":"run-7","session_id":null,"data":{}}"#;
    assert_eq!(beat, [expected]);
}

#[test]
fn a_node_has_one_of_eight_words_and_its_step_one_of_four_events() {
    use NodeStatus::*;
    let words = [
        (Pending, "pending", None),
        (Ready, "pending", None),
        (Queued, "pending", None),
        (Running, "running", Some("step_started")),
        (WaitingGate, "waiting_approval", None),
        (Paused, "paused", Some("step_progress")),
        (Retrying, "retrying", Some("step_progress")),
        (Completed, "completed", Some("step_completed")),
        (Failed, "failed", Some("step_failed")),
        (Skipped, "skipped", Some("step_completed")),
        (Cancelled, "skipped", Some("step_failed")),
        (Mutated, "running", Some("step_started")),
    ];
    for (status, word, event) in words {
        // As far as the words are others.
        let old = if word == "completed" { Running } else { Completed };
        let mut told = says(changed(status), moved(old, step(status)));
        told.retain(|(event_type, _)| event_type != "workflow_state_changed");
        let expected: Vec<&str> = ["dag_node_status_changed"].into_iter().chain(event).collect();
        assert_eq!(types(&told), expected, "{status:?}");
        assert_eq!(told[0].1["new_status"], word);
        let nobodys = Node { step_id: None, ..step(status) };
        let mut told = says(changed(status), moved(old, nobodys));
        told.retain(|(event_type, _)| event_type != "workflow_state_changed");
        assert_eq!(types(&told), ["dag_node_status_changed"], "{status:?}");
    }
}

#[test]
fn a_node_that_moves_says_all_there_is() {
    let node = Node {
        goal: text("a package"),
        start_time: Some(Timestamp(1_000_000)),
        finish_time: Some(Timestamp(3_500_000)),
        failure: Some(Failure { message: "disk full".into(), ..Failure::default() }),
        ..step(NodeStatus::Failed)
    };
    let told = says(changed(NodeStatus::Failed), moved(NodeStatus::Running, node.clone()));
    let expected = json!({
        "node_id": "n1", "old_status": "running", "new_status": "failed", "error": "disk full",
        "run_id": "run-7", "step_number": 3, "total_steps": null, "goal": "a package",
        "execution_time": 2.5, "timestamp": "2026-11-20T10:00:00.000000Z",
    });
    assert_eq!(told[0].1, expected);
    // An earlier attempt's failure is not what goes on.
    let node = Node { status: NodeStatus::Running, ..node };
    let told = says(changed(NodeStatus::Running), moved(NodeStatus::Failed, node));
    assert_eq!(told[0].1["error"], Value::Null);
}

#[test]
fn a_step_tells_what_its_node_knows() {
    use NodeStatus::*;
    let graph = GraphNode {
        node_id: id("n1"),
        label: text("Build it"),
        node_type: None,
        parent_node_id: None,
        agent: text("builder"),
        description: text("Compiles and packs"),
        goal: text("a package"),
        step_id: text("s1"),
        step_number: Some(3),
        extra: None,
    };
    let node =
        |status| Node { graph: Some(Arc::new(graph.clone())), status, ..Node::new(id("n1")) };
    let told = |node: Node| says(changed(node.status), moved(Pending, node)).pop().unwrap().1;
    let expected = json!({ "step_id": "s1", "step_number": 3, "goal": "a package",
        "task": "Build it", "step_description": "Compiles and packs", "agent": "builder" });
    assert_eq!(told(node(Running)), expected);
    for (output, shown) in [
        (json("\"done \\u00e9\""), json!("done é")),
        (json(r#"{"files":3}"#), json!(r#"{"files":3}"#)),
        (json("null"), Value::Null),
        (None, Value::Null),
    ] {
        let expected =
            json!({ "step_id": "s1", "step_number": 3, "result": shown, "output": shown });
        assert_eq!(told(Node { output, ..node(Completed) }), expected);
    }
    let failure = Failure {
        message: "disk full".into(),
        traceback: text("at fetch()"),
        ..Failure::default()
    };
    for (status, failure, error, traceback) in [
        (Failed, Some(failure), "disk full", json!("at fetch()")),
        (Failed, None, "Step failed", Value::Null),
        (Cancelled, None, "Step cancelled", Value::Null),
    ] {
        let expected = json!({ "step_id": "s1", "step_number": 3, "error": error,
            "traceback": traceback });
        assert_eq!(told(Node { failure, ..node(status) }), expected);
    }
    let expected = json!({ "step_id": "s1", "step_number": 3, "progress_percentage": null,
        "message": "out of paper" });
    assert_eq!(told(Node { reason: text("out of paper"), ..node(Paused) }), expected);
}

#[test]
fn nothing_shows_100_before_it_is_complete() {
    let progressed = |fraction: f64, node: Node| {
        let kind = NodeProgressed { node_id: id("n1"), fraction: Some(fraction), message: None };
        let node = Node { fraction: Some(fraction), ..node };
        says(Kind::NodeProgressed(kind), of_node(node)).pop().unwrap()
    };
    for (fraction, status, shown) in [
        (0.0, NodeStatus::Running, 0),
        (0.509, NodeStatus::Running, 50),
        (1.0, NodeStatus::Running, 99),
        (1.0, NodeStatus::Completed, 100),
    ] {
        let (event_type, data) = progressed(fraction, step(status));
        assert_eq!(event_type, "step_progress");
        assert_eq!(data["progress_percentage"], shown);
    }
    // One that is no step goes by its own name.
    let (_, data) = progressed(0.5, Node::new(id("n1")));
    let expected = json!({ "step_id": "n1", "step_number": null, "progress_percentage": 50,
        "message": null });
    assert_eq!(data, expected);
}

#[test]
fn what_is_the_same_in_this_protocols_words_is_not_said() {
    let told = |kind, old, status| types(&says(kind, moved(old, step(status)))).len();
    assert_eq!(told(changed(NodeStatus::Ready), NodeStatus::Pending, NodeStatus::Ready), 0);
    // Unless its engine says it again.
    assert_eq!(told(changed(NodeStatus::Running), NodeStatus::Running, NodeStatus::Running), 2);
    // What came of it may be said later.
    let late = |status| {
        let mut late = NodeChanged::of(id("n1"));
        late.output = json("1");
        told(Kind::NodeChanged(Box::new(late)), status, status)
    };
    assert_eq!((late(NodeStatus::Running), late(NodeStatus::Completed)), (0, 1));
}

#[test]
fn an_execution_has_one_of_eight_words() {
    use ExecutionStatus::*;
    let words = [
        (Created, "draft"),
        (Planning, "planning"),
        (Running, "executing"),
        (WaitingGate, "waiting_approval"),
        (Pausing, "executing"),
        (Cancelling, "executing"),
    ];
    for (status, word) in words {
        let told = through(&[Cancelling, status]);
        let (event_type, data) = &told[1];
        assert_eq!(event_type, "workflow_state_changed");
        let expected = json!({ "status": word, "started_at": null, "completed_at": null,
            "error": null, "entity_type": "workflow_run", "entity_id": "run-7",
            "from_state": "executing", "to_state": word, "reason": "so it is" });
        assert_eq!(*data, expected);
    }
    let over = [
        (Completed, "completed"),
        (Failed, "failed"),
        (TimedOut, "failed"),
        (Cancelled, "cancelled"),
    ];
    let over = over.into_iter().chain([(Paused, "paused")]);
    for (status, word) in words.into_iter().chain(over) {
        let mut story = Story::new();
        story.state.progress.status = status;
        let state = values(|out| PLAIN.state(&story.id, story.position(), &story.state, out));
        assert_eq!(state[0]["data"]["status"], word);
    }
}

#[test]
fn a_pause_and_its_end_are_said_once() {
    use ExecutionStatus::*;
    let told = through(&[Running, Pausing, Paused, Paused, Running, Running]);
    let expected = [
        "workflow_state_changed",
        "workflow_state_changed",
        "workflow_paused",
        "workflow_state_changed",
        "workflow_resumed",
        "workflow_state_changed",
    ];
    assert_eq!(types(&told), expected);
    let halt = |message: &str, status: &str| json!({ "message": message, "status": status, "reason": "so it is" });
    assert_eq!(told[2].1, halt("Workflow paused", "paused"));
    assert_eq!(told[4].1, halt("Workflow resumed", "executing"));
    // Cancelled in a pause it does not go on.
    assert_eq!(
        types(&through(&[Paused, Cancelling])),
        ["workflow_paused", "workflow_state_changed"]
    );
}

#[test]
fn a_start_is_said_once() {
    let info = Info {
        task: text("Release 4.2"),
        agent: text("planner"),
        model: text("small-1"),
        work_dir: text("/srv"),
        ..Info::default()
    };
    let after = |began, was, is| After {
        began,
        before: Progress { status: was, ..Progress::default() },
        progress: Progress { status: is, ..Progress::default() },
        outline: Some(Arc::new(Outline { info: info.clone(), ..Outline::default() })),
        ..After::default()
    };
    use ExecutionStatus::{Created, Running};
    let mut record = story().records.swap_remove(0);
    let mut told = |after| {
        record.after = after;
        values(|out| PLAIN.record(&record, out))
    };
    let first = told(after(true, Created, Running));
    let expected = json!({ "run_id": "run-7", "task_description": "Release 4.2",
        "agent": "planner", "model": "small-1", "work_dir": "/srv" });
    assert_eq!(
        (&first[0]["event_type"], &first[0]["data"]),
        (&json!("workflow_started"), &expected)
    );
    assert_eq!(first[1]["event_type"], "workflow_state_changed");
    assert_eq!(first[1]["data"]["from_state"], "draft");
    assert_eq!(first[1]["data"]["status"], "executing");
    assert_eq!(first[1]["data"]["started_at"], "2026-11-20T10:00:00.000000Z");
    assert_eq!(told(after(false, Running, Running)), [Value::Null; 0]);
}

fn finished(status: ExecutionStatus) -> ExecutionFinished {
    ExecutionFinished { status, ..ExecutionFinished::default() }
}

fn ends(finished: ExecutionFinished) -> Vec<(String, Value)> {
    let ending = Ending {
        status: finished.status,
        results: finished.results.clone(),
        output: finished.output.clone(),
        failure: finished.failure.clone(),
        reason: finished.reason.clone(),
        nodes_completed: 0,
        nodes_failed: 0,
        duration_micros: Some(12_500_000),
        finish_time: Timestamp(1_795_168_812_500_000),
    };
    let spent = Totals { usd_nanos: 80_000_000, ..Totals::default() };
    let after = After {
        outline: Some(Arc::new(Outline { ending: Some(ending), ..Outline::default() })),
        cost: Some(Cost { spent, budget_usd_nanos: None }),
        ..After::default()
    };
    let mut story = Story::new();
    let running = Some(ExecutionStatus::Running);
    let running = ExecutionStatusChanged { status: running, ..ExecutionStatusChanged::default() };
    story.said(Kind::ExecutionStatusChanged(Box::new(running)), After::default());
    story.said(Kind::ExecutionFinished(Box::new(finished)), after);
    told(&story).split_off(1)
}

#[test]
fn an_end_that_is_good_says_what_came_of_it() {
    for (results, shown) in [
        (json(r#"{"b":1}"#), json!({ "b": 1 })),
        (json("[1]"), json!({ "result": [1] })),
        (json("null"), json!({})),
        (None, json!({})),
    ] {
        let output = json("\"4.2\"");
        let told =
            ends(ExecutionFinished { results, output, ..finished(ExecutionStatus::Completed) });
        assert_eq!(types(&told), ["workflow_state_changed", "workflow_completed"]);
        assert_eq!(told[0].1["completed_at"], "2026-11-20T10:00:12.500000Z");
        assert_eq!(
            (&told[0].1["from_state"], &told[0].1["status"]),
            (&json!("executing"), &json!("completed"))
        );
        let expected = json!({ "results": shown, "final_result": "4.2", "total_cost": 0.08,
            "total_duration_seconds": 12.5 });
        assert_eq!(told[1].1, expected);
    }
}

#[test]
fn an_end_that_is_bad_says_why() {
    let failure = Failure {
        error_type: text("OSError"),
        message: "disk full".into(),
        traceback: text("at fetch()"),
        node_id: Some(id("n1")),
    };
    let told =
        ends(ExecutionFinished { failure: Some(failure), ..finished(ExecutionStatus::Failed) });
    assert_eq!(types(&told), ["workflow_failed", "error_occurred"]);
    let expected = json!({ "error": "disk full", "message": "disk full", "status": "failed",
        "failed_step": "n1", "traceback": "at fetch()" });
    assert_eq!(told[0].1, expected);
    let expected = json!({ "error_type": "OSError", "message": "disk full", "step_id": null,
        "traceback": "at fetch()" });
    assert_eq!(told[1].1, expected);
    for (status, message) in [
        (ExecutionStatus::Failed, "Workflow failed"),
        (ExecutionStatus::TimedOut, "Workflow timed out"),
    ] {
        let told = ends(finished(status));
        assert_eq!(types(&told), ["workflow_failed", "error_occurred"]);
        assert_eq!(
            (&told[0].1["error"], &told[0].1["status"]),
            (&json!(message), &json!("failed"))
        );
        assert_eq!(told[1].1["error_type"], "WorkflowError");
    }
    let told = ends(finished(ExecutionStatus::Cancelled));
    assert_eq!(types(&told), ["workflow_state_changed", "workflow_failed"]);
    assert_eq!(told[0].1["status"], "cancelled");
    let expected = json!({ "error": "Workflow cancelled", "message": "Workflow cancelled",
        "status": "cancelled", "failed_step": null, "traceback": null });
    assert_eq!(told[1].1, expected);
}

#[test]
fn a_retry_has_four_events() {
    let retried = |phase| NodeRetried {
        node_id: id("n1"),
        phase,
        retry_number: 2,
        max_retries: Some(3),
        error_category: text("network"),
        error_pattern: text("timeout"),
        success_probability: Some(0.8),
        strategy: text("exponential"),
        suggestions: ["a", "b", "c", "d", "e", "f"].map(Into::into).to_vec(),
        backoff: Some(Duration::from_millis(1_500)),
        next_attempt_time: Some(Timestamp(1_795_168_802_000_000)),
        error: text("no answer"),
        has_user_feedback: Some(true),
    };
    let told = |phase| {
        says(Kind::NodeRetried(Box::new(retried(phase))), of_node(step(NodeStatus::Retrying)))
    };
    let base = |more: Value| {
        let mut all = json!({ "step_id": "s1", "step_number": 3 });
        all.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        all
    };
    for (phase, event_type, data) in [
        (
            RetryPhase::Started,
            "step_retry_started",
            json!({ "attempt_number": 2, "max_attempts": 3, "error_category": "network",
                "error_pattern": "timeout", "success_probability": 0.8, "strategy": "exponential",
                "suggestions": ["a", "b", "c", "d", "e"], "has_user_feedback": true }),
        ),
        (
            RetryPhase::BackingOff,
            "step_retry_backoff",
            json!({ "attempt_number": 2, "backoff_seconds": 2, "retry_strategy": "exponential",
                "next_attempt_at": "2026-11-20T10:00:02.000000Z" }),
        ),
        (
            RetryPhase::Succeeded,
            "step_retry_succeeded",
            json!({ "attempt_number": 2, "total_attempts": 2 }),
        ),
        (
            RetryPhase::Exhausted,
            "step_retry_exhausted",
            json!({ "total_attempts": 2, "final_error": "no answer" }),
        ),
    ] {
        assert_eq!(told(phase), [(event_type.to_owned(), base(data))]);
    }
    // Its node's move is said as well.
    let kind = Kind::NodeRetried(Box::new(retried(RetryPhase::Started)));
    let told = says(kind, moved(NodeStatus::Failed, step(NodeStatus::Retrying)));
    assert_eq!(types(&told), ["dag_node_status_changed", "step_retry_started"]);
}

#[test]
fn costs_are_what_is_added() {
    let incurred = CostIncurred {
        step_id: text("s1"),
        agent: text("builder"),
        model: text("small-1"),
        // A total is stated, and what is new of it is said.
        total_usd_nanos: Some(2_000_000_000),
        ..CostIncurred::default()
    };
    let added = Totals { usd_nanos: 250_000_000, input_tokens: 7, output_tokens: 2, tokens: 9 };
    let spent = Totals { usd_nanos: 2_000_000_000, ..added };
    let cost = Some(Cost { spent, budget_usd_nanos: None });
    let after = After { added: Some(added), cost, ..After::default() };
    let expected = json!({ "run_id": "run-7", "step_id": "s1", "model": "small-1", "tokens": 9,
        "input_tokens": 7, "output_tokens": 2, "cost_usd": 0.25, "total_cost_usd": 2.0,
        "agent": "builder" });
    says_one(Kind::CostIncurred(Box::new(incurred)), after, "cost_update", expected);
    let before = Totals { usd_nanos: 3, tokens: 1, ..Totals::default() };
    let less = Totals { usd_nanos: 1, tokens: 1, ..Totals::default() }.since(&before);
    assert_eq!(less, Totals { usd_nanos: -2, ..Totals::default() });
}

#[test]
fn tools_and_code_show_what_came_of_them() {
    let called = |agent, arguments, result, error| {
        Kind::ToolCalled(Box::new(ToolCalled {
            agent,
            tool_name: "fetch".into(),
            arguments,
            result,
            node_id: None,
            call_id: None,
            error,
        }))
    };
    let tell = |kind| says(kind, After::default()).pop().unwrap();
    let (event_type, data) =
        tell(called(text("builder"), json(r#"{"url":"x"}"#), json("[1,2]"), None));
    let arguments = json!({ "url": "x" });
    let expected = json!({ "agent": "builder", "tool_name": "fetch", "tool_args": arguments,
        "tool_result": "[1,2]", "arguments": arguments, "result": "[1,2]" });
    assert_eq!((event_type.as_str(), data), ("agent_tool_call", expected));
    // Its clients turn arguments into text without looking: there always are some.
    for (arguments, shown) in
        [(None, json!({})), (json("null"), json!({})), (json("[1]"), json!({ "arguments": [1] }))]
    {
        let (event_type, data) = tell(called(None, arguments, None, text("no route")));
        let expected = json!({ "run_id": "run-7", "agent": null, "tool_name": "fetch",
            "arguments": shown, "result": "Error: no route" });
        assert_eq!((event_type.as_str(), data), ("tool_call", expected));
    }
    let code = CodeExecuted {
        agent: None,
        code: "print(1)".into(),
        language: text("python"),
        result: json("1"),
        node_id: None,
        error: text("a warning"),
    };
    let expected = json!({ "agent": null, "code": "print(1)", "language": "python",
        "result": "1" });
    says_one(Kind::CodeExecuted(Box::new(code)), After::default(), "code_execution", expected);
}

#[test]
fn agents_say_and_think() {
    let message = |role: Option<Text>| {
        Kind::AgentMessage(Box::new(AgentMessage {
            agent: "builder".into(),
            message: "Done.".into(),
            role,
            node_id: None,
            metadata: json(r#"{"n":1}"#),
        }))
    };
    for (role, shown) in [(None, "assistant"), (text("user"), "user")] {
        let expected = json!({ "agent": "builder", "message": "Done.", "role": shown,
            "metadata": { "n": 1 } });
        says_one(message(role), After::default(), "agent_message", expected);
    }
    for (thinking, shown) in [(None, true), (Some(true), true), (Some(false), false)] {
        let kind =
            AgentThinking { agent: "builder".into(), thinking, message: None, node_id: None };
        let expected = json!({ "agent": "builder", "thinking": shown, "message": null });
        says_one(Kind::AgentThinking(Box::new(kind)), After::default(), "agent_thinking", expected);
    }
}

#[test]
fn files_are_created_updated_and_counted() {
    let changed = |action| {
        Kind::FileChanged(Box::new(FileChanged {
            path: "dist/a.tar".into(),
            action,
            file_type: text("archive"),
            size: Some(7),
            node_id: Some(id("n1")),
            step_id: text("s1"),
            files_tracked: Some(12),
        }))
    };
    let file = json!({ "file_path": "dist/a.tar", "file_type": "archive", "size_bytes": 7 });
    says_one(changed(FileAction::Created), After::default(), "file_created", file.clone());
    says_one(changed(FileAction::Updated), After::default(), "file_updated", file);
    let files = json!({ "run_id": "run-7", "node_id": "n1", "step_id": "s1", "files_tracked": 12 });
    says_one(changed(FileAction::Batch), After::default(), "files_updated", files);
    assert_eq!(says(changed(FileAction::Deleted), After::default()), []);
}

#[test]
fn a_failure_that_is_survived_is_an_error() {
    let failure = Failure { message: "503".into(), ..Failure::default() };
    let reported = FailureReported { failure, step_id: text("s1") };
    let expected =
        json!({ "error_type": "Error", "message": "503", "step_id": "s1", "traceback": null });
    says_one(
        Kind::FailureReported(Box::new(reported)),
        After::default(),
        "error_occurred",
        expected,
    );
}

#[test]
fn log_lines_are_said_to_those_who_know_them() {
    let story = story();
    let told = values(|out| {
        let legacy = Stage5 { legacy_output: true, ..PLAIN };
        story.records.iter().for_each(|record| legacy.record(record, out));
    });
    let lines: Vec<_> = told.iter().filter(|it| it["event_type"] == "output").collect();
    assert_eq!(lines.len(), 1);
    assert_eq!(lines[0]["data"], json!({ "message": "fetched 214 files" }));
    assert!(!super::stage5::told(&story).iter().any(|(event_type, _)| event_type == "output"));
}

#[test]
fn an_engine_that_speaks_the_protocol_is_quoted() {
    let form = |protocol: &str, text: &str| NativeForm {
        protocol: protocol.into(),
        json: Json::whole(text),
    };
    let mut story = Story::new();
    let native_forms = vec![
        form("windags", r#"{"type":"x"}"#),
        form("stage5", r#"{"event_type":"branch_created","n":1.0}"#),
    ];
    let kind = Kind::GraphDeclared(Box::default());
    story.event(Event { time: None, native_forms, kind }, of_node(step(NodeStatus::Running)));
    let quoted = texts(|out| Stage5::default().record(&story.records[0], out));
    let expected = r#"{"event_type":"branch_created","n":1.0,"seq":1,"event_id":"19f2c4a7-1:1"}"#;
    assert_eq!(quoted, [expected]);
    assert!(!PLAIN.stirs(&story.records[0]), "it has said itself what became of the graph");

    let opaque = |protocol: &str| {
        Kind::Opaque(Box::new(Opaque {
            protocol: protocol.into(),
            json: Json::whole(r#"{"event_type":"console_output","data":{"message":"hi"}}"#),
            priority: Priority::State,
            replay: true,
            state_key: None,
        }))
    };
    assert_eq!(types(&says(opaque("stage5"), After::default())), ["console_output"]);
    assert_eq!(says(opaque("nebula"), After::default()), []);
}

#[test]
fn what_contradicts_the_state_is_not_shown() {
    let mut story = Story::new();
    story.said(changed(NodeStatus::Running), moved(NodeStatus::Pending, step(NodeStatus::Running)));
    let before = told(&story).len();
    let record = story.records[0].clone();
    story.push(record.fact, Some(Contradiction::OldAttempt), record.after);
    assert_eq!(told(&story).len(), before);
    assert!(!PLAIN.stirs(&story.records[1]));
}

/// Its clients know these, and can't be asked.
#[test]
fn no_event_is_of_a_type_that_clients_do_not_know() {
    let known = [
        "workflow_started",
        "workflow_state_changed",
        "workflow_paused",
        "workflow_resumed",
        "workflow_completed",
        "workflow_failed",
        "step_started",
        "step_progress",
        "step_completed",
        "step_failed",
        "step_retry_started",
        "step_retry_backoff",
        "step_retry_succeeded",
        "step_retry_exhausted",
        "dag_created",
        "dag_updated",
        "dag_node_status_changed",
        "agent_message",
        "agent_thinking",
        "agent_tool_call",
        "tool_call",
        "code_execution",
        "approval_requested",
        "approval_received",
        "cost_update",
        "metric_update",
        "file_created",
        "file_updated",
        "files_updated",
        "event_captured",
        "error_occurred",
    ];
    for (event_type, _) in told(&story()) {
        assert!(known.contains(&event_type.as_str()), "{event_type}");
    }
}

fn gate(resolution: Resolution) -> Gate {
    Gate {
        asked: Arc::new(steering::asked()),
        producer: id("engine-1"),
        resolution,
        delivery: None,
        reason: None,
        votes: vec![],
        opened: Timestamp(1_795_168_800_000_000),
        since: Seq(1),
    }
}

#[test]
fn a_gate_asks_for_an_approval() {
    let asked = |asked: GateOpened, node: Option<Node>| {
        let after = node.map_or_else(After::default, |node| moved(NodeStatus::Running, node));
        says(Kind::GateOpened(Box::new(asked)), after)
    };
    let waiting = Node { status: NodeStatus::WaitingGate, ..Node::new(id("deploy")) };
    let told = asked(steering::asked(), Some(waiting));
    let expected = ["dag_node_status_changed", "approval_requested", "workflow_state_changed"];
    assert_eq!(types(&told), expected);
    let expected = json!({ "approval_id": "deploy:1", "step_id": "step-3", "action": "deploy",
        "description": "Deploy 4.2", "message": "Deploy to production?",
        "options": ["approve", "reject", "modify"], "checkpoint_type": "custom",
        "context": { "ticket": "R-42" } });
    assert_eq!(told[1].1, expected);
    assert_eq!(told[2].1["status"], "waiting_approval");

    let node = Node { label: text("Ship"), ..step(NodeStatus::WaitingGate) };
    let bare = GateOpened {
        checkpoint: text("before_step"),
        node_id: Some(id("n1")),
        payload: json("[1,2]"),
        ..GateOpened::of(id("g"), 1)
    };
    let expected = json!({ "approval_id": "g", "step_id": "s1", "action": "before_step",
        "description": "Ship", "message": "Ship", "options": ["approve", "reject", "modify"],
        "checkpoint_type": "before_step", "context": { "payload": [1, 2] } });
    assert_eq!(asked(bare, Some(node))[1].1, expected);

    let bare = GateOpened { context: json("\"x\""), ..GateOpened::of(id("g"), 1) };
    let expected = json!({ "approval_id": "g", "step_id": null, "action": "custom",
        "description": "g", "message": "g", "options": ["approve", "reject", "modify"],
        "checkpoint_type": "custom", "context": { "context": "x" } });
    assert_eq!(asked(bare, None)[0].1, expected);
}

/// Somebody who decided on it elsewhere or long ago is not asked again.
#[test]
fn a_gate_that_is_announced_again_asks_only_while_it_is_open() {
    let asked = || Kind::GateOpened(Box::new(steering::asked()));
    let after = |resolution| {
        let gate = Some(Arc::new(gate(resolution)));
        After { gate, ..After::default() }
    };
    let told = says(asked(), after(Resolution::Cancelled));
    assert!(!types(&told).contains(&"approval_requested"));
    let told = says(asked(), after(Resolution::Open));
    assert!(types(&told).contains(&"approval_requested"));
}

fn decision(kind: DecisionKind, option: &str) -> Arc<Decision> {
    Arc::new(Decision {
        id: id("d1"),
        gate: id("deploy:1"),
        version: 1,
        node: None,
        kind,
        option: option.into(),
        comment: text("fine"),
        modification: None,
        modification_sha256: None,
        payload_sha256: None,
        by: Some(ada()),
        votes: vec![],
        source: DecisionSource::Human,
        time: Timestamp(0),
    })
}

#[test]
fn what_was_decided_is_said_in_its_own_word() {
    use DecisionKind::*;
    let received = |resolution: Resolution| {
        let mut story = Story::new();
        let gate = Some(Arc::new(gate(resolution.clone())));
        let fact = Fact::Resolved { gate: id("deploy:1"), resolution };
        story.fact(fact, After { gate, ..After::default() });
        told(&story).swap_remove(0)
    };
    let table = [
        (Approve, "approve", "approve", true),
        (Approve, "approved", "approved", true),
        (Modify, "modify", "modify", true),
        (Modify, "modified", "modified", true),
        (Approve, "continue", "continue", true),
        (Approve, "allow", "allow", true),
        (Approve, "allow_session", "allow_session", true),
        (Approve, "allow_once", "allow_once", false),
        (Approve, "submit", "submit", false),
        (Reject, "reject", "reject", false),
        (Retry, "redo", "redo", false),
        (Skip, "skip", "skip", false),
        (Abort, "exit", "exit", false),
        (Custom, "perhaps", "perhaps", false),
        // What a gate says of its options beats any reading of their names.
        (Approve, "ship it", "ship it", true),
        (Reject, "continue", "continue", false),
        // Without an option.
        (Expired, "", "expired", false),
        (Approve, "", "approved", true),
        (Reject, "", "rejected", false),
    ];
    for (kind, option, resolution, approved) in table {
        let (event_type, data) = received(Resolution::Decided(decision(kind, option)));
        assert_eq!(event_type, "approval_received");
        let expected = json!({ "approval_id": "deploy:1", "approved": approved,
            "resolution": resolution, "feedback": "fine",
            "resolved_at": "2026-11-20T10:00:00.000000Z" });
        assert_eq!(data, expected, "{option}");
    }
    // Nobody's silence is a rejection.
    for (resolution, word) in [
        (Resolution::Expired(decision(Expired, "")), "expired"),
        (Resolution::Withdrawn { reason: None }, "withdrawn"),
        (Resolution::Cancelled, "cancelled"),
        (Resolution::Superseded, "superseded"),
        (Resolution::Unreachable, "unreachable"),
        (Resolution::NoApprover, "no_approver"),
    ] {
        let (_, data) = received(resolution);
        assert_eq!((&data["approved"], &data["resolution"]), (&json!(false), &json!(word)));
    }
}

#[test]
fn what_is_decided_elsewhere_is_received_and_what_was_decided_here_is_not_again() {
    let closed = |resolution| {
        let message = GateClosed {
            gate_id: id("deploy:1"),
            gate_version: 1,
            reason: CloseReason::DecidedElsewhere,
            message: None,
            option_id: None,
            kind: None,
            closed_by: None,
        };
        let gate = Some(Arc::new(gate(resolution)));
        says(Kind::GateClosed(Box::new(message)), After { gate, ..After::default() })
    };
    let elsewhere = |kind, option| Resolution::Elsewhere { kind, option, by: None, message: None };
    for (kind, option, word, approved) in [
        (Some(DecisionKind::Approve), text("ship"), "ship", true),
        (Some(DecisionKind::Approve), None, "approved", true),
        (None, text("continue"), "continue", true),
        (None, None, "decided_elsewhere", false),
    ] {
        let told = closed(elsewhere(kind, option));
        assert_eq!(types(&told), ["approval_received"]);
        assert_eq!(
            (&told[0].1["resolution"], &told[0].1["approved"]),
            (&json!(word), &json!(approved))
        );
    }
    assert_eq!(closed(Resolution::Decided(decision(DecisionKind::Approve, "approve"))), []);
}

/// That somebody has decided does not make a node run.
#[test]
fn a_gates_node_runs_again_once_the_decision_is_applied() {
    let mut story = Story::new();
    story.state.progress.status = ExecutionStatus::Running;
    steering::gate(&mut story);
    let told = told(&story);
    let expected = [
        "dag_node_status_changed",
        "approval_requested",
        "workflow_state_changed",
        "approval_received",
        "dag_node_status_changed",
        "workflow_state_changed",
        "approval_received",
    ];
    assert_eq!(types(&told), expected);
    let states: Vec<_> = [2, 5].map(|at: usize| told[at].1["status"].as_str().unwrap()).into();
    assert_eq!(states, ["waiting_approval", "executing"]);
    assert_eq!(told[3].1["resolution"], "modify");
}
