//! How gates change: how each was settled, and how its decision travels.

use std::{collections::BTreeSet, sync::Arc};

use super::{Execution, fold::At};
use crate::model::{
    After, CloseReason, Contradiction, DecisionId, DecisionOutcome, Delivery, Gate, GateClosed,
    GateId, GateOpened, NodeId, NodeStatus, OutcomeStatus, Outline, ProducerId, Resolution, Target,
    Text, Vote,
};

/// What an announcement of a gate amounts to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::core) enum Announcement {
    /// It is new, or opens anew because nothing came of its earlier version.
    Opens,
    /// It waits in this very version: whoever announces it is who is told.
    Attaches,
    /// It waits, and is asked in other words now: votes on the old ones count no longer.
    Supersedes,
    /// There is a decision on it, which its announcer is told at once.
    Decided,
    /// It was settled without a decision, or is single-use and used.
    Settled,
    /// It was asked in a newer version already.
    Old,
}

impl Execution {
    /// What announcing `gate` in this version amounts to now.
    pub(in crate::core) fn announcement(&self, gate: &GateId, version: u32) -> Announcement {
        let Some(known) = self.gates.get(gate) else { return Announcement::Opens };
        let current = known.asked.gate_version;
        if version < current {
            return Announcement::Old;
        }
        if known.is_open() {
            let same = version == current;
            return if same { Announcement::Attaches } else { Announcement::Supersedes };
        }
        if version == current {
            let decided = known.resolution.decision().is_some();
            // What was refused must not be acted on, so it is not told again.
            let told = decided && known.delivery != Some(Delivery::Refused);
            return if told { Announcement::Decided } else { Announcement::Settled };
        }
        match known.delivery {
            // Not in effect: an approval of one thing must never answer for another.
            Some(Delivery::Queued | Delivery::Sent | Delivery::Delivered | Delivery::Refused) => {
                Announcement::Opens
            }
            Some(Delivery::OutcomeUnknown | Delivery::Applied | Delivery::Failed) => {
                Announcement::Settled
            }
            None => match known.resolution {
                Resolution::Elsewhere { .. } | Resolution::Cancelled => Announcement::Settled,
                Resolution::Open
                | Resolution::Decided(_)
                | Resolution::Expired(_)
                | Resolution::Withdrawn { .. }
                | Resolution::Superseded
                | Resolution::Unreachable
                | Resolution::NoApprover => Announcement::Opens,
            },
        }
    }

    /// The gate that is meant, and the version that was seen. Of a node's gates it is the open one,
    /// else the one that moved last. A gate without a node goes by its own name.
    pub(in crate::core) fn target(&self, target: &Target) -> Option<(GateId, u32)> {
        match target {
            Target::Gate { gate, version } => Some((gate.clone(), *version)),
            Target::Newest(gate) => {
                let known = self.gates.get(gate)?;
                Some((gate.clone(), known.asked.gate_version))
            }
            Target::Node(node) => {
                let at = |gate: &&Arc<Gate>| match &gate.asked.node_id {
                    Some(id) => id == node,
                    None => gate.asked.gate_id.as_str() == node.as_str(),
                };
                let here = self.gates.values().filter(at);
                let gate = here.max_by_key(|gate| (gate.is_open(), gate.since))?;
                Some((gate.asked.gate_id.clone(), gate.asked.gate_version))
            }
        }
    }

    /// The gate whose current decision this is.
    pub(in crate::core) fn decided(&self, id: &DecisionId) -> Option<&Arc<Gate>> {
        let carries = |gate: &&Arc<Gate>| gate.resolution.decision().is_some_and(|it| it.id == *id);
        self.gates.values().find(carries)
    }

    pub(super) fn gate_opened(
        &mut self,
        at: At,
        by: &ProducerId,
        opened: &GateOpened,
        after: &mut After,
    ) -> Result<(), Contradiction> {
        let id = &opened.gate_id;
        match self.announcement(id, opened.gate_version) {
            Announcement::Old => return Err(Contradiction::OldAttempt),
            Announcement::Settled => return Err(Contradiction::GateSettled),
            Announcement::Decided => {
                self.with_gate(at, id, after, |gate| gate.producer = by.clone());
                return Ok(());
            }
            Announcement::Attaches => {
                self.with_gate(at, id, after, |gate| {
                    gate.producer = by.clone();
                    // Nobody has agreed to what nobody was shown.
                    if gate.asked.payload_sha256 != opened.payload_sha256 {
                        gate.votes.clear();
                    }
                    gate.asked = Arc::new(opened.clone());
                });
            }
            Announcement::Opens | Announcement::Supersedes => {
                if !self.gates.get(id).is_some_and(|gate| gate.is_open()) {
                    self.progress.open_gates += 1;
                }
                let gate = Arc::new(Gate {
                    asked: Arc::new(opened.clone()),
                    producer: by.clone(),
                    resolution: Resolution::Open,
                    delivery: None,
                    reason: None,
                    votes: vec![],
                    opened: at.time,
                    since: at.seq,
                });
                self.gates.insert(id.clone(), gate.clone());
                after.gate = Some(gate);
                self.hold();
            }
        }
        if let Some(node) = &opened.node_id {
            self.with_node(at, node, after, |node| node.status = NodeStatus::WaitingGate);
        }
        Ok(())
    }

    pub(super) fn gate_closed(
        &mut self,
        at: At,
        by: &ProducerId,
        closed: &GateClosed,
        after: &mut After,
    ) -> Result<(), Contradiction> {
        let gate = self.gates.get(&closed.gate_id).ok_or(Contradiction::NoSuchGate)?;
        if gate.producer != *by {
            return Err(Contradiction::NotYours);
        }
        if closed.gate_version != 0 && closed.gate_version != gate.asked.gate_version {
            return Err(Contradiction::OldAttempt);
        }
        if !gate.is_open() {
            if !gate.is_owed() {
                return Err(Contradiction::GateSettled);
            }
            // Decided here, closed there: the engine is the authority on what took effect.
            let reason = closed.message.clone().unwrap_or_else(|| "closed by its engine".into());
            self.delivered(at, &closed.gate_id, Delivery::Refused, Some(&reason), after);
            return Ok(());
        }
        let resolution = match closed.reason {
            CloseReason::Withdrawn => Resolution::Withdrawn { reason: closed.message.clone() },
            CloseReason::DecidedElsewhere => Resolution::Elsewhere {
                kind: closed.kind,
                option: closed.option_id.clone(),
                by: closed.closed_by.clone(),
                message: closed.message.clone(),
            },
            CloseReason::Cancelled => Resolution::Cancelled,
            CloseReason::Unreachable => Resolution::Unreachable,
            CloseReason::NoApprover => Resolution::NoApprover,
        };
        self.resolved(at, &closed.gate_id, &resolution, after);
        Ok(())
    }

    pub(super) fn decision_outcome(
        &mut self,
        at: At,
        by: &ProducerId,
        said: &DecisionOutcome,
        after: &mut After,
    ) -> Result<(), Contradiction> {
        let gate = self.gates.get(&said.gate_id).ok_or(Contradiction::NoSuchGate)?;
        let decision = gate.resolution.decision().ok_or(Contradiction::NoSuchGate)?;
        if decision.id != said.decision_id {
            return Err(Contradiction::NoSuchGate);
        }
        if gate.producer != *by {
            return Err(Contradiction::NotYours);
        }
        let delivery = delivery_of(said.outcome);
        match gate.delivery {
            Some(known) if delivery.rank() <= known.rank() && delivery != known => {
                return Err(Contradiction::GateSettled);
            }
            Some(_) | None => {}
        }
        let node = gate.asked.node_id.clone();
        let repeated = gate.delivery == Some(delivery);
        let goes_on = |node: &NodeId| {
            let waits = self.nodes.get(node).is_some_and(|it| it.status == NodeStatus::WaitingGate);
            let moves = delivery == Delivery::Applied || said.node_status_after.is_some();
            waits && moves && !self.is_over()
        };
        if repeated && !node.as_ref().is_some_and(goes_on) {
            return Err(Contradiction::Repeated);
        }
        if !repeated {
            self.delivered(at, &said.gate_id, delivery, said.reason.as_ref(), after);
        }
        let status = match delivery {
            Delivery::Applied => Some(said.node_status_after.unwrap_or(NodeStatus::Running)),
            Delivery::Queued
            | Delivery::Sent
            | Delivery::Delivered
            | Delivery::OutcomeUnknown
            | Delivery::Refused
            | Delivery::Failed => said.node_status_after,
        };
        if let (Some(node), Some(status)) = (node, status)
            && !self.is_over()
        {
            self.release(at, &node, status, after);
        }
        Ok(())
    }

    /// A node that waited at a gate goes on; one that has moved since stays where it is.
    fn release(&mut self, at: At, id: &NodeId, status: NodeStatus, after: &mut After) {
        let waits = |node: &&Arc<_>| {
            let node: &crate::model::Node = node;
            node.status == NodeStatus::WaitingGate
        };
        if self.nodes.get(id).filter(waits).is_some() {
            self.with_node(at, id, after, |node| node.status = status);
        }
    }

    pub(super) fn voted(&mut self, at: At, id: &GateId, vote: &Arc<Vote>, after: &mut After) {
        self.with_gate(at, id, after, |gate| gate.votes.push(vote.clone()));
    }

    pub(super) fn resolved(
        &mut self,
        at: At,
        id: &GateId,
        resolution: &Resolution,
        after: &mut After,
    ) {
        if self.gates.get(id).is_some_and(|gate| gate.is_open()) {
            self.progress.open_gates -= 1;
        }
        self.with_gate(at, id, after, |gate| {
            gate.resolution = resolution.clone();
            gate.delivery = resolution.decision().map(|_| Delivery::Queued);
        });
    }

    pub(super) fn delivered(
        &mut self,
        at: At,
        id: &GateId,
        delivery: Delivery,
        reason: Option<&Text>,
        after: &mut After,
    ) {
        self.with_gate(at, id, after, |gate| {
            if gate.delivery.is_none_or(|known| known.rank() < delivery.rank()) {
                gate.delivery = Some(delivery);
                gate.reason = reason.cloned();
            }
        });
    }

    fn with_gate(
        &mut self,
        at: At,
        id: &GateId,
        after: &mut After,
        change: impl FnOnce(&mut Gate),
    ) {
        let Some(gate) = self.gates.get_mut(id) else { return };
        let changed = Arc::make_mut(gate);
        let held = changed.holds();
        change(changed);
        changed.since = at.seq;
        let holds = changed.holds();
        after.gate = Some(gate.clone());
        if held != holds {
            self.hold();
        }
    }

    /// Names the nodes that gates hold up.
    fn hold(&mut self) {
        let holding = self.gates.values().filter(|gate| gate.holds());
        let places: BTreeSet<&str> = holding.map(|gate| gate.place()).take(Outline::HELD).collect();
        if !places.iter().copied().eq(self.outline.held.iter().map(|it| &**it)) {
            let places = places.into_iter().map(Text::from).collect();
            Arc::make_mut(&mut self.outline).held = places;
        }
    }
}

/// What an engine's word means for the delivery.
pub(in crate::core) fn delivery_of(outcome: OutcomeStatus) -> Delivery {
    match outcome {
        OutcomeStatus::InProgress => Delivery::Delivered,
        OutcomeStatus::Applied => Delivery::Applied,
        OutcomeStatus::Refused => Delivery::Refused,
        OutcomeStatus::Failed => Delivery::Failed,
        OutcomeStatus::Unknown => Delivery::OutcomeUnknown,
    }
}
