//! Whether somebody may do what they ask for, before the core hears of it.

use super::Shard;
use crate::auth::access::{self, Action};
use crate::core::{Answer, Effect, Input, Receipt, Reference, Stage};
use crate::model::{CommandId, DecisionId, Principal};

impl<Store> Shard<Store> {
    /// What is answered to somebody who may not do what they ask for.
    pub(super) fn forbidden(&self, input: &Input) -> Option<Effect> {
        let (viewer, principal, action, about, name): (_, &Principal, _, _, _) = match input {
            Input::Decided { viewer, principal, ask } => {
                let about = ask.id.clone().unwrap_or_else(DecisionId::none);
                let name = Some(&ask.execution);
                (viewer, principal, Action::Decide, Reference::Decision(about), name)
            }
            Input::Commanded { viewer, principal, ask } => {
                let about = ask.id.clone().unwrap_or_else(CommandId::none);
                let name = ask.execution.as_ref();
                (viewer, principal, Action::Command, Reference::Command(about), name)
            }
            Input::Greeted { .. }
            | Input::Claimed { .. }
            | Input::Published { .. }
            | Input::Reported { .. }
            | Input::Receipted { .. }
            | Input::Withdrawn { .. }
            | Input::Detached { .. } => return None,
        };
        let execution = name.and_then(|name| self.relay.resolve(name));
        if access::may(principal, action, execution.as_ref()) {
            return None;
        }
        let receipt = Receipt {
            about,
            execution: None,
            gate: None,
            node: None,
            stage: Stage::Forbidden,
            resolution: None,
            reason: None,
            by: None,
            at: None,
        };
        Some(Effect::Answer { viewer: *viewer, answer: Answer::Receipt(receipt) })
    }
}
