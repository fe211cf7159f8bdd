//! Texts → values: each either reads as what is wanted, or is refused with what to write instead.
//! Where a text stands is not known here.

use std::{
    net::SocketAddr,
    path::{Path, PathBuf},
    time::Duration,
};

use super::settings::SOCKET;
use super::{ADMIN_LISTEN, ENGINE_LISTEN, Memory};
use crate::seams::Address;
use crate::telemetry::logs::Format;

/// The longest path that a Unix socket may have: the kernel's 108 bytes hold an end mark, too.
const LONGEST_PATH: usize = 107;

/// What a door has that keeps strangers out.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Guard {
    /// Everybody has to show something.
    pub(super) asks: bool,
    /// Nobody on the way can read it.
    pub(super) tls: bool,
}

/// Reads where to listen, and says why not.
pub(super) fn address(flag: &'static str, text: &str, guard: Guard) -> Result<Address, String> {
    let engines = flag == ENGINE_LISTEN;
    if let Some(path) = text.strip_prefix(SOCKET) {
        return if engines {
            socket(path)
        } else {
            Err("browsers can't use a Unix socket; write <ip>:<port>".to_owned())
        };
    }
    let numeric = text.strip_prefix("localhost:").map(|port| format!("127.0.0.1:{port}"));
    let Ok(address) = numeric.as_deref().unwrap_or(text).parse::<SocketAddr>() else {
        let or = if engines { ", or unix:/run/footplate/engine.sock" } else { "" };
        return Err(format!(
            "it is no IP address with a port; write it like 127.0.0.1:8000 or [::1]:8000{or}"
        ));
    };
    let here = address.ip().to_canonical().is_loopback() || flag == ADMIN_LISTEN;
    if here || guard.asks && guard.tls {
        return Ok(Address::Tcp(address));
    }
    let (tls, tokens, otherwise) = if engines {
        (
            "--engine-tls-cert and --engine-tls-key",
            "--auth-keys, --auth-jwks-url, --api-keys or --engine-tls-client-ca",
            "let engines attach on this machine (127.0.0.1, [::1] or unix:<path>)",
        )
    } else {
        (
            "--viewer-tls-cert and --viewer-tls-key",
            "--auth-keys, --auth-jwks-url or --api-keys",
            "listen on 127.0.0.1 or [::1], with a proxy in front that authenticates",
        )
    };
    Err(if guard.asks {
        format!(
            "other machines would reach it, and without TLS whoever is on the way reads the tokens; \
             name {tls}, or {otherwise}"
        )
    } else {
        format!(
            "other machines would reach it, and without authentication whoever reaches it may do \
             everything (TLS does not change that); say which tokens count with {tokens}, and name \
             {tls}; or {otherwise}"
        )
    })
}

fn socket(path: &str) -> Result<Address, String> {
    let (text, path) = (path, PathBuf::from(path));
    if text.is_empty() || text.contains('\0') || text.len() > LONGEST_PATH {
        return Err(format!("the path of a socket has 1 to {LONGEST_PATH} bytes; write another"));
    }
    let parent = path.parent().filter(|it| !it.as_os_str().is_empty());
    let parent = parent.unwrap_or(Path::new("."));
    if path.file_name().is_none() || path.is_dir() {
        return Err("it is a directory; add the name of the socket".to_owned());
    }
    if !parent.is_dir() {
        let parent = parent.display();
        return Err(format!("there is no directory {parent}; make it, with mode 0750"));
    }
    Ok(Address::Unix(path))
}

pub(super) fn truth(text: &str) -> Option<bool> {
    text.parse().ok()
}

pub(super) fn format(text: &str) -> Option<Format> {
    match text {
        "text" => Some(Format::Text),
        "json" => Some(Format::Json),
        _ => None,
    }
}

/// A whole number with a unit, up to ten years.
pub(super) fn age(text: &str) -> Option<Duration> {
    let split = text.find(|c: char| !c.is_ascii_digit())?;
    let (number, unit) = text.split_at(split);
    let number: u64 = number.parse().ok()?;
    let seconds = match unit {
        "s" => 1,
        "m" => 60,
        "h" => 3_600,
        "d" => 86_400,
        _ => return None,
    };
    let all = Duration::from_secs(number.checked_mul(seconds)?);
    (all <= Duration::from_secs(3_650 * 86_400)).then_some(all)
}

/// A number of bytes, with a unit.
pub(super) fn size(text: &str) -> Option<u64> {
    let split = text.find(|c: char| !c.is_ascii_digit())?;
    let (number, unit) = text.split_at(split);
    let number: u64 = number.parse().ok()?;
    let shift = match unit {
        "MiB" => 20,
        "GiB" => 30,
        "TiB" => 40,
        _ => return None,
    };
    let all = number.checked_mul(1 << shift)?;
    (16 << 20 <= all).then_some(all)
}

/// How much memory may be used.
pub(super) fn memory(text: &str) -> Option<Memory> {
    match text {
        "auto" => Some(Memory::Half),
        "none" => Some(Memory::Unbounded),
        _ => size(text).filter(|it| 64 << 20 <= *it).map(Memory::Bytes),
    }
}

/// Whether a damaged store is set aside.
pub(super) fn on_damage(text: &str) -> Option<bool> {
    match text {
        "set-aside" => Some(true),
        "refuse" => Some(false),
        _ => None,
    }
}

/// A whole number with a unit, up to an hour.
pub(super) fn duration(text: &str) -> Option<Duration> {
    let split = text.find(|c: char| !c.is_ascii_digit())?;
    let (number, unit) = text.split_at(split);
    let number: u64 = number.parse().ok()?;
    let millis = match unit {
        "ms" => 1,
        "s" => 1_000,
        "m" => 60_000,
        "h" => 3_600_000,
        _ => return None,
    };
    let all = Duration::from_millis(number.checked_mul(millis)?);
    (all <= Duration::from_secs(3_600)).then_some(all)
}
