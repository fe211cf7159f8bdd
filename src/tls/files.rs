//! Files that belong together, such as the two of a certificate, and what stands in them at one moment.
//! Compared by contents alone: times and inodes say too much (a touched file) or too little (two writes
//! in one tick, a symlink that leads elsewhere).

use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};

use super::{Certificate, Fault};

/// More than any chain or list of authorities has, and room for 20,000 revoked certificates.
const LARGEST: u64 = 1 << 20;

/// Where a certificate stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Files {
    /// The chain, its own certificate first, as PEM.
    pub certificate: PathBuf,
    /// Its private key, as PEM.
    pub key: PathBuf,
}

/// What stands in files that belong together. One after the other is read, so they may be of several
/// writings.
#[derive(Debug, Default)]
pub(super) struct Contents(pub(super) Vec<Part>);

/// What stands in one of them, or why that can't be said.
#[derive(Debug)]
pub(super) struct Part {
    pub(super) path: PathBuf,
    pub(super) text: Result<Vec<u8>, Fault>,
}

/// Equal for equal contents, and for equal reasons why there are none.
pub(super) type Print = [u8; 32];

impl Files {
    /// Reads both. It blocks.
    pub(super) fn read(&self) -> Contents {
        Contents(self.each().map(Part::of).into())
    }

    /// Reads both again. It blocks.
    pub(super) fn read_again(&self) -> Contents {
        Contents(self.each().map(Part::again).into())
    }

    fn each(&self) -> [&Path; 2] {
        [&self.certificate, &self.key]
    }
}

impl Part {
    /// Reads it. It blocks.
    pub(super) fn of(path: &Path) -> Self {
        Self { path: path.to_owned(), text: read(path) }
    }

    /// Reads it again. What can be read only once, such as a pipe, is a fault: it would be empty now, or
    /// never end.
    pub(super) fn again(path: &Path) -> Self {
        match path.metadata() {
            Ok(it) if !it.is_file() && !it.is_dir() => {
                Self { path: path.to_owned(), text: Err(Fault::Once(path.to_owned())) }
            }
            _ => Self::of(path),
        }
    }
}

impl Contents {
    pub(super) fn print(&self) -> Print {
        let mut print = Sha256::new();
        for Part { text, .. } in &self.0 {
            let fault = text.as_ref().err().map(ToString::to_string).unwrap_or_default();
            for part in [text.as_deref().unwrap_or_default(), fault.as_bytes()] {
                print.update(part.len().to_le_bytes());
                print.update(part);
            }
        }
        print.finalize().into()
    }

    /// The certificate with its key, where these are its two files.
    pub(super) fn certificate(self, files: &Files) -> Result<Certificate, Fault> {
        let mut parts = self.0.into_iter();
        let mut next = || parts.next().expect("a pair is read from two files").text;
        let (chain, key) = (next()?, next()?);
        Certificate::read(files, &chain, &key)
    }
}

fn read(path: &Path) -> Result<Vec<u8>, Fault> {
    let mut text = Vec::new();
    let all = File::open(path).and_then(|file| file.take(LARGEST + 1).read_to_end(&mut text));
    match all {
        Ok(_) if text.len() as u64 > LARGEST => Err(Fault::TooLarge(path.to_owned())),
        Ok(_) if text.windows(11).any(|it| it == b"-----BEGIN ") => Ok(text),
        Ok(_) => Err(Fault::NotPem(path.to_owned(), "no line begins with -----BEGIN".to_owned())),
        Err(_) if path.is_dir() => Err(Fault::Directory(path.to_owned())),
        Err(err) if err.kind() == io::ErrorKind::NotFound => Err(Fault::Missing(path.to_owned())),
        Err(err) => Err(Fault::Unreadable(path.to_owned(), err)),
    }
}
