//! A whole relay, and who does not belong there: the same forged tokens at every door, too much of one,
//! somebody who may only watch and decides, and what belongs to another tenant.

use std::fs;

use footplate::auth::Alg;
use serde_json::{Value, json};
use tonic::Code;

use super::mint::*;
use super::stand::{NIGHTLY, Stand, WEEKLY};
use crate::whole::gate;

/// As many as a test likes.
const PATIENT: [&str; 2] = ["--max-failed-attempts", "1000000"];

/// One of each kind of token that does not count, and what is wrong with it.
fn forged(stand: &Stand) -> Vec<(&'static str, String)> {
    let now = today();
    let good = || {
        let mut claims = claims_at(now, "mallory", &["admin"]);
        claims["org"] = "acme".into();
        claims
    };
    let sign = |claims: &Value| stand.pair.token(&json!({}), claims);
    let with = |name: &str, value: Value| {
        let mut claims = good();
        claims[name] = value;
        sign(&claims)
    };
    let without = |name: &str| {
        let mut claims = good();
        claims.as_object_mut().unwrap().remove(name);
        sign(&claims)
    };
    let headed = |header: Value| stand.pair.token(&header, &good());
    let whole = sign(&good());
    let [head, claims, signature] = whole.split('.').collect::<Vec<_>>()[..] else { panic!() };
    let unsigned = format!("{}.{claims}", b64(br#"{"alg":"none"}"#));
    let confused = format!("{}.{claims}", b64(br#"{"alg":"HS256"}"#));
    let mac = b64(&mac(stand.pair.pem().as_bytes(), confused.as_bytes()));
    let twice = |text: &str| {
        let plain = good().to_string();
        let body = plain.strip_suffix('}').unwrap();
        stand.pair.raw(r#"{"alg":"ES256"}"#, &format!("{body},{text}}}"))
    };
    vec![
        ("no token at all", "nobody".into()),
        ("none", format!("{unsigned}.")),
        ("none, and signed", format!("{unsigned}.{signature}")),
        ("a public key as a secret", format!("{confused}.{mac}")),
        ("no signature", format!("{head}.{claims}.")),
        ("half a signature", format!("{head}.{claims}.{}", &signature[..40])),
        ("another's key", Pair::new(Alg::Es256).token(&json!({}), &good())),
        ("its own key", {
            let own = Pair::new(Alg::Es256);
            own.token(&json!({ "jwk": own.jwk("own") }), &good())
        }),
        ("padded", format!("{head}=.{claims}=.{signature}=")),
        ("one part too many", format!("{whole}.{signature}")),
        ("crit", headed(json!({ "crit": ["x"], "x": 1 }))),
        ("b64", headed(json!({ "b64": false }))),
        ("zip", headed(json!({ "zip": "DEF" }))),
        ("another type", headed(json!({ "typ": "logout+jwt" }))),
        ("a key's name that is a path", headed(json!({ "kid": "../../etc/passwd" }))),
        ("expired", with("exp", json!(now - 6))),
        ("never expires", without("exp")),
        ("expires as a text", with("exp", json!((now + 600).to_string()))),
        ("expires at 1e300", with("exp", json!(1e300))),
        ("expires before time", with("exp", json!(-1))),
        ("not yet", with("nbf", json!(now + 600))),
        ("issued far ahead", with("iat", json!(now + 86_400))),
        ("another issuer", with("iss", json!("https://id.ехample"))),
        ("nobody's", without("sub")),
        ("for others", with("aud", json!(["others"]))),
        ("for a number", with("aud", json!(7))),
        ("without a tenant", without("org")),
        ("a claim twice", twice(r#""sub":"ada""#)),
        ("too deep", twice(&format!(r#""x":{}1{}"#, "[".repeat(100), "]".repeat(100)))),
    ]
}

/// How each door answers a token: HTTP, a dashboard of ours with it in a header and in its first message,
/// Nebula's, a page that wants a ticket, and the engines' door.
async fn answers(stand: &Stand, token: &str) -> Vec<(&'static str, String)> {
    let bearer = format!("Bearer {token}");
    let shown = [("authorization", bearer.as_str())];
    let plain = |answer: String| {
        let lines = answer.split("\r\n").filter(|it| !it.to_lowercase().starts_with("date:"));
        lines.collect::<Vec<_>>().join("\n")
    };
    let list = plain(stand.ask("GET /v1/executions", &shown, "").await.1);
    let ticket = plain(stand.ask("POST /v1/tickets", &shown, "").await.1);
    let first = json!({ "type": "authenticate", "token": token });
    let mut said = vec![("list", list), ("ticket", ticket)];
    for (name, headers, first) in [("header", &shown[..], None), ("message", &[], Some(&first))] {
        let told = match stand.open("/v1/stream", headers).await {
            Err(refusal) => format!("{refusal}"),
            Ok((mut socket, _)) => {
                if let Some(first) = first {
                    socket.says(first).await;
                }
                let mut told = vec![];
                loop {
                    match socket.hears().await {
                        Ok(message) => told.push(message.to_string()),
                        Err(code) => break told.push(code.to_string()),
                    }
                }
                told.join(" ")
            }
        };
        said.push((name, told));
    }
    let nebula = stand.open(&format!("/api/v1/ws?token={token}"), &[]).await;
    said.push(("nebula", nebula.map(|_| ()).unwrap_err().to_string()));
    let status = stand.publishes(Some(("authorization", bearer.clone())), "x1").await.unwrap_err();
    said.push(("engine", format!("{:?} {}", status.code(), status.message())));
    said
}

#[tokio::test(flavor = "multi_thread")]
async fn a1_every_token_that_does_not_count_hears_the_same_at_every_door() {
    let stand = Stand::start(&PATIENT).await;
    let forged = forged(&stand);
    let expected = answers(&stand, &forged[0].1).await;
    for (name, told) in &expected {
        let right = match *name {
            "list" | "ticket" => told.starts_with("HTTP/1.1 401"),
            "header" => told == "4401",
            "message" => told.contains("unauthenticated") && told.ends_with(" 4401"),
            "nebula" => told.contains("401"),
            _ => told.starts_with("Unauthenticated"),
        };
        assert!(right, "{name}: {told}");
    }
    for (what, token) in &forged[1..] {
        assert_eq!(answers(&stand, token).await, expected, "{what}");
    }
    stand.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a1_a_token_of_a_megabyte_is_turned_away_and_nobody_else_notices() {
    let stand = Stand::start(&[]).await;
    let token = stand.token("ada", &["viewer"], 600);
    let long = format!("{token}{}", "A".repeat(1 << 20));
    let bearer = format!("Bearer {long}");
    for header in [("authorization", bearer.as_str()), ("x-api-key", long.as_str())] {
        assert_eq!(stand.ask("GET /v1/executions", &[header], "").await.0, 431, "{}", header.0);
    }
    let status = stand.ask(&format!("GET /api/v1/ws?token={long}"), &[], "").await.0;
    assert!([414, 431].contains(&status), "{status}");
    let told = stand.publishes(Some(("authorization", bearer.clone())), "x1").await.unwrap_err();
    assert_ne!(told.code(), Code::Ok, "{told:?}");
    // As a message of somebody who may say so much.
    let bearer = format!("Bearer {token}");
    let (mut socket, _) = stand.open("/v1/stream", &[("authorization", &bearer)]).await.unwrap();
    assert_eq!(socket.hears().await.unwrap()["type"], "welcome");
    socket.says(&json!({ "type": "refresh", "token": &long[..1_000_000] })).await;
    assert_eq!(socket.hears().await.unwrap()["code"], "bad_field", "it is no token at all");
    socket.says(&json!({ "type": "ping" })).await;
    assert_eq!(socket.hears().await.unwrap()["type"], "pong", "and changes nothing");
    assert_eq!(stand.ask("GET /v1/executions", &[("authorization", &bearer)], "").await.0, 200);
    stand.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn z2_who_may_only_watch_and_decides_is_refused_and_it_is_written_down() {
    let folder = tempfile::TempDir::new().unwrap();
    let audit = folder.path().join("audit").display().to_string();
    let stand = Stand::start(&["--audit", &audit]).await;
    let key = Some(("x-api-key", NIGHTLY.to_owned()));
    stand.publishes_these(key, "x1", vec![gate("g")]).await.unwrap();
    let path = "POST /v1/executions/x1/gates/g/decisions";
    let ask =
        |id: &str| format!(r#"{{"decision_id":"{id}","gate_version":1,"option_id":"approve"}}"#);
    let bearer = |who: &str, roles: &[&str]| format!("Bearer {}", stand.token(who, roles, 600));
    let json = ("content-type", "application/json");
    for (n, roles) in [&["viewer"][..], &["engine"], &[]].into_iter().enumerate() {
        let (bearer, id) = (bearer("eve", roles), format!("d{n}"));
        let shown = [("authorization", bearer.as_str()), json];
        let (status, answer) = stand.ask(path, &shown, &ask(&id)).await;
        let sees = roles.contains(&"viewer");
        assert_eq!(status, if sees { 403 } else { 404 }, "{roles:?}: {answer}");
        // And over a WebSocket.
        let (mut socket, _) = stand.open("/v1/stream", &shown[..1]).await.unwrap();
        assert_eq!(socket.hears().await.unwrap()["type"], "welcome");
        socket
            .says(
                &json!({ "type": "human_decision", "decision_id": format!("{id}-ws"), "execution_id": "x1",
                "gate_id": "g", "gate_version": 1, "option_id": "approve" }),
            )
            .await;
        let told = socket.hears().await.unwrap();
        assert_eq!(told["stage"], if sees { "forbidden" } else { "gate_unknown" }, "{told}");
    }
    // The gate is as open as it was.
    let ada = bearer("ada", &["decider"]);
    let (status, answer) = stand.ask(path, &[("authorization", &ada), json], &ask("d9")).await;
    assert!([200, 202].contains(&status), "{answer}");
    stand.end().await;
    let lines: Vec<Value> = fs::read_to_string(&audit)
        .unwrap()
        .lines()
        .map(|it| serde_json::from_str(it).unwrap())
        .collect();
    for id in ["d0", "d0-ws"] {
        let line = lines
            .iter()
            .find(|it| it["decision_id"] == *id)
            .unwrap_or_else(|| panic!("nothing is written down of {id}: {lines:?}"));
        assert_eq!(
            (&line["outcome"], &line["principal"]["subject"]),
            (&json!("forbidden"), &json!("eve"))
        );
    }
    let by_ada = lines.iter().any(|it| it["decision_id"] == "d9" && it["kind"] == "resolved");
    assert!(by_ada, "{lines:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn z1_what_is_another_tenants_is_answered_as_what_is_nobodys() {
    let stand = Stand::start(&PATIENT).await;
    stand.publishes(Some(("x-api-key", WEEKLY.to_owned())), "y1").await.unwrap();
    let bearer = format!("Bearer {}", stand.token("ada", &["admin"], 600));
    let shown = [("authorization", bearer.as_str()), ("content-type", "application/json")];
    let decision = r#"{"decision_id":"d","gate_version":1,"option_id":"approve"}"#;
    let command = r#"{"command_id":"c","type":"pause_execution"}"#;
    for (line, text) in [
        ("GET /v1/executions/NAME", ""),
        ("GET /v1/executions/NAME/records", ""),
        ("POST /v1/executions/NAME/gates/g/decisions", decision),
        ("POST /v1/executions/NAME/commands", command),
    ] {
        let mut answers = vec![];
        for name in ["y1", "n1"] {
            let (_, answer) = stand.ask(&line.replace("NAME", name), &shown, text).await;
            let same = answer.split("\r\n").filter(|it| !it.to_lowercase().starts_with("date:"));
            let same: Vec<String> = same.map(|it| it.replace(name, "NAME")).collect();
            answers.push(same);
        }
        assert_eq!(answers[0], answers[1], "{line}");
        assert!(answers[0][0].starts_with("HTTP/1.1 4"), "{line}: {:?}", answers[0]);
    }
    stand.end().await;
}
