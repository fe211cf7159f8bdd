//! Who may do what, asked where it would happen: before the core hears of it, and again when what
//! somebody may has changed. What one may not see is answered as what is not there.

use std::sync::Arc;

use super::Shard;
use crate::auth::Pass;
use crate::auth::access::{self, Action, Target};
use crate::auth::verifier::Verifier;
use crate::core::{Answer, Effect, Input, Receipt, Reference, Stage};
use crate::dialect::Begin;
use crate::model::{CommandAsk, CommandId, CommandKind, DecisionId, ExecutionId, Text, ViewerId};
use crate::shard::Join;
use crate::shard::viewers::Reach;
use crate::store::Backend;
use crate::viewer::{Letter, Post, Seat, Topic};

/// What is said of a command to an execution that is not there.
const UNKNOWN: &str = "unknown execution";

impl<Store> Shard<Store> {
    /// Asks this one what still counts.
    #[must_use]
    pub fn trusting(self, verifier: Arc<dyn Verifier>) -> Self {
        Self { verifier, ..self }
    }

    /// Asks for four eyes: whoever has begun an execution does not decide at its gates.
    #[must_use]
    pub fn with_four_eyes(self, four_eyes: bool) -> Self {
        Self { four_eyes, ..self }
    }

    /// Whether four eyes are asked for, and the holder of `pass` has begun it.
    fn is_alone(&self, pass: &Pass, execution: &ExecutionId) -> bool {
        self.four_eyes && access::has_begun(pass, self.relay.began(execution))
    }

    /// Whether the holder of `pass` may, now. With an execution: to that one, which has to be there.
    pub(in crate::shard) fn may(
        &self,
        pass: &Pass,
        action: Action,
        to: Option<&ExecutionId>,
    ) -> bool {
        let now = self.clock.now().time;
        let Some(execution) = to else { return access::may(pass, action, None, now) };
        let owner = self.relay.owner(execution);
        owner.is_some_and(|owner| access::may(pass, action, Some(Target { execution, owner }), now))
    }

    /// The execution that a name means, if the holder of `pass` may know that.
    pub(in crate::shard) fn visible(&self, pass: &Pass, name: &str) -> Option<ExecutionId> {
        let execution = self.relay.resolve(name)?;
        self.may(pass, Action::Watch, Some(&execution)).then_some(execution)
    }

    /// What is answered to somebody who may not do what they ask for, at this instant: expired and
    /// revoked passes are none.
    pub(super) fn forbidden(&self, input: &Input) -> Option<Effect> {
        let (viewer, receipt) = match input {
            Input::Decided { viewer, ask, .. } => {
                let id = ask.id.clone().unwrap_or_else(DecisionId::none);
                let about = Reference::Decision(id);
                let Some(pass) = self.standing(*viewer) else {
                    return Some(answered(*viewer, Receipt::new(about, Stage::Forbidden)));
                };
                let receipt = match self.visible(pass, &ask.execution) {
                    None => Receipt::unknown_gate(ask),
                    Some(it) if !self.may(pass, Action::Decide, Some(&it)) => {
                        Receipt::new(about, Stage::Forbidden)
                    }
                    Some(it) if self.is_alone(pass, &it) => {
                        let reason = Some(access::FOUR_EYES.into());
                        Receipt { reason, ..Receipt::new(about, Stage::Forbidden) }
                    }
                    Some(_) => return None,
                };
                (viewer, receipt)
            }
            Input::Commanded { viewer, ask, .. } => {
                let id = ask.id.clone().unwrap_or_else(CommandId::none);
                let about = Reference::Command(id);
                let receipt = match self.standing(*viewer) {
                    None => Receipt::new(about, Stage::Forbidden),
                    Some(pass) if self.hides(pass, ask) => Receipt::refused_command(ask, UNKNOWN),
                    Some(pass) => {
                        let to = ask.execution.as_ref().and_then(|it| self.relay.resolve(it));
                        let fine = self.may(pass, Action::Command, to.as_ref())
                            && self.may_name(pass, ask);
                        if fine {
                            return None;
                        }
                        Receipt::new(about, Stage::Forbidden)
                    }
                };
                (viewer, receipt)
            }
            Input::Greeted { .. }
            | Input::Claimed { .. }
            | Input::Published { .. }
            | Input::Reported { .. }
            | Input::Receipted { .. }
            | Input::Withdrawn { .. }
            | Input::Detached { .. } => return None,
        };
        Some(answered(*viewer, receipt))
    }

    /// What a viewer was let in with, if that still counts.
    fn standing(&self, viewer: ViewerId) -> Option<&Arc<Pass>> {
        let pass = &self.viewers.get(&viewer)?.pass;
        let now = self.clock.now().time;
        (!pass.is_over(now) && self.verifier.stands(pass)).then_some(pass)
    }

    /// Whether a command is about an execution that is not to be seen, or not there: the one that it
    /// names, or the one that the same command has started.
    fn hides(&self, pass: &Pass, ask: &CommandAsk) -> bool {
        let named = ask.execution.as_ref().and_then(|it| self.relay.resolve(it));
        let started = ask.id.as_ref().and_then(|id| self.relay.started(id)).cloned();
        let starts = matches!(ask.kind, CommandKind::Start { .. });
        let mut all = named.into_iter().chain(started).peekable();
        let nothing = !starts && all.peek().is_none();
        nothing || all.any(|it| !self.may(pass, Action::Watch, Some(&it)))
    }

    /// Whether an execution that is to be started may have the name that is wanted for it. Who sees only
    /// some names would not see what the relay calls it.
    fn may_name(&self, pass: &Pass, ask: &CommandAsk) -> bool {
        let named = |it: &Text| pass.sight.has_named(it);
        !matches!(ask.kind, CommandKind::Start { .. })
            || ask.execution.as_ref().map_or(pass.sight.executions.is_none(), named)
    }
}

fn answered(viewer: ViewerId, receipt: Receipt) -> Effect {
    Effect::Answer { viewer, answer: Answer::Receipt(receipt) }
}

impl<Store: Backend> Shard<Store> {
    /// A viewer has come.
    pub(super) fn came(&mut self, viewer: ViewerId, pass: Arc<Pass>, answers: Post) {
        self.viewers.insert(viewer, Reach::new(pass, answers));
        self.assess(viewer);
    }

    /// A viewer has shown another token. What it asks for from now on is judged by that.
    pub(super) fn known(&mut self, viewer: ViewerId, pass: &Arc<Pass>) {
        if let Some(reach) = self.viewers.get_mut(&viewer) {
            reach.pass = Arc::clone(pass);
        }
        self.assess(viewer);
    }

    /// Sends a viewer away whose pass was revoked after its door had looked at it, and before it was one
    /// of those whose passes are looked at when something is.
    fn assess(&mut self, viewer: ViewerId) {
        let Some(reach) = self.viewers.get(&viewer) else { return };
        if !self.verifier.stands(&reach.pass) {
            self.post(viewer, Letter::Revoked);
        }
    }

    /// What a viewer watches is looked at again: what it may no longer see is gone, and what it may see
    /// now it is shown, if it waits for it.
    pub(in crate::shard) fn review(&mut self, viewer: ViewerId) {
        let Some(reach) = self.viewers.get(&viewer) else { return };
        let pass = Arc::clone(&reach.pass);
        let (mut lost, mut lists) = (vec![], vec![]);
        for watch in &reach.watches {
            match (&watch.topic, &watch.execution) {
                (Topic::Execution(name), Some(it)) if !self.may(&pass, Action::Watch, Some(it)) => {
                    lost.push((watch.topic.clone(), watch.ticket, name.parse().ok()));
                }
                (Topic::Execution(_), _) => {}
                (Topic::Directory, _) => {
                    let (topic, dialect, ticket) = (Topic::Directory, watch.dialect, watch.ticket);
                    lists.push(Join { viewer, topic, dialect, from: Begin::After(None), ticket });
                }
            }
        }
        for (topic, ticket, asked) in lost {
            self.leave(viewer, &topic);
            let answer = asked.map(|execution| Answer::Unknown { execution });
            let seat = Seat { topic, ticket, answer, cursor: None };
            self.post(viewer, Letter::Seat(Box::new(seat)));
        }
        for join in lists {
            self.leave(viewer, &join.topic);
            self.join(self.clock.now(), join, false);
        }
        self.seat_who_waited();
    }

    /// Viewers whose passes count no longer are sent away.
    pub(in crate::shard) fn reassess(&mut self) {
        let gone = |(_, reach): &(&ViewerId, &Reach)| !self.verifier.stands(&reach.pass);
        let gone: Vec<ViewerId> = self.viewers.iter().filter(gone).map(|(id, _)| *id).collect();
        for viewer in gone {
            self.post(viewer, Letter::Revoked);
            self.left(viewer);
        }
    }
}
