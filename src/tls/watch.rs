//! Who looks after files while a door is open: what is new in them is taken into use, what is broken is
//! refused and told once. It never takes away what works, and never says "reloaded" of what is not used.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch::Receiver;
use tokio::task::spawn_blocking;
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;

use super::Fault;
use super::files::{Contents, Print};
use crate::model::Timestamp;
use crate::seams::Clock;
use crate::telemetry::Metrics;

/// How often the files are looked at.
#[derive(Debug, Clone, Copy)]
pub struct Options {
    /// Between two looks.
    pub every: Duration,
    /// From a look that found something new to the one that has to find the same before it
    /// counts: files that belong together are written one after the other.
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
    /// What is in use.
    Same,
    /// Something new, which may not be complete yet: it counts once it is found again.
    Settling,
    /// Something new, which is in use from now on.
    Reloaded,
    /// What can't be used. What was there before is.
    Refused,
    /// What has been refused before.
    RefusedStill,
}

/// What stands in files, and is in use.
pub(super) trait Kept: fmt::Debug + Send {
    /// How its files are read again. That blocks.
    fn reader(&self) -> Box<dyn FnOnce() -> Contents + Send>;

    /// Takes new contents into use, and says so.
    ///
    /// # Errors
    /// They can't be used, and nothing has changed.
    fn take(&mut self, contents: Contents) -> Result<(), Fault>;

    /// Says that new contents can't be used.
    fn refuse(&self, fault: &Fault);

    /// Says that nothing has changed, to somebody who has asked, or who was told otherwise before.
    fn affirm(&self);

    /// Tells once what time has made of what is in use.
    fn look_at_the_calendar(&mut self, now: Timestamp);
}

/// Looks after the files of a door's certificate, or of those who vouch for others.
#[derive(Debug)]
pub struct Watch {
    kept: Box<dyn Kept>,
    /// What is in use.
    print: Print,
    /// What the last look has found, if it is not in use.
    settling: Option<Print>,
    refused: Option<Print>,
    clock: Clock,
    metrics: Arc<Metrics>,
}

impl Watch {
    pub(super) fn new(
        kept: impl Kept + 'static,
        print: Print,
        clock: Clock,
        metrics: Arc<Metrics>,
    ) -> Self {
        let kept = Box::new(kept);
        let mut it = Self { kept, print, settling: None, refused: None, clock, metrics };
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
        let reader = self.kept.reader();
        let read = spawn_blocking(move || {
            let contents = reader();
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
                self.kept.affirm();
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
        match self.kept.take(contents) {
            Ok(()) => {
                (self.print, self.refused) = (print, None);
                self.metrics.certificate_reloads.of("reloaded").inc();
                self.look_at_the_calendar();
                Look::Reloaded
            }
            Err(fault) => {
                self.refused = Some(print);
                self.metrics.certificate_reloads.of("refused").inc();
                self.kept.refuse(&fault);
                Look::Refused
            }
        }
    }

    fn look_at_the_calendar(&mut self) {
        self.kept.look_at_the_calendar(self.clock.now().time);
    }
}
