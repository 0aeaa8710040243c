//! The estate as a whole, from what is declared and what was seen. Pure; `looks` has its derived facts.

use std::collections::{BTreeMap, BTreeSet};

use time::Date;

use super::names_seen::names_seen;
use crate::derive;
use crate::estate::{Asset, AssetKind, Criticality, ElectionFunction, Estate};
use crate::facts::{
    CriticalHost, DomainRegistration, Ending, EstateIndex, FunctionIndex, Host, KeyUse, LIST_CAP, Looks, Observation,
    Reason, Registration, Service, Timestamp, Unobserved, Zone,
};

/// Groups the estate by election function, and everything with an end date by its end.
/// `ct` is the run's certificate transparency export; empty if there is none.
pub fn estate_index(estate: &Estate, looks: &Looks, ct: &str, now: Timestamp) -> EstateIndex {
    let mut cut = 0;
    let critical = |asset: &&Asset| asset.criticality.is_some_and(|c| c >= Criticality::High);
    let critical_hosts = estate.hosts().filter(critical).map(|asset| critical_host(asset, looks, now)).collect();
    let zones = looks.zones.iter().map(|(name, zone)| (name.as_str(), ZoneEnds::of(&zone))).collect();
    let registrations = estate.zones().filter_map(|asset| registration(asset, &zones, now)).collect();
    EstateIndex {
        declaration: declaration(estate, now),
        hosts: count(estate.hosts().count()),
        zones: count(estate.zones().count()),
        functions: functions(estate, looks, now),
        critical_hosts: capped(critical_hosts, &mut cut),
        registrations: capped(registrations, &mut cut),
        endings: endings(estate, looks, &zones, now, &mut cut),
        keys: keys(estate, looks, now, &mut cut),
        names_seen: names_seen(estate, looks, ct, now, &mut cut),
        contact_roles: estate.contacts.keys().cloned().collect(),
        authorisation_current: authorisation_current(estate, now),
        lists_cut: cut,
    }
}

fn declaration(estate: &Estate, now: Timestamp) -> Observation<bool> {
    if estate.bare {
        Observation::Absent { observed_at: now }
    } else {
        Observation::Observed { observed_at: now, value: true }
    }
}

fn functions(estate: &Estate, looks: &Looks, now: Timestamp) -> Vec<FunctionIndex> {
    let mut by_function: BTreeMap<ElectionFunction, Vec<&Asset>> = BTreeMap::new();
    for asset in &estate.assets {
        by_function.entry(asset.function).or_default().push(asset);
    }
    by_function.into_iter().map(|(function, assets)| function_index(function, &assets, looks, now)).collect()
}

fn function_index(function: ElectionFunction, assets: &[&Asset], looks: &Looks, now: Timestamp) -> FunctionIndex {
    let hosts: Vec<(&Asset, Addresses)> = assets
        .iter()
        .filter(|asset| matches!(asset.kind, AssetKind::Host { .. }))
        .map(|asset| (*asset, Addresses::of(asset, looks)))
        .collect();
    let critical = |asset: &Asset| asset.criticality.is_some_and(|c| c >= Criticality::High);
    let single = |(asset, known): &&(&Asset, Addresses)| critical(asset) && known.gap.is_none() && known.count() == 1;
    FunctionIndex {
        function: function.word().to_owned(),
        criticality: assets
            .iter()
            .filter_map(|a| a.criticality)
            .max()
            .map_or("undeclared", Criticality::word)
            .to_owned(),
        assets: names(assets.iter().copied()),
        without_owner: names(assets.iter().copied().filter(|asset| asset.owner.is_none())),
        without_criticality: names(assets.iter().copied().filter(|asset| asset.criticality.is_none())),
        single_address: names(hosts.iter().filter(single).map(|(asset, _)| *asset)),
        unresolved: names(hosts.iter().filter(|(_, known)| known.gap.is_some()).map(|(asset, _)| *asset)),
        one_network: one_network(&hosts, now),
    }
}

/// What is known of one host's addresses.
struct Addresses {
    /// Network prefixes of IPv4 and of IPv6 addresses.
    prefixes: [BTreeSet<String>; 2],
    known: BTreeSet<String>,
    /// Why there may be more of them; left out if all are known.
    gap: Option<(Reason, String)>,
}

impl Addresses {
    fn of(asset: &Asset, looks: &Looks) -> Self {
        let mut found = Self { prefixes: Default::default(), known: BTreeSet::new(), gap: None };
        let Some(host) = looks.hosts.get(asset.name()) else {
            found.gap = Some((Reason::NotSelected, format!("{} was not looked at", asset.name())));
            return found;
        };
        for address in &host.addresses {
            found.prefixes[usize::from(address.address.contains(':'))].insert(address.prefix.clone());
            found.known.insert(address.address.clone());
        }
        let pinned = matches!(&asset.kind, AssetKind::Host { addresses, .. } if !addresses.is_empty());
        found.gap = if pinned { None } else { gap(host) };
        found
    }
    fn count(&self) -> usize {
        self.known.len()
    }
}

/// The first of the two address questions that brought no answer.
fn gap(host: &Host) -> Option<(Reason, String)> {
    [&host.dns.a, &host.dns.aaaa].into_iter().find_map(|observation| match observation {
        Observation::Failed { reason, detail, .. } | Observation::NotRun { reason, detail, .. } => {
            Some((*reason, detail.clone()))
        }
        _ => None,
    })
}

/// Families are compared apart, for an IPv4 and an IPv6 prefix always differ. Two hosts with one address are one network.
fn one_network(hosts: &[(&Asset, Addresses)], now: Timestamp) -> Observation<bool> {
    let of_family = |family: usize| {
        let with = hosts.iter().map(|(_, known)| &known.prefixes[family]).filter(|prefixes| !prefixes.is_empty());
        let prefixes: BTreeSet<&String> = with.clone().flatten().collect();
        (with.count(), prefixes.len())
    };
    let families = [of_family(0), of_family(1)];
    if families.iter().any(|(_, prefixes)| *prefixes > 1) {
        return Observation::Observed { observed_at: now, value: false };
    }
    let gap = hosts.iter().find_map(|(_, known)| known.gap.clone());
    match gap {
        Some((reason, detail)) if hosts.len() > 1 => unlearned(reason, detail, now),
        _ if families.iter().any(|(hosts, _)| *hosts > 1) => Observation::Observed { observed_at: now, value: true },
        _ => Observation::Absent { observed_at: now },
    }
}

fn critical_host(asset: &Asset, looks: &Looks, now: Timestamp) -> CriticalHost {
    let known = Addresses::of(asset, looks);
    let value = count(known.count());
    let addresses = match known.gap {
        // With two already seen, one more would change nothing.
        Some((reason, detail)) if value < 2 => unlearned(reason, detail, now),
        _ if value == 0 => Observation::Absent { observed_at: now },
        _ => Observation::Observed { observed_at: now, value },
    };
    CriticalHost {
        host: asset.name().to_owned(),
        function: asset.function.word().to_owned(),
        criticality: asset.criticality.map_or("undeclared", Criticality::word).to_owned(),
        addresses,
    }
}

/// A value that is missing because an address question was not asked, or not answered.
fn unlearned<T>(reason: Reason, detail: String, now: Timestamp) -> Observation<T> {
    match reason {
        Reason::NotSelected | Reason::NotOurs | Reason::Unsupported => {
            Observation::NotRun { observed_at: now, reason, detail }
        }
        _ => Observation::Failed { observed_at: now, reason, detail },
    }
}

/// Of each zone, by its name, what ends; gathered once.
type Zones<'a> = BTreeMap<&'a str, ZoneEnds>;

struct ZoneEnds {
    registration: Observation<DomainRegistration>,
    /// Of all servers where they were asked, else as the resolver passed it on.
    signatures: Option<Timestamp>,
}

impl ZoneEnds {
    fn of(zone: &Zone) -> Self {
        let servers = zone.dns.signing.value().and_then(|signing| signing.times.value()?.first_end);
        let resolver = zone.dns.dnssec.value().and_then(|dnssec| dnssec.signatures_end);
        Self { registration: zone.dns.registration.clone(), signatures: servers.into_iter().chain(resolver).min() }
    }
}

/// A name below a registered one has no registration of its own.
fn registration(asset: &Asset, zones: &Zones<'_>, now: Timestamp) -> Option<Registration> {
    let registered = psl::domain_str(asset.name()) == Some(asset.name());
    let (ends, source) = registration_end(asset, zones, now);
    let source = ends.value().map(|_| source);
    (registered || ends.value().is_some()).then(|| Registration { zone: asset.name().to_owned(), ends, source })
}

/// The declared end, or else the registry's; with where it comes from.
fn registration_end(asset: &Asset, zones: &Zones<'_>, now: Timestamp) -> (Observation<Timestamp>, String) {
    let AssetKind::Zone { registration_ends, .. } = &asset.kind else {
        return (Observation::Absent { observed_at: now }, String::new());
    };
    if let Some(value) = registration_ends.and_then(end_of) {
        return (Observation::Observed { observed_at: now, value }, "estate".into());
    }
    // Older facts have nothing of registries: that is no failure of a look.
    let asked = zones.get(asset.name()).map(|zone| &zone.registration).filter(|asked| !asked.is_underived());
    let Some(asked) = asked else { return (Observation::Absent { observed_at: now }, String::new()) };
    let ends = asked.and_then(|found, observed_at| match found.ends {
        Some(value) => Observation::Observed { observed_at, value },
        None => Observation::Absent { observed_at },
    });
    (ends, asked.value().map(|found| found.url.clone()).unwrap_or_default())
}

fn endings(
    estate: &Estate,
    looks: &Looks,
    zones: &Zones<'_>,
    now: Timestamp,
    cut: &mut i64,
) -> Observation<Vec<Ending>> {
    let next = estate.elections.iter().map(|election| Timestamp::from(election.results_final)).find(|at| *at > now);
    let Some(results_final) = next else { return Observation::Absent { observed_at: now } };
    let mut all: Vec<Ending> = declared_ends(estate, zones, now)
        .chain(seen_ends(looks, zones))
        .filter(|one| one.ends < results_final)
        .collect();
    all.sort_by(|a, b| (a.ends, &a.kind, &a.subject).cmp(&(b.ends, &b.kind, &b.subject)));
    Observation::Observed { observed_at: now, value: capped(all, cut) }
}

fn declared_ends<'a>(estate: &'a Estate, zones: &'a Zones<'_>, now: Timestamp) -> impl Iterator<Item = Ending> + 'a {
    let registrations = estate.zones().filter_map(move |asset| {
        let (ends, source) = registration_end(asset, zones, now);
        ending("registration", asset.name(), *ends.value()?, &source)
    });
    let authorisation = estate.authorisation.iter();
    let authorisation =
        authorisation.filter_map(|a| ending("authorisation", &a.reference, end_of(a.period.until)?, "estate"));
    registrations.chain(authorisation)
}

/// Of a service with several endpoints the first end; security.txt once a host.
fn seen_ends<'a>(looks: &'a Looks, zones: &'a Zones<'_>) -> impl Iterator<Item = Ending> + 'a {
    let certificates = looks.services.iter().filter_map(|(name, service)| {
        let certificates = service.endpoints.values().filter_map(|endpoint| endpoint.tls.certificate.value());
        ending("certificate", name, certificates.map(|certificate| certificate.not_after).min()?, "this audit")
    });
    // Only where something above the certificate ends first.
    let chains = looks.services.iter().filter_map(|(name, service)| {
        let early = service.endpoints.values().filter_map(|endpoint| {
            let leaf = endpoint.tls.certificate.value()?.not_after;
            endpoint.tls.validation.value()?.chain_ends.filter(|ends| *ends < leaf)
        });
        ending("certificate-chain", name, early.min()?, "this audit")
    });
    let signatures =
        zones.iter().filter_map(|(name, zone)| ending("dnssec-signature", name, zone.signatures?, "this audit"));
    let mut contact_files: BTreeMap<&str, Timestamp> = BTreeMap::new();
    for service in looks.services.values() {
        for endpoint in service.endpoints.values() {
            if let Some(ends) = endpoint.web.security_txt.value().and_then(|file| file.expires) {
                let first = contact_files.entry(service.host.as_str()).or_insert(ends);
                *first = ends.min(*first);
            }
        }
    }
    let contact_files =
        contact_files.into_iter().filter_map(|(host, ends)| ending("security.txt", host, ends, "this audit"));
    certificates.chain(chains).chain(signatures).chain(contact_files)
}

fn ending(kind: &str, subject: &str, ends: Timestamp, source: &str) -> Option<Ending> {
    Some(Ending { kind: kind.to_owned(), subject: subject.to_owned(), ends, source: source.to_owned() })
}

/// Every key with where it was seen. While a certificate was not seen, only what is found is known.
fn keys(estate: &Estate, looks: &Looks, now: Timestamp, cut: &mut i64) -> Observation<Vec<KeyUse>> {
    let mut by_key: BTreeMap<String, KeyPlaces<'_>> = BTreeMap::new();
    for (name, service) in &looks.services {
        for (key, wildcard) in service.endpoints.values().flat_map(|endpoint| derive::keys(&endpoint.tls)) {
            let places = by_key.entry(key).or_default();
            places.services.insert(name);
            places.hosts.insert(&service.host);
            places.wildcard |= wildcard;
        }
    }
    let mut all: Vec<KeyUse> = by_key.into_iter().map(|(key, places)| key_use(key, &places, estate, looks)).collect();
    all.sort_by(|a, b| (b.hosts.len(), &a.key).cmp(&(a.hosts.len(), &b.key)));
    let found = all.iter().any(|one| one.hosts.len() > 1 && (one.functions.len() > 1 || one.operators.len() > 1));
    let unseen = looks.services.iter().find_map(|(name, service)| Some((name, unseen_certificate(service)?)));
    match unseen {
        Some((name, Observation::Failed { reason, detail, .. } | Observation::NotRun { reason, detail, .. }))
            if !found =>
        {
            unlearned(reason, format!("not every certificate was seen ({name}: {detail})"), now)
        }
        _ if all.is_empty() => Observation::Absent { observed_at: now },
        _ => Observation::Observed { observed_at: now, value: capped(all, cut) },
    }
}

#[derive(Default)]
struct KeyPlaces<'a> {
    hosts: BTreeSet<&'a str>,
    services: BTreeSet<&'a str>,
    wildcard: bool,
}

fn key_use(key: String, places: &KeyPlaces<'_>, estate: &Estate, looks: &Looks) -> KeyUse {
    let function = |host: &&str| Some(estate.asset(host)?.function.word().to_owned());
    let addresses = places.hosts.iter().filter_map(|host| looks.hosts.get(*host)).flat_map(|host| &host.addresses);
    let operators: BTreeSet<String> = addresses.map(|address| address.operator_by.clone()).collect();
    let texts = |set: &BTreeSet<&str>| set.iter().take(LIST_CAP).map(|text| (*text).to_owned()).collect();
    KeyUse {
        key,
        hosts: texts(&places.hosts),
        services: texts(&places.services),
        functions: places.hosts.iter().filter_map(function).collect::<BTreeSet<_>>().into_iter().collect(),
        operators: operators.into_iter().collect(),
        wildcard: places.wildcard,
    }
}

/// Why a service's certificate was not seen at one of its addresses.
fn unseen_certificate(service: &Service) -> Option<Unobserved> {
    let states = service.endpoints.values().filter_map(|endpoint| endpoint.tls.certificate.unobserved());
    states.into_iter().find(|why| !matches!(why, Observation::Absent { .. }))
}

fn authorisation_current(estate: &Estate, now: Timestamp) -> Observation<bool> {
    let Some(authorisation) = &estate.authorisation else { return Observation::Absent { observed_at: now } };
    let (today, period) = (now.get().date(), authorisation.period);
    Observation::Observed { observed_at: now, value: period.from <= today && today <= period.until }
}

/// The last second of a day, UTC: a day declared as the last one still counts.
fn end_of(day: Date) -> Option<Timestamp> {
    Timestamp::from_unix(day.midnight().assume_utc().unix_timestamp() + 86_399)
}

fn names<'a>(assets: impl Iterator<Item = &'a Asset>) -> Vec<String> {
    let sorted: BTreeSet<String> = assets.map(|asset| asset.name().to_owned()).collect();
    sorted.into_iter().collect()
}

pub(super) fn capped<T>(mut list: Vec<T>, cut: &mut i64) -> Vec<T> {
    *cut += count(list.len().saturating_sub(LIST_CAP));
    list.truncate(LIST_CAP);
    list
}

fn count(n: usize) -> i64 {
    i64::try_from(n).unwrap_or(i64::MAX)
}

#[cfg(test)]
#[path = "estate_index_tests.rs"]
mod tests;
