//! The state machine itself: what it reacts to, what it wants done, what it can be asked.

use std::sync::Arc;
use std::time::Instant;

use super::{Answer, Execution, Limits, Start};
use crate::model::{
    Alias, Capabilities, Command, CommandAsk, CommandId, Decision, DecisionAsk, DecisionId, Epoch,
    ExecutionId, GateId, Identity, Issue, LinkId, Now, OutcomeStatus, Position, Principal,
    ProducerEpoch, ProducerId, Pseq, Received, Record, Seq, Text, ViewerId, WorkflowId,
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
    /// A viewer has gone: it is told nothing more.
    Left {
        /// Which.
        viewer: ViewerId,
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

/// Everything that the relay can want done. The shell does it, in this order; the core never does.
#[derive(Debug, PartialEq)]
pub enum Effect {
    /// The log has grown. One effect, however many watch.
    Append(Arc<Record>),
    /// A log has been forgotten, and with it everything about it.
    Forget(ExecutionId),
    /// Tell one viewer, and nobody else.
    Answer {
        /// Whom.
        viewer: ViewerId,
        /// What.
        answer: Answer,
    },
    /// Answer an engine's greeting.
    Welcome {
        /// Whom.
        link: LinkId,
        /// One for each claim.
        grants: Vec<Grant>,
    },
    /// Answer further claims.
    Granted {
        /// Whom.
        link: LinkId,
        /// One for each claim.
        grants: Vec<Grant>,
    },
    /// Tell an engine what became of a batch.
    Result {
        /// Whom.
        link: LinkId,
        /// What.
        result: LaneResult,
    },
    /// Ask an engine for the state of an execution that the relay has lost.
    NeedState {
        /// Whom.
        link: LinkId,
        /// Of which.
        execution: ExecutionId,
    },
    /// Tell an engine what was decided.
    Deliver {
        /// Whom.
        link: LinkId,
        /// In which execution.
        execution: ExecutionId,
        /// What.
        decision: Arc<Decision>,
        /// For the how-manieth time, from 1.
        attempt: u32,
    },
    /// Tell an engine what was commanded.
    Order {
        /// Whom.
        link: LinkId,
        /// In which execution.
        execution: ExecutionId,
        /// What.
        command: Arc<Command>,
        /// For the how-manieth time, from 1.
        attempt: u32,
    },
    /// Tell an engine whether its withdrawal was in time.
    Verdict {
        /// Whom.
        link: LinkId,
        /// In which execution.
        execution: ExecutionId,
        /// Of which gate.
        gate: GateId,
        /// In which version.
        version: u32,
        /// Whether.
        verdict: Verdict,
    },
    /// End an engine's stream.
    End {
        /// Whose.
        link: LinkId,
        /// Why.
        why: Ending,
    },
}

/// Where an engine goes on with one execution.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Grant {
    /// The execution.
    pub execution: ExecutionId,
    /// Its log, or why it can't be had.
    pub log: Result<Epoch, LaneFault>,
    /// The number that is wanted next.
    pub next: Pseq,
    /// Whether a state report has to come first: the relay has lost what it knew.
    pub need_state: bool,
}

/// What became of one batch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LaneResult {
    /// The lane.
    pub execution: ExecutionId,
    /// As it came.
    pub batch_ref: u64,
    /// Everything up to and including this number stands in the log, which has come to this record.
    pub ack: Option<(Pseq, Position)>,
    /// A number was skipped; nothing was stored. This one is wanted.
    pub nack: Option<Pseq>,
    /// The batch could not be taken at all.
    pub fault: Option<LaneFault>,
    /// What is to be said of single events: number (0 where unnumbered), place in the batch, what.
    pub issues: Vec<(Pseq, u32, Issue)>,
}

/// Why a lane takes nothing. The stream survives.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LaneFault {
    /// The execution was begun by another identity.
    WrongOwner,
    /// An alias names another execution.
    AliasTaken,
    /// There are as many executions as there may be.
    Limit,
    /// The state has to be reported first.
    StateNeeded,
    /// Numbered and unnumbered events in one lane and producer epoch.
    MixedNumbering,
    /// The execution ended so long ago that it is forgotten.
    Gone,
}

/// Why a stream ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ending {
    /// A later start of the same process has spoken: this one must stop working.
    Fenced,
    /// The same process speaks on another stream now. It has done nothing wrong.
    Replaced,
}

/// What a withdrawal amounts to.
#[derive(Debug, Clone, PartialEq)]
pub enum Verdict {
    /// The gate is withdrawn.
    Withdrawn,
    /// It had been decided already; the decision counts.
    TooLate(Arc<Decision>),
    /// It was closed before, without a decision.
    AlreadyClosed,
    /// There is no such gate, or not in this version.
    Unknown,
}

/// The relay.
#[derive(Debug)]
pub struct Relay {}

impl Relay {
    /// `boot` is unique to this start of the process: the core has no randomness of its own.
    pub fn new(boot: u64, limits: Limits) -> Self {
        let _ = (boot, limits);
        unimplemented!()
    }

    /// Takes one input. Afterwards, drain [`Relay::poll_effect`] and look at
    /// [`Relay::poll_timeout`] again.
    pub fn handle(&mut self, now: Now, input: Input) {
        let _ = (now, input);
        unimplemented!()
    }

    /// Does what has fallen due.
    pub fn handle_timeout(&mut self, now: Now) {
        let _ = now;
        unimplemented!()
    }

    /// What is to be done next.
    pub fn poll_effect(&mut self) -> Option<Effect> {
        unimplemented!()
    }

    /// When [`Relay::handle_timeout`] has something to do.
    pub fn poll_timeout(&self) -> Option<Instant> {
        unimplemented!()
    }

    /// The execution that a name means: its own, or an alias.
    pub fn resolve(&self, name: &str) -> Option<ExecutionId> {
        let _ = name;
        unimplemented!()
    }

    /// Where a viewer begins. Ask it between two inputs, after the effects of the first: then no
    /// record falls between what it is shown and what it is sent.
    pub fn start(&self, execution: &ExecutionId, since: Option<Position>) -> Option<Start> {
        let _ = (execution, since);
        unimplemented!()
    }

    /// The state, and the newest record that is in it.
    pub fn snapshot(&self, execution: &ExecutionId) -> Option<(Position, &Execution)> {
        let _ = execution;
        unimplemented!()
    }

    /// The records that are still here, oldest first.
    pub fn retained(&self, execution: &ExecutionId) -> impl Iterator<Item = &Arc<Record>> {
        let _ = execution;
        std::iter::empty()
    }

    /// Every execution, in the order of their names. Logs of workflows are none.
    pub fn executions(&self) -> impl Iterator<Item = (&ExecutionId, Position, &Execution)> {
        std::iter::empty()
    }

    /// The newest record of an execution.
    pub fn head(&self, execution: &ExecutionId) -> Option<Seq> {
        Some(self.snapshot(execution)?.0.seq)
    }
}
