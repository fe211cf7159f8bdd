//! Everything that the fuzzer has ever found worth keeping, each time the tests run. A target without a
//! corpus must never pass: it would show nothing.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

#[path = "../../fuzz/src/lib.rs"]
#[allow(unreachable_pub, reason = "the fuzzer's crate is one of its own")]
mod targets;

/// What a corpus may have, so that it stays what tests can run in a moment.
const FILES: usize = 150;
const BYTES: usize = 300_000;

fn replay(target: &str, run: fn(&[u8])) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/corpus").join(target);
    let (mut seen, mut bytes) = (0, 0);
    for file in fs::read_dir(&folder).unwrap() {
        let data = fs::read(file.unwrap().path()).unwrap();
        run(&data);
        seen += 1;
        bytes += data.len();
    }
    assert!(10 < seen, "{target}: {seen} in {}", folder.display());
    assert!(seen <= FILES && bytes <= BYTES, "{target}: {seen} files of {bytes} bytes");
}

#[test]
fn client_msg_json() {
    replay("client_msg_json", targets::client_msg_json::run);
}

#[test]
fn config() {
    replay("config", targets::config::run);
}

#[test]
fn event_proto_to_json() {
    replay("event_proto_to_json", targets::event_proto_to_json::run);
}

#[test]
fn grpc_batch() {
    replay("grpc_batch", targets::grpc_batch::run);
}

#[test]
fn http_edge() {
    replay("http_edge", targets::http_edge::run);
}

#[test]
fn jwt_verify() {
    replay("jwt_verify", targets::jwt_verify::run);
}

#[test]
fn store_replay() {
    replay("store_replay", targets::store_replay::run);
}

#[test]
fn subscribe_filter() {
    replay("subscribe_filter", targets::subscribe_filter::run);
}

#[test]
fn ws_session() {
    replay("ws_session", targets::ws_session::run);
}

/// The crates, with their versions, that a lock file names.
fn locked(name: &str) -> BTreeSet<(String, String)> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(name);
    let lock: toml::Table = fs::read_to_string(path).unwrap().parse().unwrap();
    let packages = lock["package"].as_array().unwrap().iter();
    let field = |it: &toml::Value, key: &str| it[key].as_str().unwrap().to_owned();
    packages.map(|it| (field(it, "name"), field(it, "version"))).collect()
}

#[test]
fn what_is_fuzzed_is_what_ships() {
    let (ours, theirs) = (locked("Cargo.lock"), locked("fuzz/Cargo.lock"));
    let own = ["arbitrary", "footplate-fuzz", "libfuzzer-sys"];
    let others: Vec<_> =
        theirs.difference(&ours).filter(|(name, _)| !own.contains(&&**name)).collect();
    assert!(others.is_empty(), "copy the versions of Cargo.lock to fuzz/Cargo.lock: {others:?}");
    assert!(theirs.len() > 100, "{} crates", theirs.len());
}

/// A target that is not replayed, or that the fuzzer does not know, is none.
#[test]
fn each_target_is_fuzzed_and_replayed() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let names = |folder: &str| -> BTreeSet<String> {
        let all = fs::read_dir(root.join(folder)).unwrap().map(|it| it.unwrap().path());
        all.map(|it| it.file_stem().unwrap().to_str().unwrap().to_owned()).collect()
    };
    let targets = names("fuzz/fuzz_targets");
    assert_eq!(names("fuzz/corpus"), targets);
    let text = |file: &str| fs::read_to_string(root.join(file)).unwrap();
    let (manifest, replayed) = (text("fuzz/Cargo.toml"), text("tests/it/fuzz.rs"));
    for name in &targets {
        assert!(manifest.contains(&format!("name = \"{name}\"")), "{name} is not built");
        assert!(replayed.contains(&format!("fn {name}()")), "{name} is not replayed");
    }
    assert!(targets.is_superset(&names("fuzz/dict")), "a dictionary of nothing");
}
