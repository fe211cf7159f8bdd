//! Dashboards of stage 5 before the whole relay, and an engine behind it: a task begins, is decided on,
//! paused and completed, and who loses its connection sees what it has missed, once.

use footplate::engine::pb::attach_request::Message as Say;
use footplate::engine::pb::attach_response::Message as Told;
use footplate::engine::pb::engine_service_client::EngineServiceClient;
use footplate::engine::pb::event::Kind;
use footplate::engine::pb::{self, CommandKind, ExecutionStatus, NodeStatus, OutcomeStatus};
use futures_util::{SinkExt, StreamExt};
use serde_json::{Value, json};
use tokio::net::TcpStream;
use tokio::sync::mpsc;
use tokio::time::timeout;
use tokio_stream::wrappers::ReceiverStream;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::Message;
use tonic::Streaming;
use tonic::transport::Channel;

use crate::whole::{LONG, Relay, event};

const RUN: &str = "task_1763632800";

/// An engine that does as it is told.
struct Engine {
    tell: mpsc::Sender<pb::AttachRequest>,
    hear: Streaming<pb::AttachResponse>,
    said: u64,
}

impl Engine {
    async fn attach(relay: &Relay) -> Self {
        let uri = format!("http://127.0.0.1:{}", Relay::port(&relay.app.engines_at));
        let channel = Channel::from_shared(uri).unwrap().connect().await.unwrap();
        let (tell, told) = mpsc::channel(64);
        let producer = pb::Producer { producer_id: "mars".into(), producer_epoch: 1 };
        let all = pb::Capabilities { pause: true, resume: true, ..Default::default() };
        let hello = pb::Hello {
            producer: Some(producer),
            capabilities: Some(all),
            startable_workflow_ids: vec!["default".into()],
            ..Default::default()
        };
        tell.send(pb::AttachRequest { message: Some(Say::Hello(hello)) }).await.unwrap();
        let mut client = EngineServiceClient::new(channel);
        let hear = client.attach(ReceiverStream::new(told)).await.unwrap().into_inner();
        let mut engine = Self { tell, hear, said: 0 };
        assert!(matches!(engine.hears().await, Told::Welcome(_)));
        engine
    }

    async fn hears(&mut self) -> Told {
        let told = timeout(LONG, self.hear.message()).await.unwrap().unwrap();
        told.unwrap().message.unwrap()
    }

    /// The next command; acknowledgements are passed over.
    async fn commanded(&mut self) -> pb::Command {
        loop {
            match self.hears().await {
                Told::Command(command) => return command,
                Told::Results(_) | Told::Grants(_) => (),
                other => panic!("{other:?}"),
            }
        }
    }

    async fn decided(&mut self) -> pb::Decision {
        loop {
            match self.hears().await {
                Told::Decision(decision) => return decision,
                Told::Results(_) => (),
                other => panic!("{other:?}"),
            }
        }
    }

    async fn says(&mut self, kinds: Vec<Kind>) {
        let (first_pseq, count) = (self.said + 1, kinds.len() as u64);
        self.said += count;
        let events = kinds.into_iter().map(|kind| event(kind).into()).collect();
        let batch =
            pb::EventBatch { execution_id: RUN.into(), first_pseq, events, ..Default::default() };
        let message = Some(Say::Events(pb::Events { batches: vec![batch] }));
        self.tell.send(pb::AttachRequest { message }).await.unwrap();
    }
}

struct Dashboard(WebSocketStream<TcpStream>);

impl Dashboard {
    async fn open(relay: &Relay, run: &str) -> Self {
        let port = Relay::port(&relay.app.viewers_at);
        let stream = TcpStream::connect(("127.0.0.1", port)).await.unwrap();
        let url = format!("ws://127.0.0.1:{port}/ws/{run}");
        let (socket, _) = tokio_tungstenite::client_async(url, stream).await.unwrap();
        let mut dashboard = Self(socket);
        assert_eq!(dashboard.hears().await["event_type"], "connected", "before all else");
        dashboard
    }

    async fn says(&mut self, message: &Value) {
        self.0.send(Message::text(message.to_string())).await.unwrap();
    }

    async fn hears(&mut self) -> Value {
        loop {
            match timeout(LONG, self.0.next()).await.unwrap().unwrap().unwrap() {
                Message::Text(text) => return serde_json::from_str(&text).unwrap(),
                Message::Ping(_) | Message::Pong(_) => (),
                other => panic!("{other:?}"),
            }
        }
    }

    /// All there is up to an event of this type; signs of life left out.
    async fn hears_until(&mut self, event_type: &str) -> Vec<Value> {
        let mut told = vec![];
        loop {
            let next = self.hears().await;
            let last = next["event_type"] == event_type;
            if next["event_type"] != "heartbeat" {
                told.push(next);
            }
            if last {
                return told;
            }
        }
    }
}

fn types(told: &[Value]) -> Vec<&str> {
    told.iter().map(|it| it["event_type"].as_str().unwrap()).collect()
}

fn node(id: &str, status: NodeStatus) -> Kind {
    Kind::NodeChanged(pb::NodeChanged {
        node_id: id.into(),
        status: status.into(),
        step_id: format!("s-{id}"),
        ..Default::default()
    })
}

fn status(status: ExecutionStatus) -> Kind {
    let status = status.into();
    Kind::ExecutionStatusChanged(pb::ExecutionStatusChanged { status, ..Default::default() })
}

fn done(command: pb::Command) -> Kind {
    Kind::CommandOutcome(pb::CommandOutcome {
        command_id: command.command_id,
        outcome: OutcomeStatus::Applied.into(),
        ..Default::default()
    })
}

fn began(command: pb::Command) -> Vec<Kind> {
    let declared = |id: &str| pb::GraphNode { node_id: id.into(), ..Default::default() };
    vec![
        Kind::ExecutionStarted(pb::ExecutionStarted {
            command_id: command.command_id,
            task: "Plan a trip".into(),
            session_id: "s-1".into(),
            ..Default::default()
        }),
        Kind::GraphDeclared(pb::GraphDeclared {
            nodes: vec![declared("plan"), declared("book")],
            edges: vec![pb::GraphEdge {
                source_node_id: "plan".into(),
                target_node_id: "book".into(),
                ..Default::default()
            }],
            ..Default::default()
        }),
        node("plan", NodeStatus::Running),
        Kind::CostIncurred(pb::CostIncurred {
            increment_usd_nanos: Some(250_000_000),
            ..Default::default()
        }),
        node("plan", NodeStatus::Completed),
        Kind::GateOpened(pb::GateOpened {
            gate_id: "book:1".into(),
            node_id: "book".into(),
            prompt: "Book it?".into(),
            ..Default::default()
        }),
    ]
}

#[tokio::test(flavor = "multi_thread")]
async fn a_task_is_begun_decided_on_paused_and_completed() {
    let relay = Relay::start().await;
    let mut engine = Engine::attach(&relay).await;

    // Its dashboard opens before anybody knows the run, and says what is to be done.
    let mut ada = Dashboard::open(&relay, RUN).await;
    let task = json!({ "task": "Plan a trip", "config": { "model": "small-1" } });
    ada.says(&task).await;
    let command = engine.commanded().await;
    assert_eq!((command.kind(), &*command.execution_id), (CommandKind::Start, RUN));
    assert_eq!(command.workflow_id, "default");
    let input: Value = serde_json::from_slice(&command.payload.clone().unwrap().text).unwrap();
    assert_eq!(input, task);
    let start = command.command_id.clone();
    engine.says(began(command)).await;

    let told = ada.hears_until("approval_requested").await;
    let told = [told, ada.hears_until("dag_updated").await].concat();
    let told: Vec<Value> = told
        .into_iter()
        // Who is there while the first events come may be shown the state of some of them first.
        .filter(|it| it["seq"].is_u64())
        .collect();
    let expected = [
        "workflow_started",
        "workflow_state_changed",
        "dag_node_status_changed",
        "step_started",
        "cost_update",
        "dag_node_status_changed",
        "step_completed",
        "dag_node_status_changed",
        "approval_requested",
        "workflow_state_changed",
    ];
    assert_eq!(types(&told), expected);
    assert_eq!((&told[0]["run_id"], &told[0]["session_id"]), (&json!(RUN), &json!("s-1")));
    assert_eq!(told[0]["data"]["task_description"], "Plan a trip");
    let seqs: Vec<u64> = told.iter().map(|it| it["seq"].as_u64().unwrap()).collect();
    assert!(seqs.is_sorted(), "{seqs:?}");

    // Another dashboard comes late and sends the same task: it is attached to what goes on.
    let mut bob = Dashboard::open(&relay, RUN).await;
    bob.says(&task).await;
    let shown = bob.hears_until("workflow_started").await;
    let expected =
        ["workflow_state_changed", "dag_created", "approval_requested", "workflow_started"];
    assert_eq!(types(&shown), expected, "the state at once, and then what is retained");
    assert_eq!(shown[1]["data"]["nodes"].as_array().unwrap().len(), 2);
    assert_eq!(shown[1]["data"]["levels"], 2);
    bob.hears_until("dag_updated").await;

    // The first decides, the second hears of it, and is too late with its own.
    let resolve = |resolution: &str| {
        json!({ "type": "resolve_approval", "approval_id": "book:1", "resolution": resolution,
            "feedback": "fine" })
    };
    ada.says(&resolve("approve")).await;
    for dashboard in [&mut ada, &mut bob] {
        let received = dashboard.hears_until("approval_received").await;
        assert_eq!(types(&received), ["approval_received"]);
        let data = &received[0]["data"];
        assert_eq!((&data["approved"], &data["feedback"]), (&json!(true), &json!("fine")));
    }
    bob.says(&resolve("reject")).await;
    let late = bob.hears().await;
    assert_eq!(late["data"]["error_type"], "ApprovalNotPending");
    assert_eq!(late["data"]["message"], "Approval book:1 not found or already resolved");
    let decision = engine.decided().await;
    assert_eq!((&*decision.option_id, &*decision.comment), ("approve", "fine"));
    let outcome = pb::DecisionOutcome {
        decision_id: decision.decision_id,
        gate_id: "book:1".into(),
        gate_version: 1,
        outcome: OutcomeStatus::Applied.into(),
        ..Default::default()
    };
    engine.says(vec![Kind::DecisionOutcome(outcome)]).await;
    for dashboard in [&mut ada, &mut bob] {
        let told = dashboard.hears_until("workflow_state_changed").await;
        assert_eq!(types(&told), ["dag_node_status_changed", "workflow_state_changed"]);
        assert_eq!(told[1]["data"]["status"], "executing");
    }

    // One pauses and the other goes on; each sees both, once the engine has said so.
    for (who, verb, kind, is, event_type) in [
        (0, "pause", CommandKind::Pause, ExecutionStatus::Paused, "workflow_paused"),
        (1, "resume", CommandKind::Resume, ExecutionStatus::Running, "workflow_resumed"),
    ] {
        let dashboards = [&mut ada, &mut bob];
        dashboards[who].says(&json!({ "type": verb })).await;
        let command = engine.commanded().await;
        assert_eq!(command.kind(), kind);
        engine.says(vec![status(is), done(command)]).await;
        for dashboard in dashboards {
            assert_eq!(types(&dashboard.hears_until(event_type).await), [event_type]);
        }
    }
    ada.says(&json!({ "type": "cancel", "run_id": RUN })).await;
    let refused = ada.hears_until("error_occurred").await.pop().unwrap();
    assert_eq!(refused["data"]["error_type"], "FeatureNotAvailable");
    ada.says(&json!({ "type": "ping" })).await;
    assert_eq!(ada.hears_until("pong").await.len(), 1);

    // The second loses its connection and misses the end.
    drop(bob);
    let alone = r#"footplate_viewers_connected{dialect="stage5"} 1"#;
    let noticed = async {
        while !relay.app.metrics.encode().contains(alone) {
            tokio::task::yield_now().await;
        }
    };
    timeout(LONG, noticed).await.unwrap();
    let results = pb::Json { text: r#"{"trip":"booked"}"#.into(), ..Default::default() };
    let finished = pb::ExecutionFinished {
        status: ExecutionStatus::Completed.into(),
        results: Some(results),
        ..Default::default()
    };
    engine.says(vec![node("book", NodeStatus::Completed), Kind::ExecutionFinished(finished)]).await;
    let told = ada.hears_until("workflow_completed").await;
    let expected = [
        "dag_node_status_changed",
        "step_completed",
        "workflow_state_changed",
        "workflow_completed",
    ];
    assert_eq!(types(&told), expected);
    assert_eq!(told[3]["data"]["results"], json!({ "trip": "booked" }));
    assert_eq!(told[3]["data"]["total_cost"], 0.25);

    // It comes again and asks for what it has missed; costs that it knows are not among that.
    let mut bob = Dashboard::open(&relay, RUN).await;
    bob.says(&task).await;
    bob.says(&json!({ "type": "request_state", "since": 4_102_444_800_000_u64 })).await;
    let told = bob.hears_until("workflow_completed").await;
    let (state, missed): (Vec<Value>, Vec<Value>) =
        told.into_iter().partition(|it| it["as_of_seq"].is_u64());
    assert_eq!(types(&state), ["workflow_state_changed", "dag_created"]);
    assert_eq!(state[0]["data"]["status"], "completed");
    assert_eq!(types(&missed), expected);

    // Whoever asks for a run that is there and over begins nothing; whoever asks for another might.
    let mut other = Dashboard::open(&relay, "elsewhere").await;
    other.says(&json!({ "task": "x", "config": { "workflow_id": "unheard-of" } })).await;
    let refused = other.hears().await;
    assert_eq!(refused["data"]["error_type"], "StartError");
    let mut nobody = Dashboard::open(&relay, "nobody").await;
    let unknown = nobody.hears().await;
    assert_eq!(unknown["data"]["error_type"], "NotFound");
    assert_eq!(unknown["data"]["message"], "Run nobody not found");
    assert_eq!(start, format!("start-{RUN}"));
    relay.end().await;
}
