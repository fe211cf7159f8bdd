//! The door for engines: gRPC. What an engine says is read into the model here and handed to the
//! shard; what the core wants told to it is put into the wire's words here. Nothing is decided here
//! but who may go on talking.

mod admission;
pub mod convert;
mod end;
mod flight;
mod gathered;
mod link;
pub mod pb;
mod publish;
mod report;
mod service;
mod stream;

pub use service::{Door, Limits, Peer, Setup, h2, routes};
