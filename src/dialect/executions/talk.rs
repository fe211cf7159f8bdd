//! One dashboard's talk. It has nothing to say but `ping`, and hears nothing but what everybody
//! does, and what becomes of its wish to watch.

use std::borrow::Cow;
use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};

use super::Dress;
use crate::core::Answer;
use crate::dialect::reading::sound;
use crate::dialect::{
    Begin, Call, Conversation, Notice, Parting, Point, Said, Token, Unintelligible,
};
use crate::frame::Frames;
use crate::model::Text;

/// How long the guide's clients wait for an execution that nobody has spoken of: they connect while
/// it is being started.
const PATIENCE: Duration = Duration::from_secs(60);
/// How long the program's do. A relay that has started again knows nothing until its engines are back,
/// which takes them 10 s at most, and its dashboards are sent away for good by what they are told then.
const PATIENCE_REAL: Duration = Duration::from_secs(15);

/// One connection.
#[derive(Debug)]
pub(super) struct Talk {
    dress: Dress,
    /// As the path names it.
    path: Option<Text>,
    begin: Begin,
    now: Option<Instant>,
    /// When it is told that there is no such execution.
    gives_up: Option<Instant>,
    /// Whether there was one.
    watched: bool,
    leaves: Option<Parting>,
}

/// A ping that is JSON. Fields that are not known are ignored.
#[derive(Deserialize)]
struct Ping<'a> {
    #[serde(borrow, rename = "type")]
    kind: Cow<'a, str>,
}

/// What is told to one viewer alone: exactly this, with no other key.
#[derive(Serialize)]
#[serde(tag = "type", rename_all = "lowercase")]
enum Word {
    Pong {},
    Error { error: &'static str },
}

impl Talk {
    pub(super) fn new(dress: Dress, call: &Call) -> Self {
        let mut left = call.left.iter();
        let left = left.find(|(name, _)| Some(name) == call.path.as_ref()).map(|(_, at)| *at);
        // Its clients keep log lines and have no way to know one again: none is sent twice.
        let behind = left.map_or(Point::Oldest, Point::Record);
        let unknown = call.token == Token::Bad;
        Self {
            dress,
            path: call.path.clone(),
            begin: Begin::Replayed { behind, gaps: true },
            now: None,
            gives_up: None,
            watched: false,
            leaves: unknown.then_some(Parting::Unauthenticated),
        }
    }

    fn not_found(&mut self, out: &mut Frames) {
        out.text(&Word::Error { error: "Execution not found" });
        self.gives_up = None;
        self.leaves = Some(Parting::Done);
    }
}

impl Conversation for Talk {
    fn at(&mut self, now: Instant) {
        self.now = Some(now);
    }

    fn opening(&mut self) -> Option<Said> {
        if self.leaves.is_some() {
            return None;
        }
        Some(Said::Watch { name: self.path.clone()?, from: self.begin.clone() })
    }

    fn read(&mut self, frame: &str) -> Result<Said, Unintelligible> {
        let frame = frame.trim();
        let json = || {
            let ping: Option<Ping<'_>> =
                sound(frame).ok().and_then(|()| serde_json::from_str(frame).ok());
            ping.is_some_and(|it| it.kind == "ping")
        };
        let pings = ["ping", "\"ping\""].contains(&frame) || json();
        // The protocol has no word for a fault of its clients.
        Ok(if pings { Said::Ping } else { Said::Nothing })
    }

    fn answer(&mut self, answer: &Answer, out: &mut Frames) {
        match answer {
            // Nobody can ask for the past in this protocol.
            Answer::NotThen { .. } => (),
            Answer::Watching { .. } => {
                self.watched = true;
                self.gives_up = None;
            }
            // It was over for so long that it has been forgotten. Its viewer has seen how it ended,
            // and would take an error for another end.
            Answer::Unknown { .. } if self.watched => (),
            Answer::Unknown { .. } => match (self.dress, self.now) {
                (Dress::Seed, Some(now)) => self.gives_up = Some(now + PATIENCE),
                (Dress::Real, Some(now)) => self.gives_up = Some(now + PATIENCE_REAL),
                (_, None) => self.not_found(out),
            },
            // It asks for nothing that would have one.
            Answer::Receipt(_) => (),
        }
    }

    fn notice(&mut self, notice: &Notice<'_>, out: &mut Frames) {
        match notice {
            Notice::Pong { .. } => out.text(&Word::Pong {}),
            Notice::Unauthenticated { .. } => self.leaves = Some(Parting::Unauthenticated),
            // The protocol has no words for these.
            Notice::Welcome { .. }
            | Notice::Unwatched { .. }
            | Notice::Authenticated { .. }
            | Notice::Found { .. }
            | Notice::Expiring { .. }
            | Notice::Problem(_)
            | Notice::GoingAway { .. } => (),
        }
    }

    fn next(&mut self) -> Option<Said> {
        self.leaves.take().map(Said::Leave)
    }

    fn due(&self) -> Option<Instant> {
        self.gives_up
    }

    fn elapsed(&mut self, out: &mut Frames) {
        if self.gives_up.is_some_and(|due| self.now.is_some_and(|now| due <= now)) {
            self.not_found(out);
        }
    }
}
