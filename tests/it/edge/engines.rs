//! The engines' door, up to its service.

use std::sync::Arc;

use footplate::engine;
use footplate::http::caps::{self, Caps};
use footplate::http::listen::{Door, Options, Speaks};
use footplate::http::{Body, Refusal};
use footplate::seams::{Address, Machine, Network};
use footplate::tasks::Tasks;
use footplate::telemetry::Metrics;
use http::{Request, Response, StatusCode, Version};
use http_body_util::{BodyExt, Empty};
use hyper::body::Incoming;
use hyper_util::rt::TokioIo;
use tempfile::TempDir;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;
use tower::{service_fn, util::BoxCloneSyncService};

use super::rig::LONG;

/// Says who has asked.
async fn who(request: Request<Incoming>) -> Result<Response<Body>, std::convert::Infallible> {
    assert_eq!(request.version(), Version::HTTP_2);
    let peer: &engine::Peer = request.extensions().get().expect("the door introduces everybody");
    Ok(Refusal::new(StatusCode::OK, "peer", peer.identity.0.to_string()).response())
}

#[tokio::test]
async fn an_engine_is_who_the_kernel_says() {
    let dir = TempDir::new().unwrap();
    let (tasks, closing) = (Tasks::new(), CancellationToken::new());
    let door = Door {
        name: "engine",
        speaks: Speaks::Grpc,
        http2: |http| {
            engine::h2(http);
        },
        tls: None,
        site: BoxCloneSyncService::new(service_fn(who)),
        introduce: Arc::new(|connection, extensions| {
            let now = footplate::seams::Clock::system().now().time;
            extensions.insert(footplate::app::engine_peer(connection, None, now));
        }),
        options: Options::default(),
        caps: Caps::new(caps::Limits::default()),
        closing: closing.clone(),
        tasks: tasks.clone(),
        metrics: Arc::new(Metrics::new()),
    };
    let socket = dir.path().join("engine.sock");
    let uid = std::os::unix::fs::MetadataExt::uid(&std::fs::metadata(dir.path()).unwrap());
    let table = [
        (Address::Tcp("127.0.0.1:0".parse().unwrap()), "loopback".to_owned()),
        (Address::Unix(socket), format!("uid:{uid}")),
    ];
    for (address, expected) in table {
        let port = Machine.listen(&address).await.unwrap();
        let address = port.address().clone();
        tasks.spawn("port", door.clone().open(port));
        let stream = Machine.connect(&address).await.unwrap();
        let io = TokioIo::new(stream);
        let (mut http, connection) =
            hyper::client::conn::http2::handshake(tasks.clone(), io).await.unwrap();
        tasks.spawn("client", async move { drop(connection.await) });
        let request = Request::post("http://engine/x").body(Empty::<&[u8]>::new()).unwrap();
        let answer = timeout(LONG, http.send_request(request)).await.expect("it answers").unwrap();
        let answer = answer.into_body().collect().await.unwrap().to_bytes();
        let answer: serde_json::Value = serde_json::from_slice(&answer).unwrap();
        assert_eq!(answer["message"], expected);
    }
    closing.cancel();
    tasks.drain();
    timeout(LONG, tasks.wait()).await.expect("every task has ended");
    assert!(door.caps.is_empty());
}
