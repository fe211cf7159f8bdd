//! How a record changes the state. What contradicts the state changes nothing.

use std::sync::Arc;

use super::Execution;
use crate::core::Limits;
use crate::model::{
    After, CommandId, CommandKind, CommandOutcome, CommandStage, CommandState, Contradiction,
    CostIncurred, Ending, Event, ExecutionFinished, ExecutionStarted, ExecutionStatus, Fact,
    FailureReported, Json, Kind, NodeStatus, OutcomeStatus, Presence, ProducerEpoch, ProducerId,
    Progress, Pseq, Record, Seq, Text, Timestamp,
};

/// What of a fold is the same for every fact: when, and as which record.
#[derive(Debug, Clone, Copy)]
pub(super) struct At {
    pub(super) seq: Seq,
    pub(super) time: Timestamp,
}

impl Execution {
    /// The state that these records amount to, from the first on.
    pub fn fold<'a>(records: impl IntoIterator<Item = &'a Record>, limits: &Limits) -> Self {
        let mut state = Self::default();
        for record in records {
            state.apply(record.position.seq, record.time, &record.fact, limits);
        }
        state
    }

    /// Applies `fact`, or leaves everything but its counters as it was.
    pub(in crate::core) fn apply(
        &mut self,
        seq: Seq,
        time: Timestamp,
        fact: &Fact,
        limits: &Limits,
    ) -> (Option<Contradiction>, After) {
        let at = At { seq, time };
        let mut after = After { before: self.progress, ..After::default() };
        if self.first_time == Timestamp::default() {
            self.first_time = time;
        }
        self.last_time = time;
        let applied = match fact {
            Fact::Said { producer, pseq, event } => {
                self.heard(producer, *pseq, &mut after);
                self.event(at, producer, event, &mut after)
            }
            Fact::Rejected { producer, pseq, .. } => {
                self.heard(producer, *pseq, &mut after);
                self.rejected += 1;
                Ok(())
            }
            Fact::Voted { gate, vote } => {
                self.voted(at, gate, vote, &mut after);
                Ok(())
            }
            Fact::Resolved { gate, resolution } => {
                self.resolved(at, gate, resolution, &mut after);
                Ok(())
            }
            Fact::Delivered { gate, delivery, reason, .. } => {
                self.delivered(at, gate, *delivery, reason.as_ref(), &mut after);
                Ok(())
            }
            Fact::Commanded { command } => {
                let (stage, since) = (CommandStage::Queued, seq);
                let command = command.clone();
                let state = CommandState { command, stage, reason: None, result: None, since };
                let state = Arc::new(state);
                self.commands.insert(state.command.id.clone(), state.clone());
                after.command = Some(state);
                Ok(())
            }
            Fact::CommandMoved { id, stage, reason } => {
                self.command_moved(seq, id, *stage, reason.clone(), None, &mut after);
                Ok(())
            }
            Fact::EngineLost { producer } => {
                let presence = self.presence(producer);
                presence.attached = false;
                after.presence = Some(Arc::new(presence.clone()));
                Ok(())
            }
            Fact::EngineAttached { producer, epoch, capabilities } => {
                let presence = self.presence(producer);
                presence.attached = true;
                presence.epoch = *epoch;
                presence.capabilities = capabilities.clone();
                after.presence = Some(Arc::new(presence.clone()));
                Ok(())
            }
        };
        self.prune(limits, &after);
        after.progress = self.progress;
        after.whole = Some(self.outline.clone());
        after.current = self.current().cloned();
        (applied.err(), after)
    }

    fn presence(&mut self, producer: &ProducerId) -> &mut Presence {
        self.producers.entry(producer.clone()).or_insert_with(|| Presence {
            attached: false,
            epoch: ProducerEpoch(0),
            pseq: Pseq(0),
            capabilities: Default::default(),
        })
    }

    fn heard(&mut self, producer: &ProducerId, pseq: Option<Pseq>, after: &mut After) {
        let news = !self.producers.contains_key(producer);
        let presence = self.presence(producer);
        presence.pseq = pseq.unwrap_or(presence.pseq);
        after.presence = news.then(|| Arc::new(presence.clone()));
    }

    fn event(
        &mut self,
        at: At,
        by: &ProducerId,
        event: &Event,
        after: &mut After,
    ) -> Result<(), Contradiction> {
        let over = self.is_over();
        match &event.kind {
            // What may still be said when all is over.
            Kind::LogWritten(_)
            | Kind::WorkflowChanged(_)
            | Kind::Captured(_)
            | Kind::Opaque(_) => {}
            Kind::EventsDropped(dropped) => {
                self.dropped = self.dropped.saturating_add(dropped.count);
            }
            Kind::DecisionOutcome(outcome) => return self.decision_outcome(at, by, outcome, after),
            Kind::CommandOutcome(outcome) => return self.command_outcome(at, outcome, after),
            Kind::ExecutionStarted(_)
            | Kind::ExecutionStatusChanged(_)
            | Kind::ExecutionFinished(_)
            | Kind::ExecutionProgressed(_)
            | Kind::NodeChanged(_)
            | Kind::NodeProgressed(_)
            | Kind::NodeRetried(_)
            | Kind::GraphDeclared(_)
            | Kind::GraphMutated(_)
            | Kind::EdgeActivated { .. }
            | Kind::CostIncurred(_)
            | Kind::FailureReported(_)
            | Kind::GateOpened(_)
            | Kind::GateClosed(_)
                if over =>
            {
                return Err(Contradiction::AlreadyOver);
            }
            Kind::ExecutionStarted(started) => self.started(at, by, started, after),
            Kind::ExecutionStatusChanged(changed) => {
                self.progress.status = changed.status.unwrap_or(self.progress.status);
                let outline = Arc::make_mut(&mut self.outline);
                outline.native_status.clone_from(&changed.native_status);
                outline.reason.clone_from(&changed.reason);
                after.outline = Some(self.outline.clone());
            }
            Kind::ExecutionFinished(finished) => self.finished(at, finished, after),
            Kind::ExecutionProgressed(progressed) => {
                let outline = Arc::make_mut(&mut self.outline);
                // Nothing shows 100 % before it is complete.
                let fraction = progressed.fraction.map(|it| it.clamp(0.0, 0.99));
                outline.fraction = fraction.or(outline.fraction);
                let node = progressed.current_node_id.clone();
                outline.current_node = node.or(outline.current_node.take());
                let message = progressed.message.clone();
                outline.message = message.or(outline.message.take());
                after.outline = Some(self.outline.clone());
            }
            Kind::NodeChanged(changed) => return self.node_changed(at, changed, after),
            Kind::NodeProgressed(progressed) => self.node_progressed(at, progressed, after),
            Kind::NodeRetried(retried) => self.node_retried(at, retried, after),
            Kind::GraphDeclared(declared) => self.declared(declared, after),
            Kind::GraphMutated(mutated) => {
                if let Some(change) = &mutated.change {
                    self.declared(change, after);
                }
            }
            Kind::EdgeActivated { from, to } => self.edge_activated(from, to, after),
            Kind::CostIncurred(incurred) => self.incurred(by, incurred, after),
            Kind::FailureReported(reported) => self.failed(at, reported),
            Kind::GateOpened(opened) => return self.gate_opened(at, by, opened, after),
            Kind::GateClosed(closed) => return self.gate_closed(at, by, closed, after),
            // Said to people; nothing of it is state.
            Kind::AgentMessage(_)
            | Kind::AgentThinking(_)
            | Kind::ToolCalled(_)
            | Kind::CodeExecuted(_)
            | Kind::MetricMeasured(_)
            | Kind::FileChanged(_) => {}
        }
        Ok(())
    }

    fn started(&mut self, at: At, by: &ProducerId, started: &ExecutionStarted, after: &mut After) {
        let outline = Arc::make_mut(&mut self.outline);
        let info = &mut outline.info;
        fn set<T: Clone>(to: &mut Option<T>, from: &Option<T>) {
            if let Some(value) = from {
                *to = Some(value.clone());
            }
        }
        set(&mut info.name, &started.name);
        set(&mut info.workflow_id, &started.workflow_id);
        set(&mut info.session_id, &started.session_id);
        set(&mut info.task, &started.task);
        set(&mut info.input, &started.input);
        set(&mut info.agent, &started.agent);
        set(&mut info.model, &started.model);
        set(&mut info.work_dir, &started.work_dir);
        set(&mut info.planned_nodes, &started.planned_nodes);
        set(&mut info.traceparent, &started.traceparent);
        set(&mut info.start_time, &started.start_time);
        set(&mut info.requested_by, &started.requested_by);
        set(&mut info.parent_execution_id, &started.parent_execution_id);
        for alias in &started.aliases {
            if !info.aliases.contains(alias) {
                info.aliases.push(alias.clone());
            }
        }
        if !started.labels.is_empty() {
            info.labels.clone_from(&started.labels);
        }
        after.began = info.started_by.is_none();
        info.started_by = Some(by.clone());
        set(&mut self.budget_usd_nanos, &started.budget_usd_nanos);
        if self.progress.status == Default::default() {
            self.progress.status = ExecutionStatus::Running;
        }
        after.outline = Some(self.outline.clone());
        if started.budget_usd_nanos.is_some() {
            after.cost = Some(self.cost());
        }
        // To begin is what a start command asked for.
        if let Some(id) = &started.command_id {
            self.command_moved(at.seq, id, CommandStage::Applied, None, None, after);
        }
    }

    fn finished(&mut self, at: At, finished: &ExecutionFinished, after: &mut After) {
        self.progress.status = finished.status;
        let Progress { completed, failed, .. } = self.progress;
        let first_time = self.first_time;
        let outline = Arc::make_mut(&mut self.outline);
        outline.native_status.clone_from(&finished.native_status);
        outline.reason.clone_from(&finished.reason);
        let finish_time = finished.finish_time.unwrap_or(at.time);
        let begun = outline.info.start_time.unwrap_or(first_time);
        let stated = finished.duration.map(|it| i64::try_from(it.as_micros()).unwrap_or(i64::MAX));
        outline.ending = Some(Ending {
            status: finished.status,
            results: finished.results.clone(),
            output: finished.output.clone(),
            failure: finished.failure.clone(),
            reason: finished.reason.clone(),
            nodes_completed: finished.nodes_completed.unwrap_or(completed),
            nodes_failed: finished.nodes_failed.unwrap_or(failed),
            duration_micros: stated.or(Some(finish_time.0.saturating_sub(begun.0).max(0))),
            finish_time,
        });
        if finished.status == ExecutionStatus::Completed {
            outline.fraction = Some(1.0);
        }
        after.outline = Some(self.outline.clone());
        after.nodes = Some(Arc::new(self.nodes.clone()));
        after.cost = Some(self.cost());
    }

    fn incurred(&mut self, by: &ProducerId, incurred: &CostIncurred, after: &mut After) {
        let totals = self.spent.entry(by.clone()).or_default();
        let before = *totals;
        let add = |to: &mut i64, from: Option<i64>| *to = to.saturating_add(from.unwrap_or(0));
        match incurred.total_usd_nanos {
            Some(total) => totals.usd_nanos = total,
            None => add(&mut totals.usd_nanos, incurred.increment_usd_nanos),
        }
        add(&mut totals.input_tokens, incurred.input_tokens);
        add(&mut totals.output_tokens, incurred.output_tokens);
        let both =
            incurred.input_tokens.unwrap_or(0).saturating_add(incurred.output_tokens.unwrap_or(0));
        add(&mut totals.tokens, Some(incurred.total_tokens.unwrap_or(both)));
        self.budget_usd_nanos = incurred.budget_usd_nanos.or(self.budget_usd_nanos);
        after.spent = Some(*totals);
        after.added = Some(totals.since(&before));
        after.cost = Some(self.cost());
    }

    fn failed(&mut self, at: At, reported: &FailureReported) {
        self.errors.push_back((at.time, reported.failure.clone()));
    }

    fn command_outcome(
        &mut self,
        at: At,
        outcome: &CommandOutcome,
        after: &mut After,
    ) -> Result<(), Contradiction> {
        let stage = match outcome.outcome {
            OutcomeStatus::InProgress => CommandStage::InProgress,
            OutcomeStatus::Applied => CommandStage::Applied,
            OutcomeStatus::Refused => CommandStage::Refused,
            OutcomeStatus::Failed => CommandStage::Failed,
            OutcomeStatus::Unknown => CommandStage::OutcomeUnknown,
        };
        let (id, reason) = (&outcome.command_id, outcome.reason.clone());
        if self.command_moved(at.seq, id, stage, reason, outcome.result.clone(), after) {
            Ok(())
        } else {
            Err(Contradiction::NoSuchCommand)
        }
    }

    /// Only forward. `false`: there is no such command.
    fn command_moved(
        &mut self,
        seq: Seq,
        id: &CommandId,
        stage: CommandStage,
        reason: Option<Text>,
        result: Option<Json>,
        after: &mut After,
    ) -> bool {
        let Some(known) = self.commands.get_mut(id) else { return false };
        if known.stage.rank() < stage.rank() {
            let state = Arc::make_mut(known);
            (state.stage, state.reason) = (stage, reason);
            state.result = result.or(state.result.take());
            state.since = seq;
        }
        after.command = Some(known.clone());
        true
    }

    /// Bounds what would otherwise grow with the execution's life. Gates and commands that may not go yet are looked at only when
    /// one of them has moved: an event must not cost more because many wait for an engine.
    fn prune(&mut self, limits: &Limits, after: &After) {
        while limits.errors < self.errors.len() {
            self.errors.pop_front();
        }
        let moved = after.command.is_some() || self.is_over();
        while moved && limits.commands < self.commands.len() {
            // Who has begun it is remembered for as long as there are gates to decide.
            let begins = |it: &CommandState| matches!(it.command.kind, CommandKind::Start { .. });
            let done = self.commands.iter().filter(|(_, it)| it.stage.is_final() && !begins(it));
            let Some((oldest, _)) = done.min_by_key(|(_, it)| it.since) else { break };
            let oldest = oldest.clone();
            self.commands.remove(&oldest);
        }
        let settled = self.gates.len() - self.progress.open_gates as usize;
        let moved = after.gate.is_some() || self.is_over();
        if moved && limits.gate_results < settled {
            let done = self.gates.iter().filter(|(_, it)| !it.is_open() && !it.is_owed());
            if let Some((oldest, _)) = done.min_by_key(|(_, it)| it.since) {
                let oldest = oldest.clone();
                self.gates.remove(&oldest);
            }
        }
    }

    /// Keeps the counters: an event must not cost more because the graph is large.
    pub(super) fn counted(&mut self, status: NodeStatus, by: i32) {
        let count = match status {
            NodeStatus::Pending
            | NodeStatus::Ready
            | NodeStatus::Queued
            | NodeStatus::Paused
            | NodeStatus::Mutated => return,
            NodeStatus::Running | NodeStatus::Retrying => &mut self.progress.running,
            NodeStatus::WaitingGate => &mut self.progress.waiting,
            NodeStatus::Completed | NodeStatus::Skipped => &mut self.progress.completed,
            NodeStatus::Failed | NodeStatus::Cancelled => &mut self.progress.failed,
        };
        *count = count.saturating_add_signed(by);
    }
}
