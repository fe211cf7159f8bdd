//! What people do at gates: who wins, who is told what, and what is asked again.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::Arc;

use super::{Turn, gates::stage_of};
use crate::core::{Receipt, Reference, Stage};
use crate::model::{
    CommentRule, Decision, DecisionAsk, DecisionId, DecisionKind, DecisionSource, Fact, Gate,
    GateId, GateOpened, Policy, Principal, Resolution, Text, Timestamp, ViewerId, Vote,
};

/// Votes that are remembered beyond those of gates that are.
const VOTES: usize = 4_096;

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
        let receipt = |stage, reason: Option<&str>| Receipt {
            execution: Some(self.log.execution.clone()),
            gate: Some(id.clone()),
            node: gate.as_ref().and_then(|gate| gate.asked.node_id.clone()),
            reason: reason.map(Into::into),
            ..Receipt::new(Reference::Decision(decision_id.clone()), stage)
        };
        let answer = |stage, reason| Judgement::Answer(receipt(stage, reason));
        if let Some((of, at, known)) = self.log.votes.get(&decision_id) {
            if *of != id || *at != version || !says_the_same(known, by, ask) {
                return answer(Stage::IdReused, Some("this id names another decision"));
            }
            let known = known.clone();
            return Judgement::Answer(self.known(viewer, &id, version, &known));
        }
        let Some(gate) = &gate else { return answer(Stage::GateUnknown, None) };
        match &gate.resolution {
            Resolution::Open => match self.objection(gate, version, by, ask) {
                Some((stage, reason)) => answer(stage, Some(reason)),
                None => Judgement::Take(id, vote(decision_id, by, ask, gate, self.now.time)),
            },
            Resolution::Decided(first) | Resolution::Expired(first) => {
                let option = Some(first.option.clone()).filter(|it| !it.is_empty());
                let kind = Some(first.kind);
                let (by, at) = (first.by.clone(), Some(first.time));
                let stage = Stage::AlreadyDecided { kind, option };
                Judgement::Answer(Receipt { by, at, ..receipt(stage, None) })
            }
            Resolution::Elsewhere { kind, option, .. } => {
                answer(Stage::AlreadyDecided { kind: *kind, option: option.clone() }, None)
            }
            Resolution::Withdrawn { .. }
            | Resolution::Cancelled
            | Resolution::Superseded
            | Resolution::Unreachable
            | Resolution::NoApprover => answer(Stage::GateClosed, None),
        }
    }

    /// What speaks against taking this vote on an open gate.
    fn objection(
        &self,
        gate: &Gate,
        version: u32,
        by: &Principal,
        ask: &DecisionAsk,
    ) -> Option<(Stage, &'static str)> {
        let asked = &gate.asked;
        let shown = ask.payload_sha256.zip(asked.payload_sha256);
        if version != asked.gate_version || shown.is_some_and(|(seen, now)| seen != now) {
            let stage = Stage::GateChanged { current: asked.gate_version };
            return Some((stage, "the question has changed since it was shown"));
        }
        if !allows(&asked.policy, by) {
            return Some((Stage::Forbidden, "this gate is not for you to decide"));
        }
        let refused = |reason| Some((Stage::Refused, reason));
        if let Some(reason) = objection(asked, ask) {
            return refused(reason);
        }
        if self.limits.votes <= gate.votes.len() {
            return refused("this gate has as many votes as it may have");
        }
        if gate.votes.iter().any(|vote| vote.by.subject == by.subject) {
            return refused("you have voted on this gate already");
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
        Receipt {
            execution: Some(self.log.execution.clone()),
            gate: Some(id.clone()),
            node: current.and_then(|gate| gate.asked.node_id.clone()),
            reason,
            by: Some(vote.by.clone()),
            at: Some(vote.time),
            ..Receipt::new(about, stage)
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
        let alike = |it: &&Arc<Vote>| it.kind == vote.kind && it.option == vote.option;
        let votes = gate.votes.iter().filter(alike).count();
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
        Receipt {
            execution: Some(self.log.execution.clone()),
            gate: Some(gate.asked.gate_id.clone()),
            node: gate.asked.node_id.clone(),
            reason,
            by: Some(vote.by.clone()),
            at: Some(self.now.time),
            ..Receipt::new(Reference::Decision(vote.decision_id.clone()), stage)
        }
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
    Vote { decision_id, by: by.clone(), kind, option, comment, modification, payload_sha256, time }
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

/// What speaks against an answer that the gate itself allows.
fn objection(asked: &GateOpened, ask: &DecisionAsk) -> Option<&'static str> {
    let Some(option) = asked.option(&ask.option) else {
        return Some("the gate offers no such option");
    };
    let comment = ask.comment.as_ref().is_some_and(|comment| !comment.trim().is_empty());
    match option.comment_rule {
        CommentRule::Required if !comment => return Some("this option needs a comment"),
        CommentRule::Forbidden if comment => return Some("this option takes no comment"),
        CommentRule::Optional | CommentRule::Required | CommentRule::Forbidden => {}
    }
    if ask.modification.is_some() && option.kind != DecisionKind::Modify {
        return Some("only an option of kind modify takes a modification");
    }
    None
}
