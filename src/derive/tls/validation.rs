//! A chain held against roots: trust, time and name are three questions with three answers. Revocation is not among them.

use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, ServerName, TrustAnchor, UnixTime};
use webpki::{ALL_VERIFICATION_ALGS, EndEntityCert, Error, KeyUsage, anchor_from_trusted_cert};
use x509_parser::certificate::X509Certificate;
use x509_parser::prelude::FromDer;
use x509_parser::x509::X509Name;

use super::certificate::{name, period};
use super::signature::{Key, inside};
use crate::facts::{Certificate, Programme, Timestamp, Validation};

const MOZILLA: &str = "Mozilla";
/// When the release of webpki-roots that Cargo.lock pins was made.
const MOZILLA_DATE: &str = "2026-10-19";

/// The pinned public roots with the estate's own.
pub(in crate::derive) struct Roots {
    anchors: Vec<TrustAnchor<'static>>,
    /// The estate's, as whole certificates: a server may show one of them itself.
    extra: Vec<CertificateDer<'static>>,
}

impl Roots {
    /// The public ones (Mozilla's, of the build's webpki-roots), and those of a PEM text.
    pub(in crate::derive) fn new(extra_pem: &str) -> Self {
        let extra: Vec<CertificateDer<'static>> =
            CertificateDer::pem_slice_iter(extra_pem.as_bytes()).filter_map(Result::ok).collect();
        let own = extra.iter().filter_map(|der| anchor_from_trusted_cert(der).ok().map(|anchor| anchor.to_owned()));
        Self { anchors: webpki_roots::TLS_SERVER_ROOTS.iter().cloned().chain(own).collect(), extra }
    }
    /// Whether a root has this name (a DER Name).
    pub(super) fn has(&self, name: &[u8]) -> bool {
        inside(name).is_some_and(|inside| self.anchors.iter().any(|anchor| anchor.subject.as_ref() == inside))
    }
    /// Keys of the roots with this name (a DER Name).
    pub(super) fn keys_of(&self, name: &[u8]) -> Vec<Key> {
        let named = self.anchors.iter().filter(|anchor| Some(anchor.subject.as_ref()) == inside(name));
        named.filter_map(|anchor| Key::within(&anchor.subject_public_key_info)).collect()
    }
    /// Whether an anchor is the estate's own and not also public.
    fn is_extra(&self, anchor: &TrustAnchor<'_>) -> bool {
        !webpki_roots::TLS_SERVER_ROOTS.iter().any(|public| {
            public.subject == anchor.subject && public.subject_public_key_info == anchor.subject_public_key_info
        })
    }
}

/// A way from the leaf to a root.
struct Way {
    root: String,
    extra: bool,
    /// Validity of the leaf and of each intermediate on the way, with the subject.
    periods: Vec<(String, Timestamp, Timestamp)>,
}

/// Validates at `now` for `host`.
pub(super) fn validate(
    chain: &[CertificateDer<'_>],
    leaf: &Certificate,
    host: &str,
    now: Timestamp,
    roots: &Roots,
) -> Validation {
    let way = way(chain, leaf, now, roots);
    let leaf_period = vec![(leaf.subject.clone(), leaf.not_before, leaf.not_after)];
    let periods = way.as_ref().map_or(leaf_period, |way| way.periods.clone());
    let mut problems: Vec<String> = way.as_ref().err().cloned().into_iter().collect();
    problems.extend(periods.iter().filter_map(|period| out_of_time(period, now)));
    let in_time = periods.iter().all(|period| out_of_time(period, now).is_none());
    let name_matches = name_matches(chain, host);
    if !name_matches {
        problems.push(format!("{host} is not among the names of the certificate"));
    }
    Validation {
        trusted: way.is_ok(),
        in_time,
        name_matches,
        valid: way.is_ok() && in_time && name_matches,
        problem: (!problems.is_empty()).then(|| problems.join("; ")),
        root: way.as_ref().ok().map(|way| way.root.clone()),
        extra_root: way.as_ref().is_ok_and(|way| way.extra),
        chain_ends: periods.iter().map(|(_, _, end)| *end).min(),
        programmes: way.as_ref().map(|way| programmes(!way.extra)).unwrap_or_default(),
    }
}

/// The root programmes that are held against. Of others no dated list with a free licence was found in the package registries;
/// docs/decisions/0001 says where was looked.
fn programmes(public: bool) -> Vec<Programme> {
    vec![Programme { name: MOZILLA.into(), date: MOZILLA_DATE.into(), trusted: public }]
}

fn out_of_time((subject, start, end): &(String, Timestamp, Timestamp), now: Timestamp) -> Option<String> {
    if now < *start {
        Some(format!("the certificate of {subject} begins only on {start}"))
    } else if now > *end {
        Some(format!("the certificate of {subject} ended on {end}"))
    } else {
        None
    }
}

/// A way at `now`; failing that, at a moment when all that was sent was valid: an expired chain is still the right chain.
fn way(chain: &[CertificateDer<'_>], leaf: &Certificate, now: Timestamp, roots: &Roots) -> Result<Way, String> {
    let Some((first, rest)) = chain.split_first() else { return Err("no certificate was sent".into()) };
    if roots.extra.iter().any(|root| root.as_ref() == first.as_ref()) {
        let periods = vec![(leaf.subject.clone(), leaf.not_before, leaf.not_after)];
        return Ok(Way { root: leaf.subject.clone(), extra: true, periods });
    }
    let end_entity = EndEntityCert::try_from(first).map_err(|e| explain(&e, leaf))?;
    let mut fault = None;
    for moment in moments(chain, now) {
        match way_at(&end_entity, rest, leaf, moment, roots) {
            Ok(way) => return Ok(way),
            Err(e) => fault.get_or_insert(e),
        };
    }
    Err(fault.map_or_else(|| "no path to a trusted root".into(), |e| explain(&e, leaf)))
}

/// `now` first, then the first and the last moments of all that was sent.
fn moments(chain: &[CertificateDer<'_>], now: Timestamp) -> impl Iterator<Item = Timestamp> {
    let periods = chain.iter().filter_map(|der| period(&X509Certificate::from_der(der).ok()?.1).ok());
    std::iter::once(now).chain(periods.flat_map(|(start, end)| [start, end])).collect::<Vec<_>>().into_iter()
}

fn way_at(
    end_entity: &EndEntityCert<'_>,
    rest: &[CertificateDer<'_>],
    leaf: &Certificate,
    moment: Timestamp,
    roots: &Roots,
) -> Result<Way, Error> {
    let seconds = u64::try_from(moment.unix()).unwrap_or(0);
    let time = UnixTime::since_unix_epoch(std::time::Duration::from_secs(seconds));
    let usage = KeyUsage::server_auth();
    let path = end_entity.verify_for_usage(ALL_VERIFICATION_ALGS, &roots.anchors, rest, time, usage, None, None)?;
    let mut periods = vec![(leaf.subject.clone(), leaf.not_before, leaf.not_after)];
    for der in path.intermediate_certificates().map(|certificate| certificate.der()) {
        if let Ok((_, x509)) = X509Certificate::from_der(&der)
            && let Ok((start, end)) = period(&x509)
        {
            periods.push((name(x509.subject()), start, end));
        }
    }
    Ok(Way { root: subject(path.anchor()), extra: roots.is_extra(path.anchor()), periods })
}

/// A trust anchor keeps the inside of its name only; the outer SEQUENCE (X.690 §8.9) is put around it again.
fn subject(anchor: &TrustAnchor<'_>) -> String {
    let inside = anchor.subject.as_ref();
    let mut der = vec![0x30];
    match inside.len() {
        short @ 0..0x80 => der.extend(u8::try_from(short)),
        long => {
            der.push(0x82);
            der.extend(u16::try_from(long).unwrap_or(u16::MAX).to_be_bytes());
        }
    }
    der.extend_from_slice(inside);
    X509Name::from_der(&der).map_or_else(|_| "a root whose name cannot be read".into(), |(_, x)| name(&x))
}

/// RFC 9525 §6, by the same code as TLS clients use.
fn name_matches(chain: &[CertificateDer<'_>], host: &str) -> bool {
    let Ok(server) = ServerName::try_from(host) else { return false };
    let end_entity = chain.first().map(EndEntityCert::try_from);
    matches!(end_entity, Some(Ok(leaf)) if leaf.verify_is_valid_for_subject_name(&server).is_ok())
}

fn explain(error: &Error, leaf: &Certificate) -> String {
    match error {
        Error::UnknownIssuer if leaf.self_signed => "it is signed by itself and is no root that is trusted".into(),
        Error::UnknownIssuer if leaf.sent == 1 => {
            format!("no trusted root has issued it, and the server sent no certificate of its issuer, {}", leaf.issuer)
        }
        Error::UnknownIssuer => format!("no path leads over {} to a trusted root", leaf.issuer),
        Error::CaUsedAsEndEntity => "it is the certificate of an authority, not of a server".into(),
        Error::UnsupportedSignatureAlgorithmContext(_) | Error::UnsupportedSignatureAlgorithmForPublicKeyContext(_) => {
            format!("the chain has a signature that current clients refuse ({})", leaf.signature)
        }
        Error::RequiredEkuNotFoundContext(_) => "it was issued for another use than a TLS server".into(),
        Error::UnsupportedCertVersion => "it is not of X.509 version 3".into(),
        other => format!("clients refuse the chain: {other}"),
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_date_of_the_roots_is_that_of_the_pinned_release() {
        let lock = include_str!("../../../Cargo.lock");
        let pinned = lock.split("name = \"webpki-roots\"\nversion = \"").nth(1).and_then(|rest| rest.split('"').next());
        assert_eq!(pinned, Some("1.0.10"), "MOZILLA_DATE is the day on which this release was published");
        assert_eq!(super::MOZILLA_DATE, "2026-10-19");
    }
}
