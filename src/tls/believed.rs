//! Whom we believe at one moment: authorities, and what they have revoked. It reads no file.

use std::fmt;
use std::sync::Arc;

use rustls::pki_types::{CertificateDer, CertificateRevocationListDer, pem::PemObject};
use rustls::server::WebPkiClientVerifier;
use rustls::server::danger::ClientCertVerifier;
use rustls::{ClientConfig, RootCertStore, client::Resumption};
use x509_parser::prelude::{CertificateRevocationList, FromDer};

use super::Fault;
use super::files::{Contents, Part};
use super::served::provider;
use crate::model::Timestamp;

/// Authorities, and what they have revoked.
pub(super) struct Believed {
    /// Which reading of the files this is.
    pub(super) reading: u64,
    pub(super) roots: Arc<RootCertStore>,
    pub(super) lists: Vec<List>,
    verifier: Arc<dyn ClientCertVerifier>,
    optional: Arc<dyn ClientCertVerifier>,
}

/// A revocation list.
pub(super) struct List {
    der: CertificateRevocationListDer<'static>,
    /// Who has issued it, without control characters.
    pub(super) issuer: String,
    /// When it was issued.
    made: Timestamp,
    /// When there has to be a newer one.
    pub(super) until: Option<Timestamp>,
    /// How many certificates it names.
    pub(super) names: usize,
}

impl fmt::Debug for Believed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Believed")
            .field("reading", &self.reading)
            .field("authorities", &self.roots.len())
            .field("lists", &self.lists.len())
            .finish_non_exhaustive()
    }
}

impl Believed {
    /// What stands in files: the authorities in the first, revocation lists in the others.
    ///
    /// # Errors
    /// The first file that can't be used.
    pub(super) fn read(contents: Contents, reading: u64) -> Result<Self, Fault> {
        let mut parts = contents.0.into_iter();
        let roots = Arc::new(authorities(parts.next().expect("authorities stand in a file"))?);
        let mut lists = vec![];
        for part in parts {
            lists.extend(revoked(part, &roots)?);
        }
        // Of several lists of one issuer the first is asked.
        lists.sort_by_key(|it| std::cmp::Reverse(it.made));
        let all = |optional| {
            let ders = lists.iter().map(|it| it.der.clone());
            verifier(&roots, ders, optional).expect("each list could be used by itself")
        };
        let (verifier, optional) = (all(false), all(true));
        Ok(Self { reading, roots, lists, verifier, optional })
    }

    /// Who looks at the certificates of those who connect. `optional`: who has none may come in as well,
    /// and has to show something else.
    pub(super) fn verifier(&self, optional: bool) -> &Arc<dyn ClientCertVerifier> {
        if optional { &self.optional } else { &self.verifier }
    }

    /// How to speak TLS to servers, over HTTP/1.1. No session is taken up again: the server's certificate
    /// would not be looked at.
    pub(super) fn client(&self) -> Arc<ClientConfig> {
        let mut config = ClientConfig::builder_with_provider(Arc::new(provider()))
            .with_safe_default_protocol_versions()
            .expect("the provider has suites for both versions")
            .with_root_certificates(Arc::clone(&self.roots))
            .with_no_client_auth();
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        config.resumption = Resumption::disabled();
        Arc::new(config)
    }
}

fn authorities(Part { path, text }: Part) -> Result<RootCertStore, Fault> {
    let (text, mut roots) = (text?, RootCertStore::empty());
    for authority in CertificateDer::pem_slice_iter(&text) {
        let authority = authority.map_err(|it| Fault::NotPem(path.clone(), it.to_string()))?;
        // Of a long list some may be of a kind that nobody uses any more.
        drop(roots.add(authority));
    }
    if roots.is_empty() { Err(Fault::NoAuthority(path)) } else { Ok(roots) }
}

fn revoked(Part { path, text }: Part, roots: &Arc<RootCertStore>) -> Result<Vec<List>, Fault> {
    let (text, mut all) = (text?, vec![]);
    for der in CertificateRevocationListDer::pem_slice_iter(&text) {
        let der = der.map_err(|it| Fault::NotPem(path.clone(), it.to_string()))?;
        let bad = |what: String| Fault::BadList(path.clone(), what);
        verifier(roots, [der.clone()], false).map_err(|it| bad(it.to_string()))?;
        let (_, read) = CertificateRevocationList::from_der(&der).map_err(|_| {
            let what = "it is damaged";
            bad(what.to_owned())
        })?;
        let time = |seconds: i64| Timestamp(seconds.saturating_mul(1_000_000));
        let list = List {
            issuer: read.issuer().to_string().escape_debug().to_string(),
            made: time(read.last_update().timestamp()),
            until: read.next_update().map(|it| time(it.timestamp())),
            names: read.iter_revoked_certificates().count(),
            der: der.clone(),
        };
        all.push(list);
    }
    if all.is_empty() { Err(Fault::NoList(path)) } else { Ok(all) }
}

/// The whole chain is looked up, but for the authority itself. A list that is out of date vouches for
/// nobody; who has none says that it revokes nothing.
fn verifier(
    roots: &Arc<RootCertStore>,
    lists: impl IntoIterator<Item = CertificateRevocationListDer<'static>>,
    optional: bool,
) -> Result<Arc<dyn ClientCertVerifier>, rustls::server::VerifierBuilderError> {
    let builder =
        WebPkiClientVerifier::builder_with_provider(Arc::clone(roots), Arc::new(provider()))
            .with_crls(lists)
            .allow_unknown_revocation_status()
            .enforce_revocation_expiration();
    if optional { builder.allow_unauthenticated().build() } else { builder.build() }
}
