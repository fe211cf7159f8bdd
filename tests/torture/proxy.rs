//! Bad networks: a proxy that engines and dashboards go through. Each connection draws its fate
//! from the seed when it is made; how fast bytes go is the same for all of them.
//!
//! It must never change a byte where nobody could notice: TCP has no digest that a program could
//! rely on, so a byte is corrupted only on links that are known to be TLS, which has to notice.

use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use footplate::tasks::Tasks;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::time::{Instant, sleep, sleep_until};
use tokio_util::sync::CancellationToken;

use crate::chance::Chance;

/// What can be wrong with a network.
#[derive(Debug, Clone, Default)]
pub(crate) struct Weather {
    /// How long a piece is under way, in milliseconds: at least, and how much more at most.
    pub(crate) delay: (u64, u64),
    /// The largest piece, in bytes; 0 for any.
    pub(crate) slice: usize,
    /// Bytes a second in each direction; 0 for any number.
    pub(crate) bandwidth: u64,
    /// What share of connections ends early by a reset, and after how many bytes at most.
    pub(crate) reset: (f64, u64),
    /// What share of connections is closed in one direction, the other left open for a while.
    pub(crate) half_close: (f64, u64),
    /// What share of connections goes silent: open, and nothing comes through any more.
    pub(crate) blackhole: (f64, u64),
    /// For how long, in milliseconds, before it is reset.
    pub(crate) silence: u64,
    /// What share of connections has one byte changed. On TLS alone.
    pub(crate) corrupt: (f64, u64),
}

/// What becomes of one direction, once so many bytes have passed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fate {
    Through,
    Reset,
    HalfClose,
    Silence,
    Corrupt,
}

/// How often each fate came about.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Tally {
    pub(crate) connections: u64,
    pub(crate) resets: u64,
    pub(crate) half_closed: u64,
    pub(crate) silenced: u64,
    pub(crate) corrupted: u64,
}

/// One way to one door of the relay.
#[derive(Debug)]
pub(crate) struct Proxy {
    /// Where it listens.
    pub(crate) at: SocketAddr,
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    far: SocketAddr,
    weather: Mutex<Weather>,
    tally: Mutex<Tally>,
    parted: watch::Sender<bool>,
    tasks: Tasks,
}

impl Proxy {
    /// Opens a way to `far`.
    pub(crate) async fn to(
        far: SocketAddr,
        weather: Weather,
        chance: Chance,
        tasks: Tasks,
    ) -> io::Result<Self> {
        let port = TcpListener::bind("127.0.0.1:0").await?;
        let at = port.local_addr()?;
        let shared = Arc::new(Shared {
            far,
            weather: Mutex::new(weather),
            tally: Mutex::default(),
            parted: watch::Sender::new(false),
            tasks: tasks.clone(),
        });
        tasks.spawn("proxy", Arc::clone(&shared).accept(port, chance));
        Ok(Self { at, shared })
    }

    /// From now on, for new connections; what is paced is so at once.
    pub(crate) fn set(&self, weather: Weather) {
        *lock(&self.shared.weather) = weather;
    }

    /// Nothing comes through, in either direction, until it is mended; nobody is told.
    pub(crate) fn part(&self, parted: bool) {
        self.shared.parted.send_replace(parted);
    }

    /// How often what came about.
    pub(crate) fn tally(&self) -> Tally {
        *lock(&self.shared.tally)
    }
}

impl Shared {
    async fn accept(self: Arc<Self>, port: TcpListener, mut chance: Chance) {
        loop {
            let Ok((near, _)) = port.accept().await else { continue };
            let chance = Chance::of(chance.number(), "connection");
            self.tasks.spawn("connection", Arc::clone(&self).connection(near, chance));
        }
    }

    async fn connection(self: Arc<Self>, near: TcpStream, mut chance: Chance) {
        lock(&self.tally).connections += 1;
        let mut parted = self.parted.subscribe();
        let _ = parted.wait_for(|it| !it).await;
        // Nobody there: refused, as far as a proxy can.
        let Ok(far) = TcpStream::connect(self.far).await else { return reset(&near) };
        let _ = (near.set_nodelay(true), far.set_nodelay(true));
        let [up, down] = self.fate(&mut chance);
        let silent = CancellationToken::new();
        let (near_in, near_out) = near.into_split();
        let (far_in, far_out) = far.into_split();
        let dice = |name| Chance::of(chance.clone().number(), name);
        let up = self.pump(near_in, far_out, up, dice("up"), silent.clone());
        let down = self.pump(far_in, near_out, down, dice("down"), silent);
        tokio::pin!(up, down);
        tokio::select! {
            // Who has nothing more to say may still listen.
            well = &mut up => if well { down.await; },
            _ = &mut down => {}
        }
    }

    /// What becomes of the two directions, and after how many bytes.
    fn fate(&self, chance: &mut Chance) -> [(Fate, u64); 2] {
        let weather = lock(&self.weather).clone();
        let mut fates = [(Fate::Through, u64::MAX); 2];
        for (fate, (share, most)) in [
            (Fate::Reset, weather.reset),
            (Fate::HalfClose, weather.half_close),
            (Fate::Silence, weather.blackhole),
            (Fate::Corrupt, weather.corrupt),
        ] {
            if chance.happens(share) {
                // As often within the first ten bytes as between a thousand and ten thousand.
                let scale = f64::from(u32::try_from(most.max(2)).unwrap_or(u32::MAX)).ln();
                let after = (scale * chance.share()).exp();
                let direction = usize::from(chance.happens(0.5));
                #[expect(
                    clippy::cast_possible_truncation,
                    clippy::cast_sign_loss,
                    reason = "below `most`"
                )]
                let after = after as u64;
                fates[direction] = (fate, after);
                break;
            }
        }
        fates
    }

    /// Passes one direction on, until it ends: true if that was its speaker's wish.
    async fn pump(
        &self,
        mut from: OwnedReadHalf,
        mut to: OwnedWriteHalf,
        (fate, after): (Fate, u64),
        mut chance: Chance,
        silent: CancellationToken,
    ) -> bool {
        let mut buffer = vec![0; 64 << 10];
        let mut passed = 0;
        let mut free_at = Instant::now();
        let mut parted = self.parted.subscribe();
        let well = loop {
            let read = match from.read(&mut buffer).await {
                Ok(0) => break true,
                Ok(read) => read,
                Err(_) => break false,
            };
            let weather = lock(&self.weather).clone();
            let silence = Duration::from_millis(weather.silence);
            let mut at = 0;
            while at < read {
                let most = if weather.slice == 0 { read } else { weather.slice };
                let mut end = (at + most).min(read);
                if fate != Fate::Through && passed <= after {
                    let left = usize::try_from(after - passed).unwrap_or(usize::MAX);
                    end = if left == 0 { at + 1 } else { end.min(at.saturating_add(left)) };
                    if left == 0 {
                        self.count(fate);
                        match fate {
                            Fate::Through | Fate::Reset => {}
                            Fate::Corrupt => buffer[at] ^= 1 << chance.within(0..8),
                            // The other direction goes on for a while.
                            Fate::HalfClose => {
                                let _ = to.shutdown().await;
                                sleep(silence).await;
                            }
                            // Both stay open, and neither side is told.
                            Fate::Silence => {
                                silent.cancel();
                                sleep(silence).await;
                            }
                        }
                        if fate != Fate::Corrupt {
                            reset(from.as_ref());
                            reset(to.as_ref());
                            return false;
                        }
                    }
                }
                let (least, more) = weather.delay;
                if least + more > 0 {
                    sleep(chance.millis(least..least + more + 1)).await;
                }
                let size = u64::try_from(end - at).expect("a buffer's size");
                if let Some(takes) = (size * 1_000_000).checked_div(weather.bandwidth) {
                    free_at = free_at.max(Instant::now()) + Duration::from_micros(takes);
                    sleep_until(free_at).await;
                }
                let _ = parted.wait_for(|it| !it).await;
                if silent.is_cancelled() {
                    sleep(silence).await;
                    return false;
                }
                if to.write_all(&buffer[at..end]).await.is_err() {
                    return false;
                }
                passed += size;
                at = end;
            }
        };
        let _ = to.shutdown().await;
        well
    }

    fn count(&self, fate: Fate) {
        let mut tally = lock(&self.tally);
        match fate {
            Fate::Through => {}
            Fate::Reset => tally.resets += 1,
            Fate::HalfClose => tally.half_closed += 1,
            Fate::Silence => tally.silenced += 1,
            Fate::Corrupt => tally.corrupted += 1,
        }
    }
}

/// When it is dropped the peer gets a reset instead of an end.
fn reset(stream: &TcpStream) {
    let _ = stream.set_zero_linger();
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
