//! Keys that tokens are held against. Each is of one kind and for one algorithm, so that a public key
//! can never be taken for a secret, nor a token choose how it is looked at.

use std::collections::BTreeMap;
use std::fmt;
use std::path::Path;

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use jsonwebtoken::{Algorithm, DecodingKey, crypto};
use x509_parser::pem::parse_x509_pem;
use x509_parser::prelude::FromDer;
use x509_parser::public_key::PublicKey;
use x509_parser::x509::SubjectPublicKeyInfo;

use super::file::{self, Unreadable};
use super::jwt::kid_of;
use crate::json::{JsonText, tree::Value};

/// The shortest secret, in bytes: as long as what HS256 makes of it.
const SHORTEST: usize = 32;
/// The shortest modulus of RSA, in bits, and the longest, which keeps a verification from taking long.
const RSA_BITS: std::ops::RangeInclusive<usize> = 2_048..=8_192;
/// Keys in one set.
const MOST: usize = 64;
/// What an Ed25519 key is called in DER.
const ED25519: &str = "1.3.101.112";
/// What the curve P-256 is called there.
const P256: &str = "1.2.840.10045.3.1.7";

/// How a token is signed. There are no others.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
#[expect(missing_docs, reason = "as RFC 7518 and 8037 call them")]
pub enum Alg {
    Hs256,
    Rs256,
    Ps256,
    Es256,
    EdDsa,
}

impl Alg {
    /// All of them.
    pub const ALL: [Self; 5] = [Self::Hs256, Self::Rs256, Self::Ps256, Self::Es256, Self::EdDsa];

    /// Its name in a token.
    pub fn name(self) -> &'static str {
        match self {
            Self::Hs256 => "HS256",
            Self::Rs256 => "RS256",
            Self::Ps256 => "PS256",
            Self::Es256 => "ES256",
            Self::EdDsa => "EdDSA",
        }
    }

    /// The one of that name, letter by letter.
    pub fn of(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|it| it.name() == name)
    }

    fn theirs(self) -> Algorithm {
        match self {
            Self::Hs256 => Algorithm::HS256,
            Self::Rs256 => Algorithm::RS256,
            Self::Ps256 => Algorithm::PS256,
            Self::Es256 => Algorithm::ES256,
            Self::EdDsa => Algorithm::EdDSA,
        }
    }
}

/// Why a key can't be used.
#[derive(Debug, thiserror::Error)]
#[expect(missing_docs, reason = "the messages say it")]
pub enum BadKey {
    #[error("{0}")]
    Unreadable(#[from] Unreadable),
    #[error(
        "the secret in it has {0} bytes, and HS256 needs at least {SHORTEST}; make one with \
         `openssl rand -base64 48`"
    )]
    ShortSecret(usize),
    #[error(
        "it holds a private key, which the relay has no use for; write the public one to a file with \
         `openssl pkey -pubout`"
    )]
    Private,
    #[error(
        "it holds a certificate; write its public key to a file with `openssl x509 -pubkey -noout`"
    )]
    Certificate,
    #[error(
        "the key in it is none of RSA with 2048 to 8192 bits, ECDSA P-256 and Ed25519; make one with \
         `openssl genpkey -algorithm ed25519`"
    )]
    Kind,
    #[error("it is no JSON Web Key Set: {0}")]
    Set(&'static str),
}

/// A key, with the one algorithm that it is for.
#[derive(Clone)]
pub struct Key {
    alg: Alg,
    inner: DecodingKey,
}

/// Secrets are not shown.
impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Key").field("alg", &self.alg).finish_non_exhaustive()
    }
}

impl Key {
    /// What it is for.
    pub fn alg(&self) -> Alg {
        self.alg
    }

    /// Whether this is its signature, in base64url, of that text.
    pub(super) fn has_signed(&self, text: &str, signature: &str) -> bool {
        crypto::verify(signature, text.as_bytes(), &self.inner, self.alg.theirs()).unwrap_or(false)
    }

    /// A secret of both sides.
    ///
    /// # Errors
    /// It is too short to be one.
    pub fn secret(bytes: &[u8]) -> Result<Self, BadKey> {
        if bytes.len() < SHORTEST {
            return Err(BadKey::ShortSecret(bytes.len()));
        }
        Ok(Self { alg: Alg::Hs256, inner: DecodingKey::from_secret(bytes) })
    }

    /// A public key, as PEM.
    ///
    /// # Errors
    /// It is none.
    pub fn pem(text: &[u8]) -> Result<Self, BadKey> {
        let (_, pem) = parse_x509_pem(text).map_err(|_| BadKey::Kind)?;
        match &*pem.label {
            "PUBLIC KEY" => {}
            "CERTIFICATE" => return Err(BadKey::Certificate),
            label if label.contains("PRIVATE") => return Err(BadKey::Private),
            _ => return Err(BadKey::Kind),
        }
        let (rest, info) =
            SubjectPublicKeyInfo::from_der(&pem.contents).map_err(|_| BadKey::Kind)?;
        if !rest.is_empty() {
            return Err(BadKey::Kind);
        }
        let curve = info.algorithm.parameters.as_ref().and_then(|it| it.as_oid().ok());
        let is_p256 = curve.is_some_and(|it| it.to_id_string() == P256);
        if info.algorithm.algorithm.to_id_string() == ED25519 {
            return ed25519(&info.subject_public_key.data);
        }
        match info.parsed() {
            Ok(PublicKey::RSA(key)) => rsa(Alg::Rs256, key.modulus, key.exponent),
            Ok(PublicKey::EC(point)) if is_p256 => p256(point.data()),
            Ok(_) | Err(_) => Err(BadKey::Kind),
        }
    }
}

fn rsa(alg: Alg, modulus: &[u8], exponent: &[u8]) -> Result<Key, BadKey> {
    let plain = |mut it: &[u8]| {
        while let [0, rest @ ..] = it {
            it = rest;
        }
        it.to_vec()
    };
    let (modulus, exponent) = (plain(modulus), plain(exponent));
    let bits = modulus.first().map_or(0, |it| modulus.len() * 8 - it.leading_zeros() as usize);
    if !RSA_BITS.contains(&bits) || exponent.is_empty() || 5 < exponent.len() {
        return Err(BadKey::Kind);
    }
    Ok(Key { alg, inner: DecodingKey::from_rsa_raw_components(&modulus, &exponent) })
}

/// `point`: uncompressed.
fn p256(point: &[u8]) -> Result<Key, BadKey> {
    if point.len() != 65 || point[0] != 4 {
        return Err(BadKey::Kind);
    }
    Ok(Key { alg: Alg::Es256, inner: DecodingKey::from_ec_der(point) })
}

fn ed25519(point: &[u8]) -> Result<Key, BadKey> {
    if point.len() != 32 {
        return Err(BadKey::Kind);
    }
    Ok(Key { alg: Alg::EdDsa, inner: DecodingKey::from_ed_der(point) })
}

/// Keys by name, and those without one.
#[derive(Debug, Clone, Default)]
pub struct KeySet {
    named: BTreeMap<String, Key>,
    unnamed: Vec<Key>,
}

impl KeySet {
    /// The keys in a file: a public key as PEM, a JSON Web Key Set, or else a secret, which is all that
    /// stands there but for white space around it.
    ///
    /// # Errors
    /// It can't be read, or a key in it can't be used.
    pub fn of_file(path: &Path) -> Result<Self, BadKey> {
        let bytes = file::secret(path)?;
        let text = bytes.trim_ascii();
        if text.starts_with(b"{") {
            return Self::of_set(text, true);
        }
        let key = if text.starts_with(b"-----BEGIN ") { Key::pem(text) } else { Key::secret(text) };
        Ok(Self { named: BTreeMap::new(), unnamed: vec![key?] })
    }

    /// One key, for tokens that name none or one that is not known.
    pub fn of_key(key: Key) -> Self {
        Self { named: BTreeMap::new(), unnamed: vec![key] }
    }

    /// A JSON Web Key Set (RFC 7517). Keys that are for other purposes or of other kinds are passed
    /// over. `secrets`: it may hold secrets, because only we can read it.
    ///
    /// # Errors
    /// It is none, has no key that can be used, two of one name, or a secret that may not be there.
    pub fn of_set(bytes: &[u8], secrets: bool) -> Result<Self, BadKey> {
        let wrong = BadKey::Set;
        let text = std::str::from_utf8(bytes).map_err(|_| wrong("it is not UTF-8"))?;
        let json = JsonText::read(text).map_err(|_| wrong("it is not JSON"))?;
        let set = Value::read(&json).map_err(|_| wrong("it says something twice"))?;
        let Some(Value::List(all)) = set.get("keys") else {
            return Err(wrong("it has no list `keys`"));
        };
        if MOST < all.len() {
            return Err(wrong("it has more than 64 keys"));
        }
        let mut keys = Self::default();
        for item in all {
            let Some((kid, key)) = of_item(item, secrets)? else { continue };
            let twice = match kid {
                Some(kid) => keys.named.insert(kid, key).is_some(),
                None => {
                    keys.unnamed.push(key);
                    false
                }
            };
            if twice {
                return Err(wrong("two of its keys have the same `kid`"));
            }
        }
        if keys.is_empty() {
            return Err(wrong("no key in it has `use` sig and is for one of our algorithms"));
        }
        Ok(keys)
    }

    /// These and those; of two keys of one name, ours.
    #[must_use]
    pub fn with(mut self, others: Self) -> Self {
        for (kid, key) in others.named {
            self.named.entry(kid).or_insert(key);
        }
        self.unnamed.extend(others.unnamed);
        self
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.named.is_empty() && self.unnamed.is_empty()
    }

    /// Whether there is a key of this name.
    pub fn knows(&self, kid: &str) -> bool {
        self.named.contains_key(kid)
    }

    /// The keys that may have signed a token that says so of itself: the one of its name, or those
    /// without a name that are for its algorithm.
    pub fn candidates(&self, alg: Alg, kid: Option<&str>) -> Vec<&Key> {
        if let Some(named) = kid.and_then(|kid| self.named.get(kid)) {
            return vec![named];
        }
        let all = self.unnamed.iter().filter(|it| it.alg == alg);
        match kid {
            Some(_) => all.collect(),
            // Who names no key has few to choose from.
            None => all.chain(self.named.values().filter(|it| it.alg == alg)).take(8).collect(),
        }
    }
}

type Item = Option<(Option<String>, Key)>;

/// One key of a set, unless it is not for us.
fn of_item(item: &Value<'_>, secrets: bool) -> Result<Item, BadKey> {
    let wrong = BadKey::Set;
    let text = |name: &str| {
        if let Some(Value::Text(text)) = item.get(name) { Some(text.as_ref()) } else { None }
    };
    let bytes = |name: &str| {
        let text = text(name).ok_or(wrong("a key lacks a part"))?;
        URL_SAFE_NO_PAD.decode(text).map_err(|_| wrong("a part of a key is not base64url"))
    };
    if !matches!(item, Value::Object(_)) {
        return Err(wrong("a key is no object"));
    }
    if text("use") != Some("sig") {
        return Ok(None);
    }
    let stated = match item.get("alg") {
        None => None,
        Some(Value::Text(name)) => match Alg::of(name) {
            Some(alg) => Some(alg),
            None => return Ok(None),
        },
        Some(_) => return Err(wrong("an `alg` is no text")),
    };
    let kid = match item.get("kid") {
        None => None,
        Some(Value::Text(kid)) => {
            Some(kid_of(kid).ok_or(wrong("a `kid` is too long or too strange"))?)
        }
        Some(_) => return Err(wrong("a `kid` is no text")),
    };
    let key = match (text("kty"), stated) {
        (Some("oct"), _) if !secrets => {
            return Err(wrong("it holds a secret, which does not belong where others can read it"));
        }
        (Some("oct"), None | Some(Alg::Hs256)) => Key::secret(&bytes("k")?),
        (Some("RSA"), None | Some(Alg::Rs256 | Alg::Ps256)) => {
            rsa(stated.unwrap_or(Alg::Rs256), &bytes("n")?, &bytes("e")?)
        }
        (Some("EC"), None | Some(Alg::Es256)) if text("crv") == Some("P-256") => {
            match (&bytes("x")?[..], &bytes("y")?[..]) {
                (x, y) if x.len() == y.len() => p256(&[&[4], x, y].concat()),
                _ => Err(BadKey::Kind),
            }
        }
        (Some("OKP"), None | Some(Alg::EdDsa)) if text("crv") == Some("Ed25519") => {
            ed25519(&bytes("x")?)
        }
        _ => return Ok(None),
    };
    Ok(Some((kid, key?)))
}
