//! How lines are linked: each holds the hash of the one before it, and its own. This is the one place
//! that knows what is hashed; `docs/audit.md` says it for other programs. It must never look at what
//! a line means, nor read JSON: a chain is checked on bytes alone.

use std::{fmt, io::Write as _, str::FromStr};

use serde::{Serialize, Serializer};
use sha2::{Digest as _, Sha256};

/// Bytes of a digest, written down.
const HEX: usize = 64;
/// What every line begins with.
const BEGIN: &[u8] = b"{\"seq\":";
/// What stands between its number and the hash of the line before it.
const PREV: &[u8] = b",\"prev_hash\":\"";
/// What stands before its own hash, which is the last of it.
const HASH: &[u8] = b",\"hash\":\"";
/// What stands behind that.
const END: &[u8] = b"\"}";
/// No line that the relay writes is longer, in bytes: names are bounded, and texts are digests.
pub const LONGEST: usize = 1 << 20;

/// A SHA-256.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Digest([u8; 32]);

impl Digest {
    /// What stands in place of the line before the first.
    pub const NONE: Self = Self([0; 32]);

    /// Of these bytes.
    pub fn of(bytes: &[u8]) -> Self {
        Self(Sha256::digest(bytes).into())
    }

    /// Of a line: of the hash before it as it is written, and of the line without its own.
    fn of_line(prev: Self, line: &[u8]) -> Self {
        let mut hasher = Sha256::new();
        hasher.update(prev.to_string());
        hasher.update(line);
        hasher.update(b"}");
        Self(hasher.finalize().into())
    }

    /// In lower case, as everywhere in an audit log.
    fn read(hex: &[u8]) -> Option<Self> {
        let digit = |it: u8| match it {
            b'0'..=b'9' => Some(it - b'0'),
            b'a'..=b'f' => Some(it - b'a' + 10),
            _ => None,
        };
        if hex.len() != HEX {
            return None;
        }
        let mut bytes = [0; 32];
        for (byte, pair) in bytes.iter_mut().zip(hex.chunks(2)) {
            *byte = digit(pair[0])? << 4 | digit(pair[1])?;
        }
        Some(Self(bytes))
    }
}

impl From<[u8; 32]> for Digest {
    fn from(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let digit = |it: u8| if it < 10 { b'0' + it } else { b'a' + it - 10 };
        let mut text = [0; HEX];
        for (pair, byte) in text.chunks_mut(2).zip(self.0) {
            (pair[0], pair[1]) = (digit(byte >> 4), digit(byte & 15));
        }
        f.write_str(str::from_utf8(&text).expect("digits"))
    }
}

impl fmt::Debug for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl FromStr for Digest {
    type Err = ();

    /// In either case: people copy it from anywhere.
    fn from_str(text: &str) -> Result<Self, ()> {
        Self::read(text.to_ascii_lowercase().as_bytes()).ok_or(())
    }
}

impl Serialize for Digest {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.collect_str(self)
    }
}

/// How far a chain has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Chain {
    /// The number of the last line; 0: there is none.
    pub seq: u64,
    /// Its hash.
    pub head: Digest,
}

impl Chain {
    /// The one without a line.
    pub const EMPTY: Self = Self { seq: 0, head: Digest::NONE };

    /// Writes a line to `out`, and is one line longer. `body`: an object with at least one member.
    pub(super) fn seal(&mut self, body: &impl Serialize, out: &mut Vec<u8>) {
        let begin = out.len();
        self.seq += 1;
        let prev = self.head;
        write!(out, "{{\"seq\":{},\"prev_hash\":\"{prev}\",", self.seq).expect("memory takes all");
        let brace = out.len();
        serde_json::to_writer(&mut *out, body).expect("a line has names for keys");
        out.remove(brace);
        out.pop();
        self.head = Digest::of_line(prev, &out[begin..]);
        writeln!(out, ",\"hash\":\"{}\"}}", self.head).expect("memory takes all");
    }

    /// Takes the next line of a file, which ends as it ends there. `self` is `None` before the first.
    ///
    /// # Errors
    /// What is wrong with it.
    pub(super) fn follow(known: Option<Self>, line: &[u8]) -> Result<Self, Flaw> {
        let Some(line) = line.strip_suffix(b"\n") else {
            return Err(if LONGEST <= line.len() { Flaw::TooLong } else { Flaw::Unfinished });
        };
        let (seq, prev, said, hash) = parts(line).ok_or(Flaw::Foreign)?;
        if Digest::of_line(prev, said) != hash {
            return Err(Flaw::Altered);
        }
        if let Some(known) = known {
            let expected = known.seq + 1;
            if seq != expected {
                return Err(Flaw::Number { expected, found: seq });
            }
            if prev != known.head {
                return Err(Flaw::Link);
            }
        }
        Ok(Self { seq, head: hash })
    }
}

/// A line's number, the hash of the line before it, all of it but its own hash, and that.
fn parts(line: &[u8]) -> Option<(u64, Digest, &[u8], Digest)> {
    let (said, last) =
        line.split_at_checked(line.len().checked_sub(HASH.len() + HEX + END.len())?)?;
    let hash = Digest::read(last.strip_prefix(HASH)?.strip_suffix(END)?)?;
    let rest = said.strip_prefix(BEGIN)?;
    let digits = rest.iter().take_while(|it| it.is_ascii_digit()).count();
    let (number, rest) = rest.split_at(digits);
    let seq = str::from_utf8(number).ok()?.parse().ok()?;
    let prev = Digest::read(rest.strip_prefix(PREV)?.get(..HEX)?)?;
    Some((seq, prev, said, hash))
}

/// What is wrong with a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Flaw {
    /// There is no end of line.
    #[error(
        "it has no end: the file was cut off within it, or its relay died while writing it (one \
         that starts again with the file moves such a piece aside)"
    )]
    Unfinished,
    /// It is not what an audit log is made of.
    #[error(
        "it is no line of an audit log, or was altered at its ends: it has to begin with seq and \
         prev_hash, and to end with its hash"
    )]
    Foreign,
    /// No line that the relay writes is so long.
    #[error("it is longer than {LONGEST} bytes, as no line of an audit log is")]
    TooLong,
    /// It is not what was written.
    #[error("it was altered: its hash is not that of what it says")]
    Altered,
    /// It has another number than the next.
    #[error("it has number {found} where {expected} belongs: {}", number(*.expected, *.found))]
    Number {
        /// The next number.
        expected: u64,
        /// Its number.
        found: u64,
    },
    /// It was not written behind the line before it.
    #[error(
        "its prev_hash is not the hash of the line before it: one of the two was put there later, \
         or what stood between them is gone"
    )]
    Link,
    /// A file begins otherwise.
    #[error("a file begins with a line of kind begun: the lines before this one are missing")]
    Start,
}

fn number(expected: u64, found: u64) -> String {
    match found.checked_sub(expected) {
        Some(1) => "the line before it is missing, or stands elsewhere".to_owned(),
        Some(missing) => format!("{missing} lines before it are missing, or stand elsewhere"),
        None => "it stands elsewhere, too, or was put there later".to_owned(),
    }
}
