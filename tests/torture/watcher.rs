//! A viewer that speaks a protocol of others: that of execution viewers, as docs/protocol/executions.md
//! tells it. It watches one execution after the other, comes back after every lost connection, and
//! writes down the lines of the log, which within one connection rise and are told once.
//!
//! It must never use what the native protocol says: it knows no more than its own clients do.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use futures_util::StreamExt;
use serde_json::Value;
use tokio::sync::watch;
use tokio::time::{Instant, sleep, timeout};
use tokio_tungstenite::client_async;
use tokio_tungstenite::tungstenite::Message;
use tokio_util::sync::CancellationToken;

use crate::chance::Chance;
use crate::dashboard::text;
use crate::frames::digest;
use crate::history::{Book, Entry, Op};
use crate::line::Line;
use crate::watching::Heads;

/// How long it looks at one execution before it wants to see another.
const LOOKS: Duration = Duration::from_secs(8);

/// One such viewer.
#[derive(Debug)]
pub(crate) struct Watcher {
    pub(crate) name: String,
    pub(crate) line: Line,
    /// Where it learns what there is.
    pub(crate) list: Line,
    pub(crate) book: Arc<Book>,
    pub(crate) chance: Chance,
    pub(crate) heads: watch::Receiver<Heads>,
    pub(crate) stop: CancellationToken,
}

impl Watcher {
    /// Lives until all is quiet.
    pub(crate) async fn live(mut self) {
        let mut connections = 0;
        while !self.stop.is_cancelled() && self.heads.borrow().is_none() {
            let all = crate::ask::heads(&self.list).await.ok().flatten().unwrap_or_default();
            let Some(exec) = self.pick(&all) else {
                sleep(Duration::from_millis(200)).await;
                continue;
            };
            let until = Instant::now() + LOOKS;
            while Instant::now() < until && self.heads.borrow().is_none() {
                connections += 1;
                let watched = self.watch(&exec, connections);
                let _ = timeout(until.saturating_duration_since(Instant::now()), watched).await;
                sleep(self.chance.clone().millis(20..200)).await;
            }
        }
        self.book.flush();
        self.stop.cancel();
    }

    fn pick(&mut self, all: &BTreeMap<String, (String, u64)>) -> Option<String> {
        let count = u64::try_from(all.len()).ok().filter(|it| *it > 0)?;
        let at = usize::try_from(self.chance.within(0..count)).ok()?;
        all.keys().nth(at).cloned()
    }

    /// One connection.
    async fn watch(&self, exec: &str, connection: u64) -> Option<()> {
        let stream = self.line.connect().await?;
        let scheme = if self.line.is_tls() { "wss" } else { "ws" };
        let url = format!("{scheme}://localhost:{}/api/ws/executions/{exec}", self.line.at.port());
        let (mut socket, _) = client_async(url, stream).await.ok()?;
        let proc = format!("{}.{connection}", self.name);
        while let Some(Ok(message)) = socket.next().await {
            let Message::Text(frame) = message else { continue };
            let frame: Value = match serde_json::from_str(&frame) {
                Ok(frame) => frame,
                Err(err) => {
                    let reason = format!("no JSON: {err}");
                    let entry = Entry {
                        op: Op::Confused,
                        exec: exec.to_owned(),
                        reason,
                        ..Entry::default()
                    };
                    self.book.add_as(&proc, entry);
                    return None;
                }
            };
            self.told(exec, &proc, &frame);
        }
        None
    }

    fn told(&self, exec: &str, proc: &str, frame: &Value) {
        let line = &frame["log"];
        let message = text(line, "message");
        // The lines that engines wrote; others tell of what has no message in this protocol.
        if frame["type"] != "log" || !message.starts_with(exec) || message.split('/').count() != 4 {
            return;
        }
        let said = format!("log|{}|{}|{message}", text(line, "node_id"), text(line, "level"));
        let id = text(frame, "event_id");
        let (epoch, seq) = id.rsplit_once(':').unwrap_or(("", "0"));
        let entry = Entry {
            op: Op::Glimpse,
            exec: text(frame, "execution_id"),
            epoch: epoch.to_owned(),
            seq: seq.parse().unwrap_or(0),
            content: digest(&said),
            ..Entry::default()
        };
        self.book.add_as(proc, entry);
    }
}
