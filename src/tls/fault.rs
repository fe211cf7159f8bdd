//! What can be wrong with a certificate's files, in words that help. It judges nothing itself.

use std::io;
use std::path::{Path, PathBuf};

/// Why a certificate can't be used.
#[derive(Debug, thiserror::Error)]
pub enum Fault {
    /// There is no such file.
    #[error("{} does not exist; write the path of a PEM file", .0.display())]
    Missing(PathBuf),
    /// It is a directory.
    #[error("{} is a directory; write the path of the PEM file in it", .0.display())]
    Directory(PathBuf),
    /// It is larger than anything that is read here.
    #[error("{} is larger than 1 MiB, which is more than is read; write the path of a PEM file", .0.display())]
    TooLarge(PathBuf),
    /// It can be read only once, so what is in it now can't be known.
    #[error(
        "{} is no plain file, and what is not can't be read again; write the path of one, or start \
         the relay anew for what is new",
        .0.display()
    )]
    Once(PathBuf),
    /// It can't be read.
    #[error(
        "{} can't be read ({err}); let the user that the relay runs as read it",
        .0.display(),
        err = .1
    )]
    Unreadable(PathBuf, io::Error),
    /// It holds no PEM, or damaged PEM.
    #[error(
        "{} is not PEM ({err}); convert it with `openssl x509 -inform der`, `openssl pkey -inform der` or \
         `openssl crl -inform der`",
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
    /// It holds no authority.
    #[error("{} holds no authority that can vouch for anybody; write the path of the CA's certificate", .0.display())]
    NoAuthority(PathBuf),
    /// It holds no revocation list; or it is a directory in which no file is.
    #[error(
        "{} holds no revocation list; it needs a section `BEGIN X509 CRL`, or to be a directory of files \
         that have one",
        .0.display()
    )]
    NoList(PathBuf),
    /// It is a directory of too many files.
    #[error("{} holds more than {most} files; leave those there that are revocation lists", .0.display(), most = .1)]
    Crowded(PathBuf, usize),
    /// Its revocation list can't be used.
    #[error(
        "the revocation list in {} can't be used ({err}); have a whole one issued, version 2 with a next \
         update, neither indirect nor a delta",
        .0.display(),
        err = .1
    )]
    BadList(PathBuf, String),
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
            | Self::TooLarge(path)
            | Self::Once(path)
            | Self::Unreadable(path, _)
            | Self::NotPem(path, _)
            | Self::NoCertificate(path)
            | Self::NoAuthority(path)
            | Self::NoList(path)
            | Self::Crowded(path, _)
            | Self::BadList(path, _)
            | Self::NoKey(path)
            | Self::Encrypted(path)
            | Self::BadKey(path, _)
            | Self::BadCertificate(path, _)
            | Self::Mismatch { key: path, .. } => path,
        }
    }
}
