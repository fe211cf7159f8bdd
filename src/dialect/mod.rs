//! Wire protocols for dashboards. A dialect is a projection of the model and nothing else: it does
//! no I/O, and is the only code that knows its protocol's JSON.
//!
//! What it writes for everybody (`record`, `state`, `heartbeat`, the directory) is written once and
//! shared, so nothing about one viewer may be in it. What is one viewer's alone is said by that
//! connection's [`Conversation`], which is pure as well.

pub mod native;
pub mod windags;

mod object;
mod reading;

use std::fmt;

use crate::core::{Answer, Execution};
use crate::frame::Frames;
use crate::model::{
    CommandAsk, DecisionAsk, Durability, ExecutionId, Position, Principal, Record, Text, Timestamp,
};

/// A stateless renderer, and the maker of conversations.
pub trait Dialect: fmt::Debug + Send + Sync {
    /// Unique among dialects.
    fn name(&self) -> &'static str;

    /// How its connections are treated.
    fn manners(&self) -> Manners {
        Manners::Seed
    }

    /// What a record adds to everybody's stream, from that record alone. It may be nothing.
    fn record(&self, record: &Record, out: &mut Frames);

    /// The whole state: for a viewer that begins, and for one that has fallen too far behind.
    fn state(&self, execution: &ExecutionId, at: Position, state: &Execution, out: &mut Frames);

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

    /// A new connection. `path`: the execution that its path names, where it names one.
    fn converse(&self, path: Option<Text>) -> Box<dyn Conversation>;
}

/// How the connections of a dialect are treated: limits, ways to end, what nobody knows yet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Manners {
    /// Our own protocol, whose clients we know.
    Native,
    /// A protocol whose clients are as they are. They cope with a lost connection rather than with
    /// a close code, and wait for an execution that nobody has spoken of yet.
    Seed,
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

/// One connection's side of the talk. It reads what its viewer says, and finds words for what that
/// viewer alone is told.
pub trait Conversation: Send + fmt::Debug {
    /// What connecting already says: the protocols that name the execution in the path watch it.
    fn opening(&mut self) -> Option<Said> {
        None
    }

    /// Reads one text frame.
    fn read(&mut self, frame: &str) -> Result<Said, Unintelligible>;

    /// What the core answers.
    fn answer(&mut self, answer: &Answer, out: &mut Frames);

    /// What the connection itself has to say.
    fn notice(&mut self, notice: &Notice<'_>, out: &mut Frames);
}

/// What a viewer said, in the model's terms.
#[derive(Debug, PartialEq, Eq)]
pub enum Said {
    /// Show me this execution, from there on if you can.
    Watch {
        /// Its name, or an alias.
        name: Text,
        /// The last record that it has.
        since: Option<Position>,
    },
    /// No longer.
    Unwatch {
        /// As it was watched.
        name: Text,
    },
    /// Show me the directory of executions.
    WatchDirectory,
    /// No longer.
    UnwatchDirectory,
    /// I decide.
    Decide(DecisionAsk),
    /// I command.
    Command(CommandAsk),
    /// Is anybody there?
    Ping,
    /// Nothing that needs doing.
    Nothing,
}

/// Why a frame meant nothing. It is answered in the dialect; it never closes the connection.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unintelligible {
    /// A word for programs, such as `bad_json` or `unknown_type`.
    pub code: &'static str,
    /// A sentence for people.
    pub message: String,
    /// What of the viewer's it is about: an id that it sent, where one could be read.
    pub about: Option<String>,
}

/// What a connection has to say by itself.
#[derive(Debug)]
pub enum Notice<'a> {
    /// It has been let in.
    Welcome {
        /// The relay's clock.
        time: Timestamp,
        /// Which start of the relay.
        boot: u64,
        /// How durable what it records is.
        durability: Durability,
        /// Who it is.
        principal: &'a Principal,
        /// The largest message that it may send, in bytes.
        max_message: usize,
        /// Messages a second, and at once.
        rate: (u32, u32),
    },
    /// Yes, somebody is here.
    Pong {
        /// The relay's clock.
        time: Timestamp,
    },
    /// It watches this no longer.
    Unwatched {
        /// As it was watched.
        name: &'a str,
    },
    /// Its frame meant nothing, or was too much.
    Problem(&'a Unintelligible),
    /// The relay goes; come back.
    GoingAway {
        /// When.
        retry_after_ms: u64,
    },
}
