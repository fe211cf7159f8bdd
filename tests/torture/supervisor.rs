//! One run, from the first process to the last line: starts everything, lets the scenario happen,
//! lets everything become quiet, asks for the end, and has it checked.

use std::fs;
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use anyhow::{Context, bail};
use footplate::tasks::Tasks;
use tokio::sync::watch;
use tokio::time::{Instant, sleep, timeout};
use tokio_util::sync::CancellationToken;

use crate::ask;
use crate::chance::Chance;
use crate::check::{Checker, Figures, Problem};
use crate::dashboard;
use crate::history::{self, Book, Entry, Op};
use crate::line::Line;
use crate::options::Options;
use crate::processes::{Engine, NEVER, Relay};
use crate::proxy::{Proxy, Weather};
use crate::report::{Faults, Report};
use crate::scenario::{self, Scenario};
use crate::tls::Tls;
use crate::watcher::Watcher;
use crate::watching::Heads;

/// What the dashboards have come across so far: for the end of the run and for its progress.
#[derive(Debug, Default)]
pub(crate) struct Seen {
    pub(crate) events: AtomicU64,
    pub(crate) decisions: AtomicU64,
}

/// Everything of one run.
pub(crate) struct Run<'a> {
    pub(crate) options: &'a Options,
    pub(crate) scenario: Scenario,
    pub(crate) seed: u64,
    began: Instant,
    until: Instant,
    faults: Mutex<Faults>,
    pub(crate) seen: Arc<Seen>,
    pub(crate) over: CancellationToken,
    pub(crate) book: Book,
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
        began,
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
    problems.extend(too_few(options, &report.faults, &figures));
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
        let lines = [line(viewer_way.at), line(relay.viewers)];
        for dashboard in self.dashboards(lines, &heads_told, &stop, folder)? {
            leaving.push(dashboard.stop.clone());
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
        let long = self.began.elapsed() >= scenario.time;
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

    /// What was done so far.
    pub(crate) fn faults(&self) -> std::sync::MutexGuard<'_, Faults> {
        self.faults.lock().unwrap_or_else(PoisonError::into_inner)
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
        // What is asked for in numbers has no end in time, unless that is asked for as well.
        if asked { enough || (options.time.is_some() && late) } else { late }
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

/// What was asked for in numbers and has not come about: nothing less is shown than that.
fn too_few(options: &Options, faults: &Faults, figures: &Figures) -> Vec<Problem> {
    let demands = [
        ("kills of the relay", options.kills, faults.relay_kills),
        ("acknowledged events", options.events, figures.acked),
        ("recorded decisions", options.decisions, figures.recorded),
    ];
    let missed = demands.into_iter().filter(|(_, wanted, had)| had < wanted);
    let told = missed.map(|(what, wanted, had)| Problem {
        law: "few",
        what: format!(
            "{had} {what}, and {wanted} were demanded; give it more time, or an idle machine"
        ),
    });
    told.collect()
}

/// Has all that lies in a folder checked.
fn check(folder: &Path) -> anyhow::Result<(Vec<Problem>, Figures)> {
    let mut checker = Checker::default();
    for file in history::files(folder)? {
        history::read(&file, |entry| checker.take(&entry))
            .with_context(|| file.display().to_string())?;
    }
    Ok(checker.finish())
}
