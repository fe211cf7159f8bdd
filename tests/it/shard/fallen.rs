//! Row 27, the half that must never happen: a turn that panics. The panics here are real ones, of sums
//! that only numbers lead to which no door lets through.

use std::path::Path;

use footplate::core::{Claim, Effect, LaneFault};
use footplate::model::{ExecutionId, Fact, Kind, Now, Record};
use footplate::seams::Disk;
use footplate::store::{self, Keeper, Opened};

use super::*;
use crate::platter::Platter;

/// A gate whose deadline is later than a clock can tell.
fn poison(text: &str) -> Input {
    let mut input = script::input(Timestamp(0), text);
    let Input::Published { events, .. } = &mut input else { panic!("{text}") };
    for event in events {
        let event = Arc::get_mut(event.event.as_mut().unwrap()).unwrap();
        if let Kind::GateOpened(gate) = &mut event.kind {
            gate.time_left = Some(Duration::MAX);
        }
    }
    input
}

fn now() -> Now {
    Now { instant: Instant::now().into_std(), time: Timestamp(0) }
}

fn id(name: &str) -> ExecutionId {
    name.parse().unwrap()
}

/// What follows from an input.
fn take(relay: &mut Relay, input: Input) -> Vec<Effect> {
    relay.handle(now(), input);
    std::iter::from_fn(|| relay.poll_effect()).collect()
}

fn say(relay: &mut Relay, text: &str) -> Vec<Effect> {
    take(relay, script::input(Timestamp(0), text))
}

fn fault(effects: &[Effect]) -> Option<LaneFault> {
    let Some(Effect::Result { result, .. }) = effects.last() else { panic!("{effects:?}") };
    assert_eq!(result.ack.is_some(), result.fault.is_none());
    result.fault
}

#[test]
fn row_27_a_turn_that_panics_leaves_nothing_of_its_execution_and_all_of_the_others() {
    let limits = Limits { open_gates_of_all: 2, ..Limits::default() };
    let mut relay = Relay::new(7, limits);
    say(&mut relay, "w/1@l1 greets");
    say(&mut relay, "l1 says x2 1 log here");
    say(&mut relay, "l1 says x1 1 started alias y1; gate g 1 within 30s");
    let told = take(&mut relay, poison("l1 says x1 3 log half; gate h 1"));
    let [Effect::Fallen { execution, what }, Effect::Result { .. }] = &*told else {
        panic!("{told:?}")
    };
    assert_eq!(*execution, id("x1"));
    assert!(what.contains("overflow"), "{what}");
    assert_eq!(fault(&told), Some(LaneFault::Fallen));
    // Nothing is left of it: no state, no alias, no deadline, no part in what all may have.
    assert_eq!((relay.resolve("x1"), relay.resolve("y1")), (None, None));
    assert_eq!(relay.executions().map(|(it, ..)| it.clone()).collect::<Vec<_>>(), [id("x2")]);
    assert_eq!(relay.poll_timeout(), None);
    assert_eq!(fault(&say(&mut relay, "l1 says x1 5 log more")), Some(LaneFault::Fallen));
    assert_eq!(fault(&say(&mut relay, "l1 says x2 2 started alias y1; gate g 1; gate h 1")), None);
    assert_eq!(relay.snapshot(&id("x2")).unwrap().1.progress().open_gates, 2);
    let told = say(&mut relay, "v1 ada decides x1 g 1 approve as d1");
    let [Effect::Answer { answer: Answer::Receipt(receipt), .. }] = &*told else { panic!() };
    assert_eq!(receipt.stage, Stage::GateUnknown);
}

/// One input may be about many executions: the others have their turns all the same.
#[test]
fn row_27_a_greeting_over_which_one_execution_falls_is_a_greeting_for_the_others() {
    let limits = Limits { orphaned: Duration::MAX, ..Limits::default() };
    let mut relay = Relay::new(7, limits);
    say(&mut relay, "w/1@l1 greets");
    say(&mut relay, "l1 says x1 1 gate g 1");
    say(&mut relay, "l1 says x2 1 log .");
    let mut input = script::input(Timestamp(0), "w/2@l2 greets x1");
    let Input::Greeted { hello, .. } = &mut input else { panic!() };
    hello.claims.push(Claim::of(id("x2")));
    let mut told = take(&mut relay, input);
    assert!(told.iter().any(|it| matches!(it, Effect::Fallen { .. })), "{told:?}");
    let comes = |it: &Effect| matches!(it, Effect::Append(it) if it.execution == id("x2"));
    assert!(told.iter().any(comes), "x2 knows that its engine has come: {told:?}");
    // Nobody has been told yet.
    told.iter_mut().for_each(|it| it.take_back(&id("x1"), &relay));
    let grants = told.iter().find_map(|it| match it {
        Effect::Welcome { grants, .. } => Some(grants),
        _ => None,
    });
    let [one, two] = &**grants.unwrap() else { panic!("{told:?}") };
    assert_eq!(one.log, Err(LaneFault::Fallen));
    assert!(two.log.is_ok());
    let theirs = |it: &Effect| matches!(it, Effect::Append(it) if it.execution == id("x1"));
    assert!(!told.iter().any(theirs), "{told:?}");
}

/// Says these in one turn.
fn at_once(bench: &Bench, inputs: impl IntoIterator<Item = Input>) {
    for input in inputs {
        assert!(bench.shards.try_tell(Message::Input(input)).is_ok());
    }
}

fn input(text: &str) -> Input {
    script::input(Timestamp(0), text)
}

async fn results(engine: &mut mpsc::Receiver<ToEngine>, count: usize) -> Vec<String> {
    let mut all = vec![];
    while all.len() < count {
        if let ToEngine::Result(result) = engine.recv().await.unwrap() {
            all.push(match (result.ack, result.nack, result.fault) {
                (Some(_), None, None) => "ack".to_owned(),
                (None, Some(wanted), None) => format!("nack {wanted}"),
                (None, None, Some(fault)) => format!("{fault:?}"),
                _ => panic!("{result:?}"),
            });
        }
    }
    all
}

#[tokio::test(start_paused = true)]
async fn row_27_who_watches_what_fell_is_told_and_everybody_else_goes_on() {
    let mut bench = Bench::start();
    let mut engine = bench.engine(64).await;
    bench.input("l1 says x1 1 log one").await;
    bench.input("l1 says x2 1 log one").await;
    results(&mut engine, 2).await;
    let mut near = bench.come(bench.native, Some("x1")).await;
    let mut far = bench.come(bench.native, Some("x2")).await;
    for client in [&mut near, &mut far] {
        assert!(client.news().await["watching"].is_string());
        assert_eq!(client.news().await["state"], 2);
    }
    let turn = [
        input("l1 says x1 2 log never"),
        input("l1 says x2 2 log two"),
        poison("l1 says x1 3 gate g 1"),
        input("l1 says x2 3 log three"),
    ];
    at_once(&bench, turn);
    assert_eq!(results(&mut engine, 4).await, ["Fallen", "ack", "Fallen", "ack"]);
    assert_eq!(
        [far.news().await["text"].clone(), far.news().await["text"].clone()],
        ["two", "three"]
    );
    assert_eq!(near.news().await, json!({ "unknown": "x1" }), "it is shown nothing of that turn");
    assert_eq!(bench.metrics.executions_fallen.get(), 1);
    assert_eq!(bench.metrics.executions_live.get(), 1);
    // Again and again: it costs a refusal.
    at_once(&bench, [poison("l1 says x1 2 gate g 1")]);
    bench.input("l1 says x2 4 log four").await;
    assert_eq!(results(&mut engine, 2).await, ["Fallen", "ack"]);
    assert_eq!(far.news().await["text"], "four");
    assert_eq!(bench.metrics.executions_fallen.get(), 1);
}

/// With a store it goes on from what was committed, and its engine from there; until it has fallen too
/// often.
#[tokio::test(start_paused = true)]
async fn row_27_what_is_kept_rises_twice_and_is_set_aside_the_third_time() {
    let disk = Platter::default();
    let open = || {
        let seam: Arc<dyn Disk> = Arc::new(disk.clone());
        let fresh = || Relay::new(7, Limits::default());
        let options = store::Options::default();
        Keeper::open(&seam, Path::new("d"), options, now(), false, fresh).unwrap()
    };
    let (_, Opened { keeper, reader, .. }) = open();
    let mut bench = Bench::over(Options::default(), Limits::default(), keeper, Some(reader));
    let mut engine = bench.engine(64).await;
    bench.input("l1 says x1 1 log kept").await;
    assert_eq!(results(&mut engine, 1).await, ["ack"]);
    let mut client = bench.come(bench.native, Some("x1")).await;
    assert_eq!(client.news().await["watching"], "x1");
    assert_eq!(client.news().await["state"], 2);

    let turn = [
        input("l1 says x1 2 log never"),
        input("l1 says x2 1 log kept"),
        poison("l1 says x1 3 log half; gate g 1"),
        input("l1 says x1 5 log never"),
    ];
    at_once(&bench, turn);
    let told = results(&mut engine, 4).await;
    assert_eq!(
        told,
        ["nack 2", "ack", "nack 2", "nack 2"],
        "it says again what nobody was told of"
    );
    bench.input("l1 says x1 2 log again").await;
    assert_eq!(results(&mut engine, 1).await, ["ack"]);
    let mut last = 2;
    loop {
        let news = client.news().await;
        last += 1;
        assert_eq!(news["seq"], last, "in order, without a gap, and no state: {news}");
        assert!(news["text"] != "never" && news["text"] != "half", "{news}");
        if news["text"] == "again" {
            break;
        }
    }
    at_once(&bench, [poison("l1 says x1 3 gate g 1")]);
    assert_eq!(results(&mut engine, 1).await, ["nack 3"]);
    assert_eq!(bench.metrics.executions_live.get(), 2);
    at_once(&bench, [poison("l1 says x1 3 gate g 1")]);
    assert_eq!(results(&mut engine, 1).await, ["Fallen"]);
    while client.news().await != json!({ "unknown": "x1" }) {}
    assert_eq!(bench.metrics.executions_fallen.get(), 3);
    assert_eq!(bench.metrics.executions_live.get(), 1);
    bench.input("l1 says x1 3 log late").await;
    bench.input("l1 says x2 2 log kept").await;
    assert_eq!(results(&mut engine, 2).await, ["Fallen", "ack"]);

    // A relay that is started again takes it up where it was.
    let Bench { shards, house, mut shard, mut connections, .. } = bench;
    drop((shards, house, client));
    while connections.join_next().await.is_some() {}
    while let Some(ended) = shard.join_next().await {
        ended.unwrap().unwrap();
    }
    let (relay, opened) = open();
    assert!(opened.loaded.damage.is_empty());
    let said = |name: &str| {
        let said = |it: &&Arc<Record>| matches!(&it.fact, Fact::Said { .. });
        relay.retained(&id(name)).filter(said).count()
    };
    assert_eq!((said("x1"), said("x2")), (2, 2));
}
