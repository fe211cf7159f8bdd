//! The stream to the relay: greets, writes what the desk has, reads what the relay says, and comes
//! back when it breaks. It must never write past the window, nor before the relay has welcomed it.

use std::time::Duration;

use anyhow::anyhow;
use tokio::sync::mpsc;
use tokio::time::{Instant, sleep, timeout};
use tokio_stream::wrappers::ReceiverStream;
use tokio_util::sync::CancellationToken;
use tonic::metadata::AsciiMetadataValue;
use tonic::transport::Endpoint;
use tonic::{Code, Status};

use super::Target;
use super::desk::{Bounds, Desk, State};
use crate::engine::pb::engine_service_client::EngineServiceClient;
use crate::engine::pb::{self, attach_request::Message as Said, attach_response::Message as Heard};

/// How the engine calls itself: the same at every start, so that a newer one fences an older one.
const PRODUCER: &str = "demo-engine";
/// The wait before the first attempt to come back; doubled for each further one.
const FIRST_WAIT: Duration = Duration::from_millis(250);
/// The longest wait.
const LAST_WAIT: Duration = Duration::from_secs(5);
/// A stream that held this long was fine: the waits begin anew.
const STEADY: Duration = Duration::from_secs(10);
/// How long connecting and being welcomed may take.
const WELCOME: Duration = Duration::from_secs(10);
/// How long the relay may take to acknowledge what was written before the end.
const FAREWELL: Duration = Duration::from_secs(1);
/// HTTP/2 pings, and how long one may be unanswered.
const KEEP_ALIVE: Duration = Duration::from_secs(20);
/// Messages written and not yet taken by the transport.
const PIPE: usize = 16;

/// How a stream ended, or why there is none.
enum End {
    /// As it was asked to.
    Stopped,
    /// Come back, after this long if the relay said so.
    Broken(Option<Duration>),
    /// Coming back would end in the same way.
    Final(anyhow::Error),
}

/// One stream, welcomed.
struct Stream {
    requests: mpsc::Sender<pb::AttachRequest>,
    responses: tonic::Streaming<pb::AttachResponse>,
    bounds: Bounds,
}

/// Keeps a stream to the relay until `stop`. An error: there is no sense in coming back.
pub(super) async fn run(
    target: &Target,
    desk: &Desk,
    stop: &CancellationToken,
) -> anyhow::Result<()> {
    // Microseconds since 1970: larger at each start.
    let epoch = u64::try_from(target.clock.now().time.0).unwrap_or(1);
    let mut wait = FIRST_WAIT;
    loop {
        let since = Instant::now();
        let attached = tokio::select! {
            attached = timeout(WELCOME, attach(target, desk, epoch)) => attached,
            () = stop.cancelled() => return Ok(()),
        };
        let end = match attached {
            Ok(Ok(stream)) => stream.talk(desk, stop).await,
            Ok(Err(end)) => end,
            Err(_) => End::Broken(None),
        };
        let asked = match end {
            End::Stopped => return Ok(()),
            End::Final(why) => return Err(why),
            End::Broken(asked) => asked,
        };
        if STEADY <= since.elapsed() {
            wait = FIRST_WAIT;
        }
        tokio::select! {
            () = sleep(asked.unwrap_or(wait)) => {}
            () = stop.cancelled() => return Ok(()),
        }
        wait = LAST_WAIT.min(wait * 2);
    }
}

/// Connects, greets, and is welcomed.
async fn attach(target: &Target, desk: &Desk, epoch: u64) -> Result<Stream, End> {
    let (requests, outgoing) = mpsc::channel(PIPE);
    let hello = pb::Hello {
        producer: Some(pb::Producer { producer_id: PRODUCER.to_owned(), producer_epoch: epoch }),
        revision: 1,
        sdk: Some(pb::Sdk {
            name: "footplate-demo".to_owned(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            runtime: "rust".to_owned(),
        }),
        capabilities: Some(pb::Capabilities {
            pause: true,
            resume: true,
            cancel: true,
            custom_types: vec![],
        }),
        startable_workflow_ids: vec![],
        claims: desk.with(State::hello),
        labels: vec![],
    };
    // Before the call: the relay may answer it only once it has been greeted.
    let _ = requests.try_send(request(Said::Hello(hello)));

    let endpoint = Endpoint::from(target.uri.clone())
        .http2_keep_alive_interval(KEEP_ALIVE)
        .keep_alive_timeout(KEEP_ALIVE)
        .tcp_nodelay(true);
    let channel = endpoint.connect().await.map_err(|why| {
        tracing::debug!(%why, "the relay can't be reached");
        End::Broken(None)
    })?;
    let mut call = tonic::Request::new(ReceiverStream::new(outgoing));
    if let Some(token) = &target.token {
        let bearer = format!("Bearer {token}").parse();
        let mut bearer: AsciiMetadataValue =
            bearer.map_err(|_| End::Final(anyhow!("the token can't stand in a header")))?;
        bearer.set_sensitive(true);
        call.metadata_mut().insert("authorization", bearer);
    }
    let mut client = EngineServiceClient::new(channel);
    let mut responses = client.attach(call).await.map_err(|why| ended(&why))?.into_inner();
    loop {
        match responses.message().await {
            Ok(Some(pb::AttachResponse { message: Some(Heard::Welcome(welcome)) })) => {
                desk.with(|state| state.granted(&welcome.grants));
                return Ok(Stream { requests, responses, bounds: Bounds::of(&welcome) });
            }
            Ok(Some(pb::AttachResponse { message: Some(Heard::Goodbye(goodbye)) })) => {
                return Err(parted(&goodbye));
            }
            Ok(Some(_)) => {}
            Ok(None) => return Err(End::Broken(None)),
            Err(why) => return Err(ended(&why)),
        }
    }
}

impl Stream {
    /// Writes and reads until the stream ends.
    async fn talk(mut self, desk: &Desk, stop: &CancellationToken) -> End {
        loop {
            // Reading goes on while the transport takes nothing: the acknowledgement that makes
            // room is read here too.
            let write = async {
                let slot = self.requests.reserve().await.ok()?;
                let message = desk.until(|state| state.next(self.bounds)).await;
                slot.send(request(message));
                Some(())
            };
            tokio::select! {
                heard = self.responses.message() => match heard {
                    Ok(Some(response)) => {
                        if let Some(end) = self.hear(desk, response) {
                            return end;
                        }
                    }
                    Ok(None) => return End::Broken(None),
                    Err(why) => return ended(&why),
                },
                written = write => if written.is_none() {
                    return End::Broken(None);
                },
                () = stop.cancelled() => break,
            }
        }
        // Half closed: the relay acknowledges what it has, and closes its half.
        drop(self.requests);
        let rest = async { while let Ok(Some(_)) = self.responses.message().await {} };
        let _ = timeout(FAREWELL, rest).await;
        End::Stopped
    }

    fn hear(&mut self, desk: &Desk, response: pb::AttachResponse) -> Option<End> {
        // A message of a newer protocol is nothing to this engine.
        match response.message? {
            Heard::Results(results) => {
                desk.with(|state| results.results.iter().for_each(|it| state.result(it)));
            }
            Heard::Grants(grants) => desk.with(|state| state.granted(&grants.grants)),
            Heard::Decision(decision) => desk.with(|state| state.decide(&decision, desk.now())),
            Heard::Command(command) => desk.with(|state| state.command(&command, desk.now())),
            Heard::Window(window) => {
                self.bounds.set_window(&window);
                desk.with(|_| ());
            }
            Heard::StateRequest(asked) => {
                desk.with(|state| asked.execution_ids.iter().for_each(|it| state.state_wanted(it)));
            }
            Heard::Goodbye(goodbye) => return Some(parted(&goodbye)),
            // The demo never withdraws a gate, and was welcomed already.
            Heard::GateVerdict(_) | Heard::Welcome(_) => {}
        }
        None
    }
}

fn request(message: Said) -> pb::AttachRequest {
    pb::AttachRequest { message: Some(message) }
}

/// What the relay's last word means.
fn parted(goodbye: &pb::Goodbye) -> End {
    use pb::GoodbyeReason as Reason;
    match goodbye.reason() {
        Reason::Fenced
        | Reason::Replaced
        | Reason::Protocol
        | Reason::Unauthenticated
        | Reason::Forbidden => End::Final(anyhow!(
            "the relay sent the demo away: {} {}",
            goodbye.reason().as_str_name(),
            goodbye.message
        )),
        Reason::Unspecified | Reason::Overloaded | Reason::Draining | Reason::WindowExceeded => {
            End::Broken(goodbye.retry_delay.and_then(|it| it.try_into().ok()))
        }
    }
}

/// What the call's status means where no goodbye went before it.
fn ended(status: &Status) -> End {
    tracing::debug!(%status, "the stream to the relay ended");
    let lasting = [
        Code::InvalidArgument,
        Code::Unauthenticated,
        Code::PermissionDenied,
        Code::FailedPrecondition,
        Code::Unimplemented,
    ];
    if lasting.contains(&status.code()) {
        End::Final(anyhow!("the relay refuses the demo: {status}"))
    } else {
        End::Broken(None)
    }
}
