//! The engine of `footplate demo`: a made-up release train, told over real gRPC.
//!
//! It is a client of the relay like any other. It must never know anything of the relay's insides
//! but the generated code of the protocol, and its clock.

mod desk;
mod job;
mod lane;
mod link;
mod script;
mod train;

use tokio_util::sync::CancellationToken;

use crate::seams::Clock;
use desk::Desk;

/// The story's seconds between the end of one execution and the next.
const PAUSE: f64 = 20.0;
/// The story's seconds between a name that the relay does not give and the next attempt.
const NEXT_NAME: f64 = 0.1;

/// Where the demo goes, and how.
#[derive(Debug, Clone)]
pub struct Target {
    /// The engines' door, such as `http://127.0.0.1:8787`.
    pub uri: http::Uri,
    /// A bearer token, where the door asks for one.
    pub token: Option<String>,
    /// Dates the events, and gives the producer its epoch.
    pub clock: Clock,
    /// How many times faster than in real life the story runs: above 0, and 1 for people.
    pub speed: f64,
}

/// Runs executions `demo`, `demo-2` and so on, one after the other, until `stop`. Names that the
/// relay knows already are passed over.
///
/// # Errors
/// When the relay sends the engine away for good, such as for another that took its place.
pub async fn run(target: Target, stop: CancellationToken) -> anyhow::Result<()> {
    let desk = Desk::new(target.clock.clone(), target.speed);
    tokio::select! {
        ended = link::run(&target, &desk, &stop) => ended,
        never = executions(&desk) => match never {},
    }
}

async fn executions(desk: &Desk) -> std::convert::Infallible {
    for number in 1_u64.. {
        let name = if number == 1 { "demo".to_owned() } else { format!("demo-{number}") };
        if desk.open(&name).await {
            script::run(desk, &name).await;
            desk.pass(PAUSE).await;
        } else {
            desk.pass(NEXT_NAME).await;
        }
    }
    unreachable!("there are more numbers than seconds")
}
