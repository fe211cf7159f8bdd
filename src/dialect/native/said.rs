//! What a viewer says, read strictly: a field that is not known, is missing, has another type or
//! is there twice makes the message mean nothing, and the answer says what to do about it.

use std::{fmt, str::FromStr};

use serde::Deserialize;
use serde_json::value::RawValue;

use crate::dialect::reading::{brief, sound};
use crate::dialect::{Begin, Said, Unintelligible};
use crate::model::{
    Alias, CommandAsk, CommandId, CommandKind, DecisionAsk, DecisionId, Epoch, GateId, Json,
    Position, Seq, Target, Text, WorkflowId,
};

/// The longest comment or reason, in bytes.
const COMMENT: usize = 16 << 10;
/// The longest modification, input or payload, in bytes.
const VALUE: usize = 256 << 10;
/// The longest token, in bytes.
const TOKEN: usize = 8 << 10;
/// The longest name of an option or of a custom command, and the longest id that is echoed, in bytes.
const NAME: usize = 256;

/// What is read first, and leniently: which message it is, and what its answer can refer to.
#[derive(Default, Deserialize)]
struct Head<'a> {
    #[serde(borrow, rename = "type")]
    kind: Option<&'a RawValue>,
    decision_id: Option<&'a RawValue>,
    command_id: Option<&'a RawValue>,
    execution_id: Option<&'a RawValue>,
}

impl Head<'_> {
    fn about(&self) -> Option<String> {
        let ids = [self.decision_id, self.command_id, self.execution_id];
        ids.into_iter().flatten().find_map(text).filter(|id| id.len() <= NAME)
    }
}

fn text(raw: &RawValue) -> Option<String> {
    serde_json::from_str(raw.get()).ok()
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Subscribe<'a> {
    #[serde(rename = "type")]
    _type: String,
    execution_id: String,
    #[serde(borrow)]
    since: Option<&'a RawValue>,
    #[serde(borrow)]
    at: Option<&'a RawValue>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Since {
    epoch: String,
    seq: u64,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct At {
    seq: u64,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Unsubscribe {
    #[serde(rename = "type")]
    _type: String,
    execution_id: String,
}

/// Says who it is, or once more.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Authenticate {
    #[serde(rename = "type")]
    _type: String,
    token: String,
}

/// A message that has no fields.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Bare {
    #[serde(rename = "type")]
    _type: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct HumanDecision<'a> {
    #[serde(rename = "type")]
    _type: String,
    decision_id: String,
    execution_id: String,
    gate_id: String,
    gate_version: u32,
    option_id: String,
    comment: Option<String>,
    #[serde(borrow)]
    modification: Option<&'a RawValue>,
    payload_sha256: Option<String>,
}

/// Pause, resume or cancel.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Steer {
    #[serde(rename = "type")]
    _type: String,
    command_id: String,
    execution_id: String,
    reason: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct StartExecution<'a> {
    #[serde(rename = "type")]
    _type: String,
    command_id: String,
    workflow_id: String,
    #[serde(borrow)]
    input: Option<&'a RawValue>,
    reason: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct CustomCommand<'a> {
    #[serde(rename = "type")]
    _type: String,
    command_id: String,
    execution_id: String,
    custom_type: String,
    #[serde(borrow)]
    payload: Option<&'a RawValue>,
    reason: Option<String>,
}

/// Why a message means nothing: a word for programs, a sentence for people.
type Fault = (&'static str, String);

/// Reads one text frame.
/// `guarded`: tokens count here.
pub(super) fn read(frame: &str, guarded: bool) -> Result<Said, Unintelligible> {
    let head: Head<'_> = serde_json::from_str(frame).unwrap_or_default();
    let about = head.about();
    sound(frame).map_err(|err| Unintelligible { about: about.clone(), ..err })?;
    message(frame, head.kind, guarded).map_err(|(code, message)| Unintelligible {
        code,
        message: brief(message),
        about,
    })
}

fn message(frame: &str, kind: Option<&RawValue>, guarded: bool) -> Result<Said, Fault> {
    let kind = kind.ok_or_else(|| missing("A message", "type"))?;
    let kind = text(kind).ok_or_else(|| ("bad_field", "`type` is a string".to_owned()))?;
    match &*kind {
        "subscribe" => subscribe(&typed(&kind, frame)?),
        "unsubscribe" => {
            let it: Unsubscribe = typed(&kind, frame)?;
            Ok(Said::Unwatch { name: execution(&it.execution_id)? })
        }
        "subscribe_executions" => bare(&kind, frame, Said::WatchDirectory),
        "unsubscribe_executions" => bare(&kind, frame, Said::UnwatchDirectory),
        "ping" => bare(&kind, frame, Said::Ping),
        "human_decision" => decision(typed(&kind, frame)?),
        "pause_execution" => steer(CommandKind::Pause, typed(&kind, frame)?),
        "resume_execution" => steer(CommandKind::Resume, typed(&kind, frame)?),
        "cancel_execution" => steer(CommandKind::Cancel, typed(&kind, frame)?),
        "start_execution" => start(typed(&kind, frame)?),
        "custom_command" => custom(typed(&kind, frame)?),
        "authenticate" | "refresh" if guarded => {
            let it: Authenticate = typed(&kind, frame)?;
            match it.token.len() {
                1..=TOKEN => Ok(Said::Authenticate { token: it.token.into() }),
                _ => Err(bad("token", "has 1 to 8192 bytes")),
            }
        }
        "authenticate" | "refresh" => Err((
            "not_supported",
            format!(
                "`{kind}`: this relay has no authentication configured and reads no token. \
                 Everybody who reaches it is `local`: leave the message out"
            ),
        )),
        _ => Err((
            "unknown_type",
            format!(
                "There is no message `{kind}`. There are subscribe, unsubscribe, \
                 subscribe_executions, unsubscribe_executions, human_decision, pause_execution, \
                 resume_execution, cancel_execution, start_execution, custom_command and ping"
            ),
        )),
    }
}

fn subscribe(it: &Subscribe<'_>) -> Result<Said, Fault> {
    let from = match (it.since, it.at) {
        (Some(_), Some(_)) => {
            return Err(bad("at", "takes the place of `since`: leave one of them out"));
        }
        (_, Some(at)) => Begin::At(record(at)?),
        (since, None) => Begin::After(since.map(position).transpose()?),
    };
    Ok(Said::Watch { name: execution(&it.execution_id)?, from })
}

fn record(raw: &RawValue) -> Result<Seq, Fault> {
    // As below.
    if !raw.get().starts_with('{') {
        return Err(bad("at", "is an object with `seq`"));
    }
    let At { seq } = typed("at", raw.get())?;
    Ok(Seq(seq))
}

fn position(raw: &RawValue) -> Result<Position, Fault> {
    // Serde would take a list for a struct.
    if !raw.get().starts_with('{') {
        return Err(bad("since", "is an object with `epoch` and `seq`"));
    }
    let Since { epoch, seq } = typed("since", raw.get())?;
    let epoch: Result<Epoch, ()> = epoch.parse();
    let epoch = epoch.map_err(|()| bad("since.epoch", "is taken from a frame as it stands"))?;
    Ok(Position { epoch, seq: Seq(seq) })
}

fn decision(it: HumanDecision<'_>) -> Result<Said, Fault> {
    if it.gate_version == 0 {
        return Err(bad("gate_version", "counts from 1: take it from the gate that was shown"));
    }
    Ok(Said::Decide(DecisionAsk {
        id: Some(name::<DecisionId>("decision_id", &it.decision_id)?),
        execution: execution(&it.execution_id)?,
        target: Target::Gate {
            gate: name::<GateId>("gate_id", &it.gate_id)?,
            version: it.gate_version,
        },
        option: short("option_id", it.option_id)?,
        comment: words("comment", it.comment)?,
        modification: value("modification", it.modification)?,
        payload_sha256: it.payload_sha256.as_deref().map(digest).transpose()?,
    }))
}

fn steer(kind: CommandKind, it: Steer) -> Result<Said, Fault> {
    let to = execution(&it.execution_id)?;
    command(&it.command_id, Some(to), kind, it.reason)
}

fn start(it: StartExecution<'_>) -> Result<Said, Fault> {
    let workflow: WorkflowId = name("workflow_id", &it.workflow_id)?;
    let kind = CommandKind::Start { workflow, input: value("input", it.input)? };
    command(&it.command_id, None, kind, it.reason)
}

fn custom(it: CustomCommand<'_>) -> Result<Said, Fault> {
    let payload = value("payload", it.payload)?;
    let kind = CommandKind::Custom { name: short("custom_type", it.custom_type)?, payload };
    command(&it.command_id, Some(execution(&it.execution_id)?), kind, it.reason)
}

fn command(
    id: &str,
    execution: Option<Text>,
    kind: CommandKind,
    reason: Option<String>,
) -> Result<Said, Fault> {
    let id = Some(name::<CommandId>("command_id", id)?);
    Ok(Said::Command(CommandAsk { id, execution, kind, reason: words("reason", reason)? }))
}

fn bare(kind: &str, frame: &str, said: Said) -> Result<Said, Fault> {
    let Bare { _type } = typed(kind, frame)?;
    Ok(said)
}

/// Reads a message of which the type is known. Grammar, depth and repetition are checked already,
/// so what is left to go wrong is in its fields; serde tells which, in words of its own.
fn typed<'a, T: Deserialize<'a>>(kind: &str, json: &'a str) -> Result<T, Fault> {
    serde_json::from_str(json).map_err(|err: serde_json::Error| {
        let message = err.to_string();
        // " at line 1 column 7" helps nobody: no person wrote that line.
        let message = message.rsplit_once(" at line ").map_or(&*message, |(message, _)| message);
        let code = match message {
            _ if message.starts_with("unknown field") => "unknown_field",
            _ if message.starts_with("missing field") => "missing_field",
            _ => "bad_field",
        };
        (code, format!("{kind}: {message}"))
    })
}

/// An execution's own name, or another that an engine gave it.
fn execution(text: &str) -> Result<Text, Fault> {
    let _: Alias = name("execution_id", text)?;
    Ok(text.into())
}

fn name<T: FromStr<Err: fmt::Display>>(field: &str, text: &str) -> Result<T, Fault> {
    text.parse().map_err(|err: T::Err| ("bad_id", format!("`{field}`: {err}")))
}

fn short(field: &str, text: String) -> Result<Text, Fault> {
    if text.is_empty() || NAME < text.len() {
        return Err(bad(field, &format!("has 1 to {NAME} bytes")));
    }
    Ok(text.into())
}

fn words(field: &str, text: Option<String>) -> Result<Option<Text>, Fault> {
    match text {
        Some(text) if COMMENT < text.len() => Err(long(field, COMMENT)),
        text => Ok(text.map(Text::from)),
    }
}

fn value(field: &str, raw: Option<&RawValue>) -> Result<Option<Json>, Fault> {
    match raw {
        Some(raw) if VALUE < raw.get().len() => Err(long(field, VALUE)),
        raw => Ok(raw.map(|raw| Json::of(raw.into()))),
    }
}

fn digest(text: &str) -> Result<[u8; 32], Fault> {
    let wrong = || bad("payload_sha256", "is a SHA-256 in 64 hexadecimal digits");
    if text.len() != 64 || !text.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return Err(wrong());
    }
    let mut digest = [0; 32];
    for (byte, at) in digest.iter_mut().zip((0..64).step_by(2)) {
        *byte = u8::from_str_radix(&text[at..at + 2], 16).map_err(|_| wrong())?;
    }
    Ok(digest)
}

fn missing(whose: &str, field: &str) -> Fault {
    ("missing_field", format!("{whose} has a `{field}`: add it"))
}

fn bad(field: &str, rule: &str) -> Fault {
    ("bad_field", format!("`{field}` {rule}"))
}

fn long(field: &str, limit: usize) -> Fault {
    ("too_long", format!("`{field}` has at most {limit} bytes: shorten it"))
}
