//! A connection's side of the conversation: what a frame amounts to, whether that is too much, and
//! the words for what the viewer alone is told. It waits for nothing and knows no socket.

use std::sync::Arc;

use tokio::time::Instant;

use super::connection::{Guest, House};
use super::{Bucket, Close, Rate, Rates, Seat, Topic, Viewer};
use crate::core::{Answer, Input};
use crate::dialect::{Conversation, Dialect, Manners, Notice, Said, Unintelligible};
use crate::frame::Frames;
use crate::model::{Position, Principal, ViewerId};
use crate::shard::{Join, Message};

/// Who is talked to, and about what.
#[derive(Debug)]
pub(super) struct Talk {
    pub(super) id: ViewerId,
    dialect: &'static dyn Dialect,
    conversation: Box<dyn Conversation>,
    principal: Arc<Principal>,
    buckets: Buckets,
    /// Refusals in a row.
    refused: u32,
    /// What it watches or wants to, and the number of that wish.
    wishes: Vec<(Topic, u32)>,
    wished: u32,
}

#[derive(Debug)]
struct Buckets {
    messages: Bucket,
    pings: Bucket,
    decisions: Bucket,
    subscribes: Bucket,
}

impl Talk {
    pub(super) fn new(guest: Guest, now: Instant) -> Self {
        let Guest { viewer: id, dialect, conversation, principal } = guest;
        let full = Bucket::new(now);
        Self {
            id,
            dialect,
            conversation,
            principal: Arc::new(principal),
            buckets: Buckets { messages: full, pings: full, decisions: full, subscribes: full },
            refused: 0,
            wishes: Vec::new(),
            wished: 0,
        }
    }

    pub(super) fn manners(&self) -> Manners {
        self.dialect.manners()
    }

    pub(super) fn principal(&self) -> &Arc<Principal> {
        &self.principal
    }

    /// What connecting already says.
    pub(super) fn open(&mut self, house: &House, viewer: &mut Viewer) -> Option<Message> {
        let rate = house.options.rates(self.manners()).messages;
        let principal = self.principal.clone();
        let welcome = Notice::Welcome {
            time: house.clock.now().time,
            boot: house.boot,
            durability: house.durability,
            principal: &principal,
            max_message: house.options.max_message,
            rate: (per_second(rate), rate.burst),
        };
        self.notice(&welcome, viewer);
        let said = self.conversation.opening()?;
        self.act(said, house, viewer)
    }

    /// What a frame amounts to.
    ///
    /// # Errors
    /// The connection is to end.
    pub(super) fn hear(
        &mut self,
        frame: &str,
        now: Instant,
        house: &House,
        viewer: &mut Viewer,
    ) -> Result<Option<Message>, Close> {
        let read = self.conversation.read(frame);
        let rates = house.options.rates(self.manners());
        let in_time = self.buckets.messages.take(rates.messages, now)
            && read.as_ref().map_or(true, |said| self.buckets.allow(said, rates, now));
        if !in_time {
            self.problem("rate_limited", "too much at once", about(&read), viewer);
            return self.refuse(house).map(|()| None);
        }
        self.refused = 0;
        match read {
            Ok(said) => Ok(self.act(said, house, viewer)),
            Err(unintelligible) => {
                self.notice(&Notice::Problem(&unintelligible), viewer);
                Ok(None)
            }
        }
    }

    /// It has sent a ping of the socket's own kind, which has been answered.
    ///
    /// # Errors
    /// As above.
    pub(super) fn pinged(&mut self, now: Instant, house: &House) -> Result<(), Close> {
        let rates = house.options.rates(self.manners());
        if self.buckets.pings.take(rates.pings, now) { Ok(()) } else { self.refuse(house) }
    }

    fn refuse(&mut self, house: &House) -> Result<(), Close> {
        self.refused += 1;
        if self.refused < house.options.refusals { Ok(()) } else { Err(Close::Policy) }
    }

    fn act(&mut self, said: Said, house: &House, viewer: &mut Viewer) -> Option<Message> {
        let id = self.id;
        match said {
            Said::Watch { name, since } => self.wish(Topic::Execution(name), since, house, viewer),
            Said::WatchDirectory => self.wish(Topic::Directory, None, house, viewer),
            Said::Unwatch { name } => {
                let topic = Topic::Execution(name.clone());
                viewer.unwatch(&topic);
                self.wishes.retain(|(it, _)| *it != topic);
                self.notice(&Notice::Unwatched { name: &name }, viewer);
                Some(Message::Leave { viewer: id, topic })
            }
            Said::UnwatchDirectory => {
                viewer.unwatch(&Topic::Directory);
                self.wishes.retain(|(it, _)| *it != Topic::Directory);
                Some(Message::Leave { viewer: id, topic: Topic::Directory })
            }
            Said::Decide(ask) => {
                let principal = Principal::clone(&self.principal);
                Some(Message::Input(Input::Decided { viewer: id, principal, ask }))
            }
            Said::Command(ask) => {
                let principal = Principal::clone(&self.principal);
                Some(Message::Input(Input::Commanded { viewer: id, principal, ask }))
            }
            Said::Ping => {
                self.notice(&Notice::Pong { time: house.clock.now().time }, viewer);
                None
            }
            Said::Nothing => None,
        }
    }

    fn wish(
        &mut self,
        topic: Topic,
        since: Option<Position>,
        house: &House,
        viewer: &mut Viewer,
    ) -> Option<Message> {
        let known = self.wishes.iter().any(|(it, _)| *it == topic);
        if !known && house.options.subscriptions <= self.wishes.len() {
            let about = name(&topic);
            self.problem("too_many_subscriptions", "unsubscribe from something", about, viewer);
            return None;
        }
        Some(self.join(topic, since))
    }

    /// Its wish to watch `topic`, from there on: the first, or once more.
    pub(super) fn join(&mut self, topic: Topic, since: Option<Position>) -> Message {
        self.wished = self.wished.wrapping_add(1);
        let ticket = self.wished;
        match self.wishes.iter_mut().find(|(it, _)| *it == topic) {
            Some((_, older)) => *older = ticket,
            None => {
                self.wishes.reserve_exact(1);
                self.wishes.push((topic.clone(), ticket));
            }
        }
        Message::Join(Join { viewer: self.id, topic, dialect: self.dialect, since, ticket })
    }

    /// What came of a wish. What belongs to one that has been replaced or taken back is ignored.
    pub(super) fn seated(&mut self, seat: Seat, viewer: &mut Viewer) {
        let Seat { topic, ticket, answer, cursor } = seat;
        let Some(at) = self.wishes.iter().position(|it| *it == (topic.clone(), ticket)) else {
            return;
        };
        match (&answer, &cursor) {
            (Some(answer), _) => self.answer(answer, viewer),
            (None, Some(_)) => (),
            (None, None) => self.problem("not_found", "no such execution", name(&topic), viewer),
        }
        match cursor {
            Some(cursor) => viewer.watch(topic, cursor),
            None => {
                // It may have watched this before it was forgotten.
                viewer.unwatch(&topic);
                if self.manners() == Manners::Native {
                    self.wishes.remove(at);
                }
            }
        }
    }

    pub(super) fn answer(&mut self, answer: &Answer, viewer: &mut Viewer) {
        let mut frames = Frames::default();
        self.conversation.answer(answer, &mut frames);
        viewer.say(frames.as_bytes());
    }

    pub(super) fn notice(&mut self, notice: &Notice<'_>, viewer: &mut Viewer) {
        let mut frames = Frames::default();
        self.conversation.notice(notice, &mut frames);
        viewer.say(frames.as_bytes());
    }

    fn problem(
        &mut self,
        code: &'static str,
        message: &str,
        about: Option<String>,
        viewer: &mut Viewer,
    ) {
        let problem = Unintelligible { code, message: message.to_owned(), about };
        self.notice(&Notice::Problem(&problem), viewer);
    }
}

impl Buckets {
    fn allow(&mut self, said: &Said, rates: &Rates, now: Instant) -> bool {
        match said {
            Said::Watch { .. } | Said::WatchDirectory => {
                self.subscribes.take(rates.subscribes, now)
            }
            Said::Decide(_) => self.decisions.take(rates.decisions, now),
            Said::Ping => self.pings.take(rates.pings, now),
            Said::Unwatch { .. } | Said::UnwatchDirectory | Said::Command(_) | Said::Nothing => {
                true
            }
        }
    }
}

fn about(read: &Result<Said, Unintelligible>) -> Option<String> {
    match read {
        Err(unintelligible) => unintelligible.about.clone(),
        Ok(Said::Watch { name, .. } | Said::Unwatch { name }) => Some(name.as_ref().to_owned()),
        Ok(Said::Decide(ask)) => ask.id.as_ref().map(|id| id.as_str().to_owned()),
        Ok(Said::Command(ask)) => ask.id.as_ref().map(|id| id.as_str().to_owned()),
        Ok(Said::WatchDirectory | Said::UnwatchDirectory | Said::Ping | Said::Nothing) => None,
    }
}

fn name(topic: &Topic) -> Option<String> {
    match topic {
        Topic::Execution(name) => Some(name.as_ref().to_owned()),
        Topic::Directory => None,
    }
}

fn per_second(rate: Rate) -> u32 {
    u32::try_from(1_000_000_000 / rate.every.as_nanos().max(1)).unwrap_or(u32::MAX)
}
