//! Log lines: an engine's own, and those that stand for what the protocol has no other word for.

use super::Voice;
use super::messages::{Line, Message};
use crate::dialect::object::usd;
use crate::model::{
    Cost, Delivery, Event, ExecutionStatus, Fact, Gate, GraphMutated, Kind, LogLevel, NodeId,
    NodeRetried, Record, Resolution, RetryPhase, Text, Timestamp,
};

/// Says the lines of one record. `verbose`: also those of what the protocol does not show at all.
pub(super) fn of(record: &Record, verbose: bool, voice: &mut Voice<'_>) {
    match &record.fact {
        Fact::Said { event, .. } => {
            said(event, record, voice);
            if verbose {
                aside(event, record, voice);
            }
        }
        Fact::Resolved { .. } => settled(record, voice),
        Fact::Delivered { .. } => delivered(record, voice),
        Fact::Rejected { .. }
        | Fact::Voted { .. }
        | Fact::Commanded { .. }
        | Fact::CommandMoved { .. }
        | Fact::EngineLost { .. }
        | Fact::EngineAttached { .. } => (),
    }
}

fn said(event: &Event, record: &Record, voice: &mut Voice<'_>) {
    match &event.kind {
        Kind::LogWritten(it) => voice.say(&Message::Log(Line {
            level: it.level,
            message: &it.message,
            node: it.node_id.as_ref(),
            time: event.time.unwrap_or(record.time),
        })),
        // Not `error`, which its clients take for the end.
        Kind::FailureReported(it) => {
            voice.log(LogLevel::Error, it.failure.node_id.as_ref(), &it.failure.message);
        }
        Kind::ExecutionStatusChanged(it) if it.status == Some(ExecutionStatus::Paused) => {
            let message = because("Execution paused", it.reason.as_ref());
            voice.log(LogLevel::Warning, None, &message);
        }
        Kind::NodeRetried(it) => voice.log(LogLevel::Warning, Some(&it.node_id), &retried(it)),
        Kind::EventsDropped(it) => {
            let message = format!("{} events were dropped before they came here", it.count);
            voice.log(LogLevel::Warning, None, &message);
        }
        Kind::GateOpened(_) => opened(record, voice),
        // Decided here, closed there: then it is the decision that nothing comes of.
        Kind::GateClosed(_)
            if record.after.gate.as_ref().is_some_and(|it| it.delivery.is_none()) =>
        {
            settled(record, voice);
        }
        Kind::GateClosed(_) => delivered(record, voice),
        Kind::DecisionOutcome(_) => delivered(record, voice),
        Kind::ExecutionStarted(_)
        | Kind::ExecutionStatusChanged(_)
        | Kind::ExecutionFinished(_)
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
        | Kind::CommandOutcome(_)
        | Kind::WorkflowChanged(_)
        | Kind::Captured(_)
        | Kind::Opaque(_) => (),
    }
}

/// What is said only where somebody has asked for all of it.
fn aside(event: &Event, record: &Record, voice: &mut Voice<'_>) {
    let mut tell = |node: Option<&NodeId>, message: String| {
        voice.log(LogLevel::Info, node, &message);
    };
    match &event.kind {
        Kind::CostIncurred(it) => {
            if let Some(cost) = &record.after.cost {
                tell(it.node_id.as_ref(), spent(cost));
            }
        }
        Kind::EdgeActivated { from, to } => tell(Some(to), format!("From '{from}' to '{to}'")),
        Kind::GraphMutated(it) => tell(None, mutated(it)),
        Kind::NodeProgressed(it) => {
            if let Some(message) = &it.message {
                tell(Some(&it.node_id), message.to_string());
            }
        }
        Kind::AgentMessage(it) => {
            tell(it.node_id.as_ref(), format!("{}: {}", it.agent, it.message));
        }
        Kind::AgentThinking(it) => {
            let thinks = if it.thinking == Some(false) { "has thought" } else { "thinks" };
            let message = because(&format!("{} {thinks}", it.agent), it.message.as_ref());
            tell(it.node_id.as_ref(), message);
        }
        Kind::ToolCalled(it) => {
            let agent = it.agent.as_deref().unwrap_or("An agent");
            let message = format!("{agent} called {}", it.tool_name);
            tell(it.node_id.as_ref(), because(&message, it.error.as_ref()));
        }
        Kind::CodeExecuted(it) => {
            let agent = it.agent.as_deref().unwrap_or("An agent");
            let language = it.language.as_deref().unwrap_or("some");
            let message = format!("{agent} ran {language} code");
            tell(it.node_id.as_ref(), because(&message, it.error.as_ref()));
        }
        Kind::ExecutionStarted(_)
        | Kind::ExecutionStatusChanged(_)
        | Kind::ExecutionFinished(_)
        | Kind::ExecutionProgressed(_)
        | Kind::NodeChanged(_)
        | Kind::NodeRetried(_)
        | Kind::GraphDeclared(_)
        | Kind::LogWritten(_)
        | Kind::MetricMeasured(_)
        | Kind::FileChanged(_)
        | Kind::FailureReported(_)
        | Kind::EventsDropped(_)
        | Kind::GateOpened(_)
        | Kind::GateClosed(_)
        | Kind::DecisionOutcome(_)
        | Kind::CommandOutcome(_)
        | Kind::WorkflowChanged(_)
        | Kind::Captured(_)
        | Kind::Opaque(_) => (),
    }
}

/// A question, when it is new: engines ask it again whenever they come back.
fn opened(record: &Record, voice: &mut Voice<'_>) {
    let Some(gate) = &record.after.gate else { return };
    if !gate.is_open() || gate.opened != record.time {
        return;
    }
    let asked = &gate.asked;
    let what = asked.prompt.as_deref().or(asked.title.as_deref());
    let what = what.unwrap_or(asked.gate_id.as_str());
    let until: Option<Timestamp> = asked.deadline_time;
    let until = until.map_or(String::new(), |until| format!(" (until {until})"));
    let message = format!("Waiting for a decision at '{}': {what}{until}", gate.place());
    voice.log(LogLevel::Warning, asked.node_id.as_ref(), &message);
}

/// How a question was settled. Only who rejects it has rejected it.
fn settled(record: &Record, voice: &mut Voice<'_>) {
    let Some(gate) = &record.after.gate else { return };
    let place = gate.place();
    let (level, message) = match &gate.resolution {
        Resolution::Decided(decision) => {
            let by = decision.by.as_ref().map(|by| format!(" by {}", by.subject));
            let message =
                format!("Decided at '{place}'{}: {}", by.unwrap_or_default(), decision.option);
            (LogLevel::Info, message)
        }
        Resolution::Expired(_) => {
            (LogLevel::Warning, format!("Nobody decided at '{place}' in time"))
        }
        Resolution::Withdrawn { reason } => {
            let message = format!("Nobody needs to decide at '{place}' any longer");
            (LogLevel::Info, because(&message, reason.as_ref()))
        }
        Resolution::Elsewhere { kind: _, option, by, message } => {
            let by = by.as_ref().map(|by| format!(" by {by}")).unwrap_or_default();
            let what = option.as_ref().or(message.as_ref());
            (LogLevel::Info, because(&format!("Decided elsewhere at '{place}'{by}"), what))
        }
        Resolution::Unreachable => {
            (LogLevel::Warning, format!("Nobody could be reached who decides at '{place}'"))
        }
        Resolution::NoApprover => (LogLevel::Warning, format!("Nobody may decide at '{place}'")),
        // The end says so, or the question that has taken its place.
        Resolution::Open | Resolution::Cancelled | Resolution::Superseded => return,
    };
    voice.log(level, gate.asked.node_id.as_ref(), &message);
}

/// That nothing came of a decision. What came of the others is seen.
fn delivered(record: &Record, voice: &mut Voice<'_>) {
    let Some(gate) = &record.after.gate else { return };
    let place = gate.place();
    let message = match gate.delivery {
        Some(Delivery::Refused) => format!("The engine refused the decision at '{place}'"),
        Some(Delivery::Failed) => format!("The decision at '{place}' failed"),
        Some(Delivery::OutcomeUnknown) => {
            format!("Nobody knows whether the decision at '{place}' took effect")
        }
        Some(Delivery::Queued | Delivery::Sent | Delivery::Delivered | Delivery::Applied)
        | None => return,
    };
    let gate: &Gate = gate;
    let message = because(&message, gate.reason.as_ref());
    voice.log(LogLevel::Warning, gate.asked.node_id.as_ref(), &message);
}

fn retried(it: &NodeRetried) -> String {
    let node = &it.node_id;
    let most = it.max_retries.map(|most| format!(" of {most}")).unwrap_or_default();
    let which = format!("retry {}{most}", it.retry_number);
    let message = match it.phase {
        RetryPhase::Started => format!("'{node}' is tried again ({which})"),
        RetryPhase::BackingOff => {
            let wait = it.backoff.map(|it| format!(" in {} s", it.as_secs_f64()));
            format!("'{node}' will be tried again{} ({which})", wait.unwrap_or_default())
        }
        RetryPhase::Succeeded => format!("'{node}' goes on ({which})"),
        RetryPhase::Exhausted => format!("'{node}' is not tried again ({which})"),
    };
    because(&message, it.error.as_ref())
}

fn spent(cost: &Cost) -> String {
    let so_far = format!("Spent so far: {} USD", usd(cost.spent.usd_nanos));
    let budget = cost.budget_usd_nanos.map(|it| format!("{so_far} of {}", usd(it)));
    budget.unwrap_or(so_far)
}

fn mutated(it: &GraphMutated) -> String {
    let kind = it.mutation_kind.as_ref().map(|kind| format!(" ({kind})")).unwrap_or_default();
    let why = it.trigger.as_ref().or(it.reason.as_ref());
    because(&format!("The graph was changed{kind}"), why)
}

fn because(message: &str, why: Option<&Text>) -> String {
    why.map_or_else(|| message.to_owned(), |why| format!("{message}: {why}"))
}
