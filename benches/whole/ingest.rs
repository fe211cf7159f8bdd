//! What an event costs that comes in: gRPC, the core, the acknowledgement, and with a viewer also
//! that it is rendered and sent. Beside it, what is left of that without a relay.

use std::time::Duration;

use bytes::Bytes;
use tokio::time::sleep;

use crate::Scope;
use crate::audience::Audience;
use crate::engine::Engine;
use crate::events::{Make, log, node};
use crate::machine::Server;
use crate::report::{Spread, heading};

type Kind = (&'static str, Make);
const KINDS: [Kind; 2] = [("log line", log), ("node", node)];
const BLOCKS: usize = 3;
/// Events in a message, and how many of them make a block.
const BATCHES: [(usize, usize); 3] = [(256, 150_000), (32, 150_000), (1, 30_000)];
/// Of opaque JSON in an event.
const JSON: usize = 200;

struct Row {
    kind: Kind,
    batch: usize,
    events: usize,
    viewers: usize,
    cost: Spread,
    floor: Spread,
    ratio: Spread,
    shown: Spread,
}

pub(crate) async fn measure(scope: Scope) -> anyhow::Result<()> {
    heading(
        "Events in, over gRPC",
        "events for each second of processor time of the relay, the time for one, and how much more \
         that is than reading and acknowledging it; the median of the blocks (least..most)",
    );
    let relay = Server::start("relay", false)?;
    let sink = Server::start("sink", false)?;
    let mut rows = Vec::new();
    for kind in KINDS {
        for (batch, events) in BATCHES {
            for viewers in [0, 1] {
                let (cost, floor, ratio, shown) = Default::default();
                let events = scope.much(events / batch) * batch;
                rows.push(Row { kind, batch, events, viewers, cost, floor, ratio, shown });
            }
        }
    }
    // One that doesn't count, for what is done once.
    run(&relay, "warm-up", KINDS[0].1, 32, 20_000, 1).await?;
    run(&sink, "warm-up", KINDS[0].1, 32, 20_000, 0).await?;
    for block in 0..scope.much(BLOCKS) {
        for (at, row) in rows.iter_mut().enumerate() {
            if scope.is_over() {
                continue;
            }
            let name = format!("run-{block}-{at}");
            let Row { kind: (_, event), batch, events, viewers, .. } = *row;
            let (floor, _) = run(&sink, &name, event, batch, events, 0).await?;
            let (took, shown) = run(&relay, &name, event, batch, events, viewers).await?;
            row.floor.add(floor.as_nanos() as f64 / events as f64);
            row.cost.add(took.as_nanos() as f64 / events as f64);
            row.ratio.add(took.as_secs_f64() / floor.as_secs_f64());
            row.shown.add(shown as f64 / events as f64);
        }
    }
    println!(
        "  {:10}{:>7}{:>9}{:>14}   {:<26}{:<26}relay : gRPC alone",
        "event", "batch", "viewers", "events/cpu-s", "relay, ns each", "gRPC alone, ns each"
    );
    for Row { kind: (kind, _), batch, viewers, cost, floor, ratio, shown, .. } in rows {
        if cost.is_empty() {
            println!("  for more there was no time");
            break;
        }
        let second = 1e9 / cost.median();
        let came = match viewers {
            0 => String::new(),
            // Records of nodes are no log lines, and not counted.
            _ if kind == "node" => String::new(),
            _ => format!("the viewer was sent {:.0} % of them", 100.0 * shown.median()),
        };
        println!(
            "  {kind:10}{batch:7}{viewers:9}{second:14.0}   {cost:<26.0}{floor:<26.0}{ratio:<20.1}{came}"
        );
    }
    println!();
    Ok(())
}

/// Says so many events. The processor time that it cost the relay, and how many a viewer was sent.
async fn run(
    server: &Server,
    execution: &str,
    event: Make,
    batch: usize,
    events: usize,
    viewers: usize,
) -> anyhow::Result<(Duration, u64)> {
    let mut engine = Engine::attach(server.feed, execution).await?;
    let audience = Audience::gather(server, viewers, Some(execution)).await?;
    // What it costs to make them is not the relay's affair, but would keep it waiting.
    let made: Vec<Bytes> = (0..256).map(|n| event(n, JSON)).collect();
    let mut made = made.iter().cycle().cloned();
    settled(server).await?;
    let before = server.cpu()?;
    for _ in 0..events / batch {
        engine.publish(made.by_ref().take(batch).collect()).await?;
    }
    engine.acknowledged().await?;
    let after = settled(server).await?;
    Ok((after.saturating_sub(before), audience.records()))
}

/// Waits until the relay has nothing more to do. What it has done in all.
async fn settled(server: &Server) -> anyhow::Result<Duration> {
    let mut before = server.cpu()?;
    loop {
        sleep(Duration::from_millis(10)).await;
        let now = server.cpu()?;
        if now.saturating_sub(before) < Duration::from_micros(500) {
            return Ok(now);
        }
        before = now;
    }
}
