//! From the chain's DER blobs: the leaf read, and the chain held against roots. From the suites: what they lie open to.

mod certificate;
pub(super) mod drown;
mod exposure;
mod field;
mod validation;
pub(super) mod winshock;

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use rustls_pki_types::CertificateDer;

use super::Given;
use crate::facts::{Blobs, Certificate, Chain, Exposures, Observation, Other, Reason, Tls, Validation};

pub(super) use validation::Roots;

/// Fills every derived fact of TLS.
pub(super) fn derive(tls: &mut Tls, host: &str, blobs: &Blobs, given: &Given, roots: &Roots) {
    field::derive(&mut tls.fields, blobs);
    tls.exposures = exposure::derive(tls);
    (tls.certificate, tls.validation) = certificate(&tls.chain, host, blobs, given, roots);
    tls.others = tls.other_chains.and_then(|chains, observed_at| {
        let mut others = Vec::new();
        for chain in chains {
            let chain = Observation::Observed { observed_at, value: chain.clone() };
            match certificate(&chain, host, blobs, given, roots) {
                (Observation::Observed { value: certificate, .. }, Observation::Observed { value: validation, .. }) => {
                    others.push(Other { certificate, validation })
                }
                (unread, _) => return unread.unobserved().map_or_else(Observation::underived, |why| why.cast()),
            }
        }
        Observation::Observed { observed_at, value: others }
    });
}

/// The leaf of a chain read, and the chain held against roots.
fn certificate(
    chain: &Observation<Chain>,
    host: &str,
    blobs: &Blobs,
    given: &Given,
    roots: &Roots,
) -> (Observation<Certificate>, Observation<Validation>) {
    let chain = certificates(chain, blobs);
    let certificate = chain.and_then(|chain, observed_at| match certificate::read(chain) {
        Ok(value) => Observation::Observed { observed_at, value },
        Err(detail) => Observation::Failed { observed_at, reason: Reason::Garbage, detail },
    });
    let validation = match (&certificate, &chain) {
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

/// Empties every derived fact of TLS.
pub(super) fn strip(tls: &mut Tls) {
    tls.certificate = Observation::underived();
    tls.validation = Observation::underived();
    tls.others = Observation::underived();
    tls.exposures = Exposures::default();
    tls.dane = Observation::underived();
    tls.caa = Observation::underived();
    tls.announced = Observation::underived();
    for field in tls.fields.value_mut().into_iter().flatten() {
        (field.name, field.safe) = (None, None);
    }
}
