//! In what a request shows who sends it: headers, a subprotocol, its address, a cookie. It must never
//! choose between two: who shows two things is told to show one. What is shown is in no error and no log.

use std::fmt;

use http::{HeaderMap, HeaderName, StatusCode, header, request};

use super::{Refusal, routes::Site};
use crate::auth::Pass;
use crate::auth::verifier::{Invalid, Verifier};
use crate::dialect::Manners;
use crate::model::Timestamp;

/// What begins a subprotocol that is a token.
const SUBPROTOCOL: &str = "bearer.";
/// What a page of ours is let in with where its protocol leaves it no other way.
pub const COOKIE: &str = "__Host-footplate";

/// What somebody shows.
#[derive(Clone, PartialEq, Eq)]
pub enum Shown {
    /// Nothing.
    Nothing,
    /// A token, or an API key.
    Token(String),
    /// A ticket, and the page that shows it.
    Ticket(String, Option<String>),
}

/// Where it may be looked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Way {
    /// A request that is answered.
    Request,
    /// A WebSocket of this protocol. `cookie`: the operator lets cookies count.
    Socket {
        /// How its protocol is treated.
        manners: Manners,
        /// See above.
        cookie: bool,
    },
}

/// What a request shows.
///
/// # Errors
/// 400: two things, or one where it does not belong.
pub fn shown(head: &request::Parts, way: Way) -> Result<Shown, Refusal> {
    let headers = &head.headers;
    let query = head.uri.query().unwrap_or_default().as_bytes();
    let in_query = |key: &'static str| {
        let pairs = form_urlencoded::parse(query).filter(move |(it, _)| it == key);
        pairs.map(|(_, value)| value.into_owned())
    };
    let mut all: Vec<Shown> = bearers(headers).map(Shown::Token).collect();
    all.extend(
        texts(headers, &HeaderName::from_static("x-api-key")).map(|it| Shown::Token(it.into())),
    );
    match way {
        Way::Request => {}
        Way::Socket { manners, cookie } => {
            all.extend(subprotocols(headers).map(|it| Shown::Token(it.to_owned())));
            let origin = origin(headers);
            all.extend(in_query("ticket").map(|it| Shown::Ticket(it, origin.clone())));
            if manners.is_seed() {
                all.extend(in_query("token").map(Shown::Token));
            }
            // A page of another origin would send it just as well: only where the page's is known to be
            // allowed, which is checked before, and only for a protocol that knows no other way.
            if cookie && manners == Manners::Windags && origin.is_some() {
                all.extend(cookies(headers).map(Shown::Token));
            }
        }
    }
    let elsewhere = match way {
        Way::Request => true,
        Way::Socket { manners, .. } => !manners.is_seed(),
    };
    if elsewhere && in_query("token").next().is_some() {
        return Err(Refusal::new(
            StatusCode::BAD_REQUEST,
            "token_in_address",
            "Addresses end up in logs and histories: send the token as `authorization: Bearer …`, or \
             in the first message of the WebSocket.",
        ));
    }
    let first = all.pop();
    if !all.is_empty() {
        return Err(Refusal::new(
            StatusCode::BAD_REQUEST,
            "several_credentials",
            "This request shows who sends it in several ways. Use one of them.",
        ));
    }
    Ok(first.unwrap_or(Shown::Nothing))
}

/// What is shown is not shown.
impl fmt::Debug for Shown {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Nothing => "Nothing",
            Self::Token(_) => "Token(…)",
            Self::Ticket(..) => "Ticket(…)",
        })
    }
}

impl Shown {
    /// The token, for who has to know it again.
    pub(super) fn token(&self) -> Option<&str> {
        match self {
            Self::Token(token) => Some(token),
            Self::Nothing | Self::Ticket(..) => None,
        }
    }

    /// Whose it is; `None`: nothing is shown, and that makes nobody of anybody.
    ///
    /// # Errors
    /// It is nobody's.
    pub(super) async fn whose(
        &self,
        verifier: &dyn Verifier,
        local: bool,
        now: impl Fn() -> Timestamp,
    ) -> Result<Option<Pass>, Invalid> {
        match self {
            Self::Nothing => Ok(verifier.unshown(local)),
            Self::Token(token) => {
                if let Some(ready) = verifier.prepare(token, now()) {
                    ready.await;
                }
                verifier.verify(token, local, now()).map(Some)
            }
            Self::Ticket(ticket, origin) => {
                verifier.redeem(ticket, origin.as_deref(), now()).map(Some)
            }
        }
    }
}

impl Site {
    /// Who sends a request that has to be somebody's.
    ///
    /// # Errors
    /// 400 and 401, with what to do.
    pub(super) async fn pass(&self, head: &request::Parts, local: bool) -> Result<Pass, Refusal> {
        let shown = shown(head, Way::Request)?;
        let now = || self.clock.now().time;
        let refused = |message| {
            let status = StatusCode::UNAUTHORIZED;
            Refusal::new(status, "unauthenticated", message)
        };
        match shown.whose(&*self.verifier, local, now).await {
            Ok(Some(pass)) => Ok(pass),
            Ok(None) => Err(refused("Send a token, as `authorization: Bearer …`.")),
            Err(_) => Err(refused("The token is not valid, or no longer: get another one.")),
        }
    }
}

/// The page that a request comes from, as it stands there.
pub(super) fn origin(headers: &HeaderMap) -> Option<String> {
    texts(headers, &header::ORIGIN).next().map(str::to_owned)
}

/// Whether a token is among the subprotocols.
pub(super) fn in_subprotocol(headers: &HeaderMap) -> bool {
    subprotocols(headers).next().is_some()
}

fn bearers(headers: &HeaderMap) -> impl Iterator<Item = String> {
    let bearer = |it: &str| {
        let (scheme, token) = it.split_once(' ')?;
        scheme.eq_ignore_ascii_case("bearer").then(|| token.trim().to_owned())
    };
    // Other schemes are for whoever stands in front of the relay.
    texts(headers, &header::AUTHORIZATION).filter_map(bearer).filter(|it| !it.is_empty())
}

fn subprotocols(headers: &HeaderMap) -> impl Iterator<Item = &str> {
    let offers = texts(headers, &header::SEC_WEBSOCKET_PROTOCOL).flat_map(|it| it.split(','));
    offers.filter_map(|it| it.trim().strip_prefix(SUBPROTOCOL))
}

fn cookies(headers: &HeaderMap) -> impl Iterator<Item = String> {
    let pairs = texts(headers, &header::COOKIE).flat_map(|it| it.split(';'));
    let ours = |pair: &str| pair.trim().strip_prefix(COOKIE)?.strip_prefix('=').map(str::to_owned);
    pairs.filter_map(ours)
}

fn texts<'a>(headers: &'a HeaderMap, name: &HeaderName) -> impl Iterator<Item = &'a str> {
    let all = headers.get_all(name).iter().filter_map(|it| it.to_str().ok());
    all.filter(|it| !it.is_empty())
}
