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

fn keys(tls: &Tls) -> BTreeSet<String> {
    super::keys(tls).into_keys().collect()
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::facts::{Certificate, Endpoint, Observation, Reason, Service, Timestamp, Version, Web};
    use std::collections::BTreeMap;

    fn certificate(key: &str) -> Certificate {
        Certificate {
            digest: "sha256:1".into(),
            subject: "CN=a".into(),
            issuer: "CN=b".into(),
            serial: "1".into(),
            not_before: Timestamp::EPOCH,
            not_after: Timestamp::EPOCH,
            valid_days: 1,
            names: Vec::new(),
            key_type: "rsa".into(),
            key_bits: 2048,
            curve: None,
            signature: "x".into(),
            signature_hash: None,
            self_signed: false,
            sct_count: 0,
            ocsp: Vec::new(),
            crl: Vec::new(),
            must_staple: false,
            wildcard: false,
            key_digest: key.into(),
            sent: 1,
            key_published_in: Vec::new(),
            key_flaws: Vec::new(),
            peculiar_names: Vec::new(),
        }
    }

    fn service(host: &str, key: &str, ssl2: Observation<Version>) -> (String, Service) {
        let absent = Unobserved::absent();
        let mut tls = Tls::unobserved(&absent);
        tls.versions.ssl2 = ssl2;
        tls.certificate = Observation::observed(certificate(key));
        let endpoint = Endpoint {
            address: "192.0.2.1".into(),
            port_state: absent.cast(),
            protocol: absent.cast(),
            access: absent.cast(),
            answers: Observation::underived(),
            tls,
            web: Web::unobserved(&absent),
        };
        let service = Service {
            host: host.into(),
            port: 443,
            transport: "tcp".into(),
            declared: true,
            scheme: None,
            tlsa: Observation::underived(),
            agreement: Observation::underived(),
            endpoints: BTreeMap::from([("192.0.2.1".into(), endpoint)]),
        };
        (host.into(), service)
    }

    fn offered(offered: bool) -> Observation<Version> {
        Observation::observed(Version { offered, suite: None, refusal: None })
    }

    fn drown(services: [(String, Service); 2]) -> Observation<Exposure> {
        let mut looks = Looks { services: services.into(), ..Looks::default() };
        derive(&mut looks);
        looks.services["www"].endpoints["192.0.2.1"].tls.exposures.drown.clone()
    }

    #[test]
    fn a_forgotten_server_with_the_same_key_endangers_a_good_one() {
        let exposed = drown([service("www", "k1", offered(false)), service("mail", "k1", offered(true))]);
        let because = exposed.value().map(|exposure| exposure.because.clone());
        assert_eq!(because, Some(vec!["mail speaks SSL 2.0 with the same key".to_owned()]));
        let other_key = drown([service("www", "k1", offered(false)), service("mail", "k2", offered(true))]);
        assert_eq!(other_key.value().map(|exposure| exposure.exposed), Some(false));
    }

    #[test]
    fn a_server_with_the_same_key_of_which_nothing_is_known_leaves_it_open() {
        let silent = Observation::failed(Reason::Timeout, "silence");
        let open = drown([service("www", "k1", offered(false)), service("mail", "k1", silent)]);
        assert!(matches!(open, Observation::Failed { reason: Reason::Timeout, .. }), "{open:?}");
    }
}
