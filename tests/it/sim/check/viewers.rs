//! C1 to C7: every dashboard sees each record once and in order, or is told and shown the state;
//! and a state is the fold of the records.

use std::collections::BTreeMap;
use std::rc::Rc;
use std::time::Duration;

use serde_json::Value;

use super::{Promise, Records, Seen};
use crate::reducer::{Reducer, merge};
use crate::sim::history::What;

/// How long a record is retained.
const RETAINED: Duration = Duration::from_secs(300);

pub(super) fn judge(seen: &mut Seen) {
    let mut faults = missed(seen);
    faults.extend(resumes(seen));
    faults.extend(folds(seen));
    faults.into_iter().for_each(|it| seen.fault(it));
}

/// C1, C2, C3: nobody has noticed that something was missing. A dashboard's reducer looks at each
/// frame when it comes.
fn missed(seen: &Seen) -> Vec<String> {
    let mut faults = vec![];
    for entry in &seen.entries {
        if let What::Missed(what) = &entry.what {
            faults.push(format!("C3: {} at {:?}: {what}", entry.who, entry.at));
        }
    }
    faults
}

/// C4: who comes back within what is retained goes on from where he was, unless the log is another.
fn resumes(seen: &Seen) -> Vec<String> {
    let mut faults = vec![];
    let mut asked: BTreeMap<(&str, &str), Option<(String, u64)>> = BTreeMap::new();
    // A start of the relay can tell by nothing but its calendar how old what it finds is.
    let mut jumped = false;
    for entry in &seen.entries {
        match &entry.what {
            What::Fault(what) => jumped |= what.contains("calendar"),
            What::Subscribes { execution, since } => {
                asked.insert((&entry.who, execution), since.clone());
            }
            What::Told(frame) if frame["type"] == "subscribed" => {
                let execution = frame["execution_id"].as_str().unwrap();
                let since = asked.get(&(&*entry.who, execution)).cloned().flatten();
                let epoch = frame["epoch"].as_str().unwrap();
                let want = match &since {
                    None => (false, Some("fresh")),
                    Some((known, _)) if known == epoch => (true, None),
                    Some(_) => (false, Some("epoch_changed")),
                };
                let told = (frame["recovered"] == true, frame["reason"].as_str());
                let old = RETAINED < entry.at;
                let aged = (jumped || old) && told == (false, Some("too_old"));
                if told != want && !aged {
                    faults.push(format!("C4: {} asked {since:?}, is told {frame}", entry.who));
                }
                if want.1 == Some("epoch_changed") && seen.promise == Promise::Local {
                    faults.push(format!("C4: {} lost its place {since:?}: {frame}", entry.who));
                }
            }
            _ => {}
        }
    }
    faults
}

/// C5: a snapshot is the fold of the records up to its place.
fn folds(seen: &Seen) -> Vec<String> {
    let mut faults = vec![];
    // Snapshots by log and place. Their parts come one behind the other.
    let mut all: BTreeMap<(String, String), BTreeMap<u64, Value>> = BTreeMap::new();
    let mut parts: BTreeMap<Rc<str>, Vec<Value>> = BTreeMap::new();
    for entry in &seen.entries {
        let What::Told(frame) = &entry.what else { continue };
        if frame["type"] != "snapshot" {
            continue;
        }
        let own = parts.entry(entry.who.clone()).or_default();
        if frame["part"] == 1 {
            own.clear();
        }
        own.push((**frame).clone());
        if frame["part"] != frame["parts"] {
            continue;
        }
        let place = |key: &str| frame[key].as_str().unwrap().to_owned();
        let log = all.entry((place("execution_id"), place("epoch"))).or_default();
        match merge(own) {
            Ok(state) => drop(log.insert(frame["seq"].as_u64().unwrap(), state)),
            Err(why) => faults.push(format!("C5: {} got a broken snapshot: {why}", entry.who)),
        }
    }
    for ((execution, epoch), snapshots) in all {
        let log = seen.logs.get(&execution).and_then(|it| it.get(&epoch));
        let Some(log) = log else { continue };
        faults.extend(fold(&execution, log, snapshots));
    }
    faults
}

/// Compares as far as the records are known from the first on.
fn fold(execution: &str, log: &Records, snapshots: BTreeMap<u64, Value>) -> Vec<String> {
    let mut reducer = Reducer::default();
    let mut faults = vec![];
    for (at, state) in snapshots {
        while reducer.last() < at {
            let Some(next) = log.get(&(reducer.last() + 1)) else { return faults };
            if let Err(why) = reducer.frame(next) {
                faults.push(format!("C5: {execution}: {why}"));
                return faults;
            }
        }
        if reducer.state() != state {
            let fold = reducer.state();
            faults.push(format!("C5: {execution}@{at}: {state}\nis not the fold {fold}"));
        }
    }
    faults
}
