//! What makes a line, and what stands in it.

use std::time::Duration;

use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use super::{CANARY, Desk, kinds, verify};

fn sha256(text: &str) -> Value {
    Sha256::digest(text).iter().map(|it| format!("{it:02x}")).collect::<String>().into()
}

/// Without what differs from line to line.
fn bare(line: &Value) -> Value {
    let mut line = line.clone();
    for key in ["seq", "prev_hash", "hash", "time", "record"] {
        line.as_object_mut().unwrap().remove(key).unwrap();
    }
    line
}

#[tokio::test]
async fn what_people_decide_makes_a_line_each_with_who_and_what_they_saw() {
    let mut desk = Desk::story().await;
    desk.ends().await;
    let lines = desk.lines();
    assert_eq!(
        kinds(&lines),
        [
            "begun",
            "gate_opened",
            "vote",
            "losing_vote",
            "vote",
            "resolved",
            "losing_vote",
            "delivered",
            "applied",
            "command",
            "command_moved",
            "ended"
        ]
    );
    let digest = "09".repeat(32);
    let gate = json!({ "execution_id": "x1", "node_id": "deploy", "gate_id": "g", "gate_version": 1,
        "producer_id": "w1", "producer_epoch": 1, "action_digest": digest,
        "deadline": "1970-01-01T01:00:00.030000Z" });
    let with = |more: Value| {
        let mut all = gate.clone();
        all.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        all
    };
    let who = |name: &str| json!({ "subject": name, "method": "none", "groups": [] });
    assert_eq!(bare(&lines[1]), with(json!({ "kind": "gate_opened", "source": "engine" })));
    assert_eq!(
        bare(&lines[2]),
        with(json!({ "kind": "vote", "decision_id": "d1", "option": "approve",
            "decision_kind": "approve", "source": "human", "principal": who("ada"),
            "session": { "viewer": 1 }, "shown_digest": digest, "comment_digest": sha256(CANARY) }))
    );
    // She is excluded, and her answer is no record of the log.
    let mut eve = lines[3].clone();
    eve["record"] = Value::Null;
    assert_eq!(
        bare(&eve),
        with(json!({ "kind": "losing_vote", "decision_id": "d2", "option": "approve",
            "decision_kind": "approve", "outcome": "forbidden", "source": "human",
            "principal": who("eve"), "session": { "viewer": 2 }, "comment_digest": sha256(CANARY) }))
    );
    assert_eq!(
        bare(&lines[5]),
        with(json!({ "kind": "resolved", "decision_id": "d3", "option": "approve",
            "decision_kind": "approve", "outcome": "decided", "source": "human",
            "principal": who("bob"), "shown_digest": digest, "latency_ms": 30 }))
    );
    // He is told who was first, and so is whoever reads this.
    assert_eq!(lines[6]["outcome"], "already_decided");
    assert_eq!(lines[6]["principal"], who("cy"));
    assert_eq!(
        lines[6]["won"],
        json!({ "outcome": "decided", "decision_id": "d3", "option": "approve",
            "decision_kind": "approve", "source": "human", "principal": who("bob"),
            "time": "1970-01-01T00:00:00.060000Z" })
    );
    assert_eq!(
        bare(&lines[8]),
        with(json!({ "kind": "applied", "decision_id": "d3", "option": "approve",
            "decision_kind": "approve", "source": "engine", "reason_digest": sha256(CANARY) }))
    );
    assert_eq!(
        bare(&lines[9]),
        json!({ "kind": "command", "execution_id": "x1", "command_id": "c1", "command": "pause",
            "outcome": "recorded", "source": "human", "principal": who("ada"),
            "session": { "viewer": 1 }, "reason_digest": sha256(CANARY) })
    );
    assert_eq!(
        (&lines[10]["command_id"], &lines[10]["outcome"]),
        (&json!("c1"), &json!("applied"))
    );

    let text = std::fs::read_to_string(desk.path()).unwrap();
    assert!(!text.contains(CANARY));
    let checked = verify(text.as_bytes(), None).unwrap();
    assert_eq!(checked.lines, 12);
    let last: Value = lines[11]["hash"].clone();
    assert_eq!(checked.head.to_string(), last.as_str().unwrap());
    assert!(desk.metrics.encode().contains(&format!("footplate_audit_head_info{{hash={last}}} 1")));
    assert!(desk.metrics.encode().contains("footplate_audit_lines_total 12\n"));
}

#[tokio::test]
async fn the_clock_and_the_engine_make_lines_too() {
    let mut desk = Desk::new();
    desk.does(&[
        "w1/1@l1 greets x1 from 1",
        "l1 says x1 1 gate late 1 within 5s else reject; gate back 1; gate moved 1; gate away 1",
        "l1 says x1 2 log nothing to audit",
    ])
    .await;
    desk.waits(Duration::from_secs(5)).await;
    desk.does(&[
        "l1 withdraws x1 back 1 because canary",
        "v1 ada decides x1 back 1 approve as d1",
        "l1 says x1 5 gate moved 2",
        "v1 ada decides x1 moved 1 approve as d2 because canary",
        "v1 ada decides x1 moved 2 shrug-canary as d3",
        "l1 says x1 6 closed away elsewhere",
        "l1 says x1 7 closed away elsewhere",
        "l1 says x1 8 finished cancelled",
        "v1 ada pauses x1 as c1 because canary",
    ])
    .await;
    desk.ends().await;
    let lines = desk.lines();
    let brief = |it: &Value| {
        let word = |key: &str| it[key].as_str().unwrap_or("").to_owned();
        [word("kind"), word("gate_id"), word("outcome"), word("source")].join(" ")
    };
    let brief: Vec<_> = lines[1..].iter().map(brief).collect();
    assert_eq!(
        brief,
        [
            "gate_opened late  engine",
            "gate_opened back  engine",
            "gate_opened moved  engine",
            "gate_opened away  engine",
            "resolved late expired timer",
            "resolved back withdrawn engine",
            "losing_vote back gate_closed human",
            "resolved moved superseded engine",
            "gate_opened moved  engine",
            "losing_vote moved gate_changed human",
            "losing_vote moved refused human",
            "resolved away decided_elsewhere engine",
            "resolved moved cancelled engine",
            "outcome_unknown late  engine",
            "command  refused human",
            "ended  stopped "
        ]
    );
    let timer = &lines[5];
    assert_eq!((&timer["decision_kind"], &timer["option"]), (&json!("reject"), &json!("reject")));
    assert_eq!(timer["latency_ms"], 5_010, "{timer}");
    assert!(timer.get("principal").is_none(), "nobody did");
    let changed = &lines[10];
    assert_eq!(changed["gate_version"], 1, "what was answered, not what there is");
    // What no gate declares is what somebody typed.
    assert_eq!(lines[11]["option_digest"], sha256("shrug-canary"));
    assert!(!std::fs::read_to_string(desk.path()).unwrap().contains(CANARY));
}

#[tokio::test]
async fn a_modification_shows_as_digests_of_what_was_before_and_after() {
    let mut desk = Desk::new();
    desk.does(&[
        "w1/1@l1 greets x1 from 1",
        "l1 says x1 1 gate g 1",
        "v1 ada decides x1 g 1 modify as d1 with {\"canary\":1}",
        // The same again: nothing has happened.
        "v1 ada decides x1 g 1 modify as d1 with {\"canary\":1}",
        "l1 says x1 2 gate g 1",
    ])
    .await;
    desk.ends().await;
    let lines = desk.lines();
    assert_eq!(kinds(&lines), ["begun", "gate_opened", "vote", "resolved", "ended"]);
    for line in &lines[2..4] {
        assert_eq!(line["payload_after_digest"], sha256("{\"canary\":1}"));
    }
    assert!(!std::fs::read_to_string(desk.path()).unwrap().contains(CANARY));
}
