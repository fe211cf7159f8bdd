//! One dashboard's connection: everything about writing to it except the socket and the waiting.
//!
//! Whoever owns the socket drives it: today a task for each connection ([`connection`]), later one
//! loop for each core over many of these. Neither the room nor the core can tell the difference.

mod buckets;
pub mod close;
pub mod connection;
pub mod crowd;
mod cursor;
mod departure;
mod errands;
pub mod handshake;
mod house;
pub mod kin;
mod mailbox;
mod options;
mod pulse;
mod rate;
mod talk;
mod tap;

pub use close::{Close, Farewell};
pub use cursor::{Cursor, Wants};
pub use departure::{Departure, Plan};
pub use house::{Entry, Guest, House};
pub use mailbox::{LetGo, Letter, Mailbox, Past, Post, Seat, Topic, mailbox, mailbox_with};
pub use options::{Options, Rates};
pub use rate::{Bucket, Rate};

use std::{
    io::{self, IoSlice},
    task::{Poll, ready},
};

use bytes::{Buf, Bytes};

use crate::model::{Position, Seq};
use crate::room::Still;
use cursor::{Next, Piece};

/// Bytes in one write, about.
const AT_ONCE: usize = 64 * 1024;
/// Bytes of one cursor in one pass over all of them, about.
const QUANTUM: usize = 16 * 1024;
/// Pieces in one write.
const PIECES: usize = 16;
/// What an empty buffer may keep of its memory.
const SPARE: usize = 256;

/// A viewer: its cursors, and what is its alone.
#[derive(Debug, Default)]
pub struct Viewer {
    /// What is left of a frame that the socket took only a part of. All that a slow viewer holds.
    rest: Bytes,
    /// What is this viewer's alone, as whole frames. It overtakes the records that wait.
    own: Vec<u8>,
    /// How much of it has been written.
    sent: usize,
    watches: Vec<(Topic, Cursor)>,
    /// Which of them comes first in the next pass.
    turn: usize,
    wants: Vec<(Topic, Wants)>,
    /// What was sent of what is everybody's, where somebody wants to know.
    overheard: Option<Vec<u8>>,
}

impl Viewer {
    /// From now on it sees this, from there on. In place of an older cursor for the same: one that
    /// is held is gone on from.
    pub fn watch(&mut self, topic: Topic, cursor: Cursor) {
        match self.watches.iter_mut().find(|(it, _)| *it == topic) {
            Some((_, older)) if older.is_held() => *older = cursor.after(older),
            Some((_, older)) => *older = cursor,
            None => {
                // Most watch one thing.
                self.watches.reserve_exact(1);
                self.watches.push((topic, cursor));
            }
        }
    }

    /// Whether it watches this.
    pub(crate) fn watches(&self, topic: &Topic) -> bool {
        self.watches.iter().any(|(it, _)| it == topic)
    }

    /// What it is shown of this waits until its cursor is replaced by one that goes on from it.
    pub(crate) fn hold(&mut self, topic: &Topic) {
        let watch = self.watches.iter_mut().find(|(it, _)| it == topic);
        watch.into_iter().for_each(|(_, cursor)| cursor.hold());
    }

    /// What lies beyond its tape of this, behind that record; nothing, if it is not to be had.
    pub(crate) fn past(&mut self, topic: &Topic, behind: Seq, piece: Option<Still>) {
        if let Some((_, cursor)) = self.watches.iter_mut().find(|(it, _)| it == topic) {
            cursor.past(behind, piece);
        }
    }

    /// What it watches, and the last record of each that it was sent.
    pub(crate) fn places(&self) -> impl Iterator<Item = (&Topic, Position)> {
        self.watches.iter().filter_map(|(topic, cursor)| Some((topic, cursor.position()?)))
    }

    /// From now on, or no longer, what is everybody's and goes to it is kept for [`Viewer::overheard`].
    pub(crate) fn overhear(&mut self, listens: bool) {
        if listens != self.overheard.is_some() {
            self.overheard = listens.then(Vec::new);
        }
    }

    /// Whole frames of what is everybody's that were begun to be sent since this was asked last.
    pub(crate) fn overheard(&mut self) -> Option<Vec<u8>> {
        self.overheard.as_mut().filter(|it| !it.is_empty()).map(std::mem::take)
    }

    /// No longer.
    pub fn unwatch(&mut self, topic: &Topic) {
        self.watches.retain(|(it, _)| it != topic);
        self.wants.retain(|(it, _)| it != topic);
    }

    /// Tells this viewer alone. `frames`: whole ones.
    pub fn say(&mut self, frames: &[u8]) {
        self.own.extend_from_slice(frames);
    }

    /// Where to put what is this viewer's alone: whole frames, behind what is there.
    pub(crate) fn own(&mut self) -> &mut Vec<u8> {
        &mut self.own
    }

    /// Bytes of its own that wait.
    pub fn unsaid(&self) -> usize {
        self.own.len() - self.sent
    }

    /// Whether it is between two frames with nothing of its own to say.
    pub fn is_even(&self) -> bool {
        self.rest.is_empty() && self.own.is_empty()
    }

    /// Writes all there is, or as much as the socket takes. Bytes are chosen anew after each
    /// [`Poll::Pending`], so that nothing is held meanwhile, and nothing stale is sent afterwards.
    ///
    /// # Errors
    /// Those of `write`, and [`io::ErrorKind::WriteZero`] if it takes nothing.
    pub fn pump(
        &mut self,
        write: impl FnMut(&[IoSlice<'_>]) -> Poll<io::Result<usize>>,
    ) -> Poll<io::Result<()>> {
        self.write(write, true)
    }

    /// As [`Viewer::pump`], but nothing that has not been begun, except what is its own.
    ///
    /// # Errors
    /// As above.
    pub fn finish(
        &mut self,
        write: impl FnMut(&[IoSlice<'_>]) -> Poll<io::Result<usize>>,
    ) -> Poll<io::Result<()>> {
        self.write(write, false)
    }

    /// What it wants of the shard.
    pub fn poll_wants(&mut self) -> Option<(Topic, Wants)> {
        self.wants.pop()
    }

    /// Bytes that this viewer holds for itself.
    pub fn held(&self) -> usize {
        self.rest.len() + self.own.capacity()
    }

    fn write(
        &mut self,
        mut write: impl FnMut(&[IoSlice<'_>]) -> Poll<io::Result<usize>>,
        records: bool,
    ) -> Poll<io::Result<()>> {
        while !(self.is_even() && (!records || self.is_idle())) {
            let mut pieces = [const { None }; PIECES];
            if records {
                self.gather(&mut pieces);
            }
            let mut slices = [IoSlice::new(&[]); PIECES + 2];
            let mut used = 0;
            let own = [&self.rest[..], &self.own[self.sent..]].into_iter();
            let shared = pieces.iter().flatten().map(|(_, piece): &(_, Piece)| piece.bytes());
            for (bytes, slice) in own.filter(|it| !it.is_empty()).chain(shared).zip(&mut slices) {
                *slice = IoSlice::new(bytes);
                used += 1;
            }
            if used == 0 {
                return Poll::Ready(Ok(()));
            }
            match ready!(write(&slices[..used]))? {
                0 => return Poll::Ready(Err(io::ErrorKind::WriteZero.into())),
                written => self.wrote(written, &pieces),
            }
        }
        Poll::Ready(Ok(()))
    }

    /// Whether there is nothing at all to be written.
    fn has_all(&self) -> bool {
        self.is_even() && self.is_idle()
    }

    /// Whether it has seen everything.
    fn is_idle(&self) -> bool {
        self.watches.iter().all(|(_, cursor)| cursor.is_idle())
    }

    /// Each cursor in its turn: one that has much keeps no other from being heard.
    fn gather(&mut self, pieces: &mut [Option<(usize, Piece)>; PIECES]) {
        let watches = self.watches.len();
        let limit = if watches == 1 { AT_ONCE } else { QUANTUM };
        let mut bytes = self.rest.len() + self.unsaid();
        let mut used = 0;
        for step in 0..watches {
            if AT_ONCE <= bytes || used == PIECES {
                break;
            }
            let at = (self.turn + step) % watches;
            let (topic, cursor) = &mut self.watches[at];
            match cursor.next(limit) {
                Next::Idle => (),
                Next::Wants(wants) => self.wants.push((topic.clone(), wants)),
                Next::Piece(piece) => {
                    bytes += piece.bytes().len();
                    pieces[used] = Some((at, piece));
                    used += 1;
                }
            }
        }
    }

    /// Moves everything on by what has been `written`.
    fn wrote(&mut self, written: usize, pieces: &[Option<(usize, Piece)>; PIECES]) {
        let mut left = written;
        let mut take = |len: usize| {
            let taken = left.min(len);
            left -= taken;
            taken
        };
        self.rest.advance(take(self.rest.len()));
        if self.rest.is_empty() {
            // An empty slice would hold what it was cut from.
            self.rest = Bytes::new();
        }
        self.sent += take(self.own.len() - self.sent);
        if self.sent == self.own.len() {
            self.sent = 0;
            self.own.clear();
            self.own.shrink_to(SPARE);
        }
        for (at, piece) in pieces.iter().flatten() {
            match take(piece.bytes().len()) {
                0 => break,
                written => {
                    if let Some(overheard) = &mut self.overheard {
                        let whole = cursor::edge(piece.bytes(), written);
                        overheard.extend_from_slice(&piece.bytes()[..whole]);
                    }
                    self.rest = self.watches[*at].1.wrote(piece, written);
                    self.turn = at + 1;
                }
            }
        }
    }
}
