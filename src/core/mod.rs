//! The relay as a state machine: inputs in, effects out, time passed in.
//!
//! It awaits nothing, reads no clock, knows no JSON, no protobuf and no dialect, logs nothing and
//! counts nothing: effects are all there is to say. Viewers are not here either: who watches is the
//! room's affair, and [`Relay::start`] tells where to begin.

mod answer;
mod effect;
mod execution;
mod history;
mod input;
mod kept;
mod lanes;
mod limits;
mod log;
mod producers;
mod relay;
mod replay;
mod turn;
mod waits;

pub use answer::{Answer, NO_STARTER, NotThen, Receipt, Reference, Stage};
pub use effect::{Effect, Ending, Grant, LaneFault, LaneResult, Verdict};
pub use execution::Execution;
pub use history::{History, Start, Why};
pub use input::{Claim, ClaimedGate, Hello, Input, KnownOutcome};
pub use kept::{Checkpoint, Fence, Kept, KeptLane, KeptRecord, Past, Tombstone};
pub use limits::Limits;
pub use relay::Relay;
pub use replay::Replay;
