//! Keys and tokens for a relay that lets nobody in without: made anew for each run, in a folder that
//! goes with it.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use anyhow::Context;
use aws_lc_rs::encoding::AsDer;
use aws_lc_rs::hmac;
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::{KeyPair as RsaKeyPair, KeySize};
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair, KeyPair, RSA_PKCS1_SHA256,
};
use base64::{Engine, engine::general_purpose::STANDARD, engine::general_purpose::URL_SAFE_NO_PAD};
use footplate::auth::Alg;
use footplate::config::TokenFlags;
use serde_json::json;
use tempfile::TempDir;

const ISSUER: &str = "https://id.example";
const AUDIENCE: &str = "footplate";

/// The algorithms that are measured.
pub(crate) const ALGS: [Alg; 4] = [Alg::Hs256, Alg::Rs256, Alg::EdDsa, Alg::Es256];

type Sign = Box<dyn Fn(&[u8]) -> anyhow::Result<Vec<u8>>>;

/// A key of each.
pub(crate) struct Mint {
    /// Where their public halves are.
    pub(crate) folder: TempDir,
    keys: Vec<(Alg, Sign)>,
}

impl Mint {
    pub(crate) fn new() -> anyhow::Result<Self> {
        let folder = TempDir::new()?;
        let mut keys = Vec::new();
        for (alg, path) in ALGS.into_iter().zip(files(folder.path())) {
            let (public, sign) = key(alg)?;
            fs::write(path, public)?;
            keys.push((alg, sign));
        }
        Ok(Self { folder, keys })
    }

    /// A token for an hour, of one person among many.
    pub(crate) fn token(&self, alg: Alg, n: usize) -> anyhow::Result<String> {
        let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH)?.as_secs();
        let (_, sign) = self.keys.iter().find(|it| it.0 == alg).context("a key of this kind")?;
        let claims = json!({
            "iss": ISSUER, "aud": AUDIENCE, "sub": format!("person-{n}"), "jti": n.to_string(),
            "iat": now, "exp": now + 3_600, "roles": ["decider", "engine"],
        });
        let part = |it: serde_json::Value| URL_SAFE_NO_PAD.encode(it.to_string());
        let signed = format!("{}.{}", part(json!({ "alg": alg.name() })), part(claims));
        Ok(format!("{signed}.{}", URL_SAFE_NO_PAD.encode(sign(signed.as_bytes())?)))
    }
}

/// A new one: what a relay has to know of it, and how it signs.
fn key(alg: Alg) -> anyhow::Result<(String, Sign)> {
    let random = SystemRandom::new();
    Ok(match alg {
        Alg::Hs256 => {
            // As text, so that no byte of it is taken for white space.
            let mut secret = [0; 48];
            aws_lc_rs::rand::fill(&mut secret)?;
            let secret = URL_SAFE_NO_PAD.encode(secret);
            let key = hmac::Key::new(hmac::HMAC_SHA256, secret.as_bytes());
            (secret, Box::new(move |text| Ok(hmac::sign(&key, text).as_ref().to_vec())))
        }
        Alg::Rs256 | Alg::Ps256 => {
            let pair = RsaKeyPair::generate(KeySize::Rsa2048)?;
            let public = pem(pair.public_key().as_der()?.as_ref());
            let sign = move |text: &[u8]| {
                let mut signature = vec![0; pair.public_modulus_len()];
                pair.sign(&RSA_PKCS1_SHA256, &random, text, &mut signature)?;
                Ok(signature)
            };
            (public, Box::new(sign))
        }
        Alg::Es256 => {
            let pair = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING)?;
            let public = pem(pair.public_key().as_der()?.as_ref());
            (public, Box::new(move |text| Ok(pair.sign(&random, text)?.as_ref().to_vec())))
        }
        Alg::EdDsa => {
            let pair = Ed25519KeyPair::generate()?;
            let public = pem(pair.public_key().as_der()?.as_ref());
            (public, Box::new(move |text| Ok(pair.sign(text).as_ref().to_vec())))
        }
    })
}

fn pem(der: &[u8]) -> String {
    let text = STANDARD.encode(der);
    let lines = (0..text.len()).step_by(64).map(|at| &text[at..text.len().min(at + 64)]);
    let lines: Vec<&str> = lines.collect();
    format!("-----BEGIN PUBLIC KEY-----\n{}\n-----END PUBLIC KEY-----\n", lines.join("\n"))
}

fn files(folder: &Path) -> impl Iterator<Item = PathBuf> {
    ALGS.into_iter().map(move |it| folder.join(it.name()))
}

/// What a relay is told of a mint with that folder.
pub(crate) fn flags(folder: &Path) -> TokenFlags {
    let auth_keys = files(folder).map(|it| it.display().to_string()).collect();
    let (auth_issuer, auth_audience) = (Some(ISSUER.to_owned()), vec![AUDIENCE.to_owned()]);
    TokenFlags { auth_keys, auth_issuer, auth_audience, ..TokenFlags::default() }
}
