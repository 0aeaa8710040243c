//! A few bytes there and back over any stream. Whatever was heard is given, whichever way it ended.

use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::time::{Instant, timeout_at};

use crate::facts::Reason;
use crate::net::NetError;

/// The most that is read of any answer.
const CAP: usize = 8 * 1024;

/// What a server said, and how the listening ended.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Heard {
    pub(super) bytes: Vec<u8>,
    /// Why listening ended before there was enough; `None` when there was.
    pub(super) end: Option<Reason>,
}

/// Listens until `enough`, the cap, the end of the stream or of the patience.
pub(super) async fn hear<S>(stream: &mut S, patience: Duration, enough: impl Fn(&[u8]) -> bool) -> Heard
where
    S: AsyncRead + Unpin,
{
    let deadline = Instant::now() + patience;
    let mut bytes = Vec::new();
    let mut chunk = [0; 2048];
    let end = loop {
        if bytes.len() >= CAP || (!bytes.is_empty() && enough(&bytes)) {
            break None;
        }
        match timeout_at(deadline, stream.read(&mut chunk)).await {
            Err(_) => break Some(Reason::Timeout),
            Ok(Err(e)) => break Some(NetError::from_io(&e, "reading").reason),
            Ok(Ok(0)) => break Some(Reason::Closed),
            Ok(Ok(n)) => bytes.extend_from_slice(&chunk[..n.min(CAP - bytes.len())]),
        }
    };
    Heard { bytes, end }
}

/// Says something and listens for the answer.
pub(super) async fn ask<S>(stream: &mut S, question: &[u8], patience: Duration, enough: impl Fn(&[u8]) -> bool) -> Heard
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let said = async {
        stream.write_all(question).await?;
        stream.flush().await
    };
    match timeout_at(Instant::now() + patience, said).await {
        Ok(Ok(())) => hear(stream, patience, enough).await,
        // A server may have spoken and closed before it was asked: what it said is still there to be read.
        Ok(Err(e)) => {
            let heard = hear(stream, patience, enough).await;
            Heard { end: heard.end.or(Some(NetError::from_io(&e, "sending").reason)), ..heard }
        }
        Err(_) => Heard { bytes: Vec::new(), end: Some(Reason::Timeout) },
    }
}

/// Whether the bytes end with a whole line.
pub(super) fn is_line(bytes: &[u8]) -> bool {
    bytes.ends_with(b"\n")
}

/// The bytes as text that may be kept.
pub(super) fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// A banner as facts keep it; `None` if nothing printable is left.
pub(super) fn banner(bytes: &[u8]) -> Option<String> {
    let lines = text(bytes).replace(char::REPLACEMENT_CHARACTER, " ");
    let kept = crate::facts::printable(lines.trim(), 256);
    Some(kept).filter(|kept| !kept.trim().is_empty())
}
