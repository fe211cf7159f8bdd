//! W5, F3, I2 over real sockets: who has too much is told so in the way that it came, learns nothing by
//! it, and has it again once there is room.

use std::time::Duration;

use footplate::config::{BoundFlags, Flags, TokenFlags};
use footplate::engine::pb::LaneErrorCode;
use http::Response;
use serde_json::json;
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_tungstenite::tungstenite::Error;

use super::mint::*;
use super::stand::{NIGHTLY, Socket, Stand, WEEKLY};
use crate::edge::rig::{Headers, say, status};
use crate::whole::LONG;

fn bearer(token: &str) -> String {
    format!("Bearer {token}")
}

/// A token of a tenant's.
fn token_of(stand: &Stand, tenant: &str, who: &str) -> String {
    let mut claims = claims_at(today(), who, &["viewer"]);
    claims["org"] = tenant.into();
    stand.pair.token(&json!({}), &claims)
}

/// The answer of somebody who is not let in.
async fn refused(stand: &Stand, headers: Headers<'_>) -> Response<Option<Vec<u8>>> {
    match stand.open("/v1/stream", headers).await {
        Err(Error::Http(response)) => *response,
        Err(other) => panic!("{other}"),
        Ok(_) => panic!("it was let in"),
    }
}

/// Tries until there is room: what has gone is noticed when its connection is.
async fn opened(stand: &Stand, headers: Headers<'_>) -> Socket {
    let tries = async {
        loop {
            if let Ok((socket, _)) = stand.open("/v1/stream", headers).await {
                return socket;
            }
        }
    };
    timeout(LONG, tries).await.expect("there is room again")
}

#[tokio::test(flavor = "multi_thread")]
async fn w5_one_connection_too_many_of_a_person_is_told_to_come_back() {
    let stand = Stand::start(&["--max-connections-per-principal", "2"]).await;
    let (token, other) =
        (stand.token("ada", &["viewer"], 600), stand.token("ada", &["admin"], 900));
    let (shown, again) = (bearer(&token), bearer(&other));
    let header = ("authorization", shown.as_str());
    let (mut one, _) = stand.open("/v1/stream", &[header]).await.unwrap();
    assert_eq!(one.hears().await.unwrap()["type"], "welcome");
    let (mut two, _) = stand.open("/v1/stream", &[]).await.unwrap();
    two.says(&json!({ "type": "authenticate", "token": other })).await;
    assert_eq!(two.hears().await.unwrap()["type"], "welcome");
    // In any way that there is.
    for headers in [&[header][..], &[("authorization", again.as_str())]] {
        let answer = refused(&stand, headers).await;
        assert_eq!(
            (answer.status().as_u16(), &answer.headers()["retry-after"]),
            (429, &"5".parse().unwrap())
        );
        let body = String::from_utf8(answer.into_body().unwrap_or_default()).unwrap();
        assert!(body.contains("too_many_connections"), "{body}");
    }
    let (mut three, _) = stand.open("/v1/stream", &[]).await.unwrap();
    three.says(&json!({ "type": "authenticate", "token": token })).await;
    assert_eq!(three.hears().await, Err(1013));
    assert_eq!(stand.asks("GET /v1/executions", &[header]).await.0, 429);
    assert_eq!(stand.relay.app.metrics.too_much_refused.of("principal").get(), 4);
    // A refreshed token takes no further place; somebody else has places of their own.
    two.says(&json!({ "type": "refresh", "token": token })).await;
    assert_eq!(two.hears().await.unwrap()["type"], "refreshed");
    let bob = bearer(&stand.token("bob", &["viewer"], 600));
    assert_eq!(stand.asks("GET /v1/executions", &[("authorization", &bob)]).await.0, 200);
    drop(one);
    let mut four = opened(&stand, &[header]).await;
    assert_eq!(four.hears().await.unwrap()["type"], "welcome");
    drop((two, four));
    let (mut five, mut six) = (opened(&stand, &[header]).await, opened(&stand, &[header]).await);
    assert!(five.hears().await.is_ok() && six.hears().await.is_ok());
    stand.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn w5_one_connection_too_many_of_a_tenant_is_told_to_come_back() {
    let stand = Stand::start(&["--max-connections-per-tenant", "2"]).await;
    let shown = |tenant: &str, who: &str| bearer(&token_of(&stand, tenant, who));
    let (ada, bob, cyd) = (shown("acme", "ada"), shown("acme", "bob"), shown("acme", "cyd"));
    let (one, _) = stand.open("/v1/stream", &[("authorization", &ada)]).await.unwrap();
    let (two, _) = stand.open("/v1/stream", &[("authorization", &bob)]).await.unwrap();
    assert_eq!(refused(&stand, &[("authorization", &cyd)]).await.status(), 429);
    let eve = shown("other", "eve");
    drop(stand.open("/v1/stream", &[("authorization", &eve)]).await.unwrap());
    drop(one);
    let three = opened(&stand, &[("authorization", &cyd)]).await;
    assert_eq!(stand.relay.app.metrics.too_much_refused.of("principal").get(), 0);
    drop((two, three));
    stand.end().await;
}

/// Whoever shows nothing keeps nobody out who does.
#[tokio::test(flavor = "multi_thread")]
async fn w5_strangers_have_room_of_their_own() {
    let stand = Stand::start(&["--max-strangers", "2"]).await;
    let token = stand.token("ada", &["viewer"], 600);
    let shown = bearer(&token);
    let header = [("authorization", shown.as_str())];
    // Who is known makes room for others.
    let mut known = vec![];
    for _ in 0..4 {
        let (mut socket, _) = stand.open("/v1/stream", &header).await.unwrap();
        assert_eq!(socket.hears().await.unwrap()["type"], "welcome");
        known.push(socket);
    }
    let (mut one, _) = stand.open("/v1/stream", &[]).await.unwrap();
    let (two, _) = stand.open("/v1/stream", &[]).await.unwrap();
    // It is told before it has said anything.
    let stream = TcpStream::connect(("127.0.0.1", stand.port())).await.unwrap();
    let answer = say(stream, "").await;
    assert!(status(&answer) == 503 && answer.contains("retry-after: 5"), "{answer}");
    assert_eq!(stand.relay.app.metrics.connections_refused.of("strangers").get(), 1);
    one.says(&json!({ "type": "authenticate", "token": token })).await;
    assert_eq!(one.hears().await.unwrap()["type"], "welcome");
    let (three, _) = stand.open("/v1/stream", &[]).await.unwrap();
    drop((known, one, two, three));
    stand.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn w5_behind_a_proxy_sixty_of_one_address_fit_once_they_are_known() {
    let stand = Stand::start(&["--trusted-hops", "1"]).await;
    let shown = bearer(&stand.token("ada", &["viewer"], 600));
    let (from, header) = (("x-forwarded-for", "10.0.0.1"), ("authorization", shown.as_str()));
    let mut open = vec![];
    for _ in 0..60 {
        open.push(stand.open("/v1/stream", &[from, header]).await.unwrap().0);
    }
    let mut strangers = vec![];
    for _ in 0..20 {
        strangers.push(stand.open("/v1/stream", &[from]).await.unwrap().0);
    }
    assert_eq!(refused(&stand, &[from]).await.status(), 429);
    drop(stand.open("/v1/stream", &[from, header]).await.unwrap());
    drop(stand.open("/v1/stream", &[("x-forwarded-for", "10.0.0.2")]).await.unwrap());
    let token = stand.token("bob", &["viewer"], 600);
    strangers[7].says(&json!({ "type": "authenticate", "token": token })).await;
    assert_eq!(strangers[7].hears().await.unwrap()["type"], "welcome");
    drop(stand.open("/v1/stream", &[from]).await.unwrap());
    drop((open, strangers));
    stand.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn f3_who_shows_too_much_that_is_nobodys_is_told_so_and_locks_nobody_out() {
    let stand = Stand::start(&["--trusted-hops", "1", "--max-failed-attempts", "8"]).await;
    let (ada, late) = (stand.token("ada", &["viewer"], 600), stand.token("ada", &["viewer"], -60));
    let shown = bearer(&ada);
    let (from, good) = (("x-forwarded-for", "10.0.0.1"), ("authorization", shown.as_str()));
    let (bad, late) = (("authorization", "Bearer nobodys.to.ken"), bearer(&late));
    // What counts, or has once counted, and nothing at all are no guesses.
    for _ in 0..20 {
        assert_eq!(stand.asks("GET /v1/executions", &[from, good]).await.0, 200);
        assert_eq!(
            stand.asks("GET /v1/executions", &[from, ("authorization", &late)]).await.0,
            401
        );
        assert_eq!(stand.asks("GET /v1/executions", &[from]).await.0, 401);
    }
    // All ways count for the same: a message, a ticket, requests. One comes back each second meanwhile.
    let (mut socket, _) = stand.open("/v1/stream", &[from]).await.unwrap();
    socket.says(&json!({ "type": "authenticate", "token": "nobodys.to.ken" })).await;
    assert_eq!(socket.ends().await, 4401);
    assert_eq!(stand.open("/v1/stream?ticket=none", &[from]).await.unwrap().0.ends().await, 4401);
    let (mut failed, mut told) = (0, (401, json!(null)));
    while told.0 == 401 {
        failed += 1;
        assert!(failed < 10_000, "they never run out");
        told = stand.asks("GET /v1/executions", &[from, bad]).await;
    }
    assert!(7 <= failed, "{failed} after two others");
    assert_eq!((told.0, &told.1["code"]), (429, &json!("too_many_attempts")));
    // The right one is let in all the same, by every way.
    assert_eq!(stand.asks("GET /v1/executions", &[from, good]).await.0, 200);
    let (mut socket, _) = stand.open("/v1/stream", &[from]).await.unwrap();
    socket.says(&json!({ "type": "authenticate", "token": ada })).await;
    assert_eq!(socket.hears().await.unwrap()["type"], "welcome");
    // Other addresses have not noticed.
    let other = ("x-forwarded-for", "10.0.0.2");
    assert_eq!(stand.asks("GET /v1/executions", &[other, bad]).await.0, 401);
    // In a message: closed, and with another word. One comes back each second.
    let mut code = 4401;
    while code == 4401 {
        while stand.asks("GET /v1/executions", &[from, bad]).await.0 == 401 {}
        let (mut next, _) = stand.open("/v1/stream", &[from]).await.unwrap();
        next.says(&json!({ "type": "authenticate", "token": "nobodys.to.ken" })).await;
        code = next.ends().await;
    }
    assert_eq!(code, 1013);
    assert!(stand.relay.app.metrics.too_much_refused.of("attempts").get() > 1);
    stand.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn i2_an_engine_that_has_too_many_is_told_to_try_again() {
    let stand = Stand::start(&["--max-executions-per-engine", "1"]).await;
    let key = |key: &str| Some(("x-api-key", key.to_owned()));
    let error = async |of: &str, execution: &str| {
        let told = stand.publishes(key(of), execution).await.unwrap();
        told.results[0].error.clone().map(|it| (it.code(), it.message))
    };
    assert_eq!(error(NIGHTLY, "x1").await, None);
    let (code, message) = error(NIGHTLY, "x2").await.unwrap();
    assert_eq!(code, LaneErrorCode::Limit);
    assert!(message.contains("this engine"), "{message}");
    assert_eq!(error(WEEKLY, "y1").await, None);
    assert_eq!(error(NIGHTLY, "x1").await, None, "what there is goes on");
    assert_eq!(stand.relay.app.metrics.executions_refused.of("engine").get(), 1);
    stand.end().await;
}

#[test]
fn bounds_are_whole_numbers_and_hold_by_default_where_tokens_count() {
    let faults = |bounds: BoundFlags| match (Flags { bounds, ..Flags::default() }).check() {
        Ok(_) => vec![],
        Err(all) => all.into_iter().map(|it| it.to_string()).collect::<Vec<_>>(),
    };
    for wrong in ["0", "-1", "1.5", "many", "1000001", ""] {
        let it = || Some(wrong.to_owned());
        let said = faults(BoundFlags {
            max_connections_per_address: it(),
            max_strangers: it(),
            max_connections_per_principal: it(),
            max_connections_per_tenant: it(),
            max_subscriptions_per_tenant: it(),
            max_rate_per_principal: it(),
            max_failed_attempts: it(),
            max_executions_per_engine: it(),
            max_executions_per_tenant: it(),
            max_executions_begun: it(),
        });
        assert_eq!(said.len(), 10, "{said:?}");
        assert!(said.iter().all(|it| it.contains("a whole number from 1 to 1000000")), "{said:?}");
    }
    let plain = Flags::default().check().unwrap().bounds;
    assert_eq!(
        (plain.people, plain.of_engine, plain.of_tenant, plain.begun),
        (None, None, None, None)
    );
    let folder = tempfile::TempDir::new().unwrap();
    let pair = Pair::new(footplate::auth::Alg::EdDsa);
    let tokens = TokenFlags {
        auth_keys: vec![written(&folder, "issuer.pem", &pair).display().to_string()],
        auth_issuer: Some(ISSUER.to_owned()),
        auth_audience: vec![AUDIENCE.to_owned()],
        ..TokenFlags::default()
    };
    let bounds = BoundFlags { max_strangers: Some("7".to_owned()), ..BoundFlags::default() };
    let config = Flags { tokens, bounds, ..Flags::default() }.check().unwrap();
    let (bounds, people) = (config.bounds, config.bounds.people.unwrap());
    let numbers = [
        bounds.of_address,
        people.strangers,
        people.of_principal,
        people.of_tenant,
        people.watched_by_tenant,
        people.rate,
        people.attempts,
        bounds.of_engine.unwrap(),
        bounds.of_tenant.unwrap(),
        bounds.begun.unwrap(),
    ];
    assert_eq!(numbers.map(|it| it.get()), [20, 7, 100, 2_000, 10_000, 4, 20, 1_000, 10_000, 200]);
    assert_eq!(
        Duration::from_secs(5).as_secs() * 200,
        1_000,
        "what has been saved is one engine's whole"
    );
}
