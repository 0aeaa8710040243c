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
    let asker = Asker::new(&context, &target, "www.cec.example", 443, Opening::Direct);
    let (_, suites) = versions::facts(versions::look(&asker).await, Observation::absent());
    (suites, count.load(Ordering::SeqCst))
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
