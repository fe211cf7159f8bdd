//! What a delivered message costs: the relay, a plain server with tokio-tungstenite, and the kernel
//! alone, with the same messages for the same viewers, in turns.

use std::time::Duration;

use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;
use tokio::time::sleep;

use crate::Scope;
use crate::audience::Audience;
use crate::engine::Engine;
use crate::events;
use crate::machine::{self, Server};
use crate::report::{Spread, heading};

const VIEWERS: usize = 1_000;
const BLOCKS: usize = 5;
/// Messages at once, and how many times in a block.
const BURSTS: [(usize, usize); 3] = [(1, 40), (8, 25), (32, 15)];
/// Of opaque JSON in an event: with what stands around it, a message has about 300 bytes.
const JSON: usize = 40;

/// One server with those who watch it.
struct Show {
    name: &'static str,
    server: Server,
    audience: Audience,
    source: Source,
}

/// What makes a server say something.
enum Source {
    Relay(Engine),
    /// The same in the words of the bare servers: a message of the relay with other numbers.
    Bare {
        stream: TcpStream,
        message: String,
        seq: u64,
    },
}

pub(crate) async fn measure(scope: Scope) -> anyhow::Result<()> {
    let descriptors = machine::descriptors()?;
    let most = descriptors.saturating_sub(100) / 3;
    let viewers = scope.much(VIEWERS).min(most);
    heading(
        &format!("Messages out, {viewers} viewers of one execution"),
        "processor time for each message and viewer; the median of the blocks (least..most)",
    );
    if most < VIEWERS {
        println!("  not {VIEWERS}: a process may open {descriptors} files only (ulimit -Hn)");
    }
    for tls in [false, true] {
        transport(tls, viewers, scope).await?;
    }
    println!();
    Ok(())
}

async fn transport(tls: bool, viewers: usize, scope: Scope) -> anyhow::Result<()> {
    let mut relay = relay(tls, viewers).await?;
    let message = relay.message().await?;
    let mut shows = vec![relay, bare("feed", tls, viewers, &message).await?];
    if !tls {
        shows.push(bare("send", tls, viewers, &message).await?);
    }
    for show in &mut shows {
        let looked_at = show.verify().await?;
        println!(
            "  {} {}: {looked_at} messages of {} B looked at, all of them whole and in order",
            if tls { "TLS" } else { "plain" },
            show.name,
            message.len(),
        );
    }
    println!(
        "        burst  {:<26}{:<26}{:<26}{:<24}send : relay",
        "relay, ns", "feed + flush, ns", "send alone, ns", "feed : relay"
    );
    for (burst, rounds) in BURSTS {
        let mut costs: Vec<Spread> = shows.iter().map(|_| Spread::default()).collect();
        let mut ratios: Vec<Spread> = shows.iter().map(|_| Spread::default()).collect();
        for show in &mut shows {
            show.block(burst, 2).await?;
        }
        for _ in 0..scope.much(BLOCKS) {
            if scope.is_over() {
                break;
            }
            let mut block = Vec::new();
            for show in &mut shows {
                block.push(show.block(burst, rounds).await?);
            }
            for (at, cost) in block.iter().enumerate() {
                costs[at].add(*cost);
                ratios[at].add(cost / block[0]);
            }
        }
        if costs.iter().any(Spread::is_empty) {
            println!("  for more there was no time");
            break;
        }
        let text = |all: &[Spread], at: usize, digits: usize| {
            all.get(at).map_or_else(|| "-".to_owned(), |it| format!("{it:.digits$}"))
        };
        println!(
            "  {:5} {burst:5}  {:<26}{:<26}{:<26}{:<24}{}",
            if tls { "TLS" } else { "plain" },
            text(&costs, 0, 0),
            text(&costs, 1, 0),
            text(&costs, 2, 0),
            text(&ratios, 1, 2),
            text(&ratios, 2, 2),
        );
    }
    Ok(())
}

async fn relay(tls: bool, viewers: usize) -> anyhow::Result<Show> {
    let server = Server::start("relay", tls)?;
    let engine = Engine::attach(server.feed, "run-1").await?;
    let audience = Audience::gather(&server, viewers, Some(engine.execution())).await?;
    Ok(Show { name: "relay", server, audience, source: Source::Relay(engine) })
}

async fn bare(
    role: &'static str,
    tls: bool,
    viewers: usize,
    message: &str,
) -> anyhow::Result<Show> {
    let server = Server::start(role, tls)?;
    let stream = TcpStream::connect(server.feed).await?;
    stream.set_nodelay(true)?;
    let audience = Audience::gather(&server, viewers, None).await?;
    // It counts a viewer among its own a little after it has answered it.
    sleep(Duration::from_millis(50)).await;
    let source = Source::Bare { stream, message: message.to_owned(), seq: 100_000 };
    Ok(Show { name: role, server, audience, source })
}

impl Show {
    /// A message as the relay sends them.
    async fn message(&mut self) -> anyhow::Result<String> {
        self.audience.be_strict(true);
        self.burst(1).await?;
        self.audience.be_strict(false);
        self.audience.sample()
    }

    /// Says some with every frame being looked at. How many that were.
    async fn verify(&mut self) -> anyhow::Result<u64> {
        self.audience.be_strict(true);
        for (burst, _) in BURSTS {
            for _ in 0..2 {
                self.burst(burst).await?;
            }
        }
        self.audience.be_strict(false);
        Ok(self.audience.looked_at())
    }

    /// Says `burst` at once, `rounds` times, the next time when all have it. What it cost, in
    /// nanoseconds for each message and viewer.
    async fn block(&mut self, burst: usize, rounds: usize) -> anyhow::Result<f64> {
        sleep(Duration::from_millis(5)).await;
        let before = self.server.cpu()?;
        for _ in 0..rounds {
            self.burst(burst).await?;
        }
        // What is done after the last byte belongs to it.
        sleep(Duration::from_millis(5)).await;
        let took = self.server.cpu()?.saturating_sub(before);
        let messages = burst as u64 * rounds as u64 * self.audience.size;
        Ok(took.as_nanos() as f64 / messages as f64)
    }

    async fn burst(&mut self, burst: usize) -> anyhow::Result<()> {
        self.audience.expect(burst);
        match &mut self.source {
            Source::Relay(engine) => {
                engine.publish((0..burst).map(|n| events::log(n, JSON)).collect()).await?;
            }
            Source::Bare { stream, message, seq } => {
                let mut lines = format!("{burst}\n");
                for _ in 0..burst {
                    *seq += 1;
                    lines += &numbered(message, *seq);
                    lines += "\n";
                }
                stream.write_all(lines.as_bytes()).await?;
            }
        }
        self.audience.satisfied().await
    }
}

/// The message with another `seq`.
fn numbered(message: &str, seq: u64) -> String {
    let mark = r#""seq":"#;
    match message.split_once(mark) {
        Some((head, tail)) => {
            let tail = tail.trim_start_matches(|it: char| it.is_ascii_digit());
            format!("{head}{mark}{seq}{tail}")
        }
        None => message.to_owned(),
    }
}
