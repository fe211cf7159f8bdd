//! Room for what comes: what the relay lets go of where there is too little, and what it does not
//! begin then.

use super::Relay;
use crate::core::{Effect, Execution, LaneFault, Limits, Tombstone};
use crate::model::{ExecutionId, Identity, Now, Seq};

impl Relay {
    /// The numbers that bound it.
    pub fn limits(&self) -> &Limits {
        &self.limits
    }

    /// What the records up to `seq` amount to, where all of them are still here. `None`: they are not,
    /// or nobody has spoken of it.
    pub fn state_at(&self, execution: &ExecutionId, seq: Seq) -> Option<Execution> {
        let log = self.logs.get(execution)?;
        if log.history.position().seq == seq {
            return Some(log.state.clone());
        }
        let first = log.history.records().next()?;
        let records = log.history.records().take_while(|it| it.position.seq <= seq);
        (first.position.seq == Seq(1))
            .then(|| Execution::fold(records.map(|it| &**it), &self.limits))
    }

    /// From now on at most so much of each log is kept, from which a dialect can begin late.
    pub fn retain(&mut self, records: usize, bytes: usize) {
        (self.limits.history, self.limits.history_bytes) = (records, bytes);
        for log in self.logs.values_mut() {
            log.history.trim(None, &self.limits);
        }
    }

    /// From now on, or no longer, nothing new is begun.
    pub fn close(&mut self, closed: bool) {
        self.closed = closed;
    }

    /// Bytes that it holds, roughly: what was said in the records that are still here, and what a
    /// state has for each thing that it knows.
    pub fn held(&self) -> usize {
        let logs = self.logs.values().map(|log| log.history.bytes() + log.state.weight());
        logs.sum::<usize>() + self.tombstones.len() * TOMBSTONE
    }

    /// Forgets the execution that has been over for the longest. Whether there was one.
    pub fn shed(&mut self, now: Now) -> bool {
        let oldest = self.timers.oldest_over().cloned();
        oldest.is_some_and(|execution| {
            self.forget(now, &execution);
            true
        })
    }

    /// Whether another execution of this engine may begin. The oldest that is over makes way for it.
    ///
    /// # Errors
    /// Which limit is reached. All of them pass: who asks again later may be let in.
    pub(super) fn has_room(&mut self, now: Now, owner: &Identity) -> Result<(), LaneFault> {
        self.owners.fits(now.instant, owner, &self.limits)?;
        let room = !self.closed && (self.logs.len() < self.limits.executions || self.shed(now));
        if room { Ok(()) } else { Err(LaneFault::Limit) }
    }

    /// How many executions an engine has that are not over, definitions of workflows included.
    pub fn live_of(&self, owner: &Identity) -> usize {
        self.owners.live(owner)
    }

    /// How many engines are remembered for what they have, or have begun of late.
    pub fn owners(&self) -> usize {
        self.owners.len()
    }

    pub(super) fn forget(&mut self, now: Now, execution: &ExecutionId) {
        let Some(log) = self.logs.remove(execution) else { return };
        self.timers.drop_log(&log);
        if !log.state.is_over() {
            self.owners.ended(&log.owner);
        }
        self.open_gates -= log.state.open_gates().count();
        for alias in &log.aliases {
            self.aliases.remove(alias);
        }
        let at = log.history.position();
        let next = log.lanes.each().map(|(producer, lane)| (producer.clone(), lane.next));
        self.bury(
            now,
            Tombstone {
                execution: execution.clone(),
                owner: log.owner,
                epoch: at.epoch,
                last: at.seq,
                next: next.collect(),
                until: now.time.after(self.limits.tombstone),
            },
        );
        self.effects.push_back(Effect::Forget(execution.clone()));
    }
}

/// What is remembered of a forgotten execution, in bytes, roughly.
const TOMBSTONE: usize = 512;
