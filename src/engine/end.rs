//! How a stream ends: what its engine is told, and whether it may come back. One table.

use std::time::Duration;

use tonic::{Code, Status};
use tracing::{info, warn};

use crate::core::Ending;
use crate::engine::convert;
use crate::engine::pb::{self, GoodbyeReason};

/// Characters of a breach that are worth a line.
const LONGEST_BREACH: usize = 256;

/// Why a stream ends.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum End {
    /// The engine has no more to say.
    HalfClosed,
    /// The engine is not there any longer.
    Gone,
    /// The engine broke the protocol.
    Protocol(String),
    /// A later start of the same process has spoken.
    Fenced,
    /// The same process speaks on another stream.
    Replaced,
    /// The producer's name belongs to somebody else.
    Forbidden,
    /// It shows no token that counts, or none that counts any longer.
    Unauthenticated,
    /// Its certificate counts no longer.
    Distrusted,
    /// What it shows does not make an engine of it.
    NoEngine,
    /// The engine sent twice of what may be unacknowledged.
    WindowExceeded,
    /// The engine does not take what it is told.
    Overloaded,
    /// The relay goes.
    Draining,
    /// The relay took too long to answer.
    Late,
}

impl From<Ending> for End {
    fn from(why: Ending) -> Self {
        match why {
            Ending::Fenced => Self::Fenced,
            Ending::Replaced => Self::Replaced,
            Ending::Forbidden => Self::Forbidden,
        }
    }
}

impl End {
    /// A word for it, in logs and as a metric's label.
    pub(super) fn word(&self) -> &'static str {
        match self {
            Self::HalfClosed => "half_closed",
            Self::Gone => "gone",
            Self::Protocol(_) => "protocol",
            Self::Fenced => "fenced",
            Self::Replaced => "replaced",
            Self::Forbidden => "forbidden",
            Self::Unauthenticated => "unauthenticated",
            Self::Distrusted => "unauthenticated",
            Self::NoEngine => "forbidden",
            Self::WindowExceeded => "window_exceeded",
            Self::Overloaded => "overloaded",
            Self::Draining => "draining",
            Self::Late => "late",
        }
    }

    /// Says in the log that the stream has ended. What should not happen is a warning, with what is
    /// known of it: a breach is told in the door's own words, which hold nothing of the message.
    pub(super) fn log(&self) {
        let why = self.word();
        match self {
            Self::HalfClosed | Self::Gone | Self::Replaced | Self::Draining => {
                info!(why, "engine gone");
            }
            Self::Protocol(breach) => {
                let breach: String = breach.chars().take(LONGEST_BREACH).collect();
                warn!(why, breach, "engine sent away");
            }
            Self::Fenced
            | Self::Forbidden
            | Self::Unauthenticated
            | Self::Distrusted
            | Self::NoEngine
            | Self::WindowExceeded
            | Self::Overloaded
            | Self::Late => warn!(why, "engine sent away"),
        }
    }

    /// Whether the engine may still expect an answer to what it has sent.
    pub(super) fn leaves_in_order(&self) -> bool {
        matches!(self, Self::HalfClosed | Self::Draining)
    }

    /// The last message. `None` where there is nobody to read it, or nothing to say.
    pub(super) fn goodbye(&self, retry: Duration) -> Option<pb::Goodbye> {
        let (reason, _, message) = self.table()?;
        let again = matches!(self, Self::Draining | Self::Overloaded | Self::WindowExceeded);
        Some(convert::goodbye(reason, again.then_some(retry), message))
    }

    /// What the call ends with. `None`: it ends well.
    pub(super) fn status(&self) -> Option<Status> {
        self.table().map(|(_, code, message)| Status::new(code, message))
    }

    fn table(&self) -> Option<(GoodbyeReason, Code, &str)> {
        Some(match self {
            Self::HalfClosed | Self::Gone => return None,
            Self::Protocol(breach) => (GoodbyeReason::Protocol, Code::InvalidArgument, breach),
            Self::Fenced => (
                GoodbyeReason::Fenced,
                Code::FailedPrecondition,
                "a later start of this producer has attached; engines that run side by side need names \
                 of their own",
            ),
            Self::Replaced => (
                GoodbyeReason::Replaced,
                Code::FailedPrecondition,
                "this producer has attached on another stream",
            ),
            Self::Forbidden => (
                GoodbyeReason::Forbidden,
                Code::PermissionDenied,
                "this producer's name belongs to another identity",
            ),
            Self::Unauthenticated => (
                GoodbyeReason::Unauthenticated,
                Code::Unauthenticated,
                "no token that counts was shown, or it counts no longer; send one as `authorization: \
                 Bearer …`, or an API key as `x-api-key`",
            ),
            Self::Distrusted => (
                GoodbyeReason::Unauthenticated,
                Code::Unauthenticated,
                "the certificate of this engine counts no longer: it is revoked, or its authority is not \
                 trusted any more; connect with another one",
            ),
            Self::NoEngine => (
                GoodbyeReason::Forbidden,
                Code::PermissionDenied,
                "the holder of this token is no engine; it needs the role `engine`",
            ),
            Self::WindowExceeded => (
                GoodbyeReason::WindowExceeded,
                Code::ResourceExhausted,
                "twice the window is unacknowledged",
            ),
            Self::Overloaded => (
                GoodbyeReason::Overloaded,
                Code::ResourceExhausted,
                "what was to be told to this engine has piled up",
            ),
            Self::Draining => {
                (GoodbyeReason::Draining, Code::Unavailable, "the relay is shutting down")
            }
            Self::Late => {
                (GoodbyeReason::Overloaded, Code::DeadlineExceeded, "not answered in time")
            }
        })
    }
}

impl From<End> for Status {
    /// For a call that has nothing else to end with.
    fn from(end: End) -> Self {
        end.status().unwrap_or_else(|| Self::cancelled("the call was given up"))
    }
}
