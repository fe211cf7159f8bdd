//! The door for engines: gRPC.

pub mod pb;
