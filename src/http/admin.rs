//! The operators' door: `/metrics`, `/livez` and `/readyz`, and nothing else. What stands here never
//! says what is executed, and nothing can be done here; so it asks neither for a host (probes name
//! whatever address they find) nor for a token, and no page of a browser may read it.

use std::{convert::Infallible, sync::Arc, time::Duration};

use http::{HeaderValue, Method, Request, Response, StatusCode, header};
use hyper::body::Incoming;
use tokio::time::timeout;
use tower::{service_fn, util::BoxCloneSyncService};

use super::{Body, Refusal, health, listen};
use crate::shard::{Message, WeakShards};
use crate::telemetry::Metrics;

/// How long a busy shard is waited for. After that the numbers that only it knows are told as they
/// last were: the others are most wanted just then.
const PATIENCE: Duration = Duration::from_millis(500);

/// What the paths lead to.
#[derive(Debug)]
pub struct Admin {
    /// The executions. This door stays open until they are gone.
    pub shards: WeakShards,
    /// What `/readyz` says.
    pub ready: health::Ready,
    /// What `/metrics` says.
    pub metrics: Arc<Metrics>,
}

impl Admin {
    /// As the operators' door needs it.
    pub fn service(self: Arc<Self>) -> listen::Site {
        BoxCloneSyncService::new(service_fn(move |request: Request<Incoming>| {
            let admin = Arc::clone(&self);
            async move {
                let mut response = admin.answer(request.method(), request.uri().path()).await;
                let headers = response.headers_mut();
                headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
                let nosniff = HeaderValue::from_static("nosniff");
                headers.insert(header::X_CONTENT_TYPE_OPTIONS, nosniff);
                Ok::<_, Infallible>(response)
            }
        }))
    }

    /// What stands at `path`, for whoever asks with `method`.
    pub async fn answer(&self, method: &Method, path: &str) -> Response<Body> {
        if !["/metrics", "/livez", "/readyz"].contains(&path) {
            let message =
                "Here are /metrics, /livez and /readyz; all else is at the viewers' door.";
            return Refusal::new(StatusCode::NOT_FOUND, "not_found", message).response();
        }
        if ![Method::GET, Method::HEAD].contains(method) {
            let message = "This address takes GET and HEAD.";
            let refusal =
                Refusal::new(StatusCode::METHOD_NOT_ALLOWED, "method_not_allowed", message);
            let mut response = refusal.response();
            response.headers_mut().insert(header::ALLOW, HeaderValue::from_static("GET, HEAD"));
            return response;
        }
        match path {
            "/livez" => health::live(),
            "/readyz" => health::ready(&self.ready),
            _ => {
                self.measure().await;
                health::metrics(&self.metrics)
            }
        }
    }

    /// Brings those numbers up to date that nobody keeps.
    async fn measure(&self) {
        self.metrics.ready.set(self.ready.is_up().into());
        let Some(shards) = self.shards.upgrade() else { return };
        self.metrics.shard_inbox_depth.set(shards.depth() as i64);
        let measured = shards.ask(|reply| Message::Measure { reply });
        // A shard that is busy or gone has nothing to add.
        drop(timeout(PATIENCE, measured).await);
    }
}
