//! Tapes, cursors and the pump, with sockets that take as many bytes as the test says. It drives
//! viewers as one loop over many would; `viewer.rs` has real connections.

use std::{
    collections::BTreeMap,
    io::IoSlice,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    task::{Poll, Wake, Waker},
    time::{Duration, Instant},
};

use footplate::core::{Effect, Limits, Relay};
use footplate::dialect::{Dialect, Manners};
use footplate::frame::Frames;
use footplate::model::{Epoch, ExecutionId, Now, Position, Seq, Timestamp, ViewerId};
use footplate::room::{Bell, Gauge, Keep, Line, Overloaded, Room};
use footplate::viewer::{Cursor, Topic, Viewer, Wants};
use serde_json::{Value, json};

use crate::dice::Dice;
use crate::probe::{Probe, decode};
use crate::script;

/// That the engine has come. What the tests say follows.
const FIRST: Seq = Seq(1);
const EPOCH: Epoch = Epoch { boot: 7, nth: 1 };

/// What a shard has, without the shard: some executions with a room each.
struct World {
    now: Instant,
    turn: u64,
    probe: &'static Probe,
    logs: Vec<Log>,
    gauge: Gauge,
}

/// One execution. It is real, so that records and states are.
struct Log {
    relay: Relay,
    room: Room,
    /// The newest record. The first is that the engine has come.
    head: u64,
    /// Which records have no words.
    silent: Vec<u64>,
}

struct Client {
    id: ViewerId,
    bell: Arc<Bell>,
    viewer: Viewer,
    got: Vec<u8>,
    asked: usize,
    /// Of each log, what the connection before had.
    since: BTreeMap<usize, Seq>,
}

fn name(log: usize) -> String {
    format!("x{log}")
}

fn topic(log: usize) -> Topic {
    Topic::Execution(name(log).into())
}

fn keep(bytes: usize) -> Keep {
    Keep { bytes, ..Keep::default() }
}

impl World {
    fn new(logs: usize, keep: Keep) -> Self {
        let now = Instant::now();
        let limits = Limits { history: 500, ..Limits::default() };
        let log = |at| {
            let mut relay = Relay::new(EPOCH.boot, limits);
            let then = Now { instant: now, time: Timestamp(0) };
            relay.handle(then, script::input(Timestamp(0), &format!("w/1@l1 greets {}", name(at))));
            while relay.poll_effect().is_some() {}
            assert_eq!(relay.head(&id(at)), Some(Seq(1)));
            Log { relay, room: Room::new(keep), head: 1, silent: vec![] }
        };
        let logs = (0..logs).map(log).collect();
        let (probe, gauge) = (Probe::new(Manners::Native), Gauge::new(1 << 20));
        Self { now, turn: 0, probe, logs, gauge }
    }

    fn says(&mut self, at: usize, event: &str) {
        let log = &mut self.logs[at];
        let said = format!("l1 says {} {} {event}", name(at), log.head);
        log.head += 1;
        if event.starts_with("log silent") {
            log.silent.push(log.head);
        }
        let now = Now { instant: self.now, time: Timestamp(0) };
        log.relay.handle(now, script::input(Timestamp(0), &said));
        while let Some(effect) = log.relay.poll_effect() {
            if let Effect::Append(record) = effect {
                let render =
                    |dialect: &'static dyn Dialect, out: &mut _| dialect.record(&record, out);
                log.room.append(self.now, Line::default(), |_| false, render);
            }
        }
    }

    fn publish(&mut self) {
        self.turn += 1;
        for log in &mut self.logs {
            log.room.publish(self.now, self.turn, |_, _| (), |_, _, _| ());
        }
    }

    fn beat(&mut self) {
        self.turn += 1;
        for (at, log) in self.logs.iter_mut().enumerate() {
            let (id, head) = (id(at), Position { epoch: EPOCH, seq: Seq(log.head) });
            log.room.beat(self.now, self.turn, |dialect, out| {
                dialect.heartbeat(&id, head, Timestamp(0), out);
            });
        }
    }

    fn client(&mut self, number: u64) -> Client {
        let (bell, viewer, since) = (Arc::default(), Viewer::default(), BTreeMap::new());
        Client { id: ViewerId(number), bell, viewer, got: vec![], asked: 0, since }
    }

    fn join(&mut self, client: &mut Client, at: usize, since: Option<Seq>) {
        let Self { logs, now, probe, .. } = self;
        let Log { room, relay, head, .. } = &mut logs[at];
        let id = id(at);
        let past = relay.retained(&id).map(|it| (it.position.seq, Duration::ZERO, it.clone()));
        let bell = client.bell.clone();
        let shared =
            room.join(*now, *probe, client.id, bell, Seq(*head), past, |it, record, out| {
                it.record(record, out);
            });
        client.viewer.watch(topic(at), Cursor::new(shared, Some(EPOCH), since));
        match since {
            Some(since) => client.since.insert(at, since),
            None => client.since.remove(&at),
        };
    }

    fn rewind(&mut self, at: usize) -> Result<(), Overloaded> {
        let Log { room, relay, .. } = &mut self.logs[at];
        let id = id(at);
        let (head, state) = relay.snapshot(&id).unwrap();
        let probe = self.probe;
        room.rewind(probe, &self.gauge, |out| probe.state(&id, head, state, out))
    }

    /// Lets a client have up to `room` bytes, and shows it states that it wants.
    fn serve(&mut self, client: &mut Client, mut room: usize) -> Poll<()> {
        loop {
            let got = &mut client.got;
            let pumped = client.viewer.pump(|slices| take(slices, &mut room, got));
            let wants: Vec<_> = std::iter::from_fn(|| client.viewer.poll_wants()).collect();
            if wants.is_empty() {
                return pumped.map(Result::unwrap);
            }
            for (topic, wants) in wants {
                let at = (0..).find(|at| self::topic(*at) == topic).unwrap();
                assert_eq!(wants, Wants::State);
                self.rewind(at).unwrap();
            }
        }
    }
}

fn id(log: usize) -> ExecutionId {
    name(log).parse().unwrap()
}

fn take(
    slices: &[IoSlice<'_>],
    room: &mut usize,
    got: &mut Vec<u8>,
) -> Poll<std::io::Result<usize>> {
    let before = *room;
    for slice in slices {
        let taken = slice.len().min(*room);
        got.extend_from_slice(&slice[..taken]);
        *room -= taken;
    }
    if before == *room { Poll::Pending } else { Poll::Ready(Ok(before - *room)) }
}

impl Client {
    fn frames(&self) -> Vec<Value> {
        decode(&self.got).0
    }

    fn ask(&mut self) {
        let mut answer = Frames::default();
        answer.text(&"answer");
        self.viewer.say(answer.as_bytes());
        self.asked += 1;
    }

    /// The last record of a log that it has whole: in order, and none missing that has words,
    /// unless a state came between. And how many states did.
    fn last(&self, at: usize, silent: &[u64]) -> (Option<Seq>, usize) {
        let (mut last, mut states, name) = (self.since.get(&at).copied(), 0, name(at));
        for frame in self.frames().iter().filter(|it| it["x"] == name.as_str()) {
            if let Some(seq) = frame["seq"].as_u64() {
                let mut expected = last.unwrap_or_default().0 + 1;
                while silent.contains(&expected) {
                    expected += 1;
                }
                assert_eq!(seq, expected, "a gap or a repeat in {name}");
                last = Some(Seq(seq));
            } else if let Some(state) = frame["state"].as_u64() {
                assert!(last.unwrap_or_default().0 <= state, "back in time");
                (last, states) = (Some(Seq(state)), states + 1);
            } else if let Some(head) = frame["head"].as_u64() {
                let missing = last.unwrap_or_default().0 + 1..=head;
                assert!(missing.clone().all(|it| silent.contains(&it)), "{missing:?} of {name}");
            }
        }
        (last, states)
    }
}

#[test]
fn three_viewers_at_three_speeds_see_the_same() {
    let mut world = World::new(1, keep(1 << 20));
    let mut clients = [1, 2, 3].map(|it| world.client(it));
    clients.iter_mut().for_each(|it| world.join(it, 0, Some(FIRST)));
    for n in 1..=1_000 {
        world.says(0, "log .");
        if n % 3 == 0 {
            world.publish();
        }
        for (client, room) in clients.iter_mut().zip([usize::MAX, 20, (n % 50 == 0).into()]) {
            let _ = world.serve(client, room);
            assert!(client.viewer.held() < 64, "less than one frame");
        }
        assert!(clients[2].got.len() <= 20, "it is far behind, and nothing is kept for it");
    }
    world.publish();
    for client in &mut clients {
        assert!(world.serve(client, usize::MAX).is_ready());
        assert_eq!(client.last(0, &[]), (Some(Seq(1_001)), 0), "all of it, once, in order");
    }
    assert_eq!(world.probe.rendered(), (1_001, 0), "each record is rendered once");
}

#[test]
fn a_slow_viewer_holds_nothing_and_ends_with_the_truth() {
    let budget = 64 * 1024;
    let mut world = World::new(1, keep(budget));
    let mut slow = world.client(1);
    world.join(&mut slow, 0, Some(FIRST));
    for n in 1..=10_000 {
        world.says(0, &format!("log {}", "x".repeat(200)));
        world.publish();
        if n == 10 {
            // It stops within a frame, in the middle of a burst.
            assert!(world.serve(&mut slow, 700).is_pending());
        }
        let held = slow.viewer.held() + world.logs[0].room.held() + world.gauge.held();
        // The newest segment may stand over the budget.
        assert!(held <= budget + budget / 8, "{held} bytes");
    }
    assert!(slow.viewer.held() < 300);
    assert!(world.serve(&mut slow, usize::MAX).is_ready());
    assert_eq!(slow.last(0, &[]), (Some(Seq(10_001)), 1));
}

#[test]
fn an_answer_goes_between_two_records_and_overtakes_those_that_wait() {
    let mut world = World::new(1, Keep::default());
    let mut client = world.client(1);
    world.join(&mut client, 0, Some(FIRST));
    (0..3).for_each(|_| world.says(0, "log ."));
    world.publish();
    assert!(world.serve(&mut client, 5).is_pending());
    client.ask();
    assert!(world.serve(&mut client, usize::MAX).is_ready());
    let seen: Vec<String> =
        client.frames().iter().map(|it| it.get("seq").unwrap_or(it).to_string()).collect();
    assert_eq!(seen, ["2", "\"answer\"", "3", "4"]);
}

/// A state is many frames. An answer need not wait for the last of them.
#[test]
fn an_answer_goes_between_two_frames_of_a_state() {
    let mut world = World::new(1, Keep::default());
    let nodes: Vec<String> = (0..50).map(|n| format!("n{n:03}")).collect();
    world.says(0, &format!("graph {}", nodes.join(" ")));
    let mut client = world.client(1);
    world.join(&mut client, 0, None);
    assert!(world.serve(&mut client, 100).is_pending());
    client.ask();
    assert!(world.serve(&mut client, usize::MAX).is_ready());
    let frames = client.frames();
    let at = frames.iter().position(|it| it == "answer").unwrap();
    assert!(0 < at && at < 10, "at {at}");
    assert_eq!(frames.len(), 52);
    assert_eq!(frames[51], json!({ "x": "x0", "state": 2 }));
}

/// One `write` carries what all of a viewer's executions have to say.
#[test]
fn many_small_things_are_one_write() {
    let mut world = World::new(14, Keep::default());
    let mut client = world.client(1);
    for at in 0..14 {
        world.join(&mut client, at, Some(FIRST));
        world.says(at, "log .");
        world.says(at, "log .");
    }
    world.publish();
    client.ask();
    let (mut writes, mut room) = (0, usize::MAX);
    let pumped = client.viewer.pump(|slices| {
        writes += 1;
        take(slices, &mut room, &mut client.got)
    });
    assert!(pumped.is_ready());
    assert_eq!((writes, client.frames().len()), (1, 29));
}

#[test]
fn one_that_has_much_keeps_no_other_from_being_heard() {
    let mut world = World::new(3, Keep::default());
    let mut client = world.client(1);
    (0..3).for_each(|at| world.join(&mut client, at, Some(FIRST)));
    (0..500).for_each(|_| world.says(0, &format!("log {}", "x".repeat(1_000))));
    world.says(1, "log .");
    (0..500).for_each(|_| world.says(2, &format!("log {}", "x".repeat(1_000))));
    world.publish();
    // It takes a little at a time, as a slow one does.
    while !client.frames().iter().any(|it| it["x"] == "x1") {
        assert!(world.serve(&mut client, 1_000).is_pending());
        assert!(client.got.len() < 64 * 1024, "the small one waits for the large ones");
    }
    assert!(world.serve(&mut client, 200_000).is_pending());
    let [first, third] = [0, 2].map(|at| client.last(at, &[]).0.unwrap().0);
    assert!(first.abs_diff(third) < 40, "{first} and {third}");
}

#[test]
fn a_bell_rings_once_for_a_turn() {
    struct Count(AtomicUsize);
    impl Wake for Count {
        fn wake(self: Arc<Self>) {
            self.0.fetch_add(1, Ordering::Relaxed);
        }
    }
    let mut world = World::new(2, Keep::default());
    let mut client = world.client(1);
    (0..2).for_each(|at| world.join(&mut client, at, Some(FIRST)));
    let count = Arc::new(Count(AtomicUsize::new(0)));
    let waker = Waker::from(count.clone());
    for turn in 1..=3 {
        client.bell.listen(&waker);
        (0..2).for_each(|at| (0..9).for_each(|_| world.says(at, "log .")));
        world.turn += 1;
        let World { logs, now, .. } = &mut world;
        logs[0].room.publish(*now, turn, |_, _| (), |_, _, _| ());
        // It wakes, and looks, before the turn is over.
        assert!(client.bell.listen(&waker));
        logs[1].room.publish(*now, turn, |_, _| (), |_, _, _| ());
        assert_eq!(count.0.load(Ordering::Relaxed) as u64, turn);
    }
    // Nor for what has no words.
    world.says(0, "log silent");
    world.publish();
    assert_eq!(count.0.load(Ordering::Relaxed), 3);
    // Who leaves is not rung for.
    client.bell.listen(&waker);
    world.logs[0].room.leave(world.probe, client.id);
    assert!(!world.logs[0].room.is_watched());
    world.says(0, "log .");
    world.publish();
    assert_eq!(count.0.load(Ordering::Relaxed), 3);
}

/// Records without a word in a dialect must not pile up on its tape either.
#[test]
fn silence_is_not_free_and_is_cut_off_too() {
    let mut world = World::new(1, Keep { bytes: 4 * 1024, records: 100_000, ..Keep::default() });
    let mut client = world.client(1);
    world.join(&mut client, 0, Some(FIRST));
    (0..20_000).for_each(|_| {
        world.says(0, "log silent");
        world.publish();
    });
    assert!(world.logs[0].room.held() < 8 * 1024, "{}", world.logs[0].room.held());
    assert!(client.viewer.pump(|_| Poll::Pending).is_ready());
    assert_eq!(client.viewer.poll_wants(), Some((topic(0), Wants::State)), "its place is gone");
}

#[test]
fn old_records_and_too_many_are_cut_off() {
    let age = Duration::from_secs(10);
    let mut world = World::new(1, Keep { bytes: 1 << 20, records: 100, age });
    let mut client = world.client(1);
    world.join(&mut client, 0, Some(FIRST));
    let resumes = |world: &mut World, since| {
        let mut client = world.client(2);
        world.join(&mut client, 0, Some(Seq(since)));
        let _ = world.serve(&mut client, usize::MAX);
        client.last(0, &[]).1 == 0
    };
    for _ in 0..150 {
        world.says(0, "log .");
        world.publish();
        world.now += Duration::from_millis(100);
    }
    assert!(!resumes(&mut world, 50), "101 records back");
    assert!(resumes(&mut world, 51), "100 records back");
    world.now += Duration::from_secs(4);
    world.beat();
    assert!(!resumes(&mut world, 80), "older than ten seconds");
    assert!(resumes(&mut world, 110));
    world.now += Duration::from_secs(20);
    world.beat();
    assert!(resumes(&mut world, 151), "who has everything is never too old");
    assert_eq!(world.logs[0].room.held(), 0, "and nothing is kept for nobody");
}

#[test]
fn a_thousand_who_come_at_once_cost_one_state() {
    let mut world = World::new(1, Keep::default());
    let mut clients: Vec<Client> = (0..1_000).map(|it| world.client(it)).collect();
    world.says(0, "started name a");
    for (n, client) in clients.iter_mut().enumerate() {
        if n % 100 == 0 {
            world.says(0, "log .");
            world.publish();
        }
        world.join(client, 0, None);
        assert!(world.serve(client, usize::MAX).is_ready());
    }
    for client in &mut clients {
        assert!(world.serve(client, usize::MAX).is_ready());
        assert_eq!(client.last(0, &[]), (Some(Seq(12)), 1));
    }
    assert_eq!(world.probe.rendered().1, 1);
    world.beat();
    assert_eq!(world.gauge.held(), 0, "and it goes when it is quiet");
}

#[test]
fn states_have_a_budget() {
    let mut world = World::new(2, keep(16 * 1024));
    world.gauge = Gauge::new(10_000);
    let nodes: Vec<String> = (0..200).map(|n| format!("n{n:03}")).collect();
    (0..2).for_each(|at| world.says(at, &format!("graph {}", nodes.join(" "))));
    let mut slow = world.client(1);
    world.join(&mut slow, 0, None);
    assert!(world.serve(&mut slow, 100).is_pending());
    let one = world.gauge.held();
    assert!(5_000 < one && one < 10_000, "{one}");
    // What the tape no longer holds, the slow viewer still does.
    world.beat();
    assert_eq!(world.gauge.held(), one);
    let mut other = world.client(2);
    world.join(&mut other, 1, None);
    assert_eq!(world.rewind(1), Err(Overloaded));
    drop(slow);
    assert_eq!(world.gauge.held(), 0);
    assert_eq!(world.rewind(1), Ok(()));
    assert!(world.serve(&mut other, usize::MAX).is_ready());
    assert_eq!(other.frames().len(), 201);
    assert_eq!(world.gauge.held(), one, "the tape's own: the viewer has none of it any longer");
    world.beat();
    assert_eq!(world.gauge.held(), 0);
}

#[test]
fn who_has_everything_is_told_so_once() {
    let mut world = World::new(1, Keep::default());
    let [mut prompt, mut late] = [1, 2].map(|it| world.client(it));
    for client in [&mut prompt, &mut late] {
        world.join(client, 0, Some(FIRST));
    }
    world.says(0, "log .");
    world.publish();
    assert!(world.serve(&mut prompt, usize::MAX).is_ready());
    world.beat();
    for _ in 0..2 {
        assert!(world.serve(&mut prompt, usize::MAX).is_ready());
        assert_eq!(prompt.frames().len(), 2);
        assert_eq!(prompt.frames()[1], json!({ "x": "x0", "head": 2 }));
    }
    // What is no longer so is not said.
    world.says(0, "log .");
    world.publish();
    assert!(world.serve(&mut late, usize::MAX).is_ready());
    assert_eq!(late.last(0, &[]).0, Some(Seq(3)));
    assert_eq!(late.frames().len(), 2);
    world.beat();
    assert!(world.serve(&mut late, usize::MAX).is_ready());
    assert_eq!(late.frames()[2], json!({ "x": "x0", "head": 3 }));
}

#[test]
fn of_what_is_forgotten_there_is_nothing_more() {
    let mut world = World::new(1, Keep::default());
    let mut client = world.client(1);
    world.join(&mut client, 0, Some(FIRST));
    world.says(0, "log .");
    world.publish();
    assert!(world.serve(&mut client, usize::MAX).is_ready());
    let room = std::mem::replace(&mut world.logs[0].room, Room::new(Keep::default()));
    room.end(9);
    assert!(client.viewer.pump(|_| Poll::Pending).is_ready());
    let position = Position { epoch: EPOCH, seq: Seq(2) };
    assert_eq!(client.viewer.poll_wants(), Some((topic(0), Wants::Anew(Some(position)))));
    assert!(client.viewer.pump(|_| Poll::Pending).is_ready());
    assert_eq!(client.viewer.poll_wants(), None, "it says so once");
}

#[test]
fn whatever_happens_everybody_ends_with_the_truth() {
    Dice::each(50, play);
}

fn play(dice: &mut Dice) {
    const LOGS: usize = 3;
    let bytes = 1 + dice.below(24 * 1024) as usize;
    let records = 1 + dice.below(200) as usize;
    let mut world = World::new(LOGS, Keep { bytes, records, age: Duration::from_secs(60) });
    let mut clients: Vec<Client> = vec![];
    for step in 0..dice.below(300) {
        let any = dice.below(clients.len().max(1) as u64) as usize;
        let at = dice.below(LOGS as u64) as usize;
        match (dice.below(12), clients.get_mut(any)) {
            (0..=3, _) => (0..=dice.below(20)).for_each(|_| {
                let event = match dice.below(5) {
                    0 => "log silent".to_owned(),
                    1 => format!("log {}", "x".repeat(dice.below(900) as usize)),
                    2 => format!("log {}", "x".repeat(dice.below(9) as usize)),
                    _ => format!("node n{} running", dice.below(40)),
                };
                world.says(at, &event);
            }),
            (4, _) => {
                world.now += Duration::from_secs(dice.below(9));
                world.publish();
            }
            (5, _) | (_, None) => {
                let mut client = world.client(step);
                world.publish();
                for at in 0..=at {
                    let since = dice.one_in(2).then_some(Seq(0));
                    world.join(&mut client, at, since);
                }
                clients.push(client);
            }
            (6, Some(client)) => {
                // The connection breaks, wherever it was, and comes back for the rest.
                let mut next = world.client(step);
                world.publish();
                for at in 0..LOGS {
                    let since = client.last(at, &world.logs[at].silent).0;
                    world.logs[at].room.leave(world.probe, client.id);
                    world.join(&mut next, at, since);
                }
                *client = next;
            }
            (7, Some(client)) => client.ask(),
            (8, _) => {
                world.publish();
                world.beat();
            }
            (_, Some(client)) => {
                // A state is shown between two turns.
                world.publish();
                let _ = world.serve(client, dice.below(3_000) as usize);
                // A part of a record (or of a frame of a state), and answers that wait.
                assert!(client.viewer.held() <= 3_000, "{}", client.viewer.held());
            }
        }
        for log in &world.logs {
            let held = log.room.held();
            assert!(held <= bytes + 2 * bytes.max(16 * 1024) / 16 + 4_000, "{held} of {bytes}");
        }
    }
    for at in 0..LOGS {
        world.says(at, "log the last");
    }
    world.publish();
    world.beat();
    for client in &mut clients {
        assert!(world.serve(client, usize::MAX).is_ready());
        assert!(!decode(&client.got).1, "it ends with a frame");
        let frames = client.frames();
        for (at, log) in world.logs.iter().enumerate() {
            let name = name(at);
            if frames.iter().any(|it| it["x"] == name.as_str()) {
                assert_eq!(client.last(at, &log.silent).0, Some(Seq(log.head)));
                assert!(frames.contains(&json!({ "x": name, "head": log.head })));
            }
        }
        assert_eq!(frames.iter().filter(|it| **it == "answer").count(), client.asked);
    }
}
