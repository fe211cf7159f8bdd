//! The whole relay with an audit log: a gRPC engine, dashboards, a reload, an end.

use std::fs;

use footplate::engine::pb::{self, attach_response::Message as Told, event::Kind};
use serde_json::{Value, json};

use super::{CANARY, kinds, lines, verify};
use crate::whole::{Relay, event};

fn gate(id: &str) -> Vec<u8> {
    event(Kind::GateOpened(pb::GateOpened {
        gate_id: id.into(),
        title: CANARY.into(),
        prompt: CANARY.into(),
        payload: Some(pb::Json {
            text: format!("{{\"who\":\"{CANARY}\"}}").into(),
            ..Default::default()
        }),
        ..Default::default()
    }))
}

#[tokio::test(flavor = "multi_thread")]
async fn what_two_dashboards_and_an_engine_do_is_written_down() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("audit.jsonl");
    let relay = Relay::with(&["--audit", &path.display().to_string()]).await;
    let mut engine = relay.engine("w1", 1).await.welcome().await;
    engine.says("x1", 1, vec![gate("g1"), gate("g2")]).await;
    engine.result().await;
    let (mut ada, mut bob) = (relay.viewer().await, relay.viewer().await);
    let decision = |id: &str, option: &str| {
        json!({ "type": "human_decision", "decision_id": id, "execution_id": "x1",
            "gate_id": "g1", "gate_version": 1, "option_id": option, "comment": CANARY })
    };
    ada.says(&decision("d1", "approve")).await;
    assert_eq!(ada.awaits("receipt").await["stage"], "recorded");
    bob.says(&decision("d2", "reject")).await;
    assert_eq!(bob.awaits("receipt").await["stage"], "already_decided");
    let Told::Decision(told) = engine.hears().await else { panic!("no decision") };
    let applied = event(Kind::DecisionOutcome(pb::DecisionOutcome {
        decision_id: told.decision_id,
        gate_id: "g1".into(),
        gate_version: 1,
        outcome: pb::OutcomeStatus::Applied.into(),
        ..Default::default()
    }));
    engine.says("x1", 3, vec![applied]).await;
    engine.result().await;
    let withdraw = pb::WithdrawGate {
        execution_id: "x1".into(),
        gate_id: "g2".into(),
        gate_version: 1,
        reason: CANARY.into(),
    };
    let message = Some(pb::attach_request::Message::WithdrawGate(withdraw));
    engine.tell.send(pb::AttachRequest { message }).await.unwrap();
    while !matches!(engine.hears().await, Told::GateVerdict(_)) {}
    relay.end().await;

    let lines = lines(&path);
    assert_eq!(
        kinds(&lines),
        [
            "begun",
            "gate_opened",
            "gate_opened",
            "vote",
            "resolved",
            "losing_vote",
            "applied",
            "resolved",
            "ended"
        ]
    );
    let viewer = |line: &Value| line["session"]["viewer"].as_u64().unwrap();
    assert_ne!(viewer(&lines[3]), viewer(&lines[5]), "each by its own connection");
    for line in &lines[3..6] {
        let who = json!({ "subject": "local", "method": "none", "groups": [] });
        assert_eq!(line["principal"], who);
    }
    assert_eq!(lines[5]["won"]["decision_id"], "d1");
    assert_eq!((&lines[7]["gate_id"], &lines[7]["outcome"]), (&json!("g2"), &json!("withdrawn")));
    let bytes = fs::read(&path).unwrap();
    verify(&bytes, None).unwrap();
    let text = String::from_utf8(bytes).unwrap();
    assert!(!text.contains(CANARY), "{text}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_next_relay_goes_on_with_the_file_and_a_reload_begins_a_new_one() {
    let folder = tempfile::tempdir().unwrap();
    let (path, old) = (folder.path().join("audit.jsonl"), folder.path().join("audit.1"));
    let flag = path.display().to_string();
    for _ in 0..2 {
        Relay::with(&["--audit", &flag]).await.end().await;
    }
    assert_eq!(kinds(&lines(&path)), ["begun", "ended", "resumed", "ended"]);
    let relay = Relay::with(&["--audit", &flag]).await;
    fs::rename(&path, &old).unwrap();
    relay.app.reload();
    relay.end().await;
    assert_eq!(kinds(&lines(&path)), ["begun", "ended"]);
    verify(&[fs::read(&old).unwrap(), fs::read(&path).unwrap()].concat(), None).unwrap();
}
