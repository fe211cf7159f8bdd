//! In what a request shows who sends it: headers, a subprotocol, its address, a cookie. It must never
//! choose between two: who shows two things is told to show one. What is shown is in no error and no log.

use std::fmt;
use std::sync::Arc;

use http::{HeaderMap, HeaderName, StatusCode, header, request};
use tokio::time::Instant;

use super::{Refusal, listen::Connection, routes::Site};
use crate::auth::Pass;
use crate::auth::verifier::{Invalid, Verifier};
use crate::dialect::{Manners, Said};
use crate::model::Timestamp;
use crate::viewer::crowd::{Full, Share};

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

    /// Waits for what is needed to tell whose it is.
    async fn ready(&self, verifier: &dyn Verifier, now: Timestamp) {
        let Self::Token(token) = self else { return };
        if let Some(ready) = verifier.prepare(token, now) {
            ready.await;
        }
    }

    /// Whose it is; `None`: nothing is shown, and that makes nobody of anybody.
    ///
    /// # Errors
    /// It is nobody's.
    fn whose(
        &self,
        verifier: &dyn Verifier,
        local: bool,
        now: Timestamp,
    ) -> Result<Option<Pass>, Invalid> {
        match self {
            Self::Nothing => Ok(verifier.unshown(local)),
            Self::Token(token) => verifier.verify(token, local, now).map(Some),
            Self::Ticket(ticket, origin) => {
                verifier.redeem(ticket, origin.as_deref(), now).map(Some)
            }
        }
    }
}

/// Somebody who sends a request that has to be somebody's.
pub(super) struct Known {
    pub(super) pass: Arc<Pass>,
    /// Their part in what they may have, held until they are answered.
    pub(super) share: Option<Arc<Share>>,
}

impl Known {
    /// Takes what this costs of what they may say, here and on their WebSockets together.
    ///
    /// # Errors
    /// 429: it is too much at once.
    pub(super) fn say(&self, site: &Site, said: Option<&Said>) -> Result<(), Refusal> {
        let share = self.share.as_ref();
        let allowed = share.map_or(Ok(()), |it| it.may_say(Manners::Native, said, Instant::now()));
        allowed.map_err(|what| {
            site.crowd.refused(what);
            let message = "This is too much at once. Send the same again, later.";
            Refusal::new(StatusCode::TOO_MANY_REQUESTS, "rate_limited", message)
        })
    }
}

impl Site {
    /// Who sends a request that has to be somebody's.
    ///
    /// # Errors
    /// 400, 401 and 429, with what to do.
    pub(super) async fn known(
        &self,
        head: &request::Parts,
        connection: Option<&Connection>,
    ) -> Result<Known, Refusal> {
        let shown = shown(head, Way::Request)?;
        let refused = |message| {
            let status = StatusCode::UNAUTHORIZED;
            Refusal::new(status, "unauthenticated", message)
        };
        match self.whose(&shown, connection).await? {
            Ok(Some(pass)) => {
                let share = self.share(connection, &pass)?;
                Ok(Known { pass: Arc::new(pass), share })
            }
            Ok(None) => Err(refused("Send a token, as `authorization: Bearer …`.")),
            Err(_) => Err(refused("The token is not valid, or no longer: get another one.")),
        }
    }

    /// Whose that is which somebody shows; nothing, if it is nobody's.
    ///
    /// # Errors
    /// 429: it is nobody's, and too much of that has come from there of late.
    pub(super) async fn whose(
        &self,
        shown: &Shown,
        connection: Option<&Connection>,
    ) -> Result<Result<Option<Pass>, Invalid>, Refusal> {
        let (verifier, from) = (&*self.verifier, connection.and_then(|it| it.client));
        let local = connection.is_none_or(|it| it.peer.is_local());
        shown.ready(verifier, self.clock.now().time).await;
        let whose = shown.whose(verifier, local, self.clock.now().time);
        // What was a token once was not guessed: it is a page that nobody has looked at since.
        if matches!(whose, Err(Invalid::Unknown)) && !self.crowd.failed(from, Instant::now()) {
            let message = "Too much was shown from this address that does not count. Wait a while.";
            return Err(Refusal::new(StatusCode::TOO_MANY_REQUESTS, "too_many_attempts", message));
        }
        Ok(whose)
    }

    /// Its part in what the holder of `pass` may have, for a connection or a request. From now on the
    /// connection counts no longer as one of which nobody knows whose it is. `None`: people are not
    /// told apart.
    ///
    /// # Errors
    /// 429: they have too many.
    pub(super) fn share(
        &self,
        connection: Option<&Connection>,
        pass: &Pass,
    ) -> Result<Option<Arc<Share>>, Refusal> {
        let held = connection.and_then(|it| it.seat.share()).filter(|it| it.is_of(pass));
        if held.is_some() {
            return Ok(held);
        }
        let share = self.crowd.admit(pass, Instant::now()).map_err(|full| {
            let message = match full {
                Full::Principal => "You have too many connections: close some of them.",
                Full::Tenant => {
                    "There are too many connections of your tenant: close some of them."
                }
            };
            Refusal::new(StatusCode::TOO_MANY_REQUESTS, "too_many_connections", message)
        })?;
        let share = share.map(Arc::new);
        if let (Some(connection), Some(share)) = (connection, &share) {
            connection.seat.known(share);
        }
        Ok(share)
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
