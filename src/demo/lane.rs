//! The events of one execution, from the moment they get a number until the relay has
//! acknowledged them. It must never renumber an event, and never drop one that isn't acknowledged.

use std::collections::VecDeque;

use bytes::Bytes;
use prost::Message as _;

use crate::engine::pb;

/// One execution's events, numbered from 1.
#[derive(Debug, Default)]
pub(super) struct Lane {
    kept: VecDeque<Kept>,
    /// The highest number given out.
    last: u64,
    /// Everything up to here is the relay's.
    acked: u64,
    /// Everything up to here was written to the present stream.
    sent: u64,
    claim: Claim,
    /// What was spent so far, in billionths of a US dollar.
    spent: i64,
}

/// How the relay and the engine stand about an execution, on the present stream.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub(super) enum Claim {
    /// The relay has not been told of it.
    #[default]
    Unsaid,
    /// It was told, and has not answered.
    Said,
    /// The relay wants to know the state before anything else.
    StateWanted,
    /// Events may flow.
    Granted,
    /// The relay refuses it, with these words.
    Refused(String),
}

#[derive(Debug)]
struct Kept {
    pseq: u64,
    bytes: Bytes,
    worth: Worth,
}

/// What an event is worth once it is acknowledged.
#[derive(Debug)]
enum Worth {
    /// It is part of the state, for a relay that has lost it.
    Lasting,
    /// It asks at a gate: part of the state as long as that gate is open.
    Question(String),
    /// It has passed.
    Passing,
}

impl Lane {
    /// Gives the event its number.
    pub(super) fn push(&mut self, mut event: pb::Event) {
        use pb::event::Kind;
        let worth = match &mut event.kind {
            Some(Kind::CostIncurred(cost)) => {
                // The total beside the increment: a state report can then hold every statement.
                self.spent += cost.increment_usd_nanos.unwrap_or(0);
                cost.total_usd_nanos = Some(self.spent);
                Worth::Lasting
            }
            Some(Kind::GateOpened(gate)) => Worth::Question(gate.gate_id.clone()),
            Some(
                Kind::ExecutionStarted(_)
                | Kind::ExecutionStatusChanged(_)
                | Kind::ExecutionFinished(_)
                | Kind::GraphDeclared(_)
                | Kind::GraphMutated(_)
                | Kind::NodeChanged(_)
                | Kind::EdgeActivated(_)
                | Kind::DecisionOutcome(_)
                | Kind::CommandOutcome(_),
            ) => Worth::Lasting,
            _ => Worth::Passing,
        };
        self.last += 1;
        let bytes = event.encode_to_vec().into();
        self.kept.push_back(Kept { pseq: self.last, bytes, worth });
    }

    /// A new stream: nothing was written to it yet, and nothing was claimed on it.
    pub(super) fn rewind(&mut self) {
        self.sent = self.acked;
        self.claim = Claim::Unsaid;
    }

    /// What the relay said of the claim.
    pub(super) fn granted(&mut self, grant: &pb::Grant) {
        if let Some(error) = &grant.error {
            self.claim = Claim::Refused(error.message.clone());
        } else if self.last + 1 < grant.next_pseq {
            // An earlier process said this: its story is told.
            self.claim = Claim::Refused("its numbers are used up".to_owned());
        } else if grant.need_state || grant.next_pseq <= self.acked {
            self.claim = Claim::StateWanted;
        } else {
            self.claim = Claim::Granted;
            self.ack(grant.next_pseq - 1);
            self.sent = self.acked;
        }
    }

    /// Everything up to `pseq` is the relay's. What was never given out can't be acknowledged.
    pub(super) fn ack(&mut self, pseq: u64) {
        self.acked = self.acked.max(pseq.min(self.last));
        self.sent = self.sent.max(self.acked);
        self.kept.retain(|it| self.acked < it.pseq || !matches!(it.worth, Worth::Passing));
    }

    /// The relay stored nothing from `expected` on.
    pub(super) fn nack(&mut self, expected: u64) {
        self.sent = expected.saturating_sub(1).max(self.acked);
    }

    /// The relay refuses the lane, or wants its state.
    pub(super) fn set_claim(&mut self, claim: Claim) {
        self.claim = claim;
    }

    pub(super) fn claim(&self) -> &Claim {
        &self.claim
    }

    /// The first number that can still be sent.
    pub(super) fn first_unacked(&self) -> u64 {
        self.acked + 1
    }

    /// Events that the relay has not acknowledged.
    pub(super) fn backlog(&self) -> u64 {
        self.last - self.acked
    }

    /// Events and bytes that were written to the stream and are not acknowledged.
    pub(super) fn in_flight(&self) -> (u64, u64) {
        let bytes = self.between(self.acked, self.sent).map(|it| it.bytes.len() as u64).sum();
        (self.sent - self.acked, bytes)
    }

    /// The next events to write: at most so many, of at most so many bytes together.
    pub(super) fn cut(&mut self, events: u64, mut bytes: u64) -> Option<(u64, Vec<Bytes>)> {
        if self.claim != Claim::Granted {
            return None;
        }
        let first = self.sent + 1;
        let mut batch = vec![];
        for kept in self.between(self.sent, self.sent.saturating_add(events)) {
            let Some(left) = bytes.checked_sub(kept.bytes.len() as u64) else { break };
            bytes = left;
            batch.push(kept.bytes.clone());
        }
        self.sent += batch.len() as u64;
        (!batch.is_empty()).then_some((first, batch))
    }

    /// The state as of the last acknowledged event, in the events that made it. `open`: the gate
    /// that still waits. The relay answers with a grant.
    pub(super) fn report(&mut self, open: Option<&str>) -> (u64, Vec<Bytes>) {
        self.claim = Claim::Said;
        let lasts = |it: &&Kept| match &it.worth {
            Worth::Lasting => true,
            Worth::Question(gate) => open == Some(gate.as_str()),
            Worth::Passing => false,
        };
        let events = self.between(0, self.acked).filter(lasts).map(|it| it.bytes.clone());
        (self.acked, events.collect())
    }

    /// What is kept of the numbers above `after`, up to `until`.
    fn between(&self, after: u64, until: u64) -> impl Iterator<Item = &Kept> {
        let from = self.kept.partition_point(|it| it.pseq <= after);
        self.kept.range(from..).take_while(move |it| it.pseq <= until)
    }
}
