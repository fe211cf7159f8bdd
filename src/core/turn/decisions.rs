//! What people do at gates: who wins, who is told what, and what is asked again.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::Arc;

use super::{Turn, gates::stage_of};
use crate::core::{Limits, Receipt, Reference, Stage};
use crate::json::{canonical, schema};
use crate::model::{
    CommentRule, Decision, DecisionAsk, DecisionId, DecisionKind, DecisionSource, Fact, Gate,
    GateId, GateOpened, Policy, Principal, Resolution, Text, Timestamp, ViewerId, Vote,
};

/// Votes that are remembered beyond those of gates that are.
const VOTES: usize = 4_096;

/// Why an answer is not for the question that is asked now.
pub(super) const CHANGED: &str = "the question has changed since it was shown";

/// What a request amounts to.
enum Judgement {
    Take(GateId, Vote),
    Answer(Receipt),
}

/// What people do.
impl Turn<'_> {
    /// The first decision that has its quorum wins, and this is where "first" is settled.
    pub(in crate::core) fn decide(
        &mut self,
        viewer: ViewerId,
        principal: &Principal,
        ask: &DecisionAsk,
    ) {
        match self.judge(viewer, principal, ask) {
            Judgement::Take(gate, vote) => self.vote(viewer, &gate, vote),
            Judgement::Answer(receipt) => self.answer(viewer, receipt),
        }
    }

    fn judge(&mut self, viewer: ViewerId, by: &Principal, ask: &DecisionAsk) -> Judgement {
        let state = &self.log.state;
        let Some((id, version)) = state.target(&ask.target) else {
            let execution = Some(self.log.execution.clone());
            return Judgement::Answer(Receipt { execution, ..Receipt::unknown_gate(ask) });
        };
        let decision_id = ask.id.clone().unwrap_or_else(|| derived(by, &id, version, ask));
        let gate = state.gates.get(&id).cloned();
        let receipt = |stage, reason: Option<Text>| Receipt {
            execution: Some(self.log.execution.clone()),
            gate: Some(id.clone()),
            node: gate.as_ref().and_then(|gate| gate.asked.node_id.clone()),
            reason,
            ..Receipt::new(Reference::Decision(decision_id.clone()), stage)
        };
        let answer = |stage, reason| Judgement::Answer(receipt(stage, reason));
        if let Some((of, at, known)) = self.log.votes.get(&decision_id) {
            if *of != id || *at != version || !says_the_same(known, by, ask) {
                return answer(Stage::IdReused, Some("this id names another decision".into()));
            }
            let known = known.clone();
            return Judgement::Answer(self.known(viewer, &id, version, &known));
        }
        let Some(gate) = &gate else { return answer(Stage::GateUnknown, None) };
        if !gate.is_open() {
            let (stage, reason) = too_late(&gate.resolution);
            return Judgement::Answer(who_won(receipt(stage, reason), gate));
        }
        match self.objection(gate, version, by, ask) {
            Some((stage, reason)) => answer(stage, Some(reason)),
            None => Judgement::Take(id, vote(decision_id, by, ask, gate, self.now.time)),
        }
    }

    /// What speaks against taking this vote on an open gate.
    fn objection(
        &self,
        gate: &Gate,
        version: u32,
        by: &Principal,
        ask: &DecisionAsk,
    ) -> Option<(Stage, Text)> {
        let asked = &gate.asked;
        let shown = ask.payload_sha256.zip(asked.payload_sha256);
        if version != asked.gate_version || shown.is_some_and(|(seen, now)| seen != now) {
            let stage = Stage::GateChanged { current: asked.gate_version };
            return Some((stage, CHANGED.into()));
        }
        if !allows(&asked.policy, by) {
            return Some((Stage::Forbidden, "this gate is not for you to decide".into()));
        }
        let refused = |reason: &str| Some((Stage::Refused, reason.into()));
        if let Some(reason) = objection(asked, ask, self.limits) {
            return Some((Stage::Refused, reason));
        }
        if self.limits.votes <= gate.votes.len() {
            return refused("this gate has as many votes as it may have");
        }
        if gate.votes.iter().any(|vote| vote.by.subject == by.subject) {
            return refused("you have voted on this gate already");
        }
        if !self.limits.decide_while_away && self.reach(gate).is_none() {
            let reason = "the gate's engine is away: decide again when it is back";
            return Some((Stage::EngineAway, reason.into()));
        }
        None
    }

    /// The same again: the same answer, as far as things have come. Whoever asks again is who is
    /// told from now on, because that is a newer connection.
    fn known(&mut self, viewer: ViewerId, id: &GateId, version: u32, vote: &Vote) -> Receipt {
        let about = Reference::Decision(vote.decision_id.clone());
        let gate = self.log.state.gates.get(id).cloned();
        let current = gate.filter(|gate| gate.asked.gate_version == version);
        // What becomes of a later version of the question is no news of this decision.
        if current.is_some()
            && let Some(wait) = self.log.gate_waits.get_mut(id)
        {
            wait.askers.insert(vote.decision_id.clone(), viewer);
        }
        let (stage, reason) = match &current {
            Some(gate) => stage_of(gate, vote),
            // Its version of the question is gone, and whatever was decided on it with that.
            None => (Stage::Refused, Some("gate_changed".into())),
        };
        let receipt = Receipt {
            execution: Some(self.log.execution.clone()),
            gate: Some(id.clone()),
            node: current.as_ref().and_then(|gate| gate.asked.node_id.clone()),
            reason,
            by: Some(vote.by.clone()),
            at: Some(vote.time),
            ..Receipt::new(about, stage)
        };
        match &current {
            Some(gate) => who_won(receipt, gate),
            None => receipt,
        }
    }

    fn vote(&mut self, viewer: ViewerId, id: &GateId, vote: Vote) {
        let Some(gate) = self.log.state.gates.get(id).cloned() else { return };
        let vote = Arc::new(vote);
        let entry = (id.clone(), gate.asked.gate_version, vote.clone());
        self.log.votes.insert(vote.decision_id.clone(), entry);
        self.forget_votes();
        self.note(Fact::Voted { gate: id.clone(), vote: vote.clone() });
        let wait = self.log.gate_waits.entry(id.clone()).or_default();
        wait.askers.insert(vote.decision_id.clone(), viewer);

        let Some(gate) = self.log.state.gates.get(id).cloned() else { return };
        let votes = gate.votes.iter().filter(|it| it.agrees(&vote)).count();
        let needed = gate.asked.policy.quorum(vote.kind);
        if votes < needed {
            let receipt = self.about(&gate, &vote, Stage::Voted { votes, needed }, None);
            return self.answer(viewer, receipt);
        }
        let decision = Decision {
            id: vote.decision_id.clone(),
            gate: id.clone(),
            version: gate.asked.gate_version,
            node: gate.asked.node_id.clone(),
            kind: vote.kind,
            option: vote.option.clone(),
            comment: vote.comment.clone(),
            modification: vote.modification.clone(),
            modification_sha256: vote.modification_sha256,
            payload_sha256: vote.payload_sha256.or(gate.asked.payload_sha256),
            by: Some(vote.by.clone()),
            votes: gate.votes.iter().map(|vote| (**vote).clone()).collect(),
            source: DecisionSource::Human,
            time: self.now.time,
        };
        let receipt = self.about(&gate, &vote, Stage::Recorded, None);
        self.settle(id, Resolution::Decided(Arc::new(decision)));
        self.answer(viewer, receipt);
    }

    fn forget_votes(&mut self) {
        if VOTES < self.log.votes.len() {
            let gates = &self.log.state.gates;
            self.log.votes.retain(|_, (gate, ..)| gates.contains_key(gate));
        }
    }

    pub(super) fn about(
        &self,
        gate: &Gate,
        vote: &Vote,
        stage: Stage,
        reason: Option<Text>,
    ) -> Receipt {
        let receipt = Receipt {
            execution: Some(self.log.execution.clone()),
            gate: Some(gate.asked.gate_id.clone()),
            node: gate.asked.node_id.clone(),
            reason,
            by: Some(vote.by.clone()),
            at: Some(self.now.time),
            ..Receipt::new(Reference::Decision(vote.decision_id.clone()), stage)
        };
        who_won(receipt, gate)
    }
}

/// Where a dialect has no decision ids, a decision is named by what it says: the same again is a
/// repeat, and something else is not.
fn derived(by: &Principal, gate: &GateId, version: u32, ask: &DecisionAsk) -> DecisionId {
    let mut hasher = DefaultHasher::new();
    (&by.subject, &by.issuer, gate, version, &ask.option, &ask.comment).hash(&mut hasher);
    ask.modification.as_ref().map(|it| &it.text).hash(&mut hasher);
    let name = format!("derived-{:016x}", hasher.finish());
    name.parse().expect("letters, digits and a dash")
}

fn vote(
    decision_id: DecisionId,
    by: &Principal,
    ask: &DecisionAsk,
    gate: &Gate,
    time: Timestamp,
) -> Vote {
    let kind = gate.asked.option(&ask.option).map_or(DecisionKind::Custom, |it| it.kind);
    let DecisionAsk { option, comment, modification, payload_sha256, .. } = ask.clone();
    let modification_sha256 = modification.as_ref().map(|it| canonical::digest(&it.text));
    let by = by.clone();
    Vote {
        decision_id,
        by,
        kind,
        option,
        comment,
        modification,
        modification_sha256,
        payload_sha256,
        time,
    }
}

/// The receipt of an answer that came too late says how the gate was settled, by whom and when.
fn who_won(receipt: Receipt, gate: &Gate) -> Receipt {
    if !matches!(receipt.stage, Stage::GateClosed | Stage::AlreadyDecided { .. }) {
        return receipt;
    }
    let first = gate.resolution.decision();
    let (by, at) = (first.and_then(|it| it.by.clone()), first.map(|it| it.time));
    Receipt { resolution: Some(Box::new(gate.resolution.clone())), by, at, ..receipt }
}

/// What an answer meets that comes after a gate was settled, in words that say what it was.
pub(super) fn too_late(settled: &Resolution) -> (Stage, Option<Text>) {
    let closed = |reason: &str| (Stage::GateClosed, Some(reason.into()));
    match settled {
        Resolution::Decided(first) | Resolution::Expired(first) => {
            let option = Some(first.option.clone()).filter(|it| !it.is_empty());
            let stage = Stage::AlreadyDecided { kind: Some(first.kind), option };
            let expired = matches!(settled, Resolution::Expired(_));
            (stage, expired.then(|| "it has expired: nobody decided before the deadline".into()))
        }
        Resolution::Elsewhere { kind, option, by, message } => {
            let stage = Stage::AlreadyDecided { kind: *kind, option: option.clone() };
            let said = [by, message].map(|it| it.as_deref());
            let reason = match said {
                [None, None] => "it was decided elsewhere".to_owned(),
                [Some(it), None] => format!("it was decided elsewhere, by {it}"),
                [None, Some(why)] => format!("it was decided elsewhere: {why}"),
                [Some(it), Some(why)] => format!("it was decided elsewhere, by {it}: {why}"),
            };
            (stage, Some(reason.into()))
        }
        Resolution::Withdrawn { reason: Some(why) } => closed(&format!("it was withdrawn: {why}")),
        Resolution::Withdrawn { reason: None } => closed("it was withdrawn"),
        Resolution::Cancelled => closed("it was cancelled before anybody decided"),
        Resolution::Unreachable => {
            closed("it was unreachable: its engine could not reach anybody who decides")
        }
        Resolution::NoApprover => closed("it has no approver: nobody may decide it"),
        Resolution::Superseded => closed("it was superseded by another version of the question"),
        Resolution::Open => (Stage::GateUnknown, None),
    }
}

fn says_the_same(vote: &Vote, by: &Principal, ask: &DecisionAsk) -> bool {
    vote.by.subject == by.subject
        && vote.by.issuer == by.issuer
        && vote.option == ask.option
        && vote.comment == ask.comment
        && vote.modification == ask.modification
        && vote.payload_sha256 == ask.payload_sha256
}

/// Whether a gate is for somebody to decide. Without authentication nobody can be told from
/// anybody: the door is then open to this machine alone, and only an exclusion by name counts.
fn allows(policy: &Policy, by: &Principal) -> bool {
    if policy.excluded_users.contains(&by.subject) {
        return false;
    }
    let anybody = policy.users.is_empty() && policy.groups.is_empty() && policy.roles.is_empty();
    anybody
        || &*by.method == "none" && &*by.subject == "local"
        || policy.users.contains(&by.subject)
        || policy.groups.iter().any(|group| by.groups.contains(group))
        || policy.roles.iter().any(|role| by.roles.iter().any(|it| it.name() == &**role))
}

/// What speaks against an answer that somebody may give.
fn objection(asked: &GateOpened, ask: &DecisionAsk, limits: &Limits) -> Option<Text> {
    let refused = |reason: &str| Some(reason.into());
    let Some(option) = asked.option(&ask.option) else {
        return refused("the gate offers no such option");
    };
    let comment = ask.comment.as_ref().is_some_and(|comment| !comment.trim().is_empty());
    match option.comment_rule {
        CommentRule::Required if !comment => return refused("this option needs a comment"),
        CommentRule::Forbidden if comment => return refused("this option takes no comment"),
        CommentRule::Optional | CommentRule::Required | CommentRule::Forbidden => {}
    }
    if ask.comment.as_ref().is_some_and(|comment| limits.comment < comment.len()) {
        return Some(format!("a comment has at most {} bytes", limits.comment).into());
    }
    let Some(changed) = &ask.modification else {
        // Where there is nothing to replace, the comment says what shall be done.
        let replaces = asked.payload.is_some() || asked.payload_schema.is_some();
        return (option.kind == DecisionKind::Modify && replaces)
            .then(|| "this option needs a modification: the whole payload as it shall be".into());
    };
    if option.kind != DecisionKind::Modify {
        return refused("only an option of kind modify takes a modification");
    }
    let schema = asked.payload_schema.as_ref()?;
    if schema.truncated {
        return refused("the gate's payload_schema is not all here, so no modification is checked");
    }
    schema::check(&schema.text, &changed.text).err().map(|misfit| misfit.to_string().into())
}
