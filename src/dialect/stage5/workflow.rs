//! What is said of an execution as a whole: its states, its end, its questions, its errors.

use serde::ser::SerializeMap;

use super::voice::Obj;
use super::words::{among, question, step_id};
use crate::dialect::object::{Fields, List, Object, Put, Raw, Shown, time, usd};
use crate::model::{Ending, ExecutionStatus, Failure, GateOpened, Info, Json, Node, Timestamp};

/// `message` alone.
pub(super) struct Saying<'a>(pub(super) &'a str);

impl Fields for Saying<'_> {
    fn fields<M: SerializeMap>(&self, to: &mut M) -> Result<(), M::Error> {
        to.put("message", self.0)
    }
}

/// `workflow_started`.
pub(super) struct Started<'a> {
    pub(super) run: &'a str,
    pub(super) info: &'a Info,
}

impl Fields for Started<'_> {
    fn fields<M: SerializeMap>(&self, to: &mut M) -> Result<(), M::Error> {
        let info = self.info;
        to.put("run_id", self.run)?;
        to.put("task_description", &info.task.as_ref().or(info.name.as_ref()))?;
        to.put("agent", &info.agent)?;
        to.put("model", &info.model)?;
        to.put("work_dir", &info.work_dir)
    }
}

/// `workflow_state_changed`: the state, and what an engine's state machine adds to it.
pub(super) struct State<'a> {
    pub(super) run: &'a str,
    /// Before, if this is a change.
    pub(super) from: Option<&'static str>,
    pub(super) status: &'static str,
    pub(super) started: Option<Timestamp>,
    pub(super) completed: Option<Timestamp>,
    pub(super) error: Option<&'a str>,
    pub(super) reason: Option<&'a str>,
}

impl Fields for State<'_> {
    fn fields<M: SerializeMap>(&self, to: &mut M) -> Result<(), M::Error> {
        to.put("status", self.status)?;
        to.put("started_at", &time(self.started))?;
        to.put("completed_at", &time(self.completed))?;
        to.put("error", &self.error)?;
        to.put("entity_type", "workflow_run")?;
        to.put("entity_id", self.run)?;
        to.put("from_state", &self.from)?;
        to.put("to_state", self.status)?;
        to.put("reason", &self.reason)
    }
}

/// `workflow_paused` and `workflow_resumed`.
pub(super) struct Halt<'a> {
    pub(super) message: &'a str,
    pub(super) status: &'a str,
    pub(super) reason: Option<&'a str>,
}

impl Fields for Halt<'_> {
    fn fields<M: SerializeMap>(&self, to: &mut M) -> Result<(), M::Error> {
        to.put("message", self.message)?;
        to.put("status", self.status)?;
        to.put("reason", &self.reason)
    }
}

/// `workflow_completed`.
pub(super) struct Completed<'a> {
    pub(super) results: Option<&'a Json>,
    pub(super) output: Option<&'a Json>,
    /// In nanos.
    pub(super) cost: Option<i64>,
    pub(super) micros: Option<i64>,
}

impl Fields for Completed<'_> {
    fn fields<M: SerializeMap>(&self, to: &mut M) -> Result<(), M::Error> {
        to.put("results", &Obj { json: self.results, under: "result" })?;
        to.put("final_result", &self.output.map(Raw))?;
        to.put("total_cost", &self.cost.map(usd))?;
        to.put("total_duration_seconds", &self.micros.map(|it| it as f64 / 1e6))
    }
}

/// `workflow_failed`: any end but completion.
pub(super) struct Failed<'a> {
    pub(super) error: &'a str,
    pub(super) status: &'static str,
    pub(super) failure: Option<&'a Failure>,
}

impl<'a> Failed<'a> {
    /// How it ended.
    pub(super) fn of(status: ExecutionStatus, error: Option<&'a str>) -> (&'static str, &'a str) {
        match status {
            ExecutionStatus::Cancelled => ("cancelled", "Workflow cancelled"),
            ExecutionStatus::TimedOut => ("failed", error.unwrap_or("Workflow timed out")),
            ExecutionStatus::Failed
            | ExecutionStatus::Completed
            | ExecutionStatus::Created
            | ExecutionStatus::Planning
            | ExecutionStatus::Running
            | ExecutionStatus::WaitingGate
            | ExecutionStatus::Pausing
            | ExecutionStatus::Paused
            | ExecutionStatus::Cancelling => ("failed", error.unwrap_or("Workflow failed")),
        }
    }
}

impl Fields for Failed<'_> {
    fn fields<M: SerializeMap>(&self, to: &mut M) -> Result<(), M::Error> {
        let failure = self.failure;
        to.put("error", self.error)?;
        to.put("message", self.error)?;
        to.put("status", self.status)?;
        let node = failure.and_then(|it| it.node_id.as_ref()).map(|it| it.as_str());
        to.put("failed_step", &node)?;
        to.put("traceback", &failure.and_then(|it| it.traceback.as_ref()))
    }
}

/// What an ending has for an error.
pub(super) fn stated(ending: &Ending) -> Option<&str> {
    let failure = ending.failure.as_ref().map(|it| it.message.as_str());
    let ends_well = ending.status == ExecutionStatus::Completed;
    failure.or(ending.reason.as_deref()).filter(|_| !ends_well)
}

/// `error_occurred`.
pub(super) struct Fault<'a> {
    pub(super) error_type: &'a str,
    pub(super) message: &'a str,
    pub(super) step: Option<&'a str>,
    pub(super) traceback: Option<&'a str>,
}

impl Fields for Fault<'_> {
    fn fields<M: SerializeMap>(&self, to: &mut M) -> Result<(), M::Error> {
        to.put("error_type", self.error_type)?;
        to.put("message", self.message)?;
        to.put("step_id", &self.step)?;
        to.put("traceback", &self.traceback)
    }
}

/// `approval_requested`.
pub(super) struct Requested<'a> {
    pub(super) asked: &'a GateOpened,
    pub(super) node: Option<&'a Node>,
}

impl Fields for Requested<'_> {
    fn fields<M: SerializeMap>(&self, to: &mut M) -> Result<(), M::Error> {
        const CHECKPOINTS: &[&str] = &["after_planning", "before_step", "on_error", "manual_pause"];
        let Self { asked, node } = self;
        let (description, message) = question(asked, *node);
        let checkpoint = asked.checkpoint.as_deref();
        let step = asked.step_id.as_ref().or(node.and_then(step_id));
        to.put("approval_id", asked.gate_id.as_str())?;
        to.put("step_id", &step)?;
        let action = asked.action.as_deref().or(checkpoint).unwrap_or("custom");
        to.put("action", action)?;
        to.put("description", description)?;
        to.put("message", message)?;
        to.put("options", &List(asked.options.iter().map(|option| &option.option_id)))?;
        to.put("checkpoint_type", among(checkpoint, CHECKPOINTS, "custom"))?;
        // What is decided about is to be seen, and the protocol has no other place for it.
        match (&asked.context, &asked.payload) {
            (None, Some(payload)) => to.put("context", &Object(Payload(payload))),
            (context, _) => to.put("context", &Obj { json: context.as_ref(), under: "context" }),
        }
    }
}

struct Payload<'a>(&'a Json);

impl Fields for Payload<'_> {
    fn fields<M: SerializeMap>(&self, to: &mut M) -> Result<(), M::Error> {
        to.put("payload", &Raw(self.0))
    }
}

/// `approval_received`.
pub(super) struct Received<'a> {
    pub(super) approval: &'a str,
    pub(super) approved: bool,
    pub(super) resolution: &'a str,
    pub(super) feedback: Option<&'a str>,
    pub(super) time: Timestamp,
}

impl Fields for Received<'_> {
    fn fields<M: SerializeMap>(&self, to: &mut M) -> Result<(), M::Error> {
        to.put("approval_id", self.approval)?;
        to.put("approved", &self.approved)?;
        to.put("resolution", self.resolution)?;
        to.put("feedback", &self.feedback)?;
        to.put("resolved_at", &Shown(self.time))
    }
}
