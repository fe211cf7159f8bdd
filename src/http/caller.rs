//! Which requests may be made at all: by the host that they name and the page that they come from.
//!
//! Any web page can open a WebSocket to `localhost`, and a name that its owner points at 127.0.0.1
//! makes that page and us one origin (DNS rebinding). So both lists hold always, also without
//! authentication, on WebSocket and HTTP alike.

use http::{HeaderMap, HeaderName, StatusCode, Uri, header, uri::Authority};

use super::{Refusal, hops::Hops};

/// The names by which this machine calls itself.
const LOOPBACK: [&str; 3] = ["localhost", "127.0.0.1", "[::1]"];

/// A host as requests name it, with a port where one is given.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Host {
    name: String,
    port: Option<u16>,
}

impl Host {
    /// Reads `name`, `name:port`, `[address]:port`. Nothing else is one: no user, no empty name.
    pub fn parse(text: &str) -> Option<Self> {
        let authority: Authority = text.parse().ok()?;
        let name = authority.host().to_ascii_lowercase();
        let bare = name.len() + authority.port().map_or(0, |port| port.as_str().len() + 1);
        let plain = |c: char| c.is_ascii_alphanumeric() || "-._".contains(c);
        let is_name = !name.is_empty() && (name.chars().all(plain) || name.starts_with('['));
        // A user before the name, or a colon without a port behind it, is in neither.
        if !is_name || bare != text.len() {
            return None;
        }
        let port = match authority.port() {
            Some(_) => Some(authority.port_u16()?),
            None => None,
        };
        Some(Self { name, port })
    }
}

/// Where a page comes from: scheme, host and port. `null` is none.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Origin {
    scheme: Scheme,
    host: String,
    port: u16,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Scheme {
    Http,
    Https,
}

impl Scheme {
    fn of(tls: bool) -> Self {
        if tls { Self::Https } else { Self::Http }
    }

    fn port(self) -> u16 {
        match self {
            Self::Http => 80,
            Self::Https => 443,
        }
    }
}

impl Origin {
    /// Reads `http://host:port` or `https://host:port`; nothing may follow.
    pub fn parse(text: &str) -> Option<Self> {
        let (scheme, host) = text.split_once("://")?;
        let scheme = match scheme {
            "http" => Scheme::Http,
            "https" => Scheme::Https,
            _ => return None,
        };
        Some(Self::new(scheme, Host::parse(host)?))
    }

    fn new(scheme: Scheme, host: Host) -> Self {
        Self { scheme, host: host.name, port: host.port.unwrap_or(scheme.port()) }
    }
}

/// The hosts and origins that are allowed beside our own, and the proxies that are believed.
#[derive(Debug, Clone, Default)]
pub struct Allowed {
    /// Without a port: with any.
    pub hosts: Vec<Host>,
    /// Exactly these.
    pub origins: Vec<Origin>,
    /// So many stand before the door.
    pub hops: Hops,
}

impl Allowed {
    /// Whether a request may be made. `tls`: it came in over TLS, which is half of its own origin.
    ///
    /// # Errors
    /// 403 with what to do, for a foreign host or origin; before anything else is looked at.
    pub fn admit(&self, uri: &Uri, headers: &HeaderMap, tls: bool) -> Result<(), Refusal> {
        let host = host(uri, headers).filter(|host| self.knows(host)).ok_or_else(|| {
            refuse(
                "host_not_allowed",
                "This relay is not known by the host name of this request. Use localhost, \
                 127.0.0.1 or [::1], or allow the name with --allow-host.",
            )
        })?;
        if !headers.contains_key(header::ORIGIN) {
            return Ok(());
        }
        let own = Origin::new(Scheme::of(tls), host);
        let fine = |it: &Origin| *it == own || self.origins.contains(it);
        if single(headers, &header::ORIGIN).and_then(Origin::parse).is_some_and(|it| fine(&it)) {
            Ok(())
        } else {
            Err(refuse(
                "origin_not_allowed",
                "Pages of this origin may not use this relay. Open the page from the relay \
                 itself, or allow the origin with --allow-origin scheme://host:port.",
            ))
        }
    }

    /// Whether the page of such a request is one of another origin that the operator has allowed.
    pub fn shares_with(&self, headers: &HeaderMap) -> bool {
        let origin = single(headers, &header::ORIGIN).and_then(Origin::parse);
        origin.is_some_and(|it| self.origins.contains(&it))
    }

    /// By this machine's names any port will do: whoever forwards a port knows it by another
    /// number, and a page can't choose what its browser puts there.
    fn knows(&self, host: &Host) -> bool {
        let fits = |it: &Host| it.name == host.name && (it.port.is_none() || it.port == host.port);
        LOOPBACK.contains(&host.name.as_str()) || self.hosts.iter().any(fits)
    }
}

/// The one host that a request names. HTTP/2 names it in the target; a request in absolute form
/// names it twice, and both have to say the same.
fn host(uri: &Uri, headers: &HeaderMap) -> Option<Host> {
    let stated = uri.authority().map(|it| Host::parse(it.as_str()));
    if !headers.contains_key(header::HOST) {
        return stated?;
    }
    let host = single(headers, &header::HOST).and_then(Host::parse)?;
    match stated {
        Some(stated) if stated.as_ref() != Some(&host) => None,
        _ => Some(host),
    }
}

/// A header that is there exactly once.
fn single<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Option<&'a str> {
    let mut all = headers.get_all(name).iter();
    let only = all.next()?;
    if all.next().is_some() { None } else { only.to_str().ok() }
}

fn refuse(code: &'static str, message: &str) -> Refusal {
    Refusal::new(StatusCode::FORBIDDEN, code, message)
}
