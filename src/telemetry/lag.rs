//! Notices what holds the program's threads up: a call that blocks, or a machine that has no time for
//! them. It only looks at the clock, and must never wait for anything else.

use std::{future::poll_fn, pin::pin, sync::Arc, time::Duration};

use tokio::time::{Instant, sleep_until};
use tokio_util::sync::CancellationToken;
use tracing::warn;

use super::Metrics;

/// How often it looks. What blocks for so much more than [`LATE`] is seen in any case.
const EVERY: Duration = Duration::from_millis(100);
/// Who is held up for longer has been held up.
const LATE: Duration = Duration::from_millis(250);
/// How far apart warnings are, and over how long the worst is kept.
const MINUTE: Duration = Duration::from_secs(60);

const BLOCKED: &str = "give the process more processor time (a container's quota, its neighbours); \
                       where it has enough, something blocks a thread: please report it";
const BUSY: &str = "give the process more processor time; where it has enough, one turn is too much work: fewer or smaller \
                    executions, or a relay for each engine";

/// Looks how late the program's threads come to a task, until it is told to stop.
pub async fn watch(metrics: Arc<Metrics>, stop: CancellationToken) {
    let mut stalls = Stalls::new(Arc::clone(&metrics), "threads", BLOCKED);
    let (mut worst, mut since) = (Duration::ZERO, Instant::now());
    loop {
        let due = Instant::now() + EVERY;
        tokio::select! {
            biased;
            () = stop.cancelled() => return,
            () = sleep_until(due) => {}
        }
        let lag = due.elapsed();
        stalls.saw(lag);
        if MINUTE <= since.elapsed() {
            (worst, since) = (Duration::ZERO, Instant::now());
        }
        worst = worst.max(lag);
        metrics.lag.set(worst.as_secs_f64());
    }
}

/// Counts how often one thing was held up, and says so once a minute at most.
#[derive(Debug)]
pub struct Stalls {
    metrics: Arc<Metrics>,
    what: &'static str,
    remedy: &'static str,
    warned: Option<Instant>,
    /// Since it was said last.
    times: u64,
}

impl Stalls {
    /// Of the shard.
    pub fn of_shard(metrics: Arc<Metrics>) -> Self {
        Self::new(metrics, "shard", BUSY)
    }

    fn new(metrics: Arc<Metrics>, what: &'static str, remedy: &'static str) -> Self {
        Self { metrics, what, remedy, warned: None, times: 0 }
    }

    /// Runs a task, and looks how long each of its steps takes: what it waits for does not count.
    pub async fn timing<T>(mut self, task: impl Future<Output = T>) -> T {
        let mut task = pin!(task);
        poll_fn(|cx| {
            let begun = Instant::now();
            let polled = task.as_mut().poll(cx);
            self.saw(begun.elapsed());
            polled
        })
        .await
    }

    fn saw(&mut self, lag: Duration) {
        if lag < LATE {
            return;
        }
        self.metrics.stalls.of(self.what).inc();
        self.times += 1;
        if self.warned.is_none_or(|it| MINUTE <= it.elapsed()) {
            let (what, times, remedy) = (self.what, self.times, self.remedy);
            warn!(what, ?lag, times, remedy, "held up");
            (self.warned, self.times) = (Some(Instant::now()), 0);
        }
    }
}
