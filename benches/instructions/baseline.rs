//! What was counted last and found good: `benches/baseline.txt`, one line for each case.

use std::collections::BTreeMap;
use std::process::Command;
use std::{fmt, fs, io};

use anyhow::Context;

use crate::cases::Case;
use crate::valgrind::{self, Cost};

/// Where it is.
pub(crate) const PATH: &str = "benches/baseline.txt";
/// By how much a case may be worse. What is counted is exact; this is for what nobody means to
/// change, such as how a compiler inlines.
pub(crate) const MUCH: f64 = 0.05;

/// The file.
pub(crate) struct Baseline {
    /// What it was made with.
    tools: String,
    costs: BTreeMap<String, Cost>,
}

/// How a case compares.
pub(crate) enum Verdict {
    New,
    /// Instructions now, for one of then.
    Ratio(f64),
}

impl Baseline {
    /// Reads it; empty where there is none yet.
    pub(crate) fn read() -> anyhow::Result<Self> {
        let text = match fs::read_to_string(file()) {
            Err(err) if err.kind() == io::ErrorKind::NotFound => String::new(),
            read => read.with_context(|| PATH)?,
        };
        let mut it = Self { tools: String::new(), costs: BTreeMap::new() };
        for line in text.lines() {
            if let Some(tools) = line.strip_prefix("# made with ") {
                tools.clone_into(&mut it.tools);
            } else if !line.starts_with('#') {
                let (name, cost) =
                    entry(line).with_context(|| format!("{PATH}: no case: {line}"))?;
                it.costs.insert(name, cost);
            }
        }
        Ok(it)
    }

    /// A warning, where it was made with other tools: then a difference need not be the code's.
    pub(crate) fn made_elsewhere(&self) -> anyhow::Result<Option<String>> {
        let here = tools()?;
        let differs = !self.costs.is_empty() && self.tools != here;
        Ok(differs.then(|| {
            let there = &self.tools;
            format!(
                "{PATH} was made with {there}, and this is {here}: small differences may be the \
                 tools'. Bless it before a change, and compare after it."
            )
        }))
    }

    pub(crate) fn judge(&self, name: &str, cost: &Cost) -> Verdict {
        let known = self.costs.get(name);
        known.map_or(Verdict::New, |it| Verdict::Ratio(cost.instructions / it.instructions))
    }

    /// Writes it anew with these costs. What there is no case for any more goes.
    pub(crate) fn bless<'a>(
        &mut self,
        all: impl Iterator<Item = &'a str>,
        costs: impl Iterator<Item = (&'a Case, &'a Cost)>,
    ) -> anyhow::Result<()> {
        self.costs.extend(costs.map(|(case, cost)| (case.name.clone(), *cost)));
        let mut text = format!(
            "# Instructions, bytes and blocks for each item: `cargo bench --bench instructions -- \
             --bless` writes this.\n# made with {}\n",
            tools()?
        );
        for name in all {
            if let Some(Cost { instructions, bytes, blocks }) = self.costs.get(name) {
                text += &format!("{name:<26}{instructions:>13.1}{bytes:>9.1}{blocks:>8.2}\n");
            }
        }
        fs::write(file(), text).context(PATH)
    }
}

impl Verdict {
    pub(crate) fn is_worse(&self) -> bool {
        matches!(self, Self::Ratio(ratio) if 1.0 + MUCH < *ratio)
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self::Ratio(ratio) = self else { return f.write_str("new") };
        let word = match (self.is_worse(), *ratio < 1.0 - MUCH) {
            (true, _) => "  worse",
            (_, true) => "  better",
            (false, false) => "",
        };
        write!(f, "{ratio:.4}{word}")
    }
}

fn file() -> std::path::PathBuf {
    std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join(PATH)
}

fn entry(line: &str) -> Option<(String, Cost)> {
    let mut words = line.split_whitespace();
    let name = words.next()?.to_owned();
    let mut figure = || words.next()?.parse().ok();
    let (instructions, bytes, blocks) = (figure()?, figure()?, figure()?);
    Some((name, Cost { instructions, bytes, blocks }))
}

/// What else than the code decides what is counted.
fn tools() -> anyhow::Result<String> {
    let rustc = Command::new("rustc").arg("--version").output().context("rustc")?;
    let rustc = String::from_utf8_lossy(&rustc.stdout);
    let version = rustc.split_whitespace().nth(1).unwrap_or("unknown");
    Ok(format!("rustc {version}, {}, {}", valgrind::check()?, std::env::consts::ARCH))
}
