//! What a simulation can replace: the clock, chance, and the network. Nothing else in the program
//! reads a clock, draws a random number, binds an address or connects to one.

mod clock;

pub use clock::Clock;
