//! A certificate with its key, known to belong together. It does not know where it is served.

use std::path::Path;
use std::sync::Arc;

use rustls::crypto::aws_lc_rs;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, pem, pem::PemObject};
use rustls::sign::CertifiedKey;
use rustls::{CertificateError, Error};

use super::{Facts, Fault, Files};

/// A certificate with its key, known to belong together.
#[derive(Debug, Clone)]
pub struct Certificate {
    both: Arc<CertifiedKey>,
    facts: Facts,
}

impl Certificate {
    /// Reads a chain, its own certificate first, and the key.
    ///
    /// # Errors
    /// The first fault that there is, with its remedy.
    pub fn load(certificate: &Path, key: &Path) -> Result<Self, Fault> {
        let files = Files { certificate: certificate.to_owned(), key: key.to_owned() };
        files.read().certificate(&files)
    }

    /// What it says of itself.
    pub fn facts(&self) -> &Facts {
        &self.facts
    }

    /// What is presented in a handshake.
    pub(super) fn both(&self) -> Arc<CertifiedKey> {
        Arc::clone(&self.both)
    }

    /// Reads what stands in both files.
    pub(super) fn read(files: &Files, chain: &[u8], secret: &[u8]) -> Result<Self, Fault> {
        let Files { certificate, key } = files;
        let chain: Vec<CertificateDer<'static>> = CertificateDer::pem_slice_iter(chain)
            .collect::<Result<_, _>>()
            .map_err(|err| Fault::NotPem(certificate.clone(), broken(&err)))?;
        if chain.is_empty() {
            return Err(Fault::NoCertificate(certificate.clone()));
        }
        let secret = match PrivateKeyDer::from_pem_slice(secret) {
            Ok(secret) => secret,
            Err(pem::Error::NoItemsFound) if is_encrypted(secret) => {
                return Err(Fault::Encrypted(key.clone()));
            }
            Err(pem::Error::NoItemsFound) => return Err(Fault::NoKey(key.clone())),
            Err(err) => return Err(Fault::NotPem(key.clone(), broken(&err))),
        };
        Self::of(chain, &secret).map_err(|err| match err {
            Unfit::Key(err) => Fault::BadKey(key.clone(), err),
            Unfit::Certificate(err) => Fault::BadCertificate(certificate.clone(), err),
            Unfit::Pair => Fault::Mismatch { certificate: certificate.clone(), key: key.clone() },
        })
    }

    /// Puts a chain and its key together.
    pub(super) fn of(
        chain: Vec<CertificateDer<'static>>,
        secret: &PrivateKeyDer<'_>,
    ) -> Result<Self, Unfit> {
        let damaged = || Unfit::Certificate(CertificateError::BadEncoding.into());
        let signer = aws_lc_rs::sign::any_supported_type(secret).map_err(Unfit::Key)?;
        let both = CertifiedKey::new(chain, signer);
        match both.keys_match() {
            Ok(()) => {}
            Err(Error::InconsistentKeys(_)) => return Err(Unfit::Pair),
            Err(err) => return Err(Unfit::Certificate(err)),
        }
        let facts = both.cert.first().and_then(|it| Facts::of(it)).ok_or_else(damaged)?;
        Ok(Self { both: Arc::new(both), facts })
    }
}

/// Why a chain and a key are no certificate.
#[derive(Debug)]
pub(super) enum Unfit {
    Key(Error),
    Certificate(Error),
    Pair,
}

/// What is wrong with a PEM file, without the bytes that stand there.
fn broken(err: &pem::Error) -> String {
    if matches!(err, pem::Error::MissingSectionEnd { .. }) {
        "a section has no end; is it still being written?".to_owned()
    } else if matches!(err, pem::Error::IllegalSectionStart { .. }) {
        "a line -----BEGIN is damaged".to_owned()
    } else {
        err.to_string()
    }
}

/// Both ways in which a PEM file says so.
fn is_encrypted(text: &[u8]) -> bool {
    let text = String::from_utf8_lossy(text);
    text.contains("BEGIN ENCRYPTED PRIVATE KEY") || text.contains("Proc-Type: 4,ENCRYPTED")
}
