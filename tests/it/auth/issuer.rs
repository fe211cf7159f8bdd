//! A2: what an issuer's tokens have to say, and what that makes of their holder.

use std::time::Duration;

use footplate::auth::verifier::Verifier;
use footplate::auth::{Alg, Names, Pass, Profile, Setup, Tokens};
use footplate::model::{ExecutionId, Identity, Role, Timestamp};
use serde_json::{Value, json};
use tempfile::TempDir;

use super::mint::*;

fn admitted(profile: Profile, header: &Value, claims: &Value) -> Option<Pass> {
    let (pair, folder) = (Pair::new(Alg::Hs256), TempDir::new().unwrap());
    let keys = vec![written(&folder, "key", &pair)];
    let tokens = Tokens::open(Setup { profile, keys, ..Setup::default() }, |_| ()).unwrap();
    tokens.verify(&pair.token(header, claims), true, now()).ok()
}

fn with(name: &str, value: Value) -> Value {
    let mut claims = claims();
    claims[name] = value;
    claims
}

#[test]
fn a2_required_claims_are_there() {
    for name in ["exp", "iss", "aud", "sub"] {
        let mut claims = claims();
        claims.as_object_mut().unwrap().remove(name);
        assert!(admitted(profile(), &json!({}), &claims).is_none(), "{name}");
    }
    // As nebula's documents have it: who issued it and for whom is not said.
    let nebula =
        Profile { required: ["sub", "exp", "iat"].map(Into::into).to_vec(), ..Profile::default() };
    let brief = json!({ "sub": "user_123", "exp": NOW + 60, "iat": NOW });
    assert!(admitted(nebula.clone(), &json!({}), &brief).is_some());
    let mut unissued = brief.clone();
    unissued.as_object_mut().unwrap().remove("iat");
    assert!(admitted(nebula.clone(), &json!({}), &unissued).is_none());
    // What says that it is for somebody else is not for us, whatever is required.
    let mut elsewhere = brief;
    elsewhere["aud"] = "another".into();
    assert!(admitted(nebula, &json!({}), &elsewhere).is_none());
}

#[test]
fn a2_the_type_is_one_that_is_meant_for_us() {
    let takes = |profile: Profile, typ: &str| {
        admitted(profile, &json!({ "typ": typ }), &claims()).is_some()
    };
    for typ in ["JWT", "jwt", "at+jwt", "application/at+jwt"] {
        assert!(takes(profile(), typ), "{typ}");
    }
    for typ in ["logout+jwt", "dpop+jwt", "secevent+jwt", "id+jwt", ""] {
        assert!(!takes(profile(), typ), "{typ}");
    }
    let strict = || Profile { types: vec!["at+jwt".into()], ..profile() };
    assert!(takes(strict(), "at+JWT") && !takes(strict(), "JWT"));
    assert!(admitted(strict(), &json!({}), &claims()).is_none());
}

#[test]
fn a2_no_token_counts_for_longer_than_a_day() {
    let pass = |claims: Value| admitted(profile(), &json!({}), &claims);
    let ends = |it: Pass| it.expires.unwrap();
    assert_eq!(ends(pass(claims()).unwrap()), Timestamp((NOW + 605) * 1_000_000));
    let year = with("exp", json!(NOW + 365 * 86_400));
    assert_eq!(ends(pass(year.clone()).unwrap()), Timestamp((NOW + 86_405) * 1_000_000));
    let mut old = year.clone();
    old["iat"] = json!(NOW - 86_406);
    assert!(pass(old).is_none());
    // When it was issued is not said, so for how long it has counted is not known.
    let mut unissued = year;
    unissued.as_object_mut().unwrap().remove("iat");
    assert!(pass(unissued).is_none());
    let hour = Profile { lifetime: Duration::from_secs(3_600), ..profile() };
    let long = with("exp", json!(NOW + 7_200));
    assert_eq!(
        ends(admitted(hour, &json!({}), &long).unwrap()),
        Timestamp((NOW + 3_605) * 1_000_000)
    );
}

#[test]
fn a2_roles_rise_and_others_words_are_no_roles() {
    let table = [
        (json!(["viewer"]), vec![Role::Viewer], false),
        (json!(["decider"]), vec![Role::Viewer, Role::Decider], false),
        (json!("operator viewer"), vec![Role::Viewer, Role::Decider, Role::Operator], false),
        (
            json!(["admin", "other:thing"]),
            vec![Role::Viewer, Role::Decider, Role::Operator, Role::Admin],
            false,
        ),
        (json!(["engine"]), vec![], true),
        (json!(["engine", "viewer"]), vec![Role::Viewer], true),
        (json!(["ADMIN", "Admin", "superadmin", "admin:all"]), vec![], false),
        (json!([]), vec![], false),
    ];
    for (roles, expected, engine) in table {
        let pass = admitted(profile(), &json!({}), &with("roles", roles.clone())).unwrap();
        assert_eq!((&pass.principal.roles, pass.engine), (&expected, engine), "{roles}");
    }
    for wrong in [json!(7), json!({ "admin": true }), json!([1]), json!(true), json!(null)] {
        assert!(
            admitted(profile(), &json!({}), &with("roles", wrong.clone())).is_none(),
            "{wrong}"
        );
    }
    // Who says nothing of it may watch.
    let mut silent = claims();
    silent.as_object_mut().unwrap().remove("roles");
    assert_eq!(admitted(profile(), &json!({}), &silent).unwrap().principal.roles, [Role::Viewer]);
}

#[test]
fn a2_claims_are_called_what_the_operator_says() {
    let names = Names {
        roles: "realm_access.roles".into(),
        groups: "https://x.example/groups".into(),
        tenant: Some("org".into()),
        executions: "scope.executions".into(),
    };
    let profile = || Profile { names: names.clone(), ..profile() };
    let mut claims = claims();
    claims["realm_access"] = json!({ "roles": ["operator"] });
    claims["https://x.example/groups"] = json!(["ops"]);
    claims["scope"] = json!({ "executions": ["team-a-*", "shared"] });
    assert!(admitted(profile(), &json!({}), &claims).is_none(), "it has to have a tenant");
    claims["org"] = "acme".into();
    let pass = admitted(profile(), &json!({}), &claims).unwrap();
    assert_eq!(pass.principal.roles.last(), Some(&Role::Operator));
    assert_eq!(
        (&*pass.principal.groups[0], pass.principal.tenant.as_deref()),
        ("ops", Some("acme"))
    );
    let sees = |id: &str, tenant: Option<&str>| {
        let id: ExecutionId = id.parse().unwrap();
        pass.sight.has(&id, &Identity::of("w1", tenant))
    };
    assert!(sees("team-a-7", Some("acme")) && sees("shared", Some("acme")));
    assert!(
        !sees("team-b-7", Some("acme"))
            && !sees("team-a-7", Some("other"))
            && !sees("team-a-7", None)
    );
    for wrong in ["", "a/b", "a b", "*", "acme\u{1f}", "é"] {
        claims["org"] = wrong.into();
        let fine = admitted(profile(), &json!({}), &claims).is_some();
        assert!(!fine, "{wrong:?}");
    }
}

#[test]
fn z1_patterns_fit_as_a_whole() {
    use footplate::auth::Pattern;
    let table = [
        ("run-1", "run-1", true),
        ("run-1", "run-10", false),
        ("run-*", "run-", true),
        ("run-*", "run-1", true),
        ("run-*", "Run-1", false),
        ("*", "", true),
        ("*", "x", true),
        ("*-prod", "a-prod", true),
        ("*-prod", "a-prod-2", false),
        ("a*b*c", "abc", true),
        ("a*b*c", "axbxbxc", true),
        ("a*b*c", "ac", false),
        ("a*a", "a", false),
        ("a*a", "aa", true),
        ("**", "x", true),
        ("a**b", "ab", true),
        ("*a*", "bab", true),
        ("*a*", "bb", false),
        ("ab*ba", "aba", false),
    ];
    for (pattern, name, fits) in table {
        assert_eq!(Pattern::read(pattern).unwrap().fits(name), fits, "{pattern} {name}");
    }
    for wrong in ["", "a b", "a/b", "é", &"a".repeat(257)] {
        assert!(Pattern::read(wrong).is_err());
    }
    // It takes no time, however it is written.
    let nasty = Pattern::read(&format!("{}b", "a*".repeat(120))).unwrap();
    assert!(!nasty.fits(&"a".repeat(256)));
}
