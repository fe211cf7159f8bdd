//! The relay ends although somebody at the other side does not: peers that ignore GOAWAY, keep their
//! side of a stream open, never answer a close frame, or have frozen altogether.

use footplate::app::App;
use footplate::config::{Config, Flags};
use footplate::engine::pb::attach_request::Message as Say;
use footplate::engine::pb::attach_response::Message as Told;
use footplate::engine::pb::engine_service_client::EngineServiceClient;
use footplate::engine::pb::{self, GoodbyeReason};
use footplate::seams::{Address, Seams};
use prost::Message as _;
use tokio::io::{AsyncReadExt, AsyncWriteExt, copy_bidirectional};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{mpsc, watch};
use tokio::task::JoinSet;
use tokio::time::timeout;
use tokio_stream::wrappers::ReceiverStream;
use tonic::transport::Channel;
use tonic::{Code, Streaming};

use super::rig::LONG;

/// Far longer than [`LONG`]: who waits for the grace fails.
const LAVISH: &str = "1h";

async fn relay(grace: &str) -> App {
    let flags = Flags {
        viewer_listen: vec!["127.0.0.1:0".to_owned()],
        engine_listen: vec!["127.0.0.1:0".to_owned()],
        admin_listen: vec!["none".to_owned()],
        drain_grace: Some(grace.to_owned()),
        ..Flags::default()
    };
    let config: Config = flags.check().unwrap();
    App::start(config, Seams::machine()).await.unwrap()
}

fn port(of: &[Address]) -> u16 {
    match &of[0] {
        Address::Tcp(at) => at.port(),
        Address::Unix(_) => panic!("a TCP port"),
    }
}

/// An engine that is welcome. It never ends its side as long as the sender lives.
async fn engine(
    port: u16,
    producer: &str,
) -> (mpsc::Sender<pb::AttachRequest>, Streaming<pb::AttachResponse>) {
    let uri = format!("http://127.0.0.1:{port}");
    let channel = Channel::from_shared(uri).unwrap().connect().await.unwrap();
    let (tell, said) = mpsc::channel(64);
    let producer = Some(pb::Producer { producer_id: producer.into(), producer_epoch: 1 });
    let hello = Say::Hello(pb::Hello { producer, ..Default::default() });
    tell.send(pb::AttachRequest { message: Some(hello) }).await.unwrap();
    let mut client = EngineServiceClient::new(channel);
    let mut hear = client.attach(ReceiverStream::new(said)).await.unwrap().into_inner();
    let Told::Welcome(_) = hears(&mut hear).await else { panic!("no welcome") };
    (tell, hear)
}

async fn hears(from: &mut Streaming<pb::AttachResponse>) -> Told {
    timeout(LONG, from.message()).await.unwrap().unwrap().unwrap().message.unwrap()
}

fn events(first_pseq: u64, count: u64) -> pb::AttachRequest {
    let line = |n| {
        pb::event::Kind::LogWritten(pb::LogWritten {
            message: format!("line {n}"),
            ..Default::default()
        })
    };
    let event = |n| pb::Event { kind: Some(line(n)), ..Default::default() }.encode_to_vec().into();
    let events = (first_pseq..first_pseq + count).map(event).collect();
    let batch =
        pb::EventBatch { execution_id: "x1".into(), first_pseq, events, ..Default::default() };
    pb::AttachRequest { message: Some(Say::Events(pb::Events { batches: vec![batch] })) }
}

/// A viewer that has said hello, and from then on neither reads nor says anything.
async fn dumb_viewer(port: u16) -> TcpStream {
    let mut socket = TcpStream::connect(("127.0.0.1", port)).await.unwrap();
    let request = "GET /v1/stream HTTP/1.1\r\nhost: localhost\r\nconnection: upgrade\r\n\
                   upgrade: websocket\r\nsec-websocket-version: 13\r\n\
                   sec-websocket-key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n";
    socket.write_all(request.as_bytes()).await.unwrap();
    let mut got = Vec::new();
    while !got.windows(9).any(|it| it == b"\"welcome\"") {
        assert_ne!(timeout(LONG, socket.read_buf(&mut got)).await.unwrap().unwrap(), 0);
    }
    socket
}

#[tokio::test(flavor = "multi_thread")]
async fn who_never_ends_its_side_does_not_hold_up_the_end() {
    let app = relay(LAVISH).await;
    let (tell, mut hear) = engine(port(&app.engines_at), "w1").await;
    let mut viewer = dumb_viewer(port(&app.viewers_at)).await;
    tell.send(events(1, 3)).await.unwrap();
    let Told::Results(results) = hears(&mut hear).await else { panic!("no results") };
    assert_eq!(results.results[0].ack.as_ref().unwrap().pseq, 3);

    let ignoring = async {
        // It is told, and goes on as if it had not been.
        let Told::Goodbye(goodbye) = hears(&mut hear).await else { panic!("no goodbye") };
        assert_eq!(goodbye.reason(), GoodbyeReason::Draining);
        assert!(goodbye.retry_delay.is_some());
        let mut next = 4;
        while tell.send(events(next, 1)).await.is_ok() && next < 1_000 {
            next += 1;
        }
        let status = timeout(LONG, hear.message()).await.unwrap().unwrap_err();
        assert_eq!(status.code(), Code::Unavailable);
    };
    let (drained, ()) = tokio::join!(timeout(LONG, app.drain()), ignoring);
    drained.expect("it waits neither for the engine's half-close nor for the viewer's close frame");

    // The viewer finds all that it was told in its socket: the goodbye, the close frame, the end.
    let mut got = Vec::new();
    timeout(LONG, viewer.read_to_end(&mut got)).await.unwrap().unwrap();
    let goodbye = br#""type":"going_away""#;
    assert!(got.windows(goodbye.len()).any(|it| it == goodbye));
    let restart = [&[0x88, 20, 0x03, 0xF4][..], b"the relay restarts"].concat();
    assert!(got.ends_with(&restart), "a close frame with 1012 is the last that it is sent");
    // Its side of the stream was open until here.
    drop(tell);
}

/// The other side of a connection that carries nothing any more: both ends stay open, and neither
/// hears of the other. So is a machine that was suspended, or a debugger at its breakpoint.
#[tokio::test(flavor = "multi_thread")]
async fn who_has_frozen_is_left_behind_at_the_end_of_the_grace() {
    let app = relay("1s").await;
    let (freeze, frozen) = watch::channel(false);
    let mut wires = JoinSet::new();
    let engines = wire(&mut wires, port(&app.engines_at), frozen.clone()).await;
    let viewers = wire(&mut wires, port(&app.viewers_at), frozen).await;
    let (_tell, _hear) = engine(engines, "w1").await;
    let _viewer = dumb_viewer(viewers).await;
    freeze.send(true).unwrap();
    timeout(LONG, app.drain()).await.expect("the grace is a bound");
}

/// A port that leads to another, until it freezes.
async fn wire(wires: &mut JoinSet<()>, to: u16, frozen: watch::Receiver<bool>) -> u16 {
    let port = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let at = port.local_addr().unwrap().port();
    wires.spawn(async move {
        let (mut near, _) = port.accept().await.unwrap();
        let mut far = TcpStream::connect(("127.0.0.1", to)).await.unwrap();
        let mut frozen = frozen;
        tokio::select! {
            _ = copy_bidirectional(&mut near, &mut far) => {}
            _ = frozen.wait_for(|it| *it) => {}
        }
        // Both stay open.
        std::future::pending::<()>().await;
    });
    at
}

#[tokio::test(flavor = "multi_thread")]
async fn during_the_delay_it_is_not_ready_but_goes_on() {
    let flags = Flags {
        viewer_listen: vec!["127.0.0.1:0".to_owned()],
        engine_listen: vec!["127.0.0.1:0".to_owned()],
        admin_listen: vec!["none".to_owned()],
        drain_delay: Some("1h".to_owned()),
        ..Flags::default()
    };
    let app = App::start(flags.check().unwrap(), Seams::machine()).await.unwrap();
    let (engines, viewers) = (port(&app.engines_at), port(&app.viewers_at));
    let mut drain = JoinSet::new();
    drain.spawn(app.drain());
    let ask = async || {
        let mut socket = TcpStream::connect(("127.0.0.1", viewers)).await.unwrap();
        let request = "GET /readyz HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n";
        socket.write_all(request.as_bytes()).await.unwrap();
        let mut answer = String::new();
        timeout(LONG, socket.read_to_string(&mut answer)).await.unwrap().unwrap();
        answer
    };
    while ask().await.starts_with("HTTP/1.1 200") {
        tokio::task::yield_now().await;
    }
    assert!(ask().await.starts_with("HTTP/1.1 503"));
    let (tell, mut hear) = engine(engines, "late").await;
    tell.send(events(1, 1)).await.unwrap();
    let Told::Results(_) = hears(&mut hear).await else { panic!("no results") };
    dumb_viewer(viewers).await;
    assert!(drain.try_join_next().is_none());
    // As a second signal does.
    drain.shutdown().await;
    let gone = async {
        while TcpStream::connect(("127.0.0.1", viewers)).await.is_ok() {
            tokio::task::yield_now().await;
        }
    };
    timeout(LONG, gone).await.expect("nothing outlives the relay");
}
