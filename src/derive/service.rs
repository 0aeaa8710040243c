//! Whether the endpoints of a service agree.

use std::collections::BTreeSet;

use serde::Serialize;

use crate::facts::{Agreement, Endpoint, Observation, Page, Reason, Service, Site, Version};

/// Fills `agreement`: absent where there is only one endpoint. What differs is told as soon as two endpoints show it; that all
/// agree only if all could be looked at.
pub(super) fn derive(service: &mut Service) {
    let endpoints: Vec<&Endpoint> = service.endpoints.values().collect();
    let Some(observed_at) = endpoints.iter().map(|endpoint| endpoint.port_state.observed_at()).max() else { return };
    if endpoints.len() < 2 {
        service.agreement = Observation::Absent { observed_at };
        return;
    }
    let comparisons: Vec<(&str, Comparison)> =
        ASPECTS.iter().map(|(name, aspect)| (*name, compare(&endpoints, name, aspect))).collect();
    let named = |wanted: Comparison| comparisons.iter().filter(move |(_, c)| *c == wanted).map(|(name, _)| *name);
    let differs: Vec<String> = named(Comparison::Differs).map(str::to_owned).collect();
    let unknown: Vec<&str> = named(Comparison::Unknown).collect();
    service.agreement = if differs.is_empty() && !unknown.is_empty() {
        let detail = format!("not every address of {}:{} showed {}", service.host, service.port, unknown.join(", "));
        Observation::Failed { observed_at, reason: Reason::Dependency, detail }
    } else {
        let looked = endpoints.iter().filter(|endpoint| port(endpoint).is_some()).count();
        let endpoints = i64::try_from(looked).unwrap_or(i64::MAX);
        Observation::Observed { observed_at, value: Agreement { endpoints, differs } }
    };
}

#[derive(Clone, Copy, PartialEq)]
enum Comparison {
    Same,
    Differs,
    /// All that is known is the same, and not all is known.
    Unknown,
}

/// What one endpoint says about one thing, as text to compare; `None` if that is not known.
type Aspect = fn(&Endpoint) -> Option<String>;

/// What is compared. Nothing here changes from one request to the next: no dates, nonces, tickets or cookie values.
const ASPECTS: [(&str, Aspect); 8] = [
    ("port_state", port),
    ("protocol", |endpoint| {
        look(&endpoint.protocol, |seen| text(&(&seen.name, &seen.product, &seen.version, seen.offers_tls)))
    }),
    ("access", |endpoint| look(&endpoint.access, |seen| text(&seen.open))),
    ("tls.versions", versions),
    ("tls.certificate", |endpoint| look(&endpoint.tls.certificate, |seen| seen.digest.clone())),
    ("web.http", |endpoint| look(&endpoint.web.http, site)),
    ("web.https", |endpoint| look(&endpoint.web.https, site)),
    ("web.security_txt", |endpoint| look(&endpoint.web.security_txt, text)),
];

fn compare(endpoints: &[&Endpoint], name: &str, aspect: &Aspect) -> Comparison {
    // A closed port says nothing of what would be behind it; that it is closed is one difference, not eight.
    let open = endpoints.iter().filter(|endpoint| name == "port_state" || !is_closed(endpoint));
    let answers: Vec<Option<String>> = open.map(|endpoint| aspect(endpoint)).collect();
    let known: BTreeSet<&String> = answers.iter().flatten().collect();
    match known.len() {
        0 | 1 if answers.iter().any(Option::is_none) => Comparison::Unknown,
        0 | 1 => Comparison::Same,
        _ => Comparison::Differs,
    }
}

fn is_closed(endpoint: &Endpoint) -> bool {
    port(endpoint).as_deref() == Some("closed")
}

/// A refusal is an answer: the port is closed there.
fn port(endpoint: &Endpoint) -> Option<String> {
    match &endpoint.port_state {
        Observation::Observed { value, .. } => Some(value.answer.clone()),
        Observation::Absent { .. } | Observation::Failed { reason: Reason::Refused, .. } => Some("closed".into()),
        Observation::Failed { .. } | Observation::NotRun { .. } => None,
    }
}

fn look<T>(observation: &Observation<T>, told: impl Fn(&T) -> String) -> Option<String> {
    match observation {
        Observation::Observed { value, .. } => Some(told(value)),
        Observation::Absent { .. } => Some(String::new()),
        // What nobody asks is asked nowhere: nothing to compare.
        Observation::NotRun { reason: Reason::NotSelected | Reason::Unsupported, .. } => Some(String::new()),
        Observation::Failed { .. } | Observation::NotRun { .. } => None,
    }
}

fn versions(endpoint: &Endpoint) -> Option<String> {
    let versions = &endpoint.tls.versions;
    let all = [&versions.ssl3, &versions.tls1_0, &versions.tls1_1, &versions.tls1_2, &versions.tls1_3];
    let offered = |version: &Version| version.offered.to_string();
    all.into_iter().map(|version| look(version, offered)).collect::<Option<Vec<_>>>().map(|told| told.join(" "))
}

fn site(site: &Site) -> String {
    let pages: Vec<String> = site.pages.iter().map(|one| look(one, page).unwrap_or_default()).collect();
    let cookies: Vec<_> = site.cookies.iter().map(|c| (&c.name, c.secure, c.http_only, &c.same_site)).collect();
    text(&(pages, cookies, site.redirects_to_https, site.downgrades))
}

/// What a page says of itself that a second request would say again.
fn page(page: &Page) -> String {
    let csp = look(&page.csp, |csp| {
        text(&(
            csp.allows_inline_script,
            csp.allows_eval,
            csp.broad_script,
            csp.restricts_objects,
            csp.restricts_framing,
        ))
    });
    let hops: Vec<_> = page.hops.iter().map(|hop| (&hop.url, hop.status)).collect();
    text(&(
        (&page.path, &page.url, page.status, hops, &page.stopped),
        (look(&page.hsts, text), csp, look(&page.framing, text), look(&page.content_type_options, text)),
        (look(&page.referrer_policy, text), look(&page.disclosed_versions, text)),
    ))
}

fn text<T: Serialize>(value: &T) -> String {
    serde_json::to_string(value).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::facts::{PortState, Tls, Unobserved, Web};
    use std::collections::BTreeMap;

    fn endpoint(address: &str, state: Observation<PortState>) -> Endpoint {
        let absent = Unobserved::absent();
        Endpoint {
            address: address.into(),
            port_state: state,
            protocol: absent.cast(),
            access: absent.cast(),
            answers: Observation::underived(),
            tls: Tls { certificate: absent.cast(), validation: absent.cast(), ..Tls::unobserved(&absent) },
            web: Web::unobserved(&absent),
        }
    }
    fn open() -> Observation<PortState> {
        Observation::observed(PortState { answer: "open".into() })
    }
    fn agreement(endpoints: Vec<Endpoint>) -> Observation<Agreement> {
        let mut service = Service {
            host: "www.cec.example".into(),
            port: 443,
            transport: "tcp".into(),
            declared: true,
            scheme: Some("https".into()),
            tlsa: Observation::underived(),
            agreement: Observation::underived(),
            endpoints: endpoints.into_iter().map(|e| (e.address.clone(), e)).collect::<BTreeMap<_, _>>(),
        };
        derive(&mut service);
        service.agreement
    }

    #[test]
    fn one_address_has_nothing_to_agree_with() {
        assert!(matches!(agreement(vec![endpoint("192.0.2.1", open())]), Observation::Absent { .. }));
    }

    #[test]
    fn equal_addresses_agree() {
        let both = agreement(vec![endpoint("192.0.2.1", open()), endpoint("192.0.2.2", open())]);
        assert_eq!(both.value().map(|a| (a.endpoints, a.differs.len())), Some((2, 0)));
    }

    #[test]
    fn a_closed_port_at_one_address_is_one_difference() {
        let refused = Observation::failed(Reason::Refused, "refused");
        let both = agreement(vec![endpoint("192.0.2.1", open()), endpoint("192.0.2.2", refused)]);
        assert_eq!(both.value().map(|a| a.differs.clone()), Some(vec!["port_state".to_owned()]));
    }

    #[test]
    fn silence_of_one_address_is_no_agreement() {
        let silent = Observation::failed(Reason::Timeout, "no answer");
        let both = agreement(vec![endpoint("192.0.2.1", open()), endpoint("192.0.2.2", silent)]);
        assert!(matches!(both, Observation::Failed { reason: Reason::Dependency, .. }), "{both:?}");
    }

    #[test]
    fn a_difference_counts_although_another_address_is_silent() {
        let mut plain = endpoint("192.0.2.1", open());
        plain.access = Observation::observed(crate::facts::Access { open: true, proof: "PING".into() });
        let silent = endpoint("192.0.2.3", Observation::failed(Reason::Timeout, "no answer"));
        let all = agreement(vec![plain, endpoint("192.0.2.2", open()), silent]);
        assert_eq!(all.value().map(|a| a.differs.clone()), Some(vec!["access".to_owned()]));
    }
}
