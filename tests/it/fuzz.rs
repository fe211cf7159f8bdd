//! Everything that the fuzzer has ever found worth keeping, each time the tests run. A target without a
//! corpus must never pass: it would show nothing.

use std::fs;
use std::path::Path;

#[path = "../../fuzz/src/lib.rs"]
#[allow(unreachable_pub, reason = "the fuzzer's crate is one of its own")]
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

macro_rules! replayed {
    ($($target:ident),* $(,)?) => {$(
        #[test]
        fn $target() {
            replay(stringify!($target), targets::$target::run);
        }
    )*};
}

replayed! {
    client_msg_json,
    config,
    event_proto_to_json,
    http_edge,
    jwt_verify,
    subscribe_filter,
}
