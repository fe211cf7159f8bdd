//! What the relay reacts to.

use crate::model::{
    Alias, Capabilities, CommandAsk, CommandId, DecisionAsk, DecisionId, ExecutionId, GateId,
    Identity, LinkId, OutcomeStatus, Principal, ProducerEpoch, ProducerId, Pseq, Received, Text,
    ViewerId, WorkflowId,
};

/// Everything that can happen to the relay. The set is closed on purpose: to see what the relay
/// reacts to, read this. An engine's stream is its `link`; what a link has not greeted for, or what
/// comes over one that has been ended, is ignored.
#[derive(Debug)]
pub enum Input {
    /// An engine greets. Nothing of it is heard before.
    Greeted {
        /// Its stream.
        link: LinkId,
        /// What it says of itself.
        hello: Hello,
    },
    /// It names further executions that it works on.
    Claimed {
        /// Its stream.
        link: LinkId,
        /// One for each execution.
        claims: Vec<Claim>,
    },
    /// Consecutive events.
    Published {
        /// Its stream.
        link: LinkId,
        /// The execution, or [`ExecutionId::of_workflow`].
        execution: ExecutionId,
        /// The number of the first event; `None`: they are not numbered.
        first: Option<Pseq>,
        /// Echoed in the result.
        batch_ref: u64,
        /// Where its door could not read one, the reason stands in its place.
        events: Vec<Received>,
    },
    /// A whole state report: events that rebuild the state after all numbers up to `as_of`.
    Reported {
        /// Its stream.
        link: LinkId,
        /// The execution.
        execution: ExecutionId,
        /// The last number that the state covers.
        as_of: Pseq,
        /// The state, as events.
        events: Vec<Received>,
    },
    /// An engine has a decision or a command in its hands.
    Receipted {
        /// Its stream.
        link: LinkId,
        /// The execution.
        execution: ExecutionId,
        /// Which.
        about: super::Reference,
    },
    /// An engine no longer wants an answer, and asks whether it is in time to say so.
    Withdrawn {
        /// Its stream.
        link: LinkId,
        /// The execution.
        execution: ExecutionId,
        /// The gate.
        gate: GateId,
        /// The version that it withdraws.
        version: u32,
        /// Why.
        reason: Option<Text>,
    },
    /// A stream of an engine has ended, with or without a farewell.
    Detached {
        /// The stream.
        link: LinkId,
    },
    /// A viewer decides. Its door has established who that is; the shard, that they may.
    Decided {
        /// Whom to answer.
        viewer: ViewerId,
        /// Who decides.
        principal: Principal,
        /// What.
        ask: DecisionAsk,
    },
    /// A viewer commands. As above.
    Commanded {
        /// Whom to answer.
        viewer: ViewerId,
        /// Who commands.
        principal: Principal,
        /// What.
        ask: CommandAsk,
    },
}

/// What an engine says of itself.
#[derive(Debug, Clone)]
pub struct Hello {
    /// Its stable name.
    pub producer: ProducerId,
    /// Which start of its process: the only fence.
    pub epoch: ProducerEpoch,
    /// Who it is, as its door has verified.
    pub identity: Identity,
    /// Whether it listens: a unary publish has no stream to be told anything on.
    pub listens: bool,
    /// What it can be told to do.
    pub capabilities: Capabilities,
    /// The workflows that it can start.
    pub startable: Vec<WorkflowId>,
    /// The executions that it works on.
    pub claims: Vec<Claim>,
}

/// What an engine knows of one of its executions when it attaches.
#[derive(Debug, Clone)]
pub struct Claim {
    /// The execution.
    pub execution: ExecutionId,
    /// The first number of which it has no acknowledgement.
    pub first_unacked: Pseq,
    /// Further names of the execution.
    pub aliases: Vec<Alias>,
    /// The gates at which it waits.
    pub open_gates: Vec<ClaimedGate>,
    /// What it has made of decisions and commands lately.
    pub outcomes: Vec<KnownOutcome>,
}

impl Claim {
    /// What an engine says that knows no more than the execution's name.
    pub fn of(execution: ExecutionId) -> Self {
        let (aliases, open_gates, outcomes) = (vec![], vec![], vec![]);
        Self { execution, first_unacked: Pseq(1), aliases, open_gates, outcomes }
    }
}

/// A gate that is open in an engine.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(missing_docs, reason = "the words say it")]
pub struct ClaimedGate {
    pub gate: GateId,
    pub version: u32,
}

/// An outcome that an engine remembers.
#[derive(Debug, Clone)]
#[expect(missing_docs, reason = "the words say it")]
pub enum KnownOutcome {
    Decision { id: DecisionId, gate: GateId, outcome: OutcomeStatus, reason: Option<Text> },
    Command { id: CommandId, outcome: OutcomeStatus, reason: Option<Text> },
}
