//! What operators are told of what happens here: numbers of all of it, and a line in the log for
//! each decision and command (who, what, and what came of it), by their ids alone. It must never
//! look at what an event or a person says.

use std::sync::Arc;

use tracing::info;

use super::run::Shard;
use crate::audit::Audit;
use crate::core::{Answer, Effect, LaneFault, LaneResult, Receipt, Reference, Stage};
use crate::dialect::native::Word;
use crate::model::{Fact, Issue, Kind, Record, Seq, ViewerId};
use crate::store::Backend;
use crate::telemetry::Metrics;

/// A record was appended.
pub(super) fn appended(metrics: &Metrics, record: &Record) {
    let Record { execution, fact, .. } = record;
    let own = execution.workflow().is_none();
    if record.position.seq == Seq(1) && own {
        metrics.executions_live.inc();
    }
    let kind = match fact {
        Fact::Said { event, .. } => {
            if record.contradiction.is_none() {
                said(metrics, record, &event.kind);
            }
            "event"
        }
        Fact::Rejected { .. } => "rejected",
        Fact::Voted { gate, vote } => {
            metrics.decisions_recorded.inc();
            let (decision, kind, by) = (&vote.decision_id, vote.kind.word(), &*vote.by.subject);
            let stage = "recorded";
            info!(%execution, %gate, %decision, kind, by, stage, "decision recorded");
            "relay"
        }
        Fact::Resolved { gate, resolution } => {
            let how = resolution.word();
            metrics.gates_resolved.of(how).inc();
            let decision = resolution.decision().map(|it| tracing::field::display(&it.id));
            info!(%execution, %gate, how, decision, "gate settled");
            "relay"
        }
        Fact::Commanded { command } => {
            metrics.commands_recorded.inc();
            let (kind, by) = (command.kind.word(), &*command.by.subject);
            let (command, stage) = (&command.id, "recorded");
            info!(%execution, %command, kind, by, stage, "command recorded");
            "relay"
        }
        Fact::Delivered { .. }
        | Fact::CommandMoved { .. }
        | Fact::EngineLost { .. }
        | Fact::EngineAttached { .. } => "relay",
    };
    metrics.records_appended.of(kind).inc();
}

/// Of what engines say only this is of interest here.
fn said(metrics: &Metrics, record: &Record, kind: &Kind) {
    let execution = &record.execution;
    #[expect(clippy::wildcard_enum_match_arm, reason = "all else is no operator's affair")]
    match kind {
        Kind::ExecutionFinished(finished) => {
            metrics.executions_live.dec();
            let status = if finished.status.is_final() { finished.status.word() } else { "other" };
            metrics.executions_finished.of(status).inc();
        }
        Kind::DecisionOutcome(it) => {
            let (gate, decision, stage) = (&it.gate_id, &it.decision_id, it.outcome.word());
            info!(%execution, %gate, %decision, stage, "decision answered by its engine");
        }
        Kind::CommandOutcome(it) => {
            let (command, stage) = (&it.command_id, it.outcome.word());
            info!(%execution, %command, stage, "command answered by its engine");
        }
        Kind::GateClosed(it) => {
            let gate = &it.gate_id;
            let now = record.after.gate.as_ref().map(|it| &it.resolution);
            // One that was decided has been counted; this is its engine's answer.
            let how = now.filter(|it| it.decision().is_none()).map(Word::word);
            if let Some(how) = how {
                metrics.gates_resolved.of(how).inc();
            }
            info!(%execution, %gate, how, "gate closed by its engine");
        }
        _ => {}
    }
}

/// A viewer is told something.
pub(super) fn answered(metrics: &Metrics, viewer: ViewerId, answer: &Answer) {
    let Answer::Receipt(receipt) = answer else { return };
    let Receipt { about, execution, gate, stage, at, .. } = receipt;
    let word = stage.word();
    let receipts = match about {
        Reference::Decision(_) => &metrics.decision_receipts,
        Reference::Command(_) => &metrics.command_receipts,
    };
    receipts.of(word).inc();
    let refused = match stage {
        // What stands in the log has been told of there.
        Stage::Refused => at.is_none(),
        Stage::AlreadyDecided { .. }
        | Stage::GateChanged { .. }
        | Stage::GateClosed
        | Stage::GateUnknown
        | Stage::IdReused
        | Stage::EngineAway
        | Stage::Forbidden => true,
        Stage::Recorded
        | Stage::Voted { .. }
        | Stage::Delivered
        | Stage::InProgress
        | Stage::Waiting
        | Stage::Applied
        | Stage::Failed
        | Stage::OutcomeUnknown => false,
    };
    if !refused {
        return;
    }
    let execution = execution.as_ref().map(tracing::field::display);
    match about {
        Reference::Decision(decision) => {
            let gate = gate.as_ref().map(tracing::field::display);
            info!(%viewer, execution, gate, %decision, stage = word, "decision not taken");
        }
        Reference::Command(command) => {
            info!(%viewer, execution, %command, stage = word, "command not taken");
        }
    }
}

/// What became of `sent` events: `effects` are what taking them in has led to.
pub(super) fn published(metrics: &Metrics, sent: usize, effects: &[Effect]) {
    metrics.events_received.inc_by(sent as u64);
    let result = effects.iter().rev().find_map(|effect| {
        if let Effect::Result { result, .. } = effect { Some(result) } else { None }
    });
    let Some(LaneResult { ack: Some(_), .. }) = result else {
        metrics.events_refused.inc_by(sent as u64);
        return;
    };
    let is_event = |effect: &&Effect| {
        matches!(effect, Effect::Append(it)
            if matches!(it.fact, Fact::Said { .. } | Fact::Rejected { .. }))
    };
    let kept = effects.iter().filter(is_event).count();
    metrics.events_duplicate.inc_by(sent.saturating_sub(kept) as u64);
}

/// An engine is told something.
pub(super) fn told(metrics: &Metrics, effect: &Effect) {
    if let Effect::Welcome { grants, .. } | Effect::Granted { grants, .. } = effect {
        grants.iter().filter_map(|it| it.log.err()).for_each(|fault| unbegun(metrics, fault));
    } else if let Effect::Result { result, .. } = effect {
        result.fault.into_iter().for_each(|fault| unbegun(metrics, fault));
        let other = result.issues.iter().filter(|(.., issue)| *issue == Issue::Conflict);
        metrics.events_conflicting.inc_by(other.count() as u64);
    } else if let Effect::Deliver { attempt: 2.., .. } = effect {
        metrics.orders_repeated.of("decision").inc();
    } else if let Effect::Order { attempt: 2.., .. } = effect {
        metrics.orders_repeated.of("command").inc();
    }
}

fn unbegun(metrics: &Metrics, fault: LaneFault) {
    let limit = match fault {
        LaneFault::Limit => "relay",
        LaneFault::LimitOfEngine => "engine",
        LaneFault::LimitOfTenant => "tenant",
        LaneFault::TooFast => "rate",
        LaneFault::WrongOwner
        | LaneFault::AliasTaken
        | LaneFault::StateNeeded
        | LaneFault::MixedNumbering
        | LaneFault::Gone
        | LaneFault::Fallen => return,
    };
    metrics.executions_refused.of(limit).inc();
}

impl<Store: Backend> Shard<Store> {
    /// Counts what it does in these.
    #[must_use]
    pub fn counting(mut self, metrics: Arc<Metrics>) -> Self {
        self.metrics = metrics;
        self
    }

    /// Has this told of what people decide.
    #[must_use]
    pub fn auditing(mut self, audit: Audit) -> Self {
        self.audit = audit;
        self
    }

    /// Brings those numbers up to date that nobody keeps.
    pub(super) fn measure(&self) {
        let (mut executions, mut gates) = (0, 0);
        for (.., state) in self.relay.executions() {
            executions += 1;
            gates += i64::from(state.progress().open_gates);
        }
        let tapes: usize = self.rooms.values().map(|heard| heard.room.held()).sum();
        self.metrics.executions_retained.set(executions);
        self.metrics.gates_open.set(gates);
        self.metrics.tapes_held.set((tapes + self.directory.held()) as i64);
        self.metrics.snapshots_held.set(self.gauge.held() as i64);
        self.metrics.memory_counted.set(self.counted() as i64);
    }
}
