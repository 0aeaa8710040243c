//! The names of hosts that something seen points to: certificates, pages, records, and a certificate transparency export. They
//! are collected from facts alone, and nobody is asked about them.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use url::Url;

use super::ct::{Logged, current};
use crate::facts::{Looks, NameServer, Page, Service, Timestamp, Zone};

/// A name with where it was seen.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Sighting {
    /// What named it, and of which subject: (`certificate`, `www.cec.example:443/tcp`).
    pub seen_in: BTreeSet<(&'static str, String)>,
    /// The earliest start of a certificate that has it.
    pub since: Option<Timestamp>,
}

/// A name as DNS has it, in lower case without the final dot; a wildcard keeps its `*.`. `None` for what is no name of a host:
/// an address, a single label, a person.
pub fn dns_name(text: &str) -> Option<String> {
    let text = text.trim();
    let name = text.strip_suffix('.').unwrap_or(text).to_ascii_lowercase();
    let host = name.strip_prefix("*.").unwrap_or(&name);
    let label = |label: &str| {
        (1..=63).contains(&label.len())
            && !label.starts_with('-')
            && !label.ends_with('-')
            && label.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_')
    };
    let good = name.len() <= 253 && host.contains('.') && host.split('.').all(label) && host.parse::<IpAddr>().is_err();
    good.then_some(name)
}

/// Every name that `ours` accepts, with where it was seen. `ours` is given wildcards without their `*.`.
pub fn sightings(
    looks: &Looks,
    logged: &[Logged],
    now: Timestamp,
    ours: &dyn Fn(&str) -> bool,
) -> BTreeMap<String, Sighting> {
    let mut found = Found { ours, names: BTreeMap::new() };
    for (name, service) in &looks.services {
        found.in_service(name, service);
    }
    for (name, host) in &looks.hosts {
        for alias in host.dns.cname.value().into_iter().flatten() {
            found.add("cname", name, alias);
        }
    }
    for (name, zone) in looks.zones.iter() {
        found.in_zone(name, &zone);
    }
    for (name, since) in current(logged, now) {
        found.add_since("ct", "the export", name, since);
    }
    found.names
}

struct Found<'a> {
    ours: &'a dyn Fn(&str) -> bool,
    names: BTreeMap<String, Sighting>,
}

impl Found<'_> {
    fn add(&mut self, source: &'static str, subject: &str, name: &str) {
        self.add_since(source, subject, name, None);
    }

    fn add_since(&mut self, source: &'static str, subject: &str, name: &str, since: Option<Timestamp>) {
        let Some(name) = dns_name(name).filter(|name| (self.ours)(name.strip_prefix("*.").unwrap_or(name))) else {
            return;
        };
        let sighting = self.names.entry(name).or_default();
        sighting.seen_in.insert((source, subject.to_owned()));
        sighting.since = [sighting.since, since].into_iter().flatten().min();
    }

    fn in_service(&mut self, name: &str, service: &Service) {
        for endpoint in service.endpoints.values() {
            let others = endpoint.tls.others.value().into_iter().flatten().map(|other| &other.certificate);
            for certificate in endpoint.tls.certificate.value().into_iter().chain(others) {
                for held in &certificate.names {
                    self.add_since("certificate", name, held, Some(certificate.not_before));
                }
            }
            let sites = [&endpoint.web.http, &endpoint.web.https].into_iter().filter_map(|site| site.value());
            for page in sites.flat_map(|site| &site.pages).filter_map(|page| page.value()) {
                self.in_page(name, page);
            }
        }
    }

    fn in_page(&mut self, service: &str, page: &Page) {
        let field = |name: &str| page.headers.get(name).into_iter().flatten();
        let policies = page.csp.value().into_iter().flat_map(|csp| &csp.policies);
        for policy in policies.chain(field("content-security-policy-report-only")) {
            for host in policy.split(|c: char| c.is_whitespace() || matches!(c, ';' | ',')).filter_map(source_host) {
                self.add("csp", service, host);
            }
        }
        let next = field("location").filter_map(|location| Url::parse(&page.url).ok()?.join(location).ok());
        let hops = page.hops.iter().filter_map(|hop| Url::parse(&hop.location).ok());
        for url in hops.chain(next) {
            self.add("redirect", service, url.host_str().unwrap_or_default());
        }
        let loaded = page.subresources.value().into_iter().flatten().filter_map(|one| Url::parse(&one.url).ok());
        for url in loaded {
            self.add("page", service, url.host_str().unwrap_or_default());
        }
        for host in page.linked_hosts.value().into_iter().flatten() {
            self.add("link", service, host);
        }
    }

    fn in_zone(&mut self, zone: &str, facts: &Zone) {
        let said = |server: &NameServer| {
            let answers = [server.udp.value(), server.tcp.value()].into_iter().flatten();
            answers.filter_map(|answer| answer.ns.clone()).flatten().collect::<Vec<_>>()
        };
        let servers = facts.dns.servers.value().into_iter().flatten().flat_map(said);
        for name in facts.dns.ns.value().into_iter().flatten().cloned().chain(servers) {
            self.add("ns", zone, &name);
        }
        for mx in facts.mail.mx.value().into_iter().flatten() {
            self.add("mx", zone, &mx.exchange);
        }
        let own = facts.mail.txt.value().into_iter().flatten();
        let reached = facts.mail.spf_reached.values().filter_map(|texts| texts.value()).flatten();
        for target in own.chain(reached).flat_map(|record| spf_targets(record)) {
            self.add("spf", zone, target);
        }
    }
}

/// The host of a CSP source expression (CSP3 §2.3.1), also of a whole address; `None` for keywords, nonces and bare schemes.
fn source_host(source: &str) -> Option<&str> {
    let rest = source.split_once("://").map_or(source, |(_, rest)| rest);
    let host = rest.split(['/', '?', '#']).next()?.split(':').next()?;
    (!source.starts_with('\'') && host.contains('.')).then_some(host)
}

/// Hosts that the terms `a` and `mx` of an SPF record point to (RFC 7208 §5.3, §5.4), those with macros aside. What `include` and
/// `redirect` name is a record and no machine.
fn spf_targets(record: &str) -> impl Iterator<Item = &str> {
    let is_spf = record.get(..6).is_some_and(|head| head.eq_ignore_ascii_case("v=spf1"));
    let terms = record.split_ascii_whitespace().skip(1).filter(move |_| is_spf);
    terms.filter_map(|term| {
        let (word, target) = term.trim_start_matches(['+', '-', '~', '?']).split_once(':')?;
        let name = target.split('/').next()?;
        let points = word.eq_ignore_ascii_case("a") || word.eq_ignore_ascii_case("mx");
        (points && !name.contains('%')).then_some(name)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::facts::Observation;
    use proptest::prelude::*;

    #[test]
    fn a_name_of_a_host_is_told_from_everything_else() {
        for (text, expected) in [
            ("WWW.cec.example.", Some("www.cec.example")),
            ("*.cec.example", Some("*.cec.example")),
            ("_dmarc.cec.example", Some("_dmarc.cec.example")),
            ("192.0.2.1", None),
            ("2001:db8::1", None),
            ("localhost", None),
            ("jane@cec.example", None),
            ("a.*.example", None),
            ("Commission of the Republic", None),
            ("-a.example", None),
            ("", None),
        ] {
            assert_eq!(dns_name(text).as_deref(), expected, "{text}");
        }
    }

    #[test]
    fn csp_sources_and_spf_terms_give_their_hosts() {
        let hosts: Vec<_> =
            "default-src 'self' https://cdn.cec.example:8443/x *.cec.example data: 'nonce-a.b' wss://ws.cec.example"
                .split(' ')
                .filter_map(source_host)
                .collect();
        assert_eq!(hosts, ["cdn.cec.example", "*.cec.example", "ws.cec.example"]);
        let record = "v=spf1 a:out.cec.example/24 -mx -MX:in.cec.example ip4:192.0.2.1 include:_spf.cec.example exists:%{i}.cec.example ~all redirect=r.cec.example";
        assert_eq!(spf_targets(record).collect::<Vec<_>>(), ["out.cec.example", "in.cec.example"]);
        assert_eq!(spf_targets("google-site-verification a:x.cec.example").count(), 0);
    }

    #[test]
    fn a_name_keeps_every_place_and_its_earliest_start() {
        let logged = super::super::ct::read(
            "{\"name_value\":\"vpn.cec.example\\n*.cec.example\\nwww.other.example\",\"not_before\":\"2028-01-01\"}",
        )
        .unwrap();
        let gone = Observation::<std::convert::Infallible>::absent();
        let mut host = crate::facts::Host {
            name: "www.cec.example".into(),
            zone: None,
            addresses: Vec::new(),
            dns: crate::facts::HostDns::unobserved(&gone),
            ports: Observation::absent(),
        };
        host.dns.cname = Observation::observed(vec!["vpn.cec.example".into()]);
        let mut looks = Looks::default();
        looks.hosts.insert(host.name.clone(), host);
        let found =
            sightings(&looks, &logged, Timestamp::parse("2028-02-01").unwrap(), &|name| name.ends_with("cec.example"));
        assert_eq!(found.keys().collect::<Vec<_>>(), ["*.cec.example", "vpn.cec.example"]);
        let vpn = &found["vpn.cec.example"];
        assert_eq!(vpn.since, Timestamp::parse("2028-01-01").ok());
        let places: Vec<_> = vpn.seen_in.iter().map(|(source, subject)| (*source, subject.as_str())).collect();
        assert_eq!(places, [("cname", "www.cec.example"), ("ct", "the export")]);
    }

    proptest! {
        #[test]
        fn any_text_gives_a_name_or_none(text in ".*") {
            if let Some(name) = dns_name(&text) {
                prop_assert!(name.len() <= 253 && name.is_ascii());
            }
            let _ = (source_host(&text), spf_targets(&text).count());
        }
    }
}
