//! What the shard has yet to be told. It is told at once where it has room; otherwise that waits, in
//! its order, while the viewer goes on seeing.

use std::{
    collections::VecDeque,
    fmt,
    pin::Pin,
    task::{Context, Poll},
};

use crate::shard::{Message, Shards};

/// Messages on their way to the shard.
pub(super) struct Errands {
    shards: Shards,
    waiting: VecDeque<Message>,
    /// The one that the shard has no room for yet.
    telling: Option<Telling>,
}

type Telling = Pin<Box<dyn Future<Output = bool> + Send>>;

impl Errands {
    pub(super) fn new(shards: Shards) -> Self {
        Self { shards, waiting: VecDeque::new(), telling: None }
    }

    /// Tells the shard as soon as it has room. Whoever calls this has to call [`Errands::run`] next.
    pub(super) fn tell(&mut self, message: Message) {
        if self.telling.is_some() {
            self.waiting.push_back(message);
            return;
        }
        // A shard that is not there any more has let go of this viewer, too.
        if let Err(Some(message)) = self.shards.try_tell(message) {
            self.waiting.push_back(message);
            self.telling = self.next();
        }
    }

    /// Whether the shard has yet to take something. Meanwhile, nothing more is to be said.
    pub(super) fn is_busy(&self) -> bool {
        self.telling.is_some()
    }

    /// Goes on. Whether it was busy, and no longer is.
    pub(super) fn run(&mut self, cx: &mut Context<'_>) -> bool {
        let busy = self.is_busy();
        while let Some(telling) = &mut self.telling {
            match telling.as_mut().poll(cx) {
                Poll::Pending => return false,
                Poll::Ready(_) => self.telling = self.next(),
            }
        }
        busy
    }

    fn next(&mut self) -> Option<Telling> {
        let Some(message) = self.waiting.pop_front() else {
            self.waiting = VecDeque::new();
            return None;
        };
        let shards = self.shards.clone();
        Some(Box::pin(async move { shards.tell(message).await }))
    }
}

impl fmt::Debug for Errands {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Errands").field("waiting", &self.waiting).finish_non_exhaustive()
    }
}
