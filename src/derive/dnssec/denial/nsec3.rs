//! Absence by hashed names (RFC 5155).

use hickory_resolver::proto::dnssec::Nsec3HashAlgorithm;
use hickory_resolver::proto::dnssec::rdata::NSEC3;
use hickory_resolver::proto::rr::Name;

/// NSEC3 records, asked by plain name (RFC 5155 §5).
pub(super) struct Hashed<'a> {
    pub(super) proofs: Vec<(&'a Name, &'a NSEC3)>,
    pub(super) zone: &'a Name,
}

impl<'a> Hashed<'a> {
    pub(super) fn at(&self, name: &Name) -> Option<&'a NSEC3> {
        self.find(name, |owner, hash, _| owner == hash)
    }

    pub(super) fn covering(&self, name: &Name) -> Option<&'a NSEC3> {
        self.find(name, |owner, hash, next| {
            let in_order = owner < hash && hash < next;
            let over_the_end = next <= owner && (owner < hash || hash < next);
            in_order || over_the_end
        })
    }

    /// The closest ancestor of the name that is shown to exist, and to be no delegation (RFC 5155 §8.3).
    pub(super) fn encloser(&self, name: &Name) -> Option<Name> {
        let labels = name.iter().count();
        let ancestors = (self.zone.iter().count()..labels).rev();
        let mut known = ancestors.filter_map(|count| Some((count, self.at(&name.trim_to(count))?)));
        let (count, encloser) = known.next()?;
        (!encloser.is_ancestor_delegation()).then(|| name.trim_to(count))
    }

    /// The most iterations that a record asks for.
    pub(super) fn iterations(&self) -> u16 {
        self.proofs.iter().map(|(_, nsec3)| nsec3.iterations()).max().unwrap_or_default()
    }

    fn find(&self, name: &Name, fits: impl Fn(&[u8], &[u8], &[u8]) -> bool) -> Option<&'a NSEC3> {
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
