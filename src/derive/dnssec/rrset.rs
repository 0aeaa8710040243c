//! One record set with its signatures, and whether a zone's keys made them.

use hickory_resolver::proto::dnssec::rdata::{DNSKEY, DNSSECRData, DS, RRSIG};
use hickory_resolver::proto::dnssec::{Algorithm, PublicKey, Verifier};
use hickory_resolver::proto::op::Message;
use hickory_resolver::proto::rr::{DNSClass, Name, RData, Record, RecordType};

use crate::facts::Timestamp;

use super::answers::name_text;

/// How many signatures of a set are tried, and keys for one signature. Key tags collide by design of an attacker only
/// (CVE-2023-50387), and each trial costs.
const MAX_SIGNATURES: usize = 8;
const MAX_KEYS: usize = 4;

/// Records of one name and type, without duplicates (RFC 4034 §6.3), with what signs them.
#[derive(Clone, Debug)]
pub(super) struct RrSet {
    pub(super) owner: Name,
    pub(super) kind: RecordType,
    pub(super) records: Vec<Record>,
    pub(super) signatures: Vec<RRSIG>,
}

impl RrSet {
    /// From the answer section.
    pub(super) fn answer(message: &Message, owner: &Name, kind: RecordType) -> Self {
        Self::from(&message.answers, owner, kind)
    }

    pub(super) fn from(section: &[Record], owner: &Name, kind: RecordType) -> Self {
        let here = || section.iter().filter(|r| r.name == *owner && r.dns_class == DNSClass::IN);
        let mut records: Vec<Record> = Vec::new();
        for record in here().filter(|r| r.record_type() == kind) {
            // Records are put in canonical order by comparing them; the TTL, which a cache counts down, must not take part.
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
        Self { owner: owner.clone(), kind, records, signatures: here().filter_map(signature).collect() }
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

/// Why a record set is not authenticated.
#[derive(Clone, Debug)]
pub(super) struct Unproven {
    pub(super) why: String,
    /// Other validators may be able to verify a signature that cannot be verified here: nothing is shown to be wrong.
    pub(super) is_our_limit: bool,
}

impl Unproven {
    pub(super) fn bogus(why: impl Into<String>) -> Self {
        Self { why: why.into(), is_our_limit: false }
    }

    /// The same with its subject in front.
    pub(super) fn of(self, subject: &str) -> Self {
        Self { why: format!("{subject}: {}", self.why), ..self }
    }
}

/// Authenticated keys of a zone, at a time.
#[derive(Clone, Debug)]
pub(super) struct Checker {
    pub(super) zone: Name,
    keys: Vec<DNSKEY>,
    now: Timestamp,
}

impl Checker {
    pub(super) fn new(zone: Name, keys: Vec<DNSKEY>, now: Timestamp) -> Self {
        Self { zone, keys, now }
    }

    /// Whether one of the signatures over the set was made by one of the keys and holds now (RFC 4035 §5.3).
    ///
    /// # Errors
    /// Why none does, signature by signature.
    pub(super) fn check(&self, rrset: &RrSet) -> Result<(), Unproven> {
        if !self.zone.zone_of(&rrset.owner) {
            return Err(Unproven::bogus(format!("{} is not in {}", shown(&rrset.owner), shown(&self.zone))));
        }
        if rrset.signatures.is_empty() {
            return Err(Unproven::bogus(format!("no RRSIG over {} {}", shown(&rrset.owner), rrset.kind)));
        }
        let mut reasons: Vec<String> = Vec::new();
        let mut is_our_limit = false;
        for signature in rrset.signatures.iter().take(MAX_SIGNATURES) {
            match self.check_one(rrset, signature) {
                Ok(()) => return Ok(()),
                Err(unproven) => {
                    is_our_limit |= unproven.is_our_limit;
                    if !reasons.contains(&unproven.why) {
                        reasons.push(unproven.why);
                    }
                }
            }
        }
        Err(Unproven { why: reasons.join("; "), is_our_limit })
    }

    fn check_one(&self, rrset: &RrSet, signature: &RRSIG) -> Result<(), Unproven> {
        let input = signature.input();
        let bogus = |why: String| {
            let by = format!("the signature by key {} (algorithm {})", input.key_tag, u8::from(input.algorithm));
            Unproven::bogus(format!("{by} {why}"))
        };
        if input.signer_name != self.zone {
            return Err(bogus(format!("is of zone {}, not of {}", shown(&input.signer_name), shown(&self.zone))));
        }
        if input.num_labels != rrset.owner.num_labels() {
            return Err(bogus(format!("has {} labels: it was made for a wildcard", input.num_labels)));
        }
        let keys: Vec<&DNSKEY> = self.keys.iter().filter(|key| is_named(key, signature)).take(MAX_KEYS).collect();
        if keys.is_empty() {
            return Err(bogus(format!("is by no trusted zone key of {}", shown(&self.zone))));
        }
        self.in_time(signature).map_err(bogus)?;
        let able: Vec<&&DNSKEY> = keys.iter().filter(|key| is_verifiable(key)).collect();
        let holds =
            |key: &DNSKEY| key.verify_rrsig(&rrset.owner, DNSClass::IN, signature, rrset.records.iter()).is_ok();
        if able.iter().any(|key| holds(key)) {
            return Ok(());
        }
        let is_our_limit = able.len() < keys.len();
        let why = if is_our_limit {
            "cannot be verified here: its algorithm or key size is not supported"
        } else {
            "does not verify"
        };
        Err(Unproven { is_our_limit, ..bogus(why.to_owned()) })
    }

    /// RFC 4034 §3.1.5: both ends belong to the period.
    fn in_time(&self, signature: &RRSIG) -> Result<(), String> {
        let input = signature.input();
        match (moment(input.sig_inception.get(), self.now), moment(input.sig_expiration.get(), self.now)) {
            (_, Some(end)) if end < self.now => Err(format!("expired on {end}")),
            (Some(start), _) if start > self.now => Err(format!("is not valid before {start}")),
            (Some(_), Some(_)) => Ok(()),
            _ => Err("has no readable period".to_owned()),
        }
    }
}

/// The moment that a 32-bit serial time means, nearest to now (RFC 4034 §3.1.5, RFC 1982).
fn moment(serial: u32, now: Timestamp) -> Option<Timestamp> {
    // Truncation is the point: serial arithmetic goes by the low 32 bits.
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
    let distance = serial.wrapping_sub(now.unix() as u32).cast_signed();
    Timestamp::from_unix(now.unix() + i64::from(distance))
}

fn is_named(key: &DNSKEY, signature: &RRSIG) -> bool {
    let input = signature.input();
    key.zone_key() && algorithm(key) == input.algorithm && tag(key) == input.key_tag
}

fn shown(name: &Name) -> String {
    if name.is_root() { ".".to_owned() } else { name_text(name) }
}

/// Whether signatures of this algorithm can be verified here. The deprecated SHA-1 ones can: that they are is a check's matter.
pub(super) fn is_supported(algorithm: Algorithm) -> bool {
    algorithm.is_supported()
}

/// Whether common validators verify this algorithm although it cannot be done here: ED448 (RFC 8080).
pub(super) fn is_supported_elsewhere(algorithm: Algorithm) -> bool {
    u8::from(algorithm) == 16
}

/// The library verifies RSA from 1024 to 8192 bits.
fn is_verifiable(key: &DNSKEY) -> bool {
    let is_rsa = matches!(u8::from(algorithm(key)), 5 | 7 | 8 | 10);
    is_supported(algorithm(key)) && (!is_rsa || (1024..=8192).contains(&bits(key)))
}

pub(super) fn algorithm(key: &DNSKEY) -> Algorithm {
    key.public_key().algorithm()
}

/// RFC 4034 appendix B.
pub(super) fn tag(key: &DNSKEY) -> u16 {
    key.calculate_key_tag().unwrap_or_default()
}

/// The size of a key: the modulus of RSA (RFC 3110 §2), the field of a curve.
pub(super) fn bits(key: &DNSKEY) -> i64 {
    let bytes = key.public_key().public_bytes();
    match u8::from(algorithm(key)) {
        1 | 5 | 7 | 8 | 10 => modulus(bytes).map_or(0, bit_length),
        13 | 15 => 256,
        14 => 384,
        16 => 456,
        _ => i64::try_from(bytes.len() * 8).unwrap_or(i64::MAX),
    }
}

fn modulus(bytes: &[u8]) -> Option<&[u8]> {
    match bytes {
        [0, high, low, rest @ ..] => rest.get(usize::from(u16::from_be_bytes([*high, *low]))..),
        [length, rest @ ..] => rest.get(usize::from(*length)..),
        [] => None,
    }
}

fn bit_length(number: &[u8]) -> i64 {
    let start = number.iter().position(|byte| *byte != 0).unwrap_or(number.len());
    let significant = &number[start..];
    let unused = significant.first().map_or(0, |byte| byte.leading_zeros());
    i64::try_from(significant.len() * 8).unwrap_or(i64::MAX) - i64::from(unused)
}
