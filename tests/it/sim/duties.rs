//! What a simulated engine was told to do, by people through the relay: it says that it has it, and
//! does it a little later, once. It must never do anything without asking the table of gates.

use std::time::Duration;

use footplate::engine::pb::{self, OutcomeStatus, attach_request::Message as Say, event::Kind};
use tokio::time::Instant;

use super::desk::Desk;
use super::gates::Outcome;
use super::history::{Question, What};

/// Something that waits to be done.
#[derive(Debug)]
pub(super) struct Pending {
    due: Instant,
    id: String,
    what: Task,
}

/// What was told to do.
#[derive(Debug)]
enum Task {
    Decision { of: Question, option: String },
    Command { execution: String },
}

impl Desk {
    /// A decision has come. It is done a little later.
    pub(super) fn got(&self, stream: u64, it: &pb::Decision) {
        let of = Question {
            execution: it.execution_id.clone(),
            gate: it.gate_id.clone(),
            version: it.gate_version,
        };
        let (id, option) = (it.decision_id.clone(), it.option_id.clone());
        let (start, attempt) = (self.start.clone(), it.delivery_attempt);
        self.note(What::Got {
            start,
            stream,
            of: of.clone(),
            id: id.clone(),
            option: option.clone(),
            attempt,
        });
        let receipt = pb::DeliveryReceipt {
            execution_id: of.execution.clone(),
            decision_id: id.clone(),
            ..Default::default()
        };
        self.later(receipt, id, Task::Decision { of, option });
    }

    /// A command has come. It is carried out a little later.
    pub(super) fn ordered(&self, it: &pb::Command) {
        let (execution, id) = (it.execution_id.clone(), it.command_id.clone());
        let start = self.start.clone();
        self.note(What::Ordered { start, execution: execution.clone(), id: id.clone() });
        let receipt = pb::DeliveryReceipt {
            execution_id: execution.clone(),
            command_id: id.clone(),
            ..Default::default()
        };
        self.later(receipt, id, Task::Command { execution });
    }

    fn later(&self, receipt: pb::DeliveryReceipt, id: String, what: Task) {
        let receipts = pb::DeliveryReceipts { receipts: vec![receipt] };
        self.orders.borrow_mut().push_back(Say::Receipts(receipts));
        let due = Instant::now() + Duration::from_millis(self.below(600));
        self.pending.borrow_mut().push(Pending { due, id, what });
    }

    /// Does what is due.
    pub(super) fn act(&self) {
        let now = Instant::now();
        let mut pending = self.pending.borrow_mut();
        let (due, later) = pending.drain(..).partition(|it| it.due <= now);
        *pending = later;
        drop(pending);
        let due: Vec<Pending> = due;
        for Pending { id, what, .. } in due {
            let execution = match &what {
                Task::Decision { of, .. } => of.execution.clone(),
                Task::Command { execution } => execution.clone(),
            };
            let mut kept = self.kept.borrow_mut();
            let lane = kept.lanes.entry(execution).or_default();
            if !lane.is_known() {
                continue;
            }
            let kind = match what {
                Task::Decision { of, option } => self.decide(id, of, option),
                Task::Command { execution } => self.obey(id, execution),
            };
            self.push(lane, kind);
        }
    }

    /// A decision takes effect: under the gate's lock, once.
    fn decide(&self, id: String, of: Question, option: String) -> Kind {
        let (start, outcome) = (self.start.clone(), self.gates.borrow_mut().apply(&of, &id));
        let (status, reason) = match outcome {
            Outcome::Applied => {
                let (of, id) = (of.clone(), id.clone());
                self.note(What::Effect { start, of, id, option });
                (OutcomeStatus::Applied, "")
            }
            Outcome::Again => (OutcomeStatus::Applied, ""),
            Outcome::Refused(why) => {
                let (of, id) = (of.clone(), id.clone());
                self.note(What::NoEffect { start, of, id, why });
                (OutcomeStatus::Refused, why)
            }
        };
        Kind::DecisionOutcome(pb::DecisionOutcome {
            decision_id: id,
            gate_id: of.gate,
            gate_version: of.version,
            outcome: status.into(),
            reason: reason.into(),
            ..Default::default()
        })
    }

    /// A command is carried out, once.
    fn obey(&self, id: String, execution: String) -> Kind {
        if self.gates.borrow_mut().obey(&execution, &id) {
            let start = self.start.clone();
            self.note(What::Obeyed { start, execution, id: id.clone() });
        }
        Kind::CommandOutcome(pb::CommandOutcome {
            command_id: id,
            outcome: OutcomeStatus::Applied.into(),
            ..Default::default()
        })
    }
}
