//! One WebSocket connection, stage 1: a task of its own.
//!
//! tungstenite is the authority on the protocol: it reads, and it answers control frames. What it
//! has to say goes to the viewer's own words and not to the socket, which only the [`Viewer`] writes
//! to: frames that are ready, and its own between them. There is one task and one poll function;
//! nothing here waits for anything else.

use std::{
    fmt,
    future::poll_fn,
    io,
    pin::{Pin, pin},
    task::{Context, Poll},
};

use tokio::io::{AsyncRead, AsyncWrite};
use tokio::time::{Instant, Sleep, sleep_until};
use tokio_tungstenite::tungstenite::{
    self,
    protocol::{Role, WebSocketConfig, WebSocketContext},
};
use tokio_util::sync::WaitForCancellationFuture;

mod ending;

use ending::Ending;

use super::errands::Errands;
use super::kin::Member;
use super::pulse::{Due, Pulse};
use super::talk::Talk;
use super::tap::{self, Inlet, Tap};
use super::{Close, Guest, House, LetGo, Letter, Mailbox, Plan, Viewer, Wants, mailbox};
use crate::dialect::Begin;
use crate::shard::Message;

/// Messages that are read before anything is written.
const READS: usize = 32;
/// tungstenite's buffer, which every connection holds: enough for most of what viewers say. A larger
/// message has room made for it when its header has been read.
const READ_BUFFER: usize = 512;
/// While so many bytes of its own wait, nothing more is read that might add to them.
const UNSAID: usize = 32 * 1024;
/// The largest message of somebody who has yet to say who it is, in bytes.
const BRIEF: usize = 8 << 10;

/// Serves one connection, from the end of its handshake on, until it is over. Afterwards the shard
/// knows that it has gone.
pub async fn run<Io>(io: Io, guest: Guest, house: House) -> Close
where
    Io: AsyncRead + AsyncWrite + Unpin + Send,
{
    let (viewer, shards) = (guest.viewer, house.shards.clone());
    let called = house.departure.called();
    let close = {
        let mut connection = Connection::new(io, guest, house);
        let mut timer = pin!(sleep_until(connection.due()));
        let mut leaves = pin!(called.cancelled());
        let close = poll_fn(|cx| connection.poll(cx, timer.as_mut(), leaves.as_mut())).await;
        connection.part(close);
        close
    };
    // If this is not to be had, nobody is there who could keep anything for it.
    let _ = shards.tell(Message::Left { viewer }).await;
    close
}

struct Connection<Io> {
    io: Io,
    inlet: Inlet,
    ws: WebSocketContext,
    viewer: Viewer,
    talk: Talk,
    /// The largest message that is read.
    brief: usize,
    mailbox: Mailbox,
    house: House,
    errands: Errands,
    pulse: Pulse,
    /// Since when there is something to be written and nothing is taken.
    blocked: Option<Instant>,
    unflushed: bool,
    /// All viewers leave.
    leaving: Option<Plan>,
    ending: Option<Ending>,
}

impl<Io: AsyncRead + AsyncWrite + Unpin + Send> Connection<Io> {
    fn new(io: Io, guest: Guest, house: House) -> Self {
        let now = Instant::now();
        let options = house.options.clone();
        let (post, mailbox) = mailbox(options.letters);
        let talk = Talk::new(guest, now, post);
        let largest = if talk.is_stranger() { BRIEF } else { options.max_message };
        let config = WebSocketConfig::default()
            .read_buffer_size(READ_BUFFER)
            .write_buffer_size(0)
            .max_message_size(Some(largest))
            .max_frame_size(Some(largest));
        let errands = Errands::new(house.shards.clone());
        let mut connection = Self {
            io,
            inlet: Inlet::new(),
            ws: WebSocketContext::new(Role::Server, Some(config)),
            viewer: Viewer::default(),
            talk,
            brief: largest,
            mailbox,
            house,
            errands,
            pulse: Pulse::new(now, options.ping_every),
            blocked: None,
            unflushed: false,
            leaving: None,
            ending: None,
        };
        connection.talk.open(now, &connection.house, &mut connection.viewer);
        connection.follow_up();
        connection
    }

    /// Does what its protocol wants done.
    fn follow_up(&mut self) {
        while let Some(message) = self.talk.errand() {
            self.errands.tell(message);
        }
        if let Some(close) = self.talk.leaves() {
            self.end(close);
        }
        let largest = self.house.options.max_message;
        if self.brief < largest && !self.talk.is_stranger() {
            self.brief = largest;
            self.ws.set_config(|it| {
                (it.max_message_size, it.max_frame_size) = (Some(largest), Some(largest));
            });
        }
    }

    fn poll(
        &mut self,
        cx: &mut Context<'_>,
        mut timer: Pin<&mut Sleep>,
        leaves: Pin<&mut WaitForCancellationFuture<'_>>,
    ) -> Poll<Close> {
        self.mailbox.listen(cx.waker());
        if self.leaving.is_none() && leaves.poll(cx).is_ready() {
            self.leaving = self.house.departure.plan();
        }
        loop {
            if let Some(close) = self.serve(cx) {
                return Poll::Ready(close);
            }
            let due = self.due();
            if timer.deadline() != due {
                timer.as_mut().reset(due);
            }
            if timer.as_mut().poll(cx).is_pending() {
                return Poll::Pending;
            }
            if let Some(close) = self.elapsed() {
                return Poll::Ready(close);
            }
        }
    }

    /// Does all that can be done now. The reason, if it is over.
    fn serve(&mut self, cx: &mut Context<'_>) -> Option<Close> {
        loop {
            let mut again = self.hear(cx);
            again |= self.take_letters();
            if self.talk.checked(cx, &self.house, &mut self.viewer) {
                self.follow_up();
                again = true;
            }
            if let Some(close) = self.write(cx) {
                return Some(close);
            }
            while let Some((topic, wants)) = self.viewer.poll_wants() {
                let viewer = self.talk.id;
                let message = match wants {
                    Wants::State => Message::Behind { viewer, topic },
                    Wants::Past(after) => Message::Past { viewer, topic, after },
                    Wants::Anew(since) => self.talk.join(topic, Begin::After(since)),
                };
                self.errands.tell(message);
            }
            again |= self.errands.run(cx);
            again |= self.leave(again);
            if let Some(ending) = &self.ending
                && (ending.until <= Instant::now() || ending.shut && ending.deaf)
            {
                return Some(ending.close);
            }
            if !again || UNSAID <= self.viewer.unsaid() {
                return None;
            }
        }
    }

    /// Reads. Whether there may be more at once.
    fn hear(&mut self, cx: &mut Context<'_>) -> bool {
        for _ in 0..READS {
            if self.ending.is_some() {
                return self.discard(cx);
            }
            if UNSAID <= self.viewer.unsaid() {
                return true;
            }
            if self.errands.is_busy() || self.talk.is_checking() {
                return false;
            }
            match self.inlet.fill(&mut self.io, cx, &mut self.pulse.heard) {
                Poll::Pending => return false,
                Poll::Ready(Ok(())) => (),
                Poll::Ready(Err(_)) => {
                    self.end(Close::Lost);
                    continue;
                }
            }
            let now = Instant::now();
            let read = self.with_tap(|ws, tap| ws.read(tap));
            let heard = match read {
                Ok(tungstenite::Message::Text(text)) => {
                    let heard = self.talk.hear(&text, now, &self.house, &mut self.viewer);
                    self.follow_up();
                    heard
                }
                Ok(tungstenite::Message::Ping(_)) => self.talk.pinged(now, &self.house),
                Ok(tungstenite::Message::Pong(_) | tungstenite::Message::Frame(_)) => Ok(()),
                Ok(tungstenite::Message::Binary(_)) => Err(Close::Binary),
                Ok(tungstenite::Message::Close(_)) => {
                    // Its answer is written down; that there is nothing after it is no news.
                    let _ = self.with_tap(|ws, tap| ws.flush(tap));
                    Err(Close::ByPeer)
                }
                // It has made of what has come what it could.
                Err(tungstenite::Error::Io(err)) if err.kind() == io::ErrorKind::WouldBlock => {
                    Ok(())
                }
                Err(err) => Err(tap::fault(&err)),
            };
            if let Err(close) = heard {
                self.end(close);
            }
        }
        true
    }

    /// Takes in what the shard says. Whether there may be more.
    fn take_letters(&mut self) -> bool {
        while self.ending.is_none() {
            if UNSAID <= self.viewer.unsaid() {
                return true;
            }
            match self.mailbox.take() {
                Ok(None) => break,
                Ok(Some(Letter::Answer(answer))) => {
                    self.talk.answer(&answer, &self.house, &mut self.viewer);
                }
                Ok(Some(Letter::Seat(seat))) => {
                    self.talk.seated(*seat, &self.house, &mut self.viewer);
                }
                Ok(Some(Letter::Found(group, logs))) => {
                    self.talk.found(&group, &logs, &self.house, &mut self.viewer);
                }
                Ok(Some(Letter::Past(past))) => self.talk.past(*past, &mut self.viewer),
                Ok(Some(Letter::Overloaded)) => self.end(Close::Overloaded),
                Ok(Some(Letter::Revoked)) => self.talk.revoked(&mut self.viewer),
                Err(LetGo) if self.house.shards.is_gone() => self.end(Close::Drain),
                Err(LetGo) => self.end(Close::Slow),
            }
            self.follow_up();
        }
        false
    }

    fn write(&mut self, cx: &mut Context<'_>) -> Option<Close> {
        let Self { io, viewer, ending, .. } = self;
        let mut took = false;
        let write = |slices: &[io::IoSlice<'_>]| {
            let written = match slices {
                [one] => Pin::new(&mut *io).poll_write(cx, one),
                many => Pin::new(&mut *io).poll_write_vectored(cx, many),
            };
            took |= matches!(written, Poll::Ready(Ok(1..)));
            written
        };
        let muted = self.talk.kin().is_some_and(Member::is_muted);
        let pumped = match ending {
            None if muted => viewer.finish(write),
            None => viewer.pump(write),
            Some(Ending { shut: true, .. }) => Poll::Ready(Ok(())),
            Some(_) => viewer.finish(write),
        };
        self.unflushed |= took;
        if took {
            self.wrote();
        }
        let mut done = pumped;
        if self.unflushed && matches!(done, Poll::Ready(Ok(()))) {
            done = Pin::new(&mut self.io).poll_flush(cx);
            self.unflushed = done.is_pending();
        }
        if let Some(ending) = self.ending.as_mut().filter(|it| !it.shut)
            && matches!(done, Poll::Ready(Ok(())))
        {
            done = Pin::new(&mut self.io).poll_shutdown(cx);
            ending.shut = done.is_ready();
        }
        match done {
            Poll::Ready(Ok(())) => self.blocked = None,
            Poll::Ready(Err(_)) => {
                return Some(self.ending.as_ref().map_or(Close::Lost, |it| it.close));
            }
            Poll::Pending if took || self.blocked.is_none() => self.blocked = Some(Instant::now()),
            Poll::Pending => (),
        }
        None
    }

    /// Takes note of what has been sent, for those who want to know.
    fn wrote(&mut self) {
        if let Some(kin) = self.talk.kin().filter(|_| self.talk.manners().leaves_some_behind())
            && let Some((_, at)) = self.viewer.places().next()
        {
            kin.sent(at);
        }
        if let Some(frames) = self.viewer.overheard() {
            self.talk.overheard(Instant::now(), &frames);
        }
    }

    /// When [`Connection::elapsed`] has something to do.
    fn due(&self) -> Instant {
        if let Some(ending) = &self.ending {
            return ending.until;
        }
        let stalled = self.blocked.map(|since| since + self.house.options.stall);
        let leaves = self.leaving.map(|plan| {
            let turn = plan.turn(self.talk.id);
            if turn <= Instant::now() { plan.last } else { turn }
        });
        [stalled, leaves, self.talk.due()]
            .into_iter()
            .flatten()
            .fold(self.pulse.due(), Instant::min)
    }

    fn elapsed(&mut self) -> Option<Close> {
        let (now, options) = (Instant::now(), self.house.options.clone());
        if let Some(ending) = &self.ending {
            return (ending.until <= now).then_some(ending.close);
        }
        if self.blocked.is_some_and(|since| since + options.stall <= now) {
            return Some(Close::Stalled);
        }
        if self.talk.due().is_some_and(|due| due <= now) {
            self.talk.elapsed(now, &self.house, &mut self.viewer);
            self.follow_up();
        }
        let blocked = self.blocked.is_some();
        match self.pulse.elapsed(now, options.ping_every, options.ping_patience, blocked) {
            Due::Nothing => None,
            Due::GiveUp => Some(Close::Silent),
            Due::Ask => {
                let ping = tungstenite::Message::Ping(bytes::Bytes::new());
                // As above.
                let _ = self.with_tap(|ws, tap| ws.write(tap, ping));
                None
            }
        }
    }

    fn with_tap<T>(&mut self, use_it: impl FnOnce(&mut WebSocketContext, &mut Tap<'_>) -> T) -> T {
        let Self { inlet, ws, viewer, .. } = self;
        use_it(ws, &mut Tap { inlet, own: viewer.own() })
    }
}

impl<Io> fmt::Debug for Connection<Io> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Connection").field("talk", &self.talk).finish_non_exhaustive()
    }
}
