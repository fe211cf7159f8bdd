//! What `footplate ready` is told: which relay to ask. A relay that listens everywhere is asked on
//! this machine.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use super::{ADMIN, ADMIN_LISTEN, Problem, address, flags::ReadyFlags};
use crate::seams::Address;

impl ReadyFlags {
    /// Checks all of them.
    ///
    /// # Errors
    /// Everything that is wrong.
    pub fn check(&self) -> Result<Address, Vec<Problem>> {
        let text = self.admin.first().map_or(ADMIN, |it| it.trim());
        let wrong = |what: &str| {
            let (flag, value, what) = ("--admin", text.to_owned(), what.to_owned());
            Err(vec![Problem { flag, value, what }])
        };
        if text == "none" {
            return wrong("a relay without a port for operators can't be asked; give it one");
        }
        match address(ADMIN_LISTEN, text) {
            Ok(Address::Tcp(at)) if at.port() != 0 => Ok(Address::Tcp(here(at))),
            Ok(_) => wrong("name the port that the relay was given, as its log says"),
            Err(what) => wrong(&what),
        }
    }
}

/// Where to connect to reach who listens there.
fn here(at: SocketAddr) -> SocketAddr {
    let ip = match at.ip() {
        ip if !ip.is_unspecified() => ip,
        IpAddr::V4(_) => Ipv4Addr::LOCALHOST.into(),
        IpAddr::V6(_) => Ipv6Addr::LOCALHOST.into(),
    };
    SocketAddr::new(ip, at.port())
}
