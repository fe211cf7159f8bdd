//! What is wrong with a configuration, collected: each setting is read by itself, and one that is wrong
//! keeps no other from being read. Nothing here knows which settings there are.

use std::{
    path::{Path, PathBuf},
    time::Duration,
};

use super::flags::{Flags, PEM};
use super::layers::Places;
use super::problem::{Place, Problem};
use super::settings::Setting;
use super::{ADMIN_LISTEN, Listen, Store, values, values::Guard};
use crate::seams::Address;
use crate::tls::{Files, Served, Trust};

const SIZE: &str = "it is a whole number with a unit, such as 500MiB or 10GiB, and at least 16MiB";
const AGE: &str = "it is a whole number with a unit, such as 90m, 12h or 7d, and at most 3650d";
const ON_DAMAGE: &str = "it is set-aside or refuse";
const TIME: &str = "it is a whole number with a unit, such as 500ms, 10s or 1m, and at most 1h";

/// What is said of what a PEM file holds.
pub(super) const KEY: &str =
    "this is a certificate or a key, which is not shown here; write the path of its file";

/// Collects what is wrong. What stands in for a wrong value is never used.
#[derive(Debug)]
pub(super) struct Check {
    settings: Vec<Setting>,
    places: Places,
    pub(super) found: Vec<Problem>,
}

impl Check {
    pub(super) fn new(places: Places) -> Self {
        Self { settings: Setting::all(), places, found: Vec::new() }
    }

    pub(super) fn wrong(&mut self, flag: &'static str, value: &str, what: impl Into<String>) {
        let (mut value, mut what) = (value.to_owned(), what.into());
        if value.contains(PEM) {
            // Where it could be logged is no place for a key.
            value.clear();
            what = KEY.to_owned();
        }
        let place = self.place(flag, &value);
        self.found.push(Problem { flag: flag.to_owned(), place, value, what });
    }

    /// Where a setting's value was given.
    fn place(&self, flag: &str, value: &str) -> Place {
        let setting = self.settings.iter().find(|it| it.flag() == flag);
        let Some(given) = setting.and_then(|it| self.places.get(it.key())) else {
            return Place::Default;
        };
        let item = given.items.iter().find(|(text, _)| text.trim() == value.trim());
        item.map_or(&given.place, |(_, place)| place).clone()
    }

    pub(super) fn defaults(&self, flag: &str) -> Vec<String> {
        let setting = self.settings.iter().find(|it| it.flag() == flag);
        setting.map(Setting::defaults).unwrap_or_default()
    }

    /// One value: of this text, or the default.
    pub(super) fn one<T: Default>(
        &mut self,
        flag: &'static str,
        text: Option<&str>,
        read: impl Fn(&str) -> Option<T>,
        remedy: &str,
    ) -> T {
        let default = || self.defaults(flag).into_iter().next().unwrap_or_default();
        let text = text.map_or_else(default, str::to_owned);
        read(text.trim()).unwrap_or_else(|| {
            self.wrong(flag, &text, remedy);
            T::default()
        })
    }

    pub(super) fn all<T>(
        &mut self,
        flag: &'static str,
        texts: &[String],
        read: impl Fn(&str) -> Option<T>,
        remedy: &str,
    ) -> Vec<T> {
        let mut all = Vec::new();
        for text in texts {
            match read(text.trim()) {
                Some(it) => all.push(it),
                None => self.wrong(flag, text, remedy),
            }
        }
        all
    }

    pub(super) fn time(&mut self, flag: &'static str, text: Option<&str>) -> Duration {
        self.one(flag, text, values::duration, TIME)
    }

    /// Whether four eyes are asked for, which can't be where nobody can be told from anybody.
    pub(super) fn four_eyes(&mut self, text: Option<&str>, shows: bool) -> bool {
        const FLAG: &str = "--four-eyes";
        let asked = self.one(FLAG, text, values::truth, super::TRUTH);
        if asked && !shows {
            let what = "without tokens everybody is the same person, and nobody could decide; name \
                        --auth-keys, --auth-jwks-url or --api-keys";
            self.wrong(FLAG, text.unwrap_or_default(), what);
        }
        asked
    }

    /// The ports for operators, unless there are to be none.
    pub(super) fn admin(&mut self, texts: &[String]) -> Vec<Listen> {
        if let [only] = texts
            && only.trim() == "none"
        {
            return vec![];
        }
        self.listen(ADMIN_LISTEN, texts, Guard::default())
    }

    pub(super) fn assets(&mut self, text: Option<&str>) -> Option<PathBuf> {
        let text = text?;
        let path = PathBuf::from(text);
        if !path.is_dir() {
            self.wrong(
                "--assets",
                text,
                "there is no such directory; name the one that holds index.html",
            );
        }
        Some(path)
    }

    pub(super) fn audit(&mut self, text: Option<&str>) -> Option<PathBuf> {
        let text = text?;
        let path = PathBuf::from(text);
        let parent = path.parent().filter(|it| !it.as_os_str().is_empty());
        let parent = parent.unwrap_or(Path::new("."));
        if path.is_dir() || path.file_name().is_none() || text.contains('\0') {
            self.wrong("--audit", text, "it is no file; name one, such as audit.jsonl");
        } else if !parent.is_dir() {
            let parent = parent.display();
            let what = format!("there is no directory {parent}; make it, with mode 0750");
            self.wrong("--audit", text, what);
        }
        Some(path)
    }

    /// The ports of one door. Of the defaults, all but the first are optional, also where somebody
    /// spells them out: a printed configuration is no other one.
    pub(super) fn listen(
        &mut self,
        flag: &'static str,
        texts: &[String],
        guard: Guard,
    ) -> Vec<Listen> {
        let defaults = self.defaults(flag);
        let texts = if texts.is_empty() { &defaults } else { texts };
        let mut all = Vec::new();
        for (n, text) in texts.iter().enumerate() {
            let optional = n > 0 && *texts == defaults[..];
            match values::address(flag, text.trim(), guard) {
                Ok(address) => all.push(Listen { address, flag, optional }),
                Err(what) => self.wrong(flag, text.trim(), what),
            }
        }
        all
    }

    pub(super) fn distinct<'a>(&mut self, all: impl Iterator<Item = &'a Listen>) {
        let mut seen: Vec<&Address> = Vec::new();
        for Listen { address, flag, .. } in all {
            let any = matches!(address, Address::Tcp(address) if address.port() == 0);
            if seen.contains(&address) && !any {
                let text = address.to_string();
                self.wrong(flag, &text, "it is named twice; give each door its own port");
            }
            seen.push(address);
        }
    }

    pub(super) fn store(&mut self, flags: &Flags) -> Option<Store> {
        let size = self.one("--store-size", flags.store_size.as_deref(), values::size, SIZE);
        let age = self.one("--store-age", flags.store_age.as_deref(), values::age, AGE);
        let what = flags.store_on_damage.as_deref();
        let set_aside = self.one("--store-on-damage", what, values::on_damage, ON_DAMAGE);
        let text = flags.store.as_deref()?;
        let directory = PathBuf::from(text);
        if directory.exists() && !directory.is_dir() {
            self.wrong(
                "--store",
                text,
                "it is no directory; name the one that is to hold the store",
            );
        }
        Some(Store { directory, size, age, set_aside })
    }

    /// The authorities of engines' certificates, which count only where engines speak TLS, and what they
    /// have revoked.
    pub(super) fn client_ca(
        &mut self,
        text: Option<&str>,
        revoked: &[String],
        tls: bool,
    ) -> Option<Trust> {
        const FLAG: &str = "--engine-tls-client-ca";
        const REVOKED: &str = "--engine-tls-client-crl";
        let Some(text) = text else {
            for text in revoked {
                let what = "there are no certificates that could be revoked; name who issues them with \
                            --engine-tls-client-ca";
                self.wrong(REVOKED, text, what);
            }
            return None;
        };
        if !tls {
            let what = "engines show certificates only over TLS; name --engine-tls-cert and \
                        --engine-tls-key";
            self.wrong(FLAG, text, what);
        }
        let lists = revoked.iter().map(|it| PathBuf::from(it.trim())).collect();
        match Trust::of_files(Path::new(text), lists) {
            Ok(trust) => Some(trust),
            Err(fault) => {
                let named = |it: &&String| fault.path().starts_with(it.trim());
                match revoked.iter().find(named).filter(|_| fault.path() != Path::new(text)) {
                    Some(list) => self.wrong(REVOKED, list, fault.to_string()),
                    None => self.wrong(FLAG, text, fault.to_string()),
                }
                None
            }
        }
    }

    /// A door's certificate with its key: both or neither.
    pub(super) fn tls(
        &mut self,
        flags: [&'static str; 2],
        cert: Option<&String>,
        key: Option<&String>,
    ) -> Option<Served> {
        match (cert, key) {
            (None, None) => None,
            (Some(cert), None) => {
                let what = format!("a certificate without its key; name that with {}", flags[1]);
                self.wrong(flags[0], cert, what);
                None
            }
            (None, Some(key)) => {
                let what = format!("a key without its certificate; name that with {}", flags[0]);
                self.wrong(flags[1], key, what);
                None
            }
            (Some(cert), Some(key)) => {
                Served::from_files(Files { certificate: cert.into(), key: key.into() })
                    .map_err(|fault| {
                        let of_cert = fault.path() == Path::new(cert);
                        let (flag, value) =
                            if of_cert { (flags[0], cert) } else { (flags[1], key) };
                        self.wrong(flag, value, fault.to_string());
                    })
                    .ok()
            }
        }
    }
}
