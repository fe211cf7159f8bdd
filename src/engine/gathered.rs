//! Results that go out in one message. It is what keeps a busy engine from being told of every batch
//! by itself.

use std::collections::HashMap;

use super::flight::{Flight, Load};
use crate::core::LaneResult;
use crate::model::ExecutionId;

/// Issues in one message, which has to stay well below 4 MiB.
const ISSUES: usize = 4_096;

/// Results on their way out.
#[derive(Debug, Default)]
pub(super) struct Gathered {
    /// With the engine's own number of their batch.
    pub results: Vec<(LaneResult, u64)>,
    /// What they were about.
    pub load: Load,
    /// Where the last one of each lane stands.
    last: HashMap<ExecutionId, usize>,
    issues: usize,
}

impl Gathered {
    /// Whether one message should not have to hold more.
    pub(super) fn is_full(&self) -> bool {
        ISSUES <= self.issues
    }

    /// Adds one. An acknowledgement covers every earlier one of its lane, so of a run of them the newest is
    /// enough. What has a number of its engine's own is waited for by that number, and kept.
    pub(super) fn add(&mut self, result: LaneResult, flight: &Flight) {
        let batch = flight.answered(result.batch_ref);
        let batch_ref = batch.map(|batch| batch.batch_ref).unwrap_or_default();
        self.load.add(batch.map(|batch| batch.load).unwrap_or_default());
        self.issues += result.issues.len();
        let last = self.last.get(&result.execution).and_then(|&at| self.results.get_mut(at));
        match last {
            Some(last) if is_ack(&last.0, last.1) && is_ack(&result, batch_ref) => {
                last.0 = result;
            }
            _ => {
                self.last.insert(result.execution.clone(), self.results.len());
                self.results.push((result, batch_ref));
            }
        }
    }
}

/// Whether it is an acknowledgement of numbered events, and nothing else.
fn is_ack(result: &LaneResult, batch_ref: u64) -> bool {
    let LaneResult { execution: _, batch_ref: _, ack, nack, fault, issues } = result;
    batch_ref == 0 && ack.is_some() && nack.is_none() && fault.is_none() && issues.is_empty()
}
