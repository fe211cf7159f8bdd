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
    blocked: AtomicBool,
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

    /// Whether nothing goes on for the time being, as when the store's disk is full.
    pub fn block(&self, blocked: bool) {
        self.0.blocked.store(blocked, Ordering::Release);
    }

    /// Whether it is.
    pub fn is_up(&self) -> bool {
        let State { up, over, blocked } = &*self.0;
        let [up, over, blocked] = [up, over, blocked].map(|it| it.load(Ordering::Acquire));
        up && !over && !blocked
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
