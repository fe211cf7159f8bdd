//! One execution as its engine holds it: what it says, what it is asked to do, and what it
//! answered. It decides under its owner's lock, reads no clock and does no I/O; a decision or a
//! command that it has answered is never acted upon again.

use std::collections::VecDeque;

use super::lane::Lane;
use crate::engine::pb;
use crate::engine::pb::{ExecutionStatus, OutcomeStatus, event::Kind};

/// As many outcomes are told to a relay at a hello, so more need not be remembered.
const OUTCOMES: usize = 256;

/// One execution.
#[derive(Debug)]
pub(super) struct Job {
    pub(super) lane: Lane,
    /// The gate that waits.
    question: Option<pb::GateOpened>,
    /// The decision that has settled it, until the script has said what came of it.
    decision: Option<pb::Decision>,
    mode: Mode,
    /// Branches that are at work at this moment.
    busy: u32,
    /// Commands of the present mode whose final outcome is still to be said.
    pending: Vec<String>,
    outcomes: VecDeque<pb::KnownOutcome>,
    stated: ExecutionStatus,
}

/// Whether the work may go on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Mode {
    Running,
    /// No branch starts anything; some have not come to rest.
    Pausing,
    Paused,
    /// No way back.
    Cancelling,
    Finished,
}

/// Why a script can't go on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Halt {
    /// People cancelled it.
    Cancelled,
    /// The relay refuses the execution, with these words.
    Refused(String),
}

impl Job {
    pub(super) fn new() -> Self {
        Self {
            lane: Lane::default(),
            question: None,
            decision: None,
            mode: Mode::Running,
            busy: 0,
            pending: vec![],
            outcomes: VecDeque::new(),
            stated: ExecutionStatus::Unspecified,
        }
    }

    /// States an event.
    pub(super) fn say(&mut self, kind: Kind, now: prost_types::Timestamp) {
        self.lane.push(pb::Event { event_time: Some(now), native_forms: vec![], kind: Some(kind) });
    }

    /// Begins: from here on, its status is stated whenever it changes.
    pub(super) fn start(&mut self, started: pb::ExecutionStarted, now: prost_types::Timestamp) {
        self.say(Kind::ExecutionStarted(started), now);
        self.restate("", now);
    }

    /// Whether a branch may go on. `None`: not now.
    pub(super) fn go_on(&mut self) -> Option<Result<(), Halt>> {
        match self.mode {
            Mode::Running => Some(Ok(())),
            Mode::Pausing | Mode::Paused => None,
            Mode::Cancelling | Mode::Finished => Some(Err(Halt::Cancelled)),
        }
    }

    /// A branch wants to work. `None`: not now.
    pub(super) fn enter(&mut self) -> Option<Result<(), Halt>> {
        let entered = self.go_on()?;
        self.busy += u32::from(entered.is_ok());
        Some(entered)
    }

    /// A branch has come to rest.
    pub(super) fn leave(&mut self, now: prost_types::Timestamp) {
        self.busy = self.busy.saturating_sub(1);
        self.settle(now);
    }

    /// Asks, or asks anew with a higher version.
    pub(super) fn ask(&mut self, question: pb::GateOpened, now: prost_types::Timestamp) {
        self.question = Some(question.clone());
        self.say(Kind::GateOpened(question), now);
        self.restate("", now);
    }

    /// The decision that the script has to carry out.
    pub(super) fn answer(&mut self) -> Option<Result<pb::Decision, Halt>> {
        if let Some(decision) = &self.decision {
            return Some(Ok(decision.clone()));
        }
        matches!(self.mode, Mode::Cancelling | Mode::Finished).then_some(Err(Halt::Cancelled))
    }

    /// The script has carried it out, or could not: `Err` says why, and it will ask anew.
    pub(super) fn conclude(&mut self, came: Result<(), String>, now: prost_types::Timestamp) {
        let Some(decision) = self.decision.take() else { return };
        let (outcome, reason) = match came {
            Ok(()) => (OutcomeStatus::Applied, String::new()),
            Err(reason) => (OutcomeStatus::Refused, reason),
        };
        self.decided(&decision, outcome, &reason, now);
        if outcome == OutcomeStatus::Applied {
            self.restate("", now);
        }
    }

    /// A decision has arrived, perhaps not for the first time. The gate is taken by one of them.
    pub(super) fn decide(&mut self, decision: &pb::Decision, now: prost_types::Timestamp) {
        let id = &decision.decision_id;
        if self.decision.as_ref().is_some_and(|it| it.decision_id == *id) {
            return;
        }
        if let Some(known) = self.outcomes.iter().find(|it| it.decision_id == *id).cloned() {
            return self.decided(decision, known.outcome(), &known.reason, now);
        }
        let digest = &decision.payload_sha256;
        let refusal = match &self.question {
            None => "gate_not_open",
            Some(it) if it.gate_id != decision.gate_id => "gate_not_open",
            Some(it) if it.gate_version != decision.gate_version => "gate_changed",
            Some(it) if !digest.is_empty() && it.payload_sha256 != *digest => "payload_changed",
            Some(_) => {
                self.question = None;
                self.decision = Some(decision.clone());
                return;
            }
        };
        self.decided(decision, OutcomeStatus::Refused, refusal, now);
    }

    fn decided(
        &mut self,
        decision: &pb::Decision,
        outcome: OutcomeStatus,
        reason: &str,
        now: prost_types::Timestamp,
    ) {
        self.remember(pb::KnownOutcome {
            decision_id: decision.decision_id.clone(),
            command_id: String::new(),
            gate_id: decision.gate_id.clone(),
            outcome: outcome.into(),
            reason: reason.to_owned(),
        });
        let outcome = pb::DecisionOutcome {
            decision_id: decision.decision_id.clone(),
            gate_id: decision.gate_id.clone(),
            gate_version: decision.gate_version,
            outcome: outcome.into(),
            reason: reason.to_owned(),
            node_status_after: pb::NodeStatus::Running.into(),
        };
        self.say(Kind::DecisionOutcome(outcome), now);
    }

    /// A command has arrived, perhaps not for the first time.
    pub(super) fn command(&mut self, command: &pb::Command, now: prost_types::Timestamp) {
        use pb::CommandKind as Want;
        let id = &command.command_id;
        if let Some(known) = self.outcomes.iter().find(|it| it.command_id == *id).cloned() {
            return self.commanded(id, known.outcome(), &known.reason, now);
        }
        if self.pending.contains(id) {
            return self.commanded(id, OutcomeStatus::InProgress, "", now);
        }
        let applied = |it: &mut Self| it.commanded(id, OutcomeStatus::Applied, "", now);
        match (command.kind(), self.mode) {
            (Want::Pause | Want::Resume | Want::Cancel, Mode::Finished) => {
                self.commanded(id, OutcomeStatus::Refused, "finished", now);
            }
            (Want::Pause | Want::Resume, Mode::Cancelling) => {
                self.commanded(id, OutcomeStatus::Refused, "cancelling", now);
            }
            (Want::Pause, Mode::Paused) | (Want::Resume, Mode::Running) => applied(self),
            (Want::Pause, Mode::Running | Mode::Pausing) => {
                self.enact(Mode::Pausing, command, now);
                self.settle(now);
            }
            (Want::Resume, Mode::Pausing | Mode::Paused) => {
                self.overtake("resumed", now);
                self.mode = Mode::Running;
                self.restate(&command.reason, now);
                applied(self);
            }
            (Want::Cancel, _) => {
                if self.mode != Mode::Cancelling {
                    self.overtake("cancelled", now);
                }
                self.enact(Mode::Cancelling, command, now);
            }
            (Want::Unspecified | Want::Start | Want::Custom, _) => {
                self.commanded(id, OutcomeStatus::Refused, "unsupported", now);
            }
        }
    }

    /// What takes time is said to have begun, and to be done once it is.
    fn enact(&mut self, mode: Mode, command: &pb::Command, now: prost_types::Timestamp) {
        self.pending.push(command.command_id.clone());
        self.commanded(&command.command_id, OutcomeStatus::InProgress, "", now);
        self.mode = mode;
        self.restate(&command.reason, now);
    }

    /// Another command has taken the place of those that were pending.
    fn overtake(&mut self, by: &str, now: prost_types::Timestamp) {
        for id in std::mem::take(&mut self.pending) {
            self.commanded(&id, OutcomeStatus::Refused, by, now);
        }
    }

    /// Paused is what nobody works in.
    fn settle(&mut self, now: prost_types::Timestamp) {
        if self.mode == Mode::Pausing && self.busy == 0 {
            self.mode = Mode::Paused;
            self.restate("", now);
            self.done(now);
        }
    }

    /// What was pending has come true.
    fn done(&mut self, now: prost_types::Timestamp) {
        for id in std::mem::take(&mut self.pending) {
            self.commanded(&id, OutcomeStatus::Applied, "", now);
        }
    }

    fn commanded(
        &mut self,
        id: &str,
        outcome: OutcomeStatus,
        reason: &str,
        now: prost_types::Timestamp,
    ) {
        if outcome != OutcomeStatus::InProgress {
            self.remember(pb::KnownOutcome {
                decision_id: String::new(),
                command_id: id.to_owned(),
                gate_id: String::new(),
                outcome: outcome.into(),
                reason: reason.to_owned(),
            });
        }
        let (command_id, reason) = (id.to_owned(), reason.to_owned());
        let outcome =
            pb::CommandOutcome { command_id, outcome: outcome.into(), reason, result: None };
        self.say(Kind::CommandOutcome(outcome), now);
    }

    fn remember(&mut self, outcome: pb::KnownOutcome) {
        let same = |it: &pb::KnownOutcome| {
            it.decision_id == outcome.decision_id && it.command_id == outcome.command_id
        };
        if self.outcomes.iter().any(same) {
            return;
        }
        if self.outcomes.len() == OUTCOMES {
            self.outcomes.pop_front();
        }
        self.outcomes.push_back(outcome);
    }

    /// Ends it: nothing is open, nothing is pending.
    pub(super) fn finish(&mut self, finished: pb::ExecutionFinished, now: prost_types::Timestamp) {
        if let Some(gate) = self.question.take() {
            let closed = pb::GateClosed {
                gate_id: gate.gate_id,
                gate_version: gate.gate_version,
                reason: pb::GateCloseReason::Cancelled.into(),
                ..pb::GateClosed::default()
            };
            self.say(Kind::GateClosed(closed), now);
        }
        self.conclude(Err("cancelled".to_owned()), now);
        match self.mode {
            Mode::Cancelling => self.done(now),
            Mode::Running | Mode::Pausing | Mode::Paused | Mode::Finished => {
                self.overtake("finished", now);
            }
        }
        self.mode = Mode::Finished;
        self.stated = finished.status();
        self.say(Kind::ExecutionFinished(finished), now);
    }

    /// States where it stands, if that is news.
    fn restate(&mut self, reason: &str, now: prost_types::Timestamp) {
        let status = match self.mode {
            Mode::Running if self.question.is_some() => ExecutionStatus::WaitingGate,
            Mode::Running => ExecutionStatus::Running,
            Mode::Pausing => ExecutionStatus::Pausing,
            Mode::Paused => ExecutionStatus::Paused,
            Mode::Cancelling => ExecutionStatus::Cancelling,
            Mode::Finished => return,
        };
        if status != self.stated {
            self.stated = status;
            let (status, reason) = (status.into(), reason.to_owned());
            let changed =
                pb::ExecutionStatusChanged { status, native_status: String::new(), reason };
            self.say(Kind::ExecutionStatusChanged(changed), now);
        }
    }

    /// What a relay has to know of it at a hello.
    pub(super) fn claim(&self, execution_id: &str) -> pb::Claim {
        let open = |it: &pb::GateOpened| pb::OpenGate {
            gate_id: it.gate_id.clone(),
            gate_version: it.gate_version,
        };
        // A decision that is being carried out still belongs to an open gate.
        let held = self
            .decision
            .iter()
            .map(|it| pb::OpenGate { gate_id: it.gate_id.clone(), gate_version: it.gate_version });
        pb::Claim {
            execution_id: execution_id.to_owned(),
            first_unacked_pseq: self.lane.first_unacked(),
            aliases: vec![],
            open_gates: self.question.iter().map(open).chain(held).collect(),
            outcomes: self.outcomes.iter().cloned().collect(),
        }
    }

    /// The state for a relay that has lost it.
    pub(super) fn report(&mut self, execution_id: &str) -> pb::StateReport {
        let open = self.question.as_ref().map(|it| it.gate_id.as_str());
        let (as_of_pseq, events) = self.lane.report(open);
        pb::StateReport { execution_id: execution_id.to_owned(), as_of_pseq, events, last: true }
    }
}
