//! What engines do: attach, publish, report their state, and leave.

use super::{Turn, gates::unsupported};
use crate::core::{
    Claim, Effect, Grant, LaneFault, LaneResult, execution::Announcement, producers::Link,
};
use crate::model::{
    Contradiction, Event, ExecutionStatus, Fact, GateId, Issue, Kind, LinkId, NodeId, Origin,
    ProducerEpoch, ProducerId, Pseq, Received, Rejection, RejectionCode, Resolution,
};

impl Turn<'_> {
    /// An engine works on this execution, and says what it knows of it.
    pub(in crate::core) fn attached(&mut self, link: LinkId, claim: &Claim) {
        let Some(speaker) = self.producers.link(link).cloned() else { return };
        self.arrive(&speaker, claim);
        for outcome in &claim.outcomes {
            self.remembered(&speaker.producer, outcome);
        }
    }

    /// Who speaks is attached: viewers are told once for each start of its process, and it is told
    /// what it has not answered.
    fn arrive(&mut self, speaker: &Link, claim: &Claim) {
        let Link { producer, epoch, listens, capabilities, .. } = speaker.clone();
        if !listens {
            return;
        }
        let known = self.log.state.producers.get(&producer);
        let restarted = known.is_some_and(|it| it.epoch < epoch);
        if !known.is_some_and(|it| it.attached && it.epoch == epoch) {
            self.note(Fact::EngineAttached { producer: producer.clone(), epoch, capabilities });
        }
        self.recall(&producer, restarted, claim);
        self.redeliver(&producer, restarted.then_some(claim));
        self.reorder(&producer, epoch, claim);
    }

    /// As [`Turn::arrive`], for an engine that goes on without having claimed anything.
    fn present(&mut self, speaker: &Link) {
        let here = self.log.state.producers.get(&speaker.producer);
        if !here.is_some_and(|it| it.attached && it.epoch == speaker.epoch) {
            self.arrive(speaker, &Claim::of(self.log.execution.clone()));
        }
    }

    /// A producer has started again and does not say that it works on this execution any longer.
    pub(in crate::core) fn abandoned(&mut self, producer: &ProducerId, epoch: ProducerEpoch) {
        self.lost(producer);
        let silent = Claim::of(self.log.execution.clone());
        self.redeliver(producer, Some(&silent));
        self.reorder(producer, epoch, &silent);
    }

    /// That an engine leaves when all is over is no news.
    pub(in crate::core) fn lost(&mut self, producer: &ProducerId) {
        let attached = self.log.state.producers.get(producer).is_some_and(|it| it.attached);
        if attached && !self.log.state.is_over() {
            self.note(Fact::EngineLost { producer: producer.clone() });
        }
    }

    pub(in crate::core) fn published(
        &mut self,
        link: LinkId,
        speaker: &Link,
        first: Option<Pseq>,
        events: Vec<Received>,
        result: &mut LaneResult,
    ) {
        let producer = &speaker.producer;
        let lane = self.log.lanes.open(producer);
        if first.is_some_and(|first| first.0 > 1 && lane.next == Pseq(1)) {
            // The relay knows nothing of what it once acknowledged: it has lost its memory.
            lane.needs_state = true;
        }
        if lane.needs_state {
            result.fault = Some(LaneFault::StateNeeded);
            let execution = self.log.execution.clone();
            return self.effects.push_back(Effect::NeedState { link, execution });
        }
        if !lane.admits(speaker.epoch, first.is_some()) {
            result.fault = Some(LaneFault::MixedNumbering);
            return;
        }
        let expected = lane.next;
        let known = match first {
            Some(first) => match expected.0.checked_sub(first.0) {
                Some(known) => known as usize,
                None => return result.nack = Some(expected),
            },
            None => 0,
        };
        self.present(speaker);
        for (index, received) in events.into_iter().enumerate() {
            if index < known {
                let pseq = Pseq(first.map_or(0, |first| first.0) + index as u64);
                let lane = self.log.lanes.open(producer);
                if lane.conflicts(pseq, received.hash) {
                    result.issues.push((pseq, index as u32, Issue::Conflict));
                }
                continue;
            }
            let numbered = first.is_some();
            let hashes = self.limits.hashes;
            let pseq = numbered.then(|| self.log.lanes.open(producer).take(received.hash, hashes));
            if let Some(issue) = self.take(producer, pseq, received, false) {
                result.issues.push((pseq.unwrap_or(Pseq(0)), index as u32, issue));
            }
        }
        let last = Pseq(self.log.lanes.open(producer).next.0 - 1);
        result.ack = Some((last, self.log.history.position()));
    }

    /// The state that the relay has lost, told by the events that rebuild it.
    pub(in crate::core) fn reported(&mut self, link: LinkId, as_of: Pseq, events: Vec<Received>) {
        let Some(speaker) = self.producers.link(link).cloned() else { return };
        let lane = self.log.lanes.open(&speaker.producer);
        if !lane.needs_state {
            return;
        }
        lane.restored(as_of);
        self.present(&speaker);
        let mut result = LaneResult {
            execution: self.log.execution.clone(),
            batch_ref: 0,
            ack: None,
            nack: None,
            fault: None,
            issues: vec![],
        };
        for (index, received) in events.into_iter().enumerate() {
            if let Some(issue) = self.take(&speaker.producer, None, received, true) {
                result.issues.push((Pseq(0), index as u32, issue));
            }
        }
        let last = Pseq(self.log.lanes.open(&speaker.producer).next.0 - 1);
        result.ack = Some((last, self.log.history.position()));
        self.effects.push_back(Effect::Result { link, result });
    }

    /// Where its speaker goes on now.
    pub(in crate::core) fn regrant(&mut self, link: LinkId) -> Grant {
        let execution = self.log.execution.clone();
        let epoch = self.log.history.position().epoch;
        let producer = self.producers.link(link).map(|link| link.producer.clone());
        let lane = producer.map(|producer| self.log.lanes.open(&producer));
        let (next, need_state) = lane.map_or((Pseq(1), false), |it| (it.next, it.needs_state));
        Grant { execution, log: Ok(epoch), next, need_state }
    }

    /// One event: kept, or a marker in its place.
    fn take(
        &mut self,
        producer: &ProducerId,
        pseq: Option<Pseq>,
        received: Received,
        restored: bool,
    ) -> Option<Issue> {
        let Received { hash, size, event } = received;
        let origin = Origin { hash, size, restored };
        let producer = producer.clone();
        match event.and_then(|event| self.fits(&event).map(|()| event)) {
            Ok(event) => {
                self.prepare(&event);
                let said = Fact::Said { producer, pseq, event: event.clone() };
                let record = self.append(said, origin);
                self.attend(&event, record.contradiction);
                match record.contradiction {
                    // To say an outcome again is what is asked of engines.
                    Some(Contradiction::Repeated) => None,
                    Some(why) => Some(Issue::Contradiction(why)),
                    None => unsupported(&event.kind, self.limits.timeout_may_approve),
                }
            }
            Err(rejection) => {
                let fact = Fact::Rejected { producer, pseq, rejection: rejection.clone() };
                self.append(fact, origin);
                Some(Issue::Rejected(rejection))
            }
        }
    }

    /// Whether there is room for what an event adds, and whether it belongs here at all.
    fn fits(&self, event: &Event) -> Result<(), Rejection> {
        let state = &self.log.state;
        let reject = |code, field: &str, message: String| {
            Err(Rejection { code, field: field.to_owned(), message })
        };
        let full = |field: &str, what: &str, limit: usize| {
            reject(RejectionCode::Limit, field, format!("an execution has at most {limit} {what}"))
        };
        let room = |new: usize| state.nodes.len() + new <= self.limits.nodes;
        let known = |id: &NodeId| usize::from(!state.nodes.contains_key(id));
        let is_workflow = matches!(event.kind, Kind::WorkflowChanged(_));
        if is_workflow != self.log.execution.workflow().is_some() {
            let message = "workflow_changed, and nothing else, goes into a workflow's batch";
            return reject(RejectionCode::Invalid, "", message.to_owned());
        }
        let nodes = |id: Option<&NodeId>, field| match id.map(known) {
            Some(new) if !room(new) => full(field, "nodes", self.limits.nodes),
            Some(_) | None => Ok(()),
        };
        let graph = |declared: &crate::model::GraphDeclared, field: &str| {
            let new: usize = declared.nodes.iter().map(|node| known(&node.node_id)).sum();
            if !declared.replace && !room(new) || self.limits.nodes < declared.nodes.len() {
                return full(field, "nodes", self.limits.nodes);
            }
            let edges = if declared.replace { 0 } else { state.edges.len() };
            if self.limits.edges < edges + declared.edges.len() {
                return full(field, "edges", self.limits.edges);
            }
            Ok(())
        };
        match &event.kind {
            Kind::NodeChanged(it) => nodes(Some(&it.node_id), "node_changed.node_id"),
            Kind::NodeProgressed(it) => nodes(Some(&it.node_id), "node_progressed.node_id"),
            Kind::NodeRetried(it) => nodes(Some(&it.node_id), "node_retried.node_id"),
            Kind::GraphDeclared(it) => graph(it, "graph_declared"),
            Kind::GraphMutated(it) => match &it.change {
                Some(change) => graph(change, "graph_mutated.change"),
                None => Ok(()),
            },
            Kind::EdgeActivated { from, to } => {
                let new = !state.edges.contains_key(&(from.clone(), to.clone()));
                if new && self.limits.edges <= state.edges.len() {
                    return full("edge_activated", "edges", self.limits.edges);
                }
                Ok(())
            }
            Kind::GateOpened(it) => {
                let opens = self.log.state.announcement(&it.gate_id, it.gate_version);
                let open = state.progress().open_gates as usize;
                if opens == Announcement::Opens && self.limits.open_gates <= open {
                    return full("gate_opened", "open gates", self.limits.open_gates);
                }
                let all = self.limits.open_gates_of_all;
                if opens == Announcement::Opens && all <= *self.open_gates {
                    let message = format!("this relay has at most {all} open gates");
                    return reject(RejectionCode::Limit, "gate_opened", message);
                }
                nodes(it.node_id.as_ref(), "gate_opened.node_id")
            }
            Kind::ExecutionStarted(it) => {
                let taken =
                    |alias| self.aliases.get(alias).is_some_and(|of| *of != self.log.execution);
                match it.aliases.iter().find(|alias| taken(alias)) {
                    Some(alias) => reject(
                        RejectionCode::Invalid,
                        "execution_started.aliases",
                        format!("{alias} names another execution"),
                    ),
                    None => Ok(()),
                }
            }
            Kind::ExecutionStatusChanged(_)
            | Kind::ExecutionFinished(_)
            | Kind::ExecutionProgressed(_)
            | Kind::CostIncurred(_)
            | Kind::LogWritten(_)
            | Kind::AgentMessage(_)
            | Kind::AgentThinking(_)
            | Kind::ToolCalled(_)
            | Kind::CodeExecuted(_)
            | Kind::MetricMeasured(_)
            | Kind::FileChanged(_)
            | Kind::FailureReported(_)
            | Kind::EventsDropped(_)
            | Kind::GateClosed(_)
            | Kind::DecisionOutcome(_)
            | Kind::CommandOutcome(_)
            | Kind::WorkflowChanged(_)
            | Kind::Captured(_)
            | Kind::Opaque(_) => Ok(()),
        }
    }

    /// Before a gate opens anew, what stands of its earlier version is concluded.
    fn prepare(&mut self, event: &Event) {
        let Kind::GateOpened(opened) = &event.kind else { return };
        if self.log.state.is_over() {
            return;
        }
        let id = &opened.gate_id;
        match self.log.state.announcement(id, opened.gate_version) {
            Announcement::Supersedes => {
                self.forget_gate(id);
                self.note(Fact::Resolved { gate: id.clone(), resolution: Resolution::Superseded });
            }
            Announcement::Opens if self.log.state.gates.get(id).is_some_and(|it| it.is_owed()) => {
                self.conclude_unapplied(id, "gate_changed");
            }
            Announcement::Opens
            | Announcement::Attaches
            | Announcement::Decided
            | Announcement::Settled
            | Announcement::Old => {}
        }
    }

    /// After an event: what follows from it that is not the state's affair.
    fn attend(&mut self, event: &Event, contradiction: Option<Contradiction>) {
        if contradiction.is_some() {
            return;
        }
        match &event.kind {
            Kind::ExecutionStarted(started) => {
                for alias in &started.aliases {
                    self.aliases.insert(alias.clone(), self.log.execution.clone());
                    self.log.aliases.insert(alias.clone());
                }
                if let Some(id) = &started.command_id {
                    self.command_moved(id);
                }
            }
            Kind::ExecutionFinished(finished) => self.over(finished.status),
            Kind::GateOpened(opened) => self.opened(&opened.gate_id),
            Kind::GateClosed(closed) => self.delivery_moved(&closed.gate_id),
            Kind::DecisionOutcome(outcome) => self.delivery_moved(&outcome.gate_id),
            Kind::CommandOutcome(outcome) => self.command_moved(&outcome.command_id),
            Kind::ExecutionStatusChanged(_)
            | Kind::ExecutionProgressed(_)
            | Kind::NodeChanged(_)
            | Kind::NodeProgressed(_)
            | Kind::NodeRetried(_)
            | Kind::GraphDeclared(_)
            | Kind::GraphMutated(_)
            | Kind::EdgeActivated { .. }
            | Kind::CostIncurred(_)
            | Kind::LogWritten(_)
            | Kind::AgentMessage(_)
            | Kind::AgentThinking(_)
            | Kind::ToolCalled(_)
            | Kind::CodeExecuted(_)
            | Kind::MetricMeasured(_)
            | Kind::FileChanged(_)
            | Kind::FailureReported(_)
            | Kind::EventsDropped(_)
            | Kind::WorkflowChanged(_)
            | Kind::Captured(_)
            | Kind::Opaque(_) => {}
        }
    }

    /// All is over: nobody needs to decide any longer, and what was on its way has missed it.
    fn over(&mut self, status: ExecutionStatus) {
        let open = self.log.state.open_gates().map(|gate| gate.asked.gate_id.clone());
        let open: Vec<GateId> = open.collect();
        for gate in open {
            self.forget_gate(&gate);
            self.note(Fact::Resolved { gate, resolution: Resolution::Cancelled });
        }
        let owed = self.log.state.gates.values().filter(|gate| gate.is_owed());
        let owed: Vec<GateId> = owed.map(|gate| gate.asked.gate_id.clone()).collect();
        for gate in owed {
            self.conclude_unapplied(&gate, "the execution is over");
        }
        self.conclude_commands(status);
        self.outlive();
    }
}
