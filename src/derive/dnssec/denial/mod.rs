//! That something is not there, proven (RFC 4035 §5.2 and §5.4, RFC 5155 §8, RFC 6840 §4).

mod nsec3;

use hickory_resolver::proto::dnssec::rdata::{DNSSECRData, NSEC, NSEC3};
use hickory_resolver::proto::op::Message;
use hickory_resolver::proto::rr::{Name, RData, Record, RecordType, RecordTypeSet};

use super::checker::{Checker, Unproven};
use super::rrset::RrSet;
use crate::derive::message::name_text;
use nsec3::Hashed;

/// Above this many NSEC3 iterations a zone is treated as unsigned (RFC 9276 §3.2); the number is that of common resolvers.
const MAX_ITERATIONS: u16 = 150;

/// How many denying records of an answer are looked at; four are the most an honest one needs.
const MAX_RECORDS: usize = 8;

/// What a proven denial says of the DS of a name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Denial {
    /// The name lies in the same zone.
    NoCut,
    /// A delegation without DS, or a span in which there may be such; why.
    Unsigned(String),
    /// The name does not exist.
    NoSuchName,
}

/// What a proof amounts to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Proof {
    /// It holds, by `NSEC` or `NSEC3`.
    Holds(&'static str),
    /// Resolvers do not insist on it; why.
    Waived(String),
}

/// The records that deny, in one form or the other, each authenticated.
enum Proofs<'a> {
    Nsec(Vec<(&'a Name, &'a NSEC)>),
    Nsec3(Hashed<'a>),
}

/// A span in which there is no name.
struct Gap {
    opt_out: bool,
    /// The span ends below the name that was asked for: it is there, with nothing at it (RFC 4592 §2.2.2).
    leads_below: bool,
}

/// What the authority section proves of the DS of `name`, with the parent's keys.
///
/// # Errors
/// Why nothing is proven.
pub(super) fn of_ds(message: &Message, name: &Name, parent: &Checker) -> Result<Denial, Unproven> {
    let proofs = Proofs::authenticated(message, parent)?;
    if let Some(why) = proofs.too_costly(&parent.zone) {
        return Ok(Denial::Unsigned(why));
    }
    let proven = match proofs.types_at(name) {
        Some(types) => by_types(types, name),
        None => proofs.gap_at(name).map(|gap| match gap {
            Gap { opt_out: true, .. } => Denial::Unsigned(format!(
                "{} lies in an opt-out span of {}, where delegations may be unsigned",
                name_text(name),
                name_text(&parent.zone)
            )),
            Gap { leads_below: true, .. } => Denial::NoCut,
            Gap { .. } => Denial::NoSuchName,
        }),
    };
    proven.map_err(Unproven::bogus)
}

/// That there is no `kind` at a name that may be there (NODATA; RFC 4035 §5.4, RFC 5155 §8.5 to §8.7).
///
/// # Errors
/// Why that is not proven.
pub(super) fn of_type(message: &Message, name: &Name, kind: RecordType, zone: &Checker) -> Result<Proof, Unproven> {
    proven(message, zone, |proofs| {
        if let Some(types) = proofs.types_at(name) {
            return lacks(types, name, kind).map(|()| None);
        }
        let gap = proofs.gap_at(name)?;
        if gap.leads_below {
            return Ok(None);
        }
        let wildcard = proofs.wildcard(name)?;
        match proofs.types_at(&wildcard) {
            Some(types) => lacks(types, &wildcard, kind).map(|()| None),
            None => Err(format!("no {} shows what is at {}", proofs.word(), name_text(name))),
        }
    })
}

/// That there is no name, nor a wildcard in its place (NXDOMAIN; RFC 4035 §5.4, RFC 5155 §8.4).
///
/// # Errors
/// Why that is not proven.
pub(super) fn of_name(message: &Message, name: &Name, zone: &Checker) -> Result<Proof, Unproven> {
    proven(message, zone, |proofs| {
        let says_so = || format!("the {} says that there is a name {}", proofs.word(), name_text(name));
        if proofs.types_at(name).is_some() {
            return Err(says_so());
        }
        let gap = proofs.gap_at(name)?;
        if gap.leads_below {
            return Err(says_so());
        }
        let wildcard = proofs.wildcard(name)?;
        if proofs.types_at(&wildcard).is_some() {
            return Err(format!("there is a wildcard {}, which would answer", name_text(&wildcard)));
        }
        proofs.gap_at(&wildcard)?;
        // A delegation that is not signed may hide there (RFC 5155 §9.2).
        Ok(gap.opt_out.then(|| format!("{} lies in an opt-out span", name_text(name))))
    })
}

/// That no closer name is there than the wildcard which an answer was made from; `labels` of the name were signed (RFC 4035
/// §5.3.4, RFC 5155 §8.8).
///
/// # Errors
/// Why that is not proven.
pub(super) fn of_closer(message: &Message, name: &Name, labels: usize, zone: &Checker) -> Result<Proof, Unproven> {
    proven(message, zone, |proofs| {
        let covered = match proofs {
            Proofs::Nsec(_) => proofs.gap_at(name).is_ok(),
            Proofs::Nsec3(hashed) => hashed.covering(&name.trim_to(labels + 1)).is_some(),
        };
        let why = || format!("no {} shows that there is no closer name than the wildcard's", proofs.word());
        if covered { Ok(None) } else { Err(why()) }
    })
}

/// How an answer denies: the method, and of NSEC3 what its records ask for.
pub(super) fn parameters(message: &Message) -> Option<(&'static str, Vec<&NSEC3>)> {
    let nsec3: Vec<&NSEC3> = nsec3(message).into_iter().map(|(_, nsec3)| nsec3).collect();
    match nsec3.is_empty() {
        false => Some(("NSEC3", nsec3)),
        true => (!nsec(message).is_empty()).then(|| ("NSEC", Vec::new())),
    }
}

/// `holds` gives why resolvers waive the proof, if they do.
fn proven(
    message: &Message,
    zone: &Checker,
    holds: impl FnOnce(&Proofs<'_>) -> Result<Option<String>, String>,
) -> Result<Proof, Unproven> {
    let proofs = Proofs::authenticated(message, zone)?;
    if let Some(why) = proofs.too_costly(&zone.zone) {
        return Ok(Proof::Waived(why));
    }
    let waived = holds(&proofs).map_err(Unproven::bogus)?;
    Ok(waived.map_or(Proof::Holds(proofs.word()), Proof::Waived))
}

impl<'a> Proofs<'a> {
    /// The denying records of the authority section, if the zone signed every one.
    fn authenticated(message: &'a Message, zone: &'a Checker) -> Result<Self, Unproven> {
        let (nsec, nsec3) = (nsec(message), nsec3(message));
        if nsec.is_empty() && nsec3.is_empty() {
            return Err(Unproven::bogus("the answer holds neither NSEC nor NSEC3"));
        }
        for (owners, kind) in [(owners(&nsec), RecordType::NSEC), (owners(&nsec3), RecordType::NSEC3)] {
            for owner in owners {
                let rrset = RrSet::from(&message.authorities, owner, kind);
                zone.check(&rrset).map_err(|unproven| unproven.of(&format!("{kind} at {}", name_text(owner))))?;
            }
        }
        Ok(if nsec.is_empty() { Self::Nsec3(Hashed { proofs: nsec3, zone: &zone.zone }) } else { Self::Nsec(nsec) })
    }

    fn word(&self) -> &'static str {
        match self {
            Self::Nsec(_) => "NSEC",
            Self::Nsec3(_) => "NSEC3",
        }
    }

    /// Why resolvers treat the zone as unsigned rather than do the hashing (RFC 9276 §3.2).
    fn too_costly(&self, zone: &Name) -> Option<String> {
        let Self::Nsec3(hashed) = self else { return None };
        let iterations = hashed.iterations();
        (iterations > MAX_ITERATIONS).then(|| {
            format!(
                "{} uses {iterations} NSEC3 iterations, more than the {MAX_ITERATIONS} that resolvers accept (RFC 9276 §3.2)",
                name_text(zone),
            )
        })
    }

    /// The types at a name that is shown to exist.
    fn types_at(&self, name: &Name) -> Option<&'a RecordTypeSet> {
        match self {
            Self::Nsec(proofs) => proofs.iter().find(|(owner, _)| *owner == name).map(|(_, nsec)| nsec.type_set()),
            Self::Nsec3(hashed) => hashed.at(name).map(NSEC3::type_set),
        }
    }

    /// That a name is not there, or not with anything at it.
    fn gap_at(&self, name: &Name) -> Result<Gap, String> {
        match self {
            Self::Nsec(proofs) => {
                let (_, nsec) = covering(proofs, name).ok_or_else(|| format!("no NSEC covers {}", name_text(name)))?;
                Ok(Gap { opt_out: false, leads_below: name.zone_of(nsec.next_domain_name()) })
            }
            Self::Nsec3(hashed) => {
                let encloser = self.encloser(name)?;
                let next_closer = name.trim_to(encloser.iter().count() + 1);
                let covering = hashed.covering(&next_closer);
                let covering = covering.ok_or_else(|| format!("no NSEC3 covers {}", name_text(&next_closer)))?;
                Ok(Gap { opt_out: covering.opt_out(), leads_below: false })
            }
        }
    }

    /// The closest ancestor that is there (RFC 4592 §3.3.1).
    fn encloser(&self, name: &Name) -> Result<Name, String> {
        match self {
            Self::Nsec(proofs) => {
                let (owner, nsec) =
                    covering(proofs, name).ok_or_else(|| format!("no NSEC covers {}", name_text(name)))?;
                let shared = |other: &Name| {
                    let same = |(a, b): &(&[u8], &[u8])| a.eq_ignore_ascii_case(b);
                    name.iter().rev().zip(other.iter().rev()).take_while(same).count()
                };
                Ok(name.trim_to(shared(owner).max(shared(nsec.next_domain_name()))))
            }
            Self::Nsec3(hashed) => hashed
                .encloser(name)
                .ok_or_else(|| format!("no NSEC3 shows the closest encloser of {}", name_text(name))),
        }
    }

    /// The wildcard that would stand for a name which is not there.
    fn wildcard(&self, name: &Name) -> Result<Name, String> {
        self.encloser(name)?
            .prepend_label("*")
            .map_err(|e| format!("no wildcard can stand for {}: {e}", name_text(name)))
    }
}

fn covering<'a>(proofs: &[(&'a Name, &'a NSEC)], name: &Name) -> Option<(&'a Name, &'a NSEC)> {
    let covers = |(owner, nsec): &&(&Name, &NSEC)| {
        let next = nsec.next_domain_name();
        let is_last = next <= *owner;
        // RFC 6840 §4.1: the parent's record at a cut says nothing of what is below.
        let is_above = nsec.is_ancestor_delegation() && owner.zone_of(name);
        !is_above && *owner < name && (is_last || name < next)
    };
    proofs.iter().find(covers).copied()
}

fn nsec(message: &Message) -> Vec<(&Name, &NSEC)> {
    picked(message, |data| match data {
        DNSSECRData::NSEC(nsec) => Some(nsec),
        _ => None,
    })
}

fn nsec3(message: &Message) -> Vec<(&Name, &NSEC3)> {
    picked(message, |data| match data {
        DNSSECRData::NSEC3(nsec3) => Some(nsec3),
        _ => None,
    })
}

fn picked<'a, T>(message: &'a Message, pick: impl Fn(&'a DNSSECRData) -> Option<&'a T>) -> Vec<(&'a Name, &'a T)> {
    let proof = |record: &'a Record| match &record.data {
        RData::DNSSEC(data) => pick(data).map(|found| (&record.name, found)),
        _ => None,
    };
    message.authorities.iter().filter_map(proof).take(MAX_RECORDS).collect()
}

fn owners<'a, T>(proofs: &[(&'a Name, &T)]) -> Vec<&'a Name> {
    proofs.iter().map(|(owner, _)| *owner).collect()
}

/// What the types at the name itself say of its DS (RFC 6840 §4.4).
fn by_types(types: &RecordTypeSet, name: &Name) -> Result<Denial, String> {
    let has = |kind| types.iter().any(|t| t == kind);
    if has(RecordType::DS) {
        Err(format!("the record at {} says that there is a DS", name_text(name)))
    } else if has(RecordType::SOA) {
        Err(format!("the record at {} is the child's own, not its parent's", name_text(name)))
    } else if has(RecordType::NS) {
        Ok(Denial::Unsigned(format!("{} is delegated without DS, as its parent proves", name_text(name))))
    } else {
        Ok(Denial::NoCut)
    }
}

/// Whether the types at a name leave out one.
fn lacks(types: &RecordTypeSet, name: &Name, kind: RecordType) -> Result<(), String> {
    let has = |kind| types.iter().any(|t| t == kind);
    let name = name_text(name);
    if has(kind) {
        Err(format!("the record at {name} says that there is a {kind}"))
    } else if has(RecordType::CNAME) {
        Err(format!("the record at {name} says that there is an alias"))
    } else if has(RecordType::NS) && !has(RecordType::SOA) {
        Err(format!("the record at {name} is the parent's and does not speak for the zone below"))
    } else {
        Ok(())
    }
}
