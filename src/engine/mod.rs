//! The door for engines: gRPC.

pub mod pb;
mod peer;

pub use peer::Peer;
