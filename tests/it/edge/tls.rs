//! What is wrong with certificates, and what a door speaks with a good one.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use footplate::http::listen::Options;
use footplate::tls::{Certificate, Fault, self_signed};
use rcgen::{CertifiedKey, KeyPair, generate_simple_self_signed};
use rustls::crypto::aws_lc_rs;
use rustls::pki_types::{CertificateDer, ServerName, pem::PemObject};
use rustls::{CipherSuite, ClientConfig, ProtocolVersion, RootCertStore, SupportedProtocolVersion};
use rustls::{crypto::CryptoProvider, version};
use tempfile::TempDir;
use tokio::time::timeout;
use tokio_rustls::{TlsConnector, client::TlsStream};

use super::rig::{LONG, Rig, Setup, request, say, status};

#[test]
fn every_fault_is_named() {
    let dir = TempDir::new().unwrap();
    let write = |name: &str, text: &[u8]| -> PathBuf {
        let path = dir.path().join(name);
        fs::write(&path, text).unwrap();
        path
    };
    let CertifiedKey { cert, signing_key } =
        generate_simple_self_signed(vec!["localhost".to_owned()]).unwrap();
    let cert_pem = cert.pem();
    let good_cert = write("cert.pem", cert_pem.as_bytes());
    let good_key = write("key.pem", signing_key.serialize_pem().as_bytes());
    let both = write("both.pem", (cert_pem.clone() + &signing_key.serialize_pem()).as_bytes());
    let other_key = write("other.pem", KeyPair::generate().unwrap().serialize_pem().as_bytes());
    let der = write("cert.der", cert.der());
    let empty = write("empty.pem", b"");
    let torn = write("torn.pem", &cert_pem.as_bytes()[..cert_pem.len() / 2]);
    let noise = b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
    let noise = write("noise.pem", noise);
    let noise_key = b"-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n";
    let noise_key = write("noise-key.pem", noise_key);
    let locked =
        b"-----BEGIN ENCRYPTED PRIVATE KEY-----\nAAAA\n-----END ENCRYPTED PRIVATE KEY-----\n";
    let locked = write("locked.pem", locked);
    let missing = dir.path().join("missing.pem");
    let directory = dir.path().to_owned();

    Certificate::load(&good_cert, &good_key).unwrap();
    Certificate::load(&both, &both).unwrap();

    type Is = fn(&Fault) -> bool;
    let table: &[(&Path, &Path, Is, &Path, &str)] = &[
        (&missing, &good_key, |it| matches!(it, Fault::Missing(_)), &missing, "does not exist"),
        (&good_cert, &missing, |it| matches!(it, Fault::Missing(_)), &missing, "does not exist"),
        (&directory, &good_key, |it| matches!(it, Fault::Directory(_)), &directory, "directory"),
        (&good_cert, &directory, |it| matches!(it, Fault::Directory(_)), &directory, "directory"),
        (&der, &good_key, |it| matches!(it, Fault::NotPem(..)), &der, "-inform der"),
        (&empty, &good_key, |it| matches!(it, Fault::NotPem(..)), &empty, "not PEM"),
        (&torn, &good_key, |it| matches!(it, Fault::NotPem(..)), &torn, "not PEM"),
        (&good_key, &good_cert, |it| matches!(it, Fault::NoCertificate(_)), &good_key, "swapped"),
        (&good_cert, &good_cert, |it| matches!(it, Fault::NoKey(_)), &good_cert, "no private key"),
        (&good_cert, &locked, |it| matches!(it, Fault::Encrypted(_)), &locked, "pass phrase"),
        (&good_cert, &noise_key, |it| matches!(it, Fault::BadKey(..)), &noise_key, "P-256"),
        (&noise, &good_key, |it| matches!(it, Fault::BadCertificate(..)), &noise, "issued again"),
        (&good_cert, &other_key, |it| matches!(it, Fault::Mismatch { .. }), &other_key, "not that"),
    ];
    for (cert, key, is, path, words) in table {
        let fault = Certificate::load(cert, key).unwrap_err();
        let text = fault.to_string();
        assert!(is(&fault), "{text}");
        assert_eq!(fault.path(), *path, "{text}");
        assert!(text.contains(words) && text.contains(path.to_str().unwrap()), "{text}");
        assert!(!text.contains('\n'), "one line: {text}");
    }
}

/// A client that trusts this certificate, and prefers what we like least.
fn client(
    pem: &str,
    versions: &[&'static SupportedProtocolVersion],
    alpn: &[&str],
) -> TlsConnector {
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from_pem_slice(pem.as_bytes()).unwrap()).unwrap();
    let mut provider: CryptoProvider = aws_lc_rs::default_provider();
    provider.cipher_suites.reverse();
    let mut config = ClientConfig::builder_with_provider(Arc::new(provider))
        .with_protocol_versions(versions)
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    config.alpn_protocols = alpn.iter().map(|it| it.as_bytes().to_vec()).collect();
    TlsConnector::from(Arc::new(config))
}

#[tokio::test]
async fn the_door_chooses_the_suite_and_the_protocol() {
    let made = self_signed().unwrap();
    let rig = Rig::start(Setup { tls: Some(made.certificate), ..Setup::default() }).await;
    let shake = async |name: &'static str, version, alpn: &[&str]| {
        let name = ServerName::try_from(name).unwrap();
        let client = client(&made.pem, &[version], alpn);
        let stream: TlsStream<_> = client.connect(name, rig.connect().await).await.unwrap();
        stream
    };
    for name in ["localhost", "127.0.0.1", "::1"] {
        let stream = shake(name, &version::TLS13, &["http/1.1"]).await;
        let tls = stream.get_ref().1;
        let suite = tls.negotiated_cipher_suite().unwrap().suite();
        assert_eq!(suite, CipherSuite::TLS13_AES_128_GCM_SHA256);
        // Over TLS its own origin is https.
        let own = [("host", "localhost:1"), ("origin", "https://localhost:1")];
        assert_eq!(status(&say(stream, &request("GET /livez", &own, "")).await), 200);
    }
    let stream = shake("localhost", &version::TLS12, &[]).await;
    let tls = stream.get_ref().1;
    assert_eq!(tls.protocol_version(), Some(ProtocolVersion::TLSv1_2));
    let suite = tls.negotiated_cipher_suite().unwrap().suite();
    assert_eq!(suite, CipherSuite::TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256);
    let other = [("host", "localhost:1"), ("origin", "http://localhost:1")];
    assert_eq!(status(&say(stream, &request("GET /livez", &other, "")).await), 403);

    for (offered, chosen) in
        [(&["h2"][..], "h2"), (&["h2", "http/1.1"], "http/1.1"), (&["http/1.1"], "http/1.1")]
    {
        let stream = shake("localhost", &version::TLS13, offered).await;
        assert_eq!(stream.get_ref().1.alpn_protocol(), Some(chosen.as_bytes()));
    }
    rig.end().await;
}

/// A WebSocket begins over HTTP/1.1; everything else is there over HTTP/2 as well.
#[tokio::test]
async fn http_2_has_everything_but_websockets() {
    let made = self_signed().unwrap();
    let rig = Rig::start(Setup { tls: Some(made.certificate), ..Setup::default() }).await;
    let client = client(&made.pem, &[&version::TLS13], &["h2"]);
    let name = ServerName::try_from("localhost").unwrap();
    let stream = client.connect(name, rig.connect().await).await.unwrap();
    let io = hyper_util::rt::TokioIo::new(stream);
    let (mut http, connection) =
        hyper::client::conn::http2::handshake(rig.tasks.clone(), io).await.unwrap();
    rig.tasks.spawn("client", async move { drop(connection.await) });
    for (path, expected) in [("/livez", 200), ("/v1/stream", 400), ("/nothing", 404)] {
        let uri = format!("https://localhost:{}{path}", rig.at.port());
        let request = http::Request::get(uri).body(http_body_util::Empty::<&[u8]>::new()).unwrap();
        let answer = http.send_request(request).await.unwrap();
        assert_eq!(answer.status(), expected, "{path}");
        assert!(answer.headers().contains_key("content-security-policy"));
    }
    let uri = format!("https://evil.example:{}/livez", rig.at.port());
    let request = http::Request::get(uri).body(http_body_util::Empty::<&[u8]>::new()).unwrap();
    assert_eq!(http.send_request(request).await.unwrap().status(), 403);
    drop(http);
    rig.end().await;
}

/// Over HTTP/2 a connection can be kept open with nothing; strangers have only so many.
#[tokio::test]
async fn w5_a_stranger_does_not_keep_an_idle_connection() {
    let made = self_signed().unwrap();
    let options = Options { stranger: Duration::from_millis(10), ..Options::default() };
    let tls = Some(made.certificate);
    let rig = Rig::start(Setup { tls, options, asks: true, ..Setup::default() }).await;
    let client = client(&made.pem, &[&version::TLS13], &["h2"]);
    let name = ServerName::try_from("localhost").unwrap();
    let stream = client.connect(name, rig.connect().await).await.unwrap();
    assert_eq!(rig.caps.strangers(), 1);
    let io = hyper_util::rt::TokioIo::new(stream);
    let (http, connection) = hyper::client::conn::http2::handshake::<
        _,
        _,
        http_body_util::Empty<&[u8]>,
    >(rig.tasks.clone(), io)
    .await
    .unwrap();
    timeout(LONG, connection).await.expect("it is told to go").unwrap();
    drop(http);
    rig.end().await;
}
