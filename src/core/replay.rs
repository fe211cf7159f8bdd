//! Records as they were, made again from what is kept of them: a log's fold, taken a record at a
//! time from a checkpoint on. It adds to no log, and waits for nothing.

use super::{Checkpoint, Execution, KeptRecord, Limits};
use crate::model::{Epoch, ExecutionId, Fact, Origin, Position, Record, Timestamp, Totals};

/// A log at one of its records, on its way to the next.
#[derive(Debug, Clone)]
pub struct Replay {
    execution: ExecutionId,
    at: Position,
    state: Execution,
    limits: Limits,
}

impl Replay {
    /// A log at its checkpoint, or before its first record. `limits`: those under which it was
    /// written, or what was dropped then would be there now.
    pub fn new(
        execution: ExecutionId,
        epoch: Epoch,
        checkpoint: Option<Checkpoint>,
        limits: &Limits,
    ) -> Self {
        let (seq, mut state): (_, Execution) =
            checkpoint.map_or_else(Default::default, |it| (it.at, it.state));
        state.derive();
        Self { execution, at: Position { epoch, seq }, state, limits: *limits }
    }

    /// The record at which it is.
    pub fn at(&self) -> Position {
        self.at
    }

    /// Whose log it is.
    pub fn execution(&self) -> &ExecutionId {
        &self.execution
    }

    /// What the records up to there amount to.
    pub fn state(&self) -> &Execution {
        &self.state
    }

    /// Goes on by one: the record that follows, exactly as it was when it came in.
    pub fn take(&mut self, kept: KeptRecord) -> Record {
        let KeptRecord { time, hash, size, restored, fact } = kept;
        let size = usize::try_from(size).unwrap_or(usize::MAX);
        self.at.seq = self.at.seq.next();
        let (execution, origin) = (self.execution.clone(), Origin { hash, size, restored });
        record(&mut self.state, execution, self.at, time, fact, origin, &self.limits)
    }
}

/// What a fact amounts to behind all others: the only place where a record comes into being.
pub(super) fn record(
    state: &mut Execution,
    execution: ExecutionId,
    position: Position,
    time: Timestamp,
    fact: Fact,
    origin: Origin,
    limits: &Limits,
) -> Record {
    let (contradiction, mut after) = state.apply(position.seq, time, &fact, limits);
    if origin.restored {
        // It was spent, and told, before the relay lost its memory.
        after.added = after.added.map(|_| Totals::default());
    }
    Record { execution, position, time, fact, origin, contradiction, after }
}
