//! What the fuzzer does with the bytes that it makes up: one module a target, each with one `run`, which
//! panics where a promise is broken and at nothing else. `tests/it/fuzz.rs` compiles the same files and
//! runs them over the committed corpora, so they must never need more than ordinary tests have.

mod draw;
mod quiet;
mod words;

pub mod grpc_batch;
pub mod jwt_verify;
pub mod store_replay;
pub mod ws_session;
