//! A1, A3: keys in files, and which of them a token is held against.

use footplate::auth::verifier::Verifier;
use footplate::auth::{Alg, BadKey, Key, KeySet, Setup, Tokens};
use serde_json::{Value, json};
use tempfile::TempDir;

use super::mint::*;

fn set(keys: &[Value]) -> Result<KeySet, BadKey> {
    KeySet::of_set(json!({ "keys": keys }).to_string().as_bytes(), true)
}

#[test]
fn a1_a_pem_file_holds_a_public_key_of_ours_or_nothing() {
    for alg in [Alg::Rs256, Alg::Es256, Alg::EdDsa] {
        assert_eq!(Pair::new(alg).key().alg(), alg);
    }
    let private = rcgen::KeyPair::generate().unwrap().serialize_pem();
    assert!(matches!(Key::pem(private.as_bytes()), Err(BadKey::Private)));
    let made = rcgen::generate_simple_self_signed(vec!["x".to_owned()]).unwrap();
    assert!(matches!(Key::pem(made.cert.pem().as_bytes()), Err(BadKey::Certificate)));
    let p384 = rcgen::KeyPair::generate_for(&rcgen::PKCS_ECDSA_P384_SHA384).unwrap();
    assert!(matches!(Key::pem(p384.public_key_pem().as_bytes()), Err(BadKey::Kind)));
    for wrong in
        ["", "-----BEGIN PUBLIC KEY-----", &pem("PUBLIC KEY", b"x"), &pem("RSA PUBLIC KEY", b"x")]
    {
        assert!(Key::pem(wrong.as_bytes()).is_err());
    }
}

#[test]
fn a1_a_set_holds_keys_for_signatures_alone() {
    for alg in Alg::ALL {
        let keys = set(&[Pair::new(alg).jwk("k1")]).unwrap();
        assert_eq!(keys.candidates(alg, Some("k1")).len(), 1);
    }
    let good = || Pair::new(Alg::Es256).jwk("k1");
    let with = |name: &str, value: Value| {
        let mut key = good();
        key[name] = value;
        key
    };
    // For another purpose, or for nobody knows which; of another kind.
    let mut unsaid = good();
    unsaid.as_object_mut().unwrap().remove("use");
    for other in [
        with("use", "enc".into()),
        unsaid,
        with("alg", "ES384".into()),
        with("alg", "RS256".into()),
        with("crv", "P-384".into()),
        with("kty", "EC2".into()),
    ] {
        assert!(matches!(set(std::slice::from_ref(&other)), Err(BadKey::Set(_))), "{other}");
        // It does no harm to the others.
        assert!(set(&[other, Pair::new(Alg::EdDsa).jwk("k2")]).is_ok());
    }
    for wrong in [
        with("x", "AAAA".into()),
        with("x", 7.into()),
        with("kid", 7.into()),
        with("kid", "../k".into()),
        with("kid", "k".repeat(129).into()),
        with("alg", 7.into()),
    ] {
        assert!(set(std::slice::from_ref(&wrong)).is_err(), "{wrong}");
    }
    assert!(set(&[good(), good()]).is_err(), "two of one name");
    let many: Vec<Value> = (0..65).map(|n| Pair::new(Alg::EdDsa).jwk(&format!("k{n}"))).collect();
    assert!(set(&many).is_err());
    assert!(set(&many[..64]).is_ok());
    // A secret that others can read is none.
    let secret = json!({ "keys": [Pair::new(Alg::Hs256).jwk("s")] }).to_string();
    assert!(KeySet::of_set(secret.as_bytes(), true).is_ok());
    assert!(KeySet::of_set(secret.as_bytes(), false).is_err());
    for wrong in [
        "",
        "{}",
        "[]",
        r#"{"keys":{}}"#,
        r#"{"keys":[]}"#,
        r#"{"keys":[],"keys":[]}"#,
        r#"{"keys":[7]}"#,
    ] {
        assert!(KeySet::of_set(wrong.as_bytes(), true).is_err(), "{wrong}");
    }
}

#[test]
fn a3_a_kid_is_a_name_among_ours_and_nothing_else() {
    let (one, two, folder) =
        (Pair::new(Alg::Es256), Pair::new(Alg::Es256), TempDir::new().unwrap());
    let path = folder.path().join("keys.json");
    std::fs::write(&path, json!({ "keys": [one.jwk("one"), two.jwk("two")] }).to_string()).unwrap();
    let setup = Setup { profile: profile(), keys: vec![path], ..Setup::default() };
    let tokens = Tokens::open(setup, |_| ()).unwrap();
    let fine = |pair: &Pair, header: Value| {
        tokens.verify(&pair.token(&header, &claims()), true, now()).is_ok()
    };
    assert!(fine(&one, json!({ "kid": "one" })) && fine(&two, json!({ "kid": "two" })));
    assert!(!fine(&one, json!({ "kid": "two" })), "it is held against the one that it names");
    assert!(fine(&two, json!({})), "who names none is held against those of its algorithm");
    for kid in
        ["three", "", "../one", "/etc/passwd", "one'--", "http://x/", "one\u{0}", "ONE", "one "]
    {
        assert!(!fine(&one, json!({ "kid": kid })), "{kid}");
    }
    assert!(!fine(&one, json!({ "kid": "o".repeat(129) })));
    assert!(!fine(&one, json!({ "kid": 1 })));
}

#[test]
fn g7_a_secret_is_never_shown() {
    let key = Key::secret(SECRET).unwrap();
    let text = std::str::from_utf8(SECRET).unwrap();
    assert!(!format!("{key:?} {:?}", KeySet::of_key(key.clone())).contains(&text[..16]));
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("short");
    std::fs::write(&path, "hunter2hunter2").unwrap();
    let said = KeySet::of_file(&path).unwrap_err().to_string();
    assert!(said.contains("32") && !said.contains("hunter2"), "{said}");
}
