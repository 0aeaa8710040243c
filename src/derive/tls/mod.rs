//! From the chain's DER blobs: the leaf read, and the chain held against roots. From the suites: what they lie open to.

mod certificate;
pub(super) mod drown;
mod exposure;
mod field;
mod key;
mod names;
mod sending;
mod signature;
mod staple;
mod timestamps;
mod validation;
pub(super) mod winshock;

#[cfg(test)]
mod tests;
#[cfg(test)]
mod vouching_tests;

use std::collections::BTreeMap;

use rustls_pki_types::CertificateDer;

use super::Given;
use crate::facts::{
    Blobs, Certificate, Chain, Exposures, Observation, Other, Reason, SctList, Staple, Timestamp, Tls, Unobserved,
    Validation,
};

pub(super) use validation::Roots;

/// Fills every derived fact of TLS.
pub(super) fn derive(tls: &mut Tls, host: &str, blobs: &Blobs, given: &Given, roots: &Roots) {
    field::derive(&mut tls.fields, blobs);
    tls.exposures = exposure::derive(tls);
    let chain = certificates(&tls.chain, blobs);
    (tls.certificate, tls.validation) = certificate(&chain, host, given, roots);
    tls.sending = readable(&chain, &tls.certificate).and_then(|chain, observed_at| Observation::Observed {
        observed_at,
        value: sending::of(chain, given.now, roots),
    });
    tls.revocation = staple::derive(&tls.staple, &chain, blobs, given.now, roots);
    tls.scts = readable(&chain, &tls.certificate).and_then(|chain, at| match chain.first() {
        Some(leaf) => timestamps::derive(tls, leaf, at, blobs),
        None => Observation::Absent { observed_at: at },
    });
    tls.others = tls.other_chains.and_then(|chains, observed_at| {
        let mut others = Vec::new();
        for chain in chains {
            let chain = Observation::Observed { observed_at, value: chain.clone() };
            match certificate(&certificates(&chain, blobs), host, given, roots) {
                (Observation::Observed { value: certificate, .. }, Observation::Observed { value: validation, .. }) => {
                    others.push(Other { certificate, validation })
                }
                (unread, _) => return unread.unobserved().map_or_else(Observation::underived, |why| why.cast()),
            }
        }
        Observation::Observed { observed_at, value: others }
    });
}

/// The chain, unless its first certificate could not be read.
fn readable(
    chain: &Observation<Vec<CertificateDer<'static>>>,
    leaf: &Observation<Certificate>,
) -> Observation<Vec<CertificateDer<'static>>> {
    leaf.unobserved().map_or_else(|| chain.clone(), |why| why.cast())
}

/// A chain that something else than the TLS probe kept, held against roots.
pub(super) fn validation(
    chain: &Chain,
    observed_at: Timestamp,
    host: &str,
    blobs: &Blobs,
    given: &Given,
    roots: &Roots,
) -> Observation<Validation> {
    let chain = Observation::Observed { observed_at, value: chain.clone() };
    certificate(&certificates(&chain, blobs), host, given, roots).1
}

/// The leaf of a chain read, and the chain held against roots.
fn certificate(
    chain: &Observation<Vec<CertificateDer<'static>>>,
    host: &str,
    given: &Given,
    roots: &Roots,
) -> (Observation<Certificate>, Observation<Validation>) {
    let certificate = chain.and_then(|chain, observed_at| match certificate::read(chain) {
        Ok(value) => Observation::Observed { observed_at, value },
        Err(detail) => Observation::Failed { observed_at, reason: Reason::Garbage, detail },
    });
    let validation = match (&certificate, chain) {
        (Observation::Observed { observed_at, value: leaf }, Observation::Observed { value: chain, .. }) => {
            let value = validation::validate(chain, leaf, host, given.now, roots);
            Observation::Observed { observed_at: *observed_at, value }
        }
        (unread, _) => unread.unobserved().map_or_else(Observation::underived, |why| why.cast()),
    };
    (certificate, validation)
}

/// The certificates of a chain.
pub(super) fn certificates(chain: &Observation<Chain>, blobs: &Blobs) -> Observation<Vec<CertificateDer<'static>>> {
    chain.and_then(|chain, observed_at| {
        let certificates: Option<Vec<CertificateDer<'static>>> =
            chain.certificates.iter().map(|id| blobs.bytes(id).map(CertificateDer::from)).collect();
        match certificates {
            Some(value) => Observation::Observed { observed_at, value },
            None => Observation::Failed {
                observed_at,
                reason: Reason::Dependency,
                detail: "a certificate of the chain is not among the blobs of this document".into(),
            },
        }
    })
}

/// Digests of the keys of every certificate that an endpoint shows, each with whether a certificate for it has a wildcard name.
pub(crate) fn keys(tls: &Tls) -> BTreeMap<String, bool> {
    let others = tls.others.value().into_iter().flatten().map(|other| &other.certificate);
    let mut keys = BTreeMap::new();
    for certificate in tls.certificate.value().into_iter().chain(others) {
        *keys.entry(certificate.key_digest.clone()).or_default() |= certificate.wildcard;
    }
    keys
}

/// Derives from a chain that holds the bytes twice, with the bytes as staple and as list of timestamps.
pub(super) fn exercise(bytes: &[u8]) {
    let mut blobs = Blobs::default();
    let kept = blobs.keep(bytes);
    let mut tls = Tls::unobserved(&Unobserved::absent());
    tls.chain = Observation::observed(Chain { certificates: vec![kept.clone(), kept.clone()] });
    tls.staple = Observation::observed(Staple { response: kept.clone() });
    tls.sct_list = Observation::observed(SctList { list: kept.clone(), certificate: kept });
    let given = Given::at(Timestamp::EPOCH);
    derive(&mut tls, "www.example.org", &blobs, &given, &Roots::new(""));
}

/// Empties every derived fact of TLS.
pub(super) fn strip(tls: &mut Tls) {
    tls.certificate = Observation::underived();
    tls.validation = Observation::underived();
    tls.sending = Observation::underived();
    tls.revocation = Observation::underived();
    tls.scts = Observation::underived();
    tls.others = Observation::underived();
    tls.exposures = Exposures::default();
    tls.dane = Observation::underived();
    tls.caa = Observation::underived();
    tls.announced = Observation::underived();
    for field in tls.fields.value_mut().into_iter().flatten() {
        (field.name, field.safe) = (None, None);
    }
}
