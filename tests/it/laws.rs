//! The invariants of the contract, held against random play. Each test bears its invariant's name.
//!
//! A game is a list of numbers, so that a failing one shrinks; what each number means depends on
//! what has happened so far. In one game of sixteen the relay has a store, and is killed now and
//! then, before or behind the commit of a turn, with or without the power: the laws hold over that,
//! too. Engines restart, repeat themselves, skip numbers, take over each other's gates and speak on dead streams; people decide, change their minds, and ask again.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use footplate::core::{Answer, Effect, Execution, Limits, Receipt, Reference, Relay, Stage};
use footplate::model::{
    DecisionId, Delivery, ExecutionId, Fact, Kind, LinkId, Now, ProducerId, Pseq, Record,
    Resolution, Timestamp,
};
use proptest::prelude::*;

use crate::kept::{Fate, Kept};
use crate::script;

/// One effect, with the number of the input that had it.
pub(crate) struct Game {
    now: Now,
    pub(crate) relay: Relay,
    pub(crate) records: BTreeMap<ExecutionId, Vec<Record>>,
    /// Each producer: which start of its process, and on which link.
    starts: [(u64, u64); 3],
    links: BTreeMap<u64, (usize, u64)>,
    next_link: u64,
    acked: BTreeMap<(ExecutionId, ProducerId), Pseq>,
    /// Decisions as engines got them: link, execution, gate, decision.
    delivered: Vec<(u64, usize, String, String, String)>,
    /// What people asked, by decision id.
    asked: BTreeMap<String, String>,
    receipts: Vec<(String, Receipt)>,
    /// Log lines, each of which is sent once: lane, number, text.
    sent: BTreeSet<(String, String, u64, String)>,
    /// Everything that was said to the relay.
    heard: Vec<String>,
    pub(crate) store: Option<Kept>,
}

pub(crate) fn limits() -> Limits {
    let orphaned = Duration::from_secs(40);
    Limits { history: 20, hashes: 16, orphaned, ..Limits::default() }
}

const PRODUCERS: [&str; 3] = ["w1", "w2", "w3"];
const EXECUTIONS: [&str; 2] = ["x1", "x2"];
const GATES: [&str; 3] = ["g", "h", "i"];
const PEOPLE: [&str; 3] = ["ada", "bob", "eve"];

pub(crate) type Move = (u8, u8, u8, u8);

impl Game {
    pub(crate) fn play(moves: &[Move]) -> Self {
        Self::play_with(moves, moves.len().is_multiple_of(16).then(Kept::new))
    }

    pub(crate) fn play_with(moves: &[Move], store: Option<Kept>) -> Self {
        let now = Now { instant: Instant::now(), time: Timestamp(1_795_168_800_000_000) };
        let limits = limits();
        let mut game = Self {
            now,
            relay: Relay::new(7, limits),
            records: BTreeMap::new(),
            starts: [(0, 0); 3],
            links: BTreeMap::new(),
            next_link: 0,
            acked: BTreeMap::new(),
            delivered: vec![],
            asked: BTreeMap::new(),
            receipts: vec![],
            sent: BTreeSet::new(),
            heard: vec![],
            store,
        };
        game.restart(false);
        for it in moves {
            game.step(*it);
        }
        game
    }

    fn step(&mut self, (what, a, b, c): Move) {
        let execution = EXECUTIONS[b as usize % 2];
        let gate = GATES[c as usize % 3];
        match what % 16 {
            0 | 1 => self.greet(a, b, c),
            2..=5 => self.say(a, execution, c),
            6 => {
                let link = self.any_link(a);
                let gate = format!("gate {gate} {} at n", 1 + a % 3);
                let quorum = if c % 4 == 0 { " quorum 2" } else { "" };
                let within = if c % 5 == 0 { " within 20s else reject" } else { "" };
                let policy = match c % 7 {
                    1 => " not eve",
                    2 => " for ada",
                    _ => "",
                };
                self.say_on(link, execution, &format!("{gate}{quorum}{within}{policy}"), 0);
            }
            7 | 8 => {
                let id = format!("d{}", a % 12);
                let option = ["approve", "reject"][c as usize % 2];
                let who = PEOPLE[a as usize % 3];
                let version = 1 + (a / 3) % 3;
                let ask = format!("{who} decides {execution} {gate} {version} {option} as {id}");
                self.asked.entry(id).or_insert_with(|| ask.clone());
                self.input(&format!("v{} {ask}", a % 4), None);
            }
            9 => {
                // Somebody asks the same again.
                let known: Vec<String> = self.asked.values().cloned().collect();
                if let Some(ask) = known.get(a as usize % known.len().max(1)) {
                    self.input(&format!("v9 {ask}"), None);
                }
            }
            10 | 11 => {
                // An engine answers, perhaps not the one that was asked.
                let all = self.delivered.clone();
                if let Some((link, _, execution, gate, id)) = all.get(a as usize % all.len().max(1))
                {
                    let link = if b % 4 == 0 { self.any_link(b) } else { *link };
                    let outcomes = ["applied", "refused", "failed", "applied", "begun", "unknown"];
                    let outcome = outcomes[c as usize % 6];
                    let said = format!("outcome {id} {gate} {outcome}");
                    self.say_on(link, execution, &said, 0);
                }
            }
            12 => {
                let all = self.delivered.clone();
                if let Some((link, _, execution, _, id)) = all.get(a as usize % all.len().max(1)) {
                    self.input(&format!("l{link} got {execution} {id}"), Some(*link));
                }
            }
            13 => {
                let link = self.any_link(a);
                self.input(&format!("l{link} breaks"), None);
            }
            14 => {
                let link = self.any_link(a);
                self.input(
                    &format!("l{link} withdraws {execution} {gate} {}", 1 + c % 2),
                    Some(link),
                );
            }
            _ => self.pass(Duration::from_secs(u64::from(a % 30))),
        }
    }

    fn greet(&mut self, a: u8, b: u8, c: u8) {
        let which = a as usize % 3;
        let (epoch, _) = self.starts[which];
        // Mostly a reconnection; sometimes a restart, sometimes a zombie.
        let epoch = match c % 4 {
            0 => epoch + 1,
            1 if epoch > 0 => epoch - 1,
            _ => epoch,
        };
        self.next_link += 1;
        let link = self.next_link;
        self.links.insert(link, (which, epoch));
        let execution = EXECUTIONS[b as usize % 2];
        let gates = if b.is_multiple_of(3) { " gates g@1,h@1" } else { "" };
        let producer = PRODUCERS[which];
        self.input(&format!("{producer}/{epoch}@l{link} greets {execution}{gates}"), None);
        if self.links.contains_key(&link) && self.starts[which].0 <= epoch {
            self.starts[which] = (epoch, link);
        }
    }

    fn any_link(&self, a: u8) -> u64 {
        if a.is_multiple_of(5) {
            1 + u64::from(a) % self.next_link.max(1)
        } else {
            self.starts[a as usize % 3].1
        }
    }

    fn say(&mut self, a: u8, execution: &str, c: u8) {
        let link = self.any_link(a);
        let event = match c % 8 {
            0 => "node n running",
            1 => "bad",
            2 => "node m completed; node m failed",
            3 if a.is_multiple_of(5) => "graph replace a b a>b",
            3 if a.is_multiple_of(7) => "graph -n n a b n>a",
            3 => "graph a b a>b; cost 0.5",
            4 => "closed g withdrawn",
            5 => "status running; progress 0.5",
            6 if a.is_multiple_of(7) => "finished completed",
            _ => "log hello",
        };
        // Mostly what is wanted; sometimes a repeat, sometimes a gap.
        let off = match a % 6 {
            0 => -1,
            1 => 2,
            _ => 0,
        };
        self.say_on(link, execution, event, off);
    }

    fn say_on(&mut self, link: u64, execution: &str, event: &str, off: i64) {
        let Some((which, _)) = self.links.get(&link) else { return };
        let key = (execution.parse().unwrap(), PRODUCERS[*which].parse().unwrap());
        let next = self.acked.get(&key).map_or(1, |it| it.0 as i64 + 1);
        let first = (next + off).max(1);
        let mut event = event.to_owned();
        if event.starts_with("log") {
            event = format!("log {}", self.sent.len());
            let lane = (execution.to_owned(), PRODUCERS[*which].to_owned());
            let text = self.sent.len().to_string();
            self.sent.insert((lane.0, lane.1, first as u64, text));
        }
        self.input(&format!("l{link} says {execution} {first} {event}"), Some(link));
    }

    fn pass(&mut self, span: Duration) {
        let end = self.now.instant + span;
        loop {
            let next = self.relay.poll_timeout().filter(|due| *due <= end).unwrap_or(end);
            let by = next.saturating_duration_since(self.now.instant);
            self.now = Now { instant: self.now.instant + by, time: self.now.time.after(by) };
            self.relay.handle_timeout(self.now);
            self.effects("time", None);
            if next == end {
                return;
            }
        }
    }

    fn input(&mut self, text: &str, link: Option<u64>) {
        self.heard.push(text.to_owned());
        self.relay.handle(self.now, script::input(self.now.time, text));
        self.effects(text, link);
    }

    /// What must hold of every effect is held here; what must hold of all together, in the tests.
    fn effects(&mut self, text: &str, link: Option<u64>) {
        let mut effects = vec![];
        while let Some(effect) = self.relay.poll_effect() {
            // It would go on without that execution, and nothing would be seen that is wrong.
            assert!(!matches!(effect, Effect::Fallen { .. }), "it falls: {effect:?}");
            effects.push(effect);
        }
        let fate = self.store.as_mut().map(|store| store.keep(&self.relay, &effects));
        match fate {
            None | Some(Fate::Lives) => {}
            Some(Fate::Unheard { power }) => return self.restart(power),
            Some(Fate::Untold { power }) => {
                // It is in the log, and nobody knows.
                for effect in effects {
                    if let Effect::Append(record) = effect {
                        let log = self.records.entry(record.execution.clone()).or_default();
                        log.push((*record).clone());
                    }
                }
                return self.restart(power);
            }
        }
        for effect in effects {
            match effect {
                Effect::Append(record) => {
                    if let (Fact::Said { producer, pseq: Some(_), .. }, Some(link)) =
                        (&record.fact, link)
                    {
                        let (which, epoch) = self.links[&link];
                        assert_eq!(producer.as_str(), PRODUCERS[which], "E1: {text}");
                        assert_eq!(epoch, self.starts[which].0, "E6: a fenced start spoke: {text}");
                        self.was_sent(&record);
                    }
                    let log = self.records.entry(record.execution.clone()).or_default();
                    log.push((*record).clone());
                }
                Effect::Result { link: to, result } => {
                    if let Some((pseq, at)) = result.ack {
                        let (which, _) = self.links[&to.0];
                        let producer: ProducerId = PRODUCERS[which].parse().unwrap();
                        let key = (result.execution.clone(), producer.clone());
                        let before = self.acked.insert(key, pseq);
                        assert!(before.is_none_or(|it| it <= pseq), "E5: an ack went back");
                        let log = &self.records[&result.execution];
                        let said = log.iter().filter_map(|it| number(it, &producer)).max();
                        assert_eq!(
                            said.unwrap_or(0),
                            pseq.0,
                            "E2: acknowledged and not in the log"
                        );
                        assert_eq!(log.last().unwrap().position, at);
                    }
                }
                Effect::Deliver { link: to, execution, decision, .. } => {
                    let (which, epoch) = self.links[&to.0];
                    let (_, state) = self.relay.snapshot(&execution).unwrap();
                    let producer = &state.gates[&decision.gate].producer;
                    assert_eq!(producer.as_str(), PRODUCERS[which], "D7: to a stranger");
                    assert_eq!((epoch, to.0), self.starts[which], "D7: to a dead stream");
                    let id = decision.id.to_string();
                    self.delivered.push((
                        to.0,
                        which,
                        execution.to_string(),
                        decision.gate.to_string(),
                        id,
                    ));
                }
                Effect::Answer { answer: Answer::Receipt(receipt), .. } => {
                    self.receipts.push((text.to_owned(), receipt));
                }
                Effect::Welcome { link: LinkId(link), grants } => {
                    let (which, epoch) = self.links[&link];
                    for grant in grants.iter().filter(|it| it.log.is_ok()) {
                        let key = (grant.execution.clone(), PRODUCERS[which].parse().unwrap());
                        let acked = self.acked.get(&key).map_or(0, |it| it.0);
                        assert!(acked < grant.next.0, "E2: acknowledged, and lost: {text}");
                        let lost = grant.need_state && acked > 0;
                        assert!(!lost, "E2: it has lost its memory: {text}");
                    }
                    assert!(self.starts[which].0 <= epoch, "E6: a fenced start was welcomed");
                    self.starts[which] = (epoch, link);
                }
                _ => {}
            }
        }
    }
}

impl Game {
    /// The relay starts again, from what its store has kept: all streams are gone.
    fn restart(&mut self, power: bool) {
        let Some(store) = &mut self.store else { return };
        self.relay = store.restart(self.now, power);
        self.links.clear();
        self.effects("the start", None);
    }

    /// Every engine comes back as it was, again and again, and answers what it is told.
    fn comes_back(&mut self) {
        if let Some(store) = &mut self.store {
            store.spared = true;
            // A relay that died before it said so may have fenced what they were: they start again.
            self.starts.iter_mut().for_each(|(epoch, _)| *epoch += 1);
        }
        for round in 0..6 {
            let from = self.delivered.len();
            for which in 0..PRODUCERS.len() {
                for execution in EXECUTIONS {
                    self.attaches(which, execution);
                }
            }
            for (_, which, execution, gate, id) in self.delivered.split_off(from) {
                let outcome = ["applied", "refused", "failed", "unknown"][id.len() % 4];
                self.answers(which, &execution, &format!("outcome {id} {gate} {outcome}"));
            }
            // Longer than anything is waited for.
            self.pass(Duration::from_secs(20 + 20 * round));
        }
    }

    /// As it was: it waits at the gates at which it waited.
    fn attaches(&mut self, which: usize, execution: &str) {
        let (producer, (epoch, mut link)) = (PRODUCERS[which], self.starts[which]);
        let id = execution.parse().unwrap();
        let state = self.relay.snapshot(&id).map(|(_, state)| state);
        let gates = state.into_iter().flat_map(|it| it.gates.values());
        let own = gates.filter(|it| it.producer.as_str() == producer);
        let named = own.map(|it| format!("{}@{}", it.asked.gate_id, it.asked.gate_version));
        let named: Vec<String> = named.collect();
        let gates = if named.is_empty() { String::new() } else { " gates ".to_owned() };
        let claim = format!("{execution}{gates}{}", named.join(","));
        if self.links.contains_key(&link) && execution != EXECUTIONS[0] {
            return self.input(&format!("l{link} claims {claim}"), None);
        }
        self.next_link += 1;
        link = self.next_link;
        self.links.insert(link, (which, epoch));
        self.input(&format!("{producer}/{epoch}@l{link} greets {claim}"), None);
    }

    fn answers(&mut self, which: usize, execution: &str, event: &str) {
        let (_, link) = self.starts[which];
        let kept = self.relay.kept(&execution.parse().unwrap());
        let lane = kept.iter().flat_map(|it| &it.lanes);
        let mut lane = lane.filter(|it| it.producer.as_str() == PRODUCERS[which]);
        if let Some(next) =
            lane.next().map(|it| it.next.0).filter(|_| self.links.contains_key(&link))
        {
            self.input(&format!("l{link} says {execution} {next} {event}"), Some(link));
        }
    }

    /// E1 and E3: what stands under a number is what was sent under it.
    fn was_sent(&self, record: &Record) {
        let Fact::Said { producer, pseq: Some(pseq), event } = &record.fact else { return };
        let Kind::LogWritten(line) = &event.kind else { return };
        let (execution, producer) = (record.execution.to_string(), producer.to_string());
        let sent = (execution, producer, pseq.0, line.message.to_string());
        assert!(self.sent.contains(&sent), "E1: never sent: {sent:?}");
    }
}

fn number(record: &Record, of: &ProducerId) -> Option<u64> {
    match &record.fact {
        Fact::Said { producer, pseq, .. } | Fact::Rejected { producer, pseq, .. } => {
            (producer == of).then_some(*pseq)?.map(|it| it.0)
        }
        _ => None,
    }
}

pub(crate) fn game() -> impl Strategy<Value = Vec<Move>> {
    // Somebody has to be there before anything can happen.
    let opening = [(0, 0, 0, 2), (0, 1, 0, 2), (0, 2, 1, 2), (6, 1, 0, 0), (6, 2, 1, 1)];
    prop::collection::vec(any::<Move>(), 1..160)
        .prop_map(move |moves| opening.iter().copied().chain(moves).collect())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, ..ProptestConfig::default() })]

    #[test]
    fn e1_e2_e5_e6_every_record_was_sent_and_every_ack_is_true(moves in game()) {
        Game::play(&moves);
    }

    #[test]
    fn e3_an_event_is_in_the_log_at_most_once(moves in game()) {
        for log in Game::play(&moves).records.values() {
            for producer in PRODUCERS {
                let producer = producer.parse().unwrap();
                let numbers: Vec<u64> = log.iter().filter_map(|it| number(it, &producer)).collect();
                let distinct: BTreeSet<u64> = numbers.iter().copied().collect();
                prop_assert_eq!(distinct.len(), numbers.len());
            }
        }
    }

    #[test]
    fn e4_the_log_keeps_each_producers_order_without_a_hole(moves in game()) {
        for log in Game::play(&moves).records.values() {
            for producer in PRODUCERS {
                let producer = producer.parse().unwrap();
                let numbers: Vec<u64> = log.iter().filter_map(|it| number(it, &producer)).collect();
                let expected: Vec<u64> = (1..=numbers.len() as u64).collect();
                prop_assert_eq!(numbers, expected);
            }
        }
    }

    #[test]
    fn c1_c2_c3_records_are_numbered_one_by_one(moves in game()) {
        for log in Game::play(&moves).records.values() {
            for (at, record) in log.iter().enumerate() {
                prop_assert_eq!(record.position.seq.0, at as u64 + 1);
                prop_assert_eq!(record.position.epoch, log[0].position.epoch);
            }
        }
    }

    #[test]
    fn c4_what_is_retained_is_the_tail_without_a_hole(moves in game()) {
        let game = Game::play(&moves);
        for (execution, log) in &game.records {
            let kept: Vec<Record> = game.relay.retained(execution).map(|it| (**it).clone()).collect();
            // A relay that has started again holds what it had to fold.
            prop_assert!(game.store.is_some() || kept.len() == log.len().min(20));
            prop_assert!(kept.len() <= 20);
            prop_assert_eq!(&kept[..], &log[log.len() - kept.len()..]);
        }
    }

    #[test]
    fn c5_a_snapshot_is_the_fold_of_the_records(moves in game()) {
        let game = Game::play(&moves);
        for (execution, log) in &game.records {
            let (at, state) = game.relay.snapshot(execution).unwrap();
            prop_assert_eq!(at.seq.0, log.len() as u64);
            prop_assert_eq!(state, &Execution::fold(log, &Limits::default()));
            let statuses = state.nodes.values().map(|it| it.status);
            let waiting = statuses.filter(|it| format!("{it:?}") == "WaitingGate").count();
            prop_assert_eq!(state.progress().waiting as usize, waiting);
            prop_assert_eq!(state.progress().open_gates as usize, state.open_gates().count());
            prop_assert_eq!(state.progress().nodes as usize, state.nodes.len());
            let mut derived = state.clone();
            derived.derive();
            prop_assert_eq!(&derived, state, "what is derived anew is what was there");
        }
    }

    #[test]
    fn d1_a_gate_is_settled_at_most_once_in_each_version(moves in game()) {
        for log in Game::play(&moves).records.values() {
            let mut settled = BTreeSet::new();
            let mut version = BTreeMap::new();
            for record in log {
                let gate = match &record.fact {
                    Fact::Said { event, .. } if record.contradiction.is_none() => match &event.kind {
                        Kind::GateOpened(it) => {
                            version.insert(it.gate_id.clone(), it.gate_version);
                            None
                        }
                        Kind::GateClosed(it) => Some(it.gate_id.clone())
                            .filter(|_| record.after.gate.as_ref().is_some_and(|it| it.delivery.is_none())),
                        _ => None,
                    },
                    Fact::Resolved { gate, .. } => Some(gate.clone()),
                    _ => None,
                };
                if let Some(gate) = gate {
                    let version = version[&gate];
                    prop_assert!(settled.insert((gate, version)), "settled twice: {:?}", record);
                }
            }
        }
    }

    #[test]
    fn d2_at_most_one_decision_takes_effect_at_a_gate_version(moves in game()) {
        for log in Game::play(&moves).records.values() {
            let mut applied: BTreeMap<_, BTreeSet<DecisionId>> = BTreeMap::new();
            let mut ended: BTreeMap<DecisionId, Delivery> = BTreeMap::new();
            for record in log {
                let Some(gate) = &record.after.gate else { continue };
                let Some((decision, delivery)) = gate.resolution.decision().zip(gate.delivery) else {
                    continue;
                };
                if delivery == Delivery::Applied {
                    let which = (decision.gate.clone(), decision.version);
                    applied.entry(which).or_default().insert(decision.id.clone());
                }
                if delivery.rank() == 4 {
                    let end = *ended.entry(decision.id.clone()).or_insert(delivery);
                    prop_assert_eq!(end, delivery, "an end that changed");
                }
            }
            prop_assert!(applied.values().all(|it| it.len() == 1));
        }
    }

    #[test]
    fn d3_with_every_engine_back_whatever_was_decided_has_come_to_something(moves in game()) {
        let mut game = Game::play(&moves);
        game.comes_back();
        for log in game.records.values() {
            let mut owed: BTreeMap<DecisionId, &Record> = BTreeMap::new();
            for record in log {
                if let Fact::Resolved { resolution, .. } = &record.fact
                    && let Some(decision) = resolution.decision()
                {
                    owed.insert(decision.id.clone(), record);
                }
                let gate = record.after.gate.as_ref();
                let told = gate.and_then(|it| it.resolution.decision().zip(it.delivery));
                let ended = match &record.fact {
                    Fact::Delivered { decision, delivery, .. } => Some((decision, *delivery)),
                    _ => told,
                };
                if let Some((decision, _)) = ended.filter(|(_, it)| it.is_final()) {
                    owed.remove(&decision.id);
                }
            }
            prop_assert!(owed.is_empty(), "nothing came of {:?}", owed);
        }
    }

    #[test]
    fn d4_the_same_again_is_answered_the_same(moves in game()) {
        let game = Game::play(&moves);
        let mut first: BTreeMap<(DecisionId, String), u8> = BTreeMap::new();
        for (text, receipt) in &game.receipts {
            let Reference::Decision(id) = &receipt.about else { continue };
            // What was said, without the connection that said it.
            let Some((_, ask)) = text.split_once(' ').filter(|(_, it)| it.contains("decides")) else {
                continue;
            };
            let rank = match receipt.stage {
                Stage::Recorded | Stage::Voted { .. } => 1,
                Stage::Delivered => 2,
                Stage::OutcomeUnknown => 3,
                Stage::Applied | Stage::Refused | Stage::Failed => 4,
                _ => 0,
            };
            let key = (id.clone(), ask.to_owned());
            match first.get(&key) {
                // What was recorded stays recorded, and only goes forward.
                Some(before) if *before > 0 && *before < 4 => {
                    let outvoted = matches!(receipt.stage, Stage::AlreadyDecided { .. } | Stage::GateClosed);
                    prop_assert!(outvoted || *before <= rank, "{} went back: {:?}", ask, receipt);
                }
                _ => {}
            }
            let before = first.entry(key).or_default();
            *before = rank.max(*before);
        }
    }

    #[test]
    fn d4_the_last_word_on_a_decision_is_the_last(moves in game()) {
        // An id is one execution's.
        let mut last: BTreeMap<(Option<ExecutionId>, DecisionId), &Stage> = BTreeMap::new();
        let game = Game::play(&moves);
        for (_, receipt) in &game.receipts {
            let (Reference::Decision(id), stage) = (&receipt.about, &receipt.stage) else { continue };
            if *stage == Stage::IdReused {
                continue;
            }
            let key = (receipt.execution.clone(), id.clone());
            if let Some(known) = last.get(&key) {
                prop_assert_eq!(*known, stage, "{} had its last word: {:?}", id, receipt);
            }
            // A refusal without a time was none of something that stands in the log.
            let recorded = receipt.at.is_some();
            if recorded && matches!(stage, Stage::Applied | Stage::Refused | Stage::Failed) {
                last.insert(key, stage);
            }
        }
    }

    /// As far as a gate says who may decide it. What somebody may do at all is asked in one place,
    /// `auth::access`: `auth/` tries that.
    #[test]
    fn d5_nobody_votes_at_a_gate_that_is_not_theirs_to_decide(moves in game()) {
        for log in Game::play(&moves).records.values() {
            for record in log {
                let Fact::Voted { vote, .. } = &record.fact else { continue };
                let policy = &record.after.gate.as_ref().unwrap().asked.policy;
                let by = &vote.by.subject;
                prop_assert!(!policy.excluded_users.contains(by), "{} is excluded", by);
                let named = policy.users.is_empty() || policy.users.contains(by);
                prop_assert!(named, "{} is not among {:?}", by, policy.users);
            }
        }
    }

    #[test]
    fn d6_what_took_effect_was_asked_for_by_that_person(moves in game()) {
        let game = Game::play(&moves);
        for (execution, log) in &game.records {
            for record in log {
                let Fact::Resolved { resolution: Resolution::Decided(decision), .. } = &record.fact else {
                    continue;
                };
                let who = &decision.by.as_ref().unwrap().subject;
                let asked = format!(
                    "{who} decides {execution} {} {} {} as {}",
                    decision.gate, decision.version, decision.option, decision.id
                );
                let voted = log.iter().any(|it| matches!(&it.fact, Fact::Voted { vote, .. }
                    if vote.decision_id == decision.id && vote.option == decision.option));
                prop_assert!(voted, "{asked}");
                let known = game.heard.iter().any(|text| text.ends_with(&asked));
                prop_assert!(known, "{asked}");
            }
        }
    }

    #[test]
    fn d7_a_decision_goes_to_the_gates_producer_alone(moves in game()) {
        // That it went to the producer's living stream is held in the game, at each delivery.
        let game = Game::play(&moves);
        for (_, which, execution, gate, id) in &game.delivered {
            let producer = PRODUCERS[*which];
            let log = &game.records[&execution.parse().unwrap()];
            let announced = log.iter().any(|it| match &it.fact {
                Fact::Said { producer: by, event, .. } => match &event.kind {
                    Kind::GateOpened(it) => it.gate_id.as_str() == gate && by.as_str() == producer,
                    _ => false,
                },
                _ => false,
            });
            prop_assert!(announced, "{id} went to {producer}, who never asked {gate}");
        }
    }

    #[test]
    fn d8_stages_only_move_forward(moves in game()) {
        for log in Game::play(&moves).records.values() {
            let mut rank: BTreeMap<DecisionId, u8> = BTreeMap::new();
            for record in log {
                let Some(gate) = &record.after.gate else { continue };
                let Some((decision, delivery)) = gate.resolution.decision().zip(gate.delivery) else {
                    continue;
                };
                let known = rank.entry(decision.id.clone()).or_default();
                prop_assert!(*known <= delivery.rank(), "{:?}", record);
                *known = delivery.rank();
            }
        }
    }
}
