//! A WinDAGs dashboard in front of the real relay, with a real engine behind it: from the start of an
//! execution to its end, and back again.

use footplate::engine::pb::attach_response::Message as Told;
use footplate::engine::pb::{self, event::Kind};
use futures_util::{SinkExt, StreamExt};
use serde_json::{Value, json};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::Message;

use crate::whole::{Engine, LONG, Relay, event};

struct Dashboard(WebSocketStream<TcpStream>);

impl Dashboard {
    async fn open(relay: &Relay, path: &str) -> Self {
        let port = Relay::port(&relay.app.viewers_at);
        let stream = TcpStream::connect(("127.0.0.1", port)).await.unwrap();
        let url = format!("ws://localhost:{port}{path}");
        Self(tokio_tungstenite::client_async(url, stream).await.unwrap().0)
    }

    async fn says(&mut self, message: Value) {
        self.0.send(Message::text(message.to_string())).await.unwrap();
    }

    async fn hears(&mut self) -> Value {
        loop {
            match timeout(LONG, self.0.next()).await.unwrap().unwrap().unwrap() {
                Message::Text(text) => return serde_json::from_str(&text).unwrap(),
                Message::Ping(_) | Message::Pong(_) => {}
                other => panic!("{other:?}"),
            }
        }
    }

    /// The next message without its extras, and its `seq`.
    async fn news(&mut self) -> (Value, Option<u64>) {
        let mut message = self.hears().await;
        let fields = message.as_object_mut().unwrap();
        let seq = fields.remove("seq").and_then(|it| it.as_u64());
        for extra in ["as_of_seq", "event_id", "timestamp"] {
            fields.remove(extra);
        }
        (message, seq)
    }

    async fn is_told(&mut self, expected: Value) {
        assert_eq!(self.news().await.0, expected);
    }
}

fn node(id: &str, status: pb::NodeStatus, output: Option<&str>) -> Vec<u8> {
    let output = output.map(|it| pb::Json { text: it.to_owned().into(), ..Default::default() });
    event(Kind::NodeChanged(pb::NodeChanged {
        node_id: id.into(),
        status: status.into(),
        output,
        ..Default::default()
    }))
}

fn started(budget_usd_nanos: i64) -> Vec<u8> {
    event(Kind::ExecutionStarted(pb::ExecutionStarted {
        budget_usd_nanos: Some(budget_usd_nanos),
        ..Default::default()
    }))
}

fn gate_at(gate: &str, node: &str) -> Vec<u8> {
    event(Kind::GateOpened(pb::GateOpened {
        gate_id: gate.into(),
        node_id: node.into(),
        prompt: "Ship?".into(),
        ..Default::default()
    }))
}

async fn told_decision(engine: &mut Engine) -> pb::Decision {
    loop {
        if let Told::Decision(decision) = engine.hears().await {
            return decision;
        }
    }
}

async fn told_command(engine: &mut Engine) -> pb::Command {
    loop {
        if let Told::Command(command) = engine.hears().await {
            return command;
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dashboard_sees_an_execution_from_its_start_to_its_end() {
    let relay = Relay::start().await;
    let mut engine = relay.engine("w1", 1).await.welcome().await;
    // It is there before anybody has spoken of it.
    let mut early = Dashboard::open(&relay, "/api/dags/dag-1/stream").await;
    early.is_told(json!({ "type": "error", "message": "Unknown DAG dag-1" })).await;

    let running = node("build", pb::NodeStatus::Running, None);
    let built = node("build", pb::NodeStatus::Completed, Some(r#"{"artifacts":3}"#));
    engine.says("dag-1", 1, vec![started(500_000_000), running, built]).await;
    engine.result().await;
    let budget = json!({ "type": "cost_update", "spent": 0.0, "budget": 0.5, "remaining": 0.5 });
    let done = json!({ "type": "node_state", "node_id": "build", "status": "completed",
        "output": { "artifacts": 3 } });
    early.is_told(budget.clone()).await;
    early.is_told(json!({ "type": "node_state", "node_id": "build", "status": "running" })).await;
    early.is_told(done.clone()).await;

    // A gate; who comes now is shown how everything stands.
    engine.says("dag-1", 4, vec![gate_at("ship:1", "ship")]).await;
    engine.result().await;
    let paused = json!({ "type": "node_state", "node_id": "ship", "status": "paused" });
    let presentation = json!({ "gate_id": "ship:1", "title": "ship", "prompt": "Ship?",
        "outcomes": ["approve", "reject", "modify"] });
    let waits = json!({ "type": "human_gate_waiting", "node_id": "ship",
        "presentation": presentation });
    early.is_told(paused.clone()).await;
    early.is_told(waits.clone()).await;
    let mut late = Dashboard::open(&relay, "/api/dags/dag-1/stream").await;
    for expected in [done, paused, budget, waits] {
        late.is_told(expected).await;
    }

    // One decides, and who is later learns that.
    late.says(json!({ "type": "human_decision", "node_id": "ship", "decision": "modify",
        "feedback": "use staging", "priority": "high", "timestamp": 1_795_211_611_600_i64 }))
        .await;
    let decision = told_decision(&mut engine).await;
    assert_eq!((&*decision.gate_id, &*decision.option_id), ("ship:1", "modify"));
    assert_eq!(decision.comment, "use staging");
    early.says(json!({ "type": "human_decision", "node_id": "ship", "decision": "reject" })).await;
    let (told, seq) = early.news().await;
    assert_eq!((&told["type"], &told["node_id"], seq), (&json!("error"), &json!("ship"), None));
    assert!(told["message"].as_str().unwrap().contains("already decided: modify"), "{told}");
    // Its node goes on once the engine says so.
    let outcome = event(Kind::DecisionOutcome(pb::DecisionOutcome {
        decision_id: decision.decision_id,
        gate_id: decision.gate_id,
        gate_version: decision.gate_version,
        outcome: pb::OutcomeStatus::Applied.into(),
        ..Default::default()
    }));
    engine.says("dag-1", 5, vec![outcome]).await;
    engine.result().await;
    let goes_on = json!({ "type": "node_state", "node_id": "ship", "status": "running" });
    early.is_told(goes_on.clone()).await;
    late.is_told(goes_on).await;

    // A command.
    early.says(json!({ "type": "pause_execution" })).await;
    let command = told_command(&mut engine).await;
    assert_eq!((&*command.execution_id, command.kind()), ("dag-1", pb::CommandKind::Pause));
    let outcome = event(Kind::CommandOutcome(pb::CommandOutcome {
        command_id: command.command_id,
        outcome: pb::OutcomeStatus::Applied.into(),
        ..Default::default()
    }));
    engine.says("dag-1", 6, vec![outcome]).await;
    engine.result().await;
    // A heartbeat is answered to who sent it, and nobody else hears of it.
    late.says(json!({ "type": "heartbeat" })).await;
    late.is_told(json!({ "type": "heartbeat" })).await;

    let finished = event(Kind::ExecutionFinished(pb::ExecutionFinished {
        status: pb::ExecutionStatus::Completed.into(),
        ..Default::default()
    }));
    let shipped = node("ship", pb::NodeStatus::Completed, Some(r#""staging""#));
    engine.says("dag-1", 7, vec![shipped, finished]).await;
    engine.result().await;
    for dashboard in [&mut early, &mut late] {
        let shipped = json!({ "type": "node_state", "node_id": "ship", "status": "completed",
            "output": "staging" });
        dashboard.is_told(shipped).await;
        let results = json!({ "build": { "artifacts": 3 }, "ship": "staging" });
        dashboard.is_told(json!({ "type": "execution_complete", "results": results })).await;
    }
    relay.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dashboard_that_was_away_asks_for_what_it_has_missed() {
    let relay = Relay::start().await;
    let mut engine = relay.engine("w1", 1).await.welcome().await;
    let edge = |to: &str| {
        let (from_node_id, to_node_id) = ("a".into(), to.into());
        event(Kind::EdgeActivated(pb::EdgeActivated { from_node_id, to_node_id }))
    };
    engine.says("dag-1", 1, vec![node("a", pb::NodeStatus::Running, None), edge("b")]).await;
    engine.result().await;
    let mut dashboard = Dashboard::open(&relay, "/api/dags/dag-1/stream").await;
    let state = dashboard.hears().await;
    assert_eq!((&state["type"], &state["seq"]), (&json!("node_state"), &Value::Null));
    let last_seq = state["as_of_seq"].as_u64().unwrap();
    // Lost without a word.
    drop(dashboard);
    engine.says("dag-1", 3, vec![edge("c"), edge("d")]).await;
    engine.result().await;

    let mut dashboard = Dashboard::open(&relay, "/api/dags/dag-1/stream").await;
    let running = json!({ "type": "node_state", "node_id": "a", "status": "running" });
    dashboard.is_told(running.clone()).await;
    dashboard.says(json!({ "type": "resync_request", "last_seq": last_seq })).await;
    for (to, seq) in [("c", last_seq + 1), ("d", last_seq + 2)] {
        let expected = json!({ "type": "edge_active", "from": "a", "to": to });
        assert_eq!(dashboard.news().await, (expected, Some(seq)));
    }
    dashboard.is_told(running.clone()).await;
    // It has them now.
    dashboard.says(json!({ "type": "resync_request", "last_seen": 1 })).await;
    let first = json!({ "type": "edge_active", "from": "a", "to": "b" });
    let mut told = vec![dashboard.news().await, dashboard.news().await, dashboard.news().await];
    assert_eq!(told.pop().unwrap().0, running);
    assert_eq!(told, [(running, Some(last_seq - 1)), (first, Some(last_seq))]);
    relay.end().await;
}
