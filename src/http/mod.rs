//! Everything that is HTTP: the accept loop that all doors share, for viewers the page, the REST
//! paths, the probes and the way to a WebSocket, and the door for operators.

pub mod admin;
pub mod assets;
mod begun;
pub mod caller;
pub mod caps;
pub mod carriers;
mod execute;
pub mod fetch;
mod guest;
pub mod health;
pub mod hops;
pub mod listen;
pub mod probe;
pub mod rest;
pub mod routes;
mod tickets;

use bytes::Bytes;
use http::{HeaderValue, Response, StatusCode, header};
use http_body_util::Full;
pub use tonic::body::Body;

/// A response with a body of this type.
fn respond(
    status: StatusCode,
    content_type: &'static str,
    body: impl Into<Bytes>,
) -> Response<Body> {
    let mut response = Response::new(Body::new(Full::new(body.into())));
    *response.status_mut() = status;
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(content_type));
    response
}

/// A response whose body is JSON.
fn json(status: StatusCode, body: impl Into<Bytes>) -> Response<Body> {
    respond(status, "application/json", body)
}

/// Why a request is not done: a word for programs and a sentence for people.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// The HTTP status.
    pub status: StatusCode,
    /// A word for programs.
    pub code: &'static str,
    /// A sentence for people, with the remedy where there is one.
    pub message: String,
}

impl Refusal {
    /// Says no.
    pub fn new(status: StatusCode, code: &'static str, message: impl Into<String>) -> Self {
        Self { status, code, message: message.into() }
    }

    /// As it is answered: `{"code": …, "message": …}`.
    pub fn response(&self) -> Response<Body> {
        let body = serde_json::json!({ "code": self.code, "message": self.message });
        let mut response = json(self.status, body.to_string());
        let again = [StatusCode::SERVICE_UNAVAILABLE, StatusCode::TOO_MANY_REQUESTS];
        if again.contains(&self.status) {
            let soon = HeaderValue::from_static("5");
            response.headers_mut().insert(header::RETRY_AFTER, soon);
        }
        if self.status == StatusCode::UNAUTHORIZED {
            let how = HeaderValue::from_static("Bearer");
            response.headers_mut().insert(header::WWW_AUTHENTICATE, how);
        }
        response
    }
}
