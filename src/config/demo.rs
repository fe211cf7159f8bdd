//! The flags of `footplate demo` → the settings of a relay for this machine alone. It starts nothing.

use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};

use super::{Check, Command, Config, DemoFlags, Door, Flags, Listen, Places, Problem};
use crate::seams::Address;
use crate::tls::self_signed;

/// What the demo has beside a relay.
#[derive(Debug)]
pub struct Demo {
    /// The certificate that its clients have to trust, as PEM; `None`: no TLS.
    pub pem: Option<String>,
}

impl DemoFlags {
    /// Checks all of them.
    ///
    /// # Errors
    /// Everything that is wrong.
    pub fn check(&self) -> Result<Command, Vec<Problem>> {
        let mut check = Check::new(Places::default());
        // An empty variable counts as not set.
        let text = self.port.as_deref().filter(|it| !it.is_empty()).unwrap_or("8000");
        let remedy = "it is a number up to 65535";
        let port = check.one("--port", Some(text), |it| it.parse().ok(), remedy);
        let listen = |ip, port, optional| {
            let address = Address::Tcp(SocketAddr::new(ip, port));
            Listen { address, flag: "--port", optional }
        };
        // With port 0 each address would get another port.
        let mut viewers = vec![listen(Ipv4Addr::LOCALHOST.into(), port, false)];
        if port != 0 {
            viewers.push(listen(Ipv6Addr::LOCALHOST.into(), port, true));
        }
        let made = self.tls.then(self_signed).transpose().unwrap_or_else(|err| {
            check.wrong("--tls", "", format!("no certificate could be made ({err}); do without"));
            None
        });
        let (certificate, pem) = made.map(|it| (it.certificate, it.pem)).unzip();
        let defaults = Flags {
            engine_listen: vec!["127.0.0.1:0".to_owned()],
            admin_listen: vec!["none".to_owned()],
            ..Flags::default()
        };
        let config = Config {
            viewers: Door { listen: viewers, tls: certificate },
            ..defaults.check().expect("the defaults are right")
        };
        let demo = Command::Demo(config, Demo { pem });
        if check.found.is_empty() { Ok(demo) } else { Err(check.found) }
    }
}
