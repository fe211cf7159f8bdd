//! From which address a request comes where proxies stand before the door.

use std::sync::Arc;

use footplate::http::caller::Allowed;
use footplate::http::caps;
use footplate::http::hops::Hops;
use footplate::http::routes::Welcome;
use http::{HeaderMap, HeaderName, HeaderValue};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

use super::rig::{Headers, LONG, Rig, Setup, body, request, status};

const XFF: &str = "x-forwarded-for";

/// The address, or that the request is refused.
fn client(hops: u8, lines: Headers<'_>) -> Result<Option<String>, &'static str> {
    let mut headers = HeaderMap::new();
    for (name, value) in lines {
        let name = HeaderName::from_bytes(name.as_bytes()).unwrap();
        headers.append(name, HeaderValue::from_str(value).unwrap());
    }
    let client = Hops::parse(&hops.to_string()).unwrap().client(&headers);
    client.map(|it| it.map(|it| it.to_string())).map_err(|refusal| refusal.code)
}

#[test]
fn who_is_not_trusted_is_not_heard() {
    assert_eq!(client(0, &[(XFF, "10.0.0.1")]), Ok(None));
    assert_eq!(client(0, &[(XFF, "nonsense"), ("forwarded", "for=10.0.0.1")]), Ok(None));
    assert_eq!(client(1, &[]), Ok(None), "it came by no proxy");
}

#[test]
fn the_right_hop_counts_whatever_a_client_has_put_before_it() {
    let table: &[(u8, Headers<'_>, &str)] = &[
        (1, &[(XFF, "10.0.0.1")], "10.0.0.1"),
        (1, &[(XFF, "127.0.0.1, 10.0.0.1")], "10.0.0.1"),
        (2, &[(XFF, "127.0.0.1, 10.0.0.1,10.0.0.2")], "10.0.0.1"),
        (2, &[(XFF, "127.0.0.1"), (XFF, "10.0.0.1"), (XFF, "10.0.0.2")], "10.0.0.1"),
        (2, &[(XFF, "127.0.0.1, 10.0.0.1"), (XFF, "10.0.0.2")], "10.0.0.1"),
        (1, &[(XFF, "10.0.0.1:4711")], "10.0.0.1"),
        (1, &[(XFF, "2001:db8::1")], "2001:db8::1"),
        (1, &[(XFF, "[2001:db8::1]")], "2001:db8::1"),
        (1, &[(XFF, "[2001:db8::1]:4711")], "2001:db8::1"),
        (1, &[(XFF, "::ffff:10.0.0.1")], "10.0.0.1"),
        (1, &[("forwarded", "for=10.0.0.1;proto=https;by=10.0.0.9")], "10.0.0.1"),
        (1, &[("forwarded", r#"proto=https; For="[2001:db8::1]:4711""#)], "2001:db8::1"),
        (1, &[("forwarded", r#"for="127.0.0.1, for=10.0.0.1"#)], "10.0.0.1"),
        (2, &[("forwarded", "for=127.0.0.1, for=10.0.0.1, for=10.0.0.2")], "10.0.0.1"),
        (1, &[(XFF, "10.0.0.1"), ("forwarded", "for=10.0.0.1")], "10.0.0.1"),
    ];
    for (hops, lines, expected) in table {
        assert_eq!(client(*hops, lines), Ok(Some((*expected).to_owned())), "{hops} {lines:?}");
    }
}

#[test]
fn what_so_many_proxies_would_not_have_said_is_refused() {
    let table: &[(u8, Headers<'_>)] = &[
        (2, &[(XFF, "10.0.0.1")]),
        (3, &[(XFF, "10.0.0.1"), (XFF, "10.0.0.2")]),
        (1, &[(XFF, "")]),
        (1, &[(XFF, "10.0.0.1, unknown")]),
        (1, &[(XFF, "10.0.0.1 10.0.0.2")]),
        (1, &[(XFF, "relay.example")]),
        (1, &[("forwarded", "10.0.0.1")]),
        (1, &[("forwarded", "for=_hidden")]),
        (1, &[("forwarded", "for=10.0.0.1;for=10.0.0.2")]),
        // The proxy knows one of them; the other is its client's.
        (1, &[(XFF, "10.0.0.1"), ("forwarded", "for=10.0.0.2")]),
    ];
    for (hops, lines) in table {
        assert_eq!(client(*hops, lines), Err("forwarded_for"), "{hops} {lines:?}");
    }
    assert!(["-1", "11", "256", "two", ""].iter().all(|it| Hops::parse(it).is_none()));
}

/// Sends it, and gives the answer's head along with the connection.
async fn knock(rig: &Rig, path: &str, address: Option<&str>) -> (TcpStream, String) {
    let forwarded = address.map_or(String::new(), |it| format!("x-forwarded-for: {it}\r\n"));
    let text = format!(
        "GET {path} HTTP/1.1\r\nhost: localhost\r\nconnection: upgrade\r\nupgrade: websocket\r\n\
         sec-websocket-version: 13\r\nsec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n{forwarded}\r\n"
    );
    let mut stream = rig.connect().await;
    stream.write_all(text.as_bytes()).await.unwrap();
    let mut answer = String::new();
    while !answer.contains("\r\n\r\n") {
        let mut part = [0; 4_096];
        let read = timeout(LONG, stream.read(&mut part)).await.expect("it answers").unwrap();
        assert_ne!(read, 0, "it answers before it closes: {answer}");
        answer += std::str::from_utf8(&part[..read]).unwrap();
    }
    (stream, answer)
}

/// The proxy is on this machine, whose connections nobody counts; those for whom it asks are not.
#[tokio::test]
async fn sockets_behind_a_proxy_are_counted_by_whose_they_are() {
    let hops = Hops::parse("1").unwrap();
    let caps = caps::Limits { of_address: 2, ..caps::Limits::default() };
    let held: Welcome = Arc::new(|io, guest| {
        Box::pin(async move {
            let _held = (io, guest);
            std::future::pending().await
        })
    });
    let setup = Setup {
        allowed: Allowed { hops, ..Allowed::default() },
        caps,
        welcome: held,
        ..Setup::default()
    };
    let rig = Rig::start(setup).await;
    let mut open = vec![];
    for address in ["10.0.0.1", "127.0.0.1, 10.0.0.1", "10.0.0.2"] {
        let (stream, answer) = knock(&rig, "/v1/stream", Some(address)).await;
        assert_eq!(status(&answer), 101, "{address}: {answer}");
        open.push(stream);
    }
    let (_, answer) = knock(&rig, "/v1/stream", Some("10.0.0.3, 10.0.0.1")).await;
    assert_eq!(status(&answer), 429, "{answer}");
    assert!(
        answer.contains("retry-after: 5") && answer.contains("too_many_connections"),
        "{answer}"
    );
    // Who asks without the proxy is who it is, and others may ask for whatever else they like.
    open.push(knock(&rig, "/v1/stream", None).await.0);
    let page = request("GET /livez", &[("x-forwarded-for", "10.0.0.1")], "");
    assert_eq!(status(&rig.ask(&page).await), 200);
    let odd = rig.ask(&request("GET /livez", &[("x-forwarded-for", "unknown")], "")).await;
    assert_eq!((status(&odd), &body(&odd)["code"]), (400, &"forwarded_for".into()));
    assert_eq!(rig.metrics.connections_refused.of("cap").get(), 1);
    assert_eq!(rig.metrics.connections_refused.of("forwarded_for").get(), 1);
    rig.tasks.end();
    drop(open);
}

/// By default nobody is believed.
#[tokio::test]
async fn without_a_trusted_proxy_the_header_is_a_clients_invention() {
    let caps = caps::Limits { of_address: 1, ..caps::Limits::default() };
    let rig = Rig::start(Setup { caps, ..Setup::default() }).await;
    for _ in 0..3 {
        let (_, answer) = knock(&rig, "/v1/stream", Some("10.0.0.1")).await;
        assert_eq!(status(&answer), 101, "{answer}");
    }
    let odd = request("GET /livez", &[("x-forwarded-for", "unknown")], "");
    assert_eq!(status(&rig.ask(&odd).await), 200);
    rig.end().await;
}
