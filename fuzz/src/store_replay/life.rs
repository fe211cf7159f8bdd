//! A store in which something has happened, made once: what lies in it, and what was written, turn by turn.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::{Arc, OnceLock};
use std::task::{Context, Poll, Waker};
use std::time::{Duration, Instant};
use std::{future::Future, pin::pin};

use bytes::Bytes;
use footplate::core::{Claim, Effect, Execution, Input, KeptRecord, Limits, Relay};
use footplate::engine::pb::{ExecutionStatus, NodeStatus, OutcomeStatus};
use footplate::model::{
    ExecutionId, LinkId, Now, Position, Principal, Pseq, Seq, Timestamp, ViewerId,
};
use footplate::seams::Disk;
use footplate::store::{Backend, Commit, Fault, Keeper, Opened, Options};
use redb::{Database, ReadableDatabase, ReadableTable, TableDefinition};

use super::super::words;
use super::sheet::{PAGE, Sheet};

pub(super) const NUMBERED: TableDefinition<'_, &str, u64> = TableDefinition::new("meta");
pub(super) const NAMES: TableDefinition<'_, &str, u64> = TableDefinition::new("names");
pub(super) const HEADS: TableDefinition<'_, u64, &[u8]> = TableDefinition::new("heads");
pub(super) const RECORDS: TableDefinition<'_, (u64, u64), &[u8]> = TableDefinition::new("records");
pub(super) const FOLDS: TableDefinition<'_, (u64, u64), &[u8]> = TableDefinition::new("folds");
pub(super) const FENCES: TableDefinition<'_, &str, &[u8]> = TableDefinition::new("fences");
pub(super) const TOMBSTONES: TableDefinition<'_, &str, &[u8]> = TableDefinition::new("tombstones");

/// What a relay makes of a store: each execution, where it stands and how.
pub(super) type States = BTreeMap<ExecutionId, (Position, Execution)>;

/// Where a row stands.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Place {
    Head(u64),
    Record(u64, u64),
    Fold(u64, u64),
    Fence(String),
    Tombstone(String),
}

/// A store, and what was written.
pub(super) struct Life {
    /// As its relay left it, having stopped, and having been killed.
    pub(super) stopped: Arc<Vec<u8>>,
    pub(super) killed: Arc<Vec<u8>>,
    /// Pages of both with something in them.
    pub(super) used: Vec<usize>,
    /// What a relay that starts makes of it; and what one would have after each turn.
    pub(super) known: States,
    pub(super) before: Vec<States>,
    pub(super) records: BTreeMap<ExecutionId, Vec<KeptRecord>>,
    pub(super) rows: BTreeMap<Place, Vec<u8>>,
    pub(super) now: Now,
}

pub(super) fn life() -> &'static Life {
    static LIFE: OnceLock<Life> = OnceLock::new();
    LIFE.get_or_init(Life::live)
}

pub(super) fn options() -> Options {
    Options { checkpoint: 1_500, cache: 1 << 20, ..Options::default() }
}

pub(super) fn limits() -> Limits {
    Limits { afterlife: Duration::from_secs(60), ..Limits::default() }
}

pub(super) fn open(sheet: &Sheet, now: Now, aside: bool) -> Result<(Relay, Opened), Fault> {
    let disk: Arc<dyn Disk> = Arc::new(sheet.clone());
    let fresh = || Relay::new(9, limits());
    Keeper::open(&disk, Path::new("/store"), options(), now, aside, fresh)
}

pub(super) fn states(relay: &Relay) -> States {
    relay.executions().map(|(id, at, state)| (id.clone(), (at, state.clone()))).collect()
}

/// What is done at once, on this disk.
pub(super) fn at_once<T>(future: impl Future<Output = T>) -> T {
    match pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(done) => done,
        Poll::Pending => unreachable!("it waits for nothing"),
    }
}

impl Life {
    fn live() -> Self {
        let mut now = Now { instant: Instant::now(), time: Timestamp(1_795_168_800_000_000) };
        let sheet = Sheet::default();
        let (mut relay, opened) = open(&sheet, now, false).expect("it is empty");
        let (mut keeper, mut wanted, mut images) = (opened.keeper, BTreeSet::new(), vec![]);
        let mut keep = |relay: &mut Relay| {
            let effects: Vec<Effect> = std::iter::from_fn(|| relay.poll_effect()).collect();
            let commit = Commit::of(relay, &effects, std::mem::take(&mut wanted));
            let wants = at_once(keeper.append_batch(commit)).expect("this disk is sound");
            wanted.extend(wants.checkpoints);
            images.push(Arc::new(sheet.bytes()));
        };
        for input in story(now.time) {
            if let Some(input) = input {
                relay.handle(now, input);
            } else {
                let by = Duration::from_secs(61);
                now = Now { instant: now.instant + by, time: now.time.after(by) };
                relay.handle_timeout(now);
            }
            keep(&mut relay);
        }
        let records = relay.executions().map(|(id, at, _)| {
            let piece = opened.reader.piece(id, at.epoch, Seq(0), usize::MAX);
            (id.clone(), piece.expect("it is sound").expect("it is there").records)
        });
        let records = records.collect();
        let killed = Arc::new(sheet.bytes());
        drop((keeper, opened.reader));
        let stopped = Arc::new(sheet.bytes());
        let found = |image: &Arc<Vec<u8>>| {
            let (relay, _) = open(&Sheet::of(Arc::clone(image)), now, false).expect("it is sound");
            states(&relay)
        };
        let known = found(&stopped);
        assert!(known.len() == 3 && known == found(&killed), "both are the same store");
        let before = images.iter().map(found).collect();
        let pages = stopped.chunks(PAGE).zip(killed.chunks(PAGE)).enumerate();
        let empty = |page: &[u8]| page.iter().all(|it| *it == 0);
        let used = pages.filter(|(_, (one, two))| !empty(one) || !empty(two));
        let used = used.map(|(number, _)| number).collect();
        let rows = rows(&Sheet::of(Arc::clone(&stopped)));
        Self { stopped, killed, used, known, before, records, rows, now }
    }
}

/// Four executions: one goes on, one has a question that was decided, one is over and forgotten, one is
/// small. `None`: time passes.
fn story(time: Timestamp) -> Vec<Option<Input>> {
    let mut story = vec![];
    let id = |it: &str| -> ExecutionId { it.parse().expect("it is a name") };
    let greets = |link: u64, producer: &str, executions: &[&str], story: &mut Vec<_>| {
        let claims = executions.iter().map(|it| Claim::of(id(it))).collect();
        let hello = words::hello(producer, 1 + link, "here", true, claims);
        story.push(Some(Input::Greeted { link: LinkId(link), hello }));
    };
    let says = |link: u64, execution: &str, first: u64, events: &[Bytes]| {
        let (first, events) = (Some(Pseq(first)), words::read(time, events));
        let (link, execution) = (LinkId(link), id(execution));
        Some(Input::Published { link, execution, first, batch_ref: 0, events })
    };
    greets(1, "w1", &["x1", "x2", "x3", "x4"], &mut story);
    greets(2, "w2", &["x2"], &mut story);
    let done = words::finished(ExecutionStatus::Completed);
    story.push(says(1, "x3", 1, &[words::log("soon gone"), done]));
    story.push(None);
    story.push(says(1, "x4", 1, &[words::started("flow", "four")]));
    let gate = |version| words::gate("g", version, 2, "Is this fine?");
    story.push(says(1, "x2", 1, &[words::node("n", NodeStatus::Running), gate(1)]));
    let mut numbers = (1, 3);
    for round in 0..7 {
        let line = |n: u64| words::log(&format!("line {n} of round {round}: {}", ".".repeat(40)));
        let events = [words::node(&format!("n{round}"), NodeStatus::Running), line(1), line(2)];
        story.push(says(1, "x1", numbers.0, &events));
        story.push(says(1, "x2", numbers.1, &[line(3)]));
        story.push(says(2, "x2", 1 + round, &[line(4)]));
        numbers = (numbers.0 + 3, numbers.1 + 1);
        if round == 3 || round == 4 {
            let (decision, who) = (format!("d{round}"), ["ada", "bob"][round as usize - 3]);
            let ask = words::decision(&decision, "x2", "g", 1, "approve");
            let principal = Principal::named(who);
            story.push(Some(Input::Decided { viewer: ViewerId(1), principal, ask }));
        }
        if round == 6 {
            let applied = words::outcome("d4", "g", OutcomeStatus::Applied);
            story.push(says(1, "x2", numbers.1, &[applied]));
            numbers.1 += 1;
        }
    }
    greets(3, "w2", &["x2"], &mut story);
    story.push(says(1, "x1", numbers.0, &[words::gate("h", 1, 0, "And this?")]));
    story
}

/// Every row that is kept under a checksum.
fn rows(sheet: &Sheet) -> BTreeMap<Place, Vec<u8>> {
    let database = Database::builder().create_with_backend(sheet.clone()).expect("it is sound");
    let read = database.begin_read().expect("it is sound");
    let mut rows = BTreeMap::new();
    for row in read.open_table(HEADS).expect("it is there").iter().expect("it is sound") {
        let (key, value) = row.expect("it is sound");
        rows.insert(Place::Head(key.value()), value.value().to_vec());
    }
    for (table, place) in
        [(RECORDS, Place::Record as fn(u64, u64) -> Place), (FOLDS, Place::Fold as fn(_, _) -> _)]
    {
        for row in read.open_table(table).expect("it is there").iter().expect("it is sound") {
            let (key, value) = row.expect("it is sound");
            let (log, seq) = key.value();
            rows.insert(place(log, seq), value.value().to_vec());
        }
    }
    for (table, place) in [
        (FENCES, Place::Fence as fn(String) -> Place),
        (TOMBSTONES, Place::Tombstone as fn(_) -> _),
    ] {
        for row in read.open_table(table).expect("it is there").iter().expect("it is sound") {
            let (key, value) = row.expect("it is sound");
            rows.insert(place(key.value().to_owned()), value.value().to_vec());
        }
    }
    rows
}
