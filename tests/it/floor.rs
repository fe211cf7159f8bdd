//! No crate is built in that has a known hole: the floors of `deny.toml`, held against `Cargo.lock`
//! without a network. It must never know a version by itself.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use toml::{Table, Value};

fn read(name: &str) -> Table {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(name);
    fs::read_to_string(path).unwrap().parse().unwrap()
}

/// `1.2.3`, as numbers that compare.
fn version(text: &str) -> Vec<u64> {
    let plain = text.split(['-', '+']).next().unwrap();
    plain.split('.').map(|it| it.parse().unwrap()).collect()
}

/// Whether a ban (`name`, or `name@<version`) forbids this.
fn forbids(ban: &str, name: &str, found: &str) -> bool {
    match ban.split_once("@<") {
        Some((banned, floor)) => banned == name && version(found) < version(floor),
        None => ban == name,
    }
}

#[test]
fn no_crate_is_below_its_floor() {
    let lock = read("Cargo.lock");
    let mut locked: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for package in lock["package"].as_array().unwrap() {
        let field = |key: &str| package[key].as_str().unwrap();
        locked.entry(field("name")).or_default().push(field("version"));
    }
    let deny = read("deny.toml");
    let bans = deny["bans"]["deny"].as_array().unwrap();
    let mut held = 0;
    for ban in bans {
        let (crates, reason) = (ban["crate"].as_str().unwrap(), ban["reason"].as_str().unwrap());
        for (name, versions) in &locked {
            for found in versions {
                assert!(!forbids(crates, name, found), "{name} {found} is banned: {reason}");
            }
        }
        let known = crates.split_once("@<").is_some_and(|(name, _)| locked.contains_key(name));
        held += usize::from(known);
    }
    assert!(8 < held, "only {held} of the floors are about a crate that is built in");
}

#[test]
fn a_floor_is_a_floor() {
    assert!(forbids("h2@<0.4.20", "h2", "0.4.19") && forbids("rsa", "rsa", "0.9.10"));
    assert!(forbids("h2@<0.4.20", "h2", "0.4.9"), "versions are numbers, not texts");
    assert!(!forbids("h2@<0.4.20", "h2", "0.4.20") && !forbids("h2@<0.4.20", "h2x", "0.1.0"));
}

#[test]
fn everything_comes_from_the_registry() {
    let lock = read("Cargo.lock");
    for package in lock["package"].as_array().unwrap() {
        let from = package.get("source").and_then(Value::as_str);
        let own = package["name"].as_str() == Some(env!("CARGO_PKG_NAME"));
        let registry = from == Some("registry+https://github.com/rust-lang/crates.io-index");
        assert!(own || registry, "{:?} comes from {from:?}", package["name"]);
        assert!(own || package.get("checksum").is_some(), "{:?} has no checksum", package["name"]);
    }
}
