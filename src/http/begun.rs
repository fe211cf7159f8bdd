//! Whether a client has begun to speak HTTP/2. It begins with 24 bytes, for which hyper would wait for
//! ever; only behind them it asks by itself whether the client is there. What they are is hyper's
//! affair: here they are counted, and nothing is changed.

use std::{
    io::{self, IoSlice},
    pin::Pin,
    task::{Context, Poll, ready},
};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::sync::oneshot;

/// Bytes of the preface (RFC 9113, §3.4).
const PREFACE: usize = 24;

/// A stream that says when the preface is there.
#[derive(Debug)]
pub(super) struct Begun<Io> {
    io: Io,
    missing: usize,
    /// Dropped when nothing is missing any more.
    begun: Option<oneshot::Sender<()>>,
}

impl<Io> Begun<Io> {
    /// The stream, and what ends once so much has been read from it.
    pub(super) fn new(io: Io) -> (Self, oneshot::Receiver<()>) {
        let (begun, waits) = oneshot::channel();
        (Self { io, missing: PREFACE, begun: Some(begun) }, waits)
    }
}

impl<Io: AsyncRead + Unpin> AsyncRead for Begun<Io> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        ready!(Pin::new(&mut self.io).poll_read(cx, buffer))?;
        self.missing = self.missing.saturating_sub(buffer.filled().len() - before);
        if self.missing == 0 {
            self.begun = None;
        }
        Poll::Ready(Ok(()))
    }
}

impl<Io: AsyncWrite + Unpin> AsyncWrite for Begun<Io> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.io).poll_write(cx, bytes)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.io).poll_write_vectored(cx, slices)
    }

    fn is_write_vectored(&self) -> bool {
        self.io.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_shutdown(cx)
    }
}
