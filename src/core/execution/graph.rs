//! How nodes and edges change.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use super::{Execution, fold::At};
use crate::model::{
    After, Contradiction, Edge, GraphDeclared, GraphDelta, Node, NodeChanged, NodeId,
    NodeProgressed, NodeRetried, NodeStatus, RetryPhase,
};

impl Execution {
    /// Changes a node, which begins to exist if it must; counts it; and says what it was and is.
    pub(super) fn with_node(
        &mut self,
        at: At,
        id: &NodeId,
        after: &mut After,
        change: impl FnOnce(&mut Node),
    ) {
        if !self.nodes.contains_key(id) {
            self.nodes.insert(id.clone(), Arc::new(Node::new(id.clone())));
            self.progress.nodes += 1;
        }
        let Some(node) = self.nodes.get_mut(id) else { return };
        let (old, since) = (node.status, node.since);
        let node = Arc::make_mut(node);
        change(node);
        let new = node.status;
        if old != new || node.since.0 == 0 {
            node.since = at.seq;
        }
        if old != new && old.is_under_way() {
            self.under_way.remove(&(since, id.clone()));
        }
        if old != new && new.is_under_way() {
            self.under_way.insert((at.seq, id.clone()));
        }
        if node.has_begun() {
            node.began.get_or_insert((at.seq, at.time));
        }
        if old != new {
            node.ended = new.is_final().then_some(at.time);
        }
        after.node = self.nodes.get(id).cloned();
        (after.old_status, after.moved) = (Some(old), old != new);
        self.counted(old, -1);
        self.counted(new, 1);
    }

    pub(super) fn node_changed(
        &mut self,
        at: At,
        changed: &NodeChanged,
        after: &mut After,
    ) -> Result<(), Contradiction> {
        let attempt = self.nodes.get(&changed.node_id).map_or(0, |node| node.attempt);
        if changed.node_attempt != 0 && changed.node_attempt < attempt {
            return Err(Contradiction::OldAttempt);
        }
        self.with_node(at, &changed.node_id, after, |node| {
            if node.attempt < changed.node_attempt {
                begin_attempt(node, changed.node_attempt);
            }
            if let Some(status) = changed.status {
                node.status = status;
                // They say why the status is what it is; another status is so for other reasons.
                node.native_status.clone_from(&changed.native_status);
                node.reason.clone_from(&changed.reason);
            }
            fn set<T: Clone>(to: &mut Option<T>, from: &Option<T>) {
                if let Some(value) = from {
                    *to = Some(value.clone());
                }
            }
            set(&mut node.native_status, &changed.native_status);
            set(&mut node.reason, &changed.reason);
            set(&mut node.label, &changed.label);
            set(&mut node.agent, &changed.agent);
            set(&mut node.goal, &changed.goal);
            set(&mut node.step_id, &changed.step_id);
            set(&mut node.step_number, &changed.step_number);
            set(&mut node.input, &changed.input);
            set(&mut node.output, &changed.output);
            set(&mut node.failure, &changed.failure);
            set(&mut node.metrics, &changed.metrics);
            set(&mut node.start_time, &changed.start_time);
            set(&mut node.finish_time, &changed.finish_time);
            set(&mut node.extra, &changed.extra);
        });
        Ok(())
    }

    pub(super) fn node_progressed(
        &mut self,
        at: At,
        progressed: &NodeProgressed,
        after: &mut After,
    ) {
        self.with_node(at, &progressed.node_id, after, |node| {
            node.fraction = progressed.fraction.map(|it| it.clamp(0.0, 1.0)).or(node.fraction);
            node.progress_message = progressed.message.clone().or(node.progress_message.take());
        });
    }

    /// A retry says how a node comes to run again: its status follows, unless it is stated.
    pub(super) fn node_retried(&mut self, at: At, retried: &NodeRetried, after: &mut After) {
        self.with_node(at, &retried.node_id, after, |node| {
            node.retry = Some((retried.phase, retried.retry_number));
            node.status = match retried.phase {
                RetryPhase::Started | RetryPhase::BackingOff => NodeStatus::Retrying,
                RetryPhase::Succeeded => NodeStatus::Running,
                RetryPhase::Exhausted => NodeStatus::Failed,
            };
        });
    }

    pub(super) fn declared(&mut self, declared: &GraphDeclared, after: &mut After) {
        let mut delta = GraphDelta::default();
        // What is declared in the same breath stays.
        let kept: BTreeSet<&NodeId> = declared.nodes.iter().map(|node| &node.node_id).collect();
        let gone = |id: &&NodeId| !kept.contains(id);
        if declared.replace {
            delta.removed_nodes.extend(self.nodes.keys().filter(gone).cloned());
            delta.removed_edges.extend(std::mem::take(&mut self.edges).into_keys());
        }
        delta.removed_nodes.extend(declared.removed_node_ids.iter().filter(gone).cloned());
        for id in &delta.removed_nodes {
            self.remove_node(id, &mut delta.removed_edges);
        }
        for edge in &declared.removed_edges {
            self.edges.remove(edge);
            delta.removed_edges.push(edge.clone());
        }
        let mut touched = BTreeMap::new();
        for graph in &declared.nodes {
            let id = &graph.node_id;
            if !self.nodes.contains_key(id) {
                self.nodes.insert(id.clone(), Arc::new(Node::new(id.clone())));
                self.progress.nodes += 1;
            }
            let Some(node) = self.nodes.get_mut(id) else { continue };
            Arc::make_mut(node).graph = Some(Arc::new(graph.clone()));
            touched.insert(id.clone(), node.clone());
        }
        for graph in &declared.edges {
            let key = (graph.source.clone(), graph.target.clone());
            let edge = self.edges.entry(key.clone()).or_insert(Edge { graph: None, active: false });
            edge.graph = Some(Arc::new(graph.clone()));
            delta.edges.push((key, edge.clone()));
        }
        // So that it does not matter in which order a reader takes what is there and what is gone.
        delta.removed_edges.retain(|key| !self.edges.contains_key(key));
        after.nodes = Some(Arc::new(touched));
        after.graph = Some(Arc::new(delta));
    }

    pub(super) fn edge_activated(&mut self, from: &NodeId, to: &NodeId, after: &mut After) {
        let key = (from.clone(), to.clone());
        let edge = self.edges.entry(key.clone()).or_insert(Edge { graph: None, active: false });
        edge.active = true;
        let edges = vec![(key, edge.clone())];
        after.graph = Some(Arc::new(GraphDelta { edges, ..GraphDelta::default() }));
    }

    fn remove_node(&mut self, id: &NodeId, gone: &mut Vec<(NodeId, NodeId)>) {
        if let Some(node) = self.nodes.remove(id) {
            self.progress.nodes -= 1;
            self.counted(node.status, -1);
            self.under_way.remove(&(node.since, id.clone()));
            let ends = |key: &(NodeId, NodeId)| key.0 == *id || key.1 == *id;
            gone.extend(self.edges.keys().filter(|key| ends(key)).cloned());
            self.edges.retain(|key, _| !ends(key));
        }
    }
}

/// What a new attempt has not done yet.
fn begin_attempt(node: &mut Node, attempt: u32) {
    node.attempt = attempt;
    node.native_status = None;
    node.reason = None;
    node.output = None;
    node.failure = None;
    node.metrics = None;
    node.start_time = None;
    node.finish_time = None;
    node.fraction = None;
    node.progress_message = None;
}
