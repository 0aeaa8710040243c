//! An open connection that counts its bytes and closes its log entry.

use std::io::Result as IoResult;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, ReadBuf};
use tokio::net::TcpStream;
use tokio::time::{Instant, timeout_at};

use super::NetError;
use super::log::{ConnectionLog, Entry};
use super::rate::Place;
use crate::facts::Reason;

/// A dialled TCP connection. Usable wherever tokio's `AsyncRead + AsyncWrite` is.
#[derive(Debug)]
pub struct Conn {
    stream: TcpStream,
    log: Arc<ConnectionLog>,
    entry: Entry,
    _place: Place,
}

impl Conn {
    pub(super) fn new(stream: TcpStream, log: Arc<ConnectionLog>, entry: Entry, place: Place) -> Self {
        let _ = stream.set_nodelay(true);
        Self { stream, log, entry, _place: place }
    }

    /// Writes everything, within the patience.
    ///
    /// # Errors
    /// The reason why it was not taken.
    pub async fn send(&mut self, bytes: &[u8], patience: Duration) -> Result<(), NetError> {
        match timeout_at(Instant::now() + patience, self.write_all(bytes)).await {
            Ok(done) => done.map_err(|e| NetError::from_io(&e, "sending")),
            Err(_) => Err(NetError::new(Reason::Timeout, "the server did not take what was sent in time")),
        }
    }

    /// Reads until `enough` says so, at most `cap` bytes, within the patience. The end of the stream before `enough` ends
    /// the reading without error when something was read; the caller sees what there is.
    ///
    /// # Errors
    /// Timeout or reset before anything was enough; closed if nothing came at all; too large at the cap.
    pub async fn receive(
        &mut self,
        cap: usize,
        patience: Duration,
        enough: impl Fn(&[u8]) -> bool,
    ) -> Result<Vec<u8>, NetError> {
        let deadline = Instant::now() + patience;
        let mut got = Vec::new();
        let mut chunk = vec![0; 4096.min(cap.max(1))];
        while !enough(&got) {
            if got.len() >= cap {
                return Err(NetError::new(Reason::TooLarge, format!("the answer is longer than {cap} bytes")));
            }
            let n = match timeout_at(deadline, self.read(&mut chunk)).await {
                Ok(Ok(n)) => n,
                Ok(Err(e)) => return Err(NetError::from_io(&e, "reading the answer")),
                Err(_) if got.is_empty() => {
                    return Err(NetError::new(
                        Reason::Timeout,
                        format!("no byte came within {} s", patience.as_secs_f32()),
                    ));
                }
                Err(_) => {
                    return Err(NetError::new(
                        Reason::Timeout,
                        format!("the answer was not complete within {} s", patience.as_secs_f32()),
                    ));
                }
            };
            match n {
                0 if got.is_empty() => {
                    return Err(NetError::new(Reason::Closed, "the server closed the connection without a word"));
                }
                0 => return Ok(got),
                n => got.extend_from_slice(&chunk[..n]),
            }
        }
        Ok(got)
    }
}

impl Drop for Conn {
    fn drop(&mut self) {
        self.log.close(self.entry, "closed");
    }
}

impl AsyncRead for Conn {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<IoResult<()>> {
        let before = buf.filled().len();
        let outcome = Pin::new(&mut self.stream).poll_read(cx, buf);
        let n = buf.filled().len() - before;
        if n > 0 {
            self.log.received(self.entry, n);
        }
        outcome
    }
}

impl AsyncWrite for Conn {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<IoResult<usize>> {
        let outcome = Pin::new(&mut self.stream).poll_write(cx, bytes);
        if let Poll::Ready(Ok(n)) = outcome {
            self.log.sent(self.entry, n);
        }
        outcome
    }
    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<IoResult<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }
    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<IoResult<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}
