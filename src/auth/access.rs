//! The one place that decides who may do what. It must stay the only one: WebSocket, HTTP and
//! whatever comes later ask here, at the instant at which the thing would happen.

use crate::model::{ExecutionId, Principal};

/// What somebody wants to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Action {
    /// See an execution.
    Watch,
    /// See which executions there are.
    List,
    /// Decide at a gate.
    Decide,
    /// Pause, resume, cancel, start, or a custom command.
    Command,
}

/// Whether `principal` may. `execution` is `None` for what concerns no execution in particular.
///
/// Until tokens come, doors are open to this machine alone and everybody on it may do everything;
/// the doors see to the first half of that sentence.
pub fn may(principal: &Principal, action: Action, execution: Option<&ExecutionId>) -> bool {
    let _ = (principal, action, execution);
    true
}
