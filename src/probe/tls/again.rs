//! The second look: not everything once more, but what the doubt is about, asked afresh.

use std::collections::{BTreeMap, BTreeSet};

use super::answer::Depth;
use super::asker::{Asker, Heard};
use super::enumerate::{List, Pick, Question, Sorted};
use super::hello::Hello;
use super::versions::{self, CHUNK, Found, VERSIONS};
use super::{Opening, attacks, exchange, names, other_chains, resume, schemes};
use crate::facts::{Enumerated, Observation, Reason, Suites, Tls, Unobserved, Version, Versions};
use crate::net::NetError;
use crate::probe::Context;
use crate::scope::Target;

/// Looks again at the parts of `earlier` that one of `concerns` names (paths such as `tls.certificate`); the others are not run.
pub async fn look_again(
    context: &Context,
    target: &Target,
    host: &str,
    port: u16,
    opening: Opening,
    earlier: &Tls,
    concerns: &BTreeSet<String>,
) -> Tls {
    let asker = Asker::new(context, target, host, port, opening);
    let wants = |parts: &[&str]| {
        parts.iter().any(|part| concerns.iter().any(|path| path == part || path.starts_with(&format!("{part}."))))
    };
    let mut tls = Tls::unobserved(&Unobserved::not_run(Reason::NotSelected, "not part of the second look"));
    let behaves = wants(&["tls.behaviour", "tls.attacks"]);
    let known = if behaves
        || wants(&[
            "tls.groups",
            "tls.signatures",
            "tls.fields",
            "tls.exposures",
            "tls.others",
            "tls.dane",
            "tls.preference",
        ]) {
        Some(found(earlier))
    } else {
        None
    };
    if behaves
        || wants(&[
            "tls.negotiated",
            "tls.chain",
            "tls.certificate",
            "tls.validation",
            "tls.others",
            "tls.dane",
            "tls.staple",
            "tls.revocation",
        ])
    {
        let first = resume::first(&asker).await;
        (tls.negotiated, tls.chain, tls.staple) = match (&first, versions::newest_of(&earlier.versions)) {
            (Ok(first), _) => first.seen.clone(),
            (Err(_), Some(version @ ..0x0304)) => super::legacy(&asker, version, &found(earlier)).await,
            (Err(error), _) => super::unseen(error),
        };
        if let (true, Some(found)) = (behaves, &known) {
            tls.behaviour = super::behaviour_of(&asker, found, first, None).await;
        }
    }
    if let Some(found) = &known {
        if wants(&["tls.attacks"]) {
            tls.attacks = attacks::look_again(&asker, found, &tls.behaviour, &earlier.attacks).await;
        }
        if wants(&["tls.groups"]) {
            tls.groups.tls1_2 = exchange::groups_1_2(&asker, &found[3]).await;
            tls.groups.tls1_3 = exchange::groups_1_3(&asker, &found[4]).await;
        }
        if wants(&["tls.signatures", "tls.others", "tls.dane"]) {
            tls.signatures.tls1_2 = exchange::signatures_1_2(&asker, &found[3]).await;
            tls.signatures.tls1_3 = match schemes::share_among(&earlier.groups.tls1_3) {
                Ok(group) => schemes::look(&asker, &found[4], group, &earlier.chain).await,
                Err(why) => why.cast(),
            };
        }
        if wants(&["tls.fields", "tls.exposures"]) {
            tls.fields = exchange::fields(&asker, found).await;
        }
        if wants(&["tls.preference"]) {
            tls.preference.tls1_2 = versions::preference(&asker, 0x0303, &found[3]).await;
            tls.preference.tls1_3 = versions::preference(&asker, 0x0304, &found[4]).await;
        }
        tls.other_chains = other_chains(&asker, &tls.chain);
    }
    if wants(&["tls.versions", "tls.suites", "tls.exposures"]) {
        (tls.versions, tls.suites) = offered(&asker, earlier).await;
    }
    tls.pace = Observation::observed(asker.pace());
    tls
}

/// What was found at first, in the shape of a finding of now.
fn found(earlier: &Tls) -> [Found; 5] {
    let versions = earlier.versions.all().map(|(_, version)| version);
    let suites = earlier.suites.all().map(|(_, suites)| suites);
    std::array::from_fn(|at| Found {
        version: versions[at].clone(),
        suites: suites[at].value().map_or_else(
            || Err(suites[at].unobserved().unwrap_or_else(Unobserved::absent)),
            |set| Ok(Sorted { accepted: codes(set), ..Sorted::default() }),
        ),
        needs_share: false,
    })
}

fn codes(set: &Enumerated) -> Vec<u16> {
    set.accepted.iter().filter_map(|item| u16::try_from(item.code).ok()).collect()
}

/// Every version once more, with one hello for each kind of suite that it accepted; what was chosen from stands for its kind.
async fn offered(asker: &Asker<'_>, earlier: &Tls) -> (Versions, Suites) {
    let mut versions = earlier.versions.clone();
    let mut suites = earlier.suites.clone();
    if earlier.versions.ssl2.value().is_some_and(|version| version.offered) {
        versions.ssl2 = versions::ssl2(asker).await;
    }
    let places = [
        (&mut versions.ssl3, &mut suites.ssl3),
        (&mut versions.tls1_0, &mut suites.tls1_0),
        (&mut versions.tls1_1, &mut suites.tls1_1),
        (&mut versions.tls1_2, &mut suites.tls1_2),
        (&mut versions.tls1_3, &mut suites.tls1_3),
    ];
    for (version, (offers, set)) in VERSIONS.into_iter().zip(places) {
        (*offers, *set) = one(asker, version, offers, set).await;
    }
    (versions, suites)
}

async fn one(
    asker: &Asker<'_>,
    version: u16,
    offers: &Observation<Version>,
    set: &Observation<Enumerated>,
) -> (Observation<Version>, Observation<Enumerated>) {
    let Some(accepted) = set.value().map(codes).filter(|accepted| !accepted.is_empty()) else {
        // It was not offered, or that was not seen: one hello tells whether it is now.
        return match asker.ask(&Hello::new(version).suites(&versions::common(version)), Depth::Hello).await {
            Ok(Heard::Hello(answer)) if answer.version == version => {
                let name = Some(names::suite(answer.suite));
                let why = Unobserved::failed(Reason::Other, "offered at the second look and not at the first");
                (Observation::observed(Version { offered: true, suite: name, refusal: None }), why.cast())
            }
            Ok(_) => (offers.clone(), set.clone()),
            Err(error) => (error.observation(), error.observation()),
        };
    };
    let mut kinds: BTreeMap<&str, Vec<u16>> = BTreeMap::new();
    for suite in &accepted {
        kinds.entry(kind(&names::suite(*suite))).or_default().push(*suite);
    }
    let mut confirmed = Sorted::default();
    let mut chosen = None;
    for members in kinds.into_values() {
        let offered = &members[..members.len().min(CHUNK)];
        let question = Question { asker, hello: Hello { share: true, ..Hello::new(version) }, list: List::Suites };
        match question.ask(offered).await {
            Ok(Pick::Chose(suite)) => {
                chosen = chosen.or(Some(suite));
                confirmed.accepted.extend(members);
            }
            Ok(Pick::Refused) => confirmed.refused.extend(members),
            Err(error) => confirmed = confirmed.join(Sorted::unknown(members, &error)),
        }
    }
    let Some(suite) = chosen else {
        let error = confirmed.unknown.first().map(|(_, error)| error.clone());
        let error = error.unwrap_or_else(|| NetError::new(Reason::Other, "refused at the second look"));
        return (error.observation(), error.observation());
    };
    let version = Version { offered: true, suite: Some(names::suite(suite)), refusal: None };
    (Observation::observed(version), Observation::observed(confirmed.facts(names::suite)))
}

/// The trait of a suite that most speaks against it.
fn kind(name: &str) -> &'static str {
    const MARKS: [&str; 9] = ["_EXPORT", "_anon_", "_NULL_", "_RC4_", "_DES_", "_3DES_", "_IDEA_", "_RC2_", "_CBC_"];
    let mark = MARKS.iter().find(|mark| name.contains(**mark)).copied();
    mark.unwrap_or(if names::forward_secret(name) { "forward secret" } else { "static" })
}
