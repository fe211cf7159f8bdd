//! A relay whose reading of engines can be made to stall, for tests of engines' clients: the real
//! door for engines and the real shard, on a free port of loopback, and nothing else. It must never
//! be run for anything but such a test.
//!
//! It prints `engines 127.0.0.1:<port>`, and then does what its input says until that ends: a line
//! with a number has it read nothing from any engine for so many milliseconds, between a line `held`
//! and a line `released`. With `--default-windows` it speaks HTTP/2 with hyper's own windows rather
//! than with the relay's, to see what these are good for.

use std::io::{self, Write};
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use anyhow::Context;
use footplate::core::{self, Relay};
use footplate::engine;
use footplate::http::caps::{self, Caps};
use footplate::http::listen::{Door, Options, Speaks};
use footplate::model::Durability;
use footplate::seams::{Address, Machine, Network, Seams};
use footplate::shard::{self, Shard};
use footplate::store::Memory;
use footplate::tasks::Tasks;
use footplate::telemetry::{Metrics, logs};
use http::Request;
use hyper::body::Incoming;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;
use tonic::body::Body;
use tower::{ServiceExt, util::BoxCloneSyncService};

/// Messages that may wait for the shard.
const INBOX: usize = 1_024;

fn main() -> anyhow::Result<()> {
    logs::init("warn", logs::Format::Text);
    let default_windows = match std::env::args().nth(1).as_deref() {
        None => false,
        Some("--default-windows") => true,
        Some(other) => anyhow::bail!("{other}: the only argument is --default-windows"),
    };
    let runtime = tokio::runtime::Runtime::new()?;
    let tasks = Tasks::new();
    let hold = runtime.block_on(open(&tasks, default_windows))?;
    for line in io::stdin().lines() {
        let line = line?;
        let time = line.trim().parse().with_context(|| format!("{line:?}: no milliseconds"))?;
        hold.send_replace(true);
        say("held")?;
        thread::sleep(Duration::from_millis(time));
        hold.send_replace(false);
        say("released")?;
    }
    // Nobody needs it any more.
    tasks.end();
    Ok(())
}

/// Opens the door. While what it returns says `true`, nothing is read from any engine.
async fn open(tasks: &Tasks, default_windows: bool) -> anyhow::Result<watch::Sender<bool>> {
    let (seams, metrics) = (Seams::machine(), Arc::new(Metrics::new()));
    let boot = seams.chance.number();
    let (shards, inbox) = shard::inbox(INBOX);
    let relay = Relay::new(boot, core::Limits::default());
    let shard = Shard::new(relay, Memory, seams.clock.clone(), Arc::default());
    tasks.spawn("shard", async move { shard.run(inbox).await.unwrap_or_default() });

    let (hold, held) = watch::channel(false);
    let service = engine::Door::new(engine::Setup {
        verifier: std::sync::Arc::new(footplate::auth::verifier::Loopback),
        shards,
        clock: seams.clock,
        boot,
        durability: Durability::Memory,
        limits: engine::Limits::default(),
        metrics: Arc::clone(&metrics),
        tasks: tasks.tracker().clone(),
        drain: tasks.draining().clone(),
        hold: Some(held),
    });
    let routes = engine::routes(&service).await;
    let site = routes.map_request(|request: Request<Incoming>| request.map(Body::new));
    let door = Door {
        name: "engine",
        speaks: Speaks::Grpc,
        http2: if default_windows {
            |_| ()
        } else {
            |http| {
                engine::h2(http);
            }
        },
        tls: None,
        site: BoxCloneSyncService::new(site),
        introduce: Arc::new(|_, _| ()),
        options: Options::default(),
        caps: Caps::new(caps::Limits::default()),
        closing: CancellationToken::new(),
        tasks: tasks.clone(),
        metrics,
    };
    let any = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 0);
    let port = Machine.listen(&Address::Tcp(any)).await?;
    say(&format!("engines {}", port.address()))?;
    tasks.spawn("port", door.open(port));

    Ok(hold)
}

fn say(line: &str) -> io::Result<()> {
    let mut out = io::stdout().lock();
    writeln!(out, "{line}")?;
    out.flush()
}
