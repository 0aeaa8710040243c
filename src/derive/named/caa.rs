//! Who issued a certificate, held against the CAA records of today (RFC 8659). An authority asks for them when it issues, so a
//! mismatch today is a hint: the records may be younger than the certificate.

use std::sync::LazyLock;

use serde::Deserialize;
use x509_parser::certificate::X509Certificate;
use x509_parser::prelude::FromDer;

use super::Known;
use crate::derive::tls::certificates;
use crate::facts::{Blobs, Caa, CaaMatch, Certificate, Host, Observation, Reason, Timestamp, Tls, printable};

#[derive(Deserialize)]
struct Authority {
    organisations: Vec<String>,
    identifiers: Vec<String>,
}

#[derive(Deserialize)]
struct Table {
    authority: Vec<Authority>,
}

static AUTHORITIES: LazyLock<Vec<Authority>> = LazyLock::new(|| {
    let text = include_str!(concat!(env!("OUT_DIR"), "/reference-caa-identifiers.json"));
    let table: Result<Table, _> = serde_json::from_str(text);
    table.map(|table| table.authority).unwrap_or_default()
});

/// The issuer of an endpoint's certificate.
pub(super) fn of(host: &str, tls: &Tls, blobs: &Blobs, known: &Known<'_>) -> Observation<CaaMatch> {
    let Some(host) = known.host(host) else {
        let detail = format!("{host} itself was not looked at");
        return not_run(tls.certificate.observed_at(), Reason::Dependency, detail);
    };
    // Where no name up the tree has records, none limits anybody, whatever is shown.
    if let Observation::Absent { observed_at } = host.dns.caa {
        return Observation::Absent { observed_at };
    }
    tls.certificate.and_then(|certificate, observed_at| {
        let wildcard = match name_used(certificate, &host.name) {
            Some(name) if !certificate.self_signed => name.starts_with("*."),
            // Nobody issued it, or not for this host: other checks say so.
            _ => return Observation::Absent { observed_at },
        };
        records(host, wildcard, known).and_then(|caa, _| judge(caa, wildcard, tls, blobs, observed_at))
    })
}

/// The name in the certificate that stands for the host.
fn name_used<'a>(certificate: &'a Certificate, host: &str) -> Option<&'a str> {
    let wildcard = host.split_once('.').map(|(_, parent)| format!("*.{parent}"));
    let named = |wanted: &str| certificate.names.iter().map(String::as_str).find(|name| *name == wanted);
    named(host).or_else(|| named(&wildcard?))
}

/// The records that apply: to the host, or for a wildcard to the name above it (RFC 8659 §3).
fn records(host: &Host, wildcard: bool, known: &Known<'_>) -> Observation<Caa> {
    let own = |caa: &Caa| caa.found_at == host.name;
    if !wildcard || !host.dns.caa.value().is_some_and(own) {
        return host.dns.caa.clone();
    }
    let parent = host.name.split_once('.').map_or("", |(_, parent)| parent);
    match known.zone(parent) {
        Some(zone) => zone.dns.caa.clone(),
        None => {
            let detail = format!("the CAA records of {parent}, which count for a wildcard, were not asked for");
            not_run(host.dns.caa.observed_at(), Reason::Unsupported, detail)
        }
    }
}

fn judge(caa: &Caa, wildcard: bool, tls: &Tls, blobs: &Blobs, observed_at: Timestamp) -> Observation<CaaMatch> {
    let has = |tag: &str| caa.properties.iter().any(|property| property.tag == tag);
    let tag = if wildcard && has("issuewild") { "issuewild" } else { "issue" };
    if !has(tag) {
        return Observation::Absent { observed_at };
    }
    certificates(&tls.chain, blobs).and_then(|chain, _| {
        let issuer = chain.first().and_then(|leaf| organisation(leaf)).unwrap_or_default();
        let Some(identifiers) = identifiers(&issuer) else {
            // An authority of the estate's own is bound to nothing.
            if tls.validation.value().is_some_and(|validation| validation.extra_root) {
                return Observation::Absent { observed_at };
            }
            let detail = format!("the names by which CAA knows the issuer ({issuer:?}) are not in the table");
            return not_run(observed_at, Reason::Unsupported, detail);
        };
        let named = caa.properties.iter().filter(|property| property.tag == tag);
        // The issuer stands before the parameters; an empty one is nobody (RFC 8659 §4.2).
        let name = |value: &str| value.split(';').next().unwrap_or_default().trim().to_lowercase();
        let allowed: Vec<String> =
            named.map(|property| name(&property.value)).filter(|name| !name.is_empty()).collect();
        let value = CaaMatch {
            named: identifiers.iter().any(|one| allowed.contains(one)),
            issuer,
            identifiers: identifiers.to_vec(),
            tag: tag.to_owned(),
            found_at: caa.found_at.clone(),
            allowed,
        };
        Observation::Observed { observed_at, value }
    })
}

/// The organisation in the issuer's name.
fn organisation(der: &[u8]) -> Option<String> {
    let (_, x509) = X509Certificate::from_der(der).ok()?;
    let organisation = x509.issuer().iter_organization().next()?;
    Some(printable(organisation.as_str().ok()?, 128))
}

fn identifiers(organisation: &str) -> Option<&'static [String]> {
    let is_it = |name: &String| name.eq_ignore_ascii_case(organisation);
    let found = AUTHORITIES.iter().find(|authority| authority.organisations.iter().any(is_it));
    found.map(|authority| authority.identifiers.as_slice())
}

fn not_run<T>(observed_at: Timestamp, reason: Reason, detail: String) -> Observation<T> {
    Observation::NotRun { observed_at, reason, detail }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_of_authorities_can_be_read_and_names_each_organisation_once() {
        let lines = include_str!("../../../checks/reference/caa-identifiers.toml").matches("\n[[authority]]").count();
        assert!(lines >= 25, "{lines}");
        assert_eq!(AUTHORITIES.len(), lines);
        let names: Vec<String> =
            AUTHORITIES.iter().flat_map(|a| &a.organisations).map(|name| name.to_ascii_lowercase()).collect();
        for name in &names {
            assert_eq!(names.iter().filter(|other| *other == name).count(), 1, "{name}");
        }
        for one in AUTHORITIES.iter().flat_map(|authority| &authority.identifiers) {
            assert!(one.contains('.') && *one == one.to_lowercase(), "{one}");
        }
        assert_eq!(identifiers("let's encrypt").map(<[String]>::to_vec), Some(vec!["letsencrypt.org".to_owned()]));
        assert_eq!(identifiers("Nobody's Root"), None);
    }
}
