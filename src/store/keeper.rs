//! The store as the shard sees it: a commit that can be waited for. A thread of its own does the
//! waiting for the disk; what the medium refuses for the time being is tried again until it is done,
//! and nobody is told of the turn before that.

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use tokio::sync::{mpsc, oneshot, watch};

use super::file::{File, Options};
use super::load::{Damage, Loaded};
use super::read::Reader;
use super::{Backend, Commit, Fault, Wants};
use crate::core::Relay;
use crate::model::{Durability, Now};
use crate::seams::Disk;

/// How long to wait before a medium that refused is asked again.
const AGAIN: Duration = Duration::from_secs(1);

/// The store, or memory alone.
#[derive(Debug)]
pub struct Keeper {
    way: Way,
    /// Why nothing is taken in at the moment.
    trouble: watch::Sender<Option<String>>,
}

#[derive(Debug)]
enum Way {
    Nowhere,
    /// In turn with everything else.
    Inline(Box<File>),
    Thread {
        jobs: mpsc::Sender<Job>,
        ended: oneshot::Receiver<()>,
    },
}

/// What the thread is asked to do.
struct Job {
    commit: Arc<Commit>,
    /// An earlier try has failed.
    again: bool,
    done: oneshot::Sender<Result<Wants, Fault>>,
}

/// An opened store.
#[derive(Debug)]
pub struct Opened {
    /// For the shard.
    pub keeper: Keeper,
    /// For whoever wants to see what is kept.
    pub reader: Reader,
    /// What was in it.
    pub loaded: Loaded,
}

impl Keeper {
    /// Keeps nothing.
    pub fn nowhere() -> Self {
        Self { way: Way::Nowhere, trouble: watch::Sender::new(None) }
    }

    /// Opens the store of a directory, and gives `relay` what is in it. A store that is damaged as a
    /// whole is put aside if `set_aside` says so, and another begun; `fresh` makes its relay.
    ///
    /// # Errors
    /// That it can't be opened, and what to do about it.
    pub fn open(
        disk: &Arc<dyn Disk>,
        directory: &Path,
        options: Options,
        now: Now,
        set_aside: bool,
        fresh: impl Fn() -> Relay,
    ) -> Result<(Relay, Opened), Fault> {
        let (mut damage, mut whole) = (vec![], false);
        loop {
            let mut relay = fresh();
            // A file whose inner structure is broken may lead its reader anywhere.
            let tried = catch_unwind(AssertUnwindSafe(|| {
                let mut file = File::open(Arc::clone(disk), directory, options)?;
                let loaded = file.load(now, &mut relay, &mut damage)?;
                file.try_out()?;
                Ok((file, loaded))
            }));
            let tried = tried.unwrap_or_else(|_| Err(astray(directory)));
            let (file, mut loaded) = match tried {
                Ok(done) => done,
                Err(Fault::Damaged { what, .. }) if set_aside && !whole => {
                    whole = true;
                    let kept = put_aside(disk, directory, now)?;
                    damage.push(Damage { execution: None, what, kept });
                    continue;
                }
                Err(fault) => return Err(fault),
            };
            loaded.damage = damage;
            let shared = Arc::clone(&file.shared);
            let has_thread = disk.has_thread();
            let reader = Reader { shared, directory: directory.to_owned(), has_thread };
            let way = match has_thread {
                true => begin(file),
                false => Way::Inline(Box::new(file)),
            };
            let keeper = Self { way, trouble: watch::Sender::new(None) };
            return Ok((relay, Opened { keeper, reader, loaded }));
        }
    }

    /// Says why nothing is taken in, while that is so.
    pub fn trouble(&self) -> watch::Receiver<Option<String>> {
        self.trouble.subscribe()
    }

    async fn once(&mut self, commit: &Arc<Commit>, again: bool) -> Result<Wants, Fault> {
        match &mut self.way {
            Way::Nowhere => Ok(Wants::default()),
            Way::Inline(file) => {
                let delay = file.disk.delay();
                if !delay.is_zero() {
                    tokio::time::sleep(delay).await;
                }
                write(file, commit, again)
            }
            Way::Thread { jobs, .. } => {
                let (done, told) = oneshot::channel();
                let job = Job { commit: Arc::clone(commit), again, done };
                jobs.send(job).await.map_err(|_| Fault::Ended)?;
                told.await.map_err(|_| Fault::Ended)?
            }
        }
    }
}

impl Backend for Keeper {
    fn durability(&self) -> Durability {
        match self.way {
            Way::Nowhere => Durability::Memory,
            Way::Inline(_) | Way::Thread { .. } => Durability::Local,
        }
    }

    async fn append_batch(&mut self, commit: Commit) -> Result<Wants, Fault> {
        let (commit, mut again) = (Arc::new(commit), false);
        loop {
            match self.once(&commit, again).await {
                Ok(wants) => {
                    if again {
                        tracing::warn!("the store takes in again what happens");
                        self.trouble.send_replace(None);
                    }
                    return Ok(wants);
                }
                Err(fault) if fault.may_pass() => {
                    if !again {
                        tracing::error!(%fault, "the store takes nothing in; nothing goes on until it does");
                    }
                    self.trouble.send_replace(Some(fault.to_string()));
                    again = true;
                    tokio::time::sleep(AGAIN).await;
                }
                Err(fault) => {
                    self.trouble.send_replace(Some(fault.to_string()));
                    return Err(fault);
                }
            }
        }
    }

    async fn close(self) {
        if let Way::Thread { jobs, ended } = self.way {
            drop(jobs);
            // It says nothing: that it is gone is what it says.
            drop(ended.await);
        }
    }
}

/// A write that has failed is never taken for done: the file is opened anew, which tells what it
/// holds, and the whole turn is written again. What is damaged where no reader comes leads its writer
/// astray: nothing more is written then.
fn write(file: &mut File, commit: &Commit, again: bool) -> Result<Wants, Fault> {
    let written = catch_unwind(AssertUnwindSafe(|| {
        if again {
            file.reopen()?;
        }
        file.commit(commit)
    }));
    written.unwrap_or_else(|_| Err(astray(&file.directory)))
}

fn astray(directory: &Path) -> Fault {
    let what = "its structure can't be followed".to_owned();
    Fault::Damaged { path: directory.to_owned(), what }
}

fn begin(mut file: File) -> Way {
    let (jobs, mut inbox) = mpsc::channel::<Job>(1);
    let (end, ended) = oneshot::channel();
    let body = move || {
        while let Some(Job { commit, again, done }) = inbox.blocking_recv() {
            let wants = write(&mut file, &commit, again);
            // Who waited may have been dropped, at the end of a process that is in a hurry.
            drop(done.send(wants));
        }
        drop(file);
        drop(end);
    };
    let thread = std::thread::Builder::new().name("store".to_owned()).spawn(body);
    drop(thread.expect("the relay has just started: there is room for one more thread"));
    Way::Thread { jobs, ended }
}

fn put_aside(disk: &Arc<dyn Disk>, directory: &Path, now: Now) -> Result<PathBuf, Fault> {
    let mark = format!("damaged-{}", now.time.0);
    let kept = disk.set_aside(directory, &mark);
    kept.map_err(|source| Fault::Medium { path: directory.to_owned(), source })
}
