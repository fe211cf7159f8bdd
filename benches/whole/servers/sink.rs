//! A server for engines that reads every event, acknowledges it, and does nothing with it: what gRPC
//! alone costs, through the same door.

use std::sync::Arc;

use footplate::engine;
use footplate::engine::pb::engine_service_server::{EngineService, EngineServiceServer};
use footplate::engine::pb::{
    self, attach_request::Message as Said, attach_response::Message as Heard,
};
use footplate::http::caps::{self, Caps};
use footplate::http::listen::{Door, Options, Speaks};
use footplate::seams::{Address, Machine, Network};
use footplate::tasks::Tasks;
use footplate::telemetry::Metrics;
use http::Request;
use hyper::body::Incoming;
use prost::Message;
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
use tokio_util::sync::CancellationToken;
use tonic::body::Body;
use tonic::service::Routes;
use tonic::{Response, Status, Streaming};
use tower::{ServiceExt, util::BoxCloneSyncService};

/// Opens the door, and never shuts it.
pub(super) async fn serve() -> anyhow::Result<()> {
    let tasks = Tasks::new();
    let service = EngineServiceServer::new(Sink(tasks.clone()));
    let routes = Routes::new(service).prepare();
    let site = routes.map_request(|request: Request<Incoming>| request.map(Body::new));
    let door = Door {
        name: "engine",
        speaks: Speaks::Grpc,
        http2: |http| {
            engine::h2(http);
        },
        tls: None,
        site: BoxCloneSyncService::new(site),
        introduce: Arc::new(|_, _| ()),
        options: Options::default(),
        caps: Caps::new(caps::Limits::default()),
        closing: CancellationToken::new(),
        tasks,
        metrics: Arc::new(Metrics::new()),
    };
    let port = Machine.listen(&Address::Tcp(super::ANY)).await?;
    if let Address::Tcp(at) = port.address() {
        super::announce(*at, *at, "")?;
    }
    door.open(port).await;
    Ok(())
}

struct Sink(Tasks);

#[tonic::async_trait]
impl EngineService for Sink {
    type AttachStream = ReceiverStream<Result<pb::AttachResponse, Status>>;

    async fn attach(
        &self,
        request: tonic::Request<Streaming<pb::AttachRequest>>,
    ) -> Result<Response<Self::AttachStream>, Status> {
        let (responses, stream) = mpsc::channel(8);
        let engine = swallow(request.into_inner(), responses);
        self.0.spawn("engine", async move { engine.await.unwrap_or_default() });
        Ok(Response::new(ReceiverStream::new(stream)))
    }

    async fn publish(
        &self,
        _: tonic::Request<pb::PublishRequest>,
    ) -> Result<Response<pb::PublishResponse>, Status> {
        Err(Status::unimplemented("it only measures streams"))
    }
}

/// Takes what an engine says. `None`: it says no more.
async fn swallow(
    mut requests: Streaming<pb::AttachRequest>,
    responses: mpsc::Sender<Result<pb::AttachResponse, Status>>,
) -> Option<()> {
    loop {
        let message = match requests.message().await.ok()??.message? {
            Said::Events(events) => {
                let results = events.batches.into_iter().map(read).collect();
                Heard::Results(pb::Results { results })
            }
            Said::Hello(_)
            | Said::Claims(_)
            | Said::StateReport(_)
            | Said::Receipts(_)
            | Said::WithdrawGate(_) => Heard::Welcome(pb::Welcome::default()),
        };
        responses.send(Ok(pb::AttachResponse { message: Some(message) })).await.ok()?;
    }
}

fn read(batch: pb::EventBatch) -> pb::LaneResult {
    let pb::EventBatch { execution_id, first_pseq, events, .. } = batch;
    let read = events.into_iter().map(pb::Event::decode).filter(Result::is_ok).count() as u64;
    let ack = Some(pb::Ack { pseq: first_pseq + read - 1, ..pb::Ack::default() });
    pb::LaneResult { execution_id, ack, ..pb::LaneResult::default() }
}
