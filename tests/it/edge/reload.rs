//! A door's certificate is replaced under it: real handshakes, and files in all states in which
//! people and programs leave them.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use footplate::model::Timestamp;
use footplate::seams::{Clock, Seams};
use footplate::telemetry::Metrics;
use footplate::tls::{Authority, Facts, Files, Look, Name, Options, Served, Watch};
use rustls::pki_types::{CertificateDer, ServerName, pem::PemObject};
use rustls::{ClientConfig, HandshakeKind, RootCertStore};
use tempfile::TempDir;
use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream, duplex};
use tokio::sync::watch;
use tokio_rustls::{TlsAcceptor, TlsConnector, client, server};
use tokio_util::sync::CancellationToken;

/// A door with its certificate in files, and a client that trusts who issued it.
struct Bench {
    dir: TempDir,
    authority: Authority,
    served: Served,
    client: Arc<ClientConfig>,
    metrics: Arc<Metrics>,
}

impl Bench {
    fn new() -> Self {
        let dir = TempDir::new().unwrap();
        let authority = Authority::make(now()).unwrap();
        let mut roots = RootCertStore::empty();
        roots.add(CertificateDer::from_pem_slice(authority.pem().as_bytes()).unwrap()).unwrap();
        let client = ClientConfig::builder().with_root_certificates(roots).with_no_client_auth();
        let pair = issue(&authority);
        let files = files(dir.path());
        put(&files, &pair);
        let served = Served::from_files(files).unwrap();
        let metrics = Arc::new(Metrics::new());
        Self { dir, authority, served, client: Arc::new(client), metrics }
    }

    fn watch(&self) -> Watch {
        self.served.watch("viewer", &Clock::system(), &self.metrics).unwrap()
    }

    fn files(&self) -> Files {
        files(self.dir.path())
    }

    fn issue(&self) -> Pair {
        issue(&self.authority)
    }

    /// Both ends of a new connection.
    async fn connect(&self) -> (client::TlsStream<DuplexStream>, server::TlsStream<DuplexStream>) {
        let (near, far) = duplex(64 << 10);
        let name = ServerName::try_from("localhost").unwrap();
        let client = TlsConnector::from(Arc::clone(&self.client)).connect(name, near);
        let server = TlsAcceptor::from(self.served.for_viewers()).accept(far);
        let (client, server) = tokio::join!(client, server);
        (client.unwrap(), server.unwrap())
    }

    /// What a client is shown that comes now.
    async fn serial(&self) -> String {
        shown(&self.connect().await.0)
    }

    fn reloads(&self) -> [u64; 2] {
        ["reloaded", "refused"].map(|it| self.metrics.certificate_reloads.of(it).get())
    }
}

struct Pair {
    chain: String,
    key: String,
    facts: Facts,
}

fn now() -> Timestamp {
    Clock::system().now().time
}

fn issue(authority: &Authority) -> Pair {
    let it = authority.issue(&Name::of_this_machine(), now()).unwrap();
    Pair { chain: it.chain, key: it.key, facts: it.facts }
}

fn files(dir: &Path) -> Files {
    Files { certificate: dir.join("cert.pem"), key: dir.join("key.pem") }
}

fn put(files: &Files, pair: &Pair) {
    fs::write(&files.certificate, &pair.chain).unwrap();
    fs::write(&files.key, &pair.key).unwrap();
}

fn shown(client: &client::TlsStream<DuplexStream>) -> String {
    let chain = client.get_ref().1.peer_certificates().unwrap();
    Facts::of(&chain[0]).unwrap().serial
}

#[tokio::test]
async fn a_new_pair_is_for_new_connections_and_the_old_ones_go_on() {
    let bench = Bench::new();
    let mut watch = bench.watch();
    let (mut old, mut old_server) = bench.connect().await;
    let first = shown(&old);
    assert_eq!(watch.look(false).await, Look::Same);

    let pair = bench.issue();
    put(&bench.files(), &pair);
    assert_eq!(watch.look(false).await, Look::Settling, "the files may still be written");
    assert_eq!(bench.serial().await, first);
    assert_eq!(watch.look(false).await, Look::Reloaded);
    let (new, _) = bench.connect().await;
    assert_eq!(shown(&new), pair.facts.serial);
    assert_eq!(new.get_ref().1.peer_certificates().unwrap().len(), 2, "the whole chain");
    assert_eq!(watch.look(false).await, Look::Same);

    old.write_all(b"still here").await.unwrap();
    old.flush().await.unwrap();
    let mut words = [0; 10];
    old_server.read_exact(&mut words).await.unwrap();
    assert_eq!(&words, b"still here");
    assert_eq!(bench.reloads(), [1, 0]);
    let expiry = bench.metrics.certificate_expiry_timestamp.of("viewer").get();
    assert_eq!(expiry, pair.facts.expires.0 / 1_000_000);
    let text = bench.metrics.encode();
    assert!(text.contains("footplate_certificate_reloads_total{result=\"reloaded\"} 1"), "{text}");
    let gauge =
        format!("footplate_certificate_expiry_timestamp_seconds{{door=\"viewer\"}} {expiry}");
    assert!(text.contains(&gauge), "{text}");
}

/// Whoever takes a session up again is not shown a certificate: then it would not notice.
#[tokio::test]
async fn sessions_end_with_their_certificate() {
    let bench = Bench::new();
    // One configuration for all: the sessions are the certificate's, not the configuration's.
    let acceptor = TlsAcceptor::from(bench.served.for_viewers());
    let connect = async || {
        let (near, far) = duplex(64 << 10);
        let name = ServerName::try_from("localhost").unwrap();
        let client = TlsConnector::from(Arc::clone(&bench.client)).connect(name, near);
        let (client, server) = tokio::join!(client, acceptor.accept(far));
        let (mut client, mut server) = (client.unwrap(), server.unwrap());
        // The tickets come behind the handshake.
        server.write_all(b"x").await.unwrap();
        server.flush().await.unwrap();
        client.read_u8().await.unwrap();
        client.get_ref().1.handshake_kind().unwrap()
    };
    assert_eq!(connect().await, HandshakeKind::Full);
    assert_eq!(connect().await, HandshakeKind::Resumed);
    put(&bench.files(), &bench.issue());
    assert_eq!(bench.watch().look(true).await, Look::Reloaded);
    assert_eq!(connect().await, HandshakeKind::Full);
    assert_eq!(connect().await, HandshakeKind::Resumed);
}

#[tokio::test]
async fn a_pair_that_comes_in_two_steps_settles() {
    let bench = Bench::new();
    let mut watch = bench.watch();
    let (first, pair) = (bench.serial().await, bench.issue());
    let files = bench.files();
    fs::write(&files.certificate, &pair.chain).unwrap();
    assert_eq!(watch.look(false).await, Look::Settling);
    fs::write(&files.key, &pair.key).unwrap();
    assert_eq!(watch.look(false).await, Look::Settling, "it is another pair than a moment ago");
    assert_eq!(watch.look(false).await, Look::Reloaded);
    assert_eq!(bench.serial().await, pair.facts.serial);
    assert_eq!(bench.reloads(), [1, 0], "nobody was told of what was only half done");

    // And if the second step takes its time.
    let pair = bench.issue();
    assert_ne!(pair.facts.serial, first);
    fs::write(&files.key, &pair.key).unwrap();
    let looks = [watch.look(false).await, watch.look(false).await, watch.look(false).await];
    assert_eq!(looks, [Look::Settling, Look::Refused, Look::RefusedStill]);
    fs::write(&files.certificate, &pair.chain).unwrap();
    let looks = [watch.look(false).await, watch.look(false).await];
    assert_eq!(looks, [Look::Settling, Look::Reloaded]);
    assert_eq!(bench.serial().await, pair.facts.serial);
    assert_eq!(bench.reloads(), [2, 1]);
}

/// Each is refused once, the certificate before it goes on, and the pair behind it is taken.
#[tokio::test]
async fn what_is_broken_is_refused_once_and_what_follows_is_taken() {
    type Break = fn(&Files, &Pair);
    let table: &[(&str, Break)] = &[
        ("half a certificate", |files, pair| {
            fs::write(&files.certificate, &pair.chain[..pair.chain.len() / 4]).unwrap();
        }),
        ("half a key", |files, pair| {
            fs::write(&files.certificate, &pair.chain).unwrap();
            fs::write(&files.key, &pair.key[..pair.key.len() / 2]).unwrap();
        }),
        ("the key of another", |files, pair| fs::write(&files.key, &pair.key).unwrap()),
        ("an empty file", |files, _| fs::write(&files.key, "").unwrap()),
        ("no certificate", |files, _| fs::remove_file(&files.certificate).unwrap()),
        ("no key", |files, _| fs::remove_file(&files.key).unwrap()),
        ("a directory", |files, _| {
            fs::remove_file(&files.certificate).unwrap();
            fs::create_dir(&files.certificate).unwrap();
        }),
        ("a symlink to nothing", |files, _| {
            fs::remove_file(&files.key).unwrap();
            symlink("nothing", &files.key).unwrap();
        }),
        ("far too much", |files, pair| {
            fs::write(&files.certificate, pair.chain.repeat(2_000)).unwrap();
        }),
    ];
    let bench = Bench::new();
    let (mut watch, files) = (bench.watch(), bench.files());
    for (n, (what, spoil)) in (1..).zip(table) {
        let (before, pair) = (bench.serial().await, bench.issue());
        spoil(&files, &pair);
        let looks = [watch.look(false).await, watch.look(false).await, watch.look(false).await];
        assert_eq!(looks, [Look::Settling, Look::Refused, Look::RefusedStill], "{what}");
        assert_eq!(bench.serial().await, before, "{what}");
        assert_eq!(bench.reloads(), [n - 1, n], "{what}");
        for path in [&files.certificate, &files.key] {
            match fs::symlink_metadata(path) {
                Ok(it) if it.is_dir() => fs::remove_dir(path).unwrap(),
                Ok(_) => fs::remove_file(path).unwrap(),
                Err(_) => {}
            }
        }
        put(&files, &pair);
        let looks = [watch.look(false).await, watch.look(false).await];
        assert_eq!(looks, [Look::Settling, Look::Reloaded], "{what}");
        assert_eq!(bench.serial().await, pair.facts.serial, "{what}");
        assert_eq!(bench.reloads(), [n, n], "{what}");
    }
}

#[tokio::test]
async fn what_was_served_is_fine_again_and_a_question_is_always_answered() {
    let bench = Bench::new();
    let (mut watch, files) = (bench.watch(), bench.files());
    let good = fs::read(&files.certificate).unwrap();
    fs::write(&files.certificate, "-----BEGIN nothing").unwrap();
    // Who asks says that the files are complete, and is told each time.
    assert_eq!([watch.look(true).await, watch.look(true).await], [Look::Refused, Look::Refused]);
    assert_eq!(watch.look(false).await, Look::RefusedStill);
    // A file that is written again with what it held, at another time, is the same.
    fs::write(&files.certificate, good).unwrap();
    assert_eq!(watch.look(false).await, Look::Same);
    assert_eq!(bench.reloads(), [0, 2]);
    put(&files, &bench.issue());
    assert_eq!(watch.look(true).await, Look::Reloaded, "at once");
}

/// Contents are compared, so neither an old time of change nor the same length hides a new pair.
#[tokio::test]
async fn times_of_change_say_nothing() {
    let bench = Bench::new();
    let (mut watch, files, pair) = (bench.watch(), bench.files(), bench.issue());
    let times = [&files.certificate, &files.key]
        .map(|path| (path, fs::metadata(path).unwrap().modified().unwrap()));
    put(&files, &pair);
    for (path, time) in times {
        fs::File::options().write(true).open(path).unwrap().set_modified(time).unwrap();
    }
    assert_eq!(
        [watch.look(false).await, watch.look(false).await],
        [Look::Settling, Look::Reloaded]
    );
    assert_eq!(bench.serial().await, pair.facts.serial);
}

/// How Kubernetes replaces a mounted secret: the files are links through `..data`, which is a link
/// that is renamed over.
#[tokio::test]
async fn a_directory_behind_symlinks_is_swapped() {
    let dir = TempDir::new().unwrap();
    let mut bench = Bench::new();
    let at = |name: &str| -> PathBuf { dir.path().join(name) };
    let stage = |name: &str, pair: &Pair| {
        fs::create_dir(at(name)).unwrap();
        put(&files(&at(name)), pair);
        symlink(name, at("..data_tmp")).unwrap();
        fs::rename(at("..data_tmp"), at("..data")).unwrap();
    };
    stage("..2026_1", &bench.issue());
    for name in ["cert.pem", "key.pem"] {
        symlink(Path::new("..data").join(name), at(name)).unwrap();
    }
    bench.served = Served::from_files(files(dir.path())).unwrap();
    let mut watch = bench.watch();
    let pair = bench.issue();
    stage("..2026_2", &pair);
    fs::remove_dir_all(at("..2026_1")).unwrap();
    assert_eq!(
        [watch.look(false).await, watch.look(false).await],
        [Look::Settling, Look::Reloaded]
    );
    assert_eq!(bench.serial().await, pair.facts.serial);
}

/// A shell's `<(…)` is a pipe: read at the start, and never again.
#[tokio::test]
async fn a_pipe_is_read_once() {
    let bench = Bench::new();
    let key = bench.dir.path().join("pipe");
    make_pipe(&key);
    let pair = bench.issue();
    fs::write(bench.files().certificate, &pair.chain).unwrap();
    let (path, secret) = (key.clone(), pair.key.clone());
    let writer = std::thread::spawn(move || fs::write(path, secret).unwrap());
    let files = Files { key, ..bench.files() };
    let bench = Bench { served: Served::from_files(files).unwrap(), ..bench };
    writer.join().unwrap();
    let mut watch = bench.watch();
    let looks = [watch.look(false).await, watch.look(false).await, watch.look(false).await];
    assert_eq!(looks, [Look::Settling, Look::Refused, Look::RefusedStill]);
    assert_eq!(bench.serial().await, pair.facts.serial);
}

/// The standard library can't make one.
fn make_pipe(path: &Path) {
    let made = std::process::Command::new("mkfifo").arg(path).status().unwrap();
    assert!(made.success());
}

/// An expired certificate is served: whoever trusts it nevertheless is not locked out, and the
/// operator has been told.
#[tokio::test]
async fn an_expired_certificate_is_served_and_told() {
    let bench = Bench::new();
    let long_ago = Timestamp(now().0 - 3_000 * 86_400_000_000);
    let authority = Authority::make(long_ago).unwrap();
    let it = authority.issue(&Name::of_this_machine(), long_ago).unwrap();
    assert!(it.facts.untimely(now()).unwrap().contains("expired"));
    assert!(it.facts.untimely(long_ago).is_none());
    let early = Timestamp(long_ago.0 - 86_400_000_000);
    assert!(it.facts.untimely(early).unwrap().contains("not begun"));
    put(&bench.files(), &Pair { chain: it.chain, key: it.key, facts: it.facts.clone() });
    assert_eq!(bench.watch().look(true).await, Look::Reloaded);
    let expiry = bench.metrics.certificate_expiry_timestamp.of("viewer").get();
    assert!(expiry < now().0 / 1_000_000 && expiry == it.facts.expires.0 / 1_000_000);
    // It is what a client is shown, and refuses.
    let (near, far) = duplex(64 << 10);
    let name = ServerName::try_from("localhost").unwrap();
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from_pem_slice(authority.pem().as_bytes()).unwrap()).unwrap();
    let client = ClientConfig::builder().with_root_certificates(roots).with_no_client_auth();
    let client = TlsConnector::from(Arc::new(client)).connect(name, near);
    let server = TlsAcceptor::from(bench.served.for_viewers()).accept(far);
    let (client, _) = tokio::join!(client, server);
    let refused = client.unwrap_err().to_string();
    assert!(refused.contains("expired"), "{refused}");
}

/// The task looks by the clock and when it is asked, and ends when it is told.
#[tokio::test(start_paused = true)]
async fn it_looks_by_the_clock_and_when_it_is_asked() {
    let bench = Bench::new();
    let (asked, hears) = watch::channel(());
    let stop = CancellationToken::new();
    let options = Options::default();
    let task = bench.watch().run(options, hears, stop.clone());
    let test = async {
        let pair = bench.issue();
        put(&bench.files(), &pair);
        // Time stands still while a file is read, so this is when the task has looked twice.
        tokio::time::sleep(options.every + options.settle + Duration::from_millis(1)).await;
        while bench.reloads() != [1, 0] {
            tokio::task::yield_now().await;
        }
        assert_eq!(bench.serial().await, pair.facts.serial);

        let pair = bench.issue();
        put(&bench.files(), &pair);
        let before = tokio::time::Instant::now();
        asked.send_replace(());
        while bench.reloads() != [2, 0] {
            tokio::task::yield_now().await;
        }
        assert_eq!(before.elapsed(), Duration::ZERO, "at once");
        assert_eq!(bench.serial().await, pair.facts.serial);
        stop.cancel();
    };
    tokio::join!(task, test);
}

/// A relay without files has nothing to look after.
#[test]
fn a_fixed_certificate_has_no_watch() {
    let made = footplate::tls::self_signed().unwrap();
    let metrics = Arc::new(Metrics::new());
    assert!(made.certificate.watch("viewer", &Seams::machine().clock, &metrics).is_none());
    assert!(metrics.certificate_expiry_timestamp.of("viewer").get() > 0);
}
