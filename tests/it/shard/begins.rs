//! Where viewers of protocols begin that can't say what they have seen: with what is retained, with
//! the state, with both; and never with a record that this connection was sent before.

use serde_json::{Value, json};

use super::*;
use crate::dice::Dice;

impl Client {
    /// What it is shown up to this frame: the numbers of records, and of states with a minus.
    async fn shown_until(&mut self, last: i64) -> Vec<i64> {
        let mut shown = vec![];
        while shown.last() != Some(&last) {
            shown.extend(number(&self.news().await));
        }
        shown
    }

    async fn asks(&mut self, text: &str) {
        self.say(text).await;
        assert_eq!(self.news().await["watching"], "x1");
    }
}

fn number(frame: &Value) -> Option<i64> {
    frame["seq"].as_i64().or_else(|| frame["state"].as_i64().map(|at| -at))
}

/// With an engine, and lines up to this record. The first is that it has come.
async fn bench(records: u64, keep: usize) -> (Bench, mpsc::Receiver<ToEngine>) {
    let keep = Keep { records: keep, ..Keep::default() };
    let limits = Limits { history: keep.records, ..Limits::default() };
    let mut bench = Bench::with(Options { keep, ..Options::default() }, limits, Memory);
    let engine = bench.engine(1_024).await;
    for _ in 1..records {
        bench.says("log .").await;
    }
    (bench, engine)
}

#[tokio::test(start_paused = true)]
async fn a_whole_log_is_replayed_and_one_with_a_gap_is_followed_by_the_state() {
    let (mut bench, _engine) = bench(4, 1_000).await;
    let mut whole = bench.come(bench.seed, None).await;
    whole.asks("watch x1 replayed oldest").await;
    assert_eq!(whole.shown_until(4).await, [1, 2, 3, 4]);
    bench.says("log .").await;
    assert_eq!(whole.shown_until(5).await, [5], "and no state");

    let (mut bench, _engine) = self::bench(6, 3).await;
    for (from, shown) in [
        ("replayed oldest", vec![4, 5, 6, -6]),
        ("replayed 7-1:4", vec![5, 6, -6]),
        ("replayed 7-1:1", vec![4, 5, 6, -6]),
        ("replayed 7-1:1 whole", vec![-6]),
        ("replayed 7-1:6 whole", vec![-6]),
        ("replayed 6-1:4", vec![-6]),
        ("replayed here", vec![-6]),
        ("shown oldest", vec![-6, 4, 5, 6]),
        ("shown 7-1:5", vec![-6, 6]),
        ("shown here", vec![-6]),
    ] {
        let mut client = bench.come(bench.seed, None).await;
        client.asks(&format!("watch x1 {from}")).await;
        assert_eq!(client.shown_until(*shown.last().unwrap()).await, shown, "{from}");
    }
    let mut client = bench.come(bench.seed, None).await;
    client.asks("watch x1 shown here").await;
    bench.says("log .").await;
    assert_eq!(client.shown_until(7).await, [-6, 7]);
}

#[tokio::test(start_paused = true)]
async fn a_moment_is_a_point_too() {
    let (mut bench, _engine) = bench(3, 1_000).await;
    bench.quiet().await;
    tokio::time::advance(Duration::from_secs(2)).await;
    bench.says("log .").await;
    let mut client = bench.come(bench.seed, None).await;
    client.asks("watch x1 replayed 1000000").await;
    assert_eq!(client.shown_until(-4).await, [4, -4]);
    let mut client = bench.come(bench.seed, None).await;
    client.asks("watch x1 replayed 9000000").await;
    assert_eq!(client.shown_until(-4).await, [-4]);
}

#[tokio::test(start_paused = true)]
async fn who_asks_again_is_sent_what_it_has_not_been_sent_and_the_state() {
    let (mut bench, _engine) = bench(3, 1_000).await;
    let mut client = bench.come(bench.seed, Some("x1")).await;
    assert_eq!(client.news().await["watching"], "x1");
    assert_eq!(client.shown_until(-3).await, [-3]);
    bench.says("log .").await;
    bench.says("log .").await;
    assert_eq!(client.shown_until(5).await, [4, 5]);
    client.asks("watch x1 replayed 7-1:1").await;
    assert_eq!(client.shown_until(-5).await, [2, 3, -5], "what came before it did");
    client.asks("watch x1 replayed 7-1:1").await;
    assert_eq!(client.shown_until(-5).await, [-5]);
    client.asks("watch x1 shown oldest").await;
    assert_eq!(client.shown_until(1).await, [-5, 1]);
    bench.says("log .").await;
    assert_eq!(client.shown_until(6).await, [6]);
    assert_eq!(bench.seed.rendered().0, 6, "once each");
}

/// Whatever it asks for and however slow it is, a connection is never sent a record twice, none is
/// missing behind its beginning, and the last state it sees is no older than the last record.
#[test]
fn no_game_of_asking_again_repeats_a_record() {
    Dice::each(40, |dice| {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .start_paused(true)
            .build()
            .unwrap();
        runtime.block_on(game(dice));
    });
}

async fn game(dice: &mut Dice) {
    let (mut bench, mut engine) = bench(1 + dice.below(10), 1_000).await;
    let pipe = if dice.one_in(2) { 256 } else { 1 << 20 };
    let mut client = bench.come_through(pipe, bench.seed, Some("x1")).await;
    let mut records: Vec<i64> = vec![];
    let mut begun = None;
    for _ in 0..60 {
        match dice.below(4) {
            0 | 1 => bench.says("log .").await,
            2 => {
                let how = if dice.one_in(2) { "replayed" } else { "shown" };
                let point = match dice.below(3) {
                    0 => "oldest".to_owned(),
                    1 => "here".to_owned(),
                    _ => format!("7-1:{}", 1 + dice.below(bench.said + 1)),
                };
                client.say(&format!("watch x1 {how} {point}")).await;
            }
            _ => {
                for _ in 0..dice.below(6) {
                    let Ok(frame) = timeout(MOMENT, client.next()).await else { break };
                    take(&frame, &mut records, &mut begun);
                }
            }
        }
        while engine.try_recv().is_ok() {}
    }
    let last = bench.said as i64 + 1;
    bench.says("log .").await;
    while !records.contains(&(last + 1)) {
        let frame = client.next().await;
        take(&frame, &mut records, &mut begun);
    }
    let live: Vec<i64> = records.iter().copied().filter(|it| begun.unwrap() < *it).collect();
    let mut sorted = records.clone();
    sorted.sort_unstable();
    sorted.dedup();
    assert_eq!(sorted.len(), records.len(), "sent twice: {records:?}");
    let all: Vec<i64> = (begun.unwrap() + 1..=last + 1).collect();
    let mut seen = live;
    seen.sort_unstable();
    assert_eq!(seen, all, "missing: {records:?}");
}

/// `begun`: the first state, where the connection begins.
fn take(frame: &Value, records: &mut Vec<i64>, begun: &mut Option<i64>) {
    match number(frame) {
        Some(state @ ..0) => {
            begun.get_or_insert(-state);
        }
        Some(seq) => records.push(seq),
        None => (),
    }
}

#[tokio::test(start_paused = true)]
async fn who_follows_a_workflow_hears_of_its_executions() {
    let mut bench = Bench::start();
    let _engine = bench.engine(64).await;
    bench.says("started of w1").await;
    bench.input("l1 says x2 1 started of w2").await;
    bench.input("l1 says x3 1 started of w1; finished completed").await;
    let mut client = bench.come(bench.seed, None).await;
    client.say("follow w1").await;
    assert_eq!(client.news().await, json!({ "found": ["x1"] }), "those that go on");
    bench.input("l1 says x4 1 log .").await;
    client.is_told_nothing_for(MOMENT).await;
    bench.input("l1 says x4 2 started of w1").await;
    assert_eq!(client.news().await, json!({ "found": ["x4"] }), "once it is known to be one");
    bench.input("l1 says x5 1 started of w2").await;
    client.is_told_nothing_for(MOMENT).await;
}
