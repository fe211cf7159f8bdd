//! `/api/v1/ws`: the protocol of the Nebula dashboards of seed 004. Its document is
//! `docs/protocol/nebula.md`.
//!
//! It says an execution as a whole, again and again, and log lines in between. It must never send a
//! type that its clients don't know, and never a number that is no integer: one of them drops a
//! message for that.

mod asks;
mod messages;
mod talk;
mod update;
mod watches;

use std::borrow::Cow;
use std::sync::Arc;
use std::time::Duration;

use messages::{Line, Message};
use update::Update;

use super::stamp::{Stamp, Teller};
use super::{Call, Calm, Conversation, Dialect, Manners, Unintelligible};
use crate::core::{Execution, NO_STARTER, Receipt, Stage};
use crate::frame::Frames;
use crate::model::{
    CommandAsk, CommandKind, Event, ExecutionFinished, ExecutionId, ExecutionStatus, Fact, Gate,
    GateOpened, Kind, LogLevel, NodeId, NodeRetried, Position, Record, RetryPhase, Timestamp,
};

/// What engines call this protocol where they speak it themselves.
const NAME: &str = "nebula";

/// The protocol.
#[derive(Debug, Clone, Copy)]
pub struct Nebula {
    /// Whether messages also say their place (`seq`, `event_id`), which its clients ignore and others
    /// can use.
    pub wire_extras: bool,
}

impl Default for Nebula {
    fn default() -> Self {
        Self { wire_extras: true }
    }
}

impl Nebula {
    fn whole(&self, id: &ExecutionId, at: Position, state: &Execution, out: &mut Frames) {
        // What is known of a workflow's definitions is not said as a whole.
        if id.workflow().is_some() {
            return;
        }
        let stamp = self.wire_extras.then_some(Stamp::state(at));
        Teller { stamp, out }.say(&Message::ExecutionUpdate(Update::of(id, state)));
    }
}

impl Dialect for Nebula {
    fn name(&self) -> &'static str {
        NAME
    }

    fn manners(&self) -> Manners {
        Manners::Nebula
    }

    /// Log lines, and what happened to a workflow's definition. All else is in the whole.
    fn record(&self, record: &Record, out: &mut Frames) {
        if record.contradiction.is_some() {
            return;
        }
        let stamp = self.wire_extras.then_some(Stamp::record(record.position));
        let mut teller = Teller { stamp, out };
        match &record.fact {
            Fact::Said { event, .. } => {
                if !teller.native(event, NAME) {
                    said(event, record, &mut teller);
                }
            }
            Fact::Rejected { .. }
            | Fact::Voted { .. }
            | Fact::Resolved { .. }
            | Fact::Delivered { .. }
            | Fact::Commanded { .. }
            | Fact::CommandMoved { .. }
            | Fact::EngineLost { .. }
            | Fact::EngineAttached { .. } => (),
        }
    }

    fn stirs(&self, record: &Record) -> bool {
        let after = &record.after;
        if record.contradiction.is_some() {
            return false;
        }
        match &record.fact {
            Fact::Said { event, .. } => {
                // An engine that speaks the protocol says the whole itself.
                event.native_forms.iter().all(|form| &*form.protocol != NAME)
                    && stirs(&event.kind, record)
            }
            // A gate holds an execution up until its decision has taken effect.
            Fact::Resolved { .. } | Fact::Delivered { .. } => {
                after.moved || after.gate.as_ref().is_some_and(|gate| !gate.holds())
            }
            // It names the workflow of an execution that no engine has spoken of.
            Fact::Commanded { command } => matches!(command.kind, CommandKind::Start { .. }),
            Fact::Rejected { .. }
            | Fact::Voted { .. }
            | Fact::CommandMoved { .. }
            | Fact::EngineLost { .. }
            | Fact::EngineAttached { .. } => after.moved,
        }
    }

    fn level(&self, id: &ExecutionId, at: Position, state: &Execution, out: &mut Frames) {
        self.whole(id, at, state, out);
    }

    fn calm(&self) -> Option<Calm> {
        Some(Calm { every: Duration::from_millis(100), lines: 10, keep: 64 << 10 })
    }

    fn summed_up(&self, execution: &ExecutionId, time: Timestamp, lines: u64, out: &mut Frames) {
        let s = if lines == 1 { "" } else { "s" };
        let message = format!("{lines} more log line{s} came at once and can't be shown");
        let line = Line { level: "warn", ..Line::of(execution, time, message.into()) };
        Teller { stamp: None, out }.say(&Message::Log(line));
    }

    fn state(&self, id: &ExecutionId, at: Position, state: &Execution, out: &mut Frames) {
        self.whole(id, at, state, out);
    }

    fn converse(&self, call: &Call) -> Box<dyn Conversation> {
        Box::new(talk::Talk::new(call))
    }
}

/// Whether an event changes what an [`Update`] shows.
fn stirs(kind: &Kind, record: &Record) -> bool {
    match kind {
        Kind::ExecutionStarted(_)
        | Kind::ExecutionStatusChanged(_)
        | Kind::ExecutionFinished(_)
        | Kind::NodeChanged(_)
        | Kind::NodeRetried(_)
        | Kind::GraphDeclared(_)
        | Kind::GraphMutated(_)
        | Kind::GateOpened(_)
        | Kind::GateClosed(_)
        | Kind::DecisionOutcome(_) => true,
        // It may be the first word of a node.
        Kind::NodeProgressed(_) => {
            record.after.node.as_ref().is_some_and(|node| node.since == record.position.seq)
        }
        Kind::ExecutionProgressed(_)
        | Kind::EdgeActivated { .. }
        | Kind::CostIncurred(_)
        | Kind::LogWritten(_)
        | Kind::AgentMessage(_)
        | Kind::AgentThinking(_)
        | Kind::ToolCalled(_)
        | Kind::CodeExecuted(_)
        | Kind::MetricMeasured(_)
        | Kind::FileChanged(_)
        | Kind::FailureReported(_)
        | Kind::EventsDropped(_)
        | Kind::CommandOutcome(_)
        | Kind::WorkflowChanged(_)
        | Kind::Captured(_)
        | Kind::Opaque(_) => false,
    }
}

fn said(event: &Event, record: &Record, teller: &mut Teller<'_>) {
    let time = event.time.unwrap_or(record.time);
    let mut log = |level, node: Option<&NodeId>, message: Cow<'_, str>| {
        let line = Line::of(&record.execution, time, message);
        teller.say(&Message::Log(Line { level, node, ..line }));
    };
    match &event.kind {
        Kind::LogWritten(it) => {
            let line = Line::of(&record.execution, time, (&*it.message).into());
            let (level, node, metadata) =
                (word(it.level), it.node_id.as_ref(), it.metadata.as_ref());
            teller.say(&Message::Log(Line { level, node, metadata, ..line }));
        }
        Kind::FailureReported(it) => {
            log("error", it.failure.node_id.as_ref(), (&*it.failure.message).into());
        }
        Kind::ExecutionFinished(it) => {
            if let Some(message) = failure(it) {
                let node = it.failure.as_ref().and_then(|it| it.node_id.as_ref());
                log("error", node, message.into());
            }
        }
        Kind::NodeRetried(it) => log("warn", Some(&it.node_id), retry(it, record).into()),
        Kind::GateOpened(it) => {
            // One that is only announced again has been told of.
            let opens = |gate: &&Arc<Gate>| gate.is_open() && gate.opened == record.time;
            if record.after.gate.as_ref().filter(opens).is_some() {
                log("warn", it.node_id.as_ref(), question(it, record).into());
            }
        }
        Kind::EventsDropped(it) => {
            let message = format!("The engine dropped {} events before it sent them", it.count);
            log("warn", None, message.into());
        }
        Kind::WorkflowChanged(it) => teller.say(&Message::WorkflowEvent(it)),
        Kind::Opaque(it) => {
            if &*it.protocol == NAME {
                teller.verbatim(&it.json);
            }
        }
        Kind::ExecutionStarted(_)
        | Kind::ExecutionStatusChanged(_)
        | Kind::ExecutionProgressed(_)
        | Kind::NodeChanged(_)
        | Kind::NodeProgressed(_)
        | Kind::GraphDeclared(_)
        | Kind::GraphMutated(_)
        | Kind::EdgeActivated { .. }
        | Kind::CostIncurred(_)
        | Kind::AgentMessage(_)
        | Kind::AgentThinking(_)
        | Kind::ToolCalled(_)
        | Kind::CodeExecuted(_)
        | Kind::MetricMeasured(_)
        | Kind::FileChanged(_)
        | Kind::GateClosed(_)
        | Kind::DecisionOutcome(_)
        | Kind::CommandOutcome(_)
        | Kind::Captured(_) => (),
    }
}

fn word(level: LogLevel) -> &'static str {
    match level {
        LogLevel::Debug => "debug",
        LogLevel::Info => "info",
        LogLevel::Warning => "warn",
        LogLevel::Error => "error",
    }
}

/// What to tell of an end that is a failure.
fn failure(it: &ExecutionFinished) -> Option<&str> {
    let otherwise = match it.status {
        ExecutionStatus::Failed => "Execution failed",
        ExecutionStatus::TimedOut => "Execution timed out",
        // That somebody cancelled it is no fault of anything.
        ExecutionStatus::Cancelled
        | ExecutionStatus::Completed
        | ExecutionStatus::Created
        | ExecutionStatus::Planning
        | ExecutionStatus::Running
        | ExecutionStatus::WaitingGate
        | ExecutionStatus::Pausing
        | ExecutionStatus::Paused
        | ExecutionStatus::Cancelling => return None,
    };
    let stated = it.failure.as_ref().map(|it| it.message.as_str());
    Some(stated.or(it.reason.as_deref()).unwrap_or(otherwise))
}

/// What a person calls the node that a record is about.
fn title<'a>(id: &'a NodeId, record: &'a Record) -> &'a str {
    record.after.node.as_ref().map_or(id.as_str(), |node| node.title())
}

fn retry(it: &NodeRetried, record: &Record) -> String {
    let name = title(&it.node_id, record);
    let most = it.max_retries.map(|most| format!(" of {most}")).unwrap_or_default();
    let nth = format!("retry {}{most}", it.retry_number);
    let mut message = match it.phase {
        RetryPhase::Started => format!("{name} is tried again ({nth})"),
        RetryPhase::BackingOff => {
            let wait = it.backoff.map(|it| format!(" in {} s", it.as_secs_f64()));
            format!("{name} is tried again{} ({nth})", wait.unwrap_or_default())
        }
        RetryPhase::Succeeded => format!("{name} succeeded ({nth})"),
        RetryPhase::Exhausted => format!("{name} is not tried again ({nth})"),
    };
    if let Some(error) = &it.error {
        message += ": ";
        message += error;
    }
    message
}

/// The protocol has no gates: that one waits is all that it can tell.
fn question(it: &GateOpened, record: &Record) -> String {
    let node = it.node_id.as_ref().map(|id| title(id, record));
    let title = it.title.as_deref().or(node).unwrap_or(it.gate_id.as_str());
    match it.prompt.as_deref() {
        Some(prompt) => format!("{title} waits for a decision: {prompt}"),
        None => format!("{title} waits for a decision"),
    }
}

/// The start that an `execute_workflow` asks for, whichever way it came.
///
/// # Errors
/// What is wrong with it; [`code`] has the protocol's word for that.
pub fn start(message: &str) -> Result<CommandAsk, Unintelligible> {
    match asks::read(message)?.ask {
        asks::Ask::Execute(kind) => {
            Ok(CommandAsk { id: None, execution: None, kind, reason: None })
        }
        asks::Ask::Authenticate { .. }
        | asks::Ask::Subscribe(_)
        | asks::Ask::Unsubscribe(_)
        | asks::Ask::Ping => Err(Unintelligible {
            code: "unknown_type",
            message: "This takes `execute_workflow`".to_owned(),
            about: None,
        }),
    }
}

/// What to tell of a start that has not come about, or not yet: the protocol's code and a sentence.
/// `None`: all is well.
pub fn objection(workflow: &str, receipt: &Receipt) -> Option<(&'static str, String)> {
    let reason = receipt.reason.as_deref();
    let (code, what) = match receipt.stage {
        Stage::Recorded
        | Stage::Voted { .. }
        | Stage::Delivered
        | Stage::InProgress
        | Stage::Applied => return None,
        Stage::Refused if reason == Some(NO_STARTER) => ("NOT_FOUND", "can't be executed"),
        Stage::Refused => ("CONFLICT", "can't be executed"),
        Stage::Forbidden => ("FORBIDDEN", "may not be executed by you"),
        Stage::Waiting => ("INTERNAL_ERROR", "has not begun yet"),
        Stage::Failed => ("INTERNAL_ERROR", "could not be executed"),
        Stage::OutcomeUnknown => ("INTERNAL_ERROR", "may or may not have begun"),
        Stage::AlreadyDecided { .. }
        | Stage::GateChanged { .. }
        | Stage::GateClosed
        | Stage::GateUnknown
        | Stage::EngineAway
        | Stage::IdReused => ("CONFLICT", "can't be executed"),
    };
    let reason = reason.map(|reason| format!(": {reason}")).unwrap_or_default();
    Some((code, format!("Workflow '{workflow}' {what}{reason}")))
}

/// The protocol's word for what the relay found wrong.
pub fn code(fault: &str) -> &'static str {
    match fault {
        "unauthenticated" => "UNAUTHORIZED",
        "forbidden" => "FORBIDDEN",
        "not_found" => "NOT_FOUND",
        "unknown_resource" => "INVALID_RESOURCE",
        "unknown_type" | "method_not_allowed" => "NOT_SUPPORTED",
        "rate_limited" => "RATE_LIMIT_EXCEEDED",
        "too_many_subscriptions" => "SUBSCRIPTION_FAILED",
        "no_answer" | "going_away" => "INTERNAL_ERROR",
        // All others are about what was sent.
        _ => "VALIDATION_ERROR",
    }
}
