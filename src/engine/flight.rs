//! What of one engine's batches is on its way: handed to the shard, and not yet answered to the
//! engine. It is what the window counts, and how a batch's answer finds the engine's own number.

use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};

use tokio::sync::Notify;

use super::service::Limits;

/// The batches of one stream that are on their way. Shared by its two directions.
///
/// The engine's `batch_ref` is its own affair and need not be unique, so the door numbers batches
/// itself and the core echoes that number.
#[derive(Debug, Default)]
pub(super) struct Flight {
    board: Mutex<Board>,
    landed: Notify,
}

#[derive(Debug, Default)]
struct Board {
    /// Invariant: the batches numbered `next - batches.len() .. next`; `None` for those answered
    /// out of turn.
    batches: VecDeque<Option<Batch>>,
    next: u64,
    load: Load,
}

/// One batch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Batch {
    /// As its engine numbered it.
    pub batch_ref: u64,
    pub load: Load,
}

/// What the window counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Load {
    pub events: u64,
    pub bytes: u64,
}

impl Load {
    pub(super) fn add(&mut self, other: Self) {
        self.events = self.events.saturating_add(other.events);
        self.bytes = self.bytes.saturating_add(other.bytes);
    }
}

impl Flight {
    /// Numbers a batch. `None`: with it there would be more than twice the window.
    pub(super) fn depart(&self, batch: Batch, limits: &Limits) -> Option<u64> {
        let mut board = self.board();
        let mut load = board.load;
        load.add(batch.load);
        let much = |load: u64, window: u64| window.saturating_mul(2) < load;
        if much(load.events, limits.window_events) || much(load.bytes, limits.window_bytes) {
            return None;
        }
        board.load = load;
        board.batches.push_back(Some(batch));
        board.next += 1;
        Some(board.next - 1)
    }

    /// The batch that an answer is about. It goes on counting until [`Flight::land`].
    pub(super) fn answered(&self, number: u64) -> Option<Batch> {
        let mut board = self.board();
        let first = board.next - board.batches.len() as u64;
        let place = usize::try_from(number.checked_sub(first)?).ok()?;
        let batch = board.batches.get_mut(place)?.take();
        while let Some(None) = board.batches.front() {
            board.batches.pop_front();
        }
        batch
    }

    /// Answers have been given to the transport.
    pub(super) fn land(&self, load: Load) {
        let mut board = self.board();
        board.load.events = board.load.events.saturating_sub(load.events);
        board.load.bytes = board.load.bytes.saturating_sub(load.bytes);
        if board.load.events == 0 {
            self.landed.notify_waiters();
        }
    }

    /// Waits until nothing is on its way. (A batch counts as one event at least.)
    pub(super) async fn all_landed(&self) {
        loop {
            let landed = self.landed.notified();
            if self.board().load.events == 0 {
                return;
            }
            landed.await;
        }
    }

    fn board(&self) -> MutexGuard<'_, Board> {
        // No invariant is broken halfway in any of the methods above.
        self.board.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
