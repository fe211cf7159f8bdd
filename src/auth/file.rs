//! Files that secrets and lists stand in: read whole, never larger than they may be. What stands in them
//! is in no error.

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

/// The largest, in bytes.
const LARGEST: u64 = 1 << 20;

/// Why a file can't be read.
#[derive(Debug, thiserror::Error)]
pub enum Unreadable {
    #[error("it does not exist; write the path of a file")]
    Missing,
    #[error("it is a directory; write the path of the file in it")]
    Directory,
    #[error("it is larger than 1 MiB; is it the right file?")]
    TooLarge,
    #[error("it can't be read ({0}); let the user that the relay runs as read it")]
    Other(io::Error),
}

/// All that stands in a file.
pub(super) fn secret(path: &Path) -> Result<Vec<u8>, Unreadable> {
    let mut bytes = Vec::new();
    let read = File::open(path).and_then(|it| it.take(LARGEST + 1).read_to_end(&mut bytes));
    match read {
        Ok(_) if LARGEST < bytes.len() as u64 => Err(Unreadable::TooLarge),
        Ok(_) => Ok(bytes),
        Err(_) if path.is_dir() => Err(Unreadable::Directory),
        Err(err) if err.kind() == io::ErrorKind::NotFound => Err(Unreadable::Missing),
        Err(err) => Err(Unreadable::Other(err)),
    }
}

/// The lines of a list: words, with white space between them. What follows a `#` is a comment.
pub(super) fn lines(text: &str) -> impl Iterator<Item = (usize, Vec<&str>)> {
    let all = text.lines().enumerate().map(|(n, line)| {
        let stated = line.split('#').next().unwrap_or_default();
        (n + 1, stated.split_ascii_whitespace().collect::<Vec<_>>())
    });
    all.filter(|(_, words)| !words.is_empty())
}
