//! The file with settings: TOML, one level deep, walked by hand so that everything that is wrong in
//! it is told at once, each with its line and column. No value is judged here, and none is shown: what
//! stands under an unknown key may be a secret.

use std::{
    fs::File as Opened,
    io::{self, Read as _},
    path::{Path, PathBuf},
};

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::flags::PEM;
use super::layers::{Given, Places};
use super::problem::{Place, Problem, Spot};
use super::settings::Setting;

/// What stands for a file among the flags.
pub(super) const CONFIG: &str = "--config";
/// No file that a person writes is longer, in bytes.
const LONGEST: u64 = 1 << 20;
/// No key that is longer is a slip of the pen.
const LONGEST_SLIP: usize = 40;

/// Why a file can't be read at all.
#[derive(Debug, thiserror::Error)]
enum Fault {
    #[error("it does not exist; name a TOML file, or none")]
    Missing,
    #[error("it is a directory; name the TOML file in it")]
    Directory,
    #[error("it can't be read ({0}); let the user that the relay runs as read it")]
    Unreadable(io::Error),
    #[error("it is longer than {} bytes; is it the right file?", LONGEST)]
    TooLong,
}

/// What a file says.
#[derive(Debug, Default)]
pub(super) struct File {
    /// The settings that it gives.
    pub(super) given: Places,
    /// What is wrong with it.
    pub(super) problems: Vec<Problem>,
    /// The flags of what it may give, but nobody can tell.
    pub(super) unread: Vec<String>,
}

/// Reads a file, and takes in it what is there to be taken.
pub(super) fn read(path: &Path, named_by: Place) -> File {
    let settings = Setting::all();
    let unread = || settings.iter().map(Setting::flag).collect();
    let bytes = match bytes(path) {
        Ok(bytes) => bytes,
        Err(fault) => {
            let shown = path.display().to_string();
            // A key where its path is wanted.
            let value = if shown.contains(PEM) { String::new() } else { shown };
            let flag = CONFIG.to_owned();
            let problem = Problem { flag, place: named_by, value, what: fault.to_string() };
            return File { problems: vec![problem], unread: unread(), given: Places::new() };
        }
    };
    let (text, broken) = match std::str::from_utf8(&bytes) {
        Ok(text) => (text, None),
        Err(err) => {
            let (read, _) = bytes.split_at(err.valid_up_to());
            (std::str::from_utf8(read).unwrap_or_default(), Some(err.valid_up_to()))
        }
    };
    let mut walk = Walk { path, text, file: File::default() };
    if let Some(at) = broken {
        walk.wrong(at, None, "what stands here is not UTF-8; save the file as UTF-8".to_owned());
        walk.file.unread = unread();
        return walk.file;
    }
    let (table, faults) = DeTable::parse_recoverable(text);
    // Whatever follows the first fault may follow from it.
    if let Some(fault) = faults.iter().find(|it| it.message() != TWICE) {
        let at = fault.span().map_or(text.len(), |it| it.start);
        let what =
            format!("it is no TOML here ({}); mend it, or see https://toml.io", fault.message());
        walk.wrong(at, None, what);
        walk.file.unread = unread();
        return walk.file;
    }
    for span in faults.iter().filter_map(toml::de::Error::span) {
        let key = text.get(span.clone()).unwrap_or_default().trim_matches(['"', '\'']);
        walk.wrong(span.start, Some(key), "the key is given twice; leave one of them".to_owned());
    }
    walk.table(table.get_ref(), &settings);
    walk.file
}

/// What the parser calls a key that is given twice.
const TWICE: &str = "duplicate key";

fn bytes(path: &Path) -> Result<Vec<u8>, Fault> {
    let mut bytes = Vec::new();
    let read = Opened::open(path).and_then(|it| it.take(LONGEST + 1).read_to_end(&mut bytes));
    match read {
        Ok(_) if bytes.len() as u64 > LONGEST => Err(Fault::TooLong),
        Ok(_) => Ok(bytes),
        Err(_) if path.is_dir() => Err(Fault::Directory),
        Err(err) if err.kind() == io::ErrorKind::NotFound => Err(Fault::Missing),
        Err(err) => Err(Fault::Unreadable(err)),
    }
}

struct Walk<'a> {
    path: &'a Path,
    text: &'a str,
    file: File,
}

impl Walk<'_> {
    fn table(&mut self, table: &DeTable<'_>, settings: &[Setting]) {
        let mut entries: Vec<_> = table.iter().collect();
        entries.sort_by_key(|(key, _)| key.span().start);
        for (key, value) in entries {
            let name: &str = key.get_ref();
            let Some(setting) = settings.iter().find(|it| it.key() == name) else {
                let what = unknown(name, value.get_ref(), settings);
                self.wrong(key.span().start, Some(name), what);
                continue;
            };
            let list = value.get_ref().as_array().filter(|_| setting.is_list());
            let items = list.map_or(std::slice::from_ref(value), |it| &it[..]);
            let texts: Vec<_> = items.iter().filter_map(|it| self.text(setting, it)).collect();
            if items.is_empty() && !setting.defaults().is_empty() {
                let what = "the list is empty; leave the key out for the default".to_owned();
                self.wrong(value.span().start, Some(name), what);
            } else if texts.is_empty() && !items.is_empty() {
                self.file.unread.push(setting.flag());
            } else {
                let place = Place::File(self.spot(value.span().start, Some(name)));
                self.file.given.insert(name.to_owned(), Given { place, items: texts });
            }
        }
    }

    /// A text and its place, if it is one.
    fn text(&mut self, setting: &Setting, value: &Spanned<DeValue<'_>>) -> Option<(String, Place)> {
        let (at, key) = (value.span().start, Some(setting.key()));
        let DeValue::String(text) = value.get_ref() else {
            self.wrong(at, key, mistyped(setting, value.get_ref()));
            return None;
        };
        // Paths are seen from where the file is, whatever the process's directory.
        let directory = self.path.parent().unwrap_or(Path::new(""));
        Some((setting.seen_from(directory, text), Place::File(self.spot(at, key))))
    }

    fn spot(&self, at: usize, key: Option<&str>) -> Spot {
        let before = self.text.get(..at).unwrap_or(self.text);
        let line = before.rsplit('\n').next().unwrap_or_default();
        Spot {
            path: PathBuf::from(self.path),
            line: before.matches('\n').count() + 1,
            column: line.chars().count() + 1,
            key: key.map(str::to_owned),
        }
    }

    fn wrong(&mut self, at: usize, key: Option<&str>, what: String) {
        // A quote too many, and what was meant as a value is part of a key.
        let plain = |it: &&str| it.len() <= LONGEST_SLIP && !it.contains(|c| !is_bare(c));
        let place = Place::File(self.spot(at, key.filter(plain)));
        self.file.problems.push(Problem {
            flag: CONFIG.to_owned(),
            place,
            value: String::new(),
            what,
        });
    }
}

/// Whether a key may hold it without quotes.
fn is_bare(c: char) -> bool {
    c.is_ascii_alphanumeric() || "-_".contains(c)
}

fn mistyped(setting: &Setting, value: &DeValue<'_>) -> String {
    let wanted = if setting.is_list() { "a string or a list of strings" } else { "a string" };
    let found = match value {
        DeValue::Array(_) => "a list",
        DeValue::Table(_) => "a table",
        DeValue::Integer(_) | DeValue::Float(_) => "a number",
        DeValue::Boolean(_) => "a boolean",
        DeValue::Datetime(_) | DeValue::String(_) => "a date",
    };
    let key = setting.key();
    let example = setting.defaults().into_iter().next().unwrap_or("…".to_owned());
    format!("{found} stands where {wanted} is wanted; write it like {key} = \"{example}\"")
}

/// What to say of a key that is none. Tables are looked into for names alone.
fn unknown(key: &str, value: &DeValue<'_>, settings: &[Setting]) -> String {
    let inside = value.as_table().and_then(|table| table.keys().next());
    let inside = inside.map(|inner| format!("{key}_{}", inner.get_ref()));
    let flat = if inside.is_some() { ", and settings stand in no table" } else { "" };
    match nearest(inside.as_deref().unwrap_or(key), settings) {
        Some(near) => format!("there is no such setting{flat}; is it {near} that is meant?"),
        None => format!("there is no such setting{flat}; `footplate serve --help` lists all"),
    }
}

/// The key that was meant, if it differs by a slip of the pen.
fn nearest<'a>(key: &str, settings: &'a [Setting]) -> Option<&'a str> {
    if key.chars().count() > LONGEST_SLIP {
        return None;
    }
    let key = key.replace(['-', '.'], "_").to_lowercase();
    let distances = settings.iter().map(|it| (distance(&key, it.key()), it.key()));
    let (distance, near) = distances.min()?;
    (distance <= near.len() / 4 + 1).then_some(near)
}

/// How many characters have to be added, taken away or changed.
fn distance(one: &str, other: &str) -> usize {
    let mut row: Vec<usize> = (0..=other.chars().count()).collect();
    for (i, a) in one.chars().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, b) in other.chars().enumerate() {
            let changed = diagonal + usize::from(a != b);
            diagonal = row[j + 1];
            row[j + 1] = changed.min(row[j] + 1).min(diagonal + 1);
        }
    }
    row[other.chars().count()]
}
