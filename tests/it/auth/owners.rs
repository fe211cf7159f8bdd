//! I2: executions of one engine and of one tenant, and how fast new ones are begun. What is refused is told
//! in its place and can be said again; nothing that was taken is lost.

use std::num::NonZeroU32;
use std::time::Duration;

use footplate::core::{Effect, LaneFault, Limits, Relay};
use footplate::model::{Identity, Now, Timestamp};

use crate::script;

struct Bench {
    relay: Relay,
    began: std::time::Instant,
}

impl Bench {
    fn new(limits: Limits) -> Self {
        Self { relay: Relay::new(7, limits), began: std::time::Instant::now() }
    }

    fn now(&self, millis: u64) -> Now {
        let span = Duration::from_millis(millis);
        Now { instant: self.began + span, time: Timestamp(0).after(span) }
    }

    /// What the engine is told: that it was taken, or why not.
    fn say(&mut self, millis: u64, text: &str) -> Result<(), LaneFault> {
        let now = self.now(millis);
        self.relay.handle(now, script::input(now.time, text));
        let mut told = Ok(());
        while let Some(effect) = self.relay.poll_effect() {
            match effect {
                Effect::Result { result, .. } => {
                    assert!(result.fault.is_some() != result.ack.is_some());
                    told = told.and(result.fault.map_or(Ok(()), Err));
                }
                Effect::Granted { grants, .. } => {
                    let faults = grants.iter().filter_map(|it| it.log.err());
                    faults.for_each(|fault| told = Err(fault));
                }
                _ => {}
            }
        }
        told
    }

    fn live(&self, identity: &str) -> usize {
        self.relay.live_of(&Identity(identity.into()))
    }
}

const ONE: &str = "tenant:acme/key:one";
const TWO: &str = "tenant:acme/key:two";
const SIX: &str = "tenant:other/key:six";

fn greets(bench: &mut Bench) {
    for (link, who) in [(1, ONE), (2, TWO), (3, SIX)] {
        bench.say(0, &format!("w{link}/1@l{link} greets is {who}")).unwrap();
    }
}

#[test]
fn i2_what_one_engine_and_one_tenant_may_have_is_theirs_alone() {
    let limits = Limits { executions_of_engine: 2, executions_of_tenant: 3, ..Limits::default() };
    let mut bench = Bench::new(limits);
    greets(&mut bench);
    bench.say(1, "l1 says x1 1 log one").unwrap();
    bench.say(1, "l1 says x2 1 log one").unwrap();
    assert_eq!(bench.say(1, "l1 says x3 1 log one"), Err(LaneFault::LimitOfEngine));
    assert_eq!(bench.say(1, "l1 claims x3"), Err(LaneFault::LimitOfEngine));
    assert_eq!(bench.relay.head(&"x3".parse().unwrap()), None, "nothing of it is there");
    // What it has goes on.
    bench.say(1, "l1 says x2 2 log two").unwrap();
    bench.say(1, "l2 says y1 1 log one").unwrap();
    assert_eq!(bench.say(1, "l2 says y2 1 log one"), Err(LaneFault::LimitOfTenant));
    bench.say(1, "l3 says z1 1 log one").unwrap();
    // What is over counts no longer, whoever it was; and the same batch is taken now.
    bench.say(2, "l1 says x1 2 finished completed").unwrap();
    assert_eq!((bench.live(ONE), bench.live(TWO), bench.live(SIX)), (1, 1, 1));
    bench.say(2, "l2 says y2 1 log one").unwrap();
    assert_eq!(bench.say(2, "l1 says x3 1 log one"), Err(LaneFault::LimitOfTenant));
    bench.say(2, "l2 says y2 2 finished completed").unwrap();
    bench.say(2, "l1 says x3 1 log one; log two; finished completed").unwrap();
    assert_eq!((bench.live(ONE), bench.live(TWO)), (1, 1));
}

/// People can't have an engine begin more than it may.
#[test]
fn i2_what_people_start_counts_for_the_engine_that_is_to_do_it() {
    let mut bench = Bench::new(Limits { executions_of_engine: 1, ..Limits::default() });
    bench.say(0, &format!("w/1@l1 greets is {ONE} starts wf")).unwrap();
    bench.say(1, "v1 ada starts wf as c1").unwrap();
    assert_eq!(bench.live(ONE), 1);
    bench.say(1, "v1 ada starts wf as c2").unwrap();
    assert_eq!((bench.live(ONE), bench.relay.logs().count()), (1, 1));
}

#[test]
fn i2_new_executions_are_begun_at_a_rate_and_none_is_lost() {
    let limits = Limits { executions_begun: NonZeroU32::new(10), ..Limits::default() };
    let mut bench = Bench::new(limits);
    greets(&mut bench);
    let mut waiting: Vec<u32> = (0..200).collect();
    let mut taken = vec![];
    for millis in (0..).step_by(100) {
        let before = waiting.len();
        waiting.retain(|n| match bench.say(millis, &format!("l1 says x{n} 1 log one")) {
            Ok(()) => false,
            Err(fault) => {
                assert_eq!(fault, LaneFault::TooFast);
                true
            }
        });
        taken.push(before - waiting.len());
        if waiting.is_empty() {
            break;
        }
    }
    assert_eq!(
        (taken[0], taken[1]),
        (50, 1),
        "those of five seconds at once, then ten in a second"
    );
    assert_eq!((taken.iter().sum::<usize>(), bench.live(ONE)), (200, 200));
    // Another engine has a rate of its own, and what there is goes on at any speed.
    bench.say(0, "l2 says y1 1 log one").unwrap();
    for n in 2..200 {
        bench.say(0, &format!("l1 says x7 {n} log more")).unwrap();
    }
}

/// An attacker with random names, and one engine among many that come and go.
#[test]
fn i2_random_names_and_engines_leave_nothing_behind() {
    let limits = Limits {
        executions: 200,
        executions_of_engine: 100,
        executions_begun: NonZeroU32::new(1_000),
        tombstones: 50,
        ..Limits::default()
    };
    let mut bench = Bench::new(limits);
    greets(&mut bench);
    bench.say(0, "l3 says z1 1 log one").unwrap();
    let mut refused = 0;
    for n in 0..50_000_u64 {
        let name = n.wrapping_mul(0x9E37_79B9_7F4A_7C15);
        refused += usize::from(bench.say(n, &format!("l1 says r{name:x} 1 log one")).is_err());
        assert!(bench.relay.logs().count() <= 101);
    }
    assert_eq!((refused, bench.live(ONE)), (49_900, 100));
    bench.say(50_000, "l3 says z2 1 log one").unwrap();
    for n in 0..5_000_u64 {
        let millis = 60_000 + 10 * n;
        bench.say(millis, &format!("v{n}/1@l9 greets silently is key:{n}")).unwrap();
        bench.say(millis, &format!("l9 says e{n} 1 finished completed")).unwrap();
        bench.say(millis, "l9 breaks").unwrap();
    }
    assert!(bench.relay.owners() <= 2_050, "{} engines are remembered", bench.relay.owners());
}
