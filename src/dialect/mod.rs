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

mod object;
mod reading;
mod stamp;

use std::fmt;
use std::time::{Duration, Instant};

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
            executions: &Executions { dress: Dress::Seed, wire_extras: true },
            executions_real: &Executions { dress: Dress::Real, wire_extras: true },
            stage5: &stage5::Stage5 { wire_extras: true },
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
}

/// What a connection was opened with.
#[derive(Debug, Clone, Default)]
pub struct Call {
    /// The execution that its path names, where it names one.
    pub path: Option<Text>,
    /// What stands behind the `?` of its address, as it stands there.
    pub query: Text,
    /// What came of the token in its address or its headers.
    pub token: Token,
    /// What an earlier connection of the same client was watching when it was lost, and the last
    /// record that it was sent: for clients that don't say it themselves. A connection of this
    /// protocol, address and browser that went without a goodbye within the last five minutes.
    pub left: Vec<(Text, Position)>,
}

/// What came of a token that a connection was opened with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Token {
    /// There was none.
    #[default]
    Absent,
    /// Its holder is known by it.
    Good,
    /// It is nobody's, or no longer anybody's.
    Bad,
}

impl Call {
    /// One that names an execution in its path, and says no more.
    pub fn to(path: impl Into<Text>) -> Self {
        Self { path: Some(path.into()), ..Self::default() }
    }

    /// The first value of a key in the query, decoded.
    pub fn query(&self, key: &str) -> Option<String> {
        let pairs = form_urlencoded::parse(self.query.as_bytes());
        pairs.into_iter().find(|(it, _)| it == key).map(|(_, value)| value.into_owned())
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

/// One connection's side of the talk. It reads what its viewer says, and finds words for what that
/// viewer alone is told.
pub trait Conversation: Send + fmt::Debug {
    /// It is now so late. Said before each of the other calls.
    fn at(&mut self, now: Instant) {
        let _ = now;
    }

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

    /// What else follows from the last call, one after the other, until there is nothing.
    fn next(&mut self) -> Option<Said> {
        None
    }

    /// When [`Conversation::elapsed`] is to be called.
    fn due(&self) -> Option<Instant> {
        None
    }

    /// That time has come.
    fn elapsed(&mut self, out: &mut Frames) {
        let _ = out;
    }

    /// Whether it wants to know what everybody's stream brings this viewer ([`Conversation::sent`]).
    fn listens(&self) -> bool {
        false
    }

    /// These frames of everybody's stream are on their way to its viewer.
    fn sent(&mut self, frames: &[u8]) {
        let _ = frames;
    }
}

/// What a viewer said, in the model's terms.
#[derive(Debug, Clone, PartialEq)]
pub enum Said {
    /// Show me this execution.
    Watch {
        /// Its name, or an alias.
        name: Text,
        /// Where to begin. Who watches it already is never sent a record again.
        from: Begin,
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
    /// Tell me which logs there are of this group, and which come: [`Notice::Found`].
    Follow(Group),
    /// No longer.
    Unfollow(Group),
    /// I decide.
    Decide(DecisionAsk),
    /// I command.
    Command(CommandAsk),
    /// This is who I am: [`Notice::Authenticated`], or [`Notice::Unauthenticated`].
    Authenticate {
        /// The token.
        token: Text,
    },
    /// Is anybody there?
    Ping,
    /// Nothing that needs doing.
    Nothing,
    /// The protocol wants this connection ended.
    Leave(Parting),
}

/// Where a viewer begins to watch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Begin {
    /// Behind this record; with the state where that can't be had, or where there is none.
    After(Option<Position>),
    /// With what is retained behind a point, then the state as it was when this was asked for, then
    /// on. Without the state, where everything from [`Point::Oldest`] on is there.
    Replayed {
        /// The point.
        behind: Point,
        /// Whether what is no longer there is passed over. Else there is no replay then.
        gaps: bool,
    },
    /// With the state, then what is retained behind a point, as far as it is there, then on.
    Shown(Point),
    /// With the state, and then nothing until it is asked for again: [`Begin::Behind`].
    Held,
    /// With what is retained behind a point, as far as it is there, then on: for who has been shown
    /// the state ([`Begin::Held`]).
    Behind(Point),
}

/// A point in a log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Point {
    /// Its beginning, as far as that is retained: what is not there is not missed.
    Oldest,
    /// Behind this record.
    Record(Position),
    /// Behind this moment. `left`: but no later than behind this record, which was the last that an
    /// earlier connection of the same client was sent.
    Moment {
        /// The moment, by the relay's clock.
        time: Timestamp,
        /// The record.
        left: Option<Position>,
    },
    /// Where this connection is.
    Here,
}

/// Logs that are watched together, whichever they are.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Group {
    /// The executions of a workflow: those that go on, and those that begin.
    Executions(Text),
    /// The definitions of all workflows.
    Workflows,
}

impl Group {
    /// Whether a log belongs to it.
    pub fn has(&self, log: &ExecutionId, state: &Execution) -> bool {
        match self {
            Self::Workflows => log.workflow().is_some(),
            Self::Executions(workflow) => {
                let own = state.outline.info.workflow_id.as_ref().map(|it| it.as_str());
                log.workflow().is_none() && own == Some(&**workflow) && !state.is_over()
            }
        }
    }
}

/// Why a protocol wants a connection ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Parting {
    /// There is nothing more to see.
    Done,
    /// It has not said who it is, or no longer is that.
    Unauthenticated,
    /// It does not take what it must not miss: it should come back and see.
    Unheard,
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
    /// It is known to be this principal.
    Authenticated {
        /// Who it is.
        principal: &'a Principal,
    },
    /// Its token is none, or no longer one.
    Unauthenticated {
        /// Whether it was one.
        expired: bool,
    },
    /// Logs of a group that it follows, by name. All that there are at first, then each that comes.
    Found {
        /// Which group.
        group: &'a Group,
        /// Which logs.
        logs: &'a [ExecutionId],
    },
    /// Its frame meant nothing, or was too much.
    Problem(&'a Unintelligible),
    /// The relay goes; come back.
    GoingAway {
        /// When.
        retry_after_ms: u64,
    },
}
