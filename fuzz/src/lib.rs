//! What the fuzzer does with the bytes that it makes up: one module a target, each with one `run`, which
//! panics where a promise is broken and at nothing else. `tests/it/fuzz.rs` compiles the same files and
//! runs them over the committed corpora, so they must never need more than ordinary tests have.

mod draw;
mod events;
mod quiet;
mod said;
mod signers;
mod strict;
mod words;

pub mod client_msg_json;
pub mod config;
pub mod event_proto_to_json;
pub mod grpc_batch;
pub mod http_edge;
pub mod jwt_verify;
pub mod store_replay;
pub mod subscribe_filter;
pub mod ws_session;
