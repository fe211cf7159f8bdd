//! What the cases are made of: a relay with an execution, inputs, records.

use std::sync::Arc;
use std::time::Instant;

use bytes::Bytes;
use footplate::core::{Effect, Hello, Input, Limits, Relay};
use footplate::engine::convert::{self, Setting};
use footplate::model::{
    Capabilities, ExecutionId, Identity, LinkId, Now, ProducerEpoch, Pseq, Received, Record,
    Timestamp,
};

use crate::kinds;

/// 2026-09-21, and some.
const TIME: Timestamp = Timestamp(1_790_000_000_000_000);
const LINK: LinkId = LinkId(1);
/// Of opaque JSON in an event.
pub(crate) const JSON: usize = 200;
/// Nodes of the execution.
pub(crate) const NODES: usize = 64;
/// The name of the execution.
pub(crate) const EXECUTION: &str = "run-1";

pub(crate) fn execution() -> ExecutionId {
    EXECUTION.parse().expect("a name")
}

/// An event as it comes from the wire.
pub(crate) fn received(event: &Bytes) -> Received {
    let received = convert::event(event, Setting { now: TIME, workflow: None });
    assert!(received.event.is_ok(), "the door takes it: {received:?}");
    received
}

/// A relay with one engine and one execution, which has begun and has declared its nodes.
pub(crate) struct World {
    pub(crate) relay: Relay,
    now: Now,
    next: u64,
}

impl World {
    pub(crate) fn new() -> Self {
        let now = Now { instant: Instant::now(), time: TIME };
        let mut world = Self { relay: Relay::new(7, Limits::default()), now, next: 1 };
        let hello = Hello {
            producer: "engine".parse().expect("a name"),
            epoch: ProducerEpoch(1),
            identity: Identity("loopback".into()),
            listens: true,
            capabilities: Capabilities::default(),
            startable: vec![],
            claims: vec![],
        };
        world.turn(Input::Greeted { link: LINK, hello });
        for event in [kinds::started(0, JSON), kinds::graph(NODES, JSON)] {
            world.say(&[event]);
        }
        world
    }

    /// The number that the next event has.
    pub(crate) fn next(&self) -> u64 {
        self.next
    }

    /// Events from the wire, as the input that tells the core of them. They are numbered on.
    pub(crate) fn published(&mut self, events: Vec<Received>) -> Input {
        let first = Some(Pseq(self.next));
        self.next += events.len() as u64;
        published(first, execution(), events)
    }

    /// Has the relay take one input, and drops what it wants done.
    pub(crate) fn turn(&mut self, input: Input) {
        self.relay.handle(self.now, input);
        while let Some(effect) = self.relay.poll_effect() {
            std::hint::black_box(effect);
        }
    }

    /// Has the relay take one input. The records that follow.
    pub(crate) fn records(&mut self, input: Input) -> Vec<Arc<Record>> {
        self.relay.handle(self.now, input);
        let effects = std::iter::from_fn(|| self.relay.poll_effect());
        let appended = |effect| {
            if let Effect::Result { result, .. } = &effect {
                assert!(result.ack.is_some() && result.issues.is_empty(), "taken: {result:?}");
            }
            if let Effect::Append(record) = effect { Some(record) } else { None }
        };
        effects.filter_map(appended).collect()
    }

    /// Says these, and has the records.
    pub(crate) fn say(&mut self, events: &[Bytes]) -> Vec<Arc<Record>> {
        let input = self.published(events.iter().map(received).collect());
        let records = self.records(input);
        assert!(records.len() >= events.len(), "each has its record");
        records
    }
}

pub(crate) fn published(
    first: Option<Pseq>,
    execution: ExecutionId,
    events: Vec<Received>,
) -> Input {
    Input::Published { link: LINK, execution, first, batch_ref: 0, events }
}
