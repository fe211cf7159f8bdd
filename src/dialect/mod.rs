//! Wire protocols for dashboards. A dialect is a projection of the model and nothing else: it does
//! no I/O, and is the only code that knows its protocol's JSON.
//!
//! What it writes for everybody (`record`, `state`, `heartbeat`, the directory) is written once and
//! shared, so nothing about one viewer may be in it. What is one viewer's alone is said by that
//! connection's [`Conversation`], which is pure as well.

pub mod executions;
pub mod native;
pub mod nebula;
pub mod stage5;
pub mod windags;

mod conversation;
mod object;
mod reading;
mod stamp;

pub use conversation::{
    Begin, Call, Conversation, Group, Notice, Parting, Point, Said, Token, Unintelligible,
};

use std::fmt;
use std::time::Duration;

use crate::core::Execution;
use crate::frame::Frames;
use crate::model::{ExecutionId, Position, Record, Timestamp};

/// A stateless renderer, and the maker of conversations.
pub trait Dialect: fmt::Debug + Send + Sync {
    /// Unique among dialects.
    fn name(&self) -> &'static str;

    /// How its connections are treated.
    fn manners(&self) -> Manners;

    /// What a record adds to everybody's stream, from that record alone. It may be nothing.
    fn record(&self, record: &Record, out: &mut Frames);

    /// Whether [`Dialect::level`] has to be said again after this record.
    fn stirs(&self, record: &Record) -> bool {
        let _ = record;
        false
    }

    /// What the protocol says as a whole and never as a change, as it is now. It follows the records
    /// that have stirred it, once for all of a turn's, and no more often than [`Dialect::calm`] says.
    fn level(&self, execution: &ExecutionId, at: Position, state: &Execution, out: &mut Frames) {
        let _ = (execution, at, state, out);
    }

    /// How its log is written, if not with every turn.
    fn calm(&self) -> Option<Calm> {
        None
    }

    /// In place of `lines` log lines that were too many to be said ([`Calm::lines`]).
    fn summed_up(&self, execution: &ExecutionId, time: Timestamp, lines: u64, out: &mut Frames) {
        let _ = (execution, time, lines, out);
    }

    /// The whole state: for a viewer that begins, and for one that has fallen too far behind.
    fn state(&self, execution: &ExecutionId, at: Position, state: &Execution, out: &mut Frames);

    /// The whole state in one message, however large: for HTTP, where messages have no bound.
    fn state_in_one(
        &self,
        execution: &ExecutionId,
        at: Position,
        state: &Execution,
        out: &mut Frames,
    ) {
        self.state(execution, at, state, out);
    }

    /// Where the log ends, for who has seen all of it: written 1 s after the last record and every
    /// 25 s. Nothing in protocols that have no word for it.
    fn heartbeat(
        &self,
        execution: &ExecutionId,
        head: Position,
        time: Timestamp,
        out: &mut Frames,
    ) {
        let _ = (execution, head, time, out);
    }

    /// One execution in a line, for the directory of executions.
    fn summary(&self, item: &Summary<'_>, out: &mut Frames) {
        let _ = (item, out);
    }

    /// The directory of executions.
    fn directory(&self, items: &[Summary<'_>], out: &mut Frames) {
        let _ = (items, out);
    }

    /// The directory of executions in one message, however large: for HTTP.
    fn directory_in_one(&self, items: &[Summary<'_>], out: &mut Frames) {
        self.directory(items, out);
    }

    /// A new connection.
    fn converse(&self, call: &Call) -> Box<dyn Conversation>;
}

/// Every protocol that is spoken.
#[derive(Debug, Clone, Copy)]
pub struct Dialects {
    /// Our own.
    pub native: &'static dyn Dialect,
    /// Seeds 000 and 001.
    pub windags: &'static dyn Dialect,
    /// Seed 002, in the dress of its guide.
    pub executions: &'static dyn Dialect,
    /// Seed 002, in the dress of the program it came from.
    pub executions_real: &'static dyn Dialect,
    /// Seed 003.
    pub stage5: &'static dyn Dialect,
    /// Seed 004.
    pub nebula: &'static dyn Dialect,
}

impl Default for Dialects {
    fn default() -> Self {
        use executions::{Dress, Executions};
        Self {
            native: &native::Native,
            windags: &windags::Windags { wire_extras: true },
            executions: &Executions { dress: Dress::Seed, wire_extras: true, verbose: false },
            executions_real: &Executions { dress: Dress::Real, wire_extras: true, verbose: false },
            stage5: &stage5::Stage5 { wire_extras: true, legacy_output: false },
            nebula: &nebula::Nebula { wire_extras: true },
        }
    }
}

impl Dialects {
    /// All of them.
    pub fn all(&self) -> [&'static dyn Dialect; 6] {
        let Self { native, windags, executions, executions_real, stage5, nebula } = *self;
        [native, windags, executions, executions_real, stage5, nebula]
    }
}

/// How the log of a protocol is written that says the whole each time: seldom, and briefly.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Calm {
    /// Not more often than this, except the end of an execution. A large state is said less often
    /// still.
    pub every: Duration,
    /// Log lines in that time; the others are summed up in one ([`Dialect::summed_up`]).
    pub lines: u32,
    /// Bytes of the log that are kept: a lag on log lines must not hide the state for long.
    pub keep: usize,
}

/// How the connections of a dialect are treated: limits, ways to end, what nobody knows yet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Manners {
    /// Our own protocol, whose clients we know.
    Native,
    /// Seeds 000 and 001.
    Windags,
    /// Seed 002.
    Executions,
    /// Seed 003.
    Stage5,
    /// Seed 004.
    Nebula,
}

impl Manners {
    /// All of them.
    pub const ALL: [Self; 5] =
        [Self::Native, Self::Windags, Self::Executions, Self::Stage5, Self::Nebula];

    /// Whether its clients are as they are. They cope with a lost connection rather than with a
    /// close code, and wait for an execution that nobody has spoken of yet.
    pub fn is_seed(self) -> bool {
        self != Self::Native
    }

    /// Whether its clients open connections and forget them: one that shows no life is told nothing
    /// while there is a newer one, which goes on where it was.
    pub fn leaves_some_behind(self) -> bool {
        self == Self::Stage5
    }

    /// Whether its clients can say who they are in a message, where their request did not.
    pub fn can_authenticate(self) -> bool {
        matches!(self, Self::Native | Self::Nebula)
    }

    /// Whether what a client may say is counted over all its connections together.
    pub fn counts_clients(self) -> bool {
        self == Self::Nebula
    }
}

/// One execution, for the directory.
#[derive(Debug, Clone, Copy)]
pub struct Summary<'a> {
    /// Its name.
    pub execution: &'a ExecutionId,
    /// Its newest record.
    pub at: Position,
    /// Its state.
    pub state: &'a Execution,
}
