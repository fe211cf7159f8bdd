//! One dashboard's talk. Success is silent here, because what follows from it is seen; failure is
//! an `error` to the one who asked.

use std::{collections::VecDeque, time::Instant};

use serde::Deserialize;

use super::acks::Acks;
use super::messages::Message;
use super::resync::{Resync, Seen};
use crate::core::{Answer, Receipt, Reference, Stage};
use crate::dialect::reading::{brief, sound};
use crate::dialect::stamp::Teller;
use crate::dialect::{
    Begin, Call, Conversation, Notice, Parting, Point, Said, Token, Unintelligible,
};
use crate::frame::Frames;
use crate::model::{
    CommandAsk, CommandKind, DecisionAsk, Epoch, NodeId, Position, Resolution, Seq, Target, Text,
};

/// The longest feedback, in bytes.
const FEEDBACK: usize = 16 << 10;
/// The longest decision, in bytes.
const DECISION: usize = 256;

/// What it has missed may be asked for so often before it is answered.
const RESYNCS: usize = 16;

/// One connection.
#[derive(Debug)]
pub(super) struct Talk {
    /// As the path names it.
    dag: Option<Text>,
    now: Option<Instant>,
    /// Which log it watches, as soon as there is one.
    epoch: Option<Epoch>,
    /// Whether it has yet to be told whether it watches.
    asked: bool,
    /// How far it says to have seen, each time that it has asked what it has missed. One is answered
    /// after the other.
    seen: VecDeque<Seen>,
    /// Whether it asked in the word that is answered with the same.
    beats: bool,
    /// For who wants that.
    acks: Option<Box<Acks>>,
    leaves: Option<Parting>,
}

/// What a client sends. Fields that are not known are ignored: the protocol's own samples send
/// some.
#[derive(Deserialize)]
struct ClientEvent {
    #[serde(rename = "type")]
    kind: Option<String>,
}

#[derive(Deserialize)]
struct HumanDecision {
    node_id: Option<String>,
    decision: Option<String>,
    feedback: Option<String>,
}

#[derive(Deserialize)]
struct Ack {
    event_id: Option<String>,
    seq: Option<u64>,
}

impl Talk {
    pub(super) fn new(call: &Call) -> Self {
        let acks = call.query("acks").filter(|it| it == "1").map(|_| Box::default());
        Self {
            dag: call.path.clone(),
            now: None,
            epoch: None,
            asked: false,
            seen: VecDeque::new(),
            beats: false,
            acks,
            // Nothing is shown to who claims to be somebody else.
            leaves: (call.token == Token::Bad).then_some(Parting::Unauthenticated),
        }
    }

    fn resync(&mut self, asked: &Resync<'_>) -> Result<Said, Unintelligible> {
        let message = "resync_request: last_seen is milliseconds since 1970, or a time such as \
                       2026-11-20T10:00:00.123Z";
        let seen = asked.seen().ok_or_else(|| fault("bad_field", message.to_owned()))?;
        if RESYNCS <= self.seen.len() {
            let message = "resync_request: wait until what you have asked for has come";
            return Err(fault("rate_limited", message.to_owned()));
        }
        self.seen.push_back(seen);
        Ok(Said::Nothing)
    }

    fn ack(&mut self, ack: &Ack) -> Result<Said, Unintelligible> {
        if let Ack { event_id: None, seq: None } = ack {
            return Err(fault("missing_field", "ack: missing event_id or seq".to_owned()));
        }
        let acks = self.acks.get_or_insert_default();
        ack.event_id.iter().for_each(|it| acks.heard(it));
        ack.seq.iter().for_each(|it| acks.heard_up_to(*it));
        Ok(Said::Nothing)
    }
}

impl Conversation for Talk {
    fn at(&mut self, now: Instant) {
        self.now = Some(now);
    }

    fn opening(&mut self) -> Option<Said> {
        let name = self.dag.clone().filter(|_| self.leaves.is_none())?;
        self.asked = true;
        Some(Said::Watch { name, from: Begin::After(None) })
    }

    fn read(&mut self, frame: &str) -> Result<Said, Unintelligible> {
        sound(frame)?;
        let event: ClientEvent = read("A message", frame)?;
        let dag = self.dag.clone();
        let dag = dag.ok_or_else(|| fault("no_execution", "The path names no DAG".to_owned()))?;
        let command = |kind| {
            let execution = Some(dag.clone());
            Ok(Said::Command(CommandAsk { id: None, execution, kind, reason: None }))
        };
        match event.kind.as_deref() {
            Some("human_decision") => decision(dag, read("human_decision", frame)?),
            Some("pause_execution") => command(CommandKind::Pause),
            Some("resume_execution") => command(CommandKind::Resume),
            Some("cancel_execution") => command(CommandKind::Cancel),
            Some("resync_request") => self.resync(&read("resync_request", frame)?),
            Some("ack") => self.ack(&read("ack", frame)?),
            Some(word @ ("heartbeat" | "ping")) => {
                self.beats = word == "heartbeat";
                Ok(Said::Ping)
            }
            Some(other) => {
                Err(fault("unknown_type", format!("There is no message of type '{other}'")))
            }
            None => Err(fault("missing_field", "A message has a 'type'".to_owned())),
        }
    }

    fn answer(&mut self, answer: &Answer, out: &mut Frames) {
        match answer {
            // Nobody can ask for the past in this protocol.
            Answer::NotThen { .. } => (),
            Answer::Watching { head, .. } => {
                self.asked = false;
                let known = self.epoch.replace(head.epoch);
                if let Some(acks) = self.acks.as_mut().filter(|_| known != self.epoch) {
                    acks.forget();
                }
            }
            Answer::Unknown { execution } => {
                self.epoch = None;
                error(None, &format!("Unknown DAG {execution}"), out);
            }
            Answer::Receipt(receipt) => {
                // A gate without a node goes by its own name.
                let gate = receipt.gate.as_ref().map(|it| it.as_str());
                let node = receipt.node.as_ref().map(NodeId::as_str).or(gate);
                if let Some(message) = failure(receipt) {
                    error(node, &message, out);
                }
            }
        }
    }

    fn notice(&mut self, notice: &Notice<'_>, out: &mut Frames) {
        match notice {
            Notice::Problem(problem) => error(problem.about.as_deref(), &problem.message, out),
            Notice::Pong { .. } => {
                tell(&if self.beats { Message::Heartbeat } else { Message::Pong }, out);
            }
            Notice::Welcome { .. } if self.leaves.is_some() => not_valid("not valid", out),
            Notice::Unauthenticated { expired } => {
                not_valid(if *expired { "no longer valid" } else { "not valid" }, out);
                self.leaves = Some(Parting::Unauthenticated);
            }
            // The protocol has no words for these.
            Notice::Welcome { .. }
            | Notice::Unwatched { .. }
            | Notice::Authenticated { .. }
            | Notice::Found { .. }
            | Notice::Expiring { .. }
            | Notice::GoingAway { .. } => (),
        }
    }

    fn next(&mut self) -> Option<Said> {
        if self.acks.as_mut().is_some_and(|acks| acks.is_deaf()) {
            self.leaves = Some(Parting::Unheard);
        }
        if let Some(parting) = self.leaves.take() {
            return Some(Said::Leave(parting));
        }
        let (name, epoch) = (self.dag.clone()?, self.epoch.filter(|_| !self.asked)?);
        let behind = match self.seen.pop_front()? {
            Seen::Unsaid => Point::Here,
            Seen::Time(time) => Point::Moment { time, left: None },
            Seen::Seq(seq) => Point::Record(Position { epoch, seq: Seq(seq) }),
        };
        self.asked = true;
        Some(Said::Watch { name, from: Begin::Replayed { behind, gaps: false } })
    }

    fn due(&self) -> Option<Instant> {
        self.acks.as_ref()?.due()
    }

    fn elapsed(&mut self, out: &mut Frames) {
        if let Some((acks, now)) = self.acks.as_mut().zip(self.now) {
            acks.elapsed(now, out);
        }
    }

    fn listens(&self) -> bool {
        self.acks.is_some()
    }

    fn sent(&mut self, frames: &[u8]) {
        if let Some((acks, now)) = self.acks.as_mut().zip(self.now) {
            acks.sent(frames, now);
        }
    }
}

fn read<'a, T: Deserialize<'a>>(what: &str, frame: &'a str) -> Result<T, Unintelligible> {
    let wrong = |err| fault("bad_field", format!("{what}: a field has the wrong type: {err}"));
    serde_json::from_str(frame).map_err(wrong)
}

fn decision(execution: Text, event: HumanDecision) -> Result<Said, Unintelligible> {
    let about = event.node_id.clone().filter(|node| node.len() <= DECISION);
    let wrong = |code, message: &str| Unintelligible {
        code,
        message: format!("human_decision: {message}"),
        about: about.clone(),
    };
    let (Some(node), Some(option)) = (event.node_id, event.decision) else {
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

fn not_valid(how: &str, out: &mut Frames) {
    error(None, &format!("The token is {how}: get another one"), out);
}

fn error(node: Option<&str>, message: &str, out: &mut Frames) {
    tell(&Message::Error(node, message), out);
}

/// For one viewer alone: it has no place in anybody's order.
fn tell(message: &Message<'_>, out: &mut Frames) {
    Teller { stamp: None, out }.say(message);
}

/// What to tell of a receipt, if it is none of success.
fn failure(receipt: &Receipt) -> Option<String> {
    let gate = receipt.node.as_ref().map(NodeId::as_str);
    let gate = gate.or(receipt.gate.as_ref().map(|it| it.as_str())).unwrap_or("?");
    let what = match receipt.about {
        Reference::Decision(_) => format!("The decision for gate {gate}"),
        Reference::Command(_) => "The command".to_owned(),
    };
    let decided = matches!(receipt.resolution.as_deref(), None | Some(Resolution::Decided(_)));
    let message = match &receipt.stage {
        // The reason says how it was settled, which was by no person here.
        Stage::AlreadyDecided { .. } | Stage::GateClosed if !decided => format!("Gate {gate}"),
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
        Stage::EngineAway => format!("Gate {gate} can't be decided now"),
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
