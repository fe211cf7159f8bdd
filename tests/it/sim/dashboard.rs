//! A simulated dashboard, over the real WebSocket stack: watches, folds, decides, resends and comes
//! back, as the native protocol's page says. It must never ask for anything that the page does not
//! offer.

use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;
use std::time::Duration;

use futures_util::{SinkExt, StreamExt};
use serde_json::{Value, json};
use tokio::time::{Instant, sleep, sleep_until, timeout};
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::Message;
use turmoil::net::TcpStream;

use super::engine::CUSTOM;
use super::history::{Ask, History, Question, What, Wish};
use super::net::{Book, Wire};
use super::view::View;
use super::wishes::Wishes;
use crate::dice::Dice;

/// The relay's port for viewers.
pub(super) const PORT: u16 = 8000;
/// How long connecting, and being welcomed, may take.
const PATIENCE: Duration = Duration::from_secs(5);
/// A connection on which nothing has come for so long is given up: the relay says something to a
/// watcher every 25 s.
const SILENCE: Duration = Duration::from_secs(40);
/// How long what is not there yet is asked for again.
const RETRY: Duration = Duration::from_secs(2);
/// How a dashboard behaves.
#[derive(Debug, Clone, Copy)]
pub(super) struct Habits {
    /// Of ten gates it decides at so many.
    pub(super) decides: u64,
    /// It reads nothing for so long.
    pub(super) stalls: Option<Duration>,
}

/// One dashboard.
pub(super) struct Dashboard {
    pub(super) who: Rc<str>,
    pub(super) history: History,
    pub(super) views: RefCell<BTreeMap<String, View>>,
    pub(super) habits: Cell<Habits>,
    dice: RefCell<Dice>,
    wishes: Wishes,
    /// Questions that it has thought about, each once.
    seen: RefCell<BTreeSet<Question>>,
    /// What it will ask for, and when.
    plans: RefCell<Vec<(Instant, Wish)>>,
    /// Names for what it wants.
    names: Cell<u64>,
}

type Socket = WebSocketStream<Wire>;
type Lost = ();

impl Dashboard {
    pub(super) fn new(
        who: &str,
        history: History,
        executions: &[String],
        decides: u64,
        dice: Dice,
    ) -> Rc<Self> {
        let views = executions.iter().map(|it| (it.clone(), View::default())).collect();
        Rc::new(Self {
            who: who.into(),
            history,
            views: RefCell::new(views),
            habits: Cell::new(Habits { decides, stalls: None }),
            dice: RefCell::new(dice),
            wishes: Wishes::default(),
            seen: RefCell::default(),
            plans: RefCell::default(),
            names: Cell::new(0),
        })
    }

    fn note(&self, what: What) {
        self.history.note(&self.who, what);
    }

    fn below(&self, sides: u64) -> u64 {
        self.dice.borrow_mut().below(sides)
    }

    /// Reads nothing for a while, from its next frame on.
    pub(super) fn stall(&self, time: Duration) {
        self.habits.set(Habits { stalls: Some(time), ..self.habits.get() });
    }

    /// Comes, and comes back, without end.
    pub(super) async fn run(self: Rc<Self>, book: Book) {
        loop {
            if let Ok(Ok(socket)) = timeout(PATIENCE, connect(&book)).await {
                let _ = self.watch(socket).await;
                self.views.borrow_mut().values_mut().for_each(|it| it.shown_by = 0);
                self.note(What::Gone);
            }
            sleep(Duration::from_millis(100 + self.below(900))).await;
        }
    }

    async fn watch(&self, mut socket: Socket) -> Result<(), Lost> {
        let mut heard = Instant::now();
        let welcome = timeout(PATIENCE, self.next(&mut socket)).await.map_err(drop)??;
        let Some(welcome) = welcome else { return Err(()) };
        let boot = welcome["boot_id"].as_str().ok_or(())?.to_owned();
        self.note(What::Came { boot });
        let executions: Vec<String> = self.views.borrow().keys().cloned().collect();
        for execution in executions {
            self.subscribe(&mut socket, &execution).await?;
        }
        self.send_again(&mut socket, true).await?;
        loop {
            if let Some(time) = self.habits.get().stalls {
                self.habits.set(Habits { stalls: None, ..self.habits.get() });
                sleep(time).await;
                heard = Instant::now();
            }
            let wake = self.wake().min(heard + SILENCE);
            tokio::select! {
                biased;
                told = self.next(&mut socket) => {
                    heard = Instant::now();
                    if let Some(frame) = told? {
                        self.take(&frame)?;
                    }
                }
                () = sleep_until(wake) => {
                    if heard + SILENCE <= Instant::now() {
                        return Err(());
                    }
                    self.act(&mut socket).await?;
                }
            }
        }
    }

    /// When there is something to do.
    fn wake(&self) -> Instant {
        let asked = self.wishes.due();
        let plans = self.plans.borrow().iter().map(|(at, _)| *at).min();
        let retry = self.views.borrow().values().filter_map(|it| it.retry).min();
        let all = [asked, plans, retry].into_iter().flatten().min();
        all.unwrap_or_else(|| Instant::now() + SILENCE)
    }

    async fn act(&self, socket: &mut Socket) -> Result<(), Lost> {
        let now = Instant::now();
        for execution in self.to_retry(now) {
            self.subscribe(socket, &execution).await?;
        }
        let (due, later) = self.plans.take().into_iter().partition(|(at, _)| *at <= now);
        self.plans.replace(later);
        let due: Vec<(Instant, Wish)> = due;
        for (_, wish) in due {
            let twice = self.below(5) == 0;
            let other = self.below(8) == 0;
            self.wishes.begin(&wish);
            self.want(socket, &wish).await?;
            if twice {
                self.want(socket, &wish).await?;
            }
            if let Wish::Decide(ask) = wish
                && other
            {
                let option = if ask.option == "approve" { "reject" } else { "approve" };
                self.want(socket, &Wish::Decide(Ask { option, ..ask })).await?;
            }
        }
        self.send_again(socket, false).await
    }

    /// What has no last word is sent again: unchanged, when it is due or on a new connection.
    async fn send_again(&self, socket: &mut Socket, all: bool) -> Result<(), Lost> {
        for wish in self.wishes.again(all) {
            self.want(socket, &wish).await?;
        }
        Ok(())
    }

    async fn want(&self, socket: &mut Socket, wish: &Wish) -> Result<(), Lost> {
        self.note(What::Wants(wish.clone()));
        let message = match wish {
            Wish::Decide(ask) => json!({
                "type": "human_decision", "decision_id": ask.id, "execution_id": ask.of.execution,
                "gate_id": ask.of.gate, "gate_version": ask.of.version, "option_id": ask.option,
            }),
            Wish::Order { id, execution } => json!({
                "type": "custom_command", "command_id": id, "execution_id": execution,
                "custom_type": CUSTOM,
            }),
        };
        send(socket, &message).await
    }

    /// What was not there, and is to be asked for again.
    fn to_retry(&self, now: Instant) -> Vec<String> {
        let mut views = self.views.borrow_mut();
        let due = views.iter_mut().filter(|(_, it)| it.retry.is_some_and(|at| at <= now));
        let mut names = vec![];
        for (execution, view) in due {
            view.retry = None;
            names.push(execution.clone());
        }
        names
    }

    async fn subscribe(&self, socket: &mut Socket, execution: &str) -> Result<(), Lost> {
        let since = self.views.borrow()[execution].since();
        let mut message = json!({ "type": "subscribe", "execution_id": execution });
        if let Some((epoch, seq)) = &since {
            message["since"] = json!({ "epoch": epoch, "seq": seq });
        }
        self.note(What::Subscribes { execution: execution.to_owned(), since });
        send(socket, &message).await
    }

    /// The next frame. `None`: something that says nothing but that somebody is there.
    async fn next(&self, socket: &mut Socket) -> Result<Option<Rc<Value>>, Lost> {
        match socket.next().await {
            Some(Ok(Message::Text(text))) => {
                let frame: Value = serde_json::from_str(&text).expect("frames are JSON");
                let frame = Rc::new(frame);
                self.note(What::Told(frame.clone()));
                Ok(Some(frame))
            }
            Some(Ok(Message::Ping(_) | Message::Pong(_))) => Ok(None),
            Some(Ok(_) | Err(_)) | None => Err(()),
        }
    }

    fn take(&self, frame: &Value) -> Result<(), Lost> {
        match frame["type"].as_str() {
            Some("receipt") => self.wishes.answered(frame),
            Some("error") if frame["code"] == "not_found" => {
                let about = frame["ref"].as_str().expect("it says what is not there");
                if let Some(view) = self.views.borrow_mut().get_mut(about) {
                    view.retry = Some(Instant::now() + RETRY);
                }
            }
            // Too much was asked at once: what is due is asked again.
            Some("error") if !frame["code"].is_null() => {}
            _ => return self.fold(frame),
        }
        Ok(())
    }

    fn fold(&self, frame: &Value) -> Result<(), Lost> {
        let Some(execution) = frame["execution_id"].as_str() else { return Ok(()) };
        let mut views = self.views.borrow_mut();
        let Some(view) = views.get_mut(execution) else { return Ok(()) };
        match frame["type"].as_str() {
            Some("subscribed") => {
                if let Err(why) = view.subscribed(frame, self.history.relay_start()) {
                    self.note(What::Missed(format!("{execution}: {why}")));
                }
                return Ok(());
            }
            Some("heartbeat") => {
                view.head = view.head.max(frame["head"].as_u64().unwrap_or_default());
                return Ok(());
            }
            _ => {}
        }
        let merged = view.reducer.frame(frame);
        if let Err(why) = merged {
            self.note(What::Missed(format!("{execution}: {why}")));
            *view = View::default();
            return Err(());
        }
        view.folded(frame);
        drop(views);
        let gates = frame["state"]["gates"].as_array().into_iter().flatten();
        for gate in gates.chain(frame.get("gate")) {
            self.consider(execution, gate);
        }
        Ok(())
    }

    /// Thinks about a gate that it has not seen in this version.
    fn consider(&self, execution: &str, gate: &Value) {
        let of = Question {
            execution: execution.to_owned(),
            gate: gate["gate_id"].as_str().expect("a gate has a name").to_owned(),
            version: gate["gate_version"].as_u64().expect("and a version") as u32,
        };
        if gate["resolution"] != "open" || !self.seen.borrow_mut().insert(of.clone()) {
            return;
        }
        // Who does not want to decide does so when nobody else has, in the end.
        let soon = self.below(10) < self.habits.get().decides;
        let delay = if soon { 100 + self.below(4_000) } else { 8_000 + self.below(8_000) };
        let option = if self.below(3) == 0 { "reject" } else { "approve" };
        if self.below(4) == 0 {
            let (id, execution) = (self.name('c'), execution.to_owned());
            self.plan(self.below(10_000), Wish::Order { id, execution });
        }
        let id = self.name('d');
        self.plan(delay, Wish::Decide(Ask { id, of, option }));
    }

    fn name(&self, kind: char) -> String {
        self.names.set(self.names.get() + 1);
        format!("{kind}-{}-{}", self.who, self.names.get())
    }

    /// After so many milliseconds it wants this.
    fn plan(&self, delay: u64, wish: Wish) {
        let at = Instant::now() + Duration::from_millis(delay);
        self.plans.borrow_mut().push((at, wish));
    }

    /// Whether it has everything that the relay has named, and every answer.
    pub(super) fn is_done(&self) -> bool {
        let views = self.views.borrow();
        let start = self.history.relay_start();
        let has_all = |it: &View| it.shown_by == start && it.reducer.last() == it.head;
        views.values().all(has_all) && self.wishes.are_settled()
    }

    /// The state of each execution as it sees it, with its log's epoch.
    pub(super) fn states(&self) -> BTreeMap<String, (String, Value)> {
        let views = self.views.borrow();
        let state = |(execution, view): (&String, &View)| {
            let epoch = view.epoch.clone().unwrap_or_default();
            (execution.clone(), (epoch, view.reducer.state()))
        };
        views.iter().map(state).collect()
    }

    /// How far it has come with each execution.
    pub(super) fn places(&self) -> Vec<(String, Option<String>, u64)> {
        let views = self.views.borrow();
        let place =
            |(it, view): (&String, &View)| (it.clone(), view.epoch.clone(), view.reducer.last());
        views.iter().map(place).collect()
    }

    /// It knows these logs, and nothing of what is in them.
    pub(super) fn begin_at(&self, places: Vec<(String, Option<String>, u64)>) {
        for (execution, epoch, _) in places {
            if let Some(view) = self.views.borrow_mut().get_mut(&execution) {
                view.epoch = epoch;
            }
        }
    }

    /// What it waits for.
    pub(super) fn waits_for(&self) -> String {
        let views = self.views.borrow();
        let views: Vec<_> = views
            .iter()
            .map(|(it, view)| (it, &view.epoch, view.reducer.last(), view.head))
            .collect();
        format!("{}: {views:?} {:?}", self.who, self.wishes)
    }
}

async fn connect(book: &Book) -> Result<Socket, Lost> {
    let stream = TcpStream::connect(("relay", PORT)).await.map_err(drop)?;
    let to = stream.peer_addr().map_err(drop)?;
    let wire = book.enter(stream, to);
    let url = format!("ws://127.0.0.1:{PORT}/v1/stream");
    let (socket, _) = tokio_tungstenite::client_async(url, wire).await.map_err(drop)?;
    Ok(socket)
}

async fn send(socket: &mut Socket, message: &Value) -> Result<(), Lost> {
    // Who is no longer heard is not waited for without end.
    let sent = timeout(PATIENCE, socket.send(Message::text(message.to_string()))).await;
    sent.map_err(drop)?.map_err(drop)
}
