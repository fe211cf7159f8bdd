//! Makes keys and tokens: good ones, and any that somebody might forge.

use std::path::PathBuf;
use std::time::SystemTime;

use aws_lc_rs::encoding::AsDer;
use aws_lc_rs::hmac;
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::{KeyPair as RsaPair, KeySize};
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair, KeyPair as _, RSA_PKCS1_SHA256,
    RSA_PSS_SHA256,
};
use base64::{Engine, engine::general_purpose::STANDARD, engine::general_purpose::URL_SAFE_NO_PAD};
use footplate::auth::{Alg, Key, Profile, Setup, Tokens};
use footplate::model::Timestamp;
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::watch;

pub(super) const ISSUER: &str = "https://id.example";
pub(super) const AUDIENCE: &str = "footplate";
pub(super) const SECRET: &[u8] = b"0123456789abcdef0123456789abcdef-not-a-real-one";
/// 2026-11-21T12:00:00Z, in seconds.
pub(super) const NOW: i64 = 1_795_262_400;

/// One key of each kind.
pub(super) enum Pair {
    Secret(Vec<u8>),
    Rsa(Alg, Box<RsaPair>),
    P256(EcdsaKeyPair),
    Ed25519(Ed25519KeyPair),
}

impl Pair {
    pub(super) fn new(alg: Alg) -> Self {
        match alg {
            Alg::Hs256 => Self::Secret(SECRET.to_vec()),
            Alg::Rs256 | Alg::Ps256 => {
                Self::Rsa(alg, Box::new(RsaPair::generate(KeySize::Rsa2048).unwrap()))
            }
            Alg::Es256 => {
                Self::P256(EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).unwrap())
            }
            Alg::EdDsa => Self::Ed25519(Ed25519KeyPair::generate().unwrap()),
        }
    }

    pub(super) fn alg(&self) -> Alg {
        match self {
            Self::Secret(_) => Alg::Hs256,
            Self::Rsa(alg, _) => *alg,
            Self::P256(_) => Alg::Es256,
            Self::Ed25519(_) => Alg::EdDsa,
        }
    }

    pub(super) fn sign(&self, text: &str) -> Vec<u8> {
        let (random, text) = (SystemRandom::new(), text.as_bytes());
        match self {
            Self::Secret(secret) => mac(secret, text),
            Self::Rsa(alg, pair) => {
                let scheme = if *alg == Alg::Ps256 { &RSA_PSS_SHA256 } else { &RSA_PKCS1_SHA256 };
                let mut signature = vec![0; pair.public_modulus_len()];
                pair.sign(scheme, &random, text, &mut signature).unwrap();
                signature
            }
            Self::P256(pair) => pair.sign(&random, text).unwrap().as_ref().to_vec(),
            Self::Ed25519(pair) => pair.sign(text).as_ref().to_vec(),
        }
    }

    /// The public key as PEM.
    pub(super) fn pem(&self) -> String {
        let der = match self {
            Self::Secret(_) => panic!("a secret has no public half"),
            Self::Rsa(_, pair) => pair.public_key().as_der().unwrap().as_ref().to_vec(),
            Self::P256(pair) => pair.public_key().as_der().unwrap().as_ref().to_vec(),
            Self::Ed25519(pair) => pair.public_key().as_der().unwrap().as_ref().to_vec(),
        };
        pem("PUBLIC KEY", &der)
    }

    /// As a key set has it.
    pub(super) fn jwk(&self, kid: &str) -> Value {
        let alg = self.alg().name();
        let mut jwk = match self {
            Self::Secret(secret) => json!({ "kty": "oct", "k": b64(secret) }),
            Self::Rsa(_, pair) => {
                let der = pair.public_key().as_der().unwrap().as_ref().to_vec();
                let (n, e) = rsa_parts(&der);
                json!({ "kty": "RSA", "n": b64(&n), "e": b64(&e) })
            }
            Self::P256(pair) => {
                let point = pair.public_key().as_ref();
                json!({ "kty": "EC", "crv": "P-256", "x": b64(&point[1..33]), "y": b64(&point[33..]) })
            }
            Self::Ed25519(pair) => {
                json!({ "kty": "OKP", "crv": "Ed25519", "x": b64(pair.public_key().as_ref()) })
            }
        };
        jwk["kid"] = kid.into();
        jwk["use"] = "sig".into();
        jwk["alg"] = alg.into();
        jwk
    }

    pub(super) fn key(&self) -> Key {
        match self {
            Self::Secret(secret) => Key::secret(secret).unwrap(),
            _ => Key::pem(self.pem().as_bytes()).unwrap(),
        }
    }

    /// A token with this header, beside `alg`, and these claims.
    pub(super) fn token(&self, header: &Value, claims: &Value) -> String {
        let mut whole = json!({ "alg": self.alg().name() });
        for (name, value) in header.as_object().unwrap() {
            whole[name] = value.clone();
        }
        self.raw(&whole.to_string(), &claims.to_string())
    }

    /// A token of exactly these texts.
    pub(super) fn raw(&self, header: &str, claims: &str) -> String {
        let signed = format!("{}.{}", b64(header.as_bytes()), b64(claims.as_bytes()));
        let signature = self.sign(&signed);
        let token = format!("{signed}.{}", b64(&signature));
        // From here on, wherever it is shown.
        watch::know(&token);
        token
    }
}

fn rsa_parts(der: &[u8]) -> (Vec<u8>, Vec<u8>) {
    use x509_parser::prelude::FromDer;
    let (_, info) = x509_parser::x509::SubjectPublicKeyInfo::from_der(der).unwrap();
    let x509_parser::public_key::PublicKey::RSA(key) = info.parsed().unwrap() else {
        panic!("it is one of RSA")
    };
    let plain = |it: &[u8]| it.iter().copied().skip_while(|it| *it == 0).collect();
    (plain(key.modulus), plain(key.exponent))
}

pub(super) fn mac(secret: &[u8], text: &[u8]) -> Vec<u8> {
    hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, secret), text).as_ref().to_vec()
}

pub(super) fn b64(bytes: &[u8]) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

pub(super) fn pem(label: &str, der: &[u8]) -> String {
    let text = STANDARD.encode(der);
    let lines: Vec<&str> =
        (0..text.len()).step_by(64).map(|at| &text[at..text.len().min(at + 64)]).collect();
    format!("-----BEGIN {label}-----\n{}\n-----END {label}-----\n", lines.join("\n"))
}

/// What a good token says, issued at `now` for ten minutes.
pub(super) fn claims_at(now: i64, subject: &str, roles: &[&str]) -> Value {
    json!({ "iss": ISSUER, "aud": AUDIENCE, "sub": subject, "exp": now + 600, "iat": now,
        "jti": format!("{subject}-1"), "roles": roles })
}

pub(super) fn claims() -> Value {
    claims_at(NOW, "ada", &["decider"])
}

/// The machine's time, in seconds.
pub(super) fn today() -> i64 {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap();
    since.as_secs().try_into().unwrap()
}

pub(super) fn now() -> Timestamp {
    Timestamp(NOW * 1_000_000)
}

pub(super) fn profile() -> Profile {
    Profile { issuer: Some(ISSUER.into()), audiences: vec![AUDIENCE.into()], ..Profile::default() }
}

/// What knows this key, and nothing else.
pub(super) fn knowing(pair: &Pair) -> Tokens {
    let folder = TempDir::new().unwrap();
    let setup =
        Setup { profile: profile(), keys: vec![written(&folder, "key", pair)], ..Setup::default() };
    Tokens::open(setup, |_| ()).unwrap()
}

/// A file with its key.
pub(super) fn written(folder: &TempDir, name: &str, pair: &Pair) -> PathBuf {
    let path = folder.path().join(name);
    let text = match pair {
        Pair::Secret(secret) => String::from_utf8(secret.clone()).unwrap(),
        // A PEM file is for RS256.
        Pair::Rsa(Alg::Ps256, _) => json!({ "keys": [pair.jwk("ps")] }).to_string(),
        _ => pair.pem(),
    };
    std::fs::write(&path, text).unwrap();
    path
}
