//! Flags over variables over a file: what is given where, and who wins. Whether it makes sense is
//! judged later, on what is in effect.

use std::{collections::BTreeMap, ffi::OsString, path::PathBuf};

use clap::builder::{OsStr, Resettable};
use clap::parser::ValueSource;
use clap::{ArgMatches, Args as _, Command, FromArgMatches as _};

use super::check::KEY;
use super::file::{self, CONFIG, File};
use super::flags::{Flags, Layered, PEM};
use super::problem::{Place, Problem};
use super::settings::Setting;
use super::{Config, print};

/// Variables by name.
pub(super) type Variables = BTreeMap<OsString, OsString>;
/// What is given, by key.
pub(super) type Places = BTreeMap<String, Given>;

/// What is given for one setting.
#[derive(Debug, Clone)]
pub(super) struct Given {
    /// Where.
    pub(super) place: Place,
    /// Each text, and its own place.
    pub(super) items: Vec<(String, Place)>,
}

/// The settings in effect, not yet judged.
#[derive(Debug)]
pub(super) struct Layers {
    flags: Flags,
    /// The same, by key.
    texts: ArgMatches,
    places: Places,
    problems: Vec<Problem>,
    unread: Vec<String>,
}

impl Layers {
    /// Puts the layers on one another.
    ///
    /// # Errors
    /// A text that a setting can't take as a text; there is none as long as all settings are texts.
    pub(super) fn read(
        layered: &Layered,
        typed: &ArgMatches,
        variables: &Variables,
    ) -> Result<Self, clap::Error> {
        let File { mut given, mut problems, mut unread } = match named(layered, variables) {
            Some((path, place)) => file::read(&path, place),
            None => File::default(),
        };
        let mut places = Places::new();
        let mut line = Vec::new();
        for setting in Setting::all() {
            let by_file = given.remove(setting.key()).map(Ok);
            let over = by_flag(&setting, typed).map(Ok);
            let over = over.or_else(|| by_variable(&setting, variables));
            if over.is_some() {
                unread.retain(|flag| *flag != setting.flag());
            }
            let given = match over.or(by_file) {
                Some(Ok(given)) => given,
                Some(Err(place)) => {
                    unread.push(setting.flag());
                    let what = "it is not UTF-8; write it in UTF-8, or unset it".to_owned();
                    let (flag, value) = (setting.flag(), String::new());
                    problems.push(Problem { flag, place, value, what });
                    continue;
                }
                None => continue,
            };
            // Whatever the setting: what is taken is printed, and may be logged.
            if let Some((_, place)) = given.items.iter().find(|(text, _)| text.contains(PEM)) {
                unread.push(setting.flag());
                let (flag, place) = (setting.flag(), place.clone());
                problems.push(Problem { flag, place, value: String::new(), what: KEY.to_owned() });
                continue;
            }
            line.extend(given.items.iter().map(|(text, _)| format!("{}={text}", setting.flag())));
            places.insert(setting.key().to_owned(), given);
        }
        // What is in effect is a command line again, which is read as any other.
        let command = Command::new("settings").no_binary_name(true);
        let command =
            Flags::augment_args(command).mut_args(|arg| arg.env(Resettable::<OsStr>::Reset));
        let texts = command.try_get_matches_from(line)?;
        let flags = Flags::from_arg_matches(&texts)?;
        Ok(Self { flags, texts, places, problems, unread })
    }

    /// Judges them, reading the files that they name.
    ///
    /// # Errors
    /// Everything that is wrong, in the file first.
    pub(super) fn check(self) -> Result<Config, Vec<Problem>> {
        let Self { flags, places, mut problems, unread, .. } = self;
        let judged = flags.judge(places);
        // What can't be read is told already; what its absence would mean is no fault of its own.
        let follows =
            |it: &Problem| unread.iter().any(|flag| it.flag == *flag || it.what.contains(flag));
        match judged {
            Ok(config) if problems.is_empty() => return Ok(config),
            Ok(_) => {}
            Err(more) => problems.extend(more.into_iter().filter(|it| !follows(it))),
        }
        Err(problems)
    }

    /// They, as a file that says where each comes from.
    pub(super) fn to_toml(&self) -> String {
        // Whoever uses it may be elsewhere.
        let directory = std::env::current_dir().unwrap_or_default();
        let mut text = String::new();
        for setting in Setting::all() {
            let items = self.texts.get_raw(setting.key()).into_iter().flatten();
            let items: Vec<_> =
                items.map(|it| setting.seen_from(&directory, &it.to_string_lossy())).collect();
            let place = self.places.get(setting.key()).map_or(&Place::Default, |it| &it.place);
            text += &print::line(&setting, &items, place);
        }
        text
    }
}

/// The file, and where it is named. It is no setting: a file names no other.
fn named(layered: &Layered, variables: &Variables) -> Option<(PathBuf, Place)> {
    if let Some(path) = &layered.config {
        return Some((path.clone(), Place::Flag));
    }
    let name = format!("FOOTPLATE_{}", CONFIG.trim_start_matches('-').to_uppercase());
    let path = variables.get(&OsString::from(&name)).filter(|it| !it.is_empty())?;
    Some((path.into(), Place::Variable(name)))
}

fn by_flag(setting: &Setting, typed: &ArgMatches) -> Option<Given> {
    if typed.value_source(setting.key()) != Some(ValueSource::CommandLine) {
        return None;
    }
    let texts = typed.get_raw(setting.key())?;
    let items = texts.map(|it| (it.to_string_lossy().into_owned(), Place::Flag)).collect();
    Some(Given { place: Place::Flag, items })
}

/// What the variable says, or where it stands if it is no text.
fn by_variable(setting: &Setting, variables: &Variables) -> Option<Result<Given, Place>> {
    let name = setting.variable();
    let text = variables.get(&OsString::from(&name)).filter(|it| !it.is_empty())?;
    let place = Place::Variable(name);
    Some(match text.to_str() {
        Some(text) => {
            let items = vec![(text.to_owned(), place.clone())];
            Ok(Given { place, items })
        }
        None => Err(place),
    })
}
