//! What one start of a simulated engine's process has at hand: its executions, its outbox, and the
//! decisions that are on its desk. It must never talk to the relay itself.

use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::rc::Rc;
use std::time::Duration;

use bytes::Bytes;
use footplate::engine::pb::{self, GateCloseReason, attach_request::Message as Say, event::Kind};
use prost::Message as _;
use tokio::sync::Notify;

use super::duties::Pending;
use super::gates::Gates;
use super::history::{History, Question, Start, What, time_of};
use super::lane::{Claim, Lane};
use super::work::{Done, Run, Then, question};
use crate::dice::Dice;

/// 2026-11-20T10:00:00Z, in microseconds: when every simulation begins.
pub(super) const BEGAN: i64 = 1_795_168_800_000_000;

/// What survives a process, as far as its operator has seen to it.
#[derive(Debug, Clone, Default)]
pub(super) struct Kept {
    pub(super) lanes: BTreeMap<String, Lane>,
    pub(super) runs: Vec<Run>,
}

/// One start of an engine's process.
pub(super) struct Desk {
    pub(super) start: Start,
    pub(super) who: Rc<str>,
    pub(super) history: History,
    /// Shared with every start, and with the engines that take over from each other.
    pub(super) gates: Rc<RefCell<Gates>>,
    /// What is kept of this process when it dies.
    pub(super) kept: Rc<RefCell<Kept>>,
    pub(super) pending: RefCell<Vec<Pending>>,
    /// What is to be written beside events.
    pub(super) orders: RefCell<VecDeque<Say>>,
    /// Something is to be written.
    pub(super) news: Notify,
    dice: RefCell<Dice>,
    /// The relay's start to which it is attached; 0: none.
    pub(super) attached: Cell<u64>,
    /// Fenced: nothing that this process does counts any more.
    pub(super) over: Cell<bool>,
    /// Gates that this process has given up, until there is a verdict.
    withdrawn: RefCell<BTreeSet<Question>>,
}

impl Desk {
    pub(super) fn new(
        start: Start,
        who: Rc<str>,
        history: History,
        gates: Rc<RefCell<Gates>>,
        kept: Rc<RefCell<Kept>>,
        dice: Dice,
    ) -> Self {
        for lane in kept.borrow_mut().lanes.values_mut() {
            lane.begin();
        }
        for run in &mut kept.borrow_mut().runs {
            // Whether the question ever arrived is not known: it is asked again.
            (run.asked, run.acted) = (None, false);
        }
        Self {
            start,
            who,
            history,
            gates,
            kept,
            pending: RefCell::default(),
            orders: RefCell::default(),
            news: Notify::new(),
            dice: RefCell::new(dice),
            attached: Cell::new(0),
            over: Cell::new(false),
            withdrawn: RefCell::default(),
        }
    }

    pub(super) fn note(&self, what: What) {
        self.history.note(&self.who, what);
    }

    pub(super) fn below(&self, sides: u64) -> u64 {
        self.dice.borrow_mut().below(sides)
    }

    /// Works, until the process is over.
    pub(super) async fn work(&self) {
        while !self.over.get() {
            tokio::time::sleep(Duration::from_millis(20 + self.below(200))).await;
            self.act();
            let runs = self.kept.borrow().runs.len() as u64;
            if runs > 0 {
                let which = self.below(runs);
                self.step(which as usize);
            }
            self.news.notify_one();
        }
    }

    /// One step of one execution.
    fn step(&self, which: usize) {
        let mut kept = self.kept.borrow_mut();
        let Kept { lanes, runs } = &mut *kept;
        let run = &mut runs[which];
        let lane = lanes.entry(run.execution.clone()).or_default();
        if run.is_over() || !lane.is_known() || lane.claim == Claim::Refused {
            return;
        }
        let execution = run.execution.clone();
        let done = run.step(
            |gate| self.gates.borrow().answer(&execution, gate).cloned(),
            |gate| self.gates.borrow().waits(&execution, gate).unwrap_or(1),
        );
        match done {
            Done::Events(kinds) => kinds.into_iter().for_each(|it| self.push(lane, it)),
            Done::Asks(of) => self.ask(run, lane, &of),
            Done::Answered => {}
            Done::Waits(Then::Wait, _) => {}
            Done::Waits(..) if self.below(20) != 0 => {}
            Done::Waits(Then::Rephrase, mut of) => {
                run.acted = true;
                of.version += 1;
                run.asked = Some(of.version);
                self.ask(run, lane, &of);
            }
            Done::Waits(Then::Withdraw, of) => {
                run.acted = true;
                self.withdraw(of);
            }
            Done::Waits(Then::Close, of) => {
                run.acted = true;
                self.gates.borrow_mut().close(&of.execution, &of.gate);
                let closed = pb::GateClosed {
                    gate_id: of.gate,
                    gate_version: of.version,
                    reason: GateCloseReason::DecidedElsewhere.into(),
                    ..Default::default()
                };
                self.push(lane, Kind::GateClosed(closed));
            }
        }
    }

    pub(super) fn push(&self, lane: &mut Lane, kind: Kind) {
        lane.push(self.history.token(), kind);
    }

    fn ask(&self, run: &Run, lane: &mut Lane, of: &Question) {
        self.gates.borrow_mut().open(of);
        self.note(What::Asks { start: self.start.clone(), of: of.clone() });
        let ask = run.ask(&of.gate).expect("it is a gate of this run");
        self.push(lane, question(ask, of, self.calendar()));
    }

    fn calendar(&self) -> i64 {
        let elapsed = turmoil::sim_elapsed().unwrap_or_default();
        BEGAN + i64::try_from(elapsed.as_micros()).unwrap()
    }

    fn withdraw(&self, of: Question) {
        self.withdrawn.borrow_mut().insert(of.clone());
        self.orders.borrow_mut().push_back(withdrawal(of));
    }

    /// A verdict on a gate that was given up.
    pub(super) fn verdict(&self, it: &pb::GateVerdict) {
        let of = Question {
            execution: it.execution_id.clone(),
            gate: it.gate_id.clone(),
            version: it.gate_version,
        };
        let (start, code) = (self.start.clone(), it.verdict);
        self.note(What::Verdict { start, of: of.clone(), code });
        self.withdrawn.borrow_mut().remove(&of);
        match it.verdict() {
            pb::GateVerdictCode::Withdrawn | pb::GateVerdictCode::AlreadyClosed => {
                self.gates.borrow_mut().close(&of.execution, &of.gate);
            }
            // The decision that stands comes with it, and is a delivery like any other. What is
            // not known was lost: it goes on waiting.
            _ => {}
        }
    }

    /// What the process says that it works on.
    pub(super) fn claims(&self) -> Vec<pb::Claim> {
        let mut kept = self.kept.borrow_mut();
        let Kept { lanes, runs } = &mut *kept;
        for run in runs.iter() {
            lanes.entry(run.execution.clone()).or_default();
        }
        let gates = self.gates.borrow();
        let claim = |(execution, lane): (&String, &mut Lane)| {
            lane.begin();
            let own = runs.iter().find(|run| run.execution == *execution);
            let waits = own.and_then(Run::gate).map(|ask| ask.gate.as_str());
            let open = gates.open_of(execution).into_iter();
            let open = open.filter(|(gate, _)| waits == Some(gate.as_str()));
            let open = open.map(|(gate_id, gate_version)| pb::OpenGate { gate_id, gate_version });
            pb::Claim {
                execution_id: execution.clone(),
                first_unacked_pseq: if lane.lost { 0 } else { lane.acked + 1 },
                open_gates: open.collect(),
                outcomes: gates.outcomes(execution),
                ..Default::default()
            }
        };
        lanes.iter_mut().map(claim).collect()
    }

    /// What the relay says to a claim, or to a report.
    pub(super) fn granted(&self, grant: &pb::Grant) {
        self.note(What::Granted { start: self.start.clone(), grant: grant.clone() });
        let mut kept = self.kept.borrow_mut();
        let Kept { lanes, runs } = &mut *kept;
        let lane = lanes.entry(grant.execution_id.clone()).or_default();
        let from_the_start = lane.granted(grant, self.below(3) == 0);
        let wants_state = lane.claim == Claim::StateWanted;
        let run = runs.iter_mut().find(|run| run.execution == grant.execution_id);
        if from_the_start && let Some(run) = run {
            // Nobody knows anything of it any more, but this engine's own files.
            for kind in run.state().into_iter().chain(run.end()) {
                self.push(lane, kind);
            }
        }
        drop(kept);
        if wants_state {
            self.report(&grant.execution_id);
        }
        self.news.notify_one();
    }

    /// Tells the state of an execution, as of the last number.
    pub(super) fn report(&self, execution: &str) {
        let mut kept = self.kept.borrow_mut();
        let Kept { lanes, runs } = &mut *kept;
        let lane = lanes.entry(execution.to_owned()).or_default();
        let run = runs.iter().find(|run| run.execution == execution);
        let mut kinds = run.map(Run::state).unwrap_or_default();
        for (gate, version) in self.gates.borrow().open_of(execution) {
            let Some(run) = run else { continue };
            let waits = run.asked.is_some() && run.gate().is_some_and(|it| it.gate == gate);
            if let Some(ask) = run.ask(&gate).filter(|_| waits) {
                let of = Question { execution: execution.to_owned(), gate, version };
                self.note(What::Asks { start: self.start.clone(), of: of.clone() });
                kinds.push(question(ask, &of, self.calendar()));
            }
        }
        kinds.extend(run.and_then(Run::end));
        let events = kinds.into_iter().map(|kind| {
            let event_time = Some(time_of(self.history.token()));
            let event = pb::Event { event_time, kind: Some(kind), ..Default::default() };
            Bytes::from(event.encode_to_vec())
        });
        let events: Vec<Bytes> = events.collect();
        let as_of = lane.reported();
        let start = self.start.clone();
        self.note(What::Reported { start, execution: execution.to_owned(), as_of });
        let report = pb::StateReport {
            execution_id: execution.to_owned(),
            as_of_pseq: as_of,
            events,
            last: true,
        };
        self.orders.borrow_mut().push_back(Say::StateReport(report));
    }

    /// A new stream: what was asked for on the last one is asked for again.
    pub(super) fn begin(&self) {
        let mut orders = self.orders.borrow_mut();
        orders.clear();
        orders.extend(self.withdrawn.borrow().iter().cloned().map(withdrawal));
    }

    /// What it waits for.
    pub(super) fn waits_for(&self) -> String {
        let kept = self.kept.borrow();
        let runs = kept.runs.iter().map(|it| (&it.execution, it.at, it.steps.len(), it.gate()));
        let runs: Vec<_> = runs.collect();
        let lanes: Vec<_> =
            kept.lanes.iter().map(|(it, lane)| (it, lane.last, lane.acked, lane.claim)).collect();
        format!("{}: {runs:?} {lanes:?}", self.who)
    }

    /// Whether all is done and the relay has everything.
    pub(super) fn is_done(&self) -> bool {
        let kept = self.kept.borrow();
        self.attached.get() == self.history.relay_start()
            && kept.runs.iter().all(Run::is_over)
            && kept.lanes.values().all(Lane::is_done)
            && self.pending.borrow().is_empty()
    }
}

fn withdrawal(of: Question) -> Say {
    Say::WithdrawGate(pb::WithdrawGate {
        execution_id: of.execution,
        gate_id: of.gate,
        gate_version: of.version,
        reason: "it takes too long".into(),
    })
}
