//! What the shard does when the relay has fallen over an execution: nobody is told what came of it in
//! this turn. With a store it goes on from what was committed, where it has not fallen too often; if it
//! does not, who watches it is told that it is gone. Everybody else goes on.

use std::collections::BTreeSet;

use tokio::task::spawn_blocking;
use tracing::error;

use super::{Heard, Shard};
use crate::core::{Effect, Past};
use crate::model::ExecutionId;
use crate::store::{Backend, Reader};

impl<Store: Backend> Shard<Store> {
    /// Nobody has been told of these yet. Each stays in its place: the audit knows them by that.
    pub(super) async fn take_back(&mut self, effects: &mut [Effect]) {
        let fallen: BTreeSet<ExecutionId> = effects.iter().filter_map(fell).cloned().collect();
        for execution in fallen {
            let reader = self.archive.as_ref().map(|it| it.reader().clone());
            if let Some(reader) = reader.filter(|_| self.relay.may_rise(&execution))
                && let Some(past) = kept(reader, &execution).await
            {
                self.relay.rise(self.clock.now(), past);
            }
            effects.iter_mut().for_each(|effect| effect.take_back(&execution, &self.relay));
        }
    }

    pub(super) fn fallen(&mut self, execution: &ExecutionId, what: &str) {
        self.metrics.executions_fallen.inc();
        if self.relay.head(execution).is_some() {
            let remedy = "report it, with this line and the panic's before it";
            return error!(%execution, what, remedy, "fallen over an execution; it goes on as it is kept");
        }
        let remedy = "report it, with this line and the panic's before it; nothing more of the \
                      execution is taken in until the relay is started again";
        error!(%execution, what, remedy, "fallen over an execution; it is set aside");
        if let Some(Heard { room, .. }) = self.rooms.remove(execution) {
            room.end(self.turn);
        }
        self.touched.remove(execution);
    }
}

/// What is committed of it.
async fn kept(reader: Reader, execution: &ExecutionId) -> Option<Past> {
    let read = match reader.has_thread() {
        true => {
            let of = execution.clone();
            spawn_blocking(move || reader.past(&of)).await.ok()?
        }
        false => reader.past(execution),
    };
    read.unwrap_or_else(|err| {
        error!(%execution, %err, "what is kept of it can't be read");
        None
    })
}

fn fell(effect: &Effect) -> Option<&ExecutionId> {
    if let Effect::Fallen { execution, .. } = effect { Some(execution) } else { None }
}
