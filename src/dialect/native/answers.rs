//! What one viewer alone is told: where it begins, how far its decisions and commands have come,
//! what it said wrong.

use serde::ser::SerializeMap;

use super::gates::Who;
use super::words::Word;
use crate::core::{Answer, NotThen, Receipt, Reference, Stage, Start};
use crate::dialect::object::{Fields, List, Object, Put, Shown, time};
use crate::dialect::{Notice, Unintelligible};
use crate::model::{Durability, GateId, NodeId, Principal};

/// An answer, and what it means that something is recorded.
pub(super) struct Answered<'a>(pub(super) &'a Answer, pub(super) Durability);

impl Fields for Answered<'_> {
    fn fields<M: SerializeMap>(&self, to: &mut M) -> Result<(), M::Error> {
        match self.0 {
            Answer::Watching { execution, start, head } => {
                to.put("type", "subscribed")?;
                to.put("execution_id", execution.as_str())?;
                let (from, why) = match start {
                    Start::After(since) => (since.seq, None),
                    Start::Snapshot { at, why } => (at.seq, Some(why)),
                };
                to.put("recovered", &why.is_none())?;
                to.maybe("reason", why.map(|it| it.word()))?;
                to.put("epoch", &Shown(head.epoch))?;
                to.put("from", &from.0)?;
                to.put("head", &head.seq.0)
            }
            Answer::Unknown { execution } => Problem {
                code: "not_found",
                message: &format!(
                    "No engine has spoken of `{execution}` yet: subscribe again once one has"
                ),
                about: Some(execution.as_str()),
            }
            .fields(to),
            Answer::NotThen { execution, why } => {
                let (code, message) = not_then(*why);
                Problem { code, message: &message, about: Some(execution.as_str()) }.fields(to)
            }
            Answer::Receipt(receipt) => {
                to.put("type", "receipt")?;
                told(receipt, self.1, to)
            }
        }
    }
}

fn told<M: SerializeMap>(
    receipt: &Receipt,
    durability: Durability,
    to: &mut M,
) -> Result<(), M::Error> {
    let Receipt { about, execution, gate, node, stage, resolution, reason, by, at } = receipt;
    match about {
        Reference::Decision(id) => to.put("decision_id", id.as_str())?,
        Reference::Command(id) => to.put("command_id", id.as_str())?,
    }
    to.maybe("execution_id", execution.as_ref().map(|it| it.as_str()))?;
    to.maybe("gate_id", gate.as_ref().map(GateId::as_str))?;
    to.maybe("node_id", node.as_ref().map(NodeId::as_str))?;
    to.put("stage", stage.word())?;
    match stage {
        Stage::Recorded => to.put("durability", durability.word())?,
        Stage::Voted { votes, needed } => {
            to.put("durability", durability.word())?;
            to.put("votes", votes)?;
            to.put("needed", needed)?;
        }
        Stage::AlreadyDecided { kind, option } => {
            to.maybe("kind", kind.map(|it| it.word()))?;
            to.maybe("option_id", option.as_ref())?;
        }
        Stage::GateChanged { current } => to.put("gate_version", current)?,
        Stage::Delivered
        | Stage::InProgress
        | Stage::Waiting
        | Stage::Applied
        | Stage::Refused
        | Stage::Failed
        | Stage::OutcomeUnknown
        | Stage::GateClosed
        | Stage::GateUnknown
        | Stage::EngineAway
        | Stage::IdReused
        | Stage::Forbidden => (),
    }
    to.maybe("resolution", resolution.as_deref().map(Word::word))?;
    to.maybe("reason", reason.as_ref())?;
    to.maybe("by", by.as_ref().map(|by| Object(Who(by))))?;
    to.maybe("at", time(*at))
}

impl Fields for Notice<'_> {
    fn fields<M: SerializeMap>(&self, to: &mut M) -> Result<(), M::Error> {
        match self {
            Self::Welcome { time, boot, durability, principal, max_message, rate } => {
                to.put("type", "welcome")?;
                to.put("relay_time", &Shown(time))?;
                to.put("boot_id", &Shown(format_args!("{boot:x}")))?;
                to.put("version", env!("CARGO_PKG_VERSION"))?;
                to.put("durability", durability.word())?;
                to.put("principal", &Object(Who(principal)))?;
                let Principal { groups, roles, .. } = principal;
                to.put("groups", groups)?;
                to.put("roles", &List(roles.iter().map(|role| role.name())))?;
                let (messages_per_second, burst) = *rate;
                let max_message_bytes = *max_message;
                to.put("limits", &Object(Limits { max_message_bytes, messages_per_second, burst }))
            }
            Self::Pong { time } => {
                to.put("type", "pong")?;
                to.put("relay_time", &Shown(time))
            }
            Self::Unwatched { name } => {
                to.put("type", "unsubscribed")?;
                to.put("execution_id", name)
            }
            Self::Problem(Unintelligible { code, message, about }) => {
                Problem { code, message, about: about.as_deref() }.fields(to)
            }
            Self::GoingAway { retry_after_ms } => {
                to.put("type", "going_away")?;
                to.put("retry_after_ms", retry_after_ms)
            }
            Self::Authenticated { principal: _, expires } => {
                to.put("type", "refreshed")?;
                to.maybe("expires_time", time(*expires))
            }
            Self::Expiring { at } => {
                to.put("type", "token_expiring")?;
                to.put("expires_time", &Shown(at))
            }
            Self::Unauthenticated { .. } => Problem {
                code: "unauthenticated",
                message: "The token does not count, or no longer: connect with another one",
                about: None,
            }
            .fields(to),
            Self::Found { .. } => unreachable!("it is not said"),
        }
    }
}

/// Why the past can't be shown: a word for programs, a sentence for people.
pub(crate) fn not_then(why: NotThen) -> (&'static str, String) {
    match why {
        NotThen::Ahead { head } => {
            ("ahead", format!("The newest record is {head}: ask for one that is there"))
        }
        NotThen::NotKept => (
            "not_supported",
            "The relay keeps everything in memory alone, which does not reach back to that record. \
             Leave `at` out; with --store the relay keeps what happens"
                .to_owned(),
        ),
        NotThen::Gone => (
            "too_old",
            "That record is no longer kept, or can't be read. Ask for a later one, or leave `at` out"
                .to_owned(),
        ),
    }
}

struct Limits {
    max_message_bytes: usize,
    messages_per_second: u32,
    burst: u32,
}

impl Fields for Limits {
    fn fields<M: SerializeMap>(&self, to: &mut M) -> Result<(), M::Error> {
        to.put("max_message_bytes", &self.max_message_bytes)?;
        to.put("messages_per_second", &self.messages_per_second)?;
        to.put("burst", &self.burst)
    }
}

struct Problem<'a> {
    code: &'a str,
    message: &'a str,
    about: Option<&'a str>,
}

impl Fields for Problem<'_> {
    fn fields<M: SerializeMap>(&self, to: &mut M) -> Result<(), M::Error> {
        to.put("type", "error")?;
        to.put("code", self.code)?;
        to.put("message", self.message)?;
        to.maybe("ref", self.about)
    }
}
