//! A disk in memory for one store: bytes that many start from, and what one of them has written over them.

use std::collections::BTreeMap;
use std::fmt;
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use footplate::seams::{Disk, Fill, Space};
use redb::{Builder, Database, DatabaseError, StorageBackend};

pub(super) const PAGE: usize = 4_096;

/// The disk. Clones are the same one.
#[derive(Clone, Default)]
pub(super) struct Sheet(Arc<Mutex<Inner>>);

#[derive(Default)]
struct Inner {
    base: Arc<Vec<u8>>,
    /// Pages that are no longer as in `base`, by number.
    over: BTreeMap<usize, Box<[u8; PAGE]>>,
    length: usize,
    /// Whether there is a store.
    begun: bool,
    /// What was put aside, and what was kept beside it.
    aside: usize,
    open: bool,
}

impl Inner {
    fn page(&self, number: usize) -> Option<&[u8]> {
        if let Some(page) = self.over.get(&number) {
            return Some(&page[..]);
        }
        let from = (number * PAGE).min(self.base.len());
        let to = (from + PAGE).min(self.base.len());
        Some(&self.base[from..to]).filter(|it| !it.is_empty())
    }

    fn read(&self, at: usize, out: &mut [u8]) {
        let mut done = 0;
        while done < out.len() {
            let (number, from) = ((at + done) / PAGE, (at + done) % PAGE);
            let part = (PAGE - from).min(out.len() - done);
            let out = &mut out[done..done + part];
            out.fill(0);
            let page = self.page(number).and_then(|page| page.get(from..)).unwrap_or_default();
            let there = page.len().min(part);
            out[..there].copy_from_slice(&page[..there]);
            done += part;
        }
    }

    fn write(&mut self, at: usize, bytes: &[u8]) {
        let mut done = 0;
        while done < bytes.len() {
            let (number, from) = ((at + done) / PAGE, (at + done) % PAGE);
            let part = (PAGE - from).min(bytes.len() - done);
            if !self.over.contains_key(&number) {
                let mut page = Box::new([0; PAGE]);
                let old = self.page(number).unwrap_or_default();
                page[..old.len()].copy_from_slice(old);
                self.over.insert(number, page);
            }
            let page = self.over.get_mut(&number).expect("it is there now");
            page[from..from + part].copy_from_slice(&bytes[done..done + part]);
            done += part;
        }
        self.length = self.length.max(at + bytes.len());
    }

    /// What is cut off is nothing, should the length come back.
    fn cut(&mut self, length: usize) {
        if length < self.length {
            let rest = self.length.min((length / PAGE + 1) * PAGE) - length;
            self.write(length, &vec![0; rest]);
            let first = length.div_ceil(PAGE);
            for number in first..self.length.div_ceil(PAGE) {
                self.over.insert(number, Box::new([0; PAGE]));
            }
        }
        self.length = length;
    }
}

impl Sheet {
    pub(super) fn of(base: Arc<Vec<u8>>) -> Self {
        let length = base.len();
        Self(Arc::new(Mutex::new(Inner { base, length, begun: true, ..Inner::default() })))
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn bytes(&self) -> Vec<u8> {
        let inner = self.lock();
        let mut bytes = vec![0; inner.length];
        inner.read(0, &mut bytes);
        bytes
    }

    pub(super) fn length(&self) -> usize {
        self.lock().length
    }

    /// How many things were put aside.
    pub(super) fn aside(&self) -> usize {
        self.lock().aside
    }

    pub(super) fn read_at(&self, at: usize, out: &mut [u8]) {
        self.lock().read(at, out);
    }

    pub(super) fn write_at(&self, at: usize, bytes: &[u8]) {
        self.lock().write(at, bytes);
    }

    pub(super) fn cut(&self, length: usize) {
        self.lock().cut(length);
    }

    /// Whoever had it open is dead.
    pub(super) fn release(&self) {
        self.lock().open = false;
    }
}

impl fmt::Debug for Sheet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Sheet")
    }
}

impl StorageBackend for Sheet {
    fn len(&self) -> io::Result<u64> {
        Ok(self.length() as u64)
    }

    fn read(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
        let inner = self.lock();
        let from = usize::try_from(offset).unwrap_or(usize::MAX);
        let fits = from.checked_add(out.len()).is_some_and(|to| to <= inner.length);
        if !fits {
            return Err(ErrorKind::UnexpectedEof.into());
        }
        inner.read(from, out);
        Ok(())
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        // No disk has more.
        let fits = usize::try_from(len).ok().filter(|it| *it <= 1 << 32);
        let length = fits.ok_or(ErrorKind::StorageFull)?;
        self.lock().cut(length);
        Ok(())
    }

    fn sync_data(&self) -> io::Result<()> {
        Ok(())
    }

    fn write(&self, offset: u64, data: &[u8]) -> io::Result<()> {
        let mut inner = self.lock();
        let from = usize::try_from(offset).ok().filter(|it| *it <= inner.length);
        inner.write(from.ok_or(ErrorKind::UnexpectedEof)?, data);
        Ok(())
    }

    fn close(&self) -> io::Result<()> {
        self.release();
        Ok(())
    }
}

impl Disk for Sheet {
    fn open(&self, _: &Path, how: &Builder) -> Result<Option<Database>, DatabaseError> {
        if !self.lock().begun {
            return Ok(None);
        }
        if std::mem::replace(&mut self.lock().open, true) {
            return Err(DatabaseError::DatabaseAlreadyOpen);
        }
        // One whose opening panics is dead, too.
        let opening = Opening(self);
        let opened = how.create_with_backend(self.clone());
        if opened.is_ok() {
            std::mem::forget(opening);
        }
        opened.map(Some)
    }

    fn begin(&self, _: &Path, how: &Builder, fill: Fill<'_>) -> Result<Database, redb::Error> {
        self.lock().begun = true;
        let database = how.create_with_backend(self.clone())?;
        fill(&database).map(|()| database)
    }

    fn renew(&self, _: &Path) -> io::Result<()> {
        Ok(())
    }

    fn set_aside(&self, directory: &Path, mark: &str) -> io::Result<PathBuf> {
        let mut inner = self.lock();
        let aside = inner.aside + 1;
        *inner = Inner { aside, ..Inner::default() };
        Ok(directory.join(mark))
    }

    fn keep(&self, directory: &Path, name: &str, _: &[u8]) -> io::Result<PathBuf> {
        self.lock().aside += 1;
        Ok(directory.join(name))
    }

    fn length(&self, _: &Path) -> io::Result<u64> {
        Ok(Self::length(self) as u64)
    }

    fn space(&self, _: &Path) -> io::Result<Space> {
        Ok(Space { free: 1 << 40, total: 1 << 41 })
    }

    fn has_thread(&self) -> bool {
        false
    }
}

struct Opening<'a>(&'a Sheet);

impl Drop for Opening<'_> {
    fn drop(&mut self) {
        self.0.release();
    }
}
