//! What an engine says beside its events: who it is, what it works on, what has arrived.

use bytes::Bytes;

use super::execution::aliases;
use super::gate::{outcome, version};
use super::out::{refused_claim, refused_lane, unknown_gate};
use super::value::{At, Read, each, id, invalid, maybe_id, name, text};
use crate::core::{Claim, ClaimedGate, Hello, KnownOutcome, Reference};
use crate::engine::pb::{self, attach_request::Message};
use crate::model::{
    Capabilities, ExecutionId, GateId, Identity, ProducerEpoch, ProducerId, Pseq, Rejection, Text,
    WorkflowId,
};

/// Events of one batch.
pub const BATCH_EVENTS: usize = 256;
/// Executions that one message may claim: their answers have to fit in one message too.
const CLAIMS: usize = 10_000;
/// Outcomes that an engine remembers of one execution.
const OUTCOMES: usize = 256;
/// Gates that one execution may have open, with much to spare.
const OPEN_GATES: usize = 10_000;
/// Workflows that one engine can start, and custom commands that it knows.
const OFFERS: usize = 1_000;
/// No lane comes here: so that counting on from any number that is let in can't overflow.
const LAST_PSEQ: u64 = 1 << 62;

/// One message of an engine.
#[derive(Debug)]
pub(in crate::engine) enum FromEngine {
    Hello(Box<Greeting>),
    Events(Vec<Batch>),
    Claims(Claims),
    Report(Part),
    Receipts(Vec<(ExecutionId, Reference)>),
    Withdrawal(Result<Withdrawal, Box<pb::GateVerdict>>),
}

/// A greeting, and what of it could not be read.
#[derive(Debug)]
pub(in crate::engine) struct Greeting {
    pub hello: Hello,
    /// Answers to the claims that are none.
    pub refused: Vec<pb::Grant>,
    /// The engine's library, for a log line.
    pub sdk: String,
}

/// Executions that an engine takes up.
#[derive(Debug)]
pub(in crate::engine) struct Claims {
    pub claims: Vec<Claim>,
    /// Answers to those that are none.
    pub refused: Vec<pb::Grant>,
}

/// Events for one log, not yet read.
#[derive(Debug)]
pub(in crate::engine) struct Batch {
    /// Where they belong, or the answer to a batch that doesn't say so.
    pub lane: Result<Lane, pb::LaneResult>,
    /// `None`: unnumbered.
    pub first: Option<Pseq>,
    pub batch_ref: u64,
    pub events: Vec<Bytes>,
}

/// A log that an engine writes to.
#[derive(Debug)]
pub(in crate::engine) struct Lane {
    pub execution: ExecutionId,
    /// Set where it is a workflow's.
    pub workflow: Option<WorkflowId>,
}

/// A part of a state report.
#[derive(Debug)]
pub(in crate::engine) struct Part {
    /// The execution, or the answer to a report that names none.
    pub execution: Result<ExecutionId, pb::Grant>,
    pub as_of: Pseq,
    pub events: Vec<Bytes>,
    pub last: bool,
}

/// An engine gives up waiting.
#[derive(Debug)]
pub(in crate::engine) struct Withdrawal {
    pub execution: ExecutionId,
    pub gate: GateId,
    /// 0: whichever is open.
    pub version: u32,
    pub reason: Option<Text>,
}

/// Reads one message. An error is a breach of the protocol, in words; what concerns one execution
/// only is no error, but comes with its answer.
pub(in crate::engine) fn request(
    request: pb::AttachRequest,
    identity: &Identity,
) -> Result<FromEngine, String> {
    let pb::AttachRequest { message } = request;
    match message {
        None => Err("a message of no kind, or of one that this relay does not know".to_owned()),
        Some(Message::Hello(it)) => {
            greeting(it, identity).map(|it| FromEngine::Hello(Box::new(it)))
        }
        Some(Message::Events(pb::Events { batches: sent })) => {
            batches(sent).map(FromEngine::Events)
        }
        Some(Message::Claims(pb::Claims { claims: made })) => claims(made).map(FromEngine::Claims),
        Some(Message::StateReport(it)) => part(it).map(FromEngine::Report),
        Some(Message::Receipts(pb::DeliveryReceipts { receipts })) => {
            let receipts = each(receipts, "receipts", usize::MAX, receipt);
            receipts.map(FromEngine::Receipts).or_else(breach)
        }
        Some(Message::WithdrawGate(it)) => Ok(FromEngine::Withdrawal(withdrawal(it))),
    }
}

/// The same fault, where nobody but the whole stream can be told.
fn breach<T>(Rejection { code: _, field, message }: Rejection) -> Result<T, String> {
    Err([field, message].join(": "))
}

fn greeting(it: pb::Hello, identity: &Identity) -> Result<Greeting, String> {
    let pb::Hello {
        producer: named,
        // There is one revision, and labels and the library are for people.
        revision: _,
        sdk,
        capabilities,
        startable_workflow_ids,
        claims: made,
        labels: _,
    } = it;
    let (producer, epoch) = producer(named).at("producer").or_else(breach)?;
    let startable = each(startable_workflow_ids, "startable_workflow_ids", OFFERS, |it| id(&it));
    let Claims { claims, refused } = claims(made)?;
    let pb::Sdk { name, version, runtime } = sdk.unwrap_or_default();
    let hello = Hello {
        producer,
        epoch,
        identity: identity.clone(),
        listens: true,
        capabilities: self::capabilities(capabilities.unwrap_or_default()).or_else(breach)?,
        startable: startable.or_else(breach)?,
        claims,
    };
    Ok(Greeting { hello, refused, sdk: format!("{name} {version} ({runtime})") })
}

/// A call without a stream: who publishes, and what.
pub(in crate::engine) fn publication(
    it: pb::PublishRequest,
    identity: &Identity,
) -> Result<(Hello, Vec<Batch>), String> {
    let pb::PublishRequest { producer: named, batches: sent } = it;
    let (producer, epoch) = producer(named).at("producer").or_else(breach)?;
    let hello = Hello {
        producer,
        epoch,
        identity: identity.clone(),
        listens: false,
        capabilities: Capabilities::default(),
        startable: vec![],
        claims: vec![],
    };
    Ok((hello, batches(sent)?))
}

fn producer(named: Option<pb::Producer>) -> Read<(ProducerId, ProducerEpoch)> {
    let pb::Producer { producer_id, producer_epoch } = named.unwrap_or_default();
    let producer = id(&producer_id).at("producer_id")?;
    if producer_epoch == 0 {
        return invalid("required").at("producer_epoch");
    }
    Ok((producer, ProducerEpoch(producer_epoch)))
}

fn capabilities(it: pb::Capabilities) -> Read<Capabilities> {
    let pb::Capabilities { pause, resume, cancel, custom_types } = it;
    let custom_types = each(custom_types, "custom_types", OFFERS, name).at("capabilities")?;
    Ok(Capabilities { pause, resume, cancel, custom_types })
}

fn claims(made: Vec<pb::Claim>) -> Result<Claims, String> {
    if CLAIMS < made.len() {
        return Err(format!("{} claims; a message has at most {CLAIMS}", made.len()));
    }
    let (mut claims, mut refused) = (Vec::with_capacity(made.len()), vec![]);
    for it in made {
        let execution_id = it.execution_id.clone();
        match claim(it) {
            Ok(claim) => claims.push(claim),
            Err(fault) => refused.push(refused_claim(execution_id, &fault)),
        }
    }
    Ok(Claims { claims, refused })
}

fn claim(it: pb::Claim) -> Read<Claim> {
    let pb::Claim { execution_id, first_unacked_pseq, aliases: named, open_gates, outcomes } = it;
    Ok(Claim {
        execution: id(&execution_id).at("execution_id")?,
        first_unacked: Pseq(pseq(first_unacked_pseq).at("first_unacked_pseq")?.max(1)),
        aliases: aliases(named)?,
        open_gates: each(open_gates, "open_gates", OPEN_GATES, open_gate)?,
        outcomes: each(outcomes, "outcomes", OUTCOMES, known_outcome)?,
    })
}

fn open_gate(it: pb::OpenGate) -> Read<ClaimedGate> {
    let pb::OpenGate { gate_id, gate_version } = it;
    Ok(ClaimedGate { gate: id(&gate_id).at("gate_id")?, version: version(gate_version) })
}

fn known_outcome(it: pb::KnownOutcome) -> Read<KnownOutcome> {
    let pb::KnownOutcome { decision_id, command_id, gate_id, outcome: became, reason } = it;
    let (outcome, reason) = (outcome(became).at("outcome")?, text(reason));
    Ok(match reference(&decision_id, &command_id)? {
        Reference::Decision(decision) => {
            let gate = id(&gate_id).at("gate_id")?;
            KnownOutcome::Decision { id: decision, gate, outcome, reason }
        }
        Reference::Command(id) => KnownOutcome::Command { id, outcome, reason },
    })
}

fn reference(decision_id: &str, command_id: &str) -> Read<Reference> {
    let decision = maybe_id(decision_id).at("decision_id")?;
    match (decision, maybe_id(command_id).at("command_id")?) {
        (Some(decision), None) => Ok(Reference::Decision(decision)),
        (None, Some(command)) => Ok(Reference::Command(command)),
        (Some(_), Some(_)) | (None, None) => invalid("exactly one of decision_id and command_id"),
    }
}

fn receipt(it: pb::DeliveryReceipt) -> Read<(ExecutionId, Reference)> {
    let pb::DeliveryReceipt { execution_id, decision_id, command_id } = it;
    let execution = id(&execution_id).at("execution_id")?;
    Ok((execution, reference(&decision_id, &command_id)?))
}

/// Of any number of executions.
fn batches(sent: Vec<pb::EventBatch>) -> Result<Vec<Batch>, String> {
    sent.into_iter().map(batch).collect()
}

fn batch(it: pb::EventBatch) -> Result<Batch, String> {
    let pb::EventBatch { execution_id, workflow_id, first_pseq, events, batch_ref } = it;
    if BATCH_EVENTS < events.len() {
        return Err(format!("{} events; a batch has at most {BATCH_EVENTS}", events.len()));
    }
    let first = pseq(first_pseq).at("first_pseq").or_else(breach)?;
    let first = if first == 0 { None } else { Some(Pseq(first)) };
    let lane = lane(&execution_id, &workflow_id)
        .map_err(|fault| refused_lane(execution_id, workflow_id, batch_ref, &fault));
    Ok(Batch { lane, first, batch_ref, events })
}

fn lane(execution_id: &str, workflow_id: &str) -> Read<Lane> {
    let execution = maybe_id(execution_id).at("execution_id")?;
    match (execution, maybe_id::<WorkflowId>(workflow_id).at("workflow_id")?) {
        (Some(execution), None) => Ok(Lane { execution, workflow: None }),
        (None, Some(workflow)) => {
            let execution = ExecutionId::of_workflow(&workflow);
            Ok(Lane { execution, workflow: Some(workflow) })
        }
        (Some(_), Some(_)) | (None, None) => invalid("exactly one of execution_id and workflow_id"),
    }
}

fn part(it: pb::StateReport) -> Result<Part, String> {
    let pb::StateReport { execution_id, as_of_pseq, events, last } = it;
    let as_of = Pseq(pseq(as_of_pseq).at("as_of_pseq").or_else(breach)?);
    let execution =
        id(&execution_id).at("execution_id").map_err(|fault| refused_claim(execution_id, &fault));
    Ok(Part { execution, as_of, events, last })
}

fn pseq(stated: u64) -> Read<u64> {
    if LAST_PSEQ < stated { invalid("more than any lane can hold") } else { Ok(stated) }
}

/// A gate whose name can't be one is a gate that the relay does not know.
fn withdrawal(it: pb::WithdrawGate) -> Result<Withdrawal, Box<pb::GateVerdict>> {
    let pb::WithdrawGate { execution_id, gate_id, gate_version, reason } = it;
    match (id(&execution_id), id(&gate_id)) {
        (Ok(execution), Ok(gate)) => {
            Ok(Withdrawal { execution, gate, version: gate_version, reason: text(reason) })
        }
        _ => Err(Box::new(unknown_gate(execution_id, gate_id, gate_version))),
    }
}
