//! What is asked over HTTP, by those who watch nothing.

use std::sync::Arc;

use tokio::sync::oneshot;

use super::archive::{Of, Order, Want, Whose};
use super::run::Shard;
use super::{Asked, Followed, Lost, Shown};
use crate::auth::Pass;
use crate::auth::access::Action;
use crate::core::{NotThen, Start};
use crate::model::{Position, Record, Seq};
use crate::store::Backend;

impl<Store: Backend> Shard<Store> {
    /// Every execution that the holder of `pass` may see.
    pub(super) fn asked_executions(&self, pass: &Pass) -> Vec<Shown> {
        if !self.may(pass, Action::List, None) {
            return vec![];
        }
        let fine = |id| self.may(pass, Action::Watch, Some(id));
        let all = self.relay.executions().filter(|(id, ..)| fine(id));
        all.map(|(id, at, state)| (id.clone(), at, Box::new(state.clone()))).collect()
    }

    /// The state as it is, or as it was at a record.
    pub(super) fn asked_state(
        &mut self,
        pass: &Pass,
        name: &str,
        at: Option<Seq>,
        reply: oneshot::Sender<Asked<Shown>>,
    ) {
        let found = self.visible(pass, name).and_then(|execution| {
            let (head, _) = self.relay.snapshot(&execution)?;
            Some((execution, head))
        });
        let Some((execution, head)) = found else {
            // Who asked may have gone; so for all answers here.
            drop(reply.send(Err(Lost::Unknown)));
            return;
        };
        let seq = at.unwrap_or(head.seq);
        let answer = match self.relay.state_at(&execution, seq) {
            _ if head.seq < seq => Err(Lost::Not(NotThen::Ahead { head: head.seq })),
            Some(state) => Ok((execution, Position { seq, ..head }, Box::new(state))),
            None => {
                if let Some(archive) = &mut self.archive {
                    let of = Of { execution, epoch: head.epoch };
                    let whose = Whose::State(reply);
                    return archive.order(Order { of, want: Want::State(seq), whose });
                }
                Err(Lost::Not(NotThen::NotKept))
            }
        };
        drop(reply.send(answer));
    }

    /// The records behind `since`.
    pub(super) fn asked_records(
        &mut self,
        pass: &Pass,
        name: &str,
        since: Option<Position>,
        reply: oneshot::Sender<Asked<Followed>>,
    ) {
        let found = self.visible(pass, name).and_then(|execution| {
            let (head, _) = self.relay.snapshot(&execution)?;
            let from = match self.relay.start(&execution, since)? {
                Start::After(since) => Some(since.seq),
                Start::Snapshot { .. } => None,
            };
            Some((execution, head, from))
        });
        let Some((execution, head, from)) = found else {
            drop(reply.send(Err(Lost::Unknown)));
            return;
        };
        let after = from.unwrap_or(Seq(0));
        let all = self.relay.retained(&execution);
        let records: Vec<Arc<Record>> = all.filter(|it| after < it.position.seq).cloned().collect();
        let first = records.first().map_or(head.seq.next(), |it| it.position.seq);
        let recovered = from.is_some_and(|from| from.next() == first);
        let followed = Followed { execution: execution.clone(), head, recovered, records };
        match &mut self.archive {
            Some(archive) if from.is_some() && !recovered => {
                let of = Of { execution, epoch: head.epoch };
                let whose = Whose::Records(reply, Box::new(followed));
                archive.order(Order { of, want: Want::Records(after), whose });
            }
            Some(_) | None => drop(reply.send(Ok(followed))),
        }
    }
}
