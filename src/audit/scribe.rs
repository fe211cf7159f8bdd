//! Who writes: one thread, so that neither the shard nor any connection waits for a disk unless it
//! must. It keeps what it can't write, and tries again.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use tokio::sync::{mpsc, oneshot};
use tracing::{error, info};

use super::Note;
use super::journal::Journal;

/// How long after a failed attempt the next one is made.
const AGAIN: Duration = Duration::from_secs(1);
/// How many attempts are made to bring the last lines to disk.
const LAST: u32 = 3;
/// Failed attempts from one line in the relay's own log to the next.
const TOLD: u32 = 60;

/// What is left to do once the thread runs.
#[derive(Debug)]
pub struct Scribe {
    inbox: mpsc::WeakSender<Vec<Note>>,
    moved: Arc<AtomicBool>,
    failing: Arc<AtomicBool>,
    ended: oneshot::Receiver<()>,
}

impl Scribe {
    pub(super) fn start(
        journal: Journal,
        inbox: mpsc::Receiver<Vec<Note>>,
        sender: mpsc::WeakSender<Vec<Note>>,
    ) -> io::Result<Self> {
        let (end, ended) = oneshot::channel();
        let (moved, failing) = (Arc::<AtomicBool>::default(), Arc::<AtomicBool>::default());
        let writer =
            Writer { journal, inbox, moved: Arc::clone(&moved), failing: Arc::clone(&failing) };
        thread::Builder::new().name("audit".to_owned()).spawn(move || {
            writer.run();
            // Nobody may wait for it.
            let _ = end.send(());
        })?;
        Ok(Self { inbox: sender, moved, failing, ended })
    }

    /// The file may have been moved away: goes on in a new one under its name, whose first line is
    /// linked to the last of the old one.
    pub fn reopen(&self) {
        self.moved.store(true, Ordering::Release);
        // It looks up. Where there is no room for that it is at work, and looks by itself.
        let _ = self.inbox.upgrade().map(|it| it.try_send(Vec::new()));
    }

    /// Whether the disk takes nothing at present. The shard waits, or soon will.
    pub fn is_failing(&self) -> bool {
        self.failing.load(Ordering::Relaxed)
    }

    /// Waits until the shard is gone and everything is on disk, or can't be brought there.
    pub async fn ended(self) {
        // It has ended also where it has panicked.
        let _ = self.ended.await;
    }
}

struct Writer {
    journal: Journal,
    inbox: mpsc::Receiver<Vec<Note>>,
    moved: Arc<AtomicBool>,
    failing: Arc<AtomicBool>,
}

impl Writer {
    fn run(mut self) {
        while let Some(notes) = self.inbox.blocking_recv() {
            self.take(notes);
            // Whatever else has come goes with it.
            while let Ok(notes) = self.inbox.try_recv() {
                self.take(notes);
            }
            self.sync();
            if self.moved.swap(false, Ordering::Acquire) {
                self.try_often(Journal::reopen);
                self.sync();
            }
        }
        self.journal.end();
        self.sync();
        let (head, owed) = (self.journal.head(), self.journal.owed());
        if owed > 0 {
            error!(
                lines = owed,
                "the disk has not taken the last lines of the audit log; they are lost"
            );
        } else {
            info!(%head, "the audit log has ended; keep its head to know later that nothing is missing at its end");
        }
    }

    fn take(&mut self, notes: Vec<Note>) {
        for note in notes {
            self.journal.take(note);
            if self.journal.is_full() {
                self.sync();
            }
        }
    }

    /// Brings everything to disk, however long that takes while anybody may yet decide.
    fn sync(&mut self) {
        if !self.journal.is_clean() {
            self.try_often(Journal::append);
        }
    }

    fn try_often(&mut self, mut what: impl FnMut(&mut Journal) -> io::Result<()>) {
        let (mut failed, mut last) = (0, 0);
        loop {
            let Err(err) = what(&mut self.journal) else {
                if failed > 0 {
                    self.fails(false);
                    info!(failed, "the audit log can be written again; nothing is missing");
                }
                return;
            };
            if failed % TOLD == 0 {
                let lines = self.journal.owed();
                error!(%err, lines, "the audit log can't be written; what comes is kept for it, and soon nothing more is taken in until it can");
            }
            failed += 1;
            self.fails(true);
            if self.inbox.is_closed() && self.inbox.is_empty() {
                last += 1;
                if last == LAST {
                    return;
                }
            }
            thread::sleep(AGAIN);
        }
    }

    fn fails(&self, whether: bool) {
        self.failing.store(whether, Ordering::Relaxed);
        self.journal.metrics.audit_failing.set(i64::from(whether));
    }
}
