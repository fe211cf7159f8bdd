//! G3: who vouches for engines' certificates, and what is revoked, changes while the relay runs: real
//! handshakes, and files in all states in which people and programs leave them.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use footplate::config::Flags;
use footplate::engine::pb::{GoodbyeReason, attach_response::Message as Told};
use footplate::model::Timestamp;
use footplate::seams::Clock;
use footplate::telemetry::Metrics;
use footplate::tls::{self, Look, Served, Trust, Watch};
use rcgen::{
    BasicConstraints, CertificateParams, CertificateRevocationListParams, DnType, IsCa, Issuer,
    KeyIdMethod, KeyPair, KeyUsagePurpose, RevokedCertParams, SanType, SerialNumber, date_time_ymd,
};
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName, pem::PemObject};
use rustls::{ClientConfig, HandshakeKind, RootCertStore};
use tempfile::TempDir;
use tokio::io::{AsyncReadExt, AsyncWriteExt, duplex};
use tokio::net::TcpStream;
use tokio_rustls::{TlsAcceptor, TlsConnector};
use tonic::transport::{Channel, Endpoint};

use crate::whole::{Engine, Relay};

/// An authority of engines.
struct Ca {
    issuer: Issuer<'static, KeyPair>,
    pem: String,
}

/// An engine's certificate with its key.
struct Papers {
    der: CertificateDer<'static>,
    key: KeyPair,
}

impl Ca {
    fn named(name: &str) -> Self {
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::default();
        params.distinguished_name.push(DnType::CommonName, name);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        let pem = params.self_signed(&key).unwrap().pem();
        Self { issuer: Issuer::new(params, key), pem }
    }

    fn issues(&self, serial: u64) -> Papers {
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::default();
        let uri = format!("spiffe://acme.example/{serial}");
        params.subject_alt_names = vec![SanType::URI(uri.as_str().try_into().unwrap())];
        params.serial_number = Some(SerialNumber::from(serial));
        let der = params.signed_by(&key, &self.issuer).unwrap().der().clone();
        Papers { der, key }
    }

    /// A list of these, which counts in these years.
    fn revokes(&self, serials: &[u64], [from, to]: [i32; 2]) -> String {
        let revoked = |serial: &u64| RevokedCertParams {
            serial_number: SerialNumber::from(*serial),
            revocation_time: date_time_ymd(2020, 1, 1),
            reason_code: None,
            invalidity_date: None,
        };
        let params = CertificateRevocationListParams {
            this_update: date_time_ymd(from, 1, 1),
            next_update: date_time_ymd(to, 1, 1),
            crl_number: SerialNumber::from(u64::try_from(from).unwrap()),
            issuing_distribution_point: None,
            revoked_certs: serials.iter().map(revoked).collect(),
            key_identifier_method: KeyIdMethod::Sha256,
        };
        params.signed_by(&self.issuer).unwrap().pem().unwrap()
    }
}

/// A door, its files, and a client of it.
struct Bench {
    dir: TempDir,
    served: Served,
    roots: Arc<RootCertStore>,
    metrics: Arc<Metrics>,
}

impl Bench {
    fn new() -> Self {
        let own = tls::self_signed().unwrap();
        let roots = Arc::new(roots_of(&own.pem));
        let (dir, metrics) = (TempDir::new().unwrap(), Arc::new(Metrics::new()));
        Self { dir, served: own.certificate, roots, metrics }
    }

    fn at(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    fn write(&self, name: &str, text: &str) {
        fs::create_dir_all(self.at(name).parent().unwrap()).unwrap();
        fs::write(self.at(name), text).unwrap();
    }

    fn trust(&self, revoked: &[&str]) -> (Trust, Watch) {
        let revoked = revoked.iter().map(|it| self.at(it)).collect();
        let trust = Trust::of_files(&self.at("ca.pem"), revoked).unwrap();
        let watch = trust.watch("engines", &Clock::system(), &self.metrics);
        (trust, watch)
    }

    fn client(&self, papers: &Papers) -> Arc<ClientConfig> {
        client(&self.roots, papers)
    }

    /// Whether the door lets them in.
    async fn admits(&self, trust: &Trust, papers: &Papers) -> bool {
        let client = self.client(papers);
        let (near, far) = duplex(1 << 16);
        let acceptor = TlsAcceptor::from(self.served.for_known_engines(trust, false));
        let name = ServerName::try_from("localhost").unwrap();
        let (accepted, connected) =
            tokio::join!(acceptor.accept(far), TlsConnector::from(client).connect(name, near));
        drop(connected);
        accepted.is_ok()
    }
}

fn roots_of(pem: &str) -> RootCertStore {
    let mut roots = RootCertStore::empty();
    for der in CertificateDer::pem_slice_iter(pem.as_bytes()) {
        roots.add(der.unwrap()).unwrap();
    }
    roots
}

fn client(roots: &Arc<RootCertStore>, papers: &Papers) -> Arc<ClientConfig> {
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let secret = PrivateKeyDer::try_from(papers.key.serialize_der()).unwrap();
    let mut client = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(Arc::clone(roots))
        .with_client_auth_cert(vec![papers.der.clone()], secret)
        .unwrap();
    client.alpn_protocols = vec![b"h2".to_vec()];
    Arc::new(client)
}

#[tokio::test]
async fn g3_whom_a_list_names_is_refused_and_nobody_else() {
    let (bench, ca, other) = (Bench::new(), Ca::named("one"), Ca::named("two"));
    let (good, bad, theirs) = (ca.issues(1), ca.issues(2), other.issues(2));
    bench.write("ca.pem", &(ca.pem.clone() + &other.pem));
    let cases = [
        ("this issuer's list", ca.revokes(&[2], [2020, 2090]), [true, false, true]),
        ("an empty list", ca.revokes(&[], [2020, 2090]), [true, true, true]),
        ("a list that is out of date", ca.revokes(&[], [2020, 2021]), [false, false, true]),
        (
            "one of each",
            ca.revokes(&[2], [2020, 2090]) + &other.revokes(&[2], [2020, 2090]),
            [true, false, false],
        ),
        (
            "an older one of the same issuer before it",
            ca.revokes(&[], [2020, 2080]) + &ca.revokes(&[2], [2024, 2080]),
            [true, false, true],
        ),
        (
            "an older one of the same issuer behind it",
            ca.revokes(&[2], [2024, 2080]) + &ca.revokes(&[], [2020, 2080]),
            [true, false, true],
        ),
    ];
    for (what, list, expected) in cases {
        bench.write("crl.pem", &list);
        let (trust, _watch) = bench.trust(&["crl.pem"]);
        for (papers, expected) in [&good, &bad, &theirs].into_iter().zip(expected) {
            assert_eq!(bench.admits(&trust, papers).await, expected, "{what}");
        }
    }
    // Whoever only says that it is the issuer has nothing to revoke: nobody is let in by such a list.
    bench.write("crl.pem", &Ca::named("one").revokes(&[], [2020, 2090]));
    assert!(!bench.admits(&bench.trust(&["crl.pem"]).0, &good).await);
}

#[tokio::test]
async fn g3_lists_are_read_again_and_a_broken_one_is_not_believed() {
    let (bench, ca) = (Bench::new(), Ca::named("one"));
    let (good, bad) = (ca.issues(1), ca.issues(2));
    bench.write("ca.pem", &ca.pem);
    bench.write("crls/1.pem", &ca.revokes(&[], [2020, 2090]));
    let (trust, mut watch) = bench.trust(&["crls"]);
    let now = Clock::system().now().time;
    let shown = [&good, &bad].map(|it| trust.vouched(vec![it.der.clone()].into(), now));
    let stand = || [shown[0].stands(), shown[1].stands()];
    let admitted = async || [bench.admits(&trust, &good).await, bench.admits(&trust, &bad).await];
    assert_eq!((admitted().await, stand()), ([true, true], [true, true]));

    // A second file in the directory.
    bench.write("crls/2.pem", &ca.revokes(&[2], [2024, 2090]));
    assert_eq!(
        [watch.look(false).await, watch.look(false).await],
        [Look::Settling, Look::Reloaded]
    );
    assert_eq!((admitted().await, stand()), ([true, false], [true, false]));
    let until = bench.metrics.revocation_expiry_timestamp.get();
    assert_eq!(until, date_time_ymd(2090, 1, 1).unix_timestamp());

    type Break = fn(&Bench, &Ca);
    let table: &[(&str, Break)] = &[
        ("an empty file", |bench, _| bench.write("crls/2.pem", "")),
        ("half a list", |bench, ca| {
            let list = ca.revokes(&[2], [2024, 2090]);
            bench.write("crls/2.pem", &list[..list.len() / 2]);
        }),
        ("no list", |bench, ca| bench.write("crls/2.pem", &ca.pem)),
        ("noise", |bench, _| {
            let noise = "-----BEGIN X509 CRL-----\nAAAA\n-----END X509 CRL-----\n";
            bench.write("crls/2.pem", noise);
        }),
        ("no file", |bench, _| {
            fs::remove_dir_all(bench.at("crls")).unwrap();
            fs::create_dir(bench.at("crls")).unwrap();
        }),
        ("no directory", |bench, _| fs::remove_dir_all(bench.at("crls")).unwrap()),
    ];
    for (what, spoil) in table {
        spoil(&bench, &ca);
        let looks = [watch.look(false).await, watch.look(false).await, watch.look(false).await];
        assert_eq!(looks, [Look::Settling, Look::Refused, Look::RefusedStill], "{what}");
        assert_eq!((admitted().await, stand()), ([true, false], [true, false]), "{what}");
    }
    // What is hidden does not count, nor does a directory.
    bench.write("crls/.old.pem", "no list");
    bench.write("crls/deeper/3.pem", "no list");
    bench.write("crls/1.pem", &ca.revokes(&[], [2025, 2090]));
    assert_eq!(watch.look(true).await, Look::Reloaded, "at once, where somebody asks");
    assert_eq!((admitted().await, stand()), ([true, true], [true, true]), "it was taken back");
    // A list that is out of date keeps newcomers out, and sends nobody away who is not on it.
    bench.write("crls/1.pem", &ca.revokes(&[2], [2020, 2021]));
    assert_eq!(watch.look(true).await, Look::Reloaded);
    assert_eq!(admitted().await, [false, false]);
    let long_ago = Timestamp(date_time_ymd(2020, 6, 1).unix_timestamp() * 1_000_000);
    let early = [&good, &bad].map(|it| trust.vouched(vec![it.der.clone()].into(), long_ago));
    assert_eq!(early.map(|it| it.stands()), [true, false]);
}

#[tokio::test]
async fn g3_authorities_are_read_again_and_broken_ones_are_not_believed() {
    let (bench, old, new) = (Bench::new(), Ca::named("old"), Ca::named("new"));
    let (before, after) = (old.issues(1), new.issues(1));
    bench.write("ca.pem", &old.pem);
    let (trust, mut watch) = bench.trust(&[]);
    let vouched = trust.vouched(vec![before.der.clone()].into(), Clock::system().now().time);
    let admitted =
        async || [bench.admits(&trust, &before).await, bench.admits(&trust, &after).await];
    assert_eq!((admitted().await, vouched.stands()), ([true, false], true));

    bench.write("ca.pem", &(old.pem.clone() + &new.pem));
    assert_eq!(
        [watch.look(false).await, watch.look(false).await],
        [Look::Settling, Look::Reloaded]
    );
    assert_eq!((admitted().await, vouched.stands()), ([true, true], true));

    for broken in ["", "-----BEGIN CERTIFICATE-----\nAAAA", "-----BEGIN X509 CRL-----\n"] {
        bench.write("ca.pem", broken);
        let looks = [watch.look(false).await, watch.look(false).await, watch.look(false).await];
        assert_eq!(looks, [Look::Settling, Look::Refused, Look::RefusedStill], "{broken}");
        assert_eq!((admitted().await, vouched.stands()), ([true, true], true), "{broken}");
    }
    bench.write("ca.pem", &new.pem);
    assert_eq!(
        [watch.look(false).await, watch.look(false).await],
        [Look::Settling, Look::Reloaded]
    );
    assert_eq!((admitted().await, vouched.stands()), ([false, true], false));
    let counted = ["reloaded", "refused"].map(|it| bench.metrics.certificate_reloads.of(it).get());
    assert_eq!(counted, [2, 3]);
}

/// A session that is taken up again would pass by the lists.
#[tokio::test]
async fn g3_no_engine_takes_a_session_up_again() {
    let (bench, ca) = (Bench::new(), Ca::named("one"));
    bench.write("ca.pem", &ca.pem);
    let (trust, papers) = (bench.trust(&[]).0, ca.issues(1));
    let client = bench.client(&papers);
    for _ in 0..3 {
        let (near, far) = duplex(1 << 16);
        let acceptor = TlsAcceptor::from(bench.served.for_known_engines(&trust, false));
        let connector = TlsConnector::from(Arc::clone(&client));
        let name = ServerName::try_from("localhost").unwrap();
        let (server, client) = tokio::join!(acceptor.accept(far), connector.connect(name, near));
        let (mut server, mut client) = (server.unwrap(), client.unwrap());
        // Tickets would come behind the handshake.
        server.write_all(b"x").await.unwrap();
        server.flush().await.unwrap();
        client.read_u8().await.unwrap();
        assert_eq!(client.get_ref().1.handshake_kind(), Some(HandshakeKind::Full));
    }
}

/// A connection of gRPC that shows these papers, or why there is none.
async fn channel(
    port: u16,
    roots: &Arc<RootCertStore>,
    papers: &Papers,
) -> Result<Channel, tonic::transport::Error> {
    let connector = TlsConnector::from(client(roots, papers));
    let connect = move |_| {
        let connector = connector.clone();
        async move {
            let stream = TcpStream::connect(("127.0.0.1", port)).await?;
            let name = ServerName::try_from("localhost").unwrap();
            let mut stream = connector.connect(name, stream).await?;
            // Over TLS 1.3 a client hears only with the first answer that it was refused.
            stream.flush().await?;
            Ok::<_, std::io::Error>(hyper_util::rt::TokioIo::new(stream))
        }
    };
    let endpoint = Endpoint::from_static("http://localhost");
    endpoint.connect_with_connector(tower::service_fn(connect)).await
}

#[tokio::test(flavor = "multi_thread")]
async fn g3_an_engine_that_is_revoked_is_sent_away_and_the_others_stay() {
    let (bench, ca) = (Bench::new(), Ca::named("one"));
    let own = rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]).unwrap();
    bench.write("ca.pem", &ca.pem);
    bench.write("crl.pem", &ca.revokes(&[], [2020, 2090]));
    bench.write("own.pem", &own.cert.pem());
    bench.write("own-key.pem", &own.signing_key.serialize_pem());
    let at = |name: &str| bench.at(name).display().to_string();
    let flags = [
        ("--engine-tls-cert", at("own.pem")),
        ("--engine-tls-key", at("own-key.pem")),
        ("--engine-tls-client-ca", at("ca.pem")),
        ("--engine-tls-client-crl", at("crl.pem")),
    ];
    let flags: Vec<&str> = flags.iter().flat_map(|(flag, it)| [*flag, it.as_str()]).collect();
    let relay = Relay::with(&flags).await;
    let port = Relay::port(&relay.app.engines_at);
    let roots = Arc::new(roots_of(&own.cert.pem()));
    let (good, bad) = (ca.issues(1), ca.issues(2));
    let open = async |papers: &Papers| channel(port, &roots, papers).await.unwrap();
    let (stays, goes) = (open(&good).await, open(&bad).await);
    let mut stayed = Engine::attach(stays.clone(), "w1", 1).await.unwrap().welcome().await;
    let mut gone = Engine::attach(goes.clone(), "w2", 1).await.unwrap().welcome().await;

    bench.write("crl.pem", &ca.revokes(&[2], [2024, 2090]));
    relay.app.reload();
    let Told::Goodbye(goodbye) = gone.hears().await else { panic!("it is told why") };
    assert_eq!(goodbye.reason(), GoodbyeReason::Unauthenticated);
    assert!(goodbye.message.contains("revoked"), "{}", goodbye.message);
    // On the connection that it has, it may not begin again; and it gets no other one.
    let again = Engine::attach(goes, "w2", 2).await;
    let refused = match again {
        Ok(mut engine) => match engine.hears().await {
            Told::Goodbye(goodbye) => goodbye.reason() == GoodbyeReason::Unauthenticated,
            _ => false,
        },
        Err(status) => status.code() == tonic::Code::Unauthenticated,
    };
    assert!(refused);
    let refused = match channel(port, &roots, &bad).await {
        Ok(channel) => Engine::attach(channel, "w2", 3).await.err().map(|it| it.code()),
        Err(_) => Some(tonic::Code::Unavailable),
    };
    assert!(
        refused.is_some_and(|it| it != tonic::Code::Unauthenticated),
        "not even the handshake is done: {refused:?}"
    );
    stayed.says("x1", 1, vec![crate::whole::line("still here")]).await;
    assert!(stayed.result().await.error.is_none());
    drop((open(&good).await, stayed));
    relay.end().await;
}

#[test]
fn g3_what_is_wrong_with_lists_is_told_with_its_remedy() {
    let (bench, ca) = (Bench::new(), Ca::named("one"));
    let own = rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]).unwrap();
    bench.write("own.pem", &own.cert.pem());
    bench.write("own-key.pem", &own.signing_key.serialize_pem());
    bench.write("ca.pem", &ca.pem);
    bench.write("crls/1.pem", &ca.revokes(&[], [2020, 2090]));
    bench.write("other.pem", &ca.pem);
    fs::create_dir(bench.at("empty")).unwrap();
    bench.write("half/1.pem", "-----BEGIN X509 CRL-----\nAAAA\n-----END X509 CRL-----\n");
    let text = |path: &Path| Some(path.display().to_string());
    let flags = |ca: Option<&str>, lists: &[&str]| Flags {
        engine_tls_cert: text(&bench.at("own.pem")),
        engine_tls_key: text(&bench.at("own-key.pem")),
        engine_tls_client_ca: ca.and_then(|it| text(&bench.at(it))),
        engine_tls_client_crl: lists.iter().filter_map(|it| text(&bench.at(it))).collect(),
        ..Flags::default()
    };
    let faults = |flags: Flags| match flags.check() {
        Ok(_) => vec![],
        Err(all) => all.into_iter().map(|it| it.to_string()).collect::<Vec<_>>(),
    };
    assert_eq!(faults(flags(Some("ca.pem"), &["crls", "crls/1.pem"])), [""; 0]);
    let list = "--engine-tls-client-crl";
    for (ca, lists, flag, words) in [
        (Some("ca.pem"), "nowhere", list, "does not exist"),
        (Some("ca.pem"), "empty", list, "directory of files"),
        (Some("ca.pem"), "half", list, "have a whole one issued"),
        (Some("ca.pem"), "other.pem", list, "BEGIN X509 CRL"),
        (Some("crls/1.pem"), "crls", "--engine-tls-client-ca", "holds no authority"),
        (None, "crls", list, "name who issues them"),
    ] {
        let said = faults(flags(ca, &[lists]));
        assert!(said.len() == 1, "{said:?}");
        assert!(said[0].starts_with(flag) && said[0].contains(words), "{said:?}");
    }
}
