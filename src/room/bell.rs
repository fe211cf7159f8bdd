//! How somebody who waits learns that there is something new. It carries nothing: who hears it
//! looks for himself.
//!
//! Today each connection has a bell of its own. A loop over many connections would have one for all
//! of them; nobody who rings can tell the difference.

use std::{
    sync::atomic::{AtomicBool, AtomicU64, Ordering},
    task::Waker,
};

use futures_util::task::AtomicWaker;

/// Rung by many, heard by one.
#[derive(Debug, Default)]
pub struct Bell {
    rung: AtomicBool,
    /// The last turn that rang it.
    turn: AtomicU64,
    waker: AtomicWaker,
}

impl Bell {
    /// Wakes whoever listens. Until it has heard, ringing again does nothing.
    pub fn ring(&self) {
        if !self.rung.swap(true, Ordering::AcqRel) {
            self.waker.wake();
        }
    }

    /// Rings once for each `turn` (from 1), however many rooms had something to tell in it.
    pub fn ring_for(&self, turn: u64) {
        if self.turn.swap(turn, Ordering::Relaxed) != turn {
            self.ring();
        }
    }

    /// From now on, `waker` is who listens. Whether it was rung since the last time. Look for news
    /// after this, not before.
    pub fn listen(&self, waker: &Waker) -> bool {
        self.waker.register(waker);
        self.rung.swap(false, Ordering::AcqRel)
    }
}
