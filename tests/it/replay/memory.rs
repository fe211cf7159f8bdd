//! A relay that may use only so much memory.

use std::time::Duration;

use footplate::core::LaneFault;
use footplate::shard::Pressure;
use serde_json::json;

use super::bench::{Bench, Setup};

const BUDGET: u64 = 8 << 20;

fn tight(store: bool) -> Setup {
    Setup { store, budget: Some(BUDGET), ..Setup::default() }
}

/// So many nodes, which no execution can do without while it goes on.
fn nodes(from: u64, many: u64) -> Vec<String> {
    (from..from + many).map(|n| format!("node n{n} running")).collect()
}

impl Bench {
    /// Lets it look where it stands.
    async fn weighs(&self) -> Pressure {
        tokio::time::sleep(Duration::from_millis(1_100)).await;
        self.measure().await;
        *self.pressure.borrow()
    }

    /// Until it stands there.
    async fn grows_to(&mut self, level: Pressure) {
        for n in 0..100 {
            if level <= self.weighs().await {
                return;
            }
            self.says("x1", &nodes(500 * n, 500)).await;
        }
        panic!("it has room for more: {:?}", self.pressure.borrow());
    }
}

#[test]
fn r1_a_level_is_left_only_well_below_where_it_begins() {
    use Pressure::{Critical, High, None, Severe};
    let steps = [
        (79, None),
        (80, High),
        (76, High),
        (75, High),
        (74, None),
        (95, Severe),
        (90, Severe),
        (89, High),
        (98, Critical),
        (93, Critical),
        (92, Severe),
        (50, None),
        (200, Critical),
    ];
    let mut level = None;
    for (used, expected) in steps {
        level = level.after(used, 100);
        assert_eq!(level, expected, "at {used} %");
    }
}

#[tokio::test(start_paused = true)]
async fn r1_what_is_over_is_forgotten_early_and_memory_stays_within_its_budget() {
    let mut bench = Bench::start(tight(false)).await;
    bench.says("x1", &["node a running".to_owned()]).await;
    for n in 2..100 {
        let name = format!("x{n}");
        bench.says(&name, &nodes(0, 200)).await;
        bench.says(&name, &["finished completed".to_owned()]).await;
        bench.weighs().await;
        assert!((bench.metrics.memory_counted.get() as u64) < BUDGET, "with {n} executions");
    }
    let logs = bench.measure().await.logs;
    assert!((2..60).contains(&logs), "{logs} are left of 99");
    assert_eq!(bench.faults, []);
    assert_eq!(bench.head("x1").await, 2, "what is not over stays");
    bench.end().await;
}

#[tokio::test(start_paused = true)]
async fn r1_near_the_budget_nothing_new_is_begun_or_watched_until_there_is_room() {
    let mut bench = Bench::start(tight(false)).await;
    bench.says("x1", &["node a running".to_owned()]).await;
    let mut watcher = bench.come().await;
    watcher.subscribes("x1", None).await;
    bench.grows_to(Pressure::Severe).await;
    // Whoever comes is told to come back, whoever is there is shown what happens.
    let mut other = bench.come().await;
    other.says(&json!({ "type": "subscribe", "execution_id": "x1" })).await;
    assert_eq!(other.is_closed().await, 1013);
    bench.says("x2", &nodes(0, 1)).await;
    assert_eq!(bench.faults, [LaneFault::Limit]);
    bench.says("x1", &["log still here".to_owned()]).await;
    let head = bench.head("x1").await;
    watcher.comes_to("x1", head).await;
    bench.grows_to(Pressure::Critical).await;
    // It ends, and makes room.
    bench.says("x1", &["finished completed".to_owned()]).await;
    assert_eq!(bench.weighs().await, Pressure::High);
    assert_eq!(bench.weighs().await, Pressure::None);
    bench.said_nothing_of("x2");
    bench.says("x2", &nodes(0, 1)).await;
    assert_eq!(bench.faults.len(), 1);
    let mut other = bench.come().await;
    assert_eq!(other.subscribes("x2", None).await["type"], "subscribed");
    bench.end().await;
}

/// A store would lose what is forgotten; tapes and histories are shortened, and replays read on.
#[tokio::test(start_paused = true)]
async fn r1_c4_with_a_store_nothing_kept_is_lost_for_want_of_memory() {
    let mut bench = Bench::start(tight(true)).await;
    bench.logs("x2", 2_000).await;
    bench.says("x2", &["finished completed".to_owned()]).await;
    let (epoch, head) = (bench.epoch("x2").await, bench.head("x2").await);
    let state = bench.state("x2", None).await;
    bench.grows_to(Pressure::High).await;
    for _ in 0..5 {
        bench.weighs().await;
    }
    assert_eq!(bench.measure().await.logs, 2);
    let mut client = bench.come().await;
    let told = client.subscribes("x2", Some((&epoch, 0))).await;
    assert_eq!(told["recovered"], true, "{told}");
    client.comes_to("x2", head).await;
    assert_eq!(client.snapshots, 0);
    assert_eq!(client.state("x2")["nodes"], state["nodes"]);
    bench.end().await;
}
