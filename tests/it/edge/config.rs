//! Everything that is wrong with a configuration is told at once.

use std::time::Duration;

use footplate::config::{self, Command, Flags, GateFlags, Gates, Problem, Refused};
use footplate::seams::Address;
use tempfile::TempDir;

fn problems(flags: &Flags) -> Vec<Problem> {
    flags.check().unwrap_err()
}

fn all(texts: &[&str]) -> Vec<String> {
    texts.iter().map(|it| (*it).to_owned()).collect()
}

#[test]
fn three_wrong_flags_are_three_messages() {
    let flags = Flags {
        viewer_listen: all(&["0.0.0.0:8000"]),
        log_format: Some("xml".to_owned()),
        drain_grace: Some("soon".to_owned()),
        ..Flags::default()
    };
    let texts: Vec<_> = problems(&flags).iter().map(ToString::to_string).collect();
    let begins = ["--viewer-listen 0.0.0.0:8000: ", "--log-format xml: ", "--drain-grace soon: "];
    assert_eq!(texts.len(), begins.len(), "{texts:?}");
    for (text, begin) in texts.iter().zip(begins) {
        assert!(text.starts_with(begin) && !text.contains('\n'), "{text}");
    }
    let args = ["footplate", "serve", "--viewer-listen=0.0.0.0:8000", "--log-format=xml"];
    let refused = config::read(args.map(Into::into)).unwrap_err();
    assert!(matches!(refused, Refused::Problems(all) if all.len() == 2));
}

#[test]
fn each_fault_names_its_flag_and_the_remedy() {
    let dir = TempDir::new().unwrap();
    let path = |name: &str| dir.path().join(name).to_str().unwrap().to_owned();
    let viewer = |it: &str| Flags { viewer_listen: all(&[it]), ..Flags::default() };
    let engine = |it: &str| Flags { engine_listen: all(&[it]), ..Flags::default() };
    let deep = format!("unix:{}", path("missing/engine.sock"));
    let here = format!("unix:{}", dir.path().to_str().unwrap());
    let maybe = || Some("maybe".to_owned());
    let table = [
        (
            Flags {
                gates: GateFlags { accept_while_offline: maybe(), ..GateFlags::default() },
                ..Flags::default()
            },
            "--accept-while-offline",
            "true or false",
        ),
        (
            Flags {
                gates: GateFlags { allow_timeout_approve: maybe(), ..GateFlags::default() },
                ..Flags::default()
            },
            "--allow-timeout-approve",
            "true or false",
        ),
        (viewer("8000"), "--viewer-listen", "127.0.0.1:8000"),
        (viewer(""), "--viewer-listen", "127.0.0.1:8000"),
        (viewer("localhost"), "--viewer-listen", "127.0.0.1:8000"),
        (viewer("127.0.0.1:65536"), "--viewer-listen", "127.0.0.1:8000"),
        (viewer("unix:/tmp/x"), "--viewer-listen", "<ip>:<port>"),
        (viewer("0.0.0.0:8000"), "--viewer-listen", "proxy"),
        (viewer("[::]:8000"), "--viewer-listen", "proxy"),
        (viewer("[::ffff:10.0.0.1]:8000"), "--viewer-listen", "proxy"),
        (viewer("192.168.0.1:8000"), "--viewer-listen", "TLS does not change that"),
        (engine("10.0.0.1:50051"), "--engine-listen", "unix:"),
        (engine("unix:"), "--engine-listen", "1 to 107"),
        (engine(&format!("unix:/{}", "x".repeat(200))), "--engine-listen", "1 to 107"),
        (engine(&deep), "--engine-listen", "make it"),
        (engine(&here), "--engine-listen", "add the name"),
        (engine("127.0.0.1:8000"), "--engine-listen", "named twice"),
        (
            Flags { viewer_tls_cert: Some(path("c")), ..Flags::default() },
            "--viewer-tls-cert",
            "--viewer-tls-key",
        ),
        (
            Flags { engine_tls_key: Some(path("k")), ..Flags::default() },
            "--engine-tls-key",
            "--engine-tls-cert",
        ),
        (
            Flags {
                engine_tls_cert: Some(path("c")),
                engine_tls_key: Some(path("k")),
                ..Flags::default()
            },
            "--engine-tls-cert",
            "does not exist",
        ),
        (Flags { allow_host: all(&["a/b"]), ..Flags::default() }, "--allow-host", "example"),
        (Flags { allow_host: all(&["*"]), ..Flags::default() }, "--allow-host", "example"),
        (Flags { allow_origin: all(&["a.b"]), ..Flags::default() }, "--allow-origin", "https://"),
        (Flags { allow_origin: all(&["null"]), ..Flags::default() }, "--allow-origin", "https://"),
        (
            Flags { allow_origin: all(&["http://a/"]), ..Flags::default() },
            "--allow-origin",
            "nothing behind",
        ),
        (Flags { log: Some("a=b=c".to_owned()), ..Flags::default() }, "--log", "info"),
        (Flags { drain_grace: Some("10".to_owned()), ..Flags::default() }, "--drain-grace", "10s"),
        (Flags { drain_grace: Some("2h".to_owned()), ..Flags::default() }, "--drain-grace", "1h"),
    ];
    for (flags, flag, words) in table {
        let problems = problems(&flags);
        let [problem] = &problems[..] else { panic!("one problem: {problems:?}") };
        assert_eq!(problem.flag, flag, "{problem}");
        assert!(problem.what.contains(words), "{problem}");
    }
}

#[test]
fn the_defaults_are_right_and_what_is_given_is_taken() {
    let config = Flags::default().check().unwrap();
    let shown = |all: &[config::Listen]| -> Vec<String> {
        all.iter().map(|it| format!("{} {}", it.address, it.optional)).collect()
    };
    assert_eq!(shown(&config.viewers.listen), ["127.0.0.1:8000 false", "[::1]:8000 true"]);
    assert_eq!(shown(&config.engines.listen), ["127.0.0.1:50051 false"]);
    assert_eq!(config.drain.grace, Duration::from_secs(10));
    let gates =
        Gates { accept_while_offline: true, allow_timeout_approve: false, four_eyes: false };
    assert_eq!(config.gates, gates);

    let dir = TempDir::new().unwrap();
    let socket = dir.path().join("engine.sock");
    let unix = format!("--engine-listen=unix:{}", socket.display());
    let args = [
        "footplate",
        "serve",
        "--viewer-listen=[::1]:9000,localhost:9001",
        "--engine-listen=127.0.0.1:0",
        &unix,
        "--allow-host=relay.example:8443",
        "--drain-grace=500ms",
        "--accept-while-offline=false",
        "--allow-timeout-approve=true",
    ];
    let Ok(Command::Serve(config)) = config::read(args.map(Into::into)) else {
        panic!("it is fine")
    };
    assert_eq!(shown(&config.viewers.listen), ["[::1]:9000 false", "127.0.0.1:9001 false"]);
    assert_eq!(config.engines.listen[1].address, Address::Unix(socket));
    assert_eq!(config.allowed.hosts.len(), 1);
    assert_eq!(config.drain.grace, Duration::from_millis(500));
    let gates =
        Gates { accept_while_offline: false, allow_timeout_approve: true, four_eyes: false };
    assert_eq!(config.gates, gates);
}

#[test]
fn the_demo_listens_here_alone() {
    let read = |args: &[&str]| config::read(args.iter().map(Into::into));
    let Ok(Command::Demo(config, demo)) = read(&["footplate", "demo", "--port=0", "--tls"]) else {
        panic!("it is fine")
    };
    assert!(demo.pem.unwrap().starts_with("-----BEGIN CERTIFICATE-----"));
    assert!(config.viewers.tls.is_some() && config.engines.tls.is_none());
    assert_eq!(config.viewers.listen.len(), 1);
    let wrong = read(&["footplate", "demo", "--port=http"]).unwrap_err();
    assert!(matches!(wrong, Refused::Problems(all) if all[0].flag == "--port"));
    let Err(Refused::Usage(unknown)) = read(&["footplate", "serve", "--nothing"]) else {
        panic!("there is no such flag")
    };
    assert!(unknown.use_stderr());
    for help in ["--help", "--version"] {
        let Err(Refused::Usage(help)) = read(&["footplate", help]) else { panic!("it is said") };
        assert!(!help.use_stderr());
    }
}
