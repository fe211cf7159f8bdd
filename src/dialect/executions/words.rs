//! The protocol's words for statuses and levels, and its two ways of telling the time.

use std::fmt;

use super::Dress;
use crate::dialect::object::Shown;
use crate::model::{ExecutionStatus, LogLevel, NodeStatus, Timestamp};

/// An execution's status: one of four words, or of six.
pub(super) fn status(status: ExecutionStatus, dress: Dress) -> &'static str {
    match (status, dress) {
        (ExecutionStatus::Created | ExecutionStatus::Planning, _) => "pending",
        (ExecutionStatus::Paused, Dress::Real) => "paused",
        (ExecutionStatus::Cancelled, Dress::Real) => "cancelled",
        (
            ExecutionStatus::Running
            | ExecutionStatus::WaitingGate
            | ExecutionStatus::Pausing
            | ExecutionStatus::Paused
            | ExecutionStatus::Cancelling,
            _,
        ) => "running",
        (ExecutionStatus::Completed, _) => "completed",
        (ExecutionStatus::Failed | ExecutionStatus::Cancelled | ExecutionStatus::TimedOut, _) => {
            "failed"
        }
    }
}

/// A node's status: one of four words.
pub(super) fn node(status: NodeStatus) -> &'static str {
    match status {
        NodeStatus::Pending | NodeStatus::Ready | NodeStatus::Queued => "pending",
        NodeStatus::Running
        | NodeStatus::WaitingGate
        | NodeStatus::Paused
        | NodeStatus::Retrying
        | NodeStatus::Mutated => "running",
        NodeStatus::Completed | NodeStatus::Skipped => "completed",
        NodeStatus::Failed | NodeStatus::Cancelled => "failed",
    }
}

/// How serious a log line is.
pub(super) fn level(level: LogLevel, dress: Dress) -> &'static str {
    match (level, dress) {
        (LogLevel::Debug, Dress::Seed) => "debug",
        (LogLevel::Info, Dress::Seed) => "info",
        (LogLevel::Warning, Dress::Seed) => "warning",
        (LogLevel::Error, Dress::Seed) => "error",
        (LogLevel::Debug, Dress::Real) => "DEBUG",
        (LogLevel::Info, Dress::Real) => "INFO",
        (LogLevel::Warning, Dress::Real) => "WARNING",
        (LogLevel::Error, Dress::Real) => "ERROR",
    }
}

/// A time inside a message.
pub(super) fn time(time: Timestamp, dress: Dress) -> Shown<Time> {
    Shown(match dress {
        Dress::Seed => Time::Seconds(Seconds(time)),
        Dress::Real => Time::Iso(time),
    })
}

/// A time, in the way of one of the dresses.
pub(super) enum Time {
    Seconds(Seconds),
    Iso(Timestamp),
}

impl fmt::Display for Time {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Seconds(time) => time.fmt(f),
            Self::Iso(time) => time.fmt(f),
        }
    }
}

/// Seconds since 1970 with as many decimals as it takes, from one to six, as in `1704067200.123`.
pub(super) struct Seconds(pub(super) Timestamp);

impl fmt::Display for Seconds {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let micros = self.0.0.unsigned_abs();
        let sign = if self.0.0 < 0 { "-" } else { "" };
        let (seconds, mut fraction, mut digits) = (micros / 1_000_000, micros % 1_000_000, 6);
        while fraction % 10 == 0 && 1 < digits {
            fraction /= 10;
            digits -= 1;
        }
        write!(f, "{sign}{seconds}.{fraction:0digits$}")
    }
}
