//! Effects of the core, as words.

use footplate::core::{Answer, Effect, Execution, Grant, LaneResult, Receipt, Reference, Verdict};
use footplate::model::{
    CommandKind, Decision, Event, Fact, Gate, Issue, Kind, NodeStatus, Principal, Record,
    Resolution,
};

pub(crate) fn effect(effect: &Effect) -> String {
    match effect {
        Effect::Append(record) => self::record(record),
        Effect::Forget(execution) => format!("forget {execution}"),
        Effect::Fallen { execution, .. } => format!("fallen {execution}"),
        Effect::TakenBack => "taken back".to_owned(),
        Effect::Answer { viewer, answer: Answer::Receipt(it) } => {
            format!("v{viewer} {}", receipt(it))
        }
        Effect::Answer { viewer, answer } => format!("v{viewer} {answer:?}"),
        Effect::Welcome { link, grants } => format!("l{link} welcome{}", self::grants(grants)),
        Effect::Granted { link, grants } => format!("l{link} granted{}", self::grants(grants)),
        Effect::Result { link, result } => format!("l{link} {}", self::result(result)),
        Effect::NeedState { link, execution } => format!("l{link} tell me all of {execution}"),
        Effect::Deliver { link, execution, decision, attempt } => {
            format!("l{link} deliver {execution} {} (attempt {attempt})", self::decision(decision))
        }
        Effect::Order { link, execution, command, attempt } => {
            let (id, kind) = (&command.id, order(&command.kind));
            format!("l{link} order {execution} {id}: {kind} (attempt {attempt})")
        }
        Effect::Verdict { link, execution, gate, version, verdict } => {
            let verdict = match verdict {
                Verdict::TooLate(decision) => format!("too late: {}", self::decision(decision)),
                Verdict::Withdrawn | Verdict::AlreadyClosed | Verdict::Unknown => {
                    format!("{verdict:?}")
                }
            };
            format!("l{link} verdict {execution} {gate} v{version}: {verdict}")
        }
        Effect::End { link, why } => format!("l{link} ends: {why:?}"),
    }
}

fn grants(grants: &[Grant]) -> String {
    let show = |grant: &Grant| {
        let state = if grant.need_state { ", state first" } else { "" };
        match grant.log {
            Ok(epoch) => format!(", {} {epoch} send #{}{state}", grant.execution, grant.next),
            Err(why) => format!(", {} {why:?}", grant.execution),
        }
    };
    grants.iter().map(show).collect()
}

fn result(result: &LaneResult) -> String {
    let LaneResult { execution, batch_ref: _, ack, nack, fault, issues } = result;
    let ack = ack.map(|(pseq, at)| format!(" ack #{pseq} (at {})", at.seq));
    let nack = nack.map(|pseq| format!(" nack, expected #{pseq}"));
    let fault = fault.map(|why| format!(" takes nothing: {why:?}"));
    let issues = issues.iter().map(|(pseq, index, issue)| {
        let issue = match issue {
            Issue::Rejected(it) => format!("rejected {:?} {}", it.code, it.field),
            Issue::Contradiction(it) => format!("{it:?}"),
            Issue::Conflict => "conflict".to_owned(),
            Issue::Unsupported { field, message } => format!("{field}: {message}"),
        };
        format!(" [{index}: #{pseq} {issue}]")
    });
    let parts = ack.into_iter().chain(nack).chain(fault).chain(issues);
    format!("{execution}{}", parts.collect::<String>())
}

pub(crate) fn record(record: &Record) -> String {
    let Record { execution, position, fact, contradiction, after, .. } = record;
    let fact = match fact {
        Fact::Said { producer, pseq, event } => match pseq {
            Some(pseq) => format!("{producer}#{pseq} {}", self::event(event)),
            None => format!("{producer} {}", self::event(event)),
        },
        Fact::Rejected { producer, rejection, .. } => {
            format!("{producer} rejected {:?} {}", rejection.code, rejection.field)
        }
        Fact::Voted { gate, vote } => {
            format!("{gate} vote {} {:?} by {}", vote.decision_id, vote.kind, vote.by.subject)
        }
        Fact::Resolved { gate, resolution } => format!("{gate} {}", self::resolution(resolution)),
        Fact::Delivered { gate, decision, delivery, reason } => {
            let why = reason.as_ref().map(|it| format!(" ({it})")).unwrap_or_default();
            format!("{gate} {} {delivery:?}{why}", decision.id)
        }
        Fact::Commanded { command } => {
            format!("{} {} by {}", command.id, order(&command.kind), command.by.subject)
        }
        Fact::CommandMoved { id, stage, reason } => {
            let why = reason.as_ref().map(|it| format!(" ({it})")).unwrap_or_default();
            format!("{id} {stage:?}{why}")
        }
        Fact::EngineLost { producer } => format!("{producer} lost"),
        Fact::EngineAttached { producer, epoch, .. } => format!("{producer}/{epoch} attached"),
    };
    let but = contradiction.map(|it| format!(" but {it:?}")).unwrap_or_default();
    let node = after.node.as_ref().filter(|_| after.moved);
    let node = node.map(|node| format!(" [{} {}]", node.id, word(node.status))).unwrap_or_default();
    format!("{execution} {position} {fact}{but}{node}")
}

fn event(event: &Event) -> String {
    match &event.kind {
        Kind::ExecutionStarted(_) => "started".to_owned(),
        Kind::ExecutionStatusChanged(it) => format!("status {:?}", it.status),
        Kind::ExecutionFinished(it) => format!("finished {:?}", it.status),
        Kind::ExecutionProgressed(it) => format!("progress {:?}", it.fraction),
        Kind::NodeChanged(it) => format!("node {}", it.node_id),
        Kind::NodeProgressed(it) => format!("node {} at {:?}", it.node_id, it.fraction),
        Kind::GraphDeclared(it) => format!("graph of {} and {}", it.nodes.len(), it.edges.len()),
        Kind::GraphMutated(_) => "graph mutated".to_owned(),
        Kind::EdgeActivated { from, to } => format!("edge {from}>{to}"),
        Kind::CostIncurred(it) => format!("cost {:?}", it.increment_usd_nanos),
        Kind::LogWritten(it) => format!("log {}", it.message),
        Kind::FailureReported(it) => format!("failure {}", it.failure.message),
        Kind::GateOpened(it) => {
            let asks = it.prompt.as_deref().unwrap_or("nothing");
            format!("gate {} v{} asks {asks}", it.gate_id, it.gate_version)
        }
        Kind::GateClosed(it) => format!("gate {} closed: {:?}", it.gate_id, it.reason),
        Kind::DecisionOutcome(it) => format!("{} {:?}", it.decision_id, it.outcome),
        Kind::CommandOutcome(it) => format!("{} {:?}", it.command_id, it.outcome),
        Kind::WorkflowChanged(it) => format!("workflow {}", it.workflow_id),
        other => format!("{other:?}"),
    }
}

fn resolution(resolution: &Resolution) -> String {
    match resolution {
        Resolution::Decided(it) => format!("decided {}", decision(it)),
        Resolution::Expired(it) => format!("expired {}", decision(it)),
        Resolution::Withdrawn { reason } => {
            format!("withdrawn{}", reason.as_ref().map(|it| format!(" ({it})")).unwrap_or_default())
        }
        other => format!("{other:?}"),
    }
}

fn decision(decision: &Decision) -> String {
    let by = decision.by.as_ref().map_or("the deadline", |by| &by.subject);
    let Decision { id, gate, version, kind, votes, .. } = decision;
    let votes = if votes.len() > 1 { format!(", {} votes", votes.len()) } else { String::new() };
    format!("{id}: {kind:?} {gate} v{version} by {by}{votes}")
}

fn order(kind: &CommandKind) -> String {
    match kind {
        CommandKind::Pause => "pause".to_owned(),
        CommandKind::Resume => "resume".to_owned(),
        CommandKind::Cancel => "cancel".to_owned(),
        CommandKind::Start { workflow, .. } => format!("start {workflow}"),
        CommandKind::Custom { name, .. } => format!("custom {name}"),
    }
}

fn receipt(receipt: &Receipt) -> String {
    let about = match &receipt.about {
        Reference::Decision(id) => id.to_string(),
        Reference::Command(id) => id.to_string(),
    };
    let by = |it: &Principal| format!(" by {}", it.subject);
    let by = receipt.by.as_ref().map(by).unwrap_or_default();
    let why = receipt.reason.as_ref().map(|it| format!(" ({it})")).unwrap_or_default();
    let how =
        receipt.resolution.as_ref().map(|it| format!(" [{}]", resolution(it))).unwrap_or_default();
    format!("receipt {about}: {:?}{how}{by}{why}", receipt.stage)
}

pub(crate) fn state(state: &Execution) -> String {
    let nodes = state.nodes.values().map(|it| format!("{} {}", it.id, word(it.status)));
    let gates = state.gates.values().map(|it| gate(it));
    let commands = state.commands.values().map(|it| format!("{} {:?}", it.command.id, it.stage));
    let lost = state.producers.iter().filter(|(_, it)| !it.attached);
    let lost = lost.map(|(id, _)| format!("{id} away"));
    let all: Vec<String> = nodes.chain(gates).chain(commands).chain(lost).collect();
    format!("{:?} [{}]", state.status(), all.join(", "))
}

fn gate(gate: &Gate) -> String {
    let id = &gate.asked.gate_id;
    let delivery = gate.delivery.map(|it| format!(" {it:?}")).unwrap_or_default();
    format!("{id} {}{delivery}", resolution(&gate.resolution))
}

fn word(status: NodeStatus) -> String {
    format!("{status:?}").to_lowercase()
}
