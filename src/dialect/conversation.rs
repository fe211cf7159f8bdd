//! One viewer's side of the talk: what its connection was opened with, what its frames amount to in
//! the model's terms, and what it alone is told.

use std::fmt;
use std::time::Instant;

use crate::core::{Answer, Execution};
use crate::frame::Frames;
use crate::model::{
    CommandAsk, DecisionAsk, Durability, ExecutionId, Position, Principal, Seq, Text, Timestamp,
};

/// What a connection was opened with.
#[derive(Debug, Clone, Default)]
pub struct Call {
    /// The execution that its path names, where it names one.
    pub path: Option<Text>,
    /// What stands behind the `?` of its address, as it stands there.
    pub query: Text,
    /// What came of the token in its address or its headers.
    pub token: Token,
    /// Nobody knows who it is: it has to say so in a message first.
    pub stranger: bool,
    /// What an earlier connection of the same client was watching when it was lost, and the last
    /// record that it was sent: for clients that don't say it themselves. A connection of this
    /// protocol, address and browser that went without a goodbye within the last five minutes.
    pub left: Vec<(Text, Position)>,
    /// Whether there was such a connection, in a protocol whose clients say themselves what they have
    /// seen; or there is one that shows no life.
    pub again: bool,
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

    /// What is answered next is about its wish to watch this, by the name that it has asked for.
    fn about(&mut self, name: &Text) {
        let _ = name;
    }

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
    /// With the state as it was at this record, then with the records behind it.
    At(Seq),
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
        /// Until when. `None`: for ever.
        expires: Option<Timestamp>,
    },
    /// Its token will count no longer soon.
    Expiring {
        /// From then on.
        at: Timestamp,
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
