//! An echo behind the viewers' door, for suites that other people have written to judge WebSockets by. It
//! is no part of the program that ships, and adds nothing to it: it puts together the door, the
//! handshake and the connection that are in there, with a dialect that says what it hears.
//!
//! Two ways lead to it, plain and over TLS:
//!
//! - `/v1/stream`: all of it is the relay's own: accepting, TLS, caps, handshake, the connection's
//!   reading, limits, control frames, goodbyes and writing. As that door does, it takes text alone.
//! - `/api/dags/echo/stream`: the same up to the end of the handshake, then tungstenite as the relay sets
//!   it up, which takes bytes as well.
//!
//! `cargo test --test conformance`. It is no test by itself: scripts/autobahn.sh asks it. It says where it
//! listens, and ends when its standard input does.
#![expect(clippy::print_stdout, reason = "it is a program for the terminal")]
#![allow(clippy::wildcard_enum_match_arm, reason = "a test looks at what it is about")]
#![expect(clippy::unwrap_used, reason = "it may panic, and is seen to")]

mod echo;

use std::collections::BTreeMap;
use std::io::Read;
use std::sync::{Arc, atomic::AtomicU64};
use std::time::Duration;

use footplate::auth::verifier::Loopback;
use footplate::dialect::Dialects;
use footplate::http::caller::Allowed;
use footplate::http::caps::{self, Caps};
use footplate::http::health::Ready;
use footplate::http::listen::{self, Door, Speaks};
use footplate::http::routes::{Site, Welcome};
use footplate::model::Durability;
use footplate::seams::{Address, Clock, Machine, Network};
use footplate::shard::{self, Inbox, Message, Shards};
use footplate::tasks::Tasks;
use footplate::telemetry::Metrics;
use footplate::tls::{Served, self_signed};
use footplate::viewer::crowd::Crowd;
use footplate::viewer::kin::Kin;
use footplate::viewer::{Departure, House, Options, Rate, Rates, connection};
use futures_util::{SinkExt, StreamExt};
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::protocol::{Role, WebSocketConfig};
use tokio_util::sync::CancellationToken;

/// The largest message of the suites.
const LARGEST: usize = 16 << 20;

fn main() {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let (shards, inbox) = shard::inbox(64);
        let tasks = Tasks::new();
        tasks.spawn("shard", keep(inbox));
        let plain = open(&shards, &tasks, None).await;
        let tls = open(&shards, &tasks, Some(self_signed().unwrap().certificate)).await;
        println!("{{\"plain\":\"{plain}\",\"tls\":\"{tls}\"}}");
        tokio::task::spawn_blocking(|| std::io::stdin().read_to_end(&mut vec![]))
            .await
            .unwrap()
            .unwrap();
        tasks.end();
    });
}

/// Nobody executes anything here; but who comes is not let go of before it leaves.
async fn keep(mut inbox: Inbox) {
    let mut there = BTreeMap::new();
    while let Some(message) = inbox.recv().await {
        match message {
            Message::Viewer { viewer, answers, .. } => drop(there.insert(viewer, answers)),
            Message::Left { viewer } => drop(there.remove(&viewer)),
            _ => {}
        }
    }
}

/// A door on a port of its own; where that is.
async fn open(shards: &Shards, tasks: &Tasks, tls: Option<Served>) -> Address {
    let any = Address::Tcp("127.0.0.1:0".parse().unwrap());
    let port = Machine.listen(&any).await.unwrap();
    let metrics = Arc::new(Metrics::new());
    let site = Arc::new(Site {
        shards: shards.clone(),
        dialects: Dialects { native: &echo::Echo, ..Dialects::default() },
        kin: Kin::default(),
        verifier: Arc::new(Loopback),
        cookie: false,
        crowd: Crowd::unbounded(),
        clock: Clock::system(),
        welcome: welcome(shards),
        assets: None,
        allowed: Allowed::default(),
        ready: Ready::default(),
        metrics: Arc::clone(&metrics),
        tasks: tasks.clone(),
        viewers: AtomicU64::new(0),
    });
    let door = Door {
        name: "viewer",
        speaks: Speaks::Web,
        http2: listen::web,
        tls: tls.map(|it| {
            let config = it.for_viewers();
            Arc::new(move || Arc::clone(&config)) as listen::Tls
        }),
        site: site.service(),
        introduce: Arc::new(|connection, extensions| {
            drop(extensions.insert(connection.clone()));
        }),
        options: listen::Options::default(),
        caps: Caps::new(caps::Limits::default()),
        closing: CancellationToken::new(),
        tasks: tasks.clone(),
        metrics,
    };
    let address = port.address().clone();
    tasks.spawn("port", door.open(port));
    address
}

/// What becomes of a connection: the relay's own, or a bare one.
fn welcome(shards: &Shards) -> Welcome {
    let ever = Rate { every: Duration::from_nanos(1), burst: u32::MAX };
    let native = Rates { messages: ever, pings: ever, decisions: ever, subscribes: ever };
    let options = Arc::new(Options { max_message: LARGEST, native, ..Options::default() });
    let house = House {
        shards: shards.clone(),
        clock: Clock::system(),
        boot: 1,
        durability: Durability::Memory,
        verifier: Arc::new(Loopback),
        options,
        crowd: Crowd::unbounded(),
        departure: Departure::default(),
    };
    Arc::new(move |io, guest| {
        let house = house.clone();
        Box::pin(async move {
            if guest.dialect.name() == echo::NAME {
                connection::run(io, guest, house).await;
                return;
            }
            let config = WebSocketConfig::default()
                .read_buffer_size(512)
                .write_buffer_size(0)
                .max_message_size(Some(LARGEST))
                .max_frame_size(Some(LARGEST));
            let mut socket = WebSocketStream::from_raw_socket(io, Role::Server, Some(config)).await;
            while let Some(Ok(message)) = socket.next().await {
                let data = message.is_text() || message.is_binary();
                if data && socket.send(message).await.is_err() {
                    break;
                }
            }
        })
    })
}
