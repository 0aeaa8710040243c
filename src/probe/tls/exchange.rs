//! Groups of the key exchange and the schemes that sign it. In TLS 1.3 a hello without key share makes the server name its group in a
//! HelloRetryRequest; below, it names both in its ServerKeyExchange.

use super::asker::Asker;
use super::enumerate::{List, Pick, Question, Sorted};
use super::hello::Hello;
use super::names::{self, Signer};
use super::versions::{CHUNK, Found};
use crate::facts::{Enumerated, Observation, Reason};
use crate::net::NetError;

/// Groups of TLS 1.3.
pub(super) async fn groups_1_3(asker: &Asker<'_>, found: &Found) -> Observation<Enumerated> {
    let suites = match &found.suites {
        Ok(sorted) => &sorted.accepted,
        Err(why) => return why.cast(),
    };
    if found.needs_share {
        let detail =
            "the server answers only hellos with a key share, so it cannot be asked for one group after the other";
        return Observation::not_run(Reason::Unsupported, detail);
    }
    let question = Question { asker, hello: Hello::new(0x0304).suites(suites), list: List::Groups };
    observed(question.sort(names::groups_of(0x0304)).await, names::group)
}

/// Elliptic curves of TLS 1.2; absent where it has no suite with an ephemeral one.
pub(super) async fn groups_1_2(asker: &Asker<'_>, found: &Found) -> Observation<Enumerated> {
    let known = match &found.suites {
        Ok(sorted) => sorted,
        Err(why) => return why.cast(),
    };
    let suites = match suites_with(known, names::names_a_curve) {
        Ok(suites) => suites,
        Err(why) => return why.map_or_else(Observation::absent, |error| error.observation()),
    };
    let question = Question { asker, hello: Hello::new(0x0303).suites(&suites), list: List::Groups };
    // Finite-field groups are named by no ServerKeyExchange; a suite with an elliptic curve says nothing about them.
    let curves = names::groups_of(0x0303).into_iter().filter(|group| !(256..=260).contains(group)).collect();
    let mut sorted = question.sort(curves).await;
    if suites.iter().all(|suite| names::suite(*suite).contains("_ECDSA_")) {
        sorted = beside_the_certificate(&question, sorted).await;
    }
    observed(sorted, names::group)
}

/// Curves of certificates.
const CERTIFICATE_CURVES: [u16; 6] = [23, 24, 25, 26, 27, 28];

/// The list of groups also says which curves a certificate may have (RFC 8422 §5.1): once the certificate's own curve was removed,
/// a server with no other certificate refuses everything. So what was refused is offered again beside it.
async fn beside_the_certificate(question: &Question<'_>, mut sorted: Sorted) -> Sorted {
    let curves: Vec<u16> = sorted.accepted.iter().copied().filter(|group| CERTIFICATE_CURVES.contains(group)).collect();
    let mut left = std::mem::take(&mut sorted.refused);
    while !left.is_empty() && !curves.is_empty() {
        match question.ask(&[&left[..], &curves].concat()).await {
            Ok(Pick::Chose(chosen)) if left.contains(&chosen) => {
                sorted.accepted.push(chosen);
                left.retain(|group| *group != chosen);
            }
            // It prefers that one. A curve alone with it tells no more, so nothing is known of the others.
            Ok(Pick::Chose(_)) => {
                let detail = "cannot be asked for without the certificate's own curve, which the server prefers";
                let error = NetError::new(Reason::Other, detail);
                sorted.unknown.extend(left.drain(..).map(|group| (group, error.clone())));
            }
            Ok(Pick::Refused) => break,
            Err(error) => sorted.unknown.extend(left.drain(..).map(|group| (group, error.clone()))),
        }
    }
    sorted.refused = left;
    sorted
}

/// Signature schemes of TLS 1.2; absent where no suite signs its key exchange. A server with certificates of several kinds may settle
/// on one of them before it looks at the schemes, so each kind is asked by itself.
pub(super) async fn signatures_1_2(asker: &Asker<'_>, found: &Found) -> Observation<Enumerated> {
    let known = match &found.suites {
        Ok(sorted) => sorted,
        Err(why) => return why.cast(),
    };
    let mut sorted = Sorted::default();
    for signer in [Signer::Curve, Signer::Rsa, Signer::Dsa] {
        let schemes = names::schemes_of(signer);
        sorted = sorted.join(match suites_with(known, |suite| names::signer(suite) == Some(signer)) {
            Ok(suites) => {
                let hello = Hello::new(0x0303).suites(&suites);
                Question { asker, hello, list: List::Signatures }.sort(schemes).await
            }
            // No suite of it, so no scheme of it either.
            Err(None) => Sorted::refused(schemes),
            Err(Some(error)) => Sorted::unknown(schemes, &error),
        });
    }
    if sorted.accepted.is_empty() && sorted.unknown.is_empty() {
        return Observation::absent();
    }
    observed(sorted, names::signature)
}

/// The accepted suites of a kind, as many as every server reads; if there are none, why that is not certain.
fn suites_with(known: &Sorted, wanted: impl Fn(u16) -> bool) -> Result<Vec<u16>, Option<NetError>> {
    let suites: Vec<u16> = known.accepted.iter().copied().filter(|suite| wanted(*suite)).take(CHUNK).collect();
    if !suites.is_empty() {
        return Ok(suites);
    }
    // Among suites of which nothing is known there may be one.
    Err(known.unknown.iter().find(|(suite, _)| wanted(*suite)).map(|(_, error)| error.clone()))
}

fn observed(sorted: Sorted, name: fn(u16) -> String) -> Observation<Enumerated> {
    match sorted.unknown.first() {
        Some((_, error)) if sorted.accepted.is_empty() && sorted.refused.is_empty() => error.observation(),
        _ => Observation::observed(sorted.facts(name)),
    }
}
