//! The rules: what one execution does with one input.

mod commands;
mod decisions;
mod engines;
mod gates;
mod orphans;
mod resume;

use std::collections::{BTreeMap, VecDeque};

use super::{
    Answer, Effect, Limits, Receipt,
    log::Log,
    producers::Producers,
    waits::{Due, Timers},
};
use crate::model::{Alias, ExecutionId, Fact, Now, Origin, Record, ViewerId};

/// One execution, with all that it may touch while it handles one input.
pub(super) struct Turn<'a> {
    pub(super) now: Now,
    pub(super) log: &'a mut Log,
    pub(super) producers: &'a mut Producers,
    pub(super) aliases: &'a mut BTreeMap<Alias, ExecutionId>,
    pub(super) timers: &'a mut Timers,
    /// Of all executions.
    pub(super) open_gates: &'a mut usize,
    pub(super) effects: &'a mut VecDeque<Effect>,
    pub(super) limits: &'a Limits,
}

impl Turn<'_> {
    /// A fact of the relay's own.
    fn note(&mut self, fact: Fact) -> std::sync::Arc<Record> {
        self.append(fact, Origin::default())
    }

    fn append(&mut self, fact: Fact, origin: Origin) -> std::sync::Arc<Record> {
        let record = self.log.append(self.now, fact, origin, self.limits);
        let crate::model::After { before, progress, .. } = &record.after;
        *self.open_gates += progress.open_gates as usize;
        *self.open_gates -= before.open_gates as usize;
        self.effects.push_back(Effect::Append(record.clone()));
        record
    }

    fn answer(&mut self, viewer: ViewerId, receipt: Receipt) {
        let answer = Answer::Receipt(receipt);
        self.effects.push_back(Effect::Answer { viewer, answer });
    }

    /// When an execution is over, its end of life begins.
    pub(super) fn outlive(&mut self) {
        if self.log.state.is_over() && self.log.forget.is_none() {
            // From its last record on: a restart of the relay gives it no new life.
            let ends = self.log.state.last_time.after(self.limits.afterlife);
            let at = Some(self.now.instant + self.now.time.until(ends));
            let Self { log, timers, .. } = self;
            timers.arm(&log.execution, Due::Forget, &mut log.forget, at);
        }
    }
}
