//! A viewer's place on one tape: a number, and what is left of a state that it is being shown.

use std::sync::Arc;

use bytes::{Buf, Bytes};

use crate::frame;
use crate::model::{Epoch, Position, Seq};
use crate::room::{Excerpt, Read, Shared, Still};

/// A place on a tape.
#[derive(Debug)]
pub struct Cursor {
    shared: Arc<Shared>,
    epoch: Option<Epoch>,
    /// The last record that was begun. `None`: nothing yet.
    at: Option<Seq>,
    /// Where it began: what lies behind that has been sent, or is left to this cursor to send.
    begun: Option<Seq>,
    /// Behind the first of each, everything up to the second has been sent before. The next is the
    /// last.
    jumps: Vec<(Seq, Seq)>,
    /// A state that is shown once the cursor has come to it.
    then: Option<Still>,
    /// Nothing is to be written until another cursor takes its place.
    held: bool,
    /// Nor behind the state that is shown.
    rests: bool,
    /// It goes on with what is kept beyond the tape, until the tape reaches back to it.
    replays: bool,
    /// The record behind which it has asked for that, and waits.
    asked: Option<Seq>,
    /// The last beat that was.
    beat: u64,
    /// What is left of a state, from a frame's beginning.
    still: Bytes,
    /// The version of the tape at which there was nothing to be had.
    seen: u64,
    ended: bool,
}

/// What a cursor contributes to the next write. It begins and ends with a frame.
#[derive(Debug)]
pub(super) enum Piece {
    /// The number: the version of the tape that has been seen once this is written.
    Records(Excerpt, u64),
    Still(Bytes),
    Beat(u64, Bytes),
}

/// What a cursor has next.
#[derive(Debug)]
pub(super) enum Next {
    Piece(Piece),
    Idle,
    Wants(Wants),
}

/// What a viewer wants of the shard before it can go on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wants {
    /// It has fallen off the tape: it must be shown the state.
    State,
    /// It has not come to the tape yet: it needs what follows on this record.
    Past(Position),
    /// The log has been forgotten: it must ask for it anew, from here.
    Anew(Option<Position>),
}

impl Cursor {
    /// Behind the record `at` of a log with this epoch (the directory has none). `None`: it begins
    /// with the state.
    pub fn new(shared: Arc<Shared>, epoch: Option<Epoch>, at: Option<Seq>) -> Self {
        let beat = shared.look(|tape| tape.beats());
        let (begun, jumps, then, still) = (at, Vec::new(), None, Bytes::new());
        let (seen, held, rests, ended) = (0, false, false, false);
        let (replays, asked) = (false, None);
        Self {
            shared,
            epoch,
            at,
            begun,
            jumps,
            then,
            held,
            rests,
            replays,
            asked,
            beat,
            still,
            seen,
            ended,
        }
    }

    /// Goes on with what is kept beyond the tape, as long as that does not reach back to it. That is
    /// no way to be slow: only who makes no progress is let go of.
    #[must_use]
    pub fn replaying(self) -> Self {
        Self { replays: true, ..self }
    }

    /// Whether it does.
    pub fn replays(&self) -> bool {
        self.replays
    }

    /// Shows these records first: those up to `piece.at`, behind the one where it is.
    #[must_use]
    pub fn with_past(self, piece: Still) -> Self {
        Self { at: Some(piece.at), still: piece.bytes, ..self }
    }

    /// What it has asked for. `None`: it is not to be had, and the state has to do.
    pub(super) fn past(&mut self, behind: Seq, piece: Option<Still>) {
        if self.asked != Some(behind) {
            return;
        }
        self.asked = None;
        match piece {
            Some(piece) => (self.at, self.still) = (Some(piece.at), piece.bytes),
            None => self.replays = false,
        }
    }

    /// Shows this first.
    #[must_use]
    pub fn showing(self, still: Still) -> Self {
        Self { still: still.bytes, ..self }
    }

    /// Writes nothing behind the state that it shows, until another cursor takes its place.
    #[must_use]
    pub fn resting(self) -> Self {
        Self { rests: true, ..self }
    }

    /// Shows this between the records that are in it and those that are not.
    #[must_use]
    pub fn then(self, still: Still) -> Self {
        Self { then: Some(still), ..self }
    }

    /// Takes the place of an `older` one of the same viewer, which has been [held](Cursor::hold)
    /// since this one was asked for: nothing that the older one has sent is sent again.
    #[must_use]
    pub(super) fn after(mut self, older: &Self) -> Self {
        let same = self.epoch == older.epoch;
        let (Some(begun), Some(sent), true) = (older.begun, older.at, same) else { return self };
        self.jumps = older.jumps.clone();
        if self.at.is_some_and(|at| at < begun) {
            self.jumps.push((begun, sent));
        } else {
            (self.at, self.begun) = (Some(sent), Some(begun));
        }
        if Arc::ptr_eq(&self.shared, &older.shared) {
            self.beat = older.beat;
        }
        if older.rests && self.still.is_empty() {
            // This one was asked for on top of that state, all of which is to be seen.
            self.still.clone_from(&older.still);
        }
        self
    }

    /// Whether it is [held](Cursor::hold).
    pub(super) fn is_held(&self) -> bool {
        self.held
    }

    /// Writes nothing more: one that shows the state is on its way to take its place.
    pub(super) fn hold(&mut self) {
        self.held = true;
    }

    /// The last record that it has sent. None of a state that it rests behind: what is older may
    /// have yet to be asked for.
    pub fn position(&self) -> Option<Position> {
        if self.rests {
            return None;
        }
        Some(Position { epoch: self.epoch?, seq: self.at? })
    }

    /// Whether there is nothing to be written. It takes no lock to say so.
    pub(super) fn is_idle(&self) -> bool {
        self.held
            || self.still.is_empty()
                && (self.rests
                    || self.ended
                    || self.asked.is_some()
                    || self.then.is_none() && self.seen == self.shared.version())
    }

    /// What there is to be written, about `limit` bytes of it.
    pub(super) fn next(&mut self, limit: usize) -> Next {
        // Before the tape: what changes in between is looked at again.
        let version = self.shared.version();
        if self.held {
            return Next::Idle;
        }
        while self.still.is_empty() {
            while let Some((_, sent)) = self.jumps.pop_if(|(end, _)| Some(*end) <= self.at) {
                self.at = self.at.max(Some(sent));
            }
            if let Some(then) = self.then.take_if(|then| Some(then.at) <= self.at) {
                self.still = then.bytes;
                continue;
            }
            if self.rests || self.ended || self.asked.is_some() || self.seen == version {
                return Next::Idle;
            }
            let stop = self.then.as_ref().map(|then| then.at);
            let until = [self.jumps.last().map(|(end, _)| *end), stop].into_iter().flatten().min();
            let read = self.shared.look(|tape| tape.read(self.at, self.beat, until, limit));
            if self.replays
                && let Read::Still(_) | Read::Behind = read
                && let Some(position) = self.position()
            {
                self.asked = Some(position.seq);
                return Next::Wants(Wants::Past(position));
            }
            // A tape that has it once has it for good, or it is too slow.
            self.replays = false;
            match read {
                Read::Records(excerpt, _) if excerpt.bytes().is_empty() => {
                    self.at = Some(excerpt.last());
                }
                Read::Records(excerpt, all) => {
                    let all = if all { version } else { self.seen };
                    return Next::Piece(Piece::Records(excerpt, all));
                }
                Read::Still(still) => {
                    self.at = Some(still.at);
                    self.begun = self.begun.or(self.at);
                    (self.jumps, self.then) = (Vec::new(), None);
                    self.still = still.bytes;
                }
                Read::Beat(number, bytes) => return Next::Piece(Piece::Beat(number, bytes)),
                Read::Nothing => self.seen = version,
                Read::Behind => {
                    self.seen = version;
                    return Next::Wants(Wants::State);
                }
                Read::Ended => {
                    self.ended = true;
                    return Next::Wants(Wants::Anew(self.position()));
                }
            }
        }
        Next::Piece(Piece::Still(self.still.slice(..edge(&self.still, limit))))
    }

    /// `written` bytes of `piece` (at least one) are on their way. What is left of the last frame
    /// that was begun has to follow before anything else.
    pub(super) fn wrote(&mut self, piece: &Piece, written: usize) -> Bytes {
        match piece {
            Piece::Records(excerpt, all) => {
                let (at, rest) = excerpt.after(written);
                self.at = Some(at);
                if written == excerpt.bytes().len() {
                    self.seen = *all;
                }
                // A copy of less than one record, rather than a hold on the whole segment.
                Bytes::copy_from_slice(rest)
            }
            Piece::Still(bytes) => {
                let edge = edge(bytes, written);
                self.still.advance(edge);
                if self.still.is_empty() {
                    // An empty slice would hold all of it.
                    self.still = Bytes::new();
                }
                bytes.slice(written..edge)
            }
            Piece::Beat(number, bytes) => {
                self.beat = *number;
                Bytes::copy_from_slice(&bytes[written..])
            }
        }
    }
}

impl Piece {
    pub(super) fn bytes(&self) -> &[u8] {
        match self {
            Self::Records(excerpt, _) => excerpt.bytes(),
            Self::Still(bytes) | Self::Beat(_, bytes) => bytes,
        }
    }
}

/// Where the first frame ends with which there are at least `limit` bytes.
pub(super) fn edge(frames: &[u8], limit: usize) -> usize {
    let mut edge = 0;
    while edge < limit && edge < frames.len() {
        edge += frame::first_len(&frames[edge..]);
    }
    edge
}
