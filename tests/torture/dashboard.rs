//! A dashboard of the native protocol: it watches whatever there is, folds what it is told, decides at
//! gates, gives commands, and comes back after every lost connection with what it has. Everything
//! that it hears is written down before it is understood.
//!
//! It must never repair what it hears: what can't be folded is written down as such.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use footplate::tasks::Tasks;
use futures_util::{SinkExt, StreamExt};
use serde_json::{Value, json};
use tokio::sync::watch;
use tokio::time::{Instant, MissedTickBehavior, interval, sleep, timeout};
use tokio_tungstenite::tungstenite::{Message, client::IntoClientRequest};
use tokio_tungstenite::{WebSocketStream, client_async};
use tokio_util::sync::CancellationToken;

use crate::chance::Chance;
use crate::desk::Desk;
use crate::frames;
use crate::history::{Book, Entry, Op, Phase};
use crate::line::Line;
use crate::picture::frame_hash;
use crate::supervisor::Seen;
use crate::watching::{Heads, Share, Watching};

/// Heartbeats and pings come every 25 s: who hears nothing for so long is at a dead line.
const DEAD: Duration = Duration::from_secs(40);

/// One dashboard.
#[derive(Debug)]
pub(crate) struct Dashboard {
    pub(crate) name: String,
    pub(crate) line: Line,
    pub(crate) book: Arc<Book>,
    pub(crate) chance: Chance,
    /// Whether it decides and commands, or only watches.
    pub(crate) acts: bool,
    pub(crate) commands: bool,
    pub(crate) heads: watch::Receiver<Heads>,
    pub(crate) stop: CancellationToken,
    /// What it has come across; of those who watch an execution only one counts.
    pub(crate) seen: Arc<Seen>,
    pub(crate) share: Share,
}

type Socket = WebSocketStream<Box<dyn crate::line::Io>>;

impl Dashboard {
    /// Lives until it is stopped; then it has said what it has.
    pub(crate) async fn live(mut self) {
        let mut watching = Watching::new(self.share);
        let mut desk = Desk::new(&self.name, self.chance.clone(), self.acts, self.commands);
        let stop = self.stop.clone();
        while !stop.is_cancelled() {
            let open = timeout(Duration::from_secs(10), self.open());
            let socket = tokio::select! {
                socket = open => socket,
                () = stop.cancelled() => break,
            };
            if let Ok(Some(mut socket)) = socket {
                self.sit(&mut socket, &mut watching, &mut desk).await;
                // Some leave properly, others just go.
                if self.chance.happens(0.5) {
                    let _ = timeout(Duration::from_millis(200), socket.close(None)).await;
                }
            }
            let pause = self.chance.millis(20..300);
            tokio::select! {
                () = sleep(pause) => {}
                () = stop.cancelled() => {}
            }
        }
        self.book.flush();
    }

    async fn open(&self) -> Option<Socket> {
        let stream = self.line.connect().await?;
        let scheme = if self.line.is_tls() { "wss" } else { "ws" };
        let mut request = format!("{scheme}://localhost:{}/v1/stream", self.line.at.port())
            .into_client_request()
            .ok()?;
        let name = "footplate.v1".parse().expect("a header's value");
        request.headers_mut().insert("sec-websocket-protocol", name);
        client_async(request, stream).await.ok().map(|(socket, _)| socket)
    }

    /// One connection, until it ends or the dashboard wants another one.
    async fn sit(&mut self, socket: &mut Socket, watching: &mut Watching, desk: &mut Desk) {
        desk.reconnected();
        watching.reconnected(self.heads.borrow().is_none());
        let mut boot = String::new();
        let mut say = vec![json!({ "type": "subscribe_executions" })];
        let mut tick = interval(Duration::from_millis(25));
        tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut heard_at = Instant::now();
        loop {
            for message in say.drain(..) {
                let sent = socket.send(Message::text(message.to_string()));
                if !matches!(timeout(Duration::from_secs(20), sent).await, Ok(Ok(()))) {
                    return;
                }
            }
            tokio::select! {
                frame = socket.next() => {
                    heard_at = Instant::now();
                    match frame {
                        Some(Ok(Message::Text(text))) => {
                            let Ok(frame) = serde_json::from_str::<Value>(&text) else {
                                self.confused("", &format!("no JSON: {text}"));
                                return;
                            };
                            if frame["type"] == "welcome" {
                                boot = frame["boot_id"].as_str().unwrap_or("").to_owned();
                            }
                            self.hear(frame, &boot, watching, desk, &mut say);
                        }
                        Some(Ok(Message::Close(_)) | Err(_)) | None => return,
                        Some(Ok(_)) => {}
                    }
                }
                _ = tick.tick() => {
                    if heard_at.elapsed() > DEAD || watching.waits(DEAD) {
                        return;
                    }
                    while let Some(name) = watching.next(Instant::now(), &mut self.chance) {
                        say.push(self.subscribe(name, watching));
                    }
                    say.extend(desk.due(&self.book, &boot));
                    self.mind(watching, &mut say);
                    if self.chance.happens(0.002) && self.heads.borrow().is_none() {
                        return;
                    }
                    let complete = watching.is_complete(&self.heads.borrow());
                    if complete || self.stop.is_cancelled() {
                        self.conclude(watching);
                        return;
                    }
                }
            }
        }
    }

    /// Asks for an execution from where it has it; now and then as one who comes for the first time.
    fn subscribe(&mut self, name: String, watching: &mut Watching) -> Value {
        let it = watching.of(&name);
        let fresh = it.picture.epoch.is_empty() || self.chance.happens(0.1);
        let mut message = json!({ "type": "subscribe", "execution_id": name });
        if !fresh {
            message["since"] = json!({ "epoch": it.picture.epoch, "seq": it.picture.seq });
        }
        self.book.add(Entry {
            op: Op::Subscribed,
            phase: Phase::Invoke,
            exec: name,
            epoch: if fresh { String::new() } else { it.picture.epoch.clone() },
            seq: if fresh { 0 } else { it.picture.seq },
            ..Entry::default()
        });
        message
    }

    fn hear(
        &mut self,
        frame: Value,
        boot: &str,
        watching: &mut Watching,
        desk: &mut Desk,
        say: &mut Vec<Value>,
    ) {
        let kind = frame["type"].as_str().unwrap_or("").to_owned();
        let exec = frame["execution_id"].as_str().unwrap_or("").to_owned();
        match kind.as_str() {
            "executions" => {
                let items = frame["items"].as_array().cloned().unwrap_or_default();
                items.iter().for_each(|item| watching.listed(item));
            }
            "execution_summary" => watching.listed(&frame["item"]),
            "receipt" => desk.receipt(&frame, &self.book, boot),
            "subscribed" => {
                let it = watching.of(&exec);
                it.asked = None;
                it.head = frame["head"].as_u64().unwrap_or(0);
                it.blind = frame["recovered"] == false;
                self.book.add(Entry {
                    op: Op::Subscribed,
                    phase: Phase::Ok,
                    exec,
                    epoch: text(&frame, "epoch"),
                    seq: frame["from"].as_u64().unwrap_or(0),
                    head: it.head,
                    recovered: !it.blind,
                    reason: text(&frame, "reason"),
                    boot: boot.to_owned(),
                    ..Entry::default()
                });
            }
            "snapshot" => {
                let it = watching.of(&exec);
                match it.picture.part(frame) {
                    Ok(false) => {}
                    Ok(true) => {
                        it.blind = false;
                        self.book.add(Entry {
                            op: Op::Snapshot,
                            exec: exec.clone(),
                            epoch: it.picture.epoch.clone(),
                            seq: it.picture.seq,
                            state: it.picture.hash(),
                            ..Entry::default()
                        });
                        desk.moved(&exec, it.picture.is_over());
                        for gate in it.picture.open_gates() {
                            desk.asked(&exec, gate);
                        }
                    }
                    Err(err) => self.again(&exec, &err, watching, say),
                }
            }
            "heartbeat" => {
                let it = watching.of(&exec);
                it.head = it.head.max(frame["head"].as_u64().unwrap_or(0));
            }
            "error" => {
                // Somebody who asks for what is gone asks in vain.
                let reason = format!("{}: {}", text(&frame, "code"), text(&frame, "message"));
                let about = frame["ref"].as_str().unwrap_or("");
                desk.refused(about);
                match frame["code"].as_str() {
                    Some("not_found") => watching.unknown(about),
                    Some("rate_limited") => watching.refused(about),
                    _ => {}
                }
                self.book.add(Entry {
                    op: Op::Decide,
                    phase: Phase::Fail,
                    reason,
                    ..Entry::default()
                });
            }
            "going_away" | "welcome" | "unsubscribed" | "pong" => {}
            _ => self.record(&exec, &frame, watching, desk, say),
        }
    }

    fn record(
        &mut self,
        exec: &str,
        frame: &Value,
        watching: &mut Watching,
        desk: &mut Desk,
        say: &mut Vec<Value>,
    ) {
        let it = watching.of(exec);
        let before = it.picture.seq;
        let folded = it.picture.record(frame);
        let mut entry = frames::entry(frame);
        entry.op = Op::See;
        entry.frame = frame_hash(&frame.to_string());
        entry.state = if folded.is_ok() { it.picture.hash() } else { 0 };
        self.book.add(entry);
        let seq = frame["seq"].as_u64().unwrap_or(0);
        it.head = it.head.max(seq);
        match folded {
            Ok(()) => {
                if self.share.counts(exec) {
                    let event = frame["pseq"].is_u64();
                    self.seen.events.fetch_add(u64::from(event), Ordering::Relaxed);
                    let decided = frame["gate"]["decision"]["source"] == "human";
                    let decided = decided && frame["type"] == "gate_resolved";
                    self.seen.decisions.fetch_add(u64::from(decided), Ordering::Relaxed);
                }
                if let Some(gate) =
                    frame["gate_id"].as_str().and_then(|it_is| it.picture.gate(it_is))
                {
                    desk.asked(exec, gate);
                }
                desk.moved(exec, it.picture.is_over());
            }
            // Known already: docs/protocol/native.md says to leave it.
            Err(_) if seq <= before && text(frame, "epoch") == it.picture.epoch => {}
            Err(err) => self.again(exec, &err, watching, say),
        }
    }

    /// What it has makes no sense with what it is told: it asks anew.
    fn again(&self, exec: &str, why: &str, watching: &mut Watching, say: &mut Vec<Value>) {
        self.confused(exec, why);
        watching.anew(exec);
        self.book.add(Entry {
            op: Op::Subscribed,
            phase: Phase::Invoke,
            exec: exec.to_owned(),
            ..Entry::default()
        });
        say.push(json!({ "type": "subscribe", "execution_id": exec }));
    }

    fn confused(&self, exec: &str, why: &str) {
        let (exec, reason) = (exec.to_owned(), why.to_owned());
        self.book.add(Entry { op: Op::Confused, exec, reason, ..Entry::default() });
    }

    /// Leaves what is over, and resumes what was paused.
    fn mind(&self, watching: &mut Watching, say: &mut Vec<Value>) {
        if self.heads.borrow().is_none() {
            let left = watching.leave().into_iter();
            say.extend(left.map(|it| json!({ "type": "unsubscribe", "execution_id": it })));
        }
        for exec in watching.paused() {
            let id = format!("{}-unpause-{}", self.name, crate::history::now());
            say.push(json!({
                "type": "resume_execution", "command_id": id, "execution_id": exec,
            }));
        }
    }

    /// Says what it has in the end.
    fn conclude(&mut self, watching: &Watching) {
        let heads = self.heads.borrow().clone().unwrap_or_default();
        let there = |name: &String| heads.contains_key(name);
        for (name, it) in watching.all().filter(|(_, it)| !it.picture.epoch.is_empty()) {
            self.book.add(Entry {
                op: Op::Quiet,
                exec: name.clone(),
                epoch: it.picture.epoch.clone(),
                seq: it.picture.seq,
                state: it.picture.hash(),
                // What was left in the midst of things is not the end, nor what the relay has lost.
                recovered: !it.done && there(name),
                ..Entry::default()
            });
        }
        self.stop.cancel();
    }
}

/// A field that is a string.
pub(crate) fn text(frame: &Value, name: &str) -> String {
    frame[name].as_str().unwrap_or("").to_owned()
}

/// Starts it.
pub(crate) fn spawn(dashboard: Dashboard, tasks: &Tasks) {
    tasks.spawn("dashboard", dashboard.live());
}
