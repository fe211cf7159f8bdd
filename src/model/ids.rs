//! Names and numbers of things. Each is its own type, so that no two of them can be swapped.

use std::{fmt, str::FromStr, sync::Arc};

use serde::{Deserialize, Serialize};

/// A name that may not be one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum BadName {
    /// Nothing, or more bytes than allowed.
    #[error("a name has 1 to {0} bytes")]
    Length(usize),
    /// A character that names of this kind may not have.
    #[error(
        "a name consists of letters, digits and . _ : @ + -, and begins with a letter, digit or _"
    )]
    Character,
    /// A control or bidirectional formatting character.
    #[error("a name has no control or bidirectional formatting characters")]
    Invisible,
}

/// `[A-Za-z0-9_][A-Za-z0-9._:@+-]*`, at most `limit` bytes.
fn strict(name: &str, limit: usize) -> Result<(), BadName> {
    if name.is_empty() || limit < name.len() {
        return Err(BadName::Length(limit));
    }
    let plain = |c: u8| c.is_ascii_alphanumeric() || c == b'_';
    let fine = |c: u8| plain(c) || b".:@+-".contains(&c);
    let first = name.as_bytes()[0];
    if plain(first) && name.bytes().all(fine) { Ok(()) } else { Err(BadName::Character) }
}

/// Any UTF-8 that can be seen: node ids like `task[3]` or `__proto__` are real.
fn loose(name: &str, limit: usize) -> Result<(), BadName> {
    if name.is_empty() || limit < name.len() {
        return Err(BadName::Length(limit));
    }
    let bidi = |c| matches!(c, '\u{202A}'..='\u{202E}' | '\u{2066}'..='\u{2069}' | '\u{200E}' | '\u{200F}' | '\u{061C}');
    if name.chars().any(|c| c.is_control() || bidi(c)) { Err(BadName::Invisible) } else { Ok(()) }
}

macro_rules! names {
    ($($(#[$doc:meta])* $name:ident: $check:ident($limit:literal)),* $(,)?) => {$(
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        pub struct $name(Arc<str>);

        impl FromStr for $name {
            type Err = BadName;

            fn from_str(name: &str) -> Result<Self, BadName> {
                $check(name, $limit)?;
                Ok(Self(name.into()))
            }
        }

        impl $name {
            /// The name itself.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }
    )*};
}

names! {
    /// One run of a graph. Named by its engine, unique within the relay.
    ExecutionId: strict(128),
    /// What an execution is a run of.
    WorkflowId: strict(128),
    /// The stable name of an engine process, which it keeps when it starts again.
    ProducerId: strict(128),
    /// One question to a human. Single-use, and the same however often its engine asks it again.
    GateId: strict(256),
    /// One act of deciding. Made once by the viewer's client and kept through its retries.
    DecisionId: strict(128),
    /// One act of commanding, of the same kind.
    CommandId: strict(128),
    /// One node of an execution's graph.
    NodeId: loose(256),
    /// Another name of an execution.
    Alias: loose(256),
}

impl ExecutionId {
    /// The log of a workflow's definitions: a log like an execution's, under a name that no
    /// execution can have.
    pub fn of_workflow(workflow: &WorkflowId) -> Self {
        Self(format!("*{workflow}").into())
    }

    /// The workflow whose definitions this log holds, if it is no execution's.
    pub fn workflow(&self) -> Option<&str> {
        self.0.strip_prefix('*')
    }
}

impl DecisionId {
    /// Stands where a viewer sent none and none was needed.
    pub fn none() -> Self {
        Self("none".into())
    }
}

impl CommandId {
    /// Stands where a viewer sent none and none was needed.
    pub fn none() -> Self {
        Self("none".into())
    }
}

macro_rules! numbers {
    ($($(#[$doc:meta])* $name:ident),* $(,)?) => {$(
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
        #[derive(Serialize, Deserialize)]
        pub struct $name(pub u64);

        impl $name {
            /// The number after this one.
            pub fn next(self) -> Self {
                Self(self.0 + 1)
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }
    )*};
}

numbers! {
    /// A record's place in its execution: 1, 2, 3 … below 2^53. The relay assigns it.
    Seq,
    /// An event's place in its producer's lane: 1, 2, 3 … The producer assigns it.
    Pseq,
    /// Which start of a producer's process is speaking; larger at each start.
    ProducerEpoch,
    /// One stream on which an engine is attached. Its door counts them.
    LinkId,
    /// One connected dashboard. Its door counts them.
    ViewerId,
}

/// Which log a [`Seq`] belongs to: the `nth` that the relay with this `boot` began. Equal epochs
/// mean comparable numbers, and nothing else does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Epoch {
    /// Unique to one start of the relay.
    pub boot: u64,
    /// Counts the logs that it began.
    pub nth: u64,
}

impl fmt::Display for Epoch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:x}-{}", self.boot, self.nth)
    }
}

impl FromStr for Epoch {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        let (boot, nth) = text.split_once('-').ok_or(())?;
        let boot = u64::from_str_radix(boot, 16).map_err(drop)?;
        Ok(Self { boot, nth: nth.parse().map_err(drop)? })
    }
}

/// A place in an execution's log, from which a viewer can go on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Position {
    /// Which log.
    pub epoch: Epoch,
    /// Which record of it.
    pub seq: Seq,
}

impl fmt::Display for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.epoch, self.seq)
    }
}
