//! What becomes of commands: the same log, dedupe and receipts as decisions, towards a state that
//! is asked for. Success only when the engine confirms it.

use std::sync::Arc;

use super::Turn;
use crate::core::{
    Claim, Effect, KnownOutcome, Receipt, Reference, Stage,
    answer::UNABLE,
    waits::{CommandWait, Due, backoff},
};
use crate::model::{
    Capabilities, Command, CommandAsk, CommandId, CommandKind, CommandStage, CommandState,
    ExecutionStatus, Fact, Principal, ProducerEpoch, ProducerId, Text, ViewerId,
};

impl Turn<'_> {
    pub(in crate::core) fn command(
        &mut self,
        viewer: ViewerId,
        principal: Principal,
        ask: CommandAsk,
    ) {
        let id = ask.id.clone().unwrap_or_else(|| self.mint());
        if let Some(known) = self.log.state.commands.get(&id) {
            return match self.is_same(&known.command, &principal, &ask) {
                true => self.known_command(viewer, &id),
                false => {
                    let reason = "this id names another command";
                    let about = Reference::Command(id);
                    self.command_answer(viewer, about, Stage::IdReused, Some(reason.into()), None);
                }
            };
        }
        let to = self.executor(&ask.kind);
        if let Some(reason) = self.objects(&ask.kind, to.as_ref()) {
            let about = Reference::Command(id);
            return self.command_answer(viewer, about, Stage::Refused, Some(reason.into()), None);
        }
        let Some(to) = to else { return };
        let CommandAsk { kind, reason, .. } = ask;
        let time = self.now.time;
        let command = Arc::new(Command { id: id.clone(), kind, reason, by: principal, time });
        self.note(Fact::Commanded { command });
        let patience = Some(self.now.instant + self.limits.patience);
        let wait = CommandWait {
            due: None,
            asker: Some(viewer),
            attempts: 0,
            to,
            sent_to: None,
            patience,
        };
        self.log.command_waits.insert(id.clone(), wait);
        let stage = Stage::Recorded;
        self.command_answer(viewer, Reference::Command(id.clone()), stage, None, Some(&id));
        self.order(&id);
        self.arm_command(&id);
    }

    /// Where no id came with it: the count of records makes one.
    fn mint(&self) -> CommandId {
        let at = self.log.history.position();
        let name = format!("relay-{}-{}", at.epoch, at.seq.next());
        name.parse().expect("letters, digits and dashes")
    }

    /// Who would carry it out.
    pub(super) fn executor(&self, kind: &CommandKind) -> Option<ProducerId> {
        let producers = &self.log.state.producers;
        let first = || producers.keys().next();
        match kind {
            CommandKind::Pause | CommandKind::Resume | CommandKind::Cancel => {
                self.log.state.outline.info.started_by.as_ref().or_else(first).cloned()
            }
            CommandKind::Start { .. } => self.log.starter.clone(),
            CommandKind::Custom { name, .. } => {
                let can = |(_, it): &(_, &crate::model::Presence)| {
                    it.capabilities.custom_types.contains(name)
                };
                producers.iter().find(can).map(|(id, _)| id.clone())
            }
        }
    }

    fn objects(&self, kind: &CommandKind, to: Option<&ProducerId>) -> Option<&'static str> {
        let state = &self.log.state;
        if state.is_over() {
            return Some("the execution is over");
        }
        let pending = |want: fn(&CommandKind) -> bool| {
            state.commands.values().any(|it| !it.stage.is_final() && want(&it.command.kind))
        };
        let cancelling = state.status() == ExecutionStatus::Cancelling
            || pending(|kind| matches!(kind, CommandKind::Cancel));
        let none = Capabilities::default();
        let can = to.and_then(|it| state.producers.get(it)).map_or(&none, |it| &it.capabilities);
        let (able, absorbed) = match kind {
            CommandKind::Pause => (can.pause, cancelling),
            CommandKind::Resume => (can.resume, cancelling),
            CommandKind::Cancel => (can.cancel, false),
            CommandKind::Custom { .. } => (to.is_some(), cancelling),
            CommandKind::Start { .. } => (to.is_some(), false),
        };
        if absorbed {
            return Some("the execution is being cancelled");
        }
        if !able {
            return Some(UNABLE);
        }
        None
    }

    /// Tells its engine; with none attached it waits.
    fn order(&mut self, id: &CommandId) {
        let Some(state) = self.log.state.commands.get(id).cloned() else { return };
        let Some(wait) = self.log.command_waits.get_mut(id) else { return };
        // Only a start is for an engine that has not spoken of the execution yet; and one that has
        // started again does not know what its earlier start was told.
        let starts = matches!(state.command.kind, CommandKind::Start { .. });
        let here = self.log.state.producers.get(&wait.to).is_some_and(|it| it.attached);
        let known = |epoch| wait.sent_to.is_none_or(|(_, sent)| sent == epoch);
        let Some(speaks) = self.producers.speaking(&wait.to) else { return };
        if !(starts || here) || !known(speaks.1) {
            return;
        }
        wait.sent_to = Some(speaks);
        let (link, _) = speaks;
        wait.attempts += 1;
        let attempt = wait.attempts;
        let (execution, command) = (self.log.execution.clone(), state.command.clone());
        if state.stage == CommandStage::Queued {
            let (stage, reason) = (CommandStage::Sent, None);
            self.note(Fact::CommandMoved { id: id.clone(), stage, reason });
        }
        self.effects.push_back(Effect::Order { link, execution, command, attempt });
    }

    /// It has waited: for its engine, or beyond its sender's patience.
    pub(in crate::core) fn command_due(&mut self, id: &CommandId) {
        let now = self.now.instant;
        let Some(wait) = self.log.command_waits.get_mut(id) else { return };
        wait.due = None;
        let impatient = wait.patience.is_some_and(|at| at <= now);
        if impatient {
            wait.patience = None;
            let asker = wait.asker;
            let reason = "the engine has not answered yet; the command stays queued";
            let about = Reference::Command(id.clone());
            if let Some(asker) = asker {
                self.command_answer(asker, about, Stage::Waiting, Some(reason.into()), Some(id));
            }
        }
        let Some(wait) = self.log.command_waits.get(id) else { return };
        let attempts = wait.attempts;
        let begun = self.log.state.commands.get(id).map(|it| it.stage);
        let delivered = begun.is_some_and(|it| CommandStage::InProgress <= it);
        if !delivered && !impatient && attempts > 0 {
            self.order(id);
        }
        self.arm_command(id);
    }

    fn arm_command(&mut self, id: &CommandId) {
        let Self { log, timers, now, limits, .. } = self;
        let Some(wait) = log.command_waits.get_mut(id) else { return };
        let again = (wait.attempts > 0).then(|| now.instant + backoff(wait.attempts, limits));
        let due = again.into_iter().chain(wait.patience).min();
        timers.arm(&log.execution, Due::Command(id.clone()), &mut wait.due, due);
    }

    /// A producer is here (again): pause, resume and cancel are states, and asked for again; what a
    /// start or a custom command did in an earlier start of the process, nobody knows.
    pub(super) fn reorder(&mut self, producer: &ProducerId, epoch: ProducerEpoch, claim: &Claim) {
        let waits = self.log.command_waits.iter().filter(|(_, wait)| wait.to == *producer);
        let ids: Vec<CommandId> = waits.map(|(id, _)| id.clone()).collect();
        for id in ids {
            let Some(state) = self.log.state.commands.get(&id).cloned() else { continue };
            let Some(wait) = self.log.command_waits.get_mut(&id) else { continue };
            let restarted = wait.sent_to.is_some_and(|(_, sent)| sent < epoch);
            if wait
                .sent_to
                .is_some_and(|(link, _)| self.producers.listening(producer) == Some(link))
            {
                continue;
            }
            let knows = |known: &KnownOutcome| match known {
                KnownOutcome::Command { id: known, .. } => *known == id,
                KnownOutcome::Decision { .. } => false,
            };
            let once = match state.command.kind {
                CommandKind::Start { .. } | CommandKind::Custom { .. } => true,
                CommandKind::Pause | CommandKind::Resume | CommandKind::Cancel => false,
            };
            if restarted && claim.outcomes.iter().any(knows) {
                continue;
            }
            if restarted && once {
                let reason = "the engine has started again and does not know of it";
                self.move_command(&id, CommandStage::OutcomeUnknown, Some(reason.into()));
                continue;
            }
            wait.sent_to = wait.sent_to.filter(|_| !restarted);
            self.order(&id);
            self.arm_command(&id);
        }
    }

    pub(super) fn command_receipted(&mut self, speaker: &ProducerId, id: &CommandId) {
        let to = self.log.command_waits.get(id).is_some_and(|wait| wait.to == *speaker);
        if to {
            self.move_command(id, CommandStage::Delivered, None);
        }
    }

    pub(super) fn move_command(
        &mut self,
        id: &CommandId,
        stage: CommandStage,
        reason: Option<Text>,
    ) {
        let Some(known) = self.log.state.commands.get(id) else { return };
        if known.stage.rank() < stage.rank() {
            self.note(Fact::CommandMoved { id: id.clone(), stage, reason });
            self.command_moved(id);
        }
    }

    /// After it has moved: who asked is told, and nothing is waited for that has come.
    pub(super) fn command_moved(&mut self, id: &CommandId) {
        let Some(state) = self.log.state.commands.get(id).cloned() else { return };
        let Some(wait) = self.log.command_waits.get(id) else { return };
        let (asker, about) = (wait.asker, Reference::Command(id.clone()));
        if let Some(asker) = asker {
            let (stage, reason) = (stage_of(&state), state.reason.clone());
            self.command_answer(asker, about, stage, reason, Some(id));
        }
        if state.stage.is_final() {
            let Self { log, timers, .. } = self;
            if let Some(mut wait) = log.command_waits.remove(id) {
                timers.arm(&log.execution, Due::Command(id.clone()), &mut wait.due, None);
            }
        }
    }

    /// All is over: what was asked for has come about, or can't any longer. Whether its engine did
    /// what it was told to do once, and has not said so yet, nobody knows: its answer still counts.
    pub(super) fn conclude_commands(&mut self, status: ExecutionStatus) {
        let open: Vec<CommandId> = self.log.command_waits.keys().cloned().collect();
        for id in open {
            let Some(state) = self.log.state.commands.get(&id) else { continue };
            let sent = state.stage != CommandStage::Queued;
            let (stage, reason) = match state.command.kind {
                CommandKind::Cancel if status == ExecutionStatus::Cancelled => {
                    (CommandStage::Applied, None)
                }
                CommandKind::Start { .. } | CommandKind::Custom { .. } if sent => {
                    let reason = "the execution has ended before its engine has answered";
                    (CommandStage::OutcomeUnknown, Some(reason.into()))
                }
                CommandKind::Pause
                | CommandKind::Resume
                | CommandKind::Cancel
                | CommandKind::Start { .. }
                | CommandKind::Custom { .. } => {
                    (CommandStage::Refused, Some("the execution is over".into()))
                }
            };
            self.move_command(&id, stage, reason);
        }
    }

    fn known_command(&mut self, viewer: ViewerId, id: &CommandId) {
        if let Some(wait) = self.log.command_waits.get_mut(id) {
            wait.asker = Some(viewer);
        }
        let state = self.log.state.commands.get(id).cloned();
        let (stage, reason) = match &state {
            Some(state) => (stage_of(state), state.reason.clone()),
            None => (Stage::Recorded, None),
        };
        self.command_answer(viewer, Reference::Command(id.clone()), stage, reason, Some(id));
    }

    fn command_answer(
        &mut self,
        viewer: ViewerId,
        about: Reference,
        stage: Stage,
        reason: Option<Text>,
        of: Option<&CommandId>,
    ) {
        let command = of.and_then(|id| self.log.state.commands.get(id));
        let receipt = Receipt {
            execution: Some(self.log.execution.clone()),
            reason,
            by: command.map(|it| it.command.by.clone()),
            at: Some(self.now.time),
            ..Receipt::new(about, stage)
        };
        self.answer(viewer, receipt);
    }

    /// Whether a command that was taken is what is asked for again.
    fn is_same(&self, known: &Command, by: &Principal, ask: &CommandAsk) -> bool {
        let CommandAsk { id: _, execution, kind, reason } = ask;
        // Only of a start the name says anything: the others have come here by it.
        let named = match kind {
            CommandKind::Start { .. } => execution.as_deref(),
            CommandKind::Pause
            | CommandKind::Resume
            | CommandKind::Cancel
            | CommandKind::Custom { .. } => None,
        };
        known.by.subject == by.subject
            && known.kind == *kind
            && known.reason == *reason
            && named.is_none_or(|it| it == self.log.execution.as_str())
    }
}

fn stage_of(state: &CommandState) -> Stage {
    match state.stage {
        CommandStage::Queued | CommandStage::Sent => Stage::Recorded,
        CommandStage::Delivered => Stage::Delivered,
        CommandStage::InProgress => Stage::InProgress,
        CommandStage::OutcomeUnknown => Stage::OutcomeUnknown,
        CommandStage::Applied => Stage::Applied,
        CommandStage::Refused => Stage::Refused,
        CommandStage::Failed => Stage::Failed,
    }
}
