//! A simulated engine's stream to the relay, over the real gRPC stack: greets, writes, reads, and
//! comes back. It must never write an event before the relay has granted its lane.

use std::rc::Rc;
use std::time::Duration;

use footplate::engine::pb::{
    self, GoodbyeReason, attach_request::Message as Say, attach_response::Message as Told,
    engine_service_client::EngineServiceClient,
};
use hyper_util::rt::TokioIo;
use prost::Message as _;
use tokio::sync::mpsc;
use tokio::time::{sleep, timeout};
use tokio_stream::wrappers::ReceiverStream;
use tonic::transport::{Channel, Endpoint};
use turmoil::net::TcpStream;

use super::desk::Desk;
use super::history::What;
use super::lane::Claim;
use super::net::Book;

/// The relay's port for engines.
pub(super) const PORT: u16 = 8001;
/// How long connecting, and being welcomed, may take.
const PATIENCE: Duration = Duration::from_secs(5);
/// The custom command that the engines know.
pub(super) const CUSTOM: &str = "tidy_up";
/// Messages on their way to the transport.
const PIPE: usize = 8;

/// A stream on which a test says what it likes.
pub(super) struct Raw {
    tell: mpsc::Sender<pb::AttachRequest>,
    hear: tonic::Streaming<pb::AttachResponse>,
}

impl Raw {
    /// Attaches, and is welcomed or sent away.
    pub(super) async fn attach(producer: &str, epoch: u64) -> Self {
        let channel = channel(&Book::default()).await.unwrap();
        let producer = pb::Producer { producer_id: producer.into(), producer_epoch: epoch };
        let hello = pb::Hello { producer: Some(producer), ..Default::default() };
        let (tell, said) = mpsc::channel(PIPE);
        let hello = pb::AttachRequest { message: Some(Say::Hello(hello)) };
        tell.send(hello).await.unwrap();
        let call = EngineServiceClient::new(channel).attach(ReceiverStream::new(said)).await;
        Self { tell, hear: call.unwrap().into_inner() }
    }

    /// What the relay says next.
    pub(super) async fn hears(&mut self) -> Told {
        self.hear.message().await.unwrap().unwrap().message.unwrap()
    }

    /// Writes lines of a log under these numbers.
    pub(super) async fn writes(&self, execution: &str, first: u64, lines: &[&str]) {
        let event = |text: &&str| {
            let line = pb::LogWritten { message: (*text).into(), ..Default::default() };
            let kind = Some(pb::event::Kind::LogWritten(line));
            pb::Event { kind, ..Default::default() }.encode_to_vec().into()
        };
        let batch = pb::EventBatch {
            execution_id: execution.into(),
            first_pseq: first,
            events: lines.iter().map(event).collect(),
            ..Default::default()
        };
        let events = Say::Events(pb::Events { batches: vec![batch] });
        self.tell.send(pb::AttachRequest { message: Some(events) }).await.unwrap();
    }

    /// What became of that.
    pub(super) async fn result(&mut self) -> pb::LaneResult {
        loop {
            if let Told::Results(results) = self.hears().await {
                return results.results.into_iter().next().unwrap();
            }
        }
    }
}

/// One stream, welcomed.
struct Stream {
    number: u64,
    tell: mpsc::Sender<pb::AttachRequest>,
    hear: tonic::Streaming<pb::AttachResponse>,
}

/// Keeps a stream, until the process is over.
pub(super) async fn run(desk: Rc<Desk>, book: Book) {
    let mut number = 0;
    let mut wait = Duration::from_millis(100);
    while !desk.over.get() {
        number += 1;
        let attached = timeout(PATIENCE, attach(&desk, &book, number)).await;
        if let Ok(Ok(stream)) = attached {
            wait = Duration::from_millis(100);
            stream.talk(&desk).await;
        }
        desk.attached.set(0);
        desk.note(What::Broke { start: desk.start.clone() });
        sleep(wait + Duration::from_millis(desk.below(100))).await;
        wait = (wait * 2).min(Duration::from_secs(2));
    }
}

async fn connect(book: Book) -> std::io::Result<TokioIo<super::net::Wire>> {
    let stream = TcpStream::connect(("relay", PORT)).await?;
    let to = stream.peer_addr()?;
    Ok(TokioIo::new(book.enter(stream, to)))
}

async fn channel(book: &Book) -> Result<Channel, tonic::transport::Error> {
    let endpoint = Endpoint::from_static("http://127.0.0.1:8001")
        .http2_keep_alive_interval(Duration::from_secs(5))
        .keep_alive_timeout(Duration::from_secs(5));
    let book = book.clone();
    let connector = tower::service_fn(move |_: http::Uri| connect(book.clone()));
    endpoint.connect_with_connector(connector).await
}

async fn attach(desk: &Desk, book: &Book, number: u64) -> Result<Stream, ()> {
    desk.begin();
    let producer = pb::Producer {
        producer_id: desk.start.producer.to_string(),
        producer_epoch: desk.start.epoch,
    };
    let channel = channel(book).await.map_err(|_| ())?;
    let hello = pb::Hello {
        producer: Some(producer),
        revision: 1,
        capabilities: Some(pb::Capabilities {
            custom_types: vec![CUSTOM.into()],
            ..Default::default()
        }),
        claims: desk.claims(),
        ..Default::default()
    };
    let (tell, said) = mpsc::channel(PIPE);
    let hello = pb::AttachRequest { message: Some(Say::Hello(hello)) };
    tell.try_send(hello).map_err(|_| ())?;
    let mut client = EngineServiceClient::new(channel);
    let mut hear = client.attach(ReceiverStream::new(said)).await.map_err(|_| ())?.into_inner();
    loop {
        let message = hear.message().await.map_err(|_| ())?.ok_or(())?.message;
        match message {
            Some(Told::Welcome(welcome)) => {
                let (start, boot) = (desk.start.clone(), welcome.boot_id.clone());
                desk.note(What::Welcomed { start, boot, durability: welcome.durability });
                desk.attached.set(desk.history.relay_start());
                welcome.grants.iter().for_each(|grant| desk.granted(grant));
                return Ok(Stream { number, tell, hear });
            }
            Some(Told::Goodbye(goodbye)) => {
                parted(desk, &goodbye);
                return Err(());
            }
            _ => {}
        }
    }
}

fn parted(desk: &Desk, goodbye: &pb::Goodbye) {
    desk.note(What::Goodbye { start: desk.start.clone(), reason: goodbye.reason });
    if matches!(goodbye.reason(), GoodbyeReason::Fenced | GoodbyeReason::Replaced) {
        desk.over.set(true);
    }
}

impl Stream {
    async fn talk(mut self, desk: &Desk) {
        loop {
            let next = next(desk);
            tokio::select! {
                biased;
                heard = self.hear.message() => {
                    let Ok(Some(response)) = heard else { return };
                    if let Some(message) = response.message {
                        self.hears(desk, message);
                    }
                }
                slot = self.tell.reserve(), if next => {
                    let Ok(slot) = slot else { return };
                    let message = take(desk);
                    slot.send(pb::AttachRequest { message });
                }
                () = desk.news.notified(), if !next => {}
            }
            if desk.over.get() {
                return;
            }
        }
    }

    fn hears(&self, desk: &Desk, message: Told) {
        let start = || desk.start.clone();
        match message {
            Told::Results(results) => {
                for it in results.results {
                    let execution = it.execution_id;
                    let mut kept = desk.kept.borrow_mut();
                    let lane = kept.lanes.entry(execution.clone()).or_default();
                    if let Some(ack) = it.ack {
                        lane.ack(ack.pseq);
                        let (start, stream) = (start(), self.number);
                        let execution = execution.clone();
                        desk.note(What::Acked { start, stream, execution, ack });
                    }
                    if let Some(nack) = it.nack {
                        lane.nacked(nack.expected_pseq);
                        let (start, execution) = (start(), execution.clone());
                        let expected = nack.expected_pseq;
                        desk.note(What::Nacked { start, execution, expected });
                    }
                    for issue in it.issues {
                        let (start, execution) = (start(), execution.clone());
                        let (pseq, code) = (issue.pseq, issue.code);
                        desk.note(What::Issue { start, execution, pseq, code });
                    }
                    if let Some(error) = it.error {
                        // The state is asked for in a message of its own, once for each batch.
                        if error.code() != pb::LaneErrorCode::StateNeeded {
                            lane.claim = Claim::Refused;
                        }
                        desk.note(What::Refused { start: start(), execution, code: error.code });
                    }
                }
            }
            Told::Grants(grants) => grants.grants.iter().for_each(|grant| desk.granted(grant)),
            Told::Decision(decision) => desk.got(self.number, &decision),
            Told::GateVerdict(verdict) => {
                desk.verdict(&verdict);
                if let Some(decision) = &verdict.decision {
                    desk.got(self.number, decision);
                }
            }
            Told::StateRequest(asked) => {
                let kept = desk.kept.borrow();
                let lanes = &kept.lanes;
                let reported =
                    |it: &&String| lanes.get(*it).is_some_and(|lane| lane.claim == Claim::Reported);
                let wanted = asked.execution_ids.iter().filter(|it| !reported(it));
                let wanted: Vec<String> = wanted.cloned().collect();
                drop(kept);
                wanted.iter().for_each(|execution| desk.report(execution));
            }
            Told::Goodbye(goodbye) => parted(desk, &goodbye),
            Told::Command(command) => desk.ordered(&command),
            Told::Welcome(_) | Told::Window(_) => {}
        }
    }
}

/// Whether there is something to write: orders first. What is cut of a lane waits among the orders.
fn next(desk: &Desk) -> bool {
    if desk.orders.borrow().is_empty() {
        let mut kept = desk.kept.borrow_mut();
        for (execution, lane) in &mut kept.lanes {
            while let Some((first, events)) = lane.cut() {
                for (pseq, (token, _)) in (first..).zip(&events) {
                    let (start, execution) = (desk.start.clone(), execution.clone());
                    desk.note(What::Sent { start, execution, pseq, token: *token });
                }
                let batch = pb::EventBatch {
                    execution_id: execution.clone(),
                    first_pseq: first,
                    events: events.into_iter().map(|(_, bytes)| bytes).collect(),
                    ..Default::default()
                };
                let events = pb::Events { batches: vec![batch] };
                desk.orders.borrow_mut().push_back(Say::Events(events));
            }
        }
    }
    !desk.orders.borrow().is_empty()
}

fn take(desk: &Desk) -> Option<Say> {
    desk.orders.borrow_mut().pop_front()
}
