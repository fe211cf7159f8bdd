//! What the program tells of itself: lines for people, numbers for alarms. Never payloads, tokens
//! or what a viewer typed.

pub mod logs;
mod metrics;

pub use metrics::Metrics;
