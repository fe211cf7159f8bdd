//! From the wire to the model: what is kept of every kind of event, and what is not kept and why.

mod details;
mod faults;
mod gates;
mod kinds;
mod raw;

use bytes::Bytes;
use footplate::engine::convert::{Setting, event};
use footplate::engine::pb;
use footplate::model::{Event, Json, Kind, Received, Rejection, Timestamp};
use prost::Message;

/// The relay's clock.
const NOW: Timestamp = Timestamp(1_000_000_000_000_000);

/// As in a batch of an execution.
fn received(event_: &pb::Event) -> Received {
    read(&event_.encode_to_vec().into())
}

fn read(bytes: &Bytes) -> Received {
    event(bytes, Setting { now: NOW, workflow: None })
}

fn said(kind: pb::event::Kind) -> pb::Event {
    pb::Event { kind: Some(kind), ..Default::default() }
}

/// What it says, where it is kept.
fn kept(kind: pb::event::Kind) -> Kind {
    let Event { kind, .. } = (*received(&said(kind)).event.unwrap()).clone();
    kind
}

/// Why it is not kept.
fn refused(kind: pb::event::Kind) -> Rejection {
    received(&said(kind)).event.unwrap_err()
}

fn json(text: &str) -> Option<pb::Json> {
    Some(pb::Json { text: text.to_owned().into(), ..Default::default() })
}

fn whole(text: &str) -> Option<Json> {
    Some(Json::whole(text))
}

#[test]
fn the_hash_is_of_the_bytes_and_nothing_else() {
    let line = |message: &str| -> Bytes {
        let line = pb::LogWritten { message: message.into(), ..Default::default() };
        said(pb::event::Kind::LogWritten(line)).encode_to_vec().into()
    };
    let (one, other) = (read(&line("one")), read(&line("other")));
    assert_eq!(one.size, line("one").len());
    assert_eq!(one.hash, read(&line("one")).hash);
    assert_ne!(one.hash, other.hash);
    let later = Setting { now: Timestamp(NOW.0 + 1), workflow: None };
    assert_eq!(one.hash, event(&line("one"), later).hash);
    // Also what can't be read has one: sent again it is a repeat.
    let broken = Bytes::from_static(&[0xff]);
    assert_eq!(read(&broken).hash, read(&broken).hash);
}
