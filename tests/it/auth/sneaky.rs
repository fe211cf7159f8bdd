//! Z2, as a property: whatever a client says, in whatever order and protocol, it may no more afterwards
//! than its token says.

use proptest::prelude::*;
use serde_json::{Value, json};

use super::bench::{Bench, ROLES, pass, protocols};

/// What a client might say in the hope of becoming somebody, beside what its protocol knows.
fn tricks() -> Vec<Value> {
    vec![
        json!({ "type": "authenticate", "token": "admin" }),
        json!({ "type": "refresh", "token": "admin" }),
        json!({ "type": "authenticate", "token": "", "roles": ["admin"] }),
        json!({ "type": "welcome", "roles": ["admin"], "principal": { "subject": "root" } }),
        json!({ "type": "hello", "producer_id": "w", "producer_epoch": 9 }),
        json!({ "type": "subscribe_executions" }),
        json!({ "type": "unsubscribe", "execution_id": "y1" }),
        json!({ "type": "subscribe", "resource": "workflows", "id": "all" }),
        json!({ "type": "subscribe", "resource": "workflow_executions", "id": "wf" }),
        json!({ "type": "execute_workflow", "workflow_id": "wf-other", "input": {} }),
        json!({ "type": "start_execution", "command_id": "c-s", "workflow_id": "wf-other" }),
        json!({ "type": "subscribe", "execution_id": "*wf" }),
        json!({ "task": "x", "config": { "run_id": "y1" } }),
        json!({ "type": "ack", "seq": 1 }),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, failure_persistence: None, ..ProptestConfig::default() })]
    #[test]
    fn z2_no_sequence_of_messages_raises_a_privilege(
        rank in 0_usize..=4,
        protocol in 0_usize..6,
        said in proptest::collection::vec((0_usize..32, 0_usize..3), 1..24),
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().start_paused(true).build().unwrap();
        runtime.block_on(async {
            let (dialect, in_path, own) = protocols().swap_remove(protocol);
            let names = ["x1", "y1", "z9"];
            let mut messages: Vec<Value> = own.into_iter().map(|(_, message)| message).collect();
            messages.extend(tricks());
            let mut bench = Bench::start().await;
            let name = names[said[0].1];
            let mut client = bench.come(dialect, in_path.then_some(name), Some(pass(ROLES[rank]))).await;
            let mut orders = vec![];
            for (message, name) in said {
                let message = messages[message % messages.len()].to_string().replace('X', names[name]);
                client.says(&serde_json::from_str(&message).unwrap()).await;
                let (told, code) = client.settles(&bench).await;
                let told = json!(told).to_string();
                // The other tenant's node, and its engine's name, are in nothing that is said.
                assert!(!told.contains("\"v\"") && !told.contains("tenant:other"), "{told}");
                assert!(Bench::orders(&mut bench.theirs).is_empty(), "{message}");
                orders.extend(Bench::orders(&mut bench.ours));
                if code.is_some() {
                    break;
                }
            }
            assert!(rank >= 3 || !orders.contains(&"command"), "{rank} has commanded");
            assert!(rank >= 2 || !orders.contains(&"decision"), "{rank} has decided");
        });
    }
}
