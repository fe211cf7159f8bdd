//! A disk that is not there: what is written and what is on the platter are two things, and a power
//! cut keeps, drops or tears each write that was not flushed. It must never be kinder than a real
//! one, nor decide anything by other than the seed.

use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use footplate::seams::{Disk, Space};
use redb::{Builder, Database, DatabaseError, StorageBackend};

use crate::dice::Dice;

/// The disk of the relay's machine.
#[derive(Debug, Clone)]
pub(super) struct Platter(Arc<Mutex<Content>>);

struct Content {
    dice: Dice,
    /// As a reader sees it.
    seen: Vec<u8>,
    /// As it is after a power cut,
    firm: Vec<u8>,
    /// but for these, of which nobody knows.
    loose: Vec<Write>,
    /// Which opening of it may still write: a program that was killed may not.
    opening: u64,
    open: bool,
    dark: bool,
    /// Power goes before the write or flush of this number.
    darken: Option<u64>,
    /// So many writes find it full.
    full: u64,
    /// The flush of this number fails.
    break_flush: Option<u64>,
    slow: Duration,
    flushes: u64,
    /// What was put aside as damaged.
    aside: Vec<String>,
}

impl std::fmt::Debug for Content {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Content({} bytes, {} loose)", self.seen.len(), self.loose.len())
    }
}

#[derive(Debug, Clone)]
enum Write {
    Bytes(usize, Vec<u8>),
    Length(usize),
}

impl Write {
    fn apply(&self, to: &mut Vec<u8>) {
        match self {
            Self::Bytes(at, bytes) => {
                to.resize(to.len().max(at + bytes.len()), 0);
                to[*at..at + bytes.len()].copy_from_slice(bytes);
            }
            Self::Length(length) => to.resize(*length, 0),
        }
    }
}

impl Platter {
    pub(super) fn new(seed: u64) -> Self {
        Self(Arc::new(Mutex::new(Content {
            dice: Dice::seeded(seed + 11),
            seen: vec![],
            firm: vec![],
            loose: vec![],
            opening: 0,
            open: false,
            dark: false,
            darken: None,
            full: 0,
            break_flush: None,
            slow: Duration::ZERO,
            flushes: 0,
            aside: vec![],
        })))
    }

    fn content(&self) -> MutexGuard<'_, Content> {
        self.0.lock().unwrap()
    }

    /// The program that has it open is killed: it writes no more, and what it has written stays.
    pub(super) fn abandon(&self) {
        let mut content = self.content();
        content.opening += 1;
        content.open = false;
    }

    /// The power goes.
    pub(super) fn cut(&self) {
        self.content().cut();
    }

    /// It goes before the write or flush of this number, from 1.
    pub(super) fn darken(&self, before: u64) {
        self.content().darken = Some(before);
    }

    /// So many writes, from the next on, find it full.
    pub(super) fn fill(&self, writes: u64) {
        self.content().full = writes;
    }

    /// The flush of this number fails, from 1.
    pub(super) fn break_flush(&self, which: u64) {
        self.content().break_flush = Some(which);
    }

    /// Each commit takes so long.
    pub(super) fn slow(&self, time: Duration) {
        self.content().slow = time;
    }

    /// Whether the power has gone since this was last asked.
    pub(super) fn went_dark(&self) -> bool {
        std::mem::take(&mut self.content().dark)
    }

    /// How often it was flushed.
    pub(super) fn flushes(&self) -> u64 {
        self.content().flushes
    }

    /// What was put aside as damaged.
    pub(super) fn aside(&self) -> Vec<String> {
        self.content().aside.clone()
    }
}

impl Content {
    /// Of each write that was not flushed, all, nothing or a beginning gets to the platter.
    fn cut(&mut self) {
        for write in self.loose.drain(..) {
            match (self.dice.below(3), write) {
                (0, _) => {}
                (1, Write::Bytes(at, bytes)) => {
                    let some = self.dice.below(bytes.len() as u64 + 1) as usize;
                    Write::Bytes(at, bytes[..some].to_vec()).apply(&mut self.firm);
                }
                (_, write) => write.apply(&mut self.firm),
            }
        }
        self.seen.clone_from(&self.firm);
        (self.dark, self.darken, self.open) = (true, None, false);
        self.opening += 1;
    }

    /// One more write or flush is about to happen.
    fn happens(&mut self, opening: u64) -> io::Result<()> {
        if let Some(left) = &mut self.darken {
            *left -= 1;
            if *left == 0 {
                self.cut();
            }
        }
        if opening == self.opening { Ok(()) } else { Err(io::Error::other("the power is gone")) }
    }

    fn write(&mut self, write: Write) -> io::Result<()> {
        if let Some(left) = self.full.checked_sub(1) {
            self.full = left;
            return Err(ErrorKind::StorageFull.into());
        }
        write.apply(&mut self.seen);
        self.loose.push(write);
        Ok(())
    }
}

impl Disk for Platter {
    fn open(&self, _: &Path, how: &Builder) -> Result<Database, DatabaseError> {
        let mut content = self.content();
        if content.open {
            return Err(DatabaseError::DatabaseAlreadyOpen);
        }
        content.open = true;
        let opening = content.opening;
        drop(content);
        how.create_with_backend(Opening { platter: self.clone(), opening })
    }

    fn set_aside(&self, _: &Path, mark: &str) -> io::Result<PathBuf> {
        let mut content = self.content();
        content.aside.push(mark.to_owned());
        content.seen.clear();
        content.loose.push(Write::Length(0));
        Ok(mark.into())
    }

    fn keep(&self, _: &Path, name: &str, _: &[u8]) -> io::Result<PathBuf> {
        self.content().aside.push(name.to_owned());
        Ok(name.into())
    }

    fn space(&self, _: &Path) -> io::Result<Space> {
        Ok(Space { free: 1 << 40, total: 1 << 41 })
    }

    fn has_thread(&self) -> bool {
        false
    }

    fn delay(&self) -> Duration {
        self.content().slow
    }
}

/// The disk as one opening of the store has it.
#[derive(Debug)]
struct Opening {
    platter: Platter,
    opening: u64,
}

impl StorageBackend for Opening {
    fn len(&self) -> io::Result<u64> {
        Ok(self.platter.content().seen.len() as u64)
    }

    fn read(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
        let content = self.platter.content();
        let from = offset as usize;
        let bytes = content.seen.get(from..from + out.len());
        out.copy_from_slice(bytes.ok_or(ErrorKind::UnexpectedEof)?);
        Ok(())
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        let mut content = self.platter.content();
        content.happens(self.opening)?;
        content.write(Write::Length(len as usize))
    }

    fn sync_data(&self) -> io::Result<()> {
        let mut content = self.platter.content();
        content.happens(self.opening)?;
        content.flushes += 1;
        if let Some(left) = &mut content.break_flush {
            *left -= 1;
            if *left == 0 {
                content.break_flush = None;
                return Err(io::Error::other("the disk has an error"));
            }
        }
        let Content { loose, firm, .. } = &mut *content;
        loose.drain(..).for_each(|write| write.apply(firm));
        Ok(())
    }

    fn write(&self, offset: u64, data: &[u8]) -> io::Result<()> {
        let mut content = self.platter.content();
        content.happens(self.opening)?;
        content.write(Write::Bytes(offset as usize, data.to_vec()))
    }

    fn close(&self) -> io::Result<()> {
        let mut content = self.platter.content();
        if content.opening == self.opening {
            content.open = false;
        }
        Ok(())
    }

}
