//! State reports that an engine has begun: collected part by part, handed over whole or not at all.

use std::collections::BTreeMap;

use bytes::Bytes;

use crate::model::{ExecutionId, Pseq, Received};

/// State reports of one engine that may be under way.
const REPORTS: usize = 1_024;
/// What an event counts for beside its bytes: about what it takes in memory.
const EVENT: usize = 128;

/// The reports of one engine that are under way.
#[derive(Debug, Default)]
pub(super) struct Reports {
    parts: BTreeMap<ExecutionId, Report>,
    /// Of all of them.
    bytes: usize,
}

#[derive(Debug)]
struct Report {
    as_of: Pseq,
    bytes: usize,
    /// `None`: it was too large, and the rest of it is skipped.
    events: Option<Vec<Received>>,
}

/// How far a report has come.
#[derive(Debug)]
pub(super) enum Progress {
    /// More is to come.
    Partial,
    /// This is all of it.
    Whole(Vec<Received>),
    /// All of it has come, and it was more than may be kept.
    TooLarge,
}

impl Reports {
    /// Takes a part. `most`: bytes of all reports under way. An error is a breach of the protocol.
    pub(super) fn add(
        &mut self,
        execution: &ExecutionId,
        as_of: Pseq,
        events: &[Bytes],
        last: bool,
        most: usize,
        read: impl FnOnce(&[Bytes]) -> Vec<Received>,
    ) -> Result<Progress, String> {
        if self.parts.len() == REPORTS && !self.parts.contains_key(execution) {
            return Err(format!("more than {REPORTS} state reports at once"));
        }
        let begun = || Report { as_of, bytes: 0, events: Some(vec![]) };
        let report = self.parts.entry(execution.clone()).or_insert_with(begun);
        if report.as_of != as_of {
            return Err("as_of_pseq differs between the parts of a report".to_owned());
        }
        let bytes = events.iter().map(|event| event.len() + EVENT).sum::<usize>();
        if most < self.bytes + bytes {
            self.bytes -= std::mem::take(&mut report.bytes);
            report.events = None;
        }
        if let Some(known) = &mut report.events {
            known.extend(read(events));
            report.bytes += bytes;
            self.bytes += bytes;
        }
        if !last {
            return Ok(Progress::Partial);
        }
        let whole = self.parts.remove(execution).and_then(|report| {
            self.bytes -= report.bytes;
            report.events
        });
        Ok(whole.map_or(Progress::TooLarge, Progress::Whole))
    }
}
