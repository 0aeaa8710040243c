//! TLS of one endpoint: versions, suites, groups and signature schemes by our own ClientHello, and one full handshake that keeps the
//! chain even if invalid.

mod answer;
mod asker;
mod enumerate;
mod exchange;
mod hello;
mod names;
mod open;
mod versions;

#[cfg(test)]
mod tests;

pub use open::{open, version};

use rustls_pki_types::CertificateDer;

use super::Context;
use crate::facts::{Chain, Exposures, Groups, Negotiated, Observation, Preference, Reason, Signatures, Tls};
use crate::net::NetError;
use crate::scope::{Act, Target};
use answer::{Depth, ServerHello};
use asker::{Asker, Heard};
use hello::Hello;

/// The most certificates that are kept of a chain.
const CHAIN_CAP: usize = 16;

/// Looks at the TLS that `target` speaks from the first byte on `port` (nominal), for the server name `host`.
pub async fn look(context: &Context, target: &Target, host: &str, port: u16) -> Tls {
    let asker = Asker::new(context, target, host, port);
    let found = versions::look(&asker).await;
    let newest = versions::newest(&found);
    let (negotiated, chain) = match modern(context, target, host, port).await {
        Ok(seen) => seen,
        Err(error) => match newest.filter(|version| *version < 0x0304) {
            // No modern handshake: what the plaintext part of an old one shows.
            Some(version) => legacy(&asker, version, &found).await,
            None => (error.observation(), error.observation()),
        },
    };
    let [.., tls1_2, tls1_3] = &found;
    let (groups_1_2, groups_1_3, signatures, order_1_2, order_1_3) = futures_util::join!(
        exchange::groups_1_2(&asker, tls1_2),
        exchange::groups_1_3(&asker, tls1_3),
        exchange::signatures_1_2(&asker, tls1_2),
        versions::preference(&asker, 0x0303, tls1_2),
        versions::preference(&asker, 0x0304, tls1_3),
    );
    let (versions, suites) = versions::facts(found);
    Tls {
        versions,
        suites,
        preference: Preference { tls1_2: order_1_2, tls1_3: order_1_3 },
        groups: Groups { tls1_2: groups_1_2, tls1_3: groups_1_3 },
        signatures: Signatures { tls1_2: signatures },
        pace: Observation::observed(asker.pace()),
        negotiated,
        chain,
        certificate: Observation::underived(),
        validation: Observation::underived(),
        exposures: Exposures::default(),
    }
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
async fn legacy(asker: &Asker<'_>, version: u16, found: &[versions::Found; 5]) -> Seen {
    let accepted =
        |found: &versions::Found| found.suites.as_ref().map(|sorted| sorted.accepted.clone()).unwrap_or_default();
    let suites =
        versions::VERSIONS.into_iter().zip(found).find(|(v, _)| *v == version).map(|(_, found)| accepted(found));
    let hello = match asker.ask(&Hello::new(version).suites(&suites.unwrap_or_default()), Depth::Flight).await {
        Ok(Heard::Hello(hello)) => hello,
        Ok(Heard::Alert(_) | Heard::Dropped(_)) => {
            let why = NetError::new(Reason::Other, "suites that were accepted one by one were refused together");
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
    (Observation::observed(negotiated), keep(asker.context, &certificates))
}

/// An anonymous suite has no certificate: then there is none, and that was seen.
fn keep(context: &Context, certificates: &[CertificateDer<'_>]) -> Observation<Chain> {
    if certificates.is_empty() {
        return Observation::absent();
    }
    let certificates = certificates.iter().take(CHAIN_CAP).map(|der| context.keep(der)).collect();
    Observation::observed(Chain { certificates })
}
