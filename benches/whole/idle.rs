//! What a viewer takes of memory that watches something over and done with.

use std::time::Duration;

use tokio::time::sleep;

use crate::Scope;
use crate::audience::Audience;
use crate::engine::{self, Engine};
use crate::events;
use crate::machine::{self, Server};
use crate::report::heading;

const VIEWERS: usize = 2_000;
/// Viewers that come first, so that what is there once for all is there.
const BEFORE: usize = 100;
const NODES: usize = 20;

pub(crate) async fn measure(scope: Scope) -> anyhow::Result<()> {
    let viewers = scope.much(VIEWERS).min(machine::descriptors()?.saturating_sub(BEFORE + 100));
    heading(
        &format!("Memory of a viewer that only waits, {viewers} of them"),
        &format!("what the relay's resident memory grows by, with {BEFORE} there before"),
    );
    for tls in [false, true] {
        let server = Server::start("relay", tls)?;
        let mut engine = Engine::attach(server.feed, "run-1").await?;
        let mut events: Vec<_> = (0..NODES).map(|n| events::node(n, 200)).collect();
        events.push(engine::finished());
        engine.publish(events).await?;
        engine.acknowledged().await?;
        let _first = Audience::gather(&server, BEFORE, Some("run-1")).await?;
        let before = rest(&server).await?;
        let audience = Audience::gather(&server, viewers, Some("run-1")).await?;
        let after = rest(&server).await?;
        drop(audience);
        let left = rest(&server).await?;
        let mib = |bytes: f64| bytes / (1 << 20) as f64;
        println!(
            "  {:5} {:6.0} B each; {:.1} MiB before, {:.1} with them, {:.1} once they have gone",
            if tls { "TLS" } else { "plain" },
            (after - before) / viewers as f64,
            mib(before),
            mib(after),
            mib(left),
        );
    }
    println!();
    Ok(())
}

/// The relay's memory once it has told everybody that this is all, which it does after a second.
async fn rest(server: &Server) -> anyhow::Result<f64> {
    sleep(Duration::from_millis(1_500)).await;
    server.resident()
}
