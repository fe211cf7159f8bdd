//! Who is on the other side, as verified by a door. Nothing that the other side merely claims.

use serde::{Deserialize, Serialize};

use super::Text;

/// Who watches or decides.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Principal {
    /// The verified name. Without authentication everybody on this machine is `local`.
    pub subject: Text,
    /// Who vouches for it, if anybody does.
    pub issuer: Option<Text>,
    /// How it was verified: `none`, later `jwt`, `mtls` and so on.
    pub method: Text,
    /// Its groups, as vouched for.
    pub groups: Vec<Text>,
    /// What it may do.
    pub roles: Vec<Role>,
}

/// What a principal may do, in rising order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Role {
    /// Watch.
    Viewer,
    /// Decide at gates.
    Decider,
    /// Give commands.
    Operator,
    /// Override.
    Admin,
}

impl Role {
    /// Its name on the wire.
    pub fn name(self) -> &'static str {
        match self {
            Self::Viewer => "viewer",
            Self::Decider => "decider",
            Self::Operator => "operator",
            Self::Admin => "admin",
        }
    }
}

impl Principal {
    /// Whoever reaches a door that is open to this machine alone.
    pub fn local() -> Self {
        Self::named("local")
    }

    /// Somebody with a name and every role but admin.
    pub fn named(subject: &str) -> Self {
        Self {
            subject: subject.into(),
            issuer: None,
            method: "none".into(),
            groups: vec![],
            roles: vec![Role::Viewer, Role::Decider, Role::Operator],
        }
    }
}

/// Who an engine is, as verified by its door: an execution belongs to the identity that began it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Identity(pub Text);
