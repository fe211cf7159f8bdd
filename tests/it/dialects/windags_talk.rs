//! What WinDAGs dashboards say, and what one of them alone is told.

use footplate::core::{Answer, Receipt, Reference, Stage};
use footplate::dialect::{Begin, Call, Dialect, Notice, Said, Unintelligible};
use footplate::model::*;

use super::story::{ada, id, text};
use super::texts;
use super::windags::PLAIN;

pub(super) fn read(frame: &str) -> Result<Said, Unintelligible> {
    PLAIN.converse(&Call::to("dag-1")).read(frame)
}

#[test]
fn the_path_says_what_to_watch() {
    let watch = Said::Watch { name: "dag-1".into(), from: Begin::After(None) };
    assert_eq!(PLAIN.converse(&Call::to("dag-1")).opening(), Some(watch));
    assert_eq!(PLAIN.converse(&Call::default()).opening(), None);
    assert!(PLAIN.converse(&Call::default()).read(r#"{"type":"pause_execution"}"#).is_err());
}

#[test]
fn what_a_dashboard_says_is_read() {
    // With the fields that its own samples carry and nobody defines.
    let frame = r#"{"type":"human_decision","node_id":"g[1]","decision":"modify","feedback":"use staging","priority":"high","timestamp":1795211611600}"#;
    let ask = DecisionAsk {
        id: None,
        execution: "dag-1".into(),
        target: Target::Node(id("g[1]")),
        option: "modify".into(),
        comment: text("use staging"),
        modification: None,
        payload_sha256: None,
    };
    assert_eq!(read(frame), Ok(Said::Decide(ask)));
    for (frame, kind) in [
        (r#"{"type":"pause_execution"}"#, CommandKind::Pause),
        (r#"{"type":"resume_execution"}"#, CommandKind::Resume),
        (r#"{"type":"cancel_execution"}"#, CommandKind::Cancel),
    ] {
        let ask = CommandAsk { id: None, execution: text("dag-1"), kind, reason: None };
        assert_eq!(read(frame), Ok(Said::Command(ask)));
    }
}

#[test]
fn what_a_dashboard_says_wrong_is_answered() {
    let missing = r#"{"type":"error","message":"human_decision: missing node_id/decision"}"#;
    let of_g =
        r#"{"type":"error","node_id":"g","message":"human_decision: missing node_id/decision"}"#;
    for (frame, expected) in [
        (r#"{"type":"human_decision","decision":"approve"}"#, missing),
        (r#"{"type":"human_decision","node_id":"g"}"#, of_g),
        (
            r#"{"type":"resync"}"#,
            r#"{"type":"error","message":"There is no message of type 'resync'"}"#,
        ),
        ("{}", r#"{"type":"error","message":"A message has a 'type'"}"#),
    ] {
        let mut talk = PLAIN.converse(&Call::to("dag-1"));
        let fault = talk.read(frame).unwrap_err();
        let told = texts(|out| talk.notice(&Notice::Problem(&fault), out));
        assert_eq!(told, [expected]);
    }
    for frame in [
        "x",
        "[]",
        r#"{"type":"pause_execution","type":"cancel_execution"}"#,
        r#"{"type":"human_decision","node_id":"g","decision":"approve","a":1,"a":2}"#,
        r#"{"type":"human_decision","node_id":7,"decision":"approve"}"#,
        r#"{"type":"human_decision","node_id":"","decision":"approve"}"#,
        r#"{"type":"human_decision","node_id":"g","decision":""}"#,
    ] {
        assert!(read(frame).is_err(), "{frame}");
    }
}

#[test]
fn success_is_silent_and_failure_is_an_error() {
    let answer = |stage, by: Option<Principal>, reason: Option<Text>| {
        let about = Reference::Decision(id("d1"));
        let (execution, gate, node) = (Some(id("dag-1")), Some(id("g1:1")), Some(id("g1")));
        let at = None;
        let receipt = Receipt { about, execution, gate, node, stage, reason, by, at };
        texts(|out| PLAIN.converse(&Call::default()).answer(&Answer::Receipt(receipt), out))
    };
    for stage in [
        Stage::Recorded,
        Stage::Voted { votes: 1, needed: 2 },
        Stage::Delivered,
        Stage::InProgress,
        Stage::Applied,
    ] {
        assert_eq!(answer(stage, Some(ada()), None), [""; 0]);
    }
    let decided = Stage::AlreadyDecided { kind: None, option: text("approve") };
    let expected =
        r#"{"type":"error","node_id":"g1","message":"Gate g1 already decided: approve"}"#;
    assert_eq!(answer(decided.clone(), None, None), [expected]);
    let expected =
        r#"{"type":"error","node_id":"g1","message":"Gate g1 already decided: approve (by ada)"}"#;
    assert_eq!(answer(decided, Some(ada()), None), [expected]);
    let expected = r#"{"type":"error","node_id":"g1","message":"The decision for gate g1 was refused: payload_changed"}"#;
    assert_eq!(answer(Stage::Refused, Some(ada()), text("payload_changed")), [expected]);
    for stage in [
        Stage::Waiting,
        Stage::Failed,
        Stage::OutcomeUnknown,
        Stage::GateChanged { current: 2 },
        Stage::GateClosed,
        Stage::GateUnknown,
        Stage::IdReused,
        Stage::Forbidden,
    ] {
        assert_eq!(answer(stage, None, None).len(), 1);
    }
    let unknown = Answer::Unknown { execution: id("dag-9") };
    let told = texts(|out| PLAIN.converse(&Call::default()).answer(&unknown, out));
    assert_eq!(told, [r#"{"type":"error","message":"Unknown DAG dag-9"}"#]);
}
