//! One connection's talk: who it is, as far as that has to be said in messages, and then what it wants.

use std::time::{Duration, Instant};

use super::answers::Answered;
use super::said;
use crate::core::Answer;
use crate::dialect::object::Object;
use crate::dialect::{Call, Conversation, Notice, Parting, Said, Token, Unintelligible};
use crate::frame::Frames;
use crate::model::Durability;

/// How long somebody has to say who it is.
const PATIENCE: Duration = Duration::from_secs(10);
/// The longest message that may say so, in bytes.
const BRIEF: usize = 8 << 10;

/// One connection's talk.
#[derive(Debug)]
pub(super) struct Talk {
    /// As its welcome said: what it means that something is recorded.
    durability: Durability,
    standing: Standing,
    leaves: bool,
}

/// Whether its client is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Standing {
    /// It has this long to say who it is. `None`: that has yet to begin.
    Stranger(Option<Instant>),
    /// By a token, in place of which it can show another.
    Known,
    /// Nobody asks for one.
    Anybody,
}

impl Talk {
    pub(super) fn new(call: &Call) -> Self {
        let standing = match call.token {
            _ if call.stranger => Standing::Stranger(None),
            Token::Good => Standing::Known,
            Token::Absent | Token::Bad => Standing::Anybody,
        };
        // What was shown does not count, and a second try is a second connection.
        let leaves = call.stranger && call.token == Token::Bad;
        Self { durability: Durability::default(), standing, leaves }
    }

    fn stranger(&mut self) -> Unintelligible {
        self.leaves = true;
        let message = "Send {\"type\":\"authenticate\",\"token\":…} first".to_owned();
        Unintelligible { code: "unauthenticated", message, about: None }
    }
}

impl Conversation for Talk {
    fn at(&mut self, now: Instant) {
        if self.standing == Standing::Stranger(None) {
            self.standing = Standing::Stranger(Some(now + PATIENCE));
        }
    }

    fn read(&mut self, frame: &str) -> Result<Said, Unintelligible> {
        match self.standing {
            Standing::Anybody => said::read(frame, false),
            Standing::Known => said::read(frame, true),
            Standing::Stranger(_) if BRIEF < frame.len() || self.leaves => Err(self.stranger()),
            Standing::Stranger(_) => match said::read(frame, true) {
                Ok(said @ Said::Authenticate { .. }) => Ok(said),
                Ok(_) | Err(_) => Err(self.stranger()),
            },
        }
    }

    fn answer(&mut self, answer: &Answer, out: &mut Frames) {
        out.text(&Object(Answered(answer, self.durability)));
    }

    fn notice(&mut self, notice: &Notice<'_>, out: &mut Frames) {
        match notice {
            Notice::Welcome { durability, .. } => self.durability = *durability,
            // Its welcome has said so.
            Notice::Authenticated { .. } if self.standing != Standing::Known => {
                self.standing = Standing::Known;
                return;
            }
            Notice::Unauthenticated { .. } => self.leaves = true,
            // Nobody can ask for these in this protocol.
            Notice::Found { .. } => return,
            Notice::Authenticated { .. }
            | Notice::Expiring { .. }
            | Notice::Pong { .. }
            | Notice::Unwatched { .. }
            | Notice::Problem(_)
            | Notice::GoingAway { .. } => {}
        }
        out.text(&Object(notice));
    }

    fn next(&mut self) -> Option<Said> {
        std::mem::take(&mut self.leaves).then_some(Said::Leave(Parting::Unauthenticated))
    }

    fn due(&self) -> Option<Instant> {
        if let Standing::Stranger(until) = self.standing { until } else { None }
    }

    fn elapsed(&mut self, _: &mut Frames) {
        self.leaves |= matches!(self.standing, Standing::Stranger(_));
    }
}
