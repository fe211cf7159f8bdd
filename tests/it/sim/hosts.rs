//! The machines of a simulation: one for the relay, two for each engine (a process and perhaps the
//! ghost of an earlier one), one for each dashboard. It must never decide what happens to them.

use std::cell::RefCell;
use std::ffi::OsString;
use std::future::pending;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::time::Duration;

use footplate::app::App;
use footplate::config::{self, Command, Config};
use footplate::model::Timestamp;
use footplate::seams::{Chance, Clock, Seams};
use tokio::sync::Notify;
use tokio::time::sleep;

use super::desk::{BEGAN, Desk, Kept};
use super::engine;
use super::gates::Gates;
use super::history::{History, Start, What};
use super::lane::Lane;
use super::net::{Book, Simulated};
use crate::dice::Dice;
use crate::platter::Platter;

/// How often a relay that can't start is started again.
const TRIES: u32 = 5;

/// The relay's machine.
pub(super) struct RelayHost {
    seed: u64,
    pub(super) book: Book,
    /// How far the calendar of its machine is off, in microseconds.
    pub(super) skew: Arc<AtomicI64>,
    history: History,
    pub(super) platter: Platter,
    /// It has a store.
    stored: bool,
    /// Says that it should drain.
    pub(super) drain: Notify,
}

impl RelayHost {
    pub(super) fn new(seed: u64, stored: bool, history: History) -> Rc<Self> {
        Rc::new(Self {
            seed,
            book: Book::default(),
            skew: Arc::default(),
            history,
            platter: Platter::default(),
            stored,
            drain: Notify::new(),
        })
    }

    /// One start of the relay: the program itself, on replaced seams.
    pub(super) async fn live(self: Rc<Self>) -> turmoil::Result {
        let _undertaker = self.book.undertaker();
        let start = self.history.relay_starts();
        let mut tries = 0;
        let app = loop {
            match App::start(self.config(), self.seams(start)).await {
                Ok(app) => break app,
                // Whoever looks after the program starts it again.
                Err(why) if tries < TRIES => {
                    let what = What::Fault(format!("the relay can't start: {why:#}"));
                    self.history.note(&"relay".into(), what);
                    tries += 1;
                    sleep(Duration::from_secs(1)).await;
                }
                Err(why) => return Err(why.into()),
            }
        };
        self.drain.notified().await;
        app.drain().await;
        Ok(())
    }

    fn seams(&self, start: u64) -> Seams {
        let (skew, last) = (self.skew.clone(), AtomicI64::new(0));
        let clock = Clock::new(move || {
            let elapsed = turmoil::sim_elapsed().map(|it| i64::try_from(it.as_micros()).unwrap());
            // While the machine is torn down there is no simulation to ask.
            let elapsed = elapsed.unwrap_or_else(|| last.load(Ordering::Relaxed));
            last.store(elapsed, Ordering::Relaxed);
            Timestamp(BEGAN + elapsed + skew.load(Ordering::Relaxed))
        });
        let state = AtomicU64::new(self.seed ^ (start << 32));
        let chance = Chance::new(move || {
            let next = state.fetch_add(0x9E37_79B9_7F4A_7C15, Ordering::Relaxed);
            let mixed = (next ^ (next >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
            (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB) >> 16
        });
        let network = Arc::new(Simulated(self.book.clone()));
        Seams { clock, chance, network, disk: Arc::new(self.platter.clone()) }
    }

    fn config(&self) -> Config {
        let args = ["footplate", "serve", "--viewer-listen", "127.0.0.1:8000", "--engine-listen"];
        let args = args.into_iter().chain(["127.0.0.1:8001", "--admin-listen", "none"]);
        let store = if self.stored { &["--store", "/simulated"][..] } else { &[] };
        let args = args.chain(store.iter().copied());
        match config::read(args.map(OsString::from)).unwrap() {
            Command::Serve(config) => config,
            _ => panic!("it serves"),
        }
    }
}

/// One of the two machines of an engine.
#[derive(Default)]
pub(super) struct Machine {
    pub(super) book: Book,
    /// What runs there.
    pub(super) desk: RefCell<Option<Rc<Desk>>>,
}

impl Machine {
    /// Runs the process that is to run there, if one is.
    pub(super) async fn live(self: Rc<Self>) -> turmoil::Result {
        let desk = self.desk.borrow().clone();
        let Some(desk) = desk else { return pending().await };
        let _undertaker = self.book.undertaker();
        tokio::join!(desk.work(), engine::run(desk.clone(), self.book.clone()));
        Ok(())
    }
}

/// An engine: a name, and the processes that have borne it.
pub(super) struct Engine {
    pub(super) name: Rc<str>,
    pub(super) machines: [(String, Rc<Machine>); 2],
    /// On which of its machines the process runs that counts.
    pub(super) current: usize,
    epoch: u64,
    gates: Rc<RefCell<Gates>>,
    pub(super) kept: Rc<RefCell<Kept>>,
    history: History,
    dice: Dice,
}

impl Engine {
    pub(super) fn new(
        name: &str,
        history: History,
        gates: Rc<RefCell<Gates>>,
        kept: Kept,
        dice: Dice,
    ) -> Self {
        let machines = [name.to_owned(), format!("{name}-b")];
        Self {
            name: name.into(),
            machines: machines.map(|it| (it, Rc::default())),
            current: 0,
            epoch: 0,
            gates,
            kept: Rc::new(RefCell::new(kept)),
            history,
            dice,
        }
    }

    /// The machine on which the process runs that counts.
    pub(super) fn host(&self) -> &str {
        &self.machines[self.current].0
    }

    pub(super) fn machine(&self) -> &Machine {
        &self.machines[self.current].1
    }

    /// What is at hand of the process that counts.
    pub(super) fn desk(&self) -> Option<Rc<Desk>> {
        self.machine().desk.borrow().clone()
    }

    /// A later start of the process is to run where the present one does.
    pub(super) fn start(&mut self) {
        self.epoch += 1;
        let start = Start { producer: self.name.clone(), epoch: self.epoch };
        let who = format!("{}/{}", self.name, self.epoch).into();
        let dice = Dice::seeded(1 + self.dice.below(1 << 30));
        let (gates, kept) = (self.gates.clone(), self.kept.clone());
        let desk = Desk::new(start, who, self.history.clone(), gates, kept, dice);
        *self.machine().desk.borrow_mut() = Some(Rc::new(desk));
    }

    /// The outbox goes with the process.
    pub(super) fn lose_outbox(&self) {
        for lane in self.kept.borrow_mut().lanes.values_mut() {
            *lane = Lane::lost();
        }
    }

    /// The next start is to run on the other machine, with a copy of what this one has.
    pub(super) fn move_on(&mut self) {
        let copy = self.kept.borrow().clone();
        self.kept = Rc::new(RefCell::new(copy));
        self.current = 1 - self.current;
    }
}
