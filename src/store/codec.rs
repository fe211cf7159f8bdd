//! The stored form: what is kept ↔ bytes. MessagePack with structs as arrays, behind a checksum over
//! the row's key and the bytes themselves.
//!
//! A field may only be added at the end of a struct, with `#[serde(default)]`, and only the last may be
//! left out of a row; anything else is a new version of the store. `tests/golden/store` holds rows of each version that must stay readable.

use serde::{Serialize, de::DeserializeOwned};

/// Bytes that are not what was written.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub(super) struct Bad(pub(super) String);

/// Where one bad row is the whole reading's affair.
impl From<Bad> for redb::Error {
    fn from(Bad(what): Bad) -> Self {
        Self::Corrupted(what)
    }
}

/// A value as the row under `key`.
pub(super) fn encode(key: &[u8], value: &impl Serialize) -> Vec<u8> {
    let mut bytes = vec![0; 4];
    rmp_serde::encode::write(&mut bytes, value).expect("the model has no maps of unknown size");
    let sum = checksum(key, &bytes[4..]);
    bytes[..4].copy_from_slice(&sum);
    bytes
}

/// What the row under `key` holds.
///
/// # Errors
/// It is not what was written under this key.
pub(super) fn decode<T: DeserializeOwned>(key: &[u8], bytes: &[u8]) -> Result<T, Bad> {
    let (sum, value) = bytes.split_first_chunk().ok_or_else(|| Bad("a row is too short".into()))?;
    if *sum != checksum(key, value) {
        return Err(Bad("a row's checksum does not fit".into()));
    }
    rmp_serde::from_slice(value).map_err(|err| Bad(format!("a row can't be read: {err}")))
}

fn checksum(key: &[u8], value: &[u8]) -> [u8; 4] {
    let mut hasher = crc32fast::Hasher::new();
    hasher.update(key);
    hasher.update(value);
    hasher.finalize().to_be_bytes()
}

/// The key under which a record or a checkpoint of a log stands, as the checksum sees it.
pub(super) fn place(log: u64, seq: u64) -> [u8; 16] {
    let mut key = [0; 16];
    key[..8].copy_from_slice(&log.to_be_bytes());
    key[8..].copy_from_slice(&seq.to_be_bytes());
    key
}
