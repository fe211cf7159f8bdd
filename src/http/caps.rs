//! How many connections there may be: of each address, and of all together. A connection holds its
//! [`Seat`] for as long as it is open, also after it has become a WebSocket.

use std::{
    collections::HashMap,
    net::IpAddr,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
};

use crate::seams::Peer;

/// The numbers.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// Connections that have not authenticated, of one address. This machine is exempt.
    pub of_address: usize,
    /// Connections of both doors together.
    pub of_all: usize,
}

/// Descriptors that connections leave: for the ports, the store and its repair, the audit log,
/// certificates, and operators ([`Limits::of_operators`]).
const LEFT: u64 = 48;

impl Limits {
    /// As many as there are descriptors for. `None`: nobody can tell how many that is.
    #[must_use]
    pub fn with_descriptors(self, all: Option<u64>) -> Self {
        let room = all.map(|all| all.saturating_sub(LEFT).max(all / 4));
        let room = room.map_or(usize::MAX, |it| usize::try_from(it).unwrap_or(usize::MAX));
        Self { of_all: self.of_all.min(room), ..self }
    }

    /// For the operators' door, which crowds at the others leave alone, and which leaves them alone.
    pub fn of_operators() -> Self {
        Self { of_all: 16, ..Self::default() }
    }
}

impl Default for Limits {
    fn default() -> Self {
        Self { of_address: 20, of_all: 10_000 }
    }
}

/// The connections that there are.
#[derive(Debug, Clone)]
pub struct Caps(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    limits: Limits,
    /// There is no memory for any more.
    shut: AtomicBool,
    taken: Mutex<Taken>,
}

#[derive(Debug, Default)]
struct Taken {
    all: usize,
    /// Only addresses that have one.
    by_address: HashMap<IpAddr, usize>,
}

impl Caps {
    /// None taken yet.
    pub fn new(limits: Limits) -> Self {
        Self(Arc::new(Shared { limits, shut: AtomicBool::new(false), taken: Mutex::default() }))
    }

    /// From now on nobody gets a seat, or again as many do as may.
    pub fn shut(&self, shut: bool) {
        self.0.shut.store(shut, Ordering::Relaxed);
    }

    /// Whether nobody gets one.
    pub fn is_shut(&self) -> bool {
        self.0.shut.load(Ordering::Relaxed)
    }

    /// A seat for `peer`, unless it or all together have too many.
    pub fn sit(&self, peer: Peer) -> Option<Seat> {
        if self.is_shut() {
            return None;
        }
        let counted = peer.ip().filter(|_| !peer.is_local());
        let mut taken = self.taken();
        if taken.all >= self.0.limits.of_all {
            return None;
        }
        if let Some(address) = counted {
            let of_address = taken.by_address.entry(address).or_default();
            if *of_address >= self.0.limits.of_address {
                return None;
            }
            *of_address += 1;
        }
        taken.all += 1;
        Some(Seat { caps: self.clone(), counted })
    }

    /// How many are taken.
    pub fn len(&self) -> usize {
        self.taken().all
    }

    /// Whether none is.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The numbers are whole after each statement, so a panic elsewhere spoils nothing.
    fn taken(&self) -> std::sync::MutexGuard<'_, Taken> {
        self.0.taken.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// One connection's place. Dropped, it is free again.
#[derive(Debug)]
pub struct Seat {
    caps: Caps,
    counted: Option<IpAddr>,
}

impl Drop for Seat {
    fn drop(&mut self) {
        let mut taken = self.caps.taken();
        taken.all -= 1;
        if let Some(address) = self.counted
            && let Some(count) = taken.by_address.get_mut(&address)
        {
            *count -= 1;
            if *count == 0 {
                taken.by_address.remove(&address);
            }
        }
    }
}
