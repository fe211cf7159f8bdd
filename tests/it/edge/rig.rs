//! A viewers' door on a port of its own, in front of whatever a test puts there.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::{Arc, atomic::AtomicU64};
use std::time::Duration;

use footplate::auth::verifier::{Loopback, Verifier};
use footplate::dialect::Dialects;
use footplate::http::assets::Directory;
use footplate::http::caller::Allowed;
use footplate::http::caps::{self, Caps};
use footplate::http::health::Ready;
use footplate::http::listen::{Door, Options, Speaks};
use footplate::http::routes::{Site, Welcome};
use footplate::seams::{Address, Clock, Listener, Machine, Network};
use footplate::shard::{self, Inbox, Shards};
use footplate::tasks::Tasks;
use footplate::telemetry::Metrics;
use footplate::tls::Served;
use footplate::viewer::crowd::Crowd;
use footplate::viewer::kin::Kin;
use serde_json::Value;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

/// Longer than anything here takes.
pub(crate) const LONG: Duration = Duration::from_secs(20);

/// Names and values.
pub(crate) type Headers<'a> = &'a [(&'a str, &'a str)];

pub(crate) struct Rig {
    pub(crate) at: SocketAddr,
    pub(crate) metrics: Arc<Metrics>,
    pub(crate) caps: Caps,
    pub(crate) tasks: Tasks,
    pub(crate) closing: CancellationToken,
    pub(crate) shards: Shards,
    /// What the shard is told.
    pub(crate) inbox: Inbox,
}

pub(crate) struct Setup {
    pub(crate) options: Options,
    pub(crate) tls: Option<Served>,
    pub(crate) assets: Option<PathBuf>,
    pub(crate) allowed: Allowed,
    pub(crate) caps: caps::Limits,
    pub(crate) welcome: Welcome,
    pub(crate) verifier: Arc<dyn Verifier>,
    pub(crate) crowd: Crowd,
    /// Whether everybody has to show who they are.
    pub(crate) asks: bool,
}

impl Default for Setup {
    fn default() -> Self {
        Self {
            options: Options::default(),
            tls: None,
            assets: None,
            allowed: Allowed::default(),
            caps: caps::Limits::default(),
            welcome: Arc::new(|_, _| Box::pin(std::future::ready(()))),
            verifier: Arc::new(Loopback),
            crowd: Crowd::unbounded(),
            asks: false,
        }
    }
}

impl Rig {
    pub(crate) async fn start(setup: Setup) -> Self {
        let any = Address::Tcp("127.0.0.1:0".parse().unwrap());
        Self::behind(setup, Machine.listen(&any).await.unwrap())
    }

    pub(crate) fn behind(setup: Setup, port: Box<dyn Listener>) -> Self {
        let (shards, inbox) = shard::inbox(16);
        let (metrics, tasks) = (Arc::new(Metrics::new()), Tasks::new());
        let (closing, caps) = (CancellationToken::new(), Caps::new(setup.caps));
        let proxies = setup.allowed.hops.are_there();
        let site = Arc::new(Site {
            shards: shards.clone(),
            dialects: Dialects::default(),
            kin: Kin::default(),
            verifier: setup.verifier,
            crowd: setup.crowd,
            cookie: false,
            clock: Clock::system(),
            welcome: setup.welcome,
            assets: setup.assets.map(Directory::new),
            allowed: setup.allowed,
            ready: Ready::default(),
            metrics: Arc::clone(&metrics),
            tasks: tasks.clone(),
            viewers: AtomicU64::new(0),
        });
        let door = Door {
            name: "viewer",
            speaks: Speaks::Web,
            http2: footplate::http::listen::web,
            tls: setup.tls.map(|it| {
                let config = it.for_viewers();
                Arc::new(move || Arc::clone(&config)) as footplate::http::listen::Tls
            }),
            site: site.service(),
            introduce: Arc::new(|connection, extensions| {
                drop(extensions.insert(connection.clone()));
            }),
            options: setup.options,
            caps: caps.clone().behind(proxies).asking(setup.asks),
            closing: closing.clone(),
            tasks: tasks.clone(),
            metrics: Arc::clone(&metrics),
        };
        let Address::Tcp(at) = *port.address() else { panic!("a TCP port") };
        tasks.spawn("port", door.open(port));
        Self { at, metrics, caps, tasks, closing, shards, inbox }
    }

    pub(crate) async fn connect(&self) -> TcpStream {
        TcpStream::connect(self.at).await.unwrap()
    }

    /// Sends a request, and gives all that comes until the connection is closed.
    pub(crate) async fn ask(&self, request: &str) -> String {
        say(self.connect().await, request).await
    }

    /// Waits until all has ended; a task that does not is a failure.
    pub(crate) async fn end(self) {
        self.closing.cancel();
        self.tasks.drain();
        drop(self.inbox);
        timeout(LONG, self.tasks.wait()).await.expect("every task has ended");
        assert!(self.caps.is_empty(), "every connection has given its seat back");
    }
}

pub(crate) async fn say(mut stream: impl AsyncRead + AsyncWrite + Unpin, text: &str) -> String {
    stream.write_all(text.as_bytes()).await.unwrap();
    let mut answer = Vec::new();
    timeout(LONG, stream.read_to_end(&mut answer)).await.expect("it is closed").unwrap();
    String::from_utf8(answer).unwrap()
}

/// A request after which the connection is closed.
pub(crate) fn request(line: &str, headers: Headers<'_>, body: &str) -> String {
    let mut text = format!("{line} HTTP/1.1\r\nconnection: close\r\n");
    if !headers.iter().any(|(name, _)| *name == "host") {
        text += "host: localhost\r\n";
    }
    for (name, value) in headers {
        text += &format!("{name}: {value}\r\n");
    }
    if !body.is_empty() {
        text += &format!("content-length: {}\r\n", body.len());
    }
    text + "\r\n" + body
}

pub(crate) fn status(answer: &str) -> u16 {
    answer.strip_prefix("HTTP/1.1 ").unwrap()[..3].parse().unwrap()
}

/// The body, as JSON.
pub(crate) fn body(answer: &str) -> Value {
    serde_json::from_str(answer.split_once("\r\n\r\n").unwrap().1).unwrap()
}
