//! What a record amounts to in this protocol's words.

use super::NAME;
use super::activity::{
    AgentToolCall, Capture, Code, File, Message, Metric, Spent, Thinking, ToolCall,
};
use super::steps::{Moved, Progress, Retry, Stepped};
use super::voice::Voice;
use super::words;
use super::workflow::{
    Completed, Failed, Fault, Halt, Received, Requested, Started, State, stated,
};
use crate::model::{
    After, Event, ExecutionFinished, ExecutionStarted, ExecutionStatus, Failure, FailureReported,
    Gate, GateOpened, Kind, Node, NodeChanged, NodeRetried, Record, ToolCalled,
};

pub(super) fn said(event: &Event, record: &Record, voice: &mut Voice<'_>) {
    let (after, time) = (&record.after, record.time);
    match &event.kind {
        Kind::ExecutionStarted(started) => begun(started, record, voice),
        Kind::ExecutionStatusChanged(changed) => {
            moved(record, Some(changed.reason.as_deref()), voice);
        }
        Kind::ExecutionFinished(finished) => ended(finished, record, voice),
        Kind::NodeChanged(changed) => node_changed(changed, record, voice),
        Kind::NodeProgressed(_) => {
            after.node.iter().for_each(|node| voice.say("step_progress", &Progress(node)));
        }
        Kind::NodeRetried(retried) => node_retried(retried, record, voice),
        Kind::GateOpened(asked) => gate_opened(asked, record, voice),
        Kind::GateClosed(_) => gate_closed(record, voice),
        Kind::CostIncurred(incurred) => {
            let (Some(added), Some(cost)) = (after.added, after.cost) else { return };
            let total = cost.spent.usd_nanos;
            voice.say("cost_update", &Spent { run: voice.run, incurred, added, total });
        }
        Kind::AgentMessage(it) => voice.say("agent_message", &Message(it)),
        Kind::AgentThinking(it) => voice.say("agent_thinking", &Thinking(it)),
        Kind::ToolCalled(called) => tool_called(called, voice),
        Kind::CodeExecuted(it) => voice.say("code_execution", &Code(it)),
        Kind::MetricMeasured(it) => voice.say("metric_update", &Metric(it, time)),
        Kind::FileChanged(changed) => {
            let file = File { run: voice.run, changed };
            file.event_type().into_iter().for_each(|it| voice.say(it, &file));
        }
        Kind::FailureReported(it) => failed(it, voice),
        Kind::Captured(it) => voice.say("event_captured", &Capture(it, time)),
        Kind::Opaque(it) => {
            if &*it.protocol == NAME {
                voice.teller.verbatim(&it.json);
            }
        }
        Kind::ExecutionProgressed(_)
        | Kind::GraphDeclared(_)
        | Kind::GraphMutated(_)
        | Kind::EdgeActivated { .. }
        | Kind::LogWritten(_)
        | Kind::EventsDropped(_)
        | Kind::DecisionOutcome(_)
        | Kind::CommandOutcome(_)
        | Kind::WorkflowChanged(_) => moved(record, None, voice),
    }
}

/// What has moved with a fact that the protocol has no message of its own for: a node, and with it
/// the execution. `stated`: its engine says so of the execution, perhaps with a reason; then it is
/// said whether the word is another one or not.
pub(super) fn moved(record: &Record, stated: Option<Option<&str>>, voice: &mut Voice<'_>) {
    let after = &record.after;
    if let Some(node) = after.node.as_deref().filter(|_| after.moved)
        && is_other(node, after)
    {
        node_moved(node, record, voice);
        step(node, voice);
    }
    workflow_moved(record, stated, voice);
}

/// Whether a node's status is another one in the protocol's words too.
fn is_other(node: &Node, after: &After) -> bool {
    after.old_status.is_none_or(|old| words::node(old) != words::node(node.status))
}

fn node_moved(node: &Node, record: &Record, voice: &mut Voice<'_>) {
    let old = record.after.old_status.unwrap_or(node.status);
    let (run, time) = (voice.run, record.time);
    voice.say("dag_node_status_changed", &Moved { run, node, old, time });
}

fn step(node: &Node, voice: &mut Voice<'_>) {
    if let (Some(_), Some(event_type)) = (words::step_id(node), words::step(node.status)) {
        voice.say(event_type, &Stepped(node));
    }
}

fn workflow_moved(record: &Record, stated: Option<Option<&str>>, voice: &mut Voice<'_>) {
    let After { before, progress, .. } = &record.after;
    let (from, status) = (words::workflow(before), words::workflow(progress));
    let reason = stated.flatten();
    if from == status && stated.is_none() {
        return;
    }
    let paused = ExecutionStatus::Paused;
    if progress.status == paused && before.status != paused {
        let message = "Workflow paused";
        return voice.say("workflow_paused", &Halt { message, status, reason });
    }
    if before.status == paused && progress.status == ExecutionStatus::Running {
        let (message, status) = ("Workflow resumed", "executing");
        voice.say("workflow_resumed", &Halt { message, status, reason });
        if words::workflow(progress) == status {
            return;
        }
    }
    let outline = record.after.outline.as_deref();
    let started = outline.and_then(|it| it.info.start_time);
    let (run, from, completed, error) = (voice.run, Some(from), None, None);
    let state = State { run, from, status, started, completed, error, reason };
    voice.say("workflow_state_changed", &state);
}

fn begun(started: &ExecutionStarted, record: &Record, voice: &mut Voice<'_>) {
    let (after, run) = (&record.after, voice.run);
    let outline = after.outline.as_deref().filter(|_| after.began);
    let Some(outline) = outline else { return moved(record, None, voice) };
    // Clients count costs from here on: it is said once.
    voice.say("workflow_started", &Started { run, info: &outline.info });
    let started = Some(started.start_time.unwrap_or(record.time));
    let (from, status) = (words::workflow(&after.before), words::workflow(&after.progress));
    let (from, completed, error, reason) = (Some(from), None, None, None);
    let state = State { run, from, status, started, completed, error, reason };
    voice.say("workflow_state_changed", &state);
}

fn ended(finished: &ExecutionFinished, record: &Record, voice: &mut Voice<'_>) {
    let (after, run) = (&record.after, voice.run);
    let outline = after.outline.as_deref();
    let ending = outline.and_then(|it| it.ending.as_ref());
    let failure = finished.failure.as_ref();
    let error = ending.and_then(stated);
    let well = finished.status == ExecutionStatus::Completed;
    if well || finished.status == ExecutionStatus::Cancelled {
        let state = State {
            run,
            from: Some(words::workflow(&after.before)),
            status: words::workflow(&after.progress),
            started: outline.and_then(|it| it.info.start_time),
            completed: ending.map(|it| it.finish_time),
            error,
            reason: finished.reason.as_deref(),
        };
        voice.say("workflow_state_changed", &state);
    }
    if well {
        let completed = Completed {
            results: finished.results.as_ref(),
            output: finished.output.as_ref(),
            cost: after.cost.map(|it| it.spent.usd_nanos),
            micros: ending.and_then(|it| it.duration_micros),
        };
        return voice.say("workflow_completed", &completed);
    }
    let (status, error) = Failed::of(finished.status, error);
    voice.say("workflow_failed", &Failed { error, status, failure });
    if finished.status != ExecutionStatus::Cancelled {
        let none = Failure::default();
        fault(failure.unwrap_or(&none), error, "WorkflowError", None, voice);
    }
}

fn failed(reported: &FailureReported, voice: &mut Voice<'_>) {
    let FailureReported { failure, step_id } = reported;
    fault(failure, &failure.message, "Error", step_id.as_deref(), voice);
}

fn fault(failure: &Failure, message: &str, kind: &str, step: Option<&str>, voice: &mut Voice<'_>) {
    let error_type = failure.error_type.as_deref().unwrap_or(kind);
    let traceback = failure.traceback.as_deref();
    voice.say("error_occurred", &Fault { error_type, message, step, traceback });
}

fn node_changed(changed: &NodeChanged, record: &Record, voice: &mut Voice<'_>) {
    let after = &record.after;
    let Some(node) = after.node.as_deref() else { return };
    let other = after.moved && is_other(node, after);
    // Said again where its engine says it again: there may be more to it.
    let again = changed.status.is_some() && !after.moved;
    let over = matches!(words::step(node.status), Some("step_completed" | "step_failed"));
    let came = over && (changed.output.is_some() || changed.failure.is_some());
    if other || again {
        node_moved(node, record, voice);
    }
    // Only there clients see what came of it.
    if other || again || came {
        step(node, voice);
    }
    workflow_moved(record, None, voice);
}

fn node_retried(retried: &NodeRetried, record: &Record, voice: &mut Voice<'_>) {
    let after = &record.after;
    let Some(node) = after.node.as_deref() else { return };
    if after.moved && is_other(node, after) {
        node_moved(node, record, voice);
    }
    let retry = Retry { node, retried };
    voice.say(retry.event_type(), &retry);
    workflow_moved(record, None, voice);
}

fn gate_opened(asked: &GateOpened, record: &Record, voice: &mut Voice<'_>) {
    let after = &record.after;
    let node = after.node.as_deref();
    if let Some(node) = node.filter(|_| after.moved) {
        node_moved(node, record, voice);
    }
    // Announced again after it was decided it asks nobody.
    if after.gate.as_deref().is_none_or(Gate::is_open) {
        voice.say("approval_requested", &Requested { asked, node });
    }
    workflow_moved(record, None, voice);
}

fn gate_closed(record: &Record, voice: &mut Voice<'_>) {
    let gate = record.after.gate.as_deref();
    // What its engine closes after somebody had decided was told of before.
    if gate.is_some_and(|gate| gate.resolution.decision().is_some()) {
        return moved(record, None, voice);
    }
    resolved(record, voice);
}

/// A question that was settled, whoever did that.
pub(super) fn resolved(record: &Record, voice: &mut Voice<'_>) {
    if let Some(gate) = record.after.gate.as_deref()
        && let Some((approved, resolution, feedback)) = words::settled(&gate.resolution)
    {
        let approval = gate.asked.gate_id.as_str();
        let (feedback, time) = (feedback.map(|it| &**it), record.time);
        let received = Received { approval, approved, resolution, feedback, time };
        voice.say("approval_received", &received);
    }
    moved(record, None, voice);
}

fn tool_called(called: &ToolCalled, voice: &mut Voice<'_>) {
    match called.agent {
        Some(_) => voice.say("agent_tool_call", &AgentToolCall(called)),
        None => voice.say("tool_call", &ToolCall { run: voice.run, called }),
    }
}
