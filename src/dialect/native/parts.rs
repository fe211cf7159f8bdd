//! The parts of an execution as the native protocol shows them: nodes, edges, cost, producers, and
//! what is said of it as a whole.
//!
//! A part is written by the same code in a record's frame and in a snapshot, so the two can't
//! differ. Every struct is taken apart field by field: a new field has to be decided upon here.

use serde::ser::SerializeMap;

use super::words::Word;
use crate::dialect::object::{Fields, List, Object, Put, Shown, time};
use crate::model::{
    Capabilities, Cost, Edge, Ending, Failure, GraphEdge, GraphNode, Info, Label, Node, NodeId,
    NodeMetrics, Outline, Presence, ProducerId, Progress, Timestamp, Totals,
};

/// Microseconds.
pub(super) fn micros(duration: std::time::Duration) -> u64 {
    u64::try_from(duration.as_micros()).unwrap_or(u64::MAX)
}

/// A list of names.
pub(super) fn names(nodes: &[NodeId]) -> List<impl Iterator<Item = &str> + Clone> {
    List(nodes.iter().map(NodeId::as_str))
}

/// A list of names with values.
pub(super) fn labels(
    labels: &[Label],
) -> Option<List<impl Iterator<Item = Object<&Label>> + Clone>> {
    (!labels.is_empty()).then(|| List(labels.iter().map(Object)))
}

impl Fields for Label {
    fn fields<M: SerializeMap>(&self, to: &mut M) -> Result<(), M::Error> {
        let Self { key, value } = self;
        to.put("key", key)?;
        to.put("value", value)
    }
}

impl Fields for Progress {
    fn fields<M: SerializeMap>(&self, to: &mut M) -> Result<(), M::Error> {
        let Self { status, nodes, running, waiting, completed, failed, open_gates } = self;
        to.put("status", status.word())?;
        to.put("nodes", nodes)?;
        to.put("running", running)?;
        to.put("waiting", waiting)?;
        to.put("completed", completed)?;
        to.put("failed", failed)?;
        to.put("open_gates", open_gates)
    }
}

impl Fields for Outline {
    fn fields<M: SerializeMap>(&self, to: &mut M) -> Result<(), M::Error> {
        // Its gates say which nodes they hold.
        let Self { info, native_status, reason, fraction, current_node, message, held: _, ending } =
            self;
        info.fields(to)?;
        to.maybe("native_status", native_status.as_ref())?;
        to.maybe("reason", reason.as_ref())?;
        to.maybe("fraction", *fraction)?;
        to.maybe("current_node_id", current_node.as_ref().map(NodeId::as_str))?;
        to.maybe("message", message.as_ref())?;
        to.maybe("ending", ending.as_ref().map(Object))
    }
}

impl Fields for Info {
    fn fields<M: SerializeMap>(&self, to: &mut M) -> Result<(), M::Error> {
        let Self {
            name,
            workflow_id,
            session_id,
            aliases,
            task,
            input,
            agent,
            model,
            work_dir,
            planned_nodes,
            labels: named,
            traceparent,
            start_time,
            requested_by,
            parent_execution_id,
            started_by,
        } = self;
        to.maybe("name", name.as_ref())?;
        to.maybe("workflow_id", workflow_id.as_ref().map(|it| it.as_str()))?;
        to.maybe("session_id", session_id.as_ref())?;
        let aliases = (!aliases.is_empty()).then(|| List(aliases.iter().map(|it| it.as_str())));
        to.maybe("aliases", aliases)?;
        to.maybe("task", task.as_ref())?;
        to.json("input", input.as_ref())?;
        to.maybe("agent", agent.as_ref())?;
        to.maybe("model", model.as_ref())?;
        to.maybe("work_dir", work_dir.as_ref())?;
        to.maybe("planned_nodes", *planned_nodes)?;
        to.maybe("labels", labels(named))?;
        to.maybe("traceparent", traceparent.as_ref())?;
        to.maybe("start_time", time(*start_time))?;
        to.maybe("requested_by", requested_by.as_ref())?;
        to.maybe("parent_execution_id", parent_execution_id.as_ref())?;
        to.maybe("started_by", started_by.as_ref().map(ProducerId::as_str))
    }
}

impl Fields for Ending {
    fn fields<M: SerializeMap>(&self, to: &mut M) -> Result<(), M::Error> {
        let Self {
            status,
            results,
            output,
            failure,
            reason,
            nodes_completed,
            nodes_failed,
            duration_micros,
            finish_time,
        } = self;
        to.put("status", status.word())?;
        to.json("results", results.as_ref())?;
        to.json("output", output.as_ref())?;
        to.maybe("failure", failure.as_ref().map(Object))?;
        to.maybe("reason", reason.as_ref())?;
        to.put("nodes_completed", nodes_completed)?;
        to.put("nodes_failed", nodes_failed)?;
        to.maybe("duration_us", *duration_micros)?;
        to.put("finish_time", &Shown(finish_time))
    }
}

impl Fields for Failure {
    fn fields<M: SerializeMap>(&self, to: &mut M) -> Result<(), M::Error> {
        let Self { error_type, message, traceback, node_id } = self;
        to.put("message", message)?;
        to.maybe("error_type", error_type.as_ref())?;
        to.maybe("traceback", traceback.as_ref())?;
        to.maybe("node_id", node_id.as_ref().map(NodeId::as_str))
    }
}

/// One of the failures that did not end an execution.
pub(super) struct Mishap<'a>(pub Timestamp, pub &'a Failure);

impl Fields for Mishap<'_> {
    fn fields<M: SerializeMap>(&self, to: &mut M) -> Result<(), M::Error> {
        to.put("time", &Shown(self.0))?;
        self.1.fields(to)
    }
}

impl Fields for Node {
    fn fields<M: SerializeMap>(&self, to: &mut M) -> Result<(), M::Error> {
        Brief(self).fields(to)?;
        // What `Brief` has written is left out here, and what stands here there.
        let Self { input, output, failure, metrics, start_time, finish_time, extra, .. } = self;
        to.json("input", input.as_ref())?;
        to.json("output", output.as_ref())?;
        to.maybe("failure", failure.as_ref().map(Object))?;
        to.maybe("metrics", metrics.as_ref().map(Object))?;
        to.maybe("start_time", time(*start_time))?;
        to.maybe("finish_time", time(*finish_time))?;
        to.json("extra", extra.as_ref())
    }
}

/// A node without what may be large: in the frame of a graph, which may name all nodes at once.
pub(super) struct Brief<'a>(pub &'a Node);

impl Fields for Brief<'_> {
    fn fields<M: SerializeMap>(&self, to: &mut M) -> Result<(), M::Error> {
        let Node {
            id,
            status,
            attempt,
            native_status,
            reason,
            graph,
            label,
            agent,
            goal,
            step_id,
            step_number,
            input: _,
            output: _,
            failure: _,
            metrics: _,
            start_time: _,
            finish_time: _,
            extra: _,
            fraction,
            progress_message,
            retry,
            since,
            began: _,
            ended: _,
        } = self.0;
        to.put("node_id", id.as_str())?;
        to.put("status", status.word())?;
        to.put("node_attempt", attempt)?;
        to.put("since_seq", &since.0)?;
        to.maybe("native_status", native_status.as_ref())?;
        to.maybe("reason", reason.as_ref())?;
        to.maybe("label", label.as_ref())?;
        to.maybe("agent", agent.as_ref())?;
        to.maybe("goal", goal.as_ref())?;
        to.maybe("step_id", step_id.as_ref())?;
        to.maybe("step_number", *step_number)?;
        to.maybe("fraction", *fraction)?;
        to.maybe("progress_message", progress_message.as_ref())?;
        if let Some((phase, number)) = retry {
            to.put("retry_phase", phase.word())?;
            to.put("retry_number", number)?;
        }
        to.maybe("graph", graph.as_deref().map(Object))
    }
}

impl Fields for NodeMetrics {
    fn fields<M: SerializeMap>(&self, to: &mut M) -> Result<(), M::Error> {
        let Self { input_tokens, output_tokens, cost_usd_nanos, duration, retries, model, extra } =
            self;
        to.maybe("input_tokens", *input_tokens)?;
        to.maybe("output_tokens", *output_tokens)?;
        to.money("cost", "cost_usd", *cost_usd_nanos)?;
        to.maybe("duration_us", duration.map(micros))?;
        to.maybe("retries", *retries)?;
        to.maybe("model", model.as_ref())?;
        to.json("extra", extra.as_ref())
    }
}

impl Fields for GraphNode {
    fn fields<M: SerializeMap>(&self, to: &mut M) -> Result<(), M::Error> {
        let Self {
            node_id: _,
            label,
            node_type,
            parent_node_id,
            agent,
            description,
            goal,
            step_id,
            step_number,
            extra,
        } = self;
        to.maybe("label", label.as_ref())?;
        to.maybe("node_type", node_type.as_ref())?;
        to.maybe("parent_node_id", parent_node_id.as_ref().map(NodeId::as_str))?;
        to.maybe("agent", agent.as_ref())?;
        to.maybe("description", description.as_ref())?;
        to.maybe("goal", goal.as_ref())?;
        to.maybe("step_id", step_id.as_ref())?;
        to.maybe("step_number", *step_number)?;
        to.json("extra", extra.as_ref())
    }
}

/// The two ends of an edge.
pub(super) struct Ends<'a>(pub &'a (NodeId, NodeId));

impl Fields for Ends<'_> {
    fn fields<M: SerializeMap>(&self, to: &mut M) -> Result<(), M::Error> {
        let (source, target) = self.0;
        to.put("source", source.as_str())?;
        to.put("target", target.as_str())
    }
}

/// An edge with its ends.
pub(super) struct Drawn<'a>(pub &'a (NodeId, NodeId), pub &'a Edge);

impl Fields for Drawn<'_> {
    fn fields<M: SerializeMap>(&self, to: &mut M) -> Result<(), M::Error> {
        Ends(self.0).fields(to)?;
        let Edge { graph, active } = self.1;
        to.put("active", active)?;
        let Some(graph) = graph else { return Ok(()) };
        let GraphEdge { source: _, target: _, edge_id, edge_type, label, extra } = &**graph;
        to.maybe("edge_id", edge_id.as_ref())?;
        to.maybe("edge_type", edge_type.as_ref())?;
        to.maybe("label", label.as_ref())?;
        to.json("extra", extra.as_ref())
    }
}

impl Fields for Cost {
    fn fields<M: SerializeMap>(&self, to: &mut M) -> Result<(), M::Error> {
        let Self { spent, budget_usd_nanos } = self;
        spent.fields(to)?;
        to.money("budget", "budget", *budget_usd_nanos)?;
        to.money("remaining", "remaining", self.remaining_usd_nanos())
    }
}

impl Fields for Totals {
    fn fields<M: SerializeMap>(&self, to: &mut M) -> Result<(), M::Error> {
        let Self { usd_nanos, input_tokens, output_tokens, tokens } = self;
        to.money("spent", "spent", Some(*usd_nanos))?;
        to.put("input_tokens", input_tokens)?;
        to.put("output_tokens", output_tokens)?;
        to.put("total_tokens", tokens)
    }
}

/// What one producer has spent.
pub(super) struct Spender<'a>(pub &'a ProducerId, pub &'a Totals);

impl Fields for Spender<'_> {
    fn fields<M: SerializeMap>(&self, to: &mut M) -> Result<(), M::Error> {
        to.put("producer_id", self.0.as_str())?;
        self.1.fields(to)
    }
}

/// A producer with its name.
pub(super) struct Producer<'a>(pub &'a ProducerId, pub &'a Presence);

impl Fields for Producer<'_> {
    fn fields<M: SerializeMap>(&self, to: &mut M) -> Result<(), M::Error> {
        let Presence { attached, epoch, pseq, capabilities } = self.1;
        to.put("producer_id", self.0.as_str())?;
        to.put("attached", attached)?;
        to.put("producer_epoch", &epoch.0)?;
        to.put("last_pseq", &pseq.0)?;
        to.put("capabilities", &Object(capabilities))
    }
}

impl Fields for Capabilities {
    fn fields<M: SerializeMap>(&self, to: &mut M) -> Result<(), M::Error> {
        let Self { pause, resume, cancel, custom_types } = self;
        to.put("pause", pause)?;
        to.put("resume", resume)?;
        to.put("cancel", cancel)?;
        to.put("custom_types", custom_types)
    }
}
