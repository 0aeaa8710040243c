//! Looks at servers as tables: how they refuse, and how connections get lost.

use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use time::OffsetDateTime;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use super::asker::Asker;
use super::starttls::Opening;
use super::versions;
use crate::estate::Estate;
use crate::facts::{Enumerated, Observation, Suites};
use crate::net::{ConnectionLog, Limits, Net};
use crate::probe::Context;
use crate::scope::Scope;

const TAKEN: [u16; 4] = [0xC02F, 0xC030, 0x009C, 0x000A];

/// How a hello is turned away.
#[derive(Clone, Copy, PartialEq)]
enum Refusal {
    Alert,
    Close,
    Silence,
}

/// A TLS 1.2 server without cryptography.
#[derive(Clone, Copy)]
struct Server {
    refusal: Refusal,
    /// Every so many connections one is closed unread; 0 is never.
    loses: usize,
}

async fn serve(server: Server) -> (u16, Arc<AtomicUsize>) {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let count = Arc::new(AtomicUsize::new(0));
    let counter = Arc::clone(&count);
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let number = counter.fetch_add(1, Ordering::SeqCst);
            if server.loses == 0 || number % server.loses != server.loses - 1 {
                tokio::spawn(answer(server, stream));
            }
        }
    });
    (port, count)
}

async fn answer(server: Server, mut stream: TcpStream) -> Option<()> {
    let mut header = [0; 5];
    stream.read_exact(&mut header).await.ok()?;
    let mut hello = vec![0; usize::from(u16::from_be_bytes([header[3], header[4]]))];
    stream.read_exact(&mut hello).await.ok()?;
    // Type and length, version, random, session id, suites.
    let suites = &hello[38 + 1 + usize::from(hello[38])..];
    let length = usize::from(u16::from_be_bytes([suites[0], suites[1]]));
    let offered: Vec<u16> =
        suites[2..2 + length].chunks(2).map(|pair| u16::from_be_bytes([pair[0], pair[1]])).collect();
    let chosen = TAKEN.into_iter().find(|suite| hello[4..6] == [3, 3] && offered.contains(suite));
    match (chosen, server.refusal) {
        (Some(suite), _) => {
            let body = [&[3, 3][..], &[7; 32], &[0], &suite.to_be_bytes(), &[0]].concat();
            let message = [&[2, 0, 0, body.len() as u8][..], &body].concat();
            let record = [&[22, 3, 3, 0, message.len() as u8][..], &message].concat();
            stream.write_all(&record).await.ok()
        }
        (None, Refusal::Alert) => stream.write_all(&[21, 3, 3, 0, 2, 2, 40]).await.ok(),
        (None, Refusal::Close) => None,
        (None, Refusal::Silence) => stream.read_exact(&mut [0; 1]).await.ok().map(drop),
    }
}

async fn look(server: Server) -> (Suites, usize) {
    let (port, count) = serve(server).await;
    (look_behind(Opening::Direct, port).await, count.load(Ordering::SeqCst))
}

async fn look_behind(opening: Opening, port: u16) -> Suites {
    let estate = format!(
        "schema = 1\n[authority]\nname = 'C'\ncountry = 'GE'\n[scan]\nprivate = true\nport_map = {{ 443 = {port} }}\n\
         [[asset]]\nhost = 'www.cec.example'\nfunction = 'authority-website'\ncriticality = 'high'\nowner = 'IT'\n\
         addresses = ['127.0.0.1']\nservices = ['https']\n"
    );
    let estate = Arc::new(Estate::parse("estate.toml", &estate).unwrap());
    let limits = Limits {
        answer: Duration::from_millis(300),
        per_address: 8,
        rate: (10_000, 10_000),
        port_map: [(443, port)].into(),
        ..Limits::default()
    };
    let scope = Arc::new(Scope::new(estate, Vec::new(), OffsetDateTime::UNIX_EPOCH));
    let target = scope.host("www.cec.example", IpAddr::from(Ipv4Addr::LOCALHOST)).unwrap();
    let context = Context::new(Arc::new(Net::new(limits, ConnectionLog::counting())), scope);
    let asker = Asker::new(&context, &target, "www.cec.example", 443, opening);
    let (_, suites) = versions::facts(versions::look(&asker, versions::modern(&asker)).await, Observation::absent());
    suites
}

fn accepted(set: &Enumerated) -> Vec<i64> {
    set.accepted.iter().map(|item| item.code).collect()
}

#[tokio::test]
async fn every_suite_is_accepted_or_refused_and_the_order_of_choice_is_kept() {
    let (suites, connections) = look(Server { refusal: Refusal::Alert, loses: 0 }).await;
    let set = suites.tls1_2.value().unwrap();
    assert_eq!(accepted(set), TAKEN.map(i64::from));
    let refused: i64 = set.refused.iter().map(|range| range.count).sum();
    assert_eq!((refused as usize, set.unknown.len()), (super::names::suites_of(0x0303).len() - TAKEN.len(), 0));
    assert!(suites.tls1_3.value().is_none() && suites.ssl3.value().is_none());
    // Four answers and a refusal of each of six chunks; of four other versions every chunk.
    assert!(connections <= 40, "{connections}");
}

#[tokio::test]
async fn a_server_that_refuses_by_closing_is_understood() {
    let (suites, _) = look(Server { refusal: Refusal::Close, loses: 0 }).await;
    let set = suites.tls1_2.value().unwrap();
    assert_eq!(accepted(set), TAKEN.map(i64::from));
    assert!(set.unknown.is_empty(), "{:?}", set.unknown);
}

#[tokio::test]
async fn a_lost_connection_is_never_a_refusal() {
    for loses in [3, 4, 5, 7] {
        let (suites, _) = look(Server { refusal: Refusal::Alert, loses }).await;
        let set = suites.tls1_2.value().unwrap_or_else(|| panic!("{loses}: {:?}", suites.tls1_2));
        let refused = |code: u16| set.refused.iter().any(|range| (range.from..=range.to).contains(&i64::from(code)));
        for suite in TAKEN {
            assert!(!refused(suite), "{suite:04x} of a server that loses every {loses}th connection");
        }
    }
}

#[tokio::test]
async fn silence_leaves_suites_unknown() {
    let (suites, _) = look(Server { refusal: Refusal::Silence, loses: 0 }).await;
    let set = suites.tls1_2.value().unwrap();
    assert_eq!(accepted(set), TAKEN.map(i64::from));
    assert!(set.refused.is_empty());
    let unknown: i64 = set.unknown.iter().map(|range| range.count).sum();
    assert_eq!(unknown as usize, super::names::suites_of(0x0303).len() - TAKEN.len());
}

/// SSL Request of MySQL with its header.
const MYSQL_REQUEST: &[u8] = b"\x20\0\0\x01\0\x8a\0\0\0\0\0\x01\x21\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0";

/// What a server says first, and what to each thing that is said to it, before it waits for a ClientHello.
type Dialogue = (&'static [u8], &'static [(&'static [u8], &'static [u8])]);

/// Speaks a protocol up to TLS, and then as [`answer`].
async fn serve_behind((greeting, dialogue): Dialogue) -> u16 {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            tokio::spawn(async move {
                stream.write_all(greeting).await.ok()?;
                for (said, reply) in dialogue {
                    let mut chunk = vec![0; said.len()];
                    stream.read_exact(&mut chunk).await.ok()?;
                    if chunk != *said {
                        return None;
                    }
                    // The rest of a line or of a stanza is of no interest.
                    let mut rest = [0; 1024];
                    if !reply.is_empty() && !said.ends_with(b"\n") {
                        let _ = tokio::time::timeout(Duration::from_millis(20), stream.read(&mut rest)).await;
                    }
                    stream.write_all(reply).await.ok()?;
                }
                answer(Server { refusal: Refusal::Alert, loses: 0 }, stream).await
            });
        }
    });
    port
}

#[tokio::test]
async fn every_protocol_is_led_to_tls_and_asked_the_same_there() {
    let table: [(Opening, Dialogue); 12] = [
        (
            Opening::Smtp,
            (
                b"220-m ESMTP\r\n220 ready\r\n",
                &[(b"EHLO scrutineer.invalid\r\n", b"250-m\r\n250 STARTTLS\r\n"), (b"STARTTLS\r\n", b"220 go\r\n")],
            ),
        ),
        (
            Opening::Lmtp,
            (
                b"220 m LMTP\r\n",
                &[(b"LHLO scrutineer.invalid\r\n", b"250 STARTTLS\r\n"), (b"STARTTLS\r\n", b"220 go\r\n")],
            ),
        ),
        (Opening::Imap, (b"* OK [CAPABILITY IMAP4rev1] ready\r\n", &[(b"s1 STARTTLS\r\n", b"s1 OK go\r\n")])),
        (Opening::Pop3, (b"+OK ready\r\n", &[(b"STLS\r\n", b"+OK go\r\n")])),
        (Opening::Ftp, (b"220 ready\r\n", &[(b"AUTH TLS\r\n", b"234 go\r\n")])),
        (Opening::Nntp, (b"200 ready\r\n", &[(b"STARTTLS\r\n", b"382 go\r\n")])),
        (
            Opening::Sieve,
            (b"\"IMPLEMENTATION\" \"x\"\r\n\"STARTTLS\"\r\nOK \"ready\"\r\n", &[(b"STARTTLS\r\n", b"OK go\r\n")]),
        ),
        (Opening::Ldap, (b"", &[(super::LDAP_START_TLS, b"\x30\x0c\x02\x01\x01\x78\x07\x0a\x01\x00\x04\x00\x04\x00")])),
        (
            Opening::Xmpp,
            (
                b"",
                &[
                    (
                        b"<?xml version='1.0'?><stream:stream to='www.cec.example' xmlns='jabber:client'",
                        b"<stream:stream><stream:features><starttls/></stream:features>",
                    ),
                    (b"<starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>", b"<proceed xmlns='x'/>"),
                ],
            ),
        ),
        (Opening::Postgresql, (b"", &[(&[0, 0, 0, 8, 4, 210, 22, 47], b"S")])),
        (Opening::Mysql, (b"\x05\0\0\0\x0a8.0.", &[(MYSQL_REQUEST, b"")])),
        (
            Opening::Rdp,
            (b"", &[(&[3, 0, 0, 19, 14], &[3, 0, 0, 19, 14, 0xd0, 0, 0, 0x12, 0x34, 0, 2, 0, 8, 0, 1, 0, 0, 0])]),
        ),
    ];
    for (opening, dialogue) in table {
        let port = serve_behind(dialogue).await;
        let suites = look_behind(opening, port).await;
        let set = suites.tls1_2.value().unwrap_or_else(|| panic!("{opening:?}: {:?}", suites.tls1_2));
        assert_eq!(accepted(set), TAKEN.map(i64::from), "{opening:?}");
    }
}

#[tokio::test]
async fn a_server_that_does_not_start_tls_leaves_everything_unknown() {
    let port = serve_behind((
        b"220 m ESMTP\r\n",
        &[(b"EHLO scrutineer.invalid\r\n", b"250 HELP\r\n"), (b"STARTTLS\r\n", b"454 not now\r\n")],
    ))
    .await;
    let suites = look_behind(Opening::Smtp, port).await;
    let Observation::Failed { detail, .. } = &suites.tls1_2 else { panic!("{:?}", suites.tls1_2) };
    assert!(detail.contains("454 not now"), "{detail}");
}
