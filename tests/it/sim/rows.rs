//! Faults by their number in the project's list of faults, each by itself and on purpose: of engines,
//! of the network, of clocks and of people. What always holds is held against each of them at the end.

use std::cell::RefCell;
use std::rc::Rc;
use std::time::Duration;

use footplate::engine::pb::{GoodbyeReason, IssueCode, attach_response::Message as Told};
use serde_json::Value;

use super::engine::Raw;
use super::history::{Entry, What};
use super::work::{Run, Step, Then, gate, run};
use super::world::{Setup, TICK, World};

/// Longer than anything here takes, in simulated time.
const LONG: Duration = Duration::from_secs(120);
/// By then everybody knows that an engine is gone.
const KNOWN: Duration = Duration::from_secs(15);

/// Two engines with two executions each, or what is given instead, and two dashboards.
fn setup(seed: u64, stored: bool, runs: Vec<Run>) -> Setup {
    let engines = if runs.is_empty() {
        vec![
            vec![run("x1", 25, true, seed), run("x2", 25, true, seed + 1)],
            vec![run("x3", 25, true, seed + 2)],
        ]
    } else {
        vec![runs]
    };
    let latency = Duration::from_millis(20);
    Setup { seed, engines, dashboards: vec![9, 5], latency, stored, tick: TICK }
}

fn frame(entry: &Entry) -> Option<&Value> {
    if let What::Told(frame) = &entry.what { Some(frame) } else { None }
}

fn is_frame(entry: &Entry, kind: &str) -> bool {
    frame(entry).is_some_and(|it| it["type"] == kind)
}

/// Somewhere in the middle of the work.
fn busy(world: &mut World<'_>) {
    world.until("some effect", LONG, |it| {
        it.history.any(|it| matches!(it.what, What::Effect { .. }))
    });
}

fn sent(world: &World<'_>, producer: &str, epoch: u64) -> usize {
    world.history.count(|it| {
        matches!(&it.what, What::Sent { start, .. }
            if &*start.producer == producer && start.epoch == epoch)
    })
}

/// How often a dashboard was told that an engine is gone.
fn gone(world: &World<'_>) -> usize {
    world.history.count(|it| frame(it).is_some_and(|it| it["status"] == "lost"))
}

#[test]
fn row_01_an_engine_that_is_killed_is_missed_and_goes_on_where_it_was() {
    for lose_outbox in [false, true] {
        let mut world = World::new(setup(1, lose_outbox, vec![]));
        for round in 0..12 {
            world.pass(Duration::from_millis(300 + 170 * round));
            let known = gone(&world);
            world.kill_engine(0, lose_outbox);
            world.until("somebody to miss it", KNOWN, |it| known < gone(it));
            world.start_engine(0);
        }
        world.finish();
    }
}

#[test]
fn row_15_who_has_vanished_without_a_word_is_known_to_be_gone() {
    let mut world = World::new(setup(15, false, vec![run("x1", 40, true, 15)]));
    busy(&mut world);
    let known = gone(&world);
    world.partition("e1");
    world.until("the engine to be missed", KNOWN, |it| known < gone(it));
    world.repair("e1");
    assert_eq!(world.open("v2"), 1);
    world.partition("v2");
    world.until("the dashboard to be missed", Duration::from_secs(35), |it| it.open("v2") == 0);
    world.repair("v2");
    world.finish();
}

#[test]
fn row_02_a_ghost_of_an_engine_is_fenced_and_nothing_of_it_counts() {
    for stored in [false, true] {
        let mut world = World::new(setup(2, stored, vec![]));
        busy(&mut world);
        let ghost = world.haunt(0);
        world.pass(Duration::from_secs(3));
        let said = sent(&world, "e1", 1);
        world.release(&ghost);
        world.until("the ghost to be sent away", LONG, |it| {
            it.history.any(|it| {
                matches!(&it.what, What::Goodbye { start, reason }
                    if start.epoch == 1 && *reason == GoodbyeReason::Fenced as i32)
            })
        });
        assert!(0 < said && 0 < sent(&world, "e1", 2), "both have said something");
        world.finish();
    }
}

#[test]
fn row_03_what_is_sent_twice_or_out_of_turn_stands_once_and_in_turn() {
    let mut world = World::new(setup(3, true, vec![run("x1", 10, true, 3)]));
    let done = Rc::new(RefCell::new(false));
    let told = done.clone();
    world.client("raw", async move {
        let mut raw = Raw::attach("raw", 1).await;
        assert!(matches!(raw.hears().await, Told::Welcome(_)));
        raw.writes("y1", 1, &["one", "two", "three"]).await;
        assert_eq!(raw.result().await.ack.unwrap().pseq, 3);
        raw.writes("y1", 2, &["two", "three"]).await;
        let again = raw.result().await;
        assert_eq!((again.ack.unwrap().pseq, again.issues.len()), (3, 0));
        raw.writes("y1", 9, &["nine"]).await;
        let gap = raw.result().await;
        assert_eq!((gap.ack, gap.nack.unwrap().expected_pseq), (None, 4));
        raw.writes("y1", 3, &["three", "four"]).await;
        let ack = raw.result().await.ack.unwrap();
        // The engine's coming is the first record.
        assert_eq!((ack.pseq, ack.seq), (4, 5));
        *told.borrow_mut() = true;
    });
    world.until("all of it to be said", LONG, |_| *done.borrow());
    world.finish();
}

#[test]
fn row_04_same_number_other_content_is_a_conflict_and_the_first_stands() {
    let mut world = World::new(setup(4, true, vec![run("x1", 10, true, 4)]));
    let done = Rc::new(RefCell::new(0));
    let talk = |epoch, told: Rc<RefCell<i32>>| async move {
        let mut raw = Raw::attach("raw", epoch).await;
        assert!(matches!(raw.hears().await, Told::Welcome(_)));
        if epoch == 1 {
            raw.writes("y1", 1, &["one", "two"]).await;
            assert_eq!(raw.result().await.ack.unwrap().pseq, 2);
        }
        raw.writes("y1", 2, &["TWO", "three"]).await;
        let conflict = raw.result().await;
        assert_eq!((conflict.issues[0].pseq, conflict.issues[0].code()), (2, IssueCode::Conflict));
        assert_eq!(conflict.ack.unwrap().pseq, 3, "the stream lives, and what follows is taken in");
        *told.borrow_mut() += 1;
    };
    world.client("raw", talk(1, done.clone()));
    world.until("a conflict", LONG, |_| *done.borrow() == 1);
    // A relay that has been away knows it still.
    world.kill_relay(false);
    world.start_relay();
    world.client("raw-2", talk(2, done.clone()));
    world.until("another one", LONG, |_| *done.borrow() == 2);
    world.finish();
}

#[test]
fn row_05_a_connection_that_dies_between_commit_and_acknowledgement_costs_nothing() {
    let mut world = World::new(setup(5, true, vec![]));
    for _ in 0..12 {
        world.pass(Duration::from_millis(700));
        world.cut("e1", 0, false);
    }
    world.finish();
    // It did happen: an engine came back, and the relay had more than it had acknowledged.
    let mut acked = std::collections::BTreeMap::new();
    let mut ahead = 0;
    for entry in world.history.entries() {
        match entry.what {
            What::Acked { execution, ack, .. } => drop(acked.insert(execution, ack.pseq)),
            What::Granted { start, grant } if &*start.producer == "e1" => {
                let known = acked.get(&grant.execution_id).copied().unwrap_or(0);
                ahead += u32::from(known + 1 < grant.next_pseq);
            }
            _ => {}
        }
    }
    assert!(0 < ahead, "no acknowledgement was lost");
}

#[test]
fn row_07_a_relay_without_a_store_is_told_the_state_again() {
    let mut world = World::new(setup(7, false, vec![]));
    for silently in [false, true] {
        busy(&mut world);
        world.pass(Duration::from_secs(3));
        world.kill_relay(silently);
        world.pass(Duration::from_secs(2));
        world.start_relay();
        world.pass(Duration::from_secs(5));
    }
    world.finish();
    let any = |is: &dyn Fn(&Entry) -> bool| world.history.any(is);
    assert!(any(&|it| matches!(it.what, What::Reported { .. })), "no state was asked for");
    let changed = |it: &Entry| frame(it).is_some_and(|it| it["reason"] == "epoch_changed");
    assert!(any(&changed), "no dashboard was told");
}

#[test]
fn row_16_a_partition_of_an_engine_costs_time_and_nothing_else() {
    for (seconds, tick) in [(1, TICK), (40, TICK), (600, 5 * TICK)] {
        let mut world =
            World::new(Setup { tick, ..setup(16, false, vec![run("x1", 40, true, 16)]) });
        world.pass(Duration::from_secs(1));
        world.partition("e1");
        world.pass(Duration::from_secs(seconds));
        world.repair("e1");
        world.finish();
        let lost = world.history.count(|it| is_frame(it, "engine_status"));
        assert!(seconds < 10 || 2 < lost, "dashboards are told that the engine is gone");
    }
}

#[test]
fn row_17_segments_of_a_few_bytes_that_overtake_each_other_change_nothing() {
    let runs = vec![run("x1", 10, true, 17)];
    let mut world =
        World::new(Setup { latency: Duration::from_millis(100), ..setup(17, false, runs) });
    world.slice(Some(53));
    world.finish();
}

#[test]
fn row_18_a_connection_may_break_at_any_byte() {
    for stored in [false, true] {
        let mut world = World::new(setup(18, stored, vec![]));
        for after in 0..8 {
            for reading in [false, true] {
                for host in ["e1", "e2", "v1", "v2"] {
                    world.cut(host, after, reading);
                }
                world.pass(Duration::from_millis(900));
            }
        }
        world.finish();
    }
}

#[test]
fn row_19_a_calendar_that_jumps_moves_no_deadline_and_sends_nobody_away() {
    for jump in [3_600, -3_600, 86_400, -86_400] {
        let asks = [Step::Log(0), gate(1, Some(20), Then::Wait), Step::Log(0)];
        let mut world = World::new(Setup {
            dashboards: vec![0],
            ..setup(19, false, vec![Run::of("x1", asks)])
        });
        let asked = |it: &World<'_>| it.history.any(|it| is_frame(it, "human_gate_waiting"));
        world.until("the question", LONG, asked);
        let since = world.now();
        world.pass(Duration::from_secs(2));
        world.jump(jump);
        let expired = |it: &World<'_>| {
            it.history.any(|it| frame(it).is_some_and(|it| it["resolution"] == "expired"))
        };
        // Nobody decides before 8 s have passed, and whoever does is early.
        world.until("the answer", LONG, |it| {
            expired(it) || it.history.any(|it| is_frame(it, "gate_resolved"))
        });
        let took = world.now() - since;
        assert!(!expired(&world) || (19..=21).contains(&took.as_secs()), "after {took:?}");
        world.finish();
        assert!(!world.history.any(|it| matches!(it.what, What::Gone)), "somebody was sent away");
        assert!(!world.history.any(|it| matches!(it.what, What::Broke { .. })), "an engine was");
    }
}

#[test]
fn row_26_a_drain_loses_nothing_and_ends() {
    for stored in [false, true] {
        let mut world = World::new(setup(26, stored, vec![]));
        for _ in 0..2 {
            world.pass(Duration::from_secs(4));
            let before = world.now();
            world.drain_relay();
            assert!(world.now() - before <= Duration::from_secs(20));
            world.start_relay();
        }
        world.finish();
        let draining = GoodbyeReason::Draining as i32;
        let told =
            |it: &Entry| matches!(it.what, What::Goodbye { reason, .. } if reason == draining);
        assert!(world.history.any(told), "no engine was told");
    }
}

#[test]
fn row_31_of_those_who_decide_at_once_one_wins_and_the_others_are_told_who() {
    for (seed, stored) in [(311, false), (312, true)] {
        let gates = (1..=12).map(|it| gate(it, None, Then::Wait));
        let mut world = World::new(Setup {
            dashboards: vec![10, 10, 10],
            ..setup(seed, stored, vec![Run::of("x1", gates)])
        });
        world.finish();
        let stage = |stage: &str| {
            world.history.count(|it| {
                frame(it).is_some_and(|it| it["type"] == "receipt" && it["stage"] == stage)
            })
        };
        let effects = world.history.count(|it| matches!(it.what, What::Effect { .. }));
        assert_eq!(effects, 12, "each gate once");
        assert!(0 < stage("already_decided") && 0 < stage("id_reused"));
    }
}

#[test]
fn row_32_an_engine_that_dies_between_effect_and_answer_has_applied_it_once() {
    for stored in [false, true] {
        let asks = [gate(1, None, Then::Wait), Step::Log(0)];
        let mut world = World::new(setup(32, stored, vec![Run::of("x1", asks)]));
        busy(&mut world);
        // What it has to say of that goes with it.
        world.kill_engine(0, true);
        world.pass(Duration::from_secs(1));
        world.start_engine(0);
        world.finish();
        assert_eq!(world.history.count(|it| matches!(it.what, What::Effect { .. })), 1);
        let applied = |it: &Entry| {
            frame(it).is_some_and(|it| it["type"] == "gate_delivery" && it["delivery"] == "applied")
        };
        assert!(world.history.any(applied), "its next start has said so");
    }
}

#[test]
fn row_33_a_gate_that_is_asked_again_gets_the_decision_that_stands() {
    for stored in [false, true] {
        let asks = [gate(1, None, Then::Wait), Step::Log(0)];
        let mut world = World::new(setup(33, stored, vec![Run::of("x1", asks)]));
        let asked = |it: &World<'_>| it.history.any(|it| is_frame(it, "human_gate_waiting"));
        world.until("the question", LONG, asked);
        world.partition("e1");
        let settled = |it: &World<'_>| it.history.any(|it| is_frame(it, "gate_resolved"));
        world.until("the decision", LONG, settled);
        world.kill_engine(0, true);
        world.repair("e1");
        if stored {
            world.kill_relay(true);
            world.start_relay();
        }
        world.start_engine(0);
        world.finish();
        let ids = world.history.entries().into_iter().filter_map(|it| match it.what {
            What::Got { id, .. } => Some(id),
            _ => None,
        });
        let ids: std::collections::BTreeSet<String> = ids.collect();
        assert_eq!(ids.len(), 1, "one decision, and no second question");
        assert_eq!(world.history.count(|it| matches!(it.what, What::Effect { .. })), 1);
    }
}
