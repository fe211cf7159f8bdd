//! The URL space without a socket: what each path takes, and what it is answered with.

use footplate::core::{Answer, Execution, Input, Receipt, Reference, Stage};
use footplate::http::caller::{Allowed, Origin};
use footplate::model::{CommandKind, Epoch, Position, Seq, Target, ViewerId};
use footplate::shard::{self, Followed, Inbox, Lost, Message};
use footplate::viewer::{Letter, Post};
use serde_json::json;

use super::rig::{Headers, Rig, Setup, body, request, status};

const JSON: (&str, &str) = ("content-type", "application/json");

fn position() -> Position {
    Position { epoch: Epoch { boot: 0xff, nth: 1 }, seq: Seq(7) }
}

/// Answers as a shard that knows one execution, `e`, until the door has gone.
async fn shard(mut inbox: Inbox, stage: Stage) {
    let mut viewers = Vec::new();
    while let Some(message) = inbox.recv().await {
        let one = || ("e".parse().unwrap(), position(), Box::new(Execution::default()));
        match message {
            Message::Executions { reply, .. } => drop(reply.send(vec![one()])),
            Message::Snapshot { name, reply, .. } => {
                drop(reply.send((&*name == "e").then(one).ok_or(Lost::Unknown)));
            }
            Message::Records { name, since, reply, .. } => {
                let (execution, head, _) = one();
                let recovered = since.is_some();
                let found = Followed { execution, head, recovered, records: vec![] };
                drop(reply.send((&*name == "e").then_some(found).ok_or(Lost::Unknown)));
            }
            Message::Viewer { viewer, answers, .. } => viewers.push((viewer, answers)),
            Message::Left { viewer } => viewers.retain(|it| it.0 != viewer),
            Message::Input(Input::Decided { viewer, ask, .. }) => {
                assert_eq!((&*ask.execution, &*ask.option), ("e", "approve"));
                assert!(matches!(ask.target, Target::Gate { gate, .. } if gate.as_str() == "n:1"));
                answer(&viewers, viewer, &stage);
            }
            Message::Input(Input::Commanded { viewer, ask, .. }) => {
                let start = matches!(ask.kind, CommandKind::Start { .. });
                assert_eq!(ask.execution.as_deref(), if start { None } else { Some("e") });
                answer(&viewers, viewer, &stage);
            }
            other => panic!("REST does not say {other:?}"),
        }
    }
}

fn answer(viewers: &[(ViewerId, Post)], viewer: ViewerId, stage: &Stage) {
    let (_, answers) = viewers.iter().find(|it| it.0 == viewer).expect("it has come before");
    let receipt = Receipt {
        about: Reference::Decision("d".parse().unwrap()),
        execution: None,
        gate: None,
        node: None,
        stage: stage.clone(),
        resolution: None,
        reason: None,
        by: None,
        at: None,
    };
    assert!(answers.send(Letter::Answer(Box::new(Answer::Receipt(receipt)))));
}

/// A rig whose shard answers everything with `stage`.
async fn rig(stage: Stage) -> Rig {
    let allowed = Allowed {
        origins: vec![Origin::parse("https://ops.example").unwrap()],
        ..Allowed::default()
    };
    let mut rig = Rig::start(Setup { allowed, ..Setup::default() }).await;
    let (_, closed) = shard::inbox(1);
    let inbox = std::mem::replace(&mut rig.inbox, closed);
    rig.tasks.spawn("shard", shard(inbox, stage));
    rig
}

async fn end(rig: Rig) {
    // The shard ends with the door, and nothing else tells it to.
    rig.closing.cancel();
    rig.tasks.drain();
    rig.tasks.end();
    rig.end().await;
}

#[tokio::test]
async fn executions_can_be_read() {
    let rig = rig(Stage::Recorded).await;
    let get = async |path: &str| rig.ask(&request(&format!("GET {path}"), &[], "")).await;
    let all = body(&get("/v1/executions").await);
    assert_eq!(
        (&all["type"], &all["items"][0]["execution_id"]),
        (&json!("executions"), &json!("e"))
    );
    let one = body(&get("/v1/executions/e").await);
    assert_eq!(
        (&one["type"], &one["seq"], &one["parts"]),
        (&json!("snapshot"), &json!(7), &json!(1))
    );
    assert_eq!(one["state"]["progress"]["status"], "created");
    let records = |recovered: bool| {
        json!({ "execution_id": "e", "epoch": "ff-1", "head": 7, "recovered": recovered,
            "records": [] })
    };
    assert_eq!(body(&get("/v1/executions/e/records?since=ff-1:3").await), records(true));
    assert_eq!(body(&get("/v1/executions/e/records").await), records(false));
    for path in ["/v1/executions/x", "/v1/executions/x/records", "/v1/executions/%00"] {
        let answer = get(path).await;
        assert_eq!((status(&answer), body(&answer)["code"].as_str()), (404, Some("not_found")));
    }
    let wrong = get("/v1/executions/e/records?since=3").await;
    assert_eq!((status(&wrong), body(&wrong)["code"].as_str()), (400, Some("bad_since")));
    end(rig).await;
}

#[tokio::test]
async fn a_receipt_has_a_status() {
    let table = [
        (Stage::Recorded, 202, "recorded"),
        (Stage::Applied, 200, "applied"),
        (Stage::AlreadyDecided { kind: None, option: None }, 409, "already_decided"),
        (Stage::GateChanged { current: 2 }, 409, "gate_changed"),
        (Stage::GateUnknown, 404, "gate_unknown"),
        (Stage::Forbidden, 403, "forbidden"),
    ];
    for (stage, expected, word) in table {
        let rig = rig(stage.clone()).await;
        let posts = [
            (
                "/v1/executions/e/gates/n%3A1/decisions",
                r#"{"decision_id":"d","gate_version":1,"option_id":"approve"}"#,
            ),
            ("/v1/executions/e/commands", r#"{"type":"pause_execution","command_id":"c"}"#),
            ("/v1/commands", r#"{"command_id":"c","workflow_id":"w","input":{}}"#),
        ];
        for (path, text) in posts {
            let answer = rig.ask(&request(&format!("POST {path}"), &[JSON], text)).await;
            assert_eq!(status(&answer), expected, "{path}: {answer}");
            assert_eq!(body(&answer)["stage"], word, "{answer}");
        }
        end(rig).await;
    }
}

#[tokio::test]
async fn what_a_path_does_not_take_is_refused_with_a_reason() {
    let rig = rig(Stage::Recorded).await;
    let decide = "POST /v1/executions/e/gates/n/decisions";
    let command = "POST /v1/executions/e/commands";
    let long = format!(r#"{{"x":"{}"}}"#, "x".repeat(1 << 20));
    let other = r#"{"type":"subscribe"}"#;
    let form = ("content-type", "application/x-www-form-urlencoded");
    let utf8 = ("content-type", "Application/JSON; charset=utf-8");
    let zip = ("content-encoding", "gzip");
    let table: &[(&str, Headers<'_>, &str, u16, &str)] = &[
        ("GET /nothing", &[], "", 404, "not_found"),
        ("GET /v1", &[], "", 404, "not_found"),
        ("POST /v1/executions", &[JSON], "{}", 405, "method_not_allowed"),
        ("DELETE /v1/executions/e", &[], "", 405, "method_not_allowed"),
        ("GE /", &[], "", 405, "method_not_allowed"),
        ("GET /v1/commands", &[], "", 405, "method_not_allowed"),
        (decide, &[], "{}", 415, "unsupported_media_type"),
        (decide, &[form], "{}", 415, "unsupported_media_type"),
        (decide, &[JSON, zip], "{}", 415, "unsupported_media_type"),
        (decide, &[JSON], &long, 413, "too_large"),
        (decide, &[utf8], "{", 400, "bad_json"),
        (decide, &[JSON], "[]", 400, "not_an_object"),
        (command, &[JSON], "{}", 400, "missing_field"),
        (command, &[JSON], other, 400, "wrong_type"),
    ];
    for (line, headers, text, expected, code) in table {
        let answer = rig.ask(&request(line, headers, text)).await;
        assert_eq!(status(&answer), *expected, "{line}: {answer}");
        assert_eq!(body(&answer)["code"], *code, "{line}: {answer}");
        assert_eq!(answer.contains("\r\nallow: "), *expected == 405, "{answer}");
    }
    end(rig).await;
}

#[tokio::test]
async fn browsers_are_told_to_be_strict() {
    let rig = rig(Stage::Recorded).await;
    let page = rig.ask(&request("GET /", &[("accept-encoding", "identity")], "")).await;
    assert_eq!(status(&page), 200);
    let words = [
        "content-type: text/html; charset=utf-8",
        "default-src 'none'",
        "connect-src 'self'",
        "frame-ancestors 'none'",
        "base-uri 'none'",
        "x-content-type-options: nosniff",
        "referrer-policy: no-referrer",
        "cache-control: no-store",
        "cross-origin-opener-policy: same-origin",
        "cross-origin-resource-policy: same-origin",
        "<!doctype html>",
    ];
    for word in words {
        assert!(page.contains(word), "{word}: {page}");
    }
    let zipped = say_zipped(&rig).await;
    assert!(zipped.contains("content-encoding: gzip"), "{zipped}");

    // Another origin may read only what the operator lets it.
    let other = [("host", "localhost:1"), ("origin", "https://ops.example")];
    let shared = rig.ask(&request("GET /v1/executions", &other, "")).await;
    assert!(shared.contains("access-control-allow-origin: https://ops.example"), "{shared}");
    let asked = rig.ask(&request("OPTIONS /v1/commands", &other, "")).await;
    assert_eq!(status(&asked), 200);
    assert!(asked.contains("access-control-allow-methods: GET, POST"), "{asked}");
    let own = [("host", "localhost:1"), ("origin", "http://localhost:1")];
    let own = rig.ask(&request("GET /v1/executions", &own, "")).await;
    assert!(!own.contains("access-control"), "{own}");
    end(rig).await;
}

/// The head alone: the body is no text.
async fn say_zipped(rig: &Rig) -> String {
    rig.ask(&request("HEAD /", &[("accept-encoding", "gzip")], "")).await
}
