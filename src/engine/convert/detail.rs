//! Events about what happens within nodes: cost, logs, agents, files, failures, and what only some
//! dashboards understand.

use super::value::{
    At, Read, failure, finite, invalid, json, json_object, maybe_id, required, text, time,
};
use crate::engine::pb;
use crate::model::{
    AgentMessage, AgentThinking, Captured, CodeExecuted, CostIncurred, DropReason, EventsDropped,
    FailureReported, FileAction, FileChanged, LogLevel, LogWritten, MetricMeasured, Opaque,
    Priority, ToolCalled, WorkflowAction, WorkflowChanged, WorkflowId,
};

pub(super) fn cost_incurred(it: pb::CostIncurred) -> Read<CostIncurred> {
    let pb::CostIncurred {
        increment_usd_nanos,
        total_usd_nanos,
        budget_usd_nanos,
        node_id,
        step_id,
        agent,
        model,
        input_tokens,
        output_tokens,
        total_tokens,
    } = it;
    Ok(CostIncurred {
        increment_usd_nanos,
        total_usd_nanos,
        budget_usd_nanos,
        node_id: maybe_id(&node_id).at("node_id")?,
        step_id: text(step_id),
        agent: text(agent),
        model: text(model),
        input_tokens,
        output_tokens,
        total_tokens,
    })
}

/// An empty line is a line.
pub(super) fn log_written(it: pb::LogWritten) -> Read<LogWritten> {
    let pb::LogWritten { message, level, node_id, stream, logger, metadata } = it;
    Ok(LogWritten {
        message: message.into(),
        level: match pb::LogLevel::try_from(level) {
            Ok(pb::LogLevel::Debug) => LogLevel::Debug,
            Ok(pb::LogLevel::Unspecified | pb::LogLevel::Info) | Err(_) => LogLevel::Info,
            Ok(pb::LogLevel::Warning) => LogLevel::Warning,
            Ok(pb::LogLevel::Error) => LogLevel::Error,
        },
        node_id: maybe_id(&node_id).at("node_id")?,
        stream: text(stream),
        logger: text(logger),
        metadata: json(metadata).at("metadata")?,
    })
}

pub(super) fn agent_message(it: pb::AgentMessage) -> Read<AgentMessage> {
    let pb::AgentMessage { agent, message, role, node_id, metadata } = it;
    Ok(AgentMessage {
        agent: required(agent).at("agent")?,
        message: message.into(),
        role: text(role),
        node_id: maybe_id(&node_id).at("node_id")?,
        metadata: json(metadata).at("metadata")?,
    })
}

pub(super) fn agent_thinking(it: pb::AgentThinking) -> Read<AgentThinking> {
    let pb::AgentThinking { agent, thinking, message, node_id } = it;
    Ok(AgentThinking {
        agent: required(agent).at("agent")?,
        thinking,
        message: text(message),
        node_id: maybe_id(&node_id).at("node_id")?,
    })
}

pub(super) fn tool_called(it: pb::ToolCalled) -> Read<ToolCalled> {
    let pb::ToolCalled { agent, tool_name, arguments, result, node_id, call_id, error } = it;
    Ok(ToolCalled {
        agent: text(agent),
        tool_name: required(tool_name).at("tool_name")?,
        arguments: json(arguments).at("arguments")?,
        result: json(result).at("result")?,
        node_id: maybe_id(&node_id).at("node_id")?,
        call_id: text(call_id),
        error: text(error),
    })
}

pub(super) fn code_executed(it: pb::CodeExecuted) -> Read<CodeExecuted> {
    let pb::CodeExecuted { agent, code, language, result, node_id, error } = it;
    Ok(CodeExecuted {
        agent: text(agent),
        code: code.into(),
        language: text(language),
        result: json(result).at("result")?,
        node_id: maybe_id(&node_id).at("node_id")?,
        error: text(error),
    })
}

pub(super) fn metric_measured(it: pb::MetricMeasured) -> Read<MetricMeasured> {
    let pb::MetricMeasured { name, value, unit, node_id, metadata } = it;
    Ok(MetricMeasured {
        name: required(name).at("name")?,
        value: finite(value).at("value")?,
        unit: text(unit),
        node_id: maybe_id(&node_id).at("node_id")?,
        metadata: json(metadata).at("metadata")?,
    })
}

pub(super) fn file_changed(it: pb::FileChanged) -> Read<FileChanged> {
    let pb::FileChanged { path, action, file_type, size, node_id, step_id, files_tracked } = it;
    Ok(FileChanged {
        path: required(path).at("path")?,
        action: match pb::FileAction::try_from(action) {
            Ok(pb::FileAction::Created) => FileAction::Created,
            Ok(pb::FileAction::Unspecified | pb::FileAction::Updated) | Err(_) => {
                FileAction::Updated
            }
            Ok(pb::FileAction::Deleted) => FileAction::Deleted,
            Ok(pb::FileAction::Batch) => FileAction::Batch,
        },
        file_type: text(file_type),
        size,
        node_id: maybe_id(&node_id).at("node_id")?,
        step_id: text(step_id),
        files_tracked,
    })
}

pub(super) fn failure_reported(it: pb::FailureReported) -> Read<FailureReported> {
    let pb::FailureReported { failure: failed, step_id } = it;
    let Some(failure) = failure(failed).at("failure")? else {
        return invalid("required").at("failure");
    };
    Ok(FailureReported { failure, step_id: text(step_id) })
}

pub(super) fn events_dropped(it: pb::EventsDropped) -> Read<EventsDropped> {
    let pb::EventsDropped { count, reason, first_drop_time, last_drop_time } = it;
    Ok(EventsDropped {
        count,
        reason: match pb::DropReason::try_from(reason) {
            Ok(pb::DropReason::Unspecified) | Err(_) => DropReason::Unspecified,
            Ok(pb::DropReason::OutboxFull) => DropReason::OutboxFull,
            Ok(pb::DropReason::TooLarge) => DropReason::TooLarge,
            Ok(pb::DropReason::Sampled) => DropReason::Sampled,
            Ok(pb::DropReason::Shutdown) => DropReason::Shutdown,
        },
        first_drop_time: time(first_drop_time).at("first_drop_time")?,
        last_drop_time: time(last_drop_time).at("last_drop_time")?,
    })
}

/// `workflow_id`: as its batch has it.
pub(super) fn workflow_changed(
    workflow_id: WorkflowId,
    it: pb::WorkflowChanged,
) -> Read<WorkflowChanged> {
    let pb::WorkflowChanged { workflow_id: _, action, workflow } = it;
    Ok(WorkflowChanged {
        workflow_id,
        action: match pb::WorkflowAction::try_from(action) {
            Ok(pb::WorkflowAction::Created) => WorkflowAction::Created,
            Ok(pb::WorkflowAction::Unspecified | pb::WorkflowAction::Updated) | Err(_) => {
                WorkflowAction::Updated
            }
            Ok(pb::WorkflowAction::Deleted) => WorkflowAction::Deleted,
        },
        workflow: json(workflow).at("workflow")?,
    })
}

pub(super) fn captured(it: pb::Captured) -> Read<Captured> {
    let pb::Captured {
        captured_event_id,
        event_type,
        event_subtype,
        agent,
        node_id,
        execution_order,
        depth,
        data,
    } = it;
    Ok(Captured {
        captured_event_id: required(captured_event_id).at("captured_event_id")?,
        event_type: required(event_type).at("event_type")?,
        event_subtype: text(event_subtype),
        agent: text(agent),
        node_id: maybe_id(&node_id).at("node_id")?,
        execution_order,
        depth,
        data: json(data).at("data")?,
    })
}

pub(super) fn opaque(it: pb::Opaque) -> Read<Opaque> {
    let pb::Opaque { protocol, json, priority, replay, state_key } = it;
    Ok(Opaque {
        protocol: required(protocol).at("protocol")?,
        json: json_object(json).at("json")?,
        priority: match pb::Priority::try_from(priority) {
            Ok(pb::Priority::Unspecified | pb::Priority::Stream) | Err(_) => Priority::Stream,
            Ok(pb::Priority::State) => Priority::State,
            Ok(pb::Priority::Critical) => Priority::Critical,
        },
        replay,
        state_key: text(state_key),
    })
}
