//! What engines say, as it comes over the wire, for targets that need a life to look at.

use bytes::Bytes;
use footplate::core::{Claim, Hello};
use footplate::engine::convert::{Setting, event};
use footplate::engine::pb::{self, event::Kind};
use footplate::model::{
    Capabilities, DecisionAsk, Identity, ProducerEpoch, Received, Target, Timestamp,
};
use prost::Message;

/// One event's bytes.
pub(crate) fn said(kind: Kind) -> Bytes {
    pb::Event { kind: Some(kind), ..pb::Event::default() }.encode_to_vec().into()
}

/// As the engines' door reads them.
pub(crate) fn read(now: Timestamp, events: &[Bytes]) -> Vec<Received> {
    events.iter().map(|it| event(it, Setting { now, workflow: None })).collect()
}

pub(crate) fn log(message: &str) -> Bytes {
    let level = pb::LogLevel::Info.into();
    said(Kind::LogWritten(pb::LogWritten { message: message.into(), level, ..Default::default() }))
}

pub(crate) fn node(id: &str, status: pb::NodeStatus) -> Bytes {
    let (node_id, status) = (id.into(), status.into());
    said(Kind::NodeChanged(pb::NodeChanged { node_id, status, ..Default::default() }))
}

pub(crate) fn started(workflow: &str, alias: &str) -> Bytes {
    let aliases = if alias.is_empty() { vec![] } else { vec![alias.to_owned()] };
    let workflow_id = workflow.into();
    said(Kind::ExecutionStarted(pb::ExecutionStarted {
        workflow_id,
        aliases,
        ..Default::default()
    }))
}

pub(crate) fn finished(status: pb::ExecutionStatus) -> Bytes {
    let status = status.into();
    said(Kind::ExecutionFinished(pb::ExecutionFinished { status, ..Default::default() }))
}

/// A question at node `n`. `quorum`: approvals that it takes.
pub(crate) fn gate(id: &str, version: u32, quorum: u32, prompt: &str) -> Bytes {
    let policy = pb::GatePolicy { required_approvals: quorum, ..Default::default() };
    said(Kind::GateOpened(pb::GateOpened {
        gate_id: id.into(),
        gate_version: version,
        node_id: "n".into(),
        prompt: prompt.into(),
        policy: Some(policy),
        ..Default::default()
    }))
}

/// The same, with a deadline.
pub(crate) fn gate_until(id: &str, version: u32, at: Timestamp) -> Bytes {
    let (seconds, nanos) = (at.0 / 1_000_000, (at.0 % 1_000_000) as i32 * 1_000);
    said(Kind::GateOpened(pb::GateOpened {
        gate_id: id.into(),
        gate_version: version,
        node_id: "n".into(),
        deadline_time: Some(pb_time(seconds, nanos)),
        on_timeout: pb::TimeoutAction::Reject.into(),
        ..Default::default()
    }))
}

fn pb_time(seconds: i64, nanos: i32) -> prost_types::Timestamp {
    prost_types::Timestamp { seconds, nanos }
}

pub(crate) fn closed(id: &str) -> Bytes {
    let reason = pb::GateCloseReason::Withdrawn.into();
    said(Kind::GateClosed(pb::GateClosed { gate_id: id.into(), reason, ..Default::default() }))
}

pub(crate) fn outcome(decision: &str, gate: &str, outcome: pb::OutcomeStatus) -> Bytes {
    said(Kind::DecisionOutcome(pb::DecisionOutcome {
        decision_id: decision.into(),
        gate_id: gate.into(),
        outcome: outcome.into(),
        ..Default::default()
    }))
}

/// An event that can't be read.
pub(crate) fn broken() -> Bytes {
    Bytes::from_static(&[0xFF; 3])
}

/// An engine that greets. `listens`: on a stream, and not to publish once.
pub(crate) fn hello(
    producer: &str,
    epoch: u64,
    identity: &str,
    listens: bool,
    claims: Vec<Claim>,
) -> Hello {
    Hello {
        producer: producer.parse().expect("it is a name"),
        epoch: ProducerEpoch(epoch),
        identity: Identity(identity.into()),
        listens,
        capabilities: Capabilities {
            pause: true,
            resume: true,
            cancel: true,
            custom_types: vec![],
        },
        startable: vec![],
        claims,
    }
}

pub(crate) fn decision(
    id: &str,
    execution: &str,
    gate: &str,
    version: u32,
    option: &str,
) -> DecisionAsk {
    DecisionAsk {
        id: id.parse().ok(),
        execution: execution.into(),
        target: Target::Gate { gate: gate.parse().expect("it is a name"), version },
        option: option.into(),
        comment: None,
        modification: None,
        payload_sha256: None,
    }
}
