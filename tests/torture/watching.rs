//! What one dashboard watches: each execution as far as it was told of it, and which of them it asks
//! for next.
//!
//! It must never write anything down: that is the dashboard's affair.

use std::collections::{BTreeMap, BTreeSet};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::time::Duration;

use serde_json::Value;
use tokio::time::Instant;

use crate::chance::Chance;
use crate::dashboard::text;
use crate::pace::Pace;
use crate::picture::Picture;

/// As patient as people are: what has no answer is sent again.
pub(crate) const RESEND: Duration = Duration::from_secs(5);
/// One connection may watch 128 executions.
const WATCHED: usize = 100;
/// And ask for twenty at once, then for twenty a second.
const ASKS: (u32, Duration) = (16, Duration::from_millis(60));

/// Where everything ends: for each execution the newest place, once nothing happens any more.
pub(crate) type Heads = Option<BTreeMap<String, (String, u64)>>;

/// Which executions are this dashboard's affair: of `of` dashboards, `eyes` watch each of them.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Share {
    pub(crate) at: usize,
    pub(crate) of: usize,
    pub(crate) eyes: usize,
}

impl Share {
    /// Its place among those who watch it, or none.
    fn place(self, exec: &str) -> Option<usize> {
        let mut hasher = DefaultHasher::new();
        exec.hash(&mut hasher);
        let first = usize::try_from(hasher.finish() % self.of as u64).unwrap_or(0);
        Some((self.at + self.of - first) % self.of).filter(|place| *place < self.eyes)
    }

    /// Whether it watches this one.
    pub(crate) fn watches(self, exec: &str) -> bool {
        self.eyes >= self.of || self.place(exec).is_some()
    }

    /// Whether it is the one that counts what happens there. Where everybody watches it is the last,
    /// who has a good line.
    pub(crate) fn counts(self, exec: &str) -> bool {
        if self.eyes >= self.of { self.at + 1 == self.of } else { self.place(exec) == Some(0) }
    }
}

/// One execution, as it is watched.
#[derive(Debug, Default)]
pub(crate) struct Watched {
    pub(crate) picture: Picture,
    /// A snapshot is awaited before records make sense.
    pub(crate) blind: bool,
    pub(crate) head: u64,
    pub(crate) subscribed: bool,
    /// Since when it waits for the answer to that.
    pub(crate) asked: Option<Instant>,
    /// It is over and all of it was told.
    pub(crate) done: bool,
    paused_since: Option<Instant>,
}

impl Watched {
    /// It is over, and everything of it was told.
    fn is_whole(&self) -> bool {
        self.picture.is_over() && !self.blind && self.picture.seq >= self.head
    }
}

/// All that one dashboard watches.
#[derive(Debug)]
pub(crate) struct Watching {
    share: Share,
    all: BTreeMap<String, Watched>,
    wanted: BTreeSet<String>,
    pace: Pace,
}

impl Watching {
    /// Nothing yet.
    pub(crate) fn new(share: Share) -> Self {
        let (at_once, every) = ASKS;
        Self {
            share,
            all: BTreeMap::new(),
            wanted: BTreeSet::new(),
            pace: Pace::new(at_once, every),
        }
    }

    /// On a new connection nothing is subscribed to. What is over and was told to its end is left,
    /// unless it turns out to go on; in the end, with `leave` false, everything is looked at again.
    pub(crate) fn reconnected(&mut self, leave: bool) {
        self.pace.renew();
        self.wanted.clear();
        for (name, it) in &mut self.all {
            (it.subscribed, it.asked) = (false, None);
            it.done |= it.is_whole() && leave;
            if !it.done {
                self.wanted.insert(name.clone());
            }
        }
    }

    /// One of them, from the moment on that it is spoken of.
    pub(crate) fn of(&mut self, exec: &str) -> &mut Watched {
        self.all.entry(exec.to_owned()).or_default()
    }

    /// All that it has seen.
    pub(crate) fn all(&self) -> impl Iterator<Item = (&String, &Watched)> {
        self.all.iter()
    }

    /// It asks for this one anew, as one who knows nothing.
    pub(crate) fn anew(&mut self, exec: &str) {
        let asked = Some(Instant::now());
        let anew = Watched { subscribed: true, asked, ..Watched::default() };
        self.all.insert(exec.to_owned(), anew);
    }

    /// The relay does not know it: it is asked for when it is listed.
    pub(crate) fn unknown(&mut self, exec: &str) {
        if let Some(it) = self.all.get_mut(exec) {
            (it.subscribed, it.asked) = (false, None);
        }
    }

    /// An item of the list of all that there is.
    pub(crate) fn listed(&mut self, item: &Value) {
        let name = text(item, "execution_id");
        if !self.share.watches(&name) {
            return;
        }
        let place = (text(item, "epoch"), item["seq"].as_u64().unwrap_or(0));
        let it = self.all.entry(name.clone()).or_default();
        it.done &= (&it.picture.epoch, it.picture.seq) == (&place.0, place.1);
        if !it.subscribed && !it.done {
            self.wanted.insert(name);
        }
    }

    /// Which it subscribes to now, if any: whoever comes first in the alphabet is not to be first
    /// each time.
    pub(crate) fn next(&mut self, now: Instant, chance: &mut Chance) -> Option<String> {
        let subscribed = self.all.values().filter(|it| it.subscribed).count();
        let count = u64::try_from(self.wanted.len()).ok().filter(|it| *it > 0)?;
        if subscribed >= WATCHED || !self.pace.is_free(now) {
            return None;
        }
        let at = usize::try_from(chance.within(0..count)).ok()?;
        let name = self.wanted.iter().nth(at).cloned()?;
        self.pace.take(now);
        self.wanted.remove(&name);
        let it = self.of(&name);
        (it.subscribed, it.asked) = (true, Some(now));
        Some(name)
    }

    /// It was too much at once, and is asked for again. What has no answer is not: the answer could
    /// be to either.
    pub(crate) fn refused(&mut self, exec: &str) {
        if let Some(it) = self.all.get_mut(exec).filter(|it| it.asked.is_some()) {
            (it.subscribed, it.asked) = (false, None);
            self.wanted.insert(exec.to_owned());
        }
    }

    /// Whether something has waited for its answer for so long.
    pub(crate) fn waits(&self, long: Duration) -> bool {
        self.all.values().any(|it| it.asked.is_some_and(|at| at.elapsed() > long))
    }

    /// What is over, and was told to its end, is left when others need the place.
    pub(crate) fn leave(&mut self) -> Vec<String> {
        let count = self.all.values().filter(|it| it.subscribed).count();
        let mut left = Vec::new();
        for (name, it) in self.all.iter_mut().filter(|(_, it)| it.subscribed) {
            if it.is_whole() && count > WATCHED / 2 {
                (it.subscribed, it.done) = (false, true);
                left.push(name.clone());
            }
        }
        left
    }

    /// What has been paused for a while: somebody has to resume it, or its engine rests for good.
    pub(crate) fn paused(&mut self) -> Vec<String> {
        let mut long = Vec::new();
        for (name, it) in self.all.iter_mut().filter(|(_, it)| it.subscribed) {
            let paused = ["paused", "pausing"].contains(&it.picture.status());
            it.paused_since = paused.then(|| it.paused_since.unwrap_or_else(Instant::now));
            if it.paused_since.is_some_and(|since| since.elapsed() > RESEND / 3) {
                it.paused_since = Some(Instant::now());
                long.push(name.clone());
            }
        }
        long
    }

    /// Whether nothing is missing of what is known to be there.
    pub(crate) fn is_complete(&self, heads: &Heads) -> bool {
        let Some(heads) = heads else { return false };
        let mut own = heads.iter().filter(|(name, _)| self.share.watches(name));
        self.wanted.is_empty()
            && own.all(|(name, (epoch, seq))| {
                self.all.get(name).is_some_and(|it| {
                    it.done || (it.picture.epoch == *epoch && it.picture.seq >= *seq && !it.blind)
                })
            })
    }
}
