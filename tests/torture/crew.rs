//! Who takes part: the engines that the command line names, and the dashboards.
//!
//! Nobody here must know what will be done to them.

use std::path::Path;
use std::sync::Arc;

use anyhow::{Context, bail};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use crate::chance::Chance;
use crate::dashboard::Dashboard;
use crate::history::Book;
use crate::line::Line;
use crate::processes::{Engine, EngineKind};
use crate::proxy::Proxy;
use crate::supervisor::Run;
use crate::tls::Tls;
use crate::watching::{Heads, Share};

impl Run<'_> {
    /// The engines, each with its own rate; none of them runs yet.
    pub(crate) fn engines(
        &self,
        way: &Proxy,
        tls: Option<&Tls>,
        folder: &Path,
    ) -> anyhow::Result<Vec<Engine>> {
        let options = self.options;
        let count = options.engines.len() as u64;
        let mut engines = Vec::new();
        for (at, named) in options.engines.iter().enumerate() {
            let mut parts = named.splitn(3, ':');
            let language = parts.next().unwrap_or_default();
            let form = parts.next().unwrap_or("outbox");
            let rate = match parts.next() {
                Some(rate) => rate.parse().with_context(|| format!("{named}: no rate"))?,
                None => (options.rate / count).max(1),
            };
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
                ("--rate", rate),
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

    /// The dashboards. The last one has a good line, and only watches what the others do.
    pub(crate) fn dashboards(
        &self,
        [near, good]: [Line; 2],
        heads: &watch::Receiver<Heads>,
        stop: &CancellationToken,
        folder: &Path,
    ) -> anyhow::Result<Vec<Dashboard>> {
        let of = self.options.dashboards;
        let mut all = Vec::new();
        for at in 0..of {
            let name = format!("dashboard-{at}");
            let watches = at + 1 == of && at > 0;
            all.push(Dashboard {
                line: if watches { good.clone() } else { near.clone() },
                book: Arc::new(Book::create(folder, &name)?),
                chance: Chance::of(self.seed, &name),
                acts: !watches,
                commands: self.scenario.commands && at == 0,
                heads: heads.clone(),
                stop: stop.child_token(),
                seen: Arc::clone(&self.seen),
                // Two at least, or nobody might decide where only the last one looks.
                share: Share { at, of, eyes: self.options.eyes.unwrap_or(of).max(2) },
                name,
            });
        }
        Ok(all)
    }
}
