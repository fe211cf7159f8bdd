//! What a relay that starts finds: its logs, folded, and what it remembers beside them. A log that is
//! damaged is put aside by itself, and begins anew when its engine is back; the others don't notice.

use std::{path::PathBuf, sync::Arc};

use redb::{ReadableDatabase, ReadableTable, ReadableTableMetadata};
use serde::de::DeserializeOwned;

use super::Fault;
use super::codec::{Bad, decode, place};
use super::file::File;
use super::read::{Reader, found};
use super::tables::{
    DEAD, FENCES, FOLDS, HEADS, HIGHEST, Head, META, NAMES, NEXT_LOG, RECORDS, TOMBSTONES,
    read_fold,
};
use crate::core::{Past, Relay};
use crate::model::{ExecutionId, Now, Seq};

/// Bytes that a file may take beyond four times of what it holds.
const SLACK: u64 = 64 << 20;

/// What was found.
#[derive(Debug, Default)]
pub struct Loaded {
    /// Logs that go on.
    pub logs: usize,
    /// Records of them that had to be folded.
    pub folded: usize,
    /// Bytes of all rows.
    pub bytes: u64,
    /// What could not be read, and was put aside.
    pub damage: Vec<Damage>,
}

/// Something that could not be read.
#[derive(Debug)]
pub struct Damage {
    /// The execution whose log it is. `None`: the whole store.
    pub execution: Option<ExecutionId>,
    /// What was found.
    pub what: String,
    /// Where its bytes are now, for whoever wants to look.
    pub kept: PathBuf,
}

/// A log that can't be read.
struct Broken {
    log: u64,
    execution: Option<ExecutionId>,
    what: String,
}

impl File {
    /// Gives a relay all that is kept. What was put aside is added to `damage`, whatever becomes of the
    /// rest.
    pub(super) fn load(
        &mut self,
        now: Now,
        relay: &mut Relay,
        damage: &mut Vec<Damage>,
    ) -> Result<Loaded, Fault> {
        let mut loaded = Loaded::default();
        let broken = self
            .read(now, relay, &mut loaded)
            .map_err(|err| Fault::of(&self.directory.clone(), err))?;
        for broken in broken {
            self.put_aside(now, broken, damage)?;
        }
        loaded.bytes = self.bytes();
        self.compact(loaded.bytes)?;
        Ok(loaded)
    }

    /// Gives back what the file takes and does not hold, where that is most of it.
    fn compact(&self, bytes: u64) -> Result<(), Fault> {
        let length = self.disk.length(&self.directory);
        let path = || self.directory.clone();
        let length = length.map_err(|source| Fault::Medium { path: path(), source })?;
        if length < 4 * bytes + SLACK {
            return Ok(());
        }
        let Some(mut database) = self.shared.swap(None).and_then(Arc::into_inner) else {
            return Ok(());
        };
        database.compact().map_err(|err| Fault::of(&self.directory, err))?;
        self.shared.store(Some(Arc::new(database)));
        Ok(())
    }

    fn read(
        &mut self,
        now: Now,
        relay: &mut Relay,
        loaded: &mut Loaded,
    ) -> Result<Vec<Broken>, redb::Error> {
        let database = self.shared.load_full().ok_or(redb::Error::DatabaseClosed)?;
        let transaction = database.begin_read()?;
        let meta = transaction.open_table(META)?;
        self.next_log = meta.get(NEXT_LOG)?.map_or(1, |it| it.value());
        if let Some((log, _)) = transaction.open_table(DEAD)?.last()? {
            self.next_log = self.next_log.max(log.value().saturating_add(1));
        }
        if HIGHEST < self.next_log {
            return Err(Bad("no log can have the number that is the next".into()).into());
        }
        relay.restore_fences(named(&transaction.open_table(FENCES)?)?);
        for tombstone in named(&transaction.open_table(TOMBSTONES)?)? {
            relay.restore_tombstone(now, tombstone);
        }
        let names = transaction.open_table(NAMES)?;
        let heads = transaction.open_table(HEADS)?;
        let (folds, records) = (transaction.open_table(FOLDS)?, transaction.open_table(RECORDS)?);
        let (mut broken, mut seen) = (vec![], 0);
        for row in heads.iter()? {
            let (key, row) = row?;
            let log = key.value();
            seen += 1;
            if log < HIGHEST {
                self.next_log = self.next_log.max(log + 1);
            }
            let head = match Head::read(log, row.value()) {
                Ok(head) => head,
                Err(Bad(what)) => {
                    broken.push(Broken { log, execution: None, what });
                    continue;
                }
            };
            let execution = head.kept.execution.clone();
            let named = names.get(execution.as_str())?.map(|it| it.value());
            let past = match named == Some(log) {
                true => past(log, &head, &folds, &records)?,
                false => Err(Bad("its name is another log's".into())),
            };
            match past {
                Ok(past) => {
                    loaded.logs += 1;
                    loaded.folded += past.tail.len();
                    relay.restore(now, past);
                    self.logs.insert(execution, (log, head.extent));
                }
                Err(Bad(what)) => {
                    broken.push(Broken { log, execution: Some(execution), what });
                }
            }
        }
        if seen != heads.len()? || seen != names.len()? {
            return Err(Bad("logs are missing".into()).into());
        }
        Ok(broken)
    }

    /// Takes a log out of the store, and keeps its rows as they are beside it.
    fn put_aside(
        &mut self,
        now: Now,
        broken: Broken,
        damage: &mut Vec<Damage>,
    ) -> Result<(), Fault> {
        let Broken { log, execution, what } = broken;
        let fault = |err: redb::Error| Fault::of(&self.directory, err);
        let rows = self.rows(log).map_err(fault)?;
        let name = format!("damaged-{}-log-{log}.rows", now.time.0);
        let kept = self.disk.keep(&self.directory, &name, &rows);
        let kept = kept.map_err(|source| Fault::Medium { path: self.directory.clone(), source })?;
        damage.push(Damage { execution, what, kept });
        let database = self.database()?;
        let remove = || -> Result<(), redb::Error> {
            let transaction = database.begin_write()?;
            transaction.open_table(HEADS)?.remove(log)?;
            transaction.open_table(NAMES)?.retain(|_, it| it != log)?;
            transaction.open_table(DEAD)?.insert(log, ())?;
            transaction.commit()?;
            Ok(())
        };
        remove().map_err(fault)
    }

    /// A log's rows one after the other: table, place, length, bytes.
    fn rows(&self, log: u64) -> Result<Vec<u8>, redb::Error> {
        let database = self.shared.load_full().ok_or(redb::Error::DatabaseClosed)?;
        let transaction = database.begin_read()?;
        let mut all = vec![];
        let mut add = |table: u8, seq: u64, row: &[u8]| {
            all.push(table);
            all.extend(seq.to_be_bytes());
            all.extend((row.len() as u64).to_be_bytes());
            all.extend(row);
        };
        if let Some(row) = transaction.open_table(HEADS)?.get(log)? {
            add(b'h', 0, row.value());
        }
        for (name, table) in [(b'f', FOLDS), (b'r', RECORDS)] {
            for row in transaction.open_table(table)?.range((log, 0)..=(log, u64::MAX))? {
                let (key, row) = row?;
                add(name, key.value().1, row.value());
            }
        }
        Ok(all)
    }
}

impl Reader {
    /// All that is kept of a log: what a relay that starts finds of it. `None`: there is none. It
    /// blocks.
    ///
    /// # Errors
    /// What the medium says, and that what is kept is damaged.
    pub fn past(&self, execution: &ExecutionId) -> Result<Option<Past>, Fault> {
        let Some(database) = self.shared.load_full() else { return Ok(None) };
        let read = || -> Result<Option<Past>, redb::Error> {
            let transaction = database.begin_read()?;
            let Some((log, head)) = found(&transaction, execution)? else { return Ok(None) };
            let folds = transaction.open_table(FOLDS)?;
            let past = past(log, &head, &folds, &transaction.open_table(RECORDS)?)?;
            Ok(Some(past?))
        };
        read().map_err(|err| Fault::of(&self.directory, err))
    }
}

type Table<K> = redb::ReadOnlyTable<K, &'static [u8]>;

/// What is kept under names. One of these that is damaged is the whole store's affair: a producer
/// that is not fenced, or a gate that is taken in twice, is worse than a history that is lost.
fn named<T: DeserializeOwned>(table: &Table<&'static str>) -> Result<Vec<T>, redb::Error> {
    let mut all = vec![];
    for row in table.iter()? {
        let (key, row) = row?;
        all.push(decode(key.value().as_bytes(), row.value())?);
    }
    if all.len() as u64 != table.len()? {
        return Err(Bad("rows are missing".into()).into());
    }
    Ok(all)
}

fn past(
    log: u64,
    head: &Head,
    folds: &Table<(u64, u64)>,
    records: &Table<(u64, u64)>,
) -> Result<Result<Past, Bad>, redb::Error> {
    let last = head.kept.last.0;
    let checkpoint = match folds.range((log, 0)..=(log, last))?.next_back().transpose()? {
        Some((key, row)) => match read_fold(log, key.value().1, row.value()) {
            Ok(checkpoint) => Some(checkpoint),
            Err(bad) => return Ok(Err(bad)),
        },
        None => None,
    };
    let at = checkpoint.as_ref().map_or(Seq(0), |it| it.at);
    if at.0 != head.extent.fold {
        return Ok(Err(Bad(format!("the checkpoint at {} is missing", head.extent.fold))));
    }
    let mut tail = vec![];
    for row in records.range((log, at.0 + 1)..=(log, u64::MAX))? {
        let (key, row) = row?;
        let (_, seq) = key.value();
        if seq != at.0 + 1 + tail.len() as u64 {
            return Ok(Err(Bad(format!("record {} is missing", at.0 + 1 + tail.len() as u64))));
        }
        match decode(&place(log, seq), row.value()) {
            Ok(record) => tail.push(record),
            Err(bad) => return Ok(Err(bad)),
        }
    }
    if at.0 + tail.len() as u64 != last {
        return Ok(Err(Bad(format!("it ends at {}, not at {last}", at.0 + tail.len() as u64))));
    }
    Ok(Ok(Past { kept: head.kept.clone(), checkpoint, tail }))
}
