//! Who is told which logs of a group there are, and which come.

use std::sync::Arc;

use super::run::Shard;
use crate::auth::access::Action;
use crate::dialect::Group;
use crate::model::{ExecutionId, ViewerId};
use crate::store::Backend;
use crate::viewer::Letter;

impl<Store: Backend> Shard<Store> {
    /// Tells a viewer which logs of a group there are, and from now on which come.
    pub(super) fn follow(&mut self, viewer: ViewerId, group: Group) {
        let Some(reach) = self.viewers.get(&viewer) else { return };
        let pass = Arc::clone(&reach.pass);
        let mut found: Vec<ExecutionId> = vec![];
        for (id, _, state) in self.relay.logs() {
            if group.has(id, state) && self.may(&pass, Action::Watch, Some(id)) {
                found.push(id.clone());
            }
        }
        self.followers.insert((group.clone(), viewer));
        self.post(viewer, Letter::Found(group, found));
    }

    /// Logs have come, or more is known of them. One letter for all of a turn's: whoever follows is
    /// not to be let go of because there are many.
    pub(super) fn tell_followers(&mut self) {
        let appeared = std::mem::take(&mut self.appeared);
        let mut told: Vec<(Group, ViewerId, Vec<ExecutionId>)> = vec![];
        for (group, viewer) in &self.followers {
            let Some(reach) = self.viewers.get(viewer) else { continue };
            let is_new = |id: &&ExecutionId| {
                let state = self.relay.snapshot(id).map(|(_, state)| state);
                state.is_some_and(|state| group.has(id, state))
                    && self.may(&reach.pass, Action::Watch, Some(id))
            };
            let found: Vec<_> = appeared.iter().filter(is_new).cloned().collect();
            if !found.is_empty() {
                told.push((group.clone(), *viewer, found));
            }
        }
        for (group, viewer, found) in told {
            self.post(viewer, Letter::Found(group, found));
        }
    }
}
