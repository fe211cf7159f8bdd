//! Whatever somebody shows as a token is refused with one reason, or it is what its issuer signed, letter
//! by letter, and counts now and here. What counts is said here once more, by other code than the relay's.

use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use footplate::auth::verifier::{Invalid, Verifier};
use footplate::auth::{Pass, Profile, Reason, Setup, Tokens};
use footplate::model::{Role, Timestamp};
use tempfile::TempDir;

use super::draw::Draw;
use super::signers::{ALGS, Signers};
use super::strict::Tree;

const ISSUER: &str = "https://id.example";
const AUDIENCE: &str = "footplate";
/// 2026-11-21T12:00:00Z, in seconds.
const NOW: i64 = 1_795_262_400;
/// As the profile has it by default, in seconds.
const LEEWAY: i64 = 5;
const LIFETIME: i64 = 24 * 3_600;
/// One relay's knowledge, and why it refused.
struct Desk {
    tokens: Tokens,
    algs: Vec<&'static str>,
    /// Whether it has tenants.
    tenants: bool,
    heard: Arc<Mutex<Vec<Reason>>>,
}

impl Desk {
    fn new(signers: &Signers, algs: &[&'static str], tenants: bool) -> Self {
        let folder = TempDir::new().expect("there is a place for temporary files");
        let file = |alg: &&str| {
            let path = folder.path().join(alg);
            std::fs::write(&path, signers.file(alg)).expect("it can be written to");
            path
        };
        let mut profile = Profile {
            issuer: Some(ISSUER.into()),
            audiences: vec![AUDIENCE.into(), "another-name".into()],
            ..Profile::default()
        };
        if tenants {
            profile.names.tenant = Some("org.tenant".into());
        }
        let keys = algs.iter().map(file).collect();
        let heard: Arc<Mutex<Vec<Reason>>> = Arc::default();
        let hears = Arc::clone(&heard);
        let setup = Setup { profile, keys, ..Setup::default() };
        let tokens = Tokens::open(setup, move |reason| {
            hears.lock().unwrap_or_else(PoisonError::into_inner).push(reason);
        });
        Self { tokens: tokens.expect("the keys are good"), algs: algs.to_vec(), tenants, heard }
    }
}

/// Everything that is made once.
struct Bench {
    signers: Signers,
    desks: Vec<Desk>,
}

fn bench() -> &'static Mutex<Bench> {
    static BENCH: OnceLock<Mutex<Bench>> = OnceLock::new();
    BENCH.get_or_init(|| {
        let signers = Signers::new();
        let mut desks = vec![Desk::new(&signers, &ALGS, false), Desk::new(&signers, &ALGS, true)];
        desks.extend(ALGS.iter().map(|alg| Desk::new(&signers, &[*alg], false)));
        Mutex::new(Bench { signers, desks })
    })
}

/// One go.
pub fn run(data: &[u8]) {
    // One at a time: a desk tells its reasons to whoever asks next.
    let bench = bench().lock().unwrap_or_else(PoisonError::into_inner);
    let Bench { signers, desks } = &*bench;
    let mut draw = Draw::new(data);
    let mode = draw.byte();
    let desk = draw.of(desks);
    match mode % 4 {
        // What anybody could show.
        0 => {
            show(signers, desk, &String::from_utf8_lossy(draw.rest()));
        }
        // What a confused issuer could sign.
        1 => {
            let alg = draw.of(&ALGS);
            let header = draw.some();
            let token = raw(signers, alg, header, draw.rest());
            show(signers, desk, &token);
        }
        // What an issuer signs, on the edge of what counts.
        2 => {
            let (token, counts) = drawn(signers, desk, &mut draw);
            let taken = show(signers, desk, &token).is_some();
            assert_eq!(taken, counts, "what counts, and nothing else: {token}");
        }
        // What somebody has made of a good one.
        _ => {
            let alg = draw.of(&ALGS);
            let token = good(signers, alg);
            let known = desk.algs.contains(alg);
            assert_eq!(show(signers, desk, &token).is_some(), known, "a good one: {token}");
            let spoiled = spoiled(&token, &mut draw);
            let taken = show(signers, desk, &spoiled).is_some();
            assert!(!taken || spoiled == token, "it is another than was signed: {spoiled}");
        }
    }
}

/// Shows it, and holds the answer against what the token says.
fn show(signers: &Signers, desk: &Desk, token: &str) -> Option<Pass> {
    let answer = desk.tokens.verify(token, true, Timestamp(NOW * 1_000_000));
    let reasons = std::mem::take(&mut *desk.heard.lock().unwrap_or_else(PoisonError::into_inner));
    match answer {
        Ok(pass) => {
            assert!(reasons.is_empty(), "it is let in, and refused with {reasons:?}");
            stands(signers, desk, token, &pass);
            Some(pass)
        }
        Err(told) => {
            assert_eq!(reasons.len(), 1, "a refusal has one reason");
            assert_eq!(told, Invalid::from(reasons[0]));
            if told == Invalid::Expired {
                let signed = token.rsplit_once('.').map(|(text, _)| text);
                let of = |text: &&str| text.split('.').count() == 2;
                let signed = signed.filter(of).expect("only a token can have expired");
                let (_, alg, _) = taken_apart(token).expect("only a token can have expired");
                let signature = decoded(token.rsplit('.').next().unwrap_or_default());
                let ours = signers.has_signed(&alg, signed, &signature.unwrap_or_default());
                assert!(ours, "who forges hears what is true of the claims: {token}");
            }
            None
        }
    }
}

/// Whoever was let in with this token had to be: all that is asked of one.
fn stands(signers: &Signers, desk: &Desk, token: &str, pass: &Pass) {
    assert!(token.len() <= 8 << 10);
    let (header, alg, claims) = taken_apart(token).expect("three parts, two of them objects");
    assert!(desk.algs.contains(&&*alg), "nobody here signs with {alg}");
    let (signed, signature) = token.rsplit_once('.').expect("three parts");
    let signature = decoded(signature).expect("base64url");
    assert!(signers.has_signed(&alg, signed, &signature), "nobody has signed {token}");
    for critical in ["crit", "b64", "zip", "enc"] {
        assert!(header.get(critical).is_none(), "{critical} is not understood");
    }
    let cty = header.get("cty").and_then(Tree::text).unwrap_or_default();
    assert!(!cty.eq_ignore_ascii_case("jwt"), "there is another inside");
    if let Some(typ) = header.get("typ") {
        let typ = typ.text().expect("a type is a text").to_ascii_lowercase();
        assert!(["jwt", "at+jwt", "application/jwt", "application/at+jwt"].contains(&&*typ));
    }
    assert_eq!(claims.get("iss").and_then(Tree::text), Some(ISSUER));
    let named = |it: &Tree| it.text().is_some_and(|it| [AUDIENCE, "another-name"].contains(&it));
    let aud = claims.get("aud").expect("it is for somebody");
    let all_are_names = |all: &[Tree]| all.iter().all(|it| it.text().is_some());
    let for_us = aud.list().map_or(named(aud), |all| all_are_names(all) && all.iter().any(named));
    assert!(for_us, "it is for another: {aud:?}");
    let time = |name: &str| {
        let claim = claims.get(name)?.whole().and_then(|it| i64::try_from(it).ok());
        Some(claim.expect("a time is a whole number"))
    };
    let (exp, iat) = (time("exp").expect("it ends"), time("iat"));
    assert!(NOW < exp + LEEWAY, "it has expired");
    assert!(time("nbf").is_none_or(|at| at <= NOW + LEEWAY), "it does not count yet");
    assert!(iat.is_none_or(|at| at <= NOW + LEEWAY), "it comes from the future");
    let last = iat.map_or(exp, |at| exp.min(at + LIFETIME));
    assert!(NOW < last + LEEWAY && last <= NOW + LIFETIME + LEEWAY, "it counts for too long");
    assert_eq!(pass.expires, Some(Timestamp((last + LEEWAY) * 1_000_000)));
    let subject = claims.get("sub").and_then(Tree::text).expect("it is somebody's");
    assert_eq!(*pass.principal.subject, *subject);
    assert!((1..=256).contains(&subject.len()) && !subject.chars().any(char::is_control));
    let org = claims.get("org.tenant").or_else(|| claims.get("org")?.get("tenant"));
    let tenant = org.and_then(Tree::text).filter(|_| desk.tenants);
    assert_eq!(desk.tenants, tenant.is_some(), "it is of some tenant");
    assert_eq!(pass.principal.tenant.as_deref(), tenant);
    assert_eq!(pass.sight.tenant.as_deref(), tenant);
    let words = words(claims.get("roles"));
    for role in &pass.principal.roles {
        // Each role has those below it, and a token without any makes a viewer.
        let says = |word: &String| role.name() == word || (*role == Role::Viewer && is_role(word));
        let above = |word: &String| match role {
            Role::Viewer | Role::Decider => ["decider", "operator", "admin"].contains(&&**word),
            Role::Operator => word == "admin",
            Role::Admin => false,
        };
        let viewer = *role == Role::Viewer && claims.get("roles").is_none();
        assert!(viewer || words.iter().any(|it| says(it) || above(it)), "nobody made it {role:?}");
    }
    assert_eq!(pass.engine, words.iter().any(|it| it == "engine"));
    if claims.get("executions").is_some() {
        let patterns = pass.sight.executions.as_ref().expect("it sees some, and not all");
        assert!(patterns.len() <= words_of(claims.get("executions")));
    }
}

fn is_role(word: &str) -> bool {
    ["viewer", "decider", "operator", "admin"].contains(&word)
}

fn words(claim: Option<&Tree>) -> Vec<String> {
    match claim {
        Some(Tree::Text(text)) => text.split_ascii_whitespace().map(str::to_owned).collect(),
        Some(Tree::List(all)) => all.iter().filter_map(|it| it.text().map(str::to_owned)).collect(),
        _ => vec![],
    }
}

fn words_of(claim: Option<&Tree>) -> usize {
    words(claim).len()
}

/// Its header, its algorithm and its claims.
fn taken_apart(token: &str) -> Option<(Tree, String, Tree)> {
    let parts: Vec<&str> = token.split('.').collect();
    let [header, claims, _] = parts[..] else { return None };
    let header = Tree::read(&decoded(header)?).ok().filter(Tree::is_object)?;
    let claims = Tree::read(&decoded(claims)?).ok().filter(Tree::is_object)?;
    let alg = header.get("alg")?.text()?.to_owned();
    Some((header, alg, claims))
}

/// What says the same when it is written again.
fn decoded(part: &str) -> Option<Vec<u8>> {
    let bytes = URL_SAFE_NO_PAD.decode(part).ok()?;
    (URL_SAFE_NO_PAD.encode(&bytes) == part).then_some(bytes)
}

fn raw(signers: &Signers, alg: &str, header: &[u8], claims: &[u8]) -> String {
    let signed = format!("{}.{}", URL_SAFE_NO_PAD.encode(header), URL_SAFE_NO_PAD.encode(claims));
    let signature = signers.sign(alg, &signed);
    format!("{signed}.{}", URL_SAFE_NO_PAD.encode(signature))
}

/// A token that counts, of whoever knows the algorithm, with tenants or without.
fn good(signers: &Signers, alg: &str) -> String {
    let header = format!("{{\"alg\":\"{alg}\"}}");
    let claims = format!(
        "{{\"iss\":\"{ISSUER}\",\"aud\":\"{AUDIENCE}\",\"sub\":\"ada\",\"exp\":{},\"iat\":{NOW},\
         \"org\":{{\"tenant\":\"acme\"}},\"roles\":[\"decider\"]}}",
        NOW + 600
    );
    raw(signers, alg, header.as_bytes(), claims.as_bytes())
}

/// The same with some of its bytes replaced, left out or put in, in ways that a forger would try.
fn spoiled(token: &str, draw: &mut Draw<'_>) -> String {
    let mut text: Vec<char> = token.chars().collect();
    for _ in 0..=draw.byte() % 4 {
        let at = (draw.small().unsigned_abs() as usize) % (text.len() + 1);
        let with = char::from(draw.byte());
        match draw.byte() % 6 {
            0 if at < text.len() => text[at] = with,
            1 if at < text.len() => {
                text.remove(at);
            }
            2 => text.insert(at, with),
            3 => text.truncate(at),
            4 => text.extend(String::from_utf8_lossy(draw.bytes(16)).chars()),
            _ => {
                let part = draw.of(&[".", "..", "=", "==", ".AAAA", " ", "\u{0}", "é"]);
                text.splice(at..at, part.chars());
            }
        }
    }
    text.into_iter().collect()
}

/// A well-signed token of drawn claims, and whether it counts at this desk.
fn drawn(signers: &Signers, desk: &Desk, draw: &mut Draw<'_>) -> (String, bool) {
    let alg = draw.of(&ALGS);
    let said = if draw.byte() < 16 { draw.of(&ALGS) } else { alg };
    let mut counts = desk.algs.contains(alg) && said == alg;
    let header = draw.of(&[
        ("", true),
        (",\"typ\":\"JWT\"", true),
        (",\"typ\":\"application/at+jwt\"", true),
        (",\"kid\":\"k-1\"", true),
        (",\"jku\":\"https://evil.example\",\"x5c\":[1]", true),
        (",\"typ\":\"refresh+jwt\"", false),
        (",\"typ\":null", false),
        (",\"kid\":\"../k\"", false),
        (",\"kid\":\"\"", false),
        (",\"crit\":[]", false),
        (",\"b64\":true", false),
        (",\"zip\":\"DEF\"", false),
        (",\"cty\":\"Jwt\"", false),
        (",\"alg\":\"HS256\"", false),
        (",\"\\u0061lg\":\"HS256\"", false),
    ]);
    counts &= header.1;
    let header = format!("{{\"alg\":\"{said}\"{}}}", header.0);
    let mut claims = vec![];
    let mut add = |fair: bool, claim: String| {
        if !claim.is_empty() {
            claims.push(claim);
        }
        fair
    };
    for (texts, bad) in [
        (&[IS, "", "\"iss\":\"https://id.example/\"", "\"iss\":[\"https://id.example\"]"], 1),
        (&[FOR, "\"aud\":[\"x\",\"footplate\"]", "\"aud\":[\"footplate\",1]", "\"aud\":\"x\""], 2),
        (&[WHO, "\"sub\":\"\\u00e9 \\\"\"", "\"sub\":\"a\\u202eb\"", "\"sub\":7"], 2),
        (&[IN, "\"org.tenant\":\"a\"", "\"a\":[1,{}]", "\"a\":{\"b\":1,\"\\u0062\":1}"], 3),
        (&["", "\"roles\":\"admin engine x\"", "\"roles\":[\"operator\"]", "\"roles\":[1]"], 3),
        (&["", "\"executions\":[\"a*\"]", "\"executions\":[]", "\"executions\":\"a/b\""], 3),
        (&["", "\"jti\":\"t1\"", "\"sid\":\"s\"", "\"jti\":\"\""], 3),
    ] {
        let at = usize::from(draw.byte()) % 4;
        let at = if draw.byte() < 32 { at } else { at % bad };
        // Half of the tenants of a desk that has them are left out.
        let tenant = texts[0] != IN || !desk.tenants || at < 2;
        counts &= add(at < bad && tenant, texts[at].to_owned());
    }
    let far = if draw.byte() < 64 { LIFETIME } else { 0 };
    let (exp, iat, nbf) = (NOW + far + draw.small(), draw.small(), draw.small());
    let odd = |draw: &mut Draw<'_>, time: i64| -> (bool, String) {
        match draw.byte() {
            0 => (false, format!("{time}.0")),
            1 => (false, format!("\"{time}\"")),
            2 => (false, format!("{time}e0")),
            3 => (false, "null".to_owned()),
            4 => (false, "1e999".to_owned()),
            5 => (false, format!("-{time}")),
            _ => (true, time.to_string()),
        }
    };
    let (fair, said) = odd(draw, exp);
    counts &= add(fair, format!("\"exp\":{said}"));
    let mut last = exp;
    if !draw.flag() {
        // It can't be told how long it has counted already.
        counts &= exp <= NOW + LIFETIME;
    } else {
        // Around one lifetime ago, or about now.
        let iat = if draw.flag() { NOW + iat } else { NOW - LIFETIME + iat };
        last = last.min(iat + LIFETIME);
        let (fair, said) = odd(draw, iat);
        counts &= add(fair && iat <= NOW + LEEWAY, format!("\"iat\":{said}"));
    }
    if draw.flag() {
        let (fair, said) = odd(draw, NOW + nbf);
        counts &= add(fair && nbf <= LEEWAY, format!("\"nbf\":{said}"));
    }
    counts &= NOW < last + LEEWAY;
    let claims = format!("{{{}}}", claims.join(","));
    (raw(signers, alg, header.as_bytes(), claims.as_bytes()), counts)
}

const IS: &str = "\"iss\":\"https://id.example\"";
const FOR: &str = "\"aud\":\"footplate\"";
const WHO: &str = "\"sub\":\"ada\"";
const IN: &str = "\"org\":{\"tenant\":\"acme\"}";
