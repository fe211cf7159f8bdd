//! Records and states as frames: for each dialect, each kind of record that it has a word for.

use std::hint::black_box;
use std::sync::Arc;

use footplate::core::Execution;
use footplate::dialect::{Dialect, Dialects};
use footplate::frame::Frames;
use footplate::model::{ExecutionId, Fact, Position, Record};

use crate::cases::{Case, Work};
use crate::core::decision;
use crate::events::{Make, log, node};
use crate::kinds::{cost, edge, failure, gate, graph, mutated, progress, started, tool};
use crate::material::{JSON, NODES, World, execution};

/// Records of the short run, and of the long one.
const RECORDS: (usize, usize) = (64, 512);
/// States.
const STATES: (usize, usize) = (4, 16);
/// Records in a buffer before it is used again.
const BUFFER: usize = 32;

pub(crate) fn cases() -> Vec<Case> {
    let kinds: [(&str, Make); 11] = [
        ("node", node),
        ("log", log),
        ("cost", cost),
        ("progress", progress),
        ("edge", edge),
        ("tool", tool),
        ("failure", failure),
        ("gate", gate),
        ("started", started),
        ("graph", graph),
        ("mutated", mutated),
    ];
    let mut cases = vec![];
    for dialect in Dialects::default().all() {
        let name = dialect.name();
        for (kind, make) in kinds {
            // Not every protocol has a word for everything.
            if has_word(dialect, &said(make)) {
                cases.push(record(format!("{name}/{kind}"), dialect, move || said(make)));
            }
        }
        if has_word(dialect, &resolved()) {
            cases.push(record(format!("{name}/resolved"), dialect, resolved));
        }
        let state = move || whole(dialect, |it, id, at, state, out| it.state(id, at, state, out));
        cases.push(Case::new(format!("{name}/state"), "state", 1, STATES, state));
        if dialect.calm().is_some() {
            let level =
                move || whole(dialect, |it, id, at, state, out| it.level(id, at, state, out));
            cases.push(Case::new(format!("{name}/level"), "state", 1, STATES, level));
        }
    }
    cases
}

fn record(
    name: String,
    dialect: &'static dyn Dialect,
    make: impl Fn() -> Arc<Record> + Sync + 'static,
) -> Case {
    Case::new(name, "record", 1, RECORDS, move || {
        let (record, mut frames) = (make(), Frames::default());
        dialect.record(&record, &mut frames);
        assert!(!frames.is_empty(), "the dialect has a word for it");
        Box::new(move |units| {
            for n in 0..units {
                if n % BUFFER == 0 {
                    frames.clear();
                }
                dialect.record(black_box(&record), &mut frames);
            }
        })
    })
}

/// The record of one event.
fn said(make: Make) -> Arc<Record> {
    let records = World::new().say(&[make(20, JSON)]);
    let own = |it: &&Arc<Record>| matches!(it.fact, Fact::Said { .. });
    records.iter().find(own).cloned().expect("an event has a record")
}

/// That a gate is decided.
fn resolved() -> Arc<Record> {
    let mut world = World::new();
    world.say(&[gate(0, JSON)]);
    let records = world.records(decision(0));
    let own = |it: &&Arc<Record>| matches!(it.fact, Fact::Resolved { .. });
    records.iter().find(own).cloned().expect("one vote is enough")
}

/// Whether a protocol says anything of a record.
fn has_word(dialect: &dyn Dialect, record: &Record) -> bool {
    let mut frames = Frames::default();
    dialect.record(record, &mut frames);
    !frames.is_empty()
}

/// What is said of an execution as a whole.
type Whole = fn(&dyn Dialect, &ExecutionId, Position, &Execution, &mut Frames);

/// All nodes have run, and somebody is asked.
fn whole(dialect: &'static dyn Dialect, say: Whole) -> Work {
    let mut world = World::new();
    let mut events: Vec<_> = (0..2 * NODES).map(|n| node(n, JSON)).collect();
    events.extend([cost(0, 0), gate(0, JSON), gate(1, JSON)]);
    world.say(&events);
    let execution = execution();
    let mut frames = Frames::default();
    Box::new(move |units| {
        for _ in 0..units {
            let (at, state) = world.relay.snapshot(&execution).expect("it has begun");
            frames.clear();
            say(dialect, &execution, at, state, &mut frames);
            assert!(!frames.is_empty(), "there is something to show");
        }
    })
}
