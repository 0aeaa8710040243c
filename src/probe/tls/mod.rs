//! TLS of one endpoint: versions, suites, groups and signature schemes by our own ClientHello, and one full handshake that keeps the
//! chain even if invalid.

mod again;
mod answer;
mod asker;
mod attacks;
mod behaviour;
mod enumerate;
mod exchange;
mod exercise;
mod handshake;
mod hello;
mod names;
mod open;
mod resume;
mod robot;
mod schemes;
mod sightings;
mod ssl2;
mod starttls;
mod tap;
mod trusted;
mod versions;

#[cfg(test)]
mod tests;

pub use again::look_again;
pub use exercise::exercise;
pub use open::{open, version};
pub use starttls::{LDAP_START_TLS, Opening, ldap_result, opening_of, xmpp_header};
pub(super) use trusted::open_trusted;

use futures_util::FutureExt;
use rustls_pki_types::CertificateDer;

use super::Context;
use crate::facts::{
    Attacks, Behaviour, Chain, Exposures, Groups, Negotiated, Observation, Preference, Reason, Resumption, SctList,
    Signatures, Staple, Tls,
};
use crate::net::NetError;
use crate::scope::Target;
use answer::{Depth, ServerHello};
use asker::{Asker, Heard};
use handshake::Session;
use hello::Hello;
use versions::Found;

/// The most certificates that are kept of a chain.
const CHAIN_CAP: usize = 16;

/// Looks at the TLS that `target` speaks on `port` (nominal) after `opening`, for the server name `host`.
pub async fn look(context: &Context, target: &Target, host: &str, port: u16, opening: Opening) -> Tls {
    let asker = Asker::new(context, target, host, port, opening);
    // The longest list is begun while older versions are still asked for.
    let modern = versions::modern(&asker).boxed().shared();
    let groups = async { exchange::groups_1_3(&asker, &modern.clone().await).await };
    let (groups, (mut tls, found)) = futures_util::join!(groups, all_else(&asker, modern.clone()));
    // Nobody was known to answer when they were asked for.
    let again = modern.await.suites.is_err() && found.suites.is_ok();
    tls.groups.tls1_3 = if again { exchange::groups_1_3(&asker, &found).await } else { groups };
    if tls.signatures.tls1_3.is_underived() {
        tls.signatures.tls1_3 = match schemes::share_among(&tls.groups.tls1_3) {
            Ok(group) => schemes::look(&asker, &found, group, &tls.chain).await,
            Err(why) => why.cast(),
        };
    }
    tls.pace = Observation::observed(asker.pace());
    tls
}

/// Everything but the groups of TLS 1.3, and its signature schemes only if a group is known that key shares are made of; and what was
/// found of TLS 1.3.
async fn all_else(asker: &Asker<'_>, modern: impl Future<Output = Found>) -> (Tls, Found) {
    let (found, ssl2, first) =
        futures_util::join!(versions::look(asker, modern), versions::ssl2(asker), resume::first(asker));
    // As for the other versions: a closed connection may be an answer now that somebody is known to answer.
    let closed = matches!(ssl2, Observation::Failed { reason: Reason::Closed | Reason::Reset, .. });
    let ssl2 = if closed && asker.has_witness() { versions::ssl2(asker).await } else { ssl2 };
    let (negotiated, chain, staple) = match &first {
        Ok(first) => first.seen.clone(),
        Err(error) => match versions::newest(&found).filter(|version| *version < 0x0304) {
            // No modern handshake: what the plaintext part of an old one shows.
            Some(version) => legacy(asker, version, &found).await,
            None => unseen(error),
        },
    };
    let alpn = negotiated.value().and_then(|negotiated| negotiated.alpn.clone());
    let [.., tls1_2, tls1_3] = &found;
    let signatures_1_3 = async {
        match schemes::share_of(asker, tls1_3) {
            Some(group) => schemes::look(asker, tls1_3, group, &chain).await,
            None => Observation::underived(),
        }
    };
    let (groups_1_2, signatures_1_3, signatures_1_2, order_1_2, order_1_3, fields, behaviour) = futures_util::join!(
        exchange::groups_1_2(asker, tls1_2),
        signatures_1_3,
        exchange::signatures_1_2(asker, tls1_2),
        versions::preference(asker, 0x0303, tls1_2),
        versions::preference(asker, 0x0304, tls1_3),
        exchange::fields(asker, &found),
        behaves(asker, &found, first, alpn.as_deref()),
    );
    let (mut behaviour, attacks) = behaviour;
    let other_chains = other_chains(asker, &chain);
    let sct_list = sct_list(asker, &behaviour);
    unsteady(asker, &mut behaviour.unsteady);
    let modern = tls1_3.clone();
    let (versions, suites) = versions::facts(found, ssl2);
    let tls = Tls {
        versions,
        suites,
        preference: Preference { tls1_2: order_1_2, tls1_3: order_1_3 },
        groups: Groups { tls1_2: groups_1_2, tls1_3: Observation::underived() },
        signatures: Signatures { tls1_2: signatures_1_2, tls1_3: signatures_1_3 },
        fields,
        behaviour,
        attacks,
        pace: Observation::underived(),
        negotiated,
        chain,
        other_chains,
        staple,
        sct_list,
        certificate: Observation::underived(),
        validation: Observation::underived(),
        sending: Observation::underived(),
        revocation: Observation::underived(),
        scts: Observation::underived(),
        others: Observation::underived(),
        exposures: Exposures::default(),
        dane: Observation::underived(),
        caa: Observation::underived(),
        announced: Observation::underived(),
    };
    (tls, modern)
}

/// Behaviour, and then the faults that it leaves possible.
async fn behaves(
    asker: &Asker<'_>,
    found: &[Found; 5],
    first: Result<resume::First, NetError>,
    alpn: Option<&str>,
) -> (Behaviour, Attacks) {
    let behaviour = behaviour_of(asker, found, first, alpn).await;
    let attacks = attacks::look(asker, found, &behaviour).await;
    (behaviour, attacks)
}

/// What plaintext hellos tell, and what shows only inside handshakes that are completed.
async fn behaviour_of(
    asker: &Asker<'_>,
    found: &[Found; 5],
    first: Result<resume::First, NetError>,
    alpn: Option<&str>,
) -> Behaviour {
    let [.., tls1_2, tls1_3] = found;
    let offers = [tls1_2, tls1_3].map(|found| found.version.value().is_some_and(|version| version.offered));
    let completed = async {
        let (renegotiation, session) = handshake::renegotiation(asker, found).await;
        (renegotiation, resumption(asker, first, offers, session).await)
    };
    let (mut behaviour, (renegotiation, resumed)) = futures_util::join!(behaviour::look(asker, found, alpn), completed);
    behaviour.client_renegotiation = renegotiation;
    (behaviour.resumption, behaviour.early_data) = with_tickets(resumed, behaviour.resumption, offers);
    behaviour
}

/// What one handshake shows of the endpoint.
type Seen = (Observation<Negotiated>, Observation<Chain>, Observation<Staple>);

fn unseen(error: &NetError) -> Seen {
    (error.observation(), error.observation(), error.observation())
}

/// What a current client's second handshakes show.
async fn resumption(
    asker: &Asker<'_>,
    first: Result<resume::First, NetError>,
    [offers_1_2, _]: [bool; 2],
    session: Option<Session>,
) -> Result<(Result<Resumption, NetError>, Observation<i64>), NetError> {
    Ok(resume::look(asker, &first?, offers_1_2, session).await)
}

/// With what was heard of tickets in the clear.
fn with_tickets(
    resumed: Result<(Result<Resumption, NetError>, Observation<i64>), NetError>,
    tickets: Observation<Resumption>,
    [_, offers_1_3]: [bool; 2],
) -> (Observation<Resumption>, Observation<i64>) {
    match resumed {
        Ok((Ok(seen), early_data)) => {
            let ticket = tickets.value().and_then(|seen| seen.ticket);
            (Observation::observed(Resumption { ticket, ..seen }), early_data)
        }
        Ok((Err(error), early_data)) => (error.observation(), early_data),
        // No current client can speak with it: of sessions only what was heard in the clear.
        Err(error) => {
            let resumption = if tickets.value().is_some() { tickets } else { error.observation() };
            (resumption, if offers_1_3 { error.observation() } else { Observation::absent() })
        }
    }
}

/// Certificates for the same kind of key that came to different hellos: equal nodes would show one.
fn unsteady(asker: &Asker<'_>, seen: &mut Observation<Vec<String>>) {
    let more = asker.sightings().unsteady();
    match seen {
        Observation::Observed { value, .. } => value.extend(more),
        other if !more.is_empty() => *other = Observation::observed(more),
        _ => {}
    }
}

/// Chains that came with other suites than a current client's.
fn other_chains(asker: &Asker<'_>, chain: &Observation<Chain>) -> Observation<Vec<Chain>> {
    let Some(first) = chain.value().and_then(|chain| chain.certificates.first()) else {
        return chain.unobserved().map_or_else(Observation::absent, |why| why.cast());
    };
    let sightings = asker.sightings();
    let kept = sightings.chains().iter().map(|chain| resume::keep_all(asker, chain));
    let mut others: Vec<Chain> = kept.filter_map(|chain| chain.value().cloned()).collect();
    others.retain(|other| other.certificates.first() != Some(first));
    others.sort_by(|a, b| a.certificates.cmp(&b.certificates));
    others.dedup_by(|a, b| a.certificates.first() == b.certificates.first());
    if others.is_empty() { Observation::absent() } else { Observation::observed(others) }
}

/// Timestamps in an extension of the ServerHello, which TLS 1.3 encrypts. The hello with every feature asks for them.
fn sct_list(asker: &Asker<'_>, behaviour: &Behaviour) -> Observation<SctList> {
    match (asker.sightings().timestamps(), &behaviour.secure_renegotiation) {
        (Some((list, leaf)), _) => {
            Observation::observed(SctList { list: asker.context.keep(list), certificate: crate::facts::digest(leaf) })
        }
        (None, Observation::Observed { .. }) => Observation::absent(),
        (None, Observation::Absent { .. }) => {
            Observation::not_run(Reason::Unsupported, "the server speaks TLS 1.3 alone, in which they are encrypted")
        }
        (None, other) => other.unobserved().map_or_else(Observation::absent, |why| why.cast()),
    }
}

/// What the ServerHello and Certificate messages of an old version show in the clear.
async fn legacy(asker: &Asker<'_>, version: u16, found: &[Found; 5]) -> Seen {
    let accepted = |found: &Found| found.suites.as_ref().map(|sorted| sorted.accepted.clone()).unwrap_or_default();
    let suites =
        versions::VERSIONS.into_iter().zip(found).find(|(v, _)| *v == version).map(|(_, found)| accepted(found));
    let hello = match asker.ask(&Hello::new(version).suites(&suites.unwrap_or_default()), Depth::Flight).await {
        Ok(Heard::Hello(hello)) => hello,
        Ok(Heard::Alert(_) | Heard::Dropped(_)) => {
            let why = NetError::new(Reason::Other, "suites that were accepted one by one were refused together");
            return unseen(&why);
        }
        Err(error) => return unseen(&error),
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
    let detail = "of a server that speaks no TLS 1.2 or 1.3 with a current client no staple is asked for";
    let staple = Observation::not_run(Reason::Unsupported, detail);
    (Observation::observed(negotiated), keep(asker.context, &certificates), staple)
}

/// An anonymous suite has no certificate: then there is none, and that was seen.
fn keep(context: &Context, certificates: &[CertificateDer<'_>]) -> Observation<Chain> {
    if certificates.is_empty() {
        return Observation::absent();
    }
    let certificates = certificates.iter().take(CHAIN_CAP).map(|der| context.keep(der)).collect();
    Observation::observed(Chain { certificates })
}
