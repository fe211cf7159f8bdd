//! W5, F3, F4: what one person, one tenant and one address may have of connections, of what is said, of
//! what is watched and of attempts, and that it comes back. Time is passed in, or stands still.

use std::net::IpAddr;
use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::Duration;

use footplate::auth::Pass;
use footplate::dialect::{Manners, Said};
use footplate::http::caps::{Caps, Full, Limits};
use footplate::model::Principal;
use footplate::seams::Peer;
use footplate::viewer::crowd::{Attempts, Bounds, Crowd, Full as Many, Share};
use footplate::viewer::kin::{Kin, Likeness};
use footplate::viewer::{Options, Rate, Rates};
use serde_json::json;
use tokio::time::Instant;

use super::bench::{Bench, Book, ROLES, pass, protocols};
use crate::edge::rig::{Rig, Setup, body, request, status};

fn number(it: u32) -> NonZeroU32 {
    NonZeroU32::new(it).unwrap()
}

/// Somebody of a tenant.
fn of(tenant: &str, who: &str) -> Pass {
    Pass::of(Principal { tenant: Some(tenant.into()), ..Principal::named(who) })
}

/// Holds as many connections as there may be, up to ten.
fn fill(crowd: &Crowd, pass: &Pass, now: Instant) -> Vec<Share> {
    let shares = (0..10).map_while(|_| crowd.admit(pass, now).ok());
    shares.map(|it| it.expect("people are told apart")).collect()
}

#[tokio::test(start_paused = true)]
async fn w5_people_and_tenants_have_their_shares_and_give_them_back() {
    let now = Instant::now();
    let bounds = Bounds { of_principal: 2, of_tenant: 5, ..Bounds::default() };
    let crowd = Crowd::new(bounds, &Options::default());
    let (ada, bob, cyd) = (of("acme", "ada"), of("acme", "bob"), of("acme", "cyd"));
    let mut hers = fill(&crowd, &ada, now);
    assert_eq!(hers.len(), 2);
    assert_eq!(crowd.admit(&ada, now).unwrap_err(), Many::Principal);
    // Other roles make nobody another; another tenant, issuer or way does.
    let admin = Pass::of(Principal { roles: vec![], ..(*ada.principal).clone() });
    assert_eq!(crowd.admit(&admin, now).unwrap_err(), Many::Principal);
    let key = Pass::of(Principal { method: "key".into(), ..(*of("z", "ada").principal).clone() });
    assert_eq!((fill(&crowd, &of("z", "ada"), now).len(), fill(&crowd, &key, now).len()), (2, 2));
    let his = fill(&crowd, &bob, now);
    let theirs = fill(&crowd, &cyd, now);
    assert_eq!((his.len(), theirs.len()), (2, 1), "five of the tenant");
    assert_eq!(crowd.admit(&cyd, now).unwrap_err(), Many::Tenant);
    hers.pop();
    let again = crowd.admit(&cyd, now).unwrap();
    assert_eq!(crowd.admit(&ada, now).unwrap_err(), Many::Tenant);
    drop((hers, his, theirs, again));
    let nobody = Pass::of(Principal::named("ada"));
    assert_eq!(fill(&crowd, &nobody, now).len(), 2, "of no tenant");
    assert_eq!(fill(&crowd, &ada, now).len(), 2);
    // And without tokens nobody is told apart.
    assert!((0..1_000).all(|_| Crowd::unbounded().admit(&Pass::local(), now).unwrap().is_none()));
}

fn client() -> Likeness {
    Likeness {
        dialect: "stage5",
        path: Some("x1".into()),
        address: None,
        agent: "a".into(),
        origin: "".into(),
        token: None,
    }
}

#[tokio::test(start_paused = true)]
async fn w5_what_is_muted_counts_apart_and_is_bounded_too() {
    let (now, kin, ada) = (Instant::now(), Kin::default(), of("acme", "ada"));
    let bounds = Bounds { of_principal: 2, ..Bounds::default() };
    let crowd = Crowd::new(bounds, &Options::default());
    let comes = || {
        let share = Arc::new(crowd.admit(&ada, now)?.unwrap());
        let (member, _) = kin.enter(client(), true, now);
        member.takes_up(&share);
        Ok::<_, Many>((member, share))
    };
    // Each is told nothing once the next has come, unless it shows that it lives.
    let mut all: Vec<_> =
        (0..4).map(|n| comes().unwrap_or_else(|full| panic!("{n}: {full:?}"))).collect();
    assert!(all[0].0.is_muted() && all[1].0.is_muted() && all[2].0.is_muted());
    // Two are muted and count apart; two are more than that, or not muted.
    assert_eq!(comes().unwrap_err(), Many::Principal);
    // What comes to life again is not turned away, and leaves no room for more.
    all[0].0.lives(now);
    all.pop();
    assert_eq!(comes().unwrap_err(), Many::Principal);
    drop(all);
    assert_eq!(fill(&crowd, &ada, now).len(), 2, "nothing is left of them");
}

fn peer(address: &str) -> Peer {
    Peer::Tcp(address.parse().unwrap())
}

#[tokio::test(start_paused = true)]
async fn w5_behind_a_nat_who_is_known_counts_for_themselves() {
    let (now, ada) = (Instant::now(), of("acme", "ada"));
    let caps = Caps::new(Limits { of_strangers: 30, ..Limits::default() }).asking(true);
    let crowd = Crowd::new(Bounds::default(), &Options::default());
    let mut seats = vec![];
    for n in 0..60 {
        let seat = caps.sit(peer("10.0.0.1:1")).unwrap_or_else(|full| panic!("{n}: {full:?}"));
        seat.known(&Arc::new(crowd.admit(&ada, now).unwrap().unwrap()));
        seats.push(seat);
    }
    assert_eq!((caps.len(), caps.strangers()), (60, 0));
    assert!(!seats[0].is_strangers() && caps.sit(peer("10.0.0.1:1")).unwrap().is_strangers());
    let sits = |address: &str| caps.sit(peer(address));
    let mut strangers: Vec<_> = (0..20).map(|_| sits("10.0.0.1:1").unwrap()).collect();
    assert_eq!(sits("10.0.0.1:1").unwrap_err(), Full::Address);
    // This machine's are strangers like others.
    strangers.extend((0..10).map(|_| sits("127.0.0.1:1").unwrap()));
    assert_eq!(sits("127.0.0.1:1").unwrap_err(), Full::Strangers);
    assert_eq!(sits("10.0.0.2:1").unwrap_err(), Full::Strangers);
    strangers[0].known(&Arc::new(crowd.admit(&ada, now).unwrap().unwrap()));
    strangers.push(sits("10.0.0.1:1").unwrap());
    assert_eq!(sits("10.0.0.1:1").unwrap_err(), Full::Strangers);
    // Somebody else is known on the same connection: it is theirs now.
    let bob = Arc::new(crowd.admit(&of("acme", "bob"), now).unwrap().unwrap());
    seats[0].known(&bob);
    assert!(seats[0].share().unwrap().is_of(&of("acme", "bob")));
    assert_eq!(fill(&crowd, &ada, now).len(), 10, "sixty of a hundred, by now");
    drop((seats, strangers, bob));
    assert_eq!((caps.len(), caps.strangers()), (0, 0));
    // A door that asks nobody has no strangers.
    let caps = Caps::new(Limits { of_strangers: 1, ..Limits::default() });
    let all: Vec<_> = (0..50).map(|_| caps.sit(peer("127.0.0.1:1")).unwrap()).collect();
    assert_eq!((all.len(), caps.strangers()), (50, 0));
}

#[tokio::test(start_paused = true)]
async fn f3_what_a_person_says_is_counted_over_all_connections() {
    let now = Instant::now();
    let crowd = Crowd::new(Bounds::default(), &Options::default());
    let (ada, bob) = (of("acme", "ada"), of("acme", "bob"));
    let shares = [0, 1].map(|_| crowd.admit(&ada, now).unwrap().unwrap());
    let says = |share: &Share, manners, said: &Said, now| {
        (0..1_000).take_while(|_| share.may_say(manners, Some(said), now).is_ok()).count()
    };
    let native = Manners::Native;
    // Four times what one connection may: 10 pings, 20 subscriptions and 100 messages at once.
    assert_eq!(says(&shares[0], native, &Said::Ping, now), 40);
    assert_eq!(shares[1].may_say(native, Some(&Said::Ping), now), Err("pings"));
    assert_eq!(says(&shares[1], native, &Said::WatchDirectory, now), 80);
    assert_eq!(shares[0].may_say(native, Some(&Said::WatchDirectory), now), Err("subscribes"));
    let left = says(&shares[0], native, &Said::Nothing, now);
    assert_eq!(left, 400 - 40 - 80 - 4, "each of them was a message, refused or not");
    assert_eq!(shares[1].may_say(native, None, now), Err("messages"));
    // Another protocol has rates of its own, and another person has everything.
    assert_eq!(says(&shares[1], Manners::Stage5, &Said::Ping, now), 1_000);
    let his = crowd.admit(&bob, now).unwrap().unwrap();
    assert_eq!(says(&his, native, &Said::Ping, now), 40);
    // Who leaves and comes back has not more; time brings it.
    drop(shares);
    let share = crowd.admit(&ada, now).unwrap().unwrap();
    assert_eq!(says(&share, native, &Said::Ping, now), 0);
    let later = now + Duration::from_secs(1);
    assert_eq!(says(&share, native, &Said::Ping, later), 40);
    assert_eq!(share.may_say(native, None, later), Ok(()));
    // Who has rested is forgotten, when there are many.
    drop((share, his));
    for n in 0..1_022 {
        drop(crowd.admit(&of("acme", &n.to_string()), later));
    }
    assert_eq!(crowd.len(), 1_024);
    let much_later = now + Duration::from_secs(100);
    let last = crowd.admit(&bob, much_later).unwrap();
    assert_eq!(crowd.len(), 1);
    drop(last);
}

/// The same over two connections, and that one is told so.
#[tokio::test(start_paused = true)]
async fn f3_two_connections_have_no_more_than_the_person() {
    let seldom = Rate { every: Duration::from_secs(60), burst: 3 };
    let often = Rate::per_second(10_000, 10_000);
    let rates = Rates { messages: often, pings: often, decisions: seldom, subscribes: often };
    let options = Options { native: rates, ..Options::default() };
    let bounds = Bounds { rate: number(1), ..Bounds::default() };
    let book = Book {
        known: vec![("ada", pass(ROLES[2])), ("bob", of("acme", "bob"))],
        ..Book::default()
    };
    let mut bench = Bench::crowded(Arc::new(book), options, bounds).await;
    let mut clients = vec![];
    for token in ["ada", "ada", "bob"] {
        let mut client = bench.come(protocols()[0].0, None, None).await;
        client.says(&json!({ "type": "authenticate", "token": token })).await;
        client.awaits("welcome").await;
        clients.push(client);
    }
    let decision = |n: u32| {
        json!({ "type": "human_decision", "decision_id": format!("d{n}"), "execution_id": "x1",
            "gate_id": "g9", "gate_version": 1, "option_id": "approve" })
    };
    for n in 0..3 {
        clients[n as usize % 2].says(&decision(n)).await;
        assert_eq!(clients[n as usize % 2].awaits("receipt").await["stage"], "gate_unknown");
    }
    for client in &mut clients[..2] {
        client.says(&decision(3)).await;
        let told = client.awaits("error").await;
        assert_eq!((&told["code"], &told["ref"]), (&json!("rate_limited"), &json!("d3")));
    }
    clients[2].says(&decision(4)).await;
    assert_eq!(clients[2].awaits("receipt").await["stage"], "gate_unknown");
    tokio::time::advance(Duration::from_secs(60)).await;
    clients[1].says(&decision(5)).await;
    assert_eq!(clients[1].awaits("receipt").await["stage"], "gate_unknown");
}

/// Requests are counted with what is said on sockets.
#[tokio::test]
async fn f3_requests_are_counted_too() {
    let once = Rate { every: Duration::from_secs(3_600), burst: 2 };
    let rates = Rates { messages: once, pings: once, decisions: once, subscribes: once };
    let options = Options { native: rates, ..Options::default() };
    let crowd = Crowd::new(Bounds { rate: number(1), ..Bounds::default() }, &options);
    let known = vec![("ada", pass(ROLES[0])), ("bob", of("acme", "bob"))];
    let verifier = Arc::new(Book { known, ..Book::default() });
    let rig = Rig::start(Setup { crowd, verifier, ..Setup::default() }).await;
    let ask = async |token: &str| {
        let bearer = format!("Bearer {token}");
        let request = request("POST /v1/tickets", &[("authorization", bearer.as_str())], "");
        let answer = rig.ask(&request).await;
        (status(&answer), body(&answer)["code"].as_str().unwrap().to_owned())
    };
    let (none, much) = ((503, "no_ticket".to_owned()), (429, "rate_limited".to_owned()));
    assert_eq!([ask("ada").await, ask("ada").await], [none.clone(), none.clone()]);
    assert_eq!(ask("ada").await, much);
    assert_eq!(ask("bob").await, none);
    rig.end().await;
}

#[tokio::test(start_paused = true)]
async fn f4_a_tenant_watches_so_much_and_no_more() {
    let known =
        vec![("ada", pass(ROLES[1])), ("bob", of("acme", "bob")), ("eve", of("other", "eve"))];
    let bounds = Bounds { watched_by_tenant: 3, ..Bounds::default() };
    let book = Arc::new(Book { known, ..Book::default() });
    let mut bench = Bench::crowded(book, Options::default(), bounds).await;
    bench.input("l1 says x2 1 log one").await;
    bench.input("l2 says y2 1 log one").await;
    let mut clients = vec![];
    for token in ["ada", "bob", "eve"] {
        let mut client = bench.come(protocols()[0].0, None, None).await;
        client.says(&json!({ "type": "authenticate", "token": token })).await;
        client.awaits("welcome").await;
        clients.push(client);
    }
    let subscribe = |id: &str| json!({ "type": "subscribe", "execution_id": id });
    for (client, id) in [(0, "x1"), (0, "x2"), (1, "x1"), (2, "y1"), (2, "y2")] {
        clients[client].says(&subscribe(id)).await;
        clients[client].awaits("snapshot").await;
    }
    // What is not there is not watched.
    clients[2].says(&subscribe("nothing")).await;
    assert_eq!(clients[2].awaits("error").await["code"], "not_found");
    clients[1].says(&subscribe("x2")).await;
    let told = clients[1].awaits("error").await;
    assert_eq!((&told["code"], &told["ref"]), (&json!("too_many_subscriptions"), &json!("x2")));
    // What is watched already may be asked for again.
    clients[1].says(&subscribe("x1")).await;
    clients[1].awaits("snapshot").await;
    clients[0].says(&json!({ "type": "unsubscribe", "execution_id": "x2" })).await;
    clients[0].awaits("unsubscribed").await;
    clients[1].says(&subscribe("x2")).await;
    clients[1].awaits("snapshot").await;
    // And a connection that ends watches nothing.
    clients[1].says(&json!({ "type": "subscribe_executions" })).await;
    assert_eq!(clients[1].awaits("error").await["code"], "too_many_subscriptions");
    drop(clients.remove(0));
    bench.quiet().await;
    clients[0].says(&json!({ "type": "subscribe_executions" })).await;
    clients[0].awaits("executions").await;
}

fn ip(text: &str) -> Option<IpAddr> {
    Some(text.parse().unwrap())
}

#[tokio::test(start_paused = true)]
async fn f3_failed_attempts_of_an_address_run_out_and_come_back() {
    let now = Instant::now();
    let attempts = Attempts::new(Rate { burst: 20, ..Rate::per_second(1, 1) }, 10_000);
    let tries = |from, now| (0..100).take_while(|_| attempts.failed(from, now)).count();
    assert_eq!(tries(ip("10.0.0.1"), now), 20);
    assert_eq!(tries(ip("::ffff:10.0.0.1"), now), 0, "the same, as a dual-stack socket writes it");
    assert_eq!(tries(ip("10.0.0.2"), now), 20);
    assert_eq!(tries(ip("127.0.0.1"), now), 20, "this machine is not exempt");
    assert_eq!(tries(None, now), 20);
    assert_eq!(tries(ip("2001:db8:1:2::1"), now), 20);
    assert_eq!(tries(ip("2001:db8:1:2:ffff::1"), now), 0, "whoever has one has the /64");
    assert_eq!(tries(ip("2001:db8:1:3::1"), now), 20);
    let later = now + Duration::from_secs(2);
    assert_eq!(tries(ip("10.0.0.1"), later), 2);
    assert_eq!(tries(ip("10.0.0.1"), now + Duration::from_secs(100)), 20);
    assert_eq!(attempts.len(), 1, "those who have rested are forgotten");
}

#[tokio::test(start_paused = true)]
async fn f3_however_many_addresses_there_are_few_are_remembered() {
    let now = Instant::now();
    let attempts = Attempts::new(Rate { burst: 5, ..Rate::per_second(1, 1) }, 100);
    let worst = ip("10.0.0.1");
    assert!((0..5).all(|_| attempts.failed(worst, now)));
    for n in 0..100_000_u32 {
        attempts.failed(Some(IpAddr::from(n.to_be_bytes())), now);
        assert!(attempts.len() <= 100);
    }
    assert!(!attempts.failed(worst, now), "who has failed most is remembered longest");
    assert!(attempts.failed(worst, now + Duration::from_secs(60)));
    assert_eq!(attempts.len(), 1);
}
