//! Certificates made at start, so that none ever expires in a drawer.

use std::io;
use std::sync::Arc;

use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair, KeyUsagePurpose,
};
use rustls::crypto::aws_lc_rs;
use rustls::sign::CertifiedKey;
use rustls_pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};
use time::{Duration, OffsetDateTime};

use super::failed;

/// The demo's certification authority.
pub(super) struct Authority {
    issuer: Issuer<'static, KeyPair>,
    pem: String,
}

impl Authority {
    pub(super) fn new(now: OffsetDateTime) -> io::Result<Self> {
        let key = KeyPair::generate().map_err(failed("making a key"))?;
        let mut params = parameters("Demo Root CA", &[], now - Duration::days(365), now + Duration::days(3650))?;
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        let certificate = params.self_signed(&key).map_err(failed("signing the demo's root"))?;
        Ok(Self { pem: certificate.pem(), issuer: Issuer::new(params, key) })
    }

    /// The root as PEM.
    pub(super) fn pem(&self) -> &str {
        &self.pem
    }

    /// A server's certificate for `host`, valid between these moments.
    pub(super) fn issue(
        &self,
        host: &str,
        from: OffsetDateTime,
        until: OffsetDateTime,
    ) -> io::Result<Arc<CertifiedKey>> {
        let key = KeyPair::generate().map_err(failed("making a key"))?;
        let certificate =
            server(host, from, until)?.signed_by(&key, &self.issuer).map_err(failed("signing a certificate"))?;
        certified(certificate.der().clone(), &key)
    }
}

/// A certificate that nobody else has signed.
pub(super) fn self_signed(host: &str, from: OffsetDateTime, until: OffsetDateTime) -> io::Result<Arc<CertifiedKey>> {
    let key = KeyPair::generate().map_err(failed("making a key"))?;
    let certificate = server(host, from, until)?.self_signed(&key).map_err(failed("signing a certificate"))?;
    certified(certificate.der().clone(), &key)
}

fn server(host: &str, from: OffsetDateTime, until: OffsetDateTime) -> io::Result<CertificateParams> {
    let mut params = parameters(host, &[host], from, until)?;
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    Ok(params)
}

fn parameters(
    common_name: &str,
    names: &[&str],
    from: OffsetDateTime,
    until: OffsetDateTime,
) -> io::Result<CertificateParams> {
    let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
    let mut params = CertificateParams::new(names).map_err(failed("naming a certificate"))?;
    params.distinguished_name.push(DnType::CommonName, common_name);
    params.not_before = from;
    params.not_after = until;
    Ok(params)
}

fn certified(certificate: CertificateDer<'static>, key: &KeyPair) -> io::Result<Arc<CertifiedKey>> {
    let der = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key.serialize_der()));
    let key = aws_lc_rs::sign::any_supported_type(&der).map_err(failed("loading a key"))?;
    Ok(Arc::new(CertifiedKey::new(vec![certificate], key)))
}
