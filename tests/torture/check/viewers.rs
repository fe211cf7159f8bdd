//! Viewers: C1 to C7.

use super::{Checker, Content, Entry, Op, Phase};

/// Where one viewer is in one execution, by what it was told.
#[derive(Debug, Default)]
pub(super) struct Cursor {
    epoch: String,
    seq: u64,
    /// Where it asked to go on; 0 where it asked for all.
    asked: (String, u64),
    /// Nothing may come before a snapshot.
    blind: bool,
    quiet: Option<(String, u64)>,
}

impl Checker {
    /// A viewer asks, is answered, is shown and is told.
    pub(super) fn watched(&mut self, entry: &Entry) {
        let key = (entry.proc.clone(), entry.exec.clone());
        let mut cursor = self.viewers.remove(&key).unwrap_or_default();
        let who = format!("{} at {}", entry.proc, entry.exec);
        match (entry.op, entry.phase) {
            (Op::Subscribed, Phase::Invoke) => cursor.asked = (entry.epoch.clone(), entry.seq),
            (Op::Subscribed, _) if entry.recovered => {
                let (epoch, seq) = &cursor.asked;
                if (epoch, *seq) != (&entry.epoch, entry.seq) || epoch.is_empty() {
                    let what = format!(
                        "{who}: recovered from {}:{}, not {epoch}:{seq}",
                        entry.epoch, entry.seq
                    );
                    self.problem("c4", what);
                }
                (cursor.epoch, cursor.seq) = (entry.epoch.clone(), entry.seq);
                cursor.blind = false;
            }
            (Op::Subscribed, _) => {
                cursor.blind = true;
                if entry.reason == "ahead" {
                    self.problem("c4", format!("{who}: had been shown what the relay then lost"));
                }
                if self.durable && entry.reason == "epoch_changed" {
                    self.problem("c4", format!("{who}: another log, though there is a store"));
                }
                if !cursor.asked.0.is_empty() {
                    self.figures.snapshots += 1;
                }
            }
            (Op::Snapshot, _) => {
                if !cursor.blind && cursor.epoch == entry.epoch && entry.seq < cursor.seq {
                    let what = format!("{who}: shown {} when it had {}", entry.seq, cursor.seq);
                    self.problem("c1", what);
                }
                (cursor.epoch, cursor.seq) = (entry.epoch.clone(), entry.seq);
                cursor.blind = false;
                self.state(entry);
            }
            (Op::See, _) => {
                self.figures.told += 1;
                let next = cursor.seq + 1;
                let place = format!("{who}: {}:{}", entry.epoch, entry.seq);
                if cursor.blind {
                    self.problem("c3", format!("{place} before the snapshot that was promised"));
                } else if cursor.epoch != entry.epoch {
                    self.problem("c3", format!("{place} without a word after {}", cursor.epoch));
                } else if entry.seq < next {
                    self.problem("c2", format!("{place} again: it had {}", cursor.seq));
                } else if entry.seq > next {
                    self.problem("c3", format!("{place} follows on {}", cursor.seq));
                }
                (cursor.epoch, cursor.seq) = (entry.epoch.clone(), entry.seq);
                self.row(entry, false);
                self.state(entry);
            }
            (Op::Confused, _) => self.problem("c3", format!("{who}: {}", entry.reason)),
            (Op::Quiet, _) => {
                self.state(entry);
                if entry.recovered {
                    cursor.quiet = Some((entry.epoch.clone(), entry.seq));
                }
            }
            _ => {}
        }
        self.viewers.insert(key, cursor);
    }

    /// A record, a state or a lane, as a fresh visitor gets it when all is quiet.
    pub(super) fn read_at_last(&mut self, entry: &Entry) {
        match entry.op {
            Op::Last => {
                self.figures.read += 1;
                let id = self.log(&entry.exec, &entry.epoch);
                let from = self.logs[id].last_from.get_or_insert(entry.seq);
                *from = (*from).min(entry.seq);
                self.row(entry, true);
            }
            Op::LastState => {
                let id = self.log(&entry.exec, &entry.epoch);
                self.logs[id].head = Some(entry.seq);
                // Nothing of it may be missing up to there.
                let end = usize::try_from(entry.seq).unwrap_or(0) + 1;
                if self.logs[id].rows.len() < end {
                    self.logs[id].rows.resize(end, None);
                }
                self.state(entry);
            }
            _ => {
                let key = (entry.exec.clone(), entry.producer.clone());
                self.lanes.entry(key).or_default().last = Some(entry.pseq);
            }
        }
    }

    /// A log line, as a viewer of another protocol is shown it: rising, and none twice.
    pub(super) fn glimpsed(&mut self, entry: &Entry) {
        let key = (entry.proc.clone(), entry.exec.clone());
        let mut cursor = self.viewers.remove(&key).unwrap_or_default();
        if cursor.epoch == entry.epoch && entry.seq <= cursor.seq {
            let what = format!(
                "{} at {}: the line {}:{} after {}",
                entry.proc, entry.exec, entry.epoch, entry.seq, cursor.seq
            );
            self.problem("c2", what);
        }
        (cursor.epoch, cursor.seq) = (entry.epoch.clone(), entry.seq);
        self.viewers.insert(key, cursor);
        self.figures.told += 1;
        let place = (entry.exec.clone(), entry.epoch.clone(), entry.seq);
        let by = self.name(&entry.proc);
        self.desk.glimpses.push((place, Content::of(&entry.content), by));
    }

    pub(super) fn finish_viewers(&mut self) {
        let mut found = Vec::new();
        for ((proc, exec), cursor) in &self.viewers {
            let Some((epoch, seq)) = &cursor.quiet else { continue };
            let log = self.log_ids.get(&(exec.clone(), epoch.clone())).map(|id| &self.logs[*id]);
            match log.and_then(|log| log.head) {
                Some(head) if head == *seq => {}
                Some(head) => {
                    found.push(("c6", format!("{proc} has {exec} up to {seq} of {head}")))
                }
                None => {
                    let what =
                        format!("{proc} has {exec} as of {epoch}, which is not the log's end");
                    found.push(("c6", what));
                }
            }
        }
        for ((exec, epoch, seq), content, proc) in std::mem::take(&mut self.desk.glimpses) {
            let log = self.log_ids.get(&(exec.clone(), epoch.clone())).map(|id| &self.logs[*id]);
            let row = log.and_then(|it| it.rows.get(usize::try_from(seq).unwrap_or(0)));
            if let Some(Some(row)) = row
                && row.content != content
            {
                found.push(("e1", format!("{proc} is shown another line at {exec} {epoch}:{seq}")));
            }
        }
        found.sort();
        for (law, what) in found {
            self.problem(law, what);
        }
    }
}
