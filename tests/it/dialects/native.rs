//! The native protocol.

use std::sync::Arc;

use footplate::core::{Answer, Execution, Receipt, Reference, Stage, Start, Why};
use footplate::dialect::native::Native;
use footplate::dialect::{Begin, Call, Dialect, Notice, Said, Summary, Unintelligible};
use footplate::json::JsonText;
use footplate::model::*;
use serde_json::{Value, json};

use super::story::{Story, ada, id, json, story, text};
use super::{texts, values};
use crate::reducer::{Reducer, merge};

pub(super) fn frame(record: &Record) -> String {
    let mut frames = texts(|out| Native.record(record, out));
    assert_eq!(frames.len(), 1, "one frame for each record: {record:?}");
    frames.remove(0)
}

pub(super) fn snapshot(story: &Story) -> Vec<Value> {
    values(|out| Native.state(&story.id, story.position(), &story.state, out))
}

pub(super) fn read(frame: &str) -> Result<Said, Unintelligible> {
    Native.converse(&Call::default()).read(frame)
}

fn refused(frame: &str) -> (&'static str, Option<String>) {
    let fault = read(frame).unwrap_err();
    assert!(!fault.message.is_empty());
    (fault.code, fault.about)
}

/// C7, as far as one dialect can keep it.
#[test]
fn who_replaces_what_frames_state_has_what_a_snapshot_shows() {
    let story = story();
    let frames: Vec<Value> =
        story.records.iter().map(|it| serde_json::from_str(&frame(it)).unwrap()).collect();
    let mut reducer = Reducer::default();
    for frame in &frames {
        reducer.frame(frame).unwrap();
    }
    let shown = merge(&snapshot(&story)).unwrap();
    assert_eq!(reducer.state(), shown);
    // And that is no empty one.
    assert_eq!((&shown["dropped"], &shown["rejected"]), (&json!(12), &json!(1)));
    assert_eq!(shown["nodes"].as_array().unwrap().len(), 3);
}

#[test]
fn it_is_the_same_from_any_snapshot_on() {
    let whole = story();
    let shown = merge(&snapshot(&whole)).unwrap();
    let mut partial = Story::new();
    for (index, record) in whole.records.iter().enumerate() {
        partial.push(record.fact.clone(), record.contradiction, record.after.clone());
        let mut reducer = Reducer::default();
        snapshot(&partial).iter().for_each(|part| reducer.frame(part).unwrap());
        // What came before is known, and must do no harm; then the rest.
        for record in &whole.records[index.saturating_sub(2)..] {
            reducer.frame(&serde_json::from_str(&frame(record)).unwrap()).unwrap();
        }
        assert_eq!(reducer.state(), shown, "from record {}", index + 1);
    }
}

#[test]
fn a_missing_record_is_noticed() {
    let story = story();
    let frame = |index: usize| serde_json::from_str(&frame(&story.records[index])).unwrap();
    let mut reducer = Reducer::default();
    reducer.frame(&frame(0)).unwrap();
    reducer.frame(&frame(0)).unwrap();
    assert!(reducer.frame(&frame(2)).is_err());
    assert_eq!(reducer.last(), 1);
    reducer.frame(&frame(1)).unwrap();
    assert_eq!(reducer.last(), 2);
}

/// Engines and viewers in many languages read these: one that keeps the first of two equal keys
/// and one that keeps the last would see different things.
#[test]
fn no_frame_says_a_key_twice() {
    let story = story();
    let mut frames: Vec<String> = story.records.iter().map(frame).collect();
    frames.extend(texts(|out| Native.state(&story.id, story.position(), &story.state, out)));
    for frame in frames {
        // The reader of client messages refuses such frames before it looks at their type.
        let fault = read(&frame).unwrap_err();
        assert_eq!(fault.code, "unknown_type", "{frame}");
    }
}

#[test]
fn a_record_states_its_place() {
    let story = story();
    let value: Value = serde_json::from_str(&frame(&story.records[8])).unwrap();
    let place = json!([
        value["execution_id"],
        value["epoch"],
        value["seq"],
        value["event_id"],
        value["ts"],
        value["producer_id"],
        value["pseq"],
        value["event_time"]
    ]);
    let expected = json!([
        "run-7",
        "19f2c4a7-1",
        9,
        "19f2c4a7-1:9",
        "2026-11-20T10:00:02.000000Z",
        "engine-1",
        9,
        "2026-11-20T10:00:01.998500Z"
    ]);
    assert_eq!(place, expected);
}

#[test]
fn what_an_engine_wrote_stays_as_written() {
    let story = story();
    let started = frame(&story.records[0]);
    assert!(started.contains(r#""input":{"build":9007199254740993}"#), "{started}");
    let completed = frame(&story.records[8]);
    let whole = r#""output":{"package":"release-4.2.tar"},"output_ref":{"truncated":true,"full_size":1048576,"uri":"https://files.example/build.json","sha256":"abab"#;
    assert!(completed.contains(whole), "{completed}");
    // What would break a frame can't come this far: there is no such `Json`.
    for broken in ["", "{\"half\":", "1 2", "{}}", "NaN", "\"\n\"", "{} // more"] {
        assert!(JsonText::read(broken).is_err(), "{broken}");
    }
    assert_eq!(&*JsonText::read(" {\"b\": 1.50} ").unwrap(), "{\"b\": 1.50}");
}

#[test]
fn what_contradicts_the_state_is_told_and_shows_no_state() {
    let story = story();
    let frames = story.records.iter().map(|it| serde_json::from_str(&frame(it)).unwrap());
    let contradicted: Vec<Value> =
        frames.filter(|frame: &Value| frame.get("contradiction").is_some()).collect();
    assert_eq!(contradicted.len(), 1);
    assert_eq!(contradicted[0]["contradiction"], "old_attempt");
    assert_eq!(contradicted[0]["status"], "running");
    assert_eq!(contradicted[0].get("node"), None);
}

#[test]
fn a_large_state_comes_in_parts_that_fit() {
    let mut story = story();
    let output = format!("\"{}\"", "x".repeat(100_000));
    for index in 0..40 {
        let name = format!("n{index:02}");
        let node = Node { output: json(&output), ..Node::new(id(&name)) };
        story.state.nodes.insert(id(&name), Arc::new(node));
    }
    // One that is larger than a part stands alone.
    let large = format!("\"{}\"", "y".repeat(700_000));
    let node = Node { output: json(&large), ..Node::new(id("n20")) };
    story.state.nodes.insert(id("n20"), Arc::new(node));
    let say = |out: &mut _| Native.state(&story.id, story.position(), &story.state, out);
    let (sizes, parts): (Vec<usize>, Vec<Value>) =
        (texts(say).iter().map(String::len).collect(), values(say));
    assert!(sizes.iter().filter(|size| 530_000 < **size).count() == 1, "{sizes:?}");
    assert!(sizes.iter().all(|size| *size < 1 << 20), "{sizes:?}");
    assert!(parts[1..].iter().all(|part| part["state"].get("execution").is_none()));
    let mut reducer = Reducer::default();
    parts.iter().for_each(|part| reducer.frame(part).unwrap());
    assert_eq!(reducer.state(), merge(&parts).unwrap());
    assert_eq!(reducer.state()["nodes"].as_array().unwrap().len(), 3 + 40);
    assert!(merge(&parts[1..]).is_err());
}

#[test]
fn the_directory_comes_in_parts_that_fit() {
    let (position, state) = (story().position(), story().state);
    let names: Vec<ExecutionId> = (0..3_000).map(|index| id(&format!("run-{index}"))).collect();
    let items: Vec<_> =
        names.iter().map(|execution| Summary { execution, at: position, state: &state }).collect();
    let pages = texts(|out| Native.directory(&items, out));
    assert!(1 < pages.len() && pages.iter().all(|page| page.len() < 530_000));
    let pages = values(|out| Native.directory(&items, out));
    let listed = pages.iter().flat_map(|page| page["items"].as_array().unwrap()).count();
    assert_eq!(listed, 3_000);
    assert_eq!(pages[0]["parts"], pages.len());
    let empty = values(|out| Native.directory(&[], out));
    assert_eq!(empty, [json!({"type": "executions", "part": 1, "parts": 1, "items": []})]);
}

#[test]
fn an_empty_execution_has_a_state_too() {
    let story = Story::new();
    let state = Execution::default();
    let parts = values(|out| Native.state(&story.id, story.position(), &state, out));
    assert_eq!(parts.len(), 1);
    assert_eq!(parts[0]["state"]["nodes"], json!([]));
}

#[test]
fn a_receipt_says_what_its_stage_needs() {
    let receipt = |stage| Receipt {
        about: Reference::Decision(id("d1")),
        execution: Some(id("run-7")),
        gate: Some(id("g:1")),
        node: Some(id("g")),
        stage,
        resolution: None,
        reason: text("why"),
        by: Some(ada()),
        at: Some(Timestamp(0)),
    };
    let mut talk = Native.converse(&Call::default());
    let principal = ada();
    let welcome = Notice::Welcome {
        time: Timestamp(0),
        boot: 0xbeef,
        durability: Durability::Local,
        principal: &principal,
        max_message: 1 << 20,
        rate: (50, 100),
    };
    let hello = values(|out| talk.notice(&welcome, out)).remove(0);
    assert_eq!(hello["boot_id"], "beef");
    assert_eq!(hello["roles"], json!(["viewer", "decider"]));
    let mut told = |stage| {
        let answer = Answer::Receipt(receipt(stage));
        values(|out| talk.answer(&answer, out)).remove(0)
    };
    let recorded = told(Stage::Recorded);
    assert_eq!(recorded["durability"], "local");
    assert_eq!(
        recorded["by"],
        json!({"subject": "ada", "issuer": "https://id.example", "method": "none"})
    );
    let voted = told(Stage::Voted { votes: 1, needed: 2 });
    assert_eq!((&voted["votes"], &voted["needed"]), (&json!(1), &json!(2)));
    let kind = Some(DecisionKind::Reject);
    let decided = told(Stage::AlreadyDecided { kind, option: text("reject") });
    assert_eq!((&decided["kind"], &decided["option_id"]), (&json!("reject"), &json!("reject")));
    assert_eq!(told(Stage::GateChanged { current: 3 })["gate_version"], 3);
    assert_eq!(told(Stage::Applied).get("durability"), None);
}

#[test]
fn a_viewer_is_told_where_it_begins() {
    let story = story();
    let head = story.position();
    let begins = |start| {
        let answer = Answer::Watching { execution: story.id.clone(), start, head };
        values(|out| Native.converse(&Call::default()).answer(&answer, out)).remove(0)
    };
    let recovered = begins(Start::After(Position { seq: Seq(4), ..head }));
    assert_eq!(recovered["recovered"], true);
    assert_eq!(recovered["from"], 4);
    assert_eq!(recovered.get("reason"), None);
    let fresh = begins(Start::Snapshot { at: head, why: Why::EpochChanged });
    assert_eq!((&fresh["recovered"], &fresh["reason"]), (&json!(false), &json!("epoch_changed")));
    let unknown = Answer::Unknown { execution: id("nothing") };
    let unknown = values(|out| Native.converse(&Call::default()).answer(&unknown, out)).remove(0);
    assert_eq!((&unknown["code"], &unknown["ref"]), (&json!("not_found"), &json!("nothing")));
}

#[test]
fn a_decision_is_read_as_it_is_said() {
    let sha = "1F".repeat(32);
    let frame = format!(
        r#"{{"type":"human_decision","decision_id":"d1","execution_id":"run-7","gate_id":"g:1",
        "gate_version":2,"option_id":"modify","comment":"so","modification":{{"n":9007199254740993}},
        "payload_sha256":"{sha}"}}"#
    );
    let ask = DecisionAsk {
        id: Some(id("d1")),
        execution: "run-7".into(),
        target: Target::Gate { gate: id("g:1"), version: 2 },
        option: "modify".into(),
        comment: text("so"),
        modification: json(r#"{"n":9007199254740993}"#),
        payload_sha256: Some([0x1f; 32]),
    };
    assert_eq!(read(&frame), Ok(Said::Decide(ask)));
}

#[test]
fn where_to_go_on_is_read_as_it_is_said() {
    let frame =
        r#"{"execution_id":"task[3]","since":{"epoch":"19f2c4a7-1","seq":7},"type":"subscribe"}"#;
    let since = Position { epoch: Epoch { boot: 0x19f2_c4a7, nth: 1 }, seq: Seq(7) };
    assert_eq!(
        read(frame),
        Ok(Said::Watch { name: "task[3]".into(), from: Begin::After(Some(since)) })
    );
    let frame = r#"{"type":"subscribe","execution_id":"run-7","since":null}"#;
    assert_eq!(read(frame), Ok(Said::Watch { name: "run-7".into(), from: Begin::After(None) }));
    let frame = r#"{"type":"subscribe","execution_id":"run-7","at":{"seq":40}}"#;
    assert_eq!(read(frame), Ok(Said::Watch { name: "run-7".into(), from: Begin::At(Seq(40)) }));
}

#[test]
fn what_is_not_understood_is_named() {
    let about = |about: &str| Some(about.to_owned());
    let deep = |levels| {
        let value = format!("{}{}", "[".repeat(levels), "]".repeat(levels));
        format!(
            r#"{{"type":"custom_command","command_id":"c","execution_id":"r","custom_type":"t","payload":{value}}}"#
        )
    };
    for (frame, code, whom) in [
        ("", "bad_json", None),
        ("{", "bad_json", None),
        (r#"{"type":"ping"} {}"#, "bad_json", None),
        ("[\"ping\"]", "not_an_object", None),
        ("7", "not_an_object", None),
        ("{}", "missing_field", None),
        (r#"{"type":7}"#, "bad_field", None),
        (r#"{"type":"pong"}"#, "unknown_type", None),
        (r#"{"type":"ping","a":1}"#, "unknown_field", None),
        (r#"{"type":"ping","type":"ping"}"#, "duplicate_key", None),
        (r#"{"type":"ping","\u0074ype":"ping"}"#, "duplicate_key", None),
        (r#"{"type":"authenticate","token":"t"}"#, "not_supported", None),
        (r#"{"type":"subscribe","execution_id":"r","at":1}"#, "bad_field", about("r")),
        (r#"{"type":"subscribe","execution_id":"r","at":[1]}"#, "bad_field", about("r")),
        (r#"{"type":"subscribe","execution_id":"r","at":{}}"#, "missing_field", about("r")),
        (
            r#"{"type":"subscribe","execution_id":"r","at":{"seq":1,"epoch":"a-1"}}"#,
            "unknown_field",
            about("r"),
        ),
        (
            r#"{"type":"subscribe","execution_id":"r","at":{"seq":1},"since":{"epoch":"a-1","seq":1}}"#,
            "bad_field",
            about("r"),
        ),
        (r#"{"type":"subscribe","execution_id":"r","since":["a-1",1]}"#, "bad_field", about("r")),
        (
            r#"{"type":"subscribe","execution_id":"r","since":{"epoch":"x","seq":1}}"#,
            "bad_field",
            about("r"),
        ),
        (
            r#"{"type":"subscribe","execution_id":"r","since":{"epoch":"a-1","seq":-1}}"#,
            "bad_field",
            about("r"),
        ),
        (
            r#"{"type":"subscribe","execution_id":"r","since":{"epoch":"a-1","seq":1,"a":1}}"#,
            "unknown_field",
            about("r"),
        ),
        (r#"{"type":"subscribe","execution_id":""}"#, "bad_id", about("")),
        (r#"{"type":"pause_execution","execution_id":"r"}"#, "missing_field", about("r")),
        (
            r#"{"type":"pause_execution","command_id":"a b","execution_id":"r"}"#,
            "bad_id",
            about("a b"),
        ),
        (
            r#"{"type":"start_execution","command_id":"c","workflow_id":"w","input":{"a":1,"a":2}}"#,
            "duplicate_key",
            about("c"),
        ),
        (
            r#"{"type":"human_decision","decision_id":"d","execution_id":"r","gate_id":"g","gate_version":1}"#,
            "missing_field",
            about("d"),
        ),
        (
            r#"{"type":"human_decision","decision_id":"d","execution_id":"r","gate_id":"g","gate_version":0,"option_id":"o"}"#,
            "bad_field",
            about("d"),
        ),
        (
            r#"{"type":"human_decision","decision_id":"d","execution_id":"r","gate_id":"g","gate_version":"1","option_id":"o"}"#,
            "bad_field",
            about("d"),
        ),
        (
            r#"{"type":"human_decision","decision_id":"d","execution_id":"r","gate_id":"g","gate_version":1,"option_id":""}"#,
            "bad_field",
            about("d"),
        ),
        (
            r#"{"type":"human_decision","decision_id":"d","execution_id":"r","gate_id":"g","gate_version":1,"option_id":"o","payload_sha256":"é"}"#,
            "bad_field",
            about("d"),
        ),
        (&deep(65), "too_deep", about("c")),
        (&deep(5_000), "too_deep", about("c")),
        (&deep(100_000), "too_deep", about("c")),
    ] {
        assert_eq!(refused(frame), (code, whom), "{frame}");
    }
    assert!(read(&deep(64)).is_ok());
}

#[test]
fn what_is_too_long_is_refused_and_not_echoed() {
    let decide = |field: &str, value: &str| {
        let (head, tail) = (
            r#"{"type":"human_decision","decision_id":"d","execution_id":"r","#,
            r#""gate_id":"g","gate_version":1,"option_id":"o","#,
        );
        refused(&format!("{head}{tail}\"{field}\":{value}}}")).0
    };
    let long = |bytes: usize| format!("\"{}\"", "x".repeat(bytes));
    assert_eq!(decide("comment", &long((16 << 10) + 1)), "too_long");
    assert_eq!(decide("modification", &long(256 << 10)), "too_long");
    let fault = read(&format!(r#"{{"type":{},"decision_id":{}}}"#, long(90_000), long(90_000)));
    let fault = fault.unwrap_err();
    assert!(fault.message.len() < 600, "{}", fault.message.len());
    assert_eq!(fault.about, None);
}
