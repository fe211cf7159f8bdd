//! TLS: how certificates are read, what is wrong with them in words that help, and what a door
//! speaks. It never opens a socket.

use std::{
    fs, io,
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
    path::{Path, PathBuf},
    sync::Arc,
};

use rustls::crypto::{CryptoProvider, aws_lc_rs, aws_lc_rs::cipher_suite as suite};
use rustls::pki_types::{CertificateDer, PrivateKeyDer, pem, pem::PemObject};
use rustls::server::ResolvesServerCert;
use rustls::sign::{CertifiedKey, SingleCertAndKey};
use rustls::{ServerConfig, version};

/// What the two doors speak, in the order in which they prefer it. Browsers open WebSockets over
/// HTTP/1.1 alone, and engines speak gRPC.
const VIEWERS: [&str; 2] = ["http/1.1", "h2"];
const ENGINES: [&str; 1] = ["h2"];

/// A certificate with its key, known to belong together.
#[derive(Debug, Clone)]
pub struct Certificate(Arc<CertifiedKey>);

/// Why a certificate can't be used.
#[derive(Debug, thiserror::Error)]
pub enum Fault {
    /// There is no such file.
    #[error("{} does not exist; write the path of a PEM file", .0.display())]
    Missing(PathBuf),
    /// It is a directory.
    #[error("{} is a directory; write the path of the PEM file in it", .0.display())]
    Directory(PathBuf),
    /// It can't be read.
    #[error(
        "{} can't be read ({err}); let the user that the relay runs as read it",
        .0.display(),
        err = .1
    )]
    Unreadable(PathBuf, io::Error),
    /// It holds no PEM, or damaged PEM.
    #[error(
        "{} is not PEM ({err}); convert it with `openssl x509 -inform der` or `openssl pkey -inform der`",
        .0.display(),
        err = .1
    )]
    NotPem(PathBuf, String),
    /// It holds no certificate.
    #[error(
        "{} holds no certificate; it needs a section `BEGIN CERTIFICATE`. Are the two files swapped?",
        .0.display()
    )]
    NoCertificate(PathBuf),
    /// It holds no private key.
    #[error(
        "{} holds no private key; it needs a section `BEGIN PRIVATE KEY`. Are the two files swapped?",
        .0.display()
    )]
    NoKey(PathBuf),
    /// Its key has a pass phrase.
    #[error(
        "the key in {} has a pass phrase, which nobody is there to type; write it without one with `openssl pkey`",
        .0.display()
    )]
    Encrypted(PathBuf),
    /// Its key is of a kind that can't be used, or damaged.
    #[error(
        "the key in {} can't be used ({err}); make an ECDSA P-256, Ed25519 or RSA key of at least 2048 bits",
        .0.display(),
        err = .1
    )]
    BadKey(PathBuf, rustls::Error),
    /// Its certificate is damaged.
    #[error("the certificate in {} can't be used ({err}); have it issued again", .0.display(), err = .1)]
    BadCertificate(PathBuf, rustls::Error),
    /// The key is another certificate's.
    #[error(
        "the key in {} is not that of the first certificate in {}; name the key that it was issued for, and put it before those that issued it",
        .key.display(),
        .certificate.display()
    )]
    Mismatch {
        /// The file of the certificate.
        certificate: PathBuf,
        /// The file of the key.
        key: PathBuf,
    },
}

impl Fault {
    /// The file that is at fault; of a pair that doesn't match, the key's.
    pub fn path(&self) -> &Path {
        match self {
            Self::Missing(path)
            | Self::Directory(path)
            | Self::Unreadable(path, _)
            | Self::NotPem(path, _)
            | Self::NoCertificate(path)
            | Self::NoKey(path)
            | Self::Encrypted(path)
            | Self::BadKey(path, _)
            | Self::BadCertificate(path, _)
            | Self::Mismatch { key: path, .. } => path,
        }
    }
}

impl Certificate {
    /// Reads a chain, its own certificate first, and the key.
    ///
    /// # Errors
    /// The first fault that there is, with its remedy.
    pub fn load(certificate: &Path, key: &Path) -> Result<Self, Fault> {
        let chain = read(certificate)?;
        let secret = read(key)?;
        let chain: Vec<CertificateDer<'static>> = CertificateDer::pem_slice_iter(&chain)
            .collect::<Result<_, _>>()
            .map_err(|err| Fault::NotPem(certificate.to_owned(), err.to_string()))?;
        if chain.is_empty() {
            return Err(Fault::NoCertificate(certificate.to_owned()));
        }
        let secret = match PrivateKeyDer::from_pem_slice(&secret) {
            Ok(secret) => secret,
            Err(pem::Error::NoItemsFound) if is_encrypted(&secret) => {
                return Err(Fault::Encrypted(key.to_owned()));
            }
            Err(pem::Error::NoItemsFound) => return Err(Fault::NoKey(key.to_owned())),
            Err(err) => return Err(Fault::NotPem(key.to_owned(), err.to_string())),
        };
        let signer = aws_lc_rs::sign::any_supported_type(&secret)
            .map_err(|err| Fault::BadKey(key.to_owned(), err))?;
        let both = CertifiedKey::new(chain, signer);
        match both.keys_match() {
            Ok(()) => {}
            Err(rustls::Error::InconsistentKeys(_)) => {
                let (certificate, key) = (certificate.to_owned(), key.to_owned());
                return Err(Fault::Mismatch { certificate, key });
            }
            Err(err) => return Err(Fault::BadCertificate(certificate.to_owned(), err)),
        }
        Ok(Self(Arc::new(both)))
    }

    /// How the viewers' door speaks TLS.
    pub fn for_viewers(&self) -> Arc<ServerConfig> {
        self.server(&VIEWERS)
    }

    /// How the engines' door speaks TLS.
    pub fn for_engines(&self) -> Arc<ServerConfig> {
        self.server(&ENGINES)
    }

    fn server(&self, speaks: &[&str]) -> Arc<ServerConfig> {
        let certificate: Arc<dyn ResolvesServerCert> =
            Arc::new(SingleCertAndKey::from(Arc::clone(&self.0)));
        let mut config = ServerConfig::builder_with_provider(Arc::new(provider()))
            .with_protocol_versions(&[&version::TLS13, &version::TLS12])
            .expect("the provider has suites for both versions")
            .with_no_client_auth()
            .with_cert_resolver(certificate);
        config.alpn_protocols = speaks.iter().map(|it| it.as_bytes().to_vec()).collect();
        config.ignore_client_order = true;
        Arc::new(config)
    }
}

/// The suites in our order: AES-128-GCM first, which is the cheapest wherever the processor knows
/// AES, and as strong as what it is used with.
fn provider() -> CryptoProvider {
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

fn read(path: &Path) -> Result<Vec<u8>, Fault> {
    match fs::read(path) {
        Ok(text) if text.windows(11).any(|it| it == b"-----BEGIN ") => Ok(text),
        Ok(_) => Err(Fault::NotPem(path.to_owned(), "no line begins with -----BEGIN".to_owned())),
        Err(_) if path.is_dir() => Err(Fault::Directory(path.to_owned())),
        Err(err) if err.kind() == io::ErrorKind::NotFound => Err(Fault::Missing(path.to_owned())),
        Err(err) => Err(Fault::Unreadable(path.to_owned(), err)),
    }
}

/// Both ways in which a PEM file says so.
fn is_encrypted(text: &[u8]) -> bool {
    let text = String::from_utf8_lossy(text);
    text.contains("BEGIN ENCRYPTED PRIVATE KEY") || text.contains("Proc-Type: 4,ENCRYPTED")
}

/// A certificate for this machine that nobody vouches for, for trying things out.
#[derive(Debug)]
pub struct SelfSigned {
    /// It, with its key.
    pub certificate: Certificate,
    /// It, as PEM: what a client has to trust.
    pub pem: String,
}

/// Makes a certificate for `localhost`, `127.0.0.1` and `::1`, with a key that is nowhere else.
///
/// # Errors
/// What the cryptography says; it does not in practice.
pub fn self_signed() -> Result<SelfSigned, rcgen::Error> {
    let addresses: [IpAddr; 2] = [Ipv4Addr::LOCALHOST.into(), Ipv6Addr::LOCALHOST.into()];
    let mut names = vec!["localhost".to_owned()];
    names.extend(addresses.map(|it| it.to_string()));
    let rcgen::CertifiedKey { cert, signing_key } = rcgen::generate_simple_self_signed(names)?;
    let secret = PrivateKeyDer::try_from(signing_key.serialize_der())
        .map_err(|_| rcgen::Error::CouldNotParseKeyPair)?;
    let signer = aws_lc_rs::sign::any_supported_type(&secret)
        .map_err(|_| rcgen::Error::CouldNotParseKeyPair)?;
    let both = CertifiedKey::new(vec![cert.der().clone()], signer);
    Ok(SelfSigned { certificate: Certificate(Arc::new(both)), pem: cert.pem() })
}
