//! What the shard has yet to be told, and whose turn it is. Engines take turns by what their messages
//! cost, so that one that says much waits behind itself and behind nobody else: a message that is the
//! first of its engine is taken before any other engine's second. What people and their programs ask
//! for goes ahead of that, up to a part of each turn, so that neither holds up the other.
//!
//! It must never look at what a message says beyond its cost, drop one, or grow without a limit: who
//! has as many messages here as may wait has the next one wait with it.

use std::{
    cmp::Reverse,
    collections::{BinaryHeap, VecDeque},
    future::poll_fn,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError, Weak,
        atomic::{AtomicU64, Ordering},
    },
    task::{Context, Poll, Waker},
};

use tokio::sync::{OwnedSemaphorePermit, Semaphore, oneshot};
use tokio::task::coop;

use super::Message;
use crate::core::Input;

/// Messages of one engine's stream that may wait: as many as one turn takes.
const OF_ENGINE: usize = 256;
/// Messages that one turn takes.
const TURN: usize = 256;
/// What they may cost together: the last may go beyond. It is what is ahead of whoever comes next.
const COST: u64 = 1_024;
/// Messages of each turn that people have before engines.
const AHEAD: usize = 64;
/// Places of an inbox that is empty beyond which their memory is given back.
const KEPT: usize = 4 * OF_ENGINE;

/// An inbox in which so many messages of people's may wait, and those who tell it something.
pub fn inbox(room: usize) -> (Shards, Inbox) {
    let state = State { open: true, ..State::default() };
    let shared =
        Arc::new(Shared { state: Mutex::new(state), room: Arc::new(Semaphore::new(room)) });
    (Shards(Arc::new(Teller(Arc::clone(&shared)))), Inbox(shared))
}

/// Reaches the shard, for people and their programs. (One today: a sidecar needs no more.)
#[derive(Debug, Clone)]
pub struct Shards(Arc<Teller>);

/// Reaches the shard while somebody else needs it, and does not keep it alive.
#[derive(Debug, Clone)]
pub struct WeakShards(Weak<Teller>);

/// Reaches the shard, for one engine's stream: its messages are taken in their order, and in its turn.
#[derive(Debug)]
pub struct Line {
    shards: Shards,
    room: Arc<Semaphore>,
    /// Behind all of what it has said. Only looked at under the inbox's lock.
    end: AtomicU64,
}

/// The shard's own side.
#[derive(Debug)]
pub struct Inbox(Arc<Shared>);

/// A message that was taken. Dropped, its place is another's.
#[derive(Debug)]
pub struct Taken {
    /// What.
    pub message: Message,
    _room: OwnedSemaphorePermit,
}

/// Its last clone ends the inbox.
#[derive(Debug)]
struct Teller(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    state: Mutex<State>,
    /// For people's.
    room: Arc<Semaphore>,
}

#[derive(Debug, Default)]
struct State {
    people: VecDeque<Taken>,
    /// Engines' messages: where each begins in the order of all, how many came before it, what it
    /// costs, and its place.
    order: BinaryHeap<Reverse<(u64, u64, u64, usize)>>,
    places: Vec<Option<Taken>>,
    free: Vec<usize>,
    /// Where the last that was taken begins: nothing that waits, or comes, begins before it.
    at: u64,
    came: u64,
    listening: Option<Waker>,
    /// Somebody can still tell it something.
    open: bool,
    /// The shard is no longer there.
    gone: bool,
}

impl Shards {
    /// Tells it something; waits while it is busy. `false`: it is no longer there.
    pub async fn tell(&self, message: Message) -> bool {
        let room = room(&self.0.0.room).await;
        self.shared().put(|state| state.people.push_back(Taken { message, _room: room }))
    }

    /// Tells it something now.
    ///
    /// # Errors
    /// The message, if it is busy; nothing, if it is no longer there.
    #[expect(clippy::result_large_err, reason = "it is sent another way at once")]
    pub fn try_tell(&self, message: Message) -> Result<(), Option<Message>> {
        if self.is_gone() {
            return Err(None);
        }
        let Ok(room) = Arc::clone(&self.0.0.room).try_acquire_owned() else {
            return Err(Some(message));
        };
        let told =
            self.shared().put(|state| state.people.push_back(Taken { message, _room: room }));
        if told { Ok(()) } else { Err(None) }
    }

    /// For a new stream of an engine.
    pub fn line(&self) -> Line {
        let room = Arc::new(Semaphore::new(OF_ENGINE));
        Line { shards: self.clone(), room, end: AtomicU64::new(0) }
    }

    /// Whether it is no longer there.
    pub fn is_gone(&self) -> bool {
        self.shared().state().gone
    }

    /// For who outlives it: the shard ends when nobody else can tell it anything.
    pub fn downgrade(&self) -> WeakShards {
        WeakShards(Arc::downgrade(&self.0))
    }

    /// Messages that wait for it.
    pub fn depth(&self) -> usize {
        let state = self.shared().state();
        state.people.len() + state.order.len()
    }

    /// Asks it something. `None`: it is no longer there.
    pub async fn ask<T>(&self, question: impl FnOnce(oneshot::Sender<T>) -> Message) -> Option<T> {
        let (reply, answer) = oneshot::channel();
        if !self.tell(question(reply)).await {
            return None;
        }
        answer.await.ok()
    }

    fn shared(&self) -> &Shared {
        &self.0.0
    }
}

impl WeakShards {
    /// For one message. `None`: it is going, or is no longer there.
    pub fn upgrade(&self) -> Option<Shards> {
        self.0.upgrade().map(Shards)
    }
}

impl Line {
    /// Tells it something; waits while as much of this stream waits as may. `false`: it is no longer
    /// there.
    pub async fn tell(&self, message: Message) -> bool {
        let room = room(&self.room).await;
        let cost = cost(&message);
        self.shards.shared().put(|state| {
            let begins = self.end.load(Ordering::Relaxed).max(state.at);
            self.end.store(begins.saturating_add(cost), Ordering::Relaxed);
            state.queue(begins, cost, Taken { message, _room: room });
        })
    }
}

impl Inbox {
    /// Puts what is to be taken next into `batch`, and waits where there is nothing. `false`: there
    /// never will be. Dropped while it waits, it has taken nothing.
    pub async fn take(&mut self, batch: &mut Vec<Taken>) -> bool {
        // Where there is always something it would never wait, and nobody else would run.
        coop::consume_budget().await;
        poll_fn(|cx| self.poll_take(cx, batch)).await
    }

    /// The next message by itself. `None`: there never will be one.
    pub async fn recv(&mut self) -> Option<Message> {
        poll_fn(|cx| {
            let mut state = self.0.state();
            match state.pop() {
                Some(taken) => Poll::Ready(Some(taken.message)),
                None => state.wait(cx).map(|()| None),
            }
        })
        .await
    }

    fn poll_take(&self, cx: &mut Context<'_>, batch: &mut Vec<Taken>) -> Poll<bool> {
        let mut state = self.0.state();
        let ahead = state.people.len().min(AHEAD);
        batch.extend(state.people.drain(..ahead));
        let mut spent = 0;
        while batch.len() < TURN && spent < COST {
            let Some((taken, cost)) = state.pop_engine() else { break };
            batch.push(taken);
            spent += cost;
        }
        // What engines leave is people's again.
        let rest = if spent < COST { TURN - batch.len() } else { 0 };
        let rest = rest.min(state.people.len());
        batch.extend(state.people.drain(..rest));
        if batch.is_empty() { state.wait(cx).map(|()| false) } else { Poll::Ready(true) }
    }
}

impl State {
    fn queue(&mut self, begins: u64, cost: u64, taken: Taken) {
        let place = self.free.pop().unwrap_or_else(|| {
            self.places.push(None);
            self.places.len() - 1
        });
        self.places[place] = Some(taken);
        self.order.push(Reverse((begins, self.came, cost, place)));
        self.came += 1;
    }

    fn pop(&mut self) -> Option<Taken> {
        let engine = |state: &mut Self| Some(state.pop_engine()?.0);
        self.people.pop_front().or_else(|| engine(self))
    }

    fn pop_engine(&mut self) -> Option<(Taken, u64)> {
        let Reverse((begins, _, cost, place)) = self.order.pop()?;
        self.at = begins;
        let taken = self.places[place].take();
        self.free.push(place);
        if self.order.is_empty() && KEPT < self.places.len() {
            (self.order, self.places, self.free) = Default::default();
        }
        Some((taken.expect("what is in the order has a place"), cost))
    }

    /// Until there is something. Ready: there never will be.
    fn wait(&mut self, cx: &Context<'_>) -> Poll<()> {
        if !self.open {
            return Poll::Ready(());
        }
        match &mut self.listening {
            Some(waker) => waker.clone_from(cx.waker()),
            none @ None => *none = Some(cx.waker().clone()),
        }
        Poll::Pending
    }
}

impl Shared {
    /// `false`: nobody takes it any more.
    fn put(&self, put: impl FnOnce(&mut State)) -> bool {
        let mut state = self.state();
        if state.gone {
            return false;
        }
        put(&mut state);
        let listening = state.listening.take();
        drop(state);
        listening.into_iter().for_each(Waker::wake);
        true
    }

    /// The state is whole after each of the steps above: none of them can panic halfway.
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Teller {
    fn drop(&mut self) {
        let listening = {
            let mut state = self.0.state();
            state.open = false;
            state.listening.take()
        };
        listening.into_iter().for_each(Waker::wake);
    }
}

impl Drop for Inbox {
    fn drop(&mut self) {
        let left = {
            let mut state = self.0.state();
            state.gone = true;
            (std::mem::take(&mut state.people), std::mem::take(&mut state.places))
        };
        // Who waits for room has it now, and finds that nobody is there.
        drop(left);
    }
}

/// What one takes of a turn: an event each, and one for a message without any.
fn cost(message: &Message) -> u64 {
    if let Message::Input(Input::Published { events, .. } | Input::Reported { events, .. }) =
        message
    {
        (events.len() as u64).max(1)
    } else {
        1
    }
}

/// Waits for a place.
async fn room(of: &Arc<Semaphore>) -> OwnedSemaphorePermit {
    let room = Arc::clone(of).acquire_owned().await;
    room.expect("nobody closes it")
}
