//! What a token costs: when a viewer connects, and with each message that it is sent. The same relay
//! with tokens and without, in turns.

use std::time::Duration;

use footplate::auth::Alg;
use tokio::time::sleep;

use crate::Scope;
use crate::audience::Audience;
use crate::engine::Engine;
use crate::events;
use crate::machine::{self, Server};
use crate::report::{Spread, heading};
use crate::tokens::{ALGS, Mint};

/// Connections of a block.
const COMERS: usize = 100;
const BLOCKS: usize = 7;
/// Those who are sent messages, how many at once, and how many times in a block.
const VIEWERS: usize = 500;
const BURST: usize = 8;
const ROUNDS: usize = 30;
/// Of opaque JSON in an event.
const JSON: usize = 40;

/// How viewers come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Way {
    Plain,
    /// With a ticket of an earlier TLS session.
    Again,
    /// With a whole handshake.
    First,
}

/// A relay, and what its viewers show.
struct Guarded<'a> {
    server: &'a Server,
    shown: Option<(&'a Mint, Alg)>,
}

pub(crate) async fn measure(scope: Scope) -> anyhow::Result<()> {
    let mint = Mint::new()?;
    messages(&mint, scope).await?;
    heading(
        &format!("What a token costs as {COMERS} viewers connect, one after the other"),
        "processor time from the socket to the welcome, TLS and all; the same without tokens in turns",
    );
    println!("                  {:<24}{:<24}with : without", "without, µs", "with, µs");
    for way in [Way::First, Way::Again, Way::Plain] {
        let tls = way != Way::Plain;
        let mut open = Server::start("relay", tls)?;
        let mut guarded = Server::start_with("guarded", tls, Some(mint.folder.path()))?;
        if way == Way::First {
            for server in [&mut open, &mut guarded] {
                server.tls = server.tls.take().map(|it| it.forgetful());
            }
        }
        for alg in ALGS {
            let without = Guarded { server: &open, shown: None };
            let with = Guarded { server: &guarded, shown: Some((&mint, alg)) };
            let (mut costs, mut ratios) =
                ([Spread::default(), Spread::default()], Spread::default());
            for block in 0..=scope.much(BLOCKS) {
                if scope.is_over() {
                    break;
                }
                let (one, other) = (without.comes(COMERS).await?, with.comes(COMERS).await?);
                // The first is to warm up.
                if 0 < block {
                    costs[0].add(one);
                    costs[1].add(other);
                    ratios.add(other / one);
                }
            }
            if ratios.is_empty() {
                println!("  for more there was no time\n");
                return Ok(());
            }
            let name = match way {
                Way::Plain => "plain",
                Way::Again => "TLS again",
                Way::First => "TLS",
            };
            let alg = alg.name();
            println!("  {name:10}{alg:6}{:<24.0}{:<24.0}{ratios:.2}", costs[0], costs[1]);
        }
    }
    println!();
    Ok(())
}

async fn messages(mint: &Mint, scope: Scope) -> anyhow::Result<()> {
    let viewers = scope.much(VIEWERS).min(machine::descriptors()?.saturating_sub(100) / 2);
    heading(
        &format!("What it costs with each message, {viewers} viewers, bursts of {BURST}"),
        "processor time for each message and viewer",
    );
    for tls in [false, true] {
        let open = Server::start("relay", tls)?;
        let guarded = Server::start_with("guarded", tls, Some(mint.folder.path()))?;
        let mut shows = Vec::new();
        for it in [
            Guarded { server: &open, shown: None },
            Guarded { server: &guarded, shown: Some((mint, Alg::Es256)) },
        ] {
            let token = it.token(VIEWERS)?;
            let engine = Engine::attach_with(it.server.feed, "run-1", token.as_deref()).await?;
            shows.push((it.server, engine, it.gather(viewers, Some("run-1")).await?));
        }
        let (mut costs, mut ratios) = ([Spread::default(), Spread::default()], Spread::default());
        for block in 0..=scope.much(BLOCKS) {
            if scope.is_over() {
                break;
            }
            let mut took = [0.0; 2];
            for (at, (server, engine, audience)) in shows.iter_mut().enumerate() {
                took[at] = told(server, engine, audience).await?;
            }
            if 0 < block {
                (0..2).for_each(|at| costs[at].add(took[at]));
                ratios.add(took[1] / took[0]);
            }
        }
        if ratios.is_empty() {
            println!("  for more there was no time");
            break;
        }
        let name = if tls { "TLS" } else { "plain" };
        let [without, with] = costs;
        println!(
            "  {name:5} without {without:.0} ns, with {with:.0} ns; with : without {ratios:.3}"
        );
    }
    println!();
    Ok(())
}

/// A block of messages: nanoseconds for each message and viewer.
async fn told(server: &Server, engine: &mut Engine, audience: &Audience) -> anyhow::Result<f64> {
    let before = server.cpu()?;
    for _ in 0..ROUNDS {
        audience.expect(BURST);
        engine.publish((0..BURST).map(|n| events::log(n, JSON)).collect()).await?;
        audience.satisfied().await?;
    }
    sleep(Duration::from_millis(5)).await;
    let took = server.cpu()?.saturating_sub(before);
    Ok(took.as_nanos() as f64 / (BURST * ROUNDS) as f64 / audience.size as f64)
}

impl Guarded<'_> {
    fn token(&self, n: usize) -> anyhow::Result<Option<String>> {
        self.shown.map(|(mint, alg)| mint.token(alg, n)).transpose()
    }

    async fn gather(&self, size: usize, watch: Option<&str>) -> anyhow::Result<Audience> {
        // Made before, so that nothing is waited for.
        let mut tokens = Vec::new();
        for n in 0..size {
            tokens.push(self.token(n)?);
        }
        Audience::gather_with(self.server, size, watch, |n| tokens[n].clone()).await
    }

    /// Lets so many come: microseconds for each.
    async fn comes(&self, size: usize) -> anyhow::Result<f64> {
        let before = self.server.cpu()?;
        let audience = self.gather(size, None).await?;
        sleep(Duration::from_millis(5)).await;
        let took = self.server.cpu()?.saturating_sub(before);
        drop(audience);
        // That they go is not theirs who come next.
        sleep(Duration::from_millis(100)).await;
        Ok(took.as_nanos() as f64 / 1e3 / size as f64)
    }
}
