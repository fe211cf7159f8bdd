//! What is wrong with a configuration, and where it stands. Whatever may be a secret is not in it.

use std::fmt::{self, Write as _};
use std::path::PathBuf;

/// Where a value comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Place {
    /// Nobody gave one.
    Default,
    /// Its flag.
    Flag,
    /// The variable of this name.
    Variable(String),
    /// A place in a file.
    File(Spot),
}

/// A place in a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Spot {
    /// The file, as it was named.
    pub path: PathBuf,
    /// From 1.
    pub line: usize,
    /// In characters, from 1.
    pub column: usize,
    /// The key that stands there, if the file could be read so far.
    pub key: Option<String>,
}

/// One thing that is wrong with the configuration.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// The flag of the setting; `--config` for what concerns a file as such.
    pub flag: String,
    /// Where it was given.
    pub place: Place,
    /// What was given. Empty: it is not to be shown.
    pub value: String,
    /// What is wrong with it, and what to do.
    pub what: String,
}

impl fmt::Display for Spot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { path, line, column, key } = self;
        let path = path.to_string_lossy();
        write!(f, "{}:{line}:{column}", path.escape_debug())?;
        key.iter().try_for_each(|key| write!(f, " {}", key.escape_debug()))
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.place {
            Place::Default | Place::Flag => write!(f, "{}", self.flag)?,
            Place::Variable(name) => write!(f, "{name}")?,
            Place::File(spot) => write!(f, "{spot}")?,
        }
        if !self.value.is_empty() {
            write!(f, " {}", self.value.escape_debug())?;
        }
        f.write_str(": ")?;
        // It may name a path, which may hold anything; a quotation mark is none of that.
        self.what.chars().try_for_each(|it| match it {
            '\'' | '"' | '\\' => f.write_char(it),
            it => write!(f, "{}", it.escape_debug()),
        })
    }
}
