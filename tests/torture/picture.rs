//! An execution as a viewer of the native protocol has it: docs/protocol/native.md, "Keeping the
//! state", word for word. Its hash is kept up with each record, so that the states of any two viewers
//! can be compared at every place and not only in the end.

use std::collections::BTreeMap;
use std::hash::{DefaultHasher, Hash, Hasher};

use serde_json::{Map, Value, json};

const SETTLED_GATES: usize = 256;
const COMMANDS: usize = 256;
const ERRORS: usize = 100;

/// The lists of a state, the part of a frame that replaces an item, and what tells items apart.
const LISTS: [(&str, &str, &[&str]); 6] = [
    ("nodes", "node", &["node_id"]),
    ("edges", "", &["source", "target"]),
    ("gates", "gate", &["gate_id"]),
    ("commands", "command", &["command_id"]),
    ("producers", "producer", &["producer_id"]),
    ("producer_costs", "producer_cost", &["producer_id"]),
];

type Key = (&'static str, String);

/// The state at a place.
#[derive(Debug, Default)]
pub(crate) struct Picture {
    /// Names the log; empty before the first snapshot.
    pub(crate) epoch: String,
    /// The newest record that is in it.
    pub(crate) seq: u64,
    items: BTreeMap<Key, Value>,
    rest: Map<String, Value>,
    errors: Vec<Value>,
    parts: Vec<Value>,
    /// The sum of the hashes of all that is in `items`, `rest` and `errors`.
    sum: u64,
}

impl Picture {
    /// What the state amounts to.
    pub(crate) fn hash(&self) -> u64 {
        self.errors.iter().fold(self.sum, |sum, error| sum.wrapping_add(hash_of("error", error)))
    }

    /// A gate as it is now.
    pub(crate) fn gate(&self, gate: &str) -> Option<&Value> {
        self.items.get(&("gates", gate.to_owned()))
    }

    /// All gates that wait.
    pub(crate) fn open_gates(&self) -> impl Iterator<Item = &Value> {
        let from = ("gates", String::new());
        let gates = self.items.range(from..).take_while(|((list, _), _)| *list == "gates");
        gates.map(|(_, gate)| gate).filter(|gate| gate["resolution"] == "open")
    }

    /// How the execution stands.
    pub(crate) fn status(&self) -> &str {
        self.rest.get("progress").and_then(|it| it["status"].as_str()).unwrap_or("")
    }

    /// Whether it is over.
    pub(crate) fn is_over(&self) -> bool {
        ["completed", "failed", "cancelled", "timed_out"].contains(&self.status())
    }

    /// How far each producer's lane has come.
    pub(crate) fn lanes(&self) -> impl Iterator<Item = (&str, u64)> {
        let from = ("producers", String::new());
        let all = self.items.range(from..).take_while(|((list, _), _)| *list == "producers");
        all.map(|((_, id), it)| (id.as_str(), it["last_pseq"].as_u64().unwrap_or(0)))
    }

    /// Takes a part of a snapshot; true once it was the last.
    ///
    /// # Errors
    /// When parts are missing or mixed.
    pub(crate) fn part(&mut self, frame: Value) -> Result<bool, String> {
        if frame["part"] == 1 {
            self.parts.clear();
        }
        self.parts.push(frame);
        let (first, last) = (&self.parts[0], &self.parts[self.parts.len() - 1]);
        let same = ["epoch", "seq", "parts"].iter().all(|it| first[it] == last[it]);
        if !same || last["part"] != self.parts.len() {
            return Err(format!("part {} comes as {}", last["part"], self.parts.len()));
        }
        if last["part"] != last["parts"] {
            return Ok(false);
        }
        let parts = std::mem::take(&mut self.parts);
        *self = Self {
            epoch: parts[0]["epoch"].as_str().ok_or("a snapshot without an epoch")?.to_owned(),
            seq: parts[0]["seq"].as_u64().ok_or("a snapshot without a seq")?,
            ..Self::default()
        };
        for part in parts {
            let Value::Object(state) = part["state"].clone() else {
                return Err("a part without a state".to_owned());
            };
            for (name, value) in state {
                match (LISTS.iter().find(|(list, ..)| *list == name), value) {
                    (Some((list, _, by)), Value::Array(items)) => {
                        items.into_iter().for_each(|item| self.put(list, by, item));
                    }
                    (None, Value::Array(errors)) if name == "errors" => self.errors.extend(errors),
                    (_, value) => self.set(&name, value),
                }
            }
        }
        Ok(true)
    }

    /// Takes the record that follows.
    ///
    /// # Errors
    /// When it does not follow: what is told then has to be subscribed to again.
    pub(crate) fn record(&mut self, frame: &Value) -> Result<(), String> {
        let (epoch, seq) = (frame["epoch"].as_str().unwrap_or(""), frame["seq"].as_u64());
        if epoch != self.epoch || seq != Some(self.seq + 1) {
            return Err(format!("{epoch}:{seq:?} follows on {}:{}", self.epoch, self.seq));
        }
        self.seq += 1;
        if self.seq == 1 {
            self.set("first_time", frame["ts"].clone());
        }
        self.set("last_time", frame["ts"].clone());
        // Of what contradicts, only that it was said counts.
        if frame["contradiction"].is_null() {
            self.fold(frame);
        }
        let producer = frame["producer_id"].as_str().map(|id| ("producers", id.to_owned()));
        if let (Some(key), Some(pseq)) = (producer, frame.get("pseq"))
            && let Some(mut producer) = self.items.get(&key).cloned()
        {
            producer["last_pseq"] = pseq.clone();
            self.put("producers", &["producer_id"], producer);
        }
        Ok(())
    }

    fn fold(&mut self, frame: &Value) {
        for name in ["execution", "progress", "cost"] {
            if let Some(value) = frame.get(name) {
                self.set(name, value.clone());
            }
        }
        for (list, piece, by) in LISTS {
            if let Some(item) = frame.get(piece) {
                self.put(list, by, item.clone());
            }
        }
        let all = |name: &str| frame[name].as_array().cloned().unwrap_or_default();
        for brief in all("nodes") {
            let key = ("nodes", key(&["node_id"], &brief));
            let mut node = self.items.get(&key).cloned().unwrap_or_else(|| json!({}));
            if let (Some(node), Value::Object(brief)) = (node.as_object_mut(), brief) {
                node.extend(brief);
            }
            self.put("nodes", &["node_id"], node);
        }
        for edge in all("edges") {
            self.put("edges", &["source", "target"], edge);
        }
        for id in all("removed_node_ids") {
            self.remove(&("nodes", id.as_str().unwrap_or("").to_owned()));
        }
        for edge in all("removed_edges") {
            self.remove(&("edges", key(&["source", "target"], &edge)));
        }
        match frame["type"].as_str() {
            Some("error") => {
                let mut error = frame["failure"].clone();
                error["time"] = frame["ts"].clone();
                self.errors.push(error);
                let over = self.errors.len().saturating_sub(ERRORS);
                self.errors.drain(..over);
            }
            Some("events_dropped") => self.count("dropped", frame["count"].as_u64().unwrap_or(0)),
            Some("rejected") => self.count("rejected", 1),
            _ => (),
        }
        self.forget("gates", SETTLED_GATES, |gate| gate["resolution"] != "open");
        self.forget("commands", COMMANDS, |_| true);
    }

    fn put(&mut self, list: &'static str, by: &[&str], item: Value) {
        self.sum = self.sum.wrapping_add(hash_of(list, &item));
        if let Some(old) = self.items.insert((list, key(by, &item)), item) {
            self.sum = self.sum.wrapping_sub(hash_of(list, &old));
        }
    }

    fn remove(&mut self, key: &Key) {
        if let Some(old) = self.items.remove(key) {
            self.sum = self.sum.wrapping_sub(hash_of(key.0, &old));
        }
    }

    fn set(&mut self, name: &str, value: Value) {
        self.sum = self.sum.wrapping_add(hash_of(name, &value));
        if let Some(old) = self.rest.insert(name.to_owned(), value) {
            self.sum = self.sum.wrapping_sub(hash_of(name, &old));
        }
    }

    fn count(&mut self, what: &str, more: u64) {
        let sum = self.rest.get(what).and_then(Value::as_u64).unwrap_or(0) + more;
        self.set(what, json!(sum));
    }

    /// Of what is settled only the last is kept, here as there.
    fn forget(&mut self, list: &'static str, limit: usize, settled: impl Fn(&Value) -> bool) {
        let all = self.items.range((list, String::new())..).take_while(|((of, _), _)| *of == list);
        if all.clone().count() <= limit {
            return;
        }
        let mut old: Vec<_> = all
            .filter(|(_, item)| settled(item))
            .map(|(key, item)| (item["since_seq"].as_u64(), key.clone()))
            .collect();
        if old.len() > limit {
            old.sort();
            for (_, key) in old.drain(..old.len() - limit) {
                self.remove(&key);
            }
        }
    }
}

fn key(by: &[&str], item: &Value) -> String {
    by.iter().map(|name| item[name].as_str().unwrap_or("")).collect::<Vec<_>>().join("\n")
}

/// Objects are written with their names in order, so equal values have equal texts.
fn hash_of(place: &str, value: &Value) -> u64 {
    let mut hasher = DefaultHasher::new();
    (place, value.to_string()).hash(&mut hasher);
    hasher.finish()
}

/// A frame as a whole, as everybody must be shown it.
pub(crate) fn frame_hash(text: &str) -> u64 {
    let mut hasher = DefaultHasher::new();
    text.hash(&mut hasher);
    hasher.finish()
}
