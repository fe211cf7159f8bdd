//! `footplate certs init`: what is written, what is kept, what is refused.

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::Path;
use std::sync::Arc;

use footplate::config::{self, Certs, Command, Problem, Refused};
use footplate::model::Timestamp;
use footplate::seams::{Clock, Seams};
use footplate::tls::{Authority, Files, Made, Name, Served, Spoiled, init};
use rustls::pki_types::{CertificateDer, ServerName, pem::PemObject};
use rustls::{ClientConfig, RootCertStore};
use tempfile::TempDir;
use tokio::io::duplex;
use tokio_rustls::{TlsAcceptor, TlsConnector};
use x509_parser::prelude::{FromDer, X509Certificate};

const ALL: [&str; 4] = ["ca-key.pem", "ca.pem", "server-key.pem", "server.pem"];
const DAY: i64 = 86_400;

fn read(args: &[&str]) -> Result<Certs, Vec<Problem>> {
    let args = ["footplate", "certs", "init"].iter().chain(args).map(Into::into);
    match config::read(args) {
        Ok(Command::Certs(settings)) => Ok(settings),
        Err(Refused::Problems(problems)) => Err(problems),
        other => panic!("{other:?}"),
    }
}

fn make(dir: &Path, names: &[Name]) -> Result<Made, Spoiled> {
    init(dir, names, &Seams::machine())
}

fn mode(path: &Path) -> u32 {
    fs::metadata(path).unwrap().permissions().mode() & 0o777
}

fn listed(dir: &Path) -> Vec<String> {
    let names = fs::read_dir(dir).unwrap().map(|it| it.unwrap().file_name().into_string().unwrap());
    let mut names: Vec<_> = names.collect();
    names.sort();
    names
}

/// Whether a client that trusts this authority alone takes the server for `name`.
async fn trusts(ca: &Path, made: &Made, name: &str) -> Result<(), String> {
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from_pem_file(ca).unwrap()).unwrap();
    let client = ClientConfig::builder().with_root_certificates(roots).with_no_client_auth();
    let files = Files { certificate: made.server.clone(), key: made.server_key.clone() };
    let (near, far) = duplex(64 << 10);
    let name = ServerName::try_from(name.to_owned()).unwrap();
    let client = TlsConnector::from(Arc::new(client)).connect(name, near);
    let server = TlsAcceptor::from(Served::from_files(files).unwrap().for_engines()).accept(far);
    let (client, _) = tokio::join!(client, server);
    client.map(drop).map_err(|err| err.to_string())
}

#[tokio::test]
async fn a_client_that_trusts_the_authority_alone_connects_by_each_name() {
    let dir = TempDir::new().unwrap();
    let at = dir.path().join("deep/certs");
    let settings = read(&["--name", "Relay.Internal", "10.0.0.5", "--name=fd00::5,localhost"]);
    let names = settings.unwrap().names;
    let made = make(&at, &names).unwrap();
    assert!(made.new_authority);
    for name in ["localhost", "127.0.0.1", "::1", "relay.internal", "10.0.0.5", "fd00::5"] {
        trusts(&made.ca, &made, name).await.unwrap();
    }
    let wrong = trusts(&made.ca, &made, "other.internal").await.unwrap_err();
    assert!(wrong.contains("not valid for name"), "{wrong}");
    let other = make(&dir.path().join("other"), &names).unwrap();
    trusts(&other.ca, &made, "localhost").await.unwrap_err();
}

#[test]
fn keys_are_secret_and_nothing_else_lies_about() {
    let dir = TempDir::new().unwrap();
    let at = dir.path().join("certs");
    for _ in 0..2 {
        make(&at, &Name::of_this_machine()).unwrap();
        assert_eq!(mode(&at), 0o700);
        let modes = ALL.map(|name| mode(&at.join(name)));
        assert_eq!(modes, [0o600, 0o644, 0o600, 0o644]);
        assert_eq!(listed(&at), ALL);
    }
}

#[test]
fn each_certificate_may_do_what_it_is_for() {
    let dir = TempDir::new().unwrap();
    let made = make(&dir.path().join("certs"), &Name::of_this_machine()).unwrap();
    let ca = CertificateDer::from_pem_file(&made.ca).unwrap();
    let (_, ca) = X509Certificate::from_der(&ca).unwrap();
    let limits = ca.basic_constraints().unwrap().unwrap();
    assert!(limits.critical && limits.value.ca && limits.value.path_len_constraint == Some(0));
    assert_eq!(ca.key_usage().unwrap().unwrap().value.to_string(), "Key Cert Sign");
    let days = ca.validity().not_after.timestamp() - Clock::system().now().time.0 / 1_000_000;
    assert!((3_650 * DAY..=3_653 * DAY).contains(&days));

    let server = CertificateDer::from_pem_file(&made.server).unwrap();
    let (_, server) = X509Certificate::from_der(&server).unwrap();
    server.verify_signature(Some(ca.public_key())).unwrap();
    assert!(!server.is_ca());
    assert_eq!(server.key_usage().unwrap().unwrap().value.to_string(), "Digital Signature");
    let uses = server.extended_key_usage().unwrap().unwrap().value;
    assert!(uses.server_auth && !uses.client_auth && !uses.any && uses.other.is_empty());
    let validity = server.validity();
    let seconds = validity.not_after.timestamp() - validity.not_before.timestamp() + 1;
    assert!((390 * DAY..=397 * DAY).contains(&seconds), "{seconds}");
    assert!(validity.is_valid());

    // An authority that ends sooner takes what it has issued along.
    let soon = Timestamp(Clock::system().now().time.0 + 3_600 * DAY * 1_000_000);
    let authority = Authority::make(Clock::system().now().time).unwrap();
    let late = authority.issue(&Name::of_this_machine(), soon).unwrap();
    assert_eq!(late.facts.expires, authority.facts().expires);
}

#[tokio::test]
async fn the_second_run_keeps_the_authority() {
    let dir = TempDir::new().unwrap();
    let at = dir.path().join("certs");
    let first = make(&at, &Name::of_this_machine()).unwrap();
    let kept = [&first.ca, &first.ca_key].map(|path| fs::read(path).unwrap());
    let second = make(&at, &[Name::parse("relay.internal").unwrap()]).unwrap();
    assert!(!second.new_authority);
    assert_eq!(kept, [&first.ca, &first.ca_key].map(|path| fs::read(path).unwrap()));
    assert_ne!(first.server_facts.serial, second.server_facts.serial);
    trusts(&first.ca, &second, "relay.internal").await.unwrap();
    trusts(&first.ca, &second, "localhost").await.unwrap_err();

    // What is left of a run that was cut off is healed by the next one.
    fs::remove_file(&second.server).unwrap();
    let third = make(&at, &Name::of_this_machine()).unwrap();
    trusts(&first.ca, &third, "localhost").await.unwrap();
    fs::write(&third.server_key, "half").unwrap();
    let fourth = make(&at, &Name::of_this_machine()).unwrap();
    trusts(&first.ca, &fourth, "localhost").await.unwrap();
}

#[test]
fn a_damaged_authority_is_refused_and_nothing_is_written() {
    type Break = fn(&Path);
    let table: &[(Break, &str)] = &[
        (|at| fs::remove_file(at.join("ca.pem")).unwrap(), "ca.pem is missing"),
        (|at| fs::remove_file(at.join("ca-key.pem")).unwrap(), "ca-key.pem is missing"),
        (|at| fs::write(at.join("ca.pem"), "-----BEGIN").unwrap(), "no whole certificate"),
        (|at| fs::write(at.join("ca.pem"), [0xFF, 0]).unwrap(), "no whole certificate"),
        (|at| fs::write(at.join("ca-key.pem"), "").unwrap(), "no whole private key"),
        (
            |at| assert!(fs::copy(at.join("server-key.pem"), at.join("ca-key.pem")).unwrap() > 0),
            "not the key of ca.pem",
        ),
        (
            |at| {
                fs::copy(at.join("server.pem"), at.join("ca.pem")).unwrap();
                fs::copy(at.join("server-key.pem"), at.join("ca-key.pem")).unwrap();
            },
            "no authority's certificate",
        ),
        (
            |at| {
                let long_ago = Timestamp(Clock::system().now().time.0 - 4_000 * DAY * 1_000_000);
                let old = Authority::make(long_ago).unwrap();
                fs::write(at.join("ca.pem"), old.pem()).unwrap();
                fs::write(at.join("ca-key.pem"), old.key()).unwrap();
            },
            "has expired",
        ),
    ];
    for (spoil, words) in table {
        let dir = TempDir::new().unwrap();
        let at = dir.path().join("certs");
        make(&at, &Name::of_this_machine()).unwrap();
        spoil(&at);
        let before: Vec<_> =
            listed(&at).iter().map(|it| (it.clone(), fs::read(at.join(it)).unwrap())).collect();
        let refused = make(&at, &Name::of_this_machine()).unwrap_err().to_string();
        assert!(refused.contains(words) && refused.contains("another --dir"), "{refused}");
        assert!(refused.contains(at.to_str().unwrap()) && !refused.contains('\n'), "{refused}");
        let after: Vec<_> =
            listed(&at).iter().map(|it| (it.clone(), fs::read(at.join(it)).unwrap())).collect();
        assert_eq!(before, after);
    }
}

#[test]
fn what_others_wrote_or_may_write_is_left_alone() {
    let dir = TempDir::new().unwrap();
    // Somebody's own certificate, by the name that we would use.
    for name in ["server.pem", "server-key.pem"] {
        let at = dir.path().join(format!("of-{name}"));
        fs::create_dir(&at).unwrap();
        fs::write(at.join(name), "precious").unwrap();
        let refused = make(&at, &Name::of_this_machine()).unwrap_err();
        assert!(matches!(&refused, Spoiled::Foreign(path) if path.ends_with(name)), "{refused}");
        assert_eq!(fs::read_to_string(at.join(name)).unwrap(), "precious");
        assert_eq!(listed(&at), [name]);
    }
    // Also beside an authority of ours: it was issued by another one.
    let (at, other) = (dir.path().join("mixed"), dir.path().join("other"));
    let mixed = make(&at, &Name::of_this_machine()).unwrap();
    let other = make(&other, &Name::of_this_machine()).unwrap();
    fs::copy(&other.server, &mixed.server).unwrap();
    let refused = make(&at, &Name::of_this_machine()).unwrap_err().to_string();
    assert!(refused.contains("not overwritten") && refused.contains("--dir"), "{refused}");

    let set =
        |path: &Path, mode| fs::set_permissions(path, PermissionsExt::from_mode(mode)).unwrap();
    let at = dir.path().join("open");
    let made = make(&at, &Name::of_this_machine()).unwrap();
    set(&at, 0o777);
    let refused = make(&at, &Name::of_this_machine()).unwrap_err().to_string();
    assert!(refused.contains("chmod go-w"), "{refused}");
    set(&at, 0o755);
    set(&made.ca_key, 0o640);
    let refused = make(&at, &Name::of_this_machine()).unwrap_err().to_string();
    assert!(refused.contains("chmod 600"), "{refused}");
    set(&made.ca_key, 0o600);
    make(&at, &Name::of_this_machine()).unwrap();

    let file = dir.path().join("file");
    fs::write(&file, "").unwrap();
    let refused = make(&file, &Name::of_this_machine()).unwrap_err().to_string();
    assert!(refused.contains("--dir"), "{refused}");
    // A new authority never takes the place of anything, a dangling link included.
    let at = dir.path().join("link");
    fs::create_dir(&at).unwrap();
    symlink(dir.path().join("nowhere"), at.join("ca.pem")).unwrap();
    make(&at, &Name::of_this_machine()).unwrap_err();
    assert!(!dir.path().join("nowhere").exists());
}

#[test]
fn every_wrong_name_is_told_at_once() {
    let wrong = [
        "",
        " ",
        "https://relay.internal",
        "relay.internal:8443",
        "[::1]",
        "a b",
        "a/b",
        "*",
        "*.internal",
        "bücher.example",
        "-a.example",
        "a..b",
        "a.",
        "1.2.3",
        "256.1.1.1",
        "0.0.0.0",
        "::",
        "224.0.0.1",
        "a@b",
    ];
    let args: Vec<String> = wrong.iter().map(|it| format!("--name={it}")).collect();
    let args: Vec<&str> = args.iter().map(String::as_str).chain(["--dir="]).collect();
    let problems = read(&args).unwrap_err();
    let named: Vec<_> = problems.iter().map(|it| (it.flag.as_str(), it.value.as_str())).collect();
    let mut expected: Vec<_> = wrong.iter().map(|it| ("--name", *it)).collect();
    expected.insert(0, ("--dir", ""));
    assert_eq!(named, expected);
    assert!(problems[1].what.contains("relay.internal"), "{}", problems[1]);

    let settings = read(&[]).unwrap();
    assert_eq!(settings.dir, Path::new("footplate-certs"));
    assert_eq!(settings.names, Name::of_this_machine());
    let settings = read(&["--name", "LOCALHOST", "xn--bcher-kva.example", "::1"]).unwrap();
    assert_eq!(settings.names.len(), 4);
}
