//! What execution viewers say, and what one of them alone is told.

use std::time::{Duration, Instant};

use footplate::core::{Answer, Receipt, Reference, Stage, Start};
use footplate::dialect::executions::Executions;
use footplate::dialect::{
    Begin, Call, Conversation, Dialect, Notice, Parting, Point, Said, Token, Unintelligible,
};
use footplate::model::*;

use super::executions::{REAL, SEED};
use super::story::id;
use super::texts;

const NOT_FOUND: &str = r#"{"type":"error","error":"Execution not found"}"#;

pub(super) fn read(frame: &str) -> Result<Said, Unintelligible> {
    SEED.converse(&Call::to("exec-1")).read(frame)
}

fn position(seq: u64) -> Position {
    Position { epoch: Epoch { boot: 7, nth: 1 }, seq: Seq(seq) }
}

fn unknown() -> Answer {
    Answer::Unknown { execution: id("exec-1") }
}

fn watching() -> Answer {
    let (start, head) = (Start::After(position(0)), position(3));
    Answer::Watching { execution: id("exec-1"), start, head }
}

fn answered(talk: &mut Box<dyn Conversation>, answer: &Answer) -> Vec<String> {
    texts(|out| talk.answer(answer, out))
}

/// A conversation whose clock has been set, as its connection does.
fn begun(dialect: Executions, now: Instant) -> Box<dyn Conversation> {
    let mut talk = dialect.converse(&Call::to("exec-1"));
    talk.at(now);
    assert!(talk.opening().is_some());
    assert_eq!((talk.next(), talk.due()), (None, None));
    talk
}

#[test]
fn connecting_is_asking_for_what_there_is() {
    for dialect in [SEED, REAL] {
        let behind = |left: &[(&str, u64)]| {
            let left = left.iter().map(|(name, seq)| (Text::from(*name), position(*seq))).collect();
            let call = Call { left, token: Token::Good, ..Call::to("exec-1") };
            match dialect.converse(&call).opening() {
                Some(Said::Watch { name, from: Begin::Replayed { behind, gaps: true } }) => {
                    assert_eq!(&*name, "exec-1");
                    behind
                }
                other => panic!("{other:?}"),
            }
        };
        assert_eq!(behind(&[]), Point::Oldest);
        // Its client keeps log lines and can't know them again: none comes twice.
        assert_eq!(behind(&[("exec-1", 41)]), Point::Record(position(41)));
        assert_eq!(behind(&[("exec-2", 41)]), Point::Oldest);
        assert_eq!(dialect.converse(&Call::default()).opening(), None);
    }
}

#[test]
fn a_bad_token_is_let_in_and_sent_away() {
    for dialect in [SEED, REAL] {
        let mut talk = dialect.converse(&Call { token: Token::Bad, ..Call::to("exec-1") });
        assert_eq!(talk.opening(), None, "nothing is watched");
        assert_eq!(talk.next(), Some(Said::Leave(Parting::Unauthenticated)));
        assert_eq!(talk.next(), None);
    }
    // One that was good until now.
    let mut talk = SEED.converse(&Call { token: Token::Good, ..Call::to("exec-1") });
    assert!(talk.opening().is_some());
    let expired = Notice::Unauthenticated { expired: true };
    assert!(texts(|out| talk.notice(&expired, out)).is_empty());
    assert_eq!(talk.next(), Some(Said::Leave(Parting::Unauthenticated)));
}

#[test]
fn a_ping_is_answered_and_nothing_else_is() {
    for ping in
        ["ping", " ping\n", "\"ping\"", r#"{"type":"ping"}"#, r#"{"at":[1], "type":"ping"}"#]
    {
        assert_eq!(read(ping), Ok(Said::Ping), "{ping}");
    }
    let pong = Notice::Pong { time: Timestamp(1) };
    let mut talk = SEED.converse(&Call::to("exec-1"));
    assert_eq!(texts(|out| talk.notice(&pong, out)), [r#"{"type":"pong"}"#]);

    let deep = format!("{{\"type\":\"ping\",\"x\":{}{}}}", "[".repeat(99), "]".repeat(99));
    for other in [
        "",
        "PING",
        "pong",
        "\"pong\"",
        "{",
        "[]",
        "null",
        "1",
        "[\"ping\"]",
        "{}",
        r#"{"type":7}"#,
        r#"{"type":"pause"}"#,
        r#"{"type":"cancel_execution"}"#,
        r#"{"type":"human_decision","node_id":"n","decision":"approve"}"#,
        r#"{"type":"ping","type":"ping"}"#,
        &deep,
    ] {
        assert_eq!(read(other), Ok(Said::Nothing), "{other}");
    }
    // It is told of no fault, and of no limit: an error would be the end of its execution.
    let problem = Unintelligible { code: "rate_limited", message: "slow".into(), about: None };
    assert!(texts(|out| talk.notice(&Notice::Problem(&problem), out)).is_empty());
    let away = Notice::GoingAway { retry_after_ms: 5 };
    assert!(texts(|out| talk.notice(&away, out)).is_empty());
    let receipt = Receipt {
        about: Reference::Command(id("c1")),
        execution: None,
        gate: None,
        node: None,
        stage: Stage::Refused,
        resolution: None,
        reason: None,
        by: None,
        at: None,
    };
    assert!(answered(&mut talk, &Answer::Receipt(receipt)).is_empty());
    assert_eq!((talk.next(), talk.due()), (None, None));
}

#[test]
fn the_program_is_told_once_an_engine_would_be_back_that_there_is_no_such_execution() {
    let (now, patience) = (Instant::now(), Duration::from_secs(15));
    let mut talk = begun(REAL, now);
    assert!(answered(&mut talk, &unknown()).is_empty());
    assert_eq!((talk.next(), talk.due()), (None, Some(now + patience)));
    talk.at(now + patience);
    assert_eq!(texts(|out| talk.elapsed(out)), [NOT_FOUND]);
    assert_eq!(talk.next(), Some(Said::Leave(Parting::Done)));
    assert_eq!((talk.next(), talk.due()), (None, None));
}

#[test]
fn the_guides_clients_are_told_after_a_minute() {
    let (now, minute) = (Instant::now(), Duration::from_secs(60));
    let mut talk = begun(SEED, now);
    assert!(answered(&mut talk, &unknown()).is_empty());
    assert_eq!((talk.next(), talk.due()), (None, Some(now + minute)));
    // Not earlier, whoever asks.
    talk.at(now + minute - Duration::from_millis(1));
    assert!(texts(|out| talk.elapsed(out)).is_empty());
    assert_eq!(talk.next(), None);
    talk.at(now + minute);
    assert_eq!(texts(|out| talk.elapsed(out)), [NOT_FOUND]);
    assert_eq!(talk.next(), Some(Said::Leave(Parting::Done)));
    assert_eq!((talk.next(), talk.due()), (None, None));

    // It is registered in time.
    let mut talk = begun(SEED, now);
    assert!(answered(&mut talk, &unknown()).is_empty());
    talk.at(now + minute / 2);
    assert!(answered(&mut talk, &watching()).is_empty());
    assert_eq!((talk.next(), talk.due()), (None, None));
    talk.at(now + 2 * minute);
    assert!(texts(|out| talk.elapsed(out)).is_empty());
    assert_eq!(talk.next(), None);
}

/// That it was forgotten, an hour after its end, is not how it ended.
#[test]
fn who_has_seen_an_execution_is_not_told_that_there_is_none() {
    for dialect in [SEED, REAL] {
        let mut talk = begun(dialect, Instant::now());
        assert!(answered(&mut talk, &watching()).is_empty());
        assert!(answered(&mut talk, &unknown()).is_empty());
        assert_eq!((talk.next(), talk.due()), (None, None));
    }
}
