//! Z5, G2, G3: engines are who their key, their token, their certificate or the kernel says, and what they
//! begin is theirs.

use std::sync::Arc;

use footplate::config::{self, Flags, TokenFlags};
use footplate::engine::pb::LaneErrorCode;
use footplate::tls;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName, pem::PemObject};
use rustls::{ClientConfig, RootCertStore};
use serde_json::json;
use tokio_rustls::{TlsAcceptor, TlsConnector};
use tonic::Code;

use super::mint::*;
use super::stand::{NIGHTLY, Stand, WEEKLY};

#[tokio::test(flavor = "multi_thread")]
async fn z5_an_execution_is_its_engines_and_its_tenants() {
    let stand = Stand::start(&[]).await;
    let key = |key: &str| Some(("x-api-key", key.to_owned()));
    let refused = async |shown: Option<(&'static str, String)>| {
        stand.publishes(shown, "x0").await.unwrap_err().code()
    };
    assert_eq!(refused(None).await, Code::Unauthenticated, "this machine's engines as well");
    assert_eq!(refused(key("fp_nobodys-key-of-any-kind")).await, Code::Unauthenticated);
    let viewer = stand.token("ada", &["admin"], 600);
    let bearer = |token: String| Some(("authorization", format!("Bearer {token}")));
    assert_eq!(
        refused(bearer(viewer)).await,
        Code::PermissionDenied,
        "no role makes an engine but its own"
    );
    assert_eq!(refused(bearer(stand.token("w", &["engine"], -60))).await, Code::Unauthenticated);

    stand.publishes(key(NIGHTLY), "x1").await.unwrap();
    stand.publishes(key(WEEKLY), "y1").await.unwrap();
    stand.publishes(bearer(stand.token("w", &["engine"], 600)), "x2").await.unwrap();
    let theirs = stand.publishes(key(WEEKLY), "x1").await.unwrap();
    assert_eq!(theirs.results[0].error.as_ref().unwrap().code(), LaneErrorCode::WrongOwner);
    let another = stand.publishes(bearer(stand.token("w", &["engine"], 600)), "x1").await.unwrap();
    assert_eq!(another.results[0].error.as_ref().unwrap().code(), LaneErrorCode::WrongOwner);

    // And whoever looks sees their own tenant's.
    let bearer = format!("Bearer {}", stand.token("ada", &["viewer"], 600));
    let header = ("authorization", bearer.as_str());
    let (_, list) = stand.asks("GET /v1/executions", &[header]).await;
    let ids: Vec<_> =
        list["items"].as_array().unwrap().iter().map(|it| it["execution_id"].clone()).collect();
    assert_eq!(ids, [json!("x1"), json!("x2")]);
    for path in ["", "/records"] {
        let ask = async |id: &str| {
            let (status, told) =
                stand.asks(&format!("GET /v1/executions/{id}{path}"), &[header]).await;
            (status, told)
        };
        assert_eq!(ask("y1").await, ask("z9").await, "z1: what is foreign is not there");
        assert_eq!(ask("x1").await.0, 200);
    }
    let decide = r#"{"decision_id":"d","gate_version":1,"option_id":"approve"}"#;
    let headers = [header, ("content-type", "application/json")];
    let post = async |id: &str| {
        let (status, answer) = stand
            .ask(&format!("POST /v1/executions/{id}/gates/g1/decisions"), &headers, decide)
            .await;
        (status, answer.split_once("\r\n\r\n").unwrap().1.replace(id, "X"))
    };
    assert_eq!(post("y1").await, post("z9").await);
    let pause = r#"{"type":"pause_execution","command_id":"c"}"#;
    let post = async |id: &str| {
        let (status, answer) =
            stand.ask(&format!("POST /v1/executions/{id}/commands"), &headers, pause).await;
        (status, answer.split_once("\r\n\r\n").unwrap().1.replace(id, "X"))
    };
    assert_eq!(post("y1").await, post("z9").await);
    assert_eq!(post("x1").await.0, 403, "it is there, and a viewer may not");
    stand.end().await;
}

#[test]
fn g3_an_engine_is_who_its_certificate_names_and_not_its_common_name() {
    use rcgen::{CertificateParams, DnType, KeyPair, SanType};
    let named = |sans: Vec<SanType>| {
        let mut params = CertificateParams::default();
        params.distinguished_name.push(DnType::CommonName, "admin");
        params.subject_alt_names = sans;
        let made = params.self_signed(&KeyPair::generate().unwrap()).unwrap();
        footplate::tls::named(made.der())
    };
    let uri = |it: &str| SanType::URI(it.try_into().unwrap());
    let dns = |it: &str| SanType::DnsName(it.try_into().unwrap());
    let spiffe = "spiffe://acme.example/engines/nightly";
    assert_eq!(named(vec![dns("w1.example"), uri(spiffe)]).as_deref(), Some(spiffe));
    assert_eq!(named(vec![dns("w1.example"), dns("w2.example")]).as_deref(), Some("w1.example"));
    assert_eq!(named(vec![]), None, "a common name is nobody's");
    assert_eq!(named(vec![SanType::IpAddress([127, 0, 0, 1].into())]), None);
    assert_eq!(footplate::tls::named(b"no certificate"), None);
}

/// The same over a real handshake: the certificate's name is the identity, and who has none is not let in
/// where nothing else can be shown.
#[tokio::test]
async fn g3_an_engines_certificate_is_its_identity() {
    use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair, SanType};
    let folder = tempfile::TempDir::new().unwrap();
    let ca_key = KeyPair::generate().unwrap();
    let mut ca = CertificateParams::default();
    ca.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let path = folder.path().join("engines.pem");
    std::fs::write(&path, ca.self_signed(&ca_key).unwrap().pem()).unwrap();
    let issuer = Issuer::new(ca, ca_key);
    let key = KeyPair::generate().unwrap();
    let mut params = CertificateParams::default();
    params.subject_alt_names =
        vec![SanType::URI("spiffe://acme.example/nightly".try_into().unwrap())];
    let certificate = params.signed_by(&key, &issuer).unwrap();
    let stranger = params.self_signed(&key).unwrap();

    let own = tls::self_signed().unwrap();
    let trust = tls::Trust::of_file(&path).unwrap();
    let server = own.certificate;
    let mut roots = RootCertStore::empty();
    for der in CertificateDer::pem_slice_iter(own.pem.as_bytes()) {
        roots.add(der.unwrap()).unwrap();
    }
    let roots = Arc::new(roots);
    for (optional, shown, expected) in [
        (false, Some(&certificate), Ok(Some("spiffe://acme.example/nightly"))),
        (false, Some(&stranger), Err(())),
        (false, None, Err(())),
        (true, Some(&certificate), Ok(Some("spiffe://acme.example/nightly"))),
        (true, Some(&stranger), Err(())),
        (true, None, Ok(None)),
    ] {
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let client = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_root_certificates(Arc::clone(&roots));
        let secret = PrivateKeyDer::try_from(key.serialize_der()).unwrap();
        let mut client = match shown {
            Some(it) => client.with_client_auth_cert(vec![it.der().clone()], secret).unwrap(),
            None => client.with_no_client_auth(),
        };
        client.alpn_protocols = vec![b"h2".to_vec()];
        let (near, far) = tokio::io::duplex(1 << 16);
        let acceptor = TlsAcceptor::from(server.for_known_engines(&trust, optional));
        let connector = TlsConnector::from(Arc::new(client));
        let name = ServerName::try_from("localhost").unwrap();
        let (accepted, connected) =
            tokio::join!(acceptor.accept(far), connector.connect(name, near));
        let told = accepted.map(|stream| {
            let shown = stream.get_ref().1.peer_certificates().and_then(|it| it.first().cloned());
            shown.and_then(|it| tls::named(&it))
        });
        assert_eq!(told.as_ref().map(|it| it.as_deref()).map_err(|_| ()), expected, "{optional}");
        drop(connected);
    }
}

#[test]
fn g2_other_machines_are_let_in_only_by_tokens_over_tls() {
    let folder = tempfile::TempDir::new().unwrap();
    let made = rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]).unwrap();
    let write = |name: &str, text: String| {
        let path = folder.path().join(name);
        std::fs::write(&path, text).unwrap();
        Some(path.display().to_string())
    };
    let (cert, key) =
        (write("cert.pem", made.cert.pem()), write("key.pem", made.signing_key.serialize_pem()));
    let pair = Pair::new(footplate::auth::Alg::EdDsa);
    let tokens = || TokenFlags {
        auth_keys: vec![written(&folder, "issuer.pem", &pair).display().to_string()],
        auth_issuer: Some(ISSUER.to_owned()),
        auth_audience: vec![AUDIENCE.to_owned()],
        ..TokenFlags::default()
    };
    let open = || Flags {
        viewer_listen: vec!["0.0.0.0:8000".to_owned()],
        engine_listen: vec!["0.0.0.0:50051".to_owned()],
        ..Flags::default()
    };
    let faults = |flags: &Flags| match flags.check() {
        Ok(_) => vec![],
        Err(all) => all.into_iter().map(|it| it.to_string()).collect::<Vec<_>>(),
    };
    let said = faults(&open());
    assert!(
        said.len() == 2
            && said[0].contains("--auth-keys")
            && said[1].contains("--engine-tls-client-ca"),
        "{said:?}"
    );
    let said = faults(&Flags { tokens: tokens(), ..open() });
    assert!(
        said.len() == 2
            && said[0].contains("--viewer-tls-cert")
            && said[1].contains("--engine-tls-cert"),
        "{said:?}"
    );
    let tls = |flags: Flags| Flags {
        viewer_tls_cert: cert.clone(),
        viewer_tls_key: key.clone(),
        engine_tls_cert: cert.clone(),
        engine_tls_key: key.clone(),
        ..flags
    };
    assert_eq!(faults(&tls(open())).len(), 2, "TLS alone opens nothing");
    let whole = tls(Flags { tokens: tokens(), ..open() });
    assert_eq!(faults(&whole), [""; 0]);
    assert!(whole.check().unwrap().auth.is_some());
    // Half of it is a fault, with the remedy.
    let half = |tokens: TokenFlags| faults(&Flags { tokens, ..Flags::default() });
    let said = half(TokenFlags { auth_issuer: None, ..tokens() });
    assert!(said.len() == 1 && said[0].contains("--auth-require"), "{said:?}");
    let said = half(TokenFlags { auth_audience: vec![], ..tokens() });
    assert!(said.len() == 1 && said[0].starts_with("--auth-audience"), "{said:?}");
    let said = half(TokenFlags { auth_keys: vec![], ..tokens() });
    assert!(said.len() == 1 && said[0].contains("--auth-keys"), "{said:?}");
    let said = half(TokenFlags { auth_leeway: Some("61s".to_owned()), ..tokens() });
    assert!(said.len() == 1 && said[0].contains("60s"), "{said:?}");
    let said =
        half(TokenFlags { auth_jwks_url: Some("http://id.example/".to_owned()), ..tokens() });
    assert!(said.len() == 1 && said[0].contains("https"), "{said:?}");
}

#[test]
fn g7_what_is_printed_names_files_and_shows_no_secret() {
    let folder = tempfile::TempDir::new().unwrap();
    let path = folder.path().join("secret");
    std::fs::write(&path, SECRET).unwrap();
    let path = path.display().to_string();
    let args = [
        "footplate",
        "serve",
        "--print-config",
        "--auth-keys",
        &path,
        "--auth-issuer",
        ISSUER,
        "--auth-audience",
        AUDIENCE,
    ];
    let Ok(config::Command::Say(printed)) = config::read(args.map(Into::into)) else {
        panic!("it is right")
    };
    assert!(printed.contains(&path) && !printed.contains(std::str::from_utf8(SECRET).unwrap()));
    // Whoever writes the secret itself where its file is wanted does not read it again.
    let args = ["footplate", "serve", "--auth-keys=-----BEGIN PUBLIC KEY-----\nMIIB"];
    let Err(config::Refused::Problems(all)) = config::read(args.map(Into::into)) else {
        panic!("it is wrong")
    };
    assert!(all.iter().all(|it| !it.to_string().contains("MIIB")));
}
