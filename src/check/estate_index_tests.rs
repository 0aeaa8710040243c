//! The estate index over hand-built estates.

use std::collections::BTreeMap;

use time::macros::{date, datetime};

use super::*;
use crate::estate::{Authorisation, Authority, Contact, Election, MailUse, Period, ScanSettings};
use crate::facts::{Certificate, Dnssec, Endpoint, HostAddress, HostDns, Tls, Web, Zone, ZoneDns, ZoneMail};
use crate::store::Shelf;

const NOW: &str = "2028-10-01T12:00:00Z";

fn at(text: &str) -> Timestamp {
    Timestamp::parse(text).unwrap()
}

fn estate(assets: Vec<Asset>) -> Estate {
    Estate {
        authority: Authority { name: "Commission".into(), country: None },
        assessor: None,
        elections: vec![Election {
            name: "2028".into(),
            timezone: None,
            polling_day: date!(2028 - 10 - 29),
            early_voting: None,
            results_final: datetime!(2028-11-19 18:00 +4),
            freeze: Vec::new(),
        }],
        authorisation: None,
        contacts: BTreeMap::new(),
        operators: Vec::new(),
        scan: ScanSettings::default(),
        assets,
        bare: false,
    }
}

fn asset(name: &str, kind: AssetKind) -> Asset {
    let owner = Some("Results unit".to_owned());
    let criticality = Some(Criticality::Critical);
    Asset {
        name: name.into(),
        function: ElectionFunction::ResultsPublication,
        criticality,
        owner,
        supplier: None,
        kind,
        line: 1,
    }
}

fn host(name: &str) -> Asset {
    asset(
        name,
        AssetKind::Host { services: Vec::new(), paths: vec!["/".into()], origins: Vec::new(), addresses: Vec::new() },
    )
}

fn zone(name: &str, registration_ends: Option<Date>) -> Asset {
    asset(name, AssetKind::Zone { registration_ends, rdap: None, mail: MailUse::default() })
}

/// A look at a host: (address, prefix) pairs, all questions answered.
fn looked(name: &str, addresses: &[(&str, &str)]) -> Host {
    let address = |(address, prefix): &(&str, &str)| HostAddress {
        address: (*address).into(),
        operator: "own".into(),
        operator_by: "assertion".into(),
        prefix: (*prefix).into(),
        use_kind: "public".into(),
    };
    let mut dns = HostDns::unobserved(&Observation::Absent { observed_at: at(NOW) });
    if !addresses.is_empty() {
        dns.a = Observation::Observed { observed_at: at(NOW), value: Vec::new() };
    }
    Host {
        name: name.into(),
        zone: None,
        addresses: addresses.iter().map(address).collect(),
        dns,
        ports: Observation::underived(),
    }
}

fn looks(hosts: Vec<Host>) -> Looks {
    Looks { hosts: hosts.into_iter().map(|host| (host.name.clone(), host)).collect(), ..Looks::default() }
}

fn timed_out<T>() -> Observation<T> {
    Observation::Failed { observed_at: at(NOW), reason: Reason::Timeout, detail: "no answer".into() }
}

fn index(estate: &Estate, looks: &Looks) -> EstateIndex {
    estate_index(estate, looks, "", at(NOW))
}

#[test]
fn assets_are_grouped_by_function_with_what_is_not_declared() {
    let mut bare = host("b.example");
    (bare.owner, bare.criticality) = (None, None);
    let mut other = zone("c.example", None);
    other.function = ElectionFunction::AuthorityDomain;
    let found = index(&estate(vec![bare, host("a.example"), other]), &Looks::default());
    assert_eq!((found.hosts, found.zones), (2, 1));
    let functions: Vec<&str> = found.functions.iter().map(|f| f.function.as_str()).collect();
    assert_eq!(functions, ["results-publication", "authority-domain"]);
    let results = &found.functions[0];
    assert_eq!(results.assets, ["a.example", "b.example"]);
    assert_eq!(results.without_owner, ["b.example"]);
    assert_eq!(results.without_criticality, ["b.example"]);
    assert_eq!(results.criticality, "critical");
}

#[test]
fn a_function_without_declared_criticality_says_so() {
    let mut bare = host("a.example");
    bare.criticality = None;
    assert_eq!(index(&estate(vec![bare]), &Looks::default()).functions[0].criticality, "undeclared");
}

#[test]
fn two_hosts_in_one_prefix_are_in_one_network_also_with_both_families() {
    let estate = estate(vec![host("a.example"), host("b.example")]);
    let both = |n: &str| looked(n, &[("192.0.2.1", "192.0.2.0/24"), ("2001:db8::1", "2001:db8::/48")]);
    let found = index(&estate, &looks(vec![both("a.example"), both("b.example")]));
    assert_eq!(found.functions[0].one_network.value(), Some(&true));
}

#[test]
fn a_second_prefix_in_one_family_is_a_second_network() {
    let estate = estate(vec![host("a.example"), host("b.example")]);
    let one = looked("a.example", &[("192.0.2.1", "192.0.2.0/24")]);
    let two = looked("b.example", &[("198.51.100.1", "198.51.100.0/24")]);
    assert_eq!(index(&estate, &looks(vec![one, two])).functions[0].one_network.value(), Some(&false));
}

#[test]
fn hosts_with_no_family_in_common_cannot_be_compared() {
    let estate = estate(vec![host("a.example"), host("b.example")]);
    let one = looked("a.example", &[("192.0.2.1", "192.0.2.0/24")]);
    let two = looked("b.example", &[("2001:db8::1", "2001:db8::/48")]);
    let found = index(&estate, &looks(vec![one, two]));
    assert!(matches!(found.functions[0].one_network, Observation::Absent { .. }));
}

#[test]
fn a_single_host_is_not_judged_by_network() {
    let found =
        index(&estate(vec![host("a.example")]), &looks(vec![looked("a.example", &[("192.0.2.1", "192.0.2.0/24")])]));
    assert!(matches!(found.functions[0].one_network, Observation::Absent { .. }));
}

#[test]
fn an_unlearned_address_never_makes_one_network_nor_hides_two() {
    let estate = estate(vec![host("a.example"), host("b.example"), host("c.example")]);
    let one = looked("a.example", &[("192.0.2.1", "192.0.2.0/24")]);
    let same = looked("b.example", &[("192.0.2.2", "192.0.2.0/24")]);
    let other = looked("b.example", &[("198.51.100.2", "198.51.100.0/24")]);
    let mut dark = looked("c.example", &[]);
    dark.dns.a = timed_out();
    let unknown = index(&estate, &looks(vec![one.clone(), same, dark.clone()]));
    assert!(matches!(unknown.functions[0].one_network, Observation::Failed { reason: Reason::Timeout, .. }));
    assert_eq!(unknown.functions[0].unresolved, ["c.example"]);
    let known = index(&estate, &looks(vec![one, other, dark]));
    assert_eq!(known.functions[0].one_network.value(), Some(&false));
}

#[test]
fn a_host_that_was_not_looked_at_is_not_run_and_not_absent() {
    let found = index(&estate(vec![host("a.example")]), &Looks::default());
    assert!(matches!(found.critical_hosts[0].addresses, Observation::NotRun { reason: Reason::NotSelected, .. }));
    assert_eq!(found.functions[0].unresolved, ["a.example"]);
    assert!(found.functions[0].single_address.is_empty());
}

#[test]
fn one_address_is_single_only_if_both_families_were_asked() {
    let estate = estate(vec![host("a.example")]);
    let mut seen = looked("a.example", &[("192.0.2.1", "192.0.2.0/24")]);
    let sure = index(&estate, &looks(vec![seen.clone()]));
    assert_eq!(sure.functions[0].single_address, ["a.example"]);
    assert_eq!(sure.critical_hosts[0].addresses.value(), Some(&1));
    seen.dns.aaaa = timed_out();
    let unsure = index(&estate, &looks(vec![seen]));
    assert!(unsure.functions[0].single_address.is_empty());
    assert!(matches!(unsure.critical_hosts[0].addresses, Observation::Failed { reason: Reason::Timeout, .. }));
}

#[test]
fn two_known_addresses_are_enough_to_know() {
    let mut seen = looked("a.example", &[("192.0.2.1", "192.0.2.0/24"), ("192.0.2.2", "192.0.2.0/24")]);
    seen.dns.aaaa = timed_out();
    let found = index(&estate(vec![host("a.example")]), &looks(vec![seen]));
    assert_eq!(found.critical_hosts[0].addresses.value(), Some(&2));
}

#[test]
fn pinned_addresses_need_no_resolver() {
    let mut pinned = host("a.example");
    if let AssetKind::Host { addresses, .. } = &mut pinned.kind {
        addresses.push("192.0.2.1".parse().unwrap());
    }
    let mut seen = looked("a.example", &[("192.0.2.1", "192.0.2.0/24")]);
    (seen.dns.a, seen.dns.aaaa) = (timed_out(), timed_out());
    let found = index(&estate(vec![pinned]), &looks(vec![seen]));
    assert_eq!(found.critical_hosts[0].addresses.value(), Some(&1));
}

#[test]
fn hosts_of_medium_criticality_are_not_critical_hosts() {
    let mut medium = host("a.example");
    medium.criticality = Some(Criticality::Medium);
    let found = index(&estate(vec![medium]), &looks(vec![looked("a.example", &[("192.0.2.1", "192.0.2.0/24")])]));
    assert!(found.critical_hosts.is_empty() && found.functions[0].single_address.is_empty());
}

#[test]
fn what_ends_before_results_are_final_is_listed_soonest_first() {
    let mut estate = estate(vec![
        zone("late.example", Some(date!(2028 - 11 - 20))),
        zone("soon.example", Some(date!(2028 - 11 - 01))),
        zone("signed.example", None),
    ]);
    let period = Period { from: date!(2028 - 01 - 01), until: date!(2028 - 10 - 31) };
    estate.authorisation =
        Some(Authorisation { reference: "CEC-1".into(), granted_by: "Head".into(), period, active: false });
    let gone = Observation::Absent { observed_at: at(NOW) };
    let mut signed =
        Zone { name: "signed.example".into(), dns: ZoneDns::unobserved(&gone), mail: ZoneMail::unobserved(&gone) };
    signed.dns.dnssec = Observation::Observed {
        observed_at: at(NOW),
        value: Dnssec {
            status: "secure".into(),
            reason: "validates".into(),
            signed: true,
            delegated_securely: Some(true),
            keys: Vec::new(),
            ds: Vec::new(),
            signatures_end: Some(at("2028-10-14T00:00:00Z")),
        },
    };
    let looks = Looks { zones: Shelf::from_iter([("signed.example".to_owned(), signed)]), ..Looks::default() };
    let found = index(&estate, &looks).endings;
    let found: Vec<(&str, &str)> =
        found.value().unwrap().iter().map(|e| (e.kind.as_str(), e.subject.as_str())).collect();
    assert_eq!(
        found,
        [("dnssec-signature", "signed.example"), ("authorisation", "CEC-1"), ("registration", "soon.example")]
    );
}

#[test]
fn without_an_election_to_come_there_are_no_endings() {
    let estate = estate(vec![zone("soon.example", Some(date!(2028 - 11 - 01)))]);
    let after = estate_index(&estate, &Looks::default(), "", at("2028-12-01T00:00:00Z"));
    assert!(matches!(after.endings, Observation::Absent { .. }));
}

#[test]
fn only_registered_names_have_a_registration() {
    let assets = vec![
        zone("cec.example", None),
        zone("results.cec.example", None),
        zone("old.cec.example", Some(date!(2029 - 03 - 01))),
    ];
    let found = index(&estate(assets), &Looks::default()).registrations;
    let zones: Vec<&str> = found.iter().map(|one| one.zone.as_str()).collect();
    assert_eq!(zones, ["cec.example", "old.cec.example"]);
    assert!(matches!(found[0].ends, Observation::Absent { .. }));
    assert_eq!(found[1].ends.value(), Some(&at("2029-03-01T23:59:59Z")));
}

#[test]
fn the_authorisation_covers_its_first_and_last_day() {
    let mut estate = estate(Vec::new());
    assert!(matches!(index(&estate, &Looks::default()).authorisation_current, Observation::Absent { .. }));
    let current = |estate: &Estate, now: &str| {
        *estate_index(estate, &Looks::default(), "", at(now)).authorisation_current.value().unwrap()
    };
    let period = Period { from: date!(2028 - 10 - 01), until: date!(2028 - 10 - 02) };
    estate.authorisation =
        Some(Authorisation { reference: "CEC-1".into(), granted_by: "Head".into(), period, active: false });
    assert!(!current(&estate, "2028-09-30T23:59:59Z"));
    assert!(current(&estate, "2028-10-01T00:00:00Z"));
    assert!(current(&estate, "2028-10-02T23:59:59Z"));
    assert!(!current(&estate, "2028-10-03T00:00:00Z"));
}

#[test]
fn hosts_named_on_the_command_line_are_no_declaration() {
    let mut bare = estate(vec![host("a.example")]);
    assert_eq!(index(&bare, &Looks::default()).declaration.value(), Some(&true));
    bare.bare = true;
    assert!(matches!(index(&bare, &Looks::default()).declaration, Observation::Absent { .. }));
}

#[test]
fn contact_roles_are_those_declared() {
    let mut estate = estate(Vec::new());
    let contact = Contact { name: "National CSIRT".into(), email: None, phone: None, url: None };
    estate.contacts.insert("police".into(), contact.clone());
    estate.contacts.insert("csirt".into(), contact);
    assert_eq!(index(&estate, &Looks::default()).contact_roles, ["csirt", "police"]);
}

#[test]
fn a_list_over_the_cap_is_cut_and_the_cut_is_counted() {
    let hosts = (0..LIST_CAP + 3).map(|n| host(&format!("h{n}.example"))).collect();
    let found = index(&estate(hosts), &Looks::default());
    assert_eq!((found.critical_hosts.len(), found.lists_cut), (LIST_CAP, 3));
}

fn certificate(key: &str) -> Certificate {
    serde_json::from_value(serde_json::json!({
        "digest": "sha256:1", "subject": "CN=a", "issuer": "CN=b", "serial": "1", "not_before": NOW, "not_after": NOW,
        "valid_days": 1, "names": [], "key_type": "ec", "key_bits": 256, "signature": "ecdsa-with-SHA256", "self_signed": false,
        "sct_count": 0, "must_staple": false, "wildcard": false, "key_digest": key, "sent": 1
    }))
    .unwrap()
}

/// A service that shows a certificate with this key, or does not.
fn service(host: &str, key: Option<&str>) -> (String, Service) {
    let absent = Unobserved::absent();
    let mut tls = Tls::unobserved(&absent);
    tls.certificate = match key {
        Some(key) => Observation::observed(certificate(key)),
        None => Observation::failed(Reason::Timeout, "no answer"),
    };
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
        scheme: Some("https".into()),
        tlsa: absent.cast(),
        agreement: Observation::underived(),
        endpoints: BTreeMap::from([("192.0.2.1".into(), endpoint)]),
    };
    (format!("{host}:443/tcp"), service)
}

/// The keys of an estate whose second host has the function of media.
fn keys_of(services: &[(&str, Option<&str>)]) -> Observation<Vec<KeyUse>> {
    let mut assets: Vec<Asset> = services.iter().map(|(name, _)| host(name)).collect();
    if let Some(second) = assets.get_mut(1) {
        second.function = ElectionFunction::Media;
    }
    let hosts = services.iter().map(|(name, _)| looked(name, &[("192.0.2.1", "192.0.2.0/24")])).collect();
    let mut looks = looks(hosts);
    looks.services = services.iter().map(|(name, key)| service(name, *key)).collect();
    index(&estate(assets), &looks).keys
}

#[test]
fn a_key_is_told_with_every_host_and_function_that_it_serves() {
    let keys = keys_of(&[("a.cec.example", Some("k1")), ("b.cec.example", Some("k1")), ("c.cec.example", Some("k2"))]);
    let keys = keys.value().expect("keys");
    assert_eq!(keys.len(), 2);
    assert_eq!(keys[0].hosts, ["a.cec.example", "b.cec.example"]);
    assert_eq!(keys[0].functions, ["media", "results-publication"]);
    assert_eq!(keys[0].services.len(), 2);
    assert_eq!((keys[1].hosts.len(), keys[1].operators.len()), (1, 1));
}

#[test]
fn a_certificate_that_was_not_seen_leaves_open_whether_a_key_is_shared() {
    let open = keys_of(&[("a.cec.example", Some("k1")), ("b.cec.example", Some("k2")), ("c.cec.example", None)]);
    assert!(matches!(open, Observation::Failed { reason: Reason::Timeout, .. }), "{open:?}");
    let found = keys_of(&[("a.cec.example", Some("k1")), ("b.cec.example", Some("k1")), ("c.cec.example", None)]);
    assert!(found.value().is_some(), "what is found stands");
    assert!(matches!(keys_of(&[]), Observation::Absent { .. }), "nobody speaks TLS");
}

#[test]
fn the_registrys_end_stands_where_the_estate_has_none_and_a_silent_registry_leaves_it_unknown() {
    use crate::facts::DomainRegistration;
    let estate = estate(vec![
        zone("told.example", None),
        zone("dark.example", None),
        zone("own.example", Some(date!(2028 - 11 - 01))),
    ]);
    let registered = DomainRegistration {
        url: "https://rdap.example/domain/told.example".into(),
        ends: Some(at("2028-11-05T00:00:00Z")),
        statuses: Vec::new(),
    };
    let looked = |name: &str, registration| {
        let gone = Observation::Absent { observed_at: at(NOW) };
        let dns = ZoneDns { registration, ..ZoneDns::unobserved(&gone) };
        (name.to_owned(), Zone { name: name.into(), dns, mail: ZoneMail::unobserved(&gone) })
    };
    let seen = Observation::Observed { observed_at: at(NOW), value: registered };
    let zones = Shelf::from_iter([
        looked("told.example", seen.clone()),
        looked("dark.example", timed_out()),
        looked("own.example", seen),
    ]);
    let found = index(&estate, &Looks { zones, ..Looks::default() });
    let of = |zone: &str| found.registrations.iter().find(|one| one.zone == zone).unwrap();
    assert_eq!(of("told.example").ends.value(), Some(&at("2028-11-05T00:00:00Z")));
    assert!(matches!(of("dark.example").ends, Observation::Failed { reason: Reason::Timeout, .. }));
    assert_eq!(of("own.example").source.as_deref(), Some("estate"));
    let endings: Vec<(&str, &str)> =
        found.endings.value().unwrap().iter().map(|one| (one.subject.as_str(), one.source.as_str())).collect();
    assert_eq!(endings, [("own.example", "estate"), ("told.example", "https://rdap.example/domain/told.example")]);
}
