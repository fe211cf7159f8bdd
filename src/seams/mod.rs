//! What a simulation can replace: the clock, chance, the network and the store's disk. Nothing else in
//! the program reads a clock, draws a random number, binds an address or connects to one, or keeps
//! anything on a disk.

mod chance;
mod clock;
mod disk;
mod net;
mod unix;

pub use chance::Chance;
pub use clock::Clock;
pub use disk::{Disk, Drive, Fill, Space};
pub use net::{Address, Io, Listener, Machine, Network, Peer, Promise, Stream};

use std::sync::Arc;

/// All of them.
#[derive(Debug, Clone)]
pub struct Seams {
    /// Tells the time.
    pub clock: Clock,
    /// Draws numbers.
    pub chance: Chance,
    /// Binds and connects.
    pub network: Arc<dyn Network>,
    /// Keeps the store.
    pub disk: Arc<dyn Disk>,
}

impl Seams {
    /// Those of this machine.
    pub fn machine() -> Self {
        let (clock, chance) = (Clock::system(), Chance::system());
        Self { clock, chance, network: Machine::network(), disk: Drive::disk() }
    }
}
