//! `footplate demo`: the made-up engine, and a word on where to look.

use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::path::PathBuf;

use anyhow::Context;
use tracing::error;

use super::App;
use crate::config::Demo;
use crate::demo;
use crate::seams::{Address, Seams};

/// A file that goes when the demo goes.
#[derive(Debug)]
pub(super) struct Scrap(PathBuf);

impl Drop for Scrap {
    fn drop(&mut self) {
        // It lies among temporary files; whoever cleans there finds it.
        let _ = fs::remove_file(&self.0);
    }
}

impl App {
    /// Starts the made-up engine, and tells on standard output where to look.
    ///
    /// # Errors
    /// When the certificate that clients have to trust can't be written down.
    pub fn show(&mut self, settings: &Demo, seams: &Seams) -> anyhow::Result<()> {
        let scheme = if settings.pem.is_some() { "https" } else { "http" };
        let page = self.viewers_at.iter().find_map(port).context("the page has a port")?;
        let mut out = io::stdout().lock();
        let sockets = scheme.replace("http", "ws");
        let engines = self.engines_at.iter().find_map(port).context("engines have a port")?;
        writeln!(out, "Open {scheme}://localhost:{page}")?;
        writeln!(out, "  {sockets}://localhost:{page}/v1/stream             the native protocol")?;
        writeln!(out, "  {sockets}://localhost:{page}/api/dags/demo/stream  windags")?;
        writeln!(out, "  127.0.0.1:{engines}  engines of yours attach here (gRPC)")?;
        if let Some(pem) = &settings.pem {
            let path =
                std::env::temp_dir().join(format!("footplate-{:x}.pem", seams.chance.number()));
            let file = OpenOptions::new().write(true).create_new(true).open(&path);
            let written = file.and_then(|mut file| file.write_all(pem.as_bytes()));
            written.with_context(|| format!("can't write {}", path.display()))?;
            writeln!(
                out,
                "Nobody vouches for its certificate. Let clients trust {}",
                path.display()
            )?;
            self.scrap = Some(Scrap(path));
        }
        let target = demo::Target {
            uri: format!("http://127.0.0.1:{engines}").parse()?,
            token: None,
            clock: seams.clock.clone(),
            speed: 1.0,
        };
        let stop = self.engines.draining().clone();
        self.inside.spawn("demo", async move {
            if let Err(err) = demo::run(target, stop).await {
                error!(%err, "the demo's engine has stopped");
            }
        });
        Ok(())
    }
}

fn port(address: &Address) -> Option<u16> {
    match address {
        Address::Tcp(address) => Some(address.port()),
        Address::Unix(_) => None,
    }
}
