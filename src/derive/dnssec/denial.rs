//! That there is no DS, proven (RFC 4035 §5.2 and §5.4, RFC 5155 §8, RFC 6840 §4).

use hickory_resolver::proto::dnssec::Nsec3HashAlgorithm;
use hickory_resolver::proto::dnssec::rdata::{DNSSECRData, NSEC, NSEC3};
use hickory_resolver::proto::op::Message;
use hickory_resolver::proto::rr::{Name, RData, Record, RecordType, RecordTypeSet};

use super::answers::name_text;
use super::rrset::{Checker, RrSet, Unproven};

/// Above this many NSEC3 iterations a zone is treated as unsigned (RFC 9276 §3.2); the number is that of common resolvers.
const MAX_ITERATIONS: u16 = 150;

/// How many denying records of an answer are looked at; four are the most an honest one needs.
const MAX_RECORDS: usize = 8;

/// What a proven denial says of a name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Denial {
    /// The name lies in the same zone.
    NoCut,
    /// A delegation without DS, or a span in which there may be such; why.
    Unsigned(String),
    /// The name does not exist.
    NoSuchName,
}

/// What the authority section proves of the DS of `name`, with the parent's keys.
///
/// # Errors
/// Why nothing is proven.
pub(super) fn of_ds(message: &Message, name: &Name, parent: &Checker) -> Result<Denial, Unproven> {
    let nsec: Vec<(&Name, &NSEC)> = proofs(message, |data| match data {
        DNSSECRData::NSEC(nsec) => Some(nsec),
        _ => None,
    });
    let nsec3: Vec<(&Name, &NSEC3)> = proofs(message, |data| match data {
        DNSSECRData::NSEC3(nsec3) => Some(nsec3),
        _ => None,
    });
    if nsec.is_empty() && nsec3.is_empty() {
        return Err(Unproven::bogus("the answer holds neither NSEC nor NSEC3"));
    }
    for (owners, kind) in [(owners(&nsec), RecordType::NSEC), (owners(&nsec3), RecordType::NSEC3)] {
        for owner in owners {
            let rrset = RrSet::from(&message.authorities, owner, kind);
            parent.check(&rrset).map_err(|unproven| unproven.of(&format!("{kind} at {}", name_text(owner))))?;
        }
    }
    let proven = if nsec.is_empty() { by_nsec3(&nsec3, name, &parent.zone) } else { by_nsec(&nsec, name) };
    proven.map_err(Unproven::bogus)
}

fn proofs<'a, T>(message: &'a Message, pick: impl Fn(&'a DNSSECRData) -> Option<&'a T>) -> Vec<(&'a Name, &'a T)> {
    let proof = |record: &'a Record| match &record.data {
        RData::DNSSEC(data) => pick(data).map(|found| (&record.name, found)),
        _ => None,
    };
    message.authorities.iter().filter_map(proof).take(MAX_RECORDS).collect()
}

fn owners<'a, T>(proofs: &[(&'a Name, &T)]) -> Vec<&'a Name> {
    proofs.iter().map(|(owner, _)| *owner).collect()
}

/// What the types at the name itself say (RFC 6840 §4.4).
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

fn by_nsec(proofs: &[(&Name, &NSEC)], name: &Name) -> Result<Denial, String> {
    if let Some((_, nsec)) = proofs.iter().find(|(owner, _)| *owner == name) {
        return by_types(nsec.type_set(), name);
    }
    let covers = |(owner, nsec): &&(&Name, &NSEC)| {
        let next = nsec.next_domain_name();
        let is_last = next <= *owner;
        // RFC 6840 §4.1: the parent's record at a cut says nothing of what is below.
        let is_above = nsec.is_ancestor_delegation() && owner.zone_of(name);
        !is_above && *owner < name && (is_last || name < next)
    };
    match proofs.iter().find(covers) {
        // An empty non-terminal: nothing at the name, something below it (RFC 4592 §2.2.2).
        Some((_, nsec)) if name.zone_of(nsec.next_domain_name()) => Ok(Denial::NoCut),
        Some(_) => Ok(Denial::NoSuchName),
        None => Err(format!("no NSEC covers {}", name_text(name))),
    }
}

fn by_nsec3(proofs: &[(&Name, &NSEC3)], name: &Name, zone: &Name) -> Result<Denial, String> {
    if let Some((_, nsec3)) = proofs.iter().find(|(_, nsec3)| nsec3.iterations() > MAX_ITERATIONS) {
        return Ok(Denial::Unsigned(format!(
            "{} uses {} NSEC3 iterations, more than the {MAX_ITERATIONS} that resolvers accept (RFC 9276 §3.2)",
            name_text(zone),
            nsec3.iterations()
        )));
    }
    let hashed = Hashed { proofs, zone };
    if let Some(nsec3) = hashed.at(name) {
        return by_types(nsec3.type_set(), name);
    }
    let Some(next_closer) = hashed.next_closer(name) else {
        return Err(format!("no NSEC3 shows the closest encloser of {}", name_text(name)));
    };
    match hashed.covering(&next_closer) {
        Some(nsec3) if nsec3.opt_out() => Ok(Denial::Unsigned(format!(
            "{} lies in an opt-out span of {}, where delegations may be unsigned",
            name_text(name),
            name_text(zone)
        ))),
        Some(_) => Ok(Denial::NoSuchName),
        None => Err(format!("no NSEC3 covers {}", name_text(&next_closer))),
    }
}

/// NSEC3 records, asked by plain name (RFC 5155 §5).
struct Hashed<'a> {
    proofs: &'a [(&'a Name, &'a NSEC3)],
    zone: &'a Name,
}

impl Hashed<'_> {
    fn at(&self, name: &Name) -> Option<&NSEC3> {
        self.find(name, |owner, hash, _| owner == hash)
    }

    fn covering(&self, name: &Name) -> Option<&NSEC3> {
        self.find(name, |owner, hash, next| {
            let in_order = owner < hash && hash < next;
            let over_the_end = next <= owner && (owner < hash || hash < next);
            in_order || over_the_end
        })
    }

    /// The child, towards `name`, of the closest ancestor that is shown to exist (RFC 5155 §8.3).
    fn next_closer(&self, name: &Name) -> Option<Name> {
        let labels = name.iter().count();
        let ancestors = (self.zone.iter().count()..labels).rev();
        let mut known = ancestors.filter_map(|count| Some((count, self.at(&name.trim_to(count))?)));
        let (count, encloser) = known.next()?;
        (!encloser.is_ancestor_delegation()).then(|| name.trim_to(count + 1))
    }

    fn find(&self, name: &Name, fits: impl Fn(&[u8], &[u8], &[u8]) -> bool) -> Option<&NSEC3> {
        let one = |(owner, nsec3): &&(&Name, &NSEC3)| {
            let hash = Nsec3HashAlgorithm::SHA1.hash(nsec3.salt(), name, nsec3.iterations());
            let owner_hash = owner.iter().next().and_then(base32hex);
            let is_direct = owner.base_name() == *self.zone;
            matches!((hash, owner_hash), (Ok(hash), Some(owner))
                if is_direct && fits(&owner, hash.as_ref(), nsec3.next_hashed_owner_name()))
        };
        self.proofs.iter().find(one).map(|(_, nsec3)| *nsec3)
    }
}

/// Base 32 with extended hex alphabet, without padding (RFC 4648 §7, RFC 5155 §3.3).
fn base32hex(label: &[u8]) -> Option<Vec<u8>> {
    let mut bytes = Vec::with_capacity(label.len() * 5 / 8);
    let mut held = 0_u32;
    let mut bits = 0;
    for c in label {
        let value = match c.to_ascii_lowercase() {
            digit @ b'0'..=b'9' => digit - b'0',
            letter @ b'a'..=b'v' => letter - b'a' + 10,
            _ => return None,
        };
        held = (held << 5 | u32::from(value)) & 0xfff;
        bits += 5;
        if bits >= 8 {
            bits -= 8;
            bytes.push((held >> bits & 0xff) as u8);
        }
    }
    Some(bytes)
}
