//! What `footplate ready` is told: which relay to ask. A relay that listens everywhere is asked on
//! this machine.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use super::{ADMIN_LISTEN, Check, Places, Problem, ReadyFlags, values};
use crate::seams::Address;

impl ReadyFlags {
    /// Checks all of them.
    ///
    /// # Errors
    /// Everything that is wrong.
    pub fn check(&self) -> Result<Address, Vec<Problem>> {
        let mut check = Check::new(Places::default());
        let default = || check.defaults(ADMIN_LISTEN).swap_remove(0);
        // An empty variable counts as not set.
        let given = self.admin.first().filter(|it| !it.trim().is_empty());
        let text = given.map_or_else(default, |it| it.trim().to_owned());
        let what = match values::address(ADMIN_LISTEN, &text, values::Guard::default()) {
            Ok(Address::Tcp(at)) if at.port() != 0 => return Ok(Address::Tcp(here(at))),
            _ if text == "none" => {
                "a relay without a port for operators can't be asked; give it one".to_owned()
            }
            Ok(_) => "name the port that the relay was given, as its log says".to_owned(),
            Err(what) => what,
        };
        check.wrong("--admin", &text, what);
        Err(check.found)
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
