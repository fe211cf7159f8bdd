//! Fetches the keys of an issuer: one address, over https, that the operator has named. It follows no
//! redirection, asks no proxy, takes nothing compressed, and reads no more than there may be.

use std::fmt;
use std::pin::pin;
use std::sync::Arc;

use bytes::Bytes;
use futures_util::future::{Either, select};
use http::{Request, StatusCode, Uri, header};
use http_body_util::{BodyExt, Empty, Limited};
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use tokio_rustls::TlsConnector;
use tokio_rustls::rustls::{ClientConfig, pki_types::ServerName};

use crate::auth::jwks::{Fetching, LARGEST, Source};
use crate::seams::{Address, Network};

/// An address of a key set.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Published {
    host: String,
    port: u16,
    path: String,
}

impl Published {
    /// Reads `https://host[:port]/path`; no user, no fragment, no other scheme.
    pub fn parse(text: &str) -> Option<Self> {
        let uri: Uri = text.parse().ok()?;
        let authority = uri.authority()?;
        let plain = uri.scheme_str() == Some("https") && !authority.as_str().contains('@');
        let host = authority.host().trim_matches(['[', ']']).to_owned();
        ServerName::try_from(host.clone()).ok()?;
        let path = uri.path_and_query().map_or("/", |it| it.as_str()).to_owned();
        // A number that is no port is none for the parser, but is not left out.
        let left_out = authority.as_str() == authority.host();
        let port = if left_out { 443 } else { authority.port_u16()? };
        (plain && !text.contains('#')).then_some(Self { host, port, path })
    }
}

impl fmt::Display for Published {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "https://{}:{}{}", self.host, self.port, self.path)
    }
}

/// Fetches from there.
#[derive(Clone)]
pub struct Https {
    from: Arc<Published>,
    network: Arc<dyn Network>,
    tls: Tls,
}

/// How TLS is spoken with a server that is asked now.
pub type Tls = Arc<dyn Fn() -> Arc<ClientConfig> + Send + Sync>;

impl fmt::Debug for Https {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.from, f)
    }
}

impl Https {
    /// Fetches from there, over this network, and believes servers whom `tls` believes.
    pub fn new(from: Published, network: Arc<dyn Network>, tls: Tls) -> Self {
        Self { from: Arc::new(from), network, tls }
    }

    async fn get(self) -> Result<Vec<u8>, String> {
        let Published { host, port, path } = &*self.from;
        let said = |what: &'static str| move |err: &dyn fmt::Display| format!("{what}: {err}");
        let all = tokio::net::lookup_host((host.as_str(), *port)).await;
        let all = all.map_err(|err| said("its name means nothing")(&err))?;
        let (mut stream, mut last) = (None, "its name has no address".to_owned());
        for address in all {
            match self.network.connect(&Address::Tcp(address)).await {
                Ok(connected) => {
                    stream = Some(connected);
                    break;
                }
                Err(err) => last = said("it can't be reached")(&err),
            }
        }
        let stream = stream.ok_or(last)?;
        let name = ServerName::try_from(host.clone()).map_err(|err| said("its name")(&err))?;
        let stream = TlsConnector::from((self.tls)()).connect(name, stream).await;
        let stream = stream.map_err(|err| said("TLS")(&err))?;
        let (mut sender, connection) =
            http1::handshake(TokioIo::new(stream)).await.map_err(|err| said("HTTP")(&err))?;
        let authority =
            if host.contains(':') { format!("[{host}]:{port}") } else { format!("{host}:{port}") };
        let request = Request::get(path)
            .header(header::HOST, authority)
            .header(header::ACCEPT, "application/jwk-set+json, application/json")
            .body(Empty::<Bytes>::new())
            .map_err(|err| said("its path")(&err))?;
        let answer = async {
            let answer = sender.send_request(request).await.map_err(|err| said("HTTP")(&err))?;
            if answer.status() != StatusCode::OK {
                return Err(format!("it answers {}", answer.status()));
            }
            let body = Limited::new(answer.into_body(), LARGEST).collect().await;
            // Its error says no more than that it is too long, or has broken off.
            body.map(|it| it.to_bytes().to_vec())
                .map_err(|_| "it is too large, or broke off".into())
        };
        let (answer, connection) = (pin!(answer), pin!(connection));
        match select(answer, connection).await {
            Either::Left((answer, _)) => answer,
            // What it has left behind can still be read.
            Either::Right((_, answer)) => answer.await,
        }
    }
}

impl Source for Https {
    fn fetch(&self) -> Fetching {
        Box::pin(self.clone().get())
    }
}
