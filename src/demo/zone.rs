//! A zone in memory, signed or not, and how it answers (RFC 1034 §4.3.2, RFC 4035 §3.1).

use std::collections::BTreeMap;
use std::io;
use std::time::Duration;

use hickory_resolver::proto::dnssec::crypto::EcdsaSigningKey;
use hickory_resolver::proto::dnssec::rdata::{DNSKEY, DNSSECRData, DS, NSEC, RRSIG};
use hickory_resolver::proto::dnssec::{Algorithm, DigestType, DnssecSigner, SigningKey};
use hickory_resolver::proto::rr::{DNSClass, Name, RData, Record, RecordSet, RecordType};
use time::OffsetDateTime;

use super::failed;

const TTL: u32 = 300;
/// Signatures reach this far.
const SIGNED_FOR: Duration = Duration::from_secs(30 * 86_400);

/// Sections of an answer.
#[derive(Debug, Default)]
pub(super) struct Answer {
    pub(super) answers: Vec<Record>,
    pub(super) authorities: Vec<Record>,
    /// The name is not there at all.
    pub(super) no_such_name: bool,
}

/// One zone. Names sort canonically (RFC 4034 §6.1).
pub(super) struct Zone {
    pub(super) apex: Name,
    signer: Option<DnssecSigner>,
    signed_from: OffsetDateTime,
    sets: BTreeMap<Name, BTreeMap<u16, Vec<Record>>>,
    /// Signed NSEC records by owner.
    denials: BTreeMap<Name, Vec<Record>>,
}

impl Zone {
    /// A zone with these records; `signed` gives it a key and signatures that begin at that moment.
    pub(super) fn new(apex: Name, signed: Option<OffsetDateTime>, records: Vec<(Name, RData)>) -> io::Result<Self> {
        let signer = signed.map(|_| signer(&apex)).transpose()?;
        let signed_from = signed.unwrap_or(OffsetDateTime::UNIX_EPOCH);
        let mut zone = Self { apex, signer, signed_from, sets: BTreeMap::new(), denials: BTreeMap::new() };
        let mut plain: BTreeMap<(Name, u16), Vec<RData>> = BTreeMap::new();
        let key = zone
            .signer
            .as_ref()
            .map(|signer| (zone.apex.clone(), RData::DNSSEC(DNSSECRData::DNSKEY(signer.to_dnskey()))));
        for (owner, data) in records.into_iter().chain(key) {
            plain.entry((owner, u16::from(data.record_type()))).or_default().push(data);
        }
        for ((owner, kind), data) in plain {
            let set = zone.signed(&owner, data)?;
            zone.sets.entry(owner).or_default().insert(kind, set);
        }
        zone.deny()?;
        Ok(zone)
    }

    /// The DS records for the parent (RFC 4034 §5); none for an unsigned zone.
    pub(super) fn ds(&self) -> io::Result<Option<RData>> {
        let Some(signer) = &self.signer else { return Ok(None) };
        let key = signer.key().to_public_key().map_err(failed("reading the zone's key"))?;
        let ds = DS::from_key(&key, &self.apex, DigestType::SHA256).map_err(failed("making a DS record"))?;
        Ok(Some(RData::DNSSEC(DNSSECRData::DS(ds))))
    }

    /// What the zone says.
    pub(super) fn answer(&self, name: &Name, kind: RecordType) -> Answer {
        if let Some(set) = self.sets.get(name).and_then(|kinds| kinds.get(&u16::from(kind))) {
            return Answer { answers: set.clone(), ..Answer::default() };
        }
        let mut authorities = self.set(&self.apex, RecordType::SOA);
        let is_there = self.sets.keys().any(|owner| name.zone_of(owner));
        authorities.extend(self.covering(name));
        if !is_there {
            // Nor is there a wildcard that could have answered (RFC 4035 §3.1.3.2).
            let wildcard = self.covering(&self.apex.prepend_label("*").unwrap_or_default());
            let news: Vec<Record> = wildcard.into_iter().filter(|record| !authorities.contains(record)).collect();
            authorities.extend(news);
        }
        Answer { answers: Vec::new(), authorities, no_such_name: !is_there }
    }

    /// The NSEC, with its signature, of the name or of the last one before it.
    fn covering(&self, name: &Name) -> Vec<Record> {
        self.denials.range(..=name.clone()).next_back().map(|(_, records)| records.clone()).unwrap_or_default()
    }

    fn set(&self, owner: &Name, kind: RecordType) -> Vec<Record> {
        self.sets.get(owner).and_then(|kinds| kinds.get(&u16::from(kind))).cloned().unwrap_or_default()
    }

    /// One NSEC a name, each pointing to the next (RFC 4035 §2.3).
    fn deny(&mut self) -> io::Result<()> {
        if self.signer.is_none() {
            return Ok(());
        }
        let owners: Vec<Name> = self.sets.keys().cloned().collect();
        for (at, owner) in owners.iter().enumerate() {
            let next = owners.get(at + 1).unwrap_or(&self.apex).clone();
            let kinds = self.sets.get(owner).into_iter().flat_map(BTreeMap::keys).map(|kind| RecordType::from(*kind));
            let kinds: Vec<RecordType> = kinds.chain([RecordType::RRSIG, RecordType::NSEC]).collect();
            let nsec = RData::DNSSEC(DNSSECRData::NSEC(NSEC::new(next, kinds)));
            let set = self.signed(owner, vec![nsec])?;
            self.denials.insert(owner.clone(), set);
        }
        Ok(())
    }

    /// The records, followed by their signature. Delegations and glue are another zone's and are not signed (RFC 4035 §2.2).
    fn signed(&self, owner: &Name, data: Vec<RData>) -> io::Result<Vec<Record>> {
        let Some(kind) = data.first().map(RData::record_type) else { return Ok(Vec::new()) };
        let records = data.into_iter().map(|data| Record::from_rdata(owner.clone(), TTL, data));
        let Some(signer) = self.signer.as_ref().filter(|_| kind != RecordType::NS || *owner == self.apex) else {
            return Ok(records.collect());
        };
        let mut set = RecordSet::with_ttl(owner.clone(), kind, TTL);
        set.set_records(records.collect());
        let signature =
            RRSIG::from_rrset(&set, DNSClass::IN, self.signed_from, signer).map_err(failed("signing a zone"))?;
        let signature = Record::from_rdata(owner.clone(), TTL, RData::DNSSEC(DNSSECRData::RRSIG(signature)));
        Ok(set.records_without_rrsigs().cloned().chain([signature]).collect())
    }
}

fn signer(apex: &Name) -> io::Result<DnssecSigner> {
    let algorithm = Algorithm::ECDSAP256SHA256;
    let doing = "making a key for a zone";
    let der = EcdsaSigningKey::generate_pkcs8(algorithm).map_err(failed(doing))?;
    let key = EcdsaSigningKey::from_pkcs8(&der, algorithm).map_err(failed(doing))?;
    let dnskey = DNSKEY::from_key(&key.to_public_key().map_err(failed(doing))?);
    Ok(DnssecSigner::new(dnskey, Box::new(key), apex.clone(), SIGNED_FOR))
}
