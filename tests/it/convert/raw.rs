//! Events that can't even be taken apart, and where an event stands.

use bytes::Bytes;
use footplate::engine::convert::{EVENT_BYTES, Setting, event};
use footplate::engine::pb;
use footplate::engine::pb::event::Kind as Pb;
use footplate::model::{Kind, RejectionCode, WorkflowId};
use prost::Message;

use super::faults::{label, log, metadata, started};
use super::{NOW, json, read, said};

#[test]
fn an_event_has_a_size() {
    let filled = |size: usize| {
        let empty = said(log(pb::LogWritten::default())).encoded_len();
        // Two lengths are written with three bytes each where they were none, or one, before.
        let message = "x".repeat(size - empty - 6);
        let event: Bytes =
            said(log(pb::LogWritten { message, ..Default::default() })).encode_to_vec().into();
        assert_eq!(event.len(), size);
        event
    };
    assert!(read(&filled(EVENT_BYTES)).event.is_ok());
    let large = read(&filled(EVENT_BYTES + 1));
    assert_eq!(large.event.unwrap_err().code, RejectionCode::TooLarge);
    assert_eq!(large.size, EVENT_BYTES + 1);
}

/// Encodes, and then breaks a text.
fn broken(kind: Pb, at: &str) -> Bytes {
    let mut bytes = said(kind).encode_to_vec();
    let at = bytes.windows(at.len()).position(|part| part == at.as_bytes()).unwrap();
    bytes[at] = 0xff;
    bytes.into()
}

#[test]
fn bytes_that_are_no_text_or_no_event_are_told_apart() {
    let line = log(pb::LogWritten { message: "hello".into(), ..Default::default() });
    let labelled = started(|it| it.labels = vec![label("key", "hello")]);
    let native = pb::NativeForm { protocol: "hello".into(), json: json("{}") };
    let native = pb::Event { native_forms: vec![native], ..said(metadata("1")) };
    let mut native = native.encode_to_vec();
    let at = native.windows(5).position(|part| part == b"hello").unwrap();
    native[at] = 0xff;
    for (bytes, code, field) in [
        (broken(line, "hello"), RejectionCode::Utf8, "log_written.message"),
        (broken(labelled, "hello"), RejectionCode::Utf8, "execution_started.labels.value"),
        (native.into(), RejectionCode::Utf8, "native_forms.protocol"),
        (Bytes::from_static(&[0xff]), RejectionCode::Malformed, ""),
        // A length that nothing stands behind.
        (Bytes::from_static(&[0x22, 0x05]), RejectionCode::Malformed, ""),
        // A number where a message belongs.
        (Bytes::from_static(&[0x20, 0x01]), RejectionCode::Malformed, ""),
        // The same, within a kind.
        (
            Bytes::from_static(&[0x22, 0x02, 0x08, 0x01]),
            RejectionCode::Malformed,
            "log_written.message",
        ),
        // A kind of a later time.
        (Bytes::from_static(&[0xfa, 0x3e, 0x00]), RejectionCode::UnknownKind, ""),
    ] {
        let refusal = read(&bytes).event.unwrap_err();
        assert_eq!((refusal.code, &*refusal.field), (code, field), "{}", refusal.message);
    }
}

#[test]
fn a_workflows_batch_holds_its_definitions_and_nothing_else() {
    let flow: WorkflowId = "flow".parse().unwrap();
    let read = |kind: Pb| {
        let bytes = said(kind).encode_to_vec().into();
        event(&bytes, Setting { now: NOW, workflow: Some(&flow) }).event
    };
    let changed = |id: &str| {
        Pb::WorkflowChanged(pb::WorkflowChanged { workflow_id: id.into(), ..Default::default() })
    };
    for id in ["", "flow"] {
        let Kind::WorkflowChanged(it) = &read(changed(id)).unwrap().kind else {
            panic!("another kind")
        };
        assert_eq!(it.workflow_id, flow);
    }
    let refusal = read(changed("other")).unwrap_err();
    assert_eq!(
        (refusal.code, &*refusal.field),
        (RejectionCode::Invalid, "workflow_changed.workflow_id")
    );
    assert_eq!(read(metadata("1")).unwrap_err().code, RejectionCode::Invalid);
}
