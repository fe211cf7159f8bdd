//! Publishing without a stream, and health.

use footplate::core::Ending;
use footplate::engine::pb::{self, LaneErrorCode};
use footplate::shard::ToEngine;
use futures_util::FutureExt as _;
use tokio::task::JoinSet;
use tokio::time::Instant;
use tonic::{Code, Status};
use tonic_health::pb::HealthCheckRequest;
use tonic_health::pb::health_check_response::ServingStatus;
use tonic_health::pb::health_client::HealthClient;

use super::bench::{Bench, batch};

type Call = JoinSet<Result<pb::PublishResponse, Status>>;

fn publish(bench: &Bench, batches: Vec<pb::EventBatch>) -> Call {
    let producer = Some(pb::Producer { producer_id: "script".into(), producer_epoch: 1 });
    let mut client = bench.client.clone();
    let mut call = JoinSet::new();
    call.spawn(async move {
        let request = pb::PublishRequest { producer, batches };
        client.publish(request).await.map(tonic::Response::into_inner)
    });
    call
}

async fn came_of(mut call: Call) -> Result<pb::PublishResponse, Status> {
    call.join_next().await.unwrap().unwrap()
}

#[tokio::test]
async fn a_publish_is_answered_batch_by_batch_in_its_order() {
    let mut bench = Bench::start().await;
    let unnumbered = |execution: &str| pb::EventBatch { batch_ref: 5, ..batch(execution, 0, 1) };
    let call = publish(&bench, vec![unnumbered("x1"), unnumbered("no name"), unnumbered("x2")]);
    let hello = bench.shard.greeted().await;
    assert_eq!((hello.producer.as_str(), hello.listens), ("script", false));
    bench.shard.tell(ToEngine::Welcome { grants: vec![] });
    let (one, two) = (bench.shard.published().await, bench.shard.published().await);
    bench.shard.ack(&two, 0);
    bench.shard.ack(&one, 0);
    let results = came_of(call).await.unwrap().results;
    let names = results.iter().map(|result| (&*result.execution_id, result.batch_ref));
    assert_eq!(names.collect::<Vec<_>>(), [("x1", 5), ("no name", 5), ("x2", 5)]);
    assert!(results[0].ack.is_some() && results[2].ack.is_some());
    assert_eq!(results[1].error.as_ref().unwrap().code(), LaneErrorCode::InvalidId);
    bench.shard.detached().await;
}

#[tokio::test(start_paused = true)]
async fn a_publish_that_fails_is_detached_and_says_why() {
    let mut bench = Bench::start().await;
    let call = publish(&bench, vec![batch("x1", 1, 1)]);
    bench.shard.greeted().await;
    bench.shard.tell(ToEngine::End(Ending::Fenced));
    assert_eq!(came_of(call).await.unwrap_err().code(), Code::FailedPrecondition);
    bench.shard.detached().await;

    let called = Instant::now();
    let call = publish(&bench, vec![batch("x1", 1, 1)]);
    bench.shard.greeted().await;
    bench.shard.tell(ToEngine::Welcome { grants: vec![] });
    bench.shard.published().await;
    assert_eq!(came_of(call).await.unwrap_err().code(), Code::DeadlineExceeded);
    assert_eq!(called.elapsed().as_secs(), 10);
    bench.shard.detached().await;

    let call = publish(&bench, vec![batch("x1", 1, 257)]);
    assert_eq!(came_of(call).await.unwrap_err().code(), Code::InvalidArgument);
    bench.drain.cancel();
    let call = publish(&bench, vec![batch("x1", 1, 1)]);
    assert_eq!(came_of(call).await.unwrap_err().code(), Code::Unavailable);
    assert!(bench.shard.messages.recv().now_or_never().is_none(), "neither reached the shard");
}

#[tokio::test]
async fn who_hangs_up_on_a_publish_is_detached() {
    let mut bench = Bench::start().await;
    let mut call = publish(&bench, vec![batch("x1", 1, 1)]);
    bench.shard.greeted().await;
    bench.shard.tell(ToEngine::Welcome { grants: vec![] });
    let taken = bench.shard.published().await;
    call.shutdown().await;
    bench.shard.ack(&taken, 1);
    bench.shard.detached().await;
}

#[tokio::test]
async fn health_says_when_the_relay_goes() {
    let bench = Bench::start().await;
    let mut client = HealthClient::new(bench.channel.clone());
    let service = "footplate.v1.EngineService".to_owned();
    let request = HealthCheckRequest { service };
    assert_eq!(
        client.check(request.clone()).await.unwrap().get_ref().status(),
        ServingStatus::Serving
    );
    let mut watched = client.watch(request).await.unwrap().into_inner();
    assert_eq!(watched.message().await.unwrap().unwrap().status(), ServingStatus::Serving);
    bench.drain.cancel();
    assert_eq!(watched.message().await.unwrap().unwrap().status(), ServingStatus::NotServing);
}
