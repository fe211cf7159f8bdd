//! What can be set, read off the flags themselves: so the flag, its variable, its key in a file,
//! `--help` and the documentation are one thing. A new setting is a field of [`Flags`], and a line
//! where it is checked. Nothing here reads a value.

use std::path::Path;

use clap::{Arg, ArgAction, Args as _};

use super::flags::Flags;

/// What begins every variable.
const PREFIX: &str = "FOOTPLATE_";
/// What begins the address of a Unix socket.
pub(super) const SOCKET: &str = "unix:";

/// One setting of `footplate serve`.
#[derive(Debug, Clone)]
pub struct Setting(Arg);

impl Setting {
    /// All of them, in the order of `--help`'s headings.
    pub fn all() -> Vec<Self> {
        let flags = Flags::augment_args(clap::Command::new("settings"));
        flags.get_arguments().cloned().map(Self).collect()
    }

    /// Its key in a file, such as `viewer_listen`.
    pub fn key(&self) -> &str {
        self.0.get_id().as_str()
    }

    /// Its flag: the key with dashes.
    pub fn flag(&self) -> String {
        format!("--{}", self.key().replace('_', "-"))
    }

    /// Its variable: the key in capitals, with a prefix.
    pub fn variable(&self) -> String {
        format!("{PREFIX}{}", self.key().to_ascii_uppercase())
    }

    /// Under which heading it is found.
    pub fn heading(&self) -> &str {
        self.0.get_help_heading().unwrap_or("Others")
    }

    /// What kind of text it takes, such as `FILE`.
    pub fn kind(&self) -> &str {
        self.0.get_value_names().and_then(<[_]>::first).map_or("TEXT", |it| it.as_str())
    }

    /// What it is for.
    pub fn meaning(&self) -> String {
        self.0.get_help().map(ToString::to_string).unwrap_or_default()
    }

    /// What it is when nobody sets it. Empty: nothing.
    pub fn defaults(&self) -> Vec<String> {
        let all = self.0.get_default_values().iter().map(|it| it.to_string_lossy());
        let all = all.flat_map(|it| match self.0.get_value_delimiter() {
            Some(comma) => it.split(comma).map(str::to_owned).collect(),
            None => vec![it.into_owned()],
        });
        all.collect()
    }

    /// Whether it takes several texts.
    pub fn is_list(&self) -> bool {
        matches!(self.0.get_action(), ArgAction::Append)
    }

    /// The text with its path, if it is one or holds one, seen from a directory.
    pub(super) fn seen_from(&self, directory: &Path, text: &str) -> String {
        let (before, path) = match text.strip_prefix(SOCKET) {
            Some(path) => (SOCKET, path),
            None if ["FILE", "DIR"].contains(&self.kind()) => ("", text),
            None => return text.to_owned(),
        };
        if path.is_empty() {
            return text.to_owned();
        }
        format!("{before}{}", directory.join(path).display())
    }
}
