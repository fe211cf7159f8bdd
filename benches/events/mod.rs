//! What engines say in a bench, as bytes. Only what more than one bench needs, and always the same:
//! nothing here draws a number or asks for the time.

use bytes::Bytes;
use footplate::engine::pb;
use prost::Message;

/// An event, as it is sent.
pub(crate) fn event(kind: pb::event::Kind) -> Bytes {
    let event_time = Some(prost_types::Timestamp { seconds: 1_790_000_000, nanos: 123_456_000 });
    pb::Event { event_time, native_forms: vec![], kind: Some(kind) }.encode_to_vec().into()
}

/// How the nth event is made, with so many bytes of opaque JSON.
pub(crate) type Make = fn(usize, usize) -> Bytes;

/// A line in the log, with `bytes` of JSON.
pub(crate) fn log(n: usize, bytes: usize) -> Bytes {
    event(pb::event::Kind::LogWritten(pb::LogWritten {
        message: "step done".to_owned(),
        level: pb::LogLevel::Info.into(),
        metadata: Some(json(n, bytes)),
        ..Default::default()
    }))
}

/// One of 64 nodes begins, or ends, with `bytes` of JSON.
pub(crate) fn node(n: usize, bytes: usize) -> Bytes {
    let status = if (n / 64).is_multiple_of(2) {
        pb::NodeStatus::Running
    } else {
        pb::NodeStatus::Completed
    };
    event(pb::event::Kind::NodeChanged(pb::NodeChanged {
        node_id: format!("node-{}", n % 64),
        status: status.into(),
        node_attempt: 1,
        output: Some(json(n, bytes)),
        ..Default::default()
    }))
}

/// An object of about that size: numbers, words, an array, and a text that is half of it.
pub(crate) fn json(n: usize, bytes: usize) -> pb::Json {
    let mut text = format!(r#"{{"step":{},"score":0.9375,"ok":true,"of":["#, 1_000 + n % 1_000);
    while text.len() < bytes / 2 {
        text += r#""a word", 12.5,"#;
    }
    text += r#"null],"note":""#;
    while text.len() + 12 < bytes {
        text += "step by step ";
    }
    text += "\"}";
    pb::Json { text: text.into_bytes().into(), ..Default::default() }
}
