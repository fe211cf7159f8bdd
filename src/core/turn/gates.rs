//! What becomes of gates: one fence for votes, timer, withdrawal, cancellation and supersession,
//! and the way of a decision to its engine.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::Arc;

use super::{
    Turn,
    decisions::{CHANGED, too_late},
};
use crate::core::{
    Claim, ClaimedGate, Effect, KnownOutcome, Reference, Stage, Verdict,
    execution::delivery_of,
    waits::{Due, GateWait, backoff},
};
use crate::model::{
    CommandStage, Decision, DecisionKind, DecisionSource, Delivery, Fact, Gate, GateId, GateOpened,
    Issue, Kind, LinkId, ProducerId, Resolution, Text, TimeoutAction, Vote,
};

/// What the clock and the engine do.
impl Turn<'_> {
    /// A gate was announced: it waits for its deadline, or its announcer is told at once.
    pub(super) fn opened(&mut self, id: &GateId) {
        let Some(gate) = self.log.state.gates.get(id).cloned() else { return };
        self.adopt(id);
        if gate.is_open() {
            let due = gate.asked.time_left.map(|left| self.now.instant + left);
            self.arm_gate(id, due);
        } else if gate.resolution.decision().is_some() {
            // Asked again although it was decided: no second prompt, the same decision. Who has just
            // been told, on coming back, is told again only if it does not answer.
            let here = self.producers.listening(&gate.producer);
            let greeted = self.log.gate_waits.get_mut(id).and_then(|wait| wait.greeted.take());
            if greeted.is_none() || greeted != here {
                self.deliver(id);
            }
        }
    }

    /// A gate has waited long enough: for people, or for its engine.
    pub(in crate::core) fn gate_due(&mut self, id: &GateId) {
        let wait = self.log.gate_waits.get_mut(id);
        let late = wait.is_some_and(|wait| {
            wait.due = None;
            wait.late
        });
        let Some(gate) = self.log.state.gates.get(id).cloned() else { return };
        if !gate.is_open() {
            return self.deliver(id);
        }
        if gate.asked.time_left.is_none() {
            return;
        }
        let (kind, option) = on_timeout(&gate.asked, self.limits.timeout_may_approve);
        let mut hasher = DefaultHasher::new();
        id.hash(&mut hasher);
        let name = format!("timer-{:016x}-{}", hasher.finish(), gate.asked.gate_version);
        let decision = Decision {
            id: name.parse().expect("letters, digits and dashes"),
            gate: id.clone(),
            version: gate.asked.gate_version,
            node: gate.asked.node_id.clone(),
            kind,
            option,
            comment: None,
            modification: None,
            modification_sha256: None,
            payload_sha256: gate.asked.payload_sha256,
            by: None,
            votes: gate.votes.iter().map(|vote| (**vote).clone()).collect(),
            source: if late { DecisionSource::TimerAfterRestart } else { DecisionSource::Timer },
            time: self.now.time,
        };
        self.settle(id, Resolution::Expired(Arc::new(decision)));
    }

    /// An engine asks whether it is in time to take its question back.
    pub(in crate::core) fn withdrawn(
        &mut self,
        link: LinkId,
        id: &GateId,
        version: u32,
        reason: Option<Text>,
    ) -> Verdict {
        let speaker = self.producers.link(link).map(|link| link.producer.clone());
        let Some(gate) = self.log.state.gates.get(id).cloned() else { return Verdict::Unknown };
        let current = version == 0 || version == gate.asked.gate_version;
        if !current || speaker.as_ref() != Some(&gate.producer) {
            return Verdict::Unknown;
        }
        if gate.is_open() {
            self.settle(id, Resolution::Withdrawn { reason });
            return Verdict::Withdrawn;
        }
        match gate.resolution.decision() {
            Some(decision) => Verdict::TooLate(decision.clone()),
            None => Verdict::AlreadyClosed,
        }
    }

    /// An engine has something in its hands.
    pub(in crate::core) fn receipted(&mut self, link: LinkId, about: &Reference) {
        let Some(speaker) = self.producers.link(link).map(|it| it.producer.clone()) else { return };
        match about {
            Reference::Decision(id) => {
                let Some(gate) = self.log.state.decided(id).cloned() else { return };
                let news = gate.delivery.is_some_and(|it| it < Delivery::Delivered);
                if gate.producer == speaker && news {
                    let gate_id = gate.asked.gate_id.clone();
                    self.move_delivery(&gate_id, Delivery::Delivered, None);
                }
            }
            Reference::Command(id) => self.command_receipted(&speaker, id),
        }
    }

    /// The one fence: only an open gate can be settled, and this is the append that does it.
    pub(super) fn settle(&mut self, id: &GateId, resolution: Resolution) {
        let open = self.log.state.gates.get(id).is_some_and(|gate| gate.is_open());
        debug_assert!(open, "only an open gate is settled");
        let decided = resolution.decision().is_some();
        self.arm_gate(id, None);
        self.note(Fact::Resolved { gate: id.clone(), resolution });
        if decided {
            self.deliver(id);
        } else {
            self.forget_gate(id);
        }
    }

    /// Tells the engine that announced the gate last, and looks again later whether it has
    /// answered. With no engine attached the decision waits, and [`Turn::redeliver`] delivers it.
    fn deliver(&mut self, id: &GateId) {
        let Some(gate) = self.log.state.gates.get(id).cloned() else { return };
        let Some(decision) = gate.resolution.decision().cloned() else { return };
        let Some(link) = self.reach(&gate) else { return };
        let mut attempt = 1;
        if gate.is_owed() {
            let wait = self.log.gate_waits.entry(id.clone()).or_default();
            wait.attempts += 1;
            attempt = wait.attempts;
            let due = self.now.instant + backoff(attempt, self.limits);
            self.arm_gate(id, Some(due));
            if gate.delivery == Some(Delivery::Queued) {
                self.move_delivery(id, Delivery::Sent, None);
            }
        }
        let execution = self.log.execution.clone();
        self.effects.push_back(Effect::Deliver { link, execution, decision, attempt });
    }

    /// Where the engine that asks can be told, if it can. One that has started again and not said that
    /// it works on this does not know the gate, nor does one that works on it and is silent about it.
    pub(super) fn reach(&self, gate: &Gate) -> Option<LinkId> {
        let here = self.log.state.producers.get(&gate.producer).is_some_and(|it| it.attached);
        let knows = here && !self.is_orphaned(&gate.asked.gate_id);
        self.producers.listening(&gate.producer).filter(|_| knows)
    }

    /// It came back and is told before it has asked.
    fn greet(&mut self, gate: &Gate) {
        let id = &gate.asked.gate_id;
        self.deliver(id);
        let told = self.reach(gate);
        if let Some(wait) = self.log.gate_waits.get_mut(id) {
            wait.greeted = told;
        }
    }

    /// A producer is here (again): it is told what it has not answered. One that has started again
    /// and is silent about a decision that its earlier start had leaves it unknown for ever.
    pub(super) fn redeliver(&mut self, producer: &ProducerId, restarted: Option<&Claim>) {
        let owed = |gate: &&Arc<Gate>| gate.producer == *producer && gate.is_owed();
        let mut owed: Vec<_> = self.log.state.gates.values().filter(owed).cloned().collect();
        // In the order in which they were decided.
        owed.sort_by_key(|gate| gate.resolution.decision().map(|it| (it.time, gate.since)));
        for gate in owed {
            let (id, version) = (&gate.asked.gate_id, gate.asked.gate_version);
            let waits = |claim: &Claim| {
                claim.open_gates.contains(&ClaimedGate { gate: id.clone(), version })
            };
            let knows = |claim: &Claim| {
                let decision = gate.resolution.decision().map(|it| &it.id);
                claim.outcomes.iter().any(|it| match it {
                    KnownOutcome::Decision { id, .. } => Some(id) == decision,
                    KnownOutcome::Command { .. } => false,
                })
            };
            match restarted {
                None => self.greet(&gate),
                Some(claim) if knows(claim) => {}
                Some(claim) if waits(claim) => self.greet(&gate),
                // It may yet come to the gate, and announce it.
                Some(_) if gate.delivery == Some(Delivery::Queued) => {}
                Some(_) => {
                    let reason = "the engine has started again and does not know of it";
                    self.move_delivery(id, Delivery::OutcomeUnknown, Some(reason.into()));
                    self.delivery_moved(id);
                }
            }
        }
    }

    /// An outcome that an engine remembers from before.
    pub(super) fn remembered(&mut self, producer: &ProducerId, known: &KnownOutcome) {
        match known {
            KnownOutcome::Decision { id, outcome, reason, .. } => {
                let Some(gate) = self.log.state.decided(id).cloned() else { return };
                if gate.producer == *producer && gate.is_owed() {
                    let gate_id = gate.asked.gate_id.clone();
                    self.move_delivery(&gate_id, delivery_of(*outcome), reason.clone());
                    self.delivery_moved(&gate_id);
                }
            }
            KnownOutcome::Command { id, outcome, reason } => {
                let stage = match delivery_of(*outcome) {
                    Delivery::Queued | Delivery::Sent | Delivery::Delivered => {
                        CommandStage::InProgress
                    }
                    Delivery::OutcomeUnknown => CommandStage::OutcomeUnknown,
                    Delivery::Applied => CommandStage::Applied,
                    Delivery::Refused => CommandStage::Refused,
                    Delivery::Failed => CommandStage::Failed,
                };
                self.move_command(id, stage, reason.clone());
            }
        }
    }

    /// A decision that can't take effect any longer. What its engine never had was not applied; of
    /// what it had, nobody knows, unless the engine itself asks anew.
    pub(super) fn conclude_unapplied(&mut self, id: &GateId, reason: &str) {
        let Some(gate) = self.log.state.gates.get(id) else { return };
        let asked_anew = !self.log.state.is_over();
        let delivery = match gate.delivery {
            Some(Delivery::Queued) | None => Delivery::Refused,
            Some(_) if asked_anew => Delivery::Refused,
            Some(_) => Delivery::OutcomeUnknown,
        };
        self.move_delivery(id, delivery, Some(reason.into()));
        self.delivery_moved(id);
    }

    pub(super) fn move_delivery(&mut self, id: &GateId, delivery: Delivery, reason: Option<Text>) {
        let Some(gate) = self.log.state.gates.get(id) else { return };
        let Some(decision) = gate.resolution.decision().cloned() else { return };
        if gate.delivery.is_some_and(|known| delivery.rank() <= known.rank()) {
            return;
        }
        self.note(Fact::Delivered { gate: id.clone(), decision, delivery, reason });
        if delivery == Delivery::Delivered {
            self.tell_askers(id);
        }
    }

    /// After its delivery has moved: who asked is told, and nothing is waited for that has come.
    pub(super) fn delivery_moved(&mut self, id: &GateId) {
        self.tell_askers(id);
        let Some(gate) = self.log.state.gates.get(id) else { return };
        if !gate.is_open() && !gate.is_owed() {
            self.forget_gate(id);
        }
    }

    fn tell_askers(&mut self, id: &GateId) {
        let Some(gate) = self.log.state.gates.get(id).cloned() else { return };
        let Some(wait) = self.log.gate_waits.get(id) else { return };
        let askers: Vec<_> = wait.askers.iter().map(|(id, viewer)| (id.clone(), *viewer)).collect();
        for (decision, viewer) in askers {
            let Some((_, _, vote)) = self.log.votes.get(&decision) else { continue };
            let (stage, reason) = stage_of(&gate, vote);
            let receipt = self.about(&gate, vote, stage, reason);
            self.answer(viewer, receipt);
        }
    }

    pub(super) fn arm_gate(&mut self, id: &GateId, due: Option<std::time::Instant>) {
        if due.is_none() && !self.log.gate_waits.contains_key(id) {
            return;
        }
        let Self { log, timers, .. } = self;
        let wait = log.gate_waits.entry(id.clone()).or_insert_with(GateWait::default);
        wait.late = false;
        timers.arm(&log.execution, Due::Gate(id.clone()), &mut wait.due, due);
    }

    pub(super) fn forget_gate(&mut self, id: &GateId) {
        self.arm_gate(id, None);
        self.arm_orphan(id, None);
        self.log.gate_waits.remove(id);
    }
}

/// How far one vote has come: with the decision that it was part of, or beside it.
pub(super) fn stage_of(gate: &Gate, vote: &Vote) -> (Stage, Option<Text>) {
    let Some(decision) = gate.resolution.decision() else {
        if !gate.is_open() {
            return too_late(&gate.resolution);
        }
        let counts = gate.votes.iter().any(|it| it.decision_id == vote.decision_id);
        if !counts {
            // It was given on another payload.
            let stage = Stage::GateChanged { current: gate.asked.gate_version };
            return (stage, Some(CHANGED.into()));
        }
        let votes = gate.votes.iter().filter(|it| it.agrees(vote)).count();
        return (Stage::Voted { votes, needed: gate.asked.policy.quorum(vote.kind) }, None);
    };
    let with = decision.kind == vote.kind
        && decision.option == vote.option
        && decision.modification_sha256 == vote.modification_sha256;
    if !with {
        return too_late(&gate.resolution);
    }
    let stage = match gate.delivery {
        None | Some(Delivery::Queued | Delivery::Sent) => Stage::Recorded,
        Some(Delivery::Delivered) => Stage::Delivered,
        Some(Delivery::OutcomeUnknown) => Stage::OutcomeUnknown,
        Some(Delivery::Applied) => Stage::Applied,
        Some(Delivery::Refused) => Stage::Refused,
        Some(Delivery::Failed) => Stage::Failed,
    };
    (stage, gate.reason.clone())
}

/// What a passed deadline means. What isn't allowed, or not understood, fails closed: it expires.
fn on_timeout(asked: &GateOpened, may_approve: bool) -> (DecisionKind, Text) {
    let kind = match asked.on_timeout {
        TimeoutAction::Reject => DecisionKind::Reject,
        TimeoutAction::Abort => DecisionKind::Abort,
        TimeoutAction::Approve if may_approve => DecisionKind::Approve,
        TimeoutAction::Expire | TimeoutAction::Escalate | TimeoutAction::Approve => {
            DecisionKind::Expired
        }
    };
    let option = asked.options.iter().find(|option| option.kind == kind);
    (kind, option.map_or_else(|| "".into(), |option| option.option_id.clone()))
}

/// What of a question is not done here, and what happens instead.
pub(super) fn unsupported(said: &Kind, may_approve: bool) -> Option<Issue> {
    let Kind::GateOpened(asked) = said else { return None };
    let issue = |field, message| Some(Issue::Unsupported { field, message });
    match asked.on_timeout {
        _ if asked.time_left.is_none() => {}
        TimeoutAction::Escalate => {
            return issue(
                "gate_opened.on_timeout",
                "this relay does not escalate: at its deadline the gate expires",
            );
        }
        TimeoutAction::Approve if !may_approve => {
            return issue(
                "gate_opened.on_timeout",
                "this relay's operator lets no deadline approve: then the gate expires",
            );
        }
        TimeoutAction::Expire
        | TimeoutAction::Reject
        | TimeoutAction::Abort
        | TimeoutAction::Approve => {}
    }
    if asked.escalation.is_empty() {
        return None;
    }
    issue("gate_opened.escalation", "this relay takes no steps of escalation")
}
