//! What was observed: by engines, by dashboards, and what was done to them, in the order of the
//! simulation. It must never hold anything that another run of the same seed would not.

use std::cell::{Cell, RefCell};
use std::fmt::Write;
use std::rc::Rc;
use std::time::Duration;

use footplate::engine::pb;
use serde_json::Value;
use sha2::{Digest, Sha256};

/// One start of an engine's process.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Start {
    pub(super) producer: Rc<str>,
    pub(super) epoch: u64,
}

/// A gate of an execution, in a version.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Question {
    pub(super) execution: String,
    pub(super) gate: String,
    pub(super) version: u32,
}

/// What a person asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Ask {
    pub(super) id: String,
    pub(super) of: Question,
    pub(super) option: &'static str,
}

/// What a person wants of the relay.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Wish {
    /// A decision.
    Decide(Ask),
    /// A command that an execution's engine is to carry out once.
    Order { id: String, execution: String },
}

impl Wish {
    /// Its id.
    pub(super) fn id(&self) -> &str {
        match self {
            Self::Decide(Ask { id, .. }) | Self::Order { id, .. } => id,
        }
    }
}

/// Something that was observed.
#[derive(Debug, Clone)]
#[expect(dead_code, reason = "all of it is hashed and, where something went wrong, printed")]
pub(super) enum What {
    /// An engine was welcomed on a stream, under the relay's start of this name.
    Welcomed { start: Start, boot: String, durability: i32 },
    /// The relay said where an engine goes on.
    Granted { start: Start, grant: pb::Grant },
    /// An engine wrote an event, for the first time or again. `token` tells what it said.
    Sent { start: Start, execution: String, pseq: u64, token: i64 },
    /// An engine asked at a gate, or said that it waits there.
    Asks { start: Start, of: Question },
    /// The relay acknowledged events, on the stream of this number.
    Acked { start: Start, stream: u64, execution: String, ack: pb::Ack },
    /// The relay wants an engine to send from another number.
    Nacked { start: Start, execution: String, expected: u64 },
    /// The relay refused a lane.
    Refused { start: Start, execution: String, code: i32 },
    /// Something is wrong with an event.
    Issue { start: Start, execution: String, pseq: u64, code: i32 },
    /// An engine reported its state as of a number.
    Reported { start: Start, execution: String, as_of: u64 },
    /// A decision reached an engine.
    Got { start: Start, stream: u64, of: Question, id: String, option: String, attempt: u32 },
    /// A decision took effect.
    Effect { start: Start, of: Question, id: String, option: String },
    /// A decision came to a gate that was closed, or answered by another.
    NoEffect { start: Start, of: Question, id: String, why: &'static str },
    /// A command reached an engine.
    Ordered { start: Start, execution: String, id: String },
    /// A command took effect.
    Obeyed { start: Start, execution: String, id: String },
    /// What became of a wish to withdraw a gate.
    Verdict { start: Start, of: Question, code: i32 },
    /// The relay ended an engine's stream.
    Goodbye { start: Start, reason: i32 },
    /// An engine's stream broke, or there was none.
    Broke { start: Start },

    /// A dashboard is welcomed by the relay's start of this name.
    Came { boot: String },
    /// A dashboard asked to watch, behind what it had.
    Subscribes { execution: String, since: Option<(String, u64)> },
    /// A dashboard was told something.
    Told(Rc<Value>),
    /// A dashboard missed something that it was entitled to.
    Missed(String),
    /// Somebody decided or gave a command, for the first time or again.
    Wants(Wish),
    /// A dashboard's connection is gone.
    Gone,

    /// Something was done to the world.
    Fault(String),
}

/// Something that was observed, by whom and when.
#[derive(Debug, Clone)]
pub(super) struct Entry {
    pub(super) at: Duration,
    pub(super) who: Rc<str>,
    pub(super) what: What,
}

/// Everything that was observed.
#[derive(Debug, Clone, Default)]
pub(super) struct History {
    entries: Rc<RefCell<Vec<Entry>>>,
    now: Rc<Cell<Duration>>,
    tokens: Rc<Cell<i64>>,
    starts: Rc<Cell<u64>>,
}

impl History {
    /// Notes something.
    pub(super) fn note(&self, who: &Rc<str>, what: What) {
        let at = turmoil::sim_elapsed().unwrap_or(self.now.get());
        self.entries.borrow_mut().push(Entry { at, who: who.clone(), what });
    }

    /// For what is noted outside of the simulated hosts.
    pub(super) fn is_now(&self, now: Duration) {
        self.now.set(now);
    }

    /// What tells an event from all others: it travels as the microseconds of its time.
    pub(super) fn token(&self) -> i64 {
        self.tokens.set(self.tokens.get() + 1);
        self.tokens.get()
    }

    /// The relay begins to run.
    pub(super) fn relay_starts(&self) -> u64 {
        self.starts.set(self.starts.get() + 1);
        self.starts.get()
    }

    /// How often it has.
    pub(super) fn relay_start(&self) -> u64 {
        self.starts.get()
    }

    /// All of it, in order.
    pub(super) fn entries(&self) -> Vec<Entry> {
        self.entries.borrow().clone()
    }

    /// Whether something like that was observed.
    pub(super) fn any(&self, is: impl Fn(&Entry) -> bool) -> bool {
        self.entries.borrow().iter().any(is)
    }

    /// How often something like that was observed.
    pub(super) fn count(&self, is: impl Fn(&Entry) -> bool) -> usize {
        self.entries.borrow().iter().filter(|it| is(it)).count()
    }

    /// The same for the same history only.
    pub(super) fn hash(&self) -> String {
        let mut hasher = Sha256::new();
        let mut line = String::new();
        for entry in self.entries.borrow().iter() {
            line.clear();
            write!(line, "{entry:?}").unwrap();
            hasher.update(line.as_bytes());
        }
        hasher.finalize().iter().map(|byte| format!("{byte:02x}")).collect()
    }

    /// Its last lines, for whoever looks for what went wrong.
    pub(super) fn tail(&self, lines: usize) -> String {
        let entries = self.entries.borrow();
        let mut text = String::new();
        for entry in &entries[entries.len().saturating_sub(lines)..] {
            let what = match &entry.what {
                What::Told(frame) => brief(frame),
                what => format!("{what:?}"),
            };
            writeln!(text, "{:>10.3?} {:<8} {what}", entry.at, entry.who).unwrap();
        }
        text
    }
}

/// A frame without the parts of the state that it names.
fn brief(frame: &Value) -> String {
    let mut said = vec![];
    for (key, value) in frame.as_object().into_iter().flatten() {
        if !value.is_object() && !value.is_array() && key != "event_id" && key != "ts" {
            said.push(format!("{key}={value}"));
        }
    }
    said.join(" ").replace('"', "")
}

/// The token of a record that an engine said.
pub(super) fn token_of(record: &Value) -> Option<i64> {
    let time = record["event_time"].as_str()?;
    let micros = time.split('.').nth(1)?.trim_end_matches('Z');
    micros.parse().ok()
}

/// The time as which a token travels.
pub(super) fn time_of(token: i64) -> prost_types::Timestamp {
    assert!(token < 1_000_000, "more events than one second has microseconds");
    prost_types::Timestamp { seconds: 1_000_000_000, nanos: i32::try_from(token * 1_000).unwrap() }
}
