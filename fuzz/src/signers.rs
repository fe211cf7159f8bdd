//! Keys that sign tokens, one for each algorithm, and their check by other code than the relay's. It must never
//! know what a token says.

use aws_lc_rs::encoding::AsDer;
use aws_lc_rs::hmac;
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::{KeyPair as RsaPair, KeySize};
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED, ECDSA_P256_SHA256_FIXED_SIGNING, ED25519, EcdsaKeyPair,
    Ed25519KeyPair, KeyPair as _, RSA_PKCS1_2048_8192_SHA256, RSA_PKCS1_SHA256, UnparsedPublicKey,
};
use base64::{Engine, engine::general_purpose::STANDARD};

const SECRET: &[u8] = b"0123456789abcdef0123456789abcdef-not-a-real-one";
/// How tokens are signed here, as they say it.
pub(super) const ALGS: [&str; 4] = ["HS256", "RS256", "ES256", "EdDSA"];

/// One key of each algorithm. The secret and Ed25519's are always the same, so that a committed token is
/// a good one.
pub(super) struct Signers {
    rsa: RsaPair,
    p256: EcdsaKeyPair,
    ed25519: Ed25519KeyPair,
}

impl Signers {
    pub(super) fn new() -> Self {
        Self {
            rsa: RsaPair::generate(KeySize::Rsa2048).expect("it can make keys"),
            p256: EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING)
                .expect("it can make keys"),
            ed25519: Ed25519KeyPair::from_seed_unchecked(&[7; 32]).expect("a seed has 32 bytes"),
        }
    }

    pub(super) fn sign(&self, alg: &str, text: &str) -> Vec<u8> {
        let (random, text) = (SystemRandom::new(), text.as_bytes());
        match alg {
            "HS256" => {
                hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, SECRET), text).as_ref().to_vec()
            }
            "RS256" => {
                let mut signature = vec![0; self.rsa.public_modulus_len()];
                let signed = self.rsa.sign(&RSA_PKCS1_SHA256, &random, text, &mut signature);
                signed.expect("the key signs");
                signature
            }
            "ES256" => self.p256.sign(&random, text).expect("the key signs").as_ref().to_vec(),
            _ => self.ed25519.sign(text).as_ref().to_vec(),
        }
    }

    /// Whether that is its signature; not asked of the relay.
    pub(super) fn has_signed(&self, alg: &str, text: &str, signature: &[u8]) -> bool {
        let text = text.as_bytes();
        match alg {
            "HS256" => {
                let key = hmac::Key::new(hmac::HMAC_SHA256, SECRET);
                hmac::verify(&key, text, signature).is_ok()
            }
            "RS256" => {
                let key = self.rsa.public_key().as_ref();
                let key = UnparsedPublicKey::new(&RSA_PKCS1_2048_8192_SHA256, key);
                key.verify(text, signature).is_ok()
            }
            "ES256" => {
                let key = self.p256.public_key().as_ref();
                UnparsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, key)
                    .verify(text, signature)
                    .is_ok()
            }
            "EdDSA" => {
                let key = self.ed25519.public_key().as_ref();
                UnparsedPublicKey::new(&ED25519, key).verify(text, signature).is_ok()
            }
            _ => false,
        }
    }

    /// What a file of keys says of it.
    pub(super) fn file(&self, alg: &str) -> Vec<u8> {
        let der = match alg {
            "HS256" => return SECRET.to_vec(),
            "RS256" => self.rsa.public_key().as_der().map(|it| it.as_ref().to_vec()),
            "ES256" => self.p256.public_key().as_der().map(|it| it.as_ref().to_vec()),
            _ => self.ed25519.public_key().as_der().map(|it| it.as_ref().to_vec()),
        };
        let der = STANDARD.encode(der.expect("a public key can be written"));
        format!("-----BEGIN PUBLIC KEY-----\n{der}\n-----END PUBLIC KEY-----\n").into_bytes()
    }
}
