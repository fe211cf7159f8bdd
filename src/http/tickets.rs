//! `POST /v1/tickets`: something to show once in place of a token, for pages that open a WebSocket and
//! can put no header there. And `POST /v1/session`: a cookie, where the operator lets cookies count.

use std::time::Duration;

use http::{HeaderValue, Response, StatusCode, header, request};
use serde_json::json;

use super::carriers::{COOKIE, Shown, Way, origin, shown};
use super::{Body, Refusal, json, listen::Connection, routes::Site};

/// As the tickets themselves have it, in milliseconds.
const LIFE: u128 = crate::auth::TICKET_LIFE.as_millis();
/// The longest cookie that browsers keep, in bytes.
const LONGEST_COOKIE: usize = 4_000;

/// A ticket for whoever sends this request, and the page that they send it from.
pub(super) async fn give(
    site: &Site,
    head: &request::Parts,
    connection: Option<&Connection>,
) -> Result<Response<Body>, Refusal> {
    let known = site.known(head, connection).await?;
    known.say(site, None)?;
    let (now, origin) = (site.clock.now().time, origin(&head.headers));
    let ticket = site.verifier.ticket(&known.pass, origin.as_deref(), now).map_err(|_| {
        Refusal::new(
            StatusCode::SERVICE_UNAVAILABLE,
            "no_ticket",
            "There is no ticket to be had: no tokens are configured, or too many tickets wait to be \
             used. Connect without one, or come back.",
        )
    })?;
    let body = json!({ "ticket": ticket.reveal(), "expires_in_ms": LIFE as u64 });
    Ok(json(StatusCode::CREATED, body.to_string()))
}

/// A cookie with the token that this request shows. Scripts can't read it, and pages of other sites
/// don't send it.
pub(super) async fn remember(
    site: &Site,
    head: &request::Parts,
    connection: Option<&Connection>,
) -> Result<Response<Body>, Refusal> {
    if !site.cookie {
        return Err(Refusal::new(
            StatusCode::NOT_FOUND,
            "no_cookies",
            "This relay takes no cookies; its operator can change that with --auth-cookie.",
        ));
    }
    let known = site.known(head, connection).await?;
    known.say(site, None)?;
    let local = connection.is_none_or(|it| it.peer.is_local());
    let tls = connection.is_some_and(|it| it.tls);
    let Shown::Token(token) = shown(head, Way::Request)? else {
        return Err(Refusal::new(StatusCode::BAD_REQUEST, "no_token", "Send a token."));
    };
    let now = site.clock.now().time;
    let left = known.pass.expires.map_or(Duration::from_secs(24 * 3_600), |at| now.until(at));
    let age = left.as_secs();
    let cookie =
        format!("{COOKIE}={token}; Path=/; Max-Age={age}; Secure; HttpOnly; SameSite=Strict");
    let plain = |c: u8| c.is_ascii_graphic() && !b"\",;\\".contains(&c);
    let fine = cookie.len() <= LONGEST_COOKIE && token.bytes().all(plain);
    match HeaderValue::try_from(cookie) {
        Ok(mut cookie) if fine && (tls || local) => {
            cookie.set_sensitive(true);
            let mut response = Response::new(Body::empty());
            *response.status_mut() = StatusCode::NO_CONTENT;
            response.headers_mut().insert(header::SET_COOKIE, cookie);
            Ok(response)
        }
        _ => Err(Refusal::new(
            StatusCode::BAD_REQUEST,
            "no_cookie",
            "This token is too long for a cookie.",
        )),
    }
}
