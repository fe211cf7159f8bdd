//! Dashboards that do no more than count, as cheaply as can be: what they cost is nobody's measure,
//! but they must not be what everything waits for. On request they look at every frame.

use std::cell::{Cell, RefCell};
use std::future::poll_fn;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context as Waker, Poll, ready};
use std::time::Duration;

use anyhow::{Context, ensure};
use rustls::pki_types::ServerName;
use serde::Deserialize;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, ReadBuf};
use tokio::net::TcpStream;
use tokio::sync::Notify;
use tokio::task::JoinSet;
use tokio::time::timeout;

use crate::machine::Server;

/// How long anything may take.
const PATIENCE: Duration = Duration::from_secs(20);
/// What records begin with here, and what a state does.
const RECORD: &[u8] = br#"{"type":"log"#;
const STATE: &[u8] = br#"{"type":"sna"#;
/// The answer to a ping: empty, under a mask of zeros.
const PONG: [u8; 6] = [0x8A, 0x80, 0, 0, 0, 0];

/// Connections to one server.
#[derive(Debug)]
pub(crate) struct Audience {
    /// How many.
    pub(crate) size: u64,
    tally: Rc<Tally>,
    _tasks: JoinSet<()>,
}

/// What all of them together have seen.
#[derive(Debug, Default)]
struct Tally {
    records: Cell<u64>,
    states: Cell<u64>,
    gone: Cell<u64>,
    /// Records that are waited for.
    goal: Cell<u64>,
    reached: Notify,
    /// Whether each record is looked at.
    strict: Cell<bool>,
    looked_at: Cell<u64>,
    /// What was wrong with the first that was not as it should be.
    fault: RefCell<Option<String>>,
    /// The last record that was looked at.
    sample: RefCell<Vec<u8>>,
}

impl Audience {
    /// Connects `size` of them. `watch`: what a dashboard of the relay asks for.
    pub(crate) async fn gather(
        server: &Server,
        size: usize,
        watch: Option<&str>,
    ) -> anyhow::Result<Self> {
        Self::gather_with(server, size, watch, |_| None).await
    }

    /// The same, with a token for each.
    pub(crate) async fn gather_with(
        server: &Server,
        size: usize,
        watch: Option<&str>,
        token: impl Fn(usize) -> Option<String>,
    ) -> anyhow::Result<Self> {
        let (tally, mut tasks) = (Rc::new(Tally::default()), JoinSet::new());
        let buffer = Rc::new(RefCell::new(vec![0; 128 << 10]));
        for n in 0..size {
            let token = token(n);
            let stream = TcpStream::connect(server.viewers).await?;
            stream.set_nodelay(true)?;
            let (tally, buffer) = (Rc::clone(&tally), Rc::clone(&buffer));
            match &server.tls {
                None => {
                    let stream = greet(stream, token.as_deref(), watch).await?;
                    tasks.spawn_local(attend(stream, tally, buffer));
                }
                Some(tls) => {
                    let name = ServerName::try_from("localhost")?;
                    let stream = tls.0.connect(name, stream).await?;
                    let stream = greet(stream, token.as_deref(), watch).await?;
                    tasks.spawn_local(attend(stream, tally, buffer));
                }
            }
        }
        let audience = Self { size: size as u64, tally, _tasks: tasks };
        if watch.is_some() {
            let all = || audience.tally.states.get() >= audience.size;
            audience.wait(all).await.context("not everybody was shown the state")?;
        }
        Ok(audience)
    }

    /// From now on each of them has `more` records to come.
    pub(crate) fn expect(&self, more: usize) {
        self.tally.goal.set(self.tally.goal.get() + self.size * more as u64);
    }

    /// Waits until they have come.
    pub(crate) async fn satisfied(&self) -> anyhow::Result<()> {
        let all = || self.tally.goal.get() <= self.tally.records.get();
        self.wait(all).await.with_context(|| {
            format!("{} of {} records came", self.tally.records.get(), self.tally.goal.get())
        })?;
        ensure!(self.tally.gone.get() == 0, "{} connections have ended", self.tally.gone.get());
        let fault = self.tally.fault.borrow();
        ensure!(fault.is_none(), "{}", fault.as_deref().unwrap_or_default());
        Ok(())
    }

    async fn wait(&self, fine: impl Fn() -> bool) -> anyhow::Result<()> {
        let reached = async {
            while !fine() {
                self.tally.reached.notified().await;
            }
        };
        timeout(PATIENCE, reached).await.context("it takes too long")
    }

    /// Whether each record is looked at: that it is JSON, and numbered one more than the last. Say
    /// it between two bursts.
    pub(crate) fn be_strict(&self, strict: bool) {
        self.tally.strict.set(strict);
    }

    /// How many records were looked at.
    pub(crate) fn looked_at(&self) -> u64 {
        self.tally.looked_at.get()
    }

    /// How many records have come.
    pub(crate) fn records(&self) -> u64 {
        self.tally.records.get()
    }

    /// The last record that was looked at.
    pub(crate) fn sample(&self) -> anyhow::Result<String> {
        Ok(String::from_utf8(self.tally.sample.borrow().clone())?)
    }
}

/// Becomes a WebSocket, and asks to watch something.
async fn greet<Io: AsyncRead + AsyncWrite + Unpin>(
    mut io: Io,
    token: Option<&str>,
    watch: Option<&str>,
) -> anyhow::Result<Io> {
    let shown = token.map_or_else(String::new, |it| format!("authorization: Bearer {it}\r\n"));
    let request = format!(
        "GET /v1/stream HTTP/1.1\r\nhost: localhost\r\nconnection: upgrade\r\n\
         upgrade: websocket\r\nsec-websocket-version: 13\r\n\
         sec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n{shown}\r\n"
    );
    io.write_all(request.as_bytes()).await?;
    // Byte by byte, so that nothing that belongs to the frames is taken.
    let mut answer = Vec::new();
    while !answer.ends_with(b"\r\n\r\n") {
        answer.push(timeout(PATIENCE, io.read_u8()).await??);
    }
    ensure!(answer.starts_with(b"HTTP/1.1 101"), "{}", String::from_utf8_lossy(&answer));
    if let Some(execution) = watch {
        let text = format!(r#"{{"type":"subscribe","execution_id":"{execution}"}}"#);
        ensure!(text.len() < 126, "a short name");
        let mut frame = vec![0x81, 0x80 | text.len() as u8, 0, 0, 0, 0];
        frame.extend_from_slice(text.as_bytes());
        io.write_all(&frame).await?;
    }
    io.flush().await?;
    Ok(io)
}

async fn attend<Io>(mut io: Io, tally: Rc<Tally>, buffer: Rc<RefCell<Vec<u8>>>)
where
    Io: AsyncRead + AsyncWrite + Unpin,
{
    let mut reader = Reader::default();
    poll_fn(|cx| reader.read(&mut io, cx, &tally, &mut buffer.borrow_mut())).await;
    tally.gone.set(tally.gone.get() + 1);
    tally.reached.notify_one();
}

/// One connection's place among its frames.
#[derive(Debug, Default)]
struct Reader {
    /// The header of a frame, and the beginning of what follows.
    head: Vec<u8>,
    /// Bytes of the frame that are still to come.
    left: usize,
    /// The record that is being looked at, and the number of the last.
    body: Option<Vec<u8>>,
    last: Option<u64>,
    /// Of an answer, what has been written.
    pong: Option<usize>,
}

#[derive(Deserialize)]
struct Numbered {
    seq: u64,
}

impl Reader {
    /// Reads until nothing is there. Ready: the connection is over.
    fn read<Io>(
        &mut self,
        io: &mut Io,
        cx: &mut Waker<'_>,
        tally: &Tally,
        buffer: &mut [u8],
    ) -> Poll<()>
    where
        Io: AsyncRead + AsyncWrite + Unpin,
    {
        loop {
            let mut buffer = ReadBuf::new(buffer);
            let read = ready!(Pin::new(&mut *io).poll_read(cx, &mut buffer));
            if read.is_err() || buffer.filled().is_empty() {
                return Poll::Ready(());
            }
            let before = tally.records.get();
            self.walk(buffer.filled(), tally);
            let (goal, now) = (tally.goal.get(), tally.records.get());
            if before < goal && goal <= now {
                tally.reached.notify_one();
            }
            if let Some(at) = self.pong {
                let rest = &PONG[at..];
                if let Poll::Ready(Ok(written)) = Pin::new(&mut *io).poll_write(cx, rest) {
                    self.pong = Some(at + written).filter(|at| *at < PONG.len());
                    let _ = Pin::new(&mut *io).poll_flush(cx);
                }
            }
        }
    }

    fn walk(&mut self, mut bytes: &[u8], tally: &Tally) {
        while !bytes.is_empty() {
            if self.left == 0 {
                // Header by header; what is skipped afterwards is most of it.
                let (header, payload) = lengths(&self.head);
                let wanted = header + payload.unwrap_or_default().min(RECORD.len());
                let taken = bytes.len().min(wanted - self.head.len());
                self.head.extend_from_slice(&bytes[..taken]);
                bytes = &bytes[taken..];
                let (header, payload) = lengths(&self.head);
                let Some(payload) = payload else { continue };
                if self.head.len() == header + payload.min(RECORD.len()) {
                    self.begin(header, payload, tally);
                }
            } else {
                let taken = bytes.len().min(self.left);
                if let Some(body) = &mut self.body {
                    body.extend_from_slice(&bytes[..taken]);
                }
                self.left -= taken;
                bytes = &bytes[taken..];
            }
            if self.left == 0
                && let Some(body) = self.body.take()
            {
                self.look(body, tally);
            }
        }
    }

    fn begin(&mut self, header: usize, payload: usize, tally: &Tally) {
        let start = &self.head[header..];
        self.left = payload - start.len();
        if start == RECORD {
            tally.records.set(tally.records.get() + 1);
            if tally.strict.get() {
                self.body = Some(start.to_vec());
            } else {
                self.last = None;
            }
        } else if start == STATE {
            tally.states.set(tally.states.get() + 1);
            tally.reached.notify_one();
        } else if self.head[0] == 0x89 {
            self.pong = Some(0);
        }
        self.head.clear();
    }

    fn look(&mut self, body: Vec<u8>, tally: &Tally) {
        tally.looked_at.set(tally.looked_at.get() + 1);
        let fault = match serde_json::from_slice(&body) {
            Err(err) => Some(format!("a frame is no JSON: {err}")),
            Ok(Numbered { seq }) => {
                let last = self.last.replace(seq);
                let gap = last.filter(|last| last + 1 != seq);
                gap.map(|last| format!("record {seq} comes after {last}"))
            }
        };
        if let Some(fault) = fault {
            tally.fault.borrow_mut().get_or_insert(fault);
        }
        tally.sample.replace(body);
    }
}

/// The length of a header that begins like this, as far as can be said; and of what follows it.
fn lengths(head: &[u8]) -> (usize, Option<usize>) {
    match head {
        [] | [_] => (2, None),
        [_, 126, high, low, ..] => (4, Some(usize::from(u16::from_be_bytes([*high, *low])))),
        [_, 126, ..] => (4, None),
        [_, 127, rest @ ..] => match rest.first_chunk() {
            Some(len) => (10, usize::try_from(u64::from_be_bytes(*len)).ok()),
            None => (10, None),
        },
        [_, len, ..] => (2, Some(usize::from(*len))),
    }
}
