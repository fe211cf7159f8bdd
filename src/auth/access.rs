//! The one place that decides who may do what. It must stay the only one: WebSocket, HTTP, the engines'
//! door and whatever comes later ask here, at the instant at which the thing would happen.

use super::Pass;
use crate::model::{ExecutionId, Identity, Role, Timestamp};

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
    /// Speak for executions, as an engine.
    Attach,
}

impl Action {
    /// All of them.
    pub const ALL: [Self; 5] = [Self::Watch, Self::List, Self::Decide, Self::Command, Self::Attach];
}

/// An execution that there is.
#[derive(Debug, Clone, Copy)]
pub struct Target<'a> {
    /// Its name.
    pub execution: &'a ExecutionId,
    /// Whose it is: the engine's that began it.
    pub owner: &'a Identity,
}

/// What is said to whoever would decide alone.
pub const FOUR_EYES: &str = "four eyes are asked for: whoever has begun an execution does not decide at its gates; let \
                             somebody else decide";

/// Whether the holder of `pass` is one of those who have begun an execution, and so does not decide at its
/// gates where four eyes are asked for. A name is enough to be one: the same person may come with a token
/// now, and with a key then.
pub fn has_begun<'a>(pass: &Pass, began: impl IntoIterator<Item = &'a str>) -> bool {
    began.into_iter().any(|it| *it == *pass.principal.subject)
}

/// Whether the holder of `pass` may. `target` is `None` for what concerns no execution in particular.
///
/// Who may not even watch an execution is to be told that there is none; everybody else, that they may
/// not.
pub fn may(pass: &Pass, action: Action, target: Option<Target<'_>>, now: Timestamp) -> bool {
    let has = |role: Role| pass.principal.roles.iter().any(|it| role <= *it);
    let fits = match action {
        Action::Watch | Action::List => has(Role::Viewer),
        Action::Decide => has(Role::Decider),
        Action::Command => has(Role::Operator),
        Action::Attach => pass.engine,
    };
    let sees = target.is_none_or(|it| pass.sight.has(it.execution, it.owner));
    fits && sees && !pass.is_over(now)
}
