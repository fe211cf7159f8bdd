//! The whole relay in one process: the app on ports of its own, a gRPC engine, a WebSocket viewer.
//! What needs foreign programs or the release binary is tested in `tests/e2e`.

use std::ffi::OsString;
use std::time::Duration;

use footplate::app::App;
use footplate::config::{self, Command};
use footplate::engine::pb::attach_request::Message as Say;
use footplate::engine::pb::attach_response::Message as Told;
use footplate::engine::pb::engine_service_client::EngineServiceClient;
use footplate::engine::pb::{self, GoodbyeReason, IssueCode, LaneErrorCode};
use footplate::seams::{Address, Seams};
use futures_util::{SinkExt, StreamExt};
use prost::Message as _;
use serde_json::{Value, json};
use tokio::net::TcpStream;
use tokio::sync::mpsc;
use tokio::time::timeout;
use tokio_stream::wrappers::ReceiverStream;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::{Message, protocol::frame::coding::CloseCode};
use tonic::transport::{Channel, Endpoint};

use crate::dice::Dice;
use crate::watch;

/// Longer than anything here takes.
pub(super) const LONG: Duration = Duration::from_secs(30);

pub(super) struct Relay {
    pub(super) app: App,
    folder: tempfile::TempDir,
}

impl Relay {
    /// A viewers' port, and two doors for engines: a port and a Unix socket.
    pub(super) async fn start() -> Self {
        Self::with(&[]).await
    }

    /// The same with further flags.
    pub(super) async fn with(flags: &[&str]) -> Self {
        Self::over(flags, Seams::machine()).await
    }

    /// The same over other seams.
    pub(super) async fn over(flags: &[&str], seams: Seams) -> Self {
        watch::begin();
        let folder = tempfile::tempdir().unwrap();
        let socket = format!("unix:{}", folder.path().join("engine.sock").display());
        let args = ["footplate", "serve", "--viewer-listen", "127.0.0.1:0", "--engine-listen"];
        let more = ["127.0.0.1:0", "--engine-listen", &socket, "--admin-listen", "127.0.0.1:0"];
        let args = args.into_iter().chain(more).chain(flags.iter().copied());
        let command = config::read(args.map(OsString::from)).unwrap();
        let Command::Serve(config) = command else { panic!("it serves") };
        let app = App::start(config, seams).await.unwrap();
        Self { app, folder }
    }

    pub(super) fn port(of: &[Address]) -> u16 {
        let port = of.iter().find_map(|it| match it {
            Address::Tcp(at) => Some(at.port()),
            Address::Unix(_) => None,
        });
        port.unwrap()
    }

    pub(super) async fn engine(&self, producer: &str, epoch: u64) -> Engine {
        let uri = format!("http://127.0.0.1:{}", Self::port(&self.app.engines_at));
        let channel = Channel::from_shared(uri).unwrap().connect().await.unwrap();
        Engine::attach(channel, producer, epoch).await.unwrap()
    }

    /// An engine that is somebody else: the kernel says who is at the other end of a Unix socket.
    async fn neighbour(&self, producer: &str) -> Engine {
        let path = self.folder.path().join("engine.sock");
        let endpoint = Endpoint::try_from(format!("unix://{}", path.display())).unwrap();
        let channel = endpoint.connect().await.unwrap();
        Engine::attach(channel, producer, 1).await.unwrap()
    }

    pub(super) async fn viewer(&self) -> Viewer {
        let port = Self::port(&self.app.viewers_at);
        let stream = TcpStream::connect(("127.0.0.1", port)).await.unwrap();
        let url = format!("ws://127.0.0.1:{port}/v1/stream");
        let (socket, _) = tokio_tungstenite::client_async(url, stream).await.unwrap();
        let mut viewer = Viewer { socket };
        assert_eq!(viewer.hears().await["type"], "welcome");
        viewer
    }

    pub(super) async fn end(self) {
        timeout(LONG, self.app.drain()).await.unwrap();
    }
}

pub(super) struct Engine {
    pub(super) tell: mpsc::Sender<pb::AttachRequest>,
    hear: tonic::Streaming<pb::AttachResponse>,
}

impl Engine {
    /// `Err`: the call ends without a stream.
    pub(super) async fn attach(
        channel: Channel,
        producer: &str,
        epoch: u64,
    ) -> Result<Self, tonic::Status> {
        let (tell, said) = mpsc::channel(64);
        let producer = pb::Producer { producer_id: producer.into(), producer_epoch: epoch };
        let capabilities = pb::Capabilities { pause: true, ..Default::default() };
        let (producer, capabilities) = (Some(producer), Some(capabilities));
        let startable_workflow_ids = vec!["nightly".to_owned()];
        let hello =
            pb::Hello { producer, capabilities, startable_workflow_ids, ..Default::default() };
        tell.send(pb::AttachRequest { message: Some(Say::Hello(hello)) }).await.unwrap();
        let mut client = EngineServiceClient::new(channel);
        let hear = client.attach(ReceiverStream::new(said)).await?.into_inner();
        Ok(Self { tell, hear })
    }

    pub(super) async fn hears(&mut self) -> Told {
        let told = timeout(LONG, self.hear.message()).await.unwrap().unwrap();
        told.unwrap().message.unwrap()
    }

    pub(super) async fn welcome(mut self) -> Self {
        let Told::Welcome(_) = self.hears().await else { panic!("no welcome") };
        self
    }

    pub(super) async fn says(&self, execution: &str, first: u64, events: Vec<Vec<u8>>) {
        let events = events.into_iter().map(Into::into).collect();
        let batch = pb::EventBatch {
            execution_id: execution.into(),
            first_pseq: first,
            events,
            ..Default::default()
        };
        let message = Some(Say::Events(pb::Events { batches: vec![batch] }));
        self.tell.send(pb::AttachRequest { message }).await.unwrap();
    }

    /// What became of one batch.
    pub(super) async fn result(&mut self) -> pb::LaneResult {
        loop {
            if let Told::Results(results) = self.hears().await {
                assert_eq!(results.results.len(), 1);
                return results.results.into_iter().next().unwrap();
            }
        }
    }
}

pub(super) struct Viewer {
    socket: WebSocketStream<TcpStream>,
}

impl Viewer {
    pub(super) async fn says(&mut self, message: &Value) {
        self.socket.send(Message::text(message.to_string())).await.unwrap();
    }

    pub(super) async fn hears(&mut self) -> Value {
        loop {
            match timeout(LONG, self.socket.next()).await.unwrap().unwrap().unwrap() {
                Message::Text(text) => return serde_json::from_str(&text).unwrap(),
                Message::Ping(_) | Message::Pong(_) => {}
                other => panic!("{other:?}"),
            }
        }
    }

    /// The next frame of this type; the ones before it are passed over.
    pub(super) async fn awaits(&mut self, kind: &str) -> Value {
        loop {
            let frame = self.hears().await;
            if frame["type"] == kind {
                return frame;
            }
        }
    }

    async fn is_closed(&mut self) -> CloseCode {
        loop {
            match timeout(LONG, self.socket.next()).await.unwrap().unwrap().unwrap() {
                Message::Close(frame) => return frame.unwrap().code,
                _ => continue,
            }
        }
    }
}

pub(super) fn event(kind: pb::event::Kind) -> Vec<u8> {
    pb::Event { kind: Some(kind), ..Default::default() }.encode_to_vec()
}

pub(super) fn line(message: &str) -> Vec<u8> {
    event(pb::event::Kind::LogWritten(pb::LogWritten {
        message: message.into(),
        ..Default::default()
    }))
}

pub(super) fn gate(id: &str) -> Vec<u8> {
    event(pb::event::Kind::GateOpened(pb::GateOpened {
        gate_id: id.into(),
        prompt: "Ship?".into(),
        ..Default::default()
    }))
}

#[tokio::test(flavor = "multi_thread")]
async fn an_engine_that_errs_is_told_and_loses_nothing() {
    let relay = Relay::start().await;
    let mut engine = relay.engine("w1", 7).await.welcome().await;

    // One event of three can't be read: its number is used up, the others stand.
    let broken = event(pb::event::Kind::MetricMeasured(pb::MetricMeasured {
        name: "load".into(),
        value: Some(f64::NAN),
        ..Default::default()
    }));
    engine.says("x1", 1, vec![line("one"), broken, line("three")]).await;
    let result = engine.result().await;
    assert_eq!(result.ack.unwrap().pseq, 3);
    assert_eq!((result.issues[0].pseq, result.issues[0].code()), (2, IssueCode::RejectedNotFinite));

    // A gap: nothing is stored, and it is told what is expected.
    engine.says("x1", 9, vec![line("nine")]).await;
    assert_eq!(engine.result().await.nack.unwrap().expected_pseq, 4);
    // A repeat: acknowledged again. Other bytes under a number: a conflict, and the first stands.
    engine.says("x1", 3, vec![line("three")]).await;
    let again = engine.result().await;
    assert_eq!((again.ack.unwrap().pseq, again.issues.len()), (3, 0));
    engine.says("x1", 3, vec![line("THREE")]).await;
    let conflict = engine.result().await;
    assert_eq!((conflict.ack.unwrap().pseq, conflict.issues[0].code()), (3, IssueCode::Conflict));

    // What is somebody else's: the lane's error, and the stream lives.
    let mut other = relay.neighbour("w2").await.welcome().await;
    other.says("x1", 1, vec![line("mine?")]).await;
    assert_eq!(other.result().await.error.unwrap().code(), LaneErrorCode::WrongOwner);
    other.says("x2", 1, vec![line("mine")]).await;
    assert_eq!(other.result().await.ack.unwrap().pseq, 1);

    // Nor can it take the name, and fence whom it belongs to.
    let mut thief = relay.neighbour("w1").await;
    let Told::Goodbye(goodbye) = thief.hears().await else { panic!("no goodbye") };
    assert_eq!(goodbye.reason(), GoodbyeReason::Forbidden);

    // An older start of the process is fenced; so is this one, once a newer has spoken.
    let mut zombie = relay.engine("w1", 6).await;
    let Told::Goodbye(goodbye) = zombie.hears().await else { panic!("no goodbye") };
    assert_eq!(goodbye.reason(), GoodbyeReason::Fenced);
    let _newer = relay.engine("w1", 8).await.welcome().await;
    let Told::Goodbye(goodbye) = engine.hears().await else { panic!("no goodbye") };
    assert_eq!(goodbye.reason(), GoodbyeReason::Fenced);

    let mut viewer = relay.viewer().await;
    viewer.says(&json!({ "type": "subscribe", "execution_id": "x1", "since": { "epoch": "0-0", "seq": 0 } })).await;
    let subscribed = viewer.awaits("subscribed").await;
    assert_eq!(
        (&subscribed["recovered"], &subscribed["reason"]),
        (&json!(false), &json!("epoch_changed"))
    );
    let snapshot = viewer.awaits("snapshot").await;
    assert_eq!(snapshot["state"]["rejected"], 1);

    let count = |name: &str| {
        let text = relay.app.metrics.encode();
        let line =
            text.lines().find(|line| line.starts_with(&format!("footplate_{name} "))).unwrap();
        line.rsplit(' ').next().unwrap().parse::<u64>().unwrap()
    };
    assert_eq!(count("events_received_total"), 8);
    assert_eq!(count("events_duplicate_total"), 2);
    assert_eq!(count("events_refused_total"), 2);
    assert_eq!(count("events_conflicting_total"), 1);
    assert_eq!(count("executions_live"), 2);
    relay.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dashboard_that_errs_is_answered_and_stays() {
    let relay = Relay::start().await;
    let mut viewer = relay.viewer().await;
    let errors = [
        ("{", "bad_json"),
        ("[]", "not_an_object"),
        (r#"{"type":"dance"}"#, "unknown_type"),
        (r#"{"type":"ping","loud":true}"#, "unknown_field"),
        (r#"{"type":"ping","type":"ping"}"#, "duplicate_key"),
        (r#"{"type":"subscribe","execution_id":"nowhere"}"#, "not_found"),
    ];
    for (text, code) in errors {
        viewer.socket.send(Message::text(text)).await.unwrap();
        let error = viewer.hears().await;
        assert_eq!((&error["type"], &error["code"]), (&json!("error"), &json!(code)), "{text}");
    }
    let decision = json!({ "type": "human_decision", "decision_id": "d", "execution_id": "nowhere",
        "gate_id": "g", "gate_version": 1, "option_id": "approve" });
    viewer.says(&decision).await;
    assert_eq!(viewer.awaits("receipt").await["stage"], "gate_unknown");
    viewer.says(&json!({ "type": "ping" })).await;
    viewer.awaits("pong").await;

    viewer.socket.send(Message::binary(vec![1, 2, 3])).await.unwrap();
    assert_eq!(viewer.is_closed().await, CloseCode::Unsupported);
    let mut viewer = relay.viewer().await;
    // It may be closed while this is still on its way.
    let _ = viewer.socket.send(Message::text("x".repeat((1 << 20) + 1))).await;
    assert_eq!(viewer.is_closed().await, CloseCode::Size);
    relay.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn two_dashboards_decide_at_once_and_one_wins() {
    let relay = Relay::start().await;
    let mut engine = relay.engine("w1", 1).await.welcome().await;
    for round in 1..=20_u64 {
        let id = format!("g{round}");
        engine.says("x1", round, vec![gate(&id)]).await;
        engine.result().await;
        let (mut ada, mut bob) = (relay.viewer().await, relay.viewer().await);
        let decision = |who: &str, option: &str| {
            json!({ "type": "human_decision", "decision_id": format!("{who}-{round}"),
                "execution_id": "x1", "gate_id": id, "gate_version": 1, "option_id": option })
        };
        let (yes, no) = (decision("ada", "approve"), decision("bob", "reject"));
        tokio::join!(ada.says(&yes), bob.says(&no));
        let (ada, bob) = tokio::join!(ada.awaits("receipt"), bob.awaits("receipt"));
        let stages = [&ada["stage"], &bob["stage"]];
        let won = stages.iter().filter(|it| **it == "recorded").count();
        let lost = stages.iter().filter(|it| **it == "already_decided").count();
        assert_eq!((won, lost), (1, 1), "{ada} {bob}");
        let (winner, loser) = if ada["stage"] == "recorded" { (&yes, &bob) } else { (&no, &ada) };
        assert_eq!(loser["option_id"], winner["option_id"], "who lost is told what won");
        assert_eq!(loser["by"]["subject"], "local", "and whose it was");
        let Told::Decision(decision) = engine.hears().await else { panic!("no decision") };
        assert_eq!(winner["decision_id"], decision.decision_id, "the engine is told of the winner");
    }
    relay.end().await;
}

/// A viewer is cut off at random points and comes back with the last record that it has.
#[tokio::test(flavor = "multi_thread")]
async fn c1_c2_c4_who_comes_back_sees_every_record_once_and_in_order() {
    const LINES: u64 = 900;
    let relay = Relay::start().await;
    let mut engine = relay.engine("w1", 1).await.welcome().await;
    engine.says("x1", 1, vec![line("first")]).await;
    engine.result().await;
    let publishing = async {
        for pseq in 2..=LINES {
            engine.says("x1", pseq, vec![line(&pseq.to_string())]).await;
            engine.result().await;
        }
        &engine
    };
    let watching = async {
        let mut dice = Dice::seeded(0x5EED);
        let (mut epoch, mut last, mut lives) = (Value::Null, 0, 0);
        // Its first record says that the engine is there.
        while last < LINES + 1 {
            let mut viewer = relay.viewer().await;
            let mut subscribe = json!({ "type": "subscribe", "execution_id": "x1" });
            if last > 0 {
                subscribe["since"] = json!({ "epoch": epoch, "seq": last });
            }
            viewer.says(&subscribe).await;
            let subscribed = viewer.awaits("subscribed").await;
            assert_eq!(subscribed["recovered"], last > 0);
            if last == 0 {
                let snapshot = viewer.awaits("snapshot").await;
                (epoch, last) = (snapshot["epoch"].clone(), snapshot["seq"].as_u64().unwrap());
            }
            lives += 1;
            let until = last + 1 + dice.below(120);
            while last < until.min(LINES + 1) {
                let frame = viewer.hears().await;
                if let Some(seq) = frame["seq"].as_u64() {
                    assert_eq!(seq, last + 1, "a gap or a repeat: {frame}");
                    last = seq;
                }
            }
            // Dropped without a word.
        }
        lives
    };
    let (_, lives) = tokio::join!(publishing, watching);
    assert!(lives > 5, "it was cut off {lives} times");
    relay.end().await;
}
