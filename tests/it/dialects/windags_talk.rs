//! What WinDAGs dashboards say, and what one of them alone is told.

use footplate::core::{Answer, Receipt, Reference, Stage, Start};
use footplate::dialect::{
    Begin, Call, Conversation, Dialect, Notice, Parting, Point, Said, Token, Unintelligible,
};
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
        (
            // As the sample of seed 001 has it.
            r#"{"type":"human_decision","priority":"high","timestamp":1795211611600}"#,
            missing,
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
        r#"{"type":"human_decision","node_id":"g","decision":"modify","feedback":7}"#,
        r#"{"type":7}"#,
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
        let resolution = None;
        let receipt = Receipt { about, execution, gate, node, stage, resolution, reason, by, at };
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

fn watch(behind: Point) -> Said {
    Said::Watch { name: "dag-1".into(), from: Begin::Replayed { behind, gaps: false } }
}

const EPOCH: Epoch = Epoch { boot: 7, nth: 3 };

/// It watches, or is seated anew.
fn watches(talk: &mut Box<dyn Conversation>) {
    let head = Position { epoch: EPOCH, seq: Seq(9) };
    let start = Start::After(head);
    let answer = Answer::Watching { execution: id("dag-1"), start, head };
    assert_eq!(texts(|out| talk.answer(&answer, out)), [""; 0]);
}

/// What follows when one that watches says this.
fn asks(frame: &str) -> Option<Said> {
    let mut talk = PLAIN.converse(&Call::to("dag-1"));
    talk.opening();
    watches(&mut talk);
    assert_eq!(talk.next(), None);
    assert_eq!(talk.read(frame), Ok(Said::Nothing), "{frame}");
    talk.next()
}

#[test]
fn how_far_it_has_seen_is_read_to_the_millisecond() {
    // A record's `timestamp` is in milliseconds: what has the same has been seen.
    const SEEN: i64 = 1_795_211_611_515_999;
    for (last_seen, micros) in [
        ("1795211611515", SEEN),
        ("1795211611515.7", SEEN),
        ("1795211611.515", SEEN),
        ("1795211611.515987", SEEN),
        ("1795211611", SEEN - 515_000),
        ("1.795211611515e12", SEEN),
        ("\"2026-11-20T21:53:31.515Z\"", SEEN),
        ("\"2026-11-20T22:53:31.515123+01:00\"", SEEN),
        ("0", 999),
        ("253402300799999", 253_402_300_799_999_999),
    ] {
        let frame = format!(r#"{{"type":"resync_request","last_seen":{last_seen}}}"#);
        let time = Timestamp(micros);
        let expected = watch(Point::Moment { time, left: None });
        assert_eq!(asks(&frame), Some(expected), "{last_seen}");
    }
    for frame in [
        r#"{"type":"resync_request"}"#,
        r#"{"type":"resync_request","last_seen":null,"reason":"gap"}"#,
    ] {
        assert_eq!(asks(frame), Some(watch(Point::Here)), "the state");
    }
}

#[test]
fn how_far_it_has_seen_is_never_guessed() {
    for last_seen in [
        "true",
        "[]",
        "{}",
        "-1",
        // Microseconds.
        "1795211611515000",
        "\"\"",
        "\"yesterday\"",
        "\"1795211611515\"",
        "\"2026-11-20\"",
        "\"2026-11-20T21:53:31\"",
    ] {
        let frame = format!(r#"{{"type":"resync_request","last_seen":{last_seen}}}"#);
        let fault = read(&frame).unwrap_err();
        assert!(fault.message.starts_with("resync_request: "), "{last_seen}: {fault:?}");
    }
    for last_seq in ["-1", "1.5", "\"7\"", "true"] {
        let frame = format!(r#"{{"type":"resync_request","last_seq":{last_seq},"last_seen":1}}"#);
        assert!(read(&frame).is_err(), "{last_seq}");
    }
}

/// A number needs its log, and a client asks as soon as it is there.
#[test]
fn what_it_has_missed_waits_until_it_watches() {
    let mut talk = PLAIN.converse(&Call::to("dag-1"));
    let behind = |seq| Some(watch(Point::Record(Position { epoch: EPOCH, seq: Seq(seq) })));
    let seq = |seq| format!(r#"{{"type":"resync_request","last_seq":{seq},"last_seen":"once"}}"#);
    talk.opening();
    assert_eq!(talk.read(&seq(5)), Ok(Said::Nothing));
    assert_eq!(talk.next(), None);
    texts(|out| talk.answer(&Answer::Unknown { execution: id("dag-1") }, out));
    assert_eq!(talk.next(), None);
    // One after the other: the second would take the place of the first.
    assert_eq!(talk.read(&seq(3)), Ok(Said::Nothing));
    watches(&mut talk);
    assert_eq!((talk.next(), talk.next()), (behind(5), None));
    watches(&mut talk);
    assert_eq!((talk.next(), talk.next()), (behind(3), None));
    watches(&mut talk);
    assert_eq!(talk.next(), None);
    // Until there is no end of it.
    assert_eq!((talk.read(&seq(0)), talk.next()), (Ok(Said::Nothing), behind(0)));
    for nth in 0..16 {
        assert_eq!(talk.read(&seq(nth)), Ok(Said::Nothing));
    }
    assert!(talk.read(&seq(16)).is_err());
    for nth in 0..16 {
        watches(&mut talk);
        assert_eq!(talk.next(), behind(nth));
    }
}

#[test]
fn a_heartbeat_is_answered_in_its_own_word() {
    let mut talk = PLAIN.converse(&Call::to("dag-1"));
    let time = Timestamp(0);
    for (said, told) in [
        (r#"{"type":"heartbeat"}"#, r#"{"type":"heartbeat"}"#),
        (r#"{"type":"ping","timestamp":1795211611600}"#, r#"{"type":"pong"}"#),
        (r#"{"type":"heartbeat","n":1}"#, r#"{"type":"heartbeat"}"#),
    ] {
        assert_eq!(talk.read(said), Ok(Said::Ping));
        assert_eq!(texts(|out| talk.notice(&Notice::Pong { time }, out)), [told]);
    }
}

#[test]
fn a_token_that_does_not_count_ends_it() {
    let principal = Principal::local();
    let welcome = Notice::Welcome {
        time: Timestamp(0),
        boot: 7,
        durability: Durability::Memory,
        principal: &principal,
        max_message: 1 << 20,
        rate: (10, 600),
    };
    let mut talk = PLAIN.converse(&Call { token: Token::Bad, ..Call::to("dag-1") });
    let told = texts(|out| talk.notice(&welcome, out));
    assert_eq!(told, [r#"{"type":"error","message":"The token is not valid: get another one"}"#]);
    assert_eq!(talk.opening(), None, "nothing is shown");
    assert_eq!(talk.next(), Some(Said::Leave(Parting::Unauthenticated)));
    for token in [Token::Absent, Token::Good] {
        let mut talk = PLAIN.converse(&Call { token, ..Call::to("dag-1") });
        assert_eq!(texts(|out| talk.notice(&welcome, out)), [""; 0]);
        assert!(talk.opening().is_some());
        assert_eq!(talk.next(), None);
    }
    // It counted, and no longer does.
    let mut talk = PLAIN.converse(&Call::to("dag-1"));
    let told = texts(|out| talk.notice(&Notice::Unauthenticated { expired: true }, out));
    let expected = r#"{"type":"error","message":"The token is no longer valid: get another one"}"#;
    assert_eq!(told, [expected]);
    assert_eq!(talk.next(), Some(Said::Leave(Parting::Unauthenticated)));
    assert_eq!(talk.next(), None);
}
