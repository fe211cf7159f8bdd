//! What an engine said, in the native protocol's words. What an event did to the execution stands
//! beside it (`records`), and is not said twice.

use serde::ser::SerializeMap;

use super::parts::{micros, names};
use super::records::at_gate;
use super::words::Word;
use crate::dialect::object::{Fields, Object, Put, time};
use crate::model::{
    After, Captured, CostIncurred, Event, GraphMutated, Kind, NodeId, NodeRetried, WorkflowChanged,
};

/// What an engine said, as far as no part of the execution repeats it.
pub(super) fn said<M: SerializeMap>(
    event: &Event,
    after: &After,
    to: &mut M,
) -> Result<(), M::Error> {
    to.maybe("event_time", time(event.time))?;
    let node =
        |node: &Option<NodeId>, to: &mut M| to.maybe("node_id", node.as_ref().map(NodeId::as_str));
    match &event.kind {
        Kind::ExecutionStarted(it) => {
            to.put("change", "started")?;
            to.maybe("command_id", it.command_id.as_ref().map(|it| it.as_str()))
        }
        Kind::ExecutionStatusChanged(it) => {
            to.put("change", "status")?;
            to.maybe("status", it.status.map(|it| it.word()))
        }
        Kind::ExecutionProgressed(_) => to.put("change", "progress"),
        Kind::ExecutionFinished(it) => to.put("status", it.status.word()),
        Kind::NodeChanged(it) => {
            to.put("node_id", it.node_id.as_str())?;
            to.maybe("status", it.status.map(|it| it.word()))?;
            to.maybe("old_status", after.old_status.map(|it| it.word()))
        }
        Kind::NodeProgressed(it) => {
            to.put("node_id", it.node_id.as_str())?;
            to.maybe("fraction", it.fraction)?;
            to.maybe("message", it.message.as_ref())
        }
        Kind::NodeRetried(it) => retried(it, to),
        Kind::GraphDeclared(it) => to.put("replace", &it.replace),
        Kind::GraphMutated(it) => mutated(it, to),
        Kind::EdgeActivated { from, to: target } => {
            to.put("from", from.as_str())?;
            to.put("to", target.as_str())
        }
        Kind::CostIncurred(it) => incurred(it, to),
        Kind::LogWritten(it) => {
            to.put("level", it.level.word())?;
            to.put("message", &it.message)?;
            node(&it.node_id, to)?;
            to.maybe("stream", it.stream.as_ref())?;
            to.maybe("logger", it.logger.as_ref())?;
            to.json("metadata", it.metadata.as_ref())
        }
        Kind::AgentMessage(it) => {
            to.put("agent", &it.agent)?;
            to.put("message", &it.message)?;
            to.maybe("role", it.role.as_ref())?;
            node(&it.node_id, to)?;
            to.json("metadata", it.metadata.as_ref())
        }
        Kind::AgentThinking(it) => {
            to.put("agent", &it.agent)?;
            to.maybe("thinking", it.thinking)?;
            to.maybe("message", it.message.as_ref())?;
            node(&it.node_id, to)
        }
        Kind::ToolCalled(it) => {
            to.put("tool_name", &it.tool_name)?;
            to.maybe("agent", it.agent.as_ref())?;
            node(&it.node_id, to)?;
            to.maybe("call_id", it.call_id.as_ref())?;
            to.json("arguments", it.arguments.as_ref())?;
            to.json("result", it.result.as_ref())?;
            to.maybe("error", it.error.as_ref())
        }
        Kind::CodeExecuted(it) => {
            to.put("code", &it.code)?;
            to.maybe("language", it.language.as_ref())?;
            to.maybe("agent", it.agent.as_ref())?;
            node(&it.node_id, to)?;
            to.json("result", it.result.as_ref())?;
            to.maybe("error", it.error.as_ref())
        }
        Kind::MetricMeasured(it) => {
            to.put("name", &it.name)?;
            to.maybe("value", it.value)?;
            to.maybe("unit", it.unit.as_ref())?;
            node(&it.node_id, to)?;
            to.json("metadata", it.metadata.as_ref())
        }
        Kind::FileChanged(it) => {
            to.put("path", &it.path)?;
            to.put("action", it.action.word())?;
            to.maybe("file_type", it.file_type.as_ref())?;
            to.maybe("size", it.size)?;
            node(&it.node_id, to)?;
            to.maybe("step_id", it.step_id.as_ref())?;
            to.maybe("files_tracked", it.files_tracked)
        }
        Kind::FailureReported(it) => {
            node(&it.failure.node_id, to)?;
            to.put("message", &it.failure.message)?;
            to.maybe("step_id", it.step_id.as_ref())?;
            to.put("failure", &Object(&it.failure))
        }
        Kind::EventsDropped(it) => {
            to.put("count", &it.count)?;
            to.put("reason", it.reason.word())?;
            to.maybe("first_drop_time", time(it.first_drop_time))?;
            to.maybe("last_drop_time", time(it.last_drop_time))
        }
        Kind::GateOpened(it) => {
            to.put("gate_id", it.gate_id.as_str())?;
            to.put("gate_version", &it.gate_version)?;
            node(&it.node_id, to)
        }
        Kind::GateClosed(it) => at_gate(&it.gate_id, after, to),
        Kind::DecisionOutcome(it) => {
            at_gate(&it.gate_id, after, to)?;
            to.put("decision_id", it.decision_id.as_str())?;
            to.put("delivery", it.outcome.word())?;
            to.maybe("reason", it.reason.as_ref())
        }
        Kind::CommandOutcome(it) => {
            to.put("command_id", it.command_id.as_str())?;
            to.put("stage", it.outcome.word())?;
            to.maybe("reason", it.reason.as_ref())
        }
        Kind::WorkflowChanged(it) => {
            to.put("protocol", "workflow")?;
            to.put("json", &Object(&**it))
        }
        Kind::Captured(it) => {
            to.put("protocol", "captured")?;
            to.put("json", &Object(&**it))
        }
        Kind::Opaque(it) => {
            to.put("protocol", &it.protocol)?;
            to.json("json", Some(&it.json))?;
            to.put("priority", it.priority.word())?;
            to.put("replay", &it.replay)?;
            to.maybe("state_key", it.state_key.as_ref())
        }
    }
}

fn retried<M: SerializeMap>(it: &NodeRetried, to: &mut M) -> Result<(), M::Error> {
    let NodeRetried {
        node_id,
        phase,
        retry_number,
        max_retries,
        error_category,
        error_pattern,
        success_probability,
        strategy,
        suggestions,
        backoff,
        next_attempt_time,
        error,
        has_user_feedback,
    } = it;
    to.put("node_id", node_id.as_str())?;
    to.put("phase", phase.word())?;
    to.put("retry_number", retry_number)?;
    to.maybe("max_retries", *max_retries)?;
    to.maybe("error", error.as_ref())?;
    to.maybe("error_category", error_category.as_ref())?;
    to.maybe("error_pattern", error_pattern.as_ref())?;
    to.maybe("success_probability", *success_probability)?;
    to.maybe("strategy", strategy.as_ref())?;
    to.some("suggestions", suggestions)?;
    to.maybe("backoff_us", backoff.map(micros))?;
    to.maybe("next_attempt_time", time(*next_attempt_time))?;
    to.maybe("has_user_feedback", *has_user_feedback)
}

fn mutated<M: SerializeMap>(it: &GraphMutated, to: &mut M) -> Result<(), M::Error> {
    to.maybe("mutation_id", it.mutation_id.as_ref())?;
    to.maybe("mutation_kind", it.mutation_kind.as_ref())?;
    to.maybe("trigger", it.trigger.as_ref())?;
    to.maybe("reason", it.reason.as_ref())?;
    to.maybe("recommended_by", it.recommended_by.as_ref())?;
    to.put("affected_node_ids", &names(&it.affected_node_ids))?;
    to.json("mutation", it.mutation.as_ref())
}

fn incurred<M: SerializeMap>(it: &CostIncurred, to: &mut M) -> Result<(), M::Error> {
    to.money("increment", "increment", it.increment_usd_nanos)?;
    to.maybe("node_id", it.node_id.as_ref().map(NodeId::as_str))?;
    to.maybe("step_id", it.step_id.as_ref())?;
    to.maybe("agent", it.agent.as_ref())?;
    to.maybe("model", it.model.as_ref())?;
    to.maybe("input_tokens", it.input_tokens)?;
    to.maybe("output_tokens", it.output_tokens)?;
    to.maybe("total_tokens", it.total_tokens)
}

impl Fields for Captured {
    fn fields<M: SerializeMap>(&self, to: &mut M) -> Result<(), M::Error> {
        to.put("captured_event_id", &self.captured_event_id)?;
        to.put("event_type", &self.event_type)?;
        to.maybe("event_subtype", self.event_subtype.as_ref())?;
        to.maybe("agent", self.agent.as_ref())?;
        to.maybe("node_id", self.node_id.as_ref().map(NodeId::as_str))?;
        to.maybe("execution_order", self.execution_order)?;
        to.maybe("depth", self.depth)?;
        to.json("data", self.data.as_ref())
    }
}

impl Fields for WorkflowChanged {
    fn fields<M: SerializeMap>(&self, to: &mut M) -> Result<(), M::Error> {
        to.put("workflow_id", self.workflow_id.as_str())?;
        to.put("action", self.action.word())?;
        to.json("workflow", self.workflow.as_ref())
    }
}
