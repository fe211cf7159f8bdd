//! The demo's engine against a relay that does what each test tells it to: real gRPC, no relay.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use bytes::Bytes;
use footplate::demo::{self, Target};
use footplate::engine::pb::attach_request::Message as Said;
use footplate::engine::pb::attach_response::Message as Heard;
use footplate::engine::pb::engine_service_server::{EngineService, EngineServiceServer};
use footplate::engine::pb::event::Kind;
use footplate::engine::pb::{
    self, CommandKind, DecisionKind, ExecutionStatus, NodeStatus, OutcomeStatus,
};
use footplate::model::Timestamp;
use footplate::seams::Clock;
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::service::TowerToHyperService;
use prost::Message as _;
use tokio::net::TcpListener;
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio::time::timeout;
use tokio_stream::wrappers::ReceiverStream;
use tokio_util::sync::CancellationToken;
use tonic::{Request, Response, Status, Streaming};

/// Longer than anything takes, so that a test which waits in vain ends.
const PATIENCE: Duration = Duration::from_secs(20);

/// A stand-in's door: every stream is handed to the test.
struct Door {
    streams: mpsc::Sender<Stream>,
}

#[tonic::async_trait]
impl EngineService for Door {
    type AttachStream = ReceiverStream<Result<pb::AttachResponse, Status>>;

    async fn attach(
        &self,
        call: Request<Streaming<pb::AttachRequest>>,
    ) -> Result<Response<Self::AttachStream>, Status> {
        let token = call.metadata().get("authorization").map(|it| it.to_str().unwrap().to_owned());
        let (responses, outgoing) = mpsc::channel(64);
        let requests = call.into_inner();
        let stream = Stream { requests, responses, token, lanes: BTreeMap::new(), acks: true };
        self.streams.send(stream).await.map_err(|_| Status::unavailable("the test is over"))?;
        Ok(Response::new(ReceiverStream::new(outgoing)))
    }

    async fn publish(
        &self,
        _: Request<pb::PublishRequest>,
    ) -> Result<Response<pb::PublishResponse>, Status> {
        Err(Status::unimplemented("the demo has a stream"))
    }
}

/// One stream of the engine, as the relay sees it.
struct Stream {
    requests: Streaming<pb::AttachRequest>,
    responses: mpsc::Sender<Result<pb::AttachResponse, Status>>,
    token: Option<String>,
    /// The events that have come, each lane from 1.
    lanes: BTreeMap<String, Vec<Bytes>>,
    /// Whether events are acknowledged as they come.
    acks: bool,
}

/// An engine that runs, and the streams that it opens.
struct Bench {
    streams: mpsc::Receiver<Stream>,
    stop: CancellationToken,
    /// The engine first, so that it is joined.
    engine: JoinSet<anyhow::Result<()>>,
    _door: JoinSet<()>,
}

impl Bench {
    async fn start(speed: f64) -> Self {
        let (streams, opened) = mpsc::channel(4);
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let routes = tonic::service::Routes::new(EngineServiceServer::new(Door { streams }));
        let mut door = JoinSet::new();
        door.spawn(async move {
            let mut connections = JoinSet::new();
            while let Ok((socket, _)) = listener.accept().await {
                let service = TowerToHyperService::new(routes.clone());
                let http = hyper::server::conn::http2::Builder::new(TokioExecutor::new());
                connections.spawn(http.serve_connection(TokioIo::new(socket), service));
            }
        });
        let stop = CancellationToken::new();
        let ticks = AtomicI64::new(1_700_000_000_000_000);
        let target = Target {
            uri: format!("http://{address}").parse().unwrap(),
            token: Some("a-token".to_owned()),
            clock: Clock::new(move || Timestamp(ticks.fetch_add(1, Ordering::Relaxed))),
            speed,
        };
        let mut engine = JoinSet::new();
        engine.spawn(demo::run(target, stop.clone()));
        Self { streams: opened, stop, engine, _door: door }
    }

    /// The next stream, with what the engine greets with.
    async fn stream(&mut self) -> (Stream, pb::Hello) {
        let mut stream = timeout(PATIENCE, self.streams.recv()).await.unwrap().unwrap();
        let Said::Hello(hello) = stream.next().await else { panic!("a hello comes first") };
        (stream, hello)
    }

    /// A stream that is welcomed, on which `demo` has begun.
    async fn attached(&mut self) -> Stream {
        self.attached_within(None).await
    }

    async fn attached_within(&mut self, window: Option<pb::Window>) -> Stream {
        let (mut stream, hello) = self.stream().await;
        assert_eq!(stream.begin(&hello, 1, window).await, "demo");
        stream
    }

    async fn ended(&mut self) -> anyhow::Result<()> {
        timeout(PATIENCE, self.engine.join_next()).await.unwrap().unwrap().unwrap()
    }
}

impl Stream {
    async fn next(&mut self) -> Said {
        let message = timeout(PATIENCE, self.requests.message()).await.unwrap().unwrap();
        message.unwrap().message.unwrap()
    }

    async fn send(&self, message: Heard) {
        self.responses.send(Ok(pb::AttachResponse { message: Some(message) })).await.unwrap();
    }

    async fn welcome(&self, grants: Vec<pb::Grant>, window: Option<pb::Window>) {
        let welcome = pb::Welcome { grants, window, revision: 1, ..Default::default() };
        self.send(Heard::Welcome(welcome)).await;
    }

    /// Welcomes the engine, and grants its first execution, claimed with the hello or behind it.
    async fn begin(&mut self, hello: &pb::Hello, next: u64, window: Option<pb::Window>) -> String {
        let claimed: Vec<_> = hello.claims.iter().map(|it| it.execution_id.clone()).collect();
        let grants = claimed.iter().map(|name| grant(name, next)).collect();
        self.welcome(grants, window).await;
        match claimed.first() {
            Some(name) => name.clone(),
            None => self.grant_next(next).await,
        }
    }

    /// Grants what is claimed next, from `next_pseq` on, and says what that was.
    async fn grant_next(&mut self, next_pseq: u64) -> String {
        let Said::Claims(claims) = self.next().await else { panic!("a claim comes first") };
        let name = claims.claims[0].execution_id.clone();
        self.send(Heard::Grants(pb::Grants { grants: vec![grant(&name, next_pseq)] })).await;
        name
    }

    /// Takes a message: events are kept and acknowledged. What they say, in their order.
    async fn take(&mut self) -> Taken {
        match self.next().await {
            Said::Events(events) => {
                let mut kinds = vec![];
                for batch in events.batches {
                    let lane = self.lanes.entry(batch.execution_id.clone()).or_default();
                    assert_eq!(batch.first_pseq, lane.len() as u64 + 1, "no gap, no repeat");
                    for bytes in batch.events {
                        kinds.push(kind(&bytes));
                        lane.push(bytes);
                    }
                    let pseq = lane.len() as u64;
                    if self.acks {
                        self.ack(&batch.execution_id, pseq).await;
                    }
                }
                Taken::Events(kinds)
            }
            Said::Receipts(receipts) => Taken::Receipts(receipts.receipts),
            other => panic!("nobody expects {other:?}"),
        }
    }

    async fn ack(&self, execution: &str, pseq: u64) {
        let ack = pb::Ack { pseq, seq: pseq, ..Default::default() };
        let result = pb::LaneResult {
            execution_id: execution.to_owned(),
            ack: Some(ack),
            ..Default::default()
        };
        self.send(Heard::Results(pb::Results { results: vec![result] })).await;
    }

    /// Takes messages until an event is found. What was said until then, and what was found.
    async fn until<T>(&mut self, find: impl Fn(&Kind) -> Option<T>) -> (Vec<Kind>, T) {
        let mut said = vec![];
        loop {
            if let Taken::Events(kinds) = self.take().await {
                let found = kinds.iter().find_map(&find);
                said.extend(kinds);
                if let Some(found) = found {
                    return (said, found);
                }
            }
        }
    }

    async fn gate(&mut self) -> pb::GateOpened {
        self.until(|kind| match kind {
            Kind::GateOpened(gate) => Some(gate.clone()),
            _ => None,
        })
        .await
        .1
    }

    async fn decision_outcome(&mut self, id: &str) -> pb::DecisionOutcome {
        self.until(|kind| match kind {
            Kind::DecisionOutcome(it) if it.decision_id == id => Some(it.clone()),
            _ => None,
        })
        .await
        .1
    }

    async fn finished(&mut self) -> (Vec<Kind>, pb::ExecutionFinished) {
        self.until(|kind| match kind {
            Kind::ExecutionFinished(finished) => Some(finished.clone()),
            _ => None,
        })
        .await
    }

    async fn decide(&self, id: &str, gate: &pb::GateOpened, kind: DecisionKind, with: &str) {
        let modification = (!with.is_empty())
            .then(|| pb::Json { text: with.to_owned().into(), ..Default::default() });
        let decision = pb::Decision {
            execution_id: "demo".to_owned(),
            decision_id: id.to_owned(),
            gate_id: gate.gate_id.clone(),
            gate_version: gate.gate_version,
            kind: kind.into(),
            modification,
            payload_sha256: gate.payload_sha256.clone(),
            ..Default::default()
        };
        self.send(Heard::Decision(decision)).await;
    }

    async fn command(&self, id: &str, kind: CommandKind) {
        let command = pb::Command {
            execution_id: "demo".to_owned(),
            command_id: id.to_owned(),
            kind: kind.into(),
            ..Default::default()
        };
        self.send(Heard::Command(command)).await;
    }

    async fn command_outcome(&mut self, id: &str, outcome: OutcomeStatus) -> Vec<Kind> {
        let wanted = (id, outcome);
        let found = self.until(|kind| match kind {
            Kind::CommandOutcome(it) => {
                ((it.command_id.as_str(), it.outcome()) == wanted).then_some(())
            }
            _ => None,
        });
        found.await.0
    }

    /// There and back as often as it takes for anything that would be said to be said.
    async fn silence(&mut self, stray: &pb::GateOpened) -> Vec<Kind> {
        let mut said = vec![];
        for round in 0..40 {
            let id = format!("stray-{round}");
            self.decide(&id, stray, DecisionKind::Approve, "").await;
            let (before, outcome) = self
                .until(|kind| match kind {
                    Kind::DecisionOutcome(it) if it.decision_id == id => Some(it.outcome()),
                    _ => None,
                })
                .await;
            assert_eq!(outcome, OutcomeStatus::Refused);
            said.extend(before.into_iter().filter(|it| !matches!(it, Kind::DecisionOutcome(_))));
        }
        said
    }
}

enum Taken {
    Events(Vec<Kind>),
    Receipts(Vec<pb::DeliveryReceipt>),
}

fn kind(bytes: &Bytes) -> Kind {
    pb::Event::decode(bytes.clone()).unwrap().kind.unwrap()
}

fn grant(name: &str, next_pseq: u64) -> pb::Grant {
    pb::Grant { execution_id: name.to_owned(), next_pseq, ..Default::default() }
}

fn statuses(said: &[Kind]) -> Vec<ExecutionStatus> {
    said.iter()
        .filter_map(|kind| match kind {
            Kind::ExecutionStatusChanged(it) => Some(it.status()),
            _ => None,
        })
        .collect()
}

/// The last status of each node.
fn nodes(said: &[Kind]) -> BTreeMap<String, NodeStatus> {
    said.iter()
        .filter_map(|kind| match kind {
            Kind::NodeChanged(it) => Some((it.node_id.clone(), it.status())),
            _ => None,
        })
        .collect()
}

/// A gate that the engine has never announced.
fn stray() -> pb::GateOpened {
    pb::GateOpened { gate_id: "nowhere:1".to_owned(), gate_version: 1, ..Default::default() }
}

#[tokio::test]
async fn it_introduces_itself_and_says_nothing_before_it_is_welcome() {
    let mut bench = Bench::start(200.0).await;
    let (mut stream, hello) = bench.stream().await;
    assert_eq!(stream.token.as_deref(), Some("Bearer a-token"));
    let producer = hello.producer.clone().unwrap();
    assert_eq!(producer.producer_id, "demo-engine");
    assert!(1_700_000_000_000_000 <= producer.producer_epoch, "from the clock");
    let can = hello.capabilities.clone().unwrap();
    assert!(can.pause && can.resume && can.cancel);

    // A name that is used up is passed over; the next one is the story's.
    assert_eq!(stream.begin(&hello, 17, None).await, "demo");
    assert_eq!(stream.grant_next(1).await, "demo-2");
    let (said, ()) = stream.until(|it| matches!(it, Kind::GraphDeclared(_)).then_some(())).await;
    assert!(matches!(said[0], Kind::ExecutionStarted(_)));
    bench.stop.cancel();
    bench.ended().await.unwrap();
}

#[tokio::test]
async fn it_waits_for_a_person_and_goes_on_when_told_to() {
    let mut bench = Bench::start(200.0).await;
    let mut stream = bench.attached().await;
    let gate = stream.gate().await;
    let labels: Vec<_> = gate.options.iter().map(|it| it.option_id.as_str()).collect();
    assert_eq!(labels, ["approve", "modify", "reject"]);
    assert_eq!(stream.silence(&stray()).await, [], "nothing goes on while it waits");

    let other = pb::GateOpened { gate_version: 7, ..gate.clone() };
    stream.decide("d-other", &other, DecisionKind::Approve, "").await;
    let outcome = stream.decision_outcome("d-other").await;
    assert_eq!((outcome.outcome(), &*outcome.reason), (OutcomeStatus::Refused, "gate_changed"));
    let other = pb::GateOpened { payload_sha256: Bytes::from_static(&[1; 32]), ..gate.clone() };
    stream.decide("d-shown", &other, DecisionKind::Approve, "").await;
    let outcome = stream.decision_outcome("d-shown").await;
    assert_eq!((outcome.outcome(), &*outcome.reason), (OutcomeStatus::Refused, "payload_changed"));

    stream.decide("d-1", &gate, DecisionKind::Approve, "").await;
    let Taken::Receipts(receipts) = stream.take().await else { panic!("a receipt comes first") };
    assert_eq!(receipts[0].decision_id, "d-1");
    assert_eq!(stream.decision_outcome("d-1").await.outcome(), OutcomeStatus::Applied);
    let (said, finished) = stream.finished().await;
    assert_eq!(finished.status(), ExecutionStatus::Completed);
    assert_eq!(nodes(&said)["deploy-us"], NodeStatus::Completed);
    assert_eq!(nodes(&said)["report"], NodeStatus::Completed);

    // Asked again it says the same again; whoever comes late is refused.
    stream.decide("d-1", &gate, DecisionKind::Approve, "").await;
    assert_eq!(stream.decision_outcome("d-1").await.outcome(), OutcomeStatus::Applied);
    stream.decide("d-2", &gate, DecisionKind::Reject, "").await;
    let outcome = stream.decision_outcome("d-2").await;
    assert_eq!((outcome.outcome(), &*outcome.reason), (OutcomeStatus::Refused, "gate_not_open"));
    assert_eq!(stream.grant_next(1).await, "demo-2", "and the next one comes by itself");
}

#[tokio::test]
async fn the_story_is_worth_watching() {
    let mut bench = Bench::start(200.0).await;
    let mut stream = bench.attached().await;
    let mut said = vec![];
    while !said.iter().any(|it| matches!(it, Kind::GateOpened(_))) {
        if let Taken::Events(kinds) = stream.take().await {
            said.extend(kinds);
        }
    }
    let gate = said.iter().find_map(|it| match it {
        Kind::GateOpened(gate) => Some(gate.clone()),
        _ => None,
    });
    stream.decide("d-1", &gate.unwrap(), DecisionKind::Approve, "").await;
    said.extend(stream.finished().await.0);

    let mut running = 0_i32;
    let mut most = 0;
    let (mut spent, mut total, mut budget) = (0, 0, 0);
    for kind in &said {
        match kind {
            Kind::NodeChanged(it) if it.status() == NodeStatus::Running => running += 1,
            Kind::NodeChanged(it) if it.status() == NodeStatus::Retrying => running -= 1,
            Kind::NodeChanged(it) if it.status() == NodeStatus::Completed => running -= 1,
            Kind::CostIncurred(it) => {
                spent += it.increment_usd_nanos.unwrap();
                total = it.total_usd_nanos.unwrap();
            }
            Kind::ExecutionStarted(it) => budget = it.budget_usd_nanos.unwrap(),
            _ => {}
        }
        most = most.max(running);
    }
    assert!(4 <= most, "branches run side by side: {most}");
    assert_eq!(running, 0);
    assert_eq!(spent, total);
    assert!(budget / 2 < spent && spent < budget, "{spent} of {budget}");
    let all = nodes(&said);
    assert_eq!(all.len(), 13, "{all:?}");
    assert!(all.values().all(|it| *it == NodeStatus::Completed), "{all:?}");
    let count = |is: fn(&Kind) -> bool| said.iter().filter(|kind| is(kind)).count();
    assert_eq!(count(|it| matches!(it, Kind::GraphMutated(_))), 1);
    assert_eq!(count(|it| matches!(it, Kind::FailureReported(_))), 1);
    assert_eq!(count(|it| matches!(it, Kind::NodeRetried(_))), 3);
    assert!(10 < count(|it| matches!(it, Kind::LogWritten(_))));
    assert_eq!(
        statuses(&said),
        [ExecutionStatus::Running, ExecutionStatus::WaitingGate, ExecutionStatus::Running]
    );
}

#[tokio::test]
async fn a_changed_plan_is_what_is_carried_out() {
    let mut bench = Bench::start(200.0).await;
    let mut stream = bench.attached().await;
    let gate = stream.gate().await;
    stream.decide("d-1", &gate, DecisionKind::Modify, r#"{"regions":"moon"}"#).await;
    let outcome = stream.decision_outcome("d-1").await;
    assert_eq!(outcome.outcome(), OutcomeStatus::Refused);
    // Nobody could answer a gate that stays refused: it asks anew.
    let asked_anew = |it: &Kind| match it {
        Kind::GateOpened(gate) if gate.gate_version == 2 => Some(gate.clone()),
        _ => None,
    };
    let gate = match stream.lanes["demo"].iter().find_map(|it| asked_anew(&kind(it))) {
        Some(gate) => gate,
        None => stream.until(asked_anew).await.1,
    };
    assert!(gate.prompt.contains("could not be used"), "{}", gate.prompt);

    let plan = r#"{"version":"2.4.0","regions":["eu"],"canary_percent":3}"#;
    stream.decide("d-2", &gate, DecisionKind::Modify, plan).await;
    assert_eq!(stream.decision_outcome("d-2").await.outcome(), OutcomeStatus::Applied);
    let (_, finished) = stream.finished().await;
    let said: Vec<_> = stream.lanes["demo"].iter().map(kind).collect();
    assert_eq!(finished.status(), ExecutionStatus::Completed);
    assert_eq!(nodes(&said)["deploy-eu"], NodeStatus::Completed);
    assert_eq!(nodes(&said)["deploy-us"], NodeStatus::Skipped);
    let canary = |it: &Kind| matches!(it, Kind::LogWritten(it) if it.message.contains("3 %"));
    assert!(said.iter().any(canary));
}

#[tokio::test]
async fn who_says_no_is_obeyed() {
    let mut bench = Bench::start(200.0).await;
    let mut stream = bench.attached().await;
    let gate = stream.gate().await;
    stream.decide("d-1", &gate, DecisionKind::Reject, "").await;
    let (said, finished) = stream.finished().await;
    for id in ["deploy-eu", "deploy-us", "smoke"] {
        assert_eq!(nodes(&said)[id], NodeStatus::Skipped);
    }
    assert_eq!(nodes(&said)["report"], NodeStatus::Completed);
    assert_eq!(finished.reason, "Not released: people said no");
}

#[tokio::test]
async fn a_pause_holds_everything_until_it_ends() {
    let mut bench = Bench::start(200.0).await;
    let mut stream = bench.attached().await;
    stream.until(|it| matches!(it, Kind::GraphDeclared(_)).then_some(())).await;
    stream.command("c-1", CommandKind::Pause).await;
    stream.command_outcome("c-1", OutcomeStatus::Applied).await;
    let said: Vec<_> = stream.lanes["demo"].iter().map(kind).collect();
    let outcomes = said.iter().filter_map(|it| match it {
        Kind::CommandOutcome(it) => Some(it.outcome()),
        _ => None,
    });
    assert_eq!(
        outcomes.collect::<Vec<_>>(),
        [OutcomeStatus::InProgress, OutcomeStatus::Applied],
        "pausing is not paused"
    );
    use ExecutionStatus::{Paused, Pausing, Running};
    assert_eq!(statuses(&said), [Running, Pausing, Paused]);
    assert_eq!(stream.silence(&stray()).await, [], "nothing is said in a pause");

    // Asked again, it is no second pause.
    stream.command("c-1", CommandKind::Pause).await;
    let again = stream.command_outcome("c-1", OutcomeStatus::Applied).await;
    assert_eq!(statuses(&again), []);

    stream.command("c-2", CommandKind::Resume).await;
    stream.command_outcome("c-2", OutcomeStatus::Applied).await;
    stream.gate().await;
}

#[tokio::test]
async fn a_decision_in_a_pause_is_heard_and_its_work_waits() {
    let mut bench = Bench::start(200.0).await;
    let mut stream = bench.attached().await;
    let gate = stream.gate().await;
    stream.command("c-1", CommandKind::Pause).await;
    stream.command_outcome("c-1", OutcomeStatus::Applied).await;
    stream.decide("d-1", &gate, DecisionKind::Approve, "").await;
    assert_eq!(stream.decision_outcome("d-1").await.outcome(), OutcomeStatus::Applied);
    assert_eq!(stream.silence(&stray()).await, []);
    stream.command("c-2", CommandKind::Resume).await;
    let (_, finished) = stream.finished().await;
    assert_eq!(finished.status(), ExecutionStatus::Completed);
}

#[tokio::test]
async fn a_cancelled_execution_ends_and_no_command_takes_it_back() {
    let mut bench = Bench::start(200.0).await;
    let mut stream = bench.attached().await;
    stream.gate().await;
    stream.command("c-1", CommandKind::Cancel).await;
    stream.command("c-2", CommandKind::Resume).await;
    let (said, finished) = stream.finished().await;
    assert_eq!(finished.status(), ExecutionStatus::Cancelled);
    let of = |id: &str| {
        let outcomes = said.iter().filter_map(|it| match it {
            Kind::CommandOutcome(it) if it.command_id == id => Some(it.outcome()),
            _ => None,
        });
        outcomes.collect::<Vec<_>>()
    };
    assert_eq!(of("c-1"), [OutcomeStatus::InProgress, OutcomeStatus::Applied]);
    assert_eq!(nodes(&said)["approve"], NodeStatus::Cancelled);
    assert_eq!(nodes(&said)["smoke"], NodeStatus::Skipped);
    if of("c-2").is_empty() {
        stream.command_outcome("c-2", OutcomeStatus::Refused).await;
    } else {
        assert_eq!(of("c-2"), [OutcomeStatus::Refused]);
    }
}

#[tokio::test]
async fn what_was_not_acknowledged_comes_again_byte_for_byte() {
    let mut bench = Bench::start(200.0).await;
    let mut stream = bench.attached().await;
    stream.acks = false;
    while stream.lanes.get("demo").map_or(0, Vec::len) < 12 {
        stream.take().await;
    }
    let first = std::mem::take(&mut stream.lanes).remove("demo").unwrap();
    stream.ack("demo", 3).await;
    // The acknowledgement arrives before the receipt of what is sent behind it.
    stream.decide("d-0", &stray(), DecisionKind::Approve, "").await;
    while !matches!(stream.next().await, Said::Receipts(_)) {}
    drop(stream);

    let (mut stream, hello) = bench.stream().await;
    assert_eq!(hello.claims[0].execution_id, "demo");
    assert_eq!(hello.claims[0].first_unacked_pseq, 4);
    assert_eq!(hello.claims[0].outcomes[0].decision_id, "d-0");
    // The relay has stored two more than it could say.
    stream.lanes.insert("demo".to_owned(), first[..5].to_vec());
    stream.welcome(vec![grant("demo", 6)], None).await;
    let gate = stream.gate().await;
    assert_eq!(stream.lanes["demo"][..first.len()], first[..]);

    // And once more, in the middle of a question.
    drop(stream);
    let (mut stream, hello) = bench.stream().await;
    assert_eq!(hello.claims[0].open_gates[0].gate_id, gate.gate_id);
    let next = hello.claims[0].first_unacked_pseq;
    stream.lanes.insert("demo".to_owned(), vec![Bytes::new(); usize::try_from(next - 1).unwrap()]);
    stream.welcome(vec![grant("demo", next)], None).await;
    stream.decide("d-1", &gate, DecisionKind::Approve, "").await;
    assert_eq!(stream.decision_outcome("d-1").await.outcome(), OutcomeStatus::Applied);
}

#[tokio::test]
async fn it_never_has_more_outstanding_than_the_window_allows() {
    let mut bench = Bench::start(1_000.0).await;
    let window = pb::Window { max_unacked_events: 4, max_unacked_bytes: 1 << 20 };
    let mut stream = bench.attached_within(Some(window)).await;
    stream.acks = false;
    for full in 1..=5 {
        while stream.lanes.get("demo").map_or(0, Vec::len) < full * 4 {
            stream.take().await;
        }
        // Receipts are outside the window: what would overflow it would come before one of them.
        for round in 0..20 {
            stream.decide(&format!("d-{full}-{round}"), &stray(), DecisionKind::Approve, "").await;
            assert!(matches!(stream.take().await, Taken::Receipts(_)));
        }
        assert_eq!(stream.lanes["demo"].len(), full * 4);
        stream.ack("demo", full as u64 * 4).await;
    }
    // A wider one counts at once.
    stream.send(Heard::Window(pb::Window { max_unacked_events: 64, max_unacked_bytes: 0 })).await;
    while stream.lanes["demo"].len() < 48 {
        stream.take().await;
    }
}

#[tokio::test]
async fn a_relay_that_lost_its_memory_is_told_the_state() {
    let mut bench = Bench::start(200.0).await;
    let mut stream = bench.attached().await;
    let gate = stream.gate().await;
    let known = stream.lanes.remove("demo").unwrap();
    drop(stream);

    let (mut stream, hello) = bench.stream().await;
    let need = pb::Grant { need_state: true, ..grant("demo", 1) };
    stream.welcome(vec![need], None).await;
    let Said::StateReport(report) = stream.next().await else { panic!("the state comes first") };
    assert_eq!(report.as_of_pseq, hello.claims[0].first_unacked_pseq - 1);
    assert!(report.last);
    let said: Vec<_> = report.events.iter().map(kind).collect();
    assert!(matches!(said[0], Kind::ExecutionStarted(_)));
    assert!(!said.iter().any(|it| matches!(it, Kind::LogWritten(_) | Kind::NodeProgressed(_))));
    let then: Vec<_> = known.iter().map(kind).collect();
    assert_eq!(nodes(&said), nodes(&then), "as of the gate");

    let next = report.as_of_pseq + 1;
    stream.send(Heard::Grants(pb::Grants { grants: vec![grant("demo", next)] })).await;
    stream.lanes.insert("demo".to_owned(), vec![Bytes::new(); usize::try_from(next - 1).unwrap()]);
    stream.decide("d-1", &gate, DecisionKind::Approve, "").await;
    assert_eq!(stream.decision_outcome("d-1").await.outcome(), OutcomeStatus::Applied);

    // The question is answered: a state told now must not ask it again.
    stream.acks = true;
    stream.finished().await;
    let ask = pb::StateRequest { execution_ids: vec!["demo".to_owned()] };
    stream.send(Heard::StateRequest(ask)).await;
    let report = loop {
        match stream.next().await {
            Said::StateReport(report) => break report,
            Said::Events(_) | Said::Claims(_) | Said::Receipts(_) => {}
            other => panic!("nobody expects {other:?}"),
        }
    };
    let said: Vec<_> = report.events.iter().map(kind).collect();
    assert!(!said.iter().any(|it| matches!(it, Kind::GateOpened(_))));
}

#[tokio::test]
async fn who_is_fenced_gives_up_and_who_is_drained_comes_back() {
    let mut bench = Bench::start(200.0).await;
    let (stream, _) = bench.stream().await;
    stream.welcome(vec![], None).await;
    let reason = pb::GoodbyeReason::Draining.into();
    stream.send(Heard::Goodbye(pb::Goodbye { reason, ..Default::default() })).await;
    let (stream, _) = bench.stream().await;
    stream.welcome(vec![], None).await;
    let reason = pb::GoodbyeReason::Fenced.into();
    stream.send(Heard::Goodbye(pb::Goodbye { reason, ..Default::default() })).await;
    let why = bench.ended().await.unwrap_err();
    assert!(why.to_string().contains("FENCED"), "{why}");
}
