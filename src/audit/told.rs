//! What the log says → lines. A line is made of its record alone, so that the same record makes the
//! same line again after a crash. What people wrote is looked at here to be hashed, and goes no
//! further.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::chain::Digest;
use super::line::{Kind, Line, Session, Shown, Who, Won};
use crate::core::{Receipt, Reference, Stage};
use crate::dialect::native::Word;
use crate::model::{
    Command, CommandAsk, CommandKind, CommandStage, Decision, DecisionAsk, DecisionSource,
    Delivery, Event, ExecutionId, Fact, Gate, GateOpened, Json, Kind as Said, Principal,
    ProducerEpoch, ProducerId, Record, Resolution, Target, Text, Timestamp, ViewerId, Vote,
};

/// Which start of each engine speaks: records say it once, when it attaches.
pub(super) type Epochs = BTreeMap<ExecutionId, BTreeMap<ProducerId, ProducerEpoch>>;

/// What somebody asked for, and where.
#[derive(Debug)]
pub(super) enum Ask {
    Decision(DecisionAsk),
    Command(CommandAsk),
}

/// An answer or a command that does not count. It is no record: the log holds what is so.
#[derive(Debug)]
pub(super) struct Lost {
    pub(super) time: Timestamp,
    pub(super) viewer: ViewerId,
    pub(super) principal: Principal,
    pub(super) ask: Ask,
    pub(super) receipt: Receipt,
    pub(super) execution: Option<ExecutionId>,
    /// As it is now, with what was first.
    pub(super) gate: Option<Arc<Gate>>,
}

/// Whether a record makes a line, or says what lines need.
pub(super) fn concerns(record: &Record) -> bool {
    match &record.fact {
        Fact::Said { event, .. } => record.contradiction.is_none() && of_gate_or_command(event),
        Fact::Voted { .. }
        | Fact::Resolved { .. }
        | Fact::Delivered { .. }
        | Fact::Commanded { .. }
        | Fact::CommandMoved { .. }
        | Fact::EngineAttached { .. } => true,
        Fact::Rejected { .. } | Fact::EngineLost { .. } => false,
    }
}

fn of_gate_or_command(event: &Event) -> bool {
    #[expect(clippy::wildcard_enum_match_arm, reason = "all else is no person's affair")]
    match &event.kind {
        Said::GateOpened(_)
        | Said::GateClosed(_)
        | Said::DecisionOutcome(_)
        | Said::CommandOutcome(_) => true,
        Said::ExecutionStarted(it) => it.command_id.is_some(),
        _ => false,
    }
}

/// The line of a record, if it makes one.
pub(super) fn line<'a>(
    record: &'a Record,
    session: Option<ViewerId>,
    epochs: &Epochs,
) -> Option<Line<'a>> {
    let mut line = match &record.fact {
        Fact::Said { event, .. } if record.contradiction.is_none() => said(record, event)?,
        Fact::Voted { vote, .. } => voted(record, vote),
        Fact::Resolved { resolution, .. } => resolved(record, resolution),
        Fact::Delivered { decision, delivery, reason, .. } => {
            moved(record, decision, *delivery, reason.as_ref())?
        }
        Fact::Commanded { command } => commanded(record, command),
        Fact::CommandMoved { .. } => command_moved(record)?,
        Fact::Said { .. }
        | Fact::Rejected { .. }
        | Fact::EngineLost { .. }
        | Fact::EngineAttached { .. } => return None,
    };
    line.execution_id = Some(record.execution.as_str());
    line.record = Some(record.position.into());
    line.session = session.map(Session::from);
    if let Some(gate) = &record.after.gate {
        about(&mut line, gate);
        line.producer_epoch = start(&record.execution, &gate.producer, epochs);
    }
    Some(line)
}

/// Which start of an engine speaks, if that is known.
fn start(execution: &ExecutionId, producer: &ProducerId, epochs: &Epochs) -> Option<u64> {
    Some(epochs.get(execution)?.get(producer)?.0)
}

/// What is said of a gate on every line about it.
fn about<'a>(line: &mut Line<'a>, gate: &'a Gate) {
    let asked = &gate.asked;
    line.gate_id = Some(asked.gate_id.as_str());
    line.gate_version = Some(asked.gate_version);
    line.node_id = asked.node_id.as_ref().map(|it| it.as_str());
    line.producer_id = Some(gate.producer.as_str());
    line.action_digest = asked.payload_sha256.map(Digest::from);
    line.deadline = asked.deadline_time.map(Shown);
}

fn said<'a>(record: &'a Record, event: &'a Event) -> Option<Line<'a>> {
    let engine = |line| Line { source: Some("engine"), ..line };
    #[expect(clippy::wildcard_enum_match_arm, reason = "all else is no person's affair")]
    match &event.kind {
        Said::GateOpened(opened) => {
            // What is only announced again was opened before.
            let gate = record.after.gate.as_ref()?;
            let new = gate.is_open() && gate.opened == record.time && gate.votes.is_empty();
            let before = opened.payload.as_ref().map(payload);
            let line = engine(Line::new(record.time, Kind::GateOpened));
            new.then_some(Line { payload_before_digest: before, ..line })
        }
        Said::GateClosed(closed) => {
            let gate = record.after.gate.as_ref()?;
            match gate.resolution.decision() {
                // It was decided here, and its engine will have none of it.
                Some(it) => moved(record, it, gate.delivery?, closed.message.as_ref()),
                None => Some(resolved(record, &gate.resolution)),
            }
        }
        Said::DecisionOutcome(outcome) => {
            let gate = record.after.gate.as_ref()?;
            let decision = gate.resolution.decision()?;
            moved(record, decision, gate.delivery?, outcome.reason.as_ref())
        }
        Said::CommandOutcome(_) | Said::ExecutionStarted(_) => command_moved(record).map(engine),
        _ => None,
    }
}

fn voted<'a>(record: &'a Record, vote: &'a Vote) -> Line<'a> {
    let asked = record.after.gate.as_ref().map(|it| &*it.asked);
    Line {
        decision_id: Some(vote.decision_id.as_str()),
        option: Some(&vote.option),
        decision_kind: Some(vote.kind.word()),
        source: Some(DecisionSource::Human.word()),
        principal: Some(Who::from(&vote.by)),
        shown_digest: vote.payload_sha256.map(Digest::from),
        comment_digest: vote.comment.as_ref().map(text),
        payload_before_digest: before(vote.modification.as_ref(), asked),
        payload_after_digest: vote.modification.as_ref().map(payload),
        ..Line::new(record.time, Kind::Vote)
    }
}

/// What a modification replaces.
fn before(modification: Option<&Json>, asked: Option<&GateOpened>) -> Option<Digest> {
    modification.and(asked?.payload.as_ref()).map(payload)
}

fn resolved<'a>(record: &'a Record, resolution: &'a Resolution) -> Line<'a> {
    let gate = record.after.gate.as_ref();
    let decision = resolution.decision();
    let overridden = decision.is_some_and(|it| it.source == DecisionSource::AdminOverride);
    let kind = if overridden { Kind::Override } else { Kind::Resolved };
    let micros = gate.map(|it| record.time.0.saturating_sub(it.opened.0));
    let mut line = Line {
        outcome: Some(resolution.word()),
        source: Some(decision.map_or("engine", |it| it.source.word())),
        latency_ms: micros.map(|it| it / 1_000),
        ..Line::new(record.time, kind)
    };
    let asked = gate.map(|it| &*it.asked);
    match resolution {
        Resolution::Decided(decision) | Resolution::Expired(decision) => {
            decided(&mut line, decision);
            line.principal = decision.by.as_ref().map(Who::from);
            line.shown_digest = decision.payload_sha256.map(Digest::from);
            line.comment_digest = decision.comment.as_ref().map(text);
            line.payload_before_digest = before(decision.modification.as_ref(), asked);
            line.payload_after_digest = decision.modification.as_ref().map(payload);
        }
        Resolution::Withdrawn { reason } => line.reason_digest = reason.as_ref().map(text),
        Resolution::Elsewhere { kind, option, by, message } => {
            line.decision_kind = kind.map(|it| it.word());
            if let Some(option) = option {
                chosen(&mut line, option, asked);
            }
            line.claimed_by_digest = by.as_ref().map(text);
            line.reason_digest = message.as_ref().map(text);
        }
        Resolution::Open
        | Resolution::Cancelled
        | Resolution::Superseded
        | Resolution::Unreachable
        | Resolution::NoApprover => {}
    }
    line
}

fn decided<'a>(line: &mut Line<'a>, decision: &'a Decision) {
    line.decision_id = Some(decision.id.as_str());
    line.option = Some(&*decision.option).filter(|it| !it.is_empty());
    line.decision_kind = Some(decision.kind.word());
}

/// Where nobody has checked that the gate offers it, an option is what somebody typed.
fn chosen<'a>(line: &mut Line<'a>, option: &'a Text, asked: Option<&GateOpened>) {
    match asked.and_then(|it| it.option(option)) {
        Some(_) => line.option = Some(option),
        None => line.option_digest = Some(text(option)),
    }
}

fn moved<'a>(
    record: &'a Record,
    decision: &'a Decision,
    delivery: Delivery,
    reason: Option<&Text>,
) -> Option<Line<'a>> {
    let kind = match delivery {
        // Nothing of it has come to anybody yet.
        Delivery::Queued | Delivery::Sent => return None,
        Delivery::Delivered => Kind::Delivered,
        Delivery::OutcomeUnknown => Kind::OutcomeUnknown,
        Delivery::Applied => Kind::Applied,
        Delivery::Refused => Kind::Refused,
        Delivery::Failed => Kind::Failed,
    };
    let mut line = Line::new(record.time, kind);
    decided(&mut line, decision);
    line.source = Some("engine");
    line.reason_digest = reason.map(text);
    Some(line)
}

fn commanded<'a>(record: &'a Record, command: &'a Command) -> Line<'a> {
    Line {
        outcome: Some("recorded"),
        command_id: Some(command.id.as_str()),
        command: Some(command.kind.word()),
        command_name: name(&command.kind),
        source: Some(DecisionSource::Human.word()),
        principal: Some(Who::from(&command.by)),
        reason_digest: command.reason.as_ref().map(text),
        payload_after_digest: input(&command.kind),
        ..Line::new(record.time, Kind::Command)
    }
}

fn name(kind: &CommandKind) -> Option<&str> {
    match kind {
        CommandKind::Custom { name, .. } => Some(name),
        CommandKind::Start { workflow, .. } => Some(workflow.as_str()),
        CommandKind::Pause | CommandKind::Resume | CommandKind::Cancel => None,
    }
}

/// What a command carries.
fn input(kind: &CommandKind) -> Option<Digest> {
    match kind {
        CommandKind::Custom { payload: it, .. } | CommandKind::Start { input: it, .. } => {
            it.as_ref().map(payload)
        }
        CommandKind::Pause | CommandKind::Resume | CommandKind::Cancel => None,
    }
}

fn command_moved(record: &Record) -> Option<Line<'_>> {
    let state = record.after.command.as_ref()?;
    let begun = !matches!(state.stage, CommandStage::Queued | CommandStage::Sent);
    begun.then(|| Line {
        command_id: Some(state.command.id.as_str()),
        command: Some(state.command.kind.word()),
        outcome: Some(state.stage.word()),
        reason_digest: state.reason.as_ref().map(text),
        ..Line::new(record.time, Kind::CommandMoved)
    })
}

impl Lost {
    /// Whether an answer says that what was asked for does not count.
    pub(super) fn is(receipt: &Receipt, ask: &Ask, gate: Option<&Gate>) -> bool {
        let again = match (ask, &receipt.about) {
            // A vote that counted is asked after again.
            (Ask::Decision(_), Reference::Decision(id)) => {
                gate.is_some_and(|gate| gate.votes.iter().any(|it| it.decision_id == *id))
            }
            (Ask::Command(_), Reference::Command(_)) => receipt.by.is_some(),
            _ => return false,
        };
        let lost = match receipt.stage {
            Stage::AlreadyDecided { .. }
            | Stage::GateChanged { .. }
            | Stage::GateClosed
            | Stage::EngineAway
            | Stage::IdReused
            | Stage::Forbidden => true,
            Stage::Refused => receipt.by.is_none(),
            Stage::Recorded
            | Stage::Voted { .. }
            | Stage::Delivered
            | Stage::InProgress
            | Stage::Waiting
            | Stage::Applied
            | Stage::Failed
            | Stage::OutcomeUnknown
            | Stage::GateUnknown => false,
        };
        lost && !again
    }

    /// Its line.
    pub(super) fn line(&self, epochs: &Epochs) -> Line<'_> {
        let mut line = match &self.ask {
            Ask::Decision(ask) => self.vote(ask),
            Ask::Command(ask) => Line {
                command_id: ask.id.as_ref().map(|it| it.as_str()),
                command: Some(ask.kind.word()),
                reason_digest: ask.reason.as_ref().map(text),
                payload_after_digest: input(&ask.kind),
                ..Line::new(self.time, Kind::Command)
            },
        };
        line.execution_id = self.execution.as_ref().map(|it| it.as_str());
        line.outcome = Some(self.receipt.stage.word());
        line.source = Some(DecisionSource::Human.word());
        line.principal = Some(Who::from(&self.principal));
        line.session = Some(self.viewer.into());
        let of = self.execution.as_ref().zip(self.gate.as_ref());
        line.producer_epoch = of.and_then(|(it, gate)| start(it, &gate.producer, epochs));
        line
    }

    fn vote<'a>(&'a self, ask: &'a DecisionAsk) -> Line<'a> {
        let gate = self.gate.as_deref();
        let mut line = Line::new(self.time, Kind::LosingVote);
        if let Some(gate) = gate {
            about(&mut line, gate);
            line.won = won(&gate.resolution);
        }
        // What was answered, which may be another version than there is.
        if let Target::Gate { gate, version } = &ask.target {
            (line.gate_id, line.gate_version) = (Some(gate.as_str()), Some(*version));
        }
        if let Reference::Decision(id) = &self.receipt.about {
            line.decision_id = Some(id.as_str());
        }
        let asked = gate.map(|it| &*it.asked);
        chosen(&mut line, &ask.option, asked);
        line.decision_kind = asked.and_then(|it| it.option(&ask.option)).map(|it| it.kind.word());
        line.shown_digest = ask.payload_sha256.map(Digest::from);
        line.comment_digest = ask.comment.as_ref().map(text);
        line.payload_before_digest = before(ask.modification.as_ref(), asked);
        line.payload_after_digest = ask.modification.as_ref().map(payload);
        line
    }
}

fn won(resolution: &Resolution) -> Option<Won<'_>> {
    let decision = resolution.decision();
    let won = Won {
        outcome: resolution.word(),
        decision_id: decision.map(|it| it.id.as_str()),
        option: decision.map(|it| &*it.option).filter(|it| !it.is_empty()),
        decision_kind: decision.map(|it| it.kind.word()),
        source: decision.map(|it| it.source.word()),
        principal: decision.and_then(|it| it.by.as_ref()).map(Who::from),
        time: decision.map(|it| Shown(it.time)),
    };
    (!matches!(resolution, Resolution::Open)).then_some(won)
}

fn text(text: &Text) -> Digest {
    Digest::of(text.as_bytes())
}

/// Of a value as it was written, where all of it is here; else as its engine states it.
fn payload(json: &Json) -> Digest {
    let whole = || Digest::of(json.text.as_bytes());
    json.sha256.filter(|_| json.truncated).map_or_else(whole, Digest::from)
}
