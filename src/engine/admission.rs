//! Whom the engines' door lets in, and as whom. A token that is shown counts before what the connection
//! says by itself; where neither says anything, nobody is let in unless the door is for this machine
//! alone.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::sleep;
use tonic::Request;
use tonic::metadata::MetadataMap;

use super::end::End;
use super::service::{Door, Peer};
use crate::auth::Pass;
use crate::auth::access::{self, Action};
use crate::auth::verifier::{Standing, Verifier};
use crate::model::{Identity, Timestamp};

/// How soon it is noticed that a token or a certificate counts no longer.
const LOOK: Duration = Duration::from_millis(500);

/// An engine that has been let in.
#[derive(Debug)]
pub(super) struct Admitted {
    /// To whom the executions will belong that it begins.
    pub(super) identity: Identity,
    /// What it has shown, if that is why.
    pass: Option<Pass>,
    /// The certificate of its connection, which has to count whatever else was shown.
    certificate: Option<Standing>,
}

impl Admitted {
    /// Returns when what it has shown counts no longer; never, if it has shown nothing.
    pub(super) async fn lapsed(&self, door: &Door) -> End {
        if self.pass.is_none() && self.certificate.is_none() {
            return std::future::pending().await;
        }
        loop {
            if let Some(why) = self.fallen(door) {
                return why;
            }
            sleep(LOOK).await;
        }
    }

    /// Why it counts no longer, if it does not.
    fn fallen(&self, door: &Door) -> Option<End> {
        let stands = |it: &Pass| !it.is_over(door.now()) && door.verifier().stands(it);
        if self.certificate.as_ref().is_some_and(|it| !it.stands()) {
            Some(End::Distrusted)
        } else if self.pass.as_ref().is_some_and(|it| !stands(it)) {
            Some(End::Unauthenticated)
        } else {
            None
        }
    }
}

/// Lets somebody in, or not.
pub(super) async fn admitted<T>(door: &Door, request: &Request<T>) -> Result<Admitted, End> {
    let peer: Option<&Peer> = request.extensions().get();
    let peer = peer.cloned().unwrap_or_else(Peer::here);
    if peer.certificate.as_ref().is_some_and(|it| !it.stands()) {
        return Err(End::Distrusted);
    }
    let Some(token) = shown(request.metadata())? else {
        return without(door.verifier(), peer);
    };
    let verifier = Arc::clone(door.verifier());
    if let Some(ready) = verifier.prepare(&token, door.now()) {
        ready.await;
    }
    let now = door.now();
    let pass = verifier.verify(&token, peer.local, now).map_err(|_| End::Unauthenticated)?;
    if verifier.unshown(peer.local).is_some() {
        // Where nobody needs one, it says nothing.
        return without(&verifier, peer);
    }
    let_in(pass, peer.certificate, now)
}

fn let_in(pass: Pass, certificate: Option<Standing>, now: Timestamp) -> Result<Admitted, End> {
    if !access::may(&pass, Action::Attach, None, now) {
        return Err(End::NoEngine);
    }
    Ok(Admitted { identity: pass.identity(), pass: Some(pass), certificate })
}

fn without(verifier: &Arc<dyn Verifier>, peer: Peer) -> Result<Admitted, End> {
    let Peer { identity, local, vouched, certificate } = peer;
    if vouched || verifier.unshown(local).is_some() {
        Ok(Admitted { identity, pass: None, certificate })
    } else {
        Err(End::Unauthenticated)
    }
}

/// The one token in a call's metadata.
fn shown(metadata: &MetadataMap) -> Result<Option<String>, End> {
    let bearer = |it: &str| {
        let (scheme, token) = it.split_once(' ')?;
        scheme.eq_ignore_ascii_case("bearer").then(|| token.trim().to_owned())
    };
    let text = |name| metadata.get_all(name).iter().filter_map(|it| it.to_str().ok());
    let bearers = text("authorization").filter_map(bearer);
    let mut all = bearers.chain(text("x-api-key").map(str::to_owned)).filter(|it| !it.is_empty());
    match (all.next(), all.next()) {
        (one, None) => Ok(one),
        (_, Some(_)) => Err(End::Unauthenticated),
    }
}
