//! A dialect that says of everything only which one it is: what tests of order want to see. It
//! counts what it is asked to render.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use footplate::core::{Answer, Execution, Start};
use footplate::dialect::{
    Begin, Call, Calm, Conversation, Dialect, Group, Manners, Notice, Point, Said, Summary,
    Unintelligible,
};
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
            Manners::Windags => "windags",
            Manners::Executions => "executions",
            Manners::Stage5 => "stage5",
            Manners::Nebula => "nebula",
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

    /// In the manner of nebula everything but log lines changes what is said as a whole.
    fn stirs(&self, record: &Record) -> bool {
        let log = matches!(&record.fact, Fact::Said { event, .. }
            if matches!(event.kind, Kind::LogWritten(_)));
        self.manners == Manners::Nebula && !log
    }

    fn level(&self, execution: &ExecutionId, at: Position, _: &Execution, out: &mut Frames) {
        out.text(&json!({ "x": execution.as_str(), "level": at.seq.0 }));
    }

    fn calm(&self) -> Option<Calm> {
        let calm = Calm { every: Duration::from_millis(100), lines: 10, keep: 64 << 10 };
        (self.manners == Manners::Nebula).then_some(calm)
    }

    fn summed_up(&self, execution: &ExecutionId, _: Timestamp, lines: u64, out: &mut Frames) {
        out.text(&json!({ "x": execution.as_str(), "summed": lines }));
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

    fn converse(&self, call: &Call) -> Box<dyn Conversation> {
        Box::new(Talk(call.path.clone()))
    }
}

/// Reads `watch x`, `watch x since 7-1:3`, `watch x replayed oldest` (or a place as there, a moment
/// in µs, or `here`; `whole` behind it: or nothing), `watch x shown …`, `follow w1`, `unwatch x`, `directory`, `no directory`, `ping`, and
/// what else `script.rs` reads of viewers.
#[derive(Debug)]
struct Talk(Option<Text>);

impl Conversation for Talk {
    fn opening(&mut self) -> Option<Said> {
        Some(Said::Watch { name: self.0.clone()?, from: Begin::After(None) })
    }

    fn read(&mut self, frame: &str) -> Result<Said, Unintelligible> {
        Ok(match frame.split(' ').collect::<Vec<_>>()[..] {
            ["watch", name] => Said::Watch { name: name.into(), from: Begin::After(None) },
            ["watch", name, "since", at] => {
                let from = Begin::After(Some(script::position(at)));
                Said::Watch { name: name.into(), from }
            }
            ["watch", name, "replayed", at] => {
                let from = Begin::Replayed { behind: point(at), gaps: true };
                Said::Watch { name: name.into(), from }
            }
            ["watch", name, "replayed", at, "whole"] => {
                let from = Begin::Replayed { behind: point(at), gaps: false };
                Said::Watch { name: name.into(), from }
            }
            ["watch", name, "shown", at] => {
                Said::Watch { name: name.into(), from: Begin::Shown(point(at)) }
            }
            ["watch", name, "held"] => Said::Watch { name: name.into(), from: Begin::Held },
            ["watch", name, "behind", at] => {
                Said::Watch { name: name.into(), from: Begin::Behind(point(at)) }
            }
            ["follow", workflow] => Said::Follow(Group::Executions(workflow.into())),
            ["authenticate", token] => Said::Authenticate { token: token.into() },
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
            Answer::NotThen { execution, why } => {
                let why = format!("{why:?}");
                out.text(&json!({ "not_then": execution.as_str(), "why": why }));
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
            Notice::Authenticated { principal, .. } => json!({ "known": &*principal.subject }),
            Notice::Expiring { at } => json!({ "expiring": at.0 }),
            Notice::Unauthenticated { expired } => json!({ "unknown": expired }),
            Notice::Found { group: _, logs } => {
                json!({ "found": logs.iter().map(ExecutionId::as_str).collect::<Vec<_>>() })
            }
            Notice::GoingAway { retry_after_ms } => json!({ "going": retry_after_ms }),
        };
        out.text(&said);
    }
}

fn point(text: &str) -> Point {
    match text {
        "oldest" => Point::Oldest,
        "here" => Point::Here,
        _ => match text.parse() {
            Ok(micros) => Point::Moment { time: Timestamp(micros), left: None },
            Err(_) => Point::Record(script::position(text)),
        },
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
