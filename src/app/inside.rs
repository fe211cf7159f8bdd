//! What stands behind the doors: the shard, the dialects, the house of the viewers, the engines'
//! service. Made here, and handed to the doors as values.

use std::sync::Arc;

use http::Request;
use hyper::body::Incoming;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;
use tonic::body::Body;
use tower::{ServiceExt, util::BoxCloneSyncService};
use tracing::{Instrument, debug_span, error, field::display, info};

use super::{audit, bounds, tokens};
use crate::audit::Scribe;
use crate::auth::verifier::{Loopback, Standing, Verifier};
use crate::config::{self, Config};
use crate::core::{Limits, Relay};
use crate::engine;
use crate::http::{caps::Caps, health::Ready, listen, routes::Welcome};
use crate::model::{Identity, Timestamp};
use crate::seams::{Peer, Seams};
use crate::shard::{self, Budget, Pressure, Shard, Shards};
use crate::store::{self, Backend, Damage, Fault, Keeper, Loaded, Reader};
use crate::tasks::Tasks;
use crate::telemetry::{self, Metered, Metrics, Stalls};
use crate::tls;
use crate::viewer::crowd::Crowd;
use crate::viewer::{Departure, House, Options, connection};

/// Messages of people's that may wait for the shard.
const INBOX: usize = 1_024;

/// What the doors are given.
pub(super) struct Parts {
    pub(super) shards: Shards,
    pub(super) verifier: Arc<dyn Verifier>,
    pub(super) crowd: Crowd,
    pub(super) welcome: Welcome,
    pub(super) engines: listen::Site,
    /// Says that the shard is gone, and not because it was asked to go.
    pub(super) broken: CancellationToken,
    pub(super) scribe: Option<Scribe>,
}

/// Starts what needs no port. Engines are told of the drain by their tasks' word, viewers by the
/// `departure`.
///
/// # Errors
/// That the store or the audit log can't be opened, and what to do about it.
pub(super) async fn start(
    seams: &Seams,
    metrics: &Arc<Metrics>,
    departure: &Departure,
    config: &Config,
    (ready, caps): (&Ready, &Caps),
    [inside, engines]: [&Tasks; 2],
    reload: watch::Receiver<()>,
) -> anyhow::Result<Parts> {
    let (boot, options) = (seams.chance.number(), Arc::<Options>::default());
    let crowd = bounds::crowd(&config.bounds, &options, metrics);
    let (shards, inbox) = shard::inbox(INBOX);

    let (relay, keeper, reader) = kept(seams, config, boot, metrics)?;
    let durability = keeper.durability();
    inside.spawn("store", report(keeper.trouble(), ready.clone(), Arc::clone(metrics)));
    let (audit, scribe) =
        audit::open(config.audit.as_deref(), seams, metrics, &relay, reader.as_ref())?;
    let verifier: Arc<dyn Verifier> = match &config.auth {
        None => Arc::new(Loopback),
        Some(auth) => tokens::open(auth, seams, metrics, &shards, inside, reload)?,
    };
    let shard = Shard::new(relay, keeper, seams.clock.clone(), Arc::clone(&options))
        .counting(Arc::clone(metrics))
        .trusting(Arc::clone(&verifier))
        .with_four_eyes(config.gates.four_eyes)
        .auditing(audit);
    let shard = match reader {
        Some(reader) => shard.reading(reader),
        None => shard,
    };
    let bytes = match config.memory {
        config::Memory::Half => telemetry::memory().map(|it| it / 2),
        config::Memory::Unbounded => None,
        config::Memory::Bytes(bytes) => Some(bytes),
    };
    let shard = match bytes {
        Some(bytes) => {
            let (tell, pressure) = watch::channel(Pressure::None);
            inside.spawn("memory", shut(pressure, caps.clone()));
            shard.within(Budget { bytes, resident: telemetry::resident }, tell)
        }
        None => shard,
    };
    // However it ends: a shard that panics leaves nobody behind the doors.
    let broken = CancellationToken::new();
    let guard = broken.clone().drop_guard();
    inside.spawn("watchdog", telemetry::watch(Arc::clone(metrics), inside.draining().clone()));
    let stalls = Stalls::of_shard(Arc::clone(metrics));
    inside.spawn("shard", async move {
        let guard = guard;
        match stalls.timing(shard.run(inbox)).await {
            Ok(()) => drop(guard.disarm()),
            Err(err) => error!(%err, "the store can't keep what happens; nothing more is taken in"),
        }
    });

    let house = House {
        verifier: Arc::clone(&verifier),
        shards: shards.clone(),
        clock: seams.clock.clone(),
        boot,
        durability,
        options,
        crowd: crowd.clone(),
        departure: departure.clone(),
    };
    let (metrics, shared) = (Arc::clone(metrics), Arc::clone(metrics));
    let welcome: Welcome = Arc::new(move |io, guest| {
        let (house, metrics) = (house.clone(), Arc::clone(&metrics));
        let (viewer, dialect) = (guest.viewer, guest.dialect.name());
        Box::pin(async move {
            metrics.viewers_connected.of(dialect).inc();
            info!(%viewer, dialect, "viewer connected");
            let io = Metered::new(io, metrics.viewer_written.clone());
            // Below `info` only: there may be thousands, and each wake-up would enter it.
            let span = debug_span!("viewer", %viewer, dialect);
            let close = connection::run(io, guest, house).instrument(span).await;
            metrics.viewers_connected.of(dialect).dec();
            metrics.viewers_gone.of(close.word()).inc();
            info!(%viewer, dialect, why = close.word(), "viewer gone");
        })
    });

    let door = engine::Door::new(engine::Setup {
        shards: shards.clone(),
        verifier: Arc::clone(&verifier),
        clock: seams.clock.clone(),
        boot,
        durability,
        limits: engine::Limits::default(),
        metrics: shared,
        tasks: engines.tracker().clone(),
        drain: engines.draining().clone(),
        hold: None,
    });
    let engines = engine::routes(&door).await;
    let engines = engines.map_request(|request: Request<Incoming>| request.map(Body::new));
    let engines = BoxCloneSyncService::new(engines);
    Ok(Parts { shards, verifier, crowd, welcome, engines, broken, scribe })
}

/// The relay as it was kept, and what keeps it.
fn kept(
    seams: &Seams,
    config: &Config,
    boot: u64,
    metrics: &Metrics,
) -> Result<(Relay, Keeper, Option<Reader>), Fault> {
    let limits = Limits {
        decide_while_away: config.gates.accept_while_offline,
        timeout_may_approve: config.gates.allow_timeout_approve,
        ..bounds::executions(&config.bounds)
    };
    let Some(config::Store { directory, size, age, set_aside }) = &config.store else {
        return Ok((Relay::new(boot, limits), Keeper::nowhere(), None));
    };
    let limits = Limits { afterlife: *age, ..limits };
    let options = store::Options { bytes: *size, ..store::Options::default() };
    let (now, fresh) = (seams.clock.now(), || Relay::new(boot, limits));
    let (relay, opened) = Keeper::open(&seams.disk, directory, options, now, *set_aside, fresh)?;
    let Loaded { logs, folded, bytes, damage } = opened.loaded;
    for Damage { execution, what, kept } in damage {
        metrics.store_damaged.inc();
        let (execution, kept) = (execution.as_ref().map(display), kept.display());
        error!(execution, what, %kept, "damaged: set aside, and begun anew when its engine is back");
    }
    info!(directory = %directory.display(), logs, folded, bytes, "the store is open");
    Ok((relay, opened.keeper, Some(opened.reader)))
}

/// While the store takes nothing in, nobody is to be sent here.
async fn report(mut trouble: watch::Receiver<Option<String>>, ready: Ready, metrics: Arc<Metrics>) {
    while trouble.changed().await.is_ok() {
        let blocked = trouble.borrow_and_update().is_some();
        ready.block(blocked);
        metrics.store_blocked.set(i64::from(blocked));
    }
}

/// While there is no memory for anybody, nobody is let in.
async fn shut(mut pressure: watch::Receiver<Pressure>, caps: Caps) {
    while pressure.changed().await.is_ok() {
        caps.shut(*pressure.borrow_and_update() == Pressure::Critical);
    }
}

/// What the engines' door is told of somebody who has connected at `now`. `trust`: who vouches for
/// certificates there.
pub fn engine(
    connection: &listen::Connection,
    trust: Option<&tls::Trust>,
    now: Timestamp,
) -> engine::Peer {
    let (peer, chain) = (connection.peer, connection.certificate.as_ref());
    let own = chain.and_then(|it| it.first());
    let name = own.and_then(|it| tls::named(it)).filter(|_| matches!(peer, Peer::Tcp(_)));
    let standing = |(chain, trust): (&Arc<[_]>, &tls::Trust)| {
        let vouched = trust.vouched(Arc::clone(chain), now);
        Standing::new(move || vouched.stands())
    };
    let vouched = name.is_some() || matches!(peer, Peer::Unix { .. });
    let named = name.map(|it| Identity(format!("san:{it}").into()));
    engine::Peer {
        identity: named.unwrap_or_else(|| identity(peer)),
        local: peer.is_local(),
        vouched,
        certificate: chain.zip(trust).map(standing),
    }
}

/// Who an engine is: on this machine its user, where the kernel says so.
pub fn identity(peer: Peer) -> Identity {
    match peer {
        Peer::Unix { uid } => Identity(format!("uid:{uid}").into()),
        Peer::Tcp(_) => Identity("loopback".into()),
    }
}
