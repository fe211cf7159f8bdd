//! The other side of `/readyz`: asks a running relay, for health checks in containers that have
//! neither a shell nor curl.

use std::{io, pin::pin, time::Duration};

use bytes::Bytes;
use futures_util::future::{Either, select};
use http::{Request, StatusCode, header};
use http_body_util::Empty;
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use tokio::time::timeout;

use crate::seams::{Address, Network};

/// How long a relay may take to answer.
const PATIENCE: Duration = Duration::from_secs(2);

/// Why a relay is not ready.
#[derive(Debug, thiserror::Error)]
pub enum NotReady {
    /// Nothing can be reached there.
    #[error("nothing answers there ({0}): is the relay running, and is this its --admin-listen?")]
    Unreachable(#[from] io::Error),
    /// It has not answered in time.
    #[error("no answer within {} s: the relay hangs, or this is another program's port", PATIENCE.as_secs())]
    Late,
    /// What answers does not speak HTTP.
    #[error("what answers there is no relay ({0}): name its --admin-listen")]
    Foreign(#[from] hyper::Error),
    /// It says so: it has not started yet, or it drains.
    #[error("not ready: it starts, or it drains")]
    Busy,
    /// It answers something else.
    #[error("what answers there is no relay ({0}): name its --admin-listen")]
    Odd(StatusCode),
}

/// Asks whether the relay with this operators' port is ready.
///
/// # Errors
/// Why it is not, for a person.
pub async fn ready(network: &dyn Network, at: &Address) -> Result<(), NotReady> {
    let status = timeout(PATIENCE, ask(network, at)).await.map_err(|_| NotReady::Late)??;
    match status {
        StatusCode::OK => Ok(()),
        StatusCode::SERVICE_UNAVAILABLE => Err(NotReady::Busy),
        other => Err(NotReady::Odd(other)),
    }
}

async fn ask(network: &dyn Network, at: &Address) -> Result<StatusCode, NotReady> {
    let stream = network.connect(at).await?;
    let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await?;
    let request = Request::get("/readyz")
        .header(header::HOST, at.to_string())
        .body(Empty::<Bytes>::new())
        .expect("an address is a fine host");
    let (answer, connection) = (pin!(sender.send_request(request)), pin!(connection));
    let answer = match select(answer, connection).await {
        Either::Left((answer, _)) => answer,
        // It says what became of the request, even if that is no more than that it is lost.
        Either::Right((_, answer)) => answer.await,
    };
    Ok(answer?.status())
}
