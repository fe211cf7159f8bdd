//! The disk on which the store is kept. Nothing else in the program opens that file, so a simulation
//! that replaces [`Disk`] decides what survives a power cut.

use std::{
    fmt, fs,
    io::{self, ErrorKind, Write as _},
    os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _},
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use redb::{Builder, Database, DatabaseError};
use rustix::fs::OFlags;

/// The store's file in its directory.
const FILE: &str = "footplate.redb";
/// What is to become that.
const NEW: &str = "footplate.redb.new";

/// Puts into a new store what each has.
pub type Fill<'a> = &'a dyn Fn(&Database) -> Result<(), redb::Error>;

/// Where the store is kept.
pub trait Disk: Send + Sync + fmt::Debug {
    /// Opens the store of a directory as `how` says. Nobody else can open it until it is dropped.
    /// `None`: there is none.
    ///
    /// # Errors
    /// What the medium says, that somebody else has it open, or that it is damaged.
    fn open(&self, directory: &Path, how: &Builder) -> Result<Option<Database>, DatabaseError>;

    /// Begins the store of a directory in which there is none, and opens it. It is there once `fill`
    /// has put into it what each store has, and not before: a file without that is not one that was
    /// begun, but one that is damaged.
    ///
    /// # Errors
    /// What the medium says, what `fill` says, or that somebody else begins it.
    fn begin(
        &self,
        directory: &Path,
        how: &Builder,
        fill: Fill<'_>,
    ) -> Result<Database, redb::Error>;

    /// Writes the store of a directory anew, all of it, while nobody has it open. After a sync that
    /// has failed nobody knows which of its pages are on the disk: the machine may take for written
    /// what it could not write, and go on showing it.
    ///
    /// # Errors
    /// What the medium says. The store is then as it was.
    fn renew(&self, directory: &Path) -> io::Result<()>;

    /// Puts the store of a directory aside, so that another can be begun; `mark` tells it from
    /// others. Where it is now.
    ///
    /// # Errors
    /// What the medium says.
    fn set_aside(&self, directory: &Path, mark: &str) -> io::Result<PathBuf>;

    /// Keeps what is no longer good for anything but being looked at.
    ///
    /// # Errors
    /// What the medium says.
    fn keep(&self, directory: &Path, name: &str, bytes: &[u8]) -> io::Result<PathBuf>;

    /// How many bytes the store of a directory takes.
    ///
    /// # Errors
    /// What the medium says.
    fn length(&self, directory: &Path) -> io::Result<u64>;

    /// How much space there is.
    ///
    /// # Errors
    /// What the medium says.
    fn space(&self, directory: &Path) -> io::Result<Space>;

    /// Whether a commit may take its time on a thread of its own. In a simulation, where one thread
    /// does everything in turn, it may not.
    fn has_thread(&self) -> bool;

    /// How long a commit takes beside that, where there is no thread for it: a simulated disk may be
    /// slow, and must not hold up the thread that simulates everything.
    fn delay(&self) -> Duration {
        Duration::ZERO
    }
}

/// Space, in bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(missing_docs, reason = "the words say it")]
pub struct Space {
    pub free: u64,
    pub total: u64,
}

/// The machine's own.
#[derive(Debug, Clone, Copy, Default)]
pub struct Drive;

impl Drive {
    /// To be handed to whoever keeps something.
    pub fn disk() -> Arc<dyn Disk> {
        Arc::new(Self)
    }
}

/// A file to be written to: for its user's eyes alone if it is new, and itself, not what a link points to.
fn ours() -> fs::OpenOptions {
    let mut options = fs::OpenOptions::new();
    let nofollow = OFlags::NOFOLLOW.bits().cast_signed();
    options.write(true).mode(0o600).custom_flags(nofollow);
    options
}

impl Disk for Drive {
    fn open(&self, directory: &Path, how: &Builder) -> Result<Option<Database>, DatabaseError> {
        match ours().read(true).open(directory.join(FILE)) {
            Ok(file) => how.create_file(file).map(Some),
            Err(err) if err.kind() == ErrorKind::NotFound => Ok(None),
            Err(err) => Err(err.into()),
        }
    }

    fn begin(
        &self,
        directory: &Path,
        how: &Builder,
        fill: Fill<'_>,
    ) -> Result<Database, redb::Error> {
        fs::DirBuilder::new().recursive(true).mode(0o700).create(directory)?;
        let (new, there) = (directory.join(NEW), directory.join(FILE));
        let file = ours().read(true).create(true).truncate(false).open(&new)?;
        // Who had it before may have been faster: then this is the store by now, and not ours.
        if file.try_lock().is_err() || fs::exists(&there)? {
            return Err(redb::Error::DatabaseAlreadyOpen);
        }
        // What is in it is what one has left who was killed at this.
        file.set_len(0)?;
        let database = how.create_file(file)?;
        fill(&database)?;
        fs::rename(&new, &there)?;
        // A file that is new is there for certain only with its directory's entry.
        fs::File::open(directory)?.sync_all()?;
        Ok(database)
    }

    fn renew(&self, directory: &Path) -> io::Result<()> {
        let (old, new) = (directory.join(FILE), directory.join(NEW));
        fs::copy(&old, &new)?;
        fs::File::open(&new)?.sync_all()?;
        fs::rename(&new, &old)?;
        fs::File::open(directory)?.sync_all()
    }

    fn set_aside(&self, directory: &Path, mark: &str) -> io::Result<PathBuf> {
        let to = directory.join(format!("{FILE}.{mark}"));
        fs::rename(directory.join(FILE), &to)?;
        Ok(to)
    }

    fn keep(&self, directory: &Path, name: &str, bytes: &[u8]) -> io::Result<PathBuf> {
        let to = directory.join(name);
        ours().create(true).truncate(true).open(&to)?.write_all(bytes)?;
        Ok(to)
    }

    fn length(&self, directory: &Path) -> io::Result<u64> {
        Ok(fs::metadata(directory.join(FILE))?.len())
    }

    fn space(&self, directory: &Path) -> io::Result<Space> {
        let told = rustix::fs::statvfs(directory)?;
        let bytes = |blocks: u64| blocks.saturating_mul(told.f_frsize);
        Ok(Space { free: bytes(told.f_bavail), total: bytes(told.f_blocks) })
    }

    fn has_thread(&self) -> bool {
        true
    }
}
