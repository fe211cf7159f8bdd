//! The whole relay in a simulated world: the real program on replaced seams, engines and dashboards
//! over the real gRPC and WebSocket stacks, and faults of the network, of machines, disks and clocks,
//! all drawn from one number. What they observed is then held against what always holds.
//!
//! A failure names its number; `SIM_SEED=number cargo test --test it sim::whatever_happens` plays
//! that one again, step by step the same. `SIM_SEEDS=1000` plays so many instead of the usual fifty.

mod check;
mod dashboard;
mod desk;
mod duties;
mod engine;
mod faults;
mod gates;
mod history;
mod hosts;
mod lane;
mod net;
mod rows;
mod rows_disk;
mod view;
mod wishes;
mod work;
mod world;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use crate::dice::Dice;
use faults::Plan;
use work::run;
use world::{Setup, World};

/// So many simulations are played unless somebody wants more.
const USUAL: u64 = 50;

/// What a seed makes of it.
fn draw(seed: u64) -> Setup {
    let mut dice = Dice::seeded(seed + 5);
    let mut steps = || 10 + dice.below(30);
    let x1 = run("x1", steps(), true, seed * 10 + 1);
    let x2 = run("x2", steps(), true, seed * 10 + 2);
    let x3 = run("x3", steps(), true, seed * 10 + 3);
    // Sometimes two engines work on one execution.
    let beside = seed.is_multiple_of(3).then(|| x1.beside());
    Setup {
        seed,
        engines: vec![vec![x1, x2], [x3].into_iter().chain(beside).collect()],
        dashboards: vec![8, 5, 2],
        latency: Duration::from_millis([10, 50, 200][dice.below(3) as usize]),
        // Half of all relays keep what happens.
        stored: seed.is_multiple_of(2),
        tick: world::TICK,
    }
}

/// One simulation. Its history, as one number.
fn play(seed: u64) -> String {
    let setup = draw(seed);
    let stored = setup.stored;
    let mut world = World::new(setup);
    Plan::draw(&world, stored).run(&mut world);
    world.finish();
    world.history.hash()
}

/// A number that somebody has set, to look more closely or for longer.
fn set(name: &str) -> Option<u64> {
    std::env::var_os(name).map(|it| it.to_str().unwrap().parse().unwrap())
}

#[test]
fn whatever_happens_what_always_holds_does() {
    let only = set("SIM_SEED");
    let last = only.unwrap_or_else(|| set("SIM_SEEDS").unwrap_or(USUAL));
    let next = AtomicU64::new(only.unwrap_or(1));
    let failed = Mutex::new(vec![]);
    let work = || {
        loop {
            let seed = next.fetch_add(1, Ordering::Relaxed);
            if last < seed {
                return;
            }
            if let Err(why) = catch_unwind(AssertUnwindSafe(|| play(seed))) {
                let why = why.downcast_ref::<String>().cloned().unwrap_or_default();
                failed.lock().unwrap().push((seed, why));
            }
        }
    };
    let threads = std::thread::available_parallelism().map_or(2, |it| it.get());
    std::thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(work);
        }
    });
    let failed = failed.into_inner().unwrap();
    if let Some((seed, why)) = failed.iter().min_by_key(|(seed, _)| *seed) {
        let all: Vec<u64> = failed.iter().map(|(seed, _)| *seed).collect();
        panic!(
            "{why}\n\nfailed: {all:?}; play this one again with\n  SIM_SEED={seed} cargo test --test it sim::whatever_happens"
        );
    }
}

#[test]
fn the_same_seed_is_the_same_history() {
    for seed in [3, 4] {
        let first = play(seed);
        assert_eq!(first, play(seed), "seed {seed}");
        assert_ne!(first, play(seed + 2), "seeds {seed} and {}", seed + 2);
    }
}
