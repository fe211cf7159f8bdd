//! Counting with valgrind: one process for each run, and the difference of a short and a long one,
//! so that start-up and what is made ready cancel out.

use std::io;
use std::process::{Command, Output, Stdio};

use anyhow::{Context, bail};

use crate::CASE;
use crate::cases::Case;

/// What one item costs.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Cost {
    pub(crate) instructions: f64,
    /// Bytes allocated. What grows is counted again with its new size.
    pub(crate) bytes: f64,
    /// Allocations.
    pub(crate) blocks: f64,
}

const COUNT: &[&str] = &["--tool=callgrind", "--cache-sim=no", "--callgrind-out-file=/dev/null"];
const HEAP: &[&str] = &["--tool=dhat", "--dhat-out-file=/dev/null"];

/// Whether it can be had, and which: the counts depend on it a little.
pub(crate) fn check() -> anyhow::Result<String> {
    match Command::new("valgrind").arg("--version").output() {
        Ok(out) if out.status.success() => {
            Ok(String::from_utf8_lossy(&out.stdout).trim().to_owned())
        }
        Ok(out) => bail!("`valgrind --version` fails: {}", String::from_utf8_lossy(&out.stderr)),
        Err(err) if err.kind() == io::ErrorKind::NotFound => {
            bail!(
                "valgrind is missing, which counts. Install it (Debian: apt-get install valgrind)."
            )
        }
        Err(err) => Err(err).context("valgrind does not start"),
    }
}

/// What an item of this case costs.
pub(crate) fn cost(case: &Case) -> anyhow::Result<Cost> {
    let (short, long) = case.units;
    let items = ((long - short) * case.items) as f64;
    let each = |few: u64, many: u64| (many as f64 - few as f64) / items;
    let instructions = |units| number(&run(COUNT, case, units)?, "Collected :", "");
    let heap = |units| {
        let told = run(HEAP, case, units)?;
        anyhow::Ok((number(&told, "Total:", "bytes")?, number(&told, "Total:", "blocks")?))
    };
    let ((few_bytes, few_blocks), (many_bytes, many_blocks)) = (heap(short)?, heap(long)?);
    Ok(Cost {
        instructions: each(instructions(short)?, instructions(long)?),
        bytes: each(few_bytes, many_bytes),
        blocks: each(few_blocks, many_blocks),
    })
}

/// Shows which functions the instructions of this case's work are in, without what is made ready.
pub(crate) fn profile(case: &Case) -> anyhow::Result<()> {
    let file = std::env::temp_dir().join(format!("footplate-profile-{}.out", std::process::id()));
    let out = format!("--callgrind-out-file={}", file.display());
    let tool = ["--tool=callgrind", "--cache-sim=no", "--toggle-collect=*cases*measured*", &out];
    run(&tool, case, case.units.1)?;
    let mut annotate = Command::new("callgrind_annotate");
    annotate.args(["--auto=no", "--threshold=95"]).arg(&file);
    let shown = annotate.status().context("callgrind_annotate, which comes with valgrind")?;
    std::fs::remove_file(&file)?;
    if shown.success() { Ok(()) } else { bail!("callgrind_annotate fails") }
}

/// What valgrind says about one run of this program.
fn run(tool: &[&str], case: &Case, units: usize) -> anyhow::Result<String> {
    let mut command = Command::new("valgrind");
    // What stands in the environment moves the stack, and what is copied there.
    command.env_clear().envs(std::env::var_os("PATH").map(|path| ("PATH", path)));
    command.args(tool).arg(std::env::current_exe()?).args([CASE, &case.name]);
    // As long whatever it is, for the same reason.
    let Output { status, stderr, .. } =
        command.arg(format!("{units:08}")).stdin(Stdio::null()).output()?;
    let told = String::from_utf8_lossy(&stderr).into_owned();
    if status.success() { Ok(told) } else { bail!("{status}:\n{told}") }
}

/// The number that follows `label` and stands before `unit`.
fn number(told: &str, label: &str, unit: &str) -> anyhow::Result<u64> {
    let line = told.lines().find_map(|line| line.split_once(label));
    let words: Vec<&str> = line.map_or(vec![], |(_, rest)| rest.split_whitespace().collect());
    let at = match unit {
        "" => Some(0),
        unit => words.iter().position(|it| *it == unit).and_then(|it| it.checked_sub(1)),
    };
    let digits = at.and_then(|at| words.get(at)).map(|it| it.replace(',', ""));
    let number = digits.and_then(|it| it.parse().ok());
    number.with_context(|| format!("valgrind says no `{label}` {unit}:\n{told}"))
}
