//! Who may come to watch: people with tokens that see more or less, end, and are taken back.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use footplate::auth::verifier::{Invalid, Verifier};
use footplate::auth::{Pass, Pattern, Sight};
use footplate::model::{Fact, Principal, Role, Text, Timestamp};
use footplate::shard::Followed;

pub(super) const START: Timestamp = Timestamp(1_795_168_800_000_000);
/// Each token's name says whose it is.
pub(super) const TOKENS: [&str; 6] =
    ["ada-all", "bob-alpha", "eve-tenant", "kim-looks", "sue-short", "sue-long"];
/// How long those last that end, in seconds.
pub(super) const ENDS: [(&str, u64); 2] = [("sue-short", 30), ("sue-long", 300)];

/// The executions, and whose tenant's they are.
pub(super) const EXECUTIONS: [(&str, Option<&str>); 3] =
    [("alpha", Some("a")), ("beta", Some("b")), ("gamma", None)];

/// Whether the holder of a token sees an execution: said a second time, and from the table above alone.
pub(super) fn sees(token: &str, execution: &str) -> bool {
    match token {
        "bob-alpha" => execution == "alpha",
        "eve-tenant" => execution == "beta",
        _ => true,
    }
}

fn decides(subject: &str, execution: &str) -> bool {
    match subject {
        "ada" | "sue" => true,
        "bob" => execution == "alpha",
        "eve" => execution == "beta",
        _ => false,
    }
}

pub(super) fn ends(token: &str) -> Option<Timestamp> {
    let found = ENDS.iter().find(|(it, _)| *it == token);
    found.map(|(_, seconds)| START.after(Duration::from_secs(*seconds)))
}

/// Whose a token is.
pub(super) fn subject(token: &'static str) -> &'static str {
    token.split('-').next().unwrap_or_default()
}

pub(super) fn pass(token: &'static str) -> Pass {
    let subject = subject(token);
    let tenant: Option<Text> = (token == "eve-tenant").then(|| "b".into());
    let roles = if token == "kim-looks" {
        vec![Role::Viewer]
    } else {
        vec![Role::Viewer, Role::Decider, Role::Operator]
    };
    let principal = Principal { method: "jwt".into(), roles, tenant, ..Principal::named(subject) };
    let mut pass = Pass::of(principal);
    if token == "bob-alpha" {
        let pattern = Pattern::read("al*").expect("it is one");
        pass.sight = Sight { executions: Some(Arc::new([pattern])), ..pass.sight };
    }
    pass.expires = ends(token);
    pass
}

/// Of what is retained: each vote is its own, by somebody who might, while they might.
pub(super) fn are_fair(execution: &str, followed: &Followed) {
    let mut votes = BTreeSet::new();
    for record in &followed.records {
        let Fact::Voted { vote, .. } = &record.fact else { continue };
        assert!(votes.insert(vote.decision_id.clone()), "it counts twice: {vote:?}");
        let subject = &*vote.by.subject;
        assert!(decides(subject, execution), "{subject} has voted in {execution}");
        let mut theirs = TOKENS.iter().filter(|it| it.starts_with(subject));
        let counts = |token: &&str| ends(token).is_none_or(|at| vote.time < at);
        assert!(theirs.any(counts), "{subject} has voted with a token that had ended");
    }
}

/// Knows these tokens, and whose are taken back.
#[derive(Debug, Default)]
pub(super) struct Book {
    revoked: Mutex<BTreeSet<String>>,
}

impl Book {
    pub(super) fn revoke(&self, subject: &str) {
        let mut revoked = self.revoked.lock().unwrap_or_else(PoisonError::into_inner);
        revoked.insert(subject.to_owned());
    }
}

impl Verifier for Book {
    fn verify(&self, token: &str, _: bool, now: Timestamp) -> Result<Pass, Invalid> {
        let known = TOKENS.iter().find(|it| **it == token).map(|it| pass(it));
        let pass = known.filter(|it| self.stands(it)).ok_or(Invalid::Unknown)?;
        if pass.is_over(now) { Err(Invalid::Expired) } else { Ok(pass) }
    }

    fn unshown(&self, _: bool) -> Option<Pass> {
        None
    }

    fn stands(&self, pass: &Pass) -> bool {
        let revoked = self.revoked.lock().unwrap_or_else(PoisonError::into_inner);
        !revoked.contains(&*pass.principal.subject)
    }
}
