//! The formats of JSON Schema that are checked: a text is one, or it is not. No format reaches out to
//! ask whether what is named exists.

use ::core::net::{IpAddr, Ipv6Addr};

/// A format.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Format {
    Date,
    DateTime,
    Email,
    Uri,
}

impl Format {
    const ALL: [Self; 4] = [Self::Date, Self::DateTime, Self::Email, Self::Uri];

    pub(super) fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|it| it.name() == name)
    }

    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Date => "date",
            Self::DateTime => "date-time",
            Self::Email => "email",
            Self::Uri => "uri",
        }
    }

    pub(super) fn fits(self, text: &str) -> bool {
        match self {
            Self::Date => is_date(text),
            Self::DateTime => is_date_time(text),
            Self::Email => is_email(text),
            Self::Uri => is_uri(text),
        }
    }
}

/// RFC 3339 `full-date`.
fn is_date(text: &str) -> bool {
    let Some([year, month, day]) = numbers(text, "-", [4, 2, 2]) else { return false };
    let leap = year % 4 == 0 && year % 100 != 0 || year % 400 == 0;
    let days = match month {
        4 | 6 | 9 | 11 => 30,
        2 if leap => 29,
        2 => 28,
        1..=12 => 31,
        _ => return false,
    };
    (1..=days).contains(&day)
}

/// RFC 3339 `date-time`; second 60 is one, because such seconds there were.
fn is_date_time(text: &str) -> bool {
    let Some((date, rest)) = text.split_at_checked(10) else { return false };
    let Some(rest) = rest.strip_prefix(['T', 't']) else { return false };
    let Some((time, rest)) = rest.split_at_checked(8) else { return false };
    let Some([hour, minute, second]) = numbers(time, ":", [2, 2, 2]) else { return false };
    let offset = match rest.strip_prefix('.') {
        Some(rest) => {
            let offset = rest.trim_start_matches(|it: char| it.is_ascii_digit());
            if offset.len() == rest.len() {
                return false;
            }
            offset
        }
        None => rest,
    };
    let offset = match offset.strip_prefix(['+', '-']) {
        Some(far) => numbers(far, ":", [2, 2]).is_some_and(|[h, m]| h < 24 && m < 60),
        None => matches!(offset, "Z" | "z"),
    };
    is_date(date) && hour < 24 && minute < 60 && second <= 60 && offset
}

/// Numbers of so many digits each, with `mark` between them, and nothing else.
fn numbers<const N: usize>(text: &str, mark: &str, digits: [usize; N]) -> Option<[u32; N]> {
    let mut numbers = [0; N];
    let mut parts = text.split(mark);
    for (number, digits) in numbers.iter_mut().zip(digits) {
        let plain = |it: &&str| it.len() == digits && it.bytes().all(|it| it.is_ascii_digit());
        *number = parts.next().filter(plain)?.parse().ok()?;
    }
    parts.next().is_none().then_some(numbers)
}

/// The addresses that are in use: a dotted atom of RFC 5321, an `@`, and a host name or an address in
/// brackets. Quoted local parts are none here.
fn is_email(text: &str) -> bool {
    let Some((local, domain)) = text.rsplit_once('@') else { return false };
    let atom = |it: char| it.is_ascii_alphanumeric() || "!#$%&'*+-/=?^_`{|}~".contains(it);
    let is_atom = |it: &str| !it.is_empty() && it.chars().all(atom);
    let literal = domain.strip_prefix('[').and_then(|it| it.strip_suffix(']'));
    let host = match literal {
        Some(it) => it.parse::<IpAddr>().is_ok(),
        None => domain.len() <= 253 && domain.split('.').all(is_label),
    };
    local.len() <= 64 && local.split('.').all(is_atom) && host
}

fn is_label(label: &str) -> bool {
    let inner = |it: char| it.is_ascii_alphanumeric() || it == '-';
    let ends = |it: &str| !it.starts_with('-') && !it.ends_with('-');
    (1..=63).contains(&label.len()) && label.chars().all(inner) && ends(label)
}

/// RFC 3986 `URI`: a scheme, and behind it only what may stand in one; a reference without a scheme is
/// none.
fn is_uri(text: &str) -> bool {
    let Some((scheme, rest)) = text.split_once(':') else { return false };
    let begins = scheme.starts_with(|it: char| it.is_ascii_alphabetic());
    let in_scheme = |it: char| it.is_ascii_alphanumeric() || "+-.".contains(it);
    let (rest, fragment) = rest.split_once('#').unwrap_or((rest, ""));
    let (place, query) = rest.split_once('?').unwrap_or((rest, ""));
    let (authority, path) = match place.strip_prefix("//") {
        Some(place) => place.split_at(place.find('/').unwrap_or(place.len())),
        None => ("", place),
    };
    let host = authority.rsplit_once('@').map_or(authority, |(_, host)| host);
    let user = authority.strip_suffix(host).unwrap_or("");
    let (host, port) = match host.strip_prefix('[').and_then(|it| it.split_once(']')) {
        Some((literal, port)) => (literal.parse::<Ipv6Addr>().is_ok(), port),
        None => {
            let end = host.find(':').unwrap_or(host.len());
            (consists(&host[..end], ""), &host[end..])
        }
    };
    let digits = |it: &str| it.bytes().all(|it| it.is_ascii_digit());
    let port = port.is_empty() || port.strip_prefix(':').is_some_and(digits);
    begins
        && scheme.chars().all(in_scheme)
        && consists(user, ":@")
        && host
        && port
        && consists(path, ":@/")
        && consists(query, ":@/?")
        && consists(fragment, ":@/?")
}

/// Whether all of it is unreserved, a delimiter inside a part, percent-encoded, or one of `also`.
fn consists(text: &str, also: &str) -> bool {
    let mut bytes = text.bytes();
    while let Some(byte) = bytes.next() {
        let it = char::from(byte);
        let hex = |it: Option<u8>| it.is_some_and(|it| it.is_ascii_hexdigit());
        let fine = match it {
            '%' => hex(bytes.next()) && hex(bytes.next()),
            _ => it.is_ascii_alphanumeric() || "-._~!$&'()*+,;=".contains(it) || also.contains(it),
        };
        if !fine {
            return false;
        }
    }
    true
}
