//! What stands behind the doors: the shard, the dialects, the house of the viewers, the engines'
//! service. Made here, and handed to the doors as values.

use std::{convert::Infallible, sync::Arc};

use http::Request;
use hyper::body::Incoming;
use tokio::sync::mpsc;
use tower::{service_fn, util::BoxCloneSyncService};

use crate::dialect::{Conversation, Dialect, Notice, Said, Unintelligible};
use crate::frame::Frames;
use crate::http::{listen, routes::Welcome};
use crate::model::{ExecutionId, Identity, Position, Record, Text};
use crate::seams::{Peer, Seams};
use crate::shard::Shards;
use crate::tasks::Tasks;
use crate::telemetry::Metrics;

/// What the doors are given.
pub(super) struct Parts {
    pub(super) shards: Shards,
    pub(super) native: &'static dyn Dialect,
    pub(super) windags: &'static dyn Dialect,
    pub(super) welcome: Welcome,
    pub(super) engines: listen::Site,
}

/// Starts what needs no door. Engines are told of the drain by `engines.draining()`, viewers by
/// `viewers.draining()`; what runs in here belongs to `inside`.
///
/// Until the shard, the dialects and the engines' service are merged: nobody at home, and so said.
pub(super) fn start(
    seams: &Seams,
    metrics: &Arc<Metrics>,
    [inside, engines, viewers]: [&Tasks; 3],
) -> Parts {
    let _ = (seams.chance.number(), metrics, inside, engines, viewers);
    let (inbox, _) = mpsc::channel(1);
    let gone = service_fn(async |_: Request<Incoming>| {
        Ok::<_, Infallible>(tonic::Status::unimplemented("not yet").into_http())
    });
    Parts {
        shards: Shards::new(inbox),
        native: &Nobody,
        windags: &Nobody,
        welcome: Arc::new(|_, _| Box::pin(std::future::ready(()))),
        engines: BoxCloneSyncService::new(gone),
    }
}

/// Who an engine is: on this machine its user, where the kernel says so.
pub fn identity(peer: Peer) -> Identity {
    match peer {
        Peer::Unix { uid } => Identity(format!("uid:{uid}").into()),
        Peer::Tcp(_) => Identity("loopback".into()),
    }
}

/// Goes with the merge.
#[derive(Debug)]
struct Nobody;

impl Dialect for Nobody {
    fn name(&self) -> &'static str {
        "nobody"
    }

    fn record(&self, _: &Record, _: &mut Frames) {}

    fn state(&self, _: &ExecutionId, _: Position, _: &crate::core::Execution, _: &mut Frames) {}

    fn converse(&self, _: Option<Text>) -> Box<dyn Conversation> {
        Box::new(Self)
    }
}

impl Conversation for Nobody {
    fn read(&mut self, _: &str) -> Result<Said, Unintelligible> {
        Ok(Said::Nothing)
    }

    fn answer(&mut self, _: &crate::core::Answer, _: &mut Frames) {}

    fn notice(&mut self, _: &Notice<'_>, _: &mut Frames) {}
}
