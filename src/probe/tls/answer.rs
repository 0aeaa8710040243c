//! The server's answer to a hello, read from plaintext records (RFC 8446 §5.1, §4.1.3; RFC 5246 §6.2, §7.4). Bounded, and never
//! panics on any bytes.

use super::hello::extension;
use super::names;

/// The largest record, with the slack of old ciphers (RFC 5246 §6.2.3).
const RECORD_CAP: usize = 18_432;
/// The largest handshake message that is waited for.
const MESSAGE_CAP: usize = 128 * 1024;

/// The random value that makes a ServerHello a HelloRetryRequest (RFC 8446 §4.1.3).
const RETRY_RANDOM: [u8; 32] = [
    0xCF, 0x21, 0xAD, 0x74, 0xE5, 0x9A, 0x61, 0x11, 0xBE, 0x1D, 0x8C, 0x02, 0x1E, 0x65, 0xB8, 0x91, 0xC2, 0xA2, 0x11,
    0x16, 0x7A, 0xBB, 0x8C, 0x5E, 0x07, 0x9E, 0x09, 0xE2, 0xC8, 0xA8, 0x33, 0x9C,
];

/// What the server said.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Answer {
    Hello(ServerHello),
    /// A fatal alert, by code.
    Alert(u8),
}

/// The parts of a server's first flight that tell something. Beyond the ServerHello only what [`Depth::Flight`] read.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct ServerHello {
    /// The version chosen, by extension or legacy field.
    pub(super) version: u16,
    pub(super) suite: u16,
    /// It is a HelloRetryRequest.
    pub(super) retry: bool,
    pub(super) session: Vec<u8>,
    /// 0 is none, 1 is DEFLATE (RFC 3749).
    pub(super) compression: u8,
    /// Number and body, in the server's order.
    pub(super) extensions: Vec<(u16, Vec<u8>)>,
    /// DER certificates, leaf first.
    pub(super) certificates: Vec<Vec<u8>>,
    pub(super) exchange: Option<KeyExchange>,
    /// The alert that ended the flight after its hello.
    pub(super) broken_off: Option<u8>,
    /// A certificate status came after the certificates (RFC 6066 §8).
    pub(super) stapled: bool,
}

impl ServerHello {
    pub(super) fn extension(&self, kind: u16) -> Option<&[u8]> {
        self.extensions.iter().find(|(number, _)| *number == kind).map(|(_, body)| body.as_slice())
    }
    /// The group that the server named: in its key share, its HelloRetryRequest, or its ServerKeyExchange.
    pub(super) fn group(&self) -> Option<u16> {
        let share = self.extension(extension::KEY_SHARE).and_then(take::<2>);
        share.map(|(group, _)| u16::from_be_bytes(group)).or(self.exchange.as_ref().and_then(|exchange| exchange.group))
    }
}

/// What a ServerKeyExchange names (RFC 5246 §7.4.3, RFC 8422 §5.4).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct KeyExchange {
    /// The named group of an elliptic-curve exchange, unless the curve is spelled out.
    pub(super) group: Option<u16>,
    /// The scheme that signed it, of TLS 1.2.
    pub(super) signature: Option<u16>,
    /// The prime of a finite-field exchange, without leading zeros.
    pub(super) prime: Option<Vec<u8>>,
}

/// How far to read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Depth {
    /// To the ServerHello.
    Hello,
    /// To the end of what the server of TLS 1.2 and older sends in the clear before it waits for us.
    Flight,
}

/// How far the reading is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Progress {
    More,
    Done(Answer),
    /// No TLS, with the reason.
    Broken(String),
}

/// Reads what has come so far.
pub(super) fn read(bytes: &[u8], depth: Depth) -> Progress {
    let mut rest = bytes;
    let mut handshake: Vec<u8> = Vec::new();
    while let Some((header, after)) = rest.split_first_chunk::<5>() {
        let length = usize::from(u16::from_be_bytes([header[3], header[4]]));
        if !matches!(header[0], 20..=24) || header[1] != 3 {
            return Progress::Broken(format!("the answer is no TLS record; it starts with {}", shown(bytes)));
        }
        if length > RECORD_CAP {
            return Progress::Broken(format!("a record claims {length} bytes"));
        }
        let Some(body) = after.get(..length) else { break };
        rest = &after[length..];
        match (header[0], body) {
            // A warning (such as unrecognized_name) is not the answer.
            (21, [1, code]) if *code != 0 => {}
            (21, [_, code]) => return Progress::Done(after_hello(&handshake, *code).unwrap_or(Answer::Alert(*code))),
            (22, body) => {
                handshake.extend_from_slice(body);
                match messages(&handshake, depth) {
                    Progress::More => {}
                    done => return done,
                }
            }
            (kind, _) => return Progress::Broken(format!("a record of type {kind} came in place of a ServerHello")),
        }
    }
    match bytes.first() {
        Some(first) if !matches!(first, 20..=24) => {
            Progress::Broken(format!("the answer is no TLS record; it starts with {}", shown(bytes)))
        }
        _ => Progress::More,
    }
}

/// The whole records so far: type and body.
pub(super) fn records(bytes: &[u8]) -> Vec<(u8, Vec<u8>)> {
    let mut out = Vec::new();
    let mut rest = bytes;
    while let Some((header, after)) = rest.split_first_chunk::<5>() {
        let length = usize::from(u16::from_be_bytes([header[3], header[4]]));
        let Some(body) = after.get(..length) else { break };
        out.push((header[0], body.to_vec()));
        rest = &after[length..];
    }
    out
}

/// Every handshake byte that came before the server changed its cipher.
pub(super) fn clear_handshake(bytes: &[u8]) -> Vec<u8> {
    let clear = records(bytes).into_iter().take_while(|(kind, _)| *kind != 20).filter(|(kind, _)| *kind == 22);
    clear.flat_map(|(_, body)| body).collect()
}

/// The NewSessionTicket that a server of TLS 1.2 sends in the clear before it changes its cipher (RFC 5077 §3.3).
pub(super) fn ticket(bytes: &[u8]) -> Option<Vec<u8>> {
    let handshake = clear_handshake(bytes);
    let mut rest = handshake.as_slice();
    while let Some((header, after)) = rest.split_first_chunk::<4>() {
        let body = after.get(..number24([header[1], header[2], header[3]]))?;
        if header[0] == 4 {
            // Lifetime, then the ticket.
            return vector16(body.get(4..)?).map(|(ticket, _)| ticket.to_vec()).filter(|ticket| !ticket.is_empty());
        }
        rest = &after[body.len()..];
    }
    None
}

/// The ServerHello that the flight began with, if it did: whatever ends the flight early, the hello was an answer.
fn after_hello(handshake: &[u8], alert: u8) -> Option<Answer> {
    match messages(handshake, Depth::Hello) {
        Progress::Done(Answer::Hello(hello)) => Some(Answer::Hello(ServerHello { broken_off: Some(alert), ..hello })),
        _ => None,
    }
}

fn messages(handshake: &[u8], depth: Depth) -> Progress {
    let mut rest = handshake;
    let mut hello: Option<ServerHello> = None;
    while let Some((header, after)) = rest.split_first_chunk::<4>() {
        let length = usize::from(header[1]) << 16 | usize::from(header[2]) << 8 | usize::from(header[3]);
        if length > MESSAGE_CAP {
            return Progress::Broken(format!("a handshake message claims {length} bytes"));
        }
        let Some(body) = after.get(..length) else { break };
        rest = &after[length..];
        match (header[0], hello.as_mut()) {
            (2, None) => match server_hello(body) {
                Some(read) if depth == Depth::Flight && read.version < 0x0304 => hello = Some(read),
                Some(read) => return Progress::Done(Answer::Hello(read)),
                None => return Progress::Broken("the ServerHello is malformed".into()),
            },
            (11, Some(hello)) => match certificate_list(body) {
                Some(list) => hello.certificates = list,
                None => return Progress::Broken("the Certificate message is malformed".into()),
            },
            (22, Some(hello)) => hello.stapled = true,
            (12, Some(hello)) => hello.exchange = key_exchange(hello, body),
            (14, Some(hello)) => return Progress::Done(Answer::Hello(std::mem::take(hello))),
            (_, Some(_)) => {}
            (kind, None) => {
                return Progress::Broken(format!("a handshake message of type {kind} came in place of a ServerHello"));
            }
        }
    }
    Progress::More
}

fn server_hello(body: &[u8]) -> Option<ServerHello> {
    let (version, rest) = take::<2>(body)?;
    let (random, rest) = take::<32>(rest)?;
    let (session, rest) = vector8(rest)?;
    let (suite, rest) = take::<2>(rest)?;
    let (compression, rest) = rest.split_first()?;
    let mut hello = ServerHello {
        version: u16::from_be_bytes(version),
        suite: u16::from_be_bytes(suite),
        retry: random == RETRY_RANDOM,
        session: session.to_vec(),
        compression: *compression,
        ..ServerHello::default()
    };
    if let Some((length, rest)) = take::<2>(rest) {
        let mut extensions = rest.get(..usize::from(u16::from_be_bytes(length)))?;
        while let Some((head, rest)) = take::<4>(extensions) {
            let body = rest.get(..usize::from(u16::from_be_bytes([head[2], head[3]])))?;
            let kind = u16::from_be_bytes([head[0], head[1]]);
            if let (extension::SUPPORTED_VERSIONS, [high, low]) = (kind, body) {
                hello.version = u16::from_be_bytes([*high, *low]);
            }
            hello.extensions.push((kind, body.to_vec()));
            extensions = &rest[body.len()..];
        }
    }
    Some(hello)
}

fn certificate_list(body: &[u8]) -> Option<Vec<Vec<u8>>> {
    let (length, rest) = take::<3>(body)?;
    let mut list = rest.get(..number24(length))?;
    let mut certificates = Vec::new();
    while !list.is_empty() {
        let (length, rest) = take::<3>(list)?;
        let der = rest.get(..number24(length))?;
        certificates.push(der.to_vec());
        list = &rest[der.len()..];
    }
    Some(certificates)
}

/// What cannot be read is left out: the rest of the flight still counts.
fn key_exchange(hello: &ServerHello, body: &[u8]) -> Option<KeyExchange> {
    let name = names::suite(hello.suite);
    if name.starts_with("TLS_ECDHE_PSK_") {
        // A hint before the curve, and no signature (RFC 5489 §2).
        return match vector16(body)?.1.split_first()? {
            (3, rest) => {
                Some(KeyExchange { group: Some(u16::from_be_bytes(take::<2>(rest)?.0)), ..KeyExchange::default() })
            }
            _ => Some(KeyExchange::default()),
        };
    }
    let mut prime = None;
    let (group, rest) = match names::exchange(hello.suite) {
        // A curve by name; one that is spelled out (types 1 and 2) has none.
        names::Exchange::Curve => match body.split_first()? {
            (3, rest) => {
                let (group, rest) = take::<2>(rest)?;
                (Some(u16::from_be_bytes(group)), vector8(rest)?.1)
            }
            _ => return Some(KeyExchange::default()),
        },
        // Prime, generator, public value.
        names::Exchange::Field => {
            let (bytes, rest) = vector16(body)?;
            prime = Some(bytes.iter().copied().skip_while(|byte| *byte == 0).collect());
            (None, vector16(vector16(rest)?.1)?.1)
        }
        names::Exchange::Static | names::Exchange::Other => return None,
    };
    let signed = hello.version >= 0x0303 && names::signed(hello.suite);
    let signature = take::<2>(rest).filter(|_| signed).map(|(scheme, _)| u16::from_be_bytes(scheme));
    Some(KeyExchange { group, signature, prime })
}

fn vector8(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let (&length, rest) = bytes.split_first()?;
    rest.split_at_checked(usize::from(length))
}

fn vector16(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let (length, rest) = take::<2>(bytes)?;
    rest.split_at_checked(usize::from(u16::from_be_bytes(length)))
}

fn number24(bytes: [u8; 3]) -> usize {
    usize::from(bytes[0]) << 16 | usize::from(bytes[1]) << 8 | usize::from(bytes[2])
}

fn take<const N: usize>(bytes: &[u8]) -> Option<([u8; N], &[u8])> {
    bytes.split_first_chunk::<N>().map(|(head, rest)| (*head, rest))
}

/// The start of an answer, printable.
fn shown(bytes: &[u8]) -> String {
    format!(
        "'{}'",
        bytes.iter().take(24).flat_map(|b| std::ascii::escape_default(*b)).map(char::from).collect::<String>()
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn record(kind: u8, body: &[u8]) -> Vec<u8> {
        [&[kind, 3, 1], &(body.len() as u16).to_be_bytes()[..], body].concat()
    }

    fn hello(version: [u8; 2], random: [u8; 32], extensions: &[u8]) -> Vec<u8> {
        let mut body = [&version[..], &random, &[0, 0xC0, 0x2F, 0]].concat();
        if !extensions.is_empty() {
            body.extend((extensions.len() as u16).to_be_bytes());
            body.extend(extensions);
        }
        [&[2, 0, 0, body.len() as u8], &body[..]].concat()
    }

    #[test]
    fn the_version_is_what_the_server_chose() {
        let read = read(&record(22, &hello([3, 0], [7; 32], &[])), Depth::Hello);
        assert!(matches!(
            read,
            Progress::Done(Answer::Hello(ServerHello { version: 0x0300, suite: 0xC02F, retry: false, .. }))
        ));
    }

    #[test]
    fn a_hello_retry_request_is_recognised_with_its_version() {
        let read = read(&record(22, &hello([3, 3], RETRY_RANDOM, &[0, 43, 0, 2, 3, 4])), Depth::Hello);
        assert!(
            matches!(read, Progress::Done(Answer::Hello(ServerHello { version: 0x0304, retry: true, .. }))),
            "{read:?}"
        );
    }

    #[test]
    fn a_hello_in_pieces_is_waited_for() {
        let whole = hello([3, 3], [1; 32], &[]);
        let (a, b) = whole.split_at(10);
        let split = [record(22, a), record(22, b)].concat();
        assert!(matches!(read(&split, Depth::Hello), Progress::Done(Answer::Hello(_))));
        for cut in 0..split.len() {
            assert_eq!(read(&split[..cut], Depth::Hello), Progress::More, "after {cut} bytes");
        }
    }

    #[test]
    fn a_warning_is_passed_over_and_a_fatal_alert_is_the_answer() {
        let answer = [record(21, &[1, 112]), record(22, &hello([3, 3], [1; 32], &[]))].concat();
        assert!(matches!(read(&answer, Depth::Hello), Progress::Done(Answer::Hello(_))));
        assert_eq!(read(&record(21, &[2, 70]), Depth::Hello), Progress::Done(Answer::Alert(70)));
    }

    #[test]
    fn certificates_are_read_up_to_the_end_of_the_servers_flight() {
        let certificate = [11, 0, 0, 9, 0, 0, 6, 0, 0, 3, 1, 2, 3];
        let flight = [&hello([3, 1], [1; 32], &[])[..], &certificate, &[14, 0, 0, 0]].concat();
        let Progress::Done(Answer::Hello(read)) = read(&record(22, &flight), Depth::Flight) else { panic!("a hello") };
        assert_eq!(read.certificates, [vec![1, 2, 3]]);
    }

    #[test]
    fn what_is_no_tls_is_said_to_be_none() {
        for bytes in [&b"HTTP/1.1 400 Bad Request"[..], b"SSH-2.0-x", b"\x16\x03\x03\xff\xff", b"\x17\x03\x03\x00\x01a"]
        {
            assert!(matches!(read(bytes, Depth::Hello), Progress::Broken(_)), "{bytes:?}");
        }
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_without_panic(bytes in proptest::collection::vec(any::<u8>(), 0..600), flight: bool) {
            let depth = if flight { Depth::Flight } else { Depth::Hello };
            let _ = read(&bytes, depth);
            let _ = read(&record(22, &bytes), depth);
            let framed = [&[2, 0, 0, bytes.len().min(255) as u8][..], &bytes].concat();
            let _ = read(&record(22, &framed), depth);
        }
    }
}
