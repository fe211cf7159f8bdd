//! The audit log: what makes a line, what finds a change, what a crash leaves. Lines are made by the
//! real core of real inputs, and written by the real thread.

mod crash;
mod lines;
mod tampering;
mod whole;

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use footplate::audit::{Audit, Bad, Checked, Digest, Opened, Scribe, Verifier};
use footplate::core::{Effect, Limits, Relay};
use footplate::model::{Now, Record, Timestamp};
use footplate::seams::Clock;
use footplate::telemetry::Metrics;
use serde_json::Value;
use tempfile::TempDir;

use crate::script;

/// What nobody may find in an audit log.
const CANARY: &str = "canary";

/// A relay's core, whose turns are written down.
struct Desk {
    folder: TempDir,
    relay: Relay,
    begun: Instant,
    now: Duration,
    written: Option<(Audit, Scribe)>,
    metrics: Arc<Metrics>,
    /// All that was ever appended.
    records: Vec<Arc<Record>>,
}

impl Desk {
    fn new() -> Self {
        let mut desk = Self {
            folder: TempDir::new().unwrap(),
            relay: Relay::new(7, Limits::default()),
            begun: Instant::now(),
            now: Duration::ZERO,
            written: None,
            metrics: Arc::default(),
            records: vec![],
        };
        desk.written = Some(desk.open().start().unwrap());
        desk
    }

    fn path(&self) -> PathBuf {
        self.folder.path().join("audit.jsonl")
    }

    fn open(&self) -> Opened {
        open(&self.path(), &self.metrics)
    }

    fn time(&self) -> Now {
        Now { instant: self.begun + self.now, time: Timestamp(0).after(self.now) }
    }

    /// Each is a turn of its own.
    async fn does(&mut self, inputs: &[&str]) {
        for text in inputs {
            self.now += Duration::from_millis(10);
            let now = self.time();
            let input = script::input(now.time, text);
            let (audit, _) = self.written.as_mut().unwrap();
            let asked = audit.asked(now, &input);
            self.relay.handle(now, input);
            let effects = self.effects();
            let (audit, _) = self.written.as_mut().unwrap();
            audit.answered(asked, &self.relay, &effects, 0);
            audit.committed(&effects).await;
        }
    }

    async fn waits(&mut self, span: Duration) {
        self.now += span;
        let now = self.time();
        self.relay.handle_timeout(now);
        let effects = self.effects();
        self.written.as_mut().unwrap().0.committed(&effects).await;
    }

    fn effects(&mut self) -> Vec<Effect> {
        let effects: Vec<_> = std::iter::from_fn(|| self.relay.poll_effect()).collect();
        self.records.extend(effects.iter().filter_map(|it| match it {
            Effect::Append(record) => Some(record.clone()),
            _ => None,
        }));
        effects
    }

    /// The relay ends; everything is on disk.
    async fn ends(&mut self) {
        if let Some((audit, scribe)) = self.written.take() {
            drop(audit);
            scribe.ended().await;
        }
    }

    fn lines(&self) -> Vec<Value> {
        lines(&self.path())
    }

    /// A file with lines of many kinds.
    async fn story() -> Self {
        let mut desk = Self::new();
        let canary = format!("because {CANARY}");
        desk.does(&[
            "w1/1@l1 greets x1 from 1 can pause,cancel",
            "l1 says x1 1 started",
            "l1 says x1 2 gate g 1 at deploy digest 9 within 1h quorum 2 not eve",
            &format!("v1 ada decides x1 g 1 approve as d1 seen 9 {canary}"),
            &format!("v2 eve decides x1 g 1 approve as d2 {canary}"),
            "v3 bob decides x1 g 1 approve as d3 seen 9",
            &format!("v4 cy decides x1 g 1 reject as d4 {canary}"),
            "l1 got x1 d3",
            &format!("l1 says x1 3 outcome d3 g applied {canary}"),
            &format!("v1 ada pauses x1 as c1 {canary}"),
            "l1 says x1 4 done c1 applied",
        ])
        .await;
        desk
    }
}

fn open(path: &Path, metrics: &Arc<Metrics>) -> Opened {
    let clock = Clock::new(|| Timestamp(1_000_000));
    Opened::open(path, clock, metrics.clone()).unwrap()
}

fn lines(path: &Path) -> Vec<Value> {
    let text = fs::read_to_string(path).unwrap();
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

fn kinds(lines: &[Value]) -> Vec<&str> {
    lines.iter().map(|it| it["kind"].as_str().unwrap()).collect()
}

/// What a check finds.
fn verify(bytes: &[u8], head: Option<Digest>) -> Result<Checked, Bad> {
    let mut verifier = Verifier::new(head);
    verifier.file(bytes, |_| ())?;
    Ok(verifier.checked().clone())
}
