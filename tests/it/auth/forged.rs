//! A1: tokens that somebody has forged, damaged or taken from elsewhere. Each is refused with the same
//! answer, and the reason is known to the operator alone.

use std::sync::{Arc, Mutex};

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use footplate::auth::verifier::{Invalid, Verifier};
use footplate::auth::{Alg, Key, Reason, Setup, Tokens};
use serde_json::{Value, json};
use tempfile::TempDir;

use super::mint::*;

/// Knows one key, and why it refused the last token.
struct Desk {
    pair: Pair,
    tokens: Tokens,
    last: Arc<Mutex<Option<Reason>>>,
}

impl Desk {
    fn of(alg: Alg) -> Self {
        let (pair, folder) = (Pair::new(alg), TempDir::new().unwrap());
        let keys = vec![written(&folder, "key", &pair)];
        let last: Arc<Mutex<Option<Reason>>> = Arc::default();
        let hears = Arc::clone(&last);
        let setup = Setup { profile: profile(), keys, ..Setup::default() };
        let tokens = Tokens::open(setup, move |it| *hears.lock().unwrap() = Some(it)).unwrap();
        Self { pair, tokens, last }
    }

    fn refuses(&self, token: &str, why: Reason) {
        let answer = self.tokens.verify(token, true, now());
        assert_eq!(answer, Err(Invalid::Unknown), "{why:?}: {token:.200}");
        assert_eq!(self.last.lock().unwrap().take(), Some(why), "{token:.200}");
    }

    fn takes(&self, token: &str) {
        self.tokens.verify(token, true, now()).unwrap();
    }
}

#[test]
fn a1_each_algorithm_lets_its_own_tokens_in() {
    for alg in Alg::ALL {
        let desk = Desk::of(alg);
        desk.takes(&desk.pair.token(&json!({}), &claims()));
        desk.takes(&desk.pair.token(&json!({ "typ": "at+jwt" }), &claims()));
        // Somebody else's key of the same kind.
        if alg != Alg::Hs256 {
            desk.refuses(&Pair::new(alg).token(&json!({}), &claims()), Reason::Signature);
        }
    }
}

#[test]
fn a1_none_is_no_algorithm() {
    let desk = Desk::of(Alg::Es256);
    for alg in ["none", "None", "NONE", "nOnE", ""] {
        let signed = format!(
            "{}.{}",
            b64(json!({ "alg": alg }).to_string().as_bytes()),
            b64(claims().to_string().as_bytes())
        );
        desk.refuses(&format!("{signed}."), Reason::NotAToken);
        desk.refuses(&format!("{signed}.AAAA"), Reason::Algorithm);
    }
    let none = format!("{}.{}.AAAA", b64(b"{}"), b64(claims().to_string().as_bytes()));
    desk.refuses(&none, Reason::Algorithm);
}

#[test]
fn a1_a_public_key_is_no_secret() {
    for alg in [Alg::Rs256, Alg::Es256, Alg::EdDsa] {
        let desk = Desk::of(alg);
        let pem = desk.pair.pem();
        let signed =
            format!("{}.{}", b64(br#"{"alg":"HS256"}"#), b64(claims().to_string().as_bytes()));
        for secret in [pem.as_bytes(), pem.trim().as_bytes()] {
            let forged = format!("{signed}.{}", b64(&mac(secret, signed.as_bytes())));
            desk.refuses(&forged, Reason::UnknownKey);
        }
    }
}

#[test]
fn a1_a_key_is_for_one_algorithm() {
    // The same RSA key signs both; each verifier takes its own alone.
    let desk = Desk::of(Alg::Rs256);
    let Pair::Rsa(_, pair) = &desk.pair else { panic!("it is one of RSA") };
    let header = b64(br#"{"alg":"PS256"}"#);
    let signed = format!("{header}.{}", b64(claims().to_string().as_bytes()));
    let mut signature = vec![0; pair.public_modulus_len()];
    let random = aws_lc_rs::rand::SystemRandom::new();
    pair.sign(&aws_lc_rs::signature::RSA_PSS_SHA256, &random, signed.as_bytes(), &mut signature)
        .unwrap();
    desk.refuses(&format!("{signed}.{}", b64(&signature)), Reason::UnknownKey);
    // Algorithms that are not ours at all.
    for alg in ["HS384", "HS512", "RS384", "RS512", "ES384", "ES512", "PS512", "ES256K", "hs256"] {
        let header = json!({ "alg": alg }).to_string();
        desk.refuses(&desk.pair.raw(&header, &claims().to_string()), Reason::Algorithm);
    }
}

#[test]
fn a1_a_signature_can_not_be_left_out_or_altered() {
    for alg in Alg::ALL {
        let desk = Desk::of(alg);
        let good = desk.pair.token(&json!({}), &claims());
        let (signed, signature) = good.rsplit_once('.').unwrap();
        desk.refuses(signed, Reason::NotAToken);
        desk.refuses(&format!("{signed}."), Reason::NotAToken);
        desk.refuses(&format!("{signed}.{}", b64(&[0; 64])), Reason::Signature);
        let bytes = URL_SAFE_NO_PAD.decode(signature).unwrap();
        desk.refuses(&format!("{signed}.{}", b64(&bytes[..bytes.len() - 1])), Reason::Signature);
        // Other claims under the same signature.
        let other = b64(claims_at(NOW, "mallory", &["admin"]).to_string().as_bytes());
        let header = signed.split('.').next().unwrap();
        desk.refuses(&format!("{header}.{other}.{signature}"), Reason::Signature);
    }
}

#[test]
fn a1_base64_is_strict() {
    let desk = Desk::of(Alg::Hs256);
    let good = desk.pair.token(&json!({}), &claims());
    let parts: Vec<&str> = good.split('.').collect();
    let spoiled = |at: usize, with: &dyn Fn(&str) -> String| {
        let mut parts: Vec<String> = parts.iter().map(|it| (*it).to_owned()).collect();
        parts[at] = with(&parts[at]);
        parts.join(".")
    };
    for at in 0..3 {
        for what in ["=", "==", " ", "\n", "\t", "+", "/", "é"] {
            desk.refuses(&spoiled(at, &|it| format!("{it}{what}")), Reason::NotAToken);
            desk.refuses(&spoiled(at, &|it| format!("{what}{it}")), Reason::NotAToken);
        }
        desk.refuses(&spoiled(at, &|_| String::new()), Reason::NotAToken);
    }
    // Bits that are left over in the last letter would make two texts of one token.
    let last = parts[2].chars().last().unwrap();
    let twin = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let at = twin.find(last).unwrap();
    let other = twin.as_bytes()[at ^ 1] as char;
    desk.refuses(&spoiled(2, &|it| format!("{}{other}", &it[..it.len() - 1])), Reason::NotAToken);
    for text in [".", "..", "...", "a.b", "a.b.c.d", "a.b.c.d.e.f", "\u{0}.a.b"] {
        desk.refuses(text, Reason::NotAToken);
    }
}

#[test]
fn a1_nothing_is_said_twice() {
    let desk = Desk::of(Alg::Hs256);
    let good = claims().to_string();
    let header = r#"{"alg":"HS256","alg":"HS256"}"#;
    desk.refuses(&desk.pair.raw(header, &good), Reason::Header);
    let header = r#"{"alg":"HS256","kid":"a","kid":"b"}"#;
    desk.refuses(&desk.pair.raw(header, &good), Reason::Header);
    // The second would win elsewhere, here nobody does; however it is written.
    for twice in [r#""sub":"mallory""#, r#""\u0073ub":"mallory""#, r#""x":{"a":1,"a":2}"#] {
        let claims = format!("{},{twice}}}", good.strip_suffix('}').unwrap());
        desk.refuses(&desk.pair.raw(r#"{"alg":"HS256"}"#, &claims), Reason::Claims);
    }
}

#[test]
fn a1_what_is_not_understood_is_refused() {
    let desk = Desk::of(Alg::Hs256);
    let refuse = |header: Value, why| desk.refuses(&desk.pair.token(&header, &claims()), why);
    refuse(json!({ "crit": ["exp"] }), Reason::Critical);
    refuse(json!({ "crit": ["b64"], "b64": false }), Reason::Critical);
    refuse(json!({ "crit": [] }), Reason::Critical);
    refuse(json!({ "b64": false }), Reason::Critical);
    refuse(json!({ "b64": true }), Reason::Critical);
    refuse(json!({ "zip": "DEF" }), Reason::Critical);
    refuse(json!({ "cty": "JWT" }), Reason::Nested);
    refuse(json!({ "cty": "jwt" }), Reason::Nested);
    refuse(json!({ "enc": "A256GCM" }), Reason::Nested);
    refuse(json!({ "typ": 7 }), Reason::Header);
    let jwe = format!("{}.AAAA.AAAA.AAAA.AAAA", b64(br#"{"alg":"RSA-OAEP","enc":"A256GCM"}"#));
    desk.refuses(&jwe, Reason::Nested);
    for header in
        ["[]", "1", "\"x\"", "", "{", "{\"alg\":\"HS256\"}x", "\u{feff}{\"alg\":\"HS256\"}"]
    {
        let why = if header.is_empty() { Reason::NotAToken } else { Reason::Header };
        desk.refuses(&desk.pair.raw(header, &claims().to_string()), why);
    }
    for claims in ["[]", "1", "null", "{", "{\"sub\":\"a\"}x"] {
        desk.refuses(&desk.pair.raw(r#"{"alg":"HS256"}"#, claims), Reason::Claims);
    }
    // Not UTF-8, in either part.
    let broken = b64(&[b'{', 0xff, b'}']);
    let signed = format!("{}.{broken}", b64(br#"{"alg":"HS256"}"#));
    let token = format!("{signed}.{}", b64(&desk.pair.sign(&signed)));
    desk.refuses(&token, Reason::Claims);
    desk.refuses(&format!("{broken}.AAAA.AAAA"), Reason::Header);
}

#[test]
fn a1_a_token_does_not_bring_its_own_key() {
    let desk = Desk::of(Alg::Es256);
    let thief = Pair::new(Alg::Es256);
    for header in [
        json!({ "jwk": thief.jwk("mine") }),
        json!({ "jku": "https://evil.example/jwks.json" }),
        json!({ "x5u": "https://evil.example/cert.pem" }),
        json!({ "x5c": ["MIIB"], "x5t": "AAAA" }),
    ] {
        desk.refuses(&thief.token(&header, &claims()), Reason::Signature);
        // Nor does it harm who is let in by a key of ours.
        desk.takes(&desk.pair.token(&header, &claims()));
    }
}

#[test]
fn a1_what_is_too_long_is_not_looked_at() {
    let desk = Desk::of(Alg::Hs256);
    let good = desk.pair.token(&json!({}), &claims());
    desk.refuses(&"a".repeat((8 << 10) + 1), Reason::TooLong);
    desk.refuses(&format!("{good}{}", "A".repeat(1 << 20)), Reason::TooLong);
    let mut claims = claims();
    claims["more"] = "x".repeat(5_000).into();
    desk.takes(&desk.pair.token(&json!({}), &claims));
    claims["more"] = "x".repeat(7_000).into();
    desk.refuses(&desk.pair.token(&json!({}), &claims), Reason::TooLong);
}

#[test]
fn a1_deep_json_is_no_claims() {
    let desk = Desk::of(Alg::Hs256);
    let good = claims().to_string();
    for depth in [65, 1_000, 2_900] {
        let deep = format!(
            "{},\"x\":{}1{}}}",
            good.strip_suffix('}').unwrap(),
            "[".repeat(depth),
            "]".repeat(depth)
        );
        desk.refuses(&desk.pair.raw(r#"{"alg":"HS256"}"#, &deep), Reason::Claims);
    }
}

#[test]
fn a1_times_are_whole_seconds() {
    let desk = Desk::of(Alg::Hs256);
    let with = |name: &str, value: &str| {
        let good = claims();
        let mut all = good.as_object().unwrap().clone();
        all.remove(name);
        let rest = Value::Object(all).to_string();
        let text = format!("{},\"{name}\":{value}}}", rest.strip_suffix('}').unwrap());
        desk.pair.raw(r#"{"alg":"HS256"}"#, &text)
    };
    let soon = NOW + 600;
    for value in [
        format!("\"{soon}\""),
        format!("{soon}.5"),
        format!("{soon}.0"),
        "-1".into(),
        "1e300".into(),
        "1e9".into(),
        "99999999999999999999".into(),
        "null".into(),
        "true".into(),
        "[]".into(),
        "{}".into(),
        "-0".into(),
    ] {
        desk.refuses(&with("exp", &value), Reason::Claims);
        desk.refuses(&with("nbf", &value), Reason::Claims);
        desk.refuses(&with("iat", &value), Reason::Claims);
    }
    desk.takes(&with("nbf", &NOW.to_string()));
    desk.takes(&with("nbf", &(NOW + 5).to_string()));
    desk.refuses(&with("nbf", &(NOW + 6).to_string()), Reason::NotYet);
    desk.refuses(&with("iat", &(NOW + 6).to_string()), Reason::NotYet);
    desk.refuses(&with("iat", "99999999999"), Reason::NotYet);
    let mut without = claims();
    without.as_object_mut().unwrap().remove("exp");
    desk.refuses(&desk.pair.token(&json!({}), &without), Reason::Missing);
    let mut over = claims();
    (over["iat"], over["exp"]) = (json!(NOW - 600), json!(NOW - 5));
    let answer = desk.tokens.verify(&desk.pair.token(&json!({}), &over), true, now());
    assert_eq!(answer, Err(Invalid::Expired));
    over["exp"] = json!(NOW - 4);
    desk.takes(&desk.pair.token(&json!({}), &over));
}

#[test]
fn a1_issuer_and_audience_are_compared_letter_by_letter() {
    let desk = Desk::of(Alg::Hs256);
    let with = |name: &str, value: Value| {
        let mut claims = claims();
        claims[name] = value;
        desk.pair.token(&json!({}), &claims)
    };
    for iss in [
        "https://id.example/",
        "HTTPS://ID.EXAMPLE",
        "https://id.еxample",
        "https://id.example ",
        "",
    ] {
        desk.refuses(&with("iss", iss.into()), Reason::Issuer);
    }
    for iss in [json!(1), json!([ISSUER]), json!(null), json!({})] {
        desk.refuses(&with("iss", iss), Reason::Issuer);
    }
    desk.takes(&with("aud", json!([AUDIENCE])));
    desk.takes(&with("aud", json!(["another", AUDIENCE])));
    for aud in [
        json!("another"),
        json!("Footplate"),
        json!("footplate "),
        json!([]),
        json!(["another"]),
        json!(7),
        json!(null),
        json!({ "footplate": true }),
        json!([[AUDIENCE]]),
        json!([AUDIENCE, 7]),
    ] {
        desk.refuses(&with("aud", aud), Reason::Audience);
    }
    for sub in [
        json!(""),
        json!(7),
        json!(["ada"]),
        json!("a\u{202e}da"),
        json!("a\nda"),
        json!("x".repeat(257)),
    ] {
        desk.refuses(&with("sub", sub), Reason::Subject);
    }
}

#[test]
fn a1_a_short_secret_is_none() {
    assert!(Key::secret(&[7; 31]).is_err());
    assert!(Key::secret(&[7; 32]).is_ok());
}

/// Whoever asks hears one of two words, and no number of tries fills the log.
#[test]
fn a1_every_reason_has_a_word_of_its_own_and_the_metrics_know_it() {
    let metrics = footplate::telemetry::Metrics::new();
    let mut words: Vec<&str> = Reason::ALL.iter().map(|it| it.word()).collect();
    for word in &words {
        metrics.credentials_refused.of(word).inc();
    }
    words.sort_unstable();
    words.dedup();
    assert_eq!(words.len(), Reason::ALL.len());
    let encoded = metrics.encode();
    let once = encoded
        .lines()
        .filter(|it| it.starts_with("footplate_credentials_refused_total") && it.ends_with(" 1"));
    assert_eq!(once.count(), words.len());
    for reason in Reason::ALL.into_iter().filter(|it| *it != Reason::Expired) {
        assert_eq!(Invalid::from(reason), Invalid::Unknown);
    }
}
