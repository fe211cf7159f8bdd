//! A dashboard of the native protocol: it watches whatever there is, folds what it is told, decides at
//! gates, gives commands, and comes back after every lost connection with what it has. Everything
//! that it hears is written down before it is understood.
//!
//! It must never repair what it hears: what can't be folded is written down as such.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use footplate::tasks::Tasks;
use futures_util::{SinkExt, StreamExt};
use serde_json::{Value, json};
use tokio::sync::watch;
use tokio::time::{Instant, interval, sleep, timeout};
use tokio_tungstenite::tungstenite::{Message, client::IntoClientRequest};
use tokio_tungstenite::{WebSocketStream, client_async};
use tokio_util::sync::CancellationToken;

use crate::chance::Chance;
use crate::desk::Desk;
use crate::frames;
use crate::history::{Book, Entry, Op, Phase};
use crate::line::Line;
use crate::picture::{Picture, frame_hash};
use crate::supervisor::Seen;

/// As patient as people are: what has no answer is sent again.
const RESEND: Duration = Duration::from_secs(5);
/// One connection may watch 128 executions.
const WATCHED: usize = 100;

/// Where everything ends: for each execution the newest place, once nothing happens any more.
pub(crate) type Heads = Option<BTreeMap<String, (String, u64)>>;

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
    /// What it has come across; only one of several counts the events.
    pub(crate) seen: Arc<Seen>,
    pub(crate) counts: bool,
}

/// One execution, as it is watched.
#[derive(Debug, Default)]
struct Watched {
    picture: Picture,
    /// A snapshot is awaited before records make sense.
    blind: bool,
    head: u64,
    subscribed: bool,
    /// Since when it waits for the answer to that.
    asked: Option<Instant>,
    /// It is over and all of it was told.
    done: bool,
    paused_since: Option<Instant>,
}

impl Watched {
    /// It is over, and everything of it was told.
    fn is_whole(&self) -> bool {
        self.picture.is_over() && !self.blind && self.picture.seq >= self.head
    }
}

type Socket = WebSocketStream<Box<dyn crate::line::Io>>;

impl Dashboard {
    /// Lives until it is stopped; then it has said what it has.
    pub(crate) async fn live(mut self) {
        let mut watched = BTreeMap::<String, Watched>::new();
        let mut desk = Desk::new(&self.name, self.chance.clone(), self.acts, self.commands);
        let stop = self.stop.clone();
        while !stop.is_cancelled() {
            let open = timeout(Duration::from_secs(10), self.open());
            let socket = tokio::select! {
                socket = open => socket,
                () = stop.cancelled() => break,
            };
            if let Ok(Some(mut socket)) = socket {
                self.sit(&mut socket, &mut watched, &mut desk).await;
                // Some leave properly, others just go.
                if self.chance.happens(0.5) {
                    let _ = timeout(Duration::from_millis(200), socket.close(None)).await;
                }
            }
            for it in watched.values_mut() {
                (it.subscribed, it.asked) = (false, None);
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
    async fn sit(
        &mut self,
        socket: &mut Socket,
        watched: &mut BTreeMap<String, Watched>,
        desk: &mut Desk,
    ) {
        desk.reconnected();
        let mut boot = String::new();
        let mut say = vec![json!({ "type": "subscribe_executions" })];
        let mut wanted = BTreeSet::new();
        for (name, it) in watched.iter_mut() {
            // What is over and was told to its end is asked for again if it turns out to go on.
            it.done |= it.is_whole() && self.heads.borrow().is_none();
            if !it.done {
                wanted.insert(name.clone());
            }
        }
        let mut tick = interval(Duration::from_millis(25));
        let mut subscribe_at = Instant::now();
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
                            self.hear(frame, &boot, watched, &mut wanted, desk, &mut say);
                        }
                        Some(Ok(Message::Close(_)) | Err(_)) | None => return,
                        Some(Ok(_)) => {}
                    }
                }
                _ = tick.tick() => {
                    // Heartbeats and pings come every 25 s: who hears nothing is at a dead line.
                    if heard_at.elapsed() > Duration::from_secs(40) {
                        return;
                    }
                    let subscribed = watched.values().filter(|it| it.subscribed).count();
                    if subscribed < WATCHED && subscribe_at.elapsed() > Duration::from_millis(80)
                        && let Some(name) = self.any(&wanted)
                    {
                        wanted.remove(&name);
                        subscribe_at = Instant::now();
                        let it = watched.entry(name.clone()).or_default();
                        (it.subscribed, it.asked) = (true, Some(Instant::now()));
                        // Now and then as one who comes for the first time.
                        let fresh = it.picture.epoch.is_empty() || self.chance.happens(0.1);
                        let since = json!({ "epoch": it.picture.epoch, "seq": it.picture.seq });
                        let mut message = json!({ "type": "subscribe", "execution_id": name });
                        if !fresh {
                            message["since"] = since;
                        }
                        self.book.add(Entry {
                            op: Op::Subscribed,
                            phase: Phase::Invoke,
                            exec: name,
                            epoch: if fresh { String::new() } else { it.picture.epoch.clone() },
                            seq: if fresh { 0 } else { it.picture.seq },
                            ..Entry::default()
                        });
                        say.push(message);
                    }
                    // One that was too much at once is sent again.
                    for (name, it) in &mut *watched {
                        if it.subscribed && it.asked.is_some_and(|at| at.elapsed() > RESEND) {
                            (it.subscribed, it.asked) = (false, None);
                            wanted.insert(name.clone());
                        }
                    }
                    say.extend(desk.due(&self.book, &boot));
                    self.end_watches(watched, &mut say);
                    if self.chance.happens(0.002) && self.heads.borrow().is_none() {
                        return;
                    }
                    if self.is_complete(watched, &wanted) || self.stop.is_cancelled() {
                        self.conclude(watched);
                        return;
                    }
                }
            }
        }
    }

    fn hear(
        &mut self,
        frame: Value,
        boot: &str,
        watched: &mut BTreeMap<String, Watched>,
        wanted: &mut BTreeSet<String>,
        desk: &mut Desk,
        say: &mut Vec<Value>,
    ) {
        let kind = frame["type"].as_str().unwrap_or("").to_owned();
        let exec = frame["execution_id"].as_str().unwrap_or("").to_owned();
        match kind.as_str() {
            "executions" => {
                let items = frame["items"].as_array().cloned().unwrap_or_default();
                items.iter().for_each(|item| Self::listed(item, watched, wanted));
            }
            "execution_summary" => Self::listed(&frame["item"], watched, wanted),
            "receipt" => {
                let recorded = frame["stage"] == "recorded" && frame["decision_id"].is_string();
                self.seen.decisions.fetch_add(u64::from(recorded), Ordering::Relaxed);
                desk.receipt(&frame, &self.book, boot);
            }
            "subscribed" => {
                let it = watched.entry(exec.clone()).or_default();
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
                let it = watched.entry(exec.clone()).or_default();
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
                    Err(err) => self.again(&exec, &err, watched, say),
                }
            }
            "heartbeat" => {
                let it = watched.entry(exec).or_default();
                it.head = it.head.max(frame["head"].as_u64().unwrap_or(0));
            }
            "error" => {
                // Somebody who asks for what is gone asks in vain.
                let reason = format!("{}: {}", text(&frame, "code"), text(&frame, "message"));
                let about = frame["ref"].as_str().unwrap_or("");
                desk.refused(about);
                if frame["code"] == "not_found"
                    && let Some(it) = watched.get_mut(about)
                {
                    // Its engine has yet to speak of it, and it is asked for when it is listed.
                    (it.subscribed, it.asked) = (false, None);
                }
                self.book.add(Entry {
                    op: Op::Decide,
                    phase: Phase::Fail,
                    reason,
                    ..Entry::default()
                });
            }
            "going_away" | "welcome" | "unsubscribed" | "pong" => {}
            _ => self.record(&exec, &frame, watched, desk, say),
        }
    }

    fn record(
        &mut self,
        exec: &str,
        frame: &Value,
        watched: &mut BTreeMap<String, Watched>,
        desk: &mut Desk,
        say: &mut Vec<Value>,
    ) {
        let it = watched.entry(exec.to_owned()).or_default();
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
                let event = self.counts && frame["pseq"].is_u64();
                self.seen.events.fetch_add(u64::from(event), Ordering::Relaxed);
                if let Some(gate) =
                    frame["gate_id"].as_str().and_then(|it_is| it.picture.gate(it_is))
                {
                    desk.asked(exec, gate);
                }
                desk.moved(exec, it.picture.is_over());
            }
            // Known already: docs/protocol/native.md says to leave it.
            Err(_) if seq <= before && text(frame, "epoch") == it.picture.epoch => {}
            Err(err) => self.again(exec, &err, watched, say),
        }
    }

    /// What it has makes no sense with what it is told: it asks anew.
    fn again(
        &self,
        exec: &str,
        why: &str,
        watched: &mut BTreeMap<String, Watched>,
        say: &mut Vec<Value>,
    ) {
        self.confused(exec, why);
        watched.insert(exec.to_owned(), Watched { subscribed: true, ..Watched::default() });
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

    /// One of them: whoever comes first in the alphabet is not to be first each time.
    fn any(&mut self, wanted: &BTreeSet<String>) -> Option<String> {
        let count = u64::try_from(wanted.len()).ok().filter(|it| *it > 0)?;
        wanted.iter().nth(usize::try_from(self.chance.within(0..count)).ok()?).cloned()
    }

    fn listed(
        item: &Value,
        watched: &mut BTreeMap<String, Watched>,
        wanted: &mut BTreeSet<String>,
    ) {
        let name = text(item, "execution_id");
        let place = (text(item, "epoch"), item["seq"].as_u64().unwrap_or(0));
        let it = watched.entry(name.clone()).or_default();
        it.done &= (&it.picture.epoch, it.picture.seq) == (&place.0, place.1);
        if !it.subscribed && !it.done {
            wanted.insert(name);
        }
    }

    /// What is over, and was told to its end, is left: others need the place.
    fn end_watches(&self, watched: &mut BTreeMap<String, Watched>, say: &mut Vec<Value>) {
        let count = watched.values().filter(|it| it.subscribed).count();
        for (name, it) in watched.iter_mut().filter(|(_, it)| it.subscribed) {
            if it.is_whole() && count > WATCHED / 2 && self.heads.borrow().is_none() {
                (it.subscribed, it.done) = (false, true);
                say.push(json!({ "type": "unsubscribe", "execution_id": name }));
            }
            let paused = ["paused", "pausing"].contains(&it.picture.status());
            it.paused_since = paused.then(|| it.paused_since.unwrap_or_else(Instant::now));
            // Somebody has to, or the engine rests for good.
            if it.paused_since.is_some_and(|since| since.elapsed() > RESEND / 3) {
                it.paused_since = Some(Instant::now());
                let id = format!("{}-unpause-{}", self.name, crate::history::now());
                say.push(json!({
                    "type": "resume_execution", "command_id": id, "execution_id": name,
                }));
            }
        }
    }

    /// Whether nothing is missing of what is known to be there.
    fn is_complete(&self, watched: &BTreeMap<String, Watched>, wanted: &BTreeSet<String>) -> bool {
        let heads = self.heads.borrow();
        let Some(heads) = heads.as_ref() else { return false };
        wanted.is_empty()
            && heads.iter().all(|(name, (epoch, seq))| {
                watched.get(name).is_some_and(|it| {
                    it.done || (it.picture.epoch == *epoch && it.picture.seq >= *seq && !it.blind)
                })
            })
    }

    /// Says what it has in the end.
    fn conclude(&mut self, watched: &BTreeMap<String, Watched>) {
        let heads = self.heads.borrow().clone().unwrap_or_default();
        let there = |name: &String| heads.contains_key(name);
        for (name, it) in watched.iter().filter(|(_, it)| !it.picture.epoch.is_empty()) {
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
