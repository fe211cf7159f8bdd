//! What the shard does when the relay has fallen over an execution: nobody is told what came of it in
//! this turn, and who watches it is told that it is gone. Everybody else goes on.

use std::collections::BTreeSet;

use super::{Heard, Shard};
use crate::core::Effect;
use crate::model::ExecutionId;

impl<Store> Shard<Store> {
    pub(super) fn fallen(&mut self, execution: &ExecutionId, what: &str) {
        self.metrics.executions_fallen.inc();
        let remedy = "report it, with this line and the panic's before it; nothing more of the \
                      execution is taken in until the relay is started again";
        tracing::error!(%execution, what, remedy, "fallen over an execution");
        if let Some(Heard { room, .. }) = self.rooms.remove(execution) {
            room.end(self.turn);
        }
        self.touched.remove(execution);
    }
}

/// Nobody has been told of these yet. Each stays in its place: the audit knows them by that.
pub(super) fn take_back(effects: &mut [Effect]) {
    let fallen: BTreeSet<ExecutionId> = effects
        .iter()
        .filter_map(|it| {
            if let Effect::Fallen { execution, .. } = it { Some(execution.clone()) } else { None }
        })
        .collect();
    for effect in effects {
        fallen.iter().for_each(|execution| effect.take_back(execution));
    }
}
