//! Where tungstenite and the [`Viewer`](super::Viewer) meet: the one reads the socket, the other
//! writes to it, and neither does both.

use std::{
    io,
    pin::Pin,
    task::{Context, Poll},
};

use tokio::io::{AsyncRead, ReadBuf};
use tokio_tungstenite::tungstenite::{self, error::ProtocolError};

use super::Close;

/// What tungstenite takes for a socket: it reads the real one, and writes to the viewer's own words,
/// which always have room for a control frame.
pub(super) struct Tap<'a, 'b, Io> {
    pub(super) io: &'a mut Io,
    pub(super) cx: &'a mut Context<'b>,
    pub(super) own: &'a mut Vec<u8>,
    /// Set when anything has come.
    pub(super) heard: &'a mut bool,
}

impl<Io: AsyncRead + Unpin> io::Read for Tap<'_, '_, Io> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let mut buffer = ReadBuf::new(buffer);
        match Pin::new(&mut *self.io).poll_read(self.cx, &mut buffer) {
            Poll::Pending => Err(io::ErrorKind::WouldBlock.into()),
            Poll::Ready(read) => {
                read?;
                *self.heard |= !buffer.filled().is_empty();
                Ok(buffer.filled().len())
            }
        }
    }
}

impl<Io> io::Write for Tap<'_, '_, Io> {
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
