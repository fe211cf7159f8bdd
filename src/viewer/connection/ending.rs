//! How a connection ends: with the words of its protocol, not before what it was told is read, and
//! with its place kept where its client will look for it.

use std::pin::Pin;
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::Instant;
use tokio_tungstenite::tungstenite::protocol::CloseFrame;

use super::Connection;
use crate::dialect::Notice;
use crate::model::{Position, Text};
use crate::viewer::{Close, Topic, kin::Member};

/// A goodbye that is under way.
#[derive(Debug)]
pub(super) struct Ending {
    pub(super) close: Close,
    pub(super) until: Instant,
    /// Everything has been said.
    pub(super) shut: bool,
    /// The other side has nothing more to say either.
    pub(super) deaf: bool,
}

impl<Io: AsyncRead + AsyncWrite + Unpin + Send> Connection<Io> {
    /// Its client may come back, and should find its place.
    pub(super) fn part(&self, close: Close) {
        let kept = close.keeps_its_place(self.talk.manners());
        let Some(kin) = self.talk.kin().filter(|_| kept) else { return };
        let places = self.viewer.places().filter_map(|(topic, at)| match topic {
            Topic::Execution(name) => Some((name.clone(), at)),
            Topic::Directory => None,
        });
        let places: Vec<(Text, Position)> = places.collect();
        kin.lost(places, Instant::now());
    }

    /// Whatever still comes is of no interest; but who closes with something unread resets the
    /// connection, and the other side never sees the goodbye.
    pub(super) fn discard(&mut self, cx: &mut Context<'_>) -> bool {
        let Some(ending) = self.ending.as_mut().filter(|it| !it.deaf) else { return false };
        let mut buffer = [0; 1024];
        let mut buffer = ReadBuf::new(&mut buffer);
        match Pin::new(&mut self.io).poll_read(cx, &mut buffer) {
            Poll::Pending => false,
            Poll::Ready(read) => {
                ending.deaf = read.is_err() || buffer.filled().is_empty();
                !ending.deaf
            }
        }
    }

    /// Leaves with all others, in its turn: but not before it has been sent what there is, while
    /// there is time for it. Whether it does.
    pub(super) fn leave(&mut self, busy: bool) -> bool {
        let Some(plan) = self.leaving.filter(|_| self.ending.is_none()) else { return false };
        let now = Instant::now();
        // To who is muted, nothing more is sent.
        let all = self.viewer.has_all() || self.talk.kin().is_some_and(Member::is_muted);
        let busy = busy || self.blocked.is_some() || !all || self.errands.is_busy();
        if now < plan.turn(self.talk.id) || (busy && now < plan.last) {
            return false;
        }
        let retry_after_ms = u64::try_from(plan.retry_after().as_millis()).unwrap_or(u64::MAX);
        self.talk.notice(&Notice::GoingAway { retry_after_ms }, &mut self.viewer);
        self.end(Close::Drain);
        true
    }

    /// Begins to say goodbye. The first reason counts.
    pub(super) fn end(&mut self, close: Close) {
        if self.ending.is_some() {
            return;
        }
        let until = Instant::now() + self.house.options.farewell;
        let mut ending = Ending { close, until, shut: false, deaf: false };
        match close.farewell(self.talk.manners()).frame {
            Some((code, reason)) => {
                let frame = CloseFrame { code: code.into(), reason: reason.into() };
                // It can only fail to reach a socket, and this one is made of memory.
                let _ = self.with_tap(|ws, tap| ws.close(tap, Some(frame)));
            }
            None if close == Close::ByPeer => (),
            None => (ending.shut, ending.deaf) = (true, true),
        }
        self.ending = Some(ending);
    }
}
