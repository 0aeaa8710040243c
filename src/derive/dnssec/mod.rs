//! DNSSEC from raw answers, explained: a validator that says why, over what was kept, at a given time (RFC 4035 §5).
//!
//! The walk starts at the trust anchor and goes down name by name. At each name the parent's DS decides: a signed DS leads
//! into the child, a signed denial shows an unsigned delegation or that there is no zone cut, and anything else is bogus. A
//! question that was not answered makes the state indeterminate, never bogus.

mod anchor;
mod answers;
mod denial;
mod rrset;

#[cfg(test)]
mod tests;

use hickory_resolver::proto::dnssec::rdata::{DNSKEY, DS};
use hickory_resolver::proto::dnssec::{Algorithm, DigestType};
use hickory_resolver::proto::rr::{Name, RecordType};

use crate::facts::{Blobs, DelegationSigner, Dnssec, DnssecChain, LIST_CAP, Observation, Reason, Timestamp, ZoneKey};

use anchor::Anchors;
use answers::{Answers, name_text, parse_name};
use denial::Denial;
use rrset::{Checker, RrSet, Unproven};

/// The state of `zone`, or why it cannot be told at all: without the zone's own DNSKEY answer nobody knows if it is signed.
pub(super) fn validate(
    zone: &str,
    chain: &DnssecChain,
    observed_at: Timestamp,
    blobs: &Blobs,
    now: Timestamp,
    trust_anchor: &str,
) -> Observation<Dnssec> {
    let failed = |reason, detail| Observation::Failed { observed_at, reason, detail };
    let Some(name) = parse_name(zone) else {
        return failed(Reason::Other, format!("'{zone}' is no domain name"));
    };
    let answers = Answers::new(chain, blobs);
    let dnskey = match answers.get(&name, RecordType::DNSKEY) {
        Ok(message) => RrSet::answer(message, &name, RecordType::DNSKEY),
        Err(unknown) => return failed(unknown.reason, unknown.detail),
    };
    let (status, reason) = match Walk::new(&answers, now).run(&name, trust_anchor) {
        Ok(reason) => ("secure", reason),
        Err(Stop::Insecure(reason)) => ("insecure", reason),
        Err(Stop::Bogus(reason)) => ("bogus", reason),
        Err(Stop::Indeterminate(reason)) => ("indeterminate", reason),
    };
    let ds = answers.get(&name, RecordType::DS).ok().map(|message| RrSet::answer(message, &name, RecordType::DS).ds());
    let soa = answers.get(&name, RecordType::SOA).ok().map(|message| RrSet::answer(message, &name, RecordType::SOA));
    let ends = soa.iter().chain([&dnskey]).flat_map(|rrset| rrset.expirations(&name, now));
    Observation::Observed {
        observed_at,
        value: Dnssec {
            status: status.to_owned(),
            reason,
            signed: !dnskey.records.is_empty(),
            delegated_securely: ds.as_ref().map(|ds| !ds.is_empty()),
            keys: dnskey.keys().iter().take(LIST_CAP).map(key_fact).collect(),
            ds: ds.iter().flatten().take(LIST_CAP).map(ds_fact).collect(),
            signatures_end: ends.min(),
        },
    }
}

/// Why the walk did not end in *secure*.
#[derive(Debug)]
enum Stop {
    Insecure(String),
    Bogus(String),
    Indeterminate(String),
}

impl Stop {
    fn at(subject: &str, unproven: Unproven) -> Self {
        let unproven = unproven.of(subject);
        if unproven.is_our_limit { Self::Indeterminate(unproven.why) } else { Self::Bogus(unproven.why) }
    }
}

struct Walk<'a> {
    answers: &'a Answers,
    now: Timestamp,
}

impl<'a> Walk<'a> {
    fn new(answers: &'a Answers, now: Timestamp) -> Self {
        Self { answers, now }
    }

    fn run(&self, zone: &Name, trust_anchor: &str) -> Result<String, Stop> {
        let anchors = Anchors::read(trust_anchor).map_err(Stop::Indeterminate)?;
        let mut checker = self.enter_root(&anchors)?;
        for labels in 1..=zone.iter().count() {
            checker = self.step(checker, &zone.trim_to(labels))?;
        }
        self.end(&checker, zone)
    }

    fn enter_root(&self, anchors: &Anchors) -> Result<Checker, Stop> {
        let root = Name::root();
        let rrset = self.answer(&root, RecordType::DNSKEY)?;
        if rrset.records.is_empty() {
            return Err(Stop::Indeterminate("the resolver gave no DNSKEY records for the root zone".into()));
        }
        if rrset.signatures.is_empty() {
            // The root zone is signed: whoever asks it for signatures and gets none is not given them on the way.
            return Err(Stop::Indeterminate(
                "the resolver passes on no signatures: it gave none for the root zone".into(),
            ));
        }
        let trusted: Vec<DNSKEY> = rrset.keys().into_iter().filter(|key| anchors.trust(key)).collect();
        if trusted.is_empty() {
            // The fault is not the zone's: the anchor is another root's, or the resolver's root is not ours.
            return Err(Stop::Indeterminate(format!(
                "none of the root zone's keys ({}) is a trust anchor ({})",
                tags(&rrset.keys()),
                anchors.tags()
            )));
        }
        let outcome = Checker::new(root.clone(), trusted, self.now).check(&rrset);
        outcome.map_err(|unproven| Stop::at("the DNSKEY records of the root zone", unproven))?;
        Ok(Checker::new(root, rrset.keys(), self.now))
    }

    /// From the zone of `parent` to `name`: into the child, or on in the same zone if there is no cut.
    fn step(&self, parent: Checker, name: &Name) -> Result<Checker, Stop> {
        let message = self.message(name, RecordType::DS)?;
        let rrset = RrSet::answer(message, name, RecordType::DS);
        if !rrset.records.is_empty() {
            let subject = format!("the DS records of {}", name_text(name));
            parent.check(&rrset).map_err(|unproven| Stop::at(&subject, unproven))?;
            return self.enter(name, &rrset.ds());
        }
        let alias = RrSet::answer(message, name, RecordType::CNAME);
        if !alias.records.is_empty() {
            // An alias cannot stand at the apex of a zone (RFC 1034 §3.6.2), so there is no cut here.
            let outcome = parent.check(&alias).map(|()| parent);
            return outcome.map_err(|unproven| Stop::at(&format!("the alias {}", name_text(name)), unproven));
        }
        match denial::of_ds(message, name, &parent) {
            Ok(Denial::NoCut) => Ok(parent),
            Ok(Denial::Unsigned(why)) => Err(Stop::Insecure(why)),
            Ok(Denial::NoSuchName) => Err(Stop::Indeterminate(format!(
                "{} proves that there is no name {}",
                zone_text(&parent.zone),
                name_text(name)
            ))),
            Err(unproven) => {
                let (name, zone) = (name_text(name), zone_text(&parent.zone));
                Err(Stop::at(&format!("DS of {name} is absent without proof from {zone}"), unproven))
            }
        }
    }

    /// Into a child whose DS set is authenticated.
    fn enter(&self, name: &Name, ds: &[DS]) -> Result<Checker, Stop> {
        let usable = usable(ds);
        if usable.is_empty() {
            let kinds: Vec<String> =
                ds.iter().map(|ds| format!("{}/{}", u8::from(ds.algorithm()), u8::from(ds.digest_type()))).collect();
            let reason = format!(
                "every DS of {} has an algorithm or digest that is not supported ({}; RFC 4035 §5.2)",
                name_text(name),
                kinds.join(", ")
            );
            // Insecure is what every validator would say; where others can look, we only could not.
            let is_our_limit = ds.iter().any(|ds| rrset::is_supported_elsewhere(ds.algorithm()));
            return Err(if is_our_limit { Stop::Indeterminate(reason) } else { Stop::Insecure(reason) });
        }
        let rrset = self.answer(name, RecordType::DNSKEY)?;
        let keys = rrset.keys();
        if keys.is_empty() {
            return Err(Stop::Bogus(format!("{} has DS records but no DNSKEY records", name_text(name))));
        }
        let matched: Vec<DNSKEY> =
            keys.iter().filter(|key| usable.iter().any(|ds| matches(ds, name, key))).cloned().collect();
        if matched.is_empty() {
            let ds_tags: Vec<String> = usable.iter().map(|ds| ds.key_tag().to_string()).collect();
            return Err(Stop::Bogus(format!(
                "no DNSKEY of {} (key tags {}) matches a DS of its parent (key tags {})",
                name_text(name),
                tags(&keys),
                ds_tags.join(", ")
            )));
        }
        let outcome = Checker::new(name.clone(), matched, self.now).check(&rrset);
        outcome.map_err(|unproven| Stop::at(&format!("the DNSKEY records of {}", name_text(name)), unproven))?;
        Ok(Checker::new(name.clone(), keys, self.now))
    }

    /// With the zone's own keys authenticated, its SOA stands for its data.
    fn end(&self, checker: &Checker, zone: &Name) -> Result<String, Stop> {
        if checker.zone != *zone {
            return Err(Stop::Indeterminate(format!(
                "{} is no zone of its own: it lies in {}",
                name_text(zone),
                zone_text(&checker.zone)
            )));
        }
        let rrset = self.answer(zone, RecordType::SOA)?;
        if rrset.records.is_empty() {
            return Err(Stop::Indeterminate(format!("the resolver gave no SOA record for {}", name_text(zone))));
        }
        let subject = format!("the SOA record of {}", name_text(zone));
        checker.check(&rrset).map_err(|unproven| Stop::at(&subject, unproven))?;
        Ok(format!("signatures verify from the trust anchor down to the SOA record of {}", name_text(zone)))
    }

    fn message(&self, name: &Name, kind: RecordType) -> Result<&'a hickory_resolver::proto::op::Message, Stop> {
        self.answers.get(name, kind).map_err(|unknown| Stop::Indeterminate(unknown.detail))
    }

    fn answer(&self, name: &Name, kind: RecordType) -> Result<RrSet, Stop> {
        Ok(RrSet::answer(self.message(name, kind)?, name, kind))
    }
}

/// The DS records that count: supported, and SHA-1 only where nothing better stands beside it (RFC 4509 §3).
fn usable(ds: &[DS]) -> Vec<DS> {
    let supported = |ds: &&DS| rrset::is_supported(ds.algorithm()) && ds.digest_type().is_supported();
    let all: Vec<DS> = ds.iter().filter(supported).cloned().collect();
    let is_weak = |ds: &DS| ds.digest_type() == DigestType::SHA1;
    let outdone = |ds: &DS| is_weak(ds) && all.iter().any(|o| !is_weak(o) && o.algorithm() == ds.algorithm());
    all.iter().filter(|ds| !outdone(ds)).cloned().collect()
}

fn matches(ds: &DS, name: &Name, key: &DNSKEY) -> bool {
    ds.algorithm() == rrset::algorithm(key) && rrset::tag(key) == ds.key_tag() && ds.covers(name, key).unwrap_or(false)
}

/// Key tags for a sentence.
fn tags(keys: &[DNSKEY]) -> String {
    let all: Vec<String> = keys.iter().take(8).map(|key| rrset::tag(key).to_string()).collect();
    all.join(", ")
}

fn zone_text(zone: &Name) -> String {
    if zone.is_root() { "the root zone".to_owned() } else { name_text(zone) }
}

fn key_fact(key: &DNSKEY) -> ZoneKey {
    ZoneKey {
        tag: i64::from(rrset::tag(key)),
        algorithm: i64::from(u8::from(rrset::algorithm(key))),
        flags: i64::from(key.flags()),
        bits: rrset::bits(key),
    }
}

fn ds_fact(ds: &DS) -> DelegationSigner {
    let algorithm: Algorithm = ds.algorithm();
    DelegationSigner {
        tag: i64::from(ds.key_tag()),
        algorithm: i64::from(u8::from(algorithm)),
        digest_type: i64::from(u8::from(ds.digest_type())),
    }
}
