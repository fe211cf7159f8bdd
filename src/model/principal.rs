//! Who is on the other side, as verified by a door. Nothing that the other side merely claims.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::Text;

/// Who watches or decides.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Principal {
    /// The verified name. Without authentication everybody on this machine is `local`.
    pub subject: Text,
    /// Who vouches for it, if anybody does.
    pub issuer: Option<Text>,
    /// How it was verified: `none`, `jwt`, `key`.
    pub method: Text,
    /// Its groups, as vouched for.
    pub groups: Vec<Text>,
    /// What it may do.
    pub roles: Vec<Role>,
    /// To whose executions that is confined. `None`: to nobody's.
    // Left out of a stored row where there is none, as in rows from before it: only the last field of a
    // struct can be. Whoever adds one behind it has to write it always.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tenant: Option<Text>,
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

    /// Nobody, who may nothing.
    pub fn nobody() -> Arc<Self> {
        Arc::new(Self { method: "none".into(), roles: vec![], ..Self::named("") })
    }

    /// Somebody with a name and every role but admin.
    pub fn named(subject: &str) -> Self {
        Self {
            subject: subject.into(),
            issuer: None,
            method: "none".into(),
            groups: vec![],
            roles: vec![Role::Viewer, Role::Decider, Role::Operator],
            tenant: None,
        }
    }
}

/// Who an engine is, as verified by its door: an execution belongs to the identity that began it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Identity(pub Text);

/// What begins the identity of an engine of a tenant. No other one begins so: each door puts a word of
/// its own in front.
const TENANT: &str = "tenant:";

impl Identity {
    /// An engine of this name, and its tenant, which has no `/` in it.
    pub fn of(name: &str, tenant: Option<&str>) -> Self {
        Self(match tenant {
            Some(tenant) => format!("{TENANT}{tenant}/{name}").into(),
            None => name.into(),
        })
    }

    /// Whose executions it begins.
    pub fn tenant(&self) -> Option<&str> {
        self.0.strip_prefix(TENANT)?.split_once('/').map(|(tenant, _)| tenant)
    }
}
