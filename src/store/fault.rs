//! What can be wrong with a store, for the operator: what happened, and what to do about it.

use std::{io, path::PathBuf};

/// Why the store can't be opened, or can't keep something.
#[derive(Debug, thiserror::Error)]
pub enum Fault {
    /// Another process has it open.
    #[error(
        "{0}: another relay has this store open; stop that one, or name another directory with \
         --store"
    )]
    InUse(PathBuf),
    /// A later version of the relay has written it.
    #[error(
        "{path}: this store has version {found}, this relay reads up to {known}; start the relay \
         that wrote it, or name another directory with --store"
    )]
    Newer {
        /// The store's directory.
        path: PathBuf,
        /// Its version.
        found: u32,
        /// The latest that is known here.
        known: u32,
    },
    /// The medium refuses.
    #[error("{path}: {source}; see that the relay may write there and that there is space")]
    Medium {
        /// The store's directory.
        path: PathBuf,
        /// What it says.
        source: io::Error,
    },
    /// There is too little space left.
    #[error(
        "{path}: only {free} bytes are free; nothing more is taken in until there are {wanted}"
    )]
    Full {
        /// The store's directory.
        path: PathBuf,
        /// What is free.
        free: u64,
        /// What has to be.
        wanted: u64,
    },
    /// It is not what was written.
    #[error(
        "{path}: the store is damaged ({what}); let it be set aside with --store-on-damage \
         set-aside, or restore it from a copy"
    )]
    Damaged {
        /// The store's directory.
        path: PathBuf,
        /// What was found.
        what: String,
    },
    /// The thread that writes is no longer there.
    #[error("the store's writer has ended")]
    Ended,
}

impl Fault {
    /// What redb says of the store at `path`.
    pub(super) fn of(path: &std::path::Path, err: impl Into<redb::Error>) -> Self {
        let path = path.to_owned();
        let err: redb::Error = err.into();
        #[expect(clippy::wildcard_enum_match_arm, reason = "all others say that it is not sound")]
        match err {
            redb::Error::DatabaseAlreadyOpen => Self::InUse(path),
            redb::Error::Io(source) if !is_short(&source) => Self::Medium { path, source },
            redb::Error::PreviousIo => {
                Self::Medium { path, source: io::Error::other("an earlier write failed") }
            }
            other => Self::Damaged { path, what: other.to_string() },
        }
    }

    /// Whether the medium may come to do it after all.
    pub fn may_pass(&self) -> bool {
        matches!(self, Self::Medium { .. } | Self::Full { .. })
    }
}

/// Whether a file has less in it, or something else, than it says of itself.
fn is_short(err: &io::Error) -> bool {
    matches!(err.kind(), io::ErrorKind::InvalidData | io::ErrorKind::UnexpectedEof)
}
