//! The RDAP look against a server by script on loopback.

use std::collections::BTreeMap;
use std::sync::Arc;

use proptest::prelude::*;
use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
use rustls_pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;

use super::*;
use crate::estate::Estate;
use crate::net::{ConnectionLog, Limits, Net};
use crate::scope::Scope;

/// A root in PEM, and what a server needs to show a certificate of it for 127.0.0.1.
fn certificates() -> (String, TlsAcceptor) {
    let root_key = KeyPair::generate().unwrap();
    let mut root = CertificateParams::default();
    root.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let pem = root.self_signed(&root_key).unwrap().pem();
    let key = KeyPair::generate().unwrap();
    let leaf = CertificateParams::new(vec!["127.0.0.1".into()]).unwrap();
    let leaf = leaf.signed_by(&key, &Issuer::new(root, root_key)).unwrap();
    let config = rustls::ServerConfig::builder_with_provider(Arc::new(rustls::crypto::aws_lc_rs::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![leaf.der().clone()], PrivateKeyDer::from(PrivatePkcs8KeyDer::from(key.serialize_der())))
        .unwrap();
    (pem, TlsAcceptor::from(Arc::new(config)))
}

/// What the look makes of a server that answers with these bytes, and what it was asked.
async fn outcome(answer: &str, trusted: bool) -> (Observation<DomainRegistration>, String) {
    let (pem, acceptor) = certificates();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let answer = answer.to_owned();
    let served = tokio::spawn(async move {
        let (stream, _) = listener.accept().await.unwrap();
        let Ok(mut stream) = acceptor.accept(stream).await else { return String::new() };
        let mut asked = Vec::new();
        while !asked.ends_with(b"\r\n\r\n") {
            match stream.read_u8().await {
                Ok(byte) => asked.push(byte),
                Err(_) => break,
            }
        }
        let _ = stream.write_all(answer.as_bytes()).await;
        let _ = stream.shutdown().await;
        String::from_utf8_lossy(&asked).into_owned()
    });
    let found = look(&context("https://127.0.0.1/rdap/", port, if trusted { &pem } else { "" }), "cec.example").await;
    (found, served.await.unwrap())
}

fn context(rdap: &str, port: u16, roots: &str) -> Context {
    let text = format!(
        "schema = 1\n[authority]\nname = \"CEC\"\n[scan]\nprivate = true\nresolver = \"127.0.0.1:9\"\nport_map = {{ 443 = {port} }}\n\
         [[asset]]\nzone = \"cec.example\"\nfunction = \"authority-domain\"\nrdap = \"{rdap}\"\n\
         [[asset]]\nzone = \"party.example\"\nfunction = \"party\"\n"
    );
    let estate = Arc::new(Estate::parse("estate.toml", &text).unwrap());
    let limits = Limits { port_map: BTreeMap::from([(443, port)]), ..Limits::default() };
    let scope = Scope::new(estate, Vec::new(), Timestamp::parse("2028-10-01").unwrap().get());
    Context::new(Arc::new(Net::new(limits, ConnectionLog::counting())), Arc::new(scope)).with_extra_roots(roots)
}

fn ok(body: &str) -> String {
    format!("HTTP/1.1 200 OK\r\nContent-Type: application/rdap+json\r\nContent-Length: {}\r\n\r\n{body}", body.len())
}

const GOOD: &str = r#"{"objectClassName": "domain", "ldhName": "CEC.EXAMPLE", "status": ["client transfer prohibited", "Active"],
    "events": [{"eventAction": "registration", "eventDate": "2001-01-01T00:00:00Z"}, {"eventAction": "expiration", "eventDate": "2029-03-01T10:00:00Z"}]}"#;

#[tokio::test]
async fn the_end_and_the_locks_are_read_with_one_question_about_the_zone() {
    let (found, asked) = outcome(&ok(GOOD), true).await;
    let found = found.value().unwrap();
    assert_eq!(found.ends, Timestamp::parse("2029-03-01T10:00:00Z").ok());
    assert_eq!(found.statuses, ["active", "client transfer prohibited"]);
    assert!(asked.starts_with("GET /rdap/domain/cec.example HTTP/1.1\r\nhost: 127.0.0.1\r\n"), "{asked}");
}

#[tokio::test]
async fn a_registry_is_not_believed_without_a_good_certificate() {
    let (found, asked) = outcome(&ok(GOOD), false).await;
    assert!(matches!(found, Observation::Failed { .. }), "{found:?}");
    assert!(asked.is_empty(), "nothing was asked");
}

#[tokio::test]
async fn what_is_no_answer_about_the_zone_leaves_the_end_unknown() {
    let table = [
        (ok("<html>"), Reason::Garbage),
        (ok(&GOOD.replace("CEC.EXAMPLE", "other.example")), Reason::Garbage),
        (ok(&GOOD.replace("2029-03-01T10:00:00Z", "soon")), Reason::Garbage),
        (ok(&format!("[{}", "[".repeat(5000))), Reason::Garbage),
        (ok(&format!("{GOOD}{}", " ".repeat(BODY_CAP))), Reason::TooLarge),
        ("HTTP/1.1 429 Slow down\r\nContent-Length: 0\r\n\r\n".into(), Reason::Throttled),
        ("HTTP/1.1 302 Found\r\nLocation: https://other.example/\r\nContent-Length: 0\r\n\r\n".into(), Reason::NotOurs),
        ("HTTP/1.1 404 Not found\r\nContent-Length: 0\r\n\r\n".into(), Reason::Other),
        (String::new(), Reason::Closed),
    ];
    for (answer, expected) in table {
        match outcome(&answer, true).await.0 {
            Observation::Failed { reason, .. } | Observation::NotRun { reason, .. } => {
                assert_eq!(reason, expected, "{answer:.60}")
            }
            other => panic!("{answer:.60}: {other:?}"),
        }
    }
}

#[tokio::test]
async fn without_an_rdap_server_in_the_estate_nobody_is_asked() {
    let found = look(&context("https://127.0.0.1/", 9, ""), "party.example").await;
    assert!(matches!(found, Observation::Absent { .. }));
}

proptest! {
    #[test]
    fn any_body_is_read_or_refused_without_harm(body in proptest::collection::vec(any::<u8>(), 0..400), events in ".*") {
        let url = Url::parse("https://rdap.example/domain/cec.example").unwrap();
        let event = serde_json::json!({"objectClassName": "domain", "events": [{"eventAction": "expiration", "eventDate": events}], "status": [events]});
        for body in [body, event.to_string().into_bytes()] {
            let reply = HttpReply { status: 200, headers: BTreeMap::new(), body, cut: false };
            let _ = read("cec.example", &url, &reply);
        }
    }
}
