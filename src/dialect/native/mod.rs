//! `/v1/stream`: the relay's own protocol, which can say everything that the model knows. Its
//! document is `docs/protocol/native.md`.
//!
//! It must never say in a frame what a snapshot would not show, nor the other way round: a client
//! that replaces what frames state has the state.

mod answers;
mod events;
mod gates;
mod parts;
mod records;
mod said;
mod state;
mod talk;
mod words;

pub(crate) use answers::not_then;
pub(crate) use words::Word;

use serde::ser::SerializeMap;

use super::object::{Fields, Object, Put, Shown};
use super::{Call, Conversation, Dialect, Manners, Summary};
use crate::core::Execution;
use crate::frame::Frames;
use crate::model::{ExecutionId, Position, Record, Timestamp};

/// The native protocol.
#[derive(Debug, Clone, Copy, Default)]
pub struct Native;

impl Dialect for Native {
    fn name(&self) -> &'static str {
        "native"
    }

    fn manners(&self) -> Manners {
        Manners::Native
    }

    fn record(&self, record: &Record, out: &mut Frames) {
        out.text(&Object(record));
    }

    fn state(&self, execution: &ExecutionId, at: Position, state: &Execution, out: &mut Frames) {
        state::snapshot(execution, at, state, state::PART, out);
    }

    fn state_in_one(
        &self,
        execution: &ExecutionId,
        at: Position,
        state: &Execution,
        out: &mut Frames,
    ) {
        state::snapshot(execution, at, state, usize::MAX, out);
    }

    fn heartbeat(
        &self,
        execution: &ExecutionId,
        head: Position,
        time: Timestamp,
        out: &mut Frames,
    ) {
        out.text(&Object(Heartbeat { execution, head, time }));
    }

    fn summary(&self, item: &Summary<'_>, out: &mut Frames) {
        state::summary(item, out);
    }

    fn directory(&self, items: &[Summary<'_>], out: &mut Frames) {
        state::directory(items, state::PART, out);
    }

    fn directory_in_one(&self, items: &[Summary<'_>], out: &mut Frames) {
        state::directory(items, usize::MAX, out);
    }

    /// Its path names no execution: what to watch is said in messages.
    fn converse(&self, call: &Call) -> Box<dyn Conversation> {
        Box::new(talk::Talk::new(call))
    }
}

struct Heartbeat<'a> {
    execution: &'a ExecutionId,
    head: Position,
    time: Timestamp,
}

impl Fields for Heartbeat<'_> {
    fn fields<M: SerializeMap>(&self, to: &mut M) -> Result<(), M::Error> {
        to.put("type", "heartbeat")?;
        to.put("execution_id", self.execution.as_str())?;
        to.put("epoch", &Shown(self.head.epoch))?;
        to.put("head", &self.head.seq.0)?;
        to.put("relay_time", &Shown(self.time))
    }
}
