//! Viewers that come, go, ask for the past and read slowly, while records are added and the relay is
//! stopped and started.

use footplate::viewer::Options;
use serde_json::{Value, json};
use tokio::runtime::Builder;

use super::bench::{Bench, Client, Setup};
use super::short;
use crate::dice::Dice;

/// What a viewer is about.
struct Watcher {
    client: Client,
    pipe: usize,
    /// Whether it knows the state, and not only what came since.
    whole: bool,
    /// Up to this record it must not be shown a state.
    owed: u64,
}

const PIPES: [usize; 3] = [600, 8 << 10, 1 << 20];

impl Watcher {
    async fn new(bench: &mut Bench, dice: &mut Dice) -> Self {
        let pipe = PIPES[dice.below(3) as usize];
        let client = bench.come_through(pipe).await;
        Self { client, pipe, whole: false, owed: 0 }
    }

    fn last(&self) -> u64 {
        self.client.seen.get("x1").map_or(0, crate::reducer::Reducer::last)
    }

    async fn subscribes(&mut self, bench: &Bench, since: u64) {
        let (epoch, head) = (bench.epoch("x1").await, bench.head("x1").await);
        let before = self.client.snapshots;
        let told = self.client.subscribes("x1", Some((&epoch, since))).await;
        assert_eq!((&told["recovered"], &told["from"]), (&json!(true), &json!(since)), "{told}");
        assert_eq!(self.client.snapshots, before);
        // The tape reaches back ten records. Once it is there it may be too slow as all others.
        self.owed = head.saturating_sub(10);
    }

    async fn reads(&mut self) -> Value {
        let (before, last) = (self.client.snapshots, self.last());
        let frame = self.client.takes().await;
        if before < self.client.snapshots {
            assert!(self.owed <= last, "it was owed the records up to {}", self.owed);
            self.whole = true;
        }
        frame
    }

    async fn reads_to(&mut self, head: u64) {
        while self.last() < head {
            self.reads().await;
        }
    }
}

pub(super) fn events(dice: &mut Dice) -> Vec<String> {
    let one = |dice: &mut Dice| match dice.below(7) {
        0 => format!("node n{} running", dice.below(9)),
        1 => format!("node n{} completed output {{\"n\":{}}}", dice.below(9), dice.below(99)),
        2 => "cost 0.01".to_owned(),
        3 => format!("graph g{}>g{}", dice.below(5), dice.below(5)),
        4 => format!("gate q{} 1", dice.below(4)),
        5 => format!("failure it broke {}", dice.below(9)),
        _ => format!("log {}", "x".repeat(dice.below(400) as usize)),
    };
    let many = [1, 5, 40, 300][dice.below(4) as usize];
    (0..many).map(|_| one(dice)).collect()
}

async fn play(dice: &mut Dice) {
    let mut setup = short();
    setup.options = Options { native: generous(), ..setup.options };
    let mut bench = Bench::start(Setup { store: true, ..setup }).await;
    bench.says("x1", &["node n0 running".to_owned()]).await;
    let mut watchers: Vec<Watcher> = vec![];
    for _ in 0..30 {
        match dice.below(10) {
            0..=3 => bench.says("x1", &events(dice)).await,
            4 if dice.one_in(2) => {
                bench = bench.restart().await;
                for it in &mut watchers {
                    let (seen, last) = (std::mem::take(&mut it.client.seen), it.last());
                    let (pipe, snapshots) = (it.pipe, it.client.snapshots);
                    let last = seen.get("x1").map_or(last, crate::reducer::Reducer::last);
                    it.client = bench.come_through(pipe).await;
                    (it.client.seen, it.client.snapshots) = (seen, snapshots);
                    if 0 < last {
                        it.subscribes(&bench, last).await;
                    } else {
                        it.client.subscribes("x1", None).await;
                        it.owed = 0;
                    }
                }
            }
            5 if watchers.len() < 5 => {
                let since = dice.below(bench.head("x1").await + 1);
                let mut it = Watcher::new(&mut bench, dice).await;
                it.subscribes(&bench, since).await;
                watchers.push(it);
            }
            6 if watchers.len() < 5 => {
                let seq = dice.below(bench.head("x1").await + 1);
                let then = bench.state("x1", Some(seq)).await;
                let mut it = Watcher::new(&mut bench, dice).await;
                let at = json!({ "seq": seq });
                let ask = json!({ "type": "subscribe", "execution_id": "x1", "at": at });
                it.client.says(&ask).await;
                let told = it.client.is_told("x1").await;
                assert_eq!(told["from"], seq, "{told}");
                while it.client.snapshots == 0 || it.client.seen["x1"].is_partial() {
                    it.reads().await;
                }
                assert_eq!(it.client.state("x1"), then, "as it was at {seq}");
                it.owed = bench.head("x1").await.saturating_sub(10);
                watchers.push(it);
            }
            7 if watchers.len() < 5 => {
                let mut it = Watcher::new(&mut bench, dice).await;
                it.client.subscribes("x1", None).await;
                watchers.push(it);
            }
            8 if !watchers.is_empty() => {
                // It has lost count, and asks again from where it is.
                let at = dice.below(watchers.len() as u64) as usize;
                let (it, last) = (&mut watchers[at], 0);
                let last = it.last().max(last);
                if 0 < last {
                    it.subscribes_again(&bench, last).await;
                }
            }
            _ if !watchers.is_empty() => {
                let at = dice.below(watchers.len() as u64) as usize;
                for _ in 0..dice.below(50) {
                    if watchers[at].last() < bench.head("x1").await {
                        watchers[at].reads().await;
                    }
                }
            }
            _ => {}
        }
    }
    let (head, state) = (bench.head("x1").await, bench.state("x1", None).await);
    for it in &mut watchers {
        it.reads_to(head).await;
        if it.whole {
            assert_eq!(it.client.state("x1"), state);
        }
    }
    bench.end().await;
}

impl Watcher {
    /// What is still on its way comes before the answer.
    async fn subscribes_again(&mut self, bench: &Bench, since: u64) {
        let (epoch, head) = (bench.epoch("x1").await, bench.head("x1").await);
        let since = json!({ "epoch": epoch, "seq": since });
        let ask = json!({ "type": "subscribe", "execution_id": "x1", "since": since });
        self.client.says(&ask).await;
        while self.reads().await["type"] != "subscribed" {}
        self.owed = head.saturating_sub(10);
    }
}

pub(super) fn generous() -> footplate::viewer::Rates {
    let often = footplate::viewer::Rate::per_second(1_000_000, 1_000_000);
    footplate::viewer::Rates { messages: often, pings: often, decisions: often, subscribes: often }
}

#[test]
fn c1_c2_c3_c5_whatever_happens_each_viewer_sees_each_record_once_and_ends_with_the_state() {
    Dice::each(16, |dice| {
        let runtime = Builder::new_current_thread().enable_all().start_paused(true).build();
        runtime.unwrap().block_on(play(dice));
    });
}
