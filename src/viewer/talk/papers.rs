//! What a viewer shows: whose it is, until when, and that it is shown again in time. A stranger becomes
//! somebody here, and nobody becomes somebody else.

use std::fmt;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::time::Instant;

use super::Talk;
use super::about::per_second;
use crate::auth::Pass;
use crate::auth::verifier::{Invalid, Promise};
use crate::dialect::Notice;
use crate::model::Text;
use crate::shard::Message;
use crate::viewer::{Close, House, Viewer};

/// How long before its end a token's holder is told of it.
const AHEAD: Duration = Duration::from_secs(60);

/// A token, and what its check waits for.
pub(super) struct Checking(Text, Promise);

impl fmt::Debug for Checking {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Checking")
    }
}

/// When a token counts no longer, and when its holder is told that it soon will not.
#[derive(Debug)]
pub(super) struct Ends {
    /// `None`: it has been.
    told: Option<Instant>,
    over: Instant,
}

impl Ends {
    pub(super) fn next(&self) -> Instant {
        self.told.unwrap_or(self.over)
    }
}

impl Talk {
    /// It is known who it is, for the first time.
    pub(super) fn let_in(&mut self, house: &House, viewer: &mut Viewer) {
        let (Some(pass), Some(answers)) = (self.pass.clone(), self.post.take()) else { return };
        let principal = Arc::clone(&pass.principal);
        self.errands.push_back(Message::Viewer { viewer: self.id, pass, answers });
        self.count_down(house);
        let rate = house.options.rates(self.manners()).messages;
        let welcome = Notice::Welcome {
            time: house.clock.now().time,
            boot: house.boot,
            durability: house.durability,
            principal: &principal,
            max_message: house.options.max_message,
            rate: (per_second(rate), rate.burst),
        };
        self.notice(&welcome, viewer);
        if let Some(said) = self.conversation.opening() {
            self.act(said, house, viewer);
        }
    }

    /// Takes note of when its token ends, by the clock that does not jump.
    fn count_down(&mut self, house: &House) {
        let now = house.clock.now();
        let expires = self.pass.as_ref().and_then(|it| it.expires);
        self.ends = expires.map(|at| {
            let over = Instant::from_std(now.instant) + now.time.until(at);
            Box::new(Ends { told: over.checked_sub(AHEAD), over })
        });
    }

    /// What it has shown counts not, or no longer.
    pub(super) fn refuse_token(&mut self, expired: bool, viewer: &mut Viewer) {
        self.notice(&Notice::Unauthenticated { expired }, viewer);
        self.leaves.get_or_insert(Close::Token);
    }

    /// What it was let in with has been revoked.
    pub(in crate::viewer) fn revoked(&mut self, viewer: &mut Viewer) {
        self.refuse_token(false, viewer);
    }

    /// Tells of the end of its token, and ends with it.
    pub(super) fn lapse(&mut self, now: Instant, house: &House, viewer: &mut Viewer) {
        let Some(ends) = &mut self.ends else { return };
        let over = ends.over <= now;
        if ends.told.take_if(|at| *at <= now).is_some()
            && !over
            && let Some(at) = self.pass.as_ref().and_then(|it| it.expires)
        {
            self.notice(&Notice::Expiring { at }, viewer);
        }
        if over {
            // The calendar may have gone back meanwhile.
            self.count_down(house);
            let time = house.clock.now().time;
            if self.pass.as_ref().is_some_and(|it| it.is_over(time)) {
                self.ends = None;
                self.refuse_token(true, viewer);
            }
        }
    }

    /// A token is to be checked once its key is there.
    pub(super) fn check(&mut self, token: Text, ready: Promise) {
        self.checking = Some(Box::new(Checking(token, ready)));
    }

    /// Whether a token is being checked: nothing more is to be heard until that is done.
    pub(in crate::viewer) fn is_checking(&self) -> bool {
        self.checking.is_some()
    }

    /// Goes on with that. Whether it is done now.
    pub(in crate::viewer) fn checked(
        &mut self,
        cx: &mut Context<'_>,
        house: &House,
        viewer: &mut Viewer,
    ) -> bool {
        let Some(checking) = &mut self.checking else { return false };
        if checking.1.as_mut().poll(cx) == Poll::Pending {
            return false;
        }
        if let Some(checking) = self.checking.take() {
            let Checking(token, _) = *checking;
            self.conversation.at(Instant::now().into_std());
            self.authenticate(&token, house, viewer);
            self.follow_up(house, viewer);
        }
        true
    }

    /// It says who it is; or once more, and then it has to be the same.
    pub(super) fn authenticate(&mut self, token: &str, house: &House, viewer: &mut Viewer) {
        let now = Instant::now();
        let verified = house.verifier.verify(token, self.local, house.clock.now().time);
        let same = |pass: &Pass| self.pass.as_ref().is_none_or(|it| it.is_same_person(pass));
        match verified {
            Ok(pass) if same(&pass) => {
                if self.is_stranger() {
                    match house.crowd.admit(&pass, now) {
                        Ok(share) => self.entry.share = share.map(Arc::new),
                        Err(_) => return self.turn_away(),
                    }
                    if self.entry.share.is_some() {
                        self.entry.place = None;
                    }
                }
                let (principal, expires) = (Arc::clone(&pass.principal), pass.expires);
                let pass = Arc::new(pass);
                if self.pass.replace(Arc::clone(&pass)).is_some() {
                    self.errands.push_back(Message::Known { viewer: self.id, pass });
                    self.count_down(house);
                } else {
                    self.let_in(house, viewer);
                }
                self.notice(&Notice::Authenticated { principal: &principal, expires }, viewer);
            }
            Ok(_) => self.refuse_token(false, viewer),
            Err(invalid) => {
                // What was a token once was not guessed: it is a page that nobody has looked at since.
                if invalid == Invalid::Unknown && !house.crowd.failed(self.entry.from, now) {
                    return self.turn_away();
                }
                self.refuse_token(invalid == Invalid::Expired, viewer);
            }
        }
    }

    /// There are too many of its kind; it may come back.
    fn turn_away(&mut self) {
        self.leaves.get_or_insert(Close::TooMany);
    }

    /// It watches so many things from now on, unless that is too much for its tenant.
    pub(super) fn watches(&self, many: usize) -> bool {
        self.entry.share.as_ref().is_none_or(|it| it.watch(many))
    }
}
