//! E1 to E6: what stands in the log was said by its engine, once, in its order, and an
//! acknowledgement is true.

use std::collections::{BTreeMap, BTreeSet};

use footplate::engine::pb::Durability;

use super::{Promise, Seen};
use crate::sim::history::{Start, What, token_of};

/// An execution and a producer.
type Lane = (String, String);

pub(super) fn judge(seen: &mut Seen) {
    let said = Said::of(seen);
    let mut faults = said.records(seen);
    faults.extend(said.acknowledgements(seen));
    faults.extend(monotone(seen));
    faults.into_iter().for_each(|it| seen.fault(it));
}

/// What engines have said.
struct Said {
    /// Who sent an event under which number: every start that did.
    sent: BTreeMap<(Lane, u64, i64), BTreeSet<u64>>,
    /// As of which numbers a lane's state was reported.
    reported: BTreeMap<Lane, BTreeSet<u64>>,
    /// Where a lane went on whose outbox was lost.
    granted: BTreeMap<Lane, BTreeSet<u64>>,
}

impl Said {
    fn of(seen: &Seen) -> Self {
        let (mut sent, mut reported, mut granted) =
            (BTreeMap::<_, BTreeSet<u64>>::new(), BTreeMap::new(), BTreeMap::new());
        let lane =
            |start: &Start, execution: &str| (execution.to_owned(), start.producer.to_string());
        for entry in &seen.entries {
            match &entry.what {
                What::Sent { start, execution, pseq, token } => {
                    let key = (lane(start, execution), *pseq, *token);
                    sent.entry(key).or_default().insert(start.epoch);
                }
                What::Reported { start, execution, as_of } => {
                    let all: &mut BTreeSet<u64> =
                        reported.entry(lane(start, execution)).or_default();
                    all.insert(*as_of);
                }
                What::Granted { start, grant } => {
                    let all: &mut BTreeSet<u64> =
                        granted.entry(lane(start, &grant.execution_id)).or_default();
                    all.insert(grant.next_pseq);
                }
                _ => {}
            }
        }
        Self { sent, reported, granted }
    }

    /// E1, E3, E4 and E6 over every log, whole or not.
    fn records(&self, seen: &Seen) -> Vec<String> {
        let mut faults = vec![];
        for (execution, logs) in &seen.logs {
            for (epoch, log) in logs {
                let mut last: BTreeMap<&str, (u64, u64)> = BTreeMap::new();
                let mut starts: BTreeMap<&str, u64> = BTreeMap::new();
                for (seq, record) in log {
                    let Some(producer) = record["producer_id"].as_str() else { continue };
                    if record["type"] == "engine_status" && record["status"] == "attached" {
                        let start = record["producer"]["producer_epoch"].as_u64().unwrap();
                        let known = starts.entry(producer).or_default();
                        *known = start.max(*known);
                    }
                    let Some(pseq) = record["pseq"].as_u64() else { continue };
                    let at = format!("{execution} {epoch}:{seq} ({producer} {pseq})");
                    if let Some((before, at_before)) = last.insert(producer, (pseq, *seq)) {
                        // Between two that nobody has seen there may be others.
                        let seen_all = (at_before..*seq).all(|it| log.contains_key(&it));
                        if pseq <= before {
                            faults.push(format!("E3: {at} comes after {before}"));
                        } else if pseq != before + 1
                            && seen_all
                            && !self.skips(execution, producer, pseq)
                        {
                            faults.push(format!("E4: {at} follows on {before}"));
                        }
                    }
                    let Some(token) = token_of(record) else { continue };
                    let lane = (execution.clone(), producer.to_owned());
                    match self.sent.get(&(lane, pseq, token)) {
                        None => faults.push(format!("E1: {at} was never said so: {record}")),
                        Some(by) => {
                            let fence = starts.get(producer).copied().unwrap_or(0);
                            if by.iter().all(|start| *start < fence) {
                                faults.push(format!("E6: {at} is of {by:?}, after start {fence}"));
                            }
                        }
                    }
                }
            }
        }
        faults
    }

    /// Whether a lane may go on at this number: its state was reported up to there.
    fn skips(&self, execution: &str, producer: &str, pseq: u64) -> bool {
        let lane = (execution.to_owned(), producer.to_owned());
        self.reported.get(&lane).is_some_and(|all| all.contains(&(pseq - 1)))
    }

    /// E2: what was acknowledged is there, in the log that is left.
    fn acknowledgements(&self, seen: &Seen) -> Vec<String> {
        let mut faults = vec![];
        for entry in &seen.entries {
            let What::Acked { start, execution, ack, .. } = &entry.what else { continue };
            let local = seen.promise == Promise::Local;
            if local != (ack.durability() == Durability::Local) {
                faults.push(format!("E2: of another durability than the relay's: {entry:?}"));
            }
            let Some(log) = seen.whole(execution) else { continue };
            if seen.last.get(execution) != Some(&ack.epoch) {
                if local {
                    faults.push(format!("E2: {execution} was {} once: {entry:?}", ack.epoch));
                }
                continue;
            }
            if log.len() as u64 <= ack.seq.saturating_sub(1) {
                faults.push(format!("E2: {execution} ends before {ack:?} of {start:?}"));
                continue;
            }
            let lane = (execution.clone(), start.producer.to_string());
            let known: BTreeSet<u64> = log
                .values()
                .filter(|it| it["producer_id"].as_str() == Some(&start.producer))
                .filter_map(|it| it["pseq"].as_u64())
                .collect();
            let reported = self.reported.get(&lane).and_then(|it| it.last()).copied().unwrap_or(0);
            let missing: Vec<u64> =
                (1..=ack.pseq).filter(|it| reported < *it && !known.contains(it)).collect();
            if !missing.is_empty() {
                faults.push(format!("E2: {execution} lacks {missing:?}: {entry:?}"));
            }
            // Where it stops being told, it is told by its place too.
            let last = log.get(&ack.seq).map(|it| &it["producer_id"]);
            if last.is_none_or(|it| it.is_null() && ack.pseq > reported) {
                let (at, granted) = (&log[&ack.seq], self.granted.get(&lane));
                if at["type"] == "log" {
                    faults.push(format!("E2: {ack:?} names {at}, granted {granted:?}"));
                }
            }
        }
        faults
    }
}

/// E5: on one stream, acknowledgements of a lane never go back.
fn monotone(seen: &Seen) -> Vec<String> {
    let mut faults = vec![];
    let mut last: BTreeMap<(&Start, u64, &str), (u64, &str, u64)> = BTreeMap::new();
    for entry in &seen.entries {
        let What::Acked { start, stream, execution, ack } = &entry.what else { continue };
        let now = (ack.pseq, &*ack.epoch, ack.seq);
        if let Some(before) = last.insert((start, *stream, execution), now) {
            let (pseq, epoch, seq) = before;
            if ack.pseq < pseq || (epoch == ack.epoch && ack.seq < seq) {
                faults.push(format!("E5: {entry:?} comes after {before:?}"));
            }
        }
    }
    faults
}
