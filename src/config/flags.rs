//! The command line, as it is typed: texts, which `config` reads and judges, so that all that is
//! wrong can be told at once. What stands here as a comment is what `--help` says.

use clap::{Args, Parser, Subcommand};

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
    Serve(Box<Flags>),
    /// Run the relay with a made-up engine, to see it at work.
    Demo(DemoFlags),
    /// Ask a running relay whether it is ready: for health checks without a shell or curl.
    Ready(ReadyFlags),
}

/// The flags of `footplate serve`, as they were typed.
#[derive(Debug, Clone, Default, Args)]
#[command(
    next_line_help = true,
    after_help = "\
Engines attach at --engine-listen; dashboards connect at --viewer-listen, where the built-in page, \
/v1/executions, /livez and /readyz are as well. /metrics is at --admin-listen.

There is no authentication yet: both doors open for this machine alone. A second SIGTERM or SIGINT \
ends the relay at once.

Exit status: 0 after a clean end, 64 if a flag is wrong, 1 if something else is."
)]
pub struct Flags {
    /// Where dashboards connect: IP:PORT on this machine. May be repeated.
    /// Default: port 8000 of 127.0.0.1 and of ::1.
    #[arg(
        long,
        env = "FOOTPLATE_VIEWER_LISTEN",
        value_name = "ADDRESS",
        value_delimiter = ',',
        help_heading = "Doors"
    )]
    pub viewer_listen: Vec<String>,
    /// Where engines attach: IP:PORT on this machine, or unix:PATH. May be repeated.
    /// Default: 127.0.0.1:50051.
    #[arg(
        long,
        env = "FOOTPLATE_ENGINE_LISTEN",
        value_name = "ADDRESS",
        value_delimiter = ',',
        help_heading = "Doors"
    )]
    pub engine_listen: Vec<String>,
    /// Where operators ask for /metrics, /livez and /readyz: IP:PORT, or `none`. May be repeated.
    /// Nothing here says what is executed, so other addresses than this machine's may be named.
    /// Default: 127.0.0.1:9464.
    #[arg(
        long,
        env = "FOOTPLATE_ADMIN_LISTEN",
        value_name = "ADDRESS",
        value_delimiter = ',',
        help_heading = "Doors"
    )]
    pub admin_listen: Vec<String>,
    /// A directory whose files are served at the dashboards' door instead of the built-in page.
    #[arg(long, env = "FOOTPLATE_ASSETS", value_name = "DIR", help_heading = "Browsers")]
    pub assets: Option<String>,
    /// The certificate chain of the dashboards' door, as a PEM file. With it, the door speaks TLS.
    #[arg(long, env = "FOOTPLATE_VIEWER_TLS_CERT", value_name = "FILE", help_heading = "TLS")]
    pub viewer_tls_cert: Option<String>,
    /// Its private key, as a PEM file.
    #[arg(long, env = "FOOTPLATE_VIEWER_TLS_KEY", value_name = "FILE", help_heading = "TLS")]
    pub viewer_tls_key: Option<String>,
    /// The certificate chain of the engines' door. Its Unix sockets stay plain.
    #[arg(long, env = "FOOTPLATE_ENGINE_TLS_CERT", value_name = "FILE", help_heading = "TLS")]
    pub engine_tls_cert: Option<String>,
    /// Its private key.
    #[arg(long, env = "FOOTPLATE_ENGINE_TLS_KEY", value_name = "FILE", help_heading = "TLS")]
    pub engine_tls_key: Option<String>,
    /// A further host name by which dashboards may call the relay, with or without a port.
    /// May be repeated. localhost, 127.0.0.1 and ::1 are always allowed.
    #[arg(
        long,
        env = "FOOTPLATE_ALLOW_HOST",
        value_name = "HOST",
        value_delimiter = ',',
        help_heading = "Browsers"
    )]
    pub allow_host: Vec<String>,
    /// A further origin whose pages may use the relay, scheme, host and port as in `https://ops.example:8443`.
    /// May be repeated. The relay's own page is always allowed.
    #[arg(
        long,
        env = "FOOTPLATE_ALLOW_ORIGIN",
        value_name = "ORIGIN",
        value_delimiter = ',',
        help_heading = "Browsers"
    )]
    pub allow_origin: Vec<String>,
    /// What is logged: a level, or levels of parts, such as info,footplate=debug. Default: info.
    #[arg(long, env = "FOOTPLATE_LOG", value_name = "FILTER", help_heading = "Running")]
    pub log: Option<String>,
    /// How it is logged: text or json. Default: text.
    #[arg(long, env = "FOOTPLATE_LOG_FORMAT", value_name = "FORMAT", help_heading = "Running")]
    pub log_format: Option<String>,
    /// How long after SIGTERM the doors stay open while /readyz says no, so that load balancers
    /// notice, such as 5s. Default: 0s.
    #[arg(long, env = "FOOTPLATE_DRAIN_DELAY", value_name = "TIME", help_heading = "Running")]
    pub drain_delay: Option<String>,
    /// How long connections may take to end after that, such as 500ms, 10s or 1m. Default: 10s.
    #[arg(long, env = "FOOTPLATE_DRAIN_GRACE", value_name = "TIME", help_heading = "Running")]
    pub drain_grace: Option<String>,
}

/// The flags of `footplate demo`, as they were typed.
#[derive(Debug, Clone, Default, Args)]
pub struct DemoFlags {
    /// The port of the page on this machine. Default: 8000.
    #[arg(long, env = "FOOTPLATE_DEMO_PORT", value_name = "PORT")]
    pub port: Option<String>,
    /// Serve it over TLS, with a certificate made for this run.
    #[arg(long)]
    pub tls: bool,
}

/// The flags of `footplate ready`, as they were typed.
#[derive(Debug, Clone, Default, Args)]
#[command(after_help = "Exit status: 0 if it is ready, 1 if not, 64 if a flag is wrong.")]
pub struct ReadyFlags {
    /// What the relay was given as --admin-listen; of several the first. Default: 127.0.0.1:9464.
    #[arg(long, env = "FOOTPLATE_ADMIN_LISTEN", value_name = "ADDRESS", value_delimiter = ',')]
    pub admin: Vec<String>,
}
