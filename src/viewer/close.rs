//! Why a connection ends, with what words, and whether its client should come back: the one table.
//!
//! The seeds' clients make of close codes what they like; all that come back at all do so after a
//! connection that was simply lost. So what is to be survived ends without a close frame there, and
//! 1001 is never said.

use crate::dialect::Manners;

/// Why a connection ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Close {
    /// There is nothing more to see.
    Done,
    /// The relay goes.
    Drain,
    /// It asked faster than it listened.
    Slow,
    /// The relay has no room for it just now.
    Overloaded,
    /// It would not keep to the limits.
    Policy,
    /// It has no token, or one that no longer counts.
    Token,
    /// It may not.
    Forbidden,
    /// What it wants is gone for good.
    Gone,
    /// It does not speak WebSocket properly.
    Protocol,
    /// It sent bytes where text is spoken.
    Binary,
    /// Its text was none.
    Utf8,
    /// Its message was too large.
    TooBig,
    /// It no longer answers.
    Silent,
    /// It takes nothing any more.
    Stalled,
    /// It does not acknowledge what it must not miss.
    Unheard,
    /// It said goodbye.
    ByPeer,
    /// The connection broke, or ended without a goodbye.
    Lost,
}

/// How an end is said: a close frame, or the mere end of the connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Farewell {
    /// Code and reason. `None`: no close frame.
    pub frame: Option<(u16, &'static str)>,
    /// Whether the client should come back.
    pub comes_back: bool,
}

impl Close {
    /// All of them, for whoever documents or tests them.
    pub const ALL: [Self; 17] = [
        Self::Done,
        Self::Drain,
        Self::Slow,
        Self::Overloaded,
        Self::Policy,
        Self::Token,
        Self::Forbidden,
        Self::Gone,
        Self::Protocol,
        Self::Binary,
        Self::Utf8,
        Self::TooBig,
        Self::Silent,
        Self::Stalled,
        Self::Unheard,
        Self::ByPeer,
        Self::Lost,
    ];

    /// A word for it, in logs and as a metric's label.
    pub fn word(self) -> &'static str {
        match self {
            Self::Done => "done",
            Self::Drain => "drain",
            Self::Slow => "slow",
            Self::Overloaded => "overloaded",
            Self::Policy => "policy",
            Self::Token => "token",
            Self::Forbidden => "forbidden",
            Self::Gone => "gone",
            Self::Protocol => "protocol",
            Self::Binary => "binary",
            Self::Utf8 => "utf8",
            Self::TooBig => "too_big",
            Self::Silent => "silent",
            Self::Stalled => "stalled",
            Self::Unheard => "unheard",
            Self::ByPeer => "by_peer",
            Self::Lost => "lost",
        }
    }

    /// Whether the client has neither said goodbye nor been told to stay away.
    pub fn was_no_goodbye(self) -> bool {
        matches!(self, Self::Silent | Self::Stalled | Self::Slow | Self::Unheard | Self::Lost)
    }

    /// How it is said.
    pub fn farewell(self, manners: Manners) -> Farewell {
        use Manners::{Native, Nebula};
        let said = |code, reason, comes_back| Farewell { frame: Some((code, reason)), comes_back };
        let unsaid = Farewell { frame: None, comes_back: true };
        match (self, manners) {
            (Self::Done, _) => said(1000, "done", false),
            (Self::Drain, Native) => said(1012, "the relay restarts", true),
            (Self::Slow, Native) => said(1013, "too slow", true),
            (Self::Overloaded, Native) => said(1013, "overloaded", true),
            (Self::Drain | Self::Slow | Self::Overloaded | Self::Unheard, _) => unsaid,
            (Self::Policy, _) => said(1008, "too much", false),
            (Self::Token, Native | Nebula) => said(4401, "unauthenticated", false),
            (Self::Token, _) => said(4001, "Unauthorized", false),
            (Self::Forbidden, _) => said(4403, "forbidden", false),
            (Self::Gone, _) => said(4404, "gone", false),
            (Self::Protocol, _) => said(1002, "protocol error", false),
            (Self::Binary, _) => said(1003, "text only", false),
            (Self::Utf8, _) => said(1007, "not UTF-8", false),
            (Self::TooBig, _) => said(1009, "message too large", false),
            // Nobody is there who could read it.
            (Self::Silent | Self::Stalled | Self::Lost, _) => unsaid,
            // Its own frame is given back to it.
            (Self::ByPeer, _) => Farewell { frame: None, comes_back: false },
        }
    }
}
