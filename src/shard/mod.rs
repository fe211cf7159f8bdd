//! The loop that gives the core its inputs and carries out its effects.
//!
//! A shard is one task that owns one [`Relay`](crate::core::Relay), so the core needs no lock, and
//! the order of an execution's records is the order of this inbox. It knows no protocol.

mod archive;
mod directory;
mod followers;
mod inbox;
mod ledger;
mod past;
mod place;
mod pressure;
mod questions;
mod run;
mod seats;
mod viewers;
mod waiting;

pub use inbox::{Inbox, Line, Shards, Taken, WeakShards, inbox};
pub use pressure::{Budget, Pressure};
pub use run::Shard;

use std::sync::Arc;

use tokio::sync::{mpsc, oneshot};

use crate::auth::Pass;
use crate::core::{Ending, Execution, Grant, Input, LaneResult, NotThen, Verdict};
use crate::dialect::{Begin, Dialect, Group};
use crate::model::{
    Command, Decision, ExecutionId, GateId, LinkId, Position, Record, Seq, Text, ViewerId,
};
use crate::viewer::{Post, Topic};

/// What the shard is told.
#[derive(Debug)]
#[expect(clippy::large_enum_variant, reason = "most messages are inputs, and they are moved once")]
pub enum Message {
    /// Something happened that the core must know of.
    Input(Input),
    /// From now on, this is how to reach an engine. Sent before its greeting.
    Engine {
        /// Its stream.
        link: LinkId,
        /// As large as what may be outstanding: full means gone.
        outbox: mpsc::Sender<ToEngine>,
    },
    /// From now on, this is how to tell a viewer what is its alone. Sent before all else of it, by
    /// whoever asks for one answer only, too. [`Message::Left`] ends it.
    Viewer {
        /// Which.
        viewer: ViewerId,
        /// Who it is and what it may, as its door has verified.
        pass: Arc<Pass>,
        /// Full means gone: it asks faster than it listens.
        answers: Post,
    },
    /// A viewer has shown another token of the same person's.
    Known {
        /// Which.
        viewer: ViewerId,
        /// What it may from now on.
        pass: Arc<Pass>,
    },
    /// What counted may count no longer: keys or revocations have changed.
    Reassess,
    /// A viewer wants to watch something.
    Join(Join),
    /// A viewer wants to know which logs there are of a group, and which come.
    Follow {
        /// Which viewer.
        viewer: ViewerId,
        /// Which group.
        group: Group,
    },
    /// A viewer no longer wants to.
    Unfollow {
        /// Which viewer.
        viewer: ViewerId,
        /// Which group.
        group: Group,
    },
    /// A viewer has fallen off its tape, and wants to be shown the state.
    Behind {
        /// Which.
        viewer: ViewerId,
        /// What it watches.
        topic: Topic,
    },
    /// A viewer has not come to its tape yet, and needs what follows on this record.
    Past {
        /// Which.
        viewer: ViewerId,
        /// What it watches.
        topic: Topic,
        /// The last record that it has.
        after: Position,
    },
    /// A viewer no longer watches something.
    Leave {
        /// Which.
        viewer: ViewerId,
        /// As it was joined.
        topic: Topic,
    },
    /// A viewer has gone.
    Left {
        /// Which.
        viewer: ViewerId,
    },
    /// The state of an execution, for HTTP.
    Snapshot {
        /// Its name, or an alias.
        name: Text,
        /// Who asks. What it may not see is not there.
        pass: Arc<Pass>,
        /// As it was at this record. `None`: as it is.
        at: Option<Seq>,
        /// Where to.
        reply: oneshot::Sender<Asked<Shown>>,
    },
    /// The records behind `since` that are kept, for HTTP.
    Records {
        /// Its name, or an alias.
        name: Text,
        /// Who asks. What it may not see is not there.
        pass: Arc<Pass>,
        /// `None`: from the first that is still in memory.
        since: Option<Position>,
        /// Where to.
        reply: oneshot::Sender<Asked<Followed>>,
    },
    /// Every execution, for HTTP.
    Executions {
        /// Who asks. What it may not see is not there.
        pass: Arc<Pass>,
        /// Where to.
        reply: oneshot::Sender<Vec<Shown>>,
    },
    /// Those numbers that nobody keeps are to be brought up to date: somebody asks for all.
    Measure {
        /// Hears when they are, and how much the shard holds.
        reply: oneshot::Sender<Held>,
    },
}

/// An execution's name, its newest record, and its state.
pub type Shown = (ExecutionId, Position, Box<Execution>);

/// How many of each the shard holds. With nobody there, all but the executions are none.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Held {
    /// Executions, and definitions of workflows.
    pub logs: usize,
    /// Viewers that it can reach.
    pub viewers: usize,
    /// What these watch.
    pub watches: usize,
    /// Logs that somebody watches.
    pub rooms: usize,
    /// Viewers that wait for what nobody has spoken of, or follow groups.
    pub waiting: usize,
    /// Times at which something is to be done for a room.
    pub alarms: usize,
    /// Readings that are under way, or wait for that.
    pub orders: usize,
}

/// Records of an execution, for HTTP.
#[derive(Debug)]
pub struct Followed {
    /// Its name.
    pub execution: ExecutionId,
    /// Its newest record.
    pub head: Position,
    /// Whether they follow on what was asked for without a gap.
    pub recovered: bool,
    /// Some, or all that there are.
    pub records: Vec<Arc<Record>>,
}

/// What is answered to a question.
pub type Asked<T> = Result<T, Lost>;

/// Why there is nothing to be shown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Lost {
    /// Nobody has spoken of the execution.
    Unknown,
    /// That of it can't be had.
    Not(NotThen),
    /// What is kept can't be read: what was found.
    Unreadable(String),
    /// There is no memory for it just now, or too many ask.
    Busy,
}

/// A wish to watch. It is fulfilled in one step, so that no record falls between the beginning and
/// the first live one. The answer is a [`Seat`](crate::viewer::Seat).
#[derive(Debug, Clone)]
pub struct Join {
    /// Who.
    pub viewer: ViewerId,
    /// What. What it watched under this name before, it watches no longer.
    pub topic: Topic,
    /// In which words.
    pub dialect: &'static dyn Dialect,
    /// Where to begin.
    pub from: Begin,
    /// Comes back with the seat.
    pub ticket: u32,
}

/// What goes down an engine's stream.
#[derive(Debug)]
#[expect(missing_docs, reason = "each is the core's effect of the same name")]
pub enum ToEngine {
    Welcome { grants: Vec<Grant> },
    Granted { grants: Vec<Grant> },
    Result(LaneResult),
    NeedState { execution: ExecutionId },
    Deliver { execution: ExecutionId, decision: Arc<Decision>, attempt: u32 },
    Order { execution: ExecutionId, command: Arc<Command>, attempt: u32 },
    Verdict { execution: ExecutionId, gate: GateId, version: u32, verdict: Verdict },
    End(Ending),
}
