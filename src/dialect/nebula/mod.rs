//! `/api/v1/ws`: the protocol of the Nebula dashboards of seed 004. Its document is
//! `docs/protocol/nebula.md`.

mod talk;

use super::{Call, Conversation, Dialect, Manners};
use crate::core::Execution;
use crate::frame::Frames;
use crate::model::{ExecutionId, Position, Record};

/// What engines call this protocol where they speak it themselves.
const NAME: &str = "nebula";

/// The protocol.
#[derive(Debug, Clone, Copy)]
pub struct Nebula {
    /// Whether messages also say their place (`seq`, `event_id`), which its clients ignore and others
    /// can use.
    pub wire_extras: bool,
}

impl Dialect for Nebula {
    fn name(&self) -> &'static str {
        NAME
    }

    fn manners(&self) -> Manners {
        Manners::Nebula
    }

    fn record(&self, record: &Record, out: &mut Frames) {
        let _ = (record, out);
    }

    fn state(&self, _: &ExecutionId, at: Position, state: &Execution, out: &mut Frames) {
        let _ = (at, state, out);
    }

    fn converse(&self, call: &Call) -> Box<dyn Conversation> {
        Box::new(talk::Talk { path: call.path.clone() })
    }
}
