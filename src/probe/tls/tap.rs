//! A stream that remembers what came through it.

use std::io::Result as IoResult;
use std::pin::Pin;
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// The most that is remembered.
const CAP: usize = 256 * 1024;

/// A stream with a memory of what was read.
pub(super) struct Tap<S> {
    inner: S,
    heard: Vec<u8>,
}

impl<S> Tap<S> {
    pub(super) fn new(inner: S) -> Self {
        Self { inner, heard: Vec::new() }
    }
    pub(super) fn heard(&self) -> &[u8] {
        &self.heard
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Tap<S> {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<IoResult<()>> {
        let before = buf.filled().len();
        let outcome = Pin::new(&mut self.inner).poll_read(cx, buf);
        let fresh = buf.filled().get(before..).unwrap_or_default();
        let room = CAP.saturating_sub(self.heard.len());
        self.heard.extend_from_slice(&fresh[..fresh.len().min(room)]);
        outcome
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Tap<S> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<IoResult<usize>> {
        Pin::new(&mut self.inner).poll_write(cx, bytes)
    }
    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<IoResult<()>> {
        Pin::new(&mut self.inner).poll_flush(cx)
    }
    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<IoResult<()>> {
        Pin::new(&mut self.inner).poll_shutdown(cx)
    }
}
