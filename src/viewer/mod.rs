//! The door for dashboards: WebSocket.

pub mod handshake;

use std::fmt;

use crate::dialect::{Conversation, Dialect};
use crate::model::{Principal, ViewerId};

/// Somebody who has come through the handshake.
pub struct Guest {
    /// Unique to this connection.
    pub viewer: ViewerId,
    /// What it speaks.
    pub dialect: &'static dyn Dialect,
    /// Its side of the talk.
    pub conversation: Box<dyn Conversation>,
    /// Who it is.
    pub principal: Principal,
}

impl fmt::Debug for Guest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Guest").field("viewer", &self.viewer).finish_non_exhaustive()
    }
}
