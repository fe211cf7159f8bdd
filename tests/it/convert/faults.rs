//! Every way in which an event is refused, with its code and the path of its field.

use footplate::engine::pb::event::Kind as Pb;
use footplate::engine::pb::{self, DecisionKind, ExecutionStatus, OutcomeStatus};
use footplate::model::{Kind, RejectionCode};
use prost_types::{Duration, Timestamp};

use super::{json, kept, received, refused};

pub(super) fn log(log: pb::LogWritten) -> Pb {
    Pb::LogWritten(log)
}

pub(super) fn metadata(text: &str) -> Pb {
    log(pb::LogWritten { metadata: json(text), ..Default::default() })
}

fn node(change: impl FnOnce(&mut pb::NodeChanged)) -> Pb {
    let mut node = pb::NodeChanged { node_id: "n1".into(), ..Default::default() };
    change(&mut node);
    Pb::NodeChanged(node)
}

pub(super) fn started(change: impl FnOnce(&mut pb::ExecutionStarted)) -> Pb {
    let mut started = pb::ExecutionStarted::default();
    change(&mut started);
    Pb::ExecutionStarted(started)
}

fn gate(change: impl FnOnce(&mut pb::GateOpened)) -> Pb {
    let mut gate = pb::GateOpened { gate_id: "g1".into(), ..Default::default() };
    change(&mut gate);
    Pb::GateOpened(gate)
}

fn option(id: &str) -> pb::GateOption {
    pb::GateOption { option_id: id.into(), ..Default::default() }
}

pub(super) fn label(key: &str, value: &str) -> pb::Label {
    pb::Label { key: key.into(), value: value.into() }
}

#[test]
fn each_fault_has_its_code_and_its_field() {
    use RejectionCode::{Depth, Invalid, Json, Limit, NotFinite, TooLarge, UnknownKind, Utf8};
    let deep = |levels: usize| format!("{}{}", "[".repeat(levels), "]".repeat(levels));
    let decided = |outcome: OutcomeStatus| pb::DecisionOutcome {
        decision_id: "d1".into(),
        gate_id: "g1".into(),
        outcome: outcome.into(),
        ..Default::default()
    };
    let finished =
        |status: i32| Pb::ExecutionFinished(pb::ExecutionFinished { status, ..Default::default() });
    let table: Vec<(Pb, RejectionCode, &str)> = vec![
        // Opaque JSON.
        (metadata("{"), Json, "log_written.metadata.text"),
        (metadata("1 2"), Json, "log_written.metadata.text"),
        (metadata(" "), Json, "log_written.metadata.text"),
        (metadata("NaN"), Json, "log_written.metadata.text"),
        (metadata("'x'"), Json, "log_written.metadata.text"),
        (metadata("\"a\nb\""), Json, "log_written.metadata.text"),
        (metadata("\u{feff}1"), Json, "log_written.metadata.text"),
        (metadata(r#"{"a":1,"a":1}"#), Json, "log_written.metadata.text"),
        (
            metadata(r#"[{"b":[{"a":1,"b":{"a":2},"\u0061":3}]}]"#),
            Json,
            "log_written.metadata.text",
        ),
        (metadata(r#"{"\ud800":1}"#), Json, "log_written.metadata.text"),
        (metadata(&deep(65)), Depth, "log_written.metadata.text"),
        (metadata(&"[".repeat(100_000)), Depth, "log_written.metadata.text"),
        (metadata(&r#"{"a":"#.repeat(65)), Depth, "log_written.metadata.text"),
        (
            log(pb::LogWritten {
                metadata: Some(pb::Json {
                    text: vec![b'"', 0xff, b'"'].into(),
                    ..Default::default()
                }),
                ..Default::default()
            }),
            Utf8,
            "log_written.metadata.text",
        ),
        (
            log(pb::LogWritten {
                metadata: Some(pb::Json { sha256: vec![0; 31].into(), ..json("1").unwrap() }),
                ..Default::default()
            }),
            Invalid,
            "log_written.metadata.sha256",
        ),
        (
            log(pb::LogWritten {
                metadata: Some(pb::Json { uri: "s3://all-of-it".into(), ..Default::default() }),
                ..Default::default()
            }),
            Json,
            "log_written.metadata.text",
        ),
        (
            Pb::Opaque(pb::Opaque {
                protocol: "nebula".into(),
                json: json("[]"),
                ..Default::default()
            }),
            Invalid,
            "opaque.json.text",
        ),
        (
            Pb::Opaque(pb::Opaque { protocol: "nebula".into(), ..Default::default() }),
            Invalid,
            "opaque.json",
        ),
        // Numbers.
        (
            Pb::MetricMeasured(pb::MetricMeasured {
                name: "m".into(),
                value: Some(f64::NAN),
                ..Default::default()
            }),
            NotFinite,
            "metric_measured.value",
        ),
        (
            Pb::NodeProgressed(pb::NodeProgressed {
                node_id: "n".into(),
                fraction: Some(f64::INFINITY),
                ..Default::default()
            }),
            NotFinite,
            "node_progressed.fraction",
        ),
        (
            Pb::NodeRetried(pb::NodeRetried {
                node_id: "n".into(),
                success_probability: Some(f64::NEG_INFINITY),
                ..Default::default()
            }),
            NotFinite,
            "node_retried.success_probability",
        ),
        (
            Pb::ExecutionProgressed(pb::ExecutionProgressed {
                fraction: Some(42.0),
                ..Default::default()
            }),
            Invalid,
            "execution_progressed.fraction",
        ),
        (
            gate(|it| {
                it.advice = vec![pb::Advice { confidence: Some(f64::NAN), ..Default::default() }]
            }),
            NotFinite,
            "gate_opened.advice[0].confidence",
        ),
        // Time.
        (
            node(|it| it.start_time = Some(Timestamp { seconds: 253_402_300_800, nanos: 0 })),
            Invalid,
            "node_changed.start_time",
        ),
        (
            node(|it| it.finish_time = Some(Timestamp { seconds: 0, nanos: -1 })),
            Invalid,
            "node_changed.finish_time",
        ),
        (
            gate(|it| it.deadline_time = Some(Timestamp { seconds: -62_135_596_801, nanos: 0 })),
            Invalid,
            "gate_opened.deadline_time",
        ),
        (
            node(|it| {
                let duration = Some(Duration { seconds: -1, nanos: 0 });
                it.metrics = Some(pb::NodeMetrics { duration, ..Default::default() });
            }),
            Invalid,
            "node_changed.metrics.duration",
        ),
        (
            Pb::NodeRetried(pb::NodeRetried {
                node_id: "n".into(),
                backoff: Some(Duration { seconds: 0, nanos: 1_000_000_000 }),
                ..Default::default()
            }),
            Invalid,
            "node_retried.backoff",
        ),
        // Names.
        (node(|it| it.node_id.clear()), Invalid, "node_changed.node_id"),
        (node(|it| it.node_id = "a\u{202e}b".into()), Invalid, "node_changed.node_id"),
        (node(|it| it.node_id = "n".repeat(257)), Invalid, "node_changed.node_id"),
        (
            node(|it| {
                it.failure = Some(pb::Failure { node_id: "a\tb".into(), ..Default::default() })
            }),
            Invalid,
            "node_changed.failure.node_id",
        ),
        (started(|it| it.workflow_id = "a flow".into()), Invalid, "execution_started.workflow_id"),
        (started(|it| it.command_id = "-c".into()), Invalid, "execution_started.command_id"),
        (
            started(|it| it.parent_execution_id = "a/b".into()),
            Invalid,
            "execution_started.parent_execution_id",
        ),
        (
            started(|it| it.aliases = vec!["fine".into(), String::new()]),
            Invalid,
            "execution_started.aliases[1]",
        ),
        (gate(|it| it.gate_id = "g 1".into()), Invalid, "gate_opened.gate_id"),
        (gate(|it| it.previous_gate_id = "/".into()), Invalid, "gate_opened.previous_gate_id"),
        (
            gate(|it| it.rewind_node_ids = vec!["\n".into()]),
            Invalid,
            "gate_opened.rewind_node_ids[0]",
        ),
        (
            Pb::EdgeActivated(pb::EdgeActivated { from_node_id: "a".into(), ..Default::default() }),
            Invalid,
            "edge_activated.to_node_id",
        ),
        (
            Pb::GraphMutated(pb::GraphMutated {
                change: Some(pb::GraphDeclared {
                    removed_edges: vec![pb::GraphEdgeRef::default()],
                    ..Default::default()
                }),
                ..Default::default()
            }),
            Invalid,
            "graph_mutated.change.removed_edges[0].source_node_id",
        ),
        (Pb::GateClosed(pb::GateClosed::default()), Invalid, "gate_closed.gate_id"),
        (
            Pb::DecisionOutcome(pb::DecisionOutcome {
                gate_id: String::new(),
                ..decided(OutcomeStatus::Applied)
            }),
            Invalid,
            "decision_outcome.gate_id",
        ),
        (
            Pb::CommandOutcome(pb::CommandOutcome { outcome: 2, ..Default::default() }),
            Invalid,
            "command_outcome.command_id",
        ),
        // Text without which nothing is said.
        (Pb::ToolCalled(pb::ToolCalled::default()), Invalid, "tool_called.tool_name"),
        (Pb::MetricMeasured(pb::MetricMeasured::default()), Invalid, "metric_measured.name"),
        (Pb::FileChanged(pb::FileChanged::default()), Invalid, "file_changed.path"),
        (Pb::AgentMessage(pb::AgentMessage::default()), Invalid, "agent_message.agent"),
        (Pb::AgentThinking(pb::AgentThinking::default()), Invalid, "agent_thinking.agent"),
        (Pb::Captured(pb::Captured::default()), Invalid, "captured.captured_event_id"),
        (
            Pb::Captured(pb::Captured { captured_event_id: "e".into(), ..Default::default() }),
            Invalid,
            "captured.event_type",
        ),
        (Pb::Opaque(pb::Opaque::default()), Invalid, "opaque.protocol"),
        (Pb::FailureReported(pb::FailureReported::default()), Invalid, "failure_reported.failure"),
        (
            started(|it| it.labels = vec![label("", "v")]),
            Invalid,
            "execution_started.labels[0].key",
        ),
        // Statuses.
        (
            Pb::ExecutionStatusChanged(pb::ExecutionStatusChanged {
                status: ExecutionStatus::Cancelled.into(),
                ..Default::default()
            }),
            Invalid,
            "execution_status_changed.status",
        ),
        (finished(0), Invalid, "execution_finished.status"),
        (finished(ExecutionStatus::Running.into()), Invalid, "execution_finished.status"),
        (finished(17), Invalid, "execution_finished.status"),
        (
            Pb::DecisionOutcome(decided(OutcomeStatus::Unspecified)),
            Invalid,
            "decision_outcome.outcome",
        ),
        (
            Pb::DecisionOutcome(decided(OutcomeStatus::InProgress)),
            Invalid,
            "decision_outcome.outcome",
        ),
        // Gates.
        (
            gate(|it| it.options = vec![option("a"), option("")]),
            Invalid,
            "gate_opened.options[1].option_id",
        ),
        (
            gate(|it| it.options = vec![option("a"), option("b"), option("a")]),
            Invalid,
            "gate_opened.options[2].option_id",
        ),
        (
            gate(|it| {
                it.options =
                    vec![pb::GateOption { kind: DecisionKind::Expired.into(), ..option("a") }]
            }),
            Invalid,
            "gate_opened.options[0].kind",
        ),
        (
            gate(|it| it.options = vec![option(&"o".repeat(129))]),
            TooLarge,
            "gate_opened.options[0].option_id",
        ),
        (gate(|it| it.payload_sha256 = vec![1].into()), Invalid, "gate_opened.payload_sha256"),
        (
            gate(|it| {
                it.policy =
                    Some(pb::GatePolicy { users: vec![String::new()], ..Default::default() })
            }),
            Invalid,
            "gate_opened.policy.users[0]",
        ),
        (
            gate(|it| {
                it.policy = Some(pb::GatePolicy { required_approvals: 33, ..Default::default() })
            }),
            Limit,
            "gate_opened.policy.required_approvals",
        ),
        (
            gate(|it| it.escalation = vec![pb::EscalationStep::default()]),
            Invalid,
            "gate_opened.escalation[0]",
        ),
        // How many.
        (
            gate(|it| it.options = (0..33).map(|n| option(&n.to_string())).collect()),
            Limit,
            "gate_opened.options",
        ),
        (started(|it| it.labels = vec![label("k", "v"); 65]), Limit, "execution_started.labels"),
        (started(|it| it.aliases = vec!["a".into(); 17]), Limit, "execution_started.aliases"),
        (
            started(|it| it.labels = vec![label(&"k".repeat(129), "v")]),
            TooLarge,
            "execution_started.labels[0].key",
        ),
        (
            started(|it| it.labels = vec![label("k", &"v".repeat(1_025))]),
            TooLarge,
            "execution_started.labels[0].value",
        ),
        (
            Pb::NodeRetried(pb::NodeRetried {
                node_id: "n".into(),
                suggestions: vec!["s".into(); 33],
                ..Default::default()
            }),
            Limit,
            "node_retried.suggestions",
        ),
        (
            Pb::GraphDeclared(pb::GraphDeclared {
                nodes: vec![pb::GraphNode { node_id: "n".into(), ..Default::default() }; 10_001],
                ..Default::default()
            }),
            Limit,
            "graph_declared.nodes",
        ),
        (Pb::WorkflowChanged(pb::WorkflowChanged::default()), Invalid, "workflow_changed"),
    ];
    for (kind, code, field) in table {
        let refusal = refused(kind);
        assert_eq!((refusal.code, &*refusal.field), (code, field), "{}", refusal.message);
        assert!(!refusal.message.is_empty(), "{field}");
    }
    let nothing = received(&pb::Event::default()).event.unwrap_err();
    assert_eq!((nothing.code, &*nothing.field), (UnknownKind, ""));
}

#[test]
fn what_stands_at_a_bound_is_kept() {
    let deep = format!("{}{}", "[".repeat(64), "]".repeat(64));
    kept(metadata(&deep));
    // Brackets in strings are no depth, nor are those that have been closed.
    kept(metadata(&format!("\"{}\\\"{}\"", "[".repeat(100), "{".repeat(100))));
    kept(metadata(&format!("[{}0]", "[],".repeat(100))));
    kept(gate(|it| it.options = (0..32).map(|n| option(&n.to_string())).collect()));
    kept(node(|it| {
        it.start_time = Some(Timestamp { seconds: 253_402_300_799, nanos: 999_999_999 })
    }));
    let Kind::ExecutionStarted(it) =
        kept(started(|it| it.labels = vec![label("k", "1"), label("k", "2")]))
    else {
        panic!("another kind")
    };
    assert_eq!((it.labels.len(), &*it.labels[0].value), (1, "2"), "the last of a name wins");
}
