//! What the golden rows of the store hold: every kind of fact with all of its fields, every word of
//! every list of words, and a checkpoint with something of everything in it. Values and no rules: how
//! records are folded may change without any of these.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;

use footplate::core::{Checkpoint, Execution, Fence, Kept, KeptLane, KeptRecord, Tombstone};
use footplate::model::{
    Advice, AgentMessage, AgentThinking, Capabilities, Captured, Classification, CloseReason,
    CodeExecuted, Command, CommandKind, CommandOutcome, CommandStage, CommandState, CommentRule,
    CostIncurred, Decision, DecisionKind, DecisionOutcome, DecisionSource, Delivery, DropReason,
    Edge, Ending, Epoch, EscalationStep, Event, EventsDropped, ExecutionFinished,
    ExecutionProgressed, ExecutionStarted, ExecutionStatus, ExecutionStatusChanged, Fact, Failure,
    FailureReported, FileAction, FileChanged, Gate, GateClosed, GateOpened, GateOption,
    GraphDeclared, GraphEdge, GraphMutated, GraphNode, Identity, Info, Json, Kind, Label, LogLevel,
    LogWritten, MetricMeasured, NativeForm, Node, NodeChanged, NodeMetrics, NodeProgressed,
    NodeRetried, NodeStatus, Opaque, OptionStyle, OutcomeStatus, Outline, Policy, Presence,
    Principal, Priority, ProducerEpoch, Progress, Pseq, Rejection, RejectionCode, Resolution,
    RetryPhase, Role, Seq, Text, TimeoutAction, Timestamp, ToolCalled, Totals, Vote,
    WorkflowAction, WorkflowChanged,
};

/// What is kept of one store: three logs, who may speak, and what is forgotten.
pub(super) struct Values {
    /// The first log, each record with its name.
    pub(super) records: Vec<(String, KeptRecord)>,
    /// At its end.
    pub(super) checkpoint: Checkpoint,
    /// All logs. The second has one record, the first of the first.
    pub(super) kept: [Kept; 3],
    /// The one record of the third, in which everybody has a tenant.
    pub(super) of_a_tenant: KeptRecord,
    pub(super) fence: Fence,
    pub(super) tombstone: Tombstone,
}

impl Values {
    pub(super) fn of_version_1() -> Self {
        let mut records = vec![];
        let mut add = |name: String, fact| {
            let n = records.len() as u64;
            let time = Timestamp(TIME.0 + n as i64);
            let own = !matches!(fact, Fact::Said { .. } | Fact::Rejected { .. });
            let hash = if own { 0 } else { u64::MAX - n };
            records.push((name, KeptRecord { time, hash, size: n, restored: n == 3, fact }));
        };
        for (n, (name, kind)) in kinds().into_iter().enumerate() {
            let whole = n == 0;
            let event = Event {
                time: whole.then_some(TIME),
                native_forms: if whole { vec![native_form()] } else { vec![] },
                kind,
            };
            let pseq = (n != 1).then_some(Pseq(n as u64 + 1));
            let event = Arc::new(event);
            add(format!("said.{name}"), Fact::Said { producer: id("w1"), pseq, event });
        }
        for (name, fact) in facts() {
            add(name, fact);
        }
        let last = Seq(records.len() as u64);
        Self {
            records,
            checkpoint: checkpoint(last),
            kept: kept(last),
            of_a_tenant: of_a_tenant(),
            fence: fence(),
            tombstone: tombstone(),
        }
    }
}

/// 2026-11-20T10:00:00Z.
const TIME: Timestamp = Timestamp(1_795_168_800_000_000);
const EPOCH: Epoch = Epoch { boot: 0xfedc_ba98_7654_3210, nth: 3 };

fn id<T: FromStr<Err: std::fmt::Debug>>(text: &str) -> T {
    text.parse().unwrap()
}

fn text(text: &str) -> Option<Text> {
    Some(text.into())
}

fn ids<T: FromStr<Err: std::fmt::Debug>>(all: &[&str]) -> Vec<T> {
    all.iter().map(|it| id(it)).collect()
}

fn json(text: &str) -> Option<Json> {
    Some(Json::whole(text))
}

/// One that stands for a larger value.
fn cut() -> Json {
    let (uri, sha256) = (text("s3://bucket/key"), Some([0xAB; 32]));
    Json { truncated: true, full_size: 1 << 40, uri, sha256, ..Json::whole("\"cut\"") }
}

fn label(key: &str) -> Label {
    Label { key: key.into(), value: "täglich ☕".into() }
}

fn native_form() -> NativeForm {
    NativeForm { protocol: "stage5".into(), json: Json::whole(r#"{"event_type":"x"}"#) }
}

fn failure() -> Failure {
    Failure {
        error_type: text("OSError"),
        message: "no space".to_owned(),
        traceback: text("at line 1\nat line 2"),
        node_id: Some(id("task[3]")),
    }
}

fn capabilities() -> Capabilities {
    let custom_types = vec!["zoom".into()];
    Capabilities { pause: true, resume: false, cancel: true, custom_types }
}

fn principal() -> Principal {
    Principal {
        subject: "ada".into(),
        issuer: text("https://issuer.example"),
        method: "jwt".into(),
        groups: vec!["ops".into()],
        roles: vec![Role::Viewer, Role::Decider, Role::Operator, Role::Admin],
        tenant: None,
    }
}

fn metrics() -> NodeMetrics {
    NodeMetrics {
        input_tokens: Some(-1),
        output_tokens: Some(i64::MAX),
        cost_usd_nanos: Some(1_500_000_000),
        duration: Some(Duration::new(3, 5)),
        retries: Some(2),
        model: text("m-1"),
        extra: json("null"),
    }
}

fn graph_node() -> GraphNode {
    GraphNode {
        node_id: id("task[3]"),
        label: text("Task"),
        node_type: text("python"),
        parent_node_id: Some(id("__start__")),
        agent: text("planner"),
        description: text("does it"),
        goal: text("done"),
        step_id: text("s1"),
        step_number: Some(-4),
        extra: json("[1]"),
    }
}

fn graph_edge() -> GraphEdge {
    GraphEdge {
        source: id("__start__"),
        target: id("task[3]"),
        edge_id: text("e1"),
        edge_type: text("data"),
        label: text("then"),
        extra: json("{}"),
    }
}

fn graph() -> GraphDeclared {
    GraphDeclared {
        nodes: vec![graph_node()],
        edges: vec![graph_edge()],
        replace: true,
        removed_node_ids: ids(&["old"]),
        removed_edges: vec![(id("old"), id("older"))],
    }
}

fn gate_opened() -> GateOpened {
    let kinds = [
        DecisionKind::Approve,
        DecisionKind::Reject,
        DecisionKind::Modify,
        DecisionKind::Retry,
        DecisionKind::Skip,
        DecisionKind::Abort,
        DecisionKind::Custom,
        DecisionKind::Expired,
        DecisionKind::NoApprover,
    ];
    let styles = [OptionStyle::Neutral, OptionStyle::Primary, OptionStyle::Danger];
    let rules = [CommentRule::Optional, CommentRule::Required, CommentRule::Forbidden];
    let options = kinds.iter().enumerate().map(|(n, kind)| GateOption {
        option_id: format!("option-{n}").into(),
        label: text("Label"),
        kind: *kind,
        style: styles[n % 3],
        comment_rule: rules[n % 3],
        description: text("what it does"),
    });
    GateOpened {
        gate_id: id("deploy:1"),
        gate_version: 2,
        node_id: Some(id("task[3]")),
        node_attempt: 3,
        title: text("Deploy?"),
        prompt: text("Sure?"),
        payload: Some(cut()),
        payload_schema: json(r#"{"type":"object"}"#),
        payload_sha256: Some([1; 32]),
        presentation: json(r#"{"as":"diff"}"#),
        options: options.collect(),
        policy: Policy {
            users: vec!["ada".into()],
            groups: vec!["ops".into()],
            roles: vec!["decider".into()],
            required_approvals: 2,
            required_rejections: 1,
            excluded_users: vec!["eve".into()],
        },
        requested_by: text("bob"),
        deadline_time: Some(TIME),
        time_left: Some(Duration::from_millis(1_500)),
        on_timeout: TimeoutAction::Reject,
        escalation: vec![EscalationStep {
            after: Some(Duration::from_secs(60)),
            after_fraction: Some(0.5),
            notify_users: vec!["kim".into()],
            notify_groups: vec!["leads".into()],
            add_users: vec!["lee".into()],
            add_groups: vec!["owners".into()],
        }],
        advice: vec![Advice {
            source: "a model".into(),
            text: "it looks fine".into(),
            confidence: Some(0.25),
            option_id: text("option-0"),
        }],
        checkpoint: text("c-1"),
        context: json(r#"{"branch":"main"}"#),
        previous_gate_id: Some(id("deploy:0")),
        rewind_node_ids: ids(&["build"]),
        action: text("deploy"),
        step_id: text("s1"),
        classification: Some(Classification::Irreversible),
        labels: vec![label("team")],
    }
}

fn vote() -> Vote {
    Vote {
        decision_id: id("0191d5a0-0000-7000-8000-000000000001"),
        by: principal(),
        kind: DecisionKind::Modify,
        option: "option-2".into(),
        comment: text("with care"),
        modification: json(r#"{"n":2}"#),
        payload_sha256: Some([1; 32]),
        time: TIME,
        modification_sha256: Some([2; 32]),
    }
}

fn decision(source: DecisionSource) -> Arc<Decision> {
    let by = matches!(source, DecisionSource::Human).then(principal);
    Arc::new(Decision {
        id: vote().decision_id,
        gate: id("deploy:1"),
        version: 2,
        node: Some(id("task[3]")),
        kind: DecisionKind::Modify,
        option: "option-2".into(),
        comment: text("with care"),
        modification: json(r#"{"n":2}"#),
        payload_sha256: Some([1; 32]),
        by,
        votes: vec![vote()],
        source,
        time: TIME,
        modification_sha256: Some([2; 32]),
    })
}

fn resolutions() -> Vec<(&'static str, Resolution)> {
    vec![
        ("open", Resolution::Open),
        ("decided", Resolution::Decided(decision(DecisionSource::Human))),
        ("decided_by_service", Resolution::Decided(decision(DecisionSource::Service))),
        ("overridden", Resolution::Decided(decision(DecisionSource::AdminOverride))),
        ("expired", Resolution::Expired(decision(DecisionSource::Timer))),
        ("expired_late", Resolution::Expired(decision(DecisionSource::TimerAfterRestart))),
        ("withdrawn", Resolution::Withdrawn { reason: text("not needed") }),
        ("withdrawn_silently", Resolution::Withdrawn { reason: None }),
        ("cancelled", Resolution::Cancelled),
        ("superseded", Resolution::Superseded),
        (
            "elsewhere",
            Resolution::Elsewhere {
                kind: Some(DecisionKind::Approve),
                option: text("option-0"),
                by: text("kim"),
                message: text("by phone"),
            },
        ),
        ("unreachable", Resolution::Unreachable),
        ("no_approver", Resolution::NoApprover),
    ]
}

const DELIVERIES: [Delivery; 7] = [
    Delivery::Queued,
    Delivery::Sent,
    Delivery::Delivered,
    Delivery::OutcomeUnknown,
    Delivery::Applied,
    Delivery::Refused,
    Delivery::Failed,
];

fn commands() -> Vec<(&'static str, CommandKind)> {
    vec![
        ("pause", CommandKind::Pause),
        ("resume", CommandKind::Resume),
        ("cancel", CommandKind::Cancel),
        ("start", CommandKind::Start { workflow: id("nightly"), input: json("{}") }),
        ("custom", CommandKind::Custom { name: "zoom".into(), payload: json("1.5") }),
    ]
}

const STAGES: [CommandStage; 8] = [
    CommandStage::Queued,
    CommandStage::Sent,
    CommandStage::Delivered,
    CommandStage::InProgress,
    CommandStage::OutcomeUnknown,
    CommandStage::Applied,
    CommandStage::Refused,
    CommandStage::Failed,
];

fn command(kind: CommandKind) -> Arc<Command> {
    let (id, reason) = (id("c-1"), text("too dear"));
    Arc::new(Command { id, kind, reason, by: principal(), time: TIME })
}

/// A word as it is written down, in the form in which files are named.
fn word(of: impl std::fmt::Debug) -> String {
    let mut word = String::new();
    for c in format!("{of:?}").chars() {
        if c.is_uppercase() && !word.is_empty() {
            word.push('_');
        }
        word.extend(c.to_lowercase());
    }
    word
}

/// Every fact of the relay's own, and every way in which an event can't be kept.
fn facts() -> Vec<(String, Fact)> {
    let mut all = vec![];
    let mut add = |name: String, fact| all.push((name, fact));
    for code in [
        RejectionCode::Malformed,
        RejectionCode::Utf8,
        RejectionCode::NotFinite,
        RejectionCode::Json,
        RejectionCode::Depth,
        RejectionCode::TooLarge,
        RejectionCode::UnknownKind,
        RejectionCode::Invalid,
        RejectionCode::Limit,
    ] {
        let (field, message) = ("log_written.message".to_owned(), "not UTF-8".to_owned());
        let rejection = Rejection { code, field, message };
        let fact = Fact::Rejected { producer: id("w1"), pseq: Some(Pseq(900)), rejection };
        add(format!("rejected.{}", word(code)), fact);
    }
    add("voted".into(), Fact::Voted { gate: id("deploy:1"), vote: Arc::new(vote()) });
    for (name, resolution) in resolutions() {
        add(format!("resolved.{name}"), Fact::Resolved { gate: id("deploy:1"), resolution });
    }
    for delivery in DELIVERIES {
        let (gate, decision) = (id("deploy:1"), decision(DecisionSource::Human));
        let reason = delivery.is_final().then(|| "because".into());
        let fact = Fact::Delivered { gate, decision, delivery, reason };
        add(format!("delivered.{}", word(delivery)), fact);
    }
    for (name, kind) in commands() {
        add(format!("commanded.{name}"), Fact::Commanded { command: command(kind) });
    }
    for stage in STAGES {
        let reason = stage.is_final().then(|| "because".into());
        let fact = Fact::CommandMoved { id: id("c-1"), stage, reason };
        add(format!("command_moved.{}", word(stage)), fact);
    }
    let epoch = ProducerEpoch(1 << 63);
    let attached = Fact::EngineAttached { producer: id("w1"), epoch, capabilities: capabilities() };
    add("engine_attached".into(), attached);
    add("engine_lost".into(), Fact::EngineLost { producer: id("w1") });
    all
}

/// Every kind of event with all of its fields, and every word that one may say.
fn kinds() -> Vec<(String, Kind)> {
    let mut all = vec![];
    let mut add = |name: &str, kind| all.push((name.to_owned(), kind));
    add("execution_started", Kind::ExecutionStarted(Box::new(started())));
    add("execution_started.bare", Kind::ExecutionStarted(Box::default()));
    for status in [
        ExecutionStatus::Created,
        ExecutionStatus::Planning,
        ExecutionStatus::Running,
        ExecutionStatus::WaitingGate,
        ExecutionStatus::Pausing,
        ExecutionStatus::Paused,
        ExecutionStatus::Cancelling,
        ExecutionStatus::Completed,
        ExecutionStatus::Failed,
        ExecutionStatus::Cancelled,
        ExecutionStatus::TimedOut,
    ] {
        let (native_status, reason) = (text("native"), text("because"));
        let status = Some(status);
        let it = ExecutionStatusChanged { status, native_status, reason };
        let name = format!("execution_status_changed.{}", word(it.status.unwrap()));
        add(&name, Kind::ExecutionStatusChanged(Box::new(it)));
    }
    add("execution_finished", Kind::ExecutionFinished(Box::new(finished())));
    add(
        "execution_progressed",
        Kind::ExecutionProgressed(ExecutionProgressed {
            fraction: Some(0.1),
            current_node_id: Some(id("task[3]")),
            message: text("half way"),
        }),
    );
    add("node_changed", Kind::NodeChanged(Box::new(node_changed())));
    for status in NODES {
        let it = NodeChanged { status: Some(status), ..NodeChanged::of(id("__proto__")) };
        add(&format!("node_changed.{}", word(status)), Kind::NodeChanged(Box::new(it)));
    }
    let progressed =
        NodeProgressed { node_id: id("n"), fraction: Some(1.0), message: text("all of it") };
    add("node_progressed", Kind::NodeProgressed(progressed));
    for phase in
        [RetryPhase::Started, RetryPhase::BackingOff, RetryPhase::Succeeded, RetryPhase::Exhausted]
    {
        add(&format!("node_retried.{}", word(phase)), Kind::NodeRetried(Box::new(retried(phase))));
    }
    add("graph_declared", Kind::GraphDeclared(Box::new(graph())));
    let mutated = GraphMutated {
        mutation_id: text("m-1"),
        mutation_kind: text("add_node"),
        trigger: text("failure"),
        reason: text("because"),
        recommended_by: text("a model"),
        affected_node_ids: ids(&["task[3]"]),
        change: Some(graph()),
        mutation: json("{}"),
    };
    add("graph_mutated", Kind::GraphMutated(Box::new(mutated)));
    add("edge_activated", Kind::EdgeActivated { from: id("a"), to: id("b") });
    let cost = CostIncurred {
        increment_usd_nanos: Some(1),
        total_usd_nanos: Some(2),
        budget_usd_nanos: Some(3),
        node_id: Some(id("n")),
        step_id: text("s1"),
        agent: text("planner"),
        model: text("m-1"),
        input_tokens: Some(4),
        output_tokens: Some(5),
        total_tokens: Some(9),
    };
    add("cost_incurred", Kind::CostIncurred(Box::new(cost)));
    for level in [LogLevel::Debug, LogLevel::Info, LogLevel::Warning, LogLevel::Error] {
        let log = LogWritten {
            message: "a line".into(),
            level,
            node_id: Some(id("n")),
            stream: text("stderr"),
            logger: text("root"),
            metadata: json("{}"),
        };
        add(&format!("log_written.{}", word(level)), Kind::LogWritten(Box::new(log)));
    }
    agents(&mut add);
    files(&mut add);
    gates(&mut add);
    rest(&mut add);
    all
}

const NODES: [NodeStatus; 12] = [
    NodeStatus::Pending,
    NodeStatus::Ready,
    NodeStatus::Queued,
    NodeStatus::Running,
    NodeStatus::WaitingGate,
    NodeStatus::Paused,
    NodeStatus::Retrying,
    NodeStatus::Completed,
    NodeStatus::Failed,
    NodeStatus::Skipped,
    NodeStatus::Cancelled,
    NodeStatus::Mutated,
];

fn started() -> ExecutionStarted {
    ExecutionStarted {
        name: text("Nightly"),
        workflow_id: Some(id("nightly")),
        session_id: text("session"),
        aliases: ids(&["task 1"]),
        task: text("build it"),
        input: Some(cut()),
        agent: text("planner"),
        model: text("m-1"),
        work_dir: text("/srv"),
        planned_nodes: Some(u32::MAX),
        budget_usd_nanos: Some(i64::MIN),
        labels: vec![label("team")],
        traceparent: text("00-aa-bb-01"),
        command_id: Some(id("c-1")),
        start_time: Some(TIME),
        requested_by: text("ada"),
        parent_execution_id: text("x0"),
    }
}

fn finished() -> ExecutionFinished {
    ExecutionFinished {
        status: ExecutionStatus::TimedOut,
        results: json("[]"),
        output: json("9007199254740993"),
        failure: Some(failure()),
        reason: text("because"),
        nodes_completed: Some(1),
        nodes_failed: Some(2),
        duration: Some(Duration::new(86_400, 999_999_999)),
        native_status: text("timeout"),
        finish_time: Some(TIME),
    }
}

fn node_changed() -> NodeChanged {
    NodeChanged {
        node_id: id("task[3]"),
        status: None,
        node_attempt: 2,
        native_status: text("up_for_retry"),
        reason: text("because"),
        label: text("Task"),
        agent: text("planner"),
        goal: text("done"),
        step_id: text("s1"),
        step_number: Some(3),
        input: json("1"),
        output: json("2"),
        failure: Some(failure()),
        metrics: Some(metrics()),
        start_time: Some(TIME),
        finish_time: Some(TIME),
        extra: json("{}"),
    }
}

fn retried(phase: RetryPhase) -> NodeRetried {
    NodeRetried {
        node_id: id("n"),
        phase,
        retry_number: 1,
        max_retries: Some(3),
        error_category: text("network"),
        error_pattern: text("timeout"),
        success_probability: Some(0.75),
        strategy: text("wait"),
        suggestions: vec!["try again".into()],
        backoff: Some(Duration::from_secs(2)),
        next_attempt_time: Some(TIME),
        error: text("it timed out"),
        has_user_feedback: Some(false),
    }
}

fn agents(add: &mut impl FnMut(&str, Kind)) {
    let message = AgentMessage {
        agent: "planner".into(),
        message: "hello".into(),
        role: text("assistant"),
        node_id: Some(id("n")),
        metadata: json("{}"),
    };
    add("agent_message", Kind::AgentMessage(Box::new(message)));
    let thinking = AgentThinking {
        agent: "planner".into(),
        thinking: Some(true),
        message: text("hm"),
        node_id: Some(id("n")),
    };
    add("agent_thinking", Kind::AgentThinking(Box::new(thinking)));
    let tool = ToolCalled {
        agent: text("planner"),
        tool_name: "grep".into(),
        arguments: json("[]"),
        result: json("0"),
        node_id: Some(id("n")),
        call_id: text("call-1"),
        error: text("none"),
    };
    add("tool_called", Kind::ToolCalled(Box::new(tool)));
    let code = CodeExecuted {
        agent: text("planner"),
        code: "1 + 1".into(),
        language: text("python"),
        result: json("2"),
        node_id: Some(id("n")),
        error: text("none"),
    };
    add("code_executed", Kind::CodeExecuted(Box::new(code)));
    let metric = MetricMeasured {
        name: "load".into(),
        value: Some(-0.5),
        unit: text("1"),
        node_id: Some(id("n")),
        metadata: json("{}"),
    };
    add("metric_measured", Kind::MetricMeasured(Box::new(metric)));
}

fn files(add: &mut impl FnMut(&str, Kind)) {
    for action in [FileAction::Created, FileAction::Updated, FileAction::Deleted, FileAction::Batch]
    {
        let file = FileChanged {
            path: "a/b.txt".into(),
            action,
            file_type: text("text"),
            size: Some(u64::MAX),
            node_id: Some(id("n")),
            step_id: text("s1"),
            files_tracked: Some(7),
        };
        add(&format!("file_changed.{}", word(action)), Kind::FileChanged(Box::new(file)));
    }
    let reported = FailureReported { failure: failure(), step_id: text("s1") };
    add("failure_reported", Kind::FailureReported(Box::new(reported)));
    for reason in [
        DropReason::Unspecified,
        DropReason::OutboxFull,
        DropReason::TooLarge,
        DropReason::Sampled,
        DropReason::Shutdown,
    ] {
        let (first_drop_time, last_drop_time) = (Some(TIME), Some(TIME));
        let dropped = EventsDropped { count: 3, reason, first_drop_time, last_drop_time };
        add(&format!("events_dropped.{}", word(reason)), Kind::EventsDropped(dropped));
    }
}

fn gates(add: &mut impl FnMut(&str, Kind)) {
    add("gate_opened", Kind::GateOpened(Box::new(gate_opened())));
    for (n, on_timeout) in [
        TimeoutAction::Expire,
        TimeoutAction::Reject,
        TimeoutAction::Escalate,
        TimeoutAction::Abort,
        TimeoutAction::Approve,
    ]
    .into_iter()
    .enumerate()
    {
        let classes = [None, Some(Classification::QualityCheck), Some(Classification::Calibration)];
        let classification = classes[n % 3];
        let gate = GateOpened { on_timeout, classification, ..GateOpened::of(id("g"), 1) };
        add(&format!("gate_opened.{}", word(on_timeout)), Kind::GateOpened(Box::new(gate)));
    }
    for reason in [
        CloseReason::Withdrawn,
        CloseReason::DecidedElsewhere,
        CloseReason::Cancelled,
        CloseReason::Unreachable,
        CloseReason::NoApprover,
    ] {
        let closed = GateClosed {
            gate_id: id("g"),
            gate_version: 1,
            reason,
            message: text("because"),
            option_id: text("approve"),
            kind: Some(DecisionKind::Approve),
            closed_by: text("kim"),
        };
        add(&format!("gate_closed.{}", word(reason)), Kind::GateClosed(Box::new(closed)));
    }
    for outcome in OUTCOMES {
        let said = DecisionOutcome {
            decision_id: id("d-1"),
            gate_id: id("g"),
            gate_version: 1,
            outcome,
            reason: text("because"),
            node_status_after: Some(NodeStatus::Running),
        };
        add(&format!("decision_outcome.{}", word(outcome)), Kind::DecisionOutcome(Box::new(said)));
    }
}

const OUTCOMES: [OutcomeStatus; 5] = [
    OutcomeStatus::InProgress,
    OutcomeStatus::Applied,
    OutcomeStatus::Refused,
    OutcomeStatus::Failed,
    OutcomeStatus::Unknown,
];

fn rest(add: &mut impl FnMut(&str, Kind)) {
    let (reason, result) = (text("because"), json("{}"));
    let outcome = OutcomeStatus::Applied;
    let said = CommandOutcome { command_id: id("c-1"), outcome, reason, result };
    add("command_outcome", Kind::CommandOutcome(Box::new(said)));
    for action in [WorkflowAction::Created, WorkflowAction::Updated, WorkflowAction::Deleted] {
        let changed = WorkflowChanged { workflow_id: id("nightly"), action, workflow: json("{}") };
        let name = format!("workflow_changed.{}", word(action));
        add(&name, Kind::WorkflowChanged(Box::new(changed)));
    }
    let captured = Captured {
        captured_event_id: "ev-1".into(),
        event_type: "llm".into(),
        event_subtype: text("start"),
        agent: text("planner"),
        node_id: Some(id("n")),
        execution_order: Some(-1),
        depth: Some(2),
        data: json("{}"),
    };
    add("captured", Kind::Captured(Box::new(captured)));
    for priority in [Priority::Stream, Priority::State, Priority::Critical] {
        let opaque = Opaque {
            protocol: "windags".into(),
            json: Json::whole("{}"),
            priority,
            replay: true,
            state_key: text("k"),
        };
        add(&format!("opaque.{}", word(priority)), Kind::Opaque(Box::new(opaque)));
    }
}

fn checkpoint(at: Seq) -> Checkpoint {
    let vote = vote();
    let entry = (id("deploy:1"), 2, Arc::new(vote.clone()));
    Checkpoint {
        at,
        state: state(),
        votes: BTreeMap::from([(vote.decision_id, entry)]),
        hashes: vec![(id("w1"), vec![0, 1, u64::MAX]), (id("w2"), vec![])],
    }
}

fn state() -> Execution {
    let node = |(n, status): (usize, NodeStatus)| {
        let id: footplate::model::NodeId = format!("n{n}").parse().unwrap();
        let node = Node { status, since: Seq(n as u64), ..Node::new(id.clone()) };
        (id, Arc::new(node))
    };
    let mut nodes: BTreeMap<_, _> = NODES.into_iter().enumerate().map(node).collect();
    nodes.insert(id("task[3]"), Arc::new(whole_node()));
    let gate = |(n, (_, resolution)): (usize, (&str, Resolution))| {
        let delivery = resolution.decision().map(|_| DELIVERIES[n % 7]);
        let asked = GateOpened { gate_id: id(&format!("g{n}")), ..gate_opened() };
        let gate = Gate {
            asked: Arc::new(asked),
            producer: id("w1"),
            resolution,
            delivery,
            reason: text("because"),
            votes: vec![Arc::new(vote())],
            opened: TIME,
            since: Seq(n as u64),
        };
        (gate.asked.gate_id.clone(), Arc::new(gate))
    };
    let commands = commands().into_iter().zip(STAGES).map(|((name, kind), stage)| {
        let command = command(kind);
        let (reason, result, since) = (text("because"), json("{}"), Seq(8));
        let state = CommandState { command, stage, reason, result, since };
        (id(name), Arc::new(state))
    });
    let edge = Edge { graph: Some(Arc::new(graph_edge())), active: true };
    let bare = Edge { graph: None, active: false };
    let presence = Presence {
        attached: false,
        epoch: ProducerEpoch(7),
        pseq: Pseq(90),
        capabilities: capabilities(),
    };
    let spent = Totals { usd_nanos: -1, input_tokens: 2, output_tokens: 3, tokens: 5 };
    Execution {
        outline: Arc::new(outline()),
        nodes,
        under_way: BTreeSet::from([(Seq(3), id("n3"))]),
        edges: BTreeMap::from([((id("a"), id("b")), bare), ((id("b"), id("task[3]")), edge)]),
        gates: resolutions().into_iter().enumerate().map(gate).collect(),
        commands: commands.collect(),
        errors: VecDeque::from([(TIME, failure())]),
        producers: BTreeMap::from([(id("w1"), presence)]),
        spent: BTreeMap::from([(id("w1"), spent)]),
        budget_usd_nanos: Some(1),
        dropped: 2,
        rejected: 3,
        first_time: TIME,
        last_time: TIME,
        progress: Progress {
            status: ExecutionStatus::Running,
            nodes: 13,
            running: 1,
            waiting: 2,
            completed: 3,
            failed: 4,
            open_gates: 1,
        },
    }
}

fn whole_node() -> Node {
    Node {
        id: id("task[3]"),
        status: NodeStatus::Retrying,
        attempt: 2,
        native_status: text("up_for_retry"),
        reason: text("because"),
        graph: Some(Arc::new(graph_node())),
        label: text("Task"),
        agent: text("planner"),
        goal: text("done"),
        step_id: text("s1"),
        step_number: Some(3),
        input: json("1"),
        output: json("2"),
        failure: Some(failure()),
        metrics: Some(metrics()),
        start_time: Some(TIME),
        finish_time: Some(TIME),
        extra: json("{}"),
        fraction: Some(0.5),
        progress_message: text("half way"),
        retry: Some((RetryPhase::BackingOff, 2)),
        since: Seq(5),
        began: Some((Seq(4), TIME)),
        ended: Some(TIME),
    }
}

fn outline() -> Outline {
    let info = Info {
        name: text("Nightly"),
        workflow_id: Some(id("nightly")),
        session_id: text("session"),
        aliases: ids(&["task 1"]),
        task: text("build it"),
        input: json("{}"),
        agent: text("planner"),
        model: text("m-1"),
        work_dir: text("/srv"),
        planned_nodes: Some(13),
        labels: vec![label("team")],
        traceparent: text("00-aa-bb-01"),
        start_time: Some(TIME),
        requested_by: text("ada"),
        parent_execution_id: text("x0"),
        started_by: Some(id("w1")),
    };
    let ending = Ending {
        status: ExecutionStatus::Failed,
        results: json("[]"),
        output: json("{}"),
        failure: Some(failure()),
        reason: text("because"),
        nodes_completed: 1,
        nodes_failed: 2,
        duration_micros: Some(-5),
        finish_time: TIME,
    };
    Outline {
        info,
        native_status: text("native"),
        reason: text("because"),
        fraction: Some(0.5),
        current_node: Some(id("task[3]")),
        message: text("half way"),
        held: vec!["task[3]".into()],
        ending: Some(ending),
    }
}

/// What somebody of a tenant has asked for.
fn of_a_tenant() -> KeptRecord {
    let by = Principal { tenant: text("acme"), ..principal() };
    let reason = text("because");
    let kind = CommandKind::Pause;
    let command = Arc::new(Command { id: id("c-9"), kind, reason, by, time: TIME });
    let fact = Fact::Commanded { command };
    KeptRecord { time: TIME, hash: 0, size: 0, restored: false, fact }
}

fn kept(last: Seq) -> [Kept; 3] {
    let lane = |producer: &str, next, needs_state| KeptLane {
        producer: id(producer),
        next: Pseq(next),
        needs_state,
    };
    let whole = Kept {
        execution: id("x1"),
        owner: Identity("unix:1000".into()),
        epoch: EPOCH,
        last,
        lanes: vec![lane("w1", 91, false), lane("w2", 1, true)],
        aliases: ids(&["task 1", "täglich"]),
        starter: Some(id("w2")),
    };
    let bare = Kept {
        execution: id("x2"),
        owner: Identity("here".into()),
        epoch: Epoch { boot: 1, nth: 4 },
        last: Seq(1),
        lanes: vec![lane("w1", 2, false)],
        aliases: vec![],
        starter: None,
    };
    let tenants = Kept {
        execution: id("x3"),
        owner: Identity::of("key:nightly", Some("acme")),
        epoch: Epoch { boot: 1, nth: 5 },
        last: Seq(1),
        lanes: vec![],
        aliases: vec![],
        starter: None,
    };
    assert_eq!(tenants.owner.tenant(), Some("acme"));
    [whole, bare, tenants]
}

fn fence() -> Fence {
    Fence { producer: id("w1"), epoch: ProducerEpoch(7), identity: Identity("unix:1000".into()) }
}

fn tombstone() -> Tombstone {
    Tombstone {
        execution: id("x0"),
        owner: Identity("unix:1000".into()),
        epoch: Epoch { boot: 1, nth: 1 },
        last: Seq(12),
        next: vec![(id("w1"), Pseq(9)), (id("w2"), Pseq(1))],
        until: Timestamp(TIME.0 + 86_400_000_000),
    }
}
