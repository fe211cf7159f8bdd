//! What a certificate says of itself, for log lines and alarms. Decides nothing.

use std::fmt::Write;

use sha2::{Digest, Sha256};
use tracing::info;
use x509_parser::prelude::{FromDer, X509Certificate};

use crate::model::Timestamp;
use crate::telemetry::Metrics;

/// What a certificate says of itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Facts {
    /// Whose it is, without control characters; empty where only its alternative names say so.
    pub subject: String,
    /// Its serial number: hexadecimal digits in upper case, as `openssl x509 -serial` writes them.
    pub serial: String,
    /// The SHA-256 of its DER form, in hexadecimal digits.
    pub fingerprint: String,
    /// Its first second.
    pub begins: Timestamp,
    /// Its last second.
    pub expires: Timestamp,
}

impl Facts {
    /// Reads a certificate's DER form; `None` if it is none.
    pub fn of(der: &[u8]) -> Option<Self> {
        let (_, read) = X509Certificate::from_der(der).ok()?;
        let validity = read.validity();
        let time = |seconds: i64| Timestamp(seconds.saturating_mul(1_000_000));
        Some(Self {
            subject: read.subject().to_string().escape_debug().to_string(),
            serial: hex(read.raw_serial()).to_uppercase(),
            fingerprint: hex(&Sha256::digest(der)),
            begins: time(validity.not_before.timestamp()),
            expires: time(validity.not_after.timestamp()),
        })
    }

    /// Says that this is what `door` shows itself with, and by what `news`: in the log, and for
    /// alarms.
    pub(super) fn tell(&self, door: &'static str, metrics: &Metrics, news: &str) {
        let Self { subject, serial, fingerprint, expires, .. } = self;
        metrics.certificate_expiry_timestamp.of(door).set(expires.0.div_euclid(1_000_000));
        info!(door, subject, serial, sha256 = fingerprint, %expires, "{news}");
    }

    /// What is wrong with its time, if something is: it is served nevertheless, and refused by
    /// clients.
    pub fn untimely(&self, now: Timestamp) -> Option<&'static str> {
        if now > self.expires {
            Some("it has expired")
        } else if now < self.begins {
            Some("its time has not begun")
        } else {
            None
        }
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        write!(text, "{byte:02x}").expect("a string takes all that is written");
        text
    })
}
