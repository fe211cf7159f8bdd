//! Footplate: a sidecar between an execution engine and the dashboards that watch and steer it.
//!
//! An engine pushes its events over one gRPC stream. The relay gives each its place in a log, folds
//! them into a state, and shows both as typed JSON over WebSocket to any number of dashboards, each
//! a mere cursor on bytes that were rendered once. What people decide there goes back over the same
//! stream, exactly once in effect, with receipts.
//!
//! Read it in the order of the modules below. The pure half comes first: [`json`] (text that is
//! JSON), [`model`] (nouns), [`core`] (the rules: [`core::Input`] in, [`core::Effect`] out), [`frame`]
//! and [`dialect`] (what dashboards read). Then the shell: [`room`] and [`viewer`] (bytes and cursors),
//! [`shard`] (the loop), the doors [`engine`] and [`http`], and [`app`], which knows everybody.
//! `ARCHITECTURE.md` has the picture, the words, what always holds, and one event and one decision
//! followed from end to end.

pub mod json;

pub mod model;

pub mod core;

pub mod frame;

pub mod dialect;

pub mod auth;
pub mod seams;
pub mod store;

pub mod audit;

pub mod room;

pub mod viewer;

pub mod shard;

pub mod tasks;
pub mod telemetry;
pub mod tls;

pub mod engine;
pub mod http;

pub mod demo;

pub mod app;
pub mod config;
