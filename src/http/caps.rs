//! How many connections there may be: of each address, of those who have yet to show who they are, and of
//! all together. A connection holds its [`Seat`] for as long as it is open, also after it has become a
//! WebSocket.

use std::{
    collections::HashMap,
    net::IpAddr,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
};

use crate::seams::Peer;
use crate::viewer::crowd::Share;

/// The numbers.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// Connections that have not authenticated, of one address. This machine is exempt.
    pub of_address: usize,
    /// Those of all addresses, this machine included, at a door at which everybody has to.
    pub of_strangers: usize,
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
        Self { of_address: 20, of_strangers: 1_000, of_all: 10_000 }
    }
}

/// Why there is no seat.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Full {
    /// There is no memory for anybody.
    Memory,
    /// All together have as many as there may be.
    All,
    /// Those who have yet to show who they are have.
    Strangers,
    /// The address has.
    Address,
}

impl Full {
    /// A word for it, as a metric's label.
    pub fn word(self) -> &'static str {
        match self {
            Self::Memory => "memory",
            Self::All | Self::Address => "cap",
            Self::Strangers => "strangers",
        }
    }
}

/// The connections that there are.
#[derive(Debug, Clone)]
pub struct Caps {
    shared: Arc<Shared>,
    /// Whose addresses are those of proxies and not counted.
    proxied: bool,
    /// Whose connections are strangers' at first.
    asks: bool,
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
    strangers: usize,
    /// Only addresses that have one.
    by_address: HashMap<IpAddr, usize>,
}

impl Caps {
    /// None taken yet.
    pub fn new(limits: Limits) -> Self {
        let (shut, taken) = (AtomicBool::new(false), Mutex::default());
        let shared = Arc::new(Shared { limits, shut, taken });
        Self { shared, proxied: false, asks: false }
    }

    /// The same, for a door before which proxies stand or not: there an address is counted only once it
    /// is known whose connection it is, by [`Seat::beside`].
    #[must_use]
    pub fn behind(self, proxies: bool) -> Self {
        Self { proxied: proxies, ..self }
    }

    /// The same, for a door at which everybody has to show who they are, or not: until they have they
    /// are strangers, of whom there may be only so many.
    #[must_use]
    pub fn asking(self, asks: bool) -> Self {
        Self { asks, ..self }
    }

    /// From now on nobody gets a seat, or again as many do as may.
    pub fn shut(&self, shut: bool) {
        self.shared.shut.store(shut, Ordering::Relaxed);
    }

    /// Whether nobody gets one.
    pub fn is_shut(&self) -> bool {
        self.shared.shut.load(Ordering::Relaxed)
    }

    /// A seat for `peer`.
    ///
    /// # Errors
    /// Of whom there are too many.
    pub fn sit(&self, peer: Peer) -> Result<Seat, Full> {
        if self.is_shut() {
            return Err(Full::Memory);
        }
        let address = peer.ip().filter(|_| !self.proxied);
        self.take(address, 1, self.asks)
    }

    /// A seat that counts as so many of all, for an address that is not this machine's, and as a
    /// stranger's or not.
    fn take(&self, address: Option<IpAddr>, of_all: usize, stranger: bool) -> Result<Seat, Full> {
        let address = address.filter(|it| !it.is_loopback());
        let (limits, mut taken) = (&self.shared.limits, self.taken());
        if limits.of_all < taken.all + of_all {
            return Err(Full::All);
        }
        if stranger && limits.of_strangers <= taken.strangers {
            return Err(Full::Strangers);
        }
        if let Some(address) = address {
            let of_address = taken.by_address.entry(address).or_default();
            if limits.of_address <= *of_address {
                return Err(Full::Address);
            }
            *of_address += 1;
        }
        taken.all += of_all;
        taken.strangers += usize::from(stranger);
        let unknown = Mutex::new(Unknown { address, stranger });
        Ok(Seat { caps: self.clone(), of_all, unknown, share: Mutex::default() })
    }

    /// How many are taken.
    pub fn len(&self) -> usize {
        self.taken().all
    }

    /// Whether none is.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// How many of them are strangers'.
    pub fn strangers(&self) -> usize {
        self.taken().strangers
    }

    fn taken(&self) -> MutexGuard<'_, Taken> {
        held(&self.shared.taken)
    }
}

/// What is behind these locks is whole after each statement, so a panic elsewhere spoils nothing.
fn held<T>(lock: &Mutex<T>) -> MutexGuard<'_, T> {
    lock.lock().unwrap_or_else(PoisonError::into_inner)
}

/// One connection's place. Dropped, it is free again.
#[derive(Debug)]
pub struct Seat {
    caps: Caps,
    of_all: usize,
    unknown: Mutex<Unknown>,
    share: Mutex<Option<Arc<Share>>>,
}

/// As what it is counted for as long as nobody knows who holds it.
#[derive(Debug, Default)]
struct Unknown {
    address: Option<IpAddr>,
    stranger: bool,
}

impl Seat {
    /// At a door before which proxies stand, a further seat for the client whose connection this has
    /// turned out to be, to be held along with it. It counts for its address alone; elsewhere, where that
    /// is counted already, for nothing.
    ///
    /// # Errors
    /// The address has too many.
    pub fn beside(&self, client: Option<IpAddr>) -> Result<Self, Full> {
        self.caps.take(client.filter(|_| self.caps.proxied), 0, false)
    }

    /// Who holds it has shown who they are: it counts no longer for an address, nor among the strangers,
    /// but where it is theirs alone, for them.
    pub fn known(&self, share: &Arc<Share>) {
        self.leave_strangers();
        if !self.caps.proxied {
            // What it counted for before is let go of without a lock held.
            let before = held(&self.share).replace(Arc::clone(share));
            drop(before);
        }
    }

    /// The share of whoever is known to hold it.
    pub fn share(&self) -> Option<Arc<Share>> {
        held(&self.share).clone()
    }

    /// Whether it is counted among the strangers'.
    pub fn is_strangers(&self) -> bool {
        held(&self.unknown).stranger
    }

    /// It counts no longer as that of somebody whom nobody knows.
    pub fn leave_strangers(&self) {
        let Unknown { address, stranger } = std::mem::take(&mut *held(&self.unknown));
        let mut taken = self.caps.taken();
        taken.strangers -= usize::from(stranger);
        if let Some(address) = address
            && let Some(count) = taken.by_address.get_mut(&address)
        {
            *count -= 1;
            if *count == 0 {
                taken.by_address.remove(&address);
            }
        }
    }

    /// It has come to be that of somebody whom nobody knows: a proxy's connection may be anybody's.
    ///
    /// # Errors
    /// There are too many strangers.
    pub fn join_strangers(&self) -> Result<(), Full> {
        let mut unknown = held(&self.unknown);
        if unknown.stranger || !self.caps.asks || held(&self.share).is_some() {
            return Ok(());
        }
        let mut taken = self.caps.taken();
        if self.caps.shared.limits.of_strangers <= taken.strangers {
            return Err(Full::Strangers);
        }
        taken.strangers += 1;
        unknown.stranger = true;
        Ok(())
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        self.leave_strangers();
        self.caps.taken().all -= self.of_all;
    }
}
