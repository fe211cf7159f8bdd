//! Keys for engines and scripts, which have no issuer to ask: a file with a line for each, in which only
//! the key's digest stands. A key that is made by a machine has enough chance in it for that.

use std::hint::black_box;
use std::path::Path;
use std::sync::Arc;

use sha2::{Digest, Sha256};

use super::file::{self, Unreadable, lines};
use super::issuer::{roles, shown, tenant_of};
use super::pass::{Marks, Pass, Pattern, Sight};
use crate::model::{Principal, Role};

/// The shortest key that is looked for, in bytes.
const SHORTEST: usize = 16;
/// Keys in one file.
const MOST: usize = 1_024;
/// What stands where there is nothing to say.
const ANY: &str = "*";

/// The keys that there are.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ApiKeys(Vec<([u8; 32], Pass)>);

/// Why a file holds none.
#[derive(Debug, thiserror::Error)]
#[expect(missing_docs, reason = "the messages say it")]
pub enum BadKeys {
    #[error("{0}")]
    Unreadable(#[from] Unreadable),
    #[error("line {0} is not `name roles tenant executions sha256`, as docs/auth.md tells: {1}")]
    Line(usize, &'static str),
    #[error("it has more than {MOST} lines")]
    TooMany,
    #[error("it is not UTF-8")]
    NotText,
}

impl ApiKeys {
    /// The keys in a file.
    ///
    /// # Errors
    /// The first line that is none.
    pub fn read(path: &Path) -> Result<Self, BadKeys> {
        let bytes = file::secret(path)?;
        Self::of(std::str::from_utf8(&bytes).map_err(|_| BadKeys::NotText)?)
    }

    /// The keys in such a file's text.
    ///
    /// # Errors
    /// As above.
    pub fn of(text: &str) -> Result<Self, BadKeys> {
        let mut keys = Self::default();
        for (n, words) in lines(text) {
            let (digest, pass) = key(&words).map_err(|why| BadKeys::Line(n, why))?;
            let twice = |(known, one): &([u8; 32], Pass)| {
                *known == digest || one.principal.subject == pass.principal.subject
            };
            if keys.0.iter().any(twice) {
                return Err(BadKeys::Line(n, "its name or its key stands above already"));
            }
            if keys.0.len() == MOST {
                return Err(BadKeys::TooMany);
            }
            keys.0.push((digest, pass));
        }
        Ok(keys)
    }

    /// Whose key this is. It takes as long whichever it is, and if it is none.
    pub fn whose(&self, key: &str) -> Option<Pass> {
        if key.len() < SHORTEST {
            return None;
        }
        let digest: [u8; 32] = Sha256::digest(key.as_bytes()).into();
        let mut found = None;
        for (at, (known, _)) in self.0.iter().enumerate() {
            if same(known, &digest) {
                found = Some(at);
            }
        }
        found.map(|at| self.0[at].1.clone())
    }

    /// Whether a pass that a key was given for is still what it would be given.
    pub fn stands(&self, pass: &Pass) -> bool {
        let of = |digest: &[u8; 32]| self.0.iter().any(|(it, now)| it == digest && now == pass);
        pass.marks.secret.as_ref().is_none_or(of)
    }
}

/// Compares all of both.
pub(super) fn same(one: &[u8; 32], other: &[u8; 32]) -> bool {
    let differs = one.iter().zip(other).fold(0, |all, (one, other)| black_box(all | (one ^ other)));
    black_box(differs) == 0
}

fn key(words: &[&str]) -> Result<([u8; 32], Pass), &'static str> {
    let [name, role_words, tenant, executions, digest] = words else {
        return Err("it has five words");
    };
    let subject = shown(name).ok_or("the name has 1 to 256 bytes that can be seen")?;
    let known = [Role::Viewer, Role::Decider, Role::Operator, Role::Admin].map(Role::name);
    let unknown = |it: &str| !known.contains(&it) && it != "engine";
    if role_words.split(',').any(unknown) {
        return Err("a role is viewer, decider, operator, admin or engine, several with commas");
    }
    let (roles, engine) = roles(role_words.split(','));
    let tenant = match *tenant {
        ANY => None,
        name => Some(tenant_of(name).ok_or("a tenant is * or letters, digits and . _ : @ + -")?),
    };
    let executions = match *executions {
        ANY => None,
        all => {
            let read = all.split(',').map(Pattern::read);
            let read: Result<Arc<[_]>, _> = read.collect();
            Some(read.map_err(|_| "executions are * or patterns such as team-a-*, with commas")?)
        }
    };
    let digest =
        hex(digest).ok_or("the digest is the SHA-256 of the key, 64 hexadecimal digits")?;
    let principal = Principal {
        subject,
        issuer: None,
        method: "key".into(),
        groups: vec![],
        roles,
        tenant: tenant.clone(),
    };
    let marks = Marks { secret: Some(digest), ..Marks::default() };
    let sight = Sight { tenant, executions };
    Ok((digest, Pass { principal: Arc::new(principal), sight, engine, expires: None, marks }))
}

fn hex(text: &str) -> Option<[u8; 32]> {
    let mut bytes = [0; 32];
    if text.len() != 64 || !text.bytes().all(|it| it.is_ascii_hexdigit()) {
        return None;
    }
    for (byte, at) in bytes.iter_mut().zip((0..64).step_by(2)) {
        *byte = u8::from_str_radix(&text[at..at + 2], 16).ok()?;
    }
    Some(bytes)
}
