//! Whom we believe: the authorities whose certificates count, of servers that we ask and of engines that
//! come to us. Nothing is trusted because an environment variable says so.

use std::path::Path;
use std::sync::Arc;

use rustls::pki_types::{CertificateDer, pem::PemObject};
use rustls::server::WebPkiClientVerifier;
use rustls::server::danger::ClientCertVerifier;
use rustls::{ClientConfig, RootCertStore};
use x509_parser::extensions::GeneralName;
use x509_parser::prelude::FromDer;
use x509_parser::prelude::X509Certificate;

use super::Fault;
use super::files::read;
use super::served::provider;

/// Where systems keep those that they trust.
const SYSTEM: [&str; 4] = [
    "/etc/ssl/certs/ca-certificates.crt",
    "/etc/pki/tls/certs/ca-bundle.crt",
    "/etc/ssl/ca-bundle.pem",
    "/etc/ssl/cert.pem",
];

/// Authorities that are trusted.
#[derive(Debug, Clone)]
pub struct Trust(Arc<RootCertStore>);

impl Trust {
    /// Those in a PEM file.
    ///
    /// # Errors
    /// It can't be read, or holds none.
    pub fn of_file(path: &Path) -> Result<Self, Fault> {
        let text = read(path)?;
        let mut roots = RootCertStore::empty();
        for authority in CertificateDer::pem_slice_iter(&text) {
            let authority =
                authority.map_err(|it| Fault::NotPem(path.to_owned(), it.to_string()))?;
            // Of a long list some may be of a kind that nobody uses any more.
            drop(roots.add(authority));
        }
        if roots.is_empty() {
            Err(Fault::NoCertificate(path.to_owned()))
        } else {
            Ok(Self(roots.into()))
        }
    }

    /// Those that this system trusts: the first of its usual files that there is. `None`: it has none,
    /// as an image of one file has none.
    pub fn of_system() -> Option<Self> {
        SYSTEM.iter().find_map(|path| Self::of_file(Path::new(path)).ok())
    }

    /// How to speak TLS to servers, over HTTP/1.1.
    pub fn client(&self) -> Arc<ClientConfig> {
        let mut config = ClientConfig::builder_with_provider(Arc::new(provider()))
            .with_safe_default_protocol_versions()
            .expect("the provider has suites for both versions")
            .with_root_certificates(Arc::clone(&self.0))
            .with_no_client_auth();
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        Arc::new(config)
    }

    /// Who looks at the certificates of those who connect. `optional`: who has none may come in as well,
    /// and has to show something else.
    pub(super) fn verifier(&self, optional: bool) -> Arc<dyn ClientCertVerifier> {
        let builder =
            WebPkiClientVerifier::builder_with_provider(Arc::clone(&self.0), Arc::new(provider()));
        let builder = if optional { builder.allow_unauthenticated() } else { builder };
        builder.build().expect("there is an authority")
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
