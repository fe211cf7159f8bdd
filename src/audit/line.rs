//! What a line can say: every member of the format, in its order. What a person wrote never stands
//! here but as its digest. It must stay readable by who reads it today: members are only added.

use std::fmt::Display;

use serde::{Serialize, Serializer};

use super::chain::Digest;
use crate::model::{Epoch, Position, Principal, Seq, Text, Timestamp, ViewerId};

/// What a line is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Kind {
    /// A file begins.
    Begun,
    /// A relay goes on with a file that there was.
    Resumed,
    /// How far an execution's log had been audited in the file before this one.
    Carried,
    /// The relay has ended, or goes on in another file.
    Ended,
    /// A question was put to people.
    GateOpened,
    /// Somebody answered, and it counts.
    Vote,
    /// Somebody answered, and it does not count.
    LosingVote,
    /// A gate was settled.
    Resolved,
    /// A gate was settled by somebody who need not have been asked.
    Override,
    /// The engine has the decision.
    Delivered,
    /// It took effect.
    Applied,
    /// It did not.
    Refused,
    /// It broke.
    Failed,
    /// Nobody knows.
    OutcomeUnknown,
    /// Somebody gave a command, or tried to.
    Command,
    /// A command has come further.
    CommandMoved,
}

/// Something that is written down as it is shown.
#[derive(Debug, Clone, Copy)]
pub(super) struct Shown<T>(pub(super) T);

impl<T: Display> Serialize for Shown<T> {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.collect_str(&self.0)
    }
}

/// A record's place.
#[derive(Debug, Clone, Copy, Serialize)]
pub(super) struct Place {
    epoch: Shown<Epoch>,
    seq: u64,
}

impl From<Position> for Place {
    fn from(Position { epoch, seq: Seq(seq) }: Position) -> Self {
        Self { epoch: Shown(epoch), seq }
    }
}

/// Who, as verified by a door.
#[derive(Debug, Clone, Copy, Serialize)]
pub(super) struct Who<'a> {
    subject: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    issuer: Option<&'a str>,
    method: &'a str,
    groups: &'a [Text],
}

impl<'a> From<&'a Principal> for Who<'a> {
    fn from(it: &'a Principal) -> Self {
        let Principal { subject, issuer, method, groups, .. } = it;
        Self { subject, issuer: issuer.as_deref(), method, groups }
    }
}

/// Over which connection.
#[derive(Debug, Clone, Copy, Serialize)]
pub(super) struct Session {
    /// As the log of the relay names it.
    viewer: u64,
}

impl From<ViewerId> for Session {
    fn from(ViewerId(viewer): ViewerId) -> Self {
        Self { viewer }
    }
}

/// What was first, to somebody who came too late.
#[derive(Debug, Clone, Copy, Serialize)]
pub(super) struct Won<'a> {
    pub(super) outcome: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) decision_id: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) option: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) decision_kind: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) source: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) principal: Option<Who<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) time: Option<Shown<Timestamp>>,
}

macro_rules! members {
    ($($(#[doc = $doc:literal])* $name:ident: $type:ty,)*) => {
        /// One line, without what links it to the others. What is not known is not there.
        #[derive(Debug, Clone, Serialize)]
        pub(super) struct Line<'a> {
            pub(super) time: Shown<Timestamp>,
            pub(super) kind: Kind,
            $(
                $(#[doc = $doc])*
                #[serde(skip_serializing_if = "Option::is_none")]
                pub(super) $name: Option<$type>,
            )*
        }

        impl Line<'_> {
            /// One that says no more than this.
            pub(super) fn new(time: Timestamp, kind: Kind) -> Self {
                Self { time: Shown(time), kind, $($name: None,)* }
            }
        }
    };
}

members! {
    /// Of `begun`: which format this is.
    format: &'a str,
    /// Of `begun` and `resumed`: which program writes.
    version: &'a str,
    /// Of `resumed`: bytes behind the last whole line that were moved aside.
    torn_bytes: u64,
    /// Of `resumed`: their digest.
    torn_digest: Digest,
    execution_id: &'a str,
    /// The record that the line was made of, or the last one that counts.
    record: Place,
    node_id: &'a str,
    gate_id: &'a str,
    gate_version: u32,
    /// The engine that asks, or is told.
    producer_id: &'a str,
    /// Which start of it, as far as it is known.
    producer_epoch: u64,
    decision_id: &'a str,
    command_id: &'a str,
    command: &'a str,
    /// Of a custom command that its engine has declared: its name.
    command_name: &'a str,
    /// One of those that the gate declares.
    option: &'a str,
    /// In its place, where the gate declares no such option.
    option_digest: Digest,
    decision_kind: &'a str,
    /// What came of it.
    outcome: &'a str,
    source: &'a str,
    principal: Who<'a>,
    session: Session,
    won: Won<'a>,
    /// What the gate's engine says is to be done.
    action_digest: Digest,
    /// What was shown to who answered, as their client says.
    shown_digest: Digest,
    comment_digest: Digest,
    reason_digest: Digest,
    payload_before_digest: Digest,
    payload_after_digest: Digest,
    /// Who decided elsewhere, as the engine tells it, which nobody has verified.
    claimed_by_digest: Digest,
    deadline: Shown<Timestamp>,
    /// From the opening of the gate's version.
    latency_ms: i64,
}
