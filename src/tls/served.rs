//! What a door shows itself with: a certificate that can be replaced while the door is open, and
//! how the door speaks TLS. Connections that exist never notice a replacement.

use std::sync::Arc;

use arc_swap::ArcSwap;
use rustls::crypto::{CryptoProvider, aws_lc_rs, aws_lc_rs::cipher_suite as suite};
use rustls::server::danger::ClientCertVerifier;
use rustls::server::{
    ClientHello, NoClientAuth, NoServerSessionStorage, ResolvesServerCert,
    ServerSessionMemoryCache, StoresServerSessions,
};
use rustls::sign::CertifiedKey;
use rustls::{ServerConfig, version};
use tracing::{info, warn};

use super::files::{Contents, Print};
use super::watch::Kept;
use super::{Certificate, Fault, Files, Trust, Watch};
use crate::model::Timestamp;
use crate::seams::Clock;
use crate::telemetry::Metrics;

/// What the two doors speak, in the order in which they prefer it. Browsers open WebSockets over
/// HTTP/1.1 alone, and engines speak gRPC.
const VIEWERS: [&str; 2] = ["http/1.1", "h2"];
const ENGINES: [&str; 1] = ["h2"];
/// Sessions that clients may take up again.
const SESSIONS: usize = 256;

/// The certificate of one door.
#[derive(Debug, Clone)]
pub struct Served {
    shown: Arc<Shown>,
    from: Option<(Files, Print)>,
}

impl Served {
    /// A certificate that stays.
    pub fn fixed(certificate: Certificate) -> Self {
        Self { shown: Arc::new(Shown::new(certificate)), from: None }
    }

    /// The certificate in these files, to be read again as they change: see [`Served::watch`].
    ///
    /// # Errors
    /// The first fault that there is, with its remedy.
    pub fn from_files(files: Files) -> Result<Self, Fault> {
        let contents = files.read();
        let print = contents.print();
        let certificate = contents.certificate(&files)?;
        Ok(Self { from: Some((files, print)), ..Self::fixed(certificate) })
    }

    /// How the viewers' door speaks TLS.
    pub fn for_viewers(&self) -> Arc<ServerConfig> {
        Arc::new(self.server(&VIEWERS, Arc::new(NoClientAuth)))
    }

    /// How the engines' door speaks TLS.
    pub fn for_engines(&self) -> Arc<ServerConfig> {
        Arc::new(self.server(&ENGINES, Arc::new(NoClientAuth)))
    }

    /// The same, where engines show certificates that count by what `trust` says at this moment.
    /// `optional`: or none, because they can show something else. No session is taken up again: its
    /// certificate would not be looked at.
    pub fn for_known_engines(&self, trust: &Trust, optional: bool) -> Arc<ServerConfig> {
        let mut config = self.server(&ENGINES, trust.verifier(optional));
        config.session_storage = Arc::new(NoServerSessionStorage {});
        config.send_tls13_tickets = 0;
        Arc::new(config)
    }

    /// Begins to tell of the certificate, and gives who looks after its files; `None` if it has
    /// none. `door`: `viewer` or `engine`.
    pub fn watch(
        &self,
        door: &'static str,
        clock: &Clock,
        metrics: &Arc<Metrics>,
    ) -> Option<Watch> {
        self.shown.now().facts().tell(door, metrics, "certificate in use");
        let (files, print) = self.from.clone()?;
        let (shown, told) = (Arc::clone(&self.shown), Arc::clone(metrics));
        let kept = Own { door, files, shown, told_untimely: false, metrics: told };
        Some(Watch::new(kept, print, clock.clone(), Arc::clone(metrics)))
    }

    fn server(&self, speaks: &[&str], clients: Arc<dyn ClientCertVerifier>) -> ServerConfig {
        let mut config = ServerConfig::builder_with_provider(Arc::new(provider()))
            .with_protocol_versions(&[&version::TLS13, &version::TLS12])
            .expect("the provider has suites for both versions")
            .with_client_cert_verifier(clients)
            .with_cert_resolver(Arc::clone(&self.shown) as Arc<dyn ResolvesServerCert>);
        config.session_storage = Arc::clone(&self.shown) as Arc<dyn StoresServerSessions>;
        config.alpn_protocols = speaks.iter().map(|it| it.as_bytes().to_vec()).collect();
        config.ignore_client_order = true;
        config
    }
}

/// A door's certificate, and its files.
#[derive(Debug)]
struct Own {
    door: &'static str,
    files: Files,
    shown: Arc<Shown>,
    /// Whether somebody was told that the time of what is served is not now.
    told_untimely: bool,
    metrics: Arc<Metrics>,
}

impl Kept for Own {
    fn reader(&self) -> Box<dyn FnOnce() -> Contents + Send> {
        let files = self.files.clone();
        Box::new(move || files.read_again())
    }

    fn take(&mut self, contents: Contents) -> Result<(), Fault> {
        let certificate = contents.certificate(&self.files)?;
        let facts = certificate.facts().clone();
        self.shown.show(certificate);
        self.told_untimely = false;
        facts.tell(self.door, &self.metrics, "certificate reloaded; new connections are given it");
        Ok(())
    }

    fn refuse(&self, fault: &Fault) {
        let expires = self.shown.now().facts().expires;
        warn!(
            door = self.door, %expires,
            "the new certificate can't be served, and the old one still is: {fault}"
        );
    }

    fn affirm(&self) {
        info!(door = self.door, "the certificate in the files is the one that is served");
    }

    /// Tells once that clients refuse what is served.
    fn look_at_the_calendar(&mut self, now: Timestamp) {
        let shown = self.shown.now();
        let Some(untimely) = shown.facts().untimely(now) else { return };
        if !std::mem::replace(&mut self.told_untimely, true) {
            warn!(
                door = self.door,
                serial = shown.facts().serial,
                expires = %shown.facts().expires,
                "clients will refuse the certificate: {untimely}; put a new one in its files, \
                 which needs no restart"
            );
        }
    }
}

/// What handshakes are given at the moment.
#[derive(Debug)]
struct Shown {
    certificate: ArcSwap<Certificate>,
    sessions: ArcSwap<ServerSessionMemoryCache>,
}

impl Shown {
    fn new(certificate: Certificate) -> Self {
        Self {
            certificate: ArcSwap::from_pointee(certificate),
            sessions: ArcSwap::new(ServerSessionMemoryCache::new(SESSIONS)),
        }
    }

    fn now(&self) -> Arc<Certificate> {
        self.certificate.load_full()
    }

    /// From now on handshakes are given this one. Whoever has seen the one before takes up no
    /// session again: it looks at the new one first.
    fn show(&self, certificate: Certificate) {
        self.certificate.store(Arc::new(certificate));
        self.sessions.store(ServerSessionMemoryCache::new(SESSIONS));
    }
}

impl ResolvesServerCert for Shown {
    fn resolve(&self, _: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(self.certificate.load().both())
    }
}

impl StoresServerSessions for Shown {
    fn put(&self, key: Vec<u8>, value: Vec<u8>) -> bool {
        self.sessions.load().put(key, value)
    }

    fn get(&self, key: &[u8]) -> Option<Vec<u8>> {
        self.sessions.load().get(key)
    }

    fn take(&self, key: &[u8]) -> Option<Vec<u8>> {
        self.sessions.load().take(key)
    }

    fn can_cache(&self) -> bool {
        self.sessions.load().can_cache()
    }
}

/// The suites in our order: AES-128-GCM first, which is the cheapest wherever the processor knows
/// AES, and as strong as what it is used with.
pub(super) fn provider() -> CryptoProvider {
    CryptoProvider {
        cipher_suites: vec![
            suite::TLS13_AES_128_GCM_SHA256,
            suite::TLS13_AES_256_GCM_SHA384,
            suite::TLS13_CHACHA20_POLY1305_SHA256,
            suite::TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256,
            suite::TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256,
            suite::TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384,
            suite::TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384,
            suite::TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256,
            suite::TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256,
        ],
        ..aws_lc_rs::default_provider()
    }
}
