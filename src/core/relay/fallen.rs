//! What becomes of an execution that the relay falls over: a turn of it that panics, which no input
//! should ever make it do. The fault is kept to that execution.
//!
//! What holds: a turn touches its own log, and of what all share only its own entries: its timers, its
//! aliases, its part in the count of open gates; what it tells anybody are effects, and nobody has seen
//! them yet. So all of that is taken away with the log, half-made as it may be, and what is left is as
//! if the execution had never been. Where it is kept it can rise from that, twice: it is then as it was
//! before the inputs that nobody has been told of, and whoever said them says them again. Otherwise
//! nothing more of it is taken in for as long as the relay runs: to go on would be to show a state of
//! which nobody knows whether it is so.

use std::{
    any::Any,
    panic::{AssertUnwindSafe, catch_unwind},
};

use super::Relay;
use crate::core::{
    Answer, Claim, Effect, Grant, LaneFault, Past, Reference, Stage, Verdict, turn::Turn,
};
use crate::model::{ExecutionId, LinkId, Now, Pseq};

/// Executions of which it is remembered that they have fallen.
const FALLEN: usize = 1_024;
/// An execution that has fallen so often does not rise any more.
const ENOUGH: u32 = 3;

impl Relay {
    /// Has an execution take its turn. `None`: there is none, or it has just fallen.
    pub(super) fn guarded<T>(
        &mut self,
        now: Now,
        execution: &ExecutionId,
        take: impl FnOnce(&mut Turn<'_>) -> T,
    ) -> Option<T> {
        let before = self.effects.len();
        let mut turn = self.turn(now, execution)?;
        let over = turn.log.state.is_over();
        match catch_unwind(AssertUnwindSafe(|| take(&mut turn))) {
            Ok(taken) => {
                let is_over = turn.log.state.is_over();
                if over != is_over {
                    let owner = turn.log.owner.clone();
                    if is_over { self.owners.ended(&owner) } else { self.owners.lives(&owner) }
                }
                Some(taken)
            }
            Err(panic) => {
                // Of this turn alone: others may have come before it, over the same input.
                self.effects.truncate(before);
                self.fall(execution, panic.as_ref());
                None
            }
        }
    }

    /// The same, where it belongs to who speaks on `link`.
    pub(super) fn guarded_of<T>(
        &mut self,
        now: Now,
        link: LinkId,
        execution: &ExecutionId,
        take: impl FnOnce(&mut Turn<'_>) -> T,
    ) -> Option<T> {
        if self.is_theirs(link, execution) { self.guarded(now, execution, take) } else { None }
    }

    /// Whether an execution is down and may rise.
    pub fn may_rise(&self, execution: &ExecutionId) -> bool {
        let times = self.fallen.get(execution);
        times.is_some_and(|times| *times < ENOUGH) && !self.logs.contains_key(execution)
    }

    /// An execution that was down goes on as it was kept. Engines that are there are told what it has
    /// for them, as if they had just come to it.
    pub fn rise(&mut self, now: Now, past: Past) {
        let execution = past.kept.execution.clone();
        let lanes = past.kept.lanes.iter();
        let links = lanes.filter_map(|lane| self.producers.listening(&lane.producer));
        let links: Vec<LinkId> = links.collect();
        self.restore(now, past);
        for link in links {
            let claim = Claim::of(execution.clone());
            self.guarded_of(now, link, &execution, |turn| turn.attached(link, &claim));
        }
    }

    /// Where who speaks on `link` stands with an execution that has fallen.
    pub(super) fn standing(&self, link: LinkId, execution: &ExecutionId) -> Grant {
        let log = self.logs.get(execution);
        let speaker = self.producers.link(link).map(|link| &link.producer);
        let lane = log.into_iter().flat_map(|log| log.lanes.each());
        let lane = lane.filter(|(it, _)| Some(*it) == speaker).map(|(_, lane)| lane).next();
        Grant {
            execution: execution.clone(),
            log: log.map(|log| log.history.position().epoch).ok_or(LaneFault::Fallen),
            next: lane.map_or(Pseq(1), |lane| lane.next),
            need_state: lane.is_some_and(|lane| lane.needs_state),
        }
    }

    fn fall(&mut self, execution: &ExecutionId, panic: &(dyn Any + Send)) {
        self.logs.remove(execution);
        self.timers.drop_all(execution);
        self.aliases.retain(|_, of| of != execution);
        self.open_gates = self.logs.values().map(|log| log.state.open_gates().count()).sum();
        let live = self.logs.values().filter(|log| !log.state.is_over());
        self.owners.recount(live.map(|log| &log.owner));
        if FALLEN <= self.fallen.len() && !self.fallen.contains_key(execution) {
            self.fallen.pop_first();
        }
        *self.fallen.entry(execution.clone()).or_default() += 1;
        let text = panic.downcast_ref::<String>().map(String::as_str);
        let what = text.or_else(|| panic.downcast_ref::<&str>().copied());
        let what = what.unwrap_or("a panic without words").to_owned();
        self.effects.push_back(Effect::Fallen { execution: execution.clone(), what });
    }
}

impl Effect {
    /// Takes back what was to be done for an execution that has fallen since: to be asked of everything
    /// that nobody has been told of yet, once it has risen, if it does. What has to be answered is
    /// answered as it is now.
    pub fn take_back(&mut self, of: &ExecutionId, relay: &Relay) {
        let gone = match self {
            Self::Append(record) => record.execution == *of,
            Self::NeedState { execution, .. }
            | Self::Deliver { execution, .. }
            | Self::Order { execution, .. } => execution == of,
            Self::Result { link, result } => {
                if result.execution == *of {
                    let Grant { log, next, .. } = relay.standing(*link, of);
                    (result.ack, result.issues) = (None, vec![]);
                    (result.fault, result.nack) = (log.err(), log.is_ok().then_some(next));
                }
                false
            }
            Self::Welcome { link, grants } | Self::Granted { link, grants } => {
                let theirs = grants.iter_mut().filter(|grant| grant.execution == *of);
                theirs.for_each(|grant| *grant = relay.standing(*link, of));
                false
            }
            Self::Verdict { execution, verdict, .. } => {
                if execution == of {
                    *verdict = Verdict::Unknown;
                }
                false
            }
            Self::Answer { answer: Answer::Receipt(receipt), .. } => {
                let theirs = receipt.execution.as_ref() == Some(of);
                if theirs {
                    receipt.stage = match receipt.about {
                        Reference::Decision(_) => Stage::GateUnknown,
                        Reference::Command(_) => Stage::Refused,
                    };
                    (receipt.resolution, receipt.at, receipt.by) = (None, None, None);
                    receipt.reason = Some(FELL.into());
                }
                false
            }
            Self::Answer { .. }
            | Self::Forget(_)
            | Self::Fallen { .. }
            | Self::TakenBack
            | Self::End { .. } => false,
        };
        if gone {
            *self = Self::TakenBack;
        }
    }
}

/// What people are told whose answer went with it.
const FELL: &str = "the relay has fallen over this execution, and this was not taken";
