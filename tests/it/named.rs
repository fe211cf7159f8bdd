//! The documents that say which test shows what: every test that they name has to be there.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

/// In these the last column of each table names tests.
const DOCUMENTS: [&str; 2] = ["docs/faults.md", "docs/security-checklist.md"];

fn files(folder: &Path, kind: &str, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files(&path, kind, found);
        } else if path.extension().is_some_and(|it| it == kind) {
            found.push(path);
        }
    }
}

/// What follows `mark` in the files of a kind, as far as it is a name.
fn names(folder: &str, kind: &str, mark: &str) -> BTreeSet<String> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join(folder);
    let mut found = vec![];
    files(&folder, kind, &mut found);
    let mut names = BTreeSet::new();
    for file in found {
        let text = fs::read_to_string(file).unwrap();
        for rest in text.split(mark).skip(1) {
            let end = rest.find(|c: char| !c.is_ascii_alphanumeric() && !"_-".contains(c));
            names.insert(rest[..end.unwrap_or(rest.len())].to_owned());
        }
    }
    names
}

#[test]
fn every_test_that_a_document_names_is_there() {
    let rust = names("tests/it", "rs", "fn ");
    let python = names("tests/e2e", "py", "def ");
    let torture = names("tests/torture", "rs", "\"");
    let mut pages = vec![];
    files(&Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/browser"), "mjs", &mut pages);
    pages.retain(|it| !it.components().any(|part| part.as_os_str() == "node_modules"));
    let browser: String = pages.iter().map(|it| fs::read_to_string(it).unwrap()).collect();
    for document in DOCUMENTS {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(document);
        let text = fs::read_to_string(path).unwrap();
        let mut named = 0;
        for row in text.lines().filter(|it| it.starts_with('|')) {
            let last = row.trim_end_matches(['|', ' ']).rsplit('|').next().unwrap();
            for name in last.split('`').skip(1).step_by(2) {
                let known = match name.split_once(' ') {
                    Some(("torture", scenario)) => torture.contains(scenario),
                    Some(("browser:", title)) => browser.contains(title),
                    _ => rust.contains(name) || python.contains(name),
                };
                assert!(known, "{document} names {name}, which is no test: {row}");
                named += 1;
            }
        }
        assert!(20 < named, "{document} names {named} tests");
    }
}
