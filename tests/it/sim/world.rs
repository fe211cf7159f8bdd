//! One simulation: the machines, the network between them, and all that can be done to them. It must
//! never look into the relay: what it knows is what engines and dashboards were told.

use std::cell::RefCell;
use std::rc::Rc;
use std::sync::Once;
use std::sync::atomic::Ordering;
use std::time::{Duration, SystemTime};

use tracing::subscriber::{DefaultGuard, NoSubscriber, set_default};
use turmoil::Sim;

use super::check::{Promise, Seen};
use super::dashboard::Dashboard;
use super::desk::Kept;
use super::gates::Gates;
use super::history::{History, What};
use super::hosts::{Engine, Machine, RelayHost};
use super::net::Book;
use super::work::Run;
use crate::dice::Dice;
use crate::platter::Platter;

/// How finely time passes, as a rule.
pub(super) const TICK: Duration = Duration::from_millis(10);
/// How long a machine without power is without it.
const OUTAGE: Duration = Duration::from_secs(2);

/// What a simulation begins with.
#[derive(Debug, Clone)]
pub(super) struct Setup {
    pub(super) seed: u64,
    /// Executions of each engine.
    pub(super) engines: Vec<Vec<Run>>,
    /// How many dashboards, and of ten gates at how many each decides.
    pub(super) dashboards: Vec<u64>,
    /// How long a segment may be under way.
    pub(super) latency: Duration,
    /// Whether the relay has a store.
    pub(super) stored: bool,
    /// How finely time passes.
    pub(super) tick: Duration,
}

/// One simulation.
pub(super) struct World<'a> {
    pub(super) seed: u64,
    sim: Sim<'a>,
    pub(super) history: History,
    pub(super) relay: Rc<RelayHost>,
    pub(super) engines: Vec<Engine>,
    pub(super) dashboards: Vec<Rc<Dashboard>>,
    pub(super) executions: Vec<String>,
    stored: bool,
    books: Vec<(String, Book)>,
    world: Rc<str>,
    /// When the relay's machine has its power back.
    restart: Option<Duration>,
    dice: Dice,
    /// Nobody reads what is logged here, and nobody shows a token.
    _silence: DefaultGuard,
}

thread_local! {
    /// What has panicked in this simulation's thread: a runtime keeps it from everybody else.
    static PANICS: RefCell<Vec<String>> = const { RefCell::new(Vec::new()) };
}

/// Hears of every panic of this thread, and leaves the telling to whoever told before.
fn hear_panics() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let before = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |it| {
            PANICS.with(|all| all.borrow_mut().push(it.to_string()));
            before(it);
        }));
    });
    PANICS.with(|all| all.borrow_mut().clear());
}

impl World<'_> {
    /// All machines are there and run.
    pub(super) fn new(setup: Setup) -> Self {
        hear_panics();
        let Setup { seed, engines, dashboards, latency, stored, tick } = setup;
        let mut sim = turmoil::Builder::new()
            .rng_seed(seed)
            .epoch(SystemTime::UNIX_EPOCH)
            .simulation_duration(Duration::MAX)
            .tick_duration(tick)
            .min_message_latency(Duration::from_millis(1))
            .max_message_latency(latency)
            .enable_random_order()
            .build();
        let (history, mut dice) = (History::default(), Dice::seeded(seed + 1));
        let mut books = vec![];
        let relay = RelayHost::new(seed, stored, history.clone());
        let it = relay.clone();
        sim.host("relay", move || it.clone().live());
        let gates: Rc<RefCell<Gates>> = Rc::default();
        let mut executions = vec![];
        let mut all = vec![];
        for (n, runs) in engines.into_iter().enumerate() {
            executions.extend(runs.iter().map(|run| run.execution.clone()));
            let name = format!("e{}", n + 1);
            let kept = Kept { runs, ..Kept::default() };
            let own = Dice::seeded(1 + dice.below(1 << 30));
            let mut engine = Engine::new(&name, history.clone(), gates.clone(), kept, own);
            engine.start();
            for (host, machine) in &engine.machines {
                let machine: Rc<Machine> = machine.clone();
                books.push((host.clone(), machine.book.clone()));
                sim.host(host.as_str(), move || machine.clone().live());
            }
            all.push(engine);
        }
        let mut world = Self {
            seed,
            sim,
            history,
            relay,
            engines: all,
            dashboards: vec![],
            executions,
            stored,
            books,
            world: "world".into(),
            restart: None,
            dice: Dice::seeded(seed + 11),
            _silence: set_default(NoSubscriber::default()),
        };
        for (n, decides) in dashboards.into_iter().enumerate() {
            world.add(&format!("v{}", n + 1), decides, Dice::seeded(1 + dice.below(1 << 30)));
        }
        world
    }

    /// One more machine, and what runs there once.
    pub(super) fn client<F: Future<Output = ()> + 'static>(&mut self, host: &str, run: F) {
        let run = RefCell::new(Some(run));
        self.sim.host(host, move || {
            let run = run.borrow_mut().take();
            async move {
                if let Some(run) = run {
                    run.await;
                }
                Ok(())
            }
        });
    }

    /// One more dashboard.
    pub(super) fn add(&mut self, who: &str, decides: u64, dice: Dice) -> Rc<Dashboard> {
        let dashboard = Dashboard::new(who, self.history.clone(), &self.executions, decides, dice);
        let book = Book::default();
        self.books.push((who.to_owned(), book.clone()));
        let it = dashboard.clone();
        self.sim.host(who, move || {
            let (it, book) = (it.clone(), book.clone());
            async move {
                it.run(book).await;
                Ok(())
            }
        });
        self.dashboards.push(dashboard.clone());
        dashboard
    }

    /// The simulated time.
    pub(super) fn now(&self) -> Duration {
        self.sim.elapsed()
    }

    fn step(&mut self) {
        self.history.is_now(self.sim.elapsed());
        if let Err(err) = self.sim.step() {
            self.fail(&format!("a machine's software failed: {err}"));
        }
        let panics = PANICS.with(|all| all.borrow_mut().split_off(0));
        if !panics.is_empty() {
            self.fail(&format!("something panicked: {panics:?}"));
        }
        if self.relay.platter.is_broken() {
            self.fault("the power is gone in the middle of a commit".into());
            self.kill_relay(true);
            self.restart = Some(self.now() + OUTAGE);
        }
        if self.restart.is_some_and(|at| at <= self.now()) {
            self.start_relay();
        }
    }

    /// Lets time pass.
    pub(super) fn pass(&mut self, time: Duration) {
        let until = self.now() + time;
        while self.now() < until {
            self.step();
        }
    }

    /// Lets time pass until something is so. That it never is, is a failure.
    pub(super) fn until(&mut self, what: &str, most: Duration, is: impl Fn(&Self) -> bool) {
        let until = self.now() + most;
        while !is(self) {
            if until <= self.now() {
                let engines = self.engines.iter().filter_map(Engine::desk);
                let engines: Vec<_> = engines.map(|it| it.waits_for()).collect();
                let viewers: Vec<_> = self.dashboards.iter().map(|it| it.waits_for()).collect();
                self.fail(&format!("{what} did not come in {most:?}: {engines:#?} {viewers:#?}"));
            }
            self.step();
        }
    }

    /// Ends the test, with what came before.
    pub(super) fn fail(&self, why: &str) -> ! {
        // With a seed of one's own, all of it.
        let lines = if std::env::var_os("SIM_SEED").is_some() { usize::MAX } else { 40 };
        let tail = self.history.tail(lines);
        panic!("{tail}at {:?}: {why}", self.now());
    }

    pub(super) fn fault(&self, what: String) {
        self.history.is_now(self.sim.elapsed());
        self.history.note(&self.world, What::Fault(what));
    }

    /// Nothing passes between the relay and a machine; what is under way is lost.
    pub(super) fn partition(&mut self, host: &str) {
        self.fault(format!("{host} is cut off"));
        self.sim.partition("relay", host);
    }

    /// Nothing passes from one to the other, but the other way round.
    pub(super) fn partition_oneway(&mut self, from: &str, to: &str) {
        self.fault(format!("nothing passes from {from} to {to}"));
        self.sim.partition_oneway(from, to);
    }

    pub(super) fn repair(&mut self, host: &str) {
        self.fault(format!("{host} is reached again"));
        self.sim.repair("relay", host);
    }

    /// Everything between the relay and a machine waits.
    pub(super) fn hold(&mut self, host: &str) {
        self.fault(format!("{host} is held"));
        self.sim.hold("relay", host);
    }

    /// And goes on.
    pub(super) fn release(&mut self, host: &str) {
        self.fault(format!("{host} is released"));
        self.sim.release("relay", host);
    }

    /// What the relay has open with a machine breaks in the middle of a message.
    pub(super) fn cut(&mut self, host: &str, after: u32, reading: bool) {
        self.fault(format!("{host} is cut after {after} more, reading: {reading}"));
        let ip = self.sim.lookup(host);
        self.relay.book.cut(ip, after, reading);
    }

    /// How many connections the relay has open with a machine, or thinks so.
    pub(super) fn open(&self, host: &str) -> usize {
        self.relay.book.open(self.sim.lookup(host))
    }

    /// The relay is killed. `silently`: its machine loses power, and tells nobody.
    pub(super) fn kill_relay(&mut self, silently: bool) {
        self.fault(format!("the relay is killed, silently: {silently}"));
        self.relay.book.doom(silently);
        let platter = self.relay.platter.clone();
        platter.killing(|| self.sim.crash("relay"));
        if silently {
            platter.power_cut(&mut self.dice);
        }
        platter.breaks_after(None);
    }

    /// Unless it runs.
    pub(super) fn start_relay(&mut self) {
        self.restart = None;
        if self.sim.is_host_running("relay") {
            return;
        }
        self.fault("the relay is started".into());
        self.sim.bounce("relay");
    }

    /// The relay is asked to end, and does.
    pub(super) fn drain_relay(&mut self) {
        if !self.sim.is_host_running("relay") {
            return;
        }
        self.fault("the relay drains".into());
        self.relay.drain.notify_one();
        let until = self.now() + Duration::from_secs(60);
        while self.sim.is_host_running("relay") {
            if until < self.now() {
                self.fail("the drain does not end");
            }
            self.step();
        }
        self.fault("the relay has ended".into());
    }

    /// The process of an engine is killed.
    pub(super) fn kill_engine(&mut self, which: usize, lose_outbox: bool) {
        let engine = &self.engines[which];
        self.fault(format!("{} is killed, its outbox lost: {lose_outbox}", engine.host()));
        engine.machine().book.doom(false);
        self.sim.crash(engine.host());
        if lose_outbox {
            engine.lose_outbox();
        }
    }

    /// It is started again.
    pub(super) fn start_engine(&mut self, which: usize) {
        let engine = &mut self.engines[which];
        engine.start();
        let host = engine.host().to_owned();
        self.fault(format!("{host} is started"));
        self.sim.bounce(host.as_str());
    }

    /// The process of an engine is believed dead, and is not: a later start begins elsewhere, while
    /// everything between the relay and the earlier one is held.
    pub(super) fn haunt(&mut self, which: usize) -> String {
        let ghost = self.engines[which].host().to_owned();
        self.hold(&ghost);
        self.engines[which].move_on();
        let engine = &self.engines[which];
        engine.machine().book.doom(false);
        self.sim.crash(engine.host());
        self.start_engine(which);
        ghost
    }

    /// The power goes in the middle of a commit, or whatever else is written: after so many writes.
    pub(super) fn darken(&mut self, after: usize) {
        self.disk(&format!("power goes after {after} writes"), |it| it.breaks_after(Some(after)));
    }

    /// Something is done to the relay's disk.
    pub(super) fn disk(&mut self, what: &str, act: impl Fn(&Platter)) {
        self.fault(what.to_owned());
        act(&self.relay.platter);
    }

    /// The calendar of the relay's machine jumps.
    pub(super) fn jump(&mut self, seconds: i64) {
        self.fault(format!("the relay's calendar jumps by {seconds} s"));
        self.relay.skew.fetch_add(seconds * 1_000_000, Ordering::Relaxed);
    }

    /// A dashboard reads nothing for a while.
    pub(super) fn stall(&mut self, which: usize, time: Duration) {
        let dashboard = &self.dashboards[which];
        self.fault(format!("{} stalls for {time:?}", dashboard.who));
        dashboard.stall(time);
    }

    /// Segments between the relay and everybody are as short as this.
    pub(super) fn slice(&mut self, bytes: Option<usize>) {
        self.fault(format!("segments are sliced: {bytes:?}"));
        self.relay.book.slice(bytes);
        self.books.iter().for_each(|(_, book)| book.slice(bytes));
    }

    /// Whether every engine has done all it had to do, and every dashboard has seen it.
    pub(super) fn is_done(&self) -> bool {
        let desks = self.engines.iter().all(|it| it.desk().is_some_and(|desk| desk.is_done()));
        desks && self.dashboards.iter().all(|it| it.is_done())
    }

    /// Everybody has what he needs, and it ends: what always holds is held against it.
    pub(super) fn finish(&mut self) {
        self.pass(Duration::from_secs(1));
        self.until("the end of all work", Duration::from_secs(180), Self::is_done);
        // Somebody who comes late is shown the same as they; somebody else reads it all again.
        let late = self.add("late", 0, Dice::seeded(self.seed + 3));
        self.until("the state for who comes late", Duration::from_secs(30), |_| late.is_done());
        // Who has not noticed yet that he is cut off is given the time for it.
        let places = late.places();
        self.until("everybody to know as much", Duration::from_secs(120), |it| {
            it.is_done() && it.dashboards.iter().all(|it| it.places() == places)
        });
        let reader = self.add("reader", 0, Dice::seeded(self.seed + 4));
        reader.begin_at(places);
        self.until("the records for who reads all", Duration::from_secs(30), |_| reader.is_done());
        self.pass(Duration::from_secs(3));
        self.judge(&late);
    }

    fn judge(&mut self, late: &Dashboard) {
        let promise = if self.stored { Promise::Local } else { Promise::Memory };
        let states = late.states();
        let mut seen = Seen::new(&self.history, states.clone(), promise);
        for dashboard in &self.dashboards {
            for (execution, (epoch, state)) in dashboard.states() {
                if states.get(&execution) != Some(&(epoch.clone(), state.clone())) {
                    let who = &dashboard.who;
                    let late = &states[&execution];
                    seen.fault(format!("C7: {who} has {execution}@{epoch} {state}\nnot {late:?}"));
                }
            }
        }
        let aside = self.relay.platter.aside();
        if !aside.is_empty() {
            seen.fault(format!("E2: the store was damaged: {aside:?}"));
        }
        if let Err(faults) = seen.judge() {
            self.fail(&faults);
        }
    }
}
