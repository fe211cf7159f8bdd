//! Who comes to watch: whose token it shows, and which client it seems to be. It must never take
//! the second for the first.

use std::time::Duration;

use http::{HeaderMap, HeaderValue, StatusCode, header, request};
use sha2::{Digest, Sha256};
use tokio::time::Instant;

use super::{Refusal, listen, routes::Site};
use crate::dialect::{Call, Dialect, Manners, Token};
use crate::model::{Principal, Text};
use crate::viewer::Guest;
use crate::viewer::kin::Likeness;

/// The longest header that tells clients apart, in characters.
const LONGEST: usize = 256;
/// A client of stage5 with more connections than this is left behind by its own page, and made to
/// wait for each further one.
const MANY: usize = 64;
const MANY_WAIT: Duration = Duration::from_secs(30);

impl Site {
    /// Who has come, and what is known of its client.
    pub(super) async fn guest(
        &self,
        head: &request::Parts,
        connection: Option<&listen::Connection>,
        dialect: &'static dyn Dialect,
        path: Option<Text>,
    ) -> Result<Guest, Refusal> {
        let local = connection.is_none_or(|it| it.peer.is_local());
        let mut call = Call {
            path: path.clone(),
            query: head.uri.query().unwrap_or_default().into(),
            ..Call::default()
        };
        let shown = token(&head.headers).or_else(|| call.query("token"));
        let verify = |it: &String| self.verifier.verify(it, local, self.clock.now().time);
        let verified = shown.as_ref().map(verify);
        call.token = match &verified {
            None => Token::Absent,
            Some(Ok(_)) => Token::Good,
            Some(Err(_)) => Token::Bad,
        };
        // Its clients give up after an HTTP 401, and those of others log their user out.
        if dialect.manners() == Manners::Nebula && call.token == Token::Bad {
            let message = "The token is not valid, or no longer: get another one.";
            return Err(Refusal::new(StatusCode::UNAUTHORIZED, "unauthenticated", message));
        }
        let verified = verified.and_then(Result::ok);
        let mut member = None;
        if dialect.manners().is_seed() {
            let text = |name| head.headers.get(name).map_or("".into(), |it| lossy(it).into());
            let likeness = Likeness {
                dialect: dialect.name(),
                path,
                address: connection.and_then(|it| it.client),
                agent: text(header::USER_AGENT),
                origin: text(header::ORIGIN),
                token: shown.map(|it| Sha256::digest(it.as_bytes()).into()),
            };
            let mutes = dialect.manners().leaves_some_behind();
            if mutes && MANY < self.kin.living(&likeness) {
                tokio::time::sleep(MANY_WAIT).await;
            }
            if !mutes {
                call.left = self.kin.left(&likeness, Instant::now());
            }
            let (kin, noted) = self.kin.enter(likeness, mutes, Instant::now());
            call.again = mutes && kin.left(Instant::now()).is_some();
            if noted.thrashes {
                self.metrics.viewers_thrashing.of(dialect.name()).inc();
            }
            if noted.crowds {
                self.metrics.viewers_crowding.of(dialect.name()).inc();
            }
            member = Some(Box::new(kin));
        }
        Ok(Guest {
            viewer: self.next_viewer(),
            dialect,
            conversation: dialect.converse(&call),
            expires: verified.as_ref().and_then(|it| it.expires),
            principal: verified.map_or_else(Principal::local, |it| it.principal),
            local,
            kin: member,
        })
    }
}

/// The token in a header: `Authorization: Bearer`, or `X-API-Key`.
pub(super) fn token(headers: &HeaderMap) -> Option<String> {
    let bearer = headers.get(header::AUTHORIZATION).and_then(|it| it.to_str().ok());
    let bearer = bearer.and_then(|it| it.split_once(' '));
    let bearer = bearer.filter(|(scheme, _)| scheme.eq_ignore_ascii_case("bearer"));
    let bearer = bearer.map(|(_, token)| token.trim());
    let key = || headers.get("x-api-key").and_then(|it| it.to_str().ok());
    bearer.or_else(key).filter(|it| !it.is_empty()).map(str::to_owned)
}

fn lossy(value: &HeaderValue) -> String {
    String::from_utf8_lossy(value.as_bytes()).chars().take(LONGEST).collect()
}
