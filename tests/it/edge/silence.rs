//! Peers that say nothing, or half of something.

use std::collections::VecDeque;
use std::io;
use std::time::Duration;

use footplate::http::listen::Options;
use footplate::seams::{Address, Listener, Machine, Network, Peer, Promise, Stream};
use footplate::tls::self_signed;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::time::timeout;

use super::rig::{LONG, Rig, Setup, request, status};

fn hasty() -> Options {
    let short = Duration::from_millis(100);
    Options { first_byte: short, tls: short, headers: short, ..Options::default() }
}

/// All that comes before the end.
async fn to_the_end(stream: &mut (impl AsyncReadExt + Unpin)) -> Vec<u8> {
    let mut all = Vec::new();
    let read = timeout(LONG, stream.read_to_end(&mut all)).await.expect("it is closed in time");
    // A reset is an end, too.
    drop(read);
    all
}

#[tokio::test]
async fn silent_connections_are_closed_and_hold_up_nobody() {
    let made = self_signed().unwrap();
    let tls =
        Rig::start(Setup { options: hasty(), tls: Some(made.certificate), ..Setup::default() })
            .await;
    let plain = Rig::start(Setup { options: hasty(), ..Setup::default() }).await;

    let mut silent = Vec::new();
    for _ in 0..5 {
        silent.push(tls.connect().await);
    }
    silent.push(plain.connect().await);
    // Says one byte of TLS, and then nothing.
    let mut begun = tls.connect().await;
    begun.write_all(&[0x16]).await.unwrap();
    silent.push(begun);
    // Says half a request, and then nothing.
    let mut half = plain.connect().await;
    half.write_all(b"GET / HTTP/1.1\r\nhost: loc").await.unwrap();
    silent.push(half);

    assert_eq!(status(&plain.ask(&request("GET /livez", &[], "")).await), 200);
    for mut stream in silent {
        to_the_end(&mut stream).await;
    }
    assert_eq!(tls.metrics.connections_refused.of("timeout").get(), 6);
    assert!(plain.metrics.connections_refused.of("timeout").get() >= 1);
    tls.end().await;
    plain.end().await;
}

#[tokio::test]
async fn a_request_has_limits() {
    let rig = Rig::start(Setup::default()).await;
    let many: Vec<(String, &str)> = (0..65).map(|n| (format!("x-{n}"), "1")).collect();
    let many: Vec<(&str, &str)> = many.iter().map(|(name, it)| (name.as_str(), *it)).collect();
    assert_eq!(status(&rig.ask(&request("GET /livez", &many, "")).await), 431);
    let long = "x".repeat(20_000);
    assert_eq!(status(&rig.ask(&request("GET /livez", &[("x-long", &long)], "")).await), 431);
    rig.end().await;
}

#[tokio::test]
async fn a_client_that_speaks_plainly_to_tls_is_told_so() {
    let made = self_signed().unwrap();
    let rig = Rig::start(Setup { tls: Some(made.certificate), ..Setup::default() }).await;
    let mut stream = rig.connect().await;
    stream.write_all(b"G").await.unwrap();
    let answer = String::from_utf8(to_the_end(&mut stream).await).unwrap();
    assert!(answer.starts_with("HTTP/1.1 400") && answer.contains("speaks TLS"), "{answer}");
    assert_eq!(rig.metrics.connections_refused.of("tls").get(), 1);
    rig.end().await;
}

/// A port that fails as the kernel does, before it works.
#[derive(Debug)]
struct Failing {
    port: Box<dyn Listener>,
    faults: VecDeque<i32>,
}

impl Listener for Failing {
    fn accept(&mut self) -> Promise<'_, (Stream, Peer)> {
        match self.faults.pop_front() {
            Some(fault) => Box::pin(async move { Err(io::Error::from_raw_os_error(fault)) }),
            None => self.port.accept(),
        }
    }

    fn address(&self) -> &Address {
        self.port.address()
    }
}

#[tokio::test]
async fn accepting_goes_on_after_the_descriptors_ran_out() {
    const EMFILE: i32 = 24;
    const ENFILE: i32 = 23;
    const ECONNABORTED: i32 = 103;
    let any = Address::Tcp("127.0.0.1:0".parse().unwrap());
    let port = Machine.listen(&any).await.unwrap();
    let faults = VecDeque::from([EMFILE, ECONNABORTED, ENFILE, EMFILE]);
    let short = Duration::from_millis(1);
    let options = Options { pause: (short, short * 4), ..Options::default() };
    let setup = Setup { options, ..Setup::default() };
    let rig = Rig::behind(setup, Box::new(Failing { port, faults }));
    assert_eq!(status(&rig.ask(&request("GET /livez", &[], "")).await), 200);
    assert_eq!(rig.metrics.accept_errors.get(), 3);
    rig.end().await;
}
