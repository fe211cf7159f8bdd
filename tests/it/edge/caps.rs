//! How many connections there may be.

use footplate::http::caps::{Caps, Limits};
use footplate::seams::Peer;

use super::rig::{Rig, Setup, request, say, status};

fn peer(address: &str) -> Peer {
    Peer::Tcp(address.parse().unwrap())
}

#[test]
fn an_address_has_its_share_and_this_machine_is_exempt() {
    let caps = Caps::new(Limits { of_address: 2, of_all: 6, ..Limits::default() });
    let far = caps.sit(peer("10.0.0.1:1")).unwrap();
    // The same address, as a dual-stack socket writes it.
    let mapped = caps.sit(peer("[::ffff:10.0.0.1]:2")).unwrap();
    assert!(caps.sit(peer("10.0.0.1:3")).is_err());
    let other = caps.sit(peer("10.0.0.2:1")).unwrap();
    let local = ["127.0.0.1:1", "127.0.0.1:2", "[::1]:3"].map(|it| caps.sit(peer(it)).unwrap());
    assert_eq!(caps.len(), 6);
    assert!(caps.sit(Peer::Unix { uid: 0 }).is_err(), "all together have too many");
    drop(mapped);
    let again = caps.sit(peer("10.0.0.1:4")).unwrap();
    drop((far, other, local, again));
    assert!(caps.is_empty());
}

#[tokio::test]
async fn one_too_many_is_told_to_come_back() {
    let caps = Limits { of_all: 1, ..Limits::default() };
    let rig = Rig::start(Setup { caps, ..Setup::default() }).await;
    let first = rig.connect().await;
    let mut second = rig.connect().await;
    let mut answer = String::new();
    tokio::io::AsyncReadExt::read_to_string(&mut second, &mut answer).await.unwrap();
    assert_eq!(status(&answer), 503);
    assert!(answer.contains("retry-after: 5"), "{answer}");
    assert_eq!(rig.metrics.connections_refused.of("cap").get(), 1);
    assert_eq!(status(&say(first, &request("GET /livez", &[], "")).await), 200);
    rig.end().await;
}

#[tokio::test]
async fn without_memory_nobody_is_let_in_until_there_is_some() {
    let rig = Rig::start(Setup::default()).await;
    rig.caps.shut(true);
    let answer = rig.ask("").await;
    assert_eq!(status(&answer), 503);
    assert!(answer.contains("retry-after: 5"), "{answer}");
    assert_eq!(rig.metrics.connections_refused.of("memory").get(), 1);
    rig.caps.shut(false);
    assert_eq!(status(&rig.ask(&request("GET /livez", &[], "")).await), 200);
    rig.end().await;
}
