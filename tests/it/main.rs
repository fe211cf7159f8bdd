//! One test binary. Each module tests through one seam.
#![expect(clippy::unwrap_used, reason = "a test may panic")]
#![allow(clippy::wildcard_enum_match_arm, reason = "a test looks at what it is about")]

mod audit;
mod auth;
mod closes;
mod convert;
mod demo;
mod dialects;
mod dice;
mod door;
mod edge;
mod floor;
mod fuzz;
mod json;
mod kept;
mod kin;
mod laws;
mod named;
mod page;
mod platter;
mod probe;
mod races;
mod reducer;
mod replay;
mod resync;
mod room;
mod script;
mod shard;
mod show;
mod sim;
mod store;
mod tidy;
mod times;
mod torture;
mod transcripts;
mod viewer;
mod views;
mod watch;
mod whole;
mod wire;
