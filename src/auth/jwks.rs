//! The keys of an issuer that publishes them. They are fetched from one place that the operator has
//! named, never from where a token points; by one task, so never twice at once; again when a token names
//! a key that is not known, but not more often than that is worth; and kept while the issuer is away.

use std::fmt;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use arc_swap::ArcSwapOption;
use tokio::sync::{Notify, watch};
use tokio::time::{Instant, sleep_until, timeout};
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};

use super::keys::KeySet;
use super::verifier::Promise;

/// The largest set, in bytes.
pub const LARGEST: usize = 256 << 10;
/// How long fetching one may take.
pub const PATIENCE: Duration = Duration::from_secs(5);

/// What comes of fetching: a set, or why there is none.
pub type Fetching = Pin<Box<dyn Future<Output = Result<Vec<u8>, String>> + Send>>;

/// Where the keys are.
pub trait Source: fmt::Debug + Send + Sync {
    /// Fetches them: at most [`LARGEST`] bytes. It is given [`PATIENCE`].
    fn fetch(&self) -> Fetching;
}

/// How often.
#[derive(Debug, Clone, Copy)]
pub struct Options {
    /// Without anybody asking.
    pub every: Duration,
    /// At most, whoever asks.
    pub pause: Duration,
    /// How long the last set that could be had counts.
    pub kept: Duration,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            every: Duration::from_secs(300),
            pause: Duration::from_secs(30),
            kept: Duration::from_secs(24 * 3_600),
        }
    }
}

/// The keys, and who fetches them.
#[derive(Debug)]
pub struct Jwks {
    source: Box<dyn Source>,
    options: Options,
    /// The last good set, and when it was had.
    set: ArcSwapOption<Known>,
    attempt: Mutex<Attempt>,
    asked: Notify,
    /// Changes with the end of each attempt.
    ended: watch::Sender<()>,
}

#[derive(Debug)]
struct Known {
    keys: Arc<KeySet>,
    since: Instant,
}

#[derive(Debug, Default)]
struct Attempt {
    began: Option<Instant>,
    under_way: bool,
}

impl Jwks {
    /// None are known yet.
    pub fn new(source: Box<dyn Source>, options: Options) -> Arc<Self> {
        Arc::new(Self {
            source,
            options,
            set: ArcSwapOption::empty(),
            attempt: Mutex::default(),
            asked: Notify::new(),
            ended: watch::Sender::new(()),
        })
    }

    /// The keys, unless they are too old.
    pub fn keys(&self) -> Option<Arc<KeySet>> {
        let known = self.set.load();
        let fresh = known.as_ref().filter(|it| it.since.elapsed() < self.options.kept);
        fresh.map(|it| Arc::clone(&it.keys))
    }

    /// What to wait for before a key of this name is looked up. `None`: it is there, or has just been
    /// looked for in vain.
    pub fn prepare(&self, kid: Option<&str>) -> Option<Promise> {
        if self.keys().is_some_and(|it| kid.is_none_or(|kid| it.knows(kid))) {
            return None;
        }
        // Before it is asked for, so that its end can't be missed.
        let mut ended = self.ended.subscribe();
        {
            let mut attempt = self.attempt();
            let rests = |at: Instant| at.elapsed() < self.options.pause;
            if !attempt.under_way {
                if attempt.began.is_some_and(rests) {
                    return None;
                }
                // Whoever comes next waits for this one.
                *attempt = Attempt { began: Some(Instant::now()), under_way: true };
                self.asked.notify_one();
            }
        }
        Some(Box::pin(async move {
            // Where nobody fetches any more, or it takes too long, there is no key.
            drop(timeout(PATIENCE, ended.changed()).await);
        }))
    }

    /// Fetches them at once, now and then, and when somebody asks, until `stop`.
    pub async fn run(self: Arc<Self>, stop: CancellationToken) {
        loop {
            tokio::select! {
                biased;
                () = stop.cancelled() => return,
                () = self.attempt_one() => {}
            }
            let known = self.set.load().as_ref().map(|it| it.since);
            let fresh = known.is_some_and(|at| at.elapsed() < self.options.every);
            let every = if fresh { self.options.every } else { self.options.pause };
            let next = Instant::now() + every;
            loop {
                tokio::select! {
                    biased;
                    () = stop.cancelled() => return,
                    // What is asked for may have been fetched meanwhile.
                    () = self.asked.notified() => if self.attempt().under_way { break },
                    () = sleep_until(next) => break,
                }
            }
        }
    }

    async fn attempt_one(&self) {
        *self.attempt() = Attempt { began: Some(Instant::now()), under_way: true };
        let fetched = match timeout(PATIENCE, self.source.fetch()).await {
            Ok(fetched) => fetched,
            Err(_) => Err(format!("it took longer than {} s", PATIENCE.as_secs())),
        };
        let short = |it: Vec<u8>| {
            if it.len() <= LARGEST { Ok(it) } else { Err("it is larger than 256 KiB".to_owned()) }
        };
        let read = |it: Vec<u8>| KeySet::of_set(&it, false).map_err(|err| err.to_string());
        match fetched.and_then(short).and_then(read) {
            Ok(keys) => {
                if self.set.load().is_none() {
                    info!(source = ?self.source, "the issuer's keys are known");
                }
                let known = Known { keys: Arc::new(keys), since: Instant::now() };
                self.set.store(Some(Arc::new(known)));
            }
            Err(why) => {
                let known = self.set.load().is_some();
                warn!(
                    source = ?self.source, why, known,
                    "the issuer's keys can't be fetched; the last ones count for a day, and without any \
                     no token does"
                );
            }
        }
        self.attempt().under_way = false;
        self.ended.send_replace(());
    }

    fn attempt(&self) -> std::sync::MutexGuard<'_, Attempt> {
        self.attempt.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
