//! A4: keys that an issuer publishes, fetched over https from a server that is real and behaves as it
//! likes.

use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use footplate::auth::jwks::{Fetching, Jwks, Options, Source};
use footplate::auth::verifier::Verifier;
use footplate::auth::{Alg, KeySet, Setup, Tokens};
use footplate::http::fetch::{Https, Published};
use footplate::seams::{Clock, Machine};
use footplate::telemetry::Metrics;
use footplate::tls::{Certificate, Look, Served, Trust};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::{Instant, advance, timeout};
use tokio_rustls::TlsAcceptor;
use tokio_util::sync::CancellationToken;

use super::mint::*;

/// What a server answers; `None`: nothing, for ever.
type Answer = Option<Vec<u8>>;

/// An https server on this machine, whose certificate an authority of its own vouches for.
struct Server {
    port: u16,
    answer: Arc<Mutex<Answer>>,
    asked: watch::Receiver<u64>,
    folder: TempDir,
    _tasks: JoinSet<()>,
}

impl Server {
    async fn start() -> Self {
        let folder = TempDir::new().unwrap();
        authority(folder.path());
        let path = |name: &str| folder.path().join(name);
        let certificate = Certificate::load(&path("server.pem"), &path("server-key.pem")).unwrap();
        let tls = TlsAcceptor::from(Served::fixed(certificate).for_viewers());
        let socket = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = socket.local_addr().unwrap().port();
        let answer: Arc<Mutex<Answer>> = Arc::default();
        let (asks, asked) = watch::channel(0);
        let mut tasks = JoinSet::new();
        let answers = Arc::clone(&answer);
        tasks.spawn(async move {
            let mut each = JoinSet::new();
            loop {
                let (stream, _) = socket.accept().await.unwrap();
                let (tls, answers, asks) = (tls.clone(), Arc::clone(&answers), asks.clone());
                each.spawn(async move {
                    // Who does not believe the certificate goes.
                    let Ok(mut stream) = tls.accept(stream).await else { return };
                    let mut request = Vec::new();
                    while !request.ends_with(b"\r\n\r\n") {
                        let Ok(byte) = stream.read_u8().await else { return };
                        request.push(byte);
                    }
                    assert!(request.starts_with(b"GET /keys?v=1 HTTP/1.1\r\n"));
                    asks.send_modify(|it| *it += 1);
                    let answer = answers.lock().unwrap().clone();
                    let Some(answer) = answer else { return std::future::pending().await };
                    // Who has heard enough goes.
                    let _ = stream.write_all(&answer).await;
                    if answer.ends_with(b"ENDLESS") {
                        while stream.write_all(&[b' '; 65_536]).await.is_ok() {}
                    }
                    let _ = stream.shutdown().await;
                });
            }
        });
        Self { port, answer, asked, folder, _tasks: tasks }
    }

    fn says(&self, status: &str, headers: &str, body: &str) {
        let text =
            format!("HTTP/1.1 {status}\r\n{headers}content-length: {}\r\n\r\n{body}", body.len());
        *self.answer.lock().unwrap() = Some(text.into_bytes());
    }

    fn publishes(&self, keys: &[Value]) {
        self.says("200 OK", "", &json!({ "keys": keys }).to_string());
    }

    fn url(&self) -> Published {
        Published::parse(&format!("https://localhost:{}/keys?v=1", self.port)).unwrap()
    }

    fn source(&self) -> Https {
        self.source_that_believes(&Trust::of_file(&self.folder.path().join("ca.pem")).unwrap())
    }

    fn source_that_believes(&self, trust: &Trust) -> Https {
        let trust = trust.clone();
        Https::new(self.url(), Machine::network(), Arc::new(move || trust.client()))
    }

    async fn fetch(&self) -> Result<Vec<u8>, String> {
        timeout(Duration::from_secs(20), self.source().fetch()).await.unwrap()
    }
}

fn authority(folder: &Path) {
    use footplate::config::{self, Command};
    let dir = folder.to_str().unwrap();
    let args = ["footplate", "certs", "init", "--dir", dir];
    let Ok(Command::Certs(certs)) = config::read(args.map(Into::into)) else {
        panic!("it is right")
    };
    footplate::app::certs(&certs, &footplate::seams::Seams::machine()).unwrap();
}

#[tokio::test]
async fn a4_only_https_to_whom_the_authority_vouches_for() {
    for wrong in [
        "http://id.example/keys",
        "https://",
        "id.example/keys",
        "file:///etc/passwd",
        "https://user:pw@id.example/",
        "https://id.example/#x",
        "ftp://id.example/",
        "",
        "https://id.example:99999/",
    ] {
        assert!(Published::parse(wrong).is_none(), "{wrong}");
    }
    let server = Server::start().await;
    let key = Pair::new(Alg::Es256);
    server.publishes(&[key.jwk("k1")]);
    assert!(KeySet::of_set(&server.fetch().await.unwrap(), false).unwrap().knows("k1"));
    // Another authority's word is not enough.
    let stranger = TempDir::new().unwrap();
    authority(stranger.path());
    let trust = Trust::of_file(&stranger.path().join("ca.pem")).unwrap();
    let source = server.source_that_believes(&trust);
    assert!(source.fetch().await.unwrap_err().starts_with("TLS"));
    // Nor is a certificate for another name.
    let other =
        Published::parse(&format!("https://localhost.localdomain:{}/keys?v=1", server.port))
            .unwrap();
    let trust = Trust::of_file(&server.folder.path().join("ca.pem")).unwrap();
    let client = Arc::new(move || trust.client());
    assert!(Https::new(other, Machine::network(), client).fetch().await.is_err());
}

/// The authority that vouches for the issuer is read again; a broken one is not believed.
#[tokio::test]
async fn a4_who_vouches_for_the_issuer_may_change() {
    let server = Server::start().await;
    server.publishes(&[Pair::new(Alg::Es256).jwk("k1")]);
    let stranger = TempDir::new().unwrap();
    authority(stranger.path());
    let ca = server.folder.path().join("ca.pem");
    let (ours, theirs) = (std::fs::read(&ca).unwrap(), stranger.path().join("ca.pem"));
    let trust = Trust::of_file(&ca).unwrap();
    let (clock, metrics) = (Clock::system(), Arc::new(Metrics::new()));
    let mut watch = trust.watch("issuer", &clock, &metrics);
    let source = server.source_that_believes(&trust);
    let believed = async || timeout(Duration::from_secs(20), source.fetch()).await.unwrap().is_ok();
    assert!(believed().await);
    std::fs::copy(theirs, &ca).unwrap();
    assert_eq!(watch.look(true).await, Look::Reloaded);
    assert!(!believed().await, "it is trusted no longer, whatever was agreed on before");
    for broken in [&b"half a file"[..], &ours[..ours.len() / 2]] {
        std::fs::write(&ca, broken).unwrap();
        assert_eq!(watch.look(true).await, Look::Refused);
        assert!(!believed().await, "what was there before counts");
    }
    std::fs::write(&ca, &ours).unwrap();
    assert_eq!(watch.look(true).await, Look::Reloaded);
    assert!(believed().await);
}

#[tokio::test]
async fn a4_what_an_issuer_may_answer_is_bounded() {
    let server = Server::start().await;
    for (status, headers, body, why) in [
        ("302 Found", "location: https://evil.example/keys\r\n", "", "302"),
        ("500 Internal Server Error", "", "{}", "500"),
        ("404 Not Found", "", "{}", "404"),
        ("204 No Content", "", "", "204"),
    ] {
        server.says(status, headers, body);
        assert!(server.fetch().await.unwrap_err().contains(why), "{status}");
    }
    // A gigabyte, said before and not said before.
    server.says("200 OK", "", &" ".repeat((256 << 10) + 1));
    assert!(server.fetch().await.unwrap_err().contains("too large"));
    for head in ["content-length: 1073741824\r\n", ""] {
        let text = format!("HTTP/1.1 200 OK\r\n{head}\r\nENDLESS");
        *server.answer.lock().unwrap() = Some(text.into_bytes());
        assert!(server.fetch().await.unwrap_err().contains("too large"), "{head}");
    }
    for garbage in ["", "not HTTP", "HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nab"] {
        *server.answer.lock().unwrap() = Some(garbage.as_bytes().to_vec());
        assert!(server.fetch().await.is_err(), "{garbage}");
    }
}

#[tokio::test]
async fn a4_a_token_with_a_new_key_is_let_in_when_that_has_been_fetched() {
    let server = Server::start().await;
    let (old, new) = (Pair::new(Alg::Es256), Pair::new(Alg::Ps256));
    server.publishes(&[old.jwk("old")]);
    let options = Options { pause: Duration::ZERO, ..Options::default() };
    let jwks = Jwks::new(Box::new(server.source()), options);
    let stop = CancellationToken::new();
    let mut tasks = JoinSet::new();
    tasks.spawn(Arc::clone(&jwks).run(stop.clone()));
    let setup = Setup { profile: profile(), jwks: Some(jwks), ..Setup::default() };
    let tokens = Tokens::open(setup, |_| ()).unwrap();
    let shows = async |pair: &Pair, kid: &str| {
        let token = pair.token(&json!({ "kid": kid }), &claims());
        if let Some(ready) = tokens.prepare(&token, now()) {
            ready.await;
        }
        tokens.verify(&token, false, now()).is_ok()
    };
    assert!(shows(&old, "old").await, "it is waited for at the start");
    assert!(!shows(&new, "new").await);
    server.publishes(&[new.jwk("new")]);
    assert!(shows(&new, "new").await, "the keys were changed");
    assert!(!shows(&old, "old").await, "and the old one is none any more");
    // While the issuer answers nonsense, what was known counts.
    server.says("200 OK", "", "<html>Sorry</html>");
    assert!(!shows(&old, "other").await && shows(&new, "new").await);
    server.publishes(&[Pair::new(Alg::Hs256).jwk("s")]);
    assert!(!shows(&old, "other").await && shows(&new, "new").await);
    stop.cancel();
    timeout(Duration::from_secs(10), tasks.join_next()).await.unwrap();
    assert!(*server.asked.borrow() >= 4);
}

/// Answers at once, as it is told to, and counts.
#[derive(Debug, Clone)]
struct Scripted(Arc<Mutex<Script>>);

#[derive(Debug)]
struct Script {
    reply: Result<Vec<u8>, String>,
    asked: u64,
    hangs: bool,
}

impl Scripted {
    fn says(keys: Vec<u8>) -> Self {
        Self(Arc::new(Mutex::new(Script { reply: Ok(keys), asked: 0, hangs: false })))
    }
}

impl Source for Scripted {
    fn fetch(&self) -> Fetching {
        let mut script = self.0.lock().unwrap();
        script.asked += 1;
        let (reply, hangs) = (script.reply.clone(), script.hangs);
        Box::pin(async move {
            if hangs {
                std::future::pending::<()>().await;
            }
            reply
        })
    }
}

fn set(keys: &[(&str, &Pair)]) -> Vec<u8> {
    let keys: Vec<Value> = keys.iter().map(|(kid, pair)| pair.jwk(kid)).collect();
    json!({ "keys": keys }).to_string().into_bytes()
}

/// Lets what can go on go on.
async fn settle() {
    for _ in 0..50 {
        tokio::task::yield_now().await;
    }
}

#[tokio::test(start_paused = true)]
async fn a4_a_flood_of_unknown_kids_asks_the_issuer_twice_a_minute() {
    let pair = Pair::new(Alg::EdDsa);
    let source = Scripted::says(set(&[("k1", &pair)]));
    let jwks = Jwks::new(Box::new(source.clone()), Options::default());
    let mut tasks = JoinSet::new();
    tasks.spawn(Arc::clone(&jwks).run(CancellationToken::new()));
    settle().await;
    assert!(jwks.keys().unwrap().knows("k1"));
    let asked = || source.0.lock().unwrap().asked;
    assert_eq!(asked(), 1);
    for second in 0..120_u64 {
        for n in 0..100 {
            drop(jwks.prepare(Some(&format!("kid-{second}-{n}"))));
        }
        assert!(jwks.prepare(Some("k1")).is_none(), "who is known does not wait");
        settle().await;
        advance(Duration::from_secs(1)).await;
        settle().await;
    }
    assert!((4..=6).contains(&asked()), "{}", asked());
}

#[tokio::test(start_paused = true)]
async fn a4_the_last_good_set_counts_for_a_day_and_one_fetch_is_under_way_at_a_time() {
    let pair = Pair::new(Alg::EdDsa);
    let source = Scripted::says(set(&[("k1", &pair)]));
    let jwks = Jwks::new(Box::new(source.clone()), Options::default());
    let mut tasks = JoinSet::new();
    tasks.spawn(Arc::clone(&jwks).run(CancellationToken::new()));
    settle().await;
    source.0.lock().unwrap().reply = Err("down".to_owned());
    let begun = Instant::now();
    for hour in 1..24 {
        advance(Duration::from_secs(3_600)).await;
        settle().await;
        assert!(jwks.keys().is_some(), "after {hour} h");
    }
    advance(Duration::from_secs(3_601)).await;
    settle().await;
    assert!(jwks.keys().is_none() && begun.elapsed() > Duration::from_secs(86_400));
    // It hangs: whoever waits does so for one fetch, and not for ever.
    source.0.lock().unwrap().hangs = true;
    advance(Duration::from_secs(31)).await;
    settle().await;
    let before = source.0.lock().unwrap().asked;
    let all: Vec<_> = (0..20).filter_map(|_| jwks.prepare(Some("k2"))).collect();
    let since = Instant::now();
    futures_util::future::join_all(all).await;
    assert!(since.elapsed() <= Duration::from_secs(6));
    assert!(source.0.lock().unwrap().asked <= before + 1);
}
