#![expect(clippy::unwrap_used, reason = "a test may panic")]

//! One test binary. Each module tests through one seam.

mod dialects;
mod reducer;
