//! Records and states as frames: for each dialect, each kind of record that it has a word for.

use std::hint::black_box;
use std::sync::Arc;

use footplate::dialect::{Dialect, native::Native, windags::Windags};
use footplate::frame::Frames;
use footplate::model::{Fact, Record};

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

const WINDAGS: Windags = Windags { wire_extras: true };

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
    let windags = ["node", "cost", "edge", "failure", "gate", "mutated"];
    let mut cases = vec![];
    for (kind, make) in kinds {
        let one = move || said(make);
        cases.push(record(format!("native/{kind}"), &Native, one));
    }
    cases.push(record("native/resolved".to_owned(), &Native, resolved));
    cases.push(Case::new("native/state", "state", 1, STATES, || state(&Native)));
    for (kind, make) in kinds.into_iter().filter(|(kind, _)| windags.contains(kind)) {
        cases.push(record(format!("windags/{kind}"), &WINDAGS, move || said(make)));
    }
    cases.push(Case::new("windags/state", "state", 1, STATES, || state(&WINDAGS)));
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

/// All nodes have run, and somebody is asked.
fn state(dialect: &'static dyn Dialect) -> Work {
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
            dialect.state(&execution, at, state, &mut frames);
            assert!(!frames.is_empty(), "there is something to show");
        }
    })
}
