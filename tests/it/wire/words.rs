//! The words of the native protocol.

macro_rules! words {
    ($($(#[$doc:meta])* $name:ident { $($word:ident),* $(,)? })*) => {$(
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, serde::Serialize, serde::Deserialize, schemars::JsonSchema, ts_rs::TS)]
        #[serde(rename_all = "snake_case")]
        pub(crate) enum $name { $($word),* }
    )*};
}

words! {
    /// Where an execution stands. `completed`, `failed`, `cancelled` and `timed_out` are final.
    ExecutionStatus {
        Created, Planning, Running, WaitingGate, Pausing, Paused, Cancelling, Completed, Failed,
        Cancelled, TimedOut,
    }
    /// What is said of an execution: it has started, its status has changed, it has come further.
    ExecutionChange { Started, Status, Progress }
    /// Where a node stands.
    NodeStatus {
        Pending, Ready, Queued, Running, WaitingGate, Paused, Retrying, Completed, Failed, Skipped,
        Cancelled, Mutated,
    }
    /// Where a node's retries stand.
    RetryPhase { Started, BackingOff, Succeeded, Exhausted }
    /// How urgent a log line is.
    LogLevel { Debug, Info, Warning, Error }
    /// What was done to a file; `batch`: to several.
    FileAction { Created, Updated, Deleted, Batch }
    /// Why an engine dropped events.
    DropReason { Unspecified, OutboxFull, TooLarge, Sampled, Shutdown }
    /// What may be dropped first when there is too much: `stream`, then `state`, never `critical`.
    Priority { Stream, State, Critical }
    /// What was done to a workflow.
    WorkflowAction { Created, Updated, Deleted }
    /// What sort of question a gate asks.
    Classification { Irreversible, QualityCheck, Calibration }
    /// What an answer amounts to. `expired` and `no_approver` are nobody's answer, and no rejection.
    DecisionKind { Approve, Reject, Modify, Retry, Skip, Abort, Custom, Expired, NoApprover }
    /// Who or what decided.
    DecisionSource { Human, Service, Timer, TimerAfterRestart, AdminOverride }
    /// How an option is to be shown.
    OptionStyle { Neutral, Primary, Danger }
    /// Whether an option takes a comment.
    CommentRule { Optional, Required, Forbidden }
    /// What follows when a gate's deadline passes.
    TimeoutAction { Expire, Reject, Escalate, Abort, Approve }
    /// How a gate was settled. Only `decided` with the kind `reject` is a rejection.
    Resolution {
        Open, Decided, Expired, Withdrawn, Cancelled, Superseded, DecidedElsewhere, Unreachable,
        NoApprover,
    }
    /// How far a decision has come on its way to the engine. The last four are its end.
    Delivery { Queued, Sent, Delivered, Applied, Refused, Failed, OutcomeUnknown }
    /// What a command wants.
    CommandKind { Pause, Resume, Cancel, Start, Custom }
    /// How far a command has come. The last four are its end.
    CommandStage {
        Queued, Sent, Delivered, InProgress, Applied, Refused, Failed, OutcomeUnknown,
    }
    /// Why a record changed nothing.
    Contradiction {
        AlreadyOver, NoSuchGate, GateSettled, NotYours, OldAttempt, NoSuchCommand, Repeated,
    }
    /// Why an event could not be kept.
    RejectionCode {
        Malformed, Utf8, NotFinite, Json, Depth, TooLarge, UnknownKind, Invalid, Limit,
    }
    /// Whether an engine's stream stands.
    EngineStatus { Attached, Lost }
    /// What it survives that something is recorded: `memory` a lost connection, `local` the relay
    /// and the power, `replicated` a node.
    Durability { Memory, Local, Replicated }
    /// Why a snapshot comes: no `since` was sent; it is of another log; what follows it is no longer
    /// kept; the relay has lost what it had shown.
    SnapshotReason { Fresh, EpochChanged, TooOld, Ahead }
    /// How far a decision or a command has come, as its giver is told. `recorded`, `voted`,
    /// `delivered`, `in_progress` and `waiting` are not the last word.
    ReceiptStage {
        Recorded, Voted, Delivered, InProgress, Waiting, Applied, Refused, Failed, OutcomeUnknown,
        AlreadyDecided, GateChanged, GateClosed, GateUnknown, EngineAway, IdReused,
        Forbidden,
    }
    /// What a principal may do, in rising order: watch, decide, command, override.
    Role { Viewer, Decider, Operator, Admin }
    /// Why a message meant nothing, or was too much.
    ProblemCode {
        BadJson, NotAnObject, DuplicateKey, TooDeep, UnknownType, UnknownField, MissingField,
        BadField, BadId, TooLong, NotSupported, NotFound, RateLimited, TooManySubscriptions,
        Ahead, TooOld, Unauthenticated,
    }
}
