//! Groups of the key exchange and the schemes that sign it. In TLS 1.3 a hello without key share makes the server name its group in a
//! HelloRetryRequest; below, it names both in its ServerKeyExchange.

use std::collections::BTreeSet;

use super::answer::Depth;
use super::asker::{Asker, Heard};
use super::enumerate::{List, Pick, Question, Sorted};
use super::hello::Hello;
use super::names::{self, Exchange, Signer};
use super::versions::{CHUNK, Found, VERSIONS};
use crate::facts::{Enumerated, Field, Observation, Reason, Unobserved};
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
    observed(question.sort_after(asker.groups(), names::groups_of(0x0304)).await, names::group)
}

/// Groups of TLS 1.2: curves, and the finite fields of RFC 7919; absent where no suite has an ephemeral key.
pub(super) async fn groups_1_2(asker: &Asker<'_>, found: &Found) -> Observation<Enumerated> {
    let known = match &found.suites {
        Ok(sorted) => sorted,
        Err(why) => return why.cast(),
    };
    let (curves, fields) = futures_util::join!(curves(asker, known), field_groups(asker, known));
    let sorted = curves.join(fields);
    if sorted.accepted.is_empty() && sorted.unknown.is_empty() {
        return Observation::absent();
    }
    observed(sorted, names::group)
}

async fn curves(asker: &Asker<'_>, known: &Sorted) -> Sorted {
    // A suite with an elliptic curve says nothing about finite fields.
    let curves = names::groups_of(0x0303).into_iter().filter(|group| !(256..=260).contains(group)).collect();
    let suites = match suites_with(known, names::names_a_curve) {
        Ok(suites) => suites,
        Err(None) => return Sorted::refused(curves),
        Err(Some(error)) => return Sorted::unknown(curves, &error),
    };
    let question = Question { asker, hello: Hello::new(0x0303).suites(&suites), list: List::Groups };
    if suites.iter().all(|suite| names::suite(*suite).contains("_ECDSA_")) {
        return beside_the_certificate(&question, curves).await;
    }
    question.sort(curves).await
}

/// Digests of the primes of RFC 7919 §A, by group.
const FIELD_GROUPS: [(u16, &str); 5] = [
    (256, "sha256:9cd3b7f336872f46c09428d1bbc19877a4d440512cda8d1c1cf0cd6e33698966"),
    (257, "sha256:0eaf67db3a839156d5013494a5318a772b5697d270d721f37f092efc69ea5a17"),
    (258, "sha256:4648414224ac881b3d0dc59b466f96d06a558278776807797ecf1f66ff397b3e"),
    (259, "sha256:227ac9066b3ddd9e193670cda2388fa884f65ba0cf98b742d1fe77a6687c79c7"),
    (260, "sha256:770b14efaf6f049929c523113b3fa99a8d11dab1b18af3609590122075d19833"),
];

/// The groups of RFC 7919 in TLS 1.2, by the prime that comes. A server that knows nothing of them has one prime, whatever is asked.
async fn field_groups(asker: &Asker<'_>, known: &Sorted) -> Sorted {
    let all: Vec<u16> = FIELD_GROUPS.iter().map(|(group, _)| *group).collect();
    let suites = match suites_with(known, |suite| names::exchange(suite) == Exchange::Field) {
        Ok(suites) => suites,
        Err(None) => return Sorted::refused(all),
        Err(Some(error)) => return Sorted::unknown(all, &error),
    };
    let mut left = all.clone();
    let mut accepted = Vec::new();
    while !left.is_empty() {
        let hello = Hello::new(0x0303).suites(&suites).groups(&left);
        let unknown = |error: &NetError| Sorted { accepted: accepted.clone(), ..Sorted::unknown(left.clone(), error) };
        let prime = match asker.ask(&hello, Depth::Flight).await {
            Ok(Heard::Hello(answer)) => match answer.exchange.and_then(|exchange| exchange.prime) {
                Some(prime) => prime,
                None if answer.broken_off.is_some_and(names::refuses) => break,
                None => return unknown(&NetError::garbage("the server named no prime")),
            },
            Ok(Heard::Alert(code)) if !names::refuses(code) => {
                let detail = format!("answered with the alert {}", names::alert(code));
                return unknown(&NetError::new(Reason::Other, detail));
            }
            Ok(Heard::Alert(_) | Heard::Dropped(_)) => break,
            Err(error) => return unknown(&error),
        };
        let digest = crate::facts::digest(&prime);
        match FIELD_GROUPS.iter().find(|(_, known)| *known == digest).map(|(group, _)| *group) {
            Some(group) if left.contains(&group) => {
                accepted.push(group);
                left.retain(|other| *other != group);
            }
            // It has this one in any case: nothing was negotiated.
            Some(group) => {
                accepted.retain(|other| *other != group);
                left.push(group);
                break;
            }
            None => break,
        }
    }
    Sorted { accepted, ..Sorted::refused(left) }
}

/// The parameters of ephemeral finite-field exchange, from the newest version that has one, and apart from them those of export suites.
pub(super) async fn fields(asker: &Asker<'_>, found: &[Found; 5]) -> Observation<Vec<Field>> {
    let mut fields = BTreeSet::new();
    for export in [false, true] {
        let wanted = |suite: u16| {
            names::exchange(suite) == Exchange::Field && names::suite(suite).contains("_EXPORT_") == export
        };
        match prime(asker, found, wanted).await {
            Ok(None) => {}
            Ok(Some(prime)) => {
                let bits = prime.len() * 8 - prime.first().map_or(0, |first| first.leading_zeros() as usize);
                let bits = i64::try_from(bits).unwrap_or(i64::MAX);
                fields.insert(Field { prime: asker.context.keep(&prime), bits, export, name: None, safe: None });
            }
            Err(why) => return why.cast(),
        }
    }
    if fields.is_empty() { Observation::absent() } else { Observation::observed(fields.into_iter().collect()) }
}

/// The prime that comes with the wanted suites in the newest version that has one.
async fn prime(
    asker: &Asker<'_>,
    found: &[Found; 5],
    wanted: impl Fn(u16) -> bool,
) -> Result<Option<Vec<u8>>, Unobserved> {
    for (version, found) in VERSIONS.into_iter().zip(found).rev().skip(1) {
        let known = match &found.suites {
            Ok(sorted) => sorted,
            Err(Observation::Absent { .. }) => continue,
            Err(why) => return Err(why.clone()),
        };
        let suites = match suites_with(known, &wanted) {
            Ok(suites) => suites,
            Err(None) => continue,
            Err(Some(error)) => return Err(error.observation()),
        };
        return match asker.ask(&Hello::new(version).suites(&suites), Depth::Flight).await {
            Ok(Heard::Hello(answer)) => match answer.exchange.and_then(|exchange| exchange.prime) {
                Some(prime) => Ok(Some(prime)),
                None => Err(Unobserved::failed(Reason::Garbage, "the server named no prime")),
            },
            Ok(_) => Err(Unobserved::failed(Reason::Other, "suites that were accepted before were refused")),
            Err(error) => Err(error.observation()),
        };
    }
    Ok(None)
}

/// Curves of certificates.
const CERTIFICATE_CURVES: [u16; 6] = [23, 24, 25, 26, 27, 28];

/// The list of groups also says which curves a certificate may have (RFC 8422 §5.1): without the certificate's own curve, a server with
/// no other certificate refuses everything. So what is accepted and may be that curve stays in every question, at its end.
async fn beside_the_certificate(question: &Question<'_>, mut left: Vec<u16>) -> Sorted {
    let mut sorted = Sorted::default();
    let mut kept: Vec<u16> = Vec::new();
    let mut dropped = false;
    while !left.is_empty() {
        match question.ask(&[&left[..], &kept].concat()).await {
            Ok(Pick::Chose(chosen)) if left.contains(&chosen) => {
                sorted.accepted.push(chosen);
                left.retain(|group| *group != chosen);
                if CERTIFICATE_CURVES.contains(&chosen) {
                    kept.push(chosen);
                }
            }
            // It stood last. Where the client's order counts, that means that nothing before it is taken.
            Ok(Pick::Chose(curve)) if follows_the_client(question, &sorted.accepted, &kept, curve).await => break,
            // It is preferred to all that may be left. Without it, if it is not the certificate's.
            Ok(Pick::Chose(curve)) => {
                kept.retain(|group| *group != curve);
                dropped = true;
            }
            Ok(Pick::Refused) if dropped => {
                let detail = "cannot be asked for without the certificate's own curve, which the server prefers";
                return sorted.join(Sorted::unknown(left, &NetError::new(Reason::Other, detail)));
            }
            Ok(Pick::Refused) => break,
            Err(error) => return sorted.join(Sorted::unknown(left, &error)),
        }
    }
    sorted.join(Sorted::refused(left))
}

/// Whether the client's order of groups counts, by an accepted one before and behind another.
async fn follows_the_client(question: &Question<'_>, accepted: &[u16], curves: &[u16], curve: u16) -> bool {
    let Some(other) = accepted.iter().copied().find(|group| *group != curve) else { return false };
    let first_is_chosen = async |first: [u16; 2]| {
        // With every curve that the certificate may be on.
        let rest = curves.iter().copied().filter(|group| !first.contains(group));
        let order: Vec<u16> = first.into_iter().chain(rest).collect();
        matches!(question.ask(&order).await, Ok(Pick::Chose(chosen)) if chosen == order[0])
    };
    let (one, other) = futures_util::join!(first_is_chosen([curve, other]), first_is_chosen([other, curve]));
    one && other
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

pub(super) fn observed(sorted: Sorted, name: fn(u16) -> String) -> Observation<Enumerated> {
    match sorted.unknown.first() {
        Some((_, error)) if sorted.accepted.is_empty() && sorted.refused.is_empty() => error.observation(),
        _ => Observation::observed(sorted.facts(name)),
    }
}
