//! A connection's side of the conversation: what a frame amounts to, whether that is too much, and
//! the words for what the viewer alone is told. It waits for nothing and knows no socket.

use std::{collections::VecDeque, sync::Arc};

use tokio::time::Instant;

mod about;
mod papers;

use about::{about, name};
use papers::{Checking, Ends};

use super::buckets::Buckets;
use super::kin::Member;
use super::{Close, Entry, Guest, House, Past, Post, Seat, Topic, Viewer};
use crate::auth::Pass;
use crate::core::{Answer, Input};
use crate::dialect::{
    Begin, Conversation, Dialect, Group, Manners, Notice, Parting, Point, Said, Unintelligible,
};
use crate::frame::Frames;
use crate::model::{ExecutionId, Principal, ViewerId};
use crate::shard::{Join, Message};

/// Who is talked to, and about what.
#[derive(Debug)]
pub(super) struct Talk {
    pub(super) id: ViewerId,
    dialect: &'static dyn Dialect,
    conversation: Box<dyn Conversation>,
    /// `None`: nobody knows who it is, and the shard does not know of it.
    pass: Option<Arc<Pass>>,
    /// How the shard is to reach it once that is known.
    post: Option<Post>,
    /// When that ends.
    ends: Option<Box<Ends>>,
    /// A token whose key has yet to be fetched.
    checking: Option<Box<Checking>>,
    /// Whether it is on this very machine.
    local: bool,
    kin: Option<Box<Member>>,
    entry: Box<Entry>,
    buckets: Buckets,
    /// Refusals in a row.
    refused: u32,
    /// What it watches or wants to, and the number of that wish.
    wishes: Vec<(Topic, u32)>,
    wished: u32,
    /// What the shard is to be told.
    errands: VecDeque<Message>,
    leaves: Option<Close>,
}

impl Talk {
    pub(super) fn new(guest: Guest, now: Instant, post: Post) -> Self {
        let Guest { viewer: id, dialect, conversation, pass, local, kin, entry } = guest;
        Self {
            id,
            dialect,
            conversation,
            pass,
            post: Some(post),
            ends: None,
            checking: None,
            local,
            kin,
            entry,
            buckets: Buckets::new(now),
            refused: 0,
            wishes: Vec::new(),
            wished: 0,
            errands: VecDeque::new(),
            leaves: None,
        }
    }

    pub(super) fn manners(&self) -> Manners {
        self.dialect.manners()
    }

    /// Whether nobody knows who it is.
    pub(super) fn is_stranger(&self) -> bool {
        self.pass.is_none()
    }

    /// Its client's other connections, where those matter.
    pub(super) fn kin(&self) -> Option<&Member> {
        self.kin.as_deref()
    }

    /// What the shard is to be told next.
    pub(super) fn errand(&mut self) -> Option<Message> {
        let next = self.errands.pop_front();
        if next.is_none() && self.errands.capacity() != 0 {
            self.errands = VecDeque::new();
        }
        next
    }

    /// Why the connection is to end, if its protocol wants that.
    pub(super) fn leaves(&mut self) -> Option<Close> {
        self.leaves.take()
    }

    /// When [`Talk::elapsed`] is to be called.
    pub(super) fn due(&self) -> Option<Instant> {
        let ends = self.ends.as_ref().map(|it| it.next());
        self.conversation.due().map(Instant::from_std).into_iter().chain(ends).min()
    }

    /// What connecting already says.
    pub(super) fn open(&mut self, now: Instant, house: &House, viewer: &mut Viewer) {
        self.conversation.at(now.into_std());
        if self.pass.is_some() {
            self.let_in(house, viewer);
        } else if !self.manners().can_authenticate() {
            self.refuse_token(false, viewer);
        }
        self.follow_up(house, viewer);
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
    ) -> Result<(), Close> {
        self.conversation.at(now.into_std());
        let read = self.conversation.read(frame);
        let rates = house.options.rates(self.manners());
        let (manners, said) = (self.manners(), read.as_ref().ok());
        let mut allowed = self.buckets.allow(said, rates, now);
        if let Some(kin) = self.kin.as_ref().filter(|_| allowed.is_ok() && manners.counts_clients())
        {
            allowed = kin.may_speak(rates.messages, now).then_some(()).ok_or("messages");
        }
        if let Some(share) = self.entry.share.as_ref().filter(|_| allowed.is_ok()) {
            allowed = share.may_say(manners, said, now);
        }
        if let Err(what) = allowed {
            house.crowd.refused(what);
            self.problem("rate_limited", "too much at once", about(&read), viewer);
            return self.refuse(house);
        }
        self.refused = 0;
        match read {
            Ok(said) => {
                // To ask for what was missed is what a connection is opened with.
                let lives = !matches!(said, Said::Watch { .. } | Said::Nothing);
                if let Some(kin) = self.kin.as_ref().filter(|_| lives) {
                    kin.lives(now);
                }
                self.act(said, house, viewer);
            }
            Err(unintelligible) => self.notice(&Notice::Problem(&unintelligible), viewer),
        }
        self.follow_up(house, viewer);
        Ok(())
    }

    /// Its conversation's time has come.
    pub(super) fn elapsed(&mut self, now: Instant, house: &House, viewer: &mut Viewer) {
        self.conversation.at(now.into_std());
        self.lapse(now, house, viewer);
        if self.conversation.due().is_some_and(|due| Instant::from_std(due) <= now) {
            let mut frames = Frames::default();
            self.conversation.elapsed(&mut frames);
            viewer.say(frames.as_bytes());
        }
        self.follow_up(house, viewer);
    }

    /// It has sent a ping of the socket's own kind, which has been answered.
    ///
    /// # Errors
    /// As above.
    pub(super) fn pinged(&mut self, now: Instant, house: &House) -> Result<(), Close> {
        let rates = house.options.rates(self.manners());
        let share = self.entry.share.as_ref();
        if self.buckets.pings.take(rates.pings, now)
            && share.is_none_or(|it| it.may_ping(self.manners(), now))
        {
            return Ok(());
        }
        house.crowd.refused("pings");
        self.refuse(house)
    }

    fn refuse(&mut self, house: &House) -> Result<(), Close> {
        self.refused += 1;
        if self.refused < house.options.refusals { Ok(()) } else { Err(Close::Policy) }
    }

    /// What else follows from what has just been said to the conversation.
    fn follow_up(&mut self, house: &House, viewer: &mut Viewer) {
        while let Some(said) = self.conversation.next() {
            self.act(said, house, viewer);
        }
        viewer.overhear(self.conversation.listens());
    }

    fn act(&mut self, said: Said, house: &House, viewer: &mut Viewer) {
        let id = self.id;
        // Nobody has rights without a pass, and a stranger can say who it is and no more.
        let principal = match (&self.pass, &said) {
            (Some(pass), _) => Arc::clone(&pass.principal),
            (None, Said::Authenticate { .. } | Said::Nothing | Said::Leave(_)) => {
                Principal::nobody()
            }
            (None, _) => return self.refuse_token(false, viewer),
        };
        match said {
            Said::Watch { name, from } => {
                self.wish(Topic::Execution(name), from, house, viewer);
            }
            Said::WatchDirectory => {
                self.wish(Topic::Directory, Begin::After(None), house, viewer);
            }
            Said::Unwatch { name } => {
                let topic = Topic::Execution(name.clone());
                viewer.unwatch(&topic);
                self.wishes.retain(|(it, _)| *it != topic);
                self.notice(&Notice::Unwatched { name: &name }, viewer);
                self.watches(self.wishes.len());
                self.errands.push_back(Message::Leave { viewer: id, topic });
            }
            Said::UnwatchDirectory => {
                viewer.unwatch(&Topic::Directory);
                self.wishes.retain(|(it, _)| *it != Topic::Directory);
                self.watches(self.wishes.len());
                self.errands.push_back(Message::Leave { viewer: id, topic: Topic::Directory });
            }
            Said::Follow(group) => self.errands.push_back(Message::Follow { viewer: id, group }),
            Said::Unfollow(group) => {
                self.errands.push_back(Message::Unfollow { viewer: id, group });
            }
            Said::Decide(ask) => {
                let principal = Principal::clone(&principal);
                let decided = Input::Decided { viewer: id, principal, ask };
                self.errands.push_back(Message::Input(decided));
            }
            Said::Command(ask) => {
                let principal = Principal::clone(&principal);
                let commanded = Input::Commanded { viewer: id, principal, ask };
                self.errands.push_back(Message::Input(commanded));
            }
            Said::Authenticate { token } => {
                match house.verifier.prepare(&token, house.clock.now().time) {
                    Some(ready) => self.check(token, ready),
                    None => self.authenticate(&token, house, viewer),
                }
            }
            Said::Ping => {
                let time = house.clock.now().time;
                if self.pass.as_ref().is_none_or(|it| it.is_over(time)) {
                    self.refuse_token(true, viewer);
                } else {
                    self.notice(&Notice::Pong { time }, viewer);
                }
            }
            Said::Nothing => (),
            Said::Leave(parting) => {
                self.leaves.get_or_insert(match parting {
                    Parting::Done => Close::Done,
                    Parting::Unauthenticated => Close::Token,
                    Parting::Unheard => Close::Unheard,
                });
            }
        }
    }

    fn wish(&mut self, topic: Topic, from: Begin, house: &House, viewer: &mut Viewer) {
        let known = self.wishes.iter().any(|(it, _)| *it == topic);
        let many = self.wishes.len();
        if !known && (house.options.subscriptions <= many || !self.watches(many + 1)) {
            house.crowd.refused("subscriptions");
            let about = name(&topic);
            self.problem("too_many_subscriptions", "unsubscribe from something", about, viewer);
            return;
        }
        let from = match from {
            Begin::Replayed { behind, gaps } => {
                Begin::Replayed { behind: self.resolve(behind), gaps }
            }
            Begin::Shown(behind) => Begin::Shown(self.resolve(behind)),
            Begin::Behind(behind) => Begin::Behind(self.resolve(behind)),
            Begin::After(_) | Begin::At(_) | Begin::Held => from,
        };
        if !matches!(from, Begin::After(_) | Begin::At(_)) {
            viewer.hold(&topic);
        }
        let join = self.join(topic, from);
        self.errands.push_back(join);
    }

    /// A moment may be before what an earlier connection of this client was sent: of a client that
    /// leaves connections behind. Another one's lost connection may be its other window.
    fn resolve(&self, point: Point) -> Point {
        match point {
            Point::Moment { time, left: None } => {
                let kin = self.kin.as_ref().filter(|_| self.manners().leaves_some_behind());
                let left = kin.and_then(|kin| kin.left(Instant::now()));
                Point::Moment { time, left }
            }
            Point::Oldest | Point::Record(_) | Point::Moment { .. } | Point::Here => point,
        }
    }

    /// Its wish to watch `topic`, from there on: the first, or once more.
    pub(super) fn join(&mut self, topic: Topic, from: Begin) -> Message {
        self.wished = self.wished.wrapping_add(1);
        let ticket = self.wished;
        match self.wishes.iter_mut().find(|(it, _)| *it == topic) {
            Some((_, older)) => *older = ticket,
            None => {
                self.wishes.reserve_exact(1);
                self.wishes.push((topic.clone(), ticket));
            }
        }
        Message::Join(Join { viewer: self.id, topic, dialect: self.dialect, from, ticket })
    }

    /// What came of a wish. What belongs to one that has been replaced or taken back is ignored.
    pub(super) fn seated(&mut self, seat: Seat, house: &House, viewer: &mut Viewer) {
        let Seat { topic, ticket, answer, cursor } = seat;
        let Some(at) = self.wishes.iter().position(|it| *it == (topic.clone(), ticket)) else {
            return;
        };
        match cursor {
            Some(cursor) => viewer.watch(topic.clone(), cursor),
            None => {
                // It may have watched this before it was forgotten.
                viewer.unwatch(&topic);
                if !self.manners().is_seed() {
                    self.wishes.remove(at);
                    self.watches(self.wishes.len());
                }
            }
        }
        if let Topic::Execution(name) = &topic {
            self.conversation.about(name);
        }
        match answer {
            Some(answer) => self.answer(&answer, house, viewer),
            None if viewer.watches(&topic) => (),
            None => self.problem("not_found", "no such execution", name(&topic), viewer),
        }
    }

    /// What it has asked for of a log. As above.
    pub(super) fn past(&mut self, past: Past, viewer: &mut Viewer) {
        let Past { topic, ticket, behind, piece } = past;
        if self.wishes.iter().any(|(it, newest)| *it == topic && *newest == ticket) {
            viewer.past(&topic, behind, piece);
        }
    }

    pub(super) fn answer(&mut self, answer: &Answer, house: &House, viewer: &mut Viewer) {
        self.conversation.at(Instant::now().into_std());
        let mut frames = Frames::default();
        self.conversation.answer(answer, &mut frames);
        viewer.say(frames.as_bytes());
        self.follow_up(house, viewer);
    }

    /// Logs of a group that it follows.
    pub(super) fn found(
        &mut self,
        group: &Group,
        logs: &[ExecutionId],
        house: &House,
        viewer: &mut Viewer,
    ) {
        self.conversation.at(Instant::now().into_std());
        self.notice(&Notice::Found { group, logs }, viewer);
        self.follow_up(house, viewer);
    }

    /// What it was sent of what is everybody's.
    pub(super) fn overheard(&mut self, now: Instant, frames: &[u8]) {
        self.conversation.at(now.into_std());
        self.conversation.sent(frames);
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
