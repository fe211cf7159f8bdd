//! The audit log, at both ends of its life: opened with the relay, and checked by `footplate audit
//! verify`, which says on standard output what it has found. It starts no relay.

use std::fmt::Write as _;
use std::fs::File;
use std::io::{self, BufReader, Write as _};
use std::path::PathBuf;
use std::sync::Arc;

use anyhow::Context;
use tokio::task;

use crate::audit::{Audit, Bad, Checked, Keeper, Opened, Verifier};
use crate::config::Verify;
use crate::seams::Seams;
use crate::telemetry::Metrics;

/// How far apart words are on how far it is, in bytes.
const STEP: u64 = 256 << 20;

/// Opens the file, if there is to be one.
///
/// # Errors
/// Why it can't be used, with the flag that names it and what to do.
pub(super) async fn open(
    path: Option<PathBuf>,
    seams: &Seams,
    metrics: &Arc<Metrics>,
) -> anyhow::Result<(Audit, Option<Keeper>)> {
    let Some(path) = path else { return Ok((Audit::default(), None)) };
    let (clock, metrics) = (seams.clock.clone(), Arc::clone(metrics));
    // Its disk may be slow.
    let opened = task::spawn_blocking(move || Opened::open(&path, clock, metrics)).await?;
    let (audit, keeper) = opened.context("--audit")?.start().context("--audit")?;
    Ok((audit, Some(keeper)))
}

/// Checks the files. `true`: they are what was written.
///
/// # Errors
/// When standard output takes nothing.
pub fn verify(settings: &Verify) -> anyhow::Result<bool> {
    let (text, right) = told(settings);
    io::stdout().write_all(text.as_bytes()).context("can't say what was found")?;
    Ok(right)
}

fn told(settings: &Verify) -> (String, bool) {
    let mut verifier = Verifier::new(settings.head);
    let mut text = String::new();
    let mut write = |line: &dyn std::fmt::Display| {
        writeln!(text, "{line}").expect("a string takes all");
    };
    for path in &settings.files {
        let shown = path.display().to_string();
        let checked = File::open(path).map_err(Bad::from).and_then(|file| {
            let whole = file.metadata().map_or(0, |it| it.len());
            let (mut read, mut next) = (0, STEP);
            verifier.file(BufReader::with_capacity(1 << 18, file), |bytes| {
                read += bytes as u64;
                if next <= read && read < whole {
                    let (read, whole) = (read >> 20, whole >> 20);
                    // A closed pipe is nobody to tell.
                    let _ = writeln!(io::stderr(), "footplate: {shown}: {read} of {whole} MiB");
                    next += STEP;
                }
            })
        });
        if let Err(bad) = checked {
            let lines = verifier.checked().lines;
            write(&format_args!("{shown}: {bad}"));
            write(&format_args!("{lines} lines before that are as they were written"));
            return (text, false);
        }
    }
    let Checked { lines, first_time, last_time, head, continues, found } = verifier.checked();
    let [first, last] = [first_time, last_time].map(|it| it.as_deref().unwrap_or("-"));
    if let (Some(wanted), None) = (settings.head, found) {
        write(&format_args!(
            "no line has the hash {wanted}: lines at the end are missing, or it is another log's"
        ));
        write(&format_args!(
            "the {lines} lines that there are hold together, up to the hash {head}"
        ));
        return (text, false);
    }
    write(&format_args!("right: {lines} lines, none changed, missing or put in between"));
    write(&format_args!("first  {first}"));
    write(&format_args!("last   {last}"));
    write(&format_args!("head   {head}"));
    if let Some(before) = continues {
        write(&format_args!("before {before}, which is the last line of the file before this one"));
    }
    match found {
        Some(at) if at == lines => write(&"asked  the hash asked for is that of the last line"),
        Some(0) => write(&"asked  the hash asked for is that before the first line"),
        Some(at) => write(&format_args!(
            "asked  the hash asked for is that of line {at}; {} have come since",
            lines - at
        )),
        None => write(
            &"asked  nothing: that none is missing at the end only a head shows that was kept elsewhere (--head)",
        ),
    }
    (text, true)
}
