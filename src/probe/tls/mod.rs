//! TLS of one endpoint: each version by its own ClientHello, then one full handshake that keeps the chain even if invalid.

mod answer;
mod hello;
mod names;
mod open;
mod versions;

pub use open::{open, version};

use rustls_pki_types::CertificateDer;

use super::Context;
use crate::facts::{Chain, Negotiated, Observation, Reason, Tls};
use crate::net::NetError;
use crate::scope::{Act, Target};
use answer::{Answer, ServerHello};
use versions::Asked;

/// The most certificates that are kept of a chain.
const CHAIN_CAP: usize = 16;

/// Looks at the TLS that `target` speaks from the first byte on `port` (nominal), for the server name `host`.
pub async fn look(context: &Context, target: &Target, host: &str, port: u16) -> Tls {
    let asked = Asked { context, target, host, port };
    let (versions, newest) = versions::look(asked).await;
    let (negotiated, chain) = match modern(context, target, host, port).await {
        Ok(seen) => seen,
        Err(error) => match newest.filter(|version| *version < 0x0304) {
            // No modern handshake: what the plaintext part of an old one shows.
            Some(version) => legacy(asked, version).await,
            None => (error.observation(), error.observation()),
        },
    };
    Tls { versions, negotiated, chain, certificate: Observation::underived(), validation: Observation::underived() }
}

type Seen = (Observation<Negotiated>, Observation<Chain>);

/// A current browser's handshake.
async fn modern(context: &Context, target: &Target, host: &str, port: u16) -> Result<Seen, NetError> {
    let (stream, stapled) = open::handshake(context, target, Act::passive(port), host, &[b"h2", b"http/1.1"]).await?;
    let (_, session) = stream.get_ref();
    let chain = keep(context, session.peer_certificates().unwrap_or_default());
    let (Some(version), Some(suite)) = (session.protocol_version(), session.negotiated_cipher_suite()) else {
        return Err(NetError::new(Reason::Other, "the handshake ended without a suite"));
    };
    let code = u16::from(suite.suite());
    let name = names::suite(code);
    let negotiated = Negotiated {
        version: names::version(u16::from(version)),
        forward_secret: names::forward_secret(&name),
        aead: names::aead(&name),
        suite: name,
        suite_code: i64::from(code),
        group: session.negotiated_key_exchange_group().map(|group| format!("{:?}", group.name())),
        alpn: session.alpn_protocol().map(|p| crate::facts::printable(&String::from_utf8_lossy(p), 32)),
        ocsp_stapled: Some(!stapled.is_empty()),
    };
    Ok((Observation::observed(negotiated), chain))
}

/// What the ServerHello and Certificate messages of an old version show in the clear.
async fn legacy(asked: Asked<'_>, version: u16) -> Seen {
    let hello = match asked.hello(version, true).await {
        Ok(Answer::Hello(hello)) => hello,
        Ok(Answer::Alert(code)) => {
            let why = NetError::new(
                Reason::Other,
                format!("the second hello was answered with the alert {}", names::alert(code)),
            );
            return (why.observation(), why.observation());
        }
        Err(error) => return (error.observation(), error.observation()),
    };
    let ServerHello { version, suite, certificates, .. } = hello;
    let name = names::suite(suite);
    let negotiated = Negotiated {
        version: names::version(version),
        forward_secret: names::forward_secret(&name),
        aead: names::aead(&name),
        suite: name,
        suite_code: i64::from(suite),
        group: None,
        alpn: None,
        ocsp_stapled: None,
    };
    let certificates: Vec<CertificateDer<'_>> = certificates.into_iter().map(CertificateDer::from).collect();
    (Observation::observed(negotiated), keep(asked.context, &certificates))
}

/// An anonymous suite has no certificate: then there is none, and that was seen.
fn keep(context: &Context, certificates: &[CertificateDer<'_>]) -> Observation<Chain> {
    if certificates.is_empty() {
        return Observation::absent();
    }
    let certificates = certificates.iter().take(CHAIN_CAP).map(|der| context.keep(der)).collect();
    Observation::observed(Chain { certificates })
}
