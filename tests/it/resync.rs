//! WinDAGs dashboards that ask for what they have missed, and those that acknowledge: the real core,
//! shard and connections, over pipes, with a clock that stands still unless everybody waits.

use std::{collections::BTreeSet, sync::Arc, time::Duration};

use footplate::auth::Pass;
use footplate::auth::verifier::Loopback;
use footplate::core::{Limits, Relay};
use footplate::dialect::windags::Windags;
use footplate::dialect::{Call, Dialect};
use footplate::model::{Durability, LinkId, Timestamp, ViewerId};
use footplate::room::Keep;
use footplate::seams::Clock;
use footplate::shard::{self, Message, Shard, ToEngine};
use footplate::store::{Fault, Memory};
use footplate::viewer::kin::{Kin, Likeness};
use footplate::viewer::{Close, Departure, Guest, House, Options, connection};
use futures_util::{SinkExt, StreamExt};
use serde_json::{Value, json};
use tokio::io::{DuplexStream, duplex};
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio::time::{Instant, timeout};
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::protocol::{Message as Frame, Role};

use crate::dice::Dice;
use crate::script;

const STAMPED: &Windags = &Windags { wire_extras: true };
/// 2026-11-20T10:00:00Z.
const BEGAN: Timestamp = Timestamp(1_795_168_800_000_000);
const MOMENT: Duration = Duration::from_millis(1);

struct Bench {
    house: House,
    kin: Kin,
    said: u64,
    came: u64,
    began: Instant,
    connections: JoinSet<Close>,
    _shard: JoinSet<Result<(), Fault>>,
    _engine: mpsc::Receiver<ToEngine>,
}

struct Client {
    socket: WebSocketStream<DuplexStream>,
    began: Instant,
}

impl Bench {
    /// `records` are retained.
    async fn start(records: usize) -> Self {
        let (shards, inbox) = shard::inbox(1_024);
        let began = Instant::now();
        let clock = Clock::new(move || BEGAN.after(began.elapsed()));
        let keep = Keep { records, ..Keep::default() };
        let options = Arc::new(Options { keep, ..Options::default() });
        let limits = Limits { history: records, ..Limits::default() };
        let relay = Relay::new(7, limits);
        let shard = Shard::new(relay, Memory, clock.clone(), options.clone());
        let house = House {
            shards,
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
        let (tell, engine) = mpsc::channel(1_024);
        let greeting = Message::Engine { link: LinkId(1), outbox: tell };
        assert!(house.shards.tell(greeting).await);
        let (kin, connections) = (Kin::default(), JoinSet::new());
        let (said, came) = (0, 0);
        let mut bench =
            Self { house, kin, said, came, began, connections, _shard: tasks, _engine: engine };
        bench.input("w/1@l1 greets").await;
        bench.says("node a running").await;
        bench
    }

    async fn input(&self, text: &str) {
        let message = Message::Input(script::input(BEGAN, text));
        assert!(self.house.shards.tell(message).await);
    }

    /// The engine's next event in `x1`. The relay's own first record is that the engine is there.
    async fn says(&mut self, event: &str) {
        self.said += 1;
        self.input(&format!("l1 says x1 {} {event}", self.said)).await;
    }

    async fn edges(&mut self, many: u64) {
        for _ in 0..many {
            self.says("edge a b").await;
        }
    }

    /// The newest record.
    async fn head(&self) -> u64 {
        let pass = Arc::new(Pass::local());
        let ask = |reply| Message::Snapshot { name: "x1".into(), pass, at: None, reply };
        self.house.shards.ask(ask).await.unwrap().unwrap().1.seq.0
    }

    async fn come(&mut self, query: &str, pipe: usize) -> Client {
        let (ours, theirs) = duplex(pipe);
        self.came += 1;
        let call = Call { query: query.into(), ..Call::to("x1") };
        let likeness = Likeness {
            dialect: "windags",
            path: Some("x1".into()),
            address: None,
            agent: "test".into(),
            origin: "".into(),
            token: None,
        };
        let (member, _) = self.kin.enter(likeness, false, Instant::now());
        let guest = Guest {
            viewer: ViewerId(self.came),
            dialect: STAMPED,
            conversation: STAMPED.converse(&call),
            pass: Some(Pass::local().into()),
            local: true,
            kin: Some(Box::new(member)),
            entry: Box::default(),
        };
        self.connections.spawn(connection::run(ours, guest, self.house.clone()));
        let socket = WebSocketStream::from_raw_socket(theirs, Role::Client, None).await;
        Client { socket, began: self.began }
    }
}

impl Client {
    async fn says(&mut self, message: Value) {
        self.socket.send(Frame::text(message.to_string())).await.unwrap();
    }

    /// `None`: that was the end, and no goodbye.
    async fn next(&mut self) -> Option<Value> {
        loop {
            match self.socket.next().await {
                Some(Ok(Frame::Text(text))) => return Some(serde_json::from_str(&text).unwrap()),
                Some(Ok(Frame::Ping(_) | Frame::Pong(_))) => (),
                Some(Ok(other)) => panic!("{other:?}"),
                Some(Err(_)) | None => return None,
            }
        }
    }

    /// All that comes at once: a record as its number, what is of a state as that of its moment.
    async fn hears(&mut self) -> Vec<(char, u64)> {
        let mut heard = vec![];
        while let Ok(Some(message)) = timeout(MOMENT, self.next()).await {
            heard.push(place(&message));
        }
        heard
    }

    /// What comes until then, each with the second in which it came; and whether there was an end.
    async fn listens(&mut self, until: u64) -> (Vec<(u64, Value)>, bool) {
        let mut heard = vec![];
        let until = self.began + Duration::from_secs(until);
        loop {
            match tokio::time::timeout_at(until, self.next()).await {
                Ok(Some(message)) => heard.push((self.began.elapsed().as_secs(), message)),
                Ok(None) => return (heard, true),
                Err(_) => return (heard, false),
            }
        }
    }
}

fn place(message: &Value) -> (char, u64) {
    match (message["seq"].as_u64(), message["as_of_seq"].as_u64()) {
        (Some(seq), None) => ('r', seq),
        (None, Some(seq)) => ('s', seq),
        other => panic!("{other:?} {message}"),
    }
}

fn records(seqs: impl IntoIterator<Item = u64>) -> Vec<(char, u64)> {
    seqs.into_iter().map(|seq| ('r', seq)).collect()
}

fn behind(seq: u64) -> Value {
    json!({ "type": "resync_request", "last_seq": seq })
}

#[tokio::test(start_paused = true)]
async fn it_is_sent_what_it_has_missed_and_then_the_state() {
    let mut bench = Bench::start(1_000).await;
    bench.edges(8).await;
    let head = bench.head().await;
    let mut client = bench.come("", 1 << 20).await;
    let state = ('s', head);
    assert_eq!(client.hears().await, [state], "on opening it asks for nothing");
    client.says(behind(head - 3)).await;
    let missed = records(head - 2..=head);
    assert_eq!(client.hears().await, [missed, vec![state]].concat());
    // It has these now: there is only the state. Before them there is more.
    client.says(behind(head - 3)).await;
    assert_eq!(client.hears().await, [state]);
    client.says(behind(head - 5)).await;
    assert_eq!(client.hears().await, [('r', head - 4), ('r', head - 3), state]);
    bench.edges(1).await;
    assert_eq!(client.hears().await, records([head + 1]), "and it goes on");
    client.says(behind(head - 5)).await;
    assert_eq!(client.hears().await, [('s', head + 1)]);
    // Who says no more than that it wants to know is shown the state.
    client.says(json!({ "type": "resync_request" })).await;
    assert_eq!(client.hears().await, [('s', head + 1)]);
}

#[tokio::test(start_paused = true)]
async fn who_asks_at_once_is_sent_the_state_once() {
    let mut bench = Bench::start(1_000).await;
    bench.edges(8).await;
    let head = bench.head().await;
    for ask in [
        behind(head - 3),
        json!({ "type": "resync_request", "last_seq": head - 3, "last_seen": 1 }),
    ] {
        let mut client = bench.come("", 1 << 20).await;
        client.says(ask).await;
        let missed = records(head - 2..=head);
        assert_eq!(client.hears().await, [missed, vec![('s', head)]].concat());
    }
}

#[tokio::test(start_paused = true)]
async fn it_may_say_when_it_was_there_last() {
    let mut bench = Bench::start(1_000).await;
    bench.edges(1).await;
    tokio::time::advance(Duration::from_micros(40_000_700)).await;
    bench.edges(2).await;
    bench.head().await;
    tokio::time::advance(Duration::from_secs(45)).await;
    bench.edges(3).await;
    let head = bench.head().await;
    // By the time of the message that it has seen last, in every way to say it.
    let millis = BEGAN.0 / 1_000 + 40_000;
    let missed = [records(head - 2..=head), vec![('s', head)]].concat();
    for last_seen in [json!(millis), json!(millis as f64 / 1e3), json!("2026-11-20T10:00:40.000Z")]
    {
        let mut client = bench.come("", 1 << 20).await;
        assert_eq!(client.hears().await, [('s', head)]);
        client.says(json!({ "type": "resync_request", "last_seen": last_seen })).await;
        assert_eq!(client.hears().await, missed, "{last_seen}");
    }
    // What it can't mean is answered, and it goes on.
    let mut client = bench.come("", 1 << 20).await;
    client.hears().await;
    client.says(json!({ "type": "resync_request", "last_seen": "lately" })).await;
    let answer = client.next().await.unwrap();
    assert_eq!(answer["type"], "error");
    assert!(answer.get("seq").is_none() && answer.get("as_of_seq").is_none());
    client.says(behind(head - 1)).await;
    assert_eq!(client.hears().await, [('r', head), ('s', head)]);
}

/// What another window of the same browser has missed is not this one's affair.
#[tokio::test(start_paused = true)]
async fn a_lost_connection_of_another_window_changes_nothing() {
    let mut bench = Bench::start(1_000).await;
    let lost = bench.come("", 1 << 20).await;
    bench.edges(2).await;
    bench.head().await;
    tokio::time::advance(Duration::from_secs(1)).await;
    drop(lost);
    assert_eq!(bench.connections.join_next().await.unwrap().unwrap(), Close::Lost);
    bench.edges(2).await;
    let head = bench.head().await;
    tokio::time::advance(Duration::from_secs(1)).await;
    bench.edges(1).await;
    let mut client = bench.come("", 1 << 20).await;
    client.hears().await;
    let millis = BEGAN.0 / 1_000 + 1_500;
    client.says(json!({ "type": "resync_request", "last_seen": millis })).await;
    assert_eq!(client.hears().await, [('r', head + 1), ('s', head + 1)]);
}

#[tokio::test(start_paused = true)]
async fn where_it_is_not_sure_that_nothing_is_missing_there_is_only_the_state() {
    let mut bench = Bench::start(10).await;
    tokio::time::advance(Duration::from_secs(10)).await;
    bench.edges(30).await;
    let head = bench.head().await;
    let began = BEGAN.0 / 1_000;
    for ask in [
        behind(head - 11),
        behind(0),
        behind(head + 5),
        // There are records since then, but nobody knows whether those are all.
        json!({ "type": "resync_request", "last_seen": began + 9_000 }),
        json!({ "type": "resync_request", "last_seen": "1970-01-01T00:00:00Z" }),
        json!({ "type": "resync_request", "last_seen": began + 86_400_000 }),
    ] {
        let mut client = bench.come("", 1 << 20).await;
        assert_eq!(client.hears().await, [('s', head)]);
        client.says(ask.clone()).await;
        assert_eq!(client.hears().await, [('s', head)], "{ask}");
    }
    let mut client = bench.come("", 1 << 20).await;
    client.hears().await;
    client.says(behind(head - 10)).await;
    assert_eq!(client.hears().await, [records(head - 9..=head), vec![('s', head)]].concat());
}

#[tokio::test(start_paused = true)]
async fn who_waits_for_an_execution_may_ask_for_it_already() {
    let mut bench = Bench::start(1_000).await;
    let mut client = bench.come("", 1 << 20).await;
    client.hears().await;
    let call = Call::to("x9");
    let (ours, theirs) = duplex(1 << 20);
    let guest = Guest {
        viewer: ViewerId(99),
        dialect: STAMPED,
        conversation: STAMPED.converse(&call),
        pass: Some(Pass::local().into()),
        local: true,
        kin: None,
        entry: Box::default(),
    };
    bench.connections.spawn(connection::run(ours, guest, bench.house.clone()));
    let socket = WebSocketStream::from_raw_socket(theirs, Role::Client, None).await;
    let mut early = Client { socket, began: bench.began };
    assert_eq!(early.next().await.unwrap()["message"], "Unknown DAG x9");
    early.says(behind(0)).await;
    early.says(json!({ "type": "heartbeat" })).await;
    assert_eq!(early.next().await.unwrap(), json!({ "type": "heartbeat" }));
    bench.input("l1 says x9 1 node a running").await;
    bench.input("l1 says x9 2 edge a b").await;
    // Everything, as of who was there from the first: and the state, as it has asked for it.
    let mut seen = BTreeSet::new();
    let heard = early.hears().await;
    for (kind, seq) in &heard {
        assert!(*kind == 's' || seen.insert(*seq), "{heard:?}");
    }
    assert_eq!(seen.len(), 2, "{heard:?}");
}

/// However it asks, and however slowly it takes what it is sent.
#[tokio::test(start_paused = true)]
async fn c2_however_often_it_asks_it_is_sent_no_record_twice() {
    for seed in 1..=150 {
        let mut dice = Dice::seeded(seed);
        let mut bench = Bench::start(1_000).await;
        bench.edges(40).await;
        let mut head = bench.head().await;
        let pipe = 128 + usize::try_from(dice.below(4_000)).unwrap();
        let mut client = bench.come("", pipe).await;
        let (mut seen, mut order, mut lowest, mut asked) = (BTreeSet::new(), vec![], head, 0);
        let mut take = |message: Value| match place(&message) {
            ('r', seq) => {
                assert!(seen.insert(seq), "SEED={seed}: {seq} twice");
                order.push(seq);
            }
            (_, state) => assert!(order.iter().all(|seq| *seq <= state), "SEED={seed}"),
        };
        for _ in 0..60 {
            match dice.below(5) {
                0 => {
                    bench.edges(dice.below(5)).await;
                    head = bench.head().await;
                }
                1 => {
                    let from = dice.below(head);
                    lowest = lowest.min(from);
                    asked += 1;
                    client.says(behind(from)).await;
                }
                _ => {
                    for _ in 0..dice.below(8) {
                        let Ok(next) = timeout(MOMENT, client.next()).await else { break };
                        take(next.unwrap());
                    }
                }
            }
        }
        lowest = lowest.min(5);
        client.says(behind(5)).await;
        let mut last = None;
        while let Ok(next) = timeout(Duration::from_secs(1), client.next()).await {
            let next = next.unwrap();
            last = Some(place(&next));
            take(next);
        }
        assert_eq!(last, Some(('s', head)), "SEED={seed}: the state comes last");
        let all: BTreeSet<u64> = (lowest + 1..=head).filter(|it| *it > 1).collect();
        let missing: Vec<_> = all.difference(&seen).collect();
        assert!(missing.is_empty(), "SEED={seed}: {missing:?} were never sent");
        let steps_back = order.windows(2).filter(|it| it[1] < it[0]).count();
        assert!(steps_back <= asked + 1, "SEED={seed}: {order:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn what_is_not_acknowledged_is_sent_five_times_and_then_the_connection_ends() {
    let mut bench = Bench::start(1_000).await;
    let mut deaf = bench.come("acks=1", 1 << 20).await;
    let mut hears = bench.come("acks=1", 1 << 20).await;
    let mut plain = bench.come("", 1 << 20).await;
    for client in [&mut deaf, &mut hears, &mut plain] {
        assert_eq!(client.hears().await.len(), 1);
    }
    bench.says("gate g 1 at a").await;
    let gates = |heard: &[(u64, Value)]| -> Vec<u64> {
        let gates = heard.iter().filter(|it| it.1["type"] == "human_gate_waiting");
        gates.map(|it| it.0).collect()
    };
    let acknowledged = async {
        let (mut heard, over) = hears.listens(3).await;
        assert!(!over);
        let id = heard.last().unwrap().1["event_id"].clone();
        hears.says(json!({ "type": "ack", "event_id": id })).await;
        let (more, over) = hears.listens(60).await;
        assert!(!over, "it stays");
        heard.extend(more);
        heard
    };
    let (deaf, hears, plain) = tokio::join!(deaf.listens(60), acknowledged, plain.listens(60));
    assert_eq!(gates(&deaf.0), [0, 2, 6, 14, 22]);
    let first = deaf.0.iter().find(|it| it.1["type"] == "human_gate_waiting").unwrap();
    assert!(deaf.0.iter().filter(|it| it.0 > 0).all(|it| it.1 == first.1), "the very same");
    assert!(deaf.1, "and then comes no goodbye, only the end");
    assert_eq!(bench.connections.join_next().await.unwrap().unwrap(), Close::Unheard);
    assert_eq!(gates(&hears), [0, 2]);
    assert_eq!((gates(&plain.0), plain.1), (vec![0], false));

    // It finds its gate in the state, and is not sent away once more for what it has seen there.
    let mut again = bench.come("acks=1", 1 << 20).await;
    let (heard, over) = again.listens(180).await;
    assert_eq!((gates(&heard).len(), over), (1, false));
}
