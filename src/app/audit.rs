//! The audit log, at both ends of its life: opened with the relay, and checked by `footplate audit
//! verify`, which says on standard output what it has found. It starts no relay.

use std::fmt::Write as _;
use std::fs::File;
use std::io::{self, BufReader, Write as _};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use tracing::{info, warn};

use crate::audit::{Audit, Bad, Checked, Opened, Scribe, Verifier};
use crate::config::Verify;
use crate::core::{Limits, Past, Relay};
use crate::model::{ExecutionId, Now, Seq};
use crate::seams::Seams;
use crate::store::{Piece, Reader};
use crate::telemetry::Metrics;

const FLAG: &str = "--audit";
/// Records that are read at once, in bytes.
const PIECE: usize = 8 << 20;
/// Records behind which no line can be owed: more turns than may wait for their lines, each as large as
/// turns can be.
const OWED: u64 = 100_000;
/// How far apart words are on how far it is, in bytes.
const STEP: u64 = 256 << 20;

/// Opens the file, if there is to be one, and makes up in it for what the relay before this one has
/// committed and not written down.
///
/// # Errors
/// Why it can't be used, with the flag that names it and what to do.
pub(super) fn open(
    path: Option<&Path>,
    seams: &Seams,
    metrics: &Arc<Metrics>,
    relay: &Relay,
    reader: Option<&Reader>,
) -> anyhow::Result<(Audit, Option<Scribe>)> {
    let Some(path) = path else { return Ok((Audit::default(), None)) };
    let opened = Opened::open(path, seams.clock.clone(), Arc::clone(metrics));
    let mut opened = opened.context(FLAG)?;
    if let Some(reader) = reader {
        let missing = catch_up(&mut opened, relay, reader, seams.clock.now()).context(FLAG)?;
        if missing > 0 {
            info!(
                missing,
                "the audit log has the lines now that the relay before this one owed it"
            );
        }
    }
    let (audit, scribe) = opened.start().context(FLAG)?;
    Ok((audit, Some(scribe)))
}

/// Records that were committed, and whose line a crash has kept from being written.
fn catch_up(opened: &mut Opened, relay: &Relay, reader: &Reader, now: Now) -> anyhow::Result<u64> {
    let since = opened.look_back()?;
    let is_there =
        |it: &ExecutionId, epoch| relay.snapshot(it).is_some_and(|(at, _)| at.epoch == epoch);
    opened.know_only(is_there);
    let Some(since) = since else { return Ok(0) };
    let (history, history_age) = (usize::MAX, Duration::MAX);
    let whole = Limits { history, history_bytes: usize::MAX, history_age, ..Limits::default() };
    let mut missing = 0;
    for (execution, head, _) in relay.logs().filter(|(.., state)| since <= state.last_time) {
        let mut after = opened.last(execution, head.epoch).unwrap_or_default();
        after = after.max(Seq(head.seq.0.saturating_sub(OWED)));
        let Some(kept) = relay.kept(execution) else { continue };
        loop {
            let piece = reader.piece(execution, head.epoch, after, PIECE)?;
            let Some(Piece { checkpoint, records, more }) = piece else {
                warn!(%execution, %after, "the store no longer has what followed on the last line of the audit log");
                break;
            };
            let begins = checkpoint.as_ref().map_or(0, |it| it.at.0);
            let last = Seq(begins + records.len() as u64);
            // What they amount to, they are folded for again.
            let mut past = Relay::new(0, whole);
            past.restore(now, Past { kept: kept.clone(), checkpoint, tail: records });
            let records = past.retained(execution);
            for record in records.filter(|it| it.position.seq <= last && since <= it.time) {
                missing += u64::from(opened.resume(record)?);
            }
            if !more {
                break;
            }
            after = last;
        }
    }
    Ok(missing)
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
