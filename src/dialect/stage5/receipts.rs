//! What one viewer is told of its commands and decisions: nothing of success, which is seen.

use super::asks::not_pending;
use crate::core::{Receipt, Stage};
use crate::model::CommandKind;

/// What was commanded, as far as its answer shows it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Order {
    Pause,
    Resume,
    Cancel,
    Start,
}

impl Order {
    pub(super) fn of(kind: &CommandKind) -> Self {
        match kind {
            CommandKind::Pause => Self::Pause,
            CommandKind::Resume => Self::Resume,
            CommandKind::Cancel => Self::Cancel,
            CommandKind::Start { .. } | CommandKind::Custom { .. } => Self::Start,
        }
    }

    fn error_type(self) -> &'static str {
        match self {
            Self::Pause => "PauseError",
            Self::Resume => "ResumeError",
            Self::Cancel => "CancelError",
            Self::Start => "StartError",
        }
    }

    fn name(self) -> &'static str {
        match self {
            Self::Pause => "pause",
            Self::Resume => "resume",
            Self::Cancel => "cancel",
            Self::Start => "start",
        }
    }
}

/// What to tell of a command, if it is none of success.
pub(super) fn of_command(
    receipt: &Receipt,
    order: Option<Order>,
) -> Option<(&'static str, String)> {
    let name = order.map_or("command", Order::name);
    let message = match &receipt.stage {
        Stage::Recorded
        | Stage::Voted { .. }
        | Stage::Delivered
        | Stage::InProgress
        | Stage::Applied => return None,
        // Its run was begun by the same task, or another's: it is attached to that.
        Stage::IdReused if order == Some(Order::Start) => return None,
        Stage::Waiting => format!("The {name} has not taken effect yet"),
        Stage::Failed => format!("The {name} failed"),
        Stage::OutcomeUnknown => format!("Nobody knows whether the {name} took effect"),
        Stage::Forbidden => format!("The {name} is not allowed to you"),
        Stage::Refused
        | Stage::IdReused
        | Stage::AlreadyDecided { .. }
        | Stage::GateChanged { .. }
        | Stage::GateClosed
        | Stage::EngineAway
        | Stage::GateUnknown => format!("The {name} was refused"),
    };
    let error_type = match order {
        Some(Order::Pause | Order::Resume | Order::Cancel) if receipt.is_unable() => {
            "FeatureNotAvailable"
        }
        Some(order) => order.error_type(),
        None => "CommandError",
    };
    Some((error_type, because(message, receipt)))
}

/// What to tell of a decision, if it is none of success.
pub(super) fn of_decision(receipt: &Receipt) -> Option<(&'static str, String)> {
    let approval = receipt.gate.as_ref().map_or("?", |gate| gate.as_str());
    let message = match &receipt.stage {
        Stage::Recorded
        | Stage::Voted { .. }
        | Stage::Delivered
        | Stage::InProgress
        | Stage::Applied => return None,
        Stage::GateUnknown | Stage::GateClosed | Stage::AlreadyDecided { .. } => {
            return Some(("ApprovalNotPending", because(not_pending(approval), receipt)));
        }
        Stage::Waiting => {
            format!("The decision on approval {approval} has not taken effect yet")
        }
        Stage::Failed => format!("The decision on approval {approval} failed"),
        Stage::OutcomeUnknown => {
            format!("Nobody knows whether the decision on approval {approval} took effect")
        }
        Stage::Forbidden => format!("Approval {approval} is not yours to decide"),
        Stage::EngineAway => format!("Approval {approval} can't be decided now"),
        Stage::GateChanged { .. } => format!("Approval {approval}: look again, then decide"),
        Stage::Refused | Stage::IdReused => {
            format!("The decision on approval {approval} was refused")
        }
    };
    Some(("ApprovalError", because(message, receipt)))
}

fn because(message: String, receipt: &Receipt) -> String {
    match &receipt.reason {
        Some(reason) => format!("{message}: {reason}"),
        None => message,
    }
}
