//! One run, from the first process to the last line: starts everything, lets the scenario happen,
//! lets everything become quiet, asks for the end, and has it checked.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use anyhow::{Context, bail};
use footplate::tasks::Tasks;
use tokio::sync::watch;
use tokio::time::{Instant, sleep, timeout};
use tokio_util::sync::CancellationToken;

use crate::chance::Chance;
use crate::check::{Checker, Problem};
use crate::dashboard::{self, Dashboard};
use crate::history::{self, Book, Entry, Op, Phase};
use crate::line::Line;
use crate::options::Options;
use crate::processes::{Engine, EngineKind, NEVER, Relay};
use crate::proxy::{Proxy, Weather};
use crate::report::{Faults, Report};
use crate::scenario::{self, Scenario};
use crate::watcher::Watcher;
use crate::{ask, dashboard::Heads};

/// What the dashboards have come across so far: for the end of the run and for its progress.
#[derive(Debug, Default)]
pub(crate) struct Seen {
    pub(crate) events: AtomicU64,
    pub(crate) decisions: AtomicU64,
}

/// Everything of one run.
struct Run<'a> {
    options: &'a Options,
    scenario: Scenario,
    seed: u64,
    until: Instant,
    faults: Mutex<Faults>,
    seen: Arc<Seen>,
    over: CancellationToken,
    book: Book,
}

/// Runs it, and tells what it amounts to.
pub(crate) async fn run(options: &Options) -> anyhow::Result<Report> {
    if let Some(folder) = &options.recheck {
        let (problems, figures) = check(folder)?;
        let (name, folder) = ("recheck".to_owned(), folder.clone());
        return Ok(Report { name, problems, figures, folder, kept: true, ..Report::default() });
    }
    let seed = options.seed.unwrap_or_else(|| history::now() % 1_000_000);
    let mut scenario = scenario::named(&options.scenario)
        .with_context(|| format!("there is no scenario {}: --list names them", options.scenario))?;
    let durable = options.store != "memory";
    if scenario.store.is_some_and(|wants| wants != durable) {
        let wants = if durable { "--store memory" } else { "--store DIR" };
        bail!("the scenario {} says nothing this way: give it {wants}", scenario.name);
    }
    if !durable && scenario.relay.is_some() {
        // A relay that forgets which start of an engine is the newest can't fence the others.
        scenario.usurped = 0.0;
    }
    let folder = options.dir.clone().unwrap_or_else(|| {
        std::env::temp_dir().join(format!(
            "torture-{}-{seed}-{}",
            scenario.name,
            std::process::id()
        ))
    });
    fs::create_dir_all(&folder).with_context(|| format!("can't make {}", folder.display()))?;
    eprintln!("torture: {} --seed {seed}, in {}", scenario.name, folder.display());
    let began = Instant::now();
    let run = Run {
        options,
        seed,
        until: began + options.time.unwrap_or(scenario.time),
        scenario,
        faults: Mutex::default(),
        seen: Arc::default(),
        over: CancellationToken::new(),
        book: Book::create(&folder, "supervisor")?,
    };
    let level = if durable { "local" } else { "memory" }.to_owned();
    run.book.add(Entry { op: Op::Run, level, ..Entry::default() });
    let (mut report, mut problems) = run.happen(&folder, durable).await?;
    run.book.flush();
    eprintln!("torture: checking");
    let (more, figures) = check(&folder)?;
    problems.extend(more);
    report.took = began.elapsed();
    report.kept = options.keep || !problems.is_empty();
    (report.problems, report.figures) = (problems, figures);
    if !report.kept {
        fs::remove_dir_all(&folder)?;
    }
    Ok(report)
}

impl Run<'_> {
    async fn happen(&self, folder: &Path, durable: bool) -> anyhow::Result<(Report, Vec<Problem>)> {
        let (options, scenario) = (self.options, &self.scenario);
        let mut args = Vec::new();
        if durable {
            args.extend(["--store".to_owned(), options.store.clone()]);
        }
        let tls = if scenario.tls { Some(Tls::make(&options.relay, folder)?) } else { None };
        if let Some(tls) = &tls {
            args.extend(tls.args());
        }
        let mut relay = Relay::new(options.relay.clone(), args, folder).await?;
        let ready = relay.start().await.context("see relay.log")?;
        self.faults().ready.push(ready);

        let tasks = Tasks::new();
        let way = async |far, name, weather: &Weather| {
            let chance = Chance::of(self.seed, name);
            Proxy::to(far, weather.clone(), chance, tasks.clone()).await
        };
        let engine_way = way(relay.engines, "engine lines", &scenario.engine_lines).await?;
        let viewer_way = way(relay.viewers, "dashboard lines", &scenario.dashboard_lines).await?;
        let line = |at| Line { at, tls: tls.as_ref().map(|it| it.trusted()) };

        let mut engines = self.engines(&engine_way, tls.as_ref(), folder)?;
        engines.iter_mut().try_for_each(Engine::start)?;
        let (heads, heads_told) = watch::channel::<Heads>(None);
        let stop = CancellationToken::new();
        let mut leaving = Vec::new();
        for at in 0..options.dashboards {
            leaving.push(stop.child_token());
            let name = format!("dashboard-{at}");
            // The last one has a good line, and only watches what the others do.
            let good = at + 1 == options.dashboards && at > 0;
            let dashboard = Dashboard {
                line: line(if good { relay.viewers } else { viewer_way.at }),
                book: Arc::new(Book::create(folder, &name)?),
                chance: Chance::of(self.seed, &name),
                acts: !good || options.dashboards == 1,
                commands: scenario.commands && at == 0,
                heads: heads_told.clone(),
                stop: leaving[at].clone(),
                seen: Arc::clone(&self.seen),
                counts: at + 1 == options.dashboards,
                name,
            };
            dashboard::spawn(dashboard, &tasks);
        }

        leaving.push(stop.child_token());
        let watcher = Watcher {
            name: "watcher".to_owned(),
            line: line(viewer_way.at),
            list: line(relay.viewers),
            book: Arc::new(Book::create(folder, "watcher")?),
            chance: Chance::of(self.seed, "watcher"),
            heads: heads_told.clone(),
            stop: leaving[options.dashboards].clone(),
        };
        tasks.spawn("watcher", watcher.live());

        let faults = async {
            tokio::try_join!(
                self.torture_relay(&mut relay),
                self.torture_engines(&mut engines),
                self.torture_lines(&engine_way),
                self.watch(),
            )
        };
        faults.await?;

        eprintln!("torture: letting it become quiet");
        let mut problems = Vec::new();
        let mut problem = |law, what: String| problems.push(Problem { law, what });
        engine_way.set(Weather::default());
        viewer_way.set(Weather::default());
        engines.iter_mut().try_for_each(Engine::stop)?;
        let patience = Instant::now() + NEVER * 2;
        for engine in &mut engines {
            if let Err(err) = engine.quiet(patience - Instant::now()).await {
                problem("live", err.to_string());
            }
        }
        let door = line(relay.viewers);
        let told = self.settle(&door).await?;
        for (exec, (epoch, _)) in told.iter().flatten() {
            ask::whole(&door, &self.book, exec, epoch).await?;
        }
        heads.send_replace(told);
        for (at, done) in leaving.iter().enumerate() {
            if timeout(NEVER, done.cancelled()).await.is_err() {
                problem("c6", format!("viewer {at} never has everything"));
            }
        }
        stop.cancel();
        tasks.drain();
        // Their last lines are written by now, or never will be.
        sleep(Duration::from_millis(300)).await;
        tasks.end();
        for engine in &mut engines {
            engine.kill();
        }
        let (took, status) = relay.terminate().await?;
        self.faults().ended.push(took);
        if !status.success() {
            problem("live", format!("the relay ends with {status}"));
        }
        for line in relay.complaints()?.into_iter().take(10) {
            problem("live", format!("the relay says {line}"));
        }
        // What takes its time need not come about in less.
        let long = options.time.is_none_or(|it| it >= scenario.time);
        let missing = scenario.missing(&self.faults(), [engine_way.tally(), viewer_way.tally()]);
        for what in missing.into_iter().filter(|_| long) {
            problem(
                "idle",
                format!("{what}: it shows nothing of what it is about; give it more time"),
            );
        }
        let report = Report {
            name: scenario.name.to_owned(),
            seed: self.seed,
            durability: if durable { "store" } else { "memory" }.to_owned(),
            faults: self.faults().clone(),
            engine_lines: engine_way.tally(),
            dashboard_lines: viewer_way.tally(),
            folder: folder.to_owned(),
            ..Report::default()
        };
        Ok((report, problems))
    }

    fn faults(&self) -> std::sync::MutexGuard<'_, Faults> {
        self.faults.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn engines(
        &self,
        way: &Proxy,
        tls: Option<&Tls>,
        folder: &Path,
    ) -> anyhow::Result<Vec<Engine>> {
        let options = self.options;
        let count = options.engines.len() as u64;
        let mut engines = Vec::new();
        for (at, named) in options.engines.iter().enumerate() {
            let (language, form) = named.split_once(':').unwrap_or((named, "outbox"));
            let (language, program, first) = match language {
                "py" => ("py", &options.python, Some("tests/torture/engines/engine.py")),
                "go" => ("go", &options.go, None),
                other => bail!("there is no engine in {other}: py, go"),
            };
            let form = match form {
                "outbox" => "outbox",
                "client" => "client",
                other => bail!("no engine keeps {other}: outbox, client"),
            };
            let mut args = vec!["--target".to_owned(), way.at.to_string()];
            for (name, value) in [
                ("--seed", self.seed),
                ("--lanes", options.lanes),
                ("--steps", options.steps),
                ("--rate", (options.rate / count).max(1)),
                ("--gate-every", u64::from(self.scenario.gate_every)),
            ] {
                args.extend([name.to_owned(), value.to_string()]);
            }
            args.extend([
                "--dies-after-effect".to_owned(),
                self.scenario.dies_after_effect.to_string(),
            ]);
            if let Some(tls) = tls {
                // The proxy is no name that the certificate knows, but localhost is.
                args[1] = format!("localhost:{}", way.at.port());
                args.extend(["--tls-ca".to_owned(), tls.file("ca.pem").display().to_string()]);
            }
            let first = first.into_iter().map(str::to_owned).collect();
            let kind = EngineKind { form, program: program.clone(), args: first };
            engines.push(Engine::new(format!("{language}-{form}-{at}"), kind, args, folder));
        }
        Ok(engines)
    }

    /// Whether there was enough of everything that was asked for.
    fn is_enough(&self) -> bool {
        let options = self.options;
        let counts = [
            (options.kills, self.faults().relay_kills),
            (options.events, self.seen.events.load(Ordering::Relaxed)),
            (options.decisions, self.seen.decisions.load(Ordering::Relaxed)),
        ];
        let enough = counts.iter().all(|(wanted, had)| had >= wanted);
        let asked = counts.iter().any(|(wanted, _)| *wanted > 0);
        let late = Instant::now() >= self.until;
        // What was asked for in numbers has no end in time, unless that was asked for as well.
        if asked && options.time.is_none() { enough } else { late }
    }

    /// Waits between two faults; false when there are to be no more.
    async fn pause(&self, chance: &mut Chance, (least, most): (u64, u64)) -> bool {
        tokio::select! {
            () = sleep(chance.millis(least..most)) => !self.over.is_cancelled(),
            () = self.over.cancelled() => false,
        }
    }

    fn note(&self, what: &str) {
        self.book.add(Entry {
            op: Op::Fault,
            phase: Phase::Ok,
            reason: what.to_owned(),
            ..Entry::default()
        });
    }

    async fn torture_relay(&self, relay: &mut Relay) -> anyhow::Result<()> {
        let Some(between) = self.scenario.relay else {
            self.over.cancelled().await;
            return Ok(());
        };
        let mut chance = Chance::of(self.seed, "relay");
        while self.pause(&mut chance, between).await {
            let roll = chance.share();
            if roll < self.scenario.relay_hangs {
                self.note("the relay is stopped");
                self.faults().relay_hangs += 1;
                relay.hang(chance.millis(100..4_000)).await?;
                continue;
            }
            if roll < self.scenario.relay_hangs + self.scenario.relay_ends {
                self.note("the relay is ended");
                self.faults().relay_ends += 1;
                let (took, status) = relay.terminate().await?;
                self.faults().ended.push(took);
                if !status.success() {
                    bail!("the relay ends with {status}: see relay.log");
                }
            } else {
                self.note("the relay is killed");
                self.faults().relay_kills += 1;
                relay.kill()?;
            }
            let ready = relay.start().await.context("see relay.log")?;
            self.faults().ready.push(ready);
        }
        Ok(())
    }

    async fn torture_engines(&self, engines: &mut [Engine]) -> anyhow::Result<()> {
        let mut chance = Chance::of(self.seed, "engines");
        let mut next = Instant::now();
        loop {
            tokio::select! {
                () = sleep(Duration::from_millis(50)) => {}
                () = self.over.cancelled() => return Ok(()),
            }
            for engine in &mut *engines {
                if let Some(status) = engine.ended()? {
                    // It kills itself where the scenario says so; anything else is a fault of its own.
                    if self.scenario.dies_after_effect == 0.0 {
                        bail!("{} has ended by itself, with {status}: see {0}.log", engine.name);
                    }
                    self.faults().engines_died += 1;
                    engine.start()?;
                }
            }
            let Some((least, most)) = self.scenario.engines else { continue };
            if Instant::now() < next {
                continue;
            }
            next = Instant::now() + chance.millis(least..most);
            let at = usize::try_from(chance.within(0..engines.len() as u64)).unwrap_or(0);
            let engine = &mut engines[at];
            let roll = chance.share();
            if roll < self.scenario.engine_hangs {
                self.note(&format!("{} is stopped", engine.name));
                self.faults().engine_hangs += 1;
                engine.hang(chance.millis(100..3_000)).await?;
            } else if roll < self.scenario.engine_hangs + self.scenario.usurped {
                self.note(&format!("{} is usurped", engine.name));
                self.faults().engines_usurped += 1;
                engine.usurp(chance.millis(500..3_000)).await?;
            } else {
                self.note(&format!("{} is killed", engine.name));
                self.faults().engine_kills += 1;
                engine.kill();
                engine.start()?;
            }
        }
    }

    async fn torture_lines(&self, way: &Proxy) -> anyhow::Result<()> {
        let Some(between) = self.scenario.partitions else {
            self.over.cancelled().await;
            return Ok(());
        };
        let mut chance = Chance::of(self.seed, "lines");
        while self.pause(&mut chance, between).await {
            self.note("engines are cut off");
            self.faults().partitions += 1;
            let time = chance.millis(1_000..20_000);
            way.part(true);
            sleep(time).await;
            way.part(false);
        }
        Ok(())
    }

    /// Says how far it is, and when it is enough.
    async fn watch(&self) -> anyhow::Result<()> {
        let mut said = Instant::now();
        while !self.is_enough() {
            sleep(Duration::from_millis(100)).await;
            if said.elapsed() >= Duration::from_secs(5) {
                said = Instant::now();
                let faults = self.faults().clone();
                eprintln!(
                    "torture: {} kills, {} of engines, {} events, {} decisions, {:.0?} left",
                    faults.relay_kills,
                    faults.engine_kills,
                    self.seen.events.load(Ordering::Relaxed),
                    self.seen.decisions.load(Ordering::Relaxed),
                    self.until.saturating_duration_since(said)
                );
            }
        }
        self.over.cancel();
        Ok(())
    }

    /// Waits until nothing happens any more: where everything ends.
    async fn settle(&self, line: &Line) -> anyhow::Result<Heads> {
        let mut before = None;
        for _ in 0..60 {
            let now = ask::heads(line).await?;
            if now == before {
                return Ok(now);
            }
            before = now;
            sleep(Duration::from_secs(1)).await;
        }
        bail!("it never becomes quiet: something goes on for a minute after all engines have ended")
    }
}

/// Certificates of this run alone.
struct Tls {
    folder: PathBuf,
    trusted: Arc<rustls::ClientConfig>,
}

impl Tls {
    fn make(relay: &Path, folder: &Path) -> anyhow::Result<Self> {
        let folder = folder.join("certs");
        let made = std::process::Command::new(relay)
            .args(["certs", "init", "--dir"])
            .arg(&folder)
            .output()
            .context("can't run the relay")?;
        if !made.status.success() {
            bail!("no certificates: {}", String::from_utf8_lossy(&made.stderr));
        }
        let mut roots = rustls::RootCertStore::empty();
        use rustls::pki_types::{CertificateDer, pem::PemObject};
        roots.add(CertificateDer::from_pem_file(folder.join("ca.pem"))?)?;
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let config = rustls::ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()?
            .with_root_certificates(roots)
            .with_no_client_auth();
        Ok(Self { folder, trusted: Arc::new(config) })
    }

    fn file(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }

    fn trusted(&self) -> Arc<rustls::ClientConfig> {
        Arc::clone(&self.trusted)
    }

    fn args(&self) -> Vec<String> {
        let pair = [("cert", "server.pem"), ("key", "server-key.pem")];
        let flag = |door: &str, (part, name): &(&str, &str)| {
            [format!("--{door}-tls-{part}"), self.file(name).display().to_string()]
        };
        ["viewer", "engine"]
            .iter()
            .flat_map(|door| pair.iter().flat_map(|it| flag(door, it)))
            .collect()
    }
}

/// Has all that lies in a folder checked.
fn check(folder: &Path) -> anyhow::Result<(Vec<Problem>, crate::check::Figures)> {
    let mut files: Vec<PathBuf> = Vec::new();
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() {
            files.extend(Some(path.join("effects")).filter(|it| it.exists()));
        } else if path.extension().is_some_and(|it| it == "jsonl") {
            files.push(path);
        }
    }
    // What was promised, then what people asked for, then what engines did, each in its order.
    files.sort_by_key(|path| {
        let name = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
        let kind = match name.as_str() {
            "supervisor" => 0,
            "effects" => 3,
            name if name.starts_with("dashboard") || name == "watcher" => 1,
            _ => 2,
        };
        let (base, start) = name.rsplit_once('.').unwrap_or((&name, "0"));
        (kind, base.to_owned(), start.parse::<u64>().unwrap_or(0))
    });
    let mut checker = Checker::default();
    for file in files {
        history::read(&file, |entry| checker.take(&entry))
            .with_context(|| file.display().to_string())?;
    }
    Ok(checker.finish())
}
