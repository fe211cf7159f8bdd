//! Tokens and keys, while the relay runs: who fetches the issuer's, and who looks whether a file has
//! changed. When one has, everybody who is connected is looked at again.

use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use tokio::sync::watch::Receiver;
use tokio::task::spawn_blocking;
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;

use crate::auth::jwks::{self, Jwks};
use crate::auth::{Print, Setup, Tokens};
use crate::config::Auth;
use crate::http::fetch::Https;
use crate::seams::Seams;
use crate::shard::{Message, Shards, WeakShards};
use crate::tasks::Tasks;
use crate::telemetry::Metrics;

/// How often the files are looked at: what is revoked is gone within a second.
const EVERY: Duration = Duration::from_millis(400);

/// All that counts, and its keepers.
///
/// # Errors
/// A file that could be read when the configuration was checked, and can't be any more.
pub(super) fn open(
    auth: &Auth,
    seams: &Seams,
    metrics: &Arc<Metrics>,
    shards: &Shards,
    inside: &Tasks,
    reload: Receiver<()>,
) -> anyhow::Result<Arc<Tokens>> {
    let Auth { profile, keys, jwks: published, api_keys, revoked, cookie: _ } = auth.clone();
    let jwks = published.map(|(from, trust)| {
        let client = Arc::new(move || trust.client());
        let source = Https::new(from, Arc::clone(&seams.network), client);
        Jwks::new(Box::new(source), jwks::Options::default())
    });
    if let Some(jwks) = &jwks {
        inside.spawn("jwks", Arc::clone(jwks).run(inside.draining().clone()));
    }
    let metrics = Arc::clone(metrics);
    let refused = move |reason: crate::auth::Reason| {
        metrics.credentials_refused.of(reason.word()).inc();
    };
    let setup = Setup { profile, keys, jwks, api_keys, revoked };
    // Before they are read: a change in between is noticed.
    let print = setup.print();
    let tokens = Tokens::open(setup, refused).context("tokens and keys")?;
    let tokens = Arc::new(tokens);
    let keeper =
        keep(Arc::clone(&tokens), print, shards.downgrade(), reload, inside.draining().clone());
    inside.spawn("credentials", keeper);
    Ok(tokens)
}

/// Reads the files again when they have changed, or when somebody asks for that.
async fn keep(
    tokens: Arc<Tokens>,
    mut print: Print,
    shards: WeakShards,
    mut asked: Receiver<()>,
    stop: CancellationToken,
) {
    let look = |tokens: &Arc<Tokens>| {
        let tokens = Arc::clone(tokens);
        spawn_blocking(move || tokens.print())
    };
    loop {
        let asked = tokio::select! {
            biased;
            () = stop.cancelled() => return,
            asked = asked.changed() => if asked.is_ok() { true } else { return },
            () = sleep(EVERY) => false,
        };
        // It fails when the runtime ends, and then nobody needs a key any more.
        let Ok(now) = look(&tokens).await else { return };
        if now == print && !asked {
            continue;
        }
        print = now;
        let again = Arc::clone(&tokens);
        if spawn_blocking(move || again.reload()).await.is_err() {
            return;
        }
        let Some(shards) = shards.upgrade() else { return };
        shards.tell(Message::Reassess).await;
    }
}
