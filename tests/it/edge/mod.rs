//! Between a listening socket and the doors: real sockets on loopback, and small time-outs.

mod assets;
mod caps;
mod certs;
mod config;
mod drain;
mod engines;
mod handshake;
mod reload;
mod rest;
mod rig;
mod silence;
mod tls;
mod unix;
