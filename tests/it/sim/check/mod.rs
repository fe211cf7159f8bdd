//! What always holds, held against a history. Each rule bears the name that the contract gives it,
//! and says what it has found. It must never ask the relay anything: the history is all there is.

mod commands;
mod decisions;
mod events;
mod viewers;

use std::collections::BTreeMap;
use std::rc::Rc;

use serde_json::Value;

use super::history::{Entry, History, What};

/// The records of one log, as anybody was told them, by number.
pub(super) type Records = BTreeMap<u64, Rc<Value>>;

/// What a relay promises beyond the moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Promise {
    /// What is in its memory.
    Memory,
    /// What was committed outlives it.
    Local,
}

/// A history, sorted by what it is about.
pub(super) struct Seen {
    pub(super) entries: Vec<Entry>,
    /// By execution and by the log's epoch.
    pub(super) logs: BTreeMap<String, BTreeMap<String, Records>>,
    /// The epoch of each execution's log in the end.
    pub(super) last: BTreeMap<String, String>,
    /// The state of each execution in the end.
    pub(super) states: BTreeMap<String, Value>,
    pub(super) promise: Promise,
    pub(super) faults: Vec<String>,
}

impl Seen {
    /// Sorts a history. `states` are those of somebody who came late, with their logs' epochs.
    pub(super) fn new(
        history: &History,
        states: BTreeMap<String, (String, Value)>,
        promise: Promise,
    ) -> Self {
        let mut seen = Self {
            entries: history.entries(),
            logs: BTreeMap::new(),
            last: states.iter().map(|(it, (epoch, _))| (it.clone(), epoch.clone())).collect(),
            states: states.into_iter().map(|(it, (_, state))| (it, state)).collect(),
            promise,
            faults: vec![],
        };
        for entry in &seen.entries {
            let What::Told(frame) = &entry.what else { continue };
            let is_record = frame["type"] != "snapshot" && frame.get("event_id").is_some();
            let place = (frame["execution_id"].as_str(), frame["epoch"].as_str());
            let (Some(execution), Some(epoch)) = place else { continue };
            let Some(seq) = frame["seq"].as_u64().filter(|_| is_record) else { continue };
            let logs = seen.logs.entry(execution.to_owned()).or_default();
            let known = logs.entry(epoch.to_owned()).or_default().insert(seq, frame.clone());
            if let Some(known) = known.filter(|known| known != frame) {
                let who = &entry.who;
                seen.faults.push(format!("C2: {who} was told another record: {known}, {frame}"));
            }
        }
        seen
    }

    pub(super) fn fault(&mut self, what: String) {
        self.faults.push(what);
    }

    /// The log of an execution in the end, if all of it was seen.
    pub(super) fn whole(&self, execution: &str) -> Option<&Records> {
        let log = self.logs.get(execution)?.get(self.last.get(execution)?)?;
        is_whole(log).then_some(log)
    }

    /// Holds all rules against it.
    ///
    /// # Errors
    /// What is broken, one line each.
    pub(super) fn judge(mut self) -> Result<(), String> {
        events::judge(&mut self);
        viewers::judge(&mut self);
        decisions::judge(&mut self);
        commands::judge(&mut self);
        if self.faults.is_empty() { Ok(()) } else { Err(self.faults.join("\n")) }
    }
}

/// Whether a log was seen from its first record on.
pub(super) fn is_whole(log: &Records) -> bool {
    log.keys().copied().eq(1..=log.len() as u64)
}
