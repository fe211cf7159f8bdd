//! The protocols' documents say what the code does: their examples are what it writes and reads,
//! and no field that it writes goes without a word. `UPDATE=1` writes the examples anew.

use std::{collections::BTreeSet, fmt::Write as _, fs, path::PathBuf};

use footplate::core::{Answer, Receipt, Reference, Stage, Start, Why};
use footplate::dialect::native::Native;
use footplate::dialect::windags::Windags;
use footplate::dialect::{Call, Dialect, Notice, Said, Summary, Token, Unintelligible};
use footplate::frame::Frames;
use footplate::model::*;
use serde_json::Value;

use super::story::{Story, ada, id, story, text};
use super::{native, texts, windags_talk};

/// Whose fields are the engine's own affair.
const OPAQUE: &[&str] = &[
    "arguments",
    "context",
    "data",
    "extra",
    "input",
    "json",
    "metadata",
    "modification",
    "output",
    "payload",
    "payload_schema",
    "presentation",
    "result",
    "results",
    "workflow",
];

#[test]
fn the_native_document_is_true() {
    let document = Document::read("native", natively());
    document.check();
    let call = Call { token: Token::Good, ..Call::default() };
    document.is_read_by(|frame| Native.converse(&call).read(frame));
    let said = document.said();
    let every = [
        "authenticate",
        "cancel_execution",
        "custom_command",
        "human_decision",
        "pause_execution",
        "ping",
        "refresh",
        "resume_execution",
        "start_execution",
        "subscribe",
        "subscribe_executions",
        "unsubscribe",
        "unsubscribe_executions",
    ];
    assert_eq!(said, every.map(str::to_owned).into());
}

#[test]
fn the_windags_document_is_true() {
    let document = Document::read("windags", in_windags());
    document.check();
    document.is_read_by(windags_talk::read);
    let every = [
        "ack",
        "cancel_execution",
        "heartbeat",
        "human_decision",
        "pause_execution",
        "ping",
        "resume_execution",
        "resync_request",
    ];
    assert_eq!(document.said(), every.map(str::to_owned).into());
}

/// Everything that the native protocol says, of each type at least one.
pub(super) fn natively() -> Vec<String> {
    let story = story();
    let mut texts: Vec<String> = story.records.iter().map(native::frame).collect();
    let mut young = Story::new();
    for record in &story.records[..6] {
        young.push(record.fact.clone(), None, record.after.clone());
    }
    let principal = ada();
    let problem = Unintelligible {
        code: "missing_field",
        message: "human_decision: missing field `option_id`".to_owned(),
        about: Some("0191c0de-decide".to_owned()),
    };
    texts.extend(super::texts(|out| {
        Native.state(&young.id, young.position(), &young.state, out);
        // For the fields, not as examples: the state of everything.
        Native.state(&story.id, story.position(), &story.state, out);
        Native.heartbeat(&story.id, story.position(), story.time(), out);
        let item = Summary { execution: &story.id, at: story.position(), state: &story.state };
        Native.summary(&item, out);
        Native.directory(&[item], out);
        let mut talk = Native.converse(&Call::default());
        let welcome = Notice::Welcome {
            time: story.time(),
            boot: 0x19f2_c4a7,
            durability: Durability::Memory,
            principal: &principal,
            max_message: 1 << 20,
            rate: (50, 100),
        };
        let (time, retry_after_ms) = (story.time(), 1_500);
        for notice in [
            welcome,
            Notice::Pong { time },
            Notice::Unwatched { name: "run-7" },
            Notice::Problem(&problem),
            Notice::GoingAway { retry_after_ms },
        ] {
            talk.notice(&notice, out);
        }
        let mut known = Native.converse(&Call { token: Token::Good, ..Call::default() });
        let (principal, expires) = (&ada(), Some(time));
        known.notice(&Notice::Authenticated { principal, expires }, out);
        known.notice(&Notice::Expiring { at: time }, out);
        for answer in answers(&story) {
            talk.answer(&answer, out);
        }
    }));
    texts
}

fn answers(story: &Story) -> Vec<Answer> {
    let (execution, head) = (story.id.clone(), story.position());
    let gate = story.state.gates.values().find(|gate| gate.resolution.decision().is_some());
    let decided = gate.map(|gate| Box::new(gate.resolution.clone()));
    let receipt = |stage, by: Option<Principal>, reason: Option<Text>| {
        Answer::Receipt(Receipt {
            about: Reference::Decision(id("0191c0de-decide")),
            execution: Some(id("run-7")),
            gate: Some(id("deploy:1")),
            node: Some(id("deploy")),
            resolution: decided.clone().filter(|_| matches!(stage, Stage::AlreadyDecided { .. })),
            stage,
            reason,
            by,
            at: Some(story.time()),
        })
    };
    let start = Start::After(Position { seq: Seq(40), ..head });
    let kind = Some(DecisionKind::Approve);
    vec![
        Answer::Watching { execution: execution.clone(), start, head },
        Answer::Watching { execution, start: Start::Snapshot { at: head, why: Why::Fresh }, head },
        Answer::Unknown { execution: id("run-8") },
        receipt(Stage::Recorded, Some(ada()), None),
        receipt(Stage::AlreadyDecided { kind, option: text("approve") }, Some(ada()), None),
        receipt(Stage::Voted { votes: 1, needed: 2 }, Some(ada()), None),
        receipt(Stage::GateChanged { current: 2 }, None, None),
        receipt(Stage::Refused, None, text("payload_changed")),
        Answer::Receipt(Receipt {
            about: Reference::Command(id("0191c0de-pause")),
            execution: Some(id("run-7")),
            gate: None,
            node: None,
            stage: Stage::Waiting,
            resolution: None,
            reason: None,
            by: None,
            at: None,
        }),
    ]
}

/// Everything that the protocol of WinDAGs says, but for what an engine says in its words.
fn in_windags() -> Vec<String> {
    let story = story();
    let windags = Windags::default();
    let is_own = |record: &&Record| !matches!(&record.fact, Fact::Said { event, .. } if matches!(event.kind, Kind::Opaque(_)));
    texts(|out: &mut Frames| {
        story.records.iter().filter(is_own).for_each(|record| windags.record(record, out));
        let answers = answers(&story);
        answers.iter().for_each(|answer| windags.converse(&Call::default()).answer(answer, out));
        windags.state(&story.id, story.position(), &story.state, out);
        let mut talk = windags.converse(&Call::to("dag-1"));
        for said in [r#"{"type":"heartbeat"}"#, r#"{"type":"ping"}"#] {
            talk.read(said).unwrap();
            talk.notice(&Notice::Pong { time: story.time() }, out);
        }
    })
}

/// A protocol's page. Behind `<!-- type -->`, or `<!-- type 2 -->` for the second of that type,
/// stands an example of what the relay says; every other block of JSON is what a client says.
pub(super) struct Document {
    path: PathBuf,
    text: String,
    /// What the code says.
    frames: Vec<(String, String)>,
    /// Whose fields are the engine's own affair.
    pub(super) opaque: &'static [&'static str],
}

impl Document {
    pub(super) fn read(name: &str, frames: Vec<String>) -> Self {
        let path = format!("{}/docs/protocol/{name}.md", env!("CARGO_MANIFEST_DIR"));
        let frames = frames.into_iter().map(|frame| {
            let value: Value = serde_json::from_str(&frame).unwrap();
            let kind = value["type"].as_str().or(value["event_type"].as_str());
            (kind.unwrap().to_owned(), frame)
        });
        let (text, frames) = (fs::read_to_string(&path).unwrap(), frames.collect());
        Self { path: path.into(), text, frames, opaque: OPAQUE }
    }

    pub(super) fn check(&self) {
        let written = self.with_examples();
        if std::env::var_os("UPDATE").is_some() {
            fs::write(&self.path, &written).unwrap();
        } else {
            assert!(written == self.text, "{}: run with UPDATE=1", self.path.display());
        }
        let mut unsaid = BTreeSet::new();
        for (kind, frame) in &self.frames {
            assert!(written.contains(&format!("<!-- {kind} ")), "no example of `{kind}`");
            let mut keys = BTreeSet::new();
            keys_of(&serde_json::from_str(frame).unwrap(), self.opaque, &mut keys);
            unsaid.extend(keys.into_iter().filter(|it| !written.contains(&format!("`{it}`"))));
        }
        assert!(unsaid.is_empty(), "{}: not a word of {unsaid:?}", self.path.display());
    }

    /// The page with each example as the code writes it.
    fn with_examples(&self) -> String {
        let mut page = String::new();
        let mut lines = self.text.lines();
        while let Some(line) = lines.next() {
            writeln!(page, "{line}").unwrap();
            let Some(name) = line.strip_prefix("<!-- ").and_then(|it| it.strip_suffix(" -->"))
            else {
                continue;
            };
            assert_eq!(lines.next(), Some("```json"), "behind {line}");
            lines.by_ref().find(|line| *line == "```").unwrap();
            let (kind, nth) = name.split_once(' ').unwrap_or((name, "1"));
            let nth: usize = nth.parse().unwrap();
            let frame = self.frames.iter().filter(|(it, _)| it == kind).nth(nth - 1);
            let (_, frame) = frame.unwrap_or_else(|| panic!("nothing says {name}"));
            writeln!(page, "```json\n{}\n```", pretty(frame, 0)).unwrap();
        }
        page
    }

    /// What clients say, in this page.
    fn messages(&self) -> Vec<&str> {
        let mut messages = vec![];
        let mut before = "";
        for (index, _) in self.text.match_indices("```json\n") {
            before = self.text[..index].trim_end().rsplit('\n').next().unwrap_or(before);
            let body = &self.text[index + "```json\n".len()..];
            if !before.starts_with("<!--") {
                messages.push(body.split("```").next().unwrap());
            }
        }
        messages
    }

    pub(super) fn said(&self) -> BTreeSet<String> {
        let kind = |message: &&str| {
            let value: Value = serde_json::from_str(message).unwrap();
            value["type"].as_str().unwrap_or_default().to_owned()
        };
        self.messages().iter().map(kind).collect()
    }

    pub(super) fn is_read_by(&self, read: impl Fn(&str) -> Result<Said, Unintelligible>) {
        for message in self.messages() {
            read(message).unwrap_or_else(|fault| panic!("{message}: {fault:?}"));
        }
    }
}

/// All names of fields, but those inside what is opaque.
fn keys_of(value: &Value, opaque: &[&str], keys: &mut BTreeSet<String>) {
    match value {
        Value::Object(fields) => fields.iter().for_each(|(key, value)| {
            keys.insert(key.clone());
            if !opaque.contains(&key.as_str()) {
                keys_of(value, opaque, keys);
            }
        }),
        Value::Array(items) => items.iter().for_each(|item| keys_of(item, opaque, keys)),
        _ => (),
    }
}

/// JSON over several lines where one would be long, with as much on each as it can hold. The text
/// of numbers and the order of fields stay as they are, which a tree of values would not keep.
fn pretty(json: &str, depth: usize) -> String {
    let first = json.chars().next().unwrap();
    let last = if first == '{' { '}' } else { ']' };
    let Some(inner) = json.strip_prefix(['{', '[']) else { return json.to_owned() };
    let items: Vec<String> = split(&inner[..inner.len() - 1], ',')
        .into_iter()
        .map(|item| match &split(item, ':')[..] {
            [key, value] if first == '{' => format!("{key}: {}", pretty(value, depth + 1)),
            _ => pretty(item, depth + 1),
        })
        .collect();
    let room = 96 - 2 * depth;
    let line = items.join(", ");
    if !line.contains('\n') && line.len() + 2 <= room {
        return format!("{first}{line}{last}");
    }
    let indent = "  ".repeat(depth + 1);
    let mut lines: Vec<String> = vec![];
    for item in items {
        match lines.last_mut() {
            Some(line) if !item.contains('\n') && line.len() + item.len() + 2 < room => {
                write!(line, ", {item}").unwrap();
            }
            _ => lines.push(item),
        }
    }
    let lines = lines.join(&format!(",\n{indent}"));
    format!("{first}\n{indent}{lines}\n{}{last}", "  ".repeat(depth))
}

/// Splits compact JSON at the outermost level; at `:` only once.
fn split(json: &str, at: char) -> Vec<&str> {
    let (mut parts, mut start, mut depth, mut quoted, mut escaped) = (vec![], 0, 0, false, false);
    for (index, char) in json.char_indices() {
        match char {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            '"' => quoted = !quoted,
            _ if quoted => (),
            '{' | '[' => depth += 1,
            '}' | ']' => depth -= 1,
            _ if char == at && depth == 0 && (at != ':' || parts.is_empty()) => {
                parts.push(&json[start..index]);
                start = index + 1;
            }
            _ => (),
        }
    }
    if start < json.len() {
        parts.push(&json[start..]);
    }
    parts
}
