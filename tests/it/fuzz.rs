//! Everything that the fuzzer has ever found worth keeping, each time the tests run. A target without a
//! corpus must never pass: it would show nothing.

use std::fs;
use std::path::Path;

#[path = "../../fuzz/src/lib.rs"]
#[expect(unreachable_pub, reason = "the fuzzer has them from a crate of their own")]
mod targets;

fn replay(target: &str, run: fn(&[u8])) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/corpus").join(target);
    let mut seen = 0;
    for file in fs::read_dir(&folder).unwrap() {
        run(&fs::read(file.unwrap().path()).unwrap());
        seen += 1;
    }
    assert!(10 < seen, "{target}: {seen} in {}", folder.display());
}

#[test]
fn jwt_verify() {
    replay("jwt_verify", targets::jwt_verify::run);
}

#[test]
fn grpc_batch() {
    replay("grpc_batch", targets::grpc_batch::run);
}

#[test]
fn store_replay() {
    replay("store_replay", targets::store_replay::run);
}

#[test]
fn ws_session() {
    replay("ws_session", targets::ws_session::run);
}
