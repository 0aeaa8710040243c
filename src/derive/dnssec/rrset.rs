//! One record set with its signatures.

use hickory_resolver::proto::dnssec::rdata::{DNSKEY, DNSSECRData, DS, RRSIG};
use hickory_resolver::proto::op::Message;
use hickory_resolver::proto::rr::{DNSClass, Name, RData, Record, RecordType};

use super::checker::moment;
use crate::facts::Timestamp;

/// Records of one name and type, without duplicates (RFC 4034 §6.3), with what signs them.
#[derive(Clone, Debug)]
pub(super) struct RrSet {
    pub(super) owner: Name,
    pub(super) kind: RecordType,
    pub(super) records: Vec<Record>,
    pub(super) signatures: Vec<RRSIG>,
    /// The longest of the records' times to live, seconds.
    pub(super) ttl: u32,
}

impl RrSet {
    /// From the answer section.
    pub(super) fn answer(message: &Message, owner: &Name, kind: RecordType) -> Self {
        Self::from(&message.answers, owner, kind)
    }

    pub(super) fn from(section: &[Record], owner: &Name, kind: RecordType) -> Self {
        let here = || section.iter().filter(|r| r.name == *owner && r.dns_class == DNSClass::IN);
        let mut records: Vec<Record> = Vec::new();
        let mut ttl = 0;
        for record in here().filter(|r| r.record_type() == kind) {
            // Records are put in canonical order by comparing them; the TTL, which a cache counts down, must not take part.
            ttl = ttl.max(record.ttl);
            let mut record = record.clone();
            record.ttl = 0;
            if !records.contains(&record) {
                records.push(record);
            }
        }
        let signature = |record: &Record| match &record.data {
            RData::DNSSEC(DNSSECRData::RRSIG(sig)) if sig.input().type_covered == kind => Some(sig.clone()),
            _ => None,
        };
        Self { owner: owner.clone(), kind, records, signatures: here().filter_map(signature).collect(), ttl }
    }

    pub(super) fn keys(&self) -> Vec<DNSKEY> {
        let key = |record: &Record| match &record.data {
            RData::DNSSEC(DNSSECRData::DNSKEY(key)) => Some(key.clone()),
            _ => None,
        };
        self.records.iter().filter_map(key).collect()
    }

    pub(super) fn ds(&self) -> Vec<DS> {
        let ds = |record: &Record| match &record.data {
            RData::DNSSEC(DNSSECRData::DS(ds)) => Some(ds.clone()),
            _ => None,
        };
        self.records.iter().filter_map(ds).collect()
    }

    /// When the signatures made by `zone` end.
    pub(super) fn expirations(&self, zone: &Name, now: Timestamp) -> Vec<Timestamp> {
        let own = self.signatures.iter().filter(|sig| sig.input().signer_name == *zone);
        own.filter_map(|sig| moment(sig.input().sig_expiration.get(), now)).collect()
    }
}
