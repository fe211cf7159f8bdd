//! footplate-torture: the relay as it is shipped, engines in Python and Go, dashboards, bad networks
//! between them, and a supervisor that kills and stops all of them. Everybody writes down what he did
//! and saw; in the end a checker that asks nobody compares it with what the relay promises.
//!
//! `cargo test --test torture -- --help`. It is no test that `cargo test` runs by itself:
//! scripts/torture.sh prepares what it needs. The seed that it prints draws the same faults again;
//! what processes make of them is theirs.
#![expect(clippy::print_stderr, clippy::print_stdout, reason = "it is a program for the terminal")]
#![allow(clippy::wildcard_enum_match_arm, reason = "a test looks at what it is about")]

mod ask;
mod chance;
mod check;
mod crew;
mod dashboard;
mod desk;
mod faults;
mod frames;
mod history;
mod line;
mod options;
mod pace;
mod picture;
mod processes;
mod proxy;
mod report;
mod scenario;
mod supervisor;
mod tls;
mod watcher;
mod watching;

use std::process::ExitCode;

use clap::Parser;

fn main() -> ExitCode {
    let options = options::Options::parse();
    if options.list {
        for it in scenario::all() {
            println!("{:22} {}", it.name, it.about);
        }
        return ExitCode::SUCCESS;
    }
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
    let ran = runtime.map_err(anyhow::Error::from).and_then(|runtime| {
        let ran = runtime.block_on(supervisor::run(&options));
        runtime.shutdown_timeout(std::time::Duration::from_secs(2));
        ran
    });
    match ran {
        Ok(report) => report.tell(),
        Err(err) => {
            eprintln!("torture: FAILED: {err:#}");
            ExitCode::FAILURE
        }
    }
}
