//! The loop that gives the core its inputs and carries out its effects.
//!
//! A shard is one task that owns one [`Relay`], so the core needs no lock, and the order of an
//! execution's records is the order of this inbox.

use std::sync::Arc;

use tokio::sync::{mpsc, oneshot};

use crate::core::{Answer, Ending, Execution, Grant, Input, LaneResult, Verdict};
use crate::dialect::Dialect;
use crate::model::{
    Command, Decision, ExecutionId, GateId, LinkId, Position, Record, Text, ViewerId,
};

/// What the shard is told.
#[derive(Debug)]
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
    /// From now on, this is how to tell a viewer what is its alone.
    Viewer {
        /// Which.
        viewer: ViewerId,
        /// Full means gone: it asks faster than it listens.
        answers: mpsc::Sender<Answer>,
    },
    /// The state of an execution, for HTTP.
    Snapshot {
        /// Its name, or an alias.
        name: Text,
        /// Where to.
        reply: oneshot::Sender<Option<(ExecutionId, Position, Box<Execution>)>>,
    },
    /// The records behind `since` that are still here, for HTTP.
    Records {
        /// Its name, or an alias.
        name: Text,
        /// `None`: from the first that is still here.
        since: Option<Position>,
        /// Where to. The flag: whether they follow on `since` without a gap.
        reply: oneshot::Sender<Option<(ExecutionId, Position, bool, Vec<Arc<Record>>)>>,
    },
    /// Every execution, for HTTP.
    Executions {
        /// Where to.
        reply: oneshot::Sender<Vec<(ExecutionId, Position, Box<Execution>)>>,
    },
    // Room messages (join, behind, leave) belong here too.
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

/// Reaches the shard. (One today: a sidecar needs no more.)
#[derive(Debug, Clone)]
pub struct Shards {
    inbox: mpsc::Sender<Message>,
}

impl Shards {
    /// Over this inbox.
    pub fn new(inbox: mpsc::Sender<Message>) -> Self {
        Self { inbox }
    }

    /// Tells it something; waits while it is busy. `false`: it is no longer there.
    pub async fn tell(&self, message: Message) -> bool {
        self.inbox.send(message).await.is_ok()
    }

    /// Asks it something. `None`: it is no longer there.
    pub async fn ask<T>(&self, question: impl FnOnce(oneshot::Sender<T>) -> Message) -> Option<T> {
        let (reply, answer) = oneshot::channel();
        if !self.tell(question(reply)).await {
            return None;
        }
        answer.await.ok()
    }
}

// The dialect in which a viewer watches decides which of a room's logs it reads.
const _: fn(&dyn Dialect) -> &'static str = |dialect| dialect.name();
