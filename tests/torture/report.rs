//! What a run was, in figures, and what was found.

use std::fmt::Display;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use crate::check::{Figures, Problem};
use crate::proxy::Tally;

/// One run.
#[derive(Debug, Default)]
pub(crate) struct Report {
    pub(crate) name: String,
    pub(crate) seed: u64,
    pub(crate) took: Duration,
    pub(crate) durability: String,
    pub(crate) faults: Faults,
    pub(crate) engine_lines: Tally,
    pub(crate) dashboard_lines: Tally,
    pub(crate) figures: Figures,
    pub(crate) problems: Vec<Problem>,
    pub(crate) folder: PathBuf,
    pub(crate) kept: bool,
}

/// What was done to whom.
#[derive(Debug, Clone, Default)]
pub(crate) struct Faults {
    pub(crate) relay_kills: u64,
    pub(crate) relay_ends: u64,
    pub(crate) relay_hangs: u64,
    pub(crate) engine_kills: u64,
    pub(crate) engine_hangs: u64,
    pub(crate) engines_usurped: u64,
    pub(crate) engines_died: u64,
    pub(crate) partitions: u64,
    /// From a start to readiness, and from SIGTERM to the end.
    pub(crate) ready: Vec<Duration>,
    pub(crate) ended: Vec<Duration>,
}

impl Report {
    /// On standard output; success if nothing was found.
    pub(crate) fn tell(&self) -> ExitCode {
        let (faults, figures) = (&self.faults, &self.figures);
        let row = |what: &str, value: &dyn Display| println!("  {what:34} {value}");
        println!("torture: {} --seed {} ({})", self.name, self.seed, self.durability);
        row("time", &format!("{:.0?}", self.took));
        row(
            "relay killed, ended, stopped",
            &format!("{}, {}, {}", faults.relay_kills, faults.relay_ends, faults.relay_hangs),
        );
        row(
            "engines killed, stopped, usurped, died",
            &format!(
                "{}, {}, {}, {}",
                faults.engine_kills,
                faults.engine_hangs,
                faults.engines_usurped,
                faults.engines_died
            ),
        );
        let lines = |it: Tally| {
            format!(
                "{} connections: {} reset, {} half closed, {} silenced, {} corrupted",
                it.connections, it.resets, it.half_closed, it.silenced, it.corrupted
            )
        };
        row("engines' lines", &lines(self.engine_lines));
        row("dashboards' lines", &lines(self.dashboard_lines));
        row(
            "events sent, acknowledged, lost",
            &format!("{}, {}, {}", figures.sent, figures.acked, figures.lost),
        );
        row("records told, read at the end", &format!("{}, {}", figures.told, figures.read));
        row("logs, resumed by a snapshot", &format!("{}, {}", figures.logs, figures.snapshots));
        row("decisions asked for, recorded", &format!("{}, {}", figures.asked, figures.recorded));
        let outcomes: Vec<_> =
            figures.outcomes.iter().map(|(stage, count)| format!("{count} {stage}")).collect();
        row("what came of them", &outcomes.join(", "));
        row("effects, twice", &format!("{}, {}", figures.effects, figures.twice));
        row("start to ready", &quantiles(&micros(&faults.ready)));
        row("SIGTERM to the end", &quantiles(&micros(&faults.ended)));
        row("click to engine", &quantiles(&figures.click));
        for problem in &self.problems {
            println!("  FOUND {}: {}", problem.law, problem.what);
        }
        if self.kept {
            println!("  histories and logs: {}", self.folder.display());
        }
        if self.problems.is_empty() {
            println!("torture: {}: ok", self.name);
            return ExitCode::SUCCESS;
        }
        println!(
            "torture: {}: FAILED: {} findings. The same faults again: --scenario {} --seed {}",
            self.name,
            self.problems.len(),
            self.name,
            self.seed
        );
        ExitCode::FAILURE
    }
}

fn micros(times: &[Duration]) -> Vec<u64> {
    let mut all: Vec<_> =
        times.iter().map(|it| u64::try_from(it.as_micros()).unwrap_or(u64::MAX)).collect();
    all.sort_unstable();
    all
}

/// Of sorted microseconds.
fn quantiles(all: &[u64]) -> String {
    let at = |share: usize| all.get((all.len() * share / 100).min(all.len().saturating_sub(1)));
    match (at(50), at(99), all.last()) {
        (Some(half), Some(most), Some(last)) => {
            let show = |it: &u64| format!("{:.1?}", Duration::from_micros(*it));
            format!(
                "p50 {}, p99 {}, at most {} ({})",
                show(half),
                show(most),
                show(last),
                all.len()
            )
        }
        _ => "-".to_owned(),
    }
}
