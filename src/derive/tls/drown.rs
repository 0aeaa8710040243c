//! DROWN needs not the same server but the same key: all services of the estate are held against each other.

use std::collections::BTreeSet;

use crate::facts::{Exposure, Looks, Observation, Tls, Unobserved};

/// Fills `exposures.drown` of every endpoint. Certificates are derived already.
pub(in crate::derive) fn derive(looks: &mut Looks) {
    let endpoints = || looks.services.iter().flat_map(|(name, s)| s.endpoints.values().map(move |e| (name, &e.tls)));
    let speaking: BTreeSet<(String, String)> = endpoints()
        .filter(|(_, tls)| tls.versions.ssl2.value().is_some_and(|version| version.offered))
        .flat_map(|(name, tls)| keys(tls).into_iter().map(move |key| (key, name.clone())))
        .collect();
    // Of these it is not known, so a key that they share with others may be in danger.
    let unknown: Vec<(BTreeSet<String>, Unobserved)> = endpoints()
        .filter_map(|(_, tls)| Some((keys(tls), tls.versions.ssl2.unobserved()?)))
        .filter(|(_, why)| !matches!(why, Observation::Absent { .. }))
        .collect();
    for (name, service) in &mut looks.services {
        for endpoint in service.endpoints.values_mut() {
            endpoint.tls.exposures.drown = of(&endpoint.tls, name, &speaking, &unknown);
        }
    }
}

/// Digests of the keys that an endpoint shows.
fn keys(tls: &Tls) -> BTreeSet<String> {
    let others = tls.others.value().into_iter().flatten().map(|other| &other.certificate);
    tls.certificate.value().into_iter().chain(others).map(|certificate| certificate.key_digest.clone()).collect()
}

fn of(
    tls: &Tls,
    name: &str,
    speaking: &BTreeSet<(String, String)>,
    unknown: &[(BTreeSet<String>, Unobserved)],
) -> Observation<Exposure> {
    let (observed_at, own) = match &tls.versions.ssl2 {
        Observation::Observed { observed_at, value } => (*observed_at, value.offered),
        other => return other.unobserved().map_or_else(Observation::underived, |why| why.cast()),
    };
    let keys = keys(tls);
    let mut because: Vec<String> = Vec::new();
    if own {
        because.push("it speaks SSL 2.0 itself".into());
    }
    let others = speaking.iter().filter(|(key, other)| keys.contains(key) && other != name);
    because.extend(others.map(|(_, other)| format!("{other} speaks SSL 2.0 with the same key")));
    because.dedup();
    if because.is_empty() {
        if let Some((_, why)) = unknown.iter().find(|(theirs, _)| !theirs.is_disjoint(&keys)) {
            return why.cast();
        }
        if let Some(why) = tls.certificate.unobserved().filter(|why| !matches!(why, Observation::Absent { .. })) {
            return why.cast();
        }
    }
    Observation::Observed { observed_at, value: Exposure { exposed: !because.is_empty(), because } }
}
