//! What is said of what goes on: agents, tools, code, money, measures, files.

use serde::ser::SerializeMap;

use super::voice::{Obj, Plain};
use crate::dialect::object::{Fields, Put, Raw, Shown, usd};
use crate::model::{
    AgentMessage, AgentThinking, Captured, CodeExecuted, CostIncurred, FileAction, FileChanged,
    Json, MetricMeasured, NodeId, Timestamp, ToolCalled, Totals,
};

/// `agent_message`.
pub(super) struct Message<'a>(pub(super) &'a AgentMessage);

impl Fields for Message<'_> {
    fn fields<M: SerializeMap>(&self, to: &mut M) -> Result<(), M::Error> {
        let AgentMessage { agent, message, role, node_id: _, metadata } = self.0;
        to.put("agent", agent)?;
        to.put("message", message)?;
        to.put("role", role.as_deref().unwrap_or("assistant"))?;
        to.put("metadata", &metadata.as_ref().map(Raw))
    }
}

/// `agent_thinking`.
pub(super) struct Thinking<'a>(pub(super) &'a AgentThinking);

impl Fields for Thinking<'_> {
    fn fields<M: SerializeMap>(&self, to: &mut M) -> Result<(), M::Error> {
        let AgentThinking { agent, thinking, message, node_id: _ } = self.0;
        to.put("agent", agent)?;
        to.put("thinking", &thinking.unwrap_or(true))?;
        to.put("message", message)
    }
}

/// What came of a call: the result, or what went wrong.
fn result<M: SerializeMap>(
    key: &str,
    result: Option<&Json>,
    error: Option<&str>,
    to: &mut M,
) -> Result<(), M::Error> {
    match (result, error) {
        (None, Some(error)) => to.put(key, &Shown(format_args!("Error: {error}"))),
        (result, _) => to.put(key, &Plain(result)),
    }
}

/// `agent_tool_call`.
pub(super) struct AgentToolCall<'a>(pub(super) &'a ToolCalled);

impl Fields for AgentToolCall<'_> {
    fn fields<M: SerializeMap>(&self, to: &mut M) -> Result<(), M::Error> {
        let called = self.0;
        let arguments = Obj { json: called.arguments.as_ref(), under: "arguments" };
        to.put("agent", &called.agent)?;
        to.put("tool_name", &called.tool_name)?;
        to.put("tool_args", &arguments)?;
        result("tool_result", called.result.as_ref(), called.error.as_deref(), to)?;
        to.put("arguments", &arguments)?;
        result("result", called.result.as_ref(), called.error.as_deref(), to)
    }
}

/// `tool_call`: one that no agent made.
pub(super) struct ToolCall<'a> {
    pub(super) run: &'a str,
    pub(super) called: &'a ToolCalled,
}

impl Fields for ToolCall<'_> {
    fn fields<M: SerializeMap>(&self, to: &mut M) -> Result<(), M::Error> {
        let Self { run, called } = self;
        to.put("run_id", run)?;
        to.put("agent", &called.agent)?;
        to.put("tool_name", &called.tool_name)?;
        to.put("arguments", &Obj { json: called.arguments.as_ref(), under: "arguments" })?;
        result("result", called.result.as_ref(), called.error.as_deref(), to)
    }
}

/// `code_execution`.
pub(super) struct Code<'a>(pub(super) &'a CodeExecuted);

impl Fields for Code<'_> {
    fn fields<M: SerializeMap>(&self, to: &mut M) -> Result<(), M::Error> {
        let executed = self.0;
        to.put("agent", &executed.agent)?;
        to.put("code", &executed.code)?;
        to.put("language", &executed.language)?;
        result("result", executed.result.as_ref(), executed.error.as_deref(), to)
    }
}

/// `cost_update`. Clients add up what each says.
pub(super) struct Spent<'a> {
    pub(super) run: &'a str,
    pub(super) incurred: &'a CostIncurred,
    /// By this.
    pub(super) added: Totals,
    /// By everything, in nanos.
    pub(super) total: i64,
}

impl Fields for Spent<'_> {
    fn fields<M: SerializeMap>(&self, to: &mut M) -> Result<(), M::Error> {
        let Self { run, incurred, added, total } = self;
        to.put("run_id", run)?;
        to.put("step_id", &incurred.step_id)?;
        to.put("model", &incurred.model)?;
        to.put("tokens", &added.tokens)?;
        to.put("input_tokens", &added.input_tokens)?;
        to.put("output_tokens", &added.output_tokens)?;
        to.put("cost_usd", &usd(added.usd_nanos))?;
        to.put("total_cost_usd", &usd(*total))?;
        to.put("agent", &incurred.agent)
    }
}

/// `metric_update`.
pub(super) struct Metric<'a>(pub(super) &'a MetricMeasured, pub(super) Timestamp);

impl Fields for Metric<'_> {
    fn fields<M: SerializeMap>(&self, to: &mut M) -> Result<(), M::Error> {
        let Self(measured, time) = self;
        to.put("metric_name", &measured.name)?;
        to.put("name", &measured.name)?;
        to.put("value", &measured.value)?;
        to.put("unit", &measured.unit)?;
        to.put("timestamp", &Shown(*time))
    }
}

/// `file_created`, `file_updated` or `files_updated`.
pub(super) struct File<'a> {
    pub(super) run: &'a str,
    pub(super) changed: &'a FileChanged,
}

impl File<'_> {
    /// `None`: the protocol has no word for it.
    pub(super) fn event_type(&self) -> Option<&'static str> {
        match self.changed.action {
            FileAction::Created => Some("file_created"),
            FileAction::Updated => Some("file_updated"),
            FileAction::Batch => Some("files_updated"),
            FileAction::Deleted => None,
        }
    }
}

impl Fields for File<'_> {
    fn fields<M: SerializeMap>(&self, to: &mut M) -> Result<(), M::Error> {
        let Self { run, changed } = self;
        if changed.action == FileAction::Batch {
            to.put("run_id", run)?;
            to.put("node_id", &changed.node_id.as_ref().map(NodeId::as_str))?;
            to.put("step_id", &changed.step_id)?;
            return to.put("files_tracked", &changed.files_tracked);
        }
        to.put("file_path", &changed.path)?;
        to.put("file_type", &changed.file_type)?;
        to.put("size_bytes", &changed.size)
    }
}

/// `event_captured`.
pub(super) struct Capture<'a>(pub(super) &'a Captured, pub(super) Timestamp);

impl Fields for Capture<'_> {
    fn fields<M: SerializeMap>(&self, to: &mut M) -> Result<(), M::Error> {
        let Self(captured, time) = self;
        to.put("event_id", &captured.captured_event_id)?;
        to.put("node_id", &captured.node_id.as_ref().map(NodeId::as_str))?;
        to.put("event_type", &captured.event_type)?;
        to.put("event_subtype", &captured.event_subtype)?;
        to.put("agent_name", &captured.agent)?;
        to.put("timestamp", &Shown(*time))?;
        to.put("execution_order", &captured.execution_order)?;
        to.put("depth", &captured.depth)
    }
}
