//! Events about executions, nodes and graphs.

use super::value::{
    ANY, At, Read, duration, each, failure, id, invalid, json, labels, maybe_id, share, text, time,
};
use crate::engine::pb;
use crate::model::{
    Alias, ExecutionFinished, ExecutionId, ExecutionProgressed, ExecutionStarted, ExecutionStatus,
    ExecutionStatusChanged, GraphDeclared, GraphEdge, GraphMutated, GraphNode, Kind, NodeChanged,
    NodeId, NodeMetrics, NodeProgressed, NodeRetried, NodeStatus, RetryPhase, Text,
};

/// Aliases of one execution.
const ALIASES: usize = 16;
/// Suggestions at one retry.
const SUGGESTIONS: usize = 32;
/// Nodes that one event may declare: as many as an execution may have.
const NODES: usize = 10_000;

/// An enum's value on the wire: not stated, understood, or of a later time.
pub(super) enum Stated<T> {
    Nothing,
    As(T),
    Unknown(i32),
}

impl<T> Stated<T> {
    /// What is not understood is as good as not stated …
    pub(super) fn understood(self) -> Option<T> {
        match self {
            Self::As(it) => Some(it),
            Self::Nothing | Self::Unknown(_) => None,
        }
    }

    /// … but its number is kept where the engine's own word would stand.
    fn or_native(self, native: String) -> (Option<T>, Option<Text>) {
        let number = match self {
            Self::Unknown(number) if native.is_empty() => Some(format!("UNKNOWN({number})").into()),
            Self::Nothing | Self::As(_) | Self::Unknown(_) => text(native),
        };
        (self.understood(), number)
    }
}

fn execution_status(number: i32) -> Stated<ExecutionStatus> {
    use pb::ExecutionStatus as Pb;
    Stated::As(match Pb::try_from(number) {
        Err(_) => return Stated::Unknown(number),
        Ok(Pb::Unspecified) => return Stated::Nothing,
        Ok(Pb::Created) => ExecutionStatus::Created,
        Ok(Pb::Planning) => ExecutionStatus::Planning,
        Ok(Pb::Running) => ExecutionStatus::Running,
        Ok(Pb::WaitingGate) => ExecutionStatus::WaitingGate,
        Ok(Pb::Pausing) => ExecutionStatus::Pausing,
        Ok(Pb::Paused) => ExecutionStatus::Paused,
        Ok(Pb::Cancelling) => ExecutionStatus::Cancelling,
        Ok(Pb::Completed) => ExecutionStatus::Completed,
        Ok(Pb::Failed) => ExecutionStatus::Failed,
        Ok(Pb::Cancelled) => ExecutionStatus::Cancelled,
        Ok(Pb::TimedOut) => ExecutionStatus::TimedOut,
    })
}

pub(super) fn node_status(number: i32) -> Stated<NodeStatus> {
    use pb::NodeStatus as Pb;
    Stated::As(match Pb::try_from(number) {
        Err(_) => return Stated::Unknown(number),
        Ok(Pb::Unspecified) => return Stated::Nothing,
        Ok(Pb::Pending) => NodeStatus::Pending,
        Ok(Pb::Ready) => NodeStatus::Ready,
        Ok(Pb::Queued) => NodeStatus::Queued,
        Ok(Pb::Running) => NodeStatus::Running,
        Ok(Pb::WaitingGate) => NodeStatus::WaitingGate,
        Ok(Pb::Paused) => NodeStatus::Paused,
        Ok(Pb::Retrying) => NodeStatus::Retrying,
        Ok(Pb::Completed) => NodeStatus::Completed,
        Ok(Pb::Failed) => NodeStatus::Failed,
        Ok(Pb::Skipped) => NodeStatus::Skipped,
        Ok(Pb::Cancelled) => NodeStatus::Cancelled,
        Ok(Pb::Mutated) => NodeStatus::Mutated,
    })
}

/// An execution's other names.
pub(super) fn aliases(stated: Vec<String>) -> Read<Vec<Alias>> {
    each(stated, "aliases", ALIASES, |alias| id(&alias))
}

pub(super) fn execution_started(it: pb::ExecutionStarted) -> Read<ExecutionStarted> {
    let pb::ExecutionStarted {
        name,
        workflow_id,
        session_id,
        aliases: named,
        task,
        input,
        agent,
        model,
        work_dir,
        planned_nodes,
        budget_usd_nanos,
        labels: labelled,
        traceparent,
        command_id,
        start_time,
        requested_by,
        parent_execution_id,
    } = it;
    // The model keeps the parent as text, for nothing is looked up by it; it is a name all the same.
    let _: Option<ExecutionId> = maybe_id(&parent_execution_id).at("parent_execution_id")?;
    Ok(ExecutionStarted {
        name: text(name),
        workflow_id: maybe_id(&workflow_id).at("workflow_id")?,
        session_id: text(session_id),
        aliases: aliases(named)?,
        task: text(task),
        input: json(input).at("input")?,
        agent: text(agent),
        model: text(model),
        work_dir: text(work_dir),
        planned_nodes,
        budget_usd_nanos,
        labels: labels(labelled)?,
        traceparent: text(traceparent),
        command_id: maybe_id(&command_id).at("command_id")?,
        start_time: time(start_time).at("start_time")?,
        requested_by: text(requested_by),
        parent_execution_id: text(parent_execution_id),
    })
}

pub(super) fn execution_status_changed(
    it: pb::ExecutionStatusChanged,
) -> Read<ExecutionStatusChanged> {
    let pb::ExecutionStatusChanged { status, native_status, reason } = it;
    let (status, native_status) = execution_status(status).or_native(native_status);
    if status.is_some_and(ExecutionStatus::is_final) {
        return invalid("execution_finished states the end").at("status");
    }
    Ok(ExecutionStatusChanged { status, native_status, reason: text(reason) })
}

pub(super) fn execution_finished(it: pb::ExecutionFinished) -> Read<ExecutionFinished> {
    let pb::ExecutionFinished {
        status,
        results,
        output,
        failure: failed,
        reason,
        nodes_completed,
        nodes_failed,
        duration: took,
        native_status,
        finish_time,
    } = it;
    let (status, native_status) = execution_status(status).or_native(native_status);
    let Some(status) = status.filter(|status| status.is_final()) else {
        return invalid("COMPLETED, FAILED, CANCELLED or TIMED_OUT").at("status");
    };
    Ok(ExecutionFinished {
        status,
        results: json(results).at("results")?,
        output: json(output).at("output")?,
        failure: failure(failed).at("failure")?,
        reason: text(reason),
        nodes_completed,
        nodes_failed,
        duration: duration(took).at("duration")?,
        native_status,
        finish_time: time(finish_time).at("finish_time")?,
    })
}

pub(super) fn execution_progressed(it: pb::ExecutionProgressed) -> Read<ExecutionProgressed> {
    let pb::ExecutionProgressed { fraction, current_node_id, message } = it;
    Ok(ExecutionProgressed {
        fraction: share(fraction).at("fraction")?,
        current_node_id: maybe_id(&current_node_id).at("current_node_id")?,
        message: text(message),
    })
}

pub(super) fn node_changed(it: pb::NodeChanged) -> Read<NodeChanged> {
    let pb::NodeChanged {
        node_id,
        status,
        node_attempt,
        native_status,
        reason,
        label,
        agent,
        goal,
        step_id,
        step_number,
        input,
        output,
        failure: failed,
        metrics: measured,
        start_time,
        finish_time,
        extra,
    } = it;
    let (status, native_status) = node_status(status).or_native(native_status);
    Ok(NodeChanged {
        node_id: id(&node_id).at("node_id")?,
        status,
        node_attempt,
        native_status,
        reason: text(reason),
        label: text(label),
        agent: text(agent),
        goal: text(goal),
        step_id: text(step_id),
        step_number,
        input: json(input).at("input")?,
        output: json(output).at("output")?,
        failure: failure(failed).at("failure")?,
        metrics: measured.map(metrics).transpose().at("metrics")?,
        start_time: time(start_time).at("start_time")?,
        finish_time: time(finish_time).at("finish_time")?,
        extra: json(extra).at("extra")?,
    })
}

fn metrics(it: pb::NodeMetrics) -> Read<NodeMetrics> {
    let pb::NodeMetrics {
        input_tokens,
        output_tokens,
        cost_usd_nanos,
        duration: took,
        retries,
        model,
        extra,
    } = it;
    Ok(NodeMetrics {
        input_tokens,
        output_tokens,
        cost_usd_nanos,
        duration: duration(took).at("duration")?,
        retries,
        model: text(model),
        extra: json(extra).at("extra")?,
    })
}

pub(super) fn node_progressed(it: pb::NodeProgressed) -> Read<NodeProgressed> {
    let pb::NodeProgressed { node_id, fraction, message } = it;
    Ok(NodeProgressed {
        node_id: id(&node_id).at("node_id")?,
        fraction: share(fraction).at("fraction")?,
        message: text(message),
    })
}

pub(super) fn node_retried(it: pb::NodeRetried) -> Read<NodeRetried> {
    let pb::NodeRetried {
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
    let suggested = |suggestion: String| Ok(Text::from(suggestion));
    Ok(NodeRetried {
        node_id: id(&node_id).at("node_id")?,
        phase: match pb::RetryPhase::try_from(phase) {
            Ok(pb::RetryPhase::Unspecified | pb::RetryPhase::Started) | Err(_) => {
                RetryPhase::Started
            }
            Ok(pb::RetryPhase::BackingOff) => RetryPhase::BackingOff,
            Ok(pb::RetryPhase::Succeeded) => RetryPhase::Succeeded,
            Ok(pb::RetryPhase::Exhausted) => RetryPhase::Exhausted,
        },
        retry_number,
        max_retries,
        error_category: text(error_category),
        error_pattern: text(error_pattern),
        success_probability: share(success_probability).at("success_probability")?,
        strategy: text(strategy),
        suggestions: each(suggestions, "suggestions", SUGGESTIONS, suggested)?,
        backoff: duration(backoff).at("backoff")?,
        next_attempt_time: time(next_attempt_time).at("next_attempt_time")?,
        error: text(error),
        has_user_feedback,
    })
}

pub(super) fn graph_declared(it: pb::GraphDeclared) -> Read<GraphDeclared> {
    let pb::GraphDeclared { nodes, edges, replace, removed_node_ids, removed_edges } = it;
    Ok(GraphDeclared {
        nodes: each(nodes, "nodes", NODES, graph_node)?,
        edges: each(edges, "edges", ANY, graph_edge)?,
        replace,
        removed_node_ids: each(removed_node_ids, "removed_node_ids", ANY, |node| id(&node))?,
        removed_edges: each(removed_edges, "removed_edges", ANY, edge_ref)?,
    })
}

fn graph_node(it: pb::GraphNode) -> Read<GraphNode> {
    let pb::GraphNode {
        node_id,
        label,
        node_type,
        parent_node_id,
        agent,
        description,
        goal,
        step_id,
        step_number,
        extra,
    } = it;
    Ok(GraphNode {
        node_id: id(&node_id).at("node_id")?,
        label: text(label),
        node_type: text(node_type),
        parent_node_id: maybe_id(&parent_node_id).at("parent_node_id")?,
        agent: text(agent),
        description: text(description),
        goal: text(goal),
        step_id: text(step_id),
        step_number,
        extra: json(extra).at("extra")?,
    })
}

fn graph_edge(it: pb::GraphEdge) -> Read<GraphEdge> {
    let pb::GraphEdge { source_node_id, target_node_id, edge_id, edge_type, label, extra } = it;
    Ok(GraphEdge {
        source: id(&source_node_id).at("source_node_id")?,
        target: id(&target_node_id).at("target_node_id")?,
        edge_id: text(edge_id),
        edge_type: text(edge_type),
        label: text(label),
        extra: json(extra).at("extra")?,
    })
}

fn edge_ref(it: pb::GraphEdgeRef) -> Read<(NodeId, NodeId)> {
    let pb::GraphEdgeRef { source_node_id, target_node_id } = it;
    let source = id(&source_node_id).at("source_node_id")?;
    Ok((source, id(&target_node_id).at("target_node_id")?))
}

pub(super) fn graph_mutated(it: pb::GraphMutated) -> Read<GraphMutated> {
    let pb::GraphMutated {
        mutation_id,
        mutation_kind,
        trigger,
        reason,
        recommended_by,
        affected_node_ids,
        change,
        mutation,
    } = it;
    Ok(GraphMutated {
        mutation_id: text(mutation_id),
        mutation_kind: text(mutation_kind),
        trigger: text(trigger),
        reason: text(reason),
        recommended_by: text(recommended_by),
        affected_node_ids: each(affected_node_ids, "affected_node_ids", ANY, |node| id(&node))?,
        change: change.map(graph_declared).transpose().at("change")?,
        mutation: json(mutation).at("mutation")?,
    })
}

pub(super) fn edge_activated(it: pb::EdgeActivated) -> Read<Kind> {
    let pb::EdgeActivated { from_node_id, to_node_id } = it;
    let from = id(&from_node_id).at("from_node_id")?;
    Ok(Kind::EdgeActivated { from, to: id(&to_node_id).at("to_node_id")? })
}
