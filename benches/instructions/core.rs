//! The core alone: inputs in, effects out and dropped. Nobody watches.

use std::hint::black_box;

use bytes::Bytes;
use footplate::core::Input;
use footplate::dialect::{Call, Dialect, native::Native};
use footplate::model::{DecisionAsk, Principal, Target, ViewerId};

use crate::cases::{Case, Work};
use crate::events::{Make, log, node};
use crate::kinds::{cost, gate, gate_id, progress};
use crate::material::{EXECUTION, JSON, World, received};

/// Events of a batch.
const BATCH: usize = 256;
/// Events of the short run: more than the relay keeps.
const SHORT: usize = 1_280;
/// And of the long one.
const LONG: usize = 3_840;
/// Decisions: more than are remembered, and no more gates than may be open.
const DECISIONS: (usize, usize) = (300, 900);

pub(crate) fn cases() -> Vec<Case> {
    let kinds: [(&str, Make, &[usize]); 4] = [
        ("log", log, &[1, BATCH]),
        ("node", node, &[1, BATCH]),
        ("cost", cost, &[BATCH]),
        ("progress", progress, &[BATCH]),
    ];
    let mut cases = vec![];
    for (kind, make, batches) in kinds {
        for &batch in batches {
            let name = format!("core/{kind}/{batch}");
            let units = (SHORT / batch, LONG / batch);
            cases.push(Case::new(name, "event", batch, units, move || handle(make, batch)));
        }
    }
    cases.push(Case::new("decision/read", "frame", 1, (64, 512), read));
    cases.push(Case::new("decision/core", "decision", 1, DECISIONS, decide));
    cases
}

/// A batch for each unit.
fn handle(make: Make, batch: usize) -> Work {
    let mut world = World::new();
    let mut input = |nth: usize| {
        let events = (nth * batch..(nth + 1) * batch).map(|n| received(&make(n, JSON)));
        let events = events.collect();
        world.published(events)
    };
    let inputs: Vec<Input> = (0..LONG / batch).map(&mut input).collect();
    let mut inputs = inputs.into_iter();
    Box::new(move |units| {
        for input in inputs.by_ref().take(units) {
            world.turn(input);
        }
    })
}

/// A dashboard's words for a decision.
fn read() -> Work {
    let frame = format!(
        r#"{{"type":"human_decision","decision_id":"0191c0de-7","execution_id":"{EXECUTION}","gate_id":"{}","gate_version":1,"option_id":"approve","comment":"looks good"}}"#,
        gate_id(7)
    );
    let mut conversation = Native.converse(&Call::default());
    Box::new(move |units| {
        for _ in 0..units {
            let said = conversation.read(black_box(&frame));
            assert!(said.is_ok(), "it is understood: {said:?}");
        }
    })
}

/// One decision for each gate: a vote, its resolution, what the engine and the viewer are told.
fn decide() -> Work {
    let mut world = World::new();
    for n in 0..DECISIONS.1 {
        world.say(&[gate(n, JSON) as Bytes]);
    }
    let mut asks: Vec<Input> = (0..DECISIONS.1).map(decision).collect();
    asks.reverse();
    Box::new(move |units| {
        for _ in 0..units {
            world.turn(asks.pop().expect("there is one for each"));
        }
    })
}

/// The nth gate is approved.
pub(crate) fn decision(n: usize) -> Input {
    let gate = gate_id(n).parse().expect("a name");
    let ask = DecisionAsk {
        id: Some(format!("decision-{n}").parse().expect("a name")),
        execution: EXECUTION.into(),
        target: Target::Gate { gate, version: 1 },
        option: "approve".into(),
        comment: Some("looks good".into()),
        modification: None,
        payload_sha256: None,
    };
    Input::Decided { viewer: ViewerId(1), principal: Principal::named("ada"), ask }
}
