//! The page on the protocol of stage 5 says what the code does.

use std::time::Instant;

use footplate::core::{Answer, Receipt, Reference, Stage};
use footplate::dialect::stage5::Stage5;
use footplate::dialect::{Call, Dialect, Notice};
use footplate::frame::Frames;
use footplate::model::*;

use super::documents::Document;
use super::story::{Story, ada, id, story};
use super::{stage5_seed, stage5_talk, texts};

#[test]
fn the_stage5_document_is_true() {
    let mut document = Document::read("stage5", in_stage5());
    document.opaque = &["arguments", "context", "metadata", "results", "tool_args"];
    document.check();
    document.is_read_by(stage5_talk::read);
    let every = [
        "", // A task.
        "approval_response",
        "cancel",
        "pause",
        "ping",
        "request_state",
        "resolve_approval",
        "resume",
    ];
    assert_eq!(document.said(), every.map(str::to_owned).into());
}

/// Everything that the protocol says, but for what an engine says in its words.
fn in_stage5() -> Vec<String> {
    let (story, rest) = (story(), stage5_seed::rest());
    let mut young = Story::new();
    for record in &story.records[..6] {
        young.push(record.fact.clone(), None, record.after.clone());
    }
    let dialect = Stage5 { legacy_output: true, ..Stage5::default() };
    let is_own = |record: &&Record| !matches!(&record.fact, Fact::Said { event, .. } if matches!(event.kind, Kind::Opaque(_)));
    texts(|out: &mut Frames| {
        let mut talk = dialect.converse(&Call::to("run-7"));
        talk.at(Instant::now());
        let welcome = Notice::Welcome {
            time: story.time(),
            boot: 7,
            durability: Durability::Memory,
            principal: &ada(),
            max_message: 1 << 20,
            rate: (10, 600),
        };
        talk.notice(&welcome, out);
        let records = story.records.iter().chain(&rest.records);
        for record in records.filter(is_own) {
            let mut record = record.clone();
            // At an end the core has summed up.
            record.after.cost.get_or_insert(story.state.cost());
            dialect.record(&record, out);
        }
        dialect.state(&young.id, young.position(), &young.state, out);
        dialect.level(&young.id, young.position(), &young.state, out);
        dialect.heartbeat(&story.id, story.position(), story.time(), out);
        talk.notice(&Notice::Pong { time: story.time() }, out);
        let receipt = Receipt {
            about: Reference::Decision(id("d1")),
            execution: None,
            gate: Some(id("deploy:1")),
            node: None,
            stage: Stage::GateUnknown,
            resolution: None,
            reason: None,
            by: None,
            at: None,
        };
        talk.answer(&Answer::Receipt(receipt), out);
        talk.answer(&Answer::Unknown { execution: id("run-7") }, out);
    })
}
