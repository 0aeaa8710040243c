//! What line protocols tell about encryption when asked for their capabilities. Nothing here logs in or changes anything.

use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite};

use super::talk::{ask, text};
use crate::facts::Protocol;

/// EHLO (RFC 5321 §4.1.1.1), or LHLO of LMTP (RFC 2033 §4.1), then STARTTLS among the extensions (RFC 3207).
pub(super) async fn mail<S: AsyncRead + AsyncWrite + Unpin>(
    mut stream: S,
    protocol: Protocol,
    patience: Duration,
) -> Protocol {
    let hello: &[u8] =
        if protocol.name == "lmtp" { b"LHLO scrutineer.invalid\r\n" } else { b"EHLO scrutineer.invalid\r\n" };
    let reply = ask(&mut stream, hello, patience, is_final).await;
    let offers_tls = reply_code(&reply.bytes).filter(|code| *code == 250).map(|_| has_word(&reply.bytes, "STARTTLS"));
    goodbye(&mut stream, b"QUIT\r\n", patience).await;
    Protocol { offers_tls, ..protocol }
}

/// CAPABILITIES (RFC 3977 §5.2), then STARTTLS (RFC 4642 §2.1).
pub(super) async fn nntp<S: AsyncRead + AsyncWrite + Unpin>(
    mut stream: S,
    protocol: Protocol,
    patience: Duration,
) -> Protocol {
    let whole = |bytes: &[u8]| bytes.ends_with(b"\r\n.\r\n") || bytes.starts_with(b"5") && bytes.ends_with(b"\n");
    let reply = ask(&mut stream, b"CAPABILITIES\r\n", patience, whole).await;
    let offers_tls = reply.bytes.starts_with(b"101").then(|| has_word(&reply.bytes, "STARTTLS"));
    goodbye(&mut stream, b"QUIT\r\n", patience).await;
    Protocol { offers_tls, ..protocol }
}

/// FEAT (RFC 2389), and where that is not answered AUTH TLS itself (RFC 4217 §4).
pub(super) async fn ftp<S: AsyncRead + AsyncWrite + Unpin>(
    mut stream: S,
    protocol: Protocol,
    patience: Duration,
) -> Protocol {
    let features = ask(&mut stream, b"FEAT\r\n", patience, is_final).await;
    let offers_tls = match reply_code(&features.bytes) {
        Some(211) => Some(has_word(&features.bytes, "AUTH")),
        Some(_) => {
            let reply = ask(&mut stream, b"AUTH TLS\r\n", patience, is_final).await;
            match reply_code(&reply.bytes) {
                // The server now waits for a ClientHello: the connection is dropped instead.
                Some(234 | 334) => return Protocol { offers_tls: Some(true), ..protocol },
                Some(400..=599) => Some(false),
                _ => None,
            }
        }
        None => None,
    };
    goodbye(&mut stream, b"QUIT\r\n", patience).await;
    Protocol { offers_tls, ..protocol }
}

/// A server that said only `220`: mail if it takes EHLO, else FTP.
pub(super) async fn either<S: AsyncRead + AsyncWrite + Unpin>(
    mut stream: S,
    protocol: Protocol,
    patience: Duration,
) -> Protocol {
    let reply = ask(&mut stream, b"EHLO scrutineer.invalid\r\n", patience, is_final).await;
    match reply_code(&reply.bytes) {
        Some(250) => {
            let offers_tls = Some(has_word(&reply.bytes, "STARTTLS"));
            goodbye(&mut stream, b"QUIT\r\n", patience).await;
            Protocol { name: "smtp".into(), offers_tls, ..protocol }
        }
        Some(_) => ftp(stream, protocol, patience).await,
        None => Protocol { name: "unknown".into(), ..protocol },
    }
}

/// CAPA (RFC 2449), then STLS (RFC 2595 §4).
pub(super) async fn pop3<S: AsyncRead + AsyncWrite + Unpin>(
    mut stream: S,
    protocol: Protocol,
    patience: Duration,
) -> Protocol {
    let whole = |bytes: &[u8]| bytes.ends_with(b"\r\n.\r\n") || bytes.starts_with(b"-ERR");
    let reply = ask(&mut stream, b"CAPA\r\n", patience, whole).await;
    let offers_tls = if reply.bytes.starts_with(b"+OK") && reply.end.is_none() {
        Some(has_word(&reply.bytes, "STLS"))
    } else {
        // CAPA is optional; without it nothing is known.
        None
    };
    goodbye(&mut stream, b"QUIT\r\n", patience).await;
    Protocol { offers_tls, ..protocol }
}

/// CAPABILITY (RFC 9051 §6.1.1), then STARTTLS.
pub(super) async fn imap<S: AsyncRead + AsyncWrite + Unpin>(
    mut stream: S,
    protocol: Protocol,
    patience: Duration,
) -> Protocol {
    let whole = |bytes: &[u8]| text(bytes).lines().any(|line| line.starts_with("a1 ")) && bytes.ends_with(b"\n");
    let reply = ask(&mut stream, b"a1 CAPABILITY\r\n", patience, whole).await;
    let listed = text(&reply.bytes).lines().any(|line| line.starts_with("* CAPABILITY"));
    let offers_tls = listed.then(|| has_word(&reply.bytes, "STARTTLS"));
    goodbye(&mut stream, b"a2 LOGOUT\r\n", patience).await;
    Protocol { offers_tls, ..protocol }
}

/// Takes leave as the protocol asks; what the server says to that is not waited for long.
async fn goodbye<S: AsyncRead + AsyncWrite + Unpin>(stream: &mut S, word: &[u8], patience: Duration) {
    let _ = ask(stream, word, patience.min(Duration::from_millis(300)), |bytes| bytes.ends_with(b"\n")).await;
}

/// The last line has a code and a space (RFC 5321 §4.2.1, RFC 959 §4.2).
fn is_final(bytes: &[u8]) -> bool {
    let text = text(bytes);
    let last = text.lines().last().unwrap_or_default();
    bytes.ends_with(b"\n") && last.as_bytes().get(3).is_none_or(|b| *b == b' ') && code(last).is_some()
}

/// The code of the last whole line; `None` unless the reply ended.
fn reply_code(bytes: &[u8]) -> Option<u16> {
    is_final(bytes).then(|| text(bytes).lines().last().and_then(code)).flatten()
}

fn code(line: &str) -> Option<u16> {
    let digits = line.get(..3)?;
    digits.bytes().all(|b| b.is_ascii_digit()).then(|| digits.parse().ok()).flatten()
}

fn has_word(bytes: &[u8], word: &str) -> bool {
    let text = text(bytes).to_ascii_uppercase();
    text.lines().any(|line| line.split(|c: char| !c.is_ascii_alphanumeric()).any(|w| w == word))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_reply_ends_with_a_code_and_a_space() {
        assert!(!is_final(b"250-mail.cec.example\r\n"));
        assert!(is_final(b"250-mail.cec.example\r\n250 HELP\r\n"));
        assert!(!is_final(b"211-Features:\r\n AUTH TLS\r\n"));
        assert_eq!(reply_code(b"211-Features:\r\n AUTH TLS\r\n211 End\r\n"), Some(211));
        assert_eq!(reply_code(b"250-x\r\n"), None);
    }

    #[test]
    fn words_are_found_whole() {
        assert!(has_word(b"250-STARTTLS\r\n250 HELP\r\n", "STARTTLS"));
        assert!(!has_word(b"250-XSTARTTLS\r\n", "STARTTLS"));
        assert!(has_word(b" AUTH TLS\r\n", "AUTH"));
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_without_harm(bytes in proptest::collection::vec(any::<u8>(), 0..100)) {
            reply_code(&bytes);
            has_word(&bytes, "X");
        }
    }
}
