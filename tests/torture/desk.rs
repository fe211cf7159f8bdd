//! What a dashboard's people do: they decide at gates, two of them at once, twice, late, and again
//! with the same id after a lost connection or five seconds; and they pause, resume and cancel.
//!
//! It must never make up an id for something that was asked before: a resend is the same message.

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::{Value, json};
use tokio::time::Instant;

use crate::chance::Chance;
use crate::dashboard::text;
use crate::history::{Book, Entry, Op, Phase};
use crate::pace::Pace;
use crate::watching::RESEND;

/// The relay takes five decisions at once from one connection, and then five a second.
const DECIDES: (u32, Duration) = (4, Duration::from_millis(220));
/// What was not answered in this time is given up: nobody sits there for ever.
const PATIENCE: Duration = Duration::from_secs(90);

/// A message that waits for its last answer.
#[derive(Debug)]
struct Pending {
    message: Value,
    exec: String,
    since: Instant,
    sent: Option<Instant>,
    /// The relay has it for certain; what came of it is still to be told.
    recorded: bool,
    /// The relay does not know the gate, or not yet.
    unknown: bool,
}

impl Pending {
    /// When it is to be sent, if it is.
    fn due(&self) -> Option<Instant> {
        let Some(sent) = self.sent else { return Some(self.since) };
        let wait = if self.unknown { RESEND / 3 } else { RESEND };
        (!self.recorded).then_some(sent + wait)
    }
}

/// One dashboard's people.
#[derive(Debug)]
pub(crate) struct Desk {
    name: String,
    chance: Chance,
    acts: bool,
    commands: bool,
    count: u64,
    /// Gates that were seen to be open, and when somebody here looks at them next.
    open: BTreeMap<(String, String), (u32, Instant)>,
    pending: BTreeMap<String, Pending>,
    pace: Pace,
    next_command: Instant,
    running: Vec<String>,
}

impl Desk {
    pub(crate) fn new(name: &str, chance: Chance, acts: bool, commands: bool) -> Self {
        let (now, (at_once, every)) = (Instant::now(), DECIDES);
        Self {
            name: name.to_owned(),
            chance,
            acts,
            commands,
            count: 0,
            open: BTreeMap::new(),
            pending: BTreeMap::new(),
            pace: Pace::new(at_once, every),
            next_command: now + Duration::from_secs(3),
            running: Vec::new(),
        }
    }

    /// A gate, as it is now.
    pub(crate) fn asked(&mut self, exec: &str, gate: &Value) {
        let key = (exec.to_owned(), text(gate, "gate_id"));
        let version = u32::try_from(gate["gate_version"].as_u64().unwrap_or(0)).unwrap_or(0);
        if gate["resolution"] == "open" {
            if self.open.get(&key).is_none_or(|(known, _)| *known != version) {
                // Most at once, so that several meet; some when it may be too late.
                let slow = self.chance.happens(0.3);
                let wait = self.chance.millis(if slow { 300..1500 } else { 0..60 });
                self.open.insert(key, (version, Instant::now() + wait));
            }
        } else if self.chance.happens(0.97) {
            // A few don't look before they decide.
            self.open.remove(&key);
        }
    }

    /// An execution has gone on, or is over.
    pub(crate) fn moved(&mut self, exec: &str, over: bool) {
        if over {
            self.running.retain(|it| it != exec);
            self.open.retain(|(of, _), _| of != exec);
            self.pending.retain(|_, it| it.exec != exec);
        } else if !self.running.iter().any(|it| it == exec) {
            self.running.push(exec.to_owned());
        }
    }

    /// What may not have arrived is sent again, and what did as well: to hear what came of it.
    pub(crate) fn reconnected(&mut self) {
        self.pace.renew();
        self.pending.values_mut().for_each(|it| it.sent = None);
    }

    /// The relay did not take a message, for its rate or for what it says.
    pub(crate) fn refused(&mut self, id: &str) {
        if let Some(it) = self.pending.get_mut(id) {
            // Again after a while, as for a lost one.
            it.sent = Some(Instant::now());
        }
    }

    /// What is to be sent now, at most one decision.
    pub(crate) fn due(&mut self, book: &Book, boot: &str) -> Vec<Value> {
        let now = Instant::now();
        let patience = |it: &Pending| if it.unknown { PATIENCE / 6 } else { PATIENCE };
        self.pending.retain(|_, it| it.since.elapsed() < patience(it));
        let mut say = Vec::new();
        if !self.acts || boot.is_empty() {
            return say;
        }
        if self.commands && now >= self.next_command {
            self.next_command = now + self.chance.millis(2_000..8_000);
            say.extend(self.command());
        }
        if !self.pace.is_free(now) {
            return say;
        }
        // Whatever has waited longest, so that what is asked for in vain holds nothing up.
        let again = self.pending.iter().filter_map(|(id, it)| Some((it.due()?, id)));
        let again = again.filter(|(at, _)| *at <= now).min().map(|(at, id)| (at, id.clone()));
        let first = self.open.iter().map(|(key, (_, at))| (*at, key));
        let first = first.filter(|(at, _)| *at <= now).min().map(|(at, key)| (at, key.clone()));
        match (again, first) {
            (Some((at, id)), first) if first.as_ref().is_none_or(|(other, _)| at <= *other) => {
                self.pace.take(now);
                say.extend(self.send(&id, book, boot));
            }
            (_, Some((_, key))) => {
                self.pace.take(now);
                say.extend(self.decide(key, book, boot));
            }
            _ => {}
        }
        say
    }

    fn decide(&mut self, key: (String, String), book: &Book, boot: &str) -> Vec<Value> {
        let Some((version, at)) = self.open.get_mut(&key) else { return Vec::new() };
        // Should nothing come of it, somebody looks again.
        *at = Instant::now() + RESEND * 2;
        let version = *version;
        let (exec, gate) = key;
        let option = if self.chance.happens(0.8) { "approve" } else { "reject" };
        let id = self.id("decide");
        let message = json!({
            "type": "human_decision", "decision_id": id, "execution_id": exec, "gate_id": gate,
            "gate_version": version, "option_id": option, "comment": format!("{id} says so"),
        });
        let pending = Pending {
            message,
            exec,
            since: Instant::now(),
            sent: None,
            recorded: false,
            unknown: false,
        };
        self.pending.insert(id.clone(), pending);
        let mut say = self.send(&id, book, boot);
        // A double click.
        if self.chance.happens(0.2) {
            self.pace.take(Instant::now());
            say.extend(say.clone());
        }
        say
    }

    fn command(&mut self) -> Vec<Value> {
        if self.running.is_empty() {
            return Vec::new();
        }
        let among = u64::try_from(self.running.len()).expect("a length");
        let at = usize::try_from(self.chance.within(0..among)).expect("an index");
        let exec = self.running[at].clone();
        let id = self.id("command");
        let roll = self.chance.share();
        if roll < 0.1 {
            return vec![json!({
                "type": "cancel_execution", "command_id": id, "execution_id": exec, "reason": "a drill",
            })];
        }
        vec![json!({ "type": "pause_execution", "command_id": id, "execution_id": exec })]
    }

    fn send(&mut self, id: &str, book: &Book, boot: &str) -> Vec<Value> {
        let Some(it) = self.pending.get_mut(id) else { return Vec::new() };
        it.sent = Some(Instant::now());
        book.add(Entry {
            op: Op::Decide,
            phase: Phase::Invoke,
            exec: it.exec.clone(),
            gate: text(&it.message, "gate_id"),
            version: u32::try_from(it.message["gate_version"].as_u64().unwrap_or(0)).unwrap_or(0),
            option: text(&it.message, "option_id"),
            comment: text(&it.message, "comment"),
            decision: id.to_owned(),
            boot: boot.to_owned(),
            ..Entry::default()
        });
        vec![it.message.clone()]
    }

    /// What came of something.
    pub(crate) fn receipt(&mut self, frame: &Value, book: &Book, boot: &str) {
        let stage = text(frame, "stage");
        let id = text(frame, "decision_id");
        if !id.is_empty() {
            book.add(Entry {
                op: Op::Decide,
                phase: Phase::Ok,
                exec: text(frame, "execution_id"),
                gate: text(frame, "gate_id"),
                decision: id.clone(),
                stage: stage.clone(),
                level: text(frame, "durability"),
                option: text(frame, "option_id"),
                by: text(&frame["by"], "subject"),
                reason: text(frame, "reason"),
                boot: boot.to_owned(),
                ..Entry::default()
            });
        }
        let Some(it) = self.pending.get_mut(&id) else { return };
        match stage.as_str() {
            "recorded" | "voted" | "delivered" | "in_progress" | "waiting" => it.recorded = true,
            // Its engine has yet to speak of it.
            "gate_unknown" => (it.unknown, it.sent) = (true, Some(Instant::now())),
            _ => drop(self.pending.remove(&id)),
        }
    }

    fn id(&mut self, what: &str) -> String {
        self.count += 1;
        format!("{}-{what}-{}-{:08x}", self.name, self.count, self.chance.number() >> 32)
    }
}
