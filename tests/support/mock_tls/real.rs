//! Where a fault needs real TLS around it: rustls does it.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::sync::Arc;

use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};

use super::{Hello, Identity, instead, message, pairs, record};

fn rustls_server(identity: &Identity, tickets: bool) -> rustls::ServerConnection {
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let builder = rustls::ServerConfig::builder_with_provider(provider)
        .with_protocol_versions(&[&rustls::version::TLS12])
        .expect("TLS 1.2");
    let chain = vec![CertificateDer::from(identity.certificates[0].clone())];
    let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(identity.key.clone()));
    let mut config = builder.with_no_client_auth().with_single_cert(chain, key).expect("a certificate with its key");
    if tickets {
        config.ticketer = rustls::crypto::aws_lc_rs::Ticketer::new().expect("tickets");
    }
    rustls::ServerConnection::new(Arc::new(config)).expect("a connection")
}

/// SMTP inside TLS; what was kept from before is obeyed first.
pub fn inside_tls(mut stream: TcpStream, identity: &Identity, kept: &[u8]) -> std::io::Result<()> {
    let mut connection = rustls_server(identity, false);
    let mut tls = rustls::Stream::new(&mut connection, &mut stream);
    if !kept.is_empty() {
        tls.flush()?;
        tls.write_all(b"250 obeyed\r\n")?;
    }
    let mut chunk = [0; 1024];
    while tls.read(&mut chunk)? > 0 {
        tls.write_all(b"221 bye\r\n")?;
    }
    Ok(())
}

/// A real TLS 1.2 server that gives tickets. To a ticket with a short session id it answers with 32 bytes if it bleeds.
pub fn with_tickets(
    mut stream: TcpStream,
    identity: &Identity,
    bleeds: bool,
    after: Option<&str>,
) -> std::io::Result<()> {
    let mut bytes = vec![0; 5];
    stream.read_exact(&mut bytes)?;
    let mut body = vec![0; usize::from(pairs(&bytes[3..])[0])];
    stream.read_exact(&mut body)?;
    bytes.extend(&body);
    if let Some(hello) = Hello::read(&body)
        && hello.extension(35).is_some_and(|ticket| !ticket.is_empty())
        && (1..32).contains(&hello.session.len())
    {
        if let Some(how) = after {
            return instead(stream, how);
        }
        let mut id = hello.session.clone();
        if bleeds {
            id.resize(32, 0x42);
        }
        let mut hello_back = vec![3, 3];
        hello_back.extend([0x11; 32]);
        hello_back.push(id.len() as u8);
        hello_back.extend(&id);
        hello_back.extend([hello.suites[0].to_be_bytes()[0], hello.suites[0].to_be_bytes()[1], 0]);
        return stream.write_all(&record(22, 0x0303, &message(2, &hello_back)));
    }
    let mut connection = rustls_server(identity, true);
    let mut first = bytes.as_slice();
    while !first.is_empty() {
        connection.read_tls(&mut first)?;
        if connection.process_new_packets().is_err() {
            let _ = connection.write_tls(&mut stream);
            return Ok(());
        }
    }
    let mut tls = rustls::Stream::new(&mut connection, &mut stream);
    let mut chunk = [0; 1024];
    while tls.read(&mut chunk)? > 0 {}
    Ok(())
}
