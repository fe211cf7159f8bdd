//! Whether the relay lives, whether it is ready, and its numbers.

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

use http::{Response, StatusCode};

use super::{Body, respond};
use crate::telemetry::Metrics;

/// A latch: up once the relay is ready, down when it begins to drain, and then for good.
#[derive(Debug, Clone, Default)]
pub struct Ready(Arc<State>);

#[derive(Debug, Default)]
struct State {
    up: AtomicBool,
    over: AtomicBool,
}

impl Ready {
    /// It is ready, unless it has begun to drain.
    pub fn raise(&self) {
        self.0.up.store(true, Ordering::Release);
    }

    /// It no longer is, and will not be again.
    pub fn drop_for_good(&self) {
        self.0.over.store(true, Ordering::Release);
    }

    /// Whether it is.
    pub fn is_up(&self) -> bool {
        self.0.up.load(Ordering::Acquire) && !self.0.over.load(Ordering::Acquire)
    }
}

/// `/livez`: it answers, so it lives.
pub(super) fn live() -> Response<Body> {
    text(StatusCode::OK, "live\n")
}

/// `/readyz`: whether it is worth sending somebody here.
pub(super) fn ready(ready: &Ready) -> Response<Body> {
    if ready.is_up() {
        text(StatusCode::OK, "ready\n")
    } else {
        text(StatusCode::SERVICE_UNAVAILABLE, "not ready\n")
    }
}

/// `/metrics`.
pub(super) fn metrics(metrics: &Metrics) -> Response<Body> {
    let format = "application/openmetrics-text; version=1.0.0; charset=utf-8";
    respond(StatusCode::OK, format, metrics.encode())
}

fn text(status: StatusCode, text: &'static str) -> Response<Body> {
    respond(status, "text/plain; charset=utf-8", text)
}
