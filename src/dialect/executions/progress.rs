//! How far an execution has come, and when that is worth a message.

use crate::model::{ExecutionStatus, Fact, Kind, NodeStatus, Outline, Progress, Record};

/// Nothing shows more before it is complete.
const NEARLY: f64 = 0.99;

/// From 0 to 1: as its engine states it, else how many of its nodes have ended. `None`: there is
/// nothing to count yet.
pub(super) fn fraction(counts: &Progress, whole: &Outline) -> Option<f64> {
    if counts.status == ExecutionStatus::Completed {
        return Some(1.0);
    }
    let total = counts.nodes.max(whole.info.planned_nodes.unwrap_or(0));
    let counted = || {
        let done = f64::from(counts.completed.saturating_add(counts.failed));
        // Four digits are more than anybody sees.
        (0 < total).then(|| (done / f64::from(total) * 1e4).round() / 1e4)
    };
    whole.fraction.or_else(counted).map(|it| it.min(NEARLY))
}

/// Whether `status` has to be said again after this record: the status itself, the progress, the
/// current node or what waits at a gate may have changed.
pub(super) fn is_told(record: &Record, whole: &Outline) -> bool {
    let after = &record.after;
    let counted = whole.fraction.is_none();
    if let Fact::Said { event, .. } = &record.fact {
        match &event.kind {
            Kind::ExecutionFinished(_) => return true,
            // What follows the end changes none of it.
            _ if after.progress.status.is_final() => return false,
            Kind::ExecutionStarted(_)
            | Kind::ExecutionStatusChanged(_)
            | Kind::ExecutionProgressed(_) => return true,
            Kind::GateOpened(_) => return after.gate.as_ref().is_some_and(|it| it.is_open()),
            Kind::GraphDeclared(_) | Kind::GraphMutated(_) => {
                let graph = after.graph.as_ref();
                return graph.is_some_and(|it| counted || !it.removed_nodes.is_empty());
            }
            Kind::NodeChanged(_)
            | Kind::NodeProgressed(_)
            | Kind::NodeRetried(_)
            | Kind::EdgeActivated { .. }
            | Kind::CostIncurred(_)
            | Kind::LogWritten(_)
            | Kind::AgentMessage(_)
            | Kind::AgentThinking(_)
            | Kind::ToolCalled(_)
            | Kind::CodeExecuted(_)
            | Kind::MetricMeasured(_)
            | Kind::FileChanged(_)
            | Kind::FailureReported(_)
            | Kind::EventsDropped(_)
            | Kind::GateClosed(_)
            | Kind::DecisionOutcome(_)
            | Kind::CommandOutcome(_)
            | Kind::WorkflowChanged(_)
            | Kind::Captured(_)
            | Kind::Opaque(_) => (),
        }
    }
    if after.progress.status.is_final() {
        return false;
    }
    let released = after.gate.as_ref().is_some_and(|gate| !gate.holds());
    let went = after.node.as_ref().zip(after.old_status).is_some_and(|(node, old)| {
        // It may be one that nobody has declared: then there is one more to count.
        let news = node.since == record.position.seq && old == NodeStatus::Pending;
        let done = old.is_final() != node.status.is_final();
        let stated = whole.current_node.as_ref();
        let at_it = stated == Some(&node.id);
        let under_way = old.is_under_way() || node.status.is_under_way();
        // While it is where its engine says, another node's moves change nothing of that.
        let elsewhere = !at_it && stated.is_some() && stated == after.current.as_ref();
        let current = after.moved && (at_it || under_way) && !elsewhere;
        counted && (news || done) || current
    });
    released || went
}
