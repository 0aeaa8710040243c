//! How a protocol that begins in the clear is brought to TLS: one short exchange, then the hello.

use std::time::Duration;

use crate::facts::Reason;
use crate::net::{Conn, NetError};

/// The most that is read of one answer.
const ANSWER_CAP: usize = 64 * 1024;

/// What stands before the first hello.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Opening {
    /// Nothing.
    Direct,
    /// RFC 3207.
    Smtp,
    /// RFC 2033 with RFC 3207.
    Lmtp,
    /// RFC 9051 §6.2.1.
    Imap,
    /// RFC 2595 §4.
    Pop3,
    /// RFC 4217 §4.
    Ftp,
    /// RFC 4511 §4.14.
    Ldap,
    /// RFC 6120 §5, of clients.
    Xmpp,
    /// RFC 6120 §5, of servers.
    XmppServer,
    /// SSLRequest, in the frontend/backend protocol.
    Postgresql,
    /// SSL Request packet of the client/server protocol.
    Mysql,
    /// RFC 5804 §2.2.
    Sieve,
    /// RFC 4642.
    Nntp,
    /// \[MS-RDPBCGR\] §5.4.2.
    Rdp,
}

/// The opening of a protocol that was identified by this name on this port; `None` if there is none that we know.
pub fn opening_of(protocol: &str, port: u16) -> Option<Opening> {
    Some(match protocol {
        "tls" => Opening::Direct,
        "smtp" => Opening::Smtp,
        "lmtp" => Opening::Lmtp,
        "imap" => Opening::Imap,
        "pop3" => Opening::Pop3,
        "ftp" => Opening::Ftp,
        "ldap" => Opening::Ldap,
        "xmpp" if port == 5269 => Opening::XmppServer,
        "xmpp" => Opening::Xmpp,
        "postgresql" => Opening::Postgresql,
        "mysql" => Opening::Mysql,
        "sieve" => Opening::Sieve,
        "nntp" => Opening::Nntp,
        "rdp" => Opening::Rdp,
        _ => return None,
    })
}

/// StartTLS, an ExtendedRequest with message id 1 (RFC 4511 §4.14.1).
pub const LDAP_START_TLS: &[u8] = b"\x30\x1d\x02\x01\x01\x77\x18\x80\x161.3.6.1.4.1.1466.20037";
/// SSLRequest: length and the code 80877103.
const POSTGRESQL_SSL_REQUEST: &[u8] = &[0, 0, 0, 8, 0x04, 0xd2, 0x16, 0x2f];
/// Length 32, number 1, then CLIENT_PROTOCOL_41, CLIENT_SSL and CLIENT_SECURE_CONNECTION, packet size, utf8, filler.
const MYSQL_SSL_REQUEST: &[u8] = &[
    32, 0, 0, 1, 0x00, 0x8a, 0, 0, 0, 0, 0, 1, 33, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
];
/// X.224 Connection Request that asks for TLS alone.
const RDP_TLS_REQUEST: &[u8] = &[3, 0, 0, 19, 14, 0xe0, 0, 0, 0, 0, 0, 1, 0, 8, 0, 1, 0, 0, 0];

impl Opening {
    /// Leads a fresh connection to where the hello is expected. `smuggled` is sent together with the last command.
    ///
    /// # Errors
    /// No such protocol, or the server does not start TLS.
    pub(super) async fn lead(
        self,
        conn: &mut Conn,
        host: &str,
        patience: Duration,
        smuggled: &[u8],
    ) -> Result<(), NetError> {
        let mut talk = Talk { conn, patience, opening: self };
        let with = |command: &[u8]| [command, smuggled].concat();
        match self {
            Self::Direct => {}
            Self::Smtp | Self::Lmtp => {
                talk.hear(b"220", replied).await?;
                let hello: &[u8] =
                    if self == Self::Smtp { b"EHLO scrutineer.invalid\r\n" } else { b"LHLO scrutineer.invalid\r\n" };
                talk.ask(hello, b"250", replied).await?;
                talk.ask(&with(b"STARTTLS\r\n"), b"220", replied).await?;
            }
            Self::Ftp => {
                talk.hear(b"220", replied).await?;
                talk.ask(&with(b"AUTH TLS\r\n"), b"234", replied).await?;
            }
            Self::Nntp => {
                talk.hear(b"20", replied).await?;
                talk.ask(&with(b"STARTTLS\r\n"), b"382", replied).await?;
            }
            Self::Imap => {
                talk.hear(b"* ", is_line).await?;
                talk.ask(&with(b"s1 STARTTLS\r\n"), b"s1 OK", tagged).await?;
            }
            Self::Pop3 => {
                talk.hear(b"+OK", is_line).await?;
                talk.ask(&with(b"STLS\r\n"), b"+OK", is_line).await?;
            }
            Self::Sieve => {
                talk.hear(b"", sieve_done).await?;
                talk.ask(&with(b"STARTTLS\r\n"), b"OK", is_line).await?;
            }
            Self::Ldap => {
                let whole = |bytes: &[u8]| ldap_result(bytes).is_some();
                let answer = talk.ask(LDAP_START_TLS, b"", whole).await?;
                match ldap_result(&answer) {
                    Some(0) => {}
                    code => return Err(talk.refused(&format!("result code {}", code.unwrap_or(80)))),
                }
            }
            Self::Xmpp | Self::XmppServer => {
                talk.ask(xmpp_header(self == Self::XmppServer, host).as_bytes(), b"", features).await?;
                let start = b"<starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>";
                let answer = talk.ask(start, b"", |bytes| bytes.ends_with(b">")).await?;
                if !contains(&answer, b"<proceed") {
                    return Err(talk.refused("no <proceed/>"));
                }
            }
            Self::Postgresql => {
                talk.ask(POSTGRESQL_SSL_REQUEST, b"S", |bytes| !bytes.is_empty()).await?;
            }
            Self::Mysql => {
                talk.hear(b"", mysql_whole).await?;
                talk.say(MYSQL_SSL_REQUEST).await?;
            }
            Self::Rdp => {
                let answer = talk.ask(RDP_TLS_REQUEST, &[3, 0], |bytes| bytes.len() >= 11).await?;
                match answer.get(11..16) {
                    Some([2, _, 8, 0, chosen]) if chosen & 1 != 0 => {}
                    _ => return Err(talk.refused("the server did not choose TLS")),
                }
            }
        }
        Ok(())
    }

    /// A command that may stand before the encryption, one that is said after it, and how the answer to the second begins when the
    /// first was forgotten, as it must be; `None` where commands are no lines.
    pub(super) fn smuggling(self) -> Option<(&'static [u8], &'static [u8], &'static [u8])> {
        Some(match self {
            Self::Smtp | Self::Lmtp => (b"NOOP\r\n", b"QUIT\r\n", b"221"),
            Self::Ftp => (b"NOOP\r\n", b"QUIT\r\n", b"221"),
            Self::Nntp => (b"DATE\r\n", b"QUIT\r\n", b"205"),
            Self::Imap => (b"s2 NOOP\r\n", b"s3 LOGOUT\r\n", b"* BYE"),
            Self::Pop3 => (b"XSCRUTINEER\r\n", b"QUIT\r\n", b"+OK"),
            Self::Sieve => (b"NOOP \"s2\"\r\n", b"LOGOUT\r\n", b"OK"),
            _ => return None,
        })
    }
}

struct Talk<'a> {
    conn: &'a mut Conn,
    patience: Duration,
    opening: Opening,
}

impl Talk<'_> {
    async fn say(&mut self, bytes: &[u8]) -> Result<(), NetError> {
        self.conn.send(bytes, self.patience).await
    }
    async fn hear(&mut self, expected: &[u8], enough: fn(&[u8]) -> bool) -> Result<Vec<u8>, NetError> {
        let place = |e: NetError| NetError::new(e.reason, format!("before TLS, in {:?}: {}", self.opening, e.detail));
        let heard = self.conn.receive(ANSWER_CAP, self.patience, enough).await.map_err(place)?;
        if heard.starts_with(b"421") {
            let detail = format!("before TLS, in {:?}: the server said that it is too busy (421)", self.opening);
            return Err(NetError::new(Reason::Throttled, detail));
        }
        let last = heard.split(|byte| *byte == b'\n').rev().find(|line| !line.is_empty()).unwrap_or_default();
        if heard.starts_with(expected) || last.starts_with(expected) {
            return Ok(heard);
        }
        let line = crate::facts::printable(&String::from_utf8_lossy(last), 80);
        Err(self.refused(&format!("'{}'", line.trim())))
    }
    async fn ask(&mut self, question: &[u8], expected: &[u8], enough: fn(&[u8]) -> bool) -> Result<Vec<u8>, NetError> {
        self.say(question).await?;
        self.hear(expected, enough).await
    }
    fn refused(&self, how: &str) -> NetError {
        NetError::new(Reason::Other, format!("the server did not start TLS in {:?}: {how}", self.opening))
    }
}

fn is_line(bytes: &[u8]) -> bool {
    bytes.ends_with(b"\n")
}

/// The last line has a code and no hyphen after it (RFC 5321 §4.2.1).
fn replied(bytes: &[u8]) -> bool {
    let last = bytes.strip_suffix(b"\n").and_then(|text| text.rsplit(|byte| *byte == b'\n').next());
    last.is_some_and(|line| line.len() >= 3 && line[..3].iter().all(u8::is_ascii_digit) && line.get(3) != Some(&b'-'))
}

fn tagged(bytes: &[u8]) -> bool {
    is_line(bytes) && bytes.split(|byte| *byte == b'\n').any(|line| line.starts_with(b"s1 "))
}

fn sieve_done(bytes: &[u8]) -> bool {
    is_line(bytes)
        && bytes
            .split(|byte| *byte == b'\n')
            .any(|line| [&b"OK"[..], b"NO", b"BYE"].iter().any(|w| line.starts_with(w)))
}

fn mysql_whole(bytes: &[u8]) -> bool {
    matches!(bytes, [a, b, c, _, rest @ ..] if rest.len() >= usize::from(*a) | usize::from(*b) << 8 | usize::from(*c) << 16)
}

fn features(bytes: &[u8]) -> bool {
    contains(bytes, b"</stream:features>")
        || contains(bytes, b"<stream:features/>")
        || contains(bytes, b"</stream:stream>")
}

fn contains(bytes: &[u8], part: &[u8]) -> bool {
    bytes.windows(part.len()).any(|window| window == part)
}

/// The stream header (RFC 6120 §4.7); the host is a name that the estate's reader has checked.
pub fn xmpp_header(server: bool, host: &str) -> String {
    let namespace = if server { "jabber:server" } else { "jabber:client" };
    format!(
        "<?xml version='1.0'?><stream:stream to='{host}' xmlns='{namespace}' \
         xmlns:stream='http://etherx.jabber.org/streams' version='1.0'>"
    )
}

/// The result code of an ExtendedResponse (RFC 4511 §4.12), once it is whole.
pub fn ldap_result(bytes: &[u8]) -> Option<u8> {
    // SEQUENCE, message id, [APPLICATION 24], ENUMERATED; lengths of more than one byte are long-form.
    let (0x30, rest) = (bytes.first().copied()?, length(bytes.get(1..)?)?) else { return None };
    let [2, 1, _, 0x78, rest @ ..] = rest else { return None };
    match length(rest)? {
        [10, 1, code, ..] => Some(*code),
        _ => None,
    }
}

/// Reads bytes as every protocol's answer.
pub(super) fn exercise(bytes: &[u8]) {
    let _ = (ldap_result(bytes), replied(bytes), tagged(bytes), sieve_done(bytes), mysql_whole(bytes), features(bytes));
}

/// What a BER length covers, if all of it is there.
fn length(bytes: &[u8]) -> Option<&[u8]> {
    let (first, rest) = bytes.split_first()?;
    let (length, rest) = match first {
        short @ 0..=0x7F => (usize::from(*short), rest),
        0x81 => (usize::from(*rest.first()?), rest.get(1..)?),
        0x82 => (usize::from(u16::from_be_bytes([*rest.first()?, *rest.get(1)?])), rest.get(2..)?),
        0x84 => (usize::try_from(u32::from_be_bytes(rest.get(..4)?.try_into().ok()?)).ok()?, rest.get(4..)?),
        _ => return None,
    };
    rest.get(..length)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_start_tls_response_of_ldap_is_read_in_both_forms_of_length() {
        assert_eq!(ldap_result(b"\x30\x0c\x02\x01\x01\x78\x07\x0a\x01\x00\x04\x00\x04\x00"), Some(0));
        assert_eq!(
            ldap_result(b"\x30\x84\0\0\0\x10\x02\x01\x01\x78\x84\0\0\0\x07\x0a\x01\x34\x04\x00\x04\x00"),
            Some(0x34)
        );
        assert_eq!(ldap_result(b"\x30\x0c\x02\x01\x01\x78\x07\x0a\x01"), None);
    }

    #[test]
    fn the_request_of_ldap_is_as_long_as_it_says() {
        assert_eq!(LDAP_START_TLS.len(), 2 + usize::from(LDAP_START_TLS[1]));
        assert_eq!(MYSQL_SSL_REQUEST.len(), 36);
        assert_eq!(RDP_TLS_REQUEST.len(), 19);
    }

    proptest! {
        #[test]
        fn any_answer_is_read_without_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            exercise(&bytes);
        }
    }
}
