//! A door with a real client before it and, behind it, a channel that the test answers.

use std::time::Duration;

use footplate::core::{Grant, Hello, Input, LaneResult};
use footplate::engine::pb::attach_response::Message as Told;
use footplate::engine::pb::engine_service_client::EngineServiceClient;
use footplate::engine::{self, Door, Limits, Peer, Setup, pb};
use footplate::model::{
    Durability, Epoch, ExecutionId, Identity, LinkId, Position, Pseq, Received, Seq, Timestamp,
};
use footplate::seams::Clock;
use footplate::shard::{self, Inbox, Message, ToEngine, WeakShards};
use hyper::server::conn::http2;
use hyper_util::rt::{TokioExecutor, TokioIo};
use prost::Message as _;
use tokio::sync::{mpsc, watch};
use tokio::task::JoinSet;
use tokio::time::timeout;
use tokio_stream::wrappers::ReceiverStream;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tonic::transport::{Channel, Endpoint};
use tonic::{Status, Streaming};
use tower::ServiceExt;

pub(super) const NOW: Timestamp = Timestamp(1_800_000_000_000_000);

pub(super) struct Bench {
    pub client: EngineServiceClient<Channel>,
    pub channel: Channel,
    pub shard: Shard,
    /// What waits for it.
    pub shards: WeakShards,
    pub drain: CancellationToken,
    pub hold: watch::Sender<bool>,
    pub tasks: TaskTracker,
    _server: JoinSet<()>,
}

impl Bench {
    pub(super) async fn start() -> Self {
        Self::with(Limits::default()).await
    }

    pub(super) async fn with(limits: Limits) -> Self {
        let identity = Identity("tester".into());
        Self::open(limits, Some(Peer { identity, local: true, vouched: true, certificate: None }))
            .await
    }

    /// `peer`: whom the accept loop has verified.
    pub(super) async fn open(limits: Limits, peer: Option<Peer>) -> Self {
        let (shards, messages) = shard::inbox(64);
        let weak = shards.downgrade();
        let (drain, tasks) = (CancellationToken::new(), TaskTracker::new());
        let (hold, held) = watch::channel(false);
        let door = Door::new(Setup {
            verifier: std::sync::Arc::new(footplate::auth::verifier::Loopback),
            shards,
            clock: Clock::new(|| NOW),
            boot: 0xb007,
            durability: Durability::Local,
            limits,
            metrics: std::sync::Arc::default(),
            tasks: tasks.clone(),
            drain: drain.clone(),
            hold: Some(held),
        });
        let routes = engine::routes(&door).await;
        let (near, far) = tokio::io::duplex(1 << 20);
        let mut server = JoinSet::new();
        server.spawn(async move {
            let service = hyper::service::service_fn(move |mut request: http::Request<_>| {
                request.extensions_mut().extend(peer.clone().map(extension).unwrap_or_default());
                routes.clone().oneshot(request)
            });
            let mut builder = http2::Builder::new(TokioExecutor::new());
            drop(engine::h2(&mut builder).serve_connection(TokioIo::new(far), service).await);
        });
        let mut near = Some(TokioIo::new(near));
        let connect = tower::service_fn(move |_| {
            let near = near.take().ok_or_else(|| std::io::Error::other("one connection"));
            async move { near }
        });
        let endpoint = Endpoint::from_static("http://door");
        let channel = endpoint.connect_with_connector(connect).await.unwrap();
        let client = EngineServiceClient::new(channel.clone());
        let shard = Shard { messages, link: LinkId(0), outbox: None };
        Self { client, channel, shard, shards: weak, drain, hold, tasks, _server: server }
    }

    /// Opens a stream.
    pub(super) async fn dial(&mut self) -> Engine {
        let (tell, told) = mpsc::channel(16);
        let heard = self.client.attach(ReceiverStream::new(told)).await.unwrap().into_inner();
        Engine { tell: Some(tell), heard }
    }

    /// Opens a stream and has it welcomed.
    pub(super) async fn attach(&mut self) -> Engine {
        let mut engine = self.dial().await;
        engine.say(hello(vec![])).await;
        self.shard.greeted().await;
        self.shard.tell(ToEngine::Welcome { grants: vec![] });
        assert!(matches!(engine.hears().await, Told::Welcome(_)));
        engine
    }
}

fn extension(peer: Peer) -> http::Extensions {
    let mut extensions = http::Extensions::new();
    extensions.insert(peer);
    extensions
}

/// The engine's end of a stream.
pub(super) struct Engine {
    pub tell: Option<mpsc::Sender<pb::AttachRequest>>,
    pub heard: Streaming<pb::AttachResponse>,
}

impl Engine {
    pub(super) async fn say(&self, message: pb::attach_request::Message) {
        let message = pb::AttachRequest { message: Some(message) };
        self.tell.as_ref().unwrap().send(message).await.unwrap();
    }

    pub(super) async fn says_events(&self, batches: Vec<pb::EventBatch>) {
        self.say(pb::attach_request::Message::Events(pb::Events { batches })).await;
    }

    pub(super) async fn hears(&mut self) -> Told {
        self.heard.message().await.unwrap().unwrap().message.unwrap()
    }

    pub(super) async fn hears_results(&mut self) -> Vec<pb::LaneResult> {
        match self.hears().await {
            Told::Results(pb::Results { results }) => results,
            other => panic!("no results: {other:?}"),
        }
    }

    /// A single result, which is an acknowledgement up to this number.
    pub(super) async fn hears_ack(&mut self) -> u64 {
        let results = self.hears_results().await;
        let [pb::LaneResult { ack: Some(ack), .. }] = &*results else { panic!("{results:?}") };
        ack.pseq
    }

    pub(super) async fn hears_grants(&mut self) -> Vec<pb::Grant> {
        match self.hears().await {
            Told::Grants(pb::Grants { grants }) => grants,
            other => panic!("no grants: {other:?}"),
        }
    }

    /// The farewell, on which the engine ends its side, and the status behind it.
    pub(super) async fn hears_goodbye(&mut self) -> (pb::Goodbye, Status) {
        match self.hears().await {
            Told::Goodbye(goodbye) => {
                self.tell = None;
                (goodbye, self.heard.message().await.unwrap_err())
            }
            other => panic!("no goodbye: {other:?}"),
        }
    }
}

/// Stands where the shard is: what the door tells it, the test answers.
pub(super) struct Shard {
    pub messages: Inbox,
    pub link: LinkId,
    pub outbox: Option<mpsc::Sender<ToEngine>>,
}

/// A batch, as the shard is given it.
#[derive(Debug)]
pub(super) struct Published {
    pub execution: ExecutionId,
    pub first: Option<Pseq>,
    pub batch_ref: u64,
    pub events: Vec<Received>,
}

impl Shard {
    pub(super) async fn input(&mut self) -> Input {
        match self.messages.recv().await.unwrap() {
            Message::Input(input) => input,
            other => panic!("no input: {other:?}"),
        }
    }

    pub(super) async fn greeted(&mut self) -> Hello {
        let Message::Engine { link, outbox } = self.messages.recv().await.unwrap() else {
            panic!("a greeting comes behind the way to answer it");
        };
        (self.link, self.outbox) = (link, Some(outbox));
        match self.input().await {
            Input::Greeted { link, hello } if link == self.link => hello,
            other => panic!("no greeting: {other:?}"),
        }
    }

    pub(super) async fn published(&mut self) -> Published {
        match self.input().await {
            Input::Published { link, execution, first, batch_ref, events } => {
                assert_eq!(link, self.link);
                Published { execution, first, batch_ref, events }
            }
            other => panic!("no batch: {other:?}"),
        }
    }

    pub(super) async fn detached(&mut self) {
        match self.input().await {
            Input::Detached { link } => assert_eq!(link, self.link),
            other => panic!("not detached: {other:?}"),
        }
    }

    /// Nothing comes, however long one waits. Needs a clock that stands still.
    pub(super) async fn hears_nothing(&mut self) {
        let nothing = timeout(Duration::from_secs(1), self.messages.recv()).await;
        assert!(nothing.is_err(), "{nothing:?}");
    }

    pub(super) fn tell(&self, message: ToEngine) {
        self.outbox.as_ref().unwrap().try_send(message).unwrap();
    }

    /// Acknowledges a batch up to this number.
    pub(super) fn ack(&self, batch: &Published, pseq: u64) {
        self.tell(ToEngine::Result(acked(batch, pseq)));
    }
}

pub(super) fn acked(batch: &Published, pseq: u64) -> LaneResult {
    LaneResult {
        execution: batch.execution.clone(),
        batch_ref: batch.batch_ref,
        ack: Some((Pseq(pseq), Position { epoch: EPOCH, seq: Seq(pseq) })),
        nack: None,
        fault: None,
        issues: vec![],
    }
}

pub(super) const EPOCH: Epoch = Epoch { boot: 0xb007, nth: 1 };

pub(super) fn granted(execution: &str, next: u64) -> Grant {
    Grant {
        execution: execution.parse().unwrap(),
        log: Ok(EPOCH),
        next: Pseq(next),
        need_state: false,
    }
}

pub(super) fn hello(claims: Vec<pb::Claim>) -> pb::attach_request::Message {
    let producer = pb::Producer { producer_id: "w1".into(), producer_epoch: 7 };
    let hello = pb::Hello { producer: Some(producer), claims, ..Default::default() };
    pb::attach_request::Message::Hello(hello)
}

/// Numbered log lines.
pub(super) fn batch(execution: &str, first: u64, events: usize) -> pb::EventBatch {
    pb::EventBatch {
        execution_id: execution.into(),
        first_pseq: first,
        events: (0..events).map(|_| line("x").into()).collect(),
        ..Default::default()
    }
}

/// A log line, encoded.
pub(super) fn line(message: &str) -> Vec<u8> {
    let line = pb::LogWritten { message: message.into(), ..Default::default() };
    pb::Event { kind: Some(pb::event::Kind::LogWritten(line)), ..Default::default() }
        .encode_to_vec()
}
