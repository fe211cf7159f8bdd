//! What no longer counts although it has not expired: a file with a line for each token, person or
//! session, or for everything that was issued before a moment.

use std::collections::BTreeSet;
use std::path::Path;

use super::file::{self, Unreadable, lines};
use super::pass::Pass;
use crate::model::{Text, Timestamp};

/// Lines in one file.
const MOST: usize = 16_384;

/// What is revoked.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Revoked {
    tokens: BTreeSet<Text>,
    subjects: BTreeSet<Text>,
    sessions: BTreeSet<Text>,
    before: Option<Timestamp>,
}

/// Why a file does not say what is.
#[derive(Debug, thiserror::Error)]
#[expect(missing_docs, reason = "the messages say it")]
pub enum BadRevoked {
    #[error("{0}")]
    Unreadable(#[from] Unreadable),
    #[error(
        "line {0} is none of `jti NAME`, `sub NAME`, `sid NAME` and `issued-before SECONDS`, in seconds \
         since 1970"
    )]
    Line(usize),
    #[error("it has more than {MOST} lines")]
    TooMany,
    #[error("it is not UTF-8")]
    NotText,
}

impl Revoked {
    /// What a file says.
    ///
    /// # Errors
    /// The first line that says nothing.
    pub fn read(path: &Path) -> Result<Self, BadRevoked> {
        let bytes = file::secret(path)?;
        Self::of(std::str::from_utf8(&bytes).map_err(|_| BadRevoked::NotText)?)
    }

    /// What such a file's text says.
    ///
    /// # Errors
    /// As above.
    pub fn of(text: &str) -> Result<Self, BadRevoked> {
        let mut revoked = Self::default();
        for (at, (n, words)) in lines(text).enumerate() {
            if at == MOST {
                return Err(BadRevoked::TooMany);
            }
            let ([what, name] | [what, name, ..]) = words[..] else {
                return Err(BadRevoked::Line(n));
            };
            if words.len() != 2 {
                return Err(BadRevoked::Line(n));
            }
            match what {
                "jti" => drop(revoked.tokens.insert(name.into())),
                "sub" => drop(revoked.subjects.insert(name.into())),
                "sid" => drop(revoked.sessions.insert(name.into())),
                "issued-before" => {
                    let seconds: u32 = name.parse().map_err(|_| BadRevoked::Line(n))?;
                    let at = Timestamp(i64::from(seconds) * 1_000_000);
                    revoked.before = revoked.before.max(Some(at));
                }
                _ => return Err(BadRevoked::Line(n)),
            }
        }
        Ok(revoked)
    }

    /// Whether a pass is. A token that does not say when it was issued may have been before.
    pub fn has(&self, pass: &Pass) -> bool {
        let (marks, in_set) = (&pass.marks, |set: &BTreeSet<Text>, name: &Option<Text>| {
            name.as_ref().is_some_and(|name| set.contains(name))
        });
        let early = self.before.is_some_and(|before| {
            marks.secret.is_none() && marks.issued.is_none_or(|issued| issued < before)
        });
        early
            || self.subjects.contains(&pass.principal.subject)
            || in_set(&self.tokens, &marks.token)
            || in_set(&self.sessions, &marks.session)
    }
}
