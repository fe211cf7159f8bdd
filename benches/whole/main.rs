//! The relay as a whole: `cargo bench --bench whole`, or with `-- fanout` one part of it (`ingest`,
//! `fanout`, `idle`, `connect`, `durable`, `decide`). With `brief` before them it only shows that they still run,
//! and is short enough for a profiler.
//!
//! It counts the processor time of the process that is measured, which a busy machine changes far
//! less than the time on the wall, and compares only what ran in turns: A, B, A, B. So the relay and
//! what it is compared with are processes of their own on processor 0, and what drives them runs on
//! processor 1. Everything stays on this machine, and all of it takes less than four minutes.
#![expect(clippy::print_stdout, reason = "it is a report")]

mod audience;
mod connect;
mod decide;
mod durable;
mod engine;
#[path = "../events/mod.rs"]
mod events;
mod fanout;
mod idle;
mod ingest;
mod machine;
mod report;
mod servers;
mod tokens;

use std::time::{Duration, Instant};

use anyhow::{Context, bail};
use tokio::task::LocalSet;

/// No part begins another block after this long.
const LONGEST: Duration = Duration::from_secs(75);

const PARTS: [&str; 6] = ["ingest", "fanout", "idle", "connect", "durable", "decide"];
const BRIEF: &str = "brief";

/// How much is done.
#[derive(Debug, Clone, Copy)]
struct Scope {
    brief: bool,
    /// No further block begins after this.
    until: Instant,
}

impl Scope {
    /// So much, or a tenth of it.
    fn much(self, much: usize) -> usize {
        if self.brief { much.div_ceil(10) } else { much }
    }

    fn is_over(self) -> bool {
        self.until < Instant::now()
    }
}

fn main() -> anyhow::Result<()> {
    let args: Vec<String> = std::env::args().skip(1).collect();
    // What cargo adds to say that this is a bench.
    let args: Vec<&str> = args.iter().map(String::as_str).filter(|it| *it != "--bench").collect();
    match args.as_slice() {
        ["serve", role, tls, store @ ..] => servers::run(role, *tls == "tls", store.first()),
        ["drive", brief, parts @ ..] => drive(*brief == BRIEF, parts),
        parts => {
            let brief = if parts.first() == Some(&BRIEF) { BRIEF } else { "whole" };
            let parts = parts.strip_prefix(&[BRIEF]).unwrap_or(parts);
            if let Some(unknown) = parts.iter().find(|it| !PARTS.contains(it)) {
                bail!("{unknown} is no part of this; there are {}", PARTS.join(", "));
            }
            let all = if parts.is_empty() { &PARTS } else { parts };
            let status = machine::command(1, &[&["drive", brief], all].concat())?.status()?;
            if status.success() { Ok(()) } else { bail!("it has not come to its end") }
        }
    }
}

/// Runs these parts, in the process that plays engine and dashboards.
fn drive(brief: bool, parts: &[&str]) -> anyhow::Result<()> {
    let before = machine::Load::now()?;
    println!("{}\n", machine::describe()?);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    for part in parts {
        let scope = Scope { brief, until: Instant::now() + LONGEST };
        let measured = match *part {
            "ingest" => LocalSet::new().block_on(&runtime, ingest::measure(scope)),
            "fanout" => LocalSet::new().block_on(&runtime, fanout::measure(scope)),
            "idle" => LocalSet::new().block_on(&runtime, idle::measure(scope)),
            "connect" => LocalSet::new().block_on(&runtime, connect::measure(scope)),
            "decide" => LocalSet::new().block_on(&runtime, decide::measure(scope)),
            "durable" => LocalSet::new().block_on(&runtime, durable::measure(scope)),
            _ => Ok(()),
        };
        measured.with_context(|| format!("while measuring {part}"))?;
    }
    println!("{}", before.until_now()?);
    Ok(())
}
