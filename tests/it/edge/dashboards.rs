//! Dashboards in Rust, written from the descriptions of their protocols alone, against the whole
//! relay: what comes has the types that such a program has, nothing is of another type, and a
//! connection that is cut is taken up again.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::time::Duration;

use footplate::engine::pb::attach_response::Message as Told;
use footplate::engine::pb::{self, ExecutionStatus, NodeStatus, OutcomeStatus, event::Kind};
use footplate::tasks::Tasks;
use futures_util::{SinkExt, StreamExt};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value, json};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{mpsc, watch};
use tokio::time::{sleep, timeout};
use tokio_tungstenite::client_async;
use tokio_tungstenite::tungstenite::Message;

use crate::whole::{Engine, LONG, Relay, event, line};

/// What these programs take for a second.
const SECOND: Duration = Duration::from_millis(10);

/// A way to the relay that may be cut.
struct Way {
    at: SocketAddr,
    whole: watch::Sender<bool>,
    tasks: Tasks,
}

impl Way {
    async fn to(relay: &Relay) -> Self {
        let port = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let at = port.local_addr().unwrap();
        let (whole, mut is_whole) = watch::channel(true);
        let (tasks, far) = (Tasks::new(), ("127.0.0.1", Relay::port(&relay.app.viewers_at)));
        let pairs = tasks.clone();
        tasks.spawn("way", async move {
            while let Ok((mut near, _)) = port.accept().await {
                if !*is_whole.borrow_and_update() {
                    continue;
                }
                let mut is_whole = is_whole.clone();
                pairs.spawn("pair", async move {
                    let mut far = TcpStream::connect(far).await.unwrap();
                    tokio::select! {
                        _ = tokio::io::copy_bidirectional(&mut near, &mut far) => (),
                        _ = is_whole.wait_for(|it| !it) => (),
                    }
                });
            }
        });
        Self { at, whole, tasks }
    }

    /// All connections end without a word, and no other comes about until it is mended.
    fn cut(&self) {
        self.whole.send_replace(false);
    }

    fn mend(&self) {
        self.whole.send_replace(true);
    }
}

/// A dashboard that lives beside the test: it comes back after 1, 2, 4 … 30 s, and says first what
/// it has to say then.
struct Dashboard<Told> {
    say: mpsc::Sender<Value>,
    heard: mpsc::Receiver<Told>,
}

impl<Told: DeserializeOwned + Send + 'static> Dashboard<Told> {
    /// `again`: what is said when it is back, about the last message.
    fn open(way: &Way, path: &str, again: fn(&Value) -> Option<Value>) -> Self {
        let (say, mut said) = mpsc::channel::<Value>(16);
        let (hear, heard) = mpsc::channel(256);
        let (at, url) = (way.at, format!("ws://{}{path}", way.at));
        way.tasks.spawn("dashboard", async move {
            let (mut failures, mut last) = (0, Value::Null);
            loop {
                let stream = TcpStream::connect(at).await.unwrap();
                if let Ok((mut socket, _)) = client_async(&url, stream).await {
                    failures = 0;
                    if let Some(first) = again(&last) {
                        let _ = socket.send(Message::text(first.to_string())).await;
                    }
                    loop {
                        let frame = tokio::select! {
                            Some(it) = said.recv() => {
                                let _ = socket.send(Message::text(it.to_string())).await;
                                continue;
                            }
                            frame = socket.next() => frame,
                        };
                        match frame {
                            Some(Ok(Message::Text(text))) => {
                                last = serde_json::from_str(&text).unwrap();
                                let told = serde_json::from_str(&text);
                                let told = told.unwrap_or_else(|err| panic!("{err}: {text}"));
                                if hear.send(told).await.is_err() {
                                    return;
                                }
                            }
                            Some(Ok(_)) => (),
                            Some(Err(_)) | None => break,
                        }
                    }
                }
                sleep((SECOND * 2_u32.pow(failures)).min(SECOND * 30)).await;
                failures = (failures + 1).min(5);
            }
        });
        Self { say, heard }
    }

    async fn says(&self, message: Value) {
        self.say.send(message).await.unwrap();
    }

    async fn hears(&mut self) -> Told {
        timeout(LONG, self.heard.recv()).await.expect("something comes").expect("it lives")
    }
}

/// What a dashboard of WinDAGs is told: this, and nothing else.
#[derive(Debug, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
#[expect(dead_code, reason = "that it is there, and of this type, is what is tested")]
#[expect(clippy::enum_variant_names, reason = "the protocol's own words")]
enum Dag {
    NodeState {
        node_id: String,
        status: String,
        output: Option<Value>,
        metrics: Option<Map<String, Value>>,
        seq: Option<u64>,
    },
    EdgeActive {
        from: String,
        to: String,
    },
    DagMutated {
        mutation: Map<String, Value>,
    },
    CostUpdate {
        spent: f64,
        budget: f64,
        remaining: f64,
    },
    ExecutionComplete {
        results: Map<String, Value>,
        event_id: Option<String>,
    },
    HumanGateWaiting {
        node_id: String,
        presentation: Map<String, Value>,
        event_id: Option<String>,
    },
    Error {
        node_id: Option<String>,
        message: String,
    },
    Heartbeat,
    Pong,
}

/// What such a dashboard shows.
#[derive(Debug, Default)]
struct Shown {
    nodes: BTreeMap<String, (String, Option<Value>)>,
    spent: f64,
    /// The places of what it was told as it happened.
    places: Vec<u64>,
}

impl Shown {
    /// Takes what comes, until something comes that `look` is after.
    async fn until<T>(
        &mut self,
        by: &mut Dashboard<Dag>,
        look: impl Fn(&Self, &Dag) -> Option<T>,
    ) -> T {
        loop {
            let told = by.hears().await;
            match &told {
                Dag::NodeState { node_id, status, output, seq, .. } => {
                    self.nodes.insert(node_id.clone(), (status.clone(), output.clone()));
                    self.places.extend(*seq);
                }
                Dag::CostUpdate { spent, budget, remaining } => {
                    assert!((budget - spent - remaining).abs() < 1e-9);
                    self.spent = *spent;
                }
                _ => (),
            }
            if let Some(found) = look(self, &told) {
                return found;
            }
        }
    }

    fn status(&self, node: &str) -> Option<&str> {
        self.nodes.get(node).map(|(status, _)| status.as_str())
    }
}

fn node(node_id: &str, status: NodeStatus, output: Option<&str>) -> Vec<u8> {
    let output = output.map(|text| pb::Json { text: text.to_owned().into(), ..Default::default() });
    event(Kind::NodeChanged(pb::NodeChanged {
        node_id: node_id.into(),
        status: status.into(),
        output,
        ..Default::default()
    }))
}

fn started() -> Vec<u8> {
    event(Kind::ExecutionStarted(pb::ExecutionStarted {
        workflow_id: "nightly".into(),
        budget_usd_nanos: Some(2_000_000_000),
        ..Default::default()
    }))
}

fn cost(nanos: i64) -> Vec<u8> {
    let increment_usd_nanos = Some(nanos);
    event(Kind::CostIncurred(pb::CostIncurred { increment_usd_nanos, ..Default::default() }))
}

fn gate() -> Vec<u8> {
    event(Kind::GateOpened(pb::GateOpened {
        gate_id: "deploy:1".into(),
        node_id: "deploy".into(),
        prompt: "Ship?".into(),
        ..Default::default()
    }))
}

fn finished(results: &str) -> Vec<u8> {
    event(Kind::ExecutionFinished(pb::ExecutionFinished {
        status: ExecutionStatus::Completed.into(),
        results: Some(pb::Json { text: results.to_owned().into(), ..Default::default() }),
        ..Default::default()
    }))
}

/// The next decision that reaches it takes effect.
async fn obeys(engine: &mut Engine, first: u64) -> pb::Decision {
    loop {
        if let Told::Decision(decision) = engine.hears().await {
            let outcome = pb::DecisionOutcome {
                decision_id: decision.decision_id.clone(),
                gate_id: decision.gate_id.clone(),
                gate_version: decision.gate_version,
                outcome: OutcomeStatus::Applied.into(),
                ..Default::default()
            };
            let applied = event(Kind::DecisionOutcome(outcome));
            engine.says(&decision.execution_id, first, vec![applied]).await;
            return decision;
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dashboard_of_windags_is_told_in_its_own_types_and_misses_nothing() {
    let relay = Relay::start().await;
    let way = Way::to(&relay).await;
    let mut engine = relay.engine("w1", 1).await.welcome().await;
    let done = NodeStatus::Completed;
    let events = vec![started(), node("build", done, Some(r#"{"rows":12}"#)), cost(250_000_000)];
    engine.says("run", 1, events).await;
    engine.result().await;
    let missed = |last: &Value| {
        let since = last.get("timestamp")?;
        Some(json!({ "type": "resync_request", "last_seen": since }))
    };
    let mut dashboard = Dashboard::<Dag>::open(&way, "/api/dags/run/stream", missed);
    let mut shown = Shown::default();
    shown.until(&mut dashboard, |it, _| (it.spent > 0.0).then_some(())).await;
    assert_eq!(shown.nodes["build"], ("completed".into(), Some(json!({ "rows": 12 }))));
    dashboard.says(json!({ "type": "heartbeat" })).await;
    shown.until(&mut dashboard, |_, told| matches!(told, Dag::Heartbeat).then_some(())).await;

    // What it misses it is told when it is back, in the order in which it was.
    way.cut();
    engine
        .says("run", 4, vec![node("test", NodeStatus::Running, None), node("test", done, None)])
        .await;
    engine.says("run", 6, vec![cost(250_000_000), gate()]).await;
    while engine.result().await.ack.is_none_or(|it| it.pseq < 7) {}
    way.mend();
    let asks = |_: &Shown, told: &Dag| match told {
        Dag::HumanGateWaiting { node_id, presentation, .. } => {
            Some((node_id.clone(), presentation["prompt"].clone()))
        }
        _ => None,
    };
    let asked = shown.until(&mut dashboard, asks).await;
    assert_eq!(asked, ("deploy".into(), json!("Ship?")));
    assert_eq!((shown.status("test"), shown.spent), (Some("completed"), 0.5));

    let decide = |decision: &str| json!({ "type": "human_decision", "node_id": "deploy", "decision": decision, "priority": "high", "timestamp": 1 });
    dashboard.says(decide("approve")).await;
    assert_eq!(obeys(&mut engine, 8).await.option_id, "approve");
    dashboard.says(decide("reject")).await;
    let refused = |_: &Shown, told: &Dag| match told {
        Dag::Error { node_id, message } => Some((node_id.clone(), message.clone())),
        _ => None,
    };
    let (at, message) = shown.until(&mut dashboard, refused).await;
    assert_eq!(at.as_deref(), Some("deploy"), "{message}");
    assert!(message.starts_with("Gate deploy already decided: approve"), "{message}");

    engine.says("run", 9, vec![finished(r#"{"released":"4.2"}"#)]).await;
    let complete = |_: &Shown, told: &Dag| match told {
        Dag::ExecutionComplete { results, .. } => Some(results.clone()),
        _ => None,
    };
    let results = shown.until(&mut dashboard, complete).await;
    assert_eq!(Value::Object(results), json!({ "released": "4.2" }));
    way.tasks.end();
    relay.end().await;
}

/// What a dashboard of nebula is told, with the numbers that it has in Rust.
#[derive(Debug, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
#[expect(dead_code, reason = "that it is there, and of this type, is what is tested")]
enum Nebula {
    Subscribed { resource: String, id: String },
    Unsubscribed { resource: String, id: String },
    ExecutionUpdate { execution: Update },
    Log { log: Line },
    Error { code: String, message: String },
    Pong,
}

#[derive(Debug, Deserialize)]
#[expect(dead_code, reason = "as above")]
struct Update {
    id: String,
    workflow_id: String,
    status: String,
    progress: Progress,
    actions_executed: Vec<Action>,
}

#[derive(Debug, Deserialize)]
struct Progress {
    current_action: usize,
    total_actions: usize,
    percentage: u8,
}

#[derive(Debug, Deserialize)]
#[expect(dead_code, reason = "as above")]
struct Action {
    action_id: String,
    name: String,
    status: String,
    started_at: Option<String>,
    completed_at: Option<String>,
    duration_ms: Option<u64>,
}

#[derive(Debug, Deserialize)]
#[expect(dead_code, reason = "as above")]
struct Line {
    execution_id: String,
    action_id: Option<String>,
    timestamp: String,
    level: String,
    message: String,
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dashboard_of_nebula_is_told_in_its_own_types_and_need_not_subscribe_again() {
    let relay = Relay::start().await;
    let way = Way::to(&relay).await;
    let mut engine = relay.engine("w1", 1).await.welcome().await;
    let done = NodeStatus::Completed;
    engine.says("run", 1, vec![started(), node("build", done, Some("[1]")), line("zero")]).await;
    engine.result().await;
    let mut dashboard = Dashboard::<Nebula>::open(&way, "/api/v1/ws?token=a-token", |_| None);
    dashboard.says(json!({ "type": "subscribe", "resource": "execution", "id": "run" })).await;
    // Nothing comes before that is said.
    let Nebula::Subscribed { resource, id } = dashboard.hears().await else { panic!("not that") };
    assert_eq!((resource.as_str(), id.as_str()), ("execution", "run"));
    let Nebula::ExecutionUpdate { execution } = dashboard.hears().await else { panic!("no state") };
    assert_eq!((execution.workflow_id.as_str(), execution.status.as_str()), ("nightly", "running"));
    assert_eq!(execution.actions_executed[0].name, "build");
    dashboard.says(json!({ "type": "ping" })).await;
    while !matches!(dashboard.hears().await, Nebula::Pong) {}
    engine.says("run", 4, vec![line("one")]).await;
    let mut lines = Vec::new();
    let mut last = execution;
    while lines.is_empty() {
        take(dashboard.hears().await, &mut lines, &mut last);
    }

    way.cut();
    engine.says("run", 5, vec![line("two"), node("ship", NodeStatus::Running, None)]).await;
    while engine.result().await.ack.is_none_or(|it| it.pseq < 6) {}
    way.mend();
    while lines.len() < 2 || last.actions_executed.len() < 2 {
        take(dashboard.hears().await, &mut lines, &mut last);
    }
    assert!(last.progress.percentage < 100);
    engine.says("run", 7, vec![node("ship", done, None), line("three"), finished("{}")]).await;
    while lines.len() < 3 || last.status != "completed" {
        take(dashboard.hears().await, &mut lines, &mut last);
    }
    assert_eq!(lines, ["one", "two", "three"]);
    let Progress { current_action, total_actions, percentage } = last.progress;
    // Its engine has not said what was to come.
    assert_eq!((current_action, total_actions, percentage), (0, 0, 100));

    // Who shows what is no token is not let in.
    let stream = TcpStream::connect(way.at).await.unwrap();
    let refused = client_async(format!("ws://{}/api/v1/ws?token=", way.at), stream).await;
    assert!(refused.unwrap_err().to_string().contains("401"));
    way.tasks.end();
    relay.end().await;
}

fn take(told: Nebula, lines: &mut Vec<String>, last: &mut Update) {
    match told {
        Nebula::ExecutionUpdate { execution } => *last = execution,
        Nebula::Log { log } => lines.push(log.message),
        other => panic!("{other:?}"),
    }
}
