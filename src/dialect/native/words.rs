//! The words of the native protocol. They are its promise: they change with its version only.

use crate::core::{Stage, Why};
use crate::model::{
    Classification, CommandKind, CommandStage, CommentRule, Contradiction, DecisionKind,
    DecisionSource, Delivery, DropReason, Durability, ExecutionStatus, FileAction, LogLevel,
    NodeStatus, OptionStyle, OutcomeStatus, Priority, RejectionCode, Resolution, RetryPhase,
    TimeoutAction, WorkflowAction,
};

/// What has a name on the wire.
pub(crate) trait Word {
    /// The name.
    fn word(&self) -> &'static str;
}

macro_rules! words {
    ($($type:ident { $($pattern:pat => $word:literal),* $(,)? })*) => {$(
        impl Word for $type {
            fn word(&self) -> &'static str {
                use $type as It;
                match self { $($pattern => $word),* }
            }
        }
    )*};
}

words! {
    ExecutionStatus {
        It::Created => "created",
        It::Planning => "planning",
        It::Running => "running",
        It::WaitingGate => "waiting_gate",
        It::Pausing => "pausing",
        It::Paused => "paused",
        It::Cancelling => "cancelling",
        It::Completed => "completed",
        It::Failed => "failed",
        It::Cancelled => "cancelled",
        It::TimedOut => "timed_out",
    }
    NodeStatus {
        It::Pending => "pending",
        It::Ready => "ready",
        It::Queued => "queued",
        It::Running => "running",
        It::WaitingGate => "waiting_gate",
        It::Paused => "paused",
        It::Retrying => "retrying",
        It::Completed => "completed",
        It::Failed => "failed",
        It::Skipped => "skipped",
        It::Cancelled => "cancelled",
        It::Mutated => "mutated",
    }
    RetryPhase {
        It::Started => "started",
        It::BackingOff => "backing_off",
        It::Succeeded => "succeeded",
        It::Exhausted => "exhausted",
    }
    LogLevel {
        It::Debug => "debug",
        It::Info => "info",
        It::Warning => "warning",
        It::Error => "error",
    }
    FileAction {
        It::Created => "created",
        It::Updated => "updated",
        It::Deleted => "deleted",
        It::Batch => "batch",
    }
    DropReason {
        It::Unspecified => "unspecified",
        It::OutboxFull => "outbox_full",
        It::TooLarge => "too_large",
        It::Sampled => "sampled",
        It::Shutdown => "shutdown",
    }
    Priority { It::Stream => "stream", It::State => "state", It::Critical => "critical" }
    WorkflowAction { It::Created => "created", It::Updated => "updated", It::Deleted => "deleted" }
    Classification {
        It::Irreversible => "irreversible",
        It::QualityCheck => "quality_check",
        It::Calibration => "calibration",
    }
    DecisionKind {
        It::Approve => "approve",
        It::Reject => "reject",
        It::Modify => "modify",
        It::Retry => "retry",
        It::Skip => "skip",
        It::Abort => "abort",
        It::Custom => "custom",
        It::Expired => "expired",
        It::NoApprover => "no_approver",
    }
    DecisionSource {
        It::Human => "human",
        It::Service => "service",
        It::Timer => "timer",
        It::TimerAfterRestart => "timer_after_restart",
        It::AdminOverride => "admin_override",
    }
    OptionStyle { It::Neutral => "neutral", It::Primary => "primary", It::Danger => "danger" }
    CommentRule {
        It::Optional => "optional",
        It::Required => "required",
        It::Forbidden => "forbidden",
    }
    TimeoutAction {
        It::Expire => "expire",
        It::Reject => "reject",
        It::Escalate => "escalate",
        It::Abort => "abort",
        It::Approve => "approve",
    }
    Resolution {
        It::Open => "open",
        It::Decided(_) => "decided",
        It::Expired(_) => "expired",
        It::Withdrawn { .. } => "withdrawn",
        It::Cancelled => "cancelled",
        It::Superseded => "superseded",
        It::Elsewhere { .. } => "decided_elsewhere",
        It::Unreachable => "unreachable",
        It::NoApprover => "no_approver",
    }
    Delivery {
        It::Queued => "queued",
        It::Sent => "sent",
        It::Delivered => "delivered",
        It::OutcomeUnknown => "outcome_unknown",
        It::Applied => "applied",
        It::Refused => "refused",
        It::Failed => "failed",
    }
    CommandKind {
        It::Pause => "pause",
        It::Resume => "resume",
        It::Cancel => "cancel",
        It::Start { .. } => "start",
        It::Custom { .. } => "custom",
    }
    CommandStage {
        It::Queued => "queued",
        It::Sent => "sent",
        It::Delivered => "delivered",
        It::InProgress => "in_progress",
        It::OutcomeUnknown => "outcome_unknown",
        It::Applied => "applied",
        It::Refused => "refused",
        It::Failed => "failed",
    }
    OutcomeStatus {
        It::InProgress => "in_progress",
        It::Applied => "applied",
        It::Refused => "refused",
        It::Failed => "failed",
        It::Unknown => "outcome_unknown",
    }
    Contradiction {
        It::AlreadyOver => "already_over",
        It::NoSuchGate => "no_such_gate",
        It::GateSettled => "gate_settled",
        It::NotYours => "not_yours",
        It::OldAttempt => "old_attempt",
        It::NoSuchCommand => "no_such_command",
        It::Repeated => "repeated",
    }
    RejectionCode {
        It::Malformed => "malformed",
        It::Utf8 => "utf8",
        It::NotFinite => "not_finite",
        It::Json => "json",
        It::Depth => "depth",
        It::TooLarge => "too_large",
        It::UnknownKind => "unknown_kind",
        It::Invalid => "invalid",
        It::Limit => "limit",
    }
    Durability { It::Memory => "memory", It::Local => "local", It::Replicated => "replicated" }
    Why {
        It::Fresh => "fresh",
        It::EpochChanged => "epoch_changed",
        It::TooOld => "too_old",
        It::Ahead => "ahead",
    }
    Stage {
        It::Recorded => "recorded",
        It::Voted { .. } => "voted",
        It::Delivered => "delivered",
        It::InProgress => "in_progress",
        It::Waiting => "waiting",
        It::Applied => "applied",
        It::Refused => "refused",
        It::Failed => "failed",
        It::OutcomeUnknown => "outcome_unknown",
        It::AlreadyDecided { .. } => "already_decided",
        It::GateChanged { .. } => "gate_changed",
        It::GateClosed => "gate_closed",
        It::GateUnknown => "gate_unknown",
        It::EngineAway => "engine_away",
        It::IdReused => "id_reused",
        It::Forbidden => "forbidden",
    }
}
