//! The outbox of a simulated engine, one lane for each execution: written from the contract, not
//! from the clients that the project ships. It must never renumber an event, nor drop one that has a
//! number and no acknowledgement.

use std::collections::VecDeque;

use bytes::Bytes;
use footplate::engine::pb;
use prost::Message as _;

use super::history::time_of;

/// Events in one batch, at most.
const BATCH: usize = 64;

/// One execution's events.
#[derive(Debug, Clone, Default)]
pub(super) struct Lane {
    kept: VecDeque<Kept>,
    pub(super) last: u64,
    pub(super) acked: u64,
    sent: u64,
    pub(super) claim: Claim,
    /// The outbox was lost with the process: the relay knows which number comes next.
    pub(super) lost: bool,
}

#[derive(Debug, Clone)]
struct Kept {
    token: i64,
    bytes: Bytes,
}

/// How the relay and the engine stand about a lane on the present stream.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) enum Claim {
    /// The relay has not been told, or has not answered.
    #[default]
    Said,
    /// It wants to know the state first.
    StateWanted,
    /// It was told the state, and has not answered.
    Reported,
    /// Events may flow.
    Granted,
    /// It refuses the lane.
    Refused,
}

impl Lane {
    /// One that was lost.
    pub(super) fn lost() -> Self {
        Self { lost: true, ..Self::default() }
    }

    /// Numbers an event.
    pub(super) fn push(&mut self, token: i64, kind: pb::event::Kind) {
        let event =
            pb::Event { event_time: Some(time_of(token)), kind: Some(kind), ..Default::default() };
        self.last += 1;
        self.kept.push_back(Kept { token, bytes: event.encode_to_vec().into() });
    }

    /// Whether events may be numbered.
    pub(super) fn is_known(&self) -> bool {
        !self.lost
    }

    /// What the relay said. `true`: its log is empty and so is this outbox, so that all has to be
    /// told from the beginning. `stubborn`: what was not acknowledged is sent again all the same.
    pub(super) fn granted(&mut self, grant: &pb::Grant, stubborn: bool) -> bool {
        let fresh = std::mem::take(&mut self.lost);
        if grant.error.is_some() {
            self.claim = Claim::Refused;
            return false;
        }
        if fresh {
            *self = Self::default();
        }
        if grant.need_state {
            self.claim = Claim::StateWanted;
        } else {
            self.claim = Claim::Granted;
            let stored = grant.next_pseq - 1;
            if !stubborn || self.last < stored {
                self.last = self.last.max(stored);
                self.ack(stored);
            }
            self.sent = self.acked;
        }
        fresh && grant.next_pseq <= 1
    }

    /// Everything up to `pseq` is the relay's.
    pub(super) fn ack(&mut self, pseq: u64) {
        while self.acked < pseq.min(self.last) {
            self.acked += 1;
            self.kept.pop_front();
        }
        self.sent = self.sent.max(self.acked);
    }

    /// The relay stored nothing from `expected` on.
    pub(super) fn nacked(&mut self, expected: u64) {
        self.sent = expected.saturating_sub(1).max(self.acked);
    }

    /// All that was numbered so far is in a report of the state.
    pub(super) fn reported(&mut self) -> u64 {
        self.acked = self.last;
        self.sent = self.last;
        self.kept.clear();
        self.claim = Claim::Reported;
        self.last
    }

    /// A new stream knows nothing of what was sent on the one before.
    pub(super) fn begin(&mut self) {
        self.claim = Claim::Said;
        self.sent = self.acked;
    }

    /// What is to be written next: the first number, and events with their tokens.
    pub(super) fn cut(&mut self) -> Option<(u64, Vec<(i64, Bytes)>)> {
        if self.claim != Claim::Granted || self.lost {
            return None;
        }
        let from = usize::try_from(self.sent - self.acked).unwrap();
        let events: Vec<_> = self.kept.iter().skip(from).take(BATCH).collect();
        let events: Vec<_> = events.iter().map(|it| (it.token, it.bytes.clone())).collect();
        let first = self.sent + 1;
        self.sent += events.len() as u64;
        (!events.is_empty()).then_some((first, events))
    }

    /// Whether the relay has everything.
    pub(super) fn is_done(&self) -> bool {
        !self.lost && self.acked == self.last && self.claim == Claim::Granted
    }
}
