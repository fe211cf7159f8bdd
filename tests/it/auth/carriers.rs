//! A5 to A11, W6 to W8: in what a token may come, what is answered, and that two are one too many.

use serde_json::json;
use tokio_tungstenite::tungstenite::Error;

use super::mint::*;
use super::stand::Stand;

const JSON: (&str, &str) = ("content-type", "application/json");

/// The status with which somebody was refused, or 101.
fn refused<T>(answer: Result<T, Error>) -> u16 {
    match answer {
        Err(Error::Http(response)) => response.status().as_u16(),
        Err(other) => panic!("{other}"),
        Ok(_) => 101,
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a10_each_way_lets_in_and_two_at_once_do_not() {
    let stand = Stand::start(&[]).await;
    let token = stand.token("ada", &["decider"], 600);
    let (bearer, offer) = (format!("Bearer {token}"), format!("footplate.v1, bearer.{token}"));
    let header = ("authorization", bearer.as_str());
    let key = ("x-api-key", token.as_str());
    let protocol = ("sec-websocket-protocol", offer.as_str());
    let query = format!("?token={token}");
    // Requests.
    assert_eq!(stand.asks("GET /v1/executions", &[]).await.0, 401);
    assert_eq!(stand.asks("GET /v1/executions", &[header]).await.0, 200);
    assert_eq!(stand.asks("GET /v1/executions", &[key]).await.0, 200);
    assert_eq!(stand.asks("GET /v1/executions", &[header, key]).await.0, 400);
    assert_eq!(stand.asks("GET /v1/executions", &[header, header]).await.0, 400);
    let (status, told) = stand.asks(&format!("GET /v1/executions{query}"), &[]).await;
    assert_eq!((status, &told["code"]), (400, &json!("token_in_address")));
    for open in ["GET /livez", "GET /readyz", "GET /"] {
        assert_eq!(stand.ask(open, &[], "").await.0, 200, "{open} is nobody's in particular");
    }
    // Native.
    for headers in [&[header][..], &[key], &[protocol]] {
        let (mut socket, _) = stand.open("/v1/stream", headers).await.unwrap();
        let welcome = socket.hears().await.unwrap();
        assert_eq!(welcome["principal"]["subject"], "ada");
        assert_eq!(welcome["roles"], json!(["viewer", "decider"]));
    }
    for headers in [&[header, key][..], &[header, protocol], &[key, protocol]] {
        assert_eq!(refused(stand.open("/v1/stream", headers).await), 400);
    }
    assert_eq!(refused(stand.open(&format!("/v1/stream{query}"), &[]).await), 400);
    // The others: their clients put it into the address.
    for path in [
        "/api/dags/x1/stream",
        "/ws/executions/x1",
        "/api/ws/executions/x1",
        "/ws/x1",
        "/api/v1/ws",
    ] {
        let executions = path.contains("executions");
        let (mut socket, _) = stand.open(&format!("{path}{query}"), &[]).await.unwrap();
        socket.says(&json!({ "type": "ping" })).await;
        assert!(socket.hears().await.is_ok(), "{path}");
        let twice = stand.open(&format!("{path}{query}"), &[header]).await;
        let again = stand.open(&format!("{path}{query}&token={token}"), &[]).await;
        if executions {
            assert_eq!(twice.unwrap().0.ends().await, 4001, "{path}");
            assert_eq!(again.unwrap().0.ends().await, 4001, "{path}");
        } else {
            assert_eq!((refused(twice), refused(again)), (400, 400), "{path}");
        }
        // None, and a bad one: executions' clients take a refusal for a log-out.
        let bad = stand.open(&format!("{path}?token=nobodys.to.ken"), &[]).await;
        let none = stand.open(path, &[]).await;
        if path == "/api/v1/ws" {
            assert_eq!(refused(bad), 401);
            let mut socket = none.unwrap().0;
            socket.says(&json!({ "type": "subscribe", "resource": "execution", "id": "x1" })).await;
            assert_eq!(socket.hears().await.unwrap()["code"], "UNAUTHORIZED");
            socket.says(&json!({ "type": "authenticate", "token": token })).await;
            assert_eq!(socket.hears().await.unwrap()["user_id"], "ada");
        } else {
            assert_eq!(bad.unwrap().0.ends().await, 4001, "{path}");
            assert_eq!(none.unwrap().0.ends().await, 4001, "{path}");
        }
    }
    stand.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a8_a_token_among_the_subprotocols_is_not_given_back() {
    let stand = Stand::start(&[]).await;
    let offer = format!("footplate.v1, bearer.{}", stand.token("ada", &["viewer"], 600));
    for path in ["/v1/stream", "/api/dags/x1/stream", "/ws/executions/x1"] {
        let (_, response) = stand.open(path, &[("sec-websocket-protocol", &offer)]).await.unwrap();
        assert_eq!(response.headers()["sec-websocket-protocol"], "footplate.v1", "{path}");
        assert!(!format!("{response:?}").contains("bearer."), "{path}");
    }
    stand.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a9_a_stranger_has_one_message() {
    let stand = Stand::start(&[]).await;
    let mut ends = vec![];
    for first in [
        json!({ "type": "authenticate", "token": "bad" }),
        json!({ "type": "authenticate", "token": stand.token("ada", &["viewer"], -60) }),
        json!({ "type": "authenticate", "token": Pair::new(footplate::auth::Alg::Es256).token(&json!({}), &claims()) }),
        json!({ "type": "subscribe", "execution_id": "x1" }),
        json!({ "type": "ping" }),
        json!("x"),
    ] {
        let (mut socket, _) = stand.open("/v1/stream", &[]).await.unwrap();
        socket.says(&first).await;
        let told = socket.hears().await.unwrap();
        assert_eq!(
            (&told["type"], &told["code"]),
            (&json!("error"), &json!("unauthenticated")),
            "{first}"
        );
        ends.push((told["message"].clone(), socket.ends().await));
    }
    assert!(ends.iter().all(|it| it.1 == 4401), "{ends:?}");
    assert!(
        ends[0] == ends[1] && ends[1] == ends[2],
        "the same for every token that does not count"
    );
    // Too long to be one.
    let (mut socket, _) = stand.open("/v1/stream", &[]).await.unwrap();
    socket.says(&json!({ "type": "authenticate", "token": "x".repeat(1 << 20) })).await;
    assert_eq!(socket.ends().await, 1009);
    // And then it is somebody, who may say more at a time.
    let (mut socket, _) = stand.open("/v1/stream", &[]).await.unwrap();
    socket
        .says(&json!({ "type": "authenticate", "token": stand.token("ada", &["viewer"], 600) }))
        .await;
    assert_eq!(socket.hears().await.unwrap()["type"], "welcome");
    socket.says(&json!({ "type": "pause_execution", "command_id": "c", "execution_id": "x1", "reason": "x".repeat(10_000) })).await;
    assert_eq!(socket.hears().await.unwrap()["type"], "receipt");
    // Another token of the same person's; and then one of somebody else's.
    socket
        .says(&json!({ "type": "refresh", "token": stand.token("ada", &["decider"], 900) }))
        .await;
    let refreshed = socket.hears().await.unwrap();
    assert!(
        refreshed["type"] == "refreshed" && refreshed["expires_time"].is_string(),
        "{refreshed}"
    );
    socket.says(&json!({ "type": "refresh", "token": stand.token("bob", &["admin"], 900) })).await;
    assert_eq!(socket.ends().await, 4401);
    stand.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a7_a_ticket_opens_one_connection_of_one_page() {
    let stand = Stand::start(&["--allow-origin", "https://ops.example"]).await;
    let bearer = format!("Bearer {}", stand.token("ada", &["viewer"], 600));
    let (header, page) = (("authorization", bearer.as_str()), ("origin", "https://ops.example"));
    assert_eq!(stand.ask("POST /v1/tickets", &[page], "").await.0, 401);
    let ticket = async || {
        let (status, told) = stand.asks("POST /v1/tickets", &[header, page]).await;
        assert_eq!((status, &told["expires_in_ms"]), (201, &json!(30_000)));
        let ticket = told["ticket"].as_str().unwrap();
        crate::watch::know(ticket);
        format!("?ticket={ticket}")
    };
    for path in ["/v1/stream", "/api/dags/x1/stream", "/ws/x1"] {
        let path = format!("{path}{}", ticket().await);
        let (mut socket, _) = stand.open(&path, &[page]).await.unwrap();
        assert!(socket.hears().await.is_ok());
        // It was used; and elsewhere it is none.
        for (path, headers) in
            [(path.clone(), &[page][..]), (format!("/v1/stream{}", ticket().await), &[])]
        {
            let code = stand.open(&path, headers).await.unwrap().0.ends().await;
            assert!([4001, 4401].contains(&code), "{path}: {code}");
        }
    }
    // Of two that come at once one is let in.
    let path = format!("/v1/stream{}", ticket().await);
    let (headers, again) = ([page], path.clone());
    let (one, two) = tokio::join!(stand.open(&path, &headers), stand.open(&again, &headers));
    let (mut one, mut two) = (one.unwrap().0, two.unwrap().0);
    let first = (one.hears().await, two.hears().await);
    let welcome =
        |it: &Result<serde_json::Value, u16>| it.as_ref().is_ok_and(|it| it["type"] == "welcome");
    assert_eq!([&first.0, &first.1].into_iter().filter(|it| welcome(it)).count(), 1, "{first:?}");
    // It is no token anywhere else.
    let (status, _) = stand.asks(&format!("GET /v1/executions{}", ticket().await), &[]).await;
    assert_eq!(status, 401);
    stand.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn w8_a_cookie_counts_for_windags_alone_and_only_on_a_page_of_ours() {
    let stand = Stand::start(&[]).await;
    let bearer = format!("Bearer {}", stand.token("ada", &["viewer"], 600));
    let (status, answer) =
        stand.ask("POST /v1/session", &[("authorization", &bearer), JSON], "").await;
    assert_eq!(status, 204, "{answer}");
    let line = answer.lines().find(|it| it.starts_with("set-cookie: ")).unwrap();
    let set = line.strip_prefix("set-cookie: ").unwrap();
    for part in [
        "__Host-footplate=",
        "; Path=/",
        "; Secure",
        "; HttpOnly",
        "; SameSite=Strict",
        "; Max-Age=",
    ] {
        assert!(set.contains(part), "{set}");
    }
    assert!(!set.contains("Domain"));
    let cookie = set.split(';').next().unwrap();
    let own = format!("http://localhost:{}", stand.port());
    let (cookie, own) = (("cookie", cookie), ("origin", own.as_str()));
    let (mut socket, _) = stand.open("/api/dags/x1/stream", &[cookie, own]).await.unwrap();
    socket.says(&json!({ "type": "ping" })).await;
    assert!(socket.hears().await.is_ok());
    // From nowhere in particular, from elsewhere, beside a token.
    assert_eq!(stand.open("/api/dags/x1/stream", &[cookie]).await.unwrap().0.ends().await, 4001);
    let foreign = ("origin", "https://evil.example");
    assert_eq!(refused(stand.open("/api/dags/x1/stream", &[cookie, foreign]).await), 403);
    let both = [cookie, own, ("authorization", bearer.as_str())];
    assert_eq!(refused(stand.open("/api/dags/x1/stream", &both).await), 400);
    // No other protocol takes it, and no request.
    assert_eq!(stand.open("/ws/x1", &[cookie, own]).await.unwrap().0.ends().await, 4001);
    assert_eq!(stand.asks("GET /v1/executions", &[cookie]).await.0, 401);
    stand.end().await;
}
