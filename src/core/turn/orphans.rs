//! What becomes of questions that nobody seems to ask any longer: their engine has started again, works
//! on the execution, and does not know of them. People may still answer; the engine may come to the
//! question again; but nothing waits for ever for an engine that is there and silent.

use super::Turn;
use crate::core::{
    Claim, ClaimedGate,
    waits::{Due, GateWait},
};
use crate::model::{Delivery, Gate, GateId, ProducerId, Resolution};

/// What a gate is withdrawn for, or a decision on it refused.
const SILENT: &str = "the engine has started again and has not asked this again";

impl Turn<'_> {
    /// An engine says which gates it waits at. What it does not name after a new start is orphaned.
    pub(super) fn recall(&mut self, producer: &ProducerId, restarted: bool, claim: &Claim) {
        let waits = |gate: &Gate| gate.is_open() || gate.delivery == Some(Delivery::Queued);
        let own = self.log.state.gates.values();
        let own = own.filter(|gate| gate.producer == *producer && waits(gate));
        let own: Vec<(GateId, u32)> =
            own.map(|gate| (gate.asked.gate_id.clone(), gate.asked.gate_version)).collect();
        for (gate, version) in own {
            if claim.open_gates.contains(&ClaimedGate { gate: gate.clone(), version }) {
                self.adopt(&gate);
            } else if restarted {
                let until = self.now.instant + self.limits.orphaned;
                self.arm_orphan(&gate, Some(until));
            }
        }
    }

    /// Its engine knows it, or another does.
    pub(super) fn adopt(&mut self, gate: &GateId) {
        self.arm_orphan(gate, None);
    }

    /// Whether its engine may not know it, and therefore is not told what was decided.
    pub(super) fn is_orphaned(&self, gate: &GateId) -> bool {
        self.log.gate_waits.get(gate).is_some_and(|wait| wait.orphaned.is_some())
    }

    /// The engine has been silent about it for too long.
    pub(in crate::core) fn orphan_due(&mut self, id: &GateId) {
        if let Some(wait) = self.log.gate_waits.get_mut(id) {
            wait.orphaned = None;
        }
        let Some(gate) = self.log.state.gates.get(id) else { return };
        if gate.is_open() {
            self.settle(id, Resolution::Withdrawn { reason: Some(SILENT.into()) });
        } else if gate.delivery == Some(Delivery::Queued) {
            self.move_delivery(id, Delivery::Refused, Some(SILENT.into()));
            self.delivery_moved(id);
        }
    }

    pub(super) fn arm_orphan(&mut self, id: &GateId, until: Option<std::time::Instant>) {
        if until.is_none() && !self.log.gate_waits.contains_key(id) {
            return;
        }
        let Self { log, timers, .. } = self;
        let wait = log.gate_waits.entry(id.clone()).or_insert_with(GateWait::default);
        timers.arm(&log.execution, Due::Orphan(id.clone()), &mut wait.orphaned, until);
    }
}
