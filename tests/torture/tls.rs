//! The certificates of one run.
//!
//! They must never be trusted by anybody else: they are made anew each time.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{Context, bail};
use rustls::pki_types::{CertificateDer, pem::PemObject};

/// Certificates of this run alone.
pub(crate) struct Tls {
    folder: PathBuf,
    trusted: Arc<rustls::ClientConfig>,
}

impl Tls {
    /// Makes them with the relay's own command.
    pub(crate) fn make(relay: &Path, folder: &Path) -> anyhow::Result<Self> {
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
        roots.add(CertificateDer::from_pem_file(folder.join("ca.pem"))?)?;
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let config = rustls::ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()?
            .with_root_certificates(roots)
            .with_no_client_auth();
        Ok(Self { folder, trusted: Arc::new(config) })
    }

    /// One of its files.
    pub(crate) fn file(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }

    /// What trusts them.
    pub(crate) fn trusted(&self) -> Arc<rustls::ClientConfig> {
        Arc::clone(&self.trusted)
    }

    /// What the relay has to be told.
    pub(crate) fn args(&self) -> Vec<String> {
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
