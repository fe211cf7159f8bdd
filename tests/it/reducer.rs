//! A client of the native protocol, as small as one can be: it keeps the state by replacing what
//! frames state. It knows no type of frame that it need not know, which is the point.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

/// What is remembered of what is over.
const SETTLED_GATES: usize = 256;
const COMMANDS: usize = 256;
const ERRORS: usize = 100;

/// The lists of a state, and by which fields their items are told apart.
const LISTS: [(&str, &[&str]); 6] = [
    ("nodes", &["node_id"]),
    ("edges", &["source", "target"]),
    ("gates", &["gate_id"]),
    ("commands", &["command_id"]),
    ("producers", &["producer_id"]),
    ("producer_costs", &["producer_id"]),
];

/// The state of one execution, as its frames tell it.
#[derive(Debug, Default)]
pub(crate) struct Reducer {
    epoch: Option<String>,
    last: u64,
    /// Everything that is no list.
    rest: Map<String, Value>,
    lists: BTreeMap<&'static str, BTreeMap<Vec<String>, Value>>,
    errors: Vec<Value>,
    /// The parts of a snapshot that is still coming in.
    parts: Vec<Value>,
}

impl Reducer {
    /// One that has seen everything up to a record, and remembers nothing of it.
    pub(crate) fn at(epoch: &str, seq: u64) -> Self {
        Self { epoch: Some(epoch.to_owned()), last: seq, ..Self::default() }
    }

    /// Whether a snapshot is still coming in.
    pub(crate) fn is_partial(&self) -> bool {
        !self.parts.is_empty()
    }

    /// Takes one frame of the execution. What is no record and no snapshot is passed over.
    ///
    /// # Errors
    /// When a record is missing, or a part of a snapshot.
    pub(crate) fn frame(&mut self, frame: &Value) -> Result<(), String> {
        if frame["type"] == "snapshot" {
            return self.part(frame);
        }
        let Some(seq) = frame["seq"].as_u64() else { return Ok(()) };
        if !self.parts.is_empty() {
            return Err(format!("record {seq} in the middle of a snapshot"));
        }
        let epoch = frame["epoch"].as_str().ok_or("a record without an epoch")?;
        if self.epoch.as_deref().is_some_and(|known| known != epoch) {
            return Err(format!("record {seq} is of epoch {epoch}"));
        }
        if seq <= self.last {
            return Ok(());
        }
        if seq != self.last + 1 {
            return Err(format!("record {seq} follows on {}", self.last));
        }
        self.epoch = Some(epoch.to_owned());
        self.last = seq;
        self.record(frame);
        Ok(())
    }

    /// The newest record that it knows of.
    pub(crate) fn last(&self) -> u64 {
        self.last
    }

    /// The state, in the shape of a merged snapshot's.
    pub(crate) fn state(&self) -> Value {
        let mut state = self.rest.clone();
        for count in ["dropped", "rejected"] {
            state.entry(count).or_insert_with(|| json!(0));
        }
        // Before anything is said of them.
        state.entry("execution").or_insert_with(|| json!({}));
        state.entry("progress").or_insert_with(|| {
            json!({ "status": "created", "nodes": 0, "running": 0, "waiting": 0, "completed": 0,
                "failed": 0, "open_gates": 0 })
        });
        state.entry("cost").or_insert_with(|| {
            json!({ "spent_usd_nanos": 0, "spent": 0.0, "input_tokens": 0, "output_tokens": 0,
                "total_tokens": 0 })
        });
        for (list, _) in LISTS {
            let items = self.lists.get(list).map(|items| items.values().cloned().collect());
            state.insert(list.into(), Value::Array(items.unwrap_or_default()));
        }
        state.insert("errors".into(), json!(self.errors));
        Value::Object(state)
    }

    fn part(&mut self, frame: &Value) -> Result<(), String> {
        self.parts.push(frame.clone());
        if frame["part"] != self.parts.len() {
            return Err(format!("part {} comes as {}", frame["part"], self.parts.len()));
        }
        if frame["part"] != frame["parts"] {
            return Ok(());
        }
        let Value::Object(state) = merge(&std::mem::take(&mut self.parts))? else { unreachable!() };
        *self = Self {
            epoch: frame["epoch"].as_str().map(str::to_owned),
            last: frame["seq"].as_u64().ok_or("a snapshot without a seq")?,
            ..Self::default()
        };
        for (key, value) in state {
            match (LISTS.iter().find(|(list, _)| *list == key), value) {
                (Some((list, by)), Value::Array(items)) => {
                    items.into_iter().for_each(|item| self.replace(list, by, item));
                }
                (None, Value::Array(errors)) if key == "errors" => self.errors = errors,
                (_, value) => drop(self.rest.insert(key, value)),
            }
        }
        Ok(())
    }

    fn record(&mut self, frame: &Value) {
        // Of a record that changed nothing, this much still counts.
        if frame["seq"] == 1 {
            self.rest.insert("first_time".into(), frame["ts"].clone());
        }
        self.rest.insert("last_time".into(), frame["ts"].clone());
        if !frame["contradiction"].is_null() {
            self.heard(frame);
            return;
        }
        for piece in ["progress", "execution", "cost"] {
            if let Some(value) = frame.get(piece) {
                self.rest.insert(piece.into(), value.clone());
            }
        }
        for (piece, list) in [
            ("node", "nodes"),
            ("gate", "gates"),
            ("command", "commands"),
            ("producer", "producers"),
            ("producer_cost", "producer_costs"),
        ] {
            if let Some(value) = frame.get(piece) {
                let by = LISTS.iter().find(|(name, _)| *name == list).unwrap().1;
                self.replace(list, by, value.clone());
            }
        }
        self.heard(frame);
        self.graph(frame);
        match frame["type"].as_str() {
            Some("error") => {
                let mut error = frame["failure"].clone();
                error["time"] = frame["ts"].clone();
                self.errors.push(error);
                let over = self.errors.len().saturating_sub(ERRORS);
                self.errors.drain(..over);
            }
            Some("events_dropped") => self.count("dropped", frame["count"].as_u64().unwrap()),
            Some("rejected") => self.count("rejected", 1),
            _ => (),
        }
        self.forget("gates", SETTLED_GATES, |gate| gate["resolution"] != "open");
        self.forget("commands", COMMANDS, |_| true);
    }

    /// A producer has used a number of its lane.
    fn heard(&mut self, frame: &Value) {
        if let (Some(producer), Some(pseq)) = (frame["producer_id"].as_str(), frame.get("pseq"))
            && let Some(producers) = self.lists.get_mut("producers")
            && let Some(producer) = producers.get_mut(&vec![producer.to_owned()])
        {
            producer["last_pseq"] = pseq.clone();
        }
    }

    fn graph(&mut self, frame: &Value) {
        let items = |key: &str| frame[key].as_array().cloned().unwrap_or_default();
        for brief in items("nodes") {
            // A node in a graph is told in part: what is not stated stays.
            let nodes = self.lists.entry("nodes").or_default();
            let node = nodes.entry(key(&["node_id"], &brief)).or_insert_with(|| json!({}));
            let Value::Object(brief) = brief else { unreachable!() };
            node.as_object_mut().unwrap().extend(brief);
        }
        for edge in items("edges") {
            self.replace("edges", &["source", "target"], edge);
        }
        for node in items("removed_node_ids") {
            let node = vec![node.as_str().unwrap().to_owned()];
            self.lists.entry("nodes").or_default().remove(&node);
        }
        for edge in items("removed_edges") {
            self.lists.entry("edges").or_default().remove(&key(&["source", "target"], &edge));
        }
    }

    fn replace(&mut self, list: &'static str, by: &[&str], item: Value) {
        self.lists.entry(list).or_default().insert(key(by, &item), item);
    }

    fn count(&mut self, what: &str, more: u64) {
        let sum = self.rest.get(what).and_then(Value::as_u64).unwrap_or(0) + more;
        self.rest.insert(what.into(), json!(sum));
    }

    /// Of what is settled only the last is kept, here as there.
    fn forget(&mut self, list: &'static str, limit: usize, settled: impl Fn(&Value) -> bool) {
        let items = self.lists.entry(list).or_default();
        let mut old: Vec<_> = items
            .iter()
            .filter(|(_, item)| settled(item))
            .map(|(key, item)| (item["since_seq"].as_u64(), key.clone()))
            .collect();
        old.sort();
        let over = old.len().saturating_sub(limit);
        for (_, key) in old.drain(..over) {
            items.remove(&key);
        }
    }
}

fn key(by: &[&str], item: &Value) -> Vec<String> {
    by.iter().map(|field| item[field].as_str().unwrap().to_owned()).collect()
}

/// Puts a snapshot's parts together: lists one behind the other, all else from the first.
///
/// # Errors
/// When parts are of different snapshots, or one is missing.
pub(crate) fn merge(parts: &[Value]) -> Result<Value, String> {
    let first = parts.first().ok_or("no part")?;
    let mut state = first["state"].clone();
    if first["parts"] != parts.len() {
        return Err(format!("{} of {} parts", parts.len(), first["parts"]));
    }
    for part in &parts[1..] {
        if ["execution_id", "epoch", "seq", "parts"].iter().any(|key| part[key] != first[key]) {
            return Err("parts of different snapshots".to_owned());
        }
        for (key, more) in part["state"].as_object().ok_or("a part without a state")? {
            let items = state[key].as_array_mut().ok_or_else(|| format!("{key} is no list"))?;
            items.extend(more.as_array().ok_or_else(|| format!("{key} is no list"))?.clone());
        }
    }
    Ok(state)
}
