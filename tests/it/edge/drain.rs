//! The whole program starts and ends.

use std::time::Duration;

use footplate::app::App;
use footplate::config::{Config, Flags};
use footplate::seams::{Address, Seams};
use tempfile::TempDir;
use tokio::io::AsyncWriteExt;
use tokio::net::{TcpListener, TcpStream};
use tokio::time::{Instant, timeout};

use super::rig::{LONG, request, say, status};

fn config(viewers: &str, engines: &str, grace: &str) -> Config {
    let flags = Flags {
        viewer_listen: vec![viewers.to_owned()],
        engine_listen: vec![engines.to_owned()],
        admin_listen: vec!["127.0.0.1:0".to_owned()],
        drain_grace: Some(grace.to_owned()),
        ..Flags::default()
    };
    flags.check().unwrap()
}

fn tcp(address: &Address) -> std::net::SocketAddr {
    match address {
        Address::Tcp(address) => *address,
        Address::Unix(_) => panic!("a TCP port"),
    }
}

#[tokio::test]
async fn it_is_ready_until_it_drains_and_leaves_nothing() {
    let dir = TempDir::new().unwrap();
    let socket = dir.path().join("engine.sock");
    let unix = format!("unix:{}", socket.display());
    let app = App::start(config("127.0.0.1:0", &unix, "10s"), Seams::machine()).await.unwrap();
    let at = tcp(&app.viewers_at[0]);
    let ask = async |line: &str| {
        say(TcpStream::connect(at).await.unwrap(), &request(line, &[], "")).await
    };
    assert_eq!(status(&ask("GET /livez").await), 200);
    assert_eq!(status(&ask("GET /readyz").await), 200);
    assert_eq!(status(&ask("GET /metrics").await), 404, "it has a door of its own");
    assert!(socket.exists());

    // An idle connection does not hold up the end.
    let mut idle = TcpStream::connect(at).await.unwrap();
    let line = "GET /livez HTTP/1.1\r\nhost: localhost\r\n\r\n";
    idle.write_all(line.as_bytes()).await.unwrap();
    let began = Instant::now();
    timeout(LONG, app.drain()).await.expect("it ends");
    assert!(began.elapsed() < Duration::from_secs(5));
    assert!(!socket.exists());
    TcpStream::connect(at).await.unwrap_err();
    drop(idle);
}

#[tokio::test]
async fn a_request_that_never_ends_is_dropped_after_the_grace() {
    let config = config("127.0.0.1:0", "127.0.0.1:0", "100ms");
    let app = App::start(config, Seams::machine()).await.unwrap();
    let mut slow = TcpStream::connect(tcp(&app.viewers_at[0])).await.unwrap();
    let head = "POST /v1/commands HTTP/1.1\r\nhost: localhost\r\nexpect: 100-continue\r\n\
                content-type: application/json\r\ncontent-length: 9\r\n\r\n";
    slow.write_all(head.as_bytes()).await.unwrap();
    // It is being read: hyper asks for the body only then.
    let mut go_on = [0; 25];
    tokio::io::AsyncReadExt::read_exact(&mut slow, &mut go_on).await.unwrap();
    assert!(go_on.starts_with(b"HTTP/1.1 100"));
    timeout(Duration::from_secs(5), app.drain()).await.expect("the grace is a bound");
    let end = tokio::io::AsyncReadExt::read(&mut slow, &mut go_on).await;
    assert!(matches!(end, Ok(0) | Err(_)), "it is closed without an answer");
}

#[tokio::test]
async fn a_port_in_use_names_the_flag_and_the_remedy() {
    let taken = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let taken = taken.local_addr().map(|at| (at, taken)).unwrap();
    for (viewers, engines, flag) in [
        (taken.0.to_string(), "127.0.0.1:0".to_owned(), "--viewer-listen"),
        ("127.0.0.1:0".to_owned(), taken.0.to_string(), "--engine-listen"),
    ] {
        let config = config(&viewers, &engines, "1s");
        let err = App::start(config, Seams::machine()).await.unwrap_err().to_string();
        assert!(err.starts_with(&format!("{flag} {}: ", taken.0)), "{err}");
        assert!(err.contains("in use") && err.ends_with(&format!("with {flag}")), "{err}");
    }
}
