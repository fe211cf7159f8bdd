//! The network. Nothing else in the program binds an address or connects to one, so a simulation
//! that replaces [`Network`] has all of it.

use std::{
    fmt,
    future::Future,
    io,
    net::{IpAddr, SocketAddr},
    path::PathBuf,
    pin::Pin,
    sync::Arc,
};

use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream, UnixStream};

use super::unix::UnixSocket;

/// A stream of bytes in both directions.
pub trait Io: AsyncRead + AsyncWrite + Send + Unpin {}

impl<T: AsyncRead + AsyncWrite + Send + Unpin> Io for T {}

/// One connection.
pub type Stream = Box<dyn Io>;

/// What a seam's method promises: a trait that can be an object can't have `async fn`.
pub type Promise<'a, T> = Pin<Box<dyn Future<Output = io::Result<T>> + Send + 'a>>;

/// Where to listen, or where to connect to.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Address {
    /// An IP address and a port. Port 0, when listening: any that is free.
    Tcp(SocketAddr),
    /// The path of a Unix socket.
    Unix(PathBuf),
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tcp(address) => address.fmt(f),
            Self::Unix(path) => write!(f, "unix:{}", path.display()),
        }
    }
}

/// Who has connected, as the kernel says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Peer {
    /// Somebody at this address.
    Tcp(SocketAddr),
    /// A process on this machine, by its user.
    Unix {
        /// The user that it ran as when it connected.
        uid: u32,
    },
}

impl Peer {
    /// The address that connections are counted by; none for a process on this machine.
    pub fn ip(&self) -> Option<IpAddr> {
        match self {
            Self::Tcp(address) => Some(address.ip().to_canonical()),
            Self::Unix { .. } => None,
        }
    }

    /// Whether it is on this machine.
    pub fn is_local(&self) -> bool {
        self.ip().is_none_or(|ip| ip.is_loopback())
    }
}

/// Something that others can connect to. Dropped, it no longer is, and leaves nothing behind.
pub trait Listener: Send + fmt::Debug {
    /// The next connection.
    ///
    /// # Errors
    /// What the kernel says. A later call may succeed: this connection was gone already, or the
    /// process has no descriptor left.
    fn accept(&mut self) -> Promise<'_, (Stream, Peer)>;

    /// Where it listens, with the port that it was given.
    fn address(&self) -> &Address;
}

/// What binds and connects.
pub trait Network: Send + Sync + fmt::Debug {
    /// Begins to listen.
    ///
    /// # Errors
    /// What the kernel says: in use, not an address of this machine, not allowed.
    fn listen<'a>(&'a self, address: &'a Address) -> Promise<'a, Box<dyn Listener>>;

    /// Connects.
    ///
    /// # Errors
    /// What the kernel says.
    fn connect<'a>(&'a self, address: &'a Address) -> Promise<'a, Stream>;
}

/// The machine's network.
#[derive(Debug, Clone, Copy, Default)]
pub struct Machine;

impl Machine {
    /// To be handed to whoever needs the network.
    pub fn network() -> Arc<dyn Network> {
        Arc::new(Self)
    }
}

impl Network for Machine {
    fn listen<'a>(&'a self, address: &'a Address) -> Promise<'a, Box<dyn Listener>> {
        Box::pin(async move {
            let listener: Box<dyn Listener> = match address {
                Address::Tcp(address) => {
                    let socket = TcpListener::bind(address).await?;
                    let address = Address::Tcp(socket.local_addr()?);
                    Box::new(TcpPort { socket, address })
                }
                Address::Unix(path) => Box::new(UnixSocket::bind(path).await?),
            };
            Ok(listener)
        })
    }

    fn connect<'a>(&'a self, address: &'a Address) -> Promise<'a, Stream> {
        Box::pin(async move {
            let stream: Stream = match address {
                Address::Tcp(address) => Box::new(quick(TcpStream::connect(address).await?)),
                Address::Unix(path) => Box::new(UnixStream::connect(path).await?),
            };
            Ok(stream)
        })
    }
}

#[derive(Debug)]
struct TcpPort {
    socket: TcpListener,
    address: Address,
}

impl Listener for TcpPort {
    fn accept(&mut self) -> Promise<'_, (Stream, Peer)> {
        Box::pin(async {
            let (stream, address) = self.socket.accept().await?;
            let stream: Stream = Box::new(quick(stream));
            Ok((stream, Peer::Tcp(address)))
        })
    }

    fn address(&self) -> &Address {
        &self.address
    }
}

/// Small messages must not wait for each other. A socket that is closed already refuses to be told
/// so; its reader will notice.
fn quick(stream: TcpStream) -> TcpStream {
    let _ = stream.set_nodelay(true);
    stream
}
