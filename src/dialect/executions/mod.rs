//! `/api/ws/executions/{id}` and `/ws/executions/{id}`: the protocol of the execution viewers of
//! seed 002, in the dress of its guide and in that of the program it came from. Its document is
//! `docs/protocol/executions.md`.
//!
//! It shows and takes no orders: five types of message come, and the answer to a ping. It must never
//! send another type, nor `error` for anything but the end of an execution: its clients take one for
//! a failed execution.

mod lines;
mod messages;
mod progress;
mod talk;
mod words;

use std::borrow::Cow;

use messages::{Completion, Envelope, Line, Message, NodeState, Standing};

use super::stamp::{Stamp, Teller};
use super::{Call, Conversation, Dialect, Manners};
use crate::core::Execution;
use crate::frame::Frames;
use crate::model::{
    Ending, Event, ExecutionId, ExecutionStatus, Fact, Kind, LogLevel, Node, NodeId, Outline,
    Position, Record, Text, Timestamp,
};

/// What engines call this protocol where they speak it themselves, in whichever dress.
const NAME: &str = "executions";
/// What they call it where they mean the dress of the program alone.
const NAME_REAL: &str = "executions_real";

/// The protocol.
#[derive(Debug, Clone, Copy)]
pub struct Executions {
    /// As which of the two it is dressed.
    pub dress: Dress,
    /// Whether messages also say their place (`seq`, `event_id`), which its clients ignore and others
    /// can use.
    pub wire_extras: bool,
    /// Whether log lines tell of what the protocol has no other word for: cost, edges, changes of
    /// the graph, what agents say and do, how far a node has come.
    pub verbose: bool,
}

/// The protocol as the guide tells it, and as the program speaks it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Dress {
    /// `/api/ws/executions/{id}`: epoch seconds, lower-case levels, four statuses.
    Seed,
    /// `/ws/executions/{id}`: ISO times, upper-case levels, six statuses.
    Real,
}

impl Dialect for Executions {
    fn name(&self) -> &'static str {
        match self.dress {
            Dress::Seed => NAME,
            Dress::Real => NAME_REAL,
        }
    }

    fn manners(&self) -> Manners {
        Manners::Executions
    }

    fn record(&self, record: &Record, out: &mut Frames) {
        // What changed nothing is nothing to see here: the protocol has no word for a fault of an
        // engine's.
        if record.contradiction.is_some() {
            return;
        }
        let stamp = self.wire_extras.then_some(Stamp::record(record.position));
        let teller = Teller { stamp, out };
        let (execution, time) = (&record.execution, record.time);
        let mut voice = Voice { teller, dress: self.dress, execution, time };
        if let Fact::Said { event, .. } = &record.fact
            && self.quotes(event, &mut voice.teller)
        {
            return;
        }
        let after = &record.after;
        let node = after.node.as_deref().filter(|node| shows(node, record));
        node.into_iter().for_each(|node| voice.say(&Message::NodeUpdate(NodeState(node))));
        lines::of(record, self.verbose, &mut voice);
        let none = Outline::default();
        let whole = after.whole.as_deref().or(after.outline.as_deref()).unwrap_or(&none);
        if progress::is_told(record, whole) {
            let (counts, current) = (&after.progress, after.current.as_ref());
            voice.say(&Message::Status(Standing { counts, whole, current }));
        }
        if let Fact::Said { event, .. } = &record.fact
            && let Kind::ExecutionFinished(_) = &event.kind
            && let Some(ending) = &whole.ending
        {
            voice.end(ending);
        }
    }

    fn state(&self, execution: &ExecutionId, at: Position, state: &Execution, out: &mut Frames) {
        let stamp = self.wire_extras.then_some(Stamp::state(at));
        let (teller, time) = (Teller { stamp, out }, state.last_time);
        let mut voice = Voice { teller, dress: self.dress, execution, time };
        let (counts, current) = (&state.progress(), state.current());
        voice.say(&Message::Status(Standing { counts, whole: &state.outline, current }));
        for node in state.nodes_by_change() {
            voice.say(&Message::NodeUpdate(NodeState(node)));
        }
        state.outline.ending.iter().for_each(|ending| voice.end(ending));
    }

    fn converse(&self, call: &Call) -> Box<dyn Conversation> {
        Box::new(talk::Talk::new(self.dress, call))
    }
}

impl Executions {
    /// What an engine says in this protocol's own words, if it does: nothing else is said of it then.
    fn quotes(&self, event: &Event, teller: &mut Teller<'_>) -> bool {
        if let Kind::Opaque(it) = &event.kind {
            let ours = [NAME, self.name()].contains(&&*it.protocol);
            if ours {
                teller.verbatim(&it.json);
            }
            return ours;
        }
        teller.native(event, self.name()) || self.dress == Dress::Real && teller.native(event, NAME)
    }
}

/// Whether a record says something of its node. Each time the whole of it: its clients replace what
/// they have.
fn shows(node: &Node, record: &Record) -> bool {
    let changes = || match &record.fact {
        Fact::Said { event, .. } => {
            matches!(&event.kind, Kind::NodeChanged(_) | Kind::NodeRetried(_))
        }
        Fact::Rejected { .. }
        | Fact::Voted { .. }
        | Fact::Resolved { .. }
        | Fact::Delivered { .. }
        | Fact::Commanded { .. }
        | Fact::CommandMoved { .. }
        | Fact::EngineLost { .. }
        | Fact::EngineAttached { .. } => false,
    };
    node.since == record.position.seq || changes()
}

/// Says what there is to say of one record, or of one state.
struct Voice<'a> {
    teller: Teller<'a>,
    dress: Dress,
    execution: &'a ExecutionId,
    time: Timestamp,
}

impl Voice<'_> {
    fn say(&mut self, message: &Message<'_>) {
        let Self { teller, dress, execution, time } = self;
        teller.say(&Envelope { dress: *dress, execution, time: *time, message });
    }

    /// A log line of the moment.
    fn log(&mut self, level: LogLevel, node: Option<&NodeId>, message: &str) {
        let time = self.time;
        self.say(&Message::Log(Line { level, message, node, time }));
    }

    /// The last message of an execution; `status` has gone before. One that has failed is never said
    /// to be complete: its clients would show it so.
    fn end(&mut self, ending: &Ending) {
        match ending.status {
            ExecutionStatus::Completed => self.say(&Message::Completion(Completion(ending))),
            ExecutionStatus::Cancelled => self.say(&Message::Error("Execution cancelled")),
            ExecutionStatus::TimedOut => {
                self.say(&Message::Error(&failure(ending, "Execution timed out")));
            }
            ExecutionStatus::Failed => {
                self.say(&Message::Error(&failure(ending, "Execution failed")));
            }
            // No execution ends so: its door has refused it.
            ExecutionStatus::Created
            | ExecutionStatus::Planning
            | ExecutionStatus::Running
            | ExecutionStatus::WaitingGate
            | ExecutionStatus::Pausing
            | ExecutionStatus::Paused
            | ExecutionStatus::Cancelling => (),
        }
    }
}

/// Why it failed, and where, in one sentence.
fn failure<'a>(ending: &'a Ending, unsaid: &'a str) -> Cow<'a, str> {
    let reason: Option<&Text> = ending.reason.as_ref();
    let Some(failure) = &ending.failure else {
        return reason.map_or(unsaid, |it| it).into();
    };
    let message = Some(&*failure.message).filter(|it| !it.is_empty());
    let message = message.or(reason.map(|it| &**it)).unwrap_or(unsaid);
    match &failure.node_id {
        Some(node) if !message.contains(node.as_str()) => {
            format!("Node '{node}' failed: {message}").into()
        }
        Some(_) | None => message.into(),
    }
}
