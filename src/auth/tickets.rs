//! Tickets: what a page shows in a WebSocket's address, where it can put no header, in place of its
//! token. Each is good once and for half a minute, for the page that it was given to; what is kept of it
//! is its digest.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use rustls::crypto::SecureRandom;
use rustls::crypto::aws_lc_rs::default_provider;
use sha2::{Digest, Sha256};

use super::pass::Pass;
use super::reason::Reason;
use crate::model::{Text, Timestamp};

/// How long one is good.
pub const LIFE: Duration = Duration::from_secs(30);
/// How many there may be at once, and of one person.
const MOST: usize = 10_000;
const MOST_OF_ONE: usize = 64;

/// A ticket. It is shown to its holder and to nobody else.
#[derive(Clone, PartialEq, Eq)]
pub struct Ticket(String);

impl Ticket {
    /// For its holder.
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Ticket {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Ticket")
    }
}

/// Those that have been given and not been shown yet.
#[derive(Debug)]
pub struct Tickets {
    random: &'static dyn SecureRandom,
    given: Mutex<BTreeMap<[u8; 32], Given>>,
}

#[derive(Debug)]
struct Given {
    pass: Pass,
    origin: Option<Text>,
    until: Timestamp,
}

impl Default for Tickets {
    fn default() -> Self {
        Self { random: default_provider().secure_random, given: Mutex::default() }
    }
}

impl Tickets {
    /// A ticket for the holder of `pass`, on a page of `origin`.
    ///
    /// # Errors
    /// There are too many that nobody has shown.
    pub fn give(
        &self,
        pass: &Pass,
        origin: Option<&str>,
        now: Timestamp,
    ) -> Result<Ticket, Reason> {
        let mut bytes = [0; 16];
        self.random.fill(&mut bytes).map_err(|_| Reason::Crowded)?;
        let ticket = Ticket(URL_SAFE_NO_PAD.encode(bytes));
        let mut given = self.given.lock().unwrap_or_else(PoisonError::into_inner);
        given.retain(|_, it| now < it.until);
        let theirs = given.values().filter(|it| it.pass.is_same_person(pass)).count();
        if MOST <= given.len() || MOST_OF_ONE <= theirs {
            return Err(Reason::Crowded);
        }
        let it =
            Given { pass: pass.clone(), origin: origin.map(Text::from), until: now.after(LIFE) };
        given.insert(digest(ticket.reveal()), it);
        Ok(ticket)
    }

    /// Whose it was; it is nobody's from now on. Of two who show it at once one is told so.
    ///
    /// # Errors
    /// It is nobody's, or another page's.
    pub fn redeem(
        &self,
        ticket: &str,
        origin: Option<&str>,
        now: Timestamp,
    ) -> Result<Pass, Reason> {
        // What is looked up is a digest, so how long that takes says nothing about a ticket.
        let digest = digest(ticket);
        let given = self.given.lock().unwrap_or_else(PoisonError::into_inner).remove(&digest);
        let Given { pass, origin: theirs, until } = given.ok_or(Reason::Ticket)?;
        if until <= now || theirs.as_deref() != origin {
            return Err(Reason::Ticket);
        }
        if pass.is_over(now) { Err(Reason::Expired) } else { Ok(pass) }
    }

    /// How many are kept.
    pub fn len(&self) -> usize {
        self.given.lock().unwrap_or_else(PoisonError::into_inner).len()
    }

    /// Whether none is.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

fn digest(ticket: &str) -> [u8; 32] {
    Sha256::digest(ticket.as_bytes()).into()
}
