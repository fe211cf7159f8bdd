//! What engines say, from the bytes on the wire to what each dashboard reads: an event is kept or refused by
//! itself, uses its number either way, and what is kept says in JSON what it said in protobuf.

use std::sync::OnceLock;
use std::time::{Duration, Instant};

use bytes::Bytes;
use footplate::core::{Effect, Hello, Input, Limits, Relay};
use footplate::dialect::{Dialect, Dialects, Summary};
use footplate::engine::convert::{EVENT_BYTES, Setting, event};
use footplate::engine::pb::{self, event::Kind as Pb};
use footplate::frame::{Frames, first};
use footplate::model::{
    Capabilities, ExecutionId, Fact, Identity, LinkId, Now, ProducerEpoch, Pseq, Received, Record,
    Timestamp, WorkflowId,
};
use prost::Message;

use super::draw::Draw;
use super::events::drawn;
use super::said::{Says, said};
use super::strict::Tree;

/// 2026-11-21T12:00:00Z.
const TIME: Timestamp = Timestamp(1_795_262_400_000_000);
/// Events in one go.
const EVENTS: usize = 8;

/// One go.
pub fn run(data: &[u8]) {
    let mut draw = Draw::new(data);
    let (mode, how) = (draw.byte(), draw.byte());
    let mut all: Vec<Bytes> = vec![];
    match mode % 4 {
        // What anybody could send.
        0 => all.push(Bytes::copy_from_slice(draw.rest())),
        1 => {
            while draw.left() != 0 && all.len() < EVENTS {
                all.push(Bytes::copy_from_slice(draw.some()));
            }
        }
        // What an engine says,
        2 => {
            while draw.left() != 0 && all.len() < EVENTS {
                all.push(drawn(&mut draw).encode_to_vec().into());
            }
        }
        // and what a broken one does.
        _ => {
            while draw.left() != 0 && all.len() < EVENTS {
                let mut bytes = drawn(&mut draw).encode_to_vec();
                for _ in 0..draw.byte() % 4 {
                    let at = draw.small().unsigned_abs() as usize % (bytes.len() + 1);
                    match draw.byte() % 3 {
                        0 if at < bytes.len() => bytes[at] = draw.byte(),
                        1 => bytes.truncate(at),
                        _ => bytes.insert(at, draw.byte()),
                    }
                }
                all.push(bytes.into());
            }
        }
    }
    let workflow: Option<WorkflowId> = (how & 1 == 1).then(|| "flow".parse().expect("a name"));
    let setting = Setting { now: TIME, workflow: workflow.as_ref() };
    let received: Vec<Received> = all.iter().map(|it| event(it, setting)).collect();
    for (bytes, received) in all.iter().zip(&received) {
        assert_eq!(received.size, bytes.len());
        match &received.event {
            Ok(_) => {
                let decoded = pb::Event::decode(bytes.clone());
                assert!(decoded.is_ok_and(|it| it.kind.is_some()) && bytes.len() <= EVENT_BYTES);
            }
            Err(why) => {
                assert!(!why.message.is_empty(), "nobody knows what is wrong");
                assert!(why.field.len() < 256, "{} is no field", why.field);
            }
        }
    }
    let lane = match &workflow {
        Some(workflow) => ExecutionId::of_workflow(workflow),
        None => "x1".parse().expect("a name"),
    };
    Play::new(lane).told(&all, received, how & 2 == 2);
}

/// A relay with one engine.
struct Play {
    relay: Relay,
    lane: ExecutionId,
    dialects: [&'static dyn Dialect; 6],
    seen: u64,
    /// Whether something has to be said as a whole.
    stirred: bool,
}

const LINK: LinkId = LinkId(1);

fn now(later: Duration) -> Now {
    static BEGUN: OnceLock<Instant> = OnceLock::new();
    let instant = *BEGUN.get_or_init(Instant::now) + later;
    Now { instant, time: TIME.after(later) }
}

impl Play {
    fn new(lane: ExecutionId) -> Self {
        let mut relay = Relay::new(7, Limits::default());
        let hello = Hello {
            producer: "w1".parse().expect("a name"),
            epoch: ProducerEpoch(1),
            identity: Identity::of("local", None),
            listens: true,
            capabilities: Capabilities::default(),
            startable: vec![],
            claims: vec![],
        };
        relay.handle(now(Duration::ZERO), Input::Greeted { link: LINK, hello });
        Self { relay, lane, dialects: Dialects::default().all(), seen: 0, stirred: false }
    }

    fn told(&mut self, all: &[Bytes], events: Vec<Received>, waits: bool) {
        let (count, execution) = (events.len() as u64, self.lane.clone());
        let first = Some(Pseq(1));
        let said = Input::Published { link: LINK, execution, first, batch_ref: 1, events };
        self.relay.handle(now(Duration::ZERO), said);
        let mut acknowledged = None;
        let mut numbers = 0;
        while let Some(effect) = self.relay.poll_effect() {
            match effect {
                Effect::Append(record) => {
                    if let Fact::Said { pseq, .. } | Fact::Rejected { pseq, .. } = &record.fact {
                        numbers += 1;
                        assert_eq!(*pseq, Some(Pseq(numbers)), "each event has one record");
                        self.read(&record, Some(&all[numbers as usize - 1]));
                    } else {
                        self.read(&record, None);
                    }
                }
                Effect::Result { result, .. } => acknowledged = result.ack.map(|(pseq, _)| pseq),
                Effect::Fallen { what, .. } => panic!("the relay falls over it: {what}"),
                _ => {}
            }
        }
        if count != 0 {
            assert_eq!((acknowledged, numbers), (Some(Pseq(count)), count), "all are taken in");
        }
        if waits {
            let later = now(Duration::from_secs(3_000));
            self.relay.handle_timeout(later);
            while let Some(effect) = self.relay.poll_effect() {
                match effect {
                    Effect::Append(record) => self.read(&record, None),
                    Effect::Fallen { what, .. } => panic!("the relay falls over it: {what}"),
                    _ => {}
                }
            }
        }
        self.shown();
    }

    /// A record, as everybody reads it.
    fn read(&mut self, record: &Record, bytes: Option<&Bytes>) {
        self.seen += 1;
        assert_eq!(record.position.seq.0, self.seen, "records are numbered one by one");
        for dialect in self.dialects {
            let mut out = Frames::default();
            dialect.record(record, &mut out);
            self.stirred |= dialect.stirs(record);
            let trees = trees(dialect, &out);
            if dialect.name() == "native" {
                let [frame] = &trees[..] else { panic!("{} frames of one record", trees.len()) };
                native(frame, record, bytes);
            }
        }
    }

    /// The state, as everybody is shown it.
    fn shown(&self) {
        let Some((at, state)) = self.relay.snapshot(&self.lane) else { return };
        let item = Summary { execution: &self.lane, at, state };
        for dialect in self.dialects {
            let mut out = Frames::default();
            dialect.state(&self.lane, at, state, &mut out);
            let parts = trees(dialect, &out);
            if dialect.name() == "native" {
                assert!(!parts.is_empty(), "there is always something to show");
                for part in &parts {
                    assert_eq!(part.get("seq").and_then(Tree::whole), Some(at.seq.0));
                    let execution = part.get("execution_id").and_then(Tree::text);
                    assert_eq!(execution, Some(self.lane.as_str()));
                }
            }
            let mut out = Frames::default();
            if self.stirred {
                dialect.level(&self.lane, at, state, &mut out);
            }
            if dialect.name() == "native" {
                dialect.state_in_one(&self.lane, at, state, &mut out);
            }
            dialect.summary(&item, &mut out);
            dialect.directory(&[item], &mut out);
            dialect.heartbeat(&self.lane, at, TIME, &mut out);
            dialect.summed_up(&self.lane, TIME, 3, &mut out);
            trees(dialect, &out);
        }
    }
}

/// Each frame is one JSON object, in which nothing is there twice.
fn trees(dialect: &dyn Dialect, out: &Frames) -> Vec<Tree> {
    let (mut rest, mut trees) = (out.as_bytes(), vec![]);
    while !rest.is_empty() {
        let (_, payload, after) = first(rest);
        let read = Tree::read(payload);
        let tree = read.unwrap_or_else(|err| {
            panic!("{}: {err}: {}", dialect.name(), String::from_utf8_lossy(payload))
        });
        assert!(tree.is_object(), "a message is an object");
        trees.push(tree);
        rest = after;
    }
    trees
}

/// The record's place, and what was said in it.
fn native(frame: &Tree, record: &Record, bytes: Option<&Bytes>) {
    let text = |name: &str| frame.get(name).and_then(Tree::text);
    assert!(text("type").is_some_and(|it| !it.is_empty()));
    assert_eq!(text("execution_id"), Some(record.execution.as_str()));
    assert_eq!(frame.get("seq").and_then(Tree::whole), Some(record.position.seq.0));
    assert_eq!(text("event_id"), Some(&*record.position.to_string()));
    assert_eq!(text("ts"), Some(&*record.time.to_string()));
    let Some(bytes) = bytes else { return };
    if let Fact::Rejected { rejection, .. } = &record.fact {
        assert_eq!((text("type"), text("field")), (Some("rejected"), Some(&*rejection.field)));
        assert_eq!(text("message"), Some(&*rejection.message));
        return;
    }
    let decoded = pb::Event::decode(bytes.clone()).expect("it was kept");
    if let Some(time) = &decoded.event_time {
        let micros = time.seconds * 1_000_000 + i64::from(time.nanos / 1_000);
        assert_eq!(text("event_time"), Some(&*Timestamp(micros).to_string()));
    }
    let kind: Pb = decoded.kind.expect("it was kept");
    let (inside, all) = said(&kind);
    let frame = inside.map_or(Some(frame), |name| frame.get(name)).expect("it stands there");
    for (name, says) in all {
        let there = frame.get(name);
        let fine = match &says {
            Says::Text(it) if it.is_empty() => there.is_none_or(|it| it.text() == Some("")),
            Says::Text(it) => there.and_then(Tree::text) == Some(it),
            Says::Whole(None) | Says::Float(None) | Says::Flag(None) => there.is_none(),
            Says::Whole(Some(it)) => there == Some(&Tree::Number(it.to_string())),
            Says::Flag(Some(it)) => there == Some(&Tree::Bool(*it)),
            Says::Float(Some(it)) => matches!(
                there, Some(Tree::Number(digits)) if digits.parse::<f64>().is_ok_and(|there| there == *it)
            ),
            // It may be there by other fields alone, or not at all.
            Says::Json(None) => true,
            Says::Json(Some(it)) => there == Tree::read(it).ok().as_ref(),
        };
        assert!(fine, "{name}: {says:?} became {there:?}");
    }
}
