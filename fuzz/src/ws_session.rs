//! Dashboards of all five protocols, each with its own token, over the relay's own connections and loop,
//! while engines speak, ask, and go; time passes, tokens end and are taken back, and some read slowly.
//! There is one thread, whose clock stands still unless everybody waits, and pipes in place of sockets.
//!
//! Whatever comes, each frame is whole and has JSON in it; a record follows on the one before, or on a
//! state; nothing of an execution comes to who may not watch it; and a decision is taken once. Each file
//! of the corpus is named after what happens in it.

mod asks;
mod client;
mod people;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use footplate::auth::Pass;
use footplate::auth::verifier::Verifier;
use footplate::core::{Input, Limits, Relay};
use footplate::dialect::{Call, Dialect, Dialects, Manners, Token};
use footplate::engine::pb;
use footplate::model::{DecisionId, Durability, Identity, LinkId, Pseq, ViewerId};
use footplate::room::Keep;
use footplate::seams::Clock;
use footplate::shard::{self, Message, Shard, Shards, ToEngine};
use footplate::store::Memory;
use footplate::telemetry::Metrics;
use footplate::viewer::crowd::Crowd;
use footplate::viewer::kin::{Kin, Likeness, Member};
use footplate::viewer::{Close, Departure, Guest, House, Options, Plan, connection};
use tokio::io::duplex;
use tokio::runtime::Builder;
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep};

use super::draw::Draw;
use super::words;
use client::{Client, MARK};
use people::{Book, EXECUTIONS, START, TOKENS, are_fair};

const STEPS: usize = 48;
const CLIENTS: usize = 4;
/// After this long everybody has done what can be done now.
const MOMENT: Duration = Duration::from_millis(1);

/// One go.
pub fn run(data: &[u8]) {
    let runtime = Builder::new_current_thread().enable_time().start_paused(true).build();
    runtime.expect("there is memory for it").block_on(async {
        let mut draw = Draw::new(data);
        let mut world = World::begin().await;
        for _ in 0..STEPS {
            if draw.is_empty() {
                break;
            }
            world.step(&mut draw).await;
            world.settles().await;
        }
        world.ends().await;
    });
}

struct Engine {
    link: LinkId,
    greetings: u64,
    told: mpsc::Receiver<ToEngine>,
    pseq: u64,
    said: u64,
    /// How often it has asked at each gate.
    asked: BTreeMap<&'static str, u64>,
    /// Decisions that it was told of, with their gates.
    decisions: Vec<(DecisionId, String)>,
}

struct World {
    shards: Shards,
    house: House,
    book: Arc<Book>,
    kin: Kin,
    metrics: Arc<Metrics>,
    engines: Vec<Engine>,
    links: u64,
    clients: Vec<Client>,
    revoked: BTreeSet<&'static str>,
    connections: JoinSet<Close>,
    shard: JoinSet<()>,
    /// The decision of each gate's version, and how often each was told for the first time.
    decided: BTreeMap<(usize, String, u32), DecisionId>,
    firsts: BTreeMap<(usize, DecisionId), u64>,
}

impl World {
    async fn begin() -> Self {
        let (shards, inbox) = shard::inbox(256);
        let begun = Instant::now();
        let clock = Clock::new(move || START.after(begun.elapsed()));
        // So little that whoever is slow is soon too slow.
        let keep = Keep { bytes: 8 << 10, records: 10, ..Keep::default() };
        let options = Arc::new(Options { keep, letters: 16, ..Options::default() });
        let afterlife = Duration::from_secs(60);
        let limits = Limits { history: 10, afterlife, ..Limits::default() };
        let (metrics, book) = (Arc::new(Metrics::new()), Arc::new(Book::default()));
        let verifier: Arc<dyn Verifier> = book.clone();
        let relay = Relay::new(7, limits);
        let shard = Shard::new(relay, Memory, clock.clone(), Arc::clone(&options))
            .counting(Arc::clone(&metrics))
            .trusting(Arc::clone(&verifier));
        let house = House {
            shards: shards.clone(),
            clock,
            boot: 7,
            durability: Durability::Memory,
            verifier,
            options,
            crowd: Crowd::unbounded(),
            departure: Departure::default(),
        };
        let mut tasks = JoinSet::new();
        tasks.spawn(async move { shard.run(inbox).await.expect("memory never fails") });
        let mut world = Self {
            shards,
            house,
            book,
            kin: Kin::default(),
            metrics,
            engines: vec![],
            links: 0,
            clients: vec![],
            revoked: BTreeSet::new(),
            connections: JoinSet::new(),
            shard: tasks,
            decided: BTreeMap::new(),
            firsts: BTreeMap::new(),
        };
        for which in 0..EXECUTIONS.len() {
            let (link, told) = world.attach(which).await;
            let decisions = vec![];
            let asked = BTreeMap::new();
            let engine = Engine { link, greetings: 1, told, pseq: 0, said: 0, asked, decisions };
            world.engines.push(engine);
            let marked = world.mark(which);
            let begun = [words::started("flow", ""), words::log(&marked)];
            world.publish(which, &begun).await;
        }
        world
    }

    async fn tell(&self, message: Message) {
        assert!(self.shards.tell(message).await, "the loop has ended");
    }

    /// An engine comes, for the first time or again.
    async fn attach(&mut self, which: usize) -> (LinkId, mpsc::Receiver<ToEngine>) {
        self.links += 1;
        let link = LinkId(self.links);
        let (outbox, told) = mpsc::channel(256);
        self.tell(Message::Engine { link, outbox }).await;
        let (execution, tenant) = EXECUTIONS[which];
        let Identity(identity) = Identity::of("engine", tenant);
        let claim = footplate::core::Claim::of(execution.parse().expect("it is a name"));
        let producer = format!("w{which}");
        let hello = words::hello(&producer, 1, &identity, true, vec![claim]);
        self.tell(Message::Input(Input::Greeted { link, hello })).await;
        (link, told)
    }

    /// Something that only this execution says.
    fn mark(&mut self, which: usize) -> String {
        let time = self.house.clock.now().time.0;
        let engine = &mut self.engines[which];
        engine.said += 1;
        let (before, behind) = MARK;
        format!("{before}{}:{}:{time}{behind}", EXECUTIONS[which].0, engine.said)
    }

    async fn publish(&mut self, which: usize, events: &[Bytes]) {
        let events = words::read(self.house.clock.now().time, events);
        let engine = &mut self.engines[which];
        let first = Some(Pseq(engine.pseq + 1));
        engine.pseq += events.len() as u64;
        let execution = EXECUTIONS[which].0.parse().expect("it is a name");
        let link = engine.link;
        let said = Input::Published { link, execution, first, batch_ref: 0, events };
        self.tell(Message::Input(said)).await;
    }

    async fn step(&mut self, draw: &mut Draw<'_>) {
        let which = draw.below(16);
        if self.clients.is_empty() || which == 0 && self.clients.len() < CLIENTS {
            return self.comes(draw);
        }
        let at = draw.below(self.clients.len());
        match which {
            1..=4 => {
                let client = &mut self.clients[at];
                let (text, token) = asks::ask(client.manners, draw);
                if let Some(token) = token {
                    client.shows(token, self.revoked.contains(people::subject(token)));
                }
                client.says(&text).await;
            }
            5 => {
                let bytes = draw.bytes(96);
                let text = String::from_utf8_lossy(bytes);
                self.clients[at].says(&text).await;
            }
            6 if draw.one_in(3) => {
                let bytes = draw.bytes(24);
                self.clients[at].sends(bytes).await;
            }
            7..=9 => self.says(draw).await,
            10 => self.answers(draw).await,
            11 | 12 => {
                let spans = [1, 90, 250, 1_100, 5_000, 12_000, 31_000, 65_000];
                sleep(Duration::from_millis(draw.pick(&spans))).await;
            }
            13 => self.clients[at].appetite = draw.pick(&[0, 7, 300, usize::MAX]),
            14 => self.loses(draw, at).await,
            _ => self.clients[at].appetite = usize::MAX,
        }
    }

    fn comes(&mut self, draw: &mut Draw<'_>) {
        let dialects = Dialects::default().all();
        let dialect: &'static dyn Dialect = dialects[draw.below(dialects.len())];
        let manners = dialect.manners();
        let path = draw.pick(&["alpha", "alpha", "beta", "gamma", "nobody"]);
        let path = (!matches!(manners, Manners::Native | Manners::Nebula)).then_some(path);
        let (now, token) = (self.house.clock.now().time, draw.pick(&TOKENS));
        let counts = self.book.verify(token, false, now).ok().map(Arc::new);
        let shown = !(manners.can_authenticate() && draw.one_in(4));
        let pass = counts.filter(|_| shown);
        let query = match (manners, draw.one_in(2)) {
            (Manners::Windags, true) => "acks=1",
            (Manners::Nebula, true) => "subscribe=execution:alpha,execution:beta",
            _ => "",
        };
        let mut call = Call {
            path: path.map(Into::into),
            query: query.into(),
            token: match (shown, &pass) {
                (false, _) => Token::Absent,
                (true, Some(_)) => Token::Good,
                (true, None) => Token::Bad,
            },
            stranger: pass.is_none(),
            ..Call::default()
        };
        let known = pass.as_ref().map(|_| token);
        let kin = manners.is_seed().then(|| self.enters(dialect, known, &mut call));
        let (ours, theirs) = duplex(draw.pick(&[1 << 16, 1 << 16, 512]));
        let guest = Guest {
            viewer: ViewerId(self.clients.len() as u64 + 1),
            dialect,
            conversation: dialect.converse(&call),
            pass,
            local: false,
            entry: Box::default(),
            kin,
        };
        self.connections.spawn(connection::run(ours, guest, self.house.clone()));
        self.clients.push(Client::new(theirs, manners, path, known));
    }

    /// Its place among its client's connections, as the handshake finds it.
    fn enters(
        &self,
        dialect: &'static dyn Dialect,
        token: Option<&str>,
        call: &mut Call,
    ) -> Box<Member> {
        let likeness = Likeness {
            dialect: dialect.name(),
            path: call.path.clone(),
            address: None,
            agent: "a browser".into(),
            origin: "a page".into(),
            token: TOKENS.iter().position(|it| Some(*it) == token).map(|it| [it as u8; 32]),
        };
        let mutes = dialect.manners().leaves_some_behind();
        if !mutes {
            call.left = self.kin.left(&likeness, Instant::now());
        }
        let (member, _) = self.kin.enter(likeness, mutes, Instant::now());
        call.again = mutes && member.left(Instant::now()).is_some();
        Box::new(member)
    }

    async fn says(&mut self, draw: &mut Draw<'_>) {
        let which = draw.below(EXECUTIONS.len());
        let mut events = vec![];
        for _ in 0..draw.pick(&[1, 2, 3, 15]) {
            let marked = self.mark(which);
            events.push(match draw.below(8) {
                kind @ (0 | 1) => {
                    let gate = draw.pick(&asks::GATES);
                    *self.engines[which].asked.entry(gate).or_default() += 1;
                    let version = if kind == 0 { 1 + draw.below(2) as u32 } else { 1 };
                    words::gate(gate, version, 2 * kind as u32, &marked)
                }
                2 => words::closed(draw.pick(&asks::GATES)),
                3 => words::node("n", pb::NodeStatus::Running),
                4 if draw.one_in(8) => words::finished(pb::ExecutionStatus::Completed),
                _ => words::log(&marked),
            });
        }
        self.publish(which, &events).await;
    }

    /// An engine does what it was told, or not.
    async fn answers(&mut self, draw: &mut Draw<'_>) {
        let which = draw.below(EXECUTIONS.len());
        let known = &self.engines[which].decisions;
        let Some((id, gate)) = known.get(draw.below(8)).cloned() else {
            let (link, told) = self.attach(which).await;
            let engine = &mut self.engines[which];
            (engine.link, engine.told) = (link, told);
            return engine.greetings += 1;
        };
        let how = draw.pick(&[pb::OutcomeStatus::Applied, pb::OutcomeStatus::Refused]);
        self.publish(which, &[words::outcome(id.as_str(), &gate, how)]).await;
    }

    /// Something ends.
    async fn loses(&mut self, draw: &mut Draw<'_>, at: usize) {
        match draw.below(8) {
            0..=2 => {
                let subject = people::subject(draw.pick(&TOKENS));
                self.revoked.insert(subject);
                self.book.revoke(subject);
                self.tell(Message::Reassess).await;
                self.settles().await;
                let now = self.house.clock.now().time;
                let theirs = |it: &&mut Client| {
                    !it.tokens.is_empty() && it.tokens.iter().all(|it| it.starts_with(subject))
                };
                self.clients.iter_mut().filter(theirs).for_each(|it| it.is_over(now));
            }
            3 | 4 => self.clients[at].hangs_up(),
            5 if draw.one_in(4) => {
                let (from, last) = (Instant::now(), Instant::now() + Duration::from_secs(8));
                self.house.departure.call(Plan { from, over: Duration::from_secs(2), last });
            }
            _ => {
                let link = self.engines[draw.below(EXECUTIONS.len())].link;
                self.tell(Message::Input(Input::Detached { link })).await;
            }
        }
    }

    /// Everybody does what can be done now.
    async fn settles(&mut self) {
        sleep(MOMENT).await;
        for client in &mut self.clients {
            client.reads().await;
        }
        self.hears();
    }

    /// What engines are told: each decision once, as long as they don't come again and don't ask again.
    fn hears(&mut self) {
        for (which, engine) in self.engines.iter_mut().enumerate() {
            while let Ok(told) = engine.told.try_recv() {
                let ToEngine::Deliver { execution, decision, attempt } = told else { continue };
                assert_eq!(execution.as_str(), EXECUTIONS[which].0, "to a stranger");
                let gate = (which, decision.gate.to_string(), decision.version);
                let first = self.decided.entry(gate).or_insert_with(|| decision.id.clone());
                assert_eq!(*first, decision.id, "a gate is decided twice");
                if attempt == 1 {
                    let firsts = self.firsts.entry((which, decision.id.clone())).or_default();
                    *firsts += 1;
                    let asked = engine.asked.get(decision.gate.as_str()).copied().unwrap_or(0);
                    let most = engine.greetings + asked;
                    assert!(*firsts < most, "passed on twice: {decision:?}");
                }
                engine.decisions.push((decision.id.clone(), decision.gate.to_string()));
            }
        }
    }

    /// Everybody reads all there is; then what was recorded is looked at, and all go.
    async fn ends(mut self) {
        for client in &mut self.clients {
            client.appetite = usize::MAX;
        }
        for _ in 0..32 {
            sleep(MOMENT).await;
            let mut more = false;
            for client in &mut self.clients {
                more |= client.reads().await;
            }
            if !more {
                break;
            }
        }
        self.hears();
        for (execution, _) in EXECUTIONS {
            let (name, pass, since) = (execution.into(), Arc::new(Pass::local()), None);
            let ask = |reply| Message::Records { name, pass, since, reply };
            let found = self.shards.ask(ask).await.expect("the loop is there");
            if let Ok(followed) = found {
                are_fair(execution, &followed);
            }
        }
        assert_eq!(self.metrics.executions_fallen.get(), 0, "it falls");
        let Self { clients, house, shards, mut connections, mut shard, .. } = self;
        drop(clients);
        while let Some(ended) = connections.join_next().await {
            ended.expect("no connection panics");
        }
        drop((house, shards));
        while let Some(ended) = shard.join_next().await {
            ended.expect("the loop does not panic");
        }
    }
}
