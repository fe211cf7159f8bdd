//! The state machine itself: which execution an input is about, and what may be asked of all.

mod commands;
mod fallen;
mod owners;
mod restore;
mod room;

use std::{
    collections::{BTreeMap, VecDeque},
    sync::Arc,
    time::Instant,
};

use owners::Owners;

use super::{
    Answer, Claim, Effect, Execution, Grant, Hello, Input, LaneFault, LaneResult, Limits, Receipt,
    Start, Tombstone, Verdict,
    log::Log,
    producers::{Link, Producers},
    turn::Turn,
    waits::{Due, Timers},
};
use crate::model::{
    Alias, CommandId, DecisionAsk, Epoch, ExecutionId, Identity, LinkId, Now, Position, Principal,
    Pseq, Received, Record, Seq, ViewerId,
};

/// The relay.
#[derive(Debug)]
pub struct Relay {
    boot: u64,
    begun: u64,
    logs: BTreeMap<ExecutionId, Log>,
    tombstones: BTreeMap<ExecutionId, Tombstone>,
    /// Those that it has fallen over, and how often.
    fallen: BTreeMap<ExecutionId, u32>,
    aliases: BTreeMap<Alias, ExecutionId>,
    producers: Producers,
    owners: Owners,
    /// Start commands, which name no execution of their own, by id; oldest first.
    starts: VecDeque<Started>,
    timers: Timers,
    /// Open gates of all executions.
    open_gates: usize,
    effects: VecDeque<Effect>,
    limits: Limits,
    /// Nothing new is begun: there is no memory for it.
    closed: bool,
}

#[derive(Debug)]
struct Started {
    id: CommandId,
    execution: ExecutionId,
}

impl Relay {
    /// `boot` is unique to this start of the process: the core has no randomness of its own.
    pub fn new(boot: u64, limits: Limits) -> Self {
        Self {
            boot,
            begun: 0,
            logs: BTreeMap::new(),
            tombstones: BTreeMap::new(),
            fallen: BTreeMap::new(),
            aliases: BTreeMap::new(),
            producers: Producers::default(),
            owners: Owners::default(),
            starts: VecDeque::new(),
            timers: Timers::default(),
            open_gates: 0,
            effects: VecDeque::new(),
            limits,
            closed: false,
        }
    }

    /// Takes one input. Afterwards, drain [`Relay::poll_effect`] and look at
    /// [`Relay::poll_timeout`] again.
    pub fn handle(&mut self, now: Now, input: Input) {
        match input {
            Input::Greeted { link, hello } => self.greeted(now, link, &hello),
            Input::Claimed { link, claims } => {
                if self.producers.link(link).is_some() {
                    let grants = self.grant_all(now, link, &claims);
                    self.effects.push_back(Effect::Granted { link, grants });
                    self.attach_all(now, link, &claims);
                }
            }
            Input::Published { link, execution, first, batch_ref, events } => {
                self.published(now, link, &execution, first, batch_ref, events);
            }
            Input::Reported { link, execution, as_of, events } => {
                let grant = self.guarded_of(now, link, &execution, |turn| {
                    turn.reported(link, as_of, events);
                    turn.regrant(link)
                });
                let fallen = self.fallen.contains_key(&execution);
                let grant = grant.or_else(|| fallen.then(|| self.standing(link, &execution)));
                if let Some(grant) = grant {
                    self.effects.push_back(Effect::Granted { link, grants: vec![grant] });
                }
            }
            Input::Receipted { link, execution, about } => {
                self.guarded_of(now, link, &execution, |turn| turn.receipted(link, &about));
            }
            Input::Withdrawn { link, execution, gate, version, reason } => {
                let verdict = self.guarded_of(now, link, &execution, |turn| {
                    turn.withdrawn(link, &gate, version, reason)
                });
                let verdict = verdict.unwrap_or(Verdict::Unknown);
                let verdict = Effect::Verdict { link, execution, gate, version, verdict };
                self.effects.push_back(verdict);
            }
            Input::Detached { link } => {
                if let Some(producer) = self.producers.detach(link) {
                    for execution in self.producers.executions(&producer) {
                        self.guarded(now, &execution, |turn| turn.lost(&producer));
                    }
                }
            }
            Input::Decided { viewer, principal, ask } => {
                self.decided(now, viewer, &principal, &ask);
            }
            Input::Commanded { viewer, principal, ask } => {
                self.commanded(now, viewer, principal, ask);
            }
        }
    }

    /// Does what has fallen due.
    pub fn handle_timeout(&mut self, now: Now) {
        while let Some((execution, due)) = self.timers.pop(now.instant) {
            match due {
                Due::Gate(gate) => {
                    self.guarded(now, &execution, |turn| turn.gate_due(&gate));
                }
                Due::Orphan(gate) => {
                    self.guarded(now, &execution, |turn| turn.orphan_due(&gate));
                }
                Due::Command(command) => {
                    self.guarded(now, &execution, |turn| turn.command_due(&command));
                }
                Due::Forget => self.forget(now, &execution),
                Due::Bury => {
                    self.tombstones.remove(&execution);
                    self.producers.forget(&execution);
                }
            }
        }
    }

    /// What is to be done next.
    pub fn poll_effect(&mut self) -> Option<Effect> {
        self.effects.pop_front()
    }

    /// When [`Relay::handle_timeout`] has something to do.
    pub fn poll_timeout(&self) -> Option<Instant> {
        self.timers.next()
    }

    /// The log that a name means: an execution's own name or an alias of it, or
    /// [`ExecutionId::of_workflow`].
    pub fn resolve(&self, name: &str) -> Option<ExecutionId> {
        let id = match name.strip_prefix('*') {
            Some(workflow) => workflow.parse().ok().map(|it| ExecutionId::of_workflow(&it)),
            None => name.parse().ok(),
        };
        let own = id.filter(|id| self.logs.contains_key(id));
        own.or_else(|| self.aliases.get(&name.parse().ok()?).cloned())
    }

    /// Where a viewer begins. Ask it between two inputs, after the effects of the first: then no
    /// record falls between what it is shown and what it is sent.
    pub fn start(&self, execution: &ExecutionId, since: Option<Position>) -> Option<Start> {
        Some(self.logs.get(execution)?.history.start(since))
    }

    /// The state, and the newest record that is in it.
    pub fn snapshot(&self, execution: &ExecutionId) -> Option<(Position, &Execution)> {
        let log = self.logs.get(execution)?;
        Some((log.history.position(), &log.state))
    }

    /// The records that are still here, oldest first.
    pub fn retained(&self, execution: &ExecutionId) -> impl Iterator<Item = &Arc<Record>> {
        self.logs.get(execution).into_iter().flat_map(|log| log.history.records())
    }

    /// Every execution, in the order of their names. Logs of workflows are none.
    pub fn executions(&self) -> impl Iterator<Item = (&ExecutionId, Position, &Execution)> {
        self.logs().filter(|(id, ..)| id.workflow().is_none())
    }

    /// Every log, in the order of their names.
    pub fn logs(&self) -> impl Iterator<Item = (&ExecutionId, Position, &Execution)> {
        self.logs.values().map(|log| (&log.execution, log.history.position(), &log.state))
    }

    /// Whose an execution is: the engine's that began it.
    pub fn owner(&self, execution: &ExecutionId) -> Option<&Identity> {
        Some(&self.logs.get(execution)?.owner)
    }

    /// The newest record of an execution.
    pub fn head(&self, execution: &ExecutionId) -> Option<Seq> {
        Some(self.logs.get(execution)?.history.position().seq)
    }

    fn greeted(&mut self, now: Now, link: LinkId, hello: &Hello) {
        let greeting = self.producers.greet(link, hello);
        let end = |(link, why)| Effect::End { link, why };
        self.effects.extend(greeting.ended.iter().copied().map(end));
        if !greeting.admitted {
            return;
        }
        if greeting.restarted {
            // What the earlier start worked on is its successor's only where that says so.
            let claimed = |id: &ExecutionId| hello.claims.iter().any(|it| it.execution == *id);
            for execution in self.producers.executions(&hello.producer) {
                if !claimed(&execution) {
                    let (producer, epoch) = (&hello.producer, hello.epoch);
                    self.guarded(now, &execution, |turn| turn.abandoned(producer, epoch));
                }
            }
        }
        let grants = self.grant_all(now, link, &hello.claims);
        self.effects.push_back(Effect::Welcome { link, grants });
        self.attach_all(now, link, &hello.claims);
    }

    fn grant_all(&mut self, now: Now, link: LinkId, claims: &[Claim]) -> Vec<Grant> {
        claims.iter().map(|claim| self.grant(now, link, claim)).collect()
    }

    fn grant(&mut self, now: Now, link: LinkId, claim: &Claim) -> Grant {
        let execution = claim.execution.clone();
        let fault = |log| Grant {
            execution: claim.execution.clone(),
            log,
            next: Pseq(0),
            need_state: false,
        };
        let Some(speaker) = self.producers.link(link).cloned() else {
            return fault(Err(LaneFault::WrongOwner));
        };
        if let Some(tombstone) = self.tombstones.get(&execution) {
            let next = tombstone.next(&speaker.producer);
            return Grant { next, ..fault(Err(LaneFault::Gone)) };
        }
        let taken = |alias: &Alias| self.aliases.get(alias).is_some_and(|of| *of != execution);
        if claim.aliases.iter().any(taken) {
            return fault(Err(LaneFault::AliasTaken));
        }
        match self.begin(now, &speaker, &execution) {
            Ok(()) => {}
            Err(why) => return fault(Err(why)),
        }
        let Some(log) = self.logs.get_mut(&execution) else {
            return fault(Err(LaneFault::Limit));
        };
        for alias in &claim.aliases {
            self.aliases.insert(alias.clone(), execution.clone());
            log.aliases.insert(alias.clone());
        }
        let lane = log.lanes.open(&speaker.producer);
        lane.needs_state |= lane.next < claim.first_unacked;
        let (next, need_state) = (lane.next, lane.needs_state);
        let log = Ok(log.history.position().epoch);
        Grant { execution, log, next, need_state }
    }

    fn attach_all(&mut self, now: Now, link: LinkId, claims: &[Claim]) {
        for claim in claims {
            self.guarded_of(now, link, &claim.execution, |turn| turn.attached(link, claim));
        }
    }

    fn published(
        &mut self,
        now: Now,
        link: LinkId,
        execution: &ExecutionId,
        first: Option<Pseq>,
        batch_ref: u64,
        events: Vec<Received>,
    ) {
        let Some(speaker) = self.producers.link(link).cloned() else { return };
        let mut result = LaneResult::of(execution.clone(), batch_ref);
        if let Some(tombstone) = self.tombstones.get(execution) {
            // What was taken in before it was forgotten is acknowledged again, for ever.
            let next = tombstone.next(&speaker.producer);
            let known = first.is_some_and(|it| it.0 + events.len() as u64 <= next.0);
            let at = Position { epoch: tombstone.epoch, seq: tombstone.last };
            match known && tombstone.owner == speaker.identity {
                true => result.ack = Some((Pseq(next.0 - 1), at)),
                false => result.fault = Some(LaneFault::Gone),
            }
        } else if let Err(why) = self.begin(now, &speaker, execution) {
            result.fault = Some(why);
        } else {
            let taken = self.guarded(now, execution, |turn| {
                turn.published(link, &speaker, first, events, &mut result);
            });
            if taken.is_none() {
                result = LaneResult::of(execution.clone(), batch_ref);
                result.fault = Some(LaneFault::Fallen);
            }
        }
        self.effects.push_back(Effect::Result { link, result });
    }

    /// Only engines begin an execution; viewers cannot. It belongs to who begins it.
    fn begin(
        &mut self,
        now: Now,
        speaker: &Link,
        execution: &ExecutionId,
    ) -> Result<(), LaneFault> {
        let owner = self.logs.get(execution).map(|log| &log.owner);
        match owner.map(|owner| *owner == speaker.identity) {
            Some(true) => {}
            Some(false) => return Err(LaneFault::WrongOwner),
            None if self.fallen.contains_key(execution) => return Err(LaneFault::Fallen),
            None => {
                self.has_room(now, &speaker.identity)?;
                self.create(now, execution.clone(), speaker.identity.clone());
            }
        }
        self.producers.takes_part(&speaker.producer, execution);
        Ok(())
    }

    fn create(&mut self, now: Now, execution: ExecutionId, owner: Identity) {
        self.begun += 1;
        self.owners.begun(now.instant, &owner, &self.limits);
        let epoch = Epoch { boot: self.boot, nth: self.begun };
        self.logs.insert(execution.clone(), Log::new(execution, epoch, owner));
    }

    fn decided(&mut self, now: Now, viewer: ViewerId, principal: &Principal, ask: &DecisionAsk) {
        let known = self.resolve(&ask.execution);
        let decide = |turn: &mut Turn<'_>| turn.decide(viewer, principal, ask);
        if known.and_then(|execution| self.guarded(now, &execution, decide)).is_none() {
            let answer = Answer::Receipt(Receipt::unknown_gate(ask));
            self.effects.push_back(Effect::Answer { viewer, answer });
        }
    }

    /// Whether an execution belongs to who speaks on `link`.
    fn is_theirs(&self, link: LinkId, execution: &ExecutionId) -> bool {
        let identity = self.producers.link(link).map(|link| &link.identity);
        identity.is_some() && self.logs.get(execution).map(|log| &log.owner) == identity
    }

    /// To be taken by [`Relay::guarded`] alone.
    fn turn(&mut self, now: Now, execution: &ExecutionId) -> Option<Turn<'_>> {
        let Self { logs, timers, effects, limits, producers, aliases, open_gates, .. } = self;
        let log = logs.get_mut(execution)?;
        Some(Turn { now, log, producers, aliases, timers, open_gates, effects, limits })
    }
}

impl LaneResult {
    fn of(execution: ExecutionId, batch_ref: u64) -> Self {
        Self { execution, batch_ref, ack: None, nack: None, fault: None, issues: vec![] }
    }
}
