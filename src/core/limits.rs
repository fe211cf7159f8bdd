//! The numbers that bound everything the core holds.

use std::{num::NonZeroU32, time::Duration};

/// Bounds, with the defaults of the contract.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// Records kept for each execution, from which a dialect that begins late is rendered.
    pub history: usize,
    /// Bytes of them.
    pub history_bytes: usize,
    /// How long they are kept.
    pub history_age: Duration,
    /// Nodes of one execution. They are in every snapshot.
    pub nodes: usize,
    /// Edges of one execution.
    pub edges: usize,
    /// Open gates of one execution.
    pub open_gates: usize,
    /// Open gates of all executions together.
    pub open_gates_of_all: usize,
    /// Settled gates of one execution that are remembered.
    pub gate_results: usize,
    /// Commands of one execution that are remembered.
    pub commands: usize,
    /// Failures of one execution that are remembered.
    pub errors: usize,
    /// Votes on one gate.
    pub votes: usize,
    /// Bytes of what a person writes with an answer.
    pub comment: usize,
    /// Executions that are not over, and those that are and are still kept.
    pub executions: usize,
    /// Executions of one engine that are not over, and
    pub executions_of_engine: usize,
    /// those of all engines of one tenant.
    pub executions_of_tenant: usize,
    /// Executions that one engine may begin in a second; what it has saved in 5 s, at once. `None`: as
    /// many as it likes.
    pub executions_begun: Option<NonZeroU32>,
    /// Event hashes kept for each lane, to tell a repeat from a conflict.
    pub hashes: usize,
    /// An engine that has not answered is told again after `again`, then after twice as long, and
    /// so on up to `again_at_most`.
    pub again: Duration,
    /// See `again`.
    pub again_at_most: Duration,
    /// After this long without an answer the sender of a command is told that it waits.
    pub patience: Duration,
    /// An engine that has started again and does not name a gate that it had asked may take so long to
    /// come to it again; then the gate is withdrawn.
    pub orphaned: Duration,
    /// How long an execution is kept after its end.
    pub afterlife: Duration,
    /// How long its lanes are remembered after that, so that nothing is taken in twice.
    pub tombstone: Duration,
    /// Forgotten executions whose lanes are remembered; the oldest make way.
    pub tombstones: usize,
    /// Whether a gate may approve itself when its deadline passes. Off unless the operator says so.
    pub timeout_may_approve: bool,
    /// Whether people may decide while nobody could be told of it: it is told later.
    pub decide_while_away: bool,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            history: 1_000,
            history_bytes: 8 << 20,
            history_age: Duration::from_secs(300),
            nodes: 10_000,
            edges: 50_000,
            open_gates: 1_000,
            open_gates_of_all: 10_000,
            gate_results: 256,
            commands: 256,
            errors: 100,
            votes: 32,
            comment: 16 << 10,
            executions: 10_000,
            executions_of_engine: usize::MAX,
            executions_of_tenant: usize::MAX,
            executions_begun: None,
            hashes: 1_024,
            again: Duration::from_secs(5),
            again_at_most: Duration::from_secs(60),
            patience: Duration::from_secs(10),
            orphaned: Duration::from_secs(300),
            afterlife: Duration::from_secs(3_600),
            tombstone: Duration::from_secs(24 * 3_600),
            tombstones: 100_000,
            timeout_may_approve: false,
            decide_while_away: true,
        }
    }
}
