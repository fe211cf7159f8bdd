//! The gates of the simulated engines and the commands that they have carried out, in the one table
//! that outlives them all: this is what makes a decision, or a command, take effect once. It must never be reached around.

use std::collections::{BTreeMap, BTreeSet};

use footplate::engine::pb::{self, OutcomeStatus};

use super::history::Question;

/// All gates of all executions, and all commands.
#[derive(Debug, Default)]
pub(super) struct Gates {
    gates: BTreeMap<(String, String), Gate>,
    /// The commands that were carried out, by execution.
    obeyed: BTreeSet<(String, String)>,
}

#[derive(Debug)]
struct Gate {
    version: u32,
    answer: Option<Answer>,
}

/// How a gate was settled, as its engine knows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Answer {
    /// By this decision, which took effect.
    Applied(String),
    /// Without one.
    Closed,
}

/// What comes of a decision that has arrived.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Outcome {
    /// It takes effect now.
    Applied,
    /// It took effect before.
    Again,
    /// It takes none, and why.
    Refused(&'static str),
}

impl Gates {
    /// A gate is announced, for the first time or in other words.
    pub(super) fn open(&mut self, of: &Question) {
        let gate = Gate { version: of.version, answer: None };
        let gate = self.gates.entry((of.execution.clone(), of.gate.clone())).or_insert(gate);
        if gate.answer.is_none() {
            gate.version = gate.version.max(of.version);
        }
    }

    /// The version in which a gate waits.
    pub(super) fn waits(&self, execution: &str, gate: &str) -> Option<u32> {
        let gate = self.gates.get(&(execution.to_owned(), gate.to_owned()))?;
        gate.answer.is_none().then_some(gate.version)
    }

    /// How a gate was settled.
    pub(super) fn answer(&self, execution: &str, gate: &str) -> Option<&Answer> {
        self.gates.get(&(execution.to_owned(), gate.to_owned()))?.answer.as_ref()
    }

    /// Compare and set: only a gate that waits in this very version takes a decision.
    pub(super) fn apply(&mut self, of: &Question, id: &str) -> Outcome {
        let key = (of.execution.clone(), of.gate.clone());
        let Some(gate) = self.gates.get_mut(&key) else { return Outcome::Refused("gate_not_open") };
        match &gate.answer {
            Some(Answer::Applied(known)) if known == id => Outcome::Again,
            Some(Answer::Applied(_)) => Outcome::Refused("answered by another"),
            Some(Answer::Closed) => Outcome::Refused("gate_not_open"),
            None if gate.version != of.version => Outcome::Refused("gate_changed"),
            None => {
                gate.answer = Some(Answer::Applied(id.to_owned()));
                Outcome::Applied
            }
        }
    }

    /// Settles a gate without a decision.
    pub(super) fn close(&mut self, execution: &str, gate: &str) {
        let gate = self.gates.get_mut(&(execution.to_owned(), gate.to_owned()));
        if let Some(gate) = gate.filter(|it| it.answer.is_none()) {
            gate.answer = Some(Answer::Closed);
        }
    }

    /// The gates of an execution that wait.
    pub(super) fn open_of(&self, execution: &str) -> Vec<(String, u32)> {
        let of =
            self.gates.iter().filter(|((it, _), gate)| it == execution && gate.answer.is_none());
        of.map(|((_, gate), it)| (gate.clone(), it.version)).collect()
    }

    /// The decisions on an execution that took effect, as a claim names them.
    pub(super) fn outcomes(&self, execution: &str) -> Vec<pb::KnownOutcome> {
        let of = self.gates.iter().filter(|((it, _), _)| it == execution);
        let applied = of.filter_map(|((_, gate), it)| match &it.answer {
            Some(Answer::Applied(id)) => Some((gate, id)),
            Some(Answer::Closed) | None => None,
        });
        let known = applied.map(|(gate, id)| pb::KnownOutcome {
            decision_id: id.clone(),
            gate_id: gate.clone(),
            outcome: OutcomeStatus::Applied.into(),
            ..pb::KnownOutcome::default()
        });
        let obeyed = self.obeyed.iter().filter(|(it, _)| it == execution);
        let obeyed = obeyed.map(|(_, id)| pb::KnownOutcome {
            command_id: id.clone(),
            outcome: OutcomeStatus::Applied.into(),
            ..pb::KnownOutcome::default()
        });
        known.chain(obeyed).collect()
    }

    /// Carries a command out. `false`: that was done before.
    pub(super) fn obey(&mut self, execution: &str, id: &str) -> bool {
        self.obeyed.insert((execution.to_owned(), id.to_owned()))
    }
}
