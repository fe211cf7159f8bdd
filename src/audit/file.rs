//! The file: opened for one writer, its tail checked, appended to and synced. It knows lines only
//! as links of the chain, and must never lose a byte that it did not write.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{self, Read as _, Seek as _, SeekFrom, Write as _};
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use tracing::error;

use super::chain::{Chain, Digest, Flaw, LONGEST};

/// What is written between two syncs is at most this long, in bytes, and one turn of the shard.
pub(super) const GROUP: usize = 256 << 10;
/// How much of a file's end a crash may have left unfinished: what was written and not yet synced.
const WINDOW: u64 = 4 << 20;

/// Why a file can't be written to.
#[derive(Debug, thiserror::Error)]
pub enum Fault {
    /// The machine says no.
    #[error(
        "{0} can't be used as an audit log ({1}); let this user write there, or name another file"
    )]
    Unusable(PathBuf, io::Error),
    /// Two writers would break the chain.
    #[error("another process writes to {0}; give each relay a file of its own")]
    Taken(PathBuf),
    /// It is something else.
    #[error("{0} is no audit log, and stays as it is; name another file")]
    Foreign(PathBuf),
    /// What stands there is not what was written.
    #[error(
        "{0} is not what was written: {1} (`footplate audit verify` tells where); find out who \
         did it, move it away, and start again: a new file is begun"
    )]
    Broken(PathBuf, Flaw),
}

/// What a crash has left behind the last whole line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Torn {
    pub(super) bytes: u64,
    pub(super) digest: Digest,
    /// Where it is now.
    pub(super) kept: PathBuf,
}

/// A file that nobody else writes to.
#[derive(Debug)]
pub(super) struct LogFile {
    path: PathBuf,
    file: File,
    /// Its length, all of it synced.
    good: u64,
}

impl LogFile {
    /// Opens a file, or makes it. Behind its last whole line nothing is left.
    pub(super) fn open(path: &Path) -> Result<(Self, Chain, Option<Torn>), Fault> {
        let unusable = |err| Fault::Unusable(path.to_owned(), err);
        let (file, new) = create(path).map_err(unusable)?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Err(Fault::Taken(path.to_owned())),
            Err(TryLockError::Error(err)) => return Err(unusable(err)),
        }
        if new {
            sync_folder(path).map_err(unusable)?;
        }
        let known = file.metadata().map_err(unusable)?;
        if !known.is_file() {
            return Err(unusable(io::Error::other("it is no regular file")));
        }
        let good = known.len();
        let mut it = Self { path: path.to_owned(), file, good };
        let (chain, end) = it.tail()?;
        let torn = it.cut(end).map_err(unusable)?;
        Ok((it, chain, torn))
    }

    /// How far the chain has come, and where its last whole line ends.
    fn tail(&mut self) -> Result<(Chain, u64), Fault> {
        let from = self.good.saturating_sub(WINDOW);
        let mut bytes = Vec::new();
        let read = self
            .file
            .seek(SeekFrom::Start(from))
            .and_then(|_| (&self.file).take(WINDOW).read_to_end(&mut bytes));
        read.map_err(|err| Fault::Unusable(self.path.clone(), err))?;
        // In the middle of a line nothing can be read.
        let skipped = match from {
            0 => 0,
            _ => bytes.iter().position(|it| *it == b'\n').map_or(bytes.len(), |at| at + 1),
        };
        let (mut chain, mut end) = (None, from + skipped as u64);
        let mut flaw = None;
        for line in bytes[skipped..].split_inclusive(|it| *it == b'\n') {
            match Chain::follow(chain, line) {
                Ok(next) => chain = Some(next),
                Err(err) => {
                    flaw = Some(err);
                    break;
                }
            }
            end += line.len() as u64;
        }
        let rest = &bytes[usize::try_from(end - from).unwrap_or(bytes.len())..];
        match (chain, flaw) {
            (None, None) if from == 0 => Ok((Chain::EMPTY, 0)),
            (Some(chain), None) => Ok((chain, end)),
            (Some(chain), Some(flaw)) if is_torn(rest, flaw) => Ok((chain, end)),
            // The very first write was not finished.
            (None, Some(_)) if from == 0 && is_beginning(rest) => Ok((Chain::EMPTY, 0)),
            (None, Some(Flaw::Foreign | Flaw::Unfinished)) if from == 0 => {
                Err(Fault::Foreign(self.path.clone()))
            }
            (_, flaw) => Err(Fault::Broken(self.path.clone(), flaw.unwrap_or(Flaw::TooLong))),
        }
    }

    /// Moves what stands behind `end` to a file of its own.
    fn cut(&mut self, end: u64) -> io::Result<Option<Torn>> {
        if end == self.good {
            return Ok(None);
        }
        let mut bytes = Vec::new();
        self.file.seek(SeekFrom::Start(end))?;
        (&self.file).take(WINDOW).read_to_end(&mut bytes)?;
        let (kept, mut aside) = self.aside()?;
        aside.write_all(&bytes)?;
        aside.sync_all()?;
        sync_folder(&self.path)?;
        self.file.set_len(end)?;
        self.file.sync_all()?;
        self.good = end;
        Ok(Some(Torn { bytes: bytes.len() as u64, digest: Digest::of(&bytes), kept }))
    }

    /// `FILE.torn-<n>`, the first that is not there.
    fn aside(&self) -> io::Result<(PathBuf, File)> {
        let mut n = 1_u32;
        loop {
            let mut name = self.path.clone().into_os_string();
            name.push(format!(".torn-{n}"));
            match OpenOptions::new().write(true).create_new(true).mode(0o600).open(&name) {
                Err(err) if err.kind() == io::ErrorKind::AlreadyExists => n += 1,
                Err(err) => return Err(err),
                Ok(file) => return Ok((name.into(), file)),
            }
        }
    }

    /// Appends whole lines and syncs them: all or none.
    pub(super) fn append(&mut self, lines: &[u8]) -> io::Result<()> {
        let length = self.file.metadata()?.len();
        if length != self.good {
            let (path, was) = (self.path.display(), self.good);
            error!(%path, was, length, "somebody else has changed the audit log; it goes on behind that");
            self.good = length;
        }
        let written = self.file.write_all(lines).and_then(|()| self.file.sync_data());
        match written {
            Ok(()) => self.good += lines.len() as u64,
            // What a failed sync has kept of it nobody knows. The whole comes again.
            Err(_) => self.file.set_len(self.good)?,
        }
        written
    }

    /// Whether its path is another file's now, or nobody's.
    pub(super) fn has_moved(&self) -> bool {
        let here = |it: &std::fs::Metadata| (it.dev(), it.ino());
        match (self.file.metadata(), std::fs::metadata(&self.path)) {
            (Ok(own), Ok(there)) => here(&own) != here(&there),
            _ => true,
        }
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Shows each line of it, in order, as long as the chain holds.
    pub(super) fn each(&mut self, mut show: impl FnMut(&[u8])) -> Result<(), Fault> {
        let unusable = |err| Fault::Unusable(self.path.clone(), err);
        let mut file = io::BufReader::with_capacity(1 << 18, &self.file);
        file.seek(SeekFrom::Start(0)).map_err(unusable)?;
        let (mut chain, mut line) = (None, Vec::new());
        while next(&mut file, &mut line).map_err(unusable)? {
            let broken = |flaw| Fault::Broken(self.path.clone(), flaw);
            chain = Some(Chain::follow(chain, &line).map_err(broken)?);
            show(&line);
        }
        Ok(())
    }
}

/// Reads the next line, with its end, but no more than a line may be long. `false`: there is none.
pub(super) fn next(from: &mut impl io::BufRead, line: &mut Vec<u8>) -> io::Result<bool> {
    line.clear();
    Ok(io::BufRead::read_until(&mut from.take(LONGEST as u64), b'\n', line)? > 0)
}

fn create(path: &Path) -> io::Result<(File, bool)> {
    let mut options = OpenOptions::new();
    options.read(true).append(true).mode(0o600);
    match options.open(path) {
        Err(err) if err.kind() == io::ErrorKind::NotFound => {
            Ok((options.create_new(true).open(path)?, true))
        }
        opened => Ok((opened?, false)),
    }
}

/// A new name is on disk once its folder is.
fn sync_folder(path: &Path) -> io::Result<()> {
    let folder = path.parent().filter(|it| !it.as_os_str().is_empty());
    File::open(folder.unwrap_or(Path::new(".")))?.sync_all()
}

/// Whether a crash can have left this behind the last whole line: a piece of one, or lines of which
/// the power failed to take pages to the disk, which are nothing then. All else somebody has written.
fn is_torn(rest: &[u8], flaw: Flaw) -> bool {
    flaw == Flaw::Unfinished || rest.contains(&0)
}

/// Whether this may be all that a crash has left of a first line.
fn is_beginning(rest: &[u8]) -> bool {
    let first = rest.iter().zip(b"{\"seq\":1,");
    rest.iter().all(|it| *it == 0)
        || !rest.contains(&b'\n') && first.into_iter().all(|(a, b)| a == b)
}
