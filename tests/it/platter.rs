//! A disk in memory for the store: it outlives whoever has it open, remembers what was synced, and can
//! be cut off from the power, filled, slowed down, broken and scratched.

use std::fmt;
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use footplate::seams::{Disk, Fill, Space};
use redb::{Builder, Database, DatabaseError, StorageBackend};

use crate::dice::Dice;

/// The disk. Clones are the same one.
#[derive(Clone, Default)]
pub(crate) struct Platter(Arc<Mutex<Inner>>);

#[derive(Default)]
struct Inner {
    /// Whether there is a store. What is written before is nowhere without power.
    begun: bool,
    /// What a reader sees.
    seen: Vec<u8>,
    /// What is left without power.
    synced: Vec<u8>,
    /// What was written since.
    pending: Vec<Write>,
    /// Stores that were put aside, and what was kept beside them.
    aside: Vec<(String, Vec<u8>)>,
    /// How many more writes and syncs succeed.
    patience: Option<usize>,
    /// Which of the next syncs fails, from 1, and whether what it was to write down is forgotten.
    flaw: Option<(usize, bool)>,
    /// How many syncs have failed so.
    failed: usize,
    full: bool,
    delay: Duration,
    open: usize,
}

#[derive(Clone)]
enum Write {
    At(u64, Vec<u8>),
    Length(u64),
}

impl Write {
    fn apply(&self, to: &mut Vec<u8>) {
        match self {
            Self::At(at, bytes) => {
                let at = *at as usize;
                if to.len() < at + bytes.len() {
                    to.resize(at + bytes.len(), 0);
                }
                to[at..at + bytes.len()].copy_from_slice(bytes);
            }
            Self::Length(length) => to.resize(*length as usize, 0),
        }
    }
}

impl Platter {
    /// The power fails: of what was not synced some is there, some is not, and some in part. Whoever
    /// had it open must have been dropped.
    pub(crate) fn power_cut(&self, dice: &mut Dice) {
        let mut inner = self.0.lock().unwrap();
        let mut left = inner.synced.clone();
        for write in std::mem::take(&mut inner.pending) {
            match (dice.below(3), write) {
                (0, _) => {}
                (1, Write::At(at, bytes)) => {
                    let torn = dice.below(bytes.len() as u64 + 1) as usize;
                    Write::At(at, bytes[..torn].to_vec()).apply(&mut left);
                }
                (_, write) => write.apply(&mut left),
            }
        }
        inner.synced.clone_from(&left);
        inner.seen = left;
        inner.open = 0;
    }

    /// Whoever has it open is killed by this: `end` drops them, and what they would have written in
    /// doing so is not written.
    pub(crate) fn killing(&self, end: impl FnOnce()) {
        let (seen, synced, pending) = {
            let inner = self.0.lock().unwrap();
            (inner.seen.clone(), inner.synced.clone(), inner.pending.clone())
        };
        end();
        let mut inner = self.0.lock().unwrap();
        (inner.seen, inner.synced, inner.pending) = (seen, synced, pending);
        inner.open = 0;
    }

    /// What a reader sees.
    pub(crate) fn bytes(&self) -> Vec<u8> {
        self.0.lock().unwrap().seen.clone()
    }

    /// A disk with these bytes.
    pub(crate) fn of(bytes: Vec<u8>) -> Self {
        let inner = Inner { begun: true, synced: bytes.clone(), seen: bytes, ..Inner::default() };
        Self(Arc::new(Mutex::new(inner)))
    }

    /// What was put aside or kept, by its name.
    pub(crate) fn aside(&self) -> Vec<(String, Vec<u8>)> {
        self.0.lock().unwrap().aside.clone()
    }

    /// So many more writes and syncs succeed. `None`: all.
    pub(crate) fn breaks_after(&self, patience: Option<usize>) {
        self.0.lock().unwrap().patience = patience;
    }

    /// Whether nothing succeeds any more.
    pub(crate) fn is_broken(&self) -> bool {
        self.0.lock().unwrap().patience == Some(0)
    }

    /// The sync of this number fails, from 1, and no other. `forgets`: what it was to write down never
    /// is, although it is still seen, as where a kernel takes pages for clean that it could not write.
    pub(crate) fn sync_fails(&self, which: usize, forgets: bool) {
        self.0.lock().unwrap().flaw = Some((which, forgets));
    }

    /// How many syncs have failed so.
    pub(crate) fn failed(&self) -> usize {
        self.0.lock().unwrap().failed
    }

    /// What a commit takes.
    pub(crate) fn slow(&self, delay: Duration) {
        self.0.lock().unwrap().delay = delay;
    }

    /// Whether there is no space.
    pub(crate) fn fill(&self, full: bool) {
        self.0.lock().unwrap().full = full;
    }
}

impl fmt::Debug for Platter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Platter")
    }
}

impl Inner {
    fn endure(&mut self) -> io::Result<()> {
        match &mut self.patience {
            Some(0) => Err(io::Error::other("the disk is broken")),
            Some(left) => {
                *left -= 1;
                Ok(())
            }
            None => Ok(()),
        }
    }
}

impl StorageBackend for Platter {
    fn len(&self) -> io::Result<u64> {
        Ok(self.0.lock().unwrap().seen.len() as u64)
    }

    fn read(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
        let inner = self.0.lock().unwrap();
        let from = offset as usize;
        let found = from.checked_add(out.len()).and_then(|to| inner.seen.get(from..to));
        out.copy_from_slice(found.ok_or(ErrorKind::UnexpectedEof)?);
        Ok(())
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        let mut inner = self.0.lock().unwrap();
        inner.endure()?;
        if inner.full && inner.seen.len() < len as usize {
            return Err(ErrorKind::StorageFull.into());
        }
        let write = Write::Length(len);
        write.apply(&mut inner.seen);
        inner.pending.push(write);
        Ok(())
    }

    fn sync_data(&self) -> io::Result<()> {
        let mut inner = self.0.lock().unwrap();
        inner.endure()?;
        inner.flaw = match inner.flaw {
            Some((1, forgets)) => {
                inner.flaw = None;
                inner.failed += 1;
                if forgets {
                    inner.pending.clear();
                }
                return Err(io::Error::other("this sync fails"));
            }
            flaw => flaw.map(|(which, forgets)| (which - 1, forgets)),
        };
        let pending = std::mem::take(&mut inner.pending);
        pending.iter().for_each(|write| write.apply(&mut inner.synced));
        Ok(())
    }

    fn write(&self, offset: u64, data: &[u8]) -> io::Result<()> {
        let mut inner = self.0.lock().unwrap();
        inner.endure()?;
        let write = Write::At(offset, data.to_vec());
        write.apply(&mut inner.seen);
        inner.pending.push(write);
        Ok(())
    }

    fn close(&self) -> io::Result<()> {
        let mut inner = self.0.lock().unwrap();
        inner.open = inner.open.saturating_sub(1);
        Ok(())
    }
}

impl Disk for Platter {
    fn open(&self, _: &Path, how: &Builder) -> Result<Option<Database>, DatabaseError> {
        {
            let mut inner = self.0.lock().unwrap();
            if !inner.begun {
                return Ok(None);
            }
            if 0 < inner.open {
                return Err(DatabaseError::DatabaseAlreadyOpen);
            }
            inner.open += 1;
        }
        let opened = how.create_with_backend(self.clone());
        if opened.is_err() {
            self.0.lock().unwrap().open = 0;
        }
        opened.map(Some)
    }

    fn begin(&self, _: &Path, how: &Builder, fill: Fill<'_>) -> Result<Database, redb::Error> {
        {
            let mut inner = self.0.lock().unwrap();
            inner.endure()?;
            inner.open = 1;
            (inner.seen, inner.synced, inner.pending) = (vec![], vec![], vec![]);
        }
        let database = how.create_with_backend(self.clone())?;
        fill(&database)?;
        self.0.lock().unwrap().begun = true;
        Ok(database)
    }

    fn renew(&self, _: &Path) -> io::Result<()> {
        let mut inner = self.0.lock().unwrap();
        inner.endure()?;
        inner.synced = inner.seen.clone();
        inner.pending.clear();
        Ok(())
    }

    fn set_aside(&self, directory: &Path, mark: &str) -> io::Result<PathBuf> {
        let mut inner = self.0.lock().unwrap();
        let bytes = std::mem::take(&mut inner.seen);
        (inner.begun, inner.synced, inner.pending) = (false, vec![], vec![]);
        inner.aside.push((mark.to_owned(), bytes));
        Ok(directory.join(mark))
    }

    fn keep(&self, directory: &Path, name: &str, bytes: &[u8]) -> io::Result<PathBuf> {
        self.0.lock().unwrap().aside.push((name.to_owned(), bytes.to_vec()));
        Ok(directory.join(name))
    }

    fn length(&self, _: &Path) -> io::Result<u64> {
        Ok(self.0.lock().unwrap().seen.len() as u64)
    }

    fn space(&self, _: &Path) -> io::Result<Space> {
        let full = self.0.lock().unwrap().full;
        Ok(Space { free: if full { 0 } else { 1 << 40 }, total: 1 << 41 })
    }

    fn has_thread(&self) -> bool {
        false
    }

    fn delay(&self) -> Duration {
        self.0.lock().unwrap().delay
    }
}
