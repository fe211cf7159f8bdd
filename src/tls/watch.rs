//! Who looks after a door's certificate while the door is open: new contents of its files are
//! served, broken ones are refused and told once. It never takes a working certificate away, and
//! never says "reloaded" unless handshakes are given the new one.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch::Receiver;
use tokio::task::spawn_blocking;
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};

use super::files::Print;
use super::served::Shown;
use super::{Certificate, Fault, Files};
use crate::seams::Clock;
use crate::telemetry::Metrics;

/// How often the files are looked at.
#[derive(Debug, Clone, Copy)]
pub struct Options {
    /// Between two looks.
    pub every: Duration,
    /// From a look that found something new to the one that has to find the same before it
    /// counts: the two files are written one after the other.
    pub settle: Duration,
}

impl Default for Options {
    fn default() -> Self {
        Self { every: Duration::from_secs(10), settle: Duration::from_secs(1) }
    }
}

/// What a look has found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Look {
    /// What is served.
    Same,
    /// Something new, which may not be complete yet: it counts once it is found again.
    Settling,
    /// A new certificate, which is served from now on.
    Reloaded,
    /// What can't be served. The old certificate is.
    Refused,
    /// What has been refused before.
    RefusedStill,
}

/// Looks after the files of one door's certificate.
#[derive(Debug)]
pub struct Watch {
    door: &'static str,
    files: Files,
    /// What is served.
    print: Print,
    /// What the last look has found, if it is not served.
    settling: Option<Print>,
    refused: Option<Print>,
    shown: Arc<Shown>,
    /// Whether somebody was told that the time of what is served is not now.
    told_untimely: bool,
    clock: Clock,
    metrics: Arc<Metrics>,
}

impl Watch {
    pub(super) fn new(
        door: &'static str,
        files: Files,
        print: Print,
        shown: Arc<Shown>,
        clock: Clock,
        metrics: Arc<Metrics>,
    ) -> Self {
        let (settling, refused, told_untimely) = (None, None, false);
        let mut it =
            Self { door, files, print, settling, refused, shown, told_untimely, clock, metrics };
        it.look_at_the_calendar();
        it
    }

    /// Looks now and then, and at once when `asked` changes, until `stop`.
    pub async fn run(mut self, options: Options, mut asked: Receiver<()>, stop: CancellationToken) {
        let mut pause = options.every;
        loop {
            let asked = tokio::select! {
                biased;
                () = stop.cancelled() => return,
                // Nobody can ask any more: the relay is gone.
                asked = asked.changed() => if asked.is_ok() { true } else { return },
                () = sleep(pause) => false,
            };
            // A file system that hangs doesn't hold up the end.
            let look = tokio::select! {
                biased;
                () = stop.cancelled() => return,
                look = self.look(asked) => look,
            };
            pause = if look == Look::Settling { options.settle } else { options.every };
        }
    }

    /// Looks once. `asked`: somebody says that the files are complete, and wants to hear what
    /// comes of it; what is found counts at once.
    pub async fn look(&mut self, asked: bool) -> Look {
        let files = self.files.clone();
        let read = spawn_blocking(move || {
            let contents = files.read_again();
            (contents.print(), contents)
        });
        // It fails when the runtime ends, and then nobody needs a certificate any more.
        let Ok((print, contents)) = read.await else { return Look::Same };
        self.look_at_the_calendar();
        let settled = self.settling.replace(print) == Some(print);
        if print == self.print {
            self.settling = None;
            let back = self.refused.take().is_some();
            if back || asked {
                info!(door = self.door, "the certificate in the files is the one that is served");
            }
            return Look::Same;
        }
        if self.refused == Some(print) && !asked {
            return Look::RefusedStill;
        }
        if !settled && !asked {
            return Look::Settling;
        }
        self.settling = None;
        match contents.certificate(&self.files) {
            Ok(certificate) => self.reloaded(certificate, print),
            Err(fault) => self.refused(&fault, print),
        }
    }

    fn reloaded(&mut self, certificate: Certificate, print: Print) -> Look {
        let facts = certificate.facts().clone();
        self.shown.show(certificate);
        self.print = print;
        (self.refused, self.told_untimely) = (None, false);
        self.metrics.certificate_reloads.of("reloaded").inc();
        let news = "certificate reloaded; new connections are given it";
        facts.tell(self.door, &self.metrics, news);
        self.look_at_the_calendar();
        Look::Reloaded
    }

    fn refused(&mut self, fault: &Fault, print: Print) -> Look {
        self.refused = Some(print);
        self.metrics.certificate_reloads.of("refused").inc();
        let expires = self.shown.now().facts().expires;
        warn!(
            door = self.door, %expires,
            "the new certificate can't be served, and the old one still is: {fault}"
        );
        Look::Refused
    }

    /// Tells once that clients refuse what is served.
    fn look_at_the_calendar(&mut self) {
        let now = self.shown.now();
        let Some(untimely) = now.facts().untimely(self.clock.now().time) else { return };
        if !std::mem::replace(&mut self.told_untimely, true) {
            warn!(
                door = self.door,
                serial = now.facts().serial,
                expires = %now.facts().expires,
                "clients will refuse the certificate: {untimely}; put a new one in its files, \
                 which needs no restart"
            );
        }
    }
}
