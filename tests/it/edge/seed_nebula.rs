//! Nebula dashboards at a real door: with a real engine from start to end, with tokens that run out,
//! and with connections that are lost.

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use footplate::auth::Pass;
use footplate::auth::verifier::{Invalid, Verifier};
use footplate::core::{Limits, Relay as Core};
use footplate::dialect::{Call, Dialects, Token};
use footplate::engine::pb::attach_response::Message as Told;
use footplate::engine::pb::event::Kind;
use footplate::engine::pb::{self, ExecutionStatus, NodeStatus};
use footplate::http::caller::{Allowed, Origin};
use footplate::model::{Durability, LinkId, Principal, Timestamp, ViewerId};
use footplate::seams::Clock;
use footplate::shard::{self, Message, Shard, Shards, ToEngine};
use footplate::store::Memory;
use footplate::viewer::{Close, Departure, Guest, House, Options, connection};
use futures_util::{SinkExt, StreamExt};
use serde_json::{Value, json};
use tokio::io::{AsyncRead, AsyncWrite, DuplexStream, duplex};
use tokio::net::TcpStream;
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio::time::{Instant, timeout};
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::{self, Message as Frame, protocol::Role};

use super::rig::{LONG, Rig, Setup, body, request, status};
use crate::script;
use crate::whole::{Engine, Relay, event, gate, line};

const JSON: (&str, &str) = ("content-type", "application/json");

/// A dashboard.
struct Client<Io = TcpStream>(WebSocketStream<Io>);

impl Client {
    async fn come(port: u16, query: &str) -> Result<Self, tungstenite::Error> {
        let stream = TcpStream::connect(("127.0.0.1", port)).await.unwrap();
        let url = format!("ws://127.0.0.1:{port}/api/v1/ws{query}");
        Ok(Self(tokio_tungstenite::client_async(url, stream).await?.0))
    }
}

impl<Io: AsyncRead + AsyncWrite + Unpin> Client<Io> {
    async fn say(&mut self, message: Value) {
        self.0.send(Frame::text(message.to_string())).await.unwrap();
    }

    async fn next(&mut self) -> Value {
        loop {
            match timeout(LONG, self.0.next()).await.unwrap().unwrap().unwrap() {
                Frame::Text(text) => return serde_json::from_str(&text).unwrap(),
                Frame::Ping(_) | Frame::Pong(_) => (),
                other => panic!("{other:?}"),
            }
        }
    }

    /// The next `execution_update`, which comes to be of this `status`.
    async fn update(&mut self, status: &str) -> Value {
        loop {
            let next = self.next().await;
            if next["type"] == "execution_update" && next["execution"]["status"] == status {
                return next["execution"].clone();
            }
        }
    }

    async fn is_closed(&mut self) -> u16 {
        match timeout(LONG, self.0.next()).await.unwrap().unwrap().unwrap() {
            Frame::Close(frame) => frame.unwrap().code.into(),
            other => panic!("{other:?}"),
        }
    }

    async fn subscribe(&mut self, resource: &str, id: &str) {
        self.say(json!({ "type": "subscribe", "resource": resource, "id": id })).await;
        let subscribed = json!({ "type": "subscribed", "resource": resource, "id": id });
        assert_eq!(self.next().await, subscribed);
    }
}

fn node(name: &str, status: NodeStatus, output: Option<&str>) -> Vec<u8> {
    let output = output.map(|it| pb::Json { text: it.to_owned().into(), ..Default::default() });
    let changed = pb::NodeChanged { node_id: name.into(), output, ..Default::default() };
    event(Kind::NodeChanged(pb::NodeChanged { status: status.into(), ..changed }))
}

/// What the engine is told to start.
async fn order(engine: &mut Engine) -> pb::Command {
    loop {
        if let Told::Command(command) = engine.hears().await {
            return command;
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dashboard_starts_an_execution_and_sees_it_to_its_end() {
    let relay = Relay::start().await;
    let mut engine = relay.engine("w1", 1).await.welcome().await;
    let port = Relay::port(&relay.app.viewers_at);
    let mut client = Client::come(port, "?token=anything").await.unwrap();
    let start =
        json!({ "type": "execute_workflow", "workflow_id": "nightly", "input": { "n": 1 } });
    client.say(start).await;
    let command = order(&mut engine).await;
    assert_eq!(command.workflow_id, "nightly");
    assert_eq!(&*command.payload.unwrap().text, br#"{"n":1}"#);
    let id = command.execution_id;
    let subscribed = json!({ "type": "subscribed", "resource": "execution", "id": id });
    assert_eq!(client.next().await, subscribed);
    let pending = client.update("pending").await;
    assert_eq!((&pending["id"], &pending["workflow_id"]), (&json!(id), &json!("nightly")));

    let started = pb::ExecutionStarted {
        workflow_id: "nightly".into(),
        command_id: command.command_id,
        ..Default::default()
    };
    let graph = ["build", "ship"].map(|name| pb::GraphNode {
        node_id: name.into(),
        label: name.to_uppercase(),
        ..Default::default()
    });
    let graph = pb::GraphDeclared { nodes: graph.into(), replace: true, ..Default::default() };
    let events = vec![
        event(Kind::ExecutionStarted(started)),
        event(Kind::GraphDeclared(graph)),
        node("build", NodeStatus::Running, None),
        line("compiling"),
    ];
    engine.says(&id, 1, events).await;
    let log = client.next().await;
    assert_eq!((&log["type"], &log["log"]["message"]), (&json!("log"), &json!("compiling")));
    let running = client.update("running").await;
    let progress = json!({ "current_action": 1, "total_actions": 2, "percentage": 50 });
    assert_eq!(running["progress"], progress);
    assert_eq!(running["actions_executed"][0]["name"], "BUILD");
    assert!(running["actions_executed"][0]["started_at"].is_string(), "by the relay's clock");

    let done = node("build", NodeStatus::Completed, Some(r#"{"ok":true}"#));
    engine.says(&id, 5, vec![done, gate("ship:1")]).await;
    let warning = client.next().await;
    assert_eq!(warning["log"]["level"], "warn");
    let paused = client.update("paused").await;
    assert_eq!(paused["actions_executed"][0]["result"], json!({ "ok": true }));
    let finished =
        pb::ExecutionFinished { status: ExecutionStatus::Completed.into(), ..Default::default() };
    engine.says(&id, 7, vec![event(Kind::ExecutionFinished(finished))]).await;
    let completed = client.update("completed").await;
    assert_eq!(completed["progress"]["percentage"], 100);
    assert!(completed["completed_at"].is_string());
    client.say(json!({ "type": "ping" })).await;
    assert_eq!(client.next().await, json!({ "type": "pong" }), "it stays");
    client.say(json!({ "type": "execute_workflow", "workflow_id": "weekly" })).await;
    assert_eq!(client.next().await["code"], "NOT_FOUND");
    relay.end().await;
}

/// As the HTML dashboard does it: started over HTTP, watched over the socket at once.
#[tokio::test(flavor = "multi_thread")]
async fn an_execution_is_started_over_http_and_watched() {
    let relay = Relay::start().await;
    let mut engine = relay.engine("w1", 1).await.welcome().await;
    let port = Relay::port(&relay.app.viewers_at);
    let mut client = Client::come(port, "?token=anything").await.unwrap();
    let ask = async |text: &str| {
        let stream = TcpStream::connect(("127.0.0.1", port)).await.unwrap();
        super::rig::say(stream, text).await
    };
    let nightly = "POST /api/v1/workflows/nightly/execute";
    let bearer = ("authorization", "Bearer anything");
    let answer = ask(&request(nightly, &[JSON, bearer], r#"{"input":{}}"#)).await;
    assert_eq!(status(&answer), 202, "{answer}");
    let id = body(&answer)["execution_id"].as_str().unwrap().to_owned();
    client.subscribe("execution", &id).await;
    assert_eq!(client.update("pending").await["workflow_id"], "nightly");
    let command = order(&mut engine).await;
    assert_eq!(command.execution_id, id);

    let faults = [
        ("POST /api/v1/workflows/weekly/execute", &[JSON][..], "{}", 404, "NOT_FOUND"),
        (nightly, &[JSON], "[]", 400, "VALIDATION_ERROR"),
        (nightly, &[JSON], "{", 400, "VALIDATION_ERROR"),
        (nightly, &[], "{}", 415, "VALIDATION_ERROR"),
        ("POST /api/v1/workflows/a%20b/execute", &[JSON], "{}", 400, "VALIDATION_ERROR"),
    ];
    for (line, headers, text, expected, code) in faults {
        let answer = ask(&request(line, headers, text)).await;
        assert_eq!(status(&answer), expected, "{line} {text}: {answer}");
        let error = &body(&answer)["error"];
        assert_eq!(error["code"], code);
        assert!(error["message"].is_string());
    }
    relay.end().await;
}

/// Tokens as an operator might hand them out.
#[derive(Debug)]
struct Book;

impl Verifier for Book {
    fn verify(&self, token: &str, _: bool, _: Timestamp) -> Result<Pass, Invalid> {
        let expires = match token {
            "adas" | "adas too" => None,
            // It counts at the door, and has run out when it is asked for next.
            "brief" => Some(Timestamp(1)),
            _ => return Err(Invalid::Unknown),
        };
        Ok(Pass { expires, ..Pass::of(Principal::named("ada")) })
    }

    fn unshown(&self, _: bool) -> Option<Pass> {
        None
    }
}

/// A door with a shard and tokens behind it.
struct Behind {
    rig: Rig,
    /// Which connections have ended, and why.
    gone: mpsc::Receiver<Close>,
    said: u64,
}

impl Behind {
    async fn start() -> Self {
        let house: Arc<OnceLock<House>> = Arc::default();
        let given = Arc::clone(&house);
        let (left, gone) = mpsc::channel(64);
        let welcome: footplate::http::routes::Welcome = Arc::new(move |io, guest| {
            let house = given.get().unwrap().clone();
            let left = left.clone();
            Box::pin(async move {
                let close = connection::run(io, guest, house).await;
                // Nobody may be there any more who wants to know.
                let _ = left.send(close).await;
            })
        });
        let allowed = Allowed {
            origins: vec![Origin::parse("https://ops.example").unwrap()],
            ..Allowed::default()
        };
        let verifier = Arc::new(Book);
        let setup = Setup { welcome, allowed, verifier: verifier.clone(), ..Setup::default() };
        let mut rig = Rig::start(setup).await;
        let clock = Clock::system();
        let options: Arc<Options> = Arc::default();
        let core = Core::new(7, Limits::default());
        let shard = Shard::new(core, Memory, clock.clone(), Arc::clone(&options));
        let (_, closed) = shard::inbox(1);
        let inbox = std::mem::replace(&mut rig.inbox, closed);
        rig.tasks.spawn("shard", async move { shard.run(inbox).await.unwrap() });
        let shards = rig.shards.clone();
        let house = house.set(House {
            shards,
            clock,
            boot: 7,
            durability: Durability::Memory,
            verifier,
            options,
            crowd: footplate::viewer::crowd::Crowd::unbounded(),
            departure: Departure::default(),
        });
        assert!(house.is_ok());
        Self { rig, gone, said: 0 }
    }

    async fn tell(&self, message: Message) {
        assert!(self.rig.shards.tell(message).await);
    }

    async fn input(&self, text: &str) {
        self.tell(Message::Input(script::input(Timestamp(0), text))).await;
    }

    async fn engine(&self) -> mpsc::Receiver<ToEngine> {
        let (outbox, told) = mpsc::channel(1_024);
        self.tell(Message::Engine { link: LinkId(1), outbox }).await;
        self.input("w/1@l1 greets starts wf").await;
        told
    }

    async fn says(&mut self, event: &str) {
        self.said += 1;
        self.input(&format!("l1 says x1 {} {event}", self.said)).await;
    }

    async fn come(&self, query: &str) -> Client {
        Client::come(self.rig.at.port(), query).await.unwrap()
    }

    async fn end(self) {
        self.rig.closing.cancel();
        self.rig.tasks.drain();
        self.rig.tasks.end();
        self.rig.end().await;
    }
}

#[tokio::test]
async fn a_bad_token_gets_no_connection_and_one_that_runs_out_loses_it() {
    let behind = Behind::start().await;
    match Client::come(behind.rig.at.port(), "?token=nobodys").await {
        Err(tungstenite::Error::Http(response)) => assert_eq!(response.status(), 401),
        Err(other) => panic!("{other}"),
        Ok(_) => panic!("it was let in"),
    }
    let mut client = behind.come("?token=adas").await;
    client.say(json!({ "type": "ping" })).await;
    assert_eq!(client.next().await, json!({ "type": "pong" }), "nothing before it");
    client.say(json!({ "type": "authenticate", "token": "adas too" })).await;
    assert_eq!(client.next().await["user_id"], "ada");

    let mut client = behind.come("?token=brief").await;
    client.say(json!({ "type": "ping" })).await;
    let error = json!({ "type": "error", "code": "UNAUTHORIZED", "message": "Token expired" });
    assert_eq!(client.next().await, error);
    assert_eq!(client.is_closed().await, 4401);

    let mut client = behind.come("").await;
    client.say(json!({ "type": "subscribe", "resource": "execution", "id": "x1" })).await;
    assert_eq!(client.next().await["code"], "UNAUTHORIZED");
    client.say(json!({ "type": "authenticate", "token": "adas" })).await;
    let roles = ["viewer", "decider", "operator"];
    let known = json!({ "type": "authenticated", "user_id": "ada", "roles": roles });
    assert_eq!(client.next().await, known);
    client.say(json!({ "type": "ping" })).await;
    assert_eq!(client.next().await, json!({ "type": "pong" }));

    let mut client = behind.come("").await;
    client.say(json!({ "type": "authenticate", "token": "nobodys" })).await;
    assert_eq!(client.next().await["code"], "UNAUTHORIZED");
    assert_eq!(client.is_closed().await, 4401);
    behind.end().await;
}

#[tokio::test]
async fn over_http_a_token_is_wanted_too_and_allowed_pages_are_answered() {
    let behind = Behind::start().await;
    let mut engine = behind.engine().await;
    let line = "POST /api/v1/workflows/wf/execute";
    let page = ("origin", "https://ops.example");
    for token in [None, Some(("authorization", "Bearer nobodys"))] {
        let headers: Vec<_> = [JSON, page].into_iter().chain(token).collect();
        let answer = behind.rig.ask(&request(line, &headers, "{}")).await;
        assert_eq!(status(&answer), 401);
        assert_eq!(body(&answer)["error"]["code"], "UNAUTHORIZED");
        assert!(answer.contains("access-control-allow-origin: https://ops.example"), "{answer}");
    }
    let bearer = ("authorization", "Bearer adas");
    let answer = behind.rig.ask(&request(line, &[JSON, page, bearer], r#"{"input":1}"#)).await;
    assert_eq!(status(&answer), 202, "{answer}");
    loop {
        if let ToEngine::Order { execution, command, .. } = engine.recv().await.unwrap() {
            assert_eq!(execution.as_str(), body(&answer)["execution_id"].as_str().unwrap());
            assert_eq!(&*command.by.subject, "ada", "whose token it was");
            break;
        }
    }
    let asks = [page, ("access-control-request-headers", "authorization,content-type")];
    let options = line.replace("POST", "OPTIONS");
    let answer = behind.rig.ask(&request(&options, &asks, "")).await;
    assert_eq!(status(&answer), 200);
    assert!(answer.contains("access-control-allow-headers: content-type, authorization"));
    behind.end().await;
}

/// It says nothing but who it is, and goes on where the lost one was.
#[tokio::test]
async fn a_lost_connections_place_is_taken_over() {
    let mut behind = Behind::start().await;
    let _engine = behind.engine().await;
    behind.says("started of wf; log first").await;
    behind.said += 1;
    let mut lost = behind.come("?token=adas").await;
    lost.subscribe("execution", "x1").await;
    lost.update("running").await;
    behind.says("log second").await;
    assert_eq!(lost.next().await["log"]["message"], "second");
    drop(lost);
    // Its place is kept once the relay has noticed.
    assert_eq!(behind.gone.recv().await, Some(Close::Lost));
    behind.says("log third").await;
    // Somebody else's is nobody's business.
    let mut other = behind.come("?token=adas%20too").await;
    other.say(json!({ "type": "ping" })).await;
    assert_eq!(other.next().await, json!({ "type": "pong" }));
    let mut back = behind.come("?token=adas").await;
    assert_eq!(back.next().await["log"]["message"], "third");
    back.update("running").await;
    behind.says("log fourth").await;
    assert_eq!(back.next().await["log"]["message"], "fourth");
    back.say(json!({ "type": "ping" })).await;
    assert_eq!(back.next().await, json!({ "type": "pong" }));
    behind.end().await;
}

#[tokio::test]
async fn a_workflows_executions_and_definitions_are_shown_as_they_come() {
    let mut behind = Behind::start().await;
    let _engine = behind.engine().await;
    behind.says("started of wf alias task_1; log first").await;
    behind.said += 1;
    let mut client = behind.come("?token=adas").await;
    client.subscribe("workflows", "all").await;
    client.subscribe("workflow_executions", "wf").await;
    assert_eq!(client.update("running").await["id"], "x1");
    behind.input("l1 says workflow:wf 1 workflow wf").await;
    let event = client.next().await;
    assert_eq!(event["type"], "workflow_event");
    assert_eq!(event["event"]["workflow"], json!({ "id": "wf" }));
    // One that begins: what was said in it before it was found, and the whole behind that.
    behind.input("l1 says x2 1 started of wf; log second; node n running").await;
    let log = client.next().await;
    assert_eq!(
        (&log["log"]["execution_id"], &log["log"]["message"]),
        (&json!("x2"), &json!("second"))
    );
    let update = client.next().await;
    assert!(log["seq"].as_u64() < update["as_of_seq"].as_u64());
    assert_eq!(update["execution"]["actions_executed"][0]["action_id"], "n");
    // By whichever name it is asked for, it comes once.
    client.subscribe("execution", "task_1").await;
    assert_eq!(client.update("running").await["id"], "x1");
    behind.says("log third").await;
    assert_eq!(client.next().await["log"]["message"], "third");
    client.subscribe("logs", "x1").await;
    assert_eq!(client.update("running").await["id"], "x1");
    behind.says("finished completed").await;
    assert_eq!(client.update("completed").await["id"], "x1");
    client.say(json!({ "type": "ping" })).await;
    assert_eq!(client.next().await, json!({ "type": "pong" }));
    behind.end().await;
}

#[tokio::test]
async fn a_client_may_say_so_much_a_minute_with_all_its_connections() {
    let behind = Behind::start().await;
    let mut one = behind.come("?token=adas").await;
    let mut two = behind.come("?token=adas").await;
    for client in [&mut one, &mut two] {
        for _ in 0..50 {
            client.say(json!({ "type": "ping" })).await;
            assert_eq!(client.next().await, json!({ "type": "pong" }));
        }
    }
    let subscribe = json!({ "type": "subscribe", "resource": "workflows", "id": "wf",
        "request_id": "r1" });
    for client in [&mut one, &mut two] {
        client.say(subscribe.clone()).await;
        let error = client.next().await;
        let told = (&error["code"], &error["request_id"]);
        assert_eq!(told, (&json!("RATE_LIMIT_EXCEEDED"), &json!("r1")));
    }
    // Another one's are counted apart.
    let mut other = behind.come("?token=adas%20too").await;
    other.say(subscribe).await;
    assert_eq!(other.next().await["type"], "subscribed");
    behind.end().await;
}

/// A connection through a pipe, and a clock that stands still unless everybody waits.
async fn piped(call: &Call, tasks: &mut JoinSet<()>) -> (Client<DuplexStream>, Shards) {
    let (shards, inbox) = shard::inbox(64);
    let begun = Instant::now();
    let clock = Clock::new(move || Timestamp(0).after(begun.elapsed()));
    let options: Arc<Options> = Arc::default();
    let core = Core::new(7, Limits::default());
    let shard = Shard::new(core, Memory, clock.clone(), Arc::clone(&options));
    tasks.spawn(async move { shard.run(inbox).await.unwrap() });
    let house = House {
        shards: shards.clone(),
        clock,
        boot: 7,
        durability: Durability::Memory,
        verifier: Arc::new(Book),
        options,
        crowd: footplate::viewer::crowd::Crowd::unbounded(),
        departure: Departure::default(),
    };
    let dialect = Dialects::default().nebula;
    let guest = Guest {
        viewer: ViewerId(1),
        dialect,
        conversation: dialect.converse(call),
        pass: (call.token == Token::Good).then(|| Pass::of(Principal::named("ada")).into()),
        local: true,
        kin: None,
        entry: Box::default(),
    };
    let (ours, theirs) = duplex(1 << 16);
    tasks.spawn(async move {
        connection::run(ours, guest, house).await;
    });
    (Client(WebSocketStream::from_raw_socket(theirs, Role::Client, None).await), shards)
}

#[tokio::test(start_paused = true)]
async fn who_says_nothing_has_ten_seconds() {
    let mut tasks = JoinSet::new();
    let (mut client, _shards) = piped(&Call::default(), &mut tasks).await;
    let since = Instant::now();
    assert_eq!(client.next().await["code"], "UNAUTHORIZED");
    assert_eq!(since.elapsed().as_secs(), 10);
    assert_eq!(client.is_closed().await, 4401);
}

#[tokio::test(start_paused = true)]
async fn an_execution_may_come_five_seconds_after_its_viewers() {
    let mut tasks = JoinSet::new();
    let call = Call { token: Token::Good, ..Call::default() };
    let (mut client, shards) = piped(&call, &mut tasks).await;
    let tell = async |text: &str| {
        assert!(shards.tell(Message::Input(script::input(Timestamp(0), text))).await);
    };
    let (outbox, _engine) = mpsc::channel(64);
    assert!(shards.tell(Message::Engine { link: LinkId(1), outbox }).await);
    tell("w/1@l1 greets").await;
    let since = Instant::now();
    for id in ["x1", "x2"] {
        client.say(json!({ "type": "subscribe", "resource": "execution", "id": id })).await;
    }
    client.say(json!({ "type": "ping" })).await;
    assert_eq!(client.next().await["type"], "pong", "they are held");
    tell("l1 says x2 1 log early; node n running").await;
    let subscribed = json!({ "type": "subscribed", "resource": "execution", "id": "x2" });
    assert_eq!(client.next().await, subscribed);
    assert_eq!(client.next().await["log"]["message"], "early");
    let whole = client.next().await;
    assert_eq!(whole["execution"]["actions_executed"][0]["action_id"], "n");
    let error = client.next().await;
    assert_eq!(error["code"], "SUBSCRIPTION_FAILED");
    assert_eq!(error["message"], "Cannot subscribe to execution 'x1': not found");
    assert_eq!(since.elapsed().as_secs(), 5);
    // It comes too late, and nobody is told of it.
    tell("l1 says x1 1 log late").await;
    tell("l1 says x2 3 log more").await;
    assert_eq!(client.next().await["log"]["message"], "more");
}

/// However fast it goes: the whole ten times a second, ten lines in between, and the end at once.
#[tokio::test(start_paused = true)]
async fn it_is_said_calmly() {
    let mut tasks = JoinSet::new();
    let call = Call { token: Token::Good, ..Call::default() };
    let (mut client, shards) = piped(&call, &mut tasks).await;
    let tell = async |text: &str| {
        assert!(shards.tell(Message::Input(script::input(Timestamp(0), text))).await);
    };
    let (outbox, _engine) = mpsc::channel(4_096);
    assert!(shards.tell(Message::Engine { link: LinkId(1), outbox }).await);
    tell("w/1@l1 greets").await;
    tell("l1 says x1 1 started").await;
    client.subscribe("execution", "x1").await;
    client.update("running").await;
    let mut said = 1;
    for nth in 0..100 {
        for event in ["log .", "node n running", "node n paused"] {
            said += 1;
            tell(&format!("l1 says x1 {said} {event}")).await;
        }
        if nth == 50 {
            tokio::time::sleep(Duration::from_millis(150)).await;
        }
    }
    tell(&format!("l1 says x1 {} finished completed", said + 1)).await;
    let (mut lines, mut summed, mut wholes) = (0, 0, 0);
    loop {
        let next = client.next().await;
        if let Some(message) = next["log"]["message"].as_str() {
            match message.split_once(" more log line") {
                Some((count, _)) => summed += count.parse::<u32>().unwrap(),
                None => lines += 1,
            }
        } else {
            wholes += 1;
            if next["execution"]["status"] == "completed" {
                break;
            }
        }
    }
    assert_eq!(lines + summed, 100, "{lines} were shown");
    assert!(lines <= 50 && 0 < summed, "{lines} and {summed}");
    assert!((2..=6).contains(&wholes), "{wholes}");
}
