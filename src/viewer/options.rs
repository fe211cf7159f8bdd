//! The numbers that bound what viewers can ask for and cost.

use std::time::Duration;

use super::Rate;
use crate::dialect::Manners;
use crate::room::Keep;

/// Bounds, with the defaults of the contract.
#[derive(Debug, Clone)]
pub struct Options {
    /// A connection is asked whether it is there this often.
    pub ping_every: Duration,
    /// It is dropped if nothing has come from it this long after it was asked.
    pub ping_patience: Duration,
    /// It is dropped if it has taken nothing for this long although there was something to take.
    pub stall: Duration,
    /// How long a goodbye may take.
    pub farewell: Duration,
    /// Things that one connection may watch at once.
    pub subscriptions: usize,
    /// Answers that may wait for one connection.
    pub letters: usize,
    /// Bytes of a message that a viewer may send.
    pub max_message: usize,
    /// How often viewers of our own protocol may do something.
    pub native: Rates,
    /// How often those of the others may,
    pub seed: Rates,
    /// and those of nebula, all of one client together.
    pub nebula: Rates,
    /// So many refusals in a row end a connection.
    pub refusals: u32,
    /// What each tape keeps.
    pub keep: Keep,
    /// Bytes of rendered states that viewers and tapes may hold together.
    pub stills: usize,
    /// Who has everything is told so this long after the last record,
    pub beat_after: Duration,
    /// and then this often.
    pub beat_every: Duration,
    /// The directory says of each execution how it stands at most this often.
    pub summary_every: Duration,
    /// Viewers that may wait for executions that nobody has spoken of yet.
    pub waiting: usize,
}

/// How often a viewer may do something.
#[derive(Debug, Clone, Copy)]
pub struct Rates {
    /// Say anything.
    pub messages: Rate,
    /// Ask whether somebody is there, in either way.
    pub pings: Rate,
    /// Decide.
    pub decisions: Rate,
    /// Begin to watch something.
    pub subscribes: Rate,
}

impl Options {
    /// The limits for a dialect's viewers.
    pub fn rates(&self, manners: Manners) -> &Rates {
        match manners {
            Manners::Native => &self.native,
            Manners::Windags | Manners::Executions | Manners::Stage5 => &self.seed,
            Manners::Nebula => &self.nebula,
        }
    }
}

impl Default for Options {
    fn default() -> Self {
        let (minutely, rarely) = (Rate::per_minute(600), Rate::per_minute(100));
        Self {
            ping_every: Duration::from_secs(20),
            ping_patience: Duration::from_secs(12),
            stall: Duration::from_secs(30),
            farewell: Duration::from_secs(2),
            subscriptions: 128,
            letters: 64,
            max_message: 1 << 20,
            native: Rates {
                messages: Rate::per_second(50, 100),
                pings: Rate::per_second(10, 10),
                decisions: Rate::per_second(5, 5),
                subscribes: Rate::per_second(20, 20),
            },
            seed: Rates {
                messages: minutely,
                pings: minutely,
                decisions: minutely,
                subscribes: minutely,
            },
            nebula: Rates {
                messages: rarely,
                pings: rarely,
                decisions: rarely,
                subscribes: rarely,
            },
            refusals: 100,
            keep: Keep::default(),
            stills: 256 << 20,
            beat_after: Duration::from_secs(1),
            beat_every: Duration::from_secs(25),
            summary_every: Duration::from_millis(500),
            waiting: 10_000,
        }
    }
}
