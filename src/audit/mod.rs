//! The audit log: who was asked what, who answered, what came of it, one line each, so linked that
//! nobody can change, remove or insert one unnoticed. `docs/audit.md` describes the file.
//!
//! The shard hands over what it has committed, in the order of the log ([`Audit`]); a thread writes
//! ([`Scribe`]). When the disk takes nothing, the thread keeps trying and the shard waits: a relay that
//! can't write down what people decide goes on deciding nothing. It must never be what decides, nor
//! hold in clear what a person has written.

mod chain;
mod file;
mod journal;
mod line;
mod scribe;
mod told;
mod verify;

pub use chain::{Chain, Digest, Flaw, LONGEST};
pub use file::Fault;
pub use scribe::Scribe;
pub use verify::{Bad, Checked, Verifier};

use std::collections::VecDeque;
use std::io;
use std::path::Path;
use std::sync::Arc;

use tokio::sync::mpsc;
use tracing::error;

use crate::core::{Answer, Effect, Input, Relay};
use crate::model::{
    Epoch, ExecutionId, Fact, Now, Principal, Record, Seq, Target, Timestamp, ViewerId,
};
use crate::seams::Clock;
use crate::telemetry::Metrics;
use journal::Journal;
use told::{Ask, Lost};

/// Turns of the shard that may wait to be written down, those that have something for it.
const TURNS: usize = 64;

/// What the writer is told.
#[derive(Debug)]
enum Note {
    Record {
        record: Arc<Record>,
        viewer: Option<ViewerId>,
    },
    Lost(Box<Lost>),
    /// Nothing more comes of this execution.
    Forgotten(ExecutionId),
}

/// A file that is open, before the first turn.
#[derive(Debug)]
pub struct Opened(Journal);

impl Opened {
    /// Opens a file, or makes it, readable by its owner alone. What a crash has left unfinished at its
    /// end is moved to `FILE.torn-<n>`.
    ///
    /// # Errors
    /// Why that file can't be it, with the remedy.
    pub fn open(path: &Path, clock: Clock, metrics: Arc<Metrics>) -> Result<Self, Fault> {
        Journal::open(path, clock, metrics).map(Self)
    }

    /// Reads the whole file to know which records are in it: before [`Opened::last`] and
    /// [`Opened::resume`], by who has a store. Records from this time on may be missing; `None`: none
    /// is, the relay before this one has ended well.
    ///
    /// # Errors
    /// The file can't be read, or is not what was written.
    pub fn look_back(&mut self) -> Result<Option<Timestamp>, Fault> {
        self.0.look_back()
    }

    /// What was read of other logs need not be known any longer.
    pub fn know_only(&mut self, logs: impl FnMut(&ExecutionId, Epoch) -> bool) {
        self.0.know_only(logs);
    }

    /// The last record of this log that has made a line; whatever is behind it may have to.
    pub fn last(&self, execution: &ExecutionId, epoch: Epoch) -> Option<Seq> {
        self.0.last(execution, epoch)
    }

    /// Writes down a record that the relay before this one has committed, unless it has made its line
    /// already: a crash may have come between. Records of one log in their order; twice does no
    /// harm. `true`: it was missing.
    ///
    /// # Errors
    /// What the disk says.
    pub fn resume(&mut self, record: &Record) -> io::Result<bool> {
        if !told::concerns(record) {
            return Ok(false);
        }
        let new = self.0.again(record);
        if self.0.is_full() {
            self.0.append()?;
        }
        Ok(new)
    }

    /// From now on a thread writes. Once the [`Audit`] is dropped it writes what is left, and ends.
    ///
    /// # Errors
    /// What the disk says, or that there can be no thread.
    pub fn start(mut self) -> io::Result<(Audit, Scribe)> {
        self.0.append()?;
        let (queue, inbox) = mpsc::channel(TURNS);
        let scribe = Scribe::start(self.0, inbox, queue.downgrade())?;
        Ok((Audit { queue: Some(queue), told: VecDeque::new() }, scribe))
    }
}

/// The shard's end of it. Without a file it does nothing.
#[derive(Debug, Default)]
pub struct Audit {
    queue: Option<mpsc::Sender<Vec<Note>>>,
    /// Who stands behind an effect of this turn, by the effect's place.
    told: VecDeque<(usize, Told)>,
}

#[derive(Debug)]
enum Told {
    By(ViewerId),
    Lost(Box<Lost>),
}

/// What somebody asks for, before it is known what comes of it.
#[derive(Debug)]
pub struct Asked {
    now: Now,
    viewer: ViewerId,
    principal: Principal,
    ask: Ask,
}

impl Audit {
    /// Remembers who asks, before the relay has answered.
    pub fn asked(&self, now: Now, input: &Input) -> Option<Asked> {
        self.queue.as_ref()?;
        let (viewer, principal, ask) = match input {
            Input::Decided { viewer, principal, ask } => {
                (viewer, principal, Ask::Decision(ask.clone()))
            }
            Input::Commanded { viewer, principal, ask } => {
                (viewer, principal, Ask::Command(ask.clone()))
            }
            Input::Greeted { .. }
            | Input::Claimed { .. }
            | Input::Published { .. }
            | Input::Reported { .. }
            | Input::Receipted { .. }
            | Input::Withdrawn { .. }
            | Input::Detached { .. } => return None,
        };
        Some(Asked { now, viewer: *viewer, principal: principal.clone(), ask })
    }

    /// Finds among the turn's `effects`, from the place `from` on, what has come of it.
    pub fn answered(
        &mut self,
        asked: Option<Asked>,
        relay: &Relay,
        effects: &[Effect],
        from: usize,
    ) {
        let Some(asked) = asked else { return };
        for (at, effect) in effects.iter().enumerate().skip(from) {
            match effect {
                Effect::Append(record)
                    if matches!(record.fact, Fact::Voted { .. } | Fact::Commanded { .. }) =>
                {
                    return self.told.push_back((at, Told::By(asked.viewer)));
                }
                Effect::Answer { viewer, answer: Answer::Receipt(receipt) }
                    if *viewer == asked.viewer =>
                {
                    if let Some(lost) = lost(asked, receipt, relay) {
                        self.told.push_back((at, Told::Lost(Box::new(lost))));
                    }
                    return;
                }
                Effect::Append(_)
                | Effect::Forget(_)
                | Effect::Fallen { .. }
                | Effect::TakenBack
                | Effect::Answer { .. }
                | Effect::Welcome { .. }
                | Effect::Granted { .. }
                | Effect::Result { .. }
                | Effect::NeedState { .. }
                | Effect::Deliver { .. }
                | Effect::Order { .. }
                | Effect::Verdict { .. }
                | Effect::End { .. } => {}
            }
        }
    }

    /// A turn is committed: hands over what concerns people. Waits while the writer is behind.
    pub async fn committed(&mut self, effects: &[Effect]) {
        let Some(queue) = &self.queue else { return };
        let (mut notes, mut told) = (Vec::new(), self.told.drain(..).peekable());
        for (place, effect) in effects.iter().enumerate() {
            let by = told.next_if(|(at, _)| *at == place).map(|(_, it)| it);
            if let Some(Told::Lost(lost)) = by {
                notes.push(Note::Lost(lost));
            } else if let Effect::Append(record) = effect
                && told::concerns(record)
            {
                let viewer = if let Some(Told::By(viewer)) = by { Some(viewer) } else { None };
                notes.push(Note::Record { record: record.clone(), viewer });
            } else if let Effect::Forget(execution) = effect {
                notes.push(Note::Forgotten(execution.clone()));
            }
        }
        drop(told);
        if !notes.is_empty() && queue.send(notes).await.is_err() {
            error!("nobody writes the audit log any longer; what comes from now on is not in it");
            self.queue = None;
        }
    }
}

/// What was asked for, if it does not count.
fn lost(asked: Asked, receipt: &crate::core::Receipt, relay: &Relay) -> Option<Lost> {
    let Asked { now, viewer, principal, ask } = asked;
    let (name, target) = match &ask {
        Ask::Decision(ask) => (Some(&ask.execution), Some(&ask.target)),
        Ask::Command(ask) => (ask.execution.as_ref(), None),
    };
    // What names no execution is what somebody typed.
    let execution = receipt.execution.clone().or_else(|| relay.resolve(name?));
    let gate = receipt.gate.as_ref().or(match target {
        Some(Target::Gate { gate, .. } | Target::Newest(gate)) => Some(gate),
        Some(Target::Node(_)) | None => None,
    });
    let state = execution.as_ref().and_then(|it| relay.snapshot(it));
    let gate = gate.zip(state).and_then(|(gate, (_, state))| state.gates.get(gate)).cloned();
    let is = Lost::is(receipt, &ask, gate.as_deref());
    let (time, receipt) = (now.time, receipt.clone());
    is.then_some(Lost { time, viewer, principal, ask, receipt, execution, gate })
}
