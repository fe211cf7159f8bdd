//! The gRPC service: who may attach or publish, and under which numbers. What happens on a stream is
//! `stream`'s affair.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use hyper::server::conn::http2;
use hyper_util::rt::TokioTimer;
use tokio::sync::{mpsc, watch};
use tokio_stream::wrappers::ReceiverStream;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tonic::codec::CompressionEncoding;
use tonic::service::Routes;
use tonic::{Request, Response, Status, Streaming};
use tonic_health::ServingStatus;
use tonic_health::server::{HealthReporter, HealthService};
use tracing::{Instrument, field, info_span};

use super::admission::admitted;
use super::convert::{self, MESSAGE_BYTES};
use super::end::End;
use super::pb::{
    self,
    engine_service_server::{EngineService, EngineServiceServer, SERVICE_NAME},
};
use super::publish::published;
use super::stream::attached;
use crate::auth::verifier::{Standing, Verifier};
use crate::model::{Durability, Identity, LinkId, Timestamp};
use crate::seams::Clock;
use crate::shard::Shards;
use crate::telemetry::Metrics;

/// Room for a message's frame beside its contents.
const SLACK: usize = 4 << 10;
/// The largest message to an engine, in bytes: what gRPC's libraries take by default.
const LARGEST_ANSWER: usize = 4 << 20;
/// Messages that wait for the transport. What waits longer waits in the outbox, where it is
/// gathered.
const RESPONSES: usize = 8;

/// Who is on the other side, as the accept loop has verified. It stands among a request's
/// extensions; without it, the other side is on this machine.
#[derive(Debug, Clone)]
pub struct Peer {
    /// To whom the executions will belong that it begins, unless it shows a token.
    pub identity: Identity,
    /// Whether it is on this very machine.
    pub local: bool,
    /// Whether the kernel or a certificate says who it is: then it need show nothing.
    pub vouched: bool,
    /// Whether the certificate that it has shown still counts. `None`: it has shown none.
    pub certificate: Option<Standing>,
}

impl Peer {
    /// Somebody on this machine, and nobody says who.
    pub fn here() -> Self {
        Self {
            identity: Identity("loopback".into()),
            local: true,
            vouched: false,
            certificate: None,
        }
    }
}

/// What bounds one engine.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// Events that may be unacknowledged. At twice as many the stream ends.
    pub window_events: u64,
    /// Bytes of them, likewise.
    pub window_bytes: u64,
    /// How long the greeting may take to come.
    pub hello: Duration,
    /// How long a publish may take.
    pub publish: Duration,
    /// Memory for the state reports that one engine has under way, in bytes.
    pub report_bytes: usize,
    /// When an engine that was sent away should come back.
    pub retry: Duration,
    /// What the core allows; stated in the welcome, enforced there.
    pub open_gates: u32,
    /// As `open_gates`.
    pub nodes: u32,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            window_events: 16_384,
            window_bytes: 8 << 20,
            hello: Duration::from_secs(10),
            publish: Duration::from_secs(10),
            report_bytes: 8 << 20,
            retry: Duration::from_secs(1),
            open_gates: 1_000,
            nodes: 10_000,
        }
    }
}

impl Limits {
    /// Messages that may wait for one engine: an answer to everything that may be on its way, and
    /// as much again for decisions and commands.
    pub(super) fn outbox(&self) -> usize {
        usize::try_from(self.window_events.saturating_mul(4))
            .unwrap_or(usize::MAX)
            .clamp(64, 1 << 20)
    }
}

/// What the door is built from.
#[derive(Debug)]
pub struct Setup {
    /// Where what engines say goes.
    pub shards: Shards,
    /// Knows tokens.
    pub verifier: Arc<dyn Verifier>,
    /// The time.
    pub clock: Clock,
    /// Unique to this start of the relay; the core has the same.
    pub boot: u64,
    /// What an acknowledgement is worth.
    pub durability: Durability,
    /// Bounds.
    pub limits: Limits,
    /// What it counts.
    pub metrics: Arc<Metrics>,
    /// Owns a task for each engine. They end by themselves once `drain` is cancelled.
    pub tasks: TaskTracker,
    /// Cancelled when the relay goes: every engine is sent away once it has its answers.
    pub drain: CancellationToken,
    /// While this is `true` nothing is read from any engine: a failpoint, for a stalled relay.
    pub hold: Option<watch::Receiver<bool>>,
}

/// The door for engines.
#[derive(Debug)]
pub struct Door {
    setup: Setup,
    links: AtomicU64,
}

impl Door {
    /// One door; [`routes`] opens it.
    pub fn new(setup: Setup) -> Arc<Self> {
        Arc::new(Self { setup, links: AtomicU64::new(0) })
    }

    pub(super) fn next_link(&self) -> LinkId {
        LinkId(self.links.fetch_add(1, Ordering::Relaxed) + 1)
    }

    pub(super) fn shards(&self) -> &Shards {
        &self.setup.shards
    }

    pub(super) fn verifier(&self) -> &Arc<dyn Verifier> {
        &self.setup.verifier
    }

    pub(super) fn metrics(&self) -> &Metrics {
        &self.setup.metrics
    }

    pub(super) fn limits(&self) -> &Limits {
        &self.setup.limits
    }

    pub(super) fn durability(&self) -> Durability {
        self.setup.durability
    }

    pub(super) fn now(&self) -> Timestamp {
        self.setup.clock.now().time
    }

    pub(super) fn welcome(&self, grants: Vec<pb::Grant>) -> pb::Welcome {
        let Setup { boot, durability, limits, .. } = &self.setup;
        convert::welcome(*boot, *durability, self.now(), limits, grants)
    }

    pub(super) async fn draining(&self) {
        self.setup.drain.cancelled().await;
    }

    pub(super) async fn hold(&self) {
        if let Some(hold) = &self.setup.hold {
            // Where nobody is left to let go, nothing is held.
            drop(hold.clone().wait_for(|held| !held).await);
        }
    }
}

/// Everything that the port for engines serves: the service, and health, which says NOT_SERVING
/// once the relay goes.
pub async fn routes(door: &Arc<Door>) -> Routes {
    let engines = EngineServiceServer::new(Service(door.clone()))
        .accept_compressed(CompressionEncoding::Gzip)
        .max_decoding_message_size(MESSAGE_BYTES + SLACK)
        .max_encoding_message_size(LARGEST_ANSWER);
    let health = HealthReporter::new();
    health.set_service_status(SERVICE_NAME, ServingStatus::Serving).await;
    let service = HealthService::from_health_reporter(health.clone());
    let drain = door.setup.drain.clone();
    door.setup.tasks.spawn(async move {
        drain.cancelled().await;
        for name in ["", SERVICE_NAME] {
            health.set_service_status(name, ServingStatus::NotServing).await;
        }
    });
    Routes::new(engines)
        .add_service(tonic_health::pb::health_server::HealthServer::new(service))
        .prepare()
}

/// How the port for engines speaks HTTP/2.
///
/// h2 charges small frames that wait to be read against half of the connection's window and ends
/// the connection when that is spent. A stream's window that is small beside the connection's keeps
/// a stalled reader from ever getting there, however small the frames are.
///
/// An engine that has vanished is known to be gone 15 s later.
pub fn h2<E>(builder: &mut http2::Builder<E>) -> &mut http2::Builder<E> {
    builder
        .timer(TokioTimer::new())
        .initial_stream_window_size(65_536)
        .initial_connection_window_size(36 << 20)
        .max_concurrent_streams(8)
        .keep_alive_interval(Duration::from_secs(8))
        .keep_alive_timeout(Duration::from_secs(6))
        .max_header_list_size(16 << 10)
}

struct Service(Arc<Door>);

impl Service {
    /// Before there is a stream, its status is all that can be said.
    fn refused(&self, end: &End) -> Status {
        self.0.setup.metrics.engine_streams_ended.of(end.word()).inc();
        Status::from(end.clone())
    }
}

#[tonic::async_trait]
impl EngineService for Service {
    type AttachStream = ReceiverStream<Result<pb::AttachResponse, Status>>;

    async fn attach(
        &self,
        request: Request<Streaming<pb::AttachRequest>>,
    ) -> Result<Response<Self::AttachStream>, Status> {
        let admitted = admitted(&self.0, &request).await;
        let (responses, stream) = mpsc::channel(RESPONSES);
        let name = admitted.as_ref().map_or("nobody", |it| &*it.identity.0);
        let none = field::Empty;
        let span = info_span!("engine", identity = name, producer = none, epoch = none);
        let engine = attached(self.0.clone(), admitted, request.into_inner(), responses);
        self.0.setup.tasks.spawn(engine.instrument(span));
        Ok(Response::new(ReceiverStream::new(stream)))
    }

    async fn publish(
        &self,
        request: Request<pb::PublishRequest>,
    ) -> Result<Response<pb::PublishResponse>, Status> {
        let admitted = admitted(&self.0, &request).await.map_err(|end| self.refused(&end))?;
        if self.0.setup.drain.is_cancelled() {
            return Err(End::Draining.into());
        }
        let (hello, batches) = convert::publication(request.into_inner(), &admitted.identity)
            .map_err(|breach| Status::from(End::Protocol(breach)))?;
        self.0.setup.metrics.publish_calls.inc();
        // A task of its own: also who hangs up halfway is detached in the end.
        let call = self.0.setup.tasks.spawn(published(self.0.clone(), hello, batches));
        match call.await {
            Ok(results) => Ok(Response::new(convert::published(results?))),
            Err(_) => Err(Status::internal("the call was dropped")),
        }
    }
}
