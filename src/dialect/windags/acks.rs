//! What a client must not miss, until it has said that it has it: gates, errors, and the end. Only
//! for clients that want that; it must cost the others nothing.
//!
//! Only what happens is counted, not the state, which is said again on every opening: a client that
//! acknowledges nothing is sent away once for each event, and not each time that it comes back.

use std::{
    borrow::Cow,
    collections::VecDeque,
    time::{Duration, Instant},
};

use serde::Deserialize;

use crate::frame::{self, Frames};

/// How many seconds an acknowledgement may take, after each of the tries.
const PATIENCE: [u64; 5] = [2, 4, 8, 8, 8];
/// So many messages may wait for theirs,
const MESSAGES: usize = 256;
/// and so many bytes.
const BYTES: usize = 1 << 20;

/// What is missed if it is missed.
const CRITICAL: [&str; 3] = ["human_gate_waiting", "error", "execution_complete"];

/// What one client has been sent and has not acknowledged.
#[derive(Debug, Default)]
pub(super) struct Acks {
    waiting: VecDeque<Sent>,
    bytes: usize,
    /// It has everything up to this record.
    has: u64,
    /// Since when it is known not to listen.
    deaf: Option<Instant>,
}

#[derive(Debug)]
struct Sent {
    event_id: String,
    seq: Option<u64>,
    frame: Vec<u8>,
    tries: usize,
    due: Instant,
}

/// A message, as far as it matters here.
#[derive(Deserialize)]
struct Head<'a> {
    #[serde(rename = "type", borrow)]
    kind: Cow<'a, str>,
    #[serde(borrow)]
    event_id: Cow<'a, str>,
    seq: Option<u64>,
}

impl Acks {
    /// These frames are on their way for the first time.
    pub(super) fn sent(&mut self, mut frames: &[u8], now: Instant) {
        while !frames.is_empty() {
            let (frame, payload, rest) = frame::first(frames);
            frames = rest;
            // What has no `event_id` can't be acknowledged: a state, or an engine's own words.
            let Ok(head) = serde_json::from_slice::<Head<'_>>(payload) else { continue };
            let known = head.seq.is_some_and(|seq| seq <= self.has);
            if known || self.deaf.is_some() || !CRITICAL.contains(&&*head.kind) {
                continue;
            }
            self.bytes += frame.len();
            let (event_id, seq) = (head.event_id.into_owned(), head.seq);
            let (tries, due) = (1, now + Duration::from_secs(PATIENCE[0]));
            self.waiting.push_back(Sent { event_id, seq, frame: frame.to_vec(), tries, due });
            if MESSAGES < self.waiting.len() || BYTES < self.bytes {
                self.give_up(now);
            }
        }
    }

    /// It has this event.
    pub(super) fn heard(&mut self, event_id: &str) {
        self.keep(|it| it.event_id != event_id);
    }

    /// It has everything up to this record, and needs nothing of it again.
    pub(super) fn heard_up_to(&mut self, seq: u64) {
        self.has = self.has.max(seq);
        self.keep(|it| it.seq.is_none_or(|it| seq < it));
    }

    /// Another log begins, whose numbers are others.
    pub(super) fn forget(&mut self) {
        self.has = 0;
        self.keep(|_| false);
    }

    /// When something has to be sent again, or given up.
    pub(super) fn due(&self) -> Option<Instant> {
        self.deaf.or_else(|| self.waiting.iter().map(|it| it.due).min())
    }

    /// Sends again what has waited for too long.
    pub(super) fn elapsed(&mut self, now: Instant, out: &mut Frames) {
        for sent in self.waiting.iter_mut().filter(|it| it.due <= now) {
            let Some(patience) = PATIENCE.get(sent.tries) else { return self.give_up(now) };
            sent.tries += 1;
            sent.due = now + Duration::from_secs(*patience);
            out.again(&sent.frame);
        }
    }

    /// Whether nothing is gained by going on with it. Said once.
    pub(super) fn is_deaf(&mut self) -> bool {
        self.deaf.take().is_some()
    }

    fn give_up(&mut self, now: Instant) {
        self.keep(|_| false);
        self.deaf = Some(now);
    }

    fn keep(&mut self, keep: impl FnMut(&Sent) -> bool) {
        self.waiting.retain(keep);
        self.bytes = self.waiting.iter().map(|it| it.frame.len()).sum();
    }
}
