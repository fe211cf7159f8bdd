//! The command line.

use std::path::PathBuf;
use std::time::Duration;

use clap::Parser;

/// Kills, stops and cuts the relay, engines and dashboards, and checks that it keeps its promises.
#[derive(Debug, Parser)]
#[command(name = "torture")]
pub(crate) struct Options {
    /// What the faults are drawn from. Default: one of its own, which it prints.
    #[arg(long)]
    pub(crate) seed: Option<u64>,
    /// How long: 150s, 5m. Default: what the scenario takes; with --kills, --events or
    /// --decisions, until all of these are reached, and with both, at most so long.
    #[arg(long = "for", value_parser = time)]
    pub(crate) time: Option<Duration>,
    /// At least so many kills of the relay; fewer are a finding.
    #[arg(long, default_value_t = 0)]
    pub(crate) kills: u64,
    /// At least so many acknowledged events.
    #[arg(long, default_value_t = 0)]
    pub(crate) events: u64,
    /// At least so many recorded decisions.
    #[arg(long, default_value_t = 0)]
    pub(crate) decisions: u64,
    /// Where the relay keeps its store: a directory that is new or empty; or `memory`.
    #[arg(long, default_value = "memory")]
    pub(crate) store: String,
    /// The engines, each as LANGUAGE, LANGUAGE:FORM or LANGUAGE:FORM:RATE, with the languages py and
    /// go, the forms outbox and client, and how many events a second that one is to say.
    #[arg(long, value_delimiter = ',', default_value = "py:outbox,go:outbox,py:client")]
    pub(crate) engines: Vec<String>,
    /// How many dashboards of the native protocol.
    #[arg(long, default_value_t = 3)]
    pub(crate) dashboards: usize,
    /// How many of them watch each execution, two at least. Default: all of them.
    #[arg(long)]
    pub(crate) eyes: Option<usize>,
    /// Events a second, of all engines together that are not told their own.
    #[arg(long, default_value_t = 300)]
    pub(crate) rate: u64,
    /// Executions at once, of each engine.
    #[arg(long, default_value_t = 4)]
    pub(crate) lanes: u64,
    /// Steps of each execution.
    #[arg(long, default_value_t = 150)]
    pub(crate) steps: u64,
    /// What goes wrong; --list names them.
    #[arg(long, default_value = "storm")]
    pub(crate) scenario: String,
    /// Name the scenarios, and end.
    #[arg(long)]
    pub(crate) list: bool,
    /// Keep the histories and the logs; they are kept anyway where something was found.
    #[arg(long)]
    pub(crate) keep: bool,
    /// Where they are written. Default: a new directory among temporary files.
    #[arg(long)]
    pub(crate) dir: Option<PathBuf>,
    /// Only check the histories that an earlier run has left there.
    #[arg(long)]
    pub(crate) recheck: Option<PathBuf>,
    /// The relay's program.
    #[arg(long, default_value = "target/debug/footplate")]
    pub(crate) relay: PathBuf,
    /// A Python with the client's packages.
    #[arg(long, default_value = ".cache/python/torture/bin/python")]
    pub(crate) python: PathBuf,
    /// The engine in Go, built.
    #[arg(long, default_value = "target/torture-engine-go")]
    pub(crate) go: PathBuf,
}

fn time(text: &str) -> Result<Duration, String> {
    let (number, unit) = text.split_at(text.trim_end_matches(char::is_alphabetic).len());
    let number: u64 =
        number.parse().map_err(|_| format!("{text} is no time, such as 150s or 5m"))?;
    match unit {
        "s" => Ok(Duration::from_secs(number)),
        "m" => Ok(Duration::from_secs(number * 60)),
        _ => Err(format!("{text} is no time, such as 150s or 5m")),
    }
}
