//! Footplate
pub mod model;

pub mod core;

pub mod frame;

pub mod dialect;

pub mod auth;
pub mod seams;
pub mod store;

pub mod shard;

pub mod engine;

pub mod demo;
