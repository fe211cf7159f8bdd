//! Does what everybody wrote down agree with what the relay promises? One pass over the histories,
//! then one over the logs that they make up; the time is linear in both, and what is kept of an event
//! some 200 bytes, whatever it said and however many were told of it.
//!
//! The laws bear the names of ARCHITECTURE.md. What the checker must never do: ask the relay.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::rc::Rc;

use super::history::{Entry, Op, Phase};

mod decisions;
mod events;
mod viewers;

/// The tables of one run.
#[derive(Debug, Default)]
pub(crate) struct Checker {
    /// With a store: what was acknowledged survives the relay.
    durable: bool,
    names: HashSet<Rc<str>>,
    logs: Vec<Log>,
    log_ids: HashMap<(String, String), usize>,
    lanes: BTreeMap<(String, String), Lane>,
    welcomed: HashMap<String, BTreeMap<u64, u64>>,
    viewers: BTreeMap<(String, String), viewers::Cursor>,
    desk: decisions::Desk,
    figures: Figures,
    problems: Vec<Problem>,
    counts: BTreeMap<&'static str, u64>,
}

/// One log: an execution's records under one epoch.
#[derive(Debug, Default)]
struct Log {
    exec: String,
    epoch: String,
    /// By `seq`, from 1.
    rows: Vec<Option<Row>>,
    /// What a fresh visitor got at the end: from this record on.
    last_from: Option<u64>,
    /// Where it ended, and what the state was.
    head: Option<u64>,
    states: HashMap<u64, (u64, Rc<str>)>,
    over: Option<String>,
}

/// One record, as everybody was told it.
#[derive(Debug, Clone)]
struct Row {
    frame: u64,
    by: Rc<str>,
    producer: Rc<str>,
    pseq: u64,
    content: Content,
    at_last: bool,
}

/// What an event said, by its hash; 0 where nothing is told of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Content(u64);

impl Content {
    fn of(text: &str) -> Self {
        let mut hasher = DefaultHasher::new();
        text.hash(&mut hasher);
        Self(if text.is_empty() { 0 } else { hasher.finish().max(1) })
    }

    fn is_empty(self) -> bool {
        self.0 == 0
    }
}

/// What one producer has said in one execution.
#[derive(Debug, Default)]
struct Lane {
    /// By `pseq`, from 1: what was sent under it first; and what other starts sent.
    sent: Vec<Option<Said>>,
    again: BTreeMap<usize, Vec<Said>>,
    /// The last acknowledgement of each start: up to where, and how durable.
    acked: BTreeMap<u64, (u64, bool)>,
    /// How far the relay says in the end that it has come.
    last: Option<u64>,
}

/// An event, as it was sent: by which start, and when.
#[derive(Debug, Clone, Copy)]
struct Said {
    epoch: u64,
    content: Content,
    at: u64,
}

impl Lane {
    fn say(&mut self, pseq: usize, said: Said) {
        if self.sent.len() <= pseq {
            self.sent.resize(pseq + 1, None);
        }
        match &mut self.sent[pseq] {
            Some(_) => self.again.entry(pseq).or_default().push(said),
            empty => *empty = Some(said),
        }
    }

    /// All that was sent under this number.
    fn said(&self, pseq: usize) -> impl Iterator<Item = &Said> {
        let first = self.sent.get(pseq).and_then(Option::as_ref);
        first.into_iter().chain(self.again.get(&pseq).into_iter().flatten())
    }
}

/// A law, and how it was broken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Problem {
    /// Its name.
    pub(crate) law: &'static str,
    /// What has happened.
    pub(crate) what: String,
}

/// What a run amounts to.
#[derive(Debug, Clone, Default)]
pub(crate) struct Figures {
    /// Events that were sent; that were acknowledged; and of these, that are nowhere.
    pub(crate) sent: u64,
    pub(crate) acked: u64,
    pub(crate) lost: u64,
    /// Records that viewers were told, in all.
    pub(crate) told: u64,
    /// Records of which the relay was asked for at the end.
    pub(crate) read: u64,
    /// Decisions: asked for, recorded, applied, refused, failed, unknown.
    pub(crate) asked: u64,
    pub(crate) recorded: u64,
    pub(crate) outcomes: BTreeMap<String, u64>,
    /// Effects, and gates with more than one.
    pub(crate) effects: u64,
    pub(crate) twice: u64,
    /// From the click to the engine, in microseconds, in order.
    pub(crate) click: Vec<u64>,
    /// Logs, and snapshots that a viewer was shown where it had asked to go on.
    pub(crate) logs: u64,
    pub(crate) snapshots: u64,
}

/// Problems of one law that are told in full.
const TOLD: u64 = 20;

impl Checker {
    /// Takes one line. Those of one writer come in their order; the writers in any.
    pub(crate) fn take(&mut self, entry: &Entry) {
        match (entry.op, entry.phase) {
            (Op::Run, _) => self.durable = entry.level == "local",
            (Op::Attach, _) => {
                let (producer, epoch) = start(&entry.proc);
                self.welcomed.entry(producer).or_default().entry(epoch).or_insert(entry.t);
            }
            (Op::Publish, Phase::Invoke) => self.sent(entry),
            (Op::Publish, _) => self.acked(entry),
            (Op::Issue, _) => self.issue(entry),
            (Op::Deliver | Op::Effect | Op::Decide, _) => self.decided(entry),
            (Op::Subscribed | Op::Snapshot | Op::See | Op::Confused | Op::Quiet, _) => {
                self.watched(entry);
            }
            (Op::Last | Op::LastState | Op::LastLane, _) => self.read_at_last(entry),
            (Op::Glimpse, _) => self.glimpsed(entry),
            (Op::Grant | Op::Command | Op::End | Op::Fault, _) => {}
        }
    }

    /// What can only be told when everything is known.
    pub(crate) fn finish(mut self) -> (Vec<Problem>, Figures) {
        self.finish_events();
        self.finish_decisions();
        self.finish_viewers();
        self.figures.logs = self.logs.len() as u64;
        for (law, count) in &self.counts {
            if *count > TOLD {
                let what = format!("and {} times more", count - TOLD);
                self.problems.push(Problem { law, what });
            }
        }
        self.problems.sort_by(|a, b| a.law.cmp(b.law));
        (self.problems, self.figures)
    }

    fn problem(&mut self, law: &'static str, what: String) {
        let count = self.counts.entry(law).or_default();
        *count += 1;
        if *count <= TOLD {
            self.problems.push(Problem { law, what });
        }
    }

    /// The same text, kept once.
    fn name(&mut self, name: &str) -> Rc<str> {
        if let Some(known) = self.names.get(name) {
            return Rc::clone(known);
        }
        let name: Rc<str> = name.into();
        self.names.insert(Rc::clone(&name));
        name
    }

    fn log(&mut self, exec: &str, epoch: &str) -> usize {
        let key = (exec.to_owned(), epoch.to_owned());
        let logs = &mut self.logs;
        *self.log_ids.entry(key).or_insert_with(|| {
            let log = Log { exec: exec.to_owned(), epoch: epoch.to_owned(), ..Log::default() };
            logs.push(log);
            logs.len() - 1
        })
    }

    /// A record, as somebody was told it. Everybody must be told the same.
    fn row(&mut self, entry: &Entry, at_last: bool) {
        let id = self.log(&entry.exec, &entry.epoch);
        let (by, producer) = (self.name(&entry.proc), self.name(&entry.producer));
        let at = usize::try_from(entry.seq).unwrap_or(0);
        let log = &mut self.logs[id];
        if at == 0 || at > 100_000_000 {
            let what = format!("{} is told {}:{}", entry.proc, entry.epoch, entry.seq);
            return self.problem("c1", what);
        }
        if log.rows.len() <= at {
            log.rows.resize(at + 1, None);
        }
        if entry.kind == "execution_complete" {
            log.over = Some(entry.stage.clone());
        }
        match &mut log.rows[at] {
            Some(row) if row.frame != entry.frame => {
                let what = format!(
                    "{} {}:{} is one thing to {} and another to {}",
                    entry.exec, entry.epoch, entry.seq, row.by, entry.proc
                );
                self.problem("c2", what);
            }
            Some(row) => row.at_last |= at_last,
            empty => {
                *empty = Some(Row {
                    frame: entry.frame,
                    by,
                    producer,
                    pseq: entry.pseq,
                    content: Content::of(&entry.content),
                    at_last,
                });
                self.settled(id, entry);
            }
        }
    }

    /// The state at a place, as somebody has it. Everybody must have the same.
    fn state(&mut self, entry: &Entry) {
        if entry.state == 0 {
            return;
        }
        let id = self.log(&entry.exec, &entry.epoch);
        let known = self.logs[id].states.get(&entry.seq);
        match known {
            Some((state, by)) if *state != entry.state => {
                let what = format!(
                    "the state of {} at {}:{} is one to {by} and another to {} ({:?})",
                    entry.exec, entry.epoch, entry.seq, entry.proc, entry.op
                );
                let at_last = matches!(entry.op, Op::Quiet | Op::LastState);
                self.problem(if at_last { "c7" } else { "c5" }, what);
            }
            Some(_) => {}
            None => {
                let state = (entry.state, self.name(&entry.proc));
                self.logs[id].states.insert(entry.seq, state);
            }
        }
    }
}

/// An engine's name, and which start of it.
fn start(proc: &str) -> (String, u64) {
    let (name, epoch) = proc.split_once('#').unwrap_or((proc, "0"));
    (name.to_owned(), epoch.parse().unwrap_or(0))
}
