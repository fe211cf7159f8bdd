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
    /// Its person or its tenant has too many connections, or too many attempts of its address have
    /// failed.
    TooMany,
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

/// Code and reason. `None`: no close frame.
type Frame = Option<(u16, &'static str)>;

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
    pub const ALL: [Self; 18] = [
        Self::Done,
        Self::Drain,
        Self::Slow,
        Self::Overloaded,
        Self::TooMany,
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
            Self::TooMany => "too_many",
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

    /// Whether the client's next connection may take over what this one was watching: it is meant to
    /// come back, and was not told to begin anew.
    pub fn keeps_its_place(self, manners: Manners) -> bool {
        let farewell = self.farewell(manners);
        farewell.comes_back && farewell.frame.is_none()
    }

    /// How it is said.
    pub fn farewell(self, manners: Manners) -> Farewell {
        let row = self.row();
        let frame = match manners {
            Manners::Native => row.native,
            Manners::Windags => row.windags,
            Manners::Executions => row.executions,
            Manners::Stage5 => row.stage5,
            Manners::Nebula => row.nebula,
        };
        Farewell { frame, comes_back: row.comes_back }
    }

    /// The table.
    fn row(self) -> Row {
        const LOST: Frame = None;
        let same = |code, reason| Row::of(false, [Some((code, reason)); 5]);
        let lost = |comes_back| Row::of(comes_back, [LOST; 5]);
        let back = |code, reason| Row::of(true, [Some((code, reason)), LOST, LOST, LOST, LOST]);
        match self {
            Self::Done => same(1000, "done"),
            Self::Drain => back(1012, "the relay restarts"),
            Self::Slow => back(1013, "too slow"),
            Self::Overloaded => back(1013, "overloaded"),
            Self::TooMany => back(1013, "too many"),
            Self::Policy => same(1008, "too much"),
            Self::Token => {
                let ours = Some((4401, "unauthenticated"));
                let theirs = Some((4001, "Unauthorized"));
                Row { native: ours, nebula: ours, ..Row::of(false, [theirs; 5]) }
            }
            Self::Forbidden => same(4403, "forbidden"),
            // Of what is gone there is nothing more to see, and of the seeds' clients those that can
            // be told to stay away know 1000 alone.
            Self::Gone => Row { native: Some((4404, "gone")), ..same(1000, "gone") },
            Self::Protocol => same(1002, "protocol error"),
            Self::Binary => same(1003, "text only"),
            Self::Utf8 => same(1007, "not UTF-8"),
            Self::TooBig => same(1009, "message too large"),
            // Nobody is there who could read anything.
            Self::Silent | Self::Stalled | Self::Lost => lost(true),
            // Only protocols of the seeds know acknowledgements.
            Self::Unheard => lost(true),
            // Its own frame is given back to it.
            Self::ByPeer => lost(false),
        }
    }
}

/// A line of the table: what each protocol's clients are told.
struct Row {
    comes_back: bool,
    native: Frame,
    windags: Frame,
    executions: Frame,
    stage5: Frame,
    nebula: Frame,
}

impl Row {
    fn of(comes_back: bool, frames: [Frame; 5]) -> Self {
        let [native, windags, executions, stage5, nebula] = frames;
        Self { comes_back, native, windags, executions, stage5, nebula }
    }
}
