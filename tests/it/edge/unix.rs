//! The Unix socket of the engines' door.

use std::fs;
use std::io::ErrorKind;
use std::os::unix::fs::{FileTypeExt, MetadataExt, PermissionsExt};
use std::os::unix::net::UnixListener;

use footplate::seams::{Address, Machine, Network, Peer};
use tempfile::TempDir;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

#[tokio::test]
async fn a_socket_is_ours_alone_says_who_connects_and_goes() {
    let dir = TempDir::new().unwrap();
    let path = dir.path().join("engine.sock");
    let address = Address::Unix(path.clone());
    let mut socket = Machine.listen(&address).await.unwrap();
    let file = fs::symlink_metadata(&path).unwrap();
    assert!(file.file_type().is_socket());
    assert_eq!(file.permissions().mode() & 0o777, 0o660);

    let mut client = Machine.connect(&address).await.unwrap();
    let (mut stream, peer) = socket.accept().await.unwrap();
    assert_eq!(peer, Peer::Unix { uid: file.uid() }, "we are who made the file");
    assert!(peer.is_local() && peer.ip().is_none());
    client.write_all(b"hello").await.unwrap();
    let mut word = [0; 5];
    stream.read_exact(&mut word).await.unwrap();
    assert_eq!(&word, b"hello");

    // Somebody listens: it is theirs.
    let err = Machine.listen(&address).await.unwrap_err();
    assert_eq!(err.kind(), ErrorKind::AddrInUse);
    assert!(path.exists(), "a refused start takes nothing away");

    drop(socket);
    assert!(!path.exists());
}

#[tokio::test]
async fn only_a_stale_socket_is_replaced() {
    let dir = TempDir::new().unwrap();
    let path = dir.path().join("engine.sock");
    let address = Address::Unix(path.clone());
    // A process that was killed leaves its socket behind.
    drop(UnixListener::bind(&path).unwrap());
    assert!(path.exists());
    let socket = Machine.listen(&address).await.unwrap();
    Machine.connect(&address).await.unwrap();
    // What another one has put in its place meanwhile is not ours to remove.
    fs::remove_file(&path).unwrap();
    let other = UnixListener::bind(&path).unwrap();
    drop(socket);
    assert!(path.exists());
    drop(other);
    fs::remove_file(&path).unwrap();

    fs::write(&path, "precious").unwrap();
    let err = Machine.listen(&address).await.unwrap_err();
    assert_eq!(err.kind(), ErrorKind::AlreadyExists);
    assert_eq!(fs::read_to_string(&path).unwrap(), "precious");

    let link = dir.path().join("link.sock");
    std::os::unix::fs::symlink(&path, &link).unwrap();
    Machine.listen(&Address::Unix(link)).await.unwrap_err();
    let deep = Address::Unix(dir.path().join("missing/engine.sock"));
    assert_eq!(Machine.listen(&deep).await.unwrap_err().kind(), ErrorKind::NotFound);
}
