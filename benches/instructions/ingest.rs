//! Events in: from the bytes of one message of an engine to what the relay wants done. Without HTTP/2,
//! and without the answer's way back. `convert` is the first part alone: one event's bytes to the model.

use std::hint::black_box;

use bytes::Bytes;
use footplate::engine::convert::{self, Setting};
use footplate::engine::pb::{self, attach_request::Message as Said};
use footplate::model::{Pseq, Timestamp};
use prost::Message;

use crate::cases::{Case, Work};
use crate::events::{Make, log, node};
use crate::kinds::{gate, graph};
use crate::material::{EXECUTION, JSON, World, published};

/// Events of a batch.
const BATCH: usize = 256;
/// Events of the short run: more than the relay keeps.
const SHORT: usize = 1_280;
/// And of the long one.
const LONG: usize = 3_840;

pub(crate) fn cases() -> Vec<Case> {
    let kinds: [(&str, Make); 2] = [("log", log), ("node", node)];
    let mut cases = vec![];
    for (kind, make) in kinds {
        for batch in [1, BATCH] {
            let name = format!("ingest/{kind}/{batch}");
            let units = (SHORT / batch, LONG / batch);
            cases.push(Case::new(name, "event", batch, units, move || ingest(make, batch)));
        }
    }
    for (kind, make) in kinds.into_iter().chain([("gate", gate as Make), ("graph", graph)]) {
        let name = format!("convert/{kind}");
        cases.push(Case::new(name, "event", 1, (64, 512), move || read(make)));
    }
    cases
}

/// A message with one batch for each unit.
fn ingest(make: Make, batch: usize) -> Work {
    let mut world = World::new();
    let first = world.next() as usize;
    let message = |nth: usize| {
        let events = (nth * batch..(nth + 1) * batch).map(|n| make(n, JSON)).collect();
        let first_pseq = (first + nth * batch) as u64;
        let execution_id = EXECUTION.to_owned();
        let batch = pb::EventBatch { execution_id, first_pseq, events, ..Default::default() };
        let said = Said::Events(pb::Events { batches: vec![batch] });
        Bytes::from(pb::AttachRequest { message: Some(said) }.encode_to_vec())
    };
    let messages: Vec<Bytes> = (0..LONG / batch).map(message).collect();
    Box::new(move |units| {
        for message in &messages[..units] {
            take(&mut world, message);
        }
    })
}

/// As the door does: a bad event would cost only itself.
fn take(world: &mut World, message: &Bytes) {
    let request = pb::AttachRequest::decode(message.clone()).expect("it was encoded");
    let Some(Said::Events(pb::Events { batches })) = request.message else { return };
    for pb::EventBatch { execution_id, first_pseq, events, .. } in batches {
        let setting = Setting { now: Timestamp(0), workflow: None };
        let events = events.iter().map(|event| convert::event(event, setting)).collect();
        let execution = execution_id.parse().expect("a name");
        world.turn(published(Some(Pseq(first_pseq)), execution, events));
    }
}

fn read(make: Make) -> Work {
    let events: Vec<Bytes> = (0..64).map(|n| make(if n == 0 { 20 } else { n }, JSON)).collect();
    Box::new(move |units| {
        for event in events.iter().cycle().take(units) {
            let setting = Setting { now: Timestamp(0), workflow: None };
            black_box(convert::event(event, setting));
        }
    })
}
