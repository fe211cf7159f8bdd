//! The hook of seed 003 after a connection of its was lost: it opens another one every two seconds, asks
//! on each for what it has missed, closes none of them, and hands what comes on any of them to one
//! function. That function has to be given each event once.

use std::collections::BTreeMap;
use std::time::{SystemTime, UNIX_EPOCH};

use footplate::engine::pb::{self, event::Kind};
use futures_util::stream::SplitSink;
use futures_util::{SinkExt, StreamExt};
use serde_json::{Value, json};
use tokio::net::TcpStream;
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio::time::timeout;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::Message;

use crate::whole::{Engine, LONG, Relay, event};

/// As many as its page opens in 50 s, each as soon as the one before has been told everything.
const CONNECTIONS: usize = 25;
/// Events between two of them.
const BURST: u64 = 3;

/// What the function is given: which socket, and what came.
type Call = (usize, Value);

/// A page.
struct Hook {
    port: u16,
    sockets: Vec<SplitSink<WebSocketStream<TcpStream>, Message>>,
    readers: JoinSet<()>,
    callback: (mpsc::Sender<Call>, mpsc::Receiver<Call>),
    /// What the function was given: events, and how often each.
    given: BTreeMap<String, u32>,
    /// When it was given something last, in milliseconds: it has no other idea of a place.
    last: u64,
}

impl Hook {
    fn of(relay: &Relay) -> Self {
        Self {
            port: Relay::port(&relay.app.viewers_at),
            sockets: vec![],
            readers: JoinSet::new(),
            callback: mpsc::channel(1_024),
            given: BTreeMap::new(),
            last: 0,
        }
    }

    async fn opens(&mut self) {
        let stream = TcpStream::connect(("127.0.0.1", self.port)).await.unwrap();
        let url = format!("ws://localhost:{}/ws/run-1", self.port);
        let (socket, _) = tokio_tungstenite::client_async(url, stream).await.unwrap();
        let (mut write, mut read) = socket.split();
        if 0 < self.last {
            let ask = json!({ "type": "request_state", "since": self.last });
            write.send(Message::text(ask.to_string())).await.unwrap();
        }
        let (number, callback) = (self.sockets.len(), self.callback.0.clone());
        self.sockets.push(write);
        self.readers.spawn(async move {
            while let Some(Ok(message)) = read.next().await {
                if let Message::Text(text) = message {
                    let message = serde_json::from_str(&text).unwrap();
                    callback.send((number, message)).await.unwrap();
                }
            }
        });
    }

    /// The next message of any connection.
    async fn hears(&mut self) -> (usize, Value) {
        let (socket, message) = timeout(LONG, self.callback.1.recv()).await.unwrap().unwrap();
        if let Some(id) = message["event_id"].as_str() {
            *self.given.entry(id.to_owned()).or_default() += 1;
        }
        if message["event_type"] != "pong" {
            let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
            self.last = u64::try_from(since.as_millis()).unwrap();
        }
        (socket, message)
    }

    /// Until the cost of this has come, on whichever connection.
    async fn hears_of(&mut self, tokens: u64) {
        while self.hears().await.1["data"]["tokens"] != tokens {}
    }
}

fn cost(tokens: u64) -> Vec<u8> {
    event(Kind::CostIncurred(pb::CostIncurred {
        increment_usd_nanos: Some(1_000),
        total_tokens: Some(i64::try_from(tokens).unwrap()),
        ..Default::default()
    }))
}

async fn publishes(engine: &mut Engine, from: u64) -> u64 {
    let costs = (from..from + BURST).map(cost).collect();
    engine.says("run-1", from, costs).await;
    engine.result().await;
    from + BURST
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_that_leaves_its_connections_behind_is_given_each_event_once() {
    let relay = Relay::start().await;
    let mut engine = relay.engine("mars", 1).await.welcome().await;
    let mut next = publishes(&mut engine, 1).await;
    let mut hook = Hook::of(&relay);
    hook.opens().await;
    hook.hears_of(next - 1).await;
    // The network.
    hook.readers.shutdown().await;
    hook.sockets.clear();
    next = publishes(&mut engine, next).await;
    for _ in 0..CONNECTIONS {
        hook.opens().await;
        hook.hears_of(next - 1).await;
        next = publishes(&mut engine, next).await;
        hook.hears_of(next - 1).await;
        // While it waits for two seconds, and while it opens the next.
        next = publishes(&mut engine, next).await;
    }
    hook.opens().await;
    hook.hears_of(next - 1).await;
    // They are all still there, and what was to be told on them has been told.
    let mut silent: Vec<usize> = (0..hook.sockets.len()).collect();
    for socket in 0..hook.sockets.len() {
        let ping = Message::text(r#"{"type":"ping"}"#);
        hook.sockets[socket].send(ping).await.unwrap();
        while silent.contains(&socket) {
            let (from, message) = hook.hears().await;
            if message["event_type"] == "pong" {
                silent.retain(|it| *it != from);
            }
            // It lives again: it is no longer one that was left behind, and is told what it missed.
            if from == socket && message["event_type"] == "pong" {
                break;
            }
        }
        if socket == 0 {
            let often: Vec<_> = hook.given.iter().filter(|it| *it.1 != 1).collect();
            assert!(often.is_empty(), "not once: {often:?}");
            assert_eq!(hook.given.len() as u64, next - 1, "and none is missing");
        }
    }
    relay.end().await;
}
