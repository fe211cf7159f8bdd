//! What it costs to keep what happens, and how long a relay takes to start that has kept much. By the
//! clock on the wall, since a disk is waited for; so both sides run in turns, and beside them stands
//! how long the disk takes for one write.

use std::fs::File;
use std::io::Write;
use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::Context;
use bytes::Bytes;
use tempfile::TempDir;

use crate::Scope;
use crate::engine::Engine;
use crate::events::log;
use crate::machine::Server;
use crate::report::{Spread, heading};

const BLOCKS: usize = 3;
/// Events in a message, and how many of them make a block.
const BATCHES: [(usize, usize); 3] = [(256, 100_000), (32, 100_000), (1, 10_000)];
/// Of opaque JSON in an event.
const JSON: usize = 100;
/// Executions that share what is stored before a start.
const EXECUTIONS: usize = 100;
const STORED: usize = 1_000_000;

pub(crate) async fn measure(scope: Scope) -> anyhow::Result<()> {
    heading(
        "Kept on disk",
        "events acknowledged for each second on the wall, in memory and with a store, in turns; the \
         median of the blocks (least..most)",
    );
    // Beside the program itself: on the disk that it is built on, not in a file system in memory.
    let beside = std::env::current_exe()?;
    let scratch = TempDir::new_in(beside.parent().context("the program is in a directory")?)?;
    println!("  one write of 32 KiB with its sync: {:.2} ms", synced(scratch.path())?);
    let memory = Server::start("relay", false)?;
    let store = scratch.path().join("ingest");
    let kept = Server::start_with("relay", false, Some(&store))?;
    println!("  {:>5}   {:<30}{:<30}memory : kept", "batch", "memory", "kept");
    for (batch, events) in BATCHES {
        let (mut fast, mut slow, mut ratio) =
            (Spread::default(), Spread::default(), Spread::default());
        let events = scope.much(events / batch) * batch;
        for block in 0..scope.much(BLOCKS) {
            let name = format!("run-{block}-{batch}");
            let rate = |took: Duration| events as f64 / took.as_secs_f64();
            let in_memory = rate(run(&memory, &name, batch, events).await?);
            let on_disk = rate(run(&kept, &name, batch, events).await?);
            fast.add(in_memory);
            slow.add(on_disk);
            ratio.add(in_memory / on_disk);
        }
        println!("  {batch:>5}   {fast:<30.0}{slow:<30.0}{ratio:.2}");
    }
    drop((memory, kept));
    start(scope, &scratch.path().join("start")).await
}

/// Fills a store, kills its relay, and starts another.
async fn start(scope: Scope, store: &Path) -> anyhow::Result<()> {
    let relay = Server::start_with("relay", false, Some(store))?;
    let each = scope.much(STORED / EXECUTIONS);
    for execution in 0..EXECUTIONS {
        run(&relay, &format!("run-{execution}"), 200, each).await?;
    }
    drop(relay);
    let stored = each * EXECUTIONS;
    let size = store.join("footplate.redb").metadata()?.len() >> 20;
    let mut took = Spread::default();
    for _ in 0..3 {
        let begun = Instant::now();
        // Its end is a kill: it has no time to put anything in order.
        drop(Server::start_with("relay", false, Some(store))?);
        took.add(begun.elapsed().as_secs_f64());
    }
    println!(
        "  killed and started again with {stored} events in {size} MiB: ready after {took:.2} s\n"
    );
    Ok(())
}

async fn run(
    server: &Server,
    execution: &str,
    batch: usize,
    events: usize,
) -> anyhow::Result<Duration> {
    let mut engine = Engine::attach(server.feed, execution).await?;
    let made: Vec<Bytes> = (0..256).map(|n| log(n, JSON)).collect();
    let mut made = made.iter().cycle().cloned();
    let begun = Instant::now();
    for _ in 0..events / batch {
        engine.publish(made.by_ref().take(batch).collect()).await?;
    }
    engine.acknowledged().await?;
    Ok(begun.elapsed())
}

/// What the disk takes for one write, in milliseconds.
pub(crate) fn synced(directory: &Path) -> anyhow::Result<Spread> {
    let mut file = File::create(directory.join("probe"))?;
    let mut took = Spread::default();
    for _ in 0..100 {
        let begun = Instant::now();
        file.write_all(&[7; 32 << 10])?;
        file.sync_data()?;
        took.add(begun.elapsed().as_secs_f64() * 1e3);
    }
    Ok(took)
}
