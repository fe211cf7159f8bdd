//! What a simulated engine executes: a few steps for each execution, drawn from the seed, with
//! gates among them. It must never know how its events travel.

use footplate::engine::pb::{self, event::Kind};

use super::gates::Answer;
use super::history::Question;
use crate::dice::Dice;

/// A question at a gate of this number, which expires so many seconds after it was asked.
pub(super) fn gate(number: u32, within: Option<u64>, then: Then) -> Step {
    Step::Gate(Ask { gate: format!("n{number}:1"), node: number, within, then })
}

/// An execution for an engine, drawn from a seed.
pub(super) fn run(name: &str, steps: u64, gates: bool, seed: u64) -> Run {
    Run::new(name, steps, gates, &mut Dice::seeded(seed))
}

/// One step of an execution.
#[derive(Debug, Clone)]
pub(super) enum Step {
    /// It begins.
    Start,
    /// A line of a log, with so many bytes of filling.
    Log(usize),
    /// A node changes.
    Node(u32, pb::NodeStatus),
    /// Something was spent.
    Cost,
    /// A question to a human.
    Gate(Ask),
    /// It is over.
    Finish,
}

/// How a question is asked.
#[derive(Debug, Clone)]
pub(super) struct Ask {
    pub(super) gate: String,
    pub(super) node: u32,
    /// Seconds until it expires.
    pub(super) within: Option<u64>,
    /// What happens while it waits.
    pub(super) then: Then,
}

/// What an engine may do while its gate waits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Then {
    /// It waits.
    Wait,
    /// It asks the question in other words.
    Rephrase,
    /// It gives up.
    Withdraw,
    /// It learns the answer in another way.
    Close,
}

/// One execution and how far it has come.
#[derive(Debug, Clone)]
pub(super) struct Run {
    pub(super) execution: String,
    pub(super) steps: Vec<Step>,
    pub(super) at: usize,
    /// The version in which this process has announced the gate of the present step.
    pub(super) asked: Option<u32>,
    /// What happens while it waits has happened.
    pub(super) acted: bool,
}

/// What a step comes to.
pub(super) enum Done {
    /// These events, and on.
    Events(Vec<Kind>),
    /// The question is to be asked.
    Asks(Question),
    /// The question is settled.
    Answered,
    /// It waits, and does this meanwhile.
    Waits(Then, Question),
}

impl Run {
    /// An execution of about so many steps.
    pub(super) fn new(execution: &str, steps: u64, gates: bool, dice: &mut Dice) -> Self {
        let mut all = vec![Step::Start];
        let mut nodes = 0;
        // One that says much makes a store write down where it stands, beside what happened.
        let line = Step::Log(if dice.one_in(4) { 8_000 } else { 0 });
        while (all.len() as u64) < steps {
            match dice.below(8) {
                0..=2 => all.push(line.clone()),
                3 => all.push(Step::Cost),
                4 | 5 => {
                    nodes += 1;
                    all.push(Step::Node(nodes, pb::NodeStatus::Running));
                    all.push(Step::Node(nodes, pb::NodeStatus::Completed));
                }
                _ if gates => {
                    nodes += 1;
                    let within = dice.one_in(4).then(|| 1 + dice.below(30));
                    let then = match dice.below(10) {
                        0 => Then::Rephrase,
                        1 => Then::Withdraw,
                        2 => Then::Close,
                        _ => Then::Wait,
                    };
                    let gate = format!("n{nodes}:1");
                    all.push(Step::Node(nodes, pb::NodeStatus::Running));
                    all.push(Step::Gate(Ask { gate, node: nodes, within, then }));
                    all.push(Step::Node(nodes, pb::NodeStatus::Completed));
                }
                _ => all.push(line.clone()),
            }
        }
        all.push(Step::Finish);
        let (execution, at) = (execution.to_owned(), 0);
        Self { execution, steps: all, at, asked: None, acted: false }
    }

    /// One that does just this, between its beginning and its end.
    pub(super) fn of(execution: &str, steps: impl IntoIterator<Item = Step>) -> Self {
        let steps = [Step::Start].into_iter().chain(steps).chain([Step::Finish]).collect();
        Self { execution: execution.to_owned(), steps, at: 0, asked: None, acted: false }
    }

    /// What another engine does beside: it writes lines of the same execution in a lane of its own,
    /// and takes over the first of its gates.
    pub(super) fn beside(&self) -> Self {
        let gate = self.steps.iter().find_map(|step| match step {
            Step::Gate(ask) => Some(Step::Gate(Ask { then: Then::Wait, ..ask.clone() })),
            _ => None,
        });
        let steps: Vec<_> =
            (0..4).map(|_| Step::Log(0)).chain(gate).chain([Step::Log(0)]).collect();
        Self { execution: self.execution.clone(), steps, at: 0, asked: None, acted: false }
    }

    /// Whether there is nothing left to do.
    pub(super) fn is_over(&self) -> bool {
        self.at == self.steps.len()
    }

    /// Does the present step, if it can be done. `gate` tells how the present gate stands.
    pub(super) fn step(
        &mut self,
        answer: impl Fn(&str) -> Option<Answer>,
        version: impl Fn(&str) -> u32,
    ) -> Done {
        let done = match &self.steps[self.at] {
            Step::Gate(ask) => {
                let of = Question {
                    execution: self.execution.clone(),
                    gate: ask.gate.clone(),
                    version: version(&ask.gate),
                };
                if answer(&ask.gate).is_some() {
                    (self.asked, self.acted) = (None, false);
                    self.at += 1;
                    return Done::Answered;
                }
                // Another process may have asked in other words, and never have been heard.
                if self.asked.replace(of.version) != Some(of.version) {
                    return Done::Asks(of);
                }
                let then = if self.acted { Then::Wait } else { ask.then };
                return Done::Waits(then, of);
            }
            step => Done::Events(vec![event(step, &self.execution, self.at)]),
        };
        self.at += 1;
        done
    }

    /// The present gate, if that is where it stands.
    pub(super) fn gate(&self) -> Option<&Ask> {
        match self.steps.get(self.at) {
            Some(Step::Gate(ask)) => Some(ask),
            _ => None,
        }
    }

    /// The gate of this name.
    pub(super) fn ask(&self, gate: &str) -> Option<&Ask> {
        self.steps.iter().find_map(|step| match step {
            Step::Gate(ask) if ask.gate == gate => Some(ask),
            _ => None,
        })
    }

    /// All that was said and lasts, without its gates.
    pub(super) fn state(&self) -> Vec<Kind> {
        let said = self.steps[..self.at].iter().enumerate();
        let lasts = said.filter(|(_, step)| matches!(step, Step::Start | Step::Node(..)));
        lasts.map(|(at, step)| event(step, &self.execution, at)).collect()
    }

    /// Its end, if it has come.
    pub(super) fn end(&self) -> Option<Kind> {
        let ends = matches!(self.steps.last(), Some(Step::Finish));
        (ends && self.is_over()).then(|| event(&Step::Finish, &self.execution, self.at))
    }
}

fn event(step: &Step, execution: &str, at: usize) -> Kind {
    match step {
        Step::Start => Kind::ExecutionStarted(pb::ExecutionStarted {
            name: format!("the work of {execution}"),
            workflow_id: "work".into(),
            ..Default::default()
        }),
        Step::Log(filling) => Kind::LogWritten(pb::LogWritten {
            message: format!("line {at}{}", ".".repeat(*filling)),
            level: pb::LogLevel::Info.into(),
            ..Default::default()
        }),
        Step::Node(node, status) => Kind::NodeChanged(pb::NodeChanged {
            node_id: format!("n{node}"),
            status: (*status).into(),
            ..Default::default()
        }),
        Step::Cost => Kind::CostIncurred(pb::CostIncurred {
            increment_usd_nanos: Some(1_000 + at as i64),
            ..Default::default()
        }),
        Step::Finish => Kind::ExecutionFinished(pb::ExecutionFinished {
            status: pb::ExecutionStatus::Completed.into(),
            ..Default::default()
        }),
        Step::Gate(_) => unreachable!("a question is asked, not said"),
    }
}

/// A question as it is announced. `now` is the engine's calendar, in microseconds.
pub(super) fn question(ask: &Ask, of: &Question, now: i64) -> Kind {
    let option = |id: &str, kind: pb::DecisionKind| pb::GateOption {
        option_id: id.into(),
        kind: kind.into(),
        ..Default::default()
    };
    let deadline = ask.within.map(|seconds| {
        let due = now + i64::try_from(seconds).unwrap() * 1_000_000;
        prost_types::Timestamp {
            seconds: due.div_euclid(1_000_000),
            nanos: i32::try_from(due.rem_euclid(1_000_000) * 1_000).unwrap(),
        }
    });
    Kind::GateOpened(pb::GateOpened {
        gate_id: of.gate.clone(),
        gate_version: of.version,
        node_id: format!("n{}", ask.node),
        prompt: format!("{} of {}, version {}?", of.gate, of.execution, of.version),
        options: vec![
            option("approve", pb::DecisionKind::Approve),
            option("reject", pb::DecisionKind::Reject),
        ],
        deadline_time: deadline,
        on_timeout: pb::TimeoutAction::Reject.into(),
        ..Default::default()
    })
}
