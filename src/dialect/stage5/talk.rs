//! One dashboard's talk. What is missed is asked for right after opening, or never: so the state is
//! shown at once, and what is retained a moment later. Success is silent here, because what follows
//! from it is seen; failure is an `error_occurred` to the one who asked.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use super::asks::{self, Ask};
use super::receipts::{Order, of_command, of_decision};
use super::voice::{Nothing, Voice};
use super::workflow::{Fault, Saying};
use crate::core::{Answer, Receipt, Reference, Stage};
use crate::dialect::object::Fields;
use crate::dialect::stamp::Teller;
use crate::dialect::{Begin, Call, Conversation, Notice, Point, Said, Unintelligible};
use crate::frame::Frames;
use crate::model::{CommandAsk, CommandId, Text, Timestamp};

/// How long what is retained waits for a client to say which of it it has seen.
const WINDOW: Duration = Duration::from_millis(200);
/// The same for one whose earlier connection was lost: it will say so, however far away it is.
const WINDOW_AGAIN: Duration = Duration::from_secs(1);
/// Commands whose answers are waited for.
const GIVEN: usize = 64;

/// One connection.
#[derive(Debug)]
pub(super) struct Talk {
    /// As the path names it.
    run: Option<Text>,
    now: Option<Instant>,
    /// The relay's clock, and when it showed that.
    clock: Option<(Timestamp, Instant)>,
    replay: Replay,
    /// How long that is held.
    window: Duration,
    /// Behind which point, as far as it has said.
    behind: Point,
    /// Whether anybody has spoken of its run, where that is known.
    known: Option<bool>,
    /// Nobody has; that is told once it is clear that it does not want it to begin.
    owes: bool,
    /// A task that waits to see whether its run has begun.
    start: Option<CommandAsk>,
    /// What the last message changes, if it was not one too many.
    change: Option<Change>,
    next: Option<Said>,
    /// Commands that have no name yet: they are answered in their order.
    nameless: VecDeque<Order>,
    given: VecDeque<(CommandId, Order)>,
}

/// Whether what is retained has been asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Replay {
    /// Nothing is open yet, or all is done.
    Settled,
    /// It is not, until then.
    Held(Instant),
    /// It is to be, once there is something.
    Due,
}

/// What a message changes here.
#[derive(Debug)]
enum Change {
    Notes(Point),
    Replays,
    Gives(Order),
    Starts(CommandAsk),
    Wants(CommandAsk),
}

impl Talk {
    pub(super) fn new(call: &Call) -> Self {
        Self {
            run: call.path.clone(),
            now: None,
            clock: None,
            replay: Replay::Settled,
            window: if call.again { WINDOW_AGAIN } else { WINDOW },
            behind: Point::Oldest,
            known: None,
            owes: false,
            start: None,
            change: None,
            next: None,
            nameless: VecDeque::new(),
            given: VecDeque::new(),
        }
    }

    /// What time it is by the relay's clock.
    fn time(&self) -> Timestamp {
        let Some((time, then)) = self.clock else { return Timestamp::default() };
        time.after(self.now.map_or(Duration::ZERO, |now| now.saturating_duration_since(then)))
    }

    /// For one viewer alone: it has no place in anybody's order.
    fn say(&self, time: Timestamp, event_type: &str, data: &impl Fields, out: &mut Frames) {
        let run = self.run.as_deref().unwrap_or_default();
        let teller = Teller { stamp: None, out };
        Voice { teller, time, run, session: None }.say(event_type, data);
    }

    fn error(&self, error_type: &str, message: &str, out: &mut Frames) {
        let fault = Fault { error_type, message, step: None, traceback: None };
        self.say(self.time(), "error_occurred", &fault, out);
    }

    fn not_found(&self, out: &mut Frames) {
        let run = self.run.as_deref().unwrap_or_default();
        self.error("NotFound", &format!("Run {run} not found"), out);
    }

    /// Nobody has spoken of its run.
    fn unknown(&mut self, out: &mut Frames) {
        self.known = Some(false);
        match (self.start.take(), self.replay) {
            (Some(ask), _) => {
                self.next = Some(Said::Command(ask.clone()));
                self.begin(ask);
            }
            (None, Replay::Held(_)) => self.owes = true,
            (None, Replay::Settled | Replay::Due) => self.not_found(out),
        }
    }

    fn watch(&self, from: Begin) -> Option<Said> {
        Some(Said::Watch { name: self.run.clone()?, from })
    }

    /// Its last message was heard.
    fn settle(&mut self) {
        match self.change.take() {
            Some(Change::Notes(point)) => self.behind = point,
            Some(Change::Replays) => (self.replay, self.owes) = (Replay::Settled, false),
            Some(Change::Gives(order)) => remember(&mut self.nameless, order),
            Some(Change::Starts(ask)) => self.begin(ask),
            Some(Change::Wants(ask)) => self.start = Some(ask),
            None => (),
        }
    }

    fn begin(&mut self, ask: CommandAsk) {
        self.owes = false;
        if let Some(id) = ask.id.filter(|id| self.given.iter().all(|(it, _)| it != id)) {
            remember(&mut self.given, (id, Order::Start));
        }
    }

    /// The state, and what is retained; or the state alone once more.
    fn state(&mut self, since: Option<i64>) -> Option<Said> {
        let now = self.time();
        let moment = |since| Point::Moment { time: Timestamp(since).min(now), left: None };
        let point = since.map_or(Point::Oldest, moment);
        if let Replay::Held(_) = self.replay {
            // Some of its clients close a connection right after they have asked this, and take the
            // answer for missed or for heard, as it happens: there is none until the window is over.
            self.change = Some(Change::Notes(point));
            return None;
        }
        self.change = Some(Change::Replays);
        self.watch(match (self.known, self.replay) {
            // Its first wish has come true.
            (Some(true), Replay::Held(_) | Replay::Due) => Begin::Behind(point),
            (Some(true), Replay::Settled) => Begin::Shown(Point::Here),
            (Some(false) | None, _) => Begin::Shown(point),
        })
    }

    fn start(&mut self, ask: CommandAsk) -> Result<Said, Unintelligible> {
        match (self.known, &self.start) {
            (Some(true), _) => Ok(Said::Nothing),
            (Some(false), _) => {
                self.change = Some(Change::Starts(ask.clone()));
                Ok(Said::Command(ask))
            }
            (None, Some(other)) if *other != ask => {
                let message = "Another task is about to be started".to_owned();
                Err(asks::fault("bad_start", message))
            }
            (None, _) => {
                self.change = Some(Change::Wants(ask));
                Ok(Said::Nothing)
            }
        }
    }

    /// What a receipt is about, of the commands that were given here.
    fn order(&mut self, id: &CommandId, stage: &Stage) -> Option<Order> {
        let at = self.given.iter().position(|(it, _)| it == id);
        let over = !matches!(
            stage,
            Stage::Recorded | Stage::Delivered | Stage::InProgress | Stage::Waiting
        );
        match at {
            Some(at) if over => self.given.remove(at).map(|(_, order)| order),
            Some(at) => self.given.get(at).map(|(_, order)| *order),
            None => {
                let order = self.nameless.pop_front()?;
                if !over {
                    remember(&mut self.given, (id.clone(), order));
                }
                Some(order)
            }
        }
    }

    fn receipt(&mut self, receipt: &Receipt, out: &mut Frames) {
        let said = match &receipt.about {
            Reference::Command(id) => {
                let order = self.order(id, &receipt.stage);
                of_command(receipt, order)
            }
            Reference::Decision(_) => of_decision(receipt),
        };
        if let Some((error_type, message)) = said {
            self.error(error_type, &message, out);
        }
    }
}

/// The oldest is forgotten: its answer is a long time coming.
fn remember<T>(list: &mut VecDeque<T>, item: T) {
    if GIVEN <= list.len() {
        list.pop_front();
    }
    list.push_back(item);
}

impl Conversation for Talk {
    fn at(&mut self, now: Instant) {
        self.now = Some(now);
    }

    fn opening(&mut self) -> Option<Said> {
        let said = self.watch(Begin::Held)?;
        self.replay = self.now.map_or(Replay::Due, |now| Replay::Held(now + self.window));
        Some(said)
    }

    fn read(&mut self, frame: &str) -> Result<Said, Unintelligible> {
        self.settle();
        let Some(run) = self.run.clone() else {
            return Err(asks::fault("no_run", "The path names no run".to_owned()));
        };
        match asks::read(frame, &run)? {
            Ask::Ping => Ok(Said::Ping),
            Ask::State(since) => Ok(self.state(since).unwrap_or(Said::Nothing)),
            Ask::Decide(ask) => Ok(Said::Decide(ask)),
            Ask::Command(kind) => {
                self.change = Some(Change::Gives(Order::of(&kind)));
                let execution = Some(run);
                Ok(Said::Command(CommandAsk { id: None, execution, kind, reason: None }))
            }
            Ask::Start(ask) => self.start(ask),
        }
    }

    fn answer(&mut self, answer: &Answer, out: &mut Frames) {
        self.settle();
        match answer {
            // Nobody can ask for the past in this protocol.
            Answer::NotThen { .. } => (),
            Answer::Watching { .. } => {
                (self.known, self.owes, self.start) = (Some(true), false, None);
                if self.replay == Replay::Due {
                    self.replay = Replay::Settled;
                    self.next = self.watch(Begin::Behind(self.behind.clone()));
                }
            }
            Answer::Unknown { .. } => self.unknown(out),
            Answer::Receipt(receipt) => self.receipt(receipt, out),
        }
    }

    fn notice(&mut self, notice: &Notice<'_>, out: &mut Frames) {
        match notice {
            Notice::Welcome { time, .. } => {
                self.clock = self.now.map(|now| (*time, now));
                self.say(*time, "connected", &Saying("Connected to workflow"), out);
            }
            Notice::Pong { time } => self.say(*time, "pong", &Nothing, out),
            Notice::Problem(problem) => {
                if problem.code == "rate_limited" {
                    self.change = None;
                }
                self.problem(problem, out);
            }
            Notice::Unauthenticated { .. } => {
                self.error("Unauthenticated", "This token does not count: get another", out);
            }
            // The protocol has no words for these.
            Notice::Unwatched { .. }
            | Notice::Authenticated { .. }
            | Notice::Found { .. }
            | Notice::Expiring { .. }
            | Notice::GoingAway { .. } => (),
        }
    }

    fn next(&mut self) -> Option<Said> {
        self.settle();
        self.next.take()
    }

    fn due(&self) -> Option<Instant> {
        match self.replay {
            Replay::Held(until) => Some(until),
            Replay::Settled | Replay::Due => None,
        }
    }

    fn elapsed(&mut self, out: &mut Frames) {
        self.settle();
        if self.due().is_none_or(|due| self.now.is_none_or(|now| now < due)) {
            return;
        }
        self.replay = Replay::Due;
        if self.known == Some(true) {
            self.replay = Replay::Settled;
            self.next = self.watch(Begin::Behind(self.behind.clone()));
        }
        if std::mem::take(&mut self.owes) {
            self.not_found(out);
        }
    }
}

impl Talk {
    fn problem(&mut self, problem: &Unintelligible, out: &mut Frames) {
        let error_type = match problem.code {
            // No execution can have such a name.
            "not_found" => return self.unknown(out),
            "approval_not_pending" => "ApprovalNotPending",
            "bad_start" => "StartError",
            "rate_limited" => "RateLimited",
            _ => "InvalidMessage",
        };
        self.error(error_type, &problem.message, out);
    }
}
