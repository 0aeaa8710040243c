//! The first harmless message of protocols in which the client speaks first, and what the answers tell.

use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite};

use super::greeting::named;
use super::talk::{Heard, ask, is_line, text};
use crate::facts::{Access, Protocol, printable};
use crate::net::USER_AGENT;
use crate::probe::tls::{LDAP_START_TLS, ldap_result, xmpp_header};

/// A protocol in which the client speaks first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Speech {
    Http,
    Tls,
    Redis,
    Memcached,
    Postgresql,
    Rdp,
    Ldap,
    Xmpp,
}

/// Recognised, or what was heard instead.
pub(super) type Outcome = Result<(Protocol, Option<Access>), Heard>;

/// `GET` of the front page, or of the version where that is what the port is for. Reads the head and the start of the body.
pub(super) async fn http<S: AsyncRead + AsyncWrite + Unpin>(
    stream: &mut S,
    host: &str,
    port: u16,
    patience: Duration,
) -> Outcome {
    let path = if matches!(port, 2375 | 2379) { "/version" } else { "/" };
    let question = format!(
        "GET {path} HTTP/1.1\r\nHost: {host}\r\nUser-Agent: {USER_AGENT}\r\nAccept: */*\r\nConnection: close\r\n\r\n"
    );
    let not_http = |bytes: &[u8]| !bytes.starts_with(b"HTTP/"[..bytes.len().min(5)].as_ref()) && is_line(bytes);
    let heard = ask(stream, question.as_bytes(), patience, |bytes| not_http(bytes) || is_short_answer(bytes)).await;
    if !heard.bytes.starts_with(b"HTTP/1.") {
        return Err(heard);
    }
    let all = text(&heard.bytes);
    let (head, body) = all.split_once("\r\n\r\n").unwrap_or((all.as_str(), ""));
    if body.contains("plain HTTP request was sent to HTTPS port") || body.contains("HTTP request to an HTTPS server") {
        let tls = Protocol { banner: None, ..named("tls", &[]) };
        return Ok((tls, None));
    }
    Ok(of_http(head, body, path))
}

/// The head, and as much body as the answer says there is; else listening goes on to the end or the cap.
fn is_short_answer(bytes: &[u8]) -> bool {
    let all = text(bytes);
    let Some((head, body)) = all.split_once("\r\n\r\n") else { return false };
    field(head, "content-length")
        .and_then(|length| length.parse::<usize>().ok())
        .is_some_and(|length| body.len() >= length)
}

/// Services over HTTP that are known by what they answer: name, mark in the body, product, whether the answer to a stranger
/// proves that strangers are served.
const OVER_HTTP: &[(&str, &str, &str, bool)] = &[
    ("elasticsearch", "You Know, for Search", "Elasticsearch", true),
    ("elasticsearch", "The OpenSearch Project", "OpenSearch", true),
    ("docker", "\"ApiVersion\"", "Docker", true),
    ("etcd", "\"etcdserver\"", "etcd", false),
    ("mongodb", "MongoDB over HTTP", "MongoDB", false),
    ("couchdb", "\"couchdb\":\"Welcome\"", "CouchDB", false),
];

fn of_http(head: &str, body: &str, path: &str) -> (Protocol, Option<Access>) {
    let status_line = head.lines().next().unwrap_or_default();
    let status = status_line.split_ascii_whitespace().nth(1).unwrap_or_default();
    let server = field(head, "server");
    let banner = server.map_or_else(|| status_line.to_owned(), |server| format!("{status_line}; Server: {server}"));
    let (product, version) = server.map(product_of).unwrap_or_default();
    let base = Protocol {
        product,
        version,
        protocol_version: status_line
            .split_ascii_whitespace()
            .next()
            .map(|v| printable(v.trim_start_matches("HTTP/"), 10)),
        ..named("http", banner.as_bytes())
    };
    let Some((name, _, product, proves)) =
        OVER_HTTP.iter().find(|(_, mark, _, _)| status == "200" && body.contains(mark))
    else {
        return (base, None);
    };
    let access = proves.then(|| Access { open: true, proof: format!("GET {path} → 200, the {product} interface") });
    (Protocol { name: (*name).into(), product: Some((*product).into()), version: json_version(body), ..base }, access)
}

fn field<'a>(head: &'a str, name: &str) -> Option<&'a str> {
    let fields = head.lines().skip(1).filter_map(|line| line.split_once(':'));
    fields.filter(|(n, _)| n.trim().eq_ignore_ascii_case(name)).map(|(_, value)| value.trim()).next()
}

/// `product/version` (RFC 9110 §10.1.5).
fn product_of(server: &str) -> (Option<String>, Option<String>) {
    let first = server.split_ascii_whitespace().next().unwrap_or_default();
    let (product, version) = first.split_once('/').map_or((first, None), |(p, v)| (p, Some(v)));
    let keep = |text: &str| Some(printable(text, 60)).filter(|text| !text.is_empty());
    (keep(product), version.and_then(keep))
}

/// The version that such a service names in its JSON.
fn json_version(body: &str) -> Option<String> {
    let json: serde_json::Value = serde_json::from_str(body.trim()).ok()?;
    let paths = ["/version/number", "/Version", "/etcdserver", "/version"];
    paths.iter().find_map(|path| json.pointer(path)?.as_str()).map(|v| printable(v, 60))
}

/// PING as an inline command, then the read-only INFO server if strangers are served.
pub(super) async fn redis<S: AsyncRead + AsyncWrite + Unpin>(stream: &mut S, patience: Duration) -> Outcome {
    let heard = ask(stream, b"PING\r\n", patience, is_line).await;
    let Some((open, said)) = redis_answer(&heard.bytes) else { return Err(heard) };
    let proof = format!("PING → {said}");
    let mut protocol = Protocol { product: Some("Redis".into()), banner: None, ..named("redis", &[]) };
    if open {
        let info = ask(stream, b"INFO server\r\n", patience, is_whole_bulk).await;
        let info = text(&info.bytes);
        let value = |key: &str| info.lines().find_map(|line| line.strip_prefix(key)).map(|v| printable(v.trim(), 60));
        if let Some(version) = value("valkey_version:") {
            protocol = Protocol { product: Some("Valkey".into()), version: Some(version), ..protocol };
        } else {
            protocol.version = value("redis_version:");
        }
    }
    Ok((protocol, Some(Access { open, proof })))
}

/// Whether strangers are served, and the answer; `None` if this is no Redis.
fn redis_answer(bytes: &[u8]) -> Option<(bool, String)> {
    let text = text(bytes);
    let line = text.lines().next().unwrap_or_default();
    let refusal = ["-NOAUTH", "-DENIED", "-NOPERM", "-ERR operation not permitted", "-LOADING", "-MISCONF"];
    if line == "+PONG" {
        return Some((true, line.into()));
    }
    refusal.iter().any(|word| line.starts_with(word)).then(|| (false, printable(line, 100)))
}

/// `$length CRLF bytes CRLF`, or an error line.
fn is_whole_bulk(bytes: &[u8]) -> bool {
    let text = text(bytes);
    let Some((head, rest)) = text.split_once("\r\n") else { return false };
    match head.strip_prefix('$').and_then(|length| length.parse::<usize>().ok()) {
        Some(length) => rest.len() >= length,
        None => true,
    }
}

/// `version`: one line, changes nothing.
pub(super) async fn memcached<S: AsyncRead + AsyncWrite + Unpin>(stream: &mut S, patience: Duration) -> Outcome {
    let heard = ask(stream, b"version\r\n", patience, is_line).await;
    let said = text(&heard.bytes);
    let line = said.lines().next().unwrap_or_default();
    if let Some(version) = line.strip_prefix("VERSION ") {
        let version = printable(version.trim(), 60);
        let access = Access { open: true, proof: format!("version → VERSION {version}") };
        let protocol = Protocol {
            product: Some("memcached".into()),
            version: Some(version),
            banner: None,
            ..named("memcached", &[])
        };
        return Ok((protocol, Some(access)));
    }
    if line.starts_with("CLIENT_ERROR unauthenticated") {
        let access = Access { open: false, proof: format!("version → {}", printable(line, 100)) };
        return Ok((Protocol { banner: None, ..named("memcached", &[]) }, Some(access)));
    }
    Err(heard)
}

/// SSLRequest (PostgreSQL, message formats): one byte `S` or `N` comes back, or an error message.
pub(super) async fn postgresql<S: AsyncRead + AsyncWrite + Unpin>(stream: &mut S, patience: Duration) -> Outcome {
    let heard = ask(stream, &[0, 0, 0, 8, 0x04, 0xd2, 0x16, 0x2f], patience, |bytes| !bytes.is_empty()).await;
    let offers_tls = match heard.bytes.as_slice() {
        [b'S'] => Some(true),
        [b'N'] => Some(false),
        // An ErrorResponse: type, length of four bytes, then fields that begin with the severity.
        [b'E', 0, 0, _, _, b'S', ..] => None,
        _ => return Err(heard),
    };
    let protocol =
        Protocol { product: Some("PostgreSQL".into()), offers_tls, banner: None, ..named("postgresql", &[]) };
    Ok((protocol, None))
}

/// X.224 Connection Request that offers TLS and CredSSP ([MS-RDPBCGR] §2.2.1.1): the confirmation says what the server chose.
pub(super) async fn rdp<S: AsyncRead + AsyncWrite + Unpin>(stream: &mut S, patience: Duration) -> Outcome {
    let question = [3, 0, 0, 19, 14, 0xe0, 0, 0, 0, 0, 0, 1, 0, 8, 0, 3, 0, 0, 0];
    let heard = ask(stream, &question, patience, |bytes| tpkt(bytes).is_some()).await;
    let Some([_, 0xd0, _, _, _, _, _, negotiation @ ..]) = tpkt(&heard.bytes) else { return Err(heard) };
    let offers_tls = match negotiation {
        // TYPE_RDP_NEG_RSP: the chosen protocol; 0 is the old encryption without TLS.
        [2, _, 8, 0, chosen, ..] => Some(chosen & 3 != 0),
        // No negotiation at all: a server that knows nothing of TLS.
        [] => Some(false),
        _ => None,
    };
    Ok((Protocol { offers_tls, banner: None, ..named("rdp", &[]) }, None))
}

/// StartTLS (RFC 4511 §4.14): any LDAP server answers it, with success if it will.
pub(super) async fn ldap<S: AsyncRead + AsyncWrite + Unpin>(stream: &mut S, patience: Duration) -> Outcome {
    let heard = ask(stream, LDAP_START_TLS, patience, |bytes| ldap_result(bytes).is_some()).await;
    match ldap_result(&heard.bytes) {
        Some(code) => Ok((Protocol { offers_tls: Some(code == 0), banner: None, ..named("ldap", &[]) }, None)),
        None => Err(heard),
    }
}

/// A stream header (RFC 6120 §4.3): the features that come say whether TLS can be started.
pub(super) async fn xmpp<S: AsyncRead + AsyncWrite + Unpin>(
    stream: &mut S,
    host: &str,
    port: u16,
    patience: Duration,
) -> Outcome {
    let host = host.split(':').next().unwrap_or(host);
    let whole = |bytes: &[u8]| {
        let all = text(bytes);
        ["</stream:features>", "<stream:features/>", "</stream:stream>"].iter().any(|end| all.contains(end))
    };
    let heard = ask(stream, xmpp_header(port == 5269, host).as_bytes(), patience, whole).await;
    let all = text(&heard.bytes);
    if !all.contains("<stream:stream") && !all.contains("etherx.jabber.org") {
        return Err(heard);
    }
    let offers_tls = all.contains("stream:features").then(|| all.contains("urn:ietf:params:xml:ns:xmpp-tls"));
    Ok((Protocol { offers_tls, banner: None, ..named("xmpp", &[]) }, None))
}

/// The payload of a whole TPKT (RFC 1006 §6).
fn tpkt(bytes: &[u8]) -> Option<&[u8]> {
    match bytes {
        [3, 0, high, low, ..] => bytes.get(4..usize::from(u16::from_be_bytes([*high, *low]))),
        _ => None,
    }
}

/// What an answer to the wrong question suggests.
pub(super) fn clue(heard: &Heard) -> Option<Speech> {
    let bytes = heard.bytes.as_slice();
    match bytes {
        [0x15 | 0x16, 3, ..] => Some(Speech::Tls),
        _ if [b"-ERR".as_slice(), b"-NOAUTH", b"-DENIED"].iter().any(|start| bytes.starts_with(start)) => {
            Some(Speech::Redis)
        }
        _ if bytes.starts_with(b"ERROR\r\n") || bytes.starts_with(b"CLIENT_ERROR") => Some(Speech::Memcached),
        _ if bytes.starts_with(b"HTTP/") => Some(Speech::Http),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_server_field_gives_product_and_version() {
        let (protocol, access) = of_http("HTTP/1.1 200 OK\r\nSERVER: nginx/1.22.1 (x)", "<html>", "/");
        assert_eq!((protocol.product.as_deref(), protocol.version.as_deref()), (Some("nginx"), Some("1.22.1")));
        assert_eq!((protocol.name.as_str(), protocol.protocol_version.as_deref()), ("http", Some("1.1")));
        assert_eq!(access, None);
    }

    #[test]
    fn services_over_http_are_known_by_their_answer() {
        let body = "{\"version\":{\"number\":\"8.11.0\"},\"tagline\":\"You Know, for Search\"}";
        let (protocol, access) = of_http("HTTP/1.1 200 OK", body, "/");
        assert_eq!((protocol.name.as_str(), protocol.version.as_deref()), ("elasticsearch", Some("8.11.0")));
        assert!(access.unwrap().open);
        assert_eq!(of_http("HTTP/1.1 401 Unauthorized", body, "/").0.name, "http");
    }

    #[test]
    fn answers_of_redis_are_told_apart() {
        assert!(redis_answer(b"+PONG\r\n").unwrap().0);
        assert!(!redis_answer(b"-NOAUTH Authentication required.\r\n").unwrap().0);
        assert!(!redis_answer(b"-DENIED Redis is running in protected mode\r\n").unwrap().0);
        assert_eq!(redis_answer(b"+OK\r\n"), None);
        assert_eq!(redis_answer(b"-ERR unknown command\r\n"), None);
    }

    #[tokio::test]
    async fn remote_desktop_says_what_it_chose() {
        let answers: [(&[u8], Option<Option<bool>>); 4] = [
            (&[3, 0, 0, 19, 14, 0xd0, 0, 0, 0, 0, 0, 2, 31, 8, 0, 2, 0, 0, 0], Some(Some(true))),
            (&[3, 0, 0, 19, 14, 0xd0, 0, 0, 0, 0, 0, 2, 0, 8, 0, 0, 0, 0, 0], Some(Some(false))),
            (&[3, 0, 0, 11, 6, 0xd0, 0, 0, 0, 0, 0], Some(Some(false))),
            (&[3, 0, 0, 4], None),
        ];
        for (answer, offers_tls) in answers {
            let (mut client, mut server) = tokio::io::duplex(100);
            tokio::io::AsyncWriteExt::write_all(&mut server, answer).await.unwrap();
            let found = rdp(&mut client, Duration::from_millis(200)).await;
            assert_eq!(found.ok().map(|(protocol, _)| protocol.offers_tls), offers_tls, "{answer:?}");
        }
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_without_harm(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
            let text = text(&bytes);
            of_http(&text, &text, "/");
            redis_answer(&bytes);
            is_whole_bulk(&bytes);
            tpkt(&bytes);
            is_short_answer(&bytes);
            clue(&Heard { bytes, end: None });
        }
    }
}
