//! `footplate demo`: the made-up engine, and a word on where to look.

use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::path::PathBuf;

use anyhow::Context;

use super::App;
use crate::config::Demo;
use crate::seams::{Address, Chance};

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
    pub fn show(&mut self, demo: &Demo, chance: &Chance) -> anyhow::Result<()> {
        let scheme = if demo.pem.is_some() { "https" } else { "http" };
        let port = self.viewers_at.iter().find_map(port).context("the page has a port")?;
        let mut out = io::stdout().lock();
        writeln!(out, "Open {scheme}://localhost:{port}")?;
        if let Some(pem) = &demo.pem {
            let path = std::env::temp_dir().join(format!("footplate-{:x}.pem", chance.number()));
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
        // The engine of branch `demo` starts here:
        // demo::run(Target { uri, .. }, self.engines.draining().clone())
        Ok(())
    }
}

fn port(address: &Address) -> Option<u16> {
    match address {
        Address::Tcp(address) => Some(address.port()),
        Address::Unix(_) => None,
    }
}
