//! C8 with tokens: whatever viewers of several tenants ask for, in each protocol and over HTTP, while
//! their rights change under them, not a byte reaches one that had no right to it then.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use footplate::auth::Pass;
use footplate::core::{Answer, Stage};
use footplate::model::{Principal, ViewerId};
use footplate::shard::Message;
use footplate::viewer::{Letter, mailbox};
use serde_json::{Value, json};
use tokio::runtime::Builder;

use super::bench::{Bench, Book, Client, ROLES, limited, pass, protocols};
use super::mint::now;
use crate::dice::Dice;

/// Executions: by whose engine they are said, and a word that stands in everything that is said of each,
/// and nowhere else.
const ALL: [(&str, &str, &str); 4] = [
    ("l1", "xAlpha", "secretAlpha"),
    ("l1", "qBravo", "secretBravo"),
    ("l2", "xCharlie", "secretCharlie"),
    ("l2", "qDelta", "secretDelta"),
];
/// The ones of `acme`, in whole and by what begins their names; and all that there are.
const ACME: [usize; 2] = [0, 1];
const X: [usize; 1] = [0];
const Q: [usize; 1] = [1];
const OTHER: [usize; 2] = [2, 3];
const EVERY: [usize; 4] = [0, 1, 2, 3];

/// Somebody, and what they have a right to, written down here by hand.
struct Reader {
    client: Client,
    native: bool,
    ada: bool,
    sees: BTreeSet<usize>,
}

fn who(n: u64) -> (Pass, &'static [usize], bool) {
    let other = Principal { tenant: Some("other".into()), ..Principal::named("oscar") };
    match n {
        0 => (pass(ROLES[1]), &ACME, true),
        1 => (pass(ROLES[4]), &ACME, true),
        2 => (limited(ROLES[1], &["x*"]), &X, true),
        3 => (limited(ROLES[3], &["q*", "nothing"]), &Q, true),
        4 => (Pass::of(other), &OTHER, false),
        5 => (pass(ROLES[0]), &[], true),
        _ => (Pass::of(Principal::named("root")), &EVERY, false),
    }
}

/// Whether what was told holds something of what may not be seen.
fn betrays(told: &str, sees: &BTreeSet<usize>) -> Option<&'static str> {
    let hidden = ALL.iter().enumerate().filter(|(n, _)| !sees.contains(n));
    hidden.map(|(_, (.., secret))| *secret).find(|it| told.contains(it))
}

impl Reader {
    /// All that it is told by now. `then`: what it has a right to from somewhere in between on.
    async fn reads(&mut self, bench: &Bench, then: Option<&[usize]>) -> usize {
        let mut may = self.sees.clone();
        may.extend(then.into_iter().flatten());
        let (told, code) = self.client.settles(bench).await;
        assert_eq!(code, None);
        let text = json!(told).to_string();
        assert_eq!(betrays(&text, &may), None, "{text}");
        if let Some(then) = then {
            self.sees = then.iter().copied().collect();
        }
        ALL.iter().filter(|(.., secret)| text.contains(secret)).count()
    }

    async fn asks(&mut self, dice: &mut Dice) {
        let (_, name, _) = ALL[dice.below(4) as usize];
        let messages = [
            json!({ "type": "subscribe", "execution_id": name }),
            json!({ "type": "subscribe", "execution_id": name, "at": { "seq": 1 } }),
            json!({ "type": "subscribe_executions" }),
            json!({ "type": "unsubscribe", "execution_id": name }),
        ];
        self.client.says(&messages[dice.below(4) as usize]).await;
    }
}

async fn come(bench: &mut Bench, dice: &mut Dice) -> Reader {
    let (pass, sees, ada) = who(dice.below(7));
    let all = protocols();
    // Half of them speak the native protocol, in which most can be asked for.
    let at = if dice.one_in(2) { 0 } else { dice.below(all.len() as u64) as usize };
    let (dialect, in_path, messages) = &all[at];
    let (_, name, _) = ALL[dice.below(4) as usize];
    let mut client = bench.come(*dialect, in_path.then_some(name), Some(pass)).await;
    for (_, message) in messages.iter().filter(|(needs, _)| *needs == "watch") {
        let message = message.to_string().replace('X', name);
        client.says(&serde_json::from_str::<Value>(&message).unwrap()).await;
    }
    Reader { client, native: at == 0, ada, sees: sees.iter().copied().collect() }
}

/// What HTTP would tell somebody.
async fn over_http(bench: &Bench, dice: &mut Dice) -> usize {
    let (pass, sees, _) = who(dice.below(7));
    let (pass, sees) = (Arc::new(pass), sees.iter().copied().collect());
    let (_, name, _) = ALL[dice.below(4) as usize];
    let (shards, name) = (&bench.shards, || name.into());
    let of = || Arc::clone(&pass);
    let list = shards.ask(|reply| Message::Executions { pass: of(), reply }).await.unwrap();
    let state = shards
        .ask(|reply| Message::Snapshot { name: name(), pass: of(), at: None, reply })
        .await
        .unwrap();
    let records = shards
        .ask(|reply| Message::Records { name: name(), pass: of(), since: None, reply })
        .await
        .unwrap();
    let text = format!("{list:?} {state:?} {records:?}");
    assert_eq!(betrays(&text, &sees), None, "{text}");
    ALL.iter().filter(|(.., secret)| text.contains(secret)).count()
}

async fn play(dice: &mut Dice) -> usize {
    let known = vec![
        ("wide", pass(ROLES[2])),
        ("x", limited(ROLES[1], &["x*"])),
        ("q", limited(ROLES[1], &["q*"])),
    ];
    let book = Arc::new(Book { known, ..Book::default() });
    let mut bench = Bench::with(Arc::clone(&book) as Arc<_>).await;
    let mut pseq = [1; 4];
    let mut shown = 0;
    let mut readers: Vec<Reader> = vec![];
    for _ in 0..60 {
        match dice.below(6) {
            0 | 1 => {
                let at = dice.below(4) as usize;
                let (link, name, secret) = ALL[at];
                let events = match pseq[at] {
                    1 => format!("started of wf name {secret}; node {secret} running"),
                    _ => format!("log {secret}; node {secret} running attempt {}", pseq[at]),
                };
                bench.input(&format!("{link} says {name} {} {events}", pseq[at])).await;
                pseq[at] += 2;
            }
            2 => readers.push(come(&mut bench, dice).await),
            3 if !readers.is_empty() => {
                let at = dice.below(readers.len() as u64) as usize;
                let reader = &mut readers[at];
                if reader.native {
                    reader.asks(dice).await;
                }
            }
            4 if !readers.is_empty() => {
                let at = dice.below(readers.len() as u64) as usize;
                let reader = &mut readers[at];
                if reader.native && reader.ada {
                    let all: [(&str, &[usize]); 3] = [("wide", &ACME), ("x", &X), ("q", &Q)];
                    let (token, then) = all[dice.below(3) as usize];
                    reader.client.says(&json!({ "type": "refresh", "token": token })).await;
                    shown += reader.reads(&bench, Some(then)).await;
                }
            }
            _ => shown += over_http(&bench, dice).await,
        }
        if dice.one_in(4) {
            for reader in &mut readers {
                shown += reader.reads(&bench, None).await;
            }
        }
    }
    // Who is revoked hears nothing more at all.
    book.revoked.lock().unwrap().push("ada");
    bench.tell(Message::Reassess).await;
    bench.quiet().await;
    for (at, (link, name, secret)) in ALL.into_iter().enumerate() {
        bench.input(&format!("{link} says {name} {} log late-{secret}", pseq[at])).await;
    }
    bench.quiet().await;
    for reader in &mut readers {
        let (told, code) = reader.client.settles(&bench).await;
        let text = json!(told).to_string();
        if reader.ada {
            assert!(code.is_some() && !text.contains("late-"), "{text}");
        } else {
            assert_eq!((code, betrays(&text, &reader.sees)), (None, None), "{text}");
        }
    }
    shown
}

#[test]
fn c8_with_tokens_not_a_byte_reaches_who_had_no_right_to_it_then() {
    let shown = std::cell::Cell::new(0);
    Dice::each(24, |dice| {
        let runtime = Builder::new_current_thread().enable_all().start_paused(true).build();
        shown.set(shown.get() + runtime.unwrap().block_on(play(dice)));
    });
    assert!(100 < shown.get(), "those who may are shown it: {}", shown.get());
}

/// Between its door and the shard there is time enough to be revoked.
#[tokio::test(start_paused = true)]
async fn a12_what_is_revoked_on_its_way_in_is_sent_away() {
    let book = Arc::new(Book::default());
    let bench = Bench::with(Arc::clone(&book) as Arc<_>).await;
    book.revoked.lock().unwrap().push("ada");
    bench.tell(Message::Reassess).await;
    let ada = Arc::new(pass(ROLES[1]));
    let root = Arc::new(Pass::of(Principal::named("root")));
    let (answers, mut inbox) = mailbox(8);
    let viewer = ViewerId(900);
    bench.tell(Message::Viewer { viewer, pass: Arc::clone(&ada), answers }).await;
    bench.quiet().await;
    assert!(matches!(inbox.take(), Ok(Some(Letter::Revoked))));

    let (answers, mut inbox) = mailbox(8);
    let viewer = ViewerId(901);
    bench.tell(Message::Viewer { viewer, pass: root, answers }).await;
    bench.quiet().await;
    assert!(matches!(inbox.take(), Ok(None)));
    bench.tell(Message::Known { viewer, pass: ada }).await;
    bench.quiet().await;
    assert!(matches!(inbox.take(), Ok(Some(Letter::Revoked))));
}

/// The connection of a pass that has run out is closed, but what it has said before may still be on its way.
#[tokio::test(start_paused = true)]
async fn d5_a_pass_that_has_run_out_decides_nothing() {
    let bench = Bench::start().await;
    let (answers, mut inbox) = mailbox(8);
    let soon = Pass { expires: Some(now().after(Duration::from_secs(5))), ..pass(ROLES[2]) };
    let viewer = ViewerId(900);
    bench.tell(Message::Viewer { viewer, pass: Arc::new(soon), answers }).await;
    let mut stage = async |text: &str| {
        bench.input(text).await;
        match inbox.answer().await {
            Some(Answer::Receipt(receipt)) => receipt.stage,
            other => panic!("{other:?}"),
        }
    };
    tokio::time::advance(Duration::from_secs(5)).await;
    assert_eq!(stage("v900 ada decides x1 g1 1 approve as d1").await, Stage::Forbidden);
    assert_eq!(stage("v900 ada pauses x1 as c1").await, Stage::Forbidden);
    let mut bench = bench;
    bench.quiet().await;
    assert_eq!(Bench::orders(&mut bench.ours), [""; 0]);
}
