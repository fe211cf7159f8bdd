//! Engines that say anything in any order: greetings of any start of their process, batches under any
//! number, reports of what was lost, answers to decisions, lost streams; over the core itself, which is
//! killed and started again from what was to be written down. What has to come of each step is worked out
//! beside it (`model`): who is let in and who ends, which number is granted, what is acknowledged, what
//! comes to stand in the log, and who is told of a decision. Each file of the corpus is named after what
//! happens in it.

mod kept;
mod model;
mod seen;

use std::time::{Duration, Instant};

use bytes::Bytes;
use footplate::core::{Claim, ClaimedGate, Effect, Grant, Input, Limits, Reference, Relay};
use footplate::engine::pb;
use footplate::model::{ExecutionId, LinkId, Now, Principal, Pseq, Timestamp, ViewerId};

use super::draw::Draw;
use super::words;
use kept::Store;
use model::{Link, Model, Outcome};
use seen::Seen;

const EXECUTIONS: [&str; 3] = ["x1", "x2", "x3"];
const PRODUCERS: [&str; 3] = ["w1", "w2", "w3"];
const IDENTITIES: [&str; 3] = ["here", "here", "there"];
const GATES: [&str; 2] = ["g", "h"];
const STEPS: usize = 64;

/// No lane comes here: its door sees to that.
const LAST: u64 = 1 << 62;

/// One go.
pub fn run(data: &[u8]) {
    let mut draw = Draw::new(data);
    let mut game = Game::new();
    for _ in 0..STEPS {
        if draw.is_empty() {
            break;
        }
        game.step(&mut draw);
    }
    game.end();
}

struct Game {
    now: Now,
    relay: Relay,
    model: Model,
    store: Store,
    seen: Seen,
    links: u64,
    refs: u64,
}

fn limits() -> Limits {
    let (afterlife, orphaned) = (Duration::from_secs(90), Duration::from_secs(40));
    Limits { history: 8, afterlife, orphaned, ..Limits::default() }
}

fn id(execution: &str) -> ExecutionId {
    execution.parse().expect("it is a name")
}

impl Game {
    fn new() -> Self {
        let now = Now { instant: Instant::now(), time: Timestamp(1_795_168_800_000_000) };
        Self {
            now,
            relay: Relay::new(1, limits()),
            model: Model::default(),
            store: Store::default(),
            seen: Seen::default(),
            links: 0,
            refs: 0,
        }
    }

    fn step(&mut self, draw: &mut Draw<'_>) {
        match draw.below(16) {
            0 | 1 => self.greets(draw),
            2..=6 => {
                let events = self.events(draw);
                self.publishes(draw, &events);
            }
            7 => {
                let (link, claims) = (self.link(draw), self.claims(draw));
                let wanted = self.model.claims(link, &numbers(&claims));
                let known = self.model.links.contains_key(&link);
                let effects = self.input(Input::Claimed { link: LinkId(link), claims });
                let granted = effects.iter().find_map(|it| match it {
                    Effect::Granted { link, grants } => Some((link.0, plain(grants))),
                    _ => None,
                });
                assert_eq!(granted, known.then_some((link, wanted)), "claims");
            }
            8 => self.reports(draw),
            9 => {
                let (link, execution) = (self.link(draw), draw.pick(&EXECUTIONS));
                let (link, execution) = (LinkId(link), id(execution));
                if draw.one_in(2) {
                    let decision = format!("d{}", draw.below(6)).parse().expect("it is a name");
                    let about = Reference::Decision(decision);
                    self.input(Input::Receipted { link, execution, about });
                } else {
                    let gate = draw.pick(&GATES).parse().expect("it is a name");
                    let (version, reason) = (draw.below(4) as u32, None);
                    self.input(Input::Withdrawn { link, execution, gate, version, reason });
                }
            }
            10 | 11 => {
                let (execution, gate) = (draw.pick(&EXECUTIONS), draw.pick(&GATES));
                let decision = format!("d{}", draw.below(6));
                let (version, option) = (draw.below(4) as u32, draw.pick(&["approve", "reject"]));
                let ask = words::decision(&decision, execution, gate, version, option);
                let principal = Principal::named(draw.pick(&["ada", "bob"]));
                let viewer = ViewerId(draw.below(3) as u64);
                self.input(Input::Decided { viewer, principal, ask });
            }
            12 => {
                // An engine answers, perhaps not the one that was asked.
                let gate = draw.pick(&GATES);
                let how = draw.pick(&[
                    pb::OutcomeStatus::Applied,
                    pb::OutcomeStatus::Refused,
                    pb::OutcomeStatus::InProgress,
                    pb::OutcomeStatus::Unknown,
                ]);
                let event = words::outcome(&format!("d{}", draw.below(6)), gate, how);
                self.publishes(draw, &[event]);
            }
            13 => {
                let link = self.link(draw);
                self.model.detaches(link);
                self.input(Input::Detached { link: LinkId(link) });
            }
            14 => self.pass(Duration::from_secs(draw.pick(&[1, 5, 20, 45, 100]))),
            _ if draw.one_in(2) => self.store.wants(id(draw.pick(&EXECUTIONS))),
            _ => self.restart(),
        }
    }

    /// One that has not ended, if there is one; now and then one that has.
    fn link(&self, draw: &mut Draw<'_>) -> u64 {
        let any = draw.byte();
        let living = self.model.links.len();
        if living == 0 || any % 16 == 15 {
            return u64::from(any) % (self.links + 1);
        }
        let at = usize::from(any) % living;
        *self.model.links.keys().nth(at).expect("it is one of them")
    }

    fn greets(&mut self, draw: &mut Draw<'_>) {
        self.links += 1;
        let link = self.links;
        let which = draw.below(3);
        let identity = if draw.one_in(8) { "there" } else { IDENTITIES[which] };
        let (producer, listens) = (PRODUCERS[which], !draw.one_in(6));
        let epoch = match draw.byte() {
            small @ ..=250 => 1 + u64::from(small % 3),
            _ => draw.number().max(1),
        };
        let claims = self.claims(draw);
        let who = Link { producer, epoch, identity };
        let wanted = self.model.greets(link, &who, listens, &numbers(&claims));
        let hello = words::hello(producer, epoch, identity, listens, claims);
        let effects = self.input(Input::Greeted { link: LinkId(link), hello });
        let mut told = model::Greeting { ends: vec![], grants: None };
        for effect in &effects {
            match effect {
                Effect::End { link, why } => told.ends.push((link.0, *why)),
                Effect::Welcome { link: to, grants } => {
                    assert_eq!(to.0, link, "another is welcomed");
                    told.grants = Some(plain(grants));
                }
                _ => {}
            }
        }
        assert_eq!(told, wanted, "{who:?} greets");
        let said = effects.iter().any(|it| matches!(it, Effect::Append(_)));
        assert!(!said || wanted.grants.is_some(), "who is not let in changes something");
    }

    fn claims(&self, draw: &mut Draw<'_>) -> Vec<Claim> {
        let claim = |draw: &mut Draw<'_>| {
            let mut claim = Claim::of(id(draw.pick(&EXECUTIONS)));
            claim.first_unacked = Pseq(draw.number().clamp(1, LAST));
            if draw.one_in(3) {
                let gate = draw.pick(&GATES).parse().expect("it is a name");
                claim.open_gates.push(ClaimedGate { gate, version: 1 + draw.below(3) as u32 });
            }
            claim
        };
        (0..draw.pick(&[1, 0, 2, 3])).map(|_| claim(draw)).collect()
    }

    fn events(&self, draw: &mut Draw<'_>) -> Vec<Bytes> {
        let event = |draw: &mut Draw<'_>| match draw.below(12) {
            0 => words::node("n", draw.pick(&[pb::NodeStatus::Running, pb::NodeStatus::Completed])),
            1 => words::broken(),
            2..=4 => {
                let (gate, version) = (draw.pick(&GATES), 1 + draw.below(3) as u32);
                match draw.below(4) {
                    0 => words::gate_until(gate, version, self.now.time.after(SOON)),
                    1 => words::gate(gate, version, 2, "Sure?"),
                    _ => words::gate(gate, version, 0, "Sure?"),
                }
            }
            5 => words::closed(draw.pick(&GATES)),
            6 if draw.one_in(4) => words::finished(pb::ExecutionStatus::Completed),
            7 => words::started("", draw.pick(&["", "one", "two"])),
            _ => words::log(&format!("line {}", draw.below(9))),
        };
        (0..draw.pick(&[1, 0, 2, 3])).map(|_| event(draw)).collect()
    }

    fn publishes(&mut self, draw: &mut Draw<'_>, events: &[Bytes]) {
        let (link, execution) = (self.link(draw), draw.pick(&EXECUTIONS));
        let producer = self.model.links.get(&link).map(|it| it.producer);
        let lane = producer.zip(self.model.logs.get(execution));
        let next = lane.and_then(|(of, log)| Some(log.lanes.get(of)?.next)).unwrap_or(1);
        let first = match draw.below(12) {
            back @ 0..=2 => Some(next.saturating_sub(back as u64 + 1).max(1)),
            3 => Some(next + 1),
            4 => Some(draw.number().clamp(1, LAST)),
            5 if draw.one_in(3) => None,
            _ => Some(next),
        };
        let received = words::read(self.now.time, events);
        let hashes: Vec<u64> = received.iter().map(|it| it.hash).collect();
        let wanted = self.model.publishes(link, execution, first, &hashes);
        self.refs += 1;
        let input = Input::Published {
            link: LinkId(link),
            execution: id(execution),
            first: first.map(Pseq),
            batch_ref: self.refs,
            events: received,
        };
        if let (Outcome::Taken(taken), Some(producer)) = (&wanted, producer) {
            self.seen.may_say(execution, producer, &taken.new, false);
        }
        let effects = self.input(input);
        let mut results = effects.iter().filter_map(|it| match it {
            Effect::Result { link, result } => Some((link.0, result)),
            _ => None,
        });
        let Some((to, result)) = results.next() else {
            return assert_eq!(wanted, Outcome::Nothing, "a batch without an answer");
        };
        assert!(results.next().is_none(), "two answers to one batch");
        assert_eq!((to, result.batch_ref), (link, self.refs), "an answer to something else");
        assert_eq!(&*result.execution.to_string(), execution, "an answer to something else");
        let ack = result.ack.map(|(pseq, _)| pseq.0);
        let nack = result.nack.map(|it| it.0);
        match &wanted {
            Outcome::Nothing => panic!("an answer to nobody: {result:?}"),
            Outcome::Fault(why) => {
                assert_eq!((ack, nack, result.fault), (None, None, Some(*why)), "{execution}");
            }
            Outcome::Wanted(number) => {
                assert_eq!((ack, nack, result.fault), (None, Some(*number), None), "{execution}");
            }
            Outcome::Taken(taken) => {
                assert_eq!((ack, nack, result.fault), (Some(taken.ack), None, None), "{execution}");
                self.seen.conflicts(result, taken);
                self.acked(execution, producer, taken.ack);
            }
        }
    }

    /// An acknowledgement never goes back.
    fn acked(&mut self, execution: &'static str, producer: Option<&'static str>, ack: u64) {
        let Some(producer) = producer else { return };
        let lane = self.model.lane(execution, producer);
        assert!(lane.acked <= ack, "{execution}: {ack} behind {}", lane.acked);
        lane.acked = ack;
    }

    fn reports(&mut self, draw: &mut Draw<'_>) {
        let (link, execution) = (self.link(draw), draw.pick(&EXECUTIONS));
        let as_of = draw.number().min(LAST);
        let events = self.events(draw);
        let received = words::read(self.now.time, &events);
        let hashes: Vec<(Option<u64>, u64)> = received.iter().map(|it| (None, it.hash)).collect();
        let producer = self.model.links.get(&link).map(|it| it.producer);
        let wanted = self.model.reports(link, execution, as_of);
        if let (Some(Ok(_)), Some(producer)) = (&wanted, producer) {
            self.seen.may_say(execution, producer, &hashes, true);
        }
        let (link, as_of) = (LinkId(link), Pseq(as_of));
        let input = Input::Reported { link, execution: id(execution), as_of, events: received };
        let effects = self.input(input);
        let (mut ack, mut granted) = (None, None);
        for effect in &effects {
            match effect {
                Effect::Result { result, .. } => ack = result.ack.map(|(pseq, _)| pseq.0),
                Effect::Granted { grants, .. } => granted = plain(grants).pop(),
                _ => {}
            }
        }
        match wanted {
            None => assert_eq!((ack, granted), (None, None), "a report that nobody heard"),
            Some(Err(grant)) => assert_eq!((ack, granted), (None, Some(grant)), "not wanted"),
            Some(Ok(taken)) => {
                let grant = model::Grant { fault: None, next: taken + 1, need_state: false };
                assert_eq!((ack, granted), (Some(taken), Some(grant)), "{execution} as of {as_of}");
                self.acked(execution, producer, taken);
            }
        }
    }

    fn pass(&mut self, span: Duration) {
        let end = self.now.instant + span;
        loop {
            let next = self.relay.poll_timeout().filter(|due| *due <= end).unwrap_or(end);
            let by = next.saturating_duration_since(self.now.instant);
            self.now = Now { instant: self.now.instant + by, time: self.now.time.after(by) };
            self.relay.handle_timeout(self.now);
            self.effects();
            if next == end {
                return;
            }
        }
    }

    fn restart(&mut self) {
        self.model.restart();
        self.relay = self.store.restart(self.now, limits());
        self.effects();
    }

    fn input(&mut self, input: Input) -> Vec<Effect> {
        self.relay.handle(self.now, input);
        self.effects()
    }

    /// What must hold of every effect, whatever it follows from.
    fn effects(&mut self) -> Vec<Effect> {
        let effects: Vec<Effect> = std::iter::from_fn(|| self.relay.poll_effect()).collect();
        for execution in self.store.keep(&self.relay, &effects) {
            self.model.keep(execution.as_str());
        }
        for effect in &effects {
            self.seen.effect(effect, &self.relay, &mut self.model);
        }
        self.seen.has_said_all();
        effects
    }

    /// What was acknowledged is there, and nothing else is.
    fn end(&mut self) {
        self.restart();
        for (execution, log) in &self.model.logs {
            let kept = self.relay.kept(&id(execution));
            assert_eq!(kept.is_some(), !log.gone, "{execution} is there, or is not");
            let Some(kept) = kept else { continue };
            for (producer, lane) in &log.lanes {
                let found = kept.lanes.iter().find(|it| it.producer.as_str() == *producer);
                assert_eq!(found.map(|it| it.next.0), Some(lane.next), "{producer} in {execution}");
                assert!(
                    lane.acked < lane.next,
                    "acknowledged, and lost: {producer} in {execution}"
                );
            }
            self.seen.is_whole(execution, &self.relay, &limits());
        }
    }
}

const SOON: Duration = Duration::from_secs(10);

fn numbers(claims: &[Claim]) -> Vec<(&'static str, u64)> {
    let named = |it: &Claim| EXECUTIONS.into_iter().find(|name| *name == it.execution.as_str());
    claims.iter().map(|it| (named(it).expect("it is one"), it.first_unacked.0)).collect()
}

fn plain(grants: &[Grant]) -> Vec<model::Grant> {
    let plain = |it: &Grant| model::Grant {
        fault: it.log.err(),
        next: it.next.0,
        need_state: it.need_state,
    };
    grants.iter().map(plain).collect()
}
