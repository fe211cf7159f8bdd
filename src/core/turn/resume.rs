//! How an execution goes on that was kept over a restart of the relay: nobody is attached, and what
//! waited for a time or for an engine waits again.

use super::Turn;
use crate::core::waits::{CommandWait, GateWait};
use crate::model::{CommandId, CommandStage, Delivery, GateId, LinkId, ProducerId};

impl Turn<'_> {
    pub(in crate::core) fn resumed(&mut self) {
        let attached = self.log.state.producers.iter().filter(|(_, it)| it.attached);
        let attached: Vec<ProducerId> = attached.map(|(producer, _)| producer.clone()).collect();
        for producer in attached {
            self.lost(&producer);
        }
        self.gates_resumed();
        self.commands_resumed();
        self.outlive();
    }

    /// Deadlines are wall-clock time: they went on while the relay was not there.
    fn gates_resumed(&mut self) {
        let waits = self.log.state.gates.values().filter(|it| it.is_open() || it.is_owed());
        let waits: Vec<GateId> = waits.map(|gate| gate.asked.gate_id.clone()).collect();
        for id in waits {
            let Some(gate) = self.log.state.gates.get(&id).cloned() else { continue };
            // Who voted, or is owed an outcome, asks again under the same id.
            let told = gate.delivery.is_some_and(|it| Delivery::Queued < it);
            let wait = GateWait { attempts: u32::from(told), ..GateWait::default() };
            self.log.gate_waits.insert(id.clone(), wait);
            let deadline = gate.asked.time_left.and(gate.asked.deadline_time);
            if let Some(deadline) = deadline.filter(|_| gate.is_open()) {
                self.arm_gate(&id, Some(self.now.instant + self.now.time.until(deadline)));
                if let Some(wait) = self.log.gate_waits.get_mut(&id) {
                    wait.late = deadline <= self.now.time;
                }
            }
        }
    }

    fn commands_resumed(&mut self) {
        let open = self.log.state.commands.values().filter(|it| !it.stage.is_final());
        let open: Vec<_> =
            open.map(|it| (it.command.id.clone(), it.command.kind.clone(), it.stage)).collect();
        for (id, kind, stage) in open {
            let id: CommandId = id;
            let Some(to) = self.executor(&kind) else { continue };
            // Whoever was told may have started again since: then it knows nothing of it.
            let epoch = self.log.state.producers.get(&to).map(|it| it.epoch);
            let sent_to = epoch.filter(|_| CommandStage::Sent <= stage).map(|it| (NOWHERE, it));
            let wait = CommandWait {
                due: None,
                asker: None,
                attempts: u32::from(sent_to.is_some()),
                to,
                sent_to,
                patience: None,
            };
            self.log.command_waits.insert(id, wait);
        }
    }
}

/// A stream of an earlier start of the relay.
const NOWHERE: LinkId = LinkId(u64::MAX);
