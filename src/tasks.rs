//! Who owns the program's tasks. Nothing runs that is not here: the drain waits for all of them,
//! and what outlives its grace is dropped.

use std::future::Future;

use hyper::rt::Executor;
use tokio_util::{sync::CancellationToken, task::TaskTracker};
use tracing::{Instrument, debug_span};

/// The tasks of a running relay, and the two words that they are told.
#[derive(Debug, Clone, Default)]
pub struct Tasks {
    tracker: TaskTracker,
    drain: CancellationToken,
    end: CancellationToken,
}

impl Tasks {
    /// None yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Runs `task` until it is done, or until [`Tasks::end`]. `name` stands in its log lines.
    pub fn spawn(&self, name: &'static str, task: impl Future<Output = ()> + Send + 'static) {
        // One of its own: it is looked at whenever the task runs, and the common one has a lock that
        // all tasks would share.
        let end = self.end.child_token();
        let owned = async move {
            tokio::select! {
                biased;
                () = task => {}
                () = end.cancelled() => {}
            }
        };
        self.tracker.spawn(owned.instrument(debug_span!(parent: None, "task", task = name)));
    }

    /// For those who spawn by themselves. What they spawn is waited for, but not dropped by
    /// [`Tasks::end`].
    pub fn tracker(&self) -> &TaskTracker {
        &self.tracker
    }

    /// Cancelled once the relay drains: take nothing new in, and come to an end.
    pub fn draining(&self) -> &CancellationToken {
        &self.drain
    }

    /// Tells all tasks to come to an end.
    pub fn drain(&self) {
        self.drain.cancel();
    }

    /// Waits until there is none. Further ones may still begin meanwhile.
    pub async fn wait(&self) {
        self.tracker.close();
        self.tracker.wait().await;
    }

    /// Drops all that are left, wherever they stand.
    pub fn end(&self) {
        self.drain.cancel();
        self.end.cancel();
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.tracker.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.tracker.is_empty()
    }
}

/// HTTP/2 runs each request as a task of its own; these are owned like all others.
impl<F: Future<Output = ()> + Send + 'static> Executor<F> for Tasks {
    fn execute(&self, task: F) {
        self.spawn("request", task);
    }
}
