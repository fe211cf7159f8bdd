//! What a request is taken for before anybody knows whose it is: its host and its page, the address that it
//! comes from, what its path names, and the one thing in it that shows who sends it. Each answer is held
//! against what plain counting and splitting say.

use std::net::{IpAddr, SocketAddr};

use footplate::dialect::Manners;
use footplate::http::Refusal;
use footplate::http::caller::{Allowed, Host, Origin};
use footplate::http::carriers::{COOKIE, Shown, Way, shown};
use footplate::http::hops::Hops;
use footplate::http::routes::Route;
use footplate::model::{Alias, ExecutionId, GateId};
use footplate::viewer::handshake;
use http::{HeaderName, HeaderValue, Method, Request, StatusCode, Version, header, request};

use super::draw::Draw;

/// The hosts and the page that the operator allows, beside the relay's own.
const HOSTS: [&str; 2] = ["relay.example", "ops.example:8443"];
const PAGE: &str = "https://ops.example";
/// By these it always goes.
const LOOPBACK: [&str; 3] = ["localhost", "127.0.0.1", "[::1]"];
/// The paths that there are. What stands for a name is `*`.
const PATHS: [&str; 18] = [
    "/",
    "/livez",
    "/readyz",
    "/v1/stream",
    "/api/dags/*/stream",
    "/api/ws/executions/*",
    "/ws/executions/*",
    "/ws/*",
    "/api/v1/ws",
    "/api/v1/workflows/*/execute",
    "/v1/executions",
    "/v1/executions/*",
    "/v1/executions/*/records",
    "/v1/executions/*/gates/*/decisions",
    "/v1/executions/*/commands",
    "/v1/commands",
    "/v1/tickets",
    "/v1/session",
];

/// One go: a byte of circumstances, the target, and headers, a line each.
pub fn run(data: &[u8]) {
    let mut draw = Draw::new(data);
    let (circumstances, hops) = (draw.byte(), draw.byte() % 4);
    let Some(head) = request(&mut draw) else { return };
    let tls = circumstances & 1 == 1;
    let cookie = circumstances & 2 == 2;
    let way = match usize::from(circumstances >> 2) % 6 {
        0 => Way::Request,
        n => Way::Socket { manners: Manners::ALL[n - 1], cookie },
    };
    admitted(&head, tls);
    came_from(&head, hops);
    routed(head.uri.path());
    carried(&head, way);
    upgraded(&head);
}

/// What hyper would make of these lines; `None`: it would make nothing of them.
fn request(draw: &mut Draw<'_>) -> Option<request::Parts> {
    let mut lines = draw.parts(b'\n');
    let target = lines.next()?;
    let (method, target) = match target.strip_prefix(b"POST ") {
        Some(target) => (Method::POST, target),
        None => (Method::GET, target),
    };
    let mut built = Request::builder().method(method).uri(target);
    for line in lines {
        let at = line.iter().position(|it| *it == b':')?;
        let name = HeaderName::from_bytes(&line[..at]).ok()?;
        let value = HeaderValue::from_bytes(line[at + 1..].trim_ascii()).ok()?;
        built = built.header(name, value);
    }
    Some(built.body(()).ok()?.into_parts().0)
}

/// A refusal that is documented: with a status, a word, and a sentence that is about no secret.
fn documented(refusal: &Refusal, all: &[(StatusCode, &str)]) {
    assert!(all.contains(&(refusal.status, refusal.code)), "{refusal:?} stands nowhere");
    assert!(refusal.message.ends_with('.') && refusal.message.len() < 300, "{refusal:?}");
}

fn single<'a>(head: &'a request::Parts, name: &HeaderName) -> Option<&'a str> {
    let all: Vec<_> = head.headers.get_all(name).iter().collect();
    if let [only] = all[..] { only.to_str().ok() } else { None }
}

/// The name and the port of an authority, in small letters; neither is checked.
fn named(text: &str) -> (String, Option<u16>) {
    let text = text.to_ascii_lowercase();
    let behind = text.rfind(']').map_or(0, |at| at + 1);
    match text[behind..].rfind(':') {
        Some(at) => (text[..behind + at].to_owned(), text[behind + at + 1..].parse().ok()),
        None => (text, None),
    }
}

fn admitted(head: &request::Parts, tls: bool) {
    let allowed = Allowed {
        hosts: HOSTS.iter().filter_map(|it| Host::parse(it)).collect(),
        origins: Origin::parse(PAGE).into_iter().collect(),
        hops: Hops::default(),
    };
    assert_eq!((allowed.hosts.len(), allowed.origins.len()), (2, 1));
    let answer = allowed.admit(&head.uri, &head.headers, tls);
    let forbidden = StatusCode::FORBIDDEN;
    if let Err(refusal) = &answer {
        documented(refusal, &[(forbidden, "host_not_allowed"), (forbidden, "origin_not_allowed")]);
    }
    let shares = allowed.shares_with(&head.headers);
    assert!(!shares || single(head, &header::ORIGIN).is_some(), "nobody knows whose page it is");
    if answer.is_err() {
        return;
    }
    // It is known by which name it was called, by one alone.
    let stated = head.uri.authority().map(|it| it.as_str());
    let host =
        single(head, &header::HOST).or(stated.filter(|_| !head.headers.contains_key(header::HOST)));
    let host = host.expect("a request that is let in names one host");
    let (name, port) = named(host);
    if let Some(stated) = stated {
        assert_eq!(named(stated), (name.clone(), port), "it names two hosts");
    }
    let known = LOOPBACK.contains(&&*name)
        || name == "relay.example"
        || (&*name, port) == ("ops.example", Some(8_443));
    assert!(known, "nobody allows {host}");
    if head.headers.contains_key(header::ORIGIN) {
        let origin = single(head, &header::ORIGIN).expect("a page has one origin");
        let (scheme, page) = origin.split_once("://").expect("an origin has a scheme");
        let usual = |scheme: &str| if scheme == "https" { 443 } else { 80 };
        let (of, at) = named(page);
        let theirs = (scheme, of, at.unwrap_or(usual(scheme)));
        let scheme = if tls { "https" } else { "http" };
        let own = (scheme, name, port.unwrap_or(usual(scheme)));
        let page = ("https", "ops.example".to_owned(), 443);
        assert!(theirs == own || theirs == page, "nobody allows {origin}");
    }
}

fn came_from(head: &request::Parts, count: u8) {
    let hops = Hops::parse(&count.to_string()).expect("so many can be trusted");
    let answer = hops.client(&head.headers);
    if let Err(refusal) = &answer {
        documented(refusal, &[(StatusCode::BAD_REQUEST, "forwarded_for")]);
    }
    if count == 0 {
        assert_eq!(answer, Ok(None), "what a client says of itself is nothing");
        return;
    }
    // What the outermost proxy has added stands so far from the end, whatever a client put before it.
    let entry = |name: &str| -> Option<Option<String>> {
        let lines: Vec<&HeaderValue> = head.headers.get_all(name).iter().collect();
        if lines.is_empty() {
            return None;
        }
        let texts: Result<Vec<&str>, _> = lines.iter().map(|it| it.to_str()).collect();
        let Ok(texts) = texts else { return Some(None) };
        let all: Vec<String> = texts.join(",").split(',').map(str::to_owned).collect();
        Some(all.len().checked_sub(usize::from(count)).map(|at| all[at].trim().to_owned()))
    };
    let address = |text: &str| -> Option<IpAddr> {
        let text = text.trim_matches('"');
        let bare = text.trim_start_matches('[').trim_end_matches(']');
        let with_port = text.parse::<SocketAddr>().map(|it| it.ip());
        with_port.ok().or_else(|| bare.parse().ok()).map(|it| it.to_canonical())
    };
    let (plain, forwarded) = (entry("x-forwarded-for"), entry("forwarded"));
    match &answer {
        Ok(None) => assert!(plain.is_none() && forwarded.is_none(), "a proxy has said something"),
        Ok(Some(client)) => {
            // Bytes that are no text in front of it are a client's, and nobody has to read them.
            if let Some(Some(plain)) = &plain {
                assert_eq!(address(plain), Some(*client), "{plain}");
            }
            if let Some(Some(forwarded)) = &forwarded {
                let pairs = forwarded.split(';').filter_map(|it| it.split_once('='));
                let of: Vec<&str> = pairs
                    .filter(|(name, _)| name.trim().eq_ignore_ascii_case("for"))
                    .map(|(_, value)| value.trim())
                    .collect();
                let [of] = of[..] else { panic!("{forwarded} names {} clients", of.len()) };
                assert_eq!(address(of), Some(*client), "{forwarded}");
            }
        }
        Err(_) => assert!(plain.is_some() || forwarded.is_some(), "nobody has said anything"),
    }
    if let (Some(Some(plain)), None) = (&plain, &forwarded)
        && let Ok(ip) = plain.parse::<IpAddr>()
    {
        assert_eq!(answer, Ok(Some(ip.to_canonical())), "it is an address, and is not taken");
    }
}

/// Which of [`PATHS`] it is, and the names in it.
fn understood(route: &Route) -> (&'static str, Vec<&str>) {
    match route {
        Route::Page => (PATHS[0], vec![]),
        Route::Live => (PATHS[1], vec![]),
        Route::Ready => (PATHS[2], vec![]),
        Route::Stream => (PATHS[3], vec![]),
        Route::Dag(it) => (PATHS[4], vec![it]),
        Route::Watched(it) => (PATHS[5], vec![it]),
        Route::WatchedReal(it) => (PATHS[6], vec![it]),
        Route::Run(it) => (PATHS[7], vec![it]),
        Route::Nebula => (PATHS[8], vec![]),
        Route::Execute(it) => (PATHS[9], vec![it]),
        Route::Executions => (PATHS[10], vec![]),
        Route::Execution(it) => (PATHS[11], vec![it]),
        Route::Records(it) => (PATHS[12], vec![it]),
        Route::Decisions(it, gate) => (PATHS[13], vec![it, gate]),
        Route::Commands(it) => (PATHS[14], vec![it]),
        Route::Start => (PATHS[15], vec![]),
        Route::Tickets => (PATHS[16], vec![]),
        Route::Session => (PATHS[17], vec![]),
    }
}

fn routed(path: &str) {
    let segments: Vec<&str> = path.split('/').collect();
    let fits = |known: &&&str| {
        let known: Vec<&str> = known.split('/').collect();
        known.len() == segments.len()
            && known.iter().zip(&segments).all(|(known, it)| *known == "*" || known == it)
    };
    let known = PATHS.iter().find(fits);
    let route = Route::of(path);
    assert_eq!(route.is_some(), known.is_some(), "{path}");
    let Some((route, known)) = route.zip(known) else { return };
    let (understood, names) = understood(&route);
    assert_eq!(understood, *known, "{path}");
    let stars = known.split('/').zip(&segments).filter(|(known, _)| *known == "*");
    let spelled: Vec<String> = stars.map(|(_, it)| decoded_once(it)).collect();
    assert_eq!(names.len(), spelled.len());
    for (name, spelled) in names.iter().zip(&spelled) {
        // A long one stays a name that nothing has.
        let cut = (257..=260).contains(&name.len()) && spelled.starts_with(name);
        assert!(*name == *spelled || cut, "{name} is not {spelled}");
        assert!(spelled.len() <= 256 || 256 < name.len());
        is_an_id(name);
    }
    // Whatever a name consists of can be said in a path, and is decoded once there.
    let mut all = names.iter();
    let again: Vec<String> = known
        .split('/')
        .map(|it| if it == "*" { encoded(all.next().expect("a name")) } else { it.to_owned() })
        .collect();
    let again = Route::of(&again.join("/"));
    assert_eq!(again.as_ref(), Some(&route), "said again it is another");
}

/// A name that is taken for an id is one by the rules as they are written.
fn is_an_id(name: &str) {
    let strict = |most: usize| {
        let first = name.chars().next().is_some_and(|it| it.is_ascii_alphanumeric() || it == '_');
        let rest = name.chars().all(|it| it.is_ascii_alphanumeric() || "_.:@+-".contains(it));
        first && rest && name.len() <= most
    };
    assert_eq!(name.parse::<ExecutionId>().is_ok(), strict(128), "{name}");
    assert_eq!(name.parse::<GateId>().is_ok(), strict(256), "{name}");
    let turns = "\u{61c}\u{200e}\u{200f}\u{202a}\u{202b}\u{202c}\u{202d}\u{202e}\u{2066}\u{2067}\
                 \u{2068}\u{2069}";
    let seen = !name.chars().any(|it| it.is_control() || turns.contains(it));
    let loose = seen && (1..=256).contains(&name.len());
    assert_eq!(name.parse::<Alias>().is_ok(), loose, "{name}");
}

fn decoded_once(text: &str) -> String {
    let (mut bytes, mut rest) = (vec![], text.as_bytes());
    while let [first, after @ ..] = rest {
        let digit = |at: usize| char::from(*after.get(at)?).to_digit(16);
        if let (b'%', Some(high), Some(low)) = (first, digit(0), digit(1)) {
            bytes.push((high * 16 + low) as u8);
            rest = &after[2..];
        } else {
            bytes.push(*first);
            rest = after;
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

fn encoded(text: &str) -> String {
    text.bytes().map(|it| format!("%{it:02X}")).collect()
}

fn carried(head: &request::Parts, way: Way) {
    let refused = StatusCode::BAD_REQUEST;
    let all = [(refused, "several_credentials"), (refused, "token_in_address")];
    let answer = shown(head, way);
    if let Err(refusal) = &answer {
        documented(refusal, &all);
    }
    // The order in which things stand decides nothing.
    let mut turned = head.clone();
    turned.headers.clear();
    for (name, value) in head.headers.iter().collect::<Vec<_>>().into_iter().rev() {
        turned.headers.append(name, value.clone());
    }
    let origins = head.headers.get_all(header::ORIGIN).iter().count();
    if origins <= 1 {
        assert!(shown(&turned, way) == answer, "the order of headers decides what is shown");
    }
    // One more makes it one, or one too many: nobody chooses between two.
    let mut more =
        vec![("authorization", "Bearer fresh".to_owned()), ("x-api-key", "fresh".into())];
    if let Way::Socket { manners, cookie } = way {
        more.push(("sec-websocket-protocol", "footplate.v1, bearer.fresh".into()));
        if cookie
            && manners == Manners::Windags
            && head.headers.contains_key(header::ORIGIN)
            && single(head, &header::ORIGIN).is_some_and(|it| !it.is_empty())
        {
            more.push(("cookie", format!("a=b; {COOKIE}=fresh")));
        }
    }
    for (name, value) in more {
        let mut further = head.clone();
        let value = HeaderValue::try_from(value).expect("visible letters");
        further.headers.append(HeaderName::from_static(name), value);
        let shown = shown(&further, way);
        match &answer {
            Ok(Shown::Nothing) => {
                assert!(shown == Ok(Shown::Token("fresh".into())), "in {name} it is not found");
            }
            Ok(Shown::Token(_) | Shown::Ticket(..)) | Err(_) => {
                let Err(refusal) = &shown else { panic!("of two tokens one is chosen, by {name}") };
                documented(refusal, &all);
            }
        }
    }
    // What is in none of its places is nothing.
    let mut bare = head.clone();
    for name in ["authorization", "x-api-key", "sec-websocket-protocol", "cookie"] {
        bare.headers.remove(name);
    }
    if head.uri.query().is_none() {
        assert!(shown(&bare, way) == Ok(Shown::Nothing), "a token comes from nowhere");
    }
    if let (Ok(Shown::Token(_)), Way::Request) = (&answer, way) {
        let told = head.headers.contains_key(header::AUTHORIZATION)
            || head.headers.contains_key("x-api-key");
        assert!(told, "a request shows a token in its headers alone");
    }
}

fn upgraded(head: &request::Parts) {
    match handshake::check(head) {
        Ok(headers) => {
            assert_eq!((&head.method, head.version), (&Method::GET, Version::HTTP_11));
            assert_eq!(single(head, &header::SEC_WEBSOCKET_VERSION), Some("13"));
            let key = single(head, &header::SEC_WEBSOCKET_KEY).expect("there is one key");
            assert_eq!(key.len(), 24, "16 bytes are 24 letters: {key}");
            assert!(!head.headers.contains_key(header::TRANSFER_ENCODING), "it has a body");
            assert_eq!(headers.len(), 3);
            assert!(!headers.contains_key(header::SEC_WEBSOCKET_PROTOCOL), "it repeats an offer");
        }
        Err(fault) => {
            assert!(fault.status().is_client_error() && !fault.code().is_empty());
        }
    }
}
