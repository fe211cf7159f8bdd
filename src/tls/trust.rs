//! Whom we believe while doors are open: the authorities whose certificates count, of servers that we ask
//! and of engines that come to us, and what these have revoked. Read again when the files change. Nothing
//! is trusted because an environment variable says so.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use arc_swap::ArcSwap;
use rustls::ClientConfig;
use rustls::pki_types::{CertificateDer, UnixTime};
use rustls::server::danger::ClientCertVerifier;
use tracing::{info, warn};
use x509_parser::extensions::GeneralName;
use x509_parser::prelude::{FromDer, X509Certificate};

use super::believed::Believed;
use super::files::{Contents, Part, Print};
use super::watch::Kept;
use super::{Fault, Watch};
use crate::model::Timestamp;
use crate::seams::Clock;
use crate::telemetry::Metrics;

/// Where systems keep those that they trust.
const SYSTEM: [&str; 4] = [
    "/etc/ssl/certs/ca-certificates.crt",
    "/etc/pki/tls/certs/ca-bundle.crt",
    "/etc/ssl/ca-bundle.pem",
    "/etc/ssl/cert.pem",
];
/// Files of one directory of revocation lists.
const MOST: usize = 256;

/// Authorities that are trusted, and what they have revoked, as their files say it now. Clones are one.
#[derive(Debug, Clone)]
pub struct Trust {
    now: Arc<ArcSwap<Believed>>,
    from: Sources,
    print: Print,
}

/// Where it stands.
#[derive(Debug, Clone)]
struct Sources {
    authorities: PathBuf,
    /// Files, or directories of files.
    revoked: Vec<PathBuf>,
}

impl Trust {
    /// The authorities in a PEM file.
    ///
    /// # Errors
    /// It can't be read, or holds none.
    pub fn of_file(authorities: &Path) -> Result<Self, Fault> {
        Self::of_files(authorities, vec![])
    }

    /// The authorities in a PEM file, and what they have revoked: lists in PEM files, or in directories
    /// of such files. A certificate of an authority without a list is not revoked; one whose list is out
    /// of date does not count.
    ///
    /// # Errors
    /// The first file that can't be used.
    pub fn of_files(authorities: &Path, revoked: Vec<PathBuf>) -> Result<Self, Fault> {
        let from = Sources { authorities: authorities.to_owned(), revoked };
        let contents = from.read(Part::of);
        let print = contents.print();
        let now = Arc::new(ArcSwap::from_pointee(Believed::read(contents, 0)?));
        Ok(Self { now, from, print })
    }

    /// Those that this system trusts: the first of its usual files that there is. `None`: it has none,
    /// as an image of one file has none.
    pub fn of_system() -> Option<Self> {
        SYSTEM.iter().find_map(|path| Self::of_file(Path::new(path)).ok())
    }

    /// How to speak TLS, over HTTP/1.1, to servers whom these vouch for now.
    pub fn client(&self) -> Arc<ClientConfig> {
        self.now.load().client()
    }

    /// Who looks at the certificates of those who connect, now. `optional`: who has none may come in as
    /// well, and has to show something else.
    pub(super) fn verifier(&self, optional: bool) -> Arc<dyn ClientCertVerifier> {
        Arc::clone(self.now.load().verifier(optional))
    }

    /// Begins to tell of it, and gives who looks after its files. `whose`: `engines`, or `issuer`.
    pub fn watch(&self, whose: &'static str, clock: &Clock, metrics: &Arc<Metrics>) -> Watch {
        let (now, from) = (Arc::clone(&self.now), self.from.clone());
        let kept = Vouching { whose, from, now, told_stale: false, metrics: Arc::clone(metrics) };
        kept.tell("authorities in use");
        Watch::new(kept, self.print, clock.clone(), Arc::clone(metrics))
    }

    /// A chain that was shown at `at` and counted then.
    pub fn vouched(&self, chain: Arc<[CertificateDer<'static>]>, at: Timestamp) -> Vouched {
        let seconds = u64::try_from(at.0.div_euclid(1_000_000)).unwrap_or(0);
        let at = UnixTime::since_unix_epoch(Duration::from_secs(seconds));
        Vouched { chain, at, now: Arc::clone(&self.now), checked: AtomicU64::new(u64::MAX) }
    }
}

/// Somebody who has shown a certificate that counted.
#[derive(Debug)]
pub struct Vouched {
    chain: Arc<[CertificateDer<'static>]>,
    at: UnixTime,
    now: Arc<ArcSwap<Believed>>,
    /// The reading of the files by which it counted when somebody asked last.
    checked: AtomicU64,
}

impl Vouched {
    /// Whether it still counts: its authority is still trusted, and has not revoked it. That its time, or
    /// its list's, has passed since it was shown ends nothing that has begun. Looked up once for each
    /// reading of the files.
    pub fn stands(&self) -> bool {
        let now = self.now.load();
        if self.checked.load(Ordering::Relaxed) == now.reading {
            return true;
        }
        let Some((own, others)) = self.chain.split_first() else { return false };
        let fine = now.verifier(false).verify_client_cert(own, others, self.at).is_ok();
        if fine {
            self.checked.store(now.reading, Ordering::Relaxed);
        }
        fine
    }
}

impl Sources {
    /// All of them, the authorities first; a directory is what is in it. It blocks.
    fn read(&self, part: impl Fn(&Path) -> Part) -> Contents {
        let mut parts = vec![part(&self.authorities)];
        for path in &self.revoked {
            if path.is_dir() {
                parts.extend(inside(path, &part));
            } else {
                parts.push(part(path));
            }
        }
        Contents(parts)
    }
}

/// The files in a directory, by their names; one without a file is a fault. What is hidden is somebody
/// else's, such as the directories that Kubernetes keeps there.
fn inside(folder: &Path, part: &impl Fn(&Path) -> Part) -> Vec<Part> {
    let fault = |it| vec![Part { path: folder.to_owned(), text: Err(it) }];
    let entries = match fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(err) => return fault(Fault::Unreadable(folder.to_owned(), err)),
    };
    let hidden =
        |it: &PathBuf| it.file_name().is_none_or(|it| it.as_encoded_bytes().starts_with(b"."));
    let mut paths: Vec<PathBuf> = entries
        .filter_map(|it| it.ok().map(|it| it.path()))
        .filter(|it| !hidden(it) && !it.is_dir())
        .take(MOST + 1)
        .collect();
    paths.sort();
    match paths.len() {
        0 => fault(Fault::NoList(folder.to_owned())),
        1..=MOST => paths.iter().map(|it| part(it)).collect(),
        _ => fault(Fault::Crowded(folder.to_owned(), MOST)),
    }
}

/// What is trusted, and its files.
#[derive(Debug)]
struct Vouching {
    whose: &'static str,
    from: Sources,
    now: Arc<ArcSwap<Believed>>,
    /// Whether somebody was told that a list is out of date.
    told_stale: bool,
    metrics: Arc<Metrics>,
}

impl Vouching {
    fn tell(&self, news: &str) {
        let (now, whose) = (self.now.load(), self.whose);
        let (authorities, lists) = (now.roots.len(), now.lists.len());
        info!(whose, authorities, lists, "{news}");
        for list in &now.lists {
            let until = list.until.unwrap_or(Timestamp(0));
            info!(whose, issuer = list.issuer, names = list.names, %until, "revocation list in use");
        }
        if !self.from.revoked.is_empty() {
            let first = now.lists.iter().filter_map(|it| it.until).min().unwrap_or(Timestamp(0));
            self.metrics.revocation_expiry_timestamp.set(first.0.div_euclid(1_000_000));
        }
    }
}

impl Kept for Vouching {
    fn reader(&self) -> Box<dyn FnOnce() -> Contents + Send> {
        let from = self.from.clone();
        Box::new(move || from.read(Part::again))
    }

    fn take(&mut self, contents: Contents) -> Result<(), Fault> {
        let reading = self.now.load().reading + 1;
        self.now.store(Arc::new(Believed::read(contents, reading)?));
        self.told_stale = false;
        self.tell("authorities reloaded; new connections are judged by them");
        Ok(())
    }

    fn refuse(&self, fault: &Fault) {
        let whose = self.whose;
        warn!(
            whose,
            "the new authorities or revocation lists can't be used, and the old ones still count: {fault}"
        );
    }

    fn affirm(&self) {
        info!(whose = self.whose, "the authorities in the files are those that count");
    }

    fn look_at_the_calendar(&mut self, now: Timestamp) {
        let believed = self.now.load();
        let stale = believed.lists.iter().find(|it| it.until.is_some_and(|until| until < now));
        let Some(list) = stale else { return };
        if !std::mem::replace(&mut self.told_stale, true) {
            let until = list.until.unwrap_or(now);
            warn!(
                whose = self.whose, issuer = list.issuer, %until,
                "a revocation list is out of date, and whoever it could name is refused: put a newer one in \
                 its file, which needs no restart"
            );
        }
    }
}

/// Who a certificate says that its holder is: its first URI, or else its first DNS name. What else
/// stands in it (its common name above all) names nobody.
pub fn named(certificate: &[u8]) -> Option<String> {
    let (_, certificate) = X509Certificate::from_der(certificate).ok()?;
    let names = &certificate.subject_alternative_name().ok()??.value.general_names;
    let fine =
        |it: &&str| (1..=256).contains(&it.len()) && it.bytes().all(|c| c.is_ascii_graphic());
    let uri = |it: &GeneralName<'_>| {
        if let GeneralName::URI(it) = it { Some((*it).to_owned()) } else { None }
    };
    let dns = |it: &GeneralName<'_>| {
        if let GeneralName::DNSName(it) = it { Some((*it).to_owned()) } else { None }
    };
    let name = names.iter().find_map(uri).or_else(|| names.iter().find_map(dns))?;
    Some(name).filter(|it| fine(&it.as_str()))
}
