//! The nouns: what an engine says, what a viewer asks, what the relay keeps, and the names of
//! things. They answer small questions about themselves; they never serialize themselves.

mod decision;
mod event;
mod gate;
mod ids;
mod node;
mod principal;
mod record;
mod state;
mod value;

pub use decision::{
    Command, CommandAsk, CommandKind, Decision, DecisionAsk, DecisionSource, OutcomeStatus, Target,
    Vote,
};
pub use event::{
    AgentMessage, AgentThinking, Captured, CodeExecuted, CommandOutcome, CostIncurred,
    DecisionOutcome, DropReason, Event, EventsDropped, ExecutionFinished, ExecutionProgressed,
    ExecutionStarted, ExecutionStatus, ExecutionStatusChanged, Failure, FailureReported,
    FileAction, FileChanged, GraphDeclared, GraphEdge, GraphMutated, GraphNode, Kind, LogLevel,
    LogWritten, MetricMeasured, NativeForm, NodeChanged, NodeMetrics, NodeProgressed, NodeRetried,
    NodeStatus, Opaque, Priority, RetryPhase, ToolCalled, WorkflowAction, WorkflowChanged,
};
pub use gate::{
    Advice, Classification, CloseReason, CommentRule, DecisionKind, EscalationStep, GateClosed,
    GateOpened, GateOption, OptionStyle, Policy, TimeoutAction,
};
pub use ids::{
    Alias, BadName, CommandId, DecisionId, Epoch, ExecutionId, GateId, LinkId, NodeId, Position,
    ProducerEpoch, ProducerId, Pseq, Seq, ViewerId, WorkflowId,
};
pub use node::{Node, Nodes};
pub use principal::{Identity, Principal, Role};
pub use record::{
    After, Contradiction, Fact, Issue, Origin, Progress, Received, Record, Rejection, RejectionCode,
};
pub use state::{
    CommandStage, CommandState, Cost, Delivery, Edge, Ending, Gate, GraphDelta, Info, Outline,
    Presence, Resolution, Totals,
};
pub use value::{Capabilities, Durability, Json, Label, NoTime, Now, Text, Timestamp};
