//! Decisions: D1 to D8.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::rc::Rc;

use super::{Checker, Content, Entry, Op, Phase, start};

type Place = (String, String, u64);

/// What is known of gates and of what was decided at them.
#[derive(Debug, Default)]
pub(super) struct Desk {
    /// By decision: what was asked for, and when first.
    asked: HashMap<String, Asked>,
    /// By decision and start of the relay (none where there is a store): what its giver was told.
    told: BTreeMap<(String, String), Told>,
    /// By execution and gate: what took effect.
    effects: BTreeMap<(String, String), Vec<(String, String)>>,
    /// By execution, gate and version: what reached the engine, and when first.
    delivered: BTreeMap<(String, String, u32), BTreeMap<String, u64>>,
    /// By log, gate and version: how it was settled, and where in the log.
    settled: BTreeMap<(usize, String, u32), BTreeMap<u64, Settled>>,
    /// By log and decision: how far it came, by place.
    stages: BTreeMap<(usize, String), BTreeMap<u64, (String, String)>>,
    /// By log and command: the same.
    commands: BTreeMap<(usize, String), BTreeMap<u64, String>>,
    pub(super) glimpses: Vec<(Place, Content, Rc<str>)>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Asked {
    exec: String,
    gate: String,
    version: u32,
    option: String,
    comment: String,
    by: String,
    at: u64,
}

/// A decision's answers: they move on, and never to another family.
#[derive(Debug, Default)]
struct Told {
    recorded: Option<u8>,
    last: Option<String>,
    /// Not this one, and what instead.
    instead: Option<String>,
}

#[derive(Debug, Clone)]
struct Settled {
    how: String,
    decision: String,
    option: String,
    comment: String,
    by: String,
    source: String,
}

/// How far a stage is. The last words are equally far; that nobody knows may still be found out.
fn rank(stage: &str) -> Option<u8> {
    Some(match stage {
        "queued" => 0,
        "recorded" | "voted" => 1,
        "sent" | "waiting" => 2,
        "delivered" => 3,
        "in_progress" => 4,
        "outcome_unknown" => 8,
        "applied" | "refused" | "failed" => 9,
        _ => return None,
    })
}

impl Checker {
    /// Somebody decides, is answered; an engine is told, and acts.
    pub(super) fn decided(&mut self, entry: &Entry) {
        match (entry.op, entry.phase) {
            (Op::Decide, Phase::Invoke) => self.asked(entry),
            (Op::Decide, Phase::Ok) => self.told(entry),
            (Op::Deliver, _) => self.delivered(entry),
            (Op::Effect, _) => {
                let effects =
                    self.desk.effects.entry((entry.exec.clone(), entry.gate.clone())).or_default();
                effects.push((entry.decision.clone(), entry.option.clone()));
                self.figures.effects += 1;
                if effects.len() > 1 {
                    let what = format!("{}: {} took effect as {effects:?}", entry.exec, entry.gate);
                    self.figures.twice += 1;
                    self.problem("d2", what);
                }
                self.same_as_asked(entry, "took effect");
            }
            _ => {}
        }
    }

    fn asked(&mut self, entry: &Entry) {
        let asked = Asked {
            exec: entry.exec.clone(),
            gate: entry.gate.clone(),
            version: entry.version,
            option: entry.option.clone(),
            comment: entry.comment.clone(),
            by: "local".to_owned(),
            at: entry.t,
        };
        if let Some(known) = self.desk.asked.get(&entry.decision) {
            // The viewer's own mistake, which would make all that follows worthless.
            assert_eq!(Asked { at: known.at, ..asked }, *known, "a resend is the same message");
            return;
        }
        self.figures.asked += 1;
        self.desk.asked.insert(entry.decision.clone(), asked);
    }

    fn told(&mut self, entry: &Entry) {
        let stage = entry.stage.as_str();
        if ["gate_unknown", "forbidden"].contains(&stage) {
            return;
        }
        let boot = if self.durable { String::new() } else { entry.boot.clone() };
        let told = self.desk.told.entry((entry.decision.clone(), boot)).or_default();
        let mut wrong = None;
        if let Some(rank) = rank(stage) {
            if let Some(instead) = &told.instead {
                wrong = Some(format!("is {stage} after it was {instead}"));
            }
            // A resend may cross what it asks for: an older answer is late, not another one.
            told.recorded = told.recorded.max(Some(rank));
            if rank == 9 {
                let last = told.last.get_or_insert_with(|| stage.to_owned());
                if last != stage {
                    wrong = Some(format!("ends as {stage} after it had ended as {last}"));
                }
            }
            if self.durable && !["local", "replicated", ""].contains(&entry.level.as_str()) {
                wrong = Some(format!("is {stage} at {} though there is a store", entry.level));
            }
        } else {
            let instead = match stage {
                "already_decided" => format!("{stage} by {} as {}", entry.by, entry.option),
                other => other.to_owned(),
            };
            if told.recorded.is_some() {
                wrong = Some(format!("is {instead} after it was recorded"));
            }
            // An open question may change, and a changed one be closed; a decided one stays so.
            if let Some(known) = &told.instead
                && known.starts_with("already_decided")
                && *known != instead
            {
                wrong = Some(format!("is {instead} after it was {known}"));
            }
            told.instead = Some(instead);
        }
        if let Some(wrong) = wrong {
            let what = format!("{}: {} at {}: it {wrong}", entry.proc, entry.decision, entry.gate);
            self.problem("d4", what);
        }
    }

    fn delivered(&mut self, entry: &Entry) {
        let (producer, _) = start(&entry.proc);
        let owns = self.lanes.contains_key(&(entry.exec.clone(), producer.clone()));
        if !owns {
            let what = format!(
                "{producer} is told {} of {}, which is not its own",
                entry.decision, entry.exec
            );
            self.problem("d7", what);
        }
        let place = (entry.exec.clone(), entry.gate.clone(), entry.version);
        let all = self.desk.delivered.entry(place).or_default();
        let at = all.entry(entry.decision.clone()).or_insert(entry.t);
        *at = (*at).min(entry.t);
        if self.durable && all.len() > 1 {
            let all: Vec<_> = all.keys().cloned().collect();
            let what =
                format!("{}: {} v{} is decided by {all:?}", entry.exec, entry.gate, entry.version);
            self.problem("d1", what);
        }
        self.same_as_asked(entry, "was delivered");
    }

    /// What a decision is anywhere is what somebody asked for.
    fn same_as_asked(&mut self, entry: &Entry, how: &str) {
        if entry.decision.starts_with("timer-") {
            return;
        }
        let place = format!("{}: {} at {}", entry.exec, entry.decision, entry.gate);
        let Some(asked) = self.desk.asked.get(&entry.decision) else {
            // The viewers' histories are read first.
            return self.problem("d6", format!("{place} {how}, and nobody asked for it"));
        };
        let same = (&asked.exec, &asked.gate, &asked.option, &asked.comment, &asked.by)
            == (&entry.exec, &entry.gate, &entry.option, &entry.comment, &entry.by);
        if !same {
            let what =
                format!("{place} {how} as {} by {}, not as {asked:?}", entry.option, entry.by);
            self.problem("d6", what);
        }
    }

    /// A record that settles a gate, or moves a decision or a command.
    pub(super) fn settled(&mut self, log: usize, entry: &Entry) {
        if !entry.fault.is_empty() || entry.stage.is_empty() {
            // It was said, perhaps again, and moved nothing.
            return;
        }
        match entry.kind.as_str() {
            "gate_resolved" => {
                let settled = Settled {
                    how: entry.stage.clone(),
                    decision: entry.decision.clone(),
                    option: entry.option.clone(),
                    comment: entry.comment.clone(),
                    by: entry.by.clone(),
                    source: entry.reason.clone(),
                };
                let key = (log, entry.gate.clone(), entry.version);
                self.desk.settled.entry(key).or_default().insert(entry.seq, settled);
            }
            "gate_delivery" => {
                let stage = (entry.stage.clone(), entry.reason.clone());
                let key = (log, entry.decision.clone());
                self.desk.stages.entry(key).or_default().insert(entry.seq, stage);
            }
            "command_status" => {
                let key = (log, entry.command.clone());
                self.desk.commands.entry(key).or_default().insert(entry.seq, entry.stage.clone());
            }
            _ => {}
        }
    }

    pub(super) fn finish_decisions(&mut self) {
        let desk = std::mem::take(&mut self.desk);
        let mut found = Vec::new();
        let mut recorded = BTreeSet::new();
        for ((log, gate, version), all) in &desk.settled {
            let log_of = &self.logs[*log];
            let place = format!("{} {}: {gate} v{version}", log_of.exec, log_of.epoch);
            // `superseded` makes way for the next version, and settles nothing.
            if all.len() > 1 {
                let all: Vec<_> = all.values().map(|it| (&it.how, &it.decision)).collect();
                found.push(("d1", format!("{place} is settled as {all:?}")));
            }
            for (seq, settled) in all.iter().filter(|(_, it)| !it.decision.is_empty()) {
                recorded.insert(settled.decision.clone());
                let asked = desk.asked.get(&settled.decision);
                let same = asked.is_some_and(|it| {
                    (&it.exec, &it.gate, it.version) == (&log_of.exec, gate, *version)
                        && (&it.option, &it.comment, &it.by)
                            == (&settled.option, &settled.comment, &settled.by)
                });
                if !same && settled.source == "human" {
                    let what =
                        format!("{place} is decided as {settled:?}, and was asked as {asked:?}");
                    found.push(("d6", what));
                }
                let stages = desk.stages.get(&(*log, settled.decision.clone()));
                let last = stages.and_then(|it| it.values().next_back());
                let (stage, why) = last.map_or(("queued", ""), |(stage, why)| (stage, why));
                *self.figures.outcomes.entry(stage.to_owned()).or_default() += 1;
                // A log that the relay lost in the midst of things is nobody's to finish.
                let last = rank(stage).is_some_and(|it| it >= 8);
                // What was told to nobody, and is too old to be asked for, may have moved it.
                let behind = log_of.rows.iter().skip(usize::try_from(*seq).unwrap_or(0));
                if stages.is_none_or(|it| !it.values().any(|(it, _)| it == "applied"))
                    && behind.into_iter().any(Option::is_none)
                {
                    continue;
                }
                if !last && (self.durable || log_of.head.is_some()) {
                    found.push(("d3", format!("{place}: {} ends as {stage}", settled.decision)));
                }
                let effects = desk.effects.get(&(log_of.exec.clone(), gate.clone()));
                let took =
                    effects.is_some_and(|it| it.iter().any(|(id, _)| *id == settled.decision));
                if stage == "applied" && !took {
                    found.push((
                        "d3",
                        format!("{place}: {} is applied, without effect", settled.decision),
                    ));
                }
                // It took effect, and the word of it died with the only one who had it.
                let forgotten = stage == "outcome_unknown" && keeps_nothing(&place);
                let excused = forgotten
                    || ["refused", "failed", "outcome_unknown"].contains(&stage)
                        && (!self.durable
                            || why.contains("over")
                            || why.contains("changed")
                            || why.contains("withdrawn")
                            || log_of.over.as_deref() == Some("cancelled"));
                if self.durable && stage != "applied" && !excused && !took && rank(stage) == Some(9)
                {
                    self.unapplied(&mut found, &place, &settled.decision, stage, why);
                } else if self.durable && took && stage != "applied" && !excused {
                    let what = format!(
                        "{place}: {} took effect and ends as {stage}: {why}",
                        settled.decision
                    );
                    found.push(("d3", what));
                }
            }
        }
        // A deadline's are nobody's.
        let by_people = recorded.iter().filter(|id| desk.asked.contains_key(*id));
        self.figures.recorded = by_people.count() as u64;
        for ((log, decision), stages) in &desk.stages {
            let stages: Vec<_> = stages.values().map(|(stage, _)| stage.as_str()).collect();
            let exec = &self.logs[*log].exec;
            forward(&mut found, &format!("{exec}: {decision}"), &stages);
        }
        for ((log, command), stages) in &desk.commands {
            let stages: Vec<_> = stages.values().map(String::as_str).collect();
            forward(&mut found, &format!("{}: {command}", self.logs[*log].exec), &stages);
        }
        for ((decision, _), told) in desk.told.iter().filter(|(_, told)| told.recorded.is_some()) {
            // What its giver was told to be recorded has to be there, unless all was lost meanwhile.
            if self.durable && !recorded.contains(decision) && told.last.is_none() {
                found.push(("e2", format!("{decision} was recorded, and is in no log")));
            }
        }
        for all in desk.delivered.values() {
            for (decision, at) in all {
                if let Some(asked) = desk.asked.get(decision) {
                    self.figures.click.push(at.saturating_sub(asked.at));
                }
            }
        }
        self.figures.click.sort_unstable();
        self.desk.glimpses = desk.glimpses;
        found.sort();
        for (law, what) in found {
            self.problem(law, what);
        }
    }

    /// With a store every decision takes effect, if its engine keeps what it has to.
    fn unapplied(
        &self,
        found: &mut Vec<(&'static str, String)>,
        place: &str,
        decision: &str,
        stage: &str,
        why: &str,
    ) {
        if !keeps_nothing(place) {
            found.push(("d3", format!("{place}: {decision} ends as {stage}: {why}")));
        }
    }
}

/// Engines that keep nothing of what they have yet to say tell so by their names.
fn keeps_nothing(place: &str) -> bool {
    place.contains("-client-")
}

/// Stages only go forward, and the last word is the last; an engine may say it again.
fn forward(found: &mut Vec<(&'static str, String)>, what: &str, stages: &[&str]) {
    let known: Vec<_> =
        stages.iter().filter_map(|stage| rank(stage).map(|it| (it, stage))).collect();
    let back =
        known.windows(2).any(|two| two[1].0 < two[0].0 || (two[0].0 == 9 && two[1] != two[0]));
    if back {
        found.push(("d8", format!("{what} goes {stages:?}")));
    }
}
