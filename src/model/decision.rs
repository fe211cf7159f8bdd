//! What viewers decide and command, before and after the relay has agreed to it.

use serde::{Deserialize, Serialize};

use super::{
    CommandId, DecisionId, DecisionKind, GateId, Json, NodeId, Principal, Text, Timestamp,
    WorkflowId,
};

/// Which question is meant. A dialect that only names the node means the gate that waits there; one
/// that knows no versions means the gate as it is asked now.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(missing_docs, reason = "the words say it")]
pub enum Target {
    Gate { gate: GateId, version: u32 },
    Newest(GateId),
    Node(NodeId),
}

/// A viewer's wish to decide.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DecisionAsk {
    /// `None` in dialects that know no such thing: the relay derives one from what is said.
    pub id: Option<DecisionId>,
    /// The execution, by its own name or by an alias.
    pub execution: Text,
    /// The gate.
    pub target: Target,
    /// The option, verbatim.
    pub option: Text,
    /// Why.
    pub comment: Option<Text>,
    /// A full replacement of the gate's payload.
    pub modification: Option<Json>,
    /// The digest of what was shown.
    pub payload_sha256: Option<[u8; 32]>,
}

/// One person's answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[expect(missing_docs, reason = "fields are described in decision.proto")]
pub struct Vote {
    pub decision_id: DecisionId,
    pub by: Principal,
    pub kind: DecisionKind,
    pub option: Text,
    pub comment: Option<Text>,
    pub modification: Option<Json>,
    pub payload_sha256: Option<[u8; 32]>,
    pub time: Timestamp,
    #[serde(default)]
    pub modification_sha256: Option<[u8; 32]>,
}

impl Vote {
    /// Whether both want the same: the option, and what shall be done instead.
    pub fn agrees(&self, other: &Self) -> bool {
        self.kind == other.kind
            && self.option == other.option
            && self.modification_sha256 == other.modification_sha256
    }
}

/// A decision that was taken, as it is kept and as it travels to the engine.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[expect(missing_docs, reason = "fields are described in decision.proto")]
pub struct Decision {
    pub id: DecisionId,
    pub gate: GateId,
    pub version: u32,
    pub node: Option<NodeId>,
    pub kind: DecisionKind,
    pub option: Text,
    pub comment: Option<Text>,
    pub modification: Option<Json>,
    pub payload_sha256: Option<[u8; 32]>,
    /// `None`: the deadline decided.
    pub by: Option<Principal>,
    /// All votes of the gate's version, in their order; the last one settled it.
    pub votes: Vec<Vote>,
    pub source: DecisionSource,
    pub time: Timestamp,
    #[serde(default)]
    pub modification_sha256: Option<[u8; 32]>,
}

/// Who or what decided.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[expect(missing_docs, reason = "the words say it")]
pub enum DecisionSource {
    Human,
    Service,
    Timer,
    TimerAfterRestart,
    AdminOverride,
}

/// What an engine says became of a decision or a command.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[expect(missing_docs, reason = "the words say it")]
pub enum OutcomeStatus {
    InProgress,
    Applied,
    Refused,
    Failed,
    Unknown,
}

/// What a command wants.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[expect(missing_docs, reason = "the words say it")]
pub enum CommandKind {
    Pause,
    Resume,
    Cancel,
    Start { workflow: WorkflowId, input: Option<Json> },
    Custom { name: Text, payload: Option<Json> },
}

/// A viewer's wish to command.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CommandAsk {
    /// `None` in dialects that know no such thing: the relay makes one.
    pub id: Option<CommandId>,
    /// The execution, by its own name or by an alias. Of a start: the name that it is to have;
    /// `None`: the relay names it.
    pub execution: Option<Text>,
    /// What is wanted.
    pub kind: CommandKind,
    /// Why.
    pub reason: Option<Text>,
}

/// A command that was taken, as it is kept and as it travels to the engine.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[expect(missing_docs, reason = "fields are described in decision.proto")]
pub struct Command {
    pub id: CommandId,
    pub kind: CommandKind,
    pub reason: Option<Text>,
    pub by: Principal,
    pub time: Timestamp,
}
