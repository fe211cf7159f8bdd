//! D1 to D8: a gate is settled once, takes effect once, as somebody has asked, and whoever asks
//! again is told the same.

use std::collections::{BTreeMap, BTreeSet};

use super::{Promise, Seen};
use crate::sim::history::{Ask, Question, Start, What, Wish};

pub(super) fn judge(seen: &mut Seen) {
    let mut faults = settled_once(seen);
    faults.extend(effects(seen));
    faults.extend(concluded(seen));
    faults.extend(receipts(seen));
    faults.extend(deliveries(seen));
    faults.into_iter().for_each(|it| seen.fault(it));
}

/// D1, and D8 as the log tells it.
fn settled_once(seen: &Seen) -> Vec<String> {
    let mut faults = vec![];
    for (execution, logs) in &seen.logs {
        for (epoch, log) in logs {
            let mut settled: BTreeSet<(&str, u64)> = BTreeSet::new();
            let mut stages: BTreeMap<(&str, u64), usize> = BTreeMap::new();
            for (seq, record) in log {
                let gate = (record["gate_id"].as_str(), record["gate_version"].as_u64());
                let (Some(gate), Some(version)) = gate else { continue };
                let at = format!("{execution} {epoch}:{seq}: {gate} {version}");
                if record["type"] == "gate_resolved" && !settled.insert((gate, version)) {
                    faults.push(format!("D1: {at} is settled twice"));
                }
                if record["type"] == "gate_delivery" && record["contradiction"].is_null() {
                    let stage = rank(record["delivery"].as_str().unwrap_or_default());
                    let before = stages.insert((gate, version), stage);
                    if before.is_some_and(|before| stage < before) {
                        faults.push(format!("D8: {at} goes back to {}", record["delivery"]));
                    }
                }
            }
        }
    }
    faults
}

/// D2 and D6: at most one effect of a gate, and that as somebody has asked.
fn effects(seen: &Seen) -> Vec<String> {
    let mut faults = vec![];
    let mut taken: BTreeMap<(&str, &str), &str> = BTreeMap::new();
    let mut asked: BTreeMap<&str, Vec<&Ask>> = BTreeMap::new();
    for entry in &seen.entries {
        match &entry.what {
            What::Wants(Wish::Decide(ask)) => asked.entry(&ask.id).or_default().push(ask),
            What::Got { of, id, option, .. } | What::Effect { of, id, option, .. } => {
                let took = matches!(entry.what, What::Effect { .. });
                let before = took.then(|| taken.insert((&of.execution, &of.gate), id));
                if let Some(before) = before.flatten() {
                    faults.push(format!("D2: {of:?} took {id} after {before}"));
                }
                let by = asked.get(&**id).into_iter().flatten();
                let is_asked = by.clone().any(|it| it.of == *of && it.option == option);
                if !is_asked && !id.starts_with("timer-") {
                    let by: Vec<_> = by.collect();
                    faults.push(format!("D6: nobody has asked for {option} at {of:?}: {by:?}"));
                }
            }
            _ => {}
        }
    }
    faults
}

/// D3: with everybody back, nothing that was decided waits.
fn concluded(seen: &Seen) -> Vec<String> {
    let mut faults = vec![];
    for (execution, state) in &seen.states {
        for gate in state["gates"].as_array().into_iter().flatten() {
            let decided = gate["resolution"] == "decided" || gate["resolution"] == "expired";
            let stage = gate["delivery"].as_str().unwrap_or_default();
            if decided && rank(stage) < CONCLUDED {
                faults.push(format!("D3: {execution}: {} is still {stage}", gate["gate_id"]));
            }
        }
        if state["progress"]["open_gates"] != 0 {
            faults.push(format!("D3: {execution} is over, with gates open"));
        }
    }
    faults
}

/// D4 and D8: what a dashboard is told of one decision only goes forward, as long as the relay
/// remembers.
fn receipts(seen: &Seen) -> Vec<String> {
    let mut faults = vec![];
    let mut boots: BTreeMap<&str, &str> = BTreeMap::new();
    let mut asked: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    let mut told: BTreeMap<(&str, &str), (&str, &str)> = BTreeMap::new();
    for entry in &seen.entries {
        match &entry.what {
            What::Came { boot } => drop(boots.insert(&entry.who, boot)),
            What::Wants(Wish::Decide(ask)) => {
                asked.entry(&ask.id).or_default().insert(ask.option);
            }
            What::Told(frame) if frame["type"] == "receipt" => {
                let Some(id) = frame["decision_id"].as_str() else { continue };
                let (stage, boot) = (frame["stage"].as_str().unwrap(), boots[&*entry.who]);
                if stage == "id_reused" {
                    if asked.get(id).is_none_or(|options| options.len() < 2) {
                        faults.push(format!("D4: {id} was used once: {frame}"));
                    }
                    continue;
                }
                let before = told.insert((&entry.who, id), (stage, boot));
                let Some((before, then)) = before else { continue };
                let remembers = then == boot || seen.promise == Promise::Local;
                if remembers && rank(before) != 0 && rank(stage) < rank(before) {
                    faults.push(format!("D4: {id} was {before}, and is {frame}"));
                }
                if remembers && CONCLUDED <= rank(before) && stage != before {
                    faults.push(format!("D4: {id} was {before} in the end, and is {frame}"));
                }
            }
            _ => {}
        }
    }
    faults
}

/// D7, and what D1 means to an engine: it gets the decisions on its own gates, and of each gate in
/// each version one.
fn deliveries(seen: &Seen) -> Vec<String> {
    let mut faults = vec![];
    let mut asks: BTreeSet<(&str, &Question)> = BTreeSet::new();
    let mut boots: BTreeMap<&Start, &str> = BTreeMap::new();
    let mut got: BTreeMap<(&Question, &str), &str> = BTreeMap::new();
    for entry in &seen.entries {
        match &entry.what {
            What::Asks { start, of } => drop(asks.insert((&start.producer, of))),
            What::Welcomed { start, boot, .. } => drop(boots.insert(start, boot)),
            What::Got { start, of, id, .. } => {
                if !asks.contains(&(&*start.producer, of)) {
                    faults.push(format!("D7: {start:?} never asked {of:?}"));
                }
                let boot = if seen.promise == Promise::Local { "" } else { boots[start] };
                let before = got.insert((of, boot), id);
                if let Some(before) = before.filter(|before| before != id) {
                    faults.push(format!("D1: {of:?} was decided by {before} and by {id}"));
                }
            }
            _ => {}
        }
    }
    faults
}

/// How far a decision or a command is. What is none of its stages is 0.
pub(super) fn rank(stage: &str) -> usize {
    match stage {
        "recorded" | "queued" => 1,
        "sent" => 2,
        "delivered" => 3,
        "in_progress" => 4,
        "applied" | "refused" | "failed" | "outcome_unknown" => CONCLUDED,
        _ => 0,
    }
}

/// Where nothing is waited for any longer.
pub(super) const CONCLUDED: usize = 5;
