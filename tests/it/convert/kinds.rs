//! Every kind, with every field stated, and with as few as will do.

use std::time::Duration;

use footplate::engine::pb;
use footplate::engine::pb::event::Kind as Pb;
use footplate::model::{
    ExecutionFinished, ExecutionProgressed, ExecutionStarted, ExecutionStatus,
    ExecutionStatusChanged, Failure, GraphDeclared, GraphEdge, GraphMutated, GraphNode, Kind,
    Label, NodeChanged, NodeId, NodeMetrics, NodeProgressed, NodeRetried, NodeStatus, RetryPhase,
    Text, Timestamp,
};

use super::{json, kept, whole};

pub(super) fn t(text: &str) -> Option<Text> {
    Some(text.into())
}

pub(super) fn n(node: &str) -> NodeId {
    node.parse().unwrap()
}

/// A second after the epoch, and a bit more than half of a microsecond.
pub(super) fn at() -> Option<prost_types::Timestamp> {
    Some(prost_types::Timestamp { seconds: 1, nanos: 1_600 })
}

pub(super) const AT: Option<Timestamp> = Some(Timestamp(1_000_001));

pub(super) fn lasting() -> Option<prost_types::Duration> {
    Some(prost_types::Duration { seconds: 2, nanos: 500 })
}

pub(super) const LASTING: Option<Duration> = Some(Duration::new(2, 500));

pub(super) fn failed() -> Option<pb::Failure> {
    Some(pb::Failure {
        error_type: "Oops".into(),
        message: "broke".into(),
        traceback: "line 1".into(),
        node_id: "n".into(),
    })
}

pub(super) fn failure() -> Failure {
    Failure {
        error_type: t("Oops"),
        message: "broke".into(),
        traceback: t("line 1"),
        node_id: Some(n("n")),
    }
}

/// One kind on the wire, and what it has to become.
pub(super) fn same(wire: Pb, model: Kind) {
    assert_eq!([kept(wire)], [model]);
}

#[test]
fn executions() {
    same(
        Pb::ExecutionStarted(pb::ExecutionStarted {
            name: "a".into(),
            workflow_id: "b".into(),
            session_id: "c".into(),
            aliases: vec!["d e".into()],
            task: "f".into(),
            input: json("1"),
            agent: "g".into(),
            model: "h".into(),
            work_dir: "i".into(),
            planned_nodes: Some(0),
            budget_usd_nanos: Some(-1),
            labels: vec![pb::Label { key: "k".into(), value: "v".into() }],
            traceparent: "j".into(),
            command_id: "l".into(),
            start_time: at(),
            requested_by: "m".into(),
            parent_execution_id: "n".into(),
        }),
        Kind::ExecutionStarted(Box::new(ExecutionStarted {
            name: t("a"),
            workflow_id: Some("b".parse().unwrap()),
            session_id: t("c"),
            aliases: vec!["d e".parse().unwrap()],
            task: t("f"),
            input: whole("1"),
            agent: t("g"),
            model: t("h"),
            work_dir: t("i"),
            planned_nodes: Some(0),
            budget_usd_nanos: Some(-1),
            labels: vec![Label { key: "k".into(), value: "v".into() }],
            traceparent: t("j"),
            command_id: Some("l".parse().unwrap()),
            start_time: AT,
            requested_by: t("m"),
            parent_execution_id: t("n"),
        })),
    );
    same(
        Pb::ExecutionStarted(pb::ExecutionStarted::default()),
        Kind::ExecutionStarted(Box::default()),
    );
    same(
        Pb::ExecutionStatusChanged(pb::ExecutionStatusChanged {
            status: pb::ExecutionStatus::Pausing.into(),
            native_status: "halting".into(),
            reason: "asked".into(),
        }),
        Kind::ExecutionStatusChanged(Box::new(ExecutionStatusChanged {
            status: Some(ExecutionStatus::Pausing),
            native_status: t("halting"),
            reason: t("asked"),
        })),
    );
    same(
        Pb::ExecutionFinished(pb::ExecutionFinished {
            status: pb::ExecutionStatus::TimedOut.into(),
            results: json("{}"),
            output: json("2"),
            failure: failed(),
            reason: "a".into(),
            nodes_completed: Some(0),
            nodes_failed: Some(1),
            duration: lasting(),
            native_status: "b".into(),
            finish_time: at(),
        }),
        Kind::ExecutionFinished(Box::new(ExecutionFinished {
            status: ExecutionStatus::TimedOut,
            results: whole("{}"),
            output: whole("2"),
            failure: Some(failure()),
            reason: t("a"),
            nodes_completed: Some(0),
            nodes_failed: Some(1),
            duration: LASTING,
            native_status: t("b"),
            finish_time: AT,
        })),
    );
    same(
        Pb::ExecutionProgressed(pb::ExecutionProgressed {
            fraction: Some(1.0),
            current_node_id: "n".into(),
            message: "m".into(),
        }),
        Kind::ExecutionProgressed(ExecutionProgressed {
            fraction: Some(1.0),
            current_node_id: Some(n("n")),
            message: t("m"),
        }),
    );
}

#[test]
fn nodes() {
    same(
        Pb::NodeChanged(pb::NodeChanged {
            node_id: "task[3]".into(),
            status: pb::NodeStatus::Mutated.into(),
            node_attempt: 2,
            native_status: "a".into(),
            reason: "b".into(),
            label: "c".into(),
            agent: "d".into(),
            goal: "e".into(),
            step_id: "f".into(),
            step_number: Some(-1),
            input: json("1"),
            output: json("2"),
            failure: failed(),
            metrics: Some(pb::NodeMetrics {
                input_tokens: Some(1),
                output_tokens: Some(2),
                cost_usd_nanos: Some(3),
                duration: lasting(),
                retries: Some(4),
                model: "g".into(),
                extra: json("3"),
            }),
            start_time: at(),
            finish_time: at(),
            extra: json("4"),
        }),
        Kind::NodeChanged(Box::new(NodeChanged {
            node_id: n("task[3]"),
            status: Some(NodeStatus::Mutated),
            node_attempt: 2,
            native_status: t("a"),
            reason: t("b"),
            label: t("c"),
            agent: t("d"),
            goal: t("e"),
            step_id: t("f"),
            step_number: Some(-1),
            input: whole("1"),
            output: whole("2"),
            failure: Some(failure()),
            metrics: Some(NodeMetrics {
                input_tokens: Some(1),
                output_tokens: Some(2),
                cost_usd_nanos: Some(3),
                duration: LASTING,
                retries: Some(4),
                model: t("g"),
                extra: whole("3"),
            }),
            start_time: AT,
            finish_time: AT,
            extra: whole("4"),
        })),
    );
    let bare = pb::NodeChanged { node_id: "n".into(), ..Default::default() };
    same(Pb::NodeChanged(bare), Kind::NodeChanged(Box::new(NodeChanged::of(n("n")))));
    same(
        Pb::NodeProgressed(pb::NodeProgressed {
            node_id: "n".into(),
            fraction: Some(0.0),
            message: "m".into(),
        }),
        Kind::NodeProgressed(NodeProgressed {
            node_id: n("n"),
            fraction: Some(0.0),
            message: t("m"),
        }),
    );
    same(
        Pb::NodeRetried(pb::NodeRetried {
            node_id: "n".into(),
            phase: pb::RetryPhase::BackingOff.into(),
            retry_number: 1,
            max_retries: Some(0),
            error_category: "a".into(),
            error_pattern: "b".into(),
            success_probability: Some(0.5),
            strategy: "c".into(),
            suggestions: vec!["d".into()],
            backoff: lasting(),
            next_attempt_time: at(),
            error: "e".into(),
            has_user_feedback: Some(false),
        }),
        Kind::NodeRetried(Box::new(NodeRetried {
            node_id: n("n"),
            phase: RetryPhase::BackingOff,
            retry_number: 1,
            max_retries: Some(0),
            error_category: t("a"),
            error_pattern: t("b"),
            success_probability: Some(0.5),
            strategy: t("c"),
            suggestions: vec!["d".into()],
            backoff: LASTING,
            next_attempt_time: AT,
            error: t("e"),
            has_user_feedback: Some(false),
        })),
    );
}

fn drawn() -> pb::GraphDeclared {
    pb::GraphDeclared {
        nodes: vec![pb::GraphNode {
            node_id: "a".into(),
            label: "b".into(),
            node_type: "c".into(),
            parent_node_id: "d".into(),
            agent: "e".into(),
            description: "f".into(),
            goal: "g".into(),
            step_id: "h".into(),
            step_number: Some(0),
            extra: json("1"),
        }],
        edges: vec![pb::GraphEdge {
            source_node_id: "a".into(),
            target_node_id: "b".into(),
            edge_id: "c".into(),
            edge_type: "d".into(),
            label: "e".into(),
            extra: json("2"),
        }],
        replace: true,
        removed_node_ids: vec!["f".into()],
        removed_edges: vec![pb::GraphEdgeRef {
            source_node_id: "g".into(),
            target_node_id: "h".into(),
        }],
    }
}

fn graph() -> GraphDeclared {
    GraphDeclared {
        nodes: vec![GraphNode {
            node_id: n("a"),
            label: t("b"),
            node_type: t("c"),
            parent_node_id: Some(n("d")),
            agent: t("e"),
            description: t("f"),
            goal: t("g"),
            step_id: t("h"),
            step_number: Some(0),
            extra: whole("1"),
        }],
        edges: vec![GraphEdge {
            source: n("a"),
            target: n("b"),
            edge_id: t("c"),
            edge_type: t("d"),
            label: t("e"),
            extra: whole("2"),
        }],
        replace: true,
        removed_node_ids: vec![n("f")],
        removed_edges: vec![(n("g"), n("h"))],
    }
}

#[test]
fn graphs() {
    same(Pb::GraphDeclared(drawn()), Kind::GraphDeclared(Box::new(graph())));
    same(
        Pb::GraphMutated(pb::GraphMutated {
            mutation_id: "a".into(),
            mutation_kind: "b".into(),
            trigger: "c".into(),
            reason: "d".into(),
            recommended_by: "e".into(),
            affected_node_ids: vec!["f".into()],
            change: Some(drawn()),
            mutation: json("3"),
        }),
        Kind::GraphMutated(Box::new(GraphMutated {
            mutation_id: t("a"),
            mutation_kind: t("b"),
            trigger: t("c"),
            reason: t("d"),
            recommended_by: t("e"),
            affected_node_ids: vec![n("f")],
            change: Some(graph()),
            mutation: whole("3"),
        })),
    );
    same(
        Pb::EdgeActivated(pb::EdgeActivated {
            from_node_id: "__start__".into(),
            to_node_id: "b".into(),
        }),
        Kind::EdgeActivated { from: n("__start__"), to: n("b") },
    );
}
