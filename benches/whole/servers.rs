//! What is measured: the relay, and what it is compared with. Each is a process of its own,
//! which ends with whoever started it.

mod sink;

use std::io::{self, Read, Write};
use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;

use anyhow::{Context, bail};
use footplate::app::App;
use footplate::config::{Config, Flags};
use footplate::frame::Frames;
use footplate::seams::{Address, Seams};
use footplate::telemetry::logs;
use footplate::tls::self_signed;
use futures_util::{SinkExt, StreamExt};
use serde_json::value::RawValue;
use tokio::io::{AsyncBufReadExt, AsyncRead, AsyncWrite, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::broadcast;
use tokio::task::JoinSet;
use tokio_rustls::TlsAcceptor;
use tokio_tungstenite::accept_async_with_config;
use tokio_tungstenite::tungstenite::{self, Message, Utf8Bytes, protocol::WebSocketConfig};

use crate::tokens;

const ANY: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(Ipv4Addr::LOCALHOST), 0);

/// Runs a server until its input ends.
pub(crate) fn run(role: &str, tls: bool, folder: Option<&&str>) -> anyhow::Result<()> {
    thread::spawn(|| {
        let _ = io::copy(&mut io::stdin().lock(), &mut io::sink());
        std::process::exit(0);
    });
    // As the relay's own program does.
    let runtime = tokio::runtime::Runtime::new()?;
    match role {
        "relay" => {
            let store = folder.map(|it| (*it).to_owned());
            runtime.block_on(relay(tls, Flags { store, ..Flags::default() }))
        }
        "guarded" => {
            let tokens = tokens::flags(Path::new(folder.context("a folder of keys")?));
            runtime.block_on(relay(tls, Flags { tokens, ..Flags::default() }))
        }
        "feed" => runtime.block_on(feed(tls)),
        "send" => send(),
        "sink" => runtime.block_on(sink::serve()),
        other => bail!("no server is called {other}"),
    }
}

/// Says where it is, and what to trust.
fn announce(viewers: SocketAddr, feed: SocketAddr, pem: &str) -> io::Result<()> {
    let mut out = io::stdout().lock();
    write!(out, "viewers {viewers}\nfeed {feed}\n{pem}ready\n")?;
    out.flush()
}

/// The relay, as its program runs it.
async fn relay(tls: bool, flags: Flags) -> anyhow::Result<()> {
    let any = || vec![ANY.to_string()];
    let admin_listen = vec!["none".to_owned()];
    let (viewer_listen, engine_listen) = (any(), any());
    let flags = Flags { viewer_listen, engine_listen, admin_listen, ..flags };
    let mut config: Config = flags.check().ok().context("the flags are right")?;
    logs::init("warn", config.log_format);
    let mut pem = String::new();
    if tls {
        let made = self_signed()?;
        config.viewers.tls = Some(made.certificate);
        pem = made.pem;
    }
    let app = App::start(config, Seams::machine()).await?;
    let port = |all: &[Address]| match all {
        [Address::Tcp(at)] => Ok(*at),
        other => bail!("one TCP port was asked for: {other:?}"),
    };
    announce(port(&app.viewers_at)?, port(&app.engines_at)?, &pem)?;
    std::future::pending().await
}

/// What one would write with tokio-tungstenite and no more: a task for each connection, a broadcast
/// channel, and `feed` for all that is there before `flush`. It is told what to say in bursts: a
/// line with their number, and a line for each.
async fn feed(tls: bool) -> anyhow::Result<()> {
    let (viewers, control) = (TcpListener::bind(ANY).await?, TcpListener::bind(ANY).await?);
    let mut acceptor = None;
    let mut pem = String::new();
    if tls {
        let made = self_signed()?;
        acceptor = Some(TlsAcceptor::from(made.certificate.for_viewers()));
        pem = made.pem;
    }
    announce(viewers.local_addr()?, control.local_addr()?, &pem)?;
    let (told, _) = broadcast::channel(1_024);
    let mut tasks = JoinSet::new();
    loop {
        tokio::select! {
            accepted = viewers.accept() => {
                let (stream, _) = accepted?;
                stream.set_nodelay(true)?;
                let (told, acceptor) = (told.subscribe(), acceptor.clone());
                match acceptor {
                    None => tasks.spawn(pass_on(stream, told)),
                    Some(acceptor) => tasks.spawn(async move {
                        pass_on(acceptor.accept(stream).await?, told).await
                    }),
                };
            }
            accepted = control.accept() => {
                tasks.spawn(listen(accepted?.0, told.clone()));
            }
        }
    }
}

async fn listen(stream: TcpStream, told: broadcast::Sender<Utf8Bytes>) -> anyhow::Result<()> {
    let mut lines = BufReader::new(stream).lines();
    while let Some(count) = lines.next_line().await? {
        let mut burst: Vec<Utf8Bytes> = Vec::new();
        for _ in 0..count.parse()? {
            burst.push(lines.next_line().await?.context("a burst is whole")?.into());
        }
        // Nobody may be there.
        burst.into_iter().for_each(|it| drop(told.send(it)));
    }
    Ok(())
}

async fn pass_on<Io>(io: Io, mut told: broadcast::Receiver<Utf8Bytes>) -> anyhow::Result<()>
where
    Io: AsyncRead + AsyncWrite + Unpin,
{
    // A burst has to fit in what is written at once; it takes no memory until it does.
    let config = WebSocketConfig::default().read_buffer_size(4 << 10).write_buffer_size(64 << 10);
    let mut socket = accept_async_with_config(io, Some(config)).await?;
    loop {
        tokio::select! {
            biased;
            message = told.recv() => {
                socket.feed(Message::Text(message?)).await?;
                while let Ok(message) = told.try_recv() {
                    socket.feed(Message::Text(message)).await?;
                }
                socket.flush().await?;
            }
            heard = socket.next() => drop(heard.context("it has gone")??),
        }
    }
}

/// What nothing can be faster than that gives each burst to the kernel for one connection after the
/// other: a loop of `send`, and no reading at all.
fn send() -> anyhow::Result<()> {
    let viewers = std::net::TcpListener::bind(ANY)?;
    let control = std::net::TcpListener::bind(ANY)?;
    announce(viewers.local_addr()?, control.local_addr()?, "")?;
    let sockets = Arc::new(Mutex::new(Vec::new()));
    let all = Arc::clone(&sockets);
    thread::spawn(move || {
        for stream in viewers.incoming().map_while(Result::ok) {
            let Ok(socket) = tungstenite::accept(stream) else { continue };
            let _ = socket.get_ref().set_nodelay(true);
            all.lock().unwrap_or_else(PoisonError::into_inner).push(socket);
        }
    });
    let mut control = io::BufReader::new(control.accept()?.0);
    let mut frames = Frames::default();
    let mut line = String::new();
    let next = |from: &mut dyn io::BufRead, line: &mut String| {
        line.clear();
        from.read_line(line)
    };
    while next(&mut control, &mut line)? > 0 {
        frames.clear();
        for _ in 0..line.trim().parse()? {
            next(&mut control, &mut line)?;
            frames.text(&RawValue::from_string(line.trim().to_owned())?);
        }
        for socket in &*sockets.lock().unwrap_or_else(PoisonError::into_inner) {
            socket.get_ref().write_all(frames.as_bytes())?;
        }
    }
    // Whoever has started it will end it.
    io::stdin().read_to_end(&mut Vec::new())?;
    Ok(())
}
