//! `/ws/{run_id}`: the protocol of the stage-5 dashboards of seed 003. Its document is
//! `docs/protocol/stage5.md`.
//!
//! It tells what happened, in order, and the graph as a whole. It must never send an event type
//! that its clients don't know, nor the same costs twice: they add them up.

mod activity;
mod asks;
mod graph;
mod receipts;
mod steps;
mod talk;
mod told;
mod voice;
mod words;
mod workflow;

use std::time::Duration;

use graph::Graph;
use voice::{Nothing, Voice};
use workflow::{Requested, Saying, State};

use super::stamp::{Stamp, Teller};
use super::{Call, Calm, Conversation, Dialect, Manners};
use crate::core::Execution;
use crate::frame::Frames;
use crate::model::{After, ExecutionId, ExecutionStatus, Fact, Kind, Position, Record, Timestamp};

/// What engines call this protocol where they speak it themselves.
const NAME: &str = "stage5";

/// The protocol.
#[derive(Debug, Clone, Copy)]
pub struct Stage5 {
    /// Whether messages also say their place (`seq`, `event_id`), which its clients ignore and others
    /// can use.
    pub wire_extras: bool,
    /// Whether log lines are said, as `output`: clients of an older protocol know that word.
    pub legacy_output: bool,
}

impl Default for Stage5 {
    fn default() -> Self {
        Self { wire_extras: true, legacy_output: false }
    }
}

impl Stage5 {
    fn voice<'a>(
        &self,
        stamp: Stamp,
        time: Timestamp,
        run: &'a ExecutionId,
        session: Option<&'a str>,
        out: &'a mut Frames,
    ) -> Voice<'a> {
        let stamp = self.wire_extras.then_some(stamp);
        Voice { teller: Teller { stamp, out }, time, run: run.as_str(), session }
    }
}

impl Dialect for Stage5 {
    fn name(&self) -> &'static str {
        NAME
    }

    fn manners(&self) -> Manners {
        Manners::Stage5
    }

    fn record(&self, record: &Record, out: &mut Frames) {
        // What changed nothing is nothing to see here: the protocol has no word for a fault of an
        // engine's.
        if record.contradiction.is_some() {
            return;
        }
        let stamp = Stamp::record(record.position);
        let whole = record.after.whole.as_deref();
        let session = whole.and_then(|it| it.info.session_id.as_deref());
        let mut voice = self.voice(stamp, record.time, &record.execution, session, out);
        match &record.fact {
            Fact::Said { event, .. } if voice.teller.native(event, NAME) => (),
            Fact::Said { event, .. } => {
                if let (Kind::LogWritten(line), true) = (&event.kind, self.legacy_output) {
                    voice.say("output", &Saying(&line.message));
                }
                told::said(event, record, &mut voice);
            }
            Fact::Resolved { .. } => told::resolved(record, &mut voice),
            Fact::Rejected { .. }
            | Fact::Voted { .. }
            | Fact::Delivered { .. }
            | Fact::Commanded { .. }
            | Fact::CommandMoved { .. }
            | Fact::EngineLost { .. }
            | Fact::EngineAttached { .. } => told::moved(record, None, &mut voice),
        }
    }

    fn stirs(&self, record: &Record) -> bool {
        let After { before, progress, .. } = &record.after;
        if record.contradiction.is_some() {
            return false;
        }
        let mut declared = false;
        if let Fact::Said { event, .. } = &record.fact {
            // Who speaks the protocol has said it already.
            if event.native_forms.iter().any(|form| &*form.protocol == NAME) {
                return false;
            }
            declared = matches!(event.kind, Kind::GraphDeclared(_) | Kind::GraphMutated(_));
        }
        declared || before.nodes != progress.nodes
    }

    fn level(&self, execution: &ExecutionId, at: Position, state: &Execution, out: &mut Frames) {
        let session = state.outline.info.session_id.as_deref();
        let mut voice = self.voice(Stamp::state(at), state.last_time, execution, session, out);
        voice.say("dag_updated", &Graph::of(execution.as_str(), state));
    }

    /// Each message that says the whole graph takes the place of the one before.
    fn calm(&self) -> Option<Calm> {
        // What is said of log lines and costs has to be there for who comes later: it is kept as
        // long as that of any other protocol.
        Some(Calm { every: Duration::from_millis(100), lines: u32::MAX, keep: usize::MAX })
    }

    fn state(&self, execution: &ExecutionId, at: Position, state: &Execution, out: &mut Frames) {
        let info = &state.outline.info;
        let session = info.session_id.as_deref();
        let mut voice = self.voice(Stamp::state(at), state.last_time, execution, session, out);
        let ending = state.outline.ending.as_ref();
        let begun = state.status() != ExecutionStatus::Created;
        voice.say(
            "workflow_state_changed",
            &State {
                run: execution.as_str(),
                from: None,
                status: words::workflow(&state.progress()),
                started: info.start_time.or(begun.then_some(state.first_time)),
                completed: ending.map(|ending| ending.finish_time),
                error: ending.and_then(workflow::stated),
                reason: state.outline.reason.as_deref(),
            },
        );
        if !state.nodes.is_empty() {
            voice.say("dag_created", &Graph::of(execution.as_str(), state));
        }
        let mut open: Vec<_> = state.open_gates().collect();
        open.sort_by_key(|gate| gate.opened);
        for gate in open {
            let node = gate.asked.node_id.as_ref().and_then(|it| state.nodes.get(it));
            let asked = &gate.asked;
            voice.say("approval_requested", &Requested { asked, node: node.map(|it| &**it) });
        }
    }

    fn heartbeat(&self, execution: &ExecutionId, _: Position, time: Timestamp, out: &mut Frames) {
        // A sign of life has no place in anybody's order.
        let teller = Teller { stamp: None, out };
        let run = execution.as_str();
        Voice { teller, time, run, session: None }.say("heartbeat", &Nothing);
    }

    fn converse(&self, call: &Call) -> Box<dyn Conversation> {
        Box::new(talk::Talk::new(call))
    }
}
