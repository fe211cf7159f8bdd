//! A relay over a disk in memory that can be stopped and started again, its engine, and its viewers.

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use footplate::auth::Pass;
use footplate::auth::verifier::Loopback;
use footplate::core::{LaneFault, LaneResult, Limits, Relay};
use footplate::dialect::{Call, Dialect, native::Native};
use footplate::model::{Durability, LinkId, Seq, Timestamp, ViewerId};
use footplate::seams::{Clock, Disk, Fill, Space};
use footplate::shard::{
    self, Asked, Budget, Followed, Held, Message, Pressure, Shard, Shards, ToEngine,
};
use footplate::store::{Backend, Fault, Keeper, Memory, Options as Store};
use footplate::telemetry::Metrics;
use footplate::viewer::{Close, Departure, Guest, House, Options, connection};
use futures_util::{SinkExt, StreamExt};
use redb::{Builder, Database, DatabaseError};
use serde_json::{Value, json};
use tokio::io::{DuplexStream, duplex};
use tokio::sync::{mpsc, watch};
use tokio::task::JoinSet;
use tokio::time::Instant;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::protocol::{Message as Frame, Role};

use crate::dialects::values;
use crate::platter::Platter;
use crate::reducer::{Reducer, merge};
use crate::script;

/// 2026-11-20T10:00:00Z.
const BEGAN: Timestamp = Timestamp(1_795_168_800_000_000);

#[derive(Clone)]
pub(super) struct Setup {
    pub(super) limits: Limits,
    pub(super) options: Options,
    /// Whether the store has threads of its own.
    pub(super) threads: bool,
    /// Whether there is a store.
    pub(super) store: bool,
    /// Bytes that it may use.
    pub(super) budget: Option<u64>,
}

impl Default for Setup {
    fn default() -> Self {
        let (limits, options) = (Limits::default(), Options::default());
        Self { limits, options, threads: false, store: true, budget: None }
    }
}

/// The same disk, for whoever may take his time.
#[derive(Debug)]
struct Threaded(Platter);

impl Disk for Threaded {
    fn open(&self, directory: &Path, how: &Builder) -> Result<Option<Database>, DatabaseError> {
        self.0.open(directory, how)
    }

    fn begin(&self, at: &Path, how: &Builder, fill: Fill<'_>) -> Result<Database, redb::Error> {
        self.0.begin(at, how, fill)
    }

    fn renew(&self, directory: &Path) -> io::Result<()> {
        self.0.renew(directory)
    }

    fn set_aside(&self, directory: &Path, mark: &str) -> io::Result<PathBuf> {
        self.0.set_aside(directory, mark)
    }

    fn keep(&self, directory: &Path, name: &str, bytes: &[u8]) -> io::Result<PathBuf> {
        self.0.keep(directory, name, bytes)
    }

    fn length(&self, directory: &Path) -> io::Result<u64> {
        self.0.length(directory)
    }

    fn space(&self, directory: &Path) -> io::Result<Space> {
        self.0.space(directory)
    }

    fn has_thread(&self) -> bool {
        true
    }
}

fn within<Store: Backend>(
    shard: Shard<Store>,
    budget: Option<u64>,
    tell: watch::Sender<Pressure>,
) -> Shard<Store> {
    match budget {
        Some(bytes) => shard.within(Budget { bytes, resident: || None }, tell),
        None => shard,
    }
}

pub(super) struct Bench {
    pub(super) shards: Shards,
    pub(super) metrics: Arc<Metrics>,
    /// Records that the last start has folded.
    pub(super) folded: usize,
    setup: Setup,
    disk: Platter,
    house: House,
    began: Instant,
    came: u64,
    said: BTreeMap<String, u64>,
    connections: JoinSet<(ViewerId, Close)>,
    shard: JoinSet<Result<(), Fault>>,
    engine: mpsc::Receiver<ToEngine>,
    /// What its engine was refused.
    pub(super) faults: Vec<LaneFault>,
    /// How near it is to its budget.
    pub(super) pressure: watch::Receiver<Pressure>,
}

pub(super) struct Client {
    pub(super) viewer: ViewerId,
    socket: WebSocketStream<DuplexStream>,
    /// What it has made of what it was told.
    pub(super) seen: BTreeMap<String, Reducer>,
    /// The record that has to come next of each, as it was told. `None`: a state has to.
    next: BTreeMap<String, Option<u64>>,
    /// States that it was shown.
    pub(super) snapshots: u64,
}

impl Bench {
    pub(super) async fn start(setup: Setup) -> Self {
        Self::over(Platter::default(), setup).await
    }

    pub(super) async fn over(disk: Platter, setup: Setup) -> Self {
        Self::begin(disk, setup, Instant::now(), 7, BTreeMap::new(), 0).await
    }

    async fn begin(
        disk: Platter,
        setup: Setup,
        began: Instant,
        boot: u64,
        said: BTreeMap<String, u64>,
        came: u64,
    ) -> Self {
        let (shards, inbox) = shard::inbox(1_024);
        let clock = Clock::new(move || BEGAN.after(began.elapsed()));
        let (options, metrics) = (Arc::new(setup.options.clone()), Arc::new(Metrics::new()));
        let (limits, mut shard, mut folded) = (setup.limits, JoinSet::new(), 0);
        let fresh = || Relay::new(boot, limits);
        let (tell, pressure) = watch::channel(Pressure::None);
        if setup.store {
            let seam: Arc<dyn Disk> = match setup.threads {
                true => Arc::new(Threaded(disk.clone())),
                false => Arc::new(disk.clone()),
            };
            let how = Store { checkpoint: 16 << 10, ..Store::default() };
            let opened = Keeper::open(&seam, Path::new("d"), how, clock.now(), false, fresh);
            let (relay, opened) = opened.unwrap();
            assert!(opened.loaded.damage.is_empty());
            folded = opened.loaded.folded;
            let it = Shard::new(relay, opened.keeper, clock.clone(), options.clone());
            let it = it.counting(metrics.clone()).reading(opened.reader);
            shard.spawn(within(it, setup.budget, tell).run(inbox));
        } else {
            let it = Shard::new(fresh(), Memory, clock.clone(), options.clone());
            let it = it.counting(metrics.clone());
            shard.spawn(within(it, setup.budget, tell).run(inbox));
        }
        let house = House {
            shards: shards.clone(),
            clock,
            boot,
            durability: Durability::Local,
            verifier: Arc::new(Loopback),
            options,
            crowd: footplate::viewer::crowd::Crowd::unbounded(),
            departure: Departure::default(),
        };
        let (outbox, engine) = mpsc::channel(1 << 16);
        let connections = JoinSet::new();
        let bench = Self {
            shards,
            metrics,
            folded,
            setup,
            disk,
            house,
            began,
            came,
            said,
            connections,
            shard,
            engine,
            faults: vec![],
            pressure,
        };
        bench.tell(Message::Engine { link: LinkId(1), outbox }).await;
        bench.input(&format!("w/{boot}@l1 greets")).await;
        bench
    }

    /// Ends it as a clean end does. What is on the disk then.
    pub(super) async fn stop(mut self) -> Platter {
        self.connections.shutdown().await;
        let Self { disk, mut shard, .. } = self;
        drop((self.shards, self.house, self.connections, self.engine));
        shard.join_next().await.unwrap().unwrap().unwrap();
        disk
    }

    pub(super) async fn end(self) {
        self.stop().await;
    }

    pub(super) async fn restart(self) -> Self {
        let (setup, began, boot) = (self.setup.clone(), self.began, self.house.boot + 1);
        let (said, came) = (self.said.clone(), self.came);
        Self::begin(self.stop().await, setup, began, boot, said, came).await
    }

    pub(super) async fn tell(&self, message: Message) {
        assert!(self.shards.tell(message).await);
    }

    pub(super) async fn input(&self, text: &str) {
        let now = self.house.clock.now().time;
        self.tell(Message::Input(script::input(now, text))).await;
    }

    /// The engine's next events in an execution.
    pub(super) async fn says(&mut self, execution: &str, events: &[String]) {
        for events in events.chunks(256) {
            let said = self.said.entry(execution.to_owned()).or_default();
            let first = *said + 1;
            *said += events.len() as u64;
            self.input(&format!("l1 says {execution} {first} {}", events.join("; "))).await;
            self.quiet().await;
            while let Ok(told) = self.engine.try_recv() {
                if let ToEngine::Result(LaneResult { fault: Some(fault), .. }) = told {
                    self.faults.push(fault);
                }
            }
        }
    }

    /// Its engine begins anew in an execution that was refused.
    pub(super) fn said_nothing_of(&mut self, execution: &str) {
        self.said.remove(execution);
    }

    /// So many log lines.
    pub(super) async fn logs(&mut self, execution: &str, lines: u64) {
        let from = self.said.get(execution).copied().unwrap_or(0);
        let lines = (from + 1..=from + lines).map(|n| match n {
            1 => "node a running".to_owned(),
            n => format!("log line {n} of {execution}"),
        });
        self.says(execution, &lines.collect::<Vec<_>>()).await;
    }

    /// Everything that was said to the shard before this has been dealt with.
    pub(super) async fn quiet(&self) {
        let pass = Arc::new(Pass::local());
        self.shards.ask(|reply| Message::Executions { pass, reply }).await.unwrap();
    }

    pub(super) async fn measure(&self) -> Held {
        self.shards.ask(|reply| Message::Measure { reply }).await.unwrap()
    }

    pub(super) async fn records(&self, name: &str, since: Option<&str>) -> Asked<Followed> {
        let (name, pass) = (name.into(), Arc::new(Pass::local()));
        let since = since.map(script::position);
        let ask = |reply| Message::Records { name, pass, since, reply };
        self.shards.ask(ask).await.unwrap()
    }

    /// The state in the native protocol's words, put together.
    pub(super) async fn state(&self, name: &str, at: Option<u64>) -> Value {
        let (name, pass) = (name.into(), Arc::new(Pass::local()));
        let at = at.map(Seq);
        let ask = |reply| Message::Snapshot { name, pass, at, reply };
        let (id, at, state) = self.shards.ask(ask).await.unwrap().unwrap();
        merge(&values(|out| Native.state(&id, at, &state, out))).unwrap()
    }

    pub(super) async fn head(&self, name: &str) -> u64 {
        self.records(name, None).await.unwrap().head.seq.0
    }

    pub(super) async fn epoch(&self, name: &str) -> String {
        self.records(name, None).await.unwrap().head.epoch.to_string()
    }

    pub(super) async fn come(&mut self) -> Client {
        self.come_through(1 << 20).await
    }

    /// `pipe`: bytes that are on their way at most.
    pub(super) async fn come_through(&mut self, pipe: usize) -> Client {
        let (ours, theirs) = duplex(pipe);
        self.came += 1;
        let viewer = ViewerId(self.came);
        let guest = Guest {
            viewer,
            dialect: &Native,
            conversation: Native.converse(&Call::default()),
            pass: Some(Pass::local().into()),
            local: true,
            kin: None,
            entry: Box::default(),
        };
        let house = self.house.clone();
        self.connections.spawn(async move { (viewer, connection::run(ours, guest, house).await) });
        let socket = WebSocketStream::from_raw_socket(theirs, Role::Client, None).await;
        let mut client =
            Client { viewer, socket, seen: BTreeMap::new(), next: BTreeMap::new(), snapshots: 0 };
        assert_eq!(client.hears().await["type"], "welcome");
        client
    }

    /// The next viewer that goes, and why.
    pub(super) async fn goes(&mut self) -> (ViewerId, Close) {
        self.connections.join_next().await.unwrap().unwrap()
    }
}

impl Client {
    pub(super) async fn says(&mut self, message: &Value) {
        self.socket.send(Frame::text(message.to_string())).await.unwrap();
    }

    pub(super) async fn hears(&mut self) -> Value {
        loop {
            match self.socket.next().await.unwrap().unwrap() {
                Frame::Text(text) => return serde_json::from_str(&text).unwrap(),
                Frame::Ping(_) | Frame::Pong(_) => (),
                other => panic!("{other:?}"),
            }
        }
    }

    /// How it is sent away.
    pub(super) async fn is_closed(&mut self) -> u16 {
        loop {
            match self.socket.next().await.unwrap().unwrap() {
                Frame::Close(Some(frame)) => return frame.code.into(),
                Frame::Close(None) => panic!("without a reason"),
                _ => (),
            }
        }
    }

    /// Takes the next frame. Each record has to follow on the last, without exception.
    pub(super) async fn takes(&mut self) -> Value {
        let frame = self.hears().await;
        let Some(execution) = frame["execution_id"].as_str().map(str::to_owned) else {
            return frame;
        };
        let next = self.next.entry(execution.clone()).or_default();
        if frame["type"] == "subscribed" {
            let goes_on = frame["recovered"] == true;
            *next = goes_on.then(|| frame["from"].as_u64().unwrap() + 1);
        } else if frame["type"] == "snapshot" {
            self.snapshots += u64::from(frame["part"] == 1);
            *next = Some(frame["seq"].as_u64().unwrap() + 1);
        } else if let Some(seq) = frame["seq"].as_u64() {
            assert_eq!(Some(seq), *next, "each once, in order, without a gap: {frame}");
            *next = Some(seq + 1);
        }
        self.seen.entry(execution).or_default().frame(&frame).unwrap();
        frame
    }

    /// What it is told first.
    pub(super) async fn subscribes(&mut self, name: &str, since: Option<(&str, u64)>) -> Value {
        let mut message = json!({ "type": "subscribe", "execution_id": name });
        if let Some((epoch, seq)) = since {
            message["since"] = json!({ "epoch": epoch, "seq": seq });
            // What it has from before is not of interest here.
            self.seen.entry(name.to_owned()).or_insert_with(|| Reducer::at(epoch, seq));
        }
        self.says(&message).await;
        self.is_told(name).await
    }

    /// What comes of its wish to watch.
    pub(super) async fn is_told(&mut self, name: &str) -> Value {
        loop {
            let told = self.takes().await;
            let about = told["execution_id"] == name && told["type"] == "subscribed";
            if about || told["type"] == "error" {
                return told;
            }
        }
    }

    pub(super) async fn comes_to(&mut self, name: &str, seq: u64) {
        while self.seen.get(name).is_none_or(|it| it.last() < seq) {
            self.takes().await;
        }
    }

    pub(super) fn state(&self, name: &str) -> Value {
        self.seen[name].state()
    }
}
