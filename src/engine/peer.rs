//! Who is at the other end of an engine's connection. The door that accepts it says so; nothing
//! that the engine sends can.

use crate::model::Identity;

/// Stands in the extensions of every request to the engines' door.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Peer {
    /// To whom the executions that it begins will belong.
    pub identity: Identity,
}
