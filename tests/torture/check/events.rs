//! Events: E1 to E6.

use std::collections::{BTreeMap, HashMap};

use super::{Checker, Content, Entry, Said, start};

impl Checker {
    /// An engine sends what it has not sent before in this start.
    pub(super) fn sent(&mut self, entry: &Entry) {
        let (producer, epoch) = start(&entry.proc);
        let lane = self.lanes.entry((entry.exec.clone(), producer)).or_default();
        for (at, hash) in (usize::try_from(entry.pseq).unwrap_or(0)..).zip(&entry.hashes) {
            lane.say(at, Said { epoch, content: Content::of(hash), at: entry.t });
        }
        self.figures.sent += entry.hashes.len() as u64;
    }

    pub(super) fn acked(&mut self, entry: &Entry) {
        let (producer, epoch) = start(&entry.proc);
        let durable = self.durable;
        let lane = self.lanes.entry((entry.exec.clone(), producer)).or_default();
        let (before, _) = lane.acked.get(&epoch).copied().unwrap_or_default();
        let level = ["local", "replicated"].contains(&entry.level.as_str());
        lane.acked.insert(epoch, (before.max(entry.pseq), level));
        if entry.pseq < before {
            let what = format!("{}: {} acknowledged after {before}", entry.exec, entry.pseq);
            self.problem("e5", format!("{}: {what}", entry.proc));
        }
        if durable && !level {
            let what = format!(
                "{}: {} has a store and acknowledges at {}",
                entry.proc, entry.exec, entry.level
            );
            self.problem("e2", what);
        }
    }

    pub(super) fn issue(&mut self, entry: &Entry) {
        // What contradicts is the engines' affair; two events under one number are somebody's mistake.
        if entry.reason.contains("CONFLICT") || entry.reason.contains("REJECTED") {
            let what = format!("{}: {} {}: {}", entry.proc, entry.exec, entry.pseq, entry.reason);
            self.problem("e3", what);
        }
    }

    pub(super) fn finish_events(&mut self) {
        let mut found = Vec::new();
        // Where each event is, over all logs of its execution.
        let mut places: HashMap<(&str, &str), Vec<Option<usize>>> = HashMap::new();
        let mut epochs: BTreeMap<&str, usize> = BTreeMap::new();
        for (id, log) in self.logs.iter().enumerate() {
            *epochs.entry(&log.exec).or_default() += 1;
            let mut next: HashMap<&str, (u64, bool)> = HashMap::new();
            let mut whole = true;
            for (seq, row) in log.rows.iter().enumerate().skip(1) {
                let Some(row) = row else {
                    // Nobody was told it: what follows need not follow at once.
                    whole = false;
                    next.values_mut().for_each(|(_, near)| *near = false);
                    if log.last_from.is_some_and(|from| from <= seq as u64) {
                        found.push(("c3", format!("{} {}:{seq} is nowhere", log.exec, log.epoch)));
                    }
                    continue;
                };
                if row.pseq == 0 || row.producer.is_empty() {
                    continue;
                }
                let place = format!("{} {}:{seq}", log.exec, log.epoch);
                let (expected, near) =
                    *next.entry(&row.producer).or_insert((1, self.durable && whole));
                if row.pseq < expected {
                    let what = format!("{place} is {}'s {} again or late", row.producer, row.pseq);
                    found.push(("e3", what));
                } else if near && row.pseq != expected {
                    let what =
                        format!("{place} is {}'s {}, not {expected}", row.producer, row.pseq);
                    found.push(("e4", what));
                }
                next.insert(&row.producer, (row.pseq + 1, true));
                let Some(lane) = self.lanes.get(&(log.exec.clone(), row.producer.to_string()))
                else {
                    found.push(("e1", format!("{place} is of {}, who said nothing", row.producer)));
                    continue;
                };
                let at = usize::try_from(row.pseq).unwrap_or(0);
                let same = lane
                    .said(at)
                    .filter(|said| row.content.is_empty() || said.content == row.content);
                // The first time that it was said: who says it again says nothing new.
                match same.min_by_key(|said| said.at) {
                    None => {
                        let what = format!(
                            "{place} says what {} did not say as {}",
                            row.producer, row.pseq
                        );
                        found.push(("e1", what));
                    }
                    Some(Said { epoch, at: time, .. }) => {
                        let welcomed = self.welcomed.get(&*row.producer);
                        let newer =
                            welcomed.into_iter().flat_map(|it| it.range(epoch + 1..)).next();
                        if newer.is_some_and(|(_, since)| since < time) && !row.content.is_empty() {
                            let what = format!(
                                "{place} was said by {}#{epoch} when it was fenced",
                                row.producer
                            );
                            found.push(("e6", what));
                        }
                    }
                }
                // Who was told that it is stored meant what he had sent.
                let meant = lane.acked.iter().filter(|(_, (up_to, _))| row.pseq <= *up_to);
                for (epoch, _) in meant.filter(|_| self.durable && !row.content.is_empty()) {
                    let mut own = lane.said(at).filter(|said| said.epoch == *epoch).peekable();
                    if own.peek().is_some() && own.all(|said| said.content != row.content) {
                        let what = format!(
                            "{place} is not what {}#{epoch} was told is stored",
                            row.producer
                        );
                        found.push(("e2", what));
                    }
                }
                let places = places.entry((&log.exec, &row.producer)).or_default();
                if places.len() <= at {
                    places.resize(at + 1, None);
                }
                places[at] = Some(id);
            }
        }
        if self.durable {
            for (exec, count) in epochs.iter().filter(|(_, count)| **count > 1) {
                found.push(("e2", format!("{exec} has {count} logs: its history was lost")));
            }
        }
        let (mut acked, mut lost) = (0, 0);
        for ((exec, producer), lane) in &self.lanes {
            let mut all = lane.acked.values().map(|(pseq, _)| *pseq);
            // Without a store it is as good as the memory of the engine that was told.
            let up_to = if self.durable { all.max() } else { all.next_back() }.unwrap_or(0);
            acked += up_to;
            // A relay without a store has it from its engine's report, which is not counted here.
            let reported = !self.durable && lane.last.is_none_or(|last| last == 0);
            if reported {
                continue;
            }
            if let Some(last) = lane.last
                && last < up_to
            {
                lost += up_to - last;
                let what =
                    format!("{exec}: {producer}'s {up_to} was acknowledged, and it ends at {last}");
                found.push(("e2", what));
            }
            if lane.last.is_none() && up_to > 0 {
                lost += up_to;
                found.push((
                    "e2",
                    format!("{exec}: {producer}'s {up_to} was acknowledged, and it is gone"),
                ));
                continue;
            }
            if !self.durable {
                continue;
            }
            let places = places.get(&(exec.as_str(), producer.as_str()));
            for pseq in 1..=up_to {
                let at = usize::try_from(pseq).unwrap_or(0);
                let log = places.and_then(|it| it.get(at).copied().flatten());
                let unseen = log.is_none()
                    && self.logs.iter().any(|log| {
                        // What is older than what is kept may have been told to nobody.
                        log.exec == *exec && log.last_from.is_none_or(|from| from > 1)
                    });
                if log.is_none() && !unseen {
                    lost += 1;
                    found.push((
                        "e2",
                        format!("{exec}: {producer}'s {pseq} was acknowledged, and is lost"),
                    ));
                }
            }
        }
        (self.figures.acked, self.figures.lost) = (acked, lost);
        for (law, what) in found {
            self.problem(law, what);
        }
    }
}
