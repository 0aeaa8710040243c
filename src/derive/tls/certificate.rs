//! What a leaf certificate says (RFC 5280).

use std::net::IpAddr;

use rustls_pki_types::CertificateDer;
use x509_parser::certificate::X509Certificate;
use x509_parser::extensions::{DistributionPointName, GeneralName, ParsedExtension};
use x509_parser::objects::{oid_registry, oid2sn};
use x509_parser::oid_registry::{Oid, asn1_rs::oid};
use x509_parser::prelude::FromDer;
use x509_parser::public_key::PublicKey;
use x509_parser::signature_algorithm::SignatureAlgorithm;
use x509_parser::x509::{AlgorithmIdentifier, SubjectPublicKeyInfo, X509Name};

use crate::facts::{Certificate, LIST_CAP, Timestamp, digest, printable};

/// The longest name kept.
const NAME_CAP: usize = 512;

/// Reads the first certificate of a chain.
///
/// # Errors
/// A sentence saying what is not a certificate.
pub(super) fn read(chain: &[CertificateDer<'_>]) -> Result<Certificate, String> {
    let der = chain.first().ok_or("the chain is empty")?;
    let (rest, x509) =
        X509Certificate::from_der(der).map_err(|e| format!("the first certificate cannot be read: {e}"))?;
    if !rest.is_empty() {
        return Err(format!("{} bytes follow the first certificate", rest.len()));
    }
    let (not_before, not_after) = period(&x509)?;
    let (key_type, key_bits) = key(x509.public_key());
    let signature = algorithm_name(&x509.signature_algorithm.algorithm);
    let names = names(&x509);
    let key_digest = digest(x509.public_key().raw);
    Ok(Certificate {
        digest: digest(der),
        subject: name(x509.subject()),
        issuer: name(x509.issuer()),
        serial: printable(&x509.raw_serial_as_string(), NAME_CAP),
        not_before,
        not_after,
        valid_days: not_before.days_until(not_after),
        peculiar_names: super::names::peculiar(&names),
        key_published_in: super::key::published_in(&key_digest),
        key_flaws: super::key::flaws(x509.public_key()),
        wildcard: names.iter().any(|name| name.starts_with("*.")),
        names,
        key_type,
        key_bits,
        curve: curve(x509.public_key()),
        ocsp: status_addresses(&x509),
        crl: revocation_lists(&x509),
        signature_hash: signature_hash(&x509.signature_algorithm, &signature),
        signature,
        self_signed: x509.subject().as_raw() == x509.issuer().as_raw(),
        sct_count: sct_count(&x509),
        must_staple: must_staple(&x509),
        key_digest,
        sent: i64::try_from(chain.len()).unwrap_or(i64::MAX),
    })
}

/// First and last moment of validity.
///
/// # Errors
/// A sentence, if a time lies outside of the calendar.
pub(super) fn period(x509: &X509Certificate<'_>) -> Result<(Timestamp, Timestamp), String> {
    let moment = |seconds: i64| {
        Timestamp::from_unix(seconds).ok_or_else(|| format!("the certificate has a time out of range: {seconds} s"))
    };
    Ok((moment(x509.validity().not_before.timestamp())?, moment(x509.validity().not_after.timestamp())?))
}

/// A distinguished name in words (RFC 4514).
pub(super) fn name(name: &X509Name<'_>) -> String {
    printable(&name.to_string(), NAME_CAP)
}

/// DNS names and addresses of the subject alternative name; the common name counts no more (RFC 9525 §2).
fn names(x509: &X509Certificate<'_>) -> Vec<String> {
    let Ok(Some(alternative)) = x509.subject_alternative_name() else { return Vec::new() };
    let name = |general: &GeneralName<'_>| match general {
        GeneralName::DNSName(name) => Some(printable(&name.to_ascii_lowercase(), NAME_CAP)),
        GeneralName::IPAddress(bytes) => address(bytes).map(|ip| ip.to_string()),
        _ => None,
    };
    alternative.value.general_names.iter().filter_map(name).take(LIST_CAP).collect()
}

fn address(bytes: &[u8]) -> Option<IpAddr> {
    let v4 = <[u8; 4]>::try_from(bytes).ok().map(IpAddr::from);
    v4.or_else(|| <[u8; 16]>::try_from(bytes).ok().map(IpAddr::from))
}

/// Type and size in bits.
pub(super) fn key(info: &SubjectPublicKeyInfo<'_>) -> (String, i64) {
    let bits = |n: usize| i64::try_from(n).unwrap_or(i64::MAX);
    match info.parsed() {
        Ok(PublicKey::RSA(rsa)) => ("rsa".into(), bits(bit_length(rsa.modulus))),
        Ok(PublicKey::EC(point)) => {
            ("ec".into(), named_curve(&info.algorithm).map_or(bits(point.key_size()), |(bits, _)| bits))
        }
        Ok(PublicKey::DSA(prime)) => ("dsa".into(), bits(bit_length(prime))),
        _ if info.algorithm.algorithm == oid!(1.3.101.112) => ("ed25519".into(), 256),
        _ if info.algorithm.algorithm == oid!(1.3.101.113) => ("ed448".into(), 456),
        _ => (info.algorithm.algorithm.to_string(), bits(info.subject_public_key.data.len() * 8)),
    }
}

fn bit_length(number: &[u8]) -> usize {
    let significant: Vec<u8> = number.iter().copied().skip_while(|byte| *byte == 0).collect();
    significant.first().map_or(0, |first| significant.len() * 8 - first.leading_zeros() as usize)
}

/// Named curves with their size and their name as a group (RFC 5480 §2.1.1.1, RFC 5639 §4.1, SEC 2).
fn curves() -> [(Oid<'static>, i64, &'static str); 9] {
    [
        (oid!(1.2.840.10045.3.1.1), 192, "secp192r1"),
        (oid!(1.3.132.0.33), 224, "secp224r1"),
        (oid!(1.2.840.10045.3.1.7), 256, "secp256r1"),
        (oid!(1.3.132.0.10), 256, "secp256k1"),
        (oid!(1.3.132.0.34), 384, "secp384r1"),
        (oid!(1.3.132.0.35), 521, "secp521r1"),
        (oid!(1.3.36.3.3.2.8.1.1.7), 256, "brainpoolP256r1"),
        (oid!(1.3.36.3.3.2.8.1.1.11), 384, "brainpoolP384r1"),
        (oid!(1.3.36.3.3.2.8.1.1.13), 512, "brainpoolP512r1"),
    ]
}

fn named_curve(algorithm: &AlgorithmIdentifier<'_>) -> Option<(i64, &'static str)> {
    let curve: Oid<'_> = algorithm.parameters.as_ref()?.as_oid().ok()?;
    curves().into_iter().find(|(oid, ..)| *oid == curve).map(|(_, bits, name)| (bits, name))
}

/// The curve of a key by name; Edwards keys are named like their curve (RFC 8410 §3).
fn curve(info: &SubjectPublicKeyInfo<'_>) -> Option<String> {
    let edwards = [(oid!(1.3.101.112), "ed25519"), (oid!(1.3.101.113), "ed448")];
    let edwards = edwards.iter().find(|(oid, _)| *oid == info.algorithm.algorithm).map(|(_, name)| *name);
    edwards.or_else(|| named_curve(&info.algorithm).map(|(_, name)| name)).map(str::to_owned)
}

/// Addresses of OCSP responders (RFC 5280 §4.2.2.1).
fn status_addresses(x509: &X509Certificate<'_>) -> Vec<String> {
    let access = x509.extensions().iter().filter_map(|extension| match extension.parsed_extension() {
        ParsedExtension::AuthorityInfoAccess(access) => Some(access),
        _ => None,
    });
    let descriptions = access.flat_map(|access| access.iter());
    let responders = descriptions.filter(|description| description.access_method == oid!(1.3.6.1.5.5.7.48.1));
    responders.filter_map(|description| address_of(&description.access_location)).take(8).collect()
}

/// Addresses of certificate revocation lists (RFC 5280 §4.2.1.13).
fn revocation_lists(x509: &X509Certificate<'_>) -> Vec<String> {
    let points = x509.extensions().iter().filter_map(|extension| match extension.parsed_extension() {
        ParsedExtension::CRLDistributionPoints(points) => Some(points),
        _ => None,
    });
    let names = points.flat_map(|points| points.iter()).filter_map(|point| match &point.distribution_point {
        Some(DistributionPointName::FullName(names)) => Some(names),
        _ => None,
    });
    names.flatten().filter_map(address_of).take(8).collect()
}

pub(super) fn address_of(name: &GeneralName<'_>) -> Option<String> {
    match name {
        GeneralName::URI(address) => Some(printable(address, NAME_CAP)),
        _ => None,
    }
}

fn algorithm_name(algorithm: &Oid<'_>) -> String {
    // Old ones that the registry does not name (RFC 3279 §2.2, RFC 5758 §3.1).
    let old = [
        (oid!(1.2.840.10045.4.1), "ecdsa-with-SHA1"),
        (oid!(1.2.840.10045.4.3.1), "ecdsa-with-SHA224"),
        (oid!(1.2.840.10040.4.3), "dsa-with-SHA1"),
        (oid!(1.2.840.113549.1.1.2), "md2WithRSAEncryption"),
        (oid!(1.2.840.113549.1.1.3), "md4WithRSAEncryption"),
        (oid!(1.2.840.113549.1.1.4), "md5WithRSAEncryption"),
        (oid!(1.2.840.113549.1.1.5), "sha1WithRSAEncryption"),
        (oid!(1.2.840.113549.1.1.14), "sha224WithRSAEncryption"),
    ];
    if let Some((_, name)) = old.iter().find(|(oid, _)| oid == algorithm) {
        return (*name).to_owned();
    }
    oid2sn(algorithm, oid_registry()).map_or_else(|_| algorithm.to_string(), str::to_owned)
}

/// The hash that was signed, where the algorithm or its parameters name one.
fn signature_hash(algorithm: &AlgorithmIdentifier<'_>, name: &str) -> Option<String> {
    let name = match SignatureAlgorithm::try_from(algorithm) {
        Ok(SignatureAlgorithm::RSASSA_PSS(parameters)) => algorithm_name(parameters.hash_algorithm_oid()),
        _ => name.to_owned(),
    };
    let name = name.to_ascii_lowercase().replace('-', "");
    ["sha512", "sha384", "sha256", "sha224", "sha1", "md5", "md4", "md2"]
        .into_iter()
        .find(|hash| name.contains(hash))
        .map(str::to_owned)
}

/// As [`signature_hash`], of a certificate that is read only for it.
pub(super) fn signature_hash_of(x509: &X509Certificate<'_>) -> Option<String> {
    signature_hash(&x509.signature_algorithm, &algorithm_name(&x509.signature_algorithm.algorithm))
}

fn sct_count(x509: &X509Certificate<'_>) -> i64 {
    let lists = x509.extensions().iter().filter_map(|extension| match extension.parsed_extension() {
        ParsedExtension::SCT(list) => Some(list.len()),
        _ => None,
    });
    i64::try_from(lists.sum::<usize>()).unwrap_or(i64::MAX)
}

/// The TLS feature extension names status_request, 5 (RFC 7633 §4).
fn must_staple(x509: &X509Certificate<'_>) -> bool {
    let feature = x509.extensions().iter().find(|extension| extension.oid == oid!(1.3.6.1.5.5.7.1.24));
    feature.is_some_and(|extension| extension.value.windows(3).any(|integer| integer == [2, 1, 5]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_signature_algorithm_that_certificates_have_used_tells_its_hash() {
        for (algorithm, hash) in [
            (oid!(1.2.840.10045.4.1), Some("sha1")),
            (oid!(1.2.840.10045.4.3.2), Some("sha256")),
            (oid!(1.2.840.10045.4.3.3), Some("sha384")),
            (oid!(1.2.840.10045.4.3.4), Some("sha512")),
            (oid!(1.2.840.10040.4.3), Some("sha1")),
            (oid!(1.2.840.113549.1.1.2), Some("md2")),
            (oid!(1.2.840.113549.1.1.4), Some("md5")),
            (oid!(1.2.840.113549.1.1.5), Some("sha1")),
            (oid!(1.2.840.113549.1.1.11), Some("sha256")),
            (oid!(1.2.840.113549.1.1.12), Some("sha384")),
            (oid!(1.2.840.113549.1.1.13), Some("sha512")),
            (oid!(1.2.840.113549.1.1.14), Some("sha224")),
            (oid!(1.3.101.112), None),
        ] {
            let name = algorithm_name(&algorithm);
            let identifier = AlgorithmIdentifier::new(algorithm, None);
            assert_eq!(signature_hash(&identifier, &name).as_deref(), hash, "{name}");
        }
    }
}
