//! Where tungstenite and the [`Viewer`](super::Viewer) meet: the one is given what has come over the
//! socket, the other writes to it, and neither does both.

use std::{
    io,
    mem::MaybeUninit,
    pin::Pin,
    task::{Context, Poll, ready},
};

use tokio::io::{AsyncRead, ReadBuf};
use tokio_tungstenite::tungstenite::{self, error::ProtocolError};

use super::Close;

/// Bytes that are taken from a socket at once. They come to stand on the stack first.
const MOUTHFUL: usize = 8 * 1024;

/// What has come and has not been read yet.
///
/// The socket is asked here and not by tungstenite, which would fill its buffer with zeros each
/// time only to learn that nothing is there: at every wake-up, so for every message sent.
#[derive(Debug)]
pub(super) struct Inlet {
    /// No memory is held while there is nothing.
    bytes: Vec<u8>,
    read: usize,
    /// Whether its reader has asked for more than there was.
    dry: bool,
    /// Whether nothing more will come.
    ended: bool,
}

/// What tungstenite takes for a socket: it reads what has come, and writes to the viewer's own words,
/// which always have room for a control frame.
pub(super) struct Tap<'a> {
    pub(super) inlet: &'a mut Inlet,
    pub(super) own: &'a mut Vec<u8>,
}

impl Inlet {
    pub(super) fn new() -> Self {
        Self { bytes: Vec::new(), read: 0, dry: true, ended: false }
    }

    /// Sees to it that its reader finds something new. Pending: there is nothing.
    pub(super) fn fill<Io: AsyncRead + Unpin>(
        &mut self,
        io: &mut Io,
        cx: &mut Context<'_>,
        heard: &mut bool,
    ) -> Poll<io::Result<()>> {
        if !self.dry {
            return Poll::Ready(Ok(()));
        }
        let mut room = [const { MaybeUninit::uninit() }; MOUTHFUL];
        let mut room = ReadBuf::uninit(&mut room);
        ready!(Pin::new(io).poll_read(cx, &mut room))?;
        self.bytes.extend_from_slice(room.filled());
        self.dry = false;
        self.ended = self.bytes.is_empty();
        *heard |= !self.ended;
        Poll::Ready(Ok(()))
    }
}

impl io::Read for Tap<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let Inlet { bytes, read, dry, ended } = self.inlet;
        if bytes.is_empty() && !*ended {
            *dry = true;
            return Err(io::ErrorKind::WouldBlock.into());
        }
        let taken = buffer.len().min(bytes.len() - *read);
        buffer[..taken].copy_from_slice(&bytes[*read..*read + taken]);
        *read += taken;
        if *read == bytes.len() {
            (*bytes, *read) = (Vec::new(), 0);
        }
        Ok(taken)
    }
}

impl io::Write for Tap<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.own.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Whose fault it is that no more can be read.
pub(super) fn fault(err: &tungstenite::Error) -> Close {
    match err {
        tungstenite::Error::Capacity(_) => Close::TooBig,
        tungstenite::Error::Utf8(_) => Close::Utf8,
        tungstenite::Error::Protocol(ProtocolError::ResetWithoutClosingHandshake) => Close::Lost,
        tungstenite::Error::Protocol(_) => Close::Protocol,
        tungstenite::Error::ConnectionClosed
        | tungstenite::Error::AlreadyClosed
        | tungstenite::Error::Io(_)
        | tungstenite::Error::Tls(_)
        | tungstenite::Error::WriteBufferFull(_)
        | tungstenite::Error::AttackAttempt
        | tungstenite::Error::Url(_)
        | tungstenite::Error::Http(_)
        | tungstenite::Error::HttpFormat(_) => Close::Lost,
    }
}
