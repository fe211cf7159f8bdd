//! The operators' door, and who asks there whether the relay is ready.

use std::net::SocketAddr;

use footplate::app::App;
use footplate::config::{self, Command, Config, Flags, ReadyFlags};
use footplate::http::probe::{self, NotReady};
use footplate::seams::{Address, Machine, Seams};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::timeout;

use super::rig::{LONG, request, say, status};

fn config(admin: &str) -> Config {
    let any = || vec!["127.0.0.1:0".to_owned()];
    let flags = Flags {
        viewer_listen: any(),
        engine_listen: any(),
        admin_listen: vec![admin.to_owned()],
        drain_grace: Some("5s".to_owned()),
        ..Flags::default()
    };
    flags.check().unwrap()
}

fn tcp(all: &[Address]) -> SocketAddr {
    match all {
        [Address::Tcp(at)] => *at,
        other => panic!("one TCP port: {other:?}"),
    }
}

async fn ask(at: SocketAddr, text: &str) -> String {
    say(TcpStream::connect(at).await.unwrap(), text).await
}

async fn app() -> (App, SocketAddr) {
    let app = App::start(config("127.0.0.1:0"), Seams::machine()).await.unwrap();
    let at = tcp(&app.admin_at);
    (app, at)
}

#[tokio::test]
async fn three_addresses_for_whoever_names_them_and_nothing_else() {
    let (app, at) = app().await;
    // A probe names the pod's address, and a scraper what its configuration says.
    let foreign = [("host", "10.0.0.7:9464"), ("origin", "https://evil.example")];
    for (path, expected) in [("/livez", "live\n"), ("/readyz", "ready\n"), ("/metrics", "# EOF\n")]
    {
        let answer = ask(at, &request(&format!("GET {path}"), &foreign, "")).await;
        assert_eq!(status(&answer), 200, "{answer}");
        assert!(answer.ends_with(expected), "{answer}");
        assert!(!answer.contains("access-control"), "no page may read it: {answer}");
        let head = ask(at, &request(&format!("HEAD {path}"), &[], "")).await;
        assert!(status(&head) == 200 && head.ends_with("\r\n\r\n"), "{head}");
        for method in ["POST", "OPTIONS", "DELETE"] {
            let answer = ask(at, &request(&format!("{method} {path}"), &[], "")).await;
            assert!(status(&answer) == 405 && answer.contains("allow: GET, HEAD"), "{answer}");
        }
    }
    let metrics = ask(at, &request("GET /metrics", &[], "")).await;
    assert!(metrics.contains("content-type: application/openmetrics-text; version=1.0.0"));
    for path in ["/", "/v1/executions", "/v1/stream", "/metrics/", "/debug"] {
        assert_eq!(
            status(&ask(at, &request(&format!("GET {path}"), &[], "")).await),
            404,
            "{path}"
        );
    }
    app.drain().await;
}

#[tokio::test]
async fn probes_hear_of_a_drain_to_its_end() {
    let (app, at) = app().await;
    let readyz = request("GET /readyz", &[], "");
    assert_eq!(status(&ask(at, &readyz).await), 200);
    let mut slow = TcpStream::connect(tcp(&app.viewers_at)).await.unwrap();
    // A request that holds the drain up for as long as we like.
    let head = "POST /v1/commands HTTP/1.1\r\nhost: localhost\r\nexpect: 100-continue\r\n\
                content-type: application/json\r\ncontent-length: 2\r\n\r\n";
    slow.write_all(head.as_bytes()).await.unwrap();
    let mut go_on = [0; 25];
    slow.read_exact(&mut go_on).await.unwrap();
    let probing = async {
        while status(&ask(at, &readyz).await) != 503 {}
        let answer = ask(at, &request("GET /metrics", &[], "")).await;
        assert!(answer.contains("\nfootplate_ready 0\n"), "{answer}");
        assert_eq!(status(&ask(at, &request("GET /livez", &[], "")).await), 200);
        slow.write_all(b"{}").await.unwrap();
    };
    let both = async { tokio::join!(app.drain(), probing) };
    timeout(LONG, both).await.expect("it ends");
    TcpStream::connect(at).await.unwrap_err();
}

#[tokio::test]
async fn a_port_in_use_says_how_to_do_without() {
    let taken = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let at = taken.local_addr().unwrap().to_string();
    let err = App::start(config(&at), Seams::machine()).await.unwrap_err().to_string();
    assert!(err.starts_with(&format!("--admin-listen {at}: ")) && err.contains("in use"), "{err}");
    assert!(err.ends_with("with --admin-listen, or do without (`none`)"), "{err}");
    let app = App::start(config("none"), Seams::machine()).await.unwrap();
    assert!(app.admin_at.is_empty());
    app.drain().await;
}

async fn ready(at: SocketAddr) -> Result<(), NotReady> {
    timeout(LONG, probe::ready(&Machine, &Address::Tcp(at))).await.unwrap()
}

/// What answers a request with these bytes.
async fn answering(bytes: &'static str) -> SocketAddr {
    let port = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let at = port.local_addr().unwrap();
    let tasks = footplate::tasks::Tasks::new();
    tasks.spawn("stranger", async move {
        let (mut stream, _) = port.accept().await.unwrap();
        let mut asked = [0; 1024];
        let read = stream.read(&mut asked).await.unwrap();
        assert!(asked[..read].starts_with(b"GET /readyz HTTP/1.1\r\n"));
        stream.write_all(bytes.as_bytes()).await.unwrap();
        // Open until the other side has gone.
        let _ = stream.read(&mut asked).await;
    });
    at
}

#[tokio::test]
async fn who_asks_is_told_why_not() {
    let (app, at) = app().await;
    ready(at).await.unwrap();
    app.drain().await;
    let gone = ready(at).await.unwrap_err();
    assert!(matches!(gone, NotReady::Unreachable(_)), "{gone}");
    assert!(gone.to_string().contains("is the relay running"), "{gone}");
    let busy = answering("HTTP/1.1 503 Service Unavailable\r\ncontent-length: 0\r\n\r\n").await;
    assert!(matches!(ready(busy).await, Err(NotReady::Busy)));
    let odd = answering("HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\n\r\n").await;
    assert!(matches!(ready(odd).await, Err(NotReady::Odd(_))));
    let foreign = answering("SSH-2.0-OpenSSH_9.2\r\n").await;
    assert!(matches!(ready(foreign).await, Err(NotReady::Foreign(_))));
}

#[tokio::test(start_paused = true)]
async fn who_asks_does_not_wait_for_ever() {
    // It accepts, as the kernel does for every program that hangs, and says nothing.
    let hangs = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let late = ready(hangs.local_addr().unwrap()).await.unwrap_err();
    assert!(matches!(late, NotReady::Late), "{late}");
    assert!(late.to_string().contains("2 s"), "{late}");
}

#[test]
fn what_is_asked_is_the_first_address_on_this_machine() {
    let asked = |text: &[&str]| {
        let admin = text.iter().map(|it| (*it).to_owned()).collect();
        ReadyFlags { admin }.check().map(|at| at.to_string())
    };
    assert_eq!(asked(&[]).unwrap(), "127.0.0.1:9464");
    assert_eq!(asked(&[""]).unwrap(), "127.0.0.1:9464", "an empty variable is none");
    assert_eq!(asked(&["0.0.0.0:9000", "10.0.0.1:9464"]).unwrap(), "127.0.0.1:9000");
    assert_eq!(asked(&["[::]:9000"]).unwrap(), "[::1]:9000");
    assert_eq!(asked(&["10.0.0.1:9464"]).unwrap(), "10.0.0.1:9464");
    for wrong in ["none", "9464", "127.0.0.1:0", "unix:/run/admin.sock"] {
        let problems = asked(&[wrong]).unwrap_err();
        assert_eq!((problems.len(), problems[0].flag.as_str()), (1, "--admin"), "{wrong}");
    }
    let args = ["footplate", "ready", "--admin", "localhost:9464"].map(Into::into);
    let Ok(Command::Ready(at)) = config::read(args) else { panic!("it is fine") };
    assert_eq!(at.to_string(), "127.0.0.1:9464");
}
