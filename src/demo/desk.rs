//! Where the script and the link meet: the executions in hand, behind one lock that is never held
//! across an await. The script waits here for room, for a pause to end and for decisions; the link
//! takes from here what it has to write.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::Notify;

use super::job::{Halt, Job};
use super::lane::Claim;
use crate::engine::pb;
use crate::seams::Clock;

/// A script that is so many events ahead of the relay waits.
const AHEAD: u64 = 1_024;
/// Log lines are dropped before they get a number once the relay is so many events behind.
const LOGS_AHEAD: u64 = 512;
/// Executions in hand: the newest ones, so that late questions about a finished one find an answer.
const JOBS: usize = 8;

/// What the script and the link share.
#[derive(Debug)]
pub(super) struct Desk {
    state: Mutex<State>,
    changed: Notify,
    clock: Clock,
    /// How many times faster than told the script runs.
    speed: f64,
}

#[derive(Debug, Default)]
pub(super) struct State {
    jobs: BTreeMap<String, Job>,
    /// The names of `jobs`, oldest first.
    names: Vec<String>,
    receipts: Vec<pb::DeliveryReceipt>,
    /// Log lines that were dropped since that was last said.
    dropped: u64,
}

/// How much may be written and not acknowledged, and how much at once.
#[derive(Debug, Clone, Copy)]
pub(super) struct Bounds {
    pub(super) events: u64,
    pub(super) bytes: u64,
    pub(super) batch_events: u64,
    pub(super) message_bytes: u64,
}

impl Bounds {
    /// As the relay welcomes; where it states none, those of the protocol.
    pub(super) fn of(welcome: &pb::Welcome) -> Self {
        let limits = welcome.limits.unwrap_or_default();
        let or = |stated: u64, usual| if stated == 0 { usual } else { stated };
        let mut bounds = Self {
            events: 0,
            bytes: 0,
            batch_events: or(limits.max_batch_events.into(), 256),
            // Half of it: names and lengths need room too.
            message_bytes: or(limits.max_message_bytes, 1 << 20) / 2,
        };
        bounds.set_window(&welcome.window.unwrap_or_default());
        bounds
    }

    /// The window has changed.
    pub(super) fn set_window(&mut self, window: &pb::Window) {
        let or = |stated: u64, usual| if stated == 0 { usual } else { stated };
        self.events = or(window.max_unacked_events, 16_384);
        self.bytes = or(window.max_unacked_bytes, 8 << 20);
    }
}

impl Desk {
    pub(super) fn new(clock: Clock, speed: f64) -> Self {
        Self { state: Mutex::default(), changed: Notify::new(), clock, speed }
    }

    /// The time, as the wire puts it.
    pub(super) fn now(&self) -> prost_types::Timestamp {
        let micros = self.clock.now().time.0;
        prost_types::Timestamp {
            seconds: micros.div_euclid(1_000_000),
            nanos: i32::try_from(micros.rem_euclid(1_000_000) * 1_000).unwrap_or(0),
        }
    }

    /// Looks at or changes the state.
    pub(super) fn with<T>(&self, change: impl FnOnce(&mut State) -> T) -> T {
        let changed = change(&mut self.lock());
        self.changed.notify_waiters();
        changed
    }

    /// Waits until `look` finds what it looks for.
    pub(super) async fn until<T>(&self, mut look: impl FnMut(&mut State) -> Option<T>) -> T {
        loop {
            let changed = self.changed.notified();
            if let Some(found) = look(&mut self.lock()) {
                return found;
            }
            changed.await;
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // Nothing in there is left half done by a panic that the next one could not live with.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Lets the story's `seconds` go by.
    pub(super) async fn pass(&self, seconds: f64) {
        tokio::time::sleep(Duration::from_secs_f64(seconds / self.speed)).await;
    }

    /// Takes an execution in hand. `false`: the name is used up, or refused.
    pub(super) async fn open(&self, name: &str) -> bool {
        self.with(|state| state.open(name));
        let free = self
            .until(|state| match state.job(name)?.lane.claim() {
                Claim::Unsaid | Claim::Said => None,
                Claim::Granted => Some(true),
                Claim::StateWanted | Claim::Refused(_) => Some(false),
            })
            .await;
        if !free {
            self.with(|state| state.close(name));
        }
        free
    }

    /// Changes an execution, once there is room for what that makes it say.
    pub(super) async fn state<T>(
        &self,
        name: &str,
        change: impl FnOnce(&mut Job, prost_types::Timestamp) -> T,
    ) -> Result<T, Halt> {
        let mut change = Some(change);
        let done = self.until(|state| {
            let job = match state.ready(name)? {
                Ok(job) => job,
                Err(halt) => return Some(Err(halt)),
            };
            Some(Ok(change.take()?(job, self.now())))
        });
        let done = done.await;
        self.changed.notify_waiters();
        done
    }

    /// States a log line, or counts it where the relay is too far behind.
    pub(super) fn log(&self, name: &str, line: pb::LogWritten) {
        self.with(|state| {
            let now = self.now();
            let Some(job) = state.jobs.get_mut(name) else { return };
            if LOGS_AHEAD <= job.lane.backlog() {
                state.dropped += 1;
                return;
            }
            if let Some(count) = std::mem::take(&mut state.dropped).checked_sub(1) {
                let reason = pb::DropReason::OutboxFull.into();
                let dropped = pb::EventsDropped { count: count + 1, reason, ..Default::default() };
                job.say(pb::event::Kind::EventsDropped(dropped), now);
            }
            job.say(pb::event::Kind::LogWritten(line), now);
        });
    }

    /// Works for the story's `seconds`; holds still before and after it where people want that, so
    /// that nothing at all is said in a pause.
    pub(super) async fn work(&self, name: &str, seconds: f64) -> Result<(), Halt> {
        self.until(|state| state.job(name).map_or(Some(Ok(())), Job::enter)).await?;
        self.pass(seconds).await;
        self.with(|state| {
            if let Some(job) = state.job(name) {
                job.leave(self.now());
            }
        });
        self.until(|state| state.job(name).map_or(Some(Ok(())), Job::go_on)).await
    }

    /// Asks people, and waits as long as it takes.
    pub(super) async fn ask(
        &self,
        name: &str,
        question: pb::GateOpened,
    ) -> Result<pb::Decision, Halt> {
        self.state(name, |job, now| job.ask(question, now)).await?;
        self.until(|state| state.job(name).map_or(Some(Err(Halt::Cancelled)), Job::answer)).await
    }
}

impl State {
    fn open(&mut self, name: &str) {
        self.jobs.insert(name.to_owned(), Job::new());
        self.names.push(name.to_owned());
        if JOBS < self.names.len() {
            let oldest = self.names[0].clone();
            self.close(&oldest);
        }
    }

    fn close(&mut self, name: &str) {
        self.jobs.remove(name);
        self.names.retain(|it| it != name);
    }

    pub(super) fn job(&mut self, name: &str) -> Option<&mut Job> {
        self.jobs.get_mut(name)
    }

    /// The execution, if it may say something.
    fn ready(&mut self, name: &str) -> Option<Result<&mut Job, Halt>> {
        let job = self.jobs.get_mut(name)?;
        if let Claim::Refused(why) = job.lane.claim() {
            return Some(Err(Halt::Refused(why.clone())));
        }
        (job.lane.backlog() < AHEAD).then_some(Ok(job))
    }

    /// A new stream: what is to be said on it begins anew. What it has to know first.
    pub(super) fn hello(&mut self) -> Vec<pb::Claim> {
        self.receipts.clear();
        let mut claims = vec![];
        for (name, job) in &mut self.jobs {
            job.lane.rewind();
            job.lane.set_claim(Claim::Said);
            claims.push(job.claim(name));
        }
        claims
    }

    /// What the relay says to claims.
    pub(super) fn granted(&mut self, grants: &[pb::Grant]) {
        for grant in grants {
            if let Some(job) = self.jobs.get_mut(&grant.execution_id) {
                job.lane.granted(grant);
            }
        }
    }

    /// What the relay says to events.
    pub(super) fn result(&mut self, result: &pb::LaneResult) {
        let Some(job) = self.jobs.get_mut(&result.execution_id) else { return };
        if let Some(ack) = &result.ack {
            job.lane.ack(ack.pseq);
        }
        if let Some(nack) = &result.nack {
            job.lane.nack(nack.expected_pseq);
        }
        if let Some(error) = &result.error {
            let state_needed = error.code() == pb::LaneErrorCode::StateNeeded;
            let refused = || Claim::Refused(error.message.clone());
            job.lane.set_claim(if state_needed { Claim::StateWanted } else { refused() });
        }
        for issue in &result.issues {
            let (pseq, code) = (issue.pseq, issue.code().as_str_name());
            let (execution, why) = (&result.execution_id, &issue.message);
            tracing::warn!(%execution, pseq, code, why, "the relay minds an event");
        }
    }

    /// The relay has lost the state of an execution.
    pub(super) fn state_wanted(&mut self, name: &str) {
        if let Some(job) = self.jobs.get_mut(name) {
            job.lane.set_claim(Claim::StateWanted);
        }
    }

    /// Says at once that it has come, each time that it comes; then acts, once.
    pub(super) fn decide(&mut self, decision: &pb::Decision, now: prost_types::Timestamp) {
        self.receipts.push(pb::DeliveryReceipt {
            execution_id: decision.execution_id.clone(),
            decision_id: decision.decision_id.clone(),
            command_id: String::new(),
        });
        if let Some(job) = self.jobs.get_mut(&decision.execution_id) {
            job.decide(decision, now);
        }
    }

    /// As [`State::decide`].
    pub(super) fn command(&mut self, command: &pb::Command, now: prost_types::Timestamp) {
        self.receipts.push(pb::DeliveryReceipt {
            execution_id: command.execution_id.clone(),
            decision_id: String::new(),
            command_id: command.command_id.clone(),
        });
        if let Some(job) = self.jobs.get_mut(&command.execution_id) {
            job.command(command, now);
        }
    }

    /// The next thing to write to the stream. Receipts first: somebody waits to see them.
    pub(super) fn next(&mut self, bounds: Bounds) -> Option<pb::attach_request::Message> {
        use pb::attach_request::Message;
        if !self.receipts.is_empty() {
            let receipts = std::mem::take(&mut self.receipts);
            return Some(Message::Receipts(pb::DeliveryReceipts { receipts }));
        }
        let mut claims = vec![];
        for (name, job) in &mut self.jobs {
            match job.lane.claim() {
                Claim::Unsaid => {
                    job.lane.set_claim(Claim::Said);
                    claims.push(job.claim(name));
                }
                Claim::StateWanted => return Some(Message::StateReport(job.report(name))),
                Claim::Said | Claim::Granted | Claim::Refused(_) => {}
            }
        }
        if !claims.is_empty() {
            return Some(Message::Claims(pb::Claims { claims }));
        }
        let batches = self.batches(bounds);
        (!batches.is_empty()).then_some(Message::Events(pb::Events { batches }))
    }

    /// Events of all executions, as many as the window leaves room for.
    fn batches(&mut self, bounds: Bounds) -> Vec<pb::EventBatch> {
        let (mut events, mut bytes) = (bounds.events, bounds.bytes);
        for job in self.jobs.values() {
            let (out, size) = job.lane.in_flight();
            events = events.saturating_sub(out);
            bytes = bytes.saturating_sub(size);
        }
        bytes = bytes.min(bounds.message_bytes);
        let mut batches = vec![];
        for (name, job) in &mut self.jobs {
            let cut = job.lane.cut(events.min(bounds.batch_events), bytes);
            if let Some((first_pseq, batch)) = cut {
                events -= batch.len() as u64;
                bytes -= batch.iter().map(|it| it.len() as u64).sum::<u64>();
                batches.push(pb::EventBatch {
                    execution_id: name.clone(),
                    first_pseq,
                    events: batch,
                    ..pb::EventBatch::default()
                });
            }
        }
        batches
    }
}
