//! How a chain was sent: what is missing, out of order, too much or too weak.

use rustls_pki_types::CertificateDer;
use x509_parser::certificate::X509Certificate;
use x509_parser::extensions::ParsedExtension;
use x509_parser::oid_registry::asn1_rs::oid;
use x509_parser::prelude::FromDer;

use super::certificate::{address_of, key, name, period, signature_hash_of};
use super::validation::Roots;
use crate::facts::{Sending, Timestamp};

/// Hashes that no longer bind a signature (RFC 6151, RFC 9155).
const BROKEN: [&str; 4] = ["md2", "md4", "md5", "sha1"];

/// Walks from the leaf over issuers; what stands in the chain beside its way is too much.
pub(super) fn of(chain: &[CertificateDer<'_>], now: Timestamp, roots: &Roots) -> Sending {
    // What cannot be read leads nowhere, and keeps its place.
    let read: Vec<Option<X509Certificate<'_>>> =
        chain.iter().map(|der| X509Certificate::from_der(der).ok().map(|(_, x509)| x509)).collect();
    let way = way(&read, chain);
    let on_way = |at: usize| read[at].as_ref().filter(|_| way.contains(&at));
    let open = way.iter().filter_map(|at| read[*at].as_ref()).find(|x509| is_open(x509, &read));
    let missing = open.filter(|x509| !roots.has(x509.issuer().as_raw()) && !reaches_root(&way, &read, roots));
    let missing_at = missing.and_then(issuer_address);
    let above = || (1..read.len()).filter_map(on_way);
    Sending {
        incomplete: missing_at.is_some(),
        missing_at,
        disordered: (0..read.len())
            .filter_map(|at| Some((at, on_way(at)?)))
            .any(|(at, x509)| stands_after(at, x509, &read)),
        superfluous: (1..chain.len()).filter(|at| !way.contains(at)).map(|at| subject(read[at].as_ref())).collect(),
        root_sent: above().any(is_self_signed),
        weak: above().filter(|x509| !is_self_signed(x509)).flat_map(|x509| weaknesses(x509, now)).collect(),
    }
}

/// Places that some way from the leaf leads over; of doubles the first.
fn way(read: &[Option<X509Certificate<'_>>], chain: &[CertificateDer<'_>]) -> Vec<usize> {
    let mut way = vec![0];
    let mut next = 0;
    while let Some(at) = way.get(next).copied() {
        next += 1;
        let Some(issued) = &read[at] else { continue };
        for (place, other) in read.iter().enumerate().skip(1) {
            let issues = other.as_ref().is_some_and(|other| other.subject().as_raw() == issued.issuer().as_raw());
            let double = chain[..place].contains(&chain[place]);
            if issues && !double && !way.contains(&place) {
                way.push(place);
            }
        }
    }
    way
}

/// Whether its issuer is not among what was sent.
fn is_open(x509: &X509Certificate<'_>, read: &[Option<X509Certificate<'_>>]) -> bool {
    !is_self_signed(x509) && !read.iter().flatten().any(|other| other.subject().as_raw() == x509.issuer().as_raw())
}

/// Some certificate of the way was issued by a root that clients have.
fn reaches_root(way: &[usize], read: &[Option<X509Certificate<'_>>], roots: &Roots) -> bool {
    way.iter().filter_map(|at| read[*at].as_ref()).any(|x509| roots.has(x509.issuer().as_raw()))
}

/// Every issuer of it that was sent stands before it.
fn stands_after(at: usize, x509: &X509Certificate<'_>, read: &[Option<X509Certificate<'_>>]) -> bool {
    let issues = |other: &Option<X509Certificate<'_>>| {
        other.as_ref().is_some_and(|other| other.subject().as_raw() == x509.issuer().as_raw())
    };
    !is_self_signed(x509) && read[..at].iter().any(issues) && !read[at + 1..].iter().any(issues)
}

fn is_self_signed(x509: &X509Certificate<'_>) -> bool {
    x509.subject().as_raw() == x509.issuer().as_raw()
}

fn subject(x509: Option<&X509Certificate<'_>>) -> String {
    x509.map_or_else(|| "a certificate that cannot be read".into(), |x509| name(x509.subject()))
}

/// Where the issuer's certificate is (RFC 5280 §4.2.2.1).
fn issuer_address(x509: &X509Certificate<'_>) -> Option<String> {
    let access = x509.extensions().iter().find_map(|extension| match extension.parsed_extension() {
        ParsedExtension::AuthorityInfoAccess(access) => Some(access),
        _ => None,
    });
    let issuers = access?.iter().filter(|description| description.access_method == oid!(1.3.6.1.5.5.7.48.2));
    issuers.into_iter().find_map(|description| address_of(&description.access_location))
}

/// What speaks against an intermediate at `now`.
fn weaknesses(x509: &X509Certificate<'_>, now: Timestamp) -> Vec<String> {
    let who = name(x509.subject());
    let mut found = Vec::new();
    if let Ok((_, end)) = period(x509)
        && end < now
    {
        found.push(format!("{who}: ended on {end}"));
    }
    if let Some(hash) = signature_hash_of(x509).filter(|hash| BROKEN.contains(&hash.as_str())) {
        found.push(format!("{who}: signed with {hash}"));
    }
    match key(x509.public_key()) {
        (kind, bits) if kind == "rsa" && bits < 2048 || kind == "ec" && bits < 256 || kind == "dsa" => {
            found.push(format!("{who}: key of {bits} bits ({kind})"));
        }
        _ => {}
    }
    found
}
