//! What one viewer alone is told.

use super::Start;
use crate::model::{
    CommandAsk, CommandId, DecisionAsk, DecisionId, DecisionKind, ExecutionId, GateId, NodeId,
    Position, Principal, Resolution, Seq, Target, Text, Timestamp,
};

/// Why a start is refused that nobody can carry out.
pub const NO_STARTER: &str = "no attached engine has named this workflow as one that it can start";
/// Why a command is refused that its engine does not know.
pub(super) const UNABLE: &str = "the engine has not said that it can do this";

/// What one viewer alone is told. Its dialect finds the words, or has none.
#[derive(Debug, Clone, PartialEq)]
pub enum Answer {
    /// From now on it sees what happens.
    Watching {
        /// The execution, by its own name.
        execution: ExecutionId,
        /// Where it begins.
        start: Start,
        /// The newest record.
        head: Position,
    },
    /// No engine has spoken of it.
    Unknown {
        /// As it was asked for.
        execution: ExecutionId,
    },
    /// It can't be shown the state as it was at that record.
    NotThen {
        /// The execution, by its own name.
        execution: ExecutionId,
        /// Why.
        why: NotThen,
    },
    /// How far its decision or command has come.
    Receipt(Receipt),
}

/// Why the state as it was at some record can't be shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NotThen {
    /// There is no such record yet.
    Ahead {
        /// The newest.
        head: Seq,
    },
    /// Memory does not reach back to it, and nothing is kept elsewhere.
    NotKept,
    /// It is no longer kept, or can't be read.
    Gone,
}

/// A staged receipt: nothing says "applied" before the engine did.
#[derive(Debug, Clone, PartialEq)]
pub struct Receipt {
    /// What it is about.
    pub about: Reference,
    /// The execution. Of a start: the one that the relay named.
    pub execution: Option<ExecutionId>,
    /// The gate, where it is about one.
    pub gate: Option<GateId>,
    /// The gate's node.
    pub node: Option<NodeId>,
    /// How far it has come.
    pub stage: Stage,
    /// How the gate was settled instead, where it came too late.
    pub resolution: Option<Box<Resolution>>,
    /// Why, for a person.
    pub reason: Option<Text>,
    /// Who did it: of `AlreadyDecided` the winner.
    pub by: Option<Principal>,
    /// When.
    pub at: Option<Timestamp>,
}

impl Receipt {
    /// A receipt that says no more than its stage.
    pub fn new(about: Reference, stage: Stage) -> Self {
        let (execution, gate, node, resolution) = (None, None, None, None);
        Self { about, execution, gate, node, stage, resolution, reason: None, by: None, at: None }
    }

    /// Whether a command was refused because its engine does not know such a thing.
    pub fn is_unable(&self) -> bool {
        self.stage == Stage::Refused && self.reason.as_deref() == Some(UNABLE)
    }

    /// For a decision in an execution that nobody has spoken of.
    pub fn unknown_gate(ask: &DecisionAsk) -> Self {
        let id = ask.id.clone().unwrap_or_else(DecisionId::none);
        let (gate, node) = match &ask.target {
            Target::Gate { gate, .. } | Target::Newest(gate) => (Some(gate.clone()), None),
            Target::Node(node) => (None, Some(node.clone())),
        };
        Self { gate, node, ..Self::new(Reference::Decision(id), Stage::GateUnknown) }
    }

    /// For a command that was not taken.
    pub fn refused_command(ask: &CommandAsk, reason: &str) -> Self {
        let id = ask.id.clone().unwrap_or_else(CommandId::none);
        let reason = Some(reason.into());
        Self { reason, ..Self::new(Reference::Command(id), Stage::Refused) }
    }
}

/// What a receipt is about.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(missing_docs, reason = "the words say it")]
pub enum Reference {
    Decision(DecisionId),
    Command(CommandId),
}

/// How far a decision or a command has come.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Stage {
    /// It stands in the log.
    Recorded,
    /// It is a vote; more are needed: what there is, and what it takes.
    Voted {
        /// Votes of this kind so far.
        votes: usize,
        /// Votes that settle it.
        needed: usize,
    },
    /// The engine has it.
    Delivered,
    /// The engine has begun (commands only).
    InProgress,
    /// The engine has not answered for a while. It stays queued.
    Waiting,
    /// It took effect.
    Applied,
    /// It was not taken, or the engine would not do it.
    Refused,
    /// It broke.
    Failed,
    /// Nobody knows whether it took effect.
    OutcomeUnknown,
    /// Somebody was first.
    AlreadyDecided {
        /// What the decision amounts to.
        kind: Option<DecisionKind>,
        /// Its option.
        option: Option<Text>,
    },
    /// The question has changed since it was shown.
    GateChanged {
        /// Its version now.
        current: u32,
    },
    /// It need not be decided any longer, and nobody did.
    GateClosed,
    /// Perhaps its engine has yet to speak of it.
    GateUnknown,
    /// Its engine is away, and the operator lets nobody decide meanwhile. The same may be asked again.
    EngineAway,
    /// The id names something else.
    IdReused,
    /// Its principal may not.
    Forbidden,
}
