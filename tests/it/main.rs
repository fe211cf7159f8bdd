#![expect(clippy::unwrap_used, reason = "a test may panic")]
#![expect(clippy::wildcard_enum_match_arm, reason = "a test looks at what it is about")]

//! One test binary. Each module tests through one seam.

mod demo;
mod page;
