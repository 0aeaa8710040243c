//! From records to facts, with what a server wrote reduced to printable text of bounded length.

use std::collections::BTreeMap;

use hickory_resolver::proto::rr::rdata::SOA;
use hickory_resolver::proto::rr::{Name, RData};

use crate::facts::{Caa, CaaProperty, LIST_CAP, Soa, Span};

/// The longest text that is kept of one TXT record.
const TEXT_CAP: usize = 4096;
/// How many parameters of a CAA property are kept; two are known.
const MAX_PARAMETERS: usize = 16;

/// A name in lower case without its final dot; the root is empty.
pub(crate) fn name_text(name: &Name) -> String {
    let text = name.to_lowercase().to_ascii();
    text.strip_suffix('.').unwrap_or(&text).to_owned()
}

/// Bytes as text: what is no printable character becomes U+FFFD.
pub(crate) fn printable(bytes: &[u8]) -> String {
    let shown = |c: char| if c.is_control() { char::REPLACEMENT_CHARACTER } else { c };
    String::from_utf8_lossy(bytes).chars().take(TEXT_CAP).map(shown).collect()
}

/// TXT records, each with its strings joined without a space (RFC 7208 §3.3).
pub(crate) fn texts(records: &[RData]) -> Vec<String> {
    let text = |data: &RData| match data {
        RData::TXT(txt) => Some(printable(&txt.txt_data.concat())),
        _ => None,
    };
    let mut all: Vec<String> = records.iter().filter_map(text).take(LIST_CAP).collect();
    all.sort();
    all
}

/// Addresses of A or AAAA records, sorted by number.
pub(crate) fn addresses(records: &[RData]) -> Vec<std::net::IpAddr> {
    let mut all: Vec<_> = records.iter().filter_map(RData::ip_addr).take(LIST_CAP).collect();
    all.sort_unstable();
    all.dedup();
    all
}

/// Names of NS records, sorted.
pub(super) fn ns_names<'a>(records: impl IntoIterator<Item = &'a RData>) -> Vec<String> {
    let name = |data: &RData| match data {
        RData::NS(ns) => Some(name_text(&ns.0)),
        _ => None,
    };
    let mut all: Vec<String> = records.into_iter().filter_map(name).take(LIST_CAP).collect();
    all.sort();
    all.dedup();
    all
}

/// The first SOA record.
pub(super) fn soa(records: &[RData]) -> Option<Soa> {
    records.iter().find_map(|data| match data {
        RData::SOA(soa) => Some(soa_fact(soa)),
        _ => None,
    })
}

fn soa_fact(soa: &SOA) -> Soa {
    // The library reads these as signed; on the wire they are unsigned 32 bit (RFC 1035 §3.3.13).
    let span = |seconds: i32| Span(i64::from(seconds.cast_unsigned()));
    Soa {
        mname: name_text(&soa.mname),
        rname: name_text(&soa.rname),
        serial: i64::from(soa.serial),
        refresh: span(soa.refresh),
        retry: span(soa.retry),
        expire: span(soa.expire),
        minimum: Span(i64::from(soa.minimum)),
    }
}

/// CAA records found at a name (RFC 8659 §4).
pub(super) fn caa(found_at: &str, records: &[RData]) -> Caa {
    let property = |data: &RData| match data {
        RData::CAA(caa) => {
            let (tag, value) = (printable(caa.tag.as_bytes()).to_lowercase(), printable(&caa.value));
            let parameters = if tag.starts_with("issue") { caa_parameters(&value) } else { BTreeMap::new() };
            Some(CaaProperty { tag, value, critical: caa.issuer_critical, parameters })
        }
        _ => None,
    };
    let mut properties: Vec<_> = records.iter().filter_map(property).take(LIST_CAP).collect();
    properties.sort_by(|a, b| (&a.tag, &a.value).cmp(&(&b.tag, &b.value)));
    let values = |tag: &str| properties.iter().filter(|p| p.tag == tag).map(|p| p.value.clone()).collect::<Vec<_>>();
    // Parameters follow a semicolon (§4.2); an issuer without a name allows nobody.
    let issuer = |value: String| value.split(';').next().unwrap_or_default().trim().to_lowercase();
    let issuers = values("issue").into_iter().map(issuer).filter(|name| !name.is_empty()).collect();
    let iodef = values("iodef");
    Caa { found_at: found_at.to_owned(), properties, issuers, iodef }
}

/// What follows the issuer's name: `tag=value`, each after a semicolon (RFC 8659 §4.2).
fn caa_parameters(value: &str) -> BTreeMap<String, String> {
    let pair =
        |text: &str| text.split_once('=').map(|(tag, value)| (tag.trim().to_lowercase(), value.trim().to_owned()));
    value.split(';').skip(1).filter_map(pair).take(MAX_PARAMETERS).collect()
}

#[cfg(test)]
mod tests {
    use std::str::FromStr;

    use hickory_resolver::proto::rr::rdata::{CAA, TXT};

    use super::*;

    #[test]
    fn strings_of_a_txt_record_are_joined_without_a_space() {
        let record = RData::TXT(TXT::new(vec!["v=spf1 ip4:192.0.2.1".into(), "0 -all".into()]));
        assert_eq!(texts(&[record]), ["v=spf1 ip4:192.0.2.10 -all"]);
    }

    #[test]
    fn control_characters_and_length_do_not_reach_the_facts() {
        assert_eq!(printable(b"a\x1b[31m\xffb"), "a\u{fffd}[31m\u{fffd}b");
        assert_eq!(printable(&[b'a'; 70_000]).len(), TEXT_CAP);
    }

    #[test]
    fn an_issuer_is_named_without_its_parameters_and_the_empty_one_not_at_all() {
        let mut with_parameters = CAA::new_issue(true, Some(Name::from_str("CA.example").unwrap()), vec![]);
        with_parameters.value = b"CA.example; validationmethods=dns-01".to_vec();
        let nobody = CAA::new_issue(false, None, vec![]);
        let found = caa("cec.example", &[RData::CAA(with_parameters), RData::CAA(nobody)]);
        assert_eq!(found.issuers, ["ca.example"]);
        assert_eq!(found.properties.len(), 2);
        assert!(found.properties.iter().any(|p| p.critical && p.tag == "issue"));
        let parameters = found.properties.iter().find_map(|p| p.parameters.get("validationmethods"));
        assert_eq!(parameters.map(String::as_str), Some("dns-01"));
    }

    #[test]
    fn timers_of_a_soa_are_unsigned() {
        let name = Name::from_str("ns.example.").unwrap();
        let read = soa(&[RData::SOA(SOA::new(name.clone(), name, 4_294_967_295, -1, 2, 3, 4))]).unwrap();
        assert_eq!((read.serial, read.refresh), (4_294_967_295, Span(4_294_967_295)));
        assert_eq!(read.mname, "ns.example");
    }
}
