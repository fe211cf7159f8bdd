//! One dashboard's talk. Success is silent here, because what follows from it is seen; failure is
//! an `error` to the one who asked.

use serde::Deserialize;

use super::messages::Message;
use crate::core::{Answer, Receipt, Reference, Stage};
use crate::dialect::reading::{brief, sound};
use crate::dialect::stamp::Teller;
use crate::dialect::{Begin, Conversation, Notice, Said, Unintelligible};
use crate::frame::Frames;
use crate::model::{CommandAsk, CommandKind, DecisionAsk, NodeId, Target, Text};

/// The longest feedback, in bytes.
const FEEDBACK: usize = 16 << 10;
/// The longest decision, in bytes.
const DECISION: usize = 256;

/// One connection.
#[derive(Debug)]
pub(super) struct Talk {
    /// As the path names it.
    pub(super) dag: Option<Text>,
}

/// What a client sends. Fields that are not known are ignored: the protocol's own samples send
/// some.
#[derive(Deserialize)]
struct ClientEvent {
    #[serde(rename = "type")]
    kind: Option<String>,
    node_id: Option<String>,
    decision: Option<String>,
    feedback: Option<String>,
}

impl Conversation for Talk {
    fn opening(&mut self) -> Option<Said> {
        let name = self.dag.clone()?;
        Some(Said::Watch { name, from: Begin::After(None) })
    }

    fn read(&mut self, frame: &str) -> Result<Said, Unintelligible> {
        sound(frame)?;
        let event: ClientEvent = serde_json::from_str(frame)
            .map_err(|err| fault("bad_field", format!("A field has the wrong type: {err}")))?;
        let execution = self.dag.clone();
        let execution =
            execution.ok_or_else(|| fault("no_execution", "The path names no DAG".to_owned()))?;
        let command =
            |kind| CommandAsk { id: None, execution: Some(execution), kind, reason: None };
        match event.kind.as_deref() {
            Some("human_decision") => decision(self.dag.clone(), event),
            Some("pause_execution") => Ok(Said::Command(command(CommandKind::Pause))),
            Some("resume_execution") => Ok(Said::Command(command(CommandKind::Resume))),
            Some("cancel_execution") => Ok(Said::Command(command(CommandKind::Cancel))),
            Some(other) => {
                Err(fault("unknown_type", format!("There is no message of type '{other}'")))
            }
            None => Err(fault("missing_field", "A message has a 'type'".to_owned())),
        }
    }

    fn answer(&mut self, answer: &Answer, out: &mut Frames) {
        match answer {
            Answer::Watching { .. } => (),
            Answer::Unknown { execution } => error(None, &format!("Unknown DAG {execution}"), out),
            Answer::Receipt(receipt) => {
                let node = receipt.node.as_ref().map(NodeId::as_str);
                if let Some(message) = failure(receipt) {
                    error(node, &message, out);
                }
            }
        }
    }

    fn notice(&mut self, notice: &Notice<'_>, out: &mut Frames) {
        match notice {
            Notice::Problem(problem) => error(problem.about.as_deref(), &problem.message, out),
            // The protocol has no words for these.
            Notice::Welcome { .. }
            | Notice::Pong { .. }
            | Notice::Unwatched { .. }
            | Notice::Authenticated { .. }
            | Notice::Unauthenticated { .. }
            | Notice::Found { .. }
            | Notice::GoingAway { .. } => (),
        }
    }
}

fn decision(execution: Option<Text>, event: ClientEvent) -> Result<Said, Unintelligible> {
    let about = event.node_id.clone().filter(|node| node.len() <= DECISION);
    let wrong = |code, message: &str| Unintelligible {
        code,
        message: format!("human_decision: {message}"),
        about: about.clone(),
    };
    let (Some(execution), Some(node), Some(option)) = (execution, event.node_id, event.decision)
    else {
        return Err(wrong("missing_field", "missing node_id/decision"));
    };
    let node: Result<NodeId, _> = node.parse();
    let node = node.map_err(|err| wrong("bad_id", &format!("node_id: {err}")))?;
    if option.is_empty() || DECISION < option.len() {
        return Err(wrong("bad_field", "decision is one of the gate's outcomes"));
    }
    if event.feedback.as_ref().is_some_and(|it| FEEDBACK < it.len()) {
        return Err(wrong("too_long", "feedback has at most 16384 bytes"));
    }
    Ok(Said::Decide(DecisionAsk {
        id: None,
        execution,
        target: Target::Node(node),
        option: option.into(),
        comment: event.feedback.map(Text::from),
        modification: None,
        payload_sha256: None,
    }))
}

fn fault(code: &'static str, message: String) -> Unintelligible {
    Unintelligible { code, message: brief(message), about: None }
}

fn error(node: Option<&str>, message: &str, out: &mut Frames) {
    // For one viewer alone: it has no place in anybody's order.
    Teller { stamp: None, out }.say(&Message::Error(node, message));
}

/// What to tell of a receipt, if it is none of success.
fn failure(receipt: &Receipt) -> Option<String> {
    let gate = receipt.node.as_ref().map(NodeId::as_str);
    let gate = gate.or(receipt.gate.as_ref().map(|it| it.as_str())).unwrap_or("?");
    let what = match receipt.about {
        Reference::Decision(_) => format!("The decision for gate {gate}"),
        Reference::Command(_) => "The command".to_owned(),
    };
    let message = match &receipt.stage {
        Stage::Recorded
        | Stage::Voted { .. }
        | Stage::Delivered
        | Stage::InProgress
        | Stage::Applied => return None,
        Stage::Waiting => format!("{what} waits: the engine has not answered yet"),
        Stage::Refused => format!("{what} was refused"),
        Stage::Failed => format!("{what} failed"),
        Stage::OutcomeUnknown => format!("Nobody knows whether {} took effect", lower(&what)),
        Stage::AlreadyDecided { kind: _, option: Some(option) } => {
            format!("Gate {gate} already decided: {option}")
        }
        Stage::AlreadyDecided { kind: _, option: None } => format!("Gate {gate} already decided"),
        Stage::GateChanged { .. } => {
            format!("Gate {gate} has changed since it was shown: look again, then decide")
        }
        Stage::GateClosed => format!("Gate {gate} need not be decided any longer"),
        Stage::GateUnknown => format!("No gate waits at {gate}"),
        Stage::IdReused => format!("{what} repeats another one's id"),
        Stage::Forbidden => format!("{what} is not allowed to you"),
    };
    let by = receipt.by.as_ref().map(|by| format!(" (by {})", by.subject));
    let by = by.filter(|_| matches!(receipt.stage, Stage::AlreadyDecided { .. }));
    let reason = receipt.reason.as_ref().map(|reason| format!(": {reason}"));
    Some([Some(message), by, reason].into_iter().flatten().collect())
}

fn lower(what: &str) -> String {
    what.replacen('T', "t", 1)
}
