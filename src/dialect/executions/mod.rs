//! `/api/ws/executions/{id}` and `/ws/executions/{id}`: the protocol of the execution viewers of
//! seed 002, in the dress of its guide and in that of the program it came from. Its document is
//! `docs/protocol/executions.md`.

mod talk;

use super::{Call, Conversation, Dialect, Manners};
use crate::core::Execution;
use crate::frame::Frames;
use crate::model::{ExecutionId, Position, Record};

/// What engines call this protocol where they speak it themselves.
const NAME: &str = "executions";

/// The protocol.
#[derive(Debug, Clone, Copy)]
pub struct Executions {
    /// As which of the two it is dressed.
    pub dress: Dress,
    /// Whether messages also say their place (`seq`, `event_id`), which its clients ignore and others
    /// can use.
    pub wire_extras: bool,
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
            Dress::Real => "executions_real",
        }
    }

    fn manners(&self) -> Manners {
        Manners::Executions
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
