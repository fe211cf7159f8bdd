//! What goes wrong in a simulation, drawn from its seed: which faults, when and for how long. It must
//! never do anything to a machine twice at once.

use std::collections::BTreeMap;
use std::time::Duration;

use super::world::World;
use crate::dice::Dice;

/// How long things go wrong.
const TROUBLE: Duration = Duration::from_secs(40);

/// Something that goes wrong, or is put right.
#[derive(Debug, Clone)]
enum Event {
    Partition(String),
    From(String),
    To(String),
    Repair(String),
    Hold(String),
    Release(String),
    Cut {
        host: String,
        after: u32,
        reading: bool,
    },
    KillRelay {
        silently: bool,
    },
    StartRelay,
    Drain,
    KillEngine {
        which: usize,
        lose_outbox: bool,
    },
    StartEngine(usize),
    Haunt(usize),
    Jump(i64),
    Stall {
        which: usize,
        time: Duration,
    },
    /// Power goes in the middle of a commit: before the write of this number.
    Darken(usize),
    /// The disk is full, or no longer.
    Full(bool),
    /// The flush of this number fails.
    BreakFlush(usize),
    /// Commits take so long, until they no longer do.
    Slow(Duration),
}

/// A plan of faults.
#[derive(Debug)]
pub(super) struct Plan {
    /// By when it happens; several things may happen at once.
    events: BTreeMap<(Duration, usize), Event>,
}

impl Plan {
    /// Draws one.
    pub(super) fn draw(world: &World<'_>, stored: bool) -> Self {
        let mut dice = Dice::seeded(world.seed + 7);
        let mut plan = Self { events: BTreeMap::new() };
        let viewers: Vec<String> = world.dashboards.iter().map(|it| it.who.to_string()).collect();
        let engines: Vec<String> = world.engines.iter().map(|it| it.host().to_owned()).collect();
        // Until when nothing else may happen to a machine.
        let mut busy: BTreeMap<String, Duration> = BTreeMap::new();
        for _ in 0..4 + dice.below(10) {
            let at = Duration::from_millis(500 + dice.below(TROUBLE.as_millis() as u64));
            let long = Duration::from_millis(match dice.below(4) {
                0 => 50 + dice.below(500),
                1 | 2 => 500 + dice.below(5_000),
                _ => 5_000 + dice.below(20_000),
            });
            let anybody: Vec<&String> = engines.iter().chain(&viewers).collect();
            let host = anybody[dice.below(anybody.len() as u64) as usize].clone();
            let which = dice.below(engines.len() as u64) as usize;
            let what = dice.below(if stored { 17 } else { 13 });
            let about = match what {
                0..=4 => host.clone(),
                5..=7 | 13..=16 => "relay".to_owned(),
                8..=10 => engines[which].clone(),
                _ => "nobody".to_owned(),
            };
            let free = busy.entry(about.clone()).or_default();
            if at < *free && about != "nobody" {
                continue;
            }
            *free = at + long + Duration::from_secs(1);
            let mut add = |at: Duration, event| {
                let place = plan.events.len();
                plan.events.insert((at, place), event);
            };
            match what {
                0 => {
                    let side = dice.below(3);
                    add(
                        at,
                        match side {
                            0 => Event::From(host.clone()),
                            1 => Event::To(host.clone()),
                            _ => Event::Partition(host.clone()),
                        },
                    );
                    add(at + long, Event::Repair(host));
                }
                1 => {
                    add(at, Event::Hold(host.clone()));
                    add(at + long, Event::Release(host));
                }
                2..=4 => {
                    let (after, reading) = (dice.below(6) as u32, dice.one_in(2));
                    add(at, Event::Cut { host, after, reading });
                }
                5 | 6 => {
                    add(at, Event::KillRelay { silently: dice.one_in(2) });
                    add(at + long, Event::StartRelay);
                }
                7 => {
                    add(at, Event::Drain);
                    add(at + Duration::from_millis(100), Event::StartRelay);
                }
                8 | 9 => {
                    let lose_outbox = dice.one_in(2);
                    add(at, Event::KillEngine { which, lose_outbox });
                    add(at + long, Event::StartEngine(which));
                }
                10 => {
                    let ghost = engines[which].clone();
                    add(at, Event::Haunt(which));
                    add(at + long, Event::Release(ghost));
                    // Its name has moved to the other machine: nothing more happens to it.
                    *busy.entry(engines[which].clone()).or_default() = Duration::MAX;
                }
                11 => {
                    let by = [3_600, -3_600, 86_400, -86_400][dice.below(4) as usize];
                    add(at, Event::Jump(by));
                }
                12 => {
                    let which = dice.below(viewers.len() as u64) as usize;
                    add(at, Event::Stall { which, time: long * 2 });
                }
                13 => {
                    add(at, Event::Darken(dice.below(60) as usize));
                }
                14 => {
                    add(at, Event::Full(true));
                    add(at + long, Event::Full(false));
                }
                15 => add(at, Event::BreakFlush(1 + dice.below(4) as usize)),
                _ => {
                    add(at, Event::Slow(Duration::from_millis(100 + dice.below(3_000))));
                    add(at + long, Event::Slow(Duration::ZERO));
                }
            }
        }
        plan
    }

    /// Lets it happen.
    pub(super) fn run(self, world: &mut World<'_>) {
        for ((at, _), event) in self.events {
            let now = world.now();
            world.pass(at.saturating_sub(now));
            match event {
                Event::Partition(host) => world.partition(&host),
                Event::From(host) => world.partition_oneway(&host, "relay"),
                Event::To(host) => world.partition_oneway("relay", &host),
                Event::Repair(host) => world.repair(&host),
                Event::Hold(host) => world.hold(&host),
                Event::Release(host) => world.release(&host),
                Event::Cut { host, after, reading } => world.cut(&host, after, reading),
                Event::KillRelay { silently } => world.kill_relay(silently),
                Event::StartRelay => world.start_relay(),
                Event::Drain => world.drain_relay(),
                Event::KillEngine { which, lose_outbox } => world.kill_engine(which, lose_outbox),
                Event::StartEngine(which) => world.start_engine(which),
                Event::Haunt(which) => drop(world.haunt(which)),
                Event::Jump(seconds) => world.jump(seconds),
                Event::Stall { which, time } => world.stall(which, time),
                Event::Darken(after) => world.darken(after),
                Event::Full(full) => {
                    world.disk(&format!("the disk is full: {full}"), |it| it.fill(full));
                }
                Event::BreakFlush(which) => {
                    world.disk(&format!("flush {which} will fail"), |it| {
                        it.sync_fails(which, false)
                    });
                }
                Event::Slow(time) => {
                    world.disk(&format!("a commit takes {time:?}"), |it| it.slow(time));
                }
            }
        }
    }
}
