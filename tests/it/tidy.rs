//! Rules about the source itself, so that nobody has to remember them.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

/// Who may use whom: the table of ARCHITECTURE.md. A module that is not named here may not exist; an
/// arrow that is not drawn here may not be drawn.
const MAY_USE: &[(&str, &[&str])] = &[
    ("json", &[]),
    ("model", &["json"]),
    ("core", &["json", "model"]),
    ("frame", &[]),
    ("dialect", &["core", "frame", "model"]),
    ("room", &["dialect", "frame", "model"]),
    ("auth", &["json", "model"]),
    ("seams", &["model"]),
    ("store", &["core", "model", "seams"]),
    ("audit", &["core", "dialect", "model", "seams", "telemetry"]),
    ("tasks", &[]),
    ("telemetry", &["model"]),
    ("tls", &["model", "seams", "telemetry"]),
    (
        "shard",
        &[
            "audit",
            "auth",
            "core",
            "dialect",
            "frame",
            "model",
            "room",
            "seams",
            "store",
            "telemetry",
            "viewer",
        ],
    ),
    ("viewer", &["auth", "core", "dialect", "frame", "model", "room", "seams", "shard"]),
    ("engine", &["auth", "core", "json", "model", "seams", "shard", "telemetry"]),
    (
        "http",
        &[
            "auth",
            "core",
            "dialect",
            "frame",
            "model",
            "seams",
            "shard",
            "tasks",
            "telemetry",
            "viewer",
        ],
    ),
    ("config", &["audit", "auth", "http", "model", "seams", "telemetry", "tls"]),
    ("demo", &["engine", "seams"]),
];

/// Only these know everybody.
const EVERYBODY: &[&str] = &["app", "main", "lib"];

/// The half that waits for nothing and asks nobody: time and chance are passed in.
const PURE: &[&str] = &["json", "model", "core", "frame", "dialect"];

/// Nobody reads a longer file from top to bottom. The longer ones are known; the number may fall.
const LINES: usize = 420;
const LONGER: &[(&str, usize)] = &[("src/model/event.rs", 560), ("src/demo/script.rs", 485)];

#[test]
fn dependencies_point_one_way() {
    each_source(|module, file, text| {
        if EVERYBODY.contains(&module) {
            return;
        }
        let row = MAY_USE.iter().find(|(name, _)| *name == module);
        let (_, allowed) = row.unwrap_or_else(|| panic!("{file}: `{module}` is not in MAY_USE"));
        let code = text.lines().filter(|line| !line.trim_start().starts_with("//"));
        for line in code {
            for (at, _) in line.match_indices("crate::") {
                let path = &line[at + "crate::".len()..];
                let used = path.split(|c: char| !c.is_alphanumeric() && c != '_').next().unwrap();
                assert!(!used.is_empty(), "{file}: write one `use crate::name` for each module");
                let fine = used == module || allowed.contains(&used);
                assert!(fine, "{file}: `{module}` may not use `{used}`");
            }
        }
    });
}

#[test]
fn no_arrow_is_drawn_that_nobody_goes() {
    for (module, allowed) in MAY_USE {
        let mut gone: Vec<&str> = allowed.to_vec();
        each_source(|own, _, text| {
            if own == *module {
                gone.retain(|used| !text.contains(&format!("crate::{used}")));
            }
        });
        assert!(gone.is_empty(), "`{module}` does not use {gone:?}");
    }
}

#[test]
fn the_pure_half_is_pure() {
    let banned = [
        "tokio",
        "std::net",
        "std::fs",
        "std::io",
        "Instant::now",
        "SystemTime",
        "rand::",
        "Mutex",
        "RwLock",
        "Atomic",
        "Cell<",
        "async ",
        ".await",
        "tracing::",
    ];
    each_source(|module, file, text| {
        for word in banned.iter().filter(|_| PURE.contains(&module)) {
            assert!(!text.contains(word), "{file}: `{word}` belongs in the shell");
        }
    });
}

/// The wire is a door's or a dialect's affair: nothing else serializes itself, but for the stored form,
/// which knows nothing of JSON, and the audit log, which other programs read.
#[test]
fn only_doors_and_dialects_know_json_and_protobuf() {
    each_source(|module, file, text| {
        let json =
            ["json", "dialect", "frame", "http", "engine", "demo", "audit"].contains(&module);
        let kept = ["model", "core", "store"].contains(&module);
        assert!(json || kept || !text.contains("serde"), "{file}: `serde` belongs at an edge");
        assert!(
            json || !text.contains("serde_json"),
            "{file}: JSON belongs in a dialect or a door"
        );
        let wire = ["engine", "demo"].contains(&module);
        assert!(wire || !text.contains("pb::"), "{file}: the wire belongs to the engine door");
    });
}

#[test]
fn a_file_says_what_it_is_for_and_is_no_longer_than_that() {
    let mut seen = 0;
    let mut read = |_: &str, file: &str, text: &str| {
        seen += 1;
        assert!(text.starts_with("//! "), "{file}: it must begin with what it is for");
        let known = LONGER.iter().find(|(name, _)| file.ends_with(name));
        let limit = known.map_or(LINES, |(_, lines)| *lines);
        assert!(text.lines().count() <= limit, "{file}: longer than {limit} lines");
        for word in ["TODO", "FIXME", "todo!", "unimplemented!"] {
            assert!(!text.contains(word), "{file}: `{word}` does not belong on main");
        }
    };
    each_source(&mut read);
    // It is a program, if one that does not ship.
    each_file("tests/torture", &mut read);
    assert!(seen > 100, "{seen} files were read");
}

/// Every test that ARCHITECTURE.md promises is there.
#[test]
fn the_invariants_have_their_tests() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let tests: String =
        files(&root.join("tests/it")).iter().map(|it| fs::read_to_string(it).unwrap()).collect();
    let promised = fs::read_to_string(root.join("ARCHITECTURE.md")).unwrap();
    let rows = promised.lines().filter(|line| line.starts_with("| `"));
    let mut seen = 0;
    for id in rows.flat_map(|row| row[3..].split('`').next().unwrap().split(' ')) {
        let is_id = id.len() == 2 && id.as_bytes()[1].is_ascii_digit();
        if is_id {
            seen += 1;
            assert!(tests.contains(&format!("{id}_")), "no test bears the name of {id}");
        }
    }
    assert!(seen > 10, "the table of invariants has {seen}");
}

/// The invariants, each of which is the beginning of a test's name, and of a known bug's.
const INVARIANTS: [(char, u8); 4] = [('e', 6), ('c', 8), ('d', 8), ('r', 4)];

/// What stands before the first word that is no invariant: `c1_c2_whatever` is about two.
fn invariants_of(name: &str) -> impl Iterator<Item = &str> {
    let is_one = |it: &&str| {
        let known = |(letter, last): &(char, u8)| {
            (1..=*last).any(|number| format!("{letter}{number}") == **it)
        };
        INVARIANTS.iter().any(known)
    };
    name.split('_').take_while(is_one)
}

/// And a bug is known for each that a test must notice (`scripts/mutants.py`). What `torture.rs` tests is
/// its checker, and no relay.
#[test]
fn each_invariant_has_a_test_and_a_known_bug_of_its_name() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut sources = files(&root.join("tests/it"));
    sources.retain(|it| !it.ends_with("torture.rs"));
    let tests: String = sources.iter().map(|it| fs::read_to_string(it).unwrap()).collect();
    let bugs = fs::read_to_string(root.join("tests/mutants/mutants.toml")).unwrap();
    let all = |text: &str, mark: &str| -> BTreeSet<String> {
        let named = text.lines().filter_map(|line| Some(line.split_once(mark)?.1.to_owned()));
        named.flat_map(|it| invariants_of(&it).map(str::to_owned).collect::<Vec<_>>()).collect()
    };
    let (tests, bugs) = (all(&tests, "fn "), all(&bugs, "id = \""));
    let ids = INVARIANTS.iter();
    let ids: Vec<String> = ids
        .flat_map(|(letter, last)| (1..=*last).map(move |number| format!("{letter}{number}")))
        .collect();
    assert_eq!(ids.len(), 26);
    for id in ids {
        assert!(tests.contains(&id), "no test bears the name of {id}");
        assert!(bugs.contains(&id), "tests/mutants/mutants.toml has no bug that breaks {id}");
    }
}

fn each_source(check: impl FnMut(&str, &str, &str)) {
    each_file("src", check);
}

fn each_file(folder: &str, mut check: impl FnMut(&str, &str, &str)) {
    let src = Path::new(env!("CARGO_MANIFEST_DIR")).join(folder);
    for file in files(&src).iter().filter(|it| it.extension().is_some_and(|it| it == "rs")) {
        let inside = file.strip_prefix(&src).unwrap();
        let top = inside.components().next().unwrap();
        let module = Path::new(top.as_os_str()).file_stem().unwrap().to_string_lossy();
        check(&module, &file.display().to_string(), &fs::read_to_string(file).unwrap());
    }
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).unwrap().map(|it| it.unwrap().path());
    entries.flat_map(|it| if it.is_dir() { files(&it) } else { vec![it] }).collect()
}
