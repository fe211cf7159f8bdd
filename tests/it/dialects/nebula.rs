//! The protocol of Nebula dashboards: what everybody is shown. One of its clients drops a message
//! whose numbers are no integers, so they are looked at byte by byte.

use std::sync::Arc;
use std::time::Duration;

use footplate::core::{Execution, Limits};
use footplate::dialect::Dialect;
use footplate::dialect::nebula::Nebula;
use footplate::model::*;
use proptest::prelude::*;
use serde_json::{Value, json};

use super::story::{Story, id, of_node, story, text};
use super::{steering, story, texts, values};
use crate::laws::{Game, game};

pub(super) const PLAIN: Nebula = Nebula { wire_extras: false };

fn told(story: &Story) -> Vec<String> {
    texts(|out| story.records.iter().for_each(|record| PLAIN.record(record, out)))
}

/// What the first record of an execution says.
#[track_caller]
fn says(kind: Kind, after: After, expected: &[&str]) {
    let mut story = Story::new();
    story.said(kind, after);
    assert_eq!(told(&story), expected);
}

/// An execution as it is shown.
pub(super) fn shown(state: &Execution) -> Value {
    let at = Position { epoch: Epoch { boot: 7, nth: 1 }, seq: Seq(9) };
    let shown = values(|out| PLAIN.state(&id("run-7"), at, state, out));
    let levels = values(|out| PLAIN.level(&id("run-7"), at, state, out));
    assert_eq!(shown, levels, "it is said in the same words whenever it is said");
    shown[0]["execution"].clone()
}

fn node(name: &str, status: NodeStatus, began: u64) -> (NodeId, Arc<Node>) {
    let began = (began != 0).then_some((Seq(began), Timestamp(0)));
    (id(name), Arc::new(Node { status, began, ..Node::new(id(name)) }))
}

fn planned(total: u32, nodes: impl IntoIterator<Item = (NodeId, Arc<Node>)>) -> Execution {
    let mut state = Execution { nodes: nodes.into_iter().collect(), ..Execution::default() };
    Arc::make_mut(&mut state.outline).info.planned_nodes = Some(total);
    state.progress.status = ExecutionStatus::Running;
    state
}

fn finished(status: ExecutionStatus) -> ExecutionFinished {
    ExecutionFinished { status, ..ExecutionFinished::default() }
}

#[test]
fn an_action_has_one_of_nine_words() {
    use NodeStatus::*;
    for (status, word) in [
        (Pending, None),
        (Ready, None),
        (Queued, None),
        (Running, Some("running")),
        (WaitingGate, Some("waiting")),
        (Paused, Some("paused")),
        (Retrying, Some("retrying")),
        (Completed, Some("completed")),
        (Failed, Some("failed")),
        (Skipped, Some("skipped")),
        (Cancelled, Some("cancelled")),
        (Mutated, Some("running")),
    ] {
        let shown = shown(&planned(1, [node("n", status, 1)]));
        assert_eq!(shown["actions_executed"][0]["status"].as_str(), word, "{status:?}");
    }
}

#[test]
fn an_execution_has_one_of_six_words() {
    use ExecutionStatus::*;
    for (status, word) in [
        (Created, "pending"),
        (Planning, "running"),
        (Running, "running"),
        (WaitingGate, "paused"),
        (Pausing, "running"),
        (Paused, "paused"),
        (Cancelling, "running"),
        (Completed, "completed"),
        (Failed, "failed"),
        (Cancelled, "cancelled"),
        (TimedOut, "failed"),
    ] {
        let mut state = Execution::default();
        state.progress.status = status;
        assert_eq!(shown(&state)["status"], word, "{status:?}");
    }
    // Some engines begin without a word.
    let mut state = planned(1, [node("n", NodeStatus::Running, 1)]);
    state.progress.status = Created;
    assert_eq!(shown(&state)["status"], "running");
}

/// A gate is a pause, until its decision has taken effect; and nothing that it comes to is a failure.
#[test]
fn whoever_waits_at_a_gate_is_paused() {
    let mut story = Story::new();
    steering::gate(&mut story);
    let mut statuses = vec![];
    let mut state = Execution::default();
    state.progress.status = ExecutionStatus::Running;
    for record in &story.records[..5] {
        super::fold::fold(&mut state, record);
        state.progress =
            Progress { status: ExecutionStatus::Running, ..super::fold::count(&state, record) };
        let shown = shown(&state);
        let action = shown["actions_executed"][0]["status"].clone();
        statuses.push([shown["status"].clone(), action]);
    }
    let waits = [json!("paused"), json!("waiting")];
    let goes_on = [json!("running"), json!("running")];
    assert_eq!(statuses[..4], [waits.clone(), waits.clone(), waits.clone(), waits]);
    assert_eq!(statuses[4], goes_on);
    let asks = r#"{"type":"log","log":{"execution_id":"run-7","action_id":"deploy","timestamp":"2026-11-20T10:00:00.000000Z","level":"warn","message":"Deploy 4.2 waits for a decision: Deploy to production?"}}"#;
    assert_eq!(told(&story), [asks], "who decides, and how, this protocol can't tell");
}

#[test]
fn a_gate_that_is_announced_again_is_told_of_once() {
    let mut story = Story::new();
    steering::gate(&mut story);
    let record = story.records[0].clone();
    story.fact(record.fact, record.after);
    assert_eq!(told(&story).len(), 1);
}

#[test]
fn actions_stand_in_the_order_in_which_they_began() {
    use NodeStatus::*;
    let nodes = [
        node("a", Running, 9),
        node("b", Completed, 4),
        node("c", Pending, 0),
        node("d", Failed, 6),
    ];
    let shown = shown(&planned(10, nodes));
    let actions = shown["actions_executed"].as_array().unwrap();
    let names: Vec<_> = actions.iter().map(|it| it["action_id"].as_str().unwrap()).collect();
    assert_eq!(names, ["b", "d", "a"]);
    let progress = json!({ "current_action": 3, "total_actions": 10, "percentage": 30 });
    assert_eq!(shown["progress"], progress);
}

#[test]
fn progress_is_in_integers_and_never_complete_too_early() {
    use NodeStatus::*;
    let progress = |state: &Execution| shown(state)["progress"].to_string();
    let of = |current: u32, total: u32, percentage: u32| {
        format!(
            r#"{{"current_action":{current},"percentage":{percentage},"total_actions":{total}}}"#
        )
    };
    let thirds = [node("a", Completed, 1), node("b", Running, 2), node("c", Pending, 0)];
    assert_eq!(progress(&planned(3, thirds)), of(2, 3, 66));
    // A step that waits is under way: the bar does not go back at a gate.
    let waits = [node("a", Skipped, 1), node("b", WaitingGate, 2), node("c", Pending, 0)];
    assert_eq!(progress(&planned(3, waits)), of(2, 3, 66));
    let last = || [node("a", Completed, 1), node("b", Running, 2)];
    assert_eq!(progress(&planned(2, last())), of(2, 2, 99));
    let mut done = planned(2, [node("a", Completed, 1), node("b", Failed, 2)]);
    assert_eq!(progress(&done), of(2, 2, 99));
    for (status, percentage) in [
        (ExecutionStatus::Failed, 99),
        (ExecutionStatus::Cancelled, 99),
        (ExecutionStatus::Completed, 100),
    ] {
        done.progress.status = status;
        assert_eq!(progress(&done), of(2, 2, percentage));
    }
    // More than was planned, and no plan at all.
    assert_eq!(progress(&planned(1, last())), of(2, 2, 99));
    let mut unplanned = planned(0, last());
    assert_eq!(progress(&unplanned), of(0, 0, 0));
    unplanned.progress.status = ExecutionStatus::Completed;
    assert_eq!(progress(&unplanned), of(0, 0, 100));
    // A graph is a plan.
    let mut drawn = planned(0, last());
    let graph = GraphNode {
        node_id: id("c"),
        label: text("Check Inventory"),
        node_type: None,
        parent_node_id: None,
        agent: None,
        description: None,
        goal: None,
        step_id: None,
        step_number: None,
        extra: None,
    };
    let third = Node { graph: Some(Arc::new(graph)), ..Node::new(id("c")) };
    drawn.nodes.insert(id("c"), Arc::new(third));
    assert_eq!(progress(&drawn), of(2, 3, 66));
    let mut begun = Node::clone(&drawn.nodes[&id("c")]);
    begun.status = Running;
    drawn.nodes.insert(id("c"), Arc::new(begun));
    let shown = shown(&drawn);
    let names = shown["actions_executed"].as_array().unwrap().iter().map(|it| &it["name"]);
    assert_eq!(names.collect::<Vec<_>>(), ["Check Inventory", "a", "b"]);
}

#[test]
fn times_are_the_engines_or_else_the_relays_and_never_mixed() {
    let at = |seconds: i64| Timestamp(1_795_168_800_000_000 + 1_000_000 * seconds);
    let done = |node: Node| {
        let node = Node { status: NodeStatus::Completed, ..node };
        shown(&planned(1, [(id("n"), Arc::new(node))]))["actions_executed"][0].clone()
    };
    let blank = || Node::new(id("n"));
    let relays = Node { began: Some((Seq(1), at(1))), ended: Some(at(3)), ..blank() };
    let both = done(relays.clone());
    assert_eq!(both["started_at"], "2026-11-20T10:00:01.000000Z");
    assert_eq!(both["completed_at"], "2026-11-20T10:00:03.000000Z");
    assert_eq!(both["duration_ms"].to_string(), "2000");
    let stated = Node { start_time: Some(at(2)), ..relays };
    assert_eq!(done(stated.clone()).get("duration_ms"), None, "of two clocks");
    let stated = Node { finish_time: Some(Timestamp(at(4).0 + 250_999)), ..stated };
    assert_eq!(done(stated.clone())["duration_ms"].to_string(), "2250");
    let duration = Some(Duration::from_micros(1_250_900));
    let metrics = Some(NodeMetrics { duration, ..NodeMetrics::default() });
    assert_eq!(done(Node { metrics, ..stated })["duration_ms"].to_string(), "1250");
    // The clocks of two machines: never below nothing.
    let back = Node { start_time: Some(at(4)), finish_time: Some(at(2)), ..blank() };
    assert_eq!(done(back)["duration_ms"].to_string(), "0");
    let runs = Node { status: NodeStatus::Running, finish_time: Some(at(9)), ..blank() };
    let runs = &shown(&planned(1, [(id("n"), Arc::new(runs))]))["actions_executed"][0];
    assert_eq!((runs.get("completed_at"), runs.get("duration_ms")), (None, None));
}

#[test]
fn what_an_action_has_made_and_what_went_wrong_are_shown() {
    let failure = Some(Failure { message: "no route".into(), ..Failure::default() });
    let output = story::json(r#"{"n":9007199254740993,"x":1e2}"#);
    let failed = Node { status: NodeStatus::Failed, failure, output, ..Node::new(id("n")) };
    let state = planned(1, [(id("n"), Arc::new(failed.clone()))]);
    let at = Position { epoch: Epoch { boot: 7, nth: 1 }, seq: Seq(9) };
    let whole = texts(|out| PLAIN.state(&id("run-7"), at, &state, out)).remove(0);
    assert!(whole.contains(r#""result":{"n":9007199254740993,"x":1e2},"error":"no route"}"#));
    let done = Node { status: NodeStatus::Completed, ..failed };
    let state = planned(1, [(id("n"), Arc::new(done))]);
    assert_eq!(shown(&state)["actions_executed"][0].get("error"), None, "it has been overcome");
}

/// The latest are those that are looked for, and a message has a bound.
#[test]
fn of_too_many_results_the_first_are_left_out() {
    let large = format!(r#""{}""#, "x".repeat(200 << 10));
    let made = (1..=4).map(|n| {
        let (name, node) = node(&format!("n{n}"), NodeStatus::Completed, n);
        let node = Node { output: Some(Json::whole(&large)), ..Node::clone(&node) };
        (name, Arc::new(node))
    });
    let shown = shown(&planned(4, made));
    let actions = shown["actions_executed"].as_array().unwrap();
    let whole: Vec<_> = actions.iter().map(|it| it.get("result").is_some()).collect();
    assert_eq!(whole, [false, false, true, true]);
    assert!(shown.to_string().len() < 1 << 20);
}

#[test]
fn nothing_of_a_cancelled_execution_goes_on() {
    use NodeStatus::*;
    let mut state =
        planned(3, [node("a", Running, 1), node("b", Completed, 2), node("c", WaitingGate, 3)]);
    state.progress.status = ExecutionStatus::Cancelled;
    state.progress.waiting = 1;
    let shown = shown(&state);
    let actions = shown["actions_executed"].as_array().unwrap();
    let words: Vec<_> = actions.iter().map(|it| it["status"].as_str().unwrap()).collect();
    assert_eq!(words, ["cancelled", "completed", "cancelled"]);
    assert_eq!(shown["status"], "cancelled");
}

#[test]
fn a_workflow_has_a_name_from_the_first_on() {
    let mut story = Story::new();
    assert_eq!(shown(&story.state)["workflow_id"], "", "where nobody says, it is a string too");
    steering::command(&mut story);
    assert_eq!(shown(&story.state)["workflow_id"], "release", "as it is to be started");
    let stated = Info { workflow_id: Some(id("other")), ..Info::default() };
    Arc::make_mut(&mut story.state.outline).info = stated;
    assert_eq!(shown(&story.state)["workflow_id"], "other");
}

#[test]
fn lines_have_four_levels_and_metadata_that_is_an_object() {
    for (level, word) in [
        (LogLevel::Debug, "debug"),
        (LogLevel::Info, "info"),
        (LogLevel::Warning, "warn"),
        (LogLevel::Error, "error"),
    ] {
        let line = LogWritten {
            message: "m".into(),
            level,
            node_id: None,
            stream: None,
            logger: None,
            metadata: None,
        };
        let expected = format!(
            r#"{{"type":"log","log":{{"execution_id":"run-7","timestamp":"2026-11-20T10:00:00.000000Z","level":"{word}","message":"m"}}}}"#
        );
        says(Kind::LogWritten(Box::new(line.clone())), After::default(), &[&expected]);
        for (metadata, shown) in [(r#"{"a":1.50}"#, r#"{"a":1.50}"#), ("[1]", r#"{"value":[1]}"#)] {
            let metadata = story::json(metadata);
            let line = LogWritten { metadata, node_id: Some(id("n")), ..line.clone() };
            let expected = format!(
                r#"{{"type":"log","log":{{"execution_id":"run-7","action_id":"n","timestamp":"2026-11-20T10:00:00.000000Z","level":"{word}","message":"m","metadata":{shown}}}}}"#
            );
            says(Kind::LogWritten(Box::new(line)), After::default(), &[&expected]);
        }
    }
    let summed = texts(|out| PLAIN.summed_up(&id("run-7"), Timestamp(0), 7, out));
    let expected = r#"{"type":"log","log":{"execution_id":"run-7","timestamp":"1970-01-01T00:00:00.000000Z","level":"warn","message":"7 more log lines came at once and can't be shown"}}"#;
    assert_eq!(summed, [expected]);
}

/// Level and message of the log lines that a record makes.
fn lines(kind: Kind, after: After) -> Vec<[String; 2]> {
    let mut story = Story::new();
    story.said(kind, after);
    let told = values(|out| story.records.iter().for_each(|record| PLAIN.record(record, out)));
    let line = |it: Value| {
        assert_eq!(it["type"], "log");
        ["level", "message"].map(|key| it["log"][key].as_str().unwrap().to_owned())
    };
    told.into_iter().map(line).collect()
}

#[test]
fn retries_failures_and_losses_are_log_lines() {
    let retried = |phase| {
        Kind::NodeRetried(Box::new(NodeRetried {
            node_id: id("n"),
            phase,
            retry_number: 2,
            max_retries: Some(3),
            error_category: None,
            error_pattern: None,
            success_probability: None,
            strategy: None,
            suggestions: vec![],
            backoff: Some(Duration::from_millis(1_500)),
            next_attempt_time: None,
            error: text("no answer"),
            has_user_feedback: None,
        }))
    };
    let named = || of_node(Node { label: text("Fetch"), ..Node::new(id("n")) });
    for (phase, message) in [
        (RetryPhase::Started, "Fetch is tried again (retry 2 of 3): no answer"),
        (RetryPhase::BackingOff, "Fetch is tried again in 1.5 s (retry 2 of 3): no answer"),
        (RetryPhase::Succeeded, "Fetch succeeded (retry 2 of 3): no answer"),
        (RetryPhase::Exhausted, "Fetch is not tried again (retry 2 of 3): no answer"),
    ] {
        assert_eq!(lines(retried(phase), named()), [["warn", message]]);
    }
    let failure = Failure { message: "disk full".into(), ..Failure::default() };
    let reported = FailureReported { failure: failure.clone(), step_id: None };
    let reported = Kind::FailureReported(Box::new(reported));
    assert_eq!(lines(reported, After::default()), [["error", "disk full"]]);
    let dropped = EventsDropped { count: 12, ..EventsDropped::default() };
    let lost = "The engine dropped 12 events before it sent them";
    assert_eq!(lines(Kind::EventsDropped(dropped), After::default()), [["warn", lost]]);
    let ends =
        |it: ExecutionFinished| lines(Kind::ExecutionFinished(Box::new(it)), After::default());
    let stated = ExecutionFinished { failure: Some(failure), ..finished(ExecutionStatus::Failed) };
    assert_eq!(ends(stated), [["error", "disk full"]]);
    let reason = ExecutionFinished { reason: text("why"), ..finished(ExecutionStatus::TimedOut) };
    assert_eq!(ends(reason), [["error", "why"]]);
    assert_eq!(ends(finished(ExecutionStatus::Failed)), [["error", "Execution failed"]]);
    assert_eq!(ends(finished(ExecutionStatus::TimedOut)), [["error", "Execution timed out"]]);
    for silent in [ExecutionStatus::Completed, ExecutionStatus::Cancelled] {
        assert_eq!(ends(finished(silent)), [[""; 2]; 0]);
    }
}

#[test]
fn a_workflow_is_shown_as_its_engine_puts_it_and_has_an_id() {
    for (action, word) in [
        (WorkflowAction::Created, "created"),
        (WorkflowAction::Updated, "updated"),
        (WorkflowAction::Deleted, "deleted"),
    ] {
        for (workflow, shown) in [
            (None, r#"{"id":"wf"}"#),
            (Some(r#"{"version":3,"id":"wf"}"#), r#"{"version":3,"id":"wf"}"#),
            (Some(r#"{"version":3.0}"#), r#"{"id":"wf","version":3.0}"#),
            (Some("[]"), r#"{"id":"wf","definition":[]}"#),
        ] {
            let workflow = workflow.map(Json::whole);
            let changed = WorkflowChanged { workflow_id: id("wf"), action, workflow };
            let expected = format!(
                r#"{{"type":"workflow_event","event":{{"event_type":"{word}","workflow":{shown}}}}}"#
            );
            says(Kind::WorkflowChanged(Box::new(changed)), After::default(), &[&expected]);
        }
    }
    let story = story();
    let log = ExecutionId::of_workflow(&id("wf"));
    let say = |out: &mut _| PLAIN.state(&log, story.position(), &story.state, out);
    assert_eq!(texts(say), [""; 0], "what is known of a definition is not said as a whole");
}

#[test]
fn an_engine_that_speaks_the_protocol_is_quoted() {
    let form = |protocol: &str, text: &str| NativeForm {
        protocol: protocol.into(),
        json: Json::whole(text),
    };
    let mut story = Story::new();
    let native_forms = vec![form("other", "{}"), form("nebula", r#"{"type":"log","n":1.0}"#)];
    let kind = Kind::NodeChanged(Box::new(NodeChanged::of(id("n"))));
    let event = Event { time: None, native_forms, kind };
    story.event(event, of_node(Node { status: NodeStatus::Running, ..Node::new(id("n")) }));
    let opaque = |protocol: &str| {
        Kind::Opaque(Box::new(Opaque {
            protocol: protocol.into(),
            json: Json::whole(r#"{"type":"own"}"#),
            priority: Priority::State,
            replay: true,
            state_key: None,
        }))
    };
    story.said(opaque("nebula"), After::default());
    story.said(opaque("stage5"), After::default());
    let told = texts(|out| story.records.iter().for_each(|it| Nebula::default().record(it, out)));
    let expected = [
        r#"{"type":"log","n":1.0,"seq":1,"event_id":"19f2c4a7-1:1"}"#,
        r#"{"type":"own","seq":2,"event_id":"19f2c4a7-1:2"}"#,
    ];
    assert_eq!(told, expected);
    assert!(!PLAIN.stirs(&story.records[0]), "it says the whole itself");
}

#[test]
fn only_what_everybody_is_told_has_a_place() {
    let story = story();
    let stamped = values(|out| {
        story.records.iter().for_each(|record| Nebula::default().record(record, out));
    });
    for told in &stamped {
        assert!(told["seq"].is_u64() && told["event_id"].is_string(), "{told}");
    }
    let say = |out: &mut _| Nebula::default().state(&story.id, story.position(), &story.state, out);
    let whole = &values(say)[0];
    let last = story.records.len();
    assert_eq!((&whole["as_of_seq"], whole.get("seq")), (&json!(last), None));
}

#[test]
fn there_is_no_other_type() {
    let story = story();
    let told = values(|out| {
        story.records.iter().for_each(|record| PLAIN.record(record, out));
        PLAIN.state(&story.id, story.position(), &story.state, out);
    });
    for told in told {
        let kind = told["type"].as_str().unwrap();
        assert!(["log", "execution_update", "workflow_event"].contains(&kind), "{told}");
    }
}

#[test]
fn what_contradicts_the_state_is_not_shown() {
    let mut story = Story::new();
    steering::gate(&mut story);
    let record = story.records[0].clone();
    story.push(record.fact, Some(Contradiction::GateSettled), record.after);
    assert_eq!(told(&story).len(), 1);
    assert!(!PLAIN.stirs(story.records.last().unwrap()));
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 60, ..ProptestConfig::default() })]

    /// Whatever happens, who is told at the end of each turn that stirs is shown what is so.
    #[test]
    fn c7_whatever_changes_the_whole_has_it_said_again(moves in game()) {
        for log in Game::play(&moves).records.values() {
            let mut before: Option<Value> = None;
            for (at, record) in log.iter().enumerate() {
                let state = Execution::fold(&log[..=at], &Limits::default());
                let now = shown(&state);
                if before.as_ref().is_some_and(|before| *before != now) {
                    prop_assert!(PLAIN.stirs(record), "{:?} says nothing of {now}", record.fact);
                }
                let complete = now["status"] == "completed";
                let percentage = now["progress"]["percentage"].as_u64().unwrap();
                prop_assert!(percentage < 100 || complete);
                before = Some(now);
            }
        }
    }
}
