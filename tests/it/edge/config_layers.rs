//! Flags win over variables, variables over a file; and what is wrong in any of them is told with
//! its place, without telling a secret.

use std::ffi::{OsStr, OsString};
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use footplate::config::{self, Command, Config, Place, Problem, Refused};
use footplate::seams::Address;
use proptest::prelude::*;
use rcgen::{CertifiedKey, generate_simple_self_signed};
use tempfile::TempDir;

/// What must never be seen again.
const SECRET: &str = "hunter2-hunter2";

/// A directory with a configuration in it.
struct Folder {
    dir: TempDir,
}

impl Folder {
    fn new(text: impl AsRef<[u8]>) -> Self {
        let dir = TempDir::new().unwrap();
        fs::write(dir.path().join("footplate.toml"), text).unwrap();
        Self { dir }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    fn text(&self, name: &str) -> String {
        self.path(name).to_str().unwrap().to_owned()
    }

    fn flag(&self) -> String {
        format!("--config={}", self.text("footplate.toml"))
    }

    /// Writes `cert.pem` and `key.pem`; what the key's file says.
    fn certificate(&self) -> String {
        let CertifiedKey { cert, signing_key } =
            generate_simple_self_signed(vec!["localhost".to_owned()]).unwrap();
        fs::write(self.path("cert.pem"), cert.pem()).unwrap();
        fs::write(self.path("key.pem"), signing_key.serialize_pem()).unwrap();
        signing_key.serialize_pem()
    }

    /// All messages of a configuration that is wrong, with the file named by its name alone.
    fn told(&self) -> Vec<String> {
        let before = format!("{}/", self.dir.path().display());
        let problems = problems(&["check", &self.flag()], &[]);
        problems.iter().map(|it| it.to_string().replace(&before, "")).collect()
    }
}

fn read(args: &[&str], variables: &[(&str, &str)]) -> Result<Command, Refused> {
    let variables = variables.iter().map(|(name, text)| (name.into(), text.into()));
    config::read_with(["footplate"].iter().chain(args).map(OsString::from), variables)
}

fn serve(args: &[&str], variables: &[(&str, &str)]) -> Config {
    let args: Vec<_> = ["serve"].iter().chain(args).copied().collect();
    match read(&args, variables) {
        Ok(Command::Serve(config)) => config,
        other => panic!("it is right: {other:?}"),
    }
}

fn said(args: &[&str], variables: &[(&str, &str)]) -> String {
    match read(args, variables) {
        Ok(Command::Say(text)) => text,
        other => panic!("it is right: {other:?}"),
    }
}

fn problems(args: &[&str], variables: &[(&str, &str)]) -> Vec<Problem> {
    match read(args, variables) {
        Err(Refused::Problems(problems)) => problems,
        other => panic!("it is wrong: {other:?}"),
    }
}

/// What a printed configuration says without its comments.
fn values(printed: &str) -> Vec<String> {
    printed.lines().map(|it| it.rsplit_once(" # ").unwrap().0.to_owned()).collect()
}

#[test]
fn flags_win_over_variables_and_variables_over_the_file() {
    let there = Folder::new(
        "viewer_listen = [\"127.0.0.1:8101\", \"[::1]:8101\"]\nengine_listen = \"127.0.0.1:8102\"\n\
         log = \"warn\"\ndrain_delay = \"1s\"\ndrain_grace = \"1s\"\n",
    );
    let variables = [
        ("FOOTPLATE_CONFIG", there.text("footplate.toml")),
        ("FOOTPLATE_VIEWER_LISTEN", "127.0.0.1:8201, 127.0.0.1:8202".to_owned()),
        ("FOOTPLATE_DRAIN_GRACE", "2s".to_owned()),
        ("FOOTPLATE_LOG", String::new()),
        ("FOOTPLATE_SERVICE_HOST", "of somebody else".to_owned()),
    ];
    let variables: Vec<_> = variables.iter().map(|(name, text)| (*name, text.as_str())).collect();
    let config = serve(&["--drain-grace=3s"], &variables);
    let ports = |all: &[config::Listen]| -> Vec<String> {
        all.iter().map(|it| it.address.to_string()).collect()
    };
    // A list is replaced, not added to.
    assert_eq!(ports(&config.viewers.listen), ["127.0.0.1:8201", "127.0.0.1:8202"]);
    assert_eq!(ports(&config.engines.listen), ["127.0.0.1:8102"]);
    assert_eq!(config.drain.delay, Duration::from_secs(1));
    assert_eq!(config.drain.grace, Duration::from_secs(3));
    // An empty variable counts as not set.
    assert_eq!(config.log, "warn");

    let printed = said(&["serve", "--print-config", "--drain-grace=3s"], &variables);
    let from = |key: &str| printed.lines().find(|it| it.starts_with(key)).unwrap().to_owned();
    assert!(from("viewer_listen").ends_with(" # variable FOOTPLATE_VIEWER_LISTEN"), "{printed}");
    let file = format!("# file {}:2:17 engine_listen", there.text("footplate.toml"));
    assert!(from("engine_listen").ends_with(&file), "{printed}");
    assert_eq!(from("drain_grace"), "drain_grace = \"3s\" # flag --drain-grace");
    assert_eq!(from("log_format"), "log_format = \"text\" # default");
    // The file that a flag names wins over the file that a variable names.
    let other = Folder::new("log = \"error\"");
    assert_eq!(serve(&[&other.flag()], &variables).log, "error");
    let empty = serve(&[], &[("FOOTPLATE_CONFIG", "")]);
    assert_eq!(empty.log, "info");
}

#[test]
fn every_problem_of_all_layers_is_told_with_its_place() {
    let there = Folder::new(
        "# mine\nviewer_lsiten = \"hunter2-hunter2\"\n\ndrain_grace = 10\n  viewer_tls_cert = \"no.pem\"\n\
         viewer_tls_key = \"key.pem\"\nallow_host = [\n  \"fine.example\", # ä\n  \"ä/b\", true,\n]\n",
    );
    there.certificate();
    let args = ["serve", &there.flag(), "--log-format=xml"];
    let found = problems(&args, &[("FOOTPLATE_DRAIN_DELAY", "soon")]);
    let texts: Vec<_> = found.iter().map(ToString::to_string).collect();
    let file = there.text("footplate.toml");
    let begins = [
        format!("{file}:2:1 viewer_lsiten: there is no such setting; is it viewer_listen"),
        format!("{file}:4:15 drain_grace: a number stands where a string is wanted"),
        format!("{file}:9:10 allow_host: a boolean stands where a string or a list"),
        format!("{file}:5:21 viewer_tls_cert {0}: {0} does not exist", there.text("no.pem")),
        format!("{file}:9:3 allow_host ä/b: it is a host name"),
        "--log-format xml: it is text or json".to_owned(),
        "FOOTPLATE_DRAIN_DELAY soon: it is a whole number with a unit".to_owned(),
    ];
    assert_eq!(texts.len(), begins.len(), "{texts:#?}");
    for (text, begin) in texts.iter().zip(&begins) {
        assert!(text.starts_with(begin), "{text}\nis not\n{begin}");
        assert!(!text.contains(SECRET) && !text.contains('\n'), "{text}");
    }
    let place = |n: usize| match &found[n].place {
        Place::File(spot) => (spot.line, spot.column, spot.key.as_deref()),
        other => panic!("{other:?}"),
    };
    assert_eq!(place(3), (5, 21, Some("viewer_tls_cert")));
}

#[test]
fn what_follows_from_something_unreadable_is_not_told() {
    let one_of_a_pair = Folder::new("viewer_tls_cert = 5\nviewer_tls_key = \"key.pem\"");
    assert_eq!(one_of_a_pair.told().len(), 1, "{:?}", one_of_a_pair.told());
    // Half of the pair may stand in the file that can't be read; the other flags are judged.
    let broken = Folder::new("viewer_tls_cert =");
    let args = ["check", &broken.flag(), "--viewer-tls-key=key.pem", "--drain-grace=soon"];
    let flags: Vec<_> = problems(&args, &[]).into_iter().map(|it| it.flag).collect();
    assert_eq!(flags, ["--config", "--drain-grace"]);
}

#[test]
fn a_file_that_is_wrong_is_told_once_and_its_values_never() {
    let long = format!("log = \"info\"\n#{}", "x".repeat(1 << 20));
    let table: [(&[u8], &str, &str); 18] = [
        (b"log = \"info\"\nhunter2-hunter2\n", "footplate.toml:2:", "no TOML"),
        (b"log = hunter2-hunter2\n", "footplate.toml:1:7: ", "no TOML"),
        (b"log = \"hunter2-hunter2\n", "footplate.toml:1:", "no TOML"),
        (b"log = \"hunter2-hunter2\\q\"", "footplate.toml:1:", "no TOML"),
        (b"a = 2026-13-45 hunter2-hunter2", "footplate.toml:1:", "no TOML"),
        (b"a = 1\na.b = \"hunter2-hunter2\"", "footplate.toml:2:1", "no TOML"),
        (b"log = \"info\"\nlog = \"hunter2-hunter2\"", "footplate.toml:2:1 log: ", "twice"),
        (b"\"log\" = \"info\"\n'log' = \"hunter2-hunter2\"", "footplate.toml:2:1 log: ", "twice"),
        (b"[log]\na = \"hunter2-hunter2\"", "footplate.toml:1:1 log: a table ", "log = \"info\""),
        (b"log = { a = \"hunter2-hunter2\" }", "footplate.toml:1:7 log: a table ", "a string is"),
        (b"log = [\"hunter2-hunter2\"]", "footplate.toml:1:7 log: a list ", "a string is"),
        (b"log = 1979-05-27", "footplate.toml:1:7 log: a date ", "a string is"),
        (b"admin_listen = []", "footplate.toml:1:16 admin_listen: ", "leave the key out"),
        (b"[viewer]\nlisten = \"hunter2-hunter2\"", "footplate.toml:1:2 viewer: ", "viewer_listen"),
        (b"\"hunter2-hunter2 \" = 1", "footplate.toml:1:1: there is no", "--help"),
        (b"tokens = [\"hunter2-hunter2\"]", "footplate.toml:1:1 tokens: ", "--help"),
        (b"log = \"\xff hunter2-hunter2\"", "footplate.toml:1:8: ", "UTF-8"),
        (long.as_bytes(), "--config footplate.toml: ", "1048576"),
    ];
    for (text, begins, words) in table {
        let told = Folder::new(text).told();
        let [problem] = &told[..] else { panic!("one problem: {told:?}") };
        assert!(problem.starts_with(begins) && problem.contains(words), "{problem}");
        assert!(!problem.contains(SECRET) && !problem.contains('\n'), "{problem}");
    }
}

#[test]
fn a_file_that_can_not_be_read_is_told_where_it_is_named() {
    let there = Folder::new("");
    let table = [
        (there.text("missing.toml"), "does not exist"),
        (there.text(""), "is a directory"),
        (there.text("footplate.toml/no"), "can't be read"),
        ("-".to_owned(), "does not exist"),
    ];
    for (path, words) in table {
        for (args, variables, begins) in [
            (vec!["serve", "--config", &path], vec![], "--config"),
            (vec!["check"], vec![("FOOTPLATE_CONFIG", path.as_str())], "FOOTPLATE_CONFIG"),
        ] {
            let told = problems(&args, &variables);
            let [problem] = &told[..] else { panic!("one problem: {told:?}") };
            let text = problem.to_string();
            assert!(text.starts_with(&format!("{begins} {path}: ")), "{text}");
            assert!(text.contains(words), "{text}");
        }
    }
}

#[test]
fn a_variable_that_is_no_text_is_told_by_its_name() {
    let variables = ["FOOTPLATE_LOG", "FOOTPLATE_VIEWER_TLS_CERT"];
    let bad = OsStr::from_bytes(b"\xff").to_owned();
    let variables = variables.iter().map(|name| (OsString::from(name), bad.clone()));
    let args = ["footplate", "check", "--viewer-tls-key=key.pem"].map(OsString::from);
    let Err(Refused::Problems(found)) = config::read_with(args, variables) else {
        panic!("it is wrong")
    };
    let begins = ["FOOTPLATE_VIEWER_TLS_CERT: it is not UTF-8", "FOOTPLATE_LOG: it is not UTF-8"];
    assert_eq!(found.len(), begins.len(), "{found:?}");
    for (problem, begin) in found.iter().zip(begins) {
        assert!(problem.to_string().starts_with(begin), "{problem}");
    }
}

#[test]
fn paths_in_a_file_are_seen_from_its_directory() {
    let there = Folder::new(
        "viewer_tls_cert = \"cert.pem\"\nviewer_tls_key = \"./key.pem\"\nassets = \"page\"\n\
         engine_listen = [\"unix:engine.sock\", \"127.0.0.1:0\"]\n",
    );
    there.certificate();
    fs::create_dir(there.path("page")).unwrap();
    let config = serve(&[&there.flag()], &[]);
    assert!(config.viewers.tls.is_some());
    assert_eq!(config.assets, Some(there.path("page")));
    assert_eq!(config.engines.listen[0].address, Address::Unix(there.path("engine.sock")));
    // An empty path stays one, and is none.
    let empty = Folder::new("assets = \"\"").told();
    assert!(empty[0].starts_with("footplate.toml:1:10 assets: there is no such"), "{empty:?}");
}

#[test]
fn a_printed_configuration_is_the_same_configuration() {
    let there = Folder::new(
        "viewer_tls_cert = \"cert.pem\"\nviewer_tls_key = \"key.pem\"\nallow_host = [\"a.example\", \
         \"b.example:1\"]\nengine_listen = \"unix:engine.sock\"\nadmin_listen = \"none\"\n",
    );
    there.certificate();
    let odd = "a \"page\" # \\ \u{1} ä";
    fs::create_dir(there.path(odd)).unwrap();
    let assets = there.text(odd);
    let first = said(&["serve", "--print-config", &there.flag(), "--assets", &assets], &[]);
    let again = Folder::new(&first);
    let second = said(&["serve", "--print-config", &again.flag()], &[]);
    assert_eq!(values(&first), values(&second));
    let config = serve(&[&again.flag()], &[]);
    assert_eq!(config.assets, Some(assets.into()));
    assert_eq!(config.engines.listen[0].address, Address::Unix(there.path("engine.sock")));
    assert!(config.viewers.tls.is_some() && config.admin.is_empty());
    assert_eq!(config.allowed.hosts.len(), 2);
    // Defaults that are spelled out stay defaults: where there is no IPv6, the relay does without.
    assert!(config.viewers.listen[1].optional);
    let setting = config::Setting::all().len();
    assert_eq!(first.lines().count(), setting, "{first}");
    let wrong = problems(&["serve", "--print-config", "--log-format=xml"], &[]);
    assert_eq!(wrong.len(), 1);
}

#[test]
fn what_a_relative_flag_names_is_printed_so_that_others_find_it() {
    let printed = said(&["serve", "--print-config", "--assets=src"], &[]);
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let line = format!("assets = \"{}\" # flag --assets\n", root.join("src").display());
    assert!(printed.contains(&line), "{printed}");
}

#[test]
fn a_key_is_seen_nowhere() {
    let there = Folder::new("");
    let pem = there.certificate();
    let body = pem.lines().nth(1).unwrap();
    let (cert, key) = (there.text("cert.pem"), there.text("key.pem"));
    let door = ["--viewer-tls-cert", &cert, "--viewer-tls-key"];
    // By its file.
    for command in [&["serve", "--print-config"][..], &["check"]] {
        let args: Vec<_> = command.iter().chain(&door).copied().chain([key.as_str()]).collect();
        assert!(!said(&args, &[]).contains(body));
    }
    // By mistake, as a flag, a variable, in the file, and alone or with its certificate.
    let Err(Refused::Usage(usage)) = read(&["check", "--viewer-tls-key", &pem], &[]) else {
        panic!("it begins like a flag")
    };
    assert!(!usage.to_string().contains(body), "it is shown");
    let by_flag = format!("--viewer-tls-key={pem}");
    let by_flag = ["check", "--viewer-tls-cert", &cert, &by_flag];
    let alone = [("FOOTPLATE_ENGINE_TLS_KEY", pem.as_str())];
    fs::write(there.path("footplate.toml"), format!("viewer_tls_key = '''{pem}'''")).unwrap();
    let all = [
        (problems(&by_flag, &[]), "--viewer-tls-key: "),
        (problems(&["check"], &alone), "FOOTPLATE_ENGINE_TLS_KEY: "),
        (problems(&["check", &there.flag()], &[]), "footplate.toml:1:18 viewer_tls_key: "),
    ];
    for (found, begins) in all {
        let [problem] = &found[..] else { panic!("one problem") };
        let text = problem.to_string().replace(&format!("{}/", there.dir.path().display()), "");
        assert!(text.starts_with(begins) && text.contains("the path of its file"), "{begins}");
        assert!(!format!("{problem:?}").contains(body), "{begins}");
    }
    // In a file that is damaged.
    for damaged in [pem.replace("-----END", "-----"), pem.replace(body, &format!("{body}!"))] {
        fs::write(&key, damaged).unwrap();
        let args = [&["check"], &door[..], &[key.as_str()]].concat();
        assert!(!format!("{:?}", problems(&args, &[])).contains(body));
    }
}

/// Whatever the setting: what is taken is printed, and what is wrong is told.
#[test]
fn a_key_is_no_setting_and_no_path() {
    let key = format!("-----BEGIN PRIVATE KEY-----{SECRET}");
    for setting in config::Setting::all() {
        let given = format!("{}={key}", setting.flag());
        let found = problems(&["serve", "--print-config", &given], &[]);
        let first = found.first().expect("it is refused").to_string();
        let begins = format!("{}: this is a certificate or a key", setting.flag());
        assert!(first.starts_with(&begins), "{first}");
        assert!(!format!("{found:?}").contains(SECRET), "{}", setting.flag());
    }
    let found = problems(&["check"], &[("FOOTPLATE_CONFIG", &key)]);
    assert!(!format!("{found:?}").contains(SECRET), "as the name of the file");
    // As a flag that there is not; also where something is in it that is not shown.
    for key in [&key, &key.replacen("--", "--\u{1}", 1)] {
        let Err(Refused::Usage(err)) = read(&["check", key], &[]) else {
            panic!("{key:?} is taken")
        };
        let told = err.to_string();
        assert!(told.contains("what a PEM file holds") && !told.contains(SECRET), "{told}");
    }
}

#[test]
fn a_problem_is_one_line_that_steers_no_terminal() {
    let there = Folder::new("audit = \"no\\u001b[2J\\nwhere/audit.jsonl\"\n");
    let told = there.told();
    let [problem] = &told[..] else { panic!("one problem: {told:?}") };
    assert!(problem.contains("there is no directory"), "{problem}");
    assert!(!problem.chars().any(char::is_control), "{problem:?}");
}

#[test]
fn a_check_says_what_would_listen_where() {
    let there = Folder::new("viewer_tls_cert = \"cert.pem\"\nviewer_tls_key = \"key.pem\"\n");
    there.certificate();
    let args = ["check", &there.flag(), "--viewer-listen=localhost:8443", "--admin-listen=none"];
    let sentence = "The configuration is right: dashboards at 127.0.0.1:8443 (TLS); engines at \
                    127.0.0.1:50051; operators nowhere.\n";
    assert_eq!(said(&args, &[]), sentence);
    // It takes what `serve` takes, but does not run.
    assert!(matches!(read(&["check", "--print-config"], &[]), Err(Refused::Usage(_))));
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, ..ProptestConfig::default() })]

    /// Whatever a file holds: it is right, or told to be wrong, and an unknown key's value is not told.
    #[test]
    fn no_file_is_too_strange(
        key in "[a-z_\\[\\]. \"']{0,12}",
        before in "(\"|\\[\"|'''|\\{|\\[|)",
        after in "(\"|\"\\]|'''|\\}|\\]|)[\\n\\\\\u{e4}]{0,2}",
    ) {
        let there = Folder::new(format!("{key} = {before}{SECRET}{after}"));
        if let Err(Refused::Problems(found)) = read(&["check", &there.flag()], &[]) {
            for problem in found.iter().filter(|it| it.flag == "--config") {
                prop_assert!(!format!("{problem:?} {problem}").contains(SECRET), "{problem}");
            }
        }
    }
}
