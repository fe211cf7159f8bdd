//! D2 to D8 as they are meant of commands: carried out once, because somebody asked, and what is told
//! of one goes forward and is true.

use std::collections::{BTreeMap, BTreeSet};

use super::decisions::{CONCLUDED, rank};
use super::{Promise, Seen};
use crate::sim::history::{What, Wish};

pub(super) fn judge(seen: &mut Seen) {
    let mut faults = asked_for(seen);
    faults.extend(receipts(seen));
    faults.extend(concluded(seen));
    faults.into_iter().for_each(|it| seen.fault(it));
}

/// D6: an engine gets what somebody wants of that execution, and nothing else.
fn asked_for(seen: &Seen) -> Vec<String> {
    let mut faults = vec![];
    let mut asked: BTreeSet<(&str, &str)> = BTreeSet::new();
    for entry in &seen.entries {
        match &entry.what {
            What::Wants(Wish::Order { id, execution }) => drop(asked.insert((execution, id))),
            What::Ordered { execution, id, .. } if !asked.contains(&(&**execution, &**id)) => {
                faults.push(format!("D6: nobody wanted {id} of {execution}"));
            }
            _ => {}
        }
    }
    faults
}

/// D4 and D8: what is told of a command that was recorded goes forward, to a last word that is true
/// and stays.
fn receipts(seen: &Seen) -> Vec<String> {
    let mut faults = vec![];
    let mut boots: BTreeMap<&str, &str> = BTreeMap::new();
    let mut told: BTreeMap<(&str, &str), (&str, &str)> = BTreeMap::new();
    let obeyed: BTreeSet<&str> = seen.entries.iter().filter_map(|it| obeyed(&it.what)).collect();
    for entry in &seen.entries {
        match &entry.what {
            What::Came { boot } => drop(boots.insert(&entry.who, boot)),
            What::Told(frame) if frame["type"] == "receipt" => {
                let Some(id) = frame["command_id"].as_str() else { continue };
                let (stage, boot) = (frame["stage"].as_str().unwrap(), boots[&*entry.who]);
                // That it takes long is no stage.
                if stage == "waiting" {
                    continue;
                }
                let key = (&*entry.who, id);
                let remembers = |then: &str| then == boot || seen.promise == Promise::Local;
                let before = told.get(&key).filter(|(_, then)| remembers(then));
                // Refused where it was asked for, it was never a command.
                if stage == "refused" && before.is_none() {
                    continue;
                }
                if let Some((before, _)) = before {
                    // What nobody knew may come out.
                    let known = CONCLUDED <= rank(before) && *before != "outcome_unknown";
                    let concluded = known && stage != *before;
                    if rank(stage) < rank(before) || concluded {
                        faults.push(format!("D4: {id} was {before}, and is {frame}"));
                    }
                }
                if stage == "applied" && !obeyed.contains(id) {
                    faults.push(format!("D6: nobody has carried {id} out: {frame}"));
                }
                if stage == "refused" && obeyed.contains(id) {
                    faults.push(format!("D6: {id} was carried out: {frame}"));
                }
                told.insert(key, (stage, boot));
            }
            _ => {}
        }
    }
    faults
}

fn obeyed(what: &What) -> Option<&str> {
    if let What::Obeyed { id, .. } = what { Some(id) } else { None }
}

/// D3: with everybody back, no command waits.
fn concluded(seen: &Seen) -> Vec<String> {
    let mut faults = vec![];
    for (execution, state) in &seen.states {
        for command in state["commands"].as_array().into_iter().flatten() {
            let stage = command["stage"].as_str().unwrap_or_default();
            if rank(stage) < CONCLUDED {
                faults.push(format!("D3: {execution}: {} is still {stage}", command["command_id"]));
            }
        }
    }
    faults
}
