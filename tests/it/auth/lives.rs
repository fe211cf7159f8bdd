//! A11, A12: tokens end while their holders are connected, and are revoked.

use std::time::{Duration, Instant};

use footplate::auth::Pass;
use footplate::shard::Message;
use serde_json::json;
use std::sync::Arc;

use super::bench::{Bench, Book, ROLES, pass, protocols};
use super::mint::now;
use super::stand::Stand;

fn ending(seconds: u64) -> Pass {
    Pass { expires: Some(now().after(Duration::from_secs(seconds))), ..pass(ROLES[3]) }
}

#[tokio::test(start_paused = true)]
async fn a11_a_token_ends_and_so_does_its_connection() {
    for (dialect, in_path, _) in protocols() {
        let mut bench = Bench::start().await;
        let began = tokio::time::Instant::now();
        let mut client = bench.come(dialect, in_path.then_some("x1"), Some(ending(100))).await;
        let code = loop {
            match client.hears().await {
                Ok(told) if told["type"] == "token_expiring" => {
                    assert_eq!(began.elapsed().as_secs(), 40, "a minute before");
                }
                Ok(_) => {}
                Err(code) => break code,
            }
        };
        let expected = if ["native", "nebula"].contains(&dialect.name()) { 4401 } else { 4001 };
        assert_eq!((code, began.elapsed().as_secs()), (expected, 100), "{}", dialect.name());
    }
}

#[tokio::test(start_paused = true)]
async fn a11_a_refreshed_token_goes_on_and_what_it_may_not_see_is_gone() {
    let narrow = super::bench::limited(ROLES[1], &["q*"]);
    let next = Pass { expires: Some(now().after(Duration::from_secs(1_000))), ..pass(ROLES[1]) };
    let other = Pass::of(footplate::model::Principal {
        tenant: Some("other".into()),
        ..(*next.principal).clone()
    });
    let known = vec![("next", next), ("narrow", narrow), ("other", other)];
    let book = Arc::new(Book { known, ..Book::default() });
    let mut bench = Bench::with(book).await;
    let native = protocols()[0].0;
    let mut client = bench.come(native, None, Some(ending(100))).await;
    client.says(&json!({ "type": "subscribe", "execution_id": "x1" })).await;
    client.awaits("snapshot").await;
    client.awaits("token_expiring").await;
    client.says(&json!({ "type": "refresh", "token": "next" })).await;
    assert!(client.awaits("refreshed").await["expires_time"].is_string());
    // It was an operator, and is a viewer now.
    client
        .says(&json!({ "type": "pause_execution", "command_id": "c1", "execution_id": "x1" }))
        .await;
    assert_eq!(client.awaits("receipt").await["stage"], "forbidden");
    tokio::time::advance(Duration::from_secs(200)).await;
    bench.input("l1 says x1 4 log still").await;
    assert_eq!(client.awaits("log").await["message"], "still");
    client.says(&json!({ "type": "refresh", "token": "narrow" })).await;
    client.awaits("refreshed").await;
    assert_eq!(client.awaits("error").await["code"], "not_found");
    bench.input("l1 says x1 5 log hidden").await;
    let (told, code) = client.settles(&bench).await;
    assert!(code.is_none() && told.iter().all(|it| it["type"] != "log"), "{told:?}");
    // The same name in another tenant is another person.
    client.says(&json!({ "type": "refresh", "token": "other" })).await;
    loop {
        if let Err(code) = client.hears().await {
            assert_eq!(code, 4401);
            break;
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a11_what_is_revoked_may_nothing_from_that_instant_on() {
    let book = Arc::new(Book::default());
    let mut bench = Bench::with(Arc::clone(&book) as Arc<_>).await;
    let native = protocols()[0].0;
    let mut client = bench.come(native, None, Some(pass(ROLES[2]))).await;
    client.says(&json!({ "type": "subscribe", "execution_id": "x1" })).await;
    client.awaits("snapshot").await;
    book.revoked.lock().unwrap().push("ada");
    // Nobody has been told yet, and still it does not count.
    client.says(&json!({ "type": "human_decision", "decision_id": "d1", "execution_id": "x1", "gate_id": "g1",
        "gate_version": 1, "option_id": "approve" })).await;
    assert_eq!(client.awaits("receipt").await["stage"], "forbidden");
    assert!(Bench::orders(&mut bench.ours).is_empty());
    bench.tell(Message::Reassess).await;
    bench.input("l1 says x1 4 log secret").await;
    loop {
        match client.hears().await {
            Ok(told) => assert_ne!(told["type"], "log", "{told}"),
            Err(code) => {
                assert_eq!(code, 4401);
                break;
            }
        }
    }
}

/// The whole way: a line in a file, and everybody whom it names is gone within a second.
#[tokio::test(flavor = "multi_thread")]
async fn a12_a_line_in_a_file_sends_its_people_away() {
    let stand = Stand::start(&[]).await;
    let token = |who: &str| format!("Bearer {}", stand.token(who, &["viewer"], 600));
    let (ada, bob) = (token("ada"), token("bob"));
    let (mut gone, _) = stand.open("/v1/stream", &[("authorization", &ada)]).await.unwrap();
    let (mut stays, _) = stand.open("/v1/stream", &[("authorization", &bob)]).await.unwrap();
    for socket in [&mut gone, &mut stays] {
        assert_eq!(socket.hears().await.unwrap()["type"], "welcome");
    }
    std::fs::write(stand.folder.path().join("revoked"), "jti ada-1\n").unwrap();
    let since = Instant::now();
    assert_eq!(gone.ends().await, 4401);
    // How long it may take is half a second; how long a busy machine takes is its own affair.
    assert!(since.elapsed() < Duration::from_secs(20));
    assert_eq!(stand.asks("GET /v1/executions", &[("authorization", &ada)]).await.0, 401);
    stays.says(&json!({ "type": "ping" })).await;
    assert_eq!(stays.hears().await.unwrap()["type"], "pong");
    stand.end().await;
}
