//! From which address a request comes where proxies stand before the door: as the outermost of so many
//! says that the operator trusts, and never as a client says. The address tells clients apart, for what
//! each may have of connections; who somebody is does not follow from it.

use std::net::{IpAddr, SocketAddr};

use http::{HeaderMap, HeaderName, StatusCode, header};

use super::Refusal;

const X_FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");

/// How many proxies every request goes through. 0: none, and what such headers say is a client's
/// invention.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Hops(u8);

impl Hops {
    /// The most that can be trusted.
    pub const MOST: u8 = 10;

    /// Reads 0 to [`Hops::MOST`].
    pub fn parse(text: &str) -> Option<Self> {
        text.parse().ok().filter(|hops| *hops <= Self::MOST).map(Self)
    }

    /// Whether connections are those of proxies.
    pub fn are_there(self) -> bool {
        self.0 != 0
    }

    /// The client's address: what the outermost proxy has added to `X-Forwarded-For` or `Forwarded`
    /// (RFC 7239). `None`: it is the peer itself, since no proxy is trusted, or none was gone through.
    ///
    /// # Errors
    /// 400, if the headers were not made by so many proxies: there are fewer entries, or none of an
    /// address, or the two headers disagree because a client has made up one of them.
    pub fn client(self, headers: &HeaderMap) -> Result<Option<IpAddr>, Refusal> {
        if !self.are_there() {
            return Ok(None);
        }
        let said = [(X_FORWARDED_FOR, None), (header::FORWARDED, Some("for"))];
        let mut client = None;
        for (name, parameter) in said {
            if !headers.contains_key(&name) {
                continue;
            }
            let entry = self.entry(headers, &name);
            let entry = match parameter {
                None => entry,
                Some(parameter) => entry.and_then(|it| of(it, parameter)),
            };
            let Some(address) = entry.and_then(address) else {
                return Err(refuse(&format!(
                    "does not hold what {} trusted proxies would have added to `{name}`",
                    self.0
                )));
            };
            if client.is_some_and(|it| it != address) {
                return Err(refuse("comes from two addresses, by X-Forwarded-For and Forwarded"));
            }
            client = Some(address);
        }
        Ok(client)
    }

    /// What the outermost trusted proxy has added. Entries are told apart by their commas alone, from
    /// the end on: what a client has put before them, quoted or not, changes nothing there.
    fn entry<'a>(self, headers: &'a HeaderMap, name: &HeaderName) -> Option<&'a str> {
        let lines = headers.get_all(name).iter();
        let mut left = usize::from(self.0);
        for line in lines.collect::<Vec<_>>().into_iter().rev() {
            for entry in line.to_str().ok()?.rsplit(',') {
                left -= 1;
                if left == 0 {
                    return Some(entry.trim());
                }
            }
        }
        None
    }
}

/// A parameter that is in an entry exactly once.
fn of<'a>(entry: &'a str, parameter: &str) -> Option<&'a str> {
    let pairs = entry.split(';').filter_map(|it| it.split_once('='));
    let mut all = pairs.filter(|(name, _)| name.trim().eq_ignore_ascii_case(parameter));
    let (_, value) = all.next()?;
    if all.next().is_some() { None } else { Some(value.trim().trim_matches('"')) }
}

/// An address, with a port or without.
fn address(text: &str) -> Option<IpAddr> {
    let bare = text.strip_prefix('[').and_then(|it| it.strip_suffix(']')).unwrap_or(text);
    let address = bare.parse().or_else(|_| text.parse().map(|it: SocketAddr| it.ip()));
    address.ok().map(|it: IpAddr| it.to_canonical())
}

fn refuse(what: &str) -> Refusal {
    let message = format!("The request {what}. Come by the proxy, or correct --trusted-hops.");
    Refusal::new(StatusCode::BAD_REQUEST, "forwarded_for", message)
}
