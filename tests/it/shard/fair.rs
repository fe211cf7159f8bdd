//! Whose turn it is: nobody waits behind what somebody else says. Counted, and never timed.

use std::collections::BTreeMap;
use std::sync::Arc;

use footplate::core::Input;
use footplate::model::{ExecutionId, LinkId, Pseq, Received, Rejection, RejectionCode};
use footplate::shard::{Inbox, Line, Message, Shards, Taken, inbox};
use tokio::sync::oneshot;
use tokio::task::{JoinSet, yield_now};

/// Messages that may wait of one engine, and that one turn takes.
const OF_ENGINE: usize = 256;
/// What a turn's messages may cost together.
const COST: u64 = 1_024;

/// A batch of so many events.
fn batch(link: u64, first: u64, events: usize) -> Message {
    let rejection =
        Rejection { code: RejectionCode::Invalid, field: String::new(), message: String::new() };
    let event = Received { hash: 0, size: 0, event: Err(rejection) };
    Message::Input(Input::Published {
        link: LinkId(link),
        execution: format!("x{link}").parse::<ExecutionId>().unwrap(),
        first: Some(Pseq(first)),
        batch_ref: 0,
        events: vec![event; events],
    })
}

/// Whose it is, which, and of how many events. `None`: it is no engine's.
fn said(message: &Message) -> Option<(u64, u64, u64)> {
    match message {
        Message::Input(Input::Published { link, first, events, .. }) => {
            Some((link.0, first.unwrap().0, events.len() as u64))
        }
        _ => None,
    }
}

fn ask() -> Message {
    Message::Measure { reply: oneshot::channel().0 }
}

/// Engines that say batches of so many events for as long as anybody takes them.
async fn restless(shards: &Shards, links: u64, events: usize) -> JoinSet<()> {
    let mut tasks = JoinSet::new();
    let before = shards.depth();
    for link in 1..=links {
        let line = shards.line();
        tasks.spawn(async move {
            let mut first = 1;
            while line.tell(batch(link, first, events)).await {
                first += events as u64;
            }
        });
    }
    filled(shards, before + OF_ENGINE * links as usize).await;
    tasks
}

async fn filled(shards: &Shards, depth: usize) {
    while shards.depth() < depth {
        yield_now().await;
    }
    assert_eq!(shards.depth(), depth, "more waits than may");
}

/// A turn's messages. Who waited for their places has them then.
async fn turn(inbox: &mut Inbox) -> Vec<Message> {
    let mut batch = vec![];
    assert!(inbox.take(&mut batch).await);
    let messages = batch.into_iter().map(|Taken { message, .. }| message).collect();
    yield_now().await;
    messages
}

/// The bound: between a quiet engine's saying something and its being taken, each other engine has one
/// message taken at most, beside what was taken before.
#[tokio::test]
async fn row_30_a_quiet_engine_waits_for_one_message_of_each_other_at_most() {
    for events in [1, 100, 5_000] {
        let (shards, mut inbox) = inbox(1_024);
        let _tasks = restless(&shards, 16, events).await;
        // They are in full swing.
        for _ in 0..50 {
            turn(&mut inbox).await;
        }
        let quiet: Vec<Line> = (0..1_000).map(|_| shards.line()).collect();
        for round in 1..=3 {
            for (nth, line) in quiet.iter().enumerate() {
                assert!(line.tell(batch(1_000 + nth as u64, round, 1)).await);
            }
            let (mut heard, mut others) = (0, BTreeMap::<u64, usize>::new());
            while heard < quiet.len() {
                for (link, first, _) in turn(&mut inbox).await.iter().filter_map(said) {
                    if 1_000 <= link {
                        assert_eq!(first, round);
                        heard += 1;
                    } else if heard < quiet.len() {
                        *others.entry(link).or_default() += 1;
                    }
                }
            }
            let most = others.values().max().copied().unwrap_or(0);
            assert!(most <= 1, "batches of {events}, round {round}: {others:?}");
        }
    }
}

#[tokio::test]
async fn row_30_engines_have_equal_parts_whatever_the_size_of_their_batches() {
    let (shards, mut inbox) = inbox(1_024);
    let (mut one, mut many) = (JoinSet::new(), JoinSet::new());
    for (tasks, link, events) in [(&mut one, 1, 4), (&mut many, 2, 800)] {
        let line = shards.line();
        tasks.spawn(async move { while line.tell(batch(link, 1, events)).await {} });
    }
    filled(&shards, 2 * OF_ENGINE).await;
    let mut events = BTreeMap::<u64, u64>::new();
    for _ in 0..200 {
        for (link, _, size) in turn(&mut inbox).await.iter().filter_map(said) {
            *events.entry(link).or_default() += size;
        }
        filled(&shards, 2 * OF_ENGINE).await;
    }
    let apart = events[&1].abs_diff(events[&2]);
    assert!(apart <= 2 * 800, "{events:?}");
    assert!(events[&1] > 10_000, "{events:?}");
}

#[tokio::test]
async fn row_30_a_turn_ends_where_it_has_cost_enough() {
    let (shards, mut inbox) = inbox(1_024);
    let _tasks = restless(&shards, 4, 100).await;
    let all: Vec<_> = turn(&mut inbox).await.iter().filter_map(said).collect();
    let cost: u64 = all.iter().map(|it| it.2).sum();
    assert!((COST..COST + 100).contains(&cost), "{cost}");
    // One engine by itself fills a turn, as many engines do.
    let (shards, mut inbox) = shard_of_one().await;
    assert_eq!(turn(&mut inbox).await.len(), OF_ENGINE);
    filled(&shards, OF_ENGINE).await;
    assert_eq!(turn(&mut inbox).await.len(), OF_ENGINE);
}

async fn shard_of_one() -> (Shards, Inbox) {
    let (shards, inbox) = inbox(1_024);
    let mut tasks = restless(&shards, 1, 1).await;
    tasks.detach_all();
    (shards, inbox)
}

/// What people ask for is in the next turn, and leaves engines most of it.
#[tokio::test]
async fn row_30_people_go_ahead_of_engines_and_keep_none_of_them_waiting() {
    let (shards, mut inbox) = inbox(1_024);
    let _tasks = restless(&shards, 16, 1).await;
    assert!(shards.tell(ask()).await);
    let first = turn(&mut inbox).await;
    assert!(said(&first[0]).is_none(), "a person's comes first");
    let mut asking = JoinSet::new();
    for _ in 0..8 {
        let shards = shards.clone();
        asking.spawn(async move { while shards.tell(ask()).await {} });
    }
    while shards.try_tell(ask()).is_ok() {}
    for _ in 0..20 {
        let all = turn(&mut inbox).await;
        let engines = all.iter().filter_map(said).count();
        assert_eq!((engines, all.len()), (192, 256));
    }
}

/// On several threads, with an inbox that is full and empty by turns: nothing is lost, each line's
/// order stands, nobody sleeps on, and the end is heard.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn nothing_is_lost_on_the_way_to_the_shard_and_its_end_is_heard() {
    const EACH: u64 = 3_000;
    let (shards, mut inbox) = inbox(2);
    let mut tasks = JoinSet::new();
    for link in 1..=8 {
        let line = shards.line();
        tasks.spawn(async move {
            for first in 1..=EACH {
                assert!(line.tell(batch(link, first, (first % 7) as usize)).await);
            }
        });
    }
    for _ in 0..4 {
        let shards = shards.clone();
        tasks.spawn(async move {
            for _ in 0..EACH {
                assert!(shards.tell(ask()).await);
            }
        });
    }
    drop(shards);
    let (mut batch, mut asked, mut next) = (vec![], 0, BTreeMap::<u64, u64>::new());
    while inbox.take(&mut batch).await {
        for Taken { message, .. } in batch.drain(..) {
            match said(&message) {
                Some((link, first, _)) => {
                    let next = next.entry(link).or_insert(1);
                    assert_eq!(first, *next);
                    *next += 1;
                }
                None => asked += 1,
            }
        }
    }
    assert_eq!(asked, 4 * EACH);
    assert_eq!(next.into_values().collect::<Vec<_>>(), [EACH + 1; 8]);
    while let Some(ended) = tasks.join_next().await {
        ended.unwrap();
    }
}

/// Whoever waits for room when the shard goes is told so, and what was asked has no answer.
#[tokio::test]
async fn nobody_waits_for_a_shard_that_has_gone() {
    let (shards, full) = inbox(1);
    let mut engines = restless(&shards, 3, 1).await;
    let (reply, answer) = oneshot::channel();
    assert!(shards.tell(Message::Measure { reply }).await);
    let waits = Arc::new(shards.clone());
    let mut asking = JoinSet::new();
    asking.spawn(async move { waits.tell(ask()).await });
    yield_now().await;
    assert!(matches!(shards.try_tell(ask()), Err(Some(_))), "it is full");
    drop(full);
    assert!(!asking.join_next().await.unwrap().unwrap());
    while let Some(ended) = engines.join_next().await {
        ended.unwrap();
    }
    assert!(answer.await.is_err());
    assert!(shards.is_gone() && matches!(shards.try_tell(ask()), Err(None)));
    // Nobody keeps alive who is only known.
    let weak = shards.downgrade();
    assert!(weak.upgrade().is_some());
    drop(shards);
    assert!(weak.upgrade().is_none());
}
