//! A7, A12, A13: API keys, what is revoked, and tickets.

use std::sync::Arc;
use std::time::Duration;

use footplate::auth::verifier::{Invalid, Verifier};
use footplate::auth::{Alg, ApiKeys, Marks, Pass, Revoked, Setup, TICKET_LIFE, Tickets, Tokens};
use footplate::model::{Principal, Role, Timestamp};
use serde_json::json;
use sha2::{Digest, Sha256};
use tempfile::TempDir;

use super::mint::*;

const KEY: &str = "fp_8Jm3kq0XvT2s9hWcY4LrZQ";

fn digest(key: &str) -> String {
    Sha256::digest(key.as_bytes()).iter().map(|byte| format!("{byte:02x}")).collect()
}

#[test]
fn a13_an_api_key_is_known_by_its_digest_alone() {
    let text = format!(
        "# name roles tenant executions sha256\n\nnightly  engine,viewer  acme  nightly-*,shared  {}\n\
         watcher viewer * * {} # the wall\n",
        digest(KEY),
        digest("another-key-of-24-letters")
    );
    let keys = ApiKeys::of(&text).unwrap();
    let pass = keys.whose(KEY).unwrap();
    let Principal { subject, method, roles, tenant, .. } = &*pass.principal;
    assert_eq!((&**subject, &**method, tenant.as_deref()), ("nightly", "key", Some("acme")));
    assert_eq!((roles, pass.engine, pass.expires), (&vec![Role::Viewer], true, None));
    assert_eq!(&*pass.identity().0, "tenant:acme/key:nightly");
    assert!(pass.sight.has_named("nightly-7") && !pass.sight.has_named("weekly-7"));
    assert_eq!(keys.whose("another-key-of-24-letters").unwrap().principal.tenant, None);
    for wrong in ["", "short", &KEY[1..], &digest(KEY), "fp_8Jm3kq0XvT2s9hWcY4LrZq"] {
        assert!(keys.whose(wrong).is_none(), "{wrong}");
    }
    let good = digest(KEY);
    for wrong in [
        format!("a viewer * {good}"),
        format!("a boss * * {good}"),
        format!("a viewer a/b * {good}"),
        format!("a viewer * a/b {good}"),
        "a viewer * * abc".to_owned(),
        format!("a viewer * * {KEY}"),
        format!("a viewer * * {good}\na viewer * * {}", digest("x")),
        format!("a viewer * * {good}\nb viewer * * {good}"),
    ] {
        let said = ApiKeys::of(&wrong).unwrap_err().to_string();
        assert!(said.starts_with("line ") && !said.contains(KEY), "{said}");
    }
}

#[test]
fn a12_what_is_revoked_counts_no_longer() {
    let pair = Pair::new(Alg::Hs256);
    let tokens = knowing(&pair);
    let mut all = claims();
    all["sid"] = "s-1".into();
    let pass = tokens.verify(&pair.token(&json!({}), &all), true, now()).unwrap();
    let revoked = |text: &str| Revoked::of(text).unwrap().has(&pass);
    for text in [
        "jti ada-1",
        "sub ada",
        "sid s-1",
        &format!("issued-before {}", NOW + 1),
        "sub x\nsub ada # gone",
    ] {
        assert!(revoked(text), "{text}");
    }
    for text in
        ["", "# sub ada", "jti ada", "sub ADA", "sid ada-1", &format!("issued-before {NOW}")]
    {
        assert!(!revoked(text), "{text}");
    }
    // When it was issued is not said: it may have been before.
    let unissued = Pass { marks: Marks::default(), ..pass.clone() };
    assert!(Revoked::of("issued-before 1").unwrap().has(&unissued));
    for wrong in ["ada", "sub", "sub a b", "user ada", "issued-before soon", "issued-before -1"] {
        assert!(Revoked::of(wrong).is_err(), "{wrong}");
    }
}

#[test]
fn a12_a_file_that_changes_is_read_again_and_a_broken_one_is_not_believed() {
    let (folder, pair) = (TempDir::new().unwrap(), Pair::new(Alg::Hs256));
    let (list, keys) = (folder.path().join("revoked"), folder.path().join("api-keys"));
    std::fs::write(&list, "").unwrap();
    std::fs::write(&keys, format!("nightly engine * * {}\n", digest(KEY))).unwrap();
    let setup = Setup {
        profile: profile(),
        keys: vec![written(&folder, "key", &pair)],
        api_keys: Some(keys.clone()),
        revoked: Some(list.clone()),
        jwks: None,
    };
    let tokens = Tokens::open(setup, |_| ()).unwrap();
    let token = pair.token(&json!({}), &claims());
    let ada = tokens.verify(&token, true, now()).unwrap();
    let nightly = tokens.verify(KEY, true, now()).unwrap();
    assert!(tokens.stands(&ada) && tokens.stands(&nightly));
    let before = tokens.print();
    std::fs::write(&list, "sub ada\n").unwrap();
    assert_ne!(tokens.print(), before);
    tokens.reload();
    assert!(!tokens.stands(&ada) && tokens.stands(&nightly));
    assert_eq!(tokens.verify(&token, true, now()), Err(Invalid::Unknown));
    // What can't be read revokes no less than before.
    std::fs::write(&list, "sub ada\nnonsense\n").unwrap();
    tokens.reload();
    assert!(!tokens.stands(&ada));
    std::fs::remove_file(&list).unwrap();
    tokens.reload();
    assert!(!tokens.stands(&ada));
    // A key that is taken away, or that may something else, is another key.
    std::fs::write(&keys, format!("nightly viewer * * {}\n", digest(KEY))).unwrap();
    tokens.reload();
    assert!(!tokens.stands(&nightly) && !tokens.verify(KEY, true, now()).unwrap().engine);
    std::fs::write(&keys, "").unwrap();
    tokens.reload();
    assert!(tokens.verify(KEY, true, now()).is_err());
}

fn ada() -> Pass {
    Pass::of(Principal::named("ada"))
}

#[test]
fn a7_a_ticket_counts_once_soon_and_on_its_own_page() {
    let tickets = Tickets::default();
    let at = |seconds: i64| Timestamp((NOW + seconds) * 1_000_000);
    let page = Some("https://ops.example");
    let give = || tickets.give(&ada(), page, at(0)).unwrap();
    let ticket = give();
    assert_eq!(ticket.reveal().len(), 22, "128 bits in base64url");
    assert!(!format!("{ticket:?} {tickets:?}").contains(ticket.reveal()));
    assert_ne!(ticket.reveal(), give().reveal());
    assert_eq!(tickets.redeem(ticket.reveal(), page, at(29)).unwrap(), ada());
    assert!(tickets.redeem(ticket.reveal(), page, at(29)).is_err(), "it was used");
    assert!(tickets.redeem(give().reveal(), page, at(30)).is_err(), "it is too late");
    for other in
        [None, Some("https://ops.example:8443"), Some("https://evil.example"), Some("null")]
    {
        let ticket = give();
        assert!(tickets.redeem(ticket.reveal(), other, at(1)).is_err(), "{other:?}");
        assert!(tickets.redeem(ticket.reveal(), page, at(1)).is_err(), "it was shown elsewhere");
    }
    for wrong in ["", "AAAAAAAAAAAAAAAAAAAAAA", "../", "\u{0}"] {
        assert!(tickets.redeem(wrong, page, at(0)).is_err());
    }
    // Its holder's token ends first.
    let brief = Pass { expires: Some(at(10)), ..ada() };
    let ticket = tickets.give(&brief, page, at(0)).unwrap();
    assert!(tickets.redeem(ticket.reveal(), page, at(11)).is_err());
    assert_eq!(TICKET_LIFE, Duration::from_secs(30));
}

#[test]
fn a7_of_two_who_show_a_ticket_at_once_one_wins() {
    for _ in 0..50 {
        let tickets = Arc::new(Tickets::default());
        let ticket = tickets.give(&ada(), None, now()).unwrap();
        let all: Vec<_> = (0..4)
            .map(|_| {
                let (tickets, ticket) = (Arc::clone(&tickets), ticket.clone());
                std::thread::spawn(move || tickets.redeem(ticket.reveal(), None, now()).is_ok())
            })
            .collect();
        let won = all.into_iter().map(|it| it.join().unwrap()).filter(|won| *won).count();
        assert_eq!(won, 1);
    }
}

#[test]
fn a7_tickets_that_nobody_uses_are_bounded_and_go() {
    let tickets = Tickets::default();
    let given = (0..200).filter(|_| tickets.give(&ada(), None, now()).is_ok()).count();
    assert_eq!((given, tickets.len()), (64, 64), "one person's");
    let bob = Pass::of(Principal::named("bob"));
    assert!(tickets.give(&bob, None, now()).is_ok(), "they don't keep others from having one");
    let later = now().after(TICKET_LIFE);
    assert!(tickets.give(&ada(), None, later).is_ok());
    assert_eq!(tickets.len(), 1);
}
