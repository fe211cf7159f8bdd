//! The whole relay in a simulated world: the real program on replaced seams, engines and dashboards
//! over the real gRPC and WebSocket stacks, and faults of the network, of machines and of clocks,
//! all drawn from one number. What they observed is then held against what always holds.

mod dashboard;
mod desk;
mod engine;
mod gates;
mod history;
mod hosts;
mod lane;
mod net;
mod work;
mod world;

use std::time::Duration;

use world::{Setup, World, run};

fn setup(seed: u64) -> Setup {
    Setup {
        seed,
        engines: vec![
            vec![run("x1", 30, true, seed * 10 + 1), run("x2", 30, true, seed * 10 + 2)],
            vec![run("x3", 30, true, seed * 10 + 3)],
        ],
        dashboards: vec![5, 5, 5],
        latency: Duration::from_millis(30),
    }
}

#[test]
fn the_same_seed_is_the_same_history() {
    let play = |seed| {
        let mut world = World::new(setup(seed));
        world.finish();
        if std::env::var_os("SIM_TRACE").is_some() {
            eprintln!("{}", world.history.tail(10_000));
        }
        (world.history.hash(), world.now())
    };
    let a = play(1);
    eprintln!("{a:?}");
    assert_eq!(a, play(1));
    assert_ne!(a, play(2));
}
