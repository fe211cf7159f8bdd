//! Who comes to watch: whose token it shows, and which client it seems to be. It must never take
//! the second for the first.

use std::{sync::Arc, time::Duration};

use http::{HeaderValue, Response, StatusCode, header, request};
use hyper::upgrade::OnUpgrade;
use hyper_util::rt::TokioIo;
use sha2::{Digest, Sha256};
use tokio::time::Instant;
use tracing::debug;

use super::caps::{Full, Seat};
use super::carriers::{self, Shown, Way, shown};
use super::{Body, Refusal, listen, routes::Site};
use crate::auth::verifier::Invalid;
use crate::dialect::{Call, Dialect, Manners, Token};
use crate::model::Text;
use crate::viewer::kin::Likeness;
use crate::viewer::{Entry, Guest, handshake};

/// The longest header that tells clients apart, in characters.
const LONGEST: usize = 256;
/// A client of stage5 with more connections than this is left behind by its own page, and made to
/// wait for each further one.
const MANY: usize = 64;
const MANY_WAIT: Duration = Duration::from_secs(30);

impl Site {
    /// Answers 101, and hands the connection over once the peer has seen it.
    pub(super) async fn upgrade(
        &self,
        head: &request::Parts,
        upgrade: OnUpgrade,
        connection: Option<listen::Connection>,
        dialect: &'static dyn Dialect,
        path: Option<Text>,
    ) -> Result<Response<Body>, Refusal> {
        let headers = match handshake::check(head) {
            Ok(headers) => headers,
            Err(fault) => {
                let mut response =
                    Refusal::new(fault.status(), fault.code(), fault.to_string()).response();
                response.headers_mut().extend(fault.header());
                return Ok(response);
            }
        };
        // Never the token that may stand beside it; and who offers that has to be answered something.
        let answers = path.is_none() || carriers::in_subprotocol(&head.headers);
        let subprotocol = answers && handshake::offers_ours(&head.headers);
        let guest = self.guest(head, connection.as_ref(), dialect, path).await?;
        let mut response = Response::new(Body::empty());
        *response.status_mut() = StatusCode::SWITCHING_PROTOCOLS;
        *response.headers_mut() = headers;
        if subprotocol {
            let ours = HeaderValue::from_static(handshake::SUBPROTOCOL);
            response.headers_mut().insert(header::SEC_WEBSOCKET_PROTOCOL, ours);
        }
        let welcome = Arc::clone(&self.welcome);
        // hyper is done with the connection now, so this task is what counts as it: with its seat.
        self.tasks.spawn("viewer", async move {
            let _connection = connection;
            match upgrade.await {
                Ok(stream) => welcome(TokioIo::new(stream), guest).await,
                Err(err) => debug!(%err, "gone before it was a WebSocket"),
            }
        });
        Ok(response)
    }

    /// A place among those of the address that has come, behind whichever proxies are trusted, and among
    /// those of whom nobody knows who they are.
    fn place(&self, connection: &listen::Connection) -> Result<Place, Refusal> {
        let refuse = |full: Full| {
            self.metrics.connections_refused.of(full.word()).inc();
            let (status, message) = match full {
                Full::Address => (
                    StatusCode::TOO_MANY_REQUESTS,
                    "There are too many connections of this address: close some of them.",
                ),
                Full::Strangers | Full::All | Full::Memory => (
                    StatusCode::SERVICE_UNAVAILABLE,
                    "Too many connections have yet to show who they are. Come back, or show it at once.",
                ),
            };
            Refusal::new(status, "too_many_connections", message)
        };
        let beside = connection.seat.beside(connection.client).map_err(refuse)?;
        connection.seat.join_strangers().map_err(refuse)?;
        Ok(Place { seat: Arc::clone(&connection.seat), _beside: beside })
    }

    /// Who has come, and what is known of its client.
    async fn guest(
        &self,
        head: &request::Parts,
        connection: Option<&listen::Connection>,
        dialect: &'static dyn Dialect,
        path: Option<Text>,
    ) -> Result<Guest, Refusal> {
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
        let whose = match &shown {
            Some(shown) => self.whose(shown, connection).await?,
            None => Err(Invalid::Unknown),
        };
        let silent = shown == Some(Shown::Nothing);
        call.token = match &whose {
            Ok(_) if silent => Token::Absent,
            Ok(_) => Token::Good,
            Err(_) => Token::Bad,
        };
        let pass = whose.unwrap_or_default();
        call.stranger = pass.is_none();
        // Its clients give up after an HTTP 401, and those of others log their user out.
        if dialect.manners() == Manners::Nebula && call.token == Token::Bad {
            let message = "The token is not valid, or no longer: get another one.";
            return Err(Refusal::new(StatusCode::UNAUTHORIZED, "unauthenticated", message));
        }
        let mut entry = Entry { from: connection.and_then(|it| it.client), ..Entry::default() };
        if let Some(pass) = &pass {
            entry.share = self.share(connection, pass)?;
        }
        if let Some(connection) = connection.filter(|_| entry.share.is_none()) {
            entry.place = Some(Box::new(self.place(connection)?));
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
                token: shown.as_ref().and_then(Shown::token).map(|it| Sha256::digest(it).into()),
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
            if let Some(share) = &entry.share {
                kin.takes_up(share);
            }
            member = Some(Box::new(kin));
        }
        Ok(Guest {
            viewer: self.next_viewer(),
            dialect,
            conversation: dialect.converse(&call),
            pass: pass.map(Arc::new),
            local: connection.is_none_or(|it| it.peer.is_local()),
            kin: member,
            entry: Box::new(entry),
        })
    }
}

/// What a connection takes up for as long as nobody knows whose it is.
#[derive(Debug)]
struct Place {
    seat: Arc<Seat>,
    _beside: Seat,
}

impl Drop for Place {
    fn drop(&mut self) {
        self.seat.leave_strangers();
    }
}

fn lossy(value: &HeaderValue) -> String {
    String::from_utf8_lossy(value.as_bytes()).chars().take(LONGEST).collect()
}
