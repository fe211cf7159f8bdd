//! What a simulation can replace: the clock, chance, and the network. Nothing else in the program
//! reads a clock, draws a random number, binds an address or connects to one.

mod chance;
mod clock;
mod net;
mod unix;

pub use chance::Chance;
pub use clock::Clock;
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
}

impl Seams {
    /// Those of this machine.
    pub fn machine() -> Self {
        Self { clock: Clock::system(), chance: Chance::system(), network: Machine::network() }
    }
}
