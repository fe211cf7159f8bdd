//! What the shard tells one viewer alone, in order: answers, and the places that it is given.
//!
//! It rings the viewer's bell. It allocates nothing until there is something in it, because most
//! viewers only watch. Whoever lets it overflow is let go of.

use std::{
    collections::VecDeque,
    future::poll_fn,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    task::{Poll, Waker},
};

use super::Cursor;
use crate::core::Answer;
use crate::dialect::Group;
use crate::model::{ExecutionId, Seq, Text};
use crate::room::{Bell, Still};

/// What a viewer can watch.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Topic {
    /// An execution, by the name that the viewer has for it: its own, or an alias.
    Execution(Text),
    /// The directory of executions.
    Directory,
}

/// One thing that a viewer alone is told.
#[derive(Debug)]
pub enum Letter {
    /// An answer to what it did.
    Answer(Box<Answer>),
    /// What came of its wish to watch something.
    Seat(Box<Seat>),
    /// Logs of a group that it follows.
    Found(Group, Vec<ExecutionId>),
    /// What it had asked for of a log beyond its tape.
    Past(Box<Past>),
    /// There is no room for it now; it should come back later.
    Overloaded,
    /// What it was let in with counts no longer.
    Revoked,
}

/// A piece of a log that lies beyond the tape.
#[derive(Debug)]
pub struct Past {
    /// What it watches.
    pub topic: Topic,
    /// As it came with the wish to watch that.
    pub ticket: u32,
    /// The record that it follows on.
    pub behind: Seq,
    /// Records up to the one that this names. `None`: they are not to be had.
    pub piece: Option<Still>,
}

/// What came of a wish to watch.
#[derive(Debug)]
pub struct Seat {
    /// What it wished to watch.
    pub topic: Topic,
    /// As it came with the wish: what belongs to an older one is no longer of interest.
    pub ticket: u32,
    /// To be said before anything is shown. `None`: there is nothing to be said, or (without a
    /// cursor) the name is none that an execution could have.
    pub answer: Option<Answer>,
    /// From where it goes on. `None`: nobody knows the execution (yet).
    pub cursor: Option<Cursor>,
}

#[derive(Debug)]
struct Inner {
    letters: Mutex<Letters>,
    bell: Arc<Bell>,
    limit: usize,
}

#[derive(Debug, Default)]
struct Letters {
    waiting: VecDeque<Letter>,
    closed: bool,
}

/// The shard's end. When it is dropped, the viewer knows that it has been let go of.
#[derive(Debug)]
pub struct Post(Arc<Inner>);

/// The viewer's end. When it is dropped, the shard knows that the viewer has gone.
#[derive(Debug)]
pub struct Mailbox(Arc<Inner>);

/// A mailbox for at most `limit` letters, and its bell.
pub fn mailbox(limit: usize) -> (Post, Mailbox) {
    mailbox_with(limit, Arc::default())
}

/// As [`mailbox`], with a bell that is there already.
pub fn mailbox_with(limit: usize, bell: Arc<Bell>) -> (Post, Mailbox) {
    let inner = Arc::new(Inner { letters: Mutex::default(), bell, limit });
    (Post(inner.clone()), Mailbox(inner))
}

impl Post {
    /// Puts a letter in. `false`: it is full, or nobody will ever take it out.
    pub fn send(&self, letter: Letter) -> bool {
        let mut letters = self.0.lock();
        let fits = !letters.closed && letters.waiting.len() < self.0.limit;
        if fits {
            letters.waiting.push_back(letter);
        }
        drop(letters);
        self.0.bell.ring();
        fits
    }

    /// Whether the viewer is still there.
    pub fn is_open(&self) -> bool {
        !self.0.lock().closed
    }

    /// What wakes the viewer.
    pub fn bell(&self) -> &Arc<Bell> {
        &self.0.bell
    }
}

impl Mailbox {
    /// The next letter. `None`: there is none now. `Err`: there will never be one again.
    pub fn take(&mut self) -> Result<Option<Letter>, LetGo> {
        let mut letters = self.0.lock();
        match letters.waiting.pop_front() {
            Some(letter) => Ok(Some(letter)),
            None if letters.closed => Err(LetGo),
            None => {
                letters.waiting = VecDeque::new();
                Ok(None)
            }
        }
    }

    /// From now on, `waker` is woken for letters and for whatever else rings the bell.
    pub fn listen(&self, waker: &Waker) {
        self.0.bell.listen(waker);
    }

    /// Waits for the next answer, for whoever watches nothing. `None`: there will be none.
    pub async fn answer(&mut self) -> Option<Answer> {
        poll_fn(|cx| {
            self.listen(cx.waker());
            loop {
                match self.take() {
                    Ok(Some(Letter::Answer(answer))) => return Poll::Ready(Some(*answer)),
                    Ok(Some(
                        Letter::Seat(_)
                        | Letter::Found(..)
                        | Letter::Past(_)
                        | Letter::Overloaded
                        | Letter::Revoked,
                    )) => (),
                    Ok(None) => return Poll::Pending,
                    Err(LetGo) => return Poll::Ready(None),
                }
            }
        })
        .await
    }
}

/// The shard has let go of this viewer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LetGo;

impl Inner {
    fn lock(&self) -> MutexGuard<'_, Letters> {
        self.letters.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Post {
    fn drop(&mut self) {
        self.0.lock().closed = true;
        self.0.bell.ring();
    }
}

impl Drop for Mailbox {
    fn drop(&mut self) {
        let mut letters = self.0.lock();
        letters.closed = true;
        letters.waiting.clear();
    }
}
