//! What is written into which file: lines as they come, the first and the last of a relay's, and
//! how one file goes on in the next. It decides nothing about when.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::io;
use std::path::Path;
use std::sync::Arc;

use serde::{Deserialize, Deserializer};
use tracing::{error, info, warn};

use super::Note;
use super::chain::{Chain, Digest};
use super::file::{Fault, GROUP, LogFile, Torn};
use super::line::{Kind, Line};
use super::told::{self, Epochs};
use crate::model::{Epoch, ExecutionId, Fact, Position, Record, Seq, Timestamp, ViewerId};
use crate::seams::Clock;
use crate::telemetry::Metrics;

/// The name of the format. Whatever is only added to it changes nothing here.
const FORMAT: &str = "footplate-audit/1";

/// The file, and what is not in it yet.
#[derive(Debug)]
pub(super) struct Journal {
    file: LogFile,
    pages: Pages,
    clock: Clock,
    pub(super) metrics: Arc<Metrics>,
    epochs: Epochs,
    /// The last record of each log that made a line.
    marks: BTreeMap<(ExecutionId, Epoch), Seq>,
}

/// The end of the chain, and what of it is not yet on disk.
#[derive(Debug)]
struct Pages {
    chain: Chain,
    waiting: Vec<u8>,
    lines: u64,
}

impl Pages {
    fn seal(&mut self, line: &Line<'_>) {
        self.chain.seal(line, &mut self.waiting);
        self.lines += 1;
    }
}

impl Journal {
    /// Opens the file, and says in it that a relay begins, or goes on.
    pub(super) fn open(path: &Path, clock: Clock, metrics: Arc<Metrics>) -> Result<Self, Fault> {
        let (file, chain, torn) = LogFile::open(path)?;
        let mut it = Self {
            file,
            pages: Pages { chain, waiting: Vec::new(), lines: 0 },
            clock,
            metrics,
            epochs: Epochs::new(),
            marks: BTreeMap::new(),
        };
        if let Some(Torn { bytes, kept, .. }) = &torn {
            let (path, kept) = (path.display(), kept.display());
            warn!(%path, bytes, %kept, "the relay before this one died while it wrote; what it left unfinished is kept there");
        }
        let known = chain.seq > 0;
        let line = it.housekeeping(if known { Kind::Resumed } else { Kind::Begun });
        let line = Line {
            format: (!known).then_some(FORMAT),
            version: Some(env!("CARGO_PKG_VERSION")),
            torn_bytes: torn.as_ref().map(|it| it.bytes),
            torn_digest: torn.as_ref().map(|it| it.digest),
            ..line
        };
        it.pages.seal(&line);
        it.append().map_err(|err| Fault::Unusable(path.to_owned(), err))?;
        Ok(it)
    }

    fn housekeeping(&self, kind: Kind) -> Line<'static> {
        Line::new(self.clock.now().time, kind)
    }

    /// Takes what has come of a turn.
    pub(super) fn take(&mut self, note: Note) {
        match note {
            Note::Record { record, viewer } => self.record(&record, viewer),
            Note::Lost(lost) => self.pages.seal(&lost.line(&self.epochs)),
            Note::Forgotten(execution) => {
                self.epochs.remove(&execution);
                let all = (execution.clone(), FIRST)..=(execution, LAST);
                let gone: Vec<_> = self.marks.range(all).map(|(it, _)| it.clone()).collect();
                for mark in gone {
                    self.marks.remove(&mark);
                }
            }
        }
    }

    fn record(&mut self, record: &Record, viewer: Option<ViewerId>) {
        self.learn(record);
        if let Some(line) = told::line(record, viewer, &self.epochs) {
            self.pages.seal(&line);
            let Position { epoch, seq } = record.position;
            self.marks.insert((record.execution.clone(), epoch), seq);
        }
    }

    fn learn(&mut self, record: &Record) {
        if let Fact::EngineAttached { producer, epoch, .. } = &record.fact {
            let known = self.epochs.entry(record.execution.clone()).or_default();
            known.insert(producer.clone(), *epoch);
        }
    }

    /// The same for a record that may have made its line before.
    pub(super) fn again(&mut self, record: &Record) -> bool {
        self.learn(record);
        let last = self.marks.get(&(record.execution.clone(), record.position.epoch));
        if last.is_some_and(|last| record.position.seq <= *last) {
            return false;
        }
        let before = self.pages.chain.seq;
        self.record(record, None);
        before < self.pages.chain.seq
    }

    /// The last record of a log that has made a line.
    pub(super) fn last(&self, execution: &ExecutionId, epoch: Epoch) -> Option<Seq> {
        self.marks.get(&(execution.clone(), epoch)).copied()
    }

    /// Finds out from the file which records have made lines, and from when on one may be missing.
    pub(super) fn look_back(&mut self) -> Result<Option<Timestamp>, Fault> {
        let (mut since, mut last, mut before) = (Timestamp(i64::MIN), Kind::Begun, Kind::Ended);
        let marks = &mut self.marks;
        self.file.each(|line| {
            let Ok(Seen { time, kind, execution_id, record }) = serde_json::from_slice(line) else {
                return;
            };
            before = std::mem::replace(&mut last, kind.unwrap_or(Kind::Resumed));
            let begins = before == Kind::Ended && last == Kind::Begun;
            if let (Ok(time), true) = (time.parse(), begins || record.is_some()) {
                since = time;
            }
            let (Some(id), Some(place)) = (execution_id, record) else { return };
            let (Ok(id), Ok(epoch)) = (id.parse(), place.epoch.parse()) else { return };
            let known = marks.entry((id, epoch)).or_default();
            *known = (*known).max(Seq(place.seq));
        })?;
        // Lines stand in the order of commits; the clock that tells their times may have been set.
        let since = Timestamp(since.0.saturating_sub(SLACK));
        // The last line is this relay's.
        Ok((before != Kind::Ended).then_some(since))
    }

    pub(super) fn know_only(&mut self, mut logs: impl FnMut(&ExecutionId, Epoch) -> bool) {
        self.marks.retain(|(execution, epoch), _| logs(execution, *epoch));
    }

    pub(super) fn is_full(&self) -> bool {
        GROUP <= self.pages.waiting.len()
    }

    pub(super) fn is_clean(&self) -> bool {
        self.pages.waiting.is_empty()
    }

    /// Lines that are not on disk.
    pub(super) fn owed(&self) -> u64 {
        self.pages.lines
    }

    /// Brings to disk what waits; nothing is forgotten before it is there.
    pub(super) fn append(&mut self) -> io::Result<()> {
        if self.pages.waiting.is_empty() {
            return Ok(());
        }
        self.file.append(&self.pages.waiting)?;
        self.pages.waiting.clear();
        self.metrics.audit_lines.inc_by(std::mem::take(&mut self.pages.lines));
        self.metrics.audit_head.set(self.pages.chain.head);
        Ok(())
    }

    /// Goes on in a new file, if this one has been moved away. All that came is on disk.
    pub(super) fn reopen(&mut self) -> io::Result<()> {
        let path = self.file.path().to_owned();
        if !self.file.has_moved() {
            info!(path = %path.display(), "the audit log has not been moved away; it goes on");
            return Ok(());
        }
        let next = match LogFile::open(&path) {
            Ok((file, Chain::EMPTY, _)) => file,
            Ok(_) => {
                let why = "there is another audit log; the old one goes on";
                error!(path = %path.display(), why, "the audit log can't go on in a new file");
                return Ok(());
            }
            Err(err) => {
                error!(%err, "the audit log can't go on in a new file; the old one goes on");
                return Ok(());
            }
        };
        let ended = self.housekeeping(Kind::Ended);
        self.pages.seal(&Line { outcome: Some("continued"), ..ended });
        self.append()?;
        self.file = next;
        let (head, path) = (self.pages.chain.head, path.display());
        info!(%path, %head, "the audit log goes on in a new file");
        let begun = self.housekeeping(Kind::Begun);
        let version = Some(env!("CARGO_PKG_VERSION"));
        self.pages.seal(&Line { format: Some(FORMAT), version, ..begun });
        for ((execution, epoch), seq) in std::mem::take(&mut self.marks) {
            let carried = self.housekeeping(Kind::Carried);
            let place = Position { epoch, seq }.into();
            let line = Line { record: Some(place), ..carried };
            self.pages.seal(&Line { execution_id: Some(execution.as_str()), ..line });
            self.marks.insert((execution, epoch), seq);
        }
        self.append()
    }

    /// Says that the relay has ended.
    pub(super) fn end(&mut self) {
        let ended = self.housekeeping(Kind::Ended);
        self.pages.seal(&Line { outcome: Some("stopped"), ..ended });
    }

    pub(super) fn head(&self) -> Digest {
        self.pages.chain.head
    }
}

const FIRST: Epoch = Epoch { boot: 0, nth: 0 };
const LAST: Epoch = Epoch { boot: u64::MAX, nth: u64::MAX };

/// How far back a clock may be set, in microseconds.
const SLACK: i64 = 60_000_000;

/// What a line says of its record.
#[derive(Debug, Deserialize)]
struct Seen<'a> {
    time: &'a str,
    #[serde(default, deserialize_with = "known")]
    kind: Option<Kind>,
    #[serde(borrow)]
    execution_id: Option<Cow<'a, str>>,
    record: Option<SeenPlace<'a>>,
}

#[derive(Debug, Deserialize)]
struct SeenPlace<'a> {
    epoch: &'a str,
    seq: u64,
}

/// A newer relay may have written kinds that this one does not know.
fn known<'de, D: Deserializer<'de>>(from: D) -> Result<Option<Kind>, D::Error> {
    let word = <&str>::deserialize(from)?;
    Ok(match word {
        "begun" => Some(Kind::Begun),
        "ended" => Some(Kind::Ended),
        _ => None,
    })
}
