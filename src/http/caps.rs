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
pub struct Caps {
    shared: Arc<Shared>,
    /// Whose addresses are those of proxies and not counted.
    proxied: bool,
}

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
        let (shut, taken) = (AtomicBool::new(false), Mutex::default());
        Self { shared: Arc::new(Shared { limits, shut, taken }), proxied: false }
    }

    /// The same, for a door before which proxies stand or not: there an address is counted only once it
    /// is known whose connection it is, by [`Seat::beside`].
    #[must_use]
    pub fn behind(self, proxies: bool) -> Self {
        Self { proxied: proxies, ..self }
    }

    /// From now on nobody gets a seat, or again as many do as may.
    pub fn shut(&self, shut: bool) {
        self.shared.shut.store(shut, Ordering::Relaxed);
    }

    /// Whether nobody gets one.
    pub fn is_shut(&self) -> bool {
        self.shared.shut.load(Ordering::Relaxed)
    }

    /// A seat for `peer`, unless it or all together have too many.
    pub fn sit(&self, peer: Peer) -> Option<Seat> {
        if self.is_shut() {
            return None;
        }
        self.take(peer.ip().filter(|_| !self.proxied), 1)
    }

    /// A seat that counts as so many of all, and for an address that is not this machine's.
    fn take(&self, address: Option<IpAddr>, of_all: usize) -> Option<Seat> {
        let counted = address.filter(|it| !it.is_loopback());
        let mut taken = self.taken();
        if self.shared.limits.of_all < taken.all + of_all {
            return None;
        }
        if let Some(address) = counted {
            let of_address = taken.by_address.entry(address).or_default();
            if *of_address >= self.shared.limits.of_address {
                return None;
            }
            *of_address += 1;
        }
        taken.all += of_all;
        Some(Seat { caps: self.clone(), counted, of_all })
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
        self.shared.taken.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// One connection's place. Dropped, it is free again.
#[derive(Debug)]
pub struct Seat {
    caps: Caps,
    counted: Option<IpAddr>,
    of_all: usize,
}

impl Seat {
    /// At a door before which proxies stand, a further seat for the client whose connection this has
    /// turned out to be, to be held along with it. It counts for its address alone; elsewhere, where that
    /// is counted already, for nothing.
    pub fn beside(&self, client: Option<IpAddr>) -> Option<Self> {
        self.caps.take(client.filter(|_| self.caps.proxied), 0)
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        let mut taken = self.caps.taken();
        taken.all -= self.of_all;
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
