//! One gate, and everybody who may settle it, in any order: people, the clock, its engine (in several
//! starts), the next version of the question, the end of all. The invariants are those of `laws.rs`,
//! held here where they are hardest to hold.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use footplate::core::{Effect, Limits, Relay, Verdict};
use footplate::model::{
    DecisionId, DecisionKind, Delivery, Fact, Kind, Now, Record, Resolution, Timestamp,
};
use proptest::prelude::*;

use crate::script;

/// What one of them does.
#[derive(Debug, Clone, Copy)]
enum Move {
    /// Who, on which version from the newest back, with which answer.
    Vote(usize, u32, usize),
    Wait(u64),
    Withdraw,
    Close(usize),
    /// The same version with this payload, or the next one.
    Ask(bool, u8),
    /// The engine is gone; it comes back as it was; it starts again, and names the gate or does not.
    Leave,
    Return,
    Restart(bool),
    /// It answers the newest decision that it was told.
    Answer(usize),
    Finish,
}

fn moves() -> impl Strategy<Value = Vec<Move>> {
    let one = prop_oneof![
        8 => (0..4_usize, 0..3_u32, 0..4_usize).prop_map(|(who, back, what)| Move::Vote(who, back, what)),
        3 => (1..40_u64).prop_map(Move::Wait),
        1 => Just(Move::Withdraw),
        1 => (0..3_usize).prop_map(Move::Close),
        3 => (any::<bool>(), 0..2_u8).prop_map(|(newer, payload)| Move::Ask(newer, payload)),
        1 => Just(Move::Leave),
        2 => Just(Move::Return),
        2 => any::<bool>().prop_map(Move::Restart),
        2 => (0..3_usize).prop_map(Move::Answer),
        1 => Just(Move::Finish),
    ];
    prop::collection::vec(one, 1..60)
}

struct Race {
    now: Now,
    relay: Relay,
    log: Vec<Record>,
    pseq: u64,
    version: u32,
    link: u64,
    epoch: u64,
    asked: u64,
    /// What the engine was told.
    told: Vec<DecisionId>,
}

impl Race {
    fn run(moves: &[Move]) -> Self {
        let now =
            Now { instant: std::time::Instant::now(), time: Timestamp(1_795_168_800_000_000) };
        let limits = Limits { orphaned: Duration::from_secs(30), ..Limits::default() };
        let relay = Relay::new(7, limits);
        let (log, told) = (vec![], vec![]);
        let (pseq, version, link, epoch, asked) = (0, 1, 0, 1, 0);
        let mut race = Self { now, relay, log, pseq, version, link, epoch, asked, told };
        race.greet("");
        race.ask(0);
        moves.iter().for_each(|it| race.step(*it));
        // Whatever is still open is cancelled now.
        race.greet("");
        race.says("finished completed");
        race
    }

    fn step(&mut self, it: Move) {
        let link = self.link;
        match it {
            Move::Vote(who, back, what) => {
                let who = ["ada", "bob", "eve", "kim"][who];
                let version = self.version.saturating_sub(back).max(1);
                let what =
                    ["approve", "reject", r#"modify with {"n":1}"#, r#"modify with {"n":2}"#][what];
                self.asked += 1;
                // A few of them say the same again.
                let id = self.asked % 40;
                let (option, rest) = what.split_once(' ').unwrap_or((what, ""));
                let text = format!("v1 {who} decides x1 g {version} {option} as d{id} {rest}");
                self.input(text.trim_end());
            }
            Move::Wait(seconds) => self.wait(Duration::from_secs(seconds)),
            Move::Withdraw => self.input(&format!("l{link} withdraws x1 g {}", self.version)),
            Move::Close(how) => {
                let how = ["withdrawn", "elsewhere", "unreachable"][how];
                self.says(&format!("closed g {how}"));
            }
            Move::Ask(newer, payload) => {
                self.version += u32::from(newer);
                self.ask(payload);
            }
            Move::Leave => self.input(&format!("l{link} breaks")),
            Move::Return => self.greet(""),
            Move::Restart(named) => {
                self.epoch += 1;
                let gates = format!(" gates g@{}", self.version);
                self.greet(if named { &gates } else { "" });
            }
            Move::Answer(what) => {
                let what = ["applied", "refused", "failed"][what];
                if let Some(id) = self.told.last().cloned() {
                    self.says(&format!("outcome {id} g {what}"));
                }
            }
            Move::Finish => self.says("finished cancelled"),
        }
    }

    fn greet(&mut self, gates: &str) {
        self.link += 1;
        let (epoch, link, from) = (self.epoch, self.link, self.pseq + 1);
        self.input(&format!("w1/{epoch}@l{link} greets x1 from {from}{gates}"));
    }

    fn ask(&mut self, payload: u8) {
        let version = self.version;
        let gate = format!("gate g {version} quorum 2 within 50s else reject");
        self.says(&format!(r#"{gate} payload {{"files":{payload}}} asks Sure?"#));
    }

    fn says(&mut self, event: &str) {
        let link = self.link;
        self.input(&format!("l{link} says x1 {} {event}", self.pseq + 1));
    }

    fn wait(&mut self, span: Duration) {
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

    fn input(&mut self, text: &str) {
        self.relay.handle(self.now, script::input(self.now.time, text));
        self.effects();
    }

    fn effects(&mut self) {
        while let Some(effect) = self.relay.poll_effect() {
            match effect {
                Effect::Append(record) => {
                    if let Fact::Said { pseq: Some(pseq), .. } = record.fact {
                        self.pseq = pseq.0;
                    }
                    self.log.push((*record).clone());
                }
                Effect::Deliver { decision, .. } => {
                    let (_, state) = self.relay.snapshot(&"x1".parse().unwrap()).unwrap();
                    let gate = &state.gates[&decision.gate];
                    assert_ne!(
                        gate.delivery,
                        Some(Delivery::Refused),
                        "D2: what was refused is told"
                    );
                    self.told.push(decision.id.clone());
                }
                Effect::Verdict { verdict: Verdict::Withdrawn, version, .. } => {
                    let last = self.log.last().map(|it| &it.fact);
                    let withdrawn = matches!(
                        last,
                        Some(Fact::Resolved { resolution: Resolution::Withdrawn { .. }, .. })
                    );
                    assert!(withdrawn, "D1: said to be withdrawn and is not: v{version}");
                }
                Effect::Fallen { .. } => panic!("it falls: {effect:?}"),
                _ => {}
            }
        }
    }
}

/// The version that each record is about, as far as one opened or settled a gate.
fn settlements(log: &[Record]) -> (BTreeSet<u32>, Vec<(u32, &'static str)>) {
    let (mut opened, mut settled, mut version) = (BTreeSet::new(), vec![], 0);
    for record in log {
        match &record.fact {
            Fact::Said { event, .. } if record.contradiction.is_none() => match &event.kind {
                Kind::GateOpened(it) => {
                    version = it.gate_version;
                    opened.insert(version);
                }
                Kind::GateClosed(_) => {
                    let gate = record.after.gate.as_ref().unwrap();
                    if gate.delivery.is_none() {
                        settled.push((version, "closed"));
                    }
                }
                _ => {}
            },
            Fact::Resolved { .. } => settled.push((version, "resolved")),
            _ => {}
        }
    }
    (opened, settled)
}

#[test]
fn no_more_gates_are_open_than_all_executions_together_may_have() {
    let now = Now { instant: std::time::Instant::now(), time: Timestamp(1_795_168_800_000_000) };
    let limits = Limits { open_gates_of_all: 2, ..Limits::default() };
    let mut relay = Relay::new(7, limits);
    let mut refused = |text: &str| {
        relay.handle(now, script::input(now.time, text));
        let effects: Vec<Effect> = std::iter::from_fn(|| relay.poll_effect()).collect();
        let rejected = |it: &Effect| match it {
            Effect::Append(record) => match &record.fact {
                Fact::Rejected { rejection, .. } => Some(rejection.message.clone()),
                _ => None,
            },
            _ => None,
        };
        effects.iter().find_map(rejected)
    };
    let full = Some("this relay has at most 2 open gates".to_owned());
    assert_eq!(refused("w1/1@l1 greets x1"), None);
    assert_eq!(refused("l1 says x1 1 gate g 1 asks A?"), None);
    assert_eq!(refused("l1 says x2 1 gate g 1 asks A?"), None);
    assert_eq!(refused("l1 says x3 1 gate g 1 asks A?"), full);
    // The same question again, or in other words, is no further one.
    assert_eq!(refused("l1 says x2 2 gate g 1 asks A?; gate g 2 asks B?"), None);
    // One that is settled makes room.
    assert_eq!(refused("v1 ada decides x1 g 1 approve as d1"), None);
    assert_eq!(refused("l1 says x3 2 gate g 1 asks A?"), None);
    assert_eq!(refused("l1 says x3 3 gate h 1 asks A?"), full);
    assert_eq!(refused("l1 says x2 4 finished cancelled"), None);
    assert_eq!(refused("l1 says x3 4 gate h 1 asks A?"), None);
}

/// Whatever comes after it, in time or late: the first decision is the only one that is recorded and delivered.
#[test]
fn d2_a_gate_that_was_decided_takes_no_second_decision() {
    let now = Now { instant: std::time::Instant::now(), time: Timestamp(1_795_168_800_000_000) };
    let mut relay = Relay::new(7, Limits::default());
    let (mut recorded, mut delivered) = (vec![], BTreeSet::new());
    for text in [
        "w1/1@l1 greets x1",
        "l1 says x1 1 gate g 1 asks A?",
        "v1 ada decides x1 g 1 approve as d1",
        "v2 eve decides x1 g 1 reject as d2",
        "l1 says x1 2 outcome d1 g applied",
        "v2 eve decides x1 g 1 reject as d3",
        "v1 ada decides x1 g 1 approve as d4",
    ] {
        relay.handle(now, script::input(now.time, text));
        while let Some(effect) = relay.poll_effect() {
            match effect {
                Effect::Append(record) => {
                    if let Fact::Voted { vote, .. } = &record.fact {
                        recorded.push(vote.decision_id.to_string());
                    }
                }
                Effect::Deliver { decision, .. } => drop(delivered.insert(decision.id.clone())),
                Effect::Fallen { .. } => panic!("it falls: {effect:?}"),
                _ => {}
            }
        }
    }
    assert_eq!(recorded, ["d1"]);
    assert_eq!(delivered.len(), 1);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 500, ..ProptestConfig::default() })]

    #[test]
    fn d1_votes_timer_withdrawal_orphan_cancel_and_a_new_version_settle_each_version_once(moves in moves()) {
        let race = Race::run(&moves);
        let (opened, settled) = settlements(&race.log);
        let versions: BTreeSet<u32> = settled.iter().map(|(version, _)| *version).collect();
        prop_assert_eq!(&versions, &opened, "what was opened was settled");
        prop_assert_eq!(settled.len(), versions.len(), "once: {:?}", settled);
    }

    #[test]
    fn d2_what_is_applied_was_decided_in_that_version_and_nothing_else_is(moves in moves()) {
        let race = Race::run(&moves);
        let mut applied: BTreeMap<u32, BTreeSet<DecisionId>> = BTreeMap::new();
        for record in &race.log {
            let Some(gate) = record.after.gate.as_ref() else { continue };
            let Some(decision) = gate.resolution.decision() else { continue };
            if gate.delivery == Some(Delivery::Applied) {
                prop_assert_eq!(decision.version, gate.asked.gate_version);
                applied.entry(decision.version).or_default().insert(decision.id.clone());
            }
        }
        prop_assert!(applied.values().all(|it| it.len() == 1), "{:?}", applied);
    }

    #[test]
    fn d6_a_quorum_is_of_different_people_who_were_shown_and_want_the_same(moves in moves()) {
        let race = Race::run(&moves);
        for record in &race.log {
            let Fact::Resolved { resolution: Resolution::Decided(decision), .. } = &record.fact else {
                continue;
            };
            let agree = decision.votes.iter().filter(|vote| {
                vote.kind == decision.kind
                    && vote.option == decision.option
                    && vote.modification_sha256 == decision.modification_sha256
            });
            let who: BTreeSet<&str> = agree.map(|vote| &*vote.by.subject).collect();
            let needed = if decision.kind == DecisionKind::Reject { 1 } else { 2 };
            prop_assert!(needed <= who.len(), "{:?}", decision);
            // No vote of theirs stands in the log before what they were shown.
            let shown = race.log.iter().rposition(|it| {
                it.position.seq < record.position.seq
                    && it.contradiction.is_none()
                    && matches!(&it.fact, Fact::Said { event, .. } if matches!(&event.kind,
                        Kind::GateOpened(asked) if asked.payload_sha256 == decision.payload_sha256))
            });
            let changed = race.log.iter().rposition(|it| {
                it.position.seq < record.position.seq
                    && it.contradiction.is_none()
                    && matches!(&it.fact, Fact::Said { event, .. } if matches!(&event.kind,
                        Kind::GateOpened(asked) if asked.payload_sha256 != decision.payload_sha256))
            });
            prop_assert!(shown > changed, "decided about what is asked no longer");
            for vote in &decision.votes {
                let at = race.log.iter().position(|it| matches!(&it.fact,
                    Fact::Voted { vote: it, .. } if it.decision_id == vote.decision_id));
                prop_assert!(changed < at, "a vote on another payload counted");
            }
        }
    }
}
