//! Whether a file is what was written: read once from its beginning, in constant memory. It must
//! believe nothing that it has not hashed.

use std::io::{self, BufRead};

use serde::Deserialize;

use super::chain::{Chain, Digest, Flaw};
use super::file;

/// A chain that is checked, line by line, over as many files as it goes on in.
#[derive(Debug)]
pub struct Verifier {
    chain: Option<Chain>,
    wanted: Option<Digest>,
    checked: Checked,
}

/// What has been found to be right.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Checked {
    /// How many lines.
    pub lines: u64,
    /// What the first line says when it was written; `None`: there is none.
    pub first_time: Option<String>,
    /// What the last one says.
    pub last_time: Option<String>,
    /// The hash of the last line.
    pub head: Digest,
    /// The hash before the first line, where this is not the chain's beginning.
    pub continues: Option<Digest>,
    /// How many lines there are from the first to the one with the hash that was asked for.
    pub found: Option<u64>,
}

/// Why a file is not what was written.
#[derive(Debug, thiserror::Error)]
pub enum Bad {
    /// It can't be read.
    #[error("it can't be read: {0}")]
    Unreadable(#[from] io::Error),
    /// This is the first line that is wrong; the lines of this file are counted from 1.
    #[error("line {number}: {flaw}")]
    Line {
        /// Which.
        number: u64,
        /// What is wrong with it.
        flaw: Flaw,
    },
    /// There is nothing to check.
    #[error("there is no line in it")]
    Empty,
}

impl Verifier {
    /// Looks for a line with the hash `wanted`, too.
    pub fn new(wanted: Option<Digest>) -> Self {
        let checked = Checked {
            lines: 0,
            first_time: None,
            last_time: None,
            head: Digest::NONE,
            continues: None,
            found: None,
        };
        Self { chain: None, wanted, checked }
    }

    /// Checks a file; a further one has to be what the one before it goes on in. `progress` hears
    /// of each line how many bytes it has.
    ///
    /// # Errors
    /// The first line that is wrong.
    pub fn file(
        &mut self,
        mut file: impl BufRead,
        mut progress: impl FnMut(usize),
    ) -> Result<(), Bad> {
        let (mut line, mut last, mut number) = (Vec::new(), Vec::new(), 0);
        while file::next(&mut file, &mut line)? {
            number += 1;
            self.line(&line, number == 1).map_err(|flaw| Bad::Line { number, flaw })?;
            progress(line.len());
            std::mem::swap(&mut line, &mut last);
        }
        if number == 0 {
            return Err(Bad::Empty);
        }
        self.checked.last_time = read(&last).map(|it| it.time.to_owned());
        Ok(())
    }

    fn line(&mut self, line: &[u8], first: bool) -> Result<(), Flaw> {
        let next = Chain::follow(self.chain, line)?;
        if first {
            self.begin(line)?;
        }
        self.chain = Some(next);
        self.checked.lines += 1;
        self.checked.head = next.head;
        if self.wanted == Some(next.head) {
            self.checked.found = Some(self.checked.lines);
        }
        Ok(())
    }

    /// The first line of a file: nothing of it may be missing.
    fn begin(&mut self, line: &[u8]) -> Result<(), Flaw> {
        let said = read(line).filter(|it| it.kind == "begun").ok_or(Flaw::Start)?;
        if self.chain.is_none() {
            let before = said.prev_hash.parse().map_err(|()| Flaw::Foreign)?;
            self.checked.continues = Some(before).filter(|it| *it != Digest::NONE);
            self.checked.first_time = Some(said.time.to_owned());
            if self.checked.continues.is_some() && self.wanted == self.checked.continues {
                self.checked.found = Some(0);
            }
        }
        Ok(())
    }

    /// What has been found.
    pub fn checked(&self) -> &Checked {
        &self.checked
    }
}

/// What is looked at in a line that has been checked.
#[derive(Debug, Deserialize)]
struct Said<'a> {
    prev_hash: &'a str,
    time: &'a str,
    kind: &'a str,
}

fn read(line: &[u8]) -> Option<Said<'_>> {
    serde_json::from_slice(line).ok()
}
