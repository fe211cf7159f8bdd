//! The generated code, in its box. Only this folder, the demo and tests read it.

#![allow(
    clippy::all,
    clippy::allow_attributes_without_reason,
    missing_docs,
    missing_debug_implementations,
    unreachable_pub,
    reason = "generated"
)]

tonic::include_proto!("footplate.v1");
