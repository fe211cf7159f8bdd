//! The command line, as it is typed: texts, which `config` reads and judges, so that all that is
//! wrong can be told at once. What stands here as a comment is what `--help` and
//! `docs/configuration.md` say. Nothing here knows whether a text makes sense.

use std::{ffi::OsString, path::PathBuf};

use clap::{
    ArgMatches, Args, CommandFactory, Parser, Subcommand,
    builder::{OsStr, Resettable},
    error::{ContextKind, ContextValue, ErrorKind},
};

mod bounds;
mod gates;
mod tokens;

pub use bounds::BoundFlags;
pub use gates::GateFlags;
pub use tokens::TokenFlags;

/// The command line.
#[derive(Debug, Parser)]
#[command(
    name = "footplate",
    version,
    about = "A relay between execution engines (gRPC) and the dashboards that watch and steer them (WebSocket)",
    after_help = "Try `footplate demo` and open http://localhost:8000.",
    arg_required_else_help = true
)]
pub(super) struct Cli {
    #[command(subcommand)]
    pub(super) command: Sub,
}

#[derive(Debug, Subcommand)]
pub(super) enum Sub {
    /// Run the relay until SIGTERM or SIGINT.
    Serve(Box<Serve>),
    /// Check a configuration, with the files that it names, and open nothing.
    Check(Box<Layered>),
    /// Run the relay with a made-up engine, to see it at work.
    Demo(DemoFlags),
    /// Ask a running relay whether it is ready: for health checks without a shell or curl.
    Ready(ReadyFlags),
    /// Make certificates for trying TLS out, and for relays that only we connect to.
    #[command(subcommand)]
    Certs(CertsSub),
    /// Check an audit log.
    #[command(subcommand)]
    Audit(AuditSub),
}

#[derive(Debug, Subcommand)]
pub(super) enum AuditSub {
    /// Check that an audit log is what was written, line by line.
    #[command(next_line_help = true)]
    Verify(VerifyFlags),
}

#[derive(Debug, Subcommand)]
pub(super) enum CertsSub {
    /// Make a local authority and a server's certificate; run again, issue a new certificate.
    #[command(next_line_help = true)]
    Init(CertsFlags),
}

/// The subcommands whose settings may also stand in variables and a file.
const LAYERED: [&str; 2] = ["serve", "check"];

/// What begins a certificate or a key: it is a file's content where its path is wanted.
pub(super) const PEM: &str = "-----BEGIN ";

/// Reads the command line.
///
/// For `serve` and `check` the variables are shown in the help, but not read here: clap would take
/// an empty one for a value, and stop at the first that is no text.
pub(super) fn parse(args: impl IntoIterator<Item = OsString>) -> Result<ArgMatches, clap::Error> {
    let args: Vec<OsString> = args.into_iter().collect();
    let whole =
        || Cli::command().mut_subcommands(|sub| sub.mut_args(|arg| arg.hide_env_values(true)));
    let blind = LAYERED.into_iter().fold(whole(), |command, name| {
        command.mut_subcommand(name, |sub| sub.mut_args(|arg| arg.env(Resettable::<OsStr>::Reset)))
    });
    match blind.try_get_matches_from(&args) {
        Err(err) if err.kind() == ErrorKind::DisplayHelp => whole().try_get_matches_from(args),
        Err(mut err) => {
            // It begins like a flag, and would be shown as one that is not known. What is shown counts: it
            // comes without the control characters that there may have been.
            if err.to_string().contains(PEM) {
                let instead = "what a PEM file holds; write its path".to_owned();
                err.insert(ContextKind::InvalidArg, ContextValue::String(instead));
            }
            Err(err)
        }
        read => read,
    }
}

/// What `footplate serve` is told.
#[derive(Debug, Args)]
#[command(
    next_line_help = true,
    after_help = "\
Engines attach at --engine-listen; dashboards connect at --viewer-listen, where the built-in page, \
/v1/executions, /livez and /readyz are as well. /metrics is at --admin-listen.

A flag wins over its variable, a variable over the file. In the file a setting has the name of its \
flag, with _ for -: viewer_listen = [\"127.0.0.1:8000\"]. An empty variable counts as not set.

Without --auth-keys, --auth-jwks-url or --api-keys both doors open for this machine alone, and \
everybody on it may do everything; with them everybody shows a token: see docs/auth.md. A second \
SIGTERM or SIGINT ends the relay at once.

Exit status: 0 after a clean end, 64 if the configuration is wrong, 1 if something else is."
)]
pub(super) struct Serve {
    #[command(flatten)]
    pub(super) layered: Layered,
    /// Print the configuration as it is in effect, as a file for --config that says where each
    /// value comes from, and end. Default: not done.
    #[arg(long, help_heading = "Configuration")]
    pub(super) print_config: bool,
}

/// The flags that may also stand elsewhere, and where.
#[derive(Debug, Args)]
#[command(
    next_line_help = true,
    after_help = "\
It takes what `footplate serve` takes, from flags, variables and the file, and says what would \
listen where.

Exit status: 0 if all is right, 64 if not."
)]
pub(super) struct Layered {
    #[command(flatten)]
    pub(super) flags: Flags,
    /// A file with settings, in TOML. Default: none.
    #[arg(long, env = "FOOTPLATE_CONFIG", value_name = "FILE", help_heading = "Configuration")]
    pub(super) config: Option<PathBuf>,
}

/// The settings of `footplate serve`, as they were typed. What is not given is the default.
#[derive(Debug, Clone, Default, Args)]
pub struct Flags {
    /// Where dashboards connect: IP:PORT. May be repeated. Addresses beyond this machine need tokens and
    /// TLS.
    #[arg(
        long,
        env = "FOOTPLATE_VIEWER_LISTEN",
        value_name = "ADDRESS",
        value_delimiter = ',',
        default_value = "127.0.0.1:8000,[::1]:8000",
        help_heading = "Doors"
    )]
    pub viewer_listen: Vec<String>,
    /// Where engines attach: IP:PORT, or unix:PATH. May be repeated. Addresses beyond this machine need
    /// TLS, and tokens or engines' certificates.
    #[arg(
        long,
        env = "FOOTPLATE_ENGINE_LISTEN",
        value_name = "ADDRESS",
        value_delimiter = ',',
        default_value = "127.0.0.1:50051",
        help_heading = "Doors"
    )]
    pub engine_listen: Vec<String>,
    /// Where operators ask for /metrics, /livez and /readyz: IP:PORT, or `none`. May be repeated.
    /// Nothing here says what is executed, so other addresses than this machine's may be named.
    #[arg(
        long,
        env = "FOOTPLATE_ADMIN_LISTEN",
        value_name = "ADDRESS",
        value_delimiter = ',',
        default_value = "127.0.0.1:9464",
        help_heading = "Doors"
    )]
    pub admin_listen: Vec<String>,
    /// A directory whose files are served at the dashboards' door instead of the built-in page.
    /// Default: none.
    #[arg(long, env = "FOOTPLATE_ASSETS", value_name = "DIR", help_heading = "Browsers")]
    pub assets: Option<String>,
    /// The certificate chain of the dashboards' door, as a PEM file. With it, the door speaks TLS.
    /// Default: none.
    #[arg(long, env = "FOOTPLATE_VIEWER_TLS_CERT", value_name = "FILE", help_heading = "TLS")]
    pub viewer_tls_cert: Option<String>,
    /// Its private key, as a PEM file. Default: none.
    #[arg(long, env = "FOOTPLATE_VIEWER_TLS_KEY", value_name = "FILE", help_heading = "TLS")]
    pub viewer_tls_key: Option<String>,
    /// The certificate chain of the engines' door. Its Unix sockets stay plain. Default: none.
    #[arg(long, env = "FOOTPLATE_ENGINE_TLS_CERT", value_name = "FILE", help_heading = "TLS")]
    pub engine_tls_cert: Option<String>,
    /// Its private key. Default: none.
    #[arg(long, env = "FOOTPLATE_ENGINE_TLS_KEY", value_name = "FILE", help_heading = "TLS")]
    pub engine_tls_key: Option<String>,
    /// The authorities that vouch for engines' certificates, as a PEM file. An engine with such a
    /// certificate needs no token, and is who its URI or DNS name says. Read again when it changes.
    /// Default: none.
    #[arg(long, env = "FOOTPLATE_ENGINE_TLS_CLIENT_CA", value_name = "FILE", help_heading = "TLS")]
    pub engine_tls_client_ca: Option<String>,
    /// Engines' certificates that are revoked: a revocation list as a PEM file, or a directory of them. May
    /// be repeated. Read again when they change; whom one names is sent away. A list that is out of date
    /// lets in nobody whom it could name. Default: none.
    #[arg(
        long,
        env = "FOOTPLATE_ENGINE_TLS_CLIENT_CRL",
        value_name = "FILE",
        value_delimiter = ',',
        help_heading = "TLS"
    )]
    pub engine_tls_client_crl: Vec<String>,
    /// Tokens and keys.
    #[command(flatten)]
    pub tokens: TokenFlags,
    /// Who may have how much.
    #[command(flatten)]
    pub bounds: BoundFlags,
    /// A further host name by which dashboards may call the relay, with or without a port.
    /// May be repeated. localhost, 127.0.0.1 and ::1 are always allowed. Default: none.
    #[arg(
        long,
        env = "FOOTPLATE_ALLOW_HOST",
        value_name = "HOST",
        value_delimiter = ',',
        help_heading = "Browsers"
    )]
    pub allow_host: Vec<String>,
    /// A further origin whose pages may use the relay, scheme, host and port as in `https://ops.example:8443`.
    /// May be repeated. The relay's own page is always allowed. Default: none.
    #[arg(
        long,
        env = "FOOTPLATE_ALLOW_ORIGIN",
        value_name = "ORIGIN",
        value_delimiter = ',',
        help_heading = "Browsers"
    )]
    pub allow_origin: Vec<String>,
    /// How many proxies stand before the dashboards' door: through each of them every request goes, and
    /// the outermost says in X-Forwarded-For or Forwarded whose it is. By that address connections are
    /// counted. With 0 nobody is believed, and they are counted by who connects.
    #[arg(
        long,
        env = "FOOTPLATE_TRUSTED_HOPS",
        value_name = "NUMBER",
        default_value = "0",
        help_heading = "Browsers"
    )]
    pub trusted_hops: Option<String>,
    /// What people may do at gates, and when.
    #[command(flatten)]
    pub gates: GateFlags,
    /// The directory in which what happens is kept, so that it outlives the relay. It is made if it is
    /// not there. Default: none, everything is in memory alone.
    #[arg(long, env = "FOOTPLATE_STORE", value_name = "DIR", help_heading = "Store")]
    pub store: Option<String>,
    /// How much it may keep, such as 500MiB or 10GiB. Beyond that what is oldest is removed, first of
    /// executions that are over.
    #[arg(
        long,
        env = "FOOTPLATE_STORE_SIZE",
        value_name = "SIZE",
        default_value = "1GiB",
        help_heading = "Store"
    )]
    pub store_size: Option<String>,
    /// How long executions are kept after their end, such as 12h or 7d. Without a store it is 1h.
    #[arg(
        long,
        env = "FOOTPLATE_STORE_AGE",
        value_name = "TIME",
        default_value = "7d",
        help_heading = "Store"
    )]
    pub store_age: Option<String>,
    /// What to do with a store that is damaged as a whole: set-aside renames it and begins another,
    /// refuse does not start. A single damaged execution is always set aside by itself.
    #[arg(
        long,
        env = "FOOTPLATE_STORE_ON_DAMAGE",
        value_name = "WHAT",
        default_value = "set-aside",
        help_heading = "Store"
    )]
    pub store_on_damage: Option<String>,
    /// How much memory it may use, such as 512MiB, from 64MiB on; `auto` is half of what the machine
    /// or its container has, `none` is no bound. Near it less is kept for those who come late, then
    /// nothing new is begun or watched, then nobody is let in.
    #[arg(
        long,
        env = "FOOTPLATE_MEMORY_BUDGET",
        value_name = "SIZE",
        default_value = "auto",
        help_heading = "Running"
    )]
    pub memory_budget: Option<String>,
    /// A file in which every question, vote, decision and command is written down, a line each, so
    /// linked that a later change is found: see docs/audit.md. Default: none.
    #[arg(long, env = "FOOTPLATE_AUDIT", value_name = "FILE", help_heading = "Store")]
    pub audit: Option<String>,
    /// What is logged: a level, or levels of parts, such as info,footplate=debug. Libraries are logged
    /// from info up and TLS from debug up, whatever stands here: below that they say what they are sent.
    #[arg(
        long,
        env = "FOOTPLATE_LOG",
        value_name = "FILTER",
        default_value = "info",
        help_heading = "Running"
    )]
    pub log: Option<String>,
    /// How it is logged: text or json.
    #[arg(
        long,
        env = "FOOTPLATE_LOG_FORMAT",
        value_name = "FORMAT",
        default_value = "text",
        help_heading = "Running"
    )]
    pub log_format: Option<String>,
    /// How long after SIGTERM the doors stay open while /readyz says no, so that load balancers
    /// notice, such as 5s.
    #[arg(
        long,
        env = "FOOTPLATE_DRAIN_DELAY",
        value_name = "TIME",
        default_value = "0s",
        help_heading = "Running"
    )]
    pub drain_delay: Option<String>,
    /// How long connections may take to end after that, such as 500ms, 10s or 1m.
    #[arg(
        long,
        env = "FOOTPLATE_DRAIN_GRACE",
        value_name = "TIME",
        default_value = "10s",
        help_heading = "Running"
    )]
    pub drain_grace: Option<String>,
}

/// The flags of `footplate demo`, as they were typed.
#[derive(Debug, Clone, Default, Args)]
pub struct DemoFlags {
    /// The port of the page on this machine. Default: 8000.
    #[arg(long, env = "FOOTPLATE_DEMO_PORT", value_name = "PORT")]
    pub port: Option<String>,
    /// Serve it over TLS, with a certificate made for this run. Default: without.
    #[arg(long)]
    pub tls: bool,
}

/// The flags of `footplate certs init`, as they were typed.
#[derive(Debug, Clone, Default, Args)]
pub struct CertsFlags {
    /// Where ca.pem, ca-key.pem, server.pem and server-key.pem are written.
    /// Default: footplate-certs.
    #[arg(long, value_name = "DIR")]
    pub dir: Option<String>,
    /// Further host names and IP addresses by which the relay is called. May be repeated.
    /// localhost, 127.0.0.1 and ::1 are always in.
    #[arg(long, value_name = "HOST", value_delimiter = ',', num_args = 1..)]
    pub name: Vec<String>,
}

/// The flags of `footplate ready`, as they were typed.
#[derive(Debug, Clone, Default, Args)]
#[command(after_help = "Exit status: 0 if it is ready, 1 if not, 64 if a flag is wrong.")]
pub struct ReadyFlags {
    /// What the relay was given as --admin-listen; of several the first. Default: 127.0.0.1:9464.
    #[arg(long, env = "FOOTPLATE_ADMIN_LISTEN", value_name = "ADDRESS", value_delimiter = ',')]
    pub admin: Vec<String>,
}

/// The flags of `footplate audit verify`, as they were typed.
#[derive(Debug, Clone, Default, Args)]
#[command(after_help = "\
Every line holds the hash of the line before it and its own, so a line that was changed, removed, \
inserted or moved is found, and the first one is told with its number. What no chain shows by itself \
is that lines are missing at its end: for that, keep a head somewhere else, as the relay's log and \
/metrics tell it, and ask for it with --head. A file that has grown since still holds it.

A file that the relay goes on writing to can be checked; a last line that is just being written \
counts as unfinished then. Several files are checked as one chain: name them in their order.

What was found is told on standard output; how far it is, of large files, on standard error.
docs/audit.md says how to check a file without this program.

Exit status: 0 if all is as it was written, 1 if not or if a file can't be read, 64 if a flag is \
wrong.")]
pub struct VerifyFlags {
    /// The audit log; several, if it was moved away in between, the oldest first.
    #[arg(value_name = "FILE", required = true)]
    pub files: Vec<PathBuf>,
    /// A hash that has to be that of one of the lines: 64 hexadecimal digits. Default: none.
    #[arg(long, value_name = "HASH")]
    pub head: Option<String>,
}
