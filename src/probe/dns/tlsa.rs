//! TLSA records of a service (RFC 6698).

use std::net::IpAddr;

use hickory_resolver::proto::rr::{RData, RecordType};

use crate::facts::{LIST_CAP, Observation, Tlsa, TlsaRecord};

use super::own::Authority;
use super::records::name_text;

/// Asks at the service's own name. Where the host is an alias, clients look at the alias's end first (RFC 7671 §7); that name
/// is another's and is not asked.
pub async fn look(authority: Authority<'_>, port: u16, host: &str) -> Observation<Tlsa> {
    // What is written as an address has no name for records to stand at.
    if host.parse::<IpAddr>().is_ok() {
        return Observation::absent();
    }
    let asked = format!("_{port}._tcp.{host}");
    let reply = authority.ask(&asked, RecordType::TLSA).await;
    let aliases = reply.aliases.iter().map(name_text).collect();
    reply.observe(|found| Tlsa { asked, aliases, records: records(found) })
}

pub(super) fn records(found: &[RData]) -> Vec<TlsaRecord> {
    let record = |data: &RData| match data {
        RData::TLSA(tlsa) => Some(TlsaRecord {
            usage: i64::from(u8::from(tlsa.cert_usage)),
            selector: i64::from(u8::from(tlsa.selector)),
            matching: i64::from(u8::from(tlsa.matching)),
            data: tlsa.cert_data.iter().map(|byte| format!("{byte:02x}")).collect(),
        }),
        _ => None,
    };
    let mut all: Vec<TlsaRecord> = found.iter().filter_map(record).take(LIST_CAP).collect();
    all.sort_by(|a, b| (a.usage, a.selector, a.matching, &a.data).cmp(&(b.usage, b.selector, b.matching, &b.data)));
    all.dedup();
    all
}

#[cfg(test)]
mod tests {
    use hickory_resolver::proto::rr::rdata::TLSA;
    use hickory_resolver::proto::rr::rdata::tlsa::{CertUsage, Matching, Selector};

    use super::*;

    #[test]
    fn records_are_kept_as_numbers_and_hex_also_those_that_nobody_has_assigned() {
        let known = TLSA::new(CertUsage::DaneEe, Selector::Spki, Matching::Sha256, vec![0x0a, 0xff]);
        let odd = TLSA::new(CertUsage::Unassigned(7), Selector::Private, Matching::Raw, vec![]);
        let found = records(&[RData::TLSA(odd), RData::TLSA(known.clone()), RData::TLSA(known)]);
        let shown: Vec<_> = found.iter().map(|r| (r.usage, r.selector, r.matching, r.data.as_str())).collect();
        assert_eq!(shown, [(3, 1, 1, "0aff"), (7, 255, 0, "")]);
    }
}
