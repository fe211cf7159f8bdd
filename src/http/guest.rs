//! Who comes to watch: whose token it shows, and which client it seems to be. It must never take
//! the second for the first.

use std::{sync::Arc, time::Duration};

use http::{HeaderValue, StatusCode, header, request};
use sha2::{Digest, Sha256};
use tokio::time::Instant;

use super::caps::Seat;
use super::carriers::{Shown, Way, shown};
use super::{Refusal, listen, routes::Site};
use crate::auth::verifier::Invalid;
use crate::dialect::{Call, Dialect, Manners, Token};
use crate::model::Text;
use crate::viewer::Guest;
use crate::viewer::kin::Likeness;

/// The longest header that tells clients apart, in characters.
const LONGEST: usize = 256;
/// A client of stage5 with more connections than this is left behind by its own page, and made to
/// wait for each further one.
const MANY: usize = 64;
const MANY_WAIT: Duration = Duration::from_secs(30);

impl Site {
    /// A place among those of the address that has come, behind whichever proxies are trusted.
    pub(super) fn place(&self, connection: &listen::Connection) -> Result<Seat, Refusal> {
        connection.seat.beside(connection.client).ok_or_else(|| {
            self.metrics.connections_refused.of("cap").inc();
            let message = "There are too many connections of this address: close some of them.";
            Refusal::new(StatusCode::TOO_MANY_REQUESTS, "too_many_connections", message)
        })
    }

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
        let way = Way::Socket { manners: dialect.manners(), cookie: self.cookie };
        let shown = match shown(head, way) {
            Ok(shown) => Some(shown),
            // Whom its clients take to have logged them out is told on the open socket.
            Err(_) if dialect.manners() == Manners::Executions => None,
            Err(refusal) => return Err(refusal),
        };
        let now = || self.clock.now().time;
        let whose = match &shown {
            Some(shown) => shown.whose(&*self.verifier, local, now).await,
            None => Err(Invalid::Unknown),
        };
        let silent = shown == Some(Shown::Nothing);
        call.token = match &whose {
            Ok(_) if silent => Token::Absent,
            Ok(_) => Token::Good,
            Err(_) => Token::Bad,
        };
        let token = shown.as_ref().and_then(Shown::token).map(|it| Sha256::digest(it.as_bytes()));
        let pass = whose.unwrap_or_default();
        call.stranger = pass.is_none();
        // Its clients give up after an HTTP 401, and those of others log their user out.
        if dialect.manners() == Manners::Nebula && call.token == Token::Bad {
            let message = "The token is not valid, or no longer: get another one.";
            return Err(Refusal::new(StatusCode::UNAUTHORIZED, "unauthenticated", message));
        }
        let mut member = None;
        if dialect.manners().is_seed() {
            let text = |name| head.headers.get(name).map_or("".into(), |it| lossy(it).into());
            let likeness = Likeness {
                dialect: dialect.name(),
                path,
                address: connection.and_then(|it| it.client),
                agent: text(header::USER_AGENT),
                origin: text(header::ORIGIN),
                token: token.map(Into::into),
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
            pass: pass.map(Arc::new),
            local,
            kin: member,
        })
    }
}

fn lossy(value: &HeaderValue) -> String {
    String::from_utf8_lossy(value.as_bytes()).chars().take(LONGEST).collect()
}
