//! The types are true: whatever the relay is known to say reads as them and is written as the same
//! again, and they have nothing that it does not say.

use std::collections::BTreeSet;
use std::{fs, path::Path};

use serde::{Serialize, de::DeserializeOwned};
use serde_json::Value;

use super::ServerFrame;
use super::coverage::Coverage;
use super::generated::SCHEMA;
use super::talk::{CapturedEvent, WorkflowChange};

/// Every frame in the golden files, and every example in the protocol's document.
fn said() -> Vec<(String, Value)> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut said = vec![];
    for file in fs::read_dir(root.join("tests/transcripts")).unwrap().map(|it| it.unwrap().path()) {
        if file.to_str().unwrap().ends_with(".native.jsonl") {
            for line in fs::read_to_string(&file).unwrap().lines() {
                let (_, frame) = line.split_once(' ').unwrap();
                said.push((
                    format!("{}: {frame}", file.display()),
                    serde_json::from_str(frame).unwrap(),
                ));
            }
        }
    }
    said.extend(crate::dialects::large().into_iter().map(|it| ("a part".to_owned(), it)));
    let golden = said.len();
    let document = fs::read_to_string(root.join("docs/protocol/native.md")).unwrap();
    for (at, _) in document.match_indices(" -->\n```json\n") {
        let example = document[at + " -->\n```json\n".len()..].split("```").next().unwrap();
        said.push((format!("native.md: {example}"), serde_json::from_str(example).unwrap()));
    }
    assert!(golden > 400 && said.len() > golden + 40, "{golden} frames, {} in all", said.len());
    said
}

/// Reads, writes, compares: a field that the type does not name would be lost on the way.
pub(super) fn is_exactly<T: Serialize + DeserializeOwned>(value: &Value, what: &str) {
    let read: T =
        serde_json::from_value(value.clone()).unwrap_or_else(|err| panic!("{err}: {what}"));
    assert_eq!(&serde_json::to_value(&read).unwrap(), value, "{what}");
}

#[test]
fn every_frame_reads_and_is_written_as_the_same() {
    for (what, frame) in said() {
        is_exactly::<ServerFrame>(&frame, &what);
        match frame["protocol"].as_str() {
            Some("captured") => is_exactly::<CapturedEvent>(&frame["json"], &what),
            Some("workflow") => is_exactly::<WorkflowChange>(&frame["json"], &what),
            _ => (),
        }
    }
}

/// A type, a field or a word that the relay never says would be a promise that nobody has tested.
#[test]
fn every_field_and_every_word_is_said() {
    let mut coverage = Coverage::new();
    for (_, frame) in said() {
        coverage.walk("ServerFrame", &frame);
        match frame["protocol"].as_str() {
            Some("captured") => coverage.walk("CapturedEvent", &frame["json"]),
            Some("workflow") => coverage.walk("WorkflowChange", &frame["json"]),
            _ => (),
        }
    }
    super::asking::messages().iter().for_each(|it| coverage.walk("ClientMessage", it));
    assert_eq!(coverage.unseen(), BTreeSet::new());
    assert_eq!(coverage.never_absent(), BTreeSet::new(), "these are never absent: require them");
}

/// The renderer's own table of words, read as text: the words of the types are those, and all.
#[test]
fn the_words_are_those_of_the_renderer() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/src/dialect/native/words.rs");
    let source = fs::read_to_string(path).unwrap();
    let (_, table) = source.split_once("\nwords! {").unwrap();
    let mut seen = 0;
    for entry in table.split_inclusive("}\n").filter(|it| it.contains("=> \"")) {
        let name = entry.trim_start().split(' ').next().unwrap();
        let name = match name {
            "Why" => "SnapshotReason",
            "Stage" => "ReceiptStage",
            // It becomes a stage or a delivery.
            "OutcomeStatus" => "CommandStage",
            _ => name,
        };
        let written: BTreeSet<&str> = entry.split('"').skip(1).step_by(2).collect();
        let words = SCHEMA["$defs"][name]["enum"].as_array().unwrap_or_else(|| panic!("{name}"));
        let words: BTreeSet<&str> = words.iter().map(|it| it.as_str().unwrap()).collect();
        if entry.contains("OutcomeStatus {") {
            assert!(written.is_subset(&words), "{name}");
        } else {
            assert_eq!(written, words, "{name}");
        }
        seen += 1;
    }
    assert!(seen > 20, "the table has {seen}");
}
