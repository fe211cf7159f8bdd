//! The whole URL space of the viewers' door, on one screen.

use std::{
    convert::Infallible,
    fmt,
    future::Future,
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use http::{HeaderMap, HeaderValue, Method, Request, Response, StatusCode, header, request};
use hyper::body::Incoming;
use hyper::upgrade::{OnUpgrade, Upgraded};
use hyper_util::rt::TokioIo;
use percent_encoding::percent_decode_str;
use tower::{Layer, ServiceExt, service_fn, util::BoxCloneSyncService};
use tower_http::compression::CompressionLayer;
use tower_http::set_header::SetResponseHeaderLayer;
use tracing::debug;

use super::{Body, Refusal, assets, caller::Allowed, execute, health, listen, rest, tickets};
use crate::auth::verifier::Verifier;
use crate::dialect::Dialects;
use crate::model::{Text, ViewerId};
use crate::seams::Clock;
use crate::shard::Shards;
use crate::tasks::Tasks;
use crate::telemetry::Metrics;
use crate::viewer::Guest;
use crate::viewer::crowd::Crowd;
use crate::viewer::kin::Kin;

/// The longest name that is worth looking up, in bytes. A longer one is cut to one byte more, so
/// that it stays a name that nothing has.
const LONGEST_NAME: usize = 256;

/// A path, as it is understood.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(missing_docs, reason = "the words say it")]
pub enum Route {
    Page,
    Live,
    Ready,
    /// WebSocket, native.
    Stream,
    /// WebSocket, windags.
    Dag(Text),
    /// WebSocket, executions: in the dress of the guide, and in the real one.
    Watched(Text),
    WatchedReal(Text),
    /// WebSocket, stage5.
    Run(Text),
    /// WebSocket, nebula.
    Nebula,
    /// nebula's way to start an execution.
    Execute(Text),
    Executions,
    Execution(Text),
    Records(Text),
    /// Of this execution, at this gate.
    Decisions(Text, Text),
    Commands(Text),
    Start,
    /// Something to show once in place of a token.
    Tickets,
    /// A cookie in place of a token.
    Session,
}

/// What begins with these is never a file of the user's own page, whether there is an address or not.
const OURS: [&str; 6] = ["v1", "api", "ws", "livez", "readyz", "metrics"];

/// Whether a path is in the part of the URL space that is not the page's.
fn is_ours(path: &str) -> bool {
    let first = path.trim_start_matches('/').split('/').next().unwrap_or_default();
    OURS.contains(&&*percent_decode_str(first).decode_utf8_lossy())
}

impl Route {
    /// Each segment is decoded once. An empty or impossible name is still a name: who asks for it
    /// is told that nothing has it.
    pub fn of(path: &str) -> Option<Self> {
        let path: Vec<&str> = path.strip_prefix('/')?.split('/').collect();
        Some(match path[..] {
            [""] => Self::Page,
            ["livez"] => Self::Live,
            ["readyz"] => Self::Ready,
            ["v1", "stream"] => Self::Stream,
            ["api", "dags", dag, "stream"] => Self::Dag(name(dag)),
            ["api", "ws", "executions", it] => Self::Watched(name(it)),
            ["ws", "executions", it] => Self::WatchedReal(name(it)),
            ["ws", it] => Self::Run(name(it)),
            ["api", "v1", "ws"] => Self::Nebula,
            ["api", "v1", "workflows", it, "execute"] => Self::Execute(name(it)),
            ["v1", "executions"] => Self::Executions,
            ["v1", "executions", it] => Self::Execution(name(it)),
            ["v1", "executions", it, "records"] => Self::Records(name(it)),
            ["v1", "executions", it, "gates", gate, "decisions"] => {
                Self::Decisions(name(it), name(gate))
            }
            ["v1", "executions", it, "commands"] => Self::Commands(name(it)),
            ["v1", "commands"] => Self::Start,
            ["v1", "tickets"] => Self::Tickets,
            ["v1", "session"] => Self::Session,
            _ => return None,
        })
    }

    fn methods(&self) -> &'static str {
        match self {
            Self::Decisions(..)
            | Self::Commands(_)
            | Self::Start
            | Self::Execute(_)
            | Self::Tickets
            | Self::Session => "POST, OPTIONS",
            Self::Stream
            | Self::Dag(_)
            | Self::Watched(_)
            | Self::WatchedReal(_)
            | Self::Run(_)
            | Self::Nebula => "GET",
            Self::Page
            | Self::Live
            | Self::Ready
            | Self::Executions
            | Self::Execution(_)
            | Self::Records(_) => "GET, HEAD, OPTIONS",
        }
    }
}

fn name(segment: &str) -> Text {
    let decoded = percent_decode_str(segment).decode_utf8_lossy();
    let end = (LONGEST_NAME + 1..decoded.len()).find(|at| decoded.is_char_boundary(*at));
    decoded[..end.unwrap_or(decoded.len())].into()
}

/// What is done with a viewer once its connection is a WebSocket.
pub type Welcome =
    Arc<dyn Fn(TokioIo<Upgraded>, Guest) -> Pin<Box<dyn Future<Output = ()> + Send>> + Send + Sync>;

/// What the paths lead to.
pub struct Site {
    /// The executions.
    pub shards: Shards,
    /// What is spoken there.
    pub dialects: Dialects,
    /// Connections of the same clients.
    pub kin: Kin,
    /// Knows tokens.
    pub verifier: Arc<dyn Verifier>,
    /// Whether a cookie counts as a token, for the protocol that knows no other way.
    pub cookie: bool,
    /// What each person, tenant and address may have.
    pub crowd: Crowd,
    /// The time.
    pub clock: Clock,
    /// Receives viewers.
    pub welcome: Welcome,
    /// The user's own page, instead of the built-in one.
    pub assets: Option<assets::Directory>,
    /// Which hosts and origins are let in.
    pub allowed: Allowed,
    /// What `/readyz` says.
    pub ready: health::Ready,
    /// What it counts.
    pub metrics: Arc<Metrics>,
    /// Who owns the tasks of viewers.
    pub tasks: Tasks,
    /// Counts viewers: see [`Site::next_viewer`].
    pub viewers: AtomicU64,
}

impl fmt::Debug for Site {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Site").finish_non_exhaustive()
    }
}

impl Site {
    /// As the viewers' door needs it: with the headers that every response carries.
    pub fn service(self: Arc<Self>) -> listen::Site {
        let answer = service_fn(move |request: Request<Incoming>| {
            let site = Arc::clone(&self);
            async move { Ok::<_, Infallible>(site.answer(request).await) }
        });
        let mut service = BoxCloneSyncService::new(
            CompressionLayer::new().layer(answer).map_response(|it| it.map(Body::new)),
        );
        for (name, value) in assets::headers() {
            let layer = SetResponseHeaderLayer::if_not_present(name, value);
            service = BoxCloneSyncService::new(layer.layer(service));
        }
        service
    }

    async fn answer(&self, mut request: Request<Incoming>) -> Response<Body> {
        let mut connection = request.extensions().get::<listen::Connection>().cloned();
        let tls = connection.as_ref().is_some_and(|it| it.tls);
        let admitted = self.allowed.admit(request.uri(), request.headers(), tls);
        let admitted = admitted.and_then(|()| self.allowed.hops.client(request.headers()));
        match (admitted, &mut connection) {
            (Ok(Some(client)), Some(connection)) => connection.client = Some(client),
            (Ok(_), _) => {}
            (Err(refusal), _) => {
                self.metrics.connections_refused.of(refusal.code).inc();
                debug!(code = refusal.code, "request refused");
                return refusal.response();
            }
        }
        let upgrade = hyper::upgrade::on(&mut request);
        let (head, body) = request.into_parts();
        let shared = self.allowed.shares_with(&head.headers);
        let origin = head.headers.get(header::ORIGIN).filter(|_| shared).cloned();
        let answer = self.route(&head, body, upgrade, connection).await;
        let mut response = answer.unwrap_or_else(|refusal| refusal.response());
        if let Some(origin) = origin {
            share(response.headers_mut(), origin);
        }
        response
    }

    async fn route(
        &self,
        head: &request::Parts,
        body: Incoming,
        upgrade: OnUpgrade,
        connection: Option<listen::Connection>,
    ) -> Result<Response<Body>, Refusal> {
        let path = head.uri.path();
        let (route, own) = match (Route::of(path), &self.assets) {
            (None | Some(Route::Page), Some(own)) if !is_ours(path) => (Route::Page, Some(own)),
            (Some(route), _) => (route, None),
            (None, _) => return Err(assets::nothing()),
        };
        // A WebSocket has more to say about its request than its method.
        let spoken = match &route {
            Route::Stream => Some((self.dialects.native, None)),
            Route::Dag(it) => Some((self.dialects.windags, Some(it))),
            Route::Watched(it) => Some((self.dialects.executions, Some(it))),
            Route::WatchedReal(it) => Some((self.dialects.executions_real, Some(it))),
            Route::Run(it) => Some((self.dialects.stage5, Some(it))),
            Route::Nebula => Some((self.dialects.nebula, None)),
            Route::Page
            | Route::Live
            | Route::Ready
            | Route::Executions
            | Route::Execution(_)
            | Route::Records(_)
            | Route::Decisions(..)
            | Route::Commands(_)
            | Route::Start
            | Route::Execute(_)
            | Route::Tickets
            | Route::Session => None,
        };
        if let Some((dialect, path)) = spoken {
            return self.upgrade(head, upgrade, connection, dialect, path.cloned()).await;
        }
        if head.method == Method::OPTIONS {
            return Ok(allow(Response::new(Body::empty()), &route));
        }
        if !route.methods().split(", ").any(|it| it == head.method.as_str()) {
            return Ok(not_allowed(&route));
        }
        // Who asks for what is nobody's in particular need be nobody in particular.
        match &route {
            Route::Page => {
                return match own {
                    Some(own) => own.answer(head).await,
                    None => Ok(assets::page()),
                };
            }
            Route::Live => return Ok(health::live()),
            Route::Ready => return Ok(health::ready(&self.ready)),
            Route::Execute(it) => {
                return Ok(execute::execute(self, it, head, connection.as_ref(), body).await);
            }
            Route::Tickets => return tickets::give(self, head, connection.as_ref()).await,
            Route::Session => return tickets::remember(self, head, connection.as_ref()).await,
            Route::Executions
            | Route::Execution(_)
            | Route::Records(_)
            | Route::Decisions(..)
            | Route::Commands(_)
            | Route::Start
            | Route::Stream
            | Route::Dag(_)
            | Route::Watched(_)
            | Route::WatchedReal(_)
            | Route::Run(_)
            | Route::Nebula => {}
        }
        let rest = rest::Rest { site: self, known: self.known(head, connection.as_ref()).await? };
        match route {
            Route::Executions => rest.executions().await,
            Route::Execution(it) => rest.execution(it, head.uri.query()).await,
            Route::Records(it) => rest.records(it, head.uri.query()).await,
            Route::Decisions(it, gate) => rest.decide(&it, &gate, &head.headers, body).await,
            Route::Commands(it) => rest.command(&it, &head.headers, body).await,
            Route::Start => rest.start(&head.headers, body).await,
            Route::Page
            | Route::Live
            | Route::Ready
            | Route::Execute(_)
            | Route::Tickets
            | Route::Session
            | Route::Stream
            | Route::Dag(_)
            | Route::Watched(_)
            | Route::WatchedReal(_)
            | Route::Run(_)
            | Route::Nebula => unreachable!("answered above"),
        }
    }

    /// A number that no other viewer has.
    pub fn next_viewer(&self) -> ViewerId {
        ViewerId(self.viewers.fetch_add(1, Ordering::Relaxed) + 1)
    }
}

fn not_allowed(route: &Route) -> Response<Body> {
    let refusal = Refusal::new(
        StatusCode::METHOD_NOT_ALLOWED,
        "method_not_allowed",
        format!("This address takes {}.", route.methods()),
    );
    allow(refusal.response(), route)
}

fn allow(mut response: Response<Body>, route: &Route) -> Response<Body> {
    response.headers_mut().insert(header::ALLOW, HeaderValue::from_static(route.methods()));
    response
}

/// Lets a page of an origin that the operator allows read the response (CORS).
fn share(headers: &mut HeaderMap, origin: HeaderValue) {
    let fixed = HeaderValue::from_static;
    headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, origin);
    headers.append(header::VARY, fixed("origin"));
    headers.insert(header::ACCESS_CONTROL_ALLOW_METHODS, fixed("GET, POST"));
    headers.insert(
        header::ACCESS_CONTROL_ALLOW_HEADERS,
        fixed("content-type, authorization, x-api-key"),
    );
    headers.insert(header::ACCESS_CONTROL_MAX_AGE, fixed("600"));
}

#[cfg(test)]
mod tests {
    use super::{LONGEST_NAME, Route};

    #[test]
    fn names_are_decoded_once_and_never_cut_into_another_name() {
        let dag = |path: &str| Route::of(path).unwrap();
        assert_eq!(dag("/api/dags/a%2Fb/stream"), Route::Dag("a/b".into()));
        assert_eq!(dag("/api/dags/a%252Fb/stream"), Route::Dag("a%2Fb".into()));
        assert_eq!(dag("/api/dags//stream"), Route::Dag("".into()));
        assert_eq!(dag("/api/dags/%FF/stream"), Route::Dag("\u{FFFD}".into()));
        let long = format!("/api/dags/{}/stream", "a".repeat(9_000));
        assert_eq!(dag(&long), Route::Dag("a".repeat(LONGEST_NAME + 1).into()));
        assert_eq!(Route::of("/v1/executions/"), Some(Route::Execution("".into())));
        assert_eq!(Route::of("/v1/executions/x/"), None);
        assert_eq!(Route::of("*"), None);
    }
}
