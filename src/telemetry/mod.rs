//! What the program tells of itself: lines for people, numbers for alarms. Never payloads, tokens
//! or what a viewer typed.

mod each;
mod head;
mod lag;
pub mod logs;
mod meter;
mod metrics;
mod process;
mod quiet;
mod short;

pub use each::Each;
pub use head::Head;
pub use lag::{Stalls, watch};
pub use meter::Metered;
pub use metrics::Metrics;
pub use process::{max_fds, memory, resident};
