//! The running relay: what is made, in which order, and in which order it ends. The only place that
//! knows everybody; it decides nothing.

use std::io::{self, ErrorKind};
use std::sync::{Arc, atomic::AtomicU64};
use std::time::Duration;

use anyhow::anyhow;
use rustls::ServerConfig;
use sd_notify::NotifyState;
use tokio::sync::watch;
use tokio::time::{Instant, sleep, timeout, timeout_at};
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};

use crate::audit::Scribe;
use crate::config::{ADMIN_LISTEN, Config, Drain, Listen};
use crate::dialect::Dialects;
use crate::engine;
use crate::http::{
    admin::Admin,
    assets,
    caps::{self, Caps},
    health::Ready,
    listen::{self, Door, Speaks},
    routes::Site,
};
use crate::seams::{Address, Listener, Seams};
use crate::tasks::Tasks;
use crate::telemetry::{self, Metrics, logs};
use crate::tls;
use crate::viewer::{Departure, Plan, kin::Kin};

mod audit;
mod bounds;
mod certs;
mod inside;
mod show;
mod signals;
mod tokens;

pub use audit::verify;
pub use certs::certs;
pub use inside::{engine as engine_peer, identity};
pub use signals::{Asked, Signals};

/// How far apart viewers leave, where there is time: as far as others can bear their coming.
const PACE: Duration = Duration::from_millis(5);
/// How long what stands behind the doors may take to finish once they are shut.
const LAST_WORDS: Duration = Duration::from_secs(1);
/// How long the disk may take for the last lines of the audit log.
const LAST_LINES: Duration = Duration::from_secs(5);

/// A running relay.
#[derive(Debug)]
pub struct App {
    /// Where dashboards connect, with the ports that were given.
    pub viewers_at: Vec<Address>,
    /// Where engines attach.
    pub engines_at: Vec<Address>,
    /// Where operators ask.
    pub admin_at: Vec<Address>,
    /// What it counts.
    pub metrics: Arc<Metrics>,
    ready: Ready,
    closing: CancellationToken,
    engines: Tasks,
    viewers: Tasks,
    departure: Departure,
    inside: Tasks,
    /// The operators' door. It goes last, so that probes hear of the drain to its end.
    admin: Tasks,
    drain: Drain,
    /// Changes when certificates are to be read again.
    reload: watch::Sender<()>,
    /// Who writes the audit log.
    scribe: Option<Scribe>,
    /// What stands behind the doors is gone.
    broken: CancellationToken,
    scrap: Option<show::Scrap>,
}

impl App {
    /// Starts everything. When it returns, all ports are open.
    ///
    /// # Errors
    /// The port that can't be opened, with the flag that names it and what to do.
    pub async fn start(config: Config, seams: Seams) -> anyhow::Result<Self> {
        let (viewer_ports, engine_ports, admin_ports) = (
            bind(&seams, &config.viewers.listen).await?,
            bind(&seams, &config.engines.listen).await?,
            bind(&seams, &config.admin).await?,
        );
        let metrics = Arc::new(Metrics::new());
        metrics.started(seams.clock.now().time);
        let limits = bounds::connections(&config.bounds).with_descriptors(telemetry::max_fds());
        info!(connections = limits.of_all, "so many may be open at once");
        let (ready, closing, caps) =
            (Ready::default(), CancellationToken::new(), Caps::new(limits));
        let (engines, viewers, inside) = (Tasks::new(), Tasks::new(), Tasks::new());
        let (departure, admin) = (Departure::default(), Tasks::new());
        inside.spawn("log", logs::run(inside.draining().clone()));
        let reload = watch::Sender::new(());
        let parts = inside::start(
            &seams,
            &metrics,
            &departure,
            &config,
            (&ready, &caps),
            [&inside, &engines],
            reload.subscribe(),
        )
        .await?;

        let operators = Arc::new(Admin {
            shards: parts.shards.downgrade(),
            ready: ready.clone(),
            metrics: Arc::clone(&metrics),
        });
        let proxies = config.allowed.hops.are_there();
        let site = Arc::new(Site {
            shards: parts.shards,
            dialects: Dialects::default(),
            kin: Kin::default(),
            verifier: parts.verifier,
            crowd: parts.crowd,
            cookie: config.auth.as_ref().is_some_and(|it| it.cookie),
            clock: seams.clock.clone(),
            welcome: parts.welcome,
            assets: config.assets.map(assets::Directory::new),
            allowed: config.allowed,
            ready: ready.clone(),
            metrics: Arc::clone(&metrics),
            tasks: viewers.clone(),
            viewers: AtomicU64::new(0),
        });
        let viewer_door = Door {
            name: "viewer",
            speaks: Speaks::Web,
            http2: listen::web,
            tls: config.viewers.tls.as_ref().map(|it| always(it.for_viewers())),
            site: site.service(),
            introduce: Arc::new(|connection, extensions| {
                drop(extensions.insert(connection.clone()));
            }),
            options: listen::Options::default(),
            caps: caps.clone().behind(proxies).asking(config.auth.is_some()),
            closing: closing.clone(),
            tasks: viewers.clone(),
            metrics: Arc::clone(&metrics),
        };
        let engine_door = Door {
            name: "engine",
            speaks: Speaks::Grpc,
            http2: |http| {
                engine::h2(http);
            },
            tls: config.engines.tls.as_ref().map(|it| match &config.engine_ca {
                Some(ca) => {
                    let (it, ca, optional) = (it.clone(), ca.clone(), config.auth.is_some());
                    Arc::new(move || it.for_known_engines(&ca, optional))
                }
                None => always(it.for_engines()),
            }),
            site: parts.engines,
            caps,
            introduce: {
                let (trust, clock) = (config.engine_ca.clone(), seams.clock.clone());
                Arc::new(move |connection, extensions| {
                    let peer = inside::engine(connection, trust.as_ref(), clock.now().time);
                    extensions.insert(peer);
                })
            },
            tasks: engines.clone(),
            ..viewer_door.clone()
        };
        let served = [("viewer", config.viewers.tls), ("engine", config.engines.tls)];
        let served = served
            .into_iter()
            .filter_map(|(door, it)| it.and_then(|it| it.watch(door, &seams.clock, &metrics)));
        let issuer = config.auth.and_then(|it| it.jwks).map(|(_, trust)| ("issuer", trust));
        let trusted = config.engine_ca.map(|trust| ("engines", trust)).into_iter().chain(issuer);
        let trusted = trusted.map(|(whose, it)| it.watch(whose, &seams.clock, &metrics));
        for watch in served.chain(trusted) {
            let (options, stop) = (tls::Options::default(), inside.draining().clone());
            inside.spawn("certificate", watch.run(options, reload.subscribe(), stop));
        }
        let admin_door = Door {
            name: "admin",
            tls: None,
            site: operators.service(),
            // Neither crowds of viewers nor the drain shut it.
            caps: Caps::new(caps::Limits::of_operators()),
            closing: admin.draining().clone(),
            tasks: admin.clone(),
            ..viewer_door.clone()
        };
        // Before the ports: whoever has read that one is open finds the relay ready.
        ready.raise();
        let viewers_at = open(&viewer_door, viewer_ports);
        let engines_at = open(&engine_door, engine_ports);
        let admin_at = open(&admin_door, admin_ports);
        tell_manager(NotifyState::Ready);
        Ok(Self {
            viewers_at,
            engines_at,
            admin_at,
            metrics,
            ready,
            closing,
            engines,
            viewers,
            departure,
            inside,
            admin,
            drain: config.drain,
            reload,
            scribe: parts.scribe,
            broken: parts.broken,
            scrap: None,
        })
    }

    /// Reads the doors' certificates again, at once, and goes on in a new audit log where the old one
    /// was moved away. What comes of it stands in the log.
    pub fn reload(&self) {
        if let Some(scribe) = &self.scribe {
            scribe.reopen();
        } else if self.reload.receiver_count() == 0 {
            info!(
                "asked to reload, but nothing is from a file that could be: no certificate, no key, no \
                 audit log"
            );
        }
        self.reload.send_replace(());
    }

    /// Waits until there is nothing behind the doors any more although nobody has asked for that: the
    /// store can't go on, or a fault of the program has ended the shard. With a store nothing is lost
    /// by that, and a relay that is started anew goes on.
    pub async fn broken(&self) {
        self.broken.cancelled().await;
    }

    /// Ends everything, within the delay and the grace.
    pub async fn drain(mut self) {
        let Drain { delay, grace } = self.drain;
        info!(?delay, ?grace, "draining");
        // Whoever asks is sent elsewhere from now on. Until everybody has asked, all goes on.
        tell_manager(NotifyState::Stopping);
        self.ready.drop_for_good();
        sleep(delay).await;
        // Nobody new comes in.
        self.closing.cancel();
        let deadline = Instant::now() + grace;
        // Engines first: dashboards still see what they last said.
        self.engines.drain();
        let engines_went = timeout_at(deadline - grace / 2, self.engines.wait()).await.is_ok();
        info!(clean = engines_went, "engines are gone");
        self.departure.call(self.departures(deadline));
        self.viewers.drain();
        let viewers_went = timeout_at(deadline, self.viewers.wait()).await.is_ok();
        info!(clean = viewers_went, "viewers are gone");
        if !(engines_went && viewers_went) {
            let (engines, viewers) = (self.engines.len(), self.viewers.len());
            warn!(engines, viewers, "the grace is over; dropping what is left");
        }
        self.engines.end();
        self.viewers.end();
        // With the doors gone nobody has anything to say to what is inside.
        self.inside.drain();
        let inside_went = timeout(LAST_WORDS, self.inside.wait()).await.is_ok();
        self.inside.end();
        if let Some(scribe) = self.scribe.take() {
            // Nobody can decide any more: what is left is short.
            let written = timeout(LAST_LINES, scribe.ended()).await.is_ok();
            info!(clean = written, "the audit log is closed");
        }
        drop(self.scrap.take());
        self.admin.end();
        info!(clean = engines_went && viewers_went && inside_went, "ended");
    }

    /// When viewers leave, so that all are gone at the deadline: half of the time that is left is for
    /// those who are still being sent something, and for goodbyes.
    fn departures(&self, deadline: Instant) -> Plan {
        let from = Instant::now();
        let left = deadline.saturating_duration_since(from);
        let viewers = u32::try_from(self.viewers.len()).unwrap_or(u32::MAX);
        let over = PACE.saturating_mul(viewers).min(left / 2);
        Plan { from, over, last: from + left * 3 / 4 }
    }
}

/// Nothing outlives it, also where nobody has waited for the drain.
impl Drop for App {
    fn drop(&mut self) {
        self.closing.cancel();
        let all = [&self.engines, &self.viewers, &self.inside, &self.admin];
        all.into_iter().for_each(Tasks::end);
    }
}

/// TLS that is spoken with everybody alike.
fn always(config: Arc<ServerConfig>) -> listen::Tls {
    Arc::new(move || Arc::clone(&config))
}

/// For systemd's `Type=notify`. Only a manager that asked to be told is.
fn tell_manager(state: NotifyState<'_>) {
    let _ = sd_notify::notify(&[state]);
}

/// Opens a door's ports, and says where they are.
fn open(door: &Door, ports: Vec<Box<dyn Listener>>) -> Vec<Address> {
    let mut all = Vec::new();
    for port in ports {
        all.push(port.address().clone());
        door.tasks.spawn("port", door.clone().open(port));
    }
    all
}

async fn bind(seams: &Seams, all: &[Listen]) -> anyhow::Result<Vec<Box<dyn Listener>>> {
    let mut ports = Vec::new();
    for listen in all {
        match seams.network.listen(&listen.address).await {
            Ok(port) => ports.push(port),
            Err(err) if listen.optional && is_missing(&err) => {
                info!(address = %listen.address, %err, "not listening there");
            }
            Err(err) => return Err(explain(listen, &err)),
        }
    }
    Ok(ports)
}

/// Whether this machine has no such address, as without IPv6.
fn is_missing(err: &io::Error) -> bool {
    const NO_SUCH_FAMILY: i32 = 97;
    err.kind() == ErrorKind::AddrNotAvailable
        || err.kind() == ErrorKind::Unsupported
        || err.raw_os_error() == Some(NO_SUCH_FAMILY)
}

fn explain(listen: &Listen, err: &io::Error) -> anyhow::Error {
    let Listen { address, flag, .. } = listen;
    let remedy = match (err.kind(), address) {
        (ErrorKind::AddrInUse, _) => {
            format!("end the process that listens there, or name another address with {flag}")
        }
        (ErrorKind::AlreadyExists, _) => {
            format!("remove it, or name another path with {flag}")
        }
        (ErrorKind::PermissionDenied, Address::Tcp(_)) => {
            format!("name a port above 1023 with {flag}")
        }
        (ErrorKind::PermissionDenied, Address::Unix(_)) => {
            format!("let this user write to the directory, or name another path with {flag}")
        }
        (ErrorKind::AddrNotAvailable, _) => {
            format!("this machine has no such address; name another with {flag}")
        }
        _ => format!("name another address with {flag}"),
    };
    let without = if *flag == ADMIN_LISTEN { ", or do without (`none`)" } else { "" };
    anyhow!("{flag} {address}: can't listen there ({err}); {remedy}{without}")
}
