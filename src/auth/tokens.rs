//! All that a door may be shown, looked up: tokens of the issuer, API keys, tickets. What was looked up
//! once is looked up again when a file changes. Whoever shows something that does not count hears no
//! reason; the log has it, but not what was shown.

use std::fmt;
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::time::Duration;

use arc_swap::ArcSwap;
use tracing::{info, warn};

use super::api_keys::{ApiKeys, BadKeys};
use super::issuer::Profile;
use super::jwks::Jwks;
use super::jwt::{self, Token};
use super::keys::{BadKey, KeySet};
use super::pass::Pass;
use super::reason::Reason;
use super::revoked::{BadRevoked, Revoked};
use super::tickets::{Ticket, Tickets};
use super::verifier::{Invalid, Promise, Verifier};
use crate::json::tree::Value;
use crate::model::Timestamp;

/// The log tells of each reason once in this time, and how often it was.
const QUIET: Duration = Duration::from_secs(10);

/// What is known beforehand. What is not configured is nobody's.
#[derive(Debug, Default)]
pub struct Setup {
    /// What the issuer's tokens say.
    pub profile: Profile,
    /// Files of keys.
    pub keys: Vec<PathBuf>,
    /// The keys that the issuer publishes.
    pub jwks: Option<Arc<Jwks>>,
    /// The file of API keys.
    pub api_keys: Option<PathBuf>,
    /// The file of what is revoked.
    pub revoked: Option<PathBuf>,
}

impl Setup {
    /// What the files look like. It blocks.
    pub fn print(&self) -> Print {
        let Self { keys, api_keys, revoked, .. } = self;
        let seen = |path: &PathBuf| {
            let it = fs::metadata(path).ok()?;
            Some((it.mtime(), it.mtime_nsec(), it.size(), it.ino()))
        };
        keys.iter().chain(api_keys).chain(revoked).map(seen).collect()
    }
}

/// A file that can't be used.
#[derive(Debug, thiserror::Error)]
#[expect(missing_docs, reason = "the messages say it")]
pub enum Fault {
    #[error("{path}: {err}", path = .0.display(), err = .1)]
    Key(PathBuf, BadKey),
    #[error("{path}: {err}", path = .0.display(), err = .1)]
    ApiKeys(PathBuf, BadKeys),
    #[error("{path}: {err}", path = .0.display(), err = .1)]
    Revoked(PathBuf, BadRevoked),
}

/// All that counts.
pub struct Tokens {
    setup: Setup,
    keys: ArcSwap<KeySet>,
    api_keys: ArcSwap<ApiKeys>,
    revoked: ArcSwap<Revoked>,
    tickets: Tickets,
    told: [Told; Reason::ALL.len()],
    /// Hears of each refusal.
    refused: Box<dyn Fn(Reason) + Send + Sync>,
}

/// When the log told of a reason, and how often it has come up since.
#[derive(Debug, Default)]
struct Told {
    at: AtomicI64,
    since: AtomicU64,
}

/// What a file looked like: equal where nothing has changed.
pub type Print = Vec<Option<(i64, i64, u64, u64)>>;

impl fmt::Debug for Tokens {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tokens").finish_non_exhaustive()
    }
}

impl Tokens {
    /// Reads the files. `refused` hears of each refusal.
    ///
    /// # Errors
    /// The first file that can't be used.
    pub fn open(
        setup: Setup,
        refused: impl Fn(Reason) + Send + Sync + 'static,
    ) -> Result<Self, Fault> {
        let it = Self {
            setup,
            keys: ArcSwap::default(),
            api_keys: ArcSwap::default(),
            revoked: ArcSwap::default(),
            tickets: Tickets::default(),
            told: Default::default(),
            refused: Box::new(refused),
        };
        it.read_keys()?;
        it.read_api_keys()?;
        it.read_revoked()?;
        Ok(it)
    }

    /// What the files look like. It blocks.
    pub fn print(&self) -> Print {
        self.setup.print()
    }

    /// Reads the files again. What can't be used leaves what was there, and stands in the log. It
    /// blocks.
    pub fn reload(&self) {
        for done in [self.read_keys(), self.read_api_keys(), self.read_revoked()] {
            if let Err(fault) = done {
                warn!("the new contents can't be used, and the old ones still count: {fault}");
            }
        }
        info!("keys and revocations are read again");
    }

    fn read_keys(&self) -> Result<(), Fault> {
        let mut all = KeySet::default();
        for path in &self.setup.keys {
            let keys = KeySet::of_file(path).map_err(|err| Fault::Key(path.clone(), err))?;
            all = all.with(keys);
        }
        self.keys.store(Arc::new(all));
        Ok(())
    }

    fn read_api_keys(&self) -> Result<(), Fault> {
        let Some(path) = &self.setup.api_keys else { return Ok(()) };
        let fault = |err| Fault::ApiKeys(path.clone(), err);
        self.api_keys.store(Arc::new(ApiKeys::read(path).map_err(fault)?));
        Ok(())
    }

    fn read_revoked(&self) -> Result<(), Fault> {
        let Some(path) = &self.setup.revoked else { return Ok(()) };
        let fault = |err| Fault::Revoked(path.clone(), err);
        self.revoked.store(Arc::new(Revoked::read(path).map_err(fault)?));
        Ok(())
    }

    /// Whose it is.
    fn whose(&self, shown: &str, now: Timestamp) -> Result<Pass, Reason> {
        if jwt::LONGEST < shown.len() {
            return Err(Reason::TooLong);
        }
        let pass = if shown.contains('.') {
            self.holder(shown, now)?
        } else {
            self.api_keys.load().whose(shown).ok_or(Reason::UnknownSecret)?
        };
        if self.revoked.load().has(&pass) { Err(Reason::Revoked) } else { Ok(pass) }
    }

    fn holder(&self, token: &str, now: Timestamp) -> Result<Pass, Reason> {
        let token = Token::read(token)?;
        let (files, kid) = (self.keys.load(), token.kid.as_deref());
        let published = self.setup.jwks.as_ref().and_then(|it| it.keys());
        let published = published.iter().flat_map(|it| it.candidates(token.alg, kid));
        let mut wrong = Reason::UnknownKey;
        for key in files.candidates(token.alg, kid).into_iter().chain(published) {
            match token.verified(key) {
                Ok(json) => {
                    let claims = Value::read(&json).map_err(|_| Reason::Claims)?;
                    return self.setup.profile.admit(token.typ.as_deref(), &claims, now);
                }
                Err(reason) => wrong = reason,
            }
        }
        Err(wrong)
    }

    /// Notes a refusal, and makes of it what may be said of it.
    fn refuse(&self, reason: Reason, now: Timestamp) -> Invalid {
        (self.refused)(reason);
        let at = Reason::ALL.iter().position(|it| *it == reason).unwrap_or(0);
        let told = &self.told[at];
        let times = told.since.fetch_add(1, Ordering::Relaxed) + 1;
        let last = told.at.load(Ordering::Relaxed);
        let due = last == 0 || QUIET <= Timestamp(last).until(now) || now.0 < last;
        // Of several that find it due one tells.
        let tells = due
            && told
                .at
                .compare_exchange(last, now.0.max(1), Ordering::Relaxed, Ordering::Relaxed)
                .is_ok();
        if tells {
            told.since.fetch_sub(times, Ordering::Relaxed);
            let (reason, why) = (reason.word(), reason.sentence());
            warn!(reason, times, "what was shown does not count: {why}");
        }
        reason.into()
    }
}

impl Verifier for Tokens {
    fn verify(&self, token: &str, _: bool, now: Timestamp) -> Result<Pass, Invalid> {
        self.whose(token, now).map_err(|reason| self.refuse(reason, now))
    }

    fn prepare(&self, token: &str, _: Timestamp) -> Option<Promise> {
        let jwks = self.setup.jwks.as_ref()?;
        let token = Token::read(token).ok()?;
        let kid = token.kid.as_deref();
        // What a file has need not be fetched.
        if kid.is_some_and(|kid| self.keys.load().knows(kid)) { None } else { jwks.prepare(kid) }
    }

    fn unshown(&self, _: bool) -> Option<Pass> {
        None
    }

    fn stands(&self, pass: &Pass) -> bool {
        self.api_keys.load().stands(pass) && !self.revoked.load().has(pass)
    }

    fn ticket(&self, pass: &Pass, origin: Option<&str>, now: Timestamp) -> Result<Ticket, Invalid> {
        self.tickets.give(pass, origin, now).map_err(|reason| self.refuse(reason, now))
    }

    fn redeem(&self, ticket: &str, origin: Option<&str>, now: Timestamp) -> Result<Pass, Invalid> {
        let redeemed = self.tickets.redeem(ticket, origin, now);
        let stands = |pass: Pass| if self.stands(&pass) { Ok(pass) } else { Err(Reason::Revoked) };
        redeemed.and_then(stands).map_err(|reason| self.refuse(reason, now))
    }
}

impl Fault {
    /// The file that can't be used.
    pub fn path(&self) -> &Path {
        match self {
            Self::Key(path, _) | Self::ApiKeys(path, _) | Self::Revoked(path, _) => path,
        }
    }
}
