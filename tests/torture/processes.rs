//! The relay and the engines as processes that are killed, stopped and started again. Each is ended
//! by its own id; what it said on standard error stays in a file.
//!
//! Nothing here must decide when: that is the scenario's affair.

use std::fs::{File, OpenOptions};
use std::io;
use std::io::{BufRead, BufReader, Write};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::{Instant, sleep, timeout};

/// Nothing takes longer, unless it never comes.
pub(crate) const NEVER: Duration = Duration::from_secs(60);

/// The relay, on ports that stay its own.
#[derive(Debug)]
pub(crate) struct Relay {
    pub(crate) viewers: SocketAddr,
    pub(crate) engines: SocketAddr,
    admin: SocketAddr,
    program: PathBuf,
    args: Vec<String>,
    log: PathBuf,
    child: Option<Running>,
}

impl Relay {
    /// Not started yet. `args` are added to those that say where it listens.
    pub(crate) async fn new(
        program: PathBuf,
        args: Vec<String>,
        folder: &Path,
    ) -> io::Result<Self> {
        let mut free = Vec::new();
        // Held together, so that they are three.
        for _ in 0..3 {
            free.push(TcpListener::bind("127.0.0.1:0").await?);
        }
        let at = |port: usize| free[port].local_addr();
        let (viewers, engines, admin) = (at(0)?, at(1)?, at(2)?);
        let log = folder.join("relay.log");
        Ok(Self { viewers, engines, admin, program, args, log, child: None })
    }

    /// Starts it, and waits until it is ready: how long that took.
    pub(crate) async fn start(&mut self) -> io::Result<Duration> {
        let since = Instant::now();
        let log = OpenOptions::new().create(true).append(true).open(&self.log)?;
        let mut command = bare(&self.program);
        command.arg("serve").args(["--log", "info", "--log-format", "json"]);
        for (flag, at) in [
            ("--viewer-listen", self.viewers),
            ("--engine-listen", self.engines),
            ("--admin-listen", self.admin),
        ] {
            command.args([flag, &at.to_string()]);
        }
        command.args(&self.args).stdin(Stdio::null()).stdout(Stdio::null()).stderr(log);
        let mut child = Running(command.spawn()?);
        while !self.is_ready().await {
            if let Some(status) = child.0.try_wait()? {
                return Err(io::Error::other(format!("the relay does not start: {status}")));
            }
            if since.elapsed() > NEVER {
                return Err(io::Error::other("the relay is never ready"));
            }
            sleep(Duration::from_millis(1)).await;
        }
        self.child = Some(child);
        Ok(since.elapsed())
    }

    async fn is_ready(&self) -> bool {
        let ask = async {
            let mut stream = TcpStream::connect(self.admin).await.ok()?;
            stream.write_all(b"GET /readyz HTTP/1.0\r\nhost: localhost\r\n\r\n").await.ok()?;
            let mut answer = [0; 12];
            stream.read_exact(&mut answer).await.ok()?;
            Some(answer.ends_with(b"200"))
        };
        timeout(Duration::from_secs(1), ask).await.ok().flatten() == Some(true)
    }

    /// Ends it as a power cut would.
    ///
    /// # Errors
    /// When it has ended by itself.
    pub(crate) fn kill(&mut self) -> io::Result<()> {
        let Some(mut child) = self.child.take() else { return Ok(()) };
        if let Some(status) = child.0.try_wait()? {
            return Err(io::Error::other(format!("the relay has ended by itself: {status}")));
        }
        child.0.kill()?;
        child.0.wait().map(drop)
    }

    /// Asks it to end, and waits: how long that took, and how it ended.
    pub(crate) async fn terminate(&mut self) -> io::Result<(Duration, ExitStatus)> {
        let since = Instant::now();
        let mut child = self.child.take().ok_or_else(|| io::Error::other("it does not run"))?;
        child.signal("TERM")?;
        let status = child.ended(NEVER).await?;
        Ok((since.elapsed(), status.ok_or_else(|| io::Error::other("the relay does not end"))?))
    }

    /// Lets it hang, and go on.
    pub(crate) async fn hang(&self, time: Duration) -> io::Result<()> {
        let Some(child) = &self.child else { return Ok(()) };
        child.hang(time).await
    }

    /// What of its log a person would have to look at.
    pub(crate) fn complaints(&self) -> io::Result<Vec<String>> {
        let log = std::fs::read_to_string(&self.log)?;
        let bad = |line: &&str| {
            line.contains("\"ERROR\"") || line.contains("panicked") || !line.starts_with('{')
        };
        Ok(log.lines().filter(bad).map(str::to_owned).collect())
    }
}

/// How an engine is run.
#[derive(Debug, Clone)]
pub(crate) struct EngineKind {
    /// `outbox` or `client`: what it keeps.
    pub(crate) form: &'static str,
    pub(crate) program: PathBuf,
    pub(crate) args: Vec<String>,
}

/// One engine, with what it keeps through its deaths.
#[derive(Debug)]
pub(crate) struct Engine {
    pub(crate) name: String,
    pub(crate) kind: EngineKind,
    args: Vec<String>,
    folder: PathBuf,
    starts: u32,
    child: Option<Running>,
}

impl Engine {
    /// Not started yet.
    pub(crate) fn new(name: String, kind: EngineKind, args: Vec<String>, folder: &Path) -> Self {
        Self { name, kind, args, folder: folder.to_owned(), starts: 0, child: None }
    }

    /// Starts it: each start writes a history of its own.
    pub(crate) fn start(&mut self) -> io::Result<()> {
        self.starts += 1;
        let history = self.history();
        File::create(&history)?;
        let log = self.folder.join(format!("{}.log", self.name));
        let log = OpenOptions::new().create(true).append(true).open(log)?;
        let mut command = bare(&self.kind.program);
        command.args(&self.kind.args).args(&self.args).args(["--form", self.kind.form]);
        command.arg("--name").arg(&self.name);
        command.arg("--dir").arg(self.kept()).arg("--history").arg(history);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(log);
        self.child = Some(Running(command.spawn()?));
        Ok(())
    }

    /// Where it keeps what it keeps.
    pub(crate) fn kept(&self) -> PathBuf {
        self.folder.join(&self.name)
    }

    /// Ends it as a power cut would. An engine that was fenced is dead already.
    pub(crate) fn kill(&mut self) {
        self.child = None;
    }

    /// Another process in its place while it hangs; then it goes on, and has to learn that it is
    /// not the one any more.
    pub(crate) async fn usurp(&mut self, time: Duration) -> io::Result<()> {
        if !self.is_attached()? {
            // It would come to its epoch later than the one in its place.
            return Ok(());
        }
        let Some(mut old) = self.child.take() else { return Ok(()) };
        old.signal("STOP")?;
        self.start()?;
        let since = Instant::now();
        // Before the relay knows of the new one, both of them are the engine, and no fence stands
        // between them: the old one then stays dead.
        while !self.is_attached()? {
            if since.elapsed() > NEVER / 4 {
                return Ok(());
            }
            sleep(Duration::from_millis(20)).await;
        }
        sleep(time).await;
        old.signal("CONT")?;
        // It learns of it when it is back at the relay, which may be down.
        old.ended(Duration::from_secs(10)).await.map(drop)
    }

    fn is_attached(&self) -> io::Result<bool> {
        let history = std::fs::read_to_string(self.history())?;
        Ok(history.contains("\"op\":\"attach\""))
    }

    fn history(&self) -> PathBuf {
        self.folder.join(format!("{}.{}.jsonl", self.name, self.starts))
    }

    /// Lets it hang, and go on.
    pub(crate) async fn hang(&self, time: Duration) -> io::Result<()> {
        let Some(child) = &self.child else { return Ok(()) };
        child.hang(time).await
    }

    /// How it ended, if it did so by itself.
    pub(crate) fn ended(&mut self) -> io::Result<Option<ExitStatus>> {
        self.child.as_mut().map_or(Ok(None), |it| it.0.try_wait())
    }

    /// Lets it come to an end of its work.
    pub(crate) fn stop(&mut self) -> io::Result<()> {
        let stdin = self.child.as_mut().and_then(|it| it.0.stdin.as_mut());
        let stdin = stdin.ok_or_else(|| io::Error::other("it does not run"))?;
        stdin.write_all(b"stop\n")?;
        stdin.flush()
    }

    /// Waits for that: the relay has all of it then.
    pub(crate) async fn quiet(&mut self, within: Duration) -> io::Result<()> {
        let name = self.name.clone();
        let never = move |what: &str| io::Error::other(format!("{name} {what}"));
        let child = self.child.as_mut().ok_or_else(|| never("does not run"))?;
        let stdout = child.0.stdout.take().ok_or_else(|| never("has no output"))?;
        let line = tokio::task::spawn_blocking(move || {
            let mut line = String::new();
            BufReader::new(stdout).read_line(&mut line).map(|_| line)
        });
        match timeout(within, line).await {
            Ok(Ok(Ok(line))) if line == "quiet\n" => Ok(()),
            Ok(said) => Err(never(&format!("does not come to an end, but says {said:?}"))),
            Err(_) => Err(never("does not come to an end: see what its executions wait for")),
        }
    }
}

/// A process that does not outlive us.
#[derive(Debug)]
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        // One that has ended already is none to be killed.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

impl Running {
    async fn hang(&self, time: Duration) -> io::Result<()> {
        self.signal("STOP")?;
        sleep(time).await;
        self.signal("CONT")
    }

    fn signal(&self, name: &str) -> io::Result<()> {
        let id = self.0.id().to_string();
        let status = Command::new("kill").args(["-s", name, &id]).status()?;
        let failed = || io::Error::other(format!("kill -s {name} {id}: {status}"));
        if status.success() { Ok(()) } else { Err(failed()) }
    }

    /// Waits for its end.
    async fn ended(&mut self, within: Duration) -> io::Result<Option<ExitStatus>> {
        let since = Instant::now();
        while since.elapsed() < within {
            if let Some(status) = self.0.try_wait()? {
                return Ok(Some(status));
            }
            sleep(Duration::from_millis(5)).await;
        }
        Ok(None)
    }
}

/// A program with nothing in its environment that would change the relay's settings.
fn bare(program: &Path) -> Command {
    let mut command = Command::new(program);
    for (name, _) in std::env::vars_os() {
        if name.to_string_lossy().starts_with("FOOTPLATE_") {
            command.env_remove(name);
        }
    }
    command
}
