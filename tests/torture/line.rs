//! How a dashboard reaches its door: through a proxy or not, over TLS or not.

use std::net::SocketAddr;
use std::sync::Arc;

use rustls::pki_types::ServerName;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

/// A stream of bytes.
pub(crate) trait Io: AsyncRead + AsyncWrite + Send + Unpin {}

impl<T: AsyncRead + AsyncWrite + Send + Unpin> Io for T {}

/// One way.
#[derive(Clone)]
pub(crate) struct Line {
    pub(crate) at: SocketAddr,
    /// With it, the door speaks TLS, and is who it says that it is.
    pub(crate) tls: Option<Arc<rustls::ClientConfig>>,
}

impl std::fmt::Debug for Line {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Line").field("at", &self.at).field("tls", &self.is_tls()).finish()
    }
}

impl Line {
    /// Whether it is encrypted.
    pub(crate) fn is_tls(&self) -> bool {
        self.tls.is_some()
    }

    /// A connection, or nothing.
    pub(crate) async fn connect(&self) -> Option<Box<dyn Io>> {
        let stream = TcpStream::connect(self.at).await.ok()?;
        let _ = stream.set_nodelay(true);
        let Some(config) = &self.tls else { return Some(Box::new(stream)) };
        let name = ServerName::try_from("localhost").expect("a name");
        let connector = TlsConnector::from(Arc::clone(config));
        let stream = connector.connect(name, stream).await.ok()?;
        Some(Box::new(stream))
    }
}
