//! Viewers that are shown more than memory has: the real core, store, shard and connections, over a
//! disk in memory and pipes, with a clock that stands still unless everybody waits.

mod apart;
mod bench;
mod game;
mod heads;
mod many;
mod memory;
mod then;

use std::time::Duration;

use bench::{Bench, Setup};
use footplate::core::Limits;
use footplate::room::Keep;
use footplate::viewer::Options;
use serde_json::json;

use crate::platter::Platter;
use crate::reducer::Reducer;

/// Memory that reaches back ten records.
fn short() -> Setup {
    let keep = Keep { records: 10, ..Keep::default() };
    Setup {
        options: Options { keep, ..Options::default() },
        limits: Limits { history: 10, ..Limits::default() },
        ..Setup::default()
    }
}

/// However long the log is, it comes in pieces, and each is asked for when the last is written.
#[tokio::test(start_paused = true)]
async fn c3_c4_who_was_away_for_long_gets_every_record_once_and_then_live() {
    let mut bench = Bench::start(short()).await;
    bench.logs("x1", 20_000).await;
    let head = bench.head("x1").await;
    assert_eq!(head, 20_001, "the engine's coming is one");
    // What does not fit through at once is not read ahead.
    let mut client = bench.come_through(256 << 10).await;
    let since = json!({ "epoch": bench.epoch("x1").await, "seq": 0 });
    client.says(&json!({ "type": "subscribe", "execution_id": "x1", "since": since })).await;
    let told = client.is_told("x1").await;
    assert_eq!((&told["type"], &told["recovered"]), (&json!("subscribed"), &json!(true)));
    assert_eq!((&told["from"], &told["head"]), (&json!(0), &json!(head)));
    client.comes_to("x1", 10_000).await;
    bench.logs("x1", 500).await;
    client.comes_to("x1", head + 500).await;
    bench.logs("x1", 3).await;
    client.comes_to("x1", head + 503).await;
    assert_eq!(client.snapshots, 0);
    assert_eq!(client.state("x1"), bench.state("x1", None).await);
    // It is on its tape now, as all others are.
    let read = bench.metrics.store_records_read.get();
    bench.logs("x1", 5).await;
    client.comes_to("x1", head + 508).await;
    assert_eq!(bench.metrics.store_records_read.get(), read);
    bench.end().await;
}

/// The bound is what there is to be shown, and what lies between two checkpoints for each piece.
#[tokio::test(start_paused = true)]
async fn r3_a_replay_reads_each_record_about_once_and_a_start_only_the_tail() {
    let mut bench = Bench::start(short()).await;
    bench.logs("x1", 20_000).await;
    let epoch = bench.epoch("x1").await;
    let mut bench = bench.restart().await;
    assert!(bench.folded < 2_000, "{} records were folded", bench.folded);
    let mut client = bench.come().await;
    client.subscribes("x1", Some((&epoch, 0))).await;
    client.comes_to("x1", 20_001).await;
    assert_eq!(client.snapshots, 0);
    let read = bench.metrics.store_records_read.get();
    assert!((20_001..24_000).contains(&read), "{read} records were read");
    // Who comes in the middle does not read what is before.
    let mut client = bench.come().await;
    client.subscribes("x1", Some((&epoch, 19_500))).await;
    client.comes_to("x1", 20_001).await;
    let more = bench.metrics.store_records_read.get() - read;
    assert!(more < 2_000, "{more} more were read");
    bench.end().await;
}

#[tokio::test(start_paused = true)]
async fn c4_after_a_restart_of_the_relay_viewers_go_on_without_a_snapshot() {
    restarts(short()).await;
}

/// The same with threads, which a clock that stands still knows nothing of.
#[tokio::test]
async fn c4_after_a_restart_viewers_are_read_to_beside_whoever_writes() {
    restarts(Setup { threads: true, ..short() }).await;
}

async fn restarts(setup: Setup) {
    let mut bench = Bench::start(setup).await;
    bench.logs("x1", 300).await;
    let mut client = bench.come().await;
    client.subscribes("x1", None).await;
    client.comes_to("x1", 301).await;
    bench.logs("x1", 100).await;
    client.comes_to("x1", 401).await;
    let (epoch, seen) = (bench.epoch("x1").await, client.seen);
    let mut bench = bench.restart().await;
    bench.logs("x1", 700).await;
    let mut client = bench.come().await;
    client.seen = seen;
    let told = client.subscribes("x1", Some((&epoch, 401))).await;
    assert_eq!(told["recovered"], true, "{told}");
    let head = bench.head("x1").await;
    client.comes_to("x1", head).await;
    assert_eq!(client.snapshots, 0);
    assert_eq!(client.state("x1"), bench.state("x1", None).await);
    bench.end().await;
}

/// That it reads slowly is no reason to be let go of, or to be shown a state; that it reads nothing is.
#[tokio::test(start_paused = true)]
async fn r1_who_replays_is_let_go_of_only_for_making_no_progress() {
    let mut bench = Bench::start(short()).await;
    bench.logs("x1", 5_000).await;
    let epoch = bench.epoch("x1").await;
    let mut slow = bench.come_through(4 << 10).await;
    slow.subscribes("x1", Some((&epoch, 0))).await;
    for seq in (500..=5_000).step_by(500) {
        tokio::time::sleep(Duration::from_secs(20)).await;
        slow.comes_to("x1", seq).await;
    }
    assert_eq!(slow.snapshots, 0);
    let mut stuck = bench.come_through(4 << 10).await;
    stuck.subscribes("x1", Some((&epoch, 0))).await;
    drop(slow);
    let close = loop {
        let (viewer, close) = bench.goes().await;
        if viewer == stuck.viewer {
            break close;
        }
    };
    assert_eq!(close.word(), "stalled");
    bench.measure().await;
    assert!(bench.metrics.snapshots_held.get() < 17 << 20, "pieces alone are kept");
    bench.end().await;
}

/// One who is live and falls behind is shown the state, as ever.
#[tokio::test(start_paused = true)]
async fn c3_a_slow_viewer_that_falls_off_its_tape_gets_a_snapshot() {
    let mut bench = Bench::start(short()).await;
    bench.logs("x1", 5).await;
    let mut slow = bench.come_through(512).await;
    slow.subscribes("x1", None).await;
    slow.comes_to("x1", 6).await;
    bench.logs("x1", 1_000).await;
    slow.comes_to("x1", 1_006).await;
    assert!(1 < slow.snapshots);
    assert_eq!(bench.metrics.store_records_read.get(), 0);
    bench.end().await;
}

#[tokio::test(start_paused = true)]
async fn c3_what_is_damaged_is_replaced_by_the_state_and_alarmed() {
    let mut bench = Bench::start(short()).await;
    bench.logs("x1", 3_000).await;
    let epoch = bench.epoch("x1").await;
    let disk = bench.stop().await;
    let mut bytes = disk.bytes();
    // The text of record 1,001 as it stands in its row.
    let text = b"line 1000 of x1";
    let at = bytes.windows(text.len()).position(|it| it == text).unwrap();
    bytes[at] ^= 1;
    let mut bench = Bench::over(Platter::of(bytes), short()).await;
    // Whoever begins there is told so at once, whoever comes to it in between.
    let mut client = bench.come().await;
    let told = client.subscribes("x1", Some((&epoch, 1_000))).await;
    assert_eq!((&told["recovered"], &told["reason"]), (&json!(false), &json!("too_old")));
    client.comes_to("x1", 3_001).await;
    assert_eq!(client.snapshots, 1);
    assert_eq!(client.state("x1"), bench.state("x1", None).await);
    assert_eq!(bench.metrics.store_unreadable.get(), 1);
    assert_eq!(bench.metrics.viewer_snapshots.of("too_old").get(), 1);
    // What is sound can be had.
    let mut client = bench.come().await;
    assert_eq!(client.subscribes("x1", Some((&epoch, 2_000))).await["recovered"], true);
    client.comes_to("x1", 3_001).await;
    assert_eq!(client.snapshots, 0);
    bench.end().await;
}

/// What is asked for over HTTP is the same, a page at a time.
#[tokio::test(start_paused = true)]
async fn c4_records_beyond_memory_come_in_pages() {
    let mut bench = Bench::start(short()).await;
    bench.logs("x1", 2_500).await;
    let mut since = format!("{}:0", bench.epoch("x1").await);
    let (mut last, mut pages) = (0, 0);
    loop {
        let page = bench.records("x1", Some(&since)).await.unwrap();
        assert!(page.recovered);
        for record in &page.records {
            last += 1;
            assert_eq!(record.position.seq.0, last);
        }
        pages += 1;
        if last == page.head.seq.0 {
            break;
        }
        since = page.records.last().unwrap().position.to_string();
    }
    assert_eq!((last, pages), (2_501, 3));
    bench.end().await;
}

/// A wish that was taken back is not fulfilled when what it asked for has been read.
#[tokio::test]
async fn c2_who_asks_anew_in_the_middle_of_a_replay_begins_where_it_says() {
    let mut bench = Bench::start(Setup { threads: true, ..short() }).await;
    bench.logs("x1", 3_000).await;
    let epoch = bench.epoch("x1").await;
    let mut client = bench.come_through(64 << 10).await;
    let subscribe = |seq: u64| {
        json!({ "type": "subscribe", "execution_id": "x1",
            "since": { "epoch": epoch, "seq": seq } })
    };
    for seq in [0, 100, 200] {
        client.says(&subscribe(seq)).await;
    }
    client.seen.insert("x1".to_owned(), Reducer::at(&epoch, 200));
    while client.is_told("x1").await["from"] != 200 {}
    client.comes_to("x1", 3_001).await;
    client.says(&subscribe(0)).await;
    client.says(&json!({ "type": "unsubscribe", "execution_id": "x1" })).await;
    while client.hears().await["type"] != "unsubscribed" {}
    client.says(&json!({ "type": "ping" })).await;
    let told = client.hears().await;
    assert_eq!(told["type"], "pong", "what was begun has been sent before: {told}");
    bench.quiet().await;
    assert_eq!(bench.measure().await.orders, 0);
    bench.end().await;
}
