//! What a simulation can replace: the clock, chance, and the network. Nothing else in the program
//! reads a clock, draws a random number, binds an address or connects to one.

mod chance;
mod clock;
mod net;
mod unix;

pub use chance::Chance;
pub use clock::Clock;
pub use net::{Address, Io, Listener, Machine, Network, Peer, Promise, Stream};
