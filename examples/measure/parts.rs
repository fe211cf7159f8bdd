//! The pure parts by themselves: no socket, no runtime, no other thread.

use std::sync::Arc;
use std::task::Poll;
use std::time::{Duration, Instant};

use anyhow::Context;
use bytes::Bytes;
use footplate::core::{Effect, Hello, Input, Limits, Relay};
use footplate::dialect::{Dialect, native::Native};
use footplate::engine::convert::{self, Setting};
use footplate::frame::Frames;
use footplate::model::{
    Capabilities, Identity, LinkId, Now, ProducerEpoch, Pseq, Received, Record, Seq, Timestamp,
    ViewerId,
};
use footplate::room::{Bell, Keep, Room};
use footplate::viewer::{Cursor, Topic, Viewer};

use crate::Scope;
use crate::engine;
use crate::machine::own_cpu;
use crate::report::{Spread, heading};

const BLOCKS: usize = 5;
const BATCH: usize = 256;
const BATCHES: usize = 200;
const VIEWERS: usize = 1_000;
const LINK: LinkId = LinkId(1);
/// Of opaque JSON in an event.
const JSON: usize = 200;

pub(crate) fn measure(scope: Scope) -> anyhow::Result<()> {
    heading(
        "The pure parts, each alone",
        "ns of processor time; the median of the blocks (least..most)",
    );
    for (kind, make) in engine::KINDS {
        let made: Vec<Bytes> = (0..BATCH).map(|n| make(n, JSON)).collect();
        let (mut read, mut handled, mut rendered) = Default::default();
        for _ in 0..scope.much(BLOCKS) {
            stages(&made, &mut read, &mut handled, &mut rendered)?;
        }
        println!("  {kind:9} read from the wire, for each     {read:.0}");
        println!("  {kind:9} the core's turn, for each        {handled:.0}");
        println!("  {kind:9} as a native frame, for each      {rendered:.0}");
    }
    let log: Vec<Bytes> = (0..BATCH).map(|n| engine::log(n, JSON / 5)).collect();
    let records = records(&log)?;
    for burst in [1, 8, 32] {
        let (mut appended, mut pumped) = Default::default();
        for _ in 0..scope.much(BLOCKS) {
            fan_out(&records, burst, &mut appended, &mut pumped)?;
        }
        println!("  burst {burst:2}  a room with {VIEWERS} bells, in all     {appended:.0}");
        println!("  burst {burst:2}  a viewer's pump, for each message {pumped:.1}");
    }
    println!();
    Ok(())
}

/// How long `work` takes, without what it takes to ask.
fn timed<T>(work: impl FnOnce() -> T) -> anyhow::Result<(f64, T)> {
    let asked = own_cpu()?;
    let before = own_cpu()?;
    let done = work();
    let took = own_cpu()?.saturating_sub(before).as_nanos() as f64;
    Ok((took - before.saturating_sub(asked).as_nanos() as f64, done))
}

fn read(made: &[Bytes]) -> Vec<Received> {
    let setting = Setting { now: Timestamp(0), workflow: None };
    made.iter().map(|event| convert::event(event, setting)).collect()
}

fn now() -> Now {
    Now { instant: Instant::now(), time: Timestamp(1_790_000_000_000_000) }
}

fn relay() -> anyhow::Result<Relay> {
    let mut relay = Relay::new(7, Limits::default());
    let hello = Hello {
        producer: "engine".parse()?,
        epoch: ProducerEpoch(1),
        identity: Identity("loopback".into()),
        listens: true,
        capabilities: Capabilities::default(),
        startable: vec![],
        claims: vec![],
    };
    relay.handle(now(), Input::Greeted { link: LINK, hello });
    while relay.poll_effect().is_some() {}
    Ok(relay)
}

fn input(nth: usize, events: Vec<Received>) -> anyhow::Result<Input> {
    let first = Some(Pseq((nth * BATCH + 1) as u64));
    Ok(Input::Published { link: LINK, execution: "run-1".parse()?, first, batch_ref: 0, events })
}

/// From the wire to a frame, one stage after the other.
fn stages(
    made: &[Bytes],
    reading: &mut Spread,
    handling: &mut Spread,
    rendering: &mut Spread,
) -> anyhow::Result<()> {
    let each = (BATCH * BATCHES) as f64;
    let (took, received) = timed(|| {
        let batches = (0..BATCHES).map(|_| read(made));
        // All but the last are dropped at once, as the door's own are in the end.
        batches.last()
    })?;
    reading.add(took / each);

    let received = received.context("there was a batch")?;
    let inputs = (0..BATCHES).map(|nth| input(nth, received.clone()));
    let inputs: Vec<Input> = inputs.collect::<anyhow::Result<_>>()?;
    let mut relay = relay()?;
    let (took, ()) = timed(|| {
        for input in inputs {
            relay.handle(now(), input);
            while relay.poll_effect().is_some() {}
        }
    })?;
    handling.add(took / each);

    let records = records(made)?;
    let mut frames = Frames::default();
    let (took, ()) = timed(|| {
        for _ in 0..BATCHES {
            frames.clear();
            for record in &records {
                Native.record(record, &mut frames);
            }
        }
    })?;
    rendering.add(took / (records.len() * BATCHES) as f64);
    Ok(())
}

fn records(made: &[Bytes]) -> anyhow::Result<Vec<Arc<Record>>> {
    let mut relay = relay()?;
    relay.handle(now(), input(0, read(made))?);
    let effects = std::iter::from_fn(|| relay.poll_effect());
    let appended = |effect| if let Effect::Append(record) = effect { Some(record) } else { None };
    Ok(effects.filter_map(appended).collect())
}

/// A room whose viewers write to nowhere.
fn fan_out(
    records: &[Arc<Record>],
    burst: usize,
    appending: &mut Spread,
    pumping: &mut Spread,
) -> anyhow::Result<()> {
    let start = Instant::now();
    let mut room = Room::new(Keep::default());
    let none: [(Seq, Duration, ()); 0] = [];
    let mut viewers = Vec::new();
    for viewer in 0..VIEWERS {
        let (id, bell) = (ViewerId(viewer as u64), Arc::new(Bell::default()));
        let shared = room.join(start, &Native, id, bell, Seq(0), none, |_, (), _| ());
        let mut viewer = Viewer::default();
        viewer.watch(Topic::Directory, Cursor::new(shared, None, Some(Seq(0))));
        viewers.push(viewer);
    }
    let rounds = 4 * 32 / burst;
    let (mut appended, mut pumped) = (0.0, 0.0);
    let mut records = records.iter().cycle();
    for round in 0..rounds {
        appended += timed(|| {
            for record in records.by_ref().take(burst) {
                room.append(start, |dialect, out| dialect.record(record, out));
            }
            room.publish(start, round as u64 + 1);
        })?
        .0;
        pumped += timed(|| {
            for viewer in &mut viewers {
                let sink = |slices: &[std::io::IoSlice<'_>]| {
                    Poll::Ready(Ok(slices.iter().map(|it| it.len()).sum()))
                };
                // There is no socket that could fail.
                let _ = viewer.pump(sink);
            }
        })?
        .0;
    }
    appending.add(appended / rounds as f64);
    pumping.add(pumped / (rounds * burst * VIEWERS) as f64);
    Ok(())
}
