//! What has come to stand in the logs, and what anybody was told: numbered one by one, said by who sent it
//! and not twice, settled once, delivered to its owner.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use footplate::core::{
    Answer, Effect, Execution, LaneResult, Limits, Receipt, Reference, Relay, Stage,
};
use footplate::model::{
    Contradiction, Decision, DecisionId, DecisionKind, Delivery, Epoch, Fact, Issue, Kind, Record,
    Resolution,
};

use super::model::{Model, Taken};

/// An event that may come to stand in a log.
type Said = (String, String, Option<u64>, u64, bool);

#[derive(Debug, Default)]
pub(super) struct Seen {
    logs: BTreeMap<String, Log>,
    /// What is to be said by the next input, and by nothing else.
    owed: VecDeque<Said>,
}

#[derive(Debug, Default)]
struct Log {
    records: Vec<Record>,
    epoch: Option<Epoch>,
    over: bool,
    /// Each gate's version, as it was opened last.
    versions: BTreeMap<String, u32>,
    /// Who has announced which gate.
    askers: BTreeSet<(String, String)>,
    settled: BTreeSet<(String, u32)>,
    decided: BTreeMap<(String, u32), DecisionId>,
    applied: BTreeMap<(String, u32), DecisionId>,
    votes: BTreeSet<DecisionId>,
}

impl Seen {
    pub(super) fn may_say(
        &mut self,
        execution: &str,
        producer: &str,
        events: &[(Option<u64>, u64)],
        restored: bool,
    ) {
        let said = |(number, hash): &(Option<u64>, u64)| {
            (execution.to_owned(), producer.to_owned(), *number, *hash, restored)
        };
        self.owed.extend(events.iter().map(said));
    }

    pub(super) fn has_said_all(&self) {
        assert!(self.owed.is_empty(), "acknowledged, and not in the log: {:?}", self.owed);
    }

    pub(super) fn conflicts(&self, result: &LaneResult, taken: &Taken) {
        let conflicts = result.issues.iter().filter(|(.., issue)| *issue == Issue::Conflict);
        let conflicts: Vec<u64> = conflicts.map(|(pseq, ..)| pseq.0).collect();
        if taken.remembers {
            return assert_eq!(conflicts, taken.conflicts, "said before with other bytes");
        }
        let invented = conflicts.iter().find(|it| !taken.conflicts.contains(it));
        assert_eq!(invented, None, "it was said with these bytes, or not at all");
    }

    pub(super) fn effect(&mut self, effect: &Effect, relay: &Relay, model: &mut Model) {
        let living = |link: &footplate::model::LinkId| {
            assert!(model.links.contains_key(&link.0), "to a stream that has ended: {effect:?}");
        };
        match effect {
            Effect::Append(record) => self.append(record),
            Effect::Forget(execution) => {
                let log = self.logs.remove(execution.as_str());
                assert!(log.is_some_and(|it| it.over), "{execution} is forgotten, and goes on");
                let log = model.logs.get_mut(execution.as_str());
                log.expect("it was known").gone = true;
            }
            Effect::Fallen { .. } | Effect::TakenBack => panic!("it falls: {effect:?}"),
            Effect::Answer { answer: Answer::Receipt(receipt), .. } => self.receipt(receipt),
            Effect::Answer { .. } => panic!("nobody has asked that: {effect:?}"),
            Effect::Welcome { link, .. }
            | Effect::Granted { link, .. }
            | Effect::Result { link, .. }
            | Effect::NeedState { link, .. }
            | Effect::Order { link, .. } => living(link),
            Effect::Deliver { link, execution, decision, .. } => {
                living(link);
                let log = &self.logs[execution.as_str()];
                let which = (decision.gate.to_string(), decision.version);
                let known = log.decided.get(&which);
                assert_eq!(known, Some(&decision.id), "it was not decided so: {decision:?}");
                let (_, state) = relay.snapshot(execution).expect("it is delivered in there");
                let producer = state.gates[&decision.gate].producer.as_str();
                let announced = (producer.to_owned(), decision.gate.to_string());
                assert!(log.askers.contains(&announced), "{producer} has not asked that");
                assert_eq!(model.listening(producer), Some(link.0), "to a stranger");
                let owner = model.logs[execution.as_str()].owner;
                assert_eq!(model.links[&link.0].identity, owner, "to a stranger");
            }
            // Told of what is not there, an engine on its way out hears that it is not.
            Effect::Verdict { .. } | Effect::End { .. } => {}
        }
    }

    fn append(&mut self, record: &Record) {
        let execution = record.execution.as_str();
        if let Fact::Said { producer, pseq, .. } | Fact::Rejected { producer, pseq, .. } =
            &record.fact
        {
            let (hash, restored) = (record.origin.hash, record.origin.restored);
            let number = pseq.map(|it| it.0);
            let said = (execution.to_owned(), producer.to_string(), number, hash, restored);
            assert_eq!(self.owed.pop_front(), Some(said), "nobody said that, or not now");
        }
        let log = self.logs.entry(execution.to_owned()).or_default();
        let epoch = *log.epoch.get_or_insert(record.position.epoch);
        let place = (record.position.epoch, record.position.seq.0);
        assert_eq!(place, (epoch, log.records.len() as u64 + 1), "numbered one by one");
        log.took(record);
        log.records.push(record.clone());
    }

    fn receipt(&self, receipt: &Receipt) {
        let Reference::Decision(id) = &receipt.about else { return };
        let recorded = matches!(
            receipt.stage,
            Stage::Recorded | Stage::Voted { .. } | Stage::Delivered | Stage::Applied
        );
        let log = receipt.execution.as_ref().and_then(|it| self.logs.get(it.as_str()));
        let known = log.is_some_and(|log| log.votes.contains(id));
        assert!(known || !recorded, "{id} is said to be in the log: {receipt:?}");
        let won = log.is_some_and(|log| log.decided.values().any(|it| it == id));
        let lost = matches!(
            receipt.stage,
            Stage::AlreadyDecided { .. } | Stage::GateClosed | Stage::Voted { .. }
        );
        assert!(!(won && lost), "{id} was the decision: {receipt:?}");
    }

    /// The state is the fold of all that was ever appended, and its tail is retained.
    pub(super) fn is_whole(&self, execution: &str, relay: &Relay, limits: &Limits) {
        let id = execution.parse().expect("it is a name");
        let Some((at, state)) = relay.snapshot(&id) else { return };
        let Some(log) = self.logs.get(execution) else { return assert_eq!(at.seq.0, 0) };
        assert_eq!(at.seq.0, log.records.len() as u64, "{execution} has lost records");
        assert!(*state == Execution::fold(&log.records, limits), "{execution} is not its fold");
        let retained: Vec<&Record> = relay.retained(&id).map(|it| &**it).collect();
        let tail = &log.records[log.records.len() - retained.len()..];
        assert!(tail.iter().eq(retained), "what is retained of {execution} is not its tail");
    }
}

impl Log {
    fn took(&mut self, record: &Record) {
        match &record.fact {
            Fact::Said { producer, event, .. } => {
                let fine = record.contradiction.is_none();
                match &event.kind {
                    Kind::GateOpened(it) => {
                        self.askers.insert((producer.to_string(), it.gate_id.to_string()));
                        if fine {
                            self.versions.insert(it.gate_id.to_string(), it.gate_version);
                        }
                    }
                    Kind::GateClosed(it) if fine => {
                        let gate = record.after.gate.as_ref();
                        if gate.is_some_and(|it| it.delivery.is_none()) {
                            self.settles(it.gate_id.as_str());
                        }
                    }
                    Kind::ExecutionFinished(_) => self.over |= fine,
                    _ => {}
                }
                let repeats = record.contradiction == Some(Contradiction::AlreadyOver);
                assert!(!repeats || self.over, "it is over, and has not ended");
            }
            Fact::Voted { vote, .. } => {
                assert!(self.votes.insert(vote.decision_id.clone()), "voted twice: {vote:?}");
            }
            Fact::Resolved { gate, resolution } => {
                self.settles(gate.as_str());
                let decision = match resolution {
                    Resolution::Decided(it) | Resolution::Expired(it) => it,
                    _ => return,
                };
                self.has_quorum(record, decision);
                let which = (gate.to_string(), decision.version);
                let before = self.decided.insert(which, decision.id.clone());
                assert_eq!(before, None, "decided twice: {decision:?}");
            }
            _ => {}
        }
        let Some(gate) = &record.after.gate else { return };
        if let (Some(decision), Some(Delivery::Applied)) =
            (gate.resolution.decision(), gate.delivery)
        {
            let which = (decision.gate.to_string(), decision.version);
            let first = self.applied.entry(which).or_insert_with(|| decision.id.clone());
            assert_eq!(*first, decision.id, "two took effect");
        }
    }

    /// People decide together: each once, and as many as the question says.
    fn has_quorum(&self, record: &Record, decision: &Decision) {
        if decision.by.is_none() {
            return;
        }
        let agree = decision.votes.iter().filter(|it| it.kind == decision.kind);
        let who: BTreeSet<&str> = agree.map(|it| &*it.by.subject).collect();
        let gate = record.after.gate.as_ref().expect("it is about one");
        let needed = match decision.kind {
            DecisionKind::Approve => gate.asked.policy.required_approvals.max(1),
            _ => 1,
        };
        assert!(needed as usize <= who.len(), "too few want that: {decision:?}");
        let voted = decision.votes.iter().all(|it| self.votes.contains(&it.decision_id));
        assert!(voted, "a vote that nobody gave: {decision:?}");
    }

    fn settles(&mut self, gate: &str) {
        let version = self.versions.get(gate).copied();
        let version = version.unwrap_or_else(|| panic!("{gate} was never opened"));
        let first = self.settled.insert((gate.to_owned(), version));
        assert!(first, "{gate} in version {version} is settled twice");
    }
}
