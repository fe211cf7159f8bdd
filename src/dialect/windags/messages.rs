//! The protocol's messages, and what is put together where an engine has no words of its own.

use std::collections::BTreeMap;

use serde::ser::SerializeMap;
use serde_json::value::RawValue;

use crate::dialect::object::{Fields, List, Object, Put, Raw, Shown, time, usd};
use crate::model::{
    Classification, GateOpened, GraphDeclared, GraphMutated, Json, Node, NodeId, NodeMetrics,
    Nodes, Record, Timestamp,
};

/// What there is to say.
pub(super) enum Message<'a> {
    /// The whole node, each time, with its status in the protocol's words.
    NodeState(&'a Node, &'static str),
    EdgeActive(&'a NodeId, &'a NodeId),
    DagMutated(&'a GraphMutated, &'a Record),
    /// In nanos.
    CostUpdate {
        spent: i64,
        budget: i64,
        remaining: i64,
    },
    /// As the engine has it, or the nodes' outputs.
    ExecutionComplete(Option<&'a Json>, &'a Nodes),
    HumanGateWaiting(Waiting<'a>),
    /// The node, if one is to blame, and what to show.
    Error(Option<&'a str>, &'a str),
    /// The answer to one.
    Heartbeat,
    /// The answer to a ping.
    Pong,
}

impl Fields for Message<'_> {
    fn fields<M: SerializeMap>(&self, to: &mut M) -> Result<(), M::Error> {
        match self {
            Self::NodeState(node, status) => {
                to.put("type", "node_state")?;
                to.put("node_id", node.id.as_str())?;
                to.put("status", status)?;
                to.maybe("output", node.output.as_ref().map(Raw))?;
                to.maybe("metrics", node.metrics.as_ref().map(|it| Object(Metrics(it))))
            }
            Self::EdgeActive(source, target) => {
                to.put("type", "edge_active")?;
                to.put("from", source.as_str())?;
                to.put("to", target.as_str())
            }
            Self::DagMutated(mutated, record) => {
                to.put("type", "dag_mutated")?;
                match &mutated.mutation {
                    Some(mutation) => to.put("mutation", &Raw(mutation)),
                    None => to.put("mutation", &Object(Mutation(mutated, record))),
                }
            }
            Self::CostUpdate { spent, budget, remaining } => {
                to.put("type", "cost_update")?;
                to.put("spent", &usd(*spent))?;
                to.put("budget", &usd(*budget))?;
                to.put("remaining", &usd(*remaining))
            }
            Self::ExecutionComplete(results, nodes) => {
                to.put("type", "execution_complete")?;
                // Its clients look things up in it, so it is an object whatever the engine says.
                match results.filter(|it| it.text.trim() != "null") {
                    Some(results) if results.text.trim_start().starts_with('{') => {
                        to.put("results", &Raw(results))
                    }
                    Some(results) => to.put("results", &Object(Wrapped(results))),
                    None => to.put("results", &Object(Outputs(nodes))),
                }
            }
            Self::HumanGateWaiting(waiting) => {
                let asked = waiting.asked;
                to.put("type", "human_gate_waiting")?;
                // A decision names the node; a gate without one goes by its own name.
                let node = asked.node_id.as_ref().map_or(asked.gate_id.as_str(), NodeId::as_str);
                to.put("node_id", node)?;
                match &asked.presentation {
                    Some(presentation) => to.put("presentation", &Raw(presentation)),
                    None => to.put("presentation", &Object(waiting)),
                }
            }
            Self::Error(node, message) => {
                to.put("type", "error")?;
                to.maybe("node_id", *node)?;
                to.put("message", message)
            }
            Self::Heartbeat => to.put("type", "heartbeat"),
            Self::Pong => to.put("type", "pong"),
        }
    }
}

/// Results that are no object.
struct Wrapped<'a>(&'a Json);

impl Fields for Wrapped<'_> {
    fn fields<M: SerializeMap>(&self, to: &mut M) -> Result<(), M::Error> {
        to.put("result", &Raw(self.0))
    }
}

/// What the nodes have made.
struct Outputs<'a>(&'a Nodes);

impl Fields for Outputs<'_> {
    fn fields<M: SerializeMap>(&self, to: &mut M) -> Result<(), M::Error> {
        self.0
            .values()
            .try_for_each(|node| to.maybe(node.id.as_str(), node.output.as_ref().map(Raw)))
    }
}

struct Metrics<'a>(&'a NodeMetrics);

impl Fields for Metrics<'_> {
    fn fields<M: SerializeMap>(&self, to: &mut M) -> Result<(), M::Error> {
        let NodeMetrics {
            input_tokens,
            output_tokens,
            cost_usd_nanos,
            duration,
            retries,
            model,
            extra,
        } = self.0;
        to.maybe("input_tokens", *input_tokens)?;
        to.maybe("output_tokens", *output_tokens)?;
        to.maybe("total_cost_usd", cost_usd_nanos.map(usd))?;
        to.maybe("duration_ms", duration.map(|it| it.as_millis()))?;
        to.maybe("retries", *retries)?;
        to.maybe("model_used", model.as_ref())?;
        // What else an engine measures stands beside them, as far as the name is free.
        let extra = extra.as_ref().map(|it| serde_json::from_str(&it.text));
        let Some(Ok(extra)): Option<Result<BTreeMap<String, &RawValue>, _>> = extra else {
            return Ok(());
        };
        let taken = [
            ("input_tokens", input_tokens.is_some()),
            ("output_tokens", output_tokens.is_some()),
            ("total_cost_usd", cost_usd_nanos.is_some()),
            ("duration_ms", duration.is_some()),
            ("retries", retries.is_some()),
            ("model_used", model.is_some()),
        ];
        let free = |name: &str| !taken.contains(&(name, true));
        extra.iter().filter(|(name, _)| free(name)).try_for_each(|(name, it)| to.put(name, it))
    }
}

/// A change of the graph, for an engine that has no mutation of its own to show.
struct Mutation<'a>(&'a GraphMutated, &'a Record);

impl Fields for Mutation<'_> {
    fn fields<M: SerializeMap>(&self, to: &mut M) -> Result<(), M::Error> {
        let Self(mutated, record) = self;
        let none = GraphDeclared::default();
        let change = mutated.change.as_ref().unwrap_or(&none);
        let event_id = record.position.to_string();
        to.put("id", mutated.mutation_id.as_deref().unwrap_or(&event_id))?;
        to.put("timestamp", &Shown(record.time))?;
        let kind = mutated.mutation_kind.as_deref().unwrap_or_else(|| kind(change));
        to.put("mutation_type", kind)?;
        let trigger = mutated.trigger.as_ref().or(mutated.reason.as_ref());
        to.put("trigger", trigger.map_or("", |it| it))?;
        let stated = &mutated.affected_node_ids;
        let changed = change.nodes.iter().map(|node| &node.node_id).chain(&change.removed_node_ids);
        let changed = changed.filter(|_| stated.is_empty());
        to.put("affected_nodes", &List(stated.iter().chain(changed).map(NodeId::as_str)))?;
        // What was there before is not kept: null says so.
        to.put("before_snapshot", &())?;
        to.put("after_snapshot", &Object(Added(change)))?;
        to.put("recommending_agent", &mutated.recommended_by)
    }
}

/// What a change amounts to, where its engine does not name it.
fn kind(change: &GraphDeclared) -> &'static str {
    match (change.nodes.is_empty(), change.removed_node_ids.is_empty(), change.edges.is_empty()) {
        (false, false, _) => "replace_node",
        (false, true, _) => "add_node",
        (true, false, _) => "remove_node",
        (true, true, false) => "add_edge",
        (true, true, true) => "expand_vague",
    }
}

/// The nodes and edges that a change states.
struct Added<'a>(&'a GraphDeclared);

impl Fields for Added<'_> {
    fn fields<M: SerializeMap>(&self, to: &mut M) -> Result<(), M::Error> {
        let change = self.0;
        to.put("nodes", &List(change.nodes.iter().map(|node| node.node_id.as_str())))?;
        let edges = change.edges.iter().map(|edge| [edge.source.as_str(), edge.target.as_str()]);
        to.put("edges", &List(edges))
    }
}

/// An open gate, for an engine that does not say how to present it.
pub(super) struct Waiting<'a> {
    pub(super) asked: &'a GateOpened,
    pub(super) opened: Timestamp,
    pub(super) node: Option<&'a Node>,
}

impl Fields for Waiting<'_> {
    fn fields<M: SerializeMap>(&self, to: &mut M) -> Result<(), M::Error> {
        let Self { asked, opened, node } = self;
        let title = asked.title.as_deref().or(node.map(Node::title));
        let title = title.unwrap_or(asked.gate_id.as_str());
        to.put("gate_id", asked.gate_id.as_str())?;
        to.put("title", title)?;
        to.put("prompt", asked.prompt.as_deref().unwrap_or(title))?;
        to.maybe("context", asked.context.as_ref().map(Raw))?;
        to.maybe("output", node.and_then(|it| it.output.as_ref()).map(Raw))?;
        to.maybe("confidence", asked.advice.iter().find_map(|advice| advice.confidence))?;
        to.put("outcomes", &List(asked.options.iter().map(|option| &option.option_id)))?;
        let window = asked.deadline_time.map(|deadline| opened.until(deadline).as_millis());
        to.maybe("timeout_ms", window)?;
        to.maybe("deadline", time(asked.deadline_time))?;
        to.maybe(
            "classification",
            asked.classification.map(|it| match it {
                Classification::Irreversible => "IRREVERSIBLE",
                Classification::QualityCheck => "QUALITY_CHECK",
                Classification::Calibration => "CALIBRATION",
            }),
        )
    }
}
