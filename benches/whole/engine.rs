//! An engine with one execution: as little as it takes to say much.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::net::SocketAddr;
use std::rc::Rc;
use std::time::{Duration, Instant};

use anyhow::{Context, anyhow, bail};
use bytes::Bytes;
use footplate::engine::pb::engine_service_client::EngineServiceClient;
use footplate::engine::pb::{
    self, attach_request::Message as Said, attach_response::Message as Heard,
};
use tokio::sync::{Notify, mpsc};
use tokio::task::JoinSet;
use tokio::time::timeout;
use tokio_stream::wrappers::ReceiverStream;
use tonic::transport::Endpoint;

use crate::events::event;

/// Events that may be without an acknowledgement: half of what the relay allows.
const WINDOW: u64 = 8_192;
/// How long anything may take.
const PATIENCE: Duration = Duration::from_secs(20);

/// One engine.
#[derive(Debug)]
pub(crate) struct Engine {
    execution: String,
    requests: mpsc::Sender<pb::AttachRequest>,
    next: u64,
    board: Rc<Board>,
    _tasks: JoinSet<()>,
}

#[derive(Debug)]
struct Board {
    /// The last number that was acknowledged, or what went wrong.
    acked: RefCell<Result<u64, String>>,
    /// Decisions that have come, and when.
    decided: RefCell<VecDeque<(pb::Decision, Instant)>>,
    changed: Notify,
}

impl Engine {
    /// Attaches, and begins the execution.
    pub(crate) async fn attach(at: SocketAddr, execution: &str) -> anyhow::Result<Self> {
        Self::attach_with(at, execution, None).await
    }

    /// The same, with a token.
    pub(crate) async fn attach_with(
        at: SocketAddr,
        execution: &str,
        token: Option<&str>,
    ) -> anyhow::Result<Self> {
        // One message at a time: each is a frame of its own, as with engines that flush each.
        let (requests, outgoing) = mpsc::channel(1);
        let producer_id = format!("engine-of-{execution}");
        let hello = pb::Hello {
            producer: Some(pb::Producer { producer_id, producer_epoch: 1 }),
            revision: 1,
            ..pb::Hello::default()
        };
        requests.send(request(Said::Hello(hello))).await?;
        let endpoint = Endpoint::from_shared(format!("http://{at}"))?.tcp_nodelay(true);
        let mut client = EngineServiceClient::new(endpoint.connect().await?);
        let mut outgoing = tonic::Request::new(ReceiverStream::new(outgoing));
        if let Some(token) = token {
            outgoing.metadata_mut().insert("authorization", format!("Bearer {token}").parse()?);
        }
        let mut heard = client.attach(outgoing).await?.into_inner();
        let welcome = timeout(PATIENCE, heard.message()).await??;
        let welcome = welcome.and_then(|it| it.message);
        if !matches!(welcome, Some(Heard::Welcome(_))) {
            bail!("no welcome: {welcome:?}");
        }
        let acked = RefCell::new(Ok(0));
        let board = Rc::new(Board { acked, decided: RefCell::default(), changed: Notify::new() });
        let (mut tasks, noted) = (JoinSet::new(), Rc::clone(&board));
        tasks.spawn_local(async move {
            let fault = loop {
                match heard.message().await {
                    Ok(Some(response)) => {
                        if let Err(fault) = noted.hear(response) {
                            break fault;
                        }
                    }
                    Ok(None) => break "the stream has ended".to_owned(),
                    Err(status) => break status.to_string(),
                }
            };
            noted.note(Err(fault));
        });
        let execution = execution.to_owned();
        let mut engine = Self { execution, requests, next: 1, board, _tasks: tasks };
        let started = pb::ExecutionStarted { name: "a measure".to_owned(), ..Default::default() };
        engine.publish(vec![event(pb::event::Kind::ExecutionStarted(started))]).await?;
        engine.acknowledged().await?;
        Ok(engine)
    }

    /// The execution's name.
    pub(crate) fn execution(&self) -> &str {
        &self.execution
    }

    /// Says these in one message, as soon as the window has room for them.
    pub(crate) async fn publish(&mut self, events: Vec<Bytes>) -> anyhow::Result<()> {
        let first_pseq = self.next;
        self.next += events.len() as u64;
        self.acked(self.next.saturating_sub(WINDOW)).await?;
        let execution_id = self.execution.clone();
        let batch = pb::EventBatch { execution_id, first_pseq, events, ..Default::default() };
        let batch = request(Said::Events(pb::Events { batches: vec![batch] }));
        self.requests.send(batch).await.map_err(|_| anyhow!("the stream has ended"))
    }

    /// Waits until all that it has said is acknowledged.
    pub(crate) async fn acknowledged(&self) -> anyhow::Result<()> {
        self.acked(self.next - 1).await
    }

    /// Up to where it is acknowledged.
    pub(crate) fn last_acknowledged(&self) -> u64 {
        self.board.acked.borrow().as_ref().copied().unwrap_or_default()
    }

    /// Waits for the next decision: what it says, and when it came.
    pub(crate) async fn decided(&self) -> anyhow::Result<(pb::Decision, Instant)> {
        let came = async {
            loop {
                let changed = self.board.changed.notified();
                if let Some(decided) = self.board.decided.borrow_mut().pop_front() {
                    return decided;
                }
                changed.await;
            }
        };
        timeout(PATIENCE, came).await.context("no decision comes")
    }

    async fn acked(&self, number: u64) -> anyhow::Result<()> {
        let reached = async {
            loop {
                let changed = self.board.changed.notified();
                match &*self.board.acked.borrow() {
                    Ok(acked) if number <= *acked => return Ok(()),
                    Ok(_) => {}
                    Err(fault) => bail!("{fault}"),
                }
                changed.await;
            }
        };
        timeout(PATIENCE, reached).await.context("the relay does not acknowledge")?
    }
}

impl Board {
    fn hear(&self, response: pb::AttachResponse) -> Result<(), String> {
        let results = match response.message {
            Some(Heard::Results(results)) => results.results,
            Some(Heard::Decision(decision)) => {
                self.decided.borrow_mut().push_back((decision, Instant::now()));
                self.changed.notify_waiters();
                return Ok(());
            }
            _ => return Ok(()),
        };
        for result in results {
            match result.ack {
                Some(ack) if result.issues.is_empty() => self.note(Ok(ack.pseq)),
                _ => return Err(format!("not taken: {result:?}")),
            }
        }
        Ok(())
    }

    fn note(&self, acked: Result<u64, String>) {
        *self.acked.borrow_mut() = acked;
        self.changed.notify_waiters();
    }
}

fn request(message: Said) -> pb::AttachRequest {
    pb::AttachRequest { message: Some(message) }
}

/// All is done.
pub(crate) fn finished() -> Bytes {
    event(pb::event::Kind::ExecutionFinished(pb::ExecutionFinished {
        status: pb::ExecutionStatus::Completed.into(),
        ..Default::default()
    }))
}
