//! What is said of nodes and of the steps that they are.

use serde::ser::SerializeMap;

use super::voice::Plain;
use super::words::{self, step_id};
use crate::dialect::object::{Fields, Put, Shown, time};
use crate::model::{GraphNode, Node, NodeRetried, NodeStatus, RetryPhase, Text, Timestamp};

/// A node as the step that it is.
#[derive(Clone, Copy)]
pub(super) struct Step<'a>(pub(super) &'a Node);

impl<'a> Step<'a> {
    /// What clients call it. One that its engine counts to no step goes by its own name.
    fn id(self) -> &'a str {
        step_id(self.0).map_or(self.0.id.as_str(), |id| id)
    }

    fn declared(self) -> Option<&'a GraphNode> {
        self.0.graph.as_deref()
    }

    fn number(self) -> Option<i32> {
        self.0.step_number.or(self.declared().and_then(|it| it.step_number))
    }

    fn agent(self) -> Option<&'a Text> {
        self.0.agent.as_ref().or(self.declared().and_then(|it| it.agent.as_ref()))
    }

    fn goal(self) -> Option<&'a Text> {
        self.0.goal.as_ref().or(self.declared().and_then(|it| it.goal.as_ref()))
    }

    fn task(self) -> Option<&'a Text> {
        self.0.label.as_ref().or(self.declared().and_then(|it| it.label.as_ref()))
    }

    /// What went wrong with it.
    fn error(self) -> Option<&'a str> {
        let failure = self.0.failure.as_ref().map(|it| it.message.as_str());
        let failed = matches!(self.0.status, NodeStatus::Failed);
        failure.or(self.0.reason.as_deref().filter(|_| failed)).filter(|_| self.is_wrong())
    }

    /// An earlier attempt's failure is not shown as that of what goes on, or went well.
    fn is_wrong(self) -> bool {
        matches!(self.0.status, NodeStatus::Failed | NodeStatus::Cancelled | NodeStatus::Retrying)
    }

    fn head<M: SerializeMap>(self, to: &mut M) -> Result<(), M::Error> {
        to.put("step_id", self.id())?;
        to.put("step_number", &self.number())
    }
}

/// `step_started`, `step_progress`, `step_completed` or `step_failed`, by where its node stands.
pub(super) struct Stepped<'a>(pub(super) &'a Node);

impl Fields for Stepped<'_> {
    fn fields<M: SerializeMap>(&self, to: &mut M) -> Result<(), M::Error> {
        let (node, step) = (self.0, Step(self.0));
        match words::step(node.status) {
            Some("step_started") => {
                step.head(to)?;
                to.put("goal", &step.goal())?;
                to.put("task", &step.task())?;
                let description = step.declared().and_then(|it| it.description.as_ref());
                to.put("step_description", &description)?;
                to.put("agent", &step.agent())
            }
            Some("step_completed") => {
                step.head(to)?;
                to.put("result", &Plain(node.output.as_ref()))?;
                to.put("output", &Plain(node.output.as_ref()))
            }
            Some("step_failed") => {
                let cancelled = node.status == NodeStatus::Cancelled;
                let otherwise = if cancelled { "Step cancelled" } else { "Step failed" };
                step.head(to)?;
                to.put("error", step.error().unwrap_or(otherwise))?;
                to.put("traceback", &node.failure.as_ref().and_then(|it| it.traceback.as_ref()))
            }
            Some(_) | None => Progress(node).fields(to),
        }
    }
}

/// `step_progress`.
pub(super) struct Progress<'a>(pub(super) &'a Node);

impl Fields for Progress<'_> {
    fn fields<M: SerializeMap>(&self, to: &mut M) -> Result<(), M::Error> {
        let node = self.0;
        Step(node).head(to)?;
        // Nothing shows 100 before it is complete.
        let most = if node.status == NodeStatus::Completed { 100.0 } else { 99.0 };
        let percentage = node.fraction.map(|it| (it * 100.0).floor().clamp(0.0, most) as u8);
        to.put("progress_percentage", &percentage)?;
        let rests = matches!(node.status, NodeStatus::Paused | NodeStatus::Retrying);
        let reason = node.reason.as_deref().filter(|_| rests);
        to.put("message", &node.progress_message.as_deref().or(reason))
    }
}

/// `dag_node_status_changed`.
pub(super) struct Moved<'a> {
    pub(super) run: &'a str,
    pub(super) node: &'a Node,
    pub(super) old: NodeStatus,
    pub(super) time: Timestamp,
}

impl Fields for Moved<'_> {
    fn fields<M: SerializeMap>(&self, to: &mut M) -> Result<(), M::Error> {
        let Self { run, node, old, time } = self;
        let step = Step(node);
        to.put("node_id", node.id.as_str())?;
        to.put("old_status", words::node(*old))?;
        to.put("new_status", words::node(node.status))?;
        to.put("error", &step.error())?;
        to.put("run_id", run)?;
        to.put("step_number", &step.number())?;
        // Which of the nodes are steps, nobody has said.
        to.put("total_steps", &())?;
        to.put("goal", &step.goal())?;
        let measured = node.metrics.as_ref().and_then(|it| it.duration);
        let span = node.start_time.zip(node.finish_time).map(|(from, to)| from.until(to));
        to.put("execution_time", &measured.or(span).map(|it| it.as_secs_f64()))?;
        to.put("timestamp", &Shown(*time))
    }
}

/// `step_retry_started`, `_backoff`, `_succeeded` or `_exhausted`.
pub(super) struct Retry<'a> {
    pub(super) node: &'a Node,
    pub(super) retried: &'a NodeRetried,
}

impl Retry<'_> {
    pub(super) fn event_type(&self) -> &'static str {
        match self.retried.phase {
            RetryPhase::Started => "step_retry_started",
            RetryPhase::BackingOff => "step_retry_backoff",
            RetryPhase::Succeeded => "step_retry_succeeded",
            RetryPhase::Exhausted => "step_retry_exhausted",
        }
    }
}

/// Suggestions that the protocol has room for.
const SUGGESTIONS: usize = 5;

impl Fields for Retry<'_> {
    fn fields<M: SerializeMap>(&self, to: &mut M) -> Result<(), M::Error> {
        let Self { node, retried: it } = self;
        Step(node).head(to)?;
        match it.phase {
            RetryPhase::Started => {
                to.put("attempt_number", &it.retry_number)?;
                to.put("max_attempts", &it.max_retries)?;
                to.put("error_category", &it.error_category)?;
                to.put("error_pattern", &it.error_pattern)?;
                to.put("success_probability", &it.success_probability)?;
                to.put("strategy", &it.strategy)?;
                let some = it.suggestions.len().min(SUGGESTIONS);
                to.put("suggestions", &it.suggestions[..some])?;
                to.put("has_user_feedback", &it.has_user_feedback.unwrap_or(false))
            }
            RetryPhase::BackingOff => {
                to.put("attempt_number", &it.retry_number)?;
                to.put("backoff_seconds", &it.backoff.map(|it| it.as_secs_f64().ceil() as u64))?;
                to.put("retry_strategy", &it.strategy)?;
                to.put("next_attempt_at", &time(it.next_attempt_time))
            }
            RetryPhase::Succeeded => {
                to.put("attempt_number", &it.retry_number)?;
                to.put("total_attempts", &it.retry_number)
            }
            RetryPhase::Exhausted => {
                to.put("total_attempts", &it.retry_number)?;
                to.put("final_error", &it.error)
            }
        }
    }
}
