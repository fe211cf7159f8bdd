//! Viewers of several executions at once, each of which must be shown what it may be shown and nothing
//! else, whoever else watches what and however all of them come and go.

use std::collections::BTreeSet;

use footplate::viewer::Options;
use serde_json::{Value, json};
use tokio::runtime::Builder;

use super::bench::{Bench, Client, Setup};
use super::game::generous;
use super::short;
use crate::dice::Dice;
use crate::reducer::Reducer;

/// Names that stand in everything that is said of each, and nowhere else.
const NAMES: [&str; 4] = ["xAlpha", "xBravo", "xCharlie", "xDelta"];
const PIPES: [usize; 3] = [600, 8 << 10, 1 << 20];

/// A viewer, and what it has a right to: what it has asked for and was not told to have left.
struct Reader {
    client: Client,
    asked: BTreeSet<&'static str>,
}

impl Reader {
    async fn new(bench: &mut Bench, dice: &mut Dice) -> Self {
        let client = bench.come_through(PIPES[dice.below(3) as usize]).await;
        Self { client, asked: BTreeSet::new() }
    }

    /// The next frame. Not a byte of it is about what this viewer has not asked for.
    async fn reads(&mut self) -> Value {
        let frame = self.client.takes().await;
        let text = frame.to_string();
        for name in NAMES.iter().filter(|it| !self.asked.contains(*it)) {
            assert!(!text.contains(name), "{name} was not asked for: {text}");
        }
        frame
    }

    /// What it asks for last comes last.
    async fn reads_all(&mut self) {
        self.client.says(&json!({ "type": "ping" })).await;
        while self.reads().await["type"] != "pong" {}
    }

    async fn subscribes(&mut self, bench: &Bench, name: &'static str, dice: &mut Dice) {
        let mut ask = json!({ "type": "subscribe", "execution_id": name });
        match dice.below(3) {
            0 => {
                let since = dice.below(bench.head(name).await + 1);
                ask["since"] = json!({ "epoch": bench.epoch(name).await, "seq": since });
            }
            1 => ask["at"] = json!({ "seq": dice.below(bench.head(name).await + 1) }),
            _ => {}
        }
        if let Some(at) = ask["since"]["seq"].as_u64() {
            let epoch = ask["since"]["epoch"].as_str().unwrap();
            self.client.seen.insert(name.to_owned(), Reducer::at(epoch, at));
        }
        self.asked.insert(name);
        self.client.says(&ask).await;
        loop {
            let told = self.reads().await;
            if told["type"] == "error" && told["seq"].is_null() {
                // It can't be shown as it was then; one with a number is a record.
                self.asked.remove(name);
                return;
            }
            if told["type"] == "subscribed" && told["execution_id"] == name {
                return;
            }
        }
    }

    async fn unsubscribes(&mut self, name: &'static str) {
        self.client.says(&json!({ "type": "unsubscribe", "execution_id": name })).await;
        while self.reads().await["type"] != "unsubscribed" {}
        self.asked.remove(name);
        self.client.seen.remove(name);
    }

    async fn decides(&mut self, name: &'static str, id: u64) {
        // The answer is about that, whether or not it is watched.
        let watches = !self.asked.insert(name);
        self.client
            .says(&json!({ "type": "human_decision", "decision_id": format!("d{id}"),
                "execution_id": name, "gate_id": format!("{name}-g"), "gate_version": 1,
                "option_id": "approve" }))
            .await;
        while self.reads().await["type"] != "receipt" {}
        if !watches {
            // Of what comes of it later it is told as well.
            self.reads_all().await;
            self.asked.remove(name);
        }
    }
}

/// Everything that is said of an execution bears its name.
fn events(name: &str, dice: &mut Dice) -> Vec<String> {
    let one = |dice: &mut Dice| match dice.below(5) {
        0 => format!("node {name}-{} running", dice.below(9)),
        1 => format!("node {name}-{0} completed output {{\"{name}\":{0}}}", dice.below(9)),
        2 => format!("graph {name}-a {name}-b {name}-a>{name}-b"),
        3 => format!("failure {name} broke"),
        _ => format!("log {name} {}", "x".repeat(dice.below(200) as usize)),
    };
    let many = [1, 7, 60][dice.below(3) as usize];
    (0..many).map(|_| one(dice)).collect()
}

async fn play(dice: &mut Dice) {
    let mut setup = short();
    setup.options = Options { native: generous(), ..setup.options };
    let mut bench = Bench::start(Setup { store: dice.one_in(2), ..setup }).await;
    for name in NAMES {
        bench.says(name, &[format!("gate {name}-g 1 at {name}-n asks {name}?")]).await;
    }
    let mut readers = vec![];
    for _ in 0..4 {
        readers.push(Reader::new(&mut bench, dice).await);
    }
    for turn in 0..60 {
        let name = NAMES[dice.below(4) as usize];
        let reader = dice.below(4) as usize;
        match dice.below(8) {
            0..=3 => bench.says(name, &events(name, dice)).await,
            4 if !readers[reader].asked.contains(name) => {
                readers[reader].subscribes(&bench, name, dice).await;
            }
            5 if readers[reader].asked.contains(name) => readers[reader].unsubscribes(name).await,
            6 => readers[reader].decides(name, turn).await,
            _ => readers[reader].reads_all().await,
        }
    }
    for mut reader in readers {
        reader.reads_all().await;
        for name in reader.asked.clone() {
            reader.unsubscribes(name).await;
        }
        // Nobody watches anything: whatever is said now is said to nobody.
        for name in NAMES {
            bench.says(name, &events(name, dice)).await;
        }
        reader.reads_all().await;
    }
    bench.end().await;
}

/// What a right rests on: nothing of an execution reaches a connection that has not asked for that one,
/// or has left it, by whichever way (live, from a state, from the store, in an answer). Who may ask is
/// decided in one place, `auth::access`, at that instant: `auth/` tries its refusals.
#[test]
fn c8_not_a_byte_of_an_execution_reaches_who_has_not_asked_for_it() {
    Dice::each(24, |dice| {
        let runtime = Builder::new_current_thread().enable_all().start_paused(true).build();
        runtime.unwrap().block_on(play(dice));
    });
}
