//! What the protocol of execution viewers says of a whole execution, and what it never says.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use footplate::dialect::Dialect;
use footplate::dialect::executions::Executions;
use footplate::model::*;
use serde_json::{Value, json};

use super::executions::{
    REAL, SEED, changed, ending, finish, n1, says, status_changed, told, value,
};
use super::story::{Story, id, of_node, story, text};
use super::{steering, texts, values};

const STAMPED: Executions = Executions { wire_extras: true, ..SEED };
const VERBOSE: Executions = Executions { verbose: true, ..SEED };

/// The log lines of a kind: level, node and message.
fn lines(dialect: Executions, kind: Kind, after: After) -> Vec<[String; 3]> {
    let said = says(dialect, kind, after);
    let said = said.iter().map(|it| value(it)).filter(|it| it["type"] == "log");
    let word = |it: &Value| it.as_str().unwrap_or_default().to_owned();
    said.map(|it| [&it["log"]["level"], &it["log"]["node_id"], &it["log"]["message"]].map(word))
        .collect()
}

#[test]
fn what_has_no_message_of_its_own_is_a_log_line() {
    let paused = lines(SEED, status_changed(ExecutionStatus::Paused), After::default());
    assert_eq!(paused, [["warning", "", "Execution paused: a hotfix comes"]]);
    assert!(lines(SEED, status_changed(ExecutionStatus::Running), After::default()).is_empty());

    // Not `error`: that would be the end.
    let failure = Failure {
        message: "the mirror answered 503".into(),
        node_id: Some(id("n1")),
        ..Failure::default()
    };
    let failure = Kind::FailureReported(Box::new(FailureReported { failure, step_id: None }));
    let said = says(SEED, failure.clone(), After::default());
    assert_eq!((said.len(), &value(&said[0])["type"]), (1, &"log".into()));
    let expected = [["error", "n1", "the mirror answered 503"]];
    assert_eq!(lines(SEED, failure, After::default()), expected);

    let dropped = Kind::EventsDropped(EventsDropped { count: 12, ..EventsDropped::default() });
    let expected = [["warning", "", "12 events were dropped before they came here"]];
    assert_eq!(lines(SEED, dropped, After::default()), expected);

    let retried = |phase, max_retries, backoff, error: Option<&str>| {
        Kind::NodeRetried(Box::new(NodeRetried {
            node_id: id("n1"),
            phase,
            retry_number: 1,
            max_retries,
            error_category: None,
            error_pattern: None,
            success_probability: None,
            strategy: None,
            suggestions: vec![],
            backoff,
            next_attempt_time: None,
            error: error.and_then(text),
            has_user_feedback: None,
        }))
    };
    let wait = Some(Duration::from_millis(2_500));
    for (kind, message) in [
        (retried(RetryPhase::Started, None, None, None), "'n1' is tried again (retry 1)"),
        (
            retried(RetryPhase::BackingOff, Some(3), wait, Some("timeout")),
            "'n1' will be tried again in 2.5 s (retry 1 of 3): timeout",
        ),
        (retried(RetryPhase::Succeeded, Some(3), None, None), "'n1' goes on (retry 1 of 3)"),
        (
            retried(RetryPhase::Exhausted, None, None, Some("timeout")),
            "'n1' is not tried again (retry 1): timeout",
        ),
    ] {
        let node = of_node(n1(NodeStatus::Retrying));
        assert_eq!(lines(SEED, kind.clone(), node.clone()), [["warning", "n1", message]]);
        assert_eq!(value(&says(SEED, kind, node)[0])["type"], "node_update");
    }
}

fn gate(resolution: Resolution, delivery: Option<Delivery>) -> Gate {
    Gate {
        asked: Arc::new(steering::asked()),
        producer: id("engine-1"),
        resolution,
        delivery,
        reason: text("why"),
        votes: vec![],
        opened: Timestamp(1_795_168_800_000_000),
        since: Seq(1),
    }
}

fn decision(kind: DecisionKind, option: &str) -> Arc<Decision> {
    Arc::new(Decision {
        id: id("d1"),
        gate: id("deploy:1"),
        version: 1,
        node: Some(id("deploy")),
        kind,
        option: option.into(),
        comment: None,
        modification: None,
        modification_sha256: None,
        payload_sha256: None,
        by: None,
        votes: vec![],
        source: DecisionSource::Timer,
        time: Timestamp(0),
    })
}

/// Silence, absence and withdrawal are no rejection.
#[test]
fn only_who_rejects_it_has_rejected_it() {
    let rejects = decision(DecisionKind::Reject, "reject");
    let why = || text("why");
    let elsewhere = Resolution::Elsewhere { kind: None, option: None, by: None, message: why() };
    let table = [
        (Resolution::Decided(rejects.clone()), &["info", "Decided at 'deploy': reject"][..]),
        (Resolution::Expired(rejects), &["warning", "Nobody decided at 'deploy' in time"]),
        (
            Resolution::Withdrawn { reason: why() },
            &["info", "Nobody needs to decide at 'deploy' any longer: why"],
        ),
        (Resolution::Cancelled, &[]),
        (Resolution::Superseded, &[]),
        (elsewhere, &["info", "Decided elsewhere at 'deploy': why"]),
        (Resolution::Unreachable, &["warning", "Nobody could be reached who decides at 'deploy'"]),
        (Resolution::NoApprover, &["warning", "Nobody may decide at 'deploy'"]),
    ];
    for (resolution, expected) in table {
        let mut story = Story::new();
        let settled = gate(resolution.clone(), resolution.decision().map(|_| Delivery::Queued));
        let holds = settled.holds();
        let after = After { gate: Some(Arc::new(settled)), ..After::default() };
        story.fact(Fact::Resolved { gate: id("deploy:1"), resolution }, after);
        let said: Vec<Value> = told(SEED, &story).iter().map(|it| value(it)).collect();
        let logs: Vec<&Value> = said.iter().filter(|it| it["type"] == "log").collect();
        match expected {
            [level, message] => {
                let log = &logs[0]["log"];
                assert_eq!((&log["level"], &log["message"]), (&json!(level), &json!(message)));
            }
            _ => assert!(logs.is_empty()),
        }
        // A decision holds its node until it has taken effect.
        let status = said.iter().any(|it| it["type"] == "status");
        assert_eq!(status, !holds);
    }
    // Asked again, and still open: no news. Nor is a decision that is on its way.
    let decided = Resolution::Decided(decision(DecisionKind::Approve, "approve"));
    let opened = Timestamp(1_795_168_000_000_000);
    for asked_again in
        [Gate { opened, ..gate(Resolution::Open, None) }, gate(decided.clone(), None)]
    {
        let after = After { gate: Some(Arc::new(asked_again)), ..After::default() };
        assert!(lines(SEED, Kind::GateOpened(Box::new(steering::asked())), after).is_empty());
    }
    for (delivery, message) in [
        (Delivery::Queued, None),
        (Delivery::Sent, None),
        (Delivery::Delivered, None),
        (Delivery::Applied, None),
        (Delivery::Refused, Some("The engine refused the decision at 'deploy': why")),
        (Delivery::Failed, Some("The decision at 'deploy' failed: why")),
        (
            Delivery::OutcomeUnknown,
            Some("Nobody knows whether the decision at 'deploy' took effect: why"),
        ),
    ] {
        let mut story = Story::new();
        let moved = gate(decided.clone(), Some(delivery));
        let after = After { gate: Some(Arc::new(moved.clone())), ..After::default() };
        let decision = decision(DecisionKind::Approve, "approve");
        let fact = Fact::Delivered { gate: id("deploy:1"), decision, delivery, reason: None };
        story.fact(fact, after.clone());
        let said: Vec<Value> = told(SEED, &story).iter().map(|it| value(it)).collect();
        let log = said.iter().find(|it| it["type"] == "log");
        assert_eq!(log.map(|it| &it["log"]["message"]), message.map(|it| json!(it)).as_ref());
        // Its engine may also say so by closing the gate.
        let closed = GateClosed {
            gate_id: id("deploy:1"),
            gate_version: 1,
            reason: CloseReason::Withdrawn,
            message: None,
            option_id: None,
            kind: None,
            closed_by: None,
        };
        let closed = lines(SEED, Kind::GateClosed(Box::new(closed)), after);
        assert_eq!(closed.first().map(|it| it[2].as_str()), message);
    }
}

/// What the protocol does not show at all is told in log lines, to who wants to have it so.
#[test]
fn a_verbose_relay_tells_more() {
    let story = story();
    let told = |dialect| -> Vec<String> {
        let said = told(dialect, &story);
        let said = said.iter().map(|it| value(it)).filter(|it| it["type"] == "log");
        said.map(|it| it["log"]["message"].as_str().unwrap().to_owned()).collect()
    };
    let (brief, all) = (told(SEED), told(VERBOSE));
    let more: Vec<&String> = all.iter().filter(|it| !brief.contains(it)).collect();
    let expected = [
        "From 'build' to 'scan'",
        "The graph was changed (replace_node): scan is too slow",
        "linking",
        "Spent so far: 0.08 USD of 0.5",
        "builder: The package is ready.",
        "builder thinks: Which mirror is nearer?",
        "builder called fetch: slow",
        "builder ran python code: a warning",
    ];
    assert_eq!(more, expected);
    assert_eq!(all.len(), brief.len() + expected.len());
}

#[test]
fn an_engine_that_speaks_the_protocol_is_quoted_in_either_dress() {
    let form = |protocol: &str, text: &str| NativeForm {
        protocol: protocol.into(),
        json: Json::whole(text),
    };
    let quoted = |native_forms: Vec<NativeForm>, dialect: Executions| {
        let mut story = Story::new();
        let (kind, after) = changed(n1(NodeStatus::Running));
        story.event(Event { time: None, native_forms, kind }, after);
        texts(|out| dialect.record(&story.records[0], out))
    };
    let (both, real) = (form("executions", r#"{"a":1.0}"#), form("executions_real", "{}"));
    let forms = vec![form("other", "[]"), both, real];
    assert_eq!(quoted(forms.clone(), SEED), [r#"{"a":1.0}"#]);
    assert_eq!(quoted(forms.clone(), REAL), ["{}"]);
    assert_eq!(quoted(forms[..2].to_vec(), REAL), [r#"{"a":1.0}"#]);
    assert_eq!(quoted(forms[2..].to_vec(), SEED).len(), 1, "the projection");
    let stamped = [r#"{"a":1.0,"seq":1,"event_id":"19f2c4a7-1:1"}"#];
    assert_eq!(quoted(forms, STAMPED), stamped);

    for (protocol, seed, real) in
        [("executions", 1, 1), ("executions_real", 0, 1), ("windags", 0, 0)]
    {
        let opaque = Opaque {
            protocol: protocol.into(),
            json: Json::whole(r#"{"type":"console"}"#),
            priority: Priority::State,
            replay: true,
            state_key: None,
        };
        let kind = Kind::Opaque(Box::new(opaque));
        assert_eq!(says(SEED, kind.clone(), After::default()).len(), seed);
        assert_eq!(says(REAL, kind, After::default()).len(), real);
    }
}

#[test]
fn five_types_come_and_no_other() {
    let mut failed = Story::new();
    finish(&mut failed, ending(ExecutionStatus::Failed));
    for dialect in [SEED, REAL, VERBOSE] {
        let types: BTreeSet<String> = [&story(), &failed]
            .iter()
            .flat_map(|story| told(dialect, story))
            .map(|it| value(&it)["type"].as_str().unwrap().to_owned())
            .collect();
        let known = ["completion", "error", "log", "node_update", "status"];
        assert_eq!(types.iter().collect::<Vec<_>>(), known);
    }
}

#[test]
fn a_record_is_stamped_and_so_is_a_state() {
    let mut story = Story::new();
    finish(&mut story, ending(ExecutionStatus::Completed));
    let records = values(|out| STAMPED.record(&story.records[0], out));
    let at = story.position();
    let state = values(|out| STAMPED.state(&story.id, at, &story.state, out));
    assert_eq!((records.len(), state.len()), (2, 2));
    for message in &records {
        assert_eq!(message["seq"], 1);
        assert_eq!(message["event_id"], "19f2c4a7-1:1");
        assert_eq!(message.get("as_of_seq"), None);
    }
    for message in &state {
        assert_eq!(message["as_of_seq"], 1);
        assert_eq!((message.get("seq"), message.get("event_id")), (None, None));
    }
    let plain = values(|out| SEED.state(&story.id, at, &story.state, out));
    assert!(plain.iter().all(|it| it.get("as_of_seq").is_none()));
}

/// The status, then each node, then how it ended. No log lines: they are not state.
#[test]
fn a_state_is_a_status_the_nodes_and_the_end() {
    let mut story = story();
    let said =
        |story: &Story| values(|out| SEED.state(&story.id, story.position(), &story.state, out));
    let kinds = |said: &[Value]| -> Vec<String> {
        said.iter().map(|it| it["type"].as_str().unwrap().to_owned()).collect()
    };
    let over = said(&story);
    let expected = ["status", "node_update", "node_update", "node_update", "completion"];
    assert_eq!(kinds(&over), expected);
    assert_eq!(over[0]["status"], "completed");
    assert_eq!(over[4]["result"]["output"], "4.2");
    // In the order in which they changed last; what has not begun is a node as well.
    let nodes: Vec<&Value> = over[1..4].iter().map(|it| &it["node_id"]).collect();
    assert_eq!(nodes, ["quick-scan", "build", "deploy"]);
    assert_eq!(over[1]["node_state"]["status"], "pending");

    let outline = Arc::make_mut(&mut story.state.outline);
    outline.ending = Some(ending(ExecutionStatus::Cancelled));
    story.state.progress.status = ExecutionStatus::Cancelled;
    let over = said(&story);
    assert_eq!(over[0]["status"], "failed");
    assert_eq!(over.last().unwrap()["error"], "Execution cancelled");

    Arc::make_mut(&mut story.state.outline).ending = None;
    story.state.progress.status = ExecutionStatus::Running;
    assert_eq!(kinds(&said(&story)), expected[..4]);
}

#[test]
fn what_contradicts_the_state_is_not_shown() {
    let mut story = Story::new();
    let (kind, after) = changed(n1(NodeStatus::Running));
    story.said(kind, after);
    let before = told(SEED, &story).len();
    let record = story.records[0].clone();
    story.push(record.fact, Some(Contradiction::OldAttempt), record.after);
    assert_eq!(told(SEED, &story).len(), before);
}
