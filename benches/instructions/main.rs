//! What the relay's own code costs, in instructions: `cargo bench --bench instructions`, or with
//! `-- core room` only the cases whose names begin so. `-- --bless` rewrites `benches/baseline.txt`,
//! and `-- --profile ingest/node/256` shows which functions take them.
//!
//! Instructions do not depend on what else the machine does, so one run is enough and a small change
//! shows. It must never ask the machine for chance, and for nothing but one point in time to count
//! from: the same binary counts the same.
#![expect(clippy::print_stdout, clippy::print_stderr, reason = "it is a report")]

mod baseline;
mod cases;
mod core;
#[path = "../events/mod.rs"]
mod events;
mod ingest;
mod kinds;
mod material;
mod render;
mod room;
mod valgrind;

use std::process::ExitCode;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};
use std::thread;

use anyhow::{Context, bail};

use baseline::Baseline;
use cases::Case;
use valgrind::Cost;

/// What the process is told that runs one case, and then its name and how many units.
const CASE: &str = "--case";

fn main() -> anyhow::Result<ExitCode> {
    let args: Vec<String> = std::env::args().skip(1).collect();
    // What cargo adds to say that this is a bench.
    let args: Vec<&str> = args.iter().map(String::as_str).filter(|it| *it != "--bench").collect();
    let cases = cases::all();
    match args.as_slice() {
        [CASE, name, units] => {
            let case = cases.iter().find(|it| it.name == *name).context("no such case")?;
            case.run(units.parse()?)
        }
        ["--profile", name] => {
            let Some(case) = cases.iter().find(|it| it.name == *name) else {
                bail!("no case is called {name}; without arguments this bench lists all");
            };
            valgrind::check()?;
            valgrind::profile(case)?;
            Ok(ExitCode::SUCCESS)
        }
        _ => {
            let bless = args.contains(&"--bless");
            let wanted: Vec<&str> = args.into_iter().filter(|it| *it != "--bless").collect();
            if let Some(flag) = wanted.iter().find(|it| it.starts_with('-')) {
                bail!(
                    "{flag} is unknown; there are --bless, --profile CASE, and beginnings of names"
                );
            }
            let chosen = |case: &Case| {
                wanted.is_empty() || wanted.iter().any(|it| case.name.starts_with(it))
            };
            let cases: Vec<Case> = cases.into_iter().filter(chosen).collect();
            if cases.is_empty() {
                bail!("no case's name begins with {}", wanted.join(" or "));
            }
            valgrind::check()?;
            compare(&cases, bless)
        }
    }
}

/// Measures them, shows them beside the baseline, and fails where one has become worse.
fn compare(cases: &[Case], bless: bool) -> anyhow::Result<ExitCode> {
    let costs = measure(cases)?;
    let mut baseline = Baseline::read()?;
    if let Some(warning) = baseline.made_elsewhere()? {
        eprintln!("{warning}\n");
    }
    println!("{:<26}{:>13}{:>9}{:>8}   of one", "case", "instructions", "bytes", "blocks");
    let mut worse = Vec::new();
    for (case, cost) in cases.iter().zip(&costs) {
        let verdict = baseline.judge(&case.name, cost);
        println!(
            "{:<26}{:>13.1}{:>9.1}{:>8.2}   {:<9}  {verdict}",
            case.name, cost.instructions, cost.bytes, cost.blocks, case.item
        );
        if verdict.is_worse() {
            worse.push(case.name.as_str());
        }
    }
    if bless {
        let all = cases::all();
        baseline.bless(all.iter().map(|it| it.name.as_str()), cases.iter().zip(&costs))?;
        println!("\n{} is rewritten: read its diff", baseline::PATH);
        return Ok(ExitCode::SUCCESS);
    }
    if worse.is_empty() {
        return Ok(ExitCode::SUCCESS);
    }
    eprintln!(
        "\nworse by more than {:.0} %: {}\nFind out why (`-- --profile CASE`); if it has to be, \
         `-- --bless` and say so in the commit.",
        100.0 * baseline::MUCH,
        worse.join(", ")
    );
    Ok(ExitCode::FAILURE)
}

/// Several at once: what is counted does not depend on what else runs.
fn measure(cases: &[Case]) -> anyhow::Result<Vec<Cost>> {
    let next = AtomicUsize::new(0);
    let costs = Mutex::new(Vec::new());
    let work = || {
        while let Some(case) = cases.get(next.fetch_add(1, Ordering::Relaxed)) {
            let cost =
                valgrind::cost(case).with_context(|| format!("while counting {}", case.name));
            let place = cases.iter().position(|it| it.name == case.name);
            costs.lock().unwrap_or_else(PoisonError::into_inner).push((place, cost));
        }
    };
    thread::scope(|scope| {
        for _ in 0..thread::available_parallelism().map_or(1, Into::into) {
            scope.spawn(work);
        }
    });
    let mut costs = costs.into_inner().unwrap_or_else(PoisonError::into_inner);
    costs.sort_by_key(|(place, _)| *place);
    costs.into_iter().map(|(_, cost)| cost).collect()
}
