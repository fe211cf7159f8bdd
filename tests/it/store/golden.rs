//! Rows that an earlier relay has written must stay readable, and what is written must not change by
//! accident. `tests/golden/store/1` has one file for each table: today's code reads each row into
//! exactly the value in `values.rs`, and writes that value as exactly these bytes.
//!
//! No command rewrites them. A field that is added at a struct's end, with a default, changes the
//! bytes: then the row as it was goes to `older.txt`, where it must be readable for as long as there
//! are stores of this version, and the one that is printed here takes its place.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use footplate::core::{Checkpoint, Effect, Ending, Kept, KeptRecord, Relay};
use footplate::model::{After, Decision, Fact, Origin, Position, Record, Resolution, Seq, Vote};
use footplate::seams::Disk;
use footplate::store::{Backend, Commit, Options};
use futures_util::FutureExt;
use redb::{
    Builder, Database, ReadableDatabase, ReadableTable, ReadableTableMetadata, TableDefinition,
};

use super::values::Values;
use super::{DIRECTORY, now, open};
use crate::platter::Platter;
use crate::script;

const META: TableDefinition<'_, &str, u64> = TableDefinition::new("meta");
const HEADS: TableDefinition<'_, u64, &[u8]> = TableDefinition::new("heads");
const NAMES: TableDefinition<'_, &str, u64> = TableDefinition::new("names");
const RECORDS: TableDefinition<'_, (u64, u64), &[u8]> = TableDefinition::new("records");
const FOLDS: TableDefinition<'_, (u64, u64), &[u8]> = TableDefinition::new("folds");
const FENCES: TableDefinition<'_, &str, &[u8]> = TableDefinition::new("fences");
const TOMBSTONES: TableDefinition<'_, &str, &[u8]> = TableDefinition::new("tombstones");
const DEAD: TableDefinition<'_, u64, ()> = TableDefinition::new("dead");

/// Each table's rows: key, and value or bytes in hexadecimal.
type Rows = BTreeMap<&'static str, BTreeMap<String, String>>;

const TABLES: [&str; 8] =
    ["meta", "heads", "names", "records", "folds", "fences", "tombstones", "dead"];

fn file(table: &str) -> PathBuf {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/store/1");
    folder.join(table).with_extension("txt")
}

/// The rows of a file: a key, perhaps what it holds, and the bytes.
fn listed(table: &str) -> BTreeMap<String, String> {
    let text = fs::read_to_string(file(table)).unwrap_or_default();
    let rows = text.lines().filter(|it| !it.is_empty() && !it.starts_with('#'));
    let row = |line: &str| {
        let words: Vec<&str> = line.split(' ').collect();
        (words[0].to_owned(), (*words.last().unwrap()).to_owned())
    };
    rows.map(row).collect()
}

fn golden() -> Rows {
    TABLES.iter().map(|table| (*table, listed(table))).collect()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|it| format!("{it:02x}")).collect()
}

fn unhex(text: &str) -> Vec<u8> {
    let digits = text.as_bytes().chunks(2).map(|it| str::from_utf8(it).unwrap());
    digits.map(|it| u8::from_str_radix(it, 16).unwrap()).collect()
}

fn pair(key: &str) -> (u64, u64) {
    let (log, seq) = key.split_once('/').unwrap();
    (log.parse().unwrap(), seq.parse().unwrap())
}

/// A store with these rows, and nothing else.
fn written(rows: &Rows) -> Platter {
    let platter = Platter::default();
    let database = platter.begin(Path::new(DIRECTORY), &Builder::new(), &|_| Ok(())).unwrap();
    let transaction = database.begin_write().unwrap();
    {
        let mut meta = transaction.open_table(META).unwrap();
        for (key, value) in &rows["meta"] {
            meta.insert(&**key, value.parse::<u64>().unwrap()).unwrap();
        }
        let mut names = transaction.open_table(NAMES).unwrap();
        for (key, value) in &rows["names"] {
            names.insert(&**key, value.parse::<u64>().unwrap()).unwrap();
        }
        let mut heads = transaction.open_table(HEADS).unwrap();
        for (key, value) in &rows["heads"] {
            heads.insert(key.parse::<u64>().unwrap(), &*unhex(value)).unwrap();
        }
        for (name, table) in [("records", RECORDS), ("folds", FOLDS)] {
            let mut table = transaction.open_table(table).unwrap();
            for (key, value) in &rows[name] {
                table.insert(pair(key), &*unhex(value)).unwrap();
            }
        }
        for (name, table) in [("fences", FENCES), ("tombstones", TOMBSTONES)] {
            let mut table = transaction.open_table(table).unwrap();
            for (key, value) in &rows[name] {
                table.insert(&**key, &*unhex(value)).unwrap();
            }
        }
        assert!(
            rows["dead"].is_empty() && transaction.open_table(DEAD).unwrap().is_empty().unwrap()
        );
    }
    transaction.commit().unwrap();
    drop(database);
    platter
}

/// Every row of a store.
fn found(database: &Database) -> Rows {
    let read = database.begin_read().unwrap();
    let mut rows: Rows = TABLES.iter().map(|it| (*it, BTreeMap::new())).collect();
    let mut add = |table, key: String, value| drop(rows.get_mut(table).unwrap().insert(key, value));
    for (name, table) in [("meta", META), ("names", NAMES)] {
        for row in read.open_table(table).unwrap().iter().unwrap() {
            let (key, value) = row.unwrap();
            add(name, key.value().to_owned(), value.value().to_string());
        }
    }
    for row in read.open_table(HEADS).unwrap().iter().unwrap() {
        let (key, value) = row.unwrap();
        add("heads", key.value().to_string(), hex(value.value()));
    }
    for (name, table) in [("records", RECORDS), ("folds", FOLDS)] {
        for row in read.open_table(table).unwrap().iter().unwrap() {
            let (key, value) = row.unwrap();
            let (log, seq) = key.value();
            add(name, format!("{log}/{seq}"), hex(value.value()));
        }
    }
    for (name, table) in [("fences", FENCES), ("tombstones", TOMBSTONES)] {
        for row in read.open_table(table).unwrap().iter().unwrap() {
            let (key, value) = row.unwrap();
            add(name, key.value().to_owned(), hex(value.value()));
        }
    }
    assert!(read.open_table(DEAD).unwrap().is_empty().unwrap());
    let known: Vec<String> =
        read.list_tables().unwrap().map(|it| redb::TableHandle::name(&it).to_owned()).collect();
    assert!(
        known.iter().all(|it| TABLES.contains(&&**it)),
        "a table that is no golden row's: {known:?}"
    );
    rows
}

fn record(kept: &Kept, seq: u64, it: &KeptRecord) -> Arc<Record> {
    let KeptRecord { time, hash, size, restored, fact } = it.clone();
    Arc::new(Record {
        execution: kept.execution.clone(),
        position: Position { epoch: kept.epoch, seq: Seq(seq) },
        time,
        fact,
        origin: Origin { hash, size: size as usize, restored },
        contradiction: None,
        after: After::default(),
    })
}

/// What a commit of these values writes.
fn commit(values: &Values) -> Rows {
    let [first, second, third] = &values.kept;
    let all = values.records.iter().enumerate();
    let mut records: Vec<_> = all.map(|(n, (_, it))| record(first, n as u64 + 1, it)).collect();
    records.push(record(second, 1, &values.records[0].1));
    records.push(record(third, 1, &values.of_a_tenant));
    let commit = Commit {
        records,
        kept: values.kept.to_vec(),
        fences: vec![values.fence.clone()],
        forgotten: vec![values.tombstone.clone()],
        checkpoints: vec![(first.execution.clone(), values.checkpoint.clone())],
    };
    let platter = Platter::default();
    let (_, opened) = open(&platter, Options::default(), false).unwrap();
    let mut keeper = opened.keeper;
    keeper.append_batch(commit).now_or_never().expect("it is inline").unwrap();
    drop((keeper, opened.reader));
    let database = platter.open(Path::new(DIRECTORY), &Builder::new()).unwrap().unwrap();
    found(&database)
}

/// What the rows amount to, as the relay and its readers read them.
fn read(rows: &Rows, values: &Values) -> (Relay, Vec<KeptRecord>, Option<Checkpoint>) {
    let (relay, opened) = open(&written(rows), Options::default(), false).unwrap();
    assert!(opened.loaded.damage.is_empty(), "{:?}", opened.loaded.damage);
    let [first, second, third] = &values.kept;
    let piece = |kept: &Kept, after| {
        opened.reader.piece(&kept.execution, kept.epoch, after, usize::MAX).unwrap().unwrap()
    };
    assert_eq!(piece(second, Seq(0)).records, [values.records[0].1.clone()]);
    assert_eq!(piece(third, Seq(0)).records, std::slice::from_ref(&values.of_a_tenant));
    let checkpoint = piece(first, first.last).checkpoint;
    let records = piece(first, Seq(0)).records;
    (relay, records, checkpoint)
}

#[test]
fn what_is_written_is_the_golden_rows_to_the_byte() {
    let values = Values::of_version_1();
    let (rows, golden) = (commit(&values), golden());
    let mut lines = String::new();
    for table in TABLES {
        for (key, bytes) in
            rows[table].iter().filter(|(key, it)| golden[table].get(*key) != Some(it))
        {
            let name = (table == "records").then(|| &*values.records[pair(key).1 as usize - 1].0);
            let name = name.map_or(String::new(), |it| format!("{it} "));
            lines += &format!("{table}: {key} {name}{bytes}\n");
        }
        let gone = golden[table].keys().find(|it| !rows[table].contains_key(*it));
        assert_eq!(gone, None, "{table}: no value stands for this row");
    }
    assert!(
        lines.is_empty(),
        "the stored form has changed: what this relay writes, an earlier one need not be able to \
         read. If that is meant, see the top of tests/it/store/golden.rs; today's rows are\n{lines}"
    );
}

#[test]
fn what_an_earlier_relay_has_written_is_read_as_what_it_was() {
    let values = Values::of_version_1();
    let (mut relay, records, checkpoint) = read(&golden(), &values);
    assert_eq!(records.len(), values.records.len());
    for (found, (name, expected)) in records.iter().zip(&values.records) {
        assert_eq!(found, expected, "{name}");
    }
    assert_eq!(checkpoint.as_ref(), Some(&values.checkpoint));
    for kept in &values.kept {
        assert_eq!(relay.kept(&kept.execution).as_ref(), Some(kept));
    }
    assert_eq!(relay.tombstone(&values.tombstone.execution), Some(&values.tombstone));
    // A fence can't be looked at, but an earlier start and somebody else run into it.
    for (greeting, why) in [
        ("w1/6@l1 greets x1 is unix:1000", Ending::Fenced),
        ("w1/7@l2 greets x1 is unix:1001", Ending::Forbidden),
    ] {
        relay.handle(now(), script::input(now().time, greeting));
        let ends = std::iter::from_fn(|| relay.poll_effect());
        let ends: Vec<Ending> = ends
            .filter_map(|it| if let Effect::End { why, .. } = it { Some(why) } else { None })
            .collect();
        assert_eq!(ends, [why]);
    }
}

/// A vote and a decision as they were before the modification's digest was kept beside it.
#[test]
fn rows_of_this_version_with_fewer_fields_are_read_too() {
    let values = Values::of_version_1();
    let (mut rows, older) = (golden(), listed("older"));
    assert!(older.keys().count() > 5);
    for (key, bytes) in &older {
        let known = rows.get_mut("records").unwrap().insert(key.clone(), bytes.clone()).unwrap();
        assert_ne!(&known, bytes, "{key}: this one has all its fields");
    }
    let (_, records, _) = read(&rows, &values);
    for (n, (found, (name, expected))) in records.iter().zip(&values.records).enumerate() {
        let mut expected = expected.clone();
        if older.contains_key(&format!("1/{}", n + 1)) {
            expected.fact = without_digest(&expected.fact);
        }
        assert_eq!(found, &expected, "{name}");
    }
}

fn without_digest(fact: &Fact) -> Fact {
    let vote = |it: &Vote| Vote { modification_sha256: None, ..it.clone() };
    let decision = |it: &Decision| {
        let votes = it.votes.iter().map(vote).collect();
        Arc::new(Decision { modification_sha256: None, votes, ..it.clone() })
    };
    match fact.clone() {
        Fact::Voted { gate, vote: it } => Fact::Voted { gate, vote: Arc::new(vote(&it)) },
        Fact::Resolved { gate, resolution: Resolution::Decided(it) } => {
            Fact::Resolved { gate, resolution: Resolution::Decided(decision(&it)) }
        }
        Fact::Resolved { gate, resolution: Resolution::Expired(it) } => {
            Fact::Resolved { gate, resolution: Resolution::Expired(decision(&it)) }
        }
        Fact::Delivered { gate, decision: it, delivery, reason } => {
            Fact::Delivered { gate, decision: decision(&it), delivery, reason }
        }
        other => panic!("nothing was added to this: {other:?}"),
    }
}

/// So that nobody adds a kind of event, or of fact, without a row for it.
#[test]
fn each_kind_of_event_and_of_fact_has_a_golden_row() {
    let facts = [
        "said.",
        "rejected.",
        "voted",
        "resolved.",
        "delivered.",
        "commanded.",
        "command_moved.",
        "engine_lost",
        "engine_attached",
    ];
    let text = |path: &str| {
        let root = Path::new(env!("CARGO_MANIFEST_DIR"));
        fs::read_to_string(root.join(path)).unwrap()
    };
    let variants = |text: &str, of: &str| -> Vec<String> {
        let body = text.split(&format!("pub enum {of} {{")).nth(1).unwrap();
        let body = body.split("\n}").next().unwrap();
        let lines = body
            .lines()
            .filter(|it| it.starts_with("    ") && it.as_bytes()[4].is_ascii_uppercase());
        let name =
            |it: &str| it.trim().split(|c: char| !c.is_alphanumeric()).next().unwrap().to_owned();
        lines.map(name).collect()
    };
    let names: Vec<String> = Values::of_version_1().records.into_iter().map(|it| it.0).collect();
    let kinds = variants(&text("src/model/event.rs"), "Kind");
    assert!(20 < kinds.len(), "{kinds:?}");
    for kind in kinds {
        let mut word = String::from("said.");
        for c in kind.chars() {
            if c.is_uppercase() && !word.ends_with('.') {
                word.push('_');
            }
            word.extend(c.to_lowercase());
        }
        assert!(names.iter().any(|it| it.starts_with(&word)), "{word} has no row");
    }
    assert_eq!(variants(&text("src/model/record.rs"), "Fact").len(), facts.len());
    for fact in facts {
        assert!(names.iter().any(|it| it.starts_with(fact)), "{fact} has no row");
    }
}
