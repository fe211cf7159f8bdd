//! The turns of the loop: take in what has come, commit what came of it, and only then tell.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    time::Instant,
};

use tokio::sync::mpsc;

mod commit;
mod fallen;
mod rights;
mod rounds;

use super::archive::Archive;
use super::directory::Directory;
use super::ledger;
use super::pressure::Watched;
use super::viewers::Reach;
use super::waiting::Waiting;
use super::{Inbox, Message, Taken, ToEngine};
use crate::audit::Audit;
use crate::auth::verifier::{Loopback, Verifier};
use crate::core::{Effect, Input, Relay};
use crate::dialect::{Dialect, Group};
use crate::model::{Durability, ExecutionId, Fact, Kind, LinkId, Now, Record, Seq, ViewerId};
use crate::room::{Gauge, Line, Room};
use crate::seams::Clock;
use crate::store::{Backend, Fault};
use crate::telemetry::Metrics;
use crate::viewer::{Letter, Options};

/// Effects after which no further message is taken in first: a turn that outgrows the processor's
/// cache makes each of its events dearer, and everybody wait longer.
const TURN: usize = 1_024;

/// One relay, and all who are connected to it.
#[derive(Debug)]
pub struct Shard<Store> {
    pub(super) relay: Relay,
    store: Store,
    pub(super) clock: Clock,
    pub(super) options: Arc<Options>,
    pub(super) gauge: Gauge,
    /// What memory no longer has. `None`: nothing is kept.
    pub(super) archive: Option<Archive>,
    /// `None`: it may use as much memory as it needs.
    pub(super) watched: Option<Watched>,
    pub(super) rooms: BTreeMap<ExecutionId, Heard>,
    pub(super) directory: Directory,
    pub(super) viewers: BTreeMap<ViewerId, Reach>,
    pub(super) waiting: Waiting,
    engines: BTreeMap<LinkId, mpsc::Sender<ToEngine>>,
    pub(super) turn: u64,
    /// What is to be done once it is committed.
    effects: Vec<Effect>,
    /// Logs of which the store wants a checkpoint.
    wanted: BTreeSet<ExecutionId>,
    /// Rooms to which this turn has added something.
    touched: BTreeSet<ExecutionId>,
    /// The relay has fallen over an execution in this turn.
    fell: bool,
    /// Names may mean something that they did not mean before.
    renamed: bool,
    /// When what waits in which room may be written. An entry may have become stale.
    calm: BTreeSet<(Instant, ExecutionId)>,
    /// Who follows which group.
    pub(super) followers: BTreeSet<(Group, ViewerId)>,
    /// Logs that have come, or whose group is known now.
    pub(super) appeared: BTreeSet<ExecutionId>,
    /// When to tell which room that there is nothing new. An entry may have become stale.
    alarms: BTreeSet<(Instant, ExecutionId)>,
    /// When to look for viewers that went without a word.
    sweep: Option<Instant>,
    pub(super) metrics: Arc<Metrics>,
    pub(super) audit: Audit,
    /// Says what counts no longer.
    pub(super) verifier: Arc<dyn Verifier>,
    four_eyes: bool,
}

/// A room, and when its viewers are told that there is nothing new.
#[derive(Debug)]
pub(super) struct Heard {
    pub(super) room: Room,
    beat: Instant,
    /// The earliest entry for it among the alarms.
    alarm: Instant,
}

impl<Store: Backend> Shard<Store> {
    /// A shard over `relay`, which commits to `store`.
    pub fn new(relay: Relay, store: Store, clock: Clock, options: Arc<Options>) -> Self {
        Self {
            relay,
            store,
            clock,
            gauge: Gauge::new(options.stills),
            archive: None,
            watched: None,
            rooms: BTreeMap::new(),
            directory: Directory::new(options.keep, options.summary_every),
            viewers: BTreeMap::new(),
            waiting: Waiting::default(),
            engines: BTreeMap::new(),
            turn: 0,
            effects: Vec::new(),
            wanted: BTreeSet::new(),
            touched: BTreeSet::new(),
            fell: false,
            renamed: false,
            calm: BTreeSet::new(),
            followers: BTreeSet::new(),
            appeared: BTreeSet::new(),
            alarms: BTreeSet::new(),
            sweep: None,
            metrics: Arc::default(),
            audit: Audit::default(),
            verifier: Arc::new(Loopback),
            four_eyes: false,
            options,
        }
    }

    /// Runs until nobody can tell `inbox` anything any more.
    ///
    /// # Errors
    /// The store's, as soon as a turn can't be committed. Nobody has then been told of that turn,
    /// and the shard is no longer there: to go on would be to show what is not so. Its viewers are
    /// let go of, its engines' streams end, and both come again.
    pub async fn run(mut self, mut inbox: Inbox) -> Result<(), Fault> {
        let mut batch = Vec::new();
        let mut later = Vec::new();
        // What follows from the relay's having started again.
        self.collect();
        self.settle().await?;
        loop {
            let mut read = None;
            let wake = self.due().map(tokio::time::Instant::from_std);
            tokio::select! {
                biased;
                // Deadlines first: a busy inbox must not hold them up.
                () = sleep_until(wake), if wake.is_some() => {
                    let now = self.clock.now();
                    self.relay.handle_timeout(now);
                    self.weigh(now);
                    self.collect();
                }
                // Who replays asks for the next piece only when it has written the last.
                done = Archive::next(self.archive.as_mut()) => read = Some(done),
                more = inbox.take(&mut batch) => {
                    if !more {
                        if let Some(archive) = self.archive {
                            archive.end().await;
                        }
                        self.store.close().await;
                        return Ok(());
                    }
                    let now = self.clock.now();
                    for Taken { message, .. } in batch.drain(..) {
                        later.extend(self.take(now, message));
                        if TURN <= self.effects.len() {
                            self.settle().await?;
                        }
                    }
                    self.weigh(now);
                    self.collect();
                }
            }
            self.settle().await?;
            // Whoever asks is shown what is committed.
            read.into_iter().for_each(|done| self.had(done));
            for message in later.drain(..) {
                self.serve(message);
            }
        }
    }

    /// When there is something to do although nobody has said anything.
    fn due(&self) -> Option<Instant> {
        if !self.effects.is_empty() {
            return Some(self.clock.now().instant);
        }
        let alarm = self.alarms.first().map(|(at, _)| *at);
        let calm = self.calm.first().map(|(at, _)| *at);
        let weigh = self.watched.as_ref().map(Watched::due);
        let dues =
            [self.relay.poll_timeout(), alarm, calm, self.directory.due(), self.sweep, weigh];
        dues.into_iter().flatten().min()
    }

    /// Takes one message in. What only asks has to wait for what was said before it.
    fn take(&mut self, now: Now, message: Message) -> Option<Message> {
        match message {
            Message::Input(input) => {
                if let Input::Detached { link } = &input {
                    self.disconnect(*link);
                }
                let sent =
                    if let Input::Published { events, .. } = &input { events.len() } else { 0 };
                let (before, asked) = (self.effects.len(), self.audit.asked(now, &input));
                match self.forbidden(&input) {
                    Some(answer) => self.effects.push(answer),
                    None => self.relay.handle(now, input),
                }
                self.collect();
                self.audit.answered(asked, &self.relay, &self.effects, before);
                if 0 < sent {
                    ledger::published(&self.metrics, sent, &self.effects[before..]);
                }
            }
            Message::Engine { link, outbox } => {
                self.engines.insert(link, outbox);
                self.metrics.engines_attached.set(self.engines.len() as i64);
            }
            Message::Viewer { viewer, pass, answers } => {
                self.came(viewer, pass, answers);
                self.sweep.get_or_insert(now.instant + self.options.beat_every);
            }
            Message::Known { viewer, pass } => {
                // It holds for what comes next already; what it shows has to wait.
                self.known(viewer, &pass);
                return Some(Message::Known { viewer, pass });
            }
            Message::Reassess
            | Message::Join(_)
            | Message::Behind { .. }
            | Message::Follow { .. }
            | Message::Unfollow { .. }
            | Message::Past { .. }
            | Message::Leave { .. }
            | Message::Left { .. }
            | Message::Snapshot { .. }
            | Message::Records { .. }
            | Message::Executions { .. }
            | Message::Measure { .. } => return Some(message),
        }
        None
    }

    fn collect(&mut self) {
        while let Some(effect) = self.relay.poll_effect() {
            self.fell |= matches!(effect, Effect::Fallen { .. });
            self.effects.push(effect);
        }
    }

    /// Commits what this turn has come to, and then lets everybody know.
    async fn settle(&mut self) -> Result<(), Fault> {
        self.turn += 1;
        self.metrics.shard_turns.inc();
        while !self.effects.is_empty() {
            let mut effects = std::mem::take(&mut self.effects);
            let fell = std::mem::take(&mut self.fell);
            if fell {
                self.take_back(&mut effects).await;
            }
            self.keep(&effects).await?;
            self.audit.committed(&effects).await;
            let now = self.clock.now();
            effects.drain(..).for_each(|effect| self.perform(now, effect));
            if fell {
                let live = self.relay.executions().filter(|(.., state)| !state.is_over()).count();
                self.metrics.executions_live.set(live as i64);
            }
            if self.effects.is_empty() && effects.capacity() <= 4 * TURN {
                // Its memory is good for the next turn.
                self.effects = effects;
            }
            // An engine that could not be told has gone, which is news.
            self.collect();
        }
        self.publish(self.clock.now());
        if std::mem::take(&mut self.renamed) {
            self.seat_who_waited();
        }
        if !self.appeared.is_empty() {
            self.tell_followers();
        }
        Ok(())
    }

    fn perform(&mut self, now: Now, effect: Effect) {
        ledger::told(&self.metrics, &effect);
        match effect {
            Effect::Append(record) => self.append(now.instant, &record),
            Effect::Forget(execution) => {
                if let Some(Heard { room, .. }) = self.rooms.remove(&execution) {
                    room.end(self.turn);
                }
                self.touched.remove(&execution);
                self.metrics.executions_forgotten.inc();
            }
            Effect::Fallen { execution, what } => self.fallen(&execution, &what),
            Effect::TakenBack => {}
            Effect::Answer { viewer, answer } => {
                ledger::answered(&self.metrics, viewer, &answer);
                self.post(viewer, Letter::Answer(Box::new(answer)));
            }
            Effect::Welcome { link, grants } => {
                self.renamed = true;
                self.tell(now, link, ToEngine::Welcome { grants });
            }
            Effect::Granted { link, grants } => {
                self.renamed = true;
                self.tell(now, link, ToEngine::Granted { grants });
            }
            Effect::Result { link, result } => self.tell(now, link, ToEngine::Result(result)),
            Effect::NeedState { link, execution } => {
                self.tell(now, link, ToEngine::NeedState { execution });
            }
            Effect::Deliver { link, execution, decision, attempt } => {
                self.tell(now, link, ToEngine::Deliver { execution, decision, attempt });
            }
            Effect::Order { link, execution, command, attempt } => {
                self.tell(now, link, ToEngine::Order { execution, command, attempt });
            }
            Effect::Verdict { link, execution, gate, version, verdict } => {
                self.tell(now, link, ToEngine::Verdict { execution, gate, version, verdict });
            }
            Effect::End { link, why } => {
                self.tell(now, link, ToEngine::End(why));
                self.disconnect(link);
            }
        }
    }

    pub(super) fn durability(&self) -> Durability {
        self.store.durability()
    }

    fn disconnect(&mut self, link: LinkId) {
        self.engines.remove(&link);
        self.metrics.engines_attached.set(self.engines.len() as i64);
    }

    fn append(&mut self, now: Instant, record: &Record) {
        ledger::appended(&self.metrics, record);
        self.grown(record.origin.size);
        if let Some(Heard { room, .. }) = self.rooms.get_mut(&record.execution) {
            let render = |dialect: &'static dyn Dialect, out: &mut _| dialect.record(record, out);
            room.append(now, line(record), |dialect| dialect.stirs(record), render);
            self.touched.insert(record.execution.clone());
        }
        self.directory.touch(now, &record.execution);
        if record.position.seq == Seq(1)
            || matches!(&record.fact, Fact::Said { event, .. }
                if matches!(event.kind, Kind::ExecutionStarted(_)))
        {
            self.renamed = true;
            if !self.followers.is_empty() {
                self.appeared.insert(record.execution.clone());
            }
        }
    }

    /// At the end of a turn viewers see what it has done: one wake-up for each, and not one for
    /// each record.
    fn publish(&mut self, now: Now) {
        while self.calm.first().is_some_and(|(at, _)| *at <= now.instant) {
            self.touched.extend(self.calm.pop_first().map(|(_, execution)| execution));
        }
        while let Some(execution) = self.touched.pop_first() {
            let Self { relay, rooms, calm, .. } = self;
            let heard = rooms.get_mut(&execution).zip(relay.snapshot(&execution));
            let Some((heard, (head, state))) = heard else { continue };
            let again = heard.room.publish(
                now.instant,
                self.turn,
                |dialect, out| dialect.level(&execution, head, state, out),
                |dialect, lines, out| dialect.summed_up(&execution, now.time, lines, out),
            );
            calm.extend(again.map(|again| (again, execution.clone())));
            heard.beat = now.instant + self.options.beat_after;
            if heard.beat < heard.alarm {
                heard.alarm = heard.beat;
                self.alarms.insert((heard.alarm, execution));
            }
        }
        self.summarize(now.instant);
        while self.alarms.first().is_some_and(|(at, _)| *at <= now.instant) {
            self.alarms.pop_first().into_iter().for_each(|(at, it)| self.alarm(now, at, it));
        }
        if self.sweep.is_some_and(|at| at <= now.instant) {
            self.sweep(now.instant);
        }
    }

    /// The room of an execution. It is told from now on that there is nothing new.
    pub(super) fn room(&mut self, now: Instant, execution: &ExecutionId) -> &mut Room {
        let (alarm, keep) = (now + self.options.beat_after, self.keep_of_tapes());
        let begin = || {
            self.alarms.insert((alarm, execution.clone()));
            Heard { room: Room::new(keep), beat: alarm, alarm }
        };
        &mut self.rooms.entry(execution.clone()).or_insert_with(begin).room
    }

    /// An engine's outbox is as large as its window of unacknowledged events: full means gone.
    fn tell(&mut self, now: Now, link: LinkId, what: ToEngine) {
        let Some(outbox) = self.engines.get(&link) else { return };
        if outbox.try_send(what).is_err() {
            self.disconnect(link);
            self.relay.handle(now, Input::Detached { link });
        }
    }
}

fn line(record: &Record) -> Line {
    let kind = if let Fact::Said { event, .. } = &record.fact { Some(&event.kind) } else { None };
    Line {
        log: matches!(kind, Some(Kind::LogWritten(_))),
        last: matches!(kind, Some(Kind::ExecutionFinished(_))) && record.contradiction.is_none(),
    }
}

async fn sleep_until(wake: Option<tokio::time::Instant>) {
    tokio::time::sleep_until(wake.unwrap_or_else(tokio::time::Instant::now)).await;
}
