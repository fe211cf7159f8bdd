//! The store's file: what one commit writes. One transaction holds a whole turn, so that a crash
//! leaves all of it or nothing. It blocks; who may not wait has a [`Keeper`](super::Keeper).

use std::{
    collections::BTreeMap,
    io,
    path::{Path, PathBuf},
    sync::{Arc, Weak},
};

use arc_swap::ArcSwapOption;
use redb::{Database, ReadableDatabase, ReadableTable, ReadableTableMetadata, WriteTransaction};
use serde::Serialize;

use super::codec::{Bad, encode, place};
use super::prune::{self, Freed};
use super::tables::{
    self, Extent, FENCES, FOLDS, HEADS, Head, META, NAMES, NEXT_LOG, RECORDS, SCHEMA, TOMBSTONES,
    VERSION,
};
use super::{Commit, Fault, Wants};
use crate::core::{Checkpoint, Kept};
use crate::model::{ExecutionId, Fact, Record, Timestamp};
use crate::seams::Disk;

/// Bounds of a store.
#[derive(Debug, Clone, Copy)]
pub struct Options {
    /// Bytes of all rows beyond which the oldest is removed, what is over first.
    pub bytes: u64,
    /// Bytes of a log's records behind its newest checkpoint beyond which it wants another; at least
    /// as many as that checkpoint has, so that checkpoints at most double what is written.
    pub checkpoint: u64,
    /// Bytes of the file that are held in memory.
    pub cache: usize,
    /// Free space in bytes below which nothing more is taken in. On a small disk it is a twentieth.
    pub reserve: u64,
}

impl Default for Options {
    fn default() -> Self {
        Self { bytes: 1 << 30, checkpoint: 64 << 10, cache: 64 << 20, reserve: 256 << 20 }
    }
}

/// The database, where it is open: a failed write closes it, and whoever reads does without.
pub(super) type Shared = Arc<ArcSwapOption<Database>>;

/// The store's file.
#[derive(Debug)]
pub(super) struct File {
    pub(super) directory: PathBuf,
    pub(super) disk: Arc<dyn Disk>,
    pub(super) options: Options,
    pub(super) shared: Shared,
    /// The one that was closed last, as long as somebody reads in it.
    lent: Weak<Database>,
    /// A write has failed, and not for want of space: what the machine shows of the file need not be
    /// on the disk.
    doubted: bool,
    /// Each log's number, and how much of it is kept.
    pub(super) logs: BTreeMap<ExecutionId, (u64, Extent)>,
    pub(super) next_log: u64,
    /// It holds more than it may, and the last commit asked for room.
    short: bool,
}

/// A record as it is kept, without copying it: the same fields as `KeptRecord`.
#[derive(Serialize)]
struct Row<'a> {
    time: Timestamp,
    hash: u64,
    size: u64,
    restored: bool,
    fact: &'a Fact,
}

impl File {
    /// Opens the store of a directory, or begins one there. What it holds is not looked at yet.
    pub(super) fn open(
        disk: Arc<dyn Disk>,
        directory: &Path,
        options: Options,
    ) -> Result<Self, Fault> {
        let file = Self {
            directory: directory.to_owned(),
            disk,
            options,
            shared: Arc::default(),
            lent: Weak::new(),
            doubted: false,
            logs: BTreeMap::new(),
            next_log: 1,
            short: false,
        };
        let database = match file.opened()? {
            Some(database) => database,
            None => {
                let begun = file.disk.begin(directory, &tables::builder(options.cache), &begin);
                begun.map_err(|err| Fault::of(directory, err))?
            }
        };
        file.shared.store(Some(Arc::new(database)));
        Ok(file)
    }

    /// Opens it again after a write has failed: what that has left behind is not known.
    pub(super) fn reopen(&mut self) -> Result<(), Fault> {
        if let Some(database) = self.shared.swap(None) {
            self.lent = Arc::downgrade(&database);
        }
        if 0 < self.lent.strong_count() {
            // Whoever reads a piece gives it back when that is read.
            let source = io::Error::from(io::ErrorKind::ResourceBusy);
            return Err(Fault::Medium { path: self.directory.clone(), source });
        }
        if self.doubted {
            let path = || self.directory.clone();
            let renewed = self.disk.renew(&self.directory);
            renewed.map_err(|source| Fault::Medium { path: path(), source })?;
            self.doubted = false;
        }
        let database = self.opened()?.ok_or_else(|| {
            let what = "its file is gone".to_owned();
            Fault::Damaged { path: self.directory.clone(), what }
        })?;
        self.shared.store(Some(Arc::new(database)));
        Ok(())
    }

    /// The store that there is, if there is one, and if this relay can read it.
    fn opened(&self) -> Result<Option<Database>, Fault> {
        let how = tables::builder(self.options.cache);
        let fault = |err: redb::Error| Fault::of(&self.directory, err);
        let database = self.disk.open(&self.directory, &how).map_err(|err| fault(err.into()))?;
        let Some(database) = database else { return Ok(None) };
        let found = version(&database).map_err(fault)?;
        if VERSION < found {
            let found = u32::try_from(found).unwrap_or(u32::MAX);
            let (path, known) = (self.directory.clone(), VERSION as u32);
            return Err(Fault::Newer { path, found, known });
        }
        Ok(Some(database))
    }

    pub(super) fn database(&self) -> Result<Arc<Database>, Fault> {
        self.shared.load_full().ok_or(Fault::Ended)
    }

    /// Writes a turn, all of it or nothing. The same again changes nothing.
    pub(super) fn commit(&mut self, commit: &Commit) -> Result<Wants, Fault> {
        self.has_space()?;
        let database = self.database()?;
        // Whoever could forget something has not: then what is old of the largest goes.
        let prune = (self.short && commit.forgotten.is_empty()).then(|| self.largest());
        let mut turn = Turn { logs: BTreeMap::new(), next_log: self.next_log };
        let written = turn.write(&database, &self.logs, commit, prune.flatten());
        drop(database);
        written.map_err(|err| self.failed(err))?;
        self.next_log = turn.next_log;
        for (execution, change) in turn.logs {
            match change {
                Some(log) => drop(self.logs.insert(execution, log)),
                None => drop(self.logs.remove(&execution)),
            }
        }
        self.short = self.options.bytes < self.bytes();
        let least = self.options.checkpoint;
        let wants = |extent: &Extent| least.max(extent.fold_bytes) <= extent.behind;
        let touched = commit.kept.iter().map(|kept| &kept.execution);
        let wanting =
            touched.filter(|it| self.logs.get(*it).is_some_and(|(_, extent)| wants(extent)));
        Ok(Wants { checkpoints: wanting.cloned().collect(), room: self.short })
    }

    /// Writes a turn with nothing in it. What is damaged where no reader comes shows while the store can
    /// still be put aside; a medium that refuses is asked again with the first turn.
    pub(super) fn try_out(&mut self) -> Result<(), Fault> {
        let database = self.database()?;
        let mut turn = Turn { logs: BTreeMap::new(), next_log: self.next_log };
        let written = turn.write(&database, &self.logs, &Commit::default(), None);
        drop(database);
        match written.map_err(|err| self.failed(err)) {
            Err(fault) if !fault.may_pass() => Err(fault),
            Err(_) | Ok(()) => Ok(()),
        }
    }

    /// What a write says that has failed.
    fn failed(&mut self, err: redb::Error) -> Fault {
        let fault = Fault::of(&self.directory, err);
        let full = |it: &io::Error| it.kind() == io::ErrorKind::StorageFull;
        self.doubted |= !matches!(&fault, Fault::Medium { source, .. } if full(source));
        fault
    }

    /// Bytes of all rows.
    pub(super) fn bytes(&self) -> u64 {
        self.logs.values().map(|(_, extent)| extent.bytes).sum()
    }

    fn has_space(&self) -> Result<(), Fault> {
        let path = || self.directory.clone();
        let space = self.disk.space(&self.directory);
        let space = space.map_err(|source| Fault::Medium { path: path(), source })?;
        let wanted = self.options.reserve.min(space.total / 20);
        if space.free < wanted {
            return Err(Fault::Full { path: path(), free: space.free, wanted });
        }
        Ok(())
    }

    /// The log with the most bytes that a checkpoint makes removable.
    fn largest(&self) -> Option<ExecutionId> {
        let removable = self.logs.iter().filter(|(_, (_, it))| it.first <= it.fold);
        removable.max_by_key(|(_, (_, it))| it.bytes).map(|(id, _)| id.clone())
    }
}

/// What a transaction changes of what is known of logs. It counts only once that is committed.
struct Turn {
    /// `None`: it is gone.
    logs: BTreeMap<ExecutionId, Option<(u64, Extent)>>,
    next_log: u64,
}

impl Turn {
    fn write(
        &mut self,
        database: &Database,
        known: &BTreeMap<ExecutionId, (u64, Extent)>,
        commit: &Commit,
        prune: Option<ExecutionId>,
    ) -> Result<(), redb::Error> {
        let transaction = database.begin_write()?;
        self.records(&transaction, known, &commit.records)?;
        for (execution, checkpoint) in &commit.checkpoints {
            self.fold(&transaction, known, execution, checkpoint)?;
        }
        self.prune(&transaction, known, prune)?;
        {
            let mut heads = transaction.open_table(HEADS)?;
            let mut names = transaction.open_table(NAMES)?;
            for kept in &commit.kept {
                let (log, extent) = self.log(known, &kept.execution);
                names.insert(kept.execution.as_str(), log)?;
                heads.insert(log, &*head(log, kept, extent))?;
                self.logs.insert(kept.execution.clone(), Some((log, extent)));
            }
            let mut fences = transaction.open_table(FENCES)?;
            for fence in &commit.fences {
                let name = fence.producer.as_str();
                fences.insert(name, &*encode(name.as_bytes(), fence))?;
            }
            let mut tombstones = transaction.open_table(TOMBSTONES)?;
            let mut dead = transaction.open_table(tables::DEAD)?;
            for tombstone in &commit.forgotten {
                let name = tombstone.execution.as_str();
                tombstones.insert(name, &*encode(name.as_bytes(), tombstone))?;
                let removed = names.remove(name)?.map(|it| it.value());
                if let Some(log) = removed {
                    heads.remove(log)?;
                    dead.insert(log, ())?;
                }
                self.logs.insert(tombstone.execution.clone(), None);
            }
            let mut meta = transaction.open_table(META)?;
            meta.insert(NEXT_LOG, self.next_log)?;
        }
        prune::bury(&transaction)?;
        transaction.commit()?;
        Ok(())
    }

    fn log(
        &mut self,
        known: &BTreeMap<ExecutionId, (u64, Extent)>,
        execution: &ExecutionId,
    ) -> (u64, Extent) {
        if let Some(log) = self.logs.get(execution).copied().flatten() {
            return log;
        }
        known.get(execution).copied().unwrap_or_else(|| {
            self.next_log += 1;
            (self.next_log - 1, Extent::default())
        })
    }

    fn records(
        &mut self,
        transaction: &WriteTransaction,
        known: &BTreeMap<ExecutionId, (u64, Extent)>,
        records: &[Arc<Record>],
    ) -> Result<(), redb::Error> {
        let mut table = transaction.open_table(RECORDS)?;
        for record in records {
            let (log, mut extent) = self.log(known, &record.execution);
            let seq = record.position.seq.0;
            let Record { time, fact, origin, .. } = &**record;
            let row = Row {
                time: *time,
                hash: origin.hash,
                size: origin.size as u64,
                restored: origin.restored,
                fact,
            };
            let bytes = encode(&place(log, seq), &row);
            let added = bytes.len() as u64;
            table.insert((log, seq), &*bytes)?;
            if extent.first == 0 {
                extent.first = seq;
            }
            extent.bytes += added;
            extent.behind += added;
            self.logs.insert(record.execution.clone(), Some((log, extent)));
        }
        Ok(())
    }

    fn fold(
        &mut self,
        transaction: &WriteTransaction,
        known: &BTreeMap<ExecutionId, (u64, Extent)>,
        execution: &ExecutionId,
        checkpoint: &Checkpoint,
    ) -> Result<(), redb::Error> {
        let (log, mut extent) = self.log(known, execution);
        let bytes = encode(&place(log, checkpoint.at.0), checkpoint);
        let mut table = transaction.open_table(FOLDS)?;
        table.insert((log, checkpoint.at.0), &*bytes)?;
        extent.fold = checkpoint.at.0;
        extent.fold_bytes = bytes.len() as u64;
        extent.bytes += extent.fold_bytes;
        extent.behind = 0;
        self.logs.insert(execution.clone(), Some((log, extent)));
        Ok(())
    }

    fn prune(
        &mut self,
        transaction: &WriteTransaction,
        known: &BTreeMap<ExecutionId, (u64, Extent)>,
        execution: Option<ExecutionId>,
    ) -> Result<(), redb::Error> {
        let Some(execution) = execution else { return Ok(()) };
        let (log, mut extent) = self.log(known, &execution);
        let Freed { bytes } = prune::below(transaction, log, extent.fold)?;
        extent.bytes = extent.bytes.saturating_sub(bytes);
        extent.first = extent.fold + 1;
        let mut heads = transaction.open_table(HEADS)?;
        let known = heads.get(log)?.map(|it| it.value().to_vec());
        if let Some(head) = known.and_then(|it| Head::read(log, &it).ok()) {
            heads.insert(log, &*encode(&log.to_be_bytes(), &Head { extent, ..head }))?;
        }
        self.logs.insert(execution, Some((log, extent)));
        Ok(())
    }
}

fn head(log: u64, kept: &Kept, extent: Extent) -> Vec<u8> {
    #[derive(Serialize)]
    struct Row<'a> {
        kept: &'a Kept,
        extent: Extent,
    }
    encode(&log.to_be_bytes(), &Row { kept, extent })
}

/// The version of a store.
fn version(database: &Database) -> Result<u64, redb::Error> {
    let meta = match database.begin_read()?.open_table(META) {
        Ok(meta) => meta,
        // Each store has it from the beginning: what is here is not what was left here.
        Err(redb::TableError::TableDoesNotExist(_)) => {
            return Err(Bad("there is nothing in it, or another program's".into()).into());
        }
        Err(err) => return Err(err.into()),
    };
    let known = meta.get(SCHEMA)?.map(|it| it.value());
    known.ok_or_else(|| Bad("it has no version".into()).into())
}

/// Puts in what each store has.
fn begin(database: &Database) -> Result<(), redb::Error> {
    let transaction = database.begin_write()?;
    {
        let mut meta = transaction.open_table(META)?;
        meta.insert(SCHEMA, VERSION)?;
        meta.insert(NEXT_LOG, 1)?;
        drop(meta);
        transaction.open_table(HEADS)?.len()?;
        transaction.open_table(NAMES)?.len()?;
        transaction.open_table(RECORDS)?.len()?;
        transaction.open_table(FOLDS)?.len()?;
        transaction.open_table(FENCES)?.len()?;
        transaction.open_table(TOMBSTONES)?.len()?;
        transaction.open_table(tables::DEAD)?.len()?;
    }
    transaction.commit()?;
    Ok(())
}
