//! What a frame of the native protocol has to say of an event, field by field, by the proto and the
//! protocol's document alone.

use bytes::Bytes;
use footplate::engine::pb::{self, event::Kind as Pb};

/// What a field says.
#[derive(Debug)]
pub(super) enum Says {
    Text(String),
    Whole(Option<i128>),
    Float(Option<f64>),
    Flag(Option<bool>),
    Json(Option<Bytes>),
}

/// What the native protocol has to say of it, as far as that is its own words: in the frame, or in this
/// member of it.
pub(super) fn said(kind: &Pb) -> (Option<&'static str>, Vec<(&'static str, Says)>) {
    let text = |it: &str| Says::Text(it.to_owned());
    let whole = |it: Option<i64>| Says::Whole(it.map(Into::into));
    let json = |it: &Option<pb::Json>| {
        Says::Json(it.as_ref().map(|it| it.text.clone()).filter(|it| !it.is_empty()))
    };
    let all = match kind {
        Pb::NodeChanged(it) => vec![("node_id", text(&it.node_id))],
        Pb::LogWritten(it) => vec![
            ("message", text(&it.message)),
            ("node_id", text(&it.node_id)),
            ("stream", text(&it.stream)),
            ("logger", text(&it.logger)),
            ("metadata", json(&it.metadata)),
        ],
        Pb::CostIncurred(it) => vec![
            ("increment_usd_nanos", whole(it.increment_usd_nanos)),
            ("node_id", text(&it.node_id)),
            ("model", text(&it.model)),
            ("input_tokens", whole(it.input_tokens)),
            ("output_tokens", whole(it.output_tokens)),
            ("total_tokens", whole(it.total_tokens)),
        ],
        Pb::NodeProgressed(it) => vec![
            ("node_id", text(&it.node_id)),
            ("fraction", Says::Float(it.fraction)),
            ("message", text(&it.message)),
        ],
        Pb::EdgeActivated(it) => {
            vec![("from", text(&it.from_node_id)), ("to", text(&it.to_node_id))]
        }
        Pb::GateOpened(it) => {
            vec![("gate_id", text(&it.gate_id)), ("node_id", text(&it.node_id))]
        }
        Pb::DecisionOutcome(it) => vec![
            ("gate_id", text(&it.gate_id)),
            ("decision_id", text(&it.decision_id)),
            ("reason", text(&it.reason)),
        ],
        Pb::CommandOutcome(it) => {
            vec![("command_id", text(&it.command_id)), ("reason", text(&it.reason))]
        }
        Pb::GraphMutated(it) => vec![
            ("mutation_id", text(&it.mutation_id)),
            ("mutation_kind", text(&it.mutation_kind)),
            ("reason", text(&it.reason)),
            ("mutation", json(&it.mutation)),
        ],
        Pb::NodeRetried(it) => vec![
            ("node_id", text(&it.node_id)),
            ("retry_number", Says::Whole(Some(it.retry_number.into()))),
            ("max_retries", Says::Whole(it.max_retries.map(Into::into))),
            ("success_probability", Says::Float(it.success_probability)),
            ("error", text(&it.error)),
            ("has_user_feedback", Says::Flag(it.has_user_feedback)),
        ],
        Pb::EventsDropped(it) => vec![("count", Says::Whole(Some(it.count.into())))],
        Pb::MetricMeasured(it) => vec![
            ("name", text(&it.name)),
            ("value", Says::Float(it.value)),
            ("unit", text(&it.unit)),
            ("node_id", text(&it.node_id)),
            ("metadata", json(&it.metadata)),
        ],
        Pb::AgentMessage(it) => vec![
            ("agent", text(&it.agent)),
            ("message", text(&it.message)),
            ("role", text(&it.role)),
            ("metadata", json(&it.metadata)),
        ],
        Pb::AgentThinking(it) => vec![
            ("agent", text(&it.agent)),
            ("thinking", Says::Flag(it.thinking)),
            ("message", text(&it.message)),
        ],
        Pb::ToolCalled(it) => vec![
            ("tool_name", text(&it.tool_name)),
            ("agent", text(&it.agent)),
            ("call_id", text(&it.call_id)),
            ("error", text(&it.error)),
            ("arguments", json(&it.arguments)),
            ("result", json(&it.result)),
        ],
        Pb::CodeExecuted(it) => vec![
            ("code", text(&it.code)),
            ("language", text(&it.language)),
            ("result", json(&it.result)),
            ("error", text(&it.error)),
        ],
        Pb::FileChanged(it) => vec![
            ("path", text(&it.path)),
            ("size", Says::Whole(it.size.map(Into::into))),
            ("files_tracked", Says::Whole(it.files_tracked.map(Into::into))),
            ("step_id", text(&it.step_id)),
        ],
        Pb::Opaque(it) => vec![
            ("protocol", text(&it.protocol)),
            ("json", json(&it.json)),
            ("replay", Says::Flag(Some(it.replay))),
            ("state_key", text(&it.state_key)),
        ],
        Pb::WorkflowChanged(it) => return (Some("json"), vec![("workflow", json(&it.workflow))]),
        Pb::Captured(it) => {
            let all = vec![
                ("captured_event_id", text(&it.captured_event_id)),
                ("event_type", text(&it.event_type)),
                ("event_subtype", text(&it.event_subtype)),
                ("execution_order", whole(it.execution_order)),
                ("depth", Says::Whole(it.depth.map(Into::into))),
                ("data", json(&it.data)),
            ];
            return (Some("json"), all);
        }
        Pb::ExecutionProgressed(_)
        | Pb::GateClosed(_)
        | Pb::ExecutionStarted(_)
        | Pb::ExecutionStatusChanged(_)
        | Pb::ExecutionFinished(_)
        | Pb::GraphDeclared(_)
        | Pb::FailureReported(_) => vec![],
    };
    (None, all)
}
