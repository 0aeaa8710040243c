//! The validator against zones that are signed here.

mod chain;
mod signing;

use std::time::Duration;

use hickory_resolver::proto::dnssec::crypto::EcdsaSigningKey;
use hickory_resolver::proto::dnssec::rdata::{DNSKEY, DNSSECRData, DS, NSEC, NSEC3, RRSIG};
use hickory_resolver::proto::dnssec::{Algorithm, DigestType, DnssecSigner, Nsec3HashAlgorithm, SigningKey};
use hickory_resolver::proto::op::{Message, MessageType, OpCode};
use hickory_resolver::proto::rr::rdata::SOA;
use hickory_resolver::proto::rr::{DNSClass, Name, RData, Record, RecordSet, RecordType};

use super::*;
use crate::facts::ChainAnswer;

const DAY: i64 = 86_400;

fn now() -> Timestamp {
    Timestamp::parse("2028-10-20T12:00:00Z").unwrap()
}

fn name(text: &str) -> Name {
    parse_name(text).unwrap()
}

/// A zone with one key, signing for thirty days from yesterday.
struct Signed {
    apex: Name,
    signer: DnssecSigner,
    inception: i64,
}

impl Signed {
    fn new(apex: &str) -> Self {
        let algorithm = Algorithm::ECDSAP256SHA256;
        let der = EcdsaSigningKey::generate_pkcs8(algorithm).unwrap();
        let key = EcdsaSigningKey::from_pkcs8(&der, algorithm).unwrap();
        let dnskey = DNSKEY::from_key(&key.to_public_key().unwrap());
        let signer = DnssecSigner::new(dnskey, Box::new(key), name(apex), Duration::from_secs(30 * 86_400));
        Self { apex: name(apex), signer, inception: now().unix() - DAY }
    }

    fn from(self, inception: i64) -> Self {
        Self { inception, ..self }
    }

    fn key(&self) -> RData {
        RData::DNSSEC(DNSSECRData::DNSKEY(self.signer.to_dnskey()))
    }

    fn ds(&self) -> RData {
        RData::DNSSEC(DNSSECRData::DS(
            DS::from_key(&self.signer.key().to_public_key().unwrap(), &self.apex, DigestType::SHA256).unwrap(),
        ))
    }

    fn soa(&self) -> RData {
        RData::SOA(SOA::new(name("ns.x"), name("root.x"), 1, 1, 1, 1, 1))
    }

    /// The records with this zone's signature.
    fn sign(&self, owner: &Name, records: Vec<RData>) -> Vec<Record> {
        let mut set = RecordSet::with_ttl(owner.clone(), records[0].record_type(), 300);
        set.set_records(records.into_iter().map(|data| Record::from_rdata(owner.clone(), 300, data)).collect());
        let from = time::OffsetDateTime::from_unix_timestamp(self.inception).unwrap();
        let rrsig = RRSIG::from_rrset(&set, DNSClass::IN, from, &self.signer).unwrap();
        let mut all: Vec<Record> = set.records_without_rrsigs().cloned().collect();
        all.push(Record::from_rdata(owner.clone(), 300, RData::DNSSEC(DNSSECRData::RRSIG(rrsig))));
        all
    }

    fn nsec(&self, owner: &str, next: &str, types: &[RecordType]) -> Vec<Record> {
        let nsec = NSEC::new(name(next), types.iter().copied());
        self.sign(&name(owner), vec![RData::DNSSEC(DNSSECRData::NSEC(nsec))])
    }

    /// An NSEC3 at the hash of `at`, moved by `shift`, that reaches to the next hash or, if wide, all the way around.
    fn nsec3(&self, at: &str, shift: i16, wide: bool, opt_out: bool, types: &[RecordType]) -> Vec<Record> {
        self.nsec3_iterated(at, shift, wide, opt_out, types, 0)
    }

    fn nsec3_iterated(
        &self,
        at: &str,
        shift: i16,
        wide: bool,
        opt_out: bool,
        types: &[RecordType],
        iterations: u16,
    ) -> Vec<Record> {
        let hash = Nsec3HashAlgorithm::SHA1.hash(b"", &name(at), iterations).unwrap().as_ref().to_vec();
        let owner = moved(&hash, shift);
        let next = moved(&owner, if wide { 2 } else { 1 });
        let label = base32(&owner);
        let nsec3 = NSEC3::new(Nsec3HashAlgorithm::SHA1, opt_out, iterations, vec![], next, types.iter().copied());
        let owner = name(&label).append_domain(&self.apex).unwrap();
        let owner = parse_name(&owner.to_ascii().replace("..", ".")).unwrap();
        self.sign(&owner, vec![RData::DNSSEC(DNSSECRData::NSEC3(nsec3))])
    }
}

/// A hash plus a small number, as big-endian integers.
fn moved(hash: &[u8], by: i16) -> Vec<u8> {
    let mut out = hash.to_vec();
    let mut carry = i32::from(by);
    for byte in out.iter_mut().rev() {
        let sum = i32::from(*byte) + carry;
        *byte = sum.rem_euclid(256) as u8;
        carry = sum.div_euclid(256);
    }
    out
}

fn base32(bytes: &[u8]) -> String {
    const ALPHABET: &[u8] = b"0123456789abcdefghijklmnopqrstuv";
    let bit = |at: usize| bytes.get(at / 8).map_or(0, |byte| byte >> (7 - at % 8) & 1);
    (0..bytes.len() * 8)
        .step_by(5)
        .map(|at| char::from(ALPHABET[usize::from((0..5).fold(0, |value, i| value << 1 | bit(at + i)))]))
        .collect()
}

/// Answers kept as a probe keeps them.
#[derive(Default)]
struct Kept {
    blobs: Blobs,
    answers: Vec<ChainAnswer>,
}

impl Kept {
    fn answer(&mut self, owner: &str, kind: &str, answers: Vec<Record>) {
        self.keep(owner, kind, answers, vec![]);
    }

    fn denial(&mut self, owner: &str, kind: &str, authorities: Vec<Record>) {
        self.keep(owner, kind, vec![], authorities);
    }

    fn keep(&mut self, owner: &str, kind: &str, answers: Vec<Record>, authorities: Vec<Record>) {
        let mut message = Message::new(1, MessageType::Response, OpCode::Query);
        message.answers = answers;
        message.authorities = authorities;
        let id = self.blobs.keep(&message.to_vec().unwrap());
        self.set(owner, kind, Observation::observed(id));
    }

    fn set(&mut self, owner: &str, kind: &str, message: Observation<String>) {
        self.answers.retain(|answer| (answer.name.as_str(), answer.record_type.as_str()) != (owner, kind));
        self.answers.push(ChainAnswer { name: owner.into(), record_type: kind.into(), message });
    }
}

/// `.`, `example` and `cec.example`, all signed and delegated, with what is kept of them.
struct Lab {
    root: Signed,
    tld: Signed,
    zone: Signed,
    kept: Kept,
}

impl Lab {
    fn new() -> Self {
        Self::of(Signed::new("."), Signed::new("example"), Signed::new("cec.example"))
    }

    fn of(root: Signed, tld: Signed, zone: Signed) -> Self {
        let mut kept = Kept::default();
        kept.answer(".", "DNSKEY", root.sign(&root.apex, vec![root.key()]));
        kept.answer("example", "DS", root.sign(&tld.apex, vec![tld.ds()]));
        kept.answer("example", "DNSKEY", tld.sign(&tld.apex, vec![tld.key()]));
        kept.answer("cec.example", "DS", tld.sign(&zone.apex, vec![zone.ds()]));
        kept.answer("cec.example", "DNSKEY", zone.sign(&zone.apex, vec![zone.key()]));
        kept.answer("cec.example", "SOA", zone.sign(&zone.apex, vec![zone.soa()]));
        Self { root, tld, zone, kept }
    }

    fn anchor(&self) -> String {
        let RData::DNSSEC(DNSSECRData::DS(ds)) = self.root.ds() else { unreachable!() };
        let digest: String = ds.digest().iter().map(|byte| format!("{byte:02x}")).collect();
        format!(". IN DS {} 13 2 {digest}\n", ds.key_tag())
    }

    fn verdict(&self) -> Dnssec {
        self.verdict_of("cec.example", &self.anchor()).value().cloned().unwrap()
    }

    fn verdict_of(&self, zone: &str, anchor: &str) -> Observation<Dnssec> {
        let chain = DnssecChain { answers: self.kept.answers.clone() };
        let given = Given { trust_anchor: anchor.to_owned(), ..Given::at(now()) };
        Validation::new(zone, &chain, now(), &self.kept.blobs, &given).unwrap().state(&Observation::underived())
    }

    #[track_caller]
    fn is(&self, status: &str, words: &[&str]) -> Dnssec {
        let verdict = self.verdict();
        assert_eq!(verdict.status, status, "{}", verdict.reason);
        for word in words {
            assert!(verdict.reason.contains(word), "'{word}' is not in: {}", verdict.reason);
        }
        verdict
    }
}
