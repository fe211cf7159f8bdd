//! What an engine says happened. One struct for each kind of `event.proto`, under the same names;
//! there each field is described.

use serde::{Deserialize, Serialize};

use super::{
    Alias, CommandId, DecisionId, GateClosed, GateId, GateOpened, Json, Label, NodeId,
    OutcomeStatus, Text, Timestamp, WorkflowId,
};
use std::time::Duration;

/// One immutable fact, stated by an engine.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Event {
    /// When it happened, by the engine's clock.
    pub time: Option<Timestamp>,
    /// The same event in the words of a viewers' protocol. Live and replay only.
    pub native_forms: Vec<NativeForm>,
    /// What happened.
    pub kind: Kind,
}

/// An event as a viewers' protocol puts it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct NativeForm {
    /// The dialect's name.
    pub protocol: Text,
    /// The message.
    pub json: Json,
}

/// The kinds of event. The large ones are boxed: a log line must not cost a kilobyte.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[expect(missing_docs, reason = "each names the struct that documents it")]
pub enum Kind {
    ExecutionStarted(Box<ExecutionStarted>),
    ExecutionStatusChanged(Box<ExecutionStatusChanged>),
    ExecutionFinished(Box<ExecutionFinished>),
    ExecutionProgressed(ExecutionProgressed),
    NodeChanged(Box<NodeChanged>),
    NodeProgressed(NodeProgressed),
    NodeRetried(Box<NodeRetried>),
    GraphDeclared(Box<GraphDeclared>),
    GraphMutated(Box<GraphMutated>),
    EdgeActivated { from: NodeId, to: NodeId },
    CostIncurred(Box<CostIncurred>),
    LogWritten(Box<LogWritten>),
    AgentMessage(Box<AgentMessage>),
    AgentThinking(Box<AgentThinking>),
    ToolCalled(Box<ToolCalled>),
    CodeExecuted(Box<CodeExecuted>),
    MetricMeasured(Box<MetricMeasured>),
    FileChanged(Box<FileChanged>),
    FailureReported(Box<FailureReported>),
    EventsDropped(EventsDropped),
    GateOpened(Box<GateOpened>),
    GateClosed(Box<GateClosed>),
    DecisionOutcome(Box<DecisionOutcome>),
    CommandOutcome(Box<CommandOutcome>),
    WorkflowChanged(Box<WorkflowChanged>),
    Captured(Box<Captured>),
    Opaque(Box<Opaque>),
}

/// Where an execution stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[expect(missing_docs, reason = "the words say it")]
pub enum ExecutionStatus {
    #[default]
    Created,
    Planning,
    Running,
    WaitingGate,
    Pausing,
    Paused,
    Cancelling,
    Completed,
    Failed,
    Cancelled,
    TimedOut,
}

impl ExecutionStatus {
    /// Whether nothing follows it.
    pub fn is_final(self) -> bool {
        match self {
            Self::Completed | Self::Failed | Self::Cancelled | Self::TimedOut => true,
            Self::Created
            | Self::Planning
            | Self::Running
            | Self::WaitingGate
            | Self::Pausing
            | Self::Paused
            | Self::Cancelling => false,
        }
    }
}

/// Where a node stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[expect(missing_docs, reason = "the words say it")]
pub enum NodeStatus {
    #[default]
    Pending,
    Ready,
    Queued,
    Running,
    WaitingGate,
    Paused,
    Retrying,
    Completed,
    Failed,
    Skipped,
    Cancelled,
    Mutated,
}

/// An execution began. Sent again it adds what it states.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[expect(missing_docs, reason = "fields are described in event.proto")]
pub struct ExecutionStarted {
    pub name: Option<Text>,
    pub workflow_id: Option<WorkflowId>,
    pub session_id: Option<Text>,
    pub aliases: Vec<Alias>,
    pub task: Option<Text>,
    pub input: Option<Json>,
    pub agent: Option<Text>,
    pub model: Option<Text>,
    pub work_dir: Option<Text>,
    pub planned_nodes: Option<u32>,
    pub budget_usd_nanos: Option<i64>,
    pub labels: Vec<Label>,
    pub traceparent: Option<Text>,
    pub command_id: Option<CommandId>,
    pub start_time: Option<Timestamp>,
    pub requested_by: Option<Text>,
    pub parent_execution_id: Option<Text>,
}

/// An execution changed its status, but did not end.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[expect(missing_docs, reason = "fields are described in event.proto")]
pub struct ExecutionStatusChanged {
    pub status: Option<ExecutionStatus>,
    pub native_status: Option<Text>,
    pub reason: Option<Text>,
}

/// An execution ended.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[expect(missing_docs, reason = "fields are described in event.proto")]
pub struct ExecutionFinished {
    pub status: ExecutionStatus,
    pub results: Option<Json>,
    pub output: Option<Json>,
    pub failure: Option<Failure>,
    pub reason: Option<Text>,
    pub nodes_completed: Option<u32>,
    pub nodes_failed: Option<u32>,
    pub duration: Option<Duration>,
    pub native_status: Option<Text>,
    pub finish_time: Option<Timestamp>,
}

/// How far an execution has come. The latest wins.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[expect(missing_docs, reason = "fields are described in event.proto")]
pub struct ExecutionProgressed {
    pub fraction: Option<f64>,
    pub current_node_id: Option<NodeId>,
    pub message: Option<Text>,
}

/// What went wrong.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[expect(missing_docs, reason = "fields are described in value.proto")]
pub struct Failure {
    pub error_type: Option<Text>,
    pub message: String,
    pub traceback: Option<Text>,
    pub node_id: Option<NodeId>,
}

/// A node changed. What is absent is unchanged within an attempt.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[expect(missing_docs, reason = "fields are described in event.proto")]
pub struct NodeChanged {
    pub node_id: NodeId,
    pub status: Option<NodeStatus>,
    pub node_attempt: u32,
    pub native_status: Option<Text>,
    pub reason: Option<Text>,
    pub label: Option<Text>,
    pub agent: Option<Text>,
    pub goal: Option<Text>,
    pub step_id: Option<Text>,
    pub step_number: Option<i32>,
    pub input: Option<Json>,
    pub output: Option<Json>,
    pub failure: Option<Failure>,
    pub metrics: Option<NodeMetrics>,
    pub start_time: Option<Timestamp>,
    pub finish_time: Option<Timestamp>,
    pub extra: Option<Json>,
}

impl NodeChanged {
    /// A change of nothing yet.
    pub fn of(node_id: NodeId) -> Self {
        Self {
            node_id,
            status: None,
            node_attempt: 0,
            native_status: None,
            reason: None,
            label: None,
            agent: None,
            goal: None,
            step_id: None,
            step_number: None,
            input: None,
            output: None,
            failure: None,
            metrics: None,
            start_time: None,
            finish_time: None,
            extra: None,
        }
    }
}

/// What a node has used.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[expect(missing_docs, reason = "fields are described in event.proto")]
pub struct NodeMetrics {
    pub input_tokens: Option<i64>,
    pub output_tokens: Option<i64>,
    pub cost_usd_nanos: Option<i64>,
    pub duration: Option<Duration>,
    pub retries: Option<u32>,
    pub model: Option<Text>,
    pub extra: Option<Json>,
}

/// How far a node has come. The latest wins.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[expect(missing_docs, reason = "fields are described in event.proto")]
pub struct NodeProgressed {
    pub node_id: NodeId,
    pub fraction: Option<f64>,
    pub message: Option<Text>,
}

/// Where a retry stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[expect(missing_docs, reason = "the words say it")]
pub enum RetryPhase {
    Started,
    BackingOff,
    Succeeded,
    Exhausted,
}

/// A node is tried again.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[expect(missing_docs, reason = "fields are described in event.proto")]
pub struct NodeRetried {
    pub node_id: NodeId,
    pub phase: RetryPhase,
    pub retry_number: u32,
    pub max_retries: Option<u32>,
    pub error_category: Option<Text>,
    pub error_pattern: Option<Text>,
    pub success_probability: Option<f64>,
    pub strategy: Option<Text>,
    pub suggestions: Vec<Text>,
    pub backoff: Option<Duration>,
    pub next_attempt_time: Option<Timestamp>,
    pub error: Option<Text>,
    pub has_user_feedback: Option<bool>,
}

/// A node as the graph names it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[expect(missing_docs, reason = "fields are described in event.proto")]
pub struct GraphNode {
    pub node_id: NodeId,
    pub label: Option<Text>,
    pub node_type: Option<Text>,
    pub parent_node_id: Option<NodeId>,
    pub agent: Option<Text>,
    pub description: Option<Text>,
    pub goal: Option<Text>,
    pub step_id: Option<Text>,
    pub step_number: Option<i32>,
    pub extra: Option<Json>,
}

/// An edge as the graph names it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[expect(missing_docs, reason = "fields are described in event.proto")]
pub struct GraphEdge {
    pub source: NodeId,
    pub target: NodeId,
    pub edge_id: Option<Text>,
    pub edge_type: Option<Text>,
    pub label: Option<Text>,
    pub extra: Option<Json>,
}

/// The graph, or what is added to and removed from it.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[expect(missing_docs, reason = "fields are described in event.proto")]
pub struct GraphDeclared {
    pub nodes: Vec<GraphNode>,
    pub edges: Vec<GraphEdge>,
    pub replace: bool,
    pub removed_node_ids: Vec<NodeId>,
    pub removed_edges: Vec<(NodeId, NodeId)>,
}

/// The graph was changed while it ran.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[expect(missing_docs, reason = "fields are described in event.proto")]
pub struct GraphMutated {
    pub mutation_id: Option<Text>,
    pub mutation_kind: Option<Text>,
    pub trigger: Option<Text>,
    pub reason: Option<Text>,
    pub recommended_by: Option<Text>,
    pub affected_node_ids: Vec<NodeId>,
    pub change: Option<GraphDeclared>,
    pub mutation: Option<Json>,
}

/// Money and tokens were spent.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[expect(missing_docs, reason = "fields are described in event.proto")]
pub struct CostIncurred {
    pub increment_usd_nanos: Option<i64>,
    pub total_usd_nanos: Option<i64>,
    pub budget_usd_nanos: Option<i64>,
    pub node_id: Option<NodeId>,
    pub step_id: Option<Text>,
    pub agent: Option<Text>,
    pub model: Option<Text>,
    pub input_tokens: Option<i64>,
    pub output_tokens: Option<i64>,
    pub total_tokens: Option<i64>,
}

/// How serious a log line is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[expect(missing_docs, reason = "the words say it")]
pub enum LogLevel {
    Debug,
    #[default]
    Info,
    Warning,
    Error,
}

/// A log line.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[expect(missing_docs, reason = "fields are described in event.proto")]
pub struct LogWritten {
    pub message: Text,
    pub level: LogLevel,
    pub node_id: Option<NodeId>,
    pub stream: Option<Text>,
    pub logger: Option<Text>,
    pub metadata: Option<Json>,
}

/// An agent said something.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[expect(missing_docs, reason = "fields are described in event.proto")]
pub struct AgentMessage {
    pub agent: Text,
    pub message: Text,
    pub role: Option<Text>,
    pub node_id: Option<NodeId>,
    pub metadata: Option<Json>,
}

/// An agent thinks, or has stopped to.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[expect(missing_docs, reason = "fields are described in event.proto")]
pub struct AgentThinking {
    pub agent: Text,
    pub thinking: Option<bool>,
    pub message: Option<Text>,
    pub node_id: Option<NodeId>,
}

/// A tool was called.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[expect(missing_docs, reason = "fields are described in event.proto")]
pub struct ToolCalled {
    pub agent: Option<Text>,
    pub tool_name: Text,
    pub arguments: Option<Json>,
    pub result: Option<Json>,
    pub node_id: Option<NodeId>,
    pub call_id: Option<Text>,
    pub error: Option<Text>,
}

/// Code was run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[expect(missing_docs, reason = "fields are described in event.proto")]
pub struct CodeExecuted {
    pub agent: Option<Text>,
    pub code: Text,
    pub language: Option<Text>,
    pub result: Option<Json>,
    pub node_id: Option<NodeId>,
    pub error: Option<Text>,
}

/// Something was measured.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[expect(missing_docs, reason = "fields are described in event.proto")]
pub struct MetricMeasured {
    pub name: Text,
    pub value: Option<f64>,
    pub unit: Option<Text>,
    pub node_id: Option<NodeId>,
    pub metadata: Option<Json>,
}

/// What became of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[expect(missing_docs, reason = "the words say it")]
pub enum FileAction {
    Created,
    Updated,
    Deleted,
    Batch,
}

/// A file changed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[expect(missing_docs, reason = "fields are described in event.proto")]
pub struct FileChanged {
    pub path: Text,
    pub action: FileAction,
    pub file_type: Option<Text>,
    pub size: Option<u64>,
    pub node_id: Option<NodeId>,
    pub step_id: Option<Text>,
    pub files_tracked: Option<u64>,
}

/// Something failed, and the execution goes on.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[expect(missing_docs, reason = "fields are described in event.proto")]
pub struct FailureReported {
    pub failure: Failure,
    pub step_id: Option<Text>,
}

/// Why events were dropped before they were numbered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[expect(missing_docs, reason = "the words say it")]
pub enum DropReason {
    #[default]
    Unspecified,
    OutboxFull,
    TooLarge,
    Sampled,
    Shutdown,
}

/// The engine dropped events that it never numbered.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[expect(missing_docs, reason = "fields are described in event.proto")]
pub struct EventsDropped {
    pub count: u64,
    pub reason: DropReason,
    pub first_drop_time: Option<Timestamp>,
    pub last_drop_time: Option<Timestamp>,
}

/// What the engine made of a decision.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[expect(missing_docs, reason = "fields are described in event.proto")]
pub struct DecisionOutcome {
    pub decision_id: DecisionId,
    pub gate_id: GateId,
    pub gate_version: u32,
    pub outcome: OutcomeStatus,
    pub reason: Option<Text>,
    pub node_status_after: Option<NodeStatus>,
}

/// What the engine made of a command.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[expect(missing_docs, reason = "fields are described in event.proto")]
pub struct CommandOutcome {
    pub command_id: CommandId,
    pub outcome: OutcomeStatus,
    pub reason: Option<Text>,
    pub result: Option<Json>,
}

/// What became of a workflow's definition.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[expect(missing_docs, reason = "the words say it")]
pub enum WorkflowAction {
    Created,
    Updated,
    Deleted,
}

/// A workflow's definition changed. It belongs to no execution.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[expect(missing_docs, reason = "fields are described in event.proto")]
pub struct WorkflowChanged {
    pub workflow_id: WorkflowId,
    pub action: WorkflowAction,
    pub workflow: Option<Json>,
}

/// An event that the engine captured from what it runs.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[expect(missing_docs, reason = "fields are described in event.proto")]
pub struct Captured {
    pub captured_event_id: Text,
    pub event_type: Text,
    pub event_subtype: Option<Text>,
    pub agent: Option<Text>,
    pub node_id: Option<NodeId>,
    pub execution_order: Option<i64>,
    pub depth: Option<i32>,
    pub data: Option<Json>,
}

/// What may wait or be summed up when there is too much.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[expect(missing_docs, reason = "the words say it")]
pub enum Priority {
    Stream,
    State,
    Critical,
}

/// A message of one dialect that no kind above can say.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[expect(missing_docs, reason = "fields are described in event.proto")]
pub struct Opaque {
    pub protocol: Text,
    pub json: Json,
    pub priority: Priority,
    pub replay: bool,
    pub state_key: Option<Text>,
}
