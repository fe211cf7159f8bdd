//! Flags, variables and a file → a checked [`Config`]. Everything that is wrong is told at once, a
//! line each, with its place and the remedy; nothing behind this module checks a setting again or
//! reads the environment.

use std::{ffi::OsString, path::PathBuf, time::Duration};

use clap::FromArgMatches as _;

mod auth;
mod bounds;
mod certs;
mod check;
mod demo;
mod file;
mod flags;
mod layers;
mod print;
mod problem;
mod ready;
mod settings;
mod values;
mod verify;

use crate::http::caller::{Allowed, Host, Origin};
use crate::http::hops::Hops;
use crate::seams::Address;
use crate::telemetry::logs::{self, Format};
use crate::tls::{Served, Trust};
pub use auth::Auth;
pub use bounds::{Bounds, People};
pub use certs::Certs;
use check::Check;
pub use demo::Demo;
use flags::{AuditSub, CertsSub, Cli, Sub};
pub use flags::{
    BoundFlags, CertsFlags, DemoFlags, Flags, GateFlags, ReadyFlags, TokenFlags, VerifyFlags,
};
use layers::{Layers, Places, Variables};
pub use problem::{Place, Problem, Spot};
pub use settings::Setting;
use values::Guard;
pub use verify::Verify;

/// What a process ends with when its configuration is wrong (`EX_USAGE` of sysexits).
pub const EXIT_USAGE: u8 = 64;

const VIEWER_LISTEN: &str = "--viewer-listen";
const ENGINE_LISTEN: &str = "--engine-listen";
/// The flag that names the operators' door.
pub const ADMIN_LISTEN: &str = "--admin-listen";

/// What the program is to do.
#[derive(Debug)]
pub enum Command {
    /// Run the relay.
    Serve(Config),
    /// Run the relay and a made-up engine.
    Demo(Config, Demo),
    /// Ask the relay with this operators' port whether it is ready.
    Ready(Address),
    /// Make certificates, and end.
    Certs(Certs),
    /// Check an audit log, and end.
    Verify(Verify),
    /// Say this on standard output, and end.
    Say(String),
}

/// Settings that make sense.
#[derive(Debug)]
pub struct Config {
    /// The dashboards' door.
    pub viewers: Door,
    /// The engines' door.
    pub engines: Door,
    /// Who vouches for engines' certificates, if anybody does.
    pub engine_ca: Option<Trust>,
    /// Which tokens and keys count. `None`: none, and both doors are for this machine alone.
    pub auth: Option<Auth>,
    /// Where operators ask for numbers and health. None: nowhere.
    pub admin: Vec<Listen>,
    /// The directory of the user's own page. `None`: the built-in one is served.
    pub assets: Option<PathBuf>,
    /// Hosts and origins beside the relay's own.
    pub allowed: Allowed,
    /// Who may have how much.
    pub bounds: Bounds,
    /// What the operator allows at gates.
    pub gates: Gates,
    /// Where what happens is kept. `None`: in memory alone.
    pub store: Option<Store>,
    /// How much memory may be used.
    pub memory: Memory,
    /// Where what people decide is written down. `None`: nowhere.
    pub audit: Option<PathBuf>,
    /// What is logged.
    pub log: String,
    /// How.
    pub log_format: Format,
    /// How it ends.
    pub drain: Drain,
}

/// What the operator allows at gates.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Gates {
    /// People may decide while the gate's engine is away.
    pub accept_while_offline: bool,
    /// A gate may approve itself when its deadline passes.
    pub allow_timeout_approve: bool,
    /// Whoever has begun an execution does not decide at its gates.
    pub four_eyes: bool,
}

/// Where what happens is kept, and how much of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Store {
    /// The directory.
    pub directory: PathBuf,
    /// Bytes.
    pub size: u64,
    /// How long executions are kept after their end.
    pub age: Duration,
    /// Whether a store that is damaged as a whole is set aside.
    pub set_aside: bool,
}

/// How much memory may be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Memory {
    /// Half of what the machine has, or its container.
    #[default]
    Half,
    /// As much as it needs.
    Unbounded,
    /// So many bytes.
    Bytes(u64),
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
    pub tls: Option<Served>,
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

/// Why the program does not start.
#[derive(Debug)]
pub enum Refused {
    /// The command line is none; or it asks for help or the version, which is no fault.
    Usage(clap::Error),
    /// Everything that is wrong.
    Problems(Vec<Problem>),
}

/// Reads and checks the command line, the process's environment and the file that they name.
///
/// # Errors
/// Everything that is wrong with them, at once.
pub fn read(args: impl IntoIterator<Item = OsString>) -> Result<Command, Refused> {
    read_with(args, std::env::vars_os())
}

/// The same with an environment of one's own, which for `demo` is the process's still.
///
/// # Errors
/// As those of [`read`].
pub fn read_with(
    args: impl IntoIterator<Item = OsString>,
    variables: impl IntoIterator<Item = (OsString, OsString)>,
) -> Result<Command, Refused> {
    let typed = flags::parse(args).map_err(Refused::Usage)?;
    let (_, inner) = typed.subcommand().expect("the command line asks for one");
    let variables: Variables = variables.into_iter().collect();
    let layers = |it| Layers::read(it, inner, &variables).map_err(Refused::Usage);
    match Cli::from_arg_matches(&typed).map_err(Refused::Usage)?.command {
        Sub::Serve(serve) => {
            let layers = layers(&serve.layered)?;
            let printed = serve.print_config.then(|| layers.to_toml());
            let config = layers.check().map_err(Refused::Problems)?;
            Ok(printed.map_or(Command::Serve(config), Command::Say))
        }
        Sub::Check(layered) => {
            let config = layers(&layered)?.check().map_err(Refused::Problems)?;
            Ok(Command::Say(print::sentence(&config)))
        }
        Sub::Demo(flags) => flags.check().map_err(Refused::Problems),
        Sub::Ready(flags) => flags.check().map(Command::Ready).map_err(Refused::Problems),
        Sub::Certs(CertsSub::Init(flags)) => {
            flags.check().map(Command::Certs).map_err(Refused::Problems)
        }
        Sub::Audit(AuditSub::Verify(flags)) => {
            flags.check().map(Command::Verify).map_err(Refused::Problems)
        }
    }
}

impl Flags {
    /// Checks all of them, reading the files that they name.
    ///
    /// # Errors
    /// Everything that is wrong, in the order of the flags.
    pub fn check(&self) -> Result<Config, Vec<Problem>> {
        self.judge(Places::default())
    }

    /// The same, with where each was given.
    fn judge(&self, places: Places) -> Result<Config, Vec<Problem>> {
        let mut check = Check::new(places);
        // What is said to keep strangers out does, or nothing is opened: what is wrong with it is told.
        let tokens = !self.tokens.auth_keys.is_empty() || self.tokens.auth_jwks_url.is_some();
        let shows = tokens || self.tokens.api_keys.is_some();
        let guard = Guard { asks: shows, tls: self.viewer_tls_cert.is_some() };
        let viewers = check.listen(VIEWER_LISTEN, &self.viewer_listen, guard);
        let asks = shows || self.engine_tls_client_ca.is_some();
        let guard = Guard { asks, tls: self.engine_tls_cert.is_some() };
        let engines = check.listen(ENGINE_LISTEN, &self.engine_listen, guard);
        let admin = check.admin(&self.admin_listen);
        check.distinct(viewers.iter().chain(&engines).chain(&admin));
        let (cert, key) = (self.viewer_tls_cert.as_ref(), self.viewer_tls_key.as_ref());
        let viewer_tls = check.tls(["--viewer-tls-cert", "--viewer-tls-key"], cert, key);
        let (cert, key) = (self.engine_tls_cert.as_ref(), self.engine_tls_key.as_ref());
        let engine_tls = check.tls(["--engine-tls-cert", "--engine-tls-key"], cert, key);
        let engine_ca = check.client_ca(
            self.engine_tls_client_ca.as_deref(),
            &self.engine_tls_client_crl,
            self.engine_tls_cert.is_some(),
        );
        let config = Config {
            engine_ca,
            bounds: check.bounds(&self.bounds, shows),
            auth: check.auth(&self.tokens),
            viewers: Door { listen: viewers, tls: viewer_tls },
            engines: Door { listen: engines, tls: engine_tls },
            admin,
            assets: check.assets(self.assets.as_deref()),
            allowed: Allowed {
                hosts: check.all("--allow-host", &self.allow_host, Host::parse, HOST),
                origins: check.all("--allow-origin", &self.allow_origin, Origin::parse, ORIGIN),
                hops: check.one("--trusted-hops", self.trusted_hops.as_deref(), Hops::parse, HOPS),
            },
            gates: Gates {
                accept_while_offline: check.one(
                    "--accept-while-offline",
                    self.gates.accept_while_offline.as_deref(),
                    values::truth,
                    TRUTH,
                ),
                allow_timeout_approve: check.one(
                    "--allow-timeout-approve",
                    self.gates.allow_timeout_approve.as_deref(),
                    values::truth,
                    TRUTH,
                ),
                four_eyes: check.four_eyes(self.gates.four_eyes.as_deref(), shows),
            },
            store: check.store(self),
            memory: check.one(
                "--memory-budget",
                self.memory_budget.as_deref(),
                values::memory,
                MEMORY,
            ),
            audit: check.audit(self.audit.as_deref()),
            log: check.one("--log", self.log.as_deref(), logs::filter, FILTER),
            log_format: check.one(
                "--log-format",
                self.log_format.as_deref(),
                values::format,
                FORMAT,
            ),
            drain: Drain {
                delay: check.time("--drain-delay", self.drain_delay.as_deref()),
                grace: check.time("--drain-grace", self.drain_grace.as_deref()),
            },
        };
        if check.found.is_empty() { Ok(config) } else { Err(check.found) }
    }
}

const HOST: &str = "it is a host name or an IP address, with or without a port, such as \
                    relay.example or relay.example:8443";
const ORIGIN: &str = "it is a scheme, a host and, unless it is the scheme's own, a port, such as \
                      https://ops.example:8443, with nothing behind";
const HOPS: &str = "it is how many proxies every request goes through, from 0 to 10";
const FILTER: &str = "it is a level (error, warn, info, debug, trace) or a list such as \
                      info,footplate::engine=debug";
const MEMORY: &str = "it is a number with MiB, GiB or TiB, from 64MiB on, or auto, or none";
const TRUTH: &str = "it is true or false";
const FORMAT: &str = "it is text or json";
