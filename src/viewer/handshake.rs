//! From an HTTP request to a WebSocket (RFC 6455, §4.2). It says what is wrong with a request that
//! is none, and what answers one; it upgrades nothing itself.

use base64::{Engine, engine::general_purpose::STANDARD};
use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, Version, header, request};
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;

/// The subprotocol of our own dialect. It is answered where it is offered, and never required.
pub const SUBPROTOCOL: &str = "footplate.v1";

/// Why a request can't become a WebSocket.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    /// Its method is another one.
    #[error("a WebSocket begins with GET")]
    Method,
    /// It came over HTTP/1.0 or HTTP/2.
    #[error("a WebSocket begins over HTTP/1.1")]
    Version,
    /// It doesn't ask for it: an address of ours, opened as a page.
    #[error("this address speaks WebSocket: send `Connection: upgrade` and `Upgrade: websocket`")]
    NotAsked,
    /// It wants another version of the protocol.
    #[error("this relay speaks version 13 of the WebSocket protocol")]
    Protocol,
    /// Its key is missing, there twice, or not 16 bytes.
    #[error("Sec-WebSocket-Key has to be there once, with 16 bytes in base64")]
    Key,
    /// It has a body, which would be read as frames.
    #[error("a WebSocket begins with a request without a body")]
    Body,
}

impl Fault {
    /// Its HTTP status.
    pub fn status(self) -> StatusCode {
        match self {
            Self::Method => StatusCode::METHOD_NOT_ALLOWED,
            Self::NotAsked | Self::Protocol => StatusCode::UPGRADE_REQUIRED,
            Self::Version | Self::Key | Self::Body => StatusCode::BAD_REQUEST,
        }
    }

    /// A word for programs.
    pub fn code(self) -> &'static str {
        match self {
            Self::Method => "method_not_allowed",
            Self::Version => "http_version",
            Self::NotAsked => "upgrade_required",
            Self::Protocol => "websocket_version",
            Self::Key => "websocket_key",
            Self::Body => "unexpected_body",
        }
    }

    /// The header that tells a program what to do instead.
    pub fn header(self) -> Option<(HeaderName, HeaderValue)> {
        match self {
            Self::Method => Some((header::ALLOW, HeaderValue::from_static("GET"))),
            Self::NotAsked => Some((header::UPGRADE, HeaderValue::from_static("websocket"))),
            Self::Protocol => Some((header::SEC_WEBSOCKET_VERSION, HeaderValue::from_static("13"))),
            Self::Version | Self::Key | Self::Body => None,
        }
    }
}

/// What a good request is answered with, beside the status 101.
///
/// # Errors
/// The first thing that is wrong, in the order of [`Fault`].
pub fn check(request: &request::Parts) -> Result<HeaderMap, Fault> {
    let headers = &request.headers;
    if request.method != Method::GET {
        return Err(Fault::Method);
    }
    if request.version != Version::HTTP_11 {
        return Err(Fault::Version);
    }
    if !lists(headers, &header::CONNECTION, "upgrade")
        || !lists(headers, &header::UPGRADE, "websocket")
    {
        return Err(Fault::NotAsked);
    }
    if single(headers, &header::SEC_WEBSOCKET_VERSION).is_none_or(|it| it != "13") {
        return Err(Fault::Protocol);
    }
    let key = single(headers, &header::SEC_WEBSOCKET_KEY).filter(|key| is_key(key));
    let key = key.ok_or(Fault::Key)?;
    let empty = |it: &HeaderValue| it == "0";
    if headers.contains_key(header::TRANSFER_ENCODING)
        || !headers.get_all(header::CONTENT_LENGTH).iter().all(empty)
    {
        return Err(Fault::Body);
    }
    let accept = HeaderValue::try_from(derive_accept_key(key.as_bytes()));
    Ok(HeaderMap::from_iter([
        (header::CONNECTION, HeaderValue::from_static("upgrade")),
        (header::UPGRADE, HeaderValue::from_static("websocket")),
        (header::SEC_WEBSOCKET_ACCEPT, accept.expect("base64 is visible ASCII")),
    ]))
}

/// Whether the client offers our subprotocol. One that offers and is not answered closes again.
pub fn offers_ours(headers: &HeaderMap) -> bool {
    let offers = headers.get_all(header::SEC_WEBSOCKET_PROTOCOL).iter();
    tokens(offers).any(|it| it == SUBPROTOCOL)
}

/// Whether a header that is a list has this word, in any case.
fn lists(headers: &HeaderMap, name: &HeaderName, word: &str) -> bool {
    tokens(headers.get_all(name).iter()).any(|it| it.eq_ignore_ascii_case(word))
}

fn tokens<'a>(values: impl Iterator<Item = &'a HeaderValue>) -> impl Iterator<Item = &'a str> {
    values.filter_map(|it| it.to_str().ok()).flat_map(|it| it.split(',')).map(str::trim)
}

/// A header that is there exactly once.
fn single<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Option<&'a str> {
    let mut all = headers.get_all(name).iter();
    let only = all.next()?;
    if all.next().is_some() { None } else { only.to_str().ok() }
}

fn is_key(text: &str) -> bool {
    STANDARD.decode(text).is_ok_and(|bytes| bytes.len() == 16)
}
