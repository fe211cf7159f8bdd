//! How much memory rendered states take: on tapes, and in the hands of viewers that are slow to
//! take one. It is the only thing that a slow viewer shares with nobody but others as slow.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use bytes::Bytes;

/// Counts the bytes of all states that anybody still holds, against a limit.
#[derive(Debug, Clone)]
pub struct Gauge {
    held: Arc<AtomicUsize>,
    limit: usize,
}

struct Measured {
    bytes: Vec<u8>,
    held: Arc<AtomicUsize>,
}

impl Gauge {
    /// With nothing yet. `limit` in bytes.
    pub fn new(limit: usize) -> Self {
        Self { held: Arc::default(), limit }
    }

    /// Counts `bytes` for as long as anybody holds them. `None`: there are too many already. One
    /// state alone may be larger than the limit, or nobody would ever see it.
    pub fn measure(&self, mut bytes: Vec<u8>) -> Option<Bytes> {
        bytes.shrink_to_fit();
        let held = self.held.load(Ordering::Relaxed);
        if 0 < held && self.limit < held.saturating_add(bytes.len()) {
            return None;
        }
        self.held.fetch_add(bytes.len(), Ordering::Relaxed);
        Some(Bytes::from_owner(Measured { bytes, held: self.held.clone() }))
    }

    /// Bytes for which there is room.
    pub fn free(&self) -> usize {
        self.limit.saturating_sub(self.held())
    }

    /// Bytes that somebody holds.
    pub fn held(&self) -> usize {
        self.held.load(Ordering::Relaxed)
    }
}

impl AsRef<[u8]> for Measured {
    fn as_ref(&self) -> &[u8] {
        &self.bytes
    }
}

impl Drop for Measured {
    fn drop(&mut self) {
        self.held.fetch_sub(self.bytes.len(), Ordering::Relaxed);
    }
}
