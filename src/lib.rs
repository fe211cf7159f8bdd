//! Footplate
pub mod model;

pub mod core;

pub mod frame;

pub mod dialect;

pub mod auth;
pub mod seams;
pub mod store;

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
