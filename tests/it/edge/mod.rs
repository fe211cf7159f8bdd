//! Between a listening socket and the doors: real sockets on loopback, and small time-outs.

mod admin;
mod assets;
mod caps;
mod certs;
mod config;
mod config_document;
mod config_layers;
mod dashboards;
mod drain;
mod engines;
mod handshake;
mod hops;
mod kin;
mod metrics;
mod obstinate;
mod reload;
mod rest;
mod rig;
mod seed_executions;
mod seed_nebula;
mod seed_stage5;
mod seed_windags;
mod silence;
mod storm;
mod tls;
mod unix;
