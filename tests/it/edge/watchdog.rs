//! What blocks a thread is seen, and what may block has a thread of its own. The calls that block here
//! do so for real.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex};
use std::time::Duration;

use footplate::engine::pb::attach_response::Message as Told;
use footplate::seams::{Clock, Disk, Fill, Seams, Space};
use redb::{Builder, Database, DatabaseError, StorageBackend};
use tokio::net::TcpStream;
use tokio::task::yield_now;

use super::rig::{request, say, status};
use crate::platter::Platter;
use crate::whole::{Relay, line};

/// What no task may ever do: longer than what is late, and than the pause between two looks.
fn block() {
    std::thread::park_timeout(Duration::from_millis(400));
}

/// The one thread is blocked: every task waits, and the relay says so.
#[tokio::test]
async fn row_35_a_thread_that_is_blocked_is_seen_and_counted() {
    let relay = Relay::start().await;
    let metrics = Arc::clone(&relay.app.metrics);
    while metrics.stalls.of("threads").get() == 0 {
        block();
        for _ in 0..100 {
            yield_now().await;
        }
    }
    assert!(metrics.lag.get() >= 0.25, "{}", metrics.lag.get());
    relay.end().await;
}

/// The shard's own step blocks, on a machine that has other threads: only its own watch sees that.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn row_35_a_step_of_the_shard_that_blocks_is_seen_and_counted() {
    let slow = Arc::new(AtomicBool::new(false));
    let (machine, blocks) = (Clock::system(), Arc::clone(&slow));
    let clock = Clock::new(move || {
        if blocks.load(Ordering::Relaxed) {
            block();
        }
        machine.now().time
    });
    let relay = Relay::over(&[], Seams { clock, ..Seams::machine() }).await;
    let metrics = Arc::clone(&relay.app.metrics);
    slow.store(true, Ordering::Relaxed);
    while metrics.stalls.of("shard").get() == 0 {
        ask(&relay, "GET /v1/executions").await;
    }
    slow.store(false, Ordering::Relaxed);
    relay.end().await;
}

async fn ask(relay: &Relay, line: &str) {
    let port = Relay::port(&relay.app.viewers_at);
    let stream = TcpStream::connect(("127.0.0.1", port)).await.unwrap();
    assert_eq!(status(&say(stream, &request(line, &[], "")).await), 200);
}

/// A disk whose syncs take until they are let, on whatever thread they are called.
#[derive(Debug, Clone)]
struct Held(Platter, Arc<Hold>);

#[derive(Debug, Default)]
struct Hold {
    held: Mutex<bool>,
    changed: Condvar,
    waits: AtomicBool,
}

impl Hold {
    fn set(&self, held: bool) {
        *self.held.lock().unwrap() = held;
        self.changed.notify_all();
    }
}

impl StorageBackend for Held {
    fn len(&self) -> io::Result<u64> {
        self.0.len()
    }

    fn read(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
        self.0.read(offset, out)
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        self.0.set_len(len)
    }

    fn sync_data(&self) -> io::Result<()> {
        let mut held = self.1.held.lock().unwrap();
        while *held {
            self.1.waits.store(true, Ordering::Relaxed);
            held = self.1.changed.wait(held).unwrap();
        }
        drop(held);
        self.0.sync_data()
    }

    fn write(&self, offset: u64, data: &[u8]) -> io::Result<()> {
        self.0.write(offset, data)
    }
}

impl Disk for Held {
    fn open(&self, _: &Path, how: &Builder) -> Result<Option<Database>, DatabaseError> {
        match self.0.bytes().is_empty() {
            true => Ok(None),
            false => how.create_with_backend(self.clone()).map(Some),
        }
    }

    fn begin(&self, _: &Path, how: &Builder, fill: Fill<'_>) -> Result<Database, redb::Error> {
        let database = how.create_with_backend(self.clone())?;
        fill(&database).map(|()| database)
    }

    fn renew(&self, directory: &Path) -> io::Result<()> {
        self.0.renew(directory)
    }

    fn set_aside(&self, directory: &Path, mark: &str) -> io::Result<PathBuf> {
        self.0.set_aside(directory, mark)
    }

    fn keep(&self, directory: &Path, name: &str, bytes: &[u8]) -> io::Result<PathBuf> {
        self.0.keep(directory, name, bytes)
    }

    fn length(&self, directory: &Path) -> io::Result<u64> {
        Disk::length(&self.0, directory)
    }

    fn space(&self, directory: &Path) -> io::Result<Space> {
        self.0.space(directory)
    }

    fn has_thread(&self) -> bool {
        true
    }
}

/// A sync blocks for real, and the one thread of all tasks goes on: were it called there, nobody would
/// ever be answered again.
#[tokio::test]
async fn row_35_a_disk_that_blocks_has_a_thread_of_its_own() {
    let hold = Arc::new(Hold::default());
    let disk = Arc::new(Held(Platter::default(), Arc::clone(&hold)));
    let relay = Relay::over(&["--store", "d"], Seams { disk, ..Seams::machine() }).await;
    let mut engine = relay.engine("e1", 1).await.welcome().await;
    hold.set(true);
    engine.says("x1", 1, vec![line("one")]).await;
    while !hold.waits.load(Ordering::Relaxed) {
        yield_now().await;
    }
    for _ in 0..3 {
        ask(&relay, "GET /livez").await;
    }
    hold.set(false);
    assert!(matches!(engine.hears().await, Told::Results(_)));
    relay.end().await;
}
