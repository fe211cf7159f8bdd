//! A small certificate authority of one's own: it issues certificates for servers, in memory. It
//! writes no file and has no clock.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::time::Duration;

use rcgen::{
    BasicConstraints, CertificateParams, DnType, Error, ExtendedKeyUsagePurpose, IsCa, Issuer,
    KeyPair, KeyUsagePurpose, PublicKeyData, date_time_ymd,
};
use rustls::pki_types::{CertificateDer, DnsName, pem::PemObject};
use sha2::{Digest, Sha256};
use x509_parser::prelude::{FromDer, X509Certificate};

use super::Facts;
use crate::model::Timestamp;

const DAY: Duration = Duration::from_secs(86_400);
/// Ten years.
const AUTHORITY_LIVES: Duration = DAY.saturating_mul(3_652);
/// Browsers take no longer ones from authorities that people have added.
const SERVER_LIVES: Duration = DAY.saturating_mul(397);
/// For clocks that are late.
const BEFORE: Duration = Duration::from_secs(3_600);

/// What a server is called by its clients.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Name {
    /// A host name, in lower case.
    Host(String),
    /// An IP address.
    Ip(IpAddr),
}

impl Name {
    /// Reads a host name or an IP address, alone. What nobody can connect to is none, and neither
    /// is a pattern.
    pub fn parse(text: &str) -> Option<Self> {
        if let Ok(ip) = text.parse::<IpAddr>() {
            return (!ip.is_unspecified() && !ip.is_multicast()).then_some(Self::Ip(ip));
        }
        let name = text.to_ascii_lowercase();
        let fine = DnsName::try_from(name.as_str()).is_ok() && !name.ends_with('.');
        fine.then_some(Self::Host(name))
    }

    /// The names by which every machine calls itself.
    pub fn of_this_machine() -> [Self; 3] {
        [
            Self::Host("localhost".to_owned()),
            Self::Ip(Ipv4Addr::LOCALHOST.into()),
            Self::Ip(Ipv6Addr::LOCALHOST.into()),
        ]
    }
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Host(name) => f.write_str(name),
            Self::Ip(ip) => ip.fmt(f),
        }
    }
}

/// An authority, with the key that it signs with.
#[derive(Debug)]
pub struct Authority {
    pem: String,
    der: CertificateDer<'static>,
    facts: Facts,
    issuer: Issuer<'static, KeyPair>,
}

/// A server's certificate and its key.
pub struct Issued {
    /// The chain as PEM: it, and who has issued it.
    pub chain: String,
    /// The key as PEM.
    pub key: String,
    /// What it says of itself.
    pub facts: Facts,
}

impl fmt::Debug for Issued {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Issued").field("facts", &self.facts).finish_non_exhaustive()
    }
}

impl Authority {
    /// A new one, for ten years, which may issue for servers alone and make no further authority.
    ///
    /// # Errors
    /// What the cryptography says; it does not in practice.
    pub fn make(now: Timestamp) -> Result<Self, Error> {
        let key = KeyPair::generate()?;
        let mut it = CertificateParams::default();
        it.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
        it.key_usages = vec![KeyUsagePurpose::KeyCertSign];
        // Each has its own name: a browser that knows two of the same name takes one for the other.
        let mark = Sha256::digest(key.der_bytes());
        let mark =
            mark.iter().take(4).fold(String::new(), |text, byte| format!("{text}{byte:02x}"));
        it.distinguished_name.push(DnType::CommonName, format!("Footplate local CA {mark}"));
        let begins = now.0 - micros(BEFORE);
        let lives = [begins, now.0 + micros(AUTHORITY_LIVES)];
        [it.not_before, it.not_after] = lives.map(|at| date_time_ymd(1970, 1, 1) + since(at));
        let made = it.self_signed(&key)?;
        Self::read(&made.pem(), &key.serialize_pem(), now)
            .map_err(|_| Error::CouldNotParseCertificate)
    }

    /// The one with this certificate and this key, both as PEM.
    ///
    /// # Errors
    /// What is wrong with them, as the end of a sentence that begins with neither.
    pub fn read(pem: &str, key: &str, now: Timestamp) -> Result<Self, &'static str> {
        let der = CertificateDer::from_pem_slice(pem.as_bytes())
            .map_err(|_| "ca.pem holds no whole certificate")?;
        let facts = Facts::of(&der).ok_or("ca.pem holds no whole certificate")?;
        let (_, read) = X509Certificate::from_der(&der).map_err(|_| "ca.pem is damaged")?;
        let key = KeyPair::from_pem(key).map_err(|_| "ca-key.pem holds no whole private key")?;
        if read.public_key().raw != key.subject_public_key_info() {
            return Err("ca-key.pem is not the key of ca.pem");
        }
        let usage = read.key_usage().ok().flatten();
        if !read.is_ca() || usage.is_some_and(|it| !it.value.key_cert_sign()) {
            return Err("ca.pem is no authority's certificate");
        }
        if read.verify_signature(None).is_err() {
            return Err("ca.pem is not signed by ca-key.pem");
        }
        if facts.untimely(now).is_some() {
            return Err("ca.pem has expired, or its time has not begun");
        }
        let issuer = Issuer::from_ca_cert_der(&der, key)
            .map_err(|_| "ca.pem says what Footplate does not understand")?;
        Ok(Self { pem: pem.to_owned(), der, facts, issuer })
    }

    /// What clients have to trust, as PEM.
    pub fn pem(&self) -> &str {
        &self.pem
    }

    /// Its key as PEM: whoever has it can show itself as anybody to those who trust the authority.
    pub fn key(&self) -> String {
        self.issuer.key().serialize_pem()
    }

    /// What its certificate says of itself.
    pub fn facts(&self) -> &Facts {
        &self.facts
    }

    /// Whether a chain ends with this authority.
    pub fn has_issued(&self, chain: &str) -> bool {
        let mut chain = CertificateDer::pem_slice_iter(chain.as_bytes());
        chain.any(|it| it.is_ok_and(|it| it == self.der))
    }

    /// Issues a certificate for a server by these names, for 397 days or as long as the authority
    /// lives.
    ///
    /// # Errors
    /// What the cryptography says; it does not in practice.
    pub fn issue(&self, names: &[Name], now: Timestamp) -> Result<Issued, Error> {
        let key = KeyPair::generate()?;
        let names: Vec<String> = names.iter().map(ToString::to_string).collect();
        let mut it = CertificateParams::new(names)?;
        it.is_ca = IsCa::ExplicitNoCa;
        it.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        it.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        it.use_authority_key_identifier_extension = true;
        it.distinguished_name = rcgen::DistinguishedName::new();
        it.distinguished_name.push(DnType::CommonName, "Footplate");
        let begins = now.0 - micros(BEFORE);
        // Both its first and its last second count.
        let ends = (begins + micros(SERVER_LIVES) - 1_000_000).min(self.facts.expires.0);
        [it.not_before, it.not_after] =
            [begins, ends].map(|at| date_time_ymd(1970, 1, 1) + since(at));
        let made = it.signed_by(&key, &self.issuer)?;
        let facts = Facts::of(made.der()).ok_or(Error::CouldNotParseCertificate)?;
        Ok(Issued { chain: made.pem() + &self.pem, key: key.serialize_pem(), facts })
    }
}

fn micros(time: Duration) -> i64 {
    i64::try_from(time.as_micros()).expect("decades fit")
}

/// How long after 1970 that is.
fn since(micros: i64) -> Duration {
    Duration::from_micros(u64::try_from(micros).unwrap_or(0))
}
