//! A fact with its place in the execution's log.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::{
    Capabilities, Command, CommandId, CommandState, Cost, Decision, Delivery, Event, ExecutionId,
    ExecutionStatus, Gate, GateId, GraphDelta, Node, NodeId, NodeStatus, Nodes, Outline, Position,
    Presence, ProducerEpoch, ProducerId, Pseq, Resolution, Text, Timestamp, Totals, Vote,
    state::CommandStage,
};

/// What the relay retains, replays and has rendered.
///
/// A dialect renders a record without looking at anything else, so a record carries the few derived
/// facts (`after`) that a wire protocol may want to state beside the fact itself.
#[derive(Debug, Clone, PartialEq)]
pub struct Record {
    /// Whose log.
    pub execution: ExecutionId,
    /// Where in it.
    pub position: Position,
    /// When the relay took it in.
    pub time: Timestamp,
    /// What.
    pub fact: Fact,
    /// Of an event: what its bytes were. Nothing, for a fact of the relay's own.
    pub origin: Origin,
    /// Set where an event contradicts what came before, and therefore changed nothing.
    pub contradiction: Option<Contradiction>,
    /// What it amounts to.
    pub after: After,
}

/// What is remembered of how an event came.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Origin {
    /// The hash of its bytes.
    pub hash: u64,
    /// How many there were.
    pub size: usize,
    /// Whether an engine reported it because the relay had lost its memory.
    pub restored: bool,
}

/// What engines said stands in one log with what the relay itself knows.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum Fact {
    /// An engine's event. Without a `pseq` it was unnumbered, or part of a state report.
    Said {
        /// Who said it.
        producer: ProducerId,
        /// Its number in the producer's lane.
        pseq: Option<Pseq>,
        /// What it says.
        event: Arc<Event>,
    },
    /// An event that could not be kept. It consumes its number, or it would come again for ever.
    Rejected {
        /// Who said it.
        producer: ProducerId,
        /// Its number in the producer's lane.
        pseq: Option<Pseq>,
        /// Why.
        rejection: Rejection,
    },
    /// Somebody voted at a gate.
    Voted {
        /// The gate.
        gate: GateId,
        /// The vote.
        vote: Arc<Vote>,
    },
    /// A gate was settled by the relay. Exactly one of these per gate version.
    Resolved {
        /// The gate.
        gate: GateId,
        /// How.
        resolution: Resolution,
    },
    /// A decision moved on its way to the engine.
    Delivered {
        /// The gate.
        gate: GateId,
        /// The decision.
        decision: Arc<Decision>,
        /// How far.
        delivery: Delivery,
        /// Why, where it failed.
        reason: Option<Text>,
    },
    /// Somebody gave a command.
    Commanded {
        /// The command.
        command: Arc<Command>,
    },
    /// A command moved on its way to the engine.
    CommandMoved {
        /// Which.
        id: CommandId,
        /// How far.
        stage: CommandStage,
        /// Why, where it failed.
        reason: Option<Text>,
    },
    /// A producer's stream ended while its execution goes on.
    EngineLost {
        /// Which.
        producer: ProducerId,
    },
    /// A producer is attached: for the first time, or again.
    EngineAttached {
        /// Which.
        producer: ProducerId,
        /// Which start of its process.
        epoch: ProducerEpoch,
        /// What it can be told to do.
        capabilities: Capabilities,
    },
}

/// Why an event did not change anything. It is kept, numbered and acknowledged all the same: the
/// engine is the authority on what it said, and a refused event would be sent again for ever.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Contradiction {
    /// The execution has ended; only log lines and late outcomes may still arrive.
    AlreadyOver,
    /// A gate closed that was never open, or whose outcome belongs to no decision.
    NoSuchGate,
    /// A gate opened that was settled: it is single-use. Its engine is told what was decided.
    GateSettled,
    /// An outcome came from another producer than the one that is asked.
    NotYours,
    /// An older attempt of a node spoke after a newer one.
    OldAttempt,
    /// An outcome for a command that nobody gave.
    NoSuchCommand,
    /// An outcome that was known already. Engines say it again when they are asked again.
    Repeated,
}

/// Why an event was not kept.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rejection {
    /// What kind of fault.
    pub code: RejectionCode,
    /// The path of the field at fault, in the proto's names. Empty: the event itself.
    pub field: String,
    /// What is wrong with it, for a person.
    pub message: String,
}

/// The kinds of fault; `IssueCode` on the wire.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[expect(missing_docs, reason = "the words say it")]
pub enum RejectionCode {
    Malformed,
    Utf8,
    NotFinite,
    Json,
    Depth,
    TooLarge,
    UnknownKind,
    Invalid,
    Limit,
}

/// An event as its door hands it on: where it could not be read, the reason stands in its place.
#[derive(Debug, Clone, PartialEq)]
pub struct Received {
    /// A hash of the bytes that came: the same number with other bytes is a conflict.
    pub hash: u64,
    /// How many bytes came.
    pub size: usize,
    /// What the bytes say.
    pub event: Result<Arc<Event>, Rejection>,
}

/// What an engine is told of one of its events beside the acknowledgement.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Issue {
    /// It was not kept.
    Rejected(Rejection),
    /// It was kept, and changed nothing.
    Contradiction(Contradiction),
    /// Its number was used for other bytes before. The first stands.
    Conflict,
    /// It was kept, and a part of what it asks for is not done here.
    Unsupported {
        /// The path of the field, in the proto's names.
        field: &'static str,
        /// What happens instead, for a person.
        message: &'static str,
    },
}

/// What one record amounts to: derived once, when it is applied. Only what the fact touched is set.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct After {
    /// Where the execution stands.
    pub progress: Progress,
    /// Where it stood before.
    pub before: Progress,
    /// Whether its engine says for the first time that it began.
    pub began: bool,
    /// The node as it is now.
    pub node: Option<Arc<Node>>,
    /// What the node's status was.
    pub old_status: Option<NodeStatus>,
    /// Whether the node's status is another one now.
    pub moved: bool,
    /// The gate as it is now.
    pub gate: Option<Arc<Gate>>,
    /// The command as it is now.
    pub command: Option<Arc<CommandState>>,
    /// What was spent so far.
    pub cost: Option<Cost>,
    /// All nodes, at the end of an execution, for protocols that sum up; and those that a change of
    /// the graph touched.
    pub nodes: Option<Arc<Nodes>>,
    /// What is said of the execution as a whole, as it is now.
    pub outline: Option<Arc<Outline>>,
    /// The same, whatever the fact touched: for protocols that say it again beside each change.
    pub whole: Option<Arc<Outline>>,
    /// The node that the execution is at, whatever the fact touched.
    pub current: Option<NodeId>,
    /// What became of the graph.
    pub graph: Option<Arc<GraphDelta>>,
    /// The producer as it is now, where more of it changed than the number of its last event.
    pub presence: Option<Arc<Presence>>,
    /// What the producer has spent so far.
    pub spent: Option<Totals>,
    /// What of it is new: with all others it adds up to what was spent, whoever stated what. Nothing
    /// is, of what an engine reports because the relay has lost its memory.
    pub added: Option<Totals>,
}

/// Where an execution stands, in numbers.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
pub struct Progress {
    /// As its engine states it.
    pub status: ExecutionStatus,
    /// Nodes known.
    pub nodes: u32,
    /// Of them running (or retrying).
    pub running: u32,
    /// Of them waiting at a gate.
    pub waiting: u32,
    /// Of them completed (or skipped).
    pub completed: u32,
    /// Of them failed (or cancelled).
    pub failed: u32,
    /// Gates that are open.
    pub open_gates: u32,
}
