//! Who is told which logs of a group there are, and which come.

use super::run::Shard;
use super::viewers::Reach;
use crate::auth::access::{self, Action};
use crate::dialect::Group;
use crate::model::{ExecutionId, ViewerId};
use crate::store::Backend;
use crate::viewer::Letter;

impl<Store: Backend> Shard<Store> {
    /// Tells a viewer which logs of a group there are, and from now on which come.
    pub(super) fn follow(&mut self, viewer: ViewerId, group: Group) {
        let Some(reach) = self.viewers.get(&viewer) else { return };
        let principal = reach.principal.clone();
        let mut found: Vec<ExecutionId> = vec![];
        for (id, _, state) in self.relay.logs() {
            if group.has(id, state) && access::may(&principal, Action::Watch, Some(id)) {
                found.push(id.clone());
            }
        }
        self.followers.insert((group.clone(), viewer));
        self.post(viewer, Letter::Found(group, found));
    }

    /// A log has come, or more is known of it.
    pub(super) fn tell_followers(&mut self, execution: &ExecutionId) {
        let Some((_, state)) = self.relay.snapshot(execution) else { return };
        let is_for = |(group, viewer): &&(Group, ViewerId)| {
            let fine = |it: &Reach| access::may(&it.principal, Action::Watch, Some(execution));
            group.has(execution, state) && self.viewers.get(viewer).is_some_and(fine)
        };
        let told: Vec<_> = self.followers.iter().filter(is_for).cloned().collect();
        for (group, viewer) in told {
            self.post(viewer, Letter::Found(group, vec![execution.clone()]));
        }
    }
}
