//! Execution viewers in front of the whole relay, with an engine behind it that speaks gRPC.

use footplate::engine::pb::attach_response::Message as Told;
use footplate::engine::pb::event::Kind;
use footplate::engine::pb::{self, ExecutionStatus, NodeStatus, OutcomeStatus};
use futures_util::{SinkExt, StreamExt};
use serde_json::{Value, json};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::Message;

use crate::whole::{LONG, Relay, event, line};

const SEED: &str = "/api/ws/executions/exec-123";
const REAL: &str = "/ws/executions/exec-123";

struct Dashboard(WebSocketStream<TcpStream>);

impl Dashboard {
    async fn open(relay: &Relay, path: &str) -> Self {
        let port = Relay::port(&relay.app.viewers_at);
        let stream = TcpStream::connect(("127.0.0.1", port)).await.unwrap();
        let url = format!("ws://127.0.0.1:{port}{path}");
        Self(tokio_tungstenite::client_async(url, stream).await.unwrap().0)
    }

    async fn says(&mut self, text: &str) {
        self.0.send(Message::text(text)).await.unwrap();
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

    /// The next messages, each in two words.
    async fn hears_in_brief(&mut self, count: usize) -> Vec<String> {
        let mut said = vec![];
        for _ in 0..count {
            said.push(brief(&self.hears().await));
        }
        said
    }

    /// Everything that there is. An answer to a ping overtakes what waits to be written, but only
    /// once.
    async fn has_all(&mut self) -> Vec<String> {
        let mut said = vec![];
        for _ in 0..2 {
            self.says("ping").await;
            loop {
                let message = self.hears().await;
                if message["type"] == "pong" {
                    break;
                }
                said.push(brief(&message));
            }
        }
        said
    }

    /// So many messages, and then no more.
    async fn has_all_of(&mut self, count: usize) -> Vec<String> {
        let mut said = self.hears_in_brief(count).await;
        said.extend(self.has_all().await);
        said
    }

    async fn is_closed(&mut self) -> u16 {
        loop {
            match timeout(LONG, self.0.next()).await.unwrap().unwrap().unwrap() {
                Message::Close(frame) => return frame.unwrap().code.into(),
                Message::Ping(_) | Message::Pong(_) => {}
                other => panic!("{other:?}"),
            }
        }
    }
}

fn brief(message: &Value) -> String {
    let word = |it: &Value| it.as_str().unwrap_or_default().to_owned();
    let kind = word(&message["type"]);
    let what = match kind.as_str() {
        "status" => word(&message["status"]),
        "node_update" => {
            let state = &message["node_state"]["status"];
            format!("{} {}", word(&message["node_id"]), word(state))
        }
        "log" => word(&message["log"]["message"]),
        "completion" => word(&message["result"]["output"]),
        _ => word(&message["error"]),
    };
    format!("{kind} {what}").trim_end().to_owned()
}

fn started() -> Vec<u8> {
    event(Kind::ExecutionStarted(pb::ExecutionStarted {
        workflow_id: "wf-1".into(),
        planned_nodes: Some(2),
        ..Default::default()
    }))
}

fn node(id: &str, status: NodeStatus) -> Vec<u8> {
    let (node_id, status) = (id.into(), status.into());
    event(Kind::NodeChanged(pb::NodeChanged { node_id, status, ..Default::default() }))
}

fn asks() -> Vec<u8> {
    event(Kind::GateOpened(pb::GateOpened {
        gate_id: "deploy:1".into(),
        node_id: "deploy".into(),
        prompt: "Ship?".into(),
        ..Default::default()
    }))
}

fn finished(status: ExecutionStatus) -> Vec<u8> {
    event(Kind::ExecutionFinished(pb::ExecutionFinished {
        status: status.into(),
        output: Some(pb::Json { text: br#""done""#.to_vec().into(), ..Default::default() }),
        ..Default::default()
    }))
}

/// From before its first event to after its last, with a gate between them that a native dashboard
/// decides.
#[tokio::test(flavor = "multi_thread")]
async fn an_execution_is_seen_from_start_to_end() {
    let relay = Relay::start().await;
    // It dials while the execution is being started, and waits for it.
    let mut early = Dashboard::open(&relay, SEED).await;
    assert_eq!(early.has_all().await, [""; 0]);

    let mut engine = relay.engine("w1", 1).await.welcome().await;
    let begun = vec![started(), node("build", NodeStatus::Running), line("compiling")];
    engine.says("exec-123", 1, begun).await;
    let beginning =
        ["status running", "node_update build running", "status running", "log compiling"];
    assert_eq!(early.hears_in_brief(4).await, beginning);
    engine.says("exec-123", 4, vec![node("build", NodeStatus::Completed), asks()]).await;
    assert_eq!(
        early.hears_in_brief(4).await,
        [
            "node_update build completed",
            "status running",
            "node_update deploy running",
            "log Waiting for a decision at 'deploy': Ship?"
        ]
    );
    let waits = early.hears().await;
    let data = json!({ "progress": 0.5, "current_node": "deploy", "workflow_id": "wf-1",
        "waiting_for": ["deploy"] });
    assert_eq!(waits["data"], data);

    // It can decide nothing itself, and is told nothing of that.
    early.says(r#"{"type":"human_decision","node_id":"deploy","decision":"reject"}"#).await;
    let mut native = relay.viewer().await;
    native
        .says(&json!({ "type": "human_decision", "decision_id": "d1", "execution_id": "exec-123",
            "gate_id": "deploy:1", "gate_version": 1, "option_id": "approve" }))
        .await;
    let decision = loop {
        if let Told::Decision(decision) = engine.hears().await {
            break decision;
        }
    };
    assert_eq!((&*decision.decision_id, &*decision.option_id), ("d1", "approve"));
    assert_eq!(early.hears_in_brief(1).await, ["log Decided at 'deploy' by local: approve"]);
    let applied = event(Kind::DecisionOutcome(pb::DecisionOutcome {
        decision_id: "d1".into(),
        gate_id: "deploy:1".into(),
        gate_version: 1,
        outcome: OutcomeStatus::Applied.into(),
        ..Default::default()
    }));
    engine.says("exec-123", 6, vec![applied]).await;
    assert_eq!(early.hears_in_brief(1).await, ["node_update deploy running"]);
    assert_eq!(early.hears().await["data"].get("waiting_for"), None);

    let end = vec![node("deploy", NodeStatus::Completed), finished(ExecutionStatus::Completed)];
    engine.says("exec-123", 7, end).await;
    let ending =
        ["node_update deploy completed", "status running", "status completed", "completion done"];
    assert_eq!(early.hears_in_brief(4).await, ending);
    // It stays until its page closes it.
    assert_eq!(early.has_all().await, [""; 0]);

    // Who comes when all is over is told all of it, and in its own dress.
    let mut late = Dashboard::open(&relay, &format!("{REAL}?token=any")).await;
    assert_eq!(late.hears_in_brief(4).await, beginning);
    let middle = late.hears_in_brief(8).await;
    assert_eq!(middle[7], "status running", "{middle:?}");
    assert_eq!(late.hears_in_brief(4).await, ending);
    assert_eq!(late.has_all().await, [""; 0]);
    relay.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_comes_back_hears_no_log_line_twice_and_always_the_end() {
    let relay = Relay::start().await;
    let mut engine = relay.engine("w1", 1).await.welcome().await;
    let begun = vec![started(), node("build", NodeStatus::Running), line("one")];
    engine.says("exec-123", 1, begun).await;
    engine.result().await;

    let mut lost = 0;
    let mut visit = async |expected: &[&str]| {
        let mut dashboard = Dashboard::open(&relay, SEED).await;
        assert_eq!(dashboard.has_all_of(expected.len()).await, expected);
        drop(dashboard);
        // Its place is kept once the relay has seen that it is gone.
        lost += 1;
        let gone = async {
            while relay.app.metrics.viewers_gone.of("lost").get() < lost {
                tokio::task::yield_now().await;
            }
        };
        timeout(LONG, gone).await.expect("the relay sees it");
    };
    visit(&["status running", "node_update build running", "status running", "log one"]).await;
    let state = ["status running", "node_update build running"];
    visit(&state).await;
    engine.says("exec-123", 4, vec![line("two")]).await;
    engine.result().await;
    visit(&[&["log two"], &state[..]].concat()).await;
    engine.says("exec-123", 5, vec![finished(ExecutionStatus::Cancelled)]).await;
    engine.result().await;
    let end = ["status failed", "error Execution cancelled"];
    let over = ["status failed", "node_update build running", "error Execution cancelled"];
    visit(&[&end[..], &over[..]].concat()).await;
    visit(&over).await;
    relay.end().await;
}

/// They are let in before they are told: their page would log its user out.
#[tokio::test(flavor = "multi_thread")]
async fn who_is_refused_is_let_in_first() {
    let relay = Relay::start().await;
    let mut nowhere = Dashboard::open(&relay, REAL).await;
    let not_found = json!({ "type": "error", "error": "Execution not found" });
    assert_eq!(nowhere.hears().await, not_found);
    assert_eq!(nowhere.is_closed().await, 1000);
    for path in [SEED, REAL] {
        // On this machine any token counts, but not none at all.
        let mut stranger = Dashboard::open(&relay, &format!("{path}?token=")).await;
        assert_eq!(stranger.is_closed().await, 4001);
    }
    relay.end().await;
}
