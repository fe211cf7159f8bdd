//! What a dashboard says, read leniently where its protocol is: fields that nobody knows are ignored,
//! but nothing that is missing or has another type is guessed.

use std::collections::BTreeMap;
use std::hash::{DefaultHasher, Hash, Hasher};

use serde::{Serialize, de::DeserializeOwned};
use serde_json::value::RawValue;

use crate::dialect::Unintelligible;
use crate::dialect::reading::{brief, sound};
use crate::model::{
    CommandAsk, CommandId, CommandKind, DecisionAsk, GateId, Json, Target, Text, WorkflowId,
};

/// The longest feedback, in bytes.
const FEEDBACK: usize = 16 << 10;
/// The longest modifications, and the longest task with its configuration, in bytes.
const VALUE: usize = 256 << 10;
/// The longest resolution, and the longest approval id that is repeated, in bytes.
const NAME: usize = 256;
/// Above this a `since` is in milliseconds, as JavaScript counts them; below, in seconds.
const SECONDS: f64 = 1e11;
/// What a task is started as that names no workflow.
const WORKFLOW: &str = "default";

/// What a message amounts to.
#[derive(Debug)]
pub(super) enum Ask {
    Ping,
    /// Of what happened after so many microseconds since 1970, if it says so.
    State(Option<i64>),
    Decide(DecisionAsk),
    Command(CommandKind),
    /// A task: its run is begun, or attached to.
    Start(CommandAsk),
}

struct Fields<'a>(BTreeMap<String, &'a RawValue>);

impl Fields<'_> {
    fn raw(&self, name: &str) -> Option<&RawValue> {
        self.0.get(name).copied().filter(|raw| raw.get() != "null")
    }

    /// Forms send an empty text where nobody has written anything.
    fn modifications(&self) -> Option<&RawValue> {
        self.raw("modifications").filter(|raw| raw.get() != "\"\"")
    }

    fn get<T: DeserializeOwned>(&self, name: &str) -> Result<Option<T>, Unintelligible> {
        let Some(raw) = self.raw(name) else { return Ok(None) };
        let read = serde_json::from_str(raw.get());
        read.map(Some).map_err(|err| fault("bad_field", format!("`{name}`: {err}")))
    }

    fn need<T: DeserializeOwned>(&self, kind: &str, name: &str) -> Result<T, Unintelligible> {
        let missing = || fault("missing_field", format!("{kind}: `{name}` is missing"));
        self.get(name)?.ok_or_else(missing)
    }
}

/// Reads one frame on the connection of this run.
pub(super) fn read(frame: &str, run: &Text) -> Result<Ask, Unintelligible> {
    sound(frame)?;
    let fields = serde_json::from_str(frame).map(Fields);
    let fields = fields.map_err(|err| fault("bad_json", format!("That is not read: {err}")))?;
    let kind: Option<String> = fields.get("type")?;
    match kind.as_deref() {
        Some("ping") => Ok(Ask::Ping),
        Some("request_state") => Ok(Ask::State(fields.get("since")?.map(micros))),
        Some("pause") => Ok(Ask::Command(CommandKind::Pause)),
        Some("resume") => Ok(Ask::Command(CommandKind::Resume)),
        Some("cancel") => Ok(Ask::Command(CommandKind::Cancel)),
        Some("resolve_approval") => {
            let resolution = fields.need("resolve_approval", "resolution")?;
            decision(&fields, "resolve_approval", resolution, run)
        }
        Some("approval_response") => {
            let approved = fields.need("approval_response", "approved")?;
            let resolution = match (approved, fields.modifications()) {
                (false, _) => "reject",
                (true, None) => "approve",
                (true, Some(_)) => "modify",
            };
            decision(&fields, "approval_response", resolution.to_owned(), run)
        }
        Some(other) => Err(fault("unknown_type", format!("There is no message of type '{other}'"))),
        None if fields.raw("task").is_some() => start(&fields, run).map(Ask::Start),
        None => Err(fault("missing_field", "A message has a `type`, or a `task`".to_owned())),
    }
}

fn micros(since: f64) -> i64 {
    let unit = if SECONDS < since { 1e3 } else { 1e6 };
    // A whole one means all of it: what happened in it and was seen is not told again.
    let rest = if since.fract() == 0.0 { unit - 1.0 } else { 0.0 };
    // What is beyond the numbers is the first or the last of them.
    (since * unit + rest) as i64
}

fn decision(
    fields: &Fields<'_>,
    kind: &str,
    resolution: String,
    run: &Text,
) -> Result<Ask, Unintelligible> {
    let approval: String = fields.need(kind, "approval_id")?;
    if resolution.is_empty() || NAME < resolution.len() {
        let message = format!("{kind}: `resolution` is one of the approval's options");
        return Err(fault("bad_field", message));
    }
    let feedback: Option<String> = fields.get("feedback")?;
    if feedback.as_ref().is_some_and(|it| FEEDBACK < it.len()) {
        return Err(fault("too_long", format!("{kind}: `feedback` has at most {FEEDBACK} bytes")));
    }
    let modifications = fields.modifications();
    if modifications.is_some_and(|it| VALUE < it.get().len()) {
        let message = format!("{kind}: `modifications` has at most {VALUE} bytes");
        return Err(fault("too_long", message));
    }
    // What can't be a gate's name is none.
    let gate: Result<GateId, _> = approval.parse();
    let gate = gate.map_err(|_| fault("approval_not_pending", not_pending(&approval)))?;
    Ok(Ask::Decide(DecisionAsk {
        id: None,
        execution: run.clone(),
        target: Target::Newest(gate),
        option: resolution.into(),
        comment: feedback.filter(|it| !it.is_empty()).map(Text::from),
        modification: modifications.map(|it| Json::of(it.into())),
        payload_sha256: None,
    }))
}

/// What is said of an approval that nobody waits for.
pub(super) fn not_pending(approval: &str) -> String {
    let end = (0..=approval.len().min(NAME)).rev().find(|at| approval.is_char_boundary(*at));
    let approval = &approval[..end.unwrap_or(0)];
    format!("Approval {approval} not found or already resolved")
}

/// What the engine that begins a task is given.
#[derive(Serialize)]
struct Input<'a> {
    task: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    config: Option<&'a RawValue>,
}

fn start(fields: &Fields<'_>, run: &Text) -> Result<CommandAsk, Unintelligible> {
    let wrong = |message: String| fault("bad_start", message);
    let read = |fault: Unintelligible| Unintelligible { code: "bad_start", ..fault };
    let task: String = fields.need("task", "task").map_err(read)?;
    let config: Option<BTreeMap<String, Box<RawValue>>> = fields.get("config").map_err(read)?;
    let named = config.as_ref().and_then(|config| config.get("workflow_id"));
    let workflow = match named.map(|raw| serde_json::from_str::<Option<String>>(raw.get())) {
        None | Some(Ok(None)) => WORKFLOW.to_owned(),
        Some(Ok(Some(name))) => name,
        Some(Err(err)) => return Err(wrong(format!("`config.workflow_id`: {err}"))),
    };
    let workflow: Result<WorkflowId, _> = workflow.parse();
    let workflow = workflow.map_err(|err| wrong(format!("`config.workflow_id`: {err}")))?;
    let input = Input { task: &task, config: fields.raw("config") };
    let input = serde_json::value::to_raw_value(&input);
    let input = input.map_err(|err| wrong(format!("The task is not read: {err}")))?;
    if VALUE < input.get().len() {
        return Err(wrong(format!("A task and its `config` have at most {VALUE} bytes")));
    }
    let kind = CommandKind::Start { workflow, input: Some(Json::of((&*input).into())) };
    Ok(CommandAsk { id: Some(start_id(run)), execution: Some(run.clone()), kind, reason: None })
}

/// Clients send their task on every open: as the same command, so that it begins once.
fn start_id(run: &str) -> CommandId {
    format!("start-{run}").parse().unwrap_or_else(|_| {
        let mut hasher = DefaultHasher::new();
        run.hash(&mut hasher);
        let name = format!("start-{:016x}", hasher.finish());
        name.parse().expect("letters, digits and a dash")
    })
}

pub(super) fn fault(code: &'static str, message: String) -> Unintelligible {
    Unintelligible { code, message: brief(message), about: None }
}
