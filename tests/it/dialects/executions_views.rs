//! What an execution viewer ends up with is what the state says, whenever it came (C7).

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Instant;

use footplate::core::{Effect, Execution, Limits, Relay};
use footplate::dialect::Dialect;
use footplate::dialect::executions::Executions;
use footplate::model::*;
use proptest::prelude::*;
use serde_json::{Value, json};

use super::executions::{REAL, SEED};
use super::fold::derive;
use super::values;
use crate::script;

/// What happens to `x1`, one thing after the other.
const HAPPENS: &[&str] = &[
    "l1 says x1 - started",
    "l1 says x1 - status running",
    "l1 says x1 - status paused",
    "l1 says x1 - progress 0.5",
    "l1 says x1 - progress ? at n",
    "l1 says x1 - node n running",
    "l1 says x1 - node m running",
    "l1 says x1 - node n completed output 1",
    "l1 says x1 - node m failed",
    "l1 says x1 - node n pending",
    "l1 says x1 - node k pending",
    "l1 says x1 - nodeprogress p 0.5",
    "l1 says x1 - graph a b a>b",
    "l1 says x1 - graph -n",
    "l1 says x1 - mutated -m c",
    "l1 says x1 - gate g 1 at n asks A?",
    "l1 says x1 - gate g 2 at n asks C?",
    "l1 says x1 - gate h 1 asks B?",
    "v1 ada decides x1 g 1 approve as d1",
    "v1 ada decides x1 h 1 reject as d2",
    "l1 says x1 - outcome d1 g applied",
    "l1 says x1 - outcome d2 h refused",
    "l1 says x1 - closed g withdrawn",
    "l1 says x1 - log x",
    "l1 says x1 - failure y",
    "l1 says x1 - finished failed",
];

fn played(inputs: &[&str]) -> Vec<Arc<Record>> {
    let mut relay = Relay::new(7, Limits::default());
    let now = Now { instant: Instant::now(), time: Timestamp(1_795_168_800_000_000) };
    let mut records = vec![];
    for input in ["w1/1@l1 greets x1"].iter().chain(inputs) {
        relay.handle(now, script::input(now.time, input));
        while let Some(effect) = relay.poll_effect() {
            if let Effect::Append(record) = effect {
                records.push(record);
            }
        }
    }
    records
}

/// Who has heard every record knows what somebody is told who comes now.
fn hears_the_state(dialect: Executions, log: &[Arc<Record>]) {
    let state = Execution::fold(log.iter().map(|it| &**it), &Limits::default());
    let mut derived = state.clone();
    derive(&mut derived);
    assert_eq!(
        derived, state,
        "what follows from the nodes and the gates is kept in step with them"
    );
    let last = log.last().unwrap();
    let mut heard: BTreeMap<String, Value> = BTreeMap::new();
    for message in values(|out| log.iter().for_each(|it| dialect.record(it, out))) {
        heard.extend(key(message));
    }
    let shown = values(|out| dialect.state(&last.execution, last.position, &state, out));
    // Before anything is said of it, it is pending.
    let silent = json!({ "type": "status", "execution_id": "x1", "status": "pending", "data": {} });
    heard.entry("status".to_owned()).or_insert(silent);
    for (key, shown) in shown.into_iter().filter_map(key) {
        // A node that has been declared and has not begun is told of in the state only.
        let quiet = key.starts_with("node") && shown["node_state"]["status"] == "pending";
        match heard.get(&key) {
            None if quiet => (),
            heard => assert_eq!(heard, Some(&shown)),
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 500, ..ProptestConfig::default() })]

    #[test]
    fn c7_the_last_of_each_message_is_the_state(
        inputs in prop::collection::vec(prop::sample::select(HAPPENS), 1..40)
    ) {
        let log = played(&inputs);
        for dialect in [SEED, REAL] {
            hears_the_state(dialect, &log);
        }
    }
}

/// What a message replaces, and the message without its time.
fn key(mut message: Value) -> Option<(String, Value)> {
    message.as_object_mut().unwrap().remove("timestamp");
    let kind = message["type"].as_str().unwrap();
    let key = match kind {
        "log" => return None,
        "node_update" => format!("node {}", message["node_id"]),
        _ => kind.to_owned(),
    };
    Some((key, message))
}
