//! What an engine is told: from the model to the wire.

use crate::core::{Ending, Grant, LaneFault, LaneResult, Verdict};
use crate::engine::pb::{self, attach_response::Message};
use crate::model::{
    Command, CommandKind, Contradiction, Decision, DecisionKind, DecisionSource, Durability,
    ExecutionId, GateId, Issue, Json, Principal, Pseq, Rejection, RejectionCode, Text, Timestamp,
    Vote,
};
use crate::shard::ToEngine;

/// What goes down a stream: results, which are gathered first, the end, and everything else.
#[derive(Debug)]
pub(in crate::engine) enum Outgoing {
    Result(LaneResult),
    Message(Box<Message>),
    End(Ending),
}

/// Finds the words.
pub(in crate::engine) fn outgoing(message: ToEngine) -> Outgoing {
    Outgoing::Message(Box::new(match message {
        ToEngine::Result(result) => return Outgoing::Result(result),
        ToEngine::End(why) => return Outgoing::End(why),
        // The first welcome is written by the stream, and what a second would say are its grants.
        ToEngine::Welcome { grants: made } | ToEngine::Granted { grants: made } => {
            granted(grants(made))
        }
        ToEngine::NeedState { execution } => {
            Message::StateRequest(pb::StateRequest { execution_ids: vec![execution.to_string()] })
        }
        ToEngine::Deliver { execution, decision: taken, attempt } => {
            Message::Decision(decision(&execution, &taken, attempt))
        }
        ToEngine::Order { execution, command: given, attempt } => {
            Message::Command(command(&execution, &given, attempt))
        }
        ToEngine::Verdict { execution, gate, version, verdict: given } => {
            Message::GateVerdict(verdict(&execution, &gate, version, &given))
        }
    }))
}

/// Answers to claims, and to state reports.
pub(in crate::engine) fn granted(grants: Vec<pb::Grant>) -> Message {
    Message::Grants(pb::Grants { grants })
}

/// The core's answers to claims.
pub(in crate::engine) fn grants(made: Vec<Grant>) -> Vec<pb::Grant> {
    made.into_iter().map(grant).collect()
}

fn grant(it: Grant) -> pb::Grant {
    let Grant { execution, log, next, need_state } = it;
    let (epoch, error) = match log {
        Ok(epoch) => (epoch.to_string(), None),
        Err(fault) => (String::new(), Some(lane_error(fault))),
    };
    pb::Grant { execution_id: execution.to_string(), epoch, next_pseq: next.0, need_state, error }
}

/// The answer to a claim, or a report, that names no execution.
pub(super) fn refused_claim(execution_id: String, fault: &Rejection) -> pb::Grant {
    pb::Grant { execution_id, error: Some(bad_id(fault)), ..pb::Grant::default() }
}

/// The answer to a state report that is larger than may be.
pub(in crate::engine) fn report_too_large(execution: &ExecutionId, most: usize) -> pb::Grant {
    let code = pb::LaneErrorCode::Limit.into();
    let message = format!("state reports under way have more than {most} bytes");
    pb::Grant {
        execution_id: execution.to_string(),
        error: Some(pb::LaneError { code, message }),
        ..pb::Grant::default()
    }
}

/// The answer to a batch that names no lane, with its names echoed.
pub(super) fn refused_lane(
    execution_id: String,
    workflow_id: String,
    batch_ref: u64,
    fault: &Rejection,
) -> pb::LaneResult {
    let error = Some(bad_id(fault));
    pb::LaneResult { execution_id, workflow_id, error, batch_ref, ..pb::LaneResult::default() }
}

fn bad_id(fault: &Rejection) -> pb::LaneError {
    let message = [&*fault.field, &*fault.message];
    let message = message.into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>();
    pb::LaneError { code: pb::LaneErrorCode::InvalidId.into(), message: message.join(": ") }
}

/// What became of one batch; `batch_ref` as its engine numbered it.
pub(in crate::engine) fn lane_result(
    it: LaneResult,
    batch_ref: u64,
    durability: Durability,
) -> pb::LaneResult {
    // The door numbers batches itself, so the core's number is not the engine's.
    let LaneResult { execution, batch_ref: _, ack, nack, fault, issues } = it;
    let (execution_id, workflow_id) = match execution.workflow() {
        Some(workflow) => (String::new(), workflow.to_owned()),
        None => (execution.to_string(), String::new()),
    };
    let ack = ack.map(|(pseq, at)| pb::Ack {
        pseq: pseq.0,
        seq: at.seq.0,
        durability: self::durability(durability).into(),
        epoch: at.epoch.to_string(),
    });
    pb::LaneResult {
        execution_id,
        workflow_id,
        ack,
        nack: nack.map(|expected| pb::Nack { expected_pseq: expected.0 }),
        error: fault.map(lane_error),
        issues: issues.into_iter().map(issue).collect(),
        batch_ref,
    }
}

/// What an acknowledgement is worth.
pub(super) fn durability(it: Durability) -> pb::Durability {
    match it {
        Durability::Memory => pb::Durability::Memory,
        Durability::Local => pb::Durability::Local,
        Durability::Replicated => pb::Durability::Replicated,
    }
}

/// What became of a publish.
pub(in crate::engine) fn published(results: Vec<pb::LaneResult>) -> pb::PublishResponse {
    pb::PublishResponse { results }
}

fn lane_error(fault: LaneFault) -> pb::LaneError {
    use pb::LaneErrorCode as Pb;
    let (code, message) = match fault {
        LaneFault::WrongOwner => (Pb::WrongOwner, "the execution belongs to another identity"),
        LaneFault::AliasTaken => (Pb::AliasTaken, "an alias belongs to another execution"),
        LaneFault::Limit
        | LaneFault::LimitOfEngine
        | LaneFault::LimitOfTenant
        | LaneFault::TooFast => (Pb::Limit, fault.of_room()),
        LaneFault::StateNeeded => (Pb::StateNeeded, "the state has to be reported first"),
        LaneFault::MixedNumbering => {
            (Pb::MixedNumbering, "numbered and unnumbered events in one lane and epoch")
        }
        LaneFault::Gone => (Pb::ExecutionGone, "the execution has finished and is forgotten"),
        LaneFault::Fallen => (
            Pb::ExecutionGone,
            "the relay has fallen over this execution and takes nothing more of it in until it is \
             started again; its log says over what: please report it",
        ),
    };
    pb::LaneError { code: code.into(), message: message.to_owned() }
}

fn issue((pseq, index, issue): (Pseq, u32, Issue)) -> pb::Issue {
    use pb::IssueCode as Pb;
    let (code, field_path, message) = match issue {
        Issue::Rejected(Rejection { code, field, message }) => {
            let code = match code {
                RejectionCode::Malformed => Pb::RejectedMalformed,
                RejectionCode::Utf8 => Pb::RejectedUtf8,
                RejectionCode::NotFinite => Pb::RejectedNotFinite,
                RejectionCode::Json => Pb::RejectedJson,
                RejectionCode::Depth => Pb::RejectedDepth,
                RejectionCode::TooLarge => Pb::RejectedTooLarge,
                RejectionCode::UnknownKind => Pb::RejectedUnknownKind,
                RejectionCode::Invalid => Pb::RejectedInvalid,
                RejectionCode::Limit => Pb::RejectedLimit,
            };
            (code, field, message)
        }
        Issue::Contradiction(contradiction) => {
            let message = match contradiction {
                Contradiction::AlreadyOver => "the execution has ended",
                Contradiction::NoSuchGate => "there is no such gate, or no such decision",
                Contradiction::GateSettled => "the gate is settled, and single-use",
                Contradiction::NotYours => "another producer is asked",
                Contradiction::OldAttempt => "a newer attempt of the node has spoken",
                Contradiction::NoSuchCommand => "nobody gave that command",
                Contradiction::Repeated => "the outcome was known",
            };
            (Pb::Contradiction, String::new(), message.to_owned())
        }
        Issue::Unsupported { field, message } => {
            (Pb::Unsupported, field.to_owned(), message.to_owned())
        }
        Issue::Conflict => {
            (Pb::Conflict, String::new(), "another event with this number was first".to_owned())
        }
    };
    pb::Issue { pseq: pseq.0, code: code.into(), field_path, message, index }
}

fn decision(execution: &ExecutionId, it: &Decision, attempt: u32) -> pb::Decision {
    let Decision {
        id,
        gate,
        version,
        node,
        kind,
        option,
        comment,
        modification,
        modification_sha256,
        payload_sha256,
        by,
        votes,
        source,
        time: taken,
    } = it;
    pb::Decision {
        execution_id: execution.to_string(),
        decision_id: id.to_string(),
        gate_id: gate.to_string(),
        gate_version: *version,
        kind: decision_kind(*kind).into(),
        option_id: option.to_string(),
        comment: said(comment),
        modification: modification.as_ref().map(json),
        actor: by.as_ref().map(actor),
        votes: votes.iter().map(vote).collect(),
        source: match source {
            DecisionSource::Human => pb::DecisionSource::Human,
            DecisionSource::Service => pb::DecisionSource::Service,
            DecisionSource::Timer => pb::DecisionSource::Timer,
            DecisionSource::TimerAfterRestart => pb::DecisionSource::TimerAfterRestart,
            DecisionSource::AdminOverride => pb::DecisionSource::AdminOverride,
        }
        .into(),
        delivery_attempt: attempt,
        decision_time: Some(time(*taken)),
        payload_sha256: digest(payload_sha256),
        node_id: node.as_ref().map(ToString::to_string).unwrap_or_default(),
        modification_sha256: digest(modification_sha256),
        is_override: *source == DecisionSource::AdminOverride,
    }
}

fn vote(it: &Vote) -> pb::Vote {
    // What a vote asked to change stands in the decision, if it was the one that counted.
    let Vote {
        decision_id,
        by,
        kind,
        option,
        comment,
        modification: _,
        modification_sha256,
        payload_sha256: _,
        time: cast,
    } = it;
    pb::Vote {
        decision_id: decision_id.to_string(),
        actor: Some(actor(by)),
        kind: decision_kind(*kind).into(),
        option_id: option.to_string(),
        comment: said(comment),
        vote_time: Some(time(*cast)),
        modification_sha256: digest(modification_sha256),
    }
}

fn decision_kind(it: DecisionKind) -> pb::DecisionKind {
    match it {
        DecisionKind::Approve => pb::DecisionKind::Approve,
        DecisionKind::Reject => pb::DecisionKind::Reject,
        DecisionKind::Modify => pb::DecisionKind::Modify,
        DecisionKind::Retry => pb::DecisionKind::Retry,
        DecisionKind::Skip => pb::DecisionKind::Skip,
        DecisionKind::Abort => pb::DecisionKind::Abort,
        DecisionKind::Custom => pb::DecisionKind::Custom,
        DecisionKind::Expired => pb::DecisionKind::Expired,
        DecisionKind::NoApprover => pb::DecisionKind::NoApprover,
    }
}

fn command(execution: &ExecutionId, it: &Command, attempt: u32) -> pb::Command {
    let Command { id, kind, reason, by, time: given } = it;
    let mut command = pb::Command {
        execution_id: execution.to_string(),
        command_id: id.to_string(),
        kind: pb::CommandKind::Unspecified.into(),
        reason: said(reason),
        workflow_id: String::new(),
        custom_type: String::new(),
        payload: None,
        actor: Some(actor(by)),
        delivery_attempt: attempt,
        command_time: Some(time(*given)),
        session_id: String::new(),
    };
    let kind = match kind {
        CommandKind::Pause => pb::CommandKind::Pause,
        CommandKind::Resume => pb::CommandKind::Resume,
        CommandKind::Cancel => pb::CommandKind::Cancel,
        CommandKind::Start { workflow, input } => {
            command.workflow_id = workflow.to_string();
            command.payload = input.as_ref().map(json);
            pb::CommandKind::Start
        }
        CommandKind::Custom { name, payload } => {
            command.custom_type = name.to_string();
            command.payload = payload.as_ref().map(json);
            pb::CommandKind::Custom
        }
    };
    pb::Command { kind: kind.into(), ..command }
}

fn verdict(
    execution: &ExecutionId,
    gate: &GateId,
    version: u32,
    given: &Verdict,
) -> pb::GateVerdict {
    let code = match given {
        Verdict::Withdrawn => pb::GateVerdictCode::Withdrawn,
        Verdict::TooLate(_) => pb::GateVerdictCode::TooLate,
        Verdict::AlreadyClosed => pb::GateVerdictCode::AlreadyClosed,
        Verdict::Unknown => pb::GateVerdictCode::Unknown,
    };
    let decision = match given {
        // This is a delivery like any other, and the first of which the engine knows here.
        Verdict::TooLate(taken) => Some(decision(execution, taken, 1)),
        Verdict::Withdrawn | Verdict::AlreadyClosed | Verdict::Unknown => None,
    };
    pb::GateVerdict {
        execution_id: execution.to_string(),
        gate_id: gate.to_string(),
        gate_version: version,
        verdict: code.into(),
        decision,
    }
}

/// The answer about a gate that can't be one, with its names echoed.
pub(super) fn unknown_gate(
    execution_id: String,
    gate_id: String,
    gate_version: u32,
) -> pb::GateVerdict {
    let verdict = pb::GateVerdictCode::Unknown.into();
    pb::GateVerdict { execution_id, gate_id, gate_version, verdict, decision: None }
}

fn actor(it: &Principal) -> pb::Actor {
    let Principal { subject, issuer, method, groups, roles, tenant: _ } = it;
    pb::Actor {
        subject: subject.to_string(),
        issuer: said(issuer),
        auth_method: method.to_string(),
        groups: groups.iter().map(ToString::to_string).collect(),
        roles: roles.iter().map(|role| role.name().to_owned()).collect(),
        // Nobody vouches for either yet.
        display_name: String::new(),
        tenant: String::new(),
    }
}

fn json(it: &Json) -> pb::Json {
    let Json { text, truncated, full_size, uri, sha256 } = it;
    pb::Json {
        text: text.as_bytes().to_vec().into(),
        truncated: *truncated,
        full_size: *full_size,
        uri: said(uri),
        sha256: digest(sha256),
    }
}

fn digest(it: &Option<[u8; 32]>) -> bytes::Bytes {
    it.map(|digest| digest.to_vec().into()).unwrap_or_default()
}

fn said(it: &Option<Text>) -> String {
    it.as_deref().unwrap_or_default().to_owned()
}

/// A time as the wire has it.
pub(super) fn time(it: Timestamp) -> prost_types::Timestamp {
    let nanos = it.0.rem_euclid(1_000_000) * 1_000;
    prost_types::Timestamp {
        seconds: it.0.div_euclid(1_000_000),
        nanos: i32::try_from(nanos).unwrap_or_default(),
    }
}
