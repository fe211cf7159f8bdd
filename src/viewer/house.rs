//! What a connection is begun with: who has come, and what every connection is given.

use std::{fmt::Debug, net::IpAddr, sync::Arc};

use super::crowd::{Crowd, Share};
use super::kin::Member;
use super::{Departure, Options};
use crate::auth::Pass;
use crate::auth::verifier::Verifier;
use crate::dialect::{Conversation, Dialect};
use crate::model::{Durability, ViewerId};
use crate::seams::Clock;
use crate::shard::Shards;

/// Who has come in.
#[derive(Debug)]
pub struct Guest {
    /// Its door counts them.
    pub viewer: ViewerId,
    /// What it speaks.
    pub dialect: &'static dyn Dialect,
    /// Its side of the talk.
    pub conversation: Box<dyn Conversation>,
    /// Who it is and what it may, as its door has verified. `None`: nobody knows yet, and it has to
    /// say so first.
    pub pass: Option<Arc<Pass>>,
    /// Whether it is on this very machine.
    pub local: bool,
    /// Its place among its client's connections, where those matter.
    pub kin: Option<Box<Member>>,
    /// How it came in.
    pub entry: Box<Entry>,
}

/// What a connection takes up.
#[derive(Debug, Default)]
pub struct Entry {
    /// Where its client is, as far as its door can tell. `None`: nobody can.
    pub from: Option<IpAddr>,
    /// Its place among those of whom nobody knows who they are; it is let go of once that is known.
    pub place: Option<Box<dyn Debug + Send + Sync>>,
    /// Its share of what its person may have, where people are told apart and it is known.
    pub share: Option<Arc<Share>>,
}

/// What every connection is given.
#[derive(Debug, Clone)]
pub struct House {
    /// Where executions are.
    pub shards: Shards,
    /// The time.
    pub clock: Clock,
    /// Which start of the relay this is.
    pub boot: u64,
    /// How durable what it records is.
    pub durability: Durability,
    /// Knows tokens.
    pub verifier: Arc<dyn Verifier>,
    /// The limits.
    pub options: Arc<Options>,
    /// What each person, tenant and address may have.
    pub crowd: Crowd,
    /// When it is called out, viewers are sent away.
    pub departure: Departure,
}
