//! What stands behind the doors: the shard, the dialects, the house of the viewers, the engines'
//! service. Made here, and handed to the doors as values.

use std::sync::Arc;

use http::Request;
use hyper::body::Incoming;
use tokio::sync::mpsc;
use tonic::body::Body;
use tower::{ServiceExt, util::BoxCloneSyncService};
use tracing::{Instrument, debug_span, error, info};

use crate::auth::verifier::{Loopback, Verifier};
use crate::config::Gates;
use crate::core::{Limits, Relay};
use crate::engine;
use crate::http::{listen, routes::Welcome};
use crate::model::{Durability, Identity};
use crate::seams::{Peer, Seams};
use crate::shard::{Shard, Shards};
use crate::store::Memory;
use crate::tasks::Tasks;
use crate::telemetry::{Metered, Metrics};
use crate::viewer::Departure;
use crate::viewer::{House, connection};

/// Messages that may wait for the shard.
const INBOX: usize = 1_024;

/// What the doors are given.
pub(super) struct Parts {
    pub(super) shards: Shards,
    pub(super) verifier: Arc<dyn Verifier>,
    pub(super) welcome: Welcome,
    pub(super) engines: listen::Site,
}

/// Starts what needs no port. Engines are told of the drain by their tasks' word, viewers by the
/// `departure`.
pub(super) async fn start(
    seams: &Seams,
    metrics: &Arc<Metrics>,
    departure: &Departure,
    gates: Gates,
    [inside, engines]: [&Tasks; 2],
) -> Parts {
    let (boot, durability) = (seams.chance.number(), Durability::Memory);
    let limits = Limits {
        decide_while_away: gates.accept_while_offline,
        timeout_may_approve: gates.allow_timeout_approve,
        ..Limits::default()
    };
    let options = Arc::default();
    let (sender, inbox) = mpsc::channel(INBOX);
    let shards = Shards::new(sender);

    let relay = Relay::new(boot, limits);
    let shard = Shard::new(relay, Memory, seams.clock.clone(), Arc::clone(&options))
        .counting(Arc::clone(metrics));
    inside.spawn("shard", async move {
        if let Err(err) = shard.run(inbox).await {
            error!(%err, "the store can't keep what happens; nothing more is taken in");
        }
    });

    let verifier: Arc<dyn Verifier> = Arc::new(Loopback);
    let house = House {
        verifier: Arc::clone(&verifier),
        shards: shards.clone(),
        clock: seams.clock.clone(),
        boot,
        durability,
        options,
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
    Parts { shards, verifier, welcome, engines: BoxCloneSyncService::new(engines) }
}

/// Who an engine is: on this machine its user, where the kernel says so.
pub fn identity(peer: Peer) -> Identity {
    match peer {
        Peer::Unix { uid } => Identity(format!("uid:{uid}").into()),
        Peer::Tcp(_) => Identity("loopback".into()),
    }
}
