//! A viewers' door on a port of its own, in front of whatever a test puts there.

use std::net::SocketAddr;
use std::sync::{Arc, atomic::AtomicU64};
use std::time::Duration;

use footplate::core::{Answer, Execution};
use footplate::dialect::{Conversation, Dialect, Notice, Said, Summary, Unintelligible};
use footplate::frame::Frames;
use footplate::http::caller::Allowed;
use footplate::http::caps::{self, Caps};
use footplate::http::health::Ready;
use footplate::http::listen::{Door, Options, Speaks};
use footplate::http::routes::{Site, Welcome};
use footplate::model::{CommandAsk, CommandKind, DecisionAsk, ExecutionId, Position, Record};
use footplate::model::{Target, Text};
use footplate::seams::{Address, Listener, Machine, Network};
use footplate::shard::{Message, Shards};
use footplate::tasks::Tasks;
use footplate::telemetry::Metrics;
use footplate::tls::Certificate;
use serde_json::{Value, json};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::mpsc;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

/// Longer than anything here takes.
pub(super) const LONG: Duration = Duration::from_secs(20);

/// Names and values.
pub(super) type Headers<'a> = &'a [(&'a str, &'a str)];

pub(super) struct Rig {
    pub(super) at: SocketAddr,
    pub(super) metrics: Arc<Metrics>,
    pub(super) caps: Caps,
    pub(super) tasks: Tasks,
    pub(super) closing: CancellationToken,
    /// What the shard is told.
    pub(super) inbox: mpsc::Receiver<Message>,
}

pub(super) struct Setup {
    pub(super) options: Options,
    pub(super) tls: Option<Certificate>,
    pub(super) allowed: Allowed,
    pub(super) caps: caps::Limits,
    pub(super) welcome: Welcome,
}

impl Default for Setup {
    fn default() -> Self {
        Self {
            options: Options::default(),
            tls: None,
            allowed: Allowed::default(),
            caps: caps::Limits::default(),
            welcome: Arc::new(|_, _| Box::pin(std::future::ready(()))),
        }
    }
}

impl Rig {
    pub(super) async fn start(setup: Setup) -> Self {
        let any = Address::Tcp("127.0.0.1:0".parse().unwrap());
        Self::behind(setup, Machine.listen(&any).await.unwrap())
    }

    pub(super) fn behind(setup: Setup, port: Box<dyn Listener>) -> Self {
        let (inbox_in, inbox) = mpsc::channel(16);
        let (metrics, tasks) = (Arc::new(Metrics::new()), Tasks::new());
        let (closing, caps) = (CancellationToken::new(), Caps::new(setup.caps));
        let site = Arc::new(Site {
            shards: Shards::new(inbox_in),
            native: &Plain,
            windags: &Plain,
            welcome: setup.welcome,
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
            tls: setup.tls.map(|it| it.for_viewers()),
            site: site.service(),
            introduce: |connection, extensions| drop(extensions.insert(connection.clone())),
            options: setup.options,
            caps: caps.clone(),
            closing: closing.clone(),
            tasks: tasks.clone(),
            metrics: Arc::clone(&metrics),
        };
        let Address::Tcp(at) = *port.address() else { panic!("a TCP port") };
        tasks.spawn("port", door.open(port));
        Self { at, metrics, caps, tasks, closing, inbox }
    }

    pub(super) async fn connect(&self) -> TcpStream {
        TcpStream::connect(self.at).await.unwrap()
    }

    /// Sends a request, and gives all that comes until the connection is closed.
    pub(super) async fn ask(&self, request: &str) -> String {
        say(self.connect().await, request).await
    }

    /// Waits until all has ended; a task that does not is a failure.
    pub(super) async fn end(self) {
        self.closing.cancel();
        self.tasks.drain();
        drop(self.inbox);
        timeout(LONG, self.tasks.wait()).await.expect("every task has ended");
        assert!(self.caps.is_empty(), "every connection has given its seat back");
    }
}

pub(super) async fn say(mut stream: impl AsyncRead + AsyncWrite + Unpin, text: &str) -> String {
    stream.write_all(text.as_bytes()).await.unwrap();
    let mut answer = Vec::new();
    timeout(LONG, stream.read_to_end(&mut answer)).await.expect("it is closed").unwrap();
    String::from_utf8(answer).unwrap()
}

/// A request after which the connection is closed.
pub(super) fn request(line: &str, headers: Headers<'_>, body: &str) -> String {
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

pub(super) fn status(answer: &str) -> u16 {
    answer.strip_prefix("HTTP/1.1 ").unwrap()[..3].parse().unwrap()
}

/// The body, as JSON.
pub(super) fn body(answer: &str) -> Value {
    serde_json::from_str(answer.split_once("\r\n\r\n").unwrap().1).unwrap()
}

/// A dialect that any test can read. What REST does with the native one is tested there.
#[derive(Debug)]
pub(super) struct Plain;

impl Dialect for Plain {
    fn name(&self) -> &'static str {
        "plain"
    }

    fn record(&self, record: &Record, out: &mut Frames) {
        out.text(&json!({ "record": record.position.seq.0 }));
    }

    fn state(&self, execution: &ExecutionId, _: Position, _: &Execution, out: &mut Frames) {
        out.text(&json!({ "state": execution.as_str(), "part": 1 }));
        out.text(&json!({ "state": execution.as_str(), "part": 2 }));
    }

    fn directory(&self, items: &[Summary<'_>], out: &mut Frames) {
        let names: Vec<_> = items.iter().map(|it| it.execution.as_str()).collect();
        out.text(&json!({ "items": names }));
    }

    fn converse(&self, path: Option<Text>) -> Box<dyn Conversation> {
        Box::new(Talk(path))
    }
}

#[derive(Debug)]
struct Talk(Option<Text>);

impl Conversation for Talk {
    fn opening(&mut self) -> Option<Said> {
        self.0.clone().map(|name| Said::Watch { name, since: None })
    }

    fn read(&mut self, frame: &str) -> Result<Said, Unintelligible> {
        let bad = |code, message: String| Unintelligible { code, message, about: None };
        let text: Value =
            serde_json::from_str(frame).map_err(|err| bad("bad_json", err.to_string()))?;
        let field = |name: &str| text.get(name).and_then(Value::as_str).unwrap_or_default();
        let execution: Text = field("execution_id").into();
        let command =
            |kind, execution| Said::Command(CommandAsk { id: None, execution, kind, reason: None });
        match field("type") {
            "human_decision" => Ok(Said::Decide(DecisionAsk {
                id: None,
                execution,
                target: Target::Gate { gate: field("gate_id").parse().unwrap(), version: 1 },
                option: field("option_id").into(),
                comment: None,
                modification: None,
                payload_sha256: None,
            })),
            "pause_execution" => Ok(command(CommandKind::Pause, Some(execution))),
            "start_execution" => {
                let workflow = field("workflow_id").parse().unwrap();
                Ok(command(CommandKind::Start { workflow, input: None }, None))
            }
            _ => Err(bad("unknown_type", "no such type".to_owned())),
        }
    }

    fn answer(&mut self, answer: &Answer, out: &mut Frames) {
        out.text(&json!({ "answer": format!("{answer:?}") }));
    }

    fn notice(&mut self, _: &Notice<'_>, _: &mut Frames) {}
}
