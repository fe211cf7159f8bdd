//! Faults by their number in the project's list of faults: those of the relay's machine and of its
//! disk. With a store, what was acknowledged or recorded must be there after all of them.

use std::time::Duration;

use super::history::{Entry, What};
use super::work::run;
use super::world::{Setup, TICK, World};

fn setup(seed: u64) -> Setup {
    Setup {
        seed,
        engines: vec![
            vec![run("x1", 30, true, seed), run("x2", 30, true, seed + 1)],
            vec![run("x3", 30, true, seed + 2)],
        ],
        dashboards: vec![9, 5],
        latency: Duration::from_millis(20),
        stored: true,
        tick: TICK,
    }
}

fn acks(world: &World<'_>) -> usize {
    world.history.count(|it| matches!(it.what, What::Acked { .. }))
}

#[test]
fn row_06_a_relay_that_is_killed_goes_on_where_it_was() {
    let mut world = World::new(setup(6));
    for n in 0..8 {
        world.pass(Duration::from_millis(1_300 + 100 * n));
        world.kill_relay(false);
        world.pass(Duration::from_millis(200));
        world.start_relay();
    }
    world.finish();
    let again = |it: &Entry| {
        matches!(&it.what, What::Told(frame) if frame["type"] == "subscribed"
            && frame["recovered"] == true)
    };
    assert!(world.history.any(again), "dashboards go on without a snapshot");
    let reports = |it: &Entry| matches!(it.what, What::Reported { .. });
    assert!(!world.history.any(reports), "and no engine is asked for its state");
}

#[test]
fn row_08_a_power_cut_at_any_write_takes_nothing_that_was_acknowledged() {
    for seed in [81, 82, 83] {
        let mut world = World::new(setup(seed));
        for writes in 0..16 {
            world.darken(writes);
            world.pass(Duration::from_secs(5));
        }
        let cuts = world.history.count(
            |it| matches!(&it.what, What::Fault(what) if what.starts_with("the power is gone")),
        );
        assert!(3 < cuts, "the power went {cuts} times");
        world.disk("power stays", |it| it.breaks_after(None));
        world.finish();
    }
}

#[test]
fn row_10_a_full_disk_holds_everything_up_and_loses_nothing() {
    let mut world = World::new(setup(10));
    for _ in 0..3 {
        world.pass(Duration::from_secs(2));
        world.disk("it is full", |it| it.fill(true));
        world.pass(Duration::from_secs(1));
        let before = acks(&world);
        world.pass(Duration::from_secs(4));
        assert_eq!(acks(&world), before, "nothing is acknowledged that is not kept");
        world.disk("there is room again", |it| it.fill(false));
        world.until("it to go on", Duration::from_secs(5), |it| before < acks(it));
    }
    world.finish();
}

#[test]
fn row_10_a_flush_that_fails_is_not_taken_for_done() {
    for (seed, forgets) in [(101, false), (102, false), (103, true), (104, true)] {
        let mut world = World::new(setup(seed));
        let mut went_on = 0;
        for which in [1, 2, 3] {
            world.pass(Duration::from_millis(1_000));
            let failed = world.relay.platter.failed();
            world.disk(&format!("flush {which} will fail"), |it| it.sync_fails(which, forgets));
            world.until("a flush that fails", Duration::from_secs(30), |it| {
                failed < it.relay.platter.failed()
            });
            let before = acks(&world);
            world.pass(Duration::from_millis(2_500));
            went_on += usize::from(before < acks(&world));
            world.kill_relay(true);
            world.pass(Duration::from_millis(300));
            world.start_relay();
        }
        assert!(0 < went_on, "it has gone on after a flush that failed");
        world.finish();
    }
}

#[test]
fn row_11_a_slow_disk_makes_everybody_wait_and_nobody_leave() {
    let mut world = World::new(setup(11));
    world.pass(Duration::from_secs(3));
    world.disk("each commit takes 2 s", |it| it.slow(Duration::from_secs(2)));
    let before = acks(&world);
    world.pass(Duration::from_secs(20));
    let slowly = acks(&world) - before;
    assert!(0 < slowly && slowly < 60, "{slowly} acknowledgements");
    world.disk("it is fast again", |it| it.slow(Duration::ZERO));
    world.finish();
    assert!(!world.history.any(|it| matches!(it.what, What::Gone)), "a dashboard has left");
    assert!(!world.history.any(|it| matches!(it.what, What::Broke { .. })), "an engine has");
}
