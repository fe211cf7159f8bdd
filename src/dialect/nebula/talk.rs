//! One dashboard's talk: who it is, what it wants to see, and what it starts.

use std::borrow::Cow;
use std::collections::{BTreeMap, VecDeque};
use std::time::{Duration, Instant};

use serde::Deserialize;

use super::asks::{self, Ask, Heard, Subscription};
use super::messages::Message;
use super::watches::{Watches, Word};
use super::{code, objection};
use crate::core::{Answer, Receipt, Reference, Stage};
use crate::dialect::stamp::Teller;
use crate::dialect::{Call, Conversation, Notice, Parting, Said, Token, Unintelligible};
use crate::frame::{Frames, first};
use crate::model::{CommandAsk, CommandId, CommandKind, Text, WorkflowId};

/// How long a client has to say who it is.
const PATIENCE: Duration = Duration::from_secs(10);
/// The longest message of somebody who has yet to say that, in bytes.
const BRIEF: usize = 8 << 10;
/// Starts that are remembered until they have come to something.
const STARTS: usize = 64;

/// One connection.
#[derive(Debug)]
pub(super) struct Talk {
    now: Option<Instant>,
    standing: Standing,
    watches: Watches,
    /// What its address asks to see.
    wanted: Option<String>,
    /// What has been read. It counts once it is known not to have been too much.
    heard: Option<Heard>,
    /// What the sender of the last message calls it.
    request: Option<Text>,
    /// What the next answer is about.
    about: Option<Text>,
    /// Starts that no word has come of yet, in their order; and those that have been recorded.
    asked: VecDeque<Start>,
    begun: BTreeMap<CommandId, Start>,
    leaves: bool,
}

/// Whether its client is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Standing {
    /// It has this long to say who it is. `None`: that has yet to begin.
    Stranger(Option<Instant>),
    Known,
    Gone,
}

#[derive(Debug)]
struct Start {
    workflow: WorkflowId,
    request: Option<Text>,
}

impl Talk {
    pub(super) fn new(call: &Call) -> Self {
        let mut watches = Watches::default();
        // What an earlier connection was watching is its client's only if that has shown the same
        // token, which a message would tell too late.
        let known = call.token == Token::Good;
        if known {
            call.left.iter().for_each(|(name, at)| watches.adopt(name, *at));
        }
        let mut talk = Self {
            now: None,
            standing: if known { Standing::Known } else { Standing::Stranger(None) },
            watches,
            wanted: call.query("subscribe"),
            heard: None,
            request: None,
            about: None,
            asked: VecDeque::new(),
            begun: BTreeMap::new(),
            leaves: false,
        };
        if known {
            talk.subscribe_as_wanted();
        }
        talk
    }

    fn subscribe_as_wanted(&mut self) {
        for subscription in Subscription::list(&self.wanted.take().unwrap_or_default()) {
            match subscription {
                Ok(subscription) => self.watches.subscribe(subscription, None),
                Err(fault) => self.watches.tell(Word::Fault(fault)),
            }
        }
    }

    /// Acts on what has been heard.
    fn take_up(&mut self) -> Option<Said> {
        let Heard { ask, request } = self.heard.take()?;
        match ask {
            Ask::Subscribe(subscription) => self.watches.subscribe(subscription, request),
            Ask::Unsubscribe(subscription) => self.watches.unsubscribe(subscription),
            Ask::Execute(kind) => {
                if let CommandKind::Start { workflow, .. } = &kind {
                    self.asked.push_back(Start { workflow: workflow.clone(), request });
                }
                let ask = CommandAsk { id: None, execution: None, kind, reason: None };
                return Some(Said::Command(ask));
            }
            Ask::Authenticate { .. } | Ask::Ping => (),
        }
        None
    }

    /// What became of a start. Everything else that there are receipts for, this protocol can't ask
    /// for.
    fn receipt(&mut self, receipt: &Receipt, out: &mut Frames) {
        let Reference::Command(id) = &receipt.about else { return };
        let known = self.begun.remove(id);
        let Some(start) = known.or_else(|| self.asked.pop_front()) else { return };
        if receipt.stage == Stage::Recorded
            && let Some(execution) = &receipt.execution
        {
            self.watches.started(execution, start.request.clone());
        }
        if let Some((code, message)) = objection(start.workflow.as_str(), receipt) {
            error(code, &message, start.request.as_deref(), out);
        }
        let goes_on = matches!(
            receipt.stage,
            Stage::Recorded | Stage::Delivered | Stage::InProgress | Stage::Waiting
        );
        if goes_on {
            while STARTS <= self.begun.len() {
                self.begun.pop_first();
            }
            self.begun.insert(id.clone(), start);
        }
    }

    /// Says what has come up meanwhile.
    fn speak(&mut self, out: &mut Frames) {
        while let Some(word) = self.watches.word() {
            let message = match &word {
                Word::Subscribed(it) => Message::Subscribed(it.resource.word(), &it.id),
                Word::Unsubscribed(it) => Message::Unsubscribed(it.resource.word(), &it.id),
                Word::Failed(name, why, request) => {
                    let message = format!("Cannot subscribe to execution '{name}': {why}");
                    error("SUBSCRIPTION_FAILED", &message, request.as_deref(), out);
                    continue;
                }
                Word::Fault(fault) => {
                    error(code(fault.code), &fault.message, None, out);
                    continue;
                }
            };
            say(&message, out);
        }
    }

    fn refuse(&mut self, message: &str, out: &mut Frames) {
        error("UNAUTHORIZED", message, self.request.as_deref(), out);
        (self.standing, self.leaves) = (Standing::Gone, true);
    }
}

impl Conversation for Talk {
    fn at(&mut self, now: Instant) {
        self.now = Some(now);
        if self.standing == Standing::Stranger(None) {
            self.standing = Standing::Stranger(Some(now + PATIENCE));
        }
    }

    fn read(&mut self, frame: &str) -> Result<Said, Unintelligible> {
        (self.heard, self.request) = (None, None);
        if let Standing::Stranger(_) | Standing::Gone = self.standing {
            let heard = if frame.len() <= BRIEF { asks::read(frame).ok() } else { None };
            return match heard {
                Some(Heard { ask: Ask::Authenticate { token }, request }) => {
                    self.request = request;
                    Ok(Said::Authenticate { token })
                }
                other => {
                    self.request = other.and_then(|it| it.request);
                    let message = "Send {\"type\":\"authenticate\",\"token\":…} first";
                    Err(asks::fault("unauthenticated", message.to_owned()))
                }
            };
        }
        let read = asks::read(frame);
        let about = |fault: &Unintelligible| fault.about.as_deref().map(Text::from);
        self.request = read.as_ref().map_or_else(about, |heard| heard.request.clone());
        let heard = read?;
        match heard.ask {
            Ask::Authenticate { token } => Ok(Said::Authenticate { token }),
            Ask::Ping => Ok(Said::Ping),
            Ask::Subscribe(_) | Ask::Unsubscribe(_) | Ask::Execute(_) => {
                self.heard = Some(heard);
                Ok(Said::Nothing)
            }
        }
    }

    fn about(&mut self, name: &Text) {
        self.about = Some(name.clone());
    }

    fn answer(&mut self, answer: &Answer, out: &mut Frames) {
        let about = self.about.take();
        match answer {
            // Nobody can ask for the past in this protocol.
            Answer::NotThen { .. } => (),
            Answer::Watching { execution, .. } => {
                let name = about.unwrap_or_else(|| execution.as_str().into());
                self.watches.seated(&name, execution);
            }
            Answer::Unknown { execution } => {
                let name = about.unwrap_or_else(|| execution.as_str().into());
                self.unknown(&name);
            }
            Answer::Receipt(receipt) => self.receipt(receipt, out),
        }
        self.speak(out);
    }

    fn notice(&mut self, notice: &Notice<'_>, out: &mut Frames) {
        match notice {
            Notice::Pong { .. } => say(&Message::Pong, out),
            Notice::Authenticated { principal, .. } => {
                say(&Message::Authenticated(principal), out);
                if self.standing != Standing::Known {
                    self.standing = Standing::Known;
                    self.subscribe_as_wanted();
                }
            }
            Notice::Unauthenticated { expired: true } => self.refuse("Token expired", out),
            Notice::Unauthenticated { expired: false } => {
                self.refuse("The token is not valid: get another one", out);
            }
            Notice::Found { group, logs } => self.watches.found(group, logs),
            Notice::Problem(problem) => self.problem(problem, out),
            // The protocol has no words for these.
            Notice::Welcome { .. }
            | Notice::Unwatched { .. }
            | Notice::Expiring { .. }
            | Notice::GoingAway { .. } => (),
        }
        self.speak(out);
    }

    fn next(&mut self) -> Option<Said> {
        if let Some(said) = self.take_up().or_else(|| self.watches.act()) {
            return Some(said);
        }
        std::mem::take(&mut self.leaves).then_some(Said::Leave(Parting::Unauthenticated))
    }

    fn due(&self) -> Option<Instant> {
        if self.watches.is_busy() {
            return self.now;
        }
        let stranger = if let Standing::Stranger(until) = self.standing { until } else { None };
        stranger.into_iter().chain(self.watches.due()).min()
    }

    fn elapsed(&mut self, out: &mut Frames) {
        let Some(now) = self.now else { return };
        if let Standing::Stranger(Some(until)) = self.standing
            && until <= now
        {
            self.request = None;
            self.refuse("Nobody has authenticated in time", out);
        }
        self.watches.expire(now);
        self.speak(out);
    }

    fn listens(&self) -> bool {
        self.watches.has_found()
    }

    fn sent(&mut self, mut frames: &[u8]) {
        while !frames.is_empty() {
            let (_, payload, rest) = first(frames);
            if let Ok(Told { execution: Some(Whole { id, status }) }) =
                serde_json::from_slice(payload)
                && ["completed", "failed", "cancelled"].contains(&&*status)
            {
                self.watches.ended(&id);
            }
            frames = rest;
        }
    }
}

impl Talk {
    fn problem(&mut self, problem: &Unintelligible, out: &mut Frames) {
        // What was too much is as if it had not been said.
        self.heard = None;
        let about = self.about.take();
        let name = problem.about.as_deref().map(Text::from);
        match (problem.code, about.or(name)) {
            ("not_found", Some(name)) => self.unknown(&name),
            ("too_many_subscriptions", Some(name)) => self.watches.too_many(&name),
            _ => error(code(problem.code), &problem.message, self.request.as_deref(), out),
        }
    }

    fn unknown(&mut self, name: &Text) {
        if let Some(now) = self.now {
            self.watches.unknown(name, now);
        }
    }
}

/// What everybody is told, as far as it says how an execution stands.
#[derive(Deserialize)]
struct Told<'a> {
    #[serde(borrow)]
    execution: Option<Whole<'a>>,
}

#[derive(Deserialize)]
struct Whole<'a> {
    #[serde(borrow)]
    id: Cow<'a, str>,
    #[serde(borrow)]
    status: Cow<'a, str>,
}

fn say(message: &Message<'_>, out: &mut Frames) {
    // For one viewer alone: it has no place in anybody's order.
    Teller { stamp: None, out }.say(message);
}

fn error(code: &str, message: &str, request: Option<&str>, out: &mut Frames) {
    say(&Message::Error { code, message, request }, out);
}
