//! From the trust anchor down to the zone, name by name (RFC 4035 §5).

use hickory_resolver::proto::dnssec::rdata::{DNSKEY, DS};
use hickory_resolver::proto::op::Message;
use hickory_resolver::proto::rr::{Name, RecordType};

use super::anchor::Anchors;
use super::answers::Answers;
use super::checker::{Checker, Moment, Unproven};
use super::denial::{self, Denial};
use super::keys::{is_supported_elsewhere, matches, tags, usable};
use super::rrset::RrSet;
use crate::derive::message::name_text;

/// Why the walk did not end in *secure*.
#[derive(Clone, Debug)]
pub(super) enum Stop {
    Insecure(String),
    Bogus(String),
    Indeterminate(String),
}

impl Stop {
    pub(super) fn at(subject: &str, unproven: Unproven) -> Self {
        let unproven = unproven.of(subject);
        if unproven.is_our_limit { Self::Indeterminate(unproven.why) } else { Self::Bogus(unproven.why) }
    }

    /// The state in the words of RFC 4033 §5, and the reason.
    pub(super) fn state(self) -> (&'static str, String) {
        match self {
            Self::Insecure(why) => ("insecure", why),
            Self::Bogus(why) => ("bogus", why),
            Self::Indeterminate(why) => ("indeterminate", why),
        }
    }
}

/// What lies at a name below a zone.
enum Cut {
    /// Another zone, which these authenticated DS records vouch for.
    Child(Vec<DS>),
    /// More of the same zone.
    None,
}

pub(super) struct Walk<'a> {
    answers: &'a Answers,
    moment: &'a Moment,
}

impl<'a> Walk<'a> {
    pub(super) fn new(answers: &'a Answers, moment: &'a Moment) -> Self {
        Self { answers, moment }
    }

    /// The authenticated DS records of the zone.
    ///
    /// # Errors
    /// Where and why the chain of trust stops above the zone.
    pub(super) fn vouched(&self, zone: &Name, trust_anchor: &str) -> Result<Vec<DS>, Stop> {
        let anchors = Anchors::read(trust_anchor).map_err(Stop::Indeterminate)?;
        let mut checker = self.enter_root(&anchors)?;
        for labels in 1..zone.iter().count() {
            let name = zone.trim_to(labels);
            if let Cut::Child(ds) = self.cut(&checker, &name)? {
                checker = enter(&name, &ds, &self.answer(&name, RecordType::DNSKEY)?, self.moment)?;
            }
        }
        match self.cut(&checker, zone)? {
            Cut::Child(ds) => Ok(ds),
            Cut::None => Err(Stop::Indeterminate(format!(
                "{} is no zone of its own: it lies in {}",
                name_text(zone),
                zone_text(&checker.zone)
            ))),
        }
    }

    /// With the zone's own keys authenticated, its SOA stands for its data.
    ///
    /// # Errors
    /// Why it does not verify.
    pub(super) fn end(&self, zone: &Name, ds: &[DS]) -> Result<String, Stop> {
        let checker = enter(zone, ds, &self.answer(zone, RecordType::DNSKEY)?, self.moment)?;
        let rrset = self.answer(zone, RecordType::SOA)?;
        if rrset.records.is_empty() {
            return Err(Stop::Indeterminate(format!("the resolver gave no SOA record for {}", name_text(zone))));
        }
        let subject = format!("the SOA record of {}", name_text(zone));
        checker.check(&rrset).map_err(|unproven| Stop::at(&subject, unproven))?;
        Ok(format!("signatures verify from the trust anchor down to the SOA record of {}", name_text(zone)))
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
        let outcome = Checker::new(root.clone(), trusted, self.moment).check(&rrset);
        outcome.map_err(|unproven| Stop::at("the DNSKEY records of the root zone", unproven))?;
        Ok(Checker::new(root, rrset.keys(), self.moment))
    }

    /// What the zone of `parent` says of `name`.
    fn cut(&self, parent: &Checker, name: &Name) -> Result<Cut, Stop> {
        let message = self.message(name, RecordType::DS)?;
        let rrset = RrSet::answer(message, name, RecordType::DS);
        if !rrset.records.is_empty() {
            let subject = format!("the DS records of {}", name_text(name));
            parent.check(&rrset).map_err(|unproven| Stop::at(&subject, unproven))?;
            return Ok(Cut::Child(rrset.ds()));
        }
        let alias = RrSet::answer(message, name, RecordType::CNAME);
        if !alias.records.is_empty() {
            // An alias cannot stand at the apex of a zone (RFC 1034 §3.6.2), so there is no cut here.
            let outcome = parent.check(&alias).map(|()| Cut::None);
            return outcome.map_err(|unproven| Stop::at(&format!("the alias {}", name_text(name)), unproven));
        }
        match denial::of_ds(message, name, parent) {
            Ok(Denial::NoCut) => Ok(Cut::None),
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

    fn message(&self, name: &Name, kind: RecordType) -> Result<&'a Message, Stop> {
        self.answers.get(name, kind).map_err(|unknown| Stop::Indeterminate(unknown.detail))
    }

    fn answer(&self, name: &Name, kind: RecordType) -> Result<RrSet, Stop> {
        Ok(RrSet::answer(self.message(name, kind)?, name, kind))
    }
}

/// Into a child whose DS set is authenticated, with the DNSKEY records that somebody gave of it.
///
/// # Errors
/// Why none of the keys is vouched for.
pub(super) fn enter(name: &Name, ds: &[DS], dnskey: &RrSet, moment: &Moment) -> Result<Checker, Stop> {
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
        let is_our_limit = ds.iter().any(|ds| is_supported_elsewhere(ds.algorithm()));
        return Err(if is_our_limit { Stop::Indeterminate(reason) } else { Stop::Insecure(reason) });
    }
    let keys = dnskey.keys();
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
    let outcome = Checker::new(name.clone(), matched, moment).check(dnskey);
    outcome.map_err(|unproven| Stop::at(&format!("the DNSKEY records of {}", name_text(name)), unproven))?;
    Ok(Checker::new(name.clone(), keys, moment))
}

fn zone_text(zone: &Name) -> String {
    if zone.is_root() { "the root zone".to_owned() } else { name_text(zone) }
}
