//! What is done to whom, while it is done: the relay, the engines and their lines.
//!
//! It must never look at what comes of it: that is the checker's affair.

use std::time::Duration;

use anyhow::{Context, bail};
use tokio::time::{Instant, sleep};

use crate::chance::Chance;
use crate::history::{Entry, Op, Phase};
use crate::processes::{Engine, Relay};
use crate::proxy::Proxy;
use crate::supervisor::Run;

impl Run<'_> {
    /// Waits between two faults; false when there are to be no more.
    async fn pause(&self, chance: &mut Chance, (least, most): (u64, u64)) -> bool {
        tokio::select! {
            () = sleep(chance.millis(least..most)) => !self.over.is_cancelled(),
            () = self.over.cancelled() => false,
        }
    }

    fn note(&self, what: &str) {
        self.book.add(Entry {
            op: Op::Fault,
            phase: Phase::Ok,
            reason: what.to_owned(),
            ..Entry::default()
        });
    }

    /// Kills, ends and stops the relay, until it is enough.
    pub(crate) async fn torture_relay(&self, relay: &mut Relay) -> anyhow::Result<()> {
        let Some(between) = self.scenario.relay else {
            self.over.cancelled().await;
            return Ok(());
        };
        let mut chance = Chance::of(self.seed, "relay");
        while self.pause(&mut chance, between).await {
            let roll = chance.share();
            if roll < self.scenario.relay_hangs {
                self.note("the relay is stopped");
                self.faults().relay_hangs += 1;
                relay.hang(chance.millis(100..4_000)).await?;
                continue;
            }
            if roll < self.scenario.relay_hangs + self.scenario.relay_ends {
                self.note("the relay is ended");
                self.faults().relay_ends += 1;
                let (took, status) = relay.terminate().await?;
                self.faults().ended.push(took);
                if !status.success() {
                    bail!("the relay ends with {status}: see relay.log");
                }
            } else {
                self.note("the relay is killed");
                self.faults().relay_kills += 1;
                relay.kill()?;
            }
            let ready = relay.start().await.context("see relay.log")?;
            self.faults().ready.push(ready);
        }
        Ok(())
    }

    /// The same with the engines; who has died is started again.
    pub(crate) async fn torture_engines(&self, engines: &mut [Engine]) -> anyhow::Result<()> {
        let mut chance = Chance::of(self.seed, "engines");
        let mut next = Instant::now();
        loop {
            tokio::select! {
                () = sleep(Duration::from_millis(50)) => {}
                () = self.over.cancelled() => return Ok(()),
            }
            for engine in &mut *engines {
                if let Some(status) = engine.ended()? {
                    // It kills itself where the scenario says so; anything else is a fault of its own.
                    if self.scenario.dies_after_effect == 0.0 {
                        bail!("{} has ended by itself, with {status}: see {0}.log", engine.name);
                    }
                    self.faults().engines_died += 1;
                    engine.start()?;
                }
            }
            let Some((least, most)) = self.scenario.engines else { continue };
            if Instant::now() < next {
                continue;
            }
            next = Instant::now() + chance.millis(least..most);
            let at = usize::try_from(chance.within(0..engines.len() as u64)).unwrap_or(0);
            let engine = &mut engines[at];
            let roll = chance.share();
            if roll < self.scenario.engine_hangs {
                self.note(&format!("{} is stopped", engine.name));
                self.faults().engine_hangs += 1;
                engine.hang(chance.millis(100..3_000)).await?;
            } else if roll < self.scenario.engine_hangs + self.scenario.usurped {
                self.note(&format!("{} is usurped", engine.name));
                self.faults().engines_usurped += 1;
                engine.usurp(chance.millis(500..3_000)).await?;
            } else {
                self.note(&format!("{} is killed", engine.name));
                self.faults().engine_kills += 1;
                engine.kill();
                engine.start()?;
            }
        }
    }

    /// Cuts the engines off for a while.
    pub(crate) async fn torture_lines(&self, way: &Proxy) -> anyhow::Result<()> {
        let Some(between) = self.scenario.partitions else {
            self.over.cancelled().await;
            return Ok(());
        };
        let mut chance = Chance::of(self.seed, "lines");
        while self.pause(&mut chance, between).await {
            self.note("engines are cut off");
            self.faults().partitions += 1;
            let time = chance.millis(1_000..20_000);
            way.part(true);
            sleep(time).await;
            way.part(false);
        }
        Ok(())
    }
}
