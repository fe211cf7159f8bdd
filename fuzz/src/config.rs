//! What an operator writes: a file, variables and a command line. Whatever they are, either everything that
//! is wrong is told, in lines that name the setting and hold no key, or the relay prints what is in effect,
//! and what it prints says the same when it is read again.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fs;
use std::os::unix::ffi::OsStringExt;
use std::path::Path;
use std::sync::OnceLock;

use footplate::config::{Command, Problem, Refused, Setting, read_with};
use tempfile::TempDir;

use super::draw::Draw;

/// What begins a certificate or a key, which is shown nowhere.
const PEM: &str = "-----BEGIN ";
/// What would be read that is no file, or for ever; and what takes too long to be tried a million times:
/// without a list of their own, the system's authorities are read anew each time.
const NOT_HERE: [&[u8]; 6] = [b"/dev", b"/proc", b"/sys", b"/run", b"..", b"jwks"];

/// All that can be set. To list them anew takes long.
fn settings() -> &'static [Setting] {
    static SETTINGS: OnceLock<Vec<Setting>> = OnceLock::new();
    SETTINGS.get_or_init(Setting::all)
}

thread_local! {
    /// To make one and let it go for each go takes most of the time.
    static FOLDER: TempDir = TempDir::new().expect("there is a place for temporary files");
}

type Variables = Vec<(OsString, OsString)>;

/// One go: a byte of circumstances, a file, and behind lines of `%%` each variables and arguments.
pub fn run(data: &[u8]) {
    if NOT_HERE.iter().any(|it| data.windows(it.len()).any(|part| part == *it)) {
        return;
    }
    let mut draw = Draw::new(data);
    let how = draw.byte();
    let mut sections: [Vec<&[u8]>; 3] = Default::default();
    let mut at = 0;
    for line in draw.parts(b'\n') {
        match line {
            b"%%" if at < 2 => at += 1,
            _ => sections[at].push(line),
        }
    }
    FOLDER.with(|folder| read(how, sections, folder.path()));
}

fn read(how: u8, sections: [Vec<&[u8]>; 3], folder: &Path) {
    let [file, variables, arguments] = sections;
    let path = folder.join("footplate.toml");
    fs::write(&path, file.join(&b'\n')).expect("it can be written to");
    let mut variables: Variables = variables.into_iter().filter_map(variable).collect();
    let mut line: Vec<OsString> = vec!["footplate".into(), "serve".into(), "--print-config".into()];
    if how & 1 == 0 {
        line.extend(["--config".into(), path.clone().into_os_string()]);
    } else {
        variables.push(("FOOTPLATE_CONFIG".into(), path.clone().into_os_string()));
    }
    let arguments = arguments.into_iter().filter(|it| !it.is_empty() && !it.contains(&0));
    line.extend(arguments.map(|it| OsString::from_vec(it.to_vec())));
    match read_with(line, variables) {
        Ok(Command::Say(text)) => told(&text, folder),
        Ok(other) => panic!("it is to print, and would {other:?}"),
        Err(Refused::Usage(err)) => safe(&err.to_string()),
        Err(Refused::Problems(all)) => {
            assert!(!all.is_empty(), "it is refused, and nobody knows why");
            all.iter().for_each(|it| refused(it, &path));
        }
    }
}

fn variable(line: &[u8]) -> Option<(OsString, OsString)> {
    let at = line.iter().position(|it| *it == b'=')?;
    let (name, value) = (line[..at].to_vec(), line[at + 1..].to_vec());
    // Nobody can have others, nor such arguments.
    let fine = |it: &Vec<u8>| !it.contains(&0);
    (fine(&name) && fine(&value)).then(|| (OsString::from_vec(name), OsString::from_vec(value)))
}

/// A line for a terminal or a log.
fn safe(text: &str) {
    assert!(!text.contains(PEM), "it shows what may be a key: {text}");
}

fn refused(problem: &Problem, path: &Path) {
    let Problem { flag, what, .. } = problem;
    let known = flag == "--config" || settings().iter().any(|it| it.flag() == *flag);
    assert!(known, "{flag} is no setting");
    assert!(what.chars().count() > 10, "it says too little: {problem}");
    let line = problem.to_string();
    safe(&line);
    assert!(!line.chars().any(char::is_control), "it is more than a line: {line:?}");
    let name = flag.trim_start_matches('-').replace('-', "_");
    let variable = format!("FOOTPLATE_{}", name.to_uppercase());
    let place = path.to_string_lossy();
    let named = [flag, &name, &variable, &*place].into_iter().any(|it| line.contains(it));
    assert!(named, "it does not say where that is: {line}");
}

/// What is in effect, as a file: read again, it is the same.
fn told(text: &str, folder: &Path) {
    safe(text);
    let first = table(text);
    let path = folder.join("printed.toml");
    fs::write(&path, text).expect("it can be written to");
    let line = ["footplate", "serve", "--print-config", "--config"].map(OsString::from);
    let line = line.into_iter().chain([path.into_os_string()]);
    match read_with(line, []) {
        Ok(Command::Say(again)) => assert_eq!(table(&again), first, "read again it is another"),
        Ok(other) => panic!("it is to print, and would {other:?}"),
        Err(Refused::Usage(err)) => panic!("{err}: {text}"),
        Err(Refused::Problems(all)) => {
            // Seen from the root, the path of a socket may be longer than the kernel takes.
            let long = |it: &Problem| it.what.contains("the path of a socket has");
            let other = all.iter().find(|it| !long(it));
            assert!(other.is_none(), "what is printed is refused: {other:?} in {text}");
        }
    }
    for setting in settings() {
        let stated = first.contains_key(setting.key());
        let silent = text.contains(&format!("# {} is not set", setting.key()));
        assert!(stated != silent, "{} is said to be what?", setting.key());
    }
}

/// Its keys and values; a text stands for a list of one.
fn table(text: &str) -> BTreeMap<String, Vec<String>> {
    let table: toml::Table = toml::from_str(text).unwrap_or_else(|err| panic!("{err}: {text}"));
    let one = |it: toml::Value| match it {
        toml::Value::String(text) => text,
        other => panic!("every value is a text: {other:?}"),
    };
    let all = |it: toml::Value| match it {
        toml::Value::Array(items) => items.into_iter().map(one).collect(),
        it => vec![one(it)],
    };
    table.into_iter().map(|(key, value)| (key, all(value))).collect()
}
