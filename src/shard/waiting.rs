//! Viewers that wait for executions that nobody has spoken of.

use std::collections::BTreeMap;

use super::Join;
use crate::model::{Text, ViewerId};

/// Who waits for executions that nobody has spoken of, by the name that they were asked for.
#[derive(Debug, Default)]
pub(super) struct Waiting {
    pub(super) joins: BTreeMap<Text, Vec<Join>>,
    pub(super) len: usize,
}

impl Waiting {
    pub(super) fn insert(&mut self, name: Text, join: Join) {
        self.len += 1;
        self.joins.entry(name).or_default().push(join);
    }

    pub(super) fn take(&mut self, name: &Text) -> Vec<Join> {
        let joins = self.joins.remove(name).unwrap_or_default();
        self.len -= joins.len();
        joins
    }

    pub(super) fn remove(&mut self, name: &Text, viewer: ViewerId) {
        let Some(joins) = self.joins.get_mut(name) else { return };
        let before = joins.len();
        joins.retain(|join| join.viewer != viewer);
        self.len -= before - joins.len();
        if joins.is_empty() {
            self.joins.remove(name);
        }
    }
}
