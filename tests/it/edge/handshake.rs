//! Hosts, origins, and what it takes to become a WebSocket.

use std::sync::Arc;

use footplate::auth::Pass;
use footplate::auth::verifier::{Invalid, Verifier};
use footplate::dialect::Said;
use footplate::http::caller::{Allowed, Host, Origin};
use footplate::model::Timestamp;
use futures_util::{SinkExt, StreamExt};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::sync::mpsc;
use tokio::time::timeout;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::{Message, protocol::Role};
use tokio_tungstenite::{WebSocketStream, client_async};

use super::rig::{Headers, LONG, Rig, Setup, body, request, status};

const KEY: &str = "dGhlIHNhbXBsZSBub25jZQ==";

/// An upgrade whose headers are these, where they differ from a good one. An empty one is left out.
fn upgrade(line: &str, changes: &[(&str, &str)]) -> String {
    let good = [
        ("host", "localhost"),
        ("connection", "keep-alive, Upgrade"),
        ("upgrade", "WebSocket"),
        ("sec-websocket-version", "13"),
        ("sec-websocket-key", KEY),
    ];
    let mut text = format!("{line}\r\n");
    for (name, value) in good {
        if !changes.iter().any(|(changed, _)| *changed == name) {
            text += &format!("{name}: {value}\r\n");
        }
    }
    for (name, value) in changes.iter().filter(|(_, value)| !value.is_empty()) {
        text += &format!("{name}: {value}\r\n");
    }
    text + "\r\n"
}

/// Sends it, and gives the answer's head and what came with it.
async fn knock(rig: &Rig, text: &str) -> String {
    let mut stream = rig.connect().await;
    stream.write_all(text.as_bytes()).await.unwrap();
    let mut answer = String::new();
    while !answer.contains("\r\n\r\n") {
        let mut part = [0; 4_096];
        let read = timeout(LONG, stream.read(&mut part)).await.expect("it answers").unwrap();
        assert_ne!(read, 0, "it answers before it closes: {answer}");
        answer += std::str::from_utf8(&part[..read]).unwrap();
    }
    answer
}

/// Of executions' dashboards, who is refused before its socket is open logs its user out: it is let in
/// and told. So are all others but those of nebula, whose contract it is.
#[tokio::test]
async fn a_token_that_does_not_count_is_told_on_the_open_socket() {
    #[derive(Debug)]
    struct Nobodys;
    impl Verifier for Nobodys {
        fn verify(&self, _: &str, _: bool, _: Timestamp) -> Result<Pass, Invalid> {
            Err(Invalid::Unknown)
        }

        fn unshown(&self, _: bool) -> Option<Pass> {
            None
        }
    }
    let rig = Rig::start(Setup { verifier: Arc::new(Nobodys), ..Setup::default() }).await;
    let bad = ("authorization", "Bearer nobody's");
    for (path, expected) in [
        ("/ws/executions/x1", 101),
        ("/api/ws/executions/x1", 101),
        ("/api/dags/x1/stream", 101),
        ("/ws/x1", 101),
        ("/api/v1/ws", 401),
    ] {
        let plain = knock(&rig, &upgrade(&format!("GET {path}?token=nobodys HTTP/1.1"), &[])).await;
        let header = knock(&rig, &upgrade(&format!("GET {path} HTTP/1.1"), &[bad])).await;
        assert_eq!((status(&plain), status(&header)), (expected, expected), "{path}");
        // Whoever it is, a foreign page comes no further.
        let foreign = [bad, ("origin", "https://evil.example")];
        let foreign = knock(&rig, &upgrade(&format!("GET {path} HTTP/1.1"), &foreign)).await;
        assert_eq!(status(&foreign), 403, "{path}");
    }
    rig.end().await;
}

#[tokio::test]
async fn hosts_and_origins() {
    let rig = Rig::start(Setup {
        allowed: Allowed {
            hosts: vec![
                Host::parse("relay.example").unwrap(),
                Host::parse("other.example:8443").unwrap(),
            ],
            origins: vec![Origin::parse("https://ops.example").unwrap()],
            ..Allowed::default()
        },
        ..Setup::default()
    })
    .await;
    const HOST: &str = "host_not_allowed";
    const ORIGIN: &str = "origin_not_allowed";
    let table: &[(&str, Option<&str>, &str)] = &[
        ("localhost:8000", None, ""),
        ("LOCALHOST", None, ""),
        ("127.0.0.1:8000", None, ""),
        ("[::1]:8000", None, ""),
        ("relay.example", None, ""),
        ("relay.example:9000", None, ""),
        ("other.example:8443", None, ""),
        ("other.example:8444", None, HOST),
        ("other.example", None, HOST),
        ("evil.example", None, HOST),
        ("localhost.evil.example", None, HOST),
        ("localhost.", None, HOST),
        ("evil@localhost", None, HOST),
        ("localhost:", None, HOST),
        ("localhost:99999", None, HOST),
        ("127.0.0.2", None, HOST),
        ("2130706433", None, HOST),
        ("", None, HOST),
        ("localhost:8000", Some("http://localhost:8000"), ""),
        ("localhost", Some("http://localhost"), ""),
        ("localhost:80", Some("http://localhost"), ""),
        ("localhost:8000", Some("https://ops.example"), ""),
        ("localhost:8000", Some("https://ops.example:443"), ""),
        ("localhost:8000", Some("https://localhost:8000"), ORIGIN),
        ("localhost:8000", Some("http://localhost:8001"), ORIGIN),
        ("localhost:8000", Some("http://localhost"), ORIGIN),
        ("localhost:8000", Some("http://127.0.0.1:8000"), ORIGIN),
        ("localhost:8000", Some("null"), ORIGIN),
        ("localhost:8000", Some(""), ORIGIN),
        ("localhost:8000", Some("http://ops.example"), ORIGIN),
        ("localhost:8000", Some("https://ops.example.evil.example"), ORIGIN),
        ("localhost:8000", Some("https://ops.example/"), ORIGIN),
        ("localhost:8000", Some("https://x@ops.example"), ORIGIN),
        ("evil.example", Some("http://evil.example"), HOST),
    ];
    for (host, origin, wrong) in table {
        let mut headers = vec![("host", *host)];
        headers.extend(origin.map(|it| ("origin", it)));
        let plain = rig.ask(&request("GET /livez", &headers, "")).await;
        // An empty host and origin are sent as such.
        let socket: Vec<_> = headers.iter().map(|(name, it)| (*name, format!(" {it}"))).collect();
        let socket: Vec<_> = socket.iter().map(|(name, it)| (*name, it.as_str())).collect();
        let socket = knock(&rig, &upgrade("GET /v1/stream HTTP/1.1", &socket)).await;
        if wrong.is_empty() {
            assert_eq!((status(&plain), status(&socket)), (200, 101), "{host} {origin:?}");
        } else {
            assert_eq!((status(&plain), status(&socket)), (403, 403), "{host} {origin:?}");
            assert_eq!(body(&plain)["code"], *wrong, "{host} {origin:?}");
            assert!(body(&plain)["message"].as_str().unwrap().contains("--allow-"));
        }
    }
    let twice = request("GET /livez", &[("host", "localhost"), ("host", "localhost")], "");
    assert_eq!(status(&rig.ask(&twice).await), 403);
    let none = "GET /livez HTTP/1.1\r\nconnection: close\r\n\r\n";
    assert_eq!(status(&rig.ask(none).await), 403);
    let other = request("GET http://evil.example/livez", &[("host", "localhost")], "");
    assert_eq!(status(&rig.ask(&other).await), 403);
    rig.end().await;
}

#[tokio::test]
async fn what_is_wrong_with_an_upgrade_is_said() {
    let rig = Rig::start(Setup::default()).await;
    let table: &[(&str, Headers<'_>, u16, &str)] = &[
        ("GET", &[], 101, "sec-websocket-accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo="),
        ("GET", &[("upgrade", "h2c, websocket")], 101, ""),
        ("POST", &[], 405, "allow: GET"),
        ("HEAD", &[], 405, "allow: GET"),
        ("GET", &[("connection", "")], 426, "upgrade: websocket"),
        ("GET", &[("connection", "keep-alive")], 426, "upgrade: websocket"),
        ("GET", &[("upgrade", "")], 426, "upgrade: websocket"),
        ("GET", &[("upgrade", "h2c")], 426, "upgrade: websocket"),
        ("GET", &[("sec-websocket-version", "")], 426, "sec-websocket-version: 13"),
        ("GET", &[("sec-websocket-version", "8")], 426, "sec-websocket-version: 13"),
        ("GET", &[("sec-websocket-version", "13, 8")], 426, "sec-websocket-version: 13"),
        ("GET", &[("sec-websocket-key", "")], 400, "websocket_key"),
        ("GET", &[("sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ")], 400, "websocket_key"),
        ("GET", &[("sec-websocket-key", "dG9vIHNob3J0")], 400, "websocket_key"),
        ("GET", &[("sec-websocket-key", "dGhlIHNhbXBsZSBub25jZSE=")], 400, "websocket_key"),
        ("GET", &[("sec-websocket-key", "!!!!!!!!!!!!!!!!!!!!!!==")], 400, "websocket_key"),
        ("GET", &[("sec-websocket-key", KEY), ("sec-websocket-key", KEY)], 400, "websocket_key"),
        ("GET", &[("content-length", "5")], 400, "unexpected_body"),
        ("GET", &[("transfer-encoding", "chunked")], 400, "unexpected_body"),
    ];
    for (method, changes, expected, word) in table {
        for path in ["/v1/stream", "/api/dags/a/stream"] {
            let line = format!("{method} {path} HTTP/1.1");
            let answer = knock(&rig, &upgrade(&line, changes)).await;
            assert_eq!(status(&answer), *expected, "{method} {changes:?}: {answer}");
            assert!(answer.contains(word), "{method} {changes:?}: {answer}");
        }
    }
    let old = knock(&rig, &upgrade("GET /v1/stream HTTP/1.0", &[])).await;
    assert!(old.starts_with("HTTP/1.0 400") && old.contains("http_version"), "{old}");
    rig.end().await;
}

#[tokio::test]
async fn our_subprotocol_is_answered_and_never_required() {
    let rig = Rig::start(Setup::default()).await;
    let table: &[(&str, &str, bool)] = &[
        ("/v1/stream", "footplate.v1", true),
        ("/v1/stream", "other, footplate.v1", true),
        ("/v1/stream", "footplate.v2", false),
        ("/v1/stream", "", false),
        ("/api/dags/a/stream", "footplate.v1", false),
    ];
    for (path, offered, answered) in table {
        let line = format!("GET {path} HTTP/1.1");
        let answer = knock(&rig, &upgrade(&line, &[("sec-websocket-protocol", offered)])).await;
        assert_eq!(status(&answer), 101, "{answer}");
        let ours = answer.contains("sec-websocket-protocol: footplate.v1\r\n");
        assert_eq!(ours, *answered, "{path} {offered}: {answer}");
    }
    rig.end().await;
}

/// The task of a WebSocket, and its seat, live as long as the WebSocket: hyper's connection does
/// not.
#[tokio::test]
async fn a_viewer_talks_and_holds_its_seat_until_it_is_gone() {
    let (seen, mut guests) = mpsc::channel(16);
    let rig = Rig::start(Setup {
        welcome: Arc::new(move |io, mut guest| {
            let seen = seen.clone();
            Box::pin(async move {
                let name = match guest.conversation.opening() {
                    Some(Said::Watch { name, .. }) => name.to_string(),
                    _ => "-".to_owned(),
                };
                seen.send((guest.viewer.0, name)).await.unwrap();
                let io = hyper_util::rt::TokioIo::into_inner(io);
                let io = hyper_util::rt::TokioIo::new(io);
                let mut socket = WebSocketStream::from_raw_socket(io, Role::Server, None).await;
                while let Some(Ok(message)) = socket.next().await {
                    if message.is_text() {
                        socket.send(message).await.unwrap();
                    }
                }
            })
        }),
        ..Setup::default()
    })
    .await;
    let names = [
        ("/v1/stream", "-"),
        ("/api/dags/a%2Fb/stream", "a/b"),
        ("/api/dags/%E2%82%AC/stream", "€"),
        ("/api/dags/%FF/stream", "\u{FFFD}"),
        ("/api/dags//stream", ""),
    ];
    for (nth, (path, name)) in names.into_iter().enumerate() {
        let request = format!("ws://{}{path}", rig.at).into_client_request().unwrap();
        let stream = rig.connect().await;
        let (mut socket, _) = client_async(request, stream).await.unwrap();
        socket.send(Message::text("hello")).await.unwrap();
        let echo = timeout(LONG, socket.next()).await.expect("it answers").unwrap().unwrap();
        assert_eq!(echo, Message::text("hello"));
        assert_eq!(guests.recv().await.unwrap(), (nth as u64 + 1, name.to_owned()));
        assert_eq!(rig.caps.len(), 1);
        socket.close(None).await.unwrap();
        while timeout(LONG, socket.next()).await.expect("it ends").is_some() {}
    }
    rig.end().await;
}
