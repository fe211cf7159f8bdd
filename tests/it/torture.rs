//! The torture's checker, on histories that are made up: it finds nothing in a good one, and in each
//! of these bad ones the law that it breaks. What finds nothing here proves nothing there.

#[path = "../torture/check/mod.rs"]
mod check;
#[path = "../torture/history.rs"]
#[allow(dead_code, reason = "nothing is read or written here")]
mod history;

use std::collections::BTreeSet;

use crate::dice::Dice;
use check::Checker;
use history::{Entry, Op, Phase};

const EPOCH: &str = "boot-1";
const VIEWERS: [&str; 2] = ["dashboard-0", "dashboard-1"];

/// What happened, in the order in which the torture reads it.
type Story = Vec<Entry>;

/// Lines by who writes them.
#[derive(Default)]
struct Teller {
    viewers: [Story; 2],
    engines: Story,
    effects: Story,
    last: Story,
    time: u64,
}

/// One execution while it is told.
struct Told {
    exec: String,
    producer: String,
    seq: u64,
    pseq: u64,
}

impl Teller {
    fn now(&mut self) -> u64 {
        self.time += 1;
        self.time
    }

    /// A record, told to everybody who watches.
    fn record(&mut self, at: &mut Told, kind: &str, content: &str, more: Entry) {
        at.seq += 1;
        let mut entry = Entry {
            t: self.now(),
            exec: at.exec.clone(),
            epoch: EPOCH.into(),
            seq: at.seq,
            frame: 7_000 + at.seq,
            kind: kind.into(),
            ..more
        };
        if !content.is_empty() {
            at.pseq += 1;
            (entry.pseq, entry.producer) = (at.pseq, at.producer.clone());
            entry.content = content.into();
            let published = Entry {
                t: self.now(),
                proc: format!("{}#1", at.producer),
                op: Op::Publish,
                phase: Phase::Invoke,
                exec: at.exec.clone(),
                pseq: at.pseq,
                hashes: vec![content.into()],
                ..Entry::default()
            };
            let acked = Entry {
                phase: Phase::Ok,
                level: "local".into(),
                hashes: vec![],
                ..published.clone()
            };
            self.engines.extend([published, acked]);
        }
        self.last.push(Entry { op: Op::Last, proc: "supervisor".into(), ..entry.clone() });
        let state = 9_000 + at.seq;
        for (viewer, name) in VIEWERS.iter().enumerate() {
            let proc = (*name).into();
            self.viewers[viewer].push(Entry { op: Op::See, proc, state, ..entry.clone() });
        }
    }

    /// A viewer asks, and is answered.
    fn subscribes(&mut self, viewer: usize, at: &Told, since: u64) {
        let ask = Entry {
            t: self.now(),
            proc: VIEWERS[viewer].into(),
            op: Op::Subscribed,
            phase: Phase::Invoke,
            exec: at.exec.clone(),
            epoch: if since > 0 { EPOCH.into() } else { String::new() },
            seq: since,
            ..Entry::default()
        };
        let answer =
            Entry { phase: Phase::Ok, epoch: EPOCH.into(), recovered: since > 0, ..ask.clone() };
        let shown =
            Entry { op: Op::Snapshot, state: 9_000 + at.seq, seq: at.seq, ..answer.clone() };
        self.viewers[viewer].extend([ask, answer]);
        if since == 0 {
            self.viewers[viewer].push(shown);
        }
    }

    /// A question, two who answer, and what comes of it.
    fn gate(&mut self, at: &mut Told, dice: &mut Dice) {
        let gate = format!("g{}", at.seq);
        let exec = at.exec.clone();
        let id = |viewer: usize| format!("{}-{exec}-{gate}", VIEWERS[viewer]);
        let option = ["approve", "reject"][usize::from(dice.one_in(2))];
        let decided = Entry {
            exec: at.exec.clone(),
            gate: gate.clone(),
            version: 1,
            decision: id(0),
            option: option.into(),
            comment: id(0),
            by: "local".into(),
            ..Entry::default()
        };
        let about = Entry { gate: gate.clone(), version: 1, ..Entry::default() };
        self.record(at, "human_gate_waiting", &format!("asks {gate}"), about.clone());
        for (viewer, name) in VIEWERS.iter().enumerate().take(2) {
            let (decision, comment) = (id(viewer), id(viewer));
            let (proc, op, phase) = ((*name).into(), Op::Decide, Phase::Invoke);
            let asks = Entry {
                t: self.now(),
                proc,
                op,
                phase,
                decision,
                comment,
                by: "".into(),
                ..decided.clone()
            };
            self.viewers[viewer].push(asks);
        }
        let settled = Entry { stage: "decided".into(), reason: "human".into(), ..decided.clone() };
        self.record(at, "gate_resolved", "", settled);
        for stage in ["sent", "delivered"] {
            let moved = Entry { decision: id(0), stage: stage.into(), ..about.clone() };
            self.record(at, "gate_delivery", "", moved);
        }
        let proc = format!("{}#1", at.producer);
        let t = self.now();
        self.engines.push(Entry { t, proc: proc.clone(), op: Op::Deliver, ..decided.clone() });
        self.effects.push(Entry { t, proc, op: Op::Effect, phase: Phase::Ok, ..decided.clone() });
        let applied = Entry { decision: id(0), stage: "applied".into(), ..about };
        self.record(at, "gate_delivery", &format!("applied {gate}"), applied);
        for stage in ["recorded", "delivered", "applied"] {
            self.receipt(0, &id(0), stage, &decided);
        }
        self.receipt(1, &id(1), "already_decided", &decided);
        self.receipt(1, &id(1), "already_decided", &decided);
    }

    fn receipt(&mut self, viewer: usize, decision: &str, stage: &str, about: &Entry) {
        let receipt = Entry {
            t: self.now(),
            proc: VIEWERS[viewer].into(),
            op: Op::Decide,
            phase: Phase::Ok,
            decision: decision.into(),
            stage: stage.into(),
            level: "local".into(),
            ..about.clone()
        };
        self.viewers[viewer].push(receipt);
    }

    fn execution(&mut self, number: usize, dice: &mut Dice) {
        let producer = format!("py-outbox-{number}");
        let t = self.now();
        self.engines.push(Entry {
            t,
            proc: format!("{producer}#1"),
            op: Op::Attach,
            phase: Phase::Ok,
            level: "local".into(),
            ..Entry::default()
        });
        let mut at = Told { exec: format!("{producer}-0"), producer, seq: 0, pseq: 0 };
        self.subscribes(0, &at, 0);
        self.subscribes(1, &at, 0);
        for step in 0..4 + dice.below(12) {
            self.record(&mut at, "log", &format!("line {step}"), Entry::default());
            if step == 2 || dice.one_in(4) {
                self.gate(&mut at, dice);
            }
            if step == 3 || dice.one_in(6) {
                self.subscribes(1, &at, at.seq);
            }
        }
        let end = |op, proc: &str, state| Entry {
            proc: proc.into(),
            op,
            exec: at.exec.clone(),
            epoch: EPOCH.into(),
            seq: at.seq,
            state,
            ..Entry::default()
        };
        let state = 9_000 + at.seq;
        self.last.push(end(Op::LastState, "supervisor", state));
        let lane = end(Op::LastLane, "supervisor", 0);
        self.last.push(Entry { producer: at.producer.clone(), pseq: at.pseq, ..lane });
        for (viewer, name) in VIEWERS.iter().enumerate() {
            self.viewers[viewer].push(Entry { recovered: true, ..end(Op::Quiet, name, state) });
        }
    }
}

fn story(dice: &mut Dice) -> Story {
    let mut teller = Teller::default();
    (0..3).for_each(|number| teller.execution(number, dice));
    let run = Entry { level: "local".into(), ..Entry::default() };
    let [first, second] = teller.viewers;
    [vec![run], first, second, teller.engines, teller.effects, teller.last].concat()
}

fn broken(story: &Story) -> BTreeSet<&'static str> {
    let mut checker = Checker::default();
    story.iter().for_each(|entry| checker.take(entry));
    checker.finish().0.into_iter().map(|problem| problem.law).collect()
}

/// One of the lines that `which` is about.
fn one(story: &Story, dice: &mut Dice, which: impl Fn(&Entry) -> bool) -> usize {
    let all: Vec<_> = (0..story.len()).filter(|at| which(&story[*at])).collect();
    all[dice.below(all.len() as u64) as usize]
}

/// Changes a record wherever it is told.
fn everywhere(story: &mut Story, at: usize, change: impl Fn(&mut Entry)) {
    let (exec, seq) = (story[at].exec.clone(), story[at].seq);
    for entry in story.iter_mut() {
        if matches!(entry.op, Op::See | Op::Last) && (&entry.exec, entry.seq) == (&exec, seq) {
            change(entry);
        }
    }
}

fn sees(kind: &'static str) -> impl Fn(&Entry) -> bool {
    move |it| it.op == Op::See && it.kind == kind
}

fn stage(stage: &'static str) -> impl Fn(&Entry) -> bool {
    move |it| it.op == Op::See && it.kind == "gate_delivery" && it.stage == stage
}

/// Breaks the law in many stories, each at a place of its own.
fn breaks(law: &'static str, damage: impl Fn(&mut Story, &mut Dice)) {
    Dice::each(12, |dice| {
        let mut story = story(dice);
        damage(&mut story, dice);
        let found = broken(&story);
        assert!(found.contains(law), "not {law}, but {found:?}");
    });
}

#[test]
fn nothing_is_found_where_nothing_is_wrong() {
    Dice::each(40, |dice| assert_eq!(broken(&story(dice)), BTreeSet::new()));
}

#[test]
fn e1_what_nobody_said() {
    breaks("e1", |story, dice| {
        let at = one(story, dice, sees("log"));
        everywhere(story, at, |it| it.content = "made up".into());
    });
    breaks("e1", |story, dice| {
        let at = one(story, dice, sees("log"));
        everywhere(story, at, |it| it.producer = "nobody".into());
    });
}

#[test]
fn e2_what_was_acknowledged_and_is_gone() {
    breaks("e2", |story, dice| {
        let at = one(story, dice, sees("log"));
        everywhere(story, at, |it| it.pseq = 0);
    });
    breaks("e2", |story, dice| {
        let at = one(story, dice, |it| it.op == Op::LastLane);
        story[at].pseq -= 1;
    });
    breaks("e2", |story, dice| {
        let at = one(story, dice, |it| it.op == Op::LastLane);
        story.remove(at);
    });
    breaks("e2", |story, dice| {
        // Another start has said it differently, and that is what stands there.
        let at = one(story, dice, sees("log"));
        let (exec, pseq) = (story[at].exec.clone(), story[at].pseq);
        let said =
            one(story, dice, |it| !it.hashes.is_empty() && (&it.exec, it.pseq) == (&exec, pseq));
        let (proc, hashes) = (story[said].proc.replace("#1", "#0"), vec!["other".to_owned()]);
        story.insert(said, Entry { proc, hashes, ..story[said].clone() });
        everywhere(story, at, |it| it.content = "other".into());
    });
    breaks("e2", |story, dice| {
        let at = one(story, dice, |it| it.op == Op::Publish && it.phase == Phase::Ok);
        story[at].level = "memory".into();
    });
    breaks("e2", |story, dice| {
        // A whole log that begins anew, told to one viewer who is shown it properly.
        let at = one(story, dice, |it| it.op == Op::Subscribed && it.phase == Phase::Ok);
        let epoch = "boot-2".to_owned();
        let anew = Entry { epoch: epoch.clone(), recovered: false, ..story[at].clone() };
        let shown = Entry { op: Op::Snapshot, seq: 1, state: 1, ..anew.clone() };
        story.splice(at + 1..at + 1, [anew, shown]);
        let seen = Entry { op: Op::See, epoch, seq: 2, kind: "log".into(), ..story[at].clone() };
        story.insert(at + 3, seen);
    });
}

#[test]
fn e3_what_is_there_twice() {
    breaks("e3", |story, dice| {
        let at = one(story, dice, |it| sees("log")(it) && it.pseq > 1);
        let before = story[at].pseq - 1;
        everywhere(story, at, |it| it.pseq = before);
    });
    breaks("e3", |story, dice| {
        let at = one(story, dice, |it| it.op == Op::Publish);
        let reason = "ISSUE_CODE_CONFLICT".into();
        story.push(Entry { op: Op::Issue, reason, ..story[at].clone() });
    });
}

#[test]
fn e4_a_hole_in_a_lane() {
    breaks("e4", |story, dice| {
        let at = one(story, dice, sees("log"));
        let (pseq, exec) = (story[at].pseq, story[at].exec.clone());
        let lane = move |it: &Entry| it.exec == exec && it.pseq >= pseq;
        // From there on everything is said, acknowledged and told under a number too high.
        for it in story.iter_mut().filter(|it| lane(it)) {
            it.pseq += 1;
        }
    });
}

#[test]
fn e5_an_acknowledgement_that_goes_back() {
    breaks("e5", |story, dice| {
        let at =
            one(story, dice, |it| it.op == Op::Publish && it.phase == Phase::Ok && it.pseq > 1);
        let again = Entry { pseq: story[at].pseq - 1, ..story[at].clone() };
        story.insert(at + 1, again);
    });
}

#[test]
fn e6_what_a_fenced_start_has_said() {
    breaks("e6", |story, dice| {
        let at = one(story, dice, |it| it.op == Op::Attach);
        let proc = story[at].proc.replace("#1", "#2");
        story.insert(at, Entry { proc, ..story[at].clone() });
    });
}

#[test]
fn c1_a_state_from_before() {
    breaks("c1", |story, dice| {
        let at = one(story, dice, |it| it.op == Op::See && it.seq > 2);
        let seq = story[at].seq - 1;
        let back = Entry { op: Op::Snapshot, seq, state: 9_000 + seq, ..story[at].clone() };
        story.insert(at + 1, back);
    });
}

#[test]
fn c2_a_record_twice_or_in_two_versions() {
    breaks("c2", |story, dice| {
        let at = one(story, dice, |it| it.op == Op::See);
        story.insert(at + 1, story[at].clone());
    });
    breaks("c2", |story, dice| {
        let at = one(story, dice, |it| it.op == Op::See);
        story[at].frame += 1;
    });
    breaks("c2", |story, dice| {
        let at = one(story, dice, sees("log"));
        let line = Entry { op: Op::Glimpse, proc: "other-0".into(), ..story[at].clone() };
        story.extend([line.clone(), line]);
    });
}

#[test]
fn c3_a_record_that_is_never_told() {
    breaks("c3", |story, dice| {
        // One that another one follows on at once.
        let next = |at: usize| &story[at + 1];
        let all: Vec<_> = (0..story.len() - 1).filter(|at| story[*at].op == Op::See).collect();
        let all: Vec<_> = all.into_iter().filter(|at| next(*at).op == Op::See).collect();
        story.remove(all[dice.below(all.len() as u64) as usize]);
    });
    breaks("c3", |story, dice| {
        let at = one(story, dice, |it| it.op == Op::Snapshot);
        story.remove(at);
    });
    breaks("c3", |story, dice| {
        let at = one(story, dice, |it| it.op == Op::See);
        let (exec, seq) = (story[at].exec.clone(), story[at].seq);
        story.retain(|it| {
            !matches!(it.op, Op::See | Op::Last) || (&it.exec, it.seq) != (&exec, seq)
        });
    });
}

#[test]
fn c4_a_resumption_from_elsewhere() {
    let resumed = |it: &Entry| it.op == Op::Subscribed && it.recovered && it.phase == Phase::Ok;
    breaks("c4", |story, dice| {
        let at = one(story, dice, resumed);
        story[at].seq -= 1;
    });
    breaks("c4", |story, dice| {
        let at = one(story, dice, resumed);
        (story[at].recovered, story[at].reason) = (false, "ahead".into());
    });
    breaks("c4", |story, dice| {
        let at = one(story, dice, resumed);
        (story[at].recovered, story[at].reason) = (false, "epoch_changed".into());
    });
}

#[test]
fn c5_a_state_that_is_not_the_fold() {
    breaks("c5", |story, dice| {
        let at = one(story, dice, |it| it.op == Op::See);
        story[at].state += 1;
    });
    breaks("c5", |story, dice| {
        let at = one(story, dice, |it| it.op == Op::Snapshot);
        let late = Entry { proc: "dashboard-9".into(), seq: 4, state: 1, ..story[at].clone() };
        story.push(late);
    });
}

#[test]
fn c6_and_c7_an_end_that_is_not_the_end() {
    breaks("c6", |story, dice| {
        let at = one(story, dice, |it| it.op == Op::Quiet);
        story[at].seq -= 1;
        story[at].state -= 1;
    });
    breaks("c7", |story, dice| {
        let at = one(story, dice, |it| it.op == Op::Quiet);
        story[at].state += 1;
    });
    breaks("c7", |story, dice| {
        let at = one(story, dice, |it| it.op == Op::LastState);
        story[at].state += 1;
    });
}

#[test]
fn d1_a_gate_that_is_settled_twice() {
    breaks("d1", |story, dice| {
        let at = one(story, dice, sees("gate_resolved"));
        let (exec, seq, settled) = (story[at].exec.clone(), story[at].seq + 1, story[at].clone());
        for it in story.iter_mut().filter(|it| matches!(it.op, Op::See | Op::Last)) {
            if it.exec == exec && it.seq == seq {
                let (op, proc, frame) = (it.op, it.proc.clone(), it.frame);
                *it = Entry { op, proc, frame, seq, state: it.state, ..settled.clone() };
            }
        }
    });
    breaks("d1", |story, dice| {
        let at = one(story, dice, |it| it.op == Op::Deliver);
        story.push(Entry { decision: "timer-another".into(), ..story[at].clone() });
    });
}

#[test]
fn d2_an_effect_twice() {
    breaks("d2", |story, dice| {
        let at = one(story, dice, |it| it.op == Op::Effect);
        story.insert(at, story[at].clone());
    });
}

#[test]
fn d3_a_decision_that_comes_to_nothing() {
    breaks("d3", |story, dice| {
        let at = one(story, dice, stage("applied"));
        everywhere(story, at, |it| it.stage = "delivered".into());
    });
    breaks("d3", |story, dice| {
        let at = one(story, dice, |it| it.op == Op::Effect);
        story.remove(at);
    });
    breaks("d3", |story, dice| {
        let at = one(story, dice, stage("applied"));
        let (exec, gate) = (story[at].exec.clone(), story[at].gate.clone());
        everywhere(story, at, |it| {
            (it.stage, it.reason) = ("refused".into(), "gate_not_open".into());
        });
        story.retain(|it| it.op != Op::Effect || (&it.exec, &it.gate) != (&exec, &gate));
    });
}

/// It took effect, and its engine died before it could say so: one that keeps what it has to say says
/// it when it is back, of another nobody will know.
#[test]
fn d3_an_effect_that_its_engine_forgets() {
    let unknown = |story: &mut Story, dice: &mut Dice| {
        let at = one(story, dice, stage("applied"));
        everywhere(story, at, |it| it.stage = "outcome_unknown".into());
    };
    breaks("d3", unknown);
    Dice::each(12, |dice| {
        let mut story = story(dice);
        unknown(&mut story, dice);
        for it in &mut story {
            for name in [&mut it.exec, &mut it.producer, &mut it.proc] {
                *name = name.replace("-outbox-", "-client-");
            }
            it.decision = it.decision.replace("-outbox-", "-client-");
            it.comment = it.comment.replace("-outbox-", "-client-");
        }
        assert_eq!(broken(&story), BTreeSet::new());
    });
}

#[test]
fn d4_two_answers_to_one_question() {
    let receipt = |stage: &'static str| {
        move |it: &Entry| it.op == Op::Decide && it.phase == Phase::Ok && it.stage == stage
    };
    breaks("d4", |story, dice| {
        let at = one(story, dice, receipt("recorded"));
        story.insert(at + 1, Entry { stage: "already_decided".into(), ..story[at].clone() });
    });
    breaks("d4", |story, dice| {
        let at = one(story, dice, receipt("applied"));
        story.insert(at + 1, Entry { stage: "refused".into(), ..story[at].clone() });
    });
    breaks("d4", |story, dice| {
        let at = one(story, dice, receipt("already_decided"));
        story[at].by = "somebody else".into();
    });
}

#[test]
fn d6_what_nobody_asked_for() {
    breaks("d6", |story, dice| {
        let at = one(story, dice, |it| it.op == Op::Effect);
        story[at].option = "maybe".into();
    });
    breaks("d6", |story, dice| {
        let at = one(story, dice, |it| it.op == Op::Deliver);
        story[at].by = "somebody else".into();
    });
    breaks("d6", |story, dice| {
        let at = one(story, dice, sees("gate_resolved"));
        everywhere(story, at, |it| it.comment = "other words".into());
    });
    breaks("d6", |story, dice| {
        let at = one(story, dice, |it| it.op == Op::Decide && it.phase == Phase::Invoke);
        let decision = story[at].decision.clone();
        let winner = decision.starts_with("dashboard-0");
        story.retain(|it| it.phase != Phase::Invoke || it.decision != decision);
        if !winner {
            let at = one(story, dice, |it| it.op == Op::Effect);
            story[at].decision = decision;
        }
    });
}

#[test]
fn d7_a_decision_for_somebody_else() {
    breaks("d7", |story, dice| {
        let at = one(story, dice, |it| it.op == Op::Deliver);
        story[at].proc = "py-outbox-9#1".into();
    });
}

#[test]
fn d8_a_stage_that_goes_back() {
    breaks("d8", |story, dice| {
        let at = one(story, dice, stage("sent"));
        everywhere(story, at, |it| it.stage = "applied".into());
    });
    breaks("d8", |story, dice| {
        let at = one(story, dice, stage("delivered"));
        everywhere(story, at, |it| it.stage = "refused".into());
    });
}
