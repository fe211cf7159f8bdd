//! What everybody did, saw and was told, as JSON lines: one file for each who writes, and the
//! checker reads nothing else. `info` means that nobody knows whether it happened.
//!
//! It must never say what somebody thinks of it: that is the checker's affair.

use std::fs::{self, File};
use std::io::{self, BufRead, BufReader, BufWriter, Write};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use std::time::{SystemTime, UNIX_EPOCH};

use serde::{Deserialize, Serialize};

/// What a line is about.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Op {
    /// The run: what was promised (`level`), and what keeps what (`reason`).
    #[default]
    Run,
    /// An engine is attached.
    Attach,
    /// Where an engine is to go on.
    Grant,
    /// Events: invoked when they are sent first, ok when they are acknowledged, cumulatively.
    Publish,
    /// What the relay finds wrong with an event.
    Issue,
    /// A decision has reached its engine.
    Deliver,
    /// A command has reached its engine.
    Command,
    /// A decision took effect.
    Effect,
    /// An engine's link is over for good.
    End,
    /// A viewer is told how it goes on.
    Subscribed,
    /// A viewer is shown the state.
    Snapshot,
    /// A viewer is told a record.
    See,
    /// A viewer of another protocol is told a line of the log.
    Glimpse,
    /// A viewer decides, and is told what came of it.
    Decide,
    /// A viewer can't make sense of what it is told.
    Confused,
    /// What a viewer has when all is quiet.
    Quiet,
    /// A record, as a fresh visitor gets it at the end.
    Last,
    /// The state at the end, and how far each producer's lane has come in it.
    LastState,
    /// See [`Op::LastState`].
    LastLane,
    /// Somebody is killed, stopped or ended.
    Fault,
}

/// How certain it is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Phase {
    /// Asked for.
    Invoke,
    /// It happened.
    Ok,
    /// It did not happen.
    Fail,
    /// Told, or not known.
    #[default]
    Info,
}

macro_rules! entry {
    ($($(#[$doc:meta])* $name:ident: $kind:ty,)*) => {
        /// One line. What does not belong to its `op` is left out.
        #[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
        #[serde(default, deny_unknown_fields)]
        pub(crate) struct Entry {
            /// When, in microseconds since 1970.
            pub(crate) t: u64,
            /// Who writes: a viewer's name, or an engine's with its epoch behind `#`.
            pub(crate) proc: String,
            /// What it is about.
            pub(crate) op: Op,
            /// How certain it is.
            pub(crate) phase: Phase,
            $($(#[$doc])* #[serde(skip_serializing_if = "is_nothing")] pub(crate) $name: $kind,)*
        }
    };
}

entry! {
    /// The execution.
    exec: String,
    /// Names the log.
    epoch: String,
    /// The place in the log.
    seq: u64,
    /// The log's newest place.
    head: u64,
    /// Whose lane.
    producer: String,
    /// The number in the lane; the first of `hashes`.
    pseq: u64,
    /// The contents of events, as their engine hashes them.
    hashes: Vec<String>,
    /// A frame as a whole.
    frame: u64,
    /// What of it came from its engine; empty where it contradicts.
    content: String,
    /// The state behind it.
    state: u64,
    /// A record's type.
    kind: String,
    /// How durable.
    level: String,
    /// The start of the relay.
    boot: String,
    /// The gate.
    gate: String,
    /// Its version.
    version: u32,
    /// The decision, or the command.
    decision: String,
    /// The option.
    option: String,
    /// What its giver wrote.
    comment: String,
    /// Who decided.
    by: String,
    /// How far it has come, or how it was settled.
    stage: String,
    /// Why.
    reason: String,
    /// The command.
    command: String,
    /// Which delivery.
    attempt: u32,
    /// Whether nothing was missed.
    recovered: bool,
    /// Whether the relay has lost what it knew.
    lost: bool,
    /// Why it was refused.
    fault: String,
}

fn is_nothing<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}

/// Microseconds since 1970, by the one clock that all on this machine share.
pub(crate) fn now() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).expect("it is later than 1970");
    u64::try_from(since.as_micros()).expect("it is earlier than 586000")
}

/// One who writes.
#[derive(Debug)]
pub(crate) struct Book {
    proc: String,
    file: Mutex<BufWriter<File>>,
}

impl Book {
    /// A new file in this folder.
    pub(crate) fn create(folder: &Path, proc: &str) -> io::Result<Self> {
        let file = File::create(folder.join(format!("{proc}.jsonl")))?;
        Ok(Self { proc: proc.to_owned(), file: Mutex::new(BufWriter::new(file)) })
    }

    /// Writes it down, with the time and the name.
    pub(crate) fn add(&self, entry: Entry) {
        self.add_as(&self.proc, entry);
    }

    /// As [`Book::add`], for one that is somebody else with each connection.
    pub(crate) fn add_as(&self, proc: &str, entry: Entry) {
        let entry = Entry { t: now(), proc: proc.to_owned(), ..entry };
        let mut line = serde_json::to_vec(&entry).expect("strings and numbers");
        line.push(b'\n');
        let mut file = self.file.lock().unwrap_or_else(PoisonError::into_inner);
        file.write_all(&line).expect("the history can be written: is the disk full?");
    }

    /// Everything is in the file.
    pub(crate) fn flush(&self) {
        let mut file = self.file.lock().unwrap_or_else(PoisonError::into_inner);
        file.flush().expect("the history can be written: is the disk full?");
    }
}

/// Reads a history. A line that was cut off when its writer was killed is passed over.
///
/// # Errors
/// When the file can't be read, or a whole line of it is none of ours.
pub(crate) fn read(path: &Path, mut take: impl FnMut(Entry)) -> io::Result<()> {
    let mut file = BufReader::new(File::open(path)?);
    let mut line = Vec::new();
    let mut number = 0;
    while file.read_until(b'\n', &mut line)? > 0 {
        number += 1;
        match serde_json::from_slice(&line) {
            Ok(entry) => take(entry),
            Err(err) if err.is_eof() => (),
            Err(err) => {
                return Err(io::Error::other(format!("{}:{number}: {err}", path.display())));
            }
        }
        line.clear();
    }
    Ok(())
}

/// All histories that lie in a folder, in the order in which the checker wants them: what was promised,
/// then what people asked for, then what engines did, each in its order.
///
/// # Errors
/// When the folder can't be read.
pub(crate) fn files(folder: &Path) -> io::Result<Vec<PathBuf>> {
    let mut files: Vec<PathBuf> = Vec::new();
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() {
            files.extend(Some(path.join("effects")).filter(|it| it.exists()));
        } else if path.extension().is_some_and(|it| it == "jsonl") {
            files.push(path);
        }
    }
    files.sort_by_key(|path| {
        let name = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
        let kind = match name.as_str() {
            "supervisor" => 0,
            "effects" => 3,
            name if name.starts_with("dashboard") || name == "watcher" => 1,
            _ => 2,
        };
        let (base, start) = name.rsplit_once('.').unwrap_or((&name, "0"));
        (kind, base.to_owned(), start.parse::<u64>().unwrap_or(0))
    });
    Ok(files)
}
