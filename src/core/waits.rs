//! What waits for a time: a gate for its deadline, a decision or a command for its engine, and an
//! execution that is over for being forgotten.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::{Duration, Instant},
};

use super::{Limits, log::Log};
use crate::model::{
    CommandId, DecisionId, ExecutionId, GateId, LinkId, ProducerEpoch, ProducerId, ViewerId,
};

/// What falls due.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Due {
    Gate(GateId),
    /// Its engine has not come to this gate again.
    Orphan(GateId),
    Command(CommandId),
    /// The execution has been over for long enough.
    Forget,
    /// Its lanes have been remembered for long enough.
    Bury,
}

/// A gate that is open with a deadline, orphaned, or decided and not answered for.
#[derive(Debug, Default)]
pub(super) struct GateWait {
    pub(super) due: Option<Instant>,
    /// Its engine has started again without it: until when it may come to it again.
    pub(super) orphaned: Option<Instant>,
    /// Where its engine was told of the decision when it came back, and has not asked since.
    pub(super) greeted: Option<LinkId>,
    /// Whom to tell how each vote ended. The latest connection, if somebody came back.
    pub(super) askers: BTreeMap<DecisionId, ViewerId>,
    /// How often its engine was told.
    pub(super) attempts: u32,
    /// Its deadline passed while the relay was not there.
    pub(super) late: bool,
}

/// A command that is not answered for.
#[derive(Debug)]
pub(super) struct CommandWait {
    pub(super) due: Option<Instant>,
    /// Whom to tell what comes of it, if anybody is there.
    pub(super) asker: Option<ViewerId>,
    /// How often its engine was told.
    pub(super) attempts: u32,
    /// Whom it is for.
    pub(super) to: ProducerId,
    /// Where it was told, and which start of its process was.
    pub(super) sent_to: Option<(LinkId, ProducerEpoch)>,
    /// When its sender loses patience; `None`: it was told already.
    pub(super) patience: Option<Instant>,
}

/// How long to wait for an answer to the latest of so many attempts.
pub(super) fn backoff(attempts: u32, limits: &Limits) -> Duration {
    let doubled = attempts.saturating_sub(1).min(10);
    limits.again.saturating_mul(1 << doubled).min(limits.again_at_most)
}

/// Every due time of every execution, in the order in which they come.
#[derive(Debug, Default)]
pub(super) struct Timers {
    /// Gates and commands.
    waits: BTreeSet<(Instant, ExecutionId, Due)>,
    /// Executions that are over: the first has been so for the longest.
    over: BTreeSet<(Instant, ExecutionId, Due)>,
    /// What is remembered of those that are forgotten.
    buried: BTreeSet<(Instant, ExecutionId, Due)>,
}

impl Timers {
    pub(super) fn next(&self) -> Option<Instant> {
        Some(self.first()?.0)
    }

    fn first(&self) -> Option<&(Instant, ExecutionId, Due)> {
        [&self.waits, &self.over, &self.buried].into_iter().filter_map(BTreeSet::first).min()
    }

    fn of(&mut self, what: &Due) -> &mut BTreeSet<(Instant, ExecutionId, Due)> {
        match what {
            Due::Gate(_) | Due::Orphan(_) | Due::Command(_) => &mut self.waits,
            Due::Forget => &mut self.over,
            Due::Bury => &mut self.buried,
        }
    }

    /// Moves what is due at `slot` to `at`, or takes it away.
    pub(super) fn arm(
        &mut self,
        execution: &ExecutionId,
        what: Due,
        slot: &mut Option<Instant>,
        at: Option<Instant>,
    ) {
        if *slot == at {
            return;
        }
        let dues = self.of(&what);
        if let Some(old) = slot.take() {
            dues.remove(&(old, execution.clone(), what.clone()));
        }
        if let Some(at) = at {
            dues.insert((at, execution.clone(), what));
        }
        *slot = at;
    }

    pub(super) fn pop(&mut self, now: Instant) -> Option<(ExecutionId, Due)> {
        let (.., what) = self.first().filter(|(due, ..)| *due <= now)?;
        let what = what.clone();
        let (_, execution, what) = self.of(&what).pop_first()?;
        Some((execution, what))
    }

    /// Nothing of this log falls due any longer.
    pub(super) fn drop_log(&mut self, log: &Log) {
        let gates = log.gate_waits.iter().flat_map(|(id, it)| {
            [(it.due, Due::Gate(id.clone())), (it.orphaned, Due::Orphan(id.clone()))]
        });
        let commands = log.command_waits.iter().map(|(id, it)| (it.due, Due::Command(id.clone())));
        for (at, what) in gates.chain(commands).chain([(log.forget, Due::Forget)]) {
            let Some(at) = at else { continue };
            self.of(&what).remove(&(at, log.execution.clone(), what.clone()));
        }
    }

    /// The same of a log that can't be looked at.
    pub(super) fn drop_all(&mut self, execution: &ExecutionId) {
        for dues in [&mut self.waits, &mut self.over, &mut self.buried] {
            dues.retain(|(_, of, _)| of != execution);
        }
    }

    /// The execution that has been over for the longest.
    pub(super) fn oldest_over(&self) -> Option<&ExecutionId> {
        self.over.first().map(|(_, execution, _)| execution)
    }

    /// Takes the execution that has been forgotten for the longest.
    pub(super) fn unbury(&mut self) -> Option<ExecutionId> {
        self.buried.pop_first().map(|(_, execution, _)| execution)
    }
}
