//! Whether a zone's keys made the signatures over a record set, signature by signature.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;

use hickory_resolver::proto::dnssec::rdata::{DNSKEY, RRSIG};
use hickory_resolver::proto::dnssec::{PublicKey, TBS, Verifier};
use hickory_resolver::proto::rr::{DNSClass, Name};

use super::keys::{algorithm, is_verifiable, tag};
use super::rrset::RrSet;
use crate::derive::message::name_text;
use crate::facts::{Timestamp, digest};

/// How many signatures of a set are tried, and keys for one signature. Key tags collide by design of an attacker only
/// (CVE-2023-50387), and each trial costs.
const MAX_SIGNATURES: usize = 8;
const MAX_KEYS: usize = 4;

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

/// One signature, and whether it holds.
pub(super) struct Examined<'a> {
    pub(super) signature: &'a RRSIG,
    pub(super) outcome: Result<(), Unproven>,
}

/// One signature that holds is enough (RFC 4035 §5.3.3).
///
/// # Errors
/// Why none does.
pub(super) fn together(rrset: &RrSet, examined: &[Examined<'_>]) -> Result<(), Unproven> {
    if examined.is_empty() {
        return Err(Unproven::bogus(format!("no RRSIG over {} {}", shown(&rrset.owner), rrset.kind)));
    }
    let mut reasons: Vec<String> = Vec::new();
    let mut is_our_limit = false;
    for one in examined {
        match &one.outcome {
            Ok(()) => return Ok(()),
            Err(unproven) => {
                is_our_limit |= unproven.is_our_limit;
                if !reasons.contains(&unproven.why) {
                    reasons.push(unproven.why.clone());
                }
            }
        }
    }
    Err(Unproven { why: reasons.join("; "), is_our_limit })
}

fn by(signature: &RRSIG, why: &str) -> String {
    let input = signature.input();
    format!("the signature by key {} (algorithm {}) {why}", input.key_tag, u8::from(input.algorithm))
}

/// When signatures must hold, and what was verified already: servers mostly give the same records, and arithmetic is what costs.
#[derive(Clone, Debug)]
pub(super) struct Moment {
    pub(super) now: Timestamp,
    verified: Rc<RefCell<BTreeMap<String, bool>>>,
}

impl Moment {
    pub(super) fn at(now: Timestamp) -> Self {
        Self { now, verified: Rc::default() }
    }

    /// Whether the key made the signature over the set, times aside.
    fn verifies(&self, key: &DNSKEY, signature: &RRSIG, rrset: &RrSet) -> bool {
        let records = rrset.records.iter();
        let Ok(signed) = TBS::from_input(&rrset.owner, DNSClass::IN, signature.input(), records) else { return false };
        let (made, by) = (signature.sig(), key.public_key().public_bytes());
        let trial = digest(&[signed.as_ref(), &made.len().to_be_bytes(), made, by].concat());
        let known = self.verified.borrow().get(&trial).copied();
        known.unwrap_or_else(|| {
            let holds = key.verify(signed.as_ref(), signature.sig()).is_ok();
            self.verified.borrow_mut().insert(trial, holds);
            holds
        })
    }
}

/// Authenticated keys of a zone, at a time.
#[derive(Clone, Debug)]
pub(super) struct Checker {
    pub(super) zone: Name,
    keys: Vec<DNSKEY>,
    moment: Moment,
}

impl Checker {
    pub(super) fn new(zone: Name, keys: Vec<DNSKEY>, moment: &Moment) -> Self {
        Self { zone, keys, moment: moment.clone() }
    }

    /// Whether one of the signatures over the set was made by one of the keys and holds now (RFC 4035 §5.3).
    ///
    /// # Errors
    /// Why none does, signature by signature.
    pub(super) fn check(&self, rrset: &RrSet) -> Result<(), Unproven> {
        self.within(rrset)?;
        together(rrset, &self.examine(rrset))
    }

    /// Every signature over the set, up to a bound, each by itself.
    pub(super) fn examine<'a>(&self, rrset: &'a RrSet) -> Vec<Examined<'a>> {
        let exact = |signature| {
            let input = self.check_one(rrset, signature)?.input();
            let made_for_wildcard = input.num_labels < rrset.owner.num_labels();
            let why = || format!("has {} labels: it was made for a wildcard", input.num_labels);
            if made_for_wildcard { Err(Unproven::bogus(by(signature, &why()))) } else { Ok(()) }
        };
        let tried = rrset.signatures.iter().take(MAX_SIGNATURES);
        tried.map(|signature| Examined { signature, outcome: exact(signature) }).collect()
    }

    /// As [`Self::check`], for a set that may have been made from a wildcard: gives how many labels of its name were signed.
    ///
    /// # Errors
    /// Why none does, signature by signature.
    pub(super) fn check_expanded(&self, rrset: &RrSet) -> Result<usize, Unproven> {
        self.within(rrset)?;
        let tried = rrset.signatures.iter().take(MAX_SIGNATURES);
        let examined: Vec<Examined<'_>> = tried
            .map(|signature| Examined { signature, outcome: self.check_one(rrset, signature).map(|_| ()) })
            .collect();
        together(rrset, &examined)?;
        let held = examined.iter().find(|examined| examined.outcome.is_ok());
        Ok(held.map_or(0, |examined| usize::from(examined.signature.input().num_labels)))
    }

    fn within(&self, rrset: &RrSet) -> Result<(), Unproven> {
        if self.zone.zone_of(&rrset.owner) {
            return Ok(());
        }
        Err(Unproven::bogus(format!("{} is not in {}", shown(&rrset.owner), shown(&self.zone))))
    }

    fn check_one<'a>(&self, rrset: &RrSet, signature: &'a RRSIG) -> Result<&'a RRSIG, Unproven> {
        let input = signature.input();
        let bogus = |why: String| Unproven::bogus(by(signature, &why));
        if input.signer_name != self.zone {
            return Err(bogus(format!("is of zone {}, not of {}", shown(&input.signer_name), shown(&self.zone))));
        }
        if input.num_labels > rrset.owner.num_labels() {
            return Err(bogus(format!("has {} labels, more than its name", input.num_labels)));
        }
        let keys: Vec<&DNSKEY> = self.keys.iter().filter(|key| is_named(key, signature)).take(MAX_KEYS).collect();
        if keys.is_empty() {
            return Err(bogus(format!("is by no trusted zone key of {}", shown(&self.zone))));
        }
        self.in_time(signature).map_err(bogus)?;
        let able: Vec<&&DNSKEY> = keys.iter().filter(|key| is_verifiable(key)).collect();
        if able.iter().any(|key| self.moment.verifies(key, signature, rrset)) {
            return Ok(signature);
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
        match (moment(input.sig_inception.get(), self.moment.now), moment(input.sig_expiration.get(), self.moment.now))
        {
            (_, Some(end)) if end < self.moment.now => Err(format!("expired on {end}")),
            (Some(start), _) if start > self.moment.now => Err(format!("is not valid before {start}")),
            (Some(_), Some(_)) => Ok(()),
            _ => Err("has no readable period".to_owned()),
        }
    }
}

/// The moment that a 32-bit serial time means, nearest to now (RFC 4034 §3.1.5, RFC 1982).
pub(super) fn moment(serial: u32, now: Timestamp) -> Option<Timestamp> {
    // Truncation is the point: serial arithmetic goes by the low 32 bits.
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
    let distance = serial.wrapping_sub(now.unix() as u32).cast_signed();
    Timestamp::from_unix(now.unix() + i64::from(distance))
}

fn is_named(key: &DNSKEY, signature: &RRSIG) -> bool {
    let input = signature.input();
    key.zone_key() && algorithm(key) == input.algorithm && tag(key) == input.key_tag
}

pub(super) fn shown(name: &Name) -> String {
    if name.is_root() { ".".to_owned() } else { name_text(name) }
}
