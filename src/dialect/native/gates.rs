//! Gates, votes, decisions and commands as the native protocol shows them, in frames and in
//! snapshots alike.

use serde::ser::SerializeMap;

use super::parts::{labels, micros, names};
use super::words::Word;
use crate::dialect::object::{Fields, Hex, List, Object, Put, Shown, time};
use crate::model::{
    Advice, Command, CommandKind, CommandState, Decision, EscalationStep, Gate, GateId, GateOpened,
    GateOption, NodeId, Policy, Principal, Resolution, Vote,
};

impl Fields for Gate {
    fn fields<M: SerializeMap>(&self, to: &mut M) -> Result<(), M::Error> {
        let Self { asked, producer, resolution, delivery, reason, votes, opened, since } = self;
        to.put("gate_id", asked.gate_id.as_str())?;
        to.put("gate_version", &asked.gate_version)?;
        to.maybe("node_id", asked.node_id.as_ref().map(NodeId::as_str))?;
        to.put("resolution", resolution.word())?;
        match resolution {
            Resolution::Open
            | Resolution::Cancelled
            | Resolution::Superseded
            | Resolution::Unreachable
            | Resolution::NoApprover => (),
            Resolution::Decided(decision) | Resolution::Expired(decision) => {
                to.put("decision", &Object(&**decision))?;
            }
            Resolution::Withdrawn { reason } => to.maybe("closed_reason", reason.as_ref())?,
            Resolution::Elsewhere { kind, option, by, message } => {
                to.maybe("closed_kind", kind.map(|it| it.word()))?;
                to.maybe("closed_option_id", option.as_ref())?;
                to.maybe("closed_by", by.as_ref())?;
                to.maybe("closed_reason", message.as_ref())?;
            }
        }
        to.maybe("delivery", delivery.map(|it| it.word()))?;
        to.maybe("delivery_reason", reason.as_ref())?;
        to.put("votes", &List(votes.iter().map(|vote| Object(&**vote))))?;
        to.put("producer_id", producer.as_str())?;
        to.put("opened_time", &Shown(opened))?;
        to.put("since_seq", &since.0)?;
        asked.fields(to)
    }
}

impl Fields for GateOpened {
    fn fields<M: SerializeMap>(&self, to: &mut M) -> Result<(), M::Error> {
        let Self {
            // The gate begins with these.
            gate_id: _,
            gate_version: _,
            node_id: _,
            node_attempt,
            title,
            prompt,
            payload,
            payload_schema,
            payload_sha256,
            presentation,
            options,
            policy,
            requested_by,
            deadline_time,
            // Only for the timer: a reader has `deadline_time`.
            time_left: _,
            on_timeout,
            escalation,
            advice,
            checkpoint,
            context,
            previous_gate_id,
            rewind_node_ids,
            action,
            step_id,
            classification,
            labels: named,
        } = self;
        to.put("node_attempt", node_attempt)?;
        to.maybe("title", title.as_ref())?;
        to.maybe("prompt", prompt.as_ref())?;
        to.json("payload", payload.as_ref())?;
        to.json("payload_schema", payload_schema.as_ref())?;
        to.maybe("payload_sha256", payload_sha256.as_ref().map(Hex))?;
        to.json("presentation", presentation.as_ref())?;
        to.put("options", &List(options.iter().map(Object)))?;
        to.put("policy", &Object(policy))?;
        to.maybe("requested_by", requested_by.as_ref())?;
        to.maybe("deadline_time", time(*deadline_time))?;
        to.put("on_timeout", on_timeout.word())?;
        let escalation = (!escalation.is_empty()).then(|| List(escalation.iter().map(Object)));
        to.maybe("escalation", escalation)?;
        let advice = (!advice.is_empty()).then(|| List(advice.iter().map(Object)));
        to.maybe("advice", advice)?;
        to.maybe("checkpoint", checkpoint.as_ref())?;
        to.json("context", context.as_ref())?;
        to.maybe("previous_gate_id", previous_gate_id.as_ref().map(GateId::as_str))?;
        to.maybe("rewind_node_ids", (!rewind_node_ids.is_empty()).then(|| names(rewind_node_ids)))?;
        to.maybe("action", action.as_ref())?;
        to.maybe("step_id", step_id.as_ref())?;
        to.maybe("classification", classification.map(|it| it.word()))?;
        to.maybe("labels", labels(named))
    }
}

impl Fields for GateOption {
    fn fields<M: SerializeMap>(&self, to: &mut M) -> Result<(), M::Error> {
        let Self { option_id, label, kind, style, comment_rule, description } = self;
        to.put("option_id", option_id)?;
        to.maybe("label", label.as_ref())?;
        to.put("kind", kind.word())?;
        to.put("style", style.word())?;
        to.put("comment_rule", comment_rule.word())?;
        to.maybe("description", description.as_ref())
    }
}

impl Fields for Policy {
    fn fields<M: SerializeMap>(&self, to: &mut M) -> Result<(), M::Error> {
        let Self { users, groups, roles, required_approvals, required_rejections, excluded_users } =
            self;
        to.some("users", users)?;
        to.some("groups", groups)?;
        to.some("roles", roles)?;
        // 0 was "not stated", which means 1.
        to.put("required_approvals", &(*required_approvals).max(1))?;
        to.put("required_rejections", &(*required_rejections).max(1))?;
        to.some("excluded_users", excluded_users)
    }
}

impl Fields for EscalationStep {
    fn fields<M: SerializeMap>(&self, to: &mut M) -> Result<(), M::Error> {
        let Self { after, after_fraction, notify_users, notify_groups, add_users, add_groups } =
            self;
        to.maybe("after_us", after.map(micros))?;
        to.maybe("after_fraction", *after_fraction)?;
        to.some("notify_users", notify_users)?;
        to.some("notify_groups", notify_groups)?;
        to.some("add_users", add_users)?;
        to.some("add_groups", add_groups)
    }
}

impl Fields for Advice {
    fn fields<M: SerializeMap>(&self, to: &mut M) -> Result<(), M::Error> {
        let Self { source, text, confidence, option_id } = self;
        to.put("source", source)?;
        to.put("text", text)?;
        to.maybe("confidence", *confidence)?;
        to.maybe("option_id", option_id.as_ref())
    }
}

impl Fields for Vote {
    fn fields<M: SerializeMap>(&self, to: &mut M) -> Result<(), M::Error> {
        // A vote's modification is left out: 32 votes with 256 KiB each fit no message. That of
        // the vote that counted is in the decision.
        let Self {
            decision_id,
            by,
            kind,
            option,
            comment,
            modification: _,
            modification_sha256,
            payload_sha256,
            time: voted,
        } = self;
        to.put("decision_id", decision_id.as_str())?;
        to.put("by", &Object(Who(by)))?;
        to.put("kind", kind.word())?;
        to.put("option_id", option)?;
        to.maybe("comment", comment.as_ref())?;
        to.maybe("modification_sha256", modification_sha256.as_ref().map(Hex))?;
        to.maybe("payload_sha256", payload_sha256.as_ref().map(Hex))?;
        to.put("time", &Shown(voted))
    }
}

impl Fields for Decision {
    fn fields<M: SerializeMap>(&self, to: &mut M) -> Result<(), M::Error> {
        let Self {
            id,
            // The gate around it says these.
            gate: _,
            version: _,
            node: _,
            votes: _,
            kind,
            option,
            comment,
            modification,
            modification_sha256,
            payload_sha256,
            by,
            source,
            time: decided,
        } = self;
        to.put("decision_id", id.as_str())?;
        to.put("kind", kind.word())?;
        to.put("option_id", option)?;
        to.maybe("comment", comment.as_ref())?;
        to.json("modification", modification.as_ref())?;
        to.maybe("modification_sha256", modification_sha256.as_ref().map(Hex))?;
        to.maybe("payload_sha256", payload_sha256.as_ref().map(Hex))?;
        to.maybe("by", by.as_ref().map(|by| Object(Who(by))))?;
        to.put("source", source.word())?;
        to.put("time", &Shown(decided))
    }
}

/// A principal as others see it: neither its groups nor what else it may do.
pub(super) struct Who<'a>(pub &'a Principal);

impl Fields for Who<'_> {
    fn fields<M: SerializeMap>(&self, to: &mut M) -> Result<(), M::Error> {
        let Principal { subject, issuer, method, groups: _, roles: _, tenant: _ } = self.0;
        to.put("subject", subject)?;
        to.maybe("issuer", issuer.as_ref())?;
        to.put("method", method)
    }
}

impl Fields for CommandState {
    fn fields<M: SerializeMap>(&self, to: &mut M) -> Result<(), M::Error> {
        let Self { command, stage, reason, result, since } = self;
        let Command { id, kind, reason: wherefore, by, time: given } = &**command;
        to.put("command_id", id.as_str())?;
        to.put("kind", kind.word())?;
        match kind {
            CommandKind::Pause | CommandKind::Resume | CommandKind::Cancel => (),
            CommandKind::Start { workflow, input } => {
                to.put("workflow_id", workflow.as_str())?;
                to.json("input", input.as_ref())?;
            }
            CommandKind::Custom { name, payload } => {
                to.put("custom_type", name)?;
                to.json("payload", payload.as_ref())?;
            }
        }
        to.maybe("reason", wherefore.as_ref())?;
        to.put("by", &Object(Who(by)))?;
        to.put("time", &Shown(given))?;
        to.put("stage", stage.word())?;
        to.maybe("outcome_reason", reason.as_ref())?;
        to.json("result", result.as_ref())?;
        to.put("since_seq", &since.0)
    }
}
