//! The loop, with the real core, real connections over pipes, channels for engines, and a clock
//! that stands still unless everybody waits.

mod begins;
mod calm;
mod fair;
mod fallen;

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    time::Duration,
};

use footplate::auth::Pass;
use footplate::auth::verifier::Loopback;
use footplate::core::{Answer, Input, Limits, Relay, Stage};
use footplate::dialect::{Call, Dialect, Manners};
use footplate::model::{Durability, LinkId, Timestamp, ViewerId};
use footplate::room::Keep;
use footplate::seams::Clock;
use footplate::shard::{self, Lost, Message, Shard, Shards, ToEngine};
use footplate::store::{Backend, Commit, Fault, Memory, Reader, Wants};
use footplate::telemetry::Metrics;
use footplate::viewer::{Close, Departure, Options, mailbox};
use footplate::viewer::{Guest, House, connection};
use futures_util::{SinkExt, StreamExt};
use serde_json::{Value, json};
use tokio::io::{DuplexStream, duplex};
use tokio::sync::{Semaphore, mpsc};
use tokio::task::JoinSet;
use tokio::time::{Instant, timeout};
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::protocol::{Message as Frame, Role};

use crate::probe::Probe;
use crate::script;

struct Bench {
    shards: Shards,
    metrics: Arc<Metrics>,
    native: &'static Probe,
    seed: &'static Probe,
    house: House,
    said: u64,
    came: u64,
    connections: JoinSet<Close>,
    shard: JoinSet<Result<(), Fault>>,
}

struct Client(WebSocketStream<DuplexStream>);

/// A store that commits when it is let, until it is broken.
#[derive(Debug, Clone)]
struct Slow {
    leave: Arc<Semaphore>,
    broken: Arc<AtomicBool>,
    commits: Arc<AtomicUsize>,
}

impl Slow {
    fn new(leave: usize) -> Self {
        let leave = Arc::new(Semaphore::new(leave));
        Self { leave, broken: Arc::default(), commits: Arc::default() }
    }
}

impl Backend for Slow {
    fn durability(&self) -> Durability {
        Durability::Local
    }

    async fn append_batch(&mut self, _: Commit) -> Result<Wants, Fault> {
        self.leave.acquire().await.unwrap().forget();
        self.commits.fetch_add(1, Ordering::Relaxed);
        match self.broken.load(Ordering::Relaxed) {
            true => Err(Fault::Ended),
            false => Ok(Wants::default()),
        }
    }

    async fn close(self) {}
}

impl Bench {
    fn start() -> Self {
        Self::with(Options::default(), Limits::default(), Memory)
    }

    fn with(options: Options, limits: Limits, store: impl Backend + 'static) -> Self {
        Self::over(options, limits, store, None)
    }

    fn over(
        options: Options,
        limits: Limits,
        store: impl Backend + 'static,
        reader: Option<Reader>,
    ) -> Self {
        let (shards, inbox) = shard::inbox(1_024);
        let begun = Instant::now();
        let clock = Clock::new(move || Timestamp(0).after(begun.elapsed()));
        let options = Arc::new(options);
        let metrics = Arc::new(Metrics::new());
        let shard = Shard::new(Relay::new(7, limits), store, clock.clone(), options.clone())
            .counting(metrics.clone());
        let shard = match reader {
            Some(reader) => shard.reading(reader),
            None => shard,
        };
        let house = House {
            shards: shards.clone(),
            clock,
            boot: 7,
            durability: Durability::Memory,
            verifier: Arc::new(Loopback),
            options,
            crowd: footplate::viewer::crowd::Crowd::unbounded(),
            departure: Departure::default(),
        };
        let mut tasks = JoinSet::new();
        tasks.spawn(shard.run(inbox));
        let [native, seed] = [Manners::Native, Manners::Windags].map(Probe::new);
        let (said, came, connections) = (0, 0, JoinSet::new());
        Self { shards, metrics, native, seed, house, said, came, connections, shard: tasks }
    }

    async fn tell(&self, message: Message) {
        assert!(self.shards.tell(message).await);
    }

    async fn input(&self, text: &str) {
        self.tell(Message::Input(script::input(Timestamp(0), text))).await;
    }

    /// An engine on `l1`, which has room for so much.
    async fn engine(&self, room: usize) -> mpsc::Receiver<ToEngine> {
        let (outbox, told) = mpsc::channel(room);
        self.tell(Message::Engine { link: LinkId(1), outbox }).await;
        self.input("w/1@l1 greets").await;
        told
    }

    /// The engine's next event in `x1`.
    async fn says(&mut self, event: &str) {
        self.said += 1;
        self.input(&format!("l1 says x1 {} {event}", self.said)).await;
    }

    async fn come(&mut self, dialect: &'static Probe, path: Option<&str>) -> Client {
        self.come_through(1 << 20, dialect, path).await
    }

    async fn come_through(
        &mut self,
        pipe: usize,
        dialect: &'static Probe,
        path: Option<&str>,
    ) -> Client {
        let (ours, theirs) = duplex(pipe);
        self.came += 1;
        let guest = Guest {
            viewer: ViewerId(self.came),
            dialect,
            conversation: dialect.converse(&path.map_or_else(Call::default, Call::to)),
            pass: Some(Pass::local().into()),
            local: true,
            kin: None,
            entry: Box::default(),
        };
        self.connections.spawn(connection::run(ours, guest, self.house.clone()));
        let mut client = Client(WebSocketStream::from_raw_socket(theirs, Role::Client, None).await);
        assert_eq!(client.next().await["welcome"], "local");
        client
    }

    /// Everything that was said to the shard before this has been dealt with.
    async fn quiet(&self) {
        let pass = Arc::new(Pass::local());
        self.shards.ask(|reply| Message::Executions { pass, reply }).await.unwrap();
    }
}

impl Client {
    async fn say(&mut self, text: &str) {
        self.0.send(Frame::text(text)).await.unwrap();
    }

    async fn next(&mut self) -> Value {
        loop {
            match self.0.next().await.unwrap().unwrap() {
                Frame::Text(text) => return serde_json::from_str(&text).unwrap(),
                Frame::Ping(_) | Frame::Pong(_) => (),
                other => panic!("{other:?}"),
            }
        }
    }

    /// The next that is no heartbeat.
    async fn news(&mut self) -> Value {
        loop {
            let next = self.next().await;
            if next.get("watching").is_some() || next.get("head").is_none() {
                return next;
            }
        }
    }

    async fn is_told_nothing_for(&mut self, span: Duration) {
        if let Ok(told) = timeout(span, self.next()).await {
            panic!("{told}");
        }
    }
}

const MOMENT: Duration = Duration::from_millis(1);

#[tokio::test(start_paused = true)]
async fn who_comes_late_is_shown_the_state_and_then_what_follows() {
    let mut bench = Bench::start();
    let mut engine = bench.engine(64).await;
    assert!(matches!(engine.recv().await, Some(ToEngine::Welcome { .. })));
    bench.says("node a running; node b running").await;
    let mut client = bench.come(bench.native, None).await;
    client.say("watch x1").await;
    let start = json!({ "at": 3, "why": "Fresh" });
    let watching = json!({ "watching": "x1", "start": start, "head": 3 });
    assert_eq!(client.next().await, watching, "before anything is shown");
    assert_eq!(client.next().await["node"], "a");
    assert_eq!(client.next().await["node"], "b");
    assert_eq!(client.next().await["state"], 3);
    bench.said += 1;
    bench.says("log more").await;
    assert_eq!(client.next().await, json!({ "x": "x1", "seq": 4, "text": "more" }));
    assert!(matches!(engine.recv().await, Some(ToEngine::Result(_))));
}

#[tokio::test(start_paused = true)]
async fn who_comes_again_goes_on_where_it_was_or_learns_why_not() {
    let keep = Keep { records: 10, ..Keep::default() };
    let limits = Limits { history: 10, ..Limits::default() };
    let mut bench = Bench::with(Options { keep, ..Options::default() }, limits, Memory);
    let _engine = bench.engine(64).await;
    for _ in 0..20 {
        bench.says("log .").await;
    }
    let mut client = bench.come(bench.native, None).await;
    let cases = [
        ("7-1:18", json!({ "after": 18 }), "seq", 19),
        ("7-1:11", json!({ "after": 11 }), "seq", 12),
        ("7-1:10", json!({ "at": 21, "why": "TooOld" }), "state", 21),
        ("6-1:18", json!({ "at": 21, "why": "EpochChanged" }), "state", 21),
        ("7-1:22", json!({ "at": 21, "why": "Ahead" }), "state", 21),
    ];
    for (since, start, kind, number) in cases {
        client.say(&format!("watch x1 since {since}")).await;
        let watching = client.next().await;
        assert_eq!((&watching["start"], &watching["head"]), (&start, &json!(21)), "{since}");
        let first = client.next().await;
        assert_eq!(first[kind], number, "{since}: {first}");
        client.say("unwatch x1").await;
        while client.next().await.get("unwatched").is_none() {}
        tokio::time::advance(Duration::from_secs(1)).await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_state_is_held_until_its_viewer_says_where_to_go_on() {
    let mut bench = Bench::start();
    let _engine = bench.engine(64).await;
    for n in 2..=4 {
        bench.says(&format!("log {n}")).await;
    }
    let mut client = bench.come(bench.native, None).await;
    client.say("watch x1 held").await;
    assert_eq!(client.news().await["start"], json!({ "after": 4 }));
    assert_eq!(client.news().await["state"], 4);
    bench.says("log 5").await;
    client.is_told_nothing_for(MOMENT).await;
    client.say("watch x1 behind 7-1:2").await;
    assert_eq!(client.news().await["start"], json!({ "after": 2 }));
    for seq in 3..=5 {
        assert_eq!(client.news().await["seq"], seq, "no state again, and nothing is left out");
    }
    // Later the state may be asked for again, but nothing that was sent is sent again.
    for from in ["shown here", "shown oldest", "behind 7-1:3"] {
        bench.says("log silent").await;
        client.say(&format!("watch x1 {from}")).await;
        assert_eq!(client.news().await["watching"], "x1");
        if from.starts_with("shown") {
            assert!(client.news().await["state"].is_u64(), "{from}");
        }
        if from == "shown oldest" {
            for seq in 1..=2 {
                assert_eq!(client.news().await["seq"], seq);
            }
        }
        client.is_told_nothing_for(MOMENT).await;
    }
    bench.says("log last").await;
    assert_eq!(client.news().await["text"], "last");
}

/// However long the state takes to be sent, all of it is.
#[tokio::test(start_paused = true)]
async fn who_goes_on_has_seen_the_whole_state() {
    let mut bench = Bench::start();
    let _engine = bench.engine(64).await;
    for n in 0..100 {
        bench.says(&format!("node n{n} running")).await;
    }
    let mut client = bench.come_through(64, bench.native, None).await;
    client.say("watch x1 held").await;
    assert_eq!(client.news().await["watching"], "x1");
    client.say("watch x1 behind here").await;
    bench.quiet().await;
    let mut nodes = 0;
    loop {
        let news = client.news().await;
        nodes += usize::from(news["node"].is_string());
        if news["state"].is_u64() {
            break;
        }
    }
    assert_eq!(nodes, 100);
}

#[tokio::test(start_paused = true)]
async fn a_slow_viewer_holds_nobody_back_and_loses_nothing() {
    let mut bench = Bench::start();
    let mut engine = bench.engine(64).await;
    engine.recv().await;
    bench.says("log .").await;
    engine.recv().await;
    let mut fast = bench.come(bench.native, Some("x1")).await;
    let mut slow = bench.come_through(64, bench.native, Some("x1")).await;
    for client in [&mut fast, &mut slow] {
        assert_eq!(client.news().await["watching"], "x1");
        assert_eq!(client.news().await["state"], 2);
    }
    for n in 3..=500 {
        bench.says("log .").await;
        engine.recv().await; // It is not held back either.
        assert_eq!(fast.news().await["seq"], n);
    }
    for n in 3..=500 {
        assert_eq!(slow.news().await["seq"], n);
    }
    assert_eq!(bench.native.rendered().0, 500, "each once, for both");
}

#[tokio::test(start_paused = true)]
async fn a_viewer_that_is_too_slow_is_shown_the_state() {
    let keep = Keep { bytes: 4 * 1024, ..Keep::default() };
    let options = Options { keep, ..Options::default() };
    let mut bench = Bench::with(options, Limits::default(), Memory);
    let mut engine = bench.engine(64).await;
    bench.says("log .").await;
    let mut slow = bench.come_through(64, bench.native, Some("x1")).await;
    for _ in 0..1_000 {
        bench.says("log .").await;
        engine.recv().await;
    }
    assert_eq!(slow.news().await["watching"], "x1");
    let (mut last, mut states) = (0, 0);
    while last < 1_002 {
        let frame = slow.news().await;
        match (frame["seq"].as_u64(), frame["state"].as_u64()) {
            (Some(seq), _) => assert_eq!(seq, last + 1, "no gap, no repeat"),
            (None, at) => {
                assert!(last < at.unwrap());
                states += 1;
            }
        }
        last = frame["seq"].as_u64().or(frame["state"].as_u64()).unwrap();
    }
    assert!((2..10).contains(&states), "{states}");
}

#[tokio::test(start_paused = true)]
async fn of_an_unknown_execution_native_viewers_hear_that_and_others_wait_for_it() {
    let mut bench = Bench::start();
    let _engine = bench.engine(64).await;
    let mut native = bench.come(bench.native, Some("x1")).await;
    assert_eq!(native.next().await, json!({ "unknown": "x1" }));
    let mut seed = bench.come(bench.seed, Some("x1")).await;
    let mut alias = bench.come(bench.seed, Some("task_1")).await;
    let mut gone = bench.come(bench.seed, Some("x1")).await;
    for client in [&mut seed, &mut alias, &mut gone] {
        assert!(client.next().await["unknown"].is_string());
    }
    drop(gone);
    bench.says("log early").await;
    bench.says("started alias task_1").await;
    bench.says("log late").await;
    assert_eq!(seed.next().await["watching"], "x1");
    for seq in 1..=4 {
        assert_eq!(seed.next().await["seq"], seq, "it sees everything from the first on");
    }
    assert_eq!(alias.next().await["watching"], "x1");
    for seq in 1..=4 {
        assert_eq!(alias.next().await["seq"], seq);
    }
    native.is_told_nothing_for(MOMENT).await;
    // What can be no name of an execution is unknown as well.
    native.say("watch \u{202e}").await;
    assert_eq!(native.next().await, json!({ "problem": "not_found", "about": "\u{202e}" }));
}

#[tokio::test(start_paused = true)]
async fn a_viewer_watches_many_things_and_leaves_them_again() {
    let mut bench = Bench::start();
    let _engine = bench.engine(64).await;
    for x in ["x1", "x2", "x3"] {
        bench.input(&format!("l1 says {x} 1 started alias also-{x}")).await;
    }
    bench.said = 1;
    let mut client = bench.come(bench.native, None).await;
    for (name, x) in [("x1", "x1"), ("also-x1", "x1"), ("x2", "x2")] {
        client.say(&format!("watch {name}")).await;
        assert_eq!(client.news().await["watching"], x);
        assert_eq!(client.news().await["x"], x);
    }
    bench.input("l1 says x2 2 log .").await;
    assert_eq!(client.news().await["x"], "x2");
    client.say("unwatch x2").await;
    assert_eq!(client.news().await["unwatched"], "x2");
    client.say("unwatch x1").await;
    assert_eq!(client.news().await["unwatched"], "x1");
    bench.quiet().await;
    let before = bench.native.rendered().0;
    bench.input("l1 says x2 3 log .").await;
    bench.says("log once").await;
    assert_eq!(client.news().await["text"], "once", "under the other name it is still watched");
    bench.quiet().await;
    assert_eq!(bench.native.rendered().0, before + 1, "a room without viewers is gone");
    drop(client);
    bench.connections.join_next().await.unwrap().unwrap();
    bench.says("log unseen").await;
    bench.quiet().await;
    assert_eq!(bench.native.rendered().0, before + 1);
}

#[tokio::test(start_paused = true)]
async fn who_goes_without_a_word_is_noticed() {
    let mut bench = Bench::start();
    let _engine = bench.engine(64).await;
    bench.says("log .").await;
    let mut client = bench.come(bench.native, Some("x1")).await;
    assert_eq!(client.next().await["watching"], "x1");
    bench.connections.shutdown().await;
    tokio::time::sleep(Duration::from_secs(26)).await;
    let before = bench.native.rendered().0;
    bench.says("log .").await;
    bench.quiet().await;
    assert_eq!(bench.native.rendered().0, before);
}

#[tokio::test(start_paused = true)]
async fn who_has_everything_is_told_so_after_a_second_and_then_every_25() {
    let mut bench = Bench::start();
    let _engine = bench.engine(64).await;
    bench.says("log .").await;
    let mut client = bench.come(bench.native, Some("x1")).await;
    assert_eq!(client.next().await["watching"], "x1");
    assert_eq!(client.next().await["state"], 2);
    let mut since = Instant::now();
    for seconds in [1, 25, 25] {
        assert_eq!(client.next().await, json!({ "x": "x1", "head": 2 }));
        assert_eq!(since.elapsed().as_secs(), seconds);
        since = Instant::now();
    }
    tokio::time::advance(Duration::from_secs(5)).await;
    bench.says("log .").await;
    assert_eq!(client.next().await["seq"], 3);
    since = Instant::now();
    assert_eq!(client.next().await, json!({ "x": "x1", "head": 3 }));
    assert_eq!(since.elapsed().as_secs(), 1);
    let mut seed = bench.come(bench.seed, Some("x1")).await;
    for kind in ["watching", "state"] {
        assert!(seed.next().await.get(kind).is_some(), "{kind}");
    }
    seed.is_told_nothing_for(Duration::from_secs(60)).await;
}

#[tokio::test(start_paused = true)]
async fn the_directory_says_how_each_stands_twice_a_second_at_most() {
    let mut bench = Bench::start();
    let _engine = bench.engine(64).await;
    bench.says("log .").await;
    let mut client = bench.come(bench.native, None).await;
    client.say("directory").await;
    assert_eq!(client.next().await, json!({ "items": ["x1"] }));
    let since = Instant::now();
    bench.says("log .").await;
    assert_eq!(client.next().await, json!({ "item": "x1", "at": 3 }));
    for _ in 0..3 {
        bench.says("log .").await;
        bench.quiet().await;
        tokio::time::advance(Duration::from_millis(100)).await;
    }
    bench.input("l1 says x2 1 log .").await;
    assert_eq!(client.next().await, json!({ "item": "x2", "at": 2 }));
    assert_eq!(since.elapsed().as_millis(), 300);
    assert_eq!(client.next().await, json!({ "item": "x1", "at": 6 }));
    assert_eq!(since.elapsed().as_millis(), 500);
    client.is_told_nothing_for(Duration::from_secs(2)).await;
    bench.input("l1 says workflow:wf 1 workflow wf").await;
    client.is_told_nothing_for(Duration::from_secs(2)).await;
    // The list that is there is as good as a new one: what has changed since follows.
    let mut later = bench.come(bench.native, None).await;
    later.say("directory").await;
    assert_eq!(later.next().await, json!({ "items": ["x1"] }));
    for (item, at) in [("x1", 3), ("x2", 2), ("x1", 6)] {
        assert_eq!(later.next().await, json!({ "item": item, "at": at }));
    }
    later.is_told_nothing_for(Duration::from_secs(2)).await;
    client.say("no directory").await;
    later.say("no directory").await;
    // The socket's order: it has been heard once this is answered.
    for client in [&mut client, &mut later] {
        client.say("ping").await;
        assert_eq!(client.next().await, "pong");
    }
    bench.says("log .").await;
    client.is_told_nothing_for(Duration::from_secs(2)).await;
}

#[tokio::test(start_paused = true)]
async fn nobody_is_told_what_is_not_committed() {
    // For the greeting, and for the first line.
    let store = Slow::new(2);
    let mut bench = Bench::with(Options::default(), Limits::default(), store.clone());
    let mut engine = bench.engine(64).await;
    engine.recv().await;
    bench.says("log .").await;
    engine.recv().await;
    let mut one = bench.come(bench.native, Some("x1")).await;
    assert_eq!(one.next().await["watching"], "x1");
    assert_eq!(one.next().await["state"], 2);
    // Now the store takes its time.
    bench.says("log .").await;
    let mut two = bench.come(bench.native, Some("x1")).await;
    let pass = Arc::new(Pass::local());
    let (reply, mut asked) = tokio::sync::oneshot::channel();
    bench.tell(Message::Snapshot { name: "x1".into(), pass, at: None, reply }).await;
    one.is_told_nothing_for(MOMENT).await;
    two.is_told_nothing_for(MOMENT).await;
    assert!(timeout(MOMENT, engine.recv()).await.is_err(), "nor is it acknowledged");
    assert!(timeout(MOMENT, &mut asked).await.is_err());
    store.leave.add_permits(1);
    assert_eq!(one.news().await["seq"], 3);
    assert_eq!(two.news().await["head"], 3);
    assert!(matches!(engine.recv().await, Some(ToEngine::Result(_))));
    assert_eq!(asked.await.unwrap().unwrap().1.seq.0, 3);
}

/// What came together is committed together, whoever asks in between.
#[tokio::test(start_paused = true)]
async fn a_turn_is_one_commit() {
    let store = Slow::new(1);
    let mut bench = Bench::with(Options::default(), Limits::default(), store.clone());
    let mut engine = bench.engine(1_024).await;
    engine.recv().await;
    for _ in 0..50 {
        bench.says("log .").await;
        let pass = Arc::new(Pass::local());
        let (reply, _) = tokio::sync::oneshot::channel();
        bench.tell(Message::Executions { pass, reply }).await;
    }
    store.leave.add_permits(1_000);
    bench.quiet().await;
    assert_eq!(store.commits.load(Ordering::Relaxed), 2, "the greeting, and this");
}

#[tokio::test(start_paused = true)]
async fn a_store_that_fails_ends_the_shard_before_anybody_is_told() {
    let store = Slow::new(1_000);
    let mut bench = Bench::with(Options::default(), Limits::default(), store.clone());
    let mut engine = bench.engine(64).await;
    engine.recv().await;
    bench.says("log .").await;
    engine.recv().await;
    let mut client = bench.come(bench.native, Some("x1")).await;
    assert_eq!(client.next().await["watching"], "x1");
    assert_eq!(client.next().await["state"], 2);
    store.broken.store(true, Ordering::Relaxed);
    bench.says("log .").await;
    let ended = bench.shard.join_next().await.unwrap().unwrap();
    assert!(matches!(ended, Err(Fault::Ended)));
    assert!(engine.recv().await.is_none(), "its stream ends, and it sends that again");
    match client.0.next().await.unwrap().unwrap() {
        Frame::Close(Some(frame)) => assert_eq!(u16::from(frame.code), 1012),
        other => panic!("{other:?}"),
    }
    assert!(!bench.shards.tell(Message::Left { viewer: ViewerId(1) }).await);
}

#[tokio::test(start_paused = true)]
async fn an_engine_that_does_not_listen_is_gone() {
    let mut bench = Bench::start();
    let engine = bench.engine(2).await;
    bench.says("log .").await;
    let mut client = bench.come(bench.native, Some("x1")).await;
    assert_eq!(client.next().await["watching"], "x1");
    assert_eq!(client.next().await["state"], 2);
    // Its outbox is full; the record behind this one says that it is lost.
    bench.says("log .").await;
    assert_eq!(client.next().await["seq"], 3);
    assert_eq!(client.next().await, json!({ "x": "x1", "seq": 4, "text": "" }));
    drop(engine);
}

#[tokio::test(start_paused = true)]
async fn what_is_forgotten_is_asked_for_anew() {
    let limits = Limits { afterlife: Duration::from_secs(60), ..Limits::default() };
    let mut bench = Bench::with(Options::default(), limits, Memory);
    let _engine = bench.engine(64).await;
    bench.says("finished completed").await;
    let mut client = bench.come(bench.native, Some("x1")).await;
    assert_eq!(client.news().await["watching"], "x1");
    assert_eq!(client.news().await["state"], 2);
    let since = Instant::now();
    assert_eq!(client.news().await, json!({ "unknown": "x1" }));
    assert_eq!(since.elapsed().as_secs(), 60);
    assert_eq!(bench.metrics.executions_forgotten.get(), 1);
}

/// HTTP has no connection to be told on, and needs none.
#[tokio::test(start_paused = true)]
async fn who_asks_once_is_answered_once() {
    let mut bench = Bench::start();
    let _engine = bench.engine(64).await;
    bench.says("gate g 1").await;
    let (answers, mut mailbox) = mailbox(8);
    let (viewer, pass) = (ViewerId(99), Arc::new(Pass::local()));
    bench.tell(Message::Viewer { viewer, pass: pass.clone(), answers }).await;
    bench.input("v99 ada decides x1 g 1 approve as d1").await;
    match mailbox.answer().await {
        Some(Answer::Receipt(receipt)) => assert_eq!(receipt.stage, Stage::Recorded),
        other => panic!("{other:?}"),
    }
    bench.tell(Message::Left { viewer }).await;
    assert_eq!(mailbox.answer().await, None);

    let name: Arc<str> = "x1".into();
    let since = Some(script::position("7-1:2"));
    let records = |name, since| {
        let pass = pass.clone();
        bench.shards.ask(move |reply| Message::Records { name, pass, since, reply })
    };
    let found = records(name.clone(), since).await.unwrap().unwrap();
    let seqs: Vec<u64> = found.records.iter().map(|it| it.position.seq.0).collect();
    assert_eq!((found.recovered, seqs), (true, (3..=found.head.seq.0).collect()));
    for since in [None, Some(script::position("6-1:2"))] {
        let found = records(name.clone(), since).await.unwrap().unwrap();
        assert_eq!((found.recovered, found.records[0].position.seq.0), (false, 1));
    }
    assert_eq!(records("nobody".into(), None).await.unwrap().unwrap_err(), Lost::Unknown);
}

/// Somebody who decides through one connection is answered there, and all see what follows.
#[tokio::test(start_paused = true)]
async fn who_decides_is_answered_and_everybody_sees() {
    let mut bench = Bench::start();
    let mut engine = bench.engine(64).await;
    bench.says("gate g 1").await;
    let mut one = bench.come(bench.native, Some("x1")).await;
    let mut two = bench.come(bench.seed, Some("x1")).await;
    for client in [&mut one, &mut two] {
        assert_eq!(client.news().await["watching"], "x1");
        assert_eq!(client.news().await["state"], 2);
    }
    one.say("decides x1 g 1 approve as d1").await;
    let mut told = vec![];
    while told.len() < 3 {
        let news = one.news().await;
        told.push(news.get("receipt").map_or_else(|| news["seq"].clone(), Clone::clone));
    }
    assert!(told.contains(&json!("Recorded")), "{told:?}");
    assert_eq!(two.news().await["seq"], 3);
    assert_eq!(two.news().await["seq"], 4);
    loop {
        match engine.recv().await.unwrap() {
            ToEngine::Deliver { decision, attempt, .. } => {
                assert_eq!((decision.id.as_str(), attempt), ("d1", 1));
                return;
            }
            ToEngine::End(why) => panic!("{why:?}"),
            _ => (),
        }
    }
}

/// One wake-up for a turn, and one write, however much there was.
#[tokio::test(start_paused = true)]
async fn a_viewer_never_waits_for_another() {
    let mut bench = Bench::start();
    let _engine = bench.engine(1_024).await;
    bench.says("log .").await;
    let mut stuck = vec![];
    for _ in 0..50 {
        stuck.push(bench.come_through(64, bench.native, Some("x1")).await);
    }
    let mut free = bench.come(bench.native, Some("x1")).await;
    assert_eq!(free.news().await["watching"], "x1");
    assert_eq!(free.news().await["state"], 2);
    let since = Instant::now();
    for _ in 0..500 {
        bench.says(&format!("log {}", "x".repeat(100))).await;
    }
    for n in 3..=502 {
        assert_eq!(free.news().await["seq"], n);
    }
    assert!(since.elapsed() < Duration::from_secs(1));
    assert_eq!(bench.native.rendered().1, 1);
}

/// The message that goes through the inbox for every batch of events stays a moderate one.
#[test]
fn a_message_is_small() {
    assert!(size_of::<Message>() <= 400, "{}", size_of::<Message>());
    assert!(size_of::<Input>() <= size_of::<Message>());
}
