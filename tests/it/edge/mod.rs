//! Between a listening socket and the doors: real sockets on loopback, and small time-outs.

mod admin;
mod caps;
mod config;
mod drain;
mod engines;
mod handshake;
mod metrics;
mod rest;
mod rig;
mod silence;
mod tls;
mod unix;
