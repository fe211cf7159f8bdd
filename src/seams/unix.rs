//! A Unix socket that one may listen on: mode 0660 before anybody can connect, a stale file
//! replaced, a live one never, and none left behind.

use std::{
    fs, io,
    os::unix::fs::{FileTypeExt, MetadataExt, PermissionsExt},
    path::{Path, PathBuf},
};

use tokio::net::{UnixListener, UnixSocket as Socket, UnixStream};

use super::net::{Address, Listener, Peer, Promise, Stream};

/// The owner and its group; nobody else.
const MODE: u32 = 0o660;
/// Connections that may wait to be accepted.
const BACKLOG: u32 = 1_024;

/// A Unix socket. Its file goes when it goes.
#[derive(Debug)]
pub(super) struct UnixSocket {
    socket: UnixListener,
    address: Address,
    _file: File,
}

impl UnixSocket {
    pub(super) async fn bind(path: &Path) -> io::Result<Self> {
        clear(path).await?;
        let socket = Socket::new_stream()?;
        socket.bind(path)?;
        let file = File::new(path)?;
        // Nobody can connect before `listen`, whatever the umask has made of the file until here.
        fs::set_permissions(path, fs::Permissions::from_mode(MODE))?;
        let socket = socket.listen(BACKLOG)?;
        Ok(Self { socket, address: Address::Unix(path.to_owned()), _file: file })
    }
}

impl Listener for UnixSocket {
    fn accept(&mut self) -> Promise<'_, (Stream, Peer)> {
        Box::pin(async {
            let (stream, _) = self.socket.accept().await?;
            let uid = stream.peer_cred()?.uid();
            let stream: Stream = Box::new(stream);
            Ok((stream, Peer::Unix { uid }))
        })
    }

    fn address(&self) -> &Address {
        &self.address
    }
}

/// Makes room for a socket at `path`: removes one that nobody listens on, and nothing else.
async fn clear(path: &Path) -> io::Result<()> {
    let there = match fs::symlink_metadata(path) {
        Ok(there) => there,
        Err(err) if err.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(err) => return Err(err),
    };
    if !there.file_type().is_socket() {
        return Err(io::Error::new(
            io::ErrorKind::AlreadyExists,
            "there is something at that path that is not a socket",
        ));
    }
    match UnixStream::connect(path).await {
        Ok(_) => Err(io::Error::new(io::ErrorKind::AddrInUse, "another process listens there")),
        Err(err) if err.kind() == io::ErrorKind::ConnectionRefused => fs::remove_file(path),
        Err(err) => Err(err),
    }
}

/// The file of a socket, to be removed if it is still ours by then.
#[derive(Debug)]
struct File {
    path: PathBuf,
    device: u64,
    inode: u64,
}

impl File {
    fn new(path: &Path) -> io::Result<Self> {
        let it = fs::symlink_metadata(path)?;
        Ok(Self { path: path.to_owned(), device: it.dev(), inode: it.ino() })
    }
}

impl Drop for File {
    fn drop(&mut self) {
        let ours = |it: fs::Metadata| it.dev() == self.device && it.ino() == self.inode;
        if fs::symlink_metadata(&self.path).is_ok_and(ours) {
            // There is nobody left to tell, and the next start removes it.
            let _ = fs::remove_file(&self.path);
        }
    }
}
