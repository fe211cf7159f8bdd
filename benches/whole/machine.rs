//! The machine: processes of our own with what they cost, and what else was going on meanwhile.

use std::fs;
use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::thread::available_parallelism;
use std::time::Duration;

use anyhow::{Context, anyhow};
use rustls::crypto::aws_lc_rs;
use rustls::pki_types::{CertificateDer, pem::PemObject};
use rustls::{ClientConfig, RootCertStore};
use tokio_rustls::TlsConnector;

/// This program again, on a processor of its own and with as many descriptors as it may have. Both
/// are asked of the shell, because neither can be had from the standard library.
pub(crate) fn command(processor: usize, args: &[&str]) -> anyhow::Result<Command> {
    let mut command = Command::new("sh");
    command.args(["-c", r#"ulimit -n "$(ulimit -Hn)"; exec "$@""#, "sh"]);
    if can_pin() {
        command.args(["taskset", "-c", &processor.to_string()]);
    }
    command.arg(std::env::current_exe()?).args(args);
    Ok(command)
}

/// Whether processes can have a processor of their own.
fn can_pin() -> bool {
    let works = || {
        let mut taskset = Command::new("taskset");
        taskset.args(["-c", "0,1", "true"]).stderr(Stdio::null()).status()
    };
    works().is_ok_and(|it| it.success())
}

/// How many files this process may have open.
pub(crate) fn descriptors() -> anyhow::Result<usize> {
    let limits = fs::read_to_string("/proc/self/limits")?;
    let line = limits.lines().find_map(|it| it.strip_prefix("Max open files"));
    let soft = line.and_then(|it| it.split_whitespace().next()).context("/proc/self/limits")?;
    Ok(soft.parse().unwrap_or(usize::MAX))
}

/// A server in a process of its own. It ends when this is dropped.
#[derive(Debug)]
pub(crate) struct Server {
    child: Child,
    /// Where viewers connect.
    pub(crate) viewers: SocketAddr,
    /// Where it is told what to tell them.
    pub(crate) feed: SocketAddr,
    /// How viewers have to connect, if not in plain text.
    pub(crate) tls: Option<Tls>,
}

/// What a client needs that trusts one server.
#[derive(Clone)]
pub(crate) struct Tls(pub(crate) TlsConnector);

impl std::fmt::Debug for Tls {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Tls")
    }
}

impl Server {
    /// Starts one, and waits until it is ready.
    pub(crate) fn start(role: &str, tls: bool) -> anyhow::Result<Self> {
        Self::start_with(role, tls, None)
    }

    /// The same, with a directory: in which it keeps what happens, or finds its keys.
    pub(crate) fn start_with(role: &str, tls: bool, folder: Option<&Path>) -> anyhow::Result<Self> {
        let folder = folder.map(|it| it.display().to_string());
        let mut args = vec!["serve", role, if tls { "tls" } else { "plain" }];
        args.extend(folder.as_deref());
        let mut child = command(0, &args)?.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn()?;
        let out = BufReader::new(child.stdout.take().context("its output is a pipe")?);
        let (mut viewers, mut feed, mut pem) = (None, None, String::new());
        for line in out.lines() {
            let line = line?;
            match line.split_once(' ') {
                Some(("viewers", at)) => viewers = Some(at.parse()?),
                Some(("feed", at)) => feed = Some(at.parse()?),
                _ if line == "ready" => break,
                _ => pem = pem + &line + "\n",
            }
        }
        let (viewers, feed) =
            viewers.zip(feed).with_context(|| format!("no {role} has started"))?;
        let tls = if pem.is_empty() { None } else { Some(trust(&pem)?) };
        Ok(Self { child, viewers, feed, tls })
    }

    /// The processor time that it has had, all of its threads together.
    pub(crate) fn cpu(&self) -> anyhow::Result<Duration> {
        let mut all = Duration::ZERO;
        for thread in fs::read_dir(format!("/proc/{}/task", self.child.id()))? {
            let path = thread?.path().join("schedstat");
            all += ran(&fs::read_to_string(path)?)?;
        }
        Ok(all)
    }

    /// The memory that it has, in bytes.
    pub(crate) fn resident(&self) -> anyhow::Result<f64> {
        let rollup = fs::read_to_string(format!("/proc/{}/smaps_rollup", self.child.id()))?;
        let line = rollup.lines().find_map(|it| it.strip_prefix("Rss:")).context("smaps_rollup")?;
        let kib = line.split_whitespace().next().context("smaps_rollup")?;
        Ok(kib.parse::<f64>()? * 1024.0)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // It ends when its input does; and it may have ended already.
        drop(self.child.stdin.take());
        let _ = self.child.wait();
    }
}

impl Tls {
    /// The same trust in a client that has never been here: each handshake is a whole one.
    pub(crate) fn forgetful(&self) -> Self {
        let mut config = ClientConfig::clone(self.0.config());
        config.resumption = rustls::client::Resumption::disabled();
        Self(TlsConnector::from(Arc::new(config)))
    }
}

fn trust(pem: &str) -> anyhow::Result<Tls> {
    let mut roots = RootCertStore::empty();
    for certificate in CertificateDer::pem_slice_iter(pem.as_bytes()) {
        roots.add(certificate.map_err(|err| anyhow!("a certificate in PEM: {err}"))?)?;
    }
    let config = ClientConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
        .with_safe_default_protocol_versions()?
        .with_root_certificates(roots)
        .with_no_client_auth();
    Ok(Tls(TlsConnector::from(Arc::new(config))))
}

fn ran(schedstat: &str) -> anyhow::Result<Duration> {
    let first = schedstat.split_whitespace().next().context("this kernel keeps no schedstat")?;
    Ok(Duration::from_nanos(first.parse()?))
}

/// What the figures were taken on.
pub(crate) fn describe() -> anyhow::Result<String> {
    let info = fs::read_to_string("/proc/cpuinfo")?;
    let model = info.lines().find(|it| it.starts_with("model name"));
    let model = model.and_then(|it| it.split_once(": ")).map_or("unknown processor", |it| it.1);
    let kernel = fs::read_to_string("/proc/sys/kernel/osrelease")?;
    let pinned = if can_pin() {
        "servers on processor 0, what drives them on 1"
    } else {
        "nothing is pinned (no taskset, or one processor): ratios will scatter"
    };
    let (free, kernel) = (available_parallelism()?, kernel.trim());
    Ok(format!("{model}, Linux {kernel}; {pinned} (this process may use {free})"))
}

/// What else the machine does.
#[derive(Debug)]
pub(crate) struct Load {
    average: String,
    /// Jiffies: in all, of those idle, and of those taken by another guest of the same host.
    jiffies: [u64; 3],
}

impl Load {
    pub(crate) fn now() -> anyhow::Result<Self> {
        let average = fs::read_to_string("/proc/loadavg")?;
        let average = average.split_whitespace().next().unwrap_or_default().to_owned();
        let stat = fs::read_to_string("/proc/stat")?;
        let line = stat.lines().next().context("/proc/stat")?;
        let all: Vec<u64> = line.split_whitespace().filter_map(|it| it.parse().ok()).collect();
        let nth = |at: usize| all.get(at).copied().unwrap_or_default();
        let jiffies = [all.iter().take(8).sum(), nth(3) + nth(4), nth(7)];
        Ok(Self { average, jiffies })
    }

    pub(crate) fn until_now(&self) -> anyhow::Result<String> {
        let now = Self::now()?;
        let share = |at: usize| {
            let all = (now.jiffies[0] - self.jiffies[0]).max(1);
            100.0 * (now.jiffies[at] - self.jiffies[at]) as f64 / all as f64
        };
        let (idle, steal) = (share(1), share(2));
        let (before, after) = (&self.average, &now.average);
        Ok(format!(
            "load average {before} before and {after} after; meanwhile {idle:.0} % idle, \
             {steal:.1} % stolen by other guests"
        ))
    }
}
