//! Who somebody is, and who may do what. Doors are shown tokens and ask here whose they are; [`access`]
//! is the one place that decides what their holders may do. Nothing here knows a door, a protocol or a
//! log, and nothing that is shown is ever repeated in an error.

pub mod access;
mod api_keys;
mod file;
mod issuer;
pub mod jwks;
pub mod jwt;
mod keys;
mod pass;
mod reason;
mod revoked;
mod tickets;
mod tokens;
pub mod verifier;

pub use api_keys::{ApiKeys, BadKeys};
pub use issuer::{Names, Profile};
pub use keys::{Alg, BadKey, Key, KeySet};
pub use pass::{BadPattern, Marks, Pass, Pattern, Sight, Who};
pub use reason::Reason;
pub use revoked::{BadRevoked, Revoked};
pub use tickets::{LIFE as TICKET_LIFE, Ticket, Tickets};
pub use tokens::{Fault, Print, Setup, Tokens};
