//! Events about gates, and what engines made of decisions and commands. What is not understood
//! fails closed: an unknown answer is no approval, an unknown deadline expires.

use std::collections::BTreeSet;

use super::execution::node_status;
use super::value::{
    ANY, At, Read, duration, each, fault, id, invalid, json, labels, maybe_id, name, required,
    sha256, share, text, time,
};
use crate::engine::pb;
use crate::json::canonical::digest;
use crate::model::{
    Advice, Classification, CloseReason, CommandOutcome, CommentRule, DecisionKind,
    DecisionOutcome, EscalationStep, GateClosed, GateOpened, GateOption, Json, OptionStyle,
    OutcomeStatus, Policy, RejectionCode, Text, TimeoutAction, Timestamp,
};

/// Options of one gate.
const OPTIONS: usize = 32;
/// Votes that a gate may ask for, which is as many as are remembered.
const QUORUM: u32 = 32;
/// Steps of escalation, and pieces of advice.
const ANNEXES: usize = 32;
/// Nodes to which an answer can go back.
const REWINDS: usize = 1_000;

pub(super) fn gate_opened(it: pb::GateOpened, now: Timestamp) -> Read<GateOpened> {
    let pb::GateOpened {
        gate_id,
        gate_version,
        node_id,
        node_attempt,
        title,
        prompt,
        payload,
        payload_schema,
        payload_sha256,
        presentation,
        options: declared,
        policy: ruled,
        requested_by,
        deadline_time,
        on_timeout,
        escalation,
        advice: advised,
        checkpoint,
        context,
        previous_gate_id,
        rewind_node_ids,
        action,
        step_id,
        classification,
        labels: labelled,
    } = it;
    let deadline_time = time(deadline_time).at("deadline_time")?;
    let payload = json(payload).at("payload")?;
    let stated = sha256(&payload_sha256).at("payload_sha256")?;
    Ok(GateOpened {
        gate_id: id(&gate_id).at("gate_id")?,
        gate_version: version(gate_version),
        node_id: maybe_id(&node_id).at("node_id")?,
        node_attempt,
        title: text(title),
        prompt: text(prompt),
        payload_sha256: stated.or_else(|| payload.as_ref().map(shown)),
        payload,
        payload_schema: json(payload_schema).at("payload_schema")?,
        presentation: json(presentation).at("presentation")?,
        options: options(declared)?,
        policy: policy(ruled.unwrap_or_default()).at("policy")?,
        requested_by: text(requested_by),
        deadline_time,
        time_left: deadline_time.map(|deadline| now.until(deadline)),
        on_timeout: match pb::TimeoutAction::try_from(on_timeout) {
            Ok(pb::TimeoutAction::Unspecified | pb::TimeoutAction::Expire) | Err(_) => {
                TimeoutAction::Expire
            }
            Ok(pb::TimeoutAction::Reject) => TimeoutAction::Reject,
            Ok(pb::TimeoutAction::Escalate) => TimeoutAction::Escalate,
            Ok(pb::TimeoutAction::Abort) => TimeoutAction::Abort,
            Ok(pb::TimeoutAction::Approve) => TimeoutAction::Approve,
        },
        escalation: each(escalation, "escalation", ANNEXES, step)?,
        advice: each(advised, "advice", ANNEXES, advice)?,
        checkpoint: text(checkpoint),
        context: json(context).at("context")?,
        previous_gate_id: maybe_id(&previous_gate_id).at("previous_gate_id")?,
        rewind_node_ids: each(rewind_node_ids, "rewind_node_ids", REWINDS, |node| id(&node))?,
        action: text(action),
        step_id: text(step_id),
        classification: match pb::GateClassification::try_from(classification) {
            Ok(pb::GateClassification::Unspecified) | Err(_) => None,
            Ok(pb::GateClassification::Irreversible) => Some(Classification::Irreversible),
            Ok(pb::GateClassification::QualityCheck) => Some(Classification::QualityCheck),
            Ok(pb::GateClassification::Calibration) => Some(Classification::Calibration),
        },
        labels: labels(labelled)?,
    })
}

/// What a decision is bound to where the engine states no digest of its own: that of the whole value,
/// as far as it is known.
fn shown(payload: &Json) -> [u8; 32] {
    payload.sha256.filter(|_| payload.truncated).unwrap_or_else(|| digest(&payload.text))
}

/// The first version is 1, and 0 means that.
pub(super) fn version(stated: u32) -> u32 {
    stated.max(1)
}

fn options(declared: Vec<pb::GateOption>) -> Read<Vec<GateOption>> {
    let options = each(declared, "options", OPTIONS, option)?;
    let mut seen = BTreeSet::new();
    for (index, option) in options.iter().enumerate() {
        if !seen.insert(&*option.option_id) {
            return invalid("declared twice").at("option_id").nth("options", index);
        }
    }
    Ok(if options.is_empty() { GateOption::usual() } else { options })
}

fn option(it: pb::GateOption) -> Read<GateOption> {
    let pb::GateOption { option_id, label, kind, style, comment_rule, description } = it;
    let option_id = name(option_id).at("option_id")?;
    let kind = match decision_kind(kind) {
        // What is stated beats any reading of the name.
        None => DecisionKind::of(&option_id),
        Some(DecisionKind::Expired | DecisionKind::NoApprover) => {
            return invalid("nobody can choose that").at("kind");
        }
        Some(kind) => kind,
    };
    Ok(GateOption {
        option_id,
        label: text(label),
        kind,
        style: match pb::OptionStyle::try_from(style) {
            Ok(pb::OptionStyle::Unspecified | pb::OptionStyle::Neutral) | Err(_) => {
                OptionStyle::Neutral
            }
            Ok(pb::OptionStyle::Primary) => OptionStyle::Primary,
            Ok(pb::OptionStyle::Danger) => OptionStyle::Danger,
        },
        comment_rule: match pb::CommentRule::try_from(comment_rule) {
            Ok(pb::CommentRule::Unspecified | pb::CommentRule::Optional) | Err(_) => {
                CommentRule::Optional
            }
            Ok(pb::CommentRule::Required) => CommentRule::Required,
            Ok(pb::CommentRule::Forbidden) => CommentRule::Forbidden,
        },
        description: text(description),
    })
}

/// `None`: not stated. A kind that is not understood is the engine's own, and no approval.
fn decision_kind(number: i32) -> Option<DecisionKind> {
    use pb::DecisionKind as Pb;
    Some(match Pb::try_from(number) {
        Ok(Pb::Unspecified) => return None,
        Ok(Pb::Approve) => DecisionKind::Approve,
        Ok(Pb::Reject) => DecisionKind::Reject,
        Ok(Pb::Modify) => DecisionKind::Modify,
        Ok(Pb::Retry) => DecisionKind::Retry,
        Ok(Pb::Skip) => DecisionKind::Skip,
        Ok(Pb::Abort) => DecisionKind::Abort,
        Ok(Pb::Custom) | Err(_) => DecisionKind::Custom,
        Ok(Pb::Expired) => DecisionKind::Expired,
        Ok(Pb::NoApprover) => DecisionKind::NoApprover,
    })
}

fn policy(it: pb::GatePolicy) -> Read<Policy> {
    let pb::GatePolicy {
        users,
        groups,
        roles,
        required_approvals,
        required_rejections,
        excluded_users,
    } = it;
    Ok(Policy {
        users: people(users, "users")?,
        groups: people(groups, "groups")?,
        roles: people(roles, "roles")?,
        required_approvals: quorum(required_approvals).at("required_approvals")?,
        required_rejections: quorum(required_rejections).at("required_rejections")?,
        excluded_users: people(excluded_users, "excluded_users")?,
    })
}

/// An empty name is refused rather than skipped: without it the policy might be open to anybody.
fn people(stated: Vec<String>, field: &str) -> Read<Vec<Text>> {
    each(stated, field, ANY, required)
}

fn quorum(stated: u32) -> Read<u32> {
    if QUORUM < stated {
        return Err(fault(RejectionCode::Limit, format!("at most {QUORUM} votes")));
    }
    Ok(stated.max(1))
}

fn step(it: pb::EscalationStep) -> Read<EscalationStep> {
    let pb::EscalationStep {
        after,
        after_fraction,
        notify_users,
        notify_groups,
        add_users,
        add_groups,
    } = it;
    if after.is_some() == after_fraction.is_some() {
        return invalid("exactly one of after and after_fraction");
    }
    Ok(EscalationStep {
        after: duration(after).at("after")?,
        after_fraction: share(after_fraction).at("after_fraction")?,
        notify_users: people(notify_users, "notify_users")?,
        notify_groups: people(notify_groups, "notify_groups")?,
        add_users: people(add_users, "add_users")?,
        add_groups: people(add_groups, "add_groups")?,
    })
}

fn advice(it: pb::Advice) -> Read<Advice> {
    let pb::Advice { source, text: said, confidence, option_id } = it;
    Ok(Advice {
        source: source.into(),
        text: said.into(),
        confidence: share(confidence).at("confidence")?,
        option_id: text(option_id),
    })
}

/// A version of 0 stays one: it means whichever is open.
pub(super) fn gate_closed(it: pb::GateClosed) -> Read<GateClosed> {
    let pb::GateClosed { gate_id, gate_version, reason, message, option_id, kind, closed_by } = it;
    Ok(GateClosed {
        gate_id: id(&gate_id).at("gate_id")?,
        gate_version,
        reason: match pb::GateCloseReason::try_from(reason) {
            Ok(pb::GateCloseReason::Unspecified | pb::GateCloseReason::Withdrawn) | Err(_) => {
                CloseReason::Withdrawn
            }
            Ok(pb::GateCloseReason::DecidedElsewhere) => CloseReason::DecidedElsewhere,
            Ok(pb::GateCloseReason::Cancelled) => CloseReason::Cancelled,
            Ok(pb::GateCloseReason::Unreachable) => CloseReason::Unreachable,
            Ok(pb::GateCloseReason::NoApprover) => CloseReason::NoApprover,
        },
        message: text(message),
        option_id: text(option_id),
        kind: decision_kind(kind),
        closed_by: text(closed_by),
    })
}

pub(super) fn decision_outcome(it: pb::DecisionOutcome) -> Read<DecisionOutcome> {
    let pb::DecisionOutcome {
        decision_id,
        gate_id,
        gate_version,
        outcome: became,
        reason,
        node_status_after,
    } = it;
    let outcome = outcome(became).at("outcome")?;
    if outcome == OutcomeStatus::InProgress {
        return invalid("a decision is not in progress").at("outcome");
    }
    Ok(DecisionOutcome {
        decision_id: id(&decision_id).at("decision_id")?,
        gate_id: id(&gate_id).at("gate_id")?,
        gate_version: version(gate_version),
        outcome,
        reason: text(reason),
        node_status_after: node_status(node_status_after).understood(),
    })
}

pub(super) fn command_outcome(it: pb::CommandOutcome) -> Read<CommandOutcome> {
    let pb::CommandOutcome { command_id, outcome: became, reason, result } = it;
    Ok(CommandOutcome {
        command_id: id(&command_id).at("command_id")?,
        outcome: outcome(became).at("outcome")?,
        reason: text(reason),
        result: json(result).at("result")?,
    })
}

/// An outcome of a later time is one that nobody here can tell.
pub(super) fn outcome(number: i32) -> Read<OutcomeStatus> {
    use pb::OutcomeStatus as Pb;
    Ok(match Pb::try_from(number) {
        Ok(Pb::Unspecified) => return invalid("required"),
        Ok(Pb::InProgress) => OutcomeStatus::InProgress,
        Ok(Pb::Applied) => OutcomeStatus::Applied,
        Ok(Pb::Refused) => OutcomeStatus::Refused,
        Ok(Pb::Failed) => OutcomeStatus::Failed,
        Ok(Pb::Unknown) | Err(_) => OutcomeStatus::Unknown,
    })
}
