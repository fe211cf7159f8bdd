//! What memory no longer has, read back from the store off the shard's loop: at most [`READERS`] pieces
//! at once, and never two for one viewer. It must never decide who may see what: that is settled
//! before anything is ordered here, and again when it is handed out.
//!
//! A piece is folded and rendered once for all who are near each other: the last ones stay for a
//! while, and so do folds that somebody is likely to go on from.

mod job;

use std::{collections::VecDeque, future::pending, sync::Arc};

use tokio::{
    sync::oneshot,
    task::{Id, JoinSet},
};

use super::{Asked, Followed, Lost, Shown};
use crate::core::{Execution, Limits, NotThen, Replay};
use crate::dialect::Dialect;
use crate::model::{Epoch, ExecutionId, Record, Seq, ViewerId};
use crate::room::{Gauge, Still};
use crate::store::Reader;
use crate::telemetry::Metrics;
use crate::viewer::Topic;
use job::{Job, Made, Outcome, Stretch};

/// Pieces that are read at once.
const READERS: usize = 2;
/// Pieces that stay for those who come next.
const STRETCHES: usize = 16;
/// Folds from which somebody may go on.
const FOLDS: usize = 8;
/// Questions over HTTP that may wait. Those of viewers are bounded by the viewers.
const QUESTIONS: usize = 1_024;

/// Which log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Of {
    pub(super) execution: ExecutionId,
    pub(super) epoch: Epoch,
}

/// What is wanted of it.
#[derive(Debug, Clone, Copy)]
pub(super) enum Want {
    /// What follows on this record, rendered.
    Piece(&'static dyn Dialect, Seq),
    /// The state at this record, rendered.
    Still(&'static dyn Dialect, Seq),
    /// The state at this record.
    State(Seq),
    /// What follows on this record.
    Records(Seq),
}

/// For whom.
#[derive(Debug)]
pub(super) enum Whose {
    /// A viewer, in what it watches under this name, as it wished it last.
    Viewer { viewer: ViewerId, topic: Topic, ticket: u32 },
    /// Somebody who asks over HTTP, and what memory knows of it.
    State(oneshot::Sender<Asked<Shown>>),
    /// The same. Who asked is shown what memory has, if the store has nothing.
    Records(oneshot::Sender<Asked<Followed>>, Box<Followed>),
}

/// An order.
#[derive(Debug)]
pub(super) struct Order {
    pub(super) of: Of,
    pub(super) want: Want,
    pub(super) whose: Whose,
}

/// What was got for an order.
#[derive(Debug)]
pub(super) enum Got {
    Still(Still),
    State(Box<Execution>),
    Records(Vec<Arc<Record>>),
}

/// An order, and what came of it.
pub(super) type Done = (Order, Result<Got, Lost>);

/// The store's readers.
#[derive(Debug)]
pub(super) struct Archive {
    reader: Reader,
    limits: Limits,
    gauge: Gauge,
    metrics: Arc<Metrics>,
    jobs: JoinSet<Outcome>,
    /// What is being read, and who waits for it.
    running: Vec<(Id, Of, Want, Vec<Order>)>,
    queue: VecDeque<Order>,
    done: VecDeque<Done>,
    /// The newest are last.
    stretches: VecDeque<(Of, Arc<Stretch>)>,
    folds: VecDeque<Replay>,
}

impl Archive {
    pub(super) fn new(reader: Reader, limits: Limits, gauge: Gauge, metrics: Arc<Metrics>) -> Self {
        Self {
            reader,
            limits,
            gauge,
            metrics,
            jobs: JoinSet::new(),
            running: Vec::new(),
            queue: VecDeque::new(),
            done: VecDeque::new(),
            stretches: VecDeque::new(),
            folds: VecDeque::new(),
        }
    }

    /// Takes an order. Each gets an answer, unless its viewer [leaves](Archive::forget).
    pub(super) fn order(&mut self, order: Order) {
        if order.viewer().is_none() && QUESTIONS <= self.queue.len() {
            self.done.push_back((order, Err(Lost::Busy)));
            return;
        }
        self.queue.push_back(order);
        self.advance();
    }

    /// A viewer no longer waits.
    pub(super) fn forget(&mut self, viewer: ViewerId) {
        self.queue.retain(|order| order.viewer() != Some(viewer));
    }

    /// Lets go of all that it does not need: there is too little memory.
    pub(super) fn shrink(&mut self) {
        self.stretches = VecDeque::new();
        self.folds = VecDeque::new();
    }

    /// Orders that are not carried out yet.
    pub(super) fn orders(&self) -> usize {
        let running = self.running.iter().map(|(.., orders)| orders.len());
        running.sum::<usize>() + self.queue.len() + self.done.len()
    }

    /// Bytes that it holds beside what the gauge counts, roughly.
    pub(super) fn held(&self) -> usize {
        self.folds.iter().map(|it| it.state().weight()).sum()
    }

    /// What is done next. It can be dropped at any time.
    pub(super) async fn next(archive: Option<&mut Self>) -> Done {
        let Some(archive) = archive else { return pending().await };
        loop {
            if let Some(done) = archive.done.pop_front() {
                return done;
            }
            match archive.jobs.join_next_with_id().await {
                None => return pending().await,
                Some(Ok((id, outcome))) => archive.finished(id, Some(outcome)),
                // A file whose inner structure is broken may lead its reader anywhere.
                Some(Err(err)) => archive.finished(err.id(), None),
            }
            archive.advance();
        }
    }

    /// Who reads.
    pub(super) fn reader(&self) -> &Reader {
        &self.reader
    }

    /// Waits for what is under way, and lets go of the store.
    pub(super) async fn end(mut self) {
        self.jobs.shutdown().await;
    }

    /// Begins what there is room for.
    fn advance(&mut self) {
        while let Some(order) = self.pop() {
            if let Some(still) = self.known(&order) {
                self.done.push_back((order, Ok(Got::Still(still))));
                continue;
            }
            let same = self
                .running
                .iter_mut()
                .find(|(_, of, want, _)| *of == order.of && want.covers(order.want));
            if let Some((.., orders)) = same {
                orders.push(order);
                continue;
            }
            let job = self.job(&order);
            let (of, want) = (order.of.clone(), order.want);
            if self.reader.has_thread() {
                let id = self.jobs.spawn_blocking(move || job.run()).id();
                self.running.push((id, of, want, vec![order]));
            } else {
                let outcome = job.run();
                self.deliver(&of, vec![order], Some(outcome));
            }
        }
    }

    /// The next order that may be served.
    fn pop(&mut self) -> Option<Order> {
        if READERS <= self.running.len() {
            return None;
        }
        let busy = |viewer| {
            let mut orders = self.running.iter().flat_map(|(.., orders)| orders);
            orders.any(|order| order.viewer() == Some(viewer))
        };
        let free = |order: &Order| !order.viewer().is_some_and(busy);
        let at = self.queue.iter().position(free)?;
        self.queue.remove(at)
    }

    /// A piece that is there already.
    fn known(&self, order: &Order) -> Option<Still> {
        let Want::Piece(dialect, after) = order.want else { return None };
        self.stretches.iter().rev().find_map(|(of, stretch)| {
            let same = *of == order.of && stretch.dialect == dialect.name();
            same.then(|| stretch.behind(after)).flatten()
        })
    }

    fn job(&mut self, order: &Order) -> Job {
        let Of { execution, epoch } = order.of.clone();
        let after = order.want.seq();
        let at = |it: &Replay| {
            (it.at().epoch, it.at().seq) == (epoch, after) && *it.execution() == execution
        };
        let fold = self.folds.iter().position(at).and_then(|at| self.folds.remove(at));
        Job {
            reader: self.reader.clone(),
            limits: self.limits,
            gauge: self.gauge.clone(),
            execution,
            epoch,
            want: order.want,
            fold,
        }
    }

    fn finished(&mut self, id: Id, outcome: Option<Outcome>) {
        let Some(at) = self.running.iter().position(|(it, ..)| *it == id) else { return };
        let (_, of, _, orders) = self.running.swap_remove(at);
        self.deliver(&of, orders, outcome);
    }

    fn deliver(&mut self, of: &Of, orders: Vec<Order>, outcome: Option<Outcome>) {
        let Outcome { made, fold, read } = outcome.unwrap_or_else(|| Outcome {
            made: Err(Lost::Unreadable("its reader has fallen over it".to_owned())),
            fold: None,
            read: 0,
        });
        self.metrics.store_records_read.inc_by(read);
        if let Err(Lost::Unreadable(what)) = &made {
            self.metrics.store_unreadable.inc();
            let Of { execution, epoch } = of;
            tracing::error!(%execution, %epoch, what, "what is kept of a log can't be read");
        }
        if let Some(fold) = fold {
            self.folds.push_back(fold);
            if FOLDS < self.folds.len() {
                self.folds.pop_front();
            }
        }
        if let Ok(Made::Stretch(stretch)) = &made {
            self.stretches.push_back((of.clone(), stretch.clone()));
            if STRETCHES < self.stretches.len() {
                self.stretches.pop_front();
            }
        }
        for (nth, order) in orders.into_iter().enumerate() {
            let got = match (&made, order.want) {
                (Err(lost), _) => Err(lost.clone()),
                (Ok(Made::Stretch(stretch)), Want::Piece(_, after)) => {
                    match stretch.behind(after) {
                        Some(still) => Ok(Got::Still(still)),
                        None if nth == 0 => Err(Lost::Not(NotThen::Gone)),
                        // Who joined in and is not reached by it asks for himself.
                        None => {
                            self.queue.push_back(order);
                            continue;
                        }
                    }
                }
                (Ok(Made::Still(still)), _) => Ok(Got::Still(still.clone())),
                (Ok(Made::State(state)), _) => Ok(Got::State(state.clone())),
                (Ok(Made::Records(records)), _) => Ok(Got::Records(records.clone())),
                (Ok(Made::Stretch(_)), _) => unreachable!("nobody joins in another's question"),
            };
            self.done.push_back((order, got));
        }
    }
}

impl Order {
    fn viewer(&self) -> Option<ViewerId> {
        match &self.whose {
            Whose::Viewer { viewer, .. } => Some(*viewer),
            Whose::State(_) | Whose::Records(..) => None,
        }
    }
}

impl Want {
    pub(super) fn seq(self) -> Seq {
        let (Self::Piece(_, seq) | Self::Still(_, seq) | Self::State(seq) | Self::Records(seq)) =
            self;
        seq
    }

    /// Whether what is made for this is good for another as well.
    fn covers(self, other: Self) -> bool {
        match (self, other) {
            (Self::Piece(one, after), Self::Piece(two, other)) => {
                one.name() == two.name() && job::begin(after) == job::begin(other)
            }
            (Self::Still(one, at), Self::Still(two, other)) => {
                one.name() == two.name() && at == other
            }
            _ => false,
        }
    }
}
