//! A certificate that nobody vouches for, for trying things out. Its key is nowhere else.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use rustls::pki_types::PrivateKeyDer;

use super::{Certificate, Served};

/// A certificate for this machine that nobody vouches for, for trying things out.
#[derive(Debug)]
pub struct SelfSigned {
    /// It, with its key.
    pub certificate: Served,
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
    let certificate = Certificate::of(vec![cert.der().clone()], &secret)
        .map_err(|_| rcgen::Error::CouldNotParseCertificate)?;
    Ok(SelfSigned { certificate: Served::fixed(certificate), pem: cert.pem() })
}
