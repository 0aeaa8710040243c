//! Which versions an endpoint speaks, and which suites in each. The verdict rests on the version that the server chose, never on
//! the one we offered.

use futures_util::future::join_all;

use super::answer::Depth;
use super::asker::{Asker, Heard};
use super::enumerate::{List, Pick, Question, Sorted};
use super::hello::Hello;
use super::names;
use crate::facts::{Enumerated, Observation, Reason, Suites, Unobserved, Version, Versions};
use crate::net::NetError;

/// Wire versions, oldest first.
pub(super) const VERSIONS: [u16; 5] = [0x0300, 0x0301, 0x0302, 0x0303, 0x0304];
/// Some servers read no more than 64 suites of a hello: what stands behind them would seem refused.
pub(super) const CHUNK: usize = 64;

/// One version, and what was found about its suites.
pub(super) struct Found {
    pub(super) version: Observation<Version>,
    pub(super) suites: Result<Sorted, Unobserved>,
}

/// Asks for every version with the suites in use, and where it is offered for all others.
pub(super) async fn look(asker: &Asker<'_>) -> [Found; 5] {
    let [a, b, c, d, e] = VERSIONS;
    let e = one(asker, e).await;
    let (a, b, c, d) = futures_util::join!(one(asker, a), one(asker, b), one(asker, c), one(asker, d));
    let mut found = [a, b, c, d, e];
    // A closed connection was no answer while no hello was known to be answered; now one may be.
    for (version, found) in VERSIONS.into_iter().zip(&mut found) {
        let closed = matches!(found.version, Observation::Failed { reason: Reason::Closed | Reason::Reset, .. });
        if closed && asker.has_witness() {
            *found = one(asker, version).await;
        }
    }
    found
}

async fn one(asker: &Asker<'_>, version: u16) -> Found {
    let all = names::suites_of(version);
    let mut chunks = all.chunks(CHUNK).map(<[u16]>::to_vec);
    let first = chunks.next().unwrap_or_default();
    let rest: Vec<Vec<u16>> = chunks.collect();
    let refusal = match asker.ask(&Hello::new(version).suites(&first), Depth::Hello).await {
        Ok(Heard::Hello(answer)) if answer.version == version => None,
        Ok(Heard::Hello(other)) => return not_offered(format!("answered with {}", names::version(other.version))),
        Ok(Heard::Dropped(how)) => return not_offered(how),
        Ok(Heard::Alert(code @ 70)) => return not_offered(format!("alert {}", names::alert(code))),
        Ok(Heard::Alert(code)) if names::refuses(code) => Some(format!("alert {}", names::alert(code))),
        Ok(Heard::Alert(code)) => {
            let detail =
                format!("the hello for {} was answered with the alert {}", names::version(version), names::alert(code));
            return failed(&NetError::new(Reason::Other, detail));
        }
        Err(error) => return failed(&error),
    };
    let question = Question { asker, hello: Hello::new(version), list: List::Suites };
    let known = async {
        if refusal.is_some() { Sorted { refused: first, ..Sorted::default() } } else { question.sort(first).await }
    };
    let (known, others) = futures_util::join!(known, join_all(rest.into_iter().map(|chunk| question.sort(chunk))));
    let sorted = others.into_iter().fold(known, Sorted::join);
    match (sorted.accepted.first(), refusal) {
        (Some(suite), _) => {
            let suite = Some(names::suite(*suite));
            let version = Observation::observed(Version { offered: true, suite, refusal: None });
            Found { version, suites: Ok(sorted) }
        }
        // It was offered a moment ago, or not all could be asked.
        (None, None) => failed(&NetError::new(Reason::Other, "accepted at first and then no more")),
        (None, Some(_)) if !sorted.unknown.is_empty() => failed(&sorted.unknown[0].1),
        (None, Some(refusal)) => not_offered(refusal),
    }
}

fn not_offered(refusal: String) -> Found {
    let version = Observation::observed(Version { offered: false, suite: None, refusal: Some(refusal) });
    Found { version, suites: Err(Unobserved::absent()) }
}

fn failed(error: &NetError) -> Found {
    Found { version: error.observation(), suites: Err(error.observation()) }
}

/// The newest version that was offered, on the wire.
pub(super) fn newest(found: &[Found; 5]) -> Option<u16> {
    let offered = |found: &Found| found.version.value().is_some_and(|version| version.offered);
    VERSIONS.into_iter().zip(found).rev().find(|(_, found)| offered(found)).map(|(version, _)| version)
}

/// Whose order counts: the accepted suites are offered in the server's own order turned around.
pub(super) async fn preference(asker: &Asker<'_>, version: u16, found: &Found) -> Observation<String> {
    let sorted = match &found.suites {
        Ok(sorted) => sorted,
        Err(why) => return why.cast(),
    };
    let mut offered: Vec<u16> = sorted.accepted.iter().copied().take(CHUNK).collect();
    let (Some(first), true) = (offered.first().copied(), offered.len() > 1) else { return Observation::absent() };
    offered.reverse();
    let question = Question { asker, hello: Hello::new(version), list: List::Suites };
    match question.ask(&offered).await {
        Ok(Pick::Chose(chosen)) if chosen == first => Observation::observed("server".into()),
        Ok(Pick::Chose(chosen)) if chosen == offered[0] => Observation::observed("client".into()),
        Ok(Pick::Chose(_) | Pick::Refused) => {
            Observation::failed(Reason::Other, "equal questions were answered differently")
        }
        Err(error) => error.observation(),
    }
}

/// As facts.
pub(super) fn facts(found: [Found; 5]) -> (Versions, Suites) {
    let enumerated = |suites: Result<Sorted, Unobserved>| -> Observation<Enumerated> {
        suites.map_or_else(|why| why.cast(), |sorted| Observation::observed(sorted.facts(names::suite)))
    };
    let [a, b, c, d, e] = found;
    let versions =
        Versions { ssl3: a.version, tls1_0: b.version, tls1_1: c.version, tls1_2: d.version, tls1_3: e.version };
    let suites = Suites {
        ssl3: enumerated(a.suites),
        tls1_0: enumerated(b.suites),
        tls1_1: enumerated(c.suites),
        tls1_2: enumerated(d.suites),
        tls1_3: enumerated(e.suites),
    };
    (versions, suites)
}
