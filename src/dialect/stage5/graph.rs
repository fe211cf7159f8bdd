//! The graph, which the protocol says as a whole: `dag_created`, `dag_updated`.

use std::collections::BTreeMap;

use serde::ser::SerializeMap;
use serde_json::value::RawValue;

use super::words::{self, among};
use crate::core::Execution;
use crate::dialect::object::{Fields, List, Object, Put, Raw, Shown, time};
use crate::model::{GraphEdge, GraphNode, Json, Node, NodeId, NodeStatus};

/// Kinds of node that clients have a look for.
const TYPES: &[&str] =
    &["planning", "control", "agent", "approval", "parallel", "parallel_group", "terminator"];
/// Kinds of edge.
const DEPENDENCIES: &[&str] = &["sequential", "parallel", "conditional", "optional"];
/// What an engine may say of a node in this protocol's words, beside what the model has.
const EXTRAS: &[&str] = &["task", "summary", "insights", "bullet_points", "retry_info"];

/// All of it.
pub(super) struct Graph<'a> {
    run: &'a str,
    state: &'a Execution,
    /// How far each node is from a beginning.
    depths: BTreeMap<&'a NodeId, usize>,
}

impl<'a> Graph<'a> {
    pub(super) fn of(run: &'a str, state: &'a Execution) -> Self {
        Self { run, state, depths: depths(state) }
    }
}

/// The longest way to each node. Whatever lies on a circle, or behind one, counts from where the
/// circle is entered, if it is.
fn depths(state: &Execution) -> BTreeMap<&NodeId, usize> {
    let mut depths: BTreeMap<&NodeId, usize> = state.nodes.keys().map(|id| (id, 0)).collect();
    let mut follow: BTreeMap<&NodeId, Vec<&NodeId>> = BTreeMap::new();
    let mut missing: BTreeMap<&NodeId, usize> = BTreeMap::new();
    for GraphedEdge { source, target, .. } in known_edges(state) {
        follow.entry(source).or_default().push(target);
        *missing.entry(target).or_default() += 1;
    }
    let mut ready: Vec<&NodeId> =
        state.nodes.keys().filter(|id| !missing.contains_key(id)).collect();
    while let Some(id) = ready.pop() {
        let below = depths.get(id).map_or(0, |depth| depth + 1);
        for target in follow.remove(id).unwrap_or_default() {
            if let Some(depth) = depths.get_mut(target) {
                *depth = below.max(*depth);
            }
            if let Some(missing) = missing.get_mut(target) {
                *missing -= 1;
                if *missing == 0 {
                    ready.push(target);
                }
            }
        }
    }
    depths
}

/// Those whose ends are known: clients can't draw others.
fn known_edges(state: &Execution) -> impl Iterator<Item = GraphedEdge<'_>> + Clone {
    let known = move |it: &GraphedEdge<'_>| {
        state.nodes.contains_key(it.source) && state.nodes.contains_key(it.target)
    };
    let edges = state.edges.iter().map(|((source, target), edge)| GraphedEdge {
        source,
        target,
        graph: edge.graph.as_deref(),
    });
    edges.filter(known)
}

impl Fields for Graph<'_> {
    fn fields<M: SerializeMap>(&self, to: &mut M) -> Result<(), M::Error> {
        let Self { run, state, depths } = self;
        let nodes = state.nodes.values().map(|node| {
            let level = depths.get(&node.id).copied().unwrap_or(0);
            Object(GraphedNode { node, level })
        });
        to.put("run_id", run)?;
        to.put("nodes", &List(nodes))?;
        to.put("edges", &List(known_edges(state).map(Object)))?;
        to.put("levels", &depths.values().max().map_or(0, |depth| depth + 1))?;
        // Of what, nobody has said.
        to.put("stats", &())
    }
}

#[derive(Clone, Copy)]
struct GraphedNode<'a> {
    node: &'a Node,
    level: usize,
}

impl Fields for GraphedNode<'_> {
    fn fields<M: SerializeMap>(&self, to: &mut M) -> Result<(), M::Error> {
        let Self { node, level } = self;
        let declared: Option<&GraphNode> = node.graph.as_deref();
        to.put("id", node.id.as_str())?;
        to.put("label", node.title())?;
        let kind = declared.and_then(|it| it.node_type.as_deref());
        to.put("type", among(kind, TYPES, "agent"))?;
        to.put("status", words::node(node.status))?;
        to.maybe("agent", node.agent.as_ref().or(declared.and_then(|it| it.agent.as_ref())))?;
        to.maybe("step_number", node.step_number.or(declared.and_then(|it| it.step_number)))?;
        to.put("level", level)?;
        to.maybe("description", declared.and_then(|it| it.description.as_ref()))?;
        to.maybe("goal", node.goal.as_ref().or(declared.and_then(|it| it.goal.as_ref())))?;
        to.maybe("started_at", time(node.began_at()))?;
        to.maybe("completed_at", time(node.ended_at()))?;
        let failure = node.failure.as_ref().filter(|_| node.status == NodeStatus::Failed);
        to.maybe("error", failure.map(|it| &it.message))?;
        let extra = node.extra.as_ref().or(declared.and_then(|it| it.extra.as_ref()));
        let Some(extra) = extra else { return Ok(()) };
        for (key, value) in named(extra) {
            to.put(key, value)?;
        }
        to.put("metadata", &Raw(extra))
    }
}

/// What of an engine's own particulars clients know by name.
fn named(extra: &Json) -> impl Iterator<Item = (&'static str, &RawValue)> {
    let fields: Option<BTreeMap<String, &RawValue>> = serde_json::from_str(&extra.text).ok();
    let fields = fields.unwrap_or_default();
    EXTRAS.iter().filter_map(move |key| Some((*key, *fields.get(*key)?)))
}

#[derive(Clone, Copy)]
struct GraphedEdge<'a> {
    source: &'a NodeId,
    target: &'a NodeId,
    graph: Option<&'a GraphEdge>,
}

impl Fields for GraphedEdge<'_> {
    fn fields<M: SerializeMap>(&self, to: &mut M) -> Result<(), M::Error> {
        let Self { source, target, graph } = self;
        match graph.and_then(|it| it.edge_id.as_ref()) {
            Some(id) => to.put("id", id)?,
            None => to.put("id", &Shown(format_args!("{source}->{target}")))?,
        }
        to.put("source", source.as_str())?;
        to.put("target", target.as_str())?;
        let kind = graph.and_then(|it| it.edge_type.as_deref());
        to.put("type", among(kind, DEPENDENCIES, "sequential"))?;
        to.maybe("label", graph.and_then(|it| it.label.as_ref()))
    }
}
