//! From the chain's DER blobs: the leaf read, and the chain held against roots. From the suites: what they lie open to.

mod certificate;
mod exposure;
mod validation;

#[cfg(test)]
mod tests;

use rustls_pki_types::CertificateDer;

use super::Given;
use crate::facts::{Blobs, Observation, Reason, Tls};

pub(super) use validation::Roots;

/// Fills `certificate`, `validation` and `exposures`.
pub(super) fn derive(tls: &mut Tls, host: &str, blobs: &Blobs, given: &Given, roots: &Roots) {
    tls.exposures = exposure::derive(&tls.suites, &tls.versions);
    let chain = tls.chain.and_then(|chain, observed_at| {
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
    });
    tls.certificate = chain.and_then(|chain, observed_at| match certificate::read(chain) {
        Ok(value) => Observation::Observed { observed_at, value },
        Err(detail) => Observation::Failed { observed_at, reason: Reason::Garbage, detail },
    });
    tls.validation = match (&tls.certificate, &chain) {
        (Observation::Observed { observed_at, value: leaf }, Observation::Observed { value: chain, .. }) => {
            let value = validation::validate(chain, leaf, host, given.now, roots);
            Observation::Observed { observed_at: *observed_at, value }
        }
        (unread, _) => unread.unobserved().map_or_else(Observation::underived, |why| why.cast()),
    };
}
