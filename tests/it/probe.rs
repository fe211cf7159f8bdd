//! A dialect that says of everything only which one it is: what tests of order want to see. It
//! counts what it is asked to render.

use std::sync::atomic::{AtomicUsize, Ordering};

use footplate::core::{Answer, Execution, Start};
use footplate::dialect::{Conversation, Dialect, Manners, Notice, Said, Summary, Unintelligible};
use footplate::frame::Frames;
use footplate::model::{ExecutionId, Fact, Kind, Position, Record, Text, Timestamp};
use serde_json::{Value, json};

use crate::script;

#[derive(Debug)]
pub(crate) struct Probe {
    manners: Manners,
    pub(crate) records: AtomicUsize,
    pub(crate) states: AtomicUsize,
}

impl Probe {
    /// One for each test, so that what it counts is that test's.
    pub(crate) fn new(manners: Manners) -> &'static Self {
        let (records, states) = (AtomicUsize::new(0), AtomicUsize::new(0));
        Box::leak(Box::new(Self { manners, records, states }))
    }

    pub(crate) fn rendered(&self) -> (usize, usize) {
        (self.records.load(Ordering::Relaxed), self.states.load(Ordering::Relaxed))
    }
}

impl Dialect for Probe {
    fn name(&self) -> &'static str {
        match self.manners {
            Manners::Native => "probe",
            Manners::Seed => "seed-probe",
        }
    }

    fn manners(&self) -> Manners {
        self.manners
    }

    /// A log line is said as long as it is. One that begins with `silent` has no words here.
    fn record(&self, record: &Record, out: &mut Frames) {
        self.records.fetch_add(1, Ordering::Relaxed);
        let (x, seq) = (record.execution.as_str(), record.position.seq.0);
        let text = match &record.fact {
            Fact::Said { event, .. } => match &event.kind {
                Kind::LogWritten(log) => log.message.clone(),
                _ => "".into(),
            },
            _ => "".into(),
        };
        if !text.starts_with("silent") {
            out.text(&json!({ "x": x, "seq": seq, "text": &*text }));
        }
    }

    /// As many frames as there are nodes, and one more.
    fn state(&self, execution: &ExecutionId, at: Position, state: &Execution, out: &mut Frames) {
        self.states.fetch_add(1, Ordering::Relaxed);
        for node in state.nodes.keys() {
            out.text(&json!({ "x": execution.as_str(), "node": node.as_str() }));
        }
        out.text(&json!({ "x": execution.as_str(), "state": at.seq.0 }));
    }

    fn heartbeat(&self, execution: &ExecutionId, head: Position, _: Timestamp, out: &mut Frames) {
        if self.manners == Manners::Native {
            out.text(&json!({ "x": execution.as_str(), "head": head.seq.0 }));
        }
    }

    fn summary(&self, item: &Summary<'_>, out: &mut Frames) {
        out.text(&json!({ "item": item.execution.as_str(), "at": item.at.seq.0 }));
    }

    fn directory(&self, items: &[Summary<'_>], out: &mut Frames) {
        let items: Vec<&str> = items.iter().map(|it| it.execution.as_str()).collect();
        out.text(&json!({ "items": items }));
    }

    fn converse(&self, path: Option<Text>) -> Box<dyn Conversation> {
        Box::new(Talk(path))
    }
}

/// Reads `watch x`, `watch x since 7-1:3`, `unwatch x`, `directory`, `no directory`, `ping`, and
/// what else `script.rs` reads of viewers.
#[derive(Debug)]
struct Talk(Option<Text>);

impl Conversation for Talk {
    fn opening(&mut self) -> Option<Said> {
        Some(Said::Watch { name: self.0.clone()?, since: None })
    }

    fn read(&mut self, frame: &str) -> Result<Said, Unintelligible> {
        Ok(match frame.split(' ').collect::<Vec<_>>()[..] {
            ["watch", name] => Said::Watch { name: name.into(), since: None },
            ["watch", name, "since", at] => {
                Said::Watch { name: name.into(), since: Some(script::position(at)) }
            }
            ["unwatch", name] => Said::Unwatch { name: name.into() },
            ["directory"] => Said::WatchDirectory,
            ["no", "directory"] => Said::UnwatchDirectory,
            ["ping"] => Said::Ping,
            ["nothing"] => Said::Nothing,
            ["decides", ..] => match script::input(Timestamp(0), &format!("v1 ada {frame}")) {
                footplate::core::Input::Decided { ask, .. } => Said::Decide(ask),
                other => panic!("{other:?}"),
            },
            _ => {
                let (code, message) = ("unknown_type", "it does not read".to_owned());
                return Err(Unintelligible { code, message, about: Some(frame.to_owned()) });
            }
        })
    }

    fn answer(&mut self, answer: &Answer, out: &mut Frames) {
        match answer {
            Answer::Watching { execution, start, head } => {
                let start = match start {
                    Start::After(at) => json!({ "after": at.seq.0 }),
                    Start::Snapshot { at, why } => {
                        json!({ "at": at.seq.0, "why": format!("{why:?}") })
                    }
                };
                out.text(&json!({ "watching": execution.as_str(), "start": start,
                    "head": head.seq.0 }));
            }
            Answer::Unknown { execution } => out.text(&json!({ "unknown": execution.as_str() })),
            Answer::Receipt(receipt) => {
                out.text(&json!({ "receipt": format!("{:?}", receipt.stage) }));
            }
        }
    }

    fn notice(&mut self, notice: &Notice<'_>, out: &mut Frames) {
        let said: Value = match notice {
            Notice::Welcome { rate, principal, .. } => {
                json!({ "welcome": &*principal.subject, "rate": [rate.0, rate.1] })
            }
            Notice::Pong { .. } => json!("pong"),
            Notice::Unwatched { name } => json!({ "unwatched": name }),
            Notice::Problem(problem) => {
                json!({ "problem": problem.code, "about": problem.about })
            }
            Notice::GoingAway { retry_after_ms } => json!({ "going": retry_after_ms }),
        };
        out.text(&said);
    }
}

/// The whole frames among these bytes, as JSON, and whether a part of one follows.
pub(crate) fn decode(mut bytes: &[u8]) -> (Vec<Value>, bool) {
    let mut frames = vec![];
    loop {
        let header = match bytes {
            [] => return (frames, false),
            [0x81, 0..=125, ..] => 2,
            [0x81, 126, ..] => 4,
            [0x81, 127, ..] => 10,
            [0x81] => return (frames, true),
            other => panic!("not a text frame: {other:?}"),
        };
        if bytes.len() < header {
            return (frames, true);
        }
        let (head, rest) = bytes.split_at(header);
        let len = match header {
            2 => usize::from(head[1]),
            _ => head[2..].iter().fold(0, |len, byte| len << 8 | usize::from(*byte)),
        };
        if rest.len() < len {
            return (frames, true);
        }
        frames.push(serde_json::from_slice(&rest[..len]).unwrap());
        bytes = &rest[len..];
    }
}
