//! The network of a simulation: turmoil's, with every connection of a host in one book, so that a
//! test can cut it in the middle of a message, slice it, or let it vanish without a word. It must
//! never drop connections in an order that chance decides: what a dropped one sends takes a draw
//! from the simulation's dice.

use std::collections::BTreeMap;
use std::io::{self, ErrorKind};
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard};
use std::task::{Context, Poll, ready};

use footplate::seams::{Address, Listener, Network, Peer, Promise, Stream};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use turmoil::net::{TcpListener, TcpStream};

/// The connections of one host.
#[derive(Debug, Clone, Default)]
pub(super) struct Book(Arc<Mutex<Lines>>);

#[derive(Debug, Default)]
struct Lines {
    open: BTreeMap<u64, Line>,
    last: u64,
    /// The host is being killed: its connections end in the order in which they began.
    dying: bool,
    /// Bytes that go into one segment at most.
    slice: Option<usize>,
}

#[derive(Debug)]
struct Line {
    stream: TcpStream,
    with: IpAddr,
    /// How many more reads and writes go well.
    reads: Option<u32>,
    writes: Option<u32>,
}

impl Book {
    /// Enters a connection.
    pub(super) fn enter(&self, stream: TcpStream, with: SocketAddr) -> Wire {
        let mut lines = self.lines();
        lines.last += 1;
        let id = lines.last;
        let line = Line { stream, with: with.ip(), reads: None, writes: None };
        lines.open.insert(id, line);
        Wire { id, book: self.clone() }
    }

    /// Cuts what is open with `host`: after so many reads or writes half of the next one still gets
    /// through, and then nothing.
    pub(super) fn cut(&self, host: IpAddr, after: u32, reading: bool) {
        for line in self.lines().open.values_mut().filter(|it| it.with == host) {
            *(if reading { &mut line.reads } else { &mut line.writes }) = Some(after);
        }
    }

    /// How many connections with a host are open.
    pub(super) fn open(&self, host: IpAddr) -> usize {
        self.lines().open.values().filter(|it| it.with == host).count()
    }

    /// From now on segments are as short as this.
    pub(super) fn slice(&self, bytes: Option<usize>) {
        self.lines().slice = bytes;
    }

    /// The host is about to be killed. `silently`: as if its power had gone, so that nobody is told.
    /// To be called from outside the simulation.
    pub(super) fn doom(&self, silently: bool) {
        let mut lines = self.lines();
        lines.dying = true;
        if silently {
            lines.open.clear();
        }
    }

    /// Ends all connections in their order as soon as it is dropped.
    pub(super) fn undertaker(&self) -> Undertaker {
        let mut lines = self.lines();
        lines.dying = false;
        lines.open.clear();
        Undertaker(self.clone())
    }

    fn lines(&self) -> MutexGuard<'_, Lines> {
        self.0.lock().unwrap()
    }

    /// Does something with a connection. What is cut is dropped on the way.
    fn with<T>(
        &self,
        id: u64,
        act: impl FnOnce(&mut Line, Option<usize>) -> Poll<io::Result<(T, bool)>>,
    ) -> Poll<io::Result<T>> {
        let mut lines = self.lines();
        let slice = lines.slice;
        let Some(line) = lines.open.get_mut(&id) else {
            return Poll::Ready(Err(ErrorKind::ConnectionReset.into()));
        };
        let (done, lives) = match ready!(act(line, slice)) {
            Ok((done, lives)) => (Ok(done), lives),
            Err(err) => (Err(err), true),
        };
        if !lives {
            lines.open.remove(&id);
        }
        Poll::Ready(done)
    }
}

/// Ends a host's connections when its software is gone.
#[derive(Debug)]
pub(super) struct Undertaker(Book);

impl Drop for Undertaker {
    fn drop(&mut self) {
        let mut lines = self.0.lines();
        while lines.open.pop_first().is_some() {}
    }
}

/// One end of one connection.
#[derive(Debug)]
pub(super) struct Wire {
    id: u64,
    book: Book,
}

impl Drop for Wire {
    fn drop(&mut self) {
        let mut lines = self.book.lines();
        if !lines.dying {
            lines.open.remove(&self.id);
        }
    }
}

/// Counts down. `false`: this is the one that is cut.
fn goes_well(left: &mut Option<u32>) -> bool {
    match left {
        Some(0) => false,
        Some(left) => {
            *left -= 1;
            true
        }
        None => true,
    }
}

impl AsyncRead for Wire {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        self.book.with(self.id, |line, _| {
            let before = buf.filled().len();
            ready!(Pin::new(&mut line.stream).poll_read(cx, buf))?;
            let lives = goes_well(&mut line.reads);
            if !lives {
                buf.set_filled(before + (buf.filled().len() - before).div_ceil(2));
            }
            Poll::Ready(Ok(((), lives)))
        })
    }
}

impl AsyncWrite for Wire {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.book.with(self.id, |line, slice| {
            let most = bytes.len().min(slice.unwrap_or(usize::MAX));
            let whole = line.writes != Some(0);
            let most = if whole { most } else { most.div_ceil(2) };
            let written = ready!(Pin::new(&mut line.stream).poll_write(cx, &bytes[..most]))?;
            Poll::Ready(Ok((written, goes_well(&mut line.writes))))
        })
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.book.with(self.id, |line, _| {
            ready!(Pin::new(&mut line.stream).poll_flush(cx))?;
            Poll::Ready(Ok(((), true)))
        })
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.book.with(self.id, |line, _| {
            ready!(Pin::new(&mut line.stream).poll_shutdown(cx))?;
            Poll::Ready(Ok(((), true)))
        })
    }
}

/// The relay's network. To the relay everybody is on its own machine, as beside a sidecar.
#[derive(Debug)]
pub(super) struct Simulated(pub(super) Book);

impl Network for Simulated {
    fn listen<'a>(&'a self, address: &'a Address) -> Promise<'a, Box<dyn Listener>> {
        Box::pin(async move {
            let Address::Tcp(at) = address else { return Err(ErrorKind::Unsupported.into()) };
            let socket = TcpListener::bind((Ipv4Addr::UNSPECIFIED, at.port())).await?;
            let port = Port { socket, address: address.clone(), book: self.0.clone() };
            Ok(Box::new(port) as Box<dyn Listener>)
        })
    }

    fn connect<'a>(&'a self, address: &'a Address) -> Promise<'a, Stream> {
        Box::pin(async move {
            let Address::Tcp(at) = address else { return Err(ErrorKind::Unsupported.into()) };
            let stream = TcpStream::connect(*at).await?;
            Ok(Box::new(self.0.enter(stream, *at)) as Stream)
        })
    }
}

struct Port {
    socket: TcpListener,
    address: Address,
    book: Book,
}

impl std::fmt::Debug for Port {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Port({})", self.address)
    }
}

impl Listener for Port {
    fn accept(&mut self) -> Promise<'_, (Stream, Peer)> {
        Box::pin(async {
            let (stream, from) = self.socket.accept().await?;
            let stream: Stream = Box::new(self.book.enter(stream, from));
            Ok((stream, Peer::Tcp((Ipv4Addr::LOCALHOST, from.port()).into())))
        })
    }

    fn address(&self) -> &Address {
        &self.address
    }
}
