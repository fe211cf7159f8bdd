//! The state as it was at some record, and what followed on it.

use serde_json::json;

use super::bench::{Bench, Client, Setup};
use super::short;

/// Nodes that come and go, so that no two states are alike.
fn nodes(steps: std::ops::RangeInclusive<u64>) -> Vec<String> {
    let word = |n: u64| ["running", "completed", "failed"][n as usize % 3];
    steps.map(|n| format!("node n{} {}", n % 7, word(n))).collect()
}

async fn asks(client: &mut Client, seq: u64) -> serde_json::Value {
    client.seen.clear();
    let at = json!({ "seq": seq });
    client.says(&json!({ "type": "subscribe", "execution_id": "x1", "at": at })).await;
    client.is_told("x1").await
}

#[tokio::test(start_paused = true)]
async fn c5_the_state_at_a_record_is_the_fold_of_all_up_to_it() {
    let mut bench = Bench::start(short()).await;
    let mut states = vec![];
    for n in 1..=60 {
        bench.says("x1", &nodes(n..=n)).await;
        states.push((bench.head("x1").await, bench.state("x1", None).await));
    }
    let first = states[0].0;
    let mut bench = bench.restart().await;
    let head = bench.head("x1").await;
    let last = bench.state("x1", None).await;
    for (seq, state) in &states {
        assert_eq!(bench.state("x1", Some(*seq)).await, *state, "at {seq}");
    }
    for (seq, state) in states.iter().step_by(7) {
        let seq = *seq;
        let mut client = bench.come().await;
        let told = asks(&mut client, seq).await;
        assert_eq!((&told["recovered"], &told["reason"]), (&json!(false), &json!("fresh")));
        assert_eq!((&told["from"], &told["head"]), (&json!(seq), &json!(head)));
        let snapshot = client.takes().await;
        assert_eq!((&snapshot["type"], &snapshot["seq"]), (&json!("snapshot"), &json!(seq)));
        assert_eq!(client.state("x1"), *state, "at {seq}");
        client.comes_to("x1", head).await;
        assert_eq!(client.state("x1"), last);
        assert_eq!(client.snapshots, 1);
    }
    // And then live.
    let mut client = bench.come().await;
    asks(&mut client, first).await;
    bench.says("x1", &nodes(61..=90)).await;
    let head = bench.head("x1").await;
    client.comes_to("x1", head).await;
    assert_eq!(client.state("x1"), bench.state("x1", None).await);
    bench.end().await;
}

#[tokio::test(start_paused = true)]
async fn what_lies_before_everything_is_nothing() {
    let mut bench = Bench::start(short()).await;
    bench.says("x1", &nodes(1..=30)).await;
    let head = bench.head("x1").await;
    let mut client = bench.come().await;
    assert_eq!(asks(&mut client, 0).await["from"], 0);
    client.takes().await;
    assert_eq!(client.state("x1")["nodes"], json!([]));
    client.comes_to("x1", head).await;
    assert_eq!(client.state("x1"), bench.state("x1", None).await);
    bench.end().await;
}

#[tokio::test(start_paused = true)]
async fn who_asks_for_what_is_not_there_is_told_why() {
    let mut bench = Bench::start(short()).await;
    bench.says("x1", &nodes(1..=30)).await;
    let head = bench.head("x1").await;
    let mut client = bench.come().await;
    let told = asks(&mut client, head + 1).await;
    assert_eq!(
        (&told["type"], &told["code"], &told["ref"]),
        (&json!("error"), &json!("ahead"), &json!("x1"))
    );
    // It is no subscription: another can be had.
    assert_eq!(asks(&mut client, head).await["type"], "subscribed");
    bench.end().await;

    // Without a store, memory has to have all of it.
    let mut bench = Bench::start(Setup { store: false, ..short() }).await;
    bench.says("x1", &nodes(1..=5)).await;
    let state = bench.state("x1", None).await;
    bench.says("x1", &nodes(6..=8)).await;
    let (head, mut client) = (bench.head("x1").await, bench.come().await);
    assert_eq!(asks(&mut client, head - 3).await["type"], "subscribed");
    client.takes().await;
    assert_eq!(client.state("x1"), state);
    client.comes_to("x1", head).await;
    bench.says("x1", &nodes(9..=40)).await;
    let mut client = bench.come().await;
    let told = asks(&mut client, head).await;
    assert_eq!((&told["type"], &told["code"]), (&json!("error"), &json!("not_supported")));
    let all = bench.measure().await;
    assert_eq!(all.watches, 1, "that of the other client alone");
    bench.end().await;
}
