//! What a viewer may conclude from being told where the log ends: that it has everything, or what it
//! lacks.

use std::time::Duration;

use footplate::viewer::Options;
use serde_json::json;
use tokio::runtime::Builder;
use tokio::time::timeout;

use super::bench::{Bench, Client, Setup};
use super::game::{events, generous};
use super::short;
use crate::dice::Dice;

/// Longer than anybody waits to be told.
const LONG: Duration = Duration::from_secs(60);

impl Client {
    /// The end of `x1` as it is told, sooner or later. Whenever it is, the client has no gap, and so
    /// everything up to there.
    async fn is_told_the_head(&mut self) -> u64 {
        loop {
            let frame = timeout(LONG, self.takes()).await.expect("it is told some time");
            let (last, partial) = (self.seen["x1"].last(), self.seen["x1"].is_partial());
            if frame["type"] == "heartbeat" {
                let head = frame["head"].as_u64().unwrap();
                assert_eq!((head, partial), (last, false), "told of a head that it does not have");
                return head;
            }
        }
    }
}

async fn play(dice: &mut Dice) {
    let mut setup = short();
    setup.options = Options { native: generous(), ..setup.options };
    let mut bench = Bench::start(Setup { store: dice.one_in(2), ..setup }).await;
    bench.says("x1", &["node n0 running".to_owned()]).await;
    let mut clients = vec![];
    for pipe in [400, 3 << 10, 1 << 20] {
        let mut client = bench.come_through(pipe).await;
        client.subscribes("x1", None).await;
        clients.push(client);
    }
    for _ in 0..8 {
        for _ in 0..=dice.below(3) {
            bench.says("x1", &events(dice)).await;
            if dice.one_in(2) {
                // So that some are told of an end that is none any longer when they come to it.
                tokio::time::sleep(Duration::from_millis(500 * dice.below(4))).await;
            }
        }
        // It is quiet: the next end of which somebody is told for the first time is the end.
        let (head, state) = (bench.head("x1").await, bench.state("x1", None).await);
        for client in &mut clients {
            while client.is_told_the_head().await < head {}
            assert_eq!(client.seen["x1"].last(), head);
            assert_eq!(client.state("x1"), state, "no gap and the head seen is everything");
        }
    }
    bench.end().await;
}

#[test]
fn c6_who_is_told_the_head_and_has_no_gap_has_everything() {
    Dice::each(24, |dice| {
        let runtime = Builder::new_current_thread().enable_all().start_paused(true).build();
        runtime.unwrap().block_on(play(dice));
    });
}

/// Nothing comes behind the last record that would show it missing, but the head does.
#[tokio::test(start_paused = true)]
async fn c6_a_tail_that_was_lost_is_noticed_by_the_next_heartbeat() {
    let mut bench = Bench::start(short()).await;
    bench.logs("x1", 5).await;
    let mut client = bench.come().await;
    client.subscribes("x1", None).await;
    client.comes_to("x1", 6).await;
    assert_eq!(client.is_told_the_head().await, 6);
    bench.logs("x1", 2).await;
    let epoch = bench.epoch("x1").await;
    // Something between the two loses records 7 and 8.
    let mut lost = vec![];
    let head = loop {
        let frame = timeout(LONG, client.hears()).await.expect("it is told some time");
        match frame["type"].as_str().unwrap() {
            "heartbeat" => break frame["head"].as_u64().unwrap(),
            _ => lost.push(frame["seq"].as_u64().unwrap()),
        }
    };
    assert_eq!((lost, head, client.seen["x1"].last()), (vec![7, 8], 8, 6));
    let told = client.subscribes("x1", Some((&epoch, 6))).await;
    assert_eq!((&told["recovered"], &told["from"]), (&json!(true), &json!(6)));
    client.comes_to("x1", head).await;
    assert_eq!(client.state("x1"), bench.state("x1", None).await);
    assert_eq!(client.snapshots, 1, "the first");
    bench.end().await;
}

/// Who is read to from the store is told the end only once it has come to it.
#[tokio::test(start_paused = true)]
async fn c6_a_replay_is_told_the_head_at_its_end() {
    let mut bench = Bench::start(short()).await;
    bench.logs("x1", 3_000).await;
    let epoch = bench.epoch("x1").await;
    let mut client = bench.come_through(2 << 10).await;
    client.subscribes("x1", Some((&epoch, 0))).await;
    for _ in 0..5 {
        for _ in 0..200 {
            client.takes().await;
        }
        // Long enough for whoever has everything to be told so.
        tokio::time::sleep(Duration::from_secs(3)).await;
    }
    assert_eq!(client.is_told_the_head().await, 3_001);
    assert_eq!(client.snapshots, 0);
    bench.end().await;
}
