//! A shard with two tenants' engines, and dashboards of every protocol that are let in with whatever
//! pass a test gives them. No sockets: what may happen does not depend on them.

use std::sync::Arc;

use footplate::auth::verifier::{Invalid, Loopback, Verifier};
use footplate::auth::{Pass, Pattern, Sight};
use footplate::core::{Limits, Relay};
use footplate::dialect::{Call, Dialect, Dialects, Token};
use footplate::model::{Durability, LinkId, Principal, Role, Timestamp, ViewerId};
use footplate::seams::Clock;
use footplate::shard::{self, Message, Shard, Shards, ToEngine};
use footplate::store::Memory;
use footplate::viewer::crowd::{Bounds, Crowd};
use footplate::viewer::{Departure, Guest, House, Options, Rate, Rates, connection};
use futures_util::{SinkExt, StreamExt};
use serde_json::{Value, json};
use tokio::io::{DuplexStream, duplex};
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio::time::{Instant, timeout};
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::{Message as Frame, protocol::Role as Side};

use super::mint::NOW;
use crate::script;
use crate::whole::LONG;

pub(super) const ROLES: [&[Role]; 5] = [
    &[],
    &[Role::Viewer],
    &[Role::Viewer, Role::Decider],
    &[Role::Viewer, Role::Decider, Role::Operator],
    &[Role::Viewer, Role::Decider, Role::Operator, Role::Admin],
];

pub(super) struct Bench {
    pub(super) shards: Shards,
    /// What the engines of `acme`, with `x1`, and of `other`, with `y1`, are told.
    pub(super) ours: mpsc::Receiver<ToEngine>,
    pub(super) theirs: mpsc::Receiver<ToEngine>,
    house: House,
    came: u64,
    tasks: JoinSet<()>,
}

pub(super) struct Client {
    pub(super) socket: WebSocketStream<DuplexStream>,
}

impl Bench {
    pub(super) async fn start() -> Self {
        Self::with(Arc::new(Loopback)).await
    }

    pub(super) async fn with(verifier: Arc<dyn Verifier>) -> Self {
        Self::made(verifier, false).await
    }

    /// Where four eyes are asked for.
    pub(super) async fn with_four_eyes() -> Self {
        Self::made(Arc::new(Loopback), true).await
    }

    async fn made(verifier: Arc<dyn Verifier>, four_eyes: bool) -> Self {
        let much = Rate::per_second(10_000, 10_000);
        let rates = Rates { messages: much, pings: much, decisions: much, subscribes: much };
        let options = Options { native: rates, seed: rates, nebula: rates, ..Options::default() };
        Self::over(verifier, options, Crowd::unbounded(), four_eyes).await
    }

    /// The same, where people are told apart.
    pub(super) async fn crowded(
        verifier: Arc<dyn Verifier>,
        options: Options,
        bounds: Bounds,
    ) -> Self {
        let crowd = Crowd::new(bounds, &options);
        Self::over(verifier, options, crowd, false).await
    }

    async fn over(
        verifier: Arc<dyn Verifier>,
        options: Options,
        crowd: Crowd,
        four_eyes: bool,
    ) -> Self {
        let (shards, inbox) = shard::inbox(1_024);
        let begun = Instant::now();
        let clock = Clock::new(move || Timestamp(NOW * 1_000_000).after(begun.elapsed()));
        let options = Arc::new(options);
        let relay = Relay::new(7, Limits::default());
        let shard = Shard::new(relay, Memory, clock.clone(), Arc::clone(&options))
            .trusting(Arc::clone(&verifier))
            .with_four_eyes(four_eyes);
        let house = House {
            shards: shards.clone(),
            clock,
            boot: 7,
            durability: Durability::Memory,
            verifier,
            options,
            crowd,
            departure: Departure::default(),
        };
        let mut tasks = JoinSet::new();
        tasks.spawn(async move { shard.run(inbox).await.unwrap() });
        let ((one, ours), (two, theirs)) = (mpsc::channel(1_024), mpsc::channel(1_024));
        let bench = Self { shards, ours, theirs, house, came: 0, tasks };
        for (link, outbox, producer, tenant, execution) in
            [(1, one, "w", "acme", "x1"), (2, two, "v", "other", "y1")]
        {
            bench.tell(Message::Engine { link: LinkId(link), outbox }).await;
            let hello = format!(
                "{producer}/1@l{link} greets is tenant:{tenant}/key:{producer} starts wf-{tenant}"
            );
            bench.input(&hello).await;
            let events = "started of wf; node n running; gate g1 1 at n";
            bench.input(&format!("l{link} says {execution} 1 {events}")).await;
        }
        bench.quiet().await;
        bench
    }

    pub(super) async fn tell(&self, message: Message) {
        assert!(self.shards.tell(message).await);
    }

    pub(super) async fn input(&self, text: &str) {
        self.tell(Message::Input(script::input(Timestamp(NOW * 1_000_000), text))).await;
    }

    /// Everything that was said to the shard before this has been dealt with.
    pub(super) async fn quiet(&self) {
        for _ in 0..3 {
            let pass = Arc::new(Pass::local());
            self.shards.ask(|reply| Message::Executions { pass, reply }).await.unwrap();
            tokio::task::yield_now().await;
        }
    }

    pub(super) async fn come(
        &mut self,
        dialect: &'static dyn Dialect,
        path: Option<&str>,
        pass: Option<Pass>,
    ) -> Client {
        let (ours, theirs) = duplex(1 << 20);
        self.came += 1;
        let known = pass.is_some();
        let call = Call {
            path: path.map(Into::into),
            token: if known { Token::Good } else { Token::Absent },
            stranger: !known,
            ..Call::default()
        };
        let id = ViewerId(self.came);
        let conversation = dialect.converse(&call);
        let pass = pass.map(Arc::new);
        let guest = Guest {
            viewer: id,
            dialect,
            conversation,
            pass,
            local: true,
            kin: None,
            entry: Box::default(),
        };
        let house = self.house.clone();
        self.tasks.spawn(async move {
            connection::run(ours, guest, house).await;
        });
        Client { socket: WebSocketStream::from_raw_socket(theirs, Side::Client, None).await }
    }

    /// What an engine has been told to do since this was asked last.
    pub(super) fn orders(told: &mut mpsc::Receiver<ToEngine>) -> Vec<&'static str> {
        let mut orders = vec![];
        while let Ok(told) = told.try_recv() {
            match told {
                ToEngine::Deliver { .. } => orders.push("decision"),
                ToEngine::Order { .. } => orders.push("command"),
                _ => {}
            }
        }
        orders
    }
}

impl Client {
    pub(super) async fn says(&mut self, message: &Value) {
        self.socket.send(Frame::text(message.to_string())).await.unwrap();
    }

    /// The next text; or the code with which the connection was closed.
    pub(super) async fn hears(&mut self) -> Result<Value, u16> {
        loop {
            match timeout(LONG, self.socket.next()).await.expect("it is told something") {
                Some(Ok(Frame::Text(text))) => return Ok(serde_json::from_str(&text).unwrap()),
                Some(Ok(Frame::Close(frame))) => {
                    return Err(frame.map_or(1005, |it| it.code.into()));
                }
                Some(Ok(_)) => {}
                Some(Err(_)) | None => return Err(1006),
            }
        }
    }

    pub(super) async fn awaits(&mut self, kind: &str) -> Value {
        loop {
            let told = self.hears().await.unwrap();
            if told["type"] == kind || told["event_type"] == kind {
                return told;
            }
        }
    }

    /// All that comes until the answer to a ping, and the code if the connection ends before.
    pub(super) async fn settles(&mut self, bench: &Bench) -> (Vec<Value>, Option<u16>) {
        bench.quiet().await;
        // It may be closed already.
        let _ = self.socket.send(Frame::text(json!({ "type": "ping" }).to_string())).await;
        let mut all = vec![];
        loop {
            match self.hears().await {
                Ok(told) if told["type"] == "pong" || told["event_type"] == "pong" => {
                    return (all, None);
                }
                Ok(told) => all.push(told),
                Err(code) => return (all, Some(code)),
            }
        }
    }
}

/// Somebody of `acme` with these roles.
pub(super) fn pass(roles: &[Role]) -> Pass {
    let principal = Principal {
        roles: roles.to_vec(),
        tenant: Some("acme".into()),
        method: "jwt".into(),
        ..Principal::named("ada")
    };
    Pass::of(principal)
}

pub(super) fn limited(roles: &[Role], patterns: &[&str]) -> Pass {
    let whole = pass(roles);
    let patterns = patterns.iter().map(|it| Pattern::read(it).unwrap()).collect();
    Pass { sight: Sight { executions: Some(patterns), ..whole.sight.clone() }, ..whole }
}

/// A protocol, whether it names its execution in the path, and what its client can ask for.
pub(super) type Protocol = (&'static dyn Dialect, bool, Vec<(&'static str, Value)>);

/// Every protocol, whether it names its execution in the path, and what its client can ask for of `X`.
pub(super) fn protocols() -> Vec<Protocol> {
    let all = Dialects::default();
    let windags = vec![
        ("decide", json!({ "type": "human_decision", "node_id": "n", "decision": "approve" })),
        ("command", json!({ "type": "pause_execution" })),
        ("command", json!({ "type": "resume_execution" })),
        ("command", json!({ "type": "cancel_execution" })),
        ("watch", json!({ "type": "resync_request" })),
    ];
    let stage5 = vec![
        (
            "decide",
            json!({ "type": "resolve_approval", "approval_id": "g1", "resolution": "approve" }),
        ),
        ("decide", json!({ "type": "approval_response", "approval_id": "g1", "approved": true })),
        ("command", json!({ "type": "pause", "run_id": "X" })),
        ("command", json!({ "type": "resume", "run_id": "X" })),
        ("command", json!({ "type": "cancel", "run_id": "X" })),
        ("watch", json!({ "type": "request_state" })),
    ];
    let steer = |kind: &str| json!({ "type": kind, "command_id": format!("c-{kind}-X"), "execution_id": "X" });
    let native = vec![
        ("watch", json!({ "type": "subscribe", "execution_id": "X" })),
        ("watch", json!({ "type": "subscribe", "execution_id": "X", "at": { "seq": 1 } })),
        (
            "decide",
            json!({ "type": "human_decision", "decision_id": "d-X", "execution_id": "X", "gate_id": "g1",
            "gate_version": 1, "option_id": "approve" }),
        ),
        ("command", steer("pause_execution")),
        ("command", steer("resume_execution")),
        ("command", steer("cancel_execution")),
    ];
    let nebula = vec![
        ("watch", json!({ "type": "subscribe", "resource": "execution", "id": "X" })),
        ("watch", json!({ "type": "subscribe", "resource": "logs", "id": "X" })),
    ];
    vec![
        (all.native, false, native),
        (all.windags, true, windags),
        (all.executions, true, vec![]),
        (all.executions_real, true, vec![]),
        (all.stage5, true, stage5),
        (all.nebula, false, nebula),
    ]
}

/// What a test's verifier knows: tokens by name, and whether they are revoked.
#[derive(Debug, Default)]
pub(super) struct Book {
    pub(super) known: Vec<(&'static str, Pass)>,
    pub(super) revoked: std::sync::Mutex<Vec<&'static str>>,
}

impl Verifier for Book {
    fn verify(&self, token: &str, _: bool, now: Timestamp) -> Result<Pass, Invalid> {
        let known = self.known.iter().find(|(it, _)| *it == token).map(|(_, pass)| pass.clone());
        let pass = known.filter(|it| self.stands(it)).ok_or(Invalid::Unknown)?;
        if pass.is_over(now) { Err(Invalid::Expired) } else { Ok(pass) }
    }

    fn unshown(&self, _: bool) -> Option<Pass> {
        None
    }

    fn stands(&self, pass: &Pass) -> bool {
        !self.revoked.lock().unwrap().contains(&&*pass.principal.subject)
    }
}
