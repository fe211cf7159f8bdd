//! What of a frame of the native protocol a history says. `content` is what its engine said, in the
//! words in which engines/engine.py and engines/go/main.go hash what they send.
//!
//! It must never depend on what the relay adds, such as times and numbers of its own.

use serde_json::Value;
use sha2::{Digest, Sha256};

use crate::dashboard::text;
use crate::history::Entry;

/// A record as a line of a history.
pub(crate) fn entry(frame: &Value) -> Entry {
    let kind = text(frame, "type");
    let mut entry = Entry {
        exec: text(frame, "execution_id"),
        epoch: text(frame, "epoch"),
        seq: frame["seq"].as_u64().unwrap_or(0),
        producer: text(frame, "producer_id"),
        pseq: frame["pseq"].as_u64().unwrap_or(0),
        ..Entry::default()
    };
    let gate = || text(frame, "gate_id");
    let version = u32::try_from(frame["gate_version"].as_u64().unwrap_or(0)).unwrap_or(0);
    match kind.as_str() {
        "gate_resolved" => {
            let decision = &frame["gate"]["decision"];
            (entry.gate, entry.version, entry.stage) = (gate(), version, text(frame, "resolution"));
            entry.decision = text(decision, "decision_id");
            entry.option = text(decision, "option_id");
            entry.comment = text(decision, "comment");
            entry.by = text(&decision["by"], "subject");
            entry.reason = text(decision, "source");
        }
        "gate_delivery" => {
            // As it stands now: what an engine says again moves nothing.
            (entry.gate, entry.version) = (gate(), version);
            entry.stage = text(&frame["gate"], "delivery");
            entry.decision = text(frame, "decision_id");
            entry.reason = text(frame, "reason");
        }
        "gate_vote" => {
            (entry.gate, entry.version) = (gate(), version);
            entry.decision = text(frame, "decision_id");
        }
        "human_gate_waiting" => (entry.gate, entry.version) = (gate(), version),
        "command_status" => {
            entry.command = text(frame, "command_id");
            entry.stage = text(&frame["command"], "stage");
        }
        "execution_complete" => entry.stage = text(frame, "status"),
        _ => {}
    }
    if frame["contradiction"].is_null() && entry.pseq > 0 && kind != "rejected" {
        entry.content = digest(&content(&kind, frame));
    }
    entry.fault = text(frame, "contradiction");
    entry.kind = kind;
    entry
}

fn content(kind: &str, frame: &Value) -> String {
    let it = |name: &str| text(frame, name);
    match kind {
        "execution_status" => {
            let change = it("change");
            let status = if change == "started" { String::new() } else { it("status") };
            format!("status|{change}|{status}")
        }
        "execution_complete" => format!("over|{}", it("status")),
        "log" => format!("log|{}|{}|{}", it("node_id"), it("level"), it("message")),
        "node_state" => {
            let reason = text(&frame["node"], "reason");
            format!("node|{}|{}|{reason}", it("node_id"), it("status"))
        }
        "node_progress" => format!("progress|{}|{}", it("node_id"), it("message")),
        "cost_update" => {
            let nanos = frame["increment_usd_nanos"].as_i64().unwrap_or(0);
            format!("cost|{}|{nanos}|{}", it("node_id"), it("model"))
        }
        "human_gate_waiting" => {
            let title = text(&frame["gate"], "title");
            format!("gate|{}|{}|{title}", it("gate_id"), frame["gate_version"])
        }
        "gate_delivery" => {
            format!("outcome|{}|{}|{}", it("gate_id"), it("decision_id"), it("delivery"))
        }
        "command_status" => format!("command|{}|{}", it("command_id"), it("stage")),
        "events_dropped" => format!("dropped|{}", frame["count"]),
        "graph" => "graph_declared".to_owned(),
        other => other.to_owned(),
    }
}

/// As the engines say it.
pub(crate) fn digest(content: &str) -> String {
    Sha256::digest(content).iter().take(8).map(|byte| format!("{byte:02x}")).collect()
}
