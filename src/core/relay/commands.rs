//! Commands that need no execution yet: a start, for which an engine is looked for and a log begun.

use super::{Relay, Started};
use crate::core::{Answer, Effect, LaneFault, NO_STARTER, Receipt, turn::Turn};
use crate::model::{
    CommandAsk, CommandId, CommandKind, ExecutionId, Now, Principal, ViewerId, WorkflowId,
};

/// Start commands that are remembered.
const STARTS: usize = 1_024;

impl Relay {
    pub(super) fn commanded(
        &mut self,
        now: Now,
        viewer: ViewerId,
        principal: Principal,
        ask: CommandAsk,
    ) {
        // An id is one act, in whichever execution.
        let started = ask.id.as_ref().and_then(|id| self.starts.iter().find(|it| it.id == *id));
        let execution = match (&ask.kind, &ask.execution, started) {
            (_, _, Some(started)) => Some(started.execution.clone()),
            (CommandKind::Start { workflow, .. }, _, None) => {
                match self.start_execution(now, workflow, principal.tenant.as_deref(), &ask) {
                    Ok(execution) => Some(execution),
                    Err(reason) => return self.refuse(viewer, &ask, reason),
                }
            }
            (_, Some(name), None) => self.resolve(name),
            (_, None, None) => None,
        };
        let asked = ask.clone();
        let command = |turn: &mut Turn<'_>| turn.command(viewer, principal, ask);
        if execution.and_then(|execution| self.guarded(now, &execution, command)).is_none() {
            self.refuse(viewer, &asked, "unknown execution");
        }
    }

    /// The execution that this command has started.
    pub fn started(&self, id: &CommandId) -> Option<&ExecutionId> {
        self.starts.iter().find(|it| it.id == *id).map(|it| &it.execution)
    }

    /// Who has begun an execution, by name, as far as that is known: whoever gave the command that started
    /// it, and in whose name its engine says that it runs.
    pub fn began(&self, execution: &ExecutionId) -> impl Iterator<Item = &str> {
        let state = self.logs.get(execution).map(|it| &it.state);
        let commands = state.into_iter().flat_map(|it| it.commands.values());
        let starts = commands.filter(|it| matches!(it.command.kind, CommandKind::Start { .. }));
        let said = state.and_then(|it| it.outline.info.requested_by.as_deref());
        starts.map(|it| &*it.command.by.subject).chain(said)
    }

    /// A log for an execution that an engine is yet to begin.
    fn start_execution(
        &mut self,
        now: Now,
        workflow: &WorkflowId,
        tenant: Option<&str>,
        ask: &CommandAsk,
    ) -> Result<ExecutionId, &'static str> {
        let (_, engine) = self.producers.starter(workflow, tenant).ok_or(NO_STARTER)?;
        let (owner, producer) = (engine.identity.clone(), engine.producer.clone());
        let execution = match &ask.execution {
            Some(name) => self.free_name(name)?,
            None => {
                let name = format!("run-{:x}-{}", self.boot, self.begun + 1);
                name.parse().expect("hexadecimal and decimal digits")
            }
        };
        self.has_room(now, &owner).map_err(LaneFault::of_room)?;
        self.create(now, execution.clone(), owner);
        self.producers.takes_part(&producer, &execution);
        if let Some(log) = self.logs.get_mut(&execution) {
            log.starter = Some(producer);
        }
        if let Some(id) = &ask.id {
            self.starts.push_back(Started { id: id.clone(), execution: execution.clone() });
            while STARTS < self.starts.len() {
                self.starts.pop_front();
            }
        }
        Ok(execution)
    }

    /// The name that a viewer wants an execution to have, if it may have it.
    fn free_name(&self, name: &str) -> Result<ExecutionId, &'static str> {
        if self.resolve(name).is_some() {
            return Err("there is an execution of this name");
        }
        let execution = name.parse().map_err(|_| "an execution can't have this name")?;
        if self.tombstones.contains_key(&execution) || self.fallen.contains_key(&execution) {
            return Err("there was an execution of this name");
        }
        Ok(execution)
    }

    fn refuse(&mut self, viewer: ViewerId, ask: &CommandAsk, reason: &str) {
        let answer = Answer::Receipt(Receipt::refused_command(ask, reason));
        self.effects.push_back(Effect::Answer { viewer, answer });
    }
}
