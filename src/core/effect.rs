//! What the relay wants done.

use std::sync::Arc;

use super::Answer;
use crate::model::{
    Command, Decision, Epoch, ExecutionId, GateId, Issue, LinkId, Position, Pseq, Record, ViewerId,
};

/// Everything that the relay can want done. The shell does it, in this order; the core never does.
#[derive(Debug, PartialEq)]
pub enum Effect {
    /// The log has grown. One effect, however many watch.
    Append(Arc<Record>),
    /// A log has been forgotten, and with it everything about it.
    Forget(ExecutionId),
    /// The relay has fallen over an execution: its log is no longer there, unless it may rise
    /// ([`Relay::rise`](super::Relay::rise)), and what was to be done for it and is not done yet has to
    /// be taken back ([`Effect::take_back`]).
    Fallen {
        /// Which.
        execution: ExecutionId,
        /// What the panic says.
        what: String,
    },
    /// What stood here was taken back.
    TakenBack,
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
    /// The engine has as many that are not over as it may have.
    LimitOfEngine,
    /// Its tenant has.
    LimitOfTenant,
    /// The engine begins them faster than it may.
    TooFast,
    /// The state has to be reported first.
    StateNeeded,
    /// Numbered and unnumbered events in one lane and producer epoch.
    MixedNumbering,
    /// The execution ended so long ago that it is forgotten.
    Gone,
    /// The relay has fallen over the execution.
    Fallen,
}

impl LaneFault {
    /// Why nothing new can be begun, for a person; of any other fault, that it can't.
    pub fn of_room(self) -> &'static str {
        match self {
            Self::Limit => "there are as many executions as there may be",
            Self::LimitOfEngine => {
                "this engine has as many executions that are not over as it may have"
            }
            Self::LimitOfTenant => {
                "this tenant has as many executions that are not over as it may have"
            }
            Self::TooFast => "this engine begins executions faster than it may",
            Self::WrongOwner
            | Self::AliasTaken
            | Self::StateNeeded
            | Self::MixedNumbering
            | Self::Gone
            | Self::Fallen => "it can't be begun",
        }
    }
}

/// Why a stream ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ending {
    /// A later start of the same process has spoken: this one must stop working.
    Fenced,
    /// The same process speaks on another stream now. It has done nothing wrong.
    Replaced,
    /// The producer's name belongs to another identity.
    Forbidden,
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
