//! What somebody is let in with: who they are, how far they see, and until when. There is no way to ask
//! for a right without one, so who has shown nothing has none.

use std::sync::Arc;

use crate::model::{ExecutionId, Identity, Principal, Text, Timestamp};

/// The longest pattern, in bytes.
const LONGEST: usize = 256;

/// Somebody whom a door has verified.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pass {
    /// Who.
    pub principal: Arc<Principal>,
    /// Which executions they see at all.
    pub sight: Sight,
    /// Whether they may attach as an engine, and so begin executions.
    pub engine: bool,
    /// It counts no longer from then on. `None`: it always counts.
    pub expires: Option<Timestamp>,
    /// By what it can be revoked.
    pub marks: Marks,
}

/// A person, or a program: what of a pass stays the same whatever they may.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Who {
    subject: Text,
    issuer: Option<Text>,
    method: Text,
    tenant: Option<Text>,
}

impl Who {
    /// To whose executions they are confined. `None`: to nobody's.
    pub fn tenant(&self) -> Option<&Text> {
        self.tenant.as_ref()
    }
}

/// By what a pass can be revoked, beside its subject.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Marks {
    /// The token's own name (`jti`).
    pub token: Option<Text>,
    /// The session that it was issued in (`sid`).
    pub session: Option<Text>,
    /// When it was issued (`iat`).
    pub issued: Option<Timestamp>,
    /// The digest of an API key.
    pub secret: Option<[u8; 32]>,
}

impl Pass {
    /// Whoever reaches a door that is open to this machine alone: they may do everything.
    pub fn local() -> Self {
        Self::of(Principal::local())
    }

    /// Somebody who sees everything of their tenant, for ever: what they may do their roles say.
    pub fn of(principal: Principal) -> Self {
        let sight = Sight { tenant: principal.tenant.clone(), executions: None };
        let (principal, marks) = (Arc::new(principal), Marks::default());
        Self { principal, sight, engine: false, expires: None, marks }
    }

    /// Whether it counts no longer.
    pub fn is_over(&self, now: Timestamp) -> bool {
        self.expires.is_some_and(|at| at <= now)
    }

    /// Whose it is.
    pub fn who(&self) -> Who {
        let Principal { subject, issuer, method, tenant, groups: _, roles: _ } = &*self.principal;
        Who {
            subject: subject.clone(),
            issuer: issuer.clone(),
            method: method.clone(),
            tenant: tenant.clone(),
        }
    }

    /// Whether `other` is the same person: what a connection may go on with.
    pub fn is_same_person(&self, other: &Self) -> bool {
        self.who() == other.who()
    }

    /// Whose the executions are that its holder begins as an engine.
    pub fn identity(&self) -> Identity {
        let Principal { subject, method, tenant, .. } = &*self.principal;
        Identity::of(&format!("{method}:{subject}"), tenant.as_deref())
    }
}

/// Which executions somebody sees. Equal ones are shown the same.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Default)]
pub struct Sight {
    /// Those of one tenant. `None`: of all.
    pub tenant: Option<Text>,
    /// Those whose name fits one of these. `None`: whatever they are called.
    pub executions: Option<Arc<[Pattern]>>,
}

impl Sight {
    /// Whether an execution is among them. `owner`: who began it.
    pub fn has(&self, execution: &ExecutionId, owner: &Identity) -> bool {
        let theirs = self.tenant.is_none() || self.tenant.as_deref() == owner.tenant();
        theirs && self.has_named(execution.as_str())
    }

    /// Whether it would be among them by its name.
    pub fn has_named(&self, name: &str) -> bool {
        self.executions.as_ref().is_none_or(|all| all.iter().any(|it| it.fits(name)))
    }
}

/// A name in which `*` stands for any text, also for none.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Pattern(Text);

/// Why a text is no pattern.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "a pattern has 1 to {LONGEST} bytes of letters, digits and . _ : @ + - *, such as team-a-*"
)]
pub struct BadPattern;

impl Pattern {
    /// # Errors
    /// It is none.
    pub fn read(text: &str) -> Result<Self, BadPattern> {
        let fine = |c: u8| c.is_ascii_alphanumeric() || b"._:@+-*".contains(&c);
        if text.is_empty() || LONGEST < text.len() || !text.bytes().all(fine) {
            return Err(BadPattern);
        }
        Ok(Self(text.into()))
    }

    /// Whether a name is as it says: each piece is looked for behind the one before, as early as may
    /// be, so it takes no more steps than both have bytes, multiplied.
    pub fn fits(&self, name: &str) -> bool {
        let Some((first, rest)) = self.0.split_once('*') else { return *self.0 == *name };
        let Some(name) = name.strip_prefix(first) else { return false };
        let (middle, last) = rest.rsplit_once('*').unwrap_or(("", rest));
        let Some(mut name) = name.strip_suffix(last) else { return false };
        for piece in middle.split('*').filter(|it| !it.is_empty()) {
            match name.find(piece) {
                Some(at) => name = &name[at + piece.len()..],
                None => return false,
            }
        }
        true
    }
}
