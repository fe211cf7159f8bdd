//! Between the wire's messages and the model. Nothing else takes a message of `pb` apart.
//!
//! Every message is taken apart without `..`, so that a field that is added to the proto has to be
//! decided upon here.

mod detail;
mod execution;
mod gate;
mod link;
mod out;
mod terms;
mod value;

use std::hash::{DefaultHasher, Hasher};
use std::sync::Arc;

use bytes::Bytes;
use prost::Message;

use crate::engine::pb;
use crate::model::{
    Event, Kind, NativeForm, Received, Rejection, RejectionCode, Timestamp, WorkflowId,
};
pub(super) use link::{
    Batch, Claims, FromEngine, Greeting, Lane, Part, Withdrawal, publication, request,
};
pub(super) use out::{
    Outgoing, granted, grants, lane_result, outgoing, published, report_too_large,
};
pub(super) use terms::{goodbye, welcome};
use value::{At, Read, each, fault, invalid, json_object, required, workflow_of};

pub use link::BATCH_EVENTS;
pub use terms::MESSAGE_BYTES;
pub use value::JSON_DEPTH;

/// The largest event, in bytes.
pub const EVENT_BYTES: usize = 256 << 10;
/// Native forms of one event: there are not more dialects.
const NATIVE_FORMS: usize = 16;

/// What has to be known beside its bytes to read an event.
#[derive(Debug, Clone, Copy)]
pub struct Setting<'a> {
    /// The relay's clock: a deadline becomes the time that is left.
    pub now: Timestamp,
    /// The workflow, where the batch is of one: then every event tells of it, and otherwise none.
    pub workflow: Option<&'a WorkflowId>,
}

/// Reads one event. Whatever is wrong with it is its own affair: it never costs its batch.
pub fn event(bytes: &Bytes, setting: Setting<'_>) -> Received {
    let event = decode(bytes).and_then(|event| read(event, setting)).map(Arc::new);
    Received { hash: hash(bytes), size: bytes.len(), event }
}

/// SipHash under the standard library's fixed key: the same bytes have the same hash for as long as
/// the process lives, at about a nanosecond for two bytes. Two events that differ by accident share
/// one with a chance of 2^-64. Who knows the key may find two that do; it is then told that its
/// second event is a repeat of its first, so it can deceive nobody but itself.
fn hash(bytes: &[u8]) -> u64 {
    let mut hasher = DefaultHasher::new();
    hasher.write(bytes);
    hasher.finish()
}

fn decode(bytes: &Bytes) -> Read<pb::Event> {
    if EVENT_BYTES < bytes.len() {
        let message = format!("{} bytes; an event has at most {EVENT_BYTES}", bytes.len());
        return Err(fault(RejectionCode::TooLarge, message));
    }
    // A clone of `Bytes` shares them, so that opaque JSON is a slice of what came.
    pb::Event::decode(bytes.clone()).map_err(|err| undecodable(&err))
}

/// What prost knows about a fault it only tells in words: the fields from the inside out, as
/// `Label.key: ExecutionStarted.labels: Event.kind: `, and then the cause.
fn undecodable(err: &prost::DecodeError) -> Rejection {
    let words = err.to_string();
    let mut cause = words.strip_prefix("failed to decode Protobuf message: ").unwrap_or(&words);
    let mut places = vec![];
    while let Some((place, rest)) = cause.split_once(": ")
        && let Some(place) = place.split_once('.').filter(|_| !place.contains(' '))
    {
        places.push(place);
        cause = rest;
    }
    let mut field = String::new();
    while let Some((message, name)) = places.pop() {
        let name = match (message, places.last()) {
            // The field of a kind bears the name of its message. Where the fault is around that
            // message, nobody knows whose it is.
            ("Event", inner) if name == "kind" => snake(inner.map_or("", |(kind, _)| kind)),
            _ => name.to_owned(),
        };
        field = if field.is_empty() { name } else { format!("{field}.{name}") };
    }
    let code = if cause.contains("UTF-8") { RejectionCode::Utf8 } else { RejectionCode::Malformed };
    Rejection { field, ..fault(code, cause) }
}

fn snake(name: &str) -> String {
    let mut snake = String::with_capacity(name.len() + 4);
    for c in name.chars() {
        if c.is_ascii_uppercase() && !snake.is_empty() {
            snake.push('_');
        }
        snake.push(c.to_ascii_lowercase());
    }
    snake
}

fn read(event: pb::Event, setting: Setting<'_>) -> Read<Event> {
    let pb::Event { event_time, native_forms, kind: stated } = event;
    let time = value::time(event_time).at("event_time")?;
    let native_forms = each(native_forms, "native_forms", NATIVE_FORMS, native_form)?;
    let Some(stated) = stated else {
        let message = "no kind, or one that this relay does not know";
        return Err(fault(RejectionCode::UnknownKind, message));
    };
    Ok(Event { time, native_forms, kind: kind(stated, setting)? })
}

fn native_form(pb::NativeForm { protocol, json }: pb::NativeForm) -> Read<NativeForm> {
    let protocol = required(protocol).at("protocol")?;
    Ok(NativeForm { protocol, json: json_object(json).at("json")? })
}

fn kind(stated: pb::event::Kind, setting: Setting<'_>) -> Read<Kind> {
    use pb::event::Kind as Pb;

    // A workflow's log holds its definitions and nothing else.
    if let Some(workflow) = setting.workflow {
        let Pb::WorkflowChanged(it) = stated else {
            return invalid("in a workflow's batch, only workflow_changed");
        };
        let named = workflow_of(workflow, &it.workflow_id).at("workflow_id");
        return named
            .and_then(|workflow| detail::workflow_changed(workflow, it))
            .at("workflow_changed")
            .map(|it| Kind::WorkflowChanged(Box::new(it)));
    }
    macro_rules! boxed {
        ($module:ident::$name:ident($it:expr) => $kind:ident) => {
            $module::$name($it).at(stringify!($name)).map(|it| Kind::$kind(Box::new(it)))
        };
    }
    match stated {
        Pb::NodeChanged(it) => boxed!(execution::node_changed(it) => NodeChanged),
        Pb::LogWritten(it) => boxed!(detail::log_written(it) => LogWritten),
        Pb::CostIncurred(it) => boxed!(detail::cost_incurred(it) => CostIncurred),
        Pb::NodeProgressed(it) => {
            execution::node_progressed(it).at("node_progressed").map(Kind::NodeProgressed)
        }
        Pb::EdgeActivated(it) => execution::edge_activated(it).at("edge_activated"),
        Pb::ExecutionProgressed(it) => execution::execution_progressed(it)
            .at("execution_progressed")
            .map(Kind::ExecutionProgressed),
        Pb::GateOpened(it) => gate::gate_opened(it, setting.now)
            .at("gate_opened")
            .map(|it| Kind::GateOpened(Box::new(it))),
        Pb::GateClosed(it) => boxed!(gate::gate_closed(it) => GateClosed),
        Pb::DecisionOutcome(it) => boxed!(gate::decision_outcome(it) => DecisionOutcome),
        Pb::CommandOutcome(it) => boxed!(gate::command_outcome(it) => CommandOutcome),
        Pb::ExecutionStarted(it) => boxed!(execution::execution_started(it) => ExecutionStarted),
        Pb::ExecutionStatusChanged(it) => {
            boxed!(execution::execution_status_changed(it) => ExecutionStatusChanged)
        }
        Pb::ExecutionFinished(it) => boxed!(execution::execution_finished(it) => ExecutionFinished),
        Pb::GraphDeclared(it) => boxed!(execution::graph_declared(it) => GraphDeclared),
        Pb::GraphMutated(it) => boxed!(execution::graph_mutated(it) => GraphMutated),
        Pb::NodeRetried(it) => boxed!(execution::node_retried(it) => NodeRetried),
        Pb::FailureReported(it) => boxed!(detail::failure_reported(it) => FailureReported),
        Pb::EventsDropped(it) => {
            detail::events_dropped(it).at("events_dropped").map(Kind::EventsDropped)
        }
        Pb::MetricMeasured(it) => boxed!(detail::metric_measured(it) => MetricMeasured),
        Pb::WorkflowChanged(_) => invalid("only in a workflow's batch").at("workflow_changed"),
        Pb::AgentMessage(it) => boxed!(detail::agent_message(it) => AgentMessage),
        Pb::AgentThinking(it) => boxed!(detail::agent_thinking(it) => AgentThinking),
        Pb::ToolCalled(it) => boxed!(detail::tool_called(it) => ToolCalled),
        Pb::CodeExecuted(it) => boxed!(detail::code_executed(it) => CodeExecuted),
        Pb::FileChanged(it) => boxed!(detail::file_changed(it) => FileChanged),
        Pb::Captured(it) => boxed!(detail::captured(it) => Captured),
        Pb::Opaque(it) => boxed!(detail::opaque(it) => Opaque),
    }
}
