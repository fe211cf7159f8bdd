//! The one accept loop, used by every port of every door: accept, then in a task of the
//! connection's own the first byte, TLS, and HTTP. The loop itself never waits for a peer, and a
//! peer that says nothing is gone after [`Options::first_byte`].
//!
//! Each port keeps one descriptor to spare. When there is no other, whoever comes next is let in with it
//! for as long as it takes to say so, instead of waiting for nothing.

use std::{
    convert::Infallible,
    future::pending,
    io,
    net::IpAddr,
    os::fd::{AsFd, OwnedFd},
    pin::pin,
    sync::Arc,
    time::Duration,
};

use futures_util::FutureExt;
use http::{Extensions, Request, Response};
use hyper::body::Incoming;
use hyper::server::conn::{http1, http2};
use hyper_util::rt::{TokioIo, TokioTimer};
use rustix::io::Errno;
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader, copy, sink};
use tokio::time::{sleep, timeout};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::{ServerConfig, pki_types::CertificateDer};
use tokio_util::sync::CancellationToken;
use tower::{Service, util::BoxCloneSyncService};
use tracing::{debug, info, warn};

use super::{
    Body,
    begun::Begun,
    caps::{Caps, Seat},
};
use crate::seams::{Address, Io, Listener, Peer, Stream};
use crate::tasks::Tasks;
use crate::telemetry::Metrics;

/// What answers requests.
pub type Site = BoxCloneSyncService<Request<Incoming>, Response<Body>, Infallible>;

/// How TLS is spoken with whoever connects now.
pub type Tls = Arc<dyn Fn() -> Arc<ServerConfig> + Send + Sync>;

/// Writes down who has connected.
pub type Introduce = Arc<dyn Fn(&Connection, &mut Extensions) + Send + Sync>;

/// How long a peer may take, and how much it may say.
#[derive(Debug, Clone, Copy)]
pub struct Options {
    /// Until its first byte.
    pub first_byte: Duration,
    /// For TLS, from then on.
    pub tls: Duration,
    /// For the headers of a request, and between two requests.
    pub headers: Duration,
    /// For whoever has shown nothing to make use of HTTP/2, where a connection can be kept open with
    /// nothing. Then it is let finish, and may come again: browsers do.
    pub stranger: Duration,
    /// How many headers.
    pub max_headers: usize,
    /// How many bytes of them.
    pub max_header_bytes: usize,
    /// The first and the longest pause after accepting has failed. The first is also how long somebody
    /// is listened to who is let in only to be sent away.
    pub pause: (Duration, Duration),
}

impl Default for Options {
    fn default() -> Self {
        Self {
            first_byte: Duration::from_secs(10),
            tls: Duration::from_secs(10),
            headers: Duration::from_secs(5),
            stranger: Duration::from_secs(30),
            max_headers: 64,
            max_header_bytes: 16 << 10,
            pause: (Duration::from_millis(50), Duration::from_secs(1)),
        }
    }
}

/// What is spoken behind a port.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Speaks {
    /// HTTP/1.1 with WebSockets; over TLS also HTTP/2, as ALPN says.
    Web,
    /// gRPC: HTTP/2, which over plain TCP both sides just begin with.
    Grpc,
}

/// What all ports of one door have in common.
#[derive(Clone)]
pub struct Door {
    /// For log lines and numbers: `viewer`, `engine` or `admin`.
    pub name: &'static str,
    /// What it speaks.
    pub speaks: Speaks,
    /// How it speaks HTTP/2, timer included.
    pub http2: fn(&mut http2::Builder<Tasks>),
    /// How it speaks TLS, if it does. Unix sockets are plain in any case.
    pub tls: Option<Tls>,
    /// What answers.
    pub site: Site,
    /// Writes down who has connected, where the site looks for it: once, for all of its requests.
    pub introduce: Introduce,
    /// How patient it is.
    pub options: Options,
    /// How many connections there may be.
    pub caps: Caps,
    /// Cancelled when the ports are to close. What is connected then stays, until the tasks drain.
    pub closing: CancellationToken,
    /// Who owns its tasks.
    pub tasks: Tasks,
    /// What it counts.
    pub metrics: Arc<Metrics>,
}

impl std::fmt::Debug for Door {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Door").field("name", &self.name).finish_non_exhaustive()
    }
}

/// What is known of a connection before its first request.
#[derive(Debug, Clone)]
pub struct Connection {
    /// Who is there.
    pub peer: Peer,
    /// The address that tells clients apart: the peer's, until a proxy that is trusted says another.
    pub client: Option<IpAddr>,
    /// Whether it came over TLS.
    pub tls: bool,
    /// The certificates that it has shown there, its own first, if they were asked for; an authority
    /// vouches for them.
    pub certificate: Option<Arc<[CertificateDer<'static>]>>,
    /// Its place: whoever takes the connection over takes this along.
    pub seat: Arc<Seat>,
}

impl Door {
    /// Lets connections in at one port until [`Door::closing`]; then the port closes.
    pub async fn open(self, mut port: Box<dyn Listener>) {
        let tls = match (port.address(), &self.tls) {
            (Address::Unix(_), _) => "none: for this machine alone, by the file's mode",
            (Address::Tcp(at), None) if at.ip().to_canonical().is_loopback() => {
                "none: for this machine alone"
            }
            (Address::Tcp(_), None) => "none",
            (Address::Tcp(_), Some(_)) => "yes",
        };
        info!(door = self.name, address = %port.address(), tls, "listening");
        let (mut pause, mut spare, mut short) = (self.options.pause.0, spare().ok(), false);
        loop {
            let accepted = tokio::select! {
                biased;
                () = self.closing.cancelled() => break,
                accepted = port.accept() => accepted,
            };
            match accepted {
                Ok((stream, _)) if is_last(&mut spare) => self.turn_away(stream).await,
                Ok((stream, peer)) => {
                    pause = self.options.pause.0;
                    if std::mem::take(&mut short) {
                        info!(door = self.name, "accepting connections again");
                    }
                    self.admit(stream, peer);
                }
                // It has gone before it was let in; the next one may be there already.
                Err(err) if is_of_one(&err) => debug!(door = self.name, %err, "not accepted"),
                // Without descriptors or memory: trying again at once would only burn a processor.
                Err(err) => {
                    self.metrics.accept_errors.inc();
                    if !std::mem::replace(&mut short, true) {
                        let remedy = "raise the limit of open files (LimitNOFILE=, ulimit -n)";
                        warn!(door = self.name, %err, remedy, "can't accept connections; who comes is sent away or waits");
                    }
                    if is_short(&err) && spare.take().is_some() {
                        continue;
                    }
                    tokio::select! {
                        biased;
                        () = self.closing.cancelled() => break,
                        () = sleep(pause) => {}
                    }
                    pause = (pause * 2).min(self.options.pause.1);
                }
            }
        }
        debug!(door = self.name, address = %port.address(), "no longer listening");
    }

    fn admit(&self, mut stream: Stream, peer: Peer) {
        self.metrics.connections_accepted.of(self.name).inc();
        let seat = match self.caps.sit(peer) {
            Ok(seat) => seat,
            Err(full) => {
                self.refused(full.word());
                if self.speaks == Speaks::Web && self.tls.is_none() {
                    // As far as it goes without waiting.
                    let _ = stream.write_all(BUSY).now_or_never();
                }
                return;
            }
        };
        let door = self.clone();
        self.tasks.spawn("connection", async move { door.greet(stream, peer, seat).await });
    }

    /// Says that there is no room, and waits a moment until that was read: what a client has said and
    /// nobody has read would cut off what it is told.
    async fn turn_away(&self, mut stream: Stream) {
        self.refused("descriptors");
        if self.speaks != Speaks::Web || self.tls.is_some() {
            return;
        }
        let told = async {
            stream.write_all(BUSY).await?;
            stream.shutdown().await?;
            copy(&mut stream, &mut sink()).await
        };
        // Whoever takes longer has had its chance.
        drop(timeout(self.options.pause.0, told).await);
    }

    /// The first byte, TLS, and then HTTP to the end.
    async fn greet(self, stream: Stream, peer: Peer, seat: Seat) {
        // Large reads pass by such a small buffer, so it costs nothing later.
        let mut stream = BufReader::with_capacity(8, stream);
        let first = match timeout(self.options.first_byte, stream.fill_buf()).await {
            Err(_) => return self.refused("timeout"),
            // It has come and gone: a probe that only wants to know whether the port is open.
            Ok(Err(_) | Ok([])) => return,
            Ok(Ok([first, ..])) => *first,
        };
        let encrypted = first == TLS_HANDSHAKE;
        let tls = self.tls.as_ref().filter(|_| matches!(peer, Peer::Tcp(_)));
        let (seat, certificate) = (Arc::new(seat), None);
        let (client, tls_is) = (peer.ip(), tls.is_some());
        let mut connection = Connection { peer, client, tls: tls_is, certificate, seat };
        match tls {
            None if encrypted => {
                self.refused("tls");
                debug!(door = self.name, "a client speaks TLS to a port that is plain");
            }
            None => self.serve(stream, connection, self.speaks == Speaks::Grpc).await,
            Some(_) if !encrypted => {
                self.refused("tls");
                // It is gone in any case; perhaps it still reads why.
                let _ = stream.write_all(NOT_PLAIN).now_or_never();
            }
            Some(config) => {
                let handshake = TlsAcceptor::from(config()).accept(stream);
                match timeout(self.options.tls, handshake).await {
                    Err(_) => self.refused("timeout"),
                    Ok(Err(err)) => {
                        self.refused("tls");
                        debug!(door = self.name, %err, "no TLS");
                    }
                    Ok(Ok(stream)) => {
                        let two = stream.get_ref().1.alpn_protocol() == Some(b"h2");
                        let two = two || self.speaks == Speaks::Grpc;
                        let shown = stream.get_ref().1.peer_certificates();
                        connection.certificate = shown.map(Arc::from);
                        self.serve(stream, connection, two).await;
                    }
                }
            }
        }
    }

    /// Serves requests until the connection ends, or has become something else. Once the relay
    /// drains, no further request is taken.
    async fn serve(&self, stream: impl Io + 'static, connection: Connection, two: bool) {
        let seat = Arc::clone(&connection.seat);
        let (site, mut about) = (self.site.clone(), Extensions::new());
        (self.introduce)(&connection, &mut about);
        let site = hyper::service::service_fn(move |mut request: Request<Incoming>| {
            request.extensions_mut().extend(about.clone());
            // A boxed service is always ready.
            site.clone().call(request)
        });
        let ended = if two {
            let (stream, begun) = Begun::new(stream);
            let stream = TokioIo::new(stream);
            let mut http = http2::Builder::new(self.tasks.clone());
            (self.http2)(&mut http);
            let mut connection = pin!(http.serve_connection(stream, site));
            tokio::select! {
                biased;
                ended = connection.as_mut() => ended,
                () = self.tasks.draining().cancelled() => {
                    connection.as_mut().graceful_shutdown();
                    connection.await
                }
                () = stays_stranger(&seat, self.options.stranger) => {
                    connection.as_mut().graceful_shutdown();
                    connection.await
                }
                Err(_) = timeout(self.options.headers, begun) => return self.refused("timeout"),
            }
        } else {
            let stream = TokioIo::new(stream);
            let mut http = http1::Builder::new();
            http.timer(TokioTimer::new())
                .header_read_timeout(self.options.headers)
                .max_headers(self.options.max_headers)
                .max_buf_size(self.options.max_header_bytes);
            // It ends when it is upgraded: a WebSocket is a task of its own.
            let mut connection = pin!(http.serve_connection(stream, site).with_upgrades());
            tokio::select! {
                biased;
                ended = connection.as_mut() => ended,
                () = self.tasks.draining().cancelled() => {
                    connection.as_mut().graceful_shutdown();
                    connection.await
                }
            }
        };
        if let Err(err) = ended {
            if err.is_timeout() {
                self.refused("timeout");
            }
            debug!(door = self.name, %err, "connection ended");
        }
    }

    fn refused(&self, reason: &'static str) {
        self.metrics.connections_refused.of(reason).inc();
    }
}

/// Returns after this long if it is a stranger's still.
async fn stays_stranger(seat: &Seat, patience: Duration) {
    sleep(patience).await;
    if !seat.is_strangers() {
        pending().await
    }
}

/// The first byte of a TLS connection: a record that holds a handshake message.
const TLS_HANDSHAKE: u8 = 0x16;

const BUSY: &[u8] =
    b"HTTP/1.1 503 Service Unavailable\r\nretry-after: 5\r\ncontent-length: 0\r\nconnection: close\r\n\r\n";
const NOT_PLAIN: &[u8] =
    b"HTTP/1.1 400 Bad Request\r\ncontent-type: text/plain\r\nconnection: close\r\n\r\nThis port speaks TLS: use https or wss.\n";

/// How the viewers' door speaks HTTP/2, to pages and programs that ask a few things at once. Who no
/// longer answers is gone 15 s later.
pub fn web(http: &mut http2::Builder<Tasks>) {
    http.timer(TokioTimer::new())
        .max_concurrent_streams(64)
        .max_header_list_size(16 << 10)
        .keep_alive_interval(Duration::from_secs(8))
        .keep_alive_timeout(Duration::from_secs(6));
}

/// A descriptor that is good for nothing but being closed.
fn spare() -> io::Result<OwnedFd> {
    io::stderr().as_fd().try_clone_to_owned()
}

/// Whether a connection has come in with the last descriptor, and there is none to spare any more.
fn is_last(kept: &mut Option<OwnedFd>) -> bool {
    if kept.is_some() {
        return false;
    }
    match spare() {
        Ok(another) => {
            *kept = Some(another);
            false
        }
        Err(err) => is_short(&err),
    }
}

/// Whether the process, or the machine, has no descriptor left.
fn is_short(err: &io::Error) -> bool {
    [Errno::MFILE, Errno::NFILE].map(|it| Some(it.raw_os_error())).contains(&err.raw_os_error())
}

/// Whether accepting failed because of this one connection.
fn is_of_one(err: &io::Error) -> bool {
    use io::ErrorKind::{
        ConnectionAborted, ConnectionRefused, ConnectionReset, Interrupted, NotConnected,
    };
    matches!(
        err.kind(),
        ConnectionAborted | ConnectionRefused | ConnectionReset | Interrupted | NotConnected
    )
}
