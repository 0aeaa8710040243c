//! HTTPS records of a host's declared https services (RFC 9460), through the resolver. Targets are recorded and not followed.

use futures_util::future::join_all;
use hickory_resolver::proto::rr::rdata::svcb::{SVCB, SvcParamKey, SvcParamValue};
use hickory_resolver::proto::rr::{RData, RecordType};

use crate::estate::{AssetKind, Scheme};
use crate::facts::{HttpsAnswer, HttpsRecord, LIST_CAP, Observation, printable};
use crate::probe::Context;

use super::ask::ask;
use super::ech;
use super::records::name_text;

/// The most records of one name, values of one key, and bytes of one value's text that are kept.
const MAX_RECORDS: usize = 32;
const MAX_VALUES: usize = 32;
const TEXT_CAP: usize = 64;

/// One question a service.
pub(super) async fn look(context: &Context, host: &str) -> Observation<Vec<HttpsAnswer>> {
    let asset = context.scope.estate().asset(host);
    let Some(AssetKind::Host { services, .. }) = asset.map(|asset| &asset.kind) else { return Observation::absent() };
    let https = services.iter().filter(|service| service.scheme == Scheme::Https).take(LIST_CAP);
    let answers = join_all(https.map(|service| answer(context, host, service.port))).await;
    if answers.is_empty() { Observation::absent() } else { Observation::observed(answers) }
}

async fn answer(context: &Context, host: &str, port: u16) -> HttpsAnswer {
    let asked = if port == 443 { host.to_owned() } else { format!("_{port}._https.{host}") };
    let records = ask(context, &asked, RecordType::HTTPS).await.observe(records);
    HttpsAnswer { port: i64::from(port), asked, records }
}

pub(super) fn records(found: &[RData]) -> Vec<HttpsRecord> {
    let record = |data: &RData| match data {
        RData::HTTPS(https) => Some(record(&https.0)),
        _ => None,
    };
    let mut all: Vec<HttpsRecord> = found.iter().filter_map(record).take(MAX_RECORDS).collect();
    all.sort_by(|a, b| (a.priority, &a.target).cmp(&(b.priority, &b.target)));
    all
}

fn record(svcb: &SVCB) -> HttpsRecord {
    let mut record = HttpsRecord {
        priority: i64::from(svcb.svc_priority),
        target: name_text(&svcb.target_name),
        alpn: Vec::new(),
        no_default_alpn: false,
        port: None,
        ipv4_hints: Vec::new(),
        ipv6_hints: Vec::new(),
        mandatory: Vec::new(),
        keys: svcb.svc_params.iter().take(MAX_VALUES).map(|(key, _)| key_text(*key)).collect(),
        ech: None,
    };
    for (_, value) in &svcb.svc_params {
        match value {
            SvcParamValue::Mandatory(keys) => record.mandatory = capped(keys.0.iter().map(|key| key_text(*key))),
            SvcParamValue::Alpn(ids) => record.alpn = capped(ids.0.iter().map(|id| printable(id, TEXT_CAP))),
            SvcParamValue::NoDefaultAlpn => record.no_default_alpn = true,
            SvcParamValue::Port(port) => record.port = Some(i64::from(*port)),
            SvcParamValue::Ipv4Hint(hints) => record.ipv4_hints = capped(hints.0.iter().map(|a| a.0.to_string())),
            SvcParamValue::Ipv6Hint(hints) => record.ipv6_hints = capped(hints.0.iter().map(|a| a.0.to_string())),
            SvcParamValue::EchConfigList(list) => record.ech = Some(ech::read(&list.0)),
            SvcParamValue::Unknown(_) => {}
        }
    }
    record
}

fn capped(values: impl Iterator<Item = String>) -> Vec<String> {
    values.take(MAX_VALUES).collect()
}

/// As in zone files (RFC 9460 §2.1).
fn key_text(key: SvcParamKey) -> String {
    match u16::from(key) {
        known @ 0..=6 => SvcParamKey::from(known).to_string(),
        number => format!("key{number}"),
    }
}

#[cfg(test)]
mod tests {
    use std::str::FromStr;

    use hickory_resolver::proto::rr::Name;
    use hickory_resolver::proto::rr::rdata::svcb::{Alpn, IpHint, Mandatory, Unknown};
    use hickory_resolver::proto::rr::rdata::{A, HTTPS};

    use super::*;

    fn https(priority: u16, target: &str, params: Vec<(SvcParamKey, SvcParamValue)>) -> RData {
        RData::HTTPS(HTTPS(SVCB::new(priority, Name::from_str(target).unwrap(), params)))
    }

    #[test]
    fn every_known_key_is_read_and_an_unknown_one_named() {
        let params = vec![
            (SvcParamKey::Mandatory, SvcParamValue::Mandatory(Mandatory(vec![SvcParamKey::Port]))),
            (SvcParamKey::Alpn, SvcParamValue::Alpn(Alpn(vec!["h2".into(), "h\u{1b}3".into()]))),
            (SvcParamKey::NoDefaultAlpn, SvcParamValue::NoDefaultAlpn),
            (SvcParamKey::Port, SvcParamValue::Port(8443)),
            (SvcParamKey::Ipv4Hint, SvcParamValue::Ipv4Hint(IpHint(vec![A::new(192, 0, 2, 1)]))),
            (SvcParamKey::Unknown(7), SvcParamValue::Unknown(Unknown(vec![1, 2]))),
        ];
        let found = records(&[https(2, "B.example.", params), https(0, "a.example.", vec![])]);
        assert_eq!((found[0].priority, found[0].target.as_str()), (0, "a.example"));
        let second = &found[1];
        assert_eq!((second.target.as_str(), second.port, second.no_default_alpn), ("b.example", Some(8443), true));
        assert_eq!(second.alpn, ["h2", "h 3"]);
        assert_eq!(second.ipv4_hints, ["192.0.2.1"]);
        assert_eq!(second.mandatory, ["port"]);
        assert_eq!(second.keys, ["mandatory", "alpn", "no-default-alpn", "port", "ipv4hint", "key7"]);
    }

    #[test]
    fn the_records_own_name_is_an_empty_target() {
        assert_eq!(records(&[https(1, ".", vec![])])[0].target, "");
    }
}
