//! One dashboard's end of a pipe: what it sends, how much it reads, and what must hold of all that comes.

use std::collections::{BTreeMap, BTreeSet};
use std::future::poll_fn;
use std::pin::Pin;
use std::task::Poll;

use footplate::dialect::Manners;
use footplate::model::Timestamp;
use serde_json::Value;
use tokio::io::{AsyncRead, AsyncWrite, DuplexStream, ReadBuf};

use super::people::{ends, sees};

/// The largest message that these small worlds may come to, in bytes.
const LARGEST: usize = 256 << 10;
/// Stands before and behind what only executions say: which, its number, and when it was said.
pub(super) const MARK: (&str, &str) = ("<zq:", ":qz>");

pub(super) struct Client {
    /// `None`: it has hung up.
    pipe: Option<DuplexStream>,
    pub(super) manners: Manners,
    /// The execution that its path names.
    pub(super) path: Option<&'static str>,
    /// Every token that it has ever shown.
    pub(super) tokens: Vec<&'static str>,
    /// Bytes that it reads at a time. 0: none.
    pub(super) appetite: usize,
    /// What has come of a frame that is not whole.
    rest: Vec<u8>,
    closed: bool,
    /// The record that has to follow, of each execution.
    next: BTreeMap<String, Option<u64>>,
    /// The last record that it was told of, where its protocol tells.
    last: Option<u64>,
    /// How often it may yet be shown older things again: each time that it has asked for them.
    asked: usize,
    /// What it has heard, where what it does not acknowledge is said again, word for word.
    heard: BTreeSet<String>,
    /// When it was known to be let go of at the latest.
    over: Option<Timestamp>,
}

impl Client {
    pub(super) fn new(
        pipe: DuplexStream,
        manners: Manners,
        path: Option<&'static str>,
        token: Option<&'static str>,
    ) -> Self {
        let tokens = token.into_iter().collect();
        Self {
            pipe: Some(pipe),
            manners,
            path,
            tokens,
            appetite: usize::MAX,
            rest: vec![],
            closed: false,
            next: BTreeMap::new(),
            last: None,
            asked: 0,
            heard: BTreeSet::new(),
            over: None,
        }
    }

    pub(super) fn hangs_up(&mut self) {
        self.pipe = None;
    }

    /// It is no longer let see anything from then on.
    pub(super) fn is_over(&mut self, at: Timestamp) {
        self.over.get_or_insert(at);
    }

    /// It shows another token, with which it may be let in again unless that is taken back, too.
    pub(super) fn shows(&mut self, token: &'static str, revoked: bool) {
        self.tokens.push(token);
        self.over = self.over.filter(|_| revoked);
    }

    /// Sends a text frame.
    pub(super) async fn says(&mut self, text: &str) {
        // Whoever asks may be shown older things again.
        self.last = None;
        self.asked += usize::from(text.contains("request"));
        let bytes = text.as_bytes();
        let mut frame = vec![0x81];
        match bytes.len() {
            len @ 0..=125 => frame.push(0x80 | len as u8),
            len => {
                frame.push(0x80 | 126);
                frame.extend((len as u16).to_be_bytes());
            }
        }
        frame.extend([0; 4]);
        frame.extend(bytes);
        self.sends(&frame).await;
    }

    /// Sends these bytes, or as many as the pipe takes.
    pub(super) async fn sends(&mut self, bytes: &[u8]) {
        let Some(pipe) = &mut self.pipe else { return };
        let mut left = bytes;
        poll_fn(|cx| {
            while !left.is_empty() {
                match Pin::new(&mut *pipe).poll_write(cx, left) {
                    Poll::Ready(Ok(written @ 1..)) => left = &left[written..],
                    Poll::Ready(_) | Poll::Pending => break,
                }
            }
            Poll::Ready(())
        })
        .await;
        if !left.is_empty() {
            // Half a frame is none: what it would say next could not be told from it.
            self.hangs_up();
        }
    }

    /// Reads what is there, as far as it has an appetite. Whether it has read anything.
    pub(super) async fn reads(&mut self) -> bool {
        let Some(pipe) = &mut self.pipe else { return false };
        let (mut room, mut left) = ([0; 4_096], self.appetite);
        let before = self.rest.len();
        let rest = &mut self.rest;
        poll_fn(|cx| {
            while 0 < left {
                let most = room.len().min(left);
                let mut buffer = ReadBuf::new(&mut room[..most]);
                match Pin::new(&mut *pipe).poll_read(cx, &mut buffer) {
                    Poll::Ready(Ok(())) if !buffer.filled().is_empty() => {
                        rest.extend(buffer.filled());
                        left -= buffer.filled().len();
                    }
                    Poll::Ready(_) | Poll::Pending => break,
                }
            }
            Poll::Ready(())
        })
        .await;
        let read = before < self.rest.len();
        while let Some((opcode, payload)) = self.frame() {
            self.takes(opcode, &payload);
        }
        read
    }

    /// The next whole frame: its opcode and payload.
    fn frame(&mut self) -> Option<(u8, Vec<u8>)> {
        let (first, second) = (*self.rest.first()?, *self.rest.get(1)?);
        let (header, length) = match second {
            126 => (4, usize::from(u16::from_be_bytes(self.rest.get(2..4)?.try_into().ok()?))),
            127 => (10, u64::from_be_bytes(self.rest.get(2..10)?.try_into().ok()?) as usize),
            short => (2, usize::from(short)),
        };
        assert_eq!(first & 0xF0, 0x80, "whole frames, and no bits that mean nothing");
        assert!(second < 128, "a server masks nothing");
        assert!(length <= LARGEST, "a frame of {length} bytes");
        if self.rest.len() < header + length {
            return None;
        }
        let payload = self.rest[header..header + length].to_vec();
        self.rest.drain(..header + length);
        Some((first & 0x0F, payload))
    }

    fn takes(&mut self, opcode: u8, payload: &[u8]) {
        assert!(!self.closed, "something behind the close frame");
        match opcode {
            1 => {
                let text = std::str::from_utf8(payload).expect("text is UTF-8");
                let told: Value = serde_json::from_str(text)
                    .unwrap_or_else(|err| panic!("it is no JSON: {err}: {text}"));
                self.may_see(text);
                if self.manners == Manners::Native {
                    self.follows(&told);
                } else {
                    self.ascends(&told, text);
                }
            }
            8 => {
                assert!(payload.len() != 1 && payload.len() <= 125, "a close frame");
                self.closed = true;
            }
            9 | 10 => assert!(payload.len() <= 125, "a control frame is short"),
            other => panic!("a frame of kind {other}"),
        }
    }

    /// Nothing of an execution comes to who may not watch it, or may no longer.
    fn may_see(&self, text: &str) {
        for marked in text.split(MARK.0).skip(1) {
            let (mark, _) = marked.split_once(MARK.1).unwrap_or((marked, ""));
            let mut parts = mark.split(':');
            let (Some(execution), Some(time)) = (parts.next(), parts.nth(1)) else { continue };
            let Ok(time) = time.parse().map(Timestamp) else { continue };
            let seen = self.tokens.iter().any(|token| sees(token, execution));
            assert!(seen, "{:?} are shown {execution}: {text}", self.tokens);
            let counts = |token: &&str| ends(token).is_none_or(|at| time < at);
            assert!(self.tokens.iter().any(counts), "{:?} have ended: {text}", self.tokens);
            assert!(self.over.is_none_or(|at| time <= at), "it was taken back before: {text}");
        }
    }

    /// In our own protocol each record follows on the one before, or on a state.
    fn follows(&mut self, told: &Value) {
        let kind = told["type"].as_str().expect("each message has a type");
        let Some(execution) = told["execution_id"].as_str() else { return };
        let next = self.next.entry(execution.to_owned()).or_default();
        match kind {
            "subscribed" => {
                let from = told["from"].as_u64().expect("it begins somewhere");
                *next = (told["recovered"] == true).then_some(from + 1);
            }
            "snapshot" => *next = told["seq"].as_u64().map(|seq| seq + 1),
            "execution_summary" | "heartbeat" | "receipt" | "error" => {}
            "unsubscribed" => *next = None,
            _ => {
                let seq = told["seq"].as_u64().expect("a record has a number");
                assert_eq!(Some(seq), *next, "each once, in order, without a gap: {told}");
                *next = Some(seq + 1);
            }
        }
    }

    /// In the others, what is stamped with a number goes forward, as long as nobody is shown a state.
    fn ascends(&mut self, told: &Value, text: &str) {
        let again = self.manners == Manners::Windags && !self.heard.insert(text.to_owned());
        if self.path.is_none() || again {
            return;
        }
        if told.get("as_of_seq").is_some() {
            self.last = None;
        } else if let Some(seq) = told["seq"].as_u64() {
            if self.last.is_some_and(|last| seq < last) {
                assert!(0 < self.asked, "back from {:?}: {told}", self.last);
                self.asked -= 1;
            }
            self.last = Some(seq);
        }
    }
}
