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
#[derive(Clone)]
pub(super) struct Found {
    pub(super) version: Observation<Version>,
    pub(super) suites: Result<Sorted, Unobserved>,
    /// The server of TLS 1.3 answers only a hello with a key share: then it cannot be asked group by group.
    pub(super) needs_share: bool,
}

/// Asks for every version with the suites in use, and where it is offered for all others. `modern` is the question about TLS 1.3,
/// which others wait for, too.
pub(super) async fn look(asker: &Asker<'_>, modern: impl Future<Output = Found>) -> [Found; 5] {
    let [a, b, c, d, _] = VERSIONS;
    let all = futures_util::join!(modern, one(asker, d), one(asker, a), one(asker, b), one(asker, c));
    let (e, d, a, b, c) = all;
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

/// Asks for TLS 1.3 alone.
pub(super) async fn modern(asker: &Asker<'_>) -> Found {
    one(asker, VERSIONS[4]).await
}

async fn one(asker: &Asker<'_>, version: u16) -> Found {
    let [first, curve, rest] = lists(version);
    let mut base = Hello::new(version);
    let mut answer = asker.ask(&base.clone().suites(&first), Depth::Hello).await;
    // A server may hold a hello without key share to be a broken one, although it is not (RFC 8446 §4.2.8).
    if version == 0x0304 && matches!(answer, Ok(Heard::Alert(code)) if code != 70) {
        base.share = true;
        answer = asker.ask(&base.clone().suites(&first), Depth::Hello).await;
    }
    let needs_share = base.share;
    let (chosen, refusal) = match answer {
        Ok(Heard::Hello(answer)) if answer.version == version => (Some(answer.suite), None),
        Ok(Heard::Hello(other)) => return not_offered(format!("answered with {}", names::version(other.version))),
        Ok(Heard::Dropped(how)) => return not_offered(how),
        Ok(Heard::Alert(code @ 70)) => return not_offered(format!("alert {}", names::alert(code))),
        Ok(Heard::Alert(code)) if names::refuses(code) => (None, Some(format!("alert {}", names::alert(code)))),
        Ok(Heard::Alert(code)) => {
            let detail =
                format!("the hello for {} was answered with the alert {}", names::version(version), names::alert(code));
            return failed(&NetError::new(Reason::Other, detail));
        }
        Err(error) => return failed(&error),
    };
    let question = Question { asker, hello: base, list: List::Suites };
    let known = async {
        match chosen {
            // The first answer is the first choice.
            Some(chosen) if first.contains(&chosen) => question.sort_after(vec![chosen], first).await,
            Some(chosen) => {
                Sorted::unknown(first, &NetError::garbage(format!("a suite that was not offered: {chosen:04x}")))
            }
            None => Sorted::refused(first),
        }
    };
    let sorted = match chosen {
        Some(accepted) => {
            let (known, signed, others) =
                futures_util::join!(known, question.sort(curve), others(asker, &question, rest, accepted));
            known.join(signed).join(others)
        }
        None => {
            let (known, signed) = futures_util::join!(known, question.sort(curve));
            let sorted = known.join(signed);
            let others = match sorted.accepted.first() {
                Some(accepted) => others(asker, &question, rest, *accepted).await,
                None => in_chunks(&question, &rest, CHUNK).await,
            };
            sorted.join(others)
        }
    };
    match (sorted.accepted.first(), refusal) {
        (Some(suite), _) => {
            let suite = Some(names::suite(*suite));
            let version = Observation::observed(Version { offered: true, suite, refusal: None });
            Found { version, suites: Ok(sorted), needs_share }
        }
        // It was offered a moment ago, or not all could be asked.
        (None, None) => failed(&NetError::new(Reason::Other, "accepted at first and then no more")),
        (None, Some(_)) if !sorted.unknown.is_empty() => failed(&sorted.unknown[0].1),
        (None, Some(refusal)) => not_offered(refusal),
    }
}

/// The suites that hardly anybody uses, in one list if the server reads long ones.
async fn others(asker: &Asker<'_>, question: &Question<'_>, rest: Vec<u16>, accepted: u16) -> Sorted {
    let long = asker.reads_long_lists(&question.hello, &rest, accepted).await;
    in_chunks(question, &rest, if long { rest.len() } else { CHUNK }).await
}

async fn in_chunks(question: &Question<'_>, suites: &[u16], chunk: usize) -> Sorted {
    let sorted = join_all(suites.chunks(chunk.max(1)).map(|chunk| question.sort(chunk.to_vec()))).await;
    sorted.into_iter().fold(Sorted::default(), Sorted::join)
}

/// The suites of a version as they are asked for: those in use, those that ECDSA signs, the others. A server with certificates of
/// several kinds may settle on ECDSA as soon as the hello has a suite for it, and then refuses what needs another: no list mixes them.
fn lists(version: u16) -> [Vec<u16>; 3] {
    let all = names::suites_of(version).into_iter();
    let (curve, mut first): (Vec<u16>, Vec<u16>) = all.partition(|suite| names::suite(*suite).contains("_ECDSA_"));
    let rest = first.split_off(first.len().min(CHUNK));
    [first, curve, rest]
}

fn not_offered(refusal: String) -> Found {
    let version = Observation::observed(Version { offered: false, suite: None, refusal: Some(refusal) });
    Found { version, suites: Err(Unobserved::absent()), needs_share: false }
}

fn failed(error: &NetError) -> Found {
    Found { version: error.observation(), suites: Err(error.observation()), needs_share: false }
}

/// The newest version that was offered, on the wire.
pub(super) fn newest(found: &[Found; 5]) -> Option<u16> {
    let offered = |found: &Found| found.version.value().is_some_and(|version| version.offered);
    VERSIONS.into_iter().zip(found).rev().find(|(_, found)| offered(found)).map(|(version, _)| version)
}

/// As [`newest`], from facts.
pub(super) fn newest_of(versions: &Versions) -> Option<u16> {
    let offered = |version: &Observation<Version>| version.value().is_some_and(|version| version.offered);
    VERSIONS
        .into_iter()
        .zip(versions.all())
        .rev()
        .find(|(_, (_, version))| offered(version))
        .map(|(version, _)| version)
}

/// The suites of a version that are in use.
pub(super) fn common(version: u16) -> Vec<u16> {
    let [first, ..] = lists(version);
    first
}

/// Whose order counts: the accepted suites are offered in one order and in the opposite one. ChaCha20 stays at the end, because some
/// servers follow a client that has it first and nothing else.
pub(super) async fn preference(asker: &Asker<'_>, version: u16, found: &Found) -> Observation<String> {
    let sorted = match &found.suites {
        Ok(sorted) => sorted,
        Err(why) => return why.cast(),
    };
    let chacha = |suite: &u16| names::suite(*suite).contains("_CHACHA20_");
    let accepted: Vec<u16> = sorted.accepted.iter().copied().take(CHUNK).collect();
    // Asked for in one list they were offered in its order already, and the first answer was that to it.
    let asked = lists(version).into_iter().find(|list| accepted.iter().all(|suite| list.contains(suite)));
    let asked: Option<Vec<u16>> = asked.map(|list| list.into_iter().filter(|suite| accepted.contains(suite)).collect());
    let asked = asked.filter(|order| order.first().is_some_and(|first| !chacha(first)));
    let last_chacha = |order: Vec<u16>| -> Vec<u16> {
        let (last, first): (Vec<u16>, Vec<u16>) = order.into_iter().partition(chacha);
        [first, last].concat()
    };
    let forth = asked.clone().unwrap_or_else(|| last_chacha(accepted.clone()));
    let back = last_chacha(forth.iter().rev().copied().collect());
    if forth.len() < 2 || forth[0] == back[0] {
        return Observation::absent();
    }
    let hello = Hello { share: found.needs_share, ..Hello::new(version) };
    let question = Question { asker, hello, list: List::Suites };
    let one = if asked.is_some() { Ok(Pick::Chose(accepted[0])) } else { question.ask(&forth).await };
    let (one, other) = match (one, question.ask(&back).await) {
        (Ok(Pick::Chose(one)), Ok(Pick::Chose(other))) => (one, other),
        (Err(error), _) | (_, Err(error)) => return error.observation(),
        (Ok(Pick::Refused), _) | (_, Ok(Pick::Refused)) => {
            return Observation::failed(Reason::Other, "what was accepted before was refused");
        }
    };
    if one == other {
        Observation::observed("server".into())
    } else if (one, other) == (forth[0], back[0]) {
        Observation::observed("client".into())
    } else {
        Observation::failed(Reason::Other, "equal questions were answered differently")
    }
}

/// Whether SSL 2.0 is spoken.
pub(super) async fn ssl2(asker: &Asker<'_>) -> Observation<Version> {
    match asker.ask_ssl2().await {
        Ok(Heard::Hello(answer)) if answer.version == 2 => {
            Observation::observed(Version { offered: true, suite: None, refusal: None })
        }
        Ok(Heard::Hello(other)) => not_offered(format!("answered with {}", names::version(other.version))).version,
        Ok(Heard::Alert(code)) if names::refuses(code) => not_offered(format!("alert {}", names::alert(code))).version,
        Ok(Heard::Alert(code)) => {
            Observation::failed(Reason::Other, format!("answered with the alert {}", names::alert(code)))
        }
        Ok(Heard::Dropped(how)) => not_offered(how).version,
        // A server that waits for more of what it takes for a TLS record.
        Err(error) => error.observation(),
    }
}

/// As facts.
pub(super) fn facts(found: [Found; 5], ssl2: Observation<Version>) -> (Versions, Suites) {
    let enumerated = |suites: Result<Sorted, Unobserved>| -> Observation<Enumerated> {
        suites.map_or_else(|why| why.cast(), |sorted| Observation::observed(sorted.facts(names::suite)))
    };
    let [a, b, c, d, e] = found;
    let versions =
        Versions { ssl2, ssl3: a.version, tls1_0: b.version, tls1_1: c.version, tls1_2: d.version, tls1_3: e.version };
    let suites = Suites {
        ssl3: enumerated(a.suites),
        tls1_0: enumerated(b.suites),
        tls1_1: enumerated(c.suites),
        tls1_2: enumerated(d.suites),
        tls1_3: enumerated(e.suites),
    };
    (versions, suites)
}
