//! `docs/configuration.md` says what the code does: its settings are written from the flags, and its
//! example is read. `UPDATE=1` writes the settings anew.

use std::collections::BTreeSet;
use std::ffi::OsString;
use std::fmt::Write as _;
use std::fs;

use footplate::config::{self, Command, Refused, Setting};
use rcgen::{CertifiedKey, generate_simple_self_signed};
use tempfile::TempDir;

const PATH: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/configuration.md");
/// What stands before it is written by hand.
const MARK: &str =
    "<!-- From here on a test writes this page: UPDATE=1 cargo test config_document -->\n";

#[test]
fn the_configuration_document_is_true() {
    let page = fs::read_to_string(PATH).unwrap();
    let (head, _) = page.split_once(MARK).unwrap();
    let written = format!("{head}{MARK}{}", entries());
    if std::env::var_os("UPDATE").is_some() {
        fs::write(PATH, &written).unwrap();
    } else {
        assert!(written == page, "{PATH}: run with UPDATE=1");
    }
}

/// Every setting, under its heading.
fn entries() -> String {
    let (all, mut text, mut done) = (Setting::all(), String::new(), BTreeSet::new());
    for heading in all.iter().map(Setting::heading) {
        if !done.insert(heading) {
            continue;
        }
        write!(text, "\n## {heading}\n").unwrap();
        for setting in all.iter().filter(|it| it.heading() == heading) {
            let (key, kind) = (setting.key(), setting.kind());
            let list = if setting.is_list() { ", a list" } else { "" };
            let defaults: Vec<_> = setting.defaults().iter().map(|it| format!("`{it}`")).collect();
            let defaults = match &defaults[..] {
                [] => "none".to_owned(),
                some => some.join(", "),
            };
            let meaning = setting.meaning();
            let meaning = meaning.trim_end_matches('.').trim_end_matches("Default: none").trim();
            write!(
                text,
                "\n### `{key}`\n\n{}.\n\n- flag: `{} {kind}`\n- variable: `{}`\n- key: \
                 `{key}`{list}\n- default: {defaults}\n",
                meaning.trim_end_matches('.'),
                setting.flag(),
                setting.variable(),
            )
            .unwrap();
        }
    }
    text
}

#[test]
fn the_example_is_a_configuration() {
    let page = fs::read_to_string(PATH).unwrap();
    let example = page.split("```toml\n").nth(1).unwrap().split("```").next().unwrap();
    let dir = TempDir::new().unwrap();
    let write = |name: &str, text: String| fs::write(dir.path().join(name), text).unwrap();
    let CertifiedKey { cert, signing_key } =
        generate_simple_self_signed(vec!["localhost".to_owned()]).unwrap();
    write("footplate.toml", example.to_owned());
    write("cert.pem", cert.pem());
    write("key.pem", signing_key.serialize_pem());
    let file = dir.path().join("footplate.toml").to_str().unwrap().to_owned();
    let args = ["footplate", "serve", "--print-config", "--config", &file];
    let command = config::read_with(args.map(OsString::from), []);
    let Ok(Command::Say(printed)) = command else { panic!("it is right: {command:?}") };
    let given = example.lines().filter(|it| it.contains(" = ") && !it.starts_with('#')).count();
    let taken = printed.lines().filter(|it| it.contains(&format!(" # file {file}:"))).count();
    assert!(given > 5 && given == taken, "{printed}");
}

#[test]
fn one_rule_names_flags_variables_and_keys() {
    let help =
        |name: &str| match config::read_with(["footplate", name, "--help"].map(OsString::from), [])
        {
            Err(Refused::Usage(help)) => help.to_string(),
            other => panic!("it is said: {other:?}"),
        };
    let (serve, check) = (help("serve"), help("check"));
    for setting in Setting::all() {
        let (flag, kind, variable) =
            (setting.flag(), setting.kind().to_owned(), setting.variable());
        for help in [&serve, &check] {
            let (_, entry) = help.split_once(&format!(" {flag} <{kind}>\n")).expect(&flag);
            let entry = entry.lines().next().unwrap();
            assert!(entry.contains(&format!("[env: {variable}]")), "{entry}");
            assert!(entry.to_lowercase().contains("default: "), "{entry}");
        }
        assert!(!["config", "print_config"].contains(&setting.key()));
    }
    let flags = serve.lines().filter(|it| it.trim_start().starts_with("--")).count();
    assert_eq!(flags, Setting::all().len() + 2, "and --config and --print-config");
    assert!(serve.contains("[env: FOOTPLATE_CONFIG]"));
}
