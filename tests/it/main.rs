//! One test binary. Each module tests through one seam.
#![expect(clippy::unwrap_used, reason = "a test may panic")]
#![allow(clippy::wildcard_enum_match_arm, reason = "a test looks at what it is about")]

mod dice;
mod laws;
mod probe;
mod room;
mod script;
mod shard;
mod show;
mod transcripts;
mod viewer;
