//! Many viewers, many executions, and one that has much to say.

use std::time::Duration;

use footplate::core::{LaneFault, Limits, Relay};
use footplate::model::{ExecutionId, LinkId, Now, Timestamp};
use footplate::shard::{Held, Message, ToEngine};
use footplate::viewer::{Options, Rate, Rates};
use serde_json::json;
use tokio::runtime::Handle;
use tokio::sync::mpsc;
use tokio::task::JoinSet;

use super::bench::{Bench, Setup};
use super::short;
use crate::script;

/// The relay has started again, and everybody is back at once, from a little way behind.
#[tokio::test(start_paused = true)]
async fn c4_r2_two_thousand_who_come_back_share_what_is_read_for_them() {
    let mut bench = Bench::start(short()).await;
    bench.logs("x1", 3_000).await;
    let epoch = bench.epoch("x1").await;
    let mut bench = bench.restart().await;
    let head = bench.head("x1").await;
    let mut clients = vec![];
    for n in 0..2_000 {
        let mut client = bench.come_through(16 << 10).await;
        let since = json!({ "epoch": epoch, "seq": 2_400 + n % 300 });
        client.says(&json!({ "type": "subscribe", "execution_id": "x1", "since": since })).await;
        clients.push((client, 2_400 + n % 300));
    }
    for (client, from) in &mut clients {
        let told = client.is_told("x1").await;
        assert_eq!((&told["recovered"], &told["from"]), (&json!(true), &json!(from)));
    }
    bench.measure().await;
    let held = bench.metrics.snapshots_held.get();
    assert!(held < 4 << 20, "{held} bytes are held for 2,000");
    for (client, from) in &mut clients {
        client.seen.insert("x1".to_owned(), crate::reducer::Reducer::at(&epoch, *from));
        client.comes_to("x1", head).await;
        assert_eq!(client.snapshots, 0);
    }
    let read = bench.metrics.store_records_read.get();
    assert!(read < 5_000, "{read} records were read for 2,000 viewers");
    bench.end().await;
}

#[tokio::test(start_paused = true)]
async fn r4_after_thousands_who_came_and_went_nothing_of_them_is_left() {
    let often = Rate::per_second(1_000_000, 1_000_000);
    let native = Rates { messages: often, pings: often, decisions: often, subscribes: often };
    let mut setup = short();
    setup.options = Options { native, ..setup.options };
    let mut bench = Bench::start(setup).await;
    bench.logs("x1", 1_000).await;
    let epoch = bench.epoch("x1").await;
    let settled = async |bench: &Bench| {
        tokio::time::sleep(Duration::from_secs(60)).await;
        bench.measure().await
    };
    let none = Held { logs: 1, ..Held::default() };
    assert_eq!(settled(&bench).await, none);
    let tasks = Handle::current().metrics().num_alive_tasks();

    let mut client = bench.come().await;
    let subscribe = json!({ "type": "subscribe", "execution_id": "x1" });
    let away = json!({ "type": "subscribe", "execution_id": "x1",
        "since": { "epoch": epoch, "seq": 0 } });
    let unsubscribe = json!({ "type": "unsubscribe", "execution_id": "x1" });
    for n in 0..10_000 {
        client.says(if n % 100 == 0 { &away } else { &subscribe }).await;
        client.says(&unsubscribe).await;
        while client.hears().await["type"] != "unsubscribed" {}
    }
    drop(client);
    bench.goes().await;
    assert_eq!(settled(&bench).await, none, "after 10,000 who watched");

    for n in 0..1_000 {
        let mut client = bench.come_through(4 << 10).await;
        // Some go in the middle of being told, some before.
        client.says(if n % 2 == 0 { &away } else { &subscribe }).await;
        if n % 3 == 0 {
            client.hears().await;
        }
        drop(client);
        bench.goes().await;
    }
    assert_eq!(settled(&bench).await, none, "after 1,000 who came");
    assert_eq!(Handle::current().metrics().num_alive_tasks(), tasks);
    bench.measure().await;
    assert_eq!(bench.metrics.tapes_held.get(), 0);
    bench.end().await;
}

/// An engine that names a new execution with each breath.
#[test]
fn r1_of_too_many_executions_the_oldest_that_is_over_makes_way() {
    let limits = Limits { executions: 100, tombstones: 50, ..Limits::default() };
    let mut relay = Relay::new(7, limits);
    let began = std::time::Instant::now();
    let now = |n: u64| {
        let span = Duration::from_millis(n);
        Now { instant: began + span, time: Timestamp(0).after(span) }
    };
    let mut faults = vec![];
    let mut say = |relay: &mut Relay, n: u64, text: &str| {
        relay.handle(now(n), script::input(now(n).time, text));
        while let Some(effect) = relay.poll_effect() {
            if let footplate::core::Effect::Result { result, .. } = effect {
                faults.extend(result.fault);
            }
        }
    };
    say(&mut relay, 0, "w/1@l1 greets");
    say(&mut relay, 0, "l1 says x0 1 log it goes on");
    for n in 1..10_000 {
        say(&mut relay, n, &format!("l1 says x{n} 1 finished completed"));
        assert!(relay.logs().count() <= 100);
    }
    let id = |n: u64| -> ExecutionId { format!("x{n}").parse().unwrap() };
    assert!(relay.head(&id(0)).is_some(), "what is not over stays");
    assert!(relay.head(&id(9_999)).is_some() && relay.head(&id(9_900)).is_none());
    let buried = (0..10_000).filter(|n| relay.tombstone(&id(*n)).is_some()).count();
    assert_eq!(buried, 50, "and so many are remembered of those that went");
    // With none that is over there is no way to make.
    for n in 10_000..10_100 {
        say(&mut relay, n, &format!("l1 says x{n} 1 log it goes on"));
    }
    assert_eq!(relay.logs().count(), 100);
    assert_eq!(faults, [LaneFault::Limit]);
}

/// Work is counted here, not time: what is let in of the one before each of the others is heard.
#[tokio::test(start_paused = true)]
async fn r2_a_thousand_quiet_executions_are_heard_beside_one_that_never_rests() {
    let bench = Bench::start(Setup { store: false, ..Setup::default() }).await;
    let (outbox, mut told) = mpsc::channel(1 << 16);
    bench.tell(Message::Engine { link: LinkId(2), outbox }).await;
    bench.input("v/1@l2 greets").await;
    let (outbox, mut quiet) = mpsc::channel(1 << 16);
    bench.tell(Message::Engine { link: LinkId(3), outbox }).await;
    bench.input("u/1@l3 greets").await;
    let shards = bench.shards.clone();
    let mut hot = JoinSet::new();
    hot.spawn(async move {
        let line = "log it never rests; log it never rests; log it never rests";
        for batch in 0_u64.. {
            let said = format!("l2 says hot {} {line}", 3 * batch + 1);
            shards.tell(Message::Input(script::input(Timestamp(0), &said))).await;
            while told.try_recv().is_ok() {}
        }
    });
    // Once it fills all there is.
    while bench.shards.depth() < 1_024 {
        tokio::task::yield_now().await;
    }
    let hot_records = async |bench: &Bench| bench.head("hot").await;
    let before = hot_records(&bench).await;
    let mut said = JoinSet::new();
    for n in 0..1_000 {
        let shards = bench.shards.clone();
        said.spawn(async move {
            let said = format!("l3 says x{n} 1 log quiet");
            shards.tell(Message::Input(script::input(Timestamp(0), &said))).await
        });
    }
    let mut heard = 0;
    while heard < 1_000 {
        heard += usize::from(matches!(quiet.recv().await, Some(ToEngine::Result(_))));
    }
    let between = (hot_records(&bench).await - before) / 3;
    // What was in the inbox, a batch in hand, and a turn each.
    assert!(between < 1_024 + 256 + 1_000, "{between} batches of the one came before");
    hot.shutdown().await;
    bench.end().await;
}

/// Nor does a viewer that reads the past miss what happens elsewhere.
#[tokio::test(start_paused = true)]
async fn r2_a_replay_keeps_no_other_execution_waiting() {
    let mut bench = Bench::start(short()).await;
    bench.logs("x1", 10_000).await;
    bench.logs("x2", 1).await;
    let epoch = bench.epoch("x1").await;
    let mut client = bench.come_through(16 << 10).await;
    client.subscribes("x2", None).await;
    client.comes_to("x2", 2).await;
    client.subscribes("x1", Some((&epoch, 0))).await;
    client.comes_to("x1", 100).await;
    bench.logs("x2", 1).await;
    client.comes_to("x2", 3).await;
    let at = client.seen["x1"].last();
    assert!(at < 1_000, "{at} records of the other came before");
    client.comes_to("x1", 10_001).await;
    assert_eq!(client.snapshots, 1, "the one of x2");
    bench.end().await;
}
