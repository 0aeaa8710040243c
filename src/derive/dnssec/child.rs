//! What the zone asks its parent to publish: CDS and CDNSKEY (RFC 7344, RFC 8078).

use std::collections::BTreeSet;

use hickory_resolver::proto::dnssec::DigestType;
use hickory_resolver::proto::dnssec::rdata::{CDNSKEY, CDS, DNSKEY, DNSSECRData, DS};
use hickory_resolver::proto::op::Message;
use hickory_resolver::proto::rr::{Name, RData};

use super::keys::matches;
use crate::facts::{ChildSigner, Observation, Timestamp};

/// The records of all servers together.
#[derive(Default)]
pub(super) struct Asked {
    cds: Vec<CDS>,
    cdnskey: Vec<CDNSKEY>,
    keys: Vec<DNSKEY>,
    faults: BTreeSet<String>,
}

impl Asked {
    /// Takes what one server gave of one type.
    pub(super) fn take(&mut self, message: &Message, zone: &Name) {
        for record in message.answers.iter().filter(|record| record.name == *zone) {
            match &record.data {
                RData::DNSSEC(DNSSECRData::CDS(cds)) if !self.cds.contains(cds) => self.cds.push(cds.clone()),
                RData::DNSSEC(DNSSECRData::CDNSKEY(key)) if !self.cdnskey.contains(key) => {
                    self.cdnskey.push(key.clone());
                }
                RData::DNSSEC(DNSSECRData::DNSKEY(key)) if !self.keys.contains(key) => self.keys.push(key.clone()),
                _ => {}
            }
        }
    }

    /// A parent takes only what is signed (RFC 7344 §4.1).
    pub(super) fn is_bogus(&mut self, kind: &str, server: &str) {
        self.faults.insert(format!("{kind} at {server} is not validly signed"));
    }

    /// What is asked, and what a parent must refuse it for; none if no server gave such a record.
    pub(super) fn told(mut self, zone: &Name, at: Timestamp) -> Option<Observation<ChildSigner>> {
        if self.cds.is_empty() && self.cdnskey.is_empty() {
            return None;
        }
        let removals = self.cds.iter().filter(|cds| cds.is_delete()).count()
            + self.cdnskey.iter().filter(|key| key.is_delete()).count();
        let is_mixed = removals > 0 && removals < self.cds.len() + self.cdnskey.len();
        if is_mixed {
            self.faults.insert("asks at once for removal and for keys (RFC 8078 §4)".to_owned());
        }
        let wanted: Vec<DS> = self.cds.iter().filter_map(ds).collect();
        let given: Vec<DNSKEY> = self.cdnskey.iter().filter_map(dnskey).collect();
        for ds in &wanted {
            if !self.keys.iter().any(|key| matches(ds, zone, key)) {
                self.faults.insert(format!("CDS {} is of no key of the zone", label(ds)));
            }
            if !given.is_empty() && !given.iter().any(|key| matches(ds, zone, key)) {
                self.faults.insert(format!("CDS {} has no CDNSKEY beside it", label(ds)));
            }
        }
        for key in &given {
            let tag = super::keys::tag(key);
            if !self.keys.contains(key) {
                self.faults.insert(format!("CDNSKEY {tag} is no key of the zone"));
            }
            if !wanted.is_empty() && !wanted.iter().any(|ds| matches(ds, zone, key)) {
                self.faults.insert(format!("CDNSKEY {tag} has no CDS beside it"));
            }
        }
        let value = ChildSigner { asks_removal: removals > 0, faults: self.faults.into_iter().collect() };
        Some(Observation::Observed { observed_at: at, value })
    }
}

/// As the parent would publish it; none for the request to publish none.
fn ds(cds: &CDS) -> Option<DS> {
    Some(DS::new(cds.key_tag(), cds.algorithm()?, cds.digest_type(), cds.digest().to_vec()))
}

fn dnskey(key: &CDNSKEY) -> Option<DNSKEY> {
    Some(DNSKEY::with_flags(key.flags(), key.public_key()?))
}

/// Key tag, algorithm and digest type.
pub(super) fn label(ds: &DS) -> String {
    let digest: DigestType = ds.digest_type();
    format!("{}/{}/{}", ds.key_tag(), u8::from(ds.algorithm()), u8::from(digest))
}
