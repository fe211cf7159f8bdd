//! What is asked of the process from outside: SIGTERM, SIGINT and SIGHUP. It acts on none of them.

use anyhow::Context;
use tokio::signal::unix::{Signal, SignalKind, signal};

/// What a signal asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Asked {
    /// The end: SIGTERM or SIGINT.
    End,
    /// Certificates are to be read again, and an audit log that was moved away begun anew: SIGHUP.
    Reload,
}

/// Waits for the first of these signals; after that, [`Signals::next`] can be asked again.
#[derive(Debug)]
pub struct Signals {
    hup: Signal,
    term: Signal,
    int: Signal,
}

impl Signals {
    /// From now on they don't kill the process.
    ///
    /// # Errors
    /// What the kernel says.
    pub fn listen() -> anyhow::Result<Self> {
        let listen = |kind| signal(kind).context("can't listen for signals");
        Ok(Self {
            hup: listen(SignalKind::hangup())?,
            term: listen(SignalKind::terminate())?,
            int: listen(SignalKind::interrupt())?,
        })
    }

    /// The next one.
    pub async fn next(&mut self) -> Asked {
        tokio::select! {
            _ = self.term.recv() => Asked::End,
            _ = self.int.recv() => Asked::End,
            _ = self.hup.recv() => Asked::Reload,
        }
    }

    /// The next one that asks for the end. Nothing is reloaded on the way there.
    pub async fn end(&mut self) {
        while self.next().await != Asked::End {}
    }
}
