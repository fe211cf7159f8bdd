//! Flags and environment → a checked [`Config`]. Everything that is wrong is told at once, a line
//! each, with the remedy; nothing behind this file checks a setting again or reads the environment.

use std::{
    ffi::OsString,
    fmt,
    net::{Ipv4Addr, Ipv6Addr, SocketAddr},
    path::{Path, PathBuf},
    time::Duration,
};

use clap::Parser;

mod flags;
mod ready;

use crate::http::caller::{Allowed, Host, Origin};
use crate::seams::Address;
use crate::telemetry::logs::{self, Format};
use crate::tls::{Certificate, self_signed};
use flags::{Cli, Sub};
pub use flags::{DemoFlags, Flags, ReadyFlags};

/// What a process ends with when its configuration is wrong (`EX_USAGE` of sysexits).
pub const EXIT_USAGE: u8 = 64;

const VIEWER_LISTEN: &str = "--viewer-listen";
const ENGINE_LISTEN: &str = "--engine-listen";
/// The flag that names the operators' door.
pub const ADMIN_LISTEN: &str = "--admin-listen";
/// Where that is, if nobody names it.
const ADMIN: &str = "127.0.0.1:9464";
/// The longest path that a Unix socket may have: the kernel's 108 bytes hold an end mark, too.
const LONGEST_PATH: usize = 107;

/// What the program is to do.
#[derive(Debug)]
pub enum Command {
    /// Run the relay.
    Serve(Config),
    /// Run the relay and a made-up engine.
    Demo(Config, Demo),
    /// Ask the relay with this operators' port whether it is ready.
    Ready(Address),
}

/// What the demo has beside a relay.
#[derive(Debug)]
pub struct Demo {
    /// The certificate that its clients have to trust, as PEM; `None`: no TLS.
    pub pem: Option<String>,
}

/// Settings that make sense.
#[derive(Debug)]
pub struct Config {
    /// The dashboards' door.
    pub viewers: Door,
    /// The engines' door.
    pub engines: Door,
    /// Where operators ask for numbers and health. None: nowhere.
    pub admin: Vec<Listen>,
    /// The directory of the user's own page. `None`: the built-in one is served.
    pub assets: Option<PathBuf>,
    /// Hosts and origins beside the relay's own.
    pub allowed: Allowed,
    /// What is logged.
    pub log: String,
    /// How.
    pub log_format: Format,
    /// How it ends.
    pub drain: Drain,
}

/// How the relay ends after SIGTERM.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Drain {
    /// How long it goes on as before, but is not ready.
    pub delay: Duration,
    /// How long connections may take from then on.
    pub grace: Duration,
}

/// One door's settings.
#[derive(Debug)]
pub struct Door {
    /// Its ports.
    pub listen: Vec<Listen>,
    /// How it shows who it is, if it speaks TLS.
    pub tls: Option<Certificate>,
}

/// One port.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listen {
    /// Where.
    pub address: Address,
    /// The flag that can change it.
    pub flag: &'static str,
    /// Nobody named it: the relay does without where this machine has no such address.
    pub optional: bool,
}

/// One thing that is wrong with the configuration.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// The flag.
    pub flag: &'static str,
    /// What was given.
    pub value: String,
    /// What is wrong with it, and what to do.
    pub what: String,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}: {}", self.flag, self.value.escape_debug(), self.what)
    }
}

/// Why the program does not start.
#[derive(Debug)]
pub enum Refused {
    /// The command line is none; or it asks for help or the version, which is no fault.
    Usage(clap::Error),
    /// Everything that is wrong.
    Problems(Vec<Problem>),
}

/// Reads and checks the command line and the environment.
///
/// # Errors
/// Everything that is wrong with them, at once.
pub fn read(args: impl IntoIterator<Item = OsString>) -> Result<Command, Refused> {
    match Cli::try_parse_from(args).map_err(Refused::Usage)?.command {
        Sub::Serve(flags) => flags.check().map(Command::Serve).map_err(Refused::Problems),
        Sub::Demo(flags) => flags.check().map_err(Refused::Problems),
        Sub::Ready(flags) => flags.check().map(Command::Ready).map_err(Refused::Problems),
    }
}

impl Flags {
    /// Checks all of them, reading the files that they name.
    ///
    /// # Errors
    /// Everything that is wrong, in the order of the flags.
    pub fn check(&self) -> Result<Config, Vec<Problem>> {
        let mut check = Check(Vec::new());
        let viewers = Door {
            listen: check.listen(
                VIEWER_LISTEN,
                &self.viewer_listen,
                ["127.0.0.1:8000", "[::1]:8000"],
            ),
            tls: None,
        };
        let engines = Door {
            listen: check.listen(ENGINE_LISTEN, &self.engine_listen, ["127.0.0.1:50051"]),
            tls: None,
        };
        let admin = check.admin(&self.admin_listen);
        check.distinct(viewers.listen.iter().chain(&engines.listen).chain(&admin));
        let (cert, key) = (self.viewer_tls_cert.as_ref(), self.viewer_tls_key.as_ref());
        let viewer_tls = check.tls(["--viewer-tls-cert", "--viewer-tls-key"], cert, key);
        let (cert, key) = (self.engine_tls_cert.as_ref(), self.engine_tls_key.as_ref());
        let engine_tls = check.tls(["--engine-tls-cert", "--engine-tls-key"], cert, key);
        let config = Config {
            viewers: Door { tls: viewer_tls, ..viewers },
            engines: Door { tls: engine_tls, ..engines },
            admin,
            assets: check.assets(self.assets.as_deref()),
            allowed: Allowed {
                hosts: check.all("--allow-host", &self.allow_host, Host::parse, HOST),
                origins: check.all("--allow-origin", &self.allow_origin, Origin::parse, ORIGIN),
            },
            log: check.one("--log", self.log.as_deref().unwrap_or("info"), logs::filter, FILTER),
            log_format: check.one(
                "--log-format",
                self.log_format.as_deref().unwrap_or("text"),
                format,
                "it is text or json",
            ),
            drain: Drain {
                delay: check.time("--drain-delay", self.drain_delay.as_deref(), "0s"),
                grace: check.time("--drain-grace", self.drain_grace.as_deref(), "10s"),
            },
        };
        if check.0.is_empty() { Ok(config) } else { Err(check.0) }
    }
}

impl DemoFlags {
    /// Checks all of them.
    ///
    /// # Errors
    /// Everything that is wrong.
    pub fn check(&self) -> Result<Command, Vec<Problem>> {
        let mut check = Check(Vec::new());
        let text = self.port.as_deref().unwrap_or("8000");
        let port = check.one("--port", text, |it| it.parse().ok(), "it is a number up to 65535");
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
        if check.0.is_empty() { Ok(Command::Demo(config, Demo { pem })) } else { Err(check.0) }
    }
}

const HOST: &str = "it is a host name or an IP address, with or without a port, such as \
                    relay.example or relay.example:8443";
const ORIGIN: &str = "it is a scheme, a host and, unless it is the scheme's own, a port, such as \
                      https://ops.example:8443, with nothing behind";
const FILTER: &str = "it is a level (error, warn, info, debug, trace) or a list such as \
                      info,footplate::engine=debug";

/// Collects what is wrong. What stands in for a wrong value is never used.
struct Check(Vec<Problem>);

impl Check {
    fn wrong(&mut self, flag: &'static str, value: &str, what: impl Into<String>) {
        self.0.push(Problem { flag, value: value.to_owned(), what: what.into() });
    }

    fn one<T: Default>(
        &mut self,
        flag: &'static str,
        text: &str,
        read: impl Fn(&str) -> Option<T>,
        remedy: &str,
    ) -> T {
        read(text.trim()).unwrap_or_else(|| {
            self.wrong(flag, text, remedy);
            T::default()
        })
    }

    fn all<T>(
        &mut self,
        flag: &'static str,
        texts: &[String],
        read: impl Fn(&str) -> Option<T>,
        remedy: &str,
    ) -> Vec<T> {
        let mut all = Vec::new();
        for text in texts {
            match read(text.trim()) {
                Some(it) => all.push(it),
                None => self.wrong(flag, text, remedy),
            }
        }
        all
    }

    fn time(&mut self, flag: &'static str, text: Option<&str>, default: &str) -> Duration {
        let remedy = "it is a whole number with a unit, such as 500ms, 10s or 1m, and at most 1h";
        self.one(flag, text.unwrap_or(default), duration, remedy)
    }

    /// The ports for operators, unless there are to be none.
    fn admin(&mut self, texts: &[String]) -> Vec<Listen> {
        if let [only] = texts
            && only.trim() == "none"
        {
            return vec![];
        }
        self.listen(ADMIN_LISTEN, texts, [ADMIN])
    }

    fn assets(&mut self, text: Option<&str>) -> Option<PathBuf> {
        let text = text?;
        let path = PathBuf::from(text);
        if !path.is_dir() {
            self.wrong(
                "--assets",
                text,
                "there is no such directory; name the one that holds index.html",
            );
        }
        Some(path)
    }

    /// The ports of one door. Of the defaults, all but the first are optional.
    fn listen<const N: usize>(
        &mut self,
        flag: &'static str,
        texts: &[String],
        defaults: [&str; N],
    ) -> Vec<Listen> {
        let given = texts.iter().map(|text| (text.trim(), false));
        let default = defaults.into_iter().enumerate().map(|(n, text)| (text, n > 0));
        let texts: Vec<_> = if texts.is_empty() { default.collect() } else { given.collect() };
        let mut all = Vec::new();
        for (text, optional) in texts {
            match address(flag, text) {
                Ok(address) => all.push(Listen { address, flag, optional }),
                Err(what) => self.wrong(flag, text, what),
            }
        }
        all
    }

    fn distinct<'a>(&mut self, all: impl Iterator<Item = &'a Listen>) {
        let mut seen: Vec<&Address> = Vec::new();
        for Listen { address, flag, .. } in all {
            let any = matches!(address, Address::Tcp(address) if address.port() == 0);
            if seen.contains(&address) && !any {
                let text = address.to_string();
                self.wrong(flag, &text, "it is named twice; give each door its own port");
            }
            seen.push(address);
        }
    }

    fn tls(
        &mut self,
        flags: [&'static str; 2],
        cert: Option<&String>,
        key: Option<&String>,
    ) -> Option<Certificate> {
        match (cert, key) {
            (None, None) => None,
            (Some(cert), None) => {
                let what = format!("a certificate without its key; name that with {}", flags[1]);
                self.wrong(flags[0], cert, what);
                None
            }
            (None, Some(key)) => {
                let what = format!("a key without its certificate; name that with {}", flags[0]);
                self.wrong(flags[1], key, what);
                None
            }
            (Some(cert), Some(key)) => Certificate::load(Path::new(cert), Path::new(key))
                .map_err(|fault| {
                    let of_cert = fault.path() == Path::new(cert);
                    let (flag, value) = if of_cert { (flags[0], cert) } else { (flags[1], key) };
                    self.wrong(flag, value, fault.to_string());
                })
                .ok(),
        }
    }
}

/// Reads where to listen, and says why not.
fn address(flag: &'static str, text: &str) -> Result<Address, String> {
    let engines = flag == ENGINE_LISTEN;
    if let Some(path) = text.strip_prefix("unix:") {
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
    if address.ip().to_canonical().is_loopback() || flag == ADMIN_LISTEN {
        return Ok(Address::Tcp(address));
    }
    let remedy = if engines {
        "let engines attach on this machine (127.0.0.1, [::1] or unix:<path>)"
    } else {
        "listen on 127.0.0.1 or [::1], with a proxy in front that authenticates"
    };
    Err(format!(
        "other machines would reach it, and without authentication, which the relay does not have \
         yet, whoever reaches it may do everything (TLS does not change that); {remedy}"
    ))
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

fn format(text: &str) -> Option<Format> {
    match text {
        "text" => Some(Format::Text),
        "json" => Some(Format::Json),
        _ => None,
    }
}

/// A whole number with a unit, up to an hour.
fn duration(text: &str) -> Option<Duration> {
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
