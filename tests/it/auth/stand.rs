//! A whole relay that wants tokens, with one key of its issuer and an API key for engines.

use footplate::auth::Alg;
use footplate::engine::pb;
use footplate::engine::pb::engine_service_client::EngineServiceClient;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use tempfile::TempDir;
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::handshake::client::Response;
use tokio_tungstenite::tungstenite::{Error, Message as Frame};
use tokio_tungstenite::{WebSocketStream, client_async};
use tonic::metadata::MetadataValue;
use tonic::transport::Channel;
use tonic::{Request, Status};

use super::mint::*;
use crate::edge::rig::{Headers, body, request, say, status};
use crate::watch;
use crate::whole::{LONG, Relay, line};

/// The API key of the engine `nightly`, of tenant `acme`.
pub(super) const NIGHTLY: &str = "fp_8Jm3kq0XvT2s9hWcY4LrZQ";
/// And that of `weekly`, of tenant `other`.
pub(super) const WEEKLY: &str = "fp_cJ0r4sR2bq81mZyHkXwPeA";

pub(super) struct Stand {
    pub(super) relay: Relay,
    pub(super) pair: Pair,
    pub(super) folder: TempDir,
}

impl Stand {
    pub(super) async fn start(more: &[&str]) -> Self {
        let (folder, pair) = (TempDir::new().unwrap(), Pair::new(Alg::Es256));
        [NIGHTLY, WEEKLY].into_iter().for_each(watch::know);
        let key = written(&folder, "issuer.pem", &pair);
        let digest = |key: &str| -> String {
            Sha256::digest(key).iter().map(|byte| format!("{byte:02x}")).collect()
        };
        let keys = folder.path().join("api-keys");
        let lines = format!(
            "nightly engine acme * {}\nweekly engine other * {}\n",
            digest(NIGHTLY),
            digest(WEEKLY)
        );
        std::fs::write(&keys, lines).unwrap();
        let revoked = folder.path().join("revoked");
        std::fs::write(&revoked, "").unwrap();
        let (key, keys, revoked) =
            (key.display().to_string(), keys.display().to_string(), revoked.display().to_string());
        let mut flags = vec![
            "--auth-keys",
            &key,
            "--auth-issuer",
            ISSUER,
            "--auth-audience",
            AUDIENCE,
            "--auth-tenant-claim",
            "org",
            "--api-keys",
            &keys,
            "--revoked",
            &revoked,
            "--auth-cookie",
            "true",
        ];
        flags.extend(more);
        let relay = Relay::with(&flags).await;
        Self { relay, pair, folder }
    }

    /// A token of somebody of `acme`, which counts for so many seconds.
    pub(super) fn token(&self, who: &str, roles: &[&str], seconds: i64) -> String {
        let mut claims = claims_at(today(), who, roles);
        (claims["exp"], claims["org"]) = (json!(today() + seconds), "acme".into());
        self.pair.token(&json!({}), &claims)
    }

    pub(super) fn port(&self) -> u16 {
        Relay::port(&self.relay.app.viewers_at)
    }

    pub(super) async fn ask(&self, line: &str, headers: Headers<'_>, text: &str) -> (u16, String) {
        let stream = TcpStream::connect(("127.0.0.1", self.port())).await.unwrap();
        let answer = say(stream, &request(line, headers, text)).await;
        (status(&answer), answer)
    }

    pub(super) async fn asks(&self, line: &str, headers: Headers<'_>) -> (u16, Value) {
        let (status, answer) = self.ask(line, headers, "").await;
        (status, body(&answer))
    }

    pub(super) async fn open(
        &self,
        path: &str,
        headers: Headers<'_>,
    ) -> Result<(Socket, Response), Error> {
        let stream = TcpStream::connect(("127.0.0.1", self.port())).await.unwrap();
        let url = format!("ws://localhost:{}{path}", self.port());
        let mut request = url.into_client_request().unwrap();
        for (name, value) in headers {
            let name: http::HeaderName = name.parse().unwrap();
            request.headers_mut().append(name, value.parse().unwrap());
        }
        let (socket, response) = client_async(request, stream).await?;
        Ok((Socket(socket), response))
    }

    /// What one `Publish` of an engine comes to.
    pub(super) async fn publishes(
        &self,
        key: Option<(&'static str, String)>,
        execution: &str,
    ) -> Result<pb::PublishResponse, Status> {
        self.publishes_these(key, execution, vec![line("one")]).await
    }

    /// The same with these events.
    pub(super) async fn publishes_these(
        &self,
        key: Option<(&'static str, String)>,
        execution: &str,
        events: Vec<Vec<u8>>,
    ) -> Result<pb::PublishResponse, Status> {
        let uri = format!("http://127.0.0.1:{}", Relay::port(&self.relay.app.engines_at));
        let channel = Channel::from_shared(uri).unwrap().connect().await.unwrap();
        let mut client = EngineServiceClient::new(channel);
        let shown = key.as_ref().map_or("", |(_, key)| key.as_str());
        let name =
            format!("p{:02x?}", &Sha256::digest(shown)[..4]).replace([',', ' ', '[', ']'], "");
        let producer =
            pb::Producer { producer_id: format!("{name}-{execution}"), producer_epoch: 1 };
        let batch = pb::EventBatch {
            execution_id: execution.into(),
            first_pseq: 1,
            events: events.into_iter().map(Into::into).collect(),
            ..Default::default()
        };
        let message = pb::PublishRequest { producer: Some(producer), batches: vec![batch] };
        let mut request = Request::new(message);
        if let Some((name, value)) = key {
            let value: MetadataValue<_> = value.parse().unwrap();
            request.metadata_mut().insert(name, value);
        }
        timeout(LONG, client.publish(request)).await.unwrap().map(tonic::Response::into_inner)
    }

    pub(super) async fn end(self) {
        self.relay.end().await;
    }
}

pub(super) struct Socket(pub(super) WebSocketStream<TcpStream>);

impl Socket {
    pub(super) async fn says(&mut self, message: &Value) {
        use futures_util::SinkExt;
        self.0.send(Frame::text(message.to_string())).await.unwrap();
    }

    /// The next text, or the code of the end.
    pub(super) async fn hears(&mut self) -> Result<Value, u16> {
        use futures_util::StreamExt;
        loop {
            match timeout(LONG, self.0.next()).await.expect("it is told something") {
                Some(Ok(Frame::Text(text))) => return Ok(serde_json::from_str(&text).unwrap()),
                Some(Ok(Frame::Close(frame))) => {
                    return Err(frame.map_or(1005, |it| it.code.into()));
                }
                Some(Ok(_)) => {}
                Some(Err(_)) | None => return Err(1006),
            }
        }
    }

    /// How it ends, whatever is said before.
    pub(super) async fn ends(&mut self) -> u16 {
        loop {
            if let Err(code) = self.hears().await {
                return code;
            }
        }
    }
}
